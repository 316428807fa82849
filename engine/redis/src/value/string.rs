//! Strings, and how they are stored.

use super::ValueBytes;
use crate::memory::{EMBEDDED_BYTES_MAX, capacity_when_grown, capacity_when_set, usable_capacity};
use crate::number::{INTEGER_TEXT_BYTES_MAX, IntegerText, parse_i64};

/// A string as it is stored, in one of Redis's three encodings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StringValue {
    /// The canonical text of an integer (`int`).
    Integer(i64),
    /// A short string that was never appended to (`embstr`).
    Embedded(Box<[u8]>),
    /// Any other string (`raw`); its capacity is that of the sds string it stands for.
    Raw(Vec<u8>),
}

impl StringValue {
    /// The value that an argument is stored as: an integer where its text is canonical, and the
    /// shortest encoding otherwise (`redis:src/object.c`, tryObjectEncoding).
    pub fn from_argument(argument: &[u8]) -> Self {
        if argument.len() <= INTEGER_TEXT_BYTES_MAX
            && let Some(number) = parse_i64(argument)
        {
            return Self::Integer(number);
        }
        Self::from_text(argument)
    }
    /// The value of a text that is kept as one, even if it is an integer (createStringObject).
    pub(crate) fn from_text(text: &[u8]) -> Self {
        if text.len() <= EMBEDDED_BYTES_MAX {
            return Self::Embedded(text.into());
        }
        let mut bytes = Vec::with_capacity(capacity_when_set(text.len()));
        bytes.extend_from_slice(text);
        Self::Raw(bytes)
    }
    /// Its bytes.
    #[inline]
    pub fn bytes(&self) -> ValueBytes<'_> {
        match self {
            Self::Integer(number) => ValueBytes::Digits(IntegerText::new(*number)),
            Self::Embedded(bytes) => ValueBytes::Stored(bytes),
            Self::Raw(bytes) => ValueBytes::Stored(bytes),
        }
    }
    /// Number of bytes.
    pub fn byte_len(&self) -> usize {
        match self {
            Self::Integer(number) => IntegerText::new(*number).byte_len(),
            Self::Embedded(bytes) => bytes.len(),
            Self::Raw(bytes) => bytes.len(),
        }
    }
    /// Bytes that lie in an allocation of their own.
    pub fn stored_len(&self) -> usize {
        match self {
            Self::Integer(_) => 0,
            Self::Embedded(bytes) => bytes.len(),
            Self::Raw(bytes) => bytes.len(),
        }
    }
    /// The integer it stands for, however it is stored.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Embedded(bytes) => parse_i64(bytes),
            Self::Raw(bytes) => parse_i64(bytes),
        }
    }
    /// Adds `tail`, in the `raw` encoding from then on, with room for more as Redis leaves it.
    /// Returns how many bytes had to be moved to a new allocation, if one was needed.
    pub fn append(&mut self, tail: &[u8]) -> Option<usize> {
        let length = self.byte_len() + tail.len();
        match self {
            Self::Raw(bytes) if length <= bytes.capacity() => {
                bytes.extend_from_slice(tail);
                None
            }
            _ => {
                let old = self.bytes();
                let moved = old.as_slice().len();
                let mut bytes = Vec::with_capacity(capacity_when_grown(length));
                bytes.extend_from_slice(old.as_slice());
                bytes.extend_from_slice(tail);
                *self = Self::Raw(bytes);
                Some(moved)
            }
        }
    }
    /// `length` zero bytes in the `raw` encoding, in all that the allocator hands out for them
    /// (sdsnewlen).
    pub(crate) fn zeros(length: usize) -> Self {
        let mut bytes = Vec::with_capacity(usable_capacity(length));
        bytes.resize(length, 0);
        Self::Raw(bytes)
    }
    /// Makes it `raw` and at least `length` bytes long, zeros behind what there was. Returns how
    /// many bytes had to be moved to a new allocation, if one was needed.
    pub(crate) fn extend_raw(&mut self, length: usize) -> Option<usize> {
        let present = self.byte_len();
        let length = length.max(present);
        let capacity = match self {
            Self::Raw(bytes) if length <= bytes.capacity() => {
                bytes.resize(length, 0);
                return None;
            }
            Self::Integer(_) | Self::Embedded(_) if length <= usable_capacity(present) => {
                usable_capacity(present)
            }
            _ => capacity_when_grown(length),
        };
        let mut bytes = Vec::with_capacity(capacity);
        bytes.extend_from_slice(self.bytes().as_slice());
        bytes.resize(length, 0);
        *self = Self::Raw(bytes);
        Some(present)
    }
    /// Makes it `raw` (dbUnshareStringValue).
    pub(crate) fn make_raw(&mut self) -> &mut Vec<u8> {
        if !matches!(self, Self::Raw(_)) {
            self.extend_raw(0);
        }
        match self {
            Self::Raw(bytes) => bytes,
            Self::Integer(_) | Self::Embedded(_) => unreachable!("it has just been made raw"),
        }
    }
    /// The bytes of a `raw` string, to be changed; none of any other.
    pub(crate) fn raw_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Raw(bytes) => bytes,
            Self::Integer(_) | Self::Embedded(_) => &mut [],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    #[test]
    fn an_argument_is_stored_in_its_shortest_encoding() {
        assert_eq!(
            StringValue::from_argument(b"-12"),
            StringValue::Integer(-12)
        );
        assert!(matches!(
            StringValue::from_argument(b"012"),
            StringValue::Embedded(_)
        ));
        assert!(matches!(
            StringValue::from_argument(b"9223372036854775808"),
            StringValue::Embedded(_)
        ));
        assert!(matches!(
            StringValue::from_argument(&[b'x'; 44]),
            StringValue::Embedded(_)
        ));
        assert!(matches!(
            StringValue::from_argument(&[b'x'; 45]),
            StringValue::Raw(_)
        ));
    }

    proptest! {
        #[test]
        fn what_is_stored_reads_back(argument in prop_oneof![
            vec(any::<u8>(), 0..100),
            any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        ], tails in vec(vec(any::<u8>(), 0..60), 0..6)) {
            let mut value = StringValue::from_argument(&argument);
            let mut expected = argument;
            prop_assert_eq!(value.bytes().as_slice().to_vec(), expected.clone());
            for tail in tails {
                value.append(&tail);
                expected.extend_from_slice(&tail);
                prop_assert_eq!(value.bytes().as_slice().to_vec(), expected.clone());
                prop_assert_eq!(value.byte_len(), expected.len());
            }
        }
    }
}
