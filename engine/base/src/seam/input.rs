//! What goes into an actor.

use crate::id::{ActorId, ConnId, JobId, Ticket};

/// One input of an actor.
#[derive(Debug)]
pub enum Input<'a, M> {
    /// A client has connected.
    Connected {
        /// The new connection.
        conn: ConnId,
    },
    /// Bytes have arrived; the actor says by [`super::Cx::consume`] how many it has used up.
    Bytes {
        /// Where they came from.
        conn: ConnId,
        /// All unconsumed bytes of the connection.
        bytes: &'a [u8],
    },
    /// A whole command without its wire form: the simulator's path.
    Command {
        /// Who asks.
        conn: ConnId,
        /// Command name and arguments.
        args: &'a [&'a [u8]],
    },
    /// Output has left the connection's buffer.
    Drained {
        /// The connection.
        conn: ConnId,
        /// Bytes that still wait there.
        pending: u64,
    },
    /// The connection is gone.
    Closed {
        /// The connection.
        conn: ConnId,
    },
    /// Another actor has sent a message.
    Peer {
        /// The sender.
        from: ActorId,
        /// What it says.
        message: M,
    },
    /// [`super::Actor::next_deadline`] has passed.
    Deadline,
    /// A file operation has ended.
    File {
        /// Which one.
        ticket: Ticket,
        /// How it ended.
        outcome: FileOutcome<'a>,
    },
    /// A forked child has exited, or work in place has ended.
    ChildExit {
        /// Which one.
        job: JobId,
        /// How it ended.
        outcome: ChildOutcome,
    },
    /// An offloaded job has ended.
    OffloadDone {
        /// Which one.
        job: JobId,
    },
    /// The turn's inputs are all handed over; replies leave after this.
    TurnEnd,
}

/// How a file operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileOutcome<'a> {
    /// Done in full; `bytes` were written, or are the file's size after opening or truncating it.
    Done {
        /// Bytes concerned.
        bytes: u64,
    },
    /// What was read; shorter than asked at the end of the file.
    Read(&'a [u8]),
    /// The names in the directory, sorted.
    Names(&'a [String]),
    /// Not done, or only in part.
    Failed {
        /// Bytes written before the failure.
        bytes: u64,
        /// Why.
        error: FileError,
    },
}

/// Why a file operation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileError {
    /// ENOSPC: the disk is full.
    NoSpace,
    /// EIO: the device failed.
    Device,
    /// ENOENT: no such file.
    NotFound,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildOutcome {
    /// It did its work.
    Done,
    /// It gave up after an error.
    Failed,
}
