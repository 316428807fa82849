//! What the tests of all tables share.

use kvrig_base::seam::{Counts, Meter, Touch, Work};
use kvrig_base::time::Span;
use kvrig_tables::{Regions, Table, TableConfig, TableEvent, TableKind, build};

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

/// A meter for which each unit of any counted work costs one nanosecond.
#[derive(Debug)]
pub(crate) struct NanosecondEach;

impl Meter for NanosecondEach {
    fn price(&mut self, counts: &Counts, _: &[Touch]) -> Span {
        Span::from_nanos(counts.as_array().iter().sum())
    }
    fn wants_touches(&self) -> bool {
        true
    }
    fn lock_is_held(&self, _: kvrig_base::id::LockId, _: Span) -> bool {
        false
    }
}
