//! Running a study: points, seeds, threads, resuming, and the reduction to one result.
//!
//! A *point* is one cell under one seed. Points are independent, so this and the validation alone
//! use threads; each point runs on one, and results are put together in point order, so that the
//! outcome does not depend on their number.

pub mod histograms;
mod measure;
mod reduce;
mod verdicts;

pub use measure::{Measurable, Measured, Task, TaskKind};
pub use reduce::{Sample, fingerprint, rows_over_seeds};
pub use verdicts::{Direction, Objective, verdicts};

use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::digest::Digest;
use kvrig_base::quantity::Bytes;
use kvrig_base::result::{RESULTS_VERSION, StudyResult};
use kvrig_base::time::Span;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicUsize, Ordering};

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

/// A study that is ready to run: numbered points, each runnable alone, and their reduction.
///
/// Outcomes of points are bytes here, because they are stored between an interrupted run and the
/// one that resumes it.
pub trait Experiment: Sync + Send {
    /// The points, in the order in which outcomes are reduced.
    fn points(&self) -> &[Point];
    /// Memory that points share and that none of them counts as its own.
    fn shared_memory(&self) -> Bytes {
        Bytes(0)
    }
    /// Runs one point; `cancelled` is asked every few thousand events.
    ///
    /// # Errors
    /// [`RunError::Cancelled`], or what is wrong with the input or the simulator.
    fn run_point(&self, index: usize, cancelled: &dyn Fn() -> bool) -> Result<Outcome, RunError>;
    /// Puts the outcomes of all points together.
    ///
    /// # Errors
    /// If an outcome cannot be read.
    fn reduce(&self, outcomes: &[Outcome]) -> Result<StudyResult, RunError>;
    /// The side on the real clock, where the study has one.
    fn measurable(&self) -> Option<&dyn Measurable> {
        None
    }
}

/// One point: a cell under one seed, or a measurement beside the cells.
#[derive(Clone, Debug)]
pub struct Point {
    /// What it is, for people: `table=redis-7.0 doubling=2^20 seed 1`.
    pub label: String,
    /// Everything that its outcome depends on, as text; its digest names the stored outcome.
    pub identity: String,
    /// What it will take.
    pub events: u64,
    /// Its peak memory.
    pub memory: Bytes,
    /// CPU time on a core of 2026.
    pub cpu: Span,
}

impl Point {
    /// The name under which the outcome is stored.
    pub fn key(&self) -> String {
        let versioned = format!("results {RESULTS_VERSION}\n{}", self.identity);
        Digest::of(versioned.as_bytes()).to_string()
    }
}

/// What a point has found, in the study's own encoding, and how many events it took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Events executed.
    pub events: u64,
    /// The study's own data.
    pub data: serde_json::Value,
}

/// A study ready to run, with its estimate.
pub struct Plan {
    experiment: Box<dyn Experiment>,
    memory_max: Bytes,
    /// What to lower where memory does not suffice.
    advice: &'static str,
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan")
            .field("points", &self.experiment.points())
            .finish_non_exhaustive()
    }
}

impl Plan {
    /// A plan for `experiment` that may use `memory_max` at once; `advice` says what to lower where
    /// that does not suffice: `lower study.rehash.doublings`.
    pub fn new(experiment: Box<dyn Experiment>, memory_max: Bytes, advice: &'static str) -> Self {
        Self {
            experiment,
            memory_max,
            advice,
        }
    }
    /// The points, in order.
    pub fn points(&self) -> &[Point] {
        self.experiment.points()
    }
    /// What the run will take when `jobs` points run at once.
    pub fn estimate(&self, jobs: usize) -> Estimate {
        let points = self.points();
        Estimate {
            points: points.len(),
            events: points.iter().map(|point| point.events).sum(),
            memory: memory_of(points, self.experiment.shared_memory(), jobs),
            cpu: points.iter().map(|point| point.cpu).sum(),
        }
    }
    /// How many points may run at once: at most `jobs`, and fewer where memory would not suffice.
    ///
    /// # Errors
    /// If not even the largest point alone fits into the limit.
    pub fn jobs_within_memory(&self, jobs: usize) -> Result<usize, Diagnostic> {
        let shared = self.experiment.shared_memory();
        jobs_within(self.points(), shared, self.memory_max, jobs, self.advice)
    }
}

