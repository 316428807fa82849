//! Starting, carrying on and ending a rehash.

use super::rules::{CRON_BATCH_BUCKETS, EMPTY_VISITS_PER_BUCKET, RedisVersion};
use super::{Moving, RedisTable};
use crate::arena::{END, slot_at};
use crate::buckets::{BucketArray, PRODUCT_BUCKET_BYTES};
use crate::event::TableEventKind;
use crate::hash::sip_counted;
use crate::table::Entry;
use kvrig_base::seam::{Cause, Counter, Work};
use kvrig_base::time::Span;

impl<E: Entry> RedisTable<E> {
    /// The step of an operation on the key with `hash` (_dictRehashStep; 7.4: dictBucketRehash).
    #[inline]
    pub(super) fn step(&mut self, hash: u64, work: &mut Work) {
        if self.moving.is_some() && self.may_move() {
            work.caused_by(Cause::RehashStep, |work| self.take_step(Some(hash), work));
        }
    }

    /// The step of an operation that looks at no key.
    pub(super) fn step_anywhere(&mut self, work: &mut Work) {
        if self.moving.is_some() && self.may_move() {
            work.caused_by(Cause::RehashStep, |work| self.take_step(None, work));
        }
    }

    /// Whether entries may move now.
    fn may_move(&self) -> bool {
        let Some(moving) = &self.moving else {
            return false;
        };
        let (from, to) = (self.main.buckets(), moving.target.buckets());
        self.pauses.are_over() && self.rules.rehash_goes_on(self.policy, from, to)
    }

    fn take_step(&mut self, hash: Option<u64>, work: &mut Work) {
        if let Some(hash) = hash.filter(|_| self.rules.moves_visited_bucket()) {
            let bucket = self.main.bucket_of(hash);
            let cursor = self.moving.as_ref().map_or(0, |moving| moving.cursor);
            if bucket >= cursor && self.main.peek(bucket) != END {
                self.move_bucket(bucket, work);
                self.end_if_done(work);
                return;
            }
        }
        self.move_buckets(self.rules.buckets_per_step(), work);
    }

    /// Moves up to `budget` buckets with entries, visiting at most ten times as many empty ones,
    /// and says whether more remain (dictRehash).
    ///
    /// Empty buckets use the call up too: otherwise a sparse table could make one request walk
    /// millions of them.
    fn move_buckets(&mut self, budget: u64, work: &mut Work) -> bool {
        let mut empty_visits_left = budget * EMPTY_VISITS_PER_BUCKET;
        for _ in 0..budget {
            if self.main.entries() == 0 {
                break;
            }
            let Some(moving) = &mut self.moving else {
                return false;
            };
            while self.main.peek(moving.cursor) == END {
                self.main.probe(moving.cursor, work);
                moving.cursor += 1;
                empty_visits_left -= 1;
                if empty_visits_left == 0 {
                    return true;
                }
            }
            let bucket = moving.cursor;
            moving.cursor += 1;
            self.move_bucket(bucket, work);
        }
        !self.end_if_done(work)
    }

    /// Moves all entries of a bucket, each to the head of its new chain.
    fn move_bucket(&mut self, bucket: usize, work: &mut Work) {
        let Some(moving) = &mut self.moving else {
            return;
        };
        let hashes_keys =
            moving.target.buckets() > self.main.buckets() || self.rules.hashes_when_shrinking();
        let mut moved = 0;
        let mut link = self.main.probe(bucket, work);
        while let Some(slot) = slot_at(link) {
            let hash = if hashes_keys {
                let (key, next) = self.arena.visit_key(slot, work);
                link = next;
                sip_counted(key, self.config.hash_key, work)
            } else {
                link = self.arena.visit(slot, work);
                bucket as u64
            };
            let new_bucket = moving.target.bucket_of(hash);
            self.arena
                .set_word(slot, moving.target.peek(new_bucket), work);
            moving.target.push(new_bucket, slot, work);
            moved += 1;
        }
        self.main.take_chain(bucket, moved, work);
        moving.entries_moved += moved;
        // Steps to come begin with these; by then the lines are here.
        let (main, buckets) = (&self.main, self.main.buckets() as usize);
        let ahead = |ahead: usize| (bucket + ahead < buckets).then(|| main.peek(bucket + ahead));
        if let Some(slot) = ahead(1).and_then(slot_at) {
            self.arena.entry(slot).prefetch_outside();
        }
        if let Some(slot) = ahead(2).and_then(slot_at) {
            self.arena.prefetch(slot);
        }
        work.count(Counter::EntriesMigrated, moved);
    }

    /// Frees the old array once nothing hangs on it, and says whether that was so.
    fn end_if_done(&mut self, work: &mut Work) -> bool {
        if self.main.entries() > 0 {
            return false;
        }
        let Some(Moving {
            target,
            entries_moved,
            ..
        }) = self.moving.take()
        else {
            return true;
        };
        let (from, to, len) = (self.main.buckets(), target.buckets(), self.arena.len());
        self.events.push(
            TableEventKind::Ended {
                from,
                to,
                moved: entries_moved,
            },
            len,
        );
        self.free_main(work);
        self.main = target;
        self.main_region ^= 1;
        true
    }

