//! The table of Redis: two bucket arrays, and entries that move from one to the other step by step.
//!
//! ```text
//!    old    [ . . . . . a b . c d ]      empty below `cursor`, apart from what 7.4 moves out of turn
//!                     ^cursor
//!    new    [ e . . f . g . . . . . . . . . . h . . . ]      takes all new entries
//! ```
//!
//! An operation takes one step: it moves the entries of one bucket, hashing each key again, and
//! visits at most ten empty buckets to find it. The step that moves the last entry frees the old
//! array at once; that is the longest pause of this design. [`rules`] says when what begins,
//! `resize` carries it out.

mod resize;
pub mod rules;

use crate::arena::{Arena, EntryAllocation};
use crate::buckets::BucketArray;
use crate::chain::{self, Found};
use crate::event::{EventLog, Rehash, TableEvent};
use crate::hash::sip_counted;
use crate::sample::{self, Part};
use crate::table::{
    BucketBytes, Entry, Occupied, Pauses, Position, ResizePolicy, Slot, Table, TableConfig,
};
use kvrig_base::random::Sequence;
use kvrig_base::seam::Work;
use kvrig_base::time::Span;
use rules::RedisRules;

/// The table of Redis (`redis:src/dict.c`), in a version's rules.
///
/// Keys are hashed by SipHash-1-2. Each look-up, insertion and removal takes one step while a rehash
/// goes on, as dictFind, dictAddRaw and dictGenericDelete do: a command that looks a key up and then
/// adds it takes two.
#[derive(Debug)]
pub struct RedisTable<E: Entry> {
    rules: RedisRules,
    config: TableConfig,
    arena: Arena<E>,
    /// The only array, or the one that entries move from.
    main: BucketArray,
    moving: Option<Moving>,
    /// Which of the two bucket regions `main` has.
    main_region: usize,
    policy: ResizePolicy,
    headroom: Option<u64>,
    pauses: Pauses,
    /// Size of the array that was refused last, so that one refusal is told once.
    refused_buckets: u64,
    events: EventLog,
}

/// A rehash that goes on.
#[derive(Debug)]
struct Moving {
    /// The array that entries move to.
    target: BucketArray,
    /// Buckets of `main` below this one are empty (rehashidx).
    cursor: usize,
    entries_moved: u64,
}

/// Where an entry hangs.
#[derive(Clone, Copy, Debug)]
struct Place {
    is_in_target: bool,
    bucket: usize,
    found: Found,
}

impl<E: Entry> RedisTable<E> {
    /// An empty table; it has no array until the first insertion.
    pub fn new(rules: RedisRules, config: TableConfig) -> Self {
        Self {
            rules,
            config,
            arena: Arena::new(config.regions, EntryAllocation::EachEntry),
            main: BucketArray::none(config.regions.buckets[0]),
            moving: None,
            main_region: 0,
            policy: ResizePolicy::Allow,
            headroom: None,
            pauses: Pauses::default(),
            refused_buckets: 0,
            events: EventLog::default(),
        }
    }

    #[inline]
    fn hash(&self, key: &E::Key, work: &mut Work) -> u64 {
        sip_counted(key, self.config.hash_key, work)
    }

    /// Looks for `key` in the old array, then in the new one.
    #[inline]
    fn locate(&mut self, hash: u64, key: &E::Key, work: &mut Work) -> Option<Place> {
        let bucket = self.main.bucket_of(hash);
        let is_known_empty = self.rules.skips_moved_buckets()
            && self
                .moving
                .as_ref()
                .is_some_and(|moving| bucket < moving.cursor);
        if !is_known_empty {
            let head = self.main.probe(bucket, work);
            if let Some(found) = chain::find(&self.arena, head, key, work) {
                return Some(Place {
                    is_in_target: false,
                    bucket,
                    found,
                });
            }
        }
        let target = &mut self.moving.as_mut()?.target;
        let bucket = target.bucket_of(hash);
        let head = target.probe(bucket, work);
        let found = chain::find(&self.arena, head, key, work)?;
        Some(Place {
            is_in_target: true,
            bucket,
            found,
        })
    }

    fn target(&self) -> Option<&BucketArray> {
        self.moving.as_ref().map(|moving| &moving.target)
    }
}

/// The arrays to sample from.
fn parts<'a>(main: &'a mut BucketArray, moving: &'a mut Option<Moving>) -> Vec<Part<'a>> {
    let from = moving.as_ref().map_or(0, |moving| moving.cursor as u64);
    let target = moving.as_mut().map(|moving| Part {
        array: &mut moving.target,
        from: 0,
    });
    std::iter::once(Part { array: main, from })
        .chain(target)
        .collect()
}

impl<E: Entry> Table<E> for RedisTable<E> {
    #[inline]
    fn find(&mut self, key: &E::Key, work: &mut Work) -> Option<Slot> {
        if self.arena.len() == 0 {
            return None;
        }
        let hash = self.hash(key, work);
        self.step(hash, work);
        self.locate(hash, key, work).map(|place| place.found.slot)
    }

