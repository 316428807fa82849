//! A storage node: replicas of many partitions, each with a log, and their leases and clocks.

mod cursor;
mod election;
mod heat;
mod leader;
mod log;
mod page;
mod replica;
mod serve;
mod split;
mod transact;
mod transact_get;

use super::contents::{Contents, is_behind};
use super::directory::{Catalog, Directory, GroupId, KeyspaceId};
use super::message::{Body, Failure, Inside, Message, send};
use crate::Item;
use crate::key::PrimaryKey;
use kvrig_base::id::ActorId;
use kvrig_base::seam::{Counter, Cx, Input};
use kvrig_base::time::Time;
use replica::{Replica, Standing};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What the replicas of one node share.
#[derive(Debug)]
struct Node {
    autoadmin: ActorId,
    catalog: Rc<Catalog>,
    contents: Rc<RefCell<Contents>>,
    /// Where the partitions of indexes lie, as far as is known.
    directory: Rc<Directory>,
}

/// What a replica is at present; for those who look on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplicaState {
    /// It follows, or does not know whom.
    Follower,
    /// It would lead, if it were elected.
    Candidate,
    /// It leads.
    Leader,
}

/// A storage node with its replicas.
#[derive(Debug)]
pub struct StorageNode {
    node: Node,
    replicas: BTreeMap<GroupId, Replica>,
    /// When each replica wants to be called.
    timers: BTreeSet<(Time, GroupId)>,
}

impl StorageNode {
    /// The node `me` of a service that starts at `now`, with the replicas that the directory gives it.
    ///
    /// All nodes of a service share one [`Contents`]: see there.
    pub fn new(
        (me, autoadmin): (ActorId, ActorId),
        catalog: Rc<Catalog>,
        contents: Rc<RefCell<Contents>>,
        directory: Rc<Directory>,
        now: Time,
    ) -> Self {
        let node = Node {
            autoadmin,
            catalog,
            contents,
            directory,
        };
        let mut this = Self {
            replicas: BTreeMap::new(),
            timers: BTreeSet::new(),
            node,
        };
        let directory = Rc::clone(&this.node.directory);
        for (group, place) in directory.groups() {
            if let Some(number) = place.replicas.iter().position(|node| *node == me) {
                let replica = Replica::first(&this.node, group, (place, number), now);
                this.timers.insert((replica.timer(), group));
                this.replicas.insert(group, replica);
            }
        }
        this
    }
    /// Partitions with a replica here, and what each replica is.
    pub fn replicas(&self) -> impl Iterator<Item = (GroupId, ReplicaState)> {
        self.replicas
            .iter()
            .filter(|(_, replica)| !matches!(replica.standing, Standing::Retired))
            .map(|(group, replica)| (*group, replica.state()))
    }
    /// Changes of the partition that each index has still to follow, where its leader is here.
    pub fn index_backlog(&self, group: GroupId) -> Vec<u64> {
        self.replicas
            .get(&group)
            .map_or_else(Vec::new, Replica::index_backlog)
    }

    /// Half read units and write units that the replica of a partition here has been charged with;
    /// nothing where there is none, or where its share is not limited.
    pub fn spent(&self, group: GroupId) -> (Option<u64>, Option<u64>) {
        let replica = self.replicas.get(&group);
        replica.map_or((None, None), |replica| replica.buckets.spent())
    }

    /// What an eventual read of a table would find here: nothing where this node has no replica of the
    /// partition or its replica is too far behind, else the item, if it sees one.
    pub fn shows(&self, keyspace: KeyspaceId, key: &PrimaryKey) -> Option<Option<Item>> {
        let contents = self.node.contents.borrow();
        let place = contents.table(keyspace)?.place(key.clone());
        let sort = place.inner.key().sort;
        let (mut group, _) = self
            .node
            .directory
            .find(keyspace, (place.hash, sort.as_ref()))?;
        let mut replica = self.replicas.get(&group)?;
        while matches!(replica.standing, Standing::Retired) {
            let (at, children) = contents.children(group)?;
            group = children[usize::from(is_behind(place.hash, &place.inner, at))];
            replica = self.replicas.get(&group)?;
        }
        let seen = contents.view(replica.group, &place, replica.committed);
        Some(seen.ok()?.map(|stored| stored.item.clone()))
    }

