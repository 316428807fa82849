//! The simulating host of the seam: actors on cores, clients on links, files on disks, in virtual
//! time.
//!
//! A [`World`] owns everything of one run. Its clock moves from event to event; engine code runs in
//! zero real waiting and its receipts say how much virtual time it used. The rules:
//!
//! - **Turns.** When an actor's core is free it takes all inputs that have arrived: one read for
//!   each ready connection, a call for each command, then messages and completions, a deadline that
//!   is due, [`kvrig_base::seam::Input::TurnEnd`], and one write for each connection with replies.
//!   What arrives meanwhile waits for the next turn. Batching, group commit and queueing follow.
//! - **Blocking.** A file operation that holds the core parks the turn until it has ended; a fork
//!   makes it stand still for the copy of the page table. Replies wait for the end of the turn.
//! - **Shared stores.** Calls of actors that share a store begin at their exact instants, one event
//!   each, and their locks are replayed. All other turns are computed in one go.
//! - **Order.** Events are ordered by (time, emitter, the emitter's own sequence). Actors and groups
//!   of clients are emitters of their own, so that adding one renumbers no other.
//!
//! What is not modelled: preemption (a task keeps its core until its turn or stretch of work ends),
//! the capacity of network buffers (output always leaves, so `Drained` is never handed over), and a
//! host's own network card shared by several paths.

mod actor;
mod child;
mod clients;
mod directory;
mod disk;
mod effects;
mod event;
mod fan_out;
mod link;
mod locks;
mod model;
mod patience;
mod pool;
mod request;
mod run;
mod slots;
mod turn;

pub use actor::{HostCounts, Placement, StoreId};
pub use directory::{Contents, Directory};
pub use disk::{Disk, DiskConfig, DiskId};
pub use link::Link;
pub use model::{
    Call, CallKind, ChildReport, Fork, Gathered, LockWait, Model, Observer, Reply, TimedOut,
    TurnTaken, WorkersStopped,
};
pub use pool::PoolId;

use crate::client::{Group, PatienceCounts};
use crate::cost::{LinkPrices, OutOfRange, Pricing, Profile};
use crate::queue::Agenda;
use crate::record::{EventDigest, Latencies, Ledger};
use actor::{Hosted, Writer};
use child::Child;
use clients::GroupOf;
use effects::{FileTask, MessageInFlight, OffloadedJob};
use event::Event;
use kvrig_base::diagnostic::Diagnostic;
use kvrig_base::id::ActorId;
use kvrig_base::limits::ACTORS_MAX;
use kvrig_base::seam::{Actor, Counts, Effects, Outbox, Work};
use kvrig_base::time::{Span, Time, Wall};
use locks::Locks;
use patience::OpenRequests;
use pool::Pools;
use request::{Connection, Requests};
use slots::Slots;
use std::collections::BTreeMap;

type MessageOf<M> = <<M as Model>::Actor as Actor>::Message;

/// One source of load in a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupId(pub u32);

/// One simulated world; see the module's documentation for its rules.
pub struct World<M: Model> {
    profile: Profile,
    wall_start: Wall,
    agenda: Agenda<Event>,
    pricing: Pricing,
    work: Work,
    child_work: Work,
    outbox: Outbox,
    effects: Effects<MessageOf<M>>,
    pools: Pools,
    disks: Vec<Disk>,
    hosted: Vec<Hosted<M::Actor>>,
    paths: BTreeMap<(ActorId, ActorId), Link>,
    groups: Vec<GroupOf<M>>,
    connections: Vec<Connection>,
    requests: Requests,
    /// Requests of clients with a time limit, as those clients keep them.
    open_requests: OpenRequests,
    /// Requests that have been sent and have not arrived.
    on_the_way: u64,
    messages: Slots<MessageInFlight<MessageOf<M>>>,
    file_tasks: Slots<FileTask>,
    children: Slots<Child>,
    offloaded: Slots<OffloadedJob>,
    locks: Locks,
    ledger: Ledger,
    events: EventDigest,
    ran_until: Time,
    /// Nothing later happens before the run is let go on.
    horizon: Time,
    /// The actor that the meter was told of last, if nothing has changed for it since.
    entered: Option<ActorId>,
    /// Storage for the writes of a turn.
    writers: Vec<Writer>,
    /// A turn that has been asked for since the last event, and when it may begin.
    next_turn: Option<(Time, ActorId)>,
    observer: M::Observer,
}

