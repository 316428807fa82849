//! The entries of a stream: nodes by the ids of their first entries.

use super::id::{AskedId, StreamId};
use super::node::{Entry, NODE_BYTES_MAX, NodeLimits, StreamNode};
use super::radix::IdTree;
use kvrig_base::seam::{Counter, Work};

/// The entries, and what is remembered of those that are gone.
#[derive(Clone, Debug, Default)]
pub struct Log {
    pub(super) nodes: IdTree<StreamNode>,
    /// Of all nodes, as allocated.
    pub(super) node_bytes: u64,
    /// Entries that are not deleted.
    pub(super) length: u64,
    pub(super) first_id: StreamId,
    last_id: StreamId,
    max_deleted_id: StreamId,
    entries_added: u64,
}

/// Why an entry is not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Its id is not above the last one.
    NotAbove,
    /// Its fields and values are longer than a node may be.
    TooLarge,
}

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From lower to higher ids.
    Forwards,
    /// From higher to lower ids.
    Backwards,
}

/// What XSETID sets.
#[derive(Clone, Copy, Debug)]
pub struct SetIds {
    /// The last id.
    pub last: StreamId,
    /// How many entries were added ever, where it is given.
    pub entries_added: Option<u64>,
    /// The highest id that was deleted, where it is given.
    pub max_deleted: Option<StreamId>,
}

/// What a serialised stream states of its entries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stated {
    /// How many there are.
    pub(crate) length: u64,
    pub(crate) last_id: StreamId,
    /// What versions before 7.0 do not state: the first id, the highest that was deleted, and how many
    /// were added ever.
    pub(crate) since_7_0: Option<(StreamId, StreamId, u64)>,
}

