//! A skip list whose links know how many nodes they pass, so that ranks are found as fast as scores
//! (`redis:src/t_zset.c`).

use crate::memory::{key_bytes, size_class};
use crate::value::sampled::{self, Sample};
use kvrig_base::random::Sequence;
use kvrig_base::seam::{Counter, Work};
use std::cmp::Ordering;
use std::sync::Arc;

/// Most levels of a node (ZSKIPLIST_MAXLEVEL).
const LEVELS_MAX: usize = 32;
/// One node in so many reaches the next level (ZSKIPLIST_P).
const NODES_PER_HIGHER: u64 = 4;
/// struct zskiplist, and its header, which has all levels.
pub(super) const LIST_BYTES: u64 = size_class(32) + node_bytes(LEVELS_MAX);

/// struct zskiplistNode with so many levels.
const fn node_bytes(levels: usize) -> u64 {
    size_class(24 + 16 * levels as u64)
}

/// The number of the header, which stands before the first node.
const HEAD: u32 = 0;
/// Behind the last node.
const NOBODY: u32 = u32::MAX;

/// A member with its score.
#[derive(Clone, Debug)]
pub struct Scored {
    /// The member.
    pub member: Arc<[u8]>,
    /// Its score; never NaN.
    pub score: f64,
}

impl Scored {
    /// The order of the list: by score, then by member.
    pub fn order(&self, score: f64, member: &[u8]) -> Ordering {
        let by_score = self.score.partial_cmp(&score);
        by_score
            .expect("no score is NaN")
            .then_with(|| self.member.as_ref().cmp(member))
    }
}

#[derive(Clone, Copy, Debug)]
struct Link {
    next: u32,
    /// Nodes from this one to the next, the next included.
    span: u32,
}

#[derive(Debug)]
struct Node {
    /// Nothing in the header and in vacant places.
    item: Option<Scored>,
    previous: u32,
    links: Vec<Link>,
}

/// Scored members in order.
#[derive(Debug)]
pub(super) struct SkipList {
    nodes: Vec<Node>,
    vacant: Vec<u32>,
    last: u32,
    length: u32,
    levels: usize,
    random: Sequence,
    node_bytes: u64,
}

