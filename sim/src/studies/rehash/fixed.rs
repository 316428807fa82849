//! Tables of a fixed size: probes of a look-up by way of probing and load, and by hash function and
//! number of chosen keys.

use super::outcome::{FloodOutcome, FloodProbes, LoadProbes, ProbingOutcome};
use super::power_of_two;
use crate::run::{RunError, Sample};
use kvrig_base::random::Seed;
use kvrig_tables::flood;
use kvrig_tables::probing::{self, HashFunction, Probing};
use std::collections::BTreeMap;

/// Chosen keys at which a flood is looked at, as far as they fill a quarter of the places: beyond,
/// chains of keys that spread grow too.
const CHOSEN_KEYS: [u64; 11] = [
    1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000,
];
/// Keys at most: under a hash that they collide in, each is compared with all before it.
const CHOSEN_KEYS_MAX: u64 = 10_000;
/// Parts per million in one hundredth.
const PPM_PER_PERCENT: u64 = 10_000;

/// Hash functions that keys are chosen for, or in spite of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flooded {
    /// Redis: keys chosen for MurmurHash3, because none can be chosen without the secret.
    SipHash,
    /// Memcached.
    MurmurHash3,
    /// The slots of Redis Cluster.
    Crc16,
}

impl Flooded {
    pub(super) const ALL: [Self; 3] = [Self::SipHash, Self::MurmurHash3, Self::Crc16];

    fn function(self, seed: Seed) -> HashFunction {
        match self {
            Self::SipHash => HashFunction::Sip12(seed.stream("hash-key").at(0, 0).0),
            Self::MurmurHash3 => HashFunction::Murmur3,
            Self::Crc16 => HashFunction::Crc16,
        }
    }
}

/// Fills `places` places to rising loads, and looks up keys that are there and keys that are not.
pub(super) fn probing(
    kind: Probing,
    places: u64,
    seed: Seed,
    cancelled: &dyn Fn() -> bool,
) -> Result<ProbingOutcome, RunError> {
    let hash = Flooded::SipHash.function(seed);
    let mut points = Vec::new();
    for load_percent in probing::LOADS_PERCENT {
        if cancelled() {
            return Err(RunError::Cancelled);
        }
        let counts = probing::measure(kind, hash, places.ilog2(), load_percent, seed);
        let load = load_percent as f64 / 100.0;
        points.push(LoadProbes {
            load_ppm: load_percent * PPM_PER_PERCENT,
            hit_milli: mean_milli(counts.hit_probes, counts.hits),
            miss_milli: mean_milli(counts.miss_probes, counts.misses),
            hit_law_milli: to_milli(kind.hit_expected(load)),
            miss_law_milli: to_milli(kind.miss_expected(load)),
        });
    }
    Ok(ProbingOutcome {
        probing: kind.name().to_owned(),
        places,
        points,
    })
}

/// Fills `places` chains with keys that were chosen to collide, and looks up each of them.
pub(super) fn flooding(hash: Flooded, places: u64, seed: Seed) -> FloodOutcome {
    let counts: Vec<u64> = CHOSEN_KEYS
        .into_iter()
        .filter(|&keys| keys <= CHOSEN_KEYS_MAX && keys <= places / 4)
        .collect();
    let most = counts.last().copied().unwrap_or(0);
    let function = hash.function(seed);
    let points = match hash {
        Flooded::Crc16 => flood::curve(flood::crc16_keys(most), function, places.ilog2(), &counts),
        Flooded::SipHash | Flooded::MurmurHash3 => flood::curve(
            flood::murmur3_keys(0, most),
            function,
            places.ilog2(),
            &counts,
        ),
    };
    FloodOutcome {
        hash: function.name().to_owned(),
        places,
        points: points
            .into_iter()
            .map(|point| FloodProbes {
                keys: point.keys,
                lookup_milli: mean_milli(point.probes, point.keys),
            })
            .collect(),
    }
}

/// Look-ups in `places` places, for estimates: hits and misses at each load, and their probes.
pub(super) const fn lookups_estimated(places: u64) -> u64 {
    places * probing::LOADS_PERCENT.len() as u64 * 2
}

fn mean_milli(sum: u64, count: u64) -> u64 {
    let count = u128::from(count.max(1));
    u64::try_from((u128::from(sum) * 1_000 + count / 2) / count).unwrap_or(u64::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "probes expected are few and positive"
)]
fn to_milli(probes: f64) -> u64 {
    libm::round(probes * 1_000.0) as u64
}

/// The samples of a way of probing.
pub(super) fn probing_samples(outcome: &ProbingOutcome) -> Vec<Sample> {
    let mut samples = Vec::new();
    for point in &outcome.points {
        let cell = BTreeMap::from([
            ("places".to_owned(), power_of_two(outcome.places)),
            ("probing".to_owned(), outcome.probing.clone()),
            ("load".to_owned(), load_name(point.load_ppm)),
        ]);
        samples.extend(
            [
                ("probes_hit_mean", point.hit_milli),
                ("probes_miss_mean", point.miss_milli),
                ("law_hit_mean", point.hit_law_milli),
                ("law_miss_mean", point.miss_law_milli),
            ]
            .map(|(name, value)| sample(&cell, name, value)),
        );
    }
    samples
}

/// The samples of a flood.
pub(super) fn flood_samples(outcome: &FloodOutcome) -> Vec<Sample> {
    let mut samples = Vec::new();
    for point in &outcome.points {
        let cell = BTreeMap::from([
            ("places".to_owned(), power_of_two(outcome.places)),
            ("hash".to_owned(), outcome.hash.clone()),
            ("keys".to_owned(), point.keys.to_string()),
        ]);
        samples.push(sample(&cell, "entries_count", point.keys));
        samples.push(sample(&cell, "probes_lookup_mean", point.lookup_milli));
    }
    samples
}

/// A load as the value of an axis: `90%`.
pub(super) fn load_name(load_ppm: u64) -> String {
    format!("{}%", load_ppm / PPM_PER_PERCENT)
}

fn sample(cell: &BTreeMap<String, String>, name: &str, value: u64) -> Sample {
    Sample {
        variant: String::new(),
        cell: cell.clone(),
        name: name.to_owned(),
        value: i64::try_from(value).unwrap_or(i64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_keys_make_chains_under_every_hash_but_the_keyed_one() {
        let means = Flooded::ALL.map(|hash| {
            let outcome = flooding(hash, 1 << 12, Seed(1));
            outcome
                .points
                .last()
                .map(|point| (point.keys, point.lookup_milli))
        });
        assert_eq!(means[1], Some((1_000, 500_500)), "(n + 1) / 2 probes");
        assert_eq!(means[2], means[1]);
        assert!(means[0] < Some((1_000, 1_300)), "{:?}", means[0]);
    }
}
