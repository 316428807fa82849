//! GetItem, Query and Scan: what is found, in which order, page by page, and what it consumes.

mod common;

use common::*;
use kvrig_dynamo::capacity::{IndexId, ReadConsistency};
use kvrig_dynamo::expression::{Comparator, Condition, DocumentPath, Operand};
use kvrig_dynamo::key::{KeySchema, KeyValue, ScalarType};
use kvrig_dynamo::schema::Projection;
use kvrig_dynamo::table::{
    GetItem, PageOutput, Query, ReadOptions, Scan, ScanDirection, Segment, Select, SortCondition,
};
use kvrig_dynamo::{Item, Number, Table, TableSchema, Validation};
use std::num::NonZeroU32;

/// A table whose collection `k` has sort keys 1 to 9, with others around it.
fn nine() -> Table {
    let mut table = table(composite());
    for collection in ["j", "k", "l"] {
        for sort in (1..=9).rev() {
            put(&mut table, pk_sk(collection, sort));
        }
    }
    table
}

fn number(n: i64) -> KeyValue {
    KeyValue::Number(n.into())
}

fn sorts(items: &[Item]) -> Vec<String> {
    let sort = |item: &Item| match item.get("sk") {
        Some(kvrig_dynamo::AttributeValue::Number(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    items.iter().map(sort).collect()
}

#[test]
fn sort_conditions_choose_their_part_of_the_collection_in_both_directions() {
    let table = nine();
    for (condition, expected) in [
        (SortCondition::Equal(number(5)), vec![5]),
        (SortCondition::Less(number(3)), vec![1, 2]),
        (SortCondition::LessOrEqual(number(3)), vec![1, 2, 3]),
        (SortCondition::Greater(number(7)), vec![8, 9]),
        (SortCondition::GreaterOrEqual(number(7)), vec![7, 8, 9]),
        (SortCondition::Between(number(4), number(6)), vec![4, 5, 6]),
        (SortCondition::Equal(number(10)), vec![]),
        (SortCondition::Less(number(1)), vec![]),
        (SortCondition::Greater(number(9)), vec![]),
    ] {
        let mut query = collection("k").sort(condition.clone());
        let mut expected: Vec<_> = expected.iter().map(i64::to_string).collect();
        assert_eq!(
            sorts(&pages(&table, query.clone()).0),
            expected,
            "{condition:?}"
        );
        query.direction = ScanDirection::Backward;
        query.options.limit = NonZeroU32::new(2);
        expected.reverse();
        assert_eq!(sorts(&pages(&table, query).0), expected, "{condition:?}");
    }
}

#[test]
fn prefixes_choose_strings_and_binaries_up_to_the_last_one() {
    let key = KeySchema::composite(("pk", ScalarType::String), ("sk", ScalarType::String));
    let mut strings = table(TableSchema::new("strings", key));
    let all = [
        "a",
        "ab",
        "ab\u{10ffff}",
        "ab\u{10ffff}z",
        "ac",
        "b",
        "\u{d7ff}x",
        "\u{e000}",
    ];
    for sort in all {
        put(
            &mut strings,
            item([("pk", "k".into()), ("sk", sort.into())]),
        );
    }
    let found = |prefix: &str| {
        let prefix = KeyValue::String(prefix.into());
        pages(
            &strings,
            collection("k").sort(SortCondition::BeginsWith(prefix)),
        )
        .0
        .len()
    };
    for prefix in [
        "",
        "a",
        "ab",
        "ab\u{10ffff}",
        "b",
        "c",
        "\u{d7ff}",
        "\u{10ffff}",
    ] {
        let expected = all.iter().filter(|sort| sort.starts_with(prefix)).count();
        assert_eq!(found(prefix), expected, "{prefix:?}");
    }
    let key = KeySchema::composite(("pk", ScalarType::String), ("sk", ScalarType::Binary));
    let mut binaries = table(TableSchema::new("binaries", key));
    for sort in [&[0xff_u8][..], &[0xff, 0xff], &[0xff, 0], &[0xfe, 0xff]] {
        put(
            &mut binaries,
            item([("pk", "k".into()), ("sk", sort.into())]),
        );
    }
    let prefix = KeyValue::Binary([0xff].as_slice().into());
    let query = collection("k").sort(SortCondition::BeginsWith(prefix));
    assert_eq!(pages(&binaries, query).0.len(), 3);
}

#[test]
fn a_page_ends_before_it_would_exceed_a_megabyte() {
    let mut table = table(composite());
    for sort in 0..7 {
        put(&mut table, sized(pk_sk("k", sort), 300 * 1024));
    }
    let (items, pages) = pages(&table, collection("k"));
    assert_eq!(items.len(), 7);
    let counts: Vec<_> = pages.iter().map(|page| page.count).collect();
    assert_eq!(counts, [3, 3, 1]);
    let units: Vec<_> = pages
        .iter()
        .map(|page| page.consumed.table.read.to_string())
        .collect();
    assert_eq!(units, ["112.5", "112.5", "37.5"]);
}

#[test]
fn a_page_that_ends_by_its_limit_says_that_there_may_be_more() {
    let table = nine();
    let mut query = collection("k");
    query.options.limit = NonZeroU32::new(9);
    let page = table.query(&query).unwrap();
    assert_eq!(page.last_evaluated_key, Some(pk_sk("k", 9)));
    query.options.start = page.last_evaluated_key;
    let page = table.query(&query).unwrap();
    assert_eq!((page.count, page.last_evaluated_key), (0, None));
    assert_eq!(
        page.consumed.table.read,
        halves(1),
        "an empty page is not free"
    );
}

#[test]
fn a_filter_leaves_out_of_the_answer_and_not_of_the_bill() {
    let table = nine();
    let mut query = collection("k");
    query.options.filter = Some(Condition::Compare(
        Operand::Path("sk".into()),
        Comparator::GreaterOrEqual,
        Operand::Value(8.into()),
    ));
    query.options.consistency = ReadConsistency::Strong;
    let page = table.query(&query).unwrap();
    assert_eq!((page.count, page.scanned_count), (2, 9));
    assert_eq!(page.consumed.table.read.halves(), 2);
    query.options.select = Select::Count;
    let page = table.query(&query).unwrap();
    assert_eq!((page.count, page.items.len()), (2, 0));
    query.options.select = Select::Specific(vec![DocumentPath::new("sk")]);
    let page = table.query(&query).unwrap();
    assert_eq!(page.items[0], item([("sk", 8.into())]));
}

#[test]
fn segments_of_a_scan_cover_the_table_once() {
    let mut table = table(simple());
    for number in 0..500 {
        put(&mut table, pk(&number.to_string()));
    }
    for total in [1, 2, 3, 7, 1_000_000] {
        let mut found = 0;
        for segment in 0..total.min(1_000) {
            let scan = Scan {
                segment: Some(Segment { segment, total }),
                ..Scan::default()
            };
            let page = table.scan(&scan).unwrap();
            found += page.count;
            assert!(page.last_evaluated_key.is_none());
        }
        match total {
            1_000_000 => assert!(found < 10, "a thousandth of the space"),
            _ => assert_eq!(found, 500),
        }
    }
    for (segment, total) in [(0, 0), (1, 1), (0, 1_000_001)] {
        let scan = Scan {
            segment: Some(Segment { segment, total }),
            ..Scan::default()
        };
        assert_eq!(
            table.scan(&scan).unwrap_err(),
            Validation::Segment { segment, total }.into()
        );
    }
}

#[test]
fn a_scan_of_pages_visits_everything_once_in_the_order_of_one_scan() {
    let table = nine();
    let whole = table.scan(&Scan::default()).unwrap();
    let mut scan = Scan::default();
    scan.options.limit = NonZeroU32::new(4);
    let mut items = Vec::new();
    loop {
        let page = table.scan(&scan).unwrap();
        items.extend(page.items);
        scan.options.start = page.last_evaluated_key;
        if scan.options.start.is_none() {
            break;
        }
    }
    assert_eq!(items, whole.items);
    assert_eq!(items.len(), 27);
}

/// Orders with a global index by status and a local one by time.
fn orders() -> Table {
    let status = KeySchema::composite(("status", ScalarType::String), ("time", ScalarType::Number));
    let schema = composite()
        .global(
            "by-status",
            status,
            Projection::Include(vec!["note".into()]),
        )
        .local(
            "by-time",
            ("time", ScalarType::Number),
            Projection::KeysOnly,
        );
    let mut table = table(schema);
    for (customer, sort, status, time) in [
        ("a", 1, "open", 9),
        ("a", 2, "done", 8),
        ("b", 1, "open", 5),
        ("b", 2, "open", 9),
        ("c", 1, "done", 7),
    ] {
        let mut order = sized(pk_sk(customer, sort), 5_000);
        order.insert("status", status.into());
        order.insert("time", time.into());
        order.insert("note", "n".into());
        put(&mut table, order);
    }
    put(&mut table, pk_sk("z", 1));
    table
}

fn by_status(status: &str) -> Query {
    let mut query = Query::new(KeyValue::String(status.into()));
    query.options.index = Some("by-status".into());
    query
}

#[test]
fn a_global_index_is_read_by_its_own_key_page_by_page() {
    let table = orders();
    let mut query = by_status("open");
    query.options.limit = NonZeroU32::new(1);
    let (items, pages) = pages(&table, query);
    let names: Vec<_> = items[0].iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["note", "pk", "sk", "status", "time"]);
    let times: Vec<_> = items.iter().map(|item| item.get("time").cloned()).collect();
    assert_eq!(times, [Some(5.into()), Some(9.into()), Some(9.into())]);
    let first: &PageOutput = &pages[0];
    let key = first
        .last_evaluated_key
        .clone()
        .expect("a page cut by its limit");
    assert_eq!(key.len(), 4, "the key of the index and that of the table");
    assert_eq!(first.consumed.index(IndexId::Global(0)).read, halves(1));
    assert_eq!(first.consumed.table.read, halves(0));
}

#[test]
fn a_global_index_gives_only_what_it_holds_and_only_eventually() {
    let table = orders();
    let refused = |change: fn(&mut ReadOptions)| {
        let mut query = by_status("open");
        change(&mut query.options);
        table.query(&query).unwrap_err().to_string()
    };
    assert_eq!(
        refused(|options| options.consistency = ReadConsistency::Strong),
        "Consistent reads are not supported on global secondary indexes"
    );
    assert_eq!(
        refused(|options| options.select = Select::AllAttributes),
        "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary index by-status because its projection type is not ALL"
    );
    assert_eq!(
        refused(|options| options.select = Select::Specific(vec!["v".into()])),
        "One or more parameter values were invalid: Global secondary index by-status does not project [v]"
    );
    assert_eq!(
        refused(|options| options.index = Some("absent".into())),
        "The table does not have the specified index: absent"
    );
}

#[test]
fn a_local_index_fetches_what_it_does_not_hold_and_charges_each_item() {
    let table = orders();
    let mut query = collection("a").sort(SortCondition::GreaterOrEqual(number(8)));
    query.options.index = Some("by-time".into());
    query.options.consistency = ReadConsistency::Strong;
    let page = table.query(&query).unwrap();
    assert_eq!(
        page.items[0],
        item([("pk", "a".into()), ("sk", 2.into()), ("time", 8.into())])
    );
    assert_eq!(page.consumed.table.read, halves(0));
    query.options.select = Select::AllAttributes;
    let page = table.query(&query).unwrap();
    assert_eq!(page.items[0].get("status"), Some(&"done".into()));
    assert_eq!(page.consumed.index(IndexId::Local(0)).read, halves(2));
    assert_eq!(
        page.consumed.table.read,
        halves(8),
        "two items of 5 KB, 2 units each"
    );
    assert_eq!(page.consumed.of_table_throughput().read, halves(10));
}

#[test]
fn a_start_key_must_be_one_of_the_query() {
    let table = nine();
    let refused = |start: Item, sort: Option<SortCondition>| {
        let mut query = collection("k");
        query.sort = sort;
        query.options.start = Some(start);
        table.query(&query).unwrap_err().to_string()
    };
    let invalid = "The provided starting key is invalid";
    let outside =
        "The provided starting key is outside query boundaries based on provided conditions";
    assert_eq!(refused(pk("k"), None), invalid);
    assert_eq!(
        refused(item([("pk", "k".into()), ("sk", "1".into())]), None),
        invalid
    );
    let more = item([("pk", "k".into()), ("sk", 1.into()), ("x", 1.into())]);
    assert_eq!(refused(more, None), invalid);
    assert_eq!(refused(pk_sk("j", 1), None), outside);
    assert_eq!(
        refused(pk_sk("k", 1), Some(SortCondition::Greater(number(5)))),
        outside
    );
}

#[test]
fn conditions_on_keys_must_fit_the_schema() {
    let table = nine();
    let refused = |query: Query| table.query(&query).unwrap_err().to_string();
    let types = "One or more parameter values were invalid: Condition parameter type does not match schema type";
    assert_eq!(refused(Query::new(number(1))), types);
    let text = KeyValue::String("1".into());
    assert_eq!(
        refused(collection("k").sort(SortCondition::Equal(text))),
        types
    );
    let backwards = SortCondition::Between(number(2), number(1));
    assert!(refused(collection("k").sort(backwards)).contains("upper bound"));
    let prefix = SortCondition::BeginsWith(number(2));
    assert!(refused(collection("k").sort(prefix)).contains("begins_with"));
    let simple = common::table(simple());
    let query = collection("k").sort(SortCondition::Equal(number(1)));
    assert_eq!(
        simple.query(&query).unwrap_err().to_string(),
        "Query key condition not supported"
    );
}

#[test]
fn a_projection_changes_the_answer_and_not_the_price() {
    let mut table = table(simple());
    put(&mut table, sized(pk("k"), 9_000));
    let mut request = GetItem::new(pk("k")).consistency(ReadConsistency::Strong);
    request.projection = vec!["pk".into()];
    let output = table.get(&request).unwrap();
    assert_eq!(output.item, Some(pk("k")));
    assert_eq!(output.consumed.table.read.to_string(), "3");
    request.projection.push("pk".into());
    assert!(
        table
            .get(&request)
            .unwrap_err()
            .to_string()
            .contains("overlap")
    );
    request.projection.clear();
    request.consistency = ReadConsistency::Transactional;
    assert_eq!(
        table.get(&request).unwrap_err(),
        Validation::TransactionalRead.into()
    );
}

#[test]
fn numbers_sort_by_value_however_they_were_written() {
    let mut table = table(composite());
    for text in ["1e2", "-5", "0.5", "1e-3", "-1e10", "20"] {
        let sort: Number = text.parse().unwrap();
        put(&mut table, item([("pk", "k".into()), ("sk", sort.into())]));
    }
    let found = sorts(&pages(&table, collection("k")).0);
    assert_eq!(found, ["-10000000000", "-5", "0.001", "0.5", "20", "100"]);
}
