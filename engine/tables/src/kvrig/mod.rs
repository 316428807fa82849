//! The project's own table: growth without a pause anywhere.
//!
//! It is linear hashing (Litwin, "Linear hashing: a new tool for file and table addressing", VLDB
//! 1980). The table grows by one bucket at a time: the new bucket takes its share of the entries of
//! the one bucket that it is split from. There is no second array, so nothing is ever copied or
//! cleared as a whole; memory comes page by page, and goes by extents of 128 KiB.
//!
//! ```text
//!   round of 8 to 16 buckets, 3 splits done:
//!
//!     0' 1' 2' 3  4  5  6  7  8  9  10
//!     split    |  not yet     |  new      bucket = hash mod 16 if that is below 11, else hash mod 8
//!              ^ split next
//! ```
//!
//! A bucket is one cache line of ten places with 16-bit tags, so that a look-up meets the line, and
//! then nearly always only the entry that it looks for. The tags are bits 16 to 31 of the hash: a
//! split in a table of 2^16 buckets and more reads the bucket alone, and no entry. Below that it
//! reads the part of the hash that is kept beside the entry; no key is ever hashed again.
//!
//! Most insertions look at one line and write it. In a large table the wait for that line is most of
//! what an insertion takes, so the bucket that is due is split during it, and no branch on the way
//! depends on chance.

mod buckets;
mod chains;

use crate::arena::{Arena, EntryAllocation};
use crate::event::{EventLog, Rehash, TableEvent, TableEventKind};
use crate::hash::{sip_counted, sip_of};
use crate::pages::PAGE_BYTES;
use crate::table::{
    BucketBytes, Entry, Key, Occupied, Pauses, Position, ResizePolicy, Slot, Table, TableConfig,
};
use buckets::{Bucket, PAGE_BUCKETS};
use chains::{Chains, Part};
use kvrig_base::random::Sequence;
use kvrig_base::seam::{Cause, Counter, Work};
use kvrig_base::time::Span;

/// Entries a bucket at which the table grows: full buckets are rare then, a round begins when the
/// number of entries is a power of two, as in other tables, and a bucket costs 16 bytes an entry.
const LOAD_MAX: u64 = 4;
/// Entries a bucket below which it shrinks: a quarter, so that it does not swing.
const LOAD_MIN: u64 = LOAD_MAX / 4;
/// How much fuller it becomes while a child lives, whose pages each split would copy.
const AVOID_FACTOR: u64 = 4;
/// Splits or merges of one operation at most: one keeps pace, two catch up.
const SPLITS_PER_STEP: u32 = 2;
/// Splits or merges of the timer between two looks at the time.
const CRON_BATCH_SPLITS: u32 = 100;
/// Buckets of an empty table.
const BUCKETS_MIN: u32 = 4;
/// Buckets at most: half of what bucket numbers of 32 bits allow, so that sums do not overflow.
const BUCKETS_MAX: u32 = 1 << 31;
/// First bit of the hash that tags hold.
const TAG_SHIFT: u32 = 16;
/// Keys whose lines are asked for together.
const KEYS_PREFETCHED: usize = 32;
/// Empty and other buckets visited for each entry that a sample wants, at most.
const VISITS_PER_ENTRY: usize = 10;

