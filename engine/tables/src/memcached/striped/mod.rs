//! The table of Memcached 1.6 as its workers share it: a stripe of buckets behind each item lock.
//!
//! The lock of a bucket has the low bits of the bucket's number, and bucket `b` of the old array
//! spreads over buckets `b` and `b` + its size of the new one: all three have one lock. So whoever
//! has it may look, link, unlink or move there, and needs no other
//! (`memcached:assoc.c`, assoc_maintenance_thread). Here a lock owns its buckets and their items,
//! which makes the compiler hold that rule.
//!
//! ```text
//!    lock 1 of 4    old  1 . 5 . 9 . 13        new  1 . 5 . 9 . 13 . 17 . 21 . 25 . 29
//!                            ^ 5 and on not moved yet
//! ```
//!
//! Logical addresses and pages are those of the product: one array of 8-byte buckets, and items
//! anywhere in memory.

mod ahead;

use super::pages::{BUCKET_BYTES, Pages};
use super::rules::is_overfull;
use super::{hash_counted, hash_of};
use crate::event::{EventLog, Rehash, TableEvent, TableEventKind};
use crate::table::{BucketBytes, Entry, Key, Regions};
use kvrig_base::id::LockId;
use kvrig_base::seam::sync::{Lock, SyncForm, Word};
use kvrig_base::seam::{Cause, Counter, Region, Work};
use std::fmt;
use std::sync::Arc;

/// Distance of the logical addresses of two items: a header, its key and a short value.
const ITEM_STRIDE_BYTES: u64 = 128;
/// Bytes of an item's header with its CAS value, which the key follows
/// (`memcached:memcached.h`, item: 48 and 8).
pub const ITEM_HEADER_BYTES: u64 = 56;

/// A link of a chain: the number of the item within its stripe plus one, or 0 at the end.
type Link = u32;
const END: Link = 0;

/// An item in its stripe; it stays the same until the item is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemSlot(u32);

#[derive(Debug)]
enum Node<E> {
    Vacant { next: Link },
    Used { next: Link, entry: E },
}

/// The buckets of one array that one lock guards.
struct Buckets<S: SyncForm> {
    heads: Box<[Link]>,
    pages: Arc<Pages<S>>,
    region: Region,
}

impl<S: SyncForm> Buckets<S> {
    fn new(count: usize, pages: Arc<Pages<S>>, region: Region) -> Self {
        Self {
            heads: vec![END; count].into_boxed_slice(),
            pages,
            region,
        }
    }
}

/// What one item lock guards.
struct Stripe<E, S: SyncForm> {
    /// Takes new items, and has all items where nothing is expanding.
    primary: Buckets<S>,
    /// The smaller array that items move from, and how many of the stripe's buckets have moved.
    old: Option<(Buckets<S>, usize)>,
    nodes: Vec<Node<E>>,
    vacant: Link,
}

/// What the maintenance thread knows.
struct Maintenance<S: SyncForm> {
    /// The old array's pages, and the next of its buckets to move.
    expanding: Option<Expanding<S>>,
    /// Which of the two bucket regions the primary array has.
    region: usize,
    events: EventLog,
}

struct Expanding<S: SyncForm> {
    old: Arc<Pages<S>>,
    buckets: u64,
    expand_bucket: u64,
    entries_moved: u64,
}

/// What became of an attempt to move a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Nothing is expanding.
    Idle,
    /// The bucket moved, and more are to come.
    Moved,
    /// A worker has the bucket's lock.
    LockHeld,
    /// It was the last one: the old array is freed.
    Ended,
}

/// The table that the threads of Memcached share.
pub struct StripedTable<E, S: SyncForm> {
    stripes: Box<[S::Lock<Stripe<E, S>>]>,
    lock_power: u32,
    regions: Regions,
    /// Power of two of the primary array's buckets; changes only while all workers are stopped.
    power: S::Word,
    items: S::Word,
    is_expanding: S::Word,
    maintenance: S::Lock<Maintenance<S>>,
}

/// Says how much there is: all items would fill the screen.
impl<E, S: SyncForm> fmt::Debug for StripedTable<E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StripedTable")
            .field("power", &self.power.get())
            .field("items", &self.items.get())
            .finish_non_exhaustive()
    }
}

