//! Hash tables with work receipts, each a real data structure behind one interface.
//!
//! This crate knows no store: no values, no expiry, no commands. A table holds entries that know
//! their own key, and nothing but [`Table`] tells one table from another. Tables read no clock:
//! where a product bounds a loop by time, the loop asks [`kvrig_base::seam::Work::spent`].
//!
//! Where to start: [`table`] is the interface, [`event`] the measuring points. [`at_once`] is the
//! simplest table, [`redis`] the one with the most rules, [`memcached`] has a thread that moves
//! entries, [`kvrig`] is the project's own. [`kind::build`] makes one by name.

mod arena;
pub mod at_once;
mod buckets;
mod bytes;
mod chain;
mod chunked;
pub mod event;
pub mod flood;
pub mod growth;
pub mod hash;
pub mod kind;
pub mod kvrig;
pub mod law;
pub mod memcached;
pub mod open;
mod pages;
mod prefetch;
pub mod probing;
pub mod redis;
mod sample;
pub mod segmented;
pub mod table;
pub mod valkey;

pub use arena::ENTRIES_MAX;
pub use buckets::PRODUCT_BUCKET_BYTES;
pub use event::{Rehash, TableEvent, TableEventKind};
pub use growth::GrowthWatch;
pub use kind::{TableKind, UnknownTable, build};
pub use prefetch::prefetch;
pub use table::{
    BucketBytes, CacheLine, CacheLineAligned, Entry, Key, Occupied, Position, Regions,
    ResizePolicy, Slot, Table, TableConfig,
};
