//! Query and Scan through the roles: page by page what a table by itself gives, and what replicas that are
//! behind see.

use super::host::{Host, NODES, Shape, millis};
use super::{delete, put};
use kvrig_base::id::ActorId;
use kvrig_base::random::{Seed, Sequence};
use kvrig_base::time::Span;
use kvrig_dynamo::capacity::ReadConsistency;
use kvrig_dynamo::expression::{Comparator, Condition, DocumentPath, Operand};
use kvrig_dynamo::key::{KeyHasher, KeySchema, KeyValue, ScalarType};
use kvrig_dynamo::roles::{Answer, GroupId, KeyspaceId, PageRequest, Request};
use kvrig_dynamo::schema::{Projection, Throughput};
use kvrig_dynamo::table::{
    DeleteItem, PageOutput, Query, ReadOptions, Scan, ScanDirection, Segment, Select, SortCondition,
};
use kvrig_dynamo::{Error, Item, Table, TableSchema};
use std::num::NonZeroU32;

const COLLECTIONS: u64 = 6;
const SORTS: u64 = 40;

/// Orders of customers by number, with an index by place.
fn schema() -> TableSchema {
    let key = KeySchema::composite(("pk", ScalarType::String), ("sk", ScalarType::Number));
    TableSchema::new("orders", key).global(
        "by-place",
        KeySchema::composite(("place", ScalarType::String), ("sk", ScalarType::Number)),
        Projection::Include(vec!["note".into()]),
    )
}

/// The same with a local index by size.
fn with_local() -> TableSchema {
    schema().local(
        "by-size",
        ("size", ScalarType::Number),
        Projection::KeysOnly,
    )
}

fn key(draws: &mut Sequence) -> Item {
    Item::from([
        ("pk", draws.below(COLLECTIONS).to_string().into()),
        ("sk", (draws.below(SORTS) as i64).into()),
    ])
}

fn order(draws: &mut Sequence, note_bytes_max: u64) -> Item {
    let mut item = key(draws);
    let bytes = draws.below(note_bytes_max);
    item.insert("note", "x".repeat(bytes as usize).into());
    item.insert("size", (draws.below(5) as i64).into());
    if draws.below(4) > 0 {
        let place = ["here", "there"][draws.below(2) as usize];
        item.insert("place", place.into());
    }
    item
}

fn write(draws: &mut Sequence, note_bytes_max: u64) -> Request {
    match draws.below(5) {
        0 => Request::Delete(DeleteItem {
            key: key(draws),
            ..DeleteItem::default()
        }),
        _ => put(order(draws, note_bytes_max)),
    }
}

fn carry_out(table: &mut Table, request: &Request) {
    let done = match request {
        Request::Put(put) => table.put(put.clone()),
        Request::Delete(delete) => table.delete(delete),
        other => panic!("{other:?} is no write of these tests"),
    };
    done.expect("an acceptable write");
}

fn options(draws: &mut Sequence, index: Option<&str>, consistency: ReadConsistency) -> ReadOptions {
    let large = Condition::Compare(
        Operand::Path(DocumentPath::new("sk")),
        Comparator::GreaterOrEqual,
        Operand::Value(20.into()),
    );
    ReadOptions {
        index: index.map(Into::into),
        consistency,
        filter: (draws.below(3) == 0).then_some(large),
        select: match draws.below(4) {
            0 => Select::Count,
            1 => Select::Specific(vec![DocumentPath::new("sk")]),
            _ => Select::AllProjected,
        },
        limit: NonZeroU32::new(draws.below(30) as u32),
        start: None,
    }
}

