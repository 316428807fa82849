//! Which pages of an actor were copied because a live child still shares them.

use kvrig_base::seam::Touch;
use std::collections::BTreeMap;

const WORDS: usize = 64;
/// Pages of one chunk of the bitmap.
const CHUNK_PAGES: u64 = WORDS as u64 * 64;

/// A bitmap of logical 4 KiB pages, in chunks so that far-apart regions cost no memory between.
#[derive(Debug, Default)]
pub(super) struct CopiedPages {
    chunks: BTreeMap<u64, Box<[u64; WORDS]>>,
    copied: u64,
}

impl CopiedPages {
    /// Marks the page of `touch` as the writer's own and says whether it had to be copied.
    pub(super) fn write(&mut self, touch: Touch) -> bool {
        let page = touch.page();
        let chunk = self
            .chunks
            .entry(page / CHUNK_PAGES)
            .or_insert_with(|| Box::new([0; WORDS]));
        let (word, bit) = ((page % CHUNK_PAGES / 64) as usize, 1 << (page % 64));
        let fresh = chunk[word] & bit == 0;
        chunk[word] |= bit;
        self.copied += u64::from(fresh);
        fresh
    }
    /// Shares all pages again, with a new child.
    pub(super) fn share_all(&mut self) {
        self.chunks.clear();
    }
    /// Pages copied since the count was taken last.
    pub(super) fn take_copied(&mut self) -> u64 {
        std::mem::take(&mut self.copied)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::seam::Region;

    #[test]
    fn each_page_is_copied_once_until_it_is_shared_again() {
        let mut pages = CopiedPages::default();
        let write = |region, line| Touch::new(Region(region), line, true);
        let written = [
            write(0, 0),
            write(0, 63),
            write(0, 64),
            write(1, 0),
            write(1, 1 << 40),
        ];
        let copied = written.map(|touch| pages.write(touch));
        assert_eq!(
            copied,
            [true, false, true, true, true],
            "64 lines are a page"
        );
        assert_eq!(pages.take_copied(), 4);
        pages.share_all();
        assert!(pages.write(write(0, 1)));
        assert_eq!(pages.take_copied(), 1);
    }
}
