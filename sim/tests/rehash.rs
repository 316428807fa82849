//! The study `rehash`, run small: what it must show at any size.

use kvrig_base::diagnostic::Diagnostic;
use kvrig_base::quantity::format_value;
use kvrig_base::result::{Finding, StudyResult, Values};
use kvrig_base::row::{Class, Row};
use kvrig_sim::run::{self, Observer, Points};
use kvrig_sim::studies;
use kvrig_sim::study::{self, Files, Flags, Layers, Source};

/// A study of doublings small enough for a test, on one table after the other.
const SMALL: &[&str] = &[
    "study.rehash.doublings=['2^12']",
    "study.rehash.size_curve=['2^10','2^12','2^14']",
    "study.rehash.fixed_places=['2^10']",
    "study.rehash.lead_in='200ms'",
    "study.rehash.lead_out='100ms'",
    "run.seeds=2",
];

struct NoFiles;
impl Files for NoFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, Diagnostic> {
        panic!("nothing names a file, but {path} was asked for")
    }
}
struct Quiet;
impl Observer for Quiet {
    fn point_finished(&self, _: usize, _: usize, _: u64) {}
    fn cancelled(&self) -> bool {
        false
    }
}
impl Points for Quiet {
    fn load(&self, _: &str) -> Option<Vec<u8>> {
        None
    }
    fn save(&self, _: &str, _: &[u8]) -> std::io::Result<()> {
        Ok(())
    }
}

fn run_small(more: &[&str], jobs: usize) -> StudyResult {
    run_with("", more, jobs)
}

/// The small study with more lines in its file: variants, for example.
fn run_with(lines: &str, more: &[&str], jobs: usize) -> StudyResult {
    let sets: Vec<String> = SMALL
        .iter()
        .chain(more)
        .map(|set| (*set).to_owned())
        .collect();
    let file = Source {
        name: "small.toml".into(),
        text: format!("schema = 1\ntitle = \"Small\"\n[study.rehash]\n{lines}"),
    };
    let layers = Layers {
        file,
        builtin: |name| studies::find(name).map(|study| study.toml),
        sets: &sets,
        flags: Flags::default(),
    };
    let study = study::load(&layers).unwrap_or_else(|errors| panic!("{errors:?}"));
    let plan = studies::plan(study, &NoFiles).expect("the study can be planned");
    run::run(&plan, jobs, &Quiet, &Quiet).expect("the study runs")
}

fn value(result: &StudyResult, variant: &str, table: &str, phase: Option<&str>, name: &str) -> i64 {
    find(result, variant, table, phase, name).unwrap_or_else(|| panic!("no {name} of {table}"))
}

fn find(
    result: &StudyResult,
    variant: &str,
    table: &str,
    phase: Option<&str>,
    name: &str,
) -> Option<i64> {
    let matches = |row: &&Row| {
        let axis = |axis: &str| row.cell.get(axis).map(String::as_str);
        row.variant == variant
            && row.name == name
            && axis("table") == Some(table)
            && axis("phase") == phase
            && axis("doubling") == Some("2^12")
    };
    result.rows.iter().find(matches).map(|row| row.value)
}

#[test]
fn doubling_at_once_stops_longer_than_rehashing_in_steps() {
    let result = run_small(&[], 2);
    let at_once = value(&result, "", "at-once", None, "pause_rehash_max");
    let step = value(&result, "", "redis-7.0", None, "pause_step_max");
    assert!(at_once > 100 * step, "{:#?}", result.table);
    assert_eq!(value(&result, "", "at-once", None, "pause_step_max"), 0);
    assert!(value(&result, "", "redis-7.0", None, "pause_step_max") > 0);
}

