//! What one point of the study has found, as it is stored and reduced.

use crate::run::Sample;
use kvrig_base::result::HistogramData;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The outcome of one point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PointOutcome {
    /// A node under load, through one doubling.
    Node(NodeOutcome),
    /// A table alone, through all sizes of the curve.
    Curve(CurveOutcome),
}

/// A node under load, through one doubling, under one seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NodeOutcome {
    /// The named variant, or empty.
    pub(super) variant: String,
    /// Axes and values, `table` and `doubling` among them.
    pub(super) cell: BTreeMap<String, String>,
    /// The metrics, by cell and phase.
    pub(super) samples: Vec<Sample>,
    /// Response times of each phase, named by it.
    pub(super) responses: Vec<HistogramData>,
    /// The longest pause of each cause in each bin of virtual time.
    pub(super) timeline: Vec<TimelineBin>,
    /// When the table grew.
    pub(super) growth: Growth,
    /// Sums of work counters.
    pub(super) counters: BTreeMap<String, u64>,
    /// Event windows.
    pub(super) windows: Vec<(u64, u64)>,
    /// What in this point went beyond the model, in sentences.
    pub(super) warnings: Vec<String>,
}

/// The longest pause of one cause within one bin of the time line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TimelineBin {
    /// Start of the pause, in nanoseconds since the start of the run.
    pub(super) at_ns: u64,
    /// What it was for.
    pub(super) cause: String,
    /// Its length.
    pub(super) pause_ns: u64,
}

/// When the table grew, in nanoseconds since the start of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Growth {
    /// A new bucket array was allocated.
    pub(super) started_ns: u64,
    /// The last entry had moved.
    pub(super) ended_ns: u64,
    /// The old array was given back.
    pub(super) freed_ns: u64,
    /// The first moment after that at which a request found the server idle.
    pub(super) settled_ns: u64,
    /// Entries in the table when the last one had moved.
    pub(super) ended_at_entries: u64,
}

/// A table alone, grown by inserts through all sizes of the curve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CurveOutcome {
    /// The table.
    pub(super) table: String,
    /// One entry a size, ascending.
    pub(super) sizes: Vec<SizePoint>,
    /// Sums of work counters.
    pub(super) counters: BTreeMap<String, u64>,
}

/// The pauses of one doubling of a table alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SizePoint {
    /// Entries at which the table grew.
    pub(super) entries: u64,
    /// Entries in it when the last one had moved.
    pub(super) ended_at_entries: u64,
    /// Longest growth work in one insert.
    pub(super) longest_ns: u64,
    /// The cause that took most of it.
    pub(super) cause: String,
}
