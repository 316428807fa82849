//! The one door of these tests: a list of requests in, what everybody saw out.

use kvrig_base::id::{ActorId, ConnId, JobId, RequestId};
use kvrig_base::seam::{Actor, ChildOutcome};
use kvrig_base::time::{Span, Time, Wall};
use kvrig_sim::client::{Arguments, OpenLoop, Requests};
use kvrig_sim::cost::Profile;
use kvrig_sim::world::{
    Call, CallKind, ChildReport, DiskConfig, Fork, Gathered, GroupId, Model, Observer, Placement,
    Reply, StoreId, TimedOut, World,
};
use std::marker::PhantomData;

/// Wire size of every request of these tests: 1 us on the link.
const REQUEST_BYTES: u64 = 1_000;

pub(crate) fn micros(n: u64) -> Time {
    Time::START + Span::from_micros(n)
}

pub(crate) fn profile() -> Profile {
    Profile::parse("round_numbers.toml", include_str!("round_numbers.toml"))
        .expect("it is part of these tests")
}

/// One request: when it is meant to start, on which connection, and what it says.
pub(crate) type Asked = (Time, u32, Vec<&'static str>);

#[derive(Debug)]
pub(crate) struct Script(Vec<Asked>);

impl Script {
    pub(crate) fn new(asked: Vec<Asked>) -> Self {
        Self(asked)
    }
}

impl Requests for Script {
    fn fill(&mut self, id: RequestId, args: &mut Arguments) {
        self.0[id.0 as usize]
            .2
            .iter()
            .for_each(|argument| args.push(argument.as_bytes()));
    }
    fn wire_bytes(&self, _: &Arguments) -> u64 {
        REQUEST_BYTES
    }
    fn connection(&mut self, id: RequestId, _: u32) -> u32 {
        self.0[id.0 as usize].1
    }
}

/// What was observed.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) replies: Vec<Reply>,
    /// Replies to attempts that had been given up.
    pub(crate) late: Vec<Reply>,
    pub(crate) timeouts: Vec<TimedOut>,
    /// Ends of requests to several targets at once.
    pub(crate) gathered: Vec<Gathered>,
    /// Actor, kind and begin of each call that spent time or took a message.
    pub(crate) calls: Vec<(ActorId, CallKind, Time)>,
    pub(crate) forks: Vec<Fork>,
    pub(crate) children: Vec<ChildReport>,
}

impl<A> Observer<A> for Seen {
    fn reply(&mut self, reply: &Reply, _: &A) {
        self.replies.push(*reply);
    }
    fn late_reply(&mut self, reply: &Reply, _: &A) {
        self.late.push(*reply);
    }
    fn gathered(&mut self, gathered: &Gathered) {
        self.gathered.push(*gathered);
    }
    fn timed_out(&mut self, event: &TimedOut) {
        self.timeouts.push(*event);
    }
    fn call(&mut self, call: &Call<'_>, _: &A) {
        if !call.spent.is_zero() || call.kind == CallKind::Peer {
            self.calls.push((call.actor, call.kind, call.at));
        }
    }
    fn fork(&mut self, fork: &Fork, _: &A) {
        self.forks.push(*fork);
    }
    fn child(&mut self, child: &ChildReport, _: &A) {
        self.children.push(*child);
    }
}

impl Seen {
    /// When the reply to a request had arrived at its client.
    pub(crate) fn ended(&self, request: u64) -> Time {
        self.reply(request).ended
    }
    pub(crate) fn reply(&self, request: u64) -> &Reply {
        let reply = self.replies.iter().find(|reply| reply.request.0 == request);
        reply.unwrap_or_else(|| panic!("request {request} was not answered"))
    }
    /// The one child that has exited.
    pub(crate) fn child(&self, job: JobId) -> &ChildReport {
        let child = self.children.iter().find(|child| child.job == job);
        let child = child.unwrap_or_else(|| panic!("child {job} has not exited"));
        assert_eq!(child.outcome, ChildOutcome::Done);
        child
    }
}

#[derive(Debug)]
pub(crate) struct Stores<A>(PhantomData<A>);

impl<A: Actor> Model for Stores<A> {
    type Actor = A;
    type Requests = Script;
    type Arrivals = Vec<Time>;
    type Observer = Seen;
}

pub(crate) type TestWorld<A> = World<Stores<A>>;

/// A world of these actors, each on a core of its own, with a disk and a helper core for all.
/// Those that share a store are of store 0.
pub(crate) fn world<A: Actor>(actors: Vec<A>, shared: bool) -> TestWorld<A> {
    let mut world = World::new(&profile(), Wall::from_unix_millis(0), Seen::default());
    let helpers = world.add_pool(1);
    let disk = world.add_disk(DiskConfig::default());
    for actor in actors {
        let pool = world.add_pool(1);
        let store = shared.then_some(StoreId(0));
        world.add_actor(
            actor,
            Placement {
                pool,
                helpers,
                disk,
                store,
            },
        );
    }
    world
}

/// Adds clients whose connection `n` goes to the `n`-th of `targets`, and their requests.
pub(crate) fn ask<A: Actor>(
    world: &mut TestWorld<A>,
    targets: &[u32],
    asked: Vec<Asked>,
) -> GroupId {
    let arrivals = asked.iter().map(|(at, ..)| *at).collect();
    let link = profile().link;
    world.add_open_loop(OpenLoop {
        targets: targets.iter().copied().map(ActorId).collect(),
        connections: targets.len() as u32,
        link,
        requests: Script(asked),
        arrivals,
        patience: None,
    })
}

/// Runs to the end of the tenth millisecond and checks the books: all requests are answered.
pub(crate) fn run<A: Actor>(world: &mut TestWorld<A>) -> &Seen {
    world.run_until(micros(10_000));
    let books = world.check_books().expect("no request is lost or invented");
    assert_eq!(books.offered, books.completed, "nothing is left under way");
    world.observer()
}

/// How long a reply of `bytes` bytes takes to its client.
pub(crate) fn way_back(bytes: u64) -> Span {
    Span::from_micros(20) + Span::from_nanos(bytes)
}

pub(crate) const FIRST: ConnId = ConnId(0);
