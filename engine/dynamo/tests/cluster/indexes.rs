//! Global indexes that follow their table late, and hold it up when they cannot.

use super::host::{Host, NODES, Shape, millis};
use super::{delete, put};
use kvrig_base::id::ActorId;
use kvrig_base::random::Seed;
use kvrig_base::time::Span;
use kvrig_dynamo::index::IndexRule;
use kvrig_dynamo::key::{KeySchema, ScalarType};
use kvrig_dynamo::roles::{Answer, INDEX_BACKLOG_MAX, KeyspaceId};
use kvrig_dynamo::schema::{Projection, Throughput};
use kvrig_dynamo::{Error, Item, TableSchema};

const INDEX: KeyspaceId = KeyspaceId(1);

fn schema() -> TableSchema {
    TableSchema::new("orders", KeySchema::simple("pk", ScalarType::String)).global(
        "by-status",
        KeySchema::simple("status", ScalarType::String),
        Projection::KeysOnly,
    )
}

fn order(name: &str, status: &str, note: u64) -> Item {
    Item::from([
        ("pk", name.into()),
        ("status", status.into()),
        ("note", (note as i64).into()),
    ])
}

/// The entries that the index has, and those that it should have by the table, both sorted.
fn entries(host: &Host) -> (Vec<String>, Vec<String>) {
    let contents = host.contents.borrow();
    let found = contents.index_items(INDEX).map(|item| format!("{item:?}"));
    let mut found: Vec<String> = found.collect();
    let rules = IndexRule::all(&schema());
    let table = contents
        .table(KeyspaceId(0))
        .expect("the first is the table");
    let page = table.scan(&Default::default()).expect("a plain scan");
    assert_eq!(
        page.last_evaluated_key, None,
        "the tests' tables fit a page"
    );
    let entries = page.items.iter().filter_map(|item| rules[0].entry(item));
    let mut expected: Vec<String> = entries.map(|entry| format!("{:?}", entry.item)).collect();
    found.sort();
    expected.sort();
    (found, expected)
}

#[test]
fn an_index_follows_its_table_late_and_in_full() {
    let mut host = Host::new(&Shape::new(schema()), 1);
    let written = host.ask(put(order("a", "open", 0))).expect("acceptable");
    let Answer::Wrote(output) = written else {
        panic!("{written:?}");
    };
    assert_eq!(
        output.consumed.total().write.0,
        2,
        "the table and its index"
    );
    host.ask(put(order("b", "open", 0))).expect("acceptable");
    assert!(
        host.contents.borrow().index_items(INDEX).count() < 2,
        "it lags"
    );
    host.ask(put(order("a", "paid", 1))).expect("acceptable");
    host.ask(delete("b")).expect("acceptable");
    host.run_until(host.now + Span::from_millis(100));
    let (found, expected) = entries(&host);
    assert_eq!(found, expected);
    assert_eq!(found.len(), 1);
}

#[test]
fn an_index_has_everything_after_crashes_and_splits() {
    for seed in 0..25 {
        let mut shape = Shape::new(schema());
        shape.delay_max = Span::from_millis(10);
        (shape.index_partitions, shape.nodes) = (2, 4);
        let mut host = Host::new(&shape, seed);
        let mut draws = Seed(seed).stream("orders").sequence(0);
        for n in 0..1_500 {
            let name = draws.below(40).to_string();
            let request = match draws.below(5) {
                0 => delete(&name),
                _ => put(order(
                    &name,
                    ["open", "paid", "sent"][draws.below(3) as usize],
                    n,
                )),
            };
            host.ask_at(millis(n * 10), request);
        }
        for n in 0..5 {
            let node = ActorId(NODES + draws.below(4) as u32);
            let at = 1_000 + n * 3_000 + draws.below(1_000);
            host.crash_at(millis(at), node);
            host.restart_at(millis(at + draws.below(3_000)), node);
        }
        for keyspace in [KeyspaceId(0), INDEX] {
            let directory = host.autoadmin().directory().clone();
            let map = directory.map(keyspace).expect("both have partitions");
            let partition = map.partitions()[0].id;
            let at = map.middle(partition).expect("it has a middle");
            let group = kvrig_dynamo::roles::GroupId {
                keyspace,
                partition,
            };
            let when = millis(2_000 + draws.below(9_000));
            host.autoadmin().split_at(group, at, when);
        }
        host.run_until(millis(30_000));
        assert_eq!(host.autoadmin().splits(), 2, "seed {seed}");
        let (found, expected) = entries(&host);
        assert_eq!(found, expected, "seed {seed}");
        assert!(found.len() > 10);
    }
}

#[test]
fn what_a_table_held_before_is_filled_in_while_it_changes() {
    for seed in 0..10 {
        let mut shape = Shape::new(schema());
        (shape.partitions, shape.index_partitions) = (2, 2);
        shape.delay_max = Span::from_millis(8);
        let mut host = Host::new(&shape, seed);
        let mut draws = Seed(seed).stream("orders").sequence(0);
        for n in 0..3_000 {
            let item = order(&n.to_string(), ["open", "paid"][(n % 2) as usize], 0);
            let put = kvrig_dynamo::table::PutItem {
                item,
                ..Default::default()
            };
            let mut contents = host.contents.borrow_mut();
            let table = contents.table_mut(KeyspaceId(0)).expect("the table");
            table.put(put).expect("acceptable");
        }
        for n in 0..400 {
            let name = draws.below(3_000).to_string();
            let request = match draws.below(3) {
                0 => delete(&name),
                _ => put(order(&name, "sent", n)),
            };
            host.ask_at(millis(n), request);
        }
        let node = ActorId(NODES + (seed % 3) as u32);
        host.crash_at(millis(100), node);
        host.restart_at(millis(3_000), node);
        host.run_until(millis(150));
        let partly = host.contents.borrow().index_items(INDEX).count();
        assert!(
            (1..2_900).contains(&partly),
            "seed {seed}: {partly} so soon"
        );
        host.run_until(millis(15_000));
        let (found, expected) = entries(&host);
        assert_eq!(found, expected, "seed {seed}");
        assert!(found.len() > 2_800);
    }
}

#[test]
fn an_index_that_is_short_of_writes_throttles_its_table_and_is_named() {
    let mut schema = schema().throughput(Throughput::Provisioned {
        read: 100,
        write: 100,
    });
    schema.global[0].throughput = Throughput::Provisioned { read: 1, write: 1 };
    let mut host = Host::new(&Shape::new(schema), 1);
    let secs = 400;
    let ids: Vec<u64> = (0..secs * 20)
        .map(|n| host.ask_at(millis(n * 50), put(order(&n.to_string(), "open", n))))
        .collect();
    host.run_until(millis(secs * 1_000 + 2_000));
    let answers = ids.iter().map(|id| &host.told[id].answer);
    let (done, refused): (Vec<_>, Vec<_>) = answers.partition(|answer| answer.is_ok());
    // Five minutes of one unit are saved, so many changes may wait, and one a second follows.
    let expected = 300 + INDEX_BACKLOG_MAX + secs;
    let done = done.len() as u64;
    assert!(done.abs_diff(expected) < 30, "{done} instead of {expected}");
    for answer in refused {
        let Err(Error::Throttled { reason, resource }) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(reason.name(), "IndexWriteProvisionedThroughputExceeded");
        assert_eq!(&**resource, "by-status");
    }
    let backlog = host
        .node(host.leader(0).expect("one leads"))
        .index_backlog(host.group(0));
    assert!(backlog[0].abs_diff(INDEX_BACKLOG_MAX) < 10, "{backlog:?}");
}