/// The project's own table: linear hashing over buckets of one cache line.
///
/// - An insertion splits up to two buckets where its entry makes the table too full, a removal
///   merges up to two where it leaves the table too empty; look-ups move nothing.
///   [`Table::cron_rehash`] does what is owed after a pause or a child.
/// - [`Table::rehash`] tells of owed work only. A round, from one power of two of buckets to the
///   next, is told by events; while a table grows, one round begins as the other ends.
/// - While a child lives the table grows at four times the entries and does not shrink.
/// - The headroom is asked for each page of buckets.
///
/// Keys are hashed by SipHash-1-2.
#[derive(Debug)]
pub struct KvrigTable<E: Entry> {
    config: TableConfig,
    /// The word beside an entry is the low half of its hash.
    arena: Arena<E>,
    chains: Chains,
    /// Buckets in use.
    count: u32,
    /// The power of two of the round: at most `count`, which is below its double.
    round: u32,
    /// Entries above which a split is owed.
    most: u64,
    /// Entries below which a merge is owed.
    least: u64,
    /// Entries a bucket above which it grows, and below which it shrinks.
    load_most: u64,
    load_least: u64,
    /// Where the present round began, and what it has moved.
    round_from: u32,
    round_moved: u64,
    policy: ResizePolicy,
    headroom: Option<u64>,
    is_refused: bool,
    pauses: Pauses,
    events: EventLog,
}

/// What the table's size calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owed {
    Nothing,
    Split,
    Merge,
}

/// An entry in its chain.
#[derive(Clone, Copy, Debug)]
struct Found {
    slot: Slot,
    part: Part,
    place: usize,
}

const fn tag_of(hash: u32) -> u16 {
    (hash >> TAG_SHIFT) as u16
}

impl<E: Entry> KvrigTable<E> {
    /// An empty table; it has no buckets until the first insertion.
    pub fn new(config: TableConfig) -> Self {
        Self {
            config,
            arena: Arena::new(config.regions, EntryAllocation::EachChunk),
            chains: Chains::new(config.regions),
            count: 0,
            round: 0,
            most: 0,
            least: 0,
            load_most: LOAD_MAX,
            load_least: LOAD_MIN,
            round_from: 0,
            round_moved: 0,
            policy: ResizePolicy::Allow,
            headroom: None,
            is_refused: false,
            pauses: Pauses::default(),
            events: EventLog::default(),
        }
    }

    /// The low half of the hash, from which buckets and tags are taken.
    #[inline]
    fn hash(&self, key: &E::Key, work: &mut Work) -> u32 {
        sip_counted(key, self.config.hash_key, work) as u32
    }

    #[inline]
    fn bucket_of(&self, hash: u32) -> u32 {
        let bucket = hash & (2 * self.round - 1);
        if bucket < self.count {
            bucket
        } else {
            hash & (self.round - 1)
        }
    }

