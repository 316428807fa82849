//! What happens to a table as a whole: the measuring points of resizing.

use std::collections::VecDeque;

/// Events of one table that wait to be taken; older ones are dropped, so that a host that does not
/// ask for them pays nothing.
pub const EVENTS_BUFFERED_MAX: usize = 1_024;

/// One step in the life of a table, with the number of entries at that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableEvent {
    /// What happened.
    pub kind: TableEventKind,
    /// Number of entries at that moment, the entry that is being added not included.
    pub len: u64,
}

/// What happened to a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableEventKind {
    /// A new bucket array was allocated, and entries begin to move to it.
    Started {
        /// Buckets of the old array.
        from: u64,
        /// Buckets of the new array.
        to: u64,
    },
    /// The last entry has moved.
    Ended {
        /// Buckets of the old array.
        from: u64,
        /// Buckets of the new array.
        to: u64,
        /// Entries that were moved.
        moved: u64,
    },
    /// The old array was given back.
    Freed {
        /// Its buckets.
        buckets: u64,
        /// Its pages of 4 KiB that had been touched, where the array was large enough to be the
        /// system's.
        pages: u64,
    },
    /// A new array was not allocated because it exceeds the headroom; told once for each size.
    AllocationRefused {
        /// Its buckets.
        buckets: u64,
    },
}

/// A rehash that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rehash {
    /// Buckets of the old array.
    pub from: u64,
    /// Buckets of the new array.
    pub to: u64,
    /// Buckets of the old array, counted from the first, that are known to be done.
    pub buckets_done: u64,
    /// Entries that were moved so far.
    pub entries_moved: u64,
}

/// The events of one table, oldest first.
#[derive(Debug, Default)]
pub(crate) struct EventLog(VecDeque<TableEvent>);

impl EventLog {
    pub(crate) fn push(&mut self, kind: TableEventKind, len: u64) {
        if self.0.len() == EVENTS_BUFFERED_MAX {
            self.0.pop_front();
        }
        self.0.push_back(TableEvent { kind, len });
    }
    pub(crate) fn take(&mut self) -> Option<TableEvent> {
        self.0.pop_front()
    }
}
