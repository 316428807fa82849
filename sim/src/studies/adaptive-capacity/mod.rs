//! The study `adaptive-capacity`: what do burst, adaptive capacity and splits save, and how soon?
//!
//! Six loads, each of which one mechanism answers (`load`): an uneven one and saved reads, which burst
//! carries for a while; one hot key, which splits help; a ramp on demand; a step under auto scaling;
//! and the study's own workload. Those that need nothing that only a later generation has are run
//! under each of the models.

mod card;
mod charts;
mod findings;
mod load;
mod outcome;
mod summary;
#[cfg(test)]
mod tests;

use crate::dynamo::{Checked, Host, Recorded};
use crate::run::{Experiment, Outcome, Plan, Point, RunError, fingerprint, rows_over_seeds};
use crate::studies::judging::judge;
use crate::studies::setup::Setup;
use crate::studies::traffic::{TrafficInputs, balance};
use crate::studies::workload::WorkloadReader;
use crate::study::{AdaptiveCapacityKnobs, Cell, Dynamodb, Files, Study, StudyKind};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::digest::Digest;
use kvrig_base::quantity::Bytes;
use kvrig_base::random::Seed;
use kvrig_base::result::{ProfileRef, StudyResult};
use kvrig_base::time::Span;
use load::Load;
use outcome::PointOutcome;
use std::collections::{BTreeMap, BTreeSet};

/// This study as `kvrig list` shows it.
pub(super) const BUILT_IN: super::BuiltIn = super::BuiltIn {
    name: "adaptive-capacity",
    question: "What do burst, adaptive capacity and splits save, and how soon?",
    toml: include_str!("study.toml"),
};

/// CPU time of one request. For estimates.
const REQUEST_CPU: Span = Span::from_nanos(140);
/// Memory of one key. For estimates.
const KEY_BYTES: u64 = 40;

/// A cell with everything read that it names.
#[derive(Debug)]
struct Inputs {
    cell: Cell,
    knobs: AdaptiveCapacityKnobs,
    table: Dynamodb,
    traffic: TrafficInputs,
    duration: Span,
    profile: ProfileRef,
    files: Vec<(String, Digest)>,
}

/// What a point runs.
#[derive(Clone, Copy, Debug)]
struct Spec {
    cell: usize,
    replication: u32,
    load: Load,
}

/// The study, ready to run.
struct AdaptiveCapacity {
    study: Study,
    cells: Vec<Inputs>,
    specs: Vec<Spec>,
    points: Vec<Point>,
}

/// Plans the study.
///
/// # Errors
/// What a cell names and cannot be read, or cannot be run.
pub(super) fn plan(study: Study, files: &dyn Files) -> Result<Plan, Diagnostic> {
    let cells = {
        let mut setup = Setup::new(&study, files);
        let mut workloads = WorkloadReader::default();
        let cells = study.cells.iter();
        let read = cells.map(|cell| Inputs::read(cell, &mut setup, &mut workloads));
        read.collect::<Result<Vec<_>, _>>()?
    };
    let memory_max = study.max_memory;
    let mut planned = AdaptiveCapacity {
        study,
        cells,
        specs: Vec::new(),
        points: Vec::new(),
    };
    planned.lay_out_points();
    Ok(Plan::new(
        Box::new(planned),
        memory_max,
        "lower workload.keys",
    ))
}

impl Inputs {
    fn read(
        cell: &Cell,
        setup: &mut Setup<'_>,
        workloads: &mut WorkloadReader,
    ) -> Result<Self, Diagnostic> {
        let (StudyKind::AdaptiveCapacity(knobs), Some(table)) = (&cell.kind, &cell.dynamodb) else {
            return Err(super::another_question(cell));
        };
        if !cell.events.is_empty() || table.index.is_some() {
            return Err(Diagnostic::new(
                diagnostic::CONTRADICTION,
                "the study `adaptive-capacity` has no events beside its requests and no index",
            )
            .help("leave `event` and `global_index` out"));
        }
        let Some(duration) = cell.duration else {
            return Err(
                Diagnostic::new(diagnostic::MISSING_KEY, "missing key `run.duration`")
                    .help("`run.duration` says how long the workload is run; `0s` leaves it out"),
            );
        };
        let profile = setup.machine(&cell.host)?.reference();
        let traffic = TrafficInputs::read(cell, table, &setup.files, workloads)?;
        Ok(Self {
            files: setup.files.digests(),
            cell: cell.clone(),
            knobs: knobs.clone(),
            table: *table,
            traffic,
            duration,
            profile,
        })
    }
}

