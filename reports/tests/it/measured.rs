//! The real-clock side of a result folder: its page, its files, and that nothing else knows of it.

use crate::common;
use kvrig_base::measured::MeasuredResult;
use kvrig_reports::folder::{Output, RunMeta, redraw};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn place(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("measured")
        .join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder.join("out")
}

fn write(target: &Path, measured: Option<MeasuredResult>) {
    let mut result = common::sample();
    result.charts.drain(..2);
    let meta = RunMeta {
        kvrig: "0.1.0".to_owned(),
        command: vec![],
        started_unix_ms: 1,
        finished_unix_ms: 2,
        host: "box".to_owned(),
        jobs: 2,
    };
    let mut output = Output::begin(target).unwrap();
    if let Some(measured) = measured {
        output.add_measured(0, measured);
    }
    output.finish(&[result], &meta, None).unwrap();
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn a_measurement_has_a_page_that_the_study_links_to() {
    let out = place("page");
    write(&out, Some(common::measured()));
    assert!(read(&out.join("index.html")).contains("href=\"measured/index.html\""));
    let page = read(&out.join("measured/index.html"));
    for part in [
        "virtual machine, 2 cores, Example 9000, Linux 6.18, 2026-11-25",
        "0.73, 0.84, 0.67",
        "1.229 ms (free)",
        "650 us to 720 us",
        "0.56x",
        "agrees",
        "cannot tell: no insert stood out in every run",
        "1,711,561",
        "1,711,398 on average",
        "72.5 us",
        "href=\"../index.html\"",
    ] {
        assert!(page.contains(part), "{part}");
    }
    for file in [
        "charts/pause-measured.svg",
        "charts/pause-measured.png",
        "data/pause-measured.csv",
        "inserts-redis-7.0-u64.hgrm",
        "summary.json",
    ] {
        assert!(out.join("measured").join(file).is_file(), "{file}");
    }
}

#[test]
fn without_a_measurement_there_is_no_folder_and_no_link() {
    let out = place("none");
    write(&out, Some(common::measured()));
    write(&out, None);
    assert!(!out.join("measured").exists(), "the old one is replaced");
    assert!(!read(&out.join("index.html")).contains("measured/index.html"));
}

#[test]
fn the_machine_is_named_in_its_own_folder_only() {
    let out = place("machine");
    write(&out, Some(common::measured()));
    for file in [
        "index.html",
        "summary.json",
        "charts/charts.json",
        "data/rows.csv",
    ] {
        assert!(!read(&out.join(file)).contains("Example 9000"), "{file}");
    }
}

#[test]
fn drawing_again_keeps_the_measurement() {
    let out = place("redraw");
    write(&out, Some(common::measured()));
    let files = [
        "index.html",
        "summary.json",
        "charts/charts.json",
        "charts/pause-measured.svg",
    ];
    let before = files.map(|file| read(&out.join("measured").join(file)));
    redraw(&out, None).unwrap();
    assert_eq!(
        files.map(|file| read(&out.join("measured").join(file))),
        before
    );
    assert!(read(&out.join("index.html")).contains("measured/index.html"));
}

#[test]
fn a_measurement_of_another_schema_is_not_redrawn() {
    let out = place("schema");
    write(&out, Some(common::measured()));
    let summary = out.join("measured/summary.json");
    fs::write(
        &summary,
        read(&summary).replace("\"schema\": 1", "\"schema\": 99"),
    )
    .unwrap();
    let error = redraw(&out, None).unwrap_err().to_string();
    assert!(error.contains("schema 1"), "{error}");
}

/// Programs read these; a change of them is a change of [`kvrig_base::measured::MEASURED_SCHEMA`].
#[test]
fn the_summary_has_the_fields_of_its_schema() {
    let out = place("fields");
    write(&out, Some(common::measured()));
    let summary: serde_json::Value =
        serde_json::from_str(&read(&out.join("measured/summary.json"))).unwrap();
    let fields = |value: &serde_json::Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    let expected = |names: &str| -> BTreeSet<String> {
        names.split_ascii_whitespace().map(str::to_owned).collect()
    };
    assert_eq!(summary["schema"], 1);
    assert_eq!(
        fields(&summary),
        expected(
            "schema kvrig study title quick profile machine clock runs findings points inserts notes"
        )
    );
    assert_eq!(
        fields(&summary["points"][0]),
        expected(
            "table subject entries predicted measured longest_ns ratio_ppm judgement reason \
             simulated_growth measured_growth positions_equal theory_ended theory_is_exact"
        )
    );
    assert_eq!(
        fields(&summary["points"][0]["measured"]),
        expected("at cause ns median_ns")
    );
    assert_eq!(summary["points"][0]["judgement"], "agrees");
    assert_eq!(summary["points"][1]["subject"], "node");
}
