//! A run's folder, its ending, and what `report`, `bench`, `compare` and `accept` make of it.

use crate::{TINY, contents, folder_with_tiny_study, run};
use std::fs;
use tempfile::TempDir;

fn stdout(output: &std::process::Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn the_ending_has_at_most_20_lines_and_says_how_to_go_on() {
    let folder = folder_with_tiny_study();
    let text = stdout(&run(
        folder.path(),
        &["run", "tiny.toml", "-o", "out dir"],
        0,
    ));
    assert!(text.lines().count() <= 20, "{text}");
    assert!(text.contains("out dir/index.html"), "{text}");
    assert!(text.contains("kvrig run tiny.toml -o 'out dir'"), "{text}");
    assert!(folder.path().join("out dir/index.html").exists());
    assert!(!folder.path().join("out dir.partial").exists());
}

#[test]
fn results_do_not_depend_on_the_number_of_jobs() {
    let folder = folder_with_tiny_study();
    run(
        folder.path(),
        &["run", "tiny.toml", "-o", "one", "--jobs", "1"],
        0,
    );
    run(
        folder.path(),
        &["run", "tiny.toml", "-o", "two", "--jobs", "2"],
        0,
    );
    assert_eq!(
        contents(&folder.path().join("one")),
        contents(&folder.path().join("two"))
    );
}

#[test]
fn drawing_again_changes_nothing() {
    let folder = folder_with_tiny_study();
    run(folder.path(), &["run", "tiny.toml", "-o", "out"], 0);
    let before = contents(&folder.path().join("out"));
    run(folder.path(), &["report", "out"], 0);
    assert_eq!(contents(&folder.path().join("out")), before);
}

#[test]
fn several_studies_become_a_book() {
    let folder = folder_with_tiny_study();
    let other = TINY.replace("2^10\"]\nlead", "2^11\"]\nlead");
    assert_ne!(other, TINY);
    fs::write(folder.path().join("other.toml"), other).unwrap();
    run(
        folder.path(),
        &["run", "tiny.toml", "other.toml", "-o", "book"],
        0,
    );
    let book = folder.path().join("book");
    assert!(book.join("index.html").exists() && book.join("summary.json").exists());
    let chapters = fs::read_dir(&book)
        .unwrap()
        .filter(|e| e.as_ref().unwrap().path().is_dir());
    assert_eq!(chapters.count(), 2);
}

#[test]
fn rows_are_printed_in_the_format_asked_for() {
    let folder = folder_with_tiny_study();
    let csv = run(folder.path(), &["run", "tiny.toml", "--format", "csv"], 0);
    assert!(stdout(&csv).starts_with("study,variant,cell,name,value,unit"));
    let text = stdout(&run(
        folder.path(),
        &["run", "tiny.toml", "--format", "text"],
        0,
    ));
    let lines = ["Sets ", "Gets ", "Others ", "Totals ", "open "];
    let places = lines.map(|line| text.find(&format!("\n{line}")));
    assert!(places[0].is_some() && places.is_sorted(), "{text}");
    let json = run(folder.path(), &["run", "tiny.toml", "--format", "json"], 0);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["study"], "rehash");
    let quiet = run(folder.path(), &["run", "tiny.toml", "--quiet"], 0);
    assert!(quiet.stdout.is_empty() && quiet.stderr.is_empty());
}

#[test]
fn a_missed_threshold_exits_with_3() {
    let folder = folder_with_tiny_study();
    let slo =
        "\n[[slo]]\nmetric = \"response_p50\"\nwhere = { table = \"redis-7.0\" }\nmax = \"1ns\"\n";
    fs::write(folder.path().join("tiny.toml"), format!("{TINY}{slo}")).unwrap();
    run(folder.path(), &["run", "tiny.toml"], 3);
}

