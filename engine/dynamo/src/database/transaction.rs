//! TransactWriteItems and TransactGetItems: all or nothing, at twice the price on the tables.

use super::token::{CarriedOut, RequestDigest};
use super::{ConsumedByTable, Database, add_consumed, check_count};
use crate::capacity::{ConsumedCapacity, ReadConsistency, ReadUnits, Units, WriteMode, WriteUnits};
use crate::error::{Cancellation, CancellationReason, Error, Validation};
use crate::expression::{Condition, DocumentPath, check_projection};
use crate::index::IndexRule;
use crate::item::{AttributeMap, Item, check_item};
use crate::key::{KeySchema, PrimaryKey};
use crate::limits::{CLIENT_TOKEN_CHARS, TRANSACT_ACTIONS_MAX, TRANSACT_BYTES_MAX};
use crate::table::{DeleteItem, Plan, Precondition, PutItem, Refusal, Table, UpdateItem};
use kvrig_base::time::Time;
use std::collections::BTreeSet;

const WRITE: &str = "TransactWriteItems";
const GET: &str = "TransactGetItems";

/// What an action of a transaction does to its item. What the request wants returned is ignored.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TransactAction {
    /// Stores a whole item.
    Put(PutItem),
    /// Changes parts of an item.
    Update(UpdateItem),
    /// Removes an item.
    Delete(DeleteItem),
    /// Demands a condition of an item and changes nothing.
    ConditionCheck {
        /// The primary key.
        key: AttributeMap,
        /// What must hold.
        precondition: Precondition,
    },
}

/// One action of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TransactWrite {
    /// The table.
    pub table: Box<str>,
    /// What is done.
    pub action: TransactAction,
}

/// TransactWriteItems: up to 100 actions on as many items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransactWriteItems {
    /// The actions, no two on one item.
    pub actions: Vec<TransactWrite>,
    /// `ClientRequestToken`: within ten minutes the same request with the same token is carried out
    /// once.
    pub client_token: Option<Box<str>>,
}

/// What TransactWriteItems answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransactWriteOutput {
    /// What it consumed, by table: write units, or read units where it had been carried out before.
    pub consumed: ConsumedByTable,
}

/// One item that TransactGetItems reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactGet {
    /// The table.
    pub table: Box<str>,
    /// The primary key.
    pub key: AttributeMap,
    /// The parts that are wanted; everything where there are none.
    pub projection: Vec<DocumentPath>,
}

/// TransactGetItems: up to 100 items as they were at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransactGetItems {
    /// The items, none twice.
    pub gets: Vec<TransactGet>,
}

/// What TransactGetItems answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransactGetOutput {
    /// For each get in its order the item, if there is one.
    pub items: Vec<Option<Item>>,
    /// What it consumed, by table.
    pub consumed: ConsumedByTable,
}

impl TransactAction {
    pub(crate) fn key(&self, schema: &KeySchema) -> Result<PrimaryKey, Validation> {
        match self {
            Self::Put(put) => schema.key_of(&put.item),
            Self::Update(UpdateItem { key, .. })
            | Self::Delete(DeleteItem { key, .. })
            | Self::ConditionCheck { key, .. } => schema.key_from(key),
        }
    }
    /// What makes it unacceptable whatever is there: a plan of it says the same. `rules` are those of all
    /// indexes of its table.
    pub(crate) fn check(&self, schema: &KeySchema, rules: &[&IndexRule]) -> Result<(), Validation> {
        let precondition = match self {
            Self::Put(put) => {
                check_item(&put.item)?;
                rules.iter().try_for_each(|rule| rule.check(&put.item))?;
                &put.precondition
            }
            Self::Update(update) => {
                update.update.check(schema)?;
                &update.precondition
            }
            Self::Delete(delete) => &delete.precondition,
            Self::ConditionCheck { precondition, .. } => precondition,
        };
        precondition.condition.iter().try_for_each(Condition::check)
    }
    /// A plan of it where its table keeps global indexes elsewhere, whose rules are given; what they
    /// say of a whole item, [`TransactAction::check`] has seen to.
    pub(crate) fn plan_within(&self, table: &Table, rules: &[&IndexRule]) -> Result<Plan, Refusal> {
        let plan = self.plan(table)?;
        if let (Self::Update(_), Some(Some(after))) = (self, plan.after()) {
            let mut rules = rules.iter();
            rules
                .try_for_each(|rule| rule.check(&after.item))
                .map_err(Refusal::updated_index_key)?;
        }
        Ok(plan)
    }
    pub(crate) fn plan(&self, table: &Table) -> Result<Plan, Refusal> {
        match self {
            Self::Put(put) => table.plan_put(put.clone()),
            Self::Update(update) => table.plan_update(update),
            Self::Delete(delete) => table.plan_delete(delete),
            Self::ConditionCheck { key, precondition } => table.plan_check(key, precondition),
        }
    }
}

