//! PutItem, UpdateItem and DeleteItem: what they leave, answer, refuse and consume.

mod common;

use common::*;
use kvrig_dynamo::capacity::{IndexId, WriteUnits};
use kvrig_dynamo::expression::{
    Comparator, Condition, DocumentPath, Operand, SetAction, SetOperand, Update,
};
use kvrig_dynamo::key::{KeySchema, ScalarType};
use kvrig_dynamo::schema::Projection;
use kvrig_dynamo::table::{
    DeleteItem, GetItem, Precondition, PutItem, ReturnOld, ReturnValues, UpdateItem,
};
use kvrig_dynamo::value::{NumberSet, StringSet};
use kvrig_dynamo::{AttributeMap, AttributeValue, Error, Item, Table};

fn get(table: &Table, key: AttributeMap) -> Option<Item> {
    table
        .get(&GetItem::new(key))
        .expect("a key of the schema")
        .item
}

fn strings(members: &[&str]) -> AttributeValue {
    StringSet::new(members.iter().map(|text| (*text).into()))
        .expect("distinct members")
        .into()
}

/// Applies `update` to the item `before` with the key `k` and gives the item back.
fn updated(before: Item, update: Update) -> Result<Item, String> {
    let mut table = table(simple());
    put(&mut table, before);
    let request = UpdateItem {
        key: pk("k"),
        update,
        return_values: ReturnValues::AllNew,
        ..UpdateItem::default()
    };
    match table.update(&request) {
        Ok(output) => Ok(output.attributes.expect("ALL_NEW answers")),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn a_put_replaces_the_whole_item_and_tells_the_old_one_if_asked() {
    let mut table = table(simple());
    let old = item([("pk", "k".into()), ("a", 1.into())]);
    put(&mut table, old.clone());
    let new = item([("pk", "k".into()), ("b", 2.into())]);
    let request = PutItem {
        item: new.clone(),
        return_values: ReturnOld::AllOld,
        ..PutItem::default()
    };
    assert_eq!(table.put(request).unwrap().attributes, Some(old));
    assert_eq!(get(&table, pk("k")), Some(new.clone()));
    assert_eq!(table.item_count(), 1);
    assert_eq!(table.size_bytes(), new.size_bytes());
}

#[test]
fn a_condition_that_fails_leaves_the_item_and_is_charged_by_its_size() {
    let mut table = table(simple());
    let old = sized(pk("k"), 3_500);
    put(&mut table, old.clone());
    let request = |key: &str, on_failure| PutItem {
        item: sized(pk(key), 9_000),
        precondition: Precondition {
            condition: Some(Condition::Compare(
                Operand::Path("v".into()),
                Comparator::Equal,
                Operand::Value("y".into()),
            )),
            on_failure,
        },
        ..PutItem::default()
    };
    let error = table.put(request("k", ReturnOld::AllOld)).unwrap_err();
    assert_eq!(
        told(&error),
        (
            "ConditionalCheckFailedException",
            "The conditional request failed".into()
        )
    );
    let Error::ConditionalCheckFailed { consumed, item } = error else {
        panic!("told above");
    };
    assert_eq!(consumed.table.write, WriteUnits(4));
    assert_eq!(item, Some(Box::new(old.clone())));
    assert_eq!(get(&table, pk("k")), Some(old));
    let error = table.put(request("new", ReturnOld::None)).unwrap_err();
    assert!(
        matches!(error, Error::ConditionalCheckFailed { consumed, item: None }
        if consumed.table.write == WriteUnits(1))
    );
    assert_eq!(table.item_count(), 1);
}

#[test]
fn a_delete_of_what_is_not_there_succeeds_and_takes_one_unit() {
    let mut table = table(simple());
    let request = DeleteItem {
        key: pk("k"),
        return_values: ReturnOld::AllOld,
        ..DeleteItem::default()
    };
    let output = table.delete(&request).unwrap();
    assert_eq!(
        (output.attributes, output.consumed.table.write),
        (None, WriteUnits(1))
    );
    put(&mut table, sized(pk("k"), 2_048));
    let output = table.delete(&request).unwrap();
    assert_eq!(output.consumed.table.write, WriteUnits(2));
    assert!(output.attributes.is_some());
    assert_eq!((table.item_count(), table.size_bytes()), (0, 0));
}

#[test]
fn an_update_creates_the_item_that_is_missing() {
    let mut table = table(composite());
    let request = UpdateItem {
        key: pk_sk("k", 7),
        update: Update::new().add("visits", 1),
        return_values: ReturnValues::UpdatedNew,
        ..UpdateItem::default()
    };
    assert_eq!(
        table.update(&request).unwrap().attributes,
        Some(item([("visits", 1.into())]))
    );
    table.update(&request).unwrap();
    let expected = item([("pk", "k".into()), ("sk", 7.into()), ("visits", 2.into())]);
    assert_eq!(get(&table, pk_sk("k", 7)), Some(expected));
    let nothing = UpdateItem {
        key: pk_sk("k", 8),
        ..UpdateItem::default()
    };
    table.update(&nothing).unwrap();
    assert_eq!(get(&table, pk_sk("k", 8)), Some(pk_sk("k", 8)));
}

#[test]
fn all_clauses_see_the_item_as_it_was() {
    let before = item([
        ("pk", "k".into()),
        ("a", 1.into()),
        ("b", 2.into()),
        ("list", vec![1.into(), 2.into(), 3.into(), 4.into()].into()),
        ("tags", strings(&["x", "y"])),
        ("map", item([("n", 5.into())]).into()),
    ]);
    let path = DocumentPath::new;
    let operand = |name: &str| SetOperand::Path(name.into());
    let update = Update::new()
        .set("a", SetAction::To(operand("b")))
        .set(
            "b",
            SetAction::Plus(operand("a"), SetOperand::Value(10.into())),
        )
        .set(path("list").index(9), SetAction::value("last"))
        .set(path("list").index(8), SetAction::value("but one"))
        .set(path("list").index(0), SetAction::value("first"))
        .set(
            "c",
            SetAction::To(SetOperand::IfNotExists(
                "c".into(),
                Box::new(SetOperand::ListAppend(
                    Box::new(SetOperand::Value(vec![0.into()].into())),
                    Box::new(SetOperand::Path("list".into())),
                )),
            )),
        )
        .remove(path("list").index(1))
        .remove(path("list").index(3))
        .remove("absent")
        .add(path("map").name("n"), -1)
        .add(path("map").name("m"), strings(&["new"]))
        .delete("tags", strings(&["y", "z"]));
    let expected = item([
        ("pk", "k".into()),
        ("a", 2.into()),
        ("b", 11.into()),
        (
            "list",
            vec!["first".into(), 3.into(), "but one".into(), "last".into()].into(),
        ),
        ("tags", strings(&["x"])),
        (
            "map",
            item([("n", 4.into()), ("m", strings(&["new"]))]).into(),
        ),
        (
            "c",
            vec![0.into(), 1.into(), 2.into(), 3.into(), 4.into()].into(),
        ),
    ]);
    assert_eq!(updated(before, update), Ok(expected));
}

#[test]
fn a_set_that_loses_its_last_member_goes() {
    let before = item([("pk", "k".into()), ("tags", strings(&["x"]))]);
    let update = Update::new().delete("tags", strings(&["x"]));
    assert_eq!(updated(before, update), Ok(pk("k")));
}

#[test]
fn updates_that_cannot_be_are_refused_with_the_services_words() {
    let before = || {
        item([
            ("pk", "k".into()),
            ("a", 1.into()),
            ("s", "text".into()),
            ("tags", strings(&["x"])),
        ])
    };
    let path = DocumentPath::new;
    let numbers = NumberSet::new([1.into()]).unwrap();
    let operand_type = "An operand in the update expression has an incorrect data type";
    let wrong_path = "The document path provided in the update expression is invalid for update";
    let overflow =
        "Number overflow. Attempting to store a number with magnitude larger than supported range";
    for (update, message) in [
        (
            Update::new().set("pk", SetAction::value("x")),
            "One or more parameter values were invalid: Cannot update attribute pk. This attribute is part of the key",
        ),
        (
            Update::new()
                .set(path("m").name("n"), SetAction::value(1))
                .remove("m"),
            "Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [m, n], path two: [m]",
        ),
        (Update::new().add("s", 1), operand_type),
        (Update::new().add("tags", numbers.clone()), operand_type),
        (Update::new().delete("a", numbers), operand_type),
        (
            Update::new().set(
                "a",
                SetAction::Minus(SetOperand::Path("s".into()), SetOperand::Value(1.into())),
            ),
            operand_type,
        ),
        (
            Update::new().set("b", SetAction::To(SetOperand::Path("absent".into()))),
            "The provided expression refers to an attribute that does not exist in the item",
        ),
        (
            Update::new().set(path("absent").name("n"), SetAction::value(1)),
            wrong_path,
        ),
        (
            Update::new().set(path("a").index(0), SetAction::value(1)),
            wrong_path,
        ),
        (Update::new().remove(path("absent").name("n")), wrong_path),
        (
            Update::new().delete(path("absent").name("n"), strings(&["x"])),
            wrong_path,
        ),
        (
            Update::new().set("s", SetAction::value("x".repeat(400 * 1024).as_str())),
            "Item size to update has exceeded the maximum allowed size",
        ),
        (
            Update::new().add("a", AttributeValue::Number("1e50".parse().unwrap())),
            overflow,
        ),
        (
            Update::new().add("a", true),
            "Invalid UpdateExpression: Incorrect operand type for operator or function; operator: ADD, operand type: BOOL, typeSet: ALLOWED_FOR_ADD_OPERAND",
        ),
        (
            Update::new().delete("a", 1),
            "Invalid UpdateExpression: Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER, typeSet: ALLOWED_FOR_ADD_OPERAND",
        ),
    ] {
        assert_eq!(
            updated(before(), update.clone()),
            Err(message.into()),
            "{update:?}"
        );
    }
    let many = (0..301).fold(Update::new(), |update, number| {
        update.remove(format!("a{number}").as_str())
    });
    assert!(updated(before(), many).is_err());
}

#[test]
fn return_values_tell_what_was_and_what_is_at_the_places_changed() {
    let mut table = table(simple());
    let answer = |table: &mut Table, number: i64, return_values| {
        let request = UpdateItem {
            key: pk("k"),
            update: Update::new().set("a", SetAction::value(number)),
            return_values,
            ..UpdateItem::default()
        };
        table.update(&request).unwrap().attributes
    };
    let a = |number: i64| item([("a", number.into())]);
    let whole = |number: i64| item([("pk", "k".into()), ("a", number.into())]);
    assert_eq!(answer(&mut table, 1, ReturnValues::UpdatedOld), None);
    assert_eq!(answer(&mut table, 2, ReturnValues::UpdatedOld), Some(a(1)));
    assert_eq!(answer(&mut table, 3, ReturnValues::UpdatedNew), Some(a(3)));
    assert_eq!(answer(&mut table, 4, ReturnValues::AllOld), Some(whole(3)));
    assert_eq!(answer(&mut table, 5, ReturnValues::AllNew), Some(whole(5)));
    assert_eq!(answer(&mut table, 6, ReturnValues::None), None);
}

#[test]
fn indexes_follow_and_are_charged_beside_the_table() {
    let key = KeySchema::simple("status", ScalarType::String);
    let schema = composite()
        .global("by-status", key, Projection::Include(vec!["note".into()]))
        .local(
            "by-time",
            ("time", ScalarType::Number),
            Projection::KeysOnly,
        );
    let mut table = table(schema);
    let (global, local) = (IndexId::Global(0), IndexId::Local(0));
    let mut write = |attributes: &[(&str, AttributeValue)]| {
        let mut item = sized(pk_sk("k", 1), 3_000);
        for (name, value) in attributes {
            item.insert(*name, value.clone());
        }
        let consumed = put(&mut table, item);
        let units = |id| consumed.index(id).write.0;
        (consumed.table.write.0, units(global), units(local))
    };
    assert_eq!(write(&[]), (3, 0, 0), "the item is in no index");
    assert_eq!(write(&[("status", "new".into())]), (3, 1, 0));
    assert_eq!(write(&[("status", "new".into())]), (3, 0, 0), "no change");
    assert_eq!(
        write(&[("status", "new".into()), ("other", 1.into())]),
        (3, 0, 0),
        "what is not projected costs nothing"
    );
    let note = || ("note", "x".repeat(1_500).as_str().into());
    assert_eq!(write(&[("status", "new".into()), note()]), (5, 2, 0));
    assert_eq!(
        write(&[("status", "old".into()), note()]),
        (5, 4, 0),
        "deleted at one place, put at another"
    );
    assert_eq!(write(&[("time", 5.into())]), (5, 2, 1));
    assert_eq!(write(&[("time", 6.into())]), (3, 0, 2));
    assert_eq!(table.index_size(global), Some((0, 0)));
    assert_eq!(table.index_size(local), Some((1, 2 + 1 + 2 + 2 + 4 + 2)));
}

#[test]
fn what_an_index_cannot_hold_is_refused_with_its_name() {
    let key = KeySchema::simple("status", ScalarType::String);
    let mut table = table(simple().global("by-status", key, Projection::All));
    let mut refused = |status: AttributeValue| {
        let request = PutItem {
            item: item([("pk", "k".into()), ("status", status)]),
            ..PutItem::default()
        };
        table.put(request).unwrap_err().to_string()
    };
    assert_eq!(
        refused(1.into()),
        "One or more parameter values were invalid: Type mismatch for Index Key status Expected: S Actual: N IndexName: by-status"
    );
    assert_eq!(
        refused("".into()),
        "One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty string value. IndexName: by-status, IndexKey: status"
    );
    assert!(refused("x".repeat(2049).as_str().into()).contains("limit of2048 bytes"));
}
