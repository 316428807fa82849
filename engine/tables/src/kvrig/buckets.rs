//! Buckets of one cache line each, in a row that takes memory as it grows.

use crate::arena::{END, Link, link_to, linked_slot, slot_at};
use crate::pages::PAGE_BYTES;
use crate::prefetch::prefetch;
use crate::table::Slot;
use kvrig_base::seam::{Counter, Region, Work};
use std::fmt;

/// Entries that fit in a bucket.
pub(super) const BUCKET_SLOTS: usize = 10;
/// Buckets of a page, the step by which a row takes memory.
pub(super) const PAGE_BUCKETS: u32 = (PAGE_BYTES / size_of::<Bucket>() as u64) as u32;
/// Buckets of an extent, the step by which a row reserves addresses and gives memory back: 128 KiB,
/// so that the directory of a large row stays in the nearer caches, and giving an extent back takes
/// some microseconds.
const EXTENT_BUCKETS: u32 = 2_048;
const EXTENT_PAGES: u32 = EXTENT_BUCKETS / PAGE_BUCKETS;

/// Overflow buckets at most: they take 16 GiB, more than a table of [`crate::ENTRIES_MAX`] entries
/// needs while it may grow.
const OVERFLOW_MAX: u32 = (1 << (u32::BITS - LEN_BITS)) - 1;
const LEN_BITS: u32 = 4;
const LEN_MASK: u32 = (1 << LEN_BITS) - 1;

/// One line:
///
/// ```text
///   byte 0              40               60     64
///   | 10 links to slots | 10 tags of 16 bits | state |
/// ```
///
/// Entries fill the places from the first on. `state` has their number in its lowest four bits; the
/// rest leads to a bucket of the overflow, which goes on in the same way: its number plus one, or
/// zero.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Bucket {
    links: [Link; BUCKET_SLOTS],
    tags: [u16; BUCKET_SLOTS],
    state: u32,
}

const _: () = assert!(size_of::<Bucket>() == 64, "a bucket is one cache line");
const _: () = assert!(
    BUCKET_SLOTS <= LEN_MASK as usize,
    "four bits count the places"
);

impl Bucket {
    pub(super) const EMPTY: Self = Self {
        links: [END; BUCKET_SLOTS],
        tags: [0; BUCKET_SLOTS],
        state: 0,
    };

    #[inline]
    pub(super) fn len(&self) -> usize {
        ((self.state & LEN_MASK) as usize).min(BUCKET_SLOTS)
    }
    /// The overflow bucket that goes on.
    #[inline]
    pub(super) fn more(&self) -> Option<u32> {
        (self.state >> LEN_BITS).checked_sub(1)
    }
    /// Lets an overflow bucket go on, or none.
    ///
    /// # Panics
    /// Beyond [`OVERFLOW_MAX`] overflow buckets.
    pub(super) fn set_more(&mut self, more: Option<u32>) {
        let number = more.map_or(0, |number| number + 1);
        assert!(
            number <= OVERFLOW_MAX,
            "a table has at most {OVERFLOW_MAX} overflow buckets"
        );
        self.state = self.state & LEN_MASK | number << LEN_BITS;
    }
    /// The slots whose tag is `tag`, with their places.
    #[inline]
    pub(super) fn tagged(&self, tag: u16) -> impl Iterator<Item = (usize, Slot)> + '_ {
        // The comparison of all tags at once compiles to vector instructions.
        let mut hits = 0_u32;
        for (place, &present) in self.tags.iter().enumerate() {
            hits |= u32::from(present == tag) << place;
        }
        hits &= (1 << self.len()) - 1;
        std::iter::from_fn(move || {
            let place = hits.trailing_zeros() as usize;
            let link = *self.links.get(place)?;
            hits &= hits - 1;
            Some((place, slot_at(link)?))
        })
    }
    /// The next place, if an entry with `tag` is surely not in this chain and this bucket can take
    /// it. That is how nearly all insertions go, without a branch that depends on chance.
    #[inline]
    pub(super) fn place_for_new(&self, tag: u16) -> Option<usize> {
        // Tags of entries that have left may be among them; that only asks for a closer look.
        let has_tag = self.tags.iter().fold(false, |any, &one| any | (one == tag));
        // A state below that is a number of entries and no overflow.
        let is_plain = !has_tag & ((self.state as usize) < BUCKET_SLOTS);
        is_plain.then_some(self.state as usize)
    }
    /// All entries with their tags.
    pub(super) fn entries(&self) -> impl DoubleEndedIterator<Item = (Slot, u16)> + '_ {
        let links = self.links[..self.len()].iter();
        let tagged = links.zip(self.tags);
        tagged.filter_map(|(&link, tag)| Some((slot_at(link)?, tag)))
    }
    /// The entry at `place`.
    pub(super) fn entry(&self, place: usize) -> Option<Slot> {
        slot_at(*self.links[..self.len()].get(place)?)
    }
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.len() == BUCKET_SLOTS
    }
    /// Adds an entry at `place`, which must be the next one.
    #[inline]
    pub(super) fn put(&mut self, place: usize, slot: Slot, tag: u16) {
        self.links[place] = link_to(slot);
        self.tags[place] = tag;
        self.state += 1;
    }
    /// Adds an entry behind the others; there must be room.
    #[inline]
    pub(super) fn push(&mut self, slot: Slot, tag: u16) {
        self.put(self.len(), slot, tag);
    }
    /// Takes the last entry away.
    pub(super) fn pop(&mut self) -> Option<(Slot, u16)> {
        let last = self.len().checked_sub(1)?;
        self.state -= 1;
        Some((slot_at(self.links[last])?, self.tags[last]))
    }
    /// Puts an entry in place of another.
    pub(super) fn replace(&mut self, place: usize, (slot, tag): (Slot, u16)) {
        self.links[place] = link_to(slot);
        self.tags[place] = tag;
    }
    /// Empties all places and cuts the overflow off.
    pub(super) fn reset(&mut self) {
        *self = Self::EMPTY;
    }
    /// Takes out the entries for which `leaves` says so, into a bucket of their own; both keep
    /// their order, and the overflow is cut off.
    #[inline]
    pub(super) fn part(&mut self, mut leaves: impl FnMut(Slot, u16) -> bool) -> Self {
        let mut new = Self::EMPTY;
        let (mut kept, mut gone) = (0, 0);
        // Every entry is written to both, and only one counts it: half of them leave, by chance,
        // and a branch on that would be mispredicted.
        for place in 0..self.len() {
            let (link, tag) = (self.links[place], self.tags[place]);
            let leaves = leaves(linked_slot(link), tag);
            self.links[kept] = link;
            self.tags[kept] = tag;
            new.links[gone] = link;
            new.tags[gone] = tag;
            kept += usize::from(!leaves);
            gone += usize::from(leaves);
        }
        self.state = kept as u32;
        new.state = gone as u32;
        new
    }
}

