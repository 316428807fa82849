//! Partitions that are split under load.

use super::host::{Host, Shape, millis};
use super::{item, put, schema, strong, value};
use kvrig_base::random::Seed;
use kvrig_base::time::Span;
use kvrig_dynamo::roles::{GroupId, KeyspaceId, SplitPolicy};
use std::collections::BTreeMap;

#[test]
fn a_split_under_load_loses_nothing_and_refuses_nobody() {
    let mut host = Host::new(&Shape::new(schema()), 1);
    let mut draws = Seed(1).stream("keys").sequence(0);
    let mut last = BTreeMap::new();
    let mut ids = Vec::new();
    for n in 0..5_000 {
        let name = draws.below(300).to_string();
        ids.push((
            host.ask_at(millis(n * 2), put(item(&name, n as i64))),
            name,
            n as i64,
        ));
    }
    for round in 1..4 {
        host.run_until(millis(round * 2_000));
        let directory = host.autoadmin().directory().clone();
        let map = directory.map(KeyspaceId(0)).expect("it is the table");
        for partition in map.partitions() {
            let group = GroupId {
                keyspace: KeyspaceId(0),
                partition: partition.id,
            };
            let at = map.middle(partition.id).expect("it has a middle");
            let now = host.now;
            host.autoadmin().split_at(group, at, now);
        }
    }
    host.run_until(millis(15_000));
    assert_eq!(host.autoadmin().splits(), 7);
    assert_eq!(host.autoadmin().directory().groups().count(), 8);
    for (id, name, n) in ids {
        assert!(host.told[&id].answer.is_ok(), "{:?}", host.told[&id]);
        last.insert(name, n);
    }
    for (name, n) in last {
        assert_eq!(value(&host.ask(strong(&name))), Some(n));
    }
}

#[test]
fn a_hot_partition_is_split_where_its_load_divides_and_then_does_twice_as_much() {
    let mut shape = Shape::new(schema());
    shape.splits = SplitPolicy {
        delay: Some(Span::from_secs(120)),
    };
    let mut host = Host::new(&shape, 1);
    let secs = 240;
    let mut ids = Vec::new();
    for n in 0..secs * 1_600_i64 {
        let name = (n % 97).to_string();
        let at = host.now + Span::from_micros(625);
        ids.push(host.ask_at(at, put(item(&name, n))));
        host.run_until(at);
    }
    host.run_until(host.now + Span::from_secs(1));
    assert!(host.autoadmin().splits() >= 1);
    let throttled = |from: i64, to: i64| {
        let range = &ids[(from * 1_600) as usize..(to * 1_600) as usize];
        range
            .iter()
            .filter(|id| host.told[id].answer.is_err())
            .count() as u64
    };
    let before = throttled(60, 160);
    assert!(
        before.abs_diff(100 * 600) < 2_000,
        "a partition does 1,000 a second: {before}"
    );
    assert_eq!(throttled(220, 240), 0, "two do all");
}

#[test]
fn one_hot_item_is_never_split() {
    let mut shape = Shape::new(schema());
    shape.splits = SplitPolicy {
        delay: Some(Span::from_secs(10)),
    };
    let mut host = Host::new(&shape, 1);
    for n in 0..150 * 1_200 {
        let at = host.now + Span::from_micros(833);
        host.ask_at(at, put(item("hot", n)));
        host.run_until(at);
    }
    assert_eq!(host.autoadmin().splits(), 0);
}
