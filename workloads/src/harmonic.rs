//! Generalised harmonic numbers without summing all their terms.

use libm::{expm1, log, pow};

/// Terms summed one by one before the series takes over.
///
/// From 2,000 on the last correction of the series is below 1e-24 for every exponent up to 3.
const EXPLICIT_TERMS: u64 = 2_000;

/// Sum of k^-`s` for k = 1..=`n`.
///
/// The first terms are added up, the rest follows by the Euler-Maclaurin formula (DLMF 2.10.1),
/// which is smooth through `s` = 1. Takes constant time.
pub fn harmonic(n: u64, s: f64) -> f64 {
    let explicit = n.min(EXPLICIT_TERMS);
    // The smallest terms first, so that they are not lost beside the sum.
    let head: f64 = (1..=explicit).rev().map(|k| pow(k as f64, -s)).sum();
    head + series(explicit, n, s)
}

/// Sum of k^-`s` for k = `after` + 1..=`last`.
pub fn harmonic_between(after: u64, last: u64, s: f64) -> f64 {
    if after >= EXPLICIT_TERMS {
        return series(after, last, s);
    }
    let explicit = last.min(EXPLICIT_TERMS);
    let head: f64 = (after + 1..=explicit)
        .rev()
        .map(|k| pow(k as f64, -s))
        .sum();
    head + series(explicit, last, s)
}

/// The same by the series alone, for `after` of at least [`EXPLICIT_TERMS`] or `last` = `after`.
fn series(after: u64, last: u64, s: f64) -> f64 {
    if last <= after {
        return 0.0;
    }
    let (low, high) = (after as f64, last as f64);
    let correction = |x: f64| {
        let value = pow(x, -s);
        let first = -s * value / x;
        let third = first * (s + 1.0) * (s + 2.0) / (x * x);
        value / 2.0 + first / 12.0 - third / 720.0
    };
    integral(low, high, s) + correction(high) - correction(low)
}

/// Integral of x^-`s` over `low`..`high`, written so that nothing is lost near `s` = 1.
fn integral(low: f64, high: f64, s: f64) -> f64 {
    let stretch = log(high / low);
    let exponent = (1.0 - s) * stretch;
    let mean = if exponent == 0.0 {
        1.0
    } else {
        expm1(exponent) / exponent
    };
    pow(low, 1.0 - s) * stretch * mean
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published targets to all digits that they have; the last was summed term by term.
    #[test]
    fn known_values_are_met() {
        for (n, s, expected) in [
            (1_000_000, 0.8, 74.807_129_131_625),
            (1_000_000, 0.99, 15.391_849_746_037),
            (1_000_000, 1.0, 14.392_726_722_866),
            (1_000_000, 1.2, 5.276_103_800_486),
            (100_000_000, 1.2, 5.465_988_119_728),
            (100_000_000, 0.99, 20.802_930_490_024),
        ] {
            let got = harmonic(n, s);
            assert!((got - expected).abs() < 3e-12, "H({n}, {s}) = {got}");
        }
    }

    #[test]
    fn the_series_agrees_with_term_by_term_sums() {
        for s in [0.0, 0.5, 1.0 - 1e-9, 1.0, 1.0 + 1e-9, 2.68, 3.0] {
            let direct: f64 = (1..=50_000_u32).rev().map(|k| pow(f64::from(k), -s)).sum();
            let got = harmonic(50_000, s);
            assert!(
                (got / direct - 1.0).abs() < 1e-13,
                "s = {s}: {got} {direct}"
            );
            let parts = harmonic(1_234, s) + harmonic_between(1_234, 50_000, s);
            assert!(
                (parts / direct - 1.0).abs() < 1e-13,
                "s = {s}: {parts} {direct}"
            );
        }
    }

    #[test]
    fn every_term_of_the_uniform_case_counts_one() {
        assert_eq!(harmonic(1, 0.0), 1.0);
        assert!((harmonic(1 << 40, 0.0) / (1_u64 << 40) as f64 - 1.0).abs() < 1e-14);
    }
}
