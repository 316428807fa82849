//! Consumer groups: how far a group has read, and what its consumers have not acknowledged yet.
//!
//! An entry that was delivered is pending: in the tree of its group with all that is known of the
//! delivery, and in the tree of its consumer, which is where a consumer finds its own.

use super::id::StreamId;
use super::log::Log;
use super::radix::{IdTree, node_bytes};
use crate::memory::{size_class, text_bytes};
use crate::value::Footprint;
use kvrig_base::seam::{Counter, Work};
use std::collections::BTreeMap;
use std::ops::Bound;

/// struct streamCG.
const GROUP_BYTES: u64 = size_class(40);
/// struct streamConsumer.
const CONSUMER_BYTES: u64 = size_class(24);
/// struct streamNACK.
const PENDING_BYTES: u64 = size_class(24);
/// struct rax and an empty root.
pub(super) const EMPTY_TREE_BYTES: u64 = size_class(24) + size_class(8);

/// What one more child adds to a node that branches: a byte and a pointer, and its share of rounding.
const BRANCH_BYTES: u64 = 10;

/// Bytes that a name adds to the tree of these names: a leaf, and a run of the bytes that it shares with
/// no other. Close, not exact: names that come and go around it would move bytes between them.
pub(super) fn name_bytes<T>(names: &BTreeMap<Box<[u8]>, T>, name: &[u8]) -> u64 {
    let before = names.range::<[u8], _>((Bound::Unbounded, Bound::Excluded(name)));
    let behind = names.range::<[u8], _>((Bound::Excluded(name), Bound::Unbounded));
    let neighbours = before.rev().take(1).chain(behind.take(1));
    let shared = neighbours.map(|(other, _)| {
        let pairs = other.iter().zip(name);
        pairs.take_while(|(one, other)| one == other).count()
    });
    let (run, branch) = match shared.max() {
        None => (name.len(), 0),
        Some(shared) => (name.len().saturating_sub(shared + 1), BRANCH_BYTES),
    };
    let leaf = node_bytes(0, 1) + branch;
    match run {
        0 => leaf,
        _ => leaf + node_bytes(run as u64, 1),
    }
}

/// The number of a consumer within its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConsumerId(u64);

/// An entry that was delivered and not acknowledged.
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    /// To whom; nobody only while XCLAIM FORCE makes it.
    pub consumer: Option<ConsumerId>,
    /// When it was delivered last, unix time in milliseconds.
    pub delivered_ms: i64,
    /// How often it was delivered.
    pub deliveries: i64,
}

/// A consumer.
#[derive(Clone, Debug)]
pub struct Consumer {
    name: Box<[u8]>,
    /// When it asked for something last, unix time in milliseconds.
    seen_ms: i64,
    pending: IdTree<()>,
    /// What its name takes in the tree of names.
    name_bytes: u64,
}

/// A consumer group.
#[derive(Clone, Debug)]
pub struct Group {
    last_id: StreamId,
    /// How many entries it has read since the first ever, where that is known.
    entries_read: Option<u64>,
    pending: IdTree<Pending>,
    names: BTreeMap<Box<[u8]>, ConsumerId>,
    consumers: BTreeMap<ConsumerId, Consumer>,
    next_consumer: u64,
    /// Of the consumers, their names and trees.
    consumer_bytes: u64,
    /// What the name of the group takes in the tree of names.
    pub(super) name_bytes: u64,
}

impl Consumer {
    /// Its name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }
    /// When it asked for something last, unix time in milliseconds.
    pub fn seen_ms(&self) -> i64 {
        self.seen_ms
    }
    /// The ids of its entries that are pending.
    pub fn pending(&self) -> &IdTree<()> {
        &self.pending
    }
    fn bytes(&self) -> u64 {
        CONSUMER_BYTES + text_bytes(self.name.len()) + self.name_bytes + self.pending.bytes()
    }
}

