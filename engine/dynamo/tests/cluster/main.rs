//! The service's roles together: what clients are told while nodes crash, messages are late, partitions
//! are split and indexes follow.

mod batches;
mod failover;
mod fidelity;
mod fuzz;
mod history;
mod host;
mod indexes;
mod pages;
mod requests;
mod splits;
mod transact_get;
mod transactions;

use host::{Host, Shape};
use kvrig_dynamo::capacity::ReadConsistency;
use kvrig_dynamo::key::{KeySchema, ScalarType};
use kvrig_dynamo::roles::{Answer, Request};
use kvrig_dynamo::table::{DeleteItem, GetItem, PutItem};
use kvrig_dynamo::{AttributeMap, AttributeValue, Error, Item, TableSchema};

/// A table with the key `pk`.
fn schema() -> TableSchema {
    TableSchema::new("simple", KeySchema::simple("pk", ScalarType::String))
}

fn key(name: &str) -> AttributeMap {
    Item::from([("pk", name.into())])
}

fn item(name: &str, value: i64) -> Item {
    Item::from([("pk", name.into()), ("v", value.into())])
}

fn put(item: Item) -> Request {
    Request::Put(PutItem {
        item,
        ..PutItem::default()
    })
}

fn delete(name: &str) -> Request {
    Request::Delete(DeleteItem {
        key: key(name),
        ..DeleteItem::default()
    })
}

fn get(name: &str, consistency: ReadConsistency) -> Request {
    Request::Get(GetItem::new(key(name)).consistency(consistency))
}

fn strong(name: &str) -> Request {
    get(name, ReadConsistency::Strong)
}

fn eventual(name: &str) -> Request {
    get(name, ReadConsistency::Eventual)
}

/// The value `v` that a read has found.
fn value(answer: &Result<Answer, Error>) -> Option<i64> {
    match answer {
        Ok(Answer::Got(output)) => number(output.item.as_ref()?),
        other => panic!("{other:?} is no read"),
    }
}

fn number(item: &Item) -> Option<i64> {
    match item.get("v")? {
        AttributeValue::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

fn host(shape: &Shape) -> Host {
    Host::new(shape, 1)
}