/// A query or scan of the table or an index, of any stretch.
fn page(draws: &mut Sequence, indexes: &[&str], consistency: ReadConsistency) -> PageRequest {
    let place = draws.below(indexes.len() as u64 + 1) as usize;
    let index = indexes.get(place).copied();
    let consistency = match index {
        Some("by-place") => ReadConsistency::Eventual,
        _ => consistency,
    };
    let mut options = options(draws, index, consistency);
    if index == Some("by-size") && draws.below(2) == 0 {
        options.select = Select::AllAttributes;
    }
    if draws.below(3) == 0 {
        let total = 1 + draws.below(4) as u32;
        let segment = draws.below(u64::from(total)) as u32;
        return PageRequest::Scan(Scan {
            segment: (draws.below(2) == 0).then_some(Segment { segment, total }),
            options,
        });
    }
    let partition = match index {
        Some("by-place") => ["here", "there"][draws.below(2) as usize].to_owned(),
        _ => draws.below(COLLECTIONS).to_string(),
    };
    let mut number = || KeyValue::Number((draws.below(SORTS) as i64).into());
    let (one, other) = (number(), number());
    let (low, high) = if one <= other {
        (one, other)
    } else {
        (other, one)
    };
    PageRequest::Query(Query {
        partition: KeyValue::String(partition.into()),
        sort: match draws.below(7) {
            0 => Some(SortCondition::Equal(low)),
            1 => Some(SortCondition::Less(low)),
            2 => Some(SortCondition::LessOrEqual(low)),
            3 => Some(SortCondition::Greater(low)),
            4 => Some(SortCondition::GreaterOrEqual(low)),
            5 => Some(SortCondition::Between(low, high)),
            _ => None,
        },
        direction: match draws.below(2) {
            0 => ScanDirection::Forward,
            _ => ScanDirection::Backward,
        },
        options,
    })
}

fn by_itself(table: &Table, request: &PageRequest) -> PageOutput {
    let page = match request {
        PageRequest::Query(query) => table.query(query),
        PageRequest::Scan(scan) => table.scan(scan),
    };
    page.expect("a page that can be")
}

fn behind(request: &PageRequest, page: &PageOutput) -> PageRequest {
    let mut next = request.clone();
    let start = &mut options_of(&mut next).start;
    start.clone_from(&page.last_evaluated_key);
    next
}

fn options_of(request: &mut PageRequest) -> &mut ReadOptions {
    let (PageRequest::Query(Query { options, .. }) | PageRequest::Scan(Scan { options, .. })) =
        request;
    options
}

/// What the roles answer.
fn ask(host: &mut Host, request: &PageRequest) -> Result<PageOutput, Error> {
    match host.page(request.clone())? {
        Answer::Paged(page) => Ok(page),
        other => panic!("{other:?} is no page"),
    }
}

/// Reads to the end, and compares page by page.
fn assert_alike(host: &mut Host, table: &Table, request: &PageRequest) -> usize {
    let mut next = request.clone();
    for pages in 1.. {
        let expected = by_itself(table, &next);
        let told = ask(host, &next).expect("a page that can be");
        assert_eq!(told, expected, "{next:?}");
        if expected.last_evaluated_key.is_none() {
            return pages;
        }
        next = behind(&next, &expected);
    }
    0
}

#[test]
fn pages_are_those_of_a_table_by_itself() {
    for (seed, schema) in [(1, schema()), (2, with_local())] {
        let has_local = !schema.local.is_empty();
        let mut shape = Shape::new(schema.clone());
        (shape.partitions, shape.index_partitions) = (5, 3);
        let mut host = Host::new(&shape, seed);
        let mut table = Table::new(schema, KeyHasher::default()).expect("a schema that can be");
        let mut draws = Seed(seed).stream("orders").sequence(0);
        let mut splits = 0;
        for n in 0..600 {
            let request = write(&mut draws, 16_000);
            carry_out(&mut table, &request);
            host.ask(request).expect("acceptable");
            if n % 150 == 149 {
                // Also inside an item collection, unless a local index holds it together.
                let keyspace = KeyspaceId((draws.below(2)) as u16);
                let directory = host.autoadmin().directory().clone();
                let map = directory.map(keyspace).expect("both have partitions");
                let at = match has_local || keyspace == KeyspaceId(1) {
                    true => map.middle(map.partitions()[0].id).expect("it has a middle"),
                    false => table.boundary(&kvrig_dynamo::key::PrimaryKey {
                        partition: KeyValue::String((splits % 2).to_string().into()),
                        sort: Some(KeyValue::Number((10 + 3 * splits as i64).into())),
                    }),
                };
                let partition = map.find(at.hash, at.sort.as_ref()).id;
                let group = GroupId {
                    keyspace,
                    partition,
                };
                let now = host.now;
                host.autoadmin().split_at(group, at, now);
                host.run_until(now + Span::from_secs(5));
                splits += 1;
                assert_eq!(host.autoadmin().splits(), splits, "{group:?}");
            }
        }
        host.run_until(host.now + Span::from_secs(2));
        assert_eq!(host.autoadmin().splits(), splits);
        let indexes: &[&str] = match has_local {
            true => &["by-place", "by-size"],
            false => &["by-place"],
        };
        let mut pages = 0;
        for n in 0..500 {
            let consistency = match n % 2 {
                0 => ReadConsistency::Strong,
                _ => ReadConsistency::Eventual,
            };
            let request = page(&mut draws, indexes, consistency);
            pages += assert_alike(&mut host, &table, &request);
        }
        assert!(pages > 1_000, "{pages}");
        // The whole table is larger than one page.
        let whole = PageRequest::Scan(Scan::default());
        assert!(assert_alike(&mut host, &table, &whole) > 1);
    }
}

