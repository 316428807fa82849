//! Durations of one command in buckets of growing width, as `hdr_histogram` of Redis keeps them
//! (`redis:deps/hdr_histogram`, hdr_init with 1 ns, 1 s and two digits).
//!
//! Up to 256 ns each nanosecond has a bucket of its own; behind that, each doubling has 128, so that
//! a value is known to 1 part in 128.

use kvrig_base::time::Span;

/// Buckets of the first doubling, of which each further one has half.
const SUB_BUCKETS: u64 = 256;
const HALF: u64 = SUB_BUCKETS / 2;
/// What is longer is counted as this (LATENCY_HISTOGRAM_MAX_VALUE): one second.
const NANOS_MAX: u64 = 1_000_000_000;
/// Where the buckets of LATENCY HISTOGRAM begin, in nanoseconds; each is twice as wide as the one
/// before.
const FIRST_TOLD_NANOS: u64 = 1_024;

/// The durations that were counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Durations {
    /// As many buckets as the longest duration needs.
    counts: Vec<u64>,
    total: u64,
}

/// The bucket of a duration.
fn bucket(nanos: u64) -> usize {
    let doublings = doublings(nanos);
    (doublings * HALF + (nanos >> doublings)) as usize
}

/// By how many doublings of width the bucket of a duration is wider than the first.
fn doublings(nanos: u64) -> u64 {
    let bits = u64::BITS - (nanos | (SUB_BUCKETS - 1)).leading_zeros();
    u64::from(bits) - u64::from(SUB_BUCKETS.trailing_zeros())
}

/// The largest duration of the bucket that this one lies in.
fn bucket_end(nanos: u64) -> u64 {
    let doublings = doublings(nanos);
    (((nanos >> doublings) + 1) << doublings) - 1
}

/// The least duration of a bucket.
fn bucket_start(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    match bucket / HALF {
        0 | 1 => bucket,
        half => (bucket - (half - 1) * HALF) << (half - 1),
    }
}

impl Durations {
    /// Counts one.
    pub(super) fn add(&mut self, took: Span) {
        let bucket = bucket(took.as_nanos().clamp(1, NANOS_MAX));
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
        self.total += 1;
    }
    /// How many there are.
    pub(super) fn total(&self) -> u64 {
        self.total
    }
    /// The duration in nanoseconds that so many percent do not exceed, to the end of its bucket
    /// (hdr_value_at_percentile).
    pub(super) fn percentile_nanos(&self, percent: f64) -> u64 {
        let wanted = (percent.min(100.0) / 100.0 * self.total as f64 + 0.5) as u64;
        let wanted = wanted.max(1);
        let mut sum = 0;
        let found = self.counts.iter().position(|count| {
            sum += count;
            sum >= wanted
        });
        found.map_or(0, |bucket| bucket_end(bucket_start(bucket)))
    }
    /// How many lasted up to so many microseconds, for each bucket of LATENCY HISTOGRAM that has any
    /// (fillCommandCDF).
    pub(super) fn told(&self) -> Vec<(u64, u64)> {
        let mut told = Vec::new();
        let (mut end, mut sum, mut told_sum) = (FIRST_TOLD_NANOS, 0, 0);
        for (bucket, count) in self.counts.iter().enumerate() {
            // A bucket is told with the first end that it does not reach beyond.
            while bucket_start(bucket) > bucket_end(end) {
                if sum > told_sum {
                    told.push((bucket_end(end) / 1_000, sum));
                    told_sum = sum;
                }
                end *= 2;
            }
            sum += count;
        }
        if sum > told_sum {
            told.push((bucket_end(end) / 1_000, sum));
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_one_another_without_a_gap() {
        for number in 0..3_000 {
            let start = bucket_start(number);
            assert_eq!(bucket(start), number);
            assert_eq!(bucket(bucket_end(start)), number);
            assert_eq!(bucket_end(start) + 1, bucket_start(number + 1));
        }
    }

    /// Commands that redis-server 7.0.15 had run once, in microseconds, with what INFO latencystats
    /// told of them.
    #[test]
    fn percentiles_are_those_of_redis() {
        for (micros, told) in [
            (3, 3_007),
            (4, 4_015),
            (5, 5_023),
            (6, 6_015),
            (13, 13_055),
            (79, 79_359),
        ] {
            let mut durations = Durations::default();
            durations.add(Span::from_micros(micros));
            assert_eq!(durations.percentile_nanos(50.0), told, "{micros} us");
            assert_eq!(durations.percentile_nanos(99.9), told, "{micros} us");
        }
    }

    /// The same of LATENCY HISTOGRAM, after DEBUG SLEEP of 10 to 60 ms.
    #[test]
    fn the_buckets_that_are_told_are_those_of_redis() {
        let mut durations = Durations::default();
        for millis in [10, 20, 30, 40, 50, 60] {
            durations.add(Span::from_micros(millis * 1_000 + 80));
        }
        assert_eq!(durations.told(), [(16_908, 1), (33_816, 3), (67_633, 6)]);
        let mut durations = Durations::default();
        durations.add(Span::from_micros(3));
        assert_eq!(durations.told(), [(4, 1)]);
    }
}
