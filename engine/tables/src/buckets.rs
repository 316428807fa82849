//! A bucket array: heads of chains, zeroed by the system, with its resident pages.

use crate::arena::{Link, link_to};
use crate::pages::Pages;
use crate::table::Slot;
use kvrig_base::seam::{Counter, Region, Touch, Work};
use std::fmt;

/// Bytes of a bucket in the products: a pointer of 64 bits.
///
/// Allocations and pages are counted by this layout, because the pauses of allocating and freeing
/// are those of the product. Touches are counted by the layout of this crate, 4 bytes a bucket,
/// because the caches that a measured replay meets are those of this crate.
pub const PRODUCT_BUCKET_BYTES: u64 = 8;
const LINE_BUCKETS: u64 = Touch::LINE_BYTES / size_of::<Link>() as u64;

/// The heads of chains. The number of buckets is a power of two, or zero before the first insert.
pub(crate) struct BucketArray {
    heads: Vec<Link>,
    /// Entries that hang on this array.
    entries: u64,
    region: Region,
    pages: Pages,
}

/// Says how much there is: all buckets would fill the screen.
impl fmt::Debug for BucketArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BucketArray")
            .field("buckets", &self.heads.len())
            .field("entries", &self.entries)
            .finish_non_exhaustive()
    }
}

impl BucketArray {
    /// No buckets at all.
    pub(crate) const fn none(region: Region) -> Self {
        Self {
            heads: Vec::new(),
            entries: 0,
            region,
            pages: Pages::NONE,
        }
    }

    /// An array of empty buckets whose pages the system will hand out as they are touched.
    pub(crate) fn allocate(buckets: u64, region: Region, work: &mut Work) -> Self {
        debug_assert!(
            buckets.is_power_of_two(),
            "bucket numbers are masks of hashes"
        );
        Self {
            heads: vec![0; usize::try_from(buckets).expect("buckets fit in memory")],
            entries: 0,
            region,
            pages: Pages::allocate(buckets * PRODUCT_BUCKET_BYTES, work),
        }
    }

    /// Gives the array back and says how many pages that were.
    pub(crate) fn free(&mut self, work: &mut Work) -> u64 {
        debug_assert!(
            self.entries == 0,
            "an array is freed when nothing hangs on it"
        );
        if self.heads.is_empty() {
            return 0;
        }
        let pages = self.pages.free(work);
        *self = Self::none(self.region);
        pages
    }

    #[inline]
    pub(crate) fn buckets(&self) -> u64 {
        self.heads.len() as u64
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.buckets() * PRODUCT_BUCKET_BYTES
    }

    #[inline]
    pub(crate) fn entries(&self) -> u64 {
        self.entries
    }

    /// Says that all entries are gone without unlinking them one by one.
    pub(crate) fn forget_entries(&mut self) {
        self.entries = 0;
    }

    /// Empties all buckets, one by one, and keeps the array.
    pub(crate) fn empty_all(&mut self, work: &mut Work) {
        work.count(Counter::BucketsProbed, self.buckets());
        self.heads.fill(crate::arena::END);
        self.entries = 0;
    }

    /// The bucket of a hash.
    ///
    /// # Panics
    /// In debug builds, if there are no buckets.
    #[inline]
    pub(crate) fn bucket_of(&self, hash: u64) -> usize {
        debug_assert!(
            !self.heads.is_empty(),
            "callers look at the number of entries first"
        );
        hash as usize & (self.heads.len() - 1)
    }

    /// The head of a chain, without a receipt.
    #[inline]
    pub(crate) fn peek(&self, bucket: usize) -> Link {
        self.heads[bucket]
    }

    /// Asks for the line of a bucket.
    #[inline]
    pub(crate) fn prefetch(&self, bucket: usize) {
        crate::prefetch::prefetch(&self.heads[bucket]);
    }

    /// Looks at a bucket.
    #[inline]
    pub(crate) fn probe(&mut self, bucket: usize, work: &mut Work) -> Link {
        self.fault(bucket, work);
        self.probe_shared(bucket, work)
    }

    /// Looks at a bucket through a shared reference, as a scan does; a page that only scans have
    /// looked at stays fresh in the books.
    #[inline]
    pub(crate) fn probe_shared(&self, bucket: usize, work: &mut Work) -> Link {
        work.count(Counter::BucketsProbed, 1);
        work.read(self.region, bucket as u64 / LINE_BUCKETS);
        self.heads[bucket]
    }

    #[inline]
    fn set(&mut self, bucket: usize, head: Link, work: &mut Work) {
        self.fault(bucket, work);
        work.write(self.region, bucket as u64 / LINE_BUCKETS);
        self.heads[bucket] = head;
    }

    /// Puts an entry, whose link must already lead to the present head, before its chain.
    #[inline]
    pub(crate) fn push(&mut self, bucket: usize, slot: Slot, work: &mut Work) {
        self.set(bucket, link_to(slot), work);
        self.entries += 1;
    }

    /// Makes `next` the head in place of an entry that leaves.
    #[inline]
    pub(crate) fn pop(&mut self, bucket: usize, next: Link, work: &mut Work) {
        self.set(bucket, next, work);
        self.entries -= 1;
    }

    /// Empties a bucket whose `entries` have all been moved elsewhere.
    #[inline]
    pub(crate) fn take_chain(&mut self, bucket: usize, entries: u64, work: &mut Work) {
        self.set(bucket, crate::arena::END, work);
        self.entries -= entries;
    }

    /// Says that an entry behind the head of a chain has left.
    #[inline]
    pub(crate) fn lose_inner(&mut self) {
        self.entries -= 1;
    }

    /// Counts the first touch of a page.
    #[inline]
    fn fault(&mut self, bucket: usize, work: &mut Work) {
        self.pages.touch(bucket as u64 * PRODUCT_BUCKET_BYTES, work);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(work: &Work, counter: Counter) -> u64 {
        work.counts().get(counter)
    }

    #[test]
    fn a_page_faults_when_it_is_first_touched_and_is_released_if_it_was() {
        let work = &mut Work::unpriced();
        let mut array = BucketArray::allocate(8_192, Region(0), work);
        assert_eq!(count(work, Counter::AllocationsLarge), 1);
        assert_eq!(count(work, Counter::PagesFaulted), 0);
        // 512 buckets of 8 bytes a page.
        for bucket in [0, 511, 0, 512, 8_191] {
            array.probe(bucket, work);
        }
        assert_eq!(count(work, Counter::PagesFaulted), 3);
        assert_eq!(array.free(work), 3);
        assert_eq!(count(work, Counter::PagesReleased), 3);
        assert_eq!(array.free(work), 0, "nothing is left");
    }

    #[test]
    fn a_small_array_comes_from_memory_that_is_there() {
        let work = &mut Work::unpriced();
        let mut array = BucketArray::allocate(2_048, Region(0), work);
        array.probe(0, work);
        array.free(work);
        assert_eq!(count(work, Counter::AllocationsSmall), 1);
        assert_eq!(
            count(work, Counter::PagesFaulted) + count(work, Counter::PagesReleased),
            0
        );
        assert_eq!(count(work, Counter::Frees), 1);
    }
}
