//! Where items lie: a home for each item collection, and for a collection that was split inside, its
//! parts by sort key.

use kvrig_dynamo::key::{KeyHash, KeyValue};
use kvrig_dynamo::partition::{Boundary, PartitionMap};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::sync::Arc;

/// An item collection: all items of one partition key, numbered from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Collection(pub u32);

/// Where a request goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Its item collection.
    pub collection: Collection,
    /// Its sort key; collections of one item each have no sort keys, and any number will do.
    pub sort: u64,
}

/// Set in a home where a collection has parts; the rest is an index into the parts.
const HAS_PARTS: u32 = 1 << 31;
/// Set in a home whose collection's requests are counted.
const IS_COUNTED: u32 = 1 << 30;
/// What is left of a home: more than there can be partitions or collections.
const NUMBER: u32 = IS_COUNTED - 1;

/// The homes of item collections, by the number of their partition.
#[derive(Clone, Debug)]
pub struct Places {
    hashes: Arc<[KeyHash]>,
    homes: Vec<u32>,
    /// The number of even partitions that the homes are those of; none before they are settled and
    /// after a split.
    settled: u32,
    /// Beginnings of parts by sort key, ascending, with the number of their partition.
    parts: Vec<Vec<(u64, u32)>>,
    has_sort_keys: bool,
}

impl Places {
    /// Collections with these hashes; `has_sort_keys` says whether one can have many items.
    ///
    /// # Panics
    /// If there are 2^30 collections or more: workloads have fewer.
    pub fn new(hashes: Vec<KeyHash>, has_sort_keys: bool) -> Self {
        assert!(hashes.len() < NUMBER as usize, "fewer than 2^30 keys");
        Self {
            homes: vec![0; hashes.len()],
            hashes: hashes.into(),
            settled: 0,
            parts: Vec::new(),
            has_sort_keys,
        }
    }
    /// The same where collections can have many items, or cannot.
    #[must_use]
    pub fn with_sort_keys(self, has_sort_keys: bool) -> Self {
        Self {
            has_sort_keys,
            ..self
        }
    }
    /// How many collections there are.
    pub fn len(&self) -> usize {
        self.hashes.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }
    /// The same with every collection in its partition of `partitions` even ones: tables of so many
    /// that are made of clones need not look for them again.
    #[must_use]
    pub fn settled(mut self, partitions: u32) -> Self {
        self.settle(&PartitionMap::even(partitions));
        self
    }
    /// Gives every collection the partition that it lies in of `map`, an even one that was not split.
    pub(super) fn settle(&mut self, map: &PartitionMap) {
        let partitions = map.partitions();
        let count = partitions.len() as u32;
        if self.settled == count {
            return;
        }
        for (home, hash) in self.homes.iter_mut().zip(self.hashes.iter()) {
            // Even partitions lie where their share of the space says, but for rounding.
            let part = (hash.place() >> 64) * u128::from(count);
            let mut index = (part >> 64) as usize;
            while partitions[index].start.hash > *hash {
                index -= 1;
            }
            while partitions
                .get(index + 1)
                .is_some_and(|next| next.start.hash <= *hash)
            {
                index += 1;
            }
            *home = *home & IS_COUNTED | partitions[index].id.0;
        }
        self.settled = count;
    }
    /// Has the requests of a collection counted.
    pub fn count(&mut self, collection: Collection) {
        if let Some(home) = self.homes.get_mut(collection.0 as usize) {
            *home |= IS_COUNTED;
        }
    }
    /// Whether the requests of a collection are counted.
    #[inline]
    pub(super) fn is_counted(&self, collection: Collection) -> bool {
        self.homes[collection.0 as usize] & IS_COUNTED != 0
    }
    /// The number of the partition of a place.
    #[inline]
    pub(super) fn home(&self, place: Place) -> u32 {
        let home = self.homes[place.collection.0 as usize];
        match home & HAS_PARTS {
            0 => home & NUMBER,
            _ => self.part(home, place.sort),
        }
    }
    fn part(&self, home: u32, sort: u64) -> u32 {
        let parts = &self.parts[(home & NUMBER) as usize];
        let behind = parts.partition_point(|&(start, _)| start <= sort);
        // The first part begins at the lowest sort key.
        parts[behind.saturating_sub(1)].1
    }
    /// The hash of a place's partition key.
    #[inline]
    pub(super) fn hash(&self, place: Place) -> KeyHash {
        self.hashes[place.collection.0 as usize]
    }
    /// Where a place lies in the space of keys.
    pub(super) fn boundary(&self, place: Place) -> Boundary {
        Boundary {
            hash: self.hashes[place.collection.0 as usize],
            sort: self.has_sort_keys.then(|| sort_key(place.sort)),
        }
    }
    /// Follows a split of partition `parent` at `at` into two.
    pub(super) fn split(&mut self, parent: u32, at: &Boundary, [low, high]: [u32; 2]) {
        self.settled = 0;
        let inside = at.sort.as_ref().map(sort_number);
        for (home, hash) in self.homes.iter_mut().zip(self.hashes.iter()) {
            let counted = *home & IS_COUNTED;
            if *home & HAS_PARTS != 0 {
                let parts = &mut self.parts[(*home & NUMBER) as usize];
                split_parts(parts, parent, (hash.cmp(&at.hash), inside), [low, high]);
            } else if *home & NUMBER == parent {
                *home = counted
                    | match (hash.cmp(&at.hash), inside) {
                        (Ordering::Less, _) => low,
                        (Ordering::Equal, Some(sort)) => {
                            self.parts.push(vec![(0, low), (sort, high)]);
                            HAS_PARTS | (self.parts.len() - 1) as u32
                        }
                        _ => high,
                    };
            }
        }
    }
}

