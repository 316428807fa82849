//! BatchGetItem and BatchWriteItem at a router: each item is a request of its own, which finds its
//! partition and is admitted or throttled by itself.
//!
//! What is throttled, or fails, is given back as unprocessed; only where nothing at all was processed is
//! the batch an error (AWS API Reference, "BatchWriteItem" and "BatchGetItem").

use super::directory::Catalog;
use super::message::{Answer, Request};
use crate::capacity::ReadConsistency;
use crate::database::{
    BatchGetItem, BatchGetOutput, BatchWriteItem, BatchWriteOutput, ConsumedByTable, WriteRequest,
    add_consumed, check_count,
};
use crate::error::{Error, Validation};
use crate::expression::{check_projection, project};
use crate::index::IndexRule;
use crate::item::check_item;
use crate::limits::{BATCH_GET_BYTES_MAX, BATCH_GET_KEYS_MAX, BATCH_WRITE_REQUESTS_MAX};
use crate::schema::TableSchema;
use crate::table::{DeleteItem, GetItem, PutItem};
use std::collections::BTreeSet;

/// Requests of many items in one, none bound to the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Batch {
    /// BatchGetItem.
    Get(BatchGetItem),
    /// BatchWriteItem.
    Write(BatchWriteItem),
}

/// A request of a batch and the table that it is for.
pub(super) type OfTable = (Box<str>, Request);

impl Batch {
    /// Bytes of the items and keys in it.
    pub(super) fn size_bytes(&self) -> u64 {
        match self {
            Self::Get(get) => {
                let keys = get.tables.values().flat_map(|wanted| &wanted.keys);
                keys.map(crate::Item::size_bytes).sum()
            }
            Self::Write(write) => {
                let requests = write.tables.values().flatten();
                requests.map(|one| one.item().size_bytes()).sum()
            }
        }
    }

    /// Its single requests, by table and within one as they stand in the batch.
    ///
    /// Reads ask for whole items, because the limit of the answer counts these; parts are taken of them
    /// in the end.
    ///
    /// # Errors
    /// What is not acceptable in any of them, and that there are too many or none: then none is sent.
    pub(super) fn requests(&self, catalog: &Catalog) -> Result<Vec<OfTable>, Error> {
        match self {
            Self::Get(get) => reads(get, catalog),
            Self::Write(write) => writes(write, catalog),
        }
    }

    /// What it is answered with, given what each of its requests came to.
    ///
    /// # Errors
    /// The first error where no request succeeded, and whatever no repetition would mend.
    pub(super) fn answer(self, results: Vec<Result<Answer, Error>>) -> Result<Answer, Error> {
        let is_final = |error: &&Error| {
            !matches!(
                error,
                Error::Throttled { .. } | Error::InternalServerError | Error::TransactionConflict
            )
        };
        let mut errors = results.iter().filter_map(|result| result.as_ref().err());
        let whole = match results.iter().all(Result::is_err) {
            true => errors.next(),
            false => errors.find(is_final),
        };
        if let Some(error) = whole {
            return Err(error.clone());
        }
        Ok(match self {
            Self::Get(get) => Answer::BatchGot(gather_reads(get, results)),
            Self::Write(write) => Answer::BatchWrote(gather_writes(write, results)),
        })
    }
}

fn reads(get: &BatchGetItem, catalog: &Catalog) -> Result<Vec<OfTable>, Error> {
    let count = get.tables.values().map(|wanted| wanted.keys.len()).sum();
    check_count("BatchGetItem", count, BATCH_GET_KEYS_MAX)?;
    let mut requests = Vec::with_capacity(count);
    for (name, wanted) in &get.tables {
        if wanted.consistency == ReadConsistency::Transactional {
            return Err(Validation::TransactionalRead.into());
        }
        let (_, schema) = catalog.find(name)?;
        let mut seen = BTreeSet::new();
        for key in &wanted.keys {
            if !seen.insert(schema.key.key_from(key)?) {
                return Err(Validation::DuplicateKeys.into());
            }
            let read = GetItem::new(key.clone()).consistency(wanted.consistency);
            requests.push((name.clone(), Request::Get(read)));
        }
    }
    for wanted in get.tables.values() {
        check_projection(&wanted.projection)?;
    }
    Ok(requests)
}

