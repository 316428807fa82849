//! Which key an operation asks for.

mod bins;
mod moving;
mod recency;
mod weights;
mod ycsb;
mod zipf;

pub use bins::{RankBin, rank_bins};
pub use moving::{MovingHotspot, Turnover};
pub use recency::{Exponential, Latest};
pub use weights::WeightedKeys;
pub use ycsb::Ycsb;
pub use zipf::{EXPONENT_MAX, Zipf};

use crate::error::Error;
use crate::key::KeyId;
use crate::permutation::Permutation;
use kvrig_base::limits::KEYS_MAX;
use kvrig_base::quantity::Share;
use kvrig_base::random::{Draws, Probability, Stream, below};
use kvrig_base::time::Time;
use std::sync::Arc;

/// How popularity is spread over the keys that are present.
///
/// A key space may grow while it is used: keys are numbered in the order in which they are made,
/// and `present` says how many there are. A popularity of n keys stays that of the keys present as
/// n grows, and keys keep their rank: new keys come in as the least popular ones. The hot set
/// therefore never jumps.
#[derive(Clone, Debug)]
pub enum Popularity {
    /// Zipf by rank.
    Zipf(ZipfKeys),
    /// YCSB's scrambled Zipfian over the keys present.
    Ycsb {
        /// The sampler.
        ycsb: Ycsb,
        /// How many keys there may be at the end.
        keys_max: u64,
    },
    /// All keys alike.
    Uniform,
    /// Some keys share some of the requests, the others the rest.
    Hotspot(Hotspot),
    /// As a hotspot that moves on.
    Moving(MovingHotspot),
    /// Zipf by age: the newest key is the most popular.
    Latest(Latest),
    /// Exponential by age: the newest key is the most popular.
    Exponential(Exponential),
    /// One key after another, from the first again after the last.
    Sequential,
    /// Each key has a weight.
    Weights(Arc<WeightedKeys>),
}

/// Whether ranks are scattered over the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scramble {
    /// By a bijection over the first keys: hot keys are anywhere among them, each has one rank.
    Bijection,
    /// Not at all: the first key made is the hottest (`rank-identity`).
    Identity,
}

/// The size of a key space: how many keys there are at first, and how many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpace {
    /// Keys that exist from the start.
    pub initial: u64,
    /// Keys that may exist at the end.
    pub max: u64,
}

impl KeySpace {
    /// A space of `keys` keys that does not grow.
    pub const fn fixed(keys: u64) -> Self {
        Self {
            initial: keys,
            max: keys,
        }
    }
    /// Refuses what is empty, shrinks or exceeds [`KEYS_MAX`].
    pub fn checked(self) -> Result<Self, Error> {
        match self {
            Self { max: 0, .. } => Err(Error::NoKeys),
            Self { initial, max } if initial > max => {
                Err(Error::ShrinkingKeySpace { initial, max })
            }
            Self { max, .. } if max > KEYS_MAX => Err(Error::TooManyKeys(max)),
            space => Ok(space),
        }
    }
}

impl Popularity {
    /// Exact Zipf with exponent `s`.
    ///
    /// # Errors
    /// If the exponent or the key space is out of range.
    pub fn zipf(
        s: f64,
        space: KeySpace,
        scramble: Scramble,
        stream: Stream,
    ) -> Result<Self, Error> {
        ZipfKeys::new(s, space, scramble, stream).map(Self::Zipf)
    }
    /// The key of operation `index` while `present` keys exist.
    ///
    /// `present` is at least the initial number of keys and at most the largest. With no key
    /// present the answer is key 0, which a store does not have.
    ///
    /// For a popularity that changes with time this is the key at the start of the run.
    #[inline]
    pub fn key(&self, index: u64, present: u64, draws: &mut Draws) -> KeyId {
        self.key_at(index, Time::START, present, draws)
    }
    /// The key of operation `index`, which is meant to start `at`.
    #[inline]
    pub fn key_at(&self, index: u64, at: Time, present: u64, draws: &mut Draws) -> KeyId {
        let present = present.max(1);
        KeyId(match self {
            Self::Zipf(zipf) => zipf.key(present, draws),
            Self::Ycsb { ycsb, keys_max } => ycsb.key(present, *keys_max, draws),
            Self::Uniform => below(draws.next_u64(), present),
            Self::Hotspot(hotspot) => hotspot.key(present, draws),
            Self::Moving(moving) => moving.key(index, at, present, draws),
            Self::Latest(latest) => latest.key(present, draws),
            Self::Exponential(exponential) => exponential.key(present, draws),
            Self::Sequential => index % present,
            Self::Weights(keys) => keys.pick(draws),
        })
    }
    /// Whether the key depends on when an operation is meant to start.
    pub const fn needs_time(&self) -> bool {
        matches!(self, Self::Moving(moving) if moving.needs_time())
    }
    /// The expected share of requests for the `k` most popular of `present` keys, where it has a
    /// closed form.
    pub fn top_share(&self, k: u64, present: u64) -> Option<f64> {
        let present = present.max(1);
        match self {
            Self::Zipf(zipf) => Some(zipf::zipf_top_share(k, present, zipf.s)),
            Self::Uniform | Self::Sequential => Some(k.min(present) as f64 / present as f64),
            Self::Latest(latest) => Some(zipf::zipf_top_share(k, present, latest.ranks.s)),
            Self::Exponential(exponential) => Some(exponential.top_share(k, present)),
            Self::Hotspot(hotspot) => Some(hotspot.top_share(k, present)),
            Self::Moving(moving) => Some(moving.top_share(k, present)),
            Self::Weights(keys) => Some(keys.top_share(k)),
            Self::Ycsb { .. } => None,
        }
    }
}

