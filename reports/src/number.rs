//! Numbers as people read them: integers in base units become four significant digits and a unit.
//!
//! Everything here is integer arithmetic, so the same value prints the same text everywhere. Exact
//! values are in the CSV and JSON files beside every report.

use kvrig_base::metric::Unit;
use kvrig_base::result::Quantity;

/// Factors and names of a family of units, the largest first.
type Scale = &'static [(u64, &'static str)];

const NANOS: Scale = &[
    (1_000_000_000, " s"),
    (1_000_000, " ms"),
    (1_000, " us"),
    (1, " ns"),
];
const BYTES: Scale = &[
    (1 << 40, " TiB"),
    (1 << 30, " GiB"),
    (1 << 20, " MiB"),
    (1 << 10, " KiB"),
    (1, " B"),
];
const COUNT: Scale = &[
    (1_000_000_000, "G"),
    (1_000_000, "M"),
    (1_000, "k"),
    (1, ""),
];

/// A value of an axis, with its unit.
pub fn quantity(quantity: Quantity, value: i64) -> String {
    match quantity {
        Quantity::Nanos => scaled(value, NANOS),
        Quantity::Bytes => scaled(value, BYTES),
        Quantity::Count | Quantity::Category => scaled(value, COUNT),
        Quantity::PowerOfTwo => power_of_two(value),
        Quantity::Ppm => percent(value),
        Quantity::Nines => nines(value),
    }
}

/// A row's value, with its unit.
pub fn unit(unit: Unit, value: i64) -> String {
    match unit {
        Unit::Nanos => scaled(value, NANOS),
        Unit::Bytes => scaled(value, BYTES),
        Unit::Ops => grouped(value),
        Unit::OpsPerSecond => format!("{}/s", scaled(value, COUNT)),
        Unit::Ppm => percent(value),
    }
}

/// The difference `new - old` with its sign, and its share of `old`: `+1.2 ms (+4.5 %)`.
pub fn delta(of: Unit, new: i64, old: i64) -> String {
    let difference = new.saturating_sub(old);
    if difference == 0 {
        return "=".to_owned();
    }
    let sign = if difference > 0 { "+" } else { "" };
    let absolute = format!("{sign}{}", unit(of, difference));
    match share_ppm(difference, old) {
        Some(ppm) => format!("{absolute} ({sign}{})", percent(ppm)),
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

/// An integer with thin groups of three digits: `1,234,567`.
pub fn grouped(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if value < 0 {
        text.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn scaled(value: i64, scale: Scale) -> String {
    let magnitude = value.unsigned_abs();
    let sign = if value < 0 { "-" } else { "" };
    let mut chosen = scale
        .iter()
        .position(|&(factor, _)| magnitude >= factor)
        .unwrap_or(scale.len() - 1);
    // 999,960 us rounds to 1000 ms: then the next larger unit is the right one.
    if chosen > 0 {
        let larger = scale[chosen - 1].0;
        let smaller = scale[chosen].0;
        if rounds_up_to(magnitude, smaller, larger) {
            chosen -= 1;
        }
    }
    let (factor, name) = scale[chosen];
    format!("{sign}{}{name}", four_digits(magnitude, factor))
}

/// Whether `magnitude`, printed with four digits in `smaller`, reads as one whole `larger`.
fn rounds_up_to(magnitude: u64, smaller: u64, larger: u64) -> bool {
    let whole = magnitude / smaller;
    let in_larger = larger / smaller;
    let step = if whole >= 1_000 {
        smaller
    } else {
        smaller / 10
    };
    whole + 1 >= in_larger && u128::from(magnitude) + u128::from(step) / 2 >= u128::from(larger)
}

/// `magnitude / factor` with four significant digits, trailing zeros removed, rounded half up.
fn four_digits(magnitude: u64, factor: u64) -> String {
    let decimals = match magnitude / factor {
        0..10 => 3,
        10..100 => 2,
        100..1_000 => 1,
        _ => 0,
    };
    let power = 10_u128.pow(decimals);
    let rounded = (u128::from(magnitude) * power + u128::from(factor) / 2) / u128::from(factor);
    let (whole, fraction) = (rounded / power, rounded % power);
    if fraction == 0 {
        return whole.to_string();
    }
    let text = format!("{whole}.{fraction:0width$}", width = decimals as usize);
    text.trim_end_matches('0').to_owned()
}

fn percent(ppm: i64) -> String {
    let sign = if ppm < 0 { "-" } else { "" };
    format!("{sign}{} %", four_digits(ppm.unsigned_abs(), 10_000))
}

fn power_of_two(value: i64) -> String {
    match u64::try_from(value) {
        Ok(n) if n.is_power_of_two() && n > 1 => {
            format!("2{}", superscript(n.trailing_zeros()))
        }
        _ => scaled(value, COUNT),
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
                         Quantity::Ppm, Quantity::Nines] {
                prop_assert!(!quantity(kind, value).is_empty());
            }
            prop_assert!(!delta(Unit::Nanos, value, other).is_empty());
        }

        #[test]
        fn grouping_loses_no_digit(value: i64) {
            prop_assert_eq!(grouped(value).replace(',', ""), value.to_string());
        }
    }
}
