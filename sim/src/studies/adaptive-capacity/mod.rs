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

use crate::cost::Profile;
use crate::dynamo::{Checked, Host, Recorded};
use crate::run::{Point, RunError};
use crate::studies::question::{self, Planned, Question, Told};
use crate::studies::setup::Setup;
use crate::studies::traffic::{TrafficInputs, balance};
use crate::study::{AdaptiveCapacityKnobs, Cell, Dynamodb, StudyKind};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::quantity::Bytes;
use kvrig_base::result::StudyResult;
use kvrig_base::time::Span;
use load::Load;
use outcome::PointOutcome;
use std::collections::{BTreeMap, BTreeSet};

/// This study as `kvrig list` shows it.
pub(super) const BUILT_IN: super::BuiltIn = super::BuiltIn {
    name: "adaptive-capacity",
    question: "What do burst, adaptive capacity and splits save, and how soon?",
    toml: include_str!("study.toml"),
    plan: question::plan::<AdaptiveCapacity>,
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
    profile: Profile,
}

/// What a point runs.
#[derive(Clone, Copy, Debug)]
struct Spec {
    cell: usize,
    replication: u32,
    load: Load,
}

/// The study.
struct AdaptiveCapacity;

impl Question for AdaptiveCapacity {
    const BUILT_IN: super::BuiltIn = BUILT_IN;
    const TO_LOWER: &'static str = "lower workload.keys";
    type Inputs = Inputs;
    type Spec = Spec;
    type Found = PointOutcome;

    fn read(cell: &Cell, setup: &mut Setup<'_>) -> Result<Inputs, Diagnostic> {
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
        Ok(Inputs {
            profile: setup.machine(&cell.host)?,
            traffic: TrafficInputs::read(cell, table, setup)?,
            cell: cell.clone(),
            knobs: knobs.clone(),
            table: *table,
            duration,
        })
    }

    fn profile(inputs: &Inputs) -> &Profile {
        &inputs.profile
    }

    fn specs(planned: &Planned<Self>) -> Result<Vec<Spec>, Diagnostic> {
        let mut specs = Vec::new();
        for (cell, inputs) in planned.cells.iter().enumerate() {
            for load in load::all(&inputs.knobs, inputs.duration) {
                // Where nothing is drawn all seeds would be alike.
                let seeds = if load.is_drawn() {
                    planned.study.seeds
                } else {
                    1
                };
                specs.extend((0..seeds).map(|replication| Spec {
                    cell,
                    replication,
                    load,
                }));
            }
        }
        Ok(specs)
    }

    fn point(planned: &Planned<Self>, spec: &Spec) -> Point {
        let inputs = &planned.cells[spec.cell];
        let requests = spec.load.requests(&inputs.knobs, inputs.traffic.rate());
        let seconds = spec.load.duration(&inputs.knobs).as_picos() / 1_000_000_000_000;
        let axes = spec.load.axes().into_iter();
        let parts = axes.map(|(axis, value)| format!("{axis}={value}"));
        Point {
            label: question::label(&inputs.cell, parts, spec.replication),
            identity: planned.identity(format!("{:?}", spec.load), spec.cell, spec.replication),
            events: requests,
            memory: Bytes(KEY_BYTES * inputs.traffic.keys() + seconds * 256),
            cpu: REQUEST_CPU * requests,
        }
    }

    fn shared_memory(planned: &Planned<Self>) -> Bytes {
        let cells = planned.cells.iter();
        let cells = cells.map(|cell| (&cell.traffic, cell.duration));
        TrafficInputs::shared_memory(cells, planned.study.seeds)
    }

    fn run(
        planned: &Planned<Self>,
        spec: &Spec,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<(PointOutcome, u64), RunError> {
        let inputs = &planned.cells[spec.cell];
        let seed = planned.seed(spec.replication);
        let mut recorded = match spec.load {
            Load::Workload { .. } => {
                let traffic = inputs.traffic.traffic(seed)?;
                let scene = spec.load.scene(&inputs.knobs, &inputs.table);
                let none = BTreeSet::new();
                let places = traffic.places(scene.table.partitions);
                let host = Host::new(scene, places, None, &none, seed)?;
                host.run(&mut traffic.requests(), cancelled)?
            }
            load => load.run(&inputs.knobs, &inputs.table, seed, cancelled)?,
        };
        recorded.cells = Vec::new();
        let attempts = recorded.books.attempts;
        let outcome = PointOutcome {
            variant: inputs.cell.variant.clone(),
            axes: inputs.cell.axes.clone(),
            load: spec.load.axes(),
            replication: spec.replication,
            recorded: Box::new(recorded),
        };
        Ok((outcome, attempts))
    }

    fn answer(planned: &Planned<Self>, found: Vec<PointOutcome>) -> Result<StudyResult, RunError> {
        let judged = planned.judge(&outcome::samples(&found))?;
        let (rows, warnings) = (&judged.rows, &judged.left_out);
        let attempts = found.iter().map(|point| point.recorded.books.attempts);
        let checked = found.iter().map(|point| point.recorded.checked());
        let checked = checked.fold(Checked::default(), Checked::plus);
        let mut findings = findings::findings(rows, &planned.cells[0].knobs, warnings);
        findings.push(balance(rows, "attempts_throttled_count", &checked));
        let told = Told {
            findings,
            table: summary::table(rows),
            drawn: charts::draw(&found, rows),
            model_card: card::model_card(warnings),
            counters: BTreeMap::from([("attempts".to_owned(), attempts.sum())]),
            windows: Vec::new(),
        };
        Ok(planned.result(judged, told))
    }
}

/// When the first attempt was throttled, if any was.
fn first_throttled(recorded: &Recorded) -> Option<Span> {
    recorded.first_throttled_ns.map(Span::from_nanos)
}
