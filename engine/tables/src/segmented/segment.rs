//! Segments: small tables of a constant size, with room for what their buckets cannot hold.

use crate::arena::{END, Link, link_to, slot_at};
use crate::bytes::{equal, ones};
use crate::pages::PAGE_BYTES;
use crate::table::Slot;
use kvrig_base::seam::{Counter, Region, Work};
use std::fmt;

/// Buckets that hashes lead to.
pub(super) const HOMES: usize = 56;
/// Buckets for the overflow of all others.
const STASHES: usize = 4;
/// Buckets of a segment.
pub(super) const BUCKETS: usize = HOMES + STASHES;
/// Places of a bucket.
pub(super) const PLACES: usize = 14;
/// Bytes of a segment in the product: 32 bytes of fingerprints and counts for each bucket, and its
/// pointers.
pub(super) const PRODUCT_SEGMENT_BYTES: u64 = (BUCKETS * (32 + 8 * PLACES)) as u64;

/// A bucket. Its entries are at home here, or guests from the bucket before.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Bucket {
    /// A byte of each entry's hash, in a row of 16 to be compared at once.
    fingerprints: [u8; 16],
    /// The places that are taken, a bit each.
    used: u16,
    /// The places whose entries are guests, a bit each.
    guests: u16,
    /// Fingerprints of entries at home here that are in a stash, and that stash plus one.
    stashed: [(u8, u8); 4],
    /// How many more are in stashes.
    stashed_more: u16,
    links: [Link; PLACES],
}

const BUCKET_BYTES: u64 = size_of::<Bucket>() as u64;
/// What a look at a bucket reads before it knows which links.
const HEAD_BYTES: u64 = 32;

const _: () = assert!(
    std::mem::offset_of!(Bucket, links) == HEAD_BYTES as usize,
    "as many bytes as in the product"
);

impl Bucket {
    const EMPTY: Self = Self {
        fingerprints: [0; 16],
        used: 0,
        guests: 0,
        stashed: [(0, 0); 4],
        stashed_more: 0,
        links: [END; PLACES],
    };

    #[inline]
    fn free_place(&self) -> Option<usize> {
        let place = self.used.trailing_ones() as usize;
        (place < PLACES).then_some(place)
    }
    #[inline]
    const fn len(&self) -> u32 {
        self.used.count_ones()
    }
    /// The taken places with `fingerprint`, a bit each.
    #[inline]
    fn matching(&self, fingerprint: u8) -> u32 {
        let word = |first: usize| {
            let eight = self.fingerprints[first..].first_chunk();
            u64::from_le_bytes(*eight.expect("two times eight"))
        };
        let [low, high] = [word(0), word(8)].map(|word| equal(word, fingerprint));
        (u32::from(low) | u32::from(high) << 8) & u32::from(self.used)
    }
    /// The first entry that is a guest, or that is none.
    fn first(&self, is_guest: bool) -> Option<usize> {
        let kind = if is_guest { self.guests } else { !self.guests };
        ones(u32::from(self.used & kind)).next()
    }
    fn put(&mut self, place: usize, link: Link, fingerprint: u8, is_guest: bool) {
        self.links[place] = link;
        self.used = self.used & !(1 << place) | u16::from(link != END) << place;
        self.fingerprints[place] = fingerprint;
        self.guests = self.guests & !(1 << place) | u16::from(is_guest) << place;
    }
}

/// A segment.
struct Segment {
    buckets: Box<[Bucket; BUCKETS]>,
    /// How many of the highest bits of the hash all its entries share.
    depth: u32,
    /// Those bits, as the lowest hash of the segment.
    prefix: u64,
    /// Entries that found no place while nothing might be moved, or whose hashes are the same.
    spilled: Vec<(Link, u64)>,
}

/// Where an entry is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) segment: u32,
    /// The bucket, or [`BUCKETS`] for the spilled entries.
    pub(super) bucket: usize,
    pub(super) place: usize,
}

/// All segments, in the order in which they were made.
pub(super) struct Segments {
    list: Vec<Segment>,
    region: Region,
    /// Pages counted so far.
    pages: u64,
}

/// Says how much there is: all segments would fill the screen.
impl fmt::Debug for Segments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segments")
            .field("len", &self.list.len())
            .finish_non_exhaustive()
    }
}

/// The bucket that a hash leads to (`dragonfly:src/core/dash_internal.h`, BucketIndex).
#[inline]
pub(super) const fn home(hash: u64) -> usize {
    ((hash >> 8) % HOMES as u64) as usize
}

