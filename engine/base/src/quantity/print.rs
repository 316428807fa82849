//! Writing quantities: exactly for machines, with four significant digits for people.
//!
//! Everything is integer arithmetic, so the same value prints the same text on every machine.

use super::{Bandwidth, Bytes, Rate, Share};
use crate::metric::Unit;
use crate::time::Span;
use std::fmt;

/// Base units in one unit, and the unit's name; the largest first.
pub(super) type Units = &'static [(u64, &'static str)];

pub(super) const SPANS: Units = &[
    (86_400_000_000_000_000, "d"),
    (3_600_000_000_000_000, "h"),
    (60_000_000_000_000, "min"),
    (1_000_000_000_000, "s"),
    (1_000_000_000, "ms"),
    (1_000_000, "us"),
    (1_000, "ns"),
    (1, "ps"),
];
/// Binary units before decimal ones: where both are as short, sizes print in KiB, MiB, GiB.
pub(super) const SIZES: Units = &[
    (1 << 40, "TiB"),
    (1 << 30, "GiB"),
    (1 << 20, "MiB"),
    (1 << 10, "KiB"),
    (1_000_000_000_000, "TB"),
    (1_000_000_000, "GB"),
    (1_000_000, "MB"),
    (1_000, "kB"),
    (1, "B"),
];
pub(super) const BANDWIDTHS: Units = &[
    (1 << 40, "TiB/s"),
    (1 << 30, "GiB/s"),
    (1 << 20, "MiB/s"),
    (1 << 10, "KiB/s"),
    (1_000_000_000_000, "TB/s"),
    (1_000_000_000, "GB/s"),
    (1_000_000, "MB/s"),
    (1_000, "kB/s"),
    (125_000_000, "Gbit/s"),
    (125_000, "Mbit/s"),
    (1, "B/s"),
];
pub(super) const RATES: Units = &[
    (1_000_000_000_000_000, "G/s"),
    (1_000_000_000_000, "M/s"),
    (1_000_000_000, "k/s"),
    (1_000_000, "/s"),
];
pub(super) const SHARES: Units = &[(10_000_000, "%"), (1_000, "ppm"), (1, "ppb")];
pub(super) const COUNTS: Units = &[
    (1_000_000_000, "G"),
    (1_000_000, "M"),
    (1_000, "k"),
    (1, ""),
];

const NANOS_SHOWN: Units = &[
    (1_000_000_000, " s"),
    (1_000_000, " ms"),
    (1_000, " us"),
    (1, " ns"),
];
const BYTES_SHOWN: Units = &[
    (1 << 40, " TiB"),
    (1 << 30, " GiB"),
    (1 << 20, " MiB"),
    (1 << 10, " KiB"),
    (1, " B"),
];
const RATES_SHOWN: Units = &[
    (1_000_000_000, "G/s"),
    (1_000_000, "M/s"),
    (1_000, "k/s"),
    (1, "/s"),
];

/// A quantity that has units.
pub trait Quantity {
    /// The quantity in its base unit, and the units it may be written in.
    fn parts(&self) -> (u64, &'static [(u64, &'static str)]);
}

impl Quantity for Span {
    fn parts(&self) -> (u64, Units) {
        (self.as_picos(), SPANS)
    }
}
impl Quantity for Bytes {
    fn parts(&self) -> (u64, Units) {
        (self.0, SIZES)
    }
}
impl Quantity for Bandwidth {
    fn parts(&self) -> (u64, Units) {
        (self.0, BANDWIDTHS)
    }
}
impl Quantity for Rate {
    fn parts(&self) -> (u64, Units) {
        (self.0, RATES)
    }
}
impl Quantity for Share {
    fn parts(&self) -> (u64, Units) {
        (self.0, SHARES)
    }
}

/// The shortest text that reads back as exactly this quantity: `1.5ms`, `24MiB`, `15.4k/s`, `5%`.
pub fn exact(quantity: &impl Quantity) -> String {
    let (value, units) = quantity.parts();
    if value == 0 {
        let plain = units
            .iter()
            .find(|(_, name)| matches!(*name, "s" | "B" | "B/s" | "/s" | "%"));
        return format!("0{}", plain.map_or("", |(_, name)| name));
    }
    // `0.1%` reads better than `1000ppm`, but `250ms` better than `0.25s`.
    let candidates = units
        .iter()
        .filter(|(factor, name)| value >= *factor || *name == "%");
    candidates
        .filter_map(|(factor, name)| Some(format!("{}{name}", exact_decimal(value, *factor)?)))
        .min_by_key(String::len)
        // Only a rate below one event per second is smaller than its smallest unit.
        .unwrap_or_else(|| {
            let (factor, name) = units[units.len() - 1];
            format!("{}{name}", exact_decimal(value, factor).unwrap_or_default())
        })
}

