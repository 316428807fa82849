//! How many records an operation reads.

use crate::error::Error;
use crate::popularity::Zipf;
use kvrig_base::random::{Draws, below};

/// A distribution of lengths, from 1 on.
#[derive(Clone, Debug)]
pub enum Lengths {
    /// Any length up to a largest, alike: YCSB's default, up to 1,000
    /// (`CoreWorkload.MAX_SCAN_LENGTH_PROPERTY`).
    Uniform {
        /// Largest length.
        max: u32,
    },
    /// Zipf: short lengths are the most frequent.
    Zipf(Zipf),
}

impl Lengths {
    /// Lengths of 1 alone.
    pub const ONE: Self = Self::Uniform { max: 1 };

    /// Lengths from 1 to `max`, alike; `max` of zero is taken for one.
    pub fn uniform(max: u32) -> Self {
        Self::Uniform { max: max.max(1) }
    }
    /// Lengths from 1 to `max` by Zipf of YCSB's exponent, 0.99.
    ///
    /// # Errors
    /// If `max` is zero.
    pub fn zipf(max: u32) -> Result<Self, Error> {
        Zipf::new(u64::from(max), 0.99).map(Self::Zipf)
    }
    /// The length that the draws stand for.
    #[inline]
    pub fn length(&self, draws: &mut Draws) -> u32 {
        match self {
            Self::Uniform { max: 1 } => 1,
            Self::Uniform { max } => 1 + below(draws.next_u64(), u64::from(*max)) as u32,
            Self::Zipf(zipf) => u32::try_from(zipf.rank(draws)).unwrap_or(u32::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::digest::Rolling;
    use kvrig_base::random::Seed;

    fn drawn(lengths: &Lengths) -> Vec<u32> {
        let stream = Seed(42).stream("lengths");
        (0..10_000)
            .map(|index| lengths.length(&mut stream.draws(0, index)))
            .collect()
    }

    #[test]
    fn every_length_up_to_the_largest_is_drawn_and_no_other() {
        let mut uniform = drawn(&Lengths::uniform(100));
        let mean = uniform.iter().sum::<u32>() / 10_000;
        assert!((49..=51).contains(&mean), "{mean}");
        uniform.sort_unstable();
        uniform.dedup();
        assert!(uniform.iter().copied().eq(1..=100));
        assert_eq!(drawn(&Lengths::ONE), vec![1; 10_000]);
        let zipf = drawn(&Lengths::zipf(100).unwrap());
        let ones = zipf.iter().filter(|&&length| length == 1).count();
        // 1 / H(100, 0.99) = 18.8 %.
        assert!((1_720..2_050).contains(&ones), "{ones}");
        assert!(zipf.iter().all(|length| (1..=100).contains(length)));
    }

    #[test]
    fn golden_lengths_hold() {
        let mut digest = Rolling::default();
        for lengths in [Lengths::uniform(1_000), Lengths::zipf(1_000).unwrap()] {
            for length in drawn(&lengths) {
                digest.fold(u64::from(length));
            }
        }
        assert_eq!(format!("{:016x}", digest.value()), "2e5a492e1c405836");
    }
}
