//! Numbers as people read them: values of axes, and differences between two results.
//!
//! Single values are printed by [`kvrig_base::quantity::format_value`], like everywhere in kvrig.
//! Everything here is integer arithmetic, so the same value prints the same text on every machine.
//! Exact values are in the CSV and JSON files beside every report.

use kvrig_base::metric::Unit;
use kvrig_base::quantity::format_value;
use kvrig_base::result::Quantity;

/// A value of an axis, with its unit.
pub fn quantity(quantity: Quantity, value: i64) -> String {
    match quantity {
        Quantity::Nanos => format_value(Unit::Nanos, value),
        Quantity::Bytes => format_value(Unit::Bytes, value),
        Quantity::Count | Quantity::Category => count(value),
        Quantity::PowerOfTwo => power_of_two(value),
        Quantity::Ppm => format_value(Unit::Ppm, value),
        Quantity::Milli => format_value(Unit::Milli, value),
        Quantity::MicroDollars => dollars(value),
        Quantity::Nines => nines(value),
    }
}

/// The difference `new - old` with its sign, and its share of `old`: `+1.2 ms (+4.5 %)`.
pub fn delta(of: Unit, new: i64, old: i64) -> String {
    let difference = new.saturating_sub(old);
    if difference == 0 {
        return "=".to_owned();
    }
    let sign = if difference > 0 { "+" } else { "" };
    let absolute = format!("{sign}{}", format_value(of, difference));
    match share_ppm(difference, old) {
        Some(ppm) => format!("{absolute} ({sign}{})", format_value(Unit::Ppm, ppm)),
        None => absolute,
    }
}

/// `part` of `whole` in parts per million, rounded half away from zero; nothing where `whole` is
/// zero or the share exceeds what an i64 holds.
pub fn share_ppm(part: i64, whole: i64) -> Option<i64> {
    if whole == 0 {
        return None;
    }
    let scaled = i128::from(part) * 1_000_000;
    let whole = i128::from(whole).abs();
    let half = if scaled < 0 { -whole / 2 } else { whole / 2 };
    i64::try_from((scaled + half) / whole).ok()
}

/// A factor in parts per million, cut after two decimals: `1.27x`.
pub fn factor(ppm: i64) -> String {
    let sign = if ppm < 0 { "-" } else { "" };
    let ppm = ppm.unsigned_abs();
    format!("{sign}{}.{:02}x", ppm / 1_000_000, ppm % 1_000_000 / 10_000)
}

/// Whole dollars read as counts do, `$1.5k`; what has cents keeps them.
fn dollars(micro: i64) -> String {
    const DOLLAR: i64 = 1_000_000;
    match micro % DOLLAR {
        0 if micro > 0 => format!("${}", count(micro / DOLLAR)),
        _ => format_value(Unit::MicroDollars, micro),
    }
}

/// A count reads as a rate does, without its second: `15.4k`.
fn count(value: i64) -> String {
    let rate = format_value(Unit::OpsPerSecond, value);
    rate.strip_suffix("/s").unwrap_or(&rate).to_owned()
}

fn power_of_two(value: i64) -> String {
    match u64::try_from(value) {
        Ok(n) if n.is_power_of_two() && n > 1 => {
            format!("2{}", superscript(n.trailing_zeros()))
        }
        _ => count(value),
    }
}

fn superscript(n: u32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    n.to_string()
        .chars()
        .filter_map(|c| c.to_digit(10))
        .map(|d| DIGITS[d as usize])
        .collect()
}

/// The quantile q of a value in millionths of 1/(1-q), with every nine that it has.
fn nines(value: i64) -> String {
    const ONE: i128 = 1_000_000;
    let value = i128::from(value.max(1_000_000));
    // 100 q = 100 - 100 ONE / value, kept to two digits beyond its last nine.
    let mut decimals = 0_u32;
    let mut tail = value / ONE;
    while tail >= 1_000 {
        tail /= 10;
        decimals += 1;
    }
    let power = 10_i128.pow(decimals + 2);
    let rest = (100 * ONE * power + value / 2) / value;
    let shown = 100 * power - rest;
    let text = format!(
        "{}.{:0width$}",
        shown / power,
        shown % power,
        width = (decimals + 2) as usize
    );
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_carry_the_unit_that_reads_best() {
        let cases = [
            (Quantity::Nanos, 0, "0 ns"),
            (Quantity::Nanos, 999, "999 ns"),
            (Quantity::Nanos, 1_623_456, "1.623 ms"),
            (Quantity::Nanos, 480_123_456, "480.1 ms"),
            (Quantity::Nanos, 999_960_000, "1 s"),
            (Quantity::Nanos, -2_500, "-2.5 us"),
            (Quantity::Bytes, 8 << 20, "8 MiB"),
            (Quantity::Bytes, 1_023 << 20, "1023 MiB"),
            (Quantity::Count, 123_000, "123k"),
            (Quantity::PowerOfTwo, 1 << 20, "2²⁰"),
            (Quantity::PowerOfTwo, 1_500_000, "1.5M"),
            (Quantity::Ppm, 24_500, "2.45 %"),
            (Quantity::Milli, 50_500, "50.5"),
            (Quantity::MicroDollars, 0, "$0"),
            (Quantity::MicroDollars, 100_000, "$0.10"),
            (Quantity::MicroDollars, 625, "$0.000625"),
            (Quantity::MicroDollars, 50_000_000, "$50"),
            (Quantity::MicroDollars, 1_500_000_000, "$1.5k"),
            (Quantity::MicroDollars, 1_234_565_000, "$1,234.57"),
            (Quantity::MicroDollars, -2_500_000, "-$2.50"),
            (Quantity::Nines, 1_000_000, "0 %"),
            (Quantity::Nines, 2_000_000, "50 %"),
            (Quantity::Nines, 10_000_000, "90 %"),
            (Quantity::Nines, 1_000_000_000, "99.9 %"),
            (Quantity::Nines, 1_000_000_000_000, "99.9999 %"),
        ];
        for (kind, value, expected) in cases {
            assert_eq!(quantity(kind, value), expected, "{kind:?} {value}");
        }
    }

    #[test]
    fn deltas_carry_their_sign_and_share() {
        assert_eq!(delta(Unit::Nanos, 1_100, 1_000), "+100 ns (+10 %)");
        assert_eq!(delta(Unit::Nanos, 900, 1_000), "-100 ns (-10 %)");
        assert_eq!(delta(Unit::Ops, 5, 0), "+5");
        assert_eq!(delta(Unit::Ops, 5, 5), "=");
    }

    proptest! {
        #[test]
        fn every_value_prints_without_panic(value: i64, other: i64) {
            for kind in [Quantity::Nanos, Quantity::Bytes, Quantity::Count, Quantity::PowerOfTwo,
                         Quantity::Ppm, Quantity::Milli, Quantity::Nines] {
                prop_assert!(!quantity(kind, value).is_empty());
            }
            prop_assert!(!delta(Unit::Nanos, value, other).is_empty());
        }

    }
}
