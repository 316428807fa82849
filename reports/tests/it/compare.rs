//! Comparisons as continuous integration meets them: nothing changed, something became worse, work
//! changed in silence, rows went missing.

use crate::common;
use kvrig_base::result::{RESULTS_VERSION, StudyResult};
use kvrig_reports::compare::{Baseline, Gate, Gates, Judgement, Outcome, compare, render};
use proptest::prelude::*;

fn baseline(change: impl FnOnce(&mut StudyResult)) -> Baseline {
    let mut result = common::sample();
    change(&mut result);
    Baseline::of(&[result]).unwrap()
}

fn value<'a>(result: &'a mut StudyResult, metric: &str) -> &'a mut i64 {
    &mut result
        .rows
        .iter_mut()
        .find(|row| row.name == metric)
        .unwrap()
        .value
}

/// A rehash that does two buckets a step: other rows, other work, other events from 4 s on.
fn planted(result: &mut StudyResult) {
    *value(result, "pause_longest_max") += 9_560_000;
    *value(result, "response_p999") -= 1_000;
    *result.counters.get_mut("buckets_probed").unwrap() += 1_000;
    result.fingerprint.events.0 += 1;
    result.fingerprint.results.0 += 1;
    for window in &mut result.fingerprint.windows[0].windows[100..] {
        window.1 ^= 1;
    }
}

#[test]
fn the_same_result_is_identical() {
    let same = compare(&baseline(|_| ()), &baseline(|_| ()), &Gates::default());
    assert_eq!(same.outcome, Outcome::Same);
    assert_eq!(same.outcome.exit_code(), 0);
    let exact = Gates {
        exact: true,
        ..Gates::default()
    };
    assert_eq!(
        compare(&baseline(|_| ()), &baseline(|_| ()), &exact).outcome,
        Outcome::Same
    );
}

#[test]
fn a_planted_change_is_caught_named_and_localised() {
    let comparison = compare(&baseline(planted), &baseline(|_| ()), &Gates::default());
    assert_eq!(comparison.outcome.exit_code(), 3);
    assert_eq!(comparison.counters[0].counter, "buckets_probed");
    // Window 100 begins at 4 s; checkpoints are ten windows apart.
    let parting = &comparison.partings[0];
    assert!(parting.after_ns < 4_000_000_000, "{parting:?}");
    assert!(parting.before_ns.unwrap() >= 4_000_000_000, "{parting:?}");
    assert!(
        parting.before_ns.unwrap() - parting.after_ns <= 400_000_000,
        "{parting:?}"
    );
    insta::assert_snapshot!(render::text(&comparison, 120));
}

#[test]
fn a_gate_lets_a_small_worsening_pass() {
    let gate = Gate {
        worse_ppm: 50_000,
        floor: 50_000,
    };
    let metrics = [("pause_longest_max".to_owned(), gate)].into();
    let gates = Gates {
        metrics,
        exact: false,
    };
    let comparison = compare(&baseline(planted), &baseline(|_| ()), &gates);
    assert_eq!(comparison.outcome, Outcome::Passed);
    let exact = Gates {
        exact: true,
        ..gates
    };
    assert_eq!(
        compare(&baseline(planted), &baseline(|_| ()), &exact).outcome,
        Outcome::Worse
    );
}

#[test]
fn work_that_changes_in_silence_fails() {
    let quiet = baseline(|result| *result.counters.get_mut("buckets_probed").unwrap() += 1);
    let comparison = compare(&quiet, &baseline(|_| ()), &Gates::default());
    assert_eq!(comparison.changed, []);
    assert_eq!(comparison.outcome, Outcome::Worse);
}

#[test]
fn an_improvement_passes_unless_exactness_is_asked_for() {
    let better = |result: &mut StudyResult| *value(result, "pause_longest_max") -= 1;
    let comparison = compare(&baseline(better), &baseline(|_| ()), &Gates::default());
    assert_eq!(comparison.changed[0].judgement, Judgement::Better);
    assert_eq!(comparison.outcome, Outcome::Passed);
}

#[test]
fn a_missing_row_fails_and_a_new_one_does_not() {
    let fewer = || {
        baseline(|result| {
            result.rows.pop();
        })
    };
    let comparison = compare(&fewer(), &baseline(|_| ()), &Gates::default());
    assert_eq!(comparison.removed.len(), 1);
    assert_eq!(comparison.outcome, Outcome::Worse);
    let comparison = compare(&baseline(|_| ()), &fewer(), &Gates::default());
    assert_eq!(comparison.added.len(), 1);
    assert_eq!(comparison.outcome, Outcome::Passed);
}

#[test]
fn a_missing_study_fails() {
    let none = Baseline::of(&[]).unwrap();
    let comparison = compare(&none, &baseline(|_| ()), &Gates::default());
    assert_eq!(comparison.outcome, Outcome::Worse);
    assert_eq!(comparison.notes, ["study rehash is only in the baseline"]);
}

