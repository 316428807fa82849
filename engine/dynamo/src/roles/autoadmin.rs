//! The autoadmin: who holds what, and when partitions are split.

use super::ANSWER_SPAN;
use super::directory::{Directory, GroupId};
use super::message::{Body, Inside, Message, send};
use crate::partition::Boundary;
use kvrig_base::seam::{Counter, Cx, Input};
use kvrig_base::time::{Span, Time};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Whether and when hot partitions are split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SplitPolicy {
    /// From the first report of a hot partition to its split; none splits nothing. The paper says that
    /// a split takes "in the order of minutes" (Elhemali et al., USENIX ATC 2022, section 4.4).
    pub delay: Option<Span>,
}

/// A split that is under way.
#[derive(Debug)]
struct Split {
    group: GroupId,
    at: Boundary,
    children: [GroupId; 2],
    retry_at: Time,
}

/// Keeps the directory, which routers ask for, and has partitions split, one after another.
#[derive(Debug)]
pub struct Autoadmin {
    directory: Rc<Directory>,
    policy: SplitPolicy,
    /// When partitions are to be split, and where.
    due: BTreeMap<GroupId, (Time, Boundary)>,
    split: Option<Split>,
    splits: u64,
}

impl Autoadmin {
    /// An autoadmin that begins with a directory.
    pub const fn new(directory: Rc<Directory>, policy: SplitPolicy) -> Self {
        Self {
            directory,
            policy,
            due: BTreeMap::new(),
            split: None,
            splits: 0,
        }
    }
    /// The directory as it is now.
    pub const fn directory(&self) -> &Rc<Directory> {
        &self.directory
    }
    /// Partitions that were split so far.
    pub const fn splits(&self) -> u64 {
        self.splits
    }
    /// Has a partition split at `when`, whatever its load.
    pub fn split_at(&mut self, group: GroupId, at: Boundary, when: Time) {
        self.due.entry(group).or_insert((when, at));
    }

    pub(super) fn next_deadline(&self) -> Option<Time> {
        match &self.split {
            Some(split) => Some(split.retry_at),
            None => self.due.values().map(|(at, _)| *at).min(),
        }
    }
    pub(super) fn handle(&mut self, cx: &mut Cx<'_, Message>, input: Input<'_, Message>) {
        match input {
            Input::Peer {
                from,
                message: Message::Inside(Inside(body)),
            } => {
                cx.work.count(Counter::Commands, 1);
                match body {
                    Body::WhereIs => {
                        send(cx, from, Body::Located(Rc::clone(&self.directory)));
                    }
                    Body::Elected { group, epoch } => {
                        Directory::elected(&mut self.directory, group, from, epoch);
                    }
                    Body::Hot { group, at } => {
                        if let Some(delay) = self.policy.delay {
                            let when = cx.now() + delay;
                            self.due.entry(group).or_insert((when, at));
                        }
                    }
                    Body::WasSplit { group, last } => self.was_split(group, (from, last.1)),
                    _ => {}
                }
            }
            Input::Deadline => {
                if let Some(split) = &self.split {
                    if cx.now() >= split.retry_at {
                        self.send_split(cx);
                    }
                } else {
                    self.begin(cx);
                }
            }
            _ => {}
        }
    }
    /// Begins the split that has been due for longest.
    fn begin(&mut self, cx: &mut Cx<'_, Message>) {
        let first = self.due.iter().min_by_key(|(_, (at, _))| *at);
        let Some((&group, &(when, _))) = first else {
            return;
        };
        if cx.now() < when {
            return;
        }
        let Some((_, at)) = self.due.remove(&group) else {
            return;
        };
        // Their numbers are those that the split will give: no other is under way.
        let mut after = Rc::clone(&self.directory);
        if let Ok(children) = Directory::split(&mut after, group, at.clone()) {
            self.split = Some(Split {
                group,
                at,
                children,
                retry_at: cx.now(),
            });
            self.send_split(cx);
        }
    }
    fn send_split(&mut self, cx: &mut Cx<'_, Message>) {
        let Some(split) = &mut self.split else {
            return;
        };
        split.retry_at = cx.now() + ANSWER_SPAN;
        if let Some(place) = self.directory.place(split.group) {
            let leader = place.replicas[place.leader];
            let body = Body::Split {
                group: split.group,
                at: split.at.clone(),
                children: split.children,
            };
            send(cx, leader, body);
        }
    }
    fn was_split(&mut self, group: GroupId, (leader, epoch): (kvrig_base::id::ActorId, u64)) {
        let Some(split) = self.split.take_if(|split| split.group == group) else {
            return;
        };
        if Directory::split(&mut self.directory, group, split.at).is_ok() {
            self.splits += 1;
            for child in split.children {
                Directory::elected(&mut self.directory, child, leader, epoch);
            }
        }
    }
}