#[inline]
const fn fingerprint(hash: u64) -> u8 {
    hash as u8
}

const fn after(bucket: usize) -> usize {
    (bucket + 1) % HOMES
}

const fn before(bucket: usize) -> usize {
    (bucket + HOMES - 1) % HOMES
}

impl Segments {
    pub(super) const fn new(region: Region) -> Self {
        Self {
            list: Vec::new(),
            region,
            pages: 0,
        }
    }
    pub(super) const fn len(&self) -> u64 {
        self.list.len() as u64
    }
    pub(super) fn depth(&self, segment: u32) -> u32 {
        self.list[segment as usize].depth
    }
    pub(super) fn prefix(&self, segment: u32) -> u64 {
        self.list[segment as usize].prefix
    }

    /// Adds an empty segment and returns its number.
    pub(super) fn add(&mut self, depth: u32, prefix: u64, work: &mut Work) -> u32 {
        work.count(Counter::AllocationsSmall, 1);
        self.list.push(Segment {
            buckets: Box::new([Bucket::EMPTY; BUCKETS]),
            depth,
            prefix,
            spilled: Vec::new(),
        });
        let pages = (self.len() * PRODUCT_SEGMENT_BYTES).div_ceil(PAGE_BYTES);
        work.count(Counter::PagesFaulted, pages - self.pages);
        self.pages = pages;
        (self.len() - 1) as u32
    }
    /// Gives all segments back.
    pub(super) fn clear(&mut self, work: &mut Work) {
        work.count(Counter::BucketsProbed, self.len() * BUCKETS as u64);
        work.count(Counter::Frees, self.len());
        work.count(Counter::PagesReleased, self.pages);
        *self = Self::new(self.region);
    }

    const fn offset(segment: u32, bucket: usize) -> u64 {
        (segment as u64 * BUCKETS as u64 + bucket as u64) * BUCKET_BYTES
    }
    #[inline]
    fn peek(&self, segment: u32, bucket: usize) -> &Bucket {
        &self.list[segment as usize].buckets[bucket]
    }
    /// Looks at a bucket.
    #[inline]
    fn probe(&self, segment: u32, bucket: usize, work: &mut Work) -> &Bucket {
        work.count(Counter::BucketsProbed, 1);
        work.read_bytes(self.region, Self::offset(segment, bucket), HEAD_BYTES);
        self.peek(segment, bucket)
    }
    #[inline]
    fn read_link(&self, segment: u32, bucket: usize, place: usize, work: &mut Work) {
        let offset = Self::offset(segment, bucket) + HEAD_BYTES + 4 * place as u64;
        work.read_bytes(self.region, offset, 4);
    }
    #[inline]
    fn write(&mut self, segment: u32, bucket: usize, work: &mut Work) -> &mut Bucket {
        work.write_bytes(self.region, Self::offset(segment, bucket), HEAD_BYTES);
        &mut self.list[segment as usize].buckets[bucket]
    }
    #[inline]
    fn put(&mut self, at: Place, link: Link, hash: u8, is_guest: bool, work: &mut Work) {
        let offset = Self::offset(at.segment, at.bucket) + HEAD_BYTES + 4 * at.place as u64;
        work.write_bytes(self.region, offset, 4);
        self.write(at.segment, at.bucket, work)
            .put(at.place, link, hash, is_guest);
    }

    /// The entry with `hash` for which `is_it` holds: in its home, in the bucket behind it, or in a
    /// stash that its home names.
    #[inline]
    pub(super) fn find(
        &self,
        segment: u32,
        hash: u64,
        work: &mut Work,
        mut is_it: impl FnMut(Slot, &mut Work) -> bool,
    ) -> Option<(Place, Slot)> {
        let home = home(hash);
        let mut look = |bucket, work: &mut Work| {
            let hits = self
                .probe(segment, bucket, work)
                .matching(fingerprint(hash));
            for place in ones(hits) {
                let link = self.peek(segment, bucket).links[place];
                self.read_link(segment, bucket, place, work);
                if let Some(slot) = slot_at(link).filter(|&slot| is_it(slot, work)) {
                    let place = Place {
                        segment,
                        bucket,
                        place,
                    };
                    return Some((place, slot));
                }
            }
            None
        };
        if let Some(found) = look(home, work).or_else(|| look(after(home), work)) {
            return Some(found);
        }
        let bucket = self.peek(segment, home);
        for stash in 0..STASHES {
            let names_it = bucket
                .stashed
                .contains(&(fingerprint(hash), stash as u8 + 1));
            if (names_it || bucket.stashed_more > 0)
                && let Some(found) = look(HOMES + stash, work)
            {
                return Some(found);
            }
        }
        let spilled = &self.list[segment as usize].spilled;
        spilled
            .iter()
            .enumerate()
            .find_map(|(place, &(link, spilled))| {
                let slot = slot_at(link).filter(|_| spilled == hash)?;
                let place = Place {
                    segment,
                    bucket: BUCKETS,
                    place,
                };
                is_it(slot, work).then_some((place, slot))
            })
    }