#[test]
fn across_results_versions_values_are_compared_and_digests_are_not() {
    let mut old = baseline(planted);
    old.results = RESULTS_VERSION + 1;
    let comparison = compare(&baseline(|_| ()), &old, &Gates::default());
    assert_eq!(comparison.changed.len(), 2);
    assert_eq!(comparison.counters, []);
    assert_eq!(comparison.partings, []);
    assert!(
        comparison.notes[0].contains("cannot be compared"),
        "{:?}",
        comparison.notes
    );
}

#[test]
fn another_seed_is_said_aloud() {
    let comparison = compare(
        &baseline(|result| result.seed = 7),
        &baseline(|_| ()),
        &Gates::default(),
    );
    assert_eq!(comparison.notes, ["rehash: seed 7 against 1"]);
}

#[test]
fn the_file_reads_back_and_is_sorted_lines() {
    let before = baseline(planted).accepted("two buckets a step,\nas Redis 8 does");
    let text = before.write();
    assert_eq!(Baseline::parse("baseline", &text).unwrap(), before);
    assert!(text.len() < 16_000, "{} bytes", text.len());
    insta::assert_snapshot!(text);
}

#[test]
fn a_bad_file_is_named_with_its_line() {
    let text = baseline(|_| ()).write() + "{\"row\":{}}\n";
    let lines = text.lines().count();
    let diagnostic = Baseline::parse("ci/baseline.jsonl", &text).unwrap_err();
    assert_eq!(diagnostic.code, "KV5001");
    let place = format!("ci/baseline.jsonl, line {lines}:");
    assert!(
        diagnostic.message.starts_with(&place),
        "{}",
        diagnostic.message
    );

    let other = text.replacen("\"schema\":1", "\"schema\":9", 1);
    assert_eq!(Baseline::parse("old", &other).unwrap_err().code, "KV5003");
    assert_eq!(Baseline::parse("empty", "").unwrap_err().code, "KV5001");
    assert_eq!(
        Baseline::read("does/not/exist".as_ref()).unwrap_err().code,
        "KV5002"
    );
}

#[test]
fn two_results_of_one_study_have_no_common_baseline() {
    let twice = Baseline::of(&[common::sample(), common::sample()]);
    assert_eq!(twice.unwrap_err().code, "KV5003");
}

#[test]
fn markdown_shows_failures_and_folds_the_rest() {
    let comparison = compare(&baseline(planted), &baseline(|_| ()), &Gates::default());
    insta::assert_snapshot!(render::markdown(&comparison));
}

#[test]
fn markdown_is_cut_before_it_is_dropped() {
    let long = baseline(|result| {
        for n in 0..30_000 {
            let mut row = result.rows[0].clone();
            row.variant = format!("variant {n}");
            result.rows.push(row);
        }
    });
    let comparison = compare(&long, &baseline(|_| ()), &Gates::default());
    let text = render::markdown(&comparison);
    assert!(text.len() <= 900_000);
    assert!(text.ends_with("`--format json` has everything.\n"));
    assert_eq!(
        text.matches("<details>").count(),
        text.matches("</details>").count()
    );
}

#[test]
fn junit_has_a_case_for_each_row_and_names_the_failure() {
    let new = baseline(planted);
    let comparison = compare(&new, &baseline(|_| ()), &Gates::default());
    insta::assert_snapshot!(render::junit(&comparison, &new));
}

#[test]
fn annotations_stay_on_their_line() {
    let new = baseline(planted);
    let mut comparison = compare(&new, &baseline(|_| ()), &Gates::default());
    comparison.changed[0].place = "a\n::error::b,c".to_owned();
    let text = render::github(&comparison);
    insta::assert_snapshot!(text);
    assert!(
        text.lines()
            .all(|line| line.starts_with("::error title=") || line.starts_with("::notice"))
    );
}

#[test]
fn exchange_formats_hold_every_row() {
    let new = baseline(|_| ());
    let bmf: serde_json::Value = serde_json::from_str(&render::bmf(&new)).unwrap();
    assert_eq!(
        bmf["rehash doubling=2^20 table=at-once"]["pause-longest-max"]["value"],
        478_000_000
    );
    let action = render::benchmark_action(&new, kvrig_base::metric::Better::Lower);
    let action: serde_json::Value = serde_json::from_str(&action).unwrap();
    assert_eq!(action.as_array().unwrap().len(), new.rows.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_baseline_reads_back(
        variant in "\\PC{0,20}", reason in "\\PC{0,40}", value: i64, seed: u64,
    ) {
        let before = baseline(|result| {
            result.rows[0].variant = variant;
            result.rows[0].value = value;
            result.seed = seed;
        }).accepted(&reason);
        prop_assert_eq!(Baseline::parse("baseline", &before.write()).unwrap(), before);
    }
}
