//! Batches and transactions: what they share, what each is charged, and when nothing happens.

mod common;

use common::*;
use kvrig_base::time::{Span, Time};
use kvrig_dynamo::capacity::{IndexId, ReadConsistency, WriteUnits};
use kvrig_dynamo::database::{
    BatchGetItem, BatchWriteItem, KeysToGet, TransactAction, TransactGet, TransactGetItems,
    TransactWrite, TransactWriteItems, WriteRequest,
};
use kvrig_dynamo::error::CancellationReason;
use kvrig_dynamo::expression::{Condition, SetAction, Update};
use kvrig_dynamo::key::{KeySchema, ScalarType};
use kvrig_dynamo::schema::Projection;
use kvrig_dynamo::table::{DeleteItem, GetItem, Precondition, PutItem, ReturnOld, UpdateItem};
use kvrig_dynamo::{AttributeMap, Database, Error, Item};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn database() -> Database {
    let mut database = Database::default();
    let status = KeySchema::simple("status", ScalarType::String);
    let simple = simple().global("by-status", status, Projection::KeysOnly);
    database.create_table(simple).expect("a new name");
    database.create_table(composite()).expect("a new name");
    database
}

fn find(database: &Database, key: AttributeMap) -> Option<Item> {
    let table = database.table("simple").expect("it was created");
    table
        .get(&GetItem::new(key))
        .expect("a key of the schema")
        .item
}

fn batch_write(requests: Vec<WriteRequest>) -> BatchWriteItem {
    BatchWriteItem {
        tables: [("simple".into(), requests)].into(),
    }
}

fn action(action: TransactAction) -> TransactWrite {
    TransactWrite {
        table: "simple".into(),
        action,
    }
}

fn put_action(item: Item) -> TransactWrite {
    action(TransactAction::Put(PutItem {
        item,
        ..PutItem::default()
    }))
}

fn check(key: &str, condition: Condition, on_failure: ReturnOld) -> TransactWrite {
    action(TransactAction::ConditionCheck {
        key: pk(key),
        precondition: Precondition {
            condition: Some(condition),
            on_failure,
        },
    })
}

fn transaction(actions: Vec<TransactWrite>, token: Option<&str>) -> TransactWriteItems {
    TransactWriteItems {
        actions,
        client_token: token.map(Into::into),
    }
}

#[test]
fn tables_have_names_of_their_own() {
    let mut database = database();
    let error = database.create_table(composite()).unwrap_err();
    assert_eq!(
        told(&error),
        (
            "ResourceInUseException",
            "Table already exists: composite".into()
        )
    );
    assert_eq!(database.delete_table("composite").unwrap().item_count(), 0);
    assert_eq!(
        told(&database.delete_table("composite").unwrap_err()),
        (
            "ResourceNotFoundException",
            "Requested resource not found".into()
        )
    );
    assert_eq!(database.tables().len(), 1);
}

#[test]
fn a_batch_of_writes_is_all_checked_before_any_is_made() {
    let mut database = database();
    let put = |key: &str| WriteRequest::Put(pk(key));
    let refused = |database: &mut Database, requests: Vec<WriteRequest>| {
        database
            .batch_write(batch_write(requests))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refused(&mut database, vec![put("a"), WriteRequest::Delete(pk("a"))]),
        "Provided list of item keys contains duplicates"
    );
    assert!(
        refused(
            &mut database,
            vec![put("a"), WriteRequest::Put(Item::new())]
        )
        .contains("Missing the key")
    );
    let many = (0..26).map(|number| put(&number.to_string())).collect();
    assert!(
        refused(&mut database, many)
            .starts_with("Too many items requested for the BatchWriteItem call")
    );
    assert!(refused(&mut database, vec![]).contains("at least one"));
    assert_eq!(find(&database, pk("a")), None);
    let requests = vec![put("a"), put("b"), WriteRequest::Delete(pk("c"))];
    let output = database.batch_write(batch_write(requests)).unwrap();
    assert_eq!(output.consumed[0].1.table.write, WriteUnits(3));
    assert!(find(&database, pk("a")).is_some());
}

#[test]
fn a_batch_of_reads_leaves_what_would_exceed_16_mb() {
    let mut database = database();
    let keys: Vec<_> = (0..50).map(|number| pk(&number.to_string())).collect();
    for key in &keys {
        put(
            database.table_mut("simple").unwrap(),
            sized(key.clone(), 400 * 1024),
        );
    }
    let wanted = KeysToGet {
        keys,
        consistency: ReadConsistency::Strong,
        projection: vec!["pk".into()],
    };
    let request = BatchGetItem {
        tables: [("simple".into(), wanted)].into(),
    };
    let output = database.batch_get(&request).unwrap();
    assert_eq!(output.items["simple"].len(), 40);
    assert_eq!(output.unprocessed["simple"].keys.len(), 10);
    assert_eq!(output.unprocessed["simple"].projection.len(), 1);
    assert_eq!(output.consumed[0].1.table.read.to_string(), "4000");
    let rest = BatchGetItem {
        tables: output.unprocessed,
    };
    let output = database.batch_get(&rest).unwrap();
    assert_eq!(
        (output.items["simple"].len(), output.unprocessed.len()),
        (10, 0)
    );
}

