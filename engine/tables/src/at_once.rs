//! The textbook table: chains, and an array that doubles at once.

use crate::arena::{Arena, EntryAllocation, slot_at};
use crate::buckets::BucketArray;
use crate::chain;
use crate::event::{EventLog, Rehash, TableEvent, TableEventKind};
use crate::hash::{sip_counted, sip_of};
use crate::sample::{self, Part};
use crate::table::{BucketBytes, Entry, Occupied, Pauses, Position, Slot, Table, TableConfig};
use kvrig_base::random::Sequence;
use kvrig_base::seam::{Cause, Counter, Work};

/// Buckets of the first array: as many as Redis begins with, so that sizes agree.
const INITIAL_BUCKETS: u64 = 4;
/// Buckets whose entries are asked for together before they move, so that this machine need not
/// wait for each by itself. It changes no receipt.
const BUCKETS_AHEAD: usize = 32;

/// Chaining that doubles at once: the insertion that finds one entry a bucket allocates an array of
/// twice the size, moves every entry into it and frees the old one before it goes on.
///
/// It stands for the tables of most standard libraries. It never shrinks, and knows neither forked
/// children nor a memory limit: [`Table::set_resize_policy`] and [`Table::set_growth_headroom`]
/// change nothing. Keys are hashed by SipHash-1-2, so that the hash makes no difference to others.
#[derive(Debug)]
pub struct AtOnceTable<E: Entry> {
    config: TableConfig,
    arena: Arena<E>,
    array: BucketArray,
    /// Which of the two bucket regions the array has.
    region: usize,
    pauses: Pauses,
    events: EventLog,
}

impl<E: Entry> AtOnceTable<E> {
    /// An empty table; it has no array until the first insertion.
    pub fn new(config: TableConfig) -> Self {
        Self {
            config,
            arena: Arena::new(config.regions, EntryAllocation::EachEntry),
            array: BucketArray::none(config.regions.buckets[0]),
            region: 0,
            pauses: Pauses::default(),
            events: EventLog::default(),
        }
    }

    /// Gives an empty table its array.
    fn begin(&mut self, buckets: u64, work: &mut Work) {
        self.region = 0;
        self.array = work.caused_by(Cause::AllocateTable, |work| {
            BucketArray::allocate(buckets, self.config.regions.buckets[0], work)
        });
    }

    fn grow_if_full(&mut self, work: &mut Work) {
        let (entries, from) = (self.arena.len(), self.array.buckets());
        if entries < from || (!self.pauses.are_over() && from > 0) {
            return;
        }
        // Twice the size, or more after a pause.
        let to = (entries + 1).next_power_of_two().max(INITIAL_BUCKETS);
        if from == 0 {
            return self.begin(to, work);
        }
        let region = self.config.regions.buckets[self.region ^ 1];
        let new = work.caused_by(Cause::AllocateTable, |work| {
            BucketArray::allocate(to, region, work)
        });
        self.events
            .push(TableEventKind::Started { from, to }, entries);
        let mut old = std::mem::replace(&mut self.array, new);
        self.region ^= 1;
        work.caused_by(Cause::RehashAll, |work| self.move_all(&mut old, work));
        self.events.push(
            TableEventKind::Ended {
                from,
                to,
                moved: entries,
            },
            entries,
        );
        let pages = work.caused_by(Cause::FreeTable, |work| old.free(work));
        self.events.push(
            TableEventKind::Freed {
                buckets: from,
                pages,
            },
            entries,
        );
    }

    fn move_all(&mut self, old: &mut BucketArray, work: &mut Work) {
        let buckets = old.buckets() as usize;
        let mut ahead = Vec::with_capacity(BUCKETS_AHEAD);
        for bucket in 0..buckets {
            if bucket % BUCKETS_AHEAD == 0 {
                ahead.clear();
                ahead.extend(bucket..(bucket + BUCKETS_AHEAD).min(buckets));
                chain::prefetch(old, &self.arena, &ahead);
            }
            let mut link = old.probe(bucket, work);
            while let Some(slot) = slot_at(link) {
                let (key, next) = self.arena.visit_key(slot, work);
                let new_bucket = self
                    .array
                    .bucket_of(sip_counted(key, self.config.hash_key, work));
                self.arena.set_word(slot, self.array.peek(new_bucket), work);
                self.array.push(new_bucket, slot, work);
                link = next;
            }
        }
        work.count(Counter::EntriesMigrated, old.entries());
        old.forget_entries();
    }
}

