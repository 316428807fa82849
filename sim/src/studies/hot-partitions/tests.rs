//! The study on small tables, and the shares of partitions that it rests on.

use crate::studies::testing;
use crate::study::{Files, Flags, WorkloadFlag};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::random::Seed;
use kvrig_base::result::StudyResult;
use kvrig_dynamo::key::{KeyHasher, KeyValue};
use kvrig_dynamo::partition::PartitionMap;

struct TopKeys;

impl Files for TopKeys {
    fn read(&self, path: &str) -> Result<Vec<u8>, Diagnostic> {
        let report = r#"{"AggregateValue": 1000.0, "ApproximateUniqueCount": 1002, "Contributors": [
            {"Keys": ["tenant-1"], "ApproximateAggregateValue": 600.0},
            {"Keys": ["tenant-2"], "ApproximateAggregateValue": 200.0}]}"#;
        match path {
            "top-keys.json" => Ok(report.as_bytes().to_vec()),
            path => Err(Diagnostic::new(diagnostic::UNREADABLE, path)),
        }
    }
}

/// A table of 4,000 units with as many requests as 62.5 % of it.
const SMALL: &str = "[study.hot-partitions]\nhealed = \"4min\"\nfind_max_rate = false\n\
    [run]\nduration = \"6min\"\nseeds = 2\n\
    [store.dynamodb]\npartitions = 4\n\
    capacity.provisioned = { write = \"4000WCU\", read = \"1000RCU\" }\n\
    heat_split_delay.fixed = \"1min\"\n\
    [workload]\nkeys = 10_000\narrivals.poisson.rate = \"2500/s\"\n";

fn run(text: &str, jobs: usize) -> StudyResult {
    testing::run_study(testing::load(text), jobs, &TopKeys)
}

fn value(result: &StudyResult, variant: &str, s: Option<&str>, name: &str) -> i64 {
    let row = result.rows.iter().find(|row| {
        row.variant == variant && row.name == name && row.cell.get("s").map(String::as_str) == s
    });
    row.unwrap_or_else(|| panic!("{name} of {variant:?} {s:?}"))
        .value
}

#[test]
fn a_mild_skew_heals_by_splits_and_a_hot_key_never_does() {
    let text = format!(
        "{SMALL}[sweep]\n\"workload.popularity.zipf.s\" = [0.5, 2.0]\n\
         [variant.date]\nworkload.key_design.partition = {{ key = \"date\" }}\n\
         [variant.country]\nworkload.key_design.partition = {{ key = \"country\" }}\n"
    );
    let result = run(&text, 2);
    let of = |s, name| value(&result, "", Some(s), name);
    assert!(of("0.5", "failed_share") < 1_000);
    // At s = 2 the top key has 60.8 % of 2,500 a second: 520 too many, which is 20.8 %.
    assert_eq!(of("2.0", "law_failed_share") / 1_000, 207);
    let healed = of("2.0", "failed_healed_share");
    assert!((200_000..225_000).contains(&healed), "{healed}");
    assert!(of("2.0", "failed_early_share") >= healed - 10_000);
    let date = |name| value(&result, "date", None, name);
    assert_eq!(date("law_failed_share"), 600_000);
    for name in [
        "failed_early_share",
        "failed_late_share",
        "failed_healed_share",
    ] {
        assert!(
            date(name).abs_diff(600_000) < 5_000,
            "{name}: {}",
            date(name)
        );
    }
    assert_eq!((date("splits_count"), date("splits_refused_count")), (0, 1));
    assert_eq!(value(&result, "country", None, "law_failed_share"), 0);
    assert!(value(&result, "country", None, "failed_healed_share") < 1_000);
}

