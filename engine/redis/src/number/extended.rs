//! Floating-point numbers with 64 bits of mantissa, as C's `long double` of x86-64: INCRBYFLOAT and
//! HINCRBYFLOAT add with them, and print 17 digits behind the point.
//!
//! No built-in type has them, and a double would print `0.30000000000000004` where Redis prints
//! `0.3`. Every operation is exact in big integers and rounded once, to the nearest and to even
//! between two (IEEE 754, the default of the processor).

use num_bigint::BigUint;

/// Bits of the mantissa.
const MANTISSA_BITS: u64 = 64;
/// Exponent of the last bit of the smallest numbers, which have fewer bits.
const EXPONENT_MIN: i64 = -16_445;
/// Exponent of the last bit of the largest.
const EXPONENT_MAX: i64 = 16_320;
/// Digits behind the point that are printed (LD_STR_HUMAN: `%.17Lf`).
const DECIMALS: u32 = 17;
/// Decimal exponents beyond which a number with as many digits as a request may have is zero or
/// infinite, so that no larger power is worked out.
const DECIMAL_EXPONENT_MAX: i64 = 10_000;
/// Longest text that is read as a number (MAX_LONG_DOUBLE_CHARS).
const TEXT_BYTES_MAX: usize = 5 * 1_024;

/// A number, or an infinity; never NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extended {
    is_negative: bool,
    magnitude: Magnitude,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Magnitude {
    /// `mantissa` times two to the power of `exponent`.
    Finite {
        mantissa: u64,
        exponent: i64,
    },
    Infinite,
}

/// An integer times two to the power of an exponent.
fn scaled(integer: &BigUint, exponent: i64) -> (BigUint, BigUint) {
    let (one, shift) = (BigUint::from(1_u8), exponent.unsigned_abs());
    match exponent >= 0 {
        true => (integer << shift, one),
        false => (integer.clone(), one << shift),
    }
}

/// `numerator / denominator`, rounded to the nearest integer, and to an even one between two.
fn rounded_quotient(numerator: &BigUint, denominator: &BigUint) -> BigUint {
    let quotient = numerator / denominator;
    let twice = (numerator - &quotient * denominator) << 1_u8;
    let is_up = match twice.cmp(denominator) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => quotient.bit(0),
        std::cmp::Ordering::Greater => true,
    };
    quotient + u8::from(is_up)
}

impl Magnitude {
    const ZERO: Self = Self::Finite {
        mantissa: 0,
        exponent: 0,
    };

    /// The nearest to a fraction.
    fn nearest(numerator: &BigUint, denominator: &BigUint) -> Self {
        if numerator.bits() == 0 {
            return Self::ZERO;
        }
        // The quotient has one bit more or less than this says; one of two exponents fits.
        let bits = numerator.bits() as i64 - denominator.bits() as i64;
        let mut exponent = (bits - MANTISSA_BITS as i64).max(EXPONENT_MIN);
        loop {
            let shift = exponent.unsigned_abs();
            let quotient = match exponent >= 0 {
                true => rounded_quotient(numerator, &(denominator << shift)),
                false => rounded_quotient(&(numerator << shift), denominator),
            };
            if quotient.bits() > MANTISSA_BITS {
                exponent += 1;
                continue;
            }
            if exponent > EXPONENT_MAX {
                return Self::Infinite;
            }
            let mantissa = quotient.iter_u64_digits().next().unwrap_or(0);
            return Self::Finite { mantissa, exponent };
        }
    }
}

impl Extended {
    /// Zero.
    pub(crate) const ZERO: Self = Self {
        is_negative: false,
        magnitude: Magnitude::ZERO,
    };