impl<E: Entry, S: SyncForm> StripedTable<E, S> {
    /// An empty table of 2^`power` buckets behind 2^`lock_power` locks. The allocation belongs to
    /// the start of the process and is in no receipt.
    ///
    /// # Panics
    /// If there are more locks than buckets, which Memcached refuses to start with.
    pub fn new(regions: Regions, power: u32, lock_power: u32) -> Self {
        assert!(lock_power <= power, "a lock guards at least one bucket");
        let pages = Arc::new(Pages::allocate(1 << power, &mut Work::unpriced()));
        let of_stripe = 1_usize << (power - lock_power);
        let stripes = (0..1 << lock_power).map(|number| {
            let stripe = Stripe {
                primary: Buckets::new(of_stripe, Arc::clone(&pages), regions.buckets[0]),
                old: None,
                nodes: Vec::new(),
                vacant: END,
            };
            S::Lock::new(LockId(number), stripe)
        });
        let maintenance = Maintenance {
            expanding: None,
            region: 0,
            events: EventLog::default(),
        };
        Self {
            stripes: stripes.collect(),
            lock_power,
            regions,
            power: S::Word::new(u64::from(power)),
            items: S::Word::new(0),
            is_expanding: S::Word::new(0),
            maintenance: S::Lock::new(LockId(1 << lock_power), maintenance),
        }
    }

