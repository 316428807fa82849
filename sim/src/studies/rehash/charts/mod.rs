//! The study's charts and the series behind them.

mod fixed;
mod heat;
mod memory;
mod operations;
mod responses;
mod sizes;
mod swing;
mod timeline;

pub use sizes::{MeasuredPause, add_measured_pauses};

use super::label;
use super::outcome::NodeOutcome;
use super::summary::Found;
use crate::studies::drawing::{Drawn, axis, file_part, numbers, text};

/// Draws everything there is to draw.
pub(super) fn draw(found: &Found, limit: Option<i64>) -> Drawn {
    let mut drawn = Drawn::default();
    for doubling in doublings(&found.nodes) {
        let of_doubling = |is_variant: bool| -> Vec<&NodeOutcome> {
            let nodes = found.nodes.iter();
            nodes
                .filter(|node| node.cell["doubling"] == doubling)
                .filter(|node| node.variant.is_empty() != is_variant)
                .collect()
        };
        for (subject, nodes) in [
            (doubling.clone(), of_doubling(false)),
            (format!("{doubling}-variants"), of_doubling(true)),
        ] {
            if !nodes.is_empty() {
                let about = About {
                    doubling: &doubling,
                    file: &subject,
                };
                drawn.pause_timeline(about, &nodes);
                drawn.response_by_nines(about, &nodes, limit);
                drawn.memory(about, &nodes);
            }
        }
        drawn.heat(&doubling, &of_doubling(false));
    }
    drawn.operations(&found.nodes);
    if !found.curves.is_empty() {
        drawn.pause_against_size(&found.curves);
    }
    drawn.probes_against_load(&found.probings);
    drawn.probes_against_chosen_keys(&found.floods);
    if !found.swings.is_empty() {
        drawn.swing(&found.swings);
    }
    drawn
}

/// What a chart of nodes is about.
#[derive(Clone, Copy)]
struct About<'a> {
    /// `2^20`.
    doubling: &'a str,
    /// The part of its name that tells it from charts of the same kind.
    file: &'a str,
}

/// Each cell once: of several seeds the first.
fn first_seeds<'a>(nodes: &[&'a NodeOutcome]) -> Vec<(String, &'a NodeOutcome)> {
    let mut firsts: Vec<(String, &NodeOutcome)> = Vec::new();
    for node in nodes {
        let name = label(&node.variant, &node.cell);
        if firsts.iter().all(|(known, _)| *known != name) {
            firsts.push((name, node));
        }
    }
    firsts
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
