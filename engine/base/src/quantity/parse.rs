//! Reading quantities that people write, without rounding.
//!
//! A number may have `_` between digits and a decimal fraction; one space before the unit is
//! allowed, so that what reports print can be pasted back. A number without a unit, a unit of
//! another quantity and a near miss (`MS`, `KB`, `gb`, `sec`) are refused with what to write.

use super::print::{self, Units};
use super::{Bandwidth, Bytes, Rate, Share};
use crate::diagnostic::{self, Code, Diagnostic};
use crate::time::Span;
use std::str::FromStr;

/// Why a text is not the quantity it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuantityError {
    /// [`diagnostic::WRONG_UNIT`], [`diagnostic::WRONG_TYPE`] or [`diagnostic::OUT_OF_RANGE`].
    code: &'static str,
    message: String,
    help: String,
}

impl QuantityError {
    fn new(code: Code, message: String, help: String) -> Self {
        Self {
            code: code.name,
            message,
            help,
        }
    }
}

impl From<QuantityError> for Diagnostic {
    fn from(error: QuantityError) -> Self {
        Self {
            code: error.code,
            message: error.message,
            place: None,
            help: Some(error.help),
        }
    }
}
impl std::fmt::Display for QuantityError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.message, self.help)
    }
}
impl std::error::Error for QuantityError {}

/// What a kind of quantity is called, and how it is written.
struct Kind {
    /// `a time`.
    name: &'static str,
    /// `a time such as 250ms`: how to write one.
    example: &'static str,
    /// Base units in one unit.
    units: Units,
    /// Spellings that are meant well: what was written (lower case), and what to write.
    near_misses: &'static [(&'static str, &'static str)],
    /// What one base unit is, for numbers that would have to be rounded.
    base: &'static str,
}

const SPAN: Kind = Kind {
    name: "a time",
    example: "250ms",
    units: print::SPANS,
    near_misses: &[
        ("sec", "`s`"),
        ("secs", "`s`"),
        ("second", "`s`"),
        ("seconds", "`s`"),
        ("msec", "`ms`"),
        ("millis", "`ms`"),
        ("milliseconds", "`ms`"),
        ("usec", "`us`"),
        ("micros", "`us`"),
        ("nanos", "`ns`"),
        ("nsec", "`ns`"),
        ("m", "`min` for minutes or `ms` for milliseconds"),
        ("mins", "`min`"),
        ("minute", "`min`"),
        ("minutes", "`min`"),
        ("hr", "`h`"),
        ("hour", "`h`"),
        ("hours", "`h`"),
        ("day", "`d`"),
        ("days", "`d`"),
    ],
    base: "picosecond",
};
const SIZE: Kind = Kind {
    name: "a size",
    example: "4GiB",
    units: print::SIZES,
    near_misses: &[
        ("kb", "`kB` (1000 bytes) or `KiB` (1024 bytes)"),
        ("mb", "`MB` (10^6 bytes) or `MiB` (2^20 bytes)"),
        ("gb", "`GB` (10^9 bytes) or `GiB` (2^30 bytes)"),
        ("tb", "`TB` (10^12 bytes) or `TiB` (2^40 bytes)"),
        ("k", "`kB` (1000 bytes) or `KiB` (1024 bytes)"),
        ("m", "`MB` (10^6 bytes) or `MiB` (2^20 bytes)"),
        ("g", "`GB` (10^9 bytes) or `GiB` (2^30 bytes)"),
        ("t", "`TB` (10^12 bytes) or `TiB` (2^40 bytes)"),
        ("byte", "`B`"),
        ("bytes", "`B`"),
    ],
    base: "byte",
};
const BANDWIDTH: Kind = Kind {
    name: "a bandwidth",
    example: "10Gbit/s",
    units: print::BANDWIDTHS,
    near_misses: &[
        ("gbps", "`Gbit/s` or `GB/s`"),
        ("mbps", "`Mbit/s` or `MB/s`"),
        ("gbit", "`Gbit/s`"),
        ("mbit", "`Mbit/s`"),
        ("kb/s", "`kB/s` (1000 bytes) or `KiB/s` (1024 bytes)"),
        ("mb/s", "`MB/s` (10^6 bytes) or `MiB/s` (2^20 bytes)"),
        ("gb/s", "`GB/s` (10^9 bytes) or `GiB/s` (2^30 bytes)"),
        ("mb", "`MB/s`"),
        ("gb", "`GB/s`"),
        ("mib", "`MiB/s`"),
        ("gib", "`GiB/s`"),
    ],
    base: "byte per second",
};
const RATE: Kind = Kind {
    name: "a rate",
    example: "20k/s",
    units: print::RATES,
    near_misses: &[
        ("k", "`k/s`"),
        ("m", "`M/s`"),
        ("g", "`G/s`"),
        ("rps", "`/s`"),
        ("qps", "`/s`"),
        ("ops", "`/s`"),
        ("ops/s", "`/s`"),
        ("req/s", "`/s`"),
        ("krps", "`k/s`"),
        ("kqps", "`k/s`"),
        ("kops/s", "`k/s`"),
        ("hz", "`/s`"),
        ("/sec", "`/s`"),
        ("k/sec", "`k/s`"),
        ("/min", "`/s`"),
        ("/h", "`/s`"),
    ],
    base: "millionth of an event per second",
};
const SHARE: Kind = Kind {
    name: "a share",
    example: "5%",
    units: print::SHARES,
    near_misses: &[("percent", "`%`"), ("pct", "`%`"), ("per cent", "`%`")],
    base: "billionth",
};
const COUNT: Kind = Kind {
    name: "a count",
    example: "1_000_000` or `2^20` or `200k",
    units: print::COUNTS,
    near_misses: &[
        ("ki", "`2^10`"),
        ("mi", "`2^20`"),
        ("gi", "`2^30`"),
        ("b", "`G`"),
        ("mio", "`M`"),
    ],
    base: "one",
};

