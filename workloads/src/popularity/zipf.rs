//! Exact Zipf ranks: P(rank = k) proportional to k^-s, for any s from 0 to 3 and any n.

use crate::alias::columns_of_weights;
use crate::error::Error;
use crate::harmonic::harmonic;
use kvrig_base::limits::KEYS_MAX;
use kvrig_base::random::Draws;
use libm::pow;

/// Ranks that are outcomes of their own.
///
/// A block costs no more to draw from than a single rank, so the head need only be long enough for
/// blocks to hold many ranks. With the blocks of a hundred million keys the tables stay below
/// 40 KB: they hardly disturb the caches of what is measured.
const HEAD_RANKS_MAX: u64 = 2_048;
/// A block spans 1/64 of its first rank: the rarest rank of a block is drawn too often by less than
/// s/64, which is what rejection costs.
const BLOCK_FRACTION: u64 = 64;
/// Largest exponent; measured caches reach 2.68 (Yang et al., OSDI 2020, cluster table).
pub const EXPONENT_MAX: f64 = 3.0;

/// A sampler of Zipf-distributed ranks 1..=n.
///
/// One alias table chooses either one of the first ranks or a block of later ones; blocks grow
/// geometrically, so that a trillion ranks need about 1,300. Within a block a rank is drawn
/// uniformly and kept with probability (rank / first rank of the block)^-s. The chances of keeping
/// lie above 1 - s/64, and below that floor no power is computed. Nothing depends on the harmonic
/// number of n, and building costs the same for every large n.
#[derive(Clone, Debug)]
pub struct Zipf {
    s: f64,
    n: u64,
    /// Bits 16..64: threshold in parts of 2^48. Bits 0..16: alias.
    columns: Box<[u64]>,
    /// Outcomes below this are ranks less one; the others are blocks.
    head_ranks: usize,
    /// The blocks, after a block of one rank that stands for every rank of the head: then a draw
    /// does the same for both, without a branch that half of the draws would mispredict.
    blocks: Box<[Block]>,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    first: u64,
    ranks: u64,
    /// The chance of keeping the last rank of the block, in parts of 2^64.
    keep_always: u64,
}

const ALIAS_BITS: u32 = 16;
/// 2^64: chances are compared in parts of this.
const WHOLE: f64 = 18_446_744_073_709_551_616.0;

impl Block {
    /// Rank 0 alone, kept always; the outcome is added to it.
    const HEAD: Self = Self {
        first: 0,
        ranks: 1,
        keep_always: u64::MAX,
    };

    /// The chance of keeping `rank` of this block.
    fn chance(&self, rank: u64, s: f64) -> f64 {
        pow(rank as f64 / self.first as f64, -s)
    }
}

impl Zipf {
    /// A sampler over `n` ranks with exponent `s`.
    ///
    /// # Errors
    /// If `s` is outside of 0..=[`EXPONENT_MAX`] or `n` outside of 1..=[`KEYS_MAX`].
    pub fn new(n: u64, s: f64) -> Result<Self, Error> {
        if !(0.0..=EXPONENT_MAX).contains(&s) {
            return Err(Error::ExponentOutOfRange(s));
        }
        match n {
            0 => return Err(Error::NoKeys),
            1..=KEYS_MAX => {}
            _ => return Err(Error::TooManyKeys(n)),
        }
        let head_ranks = n.min(HEAD_RANKS_MAX);
        Ok(Self::over(
            head_ranks,
            blocks_between(head_ranks, n, s),
            n,
            s,
        ))
    }
    /// A sampler over the ranks up to `head_ranks` and those of `tail`.
    fn over(head_ranks: u64, tail: Vec<Block>, n: u64, s: f64) -> Self {
        let rank_weights = (1..=head_ranks).map(|rank| pow(rank as f64, -s));
        let block_weights = tail
            .iter()
            .map(|block| block.ranks as f64 * pow(block.first as f64, -s));
        let weights: Vec<f64> = rank_weights.chain(block_weights).collect();
        assert!(weights.len() <= 1 << ALIAS_BITS, "an alias fits its bits");
        let columns = columns_of_weights(&weights)
            .iter()
            .map(|column| (column.threshold >> ALIAS_BITS) << ALIAS_BITS | u64::from(column.alias))
            .collect();
        let blocks = std::iter::once(Block::HEAD).chain(tail).collect();
        Self {
            s,
            n,
            columns,
            head_ranks: head_ranks as usize,
            blocks,
        }
    }
    /// The number of ranks.
    pub const fn n(&self) -> u64 {
        self.n
    }
    /// The exponent.
    pub const fn s(&self) -> f64 {
        self.s
    }
    /// The expected share of the `k` most popular ranks, to print beside a measured one.
    pub fn top_share(&self, k: u64) -> f64 {
        zipf_top_share(k, self.n, self.s)
    }
    /// A rank in 1..=n.
    #[inline]
    pub fn rank(&self, draws: &mut Draws) -> u64 {
        match self.propose([draws.next_u64(), draws.next_u64()]) {
            Some(rank) => rank,
            None => self.rank_after_rejection(draws),
        }
    }
    #[cold]
    #[inline(never)]
    fn rank_after_rejection(&self, draws: &mut Draws) -> u64 {
        loop {
            if let Some(rank) = self.propose([draws.next_u64(), draws.next_u64()]) {
                return rank;
            }
        }
    }
    /// The rank that two words stand for, or nothing if they are rejected.
    #[inline]
    fn propose(&self, [first, second]: [u64; 2]) -> Option<u64> {
        let product = u128::from(first) * self.columns.len() as u128;
        let own = (product >> 64) as usize;
        let within = product as u64 >> ALIAS_BITS;
        let column = self.columns[own];
        let alias = (column & ((1 << ALIAS_BITS) - 1)) as usize;
        let outcome = select(within < column >> ALIAS_BITS, own, alias);
        // One word gives the place in the block by its high product and the chance by its low.
        let in_head = outcome < self.head_ranks;
        let block = &self.blocks[select(in_head, 0, (outcome + 1).wrapping_sub(self.head_ranks))];
        let product = u128::from(second) * u128::from(block.ranks);
        let base = select(in_head, outcome + 1, 0) as u64;
        let rank = base + block.first + (product >> 64) as u64;
        let chance = product as u64;
        (chance < block.keep_always || self.keeps(block, rank, chance)).then_some(rank)
    }
    #[cold]
    #[inline(never)]
    fn keeps(&self, block: &Block, rank: u64, chance: u64) -> bool {
        (chance as f64) < block.chance(rank, self.s) * WHOLE
    }
}

