//! What a run keeps: latencies, the digest of what could be observed, and the books on requests.

mod events;
mod latency;
mod ledger;

pub use events::{EventDigest, EventKind, WINDOW_EVENTS};
pub use latency::Latencies;
pub use ledger::{DropReason, Ledger, Limited};
