//! Virtual locks: the receipts of calls on a shared store, replayed so that waiting takes time.
//!
//! A call happens in code at the instant it begins, and its receipt says when it had which lock.
//! Then the call is replayed: at each boundary it takes or gives back a lock; where another actor
//! has it, the call stands still, on its core, until its turn comes.

use super::World;
use super::event::Event;
use super::model::{LockWait, Model, Observer};
use kvrig_base::id::{ActorId, LockId};
use kvrig_base::seam::Segment;
use kvrig_base::time::{Span, Time};
use std::cmp::Reverse;
use std::collections::VecDeque;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Boundary {
    /// Takes a lock and keeps it for a span of work.
    Acquire(LockId, Span),
    Release(LockId),
}

/// A call that is being replayed.
#[derive(Debug)]
pub(super) struct Replay {
    begun: Time,
    /// The price of the call.
    length: Span,
    boundaries: Vec<(Span, Boundary)>,
    next: usize,
    /// Waiting so far.
    waited: Span,
    waits_since: Time,
}

impl Replay {
    pub(super) fn new(begun: Time, length: Span, segments: &[Segment]) -> Self {
        Self {
            begun,
            length,
            boundaries: boundaries(segments),
            next: 0,
            waited: Span::ZERO,
            waits_since: begun,
        }
    }
    fn end(&self) -> Time {
        self.begun + self.length + self.waited
    }
    /// The next boundary and when it is reached, if nothing more is waited for.
    fn upcoming(&self) -> Option<(Time, Boundary)> {
        let (offset, boundary) = *self.boundaries.get(self.next)?;
        Some((self.begun + offset + self.waited, boundary))
    }
}

/// The boundaries of all locked stretches in order: at one instant, locks are given back before
/// they are taken, and the lock that is kept longest is taken first.
fn boundaries(segments: &[Segment]) -> Vec<(Span, Boundary)> {
    let mut keyed = Vec::new();
    for (number, segment) in segments.iter().enumerate() {
        let Some(lock) = segment.lock else { continue };
        let (from, to) = (segment.from, segment.to);
        let acquire = Boundary::Acquire(lock, to - from);
        keyed.push(((from, 1, Reverse(to), number, 0), acquire));
        let release_key = if from == to {
            (to, 1, Reverse(to), number, 1)
        } else {
            (to, 0, Reverse(to), number, 0)
        };
        keyed.push((release_key, Boundary::Release(lock)));
    }
    keyed.sort_unstable_by_key(|(key, _)| *key);
    keyed
        .into_iter()
        .map(|((offset, ..), boundary)| (offset, boundary))
        .collect()
}

/// A lock that somebody has.
#[derive(Debug)]
struct Held {
    space: u32,
    lock: LockId,
    holder: ActorId,
    /// How often the holder has taken it.
    depth: u32,
    waiting: VecDeque<ActorId>,
}

/// All locks that are held: no more than actors hold at a time, out of thousands.
#[derive(Debug, Default)]
pub(super) struct Locks(Vec<Held>);

impl Locks {
    fn place(&self, space: u32, lock: LockId) -> Option<usize> {
        let is_it = |held: &Held| (held.space, held.lock) == (space, lock);
        self.0.iter().position(is_it)
    }
    /// Takes the lock, or joins the queue for it.
    fn acquire(&mut self, space: u32, lock: LockId, actor: ActorId) -> bool {
        match self.place(space, lock).map(|place| &mut self.0[place]) {
            Some(held) if held.holder == actor => held.depth += 1,
            Some(held) => {
                held.waiting.push_back(actor);
                return false;
            }
            None => self.0.push(Held {
                space,
                lock,
                holder: actor,
                depth: 1,
                waiting: VecDeque::new(),
            }),
        }
        true
    }
    /// Gives the lock back; says whether it is free now, and who has it next.
    fn release(&mut self, space: u32, lock: LockId) -> (bool, Option<ActorId>) {
        let place = self
            .place(space, lock)
            .expect("a lock is taken before it is given back");
        let held = &mut self.0[place];
        held.depth -= 1;
        if held.depth > 0 {
            return (false, None);
        }
        let next = held.waiting.pop_front();
        match next {
            Some(next) => {
                held.holder = next;
                held.depth = 1;
            }
            None => _ = self.0.swap_remove(place),
        }
        (true, next)
    }
}

