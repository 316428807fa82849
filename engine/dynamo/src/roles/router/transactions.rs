//! Transactions at a router: the tokens of one table after another are taken for them, and then the
//! coordinator has them.

use super::{Awaits, Origin, Pending, Router, written};
use crate::capacity::{ReadConsistency, WriteMode, WriteUnits};
use crate::database::{
    ConsumedByTable, TransactAction, TransactGetItems, TransactGetOutput, TransactWriteItems,
    TransactWriteOutput, check_gets,
};
use crate::error::{Cancellation, CancellationReason, Error};
use crate::roles::directory::KeyspaceId;
use crate::roles::message::{Answer, Body, Message, send};
use crate::roles::{ANSWER_SPAN, SENDS_MAX};
use crate::throttle::ThrottledOperation;
use kvrig_base::seam::Cx;
use std::collections::BTreeMap;

/// What a client has asked for.
#[derive(Debug)]
enum Transaction {
    Write(Box<TransactWriteItems>),
    Get(Box<TransactGetItems>),
}

/// A transaction that is not answered yet.
#[derive(Debug)]
pub(super) struct Admission {
    operation: ThrottledOperation,
    /// What is asked; it is away while the coordinator has it.
    transaction: Option<Transaction>,
    /// The tables whose tokens are to be taken yet, and how many.
    missing: Vec<(KeyspaceId, u64)>,
    /// Who stands for the tokens of each table.
    parts: Vec<u64>,
}

impl Transaction {
    /// The table of each item.
    fn tables(&self) -> Vec<&str> {
        match self {
            Self::Write(request) => request.actions.iter().map(|one| &*one.table).collect(),
            Self::Get(request) => request.gets.iter().map(|one| &*one.table).collect(),
        }
    }
    /// Tokens that each item takes before it is known what is found there.
    fn tokens(&self) -> Vec<u64> {
        match self {
            Self::Write(request) => {
                let actions = request.actions.iter().map(|one| &one.action);
                actions.map(action_tokens).collect()
            }
            Self::Get(request) => {
                vec![ReadConsistency::Transactional.halves(); request.gets.len()]
            }
        }
    }
}

fn action_tokens(action: &TransactAction) -> u64 {
    match action {
        TransactAction::Put(put) => {
            let bytes = Some(put.item.size_bytes());
            WriteUnits::for_change(None, bytes, WriteMode::Transactional).0
        }
        TransactAction::Update(_)
        | TransactAction::Delete(_)
        | TransactAction::ConditionCheck { .. } => {
            WriteUnits::for_change(None, None, WriteMode::Transactional).0
        }
    }
}