impl Group {
    /// A group that has read up to `last_id`.
    pub fn new(last_id: StreamId, entries_read: Option<u64>) -> Self {
        Self {
            last_id,
            entries_read,
            pending: IdTree::default(),
            names: BTreeMap::new(),
            consumers: BTreeMap::new(),
            next_consumer: 0,
            consumer_bytes: 0,
            name_bytes: 0,
        }
    }
    /// The last id that was delivered.
    pub fn last_id(&self) -> StreamId {
        self.last_id
    }
    /// How many entries it has read since the first ever, where that is known.
    pub fn entries_read(&self) -> Option<u64> {
        self.entries_read
    }
    /// Its pending entries.
    pub fn pending(&self) -> &IdTree<Pending> {
        &self.pending
    }
    /// How far it has read from now on.
    pub fn set_last_id(&mut self, id: StreamId, entries_read: Option<u64>) {
        self.last_id = id;
        self.entries_read = entries_read;
    }
    /// The same where it is further than before.
    pub fn advance(&mut self, id: StreamId) {
        self.last_id = self.last_id.max(id);
    }
    /// How many entries of the stream it has still to read, where that is known
    /// (streamReplyWithCGLag).
    pub fn lag(&self, log: &Log) -> Option<u64> {
        if log.entries_added() == 0 {
            return Some(0);
        }
        let read = self.entries_read;
        let read = read.filter(|_| !log.has_deleted_from(self.last_id));
        let read = read.or_else(|| log.added_up_to(self.last_id))?;
        Some(log.entries_added().wrapping_sub(read))
    }
    /// What Redis would have allocated.
    pub(super) fn footprint(&self) -> Footprint {
        let pending = self.pending.len() as u64;
        let consumers = self.consumers.len() as u64;
        Footprint {
            bytes: GROUP_BYTES
                + self.pending.bytes()
                + pending * PENDING_BYTES
                + EMPTY_TREE_BYTES
                + self.consumer_bytes
                + self.name_bytes,
            allocations: 4 + self.pending.nodes() + pending + 6 * consumers,
        }
    }

    /// Its consumers, sorted by name.
    pub fn consumers(&self) -> impl ExactSizeIterator<Item = &Consumer> {
        self.names.values().map(|number| &self.consumers[number])
    }
    /// The consumer called so.
    pub fn consumer(&self, name: &[u8]) -> Option<&Consumer> {
        self.consumers.get(self.names.get(name)?)
    }
    /// The name of the consumer with this number.
    pub fn name_of(&self, consumer: Option<ConsumerId>) -> &[u8] {
        let consumer = consumer.and_then(|number| self.consumers.get(&number));
        consumer.map_or(&[], |consumer| &consumer.name)
    }
    /// Makes a consumer, unless there is one of this name, and says whether it did.
    pub fn create_consumer(&mut self, name: &[u8], now_ms: i64, work: &mut Work) -> bool {
        let is_new = !self.names.contains_key(name);
        if is_new {
            let number = ConsumerId(self.next_consumer);
            self.next_consumer += 1;
            let consumer = Consumer {
                name: name.into(),
                seen_ms: now_ms,
                pending: IdTree::default(),
                name_bytes: name_bytes(&self.names, name),
            };
            work.count(Counter::AllocationsSmall, 5);
            work.count(Counter::BytesCopied, name.len() as u64);
            self.consumer_bytes += consumer.bytes();
            self.names.insert(name.into(), number);
            self.consumers.insert(number, consumer);
        }
        is_new
    }
    /// The consumer called so, made where there is none, that asks for something now.
    pub fn see_consumer(&mut self, name: &[u8], now_ms: i64, work: &mut Work) -> ConsumerId {
        self.create_consumer(name, now_ms, work);
        let number = self.names[name];
        if let Some(consumer) = self.consumers.get_mut(&number) {
            consumer.seen_ms = now_ms;
        }
        number
    }
    /// Removes a consumer with what is pending for it, and says how much that was.
    pub fn delete_consumer(&mut self, name: &[u8], work: &mut Work) -> usize {
        let number = self.names.remove(name);
        let Some(consumer) = number.and_then(|number| self.consumers.remove(&number)) else {
            return 0;
        };
        self.consumer_bytes -= consumer.bytes();
        work.count(Counter::Frees, 5);
        let mut ids = Vec::with_capacity(consumer.pending.len());
        consumer.pending.walk(StreamId::MIN, work, |id, (), _| {
            ids.push(id);
            true
        });
        for &id in &ids {
            self.pending.remove(id, work);
            work.count(Counter::Frees, 1);
        }
        ids.len()
    }

