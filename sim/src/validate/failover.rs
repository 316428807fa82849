//! The death of a leader, on DynamoDB's roles: who waits for how long, and whether anything is lost.
//!
//! A table of eight partitions on four nodes is written to and read from, strongly and eventually. The
//! node that leads the first partition dies, comes back later, and what clients were told is compared
//! with what the replicas hold.

use super::partitions::Seen;
use crate::client::{Arguments, OpenLoop, Requests};
use crate::cost::Profile;
use crate::dynamo_cluster::{Mortal, Service, Topology};
use crate::world::{Model, Observer, Reply, World};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::id::{ActorId, RequestId};
use kvrig_base::time::{Span, Time, Wall};
use kvrig_dynamo::capacity::ReadConsistency;
use kvrig_dynamo::key::{KeyHasher, KeySchema, KeyValue, PrimaryKey, ScalarType};
use kvrig_dynamo::partition::PartitionId;
use kvrig_dynamo::roles::{
    Arguments as Written, Directory, GroupId, KeyspaceId, Limits, ReplicaState, Request, Role,
    SplitPolicy, StorageNode,
};
use kvrig_dynamo::table::{GetItem, PutItem};
use kvrig_dynamo::{Item, TableSchema};
use std::collections::BTreeSet;

const TABLE: &str = "table";
const KEY: &str = "pk";
const PARTITIONS: u32 = 8;
const NODES: u32 = 4;
/// Each kind of request comes as often: every 5 ms, so that an outage is known to that.
const GAP: Span = Span::from_millis(5);
/// Keys that are read; writes are each of a key of its own.
const READ_KEYS: u64 = 64;
/// More than requests that wait during an outage: none waits behind another's answer.
const CONNECTIONS: u32 = 1_024;
/// The node dies here, when everything has settled, and comes back there.
const DIES: Time = Time::START.saturating_add(Span::from_secs(5));
const RETURNS: Time = Time::START.saturating_add(Span::from_secs(12));
/// Requests come up to here; what was asked then is answered before the end.
const ASKED_UNTIL: Time = Time::START.saturating_add(Span::from_secs(15));
const END: Time = Time::START.saturating_add(Span::from_secs(20));

/// What requests are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Write,
    Read(ReadConsistency),
}

/// The groups of clients, in this order.
const KINDS: [Kind; 3] = [
    Kind::Write,
    Kind::Read(ReadConsistency::Strong),
    Kind::Read(ReadConsistency::Eventual),
];

impl Kind {
    /// The key of a request.
    fn key(self, id: RequestId) -> String {
        match self {
            Self::Write => format!("new-{}", id.0),
            Self::Read(_) => read_key(id.0 % READ_KEYS),
        }
    }
}

fn read_key(number: u64) -> String {
    format!("old-{number}")
}

impl Requests for Kind {
    fn fill(&mut self, id: RequestId, args: &mut Arguments) {
        let item = Item::from([(KEY, self.key(id).as_str().into())]);
        let request = match *self {
            Self::Write => Request::Put(PutItem {
                item,
                ..PutItem::default()
            }),
            Self::Read(consistency) => Request::Get(GetItem::new(item).consistency(consistency)),
        };
        let written = Written::write(TABLE, &request);
        let written = written.expect("a request without a condition can be written");
        written.iter().for_each(|argument| args.push(argument));
    }
    fn wire_bytes(&self, args: &Arguments) -> u64 {
        args.iter().map(|argument| argument.len() as u64).sum()
    }
}

#[derive(Debug, Default)]
struct Replies(Vec<Reply>);

impl Observer<Mortal> for Replies {
    fn reply(&mut self, reply: &Reply, _: &Mortal) {
        self.0.push(*reply);
    }
}

#[derive(Debug)]
struct Roles;

impl Model for Roles {
    type Actor = Mortal;
    type Requests = Kind;
    type Arrivals = Vec<Time>;
    type Observer = Replies;
    const RECORDS_LATENCIES: bool = false;
}

