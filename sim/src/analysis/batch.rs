//! Intervals for the mean of one long, correlated run.

use super::{Interval, Series, WarmUp, mean, mser, normal_quantile, squared_deviations};

/// Batches of the interval: with fewer it gets long, with more they are shorter and correlated
/// (Schmeiser, "Batch size effects in the analysis of simulation output", 1982, finds 10 to 30
/// enough for runs of any length).
const BATCHES: usize = 20;
/// Confidence of the check for correlation between neighbouring batches.
const CORRELATION_CONFIDENCE: f64 = 0.99;
/// Fewest means after the warm-up that an interval is made from.
const MEANS_MIN: usize = 4 * BATCHES;

/// An interval by batch means, with what is needed to judge it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchMeans {
    /// The interval.
    pub interval: Interval,
    /// Number of batches.
    pub batches: usize,
    /// Correlation of neighbouring batches.
    pub lag_1: f64,
    /// Whether that is more than chance explains; the interval is then too short.
    pub correlated: bool,
}

/// The mean of the steady part of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SteadyMean {
    /// Interval and batches.
    pub batch_means: BatchMeans,
    /// Observations that the mean is taken over.
    pub observations: u64,
    /// Observations dropped as warm-up.
    pub warm_up: u64,
    /// Whether the run settled in its first half.
    pub settled: bool,
}

/// A run that is too short for an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{observations} observations are too few for an interval: at least {needed} are needed")]
pub struct TooShort {
    /// What there is.
    pub observations: u64,
    /// What is needed at least.
    pub needed: u64,
}

/// Non-overlapping batch means of a steady series; the remainder is left out at its start.
///
/// # Panics
/// If there are fewer than two batches, or fewer means than batches.
pub fn batch_means(means: &[f64], batches: usize, confidence: f64) -> BatchMeans {
    assert!(batches >= 2, "an interval needs two batches");
    assert!(
        means.len() >= batches,
        "{} means do not make {batches} batches",
        means.len()
    );
    let batch_len = means.len() / batches;
    let used = &means[means.len() - batch_len * batches..];
    let joined: Vec<f64> = used.chunks_exact(batch_len).map(mean).collect();
    let estimate = mean(&joined);
    let squares = squared_deviations(&joined, estimate);
    let count = batches as f64;
    let error = libm::sqrt(squares / (count - 1.0) / count);
    let products: f64 = joined
        .windows(2)
        .map(|pair| (pair[0] - estimate) * (pair[1] - estimate))
        .sum();
    let lag_1 = if squares > 0.0 {
        products / squares
    } else {
        0.0
    };
    // Of independent batches it is about normal with mean -1/b and variance 1/b.
    let threshold = normal_quantile(CORRELATION_CONFIDENCE) / libm::sqrt(count) - 1.0 / count;
    BatchMeans {
        interval: Interval::student(estimate, error, count - 1.0, confidence),
        batches,
        lag_1,
        correlated: lag_1 > threshold,
    }
}

/// Overlapping batch means of a steady series, with windows of `window` means.
///
/// Meketon and Schmeiser, "Overlapping batch means: something for nothing?" (WSC 1984): all windows
/// are used, which gives half again the degrees of freedom of separate batches.
///
/// # Panics
/// If the window is empty or longer than half of the series.
pub fn overlapping_batch_means(means: &[f64], window: usize, confidence: f64) -> Interval {
    assert!(
        window > 0 && 2 * window <= means.len(),
        "windows span at most half of the series"
    );
    let estimate = mean(means);
    let mut sum: f64 = means[..window].iter().sum();
    let mut squares = 0.0;
    for end in window..=means.len() {
        let deviation = sum / window as f64 - estimate;
        squares += deviation * deviation;
        if end < means.len() {
            sum += means[end] - means[end - window];
        }
    }
    let (n, m) = (means.len() as f64, window as f64);
    let variance = n * m / ((n - m + 1.0) * (n - m)) * squares;
    Interval::student(
        estimate,
        libm::sqrt(variance / n),
        1.5 * (n / m - 1.0),
        confidence,
    )
}

