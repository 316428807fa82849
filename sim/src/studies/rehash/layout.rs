//! Which points the study has, what each is expected to need, and what is left out of what was
//! asked for.

use super::inputs::Inputs;
use super::{Rehash, Spec, fixed, growth, power_of_two};
use crate::run::Point;
use crate::studies::question::Planned;
use crate::study::{Fleet, RehashKnobs, Swing, TableName};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::quantity::{Bytes, grouped};
use kvrig_base::time::Span;
use kvrig_tables::TableKind;
use kvrig_tables::probing::Probing;
use std::collections::BTreeMap;

/// Memory of one entry of a node beside key and value: slots of the arena, the allocations' own
/// headers and the bucket, twice for the moment when both arrays exist. For estimates.
const ENTRY_OVERHEAD: u64 = 96;
/// Memory of one integer in a table: its slot in the arena. For estimates.
pub(super) const CURVE_ENTRY: u64 = 16;
/// Memory of both arrays of a table while it grows, for each entry of the size that it grows from.
///
/// For estimates; it is Valkey's, the largest: buckets of 64 bytes, one for 8 entries of the size and
/// then two (`valkey:src/hashtable.c`), and 4 bytes for buckets that are chained. The process was seen
/// to take 44 bytes an entry in all at the end of the growth from 2^24.
pub(super) const CURVE_ARRAYS: u64 = 28;
/// Memory of one place of a table that never grows, its hash beside it. For estimates.
const FIXED_PLACE: u64 = 24;
/// CPU time of one simulated request, and of one insert that fills a table. For estimates; the
/// benchmark `replay` measures them.
const REQUEST_CPU: Span = Span::from_nanos(700);
pub(super) const INSERT_CPU: Span = Span::from_nanos(400);
/// CPU time of one look-up in a table that never grows. For estimates.
const LOOKUP_CPU: Span = Span::from_nanos(40);
/// Longest that growing is expected to take, for estimates: a step for each request moves one
/// bucket of those that are not empty, 63 % at load 1.
const STEPS_PER_BUCKET: (u64, u64) = (632, 1_000);

/// The points of every cell.
///
/// # Errors
/// If nothing can be run: the study has no cell, or its trace has too few keys for any table to grow.
pub(super) fn specs(cells: &[Inputs], seeds: u32) -> Result<Vec<Spec>, Diagnostic> {
    let mut specs = Vec::new();
    for (cell, inputs) in cells.iter().enumerate() {
        specs.extend(specs_of_cell(cell, inputs, seeds));
    }
    if specs.is_empty()
        && let Some(error) = cells.iter().find_map(never_grows)
    {
        return Err(error);
    }
    // What follows knows no load, so that it is the same for every cell.
    let first = cells
        .first()
        .ok_or_else(|| Diagnostic::new(diagnostic::MISSING_KEY, "the study has no cell to run"))?;
    let sizes = &first.knobs.size_curve;
    if !sizes.is_empty() {
        specs.extend(tables(&first.knobs).map(|table| Spec::Curve {
            cell: 0,
            table,
            sizes: sizes.clone(),
        }));
    }
    for &places in &first.knobs.fixed_places {
        specs.extend(Probing::ALL.map(|kind| Spec::Probing { kind, places }));
        specs.extend(fixed::Flooded::ALL.map(|hash| Spec::Flood { hash, places }));
    }
    Ok(specs)
}

/// The nodes of a cell: in a swing, in a fleet, or through one doubling each.
fn specs_of_cell(cell: usize, inputs: &Inputs, seeds: u32) -> Vec<Spec> {
    let mut specs = Vec::new();
    let knobs = &inputs.knobs;
    let draws_keys = knobs.swing.is_some() || knobs.fleet.is_some();
    if draws_keys && inputs.is_recorded() {
        return specs;
    }
    for table in tables(knobs) {
        if table == TableKind::Memcached16 && is_for_redis_alone(inputs) {
            continue;
        }
        if let Some(swing) = knobs.swing {
            specs.extend((0..seeds).map(|replication| Spec::Swing {
                cell,
                table,
                swing,
                replication,
            }));
            continue;
        }
        for size in doublings_reached(inputs, table) {
            specs.extend((0..seeds).map(|replication| match knobs.fleet {
                Some(fleet) => Spec::Fleet {
                    cell,
                    fleet,
                    table,
                    size,
                    replication,
                },
                None => Spec::Node {
                    cell,
                    table,
                    size,
                    replication,
                },
            }));
        }
    }
    specs
}

