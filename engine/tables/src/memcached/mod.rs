//! The table of Memcached 1.6: a check once a second, and a thread that moves bucket after bucket.
//!
//! ```text
//!    old   [ . . . . . . e f . g h i ]   items whose bucket is at or above `expand_bucket`
//!                        ^expand_bucket
//!    new   [ a . b . . . . . . . . . | c . . d . . . . . . . . ]   all others
//! ```
//!
//! An item is in one array only, and its hash says in which: a look-up never probes both.
//!
//! [`MemcachedTable`] is that table with one owner, behind the interface that all tables share;
//! [`striped`] is the form that Memcached's threads share.

mod pages;
pub mod rules;
pub mod striped;

pub use rules::{HASHPOWER_DEFAULT, HASHPOWER_MAX};
pub use striped::StripedTable;

use crate::arena::{Arena, EntryAllocation, slot_at};
use crate::buckets::BucketArray;
use crate::chain;
use crate::event::{EventLog, Rehash, TableEvent, TableEventKind};
use crate::hash::murmur::murmur3_x86_32;
use crate::sample::{self, Part};
use crate::table::{BucketBytes, Entry, Key, Occupied, Pauses, Position, Slot, Table, TableConfig};
use kvrig_base::random::Sequence;
use kvrig_base::seam::{Cause, Counter, Work};

/// The table of Memcached 1.6.18 (`memcached:assoc.c`).
///
/// - [`Table::cron_resize`] is the check that the clock makes once a second: beyond 1.5 items a
///   bucket it allocates an array of twice the size. Memcached holds all its workers meanwhile
///   (`memcached:thread.c`, pause_threads).
/// - [`Table::maintain`] is the maintenance thread: one bucket for each time it holds an item lock
///   (hash_bulk_move = 1). Operations move nothing.
/// - It never shrinks, knows no forked child and puts no limit on its arrays:
///   [`Table::set_resize_policy`] and [`Table::set_growth_headroom`] change nothing.
///
/// Keys are hashed by MurmurHash3 with seed 0.
#[derive(Debug)]
pub struct MemcachedTable<E: Entry> {
    config: TableConfig,
    arena: Arena<E>,
    /// The array that takes new items, and all items where nothing is expanding.
    primary: BucketArray,
    expanding: Option<Expanding>,
    /// Which of the two bucket regions `primary` has.
    region: usize,
    pauses: Pauses,
    events: EventLog,
}

#[derive(Debug)]
struct Expanding {
    old: BucketArray,
    /// Buckets of `old` below this one have moved.
    expand_bucket: usize,
    entries_moved: u64,
}

/// Buckets that the maintenance thread is taken to move beside one look-up, where lines are asked
/// for ahead.
const BUCKETS_MOVED_BESIDE: usize = 4;

fn hash_of<K: Key + ?Sized>(key: &K) -> u64 {
    key.hashed_by(|bytes| u64::from(murmur3_x86_32(0, bytes)))
}

fn hash_counted<K: Key + ?Sized>(key: &K, work: &mut Work) -> u64 {
    work.count(Counter::KeysHashed, 1);
    work.count(Counter::BytesHashed, key.byte_len());
    hash_of(key)
}

impl<E: Entry> MemcachedTable<E> {
    /// An empty table with 2^16 buckets.
    pub fn new(config: TableConfig) -> Self {
        Self::with_hashpower(config, HASHPOWER_DEFAULT)
    }

    /// An empty table with 2^`power` buckets, at most 2^32, as by the option `-o hashpower`. Their
    /// allocation belongs to the start of the process and is in no receipt.
    pub fn with_hashpower(config: TableConfig, power: u32) -> Self {
        let region = config.regions.buckets[0];
        let buckets = 1 << power.min(HASHPOWER_MAX);
        Self {
            config,
            arena: Arena::new(config.regions, EntryAllocation::EachEntry),
            primary: BucketArray::allocate(buckets, region, &mut Work::unpriced()),
            expanding: None,
            region: 0,
            pauses: Pauses::default(),
            events: EventLog::default(),
        }
    }

    /// The array that an item with `hash` is in, and its bucket there.
    #[inline]
    fn home(&mut self, hash: u64) -> (&mut BucketArray, &mut Arena<E>, usize) {
        if let Some(expanding) = &mut self.expanding {
            let bucket = expanding.old.bucket_of(hash);
            if bucket >= expanding.expand_bucket {
                return (&mut expanding.old, &mut self.arena, bucket);
            }
        }
        let bucket = self.primary.bucket_of(hash);
        (&mut self.primary, &mut self.arena, bucket)
    }

