//! Numbers: decimal floating point of 38 significant digits, exactly.
//!
//! A number is zero, or its magnitude lies from 1E-130 to 9.99…E+125 (AWS, DynamoDB Developer Guide,
//! "Supported data types and naming rules"). None is ever rounded: what does not fit is refused.

mod arithmetic;
mod text;

use std::cmp::Ordering;
use std::fmt;

/// Significant digits of a number at most (AWS Developer Guide, "Supported data types").
pub const DIGITS_MAX: u32 = 38;
/// Power of ten of the leading digit of the largest number.
pub const MAGNITUDE_MAX: i32 = 125;
/// Power of ten of the leading digit of the smallest positive number.
pub const MAGNITUDE_MIN: i32 = -130;
/// Ten to the power [`DIGITS_MAX`]: coefficients are smaller.
const COEFFICIENT_END: u128 = 10_u128.pow(DIGITS_MAX);

/// A DynamoDB number: an integer coefficient without trailing zeros, times a power of ten.
///
/// The form is unique, so equal numbers are equal bit for bit, however they were written.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Number {
    /// The coefficient's upper and lower 64 bits: half the alignment of a `u128`.
    coefficient: [u64; 2],
    /// Power of ten of the coefficient's last digit; 0 for zero.
    exponent: i16,
    is_negative: bool,
}

/// Why a number is refused; the texts are DynamoDB's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NumberError {
    /// The text is not a decimal number.
    NotNumeric {
        /// The text as it was given.
        text: String,
    },
    /// More than [`DIGITS_MAX`] significant digits were written.
    TooManyDigits,
    /// The magnitude is larger than 9.99…E+125, or a sum needs more than [`DIGITS_MAX`] digits.
    Overflow,
    /// The magnitude is smaller than 1E-130 and not zero.
    Underflow,
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNumeric { text } if text.is_empty() => {
                f.write_str("The parameter cannot be converted to a numeric value")
            }
            Self::NotNumeric { text } => write!(
                f,
                "The parameter cannot be converted to a numeric value: {text}"
            ),
            Self::TooManyDigits => {
                f.write_str("Attempting to store more than 38 significant digits in a Number")
            }
            Self::Overflow => f.write_str(
                "Number overflow. Attempting to store a number with magnitude larger than \
                 supported range",
            ),
            Self::Underflow => f.write_str(
                "Number underflow. Attempting to store a number with magnitude smaller than \
                 supported range",
            ),
        }
    }
}
impl std::error::Error for NumberError {}

impl Number {
    /// Zero.
    pub const ZERO: Self = Self {
        coefficient: [0, 0],
        exponent: 0,
        is_negative: false,
    };

