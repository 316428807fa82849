//! Buckets of one cache line, and the child buckets that full ones lead to.

use super::TAG_SHIFT;
use crate::arena::link_to;
use crate::pages::{PAGE_BYTES, Pages};
use crate::table::Slot;
use kvrig_base::seam::{Counter, Region, Work};
use std::fmt;

/// Entries of a bucket.
pub(super) const BUCKET_ENTRIES: usize = 7;
/// Bytes of a bucket.
pub(super) const BUCKET_BYTES: u64 = 64;

/// A bucket:
///
/// ```text
///   word 0: one bit "has a child", 7 bits "place is taken", 7 bytes of hashes
///   words 1 to 4: 7 links of 32 bits, to slots, or in the last place of a bucket with a child to it
/// ```
///
/// It is a plain array, so that a new array of buckets comes zeroed from the system and is not
/// written before it is used, as calloc serves Valkey. Valkey's links are pointers of 64 bits and
/// fill the line.
type Bucket = [u64; 8];

const _: () = assert!(
    size_of::<Bucket>() == BUCKET_BYTES as usize,
    "a bucket is one line"
);

/// Set where the last place holds a child.
const CHAINED: u64 = 1 << 7;
const LAST: usize = BUCKET_ENTRIES - 1;
const ALL_PLACES: u8 = (1 << BUCKET_ENTRIES) - 1;
/// Children have their lines beyond all top-level buckets, in the region of the first array.
const CHILDREN_FIRST_LINE: u64 = 1 << 40;
/// Children of a chunk; chunks never move.
const CHUNK_CHILDREN: usize = 1_024;

/// One bucket of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Of the array: the bucket that the hash leads to.
    Top(usize),
    /// Reached through the last place of another.
    Child(u32),
}

/// Reading a bucket.
pub(super) mod bucket {
    use super::{ALL_PLACES, Bucket, CHAINED, LAST, Part};
    use crate::table::Slot;

    /// The places taken by entries, a bit each.
    #[inline]
    pub(crate) const fn presence(bucket: &Bucket) -> u8 {
        bucket[0] as u8 & ALL_PLACES
    }
    #[inline]
    const fn word(bucket: &Bucket, place: usize) -> u32 {
        (bucket[1 + place / 2] >> (32 * (place % 2))) as u32
    }
    /// The entry at a place that is taken.
    #[inline]
    pub(crate) const fn slot(bucket: &Bucket, place: usize) -> Slot {
        Slot(word(bucket, place) - 1)
    }
    #[inline]
    pub(crate) const fn tag(bucket: &Bucket, place: usize) -> u8 {
        (bucket[0] >> (8 + 8 * place)) as u8
    }
    #[inline]
    pub(crate) const fn child(bucket: &Bucket) -> Option<Part> {
        match bucket[0] & CHAINED {
            0 => None,
            _ => Some(Part::Child(word(bucket, LAST) - 1)),
        }
    }
    #[inline]
    pub(crate) const fn is_full(bucket: &Bucket) -> bool {
        let places = match bucket[0] & CHAINED {
            0 => ALL_PLACES,
            _ => ALL_PLACES >> 1,
        };
        presence(bucket) == places
    }
    #[inline]
    pub(crate) const fn free_place(bucket: &Bucket) -> usize {
        (!presence(bucket)).trailing_zeros() as usize
    }
    /// The taken places whose byte of the hash is `tag`, a bit each.
    #[inline]
    pub(crate) fn tagged(bucket: &Bucket, tag: u8) -> u8 {
        crate::bytes::equal(bucket[0] >> 8, tag) & presence(bucket)
    }
    /// The places of a mask, lowest first.
    #[inline]
    pub(crate) fn places(mask: u8) -> impl Iterator<Item = usize> {
        crate::bytes::ones(u32::from(mask))
    }
}

/// The top-level buckets of one table, a power of two of them, or none before the first insertion.
pub(super) struct Array {
    buckets: Vec<Bucket>,
    pub(super) entries: u64,
    /// Child buckets that hang on it.
    pub(super) children: u64,
    pages: Pages,
    region: Region,
}

/// Says how much there is: all buckets would fill the screen.
impl fmt::Debug for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Array")
            .field("buckets", &self.buckets.len())
            .field("entries", &self.entries)
            .field("children", &self.children)
            .finish_non_exhaustive()
    }
}