    /// Hashes `key`, waits for its item lock, and does `body` with it held.
    #[inline]
    pub fn with<R>(
        &self,
        key: &E::Key,
        work: &mut Work,
        body: impl FnOnce(&mut LockedBucket<'_, E, S>, &mut Work) -> R,
    ) -> R {
        let hash = hash_counted(key, work);
        self.stripe_of(hash).with(work, |stripe, work| {
            body(&mut self.locked(stripe, hash), work)
        })
    }
    /// The same without a receipt of the lock: while no worker runs, to fill or to check.
    pub fn unreported<R>(
        &self,
        key: &E::Key,
        body: impl FnOnce(&mut LockedBucket<'_, E, S>) -> R,
    ) -> R {
        let hash = hash_of(key);
        self.stripe_of(hash)
            .unreported(|stripe| body(&mut self.locked(stripe, hash)))
    }
    #[inline]
    fn stripe_of(&self, hash: u64) -> &S::Lock<Stripe<E, S>> {
        &self.stripes[hash as usize & (self.stripes.len() - 1)]
    }
    #[inline]
    fn locked<'a>(&'a self, stripe: &'a mut Stripe<E, S>, hash: u64) -> LockedBucket<'a, E, S> {
        LockedBucket {
            items: &self.items,
            stripe,
            lock_power: self.lock_power,
            entries: self.regions.entries,
            hash,
        }
    }

    /// Number of items.
    pub fn len(&self) -> u64 {
        self.items.get()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Power of two of the buckets of the array that takes new items.
    pub fn power(&self) -> u32 {
        self.power.get() as u32
    }
    /// The check that the clock makes once a second: whether the maintenance thread must expand.
    pub fn wants_to_expand(&self) -> bool {
        self.is_expanding.get() == 0 && is_overfull(self.len(), self.power())
    }
    /// Bytes of the bucket arrays.
    pub fn bucket_bytes(&self) -> BucketBytes {
        let primary = BUCKET_BYTES << self.power();
        match self.is_expanding.get() {
            0 => BucketBytes {
                old: primary,
                new: 0,
            },
            _ => BucketBytes {
                old: primary / 2,
                new: primary,
            },
        }
    }
    /// The expansion that goes on.
    pub fn rehash(&self) -> Option<Rehash> {
        self.maintenance.unreported(|maintenance| {
            maintenance.expanding.as_ref().map(|expanding| Rehash {
                from: expanding.buckets,
                to: expanding.buckets * 2,
                buckets_done: expanding.expand_bucket,
                entries_moved: expanding.entries_moved,
            })
        })
    }
    /// The oldest event not yet taken.
    pub fn take_event(&self) -> Option<TableEvent> {
        self.maintenance
            .unreported(|maintenance| maintenance.events.take())
    }

    /// Allocates an array of twice the buckets and puts it before the present one. The maintenance
    /// thread calls it while all workers are stopped (`memcached:assoc.c`, assoc_expand). Nothing
    /// happens while an expansion goes on.
    pub fn expand(&self, work: &mut Work) {
        self.maintenance.unreported(|maintenance| {
            if maintenance.expanding.is_some() {
                return;
            }
            let from = 1 << self.power.get();
            maintenance.region ^= 1;
            let region = self.regions.buckets[maintenance.region];
            let pages = work.caused_by(Cause::AllocateTable, |work| {
                Arc::new(Pages::allocate(from * 2, work))
            });
            let of_stripe = 1 << (self.power() - self.lock_power + 1);
            let mut old = None;
            for stripe in &self.stripes {
                stripe.unreported(|stripe| {
                    let new = Buckets::new(of_stripe, Arc::clone(&pages), region);
                    let before = std::mem::replace(&mut stripe.primary, new);
                    old.get_or_insert_with(|| Arc::clone(&before.pages));
                    stripe.old = Some((before, 0));
                });
            }
            self.power.add(1);
            self.is_expanding.set(1);
            maintenance.expanding = old.map(|old| Expanding {
                old,
                buckets: from,
                expand_bucket: 0,
                entries_moved: 0,
            });
            let started = TableEventKind::Started { from, to: from * 2 };
            maintenance.events.push(started, self.len());
        });
    }

    /// Moves the next bucket of the old array if its item lock is free (hash_bulk_move = 1); with
    /// the last one, the old array is freed under that lock. For the maintenance thread alone.
    pub fn move_bucket(&self, work: &mut Work) -> Move {
        self.maintenance.unreported(|maintenance| {
            let Some(expanding) = &mut maintenance.expanding else {
                return Move::Idle;
            };
            let bucket = expanding.expand_bucket;
            let lock = &self.stripes[bucket as usize & (self.stripes.len() - 1)];
            let is_last = bucket + 1 == expanding.buckets;
            let moved = lock.try_with(work, |stripe, work| {
                work.caused_by(Cause::RehashStep, |work| {
                    let moved =
                        stripe.move_bucket(bucket, self.lock_power, self.regions.entries, work);
                    let freed = is_last
                        .then(|| work.caused_by(Cause::FreeTable, |work| expanding.old.free(work)));
                    (moved, freed)
                })
            });
            let Some((moved, freed)) = moved else {
                return Move::LockHeld;
            };
            expanding.expand_bucket += 1;
            expanding.entries_moved += moved;
            self.ask_ahead(expanding.expand_bucket);
            let Some(pages) = freed else {
                return Move::Moved;
            };
            let (from, moved) = (expanding.buckets, expanding.entries_moved);
            let to = from * 2;
            maintenance.expanding = None;
            self.is_expanding.set(0);
            let ended = TableEventKind::Ended { from, to, moved };
            maintenance.events.push(ended, self.len());
            let freed = TableEventKind::Freed {
                buckets: from,
                pages,
            };
            maintenance.events.push(freed, self.len());
            Move::Ended
        })
    }

    /// Visits all items, one lock after the other, without a receipt: while no worker runs.
    pub fn for_each(&self, mut visit: impl FnMut(&E)) {
        for stripe in &self.stripes {
            stripe.unreported(|stripe| {
                for node in &stripe.nodes {
                    if let Node::Used { entry, .. } = node {
                        visit(entry);
                    }
                }
            });
        }
    }
}

impl<E: Entry, S: SyncForm> Stripe<E, S> {
    /// The bucket of a hash without the bits of its lock: whether it is in the old array, because it
    /// has not moved yet, and its number in the stripe.
    #[inline]
    fn place_of(&self, hash: u64) -> (bool, usize) {
        let local = |buckets: &Buckets<S>| hash as usize & (buckets.heads.len() - 1);
        match &self.old {
            Some((old, moved)) if local(old) >= *moved => (true, local(old)),
            _ => (false, local(&self.primary)),
        }
    }
    /// Relinks the items of an old bucket into the new array and says how many those are.
    fn move_bucket(
        &mut self,
        bucket: u64,
        lock_power: u32,
        entries: Region,
        work: &mut Work,
    ) -> u64 {
        let Some((old, moved_buckets)) = &mut self.old else {
            return 0;
        };
        let local = (bucket >> lock_power) as usize;
        let mut link = std::mem::replace(&mut old.heads[local], END);
        work.count(Counter::BucketsProbed, 1);
        old.pages.touch(bucket, work);
        work.write_bytes(old.region, bucket * BUCKET_BYTES, BUCKET_BYTES);
        *moved_buckets = local + 1;
        let is_whole = *moved_buckets == old.heads.len();
        let (stripe, mask) = (
            bucket & ((1 << lock_power) - 1),
            self.primary.heads.len() - 1,
        );
        let mut moved = 0;
        while let Some(number) = link.checked_sub(1) {
            let Node::Used { next, entry } = &mut self.nodes[number as usize] else {
                unreachable!("{LINKED}")
            };
            let offset = item_offset(number, lock_power, stripe);
            let header = ITEM_HEADER_BYTES + entry.key().byte_len();
            work.write_bytes(entries, offset, header);
            let hash = hash_counted(entry.key(), work);
            let to = (hash >> lock_power) as usize & mask;
            let global = to as u64 * (1 << lock_power) + stripe;
            self.primary.pages.touch(global, work);
            work.write_bytes(self.primary.region, global * BUCKET_BYTES, BUCKET_BYTES);
            link = std::mem::replace(next, self.primary.heads[to]);
            self.primary.heads[to] = number + 1;
            moved += 1;
        }
        work.count(Counter::EntriesMigrated, moved);
        if is_whole {
            self.old = None;
        }
        moved
    }
}

const LINKED: &str = "a chain links items that are in use";

#[inline]
const fn item_offset(number: u32, lock_power: u32, stripe: u64) -> u64 {
    (((number as u64) << lock_power) + stripe) * ITEM_STRIDE_BYTES
}

/// One bucket with its lock held: where a key's item is, or would be.
pub struct LockedBucket<'a, E, S: SyncForm> {
    items: &'a S::Word,
    stripe: &'a mut Stripe<E, S>,
    lock_power: u32,
    entries: Region,
    hash: u64,
}

impl<E, S: SyncForm> fmt::Debug for LockedBucket<'_, E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockedBucket")
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}

/// An item in its chain.
#[derive(Clone, Copy, Debug)]
struct Found {
    number: u32,
    before: Option<u32>,
}

impl<E: Entry, S: SyncForm> LockedBucket<'_, E, S> {
    /// The array that the bucket is in, and its number among those of the lock: the old array where
    /// the bucket has not moved yet.
    #[inline]
    fn home(&mut self) -> (&mut Buckets<S>, usize) {
        let (is_old, local) = self.stripe.place_of(self.hash >> self.lock_power);
        match &mut self.stripe.old {
            Some((old, _)) if is_old => (old, local),
            _ => (&mut self.stripe.primary, local),
        }
    }
    #[inline]
    fn stripe_number(&self) -> u64 {
        self.hash & ((1 << self.lock_power) - 1)
    }
    #[inline]
    fn probe(&mut self, work: &mut Work) -> Link {
        let (lock_power, stripe) = (self.lock_power, self.stripe_number());
        let (buckets, local) = self.home();
        let global = ((local as u64) << lock_power) + stripe;
        work.count(Counter::BucketsProbed, 1);
        buckets.pages.touch(global, work);
        work.read_bytes(buckets.region, global * BUCKET_BYTES, BUCKET_BYTES);
        buckets.heads[local]
    }
    #[inline]
    fn set_head(&mut self, head: Link, work: &mut Work) {
        let (lock_power, stripe) = (self.lock_power, self.stripe_number());
        let (buckets, local) = self.home();
        let global = ((local as u64) << lock_power) + stripe;
        buckets.heads[local] = head;
        work.write_bytes(buckets.region, global * BUCKET_BYTES, BUCKET_BYTES);
    }
    #[inline]
    fn search(&mut self, key: &E::Key, work: &mut Work) -> Option<Found> {
        let mut link = self.probe(work);
        let mut before = None;
        while let Some(number) = link.checked_sub(1) {
            let Node::Used { next, entry } = &self.stripe.nodes[number as usize] else {
                unreachable!("{LINKED}")
            };
            let next = *next;
            let is_it = entry.key() == key;
            let bytes = ITEM_HEADER_BYTES + entry.key().byte_len();
            work.read_bytes(self.entries, self.offset(number), bytes);
            work.count(Counter::EntriesVisited, 1);
            if is_it {
                work.count(Counter::BytesScanned, key.byte_len());
                return Some(Found { number, before });
            }
            before = Some(number);
            link = next;
        }
        None
    }
    #[inline]
    fn offset(&self, number: u32) -> u64 {
        item_offset(number, self.lock_power, self.stripe_number())
    }