    /// The entries of a hash's first bucket that may be the one.
    #[inline]
    fn tagged(&self, hash: u32) -> impl Iterator<Item = Slot> + '_ {
        let bucket = self.chains.main.peek(self.bucket_of(hash));
        bucket.tagged(tag_of(hash)).map(|(_, slot)| slot)
    }

    #[inline]
    fn locate(&self, hash: u32, key: &E::Key, work: &mut Work) -> Option<Found> {
        let mut part = Part::Main(self.bucket_of(hash));
        loop {
            let bucket = self.chains.probe(part, work);
            for (place, slot) in bucket.tagged(tag_of(hash)) {
                work.count(Counter::EntriesVisited, 1);
                if self.arena.visit_key(slot, work).0 == key {
                    work.count(Counter::BytesScanned, key.byte_len());
                    return Some(Found { slot, part, place });
                }
            }
            part = Chains::next(bucket)?;
        }
    }

    /// Makes the buckets of an empty table.
    #[cold]
    fn begin(&mut self, work: &mut Work) {
        let main = &mut self.chains.main;
        work.caused_by(Cause::AllocateTable, |work| main.extend(work));
        (0..BUCKETS_MIN).for_each(|_| main.push(Bucket::EMPTY, work));
        self.count = BUCKETS_MIN;
        self.round = BUCKETS_MIN;
        self.set_bounds();
    }

    /// Adds an entry where its tag, an overflow or a full bucket asks for a closer look.
    #[cold]
    fn insert_in_chain(
        &mut self,
        entry: E,
        hash: u32,
        work: &mut Work,
    ) -> Result<Slot, Occupied<E>> {
        if let Some(found) = self.locate(hash, entry.key(), work) {
            return Err(Occupied {
                entry,
                slot: found.slot,
            });
        }
        let slot = self.arena.insert(entry, hash, work);
        self.chains
            .add(self.bucket_of(hash), slot, tag_of(hash), work);
        Ok(slot)
    }

    /// What a number of entries calls for.
    #[inline]
    const fn owed(&self, entries: u64) -> Owed {
        if entries > self.most {
            Owed::Split
        } else if entries < self.least {
            Owed::Merge
        } else {
            Owed::Nothing
        }
    }

    /// Works out how many entries a bucket may have, at most and at least; to be called when the
    /// policy has changed, or whether steps are paused.
    fn set_loads(&mut self) {
        (self.load_most, self.load_least) = match self.policy {
            _ if !self.pauses.are_over() => (u64::MAX, 0),
            ResizePolicy::Allow => (LOAD_MAX, LOAD_MIN),
            ResizePolicy::Avoid => (LOAD_MAX * AVOID_FACTOR, 0),
            ResizePolicy::Forbid => (u64::MAX, 0),
        };
        self.set_bounds();
    }

    /// Works out how many entries the buckets may have, at most and at least; to be called when
    /// their number has changed. An empty table has no buckets and may have no entry: the first one
    /// makes the first buckets, whatever the policy.
    #[inline]
    fn set_bounds(&mut self) {
        let buckets = u64::from(self.count);
        self.most = match self.count {
            BUCKETS_MAX.. => u64::MAX,
            _ => buckets.saturating_mul(self.load_most),
        };
        self.least = match self.count {
            ..=BUCKETS_MIN => 0,
            _ => buckets * self.load_least,
        };
    }

    /// Splits or merges as a number of entries calls for, and says whether more is owed.
    fn settle(&mut self, entries: u64, steps: u32, work: &mut Work) -> bool {
        for _ in 0..steps {
            let is_done = match self.owed(entries) {
                Owed::Nothing => return false,
                Owed::Split => self.split(entries, work),
                Owed::Merge => {
                    self.merge(work);
                    true
                }
            };
            if !is_done {
                return false;
            }
        }
        self.owed(entries) != Owed::Nothing
    }

    /// Takes the step that another entry calls for before it comes in, and while its line does.
    #[inline(never)]
    fn make_room(&mut self, hash: u32, work: &mut Work) {
        if self.count == 0 {
            return self.begin(work);
        }
        self.chains.main.prefetch(self.bucket_of(hash));
        self.take_step(self.arena.len() + 1, work);
    }

    /// Takes the step that a number of entries calls for.
    fn take_step(&mut self, entries: u64, work: &mut Work) {
        work.caused_by(Cause::RehashStep, |work| {
            self.settle(entries, SPLITS_PER_STEP, work)
        });
    }

    /// Makes the next page of buckets ready, or says that there is no memory for it.
    #[cold]
    fn extend(&mut self, entries: u64, work: &mut Work) -> bool {
        let is_affordable = self.is_affordable(entries);
        if is_affordable {
            let main = &mut self.chains.main;
            work.caused_by(Cause::AllocateTable, |work| main.extend(work));
        }
        is_affordable
    }

    /// Adds one bucket, as `entries` call for, or says that there is no memory for it.
    #[inline]
    fn split(&mut self, entries: u64, work: &mut Work) -> bool {
        if self.chains.main.is_full() && !self.extend(entries, work) {
            return false;
        }
        if self.count == self.round {
            self.begin_round(2 * self.round);
        }
        let moved = self.split_next(work);
        work.count(Counter::EntriesMigrated, moved);
        self.round_moved += moved;
        self.count += 1;
        self.set_bounds();
        if self.count == 2 * self.round {
            self.round = self.count;
            self.end_round();
        }
        true
    }

    /// Splits the next bucket by the bit of the hash that this round looks at.
    #[inline]
    fn split_next(&mut self, work: &mut Work) -> u64 {
        let (old, bit) = (self.count - self.round, self.round.trailing_zeros());
        match bit.checked_sub(TAG_SHIFT) {
            Some(bit) => self
                .chains
                .split(old, work, |_, tag, _| (tag >> bit) & 1 == 1),
            None => self.split_by_entries(old, bit, work),
        }
    }

    /// Splits a bucket of a small table, whose tags do not have the bit.
    #[inline(never)]
    fn split_by_entries(&mut self, old: u32, bit: u32, work: &mut Work) -> u64 {
        let arena = &self.arena;
        self.chains.split(old, work, |slot, _, work| {
            work.count(Counter::EntriesVisited, 1);
            (arena.visit(slot, work) >> bit) & 1 == 1
        })
    }

    /// Takes the last bucket away; its entries go back to the one that it was split from.
    #[inline(never)]
    fn merge(&mut self, work: &mut Work) {
        if self.count == self.round {
            self.begin_round(self.round / 2);
            self.round /= 2;
        }
        self.count -= 1;
        self.set_bounds();
        let moved = self.chains.empty_last(self.count - self.round, work);
        work.count(Counter::EntriesMigrated, moved);
        self.round_moved += moved;
        if self.count == self.round {
            self.end_round();
        }
        let main = &mut self.chains.main;
        match main.is_last_of_extent() {
            true => work.caused_by(Cause::FreeTable, |work| main.pop(work)),
            false => main.pop(work),
        }
    }

    #[cold]
    fn begin_round(&mut self, to: u32) {
        self.round_from = self.count;
        self.round_moved = 0;
        let (from, to) = (u64::from(self.count), u64::from(to));
        self.events
            .push(TableEventKind::Started { from, to }, self.arena.len());
    }

    #[cold]
    fn end_round(&mut self) {
        let (from, to) = (u64::from(self.round_from), u64::from(self.count));
        let ended = TableEventKind::Ended {
            from,
            to,
            moved: self.round_moved,
        };
        self.events.push(ended, self.arena.len());
    }

    fn is_affordable(&mut self, entries: u64) -> bool {
        let is_overfull = entries * 1_000 > u64::from(self.count) * LOAD_MAX * 1_618;
        let allowed = self.headroom.is_none_or(|bytes| PAGE_BYTES <= bytes) || is_overfull;
        if !allowed && !self.is_refused {
            let buckets = u64::from(PAGE_BUCKETS);
            self.events.push(
                TableEventKind::AllocationRefused { buckets },
                self.arena.len(),
            );
        }
        self.is_refused = !allowed;
        allowed
    }
}

