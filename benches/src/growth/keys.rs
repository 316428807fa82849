//! Keys of insertions: all different, in an order that no hash function is helped by.

use std::fmt;
use std::str::FromStr;

/// A family of keys, numbered from zero.
pub trait Keys: 'static {
    /// One key.
    type Key: fmt::Debug;
    /// Key number `index`; distinct numbers give distinct keys.
    fn key(index: u64) -> Self::Key;
}

/// Integers of 64 bits.
#[derive(Debug)]
pub struct Integers;

/// Strings of 20 bytes, each in an allocation of its own.
#[derive(Debug)]
pub struct Strings;

/// Bytes of a key of [`Strings`].
pub const STRING_BYTES: usize = 20;

/// A bijection of 64 bits: the finisher of SplitMix64 (Steele, Lea and Flood, "Fast splittable
/// pseudorandom number generators", OOPSLA 2014).
const fn scattered(index: u64) -> u64 {
    let x = index.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

impl Keys for Integers {
    type Key = u64;
    #[inline]
    fn key(index: u64) -> u64 {
        scattered(index)
    }
}

impl Keys for Strings {
    type Key = Box<[u8]>;
    #[inline]
    fn key(index: u64) -> Box<[u8]> {
        let mut bytes = *b"key:0000000000000000";
        let number = scattered(index);
        for (place, byte) in bytes[STRING_BYTES - 16..].iter_mut().enumerate() {
            *byte = b'a' + (number >> (4 * place) & 15) as u8;
        }
        Box::new(bytes)
    }
}

/// The families by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// [`Integers`].
    Integers,
    /// [`Strings`].
    Strings,
}

impl KeyKind {
    /// All families.
    pub const ALL: [Self; 2] = [Self::Integers, Self::Strings];
    /// The name on the command line and in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Integers => "u64",
            Self::Strings => "strings",
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for KeyKind {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|kind| kind.name() == name);
        known.ok_or_else(|| format!("there are no keys called {name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn keys_are_distinct_and_of_their_length() {
        let integers: BTreeSet<u64> = (0..10_000).map(Integers::key).collect();
        let strings: BTreeSet<Box<[u8]>> = (0..10_000).map(Strings::key).collect();
        assert_eq!((integers.len(), strings.len()), (10_000, 10_000));
        assert!(strings.iter().all(|key| key.len() == STRING_BYTES));
    }
}
