//! Popularity by age: the newest keys are asked for most, as feeds and status updates are.

use super::{KeySpace, Scramble, ZipfKeys};
use crate::error::Error;
use kvrig_base::quantity::Share;
use kvrig_base::random::{Draws, Stream, open_unit};
use libm::{expm1, log1p};

/// Zipf by age: the newest key has rank 1 (YCSB's `latest`, with exact Zipf ranks).
///
/// Source of the form: `brianfrankcooper/YCSB:core/.../generator/SkewedLatestGenerator.java`.
#[derive(Clone, Debug)]
pub struct Latest {
    pub(super) ranks: ZipfKeys,
}

impl Latest {
    /// Ranks by age under exponent `s`.
    ///
    /// # Errors
    /// If the exponent or the key space is out of range.
    pub fn new(s: f64, space: KeySpace, stream: Stream) -> Result<Self, Error> {
        let ranks = ZipfKeys::new(s, space, Scramble::Identity, stream)?;
        Ok(Self { ranks })
    }
    #[inline]
    pub(super) fn key(&self, present: u64, draws: &mut Draws) -> u64 {
        present - 1 - self.ranks.key(present, draws)
    }
}

/// Exponential by age: a share of the requests goes to a share of the keys, the newest ones.
///
/// As YCSB has it (`core/.../generator/ExponentialGenerator.java`, chosen by
/// `requestdistribution=exponential`): the rate is -ln(1 - percentile) over the number of keys that
/// the percentile covers, and ages beyond the oldest key are drawn again. Here the distribution is
/// cut off at the oldest key and inverted, which is the same distribution by one draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exponential {
    /// Parameter by age in keys.
    rate: f64,
}

impl Exponential {
    /// `requests` of all requests go to the newest `keys` of the initial keys.
    ///
    /// # Errors
    /// If a share is zero or exceeds the whole, or the key space is out of range.
    pub fn new(space: KeySpace, keys: Share, requests: Share) -> Result<Self, Error> {
        let space = space.checked()?;
        let whole = Share::ONE.0 as f64;
        let (keys, requests) = (keys.0 as f64 / whole, requests.0 as f64 / whole);
        if !(keys > 0.0 && keys <= 1.0 && requests > 0.0 && requests < 1.0) {
            return Err(Error::ShareAboveWhole);
        }
        let covered = (space.initial.max(1) as f64 * keys).max(1.0);
        Ok(Self {
            rate: -log1p(-requests) / covered,
        })
    }
    /// The share of requests for the newest `k` of `present` keys.
    pub(super) fn top_share(&self, k: u64, present: u64) -> f64 {
        let below = |age: u64| -expm1(-self.rate * age as f64);
        below(k.min(present)) / below(present)
    }
    #[inline]
    pub(super) fn key(&self, present: u64, draws: &mut Draws) -> u64 {
        let cut = -expm1(-self.rate * present as f64);
        let age = -log1p(-open_unit(draws.next_u64()) * cut) / self.rate;
        present - 1 - (age as u64).min(present - 1)
    }
}
