//! TransactGetItems: every item is read, then looked at once more, and nothing is written or kept for it.
//!
//! All first looks are done before the second begin. Where no second look sees a change, there was a moment
//! between them at which every item was what the first had seen. No transaction of others was carried out
//! by halves then: a partition that had yet to change an item kept it for that transaction, and the second
//! look sees that too ("Distributed Transactions at Scale in Amazon DynamoDB", USENIX ATC 2023).
//!
//! What a coordinator knows of a read dies with it: its client asks again.

use super::Coordinator;
use crate::capacity::{ConsumedCapacity, ReadUnits, Units};
use crate::database::{ConsumedByTable, TransactGetItems, TransactGetOutput, add_consumed};
use crate::error::{Cancellation, CancellationReason, Error, Validation};
use crate::item::{AttributeMap, Item};
use crate::limits::TRANSACT_BYTES_MAX;
use crate::roles::contents::LogIndex;
use crate::roles::directory::GroupId;
use crate::roles::message::{Body, ItemLook, ItemsRead, Message, TransactionId, send};
use crate::roles::{READ_TRANSACTION_SPAN, RETRY_SPAN};
use kvrig_base::id::ActorId;
use kvrig_base::seam::{Counter, Cx};
use kvrig_base::time::Time;
use std::collections::BTreeMap;

/// What is known of one item.
#[derive(Clone, Debug)]
struct Found {
    reason: CancellationReason,
    item: Option<Item>,
    bytes: u64,
}

/// A TransactGetItems that is not answered yet.
#[derive(Debug)]
pub(super) struct Reading {
    /// Who is answered, and under which number.
    client: (ActorId, u64),
    request: Box<TransactGetItems>,
    /// Partition of each item, as far as it was asked there.
    groups: Vec<Option<GroupId>>,
    /// What the first look saw of each, and then what the second says.
    found: Vec<Option<Found>>,
    /// How long the log of each partition was at the first look.
    since: BTreeMap<GroupId, LogIndex>,
    /// Partitions whose items are to be looked at once more; nothing while they are read first.
    unconfirmed: Option<Vec<GroupId>>,
    /// What partitions were charged with.
    consumed: ConsumedByTable,
    until: Time,
    pub(super) wakes_at: Time,
}

impl Reading {
    fn new(
        client: (ActorId, u64),
        request: Box<TransactGetItems>,
        (consumed, until): (ConsumedByTable, Time),
    ) -> Self {
        let count = request.gets.len();
        Self {
            client,
            request,
            groups: vec![None; count],
            found: vec![None; count],
            since: BTreeMap::new(),
            unconfirmed: None,
            consumed,
            until,
            wakes_at: until,
        }
    }
    /// The items that a partition was asked for.
    fn asked(&self, group: GroupId) -> Vec<usize> {
        let numbers = 0..self.groups.len();
        numbers
            .filter(|number| self.groups[*number] == Some(group))
            .collect()
    }
    fn charge(&mut self, number: usize, units: ReadUnits) {
        if units > ReadUnits::ZERO {
            let consumed = ConsumedCapacity::of_table(Units::read(units));
            add_consumed(
                &mut self.consumed,
                &self.request.gets[number].table,
                &consumed,
            );
        }
    }
    /// What the items read so far come to, if that is known: nothing while all is well.
    fn refusal(&self) -> Option<Error> {
        let found = || self.found.iter().flatten();
        if found().any(|one| one.reason != CancellationReason::None) {
            return Some(Error::TransactionCanceled(Box::new(Cancellation {
                reasons: found().map(|one| one.reason.clone()).collect(),
                consumed: self.consumed.clone(),
            })));
        }
        let bytes: u64 = found().map(|one| one.bytes).sum();
        (bytes > TRANSACT_BYTES_MAX).then(|| Validation::TransactionTooLarge.into())
    }
}

impl Coordinator {
    /// A router has a TransactGetItems, which is acceptable and has its tokens.
    pub(super) fn begin_read(
        &mut self,
        cx: &mut Cx<'_, Message>,
        client: (ActorId, u64),
        request: Box<TransactGetItems>,
    ) {
        let until = cx.now() + READ_TRANSACTION_SPAN;
        let reading = Reading::new(client, request, (ConsumedByTable::new(), until));
        self.next += 1;
        self.reads.insert(self.next, reading);
        self.send_reads(cx, self.next);
    }

