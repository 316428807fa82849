//! Sizes of values and items, and the limits of both.

use super::rig::{item, key, put, schema};
use super::{WorkedExample, examples};
use crate::item::{AttributeMap, Item, check_item};
use crate::key::KeyHasher;
use crate::number::Number;
use crate::table::Table;
use crate::value::{AttributeValue, BinarySet, NumberSet, StringSet};

/// Bytes of an item whose only attribute is `a`.
fn bytes(value: impl Into<AttributeValue>) -> String {
    format!("{} B", Item::from([("a", value.into())]).size_bytes())
}

fn number(text: &str) -> Number {
    text.parse().expect("examples have numbers")
}

/// Whether an item is acceptable, in words.
fn verdict(item: Item) -> String {
    let mut table = Table::new(schema(), KeyHasher::default()).expect("examples have a schema");
    match put(&mut table, item) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => error.code().to_owned(),
    }
}

fn with_keys(partition: usize, sort: usize) -> String {
    let schema = crate::key::KeySchema::composite(
        ("pk", crate::key::ScalarType::String),
        ("sk", crate::key::ScalarType::String),
    );
    let item = Item::from([
        ("pk", "x".repeat(partition).into()),
        ("sk", "x".repeat(sort).into()),
    ]);
    match schema.key_of(&item) {
        Ok(_) => "accepted".to_owned(),
        Err(_) => "ValidationException".to_owned(),
    }
}

fn nested(levels: usize) -> String {
    let mut value = AttributeValue::from("leaf");
    for _ in 1..levels {
        value = AttributeMap::from([("n", value)]).into();
    }
    let mut item = key(0);
    item.insert("v", value);
    match check_item(&item) {
        Ok(_) => "accepted".to_owned(),
        Err(_) => "ValidationException".to_owned(),
    }
}

examples! { ITEMS, "AWS Developer Guide, DynamoDB item sizes and formats";
    "name of 1 B, string of 5 characters" => "6 B": bytes("hello");
    "string of 5 characters of 3 B each" => "16 B": bytes("こんにちは");
    "number of 2 digits" => "3 B": bytes(number("27"));
    "number of 38 digits" => "21 B": bytes(number(&"9".repeat(38)));
    "number with zeros at both ends" => "3 B": bytes(number("002700.00"));
    "negative number, whose sign costs a byte" => "4 B": bytes(number("-27"));
    "binary of 100 B" => "101 B": bytes([0_u8; 100].as_slice());
    "NULL" => "2 B": bytes(AttributeValue::Null);
    "BOOL" => "2 B": bytes(true);
    "empty list" => "4 B": bytes(Vec::new());
    "empty map" => "4 B": bytes(AttributeMap::new());
    "list of two strings of 3 B" => "12 B": bytes(vec!["abc".into(), "def".into()]);
    "map of one name of 3 B and a BOOL" => "9 B":
        bytes(AttributeMap::from([("key", true.into())]));
    "string set of 3 B and 4 B" => "8 B":
        bytes(StringSet::new(["abc".into(), "defg".into()]).expect("two members"));
    "number set of 1 and 22" => "5 B":
        bytes(NumberSet::new([number("1"), number("22")]).expect("two members"));
    "binary set of 2 B and 3 B" => "6 B": bytes(
        BinarySet::new([[1_u8, 2].as_slice().into(), [1_u8, 2, 3].as_slice().into()])
            .expect("two members"),
    );
}

examples! { LIMITS, "AWS Developer Guide, Quotas in Amazon DynamoDB";
    "item of 400 KB" => "accepted": verdict(item(0, 400 * 1_024));
    "item of 400 KB and a byte" => "ValidationException": verdict(item(0, 400 * 1_024 + 1));
    "keys of 1 B" => "accepted": with_keys(1, 1);
    "keys of 2,048 B and 1,024 B" => "accepted": with_keys(2_048, 1_024);
    "partition key of 2,049 B" => "ValidationException": with_keys(2_049, 1);
    "sort key of 1,025 B" => "ValidationException": with_keys(1, 1_025);
    "empty partition key" => "ValidationException": with_keys(0, 1);
    "32 levels" => "accepted": nested(32);
    "33 levels" => "ValidationException": nested(33);
}
