//! Starting, carrying on and ending a rehash.

use super::chains::{Array, BUCKET_BYTES, ChainsMut};
use super::rules::{CRON_BATCH_BUCKETS, SLICE_BUCKETS};
use super::{Moving, ValkeyTable, tag_of};
use crate::event::TableEventKind;
use crate::hash::sip_counted;
use crate::table::Entry;
use kvrig_base::seam::{Cause, Counter, Work};
use kvrig_base::time::Span;

impl<E: Entry> ValkeyTable<E> {
    /// The step of a look-up (rehashStepOnReadIfNeeded).
    #[inline]
    pub(super) fn step_on_read(&mut self, work: &mut Work) {
        if self.moving.is_some() && self.pauses.are_over() && self.rules.steps_on_reads(self.policy)
        {
            work.caused_by(Cause::RehashStep, |work| self.take_step(work));
        }
    }

    /// The step of an insertion (rehashStepOnWriteIfNeeded).
    #[inline]
    pub(super) fn step_on_write(&mut self, work: &mut Work) {
        if self.moving.is_some()
            && self.pauses.are_over()
            && self.rules.steps_on_writes(self.policy)
        {
            work.caused_by(Cause::RehashStep, |work| self.take_step(work));
        }
    }

    /// Moves the bucket at the cursor with its children (rehashStep).
    fn take_step(&mut self, work: &mut Work) {
        let Some(moving) = &mut self.moving else {
            return;
        };
        let (bucket, is_growing) = (moving.cursor, moving.target.buckets() > self.main.buckets());
        let mut taken = std::mem::take(&mut self.taken);
        let mut from = ChainsMut {
            array: &mut self.main,
            children: &mut self.children,
        };
        from.take_all(bucket as usize, &mut taken, work);
        let moved = taken.len() as u64;
        // The old bucket's number has all bits of the hash that a smaller array needs. All hashes are
        // made before the first entry moves, so that the reads of entries overlap (valkey#3073).
        if is_growing {
            for (slot, hash) in &mut taken {
                let (key, _) = self.arena.visit_key(*slot, work);
                *hash = sip_counted(key, self.config.hash_key, work);
            }
        } else {
            taken.iter_mut().for_each(|(_, hash)| *hash |= bucket);
        }
        let mut to = ChainsMut {
            array: &mut moving.target,
            children: &mut self.children,
        };
        for (slot, hash) in taken.drain(..) {
            let top = to.array.bucket_of(hash);
            to.add(top, slot, tag_of(hash), work);
        }
        self.taken = taken;
        moving.cursor += 1;
        moving.entries_moved += moved;
        work.count(Counter::EntriesMigrated, moved);
        let cursor = moving.cursor;
        if self.rules.frees_in_slices() && cursor.is_multiple_of(SLICE_BUCKETS) {
            let slice = cursor - SLICE_BUCKETS..cursor;
            moving.pages_released +=
                work.caused_by(Cause::FreeTable, |work| self.main.release(slice, work));
        }
        if cursor == self.main.buckets() {
            self.complete(work);
        }
    }

    /// Frees the old array and puts the new one in its place (rehashingCompleted).
    fn complete(&mut self, work: &mut Work) {
        let Some(moving) = self.moving.take() else {
            return;
        };
        let (from, to) = (self.main.buckets(), moving.target.buckets());
        let moved = moving.entries_moved;
        self.events
            .push(TableEventKind::Ended { from, to, moved }, self.arena.len());
        self.free_main(moving.pages_released, work);
        self.main = moving.target;
        self.main_region ^= 1;
    }

    fn free_main(&mut self, pages_released: u64, work: &mut Work) {
        let buckets = self.main.buckets();
        if buckets > 0 {
            let pages = work.caused_by(Cause::FreeTable, |work| self.main.free(work));
            let pages = pages_released + pages;
            self.events
                .push(TableEventKind::Freed { buckets, pages }, self.arena.len());
        }
    }

