//! What the tests of studies share: study files as text, no files beside them, nobody who watches.

use super::{find, plan};
use crate::run::{self, Observer, Points};
use crate::study::{self, Files, Flags, Layers, Source, Study};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::result::StudyResult;

/// A folder without files.
pub(super) struct NoFiles;

impl Files for NoFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, Diagnostic> {
        Err(Diagnostic::new(
            diagnostic::UNREADABLE,
            format!("no file {path}"),
        ))
    }
}

/// Nobody watches, and nothing is stored.
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

/// A study file without its first line, `schema = 1`.
pub(super) fn try_load(text: &str, flags: Flags) -> Result<Study, Vec<Diagnostic>> {
    study::load(&Layers {
        file: Source {
            name: "my.toml".to_owned(),
            text: format!("schema = 1\n{text}"),
        },
        builtin: |name| find(name).map(|study| study.toml),
        sets: &[],
        flags,
    })
}

/// The same of a text without errors.
pub(super) fn load(text: &str) -> Study {
    try_load(text, Flags::default()).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// The first error of a study file that cannot be planned.
pub(super) fn refusal(text: &str) -> Diagnostic {
    match try_load(text, Flags::default()) {
        Err(errors) => errors.into_iter().next().expect("an error has a reason"),
        Ok(study) => plan(study, &NoFiles).expect_err(text),
    }
}

/// The result of a study file, from as many points at once as there are `jobs`.
pub(super) fn run(text: &str, jobs: usize) -> StudyResult {
    run_study(load(text), jobs, &NoFiles)
}

/// The same of a study that was read, and of the files that it names.
pub(super) fn run_study(study: Study, jobs: usize, files: &dyn Files) -> StudyResult {
    let plan = plan(study, files).unwrap_or_else(|error| panic!("{error}"));
    run::run(&plan, jobs, &Quiet, &Quiet).unwrap_or_else(|error| panic!("{error}"))
}

/// Asserts that a study finds the same whether one or two of its points run at once: what it finds.
pub(super) fn assert_same_for_any_jobs(run: impl Fn(usize) -> StudyResult) -> StudyResult {
    let (one, two) = (run(1), run(2));
    assert_eq!(one.fingerprint, two.fingerprint);
    assert_eq!(one.series, two.series);
    assert_eq!(one.charts, two.charts);
    assert_eq!(one.findings, two.findings);
    one
}

/// Asserts that every sentence but a warning rests on rows that exist.
pub(super) fn assert_sentences_rest_on_rows(result: &StudyResult) {
    for finding in &result.findings {
        assert!(finding.rows.iter().all(|&row| row < result.rows.len()));
        assert!(finding.warning || !finding.rows.is_empty(), "{finding:?}");
    }
}
