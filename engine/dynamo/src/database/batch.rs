//! BatchGetItem and BatchWriteItem: many requests in one, none bound to the others.

use super::{ConsumedByTable, Database, add_consumed, check_count};
use crate::capacity::{ConsumedCapacity, ReadConsistency, ReadUnits, Units, WriteMode};
use crate::error::{Error, Validation};
use crate::expression::DocumentPath;
use crate::item::{AttributeMap, Item};
use crate::limits::{
    BATCH_GET_BYTES_MAX, BATCH_GET_KEYS_MAX, BATCH_WRITE_BYTES_MAX, BATCH_WRITE_REQUESTS_MAX,
    ITEM_BYTES_MAX,
};
use crate::table::{DeleteItem, PutItem, Refusal};
use std::collections::{BTreeMap, BTreeSet};

// A batch of the largest items is below its limit of bytes, so that nothing has to check it.
const _: () = assert!(BATCH_WRITE_REQUESTS_MAX as u64 * ITEM_BYTES_MAX <= BATCH_WRITE_BYTES_MAX);

/// What BatchGetItem reads of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeysToGet {
    /// Primary keys, each once.
    pub keys: Vec<AttributeMap>,
    /// Eventual or strong, for all of them.
    pub consistency: ReadConsistency,
    /// The parts that are wanted; everything where there are none.
    pub projection: Vec<DocumentPath>,
}

/// BatchGetItem: up to 100 items of any tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchGetItem {
    /// Keys by table.
    pub tables: BTreeMap<Box<str>, KeysToGet>,
}

/// What BatchGetItem answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchGetOutput {
    /// The items that are there, by table, in the order of their keys in the request.
    pub items: BTreeMap<Box<str>, Vec<Item>>,
    /// What was left because the answer would have exceeded 16 MB, and what a service throttled.
    pub unprocessed: BTreeMap<Box<str>, KeysToGet>,
    /// What it consumed, by table.
    pub consumed: ConsumedByTable,
}

/// One request of BatchWriteItem; neither has a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteRequest {
    /// Stores a whole item.
    Put(Item),
    /// Removes the item with a primary key.
    Delete(AttributeMap),
}

/// BatchWriteItem: up to 25 puts and deletes on any tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchWriteItem {
    /// Requests by table; no two concern one item.
    pub tables: BTreeMap<Box<str>, Vec<WriteRequest>>,
}

/// What BatchWriteItem answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchWriteOutput {
    /// What was throttled or failed and may be asked again: nothing where a [`Database`] answers, which
    /// throttles nobody.
    pub unprocessed: BTreeMap<Box<str>, Vec<WriteRequest>>,
    /// What it consumed, by table.
    pub consumed: ConsumedByTable,
}

impl WriteRequest {
    /// The item that it stores, or the key of that which it removes.
    pub(crate) const fn item(&self) -> &AttributeMap {
        match self {
            Self::Put(item) | Self::Delete(item) => item,
        }
    }
}

impl Database {
    /// BatchGetItem: each item is charged by itself, rounded up, a missing one as a small one.
    ///
    /// # Errors
    /// Too many or no keys, a key twice, keys that do not fit a schema, and tables that are not
    /// there: then nothing is read.
    pub fn batch_get(&self, request: &BatchGetItem) -> Result<BatchGetOutput, Error> {
        let count = request.tables.values().map(|keys| keys.keys.len()).sum();
        check_count("BatchGetItem", count, BATCH_GET_KEYS_MAX)?;
        for (name, wanted) in &request.tables {
            if wanted.consistency == ReadConsistency::Transactional {
                return Err(Validation::TransactionalRead.into());
            }
            let schema = &self.table(name)?.schema().key;
            let mut seen = BTreeSet::new();
            for key in &wanted.keys {
                if !seen.insert(schema.key_from(key)?) {
                    return Err(Validation::DuplicateKeys.into());
                }
            }
        }
        let mut output = BatchGetOutput::default();
        // Nothing at all fits any more once something did not.
        let mut bytes_left = Some(BATCH_GET_BYTES_MAX);
        for (name, wanted) in &request.tables {
            let table = self.table(name)?;
            let mut units = ReadUnits::ZERO;
            let items = output.items.entry(name.clone()).or_default();
            for (number, key) in wanted.keys.iter().enumerate() {
                let (item, bytes) = table.look_up(key, &wanted.projection)?;
                bytes_left = bytes_left.and_then(|left| left.checked_sub(bytes));
                if bytes_left.is_none() {
                    let rest = KeysToGet {
                        keys: wanted.keys[number..].to_vec(),
                        ..wanted.clone()
                    };
                    output.unprocessed.insert(name.clone(), rest);
                    break;
                }
                units += ReadUnits::for_bytes(bytes, wanted.consistency);
                items.extend(item);
            }
            if units > ReadUnits::ZERO {
                let consumed = ConsumedCapacity::of_table(Units::read(units));
                add_consumed(&mut output.consumed, name, &consumed);
            }
        }
        Ok(output)
    }

    /// BatchWriteItem: each write is charged by itself, rounded up.
    ///
    /// # Errors
    /// Too many or no requests, two on one item, items and keys that are not acceptable, and tables
    /// that are not there: then nothing is written.
    pub fn batch_write(&mut self, request: BatchWriteItem) -> Result<BatchWriteOutput, Error> {
        let count = request.tables.values().map(Vec::len).sum();
        check_count("BatchWriteItem", count, BATCH_WRITE_REQUESTS_MAX)?;
        let mut plans = Vec::with_capacity(count);
        for (name, requests) in request.tables {
            let table = self.table(&name)?;
            let mut seen = BTreeSet::new();
            for request in requests {
                let plan = match request {
                    WriteRequest::Put(item) => table.plan_put(PutItem {
                        item,
                        ..PutItem::default()
                    }),
                    WriteRequest::Delete(key) => table.plan_delete(&DeleteItem {
                        key,
                        ..DeleteItem::default()
                    }),
                };
                let plan = plan.map_err(Refusal::alone)?;
                if !seen.insert(plan.key()) {
                    return Err(Validation::DuplicateKeys.into());
                }
                plans.push((name.clone(), plan));
            }
        }
        let mut output = BatchWriteOutput::default();
        for (name, plan) in plans {
            let table = self.table_mut(&name)?;
            let written = table.carry_out(plan, WriteMode::Standard);
            add_consumed(&mut output.consumed, &name, &written.consumed);
        }
        Ok(output)
    }
}
