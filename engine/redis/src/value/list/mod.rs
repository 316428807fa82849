//! Lists: a chain of listpacks.
//!
//! Redis calls it quicklist (`redis:src/quicklist.c` 7.0): elements lie in listpacks of limited
//! size, so that both ends are near and an element costs a few bytes. When a listpack is split, and
//! when two are merged again, follows its rules, because they decide how much memory a list takes. So
//! do those by which listpacks far from both ends are compressed.

mod compression;
mod edit;
mod node;

pub(crate) use node::Stored;

use super::Footprint;
use super::sampled::Sample;
use crate::encoding::listpack::{Item, Listpack};
use crate::memory::size_class;
use kvrig_base::seam::{Counter, Work};
use node::Node;
use std::collections::VecDeque;
use std::ops::Range;

/// struct quicklist and struct quicklistNode alike.
const STRUCT_BYTES: u64 = 40;
const HEADER_BYTES: u64 = size_class(STRUCT_BYTES);
const NODE_BYTES: u64 = size_class(STRUCT_BYTES);
/// What an element is taken to add beside its text (SIZE_ESTIMATE_OVERHEAD).
const ELEMENT_OVERHEAD_BYTES: usize = 8;
/// Bytes of a listpack where the limit is a number of elements (SIZE_SAFETY_LIMIT).
const SAFE_BYTES_MAX: usize = 8_192;
/// Largest `list-compress-depth` that a list keeps (COMPRESS_MAX).
const COMPRESS_DEPTH_MAX: u32 = (1 << 16) - 1;

/// How large one listpack of a list may become (`list-max-listpack-size`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeLimit {
    /// So many bytes: -1 to -5 stand for 4, 8, 16, 32 and 64 KiB.
    Bytes(usize),
    /// So many elements, and 8 KiB.
    Elements(usize),
}

impl NodeLimit {
    /// The limit that a value of `list-max-listpack-size` stands for.
    pub const fn of(value: i16) -> Self {
        match value {
            // Zero holds one element, as every list must.
            0..=i16::MAX => Self::Elements(if value == 0 { 1 } else { value as usize }),
            -5..=-1 => Self::Bytes(4_096 << (-value - 1)),
            _ => Self::Bytes(65_536),
        }
    }
    const fn allows(self, bytes: usize, elements: usize) -> bool {
        match self {
            Self::Bytes(most) => bytes <= most,
            Self::Elements(most) => bytes <= SAFE_BYTES_MAX && elements <= most,
        }
    }
}

/// How the nodes of a list are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListLimits {
    /// `list-max-listpack-size`: how large one becomes.
    pub node: NodeLimit,
    /// `list-compress-depth`: how many at either end are never compressed; 0 compresses none.
    pub compress_depth: u32,
}

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The left end, where elements begin.
    Left,
    /// The right end.
    Right,
}

/// Where something is inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// In front of the element.
    Before,
    /// Behind it.
    After,
}

/// A place in a list: a node and which of its elements.
#[derive(Clone, Copy, Debug)]
struct Place {
    node: usize,
    index: usize,
}

/// A list of strings. It is never empty while a key holds it.
#[derive(Clone, Debug)]
pub struct List {
    nodes: VecDeque<Node>,
    length: usize,
    limit: NodeLimit,
    /// Nodes at either end that stay plain; 0 where none is compressed.
    compress_depth: usize,
    /// Of all nodes, each rounded to its size class.
    pack_bytes: u64,
}

