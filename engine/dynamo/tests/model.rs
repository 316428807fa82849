//! Random requests against a table and against the simplest thing that could be one.
//!
//! The model keeps items in a map by key. Whatever is requested, the table must hold what the model
//! holds, every index exactly what its projection of those items is, and every unit of capacity must
//! follow from the sizes before and after.

mod common;

use common::*;
use kvrig_base::random::{Draws, Seed};
use kvrig_dynamo::capacity::{IndexId, WriteMode, WriteUnits};
use kvrig_dynamo::expression::{Comparator, Condition, DocumentPath, Operand, SetAction, Update};
use kvrig_dynamo::key::{KeySchema, KeyValue, ScalarType};
use kvrig_dynamo::schema::Projection;
use kvrig_dynamo::table::{
    DeleteItem, GetItem, Precondition, PutItem, Query, ReadOptions, ReturnOld, ReturnValues, Scan,
    ScanDirection, Segment, Select, SortCondition, UpdateItem,
};
use kvrig_dynamo::value::{NumberSet, StringSet};
use kvrig_dynamo::{AttributeMap, AttributeValue, Error, Item, Table};
use std::collections::BTreeMap;
use std::num::NonZeroU32;

fn indexed() -> Table {
    let by_status = KeySchema::composite(("s", ScalarType::String), ("n", ScalarType::Number));
    let schema = composite()
        .global(
            "by-status",
            by_status,
            Projection::Include(vec!["v".into()]),
        )
        .local("by-n", ("n", ScalarType::Number), Projection::KeysOnly);
    table(schema)
}

/// Draws of requests: small ranges, so that they meet, and now and then something odd.
struct Dice(Draws);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0.next_u64() % end
    }
    fn key(&mut self) -> AttributeMap {
        let partition = ["a", "b", "c"][self.below(3) as usize];
        let key = pk_sk(partition, self.below(4) as i64);
        match self.below(200) {
            0 => pk(partition),
            1 => item([("pk", "".into()), ("sk", 1.into())]),
            2 => item([("pk", 1.into()), ("sk", "1".into())]),
            _ => key,
        }
    }
    fn value(&mut self) -> AttributeValue {
        match self.below(10) {
            0 => AttributeValue::Null,
            1 => true.into(),
            2 => b"bytes".as_slice().into(),
            3 => vec![self.value(), 1.into()].into(),
            4 => item([("m", self.value()), ("n", 2.into())]).into(),
            5 => NumberSet::new([1.into(), 2.into()])
                .expect("two members")
                .into(),
            6 => StringSet::new(["x".into(), "y".into()])
                .expect("two members")
                .into(),
            7 => "x".repeat(self.below(3_000) as usize).as_str().into(),
            _ => (self.below(100) as i64 - 50).into(),
        }
    }
    fn item(&mut self) -> Item {
        let mut item = self.key();
        if self.below(2) == 0 {
            item.insert("s", ["open", "done"][self.below(2) as usize].into());
        }
        if self.below(2) == 0 {
            item.insert("n", (self.below(5) as i64).into());
        }
        for name in ["v", "w"] {
            if self.below(2) == 0 {
                item.insert(name, self.value());
            }
        }
        if self.below(100) == 0 {
            item.insert("n", "no number".into());
        }
        item
    }
    fn path(&mut self) -> DocumentPath {
        let root = DocumentPath::new(["v", "w", "n", "s", "sk"][self.below(5) as usize]);
        match self.below(4) {
            0 => root.name(["m", "n"][self.below(2) as usize]),
            1 => root.index(self.below(3) as u32),
            _ => root,
        }
    }
    fn operand(&mut self) -> Operand {
        match self.below(3) {
            0 => Operand::Value(self.value()),
            1 => Operand::Path(self.path()),
            _ => Operand::Size(self.path()),
        }
    }
    fn condition(&mut self, depth: u32) -> Condition {
        use Comparator::*;
        let comparators = [Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual];
        match self.below(if depth == 0 { 6 } else { 9 }) {
            0 => Condition::AttributeExists(self.path()),
            1 => Condition::AttributeNotExists(self.path()),
            2 => Condition::Between(self.operand(), self.operand(), self.operand()),
            3 => Condition::In(self.operand(), vec![self.operand(), self.operand()]),
            4 => Condition::Contains(self.path(), self.operand()),
            5 => Condition::Compare(
                self.operand(),
                comparators[self.below(6) as usize],
                self.operand(),
            ),
            6 => Condition::Not(Box::new(self.condition(depth - 1))),
            7 => Condition::And(vec![self.condition(depth - 1), self.condition(depth - 1)]),
            _ => Condition::Or(vec![self.condition(depth - 1), self.condition(depth - 1)]),
        }
    }
    fn precondition(&mut self) -> Precondition {
        Precondition {
            condition: (self.below(2) == 0).then(|| self.condition(2)),
            on_failure: [ReturnOld::None, ReturnOld::AllOld][self.below(2) as usize],
        }
    }
    fn update(&mut self) -> Update {
        let mut update = Update::new();
        for _ in 0..1 + self.below(2) {
            let path = self.path();
            update = match self.below(5) {
                0 => update.set(path, SetAction::value(self.value())),
                1 => update.remove(path),
                2 => update.delete(path, self.value()),
                _ => update.add(path, self.value()),
            };
        }
        update
    }
    fn options(&mut self, table: &Table) -> ReadOptions {
        let index = [None, Some("by-status"), Some("by-n"), Some("absent")][self.below(4) as usize];
        let mut options = ReadOptions {
            index: index.map(Into::into),
            filter: (self.below(3) == 0).then(|| self.condition(1)),
            limit: NonZeroU32::new(self.below(4) as u32),
            ..ReadOptions::default()
        };
        options.select = match self.below(4) {
            0 => Select::Count,
            1 => Select::AllAttributes,
            2 => Select::Specific(vec![self.path(), self.path()]),
            _ => Select::AllProjected,
        };
        if self.below(2) == 0 {
            let scan = Scan {
                segment: None,
                options: options.clone(),
            };
            options.start = table
                .scan(&scan)
                .ok()
                .and_then(|page| page.last_evaluated_key);
        }
        options
    }
    fn sort(&mut self) -> SortCondition {
        let value = |dice: &mut Self| match dice.below(20) {
            0 => KeyValue::String("1".into()),
            _ => KeyValue::Number((dice.below(5) as i64).into()),
        };
        match self.below(7) {
            0 => SortCondition::Equal(value(self)),
            1 => SortCondition::Less(value(self)),
            2 => SortCondition::LessOrEqual(value(self)),
            3 => SortCondition::Greater(value(self)),
            4 => SortCondition::GreaterOrEqual(value(self)),
            5 => SortCondition::Between(value(self), value(self)),
            _ => SortCondition::BeginsWith(value(self)),
        }
    }
}

