//! What the actors say to one another.

use super::batch::Batch;
use super::contents::{Change, Epoch, LogIndex};
use super::directory::{Directory, GroupId, KeyspaceId};
use super::page::{PageRequest, PartRead};
use crate::capacity::ReadUnits;
use crate::database::{
    BatchGetOutput, BatchWriteOutput, ConsumedByTable, TransactAction, TransactGet,
    TransactGetItems, TransactGetOutput, TransactWriteItems, TransactWriteOutput,
};
use crate::error::{CancellationReason, Error, Validation};
use crate::item::{AttributeMap, Item};
use crate::key::{KeySchema, PrimaryKey};
use crate::partition::{Boundary, Lease};
use crate::table::{
    DeleteItem, GetItem, GetItemOutput, PageOutput, PagePart, Plan, PutItem, UpdateItem,
    WriteOutput,
};
use crate::throttle::{ThrottledOperation, ThrottlingReason};
use kvrig_base::id::ActorId;
use kvrig_base::time::Time;
use std::rc::Rc;

/// Bytes of a message beside the items that it carries: headers and names. Ours.
const ENVELOPE_BYTES: u64 = 64;

/// A request of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// GetItem.
    Get(GetItem),
    /// PutItem.
    Put(PutItem),
    /// UpdateItem.
    Update(UpdateItem),
    /// DeleteItem.
    Delete(DeleteItem),
}

/// What a request is answered with where it succeeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To GetItem.
    Got(GetItemOutput),
    /// To the others.
    Wrote(WriteOutput),
    /// To TransactWriteItems.
    Transacted(TransactWriteOutput),
    /// To TransactGetItems.
    TransactGot(TransactGetOutput),
    /// To BatchGetItem.
    BatchGot(BatchGetOutput),
    /// To BatchWriteItem.
    BatchWrote(BatchWriteOutput),
    /// To Query and Scan.
    Paged(PageOutput),
}

/// Why a storage node did not carry a request out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It is to be answered so.
    Told(Error),
    /// Another node may; nothing was done.
    NotHere,
}

/// The number of a transaction of one coordinator.
pub(super) type TransactionId = u64;

/// A transaction, wherever it is coordinated.
pub(super) type TransactionName = (ActorId, TransactionId);

/// One entry of a log.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) epoch: Epoch,
    pub(super) what: Logged,
    /// Write units, which replicas are charged with where limits combine reads and writes.
    pub(super) units: u64,
    /// What each global index of the table has to follow.
    pub(super) follow: Vec<Vec<IndexChange>>,
}

/// What is written to a log.
#[derive(Debug)]
pub(super) enum Logged {
    /// Items or entries that change.
    Changes(Vec<Change>),
    /// The items of a transaction are kept for it, to be changed so.
    Prepared(TransactionName, Vec<Plan>),
    /// They change, or not, and are free again.
    Decided(TransactionName, Vec<Change>),
    /// The partition is split.
    Split(Boundary, [GroupId; 2]),
}

/// A change of an index and what it costs there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IndexChange {
    pub(super) change: Change,
    pub(super) units: u64,
}

/// A leader's entries for a follower, or none to renew its lease.
#[derive(Clone, Debug)]
pub(super) struct Append {
    pub(super) epoch: Epoch,
    /// The entry before the first.
    pub(super) previous: (LogIndex, Epoch),
    pub(super) entries: Vec<Rc<Entry>>,
    pub(super) committed: LogIndex,
    /// Entries up to here are needed by nobody.
    pub(super) floor: LogIndex,
    /// How far each index has followed.
    pub(super) followed: Vec<LogIndex>,
    /// Whether each has all items from before the log.
    pub(super) filled: Vec<bool>,
    /// The leader's time.
    pub(super) sent: Time,
}

/// A message between two actors of the service.
#[derive(Clone, Debug)]
pub enum Message {
    /// A client that is an actor itself asks a router.
    Ask {
        /// Names the request in its answer.
        id: u64,
        /// The table.
        table: Box<str>,
        /// What is asked.
        request: Box<Request>,
    },
    /// The same, of a transaction.
    AskTransaction {
        /// Names the request in its answer.
        id: u64,
        /// What is asked.
        request: Box<TransactWriteItems>,
    },
    /// The same, of items that are read as they were at one moment.
    AskTransactGet {
        /// Names the request in its answer.
        id: u64,
        /// What is asked.
        request: Box<TransactGetItems>,
    },
    /// The same, of a batch.
    AskBatch {
        /// Names the batch in its answer.
        id: u64,
        /// What is asked.
        batch: Box<Batch>,
    },
    /// The same, of a page of Query or Scan.
    AskPage {
        /// Names the page in its answer.
        id: u64,
        /// The table.
        table: Box<str>,
        /// What is asked.
        request: Box<PageRequest>,
    },
    /// A router answers a client.
    Answered {
        /// Which request.
        id: u64,
        /// With what.
        answer: Box<Result<Answer, Error>>,
    },
    /// A message inside the service.
    Inside(Inside),
}

