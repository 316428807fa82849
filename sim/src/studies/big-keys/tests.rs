//! Behaviours of the study, at sizes that take milliseconds.

use crate::studies::rows::Rows;
use crate::studies::testing::{assert_same_for_any_jobs, refusal, run, try_load};
use crate::study::Flags;
use kvrig_base::result::StudyResult;

/// A small study: what is in `knobs`, 1,000 small keys, short windows, one seed.
fn outcome_of(knobs: &str) -> StudyResult {
    outcome_with(knobs, 1)
}

fn outcome_with(knobs: &str, jobs: usize) -> StudyResult {
    let text = format!(
        "[study.big-keys]\nkeys = 1_000\nlead_in = \"20ms\"\nwindow = \"60ms\"\n{knobs}\n[run]\nseeds = 1\n"
    );
    run(&text, jobs)
}

fn value(result: &StudyResult, cell: &[(&str, &str)], name: &str) -> i64 {
    let rows = Rows(&result.rows);
    let found = rows.find(cell, name);
    found
        .unwrap_or_else(|| panic!("{cell:?} has {name}"))
        .1
        .value
}

fn stop(result: &StudyResult, command: &str, size: &str) -> i64 {
    let cell = [("command", command), ("size", size)];
    value(result, &cell, "pause_command_max")
}

#[test]
fn every_command_has_its_rows_and_a_line_in_the_table() {
    let result = outcome_of("commands = [\"all\"]\nsizes = [100, 1_000]");
    for command in &result.table.rows {
        assert!(command.iter().all(|cell| cell != "-"), "{command:?}");
    }
    assert_eq!(result.table.rows.len(), 18);
    assert!(result.findings.iter().all(|finding| !finding.warning));
    assert!(
        result
            .findings
            .iter()
            .all(|finding| !finding.rows.is_empty())
    );
    assert_eq!(result.charts.len(), 2);
}

#[test]
fn unlinking_a_large_set_stops_nobody_and_deleting_it_does() {
    let result = outcome_of("commands = [\"del-set\", \"unlink-set\"]\nsizes = [20_000]");
    let del = stop(&result, "del-set", "20000");
    let unlink = stop(&result, "unlink-set", "20000");
    assert!(del > 20 * unlink, "{del} and {unlink}");
    let cell = [("command", "unlink-set"), ("size", "20000")];
    let aside = value(&result, &cell, "offload_duration_max");
    assert!(aside > unlink, "the thread goes on: {aside}");
    let waiting = |command| {
        let cell = [("command", command), ("size", "20000")];
        value(&result, &cell, "requests_waiting_max")
    };
    assert!(waiting("del-set") > 50, "2 ms at 50k/s");
    assert!(waiting("unlink-set") < 10);
}

#[test]
fn a_stop_grows_with_the_keys_and_everybody_waits_for_it() {
    let result = outcome_of("commands = [\"keys\"]\nsizes = [1_000, 10_000]\nlimits = [\"500us\"]");
    let (small, large) = (stop(&result, "keys", "10^3"), stop(&result, "keys", "10^4"));
    assert!(large > 5 * small, "{small} and {large}");
    let cell = [("command", "keys"), ("phase", "after"), ("size", "10^4")];
    let longest = value(&result, &cell, "response_max");
    assert!(
        longest > large * 9 / 10,
        "{longest} behind a stop of {large}"
    );
    let before = [("command", "keys"), ("phase", "before"), ("size", "10^4")];
    assert!(value(&result, &before, "response_max") < longest);
    let within = [("command", "keys"), ("limit", "500us")];
    let elements = value(&result, &within, "elements_within_count");
    assert!((1_000..10_000).contains(&elements), "{elements}");
}

#[test]
fn the_number_of_jobs_changes_nothing() {
    let knobs = "commands = [\"lrange\", \"sinter\", \"flushall-async\"]\nsizes = [1_000]";
    assert_same_for_any_jobs(|jobs| outcome_with(knobs, jobs));
}

#[test]
fn another_workload_takes_the_place_of_the_small_keys() {
    let result = outcome_of(
        "commands = [\"del-list\"]\nsizes = [1_000]\n[workload]\nmix = { get = \"50%\", insert = \"50%\" }\npopularity.latest = { s = 0.9 }",
    );
    assert!(stop(&result, "del-list", "10^3") > 0);
}

#[test]
fn what_cannot_be_run_is_refused_at_its_place() {
    for (text, message) in [
        ("[study.big-keys]\ncommands = [\"del-sets\"]", "del-sets"),
        ("[study.big-keys]\nsizes = [0]", "`sizes` is 0"),
        (
            "[study.big-keys]\nelement_size = \"8B\"",
            "an element of 8B",
        ),
        (
            "[study.big-keys]\nwindow = \"0s\"",
            "`window` is no time at all",
        ),
        ("[study.big-keys]\ncommands = []", "study.big-keys.commands"),
    ] {
        let errors = try_load(text, Flags::default()).err().unwrap_or_default();
        let found = errors.iter().any(|error| error.message.contains(message));
        assert!(found, "{text}: {errors:?}");
    }
}

#[test]
fn settings_that_the_study_cannot_honour_are_contradictions() {
    for (text, message) in [
        (
            "[study.big-keys]\n[store.redis]\nconf = { maxmemory = \"1gb\" }",
            "memory limit",
        ),
        (
            "[study.big-keys]\n[[event]]\nat = \"1s\"\nbgsave = {}",
            "no events",
        ),
        (
            "[study.big-keys]\n[variant.\"other\"]\nstudy.rehash = { tables = [\"kvrig\"], doublings = [\"2^10\"], lead_in = \"1s\", lead_out = \"1s\" }",
            "asks another question",
        ),
    ] {
        let error = refusal(text);
        assert!(error.message.contains(message), "{text}: {error:?}");
    }
}
