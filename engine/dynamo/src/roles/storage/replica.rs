//! One replica: its log, what it has promised, and how it follows a leader.

use super::Node;
use super::ReplicaState;
use super::leader::Leader;
use super::log::Log;
use crate::partition::LimitMode;
use crate::partition::{PartitionBuckets, REPLICAS, Source};
use crate::roles::contents::{Epoch, LogIndex};
use crate::roles::directory::{GroupId, GroupPlace};
use crate::roles::message::{Append, Body, Entry, Logged, Message, send};
use crate::roles::share::partition_buckets;
use crate::roles::{ELECTION_STEP, LEASE_SPAN};
use kvrig_base::id::ActorId;
use kvrig_base::seam::{Counter, Cx};
use kvrig_base::time::{Span, Time};
use std::rc::Rc;

/// What a replica is in its group.
#[derive(Debug)]
pub(super) enum Standing {
    /// It follows whoever has the latest epoch.
    Follower,
    /// It has not heard from its leader and asks the others whether they have.
    Asking,
    /// It wants to be elected.
    Candidate,
    /// It leads.
    Leader(Box<Leader>),
    /// Its partition was split.
    Retired,
}

/// A replica of a partition.
#[derive(Debug)]
pub(super) struct Replica {
    pub(super) group: GroupId,
    pub(super) members: [ActorId; REPLICAS],
    /// Its own number among the members.
    pub(super) number: usize,
    /// The partition that its own was split from, and the end of that one's log.
    pub(super) parent: Option<(GroupId, (LogIndex, Epoch))>,
    /// The latest epoch that it knows of or voted in. Survives a crash, as the log does.
    pub(super) epoch: Epoch,
    pub(super) log: Log,
    /// The log is agreed on, and applied, up to here.
    pub(super) committed: LogIndex,
    /// How far each index has followed, as far as is known here.
    pub(super) followed: Vec<LogIndex>,
    /// Whether each has all items from before the log, as far as is known here.
    pub(super) filled: Vec<bool>,
    /// Until then it votes for nobody.
    pub(super) promised_until: Time,
    /// When it does something by itself, unless it leads.
    pub(super) wakes_at: Time,
    pub(super) buckets: PartitionBuckets,
    pub(super) standing: Standing,
    /// Replicas of the partitions that its own has just been split into.
    pub(super) born: Vec<Self>,
}

impl Replica {
    /// A replica of a partition that starts with the service, led by whom the directory says.
    pub(super) fn first(
        node: &Node,
        group: GroupId,
        (place, number): (&GroupPlace, usize),
        now: Time,
    ) -> Self {
        let mut this = Self::new(node, group, (place.replicas, number), (0, place.epoch), now);
        if place.leader == number {
            this.standing = Standing::Leader(Box::new(Leader::new(&this, node, 0, now)));
        }
        this
    }
    /// A replica whose log goes on behind the entry `base`, as a follower that hears its leader.
    pub(super) fn new(
        node: &Node,
        group: GroupId,
        (members, number): ([ActorId; REPLICAS], usize),
        base: (LogIndex, Epoch),
        now: Time,
    ) -> Self {
        let keyspace = node.catalog.get(group.keyspace);
        let indexes = keyspace.map_or(0, |keyspace| keyspace.indexes().len());
        let mut this = Self {
            group,
            members,
            number,
            parent: None,
            epoch: base.1,
            log: Log::behind(base),
            committed: base.0,
            followed: vec![base.0; indexes],
            filled: vec![false; indexes],
            promised_until: Time::START,
            wakes_at: Time::NEVER,
            buckets: partition_buckets(&node.catalog, &node.directory, group, now),
            standing: Standing::Follower,
            born: Vec::new(),
        };
        this.promise(now);
        this
    }
    /// What it is, for those who look on.
    pub(super) const fn state(&self) -> ReplicaState {
        match self.standing {
            Standing::Leader(_) => ReplicaState::Leader,
            Standing::Candidate => ReplicaState::Candidate,
            Standing::Follower | Standing::Asking | Standing::Retired => ReplicaState::Follower,
        }
    }
    /// When it wants to be called.
    pub(super) fn timer(&self) -> Time {
        match &self.standing {
            Standing::Leader(leader) => leader.timer(),
            Standing::Retired => Time::NEVER,
            _ => self.wakes_at,
        }
    }
    /// Who it is.
    pub(super) const fn me(&self) -> ActorId {
        self.members[self.number]
    }
    /// The other members.
    pub(super) fn others(&self) -> impl Iterator<Item = ActorId> {
        let me = self.me();
        self.members.into_iter().filter(move |member| *member != me)
    }
    /// The number of a member.
    pub(super) fn number_of(&self, member: ActorId) -> Option<usize> {
        self.members.iter().position(|other| *other == member)
    }
    /// Promises its leader to elect no other for a while.
    pub(super) fn promise(&mut self, now: Time) {
        self.promised_until = now + LEASE_SPAN;
        self.wakes_at = self.promised_until + ELECTION_STEP * self.number as u64;
    }
    /// Follows a crash: log, epoch and what is committed survive. It may have promised its leader
    /// something just before, so it waits that long.
    pub(super) fn restart(&mut self, now: Time) {
        if !matches!(self.standing, Standing::Retired) {
            self.standing = Standing::Follower;
            self.promise(now);
        }
    }

