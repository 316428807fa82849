//! The pages of one array: which of them the system has handed out so far.

use kvrig_base::seam::{Counter, Work};
use std::ops::Range;

/// Bytes of a page of memory.
pub(crate) const PAGE_BYTES: u64 = 4_096;
/// From this size on an array comes from the system, page by page, and goes back to it
/// ([`Counter::AllocationsLarge`]); a smaller one is served from memory that is there.
const SYSTEM_ALLOCATION_BYTES_MIN: u64 = 32 * 1024;

/// The kind of allocation that `bytes` are.
pub(crate) const fn allocation_of(bytes: u64) -> Counter {
    if bytes < SYSTEM_ALLOCATION_BYTES_MIN {
        Counter::AllocationsSmall
    } else {
        Counter::AllocationsLarge
    }
}

/// Pages of an array, zeroed by the system and handed out when they are first touched.
///
/// A small array has none: the allocator serves it from memory that is there.
#[derive(Debug)]
pub(crate) struct Pages {
    count: u64,
    /// Pages that the system has not handed out, or has got back; their bits are set in `fresh`.
    fresh_count: u64,
    fresh: Vec<u64>,
}

impl Pages {
    pub(crate) const NONE: Self = Self {
        count: 0,
        fresh_count: 0,
        fresh: Vec::new(),
    };

    /// The pages of a new array of `bytes`, whose allocation is counted.
    pub(crate) fn allocate(bytes: u64, work: &mut Work) -> Self {
        work.count(allocation_of(bytes), 1);
        if bytes < SYSTEM_ALLOCATION_BYTES_MIN {
            return Self::NONE;
        }
        let count = bytes.div_ceil(PAGE_BYTES);
        let words = usize::try_from(count.div_ceil(64)).expect("an array that fits in memory");
        Self {
            count,
            fresh_count: count,
            fresh: vec![u64::MAX; words],
        }
    }

    /// Counts the first touch of the page at `offset` bytes.
    #[inline]
    pub(crate) fn touch(&mut self, offset: u64, work: &mut Work) {
        if self.fresh_count > 0 {
            self.touch_slow(offset / PAGE_BYTES, work);
        }
    }

    fn touch_slow(&mut self, page: u64, work: &mut Work) {
        let word = &mut self.fresh[(page / 64) as usize];
        let bit = 1 << (page % 64);
        if *word & bit != 0 {
            *word &= !bit;
            self.fresh_count -= 1;
            work.count(Counter::PagesFaulted, 1);
        }
    }

    /// Counts the first touch of each page of `bytes`, as writing all of them does.
    pub(crate) fn touch_all(&mut self, bytes: Range<u64>, work: &mut Work) {
        if self.count > 0 {
            for page in bytes.start / PAGE_BYTES..bytes.end.div_ceil(PAGE_BYTES) {
                self.touch_slow(page, work);
            }
        }
    }

    /// Gives the pages of `bytes`, which begin and end at pages, back to the system while the
    /// array stays (madvise with MADV_DONTNEED), and says how many had been touched.
    pub(crate) fn release(&mut self, bytes: Range<u64>, work: &mut Work) -> u64 {
        let end = (bytes.end / PAGE_BYTES).min(self.count);
        let mut released = 0;
        for page in bytes.start / PAGE_BYTES..end {
            let word = &mut self.fresh[(page / 64) as usize];
            let bit = 1 << (page % 64);
            released += u64::from(*word & bit == 0);
            *word |= bit;
        }
        self.fresh_count += released;
        work.count(Counter::PagesReleased, released);
        released
    }

    /// Gives the array back and says how many of its pages were there.
    pub(crate) fn free(&mut self, work: &mut Work) -> u64 {
        let released = self.count - self.fresh_count;
        work.count(Counter::Frees, 1);
        work.count(Counter::PagesReleased, released);
        *self = Self::NONE;
        released
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
        let mut pages = Pages::allocate(64 * 1_024, work);
        assert_eq!(count(work, Counter::AllocationsLarge), 1);
        for offset in [0, 4_095, 0, 4_096, 65_535] {
            pages.touch(offset, work);
        }
        assert_eq!(count(work, Counter::PagesFaulted), 3);
        assert_eq!(pages.free(work), 3);
        assert_eq!(count(work, Counter::PagesReleased), 3);
    }

    #[test]
    fn released_pages_fault_again_and_are_not_released_twice() {
        let work = &mut Work::unpriced();
        let mut pages = Pages::allocate(64 * 1_024, work);
        pages.touch_all(0..20_000, work);
        assert_eq!(count(work, Counter::PagesFaulted), 5);
        assert_eq!(pages.release(0..8_192, work), 2);
        assert_eq!(pages.release(0..8_192, work), 0);
        pages.touch(100, work);
        assert_eq!(count(work, Counter::PagesFaulted), 6);
        assert_eq!(pages.free(work), 4);
        assert_eq!(count(work, Counter::PagesReleased), 6);
    }

    #[test]
    fn a_small_array_comes_from_memory_that_is_there() {
        let work = &mut Work::unpriced();
        let mut pages = Pages::allocate(16 * 1_024, work);
        pages.touch(0, work);
        assert_eq!(pages.release(0..16_384, work), 0);
        assert_eq!(pages.free(work), 0);
        assert_eq!(count(work, Counter::AllocationsSmall), 1);
        assert_eq!(count(work, Counter::PagesFaulted), 0);
        assert_eq!(count(work, Counter::Frees), 1);
    }
}