    pub(super) fn restart(&mut self, now: Time) {
        let groups: Vec<GroupId> = self.replicas.keys().copied().collect();
        for group in groups {
            self.with(group, |replica, _| replica.restart(now));
        }
    }
    pub(super) fn next_deadline(&self) -> Option<Time> {
        let first = self.timers.first().map(|(at, _)| *at);
        first.filter(|at| *at < Time::NEVER)
    }

    pub(super) fn handle(&mut self, cx: &mut Cx<'_, Message>, input: Input<'_, Message>) {
        match input {
            Input::Peer {
                from,
                message: Message::Inside(Inside(body)),
            } => self.message(cx, from, body),
            Input::Deadline => {
                while let Some(&(at, group)) = self.timers.first()
                    && at <= cx.now()
                {
                    self.with(group, |replica, node| replica.deadline(cx, node));
                    if self.timers.contains(&(at, group)) {
                        break;
                    }
                }
            }
            _ => {}
        }
    }

    fn message(&mut self, cx: &mut Cx<'_, Message>, from: ActorId, body: Body) {
        cx.work.count(Counter::Commands, 1);
        if let Body::Located(directory) = body {
            if directory.version > self.node.directory.version {
                self.node.directory = directory;
            }
            return;
        }
        let Some(group) = group_of(&body) else {
            return;
        };
        if !self.replicas.contains_key(&group) {
            return refuse(cx, from, group, body);
        }
        self.with(group, |replica, node| replica.message(cx, node, from, body));
    }

    /// Lets something happen to a replica, keeps its timer true, and takes in the replicas of the
    /// partitions that its own was split into.
    fn with(&mut self, group: GroupId, body: impl FnOnce(&mut Replica, &Node)) {
        let Some(replica) = self.replicas.get_mut(&group) else {
            return;
        };
        let before = replica.timer();
        body(replica, &self.node);
        let after = replica.timer();
        let born = std::mem::take(&mut replica.born);
        if before != after {
            self.timers.remove(&(before, group));
            self.timers.insert((after, group));
        }
        for child in born {
            self.timers.insert((child.timer(), child.group));
            self.replicas.insert(child.group, child);
        }
    }
}

/// The partition that a message to a storage node is about.
const fn group_of(body: &Body) -> Option<GroupId> {
    Some(match body {
        Body::Carry { group, .. }
        | Body::ReadPart { group, .. }
        | Body::Append(group, _)
        | Body::Appended { group, .. }
        | Body::Install { group, .. }
        | Body::Probe(group)
        | Body::Probed { group, .. }
        | Body::Elect { group, .. }
        | Body::Vote { group, .. }
        | Body::Split { group, .. }
        | Body::WasSplit { group, .. }
        | Body::Unknown(group)
        | Body::Follow { group, .. }
        | Body::Prepare { group, .. }
        | Body::ReadItems { group, .. }
        | Body::ReadAgain { group, .. }
        | Body::Decide { group, .. } => *group,
        Body::Followed { from, .. } => *from,
        _ => return None,
    })
}

/// Answers a message about a partition that this node has no replica of, or that it does not lead.
fn refuse(cx: &mut Cx<'_, Message>, to: ActorId, group: GroupId, body: Body) {
    let answer = match body {
        Body::Carry { id, request, .. } => Body::Carried {
            id,
            result: Box::new(Err(Failure::NotHere)),
            back: Some(request),
        },
        Body::ReadPart { id, .. } => Body::PartRead {
            id,
            result: Box::new(Err(Failure::NotHere)),
        },
        Body::Append(..) | Body::Install { .. } | Body::Probe(_) | Body::Elect { .. } => {
            Body::Unknown(group)
        }
        Body::Follow { from, batch, .. } => Body::Followed {
            from,
            group,
            batch,
            made: 0,
            refused: None,
        },
        Body::Prepare { transaction, .. } => Body::Prepared {
            transaction,
            group,
            result: None,
        },
        Body::ReadItems { transaction, .. } => Body::ItemsRead {
            transaction,
            group,
            result: None,
        },
        Body::ReadAgain { transaction, .. } => Body::ReadAgainDone {
            transaction,
            group,
            result: None,
        },
        Body::Decide { transaction, .. } => Body::Decided {
            transaction,
            group,
            is_done: false,
        },
        _ => return,
    };
    send(cx, to, answer);
}