fn topology(profile: &Profile) -> Topology {
    Topology {
        tables: vec![(
            TableSchema::new(TABLE, KeySchema::simple(KEY, ScalarType::String)),
            PARTITIONS,
        )],
        routers: 2,
        nodes: NODES,
        cores: 2,
        link: profile.link.clone(),
        hasher: KeyHasher::default(),
        limits: Limits::default(),
        // No partition becomes hot here.
        splits: SplitPolicy { delay: None },
    }
}

fn broken(message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(diagnostic::CONSERVATION, message.into())
}

fn node(world: &World<Roles>, id: ActorId) -> Option<&StorageNode> {
    match world.actor(id).role() {
        Role::Storage(node) => Some(node),
        _ => None,
    }
}

/// Partitions that a node leads.
fn led(world: &World<Roles>, id: ActorId) -> BTreeSet<PartitionId> {
    let replicas = node(world, id).into_iter().flat_map(StorageNode::replicas);
    replicas
        .filter(|(_, state)| *state == ReplicaState::Leader)
        .map(|(GroupId { partition, .. }, _)| partition)
        .collect()
}

/// What clients were told of the requests of one kind.
struct Told {
    /// From one answer to the next at most, on the partitions of the dead leader.
    longest: Span,
    /// The same on all others.
    longest_elsewhere: Span,
    /// Requests that were refused.
    refused: u64,
}

/// A run, after its end.
struct Run {
    world: World<Roles>,
    service: Service,
    directory: Directory,
    /// Partitions that the node led that died.
    orphaned: BTreeSet<PartitionId>,
}

impl Run {
    /// A run in which the leader dies, or nobody does.
    fn new(dies: bool) -> Result<Self, Diagnostic> {
        let profile = Profile::embedded("typical-2026")?;
        let mut world =
            World::<Roles>::new(&profile, Wall::from_unix_millis(0), Replies::default());
        let refused = |error: kvrig_dynamo::Error| broken(error.to_string());
        let service = topology(&profile).build(&mut world).map_err(refused)?;
        let directory = Directory::even(&[PARTITIONS], &service.nodes);
        {
            let mut contents = service.contents.borrow_mut();
            let table = contents.table_mut(KeyspaceId(0));
            let table = table.ok_or_else(|| broken("the service has no table"))?;
            for number in 0..READ_KEYS {
                let item = Item::from([(KEY, read_key(number).as_str().into())]);
                let put = PutItem {
                    item,
                    ..PutItem::default()
                };
                table.put(put).map_err(refused)?;
            }
        }
        for (kind, offset) in KINDS.into_iter().zip(1..) {
            // Side by side, so that kinds do not meet.
            let first = Time::START + Span::from_millis(offset);
            let starts = std::iter::successors(Some(first), |at| Some(*at + GAP));
            world.add_open_loop(OpenLoop {
                targets: service.routers.clone(),
                connections: CONNECTIONS,
                link: profile.link.clone(),
                requests: kind,
                arrivals: starts.take_while(|at| *at < ASKED_UNTIL).collect(),
                patience: None,
            });
        }
        world.run_until(DIES);
        let first = PartitionId(0);
        let nodes = service.nodes.iter();
        let leader = nodes.copied().find(|&id| led(&world, id).contains(&first));
        let leader = leader.ok_or_else(|| broken("nobody leads the first partition"))?;
        let orphaned = led(&world, leader);
        if dies {
            world.actor_mut(leader).die(RETURNS);
        }
        world.run_until(END);
        let books = world.check_books()?;
        if books.completed != books.offered || world.actor(leader).is_dead() {
            return Err(broken(format!(
                "{} of {} requests were answered",
                books.completed, books.offered
            )));
        }
        Ok(Self {
            world,
            service,
            directory,
            orphaned,
        })
    }
    fn primary_key(key: &str) -> PrimaryKey {
        PrimaryKey {
            partition: KeyValue::String(key.into()),
            sort: None,
        }
    }
    fn is_orphaned(&self, key: &str) -> bool {
        let hash = KeyHasher::default().hash(&Self::primary_key(key).partition);
        let found = self.directory.find(KeyspaceId(0), (hash, None));
        found.is_some_and(|(group, _)| self.orphaned.contains(&group.partition))
    }
    /// The replies to requests of a kind, with whether they are answers: such as the healthy service gave,
    /// and no exceptions.
    fn replies(&self, kind: usize) -> Vec<(Reply, bool)> {
        let all = &self.world.observer().0;
        let of_kind = || all.iter().filter(move |reply| reply.group as usize == kind);
        let healthy = of_kind().filter(|reply| reply.ended < DIES);
        let answers: BTreeSet<u64> = healthy.map(|reply| reply.digest).collect();
        of_kind()
            .map(|reply| (*reply, answers.contains(&reply.digest)))
            .collect()
    }
    fn told(&self, kind: usize) -> Told {
        let replies = self.replies(kind);
        let longest = |orphaned: bool| {
            let answers = replies.iter().filter(|(reply, is_answer)| {
                *is_answer && self.is_orphaned(&KINDS[kind].key(reply.request)) == orphaned
            });
            let mut times: Vec<Time> = answers.map(|(reply, _)| reply.ended).collect();
            times.sort_unstable();
            let gaps = times.windows(2).map(|pair| pair[1].since(pair[0]));
            gaps.max().unwrap_or(Span::MAX)
        };
        Told {
            longest: longest(true),
            longest_elsewhere: longest(false),
            refused: replies.iter().filter(|(_, is_answer)| !is_answer).count() as u64,
        }
    }
    /// Writes that were acknowledged, and those of them that are not on all three replicas at the end.
    fn lost(&self) -> (u64, u64) {
        let (mut acknowledged, mut lost) = (0, 0);
        for (reply, _) in self.replies(0).iter().filter(|(_, is_answer)| *is_answer) {
            acknowledged += 1;
            let key = Self::primary_key(&Kind::Write.key(reply.request));
            let nodes = self.service.nodes.iter();
            let holding = nodes.filter(|&&id| {
                let shown = node(&self.world, id).and_then(|node| node.shows(KeyspaceId(0), &key));
                shown.flatten().is_some()
            });
            lost += u64::from(holding.count() < 3);
        }
        (acknowledged, lost)
    }
}