impl Array {
    pub(super) const fn none(region: Region) -> Self {
        Self {
            buckets: Vec::new(),
            entries: 0,
            children: 0,
            pages: Pages::NONE,
            region,
        }
    }
    pub(super) fn allocate(buckets: u64, region: Region, work: &mut Work) -> Self {
        Self {
            buckets: vec![[0; 8]; usize::try_from(buckets).expect("buckets fit in memory")],
            pages: Pages::allocate(buckets * BUCKET_BYTES, work),
            ..Self::none(region)
        }
    }
    /// Gives the array back and says how many pages that were.
    pub(super) fn free(&mut self, work: &mut Work) -> u64 {
        let pages = self.pages.free(work);
        *self = Self::none(self.region);
        pages
    }
    /// Gives the pages of some buckets back and keeps the array.
    pub(super) fn release(&mut self, buckets: std::ops::Range<u64>, work: &mut Work) -> u64 {
        let bytes = buckets.start * BUCKET_BYTES..buckets.end * BUCKET_BYTES;
        self.pages.release(bytes, work)
    }
    pub(super) const fn buckets(&self) -> u64 {
        self.buckets.len() as u64
    }
    /// Bytes, child buckets included.
    pub(super) const fn bytes(&self) -> u64 {
        (self.buckets() + self.children) * BUCKET_BYTES
    }
    #[inline]
    pub(super) fn bucket_of(&self, hash: u64) -> usize {
        hash as usize & (self.buckets.len() - 1)
    }
}

/// The child buckets of both arrays: an allocation each, reused as an allocator does.
pub(super) struct Children {
    chunks: Vec<Vec<Bucket>>,
    /// The first free child (its number plus one); word 1 leads on.
    vacant: u64,
    used: u64,
    region: Region,
}

impl fmt::Debug for Children {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Children")
            .field("used", &self.used)
            .finish_non_exhaustive()
    }
}

impl Children {
    pub(super) const fn new(region: Region) -> Self {
        Self {
            chunks: Vec::new(),
            vacant: 0,
            used: 0,
            region,
        }
    }
    #[inline]
    fn peek(&self, number: u32) -> &Bucket {
        &self.chunks[number as usize / CHUNK_CHILDREN][number as usize % CHUNK_CHILDREN]
    }
    #[inline]
    fn peek_mut(&mut self, number: u32) -> &mut Bucket {
        &mut self.chunks[number as usize / CHUNK_CHILDREN][number as usize % CHUNK_CHILDREN]
    }
    fn allocate(&mut self, work: &mut Work) -> u32 {
        work.count(Counter::AllocationsSmall, 1);
        if let Some(number) = self.vacant.checked_sub(1) {
            let number = number as u32;
            let bucket = self.peek_mut(number);
            let next = bucket[1];
            *bucket = [0; 8];
            self.vacant = next;
            return number;
        }
        if (self.used * BUCKET_BYTES).is_multiple_of(PAGE_BYTES) {
            work.count(Counter::PagesFaulted, 1);
        }
        if self.used as usize == self.chunks.len() * CHUNK_CHILDREN {
            self.chunks.push(Vec::with_capacity(CHUNK_CHILDREN));
        }
        self.chunks.last_mut().expect("pushed above").push([0; 8]);
        self.used += 1;
        u32::try_from(self.used - 1).expect("fewer children than entries")
    }
    fn free(&mut self, number: u32, work: &mut Work) {
        work.count(Counter::Frees, 1);
        let vacant = self.vacant;
        self.peek_mut(number)[1] = vacant;
        self.vacant = u64::from(number) + 1;
    }
    /// Forgets all children, whose freeing the caller has counted.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.region);
    }
}

/// One array with its children, to look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chains<'a> {
    pub(super) array: &'a Array,
    pub(super) children: &'a Children,
}

impl<'a> Chains<'a> {
    /// A bucket, without a receipt.
    #[inline]
    pub(super) fn peek(self, part: Part) -> &'a Bucket {
        match part {
            Part::Top(number) => &self.array.buckets[number],
            Part::Child(number) => self.children.peek(number),
        }
    }
    /// Looks at a bucket; a page that only look-ups through a shared reference have met stays fresh
    /// in the books.
    #[inline]
    pub(super) fn probe(self, part: Part, work: &mut Work) -> &'a Bucket {
        work.count(Counter::BucketsProbed, 1);
        match part {
            Part::Top(number) => work.read(self.array.region, number as u64),
            Part::Child(number) => work.read(self.children.region, line_of(number)),
        }
        self.peek(part)
    }
}

const fn line_of(child: u32) -> u64 {
    CHILDREN_FIRST_LINE + child as u64
}

/// One array with its children, to be changed.
#[derive(Debug)]
pub(super) struct ChainsMut<'a> {
    pub(super) array: &'a mut Array,
    pub(super) children: &'a mut Children,
}

