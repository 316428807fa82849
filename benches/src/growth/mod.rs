//! Sets that grow by insertions alone: how fast, with what pauses, in how much memory.
//!
//! A [`Set`] is a contender of one kind of key; a [`Pass`] is one way to measure it. Passes are
//! generic over the set, so that the peers are measured without a virtual call around them.

pub mod contenders;
pub mod keys;
pub mod memory;
pub mod pauses;
pub mod rate;

pub use contenders::Contender;
pub use keys::{KeyKind, Keys};

use kvrig_tables::TableEvent;

/// A set that only grows.
pub trait Set<K> {
    /// Adds a key that is not in it.
    fn insert(&mut self, key: K);
    /// Does the share of the timer and of the background thread, in sets that have one.
    fn tend(&mut self);
    /// Whether [`Set::tend`] does anything.
    const IS_TENDED: bool;
    /// The oldest event not yet taken, in sets that tell.
    fn take_event(&mut self) -> Option<TableEvent>;
    /// Number of keys.
    fn len(&self) -> u64;
    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Insertions between two calls of [`Set::tend`].
pub const TEND_EVERY: u64 = 64;

/// One way to measure a set as it grows.
pub trait Pass<K: Keys> {
    /// What it finds.
    type Found;
    /// Fills an empty set.
    fn run<S: Set<K::Key>>(self, set: S) -> Self::Found;
}
