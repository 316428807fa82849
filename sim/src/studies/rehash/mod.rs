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

use crate::run::{
    Experiment, Measurable, Objective, Outcome, Plan, Point, RunError, fingerprint,
    rows_over_seeds, verdicts,
};
use crate::study::{Files, Fleet, RehashKnobs, Study, Swing, TableName};
use inputs::{Inputs, Reader};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::quantity::Bytes;
use kvrig_base::random::Seed;
use kvrig_base::result::StudyResult;
use kvrig_base::row::Class;
use kvrig_base::time::Span;
use kvrig_tables::TableKind;
use kvrig_tables::probing::Probing;
use outcome::PointOutcome;
use std::collections::BTreeMap;
use summary::{Found, Subjects};

/// This study as `kvrig list` shows it.
pub const BUILT_IN: super::BuiltIn = super::BuiltIn {
    name: "rehash",
    question: "How long does growth stop the store, and who waits?",
    toml: include_str!("study.toml"),
};

/// The phases of a run, in order.
const PHASES: [&str; 3] = ["before", "during", "after"];

/// Memory of one entry of a node beside key and value: slots of the arena, the allocations' own
/// headers and the bucket, twice for the moment when both arrays exist. For estimates.
const ENTRY_OVERHEAD: u64 = 96;
/// Memory of one integer in a table: its slot in the arena. For estimates.
const CURVE_ENTRY: u64 = 16;
/// Memory of both arrays of a table while it grows, for each entry of the size that it grows from.
///
/// For estimates; it is Valkey's, the largest: buckets of 64 bytes, one for 8 entries of the size and
/// then two (`valkey:src/hashtable.c`), and 4 bytes for buckets that are chained. The process was seen
/// to take 44 bytes an entry in all at the end of the growth from 2^24.
const CURVE_ARRAYS: u64 = 28;
/// Memory of one place of a table that never grows, its hash beside it. For estimates.
const FIXED_PLACE: u64 = 24;
/// CPU time of one simulated request, and of one insert that fills a table. For estimates; the
/// benchmark `replay` measures them.
const REQUEST_CPU: Span = Span::from_nanos(700);
const INSERT_CPU: Span = Span::from_nanos(400);
/// CPU time of one look-up in a table that never grows. For estimates.
const LOOKUP_CPU: Span = Span::from_nanos(40);
/// Longest that growing is expected to take, for estimates: a step for each request moves one
/// bucket of those that are not empty, 63 % at load 1.
const STEPS_PER_BUCKET: (u64, u64) = (632, 1_000);

/// The study, ready to run.
struct Rehash {
    study: Study,
    cells: Vec<Inputs>,
    specs: Vec<Spec>,
    points: Vec<Point>,
}

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

/// Plans the study.
///
/// # Errors
/// What a cell names and cannot be read, or cannot be run.
pub fn plan(study: Study, files: &dyn Files) -> Result<Plan, Diagnostic> {
    let mut reader = Reader::new(&study, files);
    let cells = study
        .cells
        .iter()
        .map(|cell| reader.inputs(cell))
        .collect::<Result<Vec<_>, _>>()?;
    let memory_max = study.max_memory;
    let mut rehash = Rehash {
        study,
        cells,
        specs: Vec::new(),
        points: Vec::new(),
    };
    rehash.lay_out_points()?;
    Ok(Plan::new(Box::new(rehash), memory_max))
}

impl Rehash {
    fn lay_out_points(&mut self) -> Result<(), Diagnostic> {
        for cell in 0..self.cells.len() {
            let inputs = &self.cells[cell];
            if let Some(swing) = inputs.knobs.swing {
                if !inputs.is_recorded() {
                    self.lay_out_swing(cell, swing);
                }
                continue;
            }
            if let Some(fleet) = inputs.knobs.fleet {
                if !inputs.is_recorded() {
                    self.lay_out_fleet(cell, fleet);
                }
                continue;
            }
            for table in tables(&inputs.knobs) {
                if table == TableKind::Memcached16 && is_for_redis_alone(inputs) {
                    continue;
                }
                for &size in &inputs.knobs.doublings {
                    for replication in 0..self.study.seeds {
                        let spec = Spec::Node {
                            cell,
                            table,
                            size,
                            replication,
                        };
                        self.points
                            .push(self.node_point(inputs, table, size, replication));
                        self.specs.push(spec);
                    }
                }
            }
        }
        // The curve knows no load, so that it is the same for every cell.
        let first = self.cells.first().ok_or_else(|| {
            Diagnostic::new(diagnostic::MISSING_KEY, "the study has no cell to run")
        })?;
        let sizes = first.knobs.size_curve.clone();
        if !sizes.is_empty() {
            for table in tables(&first.knobs) {
                self.points
                    .push(curve_point(first, table, &sizes, self.study.seed));
                self.specs.push(Spec::Curve {
                    cell: 0,
                    table,
                    sizes: sizes.clone(),
                });
            }
        }
        let places = first.knobs.fixed_places.clone();
        places
            .into_iter()
            .for_each(|places| self.lay_out_fixed(places));
        Ok(())
    }