/// kvrig's table takes one bucket at a time: it has grown when it has twice the buckets, after as
/// many insertions as it had entries.
#[test]
fn a_table_that_grows_in_parts_is_growing_until_it_has_doubled() {
    let of = |lead_out: &str| {
        let result = run_small(&["study.rehash.tables=['kvrig']", lead_out], 2);
        move |phase, name| find(&result, "", "kvrig", phase, name)
    };
    let short = of("study.rehash.lead_out='100ms'");
    let completed = "requests_completed_count";
    assert!(short(Some("during"), completed) > Some(1_000));
    assert_eq!(short(Some("after"), completed), Some(0));
    assert_eq!(short(None, "rehash_start_position"), Some(4_097));
    assert_eq!(short(None, "rehash_end_position"), None);
    assert_eq!(short(None, "rehash_duration_max"), None);

    let long = of("study.rehash.lead_out='2s'");
    assert!(long(Some("after"), completed) > Some(1_000));
    assert_eq!(long(None, "rehash_end_position"), Some(8_189));
    assert!(long(None, "rehash_duration_max") > Some(100_000_000));
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let (one, two) = (run_small(&[], 1), run_small(&[], 2));
    assert_eq!(one.fingerprint, two.fingerprint);
    assert_eq!(
        serde_json::to_string(&one).unwrap(),
        serde_json::to_string(&two).unwrap()
    );
}

#[test]
fn every_finding_rests_on_rows_or_warns() {
    let result = run_small(&[], 2);
    assert!(result.findings.len() >= 2);
    for finding in &result.findings {
        assert!(
            finding.warning || !finding.rows.is_empty(),
            "{}",
            finding.text
        );
        assert!(finding.rows.iter().all(|&row| row < result.rows.len()));
    }
}

#[test]
fn more_load_and_another_seed_give_other_events() {
    let first = run_small(&[], 2);
    let seeded = run_small(&["run.seed=2"], 2);
    assert_ne!(first.fingerprint.events, seeded.fingerprint.events);
}

/// A growth of 2^14 keys in Redis 7.0, and nothing else.
const ONE_TABLE: &[&str] = &[
    "study.rehash.tables=['redis-7.0']",
    "study.rehash.doublings=['2^12']",
    "study.rehash.size_curve=[]",
    "study.rehash.fixed_places=[]",
];

#[test]
fn a_snapshot_freezes_the_rehash_until_the_child_exits() {
    // A disk so slow that the child lives for about 150 ms.
    let sets = [ONE_TABLE, &["host.disk.bandwidth='1MB/s'"]].concat();
    let variant = "[variant.saving]\nevent = [{ at = 'doubling+1ms', bgsave = {} }]\n";
    let result = run_with(variant, &sets, 2);
    let of = |variant, name| value(&result, variant, "redis-7.0", None, name);
    let frozen = of("saving", "child_overlap_max");
    assert!(frozen > 20_000_000, "{frozen} ns");
    let longer = of("saving", "rehash_duration_max") - of("", "rehash_duration_max");
    assert!(
        longer > frozen * 8 / 10,
        "{longer} ns longer, frozen for {frozen} ns"
    );
    // Old and new array stay beside one another: 8 bytes for each of 3 x 2^12 buckets.
    assert_eq!(of("saving", "memory_table_max"), 3 << 15);
}

#[test]
fn without_the_guard_keys_are_evicted_at_once() {
    let conf = "maxmemory = 'at-doubling', maxmemory-policy = 'allkeys-lru'";
    let variants = format!(
        "[variant.guarded]\nstore.redis.conf = {{ {conf} }}\n\
         [variant.sliced]\nstore.redis = {{ growth_guard = false, conf = {{ {conf} }} }}\n\
         [variant.whole]\nstore.redis = {{ growth_guard = false, \
         conf = {{ {conf}, maxmemory-eviction-tenacity = 100 }} }}\n"
    );
    let result = run_with(&variants, ONE_TABLE, 2);
    let of = |variant, name| find(&result, variant, "redis-7.0", None, name);
    assert_eq!(of("guarded", "rehash_duration_max"), None, "it never grows");
    // The new array of 64 KiB, in keys of about 136 bytes and in those inserted meanwhile.
    let lost = (8 << 13) / 136;
    for variant in ["sliced", "whole"] {
        let burst = of(variant, "eviction_burst_count").expect("it grows");
        assert!(
            (lost * 8 / 10..lost * 3 / 2).contains(&burst),
            "{variant}: {burst}"
        );
    }
    let (sliced, whole) = (
        of("sliced", "pause_evict_max"),
        of("whole", "pause_evict_max"),
    );
    assert!(sliced <= Some(600_000), "slices of 500 us: {sliced:?}");
    assert!(whole > sliced, "{whole:?} in one call, {sliced:?} sliced");
}

