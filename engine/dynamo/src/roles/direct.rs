//! The decisions of the service in one call: no messages, no replicas, the same buckets and the same
//! map.

use super::Request;
use super::admission_server::rate;
use super::message::Answer;
use super::router::{tokens_before, written};
use super::share::{Asked, Share, table_buckets};
use crate::capacity::{ConsumedCapacity, ReadConsistency, ReadUnits, Units, WriteMode, WriteUnits};
use crate::error::{Error, Validation};
use crate::key::{KeyHash, KeyHasher};
use crate::partition::{
    Boundary, GlobalAdmission, LimitMode, PartitionBuckets, PartitionId, PartitionMap, Replica,
    RouterId, SplitError, read_blocks,
};
use crate::schema::TableSchema;
use crate::table::{GetItem, GetItemOutput, Place, Refusal, Table, WriteOutput};
use crate::throttle::{ThrottledLimit, ThrottledOperation, ThrottledResource, ThrottlingReason};
use kvrig_base::time::Time;
use std::collections::BTreeMap;

/// How much of the service is run.
///
/// All three throttle the same requests: they share the buckets, the map and the order of decisions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fidelity {
    /// Sizes of items alone: for long runs of many keys.
    Admission,
    /// Items with conditions and answers, and one copy of each.
    #[default]
    Items,
    /// Routers, leaders and followers that speak to one another, fail and lag.
    Replicated,
}

impl Fidelity {
    /// All fidelities, the least first.
    pub const ALL: [Self; 3] = [Self::Admission, Self::Items, Self::Replicated];

    /// The name in study files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admission => "admission",
            Self::Items => "items",
            Self::Replicated => "replicated",
        }
    }
}

/// Requests that [`Direct::look_ahead`] looks at together: enough for their waits for memory to overlap,
/// and few enough that their lines are still there when it is their turn.
pub const LOOK_AHEAD_MAX: usize = 16;

/// What a request came to.
pub type Outcome = Result<Answer, Error>;

#[derive(Clone, Debug)]
enum Content {
    Items(Box<Table>),
    Sizes(BTreeMap<Place, u64>),
}

/// One table without global indexes, served at once by one router.
#[derive(Clone, Debug)]
pub struct Direct {
    schema: TableSchema,
    hasher: KeyHasher,
    mode: LimitMode,
    map: PartitionMap,
    /// In the order of the map.
    buckets: Vec<PartitionBuckets>,
    /// Of reads and of writes, where the table is provisioned.
    tokens: [Option<(Share, GlobalAdmission)>; 2],
    content: Content,
    /// Eventual reads so far: they go to the replicas in turn.
    reads: u64,
}

impl Direct {
    /// A table of `partitions` partitions. Its global indexes are left out.
    ///
    /// # Errors
    /// What CreateTable would refuse, and [`Fidelity::Replicated`], which is the business of the
    /// actors.
    pub fn new(
        schema: TableSchema,
        hasher: KeyHasher,
        (partitions, mode): (u32, LimitMode),
        fidelity: Fidelity,
        now: Time,
    ) -> Result<Self, Validation> {
        let schema = TableSchema {
            global: Vec::new(),
            ..schema
        };
        let content = match fidelity {
            Fidelity::Items => Content::Items(Box::new(Table::new(schema.clone(), hasher)?)),
            Fidelity::Admission => {
                schema.check()?;
                Content::Sizes(BTreeMap::new())
            }
            Fidelity::Replicated => return Err(Validation::DirectReplicas),
        };
        let map = PartitionMap::even(partitions);
        let tokens = |operation| {
            let rate = rate(schema.throughput, operation)?;
            Some((Share::of(rate), GlobalAdmission::new(rate, now)))
        };
        Ok(Self {
            buckets: vec![table_buckets(mode, now); map.partitions().len()],
            tokens: [
                tokens(ThrottledOperation::Read),
                tokens(ThrottledOperation::Write),
            ],
            map,
            mode,
            hasher,
            content,
            reads: 0,
            schema,
        })
    }
    /// The items; nothing where there are sizes alone.
    pub fn table(&self) -> Option<&Table> {
        match &self.content {
            Content::Items(table) => Some(table),
            Content::Sizes(_) => None,
        }
    }
    /// Its partitions.
    pub const fn map(&self) -> &PartitionMap {
        &self.map
    }
    /// Splits a partition at `now`: both halves start with full limits.
    ///
    /// # Errors
    /// [`SplitError`].
    pub fn split(&mut self, id: PartitionId, at: Boundary, now: Time) -> Result<(), SplitError> {
        let children = self.map.split(id, at)?;
        let partitions = self.map.partitions();
        let first = partitions.iter().position(|one| one.id == children[0]);
        if let Some(first) = first {
            let fresh = table_buckets(self.mode, now);
            self.buckets.splice(first..=first, [fresh, fresh]);
        }
        Ok(())
    }

    /// Looks at requests that are about to be handled, and asks memory for their items: a large table's
    /// waits for memory then overlap, where each request alone would have several one after another.
    /// Nothing but speed changes. More than [`LOOK_AHEAD_MAX`] at once are too many to stay in the caches.
    pub fn look_ahead(&self, requests: &[Request]) {
        let Content::Items(table) = &self.content else {
            return;
        };
        let mut hashes = [KeyHash::MIN; LOOK_AHEAD_MAX];
        let keys = requests
            .iter()
            .filter_map(|request| request.key(&self.schema.key).ok());
        let mut count = 0;
        for (hash, key) in hashes.iter_mut().zip(keys) {
            *hash = self.hasher.hash(&key.partition);
            count += 1;
        }
        table.prefetch(&hashes[..count]);
    }

