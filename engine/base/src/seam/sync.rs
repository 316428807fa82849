//! Locks of a store that several workers share, in the form that the host needs.
//!
//! A store written as `Store<S: SyncForm>` takes `&self` and runs on real threads ([`Threads`]),
//! under the loom model checker (`Loom`, with `--cfg loom`), and in the simulator ([`Simulated`]),
//! where all actors run on one thread and the lock only reports what was done while it was held.

use super::work::Work;
use crate::id::LockId;
use std::cell::RefCell;

/// A family of locks.
pub trait SyncForm {
    /// The lock around a `T`.
    type Lock<T>: Lock<T>;
}

/// A mutual-exclusion lock around a `T`, entered by closure so that every form can bracket it.
pub trait Lock<T> {
    /// A lock called `id` in receipts.
    fn new(id: LockId, value: T) -> Self;
    /// Waits for the lock and does `body` with it held.
    fn with<R>(&self, work: &mut Work, body: impl FnOnce(&mut T, &mut Work) -> R) -> R;
    /// Does `body` with the lock held, or nothing where another worker holds it.
    fn try_with<R>(&self, work: &mut Work, body: impl FnOnce(&mut T, &mut Work) -> R) -> Option<R>;
}

/// Locks of the standard library, for real threads.
#[derive(Debug)]
pub struct Threads;

impl SyncForm for Threads {
    type Lock<T> = std::sync::Mutex<T>;
}

impl<T> Lock<T> for std::sync::Mutex<T> {
    fn new(_: LockId, value: T) -> Self {
        Self::new(value)
    }
    fn with<R>(&self, work: &mut Work, body: impl FnOnce(&mut T, &mut Work) -> R) -> R {
        let mut value = self.lock().expect("no worker panics with a lock held");
        body(&mut value, work)
    }
    fn try_with<R>(&self, work: &mut Work, body: impl FnOnce(&mut T, &mut Work) -> R) -> Option<R> {
        let mut value = self.try_lock().ok()?;
        Some(body(&mut value, work))
    }
}

/// Locks of the simulator: never contended in code; the host makes the waiting happen in time.
#[derive(Debug)]
pub struct Simulated;

impl SyncForm for Simulated {
    type Lock<T> = SimulatedLock<T>;
}

/// A lock that reports the work done while it is held.
#[derive(Debug)]
pub struct SimulatedLock<T> {
    id: LockId,
    value: RefCell<T>,
}

impl<T> Lock<T> for SimulatedLock<T> {
    fn new(id: LockId, value: T) -> Self {
        Self {
            id,
            value: RefCell::new(value),
        }
    }
    fn with<R>(&self, work: &mut Work, body: impl FnOnce(&mut T, &mut Work) -> R) -> R {
        let mut value = self.value.borrow_mut();
        work.holding(self.id, |work| body(&mut value, work))
    }
    fn try_with<R>(&self, work: &mut Work, body: impl FnOnce(&mut T, &mut Work) -> R) -> Option<R> {
        if work.lock_is_held(self.id) {
            return None;
        }
        Some(self.with(work, body))
    }
}

/// Locks of the loom model checker.
#[cfg(loom)]
#[derive(Debug)]
pub struct Loom;

#[cfg(loom)]
impl SyncForm for Loom {
    type Lock<T> = loom::sync::Mutex<T>;
}

#[cfg(loom)]
impl<T> Lock<T> for loom::sync::Mutex<T> {
    fn new(_: LockId, value: T) -> Self {
        Self::new(value)
    }
    fn with<R>(&self, work: &mut Work, body: impl FnOnce(&mut T, &mut Work) -> R) -> R {
        let mut value = self.lock().expect("no worker panics with a lock held");
        body(&mut value, work)
    }
    fn try_with<R>(&self, work: &mut Work, body: impl FnOnce(&mut T, &mut Work) -> R) -> Option<R> {
        let mut value = self.try_lock().ok()?;
        Some(body(&mut value, work))
    }
}
