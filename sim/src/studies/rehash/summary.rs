//! All outcomes of a run put together, and the table at its end.

use super::fixed;
use super::outcome::{
    CurveOutcome, FleetOutcome, FloodOutcome, NodeOutcome, PointOutcome, ProbingOutcome,
    SwingOutcome,
};
use super::power_of_two;
use crate::run::Sample;
use kvrig_base::quantity::format_value;
use kvrig_base::result::{PointWindows, Table};
use kvrig_base::row::Row;
use std::collections::BTreeMap;

/// What all points have found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) nodes: Vec<NodeOutcome>,
    pub(super) curves: Vec<CurveOutcome>,
    pub(super) swings: Vec<SwingOutcome>,
    pub(super) fleets: Vec<FleetOutcome>,
    pub(super) probings: Vec<ProbingOutcome>,
    pub(super) floods: Vec<FloodOutcome>,
    pub(super) windows: Vec<PointWindows>,
}

/// What the rows are about, by name.
#[derive(Debug)]
pub(super) struct Subjects {
    /// Tables, in the order of asking.
    pub(super) tables: Vec<String>,
    /// Doublings of nodes under load, ascending.
    pub(super) doublings: Vec<String>,
    /// Sizes of tables alone, ascending.
    pub(super) sizes: Vec<String>,
    /// Places of tables that never grow, ascending.
    pub(super) places: Vec<String>,
    /// Variants whose number of keys falls and rises.
    pub(super) swings: Vec<String>,
}

impl Found {
    /// Adds the outcome of the point called `label`.
    pub(super) fn add(&mut self, outcome: PointOutcome, label: &str) {
        let windows = match outcome {
            PointOutcome::Node(mut node) => {
                let windows = std::mem::take(&mut node.windows);
                self.nodes.push(*node);
                windows
            }
            PointOutcome::Swing(mut swing) => {
                let windows = std::mem::take(&mut swing.windows);
                self.swings.push(swing);
                windows
            }
            PointOutcome::Fleet(mut fleet) => {
                let windows = std::mem::take(&mut fleet.windows);
                self.fleets.push(fleet);
                windows
            }
            PointOutcome::Curve(curve) => {
                self.curves.push(curve);
                return;
            }
            PointOutcome::Probing(probing) => {
                self.probings.push(probing);
                return;
            }
            PointOutcome::Flood(flood) => {
                self.floods.push(flood);
                return;
            }
        };
        self.windows.push(PointWindows {
            point: label.to_owned(),
            windows,
        });
    }
    /// The samples of all points.
    pub(super) fn samples(&self) -> Vec<Sample> {
        let of_nodes = self.nodes.iter().flat_map(|node| node.samples.clone());
        let of_swings = self.swings.iter().flat_map(|swing| swing.samples.clone());
        let of_fleets = self.fleets.iter().flat_map(|fleet| fleet.samples.clone());
        let of_curves = self.curves.iter().flat_map(curve_samples);
        let of_probings = self.probings.iter().flat_map(fixed::probing_samples);
        let of_floods = self.floods.iter().flat_map(fixed::flood_samples);
        of_nodes
            .chain(of_swings)
            .chain(of_fleets)
            .chain(of_curves)
            .chain(of_probings)
            .chain(of_floods)
            .collect()
    }
    /// What went beyond the model, in sentences.
    pub(super) fn warnings(&self) -> Vec<String> {
        let of_nodes = self.nodes.iter().flat_map(|node| node.warnings.clone());
        let of_swings = self.swings.iter().flat_map(|swing| swing.warnings.clone());
        let of_fleets = self.fleets.iter().flat_map(|fleet| fleet.warnings.clone());
        of_nodes.chain(of_swings).chain(of_fleets).collect()
    }
    /// Sums of work counters.
    pub(super) fn counters(&self) -> BTreeMap<String, u64> {
        let of_nodes = self.nodes.iter().map(|node| &node.counters);
        let of_swings = self.swings.iter().map(|swing| &swing.counters);
        let of_fleets = self.fleets.iter().map(|fleet| &fleet.counters);
        let of_stores = of_nodes.chain(of_swings).chain(of_fleets);
        let of_curves = self.curves.iter().map(|curve| &curve.counters);
        let mut sums: BTreeMap<String, u64> = BTreeMap::new();
        for counters in of_stores.chain(of_curves) {
            for (name, count) in counters {
                *sums.entry(name.clone()).or_default() += count;
            }
        }
        sums
    }
}

fn curve_samples(curve: &CurveOutcome) -> Vec<Sample> {
    let mut samples = Vec::new();
    for size in &curve.sizes {
        let cell = BTreeMap::from([
            ("size".to_owned(), power_of_two(size.entries)),
            ("table".to_owned(), curve.table.clone()),
        ]);
        let values = [
            ("pause_longest_max", Some(size.longest_ns)),
            ("rehash_start_position", Some(size.started_at)),
            ("rehash_end_position", Some(size.ended_at)),
            ("rehash_free_position", size.freed_at),
            ("law_start_position", size.law.map(|law| law.started)),
            ("law_end_position", size.law.and_then(|law| law.ended)),
            ("law_free_position", size.law.and_then(|law| law.freed)),
        ];
        for (name, value) in values {
            samples.extend(value.map(|value| Sample {
                variant: String::new(),
                cell: cell.clone(),
                name: name.to_owned(),
                value: value.cast_signed(),
            }));
        }
    }
    samples
}

/// The table at the end of a run: one line for each table and doubling of the sweep.
pub(super) fn table(rows: &[Row], subjects: &Subjects) -> Table {
    let metrics = [
        ("pause_longest_max", None, "pause"),
        ("pause_step_max", None, "step"),
        ("requests_waiting_max", None, "waiting"),
        ("response_p999", Some("before"), "p99.9 before"),
        ("response_p999", Some("during"), "p99.9 during"),
        ("rehash_duration_max", None, "growing"),
    ];
    let mut head = vec!["table".to_owned(), "doubling".to_owned()];
    head.extend(metrics.iter().map(|(_, _, name)| (*name).to_owned()));
    let mut lines = Vec::new();
    for table in &subjects.tables {
        for doubling in &subjects.doublings {
            let cell = |name: &str, phase: Option<&str>| {
                let row = rows.iter().find(|row| {
                    let axis = |axis: &str| row.cell.get(axis).map(String::as_str);
                    row.variant.is_empty()
                        && row.name == name
                        && axis("table") == Some(table)
                        && axis("doubling") == Some(doubling)
                        && axis("phase") == phase
                });
                row.map_or_else(|| "-".to_owned(), |row| format_value(row.unit, row.value))
            };
            let mut line = vec![table.clone(), doubling.clone()];
            line.extend(metrics.iter().map(|&(name, phase, _)| cell(name, phase)));
            lines.push(line);
        }
    }
    Table { head, rows: lines }
}
