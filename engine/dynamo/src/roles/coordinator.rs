//! The transaction coordinator: all actions of a transaction are prepared, then all are carried out or
//! none.
//!
//! Its ledger survives a crash, as the service keeps it in a table of its own ("Distributed
//! Transactions at Scale in Amazon DynamoDB", USENIX ATC 2023): what was not decided is then aborted,
//! what was decided goes on. A transaction that meets another is cancelled and never waits, so there
//! are no deadlocks. Items that are to be read as of one moment are read twice: see `reads`.

mod reads;

use super::directory::{Catalog, Directory, GroupId};
use super::message::{Body, Inside, Message, PreparedActions, TransactionId, send};
use super::{ANSWER_SPAN, RETRY_SPAN};
use crate::capacity::{ConsumedCapacity, ReadConsistency, ReadUnits, Units};
use crate::database::{CarriedOut, RequestDigest, Tokens};
use crate::database::{
    ConsumedByTable, TransactWriteItems, TransactWriteOutput, add_consumed, check_transaction_shape,
};
use crate::error::{Cancellation, CancellationReason, Error, Validation};
use crate::index::IndexRule;
use crate::key::PrimaryKey;
use crate::limits::TRANSACT_BYTES_MAX;
use kvrig_base::id::ActorId;
use kvrig_base::seam::{Counter, Cx, Input};
use kvrig_base::time::Time;
use reads::Reading;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What a transaction waits for.
#[derive(Debug)]
enum Phase {
    /// That all its actions are prepared, until a time.
    Preparing { until: Time },
    /// That everybody knows the decision.
    Deciding { is_committed: bool },
}

#[derive(Debug)]
struct Transaction {
    /// Who is answered, and under which number.
    client: Option<(ActorId, u64)>,
    request: Box<TransactWriteItems>,
    /// Partition of each action, as far as it was asked there.
    groups: Vec<Option<GroupId>>,
    /// What was said of each action.
    reasons: Vec<Option<CancellationReason>>,
    consumed: ConsumedByTable,
    repeated: ConsumedByTable,
    bytes: u64,
    /// Partitions that do not know the decision yet.
    undecided: BTreeSet<GroupId>,
    phase: Phase,
    wakes_at: Time,
}

/// A transaction coordinator.
#[derive(Debug)]
pub struct Coordinator {
    autoadmin: ActorId,
    catalog: Rc<Catalog>,
    directory: Rc<Directory>,
    next: TransactionId,
    transactions: BTreeMap<TransactionId, Transaction>,
    /// What survives no crash, since it changes nothing.
    reads: BTreeMap<TransactionId, Reading>,
    tokens: Tokens,
}