    /// Puts an entry into its home or the bucket behind it, whichever has fewer; else makes room
    /// in one of them by moving one entry on; else puts it into a stash. Says whether there was a
    /// place (InsertUniq).
    #[inline]
    pub(super) fn insert(
        &mut self,
        segment: u32,
        slot: Slot,
        hash: u64,
        may_move: bool,
        work: &mut Work,
    ) -> bool {
        let home = home(hash);
        if self.insert_regular(segment, link_to(slot), hash, work) {
            return true;
        }
        let next = after(home);
        let (link, hash) = (link_to(slot), fingerprint(hash));
        if may_move {
            // An entry at home in the next bucket goes to the one behind it, as a guest.
            if let Some(place) = self.move_one(segment, next, after(next), false, work) {
                self.put(place, link, hash, true, work);
                return true;
            }
            // A guest in this bucket goes back to its own home.
            if let Some(place) = self.move_one(segment, home, before(home), true, work) {
                self.put(place, link, hash, false, work);
                return true;
            }
        }
        for number in 0..STASHES {
            let stash = (home + number) % STASHES;
            if let Some(place) = self.probe(segment, HOMES + stash, work).free_place() {
                let at = Place {
                    segment,
                    bucket: HOMES + stash,
                    place,
                };
                self.put(at, link, hash, false, work);
                let bucket = self.write(segment, home, work);
                match bucket.stashed.iter_mut().find(|(_, stash)| *stash == 0) {
                    Some(free) => *free = (hash, stash as u8 + 1),
                    None => bucket.stashed_more += 1,
                }
                return true;
            }
        }
        false
    }

    /// Puts an entry into its home or the bucket behind it, if there is a place.
    fn insert_regular(&mut self, segment: u32, link: Link, hash: u64, work: &mut Work) -> bool {
        let home = home(hash);
        let (own, next) = (self.peek(segment, home), self.peek(segment, after(home)));
        let is_guest = own.len() > next.len();
        let (bucket, place) = match is_guest {
            true => (after(home), next.free_place()),
            false => (home, own.free_place()),
        };
        let Some(place) = place else {
            return false;
        };
        let at = Place {
            segment,
            bucket,
            place,
        };
        self.put(at, link, fingerprint(hash), is_guest, work);
        true
    }

    /// Moves the first guest of a bucket, or the first entry at home there, to another bucket, where
    /// it is the other; returns the place that is free now (MoveToOther).
    fn move_one(
        &mut self,
        segment: u32,
        from: usize,
        to: usize,
        is_guest: bool,
        work: &mut Work,
    ) -> Option<Place> {
        let place = self.probe(segment, from, work).first(is_guest)?;
        let free = self.probe(segment, to, work).free_place()?;
        let bucket = self.peek(segment, from);
        let (link, hash) = (bucket.links[place], bucket.fingerprints[place]);
        let at = Place {
            segment,
            bucket: to,
            place: free,
        };
        self.put(at, link, hash, !is_guest, work);
        Some(Place {
            segment,
            bucket: from,
            place,
        })
    }

    /// Keeps an entry that has no place in its segment.
    pub(super) fn spill(&mut self, segment: u32, slot: Slot, hash: u64) {
        let segment = &mut self.list[segment as usize];
        segment.spilled.push((link_to(slot), hash));
    }

    /// Takes an entry with `hash` out of its place.
    pub(super) fn remove(&mut self, at: Place, hash: u64, work: &mut Work) {
        if at.bucket == BUCKETS {
            // The others keep their places: a walk may stand between them.
            self.list[at.segment as usize].spilled[at.place].0 = END;
            return;
        }
        self.put(at, END, 0, false, work);
        if at.bucket >= HOMES {
            self.forget_stashed(at, hash, work);
        }
    }

