//! Random requests of every kind through the service: whatever is asked, it is answered once, and table,
//! replicas and index agree in the end.

use super::host::{Host, Shape};
use super::key;
use kvrig_base::random::{Seed, Sequence};
use kvrig_base::time::Span;
use kvrig_dynamo::capacity::ReadConsistency;
use kvrig_dynamo::database::{
    TransactAction, TransactGet, TransactGetItems, TransactWrite, TransactWriteItems,
};
use kvrig_dynamo::expression::{
    Comparator, Condition, DocumentPath, Operand, SetAction, SetOperand, Update,
};
use kvrig_dynamo::index::IndexRule;
use kvrig_dynamo::key::{KeySchema, ScalarType};
use kvrig_dynamo::roles::{KeyspaceId, Request};
use kvrig_dynamo::schema::Projection;
use kvrig_dynamo::table::{
    DeleteItem, GetItem, Precondition, PutItem, ReturnOld, ReturnValues, UpdateItem,
};
use kvrig_dynamo::value::{NumberSet, StringSet};
use kvrig_dynamo::{AttributeMap, AttributeValue, Item, TableSchema};

/// Requests of a plain run; the variable asks for more, as a search in earnest does with a million.
const REQUESTS: u64 = 20_000;

fn requests() -> u64 {
    let asked = std::env::var("KVRIG_FUZZED_INPUTS").ok();
    asked
        .and_then(|asked| asked.parse().ok())
        .unwrap_or(REQUESTS)
}

fn schema() -> TableSchema {
    TableSchema::new("simple", KeySchema::simple("pk", ScalarType::String)).global(
        "by-s",
        KeySchema::simple("s", ScalarType::String),
        Projection::Include(vec!["v".into()]),
    )
}

struct Dice(Sequence);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0.below(end)
    }
    fn key(&mut self) -> AttributeMap {
        match self.below(50) {
            0 => Item::new(),
            1 => Item::from([("pk", 1.into())]),
            2 => Item::from([("pk", "".into())]),
            3 => Item::from([("pk", "x".repeat(2_049).into())]),
            _ => key(&self.below(30).to_string()),
        }
    }
    fn value(&mut self, level: u32) -> AttributeValue {
        match self.below(if level < 40 { 12 } else { 8 }) {
            0 => AttributeValue::Null,
            1 => true.into(),
            2 => AttributeValue::from(&b"bytes"[..]),
            3 => NumberSet::new([1.into(), 2.into()]).expect("two").into(),
            4 => StringSet::new(["x".into(), "y".into()])
                .expect("two")
                .into(),
            5 => "x".repeat(self.below(5_000) as usize).into(),
            6 => "".into(),
            7 => (self.below(100) as i64 - 50).into(),
            8 | 9 => vec![self.value(level + 1), 1.into()].into(),
            _ => Item::from([("m", self.value(level + 2))]).into(),
        }
    }
    fn path(&mut self) -> DocumentPath {
        let mut path = DocumentPath::new(["pk", "s", "v", "w", "none"][self.below(5) as usize]);
        for _ in 0..self.below(3) {
            path = match self.below(2) {
                0 => path.name("m"),
                _ => path.index(self.below(3) as u32),
            };
        }
        path
    }
    fn operand(&mut self) -> Operand {
        match self.below(3) {
            0 => Operand::Path(self.path()),
            1 => Operand::Size(self.path()),
            _ => Operand::Value(self.value(30)),
        }
    }
    fn condition(&mut self, level: u32) -> Condition {
        match self.below(if level < 4 { 8 } else { 5 }) {
            0 => Condition::AttributeExists(self.path()),
            1 => Condition::AttributeNotExists(self.path()),
            2 => Condition::Between(self.operand(), self.operand(), self.operand()),
            3 => Condition::Contains(self.path(), self.operand()),
            4 => Condition::Compare(self.operand(), Comparator::LessOrEqual, self.operand()),
            5 => Condition::Not(Box::new(self.condition(level + 1))),
            6 => Condition::And(vec![self.condition(level + 1), self.condition(level + 1)]),
            _ => Condition::Or(vec![self.condition(level + 1), self.condition(level + 1)]),
        }
    }
    fn precondition(&mut self) -> Precondition {
        Precondition {
            condition: (self.below(3) == 0).then(|| self.condition(0)),
            on_failure: [ReturnOld::None, ReturnOld::AllOld][self.below(2) as usize],
        }
    }
    fn update(&mut self) -> Update {
        let mut update = Update::new();
        for _ in 0..self.below(4) {
            let path = self.path();
            update = match self.below(6) {
                0 => update.remove(path),
                1 => update.add(path, self.value(30)),
                2 => update.delete(path, self.value(30)),
                3 => {
                    let (left, right) = (SetOperand::Path(self.path()), self.value(30));
                    update.set(path, SetAction::Plus(left, SetOperand::Value(right)))
                }
                _ => update.set(path, SetAction::To(SetOperand::Value(self.value(30)))),
            };
        }
        update
    }
    fn put(&mut self) -> PutItem {
        let mut item = self.key();
        for name in ["s", "v", "w"] {
            if self.below(3) > 0 {
                let value = match (name, self.below(5)) {
                    ("s", 1..) => ["open", "paid", "sent"][self.below(3) as usize].into(),
                    _ => self.value(0),
                };
                item.insert(name, value);
            }
        }
        PutItem {
            item,
            precondition: self.precondition(),
            return_values: [ReturnOld::None, ReturnOld::AllOld][self.below(2) as usize],
        }
    }
    fn update_item(&mut self) -> UpdateItem {
        let values = [
            ReturnValues::None,
            ReturnValues::AllOld,
            ReturnValues::UpdatedOld,
            ReturnValues::AllNew,
            ReturnValues::UpdatedNew,
        ];
        UpdateItem {
            key: self.key(),
            update: self.update(),
            precondition: self.precondition(),
            return_values: values[self.below(5) as usize],
        }
    }
    fn delete(&mut self) -> DeleteItem {
        DeleteItem {
            key: self.key(),
            precondition: self.precondition(),
            return_values: ReturnOld::AllOld,
        }
    }
    fn request(&mut self) -> Request {
        match self.below(4) {
            0 => Request::Put(self.put()),
            1 => Request::Update(self.update_item()),
            2 => Request::Delete(self.delete()),
            _ => Request::Get(GetItem {
                key: self.key(),
                consistency: match self.below(20) {
                    0 => ReadConsistency::Transactional,
                    1..10 => ReadConsistency::Strong,
                    _ => ReadConsistency::Eventual,
                },
                projection: (0..self.below(3)).map(|_| self.path()).collect(),
            }),
        }
    }
    fn transactional_read(&mut self) -> TransactGetItems {
        let gets = (0..self.below(5)).map(|_| TransactGet {
            table: ["simple", "simple", "simple", "none"][self.below(4) as usize].into(),
            key: self.key(),
            projection: (0..self.below(3)).map(|_| self.path()).collect(),
        });
        TransactGetItems {
            gets: gets.collect(),
        }
    }
    fn transaction(&mut self) -> TransactWriteItems {
        let actions = (0..self.below(5)).map(|_| TransactWrite {
            table: ["simple", "simple", "simple", "none"][self.below(4) as usize].into(),
            action: match self.below(4) {
                0 => TransactAction::Put(self.put()),
                1 => TransactAction::Update(self.update_item()),
                2 => TransactAction::Delete(self.delete()),
                _ => TransactAction::ConditionCheck {
                    key: self.key(),
                    precondition: self.precondition(),
                },
            },
        });
        TransactWriteItems {
            actions: actions.collect(),
            client_token: (self.below(3) == 0).then(|| self.below(50).to_string().into()),
        }
    }
}