fn writes(write: &BatchWriteItem, catalog: &Catalog) -> Result<Vec<OfTable>, Error> {
    let count = write.tables.values().map(Vec::len).sum();
    check_count("BatchWriteItem", count, BATCH_WRITE_REQUESTS_MAX)?;
    let mut requests = Vec::with_capacity(count);
    for (name, of_table) in &write.tables {
        let (table, schema) = catalog.find(name)?;
        let local = IndexRule::all(schema);
        let rules: Vec<&IndexRule> = local.iter().chain(catalog.index_rules(table)).collect();
        let mut seen = BTreeSet::new();
        for one in of_table {
            let (key, request) = write_of(one, schema, &rules)?;
            if !seen.insert(key) {
                return Err(Validation::DuplicateKeys.into());
            }
            requests.push((name.clone(), request));
        }
    }
    Ok(requests)
}

/// A write with its key, if it is acceptable.
fn write_of(
    request: &WriteRequest,
    schema: &TableSchema,
    rules: &[&IndexRule],
) -> Result<(crate::key::PrimaryKey, Request), Validation> {
    Ok(match request {
        WriteRequest::Put(item) => {
            let key = schema.key.key_of(item)?;
            check_item(item)?;
            rules.iter().try_for_each(|rule| rule.check(item))?;
            let put = PutItem {
                item: item.clone(),
                ..PutItem::default()
            };
            (key, Request::Put(put))
        }
        WriteRequest::Delete(key) => {
            let delete = DeleteItem {
                key: key.clone(),
                ..DeleteItem::default()
            };
            (schema.key.key_from(key)?, Request::Delete(delete))
        }
    })
}

/// The answer ends before the item with which it would exceed 16 MB. Items behind that were read all the
/// same, since partitions do not wait for one another, but the answer does not count them.
fn gather_reads(get: BatchGetItem, results: Vec<Result<Answer, Error>>) -> BatchGetOutput {
    let mut output = BatchGetOutput::default();
    let mut bytes_left = Some(BATCH_GET_BYTES_MAX);
    let mut results = results.into_iter();
    for (name, wanted) in get.tables {
        let items = output.items.entry(name.clone()).or_default();
        let mut rest = Vec::new();
        for (key, result) in wanted.keys.iter().zip(&mut results) {
            let Ok(Answer::Got(read)) = result else {
                rest.push(key.clone());
                continue;
            };
            let bytes = read.item.as_ref().map_or(0, crate::Item::size_bytes);
            bytes_left = bytes_left.and_then(|left| left.checked_sub(bytes));
            if bytes_left.is_none() {
                rest.push(key.clone());
                continue;
            }
            add_consumed(&mut output.consumed, &name, &read.consumed);
            items.extend(read.item.map(|item| match wanted.projection.as_slice() {
                [] => item,
                paths => project(&item, paths),
            }));
        }
        if !rest.is_empty() {
            let mut wanted = wanted;
            wanted.keys = rest;
            output.unprocessed.insert(name, wanted);
        }
    }
    output
}

fn gather_writes(write: BatchWriteItem, results: Vec<Result<Answer, Error>>) -> BatchWriteOutput {
    let mut consumed = ConsumedByTable::new();
    let mut unprocessed = std::collections::BTreeMap::new();
    let mut results = results.into_iter();
    for (name, requests) in write.tables {
        let mut rest = Vec::new();
        for (request, result) in requests.into_iter().zip(&mut results) {
            match result {
                Ok(Answer::Wrote(output)) => add_consumed(&mut consumed, &name, &output.consumed),
                _ => rest.push(request),
            }
        }
        if !rest.is_empty() {
            unprocessed.insert(name, rest);
        }
    }
    BatchWriteOutput {
        consumed,
        unprocessed,
    }
}