impl List {
    /// An empty list.
    pub fn new(limits: ListLimits) -> Self {
        Self {
            nodes: VecDeque::new(),
            length: 0,
            limit: limits.node,
            compress_depth: limits.compress_depth.min(COMPRESS_DEPTH_MAX) as usize,
            pack_bytes: 0,
        }
    }
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.length
    }
    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
    /// Number of listpacks.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }
    /// Bytes of all listpacks, none compressed.
    pub fn uncompressed_bytes(&self) -> usize {
        self.nodes.iter().map(Node::byte_len).sum()
    }
    /// The nodes as they are stored, from the left.
    pub(crate) fn stored(&self) -> impl Iterator<Item = Stored<'_>> {
        self.nodes.iter().map(Node::stored)
    }
    /// Adds a listpack with its elements at the right end, however large it is
    /// (quicklistAppendListpack); an empty one is left out.
    pub(crate) fn push_pack(&mut self, pack: Listpack, work: &mut Work) {
        let elements = pack.len();
        if elements > 0 {
            self.length += elements;
            self.push_node(pack.into(), work);
        }
    }
    /// What Redis would have allocated.
    pub fn footprint(&self) -> Footprint {
        let nodes = self.nodes.len() as u64;
        Footprint {
            bytes: HEADER_BYTES + nodes * NODE_BYTES + self.pack_bytes,
            allocations: 1 + 2 * nodes,
        }
    }

    /// What MEMORY USAGE says, of so many listpacks taken for all.
    pub(super) fn sampled_bytes(&self, samples: usize) -> u64 {
        let mut sample = Sample::default();
        // It looks at one in any case.
        for node in self.nodes.iter().take(samples.max(1)) {
            sample.add(STRUCT_BYTES + node.allocated_bytes());
        }
        sample.scaled(STRUCT_BYTES, self.nodes.len())
    }

    /// Adds an element at an end.
    pub fn push(&mut self, end: End, element: &[u8], work: &mut Work) {
        let index = match end {
            End::Left => 0,
            End::Right => self.nodes.len().saturating_sub(1),
        };
        let has_room = self
            .nodes
            .get(index)
            .is_some_and(|node| self.has_room(node, element));
        let index = match (has_room, end) {
            (true, _) => index,
            (false, End::Left) => self.add_node(0, work),
            (false, End::Right) => self.add_node(self.nodes.len(), work),
        };
        self.change(index, work, |pack, work| {
            count_insertion(pack, element, end == End::Left, work);
            match end {
                End::Left => pack.push_front(element),
                End::Right => pack.push_back(element),
            }
        });
        self.length += 1;
        if !has_room {
            let neighbour = match end {
                End::Left => Some(1),
                End::Right => index.checked_sub(1),
            };
            self.settle_added(neighbour, index, work);
        }
    }
    /// Takes the element at an end away and gives it to `take`; `None` if there is none.
    pub fn pop<R>(
        &mut self,
        end: End,
        work: &mut Work,
        take: impl FnOnce(Item<'_>, &mut Work) -> R,
    ) -> Option<R> {
        let node = match end {
            End::Left => 0,
            End::Right => self.nodes.len().checked_sub(1)?,
        };
        let pack = self.nodes.get(node)?.read(work);
        let offset = match end {
            End::Left => pack.first(),
            End::Right => pack.last()?,
        };
        let taken = take(pack.get(offset)?, work);
        drop(pack);
        self.length -= 1;
        if self.nodes[node].len() == 1 {
            self.drop_node(node, work);
            return Some(taken);
        }
        self.change(node, work, |pack, work| {
            let behind = pack.byte_len();
            pack.remove(offset);
            // What lies behind moves to the front.
            let moved = if offset == pack.end() { 0 } else { behind };
            work.count(Counter::BytesCopied, moved as u64);
        });
        Some(taken)
    }
    /// Gives the element with this index to `read`, if there is one, and says in which node it is.
    pub fn read<R>(
        &self,
        index: usize,
        work: &mut Work,
        read: impl FnOnce(Item<'_>, &mut Work) -> R,
    ) -> Option<(R, usize)> {
        let place = self.place(index, work)?;
        let pack = self.nodes[place.node].read(work);
        let item = pack.get(pack.nth(place.index)?)?;
        Some((read(item, work), place.node))
    }
    /// Puts another element in the place of that with this index, and says whether there is one.
    pub fn set(&mut self, index: usize, element: &[u8], work: &mut Work) -> bool {
        let Some(Place { node, index }) = self.place(index, work) else {
            return false;
        };
        self.open(node, work);
        self.change(node, work, |pack, work| {
            work.count(Counter::BytesCopied, element.len() as u64);
            if let Some(offset) = pack.nth(index) {
                pack.replace(offset, element);
            }
        });
        self.settle(node, work);
        true
    }
    /// Visits elements from `start` on, towards the right or from there to the left, until `visit`
    /// says to stop. Returns in which nodes they are.
    pub fn walk(
        &self,
        start: usize,
        towards: End,
        work: &mut Work,
        mut visit: impl FnMut(Item<'_>, &mut Work) -> bool,
    ) -> Range<usize> {
        let Some(Place { node, index }) = self.place(start, work) else {
            return 0..0;
        };
        let first = node;
        let visited = |node: usize| first.min(node)..first.max(node) + 1;
        let mut node = node;
        let mut pack = self.nodes[node].read(work);
        let mut offset = pack.nth(index);
        loop {
            while let Some(item) = offset.and_then(|offset| pack.get(offset)) {
                work.count(Counter::EntriesVisited, 1);
                if !visit(item, work) {
                    return visited(node);
                }
                offset = offset.and_then(|offset| match towards {
                    End::Right => Some(pack.next(offset)),
                    End::Left => pack.before(offset),
                });
            }
            node = match towards {
                End::Right if node + 1 < self.nodes.len() => node + 1,
                End::Left if node > 0 => node - 1,
                _ => return visited(node),
            };
            work.count(Counter::ListSteps, 1);
            pack = self.nodes[node].read(work);
            offset = match towards {
                End::Right => Some(pack.first()),
                End::Left => pack.last(),
            };
        }
    }

    /// The place of the element with this index: listpacks are passed by their length, from the
    /// nearer end.
    fn place(&self, index: usize, work: &mut Work) -> Option<Place> {
        if index >= self.length {
            return None;
        }
        let in_place = |node: usize, index: usize, work: &mut Work| {
            let steps = index.min(self.nodes[node].len() - index);
            work.count(Counter::EntriesVisited, steps as u64);
            Some(Place { node, index })
        };
        if index < self.length / 2 {
            let mut before = 0;
            for (number, node) in self.nodes.iter().enumerate() {
                work.count(Counter::ListSteps, 1);
                if index < before + node.len() {
                    return in_place(number, index - before, work);
                }
                before += node.len();
            }
        } else {
            let mut end = self.length;
            for (number, node) in self.nodes.iter().enumerate().rev() {
                work.count(Counter::ListSteps, 1);
                end -= node.len();
                if index >= end {
                    return in_place(number, index - end, work);
                }
            }
        }
        None
    }
    fn has_room(&self, node: &Node, element: &[u8]) -> bool {
        let bytes = node.byte_len() + element.len() + ELEMENT_OVERHEAD_BYTES;
        self.limit.allows(bytes, node.len() + 1)
    }
    /// Adds an empty listpack at `index`, which must get elements and then be settled.
    fn add_node(&mut self, index: usize, work: &mut Work) -> usize {
        self.insert_node(index, Listpack::default().into(), work);
        index
    }
    fn insert_node(&mut self, index: usize, node: Node, work: &mut Work) {
        work.count(Counter::AllocationsSmall, 2);
        self.pack_bytes += node.allocated_bytes();
        self.nodes.insert(index, node);
    }
    /// Adds a node at the right end.
    fn push_node(&mut self, node: Node, work: &mut Work) {
        let index = self.nodes.len();
        self.insert_node(index, node, work);
        self.settle_added(index.checked_sub(1), index, work);
    }
    /// Takes a node away (__quicklistDelNode).
    fn drop_node(&mut self, index: usize, work: &mut Work) {
        work.count(Counter::Frees, 2);
        if let Some(node) = self.nodes.remove(index) {
            self.pack_bytes -= node.allocated_bytes();
        }
        self.keep_depth(None, work);
    }
    /// Changes one listpack, and keeps the sum of their bytes.
    fn change<R>(
        &mut self,
        index: usize,
        work: &mut Work,
        change: impl FnOnce(&mut Listpack, &mut Work) -> R,
    ) -> R {
        self.with_node(index, work, |node, work| {
            let pack = node.plain_mut(work);
            let before = size_class(pack.byte_len() as u64);
            let result = change(pack, work);
            let after = size_class(pack.byte_len() as u64);
            if after != before {
                work.count(Counter::AllocationsSmall, 1);
                work.count(Counter::Frees, 1);
                work.count(Counter::BytesCopied, before.min(after));
            }
            result
        })
    }
    /// Does something with one node, and keeps the sum of their bytes.
    fn with_node<R>(
        &mut self,
        index: usize,
        work: &mut Work,
        act: impl FnOnce(&mut Node, &mut Work) -> R,
    ) -> R {
        let node = &mut self.nodes[index];
        let before = node.allocated_bytes();
        let result = act(node, work);
        let after = node.allocated_bytes();
        self.pack_bytes = self.pack_bytes - before + after;
        result
    }
}

fn count_insertion(pack: &Listpack, element: &[u8], moves: bool, work: &mut Work) {
    let moved = if moves { pack.byte_len() } else { 0 };
    work.count(Counter::BytesCopied, (element.len() + moved) as u64);
}

#[cfg(test)]
mod tests;
