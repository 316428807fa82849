//! The meter of a live host: work costs what it takes.

use crate::clock::Clock;
use kvrig_base::id::LockId;
use kvrig_base::seam::{Counts, Meter, Touch};
use kvrig_base::time::{Span, Time};
use std::cell::Cell;
use std::rc::Rc;

/// When the meter was asked last; the host sets it as a call begins.
#[derive(Clone, Debug)]
pub(crate) struct Lap {
    clock: Rc<dyn Clock>,
    last: Rc<Cell<Time>>,
}

impl Lap {
    pub(crate) fn new(clock: Rc<dyn Clock>) -> Self {
        let last = Rc::new(Cell::new(clock.now()));
        Self { clock, last }
    }
    /// Begins a call now and says when that is.
    #[inline]
    pub(crate) fn begin(&self) -> Time {
        let now = self.clock.now();
        self.last.set(now);
        now
    }
    /// Says that a call began at `time`, by the same clock.
    #[inline]
    pub(crate) fn began(&self, time: Time) {
        self.last.set(time);
    }
    /// Elapsed time since the last question.
    #[inline]
    fn lap(&self) -> Span {
        let now = self.clock.now();
        now.since(self.last.replace(now))
    }
}

/// Answers [`kvrig_base::seam::Work::spent`] from a clock. Counts and touches are not priced: the
/// processor has charged for them already.
#[derive(Debug)]
pub(crate) struct ClockMeter(pub(crate) Lap);

impl Meter for ClockMeter {
    #[inline]
    fn price(&mut self, _: &Counts, _: &[Touch]) -> Span {
        self.0.lap()
    }
    fn wants_touches(&self) -> bool {
        false
    }
    /// Locks of a live store are the system's: this host has one thread, and nobody else holds any.
    fn lock_is_held(&self, _: LockId, _: Span) -> bool {
        false
    }
}