impl Coordinator {
    /// A coordinator that knows a directory, and whom to ask for a newer one.
    pub fn new(autoadmin: ActorId, catalog: Rc<Catalog>, directory: Rc<Directory>) -> Self {
        Self {
            autoadmin,
            catalog,
            directory,
            next: 0,
            transactions: BTreeMap::new(),
            reads: BTreeMap::new(),
            tokens: Tokens::default(),
        }
    }
    /// Transactions that are not finished.
    pub fn in_flight(&self) -> usize {
        self.transactions.len() + self.reads.len()
    }
    pub(super) fn restart(&mut self, now: Time) {
        self.reads.clear();
        for transaction in self.transactions.values_mut() {
            transaction.client = None;
            if matches!(transaction.phase, Phase::Preparing { .. }) {
                transaction.decide(false);
            }
            transaction.wakes_at = now;
        }
    }
    pub(super) fn next_deadline(&self) -> Option<Time> {
        let writes = self.transactions.values().map(|one| one.wakes_at);
        writes
            .chain(self.reads.values().map(|one| one.wakes_at))
            .min()
    }
    pub(super) fn handle(&mut self, cx: &mut Cx<'_, Message>, input: Input<'_, Message>) {
        match input {
            Input::Peer {
                from,
                message: Message::Inside(Inside(body)),
            } => {
                cx.work.count(Counter::Commands, 1);
                match body {
                    Body::Located(directory) if directory.version > self.directory.version => {
                        self.directory = directory;
                    }
                    Body::Transact { id, request } => self.begin(cx, (from, id), request),
                    Body::Prepared {
                        transaction,
                        group,
                        result,
                    } => self.prepared(cx, from, transaction, (group, result)),
                    Body::TransactGet { id, request } => self.begin_read(cx, (from, id), request),
                    Body::ItemsRead {
                        transaction,
                        group,
                        result,
                    } => self.items_read(cx, transaction, (group, result)),
                    Body::ReadAgainDone {
                        transaction,
                        group,
                        result,
                    } => self.read_again_done(cx, transaction, (group, result)),
                    Body::Decided {
                        transaction,
                        group,
                        is_done,
                    } => self.decided(cx, transaction, group, is_done),
                    _ => {}
                }
            }
            Input::Deadline => {
                let now = cx.now();
                let late = self
                    .transactions
                    .iter()
                    .filter(|(_, one)| one.wakes_at <= now);
                let late: Vec<TransactionId> = late.map(|(id, _)| *id).collect();
                for id in late {
                    self.wake(cx, id);
                }
                let late = self.reads.iter().filter(|(_, one)| one.wakes_at <= now);
                let late: Vec<TransactionId> = late.map(|(id, _)| *id).collect();
                for id in late {
                    self.wake_read(cx, id);
                }
            }
            _ => {}
        }
    }

    fn begin(
        &mut self,
        cx: &mut Cx<'_, Message>,
        client: (ActorId, u64),
        request: Box<TransactWriteItems>,
    ) {
        let answer = |result| Body::Transacted {
            id: client.1,
            result,
        };
        if let Err(error) = self.check(&request) {
            return send(cx, client.0, answer(Err(error)));
        }
        if let Some(token) = &request.client_token
            && let Some(before) = self.tokens.find(token, cx.now())
        {
            let result = match before.request == RequestDigest::of(&request.actions) {
                true => Ok(TransactWriteOutput {
                    consumed: before.repeated.clone(),
                }),
                false => Err(Error::IdempotentParameterMismatch),
            };
            return send(cx, client.0, answer(result));
        }
        if let Err(error) = self.check_actions(&request) {
            return send(cx, client.0, answer(Err(error)));
        }
        self.next += 1;
        let count = request.actions.len();
        let transaction = Transaction {
            client: Some(client),
            request,
            groups: vec![None; count],
            reasons: vec![None; count],
            consumed: ConsumedByTable::new(),
            repeated: ConsumedByTable::new(),
            bytes: 0,
            undecided: BTreeSet::new(),
            phase: Phase::Preparing {
                until: cx.now() + ANSWER_SPAN * 2,
            },
            wakes_at: Time::NEVER,
        };
        self.transactions.insert(self.next, transaction);
        self.send_prepare(cx, self.next);
    }
    fn check(&self, request: &TransactWriteItems) -> Result<(), Error> {
        check_transaction_shape(request)?;
        let keys = request.actions.iter().map(|action| {
            let (_, schema) = self.catalog.find(&action.table)?;
            Ok(action.action.key(&schema.key)?)
        });
        let keys: Vec<PrimaryKey> = keys.collect::<Result<_, Error>>()?;
        let mut seen = BTreeSet::new();
        for (action, key) in request.actions.iter().zip(&keys) {
            if !seen.insert((&action.table, key)) {
                return Err(Validation::DuplicateActions.into());
            }
        }
        Ok(())
    }

    /// Whether all actions are acceptable whatever their items are. Where one is not, the request is
    /// refused as a whole; what items make impossible cancels the transaction.
    fn check_actions(&self, request: &TransactWriteItems) -> Result<(), Error> {
        for action in &request.actions {
            let (table, schema) = self.catalog.find(&action.table)?;
            let local = IndexRule::all(schema);
            let global = self.catalog.index_rules(table);
            let rules: Vec<&IndexRule> = local.iter().chain(global).collect();
            action.action.check(&schema.key, &rules)?;
        }
        Ok(())
    }