    /// Takes an entry in a stash off the books of its home.
    fn forget_stashed(&mut self, at: Place, hash: u64, work: &mut Work) {
        let named = (fingerprint(hash), (at.bucket - HOMES) as u8 + 1);
        let bucket = self.write(at.segment, home(hash), work);
        match bucket.stashed.iter_mut().find(|stashed| **stashed == named) {
            Some(stashed) => *stashed = (0, 0),
            None => bucket.stashed_more -= 1,
        }
    }

    /// Moves the entries whose next bit is set to the new segment `to`, and says how many those
    /// were. Entries in the stash go back to their buckets where there is room (Split).
    pub(super) fn split(
        &mut self,
        from: u32,
        to: u32,
        work: &mut Work,
        mut hash_of: impl FnMut(Slot, &mut Work) -> u64,
    ) -> u64 {
        self.list[from as usize].depth += 1;
        let bit = 1 << (64 - self.depth(from));
        let mut moved = 0;
        for bucket in 0..BUCKETS {
            self.probe(from, bucket, work);
            for place in 0..PLACES {
                let link = self.peek(from, bucket).links[place];
                let Some(slot) = slot_at(link) else {
                    continue;
                };
                let hash = hash_of(slot, work);
                let at = Place {
                    segment: from,
                    bucket,
                    place,
                };
                if hash & bit != 0 {
                    self.remove(at, hash, work);
                    if !self.insert(to, slot, hash, true, work) {
                        self.spill(to, slot, hash);
                    }
                    moved += 1;
                } else if bucket >= HOMES && self.insert_regular(from, link, hash, work) {
                    self.remove(at, hash, work);
                }
            }
        }
        for (link, hash) in std::mem::take(&mut self.list[from as usize].spilled) {
            let Some(slot) = slot_at(link) else {
                continue;
            };
            let segment = if hash & bit != 0 { to } else { from };
            moved += u64::from(segment == to);
            if !self.insert(segment, slot, hash, true, work) {
                self.spill(segment, slot, hash);
            }
        }
        moved
    }

    /// The first entry of a segment at `bucket` and `place` or after.
    pub(super) fn next_entry(
        &self,
        segment: u32,
        mut bucket: usize,
        mut place: usize,
        work: &mut Work,
    ) -> Option<(Place, Slot)> {
        let found = |bucket, place, link| {
            let at = Place {
                segment,
                bucket,
                place,
            };
            Some((at, slot_at(link)?))
        };
        while bucket < BUCKETS {
            let links = &match place {
                0 => self.probe(segment, bucket, work),
                _ => self.peek(segment, bucket),
            }
            .links;
            let mut places = (place..PLACES).filter_map(|place| found(bucket, place, links[place]));
            if let Some(first) = places.next() {
                return Some(first);
            }
            (bucket, place) = (bucket + 1, 0);
        }
        let spilled = &self.list[segment as usize].spilled;
        (place..spilled.len()).find_map(|place| found(BUCKETS, place, spilled[place].0))
    }

    /// The entry at a place of a bucket.
    pub(super) fn slot(
        &self,
        segment: u32,
        bucket: usize,
        place: usize,
        work: &mut Work,
    ) -> Option<Slot> {
        slot_at(self.probe(segment, bucket, work).links[place])
    }

    /// Visits the entries at home in a bucket; the keys of those in stashes are hashed to tell them
    /// from others.
    pub(super) fn visit_home(
        &self,
        segment: u32,
        home: usize,
        work: &mut Work,
        mut hash_of: impl FnMut(Slot, &mut Work) -> u64,
        mut visit: impl FnMut(Slot, &mut Work),
    ) {
        for (bucket, is_guest) in [(home, false), (after(home), true)] {
            let bucket = self.probe(segment, bucket, work);
            for (place, &link) in bucket.links.iter().enumerate() {
                if let Some(slot) = slot_at(link)
                    && (bucket.guests >> place & 1 == 1) == is_guest
                {
                    visit(slot, work);
                }
            }
        }
        let bucket = self.peek(segment, home);
        let names_stash = bucket.stashed.iter().any(|&(_, stash)| stash > 0);
        if names_stash || bucket.stashed_more > 0 {
            for stash in HOMES..BUCKETS {
                for slot in self
                    .probe(segment, stash, work)
                    .links
                    .into_iter()
                    .filter_map(slot_at)
                {
                    if self::home(hash_of(slot, work)) == home {
                        visit(slot, work);
                    }
                }
            }
        }
        for &(link, hash) in &self.list[segment as usize].spilled {
            if let Some(slot) = slot_at(link).filter(|_| self::home(hash) == home) {
                visit(slot, work);
            }
        }
    }
}
