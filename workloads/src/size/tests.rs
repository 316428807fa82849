//! Sizes: drawn in their shares, read from files, and refused where a file is broken.

use super::*;
use kvrig_base::digest::Rolling;
use kvrig_base::random::Seed;

fn sizes_drawn(sizes: &Sizes, count: u64) -> Vec<u64> {
    let stream = Seed(42).stream("sizes");
    (0..count)
        .map(|index| sizes.bytes(&mut stream.draws(0, index)))
        .collect()
}

const PUBLISHED: &str =
    r#"{"valSizeRangeProbability": [2, 1, 1], "valSizeRange": [64.0, 100, 4096]}"#;

#[test]
fn every_size_of_a_range_is_drawn_and_no_other() {
    let sizes = Sizes::uniform(Bytes(3), Bytes(6)).unwrap();
    let mut drawn = sizes_drawn(&sizes, 1_000);
    drawn.sort_unstable();
    drawn.dedup();
    assert_eq!(drawn, [3, 4, 5, 6]);
    assert_eq!((sizes.max(), sizes.mean()), (Bytes(6), Bytes(4)));
    let all = Sizes::uniform(Bytes(0), Bytes(u64::MAX)).unwrap();
    assert_eq!(sizes_drawn(&all, 10).len(), 10);
}

#[test]
fn published_sizes_come_in_their_shares() {
    let sizes = Sizes::from_cachebench("sizes.json", PUBLISHED).unwrap();
    let drawn = sizes_drawn(&sizes, 40_000);
    let count = |size| drawn.iter().filter(|&&drawn| drawn == size).count();
    assert_eq!(count(64) + count(100) + count(4_096), 40_000);
    assert!((19_600..20_400).contains(&count(64)));
    assert!((9_600..10_400).contains(&count(100)));
    assert_eq!((sizes.max(), sizes.mean()), (Bytes(4_096), Bytes(1_081)));
}

/// The published sizes of a production cache: their mean, median and largest.
#[test]
fn production_sizes_are_read() {
    let text = include_str!("../../traces/meta-kvcache-reg-sizes.json");
    let sizes = Sizes::from_cachebench("meta-kvcache-reg-sizes.json", text).unwrap();
    assert_eq!((sizes.mean(), sizes.max()), (Bytes(335), Bytes(523_487)));
    let mut drawn = sizes_drawn(&sizes, 100_001);
    drawn.sort_unstable();
    assert!(
        (156..=162).contains(&drawn[50_000]),
        "median {}",
        drawn[50_000]
    );
}

