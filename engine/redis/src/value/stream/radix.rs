//! A radix tree of ids: the order and the memory of Redis's rax.
//!
//! Redis keeps listpacks and pending entries in radix trees (`redis:src/rax.h` 7.0), and XINFO tells
//! how many nodes the tree of listpacks has. A node of that tree either branches, with one byte
//! and one pointer for each child, or holds a run of bytes in front of its only child:
//!
//! ```text
//!   header   bytes of children, or the run   padding to 8   pointers to children   value
//!   4        1 each                                         8 each, a run has one  8
//! ```
//!
//! Which nodes there are follows from the keys alone, so this tree holds runs at its edges and
//! counts those nodes as it changes. Keys have 16 bytes, which bounds its depth.

use super::id::{ID_BYTES, StreamId};
use crate::memory::size_class;
use kvrig_base::seam::{Counter, Work};
use std::cmp::Ordering;

/// struct rax.
const HEADER_BYTES: u64 = size_class(24);
/// Header of a node.
const NODE_HEADER_BYTES: u64 = 4;
const POINTER_BYTES: u64 = 8;

/// Values by their ids.
#[derive(Clone, Debug)]
pub struct IdTree<V> {
    root: Node<V>,
    length: usize,
    shape: Shape,
}

#[derive(Clone, Debug)]
struct Node<V> {
    /// Only where the key ends.
    value: Option<(StreamId, V)>,
    /// Sorted; no two begin with the same byte.
    edges: Vec<Edge<V>>,
}

#[derive(Clone, Debug)]
struct Edge<V> {
    /// Never empty.
    label: Box<[u8]>,
    node: Node<V>,
}

/// What the tree would be in Redis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Shape {
    nodes: u64,
    bytes: u64,
}

/// Bytes of a node with so many bytes of children or of its run, and so many pointers and values.
pub(super) const fn node_bytes(bytes: u64, pointers: u64) -> u64 {
    size_class((NODE_HEADER_BYTES + bytes).next_multiple_of(8) + POINTER_BYTES * pointers)
}

impl Shape {
    /// The nodes that one of ours stands for: itself, and a run in front of each child of a branch
    /// whose edge is longer than one byte.
    fn of<V>(node: &Node<V>) -> Self {
        let value = u64::from(node.value.is_some());
        match &*node.edges {
            [] => Self {
                nodes: 1,
                bytes: node_bytes(0, value),
            },
            [edge] => Self {
                nodes: 1,
                bytes: node_bytes(edge.label.len() as u64, 1 + value),
            },
            edges => {
                let children = edges.len() as u64;
                let mut shape = Self {
                    nodes: 1,
                    bytes: node_bytes(children, children + value),
                };
                for edge in edges.iter().filter(|edge| edge.label.len() > 1) {
                    shape.nodes += 1;
                    shape.bytes += node_bytes(edge.label.len() as u64 - 1, 1);
                }
                shape
            }
        }
    }
    fn add<V>(&mut self, node: &Node<V>) {
        let added = Self::of(node);
        self.nodes += added.nodes;
        self.bytes += added.bytes;
    }
    fn remove<V>(&mut self, node: &Node<V>) {
        let removed = Self::of(node);
        self.nodes -= removed.nodes;
        self.bytes -= removed.bytes;
    }
}

impl<V> Default for IdTree<V> {
    fn default() -> Self {
        let root = Node::default();
        let mut shape = Shape::default();
        shape.add(&root);
        Self {
            root,
            length: 0,
            shape,
        }
    }
}

