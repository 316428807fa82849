//! The secondary indexes that a table keeps itself.

use super::store::{Place, Store, Stored};
use crate::capacity::{IndexChange, Units, WriteUnits};
use crate::index::{IndexEntry, IndexRule};
use crate::item::Item;
use crate::key::{KeyHasher, PrimaryKey};
use crate::schema::TableSchema;

/// One secondary index with its entries.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    pub(crate) rule: IndexRule,
    pub(crate) store: Store,
}

impl Index {
    /// The indexes of a table, local ones first.
    pub(crate) fn all(schema: &TableSchema) -> Vec<Self> {
        let rules = IndexRule::all(schema).into_iter();
        rules
            .map(|rule| Self {
                rule,
                store: Store::default(),
            })
            .collect()
    }

    /// Follows a change of an item and says what that consumes.
    pub(crate) fn follow(
        &mut self,
        hasher: KeyHasher,
        base: &PrimaryKey,
        (before, after): (Option<&Item>, Option<&Item>),
    ) -> Units {
        let old = before.and_then(|item| self.rule.entry(item));
        let new = after.and_then(|item| self.rule.entry(item));
        let change = IndexEntry::change(old.as_ref(), new.as_ref());
        let place = |key: PrimaryKey| {
            let hash = hasher.hash(&key.partition);
            Place::of_entry(hash, key, base.clone())
        };
        if change != IndexChange::None {
            if let Some(old) = old {
                self.store.remove(&place(old.key));
            }
            if let Some(new) = new {
                let stored = Stored {
                    item: new.item,
                    bytes: new.bytes,
                };
                self.store.insert(place(new.key), stored);
            }
        }
        Units::write(WriteUnits::for_index(change))
    }
}