impl<E: Entry> Table<E> for KvrigTable<E> {
    #[inline]
    fn find(&mut self, key: &E::Key, work: &mut Work) -> Option<Slot> {
        if self.arena.len() == 0 {
            return None;
        }
        let hash = self.hash(key, work);
        self.locate(hash, key, work).map(|found| found.slot)
    }

    fn prefetch(&self, keys: &mut dyn Iterator<Item = &E::Key>) {
        if self.arena.len() == 0 {
            return;
        }
        let mut hashes = [0; KEYS_PREFETCHED];
        loop {
            let mut count = 0;
            for (hash, key) in hashes.iter_mut().zip(&mut *keys) {
                *hash = sip_of(key, self.config.hash_key) as u32;
                self.chains.main.prefetch(self.bucket_of(*hash));
                count += 1;
            }
            // What one line leads to is asked for once the lines of all keys are on their way.
            for &hash in &hashes[..count] {
                self.tagged(hash).for_each(|slot| self.arena.prefetch(slot));
            }
            for &hash in &hashes[..count] {
                self.tagged(hash)
                    .for_each(|slot| self.arena.entry(slot).prefetch_outside());
            }
            if count < hashes.len() {
                return;
            }
        }
    }

    fn peek(&self, key: &E::Key) -> Option<Slot> {
        if self.arena.len() == 0 {
            return None;
        }
        let hash = sip_of(key, self.config.hash_key) as u32;
        let mut part = Part::Main(self.bucket_of(hash));
        loop {
            let bucket = self.chains.peek(part);
            let mut tagged = bucket.tagged(tag_of(hash)).map(|(_, slot)| slot);
            if let Some(slot) = tagged.find(|&slot| self.arena.entry(slot).key() == key) {
                return Some(slot);
            }
            part = Chains::next(bucket)?;
        }
    }

