//! Buckets of one cache line each, in chunks that are allocated and freed one at a time.

use crate::arena::{Link, slot_at};
use crate::table::Slot;
use kvrig_base::seam::{Counter, Region, Work};
use std::fmt;

/// Entries that fit in a bucket.
pub(super) const BUCKET_SLOTS: usize = 10;
/// Buckets of a chunk: 16 KiB, of which clearing takes about a microsecond.
pub(super) const CHUNK_BUCKETS: u32 = 256;
/// Bytes of a chunk.
pub(super) const CHUNK_BYTES: u64 = CHUNK_BUCKETS as u64 * size_of::<Bucket>() as u64;
const CHUNK_PAGES: u64 = CHUNK_BYTES / crate::buckets::PAGE_BYTES;

/// One line:
///
/// ```text
///   byte 0              40               60       64
///   | 10 links to slots | 10 tags of 16 bits | more |
/// ```
///
/// A link of zero is a free place. Places do not move when another entry leaves, so that a walk can
/// stand between them. `more` leads to a bucket of the overflow, which goes on in the same way.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Bucket {
    links: [Link; BUCKET_SLOTS],
    tags: [u16; BUCKET_SLOTS],
    /// The overflow bucket's number plus one, or zero.
    pub(super) more: u32,
}

const _: () = assert!(size_of::<Bucket>() == 64, "a bucket is one cache line");

impl Bucket {
    const EMPTY: Self = Self {
        links: [0; BUCKET_SLOTS],
        tags: [0; BUCKET_SLOTS],
        more: 0,
    };

    /// The slots whose tag is `tag`, with their places.
    #[inline]
    pub(super) fn tagged(&self, tag: u16) -> impl Iterator<Item = (usize, Slot)> + '_ {
        // The comparison of all tags at once compiles to vector instructions.
        let mut hits = 0_u32;
        for (place, &present) in self.tags.iter().enumerate() {
            hits |= u32::from(present == tag) << place;
        }
        std::iter::from_fn(move || {
            while hits != 0 {
                let place = hits.trailing_zeros() as usize;
                hits &= hits - 1;
                if let Some(slot) = slot_at(self.links[place]) {
                    return Some((place, slot));
                }
            }
            None
        })
    }
    /// All entries with their tags.
    pub(super) fn entries(&self) -> impl Iterator<Item = (Slot, u16)> + '_ {
        let tagged = self.links.iter().zip(self.tags);
        tagged.filter_map(|(&link, tag)| Some((slot_at(link)?, tag)))
    }
    /// The first entry at `place` or after, with its place.
    pub(super) fn entry_from(&self, place: usize) -> Option<(usize, Slot)> {
        (place..BUCKET_SLOTS).find_map(|place| Some((place, slot_at(self.links[place])?)))
    }
    #[inline]
    pub(super) fn free_place(&self) -> Option<usize> {
        self.links.iter().position(|&link| link == 0)
    }
    pub(super) fn is_empty(&self) -> bool {
        self.links == [0; BUCKET_SLOTS]
    }
    #[inline]
    pub(super) fn put(&mut self, place: usize, slot: Slot, tag: u16) {
        self.links[place] = crate::arena::link_to(slot);
        self.tags[place] = tag;
    }
    pub(super) fn vacate(&mut self, place: usize) {
        self.links[place] = 0;
    }
    /// Empties all places and cuts the overflow off.
    pub(super) fn reset(&mut self) {
        *self = Self::EMPTY;
    }
}

/// A row of buckets that grows and shrinks at its end, a chunk at a time.
pub(super) struct Buckets {
    chunks: Vec<Box<[Bucket]>>,
    region: Region,
}

impl fmt::Debug for Buckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buckets")
            .field("chunks", &self.chunks.len())
            .finish_non_exhaustive()
    }
}

impl Buckets {
    pub(super) const fn new(region: Region) -> Self {
        Self {
            chunks: Vec::new(),
            region,
        }
    }
    /// Buckets that there is room for.
    #[inline]
    pub(super) fn room(&self) -> u32 {
        self.chunks.len() as u32 * CHUNK_BUCKETS
    }
    pub(super) fn bytes(&self) -> u64 {
        self.chunks.len() as u64 * CHUNK_BYTES
    }
    /// Adds a chunk of empty buckets.
    pub(super) fn add_chunk(&mut self, work: &mut Work) {
        work.count(Counter::AllocationsSmall, 1);
        work.count(Counter::PagesFaulted, CHUNK_PAGES);
        self.chunks
            .push(vec![Bucket::EMPTY; CHUNK_BUCKETS as usize].into_boxed_slice());
    }
    /// Gives the last chunk back.
    pub(super) fn drop_chunk(&mut self, work: &mut Work) {
        if self.chunks.pop().is_some() {
            work.count(Counter::Frees, 1);
            work.count(Counter::PagesReleased, CHUNK_PAGES);
        }
    }
    /// A bucket, without a receipt.
    #[inline]
    pub(super) fn peek(&self, number: u32) -> &Bucket {
        &self.chunks[(number / CHUNK_BUCKETS) as usize][(number % CHUNK_BUCKETS) as usize]
    }
    /// Looks at a bucket.
    #[inline]
    pub(super) fn probe(&self, number: u32, work: &mut Work) -> &Bucket {
        work.count(Counter::BucketsProbed, 1);
        work.read(self.region, u64::from(number));
        self.peek(number)
    }
    /// A bucket, to be changed.
    #[inline]
    pub(super) fn write(&mut self, number: u32, work: &mut Work) -> &mut Bucket {
        work.write(self.region, u64::from(number));
        &mut self.chunks[(number / CHUNK_BUCKETS) as usize][(number % CHUNK_BUCKETS) as usize]
    }
}
