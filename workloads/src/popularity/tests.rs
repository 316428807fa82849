//! What holds for every popularity: bounds, growth, expected shares, and golden keys.

use super::*;
use crate::goodness::chi_square;
use kvrig_base::digest::Rolling;
use kvrig_base::random::Seed;

const STREAM: &str = "keys";

fn zipf(space: KeySpace, s: f64) -> Popularity {
    Popularity::zipf(s, space, Scramble::Bijection, Seed(1).stream("scramble")).unwrap()
}

fn all(space: KeySpace) -> Vec<(&'static str, Popularity)> {
    let identity =
        Popularity::zipf(1.0, space, Scramble::Identity, Seed(1).stream("scramble")).unwrap();
    let hotspot = Hotspot::new(space, Share::percent(20), Share::percent(80)).unwrap();
    vec![
        ("zipf", zipf(space, 0.99)),
        ("rank-identity", identity),
        (
            "ycsb",
            Popularity::Ycsb {
                ycsb: Ycsb::default(),
                keys_max: space.max,
            },
        ),
        ("uniform", Popularity::Uniform),
        ("hotspot", Popularity::Hotspot(hotspot)),
        ("sequential", Popularity::Sequential),
    ]
}

fn keys(popularity: &Popularity, present: u64, draws: u64) -> impl Iterator<Item = u64> {
    let stream = Seed(7).stream(STREAM);
    (0..draws).map(move |index| {
        popularity
            .key(index, present, &mut stream.draws(0, index))
            .0
    })
}

/// How often each key below `present` is asked for.
fn counts(popularity: &Popularity, present: u64, draws: u64) -> Vec<u64> {
    let mut counts = vec![0; present as usize];
    for key in keys(popularity, present, draws) {
        counts[key as usize] += 1;
    }
    counts
}

#[test]
fn only_keys_that_are_present_are_asked_for() {
    let space = KeySpace {
        initial: 10,
        max: 5_000,
    };
    for (name, popularity) in all(space) {
        for present in [10, 11, 16, 17, 1_000, 4_097, 5_000] {
            for key in keys(&popularity, present, 500) {
                assert!(key < present, "{name}: key {key} of {present}");
            }
        }
    }
}

/// Whatever the number of keys present, ranks follow the Zipf distribution over exactly those.
#[test]
fn zipf_over_a_growing_key_space_stays_exact() {
    let space = KeySpace {
        initial: 1_000,
        max: 1 << 40,
    };
    for s in [0.0, 0.99, 2.0] {
        let popularity =
            Popularity::zipf(s, space, Scramble::Identity, Seed(1).stream("scramble")).unwrap();
        for present in [1_000, 1_024, 1_025, 1_500, 70_000] {
            let draws = 200_000_u64;
            let bins = rank_bins(present, s, draws as f64);
            let mut observed = vec![0; bins.len()];
            for key in keys(&popularity, present, draws) {
                observed[bins.partition_point(|bin| bin.last < key + 1)] += 1;
            }
            let expected: Vec<f64> = bins.iter().map(|bin| bin.share * draws as f64).collect();
            let fit = chi_square(&observed, &expected);
            assert!(fit.p > 1e-4, "s = {s}, {present} present: {fit:?}");
        }
    }
}

/// The same draws while 10 % more keys come in: the hottest keys stay the hottest.
#[test]
fn inserts_leave_the_hot_set_in_place() {
    let space = KeySpace {
        initial: 100_000,
        max: 110_000,
    };
    let zipf = zipf(space, 0.99);
    let Popularity::Zipf(ranks) = &zipf else {
        unreachable!("made above")
    };
    let hottest: Vec<u64> = (0..1_000)
        .map(|place| ranks.scramble.map_or(place, |p| p.apply(place)))
        .collect();
    for present in [100_000, 110_000] {
        let counts = counts(&zipf, present, 2_000_000);
        let mut by_count: Vec<u64> = (0..present).collect();
        by_count.sort_unstable_by_key(|&key| std::cmp::Reverse(counts[key as usize]));
        // The 500 most popular are far enough apart from rank 1,000 to be found by counting.
        let found = by_count[..500]
            .iter()
            .filter(|&key| hottest.contains(key))
            .count();
        assert!(found >= 495, "{found} of 500 with {present} present");
    }
}

#[test]
fn the_ycsb_hot_set_stays_until_the_keys_have_doubled() {
    let ycsb = Popularity::Ycsb {
        ycsb: Ycsb::default(),
        keys_max: 1 << 40,
    };
    let hottest = |present| {
        let counts = counts(&ycsb, present, 200_000);
        (0..present).max_by_key(|&key| counts[key as usize])
    };
    assert_eq!(hottest(70_000), hottest(77_000));
}

#[test]
fn measured_top_shares_meet_expected_ones() {
    let space = KeySpace::fixed(10_000);
    let draws = 400_000_u64;
    for (name, popularity) in all(space) {
        let mut counts = counts(&popularity, space.max, draws);
        counts.sort_unstable_by(|a, b| b.cmp(a));
        // The 2,000 most popular keys; of keys that are alike, counting finds the lucky ones.
        let lucky = matches!(name, "uniform");
        let Some(expected) = popularity.top_share(2_000, space.max).filter(|_| !lucky) else {
            continue;
        };
        let share = counts[..2_000].iter().sum::<u64>() as f64 / draws as f64;
        assert!(
            (share - expected).abs() < 0.004,
            "{name}: {share} instead of {expected}"
        );
    }
}

#[test]
fn every_key_of_a_scrambled_space_can_be_asked_for() {
    let counts = counts(&zipf(KeySpace::fixed(500), 0.5), 500, 100_000);
    assert!(counts.iter().all(|&count| count > 0));
}

#[test]
fn key_spaces_out_of_range_are_refused() {
    let bad = |initial, max| KeySpace { initial, max }.checked().unwrap_err();
    assert_eq!(bad(0, 0), Error::NoKeys);
    assert_eq!(bad(2, 1), Error::ShrinkingKeySpace { initial: 2, max: 1 });
    assert_eq!(bad(1, KEYS_MAX + 1), Error::TooManyKeys(KEYS_MAX + 1));
    let space = KeySpace::fixed(1);
    assert!(Hotspot::new(space, Share(Share::ONE.0 + 1), Share::ONE).is_err());
}

#[test]
fn golden_keys_hold() {
    let mut digests = String::new();
    for (name, popularity) in all(KeySpace {
        initial: 1_000,
        max: 3_000,
    }) {
        let mut digest = Rolling::default();
        for present in [1_000, 1_700, 3_000] {
            for key in keys(&popularity, present, 2_000) {
                digest.fold(key);
            }
        }
        digests += &format!("{name} {:016x}\n", digest.value());
    }
    assert_eq!(
        digests,
        "\
zipf 52a9ee3b8c732b56\n\
rank-identity 1987d2d735bc37c5\n\
ycsb 1790b7fa0c23408d\n\
uniform 1edd3c0d03c74c12\n\
hotspot 606299b1438b1e79\n\
sequential a58acd1483d3d08f\n\
"
    );
}
