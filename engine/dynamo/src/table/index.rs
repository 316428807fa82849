//! Secondary indexes: what an item has in each, and how a change of the item changes that.

use super::store::{Place, Store, Stored};
use crate::capacity::{IndexChange, IndexId, Units, WriteUnits};
use crate::error::Validation;
use crate::item::Item;
use crate::key::{KeyAttribute, KeyHasher, KeyRole, KeySchema, KeyValue, PrimaryKey};
use crate::schema::{Projection, TableSchema};

/// One secondary index with its entries.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    pub(crate) id: IndexId,
    pub(crate) name: Box<str>,
    pub(crate) key: KeySchema,
    pub(crate) projection: Projection,
    pub(crate) store: Store,
}

/// The entry that an item has in an index.
struct Entry {
    place: Place,
    stored: Stored,
}

impl Index {
    /// The indexes of a table, local ones first.
    pub(crate) fn all(schema: &TableSchema) -> Vec<Self> {
        let local = schema.local.iter().enumerate().map(|(number, index)| {
            let key = index.key(&schema.key);
            (IndexId::Local(number), &index.name, key, &index.projection)
        });
        let global = schema.global.iter().enumerate().map(|(number, index)| {
            let key = index.key.clone();
            (IndexId::Global(number), &index.name, key, &index.projection)
        });
        local
            .chain(global)
            .map(|(id, name, key, projection)| Self {
                id,
                name: name.clone(),
                key,
                projection: projection.clone(),
                store: Store::default(),
            })
            .collect()
    }

    /// Whether the index can hold `item`. An item without its key attributes is simply not in it.
    ///
    /// # Errors
    /// A key attribute of another type, empty, or too long.
    pub(crate) fn check(&self, item: &Item) -> Result<(), Validation> {
        let roles = [KeyRole::Partition, KeyRole::Sort];
        for (attribute, role) in self.key.attributes().zip(roles) {
            let Some(value) = item.get(&attribute.name) else {
                continue;
            };
            let key = KeyValue::of(value, attribute.scalar).ok_or_else(|| {
                Validation::IndexKeyTypeMismatch {
                    name: attribute.name.clone(),
                    expected: attribute.scalar.attribute_type(),
                    actual: value.attribute_type(),
                    index: self.name.clone(),
                }
            })?;
            key.check(&attribute.name, role)
                .map_err(|error| match error {
                    Validation::EmptyKeyValue { name, kind } => Validation::EmptyIndexKeyValue {
                        name,
                        kind,
                        index: self.name.clone(),
                    },
                    error => error,
                })?;
        }
        Ok(())
    }

    fn entry(
        &self,
        hasher: KeyHasher,
        table: &KeySchema,
        base: &PrimaryKey,
        item: &Item,
    ) -> Option<Entry> {
        let value =
            |attribute: &KeyAttribute| KeyValue::of(item.get(&attribute.name)?, attribute.scalar);
        let key = PrimaryKey {
            partition: value(&self.key.partition)?,
            sort: match &self.key.sort {
                Some(sort) => Some(value(sort)?),
                None => None,
            },
        };
        let item = self.projection.project(item, &self.key, table);
        Some(Entry {
            place: Place::of_entry(hasher.hash(&key.partition), key, base.clone()),
            stored: Stored {
                bytes: item.size_bytes(),
                item,
            },
        })
    }

    /// Bytes of the entry that an item of a table with the key `table` has, 0 if it has none.
    pub(crate) fn entry_bytes(&self, table: &KeySchema, item: &Item) -> u64 {
        let is_there = |attribute: &KeyAttribute| {
            item.get(&attribute.name)
                .is_some_and(|value| value.attribute_type() == attribute.scalar.attribute_type())
        };
        match self.key.attributes().all(is_there) {
            true => self.projection.project(item, &self.key, table).size_bytes(),
            false => 0,
        }
    }

    /// Follows a change of an item and says what that consumes.
    pub(crate) fn follow(
        &mut self,
        hasher: KeyHasher,
        table: &KeySchema,
        base: &PrimaryKey,
        (before, after): (Option<&Item>, Option<&Item>),
    ) -> Units {
        let entry = |item: &Item| self.entry(hasher, table, base, item);
        let old = before.and_then(entry);
        let new = after.and_then(entry);
        let change = change(old.as_ref(), new.as_ref());
        if change != IndexChange::None {
            if let Some(old) = old {
                self.store.remove(&old.place);
            }
            if let Some(new) = new {
                self.store.insert(new.place, new.stored);
            }
        }
        Units::write(WriteUnits::for_index(change))
    }
}

fn change(old: Option<&Entry>, new: Option<&Entry>) -> IndexChange {
    match (old, new) {
        (None, None) => IndexChange::None,
        (None, Some(new)) => IndexChange::Appeared {
            after: new.stored.bytes,
        },
        (Some(old), None) => IndexChange::Disappeared {
            before: old.stored.bytes,
        },
        (Some(old), Some(new)) => {
            let (before, after) = (old.stored.bytes, new.stored.bytes);
            match old.place == new.place {
                false => IndexChange::Moved { before, after },
                true if old.stored.item == new.stored.item => IndexChange::None,
                true => IndexChange::Updated { before, after },
            }
        }
    }
}
