//! Sizes of item collections, which a table with local indexes limits.
//!
//! Such a collection is the items with one partition key and their entries in the local indexes (AWS
//! Developer Guide, "Item collections in local secondary indexes").

use super::index::Index;
use crate::capacity::IndexId;
use crate::item::Item;
use crate::key::KeyHash;
use crate::limits::ITEM_COLLECTION_BYTES_MAX;
use std::collections::BTreeMap;

/// Bytes of the item collections of a table with local indexes.
#[derive(Clone, Debug)]
pub(super) struct Collections {
    bytes: BTreeMap<KeyHash, u64>,
    bytes_max: u64,
}

impl Collections {
    /// Sizes under the service's limit, or nothing for a table without local indexes.
    pub(super) fn of(indexes: &[Index]) -> Option<Self> {
        let is_local = |index: &Index| matches!(index.rule.id, IndexId::Local(_));
        indexes.iter().any(is_local).then(|| Self {
            bytes: BTreeMap::new(),
            bytes_max: ITEM_COLLECTION_BYTES_MAX,
        })
    }
    /// Sets another limit.
    pub(super) const fn limit(&mut self, bytes_max: u64) {
        self.bytes_max = bytes_max;
    }
    /// Bytes of one collection.
    pub(super) fn bytes(&self, hash: KeyHash) -> u64 {
        self.bytes.get(&hash).copied().unwrap_or(0)
    }
    /// Whether a change of one item keeps its collection within the limit, or makes it no larger.
    pub(super) fn allows(&self, hash: KeyHash, before: u64, after: u64) -> bool {
        after <= before || self.bytes(hash) - before + after <= self.bytes_max
    }
    /// Follows a change of one item.
    pub(super) fn change(&mut self, hash: KeyHash, before: u64, after: u64) {
        let bytes = self.bytes(hash) - before + after;
        match bytes {
            0 => self.bytes.remove(&hash),
            bytes => self.bytes.insert(hash, bytes),
        };
    }
}

/// What an item counts in its collection: itself and its entries in local indexes.
pub(super) fn collection_bytes(indexes: &[Index], item: Option<&Item>) -> u64 {
    let Some(item) = item else {
        return 0;
    };
    let local = indexes
        .iter()
        .filter(|index| matches!(index.rule.id, IndexId::Local(_)));
    let entries = local.filter_map(|index| Some(index.rule.entry(item)?.bytes));
    item.size_bytes() + entries.sum::<u64>()
}
