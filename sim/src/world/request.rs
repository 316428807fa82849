//! Requests under way, and the connections that they wait in.

use crate::client::{Arguments, RequestKind};
use kvrig_base::id::{ActorId, ConnId, RequestId};
use kvrig_base::time::{Span, Time};
use std::collections::VecDeque;

/// A request from the moment it is drawn until its reply has left.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) group: u32,
    pub(super) id: RequestId,
    pub(super) conn: ConnId,
    pub(super) wire_bytes: u64,
    pub(super) kind: RequestKind,
    pub(super) intended: Time,
    pub(super) arrived: Time,
    /// Whether the actor was at work then.
    pub(super) waited: bool,
    pub(super) started: Time,
    pub(super) handled: Span,
    /// Its share of the read that brought it.
    pub(super) read_share: Span,
    /// Which attempt it is, counted from one.
    pub(super) attempt: u32,
    /// From when on its client does not wait for the reply any more.
    pub(super) deadline: Time,
    /// The open request that it is an attempt of. Holds until the deadline.
    pub(super) open: Option<u32>,
    pub(super) args: Arguments,
}

impl Request {
    /// Makes it the only attempt of a client that waits for ever.
    #[inline]
    pub(super) fn make_only_attempt(&mut self) {
        (self.attempt, self.deadline, self.open) = (1, Time::NEVER, None);
    }
}

/// All requests under way. A slot keeps its storage for the request that uses it next.
#[derive(Debug, Default)]
pub(super) struct Requests {
    entries: Vec<Request>,
    free: Vec<u32>,
}

impl Requests {
    /// A slot with an emptied request; the slot freed last is used first.
    #[inline]
    pub(super) fn acquire(&mut self) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.entries[slot as usize].args.clear();
            return slot;
        }
        self.entries.push(Request::default());
        u32::try_from(self.entries.len() - 1).expect("fewer than 2^32 requests are under way")
    }
    #[inline]
    pub(super) fn release(&mut self, slot: u32) {
        self.free.push(slot);
    }
    #[inline]
    pub(super) fn get(&self, slot: u32) -> &Request {
        &self.entries[slot as usize]
    }
    #[inline]
    pub(super) fn get_mut(&mut self, slot: u32) -> &mut Request {
        &mut self.entries[slot as usize]
    }
}

/// One connection, seen from the store.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) group: u32,
    /// Number of the target in its group, for the way back.
    pub(super) target: u32,
    pub(super) actor: ActorId,
    /// Requests in order: those handed over and unanswered, those read, those only arrived.
    pub(super) requests: VecDeque<u32>,
    /// How many were handed over.
    pub(super) handed: u32,
    /// How many more were read before reading was paused.
    pub(super) buffered: u32,
    /// Whether the actor's list of ready connections has it.
    pub(super) is_ready: bool,
    pub(super) is_paused: bool,
    pub(super) is_closed: bool,
    /// Index of the write that carries its replies, while a turn's replies are grouped.
    pub(super) writer: Option<u32>,
    /// Requests that a client with a time limit has begun on it.
    pub(super) begun: u64,
}

impl Connection {
    pub(super) fn new(group: u32, target: u32, actor: ActorId) -> Self {
        Self {
            group,
            target,
            actor,
            requests: VecDeque::new(),
            handed: 0,
            buffered: 0,
            is_ready: false,
            is_paused: false,
            is_closed: false,
            writer: None,
            begun: 0,
        }
    }
    /// Whether there are requests to hand over.
    #[inline]
    pub(super) fn has_unread(&self) -> bool {
        self.requests.len() > self.handed as usize
    }
}