/// What the study leaves out of what was asked for, in sentences.
pub(super) fn left_out(cells: &[Inputs]) -> Vec<String> {
    let mut sentences = Vec::new();
    sentences.extend(not_run_by_memcached(cells));
    sentences.extend(cells.iter().filter_map(not_reached_by_the_trace));
    let draws_keys = |knobs: &RehashKnobs| knobs.swing.is_some() || knobs.fleet.is_some();
    let is_left_out = |inputs: &&Inputs| draws_keys(&inputs.knobs) && inputs.is_recorded();
    for inputs in cells.iter().filter(is_left_out) {
        sentences.push(format!(
            "The variant \"{}\" is left out: the keys of a trace have a course of their own.",
            inputs.cell.variant
        ));
    }
    sentences
}

/// A table that never grows, the same for every cell.
fn fixed_point(name: &str, places: u64, seed: u64) -> Point {
    let lookups = fixed::lookups_estimated(places);
    Point {
        label: format!("{} places, {name}", power_of_two(places)),
        identity: format!("fixed {places} {name}\nseed {seed}"),
        events: lookups,
        memory: Bytes(FIXED_PLACE * places),
        cpu: LOOKUP_CPU * lookups,
    }
}

impl Planned<Rehash> {
    /// What a point is called and what it will take.
    pub(super) fn point(&self, spec: &Spec) -> Point {
        let seed = self.study.seed;
        match *spec {
            Spec::Node {
                cell,
                table,
                size,
                replication,
            } => self.node_point(cell, table, size, replication),
            Spec::Swing {
                cell,
                table,
                swing,
                replication,
            } => self.swing_point(cell, table, swing, replication),
            Spec::Fleet {
                cell,
                fleet,
                table,
                size,
                replication,
            } => self.fleet_point(cell, fleet, table, size, replication),
            Spec::Curve {
                cell,
                table,
                ref sizes,
            } => curve_point(&self.cells[cell], table, sizes, seed),
            Spec::Probing { kind, places } => fixed_point(kind.name(), places, seed),
            Spec::Flood { hash, places } => {
                fixed_point(&format!("keys chosen, {hash:?}"), places, seed)
            }
        }
    }

    fn fleet_point(
        &self,
        cell: usize,
        fleet: Fleet,
        table: TableKind,
        size: u64,
        replication: u32,
    ) -> Point {
        let inputs = &self.cells[cell];
        let node = self.node_point(cell, table, size, replication);
        let (nodes, parts) = (u64::from(fleet.nodes), u64::from(fleet.parts));
        let filled = growth::entries_at_growth(table, size) * nodes;
        let steps = nodes * size * STEPS_PER_BUCKET.0 / STEPS_PER_BUCKET.1;
        let leads = inputs.knobs.lead_in + inputs.knobs.lead_out;
        let requests = inputs.requests_within(leads) * parts + steps;
        Point {
            label: format!("{} of {nodes} nodes", node.label),
            identity: self.identity(format!("fleet {table} {size}"), cell, replication),
            events: requests,
            memory: Bytes(node.memory.0 * nodes),
            cpu: REQUEST_CPU * requests + INSERT_CPU * filled,
        }
    }

    fn swing_point(&self, cell: usize, table: TableKind, swing: Swing, replication: u32) -> Point {
        let inputs = &self.cells[cell];
        let requests = inputs.requests_within(swing.period);
        Point {
            label: format!(
                "{} seed {}",
                cell_label(&inputs.cell.variant, &swing_cell(inputs, table)),
                replication + 1
            ),
            identity: self.identity(format!("swing {table} {swing:?}"), cell, replication),
            events: requests,
            memory: Bytes((inputs.entry_bytes().0 + ENTRY_OVERHEAD) * swing.high * 5 / 4),
            cpu: REQUEST_CPU * requests + INSERT_CPU * swing.high,
        }
    }

