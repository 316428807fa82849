//! An actor as its host keeps it: where it runs, what waits for it, and its turn.

use super::disk::{DiskId, Outcome};
use super::locks::Replay;
use super::pool::PoolId;
use crate::queue::Timer;
use kvrig_base::id::{ActorId, ConnId, CoreId, JobId, Ticket};
use kvrig_base::seam::{Actor, ChildOutcome, Counts, Effect};
use kvrig_base::time::{Span, Time};
use std::collections::VecDeque;

/// Where an actor runs and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The cores of its turns.
    pub pool: PoolId,
    /// The cores of its children and offloaded jobs; may be the same.
    pub helpers: PoolId,
    /// Its disk.
    pub disk: DiskId,
    /// The store whose memory and locks it shares with other actors, if it does.
    pub store: Option<StoreId>,
}

/// A store of several actors that share memory and locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoreId(pub u32);

/// The host's own receipt of what it did for one actor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostCounts {
    /// Turns of the event loop.
    pub turns: u64,
    /// Turns that began with a wake-up.
    pub wake_ups: u64,
    /// Reads from connections.
    pub reads: u64,
    /// Bytes read.
    pub bytes_read: u64,
    /// Writes to connections.
    pub writes: u64,
    /// Bytes written to connections.
    pub bytes_written: u64,
    /// Messages sent to other actors.
    pub messages: u64,
    /// File operations.
    pub file_operations: u64,
    /// Forks.
    pub forks: u64,
    /// Pages copied because a child shared them.
    pub pages_copied: u64,
}

/// An input that is not a command, waiting for a turn.
#[derive(Debug)]
pub(super) enum Delivery<M> {
    Connected {
        conn: ConnId,
    },
    Closed {
        conn: ConnId,
    },
    Message {
        from: ActorId,
        message: M,
        bytes: u64,
        remote: bool,
    },
    File {
        ticket: Ticket,
        outcome: Outcome,
    },
    ChildExit {
        job: JobId,
        outcome: ChildOutcome,
    },
    OffloadDone {
        job: JobId,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing to do, or nothing it may do.
    Idle,
    /// A turn is scheduled, or it waits for a core.
    Starting,
    /// In a turn.
    Running,
}

/// A reply that leaves at the end of the turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct PendingReply {
    pub(super) request: u32,
    pub(super) conn: ConnId,
    pub(super) bytes: u64,
    pub(super) digest: u64,
    /// The next reply that the same write carries.
    pub(super) next: Option<u32>,
}

/// The replies of a turn to one connection, which one write carries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writer {
    pub(super) conn: ConnId,
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) replies: u32,
    pub(super) bytes: u64,
}

impl Writer {
    /// The write of one reply, the one of this number.
    #[inline]
    pub(super) fn new(number: u32, reply: &PendingReply) -> Self {
        Self {
            conn: reply.conn,
            first: number,
            last: number,
            replies: 1,
            bytes: reply.bytes,
        }
    }
}

/// A turn of the event loop under way.
#[derive(Debug)]
pub(super) struct Turn<M> {
    /// When it got its core.
    pub(super) began: Time,
    /// The core time of the turn has been used up to here.
    pub(super) at: Time,
    pub(super) connections_left: usize,
    pub(super) deliveries_left: usize,
    /// Deliveries come before connections in this turn.
    pub(super) deliveries_first: bool,
    pub(super) deadline: bool,
    pub(super) ended: bool,
    /// The connection being served, and how many of its requests are still to be handed over.
    pub(super) batch: Option<(ConnId, u32)>,
    /// File operations that hold the core, those that wait for one another included.
    pub(super) holds: u32,
    /// Those that begin when the one before has ended, as calls of one thread do.
    pub(super) held_back: VecDeque<u32>,
    /// Whether it waits for the other actors of its store to stop.
    pub(super) awaits_stop: bool,
    /// When it asked for that, and when they all had, as long as they stand still.
    pub(super) others_stopped: Option<(Time, Time)>,
    /// Whether it goes on with a [`super::event::Event::Resume`].
    pub(super) awaits_resume: bool,
    /// The call whose locks are being taken, and its effects, which happen after it.
    pub(super) replay: Option<Replay>,
    pub(super) deferred: (Vec<Effect<M>>, Vec<u8>),
    pub(super) replies: Vec<PendingReply>,
}

impl<M> Turn<M> {
    fn new() -> Self {
        Self {
            began: Time::START,
            at: Time::START,
            connections_left: 0,
            deliveries_left: 0,
            deliveries_first: false,
            deadline: false,
            ended: false,
            batch: None,
            holds: 0,
            held_back: VecDeque::new(),
            awaits_stop: false,
            others_stopped: None,
            awaits_resume: false,
            replay: None,
            deferred: (Vec::new(), Vec::new()),
            replies: Vec::new(),
        }
    }
    /// Whether an event must come before the turn goes on.
    #[inline]
    pub(super) fn is_parked(&self) -> bool {
        self.holds > 0 || self.awaits_stop || self.awaits_resume || self.replay.is_some()
    }
}

#[derive(Debug)]
pub(super) struct Hosted<A: Actor> {
    pub(super) actor: A,
    pub(super) placement: Placement,
    /// Address space of its logical lines.
    pub(super) space: u32,
    pub(super) state: State,
    pub(super) core: CoreId,
    /// The end of its last turn, which may lie ahead.
    pub(super) busy_until: Time,
    pub(super) ready: VecDeque<ConnId>,
    pub(super) inbox: VecDeque<Delivery<A::Message>>,
    pub(super) deadline_at: Time,
    pub(super) deadline_timer: Option<Timer>,
    pub(super) deadline_due: bool,
    pub(super) is_stopped: bool,
    pub(super) children: u32,
    pub(super) turn: Turn<A::Message>,
    pub(super) counts: Counts,
    pub(super) host: HostCounts,
    pub(super) worked: Span,
}

impl<A: Actor> Hosted<A> {
    pub(super) fn new(actor: A, id: ActorId, placement: Placement, core: CoreId) -> Self {
        let space = match placement.store {
            None => 2 * id.0,
            Some(store) => 2 * store.0 + 1,
        };
        Self {
            actor,
            placement,
            space,
            state: State::Idle,
            core,
            busy_until: Time::START,
            ready: VecDeque::new(),
            inbox: VecDeque::new(),
            deadline_at: Time::NEVER,
            deadline_timer: None,
            deadline_due: false,
            is_stopped: false,
            children: 0,
            turn: Turn::new(),
            counts: Counts::default(),
            host: HostCounts::default(),
            worked: Span::ZERO,
        }
    }
    /// Whether there is anything to begin a turn for.
    #[inline]
    pub(super) fn has_input(&self) -> bool {
        !self.ready.is_empty() || !self.inbox.is_empty() || self.deadline_due
    }
}