#[test]
fn lines_over_skew_lie_in_bands_of_seeds_and_cells_beside_have_lines_of_their_own() {
    let small = SMALL.replace("find_max_rate = false", "find_max_rate = true");
    let small = small.replace("duration = \"6min\"", "duration = \"4min\"");
    let text = format!(
        "{small}[sweep]\n\"workload.popularity.zipf.s\" = [0.9, 1.2]\n\
         \"store.dynamodb.partitions\" = [4, 8]\n"
    );
    let result = run(&text, 2);
    let shares = testing::band(&result, "throttled-against-skew");
    // Four lines of two cells beside at two exponents.
    assert_eq!(shares.len(), 16, "{shares:?}");
    let early = "failed at first, before any split, partitions=8";
    let early: Vec<[i64; 3]> = shares
        .iter()
        .filter(|(line, _)| line == early)
        .map(|&(_, edges)| edges)
        .collect();
    assert_eq!(early.len(), 2, "{shares:?}");
    let row = result.rows.iter().find(|row| {
        row.name == "failed_early_share" && row.cell["partitions"] == "8" && row.cell["s"] == "1.2"
    });
    assert_eq!(early[1][1], row.expect("a row of the sweep").value);
    // Seeds place keys differently.
    assert!(
        shares
            .iter()
            .any(|(_, [lowest, _, highest])| lowest < highest)
    );
    let rates = testing::band(&result, "clean-rate");
    assert!(
        rates
            .iter()
            .any(|(_, [lowest, _, highest])| lowest < highest)
    );
}

/// One device asks for more than a partition gives; a hundred shards of it lie in all four.
#[test]
fn shards_of_a_key_that_is_not_named_lie_apart() {
    let small = SMALL.replace("keys = 10_000", "keys = 1");
    let text = format!(
        "{small}[variant.whole]\nworkload.key_design.partition = {{ key = \"device_id\" }}\n\
         [variant.sharded]\nworkload.key_design.sharded = {{ key = \"device_id\", suffixes = 100 }}\n"
    );
    let result = run(&text, 2);
    let failed = |variant| value(&result, variant, None, "failed_early_share");
    assert!(
        failed("whole").abs_diff(600_000) < 5_000,
        "{}",
        failed("whole")
    );
    assert!(failed("sharded") < 100_000, "{}", failed("sharded"));
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let text = format!("{SMALL}[sweep]\n\"workload.popularity.zipf.s\" = [0.9, 1.2]\n");
    let result = testing::assert_same_for_any_jobs(|jobs| run(&text, jobs));
    testing::assert_sentences_rest_on_rows(&result);
}

#[test]
fn people_who_know_their_top_keys_need_no_exponent() {
    let text = format!("{SMALL}popularity.weights = {{ file = \"top-keys.json\" }}\n");
    let result = run(&text, 2);
    // tenant-1 has 60 % of 2,500 a second: 500 too many.
    assert_eq!(value(&result, "", None, "law_failed_share"), 200_000);
    let keys = result
        .series
        .iter()
        .find(|series| series.name == "top-keys");
    assert!(format!("{keys:?}").contains("tenant-1"), "{keys:?}");
}

#[test]
fn a_trace_gives_the_partition_keys() {
    let flags = Flags {
        workload: Some(WorkloadFlag::Trace("orm-busy.trace.gz".to_owned())),
        ..Flags::default()
    };
    let study = testing::try_load(&SMALL.replace("6min", "1min"), flags);
    let result = testing::run_study(study.unwrap(), 2, &TopKeys);
    // The top key of 5 M requests has 0.54 % of them: nothing is hot.
    assert_eq!(value(&result, "", None, "law_failed_share"), 0);
    assert_eq!(value(&result, "", None, "failed_share"), 0);
    assert!(value(&result, "", None, "requests_offered_count") > 140_000);
}