impl ChainsMut<'_> {
    #[inline]
    pub(super) fn peek(&self, part: Part) -> &Bucket {
        match part {
            Part::Top(number) => &self.array.buckets[number],
            Part::Child(number) => self.children.peek(number),
        }
    }
    /// Looks at a bucket.
    #[inline]
    pub(super) fn probe(&mut self, part: Part, work: &mut Work) -> &Bucket {
        if let Part::Top(number) = part {
            self.array.pages.touch(number as u64 * BUCKET_BYTES, work);
        }
        let chains = Chains {
            array: self.array,
            children: self.children,
        };
        chains.probe(part, work)
    }
    #[inline]
    fn write(&mut self, part: Part, work: &mut Work) -> &mut Bucket {
        match part {
            Part::Top(number) => {
                self.array.pages.touch(number as u64 * BUCKET_BYTES, work);
                work.write(self.array.region, number as u64);
                &mut self.array.buckets[number]
            }
            Part::Child(number) => {
                work.write(self.children.region, line_of(number));
                self.children.peek_mut(number)
            }
        }
    }

    /// Puts an entry into the first bucket of its chain that is not full; a chain that is full gets
    /// a child (findBucketForInsert).
    #[inline]
    pub(super) fn add(&mut self, top: usize, slot: Slot, tag: u8, work: &mut Work) {
        let mut part = Part::Top(top);
        while bucket::is_full(self.peek(part)) {
            part = match bucket::child(self.peek(part)) {
                Some(child) => child,
                None => self.convert_to_chained(part, work),
            };
            self.probe(part, work);
        }
        let place = bucket::free_place(self.peek(part));
        put(self.write(part, work), place, slot, tag);
        self.array.entries += 1;
    }

    /// Gives a full bucket a child, which takes the entry of its last place along
    /// (bucketConvertToChained).
    fn convert_to_chained(&mut self, part: Part, work: &mut Work) -> Part {
        let number = self.children.allocate(work);
        let child = Part::Child(number);
        let (slot, tag) = take(self.write(part, work), LAST);
        set_child(self.write(part, work), number);
        put(self.write(child, work), 0, slot, tag);
        self.array.children += 1;
        child
    }

    /// Takes an entry out of its place and, where that is allowed, fills the hole with one from the
    /// end of the chain (hashtablePop, fillBucketHole).
    pub(super) fn remove(&mut self, part: Part, place: usize, fills_hole: bool, work: &mut Work) {
        take(self.write(part, work), place);
        self.array.entries -= 1;
        let Some(child) = bucket::child(self.peek(part)).filter(|_| fills_hole) else {
            return;
        };
        let (mut before, mut last) = (part, child);
        while let Some(next) = bucket::child(self.probe(last, work)) {
            (before, last) = (last, next);
        }
        if bucket::presence(self.peek(last)) != 0 {
            self.move_first(last, part, place, work);
        }
        self.prune(before, last, work);
    }

    /// Moves the first entry of `from` to a free place.
    fn move_first(&mut self, from: Part, to: Part, place: usize, work: &mut Work) {
        let first = bucket::presence(self.peek(from)).trailing_zeros() as usize;
        let (slot, tag) = take(self.write(from, work), first);
        put(self.write(to, work), place, slot, tag);
    }

    /// Frees the last bucket of a chain if it has one entry or none; the one takes the place of the
    /// link that led to it (pruneLastBucket).
    fn prune(&mut self, before: Part, last: Part, work: &mut Work) {
        let left = bucket::presence(self.peek(last)).count_ones();
        let (Part::Child(number), 0 | 1) = (last, left) else {
            return;
        };
        self.write(before, work)[0] &= !CHAINED;
        if left == 1 {
            self.move_first(last, before, LAST, work);
        }
        self.children.free(number, work);
        self.array.children -= 1;
    }

    /// Empties a chain, frees its children, and adds its entries with the bits of their hashes that
    /// their tags are to `taken` (rehashStep).
    pub(super) fn take_all(&mut self, top: usize, taken: &mut Vec<(Slot, u64)>, work: &mut Work) {
        let mut part = Some(Part::Top(top));
        while let Some(this) = part {
            let bucket = self.probe(this, work);
            let places = bucket::places(bucket::presence(bucket));
            taken.extend(places.map(|place| {
                let tag = u64::from(bucket::tag(bucket, place)) << TAG_SHIFT;
                (bucket::slot(bucket, place), tag)
            }));
            part = bucket::child(bucket);
            self.write(this, work)[0] = 0;
            if let Part::Child(number) = this {
                self.children.free(number, work);
                self.array.children -= 1;
            }
        }
        self.array.entries -= taken.len() as u64;
    }
}

#[inline]
fn put(bucket: &mut Bucket, place: usize, slot: Slot, tag: u8) {
    set_word(bucket, place, link_to(slot));
    let shift = 8 + 8 * place;
    bucket[0] = bucket[0] & !(0xff << shift) | u64::from(tag) << shift | 1 << place;
}

#[inline]
fn take(bucket: &mut Bucket, place: usize) -> (Slot, u8) {
    bucket[0] &= !(1 << place);
    (bucket::slot(bucket, place), bucket::tag(bucket, place))
}

fn set_child(bucket: &mut Bucket, number: u32) {
    set_word(bucket, LAST, number + 1);
    bucket[0] |= CHAINED;
}

#[inline]
fn set_word(bucket: &mut Bucket, place: usize, word: u32) {
    let shift = 32 * (place % 2);
    let half = &mut bucket[1 + place / 2];
    *half = *half & !(0xffff_ffff << shift) | u64::from(word) << shift;
}