/// A message inside the service. What it says is the service's own business.
#[derive(Clone, Debug)]
pub struct Inside(pub(super) Body);

#[derive(Clone, Debug)]
pub(super) enum Body {
    /// Where does everything lie?
    WhereIs,
    Located(Rc<Directory>),
    Replenish {
        keyspace: KeyspaceId,
        operation: ThrottledOperation,
        last: Lease,
        consumed: u64,
        wanted: u64,
    },
    Lent {
        keyspace: KeyspaceId,
        operation: ThrottledOperation,
        lease: Lease,
    },
    Carry {
        id: u64,
        group: GroupId,
        request: Box<Request>,
    },
    Carried {
        id: u64,
        result: Box<Result<Answer, Failure>>,
        /// The write itself, where it was not carried out here and may be elsewhere.
        back: Option<Box<Request>>,
    },
    /// A router asks a replica for a part of a page.
    ReadPart {
        id: u64,
        group: GroupId,
        read: Box<PartRead>,
    },
    PartRead {
        id: u64,
        result: Box<Result<PagePart, Failure>>,
    },
    Append(GroupId, Append),
    Appended {
        group: GroupId,
        epoch: Epoch,
        /// The last entry that is the leader's, or where it may begin anew.
        matched: Result<LogIndex, LogIndex>,
        applied: LogIndex,
        /// The leader's time of what is answered.
        sent: Time,
    },
    /// What a follower lacks is forgotten: it is to go on behind this entry.
    Install {
        group: GroupId,
        epoch: Epoch,
        base: (LogIndex, Epoch),
        sent: Time,
    },
    /// Do you still hear the leader?
    Probe(GroupId),
    Probed {
        group: GroupId,
        is_reachable: bool,
    },
    Elect {
        group: GroupId,
        epoch: Epoch,
        last: (Epoch, LogIndex),
    },
    Vote {
        group: GroupId,
        epoch: Epoch,
        is_granted: bool,
    },
    Elected {
        group: GroupId,
        epoch: Epoch,
    },
    /// The leader of a hot partition would have it split there.
    Hot {
        group: GroupId,
        at: Boundary,
    },
    Split {
        group: GroupId,
        at: Boundary,
        children: [GroupId; 2],
    },
    /// A node that has split a partition tells one that has not, or that does not know a child.
    WasSplit {
        group: GroupId,
        /// The last entry of its log.
        last: (LogIndex, Epoch),
    },
    /// What is this partition that you speak of?
    Unknown(GroupId),
    /// The leader of a partition of a table to that of a partition of an index.
    Follow {
        from: GroupId,
        group: GroupId,
        /// Which of the leader's batches.
        batch: u64,
        changes: Vec<IndexChange>,
    },
    Followed {
        from: GroupId,
        group: GroupId,
        batch: u64,
        /// How many changes were made before one was throttled.
        made: usize,
        refused: Option<ThrottlingReason>,
    },
    Prepare {
        transaction: TransactionId,
        group: GroupId,
        actions: Vec<TransactAction>,
    },
    Prepared {
        transaction: TransactionId,
        group: GroupId,
        /// One reason for each action, or that another node is to be asked.
        result: Option<PreparedActions>,
    },
    Decide {
        transaction: TransactionId,
        group: GroupId,
        is_committed: bool,
    },
    Decided {
        transaction: TransactionId,
        group: GroupId,
        is_done: bool,
    },
    /// A coordinator reads items for a transaction,
    ReadItems {
        transaction: TransactionId,
        group: GroupId,
        gets: Vec<TransactGet>,
    },
    ItemsRead {
        transaction: TransactionId,
        group: GroupId,
        /// Or that another node is to be asked.
        result: Option<Box<ItemsRead>>,
    },
    /// and asks whether they have changed since the log had so many entries.
    ReadAgain {
        transaction: TransactionId,
        group: GroupId,
        keys: Vec<AttributeMap>,
        since: LogIndex,
    },
    ReadAgainDone {
        transaction: TransactionId,
        group: GroupId,
        /// Or that this is not known here.
        result: Option<Vec<ItemLook>>,
    },
    TransactGet {
        id: u64,
        request: Box<TransactGetItems>,
    },
    TransactGot {
        id: u64,
        result: Box<Result<TransactGetOutput, Error>>,
        /// What partitions were charged with, whatever came of it.
        consumed: ConsumedByTable,
    },
    Transact {
        id: u64,
        request: Box<TransactWriteItems>,
    },
    Transacted {
        id: u64,
        result: Result<TransactWriteOutput, Error>,
    },
}

