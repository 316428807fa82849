//! Tables with items of stated sizes, and what requests to them consume.

use crate::capacity::{IndexId, ReadConsistency, ReadUnits, Units, WriteMode, WriteUnits};
use crate::database::{
    BatchGetItem, BatchWriteItem, Database, KeysToGet, TransactAction, TransactGet,
    TransactGetItems, TransactWrite, TransactWriteItems, WriteRequest,
};
use crate::error::Error;
use crate::expression::{Condition, SetAction, Update};
use crate::item::{AttributeMap, Item};
use crate::key::{KeyHasher, KeySchema, KeyValue, ScalarType};
use crate::schema::{Projection, TableSchema};
use crate::table::{
    DeleteItem, GetItem, Precondition, PutItem, Query, ReadOptions, Scan, Table, UpdateItem,
};
use kvrig_base::time::{Span, Time};

const RIGHT: &str = "worked examples are acceptable requests";
const NAME: &str = "Examples";

/// The key of item `number`, all in one item collection.
pub(super) fn key(number: usize) -> AttributeMap {
    AttributeMap::from([("pk", "p".into()), ("sk", (number as i64).into())])
}

/// Item `number` with `bytes` bytes.
pub(super) fn item(number: usize, bytes: u64) -> Item {
    let mut item = key(number);
    let padding = bytes.saturating_sub(item.size_bytes() + 1);
    item.insert("v", "x".repeat(padding as usize).into());
    item
}

pub(super) fn schema() -> TableSchema {
    let key = KeySchema::composite(("pk", ScalarType::String), ("sk", ScalarType::Number));
    TableSchema::new(NAME, key)
}

pub(super) fn put(table: &mut Table, item: Item) -> Result<Units, Error> {
    let request = PutItem {
        item,
        ..PutItem::default()
    };
    Ok(table.put(request)?.consumed.table)
}

/// A table with items of these sizes.
fn table(sizes: &[u64]) -> Table {
    let mut table = Table::new(schema(), KeyHasher::default()).expect(RIGHT);
    for (number, bytes) in sizes.iter().enumerate() {
        put(&mut table, item(number, *bytes)).expect(RIGHT);
    }
    table
}

fn database(sizes: &[u64]) -> Database {
    let mut database = Database::default();
    database.create_table(schema()).expect(RIGHT);
    for (number, bytes) in sizes.iter().enumerate() {
        let table = database.table_mut(NAME).expect(RIGHT);
        put(table, item(number, *bytes)).expect(RIGHT);
    }
    database
}

/// Read units of GetItem on an item of `bytes` bytes; of a missing one where there are none.
pub(super) fn get(bytes: u64, consistency: ReadConsistency) -> ReadUnits {
    let sizes = if bytes == 0 { vec![] } else { vec![bytes] };
    if consistency == ReadConsistency::Transactional {
        return transact_get(&sizes);
    }
    let request = GetItem::new(key(0)).consistency(consistency);
    table(&sizes)
        .get(&request)
        .expect(RIGHT)
        .consumed
        .table
        .read
}

/// Read units of BatchGetItem on items of these sizes.
pub(super) fn batch_get(sizes: &[u64], consistency: ReadConsistency) -> ReadUnits {
    let wanted = KeysToGet {
        keys: (0..sizes.len()).map(key).collect(),
        consistency,
        ..KeysToGet::default()
    };
    let request = BatchGetItem {
        tables: [(NAME.into(), wanted)].into(),
    };
    let output = database(sizes).batch_get(&request).expect(RIGHT);
    output.consumed[0].1.table.read
}

/// Read units of TransactGetItems on items of these sizes; on a missing item where there are none.
pub(super) fn transact_get(sizes: &[u64]) -> ReadUnits {
    let gets = (0..sizes.len().max(1)).map(|number| TransactGet {
        table: NAME.into(),
        key: key(number),
        projection: vec![],
    });
    let request = TransactGetItems {
        gets: gets.collect(),
    };
    let output = database(sizes).transact_get(&request).expect(RIGHT);
    output.consumed[0].1.table.read
}

