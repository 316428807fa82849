//! Lengths of many calls in an integer histogram.

use hdrhistogram::Histogram;
use kvrig_base::limits::RUN_SPAN_MAX;
use kvrig_base::result::HistogramData;

/// Significant decimal digits that a bucket keeps, as in the simulator's histograms.
const DIGITS: u8 = 3;

/// A distribution of nanoseconds; sum and maximum are exact.
#[derive(Debug)]
pub(crate) struct Distribution {
    histogram: Histogram<u64>,
    sum: u128,
    max: u64,
}

impl Default for Distribution {
    fn default() -> Self {
        Self {
            histogram: Histogram::new_with_bounds(1, RUN_SPAN_MAX.as_nanos(), DIGITS)
                .expect("the bounds are constants that the crate accepts"),
            sum: 0,
            max: 0,
        }
    }
}

impl Distribution {
    #[inline]
    pub(crate) fn record(&mut self, ns: u64) {
        self.histogram.saturating_record(ns);
        self.sum += u128::from(ns);
        self.max = self.max.max(ns);
    }
    pub(crate) fn max(&self) -> u64 {
        self.max
    }
    pub(crate) fn sum(&self) -> u64 {
        u64::try_from(self.sum).unwrap_or(u64::MAX)
    }
    /// The smallest bucket end below which at least `millionths` of the values lie.
    pub(crate) fn quantile(&self, millionths: u64) -> u64 {
        let rank = u128::from(self.histogram.len()) * u128::from(millionths);
        let rank = rank.div_ceil(1_000_000).max(1);
        let mut seen = 0_u128;
        for bucket in self.histogram.iter_recorded() {
            seen += u128::from(bucket.count_since_last_iteration());
            if seen >= rank {
                return bucket.value_iterated_to().min(self.max);
            }
        }
        self.max
    }
    /// The distribution as results keep it.
    pub(crate) fn to_data(&self, name: &str) -> HistogramData {
        let buckets = self.histogram.iter_recorded().map(|bucket| {
            (
                bucket.value_iterated_to(),
                bucket.count_since_last_iteration(),
            )
        });
        HistogramData {
            name: name.to_owned(),
            buckets: buckets.collect(),
            sum: self.sum,
            max: self.max,
        }
    }
}