#[test]
fn a_flag_replaces_the_keys_of_the_built_in_study() {
    for workload in [
        WorkloadFlag::Trace("orm-busy.trace.gz".to_owned()),
        WorkloadFlag::Insights("top-keys.json".to_owned()),
    ] {
        let flags = Flags {
            workload: Some(workload),
            quick: true,
            ..Flags::default()
        };
        let built_in = super::BUILT_IN.toml.trim_start_matches("schema = 1\n");
        let study = testing::try_load(built_in, flags).unwrap();
        // Its threshold speaks of an exponent that no row has any more, and is left out in the end.
        assert_eq!(study.objectives.len(), 1);
        assert!(study.cells.iter().all(|cell| cell.axes.is_empty()));
        let plan = crate::studies::plan(study, &TopKeys).unwrap();
        assert!(!plan.points().is_empty());
    }
}

#[test]
fn the_study_gives_the_same_rows_by_admission_and_with_items() {
    let small = SMALL.replace("find_max_rate = false", "find_max_rate = true");
    let rows = |fidelity: &str| {
        let fidelity = format!("[study.hot-partitions]\nfidelity = \"{fidelity}\"\n");
        let text = small.replace("[study.hot-partitions]\n", &fidelity);
        let text = format!(
            "{text}mix = {{ get = \"30%\", put = \"70%\" }}\n\
             item_size.uniform = {{ min = \"2kB\", max = \"3kB\" }}\npopularity.zipf.s = 2.0\n\
             [variant.date]\nworkload.key_design.partition = {{ key = \"date\" }}\n\
             [variant.index]\nworkload.key_design.partition = {{ key = \"order_id\" }}\n\
             store.dynamodb.global_index = {{ key = \"status\" }}\n"
        )
        .replace("seeds = 2", "seeds = 1")
        .replace("duration = \"6min\"", "duration = \"1min\"")
        .replace("healed = \"4min\"", "healed = \"3min\"")
        .replace("2500/s", "1k/s");
        run(&text, 2).rows
    };
    let (alone, kept) = (rows("admission"), rows("items"));
    let throttled = alone.iter().filter(|row| row.name == "throttled_share");
    assert!(throttled.clone().any(|row| row.value > 100_000));
    assert_eq!(alone, kept);
}

