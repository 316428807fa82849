//! The project's own table: growth without a pause anywhere.
//!
//! It is linear hashing (Litwin, "Linear hashing: a new tool for file and table addressing", VLDB
//! 1980). The table grows by one bucket at a time: the new bucket takes its share of the entries of
//! the one bucket that it is split from. There is no second array, so nothing large is ever
//! allocated, cleared or freed.
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

mod buckets;
mod chains;

use crate::arena::{Arena, EntryAllocation};
use crate::event::{EventLog, Rehash, TableEvent, TableEventKind};
use crate::hash::{sip_counted, sip_of};
use crate::table::{
    BucketBytes, Entry, Key, Occupied, Position, ResizePolicy, Slot, Table, TableConfig,
};
use buckets::{CHUNK_BUCKETS, CHUNK_BYTES};
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
/// Empty and other buckets visited for each entry that a sample wants, at most.
const VISITS_PER_ENTRY: usize = 10;

/// The project's own table: linear hashing over buckets of one cache line.
///
/// - An insertion splits up to two buckets where the table is too full, a removal merges up to two
///   where it is too empty; look-ups move nothing. [`Table::cron_rehash`] does what is owed after a
///   pause or a child.
/// - [`Table::rehash`] tells of owed work only. A round, from one power of two of buckets to the
///   next, is told by events; while a table grows, one round begins as the other ends.
/// - While a child lives the table grows at four times the entries and does not shrink.
/// - The headroom is asked for each chunk of 16 KiB.
///
/// Keys are hashed by SipHash-1-2.
#[derive(Debug)]
pub struct KvrigTable<E> {
    config: TableConfig,
    /// The word beside an entry is the low half of its hash.
    arena: Arena<E>,
    chains: Chains,
    /// Buckets in use.
    count: u32,
    /// The power of two of the round: at most `count`, which is below its double.
    round: u32,
    /// Where the present round began, and what it has moved.
    round_from: u32,
    round_moved: u64,
    policy: ResizePolicy,
    headroom: Option<u64>,
    is_refused: bool,
    pauses: u32,
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
            round_from: 0,
            round_moved: 0,
            policy: ResizePolicy::Allow,
            headroom: None,
            is_refused: false,
            pauses: 0,
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

    fn owed(&self) -> Owed {
        let (entries, buckets) = (self.arena.len(), u64::from(self.count));
        let fullest = match self.policy {
            ResizePolicy::Allow => LOAD_MAX,
            ResizePolicy::Avoid => LOAD_MAX * AVOID_FACTOR,
            ResizePolicy::Forbid => return Owed::Nothing,
        };
        if self.pauses > 0 {
            Owed::Nothing
        } else if entries > buckets * fullest && self.count < BUCKETS_MAX {
            Owed::Split
        } else if entries < buckets * LOAD_MIN
            && self.count > BUCKETS_MIN
            && self.policy == ResizePolicy::Allow
        {
            Owed::Merge
        } else {
            Owed::Nothing
        }
    }

    /// Splits or merges as the size calls for, and says whether more is owed.
    fn settle(&mut self, steps: u32, work: &mut Work) -> bool {
        for _ in 0..steps {
            let is_done = match self.owed() {
                Owed::Nothing => return false,
                Owed::Split => self.split(work),
                Owed::Merge => {
                    self.merge(work);
                    true
                }
            };
            if !is_done {
                return false;
            }
        }
        self.owed() != Owed::Nothing
    }

    fn step(&mut self, work: &mut Work) {
        if self.owed() != Owed::Nothing {
            work.caused_by(Cause::RehashStep, |work| self.settle(SPLITS_PER_STEP, work));
        }
    }

    /// Adds one bucket, or says that there is no memory for it.
    fn split(&mut self, work: &mut Work) -> bool {
        if self.count == self.chains.main.room() {
            if !self.is_affordable() {
                return false;
            }
            let main = &mut self.chains.main;
            work.caused_by(Cause::AllocateTable, |work| main.add_chunk(work));
        }
        if self.count == self.round {
            self.begin_round(2 * self.round);
        }
        let (old, new) = (self.count - self.round, self.count);
        self.deal(old, new, self.round.trailing_zeros(), work);
        self.count += 1;
        if self.count == 2 * self.round {
            self.round = self.count;
            self.end_round();
        }
        true
    }

    /// Deals the entries of `old` out to `old` and `new` by one bit of their hashes.
    fn deal(&mut self, old: u32, new: u32, bit: u32, work: &mut Work) {
        let arena = &self.arena;
        let moved = self.chains.deal(old, work, |slot, tag, work| {
            let is_set = match bit.checked_sub(TAG_SHIFT) {
                Some(bit) => (tag >> bit) & 1 == 1,
                None => {
                    work.count(Counter::EntriesVisited, 1);
                    (arena.visit(slot, work) >> bit) & 1 == 1
                }
            };
            if is_set { new } else { old }
        });
        work.count(Counter::EntriesMigrated, moved);
        self.round_moved += moved;
    }

