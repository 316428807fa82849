//! Rings of lines whose reads each depend on the one before: what memory takes by its footprint.

use kvrig_base::random::{Seed, below};

/// Lines of 64 bytes in a page of 4 KiB.
const PAGE_LINES: u32 = 64;
/// Next pages are read at other lines, so that they do not all fall in the same sets of a cache.
const LINE_STRIDE: u32 = 37;

/// How the lines of a ring lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spacing {
    /// Side by side, read in random order.
    Packed,
    /// One in each page, read in random order.
    OneAPage,
    /// Side by side, read in sequence.
    InSequence,
}

/// A ring of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    /// How they lie.
    pub spacing: Spacing,
    /// How many there are.
    pub lines: u32,
}

impl Ring {
    /// Lines side by side that fill so many bytes.
    pub const fn of_bytes(spacing: Spacing, bytes: u32) -> Self {
        Self {
            spacing,
            lines: bytes / 64,
        }
    }
    /// Memory that it spans, in bytes.
    pub const fn span_bytes(&self) -> u64 {
        let lines = self.lines as u64;
        match self.spacing {
            Spacing::Packed | Spacing::InSequence => lines * 64,
            Spacing::OneAPage => lines * 64 * PAGE_LINES as u64,
        }
    }
    /// Its lines in the order in which they are read.
    pub fn order(&self, seed: Seed) -> Vec<u32> {
        let mut order: Vec<u32> = match self.spacing {
            Spacing::Packed | Spacing::InSequence => (0..self.lines).collect(),
            Spacing::OneAPage => (0..self.lines)
                .map(|page| page * PAGE_LINES + page * LINE_STRIDE % PAGE_LINES)
                .collect(),
        };
        if self.spacing != Spacing::InSequence {
            let mut draws = seed.stream("chase").draws(0, u64::from(self.lines));
            // Fisher and Yates's shuffle, as Durstenfeld does it.
            for end in (1..order.len()).rev() {
                let other = below(draws.next_u64(), end as u64 + 1);
                order.swap(end, other as usize);
            }
        }
        order
    }
    /// What is read, `64 KiB packed`.
    pub fn name(&self) -> String {
        let bytes = self.span_bytes();
        let size = match bytes >> 20 {
            0 => format!("{} KiB", bytes >> 10),
            mib => format!("{mib} MiB"),
        };
        let how = match self.spacing {
            Spacing::Packed => "lines packed",
            Spacing::OneAPage => "one line a page",
            Spacing::InSequence => "lines in sequence",
        };
        format!("{size}, {how}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_reads_each_of_its_lines_once() {
        for (spacing, span) in [
            (Spacing::Packed, 64_000),
            (Spacing::InSequence, 64_000),
            (Spacing::OneAPage, 4_096_000),
        ] {
            let ring = Ring {
                spacing,
                lines: 1_000,
            };
            let order = ring.order(Seed(1));
            let mut sorted = order.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!((order.len(), sorted.len()), (1_000, 1_000), "{spacing:?}");
            assert_eq!(ring.span_bytes(), span);
            assert!(u64::from(sorted[999]) < span / 64);
            assert_eq!(order == sorted, spacing == Spacing::InSequence);
            if spacing == Spacing::OneAPage {
                assert!(sorted.windows(2).all(|two| two[0] / 64 < two[1] / 64));
            }
        }
    }
}
