//! Clients with a time limit: attempts, what happens when one is given up, and the pause before the
//! next.

use super::World;
use super::clients::{emitter_of_group, subject};
use super::event::Event;
use super::model::{Model, Observer, TimedOut};
use crate::client::{Arguments, GroupKind, Requests as _};
use crate::queue::Timer;
use crate::record::EventKind;
use kvrig_base::id::{ConnId, RequestId};
use kvrig_base::time::Time;

/// A request as its client keeps it, from the intended start to the reply or the last timeout.
#[derive(Debug, Default)]
pub(super) struct OpenRequest {
    group: u32,
    id: RequestId,
    conn: ConnId,
    intended: Time,
    /// Attempts made.
    attempts: u32,
    /// The time limit of the attempt under way; none during a pause.
    timer: Option<Timer>,
    /// What to send again.
    args: Arguments,
}

/// All requests that clients with a time limit want answered. A slot keeps its storage.
#[derive(Debug, Default)]
pub(super) struct OpenRequests {
    entries: Vec<OpenRequest>,
    free: Vec<u32>,
}

impl OpenRequests {
    fn acquire(&mut self) -> u32 {
        if let Some(slot) = self.free.pop() {
            return slot;
        }
        self.entries.push(OpenRequest::default());
        u32::try_from(self.entries.len() - 1).expect("fewer than 2^32 requests are open")
    }
    /// How many there are.
    pub(super) fn len(&self) -> u64 {
        (self.entries.len() - self.free.len()) as u64
    }
}

impl<M: Model> World<M> {
    /// A client with a time limit begins a request and makes its first attempt.
    pub(super) fn begin_request(&mut self, group: u32, id: RequestId, conn: ConnId, now: Time) {
        let open = self.open_requests.acquire();
        let entry = &mut self.open_requests.entries[open as usize];
        (entry.group, entry.id, entry.conn) = (group, id, conn);
        (entry.intended, entry.attempts) = (now, 0);
        entry.args.clear();
        let requests = &mut self.groups[group as usize].requests;
        requests.fill(id, &mut entry.args);
        self.groups[group as usize].counts.begun += 1;
        self.ledger.limited.begun += 1;
        self.connections[conn.index()].begun += 1;
        self.attempt(open, now);
    }
    /// Sends an open request, once more or for the first time.
    pub(super) fn attempt(&mut self, open: u32, now: Time) {
        let entry = &mut self.open_requests.entries[open as usize];
        entry.attempts += 1;
        let (number, id, conn, intended) = (entry.group, entry.id, entry.conn, entry.intended);
        let group = &mut self.groups[number as usize];
        group.counts.attempts += 1;
        let timeout = group.patience.map(|patience| patience.timeout);
        let deadline = now + timeout.expect("only clients with a time limit open requests");
        let slot = self.requests.acquire();
        let request = self.requests.get_mut(slot);
        request.args.clone_from(&entry.args);
        (request.attempt, request.deadline) = (entry.attempts, deadline);
        request.open = Some(open);
        let arrival = self.put_on_link(slot, number, id, conn, intended, now);
        self.book_offered();
        let emitter = emitter_of_group(number);
        self.agenda
            .schedule(emitter, arrival, Event::Arrive { request: slot });
        let timer = self.agenda.arm(emitter, deadline, Event::TimedOut { open });
        self.open_requests.entries[open as usize].timer = Some(timer);
    }
    /// The client of an open request waits no longer for the attempt under way.
    pub(super) fn timed_out(&mut self, open: u32, now: Time) {
        let entry = &mut self.open_requests.entries[open as usize];
        entry.timer = None;
        let (number, id, conn, attempt) = (entry.group, entry.id, entry.conn, entry.attempts);
        let group = &mut self.groups[number as usize];
        let patience = group
            .patience
            .expect("only clients with a time limit open requests");
        group.counts.timed_out += 1;
        let next = (attempt <= patience.retries).then(|| {
            let (entity, index) = match group.kind {
                GroupKind::Open(_) => (id.0, u64::from(attempt)),
                GroupKind::Closed { .. } | GroupKind::FanOut { .. } => {
                    let client = conn.0 - group.connections.start;
                    let begun = self.connections[conn.index()].begun;
                    (u64::from(client), begun << 32 | u64::from(attempt))
                }
            };
            let word = patience.draws.at(entity, index).0[0];
            now + patience.backoff.pause(attempt, word)
        });
        let event = TimedOut {
            group: number,
            request: id,
            conn,
            attempt,
            intended: entry.intended,
            at: now,
            next,
        };
        let actor = self.connections[conn.index()].actor;
        let subject = subject(number, id);
        self.events
            .fold(now, actor, EventKind::TimedOut, subject, u64::from(attempt));
        match next {
            Some(at) => {
                let emitter = emitter_of_group(number);
                self.agenda.schedule(emitter, at, Event::Retry { open });
            }
            None => {
                group.counts.failed += 1;
                self.ledger.limited.failed += 1;
                self.open_requests.free.push(open);
                self.think(number, id, conn, now);
            }
        }
        self.observer.timed_out(&event);
    }
    /// An open request has been answered in time.
    pub(super) fn answered(&mut self, open: u32) {
        let entry = &mut self.open_requests.entries[open as usize];
        let timer = entry.timer.take();
        self.agenda
            .cancel(timer.expect("an attempt in time has its limit before it"));
        self.groups[entry.group as usize].counts.answered += 1;
        self.ledger.limited.answered += 1;
        self.open_requests.free.push(open);
    }
}
