//! The study on small workloads.

use super::stream::Stream;
use crate::studies::testing::{
    NoFiles, assert_same_for_any_jobs, assert_sentences_rest_on_rows, load, run,
};
use crate::studies::workload::{NamedFiles, WorkloadReader};
use crate::study::{EvictionKnobs, StudyKind};
use kvrig_base::random::Seed;
use kvrig_base::result::StudyResult;

/// The requests of Zipf's law over so many keys, its exponent in millionths.
pub(super) fn stream_of(keys: u64, requests: u64, exponent: u64) -> Stream {
    let text = format!(
        "[study.eviction]\nkeys = {keys}\nrequests = {requests}\n[workload]\n\
         popularity.zipf = {{ s = {}.{:06} }}\n",
        exponent / 1_000_000,
        exponent % 1_000_000
    );
    let study = load(&text);
    let cell = &study.cells[0];
    let StudyKind::Eviction(knobs) = &cell.kind else {
        panic!("{:?}", cell.kind)
    };
    let knobs: &EvictionKnobs = knobs;
    let files = NamedFiles::new(&study, &NoFiles);
    let inputs = WorkloadReader::default()
        .inputs(&cell.workload, &files)
        .unwrap();
    Stream::new(&inputs, knobs, requests, Seed(1)).unwrap()
}

const SMALL: &str = "[study.eviction]\nkeys = 3_000\nrequests = 40_000\nsizes = [50, 500]\n\
                     node_requests = 20_000\nnode_sizes = [300]\n";

fn value(result: &StudyResult, name: &str, policy: &str, requests: &str) -> i64 {
    let row = result.rows.iter().find(|row| {
        row.name == name && row.cell["policy"] == policy && row.cell["requests"] == requests
    });
    row.unwrap_or_else(|| panic!("{name} of {policy}")).value
}

#[test]
fn the_parts_of_the_difference_make_up_the_whole() {
    let result = run(SMALL, 2);
    let of = |name, policy| value(&result, name, policy, "20000");
    let whole = of("hit_ratio_mean", "allkeys-lru") - of("hit_ratio_mean", "lru");
    let parts = ["hit_sampling_gap", "hit_clock_gap", "hit_bytes_gap"];
    let sum: i64 = parts.map(|name| of(name, "allkeys-lru")).iter().sum();
    assert_eq!(sum, whole);
}

#[test]
fn a_node_stays_near_its_keys_and_no_policy_beats_the_optimum() {
    let result = run(SMALL, 2);
    let of = |name, policy| value(&result, name, policy, "20000");
    for policy in [
        "allkeys-lru",
        "allkeys-lfu",
        "allkeys-random",
        "volatile-ttl",
    ] {
        assert!(of("keys_evicted_count", policy) > 1_000, "{policy}");
        let entries = of("entries_count", policy);
        assert!((280..=320).contains(&entries), "{policy}: {entries}");
        assert!(of("hit_ratio_mean", policy) < of("hit_ratio_mean", "belady") + 5_000);
    }
    assert_eq!(of("keys_evicted_count", "noeviction"), 0);
    assert!(of("hit_ratio_mean", "noeviction") < of("hit_ratio_mean", "belady") + 5_000);
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    assert_same_for_any_jobs(|jobs| run(SMALL, jobs));
}

#[test]
fn sentences_name_rows_that_exist() {
    let result = run(SMALL, 2);
    assert!(result.findings.len() >= 5, "{:#?}", result.findings);
    assert_sentences_rest_on_rows(&result);
}