    /// Takes an entry of a serialised group over that was delivered to a consumer who is stated later
    /// ([`Group::restore_owner`]), and says whether it was not there yet.
    pub(crate) fn restore_pending(
        &mut self,
        id: StreamId,
        delivered_ms: i64,
        deliveries: i64,
        work: &mut Work,
    ) -> bool {
        let pending = Pending {
            consumer: None,
            delivered_ms,
            deliveries,
        };
        work.count(Counter::AllocationsSmall, 1);
        self.pending.insert(id, pending, work).is_none()
    }
    /// Gives such an entry its consumer, and says whether it is pending and had none.
    pub(crate) fn restore_owner(
        &mut self,
        id: StreamId,
        consumer: ConsumerId,
        work: &mut Work,
    ) -> bool {
        let pending = self.pending.get_mut(id, work);
        let Some(pending) = pending.filter(|pending| pending.consumer.is_none()) else {
            return false;
        };
        pending.consumer = Some(consumer);
        self.own(id, consumer, work);
        true
    }
    /// Whether every pending entry has a consumer.
    pub(crate) fn is_owned(&self, work: &mut Work) -> bool {
        let mut is_owned = true;
        self.pending.walk(StreamId::MIN, work, |_, pending, _| {
            is_owned = pending.consumer.is_some();
            is_owned
        });
        is_owned
    }
    /// Takes note that an entry was delivered to a consumer, whoever had it before.
    pub fn deliver(&mut self, id: StreamId, consumer: ConsumerId, now_ms: i64, work: &mut Work) {
        let pending = Pending {
            consumer: Some(consumer),
            delivered_ms: now_ms,
            deliveries: 1,
        };
        match self.pending.insert(id, pending, work) {
            Some(before) => self.disown(id, before.consumer, work),
            None => work.count(Counter::AllocationsSmall, 1),
        }
        self.own(id, consumer, work);
    }
    /// Takes note that the group has read an entry (streamReplyWithRange).
    pub fn read(&mut self, id: StreamId, log: &Log) {
        if id <= self.last_id {
            return;
        }
        match self.entries_read {
            Some(read) if !log.has_deleted_from(id) => {
                self.entries_read = Some(read.wrapping_add(1));
            }
            _ if log.entries_added() > 0 => self.entries_read = log.added_up_to(id),
            _ => {}
        }
        self.last_id = id;
    }
    /// Changes what is known of a pending entry, which may get another consumer.
    pub fn change_pending(
        &mut self,
        id: StreamId,
        work: &mut Work,
        change: impl FnOnce(&mut Pending),
    ) {
        let Some(pending) = self.pending.get_mut(id, work) else {
            return;
        };
        let before = pending.consumer;
        change(pending);
        let after = pending.consumer;
        if after != before {
            self.disown(id, before, work);
            if let Some(consumer) = after {
                self.own(id, consumer, work);
            }
        }
    }
    /// Makes an entry pending that was delivered to nobody (XCLAIM FORCE).
    pub fn force_pending(&mut self, id: StreamId, now_ms: i64, work: &mut Work) {
        let pending = Pending {
            consumer: None,
            delivered_ms: now_ms,
            deliveries: 1,
        };
        work.count(Counter::AllocationsSmall, 1);
        self.pending.insert(id, pending, work);
    }
    /// Forgets that an entry is pending, and says whether it was.
    pub fn acknowledge(&mut self, id: StreamId, work: &mut Work) -> bool {
        let Some(pending) = self.pending.remove(id, work) else {
            return false;
        };
        work.count(Counter::Frees, 1);
        self.disown(id, pending.consumer, work);
        true
    }
    fn own(&mut self, id: StreamId, consumer: ConsumerId, work: &mut Work) {
        if let Some(consumer) = self.consumers.get_mut(&consumer) {
            self.consumer_bytes -= consumer.pending.bytes();
            consumer.pending.insert(id, (), work);
            self.consumer_bytes += consumer.pending.bytes();
        }
    }
    fn disown(&mut self, id: StreamId, consumer: Option<ConsumerId>, work: &mut Work) {
        let consumer = consumer.and_then(|consumer| self.consumers.get_mut(&consumer));
        if let Some(consumer) = consumer {
            self.consumer_bytes -= consumer.pending.bytes();
            consumer.pending.remove(id, work);
            self.consumer_bytes += consumer.pending.bytes();
        }
    }
}
