//! Writes: each is planned without touching the table, then carried out.
//!
//! A transaction plans all its writes before it carries out the first.

use super::Table;
use super::collection::collection_bytes;
use super::request::{
    DeleteItem, Precondition, PutItem, ReturnOld, ReturnValues, UpdateItem, WriteOutput,
};
use super::store::{Place, Stored};
use crate::capacity::{ConsumedCapacity, Units, WriteMode, WriteUnits};
use crate::error::{Error, Validation};
use crate::expression::{Update, project};
use crate::item::{AttributeMap, Item, check_item};
use crate::key::PrimaryKey;

/// A write that is acceptable and whose condition holds.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    place: Place,
    change: Change,
    answer: Answer,
}

#[derive(Clone, Debug)]
enum Change {
    Put(Stored),
    Delete,
    /// A condition check alone; with the size of the item that is there.
    None(Option<u64>),
}

/// What is answered once the write is carried out.
#[derive(Clone, Debug)]
enum Answer {
    None,
    Before,
    Attributes(Item),
}

/// Why a plan could not be made.
#[derive(Debug)]
pub(crate) enum Refusal {
    Validation(Validation),
    /// The request is acceptable by itself but not for the item that is there.
    Item(Validation),
    Condition {
        existing: Option<u64>,
        item: Option<Box<Item>>,
    },
    CollectionTooLarge,
}

impl From<Validation> for Refusal {
    fn from(validation: Validation) -> Self {
        Self::Validation(validation)
    }
}

impl Refusal {
    /// Of an item whose update an index cannot hold.
    pub(crate) fn updated_index_key(error: Validation) -> Self {
        Self::Item(match error {
            Validation::PartitionKeyTooLong | Validation::SortKeyTooLong => {
                Validation::UpdatedIndexKeyTooLong
            }
            error => error,
        })
    }
    /// The error of a write that stands alone.
    pub(crate) fn alone(self) -> Error {
        match self {
            Self::Validation(error) | Self::Item(error) => error.into(),
            Self::CollectionTooLarge => Error::ItemCollectionSizeLimitExceeded,
            Self::Condition { existing, item } => {
                let units = WriteUnits::for_failed_condition(existing, WriteMode::Standard);
                Error::ConditionalCheckFailed {
                    consumed: ConsumedCapacity::of_table(Units::write(units)),
                    item,
                }
            }
        }
    }
}

impl Table {
    /// PutItem: stores a whole item in place of the one with its key.
    ///
    /// # Errors
    /// An item that is not acceptable, and a condition that does not hold.
    pub fn put(&mut self, request: PutItem) -> Result<WriteOutput, Error> {
        let plan = self.plan_put(request).map_err(Refusal::alone)?;
        Ok(self.carry_out(plan, WriteMode::Standard))
    }
    /// UpdateItem: changes parts of an item, or creates it.
    ///
    /// # Errors
    /// An update that is not acceptable, by itself or for the item that is there, and a condition
    /// that does not hold.
    pub fn update(&mut self, request: &UpdateItem) -> Result<WriteOutput, Error> {
        let plan = self.plan_update(request).map_err(Refusal::alone)?;
        Ok(self.carry_out(plan, WriteMode::Standard))
    }
    /// DeleteItem: removes an item; it is no error that there is none.
    ///
    /// # Errors
    /// A key that does not fit the schema, and a condition that does not hold.
    pub fn delete(&mut self, request: &DeleteItem) -> Result<WriteOutput, Error> {
        let plan = self.plan_delete(request).map_err(Refusal::alone)?;
        Ok(self.carry_out(plan, WriteMode::Standard))
    }

    pub(crate) fn plan_put(&self, request: PutItem) -> Result<Plan, Refusal> {
        let place = self.place(self.schema.key.key_of(&request.item)?);
        self.plan_put_at(place, request)
    }
    /// The same where the place of the item's key is known.
    pub(crate) fn plan_put_at(&self, place: Place, request: PutItem) -> Result<Plan, Refusal> {
        let bytes = check_item(&request.item)?;
        self.check_indexes(&request.item)?;
        self.check_precondition(&request.precondition, &place)?;
        self.check_collection(&place, &request.item)?;
        Ok(Plan {
            place,
            change: Change::Put(Stored {
                item: request.item,
                bytes,
            }),
            answer: Answer::old(request.return_values),
        })
    }

