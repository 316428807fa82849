//! What a world is made of, and what it tells while it runs.

use crate::client::{Arguments, Arrivals, RequestKind, Requests};
use kvrig_base::id::{ActorId, ConnId, JobId, LockId, RequestId};
use kvrig_base::seam::{Actor, ChildOutcome, Counts, Segment};
use kvrig_base::time::{Span, Time};

/// The closed set of types that one simulation is compiled for.
///
/// A study with several kinds of actors or requests names an enum of them here, so that every call
/// is dispatched statically.
pub trait Model {
    /// The actors.
    type Actor: Actor;
    /// What clients ask.
    type Requests: Requests;
    /// When open loops ask.
    type Arrivals: Arrivals;
    /// Who watches.
    type Observer: Observer<Self::Actor>;
    /// Whether the world records responses and services of each group itself; without it,
    /// [`super::World::responses`] and [`super::World::services`] stay empty. A watcher that sorts
    /// replies into recorders of its own has no use for them, and each costs some 50 instructions
    /// a reply.
    const RECORDS_LATENCIES: bool = true;

    /// Hears what an open loop is about to ask, before the requests arrive: to ask the processor for
    /// the lines that they lead to. `actor` is the loop's first target. It has no effect but on speed.
    fn foresee(actor: &Self::Actor, requests: &[Arguments]) {
        let _ = (actor, requests);
    }
}

/// Watches a run: classifies replies, collects pauses. It sees the actor but cannot change it.
pub trait Observer<A> {
    /// A request was answered.
    fn reply(&mut self, reply: &Reply, actor: &A) {
        let _ = (reply, actor);
    }
    /// A request was answered after its client had given up waiting.
    fn late_reply(&mut self, reply: &Reply, actor: &A) {
        let _ = (reply, actor);
    }
    /// A client gave an attempt up.
    fn timed_out(&mut self, event: &TimedOut) {
        let _ = event;
    }
    /// A client has got the last part of what it asked of several targets at once.
    fn gathered(&mut self, gathered: &Gathered) {
        let _ = gathered;
    }
    /// A turn of an actor's event loop is over.
    fn turn(&mut self, turn: &TurnTaken, actor: &A) {
        let _ = (turn, actor);
    }
    /// An actor has handled one input; `actor` is in the state after it.
    fn call(&mut self, call: &Call<'_>, actor: &A) {
        let _ = (call, actor);
    }
    /// An actor has forked and stood still for it.
    fn fork(&mut self, fork: &Fork, actor: &A) {
        let _ = (fork, actor);
    }
    /// A child has exited.
    fn child(&mut self, child: &ChildReport, actor: &A) {
        let _ = (child, actor);
    }
    /// An actor has waited for a lock of its store, and has it now.
    fn lock_waited(&mut self, wait: &LockWait, actor: &A) {
        let _ = (wait, actor);
    }
    /// An actor lets the others of its store go on, which it had stopped.
    fn workers_stopped(&mut self, stop: &WorkersStopped, actor: &A) {
        let _ = (stop, actor);
    }
}

/// Nobody watches.
impl<A> Observer<A> for () {}

/// One answered request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The source of load, by its number in the world.
    pub group: u32,
    /// The request, numbered within its group.
    pub request: RequestId,
    /// The connection.
    pub conn: ConnId,
    /// Who answered.
    pub actor: ActorId,
    /// Which attempt it answers, counted from one.
    pub attempt: u32,
    /// What kind of request it answers.
    pub kind: RequestKind,
    /// Bytes of the request.
    pub asked_bytes: u64,
    /// When the request was meant to start: that of the first attempt.
    pub intended: Time,
    /// When it had arrived at the store.
    pub arrived: Time,
    /// Whether it found its actor at work, and so had to wait for the next turn.
    pub waited: bool,
    /// When its command began to be handled.
    pub started: Time,
    /// When the reply had arrived at the client.
    pub ended: Time,
    /// The engine's part: the price of the receipt of its command.
    pub handled: Span,
    /// Core time spent on the request: its command, and its share of the read and the write that
    /// carried it. Waiting for the core, for locks, for the disk and for a fork is not in it.
    pub service: Span,
    /// From the intended start to the end.
    pub response: Span,
    /// Bytes of the reply.
    pub bytes: u64,
    /// Digest of the reply.
    pub digest: u64,
}

/// An attempt that its client gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOut {
    /// The source of load, by its number in the world.
    pub group: u32,
    /// The request, numbered within its group.
    pub request: RequestId,
    /// The connection.
    pub conn: ConnId,
    /// Which attempt, counted from one.
    pub attempt: u32,
    /// When the request was meant to start.
    pub intended: Time,
    /// When the client gave up.
    pub at: Time,
    /// When it will send again; none if the request has failed.
    pub next: Option<Time>,
}

/// The end of a request to several targets at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gathered {
    /// The source of load, by its number in the world.
    pub group: u32,
    /// The client, numbered within its group.
    pub client: u32,
    /// When the request was meant to start.
    pub intended: Time,
    /// When the last of its replies had arrived.
    pub ended: Time,
}

/// One turn of an actor's event loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnTaken {
    /// Whose.
    pub actor: ActorId,
    /// When it got its core.
    pub from: Time,
    /// When it gave it back.
    pub to: Time,
}

/// What an actor was called with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallKind {
    /// A client connected.
    Connected,
    /// A connection that the actor wanted closed is gone.
    Closed,
    /// A command.
    Command,
    /// A message of another actor.
    Peer,
    /// A deadline.
    Deadline,
    /// The end of a file operation.
    File,
    /// The exit of a child.
    ChildExit,
    /// The end of an offloaded job.
    OffloadDone,
    /// The end of the turn.
    TurnEnd,
}

/// One call of [`Actor::handle`].
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Who was called.
    pub actor: ActorId,
    /// With what.
    pub kind: CallKind,
    /// Group and request of a command.
    pub request: Option<(u32, RequestId)>,
    /// When it began.
    pub at: Time,
    /// The price of its receipt; waiting for locks is not in it.
    pub spent: Span,
    /// Its stretches that were not plain request work.
    pub segments: &'a [Segment],
    /// Its receipt.
    pub counts: &'a Counts,
}

/// One fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fork {
    /// Who forked.
    pub actor: ActorId,
    /// The child.
    pub job: JobId,
    /// When.
    pub at: Time,
    /// How long the actor stood still.
    pub span: Span,
    /// The memory whose page table was copied, in bytes.
    pub resident_bytes: u64,
}

/// One wait for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockWait {
    /// Who waited.
    pub actor: ActorId,
    /// Who had the lock when the wait ended.
    pub holder: ActorId,
    /// For what.
    pub lock: LockId,
    /// From when.
    pub from: Time,
    /// Until when.
    pub to: Time,
}

/// One stop of all other actors of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkersStopped {
    /// Who stopped them.
    pub by: ActorId,
    /// When it asked for that: who was idle stood still from then on.
    pub asked: Time,
    /// When the last of them stood still.
    pub stopped: Time,
    /// When they could go on.
    pub resumed: Time,
}

/// What a child did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChildReport {
    /// Whose child.
    pub actor: ActorId,
    /// Which.
    pub job: JobId,
    /// When it was forked.
    pub forked: Time,
    /// When it exited.
    pub exited: Time,
    /// Core time of its own.
    pub worked: Span,
    /// Bytes it appended to files.
    pub bytes_written: u64,
    /// Pages of 4 KiB that the parent copied while the child lived.
    pub pages_copied: u64,
    /// How it ended.
    pub outcome: ChildOutcome,
}