    /// Tables that never grow, the same for every cell.
    fn lay_out_fixed(&mut self, places: u64) {
        let seed = self.study.seed;
        let lookups = fixed::lookups_estimated(places);
        let point = |name: &str| Point {
            label: format!("{} places, {name}", power_of_two(places)),
            identity: format!("fixed {places} {name}\nseed {seed}"),
            events: lookups,
            memory: Bytes(FIXED_PLACE * places),
            cpu: LOOKUP_CPU * lookups,
        };
        for kind in Probing::ALL {
            self.points.push(point(kind.name()));
            self.specs.push(Spec::Probing { kind, places });
        }
        for hash in fixed::Flooded::ALL {
            self.points.push(point(&format!("keys chosen, {hash:?}")));
            self.specs.push(Spec::Flood { hash, places });
        }
    }

    fn lay_out_swing(&mut self, cell: usize, swing: Swing) {
        let inputs = &self.cells[cell];
        // Memcached's table never shrinks, and its node runs through one growth.
        for table in tables(&inputs.knobs).filter(|&table| table != TableKind::Memcached16) {
            for replication in 0..self.study.seeds {
                self.points
                    .push(self.swing_point(inputs, table, swing, replication));
                self.specs.push(Spec::Swing {
                    cell,
                    table,
                    swing,
                    replication,
                });
            }
        }
    }

    fn lay_out_fleet(&mut self, cell: usize, fleet: Fleet) {
        let inputs = &self.cells[cell];
        for table in tables(&inputs.knobs).filter(|&table| table != TableKind::Memcached16) {
            for &size in &inputs.knobs.doublings {
                for replication in 0..self.study.seeds {
                    self.points
                        .push(self.fleet_point(inputs, fleet, table, size, replication));
                    self.specs.push(Spec::Fleet {
                        cell,
                        fleet,
                        table,
                        size,
                        replication,
                    });
                }
            }
        }
    }

    fn fleet_point(
        &self,
        inputs: &Inputs,
        fleet: Fleet,
        table: TableKind,
        size: u64,
        seed: u32,
    ) -> Point {
        let node = self.node_point(inputs, table, size, seed);
        let (nodes, parts) = (u64::from(fleet.nodes), u64::from(fleet.parts));
        let filled = growth::entries_at_growth(table, size) * nodes;
        let steps = nodes * size * STEPS_PER_BUCKET.0 / STEPS_PER_BUCKET.1;
        let leads = inputs.knobs.lead_in + inputs.knobs.lead_out;
        let requests = inputs.requests_within(leads) * parts + steps;
        Point {
            label: format!("{} of {nodes} nodes", node.label),
            identity: self.identity("fleet", inputs, table, &size.to_string(), seed),
            events: requests,
            memory: Bytes(node.memory.0 * nodes),
            cpu: REQUEST_CPU * requests + INSERT_CPU * filled,
        }
    }

    fn swing_point(&self, inputs: &Inputs, table: TableKind, swing: Swing, seed: u32) -> Point {
        let requests = inputs.requests_within(swing.period);
        Point {
            label: format!(
                "{} seed {}",
                cell_label(&inputs.cell.variant, &swing_cell(inputs, table)),
                seed + 1
            ),
            identity: self.identity("swing", inputs, table, &format!("{swing:?}"), seed),
            events: requests,
            memory: Bytes((inputs.entry_bytes().0 + ENTRY_OVERHEAD) * swing.high * 5 / 4),
            cpu: REQUEST_CPU * requests + INSERT_CPU * swing.high,
        }
    }

    /// Everything that the outcome of a point with a node depends on.
    fn identity(
        &self,
        kind: &str,
        inputs: &Inputs,
        table: TableKind,
        size: &str,
        replication: u32,
    ) -> String {
        format!(
            "{kind} {table} {size} replication {replication}\nseed {}\nprofile {}\n{:?}\nfiles {:?}",
            self.study.seed,
            inputs.profile.digest(),
            inputs.cell,
            inputs.files,
        )
    }