impl FromStr for Span {
    type Err = QuantityError;
    /// Reads `1.5ms`: d, h, min, s, ms, us (also µs), ns or ps.
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let text = text.replace(['\u{b5}', '\u{3bc}'], "u");
        read(&text, &SPAN).map(Self::from_picos)
    }
}
impl FromStr for Bytes {
    type Err = QuantityError;
    /// Reads `4GiB`: B, kB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB (powers of 1024).
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        read(text, &SIZE).map(Self)
    }
}
impl FromStr for Bandwidth {
    type Err = QuantityError;
    /// Reads `10Gbit/s` or `2GB/s`: the units of sizes, Mbit and Gbit, each per second.
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        read(text, &BANDWIDTH).map(Self)
    }
}
impl FromStr for Rate {
    type Err = QuantityError;
    /// Reads `20k/s`: /s, k/s, M/s or G/s.
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        read(text, &RATE).map(Self)
    }
}
impl FromStr for Share {
    type Err = QuantityError;
    /// Reads `0.1%`: %, ppm or ppb; may exceed the whole.
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        read(text, &SHARE).map(Self)
    }
}

/// A count: `1_000_000`, `2^20`, `200k`, `1.5M`, `1e6`.
///
/// # Errors
/// If the text is not a whole number of at most 2^64 - 1.
pub fn parse_count(text: &str) -> Result<u64, QuantityError> {
    let malformed = || wrong_form(text, &COUNT);
    let number = |part: &str| {
        Decimal::read(part)
            .and_then(Decimal::whole)
            .ok_or_else(malformed)
    };
    let too_large = || too_large(text, &COUNT);
    if let Some((base, exponent)) = text.split_once('^') {
        let exponent = u32::try_from(number(exponent)?).map_err(|_| too_large())?;
        return number(base)?.checked_pow(exponent).ok_or_else(too_large);
    }
    if let Some((mantissa, exponent)) = text.split_once(['e', 'E']) {
        let mantissa = Decimal::read(mantissa).ok_or_else(malformed)?;
        let exponent = u32::try_from(number(exponent)?).map_err(|_| too_large())?;
        let factor = 10_u64.checked_pow(exponent).ok_or_else(too_large)?;
        return mantissa
            .times(factor)
            .map_err(|problem| problem.explain(text, &COUNT));
    }
    read(text, &COUNT)
}