impl<M: Model> World<M> {
    /// An empty world that is priced by `profile`; its nodes believe it to be `wall_start`.
    pub fn new(profile: &Profile, wall_start: Wall, observer: M::Observer) -> Self {
        let (pricing, meter) = Pricing::new(profile);
        let child_meter = pricing.meter();
        Self {
            profile: profile.clone(),
            wall_start,
            agenda: Agenda::new(),
            pricing,
            work: Work::new(Box::new(meter)),
            child_work: Work::new(Box::new(child_meter)),
            outbox: Outbox::default(),
            effects: Effects::default(),
            pools: Pools::default(),
            disks: Vec::new(),
            hosted: Vec::new(),
            paths: BTreeMap::new(),
            groups: Vec::new(),
            connections: Vec::new(),
            requests: Requests::default(),
            open_requests: OpenRequests::default(),
            on_the_way: 0,
            messages: Slots::default(),
            file_tasks: Slots::default(),
            children: Slots::default(),
            offloaded: Slots::default(),
            locks: Locks::default(),
            ledger: Ledger::default(),
            events: EventDigest::default(),
            ran_until: Time::START,
            horizon: Time::START,
            entered: None,
            writers: Vec::new(),
            next_turn: None,
            observer,
        }
    }
    /// Adds a pool of `cores` cores.
    ///
    /// # Panics
    /// If it has none.
    pub fn add_pool(&mut self, cores: u32) -> PoolId {
        assert!(cores > 0, "a pool has at least one core");
        (0..cores).for_each(|_| self.pricing.add_core());
        self.pools.add(cores)
    }
    /// Adds a disk with the profile's prices.
    pub fn add_disk(&mut self, config: DiskConfig) -> DiskId {
        self.disks.push(Disk::new(&self.profile.disk, config));
        DiskId(u32::try_from(self.disks.len() - 1).expect("fewer than 2^32 disks"))
    }
    /// Adds an actor.
    ///
    /// # Panics
    /// If there are [`ACTORS_MAX`] / 2 actors: groups of clients number their events likewise.
    pub fn add_actor(&mut self, actor: M::Actor, placement: Placement) -> ActorId {
        let id = ActorId(u32::try_from(self.hosted.len()).expect("fewer than 2^32 actors"));
        assert!(id.0 < ACTORS_MAX / 2, "at most {} actors", ACTORS_MAX / 2);
        let core = self.pools.first_core(placement.pool);
        self.hosted.push(Hosted::new(actor, id, placement, core));
        self.update_deadline(id, self.now());
        id
    }
    /// Adds an actor that shares nothing: a core of its own, one for its helpers and a disk as it comes.
    /// Gives the pool of its core too.
    ///
    /// # Panics
    /// As [`World::add_actor`].
    pub fn add_lone_actor(&mut self, actor: M::Actor) -> (ActorId, PoolId) {
        let (pool, helpers) = (self.add_pool(1), self.add_pool(1));
        let placement = Placement {
            pool,
            helpers,
            disk: self.add_disk(DiskConfig::default()),
            store: None,
        };
        (self.add_actor(actor, placement), pool)
    }
    /// Lets messages from one actor to another take a network path instead of the same host's
    /// memory. One direction only.
    pub fn add_path(&mut self, from: ActorId, to: ActorId, link: &LinkPrices) {
        self.paths.insert((from, to), Link::new(link));
    }

