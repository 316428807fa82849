//! Numbers as the C library reads them, which Memcached leaves it to.

/// Whether C's isspace holds in the C locale.
const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// The magnitude of a decimal number, its sign, and whether it exceeds 64 bits; what follows the
/// digits must be white space, a zero byte, or nothing.
fn read(text: &[u8]) -> Option<(u64, bool, bool)> {
    let start = text.iter().position(|&byte| !is_space(byte))?;
    let (negative, digits) = match &text[start..] {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let count = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let behind = digits.get(count).copied().unwrap_or(0);
    if count == 0 || !(is_space(behind) || behind == 0) {
        return None;
    }
    let mut magnitude = 0_u64;
    let mut overflows = false;
    for digit in &digits[..count] {
        let next = magnitude
            .checked_mul(10)
            .and_then(|tens| tens.checked_add(u64::from(digit - b'0')));
        match next {
            Some(next) => magnitude = next,
            None => overflows = true,
        }
    }
    Some((magnitude, negative, overflows))
}

/// An unsigned number of 64 bits (`memcached:util.c`, safe_strtoull). A minus sign negates around
/// the end, and is refused only where that leaves a number from 2^63 on.
pub(crate) fn parse_u64(text: &[u8]) -> Option<u64> {
    let (magnitude, negative, overflows) = read(text)?;
    if overflows {
        return None;
    }
    let value = match negative {
        true => magnitude.wrapping_neg(),
        false => magnitude,
    };
    let is_large = value >= 1 << 63;
    (!(negative && is_large)).then_some(value)
}

/// The low 32 bits of an unsigned number (`memcached:util.c`, safe_strtoul, where long has 64
/// bits).
pub(crate) fn parse_flags(text: &[u8]) -> Option<u32> {
    parse_u64(text).map(|value| value as u32)
}

/// The low 32 bits of a signed number of 64 (`memcached:util.c`, safe_strtol).
pub(crate) fn parse_i32(text: &[u8]) -> Option<i32> {
    let (magnitude, negative, overflows) = read(text)?;
    let limit = i64::MAX as u64 + u64::from(negative);
    if overflows || magnitude > limit {
        return None;
    }
    let value = match negative {
        true => magnitude.wrapping_neg(),
        false => magnitude,
    };
    Some(value as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsigned_numbers_are_read_as_strtoull_reads_them() {
        for (text, expected) in [
            (&b"0"[..], Some(0)),
            (b"+5", Some(5)),
            (b"\t 7", Some(7)),
            (b"12 monkeys", Some(12)),
            (b"12\0x", Some(12)),
            (b"12x", None),
            (b"", None),
            (b" ", None),
            (b"-", None),
            (b"-0", Some(0)),
            (b"-1", None),
            (b"-18446744073709551615", Some(1)),
            (b"18446744073709551615", Some(u64::MAX)),
            (b"18446744073709551616", None),
        ] {
            assert_eq!(parse_u64(text), expected, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn of_signed_numbers_the_low_32_bits_are_left() {
        assert_eq!(parse_i32(b"-2147483648"), Some(i32::MIN));
        assert_eq!(parse_i32(b"2147483648"), Some(i32::MIN));
        assert_eq!(parse_i32(b"4294967297"), Some(1));
        assert_eq!(parse_i32(b"-9223372036854775808"), Some(0));
        assert_eq!(parse_i32(b"9223372036854775808"), None);
        assert_eq!(parse_i32(b"99999999999999999999"), None);
    }
}
