//! Locks of a store that several workers share, in the form that the host needs.
//!
//! A store written as `Store<S: SyncForm>` takes `&self` and runs on real threads ([`Threads`]),
//! under the loom model checker (`Loom`, with `--cfg loom`), and in the simulator ([`Simulated`]),
//! where all actors run on one thread and the lock only reports what was done while it was held.

use super::work::Work;
use crate::id::LockId;
use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};

/// A family of locks and shared words.
pub trait SyncForm {
    /// The lock around a `T`.
    type Lock<T>: Lock<T>;
    /// A number that all workers may change without a lock.
    type Word: Word;
}

/// A mutual-exclusion lock around a `T`, entered by closure so that every form can bracket it.
pub trait Lock<T> {
    /// A lock called `id` in receipts.
    fn new(id: LockId, value: T) -> Self;
    /// Waits for the lock and does `body` with it held.
    fn with<R>(&self, work: &mut Work, body: impl FnOnce(&mut T, &mut Work) -> R) -> R;
    /// Does `body` with the lock held, or nothing where another worker holds it.
    fn try_with<R>(&self, work: &mut Work, body: impl FnOnce(&mut T, &mut Work) -> R) -> Option<R>;
    /// Does `body` with the lock held and leaves no trace in a receipt: where no other worker can
    /// want the lock, because they are stopped or because it is one thread's own.
    fn unreported<R>(&self, body: impl FnOnce(&mut T) -> R) -> R;
    /// Shows `look` what the lock guards where that costs no worker anything, which it does where
    /// all actors run on one thread; other forms do nothing. It is for asking for lines ahead.
    fn glance(&self, look: impl FnOnce(&T)) {
        _ = look;
    }
}

/// A number shared without a lock: a count, a clock, a set of 64 bits. It orders nothing else:
/// what must be seen together lies behind one lock.
pub trait Word {
    /// A word that is `value`.
    fn new(value: u64) -> Self;
    /// Its value.
    fn get(&self) -> u64;
    /// Makes it `value`.
    fn set(&self, value: u64);
    /// Adds `n`, around the end if need be, and returns what it was.
    fn add(&self, n: u64) -> u64;
    /// Clears the bits of `mask` and returns what it was.
    fn clear(&self, mask: u64) -> u64;
}

/// Locks of the standard library, for real threads.
#[derive(Debug)]
pub struct Threads;

impl SyncForm for Threads {
    type Lock<T> = std::sync::Mutex<T>;
    type Word = AtomicU64;
}

impl Word for AtomicU64 {
    fn new(value: u64) -> Self {
        Self::new(value)
    }
    fn get(&self) -> u64 {
        self.load(Ordering::Relaxed)
    }
    fn set(&self, value: u64) {
        self.store(value, Ordering::Relaxed);
    }
    fn add(&self, n: u64) -> u64 {
        self.fetch_add(n, Ordering::Relaxed)
    }
    fn clear(&self, mask: u64) -> u64 {
        self.fetch_and(!mask, Ordering::Relaxed)
    }
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
    fn unreported<R>(&self, body: impl FnOnce(&mut T) -> R) -> R {
        body(&mut self.lock().expect("no worker panics with a lock held"))
    }
}

/// Locks of the simulator: never contended in code; the host makes the waiting happen in time.
#[derive(Debug)]
pub struct Simulated;

impl SyncForm for Simulated {
    type Lock<T> = SimulatedLock<T>;
    type Word = Cell<u64>;
}

impl Word for Cell<u64> {
    #[inline]
    fn new(value: u64) -> Self {
        Self::new(value)
    }
    #[inline]
    fn get(&self) -> u64 {
        self.get()
    }
    #[inline]
    fn set(&self, value: u64) {
        self.set(value);
    }
    #[inline]
    fn add(&self, n: u64) -> u64 {
        self.replace(self.get().wrapping_add(n))
    }
    #[inline]
    fn clear(&self, mask: u64) -> u64 {
        self.replace(self.get() & !mask)
    }
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
    #[inline]
    fn unreported<R>(&self, body: impl FnOnce(&mut T) -> R) -> R {
        body(&mut self.value.borrow_mut())
    }
    #[inline]
    fn glance(&self, look: impl FnOnce(&T)) {
        look(&self.value.borrow());
    }
}

/// Locks of the loom model checker.
#[cfg(loom)]
#[derive(Debug)]
pub struct Loom;

#[cfg(loom)]
impl SyncForm for Loom {
    type Lock<T> = loom::sync::Mutex<T>;
    type Word = loom::sync::atomic::AtomicU64;
}

#[cfg(loom)]
impl Word for loom::sync::atomic::AtomicU64 {
    fn new(value: u64) -> Self {
        Self::new(value)
    }
    fn get(&self) -> u64 {
        self.load(Ordering::Relaxed)
    }
    fn set(&self, value: u64) {
        self.store(value, Ordering::Relaxed);
    }
    fn add(&self, n: u64) -> u64 {
        self.fetch_add(n, Ordering::Relaxed)
    }
    fn clear(&self, mask: u64) -> u64 {
        self.fetch_and(!mask, Ordering::Relaxed)
    }
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
    fn unreported<R>(&self, body: impl FnOnce(&mut T) -> R) -> R {
        body(&mut self.lock().expect("no worker panics with a lock held"))
    }
}
