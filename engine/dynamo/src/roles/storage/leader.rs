//! A replica that leads: how entries reach the others, when they count as agreed, and for how long it
//! may serve.
//!
//! Its lease ends [`LEASE_SPAN`] after it sent the last message that a majority has answered: those who
//! answered have promised, from a later moment on, to elect no other for that long.

use super::Node;
use super::cursor::Cursor;
use super::heat::Heat;
use super::replica::{ASK_SPAN, Replica, Standing, count_entry};
use crate::partition::{Boundary, REPLICAS};
use crate::roles::contents::{Epoch, LogIndex};
use crate::roles::directory::{GroupId, KeyspaceKind};
use crate::roles::message::{Append, Body, Entry, Logged, Message, TransactionName, send};
use crate::roles::{HEARTBEAT_SPAN, LAG_ENTRIES_MAX, LEASE_SPAN, NOTICE_SPAN};
use crate::table::{Place, Plan};
use kvrig_base::id::ActorId;
use kvrig_base::seam::Cx;
use kvrig_base::time::Time;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// Entries of one message to a follower at most.
const APPEND_ENTRIES_MAX: usize = 64;

/// What only a leader knows.
#[derive(Debug)]
pub(super) struct Leader {
    /// It serves once this entry of its own is agreed on.
    pub(super) first: LogIndex,
    /// For each member the last entry that is the same as here.
    matched: [LogIndex; REPLICAS],
    /// For each member the entry that is to be sent next.
    next: [LogIndex; REPLICAS],
    /// For each member how far it has applied the log.
    applied: [LogIndex; REPLICAS],
    /// When what each member has answered last was sent.
    pub(super) acked: [Time; REPLICAS],
    /// When it speaks to the others by itself.
    pub(super) heartbeat_at: Time,
    /// What is to be said once an entry is agreed on, in their order.
    waiting: VecDeque<(LogIndex, ActorId, Body)>,
    /// Items that transactions have.
    pub(super) locks: BTreeMap<Place, TransactionName>,
    /// What those will do, and since which entry.
    pub(super) prepared: BTreeMap<TransactionName, (LogIndex, Vec<Plan>)>,
    /// Where each index of the table is.
    pub(super) cursors: Vec<Cursor>,
    /// As the leader of an index partition, the last batch of each partition of the table.
    pub(super) batches: BTreeMap<GroupId, u64>,
    /// Since which entries changes are kept for transactions that read, and until when, in the order of
    /// both.
    kept: VecDeque<(LogIndex, Time)>,
    pub(super) heat: Heat,
    /// A split that waits for the indexes to follow.
    pub(super) splitting: Option<(Boundary, [GroupId; 2])>,
}

impl Leader {
    /// The leader that `replica` becomes at `now`, once it is agreed on the entry `first`.
    pub(super) fn new(replica: &Replica, node: &Node, first: LogIndex, now: Time) -> Self {
        let (last, _) = replica.log.last();
        let mut matched = [0; REPLICAS];
        matched[replica.number] = last;
        let keyspace = node.catalog.get(replica.group.keyspace);
        let indexes = match keyspace.map(|keyspace| &keyspace.kind) {
            Some(KeyspaceKind::Table { indexes, .. }) => indexes.as_slice(),
            _ => &[],
        };
        let cursors = indexes.iter().zip(&replica.followed).zip(&replica.filled);
        let mut this = Self {
            first,
            matched,
            next: [last + 1; REPLICAS],
            applied: [0; REPLICAS],
            acked: [Time::START; REPLICAS],
            heartbeat_at: now,
            waiting: VecDeque::new(),
            locks: BTreeMap::new(),
            prepared: BTreeMap::new(),
            cursors: cursors
                .map(|((index, followed), is_filled)| {
                    Cursor::new(*index, *followed, *is_filled, now)
                })
                .collect(),
            batches: BTreeMap::new(),
            kept: VecDeque::new(),
            heat: Heat::new(now),
            splitting: None,
        };
        for index in replica.log.base() + 1..=last {
            match replica.log.get(index).map(|entry| &entry.what) {
                Some(Logged::Prepared(name, plans)) => this.lock(*name, index, plans.clone()),
                Some(Logged::Decided(name, _)) => this.unlock(*name),
                _ => {}
            }
        }
        this
    }
    /// Until when it may serve, by the answers of the others to member `number`.
    pub(super) fn lease_until(&self, number: usize) -> Time {
        let others = self
            .acked
            .iter()
            .zip(0..)
            .filter(|(_, other)| *other != number);
        let latest = others.map(|(at, _)| *at).max();
        latest.map_or(Time::START, |at| at + LEASE_SPAN)
    }
    /// When it wants to be called.
    pub(super) fn timer(&self) -> Time {
        let cursors = self.cursors.iter().map(|cursor| cursor.retry_at);
        cursors.fold(self.heartbeat_at, Time::min)
    }
    /// Keeps changes behind the entry `since` up to a time, for a transaction that has read so far.
    pub(super) fn keep_changes(&mut self, since: LogIndex, until: Time) {
        match self.kept.back_mut() {
            Some(last) if last.0 == since => last.1 = until,
            _ => self.kept.push_back((since, until)),
        }
    }
    /// Changes behind this entry are kept at `now`.
    fn kept_since(&mut self, now: Time) -> LogIndex {
        while self.kept.pop_front_if(|(_, until)| *until <= now).is_some() {}
        self.kept.front().map_or(LogIndex::MAX, |(since, _)| *since)
    }
    /// Keeps the items of a transaction for it.
    pub(super) fn lock(&mut self, name: TransactionName, since: LogIndex, plans: Vec<Plan>) {
        for plan in &plans {
            self.locks.insert(plan.place().clone(), name);
        }
        self.prepared.insert(name, (since, plans));
    }
    /// Lets the items of a transaction go.
    pub(super) fn unlock(&mut self, name: TransactionName) {
        if let Some((_, plans)) = self.prepared.remove(&name) {
            for plan in &plans {
                self.locks.remove(plan.place());
            }
        }
    }
    /// All replicas have applied the log up to here, or lag too much to be waited for.
    fn applied_by_all(&self, last: LogIndex) -> LogIndex {
        let slowest = self.applied.into_iter().min().unwrap_or(0);
        slowest.max(last.saturating_sub(LAG_ENTRIES_MAX))
    }
    /// Nobody needs entries up to here.
    fn floor(&self, last: LogIndex) -> LogIndex {
        let cursors = self.cursors.iter().map(|cursor| cursor.followed);
        let prepared = self.prepared.values().map(|(since, _)| since - 1);
        cursors
            .chain(prepared)
            .fold(self.applied_by_all(last), LogIndex::min)
    }
}

