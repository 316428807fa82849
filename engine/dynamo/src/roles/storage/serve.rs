//! Requests at a replica: reads of what it has applied, and, where it leads, strong reads and writes.

use super::Node;
use super::cursor::all_index_changes;
use super::replica::{Replica, Standing};
use crate::capacity::{
    ConsumedCapacity, IndexId, ReadConsistency, ReadUnits, Units, WriteMode, WriteUnits,
};
use crate::error::{Error, Validation};
use crate::expression::{check_projection, project};
use crate::index::IndexRule;
use crate::item::{Item, check_item};
use crate::partition::{Boundary, Refused, Replica as Serving, read_blocks};
use crate::roles::contents::Change;
use crate::roles::message::{
    Answer, Body, Entry, Failure, IndexChange, Logged, Message, Request, send,
};
use crate::table::{GetItem, GetItemOutput, Plan, Refusal, Table, WriteOutput};
use crate::throttle::{ThrottledLimit, ThrottledOperation, ThrottlingReason};
use kvrig_base::id::ActorId;
use kvrig_base::seam::{Counter, Cx};

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Told(error)
    }
}
impl From<Validation> for Failure {
    fn from(error: Validation) -> Self {
        Self::Told(error.into())
    }
}

impl Replica {
    /// Carries a request out that a router has sent here.
    pub(super) fn carry(
        &mut self,
        cx: &mut Cx<'_, Message>,
        node: &Node,
        (from, id): (ActorId, u64),
        request: Request,
    ) {
        let answer = |result, back| Body::Carried {
            id,
            result: Box::new(result),
            back,
        };
        let result = match request {
            Request::Get(get) => self.read(cx, node, &get).map(Answer::Got),
            write if !self.serves(cx.now()) || self.is_splitting() => {
                let back = Some(Box::new(write));
                return send(cx, from, answer(Err(Failure::NotHere), back));
            }
            write => match self.write(cx, node, (from, id), write) {
                Ok(()) => return,
                Err(failure) => Err(failure),
            },
        };
        let is_condition = matches!(
            result,
            Err(Failure::Told(Error::ConditionalCheckFailed { .. }))
        );
        match is_condition {
            // What made the condition fail may not be agreed on yet.
            true => self.say_when_agreed(cx, from, answer(result, None)),
            false => send(cx, from, answer(result, None)),
        }
    }

    fn read(
        &mut self,
        cx: &mut Cx<'_, Message>,
        node: &Node,
        get: &GetItem,
    ) -> Result<GetItemOutput, Failure> {
        let now = cx.now();
        let is_leader = matches!(self.standing, Standing::Leader(_));
        match get.consistency {
            ReadConsistency::Eventual => {}
            ReadConsistency::Strong if self.serves(now) => {}
            ReadConsistency::Strong => return Err(Failure::NotHere),
            ReadConsistency::Transactional => return Err(Validation::TransactionalRead.into()),
        }
        check_projection(&get.projection)?;
        let contents = node.contents.borrow();
        let table = contents
            .table(self.group.keyspace)
            .ok_or(Failure::NotHere)?;
        let place = table.place(table.schema().key.key_from(&get.key)?);
        // Each replica has buckets of its own, of which those of its part are used.
        let serving = match is_leader {
            true => Serving::Leader,
            false => Serving::FirstFollower,
        };
        let source = match self.buckets.open_read(get.consistency, serving, None, now) {
            Ok(source) => source,
            Err(_) => {
                self.see(cx, node, boundary(&place), (get.consistency.halves(), 0));
                return Err(throttled(
                    node,
                    self.group.keyspace,
                    ThrottledOperation::Read,
                ));
            }
        };
        let stored = contents
            .view(self.group, &place, self.committed)
            .map_err(|_| Failure::NotHere)?;
        let bytes = stored.map_or(0, |stored| stored.bytes);
        let item = stored.map(|stored| match get.projection.as_slice() {
            [] => stored.item.clone(),
            paths => project(&stored.item, paths),
        });
        cx.work.count(Counter::KeysHashed, 1);
        cx.work.count(
            Counter::BytesHashed,
            place.inner.key().partition.size_bytes(),
        );
        cx.work.count(Counter::EntriesVisited, 1);
        cx.work.count(Counter::BytesCopied, bytes);
        let units = ReadUnits::for_bytes(bytes, get.consistency);
        let charge = (source, None);
        let blocks = read_blocks(bytes);
        self.buckets
            .charge_read(blocks, get.consistency, serving, charge, now);
        self.see(cx, node, boundary(&place), (units.halves(), 0));
        Ok(GetItemOutput {
            item,
            consumed: ConsumedCapacity::of_table(Units::read(units)),
        })
    }

