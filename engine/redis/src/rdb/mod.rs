//! Snapshot files and payloads of DUMP: RDB version 10, as Redis 7.0 writes and loads it.
//!
//! [`save`] writes a snapshot and `load` reads one; `dump` and `restore` do the same with one value. What is read was written by anybody: every length is compared with what is left before
//! anything is allocated for it, and every byte of a compact encoding is checked before it is taken
//! over.

mod crc64;
mod encode;
mod file;
mod kind;
mod payload;
mod read;
mod stream;

pub use file::{Snapshot, save};
pub(crate) use payload::{BadPayload, dump, restore, saved_bytes};
pub(crate) use read::{LoadAt, Reader, load};
pub use read::{LoadError, Loaded};

/// The version of the format (RDB_VERSION of 7.0); older ones are read too.
const VERSION: u16 = 10;
/// The version that a file says it was written by.
pub(crate) const REDIS_VERSION: &[u8] = b"7.0.15";
