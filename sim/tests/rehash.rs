//! The study `rehash`, run small: what it must show at any size.

use kvrig_base::diagnostic::Diagnostic;
use kvrig_base::result::StudyResult;
use kvrig_base::row::Row;
use kvrig_sim::run::{self, Observer, Points};
use kvrig_sim::studies;
use kvrig_sim::study::{self, Files, Flags, Layers, Source};

/// A study of doublings small enough for a test, on one table after the other.
const SMALL: &[&str] = &[
    "study.rehash.doublings=['2^12']",
    "study.rehash.size_curve=['2^10','2^12','2^14']",
    "study.rehash.lead_in='200ms'",
    "study.rehash.lead_out='100ms'",
    "run.seeds=2",
];

struct NoFiles;
impl Files for NoFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, Diagnostic> {
        panic!("nothing names a file, but {path} was asked for")
    }
}
struct Quiet;
impl Observer for Quiet {
    fn point_finished(&self, _: usize, _: usize, _: u64) {}
    fn cancelled(&self) -> bool {
        false
    }
}
impl Points for Quiet {
    fn load(&self, _: &str) -> Option<Vec<u8>> {
        None
    }
    fn save(&self, _: &str, _: &[u8]) -> std::io::Result<()> {
        Ok(())
    }
}

fn run_small(more: &[&str], jobs: usize) -> StudyResult {
    let sets: Vec<String> = SMALL
        .iter()
        .chain(more)
        .map(|set| (*set).to_owned())
        .collect();
    let file = Source {
        name: "small.toml".into(),
        text: "schema = 1\ntitle = \"Small\"\n[study.rehash]\n".into(),
    };
    let layers = Layers {
        file,
        builtin: |name| studies::find(name).map(|study| study.toml),
        sets: &sets,
        flags: Flags::default(),
    };
    let study = study::load(&layers).unwrap_or_else(|errors| panic!("{errors:?}"));
    let plan = studies::plan(study, &NoFiles).expect("the study can be planned");
    run::run(&plan, jobs, &Quiet, &Quiet).expect("the study runs")
}

fn value(result: &StudyResult, variant: &str, table: &str, phase: Option<&str>, name: &str) -> i64 {
    let matches = |row: &&Row| {
        let axis = |axis: &str| row.cell.get(axis).map(String::as_str);
        row.variant == variant
            && row.name == name
            && axis("table") == Some(table)
            && axis("phase") == phase
            && axis("doubling") == Some("2^12")
    };
    result
        .rows
        .iter()
        .find(matches)
        .unwrap_or_else(|| panic!("no {name} of {table}"))
        .value
}

#[test]
fn doubling_at_once_stops_longer_than_rehashing_in_steps() {
    let result = run_small(&[], 2);
    let at_once = value(&result, "", "at-once", None, "pause_rehash_max");
    let step = value(&result, "", "redis-7.0", None, "pause_step_max");
    assert!(at_once > 100 * step, "{:#?}", result.table);
    assert_eq!(value(&result, "", "at-once", None, "pause_step_max"), 0);
    assert!(value(&result, "", "redis-7.0", None, "pause_step_max") > 0);
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let (one, two) = (run_small(&[], 1), run_small(&[], 2));
    assert_eq!(one.fingerprint, two.fingerprint);
    assert_eq!(
        serde_json::to_string(&one).unwrap(),
        serde_json::to_string(&two).unwrap()
    );
}

#[test]
fn every_finding_rests_on_rows_or_warns() {
    let result = run_small(&[], 2);
    assert!(result.findings.len() >= 2);
    for finding in &result.findings {
        assert!(
            finding.warning || !finding.rows.is_empty(),
            "{}",
            finding.text
        );
        assert!(finding.rows.iter().all(|&row| row < result.rows.len()));
    }
}

#[test]
fn more_load_and_another_seed_give_other_events() {
    let first = run_small(&[], 2);
    let seeded = run_small(&["run.seed=2"], 2);
    assert_ne!(first.fingerprint.events, seeded.fingerprint.events);
}