/// Read units of one page of Query over items of these sizes.
pub(super) fn query(sizes: &[u64], consistency: ReadConsistency) -> ReadUnits {
    query_with(
        sizes,
        ReadOptions {
            consistency,
            ..ReadOptions::default()
        },
    )
}

/// The same with other options.
pub(super) fn query_with(sizes: &[u64], options: ReadOptions) -> ReadUnits {
    let mut query = Query::new(KeyValue::String("p".into()));
    query.options = options;
    let page = table(sizes).query(&query).expect(RIGHT);
    page.consumed.table.read
}

/// Read units of one page of Scan over items of these sizes, and how many items it answers with.
pub(super) fn scan_with(sizes: &[u64], options: ReadOptions) -> (ReadUnits, u64) {
    let scan = Scan {
        segment: None,
        options,
    };
    let page = table(sizes).scan(&scan).expect(RIGHT);
    (page.consumed.table.read, page.count)
}

/// A condition that no item meets.
pub(super) fn never() -> Condition {
    Condition::Or(vec![])
}

/// Write units of PutItem that turns an item of `before` bytes, if any, into one of `after` bytes.
pub(super) fn put_over(before: Option<u64>, after: u64) -> WriteUnits {
    let mut table = table(&before.into_iter().collect::<Vec<_>>());
    put(&mut table, item(0, after)).expect(RIGHT).write
}

/// The same by UpdateItem.
pub(super) fn update_over(before: Option<u64>, after: u64) -> WriteUnits {
    let mut table = table(&before.into_iter().collect::<Vec<_>>());
    let value = item(0, after).remove("v").expect("items have padding");
    let request = UpdateItem {
        key: key(0),
        update: Update::new().set("v", SetAction::value(value)),
        ..UpdateItem::default()
    };
    table.update(&request).expect(RIGHT).consumed.table.write
}

/// Write units of DeleteItem on an item of `bytes` bytes, if any.
pub(super) fn delete(bytes: Option<u64>) -> WriteUnits {
    let mut table = table(&bytes.into_iter().collect::<Vec<_>>());
    let request = DeleteItem {
        key: key(0),
        ..DeleteItem::default()
    };
    table.delete(&request).expect(RIGHT).consumed.table.write
}

/// Write units of BatchWriteItem that puts items of these sizes.
pub(super) fn batch_put(sizes: &[u64]) -> WriteUnits {
    let puts = sizes.iter().enumerate();
    let puts = puts.map(|(number, bytes)| WriteRequest::Put(item(number, *bytes)));
    let request = BatchWriteItem {
        tables: [(NAME.into(), puts.collect())].into(),
    };
    let output = database(&[]).batch_write(request).expect(RIGHT);
    output.consumed[0].1.table.write
}

/// Write units of a put of `after` bytes over `before` bytes whose condition fails.
pub(super) fn failed_put(before: Option<u64>, after: u64) -> WriteUnits {
    let mut table = table(&before.into_iter().collect::<Vec<_>>());
    let request = PutItem {
        item: item(0, after),
        precondition: Precondition::on(never()),
        ..PutItem::default()
    };
    match table.put(request) {
        Err(Error::ConditionalCheckFailed { consumed, .. }) => consumed.table.write,
        // The condition cannot hold; should it, the example does not.
        Ok(_) | Err(_) => WriteUnits::ZERO,
    }
}

/// Units of a transaction that puts items of these sizes, and of the same request with the same
/// token a minute later.
pub(super) fn transact_put(sizes: &[u64]) -> (Units, Units) {
    let puts = sizes
        .iter()
        .enumerate()
        .map(|(number, bytes)| TransactWrite {
            table: NAME.into(),
            action: TransactAction::Put(PutItem {
                item: item(number, *bytes),
                ..PutItem::default()
            }),
        });
    let request = TransactWriteItems {
        actions: puts.collect(),
        client_token: Some("token".into()),
    };
    let mut database = database(&[]);
    let mut send = |now| {
        let output = database.transact_write(&request, now).expect(RIGHT);
        output.consumed[0].1.table
    };
    (send(Time::START), send(Time::START + Span::from_secs(60)))
}

