//! `kvrig run --measure`: nothing here depends on how fast anything is.

use crate::{contents, folder_with_tiny_study, kvrig, run};
use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

fn summary(folder: &Path) -> serde_json::Value {
    let path = folder.join("measured/summary.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn every_table_grows_where_it_was_simulated() {
    let folder = folder_with_tiny_study();
    let settings = [
        "run",
        "tiny.toml",
        "--measure=2",
        "--set",
        "study.rehash.tables=[\"all\"]",
        "--set",
        "study.rehash.doublings=[\"2^14\"]",
        "--set",
        "study.rehash.lead_in=100ms",
        "--set",
        "study.rehash.size_curve=[\"2^12\", \"2^13\", \"2^14\"]",
        "-o",
        "out",
    ];
    run(folder.path(), &settings, 0);
    let out = folder.path().join("out");
    let measured = summary(&out);
    let points = measured["points"].as_array().unwrap();
    let tables: std::collections::BTreeSet<&str> = points
        .iter()
        .filter_map(|point| point["table"].as_str())
        .collect();
    assert!(tables.len() >= 4, "{tables:?}");
    for point in points {
        assert_eq!(point["positions_equal"], true, "{point}");
        assert_eq!(point["longest_ns"].as_array().unwrap().len(), 2, "{point}");
        if point["theory_is_exact"] == true && point["subject"] != "node" {
            let ended = &point["measured_growth"]["ended"];
            assert_eq!(&point["theory_ended"], ended, "{point}");
        }
    }
    for table in tables {
        let of_table = |subject: &str| {
            let is_it =
                |point: &&serde_json::Value| point["table"] == table && point["subject"] == subject;
            points.iter().filter(is_it).count()
        };
        assert_eq!(
            (of_table("integers"), of_table("strings"), of_table("node")),
            (3, 3, 1),
            "{table}"
        );
    }
    assert!(out.join("measured/index.html").exists());
}

#[test]
fn measuring_changes_nothing_but_the_link_to_its_page() {
    let folder = folder_with_tiny_study();
    run(folder.path(), &["run", "tiny.toml", "-o", "plain"], 0);
    run(
        folder.path(),
        &["run", "tiny.toml", "--measure=1", "-o", "measured"],
        0,
    );
    let files = |name: &str| {
        let mut files = contents(&folder.path().join(name));
        files.retain(|(path, _)| path != "index.html" && !path.starts_with("measured/"));
        files
    };
    assert_eq!(files("plain"), files("measured"));
    let page =
        |name: &str| std::fs::read_to_string(folder.path().join(name).join("index.html")).unwrap();
    assert!(!page("plain").contains("measured/index.html"));
    assert!(page("measured").contains("measured/index.html"));
}

#[test]
fn what_cannot_be_measured_is_refused_before_anything_runs() {
    let folder = folder_with_tiny_study();
    let settings = [
        "run",
        "tiny.toml",
        "--measure",
        "--set",
        "study.rehash.size_curve=[]",
        "--set",
        "store.redis.conf={ maxmemory = \"1gb\" }",
    ];
    let output = run(folder.path(), &settings, 2);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("KV6002"), "{stderr}");
    assert!(!folder.path().join("kvrig-out.partial").exists());
    run(folder.path(), &["run", "tiny.toml", "--measure=0"], 2);
}

#[test]
fn a_dry_run_says_what_measuring_would_take() {
    let folder = folder_with_tiny_study();
    let output = run(
        folder.path(),
        &["run", "tiny.toml", "--measure", "--dry-run"],
        0,
    );
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("4 predictions") && text.contains("3 rounds of measuring"),
        "{text}"
    );
}

#[test]
fn an_interrupted_measurement_leaves_no_folder() {
    let folder = folder_with_tiny_study();
    let path = folder.path();
    let child = kvrig(path, &["run", "tiny.toml", "--measure=100", "-o", "out"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.unwrap();
    let id = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    // Four points and four predictions are stored before measuring begins.
    let stored = || std::fs::read_dir(path.join("out.partial/points")).map_or(0, Iterator::count);
    while stored() < 8 && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(100));
    kill_process(id, Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("while measuring"), "{stderr}");
    assert!(!path.join("out").exists() && !path.join("out.partial/measured").exists());
}