#[test]
fn a_batch_of_reads_is_refused_whole() {
    let database = database();
    let refused = |name: &str, keys: Vec<AttributeMap>| {
        let wanted = KeysToGet {
            keys,
            ..KeysToGet::default()
        };
        let request = BatchGetItem {
            tables: [(name.into(), wanted)].into(),
        };
        told(&database.batch_get(&request).unwrap_err())
    };
    assert_eq!(
        refused("simple", vec![pk("a"), pk("a")]).1,
        "Provided list of item keys contains duplicates"
    );
    assert_eq!(
        refused("absent", vec![pk("a")]).0,
        "ResourceNotFoundException"
    );
    assert_eq!(
        refused("simple", vec![pk_sk("a", 1)]).1,
        "The provided key element does not match the schema"
    );
    let many = (0..101).map(|number| pk(&number.to_string())).collect();
    assert!(refused("simple", many).1.starts_with("Too many items"));
}

#[test]
fn a_transaction_writes_all_and_doubles_the_tables_alone() {
    let mut database = database();
    put(
        database.table_mut("simple").unwrap(),
        sized(pk("old"), 1_500),
    );
    let mut with_status = pk("new");
    with_status.insert("status", "open".into());
    let actions = vec![
        put_action(with_status),
        action(TransactAction::Delete(DeleteItem {
            key: pk("old"),
            ..DeleteItem::default()
        })),
        action(TransactAction::Update(UpdateItem {
            key: pk("counter"),
            update: Update::new().add("n", 1),
            ..UpdateItem::default()
        })),
        check(
            "absent",
            Condition::AttributeNotExists("pk".into()),
            ReturnOld::None,
        ),
    ];
    let output = database
        .transact_write(&transaction(actions, None), Time::START)
        .unwrap();
    let consumed = &output.consumed[0].1;
    assert_eq!(consumed.table.write, WriteUnits(2 + 4 + 2 + 2));
    assert_eq!(consumed.index(IndexId::Global(0)).write, WriteUnits(1));
    assert_eq!(find(&database, pk("old")), None);
    assert!(find(&database, pk("counter")).is_some());
}

#[test]
fn a_cancelled_transaction_writes_nothing_and_gives_a_reason_for_each_action() {
    let mut database = database();
    let old = sized(pk("old"), 2_000);
    put(database.table_mut("simple").unwrap(), old.clone());
    let actions = vec![
        put_action(pk("new")),
        check(
            "old",
            Condition::AttributeNotExists("pk".into()),
            ReturnOld::AllOld,
        ),
        action(TransactAction::Update(UpdateItem {
            key: pk("other"),
            update: Update::new().set(
                "a",
                SetAction::To(kvrig_dynamo::expression::SetOperand::Path("absent".into())),
            ),
            ..UpdateItem::default()
        })),
    ];
    let error = database
        .transact_write(&transaction(actions, Some("token")), Time::START)
        .unwrap_err();
    assert_eq!(
        told(&error),
        (
            "TransactionCanceledException",
            "Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed, ValidationError]".into()
        )
    );
    let Error::TransactionCanceled(cancellation) = error else {
        panic!("told above");
    };
    let item = Some(Box::new(old));
    assert_eq!(
        cancellation.reasons[1],
        CancellationReason::ConditionalCheckFailed { item }
    );
    assert_eq!(
        cancellation.consumed[0].1.table.write,
        WriteUnits(2 + 4 + 2)
    );
    assert_eq!(find(&database, pk("new")), None);
    let again = transaction(vec![put_action(pk("x"))], Some("token"));
    assert!(
        database.transact_write(&again, Time::START).is_ok(),
        "the token was not used"
    );
}

#[test]
fn transactions_that_cannot_be_are_refused() {
    let mut database = database();
    let mut refused = |actions: Vec<TransactWrite>, token: Option<&str>| {
        let error = database.transact_write(&transaction(actions, token), Time::START);
        told(&error.unwrap_err())
    };
    let twice = vec![
        put_action(pk("a")),
        check("a", Condition::And(vec![]), ReturnOld::None),
    ];
    assert_eq!(
        refused(twice, None).1,
        "Transaction request cannot include multiple operations on one item"
    );
    let many = (0..101)
        .map(|number| put_action(pk(&number.to_string())))
        .collect();
    assert!(refused(many, None).1.starts_with("Too many items"));
    assert!(refused(vec![], None).1.contains("at least one"));
    assert!(
        refused(vec![put_action(pk("a"))], Some(""))
            .1
            .contains("clientRequestToken")
    );
    assert!(
        refused(vec![put_action(pk("a"))], Some(&"x".repeat(37)))
            .1
            .contains("clientRequestToken")
    );
    let large = (0..11).map(|number| put_action(sized(pk(&number.to_string()), 400_000)));
    assert!(refused(large.collect(), None).1.contains("4MB limit"));
    let elsewhere = TransactWrite {
        table: "absent".into(),
        ..put_action(pk("a"))
    };
    assert_eq!(
        refused(vec![elsewhere], None).0,
        "ResourceNotFoundException"
    );
}

