//! One table with its secondary indexes: items, the requests that read and write them, and what
//! those consume.
//!
//! Writes reach all indexes at once here. That a global index lags behind its table is the business
//! of who replicates it.

mod collection;
mod extent;
mod hash_order;
mod index;
mod page;
mod read;
mod request;
mod span;
mod store;
mod write;

pub(crate) use page::{PagePart, PageRoom, Source};
pub use request::{
    DeleteItem, GetItem, GetItemOutput, PageOutput, Precondition, PutItem, Query, ReadOptions,
    ReturnOld, ReturnValues, Scan, ScanDirection, Segment, Select, SortCondition, UpdateItem,
    WriteOutput,
};
pub(crate) use span::PlaceSpan;
pub(crate) use store::{InnerPlace, Place, SortPlace, Store, Stored};
pub(crate) use write::{Plan, Refusal};

use crate::capacity::IndexId;
use crate::error::Validation;
use crate::item::Item;
use crate::key::{KeyHash, KeyHasher, KeyValue, PrimaryKey};
use crate::schema::TableSchema;
use collection::Collections;
use index::Index;

/// A table and its secondary indexes.
#[derive(Clone, Debug)]
pub struct Table {
    schema: TableSchema,
    hasher: KeyHasher,
    items: Store,
    indexes: Vec<Index>,
    /// Of tables with local indexes alone.
    collections: Option<Collections>,
}

impl Table {
    /// An empty table whose keys are placed by `hasher`.
    ///
    /// # Errors
    /// What CreateTable would refuse of the schema.
    pub fn new(schema: TableSchema, hasher: KeyHasher) -> Result<Self, Validation> {
        schema.check()?;
        let indexes = Index::all(&schema);
        Ok(Self {
            hasher,
            items: Store::default(),
            collections: Collections::of(&indexes),
            indexes,
            schema,
        })
    }
    /// The same where item collections have at most `bytes` bytes instead of 10 GB, so that small
    /// tables can meet the limit. A table without local indexes has none.
    #[must_use]
    pub fn limit_collections(mut self, bytes: u64) -> Self {
        if let Some(collections) = &mut self.collections {
            collections.limit(bytes);
        }
        self
    }
    /// Bytes of an item collection with its entries in local indexes; nothing for a table without
    /// such indexes, which does not count them.
    pub fn collection_bytes(&self, partition: &KeyValue) -> Option<u64> {
        let collections = self.collections.as_ref()?;
        Some(collections.bytes(self.hasher.hash(partition)))
    }
    /// Its schema.
    pub const fn schema(&self) -> &TableSchema {
        &self.schema
    }
    /// The number of items.
    pub fn item_count(&self) -> u64 {
        self.items.len()
    }
    /// Bytes of all items, without the overhead that storage is billed with.
    pub fn size_bytes(&self) -> u64 {
        self.items.bytes()
    }
    /// The item with this key where it lies, with its bytes, if there is one.
    pub fn find(&self, key: &PrimaryKey) -> Option<(&Item, u64)> {
        let stored = self.items.get(&self.place(key.clone()))?;
        Some((&stored.item, stored.bytes))
    }
    /// Asks memory for the items with these hashes, so that the waits of requests for them overlap. More
    /// than some dozens are too many to stay in the caches.
    pub fn prefetch(&self, hashes: &[KeyHash]) {
        self.items.prefetch(hashes);
    }
    /// Bytes of the item with this key, if there is one.
    pub fn item_bytes(&self, key: &PrimaryKey) -> Option<u64> {
        self.find(key).map(|(_, bytes)| bytes)
    }
    /// The number of entries of an index and their bytes.
    pub fn index_size(&self, id: IndexId) -> Option<(u64, u64)> {
        let index = self.indexes.iter().find(|index| index.rule.id == id)?;
        Some((index.store.len(), index.store.bytes()))
    }
}
