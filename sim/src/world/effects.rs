//! Effects: what actors ask for is carried out at the instant at which they asked.

use super::World;
use super::actor::{Delivery, State};
use super::disk::{Durable, Outcome};
use super::event::Event;
use super::model::{Model, Observer, WorkersStopped};
use super::pool::Task;
use super::{CallKind, MessageOf};
use crate::record::EventKind;
use kvrig_base::id::{ActorId, ConnId, JobId, Ticket};
use kvrig_base::seam::{Counts, Effect, FileOp, Input};
use kvrig_base::time::{Span, Time};

/// A message between actors on its way.
#[derive(Debug)]
pub(super) struct MessageInFlight<M> {
    pub(super) to: ActorId,
    from: ActorId,
    message: M,
    bytes: u64,
    remote: bool,
}

impl<M> MessageInFlight<M> {
    pub(super) fn into_delivery(self) -> Delivery<M> {
        let Self {
            from,
            message,
            bytes,
            remote,
            ..
        } = self;
        Delivery::Message {
            from,
            message,
            bytes,
            remote,
        }
    }
}

/// A job that a helper core does.
#[derive(Debug)]
pub(super) struct OffloadedJob {
    pub(super) actor: ActorId,
    pub(super) job: JobId,
    pub(super) span: Span,
}

/// Who is told when a file operation has ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum FileOwner {
    Actor { ticket: Ticket, holds_core: bool },
    Child { slot: u32 },
}

/// A file operation that was asked for, and its end once the disk has taken it on.
#[derive(Debug)]
pub(super) struct FileTask {
    pub(super) actor: ActorId,
    pub(super) owner: FileOwner,
    pub(super) op: FileOp,
    pub(super) data: Vec<u8>,
    pub(super) outcome: Outcome,
    pub(super) durable: Durable,
}

impl FileTask {
    pub(super) fn new(actor: ActorId, owner: FileOwner, op: FileOp, data: Vec<u8>) -> Self {
        let (outcome, durable) = (Outcome::Done { bytes: 0 }, Durable::Nothing);
        Self {
            actor,
            owner,
            op,
            data,
            outcome,
            durable,
        }
    }
}