#[test]
fn a_token_carries_a_transaction_out_once_for_ten_minutes() {
    let mut database = database();
    let count = || {
        action(TransactAction::Update(UpdateItem {
            key: pk("counter"),
            update: Update::new().add("n", 1),
            ..UpdateItem::default()
        }))
    };
    let request = transaction(vec![count()], Some("once"));
    let mut at = |secs, request: &TransactWriteItems| {
        let now = Time::START + Span::from_secs(secs);
        let result = database.transact_write(request, now);
        let number = find(&database, pk("counter")).and_then(|item| item.get("n").cloned());
        (result.map(|output| output.consumed[0].1.table), number)
    };
    let (first, number) = at(0, &request);
    let first = first.unwrap();
    assert_eq!(
        (first.write, first.read.to_string(), number),
        (WriteUnits(2), "0".into(), Some(1.into()))
    );
    let (second, number) = at(599, &request);
    let second = second.unwrap();
    assert_eq!(
        (second.write, second.read.to_string(), number),
        (WriteUnits(0), "2".into(), Some(1.into()))
    );
    let other = transaction(vec![put_action(pk("other"))], Some("once"));
    let (refused, _) = at(599, &other);
    assert_eq!(
        refused.unwrap_err().code(),
        "IdempotentParameterMismatchException"
    );
    let (third, number) = at(600, &request);
    assert_eq!(
        (third.unwrap().write, number),
        (WriteUnits(2), Some(2.into()))
    );
}

#[test]
fn a_transactional_read_is_one_moment_at_twice_the_price() {
    let mut database = database();
    put(database.table_mut("simple").unwrap(), sized(pk("a"), 5_000));
    let get = |key: &str| TransactGet {
        table: "simple".into(),
        key: pk(key),
        projection: vec![],
    };
    let request = TransactGetItems {
        gets: vec![get("absent"), get("a")],
    };
    let output = database.transact_get(&request).unwrap();
    assert_eq!(output.items[0], None);
    assert!(output.items[1].is_some());
    assert_eq!(output.consumed[0].1.table.read.to_string(), "6");
    let twice = TransactGetItems {
        gets: vec![get("a"), get("a")],
    };
    assert!(database.transact_get(&twice).is_err());
}

/// What a random transaction wants of the item with a small number.
fn random_action(number: u64, kind: u64, amount: i64) -> TransactWrite {
    let key = pk(&number.to_string());
    let exists = |exists: bool| match exists {
        true => Condition::AttributeExists("pk".into()),
        false => Condition::AttributeNotExists("pk".into()),
    };
    action(match kind {
        0 => TransactAction::Update(UpdateItem {
            key,
            update: Update::new().add("n", amount),
            ..UpdateItem::default()
        }),
        1 => TransactAction::Delete(DeleteItem {
            key,
            precondition: Precondition::on(exists(true)),
            ..DeleteItem::default()
        }),
        2 => TransactAction::Put(PutItem {
            item: item([("pk", number.to_string().into()), ("n", amount.into())]),
            precondition: Precondition::on(exists(false)),
            ..PutItem::default()
        }),
        _ => TransactAction::ConditionCheck {
            key,
            precondition: Precondition::on(exists(amount > 0)),
        },
    })
}

proptest! {
    #[test]
    fn random_transactions_happen_whole_or_not_at_all(
        transactions in prop::collection::vec(
            prop::collection::btree_map(0_u64..6, (0_u64..4, -2_i64..9), 1..4),
            1..40,
        ),
    ) {
        let mut database = database();
        let mut model = BTreeMap::<u64, i64>::new();
        for wanted in transactions {
            let mut next = model.clone();
            let mut holds = true;
            for (number, (kind, amount)) in &wanted {
                let exists = next.contains_key(number);
                match kind {
                    0 => *next.entry(*number).or_default() += amount,
                    1 => holds &= next.remove(number).is_some(),
                    2 => holds &= next.insert(*number, *amount).is_none(),
                    _ => holds &= exists == (*amount > 0),
                }
            }
            let actions = wanted
                .iter()
                .map(|(number, (kind, amount))| random_action(*number, *kind, *amount))
                .collect();
            let result = database.transact_write(&transaction(actions, None), Time::START);
            prop_assert_eq!(result.is_ok(), holds);
            if holds {
                model = next;
            }
            let found: BTreeMap<_, _> = (0..6)
                .filter_map(|number| Some((number, find(&database, pk(&number.to_string()))?)))
                .collect();
            let expected: BTreeMap<_, _> = model
                .iter()
                .map(|(number, n)| {
                    let name = number.to_string();
                    (*number, item([("pk", name.into()), ("n", (*n).into())]))
                })
                .collect();
            prop_assert_eq!(found, expected);
        }
    }
}
