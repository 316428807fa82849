//! The result folder: what lies in it, that it replaces only its own kind, and that it reads back.

use crate::common;
use kvrig_base::result::{RESULTS_VERSION, StudyResult};
use kvrig_reports::compare::Baseline;
use kvrig_reports::folder::{FolderError, Output, RunMeta, load, redraw};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn place(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("folder")
        .join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder.join("out")
}

fn meta() -> RunMeta {
    RunMeta {
        kvrig: "0.1.0".to_owned(),
        command: vec!["kvrig".to_owned(), "run".to_owned(), "rehash".to_owned()],
        started_unix_ms: 1,
        finished_unix_ms: 2,
        host: "box".to_owned(),
        jobs: 2,
    }
}

/// One chart is enough where the charts are not what is tested.
fn small() -> StudyResult {
    let mut result = common::sample();
    result.charts.drain(..2);
    result
}

fn write(target: &Path, results: &[StudyResult]) {
    Output::begin(target)
        .unwrap()
        .finish(results, &meta(), None)
        .unwrap();
}

/// Every file below a folder, by its path from there.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path
                    .strip_prefix(folder)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

#[test]
fn a_run_leaves_its_files_and_nothing_else() {
    let target = place("files");
    write(&target, &[common::sample()]);
    let names: Vec<String> = files(&target).into_keys().collect();
    insta::assert_debug_snapshot!(names);
    let siblings = fs::read_dir(target.parent().unwrap()).unwrap().count();
    assert_eq!(siblings, 1, "nothing is left beside the folder");
}

#[test]
fn the_same_result_gives_the_same_bytes() {
    let (first, second) = (place("same-1"), place("same-2"));
    write(&first, &[small()]);
    write(&second, &[small()]);
    assert!(files(&first) == files(&second));
}

#[test]
fn a_page_stays_below_one_megabyte() {
    let target = place("size");
    write(&target, &[common::sample()]);
    let page = fs::read(target.join("index.html")).unwrap();
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
}

#[test]
fn what_was_written_reads_back_and_redraws_the_same() {
    let target = place("redraw");
    write(&target, &[small()]);
    let before = files(&target);
    redraw(&target, None).unwrap();
    assert!(before == files(&target));
}

#[test]
fn a_band_reads_back_and_layers_without_an_upper_edge_say_nothing_of_it() {
    let target = place("band");
    let mut result = small();
    let (chart, series) = common::band();
    result.charts.push(chart.clone());
    result.series.push(series);
    write(&target, &[result]);
    let stored = fs::read_to_string(target.join("charts/charts.json")).unwrap();
    assert_eq!(stored.matches("\"upper\"").count(), 1, "{stored}");
    assert_eq!(load(&target).unwrap()[0].charts.last(), Some(&chart));
    let before = files(&target);
    redraw(&target, None).unwrap();
    assert!(before == files(&target));
}

#[test]
fn a_folder_of_another_version_keeps_its_stamps_when_it_is_drawn_again() {
    let target = place("stamps");
    write(&target, &[small()]);
    let path = target.join("summary.json");
    let summary = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        summary.replacen(
            &format!("\"results\": {RESULTS_VERSION},"),
            "\"results\": 7,",
            1,
        ),
    )
    .unwrap();
    redraw(&target, None).unwrap();
    assert!(
        fs::read_to_string(&path)
            .unwrap()
            .contains("\"results\": 7,")
    );
    assert!(
        fs::read_to_string(target.join("index.html"))
            .unwrap()
            .contains(", results 7")
    );
    assert_eq!(Baseline::read(&target).unwrap().results, 7);
}

#[test]
fn a_redrawn_page_shows_differences_to_a_baseline() {
    let target = place("baseline");
    write(&target, &[small()]);
    let mut old = small();
    for row in &mut old.rows {
        row.value = row.value * 4 / 5;
    }
    redraw(&target, Some(&[old])).unwrap();
    let page = fs::read_to_string(target.join("index.html")).unwrap();
    assert!(
        page.contains("+95.6 ms (+25 %)"),
        "the longest pause grew from 382.4 ms"
    );
}

#[test]
fn a_book_has_a_page_of_its_own_and_one_for_each_study() {
    let target = place("book");
    write(&target, &[small(), small()]);
    assert_eq!(load(&target).unwrap().len(), 2);
    let files = files(&target);
    for name in [
        "index.html",
        "summary.json",
        "rehash/index.html",
        "rehash-2/index.html",
    ] {
        assert!(files.contains_key(name), "{name}");
    }
    redraw(&target, None).unwrap();
}

#[test]
fn a_folder_of_another_is_never_touched() {
    let target = place("foreign");
    fs::create_dir(&target).unwrap();
    fs::write(target.join("thesis.txt"), "ten years of work").unwrap();
    let Err(FolderError::Refused(diagnostic)) = Output::begin(&target) else {
        panic!("it must be refused");
    };
    assert_eq!(diagnostic.code, "KV1013");
    assert_eq!(files(&target).len(), 1);

    let partial = target.with_extension("partial");
    fs::remove_dir_all(&target).unwrap();
    fs::create_dir(&partial).unwrap();
    fs::write(partial.join("thesis.txt"), "ten years of work").unwrap();
    assert!(matches!(
        Output::begin(&target),
        Err(FolderError::Refused(_))
    ));
    assert_eq!(files(&partial).len(), 1);
}

#[test]
fn an_older_result_is_replaced_whole() {
    let target = place("replace");
    write(&target, &[small(), small()]);
    write(&target, &[small()]);
    assert!(!target.join("rehash").exists(), "the book is gone");
    assert!(target.join("charts").exists());
}

#[test]
fn an_interrupted_run_finds_its_points_again_and_a_finished_one_removes_them() {
    let target = place("resume");
    let points = Output::begin(&target).unwrap().points("seed = 1");
    points.save("point 0", b"done").unwrap();
    assert!(!target.exists(), "no half-written result");

    let output = Output::begin(&target).unwrap();
    assert_eq!(
        output.points("seed = 1").load("point 0").as_deref(),
        Some(&b"done"[..])
    );
    output.finish(&[small()], &meta(), None).unwrap();
    assert!(!target.join("points").exists());
    assert!(!target.with_extension("partial").exists());
}

#[test]
fn names_cannot_lead_out_of_the_folder() {
    let target = place("names");
    let mut result = small();
    result.series[0].name = "../escaped".to_owned();
    let error = Output::begin(&target)
        .unwrap()
        .finish(&[result], &meta(), None)
        .unwrap_err();
    assert!(matches!(error, FolderError::Name(_)), "{error}");
}

#[test]
fn a_damaged_result_is_named() {
    let target = place("damaged");
    write(&target, &[small()]);
    fs::write(
        target.join("data/pauses.csv"),
        "table,cause,at (ns),length (ns)\na,b,c,d\n",
    )
    .unwrap();
    let diagnostic = load(&target).unwrap_err();
    assert_eq!(diagnostic.code, "KV5001");
    assert!(
        diagnostic.message.contains("pauses.csv: line 2"),
        "{}",
        diagnostic.message
    );
}
