//! What comes out of an actor, replies aside.

use super::work::Counts;
use crate::id::{ActorId, ConnId, FileId, JobId, Ticket};
use std::ops::Range;

/// One effect that an actor asks its host for.
#[derive(Debug)]
pub enum Effect<M> {
    /// Close a connection once its replies have left.
    Close {
        /// The connection.
        conn: ConnId,
    },
    /// Hand over no more input of this connection until [`Effect::ResumeReading`].
    PauseReading {
        /// The connection.
        conn: ConnId,
    },
    /// Hand over its input again.
    ResumeReading {
        /// The connection.
        conn: ConnId,
    },
    /// Send a message to a peer.
    Send {
        /// The receiver.
        to: ActorId,
        /// What is said.
        message: M,
        /// Its size on the wire.
        bytes: u64,
    },
    /// A file operation, ended by [`super::Input::File`] with the same ticket.
    File {
        /// Names the operation in its completion.
        ticket: Ticket,
        /// What to do.
        op: FileOp,
        /// Whether the real store blocks its thread here.
        holds_core: bool,
    },
    /// Fork: the host runs [`super::Actor::run_child`], and [`super::Input::ChildExit`] follows. The
    /// fork itself holds the core.
    Fork {
        /// Names the child.
        job: JobId,
    },
    /// Do the work of a child in place: the host runs [`super::Actor::run_child`] on this core, whose
    /// file operations hold it, and [`super::Input::ChildExit`] is the next that the actor is given.
    Perform {
        /// Names the work.
        job: JobId,
    },
    /// End a child that [`Effect::Fork`] began; [`super::Input::ChildExit`] follows, with a failure.
    EndChild {
        /// Names the child.
        job: JobId,
    },
    /// End the process: its connections close once their replies have left, and it is given nothing
    /// more.
    Exit,
    /// Work for a background thread (lazy free); [`super::Input::OffloadDone`] follows.
    Offload {
        /// Names the job.
        job: JobId,
        /// What it costs.
        counts: Counts,
    },
    /// Stop all other actors of this store, as Memcached does while it swaps tables.
    StopWorkers,
    /// Let them go on.
    ResumeWorkers,
}

/// A file operation. Files live in one directory of the actor's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileOp {
    /// Open or create `name` and call it `file` from now on.
    Open {
        /// The number that the actor gives it.
        file: FileId,
        /// Its name in the directory.
        name: String,
        /// What becomes of its content.
        mode: OpenMode,
    },
    /// Append the bytes at `data` of [`Effects::data`] (of the argument, in a child).
    Append {
        /// The file.
        file: FileId,
        /// Where the bytes are.
        data: Range<usize>,
    },
    /// Cut the file to `bytes`.
    Truncate {
        /// The file.
        file: FileId,
        /// Its new size.
        bytes: u64,
    },
    /// Make what was written so far survive a power cut (fdatasync).
    Sync {
        /// The file.
        file: FileId,
    },
    /// Read up to `bytes` from `offset`.
    Read {
        /// The file.
        file: FileId,
        /// Where to begin.
        offset: u64,
        /// How much at most.
        bytes: u64,
    },
    /// Give `from` the name `to`, replacing what had it.
    Rename {
        /// The present name.
        from: String,
        /// The new name.
        to: String,
    },
    /// Remove a name.
    Unlink {
        /// The name.
        name: String,
    },
    /// Make names and removals survive a power cut.
    SyncDirectory,
    /// Ask for all names.
    List,
}

/// What becomes of a file's content when it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// Kept; it is an error if there is no such file.
    Existing,
    /// Kept; created empty where there is none.
    Append,
    /// Dropped; created empty where there is none.
    Truncate,
}

/// The effects of one call, in the order asked for. The host drains and reuses it.
#[derive(Debug)]
pub struct Effects<M> {
    list: Vec<Effect<M>>,
    data: Vec<u8>,
}

impl<M> Default for Effects<M> {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            data: Vec::new(),
        }
    }
}

impl<M> Effects<M> {
    /// Adds an effect.
    pub fn push(&mut self, effect: Effect<M>) {
        self.list.push(effect);
    }
    /// Adds an append of `bytes` to `file`.
    pub fn append(&mut self, ticket: Ticket, file: FileId, bytes: &[u8], holds_core: bool) {
        let start = self.data.len();
        self.data.extend_from_slice(bytes);
        let op = FileOp::Append {
            file,
            data: start..self.data.len(),
        };
        self.push(Effect::File {
            ticket,
            op,
            holds_core,
        });
    }
    /// The bytes that appends refer to.
    pub fn data(&self) -> &[u8] {
        &self.data
    }
    /// Whether nothing was asked for.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
    /// Takes all effects out, to be given back to [`Effects::reuse`] once they are carried out.
    pub fn take(&mut self) -> (Vec<Effect<M>>, Vec<u8>) {
        (
            std::mem::take(&mut self.list),
            std::mem::take(&mut self.data),
        )
    }
    /// Gives storage back.
    pub fn reuse(&mut self, mut list: Vec<Effect<M>>, mut data: Vec<u8>) {
        list.clear();
        data.clear();
        self.list = list;
        self.data = data;
    }
}