/// The share of the first `k` of `n` ranks under exponent `s`.
pub(super) fn zipf_top_share(k: u64, n: u64, s: f64) -> f64 {
    harmonic(k.min(n), s) / harmonic(n, s)
}

/// One of two values, without a branch: which one is as good as random.
#[inline]
fn select(condition: bool, yes: usize, no: usize) -> usize {
    std::hint::select_unpredictable(condition, yes, no)
}

/// Blocks that cover the ranks after `head_ranks` up to `n`.
fn blocks_between(head_ranks: u64, n: u64, s: f64) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut first = head_ranks + 1;
    while first <= n {
        let ranks = (first / BLOCK_FRACTION).clamp(1, n - first + 1);
        let mut block = Block {
            first,
            ranks,
            keep_always: 0,
        };
        block.keep_always = (block.chance(first + ranks - 1, s) * WHOLE) as u64;
        blocks.push(block);
        first += ranks;
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::goodness::{ChiSquare, chi_square};
    use crate::popularity::bins::rank_bins;
    use kvrig_base::digest::Rolling;
    use kvrig_base::random::{Seed, Stream};

    fn ranks(s: f64, n: u64, stream: Stream) -> impl Iterator<Item = u64> {
        let zipf = Zipf::new(n, s).unwrap();
        (0..).map(move |index| zipf.rank(&mut stream.draws(0, index)))
    }

    fn fit(s: f64, n: u64, draws: usize) -> ChiSquare {
        let bins = rank_bins(n, s, draws as f64);
        let mut observed = vec![0; bins.len()];
        for rank in ranks(s, n, Seed(11).stream("zipf")).take(draws) {
            assert!((1..=n).contains(&rank), "rank {rank} of {n}");
            observed[bins.partition_point(|bin| bin.last < rank)] += 1;
        }
        let expected: Vec<f64> = bins.iter().map(|bin| bin.share * draws as f64).collect();
        chi_square(&observed, &expected)
    }

    /// Expected counts come from harmonic numbers, which the sampler does not use.
    #[test]
    fn ranks_have_the_exact_distribution() {
        for s in [0.0, 0.5, 0.8, 0.99, 1.0, 1.2, 2.0, 2.68] {
            for n in [1, 2, 3, 1_000_000, 100_000_000] {
                let fit = fit(s, n, 300_000);
                assert!(fit.p > 1e-4, "s = {s}, n = {n}: {fit:?}");
            }
        }
    }

    #[test]
    fn the_largest_key_space_and_exponent_are_served() {
        for (s, n) in [
            (0.0, KEYS_MAX),
            (0.99, KEYS_MAX),
            (3.0, KEYS_MAX),
            (3.0, 20_000),
        ] {
            let fit = fit(s, n, 100_000);
            assert!(fit.p > 1e-4, "s = {s}, n = {n}: {fit:?}");
        }
    }

    /// A wrong chance of keeping a rank would show as a slope within blocks: here each of the
    /// first 32 blocks is cut into quarters.
    #[test]
    fn ranks_within_a_block_fall_as_they_should() {
        let s = 3.0;
        let n = HEAD_RANKS_MAX + 20_000;
        let blocks: Vec<Block> = blocks_between(HEAD_RANKS_MAX, n, s)[..32].to_vec();
        let quarter = |block: &Block, part: u64| block.first + block.ranks * part / 4;
        let total = crate::harmonic::harmonic_between(HEAD_RANKS_MAX, n, s);
        // The tail alone, so that all draws go to blocks.
        let tail = Zipf::over(0, blocks_between(HEAD_RANKS_MAX, n, s), n, s);
        let stream = Seed(5).stream("zipf");
        let draws = 1_000_000_u64;
        let mut observed = vec![0_u64; 32 * 4 + 1];
        for index in 0..draws {
            let rank = tail.rank(&mut stream.draws(0, index));
            let bin = match blocks.iter().position(|b| rank < b.first + b.ranks) {
                Some(at) => {
                    at * 4
                        + (1..4)
                            .filter(|&part| rank >= quarter(&blocks[at], part))
                            .count()
                }
                None => 32 * 4,
            };
            observed[bin] += 1;
        }
        let mut expected: Vec<f64> = blocks
            .iter()
            .flat_map(|block| {
                (0..4).map(move |part| (quarter(block, part), quarter(block, part + 1)))
            })
            .map(|(from, to)| {
                crate::harmonic::harmonic_between(from - 1, to - 1, s) / total * draws as f64
            })
            .collect();
        expected.push(draws as f64 - expected.iter().sum::<f64>());
        let fit = chi_square(&observed, &expected);
        assert!(fit.p > 1e-4, "{fit:?}");
    }

    /// Neighbouring exponents draw the same ranks but for a few that lie on a threshold.
    #[test]
    fn the_exponent_one_is_nothing_special() {
        let stream = Seed(3).stream("zipf");
        let at_one: Vec<u64> = ranks(1.0, 100_000_000, stream).take(100_000).collect();
        for s in [1.0 - 1e-9, 1.0 + 1e-9] {
            let beside = ranks(s, 100_000_000, stream);
            let moved = at_one.iter().zip(beside).filter(|&(&a, b)| a != b).count();
            assert!(moved < 10, "s = {s:e}: {moved} of 100,000 differ");
        }
    }

    #[test]
    fn a_draw_depends_on_its_address_alone() {
        let stream = Seed(9).stream("zipf");
        let zipf = Zipf::new(1_000_000, 0.99).unwrap();
        let forwards: Vec<u64> = (0..100)
            .map(|i| zipf.rank(&mut stream.draws(0, i)))
            .collect();
        let mut backwards: Vec<u64> = (0..100)
            .rev()
            .map(|i| zipf.rank(&mut stream.draws(0, i)))
            .collect();
        backwards.reverse();
        assert_eq!(forwards, backwards);
    }

    #[test]
    fn parameters_out_of_range_are_refused() {
        assert_eq!(Zipf::new(0, 1.0).err(), Some(Error::NoKeys));
        assert_eq!(
            Zipf::new(KEYS_MAX + 1, 1.0).err(),
            Some(Error::TooManyKeys(KEYS_MAX + 1))
        );
        for s in [-0.1, 3.1, f64::INFINITY] {
            assert_eq!(Zipf::new(1, s).err(), Some(Error::ExponentOutOfRange(s)));
        }
        assert!(Zipf::new(1, f64::NAN).is_err());
    }

    /// Published shares of the top ranks among a million.
    #[test]
    fn expected_shares_meet_published_ones() {
        for (s, shares) in [
            (0.8, [1.337, 4.766, 10.874, 20.680, 36.241]),
            (0.99, [6.497, 19.206, 34.399, 50.215, 66.427]),
            (1.0, [6.948, 20.350, 36.042, 52.009, 68.004]),
            (1.2, [18.953, 46.772, 68.290, 82.177, 90.960]),
        ] {
            let zipf = Zipf::new(1_000_000, s).unwrap();
            for (k, percent) in [1, 10, 100, 1_000, 10_000].into_iter().zip(shares) {
                let got = zipf.top_share(k) * 100.0;
                assert!((got - percent).abs() < 6e-4, "s = {s}, top {k}: {got} %");
            }
        }
    }

    #[test]
    fn golden_ranks_hold() {
        let mut digest = Rolling::default();
        for (s, n) in [
            (0.0, 3),
            (0.5, 1_000),
            (0.99, 100_000_000),
            (1.0, KEYS_MAX),
            (2.68, 70_000),
        ] {
            for rank in ranks(s, n, Seed(42).stream("zipf")).take(10_000) {
                digest.fold(rank);
            }
        }
        assert_eq!(format!("{:016x}", digest.value()), "7ef24a722084647a");
    }
}
