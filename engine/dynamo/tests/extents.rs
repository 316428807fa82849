//! The part of a table in one partition, and item collections with their limit.

mod common;

use common::*;
use kvrig_dynamo::key::{KeyHash, KeySchema, KeyValue, PrimaryKey, ScalarType};
use kvrig_dynamo::partition::{Boundary, PartitionId, PartitionMap};
use kvrig_dynamo::schema::Projection;
use kvrig_dynamo::table::{DeleteItem, PutItem};
use kvrig_dynamo::{Error, Table, TableSchema};

const START: Boundary = Boundary {
    hash: KeyHash::MIN,
    sort: None,
};

fn key(partition: &str, sort: i64) -> PrimaryKey {
    PrimaryKey {
        partition: KeyValue::String(partition.into()),
        sort: Some(KeyValue::Number(sort.into())),
    }
}

/// A table with twenty collections of ten items of 100 bytes.
fn filled(schema: TableSchema) -> Table {
    let mut table = table(schema);
    for collection in 0..20 {
        for sort in 0..10 {
            put(&mut table, sized(pk_sk(&collection.to_string(), sort), 100));
        }
    }
    table
}

#[test]
fn partitions_share_the_table_without_rest() {
    let table = filled(composite());
    let mut map = PartitionMap::even(4);
    let inside = table.boundary(&key("7", 5));
    let id = map.find(inside.hash, inside.sort.as_ref()).id;
    map.split(id, inside).expect("it lies inside");
    let mut total = (0, 0);
    for (number, partition) in map.partitions().iter().enumerate() {
        let end = map.partitions().get(number + 1).map(|next| &next.start);
        let (count, bytes) = table.size_between(&partition.start, end);
        total = (total.0 + count, total.1 + bytes);
        assert_eq!(bytes, count * 100);
    }
    assert_eq!(total, (200, 20_000));
    let halves = [key("7", 4), key("7", 5)].map(|key| {
        let boundary = table.boundary(&key);
        map.find(boundary.hash, boundary.sort.as_ref()).id
    });
    assert_ne!(
        halves[0], halves[1],
        "the collection lies in two partitions"
    );
}

#[test]
fn a_full_partition_is_divided_where_its_bytes_are() {
    let table = filled(composite());
    let middle = table.middle_between(&START, None).expect("many items");
    assert_eq!(table.size_between(&START, Some(&middle)), (100, 10_000));
    assert_eq!(table.size_between(&middle, None), (100, 10_000));
    let mut map = PartitionMap::even(1);
    assert!(map.split(PartitionId(0), middle).is_ok());
    assert_eq!(
        common::table(composite()).middle_between(&START, None),
        None
    );
}

#[test]
fn one_collection_is_divided_inside_unless_local_indexes_keep_it_together() {
    let fill = |schema: TableSchema| {
        let mut table = table(schema);
        for sort in 0..10 {
            put(&mut table, pk_sk("one", sort));
        }
        table
    };
    let table = fill(composite());
    let middle = table.middle_between(&START, None);
    assert_eq!(middle, Some(table.boundary(&key("one", 5))));
    let local = composite().local("by-n", ("n", ScalarType::Number), Projection::All);
    assert_eq!(fill(local).middle_between(&START, None), None);
}

#[test]
fn a_collection_with_local_indexes_stays_within_its_limit() {
    let key = KeySchema::simple("n", ScalarType::Number);
    let schema = composite().global("global", key, Projection::All).local(
        "by-n",
        ("n", ScalarType::Number),
        Projection::All,
    );
    let mut table = table(schema).limit_collections(1_000);
    let mut indexed = sized(pk_sk("k", 1), 397);
    indexed.insert("n", 1.into());
    assert_eq!(indexed.size_bytes(), 400);
    put(&mut table, indexed.clone());
    let collection = KeyValue::String("k".into());
    assert_eq!(
        table.collection_bytes(&collection),
        Some(800),
        "the item and its local entry"
    );
    let put_one = |table: &mut Table, sort, bytes| {
        let item = sized(pk_sk("k", sort), bytes);
        table.put(PutItem {
            item,
            ..PutItem::default()
        })
    };
    let error = put_one(&mut table, 2, 201).unwrap_err();
    assert_eq!(error, Error::ItemCollectionSizeLimitExceeded);
    assert_eq!(error.code(), "ItemCollectionSizeLimitExceededException");
    assert!(put_one(&mut table, 2, 200).is_ok());
    assert!(
        put_one(&mut table, 2, 150).is_ok(),
        "smaller is always allowed"
    );
    put(&mut table, sized(pk_sk("other", 1), 900));
    let delete = DeleteItem {
        key: pk_sk("k", 1),
        ..DeleteItem::default()
    };
    table.delete(&delete).expect("a key of the schema");
    assert_eq!(table.collection_bytes(&collection), Some(150));
    assert_eq!(
        common::table(composite()).collection_bytes(&collection),
        None
    );
}
