//! The pending events of a run, in total order, and the lanes around them.
//!
//! Nothing here knows what an event means. An [`Agenda`] is what a simulated world holds:
//!
//! ```text
//!   schedule, arm ──► EventQueue (radix heap; bucket 0 is the lane of "now") ──┐
//!                                                                             ├─ least key ─► pop
//!   arrive ─────────► Arrivals   (one sorted stream per source, merged)      ──┘
//! ```
//!
//! Events are ordered by (time, emitting actor, that actor's own sequence): see [`Key`]. Every
//! structure keeps that order exactly, so that any of them may stand in for another; the tests hold
//! [`RadixHeap`] to [`BinaryHeapQueue`].

mod agenda;
mod arrivals;
mod binary;
mod key;
mod radix;
#[cfg(test)]
mod tests;
mod timers;

pub use agenda::{Agenda, Event, Scheduled};
pub use arrivals::{Arrivals, SourceId};
pub use binary::BinaryHeapQueue;
pub use key::{EVENTS_PER_ACTOR_MAX, Key};
pub use radix::RadixHeap;
pub use timers::Timer;

use kvrig_base::time::Time;

/// A monotone priority queue of events: what every event list of this simulator promises.
///
/// The queue has a present, [`EventQueue::now`]: the time of the event popped last, or a later one
/// that [`EventQueue::advance_to`] has set. Nothing can be pushed before it. An event pushed *at*
/// the present may have a lower rank than the one popped last; it is then the next to be popped.
pub trait EventQueue<P> {
    /// Adds an event.
    ///
    /// # Panics
    /// If it lies before the present.
    fn push(&mut self, key: Key, payload: P);

    /// Takes the event with the least key out, whose time becomes the present.
    fn pop(&mut self) -> Option<(Key, P)>;

    /// The least key.
    ///
    /// Takes `&mut self` because finding it may take a search, which is then remembered.
    fn peek(&mut self) -> Option<Key>;

    /// Moves the present to `time`, for an event that happened outside this queue.
    ///
    /// # Panics
    /// If `time` lies before the present, or an event is pending before `time`.
    fn advance_to(&mut self, time: Time);

    /// The present.
    fn now(&self) -> Time;

    /// Number of pending events.
    fn len(&self) -> usize;

    /// Whether nothing is pending.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// When the earliest event happens.
    fn peek_time(&mut self) -> Option<Time> {
        self.peek().map(Key::time)
    }
}

/// One pending event inside a queue; ordered by its key alone.
#[derive(Clone, Copy, Debug)]
struct Entry<P> {
    key: Key,
    payload: P,
}

impl<P> PartialEq for Entry<P> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}
impl<P> Eq for Entry<P> {}
impl<P> PartialOrd for Entry<P> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<P> Ord for Entry<P> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

/// Stops a run whose world schedules an event before the present: its results would be wrong.
#[inline]
fn assert_not_past(time: Time, now: Time) {
    assert!(
        time >= now,
        "an event for {time} was scheduled at {now}, when that had passed"
    );
}

/// Stops a run that would jump over a pending event.
#[inline]
fn assert_nothing_skipped(time: Time, earliest: Option<Time>) {
    assert!(
        earliest.is_none_or(|earliest| time <= earliest),
        "time was moved to {time}, past an event that is still pending"
    );
}