fn fuzz(count: u64) {
    let mut shape = Shape::new(schema());
    (shape.partitions, shape.index_partitions) = (2, 2);
    let mut host = Host::new(&shape, 1);
    let mut dice = Dice(Seed(11).stream("requests").sequence(0));
    let mut kinds = std::collections::BTreeMap::<&str, u64>::new();
    let mut done = 0;
    for _ in 0..count / 1_000 {
        for _ in 0..1_000 {
            let at = host.now + Span::from_picos(dice.below(2_000_000_000_000));
            match dice.below(10) {
                0 => host.transact_at(at, dice.transaction()),
                1 => host.transact_get_at(at, dice.transactional_read()),
                _ => host.ask_at(at, dice.request()),
            };
        }
        host.run_until(host.now + Span::from_secs(4));
        let told = std::mem::take(&mut host.told);
        assert_eq!(told.len(), 1_000, "every request is answered");
        for told in told.into_values() {
            let kind = told
                .answer
                .as_ref()
                .map_or_else(kvrig_dynamo::Error::code, |_| "");
            *kinds.entry(kind).or_default() += 1;
        }
        done += 1_000;
    }
    assert_eq!(kinds.values().sum::<u64>(), done);
    for kind in ["", "ValidationException", "ConditionalCheckFailedException"] {
        assert!(kinds.get(kind).is_some_and(|n| n * 50 > done), "{kinds:?}");
    }
    assert!(!kinds.contains_key("InternalServerError"), "{kinds:?}");
    let contents = host.contents.borrow();
    assert_eq!(contents.changes_kept(), 0);
    let rule = &IndexRule::all(&schema())[0];
    let table = contents.table(KeyspaceId(0)).expect("the table");
    let all = table.scan(&Default::default()).expect("a plain scan").items;
    let entries = all.iter().filter_map(|item| rule.entry(item));
    let mut expected: Vec<String> = entries.map(|entry| format!("{:?}", entry.item)).collect();
    let found = contents
        .index_items(KeyspaceId(1))
        .map(|item| format!("{item:?}"));
    let mut found: Vec<String> = found.collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn odd_requests_are_each_answered_once() {
    fuzz(requests());
}

#[test]
#[ignore = "a million requests take minutes"]
fn a_million_odd_requests_are_each_answered_once() {
    fuzz(1_000_000);
}
