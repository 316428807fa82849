//! One item: a key with its value.

use crate::slab;
use kvrig_tables::{Entry, prefetch};
use std::fmt;

/// Longest key, in bytes (`memcached:memcached.h`, KEY_MAX_LENGTH).
pub const KEY_BYTES_MAX: usize = 250;

/// Key and value lie in one allocation, as in a chunk of Memcached.
#[derive(Clone, PartialEq, Eq)]
pub struct Item {
    bytes: Box<[u8]>,
    /// Unique among all stores of values.
    pub(crate) cas: u64,
    /// What the client has put there.
    pub(crate) flags: u32,
    /// The second of the server's clock from which on it has expired; 0 is never.
    pub(crate) expires: u32,
    key_bytes: u8,
}

impl Item {
    /// An item with a value in two parts, of which either may be empty.
    ///
    /// # Panics
    /// If the key is longer than [`KEY_BYTES_MAX`].
    pub fn new(key: &[u8], flags: u32, expires: u32, value: [&[u8]; 2]) -> Self {
        assert!(
            key.len() <= KEY_BYTES_MAX,
            "keys are checked when they are read"
        );
        Self {
            bytes: [key, value[0], value[1]].concat().into_boxed_slice(),
            cas: 0,
            flags,
            expires,
            key_bytes: key.len() as u8,
        }
    }
    /// Its value.
    #[inline]
    pub fn value(&self) -> &[u8] {
        &self.bytes[usize::from(self.key_bytes)..]
    }
    /// Its value, to be changed in place.
    pub(crate) fn value_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[usize::from(self.key_bytes)..]
    }
    /// The client's flags.
    pub fn flags(&self) -> u32 {
        self.flags
    }
    /// Its CAS value.
    pub fn cas(&self) -> u64 {
        self.cas
    }
    /// Bytes in Memcached's layout; see [`slab::item_bytes`].
    pub fn byte_len(&self) -> u64 {
        slab::item_bytes(usize::from(self.key_bytes), self.flags, self.value().len())
    }
    /// Whether it has expired by second `now` of the server's clock.
    #[inline]
    pub(crate) fn has_expired(&self, now: u32) -> bool {
        self.expires != 0 && self.expires <= now
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item")
            .field("key", &format_args!("\"{}\"", self.key().escape_ascii()))
            .field(
                "value",
                &format_args!("\"{}\"", self.value().escape_ascii()),
            )
            .field("cas", &self.cas)
            .finish_non_exhaustive()
    }
}

impl Entry for Item {
    type Key = [u8];
    const KEY_IS_OUTSIDE: bool = false;
    type Placement = ();
    #[inline]
    fn key(&self) -> &[u8] {
        &self.bytes[..usize::from(self.key_bytes)]
    }
    #[inline]
    fn prefetch_outside(&self) {
        prefetch(&*self.bytes);
    }
}
