//! Percentile files: the text form of a histogram that HdrHistogram's plotter and others read.
//!
//! Columns are the value, the percentile as a fraction, the cumulated count and 1/(1-percentile),
//! with five lines for each halving of the distance to 100 % (Java HdrHistogram,
//! `outputPercentileDistribution`). Values are in nanoseconds.

use kvrig_base::result::HistogramData;
use std::fmt::Write as _;

/// Lines for each halving of the distance to 100 %, as the original.
const TICKS_PER_HALF_DISTANCE: u64 = 5;

/// One line of the distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Upper end of the bucket.
    pub value: u64,
    /// The percentile as a fraction of one.
    pub percentile: f64,
    /// Recorded values up to `value`.
    pub total: u64,
}

/// The lines of the distribution, ending at the largest value.
#[expect(clippy::cast_precision_loss, reason = "fractions for people's eyes")]
pub fn lines(histogram: &HistogramData) -> Vec<Line> {
    let count: u64 = histogram.buckets.iter().map(|&(_, count)| count).sum();
    let mut lines = Vec::new();
    let mut total = 0_u64;
    let mut wanted = 0.0_f64;
    for &(value, bucket) in histogram.buckets.iter().filter(|(_, bucket)| *bucket > 0) {
        total += bucket;
        let reached = total as f64 / count as f64;
        while wanted <= reached && total < count {
            lines.push(Line {
                value,
                percentile: wanted,
                total,
            });
            wanted += step_at(wanted);
        }
        if total == count {
            // Within the last bucket further steps would repeat its value: one, then the end.
            lines.push(Line {
                value,
                percentile: wanted,
                total,
            });
            lines.push(Line {
                value,
                percentile: 1.0,
                total,
            });
        }
    }
    lines
}

/// The distance to the next percentile: a fifth of half of what is left to 100 %, rounded to a
/// power of two.
#[expect(clippy::cast_precision_loss, reason = "small powers of two are exact")]
fn step_at(percentile: f64) -> f64 {
    let mut halvings = 1_u64;
    while halvings < 1 << 40 && 1.0 / (1.0 - percentile) >= (halvings * 2) as f64 {
        halvings *= 2;
    }
    1.0 / (TICKS_PER_HALF_DISTANCE * 2 * halvings) as f64
}

/// The whole file.
#[expect(
    clippy::cast_precision_loss,
    reason = "mean and deviation for people's eyes"
)]
pub fn write(histogram: &HistogramData) -> String {
    let mut text = String::from("       Value     Percentile TotalCount 1/(1-Percentile)\n\n");
    for line in lines(histogram) {
        let Line {
            value,
            percentile,
            total,
        } = line;
        // Writing to a string cannot fail.
        let _ = if percentile < 1.0 {
            let inverse = 1.0 / (1.0 - percentile);
            writeln!(
                text,
                "{value:12} {percentile:14.12} {total:10} {inverse:14.2}"
            )
        } else {
            writeln!(text, "{value:12} {percentile:14.12} {total:10}")
        };
    }
    let count: u64 = histogram.buckets.iter().map(|&(_, count)| count).sum();
    let mean = if count == 0 {
        0.0
    } else {
        histogram.sum as f64 / count as f64
    };
    let squares = histogram.buckets.iter().map(|&(value, count)| {
        let distance = value as f64 - mean;
        distance * distance * count as f64
    });
    let deviation = if count == 0 {
        0.0
    } else {
        (squares.sum::<f64>() / count as f64).sqrt()
    };
    let _ = writeln!(
        text,
        "#[Mean    = {mean:12.3}, StdDeviation   = {deviation:12.3}]"
    );
    let _ = writeln!(
        text,
        "#[Max     = {:12}, Total count    = {count:12}]",
        histogram.max
    );
    let _ = writeln!(
        text,
        "#[Buckets = {:12}, SubBuckets     = {:12}]",
        1,
        histogram.buckets.len()
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::Histogram;
    use proptest::prelude::*;

    fn data(histogram: &Histogram<u64>) -> HistogramData {
        let buckets: Vec<_> = histogram
            .iter_recorded()
            .map(|at| {
                (
                    histogram.highest_equivalent(at.value_iterated_to()),
                    at.count_at_value(),
                )
            })
            .collect();
        let sum = buckets
            .iter()
            .map(|&(value, count)| u128::from(value) * u128::from(count))
            .sum();
        HistogramData {
            name: "sample".to_owned(),
            buckets,
            sum,
            max: histogram.max(),
        }
    }

    proptest! {
        /// The published crate walks the same distribution; value and cumulated count must agree
        /// with it at every percentile that both print.
        #[test]
        fn lines_agree_with_the_hdrhistogram_crate(
            values in proptest::collection::vec(1_u64..2_000_000_000, 1..3_000),
        ) {
            let mut histogram = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3).unwrap();
            for value in values {
                histogram.record(value).unwrap();
            }
            let ours = lines(&data(&histogram));
            let theirs: Vec<_> = histogram.iter_quantiles(5).collect();
            prop_assert_eq!(ours.len(), theirs.len());
            let mut total = 0;
            for (mine, other) in ours.iter().zip(&theirs) {
                total += other.count_since_last_iteration();
                prop_assert!((mine.percentile - other.quantile_iterated_to()).abs() < 1e-12,
                    "{mine:?} {other:?}");
                prop_assert_eq!(mine.total, total);
                prop_assert_eq!(mine.value,
                    histogram.highest_equivalent(other.value_iterated_to()));
            }
        }
    }

    #[test]
    fn the_file_has_the_columns_that_plotters_read() {
        let histogram = HistogramData {
            name: "sample".to_owned(),
            buckets: vec![(1_000, 90), (5_000, 9), (20_000, 1)],
            sum: 155_000,
            max: 20_000,
        };
        insta::assert_snapshot!(write(&histogram));
    }

    #[test]
    fn an_empty_histogram_is_written_without_lines() {
        let histogram = HistogramData {
            name: String::new(),
            buckets: vec![],
            sum: 0,
            max: 0,
        };
        assert_eq!(lines(&histogram), []);
        assert!(write(&histogram).contains("Total count    =            0"));
    }
}
