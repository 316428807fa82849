//! Intervals over independent replications: one number from each seed.

use super::{Interval, mean, squared_deviations};

/// The interval for the mean of one number per seed: a mean, a quantile, a count.
///
/// # Panics
/// If there are fewer than two values.
pub fn replication_interval(values: &[f64], confidence: f64) -> Interval {
    assert!(values.len() >= 2, "an interval needs two replications");
    let count = values.len() as f64;
    let estimate = mean(values);
    let error = libm::sqrt(squared_deviations(values, estimate) / (count - 1.0) / count);
    Interval::student(estimate, error, count - 1.0, confidence)
}

/// Two variants that saw the same random numbers, seed by seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedComparison {
    /// Interval for the mean of second minus first.
    pub difference: Interval,
    /// How many times as many seeds unpaired runs would need for the same interval: the variance of
    /// the difference without the pairing over that with it.
    pub variance_ratio: f64,
}

/// Compares two variants by their differences under each seed (common random numbers).
///
/// # Panics
/// If the lengths differ or there are fewer than two seeds.
pub fn paired_comparison(first: &[f64], second: &[f64], confidence: f64) -> PairedComparison {
    assert_eq!(
        first.len(),
        second.len(),
        "every seed has run both variants"
    );
    let differences: Vec<f64> = first.iter().zip(second).map(|(a, b)| b - a).collect();
    let difference = replication_interval(&differences, confidence);
    let unpaired =
        squared_deviations(first, mean(first)) + squared_deviations(second, mean(second));
    let paired = squared_deviations(&differences, difference.estimate);
    let variance_ratio = if paired > 0.0 {
        unpaired / paired
    } else {
        f64::INFINITY
    };
    PairedComparison {
        difference,
        variance_ratio,
    }
}

/// When there are enough replications: a rule over simulated data alone, so that a faster machine
/// stops at the same seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RelativePrecision {
    /// Half-width over estimate that is wanted.
    pub half_width: f64,
    /// Confidence of the interval.
    pub confidence: f64,
    /// Replications before the rule is asked: early intervals are short by chance.
    pub replications_min: usize,
    /// Replications at which it gives up.
    pub replications_max: usize,
}

/// What [`RelativePrecision`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Run another seed.
    More,
    /// The interval is short enough.
    Reached,
    /// It is not, and no more seeds may be run.
    GivenUp,
}

impl RelativePrecision {
    /// What to do after the replications that gave `values`.
    pub fn judge(&self, values: &[f64]) -> Precision {
        let enough = values.len() >= self.replications_min.max(2);
        let interval = enough.then(|| replication_interval(values, self.confidence));
        match interval {
            Some(interval) if interval.relative_half_width() <= self.half_width => {
                Precision::Reached
            }
            _ if values.len() >= self.replications_max => Precision::GivenUp,
            _ => Precision::More,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::random::{Seed, open_unit};

    /// Mean wait of 2,000 customers at 80 % load under one seed, with services of mean `service`.
    ///
    /// Draws belong to the customer, so both variants see the same arrivals and service demands.
    fn mean_wait(seed: u64, stream: &str, service: f64) -> f64 {
        let stream = Seed(seed).stream(stream);
        let (mut wait, mut sum) = (0.0_f64, 0.0);
        for customer in 0..2_000 {
            let [demand, gap] = stream.at(0, customer).0;
            sum += wait;
            wait += libm::log(open_unit(gap)) / 0.8 - service * libm::log(open_unit(demand));
            wait = wait.max(0.0);
        }
        sum / 2_000.0
    }

    #[test]
    fn common_random_numbers_need_far_fewer_seeds() {
        let waits = |stream: &str, service| -> Vec<f64> {
            (0..100)
                .map(|seed| mean_wait(seed, stream, service))
                .collect()
        };
        let slow = waits("same", 1.0);
        let paired = paired_comparison(&slow, &waits("same", 0.95), 0.95);
        let independent = paired_comparison(&slow, &waits("other", 0.95), 0.95);
        assert!(paired.variance_ratio > 4.0, "{paired:?}");
        assert!(
            (0.5..2.0).contains(&independent.variance_ratio),
            "{independent:?}"
        );
        assert!(
            paired.difference.hi < 0.0,
            "the faster server is seen to be faster: {paired:?}"
        );
    }

    #[test]
    fn the_stopping_rule_waits_for_its_least_number_and_gives_up_at_its_most() {
        let rule = RelativePrecision {
            half_width: 0.05,
            confidence: 0.95,
            replications_min: 4,
            replications_max: 6,
        };
        assert_eq!(rule.judge(&[10.0, 10.0, 10.0]), Precision::More);
        assert_eq!(rule.judge(&[10.0, 10.1, 9.9, 10.0]), Precision::Reached);
        assert_eq!(rule.judge(&[10.0, 20.0, 30.0, 5.0]), Precision::More);
        assert_eq!(
            rule.judge(&[10.0, 20.0, 30.0, 5.0, 1.0, 9.0]),
            Precision::GivenUp
        );
    }

    #[test]
    fn equal_replications_have_an_interval_of_no_length() {
        let interval = replication_interval(&[7.0, 7.0, 7.0], 0.95);
        assert_eq!(
            (interval.lo, interval.estimate, interval.hi),
            (7.0, 7.0, 7.0)
        );
    }
}