    /// Finds the item of `key`, which must be a key of this bucket.
    #[inline]
    pub fn find(&mut self, key: &E::Key, work: &mut Work) -> Option<ItemSlot> {
        self.search(key, work).map(|found| ItemSlot(found.number))
    }
    /// The item in `slot`.
    ///
    /// # Panics
    /// If the slot is not one of this bucket's items.
    #[inline]
    pub fn item(&self, slot: ItemSlot) -> &E {
        match &self.stripe.nodes[slot.0 as usize] {
            Node::Used { entry, .. } => entry,
            Node::Vacant { .. } => unreachable!("{LINKED}"),
        }
    }
    /// The item in `slot`, to be changed in place; its key must stay what it is.
    ///
    /// # Panics
    /// If the slot is not one of this bucket's items.
    pub fn item_mut(&mut self, slot: ItemSlot, work: &mut Work) -> &mut E {
        work.write_bytes(self.entries, self.offset(slot.0), ITEM_HEADER_BYTES);
        match &mut self.stripe.nodes[slot.0 as usize] {
            Node::Used { entry, .. } => entry,
            Node::Vacant { .. } => unreachable!("{LINKED}"),
        }
    }
    /// Where the item's bytes are, for those that read or write more of it than its header.
    pub fn address(&self, slot: ItemSlot) -> (Region, u64) {
        (self.entries, self.offset(slot.0))
    }
    /// Links an item whose key is in no item of this bucket.
    pub fn link(&mut self, entry: E, work: &mut Work) -> ItemSlot {
        let bytes = ITEM_HEADER_BYTES + entry.key().byte_len();
        let (buckets, local) = self.home();
        let next = buckets.heads[local];
        let node = Node::Used { next, entry };
        let number = match self.stripe.vacant.checked_sub(1) {
            Some(number) => {
                let place = &mut self.stripe.nodes[number as usize];
                if let Node::Vacant { next } = std::mem::replace(place, node) {
                    self.stripe.vacant = next;
                }
                number
            }
            None => {
                self.stripe.nodes.push(node);
                u32::try_from(self.stripe.nodes.len() - 1).expect("items of a lock fit in 32 bits")
            }
        };
        work.write_bytes(self.entries, self.offset(number), bytes);
        self.set_head(number + 1, work);
        self.items.add(1);
        ItemSlot(number)
    }
    /// Puts `entry` in the place of the item in `slot`, whose key it has, and returns that one.
    pub fn replace(&mut self, slot: ItemSlot, entry: E, work: &mut Work) -> E {
        let bytes = ITEM_HEADER_BYTES + entry.key().byte_len();
        work.write_bytes(self.entries, self.offset(slot.0), bytes);
        match &mut self.stripe.nodes[slot.0 as usize] {
            Node::Used { entry: present, .. } => std::mem::replace(present, entry),
            Node::Vacant { .. } => unreachable!("{LINKED}"),
        }
    }
    /// Takes the item of `key` out.
    pub fn unlink(&mut self, key: &E::Key, work: &mut Work) -> Option<E> {
        let found = self.search(key, work)?;
        let vacant = Node::Vacant {
            next: self.stripe.vacant,
        };
        let place = &mut self.stripe.nodes[found.number as usize];
        let Node::Used { next, entry } = std::mem::replace(place, vacant) else {
            unreachable!("{LINKED}")
        };
        self.stripe.vacant = found.number + 1;
        match found.before {
            None => self.set_head(next, work),
            Some(before) => {
                work.write_bytes(self.entries, self.offset(before), ITEM_HEADER_BYTES);
                if let Node::Used { next: link, .. } = &mut self.stripe.nodes[before as usize] {
                    *link = next;
                }
            }
        }
        self.items.add(u64::MAX); // Minus one, around the end.
        Some(entry)
    }
}
