//! Keys that are chosen to collide, and what they do to look-ups.
//!
//! Whoever knows a hash function, and its seed if it has one, can write down as many keys of one
//! value as there is time for. Under a keyed function whose key is a secret the same keys spread as
//! any others (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012, section 7).

use crate::hash::crc16::crc16;
use crate::hash::murmur::second_block_for;
use crate::probing::{HashFunction, ProbeTable, Probing};

/// Chosen keys at most: their numbers fill the first four bytes.
pub const CHOSEN_MAX: u64 = 1 << 32;

/// The first `count` of the keys that collide under MurmurHash3 with `seed`, of 8 bytes each.
///
/// The hash takes a key in blocks of four bytes and mixes each into 32 bits of state by steps that
/// can be undone. So the first block may be any number, here the key's, and the second is the one
/// that leads back to the state that all share.
pub fn murmur3_keys(seed: u32, count: u64) -> impl Iterator<Item = [u8; 8]> {
    (0..count.min(CHOSEN_MAX)).map(move |number| {
        let first = (number as u32).to_le_bytes();
        let second = second_block_for(seed, first, SHARED_STATE);
        let mut key = [0; 8];
        key[..4].copy_from_slice(&first);
        key[4..].copy_from_slice(&second);
        key
    })
}

/// The state of MurmurHash3 behind the second block of all chosen keys; any number would do.
const SHARED_STATE: u32 = 0;

/// The first `count` of the keys whose CRC16 is zero, of 6 bytes each.
///
/// A checksum followed by itself has the checksum zero: that is what it is for.
pub fn crc16_keys(count: u64) -> impl Iterator<Item = [u8; 6]> {
    (0..count.min(CHOSEN_MAX)).map(|number| {
        let first = (number as u32).to_be_bytes();
        let mut key = [0; 6];
        key[..4].copy_from_slice(&first);
        key[4..].copy_from_slice(&crc16(&first).to_be_bytes());
        key
    })
}

/// One point of the curve of probes against chosen keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FloodPoint {
    /// Chosen keys in the table.
    pub keys: u64,
    /// Probes of looking up each of them once.
    pub probes: u64,
}

/// Probes of looking up chosen keys in a table of chains of 2^`places_log2` places under `hash`, at
/// each of `counts` of keys, which rise.
///
/// If all collide, n keys take n (n + 1) / 2 probes.
pub fn curve<K: AsRef<[u8]>>(
    keys: impl Iterator<Item = K>,
    hash: HashFunction,
    places_log2: u32,
    counts: &[u64],
) -> Vec<FloodPoint> {
    let mut table = ProbeTable::new(Probing::Chaining, places_log2, hash.bits());
    let mut inserted = Vec::new();
    let mut keys = keys.map(|key| hash.hash(key.as_ref()));
    let mut points = Vec::new();
    for &count in counts {
        while table.len() < count
            && let Some(hash) = keys.next()
            && let Some(number) = table.insert(hash)
        {
            inserted.push((hash, number));
        }
        points.push(FloodPoint {
            keys: table.len(),
            probes: inserted
                .iter()
                .map(|&(hash, number)| table.probes(hash, Some(number)))
                .sum(),
        });
    }
    points
}