    /// Asks for every action that nobody has been asked to prepare.
    fn send_prepare(&mut self, cx: &mut Cx<'_, Message>, id: TransactionId) {
        let Some(transaction) = self.transactions.get_mut(&id) else {
            return;
        };
        let mut parts: BTreeMap<GroupId, (ActorId, Vec<_>)> = BTreeMap::new();
        let actions = &transaction.request.actions;
        for (action, group) in actions.iter().zip(&mut transaction.groups) {
            if group.is_some() {
                continue;
            }
            let found = self
                .catalog
                .find(&action.table)
                .and_then(|(keyspace, schema)| {
                    let key = action.action.key(&schema.key)?;
                    let at = self.catalog.boundary(&key);
                    Ok(self.directory.find(keyspace, (at.hash, at.sort.as_ref())))
                });
            if let Ok(Some((place, nodes))) = found {
                *group = Some(place);
                let leader = nodes.replicas[nodes.leader];
                let part = parts.entry(place).or_insert((leader, Vec::new()));
                part.1.push(action.action.clone());
            }
        }
        for (group, (leader, actions)) in parts {
            transaction.undecided.insert(group);
            let prepare = Body::Prepare {
                transaction: id,
                group,
                actions,
            };
            send(cx, leader, prepare);
        }
        if let Phase::Preparing { until } = transaction.phase {
            transaction.wakes_at = until;
        }
    }
    fn prepared(
        &mut self,
        cx: &mut Cx<'_, Message>,
        from: ActorId,
        id: TransactionId,
        (group, result): (GroupId, Option<PreparedActions>),
    ) {
        let is_preparing = self
            .transactions
            .get(&id)
            .is_some_and(|one| matches!(one.phase, Phase::Preparing { .. }));
        if !is_preparing {
            // It was given up; this partition must not keep its items.
            if result.is_some() {
                let decide = Body::Decide {
                    transaction: id,
                    group,
                    is_committed: false,
                };
                send(cx, from, decide);
            }
            return;
        }
        let Some(transaction) = self.transactions.get_mut(&id) else {
            return;
        };
        let Some(all) = result else {
            // Another node leads it, or it was split.
            for asked in &mut transaction.groups {
                if *asked == Some(group) {
                    *asked = None;
                }
            }
            transaction.undecided.remove(&group);
            transaction.wakes_at = cx.now() + RETRY_SPAN;
            return send(cx, self.autoadmin, Body::WhereIs);
        };
        if all
            .reasons
            .iter()
            .any(|reason| *reason != CancellationReason::None)
        {
            transaction.undecided.remove(&group);
        }
        transaction.take(group, all);
        if transaction.reasons.iter().all(Option::is_some) {
            let is_none = |reason: &Option<_>| *reason == Some(CancellationReason::None);
            let is_prepared = transaction.reasons.iter().all(is_none);
            let fits = transaction.bytes <= TRANSACT_BYTES_MAX;
            transaction.decide(is_prepared && fits);
            self.announce(cx, id);
            self.send_decision(cx, id);
        }
    }
    /// Tells the client of an abort at once; of a commit when everything is changed.
    fn announce(&mut self, cx: &mut Cx<'_, Message>, id: TransactionId) {
        let Some(transaction) = self.transactions.get_mut(&id) else {
            return;
        };
        let result = match transaction.phase {
            Phase::Preparing { .. } => return,
            Phase::Deciding { is_committed: true } => {
                if !transaction.undecided.is_empty() {
                    return;
                }
                Ok(TransactWriteOutput {
                    consumed: transaction.consumed.clone(),
                })
            }
            Phase::Deciding {
                is_committed: false,
            } => Err(transaction.failure()),
        };
        if let (Ok(_), Some(token)) = (&result, &transaction.request.client_token) {
            let carried_out = CarriedOut {
                request: RequestDigest::of(&transaction.request.actions),
                repeated: transaction.repeated.clone(),
            };
            self.tokens.remember(token, carried_out, cx.now());
        }
        if let Some((client, number)) = transaction.client.take() {
            let answer = Body::Transacted { id: number, result };
            send(cx, client, answer);
        }
    }
    fn send_decision(&mut self, cx: &mut Cx<'_, Message>, id: TransactionId) {
        let Some(transaction) = self.transactions.get_mut(&id) else {
            return;
        };
        let Phase::Deciding { is_committed } = transaction.phase else {
            return;
        };
        transaction.wakes_at = cx.now() + ANSWER_SPAN;
        // Who was split since has kept nothing for a transaction.
        let directory = &self.directory;
        transaction
            .undecided
            .retain(|group| directory.place(*group).is_some());
        for &group in &transaction.undecided {
            if let Some(place) = directory.place(group) {
                let decide = Body::Decide {
                    transaction: id,
                    group,
                    is_committed,
                };
                send(cx, place.replicas[place.leader], decide);
            }
        }
        self.end_if_done(cx, id);
    }
    fn decided(
        &mut self,
        cx: &mut Cx<'_, Message>,
        id: TransactionId,
        group: GroupId,
        is_done: bool,
    ) {
        let Some(transaction) = self.transactions.get_mut(&id) else {
            return;
        };
        if is_done {
            transaction.undecided.remove(&group);
            self.end_if_done(cx, id);
        } else {
            transaction.wakes_at = transaction.wakes_at.min(cx.now() + RETRY_SPAN);
            send(cx, self.autoadmin, Body::WhereIs);
        }
    }
    fn end_if_done(&mut self, cx: &mut Cx<'_, Message>, id: TransactionId) {
        let is_done = self
            .transactions
            .get(&id)
            .is_some_and(|one| one.undecided.is_empty());
        if is_done {
            self.announce(cx, id);
            self.transactions.remove(&id);
        }
    }
    fn wake(&mut self, cx: &mut Cx<'_, Message>, id: TransactionId) {
        let Some(transaction) = self.transactions.get_mut(&id) else {
            return;
        };
        match transaction.phase {
            Phase::Preparing { until } if cx.now() < until => self.send_prepare(cx, id),
            Phase::Preparing { .. } => {
                transaction.decide(false);
                send(cx, self.autoadmin, Body::WhereIs);
                self.announce(cx, id);
                self.send_decision(cx, id);
            }
            Phase::Deciding { .. } => {
                send(cx, self.autoadmin, Body::WhereIs);
                self.send_decision(cx, id);
            }
        }
    }
}