    fn node_point(&self, inputs: &Inputs, table: TableKind, size: u64, seed: u32) -> Point {
        let entries = growth::entries_at_growth(table, size);
        let filled = entries.saturating_sub(inputs.inserts_within(inputs.knobs.lead_in));
        let steps = size * STEPS_PER_BUCKET.0 / STEPS_PER_BUCKET.1;
        let requests = inputs.requests_within(inputs.knobs.lead_in + inputs.knobs.lead_out) + steps;
        let bytes = (inputs.entry_bytes().0 + ENTRY_OVERHEAD) * entries * 5 / 4;
        Point {
            label: format!(
                "{} seed {}",
                cell_label(&inputs.cell.variant, &node_cell(inputs, table, size)),
                seed + 1
            ),
            identity: self.identity("node", inputs, table, &size.to_string(), seed),
            events: requests,
            memory: Bytes(bytes),
            cpu: REQUEST_CPU * requests + INSERT_CPU * filled,
        }
    }
}

fn curve_point(inputs: &Inputs, table: TableKind, sizes: &[u64], seed: u64) -> Point {
    let largest = sizes.iter().copied().max().unwrap_or(0);
    let law = growth::law(table, largest);
    let inserts = law.ended.unwrap_or(largest * 2);
    Point {
        label: format!("{table} alone, up to {}", power_of_two(largest)),
        identity: format!(
            "curve {table} {sizes:?}\nseed {seed}\n{}",
            inputs.profile.digest()
        ),
        events: inserts,
        memory: Bytes(CURVE_ENTRY * inserts + CURVE_ARRAYS * largest),
        cpu: INSERT_CPU * inserts,
    }
}

impl Experiment for Rehash {
    fn points(&self) -> &[Point] {
        &self.points
    }

