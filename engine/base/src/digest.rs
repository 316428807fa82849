//! Digests: 64-bit for the stream of events, 128-bit for results.

use siphasher::sip128::{Hasher128, SipHasher13};
use std::fmt;
use std::hash::Hasher;

/// A cheap rolling digest of integers, folded one word at a time.
///
/// Each word is mixed by one 64x64→128-bit multiplication whose halves are joined, the step that
/// wyhash is built of. It localises a change; it does not resist an adversary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rolling(u64);

impl Default for Rolling {
    fn default() -> Self {
        Self(0x9E37_79B9_7F4A_7C15)
    }
}

impl Rolling {
    /// Folds one word in.
    #[inline]
    pub fn fold(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * 0xD2B7_4407_B1CE_6E93_u128;
        self.0 = (product as u64) ^ ((product >> 64) as u64) ^ word.rotate_left(32);
    }
    /// Folds bytes in, eight at a time, their number included.
    #[inline]
    pub fn fold_bytes(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            self.fold(u64::from_le_bytes(
                chunk.try_into().expect("chunks of eight"),
            ));
        }
        let mut last = [0_u8; 8];
        last[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
        self.fold(u64::from_le_bytes(last) ^ ((bytes.len() as u64) << 56));
    }
    /// The digest so far.
    pub const fn value(self) -> u64 {
        self.0
    }
}

/// A 128-bit digest (SipHash-1-3 with a fixed key) of bytes that are kept, compared and printed.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(into = "String", try_from = "String")]
pub struct Digest(pub u128);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = SipHasher13::new_with_keys(0x6b76_7269_675f_6469, 0x6765_7374_5f30_3031);
        hasher.write(bytes);
        Self(hasher.finish128().as_u128())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}
impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}
impl TryFrom<String> for Digest {
    type Error = std::num::ParseIntError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        u128::from_str_radix(&text, 16).map(Self)
    }
}