impl Database {
    /// TransactWriteItems at `now`, by which client tokens age.
    ///
    /// Where it was carried out before with the same token, nothing is written and its items are read
    /// instead: each is charged by the larger of the sizes that it had before and after (AWS API
    /// Reference, ClientRequestToken; the size as captured by dynoxide 3.2 in 2026).
    ///
    /// Where the transaction is cancelled, every action is charged as if it had been prepared: AWS
    /// says that failed transactions consume capacity, not how much; this is our reading.
    ///
    /// # Errors
    /// A request that is not acceptable, a token that came with another request, and a cancelled
    /// transaction: then nothing is written.
    pub fn transact_write(
        &mut self,
        request: &TransactWriteItems,
        now: Time,
    ) -> Result<TransactWriteOutput, Error> {
        let keys = self.check_transaction(request)?;
        let token = request.client_token.as_deref();
        let token = token.map(|token| (token, RequestDigest::of(&request.actions)));
        if let Some((token, digest)) = token
            && let Some(before) = self.tokens.find(token, now)
        {
            return match before.request == digest {
                true => Ok(TransactWriteOutput {
                    consumed: before.repeated.clone(),
                }),
                false => Err(Error::IdempotentParameterMismatch),
            };
        }
        let plans = self.plan_all(request, &keys)?;
        let mut output = TransactWriteOutput::default();
        let mut repeated = ConsumedByTable::new();
        for ((action, plan), key) in request.actions.iter().zip(plans).zip(&keys) {
            let table = self.table_mut(&action.table)?;
            let before = table.item_bytes(key).unwrap_or(0);
            let larger = plan.bytes().unwrap_or(0).max(before);
            add_consumed(&mut repeated, &action.table, &transactional_read(larger));
            let written = table.carry_out(plan, WriteMode::Transactional);
            add_consumed(&mut output.consumed, &action.table, &written.consumed);
        }
        if let Some((token, digest)) = token {
            let carried_out = CarriedOut {
                request: digest,
                repeated,
            };
            self.tokens.remember(token, carried_out, now);
        }
        Ok(output)
    }

    /// The primary key of each action.
    fn check_transaction(&self, request: &TransactWriteItems) -> Result<Vec<PrimaryKey>, Error> {
        check_transaction_shape(request)?;
        let keys = request.actions.iter().map(|action| {
            let table = self.table(&action.table)?;
            Ok(action.action.key(&table.schema().key)?)
        });
        let keys: Vec<PrimaryKey> = keys.collect::<Result<_, Error>>()?;
        let mut seen = BTreeSet::new();
        for (action, key) in request.actions.iter().zip(&keys) {
            if !seen.insert((&action.table, key)) {
                return Err(Validation::DuplicateActions.into());
            }
        }
        Ok(keys)
    }

