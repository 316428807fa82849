//! Lists: a chain of listpacks.
//!
//! Redis calls it quicklist (`redis:src/quicklist.c` 7.0): elements lie in listpacks of limited
//! size, so that both ends are near and an element costs a few bytes. When a listpack is split, and
//! when two are merged again, follows its rules, because they decide how much memory a list takes.

use super::Footprint;
use super::sampled::Sample;
use crate::encoding::listpack::{Item, Listpack, Offset};
use crate::memory::size_class;
use kvrig_base::seam::{Counter, Work};
use std::collections::VecDeque;

/// struct quicklist and struct quicklistNode alike.
const STRUCT_BYTES: u64 = 40;
const HEADER_BYTES: u64 = size_class(STRUCT_BYTES);
const NODE_BYTES: u64 = size_class(STRUCT_BYTES);
/// What an element is taken to add beside its text (SIZE_ESTIMATE_OVERHEAD).
const ELEMENT_OVERHEAD_BYTES: usize = 8;
/// Bytes of a listpack where the limit is a number of elements (SIZE_SAFETY_LIMIT).
const SAFE_BYTES_MAX: usize = 8_192;
/// Header and end of a listpack, which two have once when they are merged.
const FRAME_BYTES: usize = 7;

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

/// A place in a list: a listpack and an offset in it.
#[derive(Clone, Copy, Debug)]
struct Place {
    node: usize,
    offset: Offset,
}

/// A list of strings. It is never empty while a key holds it.
#[derive(Clone, Debug)]
pub struct List {
    nodes: VecDeque<Listpack>,
    length: usize,
    limit: NodeLimit,
    /// Of all listpacks, each rounded to its size class.
    pack_bytes: u64,
}