#[test]
fn two_dictionaries_double_the_work_and_the_memory_of_a_rehash() {
    let variant = "[variant.expiring]\nworkload.ttl = '1h'\n";
    let result = run_with(variant, ONE_TABLE, 2);
    let of = |variant, name| value(&result, variant, "redis-7.0", None, name);
    let (both, one) = (of("expiring", "pause_total_sum"), of("", "pause_total_sum"));
    assert!(
        (one * 17 / 10..one * 24 / 10).contains(&both),
        "{both}, not twice {one}"
    );
    let (both, one) = (
        of("expiring", "memory_table_max"),
        of("", "memory_table_max"),
    );
    assert_eq!(both, 2 * one);
}

#[test]
fn freeing_the_old_array_is_the_longest_pause_of_a_redis_table_alone() {
    let result = run_small(
        &[
            "study.rehash.tables=['redis-7.0','at-once']",
            "study.rehash.size_curve=['2^16']",
        ],
        2,
    );
    let series = result
        .series
        .iter()
        .find(|series| series.name == "pause-against-size")
        .expect("the curve is drawn");
    let column = |name: &str| {
        let column = series.columns.iter().find(|column| column.name == name);
        match &column.expect("it has the column").values {
            Values::Text(values) => values.clone(),
            Values::Int(_) => panic!("{name} is text"),
        }
    };
    let causes: Vec<(String, String)> = column("table").into_iter().zip(column("cause")).collect();
    let expected = [("redis-7.0", "free"), ("at-once", "rehash")];
    assert_eq!(
        causes,
        expected.map(|(table, cause)| (table.to_owned(), cause.to_owned()))
    );
}

#[test]
fn a_falling_number_of_keys_shrinks_tables_that_know_how() {
    let variant = "[variant.swing]\n\
        study.rehash.swing = { low = 500, high = 10_000, period = '1s' }\n\
        workload.mix = { get = '50%', insert = '50%' }\n";
    let sets = [
        ONE_TABLE,
        &["study.rehash.tables=['redis-7.0','redis-7.4','at-once']"],
    ]
    .concat();
    let result = run_with(variant, &sets, 2);
    let of = |table, name| {
        let row = result
            .rows
            .iter()
            .find(|row| row.variant == "swing" && row.cell["table"] == table && row.name == name);
        row.map(|row| row.value).expect("the swing has rows")
    };
    for table in ["redis-7.0", "redis-7.4"] {
        assert!(of(table, "table_shrinks_count") >= 1, "{table}");
        assert!(of(table, "table_growths_count") >= 2, "{table}");
        assert!(of(table, "entries_count").abs_diff(10_000) < 100, "{table}");
    }
    assert_eq!(of("at-once", "table_shrinks_count"), 0);
    assert_eq!(of("at-once", "table_growths_count"), 0);
}

/// Numbers with their units in a sentence: `1.473 ms`, `13,865`, `24 MiB`.
fn quantities(text: &str) -> Vec<String> {
    const UNITS: [&str; 8] = ["ns", "us", "ms", "s", "B", "KiB", "MiB", "GiB"];
    let words: Vec<&str> = text
        .split([' ', '(', ')'])
        .map(|word| word.trim_end_matches(['.', ',', ';', ':']))
        .filter(|word| !word.is_empty())
        .collect();
    let is_number = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_digit())
            && word
                .chars()
                .all(|c| c.is_ascii_digit() || c == '.' || c == ',')
    };
    let mut found = Vec::new();
    for (place, word) in words.iter().enumerate().filter(|(_, word)| is_number(word)) {
        // A version follows the name of its product.
        let is_version =
            place > 0 && ["Redis", "Valkey", "Memcached", "before"].contains(&words[place - 1]);
        if is_version {
            continue;
        }
        found.push(match words.get(place + 1) {
            Some(unit) if UNITS.contains(unit) => format!("{word} {unit}"),
            _ => (*word).to_owned(),
        });
    }
    found
}

