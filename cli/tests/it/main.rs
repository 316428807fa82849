//! The program from outside: what it prints, how it ends, what it leaves.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[cfg(target_os = "linux")]
mod calibrate;
mod claims;
mod interrupt;
#[cfg(unix)]
mod measure;
mod results;
mod serve;
mod transcripts;
mod workloads;

use std::path::Path;
use std::process::{Command, Output};

/// A study that takes a fraction of a second.
const TINY: &str = r#"schema = 1
title = "A small table grows"

[study.rehash]
tables = ["at-once", "redis-7.0"]
doublings = ["2^10"]
lead_in = "20ms"
lead_out = "20ms"
size_curve = ["2^10", "2^11"]
fixed_places = []

[run]
seeds = 1

[quick]
run.seeds = 1
"#;

/// `kvrig` with these arguments, in `folder`.
fn kvrig(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("kvrig"));
    command
        .current_dir(folder)
        .args(arguments)
        .env_remove("CLICOLOR_FORCE");
    command
}

/// Its output; a failure names what it said.
fn run(folder: &Path, arguments: &[&str], exit: i32) -> Output {
    let output = kvrig(folder, arguments).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {stderr}");
    output
}

/// An empty folder with the small study in it.
fn folder_with_tiny_study() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tiny.toml"), TINY).unwrap();
    folder
}

/// Every file below `folder` with its content, `run-meta.json` aside: it tells of the machine.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().unwrap() != "run-meta.json" {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                all.push((name, std::fs::read(&path).unwrap()));
            }
        }
    }
    all.sort();
    all
}
