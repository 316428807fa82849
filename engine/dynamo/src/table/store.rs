//! Where items lie: in the order of their hash, their keys, and for indexes the key of their item.
//!
//! The order is that of DynamoDB's partitions: a partition is a range of hashes, an item collection
//! lies together within it, in the order of its sort key.

use crate::item::Item;
use crate::key::{KeyHash, KeyValue, PrimaryKey};
use std::collections::BTreeMap;
use std::ops::Bound;

/// The place of a sort key in an item collection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SortPlace {
    /// There is no sort key; also before all values.
    Start,
    Value(KeyValue),
    /// Behind all values.
    End,
}

/// The place among entries of an index with one and the same key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum BasePlace {
    /// The table itself, which has one item for a key; also before all entries of an index.
    Start,
    Key(Box<PrimaryKey>),
    /// Behind all entries.
    End,
}

/// Where an item or an entry of an index lies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) hash: KeyHash,
    pub(crate) partition: KeyValue,
    pub(crate) sort: SortPlace,
    pub(crate) base: BasePlace,
}

impl Place {
    /// The place of an item.
    pub(crate) fn of_item(hash: KeyHash, key: PrimaryKey) -> Self {
        Self {
            hash,
            partition: key.partition,
            sort: key.sort.map_or(SortPlace::Start, SortPlace::Value),
            base: BasePlace::Start,
        }
    }
    /// The place of the entry that an item has in an index.
    pub(crate) fn of_entry(hash: KeyHash, key: PrimaryKey, base: PrimaryKey) -> Self {
        Self {
            base: BasePlace::Key(Box::new(base)),
            ..Self::of_item(hash, key)
        }
    }
    /// The key that it is the place of.
    pub(crate) fn key(&self) -> PrimaryKey {
        PrimaryKey {
            partition: self.partition.clone(),
            sort: match &self.sort {
                SortPlace::Value(value) => Some(value.clone()),
                SortPlace::Start | SortPlace::End => None,
            },
        }
    }
}

/// An item with its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) item: Item,
    pub(crate) bytes: u64,
}

/// Items in the order of their places.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    items: BTreeMap<Place, Stored>,
    bytes: u64,
}

impl Store {
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }
    /// Bytes of all items.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
    pub(crate) fn get(&self, place: &Place) -> Option<&Stored> {
        self.items.get(place)
    }
    pub(crate) fn insert(&mut self, place: Place, stored: Stored) -> Option<Stored> {
        self.bytes += stored.bytes;
        let before = self.items.insert(place, stored);
        self.bytes -= before.as_ref().map_or(0, |before| before.bytes);
        before
    }
    pub(crate) fn remove(&mut self, place: &Place) -> Option<Stored> {
        let before = self.items.remove(place);
        self.bytes -= before.as_ref().map_or(0, |before| before.bytes);
        before
    }
    /// What lies between two places; nothing where the first is behind the second.
    pub(crate) fn range(
        &self,
        start: Bound<Place>,
        end: Bound<Place>,
    ) -> impl DoubleEndedIterator<Item = (&Place, &Stored)> {
        let is_empty = match (&start, &end) {
            (Bound::Included(start), Bound::Included(end)) => start > end,
            (
                Bound::Included(start) | Bound::Excluded(start),
                Bound::Included(end) | Bound::Excluded(end),
            ) => start >= end,
            _ => false,
        };
        let range = (!is_empty).then(|| self.items.range((start, end)));
        range.into_iter().flatten()
    }
}