    fn write(
        &mut self,
        cx: &mut Cx<'_, Message>,
        node: &Node,
        (from, id): (ActorId, u64),
        request: Request,
    ) -> Result<(), Failure> {
        let now = cx.now();
        let contents = node.contents.borrow();
        let table = contents
            .table(self.group.keyspace)
            .ok_or(Failure::NotHere)?;
        let source = match self.buckets.open_write(None, now) {
            Ok(source) => source,
            Err(why) => {
                if let Ok(place) = place_of(table, &request) {
                    self.see(cx, node, boundary(&place), (0, 1));
                }
                debug_assert_ne!(why, Refused::Node, "no node has a bucket of its own");
                return Err(throttled(
                    node,
                    self.group.keyspace,
                    ThrottledOperation::Write,
                ));
            }
        };
        if self.is_locked(table, &request)? {
            return Err(Error::TransactionConflict.into());
        }
        let rules: Vec<&IndexRule> = node.catalog.index_rules(self.group.keyspace).collect();
        let plan = match plan(table, request, &rules) {
            Ok(plan) => plan,
            Err(refusal) => {
                let error = refusal.alone();
                if let Error::ConditionalCheckFailed { consumed, .. } = &error {
                    let units = consumed.table.write.0;
                    self.buckets.charge_write(units, (source, None), now);
                }
                return Err(error.into());
            }
        };
        let mut output = table.foretell(&plan, WriteMode::Standard);
        let follow = self.follow_changes(node, table, &plan, &mut output);
        if let Some((index, reason)) = self.index_pressure(&follow) {
            let resource = node.catalog.get(index).map(|index| index.name.clone());
            return Err(Failure::Told(Error::Throttled {
                reason,
                resource: resource.unwrap_or_default(),
            }));
        }
        drop(contents);
        let units = output.consumed.of_table_throughput().write.0;
        self.buckets.charge_write(units, (source, None), now);
        cx.work.count(Counter::KeysHashed, 1);
        cx.work
            .count(Counter::BytesHashed, plan.key().partition.size_bytes());
        cx.work.count(Counter::EntriesVisited, 1);
        cx.work
            .count(Counter::BytesCopied, plan.bytes().unwrap_or(0));
        self.see(cx, node, boundary(plan.place()), (0, units));
        let (place, after) = plan.into_change();
        let changes = after.map(|after| Change { place, after });
        let entry = Entry {
            epoch: self.epoch,
            what: Logged::Changes(changes.into_iter().collect()),
            units,
            follow,
        };
        let answer = Body::Carried {
            id,
            result: Box::new(Ok(Answer::Wrote(output))),
            back: None,
        };
        self.propose(cx, node, entry, Some((from, answer)));
        Ok(())
    }

    /// What the global indexes have to follow of a plan, which is added to what it consumes.
    pub(super) fn follow_changes(
        &self,
        node: &Node,
        table: &Table,
        plan: &Plan,
        output: &mut WriteOutput,
    ) -> Vec<Vec<IndexChange>> {
        let has_indexes = node
            .catalog
            .get(self.group.keyspace)
            .is_some_and(|keyspace| !keyspace.indexes().is_empty());
        let Some(after) = plan.after().filter(|_| has_indexes) else {
            return Vec::new();
        };
        let before = table.stored(plan.place()).map(|stored| &stored.item);
        let after = after.map(|stored| &stored.item);
        let follow = all_index_changes(node, self.group, &plan.key(), (before, after));
        for (changes, number) in follow.iter().zip(0..) {
            let units = changes.iter().map(|change| WriteUnits(change.units)).sum();
            output
                .consumed
                .add_index(IndexId::Global(number), Units::write(units));
        }
        follow
    }

    fn is_locked(&self, table: &Table, request: &Request) -> Result<bool, Validation> {
        match &self.standing {
            Standing::Leader(leader) if !leader.locks.is_empty() => {
                Ok(leader.locks.contains_key(&place_of(table, request)?))
            }
            _ => Ok(false),
        }
    }

    /// Takes note of the load, where it leads, and asks for a split where that is too much.
    pub(super) fn see(
        &mut self,
        cx: &mut Cx<'_, Message>,
        node: &Node,
        place: Boundary,
        units: (u64, u64),
    ) {
        let schema = node
            .catalog
            .get(self.group.keyspace)
            .and_then(|one| one.schema());
        let has_local = schema.is_some_and(|schema| !schema.local.is_empty());
        let Standing::Leader(leader) = &mut self.standing else {
            return;
        };
        if let Some(at) = leader.heat.see(|| place, units, has_local, cx.now()) {
            let group = self.group;
            send(cx, node.autoadmin, Body::Hot { group, at });
        }
    }
}

/// Where a place lies among partitions.
pub(super) fn boundary(place: &crate::table::Place) -> Boundary {
    Boundary {
        hash: place.hash,
        sort: place.inner.key().sort,
    }
}

fn place_of(table: &Table, request: &Request) -> Result<crate::table::Place, Validation> {
    let schema = &table.schema().key;
    Ok(table.place(request.key(schema)?))
}

/// Plans a write of an item that the table and its global indexes, whose rules are given, can hold.
fn plan(table: &Table, request: Request, rules: &[&IndexRule]) -> Result<Plan, Refusal> {
    let check = |item: &Item| rules.iter().try_for_each(|rule| rule.check(item));
    match request {
        Request::Put(put) => {
            if !rules.is_empty() {
                // Before the condition, as a table by itself does.
                table.schema().key.key_of(&put.item)?;
                check_item(&put.item)?;
                check(&put.item)?;
            }
            table.plan_put(put)
        }
        Request::Update(update) => {
            let plan = table.plan_update(&update)?;
            if let Some(Some(after)) = plan.after() {
                check(&after.item).map_err(Refusal::updated_index_key)?;
            }
            Ok(plan)
        }
        Request::Delete(delete) => table.plan_delete(&delete),
        // Reads are never planned; this refuses what no caller asks for.
        Request::Get(_) => Err(Validation::TransactionalRead.into()),
    }
}

/// The partition is at its limit.
pub(super) fn throttled(
    node: &Node,
    keyspace: crate::roles::KeyspaceId,
    operation: ThrottledOperation,
) -> Failure {
    let Some(keyspace) = node.catalog.get(keyspace) else {
        return Failure::NotHere;
    };
    Failure::Told(Error::Throttled {
        reason: ThrottlingReason {
            resource: keyspace.resource(),
            operation,
            limit: ThrottledLimit::KeyRangeThroughput,
        },
        resource: keyspace.name.clone(),
    })
}
