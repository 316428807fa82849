//! Prices fitted to measured replays by their receipts.
//!
//! Not every counter can be told from the others by commands of a store: each look-up hashes one
//! key of so many bytes and probes about one bucket. Such counters are fitted as one, with the
//! ratios that a given profile has among them. A hit in the first level cannot be told from the
//! work around it and keeps its given price. Latencies are fitted as the increase from one level to
//! the next, so that no level can come out faster than one before it.

use crate::nnls;
use crate::receipt::{Candidate, Receipt};
use kvrig_base::seam::Counter;
use kvrig_sim::cost::{CacheLevel, MemoryPrices, Profile, Tlb};

/// Counters of a look-up.
pub const LOOK_UP: [Counter; 5] = [
    Counter::KeysHashed,
    Counter::BytesHashed,
    Counter::BucketsProbed,
    Counter::EntriesVisited,
    Counter::BytesScanned,
];
/// Counters of storing a value.
pub const STORE: [Counter; 2] = [Counter::AllocationsSmall, Counter::Frees];
/// Unknowns in front of those of the memory: commands, look-ups, stores, bytes copied.
const UNKNOWNS_OF_COUNTERS: usize = 4;

/// A receipt with the nanoseconds that one of its commands took.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What one command does.
    pub receipt: Receipt,
    /// What it took.
    pub nanos: f64,
}

/// Fitted prices.
#[derive(Clone, Debug, PartialEq)]
pub struct Prices {
    /// Counters with their prices in picoseconds.
    pub counters: Vec<(Counter, u64)>,
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
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Residual {
    /// Mean of the absolute relative differences, in parts per million.
    pub mean_ppm: u64,
    /// The largest of them.
    pub max_ppm: u64,
}

/// Fits prices with the ratios of `given` and the sizes of `candidate`, relative differences weighing
/// alike.
///
/// # Panics
/// If `given` has no cache levels.
pub fn fit(samples: &[Sample], given: &Profile, candidate: &Candidate) -> Prices {
    let MemoryPrices::Cache { levels: known, .. } = &given.memory else {
        panic!("the given profile prices touches by caches");
    };
    let first_ps = known[0].hit_ps;
    let (mut rows, mut right) = (Vec::new(), Vec::new());
    for Sample { receipt, nanos } in samples {
        let row = row(receipt, given);
        let hits = &receipt.hits;
        let touches = hits.apart.iter().chain(&hits.in_sequence);
        let touches: u64 = touches.chain(&hits.walked).sum();
        let left = nanos - receipt.per_command(touches) * first_ps as f64 / 1e3;
        rows.push(row.iter().map(|count| count / nanos).collect());
        right.push(left / nanos);
    }
    let solved = nnls::solve(&rows, &right);
    let picos = |nanos: f64| (nanos * 1e3).round() as u64;
    let (counters, memory) = solved.split_at(UNKNOWNS_OF_COUNTERS);
    let scaled = |group: &[Counter], scale: f64| -> Vec<(Counter, u64)> {
        let price = |counter: &Counter| (given.prices_ps[*counter as usize] as f64 * scale).round();
        group
            .iter()
            .map(|counter| (*counter, price(counter) as u64))
            .collect()
    };
    let prices = [
        vec![(Counter::Commands, picos(counters[0]))],
        scaled(&LOOK_UP, counters[1]),
        scaled(&STORE, counters[2]),
        vec![(Counter::BytesCopied, picos(counters[3]))],
    ];
    let [increases @ .., next_line, walk] = memory else {
        unreachable!("next lines and walks have a price")
    };
    let mut found_ps = vec![first_ps];
    for increase in increases {
        found_ps.push(found_ps[found_ps.len() - 1] + picos(*increase));
    }
    let (dram_ps, hits_ps) = found_ps.split_last().expect("there is memory");
    let priced = candidate
        .levels
        .iter()
        .zip(hits_ps)
        .map(|(level, &hit_ps)| CacheLevel {
            hit_ps,
            ..level.clone()
        });
    Prices {
        counters: prices.concat(),
        levels: priced.collect(),
        tlb: candidate.tlb.map(|tlb| Tlb {
            walk_ps: picos(*walk),
            ..tlb
        }),
        dram_ps: *dram_ps,
        next_line_ps: found_ps[1] + picos(*next_line),
    }
}

/// What the unknown prices are multiplied with in one command: nanoseconds at the given prices
/// for the groups, numbers for the rest.
fn row(receipt: &Receipt, given: &Profile) -> Vec<f64> {
    let group = |group: &[Counter]| -> f64 {
        let price = |counter: &Counter| given.prices_ps[*counter as usize] as f64 / 1e3;
        group
            .iter()
            .map(|counter| receipt.of(*counter) * price(counter))
            .sum()
    };
    let mut row = vec![
        receipt.of(Counter::Commands),
        group(&LOOK_UP),
        group(&STORE),
        receipt.of(Counter::BytesCopied),
    ];
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
        let counted = self
            .counters
            .iter()
            .map(|(counter, ps)| receipt.counts.get(*counter) * ps);
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
    use kvrig_base::random::{Seed, Stream};
    use kvrig_base::seam::Counts;
    use kvrig_sim::cost::Hits;
    use kvrig_sim::cost::TYPICAL_2026;

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
        let look_ups = draw();
        LOOK_UP
            .iter()
            .for_each(|&counter| counts.add(counter, look_ups));
        let stores = draw();
        STORE
            .iter()
            .for_each(|&counter| counts.add(counter, stores));
        counts.add(Counter::BytesCopied, draw() * 100);
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
        let given = Profile::embedded(TYPICAL_2026).unwrap();
        let MemoryPrices::Cache { levels: known, .. } = &given.memory else {
            panic!("it has caches")
        };
        let twice = |counter: &Counter| (*counter, 2 * given.prices_ps[*counter as usize]);
        let mut priced = levels();
        for (level, ps) in priced.iter_mut().zip([known[0].hit_ps, 5_000, 20_000]) {
            level.hit_ps = ps;
        }
        let counters = [(Counter::Commands, 70_000)]
            .into_iter()
            .chain(LOOK_UP.iter().chain(&STORE).map(twice))
            .chain([(Counter::BytesCopied, 150)]);
        let prices = Prices {
            counters: counters.collect(),
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
        let prices = Prices {
            counters: vec![(Counter::Commands, 100_000)],
            levels: levels(),
            tlb: None,
            dram_ps: 0,
            next_line_ps: 0,
        };
        let sample = |nanos| Sample {
            receipt: receipt.clone(),
            nanos,
        };
        let residual = prices.residual(&[sample(100.0), sample(200.0)]);
        assert_eq!((residual.mean_ppm, residual.max_ppm), (250_000, 500_000));
    }
}
