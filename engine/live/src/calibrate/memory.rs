//! Memory: copies, pages that come and go, and reads that each depend on the one before.

use super::timing::{fastest, timed};
use super::{Effort, Timings};
use kvrig_base::calibration::{Part, Timing};
use std::hint::black_box;
use std::io;

/// Bytes of a page.
pub(super) const PAGE_BYTES: usize = 4_096;
/// glibc serves blocks above 32 MiB from the system at all times (malloc(3), `M_MMAP_THRESHOLD`:
/// the most that its threshold grows to), and musl smaller ones already.
pub(super) const BLOCK_BYTES: usize = 48 << 20;

/// Sizes of the copies: both ends lie in the first level, or nearly, since touches of lines have
/// prices of their own.
const COPIED_BYTES: [usize; 2] = [1_024, 8_192];
const COPIES: u32 = 40_000;
const LARGE_ALLOCATIONS: u32 = 400;

pub(super) fn copy(effort: &Effort<'_>) -> io::Result<Timings> {
    let repetitions = effort.repetitions(COPIES);
    let copied = COPIED_BYTES.map(|bytes| {
        let (from, mut to) = (vec![1_u8; bytes], vec![0_u8; bytes]);
        timed(bytes as u64, repetitions, || {
            for _ in 0..repetitions {
                to.copy_from_slice(black_box(&from));
                black_box(&mut to);
            }
            Ok(())
        })
    });
    let copied = copied.into_iter();
    copied
        .map(|timing| Ok((Part::Copy, timing?)))
        .collect::<io::Result<_>>()
}

/// A block that the system has given and nobody has touched.
pub(super) fn untouched_block() -> Vec<u8> {
    vec![0; BLOCK_BYTES]
}

/// Writes one byte in every page.
pub(super) fn touch_pages(block: &mut [u8]) {
    for page in block.chunks_mut(PAGE_BYTES) {
        page[0] = 1;
    }
    black_box(block);
}

pub(super) fn pages(_: &Effort<'_>) -> io::Result<Timings> {
    let pages = (BLOCK_BYTES / PAGE_BYTES) as u32;
    let mut block = untouched_block();
    let fault = timed(1, pages, || {
        touch_pages(&mut block);
        Ok(())
    })?;
    let release = timed(1, pages, || {
        drop(block);
        Ok(())
    })?;
    Ok(vec![(Part::PageFault, fault), (Part::PageRelease, release)])
}

pub(super) fn large_allocation(effort: &Effort<'_>) -> io::Result<Timings> {
    let repetitions = effort.repetitions(LARGE_ALLOCATIONS);
    let timing = timed((BLOCK_BYTES >> 20) as u64, repetitions, || {
        for _ in 0..repetitions {
            black_box(Vec::<u8>::with_capacity(black_box(BLOCK_BYTES)));
        }
        Ok(())
    })?;
    Ok(vec![(Part::LargeAllocation, timing)])
}

/// Words of four bytes in a line of 64.
const LINE_WORDS: usize = 16;

/// Parts in which a chase is timed.
const PARTS: usize = 10;

/// A ring of lines of memory, each of which says where the next one is: no read can begin before the
/// one before has come.
#[derive(Debug)]
pub struct Chase {
    words: Vec<u32>,
    lines: u64,
    at: u32,
}

impl Chase {
    /// Lines of 64 bytes in the order in which they are read, each once a round.
    ///
    /// # Panics
    /// If there are none, or one lies beyond 2^28.
    pub fn new(order: &[u32]) -> Self {
        let last = *order.iter().max().expect("a ring has lines");
        assert!(last < 1 << 28, "the words of all lines are numbered in u32");
        let mut words = vec![0; (last as usize + 1) * LINE_WORDS];
        let mut followed = order.iter().zip(order.iter().cycle().skip(1));
        let word = |line: u32| line * LINE_WORDS as u32;
        followed.by_ref().for_each(|(&line, &next)| {
            words[word(line) as usize] = word(next);
        });
        Self {
            words,
            lines: order.len() as u64,
            at: word(order[0]),
        }
    }
    fn step(&mut self, steps: u64) {
        let mut at = self.at;
        for _ in 0..steps {
            at = self.words[at as usize];
        }
        self.at = black_box(at);
    }
    /// Reads a whole round untimed, then so many lines in `PARTS`, and keeps the fastest part. The
    /// size of the timing is the memory that is spanned, in bytes.
    pub fn time(&mut self, steps: u32) -> Timing {
        self.step(self.lines);
        let (steps, size) = (steps / PARTS as u32, 4 * self.words.len() as u64);
        fastest(PARTS, size, steps, |_| self.step(steps.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chase_reads_every_line_once_and_comes_round() {
        let mut chase = Chase::new(&[3, 0, 5, 1]);
        let mut lines = Vec::new();
        for _ in 0..5 {
            lines.push(chase.at / LINE_WORDS as u32);
            chase.step(1);
        }
        assert_eq!(lines, [3, 0, 5, 1, 3]);
    }

    #[test]
    fn lines_far_apart_take_longer_than_lines_that_the_first_level_holds() {
        let near: Vec<u32> = (0..128).collect();
        // An odd step goes round all of 2^20 lines, and no prefetcher follows it across pages.
        let far: Vec<u32> = (0..1 << 20)
            .map(|n: u64| (n * 40_503 % (1 << 20)) as u32)
            .collect();
        let cpu_ns = |order: &[u32]| Chase::new(order).time(200_000).cpu_ns;
        let (near, far) = (cpu_ns(&near), cpu_ns(&far));
        assert!(far > 1.5 * near, "{near} and {far} ns");
    }
}
