//! Expansion by the threads of a server.

mod common;

use common::Host;
use kvrig_base::seam::{Cause, Counter, Work};
use kvrig_base::time::Span;
use kvrig_tables::TableEventKind;
use std::iter;

fn fill(host: &mut Host, keys: std::ops::Range<u32>) {
    for key in keys {
        host.store.load(
            format!("key:{key}").as_bytes(),
            b"value",
            &mut Work::unkept(),
        );
    }
}

#[test]
fn the_clock_wakes_the_maintainer_once_a_second_and_all_workers_stop_for_the_swap() {
    let mut host = Host::new();
    fill(&mut host, 0..6_145);
    host.pass(Span::from_millis(999));
    assert_eq!(
        host.seen,
        Vec::<&str>::new(),
        "a burst overshoots until the clock looks"
    );
    host.pass(Span::from_millis(1));
    assert_eq!(host.seen, ["send", "stop", "resume"]);
    let events: Vec<_> = iter::from_fn(|| host.store.table().take_event())
        .map(|event| event.kind)
        .collect();
    let (from, to, moved) = (4_096, 8_192, 6_145);
    assert_eq!(
        events,
        [
            TableEventKind::Started { from, to },
            TableEventKind::Ended { from, to, moved },
            TableEventKind::Freed {
                buckets: from,
                pages: 8
            },
        ]
    );
    assert_eq!(host.store.table().power(), 13);
    for key in 0..6_145 {
        let reply = host.say(&format!("get key:{key}\r\n"));
        assert!(reply.starts_with("VALUE"), "key:{key}");
    }
}

#[test]
fn one_and_a_half_items_a_bucket_are_not_too_many() {
    let mut host = Host::new();
    fill(&mut host, 0..6_144);
    host.pass(Span::from_secs(3));
    assert_eq!(host.seen, Vec::<&str>::new());
    fill(&mut host, 6_144..6_145);
    host.pass(Span::from_secs(1));
    assert_eq!(host.seen.len(), 3);
}

#[test]
fn a_bucket_moves_under_its_lock_and_the_last_one_frees_the_old_array() {
    let mut host = Host::new();
    fill(&mut host, 0..5_000);
    host.work.begin();
    let table = host.store.table();
    table.expand(&mut host.work);
    assert_eq!(host.work.counts().get(Counter::AllocationsLarge), 1);
    for _ in 0..4_095 {
        host.work.begin();
        table.move_bucket(&mut host.work);
        let causes: Vec<_> = host.work.segments().iter().map(|part| part.cause).collect();
        assert_eq!(causes, [Cause::RehashStep]);
    }
    host.work.begin();
    table.move_bucket(&mut host.work);
    let causes: Vec<_> = host.work.segments().iter().map(|part| part.cause).collect();
    assert_eq!(causes, [Cause::FreeTable, Cause::RehashStep]);
    assert_eq!(table.rehash(), None);
}
