//! The closed set of things that can happen in a world.

use super::pool::{PoolId, Task};
use kvrig_base::id::{ActorId, ConnId};

/// One event; what does not fit is in a slab and named by its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A request reaches the actor's host.
    Arrive { request: u32 },
    /// A request of an open loop is meant to start; only where its clients have a time limit.
    Begin { group: u32 },
    /// The client of an open request waits no longer.
    TimedOut { open: u32 },
    /// The pause before the next attempt is over.
    Retry { open: u32 },
    /// A client that asks several targets at once has finished thinking.
    Scatter { group: u32, client: u32 },
    /// A closed-loop client has finished thinking.
    ClientSend { conn: ConnId },
    /// A task wants a core.
    Submit { task: Task },
    /// A core of a pool in which somebody waits has become free.
    CoreFree { pool: PoolId },
    /// An actor's deadline.
    Deadline { actor: ActorId },
    /// An actor of a shared store goes on with its turn: its next call begins, or the next boundary
    /// of a call that took locks is reached.
    Resume { actor: ActorId },
    /// A message between actors arrives.
    Message { slot: u32 },
    /// A file operation is issued.
    FileBegin { slot: u32 },
    /// A file operation has ended.
    FileEnd { slot: u32 },
    /// A child has done the work before its next file operation, or before its exit.
    ChildWorked { slot: u32 },
    /// An offloaded job has ended.
    OffloadEnd { slot: u32 },
}
