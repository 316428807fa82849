//! Prices fitted to measured replays and chases by their receipts.
//!
//! Not every counter can be told from the others by commands of a store: each look-up hashes one
//! key of so many bytes and probes about one bucket. Such counters are fitted as one, with the
//! ratios that a given profile has among them; counters that are measured by themselves, or not at
//! all, keep their given prices. A hit in the first level cannot be told from the work around it and
//! has the price that a chase within that level gives it. Latencies are fitted as the increase from
//! one level to the next, so that no level can come out faster than one before it.

use super::nnls;
use super::receipt::{Candidate, Receipt};
use crate::cost::{CacheLevel, Tlb};
use kvrig_base::seam::{COUNTERS, Counter};

/// Picoseconds for one of each counter, in the order of [`COUNTERS`].
pub type CounterPrices = [u64; COUNTERS.len()];

/// Counters that are fitted together, each group by one scale of its given prices; what one counter
/// is by itself is fitted freely.
pub const GROUPS: &[&[Counter]] = &[
    &[Counter::Commands],
    &[
        Counter::KeysHashed,
        Counter::BytesHashed,
        Counter::BucketsProbed,
        Counter::BytesScanned,
    ],
    &[Counter::EntriesVisited],
    &[Counter::ProtocolElements],
    &[Counter::AllocationsSmall, Counter::Frees],
];

/// A receipt with the nanoseconds that one of its commands took.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What one command does.
    pub receipt: Receipt,
    /// What it took.
    pub nanos: f64,
    /// How much its relative difference counts in the fit.
    pub weight: f64,
}

/// What is known before anything is fitted.
#[derive(Clone, Debug)]
pub struct Given {
    /// Prices of the counters; of those in [`GROUPS`] only their ratios within a group count.
    pub counters: CounterPrices,
    /// A hit in the first level, in picoseconds.
    pub first_ps: u64,
}

/// Fitted prices.
#[derive(Clone, Debug, PartialEq)]
pub struct Prices {
    /// Of the counters, in picoseconds.
    pub counters: CounterPrices,
    /// The levels with their prices.
    pub levels: Vec<CacheLevel>,
    /// What translates pages with its price, if it has one.
    pub tlb: Option<Tlb>,
    /// A touch that no level holds, in picoseconds.
    pub dram_ps: u64,
    /// A touch of the line after the one before, in picoseconds.
    pub next_line_ps: u64,
}

/// How far fitted prices are from what they were fitted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Residual {
    /// Mean of the absolute relative differences, in parts per million.
    pub mean_ppm: u64,
    /// The largest of them.
    pub max_ppm: u64,
}

/// Whether a counter's price is fitted.
pub fn is_fitted(counter: Counter) -> bool {
    GROUPS.iter().any(|group| group.contains(&counter))
}

/// What the unknown of a group is multiplied with for one of a counter, in nanoseconds.
fn share(group: &[Counter], counter: Counter, given: &Given) -> f64 {
    match group.len() {
        1 => 1.0,
        _ => given.counters[counter as usize] as f64 / 1e3,
    }
}

/// Fits prices with what is `given` and the sizes of `candidate`.
pub fn fit(samples: &[Sample], given: &Given, candidate: &Candidate) -> Prices {
    let (mut rows, mut right) = (Vec::new(), Vec::new());
    for sample in samples {
        let Sample {
            receipt,
            nanos,
            weight,
        } = sample;
        let hits = &receipt.hits;
        let touches = hits.apart.iter().chain(&hits.in_sequence);
        let touches: u64 = touches.chain(&hits.walked).sum();
        let known = receipt.counts.iter().filter(|(what, _)| !is_fitted(*what));
        let known: u64 = known
            .map(|(counter, count)| count * given.counters[counter as usize])
            .sum();
        let known = receipt.per_command(touches * given.first_ps + known) / 1e3;
        let scale = weight / nanos;
        let row = row(receipt, given);
        rows.push(row.iter().map(|count| count * scale).collect());
        right.push((nanos - known) * scale);
    }
    let solved = nnls::solve(&rows, &right);
    let picos = |nanos: f64| (nanos * 1e3).round() as u64;
    let (scales, memory) = solved.split_at(GROUPS.len().min(solved.len()));
    let mut counters = given.counters;
    for (group, scale) in GROUPS.iter().zip(scales) {
        for &counter in *group {
            counters[counter as usize] = picos(scale * share(group, counter, given));
        }
    }
    let mut found_ps = vec![given.first_ps];
    let (increases, rest) = memory.split_at(candidate.levels.len().min(memory.len()));
    for increase in increases {
        found_ps.push(found_ps[found_ps.len() - 1] + picos(*increase));
    }
    let rest_ps = |place: usize| rest.get(place).map_or(0, |nanos| picos(*nanos));
    let (second_ps, dram_ps) = (
        found_ps.get(1).copied().unwrap_or(given.first_ps),
        found_ps.last().copied().unwrap_or(given.first_ps),
    );
    let levels = candidate.levels.iter().zip(&found_ps);
    Prices {
        counters,
        levels: levels
            .map(|(level, &hit_ps)| CacheLevel {
                hit_ps,
                ..level.clone()
            })
            .collect(),
        tlb: candidate.tlb.map(|tlb| Tlb {
            walk_ps: rest_ps(1),
            ..tlb
        }),
        dram_ps,
        next_line_ps: second_ps + rest_ps(0),
    }
}