    /// Grows the table where the rules say so, before an entry is added (hashtableExpandIfNeeded).
    pub(super) fn grow_if_needed(&mut self, work: &mut Work) {
        let (entries, buckets) = (self.arena.len(), self.main.buckets());
        if self.moving.is_some() || !self.rules.grows(self.policy, entries, buckets) {
            return;
        }
        let wanted = self.rules.buckets_for(entries + 1);
        if wanted != buckets && (wanted < buckets || self.is_affordable(wanted)) {
            self.start(wanted, work);
        }
    }

    /// Shrinks the table where the rules say so, and says whether it did
    /// (hashtableShrinkIfNeeded).
    pub(super) fn shrink_if_needed(&mut self, work: &mut Work) -> bool {
        let (entries, buckets) = (self.arena.len(), self.main.buckets());
        if self.moving.is_some()
            || !self.pauses.are_over()
            || buckets == 0
            || !self.rules.shrinks(self.policy, entries, buckets)
        {
            return false;
        }
        let wanted = self.rules.buckets_for(entries);
        if wanted == buckets || (wanted > buckets && !self.is_affordable(wanted)) {
            return false;
        }
        self.start(wanted, work);
        true
    }

    /// Whether an array of `wanted` buckets may be allocated under the memory limit.
    fn is_affordable(&mut self, wanted: u64) -> bool {
        let (entries, buckets) = (self.arena.len(), self.main.buckets());
        let fits = self
            .headroom
            .is_none_or(|bytes| wanted * BUCKET_BYTES <= bytes);
        let allowed = fits || self.rules.is_overfull(entries, buckets);
        if allowed {
            self.refused_buckets = 0;
        } else if self.refused_buckets != wanted {
            self.refused_buckets = wanted;
            let refused = TableEventKind::AllocationRefused { buckets: wanted };
            self.events.push(refused, entries);
        }
        allowed
    }

    /// Allocates the new array. An empty table takes it at once, without a rehash.
    fn start(&mut self, to: u64, work: &mut Work) {
        let from = self.main.buckets();
        let region = self.config.regions.buckets[if from == 0 { 0 } else { self.main_region ^ 1 }];
        let target = work.caused_by(Cause::AllocateTable, |work| {
            Array::allocate(to, region, work)
        });
        if self.main.entries == 0 && self.main.children == 0 {
            self.free_main(0, work);
            self.main_region = if from == 0 { 0 } else { self.main_region ^ 1 };
            self.main = target;
            return;
        }
        self.events
            .push(TableEventKind::Started { from, to }, self.arena.len());
        self.moving = Some(Moving {
            target,
            cursor: 0,
            entries_moved: 0,
            pages_released: 0,
        });
    }

    /// The timer's share: batches of 128 buckets until the budget is spent
    /// (kvstoreIncrementallyRehash, hashtableRehashMicroseconds).
    pub(super) fn rehash_for(&mut self, budget: Span, work: &mut Work) -> bool {
        if self.moving.is_none() {
            return false;
        }
        if self.pauses.are_over() && self.rules.steps_on_reads(self.policy) {
            work.caused_by(Cause::RehashCron, |work| {
                let from = work.spent();
                while self.moving.is_some() {
                    for _ in 0..CRON_BATCH_BUCKETS {
                        self.take_step(work);
                    }
                    if work.spent().saturating_sub(from) >= budget {
                        break;
                    }
                }
            });
        }
        true
    }

    /// Frees all entries, child buckets and arrays (hashtableEmpty).
    pub(super) fn release_everything(&mut self, work: &mut Work) {
        self.arena.clear(work);
        let moving = self.moving.take();
        let target = moving.as_ref().map(|moving| &moving.target);
        for array in [Some(&self.main), target].into_iter().flatten() {
            work.count(Counter::BucketsProbed, array.buckets() + array.children);
            work.count(Counter::Frees, array.children);
        }
        self.children.clear();
        let mut pages_released = 0;
        if let Some(mut moving) = moving {
            let (from, to) = (self.main.buckets(), moving.target.buckets());
            let moved = moving.entries_moved;
            self.events
                .push(TableEventKind::Ended { from, to, moved }, 0);
            let pages = work.caused_by(Cause::FreeTable, |work| moving.target.free(work));
            self.events
                .push(TableEventKind::Freed { buckets: to, pages }, 0);
            pages_released = moving.pages_released;
        }
        self.free_main(pages_released, work);
        self.refused_buckets = 0;
    }
}
