//! Ziplists, the compact encoding before 7.0 (`redis:src/ziplist.c`).
//!
//! ```text
//!   bytes   last entry  entries           entry ...                         end
//!   u32 LE  u32 LE      u16 LE, 65535 =   [bytes before][encoding and data] 0xFF
//!                       count them
//! ```
//!
//! `bytes before`, the length of the entry before, takes one byte, or five of which the first is 0xFE.

use crate::number::IntegerText;
use crate::value::ValueBytes;

const HEADER_BYTES: usize = 10;
const END: u8 = 0xFF;
/// The number of entries that stands for "count them".
const COUNT_UNKNOWN: u16 = u16::MAX;
/// Lengths of an entry before from here on take five bytes, of which this is the first.
const LONG_BEFORE: u8 = 0xFE;

/// Visits the elements of a ziplist from the first, each once it and all before it are checked
/// (ziplistValidateIntegrity, deep).
///
/// # Errors
/// What is wrong, in a few words; elements may have been visited before it was met.
pub(super) fn for_each(
    bytes: &[u8],
    mut visit: impl FnMut(ValueBytes<'_>),
) -> Result<(), &'static str> {
    if bytes.len() <= HEADER_BYTES {
        return Err("a ziplist without room for its header");
    }
    let word = |at: usize| {
        let word = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        u32::from_le_bytes(word) as usize
    };
    if word(0) != bytes.len() || bytes[bytes.len() - 1] != END {
        return Err("a ziplist that states another size than it has, or has no end");
    }
    let (mut at, mut before, mut last, mut count) = (HEADER_BYTES, 0, HEADER_BYTES, 0_usize);
    let end = bytes.len() - 1;
    while at < end {
        let cut = "a ziplist with an entry beyond its end";
        let rest = &bytes[at..end];
        let (stated, back) = length_before(rest).ok_or(cut)?;
        if stated != before {
            return Err("a ziplist with an entry of another length than the next one states");
        }
        let (element, length) = element(&rest[back..]).ok_or(cut)?;
        visit(element);
        before = back + length;
        last = at;
        at += before;
        count += 1;
    }
    let stated = u16::from_le_bytes([bytes[8], bytes[9]]);
    match () {
        () if word(4) != last => Err("a ziplist that states another last entry than it has"),
        () if stated != COUNT_UNKNOWN && usize::from(stated) != count => {
            Err("a ziplist that states another number of entries than it has")
        }
        () => Ok(()),
    }
}

/// The length of the entry before, and how many bytes state it.
fn length_before(bytes: &[u8]) -> Option<(usize, usize)> {
    match *bytes.first()? {
        LONG_BEFORE => {
            let mut word = [0; 4];
            word.copy_from_slice(bytes.get(1..5)?);
            Some((u32::from_le_bytes(word) as usize, 5))
        }
        byte => Some((byte.into(), 1)),
    }
}

/// The element at the front, and how long its encoding and data are.
fn element(bytes: &[u8]) -> Option<(ValueBytes<'_>, usize)> {
    let string = |head: usize, length: usize| {
        let end = head.checked_add(length)?;
        Some((ValueBytes::Stored(bytes.get(head..end)?), end))
    };
    let integer = |width: usize| {
        let data = bytes.get(1..=width)?;
        // Sign and zeros come by shifting what is read into the highest bytes down again.
        let mut word = [0; 8];
        word[8 - width..].copy_from_slice(data);
        let number = i64::from_le_bytes(word) >> (8 * (8 - width));
        Some((ValueBytes::Digits(IntegerText::new(number)), 1 + width))
    };
    match *bytes.first()? {
        head @ 0x00..=0x3F => string(1, head.into()),
        head @ 0x40..=0x7F => {
            let low = usize::from(*bytes.get(1)?);
            string(2, usize::from(head & 0x3F) << 8 | low)
        }
        0x80 => {
            let mut word = [0; 4];
            word.copy_from_slice(bytes.get(1..5)?);
            string(5, u32::from_be_bytes(word) as usize)
        }
        0xC0 => integer(2),
        0xD0 => integer(4),
        0xE0 => integer(8),
        0xF0 => integer(3),
        0xFE => integer(1),
        head @ 0xF1..=0xFD => {
            let number = i64::from(head & 0x0F) - 1;
            Some((ValueBytes::Digits(IntegerText::new(number)), 1))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn elements(bytes: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
        let mut all = Vec::new();
        for_each(bytes, |element| all.push(element.as_slice().to_vec()))?;
        Ok(all)
    }

    /// The ziplist that the comments of `redis:src/ziplist.c` print, with the entry they add.
    const EXAMPLE: &[u8] = b"\x1c\0\0\0\x0e\0\0\0\x03\0\0\xf3\x02\xf6\x02\x0bHello World\xff";

    #[test]
    fn the_published_example_is_read() {
        assert_eq!(
            elements(EXAMPLE),
            Ok(vec![b"2".to_vec(), b"5".to_vec(), b"Hello World".to_vec()])
        );
    }

    #[test]
    fn integers_of_every_width_are_read() {
        let mut entries: Vec<(&[u8], &str)> = vec![
            (b"\xfe\x80", "-128"),
            (b"\xc0\xff\xff", "-1"),
            (b"\xf0\x00\x00\x80", "-8388608"),
            (b"\xd0\xff\xff\xff\x7f", "2147483647"),
            (b"\xe0\0\0\0\0\0\0\0\x80", "-9223372036854775808"),
            (b"\xf1", "0"),
            (b"\xfd", "12"),
        ];
        let long = [&[0x41, 0x2C][..], &[b'x'; 300]].concat();
        let text = "x".repeat(300);
        entries.push((&long, &text));
        entries.push((b"\x01y", "y"));
        let (mut bytes, mut before, mut last) = (vec![0; HEADER_BYTES], 0_usize, 0);
        for (entry, _) in &entries {
            last = bytes.len();
            match u8::try_from(before) {
                Ok(short) if short < LONG_BEFORE => bytes.push(short),
                _ => {
                    bytes.push(LONG_BEFORE);
                    bytes.extend_from_slice(&(before as u32).to_le_bytes());
                }
            }
            bytes.extend_from_slice(entry);
            before = bytes.len() - last;
        }
        bytes.push(END);
        let total = (bytes.len() as u32).to_le_bytes();
        bytes[..4].copy_from_slice(&total);
        bytes[4..8].copy_from_slice(&(last as u32).to_le_bytes());
        bytes[8] = entries.len() as u8;
        let expected: Vec<Vec<u8>> = entries
            .iter()
            .map(|(_, text)| text.as_bytes().to_vec())
            .collect();
        assert_eq!(elements(&bytes), Ok(expected));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(at in any::<prop::sample::Index>(), byte: u8, tail in vec(any::<u8>(), 0..4)) {
            let mut bytes = EXAMPLE.to_vec();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes.extend(tail);
            let _ = elements(&bytes);
            prop_assert!(elements(&bytes[..at]).is_err());
        }
    }
}
