//! Changes inside a list: insertion beside an element, removal, splitting and merging of nodes.

use super::{End, List, Place, Side, count_insertion};
use crate::encoding::listpack::{Item, Listpack};
use kvrig_base::seam::{Counter, Work};

/// What two listpacks are taken to lose when they are merged, of which they lose 7: Redis still counts
/// header and end of a ziplist (_quicklistNodeAllowMerge of 7.0).
const FRAME_BYTES: usize = 11;

/// What was removed in one node.
struct Removed {
    elements: usize,
    /// The node itself went too.
    node: bool,
}

impl List {
    /// Inserts an element beside the first that is `pivot`, and says whether there is one.
    pub fn insert(&mut self, side: Side, pivot: &[u8], element: &[u8], work: &mut Work) -> bool {
        for node in 0..self.nodes.len() {
            work.count(Counter::ListSteps, 1);
            self.open(node, work);
            let pack = self.nodes[node].read(work);
            let index = pack.iter().position(|item| {
                count_comparison(&item, work);
                item.is(pivot)
            });
            drop(pack);
            if let Some(index) = index {
                self.insert_at(Place { node, index }, side, element, work);
                self.length += 1;
                return true;
            }
            self.settle(node, work);
        }
        false
    }
    /// Removes elements that are `element`: the first `most` from an end, and says how many.
    pub fn remove(&mut self, end: End, element: &[u8], most: usize, work: &mut Work) -> usize {
        let mut removed = 0;
        match end {
            End::Left => {
                let mut node = 0;
                while node < self.nodes.len() && removed < most {
                    work.count(Counter::ListSteps, 1);
                    let gone = self.remove_in(node, End::Left, element, most - removed, work);
                    removed += gone.elements;
                    self.leave(node, &gone, removed < most, work);
                    node += usize::from(!gone.node);
                }
            }
            End::Right => {
                let mut node = self.nodes.len();
                while node > 0 && removed < most {
                    node -= 1;
                    work.count(Counter::ListSteps, 1);
                    let gone = self.remove_in(node, End::Right, element, most - removed, work);
                    removed += gone.elements;
                    let next = node - usize::from(gone.node && node > 0);
                    self.leave(next, &gone, removed < most, work);
                }
            }
        }
        removed
    }
    /// Puts a node behind a removal: the one that was looked through, or, where that went and no other
    /// is looked through, the one that would have been next, which Redis has in hand then.
    fn leave(&mut self, node: usize, gone: &Removed, goes_on: bool, work: &mut Work) {
        let is_in_hand = !gone.node || !goes_on;
        if is_in_hand && node < self.nodes.len() {
            self.settle(node, work);
        }
    }
    /// Removes `count` elements from `start` on (quicklistDelRange).
    pub fn remove_range(&mut self, start: usize, count: usize, work: &mut Work) {
        let mut left = count.min(self.length.saturating_sub(start));
        let Some(mut place) = self.place(start, work) else {
            return;
        };
        if left > 0 {
            // Redis takes the first node in hand to find it.
            self.settle(place.node, work);
        }
        while left > 0 {
            work.count(Counter::ListSteps, 1);
            let in_node = self.nodes[place.node].len();
            if place.index == 0 && in_node <= left {
                self.drop_node(place.node, work);
                self.length -= in_node;
                left -= in_node;
            } else {
                self.open(place.node, work);
                let removed = self.change(place.node, work, |pack, work| {
                    let from = pack.nth(place.index).unwrap_or(pack.end());
                    let removed = pack.remove_range(from, left);
                    work.count(Counter::EntriesVisited, removed as u64);
                    work.count(Counter::BytesCopied, pack.byte_len() as u64);
                    removed
                });
                self.close(place.node, work);
                self.length -= removed;
                left -= removed;
                place.node += 1;
            }
            place.index = 0;
        }
    }
    /// Inserts beside an element (_quicklistInsert): in its listpack if there is room, else at the
    /// near end of the neighbour, else in a new listpack, splitting this one where it must be.
    fn insert_at(&mut self, place: Place, side: Side, element: &[u8], work: &mut Work) {
        let Place { node, index } = place;
        let at = match side {
            Side::Before => index,
            Side::After => index + 1,
        };
        if self.has_room(&self.nodes[node], element) {
            self.change(node, work, |pack, work| {
                count_insertion(pack, element, true, work);
                let at = pack.nth(at).unwrap_or(pack.end());
                pack.insert(at, element);
            });
            return self.close(node, work);
        }
        let has_room = |node: Option<usize>| {
            node.filter(|&node| {
                self.nodes
                    .get(node)
                    .is_some_and(|node| self.has_room(node, element))
            })
        };
        let neighbour = match side {
            Side::After if at == self.nodes[node].len() => has_room(Some(node + 1)),
            Side::Before if at == 0 => has_room(node.checked_sub(1)),
            _ => return self.split_and_insert(node, at, side, element, work),
        };
        match (side, neighbour) {
            (_, Some(neighbour)) => {
                self.open(neighbour, work);
                self.change(neighbour, work, |pack, _| match side {
                    Side::After => pack.push_front(element),
                    Side::Before => pack.push_back(element),
                });
                self.close(neighbour, work);
                self.close(node, work);
            }
            (Side::After, None) => {
                let new = self.add_node(node + 1, work);
                self.change(new, work, |pack, _| pack.push_back(element));
                self.settle_added(Some(node), new, work);
            }
            (Side::Before, None) => {
                let new = self.add_node(node, work);
                self.change(new, work, |pack, _| pack.push_back(element));
                self.settle_added(Some(node + 1), new, work);
            }
        }
    }
    /// Splits a node in front of the element with index `at`, and inserts between both parts.
    fn split_and_insert(
        &mut self,
        node: usize,
        at: usize,
        side: Side,
        element: &[u8],
        work: &mut Work,
    ) {
        let mut tail = Listpack::default();
        self.change(node, work, |pack, work| {
            let at = pack.nth(at).unwrap_or(pack.end());
            let mut from = at;
            while let Some(item) = pack.get(from) {
                tail.push_back(item.bytes().as_slice());
                from = pack.next(from);
            }
            work.count(Counter::BytesCopied, tail.byte_len() as u64);
            pack.remove_range(at, usize::MAX);
        });
        self.insert_node(node + 1, tail.into(), work);
        // The node that was there stays on the far side of the new element.
        let (center, new) = match side {
            Side::After => {
                self.change(node + 1, work, |pack, _| pack.push_front(element));
                (node, node + 1)
            }
            Side::Before => {
                self.change(node, work, |pack, _| pack.push_back(element));
                // As it does with whether it was compressed before.
                let was_open = self.nodes[node].mark_open(false);
                self.nodes[node + 1].mark_open(was_open);
                (node + 1, node)
            }
        };
        self.settle_added(Some(center), new, work);
        self.merge_around(center, work);
    }
    /// Merges neighbours where both fit in one (_quicklistMergeNodes): the two before, the two
    /// behind, then this one with either.
    fn merge_around(&mut self, center: usize, work: &mut Work) {
        let mut center = center;
        if center >= 2 && self.merge(center - 2, work) {
            center -= 1;
        }
        if center + 2 < self.nodes.len() {
            self.merge(center + 1, work);
        }
        if center >= 1 && self.merge(center - 1, work) {
            center -= 1;
        }
        if center + 1 < self.nodes.len() {
            self.merge(center, work);
        }
    }
    /// Merges a node with the next, if the limit allows it (_quicklistListpackMerge).
    fn merge(&mut self, index: usize, work: &mut Work) -> bool {
        let (left, right) = (&self.nodes[index], &self.nodes[index + 1]);
        let bytes = left.byte_len() + right.byte_len() - FRAME_BYTES;
        if !self.limit.allows(bytes, left.len() + right.len()) {
            return false;
        }
        self.decompress(index, work);
        self.decompress(index + 1, work);
        let right = self.nodes[index + 1].plain_mut(work).clone();
        self.change(index, work, |pack, work| {
            work.count(Counter::BytesCopied, right.byte_len() as u64);
            pack.append(&right);
        });
        self.drop_node(index + 1, work);
        self.settle(index, work);
        true
    }
    fn remove_in(
        &mut self,
        node: usize,
        from: End,
        element: &[u8],
        most: usize,
        work: &mut Work,
    ) -> Removed {
        let mut removed = 0;
        self.open(node, work);
        let is_empty = self.change(node, work, |pack, work| {
            let mut remove = |pack: &mut Listpack, offset| {
                removed += 1;
                work.count(Counter::BytesCopied, pack.byte_len() as u64);
                pack.remove(offset);
                removed == most
            };
            match from {
                End::Left => {
                    let mut offset = pack.first();
                    while let Some(item) = pack.get(offset) {
                        if !item.is(element) {
                            offset = pack.next(offset);
                        } else if remove(pack, offset) {
                            break;
                        }
                    }
                }
                End::Right => {
                    let mut offset = pack.last();
                    while let Some(at) = offset {
                        let is_it = pack.get(at).is_some_and(|item| item.is(element));
                        if is_it && remove(pack, at) {
                            break;
                        }
                        offset = pack.before(at);
                    }
                }
            }
            work.count(Counter::EntriesVisited, (pack.len() + removed) as u64);
            pack.is_empty()
        });
        self.length -= removed;
        if is_empty {
            self.drop_node(node, work);
        }
        Removed {
            elements: removed,
            node: is_empty,
        }
    }
}

fn count_comparison(item: &Item<'_>, work: &mut Work) {
    work.count(Counter::EntriesVisited, 1);
    work.count(Counter::BytesScanned, item.byte_len() as u64);
}
