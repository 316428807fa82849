//! Continuous laws, drawn by inversion: one addressed draw gives one variate.

use crate::error::Error;
use libm::{erfc, exp, expm1, fabs, log, log1p, sqrt, tgamma};

/// A continuous distribution with a mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Law {
    /// The normal distribution.
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation.
        deviation: f64,
    },
    /// The generalised extreme value distribution.
    Gev {
        /// Location (mu).
        location: f64,
        /// Scale (sigma).
        scale: f64,
        /// Shape (xi): heavy-tailed above 0, Gumbel at 0, bounded above below 0.
        shape: f64,
    },
    /// The generalised Pareto distribution.
    GPareto {
        /// Location: the smallest value.
        location: f64,
        /// Scale.
        scale: f64,
        /// Shape: heavy-tailed above 0, exponential at 0, bounded above below 0.
        shape: f64,
    },
}

/// Euler's constant, the mean of the standard Gumbel distribution.
const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;

impl Law {
    /// Refuses parameters that make no distribution, or one without a mean (a shape of 1 or more).
    ///
    /// # Errors
    /// If a parameter is not finite, a scale is not positive or a shape is not between -1 and 1.
    pub fn checked(self) -> Result<Self, Error> {
        let (parameters, scale, shape) = match self {
            Self::Normal { mean, deviation } => ([mean, deviation], deviation, 0.0),
            Self::Gev {
                location,
                scale,
                shape,
            }
            | Self::GPareto {
                location,
                scale,
                shape,
            } => ([location, scale], scale, shape),
        };
        if parameters.iter().any(|parameter| !parameter.is_finite()) || scale <= 0.0 {
            return Err(Error::ScaleNotPositive(scale));
        }
        match shape > -1.0 && shape < 1.0 {
            true => Ok(self),
            false => Err(Error::ShapeOutOfRange(shape)),
        }
    }
    /// The value below which the share `uniform`, between 0 and 1, of the distribution lies.
    #[inline]
    pub fn quantile(&self, uniform: f64) -> f64 {
        match *self {
            Self::Normal { mean, deviation } => mean + deviation * standard_normal(uniform),
            Self::Gev {
                location,
                scale,
                shape,
            } => location + scale * stretched(-log(-log(uniform)), shape),
            Self::GPareto {
                location,
                scale,
                shape,
            } => location + scale * stretched(-log1p(-uniform), shape),
        }
    }
    /// The mean.
    pub fn mean(&self) -> f64 {
        match *self {
            Self::Normal { mean, .. } => mean,
            Self::Gev {
                location,
                scale,
                shape,
            } => match shape == 0.0 {
                true => location + scale * EULER_GAMMA,
                false => location + scale * (tgamma(1.0 - shape) - 1.0) / shape,
            },
            Self::GPareto {
                location,
                scale,
                shape,
            } => location + scale / (1.0 - shape),
        }
    }
}

/// (e^(`shape` `y`) - 1) / `shape`, and `y` at shape 0: what both generalised laws make of an
/// exponential or a Gumbel variate.
#[inline]
fn stretched(y: f64, shape: f64) -> f64 {
    match shape == 0.0 {
        true => y,
        false => expm1(shape * y) / shape,
    }
}

/// The quantile of the standard normal distribution.
///
/// Acklam's rational approximation ("An algorithm for computing the inverse normal cumulative
/// distribution function", 2003; relative error 1.15e-9) and one step of Halley's method towards
/// the root, which leaves rounding errors alone.
fn standard_normal(uniform: f64) -> f64 {
    const CENTRE: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const CENTRE_BELOW: [f64; 6] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
        1.0,
    ];
    const TAIL: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const TAIL_BELOW: [f64; 5] = [
        7.784_695_709_041_462e-3,
        3.224_671_290_700_398e-1,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
        1.0,
    ];
    /// Shares on each side that the formula for the tails is for.
    const TAIL_SHARE: f64 = 0.024_25;

    // The lower half alone, so that no digits are lost near 1.
    let (share, sign) = match uniform <= 0.5 {
        true => (uniform, 1.0),
        false => (1.0 - uniform, -1.0),
    };
    let guess = if share < TAIL_SHARE {
        let q = sqrt(-2.0 * log(share));
        polynomial(&TAIL, q) / polynomial(&TAIL_BELOW, q)
    } else {
        let q = share - 0.5;
        q * polynomial(&CENTRE, q * q) / polynomial(&CENTRE_BELOW, q * q)
    };
    let error = 0.5 * erfc(-guess / std::f64::consts::SQRT_2) - share;
    let step = error * sqrt(2.0 * std::f64::consts::PI) * exp(guess * guess / 2.0);
    let refined = guess - step / (1.0 + guess * step / 2.0);
    // Where the density underflows there is nothing to step by.
    sign * match refined.is_finite() && fabs(step) < 1.0 {
        true => refined,
        false => guess,
    }
}