impl List {
    /// An empty list.
    pub fn new(limit: NodeLimit) -> Self {
        Self {
            nodes: VecDeque::new(),
            length: 0,
            limit,
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
    /// The listpacks, from the left.
    pub fn packs(&self) -> impl Iterator<Item = &Listpack> {
        self.nodes.iter()
    }
    /// Adds a listpack with its elements at the right end, however large it is
    /// (quicklistAppendListpack); an empty one is left out.
    pub(crate) fn push_pack(&mut self, pack: Listpack, work: &mut Work) {
        let elements = pack.len();
        if elements > 0 {
            self.length += elements;
            self.add_pack(self.nodes.len(), pack, work);
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
        for pack in self.nodes.iter().take(samples.max(1)) {
            sample.add(STRUCT_BYTES + size_class(pack.byte_len() as u64));
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
            .is_some_and(|pack| self.has_room(pack, element));
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
    }
    /// Takes the element at an end away and gives it to `take`; `None` if there is none.
    pub fn pop<R>(
        &mut self,
        end: End,
        work: &mut Work,
        take: impl FnOnce(Item<'_>, &mut Work) -> R,
    ) -> Option<R> {
        let index = match end {
            End::Left => 0,
            End::Right => self.nodes.len().checked_sub(1)?,
        };
        let pack = self.nodes.get(index)?;
        let offset = match end {
            End::Left => pack.first(),
            End::Right => pack.last()?,
        };
        let taken = take(pack.get(offset)?, work);
        self.remove_at(
            Place {
                node: index,
                offset,
            },
            work,
        );
        Some(taken)
    }
    /// The element with this index.
    pub fn get(&self, index: usize, work: &mut Work) -> Option<Item<'_>> {
        let place = self.place(index, work)?;
        self.nodes[place.node].get(place.offset)
    }
    /// Puts another element in the place of that with this index, and says whether there is one.
    pub fn set(&mut self, index: usize, element: &[u8], work: &mut Work) -> bool {
        let Some(Place { node, offset }) = self.place(index, work) else {
            return false;
        };
        self.change(node, work, |pack, work| {
            work.count(Counter::BytesCopied, element.len() as u64);
            pack.replace(offset, element);
        });
        true
    }
    /// Inserts an element beside the first that is `pivot`, and says whether there is one.
    pub fn insert(&mut self, side: Side, pivot: &[u8], element: &[u8], work: &mut Work) -> bool {
        for node in 0..self.nodes.len() {
            work.count(Counter::ListSteps, 1);
            let pack = &self.nodes[node];
            let mut offset = pack.first();
            while let Some(item) = pack.get(offset) {
                count_comparison(&item, work);
                if item.is(pivot) {
                    self.insert_at(Place { node, offset }, side, element, work);
                    self.length += 1;
                    return true;
                }
                offset = pack.next(offset);
            }
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
                }
            }
        }
        removed
    }
    /// Removes `count` elements from `start` on (quicklistDelRange).
    pub fn remove_range(&mut self, start: usize, count: usize, work: &mut Work) {
        let mut left = count.min(self.length.saturating_sub(start));
        let Some(mut place) = self.place(start, work) else {
            return;
        };
        while left > 0 {
            work.count(Counter::ListSteps, 1);
            let in_node = self.nodes[place.node].len();
            if place.offset == self.nodes[place.node].first() && in_node <= left {
                self.drop_node(place.node, work);
                self.length -= in_node;
                left -= in_node;
            } else {
                let removed = self.change(place.node, work, |pack, work| {
                    let removed = pack.remove_range(place.offset, left);
                    work.count(Counter::EntriesVisited, removed as u64);
                    work.count(Counter::BytesCopied, pack.byte_len() as u64);
                    removed
                });
                self.length -= removed;
                left -= removed;
                place.node += 1;
            }
            if let Some(pack) = self.nodes.get(place.node) {
                place.offset = pack.first();
            }
        }
    }
    /// Visits elements from `start` on, towards the right or from there to the left, until `visit`
    /// says to stop.
    pub fn walk(
        &self,
        start: usize,
        towards: End,
        work: &mut Work,
        mut visit: impl FnMut(Item<'_>, &mut Work) -> bool,
    ) {
        let Some(Place { node, offset }) = self.place(start, work) else {
            return;
        };
        let (mut node, mut offset) = (node, Some(offset));
        loop {
            let pack = &self.nodes[node];
            while let Some(item) = offset.and_then(|offset| pack.get(offset)) {
                work.count(Counter::EntriesVisited, 1);
                if !visit(item, work) {
                    return;
                }
                offset = offset.and_then(|offset| match towards {
                    End::Right => Some(pack.next(offset)),
                    End::Left => pack.before(offset),
                });
            }
            node = match towards {
                End::Right if node + 1 < self.nodes.len() => node + 1,
                End::Left if node > 0 => node - 1,
                _ => return,
            };
            work.count(Counter::ListSteps, 1);
            offset = match towards {
                End::Right => Some(self.nodes[node].first()),
                End::Left => self.nodes[node].last(),
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
            let pack = &self.nodes[node];
            let steps = index.min(pack.len() - index);
            work.count(Counter::EntriesVisited, steps as u64);
            Some(Place {
                node,
                offset: pack.nth(index)?,
            })
        };
        if index < self.length / 2 {
            let mut before = 0;
            for (node, pack) in self.nodes.iter().enumerate() {
                work.count(Counter::ListSteps, 1);
                if index < before + pack.len() {
                    return in_place(node, index - before, work);
                }
                before += pack.len();
            }
        } else {
            let mut end = self.length;
            for (node, pack) in self.nodes.iter().enumerate().rev() {
                work.count(Counter::ListSteps, 1);
                end -= pack.len();
                if index >= end {
                    return in_place(node, index - end, work);
                }
            }
        }
        None
    }
    fn has_room(&self, pack: &Listpack, element: &[u8]) -> bool {
        let bytes = pack.byte_len() + element.len() + ELEMENT_OVERHEAD_BYTES;
        self.limit.allows(bytes, pack.len() + 1)
    }
    /// Adds an empty listpack at `index`.
    fn add_node(&mut self, index: usize, work: &mut Work) -> usize {
        self.add_pack(index, Listpack::default(), work);
        index
    }
    fn add_pack(&mut self, index: usize, pack: Listpack, work: &mut Work) {
        work.count(Counter::AllocationsSmall, 2);
        self.pack_bytes += size_class(pack.byte_len() as u64);
        self.nodes.insert(index, pack);
    }
    fn drop_node(&mut self, index: usize, work: &mut Work) {
        work.count(Counter::Frees, 2);
        if let Some(pack) = self.nodes.remove(index) {
            self.pack_bytes -= size_class(pack.byte_len() as u64);
        }
    }
    /// Changes one listpack, and keeps the sum of their bytes.
    fn change<R>(
        &mut self,
        index: usize,
        work: &mut Work,
        change: impl FnOnce(&mut Listpack, &mut Work) -> R,
    ) -> R {
        let pack = &mut self.nodes[index];
        let before = size_class(pack.byte_len() as u64);
        let result = change(pack, work);
        let after = size_class(pack.byte_len() as u64);
        if after != before {
            work.count(Counter::AllocationsSmall, 1);
            work.count(Counter::Frees, 1);
            work.count(Counter::BytesCopied, before.min(after));
        }
        self.pack_bytes = self.pack_bytes - before + after;
        result
    }
    fn remove_at(&mut self, place: Place, work: &mut Work) {
        self.length -= 1;
        if self.nodes[place.node].len() == 1 {
            return self.drop_node(place.node, work);
        }
        self.change(place.node, work, |pack, work| {
            let behind = pack.byte_len();
            pack.remove(place.offset);
            // What lies behind moves to the front.
            let moved = if place.offset == pack.end() {
                0
            } else {
                behind
            };
            work.count(Counter::BytesCopied, moved as u64);
        });
    }
    /// Inserts beside an element (_quicklistInsert): in its listpack if there is room, else at the
    /// near end of the neighbour, else in a new listpack, splitting this one where it must be.
    fn insert_at(&mut self, place: Place, side: Side, element: &[u8], work: &mut Work) {
        let Place { node, offset } = place;
        let pack = &self.nodes[node];
        let is_first = offset == pack.first();
        let is_last = Some(offset) == pack.last();
        if self.has_room(pack, element) {
            let at = match side {
                Side::Before => offset,
                Side::After => pack.next(offset),
            };
            return self.change(node, work, |pack, work| {
                count_insertion(pack, element, true, work);
                pack.insert(at, element);
            });
        }
        let room_in = |node: Option<usize>| {
            node.filter(|&node| {
                self.nodes
                    .get(node)
                    .is_some_and(|pack| self.has_room(pack, element))
            })
        };
        match side {
            Side::After if is_last => match room_in(Some(node + 1)) {
                Some(next) => self.change(next, work, |pack, _| pack.push_front(element)),
                None => {
                    let new = self.add_node(node + 1, work);
                    self.change(new, work, |pack, _| pack.push_back(element));
                }
            },
            Side::Before if is_first => match room_in(node.checked_sub(1)) {
                Some(previous) => self.change(previous, work, |pack, _| pack.push_back(element)),
                None => {
                    let new = self.add_node(node, work);
                    self.change(new, work, |pack, _| pack.push_back(element));
                }
            },
            _ => self.split_and_insert(place, side, element, work),
        }
    }
    fn split_and_insert(&mut self, place: Place, side: Side, element: &[u8], work: &mut Work) {
        let Place { node, offset } = place;
        let at = match side {
            Side::Before => offset,
            Side::After => self.nodes[node].next(offset),
        };
        let mut tail = Listpack::default();
        self.change(node, work, |pack, work| {
            let mut from = at;
            while let Some(item) = pack.get(from) {
                tail.push_back(item.bytes().as_slice());
                from = pack.next(from);
            }
            work.count(Counter::BytesCopied, tail.byte_len() as u64);
            pack.remove_range(at, usize::MAX);
        });
        self.add_pack(node + 1, tail, work);
        // The listpack that was there stays on the far side of the new element.
        let center = match side {
            Side::After => {
                self.change(node + 1, work, |pack, _| pack.push_front(element));
                node
            }
            Side::Before => {
                self.change(node, work, |pack, _| pack.push_back(element));
                node + 1
            }
        };
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
    /// Merges a listpack with the next, if the limit allows it.
    fn merge(&mut self, index: usize, work: &mut Work) -> bool {
        let (left, right) = (&self.nodes[index], &self.nodes[index + 1]);
        let bytes = left.byte_len() + right.byte_len() - FRAME_BYTES;
        if !self.limit.allows(bytes, left.len() + right.len()) {
            return false;
        }
        let right = right.clone();
        self.drop_node(index + 1, work);
        self.change(index, work, |pack, work| {
            work.count(Counter::BytesCopied, right.byte_len() as u64);
            pack.append(&right);
        });
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

/// What was removed in one listpack.
struct Removed {
    elements: usize,
    /// The listpack itself went too.
    node: bool,
}

fn count_comparison(item: &Item<'_>, work: &mut Work) {
    work.count(Counter::EntriesVisited, 1);
    work.count(Counter::BytesScanned, item.byte_len() as u64);
}

fn count_insertion(pack: &Listpack, element: &[u8], moves: bool, work: &mut Work) {
    let moved = if moves { pack.byte_len() } else { 0 };
    work.count(Counter::BytesCopied, (element.len() + moved) as u64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn strings(list: &List, work: &mut Work) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        list.walk(0, End::Right, work, |item, _| {
            all.push(item.bytes().as_slice().to_vec());
            true
        });
        all
    }

    #[derive(Clone, Debug)]
    enum Change {
        Push(bool, Vec<u8>),
        Pop(bool),
        Set(usize, Vec<u8>),
        Insert(bool, usize, Vec<u8>),
        Remove(bool, usize, usize),
        RemoveRange(usize, usize),
    }

    fn change() -> impl Strategy<Value = Change> {
        let element = || vec(b'a'..b'e', 0..12);
        prop_oneof![
            6 => (any::<bool>(), element()).prop_map(|(left, element)| Change::Push(left, element)),
            1 => any::<bool>().prop_map(Change::Pop),
            1 => (any::<usize>(), element()).prop_map(|(at, element)| Change::Set(at, element)),
            3 => (any::<bool>(), any::<usize>(), element()).prop_map(|(before, at, element)| Change::Insert(before, at, element)),
            1 => (any::<bool>(), any::<usize>(), 1..4_usize).prop_map(|(left, at, most)| Change::Remove(left, at, most)),
            1 => (any::<usize>(), 0..6_usize).prop_map(|(at, count)| Change::RemoveRange(at, count)),
        ]
    }

    fn end(left: bool) -> End {
        if left { End::Left } else { End::Right }
    }

    proptest! {
        #[test]
        fn it_behaves_as_a_list_of_strings(changes in vec(change(), 0..80), limit in prop_oneof![Just(NodeLimit::Elements(3)), Just(NodeLimit::Bytes(40))]) {
            let mut work = Work::unpriced();
            let (mut list, mut model) = (List::new(limit), Vec::<Vec<u8>>::new());
            for change in changes {
                let at = |index: usize| (!model.is_empty()).then(|| index % model.len());
                match change {
                    Change::Push(left, element) => {
                        list.push(end(left), &element, &mut work);
                        model.insert(if left { 0 } else { model.len() }, element);
                    }
                    Change::Pop(left) => {
                        let popped = list.pop(end(left), &mut work, |item, _| item.bytes().as_slice().to_vec());
                        let expected = if model.is_empty() { None } else { Some(model.remove(if left { 0 } else { model.len() - 1 })) };
                        prop_assert_eq!(popped, expected);
                    }
                    Change::Set(index, element) => if let Some(at) = at(index) {
                        prop_assert!(list.set(at, &element, &mut work));
                        model[at] = element;
                    },
                    Change::Insert(before, index, element) => if let Some(at) = at(index) {
                        let pivot = model[at].clone();
                        let first = model.iter().position(|present| *present == pivot).unwrap();
                        let side = if before { Side::Before } else { Side::After };
                        prop_assert!(list.insert(side, &pivot, &element, &mut work));
                        model.insert(first + usize::from(!before), element);
                    },
                    Change::Remove(left, index, most) => if let Some(at) = at(index) {
                        let element = model[at].clone();
                        let removed = list.remove(end(left), &element, most, &mut work);
                        let mut places: Vec<usize> = (0..model.len()).filter(|&at| model[at] == element).collect();
                        if !left { places.reverse(); }
                        places.truncate(most);
                        prop_assert_eq!(removed, places.len());
                        places.sort_unstable();
                        for at in places.into_iter().rev() { model.remove(at); }
                    },
                    Change::RemoveRange(index, count) => if let Some(at) = at(index) {
                        list.remove_range(at, count, &mut work);
                        model.drain(at..(at + count).min(model.len()));
                    },
                }
                prop_assert_eq!(strings(&list, &mut work), model.clone());
                prop_assert_eq!(list.len(), model.len());
                let packs: u64 = list.nodes.iter().map(|pack| size_class(pack.byte_len() as u64)).sum();
                prop_assert_eq!(list.pack_bytes, packs);
                prop_assert!(list.nodes.iter().all(|pack| !pack.is_empty()));
                for (at, expected) in model.iter().enumerate() {
                    let found = list.get(at, &mut work).unwrap().bytes().as_slice().to_vec();
                    prop_assert_eq!(&found, expected);
                }
            }
        }
    }
}
