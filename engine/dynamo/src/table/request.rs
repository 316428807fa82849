//! Requests to one table and what they answer.

use crate::capacity::{ConsumedCapacity, ReadConsistency};
use crate::expression::{Condition, DocumentPath, Update};
use crate::item::{AttributeMap, Item};
use crate::key::KeyValue;
use std::num::NonZeroU32;

/// GetItem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetItem {
    /// The primary key, exactly.
    pub key: AttributeMap,
    /// Eventual or strong.
    pub consistency: ReadConsistency,
    /// The parts that are wanted; everything where there are none. They change no price.
    pub projection: Vec<DocumentPath>,
}

/// What GetItem answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetItemOutput {
    /// The item, if there is one.
    pub item: Option<Item>,
    /// What it consumed.
    pub consumed: ConsumedCapacity,
}

/// Whether PutItem and DeleteItem answer with the item as it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ReturnOld {
    /// `NONE`.
    #[default]
    None,
    /// `ALL_OLD`.
    AllOld,
}

/// What UpdateItem answers with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ReturnValues {
    /// `NONE`.
    #[default]
    None,
    /// `ALL_OLD`: the item as it was.
    AllOld,
    /// `UPDATED_OLD`: what was at the places that were changed.
    UpdatedOld,
    /// `ALL_NEW`: the item as it is now.
    AllNew,
    /// `UPDATED_NEW`: what is at the places that were changed.
    UpdatedNew,
}

/// The condition of a write, and what its failure tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Precondition {
    /// What must hold of the item that is there.
    pub condition: Option<Condition>,
    /// Whether a failure tells the item that is there.
    pub on_failure: ReturnOld,
}

/// PutItem.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PutItem {
    /// The whole item, which replaces the one with its key.
    pub item: Item,
    /// What must hold before.
    pub precondition: Precondition,
    /// What is answered.
    pub return_values: ReturnOld,
}

/// UpdateItem.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct UpdateItem {
    /// The primary key, exactly; an item that is missing is created.
    pub key: AttributeMap,
    /// What is changed.
    pub update: Update,
    /// What must hold before.
    pub precondition: Precondition,
    /// What is answered.
    pub return_values: ReturnValues,
}

/// DeleteItem.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct DeleteItem {
    /// The primary key, exactly.
    pub key: AttributeMap,
    /// What must hold before.
    pub precondition: Precondition,
    /// What is answered.
    pub return_values: ReturnOld,
}

/// What a write answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteOutput {
    /// The attributes that the request asked for, if there are such.
    pub attributes: Option<Item>,
    /// What it consumed.
    pub consumed: ConsumedCapacity,
}

/// The condition of a query on the sort key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortCondition {
    /// `=`.
    Equal(KeyValue),
    /// `<`.
    Less(KeyValue),
    /// `<=`.
    LessOrEqual(KeyValue),
    /// `>`.
    Greater(KeyValue),
    /// `>=`.
    GreaterOrEqual(KeyValue),
    /// `BETWEEN`, both ends included.
    Between(KeyValue, KeyValue),
    /// `begins_with`, of strings and binaries.
    BeginsWith(KeyValue),
}

/// Which attributes Query and Scan answer with. They change no price, except where a local index
/// has to fetch them from the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Select {
    /// Everything that the table or index holds.
    #[default]
    AllProjected,
    /// `ALL_ATTRIBUTES`: the items of the table.
    AllAttributes,
    /// `SPECIFIC_ATTRIBUTES`: some parts.
    Specific(Vec<DocumentPath>),
    /// `COUNT`: how many there are.
    Count,
}

/// What Query and Scan have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// The secondary index that is read instead of the table.
    pub index: Option<Box<str>>,
    /// Eventual or strong; global indexes know eventual alone.
    pub consistency: ReadConsistency,
    /// What is left out of the answer, though it was read and is charged.
    pub filter: Option<Condition>,
    /// What is answered.
    pub select: Select,
    /// Items that are read at most.
    pub limit: Option<NonZeroU32>,
    /// `LastEvaluatedKey` of the page before.
    pub start: Option<AttributeMap>,
}

/// In which order a query reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScanDirection {
    /// By ascending sort key.
    #[default]
    Forward,
    /// By descending sort key.
    Backward,
}

/// Query: one item collection of the table or an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The value of the partition key.
    pub partition: KeyValue,
    /// The condition on the sort key.
    pub sort: Option<SortCondition>,
    /// The order.
    pub direction: ScanDirection,
    /// Everything else.
    pub options: ReadOptions,
}

/// One part of a parallel scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its number, from 0.
    pub segment: u32,
    /// How many there are.
    pub total: u32,
}

/// Scan: the whole table or index, in the order of hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// The part that is read; all where there is none.
    pub segment: Option<Segment>,
    /// Everything else.
    pub options: ReadOptions,
}

/// What Query and Scan answer: one page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageOutput {
    /// The items, none where only their number was asked for.
    pub items: Vec<Item>,
    /// Items that passed the filter.
    pub count: u64,
    /// Items that were read.
    pub scanned_count: u64,
    /// Where the next page starts; nothing at the end.
    pub last_evaluated_key: Option<AttributeMap>,
    /// What it consumed.
    pub consumed: ConsumedCapacity,
}

impl GetItem {
    /// An eventually consistent read of the whole item.
    pub const fn new(key: AttributeMap) -> Self {
        Self {
            key,
            consistency: ReadConsistency::Eventual,
            projection: Vec::new(),
        }
    }
    /// The same with another consistency.
    #[must_use]
    pub const fn consistency(mut self, consistency: ReadConsistency) -> Self {
        self.consistency = consistency;
        self
    }
}

impl Precondition {
    /// A condition whose failure tells nothing but itself.
    pub const fn on(condition: Condition) -> Self {
        Self {
            condition: Some(condition),
            on_failure: ReturnOld::None,
        }
    }
}

impl Query {
    /// A query of a whole item collection of the table, ascending and eventually consistent.
    pub fn new(partition: KeyValue) -> Self {
        Self {
            partition,
            sort: None,
            direction: ScanDirection::Forward,
            options: ReadOptions::default(),
        }
    }
    /// The same with a condition on the sort key.
    #[must_use]
    pub fn sort(mut self, condition: SortCondition) -> Self {
        self.sort = Some(condition);
        self
    }
}
