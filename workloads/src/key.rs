//! Keys: numbers inside the simulator, bytes in commands.

use crate::error::Error;
use kvrig_base::limits::KEYS_MAX;
use std::fmt;

/// A key of a workload, numbered from zero in the order in which the keys of its key space are made.
///
/// The upper bits number the key space; where there is only one, they are zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u64);

impl KeyId {
    /// Key `number` of key space `space`.
    #[inline]
    pub const fn in_space(space: usize, number: u64) -> Self {
        Self(space as u64 * KEYS_MAX + number)
    }
    /// The number of the key space.
    #[inline]
    pub const fn space(self) -> usize {
        (self.0 / KEYS_MAX) as usize
    }
    /// The number of the key within its key space.
    #[inline]
    pub const fn number(self) -> u64 {
        self.0 % KEYS_MAX
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Writes a key as a prefix and its number, padded with zeros to the length asked for.
///
/// Different keys have different bytes at every length: where the length is too short, the prefix
/// gives way, and then the key becomes as long as its digits; or a prefix that is to be kept makes
/// the key longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFormat {
    prefix: Vec<u8>,
    kept: bool,
}

/// `user`, as YCSB (`CoreWorkload.buildKeyName`).
impl Default for KeyFormat {
    fn default() -> Self {
        Self::new("user")
    }
}

const DIGITS_MAX: usize = 24;

impl KeyFormat {
    /// Keys that begin with `prefix`, which has no digits: where it is cut short, digits of the
    /// prefix could be taken for the key's.
    pub fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.as_bytes().to_vec(),
            kept: false,
        }
    }
    /// Keys that begin with the whole of `prefix` at any length, as those of one key space among
    /// several must.
    ///
    /// # Errors
    /// If the prefix ends in a digit.
    pub fn keeping(prefix: &str) -> Result<Self, Error> {
        match prefix.ends_with(|end: char| end.is_ascii_digit()) {
            true => Err(Error::PrefixEndsInDigit(prefix.to_owned())),
            false => Ok(Self {
                prefix: prefix.as_bytes().to_vec(),
                kept: true,
            }),
        }
    }
    /// The prefix.
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }
    /// Replaces the content of `buffer` by the bytes of `key`, `length` of them where they suffice.
    #[inline]
    pub fn write(&self, key: KeyId, length: usize, buffer: &mut Vec<u8>) {
        let digits = decimal_digits(key.number());
        buffer.clear();
        let length = match self.kept {
            true => length.max(self.prefix.len() + significant(&digits)),
            false => length,
        };
        if let Some(padding) = length.checked_sub(self.prefix.len() + DIGITS_MAX) {
            buffer.extend_from_slice(&self.prefix);
            buffer.resize(self.prefix.len() + padding, b'0');
            buffer.extend_from_slice(&digits);
            return;
        }
        let room = length.saturating_sub(self.prefix.len());
        let shown = room.max(significant(&digits)).min(DIGITS_MAX);
        let prefix = &self.prefix[..length.saturating_sub(shown).min(self.prefix.len())];
        buffer.extend_from_slice(prefix);
        buffer.extend_from_slice(&digits[DIGITS_MAX - shown..]);
    }
}

/// How many digits the number needs.
fn significant(digits: &[u8; DIGITS_MAX]) -> usize {
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    (DIGITS_MAX - zeros).max(1)
}

/// The decimal digits of `n`, with leading zeros.
#[inline]
fn decimal_digits(n: u64) -> [u8; DIGITS_MAX] {
    const EIGHT: u64 = 100_000_000;
    let mut digits = [b'0'; DIGITS_MAX];
    let upper = n / EIGHT;
    digits[16..].copy_from_slice(&eight_digits(n % EIGHT));
    if upper > 0 {
        digits[8..16].copy_from_slice(&eight_digits(upper % EIGHT));
        digits[..8].copy_from_slice(&eight_digits(upper / EIGHT));
    }
    digits
}

/// The eight digits of `n` below 10^8, computed side by side in one word: the word is split into
/// halves, quarters and eighths, and each division is a multiplication exact for its range
/// (10,486 / 2^20 for n / 100 below 10^4, 103 / 2^10 for n / 10 below 100).
#[inline]
const fn eight_digits(n: u64) -> [u8; 8] {
    let halves = (n / 10_000) | ((n % 10_000) << 32);
    let hundreds = ((halves * 10_486) >> 20) & 0x0000_007F_0000_007F;
    let quarters = hundreds | ((halves - hundreds * 100) << 16);
    let tens = ((quarters * 103) >> 10) & 0x000F_000F_000F_000F;
    let digits = tens | ((quarters - tens * 10) << 8);
    (digits | 0x3030_3030_3030_3030).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(key: u64, length: usize) -> String {
        let mut buffer = b"left over".to_vec();
        KeyFormat::default().write(KeyId(key), length, &mut buffer);
        String::from_utf8(buffer).unwrap()
    }

    proptest! {
        #[test]
        fn digits_are_those_of_the_number(n: u64, small in 0_u64..1_000_000_000) {
            for n in [n, small] {
                prop_assert_eq!(decimal_digits(n).to_vec(), format!("{n:024}").into_bytes());
            }
        }

        #[test]
        fn distinct_keys_have_distinct_bytes(
            a in 0..KEYS_MAX,
            b in 0..KEYS_MAX,
            length in 0_usize..40,
        ) {
            prop_assert_eq!(bytes(a, length) == bytes(b, length), a == b);
        }

        #[test]
        fn keys_of_different_prefixes_differ(
            a in 0..KEYS_MAX,
            b in 0_u64..1_000,
            length in 0_usize..20,
        ) {
            let write = |prefix: &str, key| {
                let mut buffer = Vec::new();
                KeyFormat::keeping(prefix).unwrap().write(KeyId(key), length, &mut buffer);
                buffer
            };
            prop_assert_ne!(write("cart:", a), write("sess:", b));
            prop_assert_ne!(write("s", a), write("s1:", b));
            prop_assert!(write("sess:", a).starts_with(b"sess:"));
        }
    }

    #[test]
    fn keys_have_the_length_asked_for() {
        assert_eq!(bytes(42, 20), "user0000000000000042");
        assert_eq!(bytes(42, 30), "user00000000000000000000000042");
        assert_eq!(bytes(42, 28), "user000000000000000000000042");
        assert_eq!(bytes(KEYS_MAX - 1, 24), "user00000001099511627775");
        // The number of the key space is no part of the bytes: its prefix tells it.
        assert_eq!(bytes(KeyId::in_space(3, 42).0, 6), "user42");
        assert_eq!(bytes(42, 6), "user42");
    }

    #[test]
    fn a_key_knows_its_space() {
        let key = KeyId::in_space(5, KEYS_MAX - 1);
        assert_eq!((key.space(), key.number()), (5, KEYS_MAX - 1));
        assert!(KeyFormat::keeping("user1").is_err());
    }

    #[test]
    fn short_keys_give_up_their_prefix_but_never_digits() {
        assert_eq!(bytes(1_234, 6), "us1234");
        assert_eq!(bytes(1_234, 4), "1234");
        assert_eq!(bytes(1_234, 1), "1234");
        assert_eq!(bytes(0, 0), "0");
    }
}
