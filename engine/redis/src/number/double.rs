//! Floating-point numbers, read as C's strtod reads them and written as printf's `%.17g` writes
//! them.
//!
//! Reading a decimal and writing 17 digits are exact and correctly rounded in Rust and in the GNU C
//! library alike, so both give the same bits and the same bytes.

use super::IntegerText;

/// Doubles up to here hold every integer, and are stored as integers.
const INTEGER_MAX: f64 = (1_u64 << 52) as f64;

/// Reads the longest number at the front of `text` and says how many bytes it took; nothing that is
/// a number takes none and is 0.
///
/// Spaces in front are skipped, `inf`, `infinity` and `nan` are read in any case, and so are
/// hexadecimal numbers such as `0x1.8p3`.
pub fn strtod(text: &[u8]) -> (f64, usize) {
    let spaces = text
        .iter()
        .take_while(|byte| byte.is_ascii_whitespace() || **byte == 0x0B)
        .count();
    let rest = &text[spaces..];
    let sign = usize::from(matches!(rest.first(), Some(b'+' | b'-')));
    let is_negative = rest.first() == Some(&b'-');
    let body = &rest[sign..];
    let (magnitude, used) = magnitude(body);
    if used == 0 {
        return (0.0, 0);
    }
    let value = if is_negative { -magnitude } else { magnitude };
    (value, spaces + sign + used)
}

