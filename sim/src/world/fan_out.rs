//! Clients that ask several targets at once and wait for the last reply.

use super::clients::emitter_of_group;
use super::event::Event;
use super::model::{Gathered, Model, Observer};
use super::{GroupId, World};
use crate::client::{FanOut, Gathering, GroupKind, Requests as _};
use kvrig_base::id::{ConnId, RequestId};
use kvrig_base::time::Time;

impl<M: Model> World<M> {
    /// Adds clients that ask several targets at once; their connections are opened at once.
    ///
    /// # Panics
    /// If there are no targets, no clients or no parts, if they begin in the past, or if there are
    /// [`kvrig_base::limits::ACTORS_MAX`] / 2 groups.
    pub fn add_fan_out(&mut self, fan_out: FanOut<M::Requests>) -> GroupId {
        let number = self.next_group();
        let targets = u32::try_from(fan_out.targets.len()).expect("fewer than 2^32 targets");
        assert!(fan_out.parts > 0, "a request has at least one part");
        assert!(
            fan_out.start >= self.now(),
            "clients cannot begin in the past"
        );
        let nothing = Gathering {
            missing: 0,
            intended: Time::START,
            ended: Time::START,
        };
        let kind = GroupKind::FanOut {
            parts: fan_out.parts,
            targets,
            gathering: vec![nothing; fan_out.clients as usize],
        };
        let connections = fan_out.clients * targets;
        self.add_group(
            kind,
            fan_out.requests,
            &fan_out.targets,
            connections,
            &fan_out.link,
            None,
        );
        for client in 0..fan_out.clients {
            let think = self.groups[number as usize].requests.first_think(client);
            let event = Event::Scatter {
                group: number,
                client,
            };
            let at = fan_out.start + think;
            self.agenda.schedule(emitter_of_group(number), at, event);
        }
        GroupId(number)
    }
    /// A client sends all parts of a request.
    pub(super) fn scatter(&mut self, number: u32, client: u32, now: Time) {
        let group = &mut self.groups[number as usize];
        let GroupKind::FanOut {
            parts,
            targets,
            gathering,
        } = &mut group.kind
        else {
            return;
        };
        let (parts, targets) = (*parts, *targets);
        gathering[client as usize] = Gathering {
            missing: parts,
            intended: now,
            ended: now,
        };
        let first = group.connections.start + client * targets;
        for _ in 0..parts {
            let group = &mut self.groups[number as usize];
            let id = group.take_id();
            let target = group.requests.connection(id, targets);
            assert!(
                target < targets,
                "part {id} was given to target {target} of {targets}"
            );
            let conn = ConnId(first + target);
            let slot = self.draw(number, id);
            let arrival = self.put_on_link(slot, number, id, conn, now, now);
            self.book_offered();
            let event = Event::Arrive { request: slot };
            self.agenda
                .schedule(emitter_of_group(number), arrival, event);
        }
    }
    /// The reply to part `id` ends at `end`; after the last of a request its client thinks.
    pub(super) fn gather(&mut self, number: u32, id: RequestId, conn: ConnId, end: Time) {
        let group = &mut self.groups[number as usize];
        let GroupKind::FanOut {
            targets, gathering, ..
        } = &mut group.kind
        else {
            return;
        };
        let client = (conn.0 - group.connections.start) / *targets;
        let waits = &mut gathering[client as usize];
        waits.missing -= 1;
        waits.ended = waits.ended.max(end);
        if waits.missing > 0 {
            return;
        }
        let gathered = Gathered {
            group: number,
            client,
            intended: waits.intended,
            ended: waits.ended,
        };
        let at = waits.ended + group.requests.think(id);
        let event = Event::Scatter {
            group: number,
            client,
        };
        self.agenda.schedule(emitter_of_group(number), at, event);
        self.observer.gathered(&gathered);
    }
}