    #[inline]
    fn insert(&mut self, entry: E, work: &mut Work) -> Result<Slot, Occupied<E>> {
        let hash = self.hash(entry.key(), work);
        if self.owed(self.arena.len() + 1) != Owed::Nothing {
            self.make_room(hash, work);
        }
        let (number, tag) = (self.bucket_of(hash), tag_of(hash));
        let region = self.chains.main.region();
        let bucket = self.chains.main.probe_mut(number, work);
        let slot = match bucket.place_for_new(tag) {
            Some(place) => {
                let slot = self.arena.insert(entry, hash, work);
                bucket.put(place, slot, tag);
                work.write(region, u64::from(number));
                slot
            }
            None => self.insert_in_chain(entry, hash, work)?,
        };
        Ok(slot)
    }

    fn remove(&mut self, key: &E::Key, work: &mut Work) -> Option<E> {
        if self.arena.len() == 0 {
            return None;
        }
        let hash = self.hash(key, work);
        let found = self.locate(hash, key, work)?;
        self.chains
            .remove(self.bucket_of(hash), found.part, found.place, work);
        let entry = self.arena.remove(found.slot, work);
        if self.owed(self.arena.len()) != Owed::Nothing {
            self.take_step(self.arena.len(), work);
        }
        Some(entry)
    }

    #[inline]
    fn entry(&self, slot: Slot) -> &E {
        self.arena.entry(slot)
    }

    fn entry_mut(&mut self, slot: Slot, work: &mut Work) -> &mut E {
        self.arena.entry_mut(slot, work)
    }

    fn read_entry(&self, slot: Slot, work: &mut Work) {
        self.arena.read(slot, work);
    }

    fn clear(&mut self, work: &mut Work) {
        work.count(Counter::BucketsProbed, u64::from(self.count));
        self.arena.clear(work);
        let chains = std::mem::replace(&mut self.chains, Chains::new(self.config.regions));
        work.caused_by(Cause::FreeTable, |work| chains.free(work));
        self.count = 0;
        self.round = 0;
        self.set_bounds();
        self.is_refused = false;
    }

    fn len(&self) -> u64 {
        self.arena.len()
    }

    fn buckets(&self) -> u64 {
        u64::from(self.count)
    }

    fn bucket_bytes(&self) -> BucketBytes {
        BucketBytes {
            old: self.chains.bytes(),
            new: 0,
        }
    }

    fn rehash(&self) -> Option<Rehash> {
        let to = match self.owed(self.arena.len()) {
            Owed::Nothing => return None,
            Owed::Split => self.arena.len().div_ceil(LOAD_MAX),
            Owed::Merge => (self.arena.len() / LOAD_MIN).max(u64::from(BUCKETS_MIN)),
        };
        let buckets_done = u64::from(self.count - self.round);
        let entries_moved = self.round_moved;
        Some(Rehash {
            from: self.buckets(),
            to,
            buckets_done,
            entries_moved,
        })
    }

    fn set_resize_policy(&mut self, policy: ResizePolicy) {
        self.policy = policy;
        self.set_loads();
    }

    fn set_growth_headroom(&mut self, bytes: Option<u64>) {
        self.headroom = bytes;
    }

    fn cron_rehash(&mut self, budget: Span, work: &mut Work) -> bool {
        if self.owed(self.arena.len()) == Owed::Nothing {
            return false;
        }
        work.caused_by(Cause::RehashCron, |work| {
            let from = work.spent();
            while self.settle(self.arena.len(), CRON_BATCH_SPLITS, work) {
                if work.spent().saturating_sub(from) >= budget {
                    break;
                }
            }
        });
        true
    }

