//! What the tests of all tables share.
#![allow(dead_code, reason = "each test file uses a part of it")]

use kvrig_base::digest::Rolling;
use kvrig_base::seam::{Counts, Meter, Touch, Work};
use kvrig_base::time::Span;
use kvrig_tables::{Regions, Table, TableConfig, TableEvent, TableKind, build};
use std::cell::Cell;
use std::rc::Rc;

pub(crate) const CONFIG: TableConfig = TableConfig {
    regions: Regions::starting_at(0),
    hash_key: [0x0123_4567, 0x89ab_cdef],
};

pub(crate) type IntegerSet = Box<dyn Table<u64>>;

pub(crate) fn integer_set(kind: TableKind) -> IntegerSet {
    build(kind, CONFIG)
}

/// Inserts the keys of `range` and returns the events with the number of the insertion, from one,
/// at which each came.
pub(crate) fn insert_all(
    table: &mut dyn Table<u64>,
    range: std::ops::Range<u64>,
    work: &mut Work,
) -> Vec<(u64, TableEvent)> {
    let mut events = Vec::new();
    for key in range {
        table.insert(key, work).expect("keys are new");
        while let Some(event) = table.take_event() {
            events.push((key + 1, event));
        }
    }
    events
}

/// Inserts the keys of `range` while the timer and the background thread do their share, and
/// returns the events.
pub(crate) fn grow(
    table: &mut dyn Table<u64>,
    range: std::ops::Range<u64>,
    work: &mut Work,
) -> Vec<TableEvent> {
    let mut events = Vec::new();
    for key in range {
        table.insert(key, work).expect("keys are new");
        if key % 64 == 0 {
            table.cron_resize(work);
            table.maintain(256, work);
        }
        events.extend(std::iter::from_fn(|| table.take_event()));
    }
    events
}

/// A meter for which each unit of any counted work, and each touch, costs one nanosecond, and that
/// keeps a digest of the touches.
#[derive(Debug, Default)]
pub(crate) struct NanosecondEach {
    pub(crate) touches: Rc<Cell<Rolling>>,
}

impl Meter for NanosecondEach {
    fn price(&mut self, counts: &Counts, touches: &[Touch]) -> Span {
        let mut digest = self.touches.get();
        for touch in touches {
            digest.fold(touch.address() << 1 | u64::from(touch.writes()));
        }
        self.touches.set(digest);
        Span::from_nanos(counts.as_array().iter().sum::<u64>() + touches.len() as u64)
    }
    fn wants_touches(&self) -> bool {
        true
    }
    fn lock_is_held(&self, _: kvrig_base::id::LockId, _: Span) -> bool {
        false
    }
}