impl<M: Model> World<M> {
    /// Goes on with the replay of `actor`'s call at `now`, up to where it must wait; says whether
    /// the call has ended.
    pub(super) fn replay_locks(&mut self, actor: ActorId, mut now: Time) -> bool {
        let space = self.hosted[actor.index()].space;
        loop {
            let replay = self.replay_of(actor);
            let Some((at, boundary)) = replay.upcoming() else {
                break;
            };
            if at > now {
                if !self.is_next(at) {
                    self.schedule(actor, at, Event::Resume { actor });
                    return false;
                }
                now = at;
            }
            match boundary {
                Boundary::Acquire(lock, kept) => {
                    if !self.locks.acquire(space, lock, actor) {
                        self.replay_of(actor).waits_since = now;
                        return false;
                    }
                    self.pricing.hold(space, lock, actor, now + kept);
                }
                Boundary::Release(lock) => {
                    let (is_free, next) = self.locks.release(space, lock);
                    if is_free {
                        self.pricing.release(space, lock);
                    }
                    if let Some(next) = next {
                        self.grant(next, lock, actor, now);
                    }
                }
            }
            self.replay_of(actor).next += 1;
        }
        let end = self.replay_of(actor).end();
        if end > now && !self.is_next(end) {
            self.schedule(actor, end, Event::Resume { actor });
            return false;
        }
        let turn = &mut self.hosted[actor.index()].turn;
        turn.replay = None;
        turn.at = end;
        true
    }
    fn replay_of(&mut self, actor: ActorId) -> &mut Replay {
        let replay = self.hosted[actor.index()].turn.replay.as_mut();
        replay.expect("only calls with locks are replayed")
    }
    /// Gives `lock` to `actor`, which waits for it until `holder` gives it back now.
    fn grant(&mut self, actor: ActorId, lock: LockId, holder: ActorId, now: Time) {
        let space = self.hosted[actor.index()].space;
        let replay = self.replay_of(actor);
        let Some((_, Boundary::Acquire(_, kept))) = replay.upcoming() else {
            unreachable!("who waits for a lock is about to take it")
        };
        let from = replay.waits_since;
        replay.waited += now.since(from);
        replay.next += 1;
        self.pricing.hold(space, lock, actor, now + kept);
        let wait = LockWait {
            actor,
            holder,
            lock,
            from,
            to: now,
        };
        let hosted = &self.hosted[actor.index()];
        self.observer.lock_waited(&wait, &hosted.actor);
        self.schedule(actor, now, Event::Resume { actor });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::seam::Cause;

    fn segment(lock: u32, from: u64, to: u64) -> Segment {
        Segment {
            cause: Cause::Request,
            lock: Some(LockId(lock)),
            from: Span::from_nanos(from),
            to: Span::from_nanos(to),
        }
    }

    fn order(segments: &[Segment]) -> Vec<(u64, char, u32)> {
        let name = |(offset, boundary): (Span, Boundary)| match boundary {
            Boundary::Acquire(lock, _) => (offset.as_nanos(), '+', lock.0),
            Boundary::Release(lock) => (offset.as_nanos(), '-', lock.0),
        };
        boundaries(segments).into_iter().map(name).collect()
    }

    #[test]
    fn boundaries_keep_the_order_of_the_program() {
        let adjacent = [segment(1, 0, 5), segment(1, 5, 8)];
        assert_eq!(
            order(&adjacent),
            [(0, '+', 1), (5, '-', 1), (5, '+', 1), (8, '-', 1)]
        );
        let nested = [segment(2, 5, 7), segment(1, 5, 9)];
        assert_eq!(
            order(&nested),
            [(5, '+', 1), (5, '+', 2), (7, '-', 2), (9, '-', 1)]
        );
        let empty = [segment(1, 3, 3), segment(1, 3, 3)];
        assert_eq!(
            order(&empty),
            [(3, '+', 1), (3, '-', 1), (3, '+', 1), (3, '-', 1)]
        );
    }

    #[test]
    fn locks_are_had_in_the_order_of_asking_and_may_be_taken_twice() {
        let mut locks = Locks::default();
        let [first, second, third] = [0, 1, 2].map(ActorId);
        let lock = LockId(7);
        assert!(locks.acquire(0, lock, first));
        assert!(locks.acquire(0, lock, first));
        assert!(!locks.acquire(0, lock, second));
        assert!(!locks.acquire(0, lock, third));
        assert!(
            locks.acquire(1, lock, third),
            "another store has other locks"
        );
        assert_eq!(locks.release(0, lock), (false, None));
        assert_eq!(locks.release(0, lock), (true, Some(second)));
        assert_eq!(locks.release(0, lock), (true, Some(third)));
        assert_eq!(locks.release(0, lock), (true, None));
    }
}
