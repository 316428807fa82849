//! Growing tables and nodes on the real clock.
//!
//! Every insert is timed by a [`crate::clock::Stopwatch`], long ones by the CPU time of this thread.
//! One reading ends an insert and begins the next, so that each contains exactly one
//! ([`crate::clock::Stillness`] says what that costs). What took most of a long insert is told by
//! the monotonic clock, which the store's own receipts read; that is right unless the thread lost
//! its core in that very insert.

mod node;
mod table;

pub use node::{NodeGrowth, grow_node};
pub use table::{TableGrowth, grow_table};

use crate::host::HostError;

/// Inserts between two questions whether to stop; their keys are made beforehand.
const BATCH: u64 = 4_096;

/// The longest calls of a growth that are kept, so that those can be found which are long in every
/// run: more than a restless machine lengthens within one growth to what a growth pauses for.
pub const LONGEST_KEPT: usize = 1_024;

/// Why there is no measurement.
#[derive(Debug, thiserror::Error)]
pub enum GrowError {
    /// It was asked to stop.
    #[error("interrupted")]
    Cancelled,
    /// The store asked for what the host does not have.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The table has not grown as it was to.
    #[error("the table {table} has not grown from {buckets} buckets within {inserts} inserts")]
    NotGrown {
        /// The table.
        table: &'static str,
        /// Buckets from which it was to grow.
        buckets: u64,
        /// Inserts after which it was given up.
        inserts: u64,
    },
    /// A reply of the node is not the one to a write.
    #[error("the node answered {0:?} to SET")]
    Reply(String),
}
