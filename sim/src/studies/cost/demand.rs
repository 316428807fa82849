//! How many requests of each kind begin in each second.

use super::curve::Curve;
use super::requests::KINDS;
use kvrig_base::quantity::Share;
use kvrig_base::random::{Seed, Stream};
use kvrig_base::time::Span;
use kvrig_workloads::arrivals::{ExpectedArrivals, poisson};

/// A step of the study.
pub(super) const STEP: Span = Span::from_secs(1);

/// Shares of the kinds: eventual reads, strong reads, writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kinds(pub(super) [Share; KINDS]);

impl Kinds {
    /// Reads are this share of all, and this share of them is strong.
    pub(super) fn new(reads: Share, strong: Share) -> Self {
        let whole = u128::from(Share::ONE.0);
        let strong = u128::from(reads.0) * u128::from(strong.0) / whole;
        let strong = u64::try_from(strong).unwrap_or(reads.0).min(reads.0);
        Self([
            Share(reads.0 - strong),
            Share(strong),
            Share(Share::ONE.0.saturating_sub(reads.0)),
        ])
    }
    /// Units of a second in which `rate` requests begin, exactly: the sum of each kind's price times
    /// its share, rounded up.
    pub(super) fn units(self, rate: kvrig_base::quantity::Rate, prices: [u64; KINDS]) -> u64 {
        let parts = self.0.iter().zip(prices);
        let sum: u128 = parts
            .map(|(share, price)| u128::from(rate.0) * u128::from(share.0) * u128::from(price))
            .sum();
        // Rates are in millionths.
        let units = sum.div_ceil(u128::from(Share::ONE.0) * 1_000_000);
        u64::try_from(units).unwrap_or(u64::MAX)
    }
}

/// The requests of one second after another.
pub(super) struct Demand<'a> {
    expected: ExpectedArrivals<'a>,
    shares: [f64; KINDS],
    is_even: bool,
    /// Parts of requests that are due and have not begun, where they come evenly.
    due: [f64; KINDS],
    draws: Stream,
    second: u64,
}

impl<'a> Demand<'a> {
    pub(super) fn new(curve: &'a Curve, kinds: Kinds, seed: Seed) -> Self {
        Self {
            expected: ExpectedArrivals::new(&curve.profile, STEP),
            shares: kinds.0.map(|share| share.0 as f64 / Share::ONE.0 as f64),
            is_even: curve.is_even,
            due: [0.0; KINDS],
            draws: seed.stream("demand"),
            second: 0,
        }
    }
}

impl Iterator for Demand<'_> {
    type Item = [u64; KINDS];

    fn next(&mut self) -> Option<[u64; KINDS]> {
        let expected = self.expected.next()?;
        let second = self.second;
        self.second += 1;
        let mut counts = [0; KINDS];
        for (kind, count) in counts.iter_mut().enumerate() {
            let mean = expected * self.shares[kind];
            *count = if self.is_even {
                let due = self.due[kind] + mean;
                let whole = libm::floor(due);
                self.due[kind] = due - whole;
                whole as u64
            } else {
                poisson(mean, &mut self.draws.draws(kind as u64, second))
            };
        }
        Some(counts)
    }
}
