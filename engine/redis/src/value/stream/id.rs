//! Ids of stream entries, as they are stored, read and written.

use crate::number::{IntegerText, parse_i64};

/// Bytes of the longest id that is looked at (the buffer of streamGenericParseIDOrReply).
const TEXT_BYTES_MAX: usize = 127;
/// Bytes of an id where it is a key of a tree.
pub(crate) const ID_BYTES: usize = 16;

/// An id of an entry: a time and a number within it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId {
    /// Unix time in milliseconds, or whatever a client has chosen.
    pub ms: u64,
    /// Number within the millisecond.
    pub seq: u64,
}

/// What a text says in the place of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedId {
    /// This id.
    Whole(StreamId),
    /// `ms-*`: an id of this millisecond.
    Millisecond(u64),
}

impl StreamId {
    /// The lowest id.
    pub const MIN: Self = Self { ms: 0, seq: 0 };
    /// The highest id.
    pub const MAX: Self = Self {
        ms: u64::MAX,
        seq: u64::MAX,
    };

    /// The id that follows, unless this is the highest (streamIncrID).
    pub fn next(self) -> Option<Self> {
        let Self { ms, seq } = self;
        match seq.checked_add(1) {
            Some(seq) => Some(Self { ms, seq }),
            None => ms.checked_add(1).map(|ms| Self { ms, seq: 0 }),
        }
    }
    /// The id before, unless this is the lowest (streamDecrID).
    pub fn previous(self) -> Option<Self> {
        let Self { ms, seq } = self;
        match seq.checked_sub(1) {
            Some(seq) => Some(Self { ms, seq }),
            None => ms.checked_sub(1).map(|ms| Self { ms, seq: u64::MAX }),
        }
    }
    /// Reads `ms-seq`; without a number within the millisecond it is `missing_seq`.
    pub fn parse(text: &[u8], missing_seq: u64) -> Option<Self> {
        let (ms, seq) = split(text)?;
        let ms = parse_u64(ms)?;
        let seq = seq.map_or(Some(missing_seq), parse_u64)?;
        Some(Self { ms, seq })
    }
    /// The same where `ms-*` leaves the number to the stream.
    pub fn parse_asked(text: &[u8]) -> Option<AskedId> {
        match split(text)? {
            (ms, Some(b"*")) => parse_u64(ms).map(AskedId::Millisecond),
            _ => Self::parse(text, 0).map(AskedId::Whole),
        }
    }
    /// The same where `-` and `+` stand for the lowest and the highest id.
    pub fn parse_or_end(text: &[u8], missing_seq: u64) -> Option<Self> {
        match before_zero(text) {
            b"-" => Some(Self::MIN),
            b"+" => Some(Self::MAX),
            _ => Self::parse(text, missing_seq),
        }
    }
    /// The key in a tree, which sorts as ids do.
    pub fn to_bytes(self) -> [u8; ID_BYTES] {
        let mut bytes = [0; ID_BYTES];
        bytes[..8].copy_from_slice(&self.ms.to_be_bytes());
        bytes[8..].copy_from_slice(&self.seq.to_be_bytes());
        bytes
    }
    /// The id of a key in a tree.
    pub fn from_bytes(bytes: [u8; ID_BYTES]) -> Self {
        let (mut ms, mut seq) = ([0; 8], [0; 8]);
        ms.copy_from_slice(&bytes[..8]);
        seq.copy_from_slice(&bytes[8..]);
        Self {
            ms: u64::from_be_bytes(ms),
            seq: u64::from_be_bytes(seq),
        }
    }
    /// The text `ms-seq`.
    pub fn text(self) -> Vec<u8> {
        let (ms, seq) = (
            IntegerText::unsigned(self.ms),
            IntegerText::unsigned(self.seq),
        );
        [ms.as_bytes(), b"-", seq.as_bytes()].concat()
    }
}

/// What C's string functions see of a text.
fn before_zero(text: &[u8]) -> &[u8] {
    text.split(|&byte| byte == 0).next().unwrap_or(&[])
}

/// The texts before and behind the first bar.
fn split(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let text = before_zero(text);
    Some(match text.iter().position(|&byte| byte == b'-') {
        Some(bar) => (&text[..bar], Some(&text[bar + 1..])),
        None => (text, None),
    })
}

/// Reads an unsigned integer as string2ull does: canonical, or else as C's strtoull, which takes
/// spaces, signs and zeros in front and lets a minus wrap around.
fn parse_u64(text: &[u8]) -> Option<u64> {
    if let Some(number) = parse_i64(text) {
        return u64::try_from(number).ok();
    }
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text.iter().position(|byte| !is_space(byte))?;
    let (is_negative, digits) = match &text[start..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let mut number = 0_u64;
    for &digit in digits {
        let value = digit.wrapping_sub(b'0');
        if value > 9 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(value.into())?;
    }
    Some(match is_negative {
        true => number.wrapping_neg(),
        false => number,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(ms: u64, seq: u64) -> StreamId {
        StreamId { ms, seq }
    }

    #[test]
    fn ids_are_read_as_redis_reads_them() {
        for (text, expected) in [
            ("1-2", Some(id(1, 2))),
            ("7", Some(id(7, 9))),
            (
                "18446744073709551615-18446744073709551615",
                Some(StreamId::MAX),
            ),
            ("18446744073709551616", None),
            ("007-+3", Some(id(7, 3))),
            ("1-", None),
            ("-1", None),
            ("1--1", None),
            ("1- -1", Some(id(1, u64::MAX))),
            ("", None),
            ("-", None),
            ("+", None),
            ("1-*", None),
            ("1-2-3", None),
            ("1-2\x003", Some(id(1, 2))),
        ] {
            assert_eq!(StreamId::parse(text.as_bytes(), 9), expected, "{text:?}");
        }
        assert_eq!(StreamId::parse(&[b'0'; 128], 0), None);
        assert_eq!(StreamId::parse_asked(b"5-*"), Some(AskedId::Millisecond(5)));
        assert_eq!(StreamId::parse_or_end(b"-", 0), Some(StreamId::MIN));
        assert_eq!(StreamId::parse_or_end(b"+", 0), Some(StreamId::MAX));
    }

    proptest! {
        #[test]
        fn neighbours_and_keys_keep_the_order(ms: u64, seq in prop_oneof![Just(0), Just(u64::MAX), any::<u64>()]) {
            let this = id(ms, seq);
            prop_assert_eq!(StreamId::parse(&this.text(), 0), Some(this));
            prop_assert_eq!(StreamId::from_bytes(this.to_bytes()), this);
            if let Some(next) = this.next() {
                prop_assert_eq!(next.previous(), Some(this));
                prop_assert!(next > this && next.to_bytes() > this.to_bytes());
            }
        }
    }
}