/// What a leader says of the actions that it was asked to prepare.
#[derive(Clone, Debug)]
pub(super) struct PreparedActions {
    pub(super) reasons: Vec<CancellationReason>,
    /// What each action is charged with.
    pub(super) consumed: Vec<crate::capacity::ConsumedCapacity>,
    /// The larger of the sizes of each item before and after.
    pub(super) bytes: Vec<u64>,
}

/// What a leader says of items that a transaction reads.
#[derive(Clone, Debug)]
pub(super) struct ItemsRead {
    /// Entries of the log that were agreed on.
    pub(super) since: LogIndex,
    pub(super) items: Vec<ItemRead>,
}

/// An item that a transaction has read.
#[derive(Clone, Debug)]
pub(super) struct ItemRead {
    pub(super) look: ItemLook,
    /// The parts that are wanted of it.
    pub(super) item: Option<Item>,
    /// Its size as a whole; 0 if it is missing.
    pub(super) bytes: u64,
}

/// One of two looks that a transaction takes at an item.
#[derive(Clone, Debug)]
pub(super) struct ItemLook {
    /// What is in the transaction's way.
    pub(super) reason: CancellationReason,
    /// What the partition was charged with.
    pub(super) units: ReadUnits,
}

impl Answer {
    /// The item in it, if it answers for one.
    pub(super) fn item(&self) -> Option<&Item> {
        match self {
            Self::Got(output) => output.item.as_ref(),
            Self::Wrote(output) => output.attributes.as_ref(),
            Self::Transacted(_)
            | Self::TransactGot(_)
            | Self::BatchGot(_)
            | Self::BatchWrote(_)
            | Self::Paged(_) => None,
        }
    }
    /// Bytes of the items and unprocessed requests in it.
    fn size_bytes(&self) -> u64 {
        match self {
            Self::BatchGot(output) => {
                let items = output.items.values().flatten();
                let keys = output.unprocessed.values().flat_map(|wanted| &wanted.keys);
                items.chain(keys).map(Item::size_bytes).sum()
            }
            Self::TransactGot(output) => output.size_bytes(),
            Self::BatchWrote(output) => {
                let requests = output.unprocessed.values().flatten();
                requests.map(|one| one.item().size_bytes()).sum()
            }
            Self::Paged(page) => {
                let items = page.items.iter().chain(&page.last_evaluated_key);
                items.map(Item::size_bytes).sum()
            }
            _ => self.item().map_or(0, Item::size_bytes),
        }
    }
}

impl Message {
    /// The size of the message on the wire, in bytes.
    pub fn size_bytes(&self) -> u64 {
        match self {
            Self::Ask { request, .. } => ENVELOPE_BYTES + request.size_bytes(),
            Self::AskTransaction { request, .. } => {
                let actions = request.actions.iter();
                ENVELOPE_BYTES + actions.map(|one| action_bytes(&one.action)).sum::<u64>()
            }
            Self::AskTransactGet { request, .. } => ENVELOPE_BYTES + request.size_bytes(),
            Self::AskBatch { batch, .. } => ENVELOPE_BYTES + batch.size_bytes(),
            Self::AskPage { request, .. } => ENVELOPE_BYTES + request.size_bytes(),
            Self::Answered { answer, .. } => {
                ENVELOPE_BYTES + answer.as_ref().as_ref().map_or(0, Answer::size_bytes)
            }
            Self::Inside(Inside(body)) => body.size_bytes(),
        }
    }
}

impl Request {
    /// Bytes of the items, keys and values in it.
    pub fn size_bytes(&self) -> u64 {
        match self {
            Self::Get(GetItem { key, .. })
            | Self::Update(UpdateItem { key, .. })
            | Self::Delete(DeleteItem { key, .. }) => key.size_bytes(),
            Self::Put(put) => put.item.size_bytes(),
        }
    }
    /// The primary key of its item.
    ///
    /// # Errors
    /// Attributes that do not fit the schema.
    pub fn key(&self, schema: &KeySchema) -> Result<PrimaryKey, Validation> {
        match self {
            Self::Get(GetItem { key, .. })
            | Self::Update(UpdateItem { key, .. })
            | Self::Delete(DeleteItem { key, .. }) => schema.key_from(key),
            Self::Put(put) => schema.key_of(&put.item),
        }
    }
    /// Whether it reads or writes.
    pub const fn operation(&self) -> ThrottledOperation {
        match self {
            Self::Get(_) => ThrottledOperation::Read,
            _ => ThrottledOperation::Write,
        }
    }
}

