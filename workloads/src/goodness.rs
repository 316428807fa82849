//! Goodness of fit: Pearson's chi-square with its tail probability.

use libm::{exp, fabs, lgamma, log};

/// How well counts fit what was expected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChiSquare {
    /// The statistic.
    pub statistic: f64,
    /// Degrees of freedom: bins less one.
    pub degrees: u32,
    /// Probability of a statistic at least this large if the expectation is true.
    pub p: f64,
}

impl ChiSquare {
    /// The statistic in standard deviations from its mean.
    pub fn z(&self) -> f64 {
        match self.degrees {
            0 => 0.0,
            degrees => {
                let degrees = f64::from(degrees);
                (self.statistic - degrees) / (2.0 * degrees).sqrt()
            }
        }
    }
}

/// Compares `observed` counts with `expected` ones; both describe all draws.
pub fn chi_square(observed: &[u64], expected: &[f64]) -> ChiSquare {
    assert_eq!(
        observed.len(),
        expected.len(),
        "each bin has an expectation"
    );
    let statistic = observed
        .iter()
        .zip(expected)
        .map(|(&count, &expected)| {
            let difference = count as f64 - expected;
            difference * difference / expected
        })
        .sum();
    let degrees = (observed.len() as u32).saturating_sub(1);
    ChiSquare {
        statistic,
        degrees,
        p: upper_tail(statistic, degrees),
    }
}

/// Probability that chi-square of `degrees` exceeds `statistic`: the regularised upper incomplete
/// gamma function, by its series below the mean and by Lentz's continued fraction above it
/// (DLMF 8.7.1 and 8.9.2).
fn upper_tail(statistic: f64, degrees: u32) -> f64 {
    if degrees == 0 || statistic <= 0.0 {
        return 1.0;
    }
    let (a, x) = (f64::from(degrees) / 2.0, statistic / 2.0);
    let front = exp(a * log(x) - x - lgamma(a));
    if x < a + 1.0 {
        let (mut term, mut sum, mut k) = (1.0 / a, 1.0 / a, a);
        while term > sum * 1e-16 {
            k += 1.0;
            term *= x / k;
            sum += term;
        }
        return 1.0 - front * sum;
    }
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (f64::MAX, 1.0 / b);
    let mut fraction = d;
    for k in 1..10_000_u32 {
        let k = f64::from(k);
        let an = -k * (k - a);
        b += 2.0;
        d = 1.0 / (an * d + b);
        c = b + an / c;
        fraction *= d * c;
        if fabs(d * c - 1.0) < 1e-15 {
            break;
        }
    }
    front * fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Critical values of chi-square from Abramowitz and Stegun, table 26.8.
    #[test]
    fn tabulated_tails_are_met() {
        for (statistic, degrees, expected) in [
            (3.841_46, 1, 0.05),
            (10.827_6, 1, 0.001),
            (5.991_46, 2, 0.05),
            (18.307_0, 10, 0.05),
            (2.155_86, 10, 0.995),
            (149.449, 100, 0.001),
            (99.334_1, 100, 0.5),
        ] {
            let got = upper_tail(statistic, degrees);
            assert!(
                (got / expected - 1.0).abs() < 1e-4,
                "{statistic} {degrees}: {got}"
            );
        }
    }

    #[test]
    fn a_loaded_die_is_caught() {
        assert!(chi_square(&[1_000; 6], &[1_000.0; 6]).p > 0.999);
        let loaded = chi_square(&[900, 1_000, 1_000, 1_000, 1_000, 1_100], &[1_000.0; 6]);
        assert_eq!(loaded.degrees, 5);
        assert!(loaded.p < 1.3e-3, "{loaded:?}");
    }
}