/// Drops the warm-up of a run and gives the mean of the rest by 20 batches.
///
/// # Errors
/// If the run is too short.
pub fn steady_mean(series: &Series, confidence: f64) -> Result<SteadyMean, TooShort> {
    let means = series.batch_means();
    if means.len() < 2 * MEANS_MIN {
        let needed = 2 * MEANS_MIN as u64 * series.batch_len();
        return Err(TooShort {
            observations: series.count(),
            needed,
        });
    }
    let WarmUp {
        batches: dropped,
        settled,
    } = mser(&means);
    let steady = &means[dropped..];
    let found = batch_means(steady, BATCHES, confidence);
    let used = steady.len() / found.batches * found.batches;
    Ok(SteadyMean {
        batch_means: found,
        observations: used as u64 * series.batch_len(),
        warm_up: (means.len() - used) as u64 * series.batch_len(),
        settled,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::random::{Seed, open_unit};

    /// A first-order autoregressive series with mean zero: its mean over n has variance
    /// 1 / (1 - r)^2 / n in the limit.
    fn autoregressive(seed: u64, correlation: f64, count: u64) -> Vec<f64> {
        let stream = Seed(seed).stream("autoregressive");
        let mut value = 0.0;
        (0..count)
            .map(|index| {
                value = correlation * value + normal_quantile(open_unit(stream.at(0, index).0[0]));
                value
            })
            .collect()
    }

    /// Waits of an M/M/1 queue at load `rho` by Lindley's recursion, in millionths of a service.
    fn waits(seed: u64, rho: f64, count: u64) -> Series {
        let stream = Seed(seed).stream("lindley");
        let mut series = Series::default();
        let mut wait = 0.0;
        for index in 0..count {
            let [service, gap] = stream.at(0, index).0;
            series.push((wait * 1e6) as u64);
            wait += libm::log(open_unit(gap)) / rho - libm::log(open_unit(service));
            wait = wait.max(0.0);
        }
        series
    }

    /// How many of `runs` intervals cover `truth`.
    fn covered(runs: u64, truth: f64, interval: impl Fn(u64) -> Interval) -> u64 {
        (0..runs)
            .filter(|&run| interval(run).contains(truth))
            .count() as u64
    }

    /// Of 400 true 95 % intervals, 365 to 393 cover the truth with probability 0.999 (binomial).
    const RUNS: u64 = 400;
    const COVERED: std::ops::RangeInclusive<u64> = 365..=393;

    #[test]
    fn both_kinds_of_batches_cover_the_truth_where_the_naive_formula_does_not() {
        let series: Vec<Vec<f64>> = (0..RUNS)
            .map(|seed| autoregressive(seed, 0.8, 3_000))
            .collect();
        let separate = covered(RUNS, 0.0, |run| {
            batch_means(&series[run as usize], 20, 0.95).interval
        });
        let overlapping = covered(RUNS, 0.0, |run| {
            overlapping_batch_means(&series[run as usize], 150, 0.95)
        });
        let naive = covered(RUNS, 0.0, |run| {
            let values = &series[run as usize];
            let n = values.len() as f64;
            let estimate = mean(values);
            let error = libm::sqrt(squared_deviations(values, estimate) / (n - 1.0) / n);
            Interval::student(estimate, error, n - 1.0, 0.95)
        });
        assert!(
            COVERED.contains(&separate),
            "separate batches covered {separate}"
        );
        assert!(
            COVERED.contains(&overlapping),
            "overlapping batches covered {overlapping}"
        );
        assert!(naive < 250, "the naive interval covered {naive}");
    }

    /// Whitt, "Planning queueing simulations" (1989): the asymptotic variance of M/M/1 waits is
    /// rho (2 + 5 rho - 4 rho^2 + rho^3) / (1 - rho)^4, 29 at half load.
    #[test]
    fn the_variance_of_queue_waits_is_the_published_one() {
        let steady = steady_mean(&waits(1, 0.5, 1_000_000), 0.95).expect("long enough");
        let overlapping =
            overlapping_batch_means(&waits(1, 0.5, 1_000_000).batch_means(), 50, 0.95);
        let expected = 1.96 * libm::sqrt(29.0 / 1e6);
        for half in [
            steady.batch_means.interval.half_width(),
            overlapping.half_width(),
        ] {
            let ratio = half / 1e6 / expected;
            assert!(
                (0.7..1.4).contains(&ratio),
                "half-width is {ratio} of the published one"
            );
        }
        assert!(steady.batch_means.interval.contains(1e6), "{steady:?}");
        assert!(steady.settled && steady.warm_up < 500_000);
    }

    #[test]
    fn batches_that_are_too_short_are_reported_as_correlated() {
        let values = autoregressive(3, 0.99, 600);
        assert!(batch_means(&values, 30, 0.95).correlated);
        let independent = autoregressive(3, 0.0, 600);
        assert!(!batch_means(&independent, 30, 0.95).correlated);
    }

    #[test]
    fn a_short_run_has_no_interval_but_a_reason() {
        let error = steady_mean(&waits(1, 0.5, 100), 0.95).expect_err("too short");
        assert_eq!(
            error.to_string(),
            "100 observations are too few for an interval: at least 800 are needed"
        );
    }
}