impl Change {
    /// Bytes of the item that it leaves.
    pub(super) fn size_bytes(&self) -> u64 {
        self.after.as_ref().map_or(0, |stored| stored.bytes)
    }
}

impl Entry {
    /// What it changes once it is carried out.
    pub(super) fn changes(&self) -> &[Change] {
        match &self.what {
            Logged::Changes(changes) | Logged::Decided(_, changes) => changes,
            Logged::Prepared(..) | Logged::Split(..) => &[],
        }
    }
    /// Bytes of the items in it.
    pub(super) fn size_bytes(&self) -> u64 {
        match &self.what {
            Logged::Changes(changes) => changes.iter().map(Change::size_bytes).sum(),
            Logged::Prepared(_, plans) => plans.iter().filter_map(Plan::bytes).sum(),
            // What was prepared needs not be said again.
            Logged::Decided(..) | Logged::Split(..) => 0,
        }
    }
}

impl Body {
    /// The size of the message on the wire, in bytes.
    fn size_bytes(&self) -> u64 {
        let content = match self {
            Self::Carry { request, .. } => request.size_bytes(),
            Self::Carried { result, back, .. } => {
                let back = back.as_ref().map_or(0, |request| request.size_bytes());
                back + result.as_ref().as_ref().map_or(0, Answer::size_bytes)
            }
            // A stretch of keys takes about as much as an envelope.
            Self::ReadPart { .. } => ENVELOPE_BYTES,
            Self::PartRead { result, .. } => {
                result.as_ref().as_ref().map_or(0, PagePart::size_bytes)
            }
            Self::Append(_, append) => append.entries.iter().map(|one| one.size_bytes()).sum(),
            Self::Follow { changes, .. } => changes.iter().map(|one| one.change.size_bytes()).sum(),
            Self::Prepare { actions, .. } => actions.iter().map(action_bytes).sum(),
            Self::ReadItems { gets, .. } => gets.iter().map(|get| get.key.size_bytes()).sum(),
            Self::ItemsRead { result, .. } => {
                let items = result.iter().flat_map(|read| &read.items);
                items
                    .filter_map(|read| Some(read.item.as_ref()?.size_bytes()))
                    .sum()
            }
            Self::ReadAgain { keys, .. } => keys.iter().map(AttributeMap::size_bytes).sum(),
            Self::TransactGet { request, .. } => request.size_bytes(),
            Self::TransactGot { result, .. } => {
                let output = result.as_ref().as_ref();
                output.map_or(0, TransactGetOutput::size_bytes)
            }
            Self::Transact { request, .. } => request
                .actions
                .iter()
                .map(|one| action_bytes(&one.action))
                .sum(),
            // A place of three nodes and a boundary take about as much as an envelope.
            Self::Located(directory) => directory.groups().count() as u64 * ENVELOPE_BYTES,
            _ => 0,
        };
        ENVELOPE_BYTES + content
    }
}

fn action_bytes(action: &TransactAction) -> u64 {
    match action {
        TransactAction::Put(put) => put.item.size_bytes(),
        TransactAction::Update(UpdateItem { key, .. })
        | TransactAction::Delete(DeleteItem { key, .. })
        | TransactAction::ConditionCheck { key, .. } => key.size_bytes(),
    }
}

impl TransactGetItems {
    /// Bytes of the keys in it.
    fn size_bytes(&self) -> u64 {
        self.gets.iter().map(|get| get.key.size_bytes()).sum()
    }
}

impl TransactGetOutput {
    /// Bytes of the items in it.
    fn size_bytes(&self) -> u64 {
        self.items.iter().flatten().map(Item::size_bytes).sum()
    }
}

/// Sends `body` to an actor of the service.
pub(super) fn send(cx: &mut kvrig_base::seam::Cx<'_, Message>, to: ActorId, body: Body) {
    let bytes = body.size_bytes();
    cx.effect(kvrig_base::seam::Effect::Send {
        to,
        message: Message::Inside(Inside(body)),
        bytes,
    });
}