/// `value`/`unit` in decimal, where six decimals or fewer hold it exactly.
fn exact_decimal(value: u64, unit: u64) -> Option<String> {
    const MILLION: u128 = 1_000_000;
    let millionths = u128::from(value) * MILLION;
    if !millionths.is_multiple_of(u128::from(unit)) {
        return None;
    }
    let millionths = millionths / u128::from(unit);
    Some(with_decimals(millionths / MILLION, millionths % MILLION, 6))
}

/// A value of a row with its unit, in four significant digits: `1.623 ms`, `24 MiB`, `15.4k/s`,
/// `0.1 %`; counts are exact: `1,048,576`.
///
/// Shares below 1 % and between 99 % and 100 % keep all their digits: the zeros and the nines are
/// what people look for.
pub fn format_value(unit: Unit, value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let magnitude = value.unsigned_abs();
    let text = match unit {
        Unit::Nanos => significant(magnitude, NANOS_SHOWN),
        Unit::Bytes => significant(magnitude, BYTES_SHOWN),
        Unit::OpsPerSecond => significant(magnitude, RATES_SHOWN),
        Unit::Ops => return grouped(value),
        Unit::Ppm if magnitude < 10_000 || (990_000..1_000_000).contains(&magnitude) => {
            let (percent, rest) = (magnitude / 10_000, magnitude % 10_000);
            format!(
                "{} %",
                with_decimals(u128::from(percent), u128::from(rest), 4)
            )
        }
        Unit::Ppm => format!("{} %", four_digits(magnitude, 10_000).1),
        Unit::Milli if magnitude >= 1_000_000 => {
            return grouped(value.saturating_add(value.signum() * 500) / 1_000);
        }
        Unit::Milli => four_digits(magnitude, 1_000).1,
        Unit::MicroDollars => dollars(magnitude),
    };
    format!("{sign}{text}")
}

/// Dollars and cents, `$1,234.50`; what is less than a cent keeps its millionths: `$0.000625`.
fn dollars(micro: u64) -> String {
    if micro == 0 {
        return "$0".to_owned();
    }
    if micro < 10_000 {
        return format!("${}", with_decimals(0, u128::from(micro), 6));
    }
    let cents = micro / 10_000 + u64::from(micro % 10_000 >= 5_000);
    let whole = i64::try_from(cents / 100).unwrap_or(i64::MAX);
    format!("${}.{:02}", grouped(whole), cents % 100)
}

/// An integer in groups of three digits: `1,234,567`.
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

/// `value` in the largest unit in which it reads as one or more after rounding: 999,960 us is 1 s.
fn significant(value: u64, units: Units) -> String {
    let reads_as_one = |index: &usize| {
        let (factor, _) = units[*index];
        value >= factor
            || units.get(index + 1).is_none_or(|&(smaller, _)| {
                u128::from(four_digits(value, smaller).0) * u128::from(smaller)
                    >= u128::from(factor)
            })
    };
    let chosen = (0..units.len())
        .find(reads_as_one)
        .unwrap_or(units.len() - 1);
    let (factor, name) = units[chosen];
    format!("{}{name}", four_digits(value, factor).1)
}

/// `value`/`unit` with four significant digits, rounded half up: its whole part, and its text.
fn four_digits(value: u64, unit: u64) -> (u64, String) {
    let decimals = match value / unit {
        0..10 => 3,
        10..100 => 2,
        100..1_000 => 1,
        _ => 0,
    };
    let power = 10_u128.pow(decimals);
    let rounded = (u128::from(value) * power + u128::from(unit) / 2) / u128::from(unit);
    let whole = rounded / power;
    (
        u64::try_from(whole).unwrap_or(u64::MAX),
        with_decimals(whole, rounded % power, decimals),
    )
}

/// `whole.fraction` with `fraction` of `decimals` digits, trailing zeros removed.
fn with_decimals(whole: u128, fraction: u128, decimals: u32) -> String {
    match fraction {
        0 => whole.to_string(),
        _ => format!("{whole}.{fraction:0width$}", width = decimals as usize)
            .trim_end_matches('0')
            .to_owned(),
    }
}

