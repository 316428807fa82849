//! The study `rehash`: how long does growth stop the store, and who waits?
//!
//! Its points are of three kinds. A **node** (`node`) serves clients while its table grows once,
//! from `lead_in` before to `lead_out` after: what clients see before, during and after. A **curve**
//! (`curve`) grows a table alone through many sizes: its longest pause against its size. A
//! **fixed** table (`fixed`) never grows: how many places a look-up meets in it.
//!
//! Pauses are not inferred from latencies: tables file the work of growth under its cause, and the
//! recorder (`phases`) reads it off each call's priced receipt.

mod card;
mod charts;
mod curve;
mod findings;
mod fixed;
mod fleet;
mod growth;
mod heat;
mod inputs;
mod layout;
mod measured;
mod memcached_node;
mod node;
mod outcome;
mod phases;
mod retries;
mod samples;
mod summary;
mod swing;
mod watch;

pub use charts::{MeasuredPause, add_measured_pauses};

use crate::cost::Profile;
use crate::run::{Measurable, Point, RunError};
use crate::studies::question::{self, Planned, Question, Told};
use crate::studies::setup::Setup;
use crate::study::{Cell, Fleet, Swing};
use inputs::Inputs;
use kvrig_base::diagnostic::Diagnostic;
use kvrig_base::random::Seed;
use kvrig_base::result::StudyResult;
use kvrig_tables::TableKind;
use kvrig_tables::probing::Probing;
use layout::{node_cell, swing_cell, tables};
use outcome::PointOutcome;
use std::collections::BTreeMap;
use summary::{Found, Subjects};

/// This study as `kvrig list` shows it.
pub(super) const BUILT_IN: super::BuiltIn = super::BuiltIn {
    name: "rehash",
    question: "How long does growth stop the store, and who waits?",
    toml: include_str!("study.toml"),
    plan: question::plan::<Rehash>,
};

/// The phases of a run, in order.
const PHASES: [&str; 3] = ["before", "during", "after"];

/// The study.
struct Rehash;

/// What a point runs.
#[derive(Clone, Debug)]
enum Spec {
    Node {
        cell: usize,
        table: TableKind,
        size: u64,
        replication: u32,
    },
    Curve {
        cell: usize,
        table: TableKind,
        sizes: Vec<u64>,
    },
    Swing {
        cell: usize,
        table: TableKind,
        swing: Swing,
        replication: u32,
    },
    Fleet {
        cell: usize,
        fleet: Fleet,
        table: TableKind,
        size: u64,
        replication: u32,
    },
    Probing {
        kind: Probing,
        places: u64,
    },
    Flood {
        hash: fixed::Flooded,
        places: u64,
    },
}

impl Question for Rehash {
    const BUILT_IN: super::BuiltIn = BUILT_IN;
    const TO_LOWER: &'static str = "lower study.rehash.doublings or study.rehash.size_curve";
    type Inputs = Inputs;
    type Spec = Spec;
    type Found = PointOutcome;

    fn read(cell: &Cell, setup: &mut Setup<'_>) -> Result<Inputs, Diagnostic> {
        Inputs::read(cell, setup)
    }

    fn profile(inputs: &Inputs) -> &Profile {
        &inputs.profile
    }

    fn specs(planned: &Planned<Self>) -> Result<Vec<Spec>, Diagnostic> {
        layout::specs(&planned.cells, planned.study.seeds)
    }

    fn point(planned: &Planned<Self>, spec: &Spec) -> Point {
        planned.point(spec)
    }