/// Peak memory of the largest points, as many as run at once, beside what all share.
fn memory_of(points: &[Point], shared: Bytes, jobs: usize) -> Bytes {
    let mut sizes: Vec<u64> = points.iter().map(|point| point.memory.0).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let largest: u64 = sizes.iter().take(jobs.max(1)).sum();
    Bytes(largest.saturating_add(shared.0))
}

/// How many of `points` may run at once: at most `jobs`, and fewer where memory would not suffice.
fn jobs_within(
    points: &[Point],
    shared: Bytes,
    memory_max: Bytes,
    jobs: usize,
    advice: &str,
) -> Result<usize, Diagnostic> {
    let fits = |jobs: usize| memory_of(points, shared, jobs) <= memory_max;
    if let Some(jobs) = (1..=jobs.max(1)).rev().find(|&jobs| fits(jobs)) {
        return Ok(jobs);
    }
    let largest = points.iter().max_by_key(|point| point.memory);
    let (label, memory) = largest.map_or((String::new(), Bytes(0)), |point| {
        (
            point.label.clone(),
            Bytes(point.memory.0.saturating_add(shared.0)),
        )
    });
    Err(Diagnostic::new(
        diagnostic::TOO_LARGE,
        format!(
            "the point `{label}` needs about {memory}, more than run.max_memory = {memory_max}"
        ),
    )
    .help(format!("{advice}, or raise run.max_memory")))
}

/// Runs all points of `plan`, at most `jobs` at once, and reduces them.
///
/// # Errors
/// [`RunError::Cancelled`] when the observer asks for it; otherwise the error of the first point, in
/// point order, that has one.
pub fn run(
    plan: &Plan,
    jobs: usize,
    observer: &dyn Observer,
    store: &dyn Points,
) -> Result<StudyResult, RunError> {
    let experiment = plan.experiment.as_ref();
    let points = experiment.points();
    let jobs = plan.jobs_within_memory(jobs)?;
    let run_point = |index: usize| experiment.run_point(index, &|| observer.cancelled());
    experiment.reduce(&outcomes(points, &run_point, jobs, observer, store)?)
}

/// The outcomes of `points`, stored ones and those that are run now, in point order.
fn outcomes(
    points: &[Point],
    run_point: &(dyn Fn(usize) -> Result<Outcome, RunError> + Sync),
    jobs: usize,
    observer: &dyn Observer,
    store: &dyn Points,
) -> Result<Vec<Outcome>, RunError> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(jobs)
        .build()
        .map_err(|error| RunError::Store(std::io::Error::other(error)))?;
    let finished = AtomicUsize::new(0);
    let one = |index: usize| -> Result<Outcome, RunError> {
        let key = points[index].key();
        let stored = store
            .load(&key)
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let (outcome, events) = match stored {
            Some(outcome) => (outcome, 0),
            None => {
                if observer.cancelled() {
                    return Err(RunError::Cancelled);
                }
                let outcome = run_point(index)?;
                let bytes = serde_json::to_vec(&outcome).map_err(std::io::Error::other)?;
                store.save(&key, &bytes)?;
                let events = outcome.events;
                (outcome, events)
            }
        };
        let done = finished.fetch_add(1, Ordering::Relaxed) + 1;
        observer.point_finished(done, points.len(), events);
        Ok(outcome)
    };
    let results = pool.install(|| in_longest_first_order(points, &one));
    results.into_iter().collect()
}

/// Runs `one` for every point, the longest first so that no long one is left for the end, and
/// gives the results back in point order.
fn in_longest_first_order(
    points: &[Point],
    one: &(dyn Fn(usize) -> Result<Outcome, RunError> + Sync),
) -> Vec<Result<Outcome, RunError>> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by_key(|&index| (std::cmp::Reverse(points[index].cpu), index));
    let mut results: Vec<(usize, Result<Outcome, RunError>)> = order
        .into_par_iter()
        .with_max_len(1)
        .map(|index| (index, one(index)))
        .collect();
    results.sort_by_key(|&(index, _)| index);
    results.into_iter().map(|(_, result)| result).collect()
}
