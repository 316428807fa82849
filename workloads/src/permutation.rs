//! A keyed bijection on 0..n: hot ranks land on keys all over the key space, each exactly once.
//!
//! Hashing ranks modulo n instead, as YCSB does, makes ranks collide and leaves keys unreachable.

use kvrig_base::random::Stream;

/// Rounds of multiply and shift.
const ROUNDS: usize = 3;

/// A bijection on 0..n, chosen by a random stream.
///
/// Works on the next power of two, where an odd multiplication, an addition and a right shift
/// exclusive-or are each reversible, and walks a cycle until it is back below n (Black and Rogaway,
/// "Ciphers with arbitrary finite domains", CT-RSA 2002). At most two walks on average.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permutation {
    n: u64,
    mask: u64,
    shift: u32,
    rounds: [(u64, u64); ROUNDS],
}

impl Permutation {
    /// The bijection on 0..`n` that `stream` stands for.
    pub fn new(n: u64, stream: Stream) -> Self {
        let bits = u64::BITS - n.saturating_sub(1).leading_zeros();
        let mask = if bits == u64::BITS {
            u64::MAX
        } else {
            (1 << bits) - 1
        };
        let rounds = std::array::from_fn(|round| {
            let [multiplier, addend] = stream.at(n, round as u64).0;
            (multiplier | 1, addend)
        });
        Self {
            n,
            mask,
            shift: bits.div_ceil(2).max(1),
            rounds,
        }
    }
    /// Where `place` goes; places from n on stay where they are.
    #[inline]
    pub fn apply(&self, place: u64) -> u64 {
        if place >= self.n {
            return place;
        }
        let mut at = place;
        loop {
            for (multiplier, addend) in self.rounds {
                at = at.wrapping_mul(multiplier).wrapping_add(addend) & self.mask;
                at ^= at >> self.shift;
            }
            if at < self.n {
                return at;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::random::Seed;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_place_is_reached_exactly_once(n in 1_u64..3_000, seed: u64) {
            let permutation = Permutation::new(n, Seed(seed).stream("scramble"));
            let mut reached: Vec<u64> = (0..n).map(|place| permutation.apply(place)).collect();
            reached.sort_unstable();
            prop_assert!(reached.iter().copied().eq(0..n));
        }

        #[test]
        fn large_domains_stay_within_bounds(n in 1_u64..1 << 40, place: u64, seed: u64) {
            let permutation = Permutation::new(n, Seed(seed).stream("scramble"));
            prop_assert!(permutation.apply(place % n) < n);
        }
    }

    /// Of the hottest 10,000 places of a million, each hundredth of the key space gets its share.
    #[test]
    fn hot_places_are_spread_evenly() {
        let permutation = Permutation::new(1_000_000, Seed(1).stream("scramble"));
        let mut counts = [0_u64; 100];
        for place in 0..10_000 {
            counts[(permutation.apply(place) / 10_000) as usize] += 1;
        }
        let expected = [100.0; 100];
        assert!(
            crate::goodness::chi_square(&counts, &expected).p > 1e-4,
            "{counts:?}"
        );
    }
}
