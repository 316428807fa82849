//! Extendible hashing by segments: a full segment splits in two, and no other is touched.
//!
//! ```text
//!    directory    [ 0  0  1  4  2  2  2  2 ]      by the highest bits of the hash
//!                   |  |  |  |  '--------'--- a segment that has split less often has more places
//!    segment      [ 56 home buckets | 4 stash buckets ]   of 14 places each
//! ```
//!
//! It is Dash (Lu and others, "Dash: scalable hashing on persistent memory", VLDB 2020) as Dragonfly
//! has it (`dragonfly:docs/dashtable.md`, `dragonfly:src/core/dash_internal.h`): no array grows with
//! the table but the directory, of 8 bytes for every 840 places, so that growth costs the split of
//! one segment at a time, a few hundred keys hashed again. Segments fill alike and so split in waves.

mod segment;

use crate::arena::{Arena, EntryAllocation};
use crate::event::{EventLog, Rehash, TableEvent, TableEventKind};
use crate::hash::{sip_counted, sip_of};
use crate::pages::Pages;
use crate::table::{BucketBytes, Entry, Key, Occupied, Pauses, Position, Slot, Table, TableConfig};
use kvrig_base::random::Sequence;
use kvrig_base::seam::{Cause, Counter, Work};
use segment::{BUCKETS, HOMES, PLACES, PRODUCT_SEGMENT_BYTES, Place, Segments};

/// Power of two of the first segments (`dragonfly:src/server/table.cc`, kInitSegmentLog).
const INITIAL_DEPTH: u32 = 3;
/// Power of two of the directory at most. Keys that share so many bits of their hashes are not told
/// apart by more.
const DEPTH_MAX: u32 = 28;
/// Bytes of a place of the directory in the product: a pointer.
const DIRECTORY_PLACE_BYTES: u64 = 8;
/// Bits of a scan's cursor that number the bucket.
const CURSOR_BUCKET_BITS: u32 = 8;
/// Buckets visited for each entry that a sample wants, at most; and for all, at least those of the
/// first segments.
const VISITS_PER_ENTRY: usize = 10;
const VISITS_MIN: usize = BUCKETS << INITIAL_DEPTH;
/// Draws of a random place before the next entry behind the last one is taken.
const DRAWS_MAX: u32 = 64;

/// The table of Dragonfly's design.
///
/// - A segment whose two buckets for an entry and four stash buckets are full is split by the
///   insertion that finds it so. The directory doubles where the segment has no second place in it.
/// - Events tell of rounds, in buckets: from the middle of one wave of splits, when there are half as
///   many segments again as a power of two, to the middle of the next. The first begins at once.
///   [`Table::rehash`] is always `None`, because a split is over with its insertion.
/// - It never shrinks and knows no forked child, no timer and no memory limit that it could heed
///   without refusing entries: [`Table::set_resize_policy`], [`Table::set_growth_headroom`],
///   [`Table::cron_resize`] and [`Table::cron_rehash`] change nothing.
/// - While [`Table::pause_rehash`] holds, entries without a place are kept beside their segment.
///
/// Two things are simpler than in Dragonfly: places hold pointers to entries of one allocation
/// each, where Dragonfly's hold keys and values; and a home bucket keeps the fingerprints of four
/// stashed entries, where Dragonfly lends it those of its neighbour, too. Keys are hashed by
/// SipHash-1-2.
#[derive(Debug)]
pub struct SegmentedTable<E: Entry> {
    config: TableConfig,
    arena: Arena<E>,
    segments: Segments,
    /// The segment of each value of the highest `depth` bits of a hash.
    directory: Vec<u32>,
    directory_pages: Pages,
    depth: u32,
    /// Buckets where the present round began, and entries that it has moved.
    round_from: u64,
    round_moved: u64,
    pauses: Pauses,
    events: EventLog,
}