#[test]
fn what_cannot_run_with_items_or_replicas_says_why() {
    let with = |fidelity: &str, more: &str| {
        let fidelity = format!("[study.hot-partitions]\nfidelity = \"{fidelity}\"\n");
        let text = SMALL.replace("[study.hot-partitions]\n", &fidelity);
        format!("{text}{more}")
    };
    let errors = testing::try_load(&with("replicated", ""), Flags::default()).unwrap_err();
    assert!(
        errors[0].to_string().contains("each know a part"),
        "{errors:?}"
    );
    let index = "[variant.index]\nstore.dynamodb.global_index = { key = \"status\" }\n";
    for (more, why) in [
        (index, "which entries an item"),
        (
            "mix = { put = \"50%\", append = \"50%\" }\n",
            "`append` leaves of an item",
        ),
    ] {
        let error = testing::refusal(&with("items", more));
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[test]
fn requests_that_no_table_has_are_refused() {
    let text = format!("{SMALL}mix = {{ get = \"50%\", zadd = \"50%\" }}\n");
    let error = testing::refusal(&text);
    assert!(
        error.to_string().contains("`zadd` is no request"),
        "{error}"
    );
}

/// Partitions and the mean share of the hottest.
type Published = (u32, f64);

/// Mean shares of the hottest of so many partitions over 60 placements of a million keys, as published
/// in section 6 of the reference on workloads.
const SHARES: [(f64, [Published; 4]); 3] = [
    (0.8, [(4, 0.261), (16, 0.075), (64, 0.029), (256, 0.0173)]),
    (0.99, [(4, 0.300), (16, 0.123), (64, 0.081), (256, 0.0697)]),
    (1.2, [(4, 0.387), (16, 0.243), (64, 0.202), (256, 0.1925)]),
];
const PLACEMENTS_PUBLISHED: f64 = 60.0;
/// Placements of ours: so many that what is compared varies by the published ones alone.
const PLACEMENTS: u64 = 6_000;
const KEYS: u64 = 1_000_000;
/// Keys that are placed. Those behind are spread evenly over all partitions: wherever they lie, they
/// change the share of one by less than a ten-thousandth in the mean.
const KEYS_PLACED: u64 = 5_000;

/// The share of the hottest partition of each placement, under each exponent and number.
fn hottest_shares(exponents: &[f64], partitions: &[u32]) -> Vec<Vec<Vec<f64>>> {
    let weights: Vec<(Vec<f64>, f64)> = exponents
        .iter()
        .map(|&s| {
            let weight = |rank| libm::pow(rank as f64, -s);
            let all: f64 = (1..=KEYS).map(weight).sum();
            let placed: Vec<f64> = (1..=KEYS_PLACED).map(|rank| weight(rank) / all).collect();
            let rest = 1.0 - placed.iter().sum::<f64>();
            (placed, rest)
        })
        .collect();
    let maps: Vec<PartitionMap> = partitions.iter().map(|&n| PartitionMap::even(n)).collect();
    let mut found = vec![vec![Vec::new(); partitions.len()]; exponents.len()];
    let keys = (0..KEYS_PLACED).map(|key| KeyValue::Binary(key.to_be_bytes().into()));
    let keys: Vec<KeyValue> = keys.collect();
    for placement in 0..PLACEMENTS {
        let words = Seed(1).stream("dynamo.placement").at(0, placement).0;
        let hasher = KeyHasher::new(words);
        let hashes: Vec<_> = keys.iter().map(|key| hasher.hash(key)).collect();
        for (place, map) in maps.iter().enumerate() {
            let homes: Vec<usize> = hashes
                .iter()
                .map(|&hash| map.index_of(hash, None))
                .collect();
            let count = map.partitions().len();
            for (found, (placed, rest)) in found.iter_mut().zip(&weights) {
                let mut sums = vec![rest / count as f64; count];
                for (&home, weight) in homes.iter().zip(placed) {
                    sums[home] += weight;
                }
                found[place].push(sums.into_iter().fold(0.0, f64::max));
            }
        }
    }
    found
}

/// The published means lie within three of their own standard deviations, which are those of single
/// placements divided by the root of 60.
///
/// Single placements vary by a law with a long tail: rarely the two most popular keys share a partition.
/// So 60 placements do not tell their own deviation, and thousands are needed to judge 60. At s = 0.99
/// and 256 partitions, where the published mean is 0.0697, a simulation that assigns the keys at random
/// without any hash function gives a mean of 0.0687 and a deviation of 0.0034 over 6,000 placements,
/// and groups of 60 of them have means from 0.0678 to 0.0699.
#[test]
fn the_hottest_partition_has_the_published_share() {
    let exponents = SHARES.map(|(s, _)| s);
    let partitions = SHARES[0].1.map(|(n, _)| n);
    let found = hottest_shares(&exponents, &partitions);
    for ((s, published), found) in SHARES.iter().zip(&found) {
        for ((n, mean), shares) in published.iter().zip(found) {
            let count = shares.len() as f64;
            let ours = shares.iter().sum::<f64>() / count;
            let squares = shares.iter().map(|share| (share - ours) * (share - ours));
            let deviation = (squares.sum::<f64>() / (count - 1.0)).sqrt();
            let both = 1.0 / PLACEMENTS_PUBLISHED + 1.0 / count;
            let allowed = 3.0 * deviation * both.sqrt();
            assert!(
                (ours - mean).abs() <= allowed,
                "s = {s}, {n} partitions: {ours} beside {mean}, {allowed} allowed"
            );
        }
    }
}

#[test]
fn a_table_is_as_hot_as_its_survey_says() {
    let text = format!("{SMALL}popularity.zipf.s = 1.2\n");
    let result = run(&text, 2);
    let share = value(&result, "", None, "partition_hottest_share");
    let demand = value(&result, "", None, "partition_demand_mean");
    // 2,500 requests a second of one unit each on partitions of 1,000.
    assert!(demand.abs_diff(share * 5 / 2) <= 3, "{demand} {share}");
}