/// A row of buckets that grows and shrinks at its end: it reserves an extent at a time, touches it
/// page by page, and never moves a bucket.
pub(super) struct Buckets {
    /// All but the last are full.
    extents: Vec<Vec<Bucket>>,
    len: u32,
    /// Pages touched so far.
    pages: u32,
    region: Region,
}

impl fmt::Debug for Buckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buckets")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

impl Buckets {
    pub(super) const fn new(region: Region) -> Self {
        Self {
            extents: Vec::new(),
            len: 0,
            pages: 0,
            region,
        }
    }
    #[inline]
    pub(super) const fn region(&self) -> Region {
        self.region
    }
    #[inline]
    pub(super) const fn len(&self) -> u32 {
        self.len
    }
    /// Bytes of the pages that are touched.
    pub(super) const fn bytes(&self) -> u64 {
        self.pages as u64 * PAGE_BYTES
    }
    /// Whether another bucket needs another page.
    #[inline]
    pub(super) const fn is_full(&self) -> bool {
        self.len == self.pages * PAGE_BUCKETS
    }
    /// Makes the next page ready, in a new extent where the last one is full.
    pub(super) fn extend(&mut self, work: &mut Work) {
        if self.pages.is_multiple_of(EXTENT_PAGES) {
            work.count(Counter::AllocationsLarge, 1);
            self.extents
                .push(Vec::with_capacity(EXTENT_BUCKETS as usize));
        }
        work.count(Counter::PagesFaulted, 1);
        self.pages += 1;
    }
    /// Adds a bucket for which there is room.
    #[inline]
    pub(super) fn push(&mut self, bucket: Bucket, work: &mut Work) {
        debug_assert!(!self.is_full(), "a caller extends the row first");
        work.write(self.region, u64::from(self.len));
        if let Some(extent) = self.extents.last_mut() {
            extent.push(bucket);
            self.len += 1;
        }
    }
    /// Whether the last bucket has an extent of its own, which [`Buckets::pop`] gives back.
    pub(super) const fn is_last_of_extent(&self) -> bool {
        self.len % EXTENT_BUCKETS == 1
    }
    /// Takes the last bucket away, and its extent if nothing else is in it.
    pub(super) fn pop(&mut self, work: &mut Work) {
        if self.is_last_of_extent() {
            self.extents.pop();
            let pages = self.len / PAGE_BUCKETS;
            work.count(Counter::Frees, 1);
            work.count(Counter::PagesReleased, u64::from(self.pages - pages));
            self.pages = pages;
        } else if let Some(extent) = self.extents.last_mut() {
            extent.pop();
        }
        self.len = self.len.saturating_sub(1);
    }
    /// Gives everything back.
    pub(super) fn free(&mut self, work: &mut Work) {
        work.count(Counter::Frees, self.extents.len() as u64);
        work.count(Counter::PagesReleased, u64::from(self.pages));
        *self = Self::new(self.region);
    }
    /// A bucket, without a receipt.
    #[inline]
    pub(super) fn peek(&self, number: u32) -> &Bucket {
        let (extent, place) = (number / EXTENT_BUCKETS, number % EXTENT_BUCKETS);
        &self.extents[extent as usize][place as usize]
    }
    #[inline]
    fn get_mut(&mut self, number: u32) -> &mut Bucket {
        let (extent, place) = (number / EXTENT_BUCKETS, number % EXTENT_BUCKETS);
        &mut self.extents[extent as usize][place as usize]
    }
    /// Asks for the line of a bucket that will be looked at.
    #[inline]
    pub(super) fn prefetch(&self, number: u32) {
        prefetch(self.peek(number));
    }
    /// Looks at a bucket.
    #[inline]
    pub(super) fn probe(&self, number: u32, work: &mut Work) -> &Bucket {
        work.count(Counter::BucketsProbed, 1);
        work.read(self.region, u64::from(number));
        self.peek(number)
    }
    /// Looks at a bucket that may then be changed; the receipt shows the read alone.
    #[inline]
    pub(super) fn probe_mut(&mut self, number: u32, work: &mut Work) -> &mut Bucket {
        work.count(Counter::BucketsProbed, 1);
        work.read(self.region, u64::from(number));
        self.get_mut(number)
    }
    /// A bucket, to be changed.
    #[inline]
    pub(super) fn write(&mut self, number: u32, work: &mut Work) -> &mut Bucket {
        work.write(self.region, u64::from(number));
        self.get_mut(number)
    }
}
