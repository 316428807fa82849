//! Open addressing in two designs: one that moves everything at once, one that moves a few entries
//! with each insertion.
//!
//! ```text
//!    control  | 12 | 5f | -- | 33 | xx | 70 | -- | ...     7 bits of each entry's hash, empty, or left
//!    links    | s4 | s0 |    | s9 |    | s2 |    | ...     to slots
//! ```
//!
//! A search compares the control bytes of 16 places at once and reads a link only where seven bits
//! of the hash agree, as in hashbrown, the table of Rust's standard library, whose rules of load,
//! growth and removal these are (`hashbrown:src/raw/mod.rs`). It goes on to the places behind
//! (linear probing), where hashbrown jumps to groups farther and farther away.

mod array;

use crate::arena::{Arena, EntryAllocation};
use crate::event::{EventLog, Rehash, TableEvent, TableEventKind};
use crate::hash::{sip_counted, sip_of};
use crate::table::{BucketBytes, Entry, Key, Occupied, Pauses, Position, Slot, Table, TableConfig};
use array::{GROUP, PlaceArray, capacity, places_for};
use kvrig_base::random::Sequence;
use kvrig_base::seam::{Cause, Counter, Work};
use std::collections::VecDeque;

/// Entries that one insertion moves (`griddle:src/raw/mod.rs`, R).
pub const CARRIED_PER_INSERTION: u64 = 8;
/// Groups visited for each entry that a sample wants, at most.
const VISITS_PER_ENTRY: usize = 10;
/// Draws of a random place before the next entry behind the last one is taken.
const DRAWS_MAX: u32 = 64;

/// How entries come into a larger array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Design {
    /// The insertion that finds the array full moves everything into one of twice the size, as
    /// hashbrown does.
    AtOnce,
    /// The insertion that finds the array full allocates the next one; it and each one after it move
    /// eight entries, and the last of them frees the old array, as griddle 0.6 does.
    Amortised,
}

/// A table of open addressing. An array is full at 7 entries in 8 places.
///
/// Neither design shrinks, nor knows forked children, a memory limit or a timer:
/// [`Table::set_resize_policy`], [`Table::set_growth_headroom`], [`Table::cron_resize`] and
/// [`Table::cron_rehash`] change nothing, and look-ups move nothing. An array that is full of places
/// whose entries have left, and not of entries, is replaced by one of the same size.
///
/// While [`Table::pause_rehash`] holds, a full array stays as it is beside the next one, and its
/// entries are moved after.
///
/// Keys are hashed by SipHash-1-2, and once more when their entry moves, as in both products.
#[derive(Debug)]
pub struct OpenTable<E: Entry> {
    design: Design,
    config: TableConfig,
    arena: Arena<E>,
    /// Arrays that entries move from, the oldest first: one at most, unless rehashing was paused.
    old: VecDeque<Leftovers>,
    /// The array that takes new entries.
    main: PlaceArray,
    /// Which of the two bucket regions `main` has.
    region: usize,
    pauses: Pauses,
    /// Hold the entries of a batch that moves, and their hashes.
    taken: Vec<Slot>,
    hashes: Vec<u64>,
    events: EventLog,
}

/// An array that entries move from.
#[derive(Debug)]
struct Leftovers {
    array: PlaceArray,
    /// Places below this one have no entry.
    cursor: usize,
    entries_moved: u64,
}

/// Where an entry is: the number of the old array, or none for the main one, and the place.
type Found = (Option<usize>, usize, Slot);

impl<E: Entry> OpenTable<E> {
    /// An empty table; it has no array until the first insertion.
    pub fn new(design: Design, config: TableConfig) -> Self {
        Self {
            design,
            config,
            arena: Arena::new(config.regions, EntryAllocation::EachEntry),
            old: VecDeque::new(),
            main: PlaceArray::none(config.regions.buckets[0]),
            region: 0,
            pauses: Pauses::default(),
            taken: Vec::new(),
            hashes: Vec::new(),
            events: EventLog::default(),
        }
    }

