//! Sums and differences of numbers, exactly or not at all.

use super::{COEFFICIENT_END, Number, NumberError};

impl Number {
    /// The sum, as `ADD` and `SET a = b + c` take it.
    ///
    /// # Errors
    /// [`NumberError::Overflow`] where the sum is too large and where it needs more than 38 digits:
    /// the service has one message for both. [`NumberError::Underflow`] where it is too small.
    pub fn checked_add(self, other: Self) -> Result<Self, NumberError> {
        if other.is_zero() {
            return Ok(self);
        }
        if self.is_zero() {
            return Ok(other);
        }
        let (coarse, fine) = match self.exponent >= other.exponent {
            true => (self, other),
            false => (other, self),
        };
        // Behind the shift the last digit of `fine` is the last of the sum and is not zero, so a
        // coarse part beyond u128 (3.4E38) leaves a sum of more than 38 digits in any case.
        let shift = (coarse.exponent - fine.exponent).unsigned_abs();
        let shifted = 10_u128
            .checked_pow(u32::from(shift))
            .and_then(|power| coarse.coefficient().checked_mul(power))
            .ok_or(NumberError::Overflow)?;
        let (is_negative, coefficient) = match coarse.is_negative == fine.is_negative {
            true => (
                coarse.is_negative,
                shifted
                    .checked_add(fine.coefficient())
                    .ok_or(NumberError::Overflow)?,
            ),
            false if shifted >= fine.coefficient() => {
                (coarse.is_negative, shifted - fine.coefficient())
            }
            false => (fine.is_negative, fine.coefficient() - shifted),
        };
        if coefficient > COEFFICIENT_END && !coefficient.is_multiple_of(10) {
            return Err(NumberError::Overflow);
        }
        Self::from_parts(is_negative, coefficient, i32::from(fine.exponent))
    }

    /// The difference, as `SET a = b - c` takes it.
    ///
    /// # Errors
    /// As [`Number::checked_add`].
    pub fn checked_sub(self, other: Self) -> Result<Self, NumberError> {
        self.checked_add(other.negated())
    }
}
