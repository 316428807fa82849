//! Probes of fixed tables against their closed forms, and of keys that were chosen to collide.

use kvrig_base::random::Seed;
use kvrig_tables::flood;
use kvrig_tables::hash::crc16::crc16;
use kvrig_tables::hash::murmur::murmur3_x86_32;
use kvrig_tables::probing::{HashFunction, LOADS_PERCENT, ProbeTable, Probing, curve, measure};
use std::collections::BTreeSet;

const SIP: HashFunction = HashFunction::Sip12([1, 2]);
const PLACES_LOG2: u32 = 17;

fn is_near(measured: f64, expected: f64, tolerance: f64) -> bool {
    (measured - expected).abs() <= tolerance * expected
}

#[test]
fn random_keys_take_the_probes_of_the_closed_forms() {
    for probing in Probing::ALL {
        for hash in [SIP, HashFunction::Murmur3] {
            for point in curve(probing, hash, PLACES_LOG2, Seed(1)) {
                let load = point.load_percent as f64 / 100.0;
                let counts = point.counts;
                let hit = counts.hit_probes as f64 / counts.hits as f64;
                let miss = counts.miss_probes as f64 / counts.misses as f64;
                // Linear probing makes runs of places, which vary much: the fuller, the wider.
                let tolerance = match probing {
                    Probing::Linear => 0.015 / (1.0 - load),
                    // Its closed form is of sequences that are each a random one.
                    Probing::Quadratic => 0.01 / (1.0 - load),
                    _ if load > 0.85 => 0.04,
                    _ => 0.015,
                };
                let name = (probing.name(), hash.name(), load);
                let (hit_law, miss_law) = (probing.hit_expected(load), probing.miss_expected(load));
                assert!(
                    is_near(hit, hit_law, tolerance),
                    "{name:?}: {hit}, {hit_law}"
                );
                assert!(
                    is_near(miss, miss_law, tolerance),
                    "{name:?}: {miss}, {miss_law}"
                );
            }
        }
    }
}

#[test]
fn the_ways_of_probing_differ_as_known_at_a_load_of_nine_tenths() {
    let misses = Probing::ALL.map(|probing| {
        let counts = measure(probing, SIP, PLACES_LOG2, 90, Seed(1));
        counts.miss_probes / counts.misses
    });
    // 50.5, 11.4, 10 and 1.3 by the closed forms.
    assert!(
        misses[0] > 40 && (10..13).contains(&misses[1]),
        "{misses:?}"
    );
    assert!(
        (9..=10).contains(&misses[2]) && misses[3] == 1,
        "{misses:?}"
    );
}

#[test]
fn sixteen_bits_of_hash_are_too_few_for_a_large_table() {
    let probes = |hash| {
        let counts = measure(Probing::Chaining, hash, 20, 50, Seed(1));
        counts.hit_probes as f64 / counts.hits as f64
    };
    // 2^19 keys share 2^16 hashes: 8 each.
    assert!(is_near(probes(HashFunction::Crc16), 1.0 + 8.0 / 2.0, 0.02));
    assert!(is_near(probes(SIP), 1.25, 0.02));
}

#[test]
fn a_full_table_takes_no_more_keys() {
    for probing in Probing::ALL {
        let mut table = ProbeTable::new(probing, 4, 64);
        let taken = (0..40).filter(|&hash| table.insert(hash * 5).is_some());
        let expected = if probing == Probing::Chaining { 40 } else { 15 };
        assert_eq!(taken.count(), expected, "{probing:?}");
        assert_eq!(table.len(), expected as u64);
        assert!(table.probes(3, None) <= 16);
    }
}

#[test]
fn the_same_seed_gives_the_same_counts() {
    let once = || curve(Probing::Linear, SIP, 12, Seed(7));
    assert_eq!(once(), once());
    assert_eq!(once().len(), LOADS_PERCENT.len());
}

#[test]
fn chosen_keys_are_distinct_and_have_one_hash() {
    for seed in [0, 0x9747_b28c] {
        let keys: BTreeSet<_> = flood::murmur3_keys(seed, 10_000).collect();
        assert_eq!(keys.len(), 10_000);
        let hashes: BTreeSet<_> = keys.iter().map(|key| murmur3_x86_32(seed, key)).collect();
        assert_eq!(hashes.len(), 1, "under seed {seed}");
        let under = |seed| {
            let hashes = keys.iter().map(|key| murmur3_x86_32(seed, key));
            hashes.collect::<BTreeSet<_>>().len()
        };
        // Another seed spreads them, but not one that differs in its lowest bit alone.
        assert!(under(seed ^ 0x5a5a_5a5a) > 9_900 && under(seed ^ 1) < 100);
    }
    let keys: BTreeSet<_> = flood::crc16_keys(10_000).collect();
    assert_eq!(keys.len(), 10_000);
    assert!(keys.iter().all(|key| crc16(key) == 0));
}

#[test]
fn chosen_keys_make_one_chain_under_their_hash_and_none_under_siphash() {
    let counts = [1, 10, 100, 1_000, 10_000];
    let all_collide = counts.map(|n| n * (n + 1) / 2);
    let probes = |points: Vec<flood::FloodPoint>| {
        assert!(points.iter().map(|point| point.keys).eq(counts));
        points.iter().map(|point| point.probes).collect::<Vec<_>>()
    };
    let murmur = |hash| {
        probes(flood::curve(
            flood::murmur3_keys(0, 10_000),
            hash,
            16,
            &counts,
        ))
    };
    let crc = |hash| probes(flood::curve(flood::crc16_keys(10_000), hash, 16, &counts));
    assert_eq!(murmur(HashFunction::Murmur3), all_collide);
    assert_eq!(crc(HashFunction::Crc16), all_collide);
    for spread in [murmur(SIP), crc(SIP), crc(HashFunction::Murmur3)] {
        // 1 + a/2 at a load of 10,000 in 65,536 places: 10,763 of 10,000.
        assert!((10_700..10_830).contains(&spread[4]), "{spread:?}");
    }
}
