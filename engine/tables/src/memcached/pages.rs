//! Which pages of a large bucket array were touched, however many workers touch them.

use kvrig_base::seam::sync::{SyncForm, Word};
use kvrig_base::seam::{Counter, Work};

/// Bytes of a page of memory.
const PAGE_BYTES: u64 = 4_096;
/// Bytes of a bucket: a pointer.
pub(super) const BUCKET_BYTES: u64 = 8;
const PAGE_BUCKETS: u64 = PAGE_BYTES / BUCKET_BYTES;
/// From this size on an array comes from the system page by page and goes back to it; a smaller
/// one is served from memory that is there.
const SYSTEM_ALLOCATION_BYTES_MIN: u64 = 32 * 1024;

/// The pages of one bucket array. Those of an array from the system count as they are touched.
pub(super) struct Pages<S: SyncForm> {
    /// Pages not yet touched.
    untouched: S::Word,
    /// A bit for each of them, none where the array is small.
    bits: Vec<S::Word>,
    count: u64,
}

impl<S: SyncForm> Pages<S> {
    /// The pages of an array of `buckets` that is being allocated, zeroed by the system.
    pub(super) fn allocate(buckets: u64, work: &mut Work) -> Self {
        let bytes = buckets * BUCKET_BYTES;
        if bytes < SYSTEM_ALLOCATION_BYTES_MIN {
            work.count(Counter::AllocationsSmall, 1);
            return Self {
                untouched: S::Word::new(0),
                bits: Vec::new(),
                count: 0,
            };
        }
        work.count(Counter::AllocationsLarge, 1);
        let count = bytes / PAGE_BYTES;
        Self {
            untouched: S::Word::new(count),
            bits: (0..count.div_ceil(64))
                .map(|_| S::Word::new(u64::MAX))
                .collect(),
            count,
        }
    }
    /// Counts the first touch of the page that `bucket` is in.
    #[inline]
    pub(super) fn touch(&self, bucket: u64, work: &mut Work) {
        if !self.bits.is_empty() && self.untouched.get() > 0 {
            self.touch_slow(bucket / PAGE_BUCKETS, work);
        }
    }
    fn touch_slow(&self, page: u64, work: &mut Work) {
        let bit = 1 << (page % 64);
        if self.bits[(page / 64) as usize].clear(bit) & bit != 0 {
            self.untouched.add(u64::MAX); // Minus one, around the end.
            work.count(Counter::PagesFaulted, 1);
        }
    }
    /// The array goes back; says how many of its pages had been touched.
    pub(super) fn free(&self, work: &mut Work) -> u64 {
        let pages = self.count - self.untouched.get();
        work.count(Counter::Frees, 1);
        work.count(Counter::PagesReleased, pages);
        pages
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::seam::sync::Threads;

    #[test]
    fn a_page_counts_once_when_it_is_touched_and_once_when_it_goes_back() {
        let work = &mut Work::unpriced();
        let pages = Pages::<Threads>::allocate(1 << 17, work);
        for bucket in [0, 511, 512, (1 << 17) - 1, 3] {
            pages.touch(bucket, work);
        }
        assert_eq!(work.counts().get(Counter::PagesFaulted), 3);
        assert_eq!(pages.free(work), 3);
        let small = Pages::<Threads>::allocate(2_048, work);
        small.touch(7, work);
        assert_eq!(small.free(work), 0);
        assert_eq!(work.counts().get(Counter::AllocationsLarge), 1);
    }
}