    fn run(
        planned: &Planned<Self>,
        spec: &Spec,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<(PointOutcome, u64), RunError> {
        let root = Seed(planned.study.seed);
        Ok(match spec {
            Spec::Node {
                cell,
                table,
                size,
                replication,
            } => {
                let inputs = &planned.cells[*cell];
                let labels = node_cell(inputs, *table, *size);
                let seed = root.replication(*replication);
                let keeps_heat = *replication == 0;
                let (outcome, events) = match table {
                    TableKind::Memcached16 => {
                        memcached_node::run(inputs, *size, labels, seed, keeps_heat, cancelled)?
                    }
                    table => node::run(inputs, *table, *size, labels, seed, keeps_heat, cancelled)?,
                };
                (PointOutcome::Node(Box::new(outcome)), events)
            }
            Spec::Swing {
                cell,
                table,
                swing,
                replication,
            } => {
                let inputs = &planned.cells[*cell];
                let labels = swing_cell(inputs, *table);
                let seed = root.replication(*replication);
                let (outcome, events) =
                    swing::run(inputs, *swing, *table, labels, seed, cancelled)?;
                (PointOutcome::Swing(outcome), events)
            }
            Spec::Fleet {
                cell,
                fleet,
                table,
                size,
                replication,
            } => {
                let inputs = &planned.cells[*cell];
                let mut labels = node_cell(inputs, *table, *size);
                labels.insert("nodes".into(), fleet.nodes.to_string());
                let seed = root.replication(*replication);
                let (outcome, events) =
                    fleet::run(inputs, fleet, *table, *size, labels, seed, cancelled)?;
                (PointOutcome::Fleet(outcome), events)
            }
            Spec::Curve { cell, table, sizes } => {
                let profile = &planned.cells[*cell].profile;
                let (outcome, events) = curve::run(*table, sizes, profile, root, cancelled)?;
                (PointOutcome::Curve(outcome), events)
            }
            Spec::Probing { kind, places } => {
                let outcome = fixed::probing(*kind, *places, root, cancelled)?;
                (
                    PointOutcome::Probing(outcome),
                    fixed::lookups_estimated(*places),
                )
            }
            Spec::Flood { hash, places } => {
                let outcome = fixed::flooding(*hash, *places, root);
                let keys = outcome.points.iter().map(|point| point.keys).sum();
                (PointOutcome::Flood(outcome), keys)
            }
        })
    }

    fn measurable(planned: &Planned<Self>) -> Option<&dyn Measurable> {
        let side: &dyn Measurable = planned;
        planned.grows_on_a_real_clock().then_some(side)
    }

    fn answer(
        planned: &Planned<Self>,
        outcomes: Vec<PointOutcome>,
    ) -> Result<StudyResult, RunError> {
        let mut found = Found::default();
        for (outcome, point) in outcomes.into_iter().zip(&planned.points) {
            found.add(outcome, &point.label);
        }
        let judged = planned.judge(&found.samples())?;
        let rows = &judged.rows;
        let limit = planned
            .study
            .objectives
            .iter()
            .find(|objective| objective.metric.starts_with("response_"))
            .map(|objective| objective.limit);
        let subjects = subjects(&planned.cells);
        let mut warnings = found.warnings();
        warnings.extend(layout::left_out(&planned.cells));
        warnings.extend(judged.left_out.iter().cloned());
        warnings.sort();
        warnings.dedup();
        let told = Told {
            findings: findings::findings(rows, &subjects, &warnings),
            table: summary::table(rows, &subjects),
            drawn: charts::draw(&found, limit),
            model_card: card::model_card(
                &subjects.tables,
                !subjects.places.is_empty(),
                &planned.cells[0].profile.name,
                &warnings,
            ),
            counters: found.counters(),
            windows: std::mem::take(&mut found.windows),
        };
        let mut result = planned.result(judged, told);
        measured::add_to_book(&mut result, &found.curves);
        Ok(result)
    }
}

/// What the rows are about.
fn subjects(cells: &[Inputs]) -> Subjects {
    let knobs = &cells[0].knobs;
    let swinging = cells.iter().filter(|cell| cell.knobs.swing.is_some());
    let mut swings: Vec<String> = swinging.map(|cell| cell.cell.variant.clone()).collect();
    swings.dedup();
    let names = |sizes: &[u64]| sizes.iter().map(|&size| power_of_two(size)).collect();
    Subjects {
        tables: tables(knobs).map(|table| table.name().to_owned()).collect(),
        doublings: names(&knobs.doublings),
        sizes: names(&knobs.size_curve),
        places: names(&knobs.fixed_places),
        swings,
    }
}

/// What tells a node from the others of the same doubling: `redis-7.0 · BGSAVE running`.
fn label(variant: &str, cell: &BTreeMap<String, String>) -> String {
    let mut parts = vec![cell["table"].clone()];
    if !variant.is_empty() {
        parts.push(variant.to_owned());
    }
    let known = ["table", "doubling"];
    for (axis, value) in cell
        .iter()
        .filter(|(axis, _)| !known.contains(&axis.as_str()))
    {
        parts.push(format!("{axis}={value}"));
    }
    parts.join(" · ")
}

/// `2^20` where the number is a power of two.
fn power_of_two(n: u64) -> String {
    match n.is_power_of_two() {
        true => format!("2^{}", n.trailing_zeros()),
        false => n.to_string(),
    }
}

/// A table's name in sentences.
fn display_name(table: &str) -> String {
    match table.split_once('-') {
        Some(("redis", version)) => format!("Redis {version}"),
        Some(("memcached", version)) => format!("Memcached {version}"),
        Some(("valkey", version)) => format!("Valkey {version}"),
        _ if table == "at-once" => "doubling at once".to_owned(),
        _ => table.to_owned(),
    }
}