    /// The number of `coefficient` times ten to the power `exponent`, in its unique form.
    ///
    /// # Errors
    /// Whether the magnitude or the digits are too many; the range is judged before the digits.
    fn from_parts(
        is_negative: bool,
        mut coefficient: u128,
        mut exponent: i32,
    ) -> Result<Self, NumberError> {
        if coefficient == 0 {
            return Ok(Self::ZERO);
        }
        while coefficient.is_multiple_of(10) {
            coefficient /= 10;
            exponent = exponent.saturating_add(1);
        }
        let digits = digit_count(coefficient);
        let magnitude = exponent.saturating_add(digits.cast_signed() - 1);
        if magnitude > MAGNITUDE_MAX {
            return Err(NumberError::Overflow);
        }
        if magnitude < MAGNITUDE_MIN {
            return Err(NumberError::Underflow);
        }
        if digits > DIGITS_MAX {
            return Err(NumberError::TooManyDigits);
        }
        Ok(Self {
            coefficient: [(coefficient >> 64) as u64, coefficient as u64],
            exponent: i16::try_from(exponent)
                .expect("the magnitude and at most 38 digits bound the exponent"),
            is_negative,
        })
    }
    /// The coefficient, below ten to the power [`DIGITS_MAX`].
    const fn coefficient(self) -> u128 {
        (self.coefficient[0] as u128) << 64 | self.coefficient[1] as u128
    }
    /// Whether it is zero.
    pub const fn is_zero(self) -> bool {
        self.coefficient() == 0
    }
    /// Whether it is smaller than zero.
    pub const fn is_negative(self) -> bool {
        self.is_negative
    }
    /// Significant digits: 0 for zero, at most [`DIGITS_MAX`].
    pub const fn digits(self) -> u32 {
        digit_count(self.coefficient())
    }
    /// Power of ten of the leading digit; 0 for zero.
    const fn magnitude(self) -> i32 {
        match self.digits() {
            0 => 0,
            digits => self.exponent as i32 + digits.cast_signed() - 1,
        }
    }
    /// The same number with the other sign.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self {
            is_negative: !self.is_negative && !self.is_zero(),
            ..self
        }
    }
    /// The number as an index or a count, if it is a whole one from 0 to 2^64 - 1.
    pub fn to_u64(self) -> Option<u64> {
        if self.is_negative || self.exponent < 0 {
            return None;
        }
        let power = 10_u128.checked_pow(u32::try_from(self.exponent).ok()?)?;
        u64::try_from(self.coefficient().checked_mul(power)?).ok()
    }

    /// Bytes that the number counts in an item's size.
    ///
    /// One byte, one for every two significant digits before the decimal point and one for every two
    /// behind it, and one for a minus sign; zero counts one byte. AWS's guide ("DynamoDB item sizes
    /// and formats") has one byte for every two digits and calls that approximate; the rest was
    /// measured by others against the service with items of just 400 KB (dynoxide 3.2, 2026).
    pub const fn size_bytes(self) -> u64 {
        let digits = self.digits() as i32;
        let whole = match self.magnitude() + 1 {
            whole if self.is_zero() || whole < 0 => 0,
            whole if whole < digits => whole,
            _ => digits,
        };
        let pairs =
            whole.cast_unsigned().div_ceil(2) + (digits - whole).cast_unsigned().div_ceil(2);
        pairs as u64 + 1 + self.is_negative as u64
    }

    /// Bytes that equal numbers share and others do not.
    pub(crate) fn unique_bytes(self) -> [u8; 19] {
        let mut bytes = [0; 19];
        bytes[..16].copy_from_slice(&self.coefficient().to_le_bytes());
        bytes[16..18].copy_from_slice(&self.exponent.to_le_bytes());
        bytes[18] = u8::from(self.is_negative);
        bytes
    }

    /// The coefficient with zeros behind it, so that numbers of one magnitude compare by it.
    const fn aligned(self) -> u128 {
        self.coefficient() * 10_u128.pow(DIGITS_MAX - self.digits())
    }
}

/// Decimal digits of `n`; none for 0.
const fn digit_count(n: u128) -> u32 {
    match n.checked_ilog10() {
        Some(log) => log + 1,
        None => 0,
    }
}

impl Default for Number {
    fn default() -> Self {
        Self::ZERO
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
/// By value.
impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |number: &Self| match (number.is_zero(), number.is_negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        sign(self).cmp(&sign(other)).then_with(|| {
            let larger = (self.magnitude().cmp(&other.magnitude()))
                .then_with(|| self.aligned().cmp(&other.aligned()));
            if self.is_negative {
                larger.reverse()
            } else {
                larger
            }
        })
    }
}

impl From<u64> for Number {
    fn from(n: u64) -> Self {
        Self::from_parts(false, u128::from(n), 0).expect("20 digits are fewer than 38")
    }
}
impl From<i64> for Number {
    fn from(n: i64) -> Self {
        Self::from_parts(n < 0, u128::from(n.unsigned_abs()), 0)
            .expect("19 digits are fewer than 38")
    }
}
impl From<u32> for Number {
    fn from(n: u32) -> Self {
        Self::from(u64::from(n))
    }
}
impl From<i32> for Number {
    fn from(n: i32) -> Self {
        Self::from(i64::from(n))
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_negative { "-" } else { "" };
        write!(f, "{sign}{}E{}", self.coefficient(), self.exponent)
    }
}
