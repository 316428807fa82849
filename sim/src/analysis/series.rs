//! The observations of one run in bounded memory.

/// Observations of a batch at the start, as MSER-5 has them.
const BATCH_LEN_MIN: u64 = 5;
/// Batches that are kept; twice as many are halved by joining neighbours.
const BATCHES_MAX: usize = 8_192;

/// A series of integer observations, kept as sums of equal batches.
///
/// A run of any length keeps between 4,096 and 8,191 batches: when there are more, neighbours are
/// joined and batches hold twice as many observations. Sums are exact.
#[derive(Clone, Debug)]
pub struct Series {
    batch_len: u64,
    sums: Vec<u128>,
    open_sum: u128,
    open_len: u64,
    count: u64,
    total: u128,
}

impl Default for Series {
    fn default() -> Self {
        Self {
            batch_len: BATCH_LEN_MIN,
            sums: Vec::new(),
            open_sum: 0,
            open_len: 0,
            count: 0,
            total: 0,
        }
    }
}

impl Series {
    /// Adds the next observation.
    #[inline]
    pub fn push(&mut self, value: u64) {
        self.count += 1;
        self.open_sum += u128::from(value);
        self.open_len += 1;
        if self.open_len == self.batch_len {
            self.close_batch();
        }
    }
    fn close_batch(&mut self) {
        self.total += self.open_sum;
        self.sums.push(self.open_sum);
        (self.open_sum, self.open_len) = (0, 0);
        if self.sums.len() == BATCHES_MAX {
            for pair in 0..BATCHES_MAX / 2 {
                self.sums[pair] = self.sums[2 * pair] + self.sums[2 * pair + 1];
            }
            self.sums.truncate(BATCHES_MAX / 2);
            self.batch_len *= 2;
        }
    }
    /// Number of observations.
    pub fn count(&self) -> u64 {
        self.count
    }
    /// Sum of all observations.
    pub fn total(&self) -> u128 {
        self.total + self.open_sum
    }
    /// Observations of each full batch.
    pub fn batch_len(&self) -> u64 {
        self.batch_len
    }
    /// Means of the full batches, in order.
    pub fn batch_means(&self) -> Vec<f64> {
        self.sums
            .iter()
            .map(|&sum| sum as f64 / self.batch_len as f64)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joining_batches_loses_no_observation() {
        let mut series = Series::default();
        let count = BATCH_LEN_MIN * BATCHES_MAX as u64 * 3 + 7;
        (0..count).for_each(|value| series.push(value));
        assert_eq!(series.count(), count);
        assert_eq!(
            series.total(),
            u128::from(count) * u128::from(count - 1) / 2
        );
        assert_eq!(series.batch_len(), BATCH_LEN_MIN * 4);
        let means = series.batch_means();
        assert!((BATCHES_MAX / 2..BATCHES_MAX).contains(&means.len()));
        for (number, mean) in means.into_iter().enumerate() {
            assert_eq!(mean, number as f64 * 20.0 + 9.5);
        }
    }
}
