//! The real-clock side of a study: what is predicted, what is to be measured, and the two compared.
//!
//! Nothing is measured here: a study says which tables and nodes grow ([`Task`]), a live host grows
//! them, and the study reads what came of it.

use super::{Observer, Outcome, Plan, Point, Points, RunError, outcomes};
use kvrig_base::diagnostic::Diagnostic;
use kvrig_base::measured::{ClockFacts, Machine, MeasuredResult, Run};
use kvrig_base::quantity::Bytes;
use kvrig_base::random::Seed;
use kvrig_base::result::StudyResult;
use kvrig_base::time::Span;
use kvrig_redis::Config;
use kvrig_tables::TableKind;

/// A study that has a side on the real clock.
pub trait Measurable: Sync {
    /// What is simulated for the sake of the comparison alone; resumable like the study's points.
    fn predictions(&self) -> Vec<Point>;
    /// Simulates one of them.
    ///
    /// # Errors
    /// [`RunError::Cancelled`], or what is wrong with the input.
    fn predict(&self, index: usize, cancelled: &dyn Fn() -> bool) -> Result<Outcome, RunError>;
    /// What is to be measured, given the predictions in their order.
    ///
    /// # Errors
    /// If a prediction cannot be read.
    fn tasks(&self, predictions: &[Outcome]) -> Result<Vec<Task>, RunError>;
    /// CPU time that one round of all tasks takes on a core of 2026, for estimates.
    fn round_cpu(&self) -> Span;
    /// Puts predicted and measured side by side.
    ///
    /// # Errors
    /// If a prediction cannot be read, or a run is missing.
    fn compare(
        &self,
        result: &StudyResult,
        predictions: &[Outcome],
        measured: &Measured,
    ) -> Result<MeasuredResult, RunError>;
}

/// One thing to grow on the real clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// What it is, for people.
    pub label: String,
    /// What grows.
    pub what: TaskKind,
}

/// What grows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskKind {
    /// A table alone.
    Table {
        /// Which.
        kind: TableKind,
        /// Whether its entries are strings; integers otherwise.
        strings: bool,
        /// Inserts to do.
        inserts: u64,
        /// The key of its hash function.
        hash_key: [u64; 2],
    },
    /// A Redis node.
    Node {
        /// The table of its keys.
        kind: TableKind,
        /// Its configuration.
        config: Box<Config>,
        /// What places its keys.
        seed: Seed,
        /// Keys that it holds before it is measured.
        filled: u64,
        /// Bytes of every key.
        key_bytes: usize,
        /// Bytes of every value.
        value_bytes: usize,
        /// Buckets that the growth starts from.
        buckets: u64,
        /// Keys after which a table that has not grown is given up.
        keys_max: u64,
    },
}

/// All that was measured.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Version of the program.
    pub kvrig: String,
    /// The machine.
    pub machine: Machine,
    /// Its clock.
    pub clock: ClockFacts,
    /// The runs of each task, in the order of the tasks.
    pub runs: Vec<Vec<Run>>,
}

impl Plan {
    /// The side on the real clock, where the study has one.
    pub fn measurable(&self) -> Option<&dyn Measurable> {
        self.experiment.measurable()
    }

    /// Simulates what is compared with the real clock, at most `jobs` at once.
    ///
    /// # Errors
    /// As [`super::run`].
    pub fn predict(
        &self,
        side: &dyn Measurable,
        jobs: usize,
        observer: &dyn Observer,
        store: &dyn Points,
    ) -> Result<Vec<Outcome>, RunError> {
        let points = side.predictions();
        let jobs = self.predictions_within_memory(&points, jobs)?;
        let predict = |index: usize| side.predict(index, &|| observer.cancelled());
        outcomes(&points, &predict, jobs, observer, store)
    }

    /// How many predictions may run at once.
    ///
    /// # Errors
    /// If not even the largest fits into the memory limit.
    pub fn predictions_within_memory(
        &self,
        points: &[Point],
        jobs: usize,
    ) -> Result<usize, Diagnostic> {
        super::jobs_within(points, Bytes(0), self.memory_max, jobs, self.advice)
    }
}