impl SkipList {
    /// An empty list, whose levels are drawn from `random`.
    pub(super) fn new(random: Sequence) -> Self {
        let head = Node {
            item: None,
            previous: NOBODY,
            links: vec![
                Link {
                    next: NOBODY,
                    span: 0
                };
                LEVELS_MAX
            ],
        };
        Self {
            nodes: vec![head],
            vacant: Vec::new(),
            last: NOBODY,
            length: 0,
            levels: 1,
            random,
            node_bytes: 0,
        }
    }
    /// Number of members.
    pub(super) fn len(&self) -> usize {
        self.length as usize
    }
    /// Bytes that Redis would have allocated, members aside.
    pub(super) fn bytes(&self) -> u64 {
        LIST_BYTES + self.node_bytes
    }
    /// The first members and what they take in table and list, as MEMORY USAGE adds it up.
    pub(super) fn sample(&self, samples: usize) -> Sample {
        let mut sample = Sample::default();
        let mut node = self.link(HEAD, 0).next;
        while sample.elements < samples && node != NOBODY {
            let levels = self.nodes[node as usize].links.len();
            let member = key_bytes(self.item(node).member.len());
            sample.add(sampled::ENTRY_BYTES + node_bytes(levels) + member);
            node = self.link(node, 0).next;
        }
        sample
    }
    fn item(&self, node: u32) -> &Scored {
        let item = self.nodes[node as usize].item.as_ref();
        item.expect("links lead to members")
    }
    fn link(&self, node: u32, level: usize) -> Link {
        self.nodes[node as usize].links[level]
    }
    /// On each level, the last node for which `precedes` holds, and how many nodes stand before it.
    fn descend(
        &self,
        work: &mut Work,
        mut precedes: impl FnMut(&Scored, u32) -> bool,
    ) -> [(u32, u32); LEVELS_MAX] {
        let mut path = [(HEAD, 0); LEVELS_MAX];
        let (mut node, mut rank) = (HEAD, 0);
        for level in (0..self.levels).rev() {
            loop {
                work.count(Counter::ListSteps, 1);
                let link = self.link(node, level);
                if link.next == NOBODY || !precedes(self.item(link.next), rank + link.span) {
                    break;
                }
                node = link.next;
                rank += link.span;
            }
            path[level] = (node, rank);
        }
        path
    }
    /// Adds a member that is not there.
    pub(super) fn insert(&mut self, item: Scored, work: &mut Work) {
        let path = self.descend(work, |other, _| {
            other.order(item.score, &item.member) == Ordering::Less
        });
        let mut levels = 1;
        while levels < LEVELS_MAX && self.random.below(NODES_PER_HIGHER) == 0 {
            levels += 1;
        }
        for level in self.levels..levels {
            self.nodes[HEAD as usize].links[level] = Link {
                next: NOBODY,
                span: self.length,
            };
        }
        self.levels = self.levels.max(levels);
        self.node_bytes += node_bytes(levels);
        work.count(Counter::AllocationsSmall, 1);
        let rank = path[0].1;
        let mut links = Vec::with_capacity(levels);
        let new = match self.vacant.pop() {
            Some(new) => new,
            None => u32::try_from(self.nodes.len()).expect("slots have 32 bits"),
        };
        for (level, &(before, before_rank)) in path.iter().enumerate().take(self.levels) {
            let link = &mut self.nodes[before as usize].links[level];
            if level >= levels {
                link.span += 1;
                continue;
            }
            let passed = rank - before_rank;
            links.push(Link {
                next: link.next,
                span: link.span - passed,
            });
            *link = Link {
                next: new,
                span: passed + 1,
            };
        }
        let following = links[0].next;
        let node = Node {
            item: Some(item),
            previous: path[0].0,
            links,
        };
        match self.nodes.get_mut(new as usize) {
            Some(place) => *place = node,
            None => self.nodes.push(node),
        }
        match following {
            NOBODY => self.last = new,
            following => self.nodes[following as usize].previous = new,
        }
        self.length += 1;
    }
    /// Gives a member another score. It stays where it is if it is still between its neighbours, and is
    /// otherwise removed and added as a new one is (zslUpdateScore).
    pub(super) fn move_to(&mut self, from: f64, member: &[u8], to: f64, work: &mut Work) {
        let path = self.descend(work, |other, _| other.order(from, member) == Ordering::Less);
        let node = self.link(path[0].0, 0).next;
        if node == NOBODY {
            return;
        }
        let (previous, next) = (path[0].0, self.link(node, 0).next);
        let is_above = previous == HEAD || self.item(previous).score < to;
        let is_below = next == NOBODY || self.item(next).score > to;
        if is_above && is_below {
            if let Some(item) = &mut self.nodes[node as usize].item {
                item.score = to;
            }
        } else if let Some(item) = self.unlink(node, &path, work) {
            self.insert(Scored { score: to, ..item }, work);
        }
    }
    /// Removes a member that has this score, and says whether it was there.
    pub(super) fn remove(&mut self, score: f64, member: &[u8], work: &mut Work) -> bool {
        let path = self.descend(work, |other, _| {
            other.order(score, member) == Ordering::Less
        });
        let node = self.link(path[0].0, 0).next;
        if node == NOBODY || self.item(node).order(score, member) != Ordering::Equal {
            return false;
        }
        self.unlink(node, &path, work);
        true
    }
    /// Removes `count` members from rank `start` on, counted from 0, and hands them over.
    pub(super) fn remove_ranks(
        &mut self,
        start: usize,
        count: usize,
        work: &mut Work,
        mut removed: impl FnMut(Scored, &mut Work),
    ) {
        let path = self.descend(work, |_, rank| rank as usize <= start);
        for _ in 0..count {
            let node = self.link(path[0].0, 0).next;
            if node == NOBODY {
                return;
            }
            if let Some(item) = self.unlink(node, &path, work) {
                removed(item, work);
            }
        }
    }
    fn unlink(
        &mut self,
        node: u32,
        path: &[(u32, u32); LEVELS_MAX],
        work: &mut Work,
    ) -> Option<Scored> {
        let gone = std::mem::replace(
            &mut self.nodes[node as usize],
            Node {
                item: None,
                previous: NOBODY,
                links: Vec::new(),
            },
        );
        for (level, &(before, _)) in path.iter().enumerate().take(self.levels) {
            let link = &mut self.nodes[before as usize].links[level];
            match gone.links.get(level) {
                Some(behind) if link.next == node => {
                    *link = Link {
                        next: behind.next,
                        span: link.span + behind.span - 1,
                    };
                }
                _ => link.span -= 1,
            }
        }
        match gone.links[0].next {
            NOBODY => self.last = gone.previous,
            following => self.nodes[following as usize].previous = gone.previous,
        }
        if self.last == HEAD {
            self.last = NOBODY;
        }
        while self.levels > 1 && self.link(HEAD, self.levels - 1).next == NOBODY {
            self.levels -= 1;
        }
        self.vacant.push(node);
        self.length -= 1;
        self.node_bytes -= node_bytes(gone.links.len());
        work.count(Counter::Frees, 1);
        gone.item
    }
    /// How many members `precedes` holds for, which holds for those in front and for no other.
    pub(super) fn count_while(
        &self,
        work: &mut Work,
        mut precedes: impl FnMut(&Scored) -> bool,
    ) -> usize {
        self.descend(work, |item, _| precedes(item))[0].1 as usize
    }
    /// Visits members from rank `start` on, towards the end or the beginning, until `visit` says to
    /// stop.
    pub(super) fn walk(
        &self,
        start: usize,
        backwards: bool,
        work: &mut Work,
        mut visit: impl FnMut(&Scored, &mut Work) -> bool,
    ) {
        let path = self.descend(work, |_, rank| rank as usize <= start);
        let mut node = self.link(path[0].0, 0).next;
        while node != NOBODY && node != HEAD {
            work.count(Counter::ListSteps, 1);
            if !visit(self.item(node), work) {
                return;
            }
            node = match backwards {
                true => self.nodes[node as usize].previous,
                false => self.link(node, 0).next,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::random::Seed;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn scored(score: f64, member: &str) -> Scored {
        Scored {
            member: member.as_bytes().into(),
            score,
        }
    }

    proptest! {
        #[test]
        fn it_behaves_as_a_sorted_list(changes in vec((any::<bool>(), 0..6_u8, 0..8_u8), 0..150), start in 0..20_usize, count in 0..5_usize) {
            let mut work = Work::unpriced();
            let mut list = SkipList::new(Seed(1).stream("levels").sequence(0));
            let mut model: Vec<(i64, String)> = Vec::new();
            for (adds, score, member) in changes {
                let entry = (i64::from(score), format!("m{member}"));
                let place = model.binary_search(&entry);
                match (adds, place) {
                    (true, Err(place)) => {
                        list.insert(scored(score.into(), &entry.1), &mut work);
                        model.insert(place, entry);
                    }
                    (false, place) => {
                        prop_assert_eq!(list.remove(score.into(), entry.1.as_bytes(), &mut work), place.is_ok());
                        if let Ok(place) = place { model.remove(place); }
                    }
                    (true, Ok(place)) => {
                        let other = (i64::from(score * 5 + 3) % 7, entry.1.clone());
                        if let Err(to) = model.binary_search(&other) {
                            list.move_to(score.into(), entry.1.as_bytes(), other.0 as f64, &mut work);
                            model.insert(to, other);
                            model.remove(if to <= place { place + 1 } else { place });
                        }
                    }
                }
                prop_assert_eq!(list.len(), model.len());
            }
            let seen = |list: &SkipList, start, backwards, work: &mut Work| {
                let mut seen = Vec::new();
                list.walk(start, backwards, work, |item, _| {
                    seen.push((item.score as i64, String::from_utf8_lossy(&item.member).into_owned()));
                    true
                });
                seen
            };
            for at in 0..model.len() {
                prop_assert_eq!(seen(&list, at, false, &mut work), model[at..].to_vec());
                let backwards: Vec<_> = model[..=at].iter().rev().cloned().collect();
                prop_assert_eq!(seen(&list, at, true, &mut work), backwards);
            }
            for score in 0..7 {
                let expected = model.iter().filter(|(other, _)| *other < score).count();
                prop_assert_eq!(list.count_while(&mut work, |item| item.score < score as f64), expected);
            }
            let mut removed = 0;
            list.remove_ranks(start, count, &mut work, |_, _| removed += 1);
            let end = (start + count).min(model.len());
            let expected = model.drain(start.min(end)..end).count();
            prop_assert_eq!(removed, expected);
            prop_assert_eq!(seen(&list, 0, false, &mut work), model);
        }
    }
}
