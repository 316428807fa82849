//! What one point of the study has found, as it is stored and reduced.

use crate::run::Sample;
use kvrig_base::result::HistogramData;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A node under load and one big command, under one seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PointOutcome {
    /// The named variant, or empty.
    pub(super) variant: String,
    /// The command's name.
    pub(super) command: String,
    /// Its elements.
    pub(super) size: u64,
    /// The metrics, by cell and phase.
    pub(super) samples: Vec<Sample>,
    /// When the command began to be handled, and when a request found the server idle after it, in
    /// nanoseconds since the start of the run.
    pub(super) began_ns: u64,
    pub(super) settled_ns: u64,
    /// Longest responses over time; kept for the first seed alone.
    pub(super) timeline: Vec<TimelineBin>,
    /// Response times of the other clients behind the command.
    pub(super) after: HistogramData,
    /// Sums of work counters.
    pub(super) counters: BTreeMap<String, u64>,
    /// Event windows.
    pub(super) windows: Vec<(u64, u64)>,
    /// Work beyond the range of the cost profile.
    pub(super) beyond: Vec<Beyond>,
    /// What else in this point went beyond the model, in sentences.
    pub(super) warnings: Vec<String>,
}

/// Work beyond the range in which the cost profile's prices hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Beyond {
    /// The counter.
    pub(super) what: String,
    /// The most in one call that the profile vouches for, and the most that was seen.
    pub(super) limit: u64,
    pub(super) worst: u64,
}

/// The longest response among requests that were meant to start within one stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TimelineBin {
    /// Start of the stretch, in nanoseconds since the start of the run.
    pub(super) at_ns: u64,
    /// The longest response.
    pub(super) response_ns: u64,
}