    fn node_point(&self, cell: usize, table: TableKind, size: u64, replication: u32) -> Point {
        let inputs = &self.cells[cell];
        let entries = growth::entries_at_growth(table, size);
        let filled = entries.saturating_sub(inputs.inserts_within(inputs.knobs.lead_in));
        let steps = size * STEPS_PER_BUCKET.0 / STEPS_PER_BUCKET.1;
        let requests = inputs.requests_within(inputs.knobs.lead_in + inputs.knobs.lead_out) + steps;
        let bytes = (inputs.entry_bytes().0 + ENTRY_OVERHEAD) * entries * 5 / 4;
        Point {
            label: format!(
                "{} seed {}",
                cell_label(&inputs.cell.variant, &node_cell(inputs, table, size)),
                replication + 1
            ),
            identity: self.identity(format!("node {table} {size}"), cell, replication),
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

/// Tables to compare, each once, in the order of asking.
pub(super) fn tables(knobs: &RehashKnobs) -> impl Iterator<Item = TableKind> {
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

/// The doublings of a table that the cell's workload can fill it for.
fn doublings_reached(inputs: &Inputs, table: TableKind) -> impl Iterator<Item = u64> + '_ {
    let sizes = inputs.knobs.doublings.iter().copied();
    sizes.filter(move |&size| is_reached(inputs, growth::entries_at_growth(table, size)))
}

/// Whether a trace, where one is replayed, has keys enough to fill a table with `entries`.
fn is_reached(inputs: &Inputs, entries: u64) -> bool {
    let replay = inputs.replay();
    replay.is_none_or(|replay| replay.keys() >= entries)
}

/// The doublings of a cell for which its trace has too few keys, in one sentence.
fn not_reached_by_the_trace(inputs: &Inputs) -> Option<String> {
    let replay = inputs.replay()?;
    let out_of_reach: Vec<String> = tables(&inputs.knobs)
        .flat_map(|table| {
            let sizes = inputs.knobs.doublings.iter().copied();
            sizes.map(move |size| (table, size, growth::entries_at_growth(table, size)))
        })
        .filter(|&(.., entries)| !is_reached(inputs, entries))
        .map(|(table, size, entries)| {
            let size = power_of_two(size);
            format!("{table} from {size} ({} keys)", count(entries))
        })
        .collect();
    let copies = match replay.copies() {
        1 => String::new(),
        copies => format!(" in {copies} copies"),
    };
    (!out_of_reach.is_empty()).then(|| {
        format!(
            "The trace has {} keys{copies}; growths that begin later are left out: {}.",
            count(replay.keys()),
            out_of_reach.join(", ")
        )
    })
}

/// A count as people read it: `1,234,567`.
fn count(n: u64) -> String {
    grouped(i64::try_from(n).unwrap_or(i64::MAX))
}

/// Why no table of a cell grows, where its trace has too few keys for all of them.
fn never_grows(inputs: &Inputs) -> Option<Diagnostic> {
    let left_out = not_reached_by_the_trace(inputs)?;
    Some(Diagnostic::new(diagnostic::OUT_OF_RANGE, left_out).help(
        "nothing remains to run: raise `workload.trace_copies`, or lower \
             `study.rehash.doublings`",
    ))
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

/// The labels of a node's rows.
pub(super) fn node_cell(inputs: &Inputs, table: TableKind, size: u64) -> BTreeMap<String, String> {
    let mut cell = inputs.cell.axes.clone();
    cell.insert("table".into(), table.name().into());
    cell.insert("doubling".into(), power_of_two(size));
    cell
}

/// `variant · axis=value axis=value`.
pub(super) fn cell_label(variant: &str, cell: &BTreeMap<String, String>) -> String {
    let axes: Vec<String> = cell
        .iter()
        .map(|(axis, value)| format!("{axis}={value}"))
        .collect();
    match variant {
        "" => axes.join(" "),
        variant => format!("{variant} · {}", axes.join(" ")),
    }
}

/// The labels of the rows of a swing.
pub(super) fn swing_cell(inputs: &Inputs, table: TableKind) -> BTreeMap<String, String> {
    let mut cell = inputs.cell.axes.clone();
    cell.insert("table".into(), table.name().into());
    cell
}