impl Transaction {
    const fn decide(&mut self, is_committed: bool) {
        self.phase = Phase::Deciding { is_committed };
    }
    /// Takes note of what a partition said of its actions.
    fn take(&mut self, group: GroupId, all: PreparedActions) {
        let said = all.reasons.into_iter().zip(all.consumed).zip(all.bytes);
        let asked = (0..self.groups.len()).filter(|number| self.groups[*number] == Some(group));
        let asked: Vec<usize> = asked.collect();
        for (number, ((reason, consumed), bytes)) in asked.into_iter().zip(said) {
            let table = &self.request.actions[number].table;
            add_consumed(&mut self.consumed, table, &consumed);
            let read = ReadUnits::for_bytes(bytes, ReadConsistency::Transactional);
            let read = ConsumedCapacity::of_table(Units::read(read));
            add_consumed(&mut self.repeated, table, &read);
            self.bytes += bytes;
            self.reasons[number] = Some(reason);
        }
    }
    /// Why it is aborted.
    fn failure(&self) -> Error {
        let reasons: Option<Vec<CancellationReason>> = self.reasons.iter().cloned().collect();
        match reasons {
            // Somebody did not answer; nothing is written.
            None => Error::InternalServerError,
            Some(reasons) if reasons.iter().all(|one| *one == CancellationReason::None) => {
                Validation::TransactionTooLarge.into()
            }
            Some(reasons) => Error::TransactionCanceled(Box::new(Cancellation {
                reasons,
                consumed: self.consumed.clone(),
            })),
        }
    }
}