/// Exact Zipf over the keys present, while their number grows.
///
/// Draws come from a Zipf distribution over a few more ranks than there are keys, and ranks beyond
/// the last key are drawn again: what remains is exactly Zipf over the keys present, without a
/// table that depends on their number. The tables double, so that at most one draw in two is lost,
/// and at s = 0.99 and a million keys one in twenty.
#[derive(Clone, Debug)]
pub struct ZipfKeys {
    s: f64,
    /// Samplers over 2^k ranks for each power of two from the initial size on, the last one over
    /// the largest size; a key space that does not grow has one of its own size.
    rungs: Arc<[Zipf]>,
    /// log2 of the first rung's size, rounded up.
    first_rung: u32,
    scramble: Option<Permutation>,
}

impl ZipfKeys {
    fn new(s: f64, space: KeySpace, scramble: Scramble, stream: Stream) -> Result<Self, Error> {
        let KeySpace { initial, max } = space.checked()?;
        let (first_rung, last_rung) = (log2_ceil(initial), log2_ceil(max));
        let rungs: Result<Arc<[Zipf]>, Error> = (first_rung..=last_rung)
            .map(|rung| Zipf::new((1 << rung).min(max), s))
            .collect();
        let scramble = match scramble {
            Scramble::Bijection => Some(Permutation::new(initial, stream)),
            Scramble::Identity => None,
        };
        Ok(Self {
            s,
            rungs: rungs?,
            first_rung,
            scramble,
        })
    }
    #[inline]
    fn key(&self, present: u64, draws: &mut Draws) -> u64 {
        let rung = log2_ceil(present).saturating_sub(self.first_rung) as usize;
        let zipf = &self.rungs[rung.min(self.rungs.len() - 1)];
        let place = loop {
            let rank = zipf.rank(draws);
            if rank <= present {
                break rank - 1;
            }
        };
        match &self.scramble {
            Some(permutation) => permutation.apply(place),
            None => place,
        }
    }
}

/// The smallest k with 2^k >= `n`.
#[inline]
const fn log2_ceil(n: u64) -> u32 {
    u64::BITS - n.saturating_sub(1).leading_zeros()
}

/// A hot set of keys with its share of the requests, as YCSB's hotspot distribution.
///
/// The hot set is fixed by the initial number of keys; keys that are added are cold.
#[derive(Clone, Copy, Debug)]
pub struct Hotspot {
    hot_keys: u64,
    hot_requests: Probability,
    hot_share: Share,
}

impl Hotspot {
    /// `keys` of the initial keys, at least one, receive `requests` of all requests.
    ///
    /// # Errors
    /// If a share exceeds the whole or the key space is out of range.
    pub fn new(space: KeySpace, keys: Share, requests: Share) -> Result<Self, Error> {
        let space = space.checked()?;
        if keys > Share::ONE || requests > Share::ONE {
            return Err(Error::ShareAboveWhole);
        }
        let hot_keys = u128::from(space.initial) * u128::from(keys.0) / u128::from(Share::ONE.0);
        Ok(Self {
            hot_keys: (hot_keys as u64).max(1),
            hot_requests: Probability::ratio(requests.0, Share::ONE.0),
            hot_share: requests,
        })
    }
    #[inline]
    fn key(&self, present: u64, draws: &mut Draws) -> u64 {
        let hot = self.hot_keys.min(present);
        let cold = present - hot;
        match cold == 0 || self.hot_requests.happens(draws.next_u64()) {
            true => below(draws.next_u64(), hot),
            false => hot + below(draws.next_u64(), cold),
        }
    }
    fn top_share(&self, k: u64, present: u64) -> f64 {
        let hot = self.hot_keys.min(present);
        let share = match present > hot {
            true => self.hot_share.0 as f64 / Share::ONE.0 as f64,
            false => 1.0,
        };
        let cold = (present - hot).max(1) as f64;
        let (each_hot, each_cold) = (share / hot as f64, (1.0 - share) / cold);
        let (more, more_count, less) = match each_hot >= each_cold {
            true => (each_hot, hot, each_cold),
            false => (each_cold, present - hot, each_hot),
        };
        let k = k.min(present);
        k.min(more_count) as f64 * more + k.saturating_sub(more_count) as f64 * less
    }
}

#[cfg(test)]
mod tests;
