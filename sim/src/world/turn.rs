//! Turns: how an actor's ready inputs are handed over, priced and answered.

use super::actor::{Delivery, PendingReply, State, Writer};
use super::event::Event;
use super::locks::Replay;
use super::model::{Call, CallKind, Model, Observer, TurnTaken};
use super::{MessageOf, World};
use crate::record::EventKind;
use kvrig_base::digest::Rolling;
use kvrig_base::id::{ActorId, ConnId, CoreId};
use kvrig_base::seam::{Actor, Cx, Input};
use kvrig_base::time::{Span, Time};

/// The part of `price` that each of `sharers` bears, rounded down.
#[inline]
pub(super) fn share_of(price: Span, sharers: u32) -> Span {
    match sharers {
        1 => price,
        _ => Span::from_picos(price.as_picos() / u64::from(sharers)),
    }
}

impl<M: Model> World<M> {
    /// `actor` has got `core`: its turn begins with all inputs that have arrived until now.
    pub(super) fn begin_turn(&mut self, actor: ActorId, core: CoreId, now: Time) {
        let hosted = &mut self.hosted[actor.index()];
        if hosted.is_stopped {
            hosted.state = State::Idle;
            self.release_core(core, now);
            return;
        }
        debug_assert_eq!(
            hosted.state,
            State::Starting,
            "turns of an actor do not overlap"
        );
        hosted.state = State::Running;
        if hosted.core != core {
            hosted.core = core;
            self.entered = None;
        }
        hosted.host.turns += 1;
        let turn = &mut hosted.turn;
        turn.began = now;
        turn.at = now + self.profile.host.turn;
        turn.connections_left = hosted.ready.len();
        turn.deliveries_left = hosted.inbox.len();
        // Who connects and asks while the actor is away is not asked for before it is known.
        let connects = |delivery: &Delivery<_>| matches!(delivery, Delivery::Connected { .. });
        turn.deliveries_first = turn.connections_left > 0 && hosted.inbox.iter().any(connects);
        turn.deadline = std::mem::take(&mut hosted.deadline_due);
        turn.ended = false;
        if self.pricing.wants_resident() {
            self.pricing.set_resident(hosted.actor.resident_bytes());
        }
        self.advance(actor);
    }
    /// Goes on with `actor`'s turn until it ends or must wait for an event.
    pub(super) fn advance(&mut self, actor: ActorId) {
        loop {
            let hosted = &mut self.hosted[actor.index()];
            let turn = &mut hosted.turn;
            if turn.is_parked() {
                return;
            }
            if let Some((conn, left)) = turn.batch.take() {
                self.serve(actor, conn, left);
            } else if turn.connections_left > 0
                && !(turn.deliveries_first && turn.deliveries_left > 0)
            {
                turn.connections_left -= 1;
                let conn = hosted
                    .ready
                    .pop_front()
                    .expect("ready connections were counted");
                self.read(actor, conn);
            } else if turn.ended {
                self.write_replies(actor);
                self.finish_turn(actor);
                return;
            } else if hosted.placement.store.is_some() && self.must_wait(actor) {
                return;
            } else {
                self.call_next(actor);
            }
        }
    }
    /// Hands over what is left of the turn when all connections are served.
    #[inline]
    fn call_next(&mut self, actor: ActorId) {
        let hosted = &mut self.hosted[actor.index()];
        let turn = &mut hosted.turn;
        if turn.deliveries_left > 0 {
            turn.deliveries_left -= 1;
            let delivery = hosted.inbox.pop_front().expect("deliveries were counted");
            self.hand_over(actor, delivery);
        } else if turn.deadline {
            turn.deadline = false;
            hosted.deadline_at = Time::NEVER;
            self.events.fold(turn.at, actor, EventKind::Deadline, 0, 0);
            self.call(actor, CallKind::Deadline, None, Input::Deadline);
        } else {
            turn.ended = true;
            self.call(actor, CallKind::TurnEnd, None, Input::TurnEnd);
        }
    }
    /// Whether an event must come before `actor`'s next call.
    ///
    /// Others may see the memory that calls on a shared store change: there the turn goes on at its
    /// own instant only, with an event for it unless nothing else comes before.
    #[inline]
    fn must_wait(&mut self, actor: ActorId) -> bool {
        let hosted = &self.hosted[actor.index()];
        if hosted.turn.is_parked() {
            return true;
        }
        let at = hosted.turn.at;
        if hosted.placement.store.is_none() || at <= self.agenda.now() || self.is_next(at) {
            return false;
        }
        self.hosted[actor.index()].turn.awaits_resume = true;
        self.schedule(actor, at, Event::Resume { actor });
        true
    }
    /// Reads what `conn` has, up to one buffer, and serves it.
    #[inline]
    fn read(&mut self, actor: ActorId, conn: ConnId) {
        let connection = &mut self.connections[conn.index()];
        connection.is_ready = false;
        if connection.is_paused || connection.is_closed || !connection.has_unread() {
            return;
        }
        if connection.buffered > 0 {
            let left = std::mem::take(&mut connection.buffered);
            self.serve(actor, conn, left);
            return;
        }
        let hosted = &mut self.hosted[actor.index()];
        let prices = &self.profile.host;
        let unread = connection.requests.range(connection.handed as usize..);
        let (mut bytes, mut count) = (0, 0);
        for &slot in unread {
            if count > 0 && bytes >= prices.read_bytes_max {
                break;
            }
            bytes += self.requests.get(slot).wire_bytes;
            count += 1;
        }
        let reads = match bytes <= prices.read_bytes_max {
            true => 1,
            false => bytes.div_ceil(prices.read_bytes_max),
        };
        let price = prices.read * reads + prices.read_byte * bytes;
        let share = share_of(price, count);
        for number in connection.handed..connection.handed + count {
            let slot = connection.requests[number as usize];
            self.requests.get_mut(slot).read_share = share;
        }
        hosted.host.reads += reads;
        hosted.host.bytes_read += bytes;
        hosted.turn.at += price;
        self.serve(actor, conn, count);
    }
    /// Hands over the next `left` commands of `conn`, until the turn must wait or the connection is
    /// not to be served any more.
    fn serve(&mut self, actor: ActorId, conn: ConnId, mut left: u32) {
        while left > 0 {
            if self.must_wait(actor) {
                self.hosted[actor.index()].turn.batch = Some((conn, left));
                return;
            }
            let connection = &mut self.connections[conn.index()];
            if connection.is_closed {
                return;
            }
            if connection.is_paused {
                connection.buffered = left;
                return;
            }
            left -= 1;
            let slot = connection.requests[connection.handed as usize];
            connection.handed += 1;
            let arguments = std::mem::take(&mut self.requests.get_mut(slot).args);
            arguments.lend(|args| {
                self.call(
                    actor,
                    CallKind::Command,
                    Some(slot),
                    Input::Command { conn, args },
                );
            });
            self.requests.get_mut(slot).args = arguments;
        }
        if self.connections[conn.index()].has_unread() {
            let now = self.agenda.now();
            self.ready_connection(conn, now);
        }
    }
    /// Hands over one input that is not a command.
    fn hand_over(&mut self, actor: ActorId, delivery: Delivery<MessageOf<M>>) {
        let prices = &self.profile.host;
        let price = match &delivery {
            Delivery::Message {
                bytes,
                remote: true,
                ..
            } => prices.read + prices.read_byte * *bytes,
            _ => prices.input,
        };
        let turn = &mut self.hosted[actor.index()].turn;
        turn.at += price;
        match delivery {
            Delivery::Connected { conn } => {
                self.call(actor, CallKind::Connected, None, Input::Connected { conn });
            }
            Delivery::Closed { conn } => {
                self.call(actor, CallKind::Closed, None, Input::Closed { conn });
            }
            Delivery::Message { from, message, .. } => {
                self.events
                    .fold(turn.at, actor, EventKind::Peer, u64::from(from.0), 0);
                self.call(actor, CallKind::Peer, None, Input::Peer { from, message });
            }
            Delivery::File { ticket, outcome } => {
                let outcome = outcome.lend();
                self.call(actor, CallKind::File, None, Input::File { ticket, outcome });
            }
            Delivery::ChildExit { job, outcome } => {
                self.call(
                    actor,
                    CallKind::ChildExit,
                    None,
                    Input::ChildExit { job, outcome },
                );
            }
            Delivery::OffloadDone { job } => {
                self.call(
                    actor,
                    CallKind::OffloadDone,
                    None,
                    Input::OffloadDone { job },
                );
            }
        }
    }
    /// Calls the engine, prices its receipt, and carries out what it wants.
    pub(super) fn call(
        &mut self,
        actor: ActorId,
        kind: CallKind,
        request: Option<u32>,
        input: Input<'_, MessageOf<M>>,
    ) {
        let hosted = &mut self.hosted[actor.index()];
        let at = hosted.turn.at;
        if self.entered != Some(actor) {
            self.entered = Some(actor);
            self.pricing.enter(actor, hosted.space, hosted.core, at);
            self.work.ask_for_touches();
        } else if hosted.placement.store.is_some() {
            self.pricing.move_to(at);
        }
        self.work.begin();
        let wall = self.wall_start.plus(at.since_start());
        let mut cx = Cx::new(
            at,
            wall,
            &mut self.work,
            &mut self.outbox,
            &mut self.effects,
        );
        hosted.actor.handle(&mut cx, input);
        let spent = self.work.spent();
        let counts = self.work.priced_counts();
        if !self.work.is_blank() {
            self.pricing.check_range(counts);
            hosted.counts.merge(counts);
            hosted.worked += spent;
        }
        let request = request.map(|slot| {
            let request = self.requests.get_mut(slot);
            request.started = at;
            request.handled = spent;
            (request.group, request.id)
        });
        let segments = self.work.segments();
        let call = Call {
            actor,
            kind,
            request,
            at,
            spent,
            segments,
            counts,
        };
        self.observer.call(&call, &hosted.actor);
        let replay = if segments.iter().any(|segment| segment.lock.is_some()) {
            Some(Replay::new(at, spent, segments))
        } else {
            hosted.turn.at = at + spent;
            None
        };
        if !self.outbox.is_empty() {
            self.collect_replies(actor);
        }
        if replay.is_some() {
            let turn = &mut self.hosted[actor.index()].turn;
            turn.replay = replay;
            turn.deferred = self.effects.take();
            let now = self.agenda.now();
            self.go_on_replaying(actor, now);
        } else if !self.effects.is_empty() {
            let (list, data) = self.effects.take();
            self.carry_out(actor, list, data);
        }
    }
    /// Keeps the replies of the last call for the end of the turn.
    #[inline]
    fn collect_replies(&mut self, actor: ActorId) {
        let replies = &mut self.hosted[actor.index()].turn.replies;
        for (conn, bytes) in self.outbox.iter() {
            let connection = &mut self.connections[conn.index()];
            if connection.handed == 0 {
                self.ledger.unasked += 1;
                continue;
            }
            connection.handed -= 1;
            let request = connection.requests.pop_front();
            let mut digest = Rolling::default();
            digest.fold_bytes(bytes);
            replies.push(PendingReply {
                request: request.expect("requests that were handed over are in it"),
                conn,
                bytes: bytes.len() as u64,
                digest: digest.value(),
                next: None,
            });
        }
        self.outbox.clear();
    }
    /// Writes the replies of the turn, one write for each connection in the order of their first
    /// replies, and lets them leave.
    fn write_replies(&mut self, actor: ActorId) {
        let mut replies = std::mem::take(&mut self.hosted[actor.index()].turn.replies);
        if let [only] = replies.as_slice() {
            let writer = Writer::new(0, only);
            self.write(actor, &replies, writer);
        } else {
            let mut writers = std::mem::take(&mut self.writers);
            self.group_by_connection(&mut replies, &mut writers);
            for writer in writers.drain(..) {
                self.write(actor, &replies, writer);
            }
            self.writers = writers;
        }
        replies.clear();
        self.hosted[actor.index()].turn.replies = replies;
    }
    /// Chains the replies to each connection.
    fn group_by_connection(&mut self, replies: &mut [PendingReply], writers: &mut Vec<Writer>) {
        for number in 0..replies.len() as u32 {
            let reply = replies[number as usize];
            let connection = &mut self.connections[reply.conn.index()];
            match connection.writer {
                None => {
                    connection.writer = Some(writers.len() as u32);
                    writers.push(Writer::new(number, &reply));
                }
                Some(writer) => {
                    let writer = &mut writers[writer as usize];
                    replies[writer.last as usize].next = Some(number);
                    writer.last = number;
                    writer.replies += 1;
                    writer.bytes += reply.bytes;
                }
            }
        }
        for writer in writers {
            self.connections[writer.conn.index()].writer = None;
        }
    }
    /// Writes to one connection.
    #[inline]
    fn write(&mut self, actor: ActorId, replies: &[PendingReply], writer: Writer) {
        let price = self.profile.host.write + self.profile.host.write_byte * writer.bytes;
        let hosted = &mut self.hosted[actor.index()];
        hosted.host.writes += 1;
        hosted.host.bytes_written += writer.bytes;
        hosted.turn.at += price;
        let left = hosted.turn.at;
        self.replies_left(actor, replies, writer, price, left);
    }
    /// Gives the core back, and begins another turn at once where input has arrived.
    fn finish_turn(&mut self, actor: ActorId) {
        let hosted = &mut self.hosted[actor.index()];
        let (end, core) = (hosted.turn.at, hosted.core);
        hosted.busy_until = end;
        hosted.state = State::Idle;
        let taken = TurnTaken {
            actor,
            from: hosted.turn.began,
            to: end,
        };
        self.observer.turn(&taken, &hosted.actor);
        self.release_core(core, end);
        self.update_deadline(actor, end);
        let hosted = &mut self.hosted[actor.index()];
        if hosted.is_stopped {
            self.actor_stopped(actor);
        } else if hosted.has_input() {
            self.want_core(actor, end);
        }
    }
    /// An actor of a shared store goes on: with the locks of its last call, or with its next call.
    pub(super) fn resume(&mut self, actor: ActorId, now: Time) {
        let turn = &mut self.hosted[actor.index()].turn;
        if turn.replay.is_some() {
            self.go_on_replaying(actor, now);
            if self.hosted[actor.index()].turn.replay.is_some() {
                return;
            }
        } else {
            turn.awaits_resume = false;
        }
        self.advance(actor);
    }
    fn go_on_replaying(&mut self, actor: ActorId, now: Time) {
        if self.replay_locks(actor, now) {
            let turn = &mut self.hosted[actor.index()].turn;
            let (list, data) = std::mem::take(&mut turn.deferred);
            self.carry_out(actor, list, data);
        }
    }
}