    /// Plans of all actions; no two concern one item, so each may see the tables as they are.
    fn plan_all(
        &self,
        request: &TransactWriteItems,
        keys: &[PrimaryKey],
    ) -> Result<Vec<Plan>, Error> {
        let mut plans = Vec::with_capacity(keys.len());
        let mut reasons = Vec::with_capacity(keys.len());
        let mut consumed = ConsumedByTable::new();
        let mut bytes = 0;
        for (action, key) in request.actions.iter().zip(keys) {
            let table = self.table(&action.table)?;
            let existing = table.item_bytes(key);
            let (reason, after) = match action.action.plan(table) {
                Ok(plan) => {
                    let after = plan.bytes();
                    bytes += after.unwrap_or(0);
                    plans.push(plan);
                    (CancellationReason::None, after)
                }
                Err(Refusal::Validation(error)) => return Err(error.into()),
                Err(Refusal::Item(error)) => (CancellationReason::ValidationError(error), None),
                Err(Refusal::CollectionTooLarge) => {
                    (CancellationReason::ItemCollectionSizeLimitExceeded, None)
                }
                Err(Refusal::Condition { item, .. }) => {
                    (CancellationReason::ConditionalCheckFailed { item }, None)
                }
            };
            let units = WriteUnits::for_change(existing, after, WriteMode::Transactional);
            let units = ConsumedCapacity::of_table(Units::write(units));
            add_consumed(&mut consumed, &action.table, &units);
            reasons.push(reason);
        }
        if bytes > TRANSACT_BYTES_MAX {
            return Err(Validation::TransactionTooLarge.into());
        }
        match reasons
            .iter()
            .all(|reason| *reason == CancellationReason::None)
        {
            true => Ok(plans),
            false => Err(Error::TransactionCanceled(Box::new(Cancellation {
                reasons,
                consumed,
            }))),
        }
    }

    /// TransactGetItems: each item is charged by itself, rounded up and doubled.
    ///
    /// # Errors
    /// A request that is not acceptable, or whose items have more than 4 MB.
    pub fn transact_get(&self, request: &TransactGetItems) -> Result<TransactGetOutput, Error> {
        check_gets(request, |table| Ok(&self.table(table)?.schema().key))?;
        let mut output = TransactGetOutput::default();
        let mut total = 0;
        for get in &request.gets {
            let table = self.table(&get.table)?;
            let (item, bytes) = table.look_up(&get.key, &get.projection)?;
            total += bytes;
            if total > TRANSACT_BYTES_MAX {
                return Err(Validation::TransactionTooLarge.into());
            }
            output.items.push(item);
            add_consumed(&mut output.consumed, &get.table, &transactional_read(bytes));
        }
        Ok(output)
    }
}

/// What makes a TransactGetItems unacceptable whatever its items are; `key_of` gives the key of a table.
pub(crate) fn check_gets<'k>(
    request: &TransactGetItems,
    key_of: impl Fn(&str) -> Result<&'k KeySchema, Error>,
) -> Result<(), Error> {
    check_count(GET, request.gets.len(), TRANSACT_ACTIONS_MAX)?;
    let mut seen = BTreeSet::new();
    for get in &request.gets {
        let key = key_of(&get.table)?.key_from(&get.key)?;
        if !seen.insert((&get.table, key)) {
            return Err(Validation::DuplicateActions.into());
        }
        check_projection(&get.projection)?;
    }
    Ok(())
}

/// What can be said of a transaction without its tables.
pub(crate) fn check_transaction_shape(request: &TransactWriteItems) -> Result<(), Validation> {
    check_count(WRITE, request.actions.len(), TRANSACT_ACTIONS_MAX)?;
    match &request.client_token {
        Some(token) if !CLIENT_TOKEN_CHARS.contains(&token.chars().count()) => {
            Err(Validation::ClientToken)
        }
        _ => Ok(()),
    }
}

fn transactional_read(bytes: u64) -> ConsumedCapacity {
    let units = ReadUnits::for_bytes(bytes, ReadConsistency::Transactional);
    ConsumedCapacity::of_table(Units::read(units))
}