/// A number without a sign, and its bytes.
fn magnitude(body: &[u8]) -> (f64, usize) {
    let begins = |word: &[u8]| {
        body.get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    if begins(b"infinity") {
        return (f64::INFINITY, 8);
    }
    if begins(b"inf") {
        return (f64::INFINITY, 3);
    }
    if begins(b"nan") {
        return (f64::NAN, 3);
    }
    if begins(b"0x")
        && let Some(found) = hexadecimal(&body[2..])
    {
        return (found.0, found.1 + 2);
    }
    decimal(body)
}

fn digits(text: &[u8], is_digit: fn(&u8) -> bool) -> usize {
    text.iter().take_while(|byte| is_digit(byte)).count()
}

fn decimal(body: &[u8]) -> (f64, usize) {
    let whole = digits(body, u8::is_ascii_digit);
    let mut used = whole;
    let mut fraction = 0;
    if body.get(whole) == Some(&b'.') {
        fraction = digits(&body[whole + 1..], u8::is_ascii_digit);
        used += 1 + fraction;
    }
    if whole + fraction == 0 {
        return (0.0, 0);
    }
    used += exponent(&body[used..], b'e').map_or(0, |(_, bytes)| bytes);
    let text = std::str::from_utf8(&body[..used]).expect("digits, a point, an exponent");
    (text.parse().expect("a decimal number"), used)
}

/// An exponent behind `mark`, and its bytes, the mark included.
fn exponent(text: &[u8], mark: u8) -> Option<(i64, usize)> {
    if text.first()?.to_ascii_lowercase() != mark {
        return None;
    }
    let sign = usize::from(matches!(text.get(1), Some(b'+' | b'-')));
    let count = digits(&text[1 + sign..], u8::is_ascii_digit);
    if count == 0 {
        return None;
    }
    let mut value = 0_i64;
    for digit in &text[1 + sign..1 + sign + count] {
        value = (value * 10 + i64::from(digit - b'0')).min(1 << 20);
    }
    let is_negative = text.get(1) == Some(&b'-');
    Some((if is_negative { -value } else { value }, 1 + sign + count))
}

/// A hexadecimal number behind its `0x`, rounded to nearest, ties to even.
fn hexadecimal(body: &[u8]) -> Option<(f64, usize)> {
    let is_hex: fn(&u8) -> bool = u8::is_ascii_hexdigit;
    let whole = digits(body, is_hex);
    let (mut used, mut fraction) = (whole, 0);
    if body.get(whole) == Some(&b'.') {
        fraction = digits(&body[whole + 1..], is_hex);
        used += 1 + fraction;
    }
    if whole + fraction == 0 {
        return None;
    }
    let (mut bits, mut power, mut is_inexact) = (0_u64, 0_i64, false);
    let all = body[..whole]
        .iter()
        .chain(&body[whole + usize::from(fraction > 0)..used]);
    for digit in all.filter(|digit| **digit != b'.') {
        let value = (*digit as char).to_digit(16).expect("a hexadecimal digit");
        if bits >> 58 == 0 {
            bits = bits << 4 | u64::from(value);
        } else {
            is_inexact |= value != 0;
            power += 4;
        }
    }
    power -= 4 * fraction as i64;
    if let Some((exponent, bytes)) = exponent(&body[used..], b'p') {
        power += exponent;
        used += bytes;
    }
    // A bit below the last says that something was cut off, so that ties are none.
    let bits = bits << 1 | u64::from(is_inexact);
    Some((scale(bits, power - 1), used))
}

/// `bits` x 2^`power`, rounded once.
fn scale(bits: u64, power: i64) -> f64 {
    if bits == 0 {
        return 0.0;
    }
    let top = 63 - i64::from(bits.leading_zeros());
    // The place of the last bit that is kept: 52 below the first, or that of the smallest number.
    let last = (top - 52).max(-1_074 - power);
    if last <= 0 {
        // Exact: no bit is lost, but the product may be too large.
        let (mut value, mut power) = (bits as f64, power);
        while power > 0 && value.is_finite() {
            value *= 2.0;
            power -= 1;
        }
        while power < 0 {
            value /= 2.0;
            power += 1;
        }
        return value;
    }
    if last > 63 {
        return 0.0;
    }
    let (kept, rest) = (bits >> last, bits & ((1 << last) - 1));
    let half = 1 << (last - 1);
    let rounds_up = rest > half || rest == half && kept & 1 == 1;
    scale(kept + u64::from(rounds_up), power + last)
}

/// A number that is the whole of `text`, as Redis reads scores and increments
/// (`redis:src/util.c`, string2d): no space in front, in range, and not NaN.
pub fn parse_double(text: &[u8]) -> Option<f64> {
    let first = text.first()?;
    if first.is_ascii_whitespace() || *first == 0x0B {
        return None;
    }
    let (value, used) = strtod(text);
    if used != text.len() || value.is_nan() {
        return None;
    }
    // What is out of range has become infinite, or zero although a digit is not.
    let mantissa = text
        .split(|byte| matches!(byte, b'e' | b'E' | b'p' | b'P'))
        .next()?;
    let is_named = text.iter().any(|byte| matches!(byte, b'n' | b'N'));
    let has_digit = mantissa
        .strip_prefix(b"0x")
        .unwrap_or(mantissa)
        .iter()
        .any(|byte| byte.is_ascii_hexdigit() && *byte != b'0');
    let is_out_of_range = !is_named && (value.is_infinite() || value == 0.0 && has_digit);
    (!is_out_of_range).then_some(value)
}

/// Appends a number as `%.17g` writes it.
pub fn write_17_digits(value: f64, out: &mut String) {
    write_general(value, 17, out);
}

/// Appends a number as `%g` writes it with up to so many digits, one or more.
pub fn write_general(value: f64, digits_max: usize, out: &mut String) {
    if value.is_infinite() {
        return out.push_str(if value > 0.0 { "inf" } else { "-inf" });
    }
    if value.is_nan() {
        return out.push_str("nan");
    }
    let scientific = format!("{value:.*e}", digits_max - 1);
    let (mantissa, exponent) = scientific
        .split_once('e')
        .expect("the form has an exponent");
    let exponent: i32 = exponent.parse().expect("an exponent is a number");
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => ("-", mantissa),
        None => ("", mantissa),
    };
    let digits: String = mantissa.chars().filter(|digit| *digit != '.').collect();
    let digits = digits.trim_end_matches('0');
    let digits = if digits.is_empty() { "0" } else { digits };
    out.push_str(sign);
    match exponent {
        0.. if (exponent as usize) < digits_max => {
            let whole = exponent as usize + 1;
            if digits.len() <= whole {
                out.push_str(digits);
                out.extend(std::iter::repeat_n('0', whole - digits.len()));
            } else {
                out.push_str(&digits[..whole]);
                out.push('.');
                out.push_str(&digits[whole..]);
            }
        }
        -4..0 => {
            out.push_str("0.");
            out.extend(std::iter::repeat_n('0', (-exponent - 1) as usize));
            out.push_str(digits);
        }
        _ => {
            out.push_str(&digits[..1]);
            if digits.len() > 1 {
                out.push('.');
                out.push_str(&digits[1..]);
            }
            let sign = if exponent < 0 { '-' } else { '+' };
            out.push_str(&format!("e{sign}{:02}", exponent.abs()));
        }
    }
}

