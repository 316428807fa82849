//! The study on short loads.

use crate::studies::testing::{
    assert_same_for_any_jobs, assert_sentences_rest_on_rows, band, chart, run,
};
use kvrig_base::result::Style;

const SHORT: &str = "[study.adaptive-capacity]\nuneven_span = \"50min\"\n\
    one_key = \"2k/s\"\none_key_span = \"8min\"\nsplit_delays = [\"2min\"]\nramp_to = \"6k/s\"\n\
    ramps = [\"2min\", \"6min\"]\nramp_hold = \"1min\"\n[run]\nseeds = 2\nduration = \"30s\"\n\
    [workload]\nkeys = 1_000\narrivals.poisson.rate = \"4k/s\"\n";

#[test]
fn rows_have_the_figures_that_aws_and_arithmetic_give() {
    let result = run(SHORT, 2);
    let value = |name: &str, load: &str, model: &str, sort: Option<&str>| {
        let row = result.rows.iter().find(|row| {
            let holds = |axis: &str, value| row.cell.get(axis).is_some_and(|held| held == value);
            row.name == name
                && holds("load", load)
                && holds("model", model)
                && sort.is_none_or(|sort| holds("sort", sort))
        });
        row.unwrap_or_else(|| panic!("{name} of {load} under {model}"))
            .value
    };
    const SECOND: i64 = 1_000_000_000;
    let old = "static-2012";
    assert_eq!(
        value("clean_duration_mean", "uneven", old, None) / SECOND,
        600
    );
    let after = value("throttled_after_share", "uneven", old, None);
    assert!((166_000..167_500).contains(&after), "{after}");
    for model in ["adaptive-2019", "gac-2022"] {
        assert_eq!(value("throttled_share", "uneven", model, None), 0);
    }
    let heal = value("heal_duration_mean", "uneven", "adaptive-2017", None) / SECOND;
    assert!((300..2_100).contains(&heal), "{heal}");
    let clean = value("clean_duration_mean", "saved reads", old, None) / SECOND;
    assert!((899..=900).contains(&clean), "{clean}");
    let after = value("throttled_after_share", "saved reads", old, None);
    assert!((249_000..251_500).contains(&after), "{after}");
    let rising = value("throttled_share", "one key", "gac-2022", Some("increasing"));
    assert!((490_000..505_000).contains(&rising), "{rising}");
    let healing = value("throttled_share", "one key", "gac-2022", Some("random"));
    assert!(healing < 450_000, "{healing}");
    assert_eq!(result.charts.len(), 6);
    let ramps = band(&result, "ramps");
    assert_eq!(ramps.len(), 2);
    assert!(
        ramps[0].1[1] > ramps[1].1[1],
        "a longer ramp throttles less"
    );
    let steps = band(&result, "one-key-staircase");
    let splits = steps
        .iter()
        .filter(|(line, _)| line == "splits after about 2min");
    // Splits come at drawn times: for a while one seed has what the other has not.
    assert!(
        splits
            .clone()
            .any(|(_, [lowest, _, highest])| highest - lowest > 500)
    );
    // Eight minutes of it, in steps of twenty seconds.
    assert_eq!(splits.count(), 24);
    let never = steps
        .iter()
        .filter(|(line, _)| line.starts_with("never split"));
    assert!(never.clone().count() > 0);
    assert!(never.skip(1).all(|(_, [_, _, highest])| *highest < 1_100));
    assert_sentences_rest_on_rows(&result);
    assert!(result.findings.len() >= 6, "{:#?}", result.findings);
}

#[test]
fn one_seed_has_lines_without_bands() {
    let result = run(&SHORT.replace("seeds = 2", "seeds = 1"), 2);
    for name in ["ramps", "one-key-staircase"] {
        let chart = chart(&result, name);
        let styles: Vec<Style> = chart.layers.iter().map(|layer| layer.style).collect();
        assert_eq!(styles, [Style::Line], "{name}");
        assert!(!chart.message.contains("bands"), "{}", chart.message);
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    assert_same_for_any_jobs(|jobs| run(SHORT, jobs));
}