    fn prefetch(&self, keys: &mut dyn Iterator<Item = &E::Key>) {
        if self.arena.len() == 0 {
            return;
        }
        let hash = |key| crate::hash::sip_of(key, self.config.hash_key);
        let hashes: Vec<u64> = keys.map(hash).collect();
        let of_keys = |array: &BucketArray| -> Vec<usize> {
            hashes.iter().map(|&hash| array.bucket_of(hash)).collect()
        };
        let mut buckets = of_keys(&self.main);
        if let Some(Moving { target, cursor, .. }) = &self.moving {
            chain::prefetch(target, &self.arena, &of_keys(target));
            // Those that the steps of these look-ups move, empty ones between them.
            let end = (cursor + 2 * hashes.len()).min(self.main.buckets() as usize);
            buckets.extend(*cursor..end);
        }
        chain::prefetch(&self.main, &self.arena, &buckets);
    }

    fn reserve(&mut self, entries: u64, work: &mut Work) {
        self.make_room_for(entries, work);
    }

    fn peek(&self, key: &E::Key) -> Option<Slot> {
        if self.arena.len() == 0 {
            return None;
        }
        let hash = crate::hash::sip_of(key, self.config.hash_key);
        [Some(&self.main), self.target()]
            .into_iter()
            .flatten()
            .find_map(|array| chain::peek(&self.arena, array.peek(array.bucket_of(hash)), key))
    }

    fn insert(&mut self, entry: E, work: &mut Work) -> Result<Slot, Occupied<E>> {
        let hash = self.hash(entry.key(), work);
        self.step(hash, work);
        self.grow_if_needed(work);
        if let Some(place) = self.locate(hash, entry.key(), work) {
            return Err(Occupied {
                entry,
                slot: place.found.slot,
            });
        }
        let array = match &mut self.moving {
            Some(moving) => &mut moving.target,
            None => &mut self.main,
        };
        let bucket = array.bucket_of(hash);
        Ok(chain::push(array, &mut self.arena, bucket, entry, work))
    }

    fn remove(&mut self, key: &E::Key, work: &mut Work) -> Option<E> {
        if self.arena.len() == 0 {
            return None;
        }
        let hash = self.hash(key, work);
        self.step(hash, work);
        let place = self.locate(hash, key, work)?;
        let array = match &mut self.moving {
            Some(moving) if place.is_in_target => &mut moving.target,
            _ => &mut self.main,
        };
        let entry = chain::remove(array, &mut self.arena, place.bucket, place.found, work);
        if self.rules.checks_at_removal() {
            self.shrink_if_needed(work);
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
        self.release_everything(work);
    }

    fn len(&self) -> u64 {
        self.arena.len()
    }

    fn buckets(&self) -> u64 {
        self.main.buckets() + self.target().map_or(0, BucketArray::buckets)
    }

    fn bucket_bytes(&self) -> BucketBytes {
        BucketBytes {
            old: self.main.bytes(),
            new: self.target().map_or(0, BucketArray::bytes),
        }
    }

    fn rehash(&self) -> Option<Rehash> {
        self.moving.as_ref().map(|moving| Rehash {
            from: self.main.buckets(),
            to: moving.target.buckets(),
            buckets_done: moving.cursor as u64,
            entries_moved: moving.entries_moved,
        })
    }

    fn set_resize_policy(&mut self, policy: ResizePolicy) {
        self.policy = policy;
    }

    fn set_growth_headroom(&mut self, bytes: Option<u64>) {
        self.headroom = bytes;
    }

    fn cron_resize(&mut self, work: &mut Work) {
        self.check_size(work);
    }

    fn cron_rehash(&mut self, budget: Span, work: &mut Work) -> bool {
        self.rehash_for(budget, work)
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
            (&self.main, self.target()),
            &self.arena,
            cursor,
            visit,
            work,
        )
    }

    fn walk(&self, position: &mut Position, work: &mut Work) -> Option<Slot> {
        if let (0, Some(moving)) = (position.table, &self.moving) {
            position.bucket = position.bucket.max(moving.cursor as u64);
        }
        chain::walk(
            [Some(&self.main), self.target()],
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
        for _ in 0..wanted.min(usize::try_from(self.arena.len()).unwrap_or(wanted)) {
            self.step_anywhere(work);
        }
        let parts = &mut parts(&mut self.main, &mut self.moving);
        sample::run(parts, &self.arena, wanted, random, sample, work);
    }

    fn random(&mut self, random: &mut Sequence, work: &mut Work) -> Option<Slot> {
        self.step_anywhere(work);
        let parts = &mut parts(&mut self.main, &mut self.moving);
        sample::one(parts, &self.arena, random, work)
    }

    fn take_event(&mut self) -> Option<TableEvent> {
        self.events.take()
    }
}
