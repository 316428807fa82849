//! DynamoDB as a service: request routers, storage nodes and those who administer them, as actors of
//! the seam.
//!
//! The shape, after Elhemali et al. (USENIX ATC 2022; sections are theirs):
//!
//! ```text
//! client ── Router ──────────────► StorageNode ◄── Append ──► StorageNode   three replicas of each
//!             │  ▲                  │ (leader)                (follower)     partition, two of which
//!   Replenish │  │ Lend     Follow  │                                        carry a write (3, 6.1)
//!             ▼  │                  ▼
//!       AdmissionServer        leader of an index partition
//!        (4.2, tokens)
//!             Router ── WhereIs ──► Autoadmin: who holds what, splits (4.4, 6.6)
//!             Router ── Request ──► Coordinator: prepare, then commit; or read, then read again
//! ```
//!
//! - [`Router`] finds the partition of a key in the directory that it has cached, takes tokens of the
//!   table, and asks the leader, or for an eventual read any replica.
//! - [`StorageNode`] holds replicas of many partitions. Each partition is a group that elects a leader
//!   by majority; the leader serves while its lease holds, so that after its death nobody writes or
//!   reads strongly for about [`LEASE_SPAN`] (6.2), while eventual reads go on.
//! - [`AdmissionServer`] lends the tokens of tables to routers ([`crate::partition::GlobalAdmission`]).
//! - [`Autoadmin`] keeps the [`Directory`] and splits partitions whose leaders ask for it.
//! - Pages of Query and Scan, also of indexes, are read partition by partition ([`PageRequest`]).
//! - [`Coordinator`] carries out transactions in two phases: writes with a log, reads without.
//!
//! A [`Fidelity`] says how much of this is run: [`Direct`] takes the same decisions by the same buckets
//! and the same map in one call, with items or with their sizes alone.
//!
//! What is not modelled: the device under the log (a log entry counts the bytes that it copies), log
//! replicas, the archive, and moving of replicas from a hot node to another.

mod admission_server;
mod autoadmin;
mod batch;
mod contents;
mod coordinator;
mod direct;
mod directory;
mod message;
mod page;
mod router;
mod share;
mod storage;
mod wire;

pub use admission_server::AdmissionServer;
pub use autoadmin::{Autoadmin, SplitPolicy};
pub use batch::Batch;
pub use contents::Contents;
pub use coordinator::Coordinator;
pub use direct::{Direct, Fidelity, LOOK_AHEAD_MAX, Outcome};
pub use directory::{
    Catalog, Directory, GroupId, GroupPlace, Keyspace, KeyspaceId, KeyspaceKind, Limits,
};
pub use message::{Answer, Message, Request};
pub use page::PageRequest;
pub use router::{Router, RouterConfig};
pub use storage::{ReplicaState, StorageNode};
pub use wire::{Arguments, ReadArguments};

use kvrig_base::seam::{Actor, Cx, Input};
use kvrig_base::time::{Span, Time};

/// How long a follower that has heard from its leader elects no other. The paper says that a new
/// leader waits for the old lease to run out, "a couple of seconds" (section 6.2).
pub const LEASE_SPAN: Span = Span::from_secs(2);
/// How often a leader that has nothing to say renews its lease. Ours: four times in a lease.
pub const HEARTBEAT_SPAN: Span = Span::from_millis(500);
/// How long a leader waits for a write to carry the news of a commit to its followers before it
/// tells them by itself: eventual reads lag by that at most, network aside. Ours; AWS says that they
/// are consistent "usually within one second or less".
pub const NOTICE_SPAN: Span = Span::from_millis(10);
/// How long each follower after the first waits longer before it asks to lead, so that not all do at
/// once. Ours.
pub const ELECTION_STEP: Span = Span::from_millis(50);
/// How long a router waits for the answer of a storage node before it asks another replica, or gives
/// a write up. Ours.
pub const ANSWER_SPAN: Span = Span::from_millis(500);
/// How long routers and coordinators wait before they ask again where a partition has gone. Ours.
pub const RETRY_SPAN: Span = Span::from_millis(50);
/// How long the coordinator waits for both looks at the items of TransactGetItems; leaders know for as
/// long what has changed. Ours.
pub const READ_TRANSACTION_SPAN: Span = Span::from_secs(1);
/// How often a request is sent on before its router gives it up.
pub const SENDS_MAX: u32 = 8;
/// Changes that a leader keeps for a follower that lags; one that lags more is told where the others
/// are instead.
pub const LAG_ENTRIES_MAX: u64 = 100_000;
/// Changes of a partition that an index may lag behind before writes of the table are throttled for
/// its sake. AWS publishes no figure; this one is a second of a partition's writes.
pub const INDEX_BACKLOG_MAX: u64 = crate::partition::PARTITION_WRITES_MAX;

/// One actor of the service.
#[derive(Debug)]
pub enum Role {
    /// A request router.
    Router(Router),
    /// The server that lends tokens.
    Admission(AdmissionServer),
    /// A storage node.
    Storage(StorageNode),
    /// Who keeps the directory.
    Autoadmin(Autoadmin),
    /// Who carries out transactions.
    Coordinator(Coordinator),
}

impl Role {
    /// Follows a crash: what was in memory is lost, what was written to a log is not.
    pub fn restart(&mut self, now: Time) {
        match self {
            Self::Router(router) => router.restart(),
            Self::Admission(server) => server.restart(now),
            Self::Storage(node) => node.restart(now),
            Self::Coordinator(coordinator) => coordinator.restart(now),
            // The directory is a replicated service of its own (section 6.6), taken to survive.
            Self::Autoadmin(_) => {}
        }
    }
}

impl Actor for Role {
    type Message = Message;

    fn handle(&mut self, cx: &mut Cx<'_, Message>, input: Input<'_, Message>) {
        match self {
            Self::Router(router) => router.handle(cx, input),
            Self::Admission(server) => server.handle(cx, &input),
            Self::Storage(node) => node.handle(cx, input),
            Self::Autoadmin(autoadmin) => autoadmin.handle(cx, input),
            Self::Coordinator(coordinator) => coordinator.handle(cx, input),
        }
    }
    fn next_deadline(&self) -> Option<Time> {
        match self {
            Self::Router(router) => router.next_deadline(),
            Self::Admission(_) => None,
            Self::Storage(node) => node.next_deadline(),
            Self::Autoadmin(autoadmin) => autoadmin.next_deadline(),
            Self::Coordinator(coordinator) => coordinator.next_deadline(),
        }
    }
}
