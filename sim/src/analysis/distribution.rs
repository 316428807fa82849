//! Quantiles of the normal and of Student's t distribution, on `libm` alone.
//!
//! Both are found by Newton's method on the distribution function, from a published approximation.
//! Formula numbers are those of Abramowitz and Stegun, "Handbook of Mathematical Functions" (1964).

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// The number that a standard normal variable stays below with probability `p`.
///
/// # Panics
/// If `p` is not inside (0, 1).
pub fn normal_quantile(p: f64) -> f64 {
    assert!(
        p > 0.0 && p < 1.0,
        "a quantile needs a probability inside (0, 1), not {p}"
    );
    if p == 0.5 {
        return 0.0;
    }
    // The upper tail, so that nothing is lost to rounding near one.
    let tail = p.min(1.0 - p);
    // Formula 26.2.23, within 4.5e-4.
    let t = libm::sqrt(-2.0 * libm::log(tail));
    let numerator = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let denominator = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    let mut z = t - numerator / denominator;
    // Each step squares the error: 1e-7, 1e-14.
    for _ in 0..3 {
        let above = 0.5 * libm::erfc(z * FRAC_1_SQRT_2);
        let density = libm::exp(-0.5 * z * z) / libm::sqrt(2.0 * PI);
        z += (above - tail) / density;
    }
    if p > 0.5 { z } else { -z }
}

/// The probability that a Student t variable with `degrees` of freedom stays below `t`.
///
/// # Panics
/// If `degrees` is not positive.
pub fn student_t_cdf(t: f64, degrees: f64) -> f64 {
    let tail = student_t_tail(t, degrees);
    if t > 0.0 { 1.0 - tail } else { tail }
}

/// The number that a Student t variable with `degrees` of freedom stays below with probability `p`.
///
/// Degrees need not be whole: overlapping batch means have fractional ones.
///
/// # Panics
/// If `p` is not inside (0, 1) or `degrees` is below one.
pub fn student_t_quantile(p: f64, degrees: f64) -> f64 {
    assert!(
        p > 0.0 && p < 1.0,
        "a quantile needs a probability inside (0, 1), not {p}"
    );
    assert!(
        degrees >= 1.0,
        "an interval has at least one degree of freedom, not {degrees}"
    );
    if p == 0.5 {
        return 0.0;
    }
    let tail = p.min(1.0 - p);
    // The root lies between the normal quantile and the one for one degree of freedom, the
    // cotangent of pi times the tail, which is written by its bound 1/(pi tail).
    let mut low = -normal_quantile(tail);
    let mut high = (1.0 / (PI * tail)).max(low);
    // Formula 26.7.5 to its second term.
    let (z, v) = (low, degrees);
    let z3 = z * z * z;
    let mut t =
        z + (z3 + z) / (4.0 * v) + (5.0 * z3 * z * z + 16.0 * z3 + 3.0 * z) / (96.0 * v * v);
    t = t.clamp(low, high);
    for _ in 0..200 {
        let excess = student_t_tail(t, degrees) - tail;
        if excess > 0.0 {
            low = t;
        } else {
            high = t;
        }
        let newton = t + excess / student_t_density(t, degrees);
        // A step that leaves the bracket is replaced by halving it.
        let next = if newton > low && newton < high {
            newton
        } else {
            0.5 * (low + high)
        };
        if libm::fabs(next - t) <= 1e-13 * next {
            t = next;
            break;
        }
        t = next;
    }
    if p > 0.5 { t } else { -t }
}

/// The probability beyond |`t`| on one side: formula 26.7.1 by the incomplete beta function.
fn student_t_tail(t: f64, degrees: f64) -> f64 {
    assert!(
        degrees > 0.0,
        "degrees of freedom are positive, not {degrees}"
    );
    0.5 * incomplete_beta(degrees / (degrees + t * t), 0.5 * degrees, 0.5)
}

fn student_t_density(t: f64, degrees: f64) -> f64 {
    let log_scale = libm::lgamma(0.5 * (degrees + 1.0))
        - libm::lgamma(0.5 * degrees)
        - 0.5 * libm::log(degrees * PI);
    libm::exp(log_scale - 0.5 * (degrees + 1.0) * libm::log1p(t * t / degrees))
}

/// The regularised incomplete beta function I_x(a, b), by the continued fraction 26.5.8.
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // The fraction converges fast below this point; beyond it I_x(a, b) = 1 - I_{1-x}(b, a).
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta_fraction(1.0 - x, b, a);
    }
    incomplete_beta_fraction(x, a, b)
}

