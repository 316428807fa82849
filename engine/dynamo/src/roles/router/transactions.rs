//! TransactGetItems at a router: the tokens of one table after another are taken for it, and then the
//! coordinator has it.

use super::{Awaits, Origin, Pending, Router};
use crate::capacity::ReadConsistency;
use crate::database::{ConsumedByTable, TransactGetItems, TransactGetOutput, check_gets};
use crate::error::{Cancellation, CancellationReason, Error};
use crate::roles::directory::KeyspaceId;
use crate::roles::message::{Answer, Body, Message, send};
use crate::roles::{ANSWER_SPAN, SENDS_MAX};
use crate::throttle::ThrottledOperation;
use kvrig_base::seam::Cx;
use std::collections::BTreeMap;

/// A TransactGetItems that is not answered yet.
#[derive(Debug)]
pub(super) struct Admission {
    /// What is asked; it is away while the coordinator has it.
    request: Option<Box<TransactGetItems>>,
    /// The tables whose tokens are to be taken yet.
    missing: Vec<(KeyspaceId, u64)>,
    /// Who stands for the tokens of each table.
    parts: Vec<u64>,
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
        let mut missing = BTreeMap::new();
        for get in &request.gets {
            if let Ok((keyspace, _)) = self.catalog.find(&get.table) {
                *missing.entry(keyspace).or_default() += ReadConsistency::Transactional.halves();
            }
        }
        let admission = Admission {
            request: Some(request),
            missing: missing.into_iter().collect(),
            parts: Vec::new(),
        };
        self.pending
            .insert(id, Pending::new(origin, Awaits::Tokens));
        self.admissions.insert(id, admission);
        self.admit_next(cx, id);
    }
    /// Takes the tokens of the next table, or hands the request over if there is none.
    pub(super) fn admit_next(&mut self, cx: &mut Cx<'_, Message>, id: u64) {
        let part = self.take_id();
        let Some(admission) = self.admissions.get_mut(&id) else {
            return;
        };
        if let Some((keyspace, tokens)) = admission.missing.pop() {
            admission.parts.push(part);
            let mut pending = Pending::new(Origin::Admission(id), Awaits::Tokens);
            pending.keyspace = keyspace;
            pending.operation = ThrottledOperation::Read;
            pending.taken = tokens;
            self.pending.insert(part, pending);
            return self.take_tokens(cx, part);
        }
        if let Some(request) = admission.request.take() {
            if let Some(pending) = self.pending.get_mut(&id) {
                pending.awaits = Awaits::Coordinator;
            }
            send(
                cx,
                self.config.coordinator,
                Body::TransactGet { id, request },
            );
            // The coordinator always answers, unless it crashes.
            self.wake_at(id, cx.now() + ANSWER_SPAN * u64::from(SENDS_MAX));
        }
    }
    /// A table has no tokens for it.
    pub(super) fn refuse_admission(
        &mut self,
        cx: &mut Cx<'_, Message>,
        id: u64,
        result: Result<Answer, Error>,
    ) {
        let Some(request) = self
            .admissions
            .get_mut(&id)
            .and_then(|admission| admission.request.take())
        else {
            return;
        };
        let error = match result {
            Err(Error::Throttled { reason, resource }) => {
                let reasons = request.gets.iter().map(|get| match get.table == resource {
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
        self.settle_admission(id, &ConsumedByTable::new());
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
    /// Makes what was taken of each table what was used of it.
    pub(super) fn settle_admission(&mut self, id: u64, consumed: &ConsumedByTable) {
        let Some(admission) = self.admissions.remove(&id) else {
            return;
        };
        for part in admission.parts {
            let keyspace = self.pending.get(&part).map(|pending| pending.keyspace);
            let name = keyspace.and_then(|id| Some(&self.catalog.get(id)?.name));
            let used = consumed.iter().find(|(table, _)| Some(table) == name);
            let used = used.map_or(0, |(_, consumed)| consumed.table.read.halves());
            self.settle(part, used);
        }
    }
}
