//! Numbers as Redis reads and writes them.

mod double;
mod extended;

pub(crate) use extended::Extended;

pub use double::{parse_double, strtod, write_17_digits, write_general, write_score};

/// Digits of the longest 64-bit integer, sign included.
pub const INTEGER_TEXT_BYTES_MAX: usize = 20;

/// Reads a decimal 64-bit integer in its one canonical form: no sign but a minus, no leading zeros,
/// no spaces, no `-0`.
///
/// Only a text that is canonical can be stored as a number and read back as the same bytes, which
/// is why Redis is this strict (`redis:src/util.c`, string2ll).
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    if text.len() > INTEGER_TEXT_BYTES_MAX {
        return None;
    }
    let (negative, digits) = match text {
        b"0" => return Some(0),
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if !matches!(digits.first(), Some(b'1'..=b'9')) {
        return None;
    }
    let mut magnitude = 0_u64;
    for &digit in digits {
        let value = digit.wrapping_sub(b'0');
        if value > 9 {
            return None;
        }
        magnitude = magnitude.checked_mul(10)?.checked_add(u64::from(value))?;
    }
    match negative {
        true => 0_i64.checked_sub_unsigned(magnitude),
        false => i64::try_from(magnitude).ok(),
    }
}

/// An integer as text, without an allocation.
#[derive(Clone, Copy, Debug)]
pub struct IntegerText {
    bytes: [u8; INTEGER_TEXT_BYTES_MAX],
    start: usize,
}

impl IntegerText {
    /// The decimal form of `number`.
    pub fn new(number: i64) -> Self {
        let mut text = Self::unsigned(number.unsigned_abs());
        if number < 0 {
            text.start -= 1;
            text.bytes[text.start] = b'-';
        }
        text
    }
    /// The decimal form of an unsigned number.
    pub fn unsigned(mut number: u64) -> Self {
        let mut bytes = [0; INTEGER_TEXT_BYTES_MAX];
        let mut start = INTEGER_TEXT_BYTES_MAX;
        loop {
            start -= 1;
            bytes[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return Self { bytes, start };
            }
        }
    }
    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
    /// Number of bytes.
    pub const fn byte_len(&self) -> usize {
        INTEGER_TEXT_BYTES_MAX - self.start
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_canonical_form_is_a_number() {
        for text in [
            "", "-", "-0", "00", "01", "+1", " 1", "1 ", "1.0", "0x1", "1e3", "--1",
        ] {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text:?}");
        }
        for beyond in [
            "9223372036854775808",
            "-9223372036854775809",
            "99999999999999999999",
        ] {
            assert_eq!(parse_i64(beyond.as_bytes()), None, "{beyond}");
        }
        assert_eq!(parse_i64(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(parse_i64(b"9223372036854775807"), Some(i64::MAX));
    }

    #[test]
    fn the_largest_unsigned_number_fits_its_text() {
        assert_eq!(
            IntegerText::unsigned(u64::MAX).as_bytes(),
            b"18446744073709551615"
        );
    }

    proptest! {
        #[test]
        fn numbers_survive_writing_and_reading(number: i64) {
            let text = IntegerText::new(number);
            prop_assert_eq!(text.as_bytes().to_vec(), number.to_string().into_bytes());
            prop_assert_eq!(text.byte_len(), text.as_bytes().len());
            prop_assert_eq!(parse_i64(text.as_bytes()), Some(number));
        }

        #[test]
        fn a_text_is_read_exactly_where_it_is_what_would_be_written(text in "[-+ 0-9]{0,21}") {
            let expected = text.parse::<i64>().ok().filter(|number| number.to_string() == text);
            prop_assert_eq!(parse_i64(text.as_bytes()), expected);
        }
    }
}
