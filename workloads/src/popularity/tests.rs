//! What holds for every popularity: bounds, growth, expected shares, and golden keys.

use super::*;
use crate::goodness::chi_square;
use kvrig_base::digest::Rolling;
use kvrig_base::random::Seed;
use kvrig_base::time::Span;

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
        ("moving", Popularity::Moving(moving(space, 1_000))),
        (
            "latest",
            Popularity::Latest(Latest::new(0.99, space, Seed(1).stream("scramble")).unwrap()),
        ),
        ("exponential", Popularity::Exponential(exponential(space))),
    ]
}

fn moving(space: KeySpace, operations: u64) -> MovingHotspot {
    let turnover = Turnover::Operations(operations);
    MovingHotspot::new(space, Share::percent(20), Share::percent(80), turnover).unwrap()
}

/// YCSB's defaults: 95 % of the requests within 85.7 % of the keys.
fn exponential(space: KeySpace) -> Exponential {
    Exponential::new(space, Share(857_142_857), Share::percent(95)).unwrap()
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
        let lucky = matches!(name, "uniform" | "moving");
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
fn the_newest_keys_are_the_most_popular_by_age() {
    let space = KeySpace {
        initial: 1_000,
        max: 4_000,
    };
    let latest = Latest::new(0.99, space, Seed(1).stream("scramble")).unwrap();
    for present in [1_000, 2_500] {
        let mut by_age = counts(&Popularity::Latest(latest.clone()), present, 200_000);
        by_age.reverse();
        let bins = rank_bins(present, 0.99, 200_000.0);
        let (mut observed, mut from) = (Vec::new(), 0);
        for bin in &bins {
            observed.push(by_age[from as usize..bin.last as usize].iter().sum());
            from = bin.last;
        }
        let expected: Vec<f64> = bins.iter().map(|bin| bin.share * 200_000.0).collect();
        assert!(chi_square(&observed, &expected).p > 1e-4);

        // The share of requests halves over equal stretches of age: e^(-rate x 200) each.
        let mut by_age = counts(
            &Popularity::Exponential(exponential(space)),
            present,
            200_000,
        );
        by_age.reverse();
        let newest = |ages: u64| by_age[..ages as usize].iter().sum::<u64>() as f64 / 200_000.0;
        for ages in [100, 500, 857] {
            let expected = exponential(space).top_share(ages, present);
            assert!(
                (newest(ages) - expected).abs() < 0.004,
                "{ages} of {present}"
            );
        }
    }
    // Of many keys, the newest 857 of the initial 1,000 are asked for in 95 % of the requests.
    assert!((exponential(space).top_share(857, 4_000) - 0.95).abs() < 1e-3);
}

#[test]
fn the_hot_set_moves_by_its_own_length_in_a_turnover() {
    let space = KeySpace::fixed(1_000);
    let hot_keys = |popularity: &MovingHotspot, from: u64| {
        let stream = Seed(7).stream(STREAM);
        let mut counts = vec![0_u32; 1_000];
        for index in from..from + 20_000 {
            let popularity = Popularity::Moving(*popularity);
            counts[popularity.key(index, 1_000, &mut stream.draws(0, index)).0 as usize] += 1;
        }
        let hot = |key: &u64| counts[*key as usize] > 40;
        (0..1_000).filter(hot).collect::<Vec<u64>>()
    };
    let slow = moving(space, 20_000_000);
    assert_eq!(hot_keys(&slow, 0), (0..200).collect::<Vec<u64>>());
    assert_eq!(
        hot_keys(&slow, 10_000_000),
        (100..300).collect::<Vec<u64>>()
    );
    let round: Vec<u64> = (0..100).chain(900..1_000).collect();
    assert_eq!(hot_keys(&slow, 90_000_000), round);

    let by_time = MovingHotspot::new(
        space,
        Share::percent(1),
        Share::percent(90),
        Turnover::Time(Span::from_secs(10)),
    )
    .unwrap();
    assert!(by_time.needs_time());
    let at = |seconds| Time::START + Span::from_secs(seconds);
    assert_eq!(by_time.first_hot_key(5, at(0)), 0);
    assert_eq!(by_time.first_hot_key(5, at(25)), 25);
    assert_eq!(by_time.first_hot_key(5, at(1_025)), 25);
    let never = Turnover::Time(Span::ZERO);
    assert!(MovingHotspot::new(space, Share::percent(1), Share::percent(90), never).is_err());
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
moving 7f8f54157326c499\n\
latest 1a0409bd981954fa\n\
exponential d6fd92d4f47aae86\n\
"
    );
}
