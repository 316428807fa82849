//! The optimum: the key that is asked for again latest leaves.

use super::Tally;
use std::collections::BinaryHeap;

/// No further request.
const NEVER: u32 = u32::MAX;

/// Replays `requests` for keys below `keys` with the replacement that has the most hits (Belady, "A
/// study of replacement algorithms for a virtual-storage computer", IBM Systems Journal 1966).
///
/// As in the other caches a key that was not there enters, whatever it replaces.
///
/// # Panics
/// If a key is not below `keys`, or there are 2^32 - 1 requests or more.
pub fn belady(requests: &[u32], keys: u32, capacity: u32) -> Tally {
    let next = next_requests(requests, keys);
    // When each key that is present is asked for again.
    let mut present: Vec<Option<u32>> = vec![None; keys as usize];
    // Who leaves is on top. A key that was asked for since has left an older time behind.
    let mut latest: BinaryHeap<(u32, u32)> = BinaryHeap::new();
    let (mut len, mut hits) = (0, 0);
    for (&key, &next) in requests.iter().zip(&next) {
        if present[key as usize].is_some() {
            hits += 1;
        } else if capacity == 0 {
            continue;
        } else if len < capacity {
            len += 1;
        } else {
            while let Some((time, key)) = latest.pop() {
                if present[key as usize] == Some(time) {
                    present[key as usize] = None;
                    break;
                }
            }
        }
        present[key as usize] = Some(next);
        latest.push((next, key));
    }
    Tally {
        requests: requests.len() as u64,
        hits,
    }
}

/// For each request, the number of the next one for the same key.
fn next_requests(requests: &[u32], keys: u32) -> Vec<u32> {
    assert!(
        requests.len() < NEVER as usize,
        "requests are numbered in 32 bits"
    );
    let mut upcoming = vec![NEVER; keys as usize];
    let mut next = vec![NEVER; requests.len()];
    for (number, &key) in requests.iter().enumerate().rev() {
        next[number] = std::mem::replace(&mut upcoming[key as usize], number as u32);
    }
    next
}