#[test]
fn a_replica_that_is_behind_shows_the_table_as_it_was() {
    let local = with_local();
    let mut shape = Shape::new(local.clone());
    shape.delay_max = Span::from_millis(1);
    let mut host = Host::new(&shape, 3);
    let mut draws = Seed(3).stream("orders").sequence(0);
    let mut states = vec![Table::new(local, KeyHasher::default()).expect("a schema that can be")];
    let mut behind = 0;
    for n in 0..600 {
        let request = write(&mut draws, 200);
        let mut table = states[states.len() - 1].clone();
        carry_out(&mut table, &request);
        states.push(table);
        host.ask(request).expect("acceptable");
        let mut asked = page(&mut draws, &["by-size"], ReadConsistency::Eventual);
        if n % 2 == 0 {
            asked = PageRequest::Scan(Scan::default());
        }
        let told = ask(&mut host, &asked).expect("a page that can be");
        let mut last = states.iter().rev().take(50);
        let found = last.position(|table| by_itself(table, &asked) == told);
        behind += usize::from(found.expect("no state was ever like that") > 0);
    }
    assert!(behind > 50, "{behind} pages were behind");
}

#[test]
fn pages_are_whole_while_nodes_die_and_partitions_split() {
    for seed in 0..10 {
        let mut shape = Shape::new(with_local());
        (shape.partitions, shape.index_partitions, shape.nodes) = (3, 2, 4);
        let mut host = Host::new(&shape, seed);
        let mut draws = Seed(seed).stream("orders").sequence(0);
        let mut table = Table::new(with_local(), KeyHasher::default()).expect("it can be");
        for _ in 0..300 {
            let request = write(&mut draws, 200);
            carry_out(&mut table, &request);
            host.ask(request).expect("acceptable");
        }
        host.run_until(host.now + Span::from_secs(2));
        let start = host.now;
        let after = |millis| start + Span::from_millis(millis);
        let asked: Vec<(u64, PageRequest)> = (0..400)
            .map(|n| {
                let consistency = match n % 2 {
                    0 => ReadConsistency::Strong,
                    _ => ReadConsistency::Eventual,
                };
                let request = page(&mut draws, &["by-place", "by-size"], consistency);
                (host.page_at(after(n * 40), request.clone()), request)
            })
            .collect();
        for n in 0..3 {
            let node = ActorId(NODES + draws.below(4) as u32);
            let at = 500 + n * 5_000 + draws.below(1_000);
            host.crash_at(after(at), node);
            host.restart_at(after(at + draws.below(4_000)), node);
        }
        for keyspace in [KeyspaceId(0), KeyspaceId(1)] {
            let directory = host.autoadmin().directory().clone();
            let map = directory.map(keyspace).expect("both have partitions");
            let partition = map.partitions()[0].id;
            let at = map.middle(partition).expect("it has a middle");
            let group = GroupId {
                keyspace,
                partition,
            };
            let when = after(2_000 + draws.below(9_000));
            host.autoadmin().split_at(group, at, when);
        }
        host.run_until(after(30_000));
        let mut whole = 0;
        for (id, request) in &asked {
            match &host.told[id].answer {
                // It may end before a partition that nobody leads; what there is of it is right.
                Ok(Answer::Paged(told)) => {
                    let mut expected = by_itself(&table, request);
                    if told.scanned_count < expected.scanned_count {
                        let mut short = request.clone();
                        options_of(&mut short).limit = NonZeroU32::new(told.scanned_count as u32);
                        expected = by_itself(&table, &short);
                    } else {
                        whole += 1;
                    }
                    assert_eq!(*told, expected, "seed {seed}: {request:?}");
                }
                Err(Error::InternalServerError) => {}
                other => panic!("{other:?} is no page"),
            }
        }
        assert!(whole > 250, "seed {seed}: {whole} were whole");
    }
}

