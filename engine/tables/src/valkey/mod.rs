//! The table of Valkey: buckets of one cache line, and two arrays while it resizes.
//!
//! ```text
//!    old    [ - - - - - b b b b ]        empty below `cursor` (rehash_idx)
//!                       ^cursor |
//!                               child    where eight or more entries meet
//!    new    [ b b . b . b . . . . . . . . b . . . ]     takes all new entries
//! ```
//!
//! A bucket has places for seven entries, each with a byte of its hash, so that a look-up meets one
//! line and then nearly always only the entry that it looks for. An operation moves one bucket with
//! its children, whether it has entries or not: a rehash begun at 2^k buckets ends exactly 2^k
//! steps later. The step that moves the last bucket frees the old array; [`rules`] has the versions
//! that do so at once or in slices.

mod chains;
mod resize;
pub mod rules;

use crate::arena::{Arena, EntryAllocation};
use crate::chain::{Which, scan_buckets};
use crate::event::{EventLog, Rehash, TableEvent};
use crate::hash::{sip_counted, sip_of};
use crate::table::{
    BucketBytes, Entry, Key, Occupied, Pauses, Position, ResizePolicy, Slot, Table, TableConfig,
};
use chains::{Array, BUCKET_ENTRIES, Chains, ChainsMut, Children, Part, bucket};
use kvrig_base::random::Sequence;
use kvrig_base::seam::{Counter, Work};
use kvrig_base::time::Span;
use rules::ValkeyRules;

/// First bit of the byte of the hash that a bucket holds: the highest, which no bucket number uses.
const TAG_SHIFT: u32 = 56;
/// Entries of which a random one is picked (FAIR_RANDOM_SAMPLE_SIZE).
const FAIR_SAMPLE: usize = 10 * BUCKET_ENTRIES;

/// The table of Valkey (`valkey:src/hashtable.c`), in a version's rules.
///
/// Keys are hashed by SipHash-1-2. Each look-up, insertion and removal takes one step while a rehash
/// goes on; while a child lives ([`ResizePolicy::Avoid`]) only insertions do.
///
/// Two things differ from the product, both after removals under [`Table::pause_rehash`]: their
/// holes stay until other entries fill them, where Valkey's iterator closes them as it passes; and
/// whether the table shrinks is looked at when the next entry is removed or the timer comes, not in
/// [`Table::resume_rehash`].
#[derive(Debug)]
pub struct ValkeyTable<E: Entry> {
    rules: ValkeyRules,
    config: TableConfig,
    arena: Arena<E>,
    /// The only array, or the one that entries move from.
    main: Array,
    moving: Option<Moving>,
    children: Children,
    /// Which of the two bucket regions `main` has.
    main_region: usize,
    policy: ResizePolicy,
    headroom: Option<u64>,
    pauses: Pauses,
    /// Size of the array that was refused last, so that one refusal is told once.
    refused_buckets: u64,
    /// Holds the entries of a chain that moves, and as much of their hashes as is known.
    taken: Vec<(Slot, u64)>,
    events: EventLog,
}

/// A rehash that goes on.
#[derive(Debug)]
struct Moving {
    /// The array that entries move to.
    target: Array,
    /// Buckets of `main` below this one are empty (rehash_idx).
    cursor: u64,
    entries_moved: u64,
    /// Pages of `main` that were given back in slices.
    pages_released: u64,
}

/// Where an entry is.
#[derive(Clone, Copy, Debug)]
struct Place {
    is_in_target: bool,
    part: Part,
    place: usize,
    slot: Slot,
}

const fn tag_of(hash: u64) -> u8 {
    (hash >> TAG_SHIFT) as u8
}

impl<E: Entry> ValkeyTable<E> {
    /// An empty table; it has no array until the first insertion.
    pub fn new(rules: ValkeyRules, config: TableConfig) -> Self {
        Self {
            rules,
            config,
            arena: Arena::new(config.regions, EntryAllocation::EachEntry),
            main: Array::none(config.regions.buckets[0]),
            moving: None,
            children: Children::new(config.regions.buckets[0]),
            main_region: 0,
            policy: ResizePolicy::Allow,
            headroom: None,
            pauses: Pauses::default(),
            refused_buckets: 0,
            taken: Vec::new(),
            events: EventLog::default(),
        }
    }

    fn target(&self) -> Option<&Array> {
        self.moving.as_ref().map(|moving| &moving.target)
    }

    fn chains<'a>(&'a self, array: &'a Array) -> Chains<'a> {
        Chains {
            array,
            children: &self.children,
        }
    }