impl<V> IdTree<V> {
    /// Number of ids.
    pub fn len(&self) -> usize {
        self.length
    }
    /// Whether there is no id.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
    /// Number of nodes that the tree has in Redis.
    pub fn nodes(&self) -> u64 {
        self.shape.nodes
    }
    /// Bytes that the tree takes in Redis; what values point to is not among them.
    pub fn bytes(&self) -> u64 {
        HEADER_BYTES + self.shape.bytes
    }
    /// Puts a value at an id, and returns the one that was there.
    pub fn insert(&mut self, id: StreamId, value: V, work: &mut Work) -> Option<V> {
        let nodes = self.shape.nodes;
        let (key, value) = (id.to_bytes(), (id, value));
        let old = self.root.insert(&key, value, &mut self.shape, work);
        self.length += usize::from(old.is_none());
        work.count(Counter::AllocationsSmall, self.shape.nodes - nodes);
        old
    }
    /// Removes an id, and returns its value.
    pub fn remove(&mut self, id: StreamId, work: &mut Work) -> Option<V> {
        let nodes = self.shape.nodes;
        let removed = self.root.remove(&id.to_bytes(), &mut self.shape, work)?;
        self.length -= 1;
        work.count(Counter::Frees, nodes - self.shape.nodes);
        Some(removed)
    }
    /// The value at an id.
    pub fn get(&self, id: StreamId, work: &mut Work) -> Option<&V> {
        let key = id.to_bytes();
        let (mut node, mut key) = (&self.root, &key[..]);
        while !key.is_empty() {
            work.count(Counter::ListSteps, 1);
            let edge = &node.edges[node.edge(key[0]).ok()?];
            key = key.strip_prefix(&*edge.label)?;
            node = &edge.node;
        }
        node.value.as_ref().map(|(_, value)| value)
    }
    /// The same, to be changed.
    pub fn get_mut(&mut self, id: StreamId, work: &mut Work) -> Option<&mut V> {
        let key = id.to_bytes();
        let (mut node, mut key) = (&mut self.root, &key[..]);
        while !key.is_empty() {
            work.count(Counter::ListSteps, 1);
            let at = node.edge(key[0]).ok()?;
            let edge = &mut node.edges[at];
            key = key.strip_prefix(&*edge.label)?;
            node = &mut edge.node;
        }
        node.value.as_mut().map(|(_, value)| value)
    }
    /// The lowest id from `id` on.
    pub fn at_or_after(&self, id: StreamId, work: &mut Work) -> Option<(StreamId, &V)> {
        self.root.at_or_after(&id.to_bytes(), work)
    }
    /// The highest id up to `id`.
    pub fn at_or_before(&self, id: StreamId, work: &mut Work) -> Option<(StreamId, &V)> {
        self.root.at_or_before(&id.to_bytes(), work)
    }
    /// The lowest id.
    pub fn first(&self, work: &mut Work) -> Option<(StreamId, &V)> {
        self.at_or_after(StreamId::MIN, work)
    }
    /// The highest id.
    pub fn last(&self, work: &mut Work) -> Option<(StreamId, &V)> {
        self.at_or_before(StreamId::MAX, work)
    }
    /// Visits ids from `start` on, in order, until `visit` says to stop.
    pub fn walk(
        &self,
        start: StreamId,
        work: &mut Work,
        mut visit: impl FnMut(StreamId, &V, &mut Work) -> bool,
    ) {
        let mut from = Some(start);
        while let Some((id, value)) = from.and_then(|from| self.at_or_after(from, work)) {
            work.count(Counter::EntriesVisited, 1);
            if !visit(id, value, work) {
                return;
            }
            from = id.next();
        }
    }
    /// Changes every value.
    pub fn for_each_mut(&mut self, mut change: impl FnMut(&mut V)) {
        self.root.for_each_mut(&mut change);
    }
}

impl<V> Default for Node<V> {
    fn default() -> Self {
        Self {
            value: None,
            edges: Vec::new(),
        }
    }
}

impl<V> Node<V> {
    /// The index of the edge that begins with this byte, or where it would be.
    fn edge(&self, byte: u8) -> Result<usize, usize> {
        self.edges.binary_search_by_key(&byte, |edge| edge.label[0])
    }
    fn insert(
        &mut self,
        key: &[u8],
        value: (StreamId, V),
        shape: &mut Shape,
        work: &mut Work,
    ) -> Option<V> {
        work.count(Counter::ListSteps, 1);
        let Some(&byte) = key.first() else {
            shape.remove(self);
            let old = self.value.replace(value);
            shape.add(self);
            return old.map(|(_, value)| value);
        };
        let at = match self.edge(byte) {
            Ok(at) => at,
            Err(at) => {
                let node = Self {
                    value: Some(value),
                    edges: Vec::new(),
                };
                shape.add(&node);
                shape.remove(self);
                let label = key.into();
                self.edges.insert(at, Edge { label, node });
                shape.add(self);
                return None;
            }
        };
        let label = &self.edges[at].label;
        let pairs = label.iter().zip(key);
        let common = pairs.take_while(|(one, other)| one == other).count();
        if common < label.len() {
            shape.remove(self);
            self.edges[at].split(common, shape);
            shape.add(self);
        }
        self.edges[at]
            .node
            .insert(&key[common..], value, shape, work)
    }
    fn remove(&mut self, key: &[u8], shape: &mut Shape, work: &mut Work) -> Option<V> {
        work.count(Counter::ListSteps, 1);
        let Some(&byte) = key.first() else {
            shape.remove(self);
            let removed = self.value.take();
            shape.add(self);
            return removed.map(|(_, value)| value);
        };
        let at = self.edge(byte).ok()?;
        let edge = &mut self.edges[at];
        let rest = key.strip_prefix(&*edge.label)?;
        let removed = edge.node.remove(rest, shape, work)?;
        // A node without a value stays as long as it branches.
        if edge.node.value.is_none() && edge.node.edges.len() < 2 {
            shape.remove(&edge.node);
            shape.remove(self);
            let edge = &mut self.edges[at];
            match edge.node.edges.pop() {
                Some(below) => {
                    edge.label = [&*edge.label, &*below.label].concat().into();
                    edge.node = below.node;
                }
                None => {
                    self.edges.remove(at);
                }
            }
            shape.add(self);
        }
        Some(removed)
    }
    fn at_or_after(&self, key: &[u8], work: &mut Work) -> Option<(StreamId, &V)> {
        work.count(Counter::ListSteps, 1);
        if let Some((id, value)) = &self.value {
            return Some((*id, value));
        }
        let from = self.edge(key[0]).unwrap_or_else(|at| at);
        self.edges[from..].iter().find_map(|edge| {
            let (front, rest) = key.split_at(edge.label.len());
            match (*edge.label).cmp(front) {
                Ordering::Less => None,
                Ordering::Equal => edge.node.at_or_after(rest, work),
                Ordering::Greater => edge.node.at_or_after(&LOWEST[..rest.len()], work),
            }
        })
    }
    fn at_or_before(&self, key: &[u8], work: &mut Work) -> Option<(StreamId, &V)> {
        work.count(Counter::ListSteps, 1);
        if let Some((id, value)) = &self.value {
            return Some((*id, value));
        }
        let end = self.edge(key[0]).map_or_else(|at| at, |at| at + 1);
        self.edges[..end].iter().rev().find_map(|edge| {
            let (front, rest) = key.split_at(edge.label.len());
            match (*edge.label).cmp(front) {
                Ordering::Greater => None,
                Ordering::Equal => edge.node.at_or_before(rest, work),
                Ordering::Less => edge.node.at_or_before(&HIGHEST[..rest.len()], work),
            }
        })
    }
    fn for_each_mut(&mut self, change: &mut impl FnMut(&mut V)) {
        if let Some((_, value)) = &mut self.value {
            change(value);
        }
        for edge in &mut self.edges {
            edge.node.for_each_mut(change);
        }
    }
}

