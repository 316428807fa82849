//! Where the steady part of a run begins.

/// The part of a series to leave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WarmUp {
    /// Leading batches to drop.
    pub batches: usize,
    /// Whether the series settled in its first half; where it did not, the run is too short.
    pub settled: bool,
}

/// The marginal standard error rule on batch means; with batches of five observations, MSER-5.
///
/// Drops as many leading batches as make the standard error of the mean of the rest smallest, and
/// never more than half: White, Cobb and Spratt, "A comparison of five steady-state truncation
/// heuristics for simulation" (WSC 2000).
pub fn mser(batch_means: &[f64]) -> WarmUp {
    let longest = batch_means.len() / 2;
    let mut best = (f64::INFINITY, 0);
    // From the end, so that sums of the rest grow by one batch a step. Deviations are taken from
    // the last batches' mean to keep the digits of small variances.
    let origin = super::mean(&batch_means[longest..]);
    let (mut sum, mut squares) = (0.0, 0.0);
    for (dropped, value) in batch_means.iter().enumerate().rev() {
        let deviation = value - origin;
        sum += deviation;
        squares += deviation * deviation;
        if dropped > longest {
            continue;
        }
        let rest = (batch_means.len() - dropped) as f64;
        let error = (squares - sum * sum / rest) / (rest * rest);
        if error <= best.0 {
            best = (error, dropped);
        }
    }
    WarmUp {
        batches: best.1,
        settled: best.1 < longest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::random::{Seed, open_unit};

    fn noise(seed: u64, count: u64) -> Vec<f64> {
        let stream = Seed(seed).stream("noise");
        (0..count)
            .map(|index| open_unit(stream.at(0, index).0[0]))
            .collect()
    }

    #[test]
    fn a_start_far_from_the_rest_is_dropped_to_its_end() {
        for seed in 0..20 {
            let mut values = noise(seed, 1_000);
            for (index, value) in values.iter_mut().take(100).enumerate() {
                *value += 20.0 - 0.2 * index as f64;
            }
            let warm_up = mser(&values);
            assert!(
                warm_up.settled && (85..=150).contains(&warm_up.batches),
                "{warm_up:?}"
            );
        }
    }

    #[test]
    fn a_series_that_only_climbs_is_not_settled() {
        let values: Vec<f64> = (0..1_000).map(f64::from).collect();
        assert_eq!(
            mser(&values),
            WarmUp {
                batches: 500,
                settled: false
            }
        );
    }

    #[test]
    fn a_steady_series_loses_little() {
        let mut dropped: Vec<usize> = (0..41)
            .map(|seed| mser(&noise(seed, 1_000)).batches)
            .collect();
        dropped.sort_unstable();
        assert!(
            dropped[20] < 100,
            "the median run dropped {} of 1,000 batches",
            dropped[20]
        );
    }
}
