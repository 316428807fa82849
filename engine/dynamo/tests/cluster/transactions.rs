//! Transactions over several partitions: all or nothing, and what those who meet are told.

use super::host::{COORDINATOR, Host, NODES, Shape, millis};
use super::{item, key, put, schema, strong, value};
use kvrig_base::id::ActorId;
use kvrig_base::random::Seed;
use kvrig_base::time::Span;
use kvrig_dynamo::database::{TransactAction, TransactWrite, TransactWriteItems};
use kvrig_dynamo::error::CancellationReason;
use kvrig_dynamo::expression::{Condition, DocumentPath, SetAction, Update};
use kvrig_dynamo::key::{KeyHasher, KeySchema, ScalarType};
use kvrig_dynamo::roles::Answer;
use kvrig_dynamo::schema::{Projection, Throughput};
use kvrig_dynamo::table::{Precondition, PutItem, UpdateItem};
use kvrig_dynamo::{Database, Error, TableSchema};

fn action(action: TransactAction) -> TransactWrite {
    TransactWrite {
        table: "simple".into(),
        action,
    }
}

/// Puts one value under all names.
pub(crate) fn puts(names: &[&str], value: i64) -> TransactWriteItems {
    let puts = names.iter().map(|name| {
        action(TransactAction::Put(PutItem {
            item: item(name, value),
            ..PutItem::default()
        }))
    });
    TransactWriteItems {
        actions: puts.collect(),
        client_token: None,
    }
}

fn shape() -> Shape {
    let mut shape = Shape::new(schema());
    shape.partitions = 4;
    shape
}

fn transact(host: &mut Host, request: TransactWriteItems) -> Result<Answer, Error> {
    let id = host.transact_at(host.now, request);
    host.await_answer(id)
}

#[test]
fn a_transaction_writes_all_its_items_at_twice_the_price() {
    let mut host = Host::new(&shape(), 1);
    let names = ["a", "b", "c", "d", "e", "f"];
    let answer = transact(&mut host, puts(&names, 7)).expect("nothing is in its way");
    let Answer::Transacted(output) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(output.consumed[0].1.table.write.0, 12);
    for name in names {
        assert_eq!(value(&host.ask(strong(name))), Some(7));
    }
}

#[test]
fn a_failed_condition_cancels_the_transaction_and_names_its_action() {
    let mut host = Host::new(&shape(), 1);
    let mut request = puts(&["a", "b"], 1);
    let exists = Condition::AttributeExists(DocumentPath::new("v"));
    request.actions.insert(
        1,
        action(TransactAction::ConditionCheck {
            key: key("c"),
            precondition: Precondition::on(exists),
        }),
    );
    let answer = transact(&mut host, request);
    let Err(Error::TransactionCanceled(cancellation)) = answer else {
        panic!("{answer:?}");
    };
    let codes: Vec<_> = cancellation
        .reasons
        .iter()
        .map(CancellationReason::code)
        .collect();
    assert_eq!(codes, ["None", "ConditionalCheckFailed", "None"]);
    for name in ["a", "b"] {
        assert_eq!(value(&host.ask(strong(name))), None);
        host.ask(put(item(name, 2)))
            .expect("the item is free again");
    }
}

/// A table with a global index by the number `n`.
fn indexed() -> TableSchema {
    let key = KeySchema::simple("n", ScalarType::Number);
    schema().global("by-n", key, Projection::All)
}

/// What the roles say of a transaction on that table must be what a database by itself says.
fn assert_alike(request: &TransactWriteItems) -> Error {
    let mut shape = shape();
    shape.schema = indexed();
    let mut host = Host::new(&shape, 1);
    let mut database = Database::new(KeyHasher::default());
    database
        .create_table(indexed())
        .expect("a schema that can be");
    let told = transact(&mut host, request.clone()).expect_err("an index cannot hold it");
    let expected = database.transact_write(request, host.now);
    assert_eq!(
        told.to_string(),
        expected.expect_err("nor here").to_string()
    );
    for name in ["a", "b"] {
        assert_eq!(value(&host.ask(strong(name))), None, "nothing is written");
    }
    told
}

#[test]
fn an_item_that_a_global_index_cannot_hold_is_refused_in_a_transaction() {
    let mut request = puts(&["a", "b"], 1);
    let TransactAction::Put(put) = &mut request.actions[1].action else {
        panic!("puts are puts");
    };
    put.item.insert("n", "text".into());
    let told = assert_alike(&request);
    assert_eq!(told.code(), "ValidationException");
    assert!(told.to_string().contains("by-n"), "{told}");
}

#[test]
fn an_update_to_what_a_global_index_cannot_hold_cancels_its_transaction() {
    let mut request = puts(&["a"], 1);
    let update = Update {
        set: vec![(DocumentPath::new("n"), SetAction::value("text"))],
        ..Update::default()
    };
    request
        .actions
        .push(action(TransactAction::Update(UpdateItem {
            key: key("b"),
            update,
            ..UpdateItem::default()
        })));
    let Error::TransactionCanceled(cancellation) = assert_alike(&request) else {
        panic!("what an item makes impossible cancels");
    };
    let reasons = cancellation.reasons.iter();
    let codes: Vec<_> = reasons.map(CancellationReason::code).collect();
    assert_eq!(codes, ["None", "ValidationError"]);
}