impl<E: Entry> Table<E> for AtOnceTable<E> {
    #[inline]
    fn find(&mut self, key: &E::Key, work: &mut Work) -> Option<Slot> {
        if self.arena.len() == 0 {
            return None;
        }
        let bucket = self
            .array
            .bucket_of(sip_counted(key, self.config.hash_key, work));
        let head = self.array.probe(bucket, work);
        chain::find(&self.arena, head, key, work).map(|found| found.slot)
    }

    fn prefetch(&self, keys: &mut dyn Iterator<Item = &E::Key>) {
        if self.arena.len() == 0 {
            return;
        }
        let bucket = |key| self.array.bucket_of(sip_of(key, self.config.hash_key));
        let buckets: Vec<usize> = keys.map(bucket).collect();
        chain::prefetch(&self.array, &self.arena, &buckets);
    }

    fn reserve(&mut self, entries: u64, work: &mut Work) {
        let wanted = entries.next_power_of_two().max(INITIAL_BUCKETS);
        if self.array.buckets() == 0 {
            self.begin(wanted, work);
        }
    }

    fn peek(&self, key: &E::Key) -> Option<Slot> {
        if self.arena.len() == 0 {
            return None;
        }
        let bucket = self.array.bucket_of(sip_of(key, self.config.hash_key));
        chain::peek(&self.arena, self.array.peek(bucket), key)
    }

    fn insert(&mut self, entry: E, work: &mut Work) -> Result<Slot, Occupied<E>> {
        self.grow_if_full(work);
        let bucket = self
            .array
            .bucket_of(sip_counted(entry.key(), self.config.hash_key, work));
        let head = self.array.probe(bucket, work);
        match chain::find(&self.arena, head, entry.key(), work) {
            Some(found) => Err(Occupied {
                entry,
                slot: found.slot,
            }),
            None => Ok(chain::push(
                &mut self.array,
                &mut self.arena,
                bucket,
                entry,
                work,
            )),
        }
    }

    fn remove(&mut self, key: &E::Key, work: &mut Work) -> Option<E> {
        if self.arena.len() == 0 {
            return None;
        }
        let bucket = self
            .array
            .bucket_of(sip_counted(key, self.config.hash_key, work));
        let head = self.array.probe(bucket, work);
        let found = chain::find(&self.arena, head, key, work)?;
        Some(chain::remove(
            &mut self.array,
            &mut self.arena,
            bucket,
            found,
            work,
        ))
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
        let buckets = self.array.buckets();
        work.count(Counter::BucketsProbed, buckets);
        self.arena.clear(work);
        self.array.forget_entries();
        if buckets > 0 {
            let pages = work.caused_by(Cause::FreeTable, |work| self.array.free(work));
            self.events
                .push(TableEventKind::Freed { buckets, pages }, 0);
        }
    }

    fn len(&self) -> u64 {
        self.arena.len()
    }

    fn buckets(&self) -> u64 {
        self.array.buckets()
    }

    fn bucket_bytes(&self) -> BucketBytes {
        BucketBytes {
            old: self.array.bytes(),
            new: 0,
        }
    }

    /// Never: a rehash is over before the insertion that began it.
    fn rehash(&self) -> Option<Rehash> {
        None
    }

    /// Puts off the next doubling.
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
        chain::scan((&self.array, None), &self.arena, cursor, visit, work)
    }

    fn walk(&self, position: &mut Position, work: &mut Work) -> Option<Slot> {
        chain::walk([Some(&self.array), None], &self.arena, position, work)
    }

    fn sample(
        &mut self,
        wanted: usize,
        random: &mut Sequence,
        sample: &mut Vec<Slot>,
        work: &mut Work,
    ) {
        let parts = &mut [Part {
            array: &mut self.array,
            from: 0,
        }];
        sample::run(parts, &self.arena, wanted, random, sample, work);
    }

    fn random(&mut self, random: &mut Sequence, work: &mut Work) -> Option<Slot> {
        let parts = &mut [Part {
            array: &mut self.array,
            from: 0,
        }];
        sample::one(parts, &self.arena, random, work)
    }

    fn take_event(&mut self) -> Option<TableEvent> {
        self.events.take()
    }
}
