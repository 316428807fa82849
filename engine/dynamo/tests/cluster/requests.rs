//! Single requests through router, leader and followers.

use super::host::{Shape, millis};
use super::{delete, eventual, host, item, put, schema, strong, value};
use kvrig_base::time::Span;
use kvrig_dynamo::Error;
use kvrig_dynamo::expression::{Condition, DocumentPath};
use kvrig_dynamo::roles::{Answer, NOTICE_SPAN, Request};
use kvrig_dynamo::schema::Throughput;
use kvrig_dynamo::table::{Precondition, PutItem};

#[test]
fn an_item_that_was_put_is_read_strongly_at_once() {
    let mut host = host(&Shape::new(schema()));
    let written = host.ask(put(item("a", 1))).expect("it is acceptable");
    let Answer::Wrote(output) = written else {
        panic!("{written:?}");
    };
    assert_eq!(output.consumed.table.write.to_string(), "1");
    assert_eq!(value(&host.ask(strong("a"))), Some(1));
    assert_eq!(value(&host.ask(strong("b"))), None);
    host.ask(delete("a")).expect("it is acceptable");
    assert_eq!(value(&host.ask(strong("a"))), None);
}

#[test]
fn every_replica_has_what_was_written_soon_after() {
    let mut host = host(&Shape::new(schema()));
    for number in 1..=10 {
        host.ask(put(item("a", number))).expect("it is acceptable");
        host.run_until(host.now + NOTICE_SPAN + Span::from_millis(5));
        for _ in 0..3 {
            assert_eq!(value(&host.ask(eventual("a"))), Some(number));
        }
    }
    assert_eq!(host.contents.borrow().changes_kept(), 0, "nobody is behind");
}

#[test]
fn an_eventual_read_may_be_behind_and_a_strong_one_is_not() {
    let mut shape = Shape::new(schema());
    shape.delay_max = Span::from_millis(20);
    let mut host = host(&shape);
    let mut stale = 0;
    for number in 1..=200 {
        host.ask(put(item("a", number))).expect("it is acceptable");
        if value(&host.ask(eventual("a"))) != Some(number) {
            stale += 1;
        }
        assert_eq!(value(&host.ask(strong("a"))), Some(number));
    }
    assert!(
        (1..200).contains(&stale),
        "{stale} of 200 reads were behind"
    );
}

#[test]
fn a_condition_is_judged_on_what_was_written_before() {
    let mut host = host(&Shape::new(schema()));
    let path = DocumentPath::new("pk");
    let first = |number| {
        Request::Put(PutItem {
            item: item("a", number),
            precondition: Precondition::on(Condition::AttributeNotExists(path.clone())),
            ..PutItem::default()
        })
    };
    let ids: Vec<u64> = (0..5).map(|n| host.ask_at(millis(10), first(n))).collect();
    host.run_until(millis(100));
    let answers = ids.iter().map(|id| &host.told[id].answer);
    let (done, failed): (Vec<_>, Vec<_>) = answers.partition(|answer| answer.is_ok());
    assert_eq!(done.len(), 1);
    for answer in failed {
        assert!(
            matches!(answer, Err(Error::ConditionalCheckFailed { .. })),
            "{answer:?}"
        );
    }
}

#[test]
fn a_table_that_is_not_there_and_a_key_that_does_not_fit_are_told() {
    let mut host = host(&Shape::new(schema()));
    let wrong = kvrig_dynamo::Item::from([("other", "a".into())]);
    let answer = host.ask(put(wrong));
    assert!(matches!(answer, Err(Error::Validation(_))), "{answer:?}");
    let answer = host.ask(Request::Get(kvrig_dynamo::table::GetItem::new(item(
        "a", 1,
    ))));
    assert!(matches!(answer, Err(Error::Validation(_))), "{answer:?}");
}

#[test]
fn a_table_admits_what_it_is_provisioned_for_and_its_burst() {
    let throughput = Throughput::Provisioned { read: 10, write: 2 };
    let mut host = host(&Shape::new(schema().throughput(throughput)));
    let mut ids = Vec::new();
    // 300 s of two units are saved; 100 s more gain 200.
    for n in 0..2_000 {
        ids.push(host.ask_at(millis(n * 50), put(item("a", n as i64))));
    }
    host.run_until(millis(101_000));
    let answers: Vec<_> = ids.iter().map(|id| &host.told[id].answer).collect();
    let done = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!((760..=800).contains(&done), "{done}");
    let names = answers.iter().filter_map(|answer| match answer {
        Err(Error::Throttled { reason, resource }) => Some((reason.name(), &**resource)),
        _ => None,
    });
    let name = "TableWriteProvisionedThroughputExceeded".to_owned();
    assert!(names.clone().all(|one| one == (name.clone(), "simple")));
    assert_eq!(names.count(), 2_000 - done);
}
