//! Where items lie: in the order of their hash, their keys, and for indexes the key of their item.
//!
//! The order is that of DynamoDB's partitions: a partition is a range of hashes, an item collection
//! lies together within it, in the order of its sort key.
//!
//! The outer tree is of hashes alone, which are small and nearly always tell where to go; what
//! shares one is an item by itself or a tree of its own.

use crate::item::Item;
use crate::key::{KeyHash, KeyValue, PrimaryKey};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
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

/// Where an item or an entry of an index lies among those with its hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct InnerPlace {
    pub(crate) partition: KeyValue,
    pub(crate) sort: SortPlace,
    pub(crate) base: BasePlace,
}

/// Where an item or an entry of an index lies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) hash: KeyHash,
    pub(crate) inner: InnerPlace,
}

impl InnerPlace {
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

impl Place {
    /// The place of an item.
    pub(crate) fn of_item(hash: KeyHash, key: PrimaryKey) -> Self {
        Self {
            hash,
            inner: InnerPlace {
                partition: key.partition,
                sort: key.sort.map_or(SortPlace::Start, SortPlace::Value),
                base: BasePlace::Start,
            },
        }
    }
    /// The place of the entry that an item has in an index.
    pub(crate) fn of_entry(hash: KeyHash, key: PrimaryKey, base: PrimaryKey) -> Self {
        let mut place = Self::of_item(hash, key);
        place.inner.base = BasePlace::Key(Box::new(base));
        place
    }
}

/// An item with its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) item: Item,
    pub(crate) bytes: u64,
}

/// What shares a hash: at least one item.
#[derive(Clone, Debug)]
enum Collection {
    One(Box<(InnerPlace, Stored)>),
    Many(BTreeMap<InnerPlace, Stored>),
}

/// Items in the order of their places.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    collections: BTreeMap<KeyHash, Collection>,
    count: u64,
    bytes: u64,
}

impl Collection {
    fn get(&self, place: &InnerPlace) -> Option<&Stored> {
        match self {
            Self::One(one) => (one.0 == *place).then_some(&one.1),
            Self::Many(many) => many.get(place),
        }
    }
    fn insert(&mut self, place: InnerPlace, stored: Stored) -> Option<Stored> {
        match self {
            Self::One(one) if one.0 == place => Some(std::mem::replace(&mut one.1, stored)),
            Self::One(_) => {
                let first = std::mem::replace(self, Self::Many(BTreeMap::new()));
                if let (Self::Many(many), Self::One(first)) = (self, first) {
                    many.extend([*first, (place, stored)]);
                }
                None
            }
            Self::Many(many) => many.insert(place, stored),
        }
    }
    fn range<'s>(
        &'s self,
        start: Bound<&InnerPlace>,
        end: Bound<&InnerPlace>,
    ) -> impl DoubleEndedIterator<Item = (&'s InnerPlace, &'s Stored)> + use<'s> {
        let (one, many) = match self {
            Self::One(one) => {
                let is_behind_start = match start {
                    Bound::Included(start) => one.0 >= *start,
                    Bound::Excluded(start) => one.0 > *start,
                    Bound::Unbounded => true,
                };
                let is_before_end = match end {
                    Bound::Included(end) => one.0 <= *end,
                    Bound::Excluded(end) => one.0 < *end,
                    Bound::Unbounded => true,
                };
                let is_inside = is_behind_start && is_before_end;
                (is_inside.then_some((&one.0, &one.1)), None)
            }
            Self::Many(many) => (
                None,
                is_ordered(start, end).then(|| many.range((start, end))),
            ),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}

/// Whether there may be something between two places; a tree must not be asked otherwise.
fn is_ordered<T: Ord>(start: Bound<&T>, end: Bound<&T>) -> bool {
    match (start, end) {
        (Bound::Included(start), Bound::Included(end)) => start <= end,
        (
            Bound::Included(start) | Bound::Excluded(start),
            Bound::Included(end) | Bound::Excluded(end),
        ) => start < end,
        _ => true,
    }
}