#[test]
fn a_changed_result_exits_with_3_and_an_accepted_one_with_0() {
    let folder = folder_with_tiny_study();
    let path = folder.path();
    run(path, &["bench", "tiny.toml"], 0);
    run(path, &["compare", "kvrig-bench.json"], 4);
    run(path, &["accept", "--reason", "the first results"], 0);
    run(path, &["compare", "kvrig-bench.json", "--exact"], 0);
    fs::write(
        path.join("tiny.toml"),
        TINY.replace("[run]", "[run]\nseed = 2"),
    )
    .unwrap();
    run(path, &["bench", "tiny.toml"], 0);
    let difference = run(path, &["compare", "kvrig-bench.json", "--exact"], 3);
    assert!(
        stdout(&difference).contains("response_"),
        "{}",
        stdout(&difference)
    );
    run(path, &["accept", "--reason", "another seed"], 0);
    run(path, &["compare", "kvrig-bench.json", "--exact"], 0);
    let baseline = fs::read_to_string(path.join("kvrig-baseline.json")).unwrap();
    assert!(baseline.contains("another seed"));
}

#[test]
fn a_folder_that_kvrig_did_not_write_is_left_alone() {
    let folder = folder_with_tiny_study();
    fs::create_dir(folder.path().join("mine")).unwrap();
    fs::write(folder.path().join("mine/letter.txt"), "dear").unwrap();
    run(folder.path(), &["run", "tiny.toml", "-o", "mine"], 2);
    assert_eq!(
        contents(&folder.path().join("mine")),
        [("letter.txt".into(), b"dear".to_vec())]
    );
}

#[test]
fn a_recorded_trace_replaces_the_popularity() {
    let folder = folder_with_tiny_study();
    let trace: Vec<u8> = (0..4_000_i32)
        .flat_map(|n| (n * 7 % 1_000).to_be_bytes())
        .collect();
    fs::write(folder.path().join("recorded.trace"), trace).unwrap();
    let set = "workload.trace_copies=4";
    run(
        folder.path(),
        &[
            "run",
            "tiny.toml",
            "--workload",
            "recorded.trace",
            "--set",
            set,
            "-o",
            "out",
        ],
        0,
    );
    let document = fs::read_to_string(folder.path().join("out/study.toml")).unwrap();
    assert!(document.contains("recorded.trace"), "{document}");
}

/// A folder with the tiny study and a trace of 1,000 keys.
fn folder_with_short_trace() -> TempDir {
    let folder = folder_with_tiny_study();
    let trace: Vec<u8> = (0..1_000_i32).flat_map(i32::to_be_bytes).collect();
    fs::write(folder.path().join("short.trace"), trace).unwrap();
    folder
}

#[test]
fn growths_that_a_trace_has_too_few_keys_for_are_left_out_and_said() {
    let folder = folder_with_short_trace();
    let flags = [
        "run",
        "tiny.toml",
        "--workload",
        "short.trace",
        "--set",
        "workload.trace_copies=4",
        "--set",
        "study.rehash.doublings=['2^10', '2^11', '2^20']",
        "-o",
        "out",
    ];
    run(folder.path(), &flags, 0);
    let summary = fs::read_to_string(folder.path().join("out/summary.json")).unwrap();
    let sentence = "The trace has 4,000 keys in 4 copies; growths that begin later are left out";
    assert!(summary.contains(sentence), "{summary}");
    assert!(summary.contains("from 2^20 (1,048,576 keys)"), "{summary}");
}

#[test]
fn a_trace_that_fills_no_table_is_refused_before_anything_runs() {
    let folder = folder_with_short_trace();
    let set = "study.rehash.doublings=['2^12']";
    let flags = [
        "run",
        "tiny.toml",
        "--workload",
        "short.trace",
        "--set",
        set,
        "-o",
        "out",
    ];
    let refused = run(folder.path(), &flags, 2);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("The trace has 1,000 keys;"), "{said}");
    assert!(said.contains("workload.trace_copies"), "{said}");
    assert!(!folder.path().join("out").exists());
}