    /// Looks for `key` in the main array, then in the old ones.
    #[inline]
    fn locate(&self, hash: u64, key: &E::Key, work: &mut Work) -> Option<Found> {
        let mut is_it = |slot, work: &mut Work| {
            work.count(Counter::EntriesVisited, 1);
            let is_it = self.arena.visit_key(slot, work).0 == key;
            if is_it {
                work.count(Counter::BytesScanned, key.byte_len());
            }
            is_it
        };
        if let Some((place, slot)) = self.main.find(hash, work, &mut is_it) {
            return Some((None, place, slot));
        }
        for (number, leftovers) in self.old.iter().enumerate() {
            if let Some((place, slot)) = leftovers.array.find(hash, work, &mut is_it) {
                return Some((Some(number), place, slot));
            }
        }
        None
    }

    /// All arrays, the oldest first, with their first places that may have entries.
    fn arrays(&self) -> impl Iterator<Item = (&PlaceArray, usize)> {
        let old = self
            .old
            .iter()
            .map(|leftovers| (&leftovers.array, leftovers.cursor));
        old.chain([(&self.main, 0)])
    }

    /// Places for the next array.
    fn places_wanted(&self) -> u64 {
        let entries = self.arena.len();
        match self.design {
            Design::AtOnce => {
                let full = capacity(self.main.places());
                if entries < full / 2 {
                    self.main.places()
                } else {
                    places_for(full.max(entries) + 1)
                }
            }
            // Room for all entries, for those that come while they move, and for as many again
            // (griddle, try_grow).
            Design::Amortised => {
                let insertions = entries.div_ceil(CARRIED_PER_INSERTION);
                places_for(entries + insertions + insertions.max(1))
            }
        }
    }

    /// Makes sure that the main array may take an entry.
    fn make_room(&mut self, work: &mut Work) {
        if !self.main.is_full() {
            return;
        }
        self.replace_main(work);
        // More than one: removals and a pause have used the main array up before the old was empty.
        let is_hindered = self.old.len() > 1;
        if self.pauses.are_over() && (self.design == Design::AtOnce || is_hindered) {
            self.carry_all(work);
        }
    }

    /// Allocates the next array. Entries begin to move from the present one, if it has places.
    fn replace_main(&mut self, work: &mut Work) {
        let (from, to) = (self.main.places(), self.places_wanted());
        self.region = if from == 0 { 0 } else { self.region ^ 1 };
        let region = self.config.regions.buckets[self.region];
        let new = work.caused_by(Cause::AllocateTable, |work| {
            PlaceArray::allocate(to, region, work)
        });
        let full = std::mem::replace(&mut self.main, new);
        if from > 0 {
            self.events
                .push(TableEventKind::Started { from, to }, self.arena.len());
            self.old.push_back(Leftovers {
                array: full,
                cursor: 0,
                entries_moved: 0,
            });
        }
    }

    /// The share of one insertion in moving the old entries.
    #[inline]
    fn step(&mut self, work: &mut Work) {
        if self.old.is_empty() || !self.pauses.are_over() {
            return;
        }
        match self.design {
            Design::AtOnce => self.carry_all(work),
            Design::Amortised => {
                work.caused_by(Cause::RehashStep, |work| {
                    self.carry(CARRIED_PER_INSERTION, work);
                });
            }
        }
    }

    fn carry_all(&mut self, work: &mut Work) {
        // After a pause the main array may have been made for fewer.
        if self.main.room() < self.arena.len() - self.main.entries() {
            self.replace_main(work);
        }
        work.caused_by(Cause::RehashAll, |work| {
            while !self.old.is_empty() {
                self.carry(u64::MAX, work);
            }
        });
    }

    /// Moves up to `budget` entries of the oldest array, which goes when it is empty.
    fn carry(&mut self, budget: u64, work: &mut Work) {
        let Some(Leftovers {
            array,
            cursor,
            entries_moved,
        }) = self.old.front_mut()
        else {
            return;
        };
        // After a pause the main array may be fuller than it was made for.
        let budget = budget.min(self.main.room());
        let mut moved = 0;
        while moved < budget && array.entries() > 0 {
            let mut taken = std::mem::take(&mut self.taken);
            let batch = (budget - moved).min(CARRIED_PER_INSERTION);
            *cursor = array.take(*cursor, batch as usize, &mut taken, work);
            moved += taken.len() as u64;
            // All hashes are made before the first entry moves, so that the reads overlap.
            self.hashes.extend(taken.iter().map(|&slot| {
                let (key, _) = self.arena.visit_key(slot, work);
                sip_counted(key, self.config.hash_key, work)
            }));
            for (slot, hash) in taken.drain(..).zip(self.hashes.drain(..)) {
                self.main.add(hash, slot, work);
            }
            self.taken = taken;
        }
        *entries_moved += moved;
        work.count(Counter::EntriesMigrated, moved);
        if array.entries() == 0 {
            self.end(0, work);
        }
    }