    /// Asks for every item that nobody has been asked for.
    fn send_reads(&mut self, cx: &mut Cx<'_, Message>, id: TransactionId) {
        let Some(reading) = self.reads.get_mut(&id) else {
            return;
        };
        let mut parts: BTreeMap<GroupId, (ActorId, Vec<_>)> = BTreeMap::new();
        for (get, group) in reading.request.gets.iter().zip(&mut reading.groups) {
            if group.is_some() {
                continue;
            }
            let found = self
                .catalog
                .find(&get.table)
                .and_then(|(keyspace, schema)| {
                    let at = self.catalog.boundary(&schema.key.key_from(&get.key)?);
                    Ok(self.directory.find(keyspace, (at.hash, at.sort.as_ref())))
                });
            cx.work.count(Counter::KeysHashed, 1);
            if let Ok(Some((place, nodes))) = found {
                *group = Some(place);
                let leader = nodes.replicas[nodes.leader];
                let part = parts.entry(place).or_insert((leader, Vec::new()));
                part.1.push(get.clone());
            }
        }
        reading.wakes_at = reading.until;
        for (group, (leader, gets)) in parts {
            let read = Body::ReadItems {
                transaction: id,
                group,
                gets,
            };
            send(cx, leader, read);
        }
    }
    /// A partition has given its items.
    pub(super) fn items_read(
        &mut self,
        cx: &mut Cx<'_, Message>,
        id: TransactionId,
        (group, result): (GroupId, Option<Box<ItemsRead>>),
    ) {
        let Some(reading) = self.reads.get_mut(&id) else {
            return;
        };
        let asked = reading.asked(group);
        let Some(read) = result else {
            // Another node leads it, or it was split.
            for number in asked {
                reading.groups[number] = None;
            }
            reading.wakes_at = reading.until.min(cx.now() + RETRY_SPAN);
            return send(cx, self.autoadmin, Body::WhereIs);
        };
        reading.since.insert(group, read.since);
        for (number, one) in asked.into_iter().zip(read.items) {
            reading.charge(number, one.look.units);
            reading.found[number] = Some(Found {
                reason: one.look.reason,
                item: one.item,
                bytes: one.bytes,
            });
        }
        if reading.found.iter().any(Option::is_none) {
            return;
        }
        match reading.refusal() {
            Some(error) => self.end_read(cx, id, Err(error)),
            None => self.send_second(cx, id),
        }
    }
    /// Asks every partition whether what it gave has changed.
    fn send_second(&mut self, cx: &mut Cx<'_, Message>, id: TransactionId) {
        let Some(reading) = self.reads.get_mut(&id) else {
            return;
        };
        let directory = &self.directory;
        if reading
            .since
            .keys()
            .any(|group| directory.place(*group).is_none())
        {
            // One was split since.
            return self.start_over(cx, id);
        }
        reading.unconfirmed = Some(reading.since.keys().copied().collect());
        for (&group, &since) in &reading.since {
            let asked = reading.asked(group).into_iter();
            let key = |number: usize| reading.request.gets[number].key.clone();
            let keys: Vec<AttributeMap> = asked.map(key).collect();
            if let Some(place) = self.directory.place(group) {
                let again = Body::ReadAgain {
                    transaction: id,
                    group,
                    keys,
                    since,
                };
                send(cx, place.replicas[place.leader], again);
            }
        }
    }
    /// A partition says whether its items have changed.
    pub(super) fn read_again_done(
        &mut self,
        cx: &mut Cx<'_, Message>,
        id: TransactionId,
        (group, result): (GroupId, Option<Vec<ItemLook>>),
    ) {
        let Some(reading) = self.reads.get_mut(&id) else {
            return;
        };
        let Some(unconfirmed) = &mut reading.unconfirmed else {
            return;
        };
        unconfirmed.retain(|other| *other != group);
        let is_last = unconfirmed.is_empty();
        let Some(looks) = result else {
            send(cx, self.autoadmin, Body::WhereIs);
            return self.start_over(cx, id);
        };
        for (number, look) in reading.asked(group).into_iter().zip(looks) {
            reading.charge(number, look.units);
            if let Some(found) = &mut reading.found[number] {
                found.reason = look.reason;
            }
        }
        if is_last {
            let result = match reading.refusal() {
                Some(error) => Err(error),
                None => Ok(TransactGetOutput {
                    items: reading
                        .found
                        .iter_mut()
                        .map(|found| found.take()?.item)
                        .collect(),
                    consumed: reading.consumed.clone(),
                }),
            };
            self.end_read(cx, id, result);
        }
    }
    /// Reads everything once more a little later, under another number: answers under the old one come
    /// too late, and what they were charged with, nobody is told.
    fn start_over(&mut self, cx: &mut Cx<'_, Message>, id: TransactionId) {
        let Some(old) = self.reads.remove(&id) else {
            return;
        };
        let mut reading = Reading::new(old.client, old.request, (old.consumed, old.until));
        reading.wakes_at = old.until.min(cx.now() + RETRY_SPAN);
        self.next += 1;
        self.reads.insert(self.next, reading);
    }
    /// Its time has come.
    pub(super) fn wake_read(&mut self, cx: &mut Cx<'_, Message>, id: TransactionId) {
        let Some(reading) = self.reads.get(&id) else {
            return;
        };
        if cx.now() < reading.until {
            return self.send_reads(cx, id);
        }
        send(cx, self.autoadmin, Body::WhereIs);
        self.end_read(cx, id, Err(Error::InternalServerError));
    }
    fn end_read(
        &mut self,
        cx: &mut Cx<'_, Message>,
        id: TransactionId,
        result: Result<TransactGetOutput, Error>,
    ) {
        if let Some(reading) = self.reads.remove(&id) {
            let answer = Body::TransactGot {
                id: reading.client.1,
                result: Box::new(result),
                consumed: reading.consumed,
            };
            send(cx, reading.client.0, answer);
        }
    }
}
