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
    Node(Box<NodeOutcome>),
    /// A table alone, through all sizes of the curve.
    Curve(CurveOutcome),
    /// A node whose number of keys falls and rises.
    Swing(SwingOutcome),
    /// Many nodes under load, each through one doubling.
    Fleet(FleetOutcome),
    /// A table of a fixed size under one way of probing.
    Probing(ProbingOutcome),
    /// A table of a fixed size and keys that were chosen to collide.
    Flood(FloodOutcome),
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
    /// What was asked, by kind of request.
    pub(super) operations: Operations,
    /// The longest pause of each cause in each bin of virtual time.
    pub(super) timeline: Vec<TimelineBin>,
    /// When the table grew.
    pub(super) growth: Growth,
    /// What memory was taken, over time.
    pub(super) memory: Vec<MemoryPoint>,
    /// Responses over time; kept for the first seed alone.
    pub(super) heat: Vec<HeatCell>,
    /// Children that lived meanwhile.
    pub(super) children: Vec<ChildLife>,
    /// Sums of work counters.
    pub(super) counters: BTreeMap<String, u64>,
    /// Event windows.
    pub(super) windows: Vec<(u64, u64)>,
    /// What in this point went beyond the model, in sentences.
    pub(super) warnings: Vec<String>,
}

/// Many nodes under load, each through one doubling, under one seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FleetOutcome {
    /// The metrics, by phase.
    pub(super) samples: Vec<Sample>,
    /// Sums of work counters.
    pub(super) counters: BTreeMap<String, u64>,
    /// Event windows.
    pub(super) windows: Vec<(u64, u64)>,
    /// What in this point went beyond the model, in sentences.
    pub(super) warnings: Vec<String>,
}

/// All requests that were answered in a run, by their kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Operations {
    /// How long the run took, in nanoseconds.
    pub(super) run_ns: u64,
    /// One entry a kind, in the order of [`crate::client::RequestKind::ALL`].
    pub(super) kinds: [KindOfRequest; 3],
}

/// The requests of one kind that were answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KindOfRequest {
    /// Their response times.
    pub(super) response: HistogramData,
    /// Those that asked for a value which was not there.
    pub(super) misses: u64,
    /// Bytes of requests and replies.
    pub(super) bytes: u64,
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

/// What memory a node takes at one moment, in bytes of the product's layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MemoryPoint {
    /// Nanoseconds since the start of the run.
    pub(super) at_ns: u64,
    /// Bucket arrays that entries move from.
    pub(super) old_bytes: u64,
    /// Bucket arrays that entries move to, or the only ones.
    pub(super) new_bytes: u64,
    /// Everything else.
    pub(super) entry_bytes: u64,
    /// The memory limit, or zero.
    pub(super) limit_bytes: u64,
}

/// Requests that were meant to start within one stretch of time and took about equally long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HeatCell {
    /// The stretch, in nanoseconds since the start of the run.
    pub(super) from_ns: u64,
    pub(super) to_ns: u64,
    /// Least response, and the one above the largest, in nanoseconds.
    pub(super) low_ns: u64,
    pub(super) high_ns: u64,
    /// How many.
    pub(super) count: u64,
}

/// The life of a forked child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ChildLife {
    /// Nanoseconds since the start of the run.
    pub(super) forked_ns: u64,
    pub(super) exited_ns: u64,
    /// Pages of 4 KiB that the parent copied meanwhile.
    pub(super) pages_copied: u64,
}

/// A node whose number of keys falls and rises once, under one seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SwingOutcome {
    /// The named variant, or empty.
    pub(super) variant: String,
    /// Axes and values, `table` among them.
    pub(super) cell: BTreeMap<String, String>,
    /// The metrics, by cell and phase.
    pub(super) samples: Vec<Sample>,
    /// Keys and buckets over time.
    pub(super) sizes: Vec<SwingPoint>,
    /// Sums of work counters.
    pub(super) counters: BTreeMap<String, u64>,
    /// Event windows.
    pub(super) windows: Vec<(u64, u64)>,
    /// What in this point went beyond the model, in sentences.
    pub(super) warnings: Vec<String>,
}

/// Keys and buckets at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SwingPoint {
    /// Nanoseconds since the start of the run.
    pub(super) at_ns: u64,
    /// Keys in the store.
    pub(super) keys: u64,
    /// Bytes of all bucket arrays.
    pub(super) table_bytes: u64,
}

/// A table of a fixed number of places under one way of probing, through all loads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProbingOutcome {
    /// The way of probing.
    pub(super) probing: String,
    /// Places of the table.
    pub(super) places: u64,
    /// One entry a load, ascending.
    pub(super) points: Vec<LoadProbes>,
}

/// Mean probes of a look-up at one load, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LoadProbes {
    /// Keys a place, in parts per million.
    pub(super) load_ppm: u64,
    /// Where the key is found.
    pub(super) hit_milli: u64,
    /// Where it is not.
    pub(super) miss_milli: u64,
    /// The same two by theory.
    pub(super) hit_law_milli: u64,
    pub(super) miss_law_milli: u64,
}

/// A table of a fixed number of chains under one hash function, and more and more chosen keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FloodOutcome {
    /// The hash function.
    pub(super) hash: String,
    /// Chains of the table.
    pub(super) places: u64,
    /// One entry a number of keys, ascending.
    pub(super) points: Vec<FloodProbes>,
}

/// Mean probes of a look-up among so many chosen keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FloodProbes {
    /// Chosen keys in the table.
    pub(super) keys: u64,
    /// Mean probes, in thousandths.
    pub(super) lookup_milli: u64,
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
    /// The insert that began it, counted from one.
    pub(super) started_at: u64,
    /// The insert that moved the last entry.
    pub(super) ended_at: u64,
    /// The insert that gave the last of the old array back; none where there is no old array.
    pub(super) freed_at: Option<u64>,
    /// The same three by theory, where it says so.
    pub(super) law: Option<Law>,
    /// Longest growth work in one insert.
    pub(super) longest_ns: u64,
    /// The cause that took most of it.
    pub(super) cause: String,
}

/// Inserts that begin a growth, move the last entry and free the old array, by theory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Law {
    pub(super) started: u64,
    pub(super) ended: Option<u64>,
    pub(super) freed: Option<u64>,
}
