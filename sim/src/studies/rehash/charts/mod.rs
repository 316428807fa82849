//! The study's charts and the series behind them.

mod responses;
mod sizes;
mod timeline;

pub use sizes::{MeasuredPause, add_measured_pauses};

use super::outcome::{CurveOutcome, NodeOutcome};
use kvrig_base::result::{Axis, Chart, Column, HistogramData, Quantity, Scale, Series, Values};

/// Series, charts and percentile files.
#[derive(Debug, Default)]
pub(super) struct Drawn {
    pub(super) series: Vec<Series>,
    pub(super) charts: Vec<Chart>,
    pub(super) histograms: Vec<HistogramData>,
}

/// Draws everything there is to draw.
pub(super) fn draw(nodes: &[NodeOutcome], curves: &[CurveOutcome], limit: Option<i64>) -> Drawn {
    let mut drawn = Drawn::default();
    for doubling in doublings(nodes) {
        let of_doubling: Vec<&NodeOutcome> = nodes
            .iter()
            .filter(|node| node.cell["doubling"] == doubling)
            .collect();
        drawn.pause_timeline(&doubling, &of_doubling);
        drawn.response_by_nines(&doubling, &of_doubling, limit);
    }
    if !curves.is_empty() {
        drawn.pause_against_size(curves);
    }
    drawn
}

/// The doublings, in the order in which they were asked for.
fn doublings(nodes: &[NodeOutcome]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for node in nodes {
        if !names.contains(&node.cell["doubling"]) {
            names.push(node.cell["doubling"].clone());
        }
    }
    names
}

/// `2^20` as part of a file name.
fn file_part(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect()
}

fn axis(label: &str, quantity: Quantity, scale: Scale) -> Axis {
    Axis {
        label: label.into(),
        quantity,
        scale,
    }
}
fn text(name: &str, values: Vec<String>) -> Column {
    Column {
        name: name.into(),
        unit: String::new(),
        values: Values::Text(values),
    }
}
fn numbers(name: &str, unit: &str, values: Vec<i64>) -> Column {
    Column {
        name: name.into(),
        unit: unit.into(),
        values: Values::Int(values),
    }
}
