//! What the tables hold: keys with their values, keys with their expiry.

use crate::keyspace::Usage;
use crate::value::{StringValue, Value};
use kvrig_tables::{CacheLineAligned, Entry, prefetch};
use std::cell::Cell;

/// Longest key that is kept in its record.
const INLINE_BYTES_MAX: usize = 22;

/// A key. Short ones lie in the record itself, so that comparing one costs no further cache miss;
/// a record stays three words smaller than with any longer limit.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct StoredKey(Place);

#[derive(Clone, PartialEq, Eq)]
enum Place {
    Inline {
        length: u8,
        bytes: [u8; INLINE_BYTES_MAX],
    },
    Outside(Box<[u8]>),
}

impl StoredKey {
    pub(crate) fn new(key: &[u8]) -> Self {
        if key.len() > INLINE_BYTES_MAX {
            return Self(Place::Outside(key.into()));
        }
        let mut bytes = [0; INLINE_BYTES_MAX];
        bytes[..key.len()].copy_from_slice(key);
        Self(Place::Inline {
            length: key.len() as u8,
            bytes,
        })
    }
    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Place::Inline { length, bytes } => &bytes[..usize::from(*length)],
            Place::Outside(bytes) => bytes,
        }
    }
    /// Whether storing a key of `length` bytes takes an allocation of its own.
    pub(crate) const fn allocates(length: usize) -> bool {
        length > INLINE_BYTES_MAX
    }
}

impl std::fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.as_slice().escape_ascii())
    }
}

/// A key with its value, as the table of all keys holds it.
#[derive(Debug)]
pub struct Record {
    pub(crate) key: StoredKey,
    pub(crate) value: Value,
    /// How it is used; a cell, because looking a key up writes it down and changes nothing else.
    pub(crate) usage: Cell<Usage>,
    /// Whether the value is a small integer that all keys share, which takes no memory.
    pub(crate) shares_integer: bool,
}

/// A key with the unix time in milliseconds up to which it lives, as the table of expiring keys
/// holds it.
#[derive(Debug)]
pub struct Expiry {
    pub(crate) key: StoredKey,
    pub(crate) at_ms: i64,
}

impl Entry for Record {
    type Key = [u8];
    /// Keys of Redis are sds strings of their own, and receipts follow Redis.
    const KEY_IS_OUTSIDE: bool = true;
    type Placement = CacheLineAligned;
    #[inline]
    fn key(&self) -> &[u8] {
        self.key.as_slice()
    }
    /// Long keys, and the text of a string.
    fn prefetch_outside(&self) {
        prefetch(self.key.as_slice());
        match &self.value {
            Value::String(StringValue::Embedded(text)) => prefetch(&**text),
            Value::String(StringValue::Raw(text)) => prefetch(text.as_slice()),
            _ => {}
        }
    }
}

impl Entry for Expiry {
    type Key = [u8];
    const KEY_IS_OUTSIDE: bool = true;
    type Placement = ();
    #[inline]
    fn key(&self) -> &[u8] {
        self.key.as_slice()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back_at_every_length() {
        for length in 0..40 {
            let key: Vec<u8> = (0..length).collect();
            assert_eq!(StoredKey::new(&key).as_slice(), key);
        }
    }

    #[test]
    fn a_record_takes_seven_words() {
        assert_eq!(size_of::<StoredKey>(), 24);
        assert_eq!(size_of::<Record>(), 56);
    }
}