    /// Takes the last bucket away; its entries go back to the one that it was split from.
    fn merge(&mut self, work: &mut Work) {
        if self.count == self.round {
            self.begin_round(self.round / 2);
            self.round /= 2;
        }
        self.count -= 1;
        let (last, into) = (self.count, self.count - self.round);
        let moved = self.chains.deal(last, work, |_, _, _| into);
        work.count(Counter::EntriesMigrated, moved);
        self.round_moved += moved;
        if self.count == self.round {
            self.end_round();
        }
        if self.count.is_multiple_of(CHUNK_BUCKETS) {
            work.caused_by(Cause::FreeTable, |work| self.chains.main.drop_chunk(work));
        }
    }

    fn begin_round(&mut self, to: u32) {
        self.round_from = self.count;
        self.round_moved = 0;
        let (from, to) = (u64::from(self.count), u64::from(to));
        self.events
            .push(TableEventKind::Started { from, to }, self.arena.len());
    }

    fn end_round(&mut self) {
        let (from, to) = (u64::from(self.round_from), u64::from(self.count));
        let ended = TableEventKind::Ended {
            from,
            to,
            moved: self.round_moved,
        };
        self.events.push(ended, self.arena.len());
    }

    fn is_affordable(&mut self) -> bool {
        let is_overfull = self.arena.len() * 1_000 > u64::from(self.count) * LOAD_MAX * 1_618;
        let allowed = self.headroom.is_none_or(|bytes| CHUNK_BYTES <= bytes) || is_overfull;
        if !allowed && !self.is_refused {
            let buckets = u64::from(CHUNK_BUCKETS);
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

    fn insert(&mut self, entry: E, work: &mut Work) -> Result<Slot, Occupied<E>> {
        if self.count == 0 {
            let main = &mut self.chains.main;
            work.caused_by(Cause::AllocateTable, |work| main.add_chunk(work));
            self.count = BUCKETS_MIN;
            self.round = BUCKETS_MIN;
        }
        let hash = self.hash(entry.key(), work);
        if let Some(found) = self.locate(hash, entry.key(), work) {
            return Err(Occupied {
                entry,
                slot: found.slot,
            });
        }
        let slot = self.arena.insert(entry, hash, work);
        self.chains
            .add(Part::Main(self.bucket_of(hash)), slot, tag_of(hash), work);
        self.step(work);
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
        self.step(work);
        Some(entry)
    }

    #[inline]
    fn entry(&self, slot: Slot) -> &E {
        self.arena.entry(slot)
    }

    fn entry_mut(&mut self, slot: Slot, work: &mut Work) -> &mut E {
        self.arena.entry_mut(slot, work)
    }

    fn clear(&mut self, work: &mut Work) {
        work.count(Counter::BucketsProbed, u64::from(self.count));
        self.arena.clear(work);
        let chains = std::mem::replace(&mut self.chains, Chains::new(self.config.regions));
        work.caused_by(Cause::FreeTable, |work| chains.free(work));
        self.count = 0;
        self.round = 0;
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
        let to = match self.owed() {
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
    }

    fn set_growth_headroom(&mut self, bytes: Option<u64>) {
        self.headroom = bytes;
    }

    fn cron_resize(&mut self, _: &mut Work) {}

    fn cron_rehash(&mut self, budget: Span, work: &mut Work) -> bool {
        if self.owed() == Owed::Nothing {
            return false;
        }
        work.caused_by(Cause::RehashCron, |work| {
            let from = work.spent();
            while self.settle(CRON_BATCH_SPLITS, work) {
                if work.spent().saturating_sub(from) >= budget {
                    break;
                }
            }
        });
        true
    }

    fn pause_rehash(&mut self) {
        self.pauses += 1;
    }

    fn resume_rehash(&mut self) {
        self.pauses = self
            .pauses
            .checked_sub(1)
            .expect("each resume follows a pause");
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

    fn walk(&self, position: &mut Position, work: &mut Work) -> Option<Slot> {
        while position.bucket < u64::from(self.count) {
            let main = position.bucket as u32;
            if let Some((place, slot)) = self.chains.entry_from(main, position.next as usize, work)
            {
                position.next = place as u32 + 1;
                work.count(Counter::EntriesVisited, 1);
                self.arena.visit(slot, work);
                return Some(slot);
            }
            position.bucket += 1;
            position.next = 0;
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
