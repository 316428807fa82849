//! Where items lie: in the order of their hash, their keys, and for indexes the key of their item.
//!
//! The order is that of DynamoDB's partitions: a partition is a range of hashes, an item collection
//! lies together within it, in the order of its sort key.
//!
//! The outer order is of the upper halves of hashes alone, which are small and nearly always tell where
//! to go; what shares one is an item by itself or a tree of its own. An item lies with its key and its
//! size in one piece of memory, so that finding one waits for a slot and for that.

use super::hash_order::HashOrder;
use crate::item::Item;
use crate::key::{KeyHash, KeyValue, PrimaryKey};
use crate::partition::Boundary;
use std::collections::BTreeMap;
use std::ops::{Bound, RangeBounds};

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

/// What shares the upper half of a hash: at least one item.
#[derive(Clone, Debug)]
enum Collection {
    One(Place, Stored),
    Many(BTreeMap<Place, Stored>),
}

/// Items in the order of their places.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    collections: HashOrder<Box<Collection>>,
    count: u64,
    bytes: u64,
}

impl Collection {
    /// Asks memory for the lines that an item lies in by itself, with its key and size.
    fn prefetch(&self) {
        kvrig_tables::prefetch(self);
        if let Self::One(place, stored) = self {
            kvrig_tables::prefetch(&place.inner.sort);
            kvrig_tables::prefetch(stored);
        }
    }
    /// The item that lies here by itself.
    const fn item(&self) -> Option<&Item> {
        match self {
            Self::One(_, stored) => Some(&stored.item),
            Self::Many(_) => None,
        }
    }
    fn get(&self, place: &Place) -> Option<&Stored> {
        match self {
            Self::One(one, stored) => (one == place).then_some(stored),
            Self::Many(many) => many.get(place),
        }
    }
    fn insert(&mut self, place: Place, stored: Stored) -> Option<Stored> {
        match self {
            Self::One(one, there) if *one == place => Some(std::mem::replace(there, stored)),
            Self::One(..) => {
                let first = std::mem::replace(self, Self::Many(BTreeMap::new()));
                if let (Self::Many(many), Self::One(one, there)) = (self, first) {
                    many.extend([(one, there), (place, stored)]);
                }
                None
            }
            Self::Many(many) => many.insert(place, stored),
        }
    }
    /// What lies between two places, of which the first is not behind the second.
    fn range<'s>(
        &'s self,
        bounds: (Bound<&Place>, Bound<&Place>),
    ) -> impl DoubleEndedIterator<Item = (&'s Place, &'s Stored)> + use<'s> {
        let (one, many) = match self {
            Self::One(place, stored) => (bounds.contains(place).then_some((place, stored)), None),
            Self::Many(many) => (None, Some(many.range(bounds))),
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
        self.collections.get(place.hash.upper_word())?.get(place)
    }
    /// Asks memory for what requests of items with these hashes will wait for: the slots of all first,
    /// then what the slots lead to, and so on, so that the waits of one step overlap.
    ///
    /// Trees of items that share a hash are left out: only their first piece is asked for.
    pub(crate) fn prefetch(&self, hashes: &[KeyHash]) {
        let found = || {
            let hashes = hashes.iter();
            hashes.filter_map(|hash| self.collections.get(hash.upper_word()))
        };
        for hash in hashes {
            self.collections.prefetch(hash.upper_word());
        }
        for collection in found() {
            collection.prefetch();
        }
        let items = || found().filter_map(|collection| collection.item());
        items().for_each(Item::prefetch);
        items().for_each(Item::prefetch_texts);
    }
    /// The first partition key with a hash, if there is an item with it.
    pub(crate) fn partition_at(&self, hash: KeyHash) -> Option<&KeyValue> {
        let place = match &**self.collections.get(hash.upper_word())? {
            Collection::One(place, _) => (place.hash == hash).then_some(place),
            Collection::Many(many) => many.keys().find(|place| place.hash == hash),
        };
        place.map(|place| &place.inner.partition)
    }
    pub(crate) fn insert(&mut self, place: Place, stored: Stored) -> Option<Stored> {
        let hash = place.hash.upper_word();
        self.bytes += stored.bytes;
        let before = match self.collections.find(hash) {
            Ok(slot) => self.collections.value_mut(slot)?.insert(place, stored),
            Err(slot) => {
                let one = Box::new(Collection::One(place, stored));
                self.collections.insert_at(slot, hash, one);
                None
            }
        };
        match &before {
            Some(before) => self.bytes -= before.bytes,
            None => self.count += 1,
        }
        before
    }
    pub(crate) fn remove(&mut self, place: &Place) -> Option<Stored> {
        let slot = self.collections.find(place.hash.upper_word()).ok()?;
        let before = match &mut **self.collections.value_mut(slot)? {
            Collection::One(one, _) if one != place => return None,
            Collection::One(..) => None,
            Collection::Many(many) => {
                let before = many.remove(place)?;
                if many.is_empty() {
                    self.collections.remove_at(slot);
                }
                Some(before)
            }
        };
        let before = match before {
            Some(before) => before,
            None => match *self.collections.remove_at(slot)? {
                Collection::One(_, stored) => stored,
                Collection::Many(_) => return None,
            },
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
    ) -> impl DoubleEndedIterator<Item = (&Place, &Stored)> {
        let is_ordered = is_ordered(start.as_ref(), end.as_ref());
        // All that shares the upper half of a hash with an end is looked at, though not all belongs.
        let upper = |bound: &Bound<Place>| match bound {
            Bound::Included(place) | Bound::Excluded(place) => Some(place.hash.upper_word()),
            Bound::Unbounded => None,
        };
        let hashes = (upper(&start), upper(&end));
        let collections = is_ordered.then(|| self.collections.range(hashes));
        collections
            .into_iter()
            .flatten()
            .flat_map(move |collection| collection.range((start.as_ref(), end.as_ref())))
    }
    /// The first place at a boundary. Inside an item collection that is a place of its partition key,
    /// which the boundary does not name but the items with its hash do.
    pub(crate) fn first_at(&self, boundary: &Boundary) -> Place {
        let partition = match boundary.sort {
            Some(_) => self.partition_at(boundary.hash).cloned(),
            None => None,
        };
        Place {
            hash: boundary.hash,
            inner: InnerPlace {
                // No key value is smaller than an empty string.
                partition: partition.unwrap_or_else(|| KeyValue::String("".into())),
                sort: match &boundary.sort {
                    Some(sort) => SortPlace::Value(sort.clone()),
                    None => SortPlace::Start,
                },
                base: BasePlace::Start,
            },
        }
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
        // All small places share the upper half of their hashes.
        store.insert(place(4, 0, 0), stored(10));
        assert_eq!((store.len(), store.bytes()), (4, 40));
        let first = |hash: u128| store.partition_at(KeyHash::new(hash)).cloned();
        assert_eq!(first(5), Some(KeyValue::Number(1.into())));
        assert_eq!((first(3), first(6)), (None, None));
        let all = store.range(Bound::Unbounded, Bound::Unbounded);
        let keys: Vec<_> = all.map(|(place, _)| place.inner.key()).collect();
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
                    let found: Vec<_> = found.map(|(place, _)| place.inner.key()).collect();
                    assert_eq!(found, expected);
                    let found = store.range(bounds.0, bounds.1).rev();
                    let mut found: Vec<_> = found.map(|(place, _)| place.inner.key()).collect();
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