    fn pause_rehash(&mut self) {
        self.pauses.begin();
        self.set_loads();
    }

    fn resume_rehash(&mut self) {
        self.pauses.end();
        self.set_loads();
    }

    /// The cursor is that of a table of the round's size; a bucket that is split already is visited
    /// together with its other half, as Redis visits the buckets of its larger array.
    fn scan(&self, cursor: u64, visit: &mut dyn FnMut(Slot, &E), work: &mut Work) -> u64 {
        if self.arena.len() == 0 {
            return 0;
        }
        let mask = u64::from(self.round - 1);
        let bucket = (cursor & mask) as u32;
        let mut entries = Vec::new();
        self.chains.collect(bucket, &mut entries, work);
        if bucket + self.round < self.count {
            self.chains.collect(bucket + self.round, &mut entries, work);
        }
        for slot in entries {
            work.count(Counter::EntriesVisited, 1);
            self.arena.visit(slot, work);
            visit(slot, self.arena.entry(slot));
        }
        crate::chain::next_cursor(cursor, mask)
    }

    /// Each chain is walked from its end, so that the entry returned last may leave: the one that
    /// takes its place has been visited already. `position.next` is the number of entries of the
    /// chain that are still to be visited, or zero before the first.
    fn walk(&self, position: &mut Position, work: &mut Work) -> Option<Slot> {
        while position.bucket < u64::from(self.count) {
            let main = position.bucket as u32;
            let left = match position.next {
                0 => self.chains.len(main),
                left => left as usize,
            };
            let Some(place) = left.checked_sub(1) else {
                self.chains.main.probe(main, work);
                position.bucket += 1;
                continue;
            };
            position.next = place as u32;
            position.bucket += u64::from(place == 0);
            if let Some(slot) = self.chains.entry(main, place, work) {
                work.count(Counter::EntriesVisited, 1);
                self.arena.visit(slot, work);
                return Some(slot);
            }
        }
        None
    }

    /// Takes no step: those are taken where the size changes.
    fn sample(
        &mut self,
        wanted: usize,
        random: &mut Sequence,
        sample: &mut Vec<Slot>,
        work: &mut Work,
    ) {
        let wanted = usize::try_from(self.arena.len()).map_or(wanted, |len| wanted.min(len));
        if wanted == 0 {
            return;
        }
        let (first, end) = (sample.len(), sample.len() + wanted);
        let mut bucket = random.below(u64::from(self.count)) as u32;
        for _ in 0..wanted * VISITS_PER_ENTRY {
            let start = sample.len();
            self.chains.collect(bucket, sample, work);
            // A chain longer than what is wanted is entered at a random place, so that its end is
            // as likely as its beginning.
            let found = sample.len() - start;
            if found > 1 {
                sample[start..].rotate_left(random.below(found as u64) as usize);
            }
            if sample.len() >= end {
                break;
            }
            bucket = (bucket + 1) % self.count;
        }
        sample.truncate(end);
        for &slot in &sample[first..] {
            work.count(Counter::EntriesVisited, 1);
            self.arena.visit(slot, work);
        }
    }

    fn random(&mut self, random: &mut Sequence, work: &mut Work) -> Option<Slot> {
        if self.arena.len() == 0 {
            return None;
        }
        let mut entries = Vec::new();
        while entries.is_empty() {
            let bucket = random.below(u64::from(self.count)) as u32;
            self.chains.collect(bucket, &mut entries, work);
        }
        let slot = entries[random.below(entries.len() as u64) as usize];
        work.count(Counter::EntriesVisited, 1);
        self.arena.visit(slot, work);
        Some(slot)
    }

    fn take_event(&mut self) -> Option<TableEvent> {
        self.events.take()
    }
}
