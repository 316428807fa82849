//! Schemas: what a table can be, and the words in which it is refused.

mod common;

use common::{composite, simple};
use kvrig_dynamo::key::{KeySchema, ScalarType};
use kvrig_dynamo::schema::{Projection, THROUGHPUT_MAX, Throughput};
use kvrig_dynamo::{TableSchema, Validation};

fn by(name: &str) -> KeySchema {
    KeySchema::simple(name, ScalarType::String)
}

fn provisioned(read: u64, write: u64) -> Throughput {
    Throughput::Provisioned { read, write }
}

fn with_indexes(count: usize) -> TableSchema {
    (0..count).fold(simple(), |schema, number| {
        schema.global(&format!("index-{number}"), by("status"), Projection::All)
    })
}

#[test]
fn what_the_limits_allow_is_accepted() {
    for schema in [
        simple(),
        with_indexes(20),
        simple().throughput(provisioned(1, THROUGHPUT_MAX)),
        simple()
            .throughput(provisioned(1, 2_000_000))
            .throughput_quota(2_000_000),
        composite().local(
            "by-time",
            ("time", ScalarType::Number),
            Projection::KeysOnly,
        ),
        TableSchema::new("a.b_c-9", by(&"k".repeat(255))),
        TableSchema::new(&"t".repeat(255), by("k")),
    ] {
        assert_eq!(schema.check(), Ok(()), "{schema:?}");
    }
}

#[test]
fn tables_that_cannot_be_are_refused() {
    let local = |schema: TableSchema, name: &str| {
        schema.local(name, ("time", ScalarType::Number), Projection::All)
    };
    let include =
        |names: &[&str]| Projection::Include(names.iter().map(|name| Box::from(*name)).collect());
    let mut mixed = with_indexes(1);
    mixed.global[0].throughput = provisioned(1, 1);
    let many =
        |from: usize| -> Vec<String> { (from..from + 51).map(|n| format!("a{n}")).collect() };
    let names = |from| Projection::Include(many(from).iter().map(|name| (**name).into()).collect());
    for (schema, words) in [
        (TableSchema::new("ab", by("k")), "Invalid TableName \"ab\""),
        (TableSchema::new("with space", by("k")), "Invalid TableName"),
        (
            TableSchema::new(&"t".repeat(256), by("k")),
            "Invalid TableName",
        ),
        (TableSchema::new("abc", by("")), "1 to 255 bytes"),
        (
            TableSchema::new("abc", by(&"k".repeat(256))),
            "1 to 255 bytes",
        ),
        (
            with_indexes(41),
            "Number of global secondary indexes exceeds per-table limit of 20: 41",
        ),
        (
            (0..6).fold(composite(), |schema, number| {
                local(schema, &format!("local-{number}"))
            }),
            "Number of local secondary indexes exceeds per-table limit of 5: 6",
        ),
        (
            local(simple(), "by-time"),
            "Table KeySchema does not have a range key",
        ),
        (
            local(local(composite(), "same"), "same"),
            "Duplicate index name: same",
        ),
        (
            simple().global("i", by("a"), Projection::All),
            "Invalid IndexName \"i\"",
        ),
        (
            simple().global(
                "index",
                KeySchema::simple("pk", ScalarType::Number),
                Projection::All,
            ),
            "Cannot have two attributes with the same name: pk",
        ),
        (
            TableSchema::new(
                "abc",
                KeySchema::composite(("a", ScalarType::String), ("a", ScalarType::String)),
            ),
            "have the same name: a",
        ),
        (
            composite().local("by-pk", ("pk", ScalarType::String), Projection::All),
            "have the same name: pk",
        ),
        (
            simple().global("index", by("a"), include(&[])),
            "NonKeyAttributes of index index",
        ),
        (
            simple().global("index", by("a"), include(&["x", "x"])),
            "repeated",
        ),
        (
            simple()
                .global("index-1", by("a"), names(0))
                .global("index-2", by("a"), names(60)),
            "exceeds the limit of 100: 102",
        ),
        (
            simple().throughput(provisioned(0, 1)),
            "ReadCapacityUnits of simple must be from 1 to 40000: 0",
        ),
        (
            simple().throughput(provisioned(1, THROUGHPUT_MAX + 1)),
            "WriteCapacityUnits of simple must be from 1 to 40000: 40001",
        ),
        (
            simple()
                .throughput(provisioned(101, 1))
                .throughput_quota(100),
            "ReadCapacityUnits of simple must be from 1 to 100: 101",
        ),
        (mixed, "ProvisionedThroughput of index index-0"),
    ] {
        let error: Validation = schema.check().expect_err("it cannot be");
        assert!(error.to_string().contains(words), "{error}: not {words}");
    }
}
