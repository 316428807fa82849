//! `kvrig calibrate`: nothing here depends on how fast anything is.

use crate::{folder_with_tiny_study, run};
use std::path::Path;

/// The least that can be measured.
const TINY: [&str; 6] = ["calibrate", "--quick", "--runs", "1", "--keys", "1000"];

fn calibrate(folder: &Path, more: &[&str]) -> String {
    let output = run(folder, &[&TINY[..], more].concat(), 0);
    String::from_utf8(output.stdout).unwrap()
}

/// The number of a key of a profile.
fn number(profile: &toml::Table, section: &str, key: &str) -> i64 {
    profile[section][key].as_integer().unwrap()
}

#[test]
fn a_measured_profile_prices_a_study() {
    let folder = folder_with_tiny_study();
    let path = folder.path();
    let told = calibrate(path, &["-o", "mine.toml", "--dir", "."]);
    assert!(told.contains("wrote mine.toml"), "{told}");
    assert!(told.contains("host.wake_up_ps"), "{told}");

    let text = std::fs::read_to_string(path.join("mine.toml")).unwrap();
    let profile: toml::Table = text.parse().unwrap();
    assert_eq!(profile["name"].as_str(), Some("mine"));
    assert_eq!(profile["kind"].as_str(), Some("fitted"));
    for (section, key) in [
        ("host", "wake_up_ps"),
        ("host", "read_ps"),
        ("host", "write_ps"),
        ("host", "fork_mib_ps"),
        ("host", "page_copy_ps"),
        ("price_ps", "pages_faulted"),
        ("price_ps", "pages_released"),
        ("price_ps", "bytes_copied"),
    ] {
        let key_of_source = format!("{section}.{key}");
        let source = profile["source"][&key_of_source].as_str().unwrap();
        assert!(source.starts_with("measured"), "{key_of_source}: {source}");
        assert!(number(&profile, section, key) > 0, "{key_of_source}");
    }
    let caches = profile["cache"].as_array().unwrap();
    let hits: Vec<i64> = caches
        .iter()
        .map(|level| level["hit_ps"].as_integer().unwrap())
        .collect();
    assert!(hits.is_sorted() && hits[0] > 0, "{hits:?}");
    // Nobody's processor is named unless that is asked for.
    let machine = profile["machine"].as_str().unwrap();
    assert!(machine.contains("4 KiB pages"), "{machine}");
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap();
    let model = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name\t: "));
    assert!(
        !machine.contains(model.unwrap_or("no such name")),
        "{machine}"
    );

    run(
        path,
        &["run", "tiny.toml", "--profile", "mine.toml", "-o", "out"],
        0,
    );
    let summary = std::fs::read(path.join("out/summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_slice(&summary).unwrap();
    assert_eq!(summary["profile"]["name"], "mine");

    // What is there is not overwritten, and that is said before anything is measured.
    let again = run(path, &[&TINY[..], &["-o", "mine.toml"]].concat(), 2);
    let stderr = String::from_utf8(again.stderr).unwrap();
    assert!(stderr.contains("it is there already"), "{stderr}");
    assert_eq!(
        std::fs::read_to_string(path.join("mine.toml")).unwrap(),
        text
    );
}

#[test]
fn programs_get_every_point_and_what_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let arguments = ["--format", "json", "--dir", "/dev/shm", "--name-machine"];
    let told = calibrate(path, &arguments);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["runs"], 1);
    let points = told["points"].as_array().unwrap();
    let roles = |role: &str| points.iter().filter(|point| point["role"] == role).count();
    assert!(roles("fitted") > 10 && roles("chased") > 5 && roles("left out") == 3);
    for point in points {
        assert!(point["cpu_ns"]["median"].as_f64().unwrap() > 0.0, "{point}");
    }
    let left_out = told["left_out"].as_array().unwrap();
    let says = |what: &str| {
        let sentences = left_out.iter().filter_map(|sentence| sentence.as_str());
        sentences
            .into_iter()
            .any(|sentence| sentence.contains(what))
    };
    assert!(says(
        "fdatasync is not measured: /dev/shm lies in memory (tmpfs)"
    ));
    assert!(says("disk.sync_ps as in typical-2026"));
    assert!(path.join("kvrig-profile.toml").is_file());
}