#[test]
fn a_list_of_sizes_and_weights_is_read() {
    for text in [
        "64,2\n100,1\n4096,1\n",
        "weight,size\r\n2,64\r\n1,100\r\n1,4096\r\n",
    ] {
        let sizes = Sizes::read_named("sizes.csv", text).unwrap();
        assert_eq!(sizes, Sizes::read_named("sizes.JSON", PUBLISHED).unwrap());
    }
    for (text, message) in [
        ("", "KV2004: sizes.csv: no records"),
        (
            "64,2\n-1,1\n",
            "KV2002: sizes.csv: record 2 (line 2): `-1` is not a whole number (size)",
        ),
        ("64,0\n", "KV2002: sizes.csv: the weights are all zero"),
    ] {
        let error = Sizes::read_named("sizes.csv", text).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn one_edge_more_than_weights_makes_ranges() {
    let text = r#"{"valSizeRange": [1, 3, 10], "valSizeRangeProbability": [1, 0]}"#;
    let sizes = Sizes::from_cachebench("sizes.json", text).unwrap();
    let mut drawn = sizes_drawn(&sizes, 100);
    drawn.sort_unstable();
    drawn.dedup();
    assert_eq!(drawn, [1, 2]);
    assert_eq!(sizes.max(), Bytes(2));
}

#[test]
fn broken_size_files_are_refused() {
    for (text, part) in [
        ("", "EOF"),
        ("{}", "missing field `valSizeRange`"),
        (
            r#"{"valSizeRange": [1], "valSizeRangeProbability": []}"#,
            "all zero",
        ),
        (
            r#"{"valSizeRange": [1], "valSizeRangeProbability": [1, 2]}"#,
            "1 sizes do not go with 2",
        ),
        (
            r#"{"valSizeRange": [-1], "valSizeRangeProbability": [1]}"#,
            "size 1, -1, is not",
        ),
        (
            r#"{"valSizeRange": [1], "valSizeRangeProbability": [0.5]}"#,
            "weight 1, 0.5, is not",
        ),
        (
            r#"{"valSizeRange": [5, 5], "valSizeRangeProbability": [1]}"#,
            "size 2 does not exceed",
        ),
    ] {
        let error = Sizes::from_cachebench("sizes.json", text)
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("KV2002: sizes.json: ") && error.contains(part),
            "{error}"
        );
    }
    assert!(Sizes::uniform(Bytes(2), Bytes(1)).is_err());
}

/// The law of `facebook/mutilate`'s key sizes, and its tail of value sizes.
fn etc_laws() -> (SizeLaw, SizeLaw) {
    let key = Law::Gev {
        location: 30.7984,
        scale: 8.204_49,
        shape: 0.078_688,
    };
    let value = Law::GPareto {
        location: 15.0,
        scale: 214.476,
        shape: 0.348_238,
    };
    (
        SizeLaw::new(key, Bytes(1), Bytes(250)).unwrap(),
        SizeLaw::new(value, Bytes(0), Bytes::mib(1)).unwrap(),
    )
}

#[test]
fn sizes_of_a_law_stay_within_its_limits_and_average_to_its_mean() {
    let law = Law::Normal {
        mean: 100.0,
        deviation: 30.0,
    };
    let sizes = Sizes::Law(SizeLaw::new(law, Bytes(90), Bytes(500)).unwrap());
    let drawn = sizes_drawn(&sizes, 20_000);
    assert!(drawn.iter().all(|size| (90..=500).contains(size)));
    let at_limit = drawn.iter().filter(|&&size| size == 90).count();
    // P(X < 90.5) = 0.3758 of a normal law.
    assert!((7_300..7_730).contains(&at_limit), "{at_limit}");
    let mean = drawn.iter().sum::<u64>() / 20_000;
    assert!(mean.abs_diff(sizes.mean().0) <= 1, "{mean}");
    assert_eq!(Sizes::Law(etc_laws().0).mean(), Bytes(36));
}

#[test]
fn a_mixed_law_has_its_discrete_sizes_in_their_shares() {
    let shares = [
        (Bytes(2), Share::percent(20)),
        (Bytes(11), Share::percent(30)),
    ];
    let sizes = Sizes::Mixed(Mixed::new(&shares, etc_laws().1).unwrap());
    let drawn = sizes_drawn(&sizes, 40_000);
    let count = |size| drawn.iter().filter(|&&drawn| drawn == size).count();
    assert!((7_700..8_300).contains(&count(2)), "{}", count(2));
    assert!((11_650..12_350).contains(&count(11)), "{}", count(11));
    let mut tail: Vec<u64> = drawn.into_iter().filter(|&size| size >= 15).collect();
    tail.sort_unstable();
    let median = tail[tail.len() / 2];
    assert!((178..=188).contains(&median), "{median}");
    let too_much = [(Bytes(1), Share::ONE), (Bytes(2), Share::percent(1))];
    assert_eq!(
        Mixed::new(&too_much, etc_laws().1),
        Err(Error::ShareAboveWhole)
    );
}

#[test]
fn golden_sizes_of_laws_hold() {
    let (key, value) = etc_laws();
    let normal = Law::Normal {
        mean: 300.0,
        deviation: 100.0,
    };
    let shares = [
        (Bytes(2), Share::percent(20)),
        (Bytes(11), Share::percent(30)),
    ];
    let mut digests = String::new();
    for (name, sizes) in [
        ("gev", Sizes::Law(key)),
        ("gpareto", Sizes::Law(value)),
        (
            "normal",
            Sizes::Law(SizeLaw::new(normal, Bytes(0), Bytes(999)).unwrap()),
        ),
        ("mixed", Sizes::Mixed(Mixed::new(&shares, value).unwrap())),
    ] {
        let mut digest = Rolling::default();
        for size in sizes_drawn(&sizes, 2_000) {
            digest.fold(size);
        }
        digests += &format!("{name} {:016x}\n", digest.value());
    }
    assert_eq!(
        digests,
        "\
gev 19f93ba6654c01c9\n\
gpareto 96e55475dbe5c2ba\n\
normal 361bf89250cda34e\n\
mixed 5177fbe7d7a777d6\n\
"
    );
}

#[test]
fn golden_sizes_hold() {
    let mut digest = Rolling::default();
    let uniform = Sizes::uniform(Bytes(10), Bytes(1_000)).unwrap();
    let histogram = Sizes::from_cachebench("sizes.json", PUBLISHED).unwrap();
    for sizes in [uniform, histogram] {
        for size in sizes_drawn(&sizes, 1_000) {
            digest.fold(size);
        }
    }
    assert_eq!(format!("{:016x}", digest.value()), "2db24ddc7c75f0fa");
}