    /// The time up to which everything has happened.
    pub fn now(&self) -> Time {
        self.agenda.now().max(self.ran_until)
    }
    /// The profile that prices this world.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }
    /// An actor.
    pub fn actor(&self, id: ActorId) -> &M::Actor {
        &self.hosted[id.index()].actor
    }
    /// An actor, to have something happen to it between stretches of a run: its process dies, say. When it
    /// next has something to do by itself is asked of it after its next call.
    pub fn actor_mut(&mut self, id: ActorId) -> &mut M::Actor {
        &mut self.hosted[id.index()].actor
    }
    /// All work that an actor has counted; its children's is not in it.
    pub fn counts(&self, id: ActorId) -> &Counts {
        &self.hosted[id.index()].counts
    }
    /// What the host did for an actor.
    pub fn host_counts(&self, id: ActorId) -> &HostCounts {
        &self.hosted[id.index()].host
    }
    /// Core time that an actor's own calls have used, host work and waiting aside.
    pub fn worked(&self, id: ActorId) -> Span {
        self.hosted[id.index()].worked
    }
    /// Time for which each core of a pool was taken, up to the end of its last task.
    pub fn busy(&self, pool: PoolId) -> Vec<Span> {
        self.pools.busy(pool).collect()
    }
    /// A disk, to look at files, to stall it or to cut its power.
    pub fn disk(&mut self, id: DiskId) -> &mut Disk {
        &mut self.disks[id.0 as usize]
    }
    /// Responses of a group's requests, from the intended start to the reply at the client. Those
    /// that failed at a time limit are not among them; see [`World::patience_counts`].
    pub fn responses(&self, group: GroupId) -> &Latencies {
        &self.group(group).response
    }
    /// Service times of a group's requests; see [`Reply::service`].
    pub fn services(&self, group: GroupId) -> &Latencies {
        &self.group(group).service
    }
    /// What became of a group's requests where its clients have a time limit.
    pub fn patience_counts(&self, group: GroupId) -> &PatienceCounts {
        &self.group(group).counts
    }
    /// What a group asks, with whatever state it has gathered.
    pub fn requests(&self, group: GroupId) -> &M::Requests {
        &self.group(group).requests
    }
    fn group(&self, group: GroupId) -> &Group<M::Requests, M::Arrivals> {
        &self.groups[group.0 as usize]
    }
    /// The watcher.
    pub fn observer(&self) -> &M::Observer {
        &self.observer
    }
    /// The watcher, to change what it watches for between stretches of a run.
    pub fn observer_mut(&mut self) -> &mut M::Observer {
        &mut self.observer
    }
    /// An actor, to be looked at by the watcher between stretches of a run.
    pub fn actor_and_observer(&mut self, id: ActorId) -> (&M::Actor, &mut M::Observer) {
        (&self.hosted[id.index()].actor, &mut self.observer)
    }
    /// Ends the world and keeps its watcher.
    pub fn into_observer(self) -> M::Observer {
        self.observer
    }
    /// The digest of all that could be observed so far.
    pub fn events(&self) -> &EventDigest {
        &self.events
    }
    /// Number of events that came up: the simulator's own work.
    pub fn events_handled(&self) -> u64 {
        self.agenda.popped()
    }
    /// Work beyond the range in which the profile's prices hold.
    pub fn out_of_range(&self) -> Vec<OutOfRange> {
        for hosted in &self.hosted {
            self.pricing.check_resident(hosted.actor.resident_bytes());
        }
        self.pricing.out_of_range()
    }
    /// Requests that have been sent and neither answered nor dropped.
    pub fn in_flight(&self) -> u64 {
        let waiting: usize = self
            .connections
            .iter()
            .map(|conn| conn.requests.len())
            .sum();
        let in_turns: usize = self
            .hosted
            .iter()
            .map(|hosted| hosted.turn.replies.len())
            .sum();
        self.on_the_way + (waiting + in_turns) as u64
    }
    /// The books on requests, checked: what was offered is answered, dropped, or found under way.
    ///
    /// # Errors
    /// `KV4001` if requests were lost or invented; the run must not be believed.
    pub fn check_books(&self) -> Result<Ledger, Diagnostic> {
        self.ledger
            .check(self.in_flight(), self.open_requests.len())?;
        Ok(self.ledger)
    }
}