impl Log {
    /// Puts entries together from the nodes of a serialised stream and what it states of them. Where it
    /// does not state how many were added ever, those that are there are taken for all.
    ///
    /// # Errors
    /// What is wrong, in a few words: nodes or entries out of order, or statements that are not true.
    pub(crate) fn from_nodes(
        nodes: Vec<(StreamId, StreamNode)>,
        stated: Stated,
        work: &mut Work,
    ) -> Result<Self, &'static str> {
        let mut log = Self::default();
        let mut highest = None;
        for (master, node) in nodes {
            if highest.is_some_and(|highest| master <= highest) {
                return Err("a stream whose nodes are not in order");
            }
            let mut entry = node.first(master, work);
            while let Some(present) = entry {
                let is_behind = highest.is_none_or(|highest| present.id > highest);
                if !present.is_deleted() {
                    if present.id < master || !is_behind {
                        return Err("a stream whose entries are not in order");
                    }
                    highest = Some(present.id);
                }
                entry = node.after(master, &present, work);
            }
            log.length += node.live();
            log.node_bytes += node.allocated();
            if log.nodes.insert(master, node, work).is_some() {
                return Err("a stream with two nodes of one id");
            }
        }
        if log.length != stated.length {
            return Err("a stream that states another number of entries than it has");
        }
        if highest.is_some_and(|highest| highest > stated.last_id) {
            return Err("a stream whose last id is below that of an entry");
        }
        log.last_id = stated.last_id;
        match stated.since_7_0 {
            Some((first_id, max_deleted_id, entries_added)) => {
                log.first_id = first_id;
                log.max_deleted_id = max_deleted_id;
                log.entries_added = entries_added;
            }
            None => {
                log.entries_added = log.length;
                log.find_first(work);
            }
        }
        Ok(log)
    }
    /// Number of entries.
    pub fn len(&self) -> u64 {
        self.length
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
    /// The id of the first entry; 0-0 where there is none.
    pub fn first_id(&self) -> StreamId {
        self.first_id
    }
    /// The highest id that was ever given.
    pub fn last_id(&self) -> StreamId {
        self.last_id
    }
    /// The highest id that was deleted by XDEL; 0-0 at first.
    pub fn max_deleted_id(&self) -> StreamId {
        self.max_deleted_id
    }
    /// How many entries were added ever.
    pub fn entries_added(&self) -> u64 {
        self.entries_added
    }
    /// Its nodes.
    pub fn nodes(&self) -> &IdTree<StreamNode> {
        &self.nodes
    }
    /// Sets what is remembered.
    pub fn set_ids(&mut self, ids: SetIds) {
        self.last_id = ids.last;
        self.entries_added = ids.entries_added.unwrap_or(self.entries_added);
        self.max_deleted_id = ids.max_deleted.unwrap_or(self.max_deleted_id);
    }

    /// The id that a new entry has (streamNextID and streamAppendItem).
    fn id_for(&self, asked: Option<AskedId>, now_ms: u64) -> Option<StreamId> {
        let last = self.last_id;
        let id = match asked {
            Some(AskedId::Whole(id)) => id,
            Some(AskedId::Millisecond(ms)) if ms == last.ms => StreamId {
                ms,
                seq: last.seq.checked_add(1)?,
            },
            Some(AskedId::Millisecond(ms)) => StreamId { ms, seq: 0 },
            None if now_ms > last.ms => StreamId { ms: now_ms, seq: 0 },
            None => last.next()?,
        };
        (id > last).then_some(id)
    }
    /// Adds an entry of fields and values by turns, and returns its id.
    ///
    /// # Errors
    /// An id that is not above the last, or more bytes than a node may have.
    pub fn append(
        &mut self,
        asked: Option<AskedId>,
        now_ms: u64,
        pairs: &[&[u8]],
        limits: NodeLimits,
        work: &mut Work,
    ) -> Result<StreamId, Refused> {
        let id = self.id_for(asked, now_ms).ok_or(Refused::NotAbove)?;
        let bytes: usize = pairs.iter().map(|text| text.len()).sum();
        if bytes > NODE_BYTES_MAX {
            return Err(Refused::TooLarge);
        }
        let tail = self.nodes.last(work).map(|(master, node)| {
            let is_full = node.is_full_for(bytes, limits);
            (master, is_full)
        });
        let master = match tail {
            Some((master, false)) => master,
            _ => {
                if let Some((full, _)) = tail {
                    self.change_node(full, work, StreamNode::close);
                }
                let node = StreamNode::new(pairs, limits, work);
                self.node_bytes += node.allocated();
                self.nodes.insert(id, node, work);
                id
            }
        };
        self.change_node(master, work, |node, work| {
            node.push(master, id, pairs, work);
        });
        self.length += 1;
        self.entries_added = self.entries_added.wrapping_add(1);
        self.last_id = id;
        if self.length == 1 {
            self.first_id = id;
        }
        Ok(id)
    }
    /// Changes a node, and keeps the sum of their bytes.
    pub(super) fn change_node(
        &mut self,
        master: StreamId,
        work: &mut Work,
        change: impl FnOnce(&mut StreamNode, &mut Work),
    ) {
        if let Some(node) = self.nodes.get_mut(master, work) {
            let before = node.allocated();
            change(node, work);
            self.node_bytes = self.node_bytes - before + node.allocated();
        }
    }
    /// Removes a node with all its entries.
    pub(super) fn remove_node(&mut self, master: StreamId, work: &mut Work) {
        if let Some(node) = self.nodes.remove(master, work) {
            work.count(Counter::Frees, 1);
            self.node_bytes -= node.allocated();
            self.length -= node.live();
        }
    }

    /// Visits the entries from `start` to `end`, both included, until `visit` says to stop.
    ///
    /// Where the walk ends is decided by entries that are there: after XSETID has gone back, a lower
    /// id may follow a deleted one.
    pub fn walk(
        &self,
        (start, end): (StreamId, StreamId),
        direction: Direction,
        work: &mut Work,
        mut visit: impl FnMut(&Entry<'_>, &mut Work) -> bool,
    ) {
        if start > end {
            return;
        }
        match direction {
            Direction::Forwards => {
                // Entries behind `start` may lie in the node that begins before it.
                let before = self.nodes.at_or_before(start, work);
                let mut node = before.or_else(|| self.nodes.first(work));
                while let Some((master, pack)) = node {
                    let mut entry = pack.first(master, work);
                    while let Some(present) = entry {
                        let is_asked = present.id >= start && !present.is_deleted();
                        if is_asked && (present.id > end || !visit(&present, work)) {
                            return;
                        }
                        entry = pack.after(master, &present, work);
                    }
                    let next = master.next();
                    node = next.and_then(|next| self.nodes.at_or_after(next, work));
                }
            }
            Direction::Backwards => {
                let mut node = self.nodes.at_or_before(end, work);
                while let Some((master, pack)) = node {
                    let mut entry = pack.last(master, work);
                    while let Some(present) = entry {
                        let is_asked = present.id <= end && !present.is_deleted();
                        if is_asked && (present.id < start || !visit(&present, work)) {
                            return;
                        }
                        entry = pack.before(master, &present, work);
                    }
                    let previous = master.previous();
                    node = previous.and_then(|previous| self.nodes.at_or_before(previous, work));
                }
            }
        }
    }
    /// Whether there is an entry with this id (streamEntryExists).
    pub fn has(&self, id: StreamId, work: &mut Work) -> bool {
        let mut is_there = false;
        self.walk((id, id), Direction::Forwards, work, |_, _| {
            is_there = true;
            false
        });
        is_there
    }
    /// The id of the outermost entry on the side that a walk begins (streamGetEdgeID).
    pub fn edge_id(&self, from: Direction, work: &mut Work) -> Option<StreamId> {
        let mut edge = None;
        self.walk((StreamId::MIN, StreamId::MAX), from, work, |entry, _| {
            edge = Some(entry.id);
            false
        });
        edge
    }

    /// Deletes entries, and says how many were there.
    pub fn delete(&mut self, ids: &[StreamId], work: &mut Work) -> u64 {
        let (mut deleted, mut was_first) = (0, false);
        for &id in ids {
            if self.delete_one(id, work) {
                was_first |= id == self.first_id;
                self.max_deleted_id = self.max_deleted_id.max(id);
                deleted += 1;
            }
        }
        if self.length == 0 || was_first {
            self.find_first(work);
        }
        deleted
    }
    fn delete_one(&mut self, id: StreamId, work: &mut Work) -> bool {
        let mut place = None;
        self.walk((id, id), Direction::Forwards, work, |entry, _| {
            place = Some(entry.place());
            false
        });
        let master = self.nodes.at_or_before(id, work);
        let master = master.map(|(master, node)| (master, node.live()));
        let (Some(place), Some((master, live))) = (place, master) else {
            return false;
        };
        if live == 1 {
            self.remove_node(master, work);
            return true;
        }
        self.change_node(master, work, |node, work| {
            node.mark_deleted(place);
            node.count_deleted(1, work);
        });
        self.length -= 1;
        true
    }
    /// Looks for the first entry again.
    pub(super) fn find_first(&mut self, work: &mut Work) {
        self.first_id = match self.length {
            0 => StreamId::MIN,
            _ => self
                .edge_id(Direction::Forwards, work)
                .unwrap_or(StreamId::MAX),
        };
    }

    /// Adds up what nodes take, after they were copied.
    pub(super) fn sum_node_bytes(&mut self) {
        let mut bytes = 0;
        self.nodes.for_each_mut(|node| bytes += node.allocated());
        self.node_bytes = bytes;
    }

    /// Whether entries from `start` on may have been deleted by XDEL (streamRangeHasTombstones).
    pub fn has_deleted_from(&self, start: StreamId) -> bool {
        self.length > 0
            && self.max_deleted_id != StreamId::MIN
            && self.first_id <= self.max_deleted_id
            && start <= self.max_deleted_id
    }
    /// How many entries were added up to this id, where that can be told
    /// (streamEstimateDistanceFromFirstEverEntry).
    pub fn added_up_to(&self, id: StreamId) -> Option<u64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        if self.length == 0 && id <= self.last_id || id == self.last_id {
            return Some(self.entries_added);
        }
        let is_whole = self.max_deleted_id == StreamId::MIN || self.max_deleted_id < self.first_id;
        if id > self.last_id || !is_whole || id > self.first_id {
            return None;
        }
        let before_first = self.entries_added.wrapping_sub(self.length);
        Some(before_first.wrapping_add(u64::from(id == self.first_id)))
    }
}