    /// Frees an old array that has no entries.
    fn end(&mut self, number: usize, work: &mut Work) {
        let Some(mut leftovers) = self.old.remove(number) else {
            return;
        };
        let from = leftovers.array.places();
        let to = match self.old.get(number) {
            Some(next) => next.array.places(),
            None => self.main.places(),
        };
        let moved = leftovers.entries_moved;
        let len = self.arena.len();
        self.events
            .push(TableEventKind::Ended { from, to, moved }, len);
        let pages = work.caused_by(Cause::FreeTable, |work| leftovers.array.free(work));
        let freed = TableEventKind::Freed {
            buckets: from,
            pages,
        };
        self.events.push(freed, len);
    }
}

impl<E: Entry> Table<E> for OpenTable<E> {
    #[inline]
    fn find(&mut self, key: &E::Key, work: &mut Work) -> Option<Slot> {
        if self.arena.len() == 0 {
            return None;
        }
        let hash = sip_counted(key, self.config.hash_key, work);
        self.locate(hash, key, work).map(|(_, _, slot)| slot)
    }

    fn peek(&self, key: &E::Key) -> Option<Slot> {
        if self.arena.len() == 0 {
            return None;
        }
        let hash = sip_of(key, self.config.hash_key);
        let is_it = |slot| self.arena.entry(slot).key() == key;
        self.arrays().find_map(|(array, _)| array.peek(hash, is_it))
    }

    fn insert(&mut self, entry: E, work: &mut Work) -> Result<Slot, Occupied<E>> {
        let hash = sip_counted(entry.key(), self.config.hash_key, work);
        if self.arena.len() > 0
            && let Some((_, _, slot)) = self.locate(hash, entry.key(), work)
        {
            return Err(Occupied { entry, slot });
        }
        self.make_room(work);
        let slot = self.arena.insert(entry, 0, work);
        self.main.add(hash, slot, work);
        self.step(work);
        Ok(slot)
    }

    fn remove(&mut self, key: &E::Key, work: &mut Work) -> Option<E> {
        if self.arena.len() == 0 {
            return None;
        }
        let hash = sip_counted(key, self.config.hash_key, work);
        let (number, place, slot) = self.locate(hash, key, work)?;
        match number {
            None => self.main.remove(place, work),
            Some(number) => {
                self.old[number].array.remove(place, work);
                if self.old[number].array.entries() == 0 && self.pauses.are_over() {
                    self.end(number, work);
                }
            }
        }
        Some(self.arena.remove(slot, work))
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
        work.count(
            Counter::BucketsProbed,
            self.buckets().div_ceil(GROUP as u64),
        );
        self.arena.clear(work);
        while !self.old.is_empty() {
            self.end(0, work);
        }
        let buckets = self.main.places();
        if buckets > 0 {
            let pages = work.caused_by(Cause::FreeTable, |work| self.main.free(work));
            self.events
                .push(TableEventKind::Freed { buckets, pages }, 0);
        }
    }

    fn len(&self) -> u64 {
        self.arena.len()
    }

    /// Places of all arrays.
    fn buckets(&self) -> u64 {
        self.arrays().map(|(array, _)| array.places()).sum()
    }

    fn bucket_bytes(&self) -> BucketBytes {
        if self.old.is_empty() {
            return BucketBytes {
                old: self.main.bytes(),
                new: 0,
            };
        }
        BucketBytes {
            old: self.old.iter().map(|old| old.array.bytes()).sum(),
            new: self.main.bytes(),
        }
    }

    fn rehash(&self) -> Option<Rehash> {
        self.old.front().map(|leftovers| Rehash {
            from: leftovers.array.places(),
            to: self.main.places(),
            buckets_done: leftovers.cursor as u64,
            entries_moved: leftovers.entries_moved,
        })
    }