impl Store {
    pub(crate) fn len(&self) -> u64 {
        self.count
    }
    /// Bytes of all items.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
    pub(crate) fn get(&self, place: &Place) -> Option<&Stored> {
        self.collections.get(&place.hash)?.get(&place.inner)
    }
    /// The first partition key with a hash, if there is an item with it.
    pub(crate) fn partition_at(&self, hash: KeyHash) -> Option<&KeyValue> {
        match self.collections.get(&hash)? {
            Collection::One(one) => Some(&one.0.partition),
            Collection::Many(many) => many.keys().next().map(|place| &place.partition),
        }
    }
    pub(crate) fn insert(&mut self, place: Place, stored: Stored) -> Option<Stored> {
        self.bytes += stored.bytes;
        let before = match self.collections.entry(place.hash) {
            Entry::Vacant(vacant) => {
                vacant.insert(Collection::One(Box::new((place.inner, stored))));
                None
            }
            Entry::Occupied(mut occupied) => occupied.get_mut().insert(place.inner, stored),
        };
        match &before {
            Some(before) => self.bytes -= before.bytes,
            None => self.count += 1,
        }
        before
    }
    pub(crate) fn remove(&mut self, place: &Place) -> Option<Stored> {
        let Entry::Occupied(mut occupied) = self.collections.entry(place.hash) else {
            return None;
        };
        let before = match occupied.get_mut() {
            Collection::One(one) if one.0 != place.inner => return None,
            Collection::One(_) => match occupied.remove() {
                Collection::One(one) => one.1,
                Collection::Many(_) => return None,
            },
            Collection::Many(many) => {
                let before = many.remove(&place.inner)?;
                if many.is_empty() {
                    occupied.remove();
                }
                before
            }
        };
        self.bytes -= before.bytes;
        self.count -= 1;
        Some(before)
    }
    /// What lies between two places; nothing where the first is behind the second.
    pub(crate) fn range(
        &self,
        start: Bound<Place>,
        end: Bound<Place>,
    ) -> impl DoubleEndedIterator<Item = (&InnerPlace, &Stored)> {
        let is_ordered = is_ordered(start.as_ref(), end.as_ref());
        let first = start.as_ref().map(|start| start.hash);
        let last = end.as_ref().map(|end| end.hash);
        // The hashes of both ends belong to the range, though not all that shares them.
        let include = |bound| match bound {
            Bound::Excluded(hash) => Bound::Included(hash),
            bound => bound,
        };
        let hashes = (include(first), include(last));
        let collections = is_ordered.then(|| self.collections.range(hashes));
        collections
            .into_iter()
            .flatten()
            .flat_map(move |(hash, collection)| {
                collection.range(at(*hash, start.as_ref()), at(*hash, end.as_ref()))
            })
    }
}

/// What a bound means for the places with a hash inside the range.
fn at(hash: KeyHash, bound: Bound<&Place>) -> Bound<&InnerPlace> {
    match bound {
        Bound::Included(place) if place.hash == hash => Bound::Included(&place.inner),
        Bound::Excluded(place) if place.hash == hash => Bound::Excluded(&place.inner),
        _ => Bound::Unbounded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::random::Seed;

    fn place(hash: u64, partition: u64, sort: u64) -> Place {
        let number = |n: u64| KeyValue::Number(n.into());
        let key = PrimaryKey {
            partition: number(partition),
            sort: Some(number(sort)),
        };
        Place::of_item(KeyHash::new(u128::from(hash)), key)
    }

    fn stored(bytes: u64) -> Stored {
        Stored {
            item: Item::new(),
            bytes,
        }
    }

    #[test]
    fn keys_that_share_a_hash_are_kept_apart_and_in_order() {
        let mut store = Store::default();
        for (partition, sort) in [(2, 1), (1, 2), (1, 1), (2, 1)] {
            store.insert(place(5, partition, sort), stored(10));
        }
        assert_eq!((store.len(), store.bytes()), (3, 30));
        let all = store.range(Bound::Unbounded, Bound::Unbounded);
        let keys: Vec<_> = all.map(|(place, _)| place.key()).collect();
        assert!(keys.is_sorted());
        assert!(store.get(&place(5, 3, 1)).is_none());
        assert!(store.remove(&place(5, 3, 1)).is_none());
        assert!(store.remove(&place(6, 1, 1)).is_none());
    }

    #[test]
    fn a_store_is_an_ordered_map_of_places() {
        let stream = Seed(1).stream("store");
        let (mut store, mut model) = (Store::default(), BTreeMap::<Place, Stored>::new());
        for number in 0..20_000 {
            let mut draws = stream.draws(0, number);
            let mut below = |end: u64| draws.next_u64() % end;
            let at = place(below(6), below(2), below(3));
            match below(4) {
                0 => assert_eq!(store.remove(&at), model.remove(&at)),
                1 => {
                    let other = place(below(6), below(2), below(3));
                    let bounds = match below(4) {
                        0 => (Bound::Included(at), Bound::Excluded(other)),
                        1 => (Bound::Excluded(at), Bound::Included(other)),
                        2 => (Bound::Excluded(at), Bound::Excluded(other)),
                        _ => (Bound::Unbounded, Bound::Included(other)),
                    };
                    let expected: Vec<_> = match is_ordered(bounds.0.as_ref(), bounds.1.as_ref()) {
                        true => model
                            .range(bounds.clone())
                            .map(|(at, _)| at.inner.key())
                            .collect(),
                        false => vec![],
                    };
                    let found = store.range(bounds.0.clone(), bounds.1.clone());
                    let found: Vec<_> = found.map(|(place, _)| place.key()).collect();
                    assert_eq!(found, expected);
                    let found = store.range(bounds.0, bounds.1).rev();
                    let mut found: Vec<_> = found.map(|(place, _)| place.key()).collect();
                    found.reverse();
                    assert_eq!(found, expected);
                }
                _ => {
                    let value = stored(below(100));
                    assert_eq!(
                        store.insert(at.clone(), value.clone()),
                        model.insert(at, value)
                    );
                }
            }
            assert_eq!(store.len(), model.len() as u64);
            assert_eq!(
                store.bytes(),
                model.values().map(|stored| stored.bytes).sum::<u64>()
            );
        }
    }
}
