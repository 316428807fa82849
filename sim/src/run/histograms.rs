//! Histograms of several points put together, and what is read off them.

use kvrig_base::result::HistogramData;
use std::collections::BTreeMap;

/// All of `parts` in one histogram called `name`. Exact: the parts share their buckets' bounds.
pub fn merge<'a>(name: &str, parts: impl IntoIterator<Item = &'a HistogramData>) -> HistogramData {
    let mut buckets: BTreeMap<u64, u64> = BTreeMap::new();
    let (mut sum, mut max) = (0, 0);
    for part in parts {
        for &(value, count) in &part.buckets {
            *buckets.entry(value).or_default() += count;
        }
        sum += part.sum;
        max = max.max(part.max);
    }
    HistogramData {
        name: name.to_owned(),
        buckets: buckets.into_iter().collect(),
        sum,
        max,
    }
}

/// Number of recorded values.
pub fn count(histogram: &HistogramData) -> u64 {
    histogram.buckets.iter().map(|&(_, count)| count).sum()
}

/// The smallest bucket end below which at least `millionths` of the values lie, never above the
/// exact maximum; zero for an empty histogram.
pub fn quantile(histogram: &HistogramData, millionths: u64) -> u64 {
    let total = u128::from(count(histogram));
    let rank = (total * u128::from(millionths)).div_ceil(1_000_000).max(1);
    let mut seen = 0_u128;
    for &(value, count) in &histogram.buckets {
        seen += u128::from(count);
        if seen >= rank {
            return value.min(histogram.max);
        }
    }
    histogram.max
}

/// The exact mean, rounded down; zero for an empty histogram.
pub fn mean(histogram: &HistogramData) -> u64 {
    match count(histogram) {
        0 => 0,
        total => u64::try_from(histogram.sum / u128::from(total)).unwrap_or(u64::MAX),
    }
}

/// Points of the percentile curve by nines: (millionths of 1/(1-q), value at q), from the median's
/// side up to the last value, at most `per_nine` points for each factor of ten.
///
/// A point stands at each occupied bucket whose place has moved on by a `per_nine`-th of a decade,
/// so that the curve shows every step of the tail and none of the crowd below it.
pub fn nines(histogram: &HistogramData, per_nine: u32) -> Vec<(u64, u64)> {
    let total = count(histogram);
    let mut points: Vec<(u64, u64)> = Vec::new();
    let mut seen = 0_u64;
    let growth = libm::pow(10.0, 1.0 / f64::from(per_nine));
    let mut next = 1.0_f64;
    for &(value, count) in &histogram.buckets {
        // The values of this bucket begin at rank seen + 1: 1/(1-q) is total/(total - seen).
        #[expect(
            clippy::cast_precision_loss,
            reason = "only thins out a curve for drawing"
        )]
        let place = total as f64 / (total - seen) as f64;
        if place >= next || points.is_empty() {
            let millionths = u128::from(total) * 1_000_000 / u128::from(total - seen);
            points.push((
                u64::try_from(millionths).unwrap_or(u64::MAX),
                value.min(histogram.max),
            ));
            next = place * growth;
        }
        seen += count;
    }
    if total > 0 {
        let last = u64::try_from(u128::from(total) * 1_000_000).unwrap_or(u64::MAX);
        if points.last().is_none_or(|point| point.0 < last) {
            points.push((last, histogram.max));
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(buckets: &[(u64, u64)]) -> HistogramData {
        HistogramData {
            name: "test".into(),
            buckets: buckets.to_vec(),
            sum: buckets
                .iter()
                .map(|&(value, count)| u128::from(value) * u128::from(count))
                .sum(),
            max: buckets.last().map_or(0, |bucket| bucket.0),
        }
    }

    #[test]
    fn quantiles_are_the_ends_of_the_buckets_that_reach_them() {
        let data = histogram(&[(10, 90), (20, 9), (1_000, 1)]);
        let at = |millionths| quantile(&data, millionths);
        assert_eq!(
            (at(500_000), at(900_000), at(900_001), at(990_000)),
            (10, 10, 20, 20)
        );
        assert_eq!((at(990_001), at(1_000_000)), (1_000, 1_000));
        assert_eq!(quantile(&histogram(&[]), 500_000), 0);
    }

    #[test]
    fn merging_adds_counts_and_keeps_sum_and_maximum() {
        let merged = merge(
            "all",
            [&histogram(&[(10, 1), (20, 2)]), &histogram(&[(20, 3)])],
        );
        assert_eq!(merged.buckets, [(10, 1), (20, 5)]);
        assert_eq!((merged.sum, merged.max, mean(&merged)), (110, 20, 18));
    }

    #[test]
    fn the_curve_by_nines_ends_at_the_maximum() {
        let curve = nines(&histogram(&[(10, 90), (20, 9), (1_000, 1)]), 10);
        assert_eq!(curve.first(), Some(&(1_000_000, 10)));
        assert_eq!(curve.last(), Some(&(100_000_000, 1_000)));
        assert!(curve.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