    pub(crate) fn plan_update(&self, request: &UpdateItem) -> Result<Plan, Refusal> {
        let place = self.place(self.schema.key.key_from(&request.key)?);
        self.plan_update_at(place, request)
    }
    /// The same where the place of its key is known.
    pub(crate) fn plan_update_at(
        &self,
        place: Place,
        request: &UpdateItem,
    ) -> Result<Plan, Refusal> {
        request.update.check(&self.schema.key)?;
        self.check_precondition(&request.precondition, &place)?;
        let existing = self.items.get(&place).map(|stored| &stored.item);
        let before = existing.unwrap_or(&request.key);
        let (item, bytes) = request.update.apply(before).map_err(Refusal::Item)?;
        self.check_indexes(&item)
            .map_err(Refusal::updated_index_key)?;
        self.check_collection(&place, &item)?;
        let answer = answer(request.return_values, &request.update, existing, &item);
        Ok(Plan {
            place,
            change: Change::Put(Stored { item, bytes }),
            answer,
        })
    }

    pub(crate) fn plan_delete(&self, request: &DeleteItem) -> Result<Plan, Refusal> {
        let place = self.place(self.schema.key.key_from(&request.key)?);
        self.plan_delete_at(place, request)
    }
    /// The same where the place of its key is known.
    pub(crate) fn plan_delete_at(
        &self,
        place: Place,
        request: &DeleteItem,
    ) -> Result<Plan, Refusal> {
        self.check_precondition(&request.precondition, &place)?;
        Ok(Plan {
            place,
            change: Change::Delete,
            answer: Answer::old(request.return_values),
        })
    }

    /// A condition check, which transactions have: it writes nothing.
    pub(crate) fn plan_check(
        &self,
        key: &AttributeMap,
        precondition: &Precondition,
    ) -> Result<Plan, Refusal> {
        let place = self.place(self.schema.key.key_from(key)?);
        self.check_precondition(precondition, &place)?;
        let bytes = self.items.get(&place).map(|stored| stored.bytes);
        Ok(Plan {
            place,
            change: Change::None(bytes),
            answer: Answer::None,
        })
    }

    /// Carries out a plan that was made of this very state.
    pub(crate) fn carry_out(&mut self, plan: Plan, mode: WriteMode) -> WriteOutput {
        let mut consumed = ConsumedCapacity::default();
        let (before, after_bytes) = match plan.change {
            Change::None(bytes) => {
                consumed.table.write = WriteUnits::for_change(bytes, None, mode);
                return WriteOutput {
                    attributes: None,
                    consumed,
                };
            }
            Change::Put(stored) => {
                self.follow(&plan.place, Some(&stored.item), &mut consumed);
                let bytes = stored.bytes;
                (self.items.insert(plan.place, stored), Some(bytes))
            }
            Change::Delete => {
                self.follow(&plan.place, None, &mut consumed);
                (self.items.remove(&plan.place), None)
            }
        };
        let before_bytes = before.as_ref().map(|stored| stored.bytes);
        consumed.table.write = WriteUnits::for_change(before_bytes, after_bytes, mode);
        WriteOutput {
            attributes: match plan.answer {
                Answer::None => None,
                Answer::Before => before.map(|stored| stored.item),
                Answer::Attributes(item) => Some(item),
            },
            consumed,
        }
    }

    /// What carrying out a plan of this very state will answer, where the change itself is made by
    /// [`Table::set`].
    pub(crate) fn foretell(&self, plan: &Plan, mode: WriteMode) -> WriteOutput {
        let before = self.items.get(&plan.place);
        let before_bytes = before.map(|stored| stored.bytes);
        let mut consumed = ConsumedCapacity::default();
        let (before_bytes, after) = match &plan.change {
            Change::None(bytes) => (*bytes, None),
            Change::Put(stored) => (before_bytes, Some(stored)),
            Change::Delete => (before_bytes, None),
        };
        let after_bytes = after.map(|stored| stored.bytes);
        consumed.table.write = WriteUnits::for_change(before_bytes, after_bytes, mode);
        if !matches!(plan.change, Change::None(_)) {
            for index in &self.indexes {
                let items = (before.map(|one| &one.item), after.map(|one| &one.item));
                let units = WriteUnits::for_index(index.rule.change(items));
                consumed.add_index(index.rule.id, Units::write(units));
            }
        }
        WriteOutput {
            attributes: match &plan.answer {
                Answer::None => None,
                Answer::Before => before.map(|stored| stored.item.clone()),
                Answer::Attributes(item) => Some(item.clone()),
            },
            consumed,
        }
    }
    /// Sets or removes what is at a place, lets the indexes follow, and returns what was there.
    pub(crate) fn set(&mut self, place: &Place, after: Option<Stored>) -> Option<Stored> {
        let item = after.as_ref().map(|stored| &stored.item);
        self.follow(place, item, &mut ConsumedCapacity::default());
        match after {
            Some(stored) => self.items.insert(place.clone(), stored),
            None => self.items.remove(place),
        }
    }
    /// What is at a place.
    pub(crate) fn stored(&self, place: &Place) -> Option<&Stored> {
        self.items.get(place)
    }

