//! Where a hot partition can be split, by the keys that were seen, and when it cannot.

use super::map::Boundary;
use crate::key::KeyHash;
use std::collections::{BTreeMap, BTreeSet};

/// One request that was seen on a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Where its item lies.
    pub place: Boundary,
    /// Units that it consumed.
    pub units: u64,
}

/// Why a hot partition is not split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSplit {
    /// All load is on one item (Elhemali et al., USENIX ATC 2022, section 4.4).
    SingleItem,
    /// Keys are accessed in sequence, so that the load would move on with them (same section).
    SequentialAccess,
    /// All load is on one item collection of a table with local secondary indexes, which must stay
    /// together (AWS Developer Guide, "Local secondary indexes").
    LocalIndex,
}

/// The boundary that divides the load of `samples`, which are in the order of time, most evenly.
///
/// Access counts as sequential where a boundary that divides the earlier half of the samples evenly
/// has nearly all of the later half behind it: the load would have moved past it by the time it is
/// there. Requests that are sent again after a while do not hide that keys come in sequence. The paper
/// names the case and no rule for it; this one is ours.
///
/// # Errors
/// [`NoSplit`].
pub fn split_point(samples: &[Sample], has_local_index: bool) -> Result<Boundary, NoSplit> {
    let mut sorted: Vec<(&Boundary, u64)> = samples
        .iter()
        .map(|sample| (&sample.place, sample.units))
        .collect();
    sorted.sort_by_key(|(place, _)| *place);
    let is_one_item = sorted.windows(2).all(|pair| pair[0].0 == pair[1].0);
    if is_one_item {
        return Err(NoSplit::SingleItem);
    }
    let is_one_collection = sorted
        .windows(2)
        .all(|pair| pair[0].0.hash == pair[1].0.hash);
    if is_one_collection && has_local_index {
        return Err(NoSplit::LocalIndex);
    }
    let moving = moving_collections(samples);
    if is_one_collection && !moving.is_empty() {
        return Err(NoSplit::SequentialAccess);
    }
    let total: u128 = sorted.iter().map(|(_, units)| u128::from(*units)).sum();
    let mut before = u128::from(sorted[0].1);
    let mut best: Option<(u128, Boundary)> = None;
    for pair in sorted.windows(2) {
        let (left, right) = (pair[0].0, pair[1].0);
        let candidate = match left.hash == right.hash {
            // A boundary between collections keeps each of them whole.
            false => Some(Boundary {
                hash: right.hash,
                sort: None,
            }),
            // Inside a collection whose keys move on, a boundary would soon have all load behind it.
            true if left != right && !has_local_index && !moving.contains(&left.hash) => {
                Some(right.clone())
            }
            true => None,
        };
        let uneven = (2 * before).abs_diff(total);
        if let Some(candidate) = candidate
            && best.as_ref().is_none_or(|(least, _)| uneven < *least)
        {
            best = Some((uneven, candidate));
        }
        before += u128::from(pair[1].1);
    }
    best.map(|(_, boundary)| boundary)
        .ok_or(NoSplit::LocalIndex)
}

/// How much of the later half lies behind the middle of the earlier one where access is sequential,
/// in percent: half of it does where places are drawn.
const SEQUENTIAL_PERCENT: usize = 90;

/// The collections to which access is sequential.
fn moving_collections(samples: &[Sample]) -> BTreeSet<KeyHash> {
    let mut by_collection: BTreeMap<KeyHash, Vec<&Boundary>> = BTreeMap::new();
    for Sample { place, .. } in samples {
        by_collection.entry(place.hash).or_default().push(place);
    }
    by_collection.retain(|_, places| is_sequential(places));
    by_collection.into_keys().collect()
}

fn is_sequential(places: &[&Boundary]) -> bool {
    let (earlier, later) = places.split_at(places.len() / 2);
    let mut earlier = earlier.to_vec();
    earlier.sort_unstable();
    let Some(middle) = earlier.get(earlier.len() / 2) else {
        return false;
    };
    let behind = later.iter().filter(|place| *place > middle);
    behind.count() * 100 >= later.len() * SEQUENTIAL_PERCENT
}
