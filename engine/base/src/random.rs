//! Addressed random streams: a draw is a pure function of (seed, stream, entity, index).
//!
//! Adding a draw, a stream or an entity therefore disturbs no other, studies that differ in one
//! knob see the same arrivals and keys (common random numbers), and operation 10^9 can be drawn
//! without drawing those before it.
//!
//! The generator is Philox2x64 with 7 rounds: a counter-based bijection keyed by 64 bits, from
//! Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), whose table 2 finds six
//! rounds enough to pass BigCrush; Random123 publishes test vectors for 7 and 10 rounds, which the
//! tests here check. One evaluation gives 128 bits.

use crate::digest::Digest;

const MULTIPLIER: u64 = 0xD2B7_4407_B1CE_6E93;
const KEY_STEP: u64 = 0x9E37_79B9_7F4A_7C15;
const ROUNDS: u32 = 7;

/// Philox2x64: maps a 128-bit counter to 128 random bits under a 64-bit key.
#[inline]
const fn philox2x64(rounds: u32, counter: [u64; 2], mut key: u64) -> [u64; 2] {
    let [mut left, mut right] = counter;
    let mut round = 0;
    while round < rounds {
        let product = left as u128 * MULTIPLIER as u128;
        left = (product >> 64) as u64 ^ key ^ right;
        right = product as u64;
        key = key.wrapping_add(KEY_STEP);
        round += 1;
    }
    [left, right]
}

/// The one seed of a run, from which every stream is derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seed(pub u64);

impl Seed {
    /// The stream called `name`: one name for each purpose (`"keys"`, `"arrivals"`, …).
    ///
    /// The name is hashed once; keep the stream, not the name, where draws are made.
    pub fn stream(self, name: &str) -> Stream {
        let mut bytes = Vec::with_capacity(name.len() + 8);
        bytes.extend_from_slice(&self.0.to_le_bytes());
        bytes.extend_from_slice(name.as_bytes());
        Stream {
            key: Digest::of(&bytes).0 as u64,
        }
    }
    /// The seed of replication `number`; replication 0 has the seed itself.
    pub fn replication(self, number: u32) -> Self {
        match number {
            0 => self,
            n => Self(self.stream("replication").at(0, u64::from(n)).0[0]),
        }
    }
}

/// A named random stream: an addressable plane of (entity, index).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    key: u64,
}

impl Stream {
    /// The 128 bits at (`entity`, `index`).
    #[inline]
    pub const fn at(self, entity: u64, index: u64) -> Bits {
        Bits(philox2x64(ROUNDS, [index, entity], self.key))
    }
    /// A cursor over the draws of one address, for samplers that may need more than 128 bits.
    #[inline]
    pub const fn draws(self, entity: u64, index: u64) -> Draws {
        Draws {
            first: self.at(entity, index),
            used: 0,
            refill: self,
            entity,
            index,
        }
    }
    /// A sequential generator over `entity`'s row of the plane, for code that draws by history.
    pub const fn sequence(self, entity: u64) -> Sequence {
        Sequence {
            stream: self,
            entity,
            index: 0,
            spare: None,
        }
    }
}

/// 128 random bits as two words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bits(pub [u64; 2]);

/// Successive words of one address: the two of its own counter, then those of derived counters.
#[derive(Clone, Copy, Debug)]
pub struct Draws {
    first: Bits,
    used: u32,
    refill: Stream,
    entity: u64,
    index: u64,
}

impl Draws {
    /// The next 64 random bits of this address.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        let word = self.used;
        self.used += 1;
        match word {
            0 | 1 => self.first.0[word as usize],
            _ => self.further(word),
        }
    }
    /// Words beyond the first two: the same address under a key of their own.
    #[cold]
    fn further(&self, word: u32) -> u64 {
        let key = self.refill.key ^ u64::from(word / 2).wrapping_mul(0xCA5A_8263_9512_1157);
        philox2x64(ROUNDS, [self.index, self.entity], key)[(word % 2) as usize]
    }
}

/// A generator that draws one word after another from a row of a stream.
#[derive(Clone, Copy, Debug)]
pub struct Sequence {
    stream: Stream,
    entity: u64,
    index: u64,
    spare: Option<u64>,
}

