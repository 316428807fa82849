//! What all studies have in common: cells are read, points laid out and run, rows judged, a result
//! put together.
//!
//! A study is a [`Question`]: how it reads a cell, which points it has, what one of them runs, and
//! what their outcomes say. [`Planned`] makes an experiment of it.

use super::BuiltIn;
use super::drawing::Drawn;
use super::judging::judge;
use super::setup::Setup;
use crate::cost::Profile;
use crate::run::{
    Experiment, Measurable, Outcome, Plan, Point, RunError, Sample, fingerprint, rows_over_seeds,
};
use crate::study::{Cell, Files, Study};
use kvrig_base::diagnostic::Diagnostic;
use kvrig_base::digest::Digest;
use kvrig_base::quantity::Bytes;
use kvrig_base::random::Seed;
use kvrig_base::result::{Finding, ModelCard, PointWindows, StudyResult, Table, Verdict};
use kvrig_base::row::{Class, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fmt::Display;

/// A study: what it asks and how it answers.
pub(super) trait Question: Sized + 'static {
    /// What people are told of it.
    const BUILT_IN: BuiltIn;
    /// What to lower where memory does not suffice: `lower study.rehash.doublings`.
    const TO_LOWER: &'static str;
    /// A cell with everything read that it names.
    type Inputs: Send + Sync + 'static;
    /// What a point runs.
    type Spec: Send + Sync + 'static;
    /// What a point has found; stored between an interrupted run and the one that resumes it.
    type Found: Serialize + DeserializeOwned;

    /// Reads everything that a cell names.
    ///
    /// # Errors
    /// What cannot be read or run, with its place in the study file where it has one.
    fn read(cell: &Cell, setup: &mut Setup<'_>) -> Result<Self::Inputs, Diagnostic>;

    /// The prices of a cell's machine.
    fn profile(inputs: &Self::Inputs) -> &Profile;

    /// The points, in the order in which they are put together.
    ///
    /// # Errors
    /// If nothing can be run.
    fn specs(planned: &Planned<Self>) -> Result<Vec<Self::Spec>, Diagnostic>;

    /// The name of a point, and what it will take.
    fn point(planned: &Planned<Self>, spec: &Self::Spec) -> Point;

    /// Memory that points share and that none of them counts as its own.
    fn shared_memory(_: &Planned<Self>) -> Bytes {
        Bytes(0)
    }

    /// Runs a point: what it has found, and the number of events that this took.
    ///
    /// # Errors
    /// [`RunError::Cancelled`], or what is wrong with the input or the simulator.
    fn run(
        planned: &Planned<Self>,
        spec: &Self::Spec,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<(Self::Found, u64), RunError>;

    /// Puts together what all points have found, in their order; [`Planned::judge`] and
    /// [`Planned::result`] do what no study does in its own way.
    ///
    /// # Errors
    /// A threshold that somebody wrote and that applies to no row.
    fn answer(planned: &Planned<Self>, found: Vec<Self::Found>) -> Result<StudyResult, RunError>;

    /// Whether the value of a row is theory's or a publication's and no outcome of the simulation.
    fn is_cited(row: &Row) -> bool {
        row.name.starts_with("law_")
    }

    /// The side on the real clock, where the study has one.
    fn measurable(_: &Planned<Self>) -> Option<&dyn Measurable> {
        None
    }
}

/// A study, ready to run.
pub(super) struct Planned<Q: Question> {
    pub(super) study: Study,
    /// Cells as they were read, in the order of those of the study.
    pub(super) cells: Vec<Q::Inputs>,
    /// The points as people and the store of outcomes know them.
    pub(super) points: Vec<Point>,
    specs: Vec<Q::Spec>,
    /// The files that were read for each cell, with the digests of their content.
    files: Vec<Vec<(String, Digest)>>,
}

/// Rows with what the thresholds of the study say about them.
pub(super) struct Judged {
    pub(super) rows: Vec<Row>,
    verdicts: Vec<Verdict>,
    /// What the study leaves out of what its file asks for, in sentences.
    pub(super) left_out: Vec<String>,
}

/// What a study says in its own way.
#[derive(Default)]
pub(super) struct Told {
    pub(super) findings: Vec<Finding>,
    pub(super) table: Table,
    pub(super) drawn: Drawn,
    pub(super) model_card: ModelCard,
    pub(super) counters: BTreeMap<String, u64>,
    /// The events of points that record them.
    pub(super) windows: Vec<PointWindows>,
}

/// Plans a study.
///
/// # Errors
/// What a cell names and cannot be read, or cannot be run.
pub(super) fn plan<Q: Question>(study: Study, files: &dyn Files) -> Result<Plan, Diagnostic> {
    let mut planned = Planned::<Q> {
        cells: Vec::with_capacity(study.cells.len()),
        points: Vec::new(),
        specs: Vec::new(),
        files: Vec::with_capacity(study.cells.len()),
        study,
    };
    let mut setup = Setup::new(&planned.study, files);
    for cell in &planned.study.cells {
        planned.cells.push(Q::read(cell, &mut setup)?);
        planned.files.push(setup.files.digests());
    }
    planned.specs = Q::specs(&planned)?;
    let points = planned.specs.iter().map(|spec| Q::point(&planned, spec));
    planned.points = points.collect();
    let memory_max = planned.study.max_memory;
    Ok(Plan::new(Box::new(planned), memory_max, Q::TO_LOWER))
}

impl<Q: Question> Planned<Q> {
    /// The seed of a replication.
    pub(super) fn seed(&self, replication: u32) -> Seed {
        Seed(self.study.seed).replication(replication)
    }

    /// Everything that the outcome of a point depends on: `what` it runs, in which cell, and under
    /// which seed.
    pub(super) fn identity(&self, what: impl Display, cell: usize, replication: u32) -> String {
        format!(
            "{} {what} replication {replication}\nseed {}\nprofile {}\n{:?}\nfiles {:?}",
            Q::BUILT_IN.name,
            self.study.seed,
            Q::profile(&self.cells[cell]).digest(),
            self.study.cells[cell],
            self.files[cell],
        )
    }

    /// Rows over the seeds, judged by the thresholds of the study.
    ///
    /// # Errors
    /// A threshold that somebody wrote and that applies to no row.
    pub(super) fn judge(&self, samples: &[Sample]) -> Result<Judged, RunError> {
        let mut rows = rows_over_seeds(Q::BUILT_IN.name, samples);
        let cited = rows.iter_mut().filter(|row| Q::is_cited(row));
        cited.for_each(|row| row.class = Class::Cited);
        let (verdicts, mut left_out) = judge(&self.study, &rows)?;
        left_out.extend(self.study.warnings.iter().map(ToString::to_string));
        Ok(Judged {
            rows,
            verdicts,
            left_out,
        })
    }

    /// The result of a run.
    pub(super) fn result(&self, judged: Judged, told: Told) -> StudyResult {
        let study = &self.study;
        StudyResult {
            study: Q::BUILT_IN.name.into(),
            title: study.title.clone(),
            question: Q::BUILT_IN.question.into(),
            quick: study.quick,
            seed: study.seed,
            seeds: study.seeds,
            profile: Q::profile(&self.cells[0]).reference(),
            verdicts: judged.verdicts,
            findings: told.findings,
            table: told.table,
            series: told.drawn.series,
            charts: told.drawn.charts,
            histograms: told.drawn.histograms,
            model_card: told.model_card,
            counters: told.counters,
            fingerprint: fingerprint(&judged.rows, told.windows),
            sections: Vec::new(),
            document: study.document.clone(),
            rows: judged.rows,
        }
    }
}

impl<Q: Question> Experiment for Planned<Q> {
    fn points(&self) -> &[Point] {
        &self.points
    }

    fn shared_memory(&self) -> Bytes {
        Q::shared_memory(self)
    }

    fn run_point(&self, index: usize, cancelled: &dyn Fn() -> bool) -> Result<Outcome, RunError> {
        let (found, events) = Q::run(self, &self.specs[index], cancelled)?;
        let data = serde_json::to_value(found).map_err(std::io::Error::other)?;
        Ok(Outcome { events, data })
    }

    fn reduce(&self, outcomes: &[Outcome]) -> Result<StudyResult, RunError> {
        let found = outcomes
            .iter()
            .map(|outcome| serde_json::from_value(outcome.data.clone()))
            .collect::<Result<Vec<Q::Found>, _>>()
            .map_err(std::io::Error::other)?;
        Q::answer(self, found)
    }

    fn measurable(&self) -> Option<&dyn Measurable> {
        Q::measurable(self)
    }
}

/// The name of a point that is one cell under one seed: variant, axes, what else tells it from
/// others, seed.
pub(super) fn label(
    cell: &Cell,
    parts: impl IntoIterator<Item = String>,
    replication: u32,
) -> String {
    let axes = cell.axes.iter();
    let mut label = vec![cell.variant.clone()];
    label.extend(axes.map(|(axis, value)| format!("{axis}={value}")));
    label.extend(parts);
    label.push(format!("seed {}", replication + 1));
    label.retain(|part| !part.is_empty());
    label.join(" · ")
}
