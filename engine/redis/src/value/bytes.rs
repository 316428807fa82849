//! Bytes of strings and elements, which may be stored as integers.

use crate::number::IntegerText;

/// The bytes of a string or an element: those stored, or the digits of an integer.
#[derive(Clone, Copy, Debug)]
pub enum ValueBytes<'a> {
    /// Stored bytes.
    Stored(&'a [u8]),
    /// Digits.
    Digits(IntegerText),
}

impl ValueBytes<'_> {
    /// As a slice.
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Self::Stored(bytes) => bytes,
            Self::Digits(text) => text.as_bytes(),
        }
    }
}