impl Replica {
    /// It is elected.
    pub(super) fn lead(&mut self, cx: &mut Cx<'_, Message>, node: &Node) {
        self.adopt_contents(node);
        let first = self.log.last().0 + 1;
        self.standing = Standing::Leader(Box::new(Leader::new(self, node, first, cx.now())));
        self.propose(cx, node, Entry::of(Logged::Changes(Vec::new())), None);
    }
    /// Makes the contents what its own log leaves.
    pub(super) fn adopt_contents(&self, node: &Node) {
        let mut contents = node.contents.borrow_mut();
        let (last, _) = self.log.last();
        contents.take_back(self.group, |index, epoch| match self.log.epoch_at(index) {
            Some(own) => own != epoch,
            None => index > last,
        });
        let (head, _) = contents.head(self.group);
        for index in head.max(self.log.base()) + 1..=last {
            if let Some(entry) = self.log.get(index) {
                contents.carry_out(self.group, (index, entry.epoch), entry.changes());
            }
        }
    }
    /// Whether it may serve what a leader alone can.
    pub(super) fn serves(&self, now: Time) -> bool {
        match &self.standing {
            Standing::Leader(leader) => {
                self.committed >= leader.first && now < leader.lease_until(self.number)
            }
            _ => false,
        }
    }
    /// Writes an entry to its log and sends it to the others; `then` is sent when it is agreed on.
    pub(super) fn propose(
        &mut self,
        cx: &mut Cx<'_, Message>,
        node: &Node,
        mut entry: Entry,
        then: Option<(ActorId, Body)>,
    ) {
        entry.epoch = self.epoch;
        count_entry(cx, &entry);
        let entry = Rc::new(entry);
        let index = self.log.push(Rc::clone(&entry));
        let mut contents = node.contents.borrow_mut();
        contents.carry_out(self.group, (index, self.epoch), entry.changes());
        drop(contents);
        let number = self.number;
        let Standing::Leader(leader) = &mut self.standing else {
            return;
        };
        leader.matched[number] = index;
        if let Some((to, body)) = then {
            leader.waiting.push_back((index, to, body));
        }
        self.send_all(cx);
    }
    /// Says something as soon as all that is written so far is agreed on.
    pub(super) fn say_when_agreed(&mut self, cx: &mut Cx<'_, Message>, to: ActorId, body: Body) {
        let (last, _) = self.log.last();
        match &mut self.standing {
            Standing::Leader(leader) if last > self.committed => {
                leader.waiting.push_back((last, to, body));
            }
            _ => send(cx, to, body),
        }
    }
    /// Its own time has come.
    pub(super) fn lead_on(&mut self, cx: &mut Cx<'_, Message>, node: &Node) {
        if let Standing::Leader(leader) = &self.standing
            && cx.now() >= leader.heartbeat_at
        {
            self.send_all(cx);
        }
        self.feed_indexes(cx, node);
    }
    /// Sends each other member what it has not got, or that there is nothing.
    fn send_all(&mut self, cx: &mut Cx<'_, Message>) {
        let own = self.number;
        for number in (0..REPLICAS).filter(|number| *number != own) {
            self.send_entries(cx, number);
        }
        if let Standing::Leader(leader) = &mut self.standing {
            leader.heartbeat_at = cx.now() + HEARTBEAT_SPAN;
        }
    }
    fn send_entries(&mut self, cx: &mut Cx<'_, Message>, number: usize) {
        let to = self.members[number];
        let (last, _) = self.log.last();
        let Standing::Leader(leader) = &mut self.standing else {
            return;
        };
        let next = leader.next[number];
        let Some(epoch) = self.log.epoch_at(next - 1) else {
            // What it lacks is forgotten: it goes on from where all is agreed.
            leader.next[number] = self.committed + 1;
            let base = self.log.epoch_at(self.committed).unwrap_or(self.epoch);
            let install = Body::Install {
                group: self.group,
                epoch: self.epoch,
                base: (self.committed, base),
                sent: cx.now(),
            };
            return send(cx, to, install);
        };
        let entries = self.log.from(next, APPEND_ENTRIES_MAX);
        leader.next[number] += entries.len() as u64;
        let append = Append {
            epoch: self.epoch,
            previous: (next - 1, epoch),
            entries,
            committed: self.committed,
            floor: leader.floor(last),
            followed: leader
                .cursors
                .iter()
                .map(|cursor| cursor.followed)
                .collect(),
            filled: leader
                .cursors
                .iter()
                .map(|cursor| cursor.is_filled)
                .collect(),
            sent: cx.now(),
        };
        send(cx, to, Body::Append(self.group, append));
    }
    /// A follower has answered.
    pub(super) fn appended(
        &mut self,
        cx: &mut Cx<'_, Message>,
        node: &Node,
        from: ActorId,
        epoch: Epoch,
        (matched, applied, sent): (Result<LogIndex, LogIndex>, LogIndex, Time),
    ) {
        if epoch > self.epoch {
            self.epoch = epoch;
            self.standing = Standing::Follower;
            self.wakes_at = cx.now() + ASK_SPAN;
            return;
        }
        let (last, _) = self.log.last();
        let Some(number) = self.number_of(from) else {
            return;
        };
        let Standing::Leader(leader) = &mut self.standing else {
            return;
        };
        if epoch < self.epoch {
            return;
        }
        leader.acked[number] = leader.acked[number].max(sent);
        leader.applied[number] = leader.applied[number].max(applied);
        match matched {
            Ok(matched) => {
                leader.matched[number] = leader.matched[number].max(matched);
                leader.next[number] = leader.next[number].max(matched + 1);
            }
            Err(agreed) => leader.next[number] = agreed + 1,
        }
        let others = leader
            .matched
            .iter()
            .zip(0..)
            .filter(|(_, other)| *other != self.number);
        let agreed = others
            .map(|(matched, _)| *matched)
            .max()
            .unwrap_or(0)
            .min(last);
        let is_behind = leader.next[number] <= last;
        if agreed >= leader.first && agreed > self.committed {
            self.agree(cx, node, agreed);
        }
        if is_behind || matched.is_err() {
            self.send_entries(cx, number);
        }
        self.forget(node, cx.now());
    }
    /// A majority has the log up to `agreed`, which ends in an epoch of its own.
    fn agree(&mut self, cx: &mut Cx<'_, Message>, node: &Node, agreed: LogIndex) {
        if let Standing::Leader(leader) = &mut self.standing {
            while let Some((_, to, body)) =
                leader.waiting.pop_front_if(|(index, ..)| *index <= agreed)
            {
                send(cx, to, body);
            }
            leader.applied[self.number] = agreed;
            leader.heartbeat_at = leader.heartbeat_at.min(cx.now() + NOTICE_SPAN);
        }
        self.apply(node, agreed, cx.now());
        if matches!(self.standing, Standing::Retired) {
            return self.tell_parent(cx, node.autoadmin);
        }
        self.feed_indexes(cx, node);
    }
    /// Forgets what nobody needs any more.
    fn forget(&mut self, node: &Node, now: Time) {
        let (last, _) = self.log.last();
        if let Standing::Leader(leader) = &mut self.standing {
            let floor = leader.floor(last).min(self.committed);
            let kept = leader.kept_since(now);
            let applied = leader.applied_by_all(last).min(self.committed).min(kept);
            self.log.forget(floor);
            node.contents.borrow_mut().forget(self.group, applied);
        }
    }
    /// Goes on from where the others are, because what it lacks is forgotten there.
    pub(super) fn install(
        &mut self,
        cx: &mut Cx<'_, Message>,
        from: ActorId,
        epoch: Epoch,
        base: (LogIndex, Epoch),
        sent: Time,
    ) {
        if epoch < self.epoch {
            return;
        }
        self.epoch = epoch;
        self.standing = Standing::Follower;
        self.promise(cx.now());
        if base.0 > self.committed {
            self.log = super::log::Log::behind(base);
            self.committed = base.0;
        }
        let answer = Body::Appended {
            group: self.group,
            epoch,
            matched: Ok(self.committed),
            applied: self.committed,
            sent,
        };
        send(cx, from, answer);
    }
}

impl Entry {
    /// An entry that concerns no index and costs nothing.
    pub(super) const fn of(what: Logged) -> Self {
        Self {
            epoch: 0,
            what,
            units: 0,
            follow: Vec::new(),
        }
    }
}
