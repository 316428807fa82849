//! Confidence intervals, and how sure each must be for all of them to hold together.

use super::distribution::student_t_quantile;

/// An estimate and the interval that covers the truth with the confidence it was made for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The estimate.
    pub estimate: f64,
    /// Lower end.
    pub lo: f64,
    /// Upper end.
    pub hi: f64,
}

impl Interval {
    /// The two-sided interval of Student's t around `estimate`.
    ///
    /// # Panics
    /// If `confidence` is not inside (0, 1) or there is less than one degree of freedom.
    pub fn student(estimate: f64, standard_error: f64, degrees: f64, confidence: f64) -> Self {
        assert!(
            confidence > 0.0 && confidence < 1.0,
            "a confidence is inside (0, 1)"
        );
        let half = student_t_quantile(0.5 + 0.5 * confidence, degrees) * standard_error;
        Self {
            estimate,
            lo: estimate - half,
            hi: estimate + half,
        }
    }
    /// Half the length.
    pub fn half_width(self) -> f64 {
        0.5 * (self.hi - self.lo)
    }
    /// Half the length as a share of the estimate; infinite where the estimate is zero.
    pub fn relative_half_width(self) -> f64 {
        if self.estimate == 0.0 {
            return f64::INFINITY;
        }
        self.half_width() / libm::fabs(self.estimate)
    }
    /// Whether `value` lies within, ends included.
    pub fn contains(self, value: f64) -> bool {
        self.lo <= value && value <= self.hi
    }
}

/// The confidence of each of `intervals` independent intervals that makes all of them hold together
/// with `family_wise` confidence (Šidák 1967): its root of that order.
///
/// # Panics
/// If there are no intervals.
pub fn sidak(family_wise: f64, intervals: usize) -> f64 {
    assert!(intervals > 0, "a family has members");
    libm::pow(family_wise, 1.0 / intervals as f64)
}

/// The same for intervals that may depend on one another in any way (Bonferroni): the risk is
/// divided by their number.
///
/// # Panics
/// If there are no intervals.
pub fn bonferroni(family_wise: f64, intervals: usize) -> f64 {
    assert!(intervals > 0, "a family has members");
    1.0 - (1.0 - family_wise) / intervals as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_published_example_is_reproduced() {
        // Law, "Simulation Modeling and Analysis", example 4.26: ten observations with mean 1.34
        // and variance 0.17 have the 90 % interval 1.34 +- 0.24.
        let interval = Interval::student(1.34, libm::sqrt(0.17 / 10.0), 9.0, 0.9);
        assert!((interval.half_width() - 0.24).abs() < 0.005, "{interval:?}");
        assert!(interval.contains(1.5) && !interval.contains(1.6));
    }

    #[test]
    fn a_family_of_one_needs_no_more_and_bonferroni_asks_for_the_most() {
        assert_eq!(sidak(0.95, 1), 0.95);
        assert_eq!(bonferroni(0.95, 1), 0.95);
        assert!((sidak(0.95, 10) - 0.994_883_80).abs() < 1e-8);
        assert!(bonferroni(0.95, 10) > sidak(0.95, 10));
    }
}
