//! Ctrl-C in the middle of a run.
#![cfg(unix)]

use crate::{contents, folder_with_tiny_study, kvrig, run};
use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

/// Points enough, and each long enough, that the signal comes between the first and the last.
const SETTINGS: [&str; 4] = [
    "--set",
    "run.seeds=40",
    "--set",
    "study.rehash.lead_out=100ms",
];

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

/// Whether what is stored is used again shows in two ways: the second run says so, and the result
/// is that of a run that nobody interrupted.
#[test]
fn an_interrupted_run_leaves_no_folder_and_the_next_one_resumes() {
    let folder = folder_with_tiny_study();
    let path = folder.path();
    let into = |output| {
        [
            &["run", "tiny.toml", "--jobs", "1", "-o", output],
            &SETTINGS[..],
        ]
        .concat()
    };
    let arguments = into("out");
    let mut command = kvrig(path, &arguments);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let id = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    while files(&path.join("out.partial/points")) < 2 && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    kill_process(id, Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("kept in out.partial"), "{stderr}");
    assert!(output.stdout.is_empty());
    assert!(!path.join("out").exists());

    let resumed = run(path, &arguments, 0);
    let stderr = String::from_utf8(resumed.stderr).unwrap();
    assert!(stderr.contains("resuming rehash"), "{stderr}");
    assert!(!path.join("out.partial").exists());

    let whole = run(path, &into("whole"), 0);
    assert!(whole.stderr.is_empty());
    assert_eq!(contents(&path.join("out")), contents(&path.join("whole")));
}