    /// Reads a whole text as Redis does (string2ld): as strtold, but without a space in front, not
    /// too large, and not nothing.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        if text.is_empty() || text.len() >= TEXT_BYTES_MAX {
            return None;
        }
        let (is_negative, body) = match text {
            [b'-', body @ ..] => (true, body),
            [b'+', body @ ..] => (false, body),
            body => (false, body),
        };
        let is_word = |word: &str| body.eq_ignore_ascii_case(word.as_bytes());
        let magnitude = match body {
            _ if is_word("inf") || is_word("infinity") => Magnitude::Infinite,
            [b'0', b'x' | b'X', digits @ ..] => digits_of(digits, 16).and_then(Digits::finite)?,
            digits => digits_of(digits, 10).and_then(Digits::finite)?,
        };
        Some(Self {
            is_negative,
            magnitude,
        })
    }

    /// Whether it is no infinity.
    pub(crate) fn is_finite(self) -> bool {
        self.magnitude != Magnitude::Infinite
    }

    /// The nearest to the sum of both, if that is finite.
    pub(crate) fn checked_add(self, other: Self) -> Option<Self> {
        let (
            Magnitude::Finite { mantissa, exponent },
            Magnitude::Finite {
                mantissa: other_mantissa,
                exponent: other_exponent,
            },
        ) = (self.magnitude, other.magnitude)
        else {
            return None;
        };
        let least = exponent.min(other_exponent);
        let aligned = |mantissa: u64, exponent: i64| {
            BigUint::from(mantissa) << (exponent - least).unsigned_abs()
        };
        let one = aligned(mantissa, exponent);
        let two = aligned(other_mantissa, other_exponent);
        let (is_negative, sum) = match (self.is_negative == other.is_negative, one >= two) {
            (true, _) => (self.is_negative, one + two),
            (false, true) => (self.is_negative && one != two, one - two),
            (false, false) => (other.is_negative, two - one),
        };
        let (numerator, denominator) = scaled(&sum, least);
        let magnitude = Magnitude::nearest(&numerator, &denominator);
        (magnitude != Magnitude::Infinite).then_some(Self {
            is_negative,
            magnitude,
        })
    }

    /// Prints the number with up to 17 digits behind the point and no zeros at the end (ld2string
    /// with LD_STR_HUMAN).
    pub(crate) fn to_text(self) -> String {
        let sign = if self.is_negative { "-" } else { "" };
        let Magnitude::Finite { mantissa, exponent } = self.magnitude else {
            return format!("{sign}inf");
        };
        let scale = BigUint::from(10_u8).pow(DECIMALS);
        let (numerator, denominator) = scaled(&(BigUint::from(mantissa) * scale), exponent);
        let digits = rounded_quotient(&numerator, &denominator).to_string();
        let digits = format!("{digits:0>width$}", width = DECIMALS as usize + 1);
        let (whole, decimals) = digits.split_at(digits.len() - DECIMALS as usize);
        let decimals = decimals.trim_end_matches('0');
        match (whole, decimals) {
            ("0", "") => "0".to_owned(),
            (whole, "") => format!("{sign}{whole}"),
            (whole, decimals) => format!("{sign}{whole}.{decimals}"),
        }
    }
}

/// The digits of a number without its sign.
struct Digits {
    digits: BigUint,
    radix: u32,
    /// The power of ten, or of two for hexadecimal digits, that they are multiplied by.
    exponent: i64,
}

impl Digits {
    /// The nearest number, unless the text's own is too large, or so small that it became zero.
    fn finite(self) -> Option<Magnitude> {
        if self.digits.bits() == 0 {
            return Some(Magnitude::ZERO);
        }
        if self.exponent.abs() > DECIMAL_EXPONENT_MAX * 4 {
            return None;
        }
        let base = if self.radix == 10 { 10_u8 } else { 2 };
        let power = u32::try_from(self.exponent.unsigned_abs()).ok()?;
        let power = BigUint::from(base).pow(power);
        let magnitude = match self.exponent >= 0 {
            true => Magnitude::nearest(&(self.digits * power), &BigUint::from(1_u8)),
            false => Magnitude::nearest(&self.digits, &power),
        };
        let is_lost = matches!(magnitude, Magnitude::Finite { mantissa: 0, .. });
        (magnitude != Magnitude::Infinite && !is_lost).then_some(magnitude)
    }
}