    fn run_point(&self, index: usize, cancelled: &dyn Fn() -> bool) -> Result<Outcome, RunError> {
        let root = Seed(self.study.seed);
        let (outcome, events) = match &self.specs[index] {
            Spec::Node {
                cell,
                table,
                size,
                replication,
            } => {
                let inputs = &self.cells[*cell];
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
                let inputs = &self.cells[*cell];
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
                let inputs = &self.cells[*cell];
                let mut labels = node_cell(inputs, *table, *size);
                labels.insert("nodes".into(), fleet.nodes.to_string());
                let seed = root.replication(*replication);
                let (outcome, events) =
                    fleet::run(inputs, fleet, *table, *size, labels, seed, cancelled)?;
                (PointOutcome::Fleet(outcome), events)
            }
            Spec::Curve { cell, table, sizes } => {
                let profile = &self.cells[*cell].profile;
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
        };
        let data = serde_json::to_value(outcome).map_err(std::io::Error::other)?;
        Ok(Outcome { events, data })
    }

    fn measurable(&self) -> Option<&dyn Measurable> {
        let side: &dyn Measurable = self;
        self.grows_on_a_real_clock().then_some(side)
    }

    fn reduce(&self, outcomes: &[Outcome]) -> Result<StudyResult, RunError> {
        let mut found = Found::default();
        for (outcome, point) in outcomes.iter().zip(&self.points) {
            let outcome: PointOutcome =
                serde_json::from_value(outcome.data.clone()).map_err(std::io::Error::other)?;
            found.add(outcome, &point.label);
        }
        self.result(found)
    }
}

impl Rehash {
    /// What the rows are about.
    fn subjects(&self) -> Subjects {
        let knobs = &self.cells[0].knobs;
        let swinging = self.cells.iter().filter(|cell| cell.knobs.swing.is_some());
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
    /// What the study leaves out of what was asked for, in sentences.
    fn left_out(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        sentences.extend(not_run_by_memcached(&self.cells));
        let draws_keys = |knobs: &RehashKnobs| knobs.swing.is_some() || knobs.fleet.is_some();
        let is_left_out = |inputs: &&Inputs| draws_keys(&inputs.knobs) && inputs.is_recorded();
        for inputs in self.cells.iter().filter(is_left_out) {
            sentences.push(format!(
                "The variant \"{}\" is left out: the keys of a trace have a course of their own.",
                inputs.cell.variant
            ));
        }
        sentences
    }
    fn result(&self, mut found: Found) -> Result<StudyResult, RunError> {
        let study = &self.study;
        let windows = std::mem::take(&mut found.windows);
        let samples = found.samples();
        let mut rows = rows_over_seeds("rehash", &samples);
        // What theory says is no outcome of the simulation.
        let of_theory = rows.iter_mut().filter(|row| row.name.starts_with("law_"));
        of_theory.for_each(|row| row.class = Class::Cited);
        // Settings may leave nothing that a threshold of the built-in study speaks of; one that
        // somebody wrote must judge something.
        let (judged, idle): (Vec<Objective>, Vec<Objective>) = study
            .objectives
            .iter()
            .cloned()
            .partition(|objective| !study.is_built_in || objective.applies_to_any(&rows));
        let verdicts = verdicts(&judged, &rows).map_err(|objective| {
            Diagnostic::new(
                diagnostic::CONTRADICTION,
                format!(
                    "the threshold on `{}` in line {} applies to no row of this run",
                    objective.metric, objective.line
                ),
            )
            .help("correct its `where`, or leave it out")
        })?;
        let limit = study
            .objectives
            .iter()
            .find(|objective| objective.metric.starts_with("response_"))
            .map(|objective| objective.limit);
        let drawn = charts::draw(&found, limit);
        let subjects = self.subjects();
        let mut warnings = found.warnings();
        warnings.extend(study.warnings.iter().map(ToString::to_string));
        warnings.extend(self.left_out());
        warnings.extend(idle.iter().map(|objective| {
            format!(
                "The built-in threshold on `{}` is left out: it speaks of nothing that was run.",
                objective.metric
            )
        }));
        warnings.sort();
        warnings.dedup();
        let profile = &self.cells[0].profile;
        let findings = findings::findings(&rows, &subjects, &warnings);
        let mut result = StudyResult {
            study: "rehash".into(),
            title: study.title.clone(),
            question: BUILT_IN.question.into(),
            quick: study.quick,
            seed: study.seed,
            seeds: study.seeds,
            profile: profile.reference(),
            verdicts,
            findings,
            table: summary::table(&rows, &subjects),
            series: drawn.series,
            charts: drawn.charts,
            histograms: drawn.histograms,
            model_card: card::model_card(
                &subjects.tables,
                !subjects.places.is_empty(),
                &profile.name,
                &warnings,
            ),
            counters: found.counters(),
            fingerprint: fingerprint(&rows, windows),
            sections: Vec::new(),
            document: study.document.clone(),
            rows,
        };
        measured::add_to_book(&mut result, &found.curves);
        Ok(result)
    }
}

/// Tables to compare, each once, in the order of asking.
fn tables(knobs: &RehashKnobs) -> impl Iterator<Item = TableKind> {
    let mut kinds: Vec<TableKind> = Vec::new();
    for name in &knobs.tables {
        let asked = TableKind::ALL
            .iter()
            .copied()
            .filter(|kind| *name == TableName::All || kind.name() == name.name());
        for kind in asked {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
    }
    kinds.into_iter()
}

fn swing_cell(inputs: &Inputs, table: TableKind) -> BTreeMap<String, String> {
    let mut cell = inputs.cell.axes.clone();
    cell.insert("table".into(), table.name().into());
    cell
}

/// Whether a cell asks for what only Redis can do: Memcached saves no snapshots and never shrinks its
/// table, and its memory limit is not part of this version.
fn is_for_redis_alone(inputs: &Inputs) -> bool {
    inputs.knobs.swing.is_some()
        || inputs.knobs.fleet.is_some()
        || !inputs.cell.events.is_empty()
        || inputs.limit_at_doubling
        || inputs.config.maxmemory > 0
}

/// The cells that Memcached was asked to run and has no means for.
fn not_run_by_memcached(cells: &[Inputs]) -> Option<String> {
    let names: Vec<&str> = cells
        .iter()
        .filter(|inputs| tables(&inputs.knobs).any(|kind| kind == TableKind::Memcached16))
        .filter(|inputs| is_for_redis_alone(inputs))
        .map(|inputs| match inputs.cell.variant.as_str() {
            "" => "the sweep",
            variant => variant,
        })
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "Snapshots, memory limits, shrinking tables and fleets are Redis's: memcached-1.6 does not run {}.",
            names.join(", ")
        )
    })
}

fn node_cell(inputs: &Inputs, table: TableKind, size: u64) -> BTreeMap<String, String> {
    let mut cell = inputs.cell.axes.clone();
    cell.insert("table".into(), table.name().into());
    cell.insert("doubling".into(), power_of_two(size));
    cell
}

/// `variant · axis=value axis=value`.
fn cell_label(variant: &str, cell: &BTreeMap<String, String>) -> String {
    let axes: Vec<String> = cell
        .iter()
        .map(|(axis, value)| format!("{axis}={value}"))
        .collect();
    match variant {
        "" => axes.join(" "),
        variant => format!("{variant} · {}", axes.join(" ")),
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
