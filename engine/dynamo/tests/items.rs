//! Items: values, sizes, limits and keys.

use kvrig_dynamo::item::check_item;
use kvrig_dynamo::key::{KeyHasher, KeySchema, KeyValue, ScalarType};
use kvrig_dynamo::value::{BinarySet, NumberSet, StringSet};
use kvrig_dynamo::{AttributeMap, AttributeValue, Item, Number, Validation};
use proptest::prelude::*;

fn nested(maps: u32) -> AttributeValue {
    (0..maps).fold(AttributeValue::from("leaf"), |value, _| {
        AttributeMap::from([("n", value)]).into()
    })
}

#[test]
fn a_later_attribute_of_one_name_replaces_the_earlier() {
    let item = Item::from([("b", 1.into()), ("a", 2.into()), ("b", 3.into())]);
    let read: Vec<_> = item.iter().map(|(name, _)| name).collect();
    assert_eq!(read, ["a", "b"]);
    assert_eq!(item.get("b"), Some(&3.into()));
}

#[test]
fn thirty_two_levels_are_accepted_and_no_more() {
    let item = |maps| Item::from([("pk", "k".into()), ("data", nested(maps))]);
    assert!(check_item(&item(31)).is_ok());
    assert_eq!(check_item(&item(32)), Err(Validation::NestingTooDeep));
    assert_eq!(check_item(&item(5_000)), Err(Validation::NestingTooDeep));
}

#[test]
fn an_item_of_400_kb_is_accepted_and_one_byte_more_is_not() {
    let item = |bytes: usize| Item::from([("pk", "k".into()), ("v", "x".repeat(bytes).into())]);
    assert_eq!(check_item(&item(400 * 1024 - 4)), Ok(400 * 1024));
    let error = check_item(&item(400 * 1024 - 3)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Item size has exceeded the maximum allowed size"
    );
}

#[test]
fn sets_are_never_empty_and_hold_nothing_twice() {
    let strings = |members: &[&str]| StringSet::new(members.iter().map(|text| (*text).into()));
    let message = |set: Result<StringSet, Validation>| set.unwrap_err().to_string();
    assert_eq!(
        message(strings(&[])),
        "One or more parameter values were invalid: An string set  may not be empty"
    );
    assert_eq!(
        message(strings(&["b", "a", "b"])),
        "One or more parameter values were invalid: Input collection [b, a, b] contains duplicates."
    );
    assert!(strings(&[""]).is_err());
    assert!(BinarySet::new([Box::from(&[][..])]).is_err());
    let numbers = NumberSet::new(["1", "1.0"].map(|text| text.parse().unwrap()));
    assert_eq!(
        numbers.unwrap_err().to_string(),
        "Input collection contains duplicates"
    );
    let set = strings(&["b", "a"]).unwrap();
    assert_eq!(set, strings(&["a", "b"]).unwrap(), "sets have no order");
    let other = strings(&["b", "c"]).unwrap();
    assert_eq!(set.union(&other), strings(&["a", "b", "c"]).unwrap());
    assert_eq!(set.difference(&other), strings(&["a"]).ok());
    assert_eq!(set.difference(&set), None);
}

#[test]
fn keys_must_be_there_of_their_type_and_within_their_length() {
    let schema = KeySchema::composite(("a", ScalarType::String), ("b", ScalarType::Number));
    let refused = |item: Item| schema.key_of(&item).unwrap_err().to_string();
    assert_eq!(
        refused(Item::from([("a", "x".into())])),
        "One or more parameter values were invalid: Missing the key b in the item"
    );
    assert_eq!(
        refused(Item::from([("a", "x".into()), ("b", "y".into())])),
        "One or more parameter values were invalid: Type mismatch for key b expected: N actual: S"
    );
    assert_eq!(
        refused(Item::from([("a", "".into()), ("b", 1.into())])),
        "One or more parameter values are not valid. The AttributeValue for a key attribute \
         cannot contain an empty string value. Key: a"
    );
    assert_eq!(
        refused(Item::from([
            ("a", "x".repeat(2049).into()),
            ("b", 1.into())
        ])),
        "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size \
         limit of2048 bytes"
    );
    let schema = KeySchema::composite(("a", ScalarType::Number), ("b", ScalarType::Binary));
    let long = Item::from([("a", 1.into()), ("b", [0; 1025].as_slice().into())]);
    assert_eq!(
        schema.key_of(&long).unwrap_err().to_string(),
        "One or more parameter values were invalid: Aggregated size of all range keys has exceeded \
         the size limit of 1024 bytes"
    );
    let longest = Item::from([("a", 1.into()), ("b", [0; 1024].as_slice().into())]);
    let key = schema.key_of(&longest).unwrap();
    assert_eq!(schema.key_from(&schema.attributes_of(&key)), Ok(key));
    assert_eq!(
        schema.key_from(&Item::from([("a", 1.into())])),
        Err(Validation::KeyDoesNotMatchSchema)
    );
}

#[test]
fn equal_numbers_have_one_place_and_other_types_another() {
    let hasher = KeyHasher::new([1, 2]);
    let number = |text: &str| KeyValue::Number(text.parse().unwrap());
    assert_eq!(hasher.hash(&number("1.0")), hasher.hash(&number("1")));
    let text = KeyValue::String("1".into());
    let bytes = KeyValue::Binary(b"1".as_slice().into());
    assert_ne!(hasher.hash(&text), hasher.hash(&bytes));
    assert_ne!(hasher.hash(&text), KeyHasher::default().hash(&text));
}

/// Values of every type, some levels deep.
fn any_value() -> impl Strategy<Value = AttributeValue> {
    let leaf = prop_oneof![
        ".{0,20}".prop_map(AttributeValue::from),
        any::<i64>().prop_map(AttributeValue::from),
        any::<Vec<u8>>().prop_map(|bytes| AttributeValue::from(&*bytes)),
        any::<bool>().prop_map(AttributeValue::from),
        Just(AttributeValue::Null),
        prop::collection::btree_set(any::<i64>(), 1..5).prop_map(|numbers| {
            NumberSet::new(numbers.into_iter().map(Number::from))
                .expect("distinct members")
                .into()
        }),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let named = (".{1,5}", inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(AttributeValue::from),
            prop::collection::vec(named, 0..4)
                .prop_map(|map: Vec<(String, _)>| AttributeMap::from_iter(map).into()),
        ]
    })
}

proptest! {
    #[test]
    fn wrapping_a_value_adds_the_bytes_of_the_container(value in any_value()) {
        let bytes = value.size_bytes();
        let list = AttributeValue::from(vec![value.clone()]);
        prop_assert_eq!(list.size_bytes(), bytes + 4);
        let map = AttributeValue::from(AttributeMap::from([("name", value.clone())]));
        prop_assert_eq!(map.size_bytes(), bytes + 8);
        let item = Item::from([("name", value)]);
        prop_assert_eq!(item.size_bytes(), bytes + 4);
    }

    #[test]
    fn key_values_are_ordered_as_what_they_hold(a in any::<i64>(), b in any::<i64>()) {
        let key = |n: i64| KeyValue::Number(n.into());
        prop_assert_eq!(key(a).cmp(&key(b)), a.cmp(&b));
        let text = |n: i64| KeyValue::String(n.to_string().into());
        prop_assert_eq!(text(a).cmp(&text(b)), a.to_string().cmp(&b.to_string()));
    }
}