/// `value`/`unit` in decimal with at most three decimals, trailing zeros removed, rounded half up.
pub(crate) fn decimal(value: u64, unit: u64) -> String {
    let thousandths = (u128::from(value) * 1_000 + u128::from(unit) / 2) / u128::from(unit);
    with_decimals(thousandths / 1_000, thousandths % 1_000, 3)
}

/// Prints with the largest binary unit that keeps at least one whole digit, at most three decimals.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, name) = match self.0 {
            n if n >= 1 << 40 => (1 << 40, "TiB"),
            n if n >= 1 << 30 => (1 << 30, "GiB"),
            n if n >= 1 << 20 => (1 << 20, "MiB"),
            n if n >= 1 << 10 => (1 << 10, "KiB"),
            _ => (1, "B"),
        };
        f.write_str(&decimal(self.0, unit))?;
        f.write_str(name)
    }
}
/// Prints the shortest exact text.
impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&exact(self))
    }
}
/// Prints the shortest exact text.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&exact(self))
    }
}
/// Prints the shortest exact text.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&exact(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_values_read_in_the_unit_that_suits_them() {
        for (unit, value, expected) in [
            (Unit::Nanos, 0, "0 ns"),
            (Unit::Nanos, 999, "999 ns"),
            (Unit::Nanos, 1_600_000, "1.6 ms"),
            (Unit::Nanos, 1_623_456, "1.623 ms"),
            (Unit::Nanos, 480_123_456, "480.1 ms"),
            (Unit::Nanos, 999_949_999, "999.9 ms"),
            (Unit::Nanos, 999_960_000, "1 s"),
            (Unit::Nanos, 999_999, "1 ms"),
            (Unit::Nanos, -2_500, "-2.5 us"),
            (Unit::Bytes, 24 << 20, "24 MiB"),
            (Unit::Bytes, 1_023 << 20, "1023 MiB"),
            (Unit::Bytes, (1 << 20) - 1, "1 MiB"),
            (Unit::Ops, 1_048_576, "1,048,576"),
            (Unit::Ops, i64::MIN, "-9,223,372,036,854,775,808"),
            (Unit::OpsPerSecond, 15_400, "15.4k/s"),
            (Unit::OpsPerSecond, 5, "5/s"),
            (Unit::Ppm, 1_000, "0.1 %"),
            (Unit::Ppm, 1, "0.0001 %"),
            (Unit::Ppm, 24_500, "2.45 %"),
            (Unit::Ppm, 999_950, "99.995 %"),
            (Unit::Ppm, 1_000_000, "100 %"),
            (Unit::Milli, 1_250, "1.25"),
            (Unit::Milli, 50_526, "50.53"),
            (Unit::Milli, 5_000_500, "5,001"),
            (Unit::Milli, -1_000, "-1"),
            (Unit::Milli, i64::MAX, "9,223,372,036,854,775"),
        ] {
            assert_eq!(format_value(unit, value), expected, "{unit:?} {value}");
        }
    }

    #[test]
    fn exact_text_is_the_shortest_that_loses_nothing() {
        for (text, expected) in [
            (exact(&Span::from_millis(1_500)), "1.5s"),
            (exact(&Span::from_secs(60)), "60s"),
            (exact(&Span::from_secs(1_200)), "20min"),
            (exact(&Span::from_picos(1_234_567)), "1234567ps"),
            (exact(&Span::ZERO), "0s"),
            (exact(&Bytes(20)), "20B"),
            (exact(&Bytes(1_536)), "1536B"),
            (exact(&Bytes(3 << 19)), "1.5MiB"),
            (exact(&Bytes(1_500_000)), "1.5MB"),
            (exact(&Bytes::gib(2)), "2GiB"),
            (exact(&Bytes(u64::MAX)), "18446744073709551615B"),
            (exact(&Rate::per_second(50_000)), "50k/s"),
            (exact(&Rate(500_000)), "0.5/s"),
            (exact(&Rate(1)), "0.000001/s"),
            (exact(&Rate(0)), "0/s"),
            (exact(&Share::percent(5)), "5%"),
            (exact(&Share(1_000_000)), "0.1%"),
            (exact(&Share(1)), "1ppb"),
            (exact(&Bandwidth(1_250_000_000)), "1.25GB/s"),
        ] {
            assert_eq!(text, expected);
        }
    }
}