#[test]
fn every_number_of_a_finding_is_the_value_of_a_row_that_it_links_to() {
    let conf = "maxmemory = 'at-doubling', maxmemory-policy = 'allkeys-lru'";
    let variants = format!(
        "[variant.'BGSAVE running']\nevent = [{{ at = 'doubling+1ms', bgsave = {{}} }}]\n\
         [variant.'activerehashing no']\nstore.redis.conf = {{ activerehashing = 'no' }}\n\
         [variant.'two dictionaries']\nworkload.ttl = '1h'\n\
         [variant.'at maxmemory']\nstore.redis.conf = {{ {conf} }}\n\
         [variant.'at maxmemory, no guard']\n\
         store.redis = {{ growth_guard = false, conf = {{ {conf} }} }}\n"
    );
    let sets = ["study.rehash.tables=['at-once','redis-7.0','kvrig']"];
    let result = run_with(&variants, &sets, 2);
    for about in ["nine tenths full", "chosen to collide"] {
        let says = |finding: &&Finding| finding.text.contains(about);
        assert_eq!(result.findings.iter().filter(says).count(), 1, "{about}");
    }
    let mut checked = 0;
    for finding in result.findings.iter().filter(|finding| !finding.warning) {
        let values: Vec<String> = finding
            .rows
            .iter()
            .map(|&row| format_value(result.rows[row].unit, result.rows[row].value))
            .collect();
        for quantity in quantities(&finding.text) {
            assert!(
                values.contains(&quantity),
                "{quantity} in \"{}\" is none of {values:?}",
                finding.text
            );
            checked += 1;
        }
    }
    assert!(checked > 40, "{checked} numbers");
}

#[test]
fn every_chart_finds_its_series() {
    let variant = "[variant.swing]\n\
        study.rehash.swing = { low = 500, high = 10_000, period = '1s' }\n\
        workload.mix = { get = '50%', insert = '50%' }\n";
    let result = run_with(variant, &["study.rehash.tables=['at-once','redis-7.0']"], 2);
    let names: Vec<&str> = result
        .charts
        .iter()
        .map(|chart| chart.name.as_str())
        .collect();
    for name in [
        "pause-timeline-2-12",
        "response-by-nines-2-12",
        "memory-2-12",
        "response-heat-2-12",
        "pause-against-size",
        "probes-against-load-2-10",
        "probes-against-chosen-keys-2-10",
        "table-over-a-swing",
    ] {
        assert!(names.contains(&name), "{name} is missing among {names:?}");
    }
    for layer in result.charts.iter().flat_map(|chart| &chart.layers) {
        let series = result
            .series
            .iter()
            .find(|series| series.name == layer.series);
        let series = series.unwrap_or_else(|| panic!("{} has no series", layer.series));
        for column in [&layer.x, &layer.y] {
            assert!(
                series.columns.iter().any(|known| known.name == *column),
                "{column}"
            );
        }
    }
}

#[test]
fn memcached_stops_its_workers_for_the_swap_alone_and_moves_beside_them() {
    let result = run_small(
        &[
            "study.rehash.tables=['redis-7.0','memcached-1.6']",
            // The clock looks once a second, so the table grows up to a second late.
            "study.rehash.lead_in='1s'",
            "workload.arrivals.poisson.rate='5k/s'",
        ],
        2,
    );
    let of = |name: &str| value(&result, "", "memcached-1.6", None, name);
    assert!(of("pause_allocate_max") > 0);
    assert_eq!(
        of("pause_longest_max"),
        of("pause_allocate_max").max(of("lock_wait_max"))
    );
    assert_eq!((of("pause_rehash_max"), of("pause_cron_max")), (0, 0));
    assert!(of("pause_free_max") > 0 && of("pause_step_max") > 0);
    let (ended, overfull) = (of("rehash_end_position"), 3 << 11);
    assert!((overfull..overfull + 1_500).contains(&ended), "{ended}");
    assert_eq!(of("memory_table_max"), 8 * (4_096 + 8_192));
}