impl AdaptiveCapacity {
    fn lay_out_points(&mut self) {
        for cell in 0..self.cells.len() {
            for load in load::all(&self.cells[cell].knobs, self.cells[cell].duration) {
                // Where nothing is drawn all seeds would be alike.
                let seeds = if load.is_drawn() { self.study.seeds } else { 1 };
                self.specs.extend((0..seeds).map(|replication| Spec {
                    cell,
                    replication,
                    load,
                }));
            }
        }
        let points = self.specs.iter().map(|&spec| self.point(spec));
        self.points = points.collect();
    }

    fn point(&self, spec: Spec) -> Point {
        let inputs = &self.cells[spec.cell];
        let requests = spec.load.requests(&inputs.knobs, inputs.traffic.rate());
        let seconds = spec.load.duration(&inputs.knobs).as_picos() / 1_000_000_000_000;
        let mut label = vec![inputs.cell.variant.clone()];
        let axes = inputs
            .cell
            .axes
            .iter()
            .map(|(axis, value)| (axis.clone(), value.clone()));
        let axes = axes.chain(spec.load.axes());
        label.extend(axes.map(|(axis, value)| format!("{axis}={value}")));
        label.push(format!("seed {}", spec.replication + 1));
        label.retain(|part| !part.is_empty());
        Point {
            label: label.join(" · "),
            identity: format!(
                "adaptive-capacity {:?} replication {}\nseed {}\n{:?}\nfiles {:?}",
                spec.load, spec.replication, self.study.seed, inputs.cell, inputs.files
            ),
            events: requests,
            memory: Bytes(KEY_BYTES * inputs.traffic.keys() + seconds * 256),
            cpu: REQUEST_CPU * requests,
        }
    }

    fn run(&self, spec: Spec, cancelled: &dyn Fn() -> bool) -> Result<PointOutcome, RunError> {
        let inputs = &self.cells[spec.cell];
        let seed = Seed(self.study.seed).replication(spec.replication);
        let mut recorded = match spec.load {
            Load::Workload { .. } => {
                let traffic = inputs.traffic.traffic(seed)?;
                let scene = spec.load.scene(&inputs.knobs, &inputs.table);
                let none = BTreeSet::new();
                let host = Host::new(scene, traffic.places(), None, &none, seed)?;
                host.run(traffic.requests().into_iter().flatten(), cancelled)?
            }
            load => load.run(&inputs.knobs, &inputs.table, seed, cancelled)?,
        };
        recorded.cells = Vec::new();
        Ok(PointOutcome {
            variant: inputs.cell.variant.clone(),
            axes: inputs.cell.axes.clone(),
            load: spec.load.axes(),
            replication: spec.replication,
            recorded: Box::new(recorded),
        })
    }
}

impl Experiment for AdaptiveCapacity {
    fn points(&self) -> &[Point] {
        &self.points
    }

    fn run_point(&self, index: usize, cancelled: &dyn Fn() -> bool) -> Result<Outcome, RunError> {
        let outcome = self.run(self.specs[index], cancelled)?;
        Ok(Outcome {
            events: outcome.recorded.books.attempts,
            data: serde_json::to_value(outcome).map_err(std::io::Error::other)?,
        })
    }

    fn reduce(&self, outcomes: &[Outcome]) -> Result<StudyResult, RunError> {
        let found = outcomes
            .iter()
            .map(|outcome| serde_json::from_value(outcome.data.clone()))
            .collect::<Result<Vec<PointOutcome>, _>>()
            .map_err(std::io::Error::other)?;
        let study = &self.study;
        let rows = rows_over_seeds("adaptive-capacity", &outcome::samples(&found));
        let judged = judge(study, &rows)?;
        let mut warnings = judged.left_out;
        warnings.extend(study.warnings.iter().map(ToString::to_string));
        let drawn = charts::draw(&found, &rows);
        let attempts = found.iter().map(|point| point.recorded.books.attempts);
        let checked = found.iter().map(|point| point.recorded.checked());
        let checked = checked.fold(Checked::default(), Checked::plus);
        let mut findings = findings::findings(&rows, &self.cells[0].knobs, &warnings);
        findings.push(balance(&rows, "attempts_throttled_count", &checked));
        Ok(StudyResult {
            study: "adaptive-capacity".into(),
            title: study.title.clone(),
            question: BUILT_IN.question.into(),
            quick: study.quick,
            seed: study.seed,
            seeds: study.seeds,
            profile: self.cells[0].profile.clone(),
            verdicts: judged.verdicts,
            findings,
            table: summary::table(&rows),
            series: drawn.series,
            charts: drawn.charts,
            histograms: Vec::new(),
            model_card: card::model_card(&warnings),
            counters: BTreeMap::from([("attempts".to_owned(), attempts.sum())]),
            fingerprint: fingerprint(&rows, Vec::new()),
            sections: Vec::new(),
            document: study.document.clone(),
            rows,
        })
    }
}

/// When the first attempt was throttled, if any was.
fn first_throttled(recorded: &Recorded) -> Option<Span> {
    recorded.first_throttled_ns.map(Span::from_nanos)
}