/// Appends a number as a listpack stores scores (`redis:src/t_zset.c` zzlInsertAt, `util.c`
/// double2ll): integers that a double holds exactly as such, so that zero loses its sign, and others
/// in 17 digits.
pub fn write_score(value: f64, out: &mut String) {
    if value.abs() < INTEGER_MAX && value == value as i64 as f64 {
        let text = IntegerText::new(value as i64);
        out.push_str(std::str::from_utf8(text.as_bytes()).expect("digits"));
    } else {
        write_17_digits(value, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(value: f64) -> String {
        let mut text = String::new();
        write_17_digits(value, &mut text);
        text
    }

    #[test]
    fn numbers_are_written_as_printf_writes_them() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.10000000000000001"),
            (1.5, "1.5"),
            (100.0, "100"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (1e21, "1e+21"),
            (1e-4, "0.0001"),
            (1e-5, "1.0000000000000001e-05"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "4.9406564584124654e-324"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(written(value), text);
        }
    }

    #[test]
    fn numbers_are_read_as_strtod_reads_them() {
        for (text, value, used) in [
            ("", 0.0, 0),
            ("x", 0.0, 0),
            (".", 0.0, 0),
            ("-", 0.0, 0),
            ("1", 1.0, 1),
            ("  +1.5x", 1.5, 6),
            ("1e", 1.0, 1),
            ("1e+", 1.0, 1),
            ("1e5", 1e5, 3),
            (".5", 0.5, 2),
            ("5.", 5.0, 2),
            ("0x", 0.0, 1),
            ("0x10", 16.0, 4),
            ("0x1.8p3", 12.0, 7),
            ("-0X.8p1", -1.0, 7),
            ("inFinity!", f64::INFINITY, 8),
            ("-infx", f64::NEG_INFINITY, 4),
            ("0x1p-1074", 5e-324, 9),
            ("0x1p2000", f64::INFINITY, 8),
            ("0x1.fffffffffffff8p0", 2.0, 20),
        ] {
            assert_eq!(strtod(text.as_bytes()), (value, used), "{text}");
        }
    }

    #[test]
    fn only_a_number_in_range_is_a_score() {
        for (text, value) in [
            ("1", Some(1.0)),
            ("-inf", Some(f64::NEG_INFINITY)),
            ("+inf", Some(f64::INFINITY)),
            ("0e5", Some(0.0)),
            ("1e-320", Some(1e-320)),
            ("1e400", None),
            ("1e-400", None),
            ("nan", None),
            ("", None),
            (" 1", None),
            ("1 ", None),
            ("1.5.5", None),
        ] {
            assert_eq!(parse_double(text.as_bytes()), value, "{text}");
        }
    }

    proptest! {
        #[test]
        fn seventeen_digits_read_back_as_the_same_number(bits: u64) {
            let value = f64::from_bits(bits);
            if value.is_finite() {
                prop_assert_eq!(parse_double(written(value).as_bytes()).map(f64::to_bits), Some(bits));
                let mut score = String::new();
                write_score(value, &mut score);
                prop_assert_eq!(parse_double(score.as_bytes()), Some(value));
            }
        }
    }
}