#[test]
fn what_machines_measured_stands_beside_the_results_and_outside_their_digest() {
    let result = run_small(&[], 1);
    assert!(
        result.rows.iter().all(|row| row.class != Class::Measured),
        "measured rows would enter the fingerprint"
    );
    let [section] = result.sections.as_slice() else {
        panic!("{:?}", result.sections);
    };
    assert!(section.paragraphs[0].contains("load averages"));
    assert!(!section.table.rows.is_empty());
    let chart = result
        .charts
        .iter()
        .find(|chart| chart.name == "pause-against-size")
        .expect("there is a curve");
    assert!(
        chart
            .layers
            .iter()
            .any(|layer| layer.series == "pause-against-size-measured")
    );
    let without = run_small(&["study.rehash.size_curve=[]"], 1);
    assert!(
        without.sections.is_empty(),
        "there is no curve to compare with"
    );
}

/// Clients of which a stop of a millisecond makes many give up.
const IMPATIENT: &[&str] = &[
    "study.rehash.tables=['at-once']",
    "study.rehash.size_curve=[]",
    "workload.clients=200",
    "workload.think_time=4ms",
    "workload.timeout=500us",
];

#[test]
fn a_stop_that_clients_do_not_wait_for_wastes_work_and_heals() {
    let result = run_small(IMPATIENT, 2);
    let of = |phase, name| value(&result, "", "at-once", phase, name);
    assert_eq!(of(Some("before"), "timeouts_count"), 0);
    assert!(of(Some("during"), "timeouts_count") > 5);
    assert_eq!(of(Some("after"), "timeouts_count"), 0);
    assert!(of(Some("during"), "work_wasted_mean") > 0);
    assert_eq!(of(Some("during"), "attempts_mean"), 1_000_000);
    assert!(of(None, "recovery_duration_max") < 10_000_000);
    let load = |phase| of(Some(phase), "utilisation_mean");
    assert!(load("during") > load("before") + load("before") / 4);
    assert!((load("after") - load("before")).abs() < 50_000);
}

#[test]
fn retries_send_more_and_lose_less() {
    let alone = run_small(IMPATIENT, 2);
    let sets = [
        IMPATIENT,
        &["workload.retries={ max = 5, backoff_base = '1ms' }"],
    ]
    .concat();
    let retrying = run_small(&sets, 2);
    let during = |result, name| value(result, "", "at-once", Some("during"), name);
    assert!(during(&retrying, "attempts_mean") > during(&alone, "attempts_mean") + 100_000);
    let failed = "requests_failed_count";
    assert!(during(&retrying, failed) < during(&alone, failed));
}

/// The value of a fleet of four nodes whose sizes differ by `stagger`.
fn of_fleet(stagger: &str, phase: Option<&str>, name: &str) -> i64 {
    let fleet = format!("study.rehash.fleet={{ nodes = 4, parts = 3, stagger = '{stagger}' }}");
    let sets = [
        "study.rehash.tables=['redis-7.0']",
        "study.rehash.size_curve=[]",
        "store.redis.conf.activerehashing='no'",
        "workload.clients=8",
        "workload.ttl=1d",
        &fleet,
    ];
    value(&run_small(&sets, 2), "", "redis-7.0", phase, name)
}

#[test]
fn nodes_that_are_filled_alike_grow_at_the_same_time() {
    let most = |stagger| of_fleet(stagger, None, "nodes_growing_max");
    assert_eq!(most("0%"), 4);
    assert!(most("50%") < 4);
    let lasts = |stagger| of_fleet(stagger, None, "rehash_duration_max");
    assert!(lasts("50%") > 2 * lasts("0%"));
}

#[test]
fn a_fleet_that_grows_at_once_answers_fewer_requests() {
    let throughput = |phase| of_fleet("0%", Some(phase), "throughput_mean");
    assert!(throughput("during") < throughput("before"));
    assert!(throughput("during") < throughput("after"));
}