impl<M: Model> World<M> {
    /// Carries out the effects of a call of `actor` that has just ended.
    pub(super) fn carry_out(
        &mut self,
        actor: ActorId,
        mut list: Vec<Effect<MessageOf<M>>>,
        data: Vec<u8>,
    ) {
        for effect in list.drain(..) {
            let at = self.hosted[actor.index()].turn.at;
            match effect {
                Effect::Close { conn } => self.close(conn, at),
                Effect::PauseReading { conn } => {
                    self.connections[conn.index()].is_paused = true;
                }
                Effect::ResumeReading { conn } => {
                    self.connections[conn.index()].is_paused = false;
                    self.ready_connection(conn, at);
                }
                Effect::Send { to, message, bytes } => self.send(actor, to, message, bytes),
                Effect::File {
                    ticket,
                    op,
                    holds_core,
                } => {
                    let appended = match &op {
                        FileOp::Append { data: range, .. } => data[range.clone()].to_vec(),
                        _ => Vec::new(),
                    };
                    let hosted = &mut self.hosted[actor.index()];
                    hosted.host.file_operations += 1;
                    let owner = FileOwner::Actor { ticket, holds_core };
                    let task = FileTask::new(actor, owner, op, appended);
                    let slot = self.file_tasks.insert(task);
                    let waits = holds_core && hosted.turn.holds > 0;
                    hosted.turn.holds += u32::from(holds_core);
                    if waits {
                        hosted.turn.held_back.push_back(slot);
                    } else {
                        self.schedule(actor, at, Event::FileBegin { slot });
                    }
                }
                Effect::Fork { job } => self.fork(actor, job),
                Effect::Perform { job } => self.perform(actor, job),
                Effect::EndChild { job } => self.end_child(actor, job),
                Effect::Exit => self.exit(actor, at),
                Effect::Offload { job, counts } => self.offload(actor, job, &counts, at),
                Effect::StopWorkers => self.stop_workers(actor),
                Effect::ResumeWorkers => self.resume_workers(actor, at),
            }
        }
        self.effects.reuse(list, data);
    }
    /// Ends the process of `actor`: it is given nothing more.
    fn exit(&mut self, actor: ActorId, at: Time) {
        self.hosted[actor.index()].is_stopped = true;
        for number in 0..self.connections.len() {
            let connection = &self.connections[number];
            if connection.actor == actor && !connection.is_closed {
                self.close(ConnId(number as u32), at);
            }
        }
    }
    /// Closes a connection: what it has not read is dropped, what it was asked before may still be
    /// answered in this turn.
    fn close(&mut self, conn: ConnId, at: Time) {
        let connection = &mut self.connections[conn.index()];
        connection.is_closed = true;
        connection.buffered = 0;
        let unanswered: Vec<u32> = connection.requests.drain(..).collect();
        connection.handed = 0;
        for slot in unanswered {
            self.drop_request(slot, at);
        }
        let actor = self.connections[conn.index()].actor;
        self.deliver(actor, Delivery::Closed { conn }, at);
    }
    fn send(&mut self, from: ActorId, to: ActorId, message: MessageOf<M>, bytes: u64) {
        let hosted = &mut self.hosted[from.index()];
        hosted.host.messages += 1;
        let path = self.paths.get_mut(&(from, to));
        let (arrival, remote) = match path {
            None => (hosted.turn.at, false),
            Some(link) => {
                hosted.turn.at += self.profile.host.write + self.profile.host.write_byte * bytes;
                (link.send(hosted.turn.at, bytes), true)
            }
        };
        let slot = self.messages.insert(MessageInFlight {
            to,
            from,
            message,
            bytes,
            remote,
        });
        self.schedule(from, arrival, Event::Message { slot });
    }
    fn offload(&mut self, actor: ActorId, job: JobId, counts: &Counts, at: Time) {
        let span = self.pricing.price_counts(counts);
        self.hosted[actor.index()].counts.merge(counts);
        let slot = self.offloaded.insert(OffloadedJob { actor, job, span });
        self.schedule(
            actor,
            at,
            Event::Submit {
                task: Task::Offload(slot),
            },
        );
    }
    /// A file operation is issued: the disk takes it on.
    pub(super) fn file_begins(&mut self, slot: u32, now: Time) {
        let task = self.file_tasks.get_mut(slot);
        let actor = task.actor;
        let disk = &mut self.disks[self.hosted[actor.index()].placement.disk.0 as usize];
        let begun = disk.begin(actor, &task.op, &task.data, now);
        task.data = Vec::new();
        task.outcome = begun.outcome;
        task.durable = begun.durable;
        self.schedule(actor, begun.end, Event::FileEnd { slot });
    }
    /// A file operation has ended: its owner is told.
    pub(super) fn file_ended(&mut self, slot: u32, now: Time) {
        let FileTask {
            actor,
            owner,
            outcome,
            durable,
            ..
        } = self.file_tasks.remove(slot);
        let disk = &mut self.disks[self.hosted[actor.index()].placement.disk.0 as usize];
        disk.end(actor, durable);
        match owner {
            FileOwner::Child { slot } => self.child_file_ended(slot, &outcome, now),
            FileOwner::Actor {
                ticket,
                holds_core: false,
            } => {
                self.events.fold(now, actor, EventKind::File, ticket.0, 0);
                self.deliver(actor, Delivery::File { ticket, outcome }, now);
            }
            FileOwner::Actor {
                ticket,
                holds_core: true,
            } => {
                self.events.fold(now, actor, EventKind::File, ticket.0, 0);
                let turn = &mut self.hosted[actor.index()].turn;
                turn.at = turn.at.max(now);
                let outcome = outcome.lend();
                self.call(actor, CallKind::File, None, Input::File { ticket, outcome });
                let turn = &mut self.hosted[actor.index()].turn;
                turn.holds -= 1;
                let at = turn.at;
                if let Some(slot) = turn.held_back.pop_front() {
                    self.schedule(actor, at, Event::FileBegin { slot });
                }
                self.advance(actor);
            }
        }
    }
    /// Stops all other actors of the store; the caller waits until their turns have ended.
    fn stop_workers(&mut self, actor: ActorId) {
        let store = self.hosted[actor.index()].placement.store;
        for (number, other) in self.hosted.iter_mut().enumerate() {
            if number != actor.index() && store.is_some() && other.placement.store == store {
                other.is_stopped = true;
            }
        }
        let turn = &mut self.hosted[actor.index()].turn;
        turn.awaits_stop = true;
        turn.others_stopped = Some((turn.at, turn.at));
        self.end_wait_for_stop(actor);
    }
    /// A stopped actor has ended its turn: whoever waits for that may go on.
    pub(super) fn actor_stopped(&mut self, stopped: ActorId) {
        let store = self.hosted[stopped.index()].placement.store;
        let waits = self
            .hosted
            .iter()
            .position(|other| other.placement.store == store && other.turn.awaits_stop);
        if let Some(number) = waits {
            let actor = ActorId(number as u32);
            if self.end_wait_for_stop(actor) {
                let at = self.hosted[number].turn.at.max(self.agenda.now());
                self.hosted[number].turn.awaits_resume = true;
                self.schedule(actor, at, Event::Resume { actor });
            }
        }
    }
    /// Ends the wait of `actor` if all other actors of its store are out of their turns.
    fn end_wait_for_stop(&mut self, actor: ActorId) -> bool {
        let store = self.hosted[actor.index()].placement.store;
        let mut latest = Time::START;
        for (number, other) in self.hosted.iter().enumerate() {
            if number != actor.index() && other.placement.store == store && store.is_some() {
                if other.state == State::Running {
                    return false;
                }
                latest = latest.max(other.busy_until);
            }
        }
        let turn = &mut self.hosted[actor.index()].turn;
        turn.awaits_stop = false;
        turn.at = turn.at.max(latest);
        turn.others_stopped = turn.others_stopped.map(|(asked, _)| (asked, turn.at));
        true
    }
    fn resume_workers(&mut self, actor: ActorId, at: Time) {
        let hosted = &mut self.hosted[actor.index()];
        if let Some((asked, stopped)) = hosted.turn.others_stopped.take() {
            let stop = WorkersStopped {
                by: actor,
                asked,
                stopped,
                resumed: at,
            };
            self.observer.workers_stopped(&stop, &hosted.actor);
        }
        let store = self.hosted[actor.index()].placement.store;
        for number in 0..self.hosted.len() {
            let other = &mut self.hosted[number];
            if store.is_some() && other.placement.store == store && other.is_stopped {
                other.is_stopped = false;
                if other.has_input() {
                    self.make_ready(ActorId(number as u32), at);
                }
            }
        }
    }
}