fn split_parts(
    parts: &mut Vec<(u64, u32)>,
    parent: u32,
    (hash, inside): (Ordering, Option<u64>),
    [low, high]: [u32; 2],
) {
    let Some(index) = parts.iter().position(|&(_, home)| home == parent) else {
        return;
    };
    match (hash, inside) {
        (Ordering::Less, _) => parts[index].1 = low,
        (Ordering::Equal, Some(sort)) => {
            parts[index].1 = low;
            parts.insert(index + 1, (sort, high));
        }
        _ => parts[index].1 = high,
    }
}

/// Sort keys are bytes in the order of the numbers that they stand for.
pub(super) fn sort_key(sort: u64) -> KeyValue {
    KeyValue::Binary(sort.to_be_bytes().into())
}

fn sort_number(key: &KeyValue) -> u64 {
    match key {
        KeyValue::Binary(bytes) => bytes.iter().fold(0, |n, &byte| n << 8 | u64::from(byte)),
        // Only keys that were written above are read back.
        KeyValue::String(_) | KeyValue::Number(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_dynamo::partition::PartitionId;
    use proptest::prelude::*;

    fn place(collection: u32, sort: u64) -> Place {
        Place {
            collection: Collection(collection),
            sort,
        }
    }

    proptest! {
        #[test]
        fn even_partitions_are_found_without_a_search(
            count in 1_u32..5_000,
            hashes in prop::collection::vec(any::<u128>(), 1..50),
        ) {
            let map = PartitionMap::even(count);
            let starts = map.partitions().iter().map(|partition| partition.start.hash);
            let beside = starts.flat_map(|hash| [hash.place(), hash.place().saturating_sub(1)]);
            let all = hashes.into_iter().chain(beside).chain([u128::MAX]).map(KeyHash::new);
            let all: Vec<KeyHash> = all.collect();
            let places = Places::new(all.clone(), false).settled(count);
            for (collection, hash) in (0..).zip(all) {
                prop_assert_eq!(places.home(place(collection, 0)), map.find(hash, None).id.0);
            }
        }

        #[test]
        fn homes_are_those_of_the_map_after_any_splits(
            hashes in prop::collection::vec(any::<u128>(), 1..20),
            splits in prop::collection::vec((0_usize..20, prop::option::of(any::<u64>())), 0..30),
            probes in prop::collection::vec((0_usize..20, any::<u64>()), 1..30),
        ) {
            let mut map = PartitionMap::even(3);
            let hashes: Vec<KeyHash> = hashes.into_iter().map(KeyHash::new).collect();
            let mut places = Places::new(hashes.clone(), true);
            places.settle(&map);
            for (which, sort) in splits {
                let hash = hashes[which % hashes.len()];
                let at = Boundary { hash, sort: sort.map(sort_key) };
                let parent = map.find(at.hash, at.sort.as_ref()).id;
                if let Ok([PartitionId(low), PartitionId(high)]) = map.split(parent, at.clone()) {
                    places.split(parent.0, &at, [low, high]);
                }
            }
            for (which, sort) in probes {
                let which = which % hashes.len();
                let expected = map.find(hashes[which], Some(&sort_key(sort))).id.0;
                prop_assert_eq!(places.home(place(which as u32, sort)), expected);
            }
        }
    }
}