/// What a table should hold, by the key's text.
type Model = BTreeMap<String, Item>;

fn name(key: &AttributeMap) -> String {
    format!("{:?} {:?}", key.get("pk"), key.get("sk"))
}

/// Every item that a scan finds through all its pages.
fn everything(table: &Table, index: Option<&str>) -> Vec<Item> {
    let mut scan = Scan::default();
    scan.options.index = index.map(Into::into);
    scan.options.limit = NonZeroU32::new(5);
    let mut items = Vec::new();
    loop {
        let page = table.scan(&scan).expect("a scan of what is there");
        items.extend(page.items);
        scan.options.start = page.last_evaluated_key;
        if scan.options.start.is_none() {
            return items;
        }
    }
}

fn sorted(mut items: Vec<Item>) -> Vec<Item> {
    items.sort_by_key(|item| format!("{item:?}"));
    items
}

/// Holds table and indexes to what the model has.
fn compare(table: &Table, model: &Model) {
    let items: Vec<Item> = model.values().cloned().collect();
    assert_eq!(table.item_count(), items.len() as u64);
    assert_eq!(
        table.size_bytes(),
        items.iter().map(Item::size_bytes).sum::<u64>()
    );
    assert_eq!(sorted(everything(table, None)), sorted(items.clone()));
    let projected = |names: &[&str], keys: &[&str]| {
        let held = items
            .iter()
            .filter(|item| keys.iter().all(|key| item.get(key).is_some()));
        sorted(held.map(|item| item.only(names.iter().copied())).collect())
    };
    assert_eq!(
        sorted(everything(table, Some("by-status"))),
        projected(&["pk", "sk", "s", "n", "v"], &["s", "n"])
    );
    assert_eq!(
        sorted(everything(table, Some("by-n"))),
        projected(&["pk", "sk", "n"], &["n"])
    );
    let bytes = |items: Vec<Item>| items.iter().map(Item::size_bytes).sum::<u64>();
    let by_n = projected(&["pk", "sk", "n"], &["n"]);
    assert_eq!(
        table.index_size(IndexId::Local(0)),
        Some((by_n.len() as u64, bytes(by_n)))
    );
}