    /// Lets every index follow a change that is about to be made.
    fn follow(&mut self, place: &Place, after: Option<&Item>, consumed: &mut ConsumedCapacity) {
        if self.indexes.is_empty() {
            return;
        }
        let base = place.inner.key();
        let before = self.items.get(place).map(|stored| &stored.item);
        for index in &mut self.indexes {
            let units = index.follow(self.hasher, &base, (before, after));
            consumed.add_index(index.rule.id, units);
        }
        if let Some(collections) = &mut self.collections {
            let bytes = |item| collection_bytes(&self.indexes, item);
            collections.change(place.hash, bytes(before), bytes(after));
        }
    }

    /// Whether the collection of an item that is to be stored stays within its limit.
    fn check_collection(&self, place: &Place, after: &Item) -> Result<(), Refusal> {
        let Some(collections) = &self.collections else {
            return Ok(());
        };
        let before = self.items.get(place).map(|stored| &stored.item);
        let bytes = |item| collection_bytes(&self.indexes, item);
        match collections.allows(place.hash, bytes(before), bytes(Some(after))) {
            true => Ok(()),
            false => Err(Refusal::CollectionTooLarge),
        }
    }

    fn check_indexes(&self, item: &Item) -> Result<(), Validation> {
        self.indexes
            .iter()
            .try_for_each(|index| index.rule.check(item))
    }

    fn check_precondition(
        &self,
        precondition: &Precondition,
        place: &Place,
    ) -> Result<(), Refusal> {
        let Some(condition) = &precondition.condition else {
            return Ok(());
        };
        condition.check()?;
        let existing = self.items.get(place);
        let nothing = Item::new();
        if condition.holds(existing.map_or(&nothing, |stored| &stored.item)) {
            return Ok(());
        }
        let tells = precondition.on_failure == ReturnOld::AllOld;
        Err(Refusal::Condition {
            existing: existing.map(|stored| stored.bytes),
            item: existing
                .filter(|_| tells)
                .map(|stored| Box::new(stored.item.clone())),
        })
    }

    pub(crate) fn place(&self, key: PrimaryKey) -> Place {
        Place::of_item(self.hasher.hash(&key.partition), key)
    }
}

impl Plan {
    /// The primary key of the item that it writes.
    pub(crate) fn key(&self) -> PrimaryKey {
        self.place.inner.key()
    }
    /// Where that lies.
    pub(crate) const fn place(&self) -> &Place {
        &self.place
    }
    /// What it leaves there; nothing where it changes nothing.
    pub(crate) const fn after(&self) -> Option<Option<&Stored>> {
        match &self.change {
            Change::Put(stored) => Some(Some(stored)),
            Change::Delete => Some(None),
            Change::None(_) => None,
        }
    }
    /// Where its item lies, and what it leaves there; nothing where it changes nothing.
    pub(crate) fn into_change(self) -> (Place, Option<Option<Stored>>) {
        let after = match self.change {
            Change::Put(stored) => Some(Some(stored)),
            Change::Delete => Some(None),
            Change::None(_) => None,
        };
        (self.place, after)
    }
    /// Bytes of the item that it leaves, if it stores one.
    pub(crate) const fn bytes(&self) -> Option<u64> {
        match &self.change {
            Change::Put(stored) => Some(stored.bytes),
            Change::Delete | Change::None(_) => None,
        }
    }
}

impl Answer {
    const fn old(values: ReturnOld) -> Self {
        match values {
            ReturnOld::None => Self::None,
            ReturnOld::AllOld => Self::Before,
        }
    }
    /// What is at the places that an update changes, if anything is.
    fn parts(item: Option<&Item>, update: &Update) -> Self {
        let parts = item.map(|item| project(item, update.paths()));
        match parts {
            Some(parts) if !parts.is_empty() => Self::Attributes(parts),
            _ => Self::None,
        }
    }
}

fn answer(values: ReturnValues, update: &Update, before: Option<&Item>, after: &Item) -> Answer {
    match values {
        ReturnValues::None => Answer::None,
        ReturnValues::AllOld => Answer::Before,
        ReturnValues::AllNew => Answer::Attributes(after.clone()),
        ReturnValues::UpdatedNew => Answer::parts(Some(after), update),
        ReturnValues::UpdatedOld => Answer::parts(before, update),
    }
}
