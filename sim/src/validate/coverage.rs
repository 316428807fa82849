//! How often the intervals of single runs cover a truth that is known.
//!
//! An interval is worth what it covers. The mean wait of M/M/1 at 80 % load is four services; this
//! makes many short runs of it from an empty system, gives each its interval by
//! [`steady_mean`] (MSER-5, 20 batches), and counts.

use super::closed_form::mm1_wait;
use super::experiment::System;
use super::queueing::on_threads;
use super::station::{Service, UNIT};
use crate::analysis::{SteadyMean, steady_mean};
use crate::run::{Observer, RunError};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::random::Seed;
use rayon::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Load of the queue.
const LOAD: f64 = 0.8;
/// Confidence of each interval.
const CONFIDENCE: f64 = 0.95;

/// What became of the intervals of many runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coverage {
    /// Runs, each under a seed of its own.
    pub runs: u32,
    /// Customers of each run.
    pub customers: u64,
    /// Runs whose 95 % interval covered the mean wait.
    pub covered: u32,
    /// Runs whose batches were found to be correlated: their intervals are known to be short.
    pub correlated: u32,
    /// Runs that did not settle in their first half.
    pub unsettled: u32,
    /// Mean half-width of the intervals, as a share of the mean wait.
    pub half_width_mean: f64,
    /// Mean number of customers dropped as warm-up.
    pub warm_up_mean: f64,
}

impl Coverage {
    /// The share of runs that covered the truth.
    pub fn share(&self) -> f64 {
        f64::from(self.covered) / f64::from(self.runs)
    }
}

/// Makes `runs` runs of `customers`, at most `jobs` at once, and counts what their intervals cover.
///
/// # Errors
/// [`RunError::Cancelled`] when the observer asks for it; `KV1005` if runs are too short for an
/// interval.
///
/// # Panics
/// If there are no runs.
pub fn coverage(
    runs: u32,
    customers: u64,
    observer: &dyn Observer,
    jobs: usize,
) -> Result<Coverage, RunError> {
    assert!(runs > 0, "a share is of something");
    let done = AtomicUsize::new(0);
    let run = |number: u32| -> Result<SteadyMean, RunError> {
        let system = System::SingleServer {
            arrival_rate: LOAD,
            service: Service::Exponential(1.0),
        };
        let waits = system
            .waits(Seed(1).replication(number), customers, &|| {
                observer.cancelled()
            })?
            .ok_or(RunError::Cancelled)?;
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        observer.point_finished(done, runs as usize, waits.count());
        steady_mean(&waits, CONFIDENCE).map_err(|error| {
            RunError::Failed(Diagnostic::new(diagnostic::OUT_OF_RANGE, error.to_string()))
        })
    };
    let found: Vec<Result<SteadyMean, RunError>> =
        on_threads(jobs, || (0..runs).into_par_iter().map(run).collect())?;
    let found = found.into_iter().collect::<Result<Vec<_>, _>>()?;
    let truth = mm1_wait(LOAD) * UNIT.as_picos() as f64;
    let count = |test: &dyn Fn(&SteadyMean) -> bool| {
        found.iter().filter(|steady| test(steady)).count() as u32
    };
    let mean =
        |of: &dyn Fn(&SteadyMean) -> f64| found.iter().map(of).sum::<f64>() / f64::from(runs);
    Ok(Coverage {
        runs,
        customers,
        covered: count(&|steady| steady.batch_means.interval.contains(truth)),
        correlated: count(&|steady| steady.batch_means.correlated),
        unsettled: count(&|steady| !steady.settled),
        half_width_mean: mean(&|steady| steady.batch_means.interval.half_width()) / truth,
        warm_up_mean: mean(&|steady| steady.warm_up as f64),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Silent;
    impl Observer for Silent {
        fn point_finished(&self, _: usize, _: usize, _: u64) {}
        fn cancelled(&self) -> bool {
            false
        }
    }

    /// Of 60 intervals with a true confidence of 95 %, 51 or more cover with probability 0.999.
    #[test]
    fn intervals_of_short_runs_cover_the_mean_wait_as_often_as_they_claim() {
        let coverage = coverage(60, 20_000, &Silent, 1).expect("nothing cancels it");
        assert!((51..=60).contains(&coverage.covered), "{coverage:?}");
        assert!(
            coverage.half_width_mean > 0.05 && coverage.half_width_mean < 0.3,
            "{coverage:?}"
        );
    }

    #[test]
    fn runs_too_short_for_an_interval_are_refused() {
        let error = coverage(2, 100, &Silent, 1).expect_err("too short");
        assert!(
            error.to_string().contains("too few for an interval"),
            "{error}"
        );
    }
}
