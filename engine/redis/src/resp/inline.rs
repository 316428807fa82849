//! Inline requests: a line of words, some of them quoted, as typed into a terminal.

use std::fmt::Write;
use std::ops::Range;

/// Splits a line into words, which are appended to `words` with their places in `places`. Gives
/// nothing where a quote is not closed, or is followed by anything but a space.
///
/// The rules are those of `redis:src/sds.c` (sdssplitargs): `"…"` knows `\xHH`, `\n`, `\r`, `\t`,
/// `\b`, `\a` and `\` before any other character; `'…'` knows `\'` only; a quote may begin within a
/// word.
pub(crate) fn split_words(
    line: &[u8],
    words: &mut Vec<u8>,
    places: &mut Vec<Range<u32>>,
) -> Option<()> {
    let mut rest = line;
    loop {
        let start = rest.iter().position(|byte| !is_space(*byte));
        let Some(start) = start else { return Some(()) };
        rest = &rest[start..];
        let first = words.len() as u32;
        rest = word(rest, words)?;
        places.push(first..words.len() as u32);
    }
}

/// The words of a line, or nothing where a quote is not closed.
pub(crate) fn words_of(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (mut words, mut places) = (Vec::new(), Vec::new());
    split_words(line, &mut words, &mut places)?;
    let word = |place: Range<u32>| words[place.start as usize..place.end as usize].to_vec();
    Some(places.into_iter().map(word).collect())
}

/// Appends bytes in quotation marks, with escapes where needed (sdscatrepr).
pub(crate) fn quote(bytes: &[u8], to: &mut String) {
    to.push('"');
    for &byte in bytes {
        match byte {
            b'\\' | b'"' => {
                to.push('\\');
                to.push(char::from(byte));
            }
            b'\n' => to.push_str("\\n"),
            b'\r' => to.push_str("\\r"),
            b'\t' => to.push_str("\\t"),
            0x07 => to.push_str("\\a"),
            0x08 => to.push_str("\\b"),
            b' '..=b'~' => to.push(char::from(byte)),
            _ => {
                // Writing into a string cannot fail.
                let _ = write!(to, "\\x{byte:02x}");
            }
        }
    }
    to.push('"');
}

/// C's isspace in the default locale.
const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

/// Appends the word at the beginning of `rest` and returns what follows it.
fn word<'a>(mut rest: &'a [u8], words: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [] => return Some(rest),
            [byte, ..] if is_space(*byte) => return Some(rest),
            [b'"', after @ ..] => return double_quoted(after, words),
            [b'\'', after @ ..] => return single_quoted(after, words),
            [byte, after @ ..] => {
                words.push(*byte);
                rest = after;
            }
        }
    }
}

fn double_quoted<'a>(mut rest: &'a [u8], words: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        rest = match rest {
            [] => return None,
            [b'\\', b'x', high, low, after @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                words.push(hex(*high) << 4 | hex(*low));
                after
            }
            [b'\\', escaped, after @ ..] => {
                words.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => *other,
                });
                after
            }
            [b'"', after @ ..] => return closed(after),
            [byte, after @ ..] => {
                words.push(*byte);
                after
            }
        }
    }
}

fn single_quoted<'a>(mut rest: &'a [u8], words: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        rest = match rest {
            [] => return None,
            [b'\\', b'\'', after @ ..] => {
                words.push(b'\'');
                after
            }
            [b'\'', after @ ..] => return closed(after),
            [byte, after @ ..] => {
                words.push(*byte);
                after
            }
        }
    }
}

/// A closing quote ends the word, so a space or the end must follow.
fn closed(after: &[u8]) -> Option<&[u8]> {
    match after {
        [byte, ..] if !is_space(*byte) => None,
        _ => Some(after),
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Option<Vec<Vec<u8>>> {
        let (mut words, mut places) = (Vec::new(), Vec::new());
        split_words(line.as_bytes(), &mut words, &mut places)?;
        Some(
            places
                .iter()
                .map(|at| words[at.start as usize..at.end as usize].to_vec())
                .collect(),
        )
    }
    fn words(expected: &[&[u8]]) -> Option<Vec<Vec<u8>>> {
        Some(expected.iter().map(|word| word.to_vec()).collect())
    }

    #[test]
    fn quotes_and_escapes_are_undone() {
        assert_eq!(split("  set  a b "), words(&[b"set", b"a", b"b"]));
        assert_eq!(
            split(r#"x "a\x41\n\r\t\b\a\q\"" y"#),
            words(&[b"x", b"aA\n\r\t\x08\x07q\"", b"y"])
        );
        assert_eq!(split(r"x 'a\'b\n'"), words(&[b"x", b"a'b\\n"]));
        assert_eq!(split(r#"ab"c d""#), words(&[b"abc d"]));
        assert_eq!(split(r#""" ''"#), words(&[b"", b""]));
        assert_eq!(split(r#""\xZZ""#), words(&[b"xZZ"]));
        assert_eq!(split(" \t "), words(&[]));
    }

    #[test]
    fn unbalanced_quotes_are_refused() {
        for line in [r#""a"#, "'a", r#""a"b"#, "'a'b", r#""a\"#, r"'\'"] {
            assert_eq!(split(line), None, "{line}");
        }
    }
}