/// The number of segments at which a round ends that begins at `segments`, if one does.
fn next_round(segments: u64) -> Option<u64> {
    if segments == 1 << INITIAL_DEPTH {
        Some(segments / 2 * 3)
    } else {
        let is_middle = segments.is_multiple_of(3) && (segments / 3).is_power_of_two();
        is_middle.then_some(2 * segments)
    }
}

impl<E: Entry> SegmentedTable<E> {
    /// An empty table; it has no segments until the first insertion, which makes eight.
    pub fn new(config: TableConfig) -> Self {
        Self {
            config,
            arena: Arena::new(config.regions, EntryAllocation::EachEntry),
            segments: Segments::new(config.regions.buckets[0]),
            directory: Vec::new(),
            directory_pages: Pages::NONE,
            depth: 0,
            round_from: 0,
            round_moved: 0,
            pauses: Pauses::default(),
            events: EventLog::default(),
        }
    }

    /// The segment of a hash.
    #[inline]
    fn segment_of(&self, hash: u64, work: &mut Work) -> u32 {
        let place = hash >> (64 - self.depth);
        work.read_bytes(self.config.regions.buckets[1], 4 * place, 4);
        self.directory[place as usize]
    }

    #[inline]
    fn locate(&self, hash: u64, key: &E::Key, work: &mut Work) -> Option<(Place, Slot)> {
        let segment = self.segment_of(hash, work);
        self.segments.find(segment, hash, work, |slot, work| {
            work.count(Counter::EntriesVisited, 1);
            let is_it = self.arena.visit_key(slot, work).0 == key;
            if is_it {
                work.count(Counter::BytesScanned, key.byte_len());
            }
            is_it
        })
    }

    fn make_first_segments(&mut self, work: &mut Work) {
        work.caused_by(Cause::AllocateTable, |work| {
            self.depth = INITIAL_DEPTH;
            for number in 0..1 << INITIAL_DEPTH {
                let prefix = number << (64 - INITIAL_DEPTH);
                let segment = self.segments.add(INITIAL_DEPTH, prefix, work);
                self.directory.push(segment);
            }
            self.directory_pages =
                Pages::allocate(self.directory.len() as u64 * DIRECTORY_PLACE_BYTES, work);
        });
    }

    /// Doubles the directory, each segment having twice as many places in it (IncreaseDepth).
    fn double_directory(&mut self, work: &mut Work) {
        work.caused_by(Cause::AllocateTable, |work| {
            let doubled = self.directory.iter().flat_map(|&segment| [segment; 2]);
            self.directory = doubled.collect();
            self.depth += 1;
            let bytes = self.directory.len() as u64 * DIRECTORY_PLACE_BYTES;
            let mut pages = Pages::allocate(bytes, work);
            pages.touch_all(0..bytes, work);
            work.count(Counter::BytesCopied, bytes);
            let mut old = std::mem::replace(&mut self.directory_pages, pages);
            work.caused_by(Cause::FreeTable, |work| old.free(work));
        });
    }

    /// Splits a segment in two.
    fn split(&mut self, segment: u32, work: &mut Work) {
        if self.segments.depth(segment) == self.depth {
            self.double_directory(work);
        }
        let segments = self.segments.len();
        if let Some(next) = next_round(segments) {
            self.round_from = segments * BUCKETS as u64;
            self.round_moved = 0;
            let (from, to) = (self.round_from, next * BUCKETS as u64);
            self.events
                .push(TableEventKind::Started { from, to }, self.arena.len());
        }
        let depth = self.segments.depth(segment) + 1;
        let prefix = self.segments.prefix(segment) | 1 << (64 - depth);
        let new = work.caused_by(Cause::AllocateTable, |work| {
            self.segments.add(depth, prefix, work)
        });
        let (arena, hash_key) = (&self.arena, self.config.hash_key);
        let moved = self.segments.split(segment, new, work, |slot, work| {
            sip_counted(arena.visit_key(slot, work).0, hash_key, work)
        });
        work.count(Counter::EntriesMigrated, moved);
        self.round_moved += moved;
        let first = (prefix >> (64 - self.depth)) as usize;
        let places = 1 << (self.depth - depth);
        self.directory[first..first + places].fill(new);
        work.write_bytes(
            self.config.regions.buckets[1],
            4 * first as u64,
            4 * places as u64,
        );
        let segments = self.segments.len();
        if next_round(segments).is_some() {
            let ended = TableEventKind::Ended {
                from: self.round_from,
                to: segments * BUCKETS as u64,
                moved: self.round_moved,
            };
            self.events.push(ended, self.arena.len());
        }
    }