/// Carries out one write on both and holds its price to the sizes before and after.
fn write(table: &mut Table, model: &mut Model, dice: &mut Dice) {
    let (key, before, result, after) = match dice.below(3) {
        0 => {
            let item = dice.item();
            let request = PutItem {
                item: item.clone(),
                precondition: dice.precondition(),
                return_values: ReturnOld::AllOld,
            };
            let key = name(&item);
            (
                key.clone(),
                model.get(&key).cloned(),
                table.put(request),
                Some(item),
            )
        }
        1 => {
            let key = dice.key();
            let request = DeleteItem {
                key: key.clone(),
                precondition: dice.precondition(),
                return_values: ReturnOld::AllOld,
            };
            let key = name(&key);
            (
                key.clone(),
                model.get(&key).cloned(),
                table.delete(&request),
                None,
            )
        }
        _ => {
            let key = dice.key();
            let request = UpdateItem {
                key: key.clone(),
                update: dice.update(),
                precondition: dice.precondition(),
                return_values: ReturnValues::AllNew,
            };
            let result = table.update(&request);
            let after = result
                .as_ref()
                .ok()
                .and_then(|output| output.attributes.clone());
            let key = name(&key);
            (key.clone(), model.get(&key).cloned(), result, after)
        }
    };
    let bytes = |item: &Option<Item>| item.as_ref().map(Item::size_bytes);
    match result {
        Ok(output) => {
            let units = WriteUnits::for_change(bytes(&before), bytes(&after), WriteMode::Standard);
            assert_eq!(output.consumed.table.write, units);
            if output.attributes.is_some() && output.attributes != after {
                assert_eq!(output.attributes, before);
            }
            match after {
                Some(after) => model.insert(key, after),
                None => model.remove(&key),
            };
        }
        Err(Error::ConditionalCheckFailed { consumed, item }) => {
            let units = WriteUnits::for_failed_condition(bytes(&before), WriteMode::Standard);
            assert_eq!(consumed.table.write, units);
            assert!(item.is_none() || item.as_deref() == before.as_ref());
        }
        Err(error) => assert_eq!(error.code(), "ValidationException", "{error}"),
    }
}

/// Sends one read, which must not disturb anything and may be refused.
fn read(table: &Table, model: &Model, dice: &mut Dice) {
    let partition = KeyValue::String(["a", "open", "done"][dice.below(3) as usize].into());
    let outcome = match dice.below(3) {
        0 => {
            let key = dice.key();
            let found = table.get(&GetItem::new(key.clone()));
            if let Ok(output) = &found {
                assert_eq!(output.item.as_ref(), model.get(&name(&key)));
            }
            found.map(|_| ())
        }
        1 => {
            let query = Query {
                partition,
                sort: (dice.below(2) == 0).then(|| dice.sort()),
                direction: [ScanDirection::Forward, ScanDirection::Backward]
                    [dice.below(2) as usize],
                options: dice.options(table),
            };
            table
                .query(&query)
                .map(|page| assert!(page.count <= page.scanned_count))
        }
        _ => {
            let scan = Scan {
                segment: (dice.below(2) == 0).then(|| Segment {
                    segment: dice.below(4) as u32,
                    total: dice.below(4) as u32,
                }),
                options: dice.options(table),
            };
            table
                .scan(&scan)
                .map(|page| assert!(page.count <= page.scanned_count))
        }
    };
    if let Err(error) = outcome {
        assert_eq!(error.code(), "ValidationException", "{error}");
    }
}

/// Sends `requests` random requests and compares table and model from time to time.
fn run(seed: u64, requests: u64) {
    let stream = Seed(seed).stream("requests");
    let (mut table, mut model) = (indexed(), Model::new());
    for number in 0..requests {
        let mut dice = Dice(stream.draws(0, number));
        match dice.below(3) {
            0 => read(&table, &model, &mut dice),
            _ => write(&mut table, &mut model, &mut dice),
        }
        if number % 97 == 0 {
            compare(&table, &model);
        }
    }
    compare(&table, &model);
}

#[test]
fn a_table_and_its_indexes_hold_what_the_model_holds() {
    for seed in 0..8 {
        run(seed, 2_000);
    }
}

#[test]
#[ignore = "a million requests take some seconds; `cargo xtask soak` sends them"]
fn a_million_requests_keep_table_and_model_alike() {
    for seed in 100..110 {
        run(seed, 100_000);
    }
}
