//! A counter that several workers share, in whatever form of locks the host needs.

use kvrig_base::id::LockId;
use kvrig_base::seam::sync::{Lock, SyncForm};
use kvrig_base::seam::{Counter, Work};

/// Work before the lock is taken, while it is held, and after it was given back, in commands.
pub(crate) const BEFORE: u64 = 1;
/// See [`BEFORE`].
pub(crate) const HELD: u64 = 4;
/// See [`BEFORE`].
pub(crate) const AFTER: u64 = 1;

/// One counter behind one lock.
pub(crate) struct SharedCounter<S: SyncForm> {
    value: S::Lock<u64>,
}

impl<S: SyncForm> SharedCounter<S> {
    /// A counter at zero.
    pub(crate) fn new() -> Self {
        Self {
            value: S::Lock::new(LockId(0), 0),
        }
    }
    /// Adds one, however long it must wait, and says what the counter was.
    pub(crate) fn add(&self, work: &mut Work) -> u64 {
        work.count(Counter::Commands, BEFORE);
        let before = self.value.with(work, add_one);
        work.count(Counter::Commands, AFTER);
        before
    }
    /// Adds one if nobody else is at it.
    pub(crate) fn try_add(&self, work: &mut Work) -> Option<u64> {
        work.count(Counter::Commands, BEFORE);
        let before = self.value.try_with(work, add_one);
        work.count(Counter::Commands, AFTER);
        before
    }
}

fn add_one(value: &mut u64, work: &mut Work) -> u64 {
    work.count(Counter::Commands, HELD);
    let before = *value;
    *value = before + 1;
    before
}