    pub(super) fn message(
        &mut self,
        cx: &mut Cx<'_, Message>,
        node: &Node,
        from: ActorId,
        body: Body,
    ) {
        if matches!(self.standing, Standing::Retired) {
            return self.answer_retired(cx, from, body);
        }
        match body {
            Body::Carry { id, request, .. } => self.carry(cx, node, (from, id), *request),
            Body::ReadPart { id, read, .. } => self.read_part(cx, node, (from, id), &read),
            Body::Append(_, append) => self.append(cx, node, from, append),
            Body::Appended {
                epoch,
                matched,
                applied,
                sent,
                ..
            } => self.appended(cx, node, from, epoch, (matched, applied, sent)),
            Body::Install {
                epoch, base, sent, ..
            } => self.install(cx, from, epoch, base, sent),
            Body::Probe(_) => self.probed(cx, from),
            Body::Probed { is_reachable, .. } => self.probe_answered(cx, is_reachable),
            Body::Elect { epoch, last, .. } => self.vote(cx, from, epoch, last),
            Body::Vote {
                epoch, is_granted, ..
            } => self.voted(cx, node, epoch, is_granted),
            Body::Split { at, children, .. } => self.begin_split(cx, node, &at, children),
            Body::WasSplit { last, .. } => self.jump_to_split(node, last, cx.now()),
            Body::Unknown(_) => self.tell_parent(cx, from),
            Body::Follow {
                from: base,
                batch,
                changes,
                ..
            } => self.follow(cx, node, (from, base, batch), changes),
            Body::Followed {
                group,
                batch,
                made,
                refused,
                ..
            } => self.index_followed(cx, node, (group, batch), made, refused),
            Body::Prepare {
                transaction,
                actions,
                ..
            } => self.prepare(cx, node, (from, transaction), &actions),
            Body::ReadItems {
                transaction, gets, ..
            } => self.read_items(cx, node, (from, transaction), &gets),
            Body::ReadAgain {
                transaction,
                keys,
                since,
                ..
            } => self.read_again(cx, node, (from, transaction), (&keys, since)),
            Body::Decide {
                transaction,
                is_committed,
                ..
            } => self.decide(cx, node, (from, transaction), is_committed),
            _ => {}
        }
    }

    pub(super) fn deadline(&mut self, cx: &mut Cx<'_, Message>, node: &Node) {
        match &self.standing {
            Standing::Leader(_) => self.lead_on(cx, node),
            Standing::Retired => {}
            _ if cx.now() >= self.wakes_at => self.ask_for_leader(cx),
            _ => {}
        }
    }

    /// Takes over entries of the leader.
    fn append(&mut self, cx: &mut Cx<'_, Message>, node: &Node, from: ActorId, append: Append) {
        if append.epoch < self.epoch {
            return self.confirm(cx, from, append.sent, Err(self.committed));
        }
        self.epoch = append.epoch;
        self.standing = Standing::Follower;
        self.promise(cx.now());
        (self.followed, self.filled) = (append.followed, append.filled);
        let (previous, epoch) = append.previous;
        // What is committed here is the leader's, even where it is forgotten.
        let fits = previous <= self.committed || self.log.epoch_at(previous) == Some(epoch);
        if !fits {
            return self.confirm(cx, from, append.sent, Err(self.committed));
        }
        let matched = previous + append.entries.len() as u64;
        for (entry, index) in append.entries.into_iter().zip(previous + 1..) {
            if index <= self.committed || self.log.epoch_at(index) == Some(entry.epoch) {
                continue;
            }
            count_entry(cx, &entry);
            self.charge(node, &entry, cx.now());
            self.log.cut_from(index);
            self.log.push(entry);
        }
        self.log.forget(append.floor.min(self.committed));
        let committed = append.committed.min(matched);
        self.apply(node, committed, cx.now());
        self.confirm(cx, from, append.sent, Ok(matched));
    }

    fn confirm(
        &self,
        cx: &mut Cx<'_, Message>,
        leader: ActorId,
        sent: Time,
        matched: Result<LogIndex, LogIndex>,
    ) {
        let answer = Body::Appended {
            group: self.group,
            epoch: self.epoch,
            matched,
            applied: self.committed,
            sent,
        };
        send(cx, leader, answer);
    }

    /// Takes note that the log is agreed on up to `committed`.
    pub(super) fn apply(&mut self, node: &Node, committed: LogIndex, now: Time) {
        while self.committed < committed {
            self.committed += 1;
            let entry = self.log.get(self.committed).map(Rc::clone);
            if let Some(entry) = entry
                && let Logged::Split(at, children) = &entry.what
            {
                return self.split(node, at, *children, now);
            }
        }
    }

    /// Where limits combine reads and writes, every replica is at work for a write.
    fn charge(&mut self, node: &Node, entry: &Entry, now: Time) {
        if node.catalog.limits.mode == LimitMode::LinearCombination && entry.units > 0 {
            let source = (Source::Allocated, None);
            self.buckets.charge_write(entry.units, source, now);
        }
    }
}

/// Counts what writing an entry to a log takes.
pub(super) fn count_entry(cx: &mut Cx<'_, Message>, entry: &Entry) {
    cx.work.count(Counter::BytesCopied, entry.size_bytes());
    cx.work.count(Counter::AllocationsSmall, 1);
}

/// How long a replica waits for the answers of others before it asks again.
pub(super) const ASK_SPAN: Span = Span::from_millis(200);