#[test]
fn a_page_ends_before_a_partition_that_throttles_and_goes_on_from_there() {
    let mut shape = Shape::new(super::schema());
    shape.partitions = 2;
    shape.delay_max = Span::ZERO;
    let mut host = Host::new(&shape, 1);
    let hasher = KeyHasher::default();
    let half = |name: &str| hasher.hash_text(name).place() >> 127;
    let names: Vec<String> = (0..40).map(|number| number.to_string()).collect();
    for name in &names {
        host.ask(put(super::item(name, 1))).expect("acceptable");
    }
    let upper = names.iter().find(|name| half(name) == 1);
    let upper = upper.expect("some lie in the upper half");
    let now = host.now;
    let scan = PageRequest::Scan(Scan {
        options: ReadOptions {
            consistency: ReadConsistency::Strong,
            ..ReadOptions::default()
        },
        ..Scan::default()
    });
    // A second's worth of reads of one key, at once.
    let reads: Vec<u64> = (0..3_500)
        .map(|_| host.ask_at(now, super::strong(upper)))
        .collect();
    let first = host.page_at(now, scan.clone());
    let Ok(Answer::Paged(page)) = host.await_answer(first) else {
        panic!("the lower half is not throttled");
    };
    let throttled = reads.iter().filter(|id| host.told[id].answer.is_err());
    assert_eq!(throttled.count(), 500);
    let lower = names.iter().filter(|name| half(name) == 0).count() as u64;
    assert_eq!(page.count, lower);
    assert_eq!(page.consumed.table.read.to_string(), "1");
    let next = behind(&scan, &page);
    let told = host.page(next.clone()).expect_err("nothing is left");
    let Error::Throttled { reason, .. } = told else {
        panic!("{told}");
    };
    assert_eq!(reason.name(), "TableReadKeyRangeThroughputExceeded");
    host.run_until(host.now + Span::from_secs(1));
    let rest = ask(&mut host, &next).expect("it has gained again");
    assert_eq!(rest.count + lower, names.len() as u64);
    assert_eq!(rest.last_evaluated_key, None);
}

#[test]
fn an_index_without_reads_left_is_named() {
    let mut schema = schema();
    schema.throughput = Throughput::Provisioned {
        read: 100,
        write: 100,
    };
    schema.global[0].throughput = Throughput::Provisioned {
        read: 1,
        write: 100,
    };
    let mut host = Host::new(&Shape::new(schema), 1);
    let query = |_| {
        let mut query = Query::new(KeyValue::String("here".into()));
        query.options.index = Some("by-place".into());
        PageRequest::Query(query)
    };
    // Five minutes of one unit are saved; each page takes half of one.
    let ids: Vec<u64> = (0..700)
        .map(|n| host.page_at(millis(n), query(n)))
        .collect();
    host.run_until(millis(2_000));
    let refused = ids
        .iter()
        .filter_map(|id| host.told[id].answer.as_ref().err());
    let refused: Vec<&Error> = refused.collect();
    assert!(
        refused.len().abs_diff(100) <= 5,
        "{} {:?}",
        refused.len(),
        refused[0]
    );
    let Error::Throttled { reason, resource } = refused[0] else {
        panic!("{}", refused[0]);
    };
    assert_eq!(reason.name(), "IndexReadProvisionedThroughputExceeded");
    assert_eq!(&**resource, "by-place");
}

#[test]
fn pages_that_cannot_be_are_refused_as_by_a_table() {
    let mut host = Host::new(&Shape::new(schema()), 1);
    let table = Table::new(schema(), KeyHasher::default()).expect("a schema that can be");
    let of = |options: ReadOptions| Scan {
        segment: None,
        options,
    };
    let index = |name: &str| ReadOptions {
        index: Some(name.into()),
        ..ReadOptions::default()
    };
    let strong = ReadOptions {
        consistency: ReadConsistency::Strong,
        ..index("by-place")
    };
    let all = ReadOptions {
        select: Select::AllAttributes,
        ..index("by-place")
    };
    let start = ReadOptions {
        start: Some(super::key("a")),
        ..ReadOptions::default()
    };
    for options in [index("by-nothing"), strong, all, start] {
        let scan = of(options);
        let expected = table.scan(&scan).expect_err("it cannot be");
        let told = host.page(PageRequest::Scan(scan)).expect_err("nor here");
        assert_eq!(told, expected);
    }
    let number = PageRequest::Query(Query::new(KeyValue::Number(1.into())));
    assert!(host.page(number).is_err());
    assert!(host.ask(delete("a")).is_err(), "it lacks a sort key");
}
