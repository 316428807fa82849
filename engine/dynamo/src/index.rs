//! Secondary indexes as rules: which entry an item has in each, and what a change of the item does to
//! it.
//!
//! A table that keeps its indexes itself follows these rules at once; who replicates a global index
//! applies the same rules to the changes of the table, one after another.

use crate::capacity::{IndexChange, IndexId};
use crate::error::Validation;
use crate::item::Item;
use crate::key::{KeyAttribute, KeyRole, KeySchema, KeyValue, PrimaryKey};
use crate::schema::{Projection, TableSchema};

/// The rule of one secondary index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexRule {
    /// Its place in the schema.
    pub id: IndexId,
    /// Its name.
    pub name: Box<str>,
    /// Its key.
    pub key: KeySchema,
    /// What it holds beside its key and that of the table.
    pub projection: Projection,
    /// The key of the table.
    table_key: KeySchema,
}

/// The entry that an item has in an index. Several entries may have one key; that of their items
/// tells them apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// Its key in the index.
    pub key: PrimaryKey,
    /// The attributes that the index holds.
    pub item: Item,
    /// The size of those in bytes.
    pub bytes: u64,
}

impl IndexRule {
    /// The rules of all indexes of a table, local ones first.
    pub fn all(schema: &TableSchema) -> Vec<Self> {
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
                table_key: schema.key.clone(),
            })
            .collect()
    }

    /// Whether the index can hold `item`. An item without its key attributes is simply not in it.
    ///
    /// # Errors
    /// A key attribute of another type, empty, or too long.
    pub fn check(&self, item: &Item) -> Result<(), Validation> {
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

    /// The entry of `item`, unless it has not all key attributes.
    pub fn entry(&self, item: &Item) -> Option<IndexEntry> {
        let value =
            |attribute: &KeyAttribute| KeyValue::of(item.get(&attribute.name)?, attribute.scalar);
        let key = PrimaryKey {
            partition: value(&self.key.partition)?,
            sort: match &self.key.sort {
                Some(sort) => Some(value(sort)?),
                None => None,
            },
        };
        let item = self.projection.project(item, &self.key, &self.table_key);
        Some(IndexEntry {
            key,
            bytes: item.size_bytes(),
            item,
        })
    }

    /// What becomes of the entry of an item that was and is so; nothing stands for no item.
    pub(crate) fn change(&self, (before, after): (Option<&Item>, Option<&Item>)) -> IndexChange {
        let old = before.and_then(|item| self.entry(item));
        let new = after.and_then(|item| self.entry(item));
        IndexEntry::change(old.as_ref(), new.as_ref())
    }

    /// Whether the index, or the table of every index, has the attribute `name`.
    pub fn has(&self, name: &str) -> bool {
        self.projection.has(name) || self.key.has(name) || self.table_key.has(name)
    }
}

impl IndexEntry {
    /// What becomes of an item's entry that was `old` and is `new`; nothing stands for none.
    pub fn change(old: Option<&Self>, new: Option<&Self>) -> IndexChange {
        match (old, new) {
            (None, None) => IndexChange::None,
            (None, Some(new)) => IndexChange::Appeared { after: new.bytes },
            (Some(old), None) => IndexChange::Disappeared { before: old.bytes },
            (Some(old), Some(new)) => {
                let (before, after) = (old.bytes, new.bytes);
                match old.key == new.key {
                    false => IndexChange::Moved { before, after },
                    true if old.item == new.item => IndexChange::None,
                    true => IndexChange::Updated { before, after },
                }
            }
        }
    }
}
