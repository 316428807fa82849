//! How one partition becomes two: an entry of its log divides its keys, and when that is agreed on its
//! three replicas become three replicas of each half, whose logs go on where its own ends.
//!
//! Whoever leads the partition leads its halves, on the same lease. A replica that missed the end of
//! the log is told by one of the others.

use super::Node;
use super::leader::Leader;
use super::replica::{Replica, Standing};
use crate::partition::Boundary;
use crate::roles::contents::{Epoch, LogIndex};
use crate::roles::directory::GroupId;
use crate::roles::message::{Body, Entry, Logged, Message, send};
use kvrig_base::id::ActorId;
use kvrig_base::seam::Cx;
use kvrig_base::time::Time;

impl Replica {
    /// The directory wants the partition split.
    pub(super) fn begin_split(
        &mut self,
        cx: &mut Cx<'_, Message>,
        node: &Node,
        at: &Boundary,
        children: [GroupId; 2],
    ) {
        if !self.serves(cx.now()) {
            return;
        }
        if let Standing::Leader(leader) = &mut self.standing {
            leader.splitting = Some((at.clone(), children));
        }
        self.split_if_due(cx, node);
    }
    /// Whether it takes no more requests, because it is about to be split.
    pub(super) const fn is_splitting(&self) -> bool {
        match &self.standing {
            Standing::Leader(leader) => leader.splitting.is_some(),
            _ => false,
        }
    }
    /// Writes the split to the log once no transaction has items here and every index has followed.
    pub(super) fn split_if_due(&mut self, cx: &mut Cx<'_, Message>, node: &Node) {
        let (last, _) = self.log.last();
        let is_written = matches!(
            self.log.get(last).map(|entry| &entry.what),
            Some(Logged::Split(..))
        );
        let Standing::Leader(leader) = &self.standing else {
            return;
        };
        let Some((at, children)) = &leader.splitting else {
            return;
        };
        let mut cursors = leader.cursors.iter();
        let follow = cursors.all(|cursor| cursor.is_filled && cursor.followed == last);
        if is_written || !leader.prepared.is_empty() || !follow {
            return;
        }
        let what = Logged::Split(at.clone(), *children);
        self.propose(cx, node, Entry::of(what), None);
    }
    /// The split is agreed on.
    pub(super) fn split(&mut self, node: &Node, at: &Boundary, children: [GroupId; 2], now: Time) {
        let last = (
            self.committed,
            self.log.epoch_at(self.committed).unwrap_or(self.epoch),
        );
        node.contents.borrow_mut().split(self.group, at, children);
        let acked = match &self.standing {
            Standing::Leader(leader) => Some(leader.acked),
            _ => None,
        };
        for group in children {
            let mut child = Self::new(node, group, (self.members, self.number), last, now);
            child.parent = Some((self.group, last));
            child.epoch = self.epoch;
            // Every index had followed in full before the partition was split.
            child.filled.fill(true);
            child.promised_until = self.promised_until.max(child.promised_until);
            if let Some(acked) = acked {
                child.adopt_contents(node);
                let mut leader = Leader::new(&child, node, last.0, now);
                leader.acked = acked;
                child.standing = Standing::Leader(Box::new(leader));
            }
            self.born.push(child);
        }
        self.standing = Standing::Retired;
        self.log = super::log::Log::behind(last);
    }
    /// Another replica says that the partition was split after the entry `last`.
    pub(super) fn jump_to_split(&mut self, node: &Node, last: (LogIndex, Epoch), now: Time) {
        let known = node.contents.borrow().children(self.group).cloned();
        if let Some((at, children)) = known {
            self.standing = Standing::Follower;
            self.log = super::log::Log::behind(last);
            self.committed = last.0;
            self.epoch = self.epoch.max(last.1);
            self.split(node, &at, children, now);
        }
    }
    /// Tells that the partition was split; or where a half comes from, to one who does not know it.
    pub(super) fn tell_parent(&self, cx: &mut Cx<'_, Message>, to: ActorId) {
        let was_split = match (&self.standing, self.parent) {
            (Standing::Retired, _) => (self.group, self.log.last()),
            (_, Some(parent)) => parent,
            (_, None) => return,
        };
        let (group, last) = was_split;
        send(cx, to, Body::WasSplit { group, last });
    }
    /// Answers a message about a partition that is no more.
    pub(super) fn answer_retired(&self, cx: &mut Cx<'_, Message>, from: ActorId, body: Body) {
        match body {
            Body::Append(..)
            | Body::Install { .. }
            | Body::Probe(_)
            | Body::Elect { .. }
            | Body::Split { .. } => self.tell_parent(cx, from),
            body => super::refuse(cx, from, self.group, body),
        }
    }
}