    fn old(&self) -> Option<&BucketArray> {
        self.expanding.as_ref().map(|expanding| &expanding.old)
    }

    fn start(&mut self, work: &mut Work) {
        let (from, to) = (self.primary.buckets(), 2 * self.primary.buckets());
        self.region ^= 1;
        let region = self.config.regions.buckets[self.region];
        let new = work.caused_by(Cause::AllocateTable, |work| {
            BucketArray::allocate(to, region, work)
        });
        let old = std::mem::replace(&mut self.primary, new);
        self.expanding = Some(Expanding {
            old,
            expand_bucket: 0,
            entries_moved: 0,
        });
        self.events
            .push(TableEventKind::Started { from, to }, self.arena.len());
    }

    /// What the thread does with one item lock held: the bucket's items move, and with the last
    /// bucket the old array goes.
    fn move_bucket(&mut self, work: &mut Work) {
        let Some(expanding) = &mut self.expanding else {
            return;
        };
        let mut moved = 0;
        let mut link = expanding.old.probe(expanding.expand_bucket, work);
        while let Some(slot) = slot_at(link) {
            let (key, next) = self.arena.visit_key(slot, work);
            let bucket = self.primary.bucket_of(hash_counted(key, work));
            self.arena.set_word(slot, self.primary.peek(bucket), work);
            self.primary.push(bucket, slot, work);
            link = next;
            moved += 1;
        }
        expanding
            .old
            .take_chain(expanding.expand_bucket, moved, work);
        expanding.expand_bucket += 1;
        expanding.entries_moved += moved;
        work.count(Counter::EntriesMigrated, moved);
        if expanding.expand_bucket as u64 == expanding.old.buckets() {
            self.end(work);
        }
    }

    fn end(&mut self, work: &mut Work) {
        let Some(Expanding {
            mut old,
            entries_moved,
            ..
        }) = self.expanding.take()
        else {
            return;
        };
        let (from, to, len) = (old.buckets(), self.primary.buckets(), self.arena.len());
        self.events.push(
            TableEventKind::Ended {
                from,
                to,
                moved: entries_moved,
            },
            len,
        );
        let pages = work.caused_by(Cause::FreeTable, |work| old.free(work));
        self.events.push(
            TableEventKind::Freed {
                buckets: from,
                pages,
            },
            len,
        );
    }
}

/// The arrays to sample from.
fn parts<'a>(primary: &'a mut BucketArray, expanding: &'a mut Option<Expanding>) -> Vec<Part<'a>> {
    let old = expanding.as_mut().map(|expanding| Part {
        array: &mut expanding.old,
        from: expanding.expand_bucket as u64,
    });
    old.into_iter()
        .chain([Part {
            array: primary,
            from: 0,
        }])
        .collect()
}

impl<E: Entry> Table<E> for MemcachedTable<E> {
    #[inline]
    fn find(&mut self, key: &E::Key, work: &mut Work) -> Option<Slot> {
        let hash = hash_counted(key, work);
        let (array, arena, bucket) = self.home(hash);
        let head = array.probe(bucket, work);
        chain::find(arena, head, key, work).map(|found| found.slot)
    }

    fn prefetch(&self, keys: &mut dyn Iterator<Item = &E::Key>) {
        let hashes: Vec<u64> = keys.map(hash_of).collect();
        let of_keys = |array: &BucketArray| -> Vec<usize> {
            hashes.iter().map(|&hash| array.bucket_of(hash)).collect()
        };
        chain::prefetch(&self.primary, &self.arena, &of_keys(&self.primary));
        if let Some(expanding) = &self.expanding {
            let mut buckets = of_keys(&expanding.old);
            // Those that the maintenance thread moves meanwhile.
            let end = expanding.expand_bucket + hashes.len() * BUCKETS_MOVED_BESIDE;
            buckets.extend(expanding.expand_bucket..end.min(expanding.old.buckets() as usize));
            chain::prefetch(&expanding.old, &self.arena, &buckets);
        }
    }

    fn peek(&self, key: &E::Key) -> Option<Slot> {
        let hash = hash_of(key);
        [Some(&self.primary), self.old()]
            .into_iter()
            .flatten()
            .find_map(|array| chain::peek(&self.arena, array.peek(array.bucket_of(hash)), key))
    }