/// A leader dies: V19.
///
/// # Errors
/// Requests that are never answered.
pub(super) fn leader_fails() -> Result<Seen, Diagnostic> {
    Ok(judged(&Run::new(true)?))
}

fn judged(run: &Run) -> Seen {
    let [writes, strong, eventual] = [0, 1, 2].map(|kind| run.told(kind));
    let (acknowledged, lost) = run.lost();
    let secs = |span: Span| {
        let hundredths = span.as_nanos() / 10_000_000;
        format!("{}.{:02} s", hundredths / 100, hundredths % 100)
    };
    // A lease of 2 s less what was used of it up to the next heartbeat, then votes, and a router's wait
    // until it asks again.
    let about_two = Span::from_millis(1_400)..=Span::from_millis(2_600);
    // A router waits so long for a replica that is dead, and asks another.
    let goes_on = kvrig_dynamo::roles::ANSWER_SPAN + Span::from_millis(100);
    let elsewhere = writes.longest_elsewhere.max(strong.longest_elsewhere);
    Seen {
        result: format!(
            "{} without writes, {} without strong reads, where others led {}; eventual reads at most \
             {} apart, {} refused; {lost} of {acknowledged} acknowledged writes lost",
            secs(writes.longest),
            secs(strong.longest),
            secs(elsewhere),
            secs(eventual.longest),
            eventual.refused
        ),
        holds: about_two.contains(&writes.longest)
            && about_two.contains(&strong.longest)
            && elsewhere <= goes_on
            && eventual.longest <= goes_on
            && eventual.refused == 0
            && acknowledged > 0
            && lost == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_nobody_dies_nobody_waits_and_the_experiment_fails() {
        let run = Run::new(false).unwrap();
        let seen = judged(&run);
        assert!(!seen.holds, "{}", seen.result);
        for told in [0, 1, 2].map(|kind| run.told(kind)) {
            // Answers of a quarter of the partitions, which come every 20 ms on average.
            assert!(told.longest < Span::from_millis(300), "{}", seen.result);
            assert_eq!(told.refused, 0);
        }
        assert_eq!(run.lost().1, 0);
    }
}
