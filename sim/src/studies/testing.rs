//! What the tests of studies share: study files as text, no files beside them, nobody who watches.

use super::{find, plan};
use crate::run::{self, Observer, Points};
use crate::study::{self, Files, Flags, Layers, Source, Study};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::result::{Chart, StudyResult, Style, Values};

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

/// The chart called so.
pub(super) fn chart<'a>(result: &'a StudyResult, name: &str) -> &'a Chart {
    let chart = result.charts.iter().find(|chart| chart.name == name);
    chart.unwrap_or_else(|| panic!("no chart {name}"))
}

/// Lower edge, line, and upper edge at each place of the chart's band, with the names of its lines.
///
/// Asserts that the chart says what its band is, and that every line lies in its band.
pub(super) fn band(result: &StudyResult, name: &str) -> Vec<(String, [i64; 3])> {
    let chart = chart(result, name);
    assert!(
        chart
            .message
            .contains("from the lowest to the highest of 2 seeds"),
        "{}",
        chart.message
    );
    let layers = &chart.layers;
    let band = layers.iter().find(|layer| layer.style == Style::Band);
    let band = band.unwrap_or_else(|| panic!("no band in {name}"));
    let of_series = |layer: &&kvrig_base::result::Layer| {
        layer.style == Style::Line && layer.series == band.series
    };
    let line = layers.iter().find(of_series);
    let line = line.unwrap_or_else(|| panic!("no line in the band of {name}"));
    assert_eq!((&line.x, &line.group), (&band.x, &band.group));
    let series = result.series.iter().find(|one| one.name == band.series);
    let column = |name: &Option<String>| {
        let mut columns = series.iter().flat_map(|series| &series.columns);
        let column = columns.find(|column| Some(&column.name) == name.as_ref());
        &column
            .unwrap_or_else(|| panic!("no column {name:?}"))
            .values
    };
    let numbers = |name: Option<String>| match column(&name) {
        Values::Int(values) => values,
        Values::Text(_) => panic!("{name:?} holds text"),
    };
    let Values::Text(names) = column(&band.group) else {
        panic!("lines have no names");
    };
    let lower = numbers(Some(band.y.clone()));
    let (middle, upper) = (numbers(Some(line.y.clone())), numbers(band.upper.clone()));
    let edges = lower.iter().zip(middle).zip(upper);
    let edges = edges.map(|((&lower, &middle), &upper)| [lower, middle, upper]);
    let places: Vec<(String, [i64; 3])> = names.iter().cloned().zip(edges).collect();
    assert_eq!(places.len(), lower.len());
    let lies_within = |[lower, middle, upper]: [i64; 3]| lower <= middle && middle <= upper;
    assert!(
        places.iter().all(|(_, edges)| lies_within(*edges)),
        "{places:?}"
    );
    places
}
