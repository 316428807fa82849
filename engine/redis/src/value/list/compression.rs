//! Which nodes of a list are compressed (`list-compress-depth`).
//!
//! Nodes up to the depth from either end are plain. One that leaves the depth, or was made or changed
//! beyond it, is compressed if that is worth it; nothing else is looked at, so that a node which was
//! not worth it stays plain until it is used again (`redis:src/quicklist.c` 7.0, __quicklistCompress).

use super::List;
use kvrig_base::seam::{Counter, Work};
use std::collections::VecDeque;
use std::ops::Range;

impl List {
    /// Whether nodes beyond a depth are compressed.
    pub fn compresses(&self) -> bool {
        self.compress_depth > 0
    }
    /// Whether something is left to do behind a reader of these nodes: [`List::settle_read`].
    pub(crate) fn is_settled(&self, nodes: Range<usize>) -> bool {
        let mut read = self.nodes.range(nodes);
        !self.compresses() || read.all(|node| node.is_compressed())
    }
    /// Compresses nodes that were read and are plain, where they are beyond the depth and worth it.
    pub(crate) fn settle_read(&mut self, nodes: Range<usize>, work: &mut Work) {
        for index in nodes {
            if !self.nodes[index].is_compressed() {
                self.settle(index, work);
            }
        }
    }
    /// A copy, to which the nodes are added one by one (quicklistDup).
    pub(in crate::value) fn copy(&self, work: &mut Work) -> Self {
        if !self.compresses() {
            return self.clone();
        }
        let mut copy = Self {
            nodes: VecDeque::with_capacity(self.nodes.len()),
            pack_bytes: 0,
            ..*self
        };
        for (index, node) in self.nodes.iter().enumerate() {
            copy.pack_bytes += node.allocated_bytes();
            copy.nodes.push_back(node.clone());
            copy.settle_added(index.checked_sub(1), index, work);
        }
        copy
    }

    /// Makes a node plain to be used; [`List::settle`] compresses it again.
    pub(super) fn open(&mut self, index: usize, work: &mut Work) {
        self.with_node(index, work, |node, work| node.open(work));
    }
    pub(super) fn decompress(&mut self, index: usize, work: &mut Work) {
        self.with_node(index, work, |node, work| node.decompress(work));
    }
    fn compress(&mut self, index: usize, work: &mut Work) {
        self.with_node(index, work, |node, work| node.compress(work));
    }
    /// What is done with a node that has been used or changed (quicklistCompress).
    pub(super) fn settle(&mut self, index: usize, work: &mut Work) {
        match self.nodes[index].is_open() {
            true => self.compress(index, work),
            false => self.keep_depth(Some(index), work),
        }
    }
    /// The same for one that was compressed before, and nothing for any other
    /// (quicklistRecompressOnly).
    pub(super) fn close(&mut self, index: usize, work: &mut Work) {
        if self.nodes[index].is_open() {
            self.compress(index, work);
        }
    }
    /// What is done with a new node and the one that it was put beside (__quicklistInsertNode).
    pub(super) fn settle_added(&mut self, beside: Option<usize>, added: usize, work: &mut Work) {
        if !self.compresses() {
            return;
        }
        if let Some(beside) = beside.filter(|&beside| beside < self.nodes.len()) {
            self.settle(beside, work);
        }
        self.settle(added, work);
    }
    /// Makes the nodes within the depth plain, and compresses the two behind them and the one that was
    /// changed, where it is not within (__quicklistCompress).
    pub(super) fn keep_depth(&mut self, changed: Option<usize>, work: &mut Work) {
        let (depth, nodes) = (self.compress_depth, self.nodes.len());
        if depth == 0 || nodes == 0 || nodes < 2 * depth {
            return;
        }
        let mut changed = changed;
        let (mut left, mut right) = (0, nodes - 1);
        for _ in 0..depth {
            work.count(Counter::ListSteps, 2);
            self.decompress(left, work);
            self.decompress(right, work);
            changed = changed.filter(|&changed| changed != left && changed != right);
            if right - left <= 1 {
                return;
            }
            left += 1;
            right -= 1;
        }
        for index in changed.into_iter().chain([left, right]) {
            self.compress(index, work);
        }
    }
}
