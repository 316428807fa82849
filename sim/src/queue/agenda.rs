//! The event list that a simulated world holds.

use super::arrivals::{Arrivals, SourceId};
use super::timers::{Timer, Timers};
use super::{EventQueue, Key, RadixHeap, assert_not_past};
use kvrig_base::id::ActorId;
use kvrig_base::time::Time;

/// Slot of an event that cannot be cancelled.
const NO_TIMER: u32 = u32::MAX;

/// One event as it comes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<P> {
    /// When, and who emitted it.
    pub key: Key,
    /// What happens.
    pub payload: P,
}

/// A payload as the inner queue holds it: with the slot of its timer, if it may be cancelled.
#[derive(Clone, Copy, Debug)]
pub struct Scheduled<P> {
    timer: u32,
    payload: P,
}

/// What the next entry turned out to be.
enum Next<P> {
    Event(Event<P>),
    Cancelled,
}

/// All that is going to happen, in order, with the sequence of each actor that emits events.
///
/// `P` is the closed enum of the world's events: small and `Copy`, held inline, never boxed. `Q` is
/// the queue behind the lanes; the trajectory of a run does not depend on the choice.
#[derive(Debug)]
pub struct Agenda<P, Q = RadixHeap<Scheduled<P>>> {
    queue: Q,
    arrivals: Arrivals<P>,
    timers: Timers,
    /// How many events each actor has emitted, by actor.
    sequences: Vec<u64>,
    /// The actor of each source, by source.
    source_actors: Vec<ActorId>,
    popped: u64,
}

impl<P: Copy, Q: EventQueue<Scheduled<P>> + Default> Default for Agenda<P, Q> {
    fn default() -> Self {
        Self {
            queue: Q::default(),
            arrivals: Arrivals::default(),
            timers: Timers::default(),
            sequences: Vec::new(),
            source_actors: Vec::new(),
            popped: 0,
        }
    }
}

impl<P: Copy> Agenda<P> {
    /// An empty agenda at the start of the run, on a [`RadixHeap`].
    pub fn new() -> Self {
        Self::default()
    }
}

impl<P: Copy, Q: EventQueue<Scheduled<P>>> Agenda<P, Q> {
    /// The time of the event that came up last.
    #[inline]
    pub fn now(&self) -> Time {
        self.queue.now()
    }
    /// Lets `payload` come up at `at`, as the next event that `actor` emits.
    ///
    /// # Panics
    /// If `at` has passed.
    #[inline]
    pub fn schedule(&mut self, actor: ActorId, at: Time, payload: P) {
        let key = self.next_key(actor, at);
        self.queue.push(
            key,
            Scheduled {
                timer: NO_TIMER,
                payload,
            },
        );
    }
    /// As [`Agenda::schedule`], for an event that may be cancelled until it comes up.
    ///
    /// # Panics
    /// If `at` has passed.
    pub fn arm(&mut self, actor: ActorId, at: Time, payload: P) -> Timer {
        let key = self.next_key(actor, at);
        let timer = self.timers.arm();
        self.queue.push(
            key,
            Scheduled {
                timer: timer.slot(),
                payload,
            },
        );
        timer
    }
    /// Drops a timer that has not come up; false where it has, or was cancelled before.
    pub fn cancel(&mut self, timer: Timer) -> bool {
        self.timers.cancel(timer)
    }
    /// Adds a stream of arrivals, emitted by `actor`.
    ///
    /// An actor may have several; each must be fed in order of time.
    pub fn add_source(&mut self, actor: ActorId) -> SourceId {
        self.source_actors.push(actor);
        self.arrivals.add_source()
    }
    /// Lets `payload` come up at `at`, as the next event of a stream that is fed in order.
    ///
    /// It costs less than [`Agenda::schedule`]: one comparison with the queue's earliest event.
    ///
    /// # Panics
    /// If `at` has passed, or lies before the last arrival of this source.
    #[inline]
    pub fn arrive(&mut self, source: SourceId, at: Time, payload: P) {
        assert_not_past(at, self.now());
        let actor = self.source_actors[source.index()];
        let key = self.next_key(actor, at);
        self.arrivals.push(source, key, payload);
    }
    /// Takes the next event, whose time becomes the present. Cancelled ones are passed over.
    #[inline]
    pub fn pop(&mut self) -> Option<Event<P>> {
        loop {
            if let Next::Event(event) = self.take()? {
                return Some(event);
            }
        }
    }
    /// As [`Agenda::pop`], but leaves what lies after `end` where it is.
    #[inline]
    pub fn pop_until(&mut self, end: Time) -> Option<Event<P>> {
        while self.peek_time()? <= end {
            if let Next::Event(event) = self.take()? {
                return Some(event);
            }
        }
        None
    }
    /// Takes the next entry of lane or queue, wanted or not.
    #[inline]
    fn take(&mut self) -> Option<Next<P>> {
        if let Some(arrival) = self.arrivals.peek()
            && self.queue.peek().is_none_or(|queued| arrival < queued)
        {
            let (key, payload) = self.arrivals.pop()?;
            self.queue.advance_to(key.time());
            self.popped += 1;
            return Some(Next::Event(Event { key, payload }));
        }
        let (key, Scheduled { timer, payload }) = self.queue.pop()?;
        if timer != NO_TIMER && !self.timers.come_up(timer) {
            return Some(Next::Cancelled);
        }
        self.popped += 1;
        Some(Next::Event(Event { key, payload }))
    }
    /// When the next entry comes up; it may turn out to be a cancelled timer.
    #[inline]
    pub fn peek_time(&mut self) -> Option<Time> {
        let queued = self.queue.peek_time();
        let arrival = self.arrivals.peek().map(Key::time);
        match (queued, arrival) {
            (Some(queued), Some(arrival)) => Some(queued.min(arrival)),
            (time, None) | (None, time) => time,
        }
    }
    /// Number of events that will still come up.
    pub fn len(&self) -> usize {
        self.queue.len() + self.arrivals.len() - self.timers.cancelled_pending()
    }
    /// Whether nothing will happen any more.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Events that have come up so far.
    pub fn popped(&self) -> u64 {
        self.popped
    }
    /// Timers that were cancelled so far.
    pub fn cancelled(&self) -> u64 {
        self.timers.cancelled()
    }
    #[inline]
    fn next_key(&mut self, actor: ActorId, at: Time) -> Key {
        if actor.index() >= self.sequences.len() {
            self.sequences.resize(actor.index() + 1, 0);
        }
        let sequence = &mut self.sequences[actor.index()];
        let key = Key::new(at, actor, *sequence);
        *sequence += 1;
        key
    }
}
