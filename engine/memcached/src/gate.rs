//! How hosts with real threads stop all workers at once.
//!
//! [`kvrig_base::seam::Effect::StopWorkers`] leaves it to the host to see that every worker of a
//! store stands still between two commands. A host that runs each worker on a thread of its own
//! does as Memcached does (`memcached:thread.c`, pause_threads): the workers are told, register as
//! they come to the gate, and wait there until it opens.

#[cfg(loom)]
use loom::sync::{Condvar, Mutex};
#[cfg(not(loom))]
use std::sync::{Condvar, Mutex};

const POISONED: &str = "nothing panics with the gate's lock held";

#[derive(Debug)]
struct State {
    is_closed: bool,
    /// How often it has opened: who waits for one opening must not sleep through it into the next
    /// closing.
    openings: u64,
    /// Workers that stand at the closed gate.
    registered: u32,
    /// Workers that have gone for good.
    gone: u32,
}

/// A gate that the workers of one store pass between commands.
#[derive(Debug)]
pub struct WorkerGate {
    workers: u32,
    state: Mutex<State>,
    registers: Condvar,
    opens: Condvar,
}

impl WorkerGate {
    /// An open gate for so many workers.
    pub fn new(workers: u32) -> Self {
        Self {
            workers,
            state: Mutex::new(State {
                is_closed: false,
                openings: 0,
                registered: 0,
                gone: 0,
            }),
            registers: Condvar::new(),
            opens: Condvar::new(),
        }
    }
    /// A worker passes, holding no lock of the store: at once, or when the gate opens again. A
    /// worker that waits for input must be woken to come here.
    pub fn pass(&self) {
        let mut state = self.state.lock().expect(POISONED);
        if !state.is_closed {
            return;
        }
        state.registered += 1;
        self.registers.notify_one();
        let openings = state.openings;
        while state.openings == openings {
            state = self.opens.wait(state).expect(POISONED);
        }
    }
    /// A worker ends, and will not pass again.
    pub fn leave(&self) {
        self.state.lock().expect(POISONED).gone += 1;
        self.registers.notify_one();
    }
    /// Closes the gate, waits until every worker stands at it, does `body`, and opens it again. For
    /// one thread, which is no worker.
    pub fn with_workers_stopped<R>(&self, body: impl FnOnce() -> R) -> R {
        let mut state = self.state.lock().expect(POISONED);
        state.is_closed = true;
        while state.registered + state.gone < self.workers {
            state = self.registers.wait(state).expect(POISONED);
        }
        // No worker is on its way through: all have registered.
        drop(state);
        let result = body();
        let mut state = self.state.lock().expect(POISONED);
        state.is_closed = false;
        state.openings += 1;
        state.registered = 0;
        self.opens.notify_all();
        result
    }
}
