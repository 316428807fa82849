//! Tables and shorthand that the tests share.
#![allow(dead_code, reason = "no test uses all of it")]

use kvrig_dynamo::capacity::{ConsumedCapacity, ReadUnits};
use kvrig_dynamo::key::{KeyHasher, KeySchema, KeyValue, ScalarType};
use kvrig_dynamo::table::{PageOutput, PutItem, Query};
use kvrig_dynamo::{AttributeMap, AttributeValue, Error, Item, Table, TableSchema};

/// An item of named values.
pub(crate) fn item<const N: usize>(attributes: [(&str, AttributeValue); N]) -> Item {
    Item::from(attributes)
}

/// A schema with a simple key `pk`.
pub(crate) fn simple() -> TableSchema {
    TableSchema::new("simple", KeySchema::simple("pk", ScalarType::String))
}

/// A schema with the key `pk`, `sk`, of which the latter is a number.
pub(crate) fn composite() -> TableSchema {
    let key = KeySchema::composite(("pk", ScalarType::String), ("sk", ScalarType::Number));
    TableSchema::new("composite", key)
}

/// An empty table.
pub(crate) fn table(schema: TableSchema) -> Table {
    Table::new(schema, KeyHasher::default()).expect("the tests' schemas are right")
}

/// Stores an item without a condition and says what that consumed.
pub(crate) fn put(table: &mut Table, item: Item) -> ConsumedCapacity {
    let request = PutItem {
        item,
        ..PutItem::default()
    };
    table.put(request).expect("an acceptable item").consumed
}

/// An item of the table `simple` or `composite` that has exactly `bytes` bytes.
pub(crate) fn sized(key: AttributeMap, bytes: u64) -> Item {
    let mut item = key;
    let rest = bytes - item.size_bytes() - 1;
    item.insert("v", "x".repeat(rest as usize).as_str().into());
    assert_eq!(item.size_bytes(), bytes);
    item
}

/// The key of the table `simple`.
pub(crate) fn pk(value: &str) -> AttributeMap {
    item([("pk", value.into())])
}

/// The key of the table `composite`.
pub(crate) fn pk_sk(value: &str, sort: i64) -> AttributeMap {
    item([("pk", value.into()), ("sk", sort.into())])
}

/// A query for the item collection `value`.
pub(crate) fn collection(value: &str) -> Query {
    Query::new(KeyValue::String(value.into()))
}

/// All pages of a query: their items, and what each page consumed of the table.
pub(crate) fn pages(table: &Table, mut query: Query) -> (Vec<Item>, Vec<PageOutput>) {
    let (mut items, mut pages) = (Vec::new(), Vec::new());
    loop {
        let page = table.query(&query).expect("a query that can be made");
        items.extend(page.items.iter().cloned());
        query.options.start = page.last_evaluated_key.clone();
        pages.push(page);
        if query.options.start.is_none() {
            return (items, pages);
        }
    }
}

/// Read units as halves.
pub(crate) fn halves(n: u64) -> ReadUnits {
    ReadUnits::from_halves(n)
}

/// Name and message of an error.
pub(crate) fn told(error: &Error) -> (&'static str, String) {
    (error.code(), error.to_string())
}