/// What the unknown prices are multiplied with in one command: for the groups nanoseconds at the
/// given prices, for the rest numbers.
fn row(receipt: &Receipt, given: &Given) -> Vec<f64> {
    let of_group = |group: &&[Counter]| -> f64 {
        let counted = group.iter();
        counted
            .map(|&counter| receipt.of(counter) * share(group, counter, given))
            .sum()
    };
    let mut row: Vec<f64> = GROUPS.iter().map(of_group).collect();
    let hits = &receipt.hits;
    let (apart, in_sequence, walked) = (&hits.apart, &hits.in_sequence, &hits.walked);
    for place in 1..apart.len() {
        // Lines in sequence cost a hit in the second level and, beyond it, what prefetching leaves.
        let in_sequence = if place == 1 { &in_sequence[1..] } else { &[] };
        let beyond = apart[place..].iter().chain(in_sequence);
        row.push(receipt.per_command(beyond.chain(&walked[place..]).sum()));
    }
    row.push(receipt.per_command(in_sequence[2..].iter().sum()));
    row.push(receipt.per_command(walked.iter().sum()));
    row
}

impl Prices {
    /// What one command of `receipt` costs at these prices, in nanoseconds, as the meter of a
    /// profile with them would say.
    pub fn predict(&self, receipt: &Receipt) -> f64 {
        let counted = receipt.counts.iter();
        let counted = counted.map(|(counter, count)| count * self.counters[counter as usize]);
        let places = self
            .levels
            .iter()
            .map(|level| level.hit_ps)
            .chain([self.dram_ps]);
        let walk_ps = self.tlb.map_or(0, |tlb| tlb.walk_ps);
        let hits = receipt.hits.apart.iter().zip(&receipt.hits.in_sequence);
        let hits = hits.zip(&receipt.hits.walked);
        let touched = places
            .zip(hits)
            .map(|(found_ps, ((apart, in_sequence), walked))| {
                apart * found_ps
                    + in_sequence * found_ps.min(self.next_line_ps)
                    + walked * (found_ps + walk_ps)
            });
        receipt.per_command(counted.sum::<u64>() + touched.sum::<u64>()) / 1e3
    }
    /// How far these prices are from `samples`.
    pub fn residual(&self, samples: &[Sample]) -> Residual {
        let off =
            |sample: &Sample| (self.predict(&sample.receipt) / sample.nanos - 1.0).abs() * 1e6;
        let mean = samples.iter().map(off).sum::<f64>() / samples.len() as f64;
        Residual {
            mean_ppm: mean.round() as u64,
            max_ppm: samples.iter().map(off).fold(0.0, f64::max).round() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::{Hits, Profile, TYPICAL_2026};
    use kvrig_base::random::{Seed, Stream};
    use kvrig_base::seam::Counts;

    fn levels() -> Vec<CacheLevel> {
        let level = |name: &str, bytes| CacheLevel {
            name: name.to_owned(),
            bytes,
            ways: 2,
            shared: false,
            hit_ps: 0,
        };
        vec![
            level("L1", 1 << 15),
            level("L2", 1 << 19),
            level("L3", 1 << 25),
        ]
    }

    fn receipt(stream: Stream, number: u64) -> Receipt {
        let mut draws = stream.draws(number, 0);
        let mut draw = || draws.next_u64() % 1_000;
        let mut counts = Counts::default();
        counts.add(Counter::Commands, 1_000);
        for group in &GROUPS[1..] {
            let times = draw();
            group.iter().for_each(|&counter| counts.add(counter, times));
        }
        counts.add(Counter::BytesCopied, draw() * 100);
        counts.add(Counter::ListSteps, draw());
        Receipt {
            counts,
            hits: Hits {
                apart: (0..4).map(|_| draw()).collect(),
                in_sequence: (0..4).map(|_| draw()).collect(),
                walked: (0..4).map(|_| draw()).collect(),
            },
            commands: 1_000,
        }
    }

    /// Times made from prices give the prices back.
    #[test]
    fn prices_are_found_again_in_times_that_they_made() {
        let typical = Profile::embedded(TYPICAL_2026).unwrap();
        let given = Given {
            counters: typical.prices_ps,
            first_ps: 1_000,
        };
        let mut priced = levels();
        for (level, ps) in priced.iter_mut().zip([1_000, 5_000, 20_000]) {
            level.hit_ps = ps;
        }
        let mut counters = given.counters;
        for &counter in GROUPS.iter().copied().flatten() {
            counters[counter as usize] *= 2;
        }
        counters[Counter::Commands as usize] = 70_000;
        let prices = Prices {
            counters,
            levels: priced,
            tlb: Some(Tlb {
                entries: 2_048,
                walk_ps: 31_000,
            }),
            dram_ps: 110_000,
            next_line_ps: 8_000,
        };
        let stream = Seed(3).stream("receipts");
        let samples: Vec<Sample> = (0..40)
            .map(|number| receipt(stream, number))
            .map(|receipt| Sample {
                nanos: prices.predict(&receipt),
                receipt,
                weight: 1.0,
            })
            .collect();
        let candidate = Candidate {
            levels: levels(),
            tlb: Some(Tlb {
                entries: 2_048,
                walk_ps: 0,
            }),
        };
        let found = fit(&samples, &given, &candidate);
        assert_eq!(found, prices);
        assert!(found.residual(&samples).max_ppm == 0);
    }

    #[test]
    fn residuals_are_relative() {
        let receipt = receipt(Seed(3).stream("receipts"), 0);
        let mut counters = [0; COUNTERS.len()];
        counters[Counter::Commands as usize] = 100_000;
        let prices = Prices {
            counters,
            levels: levels(),
            tlb: None,
            dram_ps: 0,
            next_line_ps: 0,
        };
        let sample = |nanos| Sample {
            receipt: receipt.clone(),
            nanos,
            weight: 1.0,
        };
        let residual = prices.residual(&[sample(100.0), sample(200.0)]);
        assert_eq!((residual.mean_ppm, residual.max_ppm), (250_000, 500_000));
    }
}