#[test]
fn who_meets_a_transaction_is_told_of_the_conflict() {
    let mut slow = shape();
    slow.delay_max = Span::from_millis(20);
    let mut host = Host::new(&slow, 1);
    host.ask(put(item("a", 0))).expect("acceptable");
    let mut conflicts = (0, 0);
    for n in 0..50 {
        let now = host.now;
        let first = host.transact_at(now, puts(&["a", "b"], 2 * n));
        let second = host.transact_at(now, puts(&["b", "a"], 2 * n + 1));
        let alone = host.ask_at(now + Span::from_millis(30), put(item("a", -1)));
        for id in [first, second] {
            if let Err(error) = host.await_answer(id) {
                let Error::TransactionCanceled(cancellation) = error else {
                    panic!("{error}");
                };
                let is_conflict = |one: &CancellationReason| one.code() == "TransactionConflict";
                assert!(cancellation.reasons.iter().any(is_conflict));
                conflicts.0 += 1;
            }
        }
        if let Err(error) = host.await_answer(alone) {
            assert_eq!(error.code(), "TransactionConflictException");
            conflicts.1 += 1;
        }
    }
    assert!(conflicts.0 > 20 && conflicts.1 > 5, "{conflicts:?}");
}

#[test]
fn a_token_carries_a_transaction_out_once() {
    let mut host = Host::new(&shape(), 1);
    let mut request = puts(&["a", "b"], 1);
    request.client_token = Some("token".into());
    transact(&mut host, request.clone()).expect("the first time");
    host.ask(put(item("a", 2))).expect("acceptable");
    let again = transact(&mut host, request.clone()).expect("the second time");
    let Answer::Transacted(output) = again else {
        panic!("{again:?}");
    };
    assert_eq!(output.consumed[0].1.table.write.0, 0);
    assert_eq!(output.consumed[0].1.table.read.to_string(), "4");
    assert_eq!(value(&host.ask(strong("a"))), Some(2));
    request.actions.pop();
    let other = transact(&mut host, request);
    assert_eq!(other, Err(Error::IdempotentParameterMismatch));
}

#[test]
fn a_table_admits_half_as_many_writes_in_transactions() {
    let mut shape = shape();
    let throughput = Throughput::Provisioned { read: 10, write: 4 };
    shape.schema = shape.schema.throughput(throughput);
    let mut host = Host::new(&shape, 1);
    let ids: Vec<u64> = (0..2_000)
        .map(|n| host.transact_at(millis(n * 50), puts(&["a", "b"], n as i64)))
        .collect();
    host.run_until(millis(101_000));
    let answers: Vec<_> = ids.iter().map(|id| &host.told[id].answer).collect();
    // 300 s of four units are saved; 100 s more gain 400; each takes four.
    let done = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!((380..=400).contains(&done), "{done}");
    for refused in answers
        .into_iter()
        .filter_map(|answer| answer.as_ref().err())
    {
        let Error::TransactionCanceled(cancellation) = refused else {
            panic!("{refused}");
        };
        let reasons = cancellation.reasons.iter();
        let codes: Vec<_> = reasons.map(CancellationReason::code).collect();
        assert_eq!(codes, ["ProvisionedThroughputExceeded"; 2]);
        assert!(cancellation.consumed.is_empty(), "nothing was done");
    }
}

#[test]
fn items_of_a_transaction_stay_together_through_crashes() {
    for seed in 0..40 {
        let mut shape = shape();
        shape.delay_max = Span::from_millis(1 + seed % 20);
        let mut host = Host::new(&shape, seed);
        let mut draws = Seed(seed).stream("transactions").sequence(0);
        let pairs = [["a", "b"], ["c", "d"], ["e", "f"]];
        let mut ids = Vec::new();
        for n in 0..300 {
            let pair = pairs[draws.below(3) as usize];
            let at = millis(n * 50 + draws.below(50));
            ids.push(host.transact_at(at, puts(&pair, n as i64)));
        }
        for n in 0..6 {
            let at = 500 + n * 2_500 + draws.below(1_500);
            let actor = match draws.below(4) {
                3 => COORDINATOR,
                node => ActorId(NODES + node as u32),
            };
            host.crash_at(millis(at), actor);
            host.restart_at(millis(at + 100 + draws.below(2_500)), actor);
        }
        host.run_until(millis(30_000));
        let answers = ids.iter().filter_map(|id| host.told.get(id));
        let done = answers.filter(|told| told.answer.is_ok()).count();
        assert!(done > 50, "seed {seed}: {done}");
        for pair in pairs {
            let [one, other] = pair.map(|name| value(&host.ask(strong(name))));
            assert_eq!(one, other, "seed {seed}: {pair:?}");
            for name in pair {
                host.ask(put(item(name, -1)))
                    .expect("no item is kept for ever");
            }
        }
    }
}