    fn visit(&self, slot: Slot, work: &mut Work) -> Slot {
        work.count(Counter::EntriesVisited, 1);
        self.arena.visit(slot, work);
        slot
    }
}

impl<E: Entry> Table<E> for SegmentedTable<E> {
    #[inline]
    fn find(&mut self, key: &E::Key, work: &mut Work) -> Option<Slot> {
        if self.arena.len() == 0 {
            return None;
        }
        let hash = sip_counted(key, self.config.hash_key, work);
        self.locate(hash, key, work).map(|(_, slot)| slot)
    }

    fn peek(&self, key: &E::Key) -> Option<Slot> {
        if self.arena.len() == 0 {
            return None;
        }
        let hash = sip_of(key, self.config.hash_key);
        let segment = self.directory[(hash >> (64 - self.depth)) as usize];
        let work = &mut Work::unpriced();
        let found = self.segments.find(segment, hash, work, |slot, _| {
            self.arena.entry(slot).key() == key
        });
        found.map(|(_, slot)| slot)
    }

    fn insert(&mut self, entry: E, work: &mut Work) -> Result<Slot, Occupied<E>> {
        if self.directory.is_empty() {
            self.make_first_segments(work);
        }
        let hash = sip_counted(entry.key(), self.config.hash_key, work);
        if let Some((_, slot)) = self.locate(hash, entry.key(), work) {
            return Err(Occupied { entry, slot });
        }
        let may_move = self.pauses.are_over();
        let slot = self.arena.insert(entry, 0, work);
        loop {
            let segment = self.segment_of(hash, work);
            if self.segments.insert(segment, slot, hash, may_move, work) {
                return Ok(slot);
            }
            if !may_move || self.segments.depth(segment) == DEPTH_MAX {
                self.segments.spill(segment, slot, hash);
                return Ok(slot);
            }
            work.caused_by(Cause::RehashStep, |work| self.split(segment, work));
        }
    }

    fn remove(&mut self, key: &E::Key, work: &mut Work) -> Option<E> {
        if self.arena.len() == 0 {
            return None;
        }
        let hash = sip_counted(key, self.config.hash_key, work);
        let (place, slot) = self.locate(hash, key, work)?;
        self.segments.remove(place, hash, work);
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
        self.arena.clear(work);
        if self.directory.is_empty() {
            return;
        }
        work.caused_by(Cause::FreeTable, |work| {
            self.segments.clear(work);
            self.directory_pages.free(work);
        });
        self.directory = Vec::new();
        self.depth = 0;
    }

    fn len(&self) -> u64 {
        self.arena.len()
    }

    fn buckets(&self) -> u64 {
        self.segments.len() * BUCKETS as u64
    }

    /// Segments and the directory.
    fn bucket_bytes(&self) -> BucketBytes {
        let directory = self.directory.len() as u64 * DIRECTORY_PLACE_BYTES;
        BucketBytes {
            old: self.segments.len() * PRODUCT_SEGMENT_BYTES + directory,
            new: 0,
        }
    }

    fn rehash(&self) -> Option<Rehash> {
        None
    }

    fn pause_rehash(&mut self) {
        self.pauses.begin();
    }