/// A plain decimal number in units of 10^-`decimals`: `0.99` with six decimals is 990,000.
///
/// # Errors
/// If the text is no decimal number, has more decimals, or is too large.
pub fn parse_decimal(text: &str, decimals: u32) -> Result<u64, QuantityError> {
    let help = || format!("write a number with at most {decimals} decimals, such as `0.99`");
    let number = Decimal::read(text).ok_or_else(|| {
        QuantityError::new(
            diagnostic::WRONG_TYPE,
            format!("`{text}` is not a decimal number"),
            help(),
        )
    })?;
    number.times(10_u64.pow(decimals)).map_err(|_| {
        QuantityError::new(
            diagnostic::OUT_OF_RANGE,
            format!("`{text}` is too large or has too many decimals"),
            help(),
        )
    })
}

/// A decimal number, exactly: `digits` / 10^`scale`.
#[derive(Clone, Copy)]
struct Decimal {
    digits: u128,
    scale: u32,
}

/// Why a decimal number of units is no whole number of base units.
enum Inexact {
    Fraction,
    TooLarge,
}

impl Decimal {
    /// More digits than any quantity has; keeps products within 128 bits.
    const DIGITS_MAX: usize = 20;

    fn read(text: &str) -> Option<Self> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return None,
            None => (text, ""),
        };
        if whole.is_empty() {
            return None;
        }
        let mut digits = 0_u128;
        let mut count = 0;
        for part in [whole, fraction] {
            let mut after_digit = false;
            for c in part.chars() {
                match c.to_digit(10) {
                    Some(digit) => {
                        digits = digits * 10 + u128::from(digit);
                        // Leading zeros are free.
                        count += usize::from(digits > 0);
                        after_digit = true;
                    }
                    None if c == '_' && after_digit => after_digit = false,
                    None => return None,
                }
                if count > Self::DIGITS_MAX {
                    return None;
                }
            }
            if !part.is_empty() && !after_digit {
                return None;
            }
        }
        let scale = fraction.chars().filter(char::is_ascii_digit).count();
        (scale <= Self::DIGITS_MAX).then(|| Self {
            digits,
            scale: u32::try_from(scale).unwrap_or(u32::MAX),
        })
    }
    fn whole(self) -> Option<u64> {
        self.times(1).ok()
    }
    fn times(self, factor: u64) -> Result<u64, Inexact> {
        let product = self
            .digits
            .checked_mul(u128::from(factor))
            .ok_or(Inexact::TooLarge)?;
        let divisor = 10_u128.pow(self.scale);
        if !product.is_multiple_of(divisor) {
            return Err(Inexact::Fraction);
        }
        u64::try_from(product / divisor).map_err(|_| Inexact::TooLarge)
    }
}

impl Inexact {
    fn explain(self, text: &str, kind: &Kind) -> QuantityError {
        match self {
            Self::TooLarge => too_large(text, kind),
            Self::Fraction => QuantityError::new(
                diagnostic::OUT_OF_RANGE,
                format!(
                    "`{text}` is not a whole number of {}s",
                    plural_stem(kind.base)
                ),
                "quantities are exact; use fewer decimals".to_owned(),
            ),
        }
    }
}