    fn insert(&mut self, entry: E, work: &mut Work) -> Result<Slot, Occupied<E>> {
        let hash = hash_counted(entry.key(), work);
        let (array, arena, bucket) = self.home(hash);
        let head = array.probe(bucket, work);
        match chain::find(arena, head, entry.key(), work) {
            Some(found) => Err(Occupied {
                entry,
                slot: found.slot,
            }),
            None => Ok(chain::push(array, arena, bucket, entry, work)),
        }
    }

    fn remove(&mut self, key: &E::Key, work: &mut Work) -> Option<E> {
        let hash = hash_counted(key, work);
        let (array, arena, bucket) = self.home(hash);
        let head = array.probe(bucket, work);
        let found = chain::find(arena, head, key, work)?;
        Some(chain::remove(array, arena, bucket, found, work))
    }

    #[inline]
    fn entry(&self, slot: Slot) -> &E {
        self.arena.entry(slot)
    }

    fn entry_mut(&mut self, slot: Slot, work: &mut Work) -> &mut E {
        self.arena.entry_mut(slot, work)
    }

    /// Removes all items; an expansion ends, and the larger array stays.
    fn read_entry(&self, slot: Slot, work: &mut Work) {
        self.arena.read(slot, work);
    }

    fn clear(&mut self, work: &mut Work) {
        self.arena.clear(work);
        self.primary.empty_all(work);
        if let Some(expanding) = &mut self.expanding {
            expanding.old.empty_all(work);
        }
        self.end(work);
    }

    fn len(&self) -> u64 {
        self.arena.len()
    }

    fn buckets(&self) -> u64 {
        self.primary.buckets() + self.old().map_or(0, BucketArray::buckets)
    }

    fn bucket_bytes(&self) -> BucketBytes {
        match self.old() {
            Some(old) => BucketBytes {
                old: old.bytes(),
                new: self.primary.bytes(),
            },
            None => BucketBytes {
                old: self.primary.bytes(),
                new: 0,
            },
        }
    }

    fn rehash(&self) -> Option<Rehash> {
        self.expanding.as_ref().map(|expanding| Rehash {
            from: expanding.old.buckets(),
            to: self.primary.buckets(),
            buckets_done: expanding.expand_bucket as u64,
            entries_moved: expanding.entries_moved,
        })
    }

    fn cron_resize(&mut self, work: &mut Work) {
        let power = self.primary.buckets().trailing_zeros();
        let is_full = rules::is_overfull(self.arena.len(), power);
        if is_full && self.expanding.is_none() && self.pauses.are_over() {
            self.start(work);
        }
    }

    fn maintain(&mut self, buckets: u64, work: &mut Work) -> bool {
        for _ in 0..buckets {
            if self.expanding.is_none() || !self.pauses.are_over() {
                break;
            }
            work.caused_by(Cause::RehashStep, |work| self.move_bucket(work));
        }
        self.expanding.is_some()
    }

    fn pause_rehash(&mut self) {
        self.pauses.begin();
    }

    fn resume_rehash(&mut self) {
        self.pauses.end();
    }

    fn scan(&self, cursor: u64, visit: &mut dyn FnMut(Slot, &E), work: &mut Work) -> u64 {
        if self.arena.len() == 0 {
            return 0;
        }
        chain::scan(
            (&self.primary, self.old()),
            &self.arena,
            cursor,
            visit,
            work,
        )
    }

    fn walk(&self, position: &mut Position, work: &mut Work) -> Option<Slot> {
        chain::walk(
            [Some(&self.primary), self.old()],
            &self.arena,
            position,
            work,
        )
    }

    fn sample(
        &mut self,
        wanted: usize,
        random: &mut Sequence,
        sample: &mut Vec<Slot>,
        work: &mut Work,
    ) {
        let parts = &mut parts(&mut self.primary, &mut self.expanding);
        sample::run(parts, &self.arena, wanted, random, sample, work);
    }

    fn random(&mut self, random: &mut Sequence, work: &mut Work) -> Option<Slot> {
        let parts = &mut parts(&mut self.primary, &mut self.expanding);
        sample::one(parts, &self.arena, random, work)
    }

    fn take_event(&mut self) -> Option<TableEvent> {
        self.events.take()
    }
}
