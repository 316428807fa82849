//! Streams: entries in the order of their ids, and groups of consumers that read them.
//!
//! Entries lie in listpacks ([`StreamNode`]) that a radix tree ([`IdTree`]) finds by the id of the
//! first, as in Redis (`redis:src/t_stream.c` 7.0), so that sizes, approximate trimming and what XINFO
//! tells are the same. A stream may be empty: Redis keeps its ids and groups.

mod group;
mod id;
mod log;
mod node;
mod radix;
mod sampled;
mod trim;

pub use group::{Consumer, ConsumerId, Group, Pending};
pub use id::{AskedId, StreamId};
pub(crate) use log::Stated;
pub use log::{Direction, Log, Refused, SetIds};
pub use node::{Entry, NodeLimits, StreamNode};
pub use radix::IdTree;
pub use trim::{Keep, Trim};

use super::Footprint;
use crate::memory::size_class;
use group::{EMPTY_TREE_BYTES, name_bytes};
use kvrig_base::seam::{Counter, Work};
use std::collections::BTreeMap;

/// struct stream.
const HEADER_BYTES: u64 = size_class(80);

/// A stream.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    log: Log,
    groups: BTreeMap<Box<[u8]>, Group>,
    /// Of all groups, their names and the tree of names.
    groups_footprint: Footprint,
    /// The tree of groups is made with the first and stays.
    has_had_groups: bool,
}

impl Stream {
    /// A stream of these entries, without groups.
    pub(crate) fn from_log(log: Log) -> Self {
        Self {
            log,
            ..Self::default()
        }
    }
    /// Its entries.
    pub fn log(&self) -> &Log {
        &self.log
    }
    /// The same, to be changed.
    pub fn log_mut(&mut self) -> &mut Log {
        &mut self.log
    }
    /// Its groups, sorted by name.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = (&[u8], &Group)> {
        self.groups.iter().map(|(name, group)| (&**name, group))
    }
    /// The group called so.
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.groups.get(name)
    }
    /// Makes a group, unless there is one of this name, and says whether it did.
    pub fn create_group(&mut self, name: &[u8], mut group: Group, work: &mut Work) -> bool {
        let is_new = !self.groups.contains_key(name);
        if is_new {
            work.count(Counter::AllocationsSmall, 6);
            work.count(Counter::BytesCopied, name.len() as u64);
            self.has_had_groups = true;
            group.name_bytes = name_bytes(&self.groups, name);
            self.add_footprint(group.footprint());
            self.groups.insert(name.into(), group);
        }
        is_new
    }
    /// Removes a group, and says whether there was one.
    pub fn destroy_group(&mut self, name: &[u8], work: &mut Work) -> bool {
        let Some(group) = self.groups.remove(name) else {
            return false;
        };
        let footprint = group.footprint();
        work.count(Counter::Frees, footprint.allocations + 2);
        self.remove_footprint(footprint);
        true
    }
    /// Changes a group, beside which the entries are seen; `None` where there is none of this name.
    pub fn with_group<R>(
        &mut self,
        name: &[u8],
        change: impl FnOnce(&mut Group, &Log) -> R,
    ) -> Option<R> {
        let group = self.groups.get_mut(name)?;
        let before = group.footprint();
        let result = change(group, &self.log);
        let after = group.footprint();
        self.remove_footprint(before);
        self.add_footprint(after);
        Some(result)
    }
    fn add_footprint(&mut self, added: Footprint) {
        self.groups_footprint.bytes += added.bytes;
        self.groups_footprint.allocations += added.allocations;
    }
    fn remove_footprint(&mut self, removed: Footprint) {
        self.groups_footprint.bytes -= removed.bytes;
        self.groups_footprint.allocations -= removed.allocations;
    }
    /// What Redis would have allocated.
    pub fn footprint(&self) -> Footprint {
        let nodes = self.log.nodes();
        let of_groups = if self.has_had_groups {
            EMPTY_TREE_BYTES
        } else {
            0
        };
        Footprint {
            bytes: HEADER_BYTES
                + nodes.bytes()
                + self.log.node_bytes
                + of_groups
                + self.groups_footprint.bytes,
            allocations: 2
                + nodes.nodes()
                + nodes.len() as u64
                + 2 * u64::from(self.has_had_groups)
                + self.groups_footprint.allocations,
        }
    }
    /// A copy, whose nodes have no room to grow.
    pub(crate) fn copy(&self) -> Self {
        let mut copy = self.clone();
        copy.log.sum_node_bytes();
        copy.has_had_groups = !self.groups.is_empty();
        copy
    }
    /// How much work freeing it is (`redis:src/lazyfree.c`): nodes, and for each group as many
    /// pending entries as the first has.
    pub fn free_effort(&self) -> u64 {
        let first = self.groups.values().next();
        let of_group = first.map_or(0, |group| 1 + group.pending().len() as u64);
        self.log.nodes().nodes() + self.groups.len() as u64 * of_group
    }
}

#[cfg(test)]
mod tests;
