//! Numbers read from text and written in DynamoDB's own form.

use super::{DIGITS_MAX, MAGNITUDE_MAX, MAGNITUDE_MIN, Number, NumberError};
use std::fmt::{self, Write as _};
use std::str::FromStr;

/// Exponents are cut off here while they are read: far outside the range of magnitudes, and far
/// from where sums with the length of a text could overflow.
const EXPONENT_CUT: i64 = 1 << 40;

/// Reads a sign, digits with at most one point among them, and a power of ten such as `e-5`.
///
/// # Errors
/// [`NumberError`]: other text (blanks, `NaN` and `Infinity` included), digits or magnitudes that
/// do not fit. Zero may have any power of ten.
impl FromStr for Number {
    type Err = NumberError;
    fn from_str(text: &str) -> Result<Self, NumberError> {
        let written = Written::read(text).ok_or_else(|| NumberError::NotNumeric {
            text: text.to_owned(),
        })?;
        written.number()
    }
}

/// The parts of a number as it was written.
struct Written<'a> {
    is_negative: bool,
    /// Digits with at most one point.
    mantissa: &'a str,
    /// Power of ten of the digit before the point.
    exponent: i64,
}

impl<'a> Written<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (is_negative, unsigned) = without_sign(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
            None => (unsigned, 0),
        };
        let digits = mantissa.bytes().filter(u8::is_ascii_digit).count();
        let points = mantissa.bytes().filter(|byte| *byte == b'.').count();
        let is_number = digits > 0 && points <= 1 && digits + points == mantissa.len();
        is_number.then_some(Self {
            is_negative,
            mantissa,
            exponent,
        })
    }

    /// The number, whose significant digits run from the first to the last that is not zero.
    fn number(&self) -> Result<Number, NumberError> {
        let digits = || self.mantissa.bytes().filter(|byte| *byte != b'.');
        let whole_digits = self.mantissa.find('.').unwrap_or(self.mantissa.len()) as i64;
        let Some(first) = digits().position(|digit| digit != b'0') else {
            return Ok(Number::ZERO);
        };
        let last = digits()
            .enumerate()
            .fold(first, |last, (index, digit)| match digit {
                b'0' => last,
                _ => index,
            });
        let magnitude = self.exponent + whole_digits - 1 - first as i64;
        if magnitude > i64::from(MAGNITUDE_MAX) {
            return Err(NumberError::Overflow);
        }
        if magnitude < i64::from(MAGNITUDE_MIN) {
            return Err(NumberError::Underflow);
        }
        let significant = last - first + 1;
        if significant > DIGITS_MAX as usize {
            return Err(NumberError::TooManyDigits);
        }
        let coefficient = digits()
            .skip(first)
            .take(significant)
            .fold(0_u128, |sum, digit| sum * 10 + u128::from(digit - b'0'));
        let exponent = i32::try_from(magnitude + 1 - significant as i64)
            .expect("the magnitude is in range and the digits are at most 38");
        Number::from_parts(self.is_negative, coefficient, exponent)
    }
}

fn without_sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// A power of ten, cut off at [`EXPONENT_CUT`].
fn read_exponent(text: &str) -> Option<i64> {
    let (is_negative, digits) = without_sign(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let magnitude = digits.bytes().fold(0_i64, |sum, digit| {
        (sum * 10 + i64::from(digit - b'0')).min(EXPONENT_CUT)
    });
    Some(if is_negative { -magnitude } else { magnitude })
}

/// Writes digits without a power of ten and without zeros that tell nothing, as DynamoDB does:
/// `1E+3` comes back as `1000`, `1.50` as `1.5`, `-0` as `0`. At most 172 characters.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_negative {
            f.write_char('-')?;
        }
        let digits = self.coefficient().to_string();
        let exponent = i32::from(self.exponent);
        if exponent >= 0 {
            f.write_str(&digits)?;
            return zeros(exponent.unsigned_abs() as usize, f);
        }
        let decimals = exponent.unsigned_abs() as usize;
        match digits.len().checked_sub(decimals) {
            Some(whole @ 1..) => {
                let (whole, decimals) = digits.split_at(whole);
                write!(f, "{whole}.{decimals}")
            }
            _ => {
                f.write_str("0.")?;
                zeros(decimals - digits.len(), f)?;
                f.write_str(&digits)
            }
        }
    }
}

fn zeros(count: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    (0..count).try_for_each(|_| f.write_char('0'))
}