/// `byte per second` becomes `byte`: the noun that takes the plural.
fn plural_stem(base: &'static str) -> &'static str {
    base.split(' ').next().unwrap_or(base)
}

fn too_large(text: &str, kind: &Kind) -> QuantityError {
    let largest = u64::MAX / kind.units[0].0;
    QuantityError::new(
        diagnostic::OUT_OF_RANGE,
        format!("`{text}` is larger than {} can be", kind.name),
        format!("the largest is about {largest}{}", kind.units[0].1),
    )
}

fn wrong_form(text: &str, kind: &Kind) -> QuantityError {
    QuantityError::new(
        diagnostic::WRONG_TYPE,
        format!("`{text}` is not {}", kind.name),
        format!("write {} such as `{}`", kind.name, kind.example),
    )
}

/// Reads a number and its unit into base units.
fn read(text: &str, kind: &Kind) -> Result<u64, QuantityError> {
    let number_end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
        .unwrap_or(text.len());
    let (number, rest) = text.split_at(number_end);
    let decimal =
        Decimal::read(number).ok_or_else(|| match number.bytes().all(|b| b.is_ascii_digit()) {
            true if !number.is_empty() => too_large(text, kind),
            _ => wrong_form(text, kind),
        })?;
    let unit = rest.strip_prefix(' ').unwrap_or(rest);
    match kind.units.iter().find(|(_, name)| *name == unit) {
        Some(&(factor, _)) => decimal
            .times(factor)
            .map_err(|problem| problem.explain(text, kind)),
        None => Err(wrong_unit(text, number, decimal, unit, kind)),
    }
}

fn wrong_unit(
    text: &str,
    number: &str,
    decimal: Decimal,
    unit: &str,
    kind: &Kind,
) -> QuantityError {
    let error = |message, help| QuantityError::new(diagnostic::WRONG_UNIT, message, help);
    let names: Vec<&str> = kind.units.iter().map(|(_, name)| *name).collect();
    let all = names
        .iter()
        .filter(|name| !name.is_empty())
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    if unit.is_empty() {
        // A share is often written as a fraction of one.
        let percent = (kind.name == SHARE.name)
            .then(|| decimal.times(100).ok())
            .flatten();
        let example = match percent {
            Some(percent) if decimal.scale > 0 => format!("{percent}%"),
            _ if kind.name == RATE.name => format!("{number}/s"),
            _ => kind.example.to_owned(),
        };
        return error(
            format!("`{text}` has no unit; expected {}", kind.name),
            format!("write it like `{example}`; units: {all}"),
        );
    }
    let lower = unit.to_lowercase();
    let spelled_otherwise = || {
        names
            .iter()
            .find(|name| name.to_lowercase() == lower)
            .map(|name| format!("`{name}`"))
    };
    let suggestion = kind
        .near_misses
        .iter()
        .find(|(written, _)| *written == lower)
        .map(|(_, meant)| (*meant).to_owned())
        .or_else(spelled_otherwise);
    let message = format!("`{unit}` is not a unit of {}", kind.name);
    match suggestion {
        Some(meant) => error(message, format!("did you mean {meant}?")),
        None => error(
            message,
            format!(
                "write {} such as `{}`; units: {all}",
                kind.name, kind.example
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::{exact, format_value};
    use proptest::prelude::*;

    fn refusal<T: FromStr<Err = QuantityError> + std::fmt::Debug>(text: &str) -> String {
        let error = text.parse::<T>().unwrap_err();
        format!("{}: {error}", error.code)
    }

    #[test]
    fn units_mean_what_they_say() {
        for (text, picos) in [
            ("250ms", 250_000_000_000),
            ("250 ms", 250_000_000_000),
            ("1.5ms", 1_500_000_000),
            ("20min", 1_200_000_000_000_000),
            ("12µs", 12_000_000),
            ("1_000ns", 1_000_000),
            ("0.001ns", 1),
            ("2d", 172_800_000_000_000_000),
        ] {
            assert_eq!(text.parse(), Ok(Span::from_picos(picos)), "{text}");
        }
        assert_eq!("4GiB".parse(), Ok(Bytes(4 << 30)));
        assert_eq!("4GB".parse(), Ok(Bytes(4_000_000_000)));
        assert_eq!("1kB".parse(), Ok(Bytes(1_000)));
        assert_eq!("1.5KiB".parse(), Ok(Bytes(1_536)));
        assert_eq!("20k/s".parse(), Ok(Rate::per_second(20_000)));
        assert_eq!("0.5/s".parse(), Ok(Rate(500_000)));
        assert_eq!("62.5%".parse(), Ok(Share(625_000_000)));
        assert_eq!("10Gbit/s".parse(), Ok(Bandwidth(1_250_000_000)));
    }

    #[test]
    fn counts_may_be_powers_and_multiples() {
        for (text, count) in [
            ("1_000_000", 1_000_000),
            ("2^20", 1 << 20),
            ("200k", 200_000),
            ("1.5M", 1_500_000),
            ("1e6", 1_000_000),
            ("1.5e3", 1_500),
            ("0", 0),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse_count(text), Ok(count), "{text}");
        }
        for text in [
            "", "-1", "1.5", "2^64", "1__0", "_1", "1_", "1.", ".5", "1e", "2^", "x", "1e99",
        ] {
            assert!(parse_count(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_bare_number_is_told_what_was_expected() {
        assert_eq!(
            refusal::<Span>("250"),
            "KV1004: `250` has no unit; expected a time (write it like `250ms`; units: d, h, min, s, ms, us, ns, ps)"
        );
        assert!(
            refusal::<Share>("0.05").contains("`5%`"),
            "{}",
            refusal::<Share>("0.05")
        );
        assert!(refusal::<Rate>("20").contains("`20/s`"));
    }

    #[test]
    fn near_misses_are_answered_with_what_was_meant() {
        for (message, meant) in [
            (
                refusal::<Bytes>("4KB"),
                "`kB` (1000 bytes) or `KiB` (1024 bytes)",
            ),
            (
                refusal::<Bytes>("4gb"),
                "`GB` (10^9 bytes) or `GiB` (2^30 bytes)",
            ),
            (
                refusal::<Bytes>("4G"),
                "`GB` (10^9 bytes) or `GiB` (2^30 bytes)",
            ),
            (refusal::<Bytes>("4gib"), "`GiB`"),
            (refusal::<Span>("3MS"), "`ms`"),
            (refusal::<Span>("3sec"), "`s`"),
            (
                refusal::<Span>("3m"),
                "`min` for minutes or `ms` for milliseconds",
            ),
            (refusal::<Rate>("20k"), "`k/s`"),
            (refusal::<Rate>("20qps"), "`/s`"),
            (refusal::<Share>("5percent"), "`%`"),
        ] {
            assert!(message.starts_with("KV1004: "), "{message}");
            assert!(
                message.ends_with(&format!("(did you mean {meant}?)")),
                "{message}"
            );
        }
    }

    #[test]
    fn nothing_is_rounded_and_nothing_overflows() {
        assert!(refusal::<Bytes>("1.5B").contains("not a whole number of bytes"));
        assert!(refusal::<Span>("0.0001ns").contains("not a whole number of picoseconds"));
        assert!(refusal::<Span>("214d").contains("larger than a time can be"));
        assert!(refusal::<Bytes>("99999999999999999999999B").starts_with("KV1005"));
        assert!(refusal::<Span>("-3s").starts_with("KV1003"));
        assert!(refusal::<Span>("250  ms").starts_with("KV1004"));
    }

    #[test]
    fn decimals_are_read_exactly() {
        assert_eq!(parse_decimal("0.99", 6), Ok(990_000));
        assert_eq!(parse_decimal("1", 6), Ok(1_000_000));
        assert!(parse_decimal("0.0000001", 6).is_err());
        assert!(parse_decimal("one", 6).is_err());
    }

    proptest! {
        #[test]
        fn exact_text_reads_back_as_the_same_quantity(n: u64, shift in 0_u32..64) {
            let n = n >> shift;
            prop_assert_eq!(exact(&Span::from_picos(n)).parse(), Ok(Span::from_picos(n)));
            prop_assert_eq!(exact(&Bytes(n)).parse(), Ok(Bytes(n)));
            prop_assert_eq!(exact(&Rate(n)).parse(), Ok(Rate(n)));
            prop_assert_eq!(exact(&Share(n)).parse(), Ok(Share(n)));
            prop_assert_eq!(exact(&Bandwidth(n)).parse(), Ok(Bandwidth(n)));
            prop_assert_eq!(parse_count(&n.to_string()), Ok(n));
        }

        #[test]
        fn what_reports_print_can_be_pasted_back(n in 0_i64..1 << 43) {
            use crate::metric::Unit;
            prop_assert!(format_value(Unit::Nanos, n).parse::<Span>().is_ok());
            prop_assert!(format_value(Unit::OpsPerSecond, n).parse::<Rate>().is_ok());
            prop_assert!(format_value(Unit::Ppm, n % 1_000_000).parse::<Share>().is_ok());
        }

        #[test]
        fn no_text_makes_a_reader_panic(text in "\\PC{0,40}", number in "[0-9._^ek]{0,30}") {
            for text in [&text, &number] {
                let _ = (text.parse::<Span>(), text.parse::<Bytes>(), text.parse::<Rate>());
                let _ = (text.parse::<Share>(), parse_count(text), parse_decimal(text, 6));
            }
        }
    }
}