    /// The array that takes new entries, with its children.
    #[inline]
    fn newest(&mut self) -> ChainsMut<'_> {
        ChainsMut {
            array: match &mut self.moving {
                Some(moving) => &mut moving.target,
                None => &mut self.main,
            },
            children: &mut self.children,
        }
    }

    /// Looks for `key` in the old array, unless its bucket has moved, then in the new one.
    #[inline]
    fn locate(&mut self, hash: u64, key: &E::Key, work: &mut Work) -> Option<Place> {
        for is_in_target in [false, true] {
            let array = match (&mut self.moving, is_in_target) {
                (None, false) => &mut self.main,
                (None, true) => return None,
                (Some(moving), false) => {
                    if (self.main.bucket_of(hash) as u64) < moving.cursor {
                        continue;
                    }
                    &mut self.main
                }
                (Some(moving), true) => &mut moving.target,
            };
            if array.entries == 0 {
                continue;
            }
            let mut next = Some(Part::Top(array.bucket_of(hash)));
            let mut chains = ChainsMut {
                array,
                children: &mut self.children,
            };
            while let Some(part) = next {
                let bucket = chains.probe(part, work);
                for place in bucket::places(bucket::tagged(bucket, tag_of(hash))) {
                    let slot = bucket::slot(bucket, place);
                    work.count(Counter::EntriesVisited, 1);
                    if self.arena.visit_key(slot, work).0 == key {
                        work.count(Counter::BytesScanned, key.byte_len());
                        return Some(Place {
                            is_in_target,
                            part,
                            place,
                            slot,
                        });
                    }
                }
                next = bucket::child(bucket);
            }
        }
        None
    }

    /// Visits the entries of a chain.
    fn visit_chain(
        &self,
        array: &Array,
        top: usize,
        visit: &mut dyn FnMut(Slot, &E),
        work: &mut Work,
    ) {
        let mut next = Some(Part::Top(top));
        while let Some(part) = next {
            let bucket = self.chains(array).probe(part, work);
            for place in bucket::places(bucket::presence(bucket)) {
                let slot = bucket::slot(bucket, place);
                work.count(Counter::EntriesVisited, 1);
                self.arena.visit(slot, work);
                visit(slot, self.arena.entry(slot));
            }
            next = bucket::child(bucket);
        }
    }

    /// The first taken place below `end` in the chain of `top`, counted from its end: places are
    /// numbered along the chain, and a walk goes through them backwards. An entry that makes room
    /// for a child bucket goes to a higher place, and so is not met twice.
    fn place_below(
        &self,
        array: &Array,
        top: usize,
        end: Option<usize>,
        work: &mut Work,
    ) -> Option<(usize, Slot)> {
        let chains = self.chains(array);
        let mut parts = vec![Part::Top(top)];
        while let Some(child) = bucket::child(chains.peek(parts[parts.len() - 1])) {
            parts.push(child);
        }
        let end = end.unwrap_or(parts.len() * BUCKET_ENTRIES);
        for (depth, &part) in parts.iter().enumerate().rev() {
            let first = depth * BUCKET_ENTRIES;
            if end <= first {
                continue;
            }
            let bucket = match end.is_multiple_of(BUCKET_ENTRIES) || end > first + BUCKET_ENTRIES {
                true => chains.probe(part, work),
                false => chains.peek(part),
            };
            let places = bucket::places(bucket::presence(bucket));
            if let Some(place) = places.filter(|place| first + place < end).last() {
                return Some((first + place, bucket::slot(bucket, place)));
            }
        }
        None
    }
}

impl<E: Entry> Table<E> for ValkeyTable<E> {
    #[inline]
    fn find(&mut self, key: &E::Key, work: &mut Work) -> Option<Slot> {
        if self.arena.len() == 0 {
            return None;
        }
        let hash = sip_counted(key, self.config.hash_key, work);
        self.step_on_read(work);
        self.locate(hash, key, work).map(|place| place.slot)
    }

    fn peek(&self, key: &E::Key) -> Option<Slot> {
        let hash = sip_of(key, self.config.hash_key);
        let arrays = [Some(&self.main), self.target()];
        for array in arrays.into_iter().flatten().filter(|a| a.entries > 0) {
            let chains = self.chains(array);
            let mut next = Some(Part::Top(array.bucket_of(hash)));
            while let Some(part) = next {
                let bucket = chains.peek(part);
                let mut tagged = bucket::places(bucket::tagged(bucket, tag_of(hash)))
                    .map(|place| bucket::slot(bucket, place));
                if let Some(slot) = tagged.find(|&slot| self.arena.entry(slot).key() == key) {
                    return Some(slot);
                }
                next = bucket::child(bucket);
            }
        }
        None
    }

    fn insert(&mut self, entry: E, work: &mut Work) -> Result<Slot, Occupied<E>> {
        let hash = sip_counted(entry.key(), self.config.hash_key, work);
        if self.arena.len() > 0 {
            self.step_on_read(work);
            if let Some(Place { slot, .. }) = self.locate(hash, entry.key(), work) {
                return Err(Occupied { entry, slot });
            }
        }
        self.grow_if_needed(work);
        self.step_on_write(work);
        let slot = self.arena.insert(entry, 0, work);
        let mut newest = self.newest();
        let top = newest.array.bucket_of(hash);
        newest.add(top, slot, tag_of(hash), work);
        Ok(slot)
    }

