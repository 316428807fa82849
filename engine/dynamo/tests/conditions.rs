//! Conditions: what holds of an item, and what can be asked at all.

mod common;

use common::item;
use kvrig_dynamo::expression::{Comparator, Condition, DocumentPath, Operand, project};
use kvrig_dynamo::value::{AttributeType, NumberSet};
use kvrig_dynamo::{AttributeValue, Item};

fn subject() -> Item {
    item([
        ("n", 5.into()),
        ("s", "héllo".into()),
        ("emoji", "😀".into()),
        ("b", b"bytes".as_slice().into()),
        ("t", true.into()),
        (
            "set",
            NumberSet::new([1.into(), 2.into()])
                .expect("two members")
                .into(),
        ),
        ("list", vec![1.into(), "two".into()].into()),
        ("map", item([("inner", vec![7.into()].into())]).into()),
    ])
}

fn path(name: &str) -> Operand {
    Operand::Path(name.into())
}

fn value(value: impl Into<AttributeValue>) -> Operand {
    Operand::Value(value.into())
}

fn compare(left: Operand, comparator: Comparator, right: Operand) -> Condition {
    Condition::Compare(left, comparator, right)
}

#[test]
fn conditions_hold_as_the_guide_says() {
    use Comparator::*;
    let size = |name: &str| Operand::Size(name.into());
    let inner = DocumentPath::new("map").name("inner").index(0);
    for (condition, holds) in [
        (compare(path("n"), Equal, value(5)), true),
        (compare(path("n"), Equal, value("5")), false),
        (compare(path("n"), NotEqual, value("5")), true),
        (compare(path("absent"), NotEqual, value(5)), true),
        (compare(path("absent"), Equal, path("absent")), false),
        (compare(path("n"), Less, value(6)), true),
        (compare(path("n"), Less, path("s")), false),
        (compare(path("n"), GreaterOrEqual, path("s")), false),
        (
            compare(Operand::Path(inner.clone()), Greater, path("n")),
            true,
        ),
        (compare(size("s"), Equal, value(5)), true),
        (compare(size("emoji"), Equal, value(2)), true),
        (compare(size("set"), Equal, value(2)), true),
        (compare(size("n"), GreaterOrEqual, value(0)), false),
        (Condition::Between(path("n"), value(5), value(5)), true),
        (Condition::Between(path("n"), value(6), value(9)), false),
        (Condition::In(path("n"), vec![value(1), path("n")]), true),
        (Condition::In(path("absent"), vec![path("absent")]), false),
        (Condition::AttributeExists(inner), true),
        (
            Condition::AttributeExists(DocumentPath::new("list").index(2)),
            false,
        ),
        (Condition::AttributeNotExists("absent".into()), true),
        (
            Condition::AttributeType("set".into(), AttributeType::NumberSet),
            true,
        ),
        (Condition::BeginsWith("s".into(), value("hé")), true),
        (
            Condition::BeginsWith("b".into(), value(b"byt".as_slice())),
            true,
        ),
        (Condition::BeginsWith("n".into(), value("5")), false),
        (Condition::Contains("s".into(), value("éll")), true),
        (
            Condition::Contains("b".into(), value(b"te".as_slice())),
            true,
        ),
        (Condition::Contains("set".into(), value(2)), true),
        (Condition::Contains("list".into(), value("two")), true),
        (Condition::Contains("list".into(), value("three")), false),
        (Condition::And(vec![]), true),
        (Condition::Or(vec![]), false),
        (
            Condition::Not(Box::new(Condition::AttributeExists("n".into()))),
            false,
        ),
    ] {
        assert_eq!(condition.check(), Ok(()), "{condition:?}");
        assert_eq!(condition.holds(&subject()), holds, "{condition:?}");
    }
}

#[test]
fn conditions_that_cannot_be_are_refused() {
    let message = |condition: Condition| condition.check().unwrap_err().to_string();
    assert_eq!(
        message(compare(path("t"), Comparator::Less, value(true))),
        "Invalid ConditionExpression: Incorrect operand type for operator or function; operator or function: <, operand type: BOOL"
    );
    assert_eq!(
        message(Condition::BeginsWith("n".into(), value(5))),
        "Invalid ConditionExpression: Incorrect operand type for operator or function; operator or function: begins_with, operand type: N"
    );
    assert!(message(Condition::Between(path("n"), value(2), value(1))).contains("upper bound"));
    assert!(
        message(Condition::Between(path("n"), value(2), value("3"))).contains("same data type")
    );
    assert!(message(Condition::In(path("n"), vec![])).contains("1 to 100"));
    assert_eq!(
        message(Condition::Contains("s".into(), path("s"))),
        "Invalid ConditionExpression: The first operand must be distinct from the remaining operands for this operator or function; operator: contains, first operand: [s]"
    );
    let deep = (0..1_000).fold(Condition::AttributeExists("n".into()), |condition, _| {
        Condition::Not(Box::new(condition))
    });
    assert!(message(deep).contains("too many operators"));
    let wide = Condition::Or(vec![Condition::AttributeExists("n".into()); 300]);
    assert!(message(wide).contains("too many operators"));
    let long = (0..32).fold(DocumentPath::new("n"), DocumentPath::index);
    assert!(message(Condition::AttributeExists(long)).contains("1 to 32 elements"));
}

#[test]
fn a_projection_keeps_the_maps_and_lists_around_what_it_names() {
    let subject = item([
        ("a", item([("x", 1.into()), ("y", 2.into())]).into()),
        ("l", vec![10.into(), 11.into(), 12.into()].into()),
        ("z", 3.into()),
    ]);
    let paths = [
        DocumentPath::new("l").index(2),
        DocumentPath::new("l").index(0),
        DocumentPath::new("a").name("y"),
        DocumentPath::new("a").name("absent"),
        DocumentPath::new("z").index(0),
    ];
    let expected = item([
        ("a", item([("y", 2.into())]).into()),
        ("l", vec![10.into(), 12.into()].into()),
    ]);
    assert_eq!(project(&subject, &paths), expected);
}