    fn free_main(&mut self, work: &mut Work) {
        let buckets = self.main.buckets();
        if buckets > 0 {
            let pages = work.caused_by(Cause::FreeTable, |work| self.main.free(work));
            self.events
                .push(TableEventKind::Freed { buckets, pages }, self.arena.len());
        }
    }

    /// Grows the table where the rules say so, before an entry is added (_dictExpandIfNeeded).
    pub(super) fn grow_if_needed(&mut self, work: &mut Work) {
        if self.moving.is_some() {
            return;
        }
        let (entries, buckets) = (self.arena.len(), self.main.buckets());
        if buckets == 0 {
            self.start(self.rules.buckets_for(0), work);
        } else if self.rules.grows(self.policy, entries, buckets) {
            let wanted = self.rules.buckets_for(entries + 1);
            if wanted > buckets && self.is_affordable(wanted) {
                self.start(wanted, work);
            }
        }
    }

    /// Gives an empty table an array for so many entries at once (dictExpand), whatever the limit.
    pub(super) fn make_room_for(&mut self, entries: u64, work: &mut Work) {
        let wanted = self.rules.buckets_for(entries);
        if self.arena.len() == 0 && self.moving.is_none() && self.main.buckets() < wanted {
            self.start(wanted, work);
        }
    }

    /// Shrinks the table where the rules say so (dictResize; 7.4: _dictShrinkIfNeeded).
    pub(super) fn shrink_if_needed(&mut self, work: &mut Work) {
        let (entries, buckets) = (self.arena.len(), self.main.buckets());
        if self.moving.is_some() || !self.rules.shrinks(self.policy, entries, buckets) {
            return;
        }
        let wanted = self.rules.buckets_for(entries);
        if wanted < buckets && (!self.rules.guards_shrinking() || self.is_affordable(wanted)) {
            self.start(wanted, work);
        }
    }

    /// The timer's check (7.0: htNeedsResize; 7.4: kvstoreTryResizeDicts, which also grows what was
    /// refused before).
    pub(super) fn check_size(&mut self, work: &mut Work) {
        self.shrink_if_needed(work);
        if self.rules.version() == RedisVersion::V74 && self.main.buckets() > 0 {
            self.grow_if_needed(work);
        }
    }

    /// Whether an array of `wanted` buckets may be allocated under the memory limit.
    fn is_affordable(&mut self, wanted: u64) -> bool {
        let fits = self
            .headroom
            .is_none_or(|bytes| wanted * PRODUCT_BUCKET_BYTES <= bytes);
        let allowed = fits
            || self
                .rules
                .is_overfull(self.arena.len(), self.main.buckets());
        if allowed {
            self.refused_buckets = 0;
        } else if self.refused_buckets != wanted {
            self.refused_buckets = wanted;
            let refused = TableEventKind::AllocationRefused { buckets: wanted };
            self.events.push(refused, self.arena.len());
        }
        allowed
    }

    /// Allocates the new array. An empty table takes it at once, without a rehash.
    fn start(&mut self, to: u64, work: &mut Work) {
        let is_empty = self.arena.len() == 0;
        let from = self.main.buckets();
        let region = self.config.regions.buckets[if from == 0 { 0 } else { self.main_region ^ 1 }];
        let target = work.caused_by(Cause::AllocateTable, |work| {
            BucketArray::allocate(to, region, work)
        });
        if is_empty {
            self.free_main(work);
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
        });
    }

    /// The timer's share: batches of 100 buckets until the budget is spent
    /// (incrementallyRehash, dictRehashMilliseconds).
    pub(super) fn rehash_for(&mut self, budget: Span, work: &mut Work) -> bool {
        if self.moving.is_none() {
            return false;
        }
        if self.may_move() {
            work.caused_by(Cause::RehashCron, |work| {
                let from = work.spent();
                while self.move_buckets(CRON_BATCH_BUCKETS, work) {
                    if work.spent().saturating_sub(from) >= budget {
                        break;
                    }
                }
            });
        }
        true
    }

    /// Frees all entries and arrays (dictEmpty).
    pub(super) fn release_everything(&mut self, work: &mut Work) {
        work.count(Counter::BucketsProbed, self.main.buckets());
        self.arena.clear(work);
        self.main.forget_entries();
        if let Some(mut moving) = self.moving.take() {
            work.count(Counter::BucketsProbed, moving.target.buckets());
            let (from, to) = (self.main.buckets(), moving.target.buckets());
            let moved = moving.entries_moved;
            self.events
                .push(TableEventKind::Ended { from, to, moved }, 0);
            moving.target.forget_entries();
            let pages = work.caused_by(Cause::FreeTable, |work| moving.target.free(work));
            self.events
                .push(TableEventKind::Freed { buckets: to, pages }, 0);
        }
        self.free_main(work);
        self.refused_buckets = 0;
    }
}