    fn resume_rehash(&mut self) {
        self.pauses.end();
    }

    /// The cursor is the lowest hash of the segment that is visited, with the home bucket in its
    /// lowest bits. Entries keep their home when a segment splits, and the upper half is visited
    /// after the lower one.
    fn scan(&self, cursor: u64, visit: &mut dyn FnMut(Slot, &E), work: &mut Work) -> u64 {
        if self.arena.len() == 0 {
            return 0;
        }
        let bucket_mask = (1 << CURSOR_BUCKET_BITS) - 1;
        let (hash, home) = (
            cursor & !bucket_mask,
            (cursor & bucket_mask) as usize % HOMES,
        );
        let segment = self.segment_of(hash, work);
        let hash_of = |slot, work: &mut Work| {
            let (key, _) = self.arena.visit_key(slot, work);
            sip_counted(key, self.config.hash_key, work)
        };
        self.segments
            .visit_home(segment, home, work, hash_of, |slot, work| {
                visit(self.visit(slot, work), self.arena.entry(slot));
            });
        if home + 1 < HOMES {
            return hash | (home as u64 + 1);
        }
        let last = self.segments.prefix(segment) | (u64::MAX >> self.segments.depth(segment));
        last.wrapping_add(1)
    }

    fn walk(&self, position: &mut Position, work: &mut Work) -> Option<Slot> {
        while u64::from(position.table) < self.segments.len() {
            let (bucket, place) = (position.bucket as usize, position.next as usize);
            let found = self
                .segments
                .next_entry(position.table, bucket, place, work);
            if let Some((at, slot)) = found {
                position.bucket = at.bucket as u64;
                position.next = at.place as u32 + 1;
                return Some(self.visit(slot, work));
            }
            *position = Position {
                table: position.table + 1,
                ..Position::default()
            };
        }
        None
    }

    /// Takes no step: insertions alone split.
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
        // From a random bucket on, through all segments at most once.
        let first = random.below(self.buckets());
        let visits = (wanted * VISITS_PER_ENTRY).max(VISITS_MIN) as u64;
        let end = sample.len() + wanted;
        for number in first..first + visits.min(self.buckets()) {
            let number = number % self.buckets();
            let (segment, bucket) = (number / BUCKETS as u64, (number % BUCKETS as u64) as usize);
            let mut place = 0;
            while let Some((at, slot)) =
                self.segments
                    .next_entry(segment as u32, bucket, place, work)
            {
                // What is spilled is visited with the last bucket.
                if at.bucket != bucket && (at.bucket, bucket) != (BUCKETS, BUCKETS - 1) {
                    break;
                }
                sample.push(self.visit(slot, work));
                if sample.len() == end {
                    return;
                }
                place = at.place + 1;
                if at.bucket == BUCKETS {
                    break;
                }
            }
        }
    }

    fn random(&mut self, random: &mut Sequence, work: &mut Work) -> Option<Slot> {
        if self.arena.len() == 0 {
            return None;
        }
        let (mut segment, mut bucket) = (0, 0);
        for _ in 0..DRAWS_MAX {
            // A place of the directory, so that each segment counts by its share of hashes.
            let hash = random.next_u64();
            segment = self.segment_of(hash, work);
            bucket = random.below(BUCKETS as u64) as usize;
            let place = random.below(PLACES as u64) as usize;
            if let Some(slot) = self.segments.slot(segment, bucket, place, work) {
                return Some(self.visit(slot, work));
            }
        }
        // A sparse table: the next entry from there on, in this segment or one behind it.
        loop {
            if let Some((_, slot)) = self.segments.next_entry(segment, bucket, 0, work) {
                return Some(self.visit(slot, work));
            }
            segment = (segment + 1) % self.segments.len() as u32;
            bucket = 0;
        }
    }

    fn take_event(&mut self) -> Option<TableEvent> {
        self.events.take()
    }
}