    fn remove(&mut self, key: &E::Key, work: &mut Work) -> Option<E> {
        if self.arena.len() == 0 {
            return None;
        }
        let hash = sip_counted(key, self.config.hash_key, work);
        self.step_on_read(work);
        let found = self.locate(hash, key, work)?;
        let mut chains = ChainsMut {
            array: match &mut self.moving {
                Some(moving) if found.is_in_target => &mut moving.target,
                _ => &mut self.main,
            },
            children: &mut self.children,
        };
        chains.remove(found.part, found.place, self.pauses.are_over(), work);
        let entry = self.arena.remove(found.slot, work);
        self.shrink_if_needed(work);
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

    /// Top-level buckets.
    fn buckets(&self) -> u64 {
        self.main.buckets() + self.target().map_or(0, Array::buckets)
    }

    /// Child buckets included.
    fn bucket_bytes(&self) -> BucketBytes {
        BucketBytes {
            old: self.main.bytes(),
            new: self.target().map_or(0, Array::bytes),
        }
    }

    fn rehash(&self) -> Option<Rehash> {
        self.moving.as_ref().map(|moving| Rehash {
            from: self.main.buckets(),
            to: moving.target.buckets(),
            buckets_done: moving.cursor,
            entries_moved: moving.entries_moved,
        })
    }

    fn set_resize_policy(&mut self, policy: ResizePolicy) {
        self.policy = policy;
    }

    fn set_growth_headroom(&mut self, bytes: Option<u64>) {
        self.headroom = bytes;
    }

    /// Shrinks or else grows the table, as the timer does for 16 tables a tick
    /// (hashtableRightsizeIfNeeded).
    fn cron_resize(&mut self, work: &mut Work) {
        if !self.shrink_if_needed(work) && self.main.buckets() > 0 {
            self.grow_if_needed(work);
        }
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
        let moved = self.moving.as_ref().map_or(0, |moving| moving.cursor);
        let sizes = (self.main.buckets(), self.target().map(Array::buckets));
        scan_buckets(sizes, cursor, &mut |which, top| match which {
            Which::One if (top as u64) < moved => {}
            Which::One => self.visit_chain(&self.main, top, visit, work),
            Which::Other => {
                let target = self.target().expect("it has buckets");
                self.visit_chain(target, top, visit, work);
            }
        })
    }

    fn walk(&self, position: &mut Position, work: &mut Work) -> Option<Slot> {
        loop {
            let array = match (position.table, &self.moving) {
                (0, None) => &self.main,
                (0, Some(moving)) => {
                    position.bucket = position.bucket.max(moving.cursor);
                    &self.main
                }
                (1, Some(moving)) => &moving.target,
                _ => return None,
            };
            if position.bucket == array.buckets() {
                (position.table, position.bucket) = (position.table + 1, 0);
                continue;
            }
            // One more than the place returned last, so that zero is before the first.
            let end = position.next.checked_sub(1).map(|place| place as usize);
            let found = self.place_below(array, position.bucket as usize, end, work);
            if let Some((place, slot)) = found {
                position.next = place as u32 + 1;
                work.count(Counter::EntriesVisited, 1);
                self.arena.visit(slot, work);
                return Some(slot);
            }
            position.bucket += 1;
            position.next = 0;
        }
    }

    /// Scans from a random cursor on; what a long chain has beyond the wanted number takes the place
    /// of others at random (hashtableSampleEntries).
    fn sample(
        &mut self,
        wanted: usize,
        random: &mut Sequence,
        sample: &mut Vec<Slot>,
        work: &mut Work,
    ) {
        let wanted = usize::try_from(self.arena.len()).map_or(wanted, |len| wanted.min(len));
        let first = sample.len();
        let (mut cursor, mut seen) = (random.next_u64(), 0);
        while seen < wanted {
            let mut visit = |slot, _: &E| {
                seen += 1;
                if sample.len() - first < wanted {
                    sample.push(slot);
                    return;
                }
                let chosen = random.below(seen as u64) as usize;
                if chosen < wanted {
                    sample[first + chosen] = slot;
                }
            };
            cursor = self.scan(cursor, &mut visit, work);
        }
        self.step_on_read(work);
    }

    /// One of 70 entries of a sample (hashtableFairRandomEntry).
    fn random(&mut self, random: &mut Sequence, work: &mut Work) -> Option<Slot> {
        let mut sample = Vec::with_capacity(FAIR_SAMPLE);
        self.sample(FAIR_SAMPLE, random, &mut sample, work);
        match sample.len() as u64 {
            0 => None,
            len => Some(sample[random.below(len) as usize]),
        }
    }

    fn take_event(&mut self) -> Option<TableEvent> {
        self.events.take()
    }
}