impl Sequence {
    /// The next 64 random bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        if let Some(word) = self.spare.take() {
            return word;
        }
        let Bits([first, second]) = self.stream.at(self.entity, self.index);
        self.index += 1;
        self.spare = Some(second);
        first
    }
    /// A uniform integer below `bound`; see [`below`].
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        below(self.next_u64(), bound)
    }
}

/// Maps a word to 0..`bound` by its high product (Lemire 2019, without the rejection step).
///
/// The bias is at most `bound`/2^64: below 2^-24 for every bound up to 2^40.
#[inline]
pub const fn below(word: u64, bound: u64) -> u64 {
    ((word as u128 * bound as u128) >> 64) as u64
}

/// A uniform number in (0, 1): the middle of one of 2^53 equal cells, so that neither end occurs.
#[inline]
pub const fn open_unit(word: u64) -> f64 {
    ((word >> 11) as f64 + 0.5) * (1.0 / 9_007_199_254_740_992.0)
}

/// A probability in parts of 2^64, decided by an integer comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Probability(u64);

impl Probability {
    /// Never.
    pub const NEVER: Self = Self(0);

    /// `numerator`/`denominator`; a ratio of one or more is the largest probability, 1 - 2^-64.
    ///
    /// # Panics
    /// If the denominator is zero.
    pub const fn ratio(numerator: u64, denominator: u64) -> Self {
        assert!(denominator > 0, "a probability has a denominator");
        if numerator >= denominator {
            return Self(u64::MAX);
        }
        Self((((numerator as u128) << 64) / denominator as u128) as u64)
    }
    /// Whether the event that `word` stands for happens.
    #[inline]
    pub const fn happens(self, word: u64) -> bool {
        word < self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Random123 `kat_vectors`, philox2x64 with 7 and 10 rounds.
    #[test]
    fn philox_gives_the_published_vectors() {
        let pi = (
            [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344],
            0xa409_3822_299f_31d0,
        );
        let ones = ([u64::MAX, u64::MAX], u64::MAX);
        let zeros = ([0, 0], 0);
        for (rounds, (counter, key), expected) in [
            (7, ones, [0xa469_6cc0_4462_015d, 0x7247_82da_e171_69e9]),
            (7, pi, [0x98ed_1534_392b_f372, 0x6752_8b15_6888_2fd5]),
            (7, zeros, [0xb41d_a69f_bfef_c666, 0x511e_9ce1_a553_4056]),
            (10, zeros, [0xca00_a045_9843_d731, 0x66c2_4222_c9a8_45b5]),
            (10, ones, [0x65b0_21d6_0cd8_310f, 0x4d02_f322_2f86_df20]),
            (10, pi, [0x0a5e_742c_2997_341c, 0xb0f8_83d3_8000_de5d]),
        ] {
            assert_eq!(
                philox2x64(rounds, counter, key),
                expected,
                "{rounds} rounds"
            );
        }
    }

    #[test]
    fn draws_continue_past_the_first_two_words_without_repeating() {
        let stream = Seed(1).stream("keys");
        let mut draws = stream.draws(3, 5);
        let words: Vec<u64> = (0..8).map(|_| draws.next_u64()).collect();
        assert_eq!(words[..2], stream.at(3, 5).0);
        let mut distinct = words.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), words.len());
    }

    #[test]
    fn streams_of_other_names_seeds_and_replications_differ() {
        let first = Seed(1).stream("keys").at(0, 0);
        assert_ne!(first, Seed(1).stream("arrivals").at(0, 0));
        assert_ne!(first, Seed(2).stream("keys").at(0, 0));
        assert_eq!(Seed(1), Seed(1).replication(0));
        assert_ne!(Seed(1).replication(1), Seed(1).replication(2));
    }

    #[test]
    fn a_probability_is_met_in_its_share_of_draws() {
        let stream = Seed(7).stream("coin");
        let fifth = Probability::ratio(1, 5);
        let hits = (0..100_000)
            .filter(|&i| fifth.happens(stream.at(0, i).0[0]))
            .count();
        assert!((19_500..20_500).contains(&hits), "{hits}");
    }
}
