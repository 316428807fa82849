//! Running a study: points, seeds, threads, resuming, and the reduction to one result.
//!
//! A *point* is one cell under one seed. Points are independent, so this is the only module that
//! uses threads; each point runs on one, and results are put together in point order, so that the
//! outcome does not depend on their number.

use kvrig_base::diagnostic::Diagnostic;
use kvrig_base::quantity::Bytes;
use kvrig_base::time::Span;

/// Who watches a run and may stop it.
pub trait Observer: Sync {
    /// A point is finished: `done` of `total`, and the events it took (0 if it was resumed).
    fn point_finished(&self, done: usize, total: usize, events: u64);
    /// Whether the run shall stop; asked every few thousand events.
    fn cancelled(&self) -> bool;
}

/// Where finished points are kept, so that an interrupted run can go on from them.
pub trait Points: Sync {
    /// The stored outcome of the point called `key`, if there is a whole one.
    fn load(&self, key: &str) -> Option<Vec<u8>>;
    /// Stores the outcome of a point.
    ///
    /// # Errors
    /// What the file system answers.
    fn save(&self, key: &str, bytes: &[u8]) -> std::io::Result<()>;
}

/// What a run will take, estimated before it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Points to run.
    pub points: usize,
    /// Events of all points.
    pub events: u64,
    /// Peak memory of as many points as run at once.
    pub memory: Bytes,
    /// CPU time of all points on a core of 2026.
    pub cpu: Span,
}

/// Why a run gave no result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The observer asked for it; finished points are stored.
    #[error("interrupted")]
    Cancelled,
    /// Something is wrong with the input or the simulator.
    #[error(transparent)]
    Failed(#[from] Diagnostic),
    /// A finished point could not be stored.
    #[error("a finished point could not be stored: {0}")]
    Store(#[from] std::io::Error),
}