/// Horner's scheme, the highest power first.
fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients
        .iter()
        .fold(0.0, |sum, coefficient| sum * x + coefficient)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(got: f64, expected: f64, tolerance: f64) {
        assert!(
            (got / expected - 1.0).abs() < tolerance,
            "{got} instead of {expected}"
        );
    }

    /// Abramowitz and Stegun, table 26.5, and the far tail by its distribution function.
    #[test]
    fn normal_quantiles_invert_the_distribution() {
        let law = Law::Normal {
            mean: 0.0,
            deviation: 1.0,
        };
        for (share, expected) in [
            (0.975, 1.959_963_984_540_054),
            (0.99, 2.326_347_874_040_841),
            (0.001, -3.090_232_306_167_813_5),
            (0.25, -0.674_489_750_196_081_7),
        ] {
            assert_close(law.quantile(share), expected, 1e-14);
        }
        assert!(law.quantile(0.5).abs() < 1e-15);
        for share in [1e-300, 1e-50, 1e-16, 1e-6, 0.02, 0.3] {
            let back = 0.5 * erfc(-law.quantile(share) / std::f64::consts::SQRT_2);
            assert_close(back, share, 1e-9);
        }
    }

    /// Quantiles of the laws of the ETC workload, and of their limits at shape 0.
    #[test]
    fn quantiles_of_the_generalised_laws_are_met() {
        let key = Law::Gev {
            location: 30.7984,
            scale: 8.204_49,
            shape: 0.078_688,
        };
        for (share, expected) in [
            (0.01, 18.99),
            (0.5, 33.85),
            (0.9, 51.0),
            (0.99, 76.28),
            (0.999, 106.08),
        ] {
            assert_close(key.quantile(share), expected, 3e-4);
        }
        assert_close(key.mean(), 36.22, 1e-3);
        let gap = Law::GPareto {
            location: 0.0,
            scale: 16.0292,
            shape: 0.154_971,
        };
        for (share, expected) in [(0.5, 11.73), (0.9, 44.35), (0.99, 107.72), (0.999, 198.27)] {
            assert_close(gap.quantile(share), expected, 1e-3);
        }
        assert_close(gap.mean(), 18.969, 1e-4);
        let exponential = Law::GPareto {
            location: 0.0,
            scale: 2.0,
            shape: 0.0,
        };
        assert_close(exponential.quantile(0.5), 2.0 * log(2.0), 1e-15);
        let gumbel = Law::Gev {
            location: 1.0,
            scale: 2.0,
            shape: 0.0,
        };
        assert_close(gumbel.quantile(exp(-1.0)), 1.0, 1e-15);
        assert_close(gumbel.mean(), 1.0 + 2.0 * EULER_GAMMA, 1e-15);
    }

    #[test]
    fn parameters_that_make_no_distribution_are_refused() {
        let pareto = |scale, shape| {
            Law::GPareto {
                location: 0.0,
                scale,
                shape,
            }
            .checked()
        };
        assert_eq!(pareto(0.0, 0.1), Err(Error::ScaleNotPositive(0.0)));
        assert_eq!(pareto(1.0, 1.0), Err(Error::ShapeOutOfRange(1.0)));
        assert!(pareto(f64::INFINITY, 0.0).is_err());
        assert!(pareto(1.0, 0.9).is_ok());
    }
}