impl Router {
    /// A TransactGetItems has come in.
    pub(super) fn accept_gets(
        &mut self,
        cx: &mut Cx<'_, Message>,
        (id, origin): (u64, Origin),
        request: Box<TransactGetItems>,
    ) {
        let key_of = |table: &str| self.catalog.find(table).map(|(_, schema)| &schema.key);
        if let Err(error) = check_gets(&request, key_of) {
            return self.answer(cx, (id, origin), Err(error));
        }
        let operation = ThrottledOperation::Read;
        self.admit(cx, (id, origin), operation, Transaction::Get(request));
    }
    /// A TransactWriteItems has come in. What is not acceptable in it, the coordinator says, who knows
    /// whether it was carried out before.
    pub(super) fn accept_writes(
        &mut self,
        cx: &mut Cx<'_, Message>,
        (id, origin): (u64, Origin),
        request: Box<TransactWriteItems>,
    ) {
        let operation = ThrottledOperation::Write;
        self.admit(cx, (id, origin), operation, Transaction::Write(request));
    }
    fn admit(
        &mut self,
        cx: &mut Cx<'_, Message>,
        (id, origin): (u64, Origin),
        operation: ThrottledOperation,
        transaction: Transaction,
    ) {
        let mut missing = BTreeMap::new();
        for (table, tokens) in transaction.tables().into_iter().zip(transaction.tokens()) {
            if let Ok((keyspace, _)) = self.catalog.find(table) {
                *missing.entry(keyspace).or_default() += tokens;
            }
        }
        let admission = Admission {
            operation,
            transaction: Some(transaction),
            missing: missing.into_iter().collect(),
            parts: Vec::new(),
        };
        self.pending
            .insert(id, Pending::new(origin, Awaits::Tokens));
        self.admissions.insert(id, admission);
        self.admit_next(cx, id);
    }
    /// Takes the tokens of the next table, or hands the transaction over if there is none.
    pub(super) fn admit_next(&mut self, cx: &mut Cx<'_, Message>, id: u64) {
        let part = self.take_id();
        let Some(admission) = self.admissions.get_mut(&id) else {
            return;
        };
        if let Some((keyspace, tokens)) = admission.missing.pop() {
            admission.parts.push(part);
            let mut pending = Pending::new(Origin::Admission(id), Awaits::Tokens);
            pending.keyspace = keyspace;
            pending.operation = admission.operation;
            pending.taken = tokens;
            self.pending.insert(part, pending);
            return self.take_tokens(cx, part);
        }
        let body = match admission.transaction.take() {
            Some(Transaction::Write(request)) => Body::Transact { id, request },
            Some(Transaction::Get(request)) => Body::TransactGet { id, request },
            None => return,
        };
        if let Some(pending) = self.pending.get_mut(&id) {
            pending.awaits = Awaits::Coordinator;
        }
        send(cx, self.config.coordinator, body);
        // The coordinator always answers, unless it crashes; then it aborts.
        self.wake_at(id, cx.now() + ANSWER_SPAN * u64::from(SENDS_MAX));
    }
    /// A table has no tokens for it.
    pub(super) fn refuse_admission(
        &mut self,
        cx: &mut Cx<'_, Message>,
        id: u64,
        result: Result<Answer, Error>,
    ) {
        let admission = self.admissions.get_mut(&id);
        let Some(transaction) = admission.and_then(|admission| admission.transaction.take()) else {
            return;
        };
        let error = match result {
            Err(Error::Throttled { reason, resource }) => {
                let tables = transaction.tables().into_iter();
                let reasons = tables.map(|table| match *table == *resource {
                    true => CancellationReason::ThrottlingError { reason },
                    false => CancellationReason::None,
                });
                Error::TransactionCanceled(Box::new(Cancellation {
                    reasons: reasons.collect(),
                    consumed: ConsumedByTable::new(),
                }))
            }
            Err(error) => error,
            // Who stands for tokens is never answered otherwise.
            Ok(_) => Error::InternalServerError,
        };
        self.finish(cx, id, Err(error), 0);
    }
    /// The coordinator has answered, and says what partitions were charged with.
    pub(super) fn transact_got(
        &mut self,
        cx: &mut Cx<'_, Message>,
        id: u64,
        result: Result<TransactGetOutput, Error>,
        consumed: &ConsumedByTable,
    ) {
        self.settle_admission(id, consumed);
        self.finish(cx, id, result.map(Answer::TransactGot), 0);
    }
    /// The coordinator has answered a TransactWriteItems.
    pub(super) fn transacted(
        &mut self,
        cx: &mut Cx<'_, Message>,
        id: u64,
        result: Result<TransactWriteOutput, Error>,
    ) {
        match &result {
            Ok(output) => self.settle_admission(id, &output.consumed),
            Err(Error::TransactionCanceled(cancellation)) => {
                self.settle_admission(id, &cancellation.consumed);
            }
            Err(_) => {}
        }
        self.finish(cx, id, result.map(Answer::Transacted), 0);
    }
    /// Makes what was taken of each table what was used of it.
    pub(super) fn settle_admission(&mut self, id: u64, consumed: &ConsumedByTable) {
        let Some(admission) = self.admissions.remove(&id) else {
            return;
        };
        for part in admission.parts {
            let keyspace = self.pending.get(&part).map(|pending| pending.keyspace);
            let name = keyspace.and_then(|id| Some(&self.catalog.get(id)?.name));
            let used = consumed.iter().find(|(table, _)| Some(table) == name);
            let used = used.map_or(0, |(_, consumed)| match admission.operation {
                ThrottledOperation::Read => consumed.table.read.halves(),
                ThrottledOperation::Write => written(consumed),
            });
            self.settle(part, used);
        }
    }
}
