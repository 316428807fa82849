//! What a run's numbers say, and how surely.
//!
//! Waits in a queue are correlated, so the formula for independent observations gives intervals far
//! too narrow: at 80 % load a nominal 95 % interval covers the truth in about one run of five. What
//! is here instead is the standard kit of simulation output analysis:
//!
//! - within one run: a bounded [`Series`], [MSER-5](mser) to drop the warm-up, and
//!   [`steady_mean`] with an interval by [batch means](batch_means) whose correlation is checked,
//!   or by [overlapping batch means](overlapping_batch_means);
//! - over seeds: [`replication_interval`], for any metric, quantiles included, and
//!   [`paired_comparison`] where two variants saw the same random numbers;
//! - over many statements at once: [`sidak`] and [`bonferroni`];
//! - how long to go on: [`RelativePrecision`], decided by simulated data alone, never by a clock.

mod batch;
mod distribution;
mod interval;
mod replication;
mod series;
mod warm_up;

pub use batch::{
    BatchMeans, SteadyMean, TooShort, batch_means, overlapping_batch_means, steady_mean,
};
pub use distribution::{normal_quantile, student_t_cdf, student_t_quantile};
pub use interval::{Interval, bonferroni, sidak};
pub use replication::{
    PairedComparison, Precision, RelativePrecision, paired_comparison, replication_interval,
};
pub use series::Series;
pub use warm_up::{WarmUp, mser};

/// Mean of numbers that are there.
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Sum of squared deviations from `mean`.
fn squared_deviations(values: &[f64], mean: f64) -> f64 {
    values
        .iter()
        .map(|value| (value - mean) * (value - mean))
        .sum()
}
