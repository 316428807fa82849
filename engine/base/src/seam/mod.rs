//! The seam: one engine, two hosts.
//!
//! An engine is made of [`Actor`]s in the sans-IO manner: inputs and time go in, effects come out.
//! A host is whatever drives them: the simulator in virtual time, or real sockets and files. The
//! engine cannot tell which.
//!
//! The rules that both sides keep:
//!
//! - **Run to completion.** [`Actor::handle`] never waits. Where the real store blocks its thread,
//!   the effect says so ([`Effect::File`] with `holds_core`, [`Effect::Fork`]) and the host gives
//!   that actor nothing but the completion until it arrives.
//! - **Turns.** A host hands over all ready inputs, then [`Input::TurnEnd`]; the replies of the turn
//!   leave after that, and after every completion that holds the core.
//! - **One reply, one call.** Each call of [`Cx::reply`] answers the oldest unanswered request of
//!   that connection.
//! - **Work is counted, not timed.** The engine fills [`Work`] with integers and touches of logical
//!   cache lines; the host prices them. [`Cx::spent`] is the price so far.
//! - **Deadlines.** The host calls with [`Input::Deadline`] at or after [`Actor::next_deadline`].
//!   Early or repeated calls are harmless.

mod cx;
mod effect;
mod input;
pub mod sync;
mod work;

pub use cx::{Cx, Outbox, Reply};
pub use effect::{Effect, Effects, FileOp, OpenMode};
pub use input::{ChildOutcome, FileError, FileOutcome, Input};
pub use work::{
    COUNTERS, Cause, Counter, Counts, Meter, Region, Segment, Touch, UnpricedMeter, Work,
};

use crate::id::JobId;
use crate::time::Time;

/// A part of a store that runs on one core at a time: a Redis process, a Memcached worker, a
/// DynamoDB storage node.
pub trait Actor {
    /// What the actors of this store say to one another.
    type Message;

    /// Takes one input and runs to completion; what it wants done is left in `cx`.
    fn handle(&mut self, cx: &mut Cx<'_, Self::Message>, input: Input<'_, Self::Message>);

    /// When to call with [`Input::Deadline`] if nothing else happens first.
    fn next_deadline(&self) -> Option<Time>;

    /// Memory that the actor's process has resident, in bytes: what a fork must map again, and what
    /// tells a meter without a cache model how far away memory is.
    fn resident_bytes(&self) -> u64 {
        0
    }

    /// Runs the child that [`Effect::Fork`] asked for, on the state as it was at the fork, or the work
    /// that [`Effect::Perform`] asked for, on the state as it is.
    ///
    /// A simulating host calls this at the instant of the fork and lets the child's file operations
    /// happen as its core and the disk allow; a live host calls it in the forked process.
    ///
    /// # Panics
    /// The default does: an actor that asks for a fork must say what its child does.
    fn run_child(&self, job: JobId, child: &mut dyn ChildHost) -> ChildOutcome {
        let _ = child;
        unreachable!("job {job} was forked by an actor that has no children")
    }
}

/// What a forked child may do: count work and ask for file operations, one after another.
pub trait ChildHost {
    /// The child's own receipt.
    fn work(&mut self) -> &mut Work;
    /// Performs one file operation; `data` is what [`FileOp::Append`] appends.
    ///
    /// # Errors
    /// What the file system answers.
    fn file(&mut self, op: FileOp, data: &[u8]) -> Result<(), FileError>;
}
