//! The total order of events.

use kvrig_base::id::ActorId;
use kvrig_base::limits::ACTORS_MAX;
use kvrig_base::time::Time;

/// Bits of a rank that number the events of one actor.
const SEQUENCE_BITS: u32 = 44;
/// Largest number of events that one actor may emit in a run: at ten million a second of machine
/// time it would take three weeks to get there.
pub const EVENTS_PER_ACTOR_MAX: u64 = 1 << SEQUENCE_BITS;

const _: () = assert!(
    ACTORS_MAX <= 1 << (u64::BITS - SEQUENCE_BITS),
    "actor and sequence share a word"
);

/// When an event happens and, among those of one instant, which comes first.
///
/// ```text
///   time: 64 bits, picoseconds │ rank: emitting actor (20 bits), its own sequence (44 bits)
/// ```
///
/// The rank counts the events of the *emitting* actor only. An edit that makes one actor emit an
/// event more renumbers nothing that the others emit, so the order of their ties stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    time: Time,
    rank: u64,
}

impl Key {
    /// The key of the event that `actor` emits as its `sequence`-th.
    ///
    /// # Panics
    /// If the actor or the sequence is beyond its limit ([`ACTORS_MAX`], [`EVENTS_PER_ACTOR_MAX`]).
    #[inline]
    pub const fn new(time: Time, actor: ActorId, sequence: u64) -> Self {
        assert!(
            actor.0 < ACTORS_MAX,
            "actor ids stay below limits::ACTORS_MAX"
        );
        assert!(
            sequence < EVENTS_PER_ACTOR_MAX,
            "an actor emits at most 2^44 events in a run"
        );
        Self {
            time,
            rank: (actor.0 as u64) << SEQUENCE_BITS | sequence,
        }
    }
    /// When the event happens.
    #[inline]
    pub const fn time(self) -> Time {
        self.time
    }
    /// Who emitted it.
    #[inline]
    pub const fn actor(self) -> ActorId {
        ActorId((self.rank >> SEQUENCE_BITS) as u32)
    }
    /// Its number among the events of that actor, from zero.
    #[inline]
    pub const fn sequence(self) -> u64 {
        self.rank & (EVENTS_PER_ACTOR_MAX - 1)
    }
}