/// Reads digits with at most one point, and an exponent behind them.
fn digits_of(text: &[u8], radix: u32) -> Option<Digits> {
    let is_mark = |byte: &u8| match radix {
        10 => matches!(byte, b'e' | b'E'),
        _ => matches!(byte, b'p' | b'P'),
    };
    let end = text.iter().position(is_mark).unwrap_or(text.len());
    let (number, exponent) = text.split_at(end);
    let exponent = match exponent {
        [] => 0,
        [_, digits @ ..] => exponent_of(digits)?,
    };
    let point = number.iter().position(|byte| *byte == b'.');
    let (whole, part) = match point {
        None => (number, &[][..]),
        Some(point) => (&number[..point], &number[point + 1..]),
    };
    let digits = [whole, part].concat();
    let is_digit = |byte: &u8| char::from(*byte).is_digit(radix);
    if digits.is_empty() || !digits.iter().all(is_digit) {
        return None;
    }
    let bits_a_digit = if radix == 10 { 1 } else { 4 };
    Some(Digits {
        digits: BigUint::parse_bytes(&digits, radix)?,
        radix,
        exponent: exponent.saturating_sub(part.len() as i64 * bits_a_digit),
    })
}

/// A decimal exponent; what is too large for any is as good as the largest.
fn exponent_of(text: &[u8]) -> Option<i64> {
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] => (1, digits),
        digits => (1, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let magnitude = digits.iter().fold(0_i64, |number, digit| {
        (number * 10 + i64::from(digit - b'0')).min(i64::from(i32::MAX))
    });
    Some(sign * magnitude)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(one: &str, two: &str) -> Option<String> {
        let parse = |text: &str| Extended::parse(text.as_bytes()).expect("a number");
        Some(parse(one).checked_add(parse(two))?.to_text())
    }

    /// As a redis-server 7.0.15 on x86-64 answers INCRBYFLOAT.
    #[test]
    fn sums_are_printed_as_redis_prints_them() {
        for (one, two, expected) in [
            ("0.1", "0.2", "0.3"),
            ("10.5", "0.1", "10.6"),
            ("5.0e3", "200", "5200"),
            ("3", "-3", "0"),
            ("-0.5", "0.25", "-0.25"),
            ("1e-17", "0", "0.00000000000000001"),
            ("1e-18", "0", "0"),
            ("0x1.8p1", "1", "4"),
            ("18446744073709551615", "1", "18446744073709551616"),
            ("1e20", "1", "100000000000000000000"),
            ("1.5", "1.5", "3"),
            ("-1e-30", "0", "-0"),
        ] {
            let expected = if expected == "-0" { "0" } else { expected };
            assert_eq!(sum(one, two).as_deref(), Some(expected), "{one} + {two}");
        }
        assert_eq!(sum("inf", "1"), None);
        assert_eq!(sum("1e4932", "1e4932"), None);
    }

    #[test]
    fn what_is_no_number_is_not_read() {
        for text in [
            "", " 1", "1 ", "x", "1e", "1e+", "--1", "0x", "nan", "1.2.3", ".", "1e5000",
            "1e-5000", "e5",
        ] {
            assert_eq!(Extended::parse(text.as_bytes()), None, "{text:?}");
        }
        for text in ["1.", ".5", "+1", "-inf", "0e99999999999", "0x.8", "1e-4940"] {
            assert!(Extended::parse(text.as_bytes()).is_some(), "{text:?}");
        }
    }

    #[test]
    fn digits_beyond_the_mantissa_round_to_the_nearest_even() {
        // 2^64 + 1 lies between 2^64 and 2^64 + 2.
        assert_eq!(
            sum("18446744073709551617", "0").as_deref(),
            Some("18446744073709551616")
        );
        assert_eq!(
            sum("18446744073709551619", "0").as_deref(),
            Some("18446744073709551620")
        );
    }
}
