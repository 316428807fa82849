//! The study on short loads.

use crate::run::{self, Observer, Points};
use crate::study::{self, Files, Flags, Layers, Source};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::result::StudyResult;

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, Diagnostic> {
        Err(Diagnostic::new(diagnostic::UNREADABLE, path))
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

const SHORT: &str = "schema = 1\n[study.adaptive-capacity]\nuneven_span = \"50min\"\n\
    one_key = \"2k/s\"\none_key_span = \"8min\"\nsplit_delays = [\"2min\"]\nramp_to = \"6k/s\"\n\
    ramps = [\"2min\", \"6min\"]\nramp_hold = \"1min\"\n[run]\nseeds = 2\nduration = \"30s\"\n\
    [workload]\nkeys = 1_000\narrivals.poisson.rate = \"4k/s\"\n";

fn run(jobs: usize) -> StudyResult {
    let file = Source {
        name: "my.toml".to_owned(),
        text: SHORT.to_owned(),
    };
    let layers = Layers {
        file,
        builtin: |name| (name == "adaptive-capacity").then_some(super::BUILT_IN.toml),
        sets: &[],
        flags: Flags::default(),
    };
    let study = study::load(&layers).unwrap_or_else(|errors| panic!("{errors:#?}"));
    let plan = super::plan(study, &NoFiles).unwrap();
    run::run(&plan, jobs, &Quiet, &Quiet).unwrap()
}

#[test]
fn rows_have_the_figures_that_aws_and_arithmetic_give() {
    let result = run(2);
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
    for finding in &result.findings {
        assert!(finding.rows.iter().all(|&row| row < result.rows.len()));
        assert!(finding.warning || !finding.rows.is_empty());
    }
    assert!(result.findings.len() >= 6, "{:#?}", result.findings);
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let (one, two) = (run(1), run(2));
    assert_eq!(one.fingerprint, two.fingerprint);
    assert_eq!(one.charts, two.charts);
    assert_eq!(one.findings, two.findings);
}
