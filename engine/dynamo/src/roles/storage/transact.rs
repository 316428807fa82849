//! A transaction at the leader of a partition: its items are prepared, which keeps them for it, and
//! then changed or let go.
//!
//! What is prepared is in the log, so a new leader knows it. Until the decision every other write of
//! such an item, and every other transaction with it, is told of the conflict; reads see the item as it
//! was.

use super::Node;
use super::replica::{Replica, Standing};
use crate::capacity::{ConsumedCapacity, Units, WriteMode, WriteUnits};
use crate::database::TransactAction;
use crate::error::CancellationReason;
use crate::index::IndexRule;
use crate::roles::contents::Change;
use crate::roles::message::{
    Body, Entry, IndexChange, Logged, Message, PreparedActions, TransactionId, send,
};
use crate::table::{Plan, Refusal, Table};
use crate::throttle::{ThrottledLimit, ThrottledOperation, ThrottledResource, ThrottlingReason};
use kvrig_base::id::ActorId;
use kvrig_base::seam::Cx;
use kvrig_base::time::Time;

impl Replica {
    /// A coordinator wants items kept for a transaction.
    pub(super) fn prepare(
        &mut self,
        cx: &mut Cx<'_, Message>,
        node: &Node,
        (from, transaction): (ActorId, TransactionId),
        actions: &[TransactAction],
    ) {
        let group = self.group;
        let answer = |result| Body::Prepared {
            transaction,
            group,
            result,
        };
        if !self.serves(cx.now()) || self.is_splitting() {
            return send(cx, from, answer(None));
        }
        let contents = node.contents.borrow();
        let Some(table) = contents.table(group.keyspace) else {
            return send(cx, from, answer(None));
        };
        let mut all = PreparedActions {
            reasons: Vec::new(),
            consumed: Vec::new(),
            bytes: Vec::new(),
        };
        let mut plans = Vec::new();
        for action in actions {
            let (plan, consumed) = self.plan_action(node, table, action, cx.now());
            let key = action.key(&table.schema().key);
            let before = key.ok().and_then(|key| table.item_bytes(&key)).unwrap_or(0);
            let after = plan.as_ref().ok().and_then(Plan::bytes).unwrap_or(0);
            all.bytes.push(before.max(after));
            all.consumed.push(consumed);
            match plan {
                Ok(plan) => {
                    plans.push(plan);
                    all.reasons.push(CancellationReason::None);
                }
                Err(reason) => all.reasons.push(reason),
            }
        }
        drop(contents);
        if plans.len() < actions.len() {
            return self.say_when_agreed(cx, from, answer(Some(all)));
        }
        let name = (from, transaction);
        let since = self.log.last().0 + 1;
        if let Standing::Leader(leader) = &mut self.standing {
            leader.lock(name, since, plans.clone());
        }
        let entry = Entry::of(Logged::Prepared(name, plans));
        self.propose(cx, node, entry, Some((from, answer(Some(all)))));
    }

    /// The plan of one action or why there is none, and what it consumes either way.
    fn plan_action(
        &mut self,
        node: &Node,
        table: &Table,
        action: &TransactAction,
        now: Time,
    ) -> (Result<Plan, CancellationReason>, ConsumedCapacity) {
        let nothing = ConsumedCapacity::default();
        let throttled = |resource, limit| CancellationReason::ThrottlingError {
            reason: ThrottlingReason {
                resource,
                operation: ThrottledOperation::Write,
                limit,
            },
        };
        let Ok(source) = self.buckets.open_write(None, now) else {
            let limit = ThrottledLimit::KeyRangeThroughput;
            return (Err(throttled(ThrottledResource::Table, limit)), nothing);
        };
        let key = match action.key(&table.schema().key) {
            Ok(key) => key,
            Err(error) => return (Err(CancellationReason::ValidationError(error)), nothing),
        };
        let existing = table.item_bytes(&key);
        if let Standing::Leader(leader) = &self.standing
            && leader.locks.contains_key(&table.place(key))
        {
            return (Err(CancellationReason::TransactionConflict), nothing);
        }
        let mode = WriteMode::Transactional;
        let rules: Vec<&IndexRule> = node.catalog.index_rules(self.group.keyspace).collect();
        let (plan, consumed) = match action.plan_within(table, &rules) {
            Ok(plan) => {
                let mut output = table.foretell(&plan, mode);
                let follow = self.follow_changes(node, table, &plan, &mut output);
                if let Some((_, reason)) = self.index_pressure(&follow) {
                    return (Err(CancellationReason::ThrottlingError { reason }), nothing);
                }
                (Ok(plan), output.consumed)
            }
            Err(refusal) => {
                let reason = match refusal {
                    Refusal::Validation(error) | Refusal::Item(error) => {
                        CancellationReason::ValidationError(error)
                    }
                    Refusal::CollectionTooLarge => {
                        CancellationReason::ItemCollectionSizeLimitExceeded
                    }
                    Refusal::Condition { item, .. } => {
                        CancellationReason::ConditionalCheckFailed { item }
                    }
                };
                let units = WriteUnits::for_change(existing, None, mode);
                (Err(reason), ConsumedCapacity::of_table(Units::write(units)))
            }
        };
        let units = consumed.of_table_throughput().write.0;
        self.buckets.charge_write(units, (source, None), now);
        (plan, consumed)
    }

    /// A coordinator has decided.
    pub(super) fn decide(
        &mut self,
        cx: &mut Cx<'_, Message>,
        node: &Node,
        (from, transaction): (ActorId, TransactionId),
        is_committed: bool,
    ) {
        let answer = Body::Decided {
            transaction,
            group: self.group,
            is_done: self.serves(cx.now()),
        };
        if !self.serves(cx.now()) {
            return send(cx, from, answer);
        }
        let name = (from, transaction);
        let Standing::Leader(leader) = &mut self.standing else {
            return;
        };
        let Some((_, plans)) = leader.prepared.get(&name) else {
            // It was decided before, or never prepared here.
            return self.say_when_agreed(cx, from, answer);
        };
        let plans = plans.clone();
        leader.unlock(name);
        let (mut changes, mut follow) = (Vec::new(), Vec::<Vec<IndexChange>>::new());
        if is_committed {
            let contents = node.contents.borrow();
            for plan in plans {
                if let Some(table) = contents.table(self.group.keyspace) {
                    let mut output = table.foretell(&plan, WriteMode::Transactional);
                    let more = self.follow_changes(node, table, &plan, &mut output);
                    follow.resize_with(more.len().max(follow.len()), Vec::new);
                    for (all, more) in follow.iter_mut().zip(more) {
                        all.extend(more);
                    }
                }
                let (place, after) = plan.into_change();
                changes.extend(after.map(|after| Change { place, after }));
            }
        }
        let entry = Entry {
            follow,
            ..Entry::of(Logged::Decided(name, changes))
        };
        self.propose(cx, node, entry, Some((from, answer)));
        self.split_if_due(cx, node);
    }
}