/// Lentz's evaluation of the fraction (Thompson and Barnett, J. Comput. Phys. 64, 1986).
fn incomplete_beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let kept = |value: f64| {
        if libm::fabs(value) < TINY {
            TINY
        } else {
            value
        }
    };
    let mut c = 1.0;
    let mut d = 1.0 / kept(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for step in 1..10_000 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / kept(1.0 + even * d);
        c = kept(1.0 + even / c);
        fraction *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / kept(1.0 + odd * d);
        c = kept(1.0 + odd / c);
        fraction *= d * c;
        if libm::fabs(d * c - 1.0) < 1e-16 {
            break;
        }
    }
    let log_front = libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b)
        + a * libm::log(x)
        + b * libm::log1p(-x);
    libm::exp(log_front) * fraction / a
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: f64, expected: f64) {
        let error = libm::fabs(found - expected) / libm::fabs(expected).max(1.0);
        assert!(error < 1e-9, "{found} instead of {expected}");
    }

    /// The digits of printed tables (three decimals), carried to twelve digits by evaluating the
    /// defining integral with 30 digits.
    #[test]
    fn student_quantiles_are_those_of_the_tables() {
        let degrees = [1.0, 2.0, 3.0, 5.0, 10.0, 29.0, 30.0, 44.5, 120.0, 10_000.0];
        for (p, table) in [
            (
                0.9,
                [
                    3.077_683_537_18,
                    1.885_618_083_16,
                    1.637_744_353_70,
                    1.475_884_048_82,
                    1.372_183_641_11,
                    1.311_433_647_30,
                    1.310_415_025_39,
                    1.300_867_182_45,
                    1.288_646_233_66,
                    1.281_636_229_73,
                ],
            ),
            (
                0.975,
                [
                    12.706_204_736_2,
                    4.302_652_729_75,
                    3.182_446_305_28,
                    2.570_581_835_64,
                    2.228_138_851_99,
                    2.045_229_642_13,
                    2.042_272_456_30,
                    2.014_728_188_23,
                    1.979_930_405_08,
                    1.960_201_239_89,
                ],
            ),
            (
                0.995,
                [
                    63.656_741_162_9,
                    9.924_843_200_92,
                    5.840_909_309_73,
                    4.032_142_983_56,
                    3.169_272_672_62,
                    2.756_385_903_67,
                    2.749_995_653_57,
                    2.690_915_894_03,
                    2.617_421_145_11,
                    2.576_321_046_67,
                ],
            ),
            (
                0.9995,
                [
                    636.619_248_769,
                    31.599_054_576_4,
                    12.923_978_636_7,
                    6.868_826_625_88,
                    4.586_893_858_70,
                    3.659_405_019_47,
                    3.645_958_635_04,
                    3.522_993_296_03,
                    3.373_453_768_56,
                    3.291_499_965_94,
                ],
            ),
            (
                0.999_99,
                [
                    31_830.988_607_9,
                    223.603_443_634,
                    47.927_728_375_9,
                    15.546_854_535_0,
                    7.526_954_019_34,
                    5.085_504_702_01,
                    5.054_032_421_45,
                    4.771_650_078_24,
                    4.441_563_456_95,
                    4.266_937_665_77,
                ],
            ),
        ] {
            for (degrees, expected) in degrees.into_iter().zip(table) {
                check(student_t_quantile(p, degrees), expected);
                check(student_t_quantile(1.0 - p, degrees), -expected);
            }
        }
    }

    #[test]
    fn normal_quantiles_are_those_of_the_tables() {
        for (p, expected) in [
            (0.9, 1.281_551_565_544_6),
            (0.975, 1.959_963_984_540_1),
            (0.995, 2.575_829_303_548_9),
            (0.9995, 3.290_526_731_491_9),
            (0.999_99, 4.264_890_793_922_8),
            (0.025, -1.959_963_984_540_1),
        ] {
            check(normal_quantile(p), expected);
        }
    }

    #[test]
    fn two_degrees_of_freedom_follow_their_closed_form() {
        for p in [0.001, 0.2, 0.51, 0.8, 0.999, 0.999_999] {
            let closed = (2.0 * p - 1.0) / libm::sqrt(2.0 * p * (1.0 - p));
            check(student_t_quantile(p, 2.0), closed);
        }
    }

    #[test]
    fn the_quantile_inverts_the_distribution_function() {
        for degrees in [1.0, 1.5, 4.0, 27.5, 300.0] {
            for p in [0.000_1, 0.3, 0.5, 0.6, 0.99, 0.999_99] {
                check(student_t_cdf(student_t_quantile(p, degrees), degrees), p);
            }
        }
    }
}
