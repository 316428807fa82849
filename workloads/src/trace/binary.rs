//! Traces of big-endian 32-bit keys and nothing else, as cache2k publishes them.

use super::{Trace, check_length, gzip, text, unreadable};
use kvrig_base::diagnostic::{self, Diagnostic};
use std::io::Read;

const KEY_BYTES: usize = 4;

/// Reads one key per request.
pub(super) fn read(name: &str, reader: impl Read) -> Result<Trace, Diagnostic> {
    let mut reader = gzip::transparent(reader).map_err(|error| unreadable(name, 1, &error))?;
    let mut chunk = vec![0_u8; 1 << 16];
    let mut kept = 0;
    let mut keys: Vec<u32> = Vec::new();
    loop {
        let record = keys.len() as u64 + 1;
        let count = match reader.read(&mut chunk[kept..]) {
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(name, record, &error)),
        };
        let filled = kept + count;
        let whole = filled - filled % KEY_BYTES;
        let words = chunk[..whole].chunks_exact(KEY_BYTES);
        check_length(name, keys.len() as u64 + words.len() as u64)?;
        keys.extend(words.map(|word| u32::from_be_bytes(word.try_into().expect("four bytes"))));
        chunk.copy_within(whole..filled, 0);
        kept = filled - whole;
        if count == 0 {
            break;
        }
    }
    if kept > 0 {
        let record = keys.len() + 1;
        return Err(Diagnostic::new(
            diagnostic::TRACE_TRUNCATED,
            format!("{name}: record {record} has {kept} of {KEY_BYTES} bytes"),
        ));
    }
    if keys.is_empty() {
        return Err(text::empty(name));
    }
    let (requests, keys) = number_by_first_use(&keys);
    Ok(Trace::of_keys(name, requests, keys))
}

/// Numbers keys from zero in the order of their first request.
fn number_by_first_use(keys: &[u32]) -> (Vec<u32>, u32) {
    // Sorting (key, place) pairs groups the requests of a key, its first request in front.
    let mut pairs: Vec<u64> = (0..)
        .zip(keys)
        .map(|(place, &key)| u64::from(key) << 32 | place)
        .collect();
    pairs.sort_unstable();
    let place = |pair: u64| pair as u32;
    let mut first_places: Vec<u32> = pairs
        .chunk_by(|a, b| a >> 32 == b >> 32)
        .map(|group| place(group[0]))
        .collect();
    first_places.sort_unstable();
    let mut requests = vec![0_u32; keys.len()];
    for group in pairs.chunk_by(|a, b| a >> 32 == b >> 32) {
        let number = first_places.partition_point(|&first| first < place(group[0])) as u32;
        for &pair in group {
            requests[place(pair) as usize] = number;
        }
    }
    (requests, first_places.len() as u32)
}
