//! Latencies in an integer histogram with fixed bounds.

use hdrhistogram::Histogram;
use kvrig_base::limits::RUN_SPAN_MAX;
use kvrig_base::result::HistogramData;
use kvrig_base::time::Span;

/// Significant decimal digits that a bucket keeps.
const DIGITS: u8 = 3;

/// A distribution of spans, kept in nanoseconds to three significant digits.
///
/// The bounds are the same for every run, so that histograms of different runs can be added. Sum
/// and maximum are exact.
#[derive(Clone, Debug)]
pub struct Latencies {
    histogram: Histogram<u64>,
    sum_picos: u128,
    max: Span,
}

impl Default for Latencies {
    fn default() -> Self {
        Self::new()
    }
}

impl Latencies {
    /// An empty distribution.
    pub fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, RUN_SPAN_MAX.as_nanos(), DIGITS)
            .expect("the bounds are constants that the crate accepts");
        Self {
            histogram,
            sum_picos: 0,
            max: Span::ZERO,
        }
    }
    /// Records one span.
    #[inline]
    pub fn record(&mut self, span: Span) {
        self.histogram.saturating_record(span.as_nanos());
        self.sum_picos += u128::from(span.as_picos());
        self.max = self.max.max(span);
    }
    /// Adds all of another distribution.
    pub fn merge(&mut self, other: &Self) {
        self.histogram
            .add(&other.histogram)
            .expect("all distributions have the same bounds");
        self.sum_picos += other.sum_picos;
        self.max = self.max.max(other.max);
    }
    /// How many spans were recorded.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }
    /// The exact sum, in picoseconds.
    pub fn sum_picos(&self) -> u128 {
        self.sum_picos
    }
    /// The exact mean, rounded down to a picosecond; zero where nothing was recorded.
    pub fn mean(&self) -> Span {
        let mean = self
            .sum_picos
            .checked_div(u128::from(self.count()))
            .unwrap_or(0);
        Span::from_picos(u64::try_from(mean).unwrap_or(u64::MAX))
    }
    /// The exact longest span.
    pub fn max(&self) -> Span {
        self.max
    }
    /// The upper end of the bucket that holds the span of rank ceil(`parts` / `whole` x count), at
    /// most the exact maximum; zero where nothing was recorded.
    ///
    /// Ranks are integers, so that a quantile is the same on every machine: p99.9 is (999, 1,000).
    ///
    /// # Panics
    /// If `whole` is zero.
    pub fn quantile(&self, parts: u64, whole: u64) -> Span {
        assert!(whole > 0, "a quantile is a share of something");
        let rank = (u128::from(self.count()) * u128::from(parts))
            .div_ceil(u128::from(whole))
            .max(1);
        let mut seen = 0_u128;
        for bucket in self.histogram.iter_recorded() {
            seen += u128::from(bucket.count_since_last_iteration());
            if seen >= rank {
                return Span::from_nanos(bucket.value_iterated_to()).min(self.max);
            }
        }
        self.max
    }
    /// The distribution as results keep it, in nanoseconds, called `name`.
    pub fn to_data(&self, name: &str) -> HistogramData {
        let buckets = self
            .histogram
            .iter_recorded()
            .map(|bucket| {
                (
                    bucket.value_iterated_to(),
                    bucket.count_since_last_iteration(),
                )
            })
            .collect();
        HistogramData {
            name: name.to_owned(),
            buckets,
            sum: self.sum_picos / 1_000,
            max: self.max.as_nanos(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sum_mean_and_maximum_are_exact_and_quantiles_are_bucket_ends() {
        let mut latencies = Latencies::new();
        for micros in 1..=1_000 {
            latencies.record(Span::from_micros(micros));
        }
        assert_eq!(latencies.count(), 1_000);
        assert_eq!(latencies.mean(), Span::from_nanos(500_500));
        assert_eq!(latencies.max(), Span::from_micros(1_000));
        let p99 = latencies.quantile(99, 100);
        assert!(
            p99 >= Span::from_micros(990) && p99 < Span::from_micros(991),
            "{p99}"
        );
        assert_eq!(latencies.quantile(1, 1), Span::from_micros(1_000));
    }

    #[test]
    fn merging_is_recording_everything_in_one() {
        let (mut first, mut second, mut both) =
            (Latencies::new(), Latencies::new(), Latencies::new());
        for nanos in [0, 1, 2_047, 2_049, 1_000_000, 86_400_000_000_000] {
            first.record(Span::from_nanos(nanos));
            second.record(Span::from_nanos(nanos + 7));
            both.record(Span::from_nanos(nanos));
            both.record(Span::from_nanos(nanos + 7));
        }
        first.merge(&second);
        assert_eq!(first.to_data("x"), both.to_data("x"));
    }

    #[test]
    fn an_empty_distribution_has_no_quantiles() {
        assert_eq!(Latencies::new().quantile(99, 100), Span::ZERO);
        assert_eq!(Latencies::new().mean(), Span::ZERO);
    }
}
