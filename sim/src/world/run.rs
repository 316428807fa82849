//! The loop: what happens next, and who is told.

use super::World;
use super::actor::{Delivery, State};
use super::event::Event;
use super::model::Model;
use super::pool::{PoolId, Task};
use crate::record::EventKind;
use kvrig_base::id::{ActorId, CoreId};
use kvrig_base::seam::Actor;
use kvrig_base::time::Time;

/// Emitters of events: actors have even numbers, groups of clients odd ones.
pub(super) const fn emitter_of(actor: ActorId) -> ActorId {
    ActorId(2 * actor.0)
}

impl<M: Model> World<M> {
    /// Lets everything happen up to `end`, which included.
    pub fn run_until(&mut self, end: Time) {
        self.horizon = end;
        self.begin_next_turn(end);
        while let Some(event) = self.agenda.pop_until(end) {
            let now = event.key.time();
            match event.payload {
                Event::Arrive { request } => self.arrive(request, now),
                Event::Begin { group } => self.begin_open_loop(group, now),
                Event::TimedOut { open } => self.timed_out(open, now),
                Event::Retry { open } => self.attempt(open, now),
                Event::Scatter { group, client } => self.scatter(group, client, now),
                Event::ClientSend { conn } => self.send_closed_loop(conn, now),
                Event::Submit { task } => self.submit(task, now),
                Event::CoreFree { pool } => self.dispatch(pool, now),
                Event::Deadline { actor } => self.deadline_passed(actor, now),
                Event::Resume { actor } => self.resume(actor, now),
                Event::Message { slot } => self.message_arrived(slot, now),
                Event::FileBegin { slot } => self.file_begins(slot, now),
                Event::FileEnd { slot } => self.file_ended(slot, now),
                Event::ChildWorked { slot } => self.child_worked(slot, now),
                Event::OffloadEnd { slot } => self.offload_ended(slot, now),
            }
            self.begin_next_turn(end);
        }
        self.ran_until = self.ran_until.max(end);
    }
    /// Begins the turn that is to come next if nothing else happens before it: most turns need no
    /// event of their own.
    #[inline]
    fn begin_next_turn(&mut self, end: Time) {
        while let Some((start, actor)) = self.next_turn.take() {
            let task = Task::Turn(actor);
            if start <= end && self.agenda.peek_time().is_none_or(|next| next > start) {
                self.submit(task, start);
            } else {
                self.schedule(actor, start, Event::Submit { task });
            }
        }
    }
    /// Whether nothing else can happen up to `at`, so that what happens then needs no event.
    #[inline]
    pub(super) fn is_next(&mut self, at: Time) -> bool {
        at <= self.horizon
            && self.next_turn.is_none_or(|(start, _)| start > at)
            && self.agenda.peek_time().is_none_or(|next| next > at)
    }
    /// Lets `actor` want a core at `start`.
    #[inline]
    pub(super) fn want_core(&mut self, actor: ActorId, start: Time) {
        self.hosted[actor.index()].state = State::Starting;
        match self.next_turn {
            None => self.next_turn = Some((start, actor)),
            Some(_) => self.schedule(
                actor,
                start,
                Event::Submit {
                    task: Task::Turn(actor),
                },
            ),
        }
    }
    /// Schedules an event on behalf of `actor`.
    #[inline]
    pub(super) fn schedule(&mut self, actor: ActorId, at: Time, event: Event) {
        self.agenda.schedule(emitter_of(actor), at, event);
    }
    /// `actor` has got input at `at`: it begins a turn as soon as it can.
    #[inline]
    pub(super) fn make_ready(&mut self, actor: ActorId, at: Time) {
        let hosted = &mut self.hosted[actor.index()];
        if hosted.state != State::Idle || hosted.is_stopped {
            return;
        }
        let start = if hosted.busy_until > at {
            hosted.busy_until
        } else {
            hosted.host.wake_ups += 1;
            at + self.profile.host.wake_up
        };
        self.want_core(actor, start);
    }
    /// Puts an input into the inbox of `actor`.
    pub(super) fn deliver(
        &mut self,
        actor: ActorId,
        delivery: Delivery<<M::Actor as Actor>::Message>,
        at: Time,
    ) {
        self.hosted[actor.index()].inbox.push_back(delivery);
        self.make_ready(actor, at);
    }
    /// `task` wants a core of its pool.
    #[inline]
    fn submit(&mut self, task: Task, now: Time) {
        let (pool, preferred) = self.home_of(task);
        match self.pools.take(pool, preferred, now) {
            Some(core) => self.start(task, core, now),
            None => {
                self.pools.wait(pool, task);
                self.wake_pool(pool, now);
            }
        }
    }
    /// Gives cores of `pool` that are free to those who wait for them.
    fn dispatch(&mut self, pool: PoolId, now: Time) {
        self.pools.woken(pool, now);
        while let Some((task, core)) = self.pools.next(pool, now) {
            self.start(task, core, now);
        }
        self.wake_pool(pool, now);
    }
    /// Sees to it that those who wait in `pool` get the first core that becomes free.
    #[inline]
    fn wake_pool(&mut self, pool: PoolId, now: Time) {
        if let Some((at, task)) = self.pools.wake(pool, now) {
            let first = self.owner_of(task);
            self.schedule(first, at, Event::CoreFree { pool });
        }
    }
    #[inline]
    fn home_of(&self, task: Task) -> (PoolId, CoreId) {
        let hosted = &self.hosted[self.owner_of(task).index()];
        match task {
            Task::Turn(_) => (hosted.placement.pool, hosted.core),
            Task::Child(_) | Task::Offload(_) => {
                let pool = hosted.placement.helpers;
                (pool, self.pools.first_core(pool))
            }
        }
    }
    #[inline]
    fn owner_of(&self, task: Task) -> ActorId {
        match task {
            Task::Turn(actor) => actor,
            Task::Child(slot) => self.children.get(slot).actor,
            Task::Offload(slot) => self.offloaded.get(slot).actor,
        }
    }
    #[inline]
    fn start(&mut self, task: Task, core: CoreId, now: Time) {
        match task {
            Task::Turn(actor) => self.begin_turn(actor, core, now),
            Task::Child(slot) => self.child_works(slot, core, now),
            Task::Offload(slot) => {
                let job = self.offloaded.get(slot);
                let (actor, end) = (job.actor, now + job.span);
                self.release_core(core, end);
                self.schedule(actor, end, Event::OffloadEnd { slot });
            }
        }
    }
    /// Gives `core` back from `at` on.
    #[inline]
    pub(super) fn release_core(&mut self, core: CoreId, at: Time) {
        let pool = self.pools.release(core, at);
        self.wake_pool(pool, self.agenda.now());
    }
    fn deadline_passed(&mut self, actor: ActorId, now: Time) {
        let hosted = &mut self.hosted[actor.index()];
        hosted.deadline_timer = None;
        hosted.deadline_at = Time::NEVER;
        hosted.deadline_due = true;
        self.make_ready(actor, now);
    }
    /// Arms the timer of `actor`'s next deadline, as it is after what happened up to `at`.
    pub(super) fn update_deadline(&mut self, actor: ActorId, at: Time) {
        let hosted = &mut self.hosted[actor.index()];
        let next = hosted.actor.next_deadline().unwrap_or(Time::NEVER);
        if next == hosted.deadline_at || hosted.deadline_due {
            return;
        }
        let is_overdue = next <= at && hosted.placement.store.is_some();
        if is_overdue || next < hosted.turn.began {
            // A thread with more to do goes on without sleeping in between.
            hosted.deadline_due = true;
            return;
        }
        if let Some(timer) = hosted.deadline_timer.take() {
            self.agenda.cancel(timer);
        }
        hosted.deadline_at = next;
        if next != Time::NEVER {
            let event = Event::Deadline { actor };
            let timer = self.agenda.arm(emitter_of(actor), next.max(at), event);
            self.hosted[actor.index()].deadline_timer = Some(timer);
        }
    }
    fn message_arrived(&mut self, slot: u32, now: Time) {
        let message = self.messages.remove(slot);
        self.deliver(message.to, message.into_delivery(), now);
    }
    fn offload_ended(&mut self, slot: u32, now: Time) {
        let job = self.offloaded.remove(slot);
        self.events
            .fold(now, job.actor, EventKind::Offload, u64::from(job.job.0), 0);
        self.deliver(job.actor, Delivery::OffloadDone { job: job.job }, now);
    }
}
