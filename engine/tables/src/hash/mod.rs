//! The hash functions of the products, written from their definitions.

pub mod crc16;
pub mod murmur;
pub mod sip;

use crate::table::Key;
use kvrig_base::seam::{Counter, Work};

/// Hashes `key` by SipHash-1-2 under `hash_key` and counts it.
#[inline]
pub(crate) fn sip_counted<K: Key + ?Sized>(key: &K, hash_key: [u64; 2], work: &mut Work) -> u64 {
    work.count(Counter::KeysHashed, 1);
    work.count(Counter::BytesHashed, key.byte_len());
    key.hashed_by(|bytes| sip::sip_1_2(hash_key, bytes))
}

/// Hashes `key` by SipHash-1-2 without a receipt.
pub(crate) fn sip_of<K: Key + ?Sized>(key: &K, hash_key: [u64; 2]) -> u64 {
    key.hashed_by(|bytes| sip::sip_1_2(hash_key, bytes))
}
