//! Handles of events that may be cancelled.

/// Names one armed timer.
///
/// A handle stays valid to ask about for ever: once its timer has fired or was cancelled, it no
/// longer cancels anything, even where its slot serves another timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    slot: u32,
    generation: u32,
}

/// Which armed timers are still wanted: one generation-tagged slot for each pending event that may
/// be cancelled.
///
/// Cancelling is lazy. The event stays in its queue, which offers no cheap removal, and is dropped
/// when it comes up; only then is the slot free for another timer.
#[derive(Debug, Default)]
pub(super) struct Timers {
    slots: Vec<Slot>,
    free: Vec<u32>,
    cancelled_pending: usize,
    cancelled: u64,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    generation: u32,
    wanted: bool,
}

impl Timers {
    /// Takes a slot for an event about to be queued.
    ///
    /// # Panics
    /// If 2^32 - 1 timers are pending at once.
    pub(super) fn arm(&mut self) -> Timer {
        if let Some(slot) = self.free.pop() {
            let entry = &mut self.slots[slot as usize];
            entry.wanted = true;
            return Timer {
                slot,
                generation: entry.generation,
            };
        }
        let slot = u32::try_from(self.slots.len()).expect("fewer than 2^32 timers are pending");
        assert!(slot != u32::MAX, "fewer than 2^32 - 1 timers are pending");
        self.slots.push(Slot {
            generation: 0,
            wanted: true,
        });
        Timer {
            slot,
            generation: 0,
        }
    }
    /// Drops a pending timer; false where it has fired or was cancelled before.
    pub(super) fn cancel(&mut self, timer: Timer) -> bool {
        let entry = &mut self.slots[timer.slot as usize];
        if entry.generation != timer.generation || !entry.wanted {
            return false;
        }
        entry.wanted = false;
        self.cancelled += 1;
        self.cancelled_pending += 1;
        true
    }
    /// Frees the slot of an event that came up, and says whether it is still wanted.
    pub(super) fn come_up(&mut self, slot: u32) -> bool {
        let entry = &mut self.slots[slot as usize];
        let wanted = entry.wanted;
        entry.wanted = false;
        // A slot whose generations are used up is retired, lest an old handle fit again.
        if let Some(next) = entry.generation.checked_add(1) {
            entry.generation = next;
            self.free.push(slot);
        }
        if !wanted {
            self.cancelled_pending -= 1;
        }
        wanted
    }
    /// Cancelled timers whose events are still queued.
    pub(super) fn cancelled_pending(&self) -> usize {
        self.cancelled_pending
    }
    /// All timers cancelled so far.
    pub(super) fn cancelled(&self) -> u64 {
        self.cancelled
    }
}

impl Timer {
    pub(super) fn slot(self) -> u32 {
        self.slot
    }
}