    fn pause_rehash(&mut self) {
        self.pauses.begin();
    }

    fn resume_rehash(&mut self) {
        self.pauses.end();
    }

    /// The cursor is the lowest hash not yet visited: places are in the order of hashes in arrays of
    /// every size. A step visits the entries of 16 homes of the main array, and hashes the keys that
    /// it meets to tell them from others.
    fn scan(&self, cursor: u64, visit: &mut dyn FnMut(Slot, &E), work: &mut Work) -> u64 {
        if self.arena.len() == 0 {
            return 0;
        }
        // 2^64 / places * 16, without the overflow.
        let span_max = u64::MAX / (self.main.places() / GROUP as u64);
        let last = cursor | span_max;
        for (array, _) in self.arrays() {
            let homes = array.home(cursor)..array.home(last) + 1;
            array.visit_homes(homes, work, |slot, work| {
                work.count(Counter::EntriesVisited, 1);
                let (key, _) = self.arena.visit_key(slot, work);
                let hash = sip_counted(key, self.config.hash_key, work);
                if (cursor..=last).contains(&hash) {
                    visit(slot, self.arena.entry(slot));
                }
            });
        }
        last.wrapping_add(1)
    }

    fn walk(&self, position: &mut Position, work: &mut Work) -> Option<Slot> {
        loop {
            let (array, first) = self.arrays().nth(position.table as usize)?;
            let from = first.max(position.bucket as usize);
            if let Some((place, slot)) = array.next_entry(from, work) {
                position.bucket = place as u64 + 1;
                work.count(Counter::EntriesVisited, 1);
                self.arena.visit(slot, work);
                return Some(slot);
            }
            position.table += 1;
            position.bucket = 0;
        }
    }

    /// Takes no step: insertions alone do.
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
        let end = sample.len() + wanted;
        let places = self.buckets();
        let start = random.below(places);
        let visits = (wanted * VISITS_PER_ENTRY * GROUP) as u64;
        // The places of all arrays in a row, from a random one on, each once at most.
        let (mut visited, mut first) = (0, start);
        while visited < visits.min(places) && sample.len() < end {
            let (array, place, rest) = self.nth_place(first);
            let rest = rest.min(places - visited);
            let slots = array.entries_in(place, rest.min(GROUP as u64), work);
            sample.extend(slots.take(end - sample.len()));
            let step = rest.min(GROUP as u64);
            visited += step;
            first = (first + step) % places;
        }
        for &slot in &sample[end - wanted..] {
            work.count(Counter::EntriesVisited, 1);
            self.arena.visit(slot, work);
        }
    }

    fn random(&mut self, random: &mut Sequence, work: &mut Work) -> Option<Slot> {
        if self.arena.len() == 0 {
            return None;
        }
        let places = self.buckets();
        let mut drawn = 0;
        for _ in 0..DRAWS_MAX {
            drawn = random.below(places);
            let (array, place, _) = self.nth_place(drawn);
            if let Some(slot) = array.entries_in(place, 1, work).next() {
                return Some(self.visit(slot, work));
            }
        }
        // A sparse table: the next entry from there on, in this array or another.
        loop {
            let (array, place, rest) = self.nth_place(drawn);
            if let Some((_, slot)) = array.next_entry(place, work) {
                return Some(self.visit(slot, work));
            }
            drawn = (drawn + rest) % places;
        }
    }

    fn take_event(&mut self) -> Option<TableEvent> {
        self.events.take()
    }
}

impl<E: Entry> OpenTable<E> {
    /// The array that the `number`-th place of all is in, the place there, and how many places are
    /// left from it on.
    fn nth_place(&self, mut number: u64) -> (&PlaceArray, usize, u64) {
        for (array, _) in self.arrays() {
            if number < array.places() {
                return (array, number as usize, array.places() - number);
            }
            number -= array.places();
        }
        unreachable!("the number is below the number of places")
    }

    fn visit(&self, slot: Slot, work: &mut Work) -> Slot {
        work.count(Counter::EntriesVisited, 1);
        self.arena.visit(slot, work);
        slot
    }
}