const LOWEST: [u8; ID_BYTES] = [0; ID_BYTES];
const HIGHEST: [u8; ID_BYTES] = [0xFF; ID_BYTES];

impl<V> Edge<V> {
    /// Puts a node behind the first bytes of the label.
    fn split(&mut self, bytes: usize, shape: &mut Shape) {
        let (front, rest) = self.label.split_at(bytes);
        let (front, label) = (Box::from(front), Box::from(rest));
        let node = std::mem::take(&mut self.node);
        self.node.edges.push(Edge { label, node });
        self.label = front;
        shape.add(&self.node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn id() -> impl Strategy<Value = StreamId> {
        let part = || prop_oneof![0..3_u64, 250..260_u64, Just(u64::MAX), Just(1 << 40)];
        (part(), part()).prop_map(|(ms, seq)| StreamId { ms, seq })
    }

    fn shape_of<V>(node: &Node<V>) -> Shape {
        let mut shape = Shape::of(node);
        for edge in &node.edges {
            let below = shape_of(&edge.node);
            shape.nodes += below.nodes;
            shape.bytes += below.bytes;
        }
        shape
    }

    /// As XINFO STREAM of Redis 7.0.15 told for nodes of one entry.
    #[test]
    fn it_has_the_nodes_of_redis() {
        let (mut tree, mut work) = (IdTree::default(), Work::unpriced());
        assert_eq!(tree.nodes(), 1);
        for (seq, nodes) in [(1, 2), (2, 4), (3, 5), (256, 8)] {
            tree.insert(StreamId { ms: 5, seq }, (), &mut work);
            assert_eq!(tree.nodes(), nodes, "{seq}");
        }
    }

    proptest! {
        #[test]
        fn it_behaves_as_a_sorted_map(changes in vec((any::<bool>(), id()), 0..120), asked in id()) {
            let mut work = Work::unpriced();
            let (mut tree, mut model) = (IdTree::default(), BTreeMap::new());
            for (number, (adds, id)) in changes.into_iter().enumerate() {
                match adds {
                    true => prop_assert_eq!(tree.insert(id, number, &mut work), model.insert(id, number)),
                    false => prop_assert_eq!(tree.remove(id, &mut work), model.remove(&id)),
                }
                prop_assert_eq!(tree.len(), model.len());
                prop_assert_eq!(tree.shape, shape_of(&tree.root));
            }
            let pair = |(id, value): (&StreamId, &usize)| (*id, *value);
            let found = |(id, value): (StreamId, &usize)| (id, *value);
            prop_assert_eq!(tree.get(asked, &mut work), model.get(&asked));
            prop_assert_eq!(tree.at_or_after(asked, &mut work).map(found), model.range(asked..).next().map(pair));
            prop_assert_eq!(tree.at_or_before(asked, &mut work).map(found), model.range(..=asked).next_back().map(pair));
            let mut all = Vec::new();
            tree.walk(StreamId::MIN, &mut work, |id, value, _| { all.push((id, *value)); true });
            prop_assert_eq!(all, model.iter().map(pair).collect::<Vec<_>>());
        }
    }
}
