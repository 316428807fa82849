//! Which points the study has, what each is expected to need, and what is left out of what was
//! asked for.

use super::inputs::Inputs;
use super::{Rehash, Spec, fixed, growth, power_of_two};
use crate::run::Point;
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

impl Rehash {
    /// Lays out the points of every cell.
    ///
    /// # Errors
    /// If nothing can be run: the study has no cell, or its trace has too few keys for any table
    /// to grow.
    pub(super) fn lay_out_points(&mut self) -> Result<(), Diagnostic> {
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
                for size in doublings_reached(inputs, table) {
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
        if self.specs.is_empty()
            && let Some(error) = self.cells.iter().find_map(never_grows)
        {
            return Err(error);
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

    /// What the study leaves out of what was asked for, in sentences.
    pub(super) fn left_out(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        sentences.extend(not_run_by_memcached(&self.cells));
        sentences.extend(self.cells.iter().filter_map(not_reached_by_the_trace));
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
