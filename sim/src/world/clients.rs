//! The clients' side: requests are sent, arrive, and are answered or dropped.

use super::World;
use super::actor::{Delivery, PendingReply, State};
use super::event::Event;
use super::link::Link;
use super::model::{Model, Observer, Reply};
use super::request::Connection;
use super::turn::share_of;
use super::{GroupId, actor::Writer};
use crate::client::{
    Arrivals, ClosedLoop, Drawn, Group, GroupKind, Lane, OpenLoop, Patience, PatienceCounts,
    Requests as _,
};
use crate::cost::LinkPrices;
use crate::record::{DropReason, EventKind, Latencies};
use kvrig_base::id::{ActorId, ConnId, RequestId};
use kvrig_base::limits::ACTORS_MAX;
use kvrig_base::time::{Span, Time};

pub(super) type GroupOf<M> = Group<<M as Model>::Requests, <M as Model>::Arrivals>;

/// The number under which a group of clients emits events; see [`super::run::emitter_of`].
pub(super) const fn emitter_of_group(group: u32) -> ActorId {
    ActorId(2 * group + 1)
}

/// Group and request in one number for the digest.
pub(super) const fn subject(group: u32, request: RequestId) -> u64 {
    (group as u64).rotate_right(16) ^ request.0
}

impl<M: Model> World<M> {
    /// Adds an open loop; its connections are opened at once, its first request is drawn.
    ///
    /// # Panics
    /// If it has no targets or no connections, or there are [`ACTORS_MAX`] / 2 groups.
    pub fn add_open_loop(&mut self, open: OpenLoop<M::Requests, M::Arrivals>) -> GroupId {
        let number = self.next_group();
        let source = self.agenda.add_source(emitter_of_group(number));
        let lane = Lane {
            arrivals: open.arrivals,
            source,
            ahead: None,
            target: *open.targets.first().expect("clients connect to somebody"),
            drawn: Drawn::default(),
        };
        let kind = GroupKind::Open(lane);
        self.add_group(
            kind,
            open.requests,
            &open.targets,
            open.connections,
            &open.link,
            open.patience,
        );
        self.draw_ahead(number);
        GroupId(number)
    }
    /// Adds a closed loop; its connections are opened at once.
    ///
    /// # Panics
    /// If it has no targets or no clients, if it starts in the past, or if there are
    /// [`ACTORS_MAX`] / 2 groups.
    pub fn add_closed_loop(&mut self, closed: ClosedLoop<M::Requests>) -> GroupId {
        let number = self.next_group();
        let kind = GroupKind::Closed {
            requests_max: closed.requests_max.unwrap_or(u64::MAX),
        };
        assert!(
            closed.start >= self.now(),
            "a closed loop cannot start in the past"
        );
        let link = &closed.link;
        let first = self.connections.len() as u32;
        self.add_group(
            kind,
            closed.requests,
            &closed.targets,
            closed.clients,
            link,
            closed.patience,
        );
        for client in 0..closed.clients {
            let conn = ConnId(first + client);
            let think = self.groups[number as usize].requests.first_think(client);
            let event = Event::ClientSend { conn };
            self.agenda
                .schedule(emitter_of_group(number), closed.start + think, event);
        }
        GroupId(number)
    }
    pub(super) fn next_group(&self) -> u32 {
        let number = u32::try_from(self.groups.len()).expect("fewer than 2^32 groups");
        assert!(
            number < ACTORS_MAX / 2,
            "at most {} groups of clients",
            ACTORS_MAX / 2
        );
        number
    }
    pub(super) fn add_group(
        &mut self,
        kind: GroupKind<M::Arrivals>,
        requests: M::Requests,
        targets: &[ActorId],
        connections: u32,
        link: &LinkPrices,
        patience: Option<Patience>,
    ) {
        assert!(
            !targets.is_empty() && connections > 0,
            "clients connect to somebody"
        );
        let group = self.next_group();
        let first = u32::try_from(self.connections.len()).expect("fewer than 2^32 connections");
        for number in 0..connections {
            let target = number as usize % targets.len();
            let actor = targets[target];
            self.connections
                .push(Connection::new(group, target as u32, actor));
            let conn = ConnId(first + number);
            self.deliver(actor, Delivery::Connected { conn }, self.now());
        }
        self.groups.push(Group {
            kind,
            requests,
            next: RequestId(0),
            connections: first..first + connections,
            up: Link::new(link),
            down: targets.iter().map(|_| Link::new(link)).collect(),
            service: Latencies::new(),
            response: Latencies::new(),
            patience,
            counts: PatienceCounts::default(),
        });
    }
    /// Draws the next request of an open loop and sends it on its way, ahead of time.
    ///
    /// Where clients have a time limit, retries go out between: there the request only gets its
    /// instant, and is sent when that has come.
    fn draw_ahead(&mut self, number: u32) {
        let group = &mut self.groups[number as usize];
        let GroupKind::Open(lane) = &mut group.kind else {
            return;
        };
        lane.ahead = None;
        let source = lane.source;
        if group.patience.is_some() {
            if let Some(intended) = lane.arrivals.intended_start(group.next) {
                self.agenda
                    .arrive(source, intended, Event::Begin { group: number });
            }
            return;
        }
        let Some((slot, intended)) = self.take_drawn(number) else {
            return;
        };
        let group = &mut self.groups[number as usize];
        let id = group.take_id();
        let conn = group.connection_of(id);
        let arrival = self.put_on_link(slot, number, id, conn, intended, intended);
        if let GroupKind::Open(lane) = &mut self.groups[number as usize].kind {
            lane.ahead = Some(slot);
        }
        self.agenda
            .arrive(source, arrival, Event::Arrive { request: slot });
    }
    /// Takes the next request of an open loop from those that are drawn: its slot, and when it starts.
    fn take_drawn(&mut self, number: u32) -> Option<(u32, Time)> {
        let group = &mut self.groups[number as usize];
        let GroupKind::Open(lane) = &mut group.kind else {
            return None;
        };
        let is_new = lane
            .drawn
            .refill(group.next, &mut lane.arrivals, &mut group.requests);
        if is_new {
            M::foresee(&self.hosted[lane.target.index()].actor, lane.drawn.args());
        }
        let slot = self.requests.acquire();
        let request = self.requests.get_mut(slot);
        let Some(intended) = lane.drawn.take(&mut request.args) else {
            self.requests.release(slot);
            return None;
        };
        request.make_only_attempt();
        Some((slot, intended))
    }
    /// A request of an open loop whose clients have a time limit starts.
    pub(super) fn begin_open_loop(&mut self, number: u32, now: Time) {
        let group = &mut self.groups[number as usize];
        let id = group.take_id();
        let conn = group.connection_of(id);
        self.draw_ahead(number);
        self.begin_request(number, id, conn, now);
    }
    /// A closed-loop client has thought, and sends.
    pub(super) fn send_closed_loop(&mut self, conn: ConnId, now: Time) {
        let number = self.connections[conn.index()].group;
        let group = &mut self.groups[number as usize];
        let GroupKind::Closed { requests_max } = group.kind else {
            return;
        };
        if group.next.0 >= requests_max {
            return;
        }
        let id = group.take_id();
        if group.patience.is_some() {
            return self.begin_request(number, id, conn, now);
        }
        let slot = self.draw(number, id);
        let arrival = self.put_on_link(slot, number, id, conn, now, now);
        self.book_offered();
        let event = Event::Arrive { request: slot };
        self.agenda
            .schedule(emitter_of_group(number), arrival, event);
    }
    /// Writes request `id` of a client that waits for ever into a slot.
    #[inline]
    pub(super) fn draw(&mut self, number: u32, id: RequestId) -> u32 {
        let slot = self.requests.acquire();
        let request = self.requests.get_mut(slot);
        self.groups[number as usize]
            .requests
            .fill(id, &mut request.args);
        request.make_only_attempt();
        slot
    }
    /// Sends what is in `slot` at `now` and says when it arrives.
    #[inline]
    pub(super) fn put_on_link(
        &mut self,
        slot: u32,
        number: u32,
        id: RequestId,
        conn: ConnId,
        intended: Time,
        now: Time,
    ) -> Time {
        let group = &mut self.groups[number as usize];
        let request = self.requests.get_mut(slot);
        request.group = number;
        request.id = id;
        request.conn = conn;
        request.intended = intended;
        request.handled = Span::ZERO;
        request.read_share = Span::ZERO;
        request.wire_bytes = group.requests.wire_bytes(&request.args);
        request.kind = group.requests.kind(&request.args);
        group.up.send(now, request.wire_bytes)
    }
    pub(super) fn book_offered(&mut self) {
        self.ledger.offered += 1;
        self.on_the_way += 1;
    }
    /// A request reaches the host of its actor.
    #[inline]
    pub(super) fn arrive(&mut self, slot: u32, now: Time) {
        let request = self.requests.get(slot);
        let (number, conn) = (request.group, request.conn);
        let group = &self.groups[number as usize];
        if let (GroupKind::Open(lane), None) = (&group.kind, group.patience) {
            debug_assert_eq!(lane.ahead, Some(slot), "an open loop has one request ahead");
            self.book_offered();
            self.draw_ahead(number);
        }
        self.on_the_way -= 1;
        let connection = &mut self.connections[conn.index()];
        if connection.is_closed {
            self.drop_request(slot, now);
            return;
        }
        let hosted = &self.hosted[connection.actor.index()];
        let request = self.requests.get_mut(slot);
        request.arrived = now;
        request.waited = hosted.state == State::Running || hosted.busy_until > now;
        connection.requests.push_back(slot);
        self.ready_connection(conn, now);
    }
    /// Lets the actor of `conn` know that it can be read, if it can.
    #[inline]
    pub(super) fn ready_connection(&mut self, conn: ConnId, now: Time) {
        let connection = &mut self.connections[conn.index()];
        if connection.is_ready || connection.is_paused || !connection.has_unread() {
            return;
        }
        connection.is_ready = true;
        let actor = connection.actor;
        self.hosted[actor.index()].ready.push_back(conn);
        self.make_ready(actor, now);
    }
    /// Books a request that is not going to be answered.
    pub(super) fn drop_request(&mut self, slot: u32, now: Time) {
        let request = self.requests.get(slot);
        let actor = self.connections[request.conn.index()].actor;
        let reason = DropReason::ConnectionClosed;
        let subject = subject(request.group, request.id);
        self.events
            .fold(now, actor, EventKind::Dropped, subject, reason as u64);
        self.ledger.drop_one(reason);
        self.requests.release(slot);
    }
    /// The replies of one write have left `actor` at `left`.
    #[inline]
    pub(super) fn replies_left(
        &mut self,
        actor: ActorId,
        replies: &[PendingReply],
        writer: Writer,
        write: Span,
        left: Time,
    ) {
        let connection = &self.connections[writer.conn.index()];
        let number = connection.group as usize;
        let down = &mut self.groups[number].down[connection.target as usize];
        let ended = down.send(left, writer.bytes);
        let share = share_of(write, writer.replies);
        let mut next = Some(writer.first);
        while let Some(number) = next {
            let pending = &replies[number as usize];
            self.complete(actor, pending, share, left, ended);
            next = pending.next;
        }
    }
    /// One request is answered.
    #[inline]
    fn complete(
        &mut self,
        actor: ActorId,
        pending: &PendingReply,
        write_share: Span,
        left: Time,
        ended: Time,
    ) {
        let request = self.requests.get(pending.request);
        let open = request.open;
        // A client gives up at its deadline, so a reply of that very instant is late.
        let is_late = ended >= request.deadline;
        let reply = Reply {
            group: request.group,
            request: request.id,
            conn: request.conn,
            actor,
            attempt: request.attempt,
            kind: request.kind,
            asked_bytes: request.wire_bytes,
            intended: request.intended,
            arrived: request.arrived,
            waited: request.waited,
            started: request.started,
            ended,
            handled: request.handled,
            service: request.handled + request.read_share + write_share,
            response: ended.since(request.intended),
            bytes: pending.bytes,
            digest: pending.digest,
        };
        let subject = subject(reply.group, reply.request);
        self.events
            .fold(left, actor, EventKind::Reply, subject, reply.digest);
        self.requests.release(pending.request);
        let group = &mut self.groups[reply.group as usize];
        if is_late {
            group.counts.late += 1;
            group.counts.wasted += reply.service;
            self.ledger.late += 1;
            self.observer
                .late_reply(&reply, &self.hosted[actor.index()].actor);
            return;
        }
        if M::RECORDS_LATENCIES {
            group.service.record(reply.service);
            group.response.record(reply.response);
        }
        self.ledger.completed += 1;
        if let Some(open) = open {
            self.answered(open);
        }
        self.think(reply.group, reply.request, reply.conn, ended);
        self.observer
            .reply(&reply, &self.hosted[actor.index()].actor);
    }
    /// A client is done with request `id` at `end`, and thinks if it is one of a closed loop.
    #[inline]
    pub(super) fn think(&mut self, number: u32, id: RequestId, conn: ConnId, end: Time) {
        let group = &mut self.groups[number as usize];
        match group.kind {
            GroupKind::Open(_) => {}
            GroupKind::Closed { .. } => {
                let at = end + group.requests.think(id);
                let event = Event::ClientSend { conn };
                self.agenda.schedule(emitter_of_group(number), at, event);
            }
            GroupKind::FanOut { .. } => self.gather(number, id, conn, end),
        }
    }
}