    /// Carries a request out at `now`, or throttles it.
    ///
    /// # Errors
    /// What the service would answer; without items, conditions and updates are refused, because
    /// what they do depends on the item.
    pub fn handle(&mut self, request: Request, now: Time) -> Outcome {
        let key = request.key(&self.schema.key)?;
        let operation = request.operation();
        let replica = match &request {
            Request::Get(get) if get.consistency == ReadConsistency::Eventual => {
                self.reads += 1;
                Replica::for_read(self.reads - 1)
            }
            _ => Replica::Leader,
        };
        let taken = tokens_before(&request);
        if !self.take_tokens(operation, taken, now) {
            return Err(self.throttled(operation, ThrottledLimit::ProvisionedThroughput));
        }
        let hash = self.hasher.hash(&key.partition);
        let index = self.map.index_of(hash, key.sort.as_ref());
        let place = Place::of_item(hash, key);
        let outcome = match request {
            Request::Get(get) => self.read(&get, &place, (index, replica), now),
            write => self.write(write, place, index, now),
        };
        let used = match &outcome {
            Ok(Answer::Got(output)) => output.consumed.table.read.halves(),
            Ok(Answer::Wrote(output)) => written(&output.consumed),
            Err(Error::ConditionalCheckFailed { consumed, .. }) => written(consumed),
            _ => 0,
        };
        if let Some((share, _)) = &mut self.tokens[operation as usize] {
            share.settle(taken, used);
        }
        outcome
    }
    fn take_tokens(&mut self, operation: ThrottledOperation, tokens: u64, now: Time) -> bool {
        let Some((share, admission)) = &mut self.tokens[operation as usize] else {
            return true;
        };
        match share.ask(tokens, now) {
            Asked::Passes => true,
            Asked::Refused => false,
            Asked::Replenish {
                last,
                consumed,
                wanted,
            } => {
                let lease = admission.replenish(RouterId(0), last, consumed, wanted, now);
                share.accept(lease, now);
                share.ask(tokens, now) == Asked::Passes
            }
        }
    }
    fn read(
        &mut self,
        get: &GetItem,
        place: &Place,
        (index, replica): (usize, Replica),
        now: Time,
    ) -> Outcome {
        let consistency = get.consistency;
        let buckets = &mut self.buckets[index];
        let source = match buckets.open_read(consistency, replica, None, now) {
            Ok(source) => source,
            Err(_) => {
                let limit = ThrottledLimit::KeyRangeThroughput;
                return Err(self.throttled(ThrottledOperation::Read, limit));
            }
        };
        let (output, bytes) = match &self.content {
            Content::Items(table) => table.get_at(place, get)?,
            Content::Sizes(sizes) => {
                let bytes = sizes.get(place).copied().unwrap_or(0);
                let units = ReadUnits::for_bytes(bytes, consistency);
                let output = GetItemOutput {
                    item: None,
                    consumed: ConsumedCapacity::of_table(Units::read(units)),
                };
                (output, bytes)
            }
        };
        let charge = (source, None);
        buckets.charge_read(read_blocks(bytes), consistency, replica, charge, now);
        Ok(Answer::Got(output))
    }
    fn write(&mut self, request: Request, place: Place, index: usize, now: Time) -> Outcome {
        let buckets = &mut self.buckets[index];
        let source = match buckets.open_write(None, now) {
            Ok(source) => source,
            Err(_) => {
                let limit = ThrottledLimit::KeyRangeThroughput;
                return Err(self.throttled(ThrottledOperation::Write, limit));
            }
        };
        let outcome = match &mut self.content {
            Content::Items(table) => {
                let plan = match request {
                    Request::Put(put) => table.plan_put_at(place, put),
                    Request::Update(update) => table.plan_update_at(place, &update),
                    Request::Delete(delete) => table.plan_delete_at(place, &delete),
                    // Reads go elsewhere; this refuses what no caller asks for.
                    Request::Get(_) => Err(Validation::TransactionalRead.into()),
                };
                let plan = plan.map_err(Refusal::alone);
                plan.map(|plan| table.carry_out(plan, WriteMode::Standard))
            }
            Content::Sizes(sizes) => write_size(sizes, &request, place),
        };
        let units = match &outcome {
            Ok(output) => written(&output.consumed),
            Err(Error::ConditionalCheckFailed { consumed, .. }) => written(consumed),
            Err(_) => return outcome.map(Answer::Wrote),
        };
        buckets.charge_write(units, (source, None), now);
        outcome.map(Answer::Wrote)
    }
    fn throttled(&self, operation: ThrottledOperation, limit: ThrottledLimit) -> Error {
        Error::Throttled {
            reason: ThrottlingReason {
                resource: ThrottledResource::Table,
                operation,
                limit,
            },
            resource: self.schema.name.clone(),
        }
    }
}

/// What a put or deletion does where only sizes are known.
fn write_size(
    sizes: &mut BTreeMap<Place, u64>,
    request: &Request,
    place: Place,
) -> Result<WriteOutput, Error> {
    let (before, after) = match request {
        Request::Put(put) if put.precondition.condition.is_none() => {
            let bytes = crate::item::check_item(&put.item)?;
            (sizes.insert(place, bytes), Some(bytes))
        }
        Request::Delete(delete) if delete.precondition.condition.is_none() => {
            (sizes.remove(&place), None)
        }
        _ => return Err(Validation::NeedsItems.into()),
    };
    let units = WriteUnits::for_change(before, after, WriteMode::Standard);
    Ok(WriteOutput {
        attributes: None,
        consumed: ConsumedCapacity::of_table(Units::write(units)),
    })
}