/// The error of a transaction with a token that came with another one before.
pub(super) fn transact_mismatch() -> &'static str {
    let request = |bytes| TransactWriteItems {
        actions: vec![TransactWrite {
            table: NAME.into(),
            action: TransactAction::Put(PutItem {
                item: item(0, bytes),
                ..PutItem::default()
            }),
        }],
        client_token: Some("token".into()),
    };
    let mut database = database(&[]);
    database
        .transact_write(&request(500), Time::START)
        .expect(RIGHT);
    match database.transact_write(&request(501), Time::START) {
        Err(error) => error.code(),
        Ok(_) => "no error",
    }
}

/// A table with a global index by `status`.
pub(super) fn indexed(projection: Projection) -> Table {
    let key = KeySchema::simple("status", ScalarType::String);
    let schema = schema().global("by-status", key, projection);
    Table::new(schema, KeyHasher::default()).expect(RIGHT)
}

/// Write units of the index where the item is put with one status and then with another; nothing
/// stands for an item without it. `other` is an attribute that changes too.
pub(super) fn index_put(
    before: Option<&str>,
    after: Option<&str>,
    other: Option<&str>,
    projection: Projection,
    bytes: u64,
) -> WriteUnits {
    let mut table = indexed(projection);
    let with = |status: Option<&str>| {
        let mut item = item(0, bytes);
        if let Some(status) = status {
            item.insert("status", status.into());
        }
        item
    };
    put(&mut table, with(before)).expect(RIGHT);
    let mut changed = with(after);
    if let Some(name) = other {
        changed.insert(name, "changed".into());
    }
    let request = PutItem {
        item: changed,
        ..PutItem::default()
    };
    let consumed = table.put(request).expect(RIGHT).consumed;
    consumed.index(IndexId::Global(0)).write
}

/// Write units of table and index where an item of `bytes` bytes is put by itself or in a
/// transaction.
pub(super) fn indexed_write(mode: WriteMode, bytes: u64) -> String {
    let key = KeySchema::simple("status", ScalarType::String);
    let mut database = Database::default();
    database
        .create_table(schema().global("by-status", key, Projection::All))
        .expect(RIGHT);
    let mut item = item(0, bytes - 8);
    item.insert("status", "ok".into());
    let put = PutItem {
        item,
        ..PutItem::default()
    };
    let consumed = match mode {
        WriteMode::Standard => {
            let table = database.table_mut(NAME).expect(RIGHT);
            table.put(put).expect(RIGHT).consumed
        }
        WriteMode::Transactional => {
            let request = TransactWriteItems {
                actions: vec![TransactWrite {
                    table: NAME.into(),
                    action: TransactAction::Put(put),
                }],
                client_token: None,
            };
            let output = database.transact_write(&request, Time::START);
            output.expect(RIGHT).consumed[0].1.clone()
        }
    };
    let index = consumed.index(IndexId::Global(0)).write;
    format!("table {}, index {index} WCU", consumed.table.write)
}

/// Read units of a query of a global index over entries of `bytes` bytes each.
pub(super) fn index_query(count: usize, bytes: u64) -> ReadUnits {
    let mut table = indexed(Projection::All);
    for number in 0..count {
        let mut item = item(number, bytes - 8);
        item.insert("status", "ok".into());
        put(&mut table, item).expect(RIGHT);
    }
    let mut query = Query::new(KeyValue::String("ok".into()));
    query.options.index = Some("by-status".into());
    let page = table.query(&query).expect(RIGHT);
    page.consumed.index(IndexId::Global(0)).read
}
