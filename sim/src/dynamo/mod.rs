//! DynamoDB's admission, request by request: what a table lets through, and what it throttles.
//!
//! The host drives the buckets, partitions, splits and retries of `kvrig_dynamo` in virtual time. A
//! request is a place (an item, or a sort key within an item collection), a demand (bytes to read or
//! to write) and a time; nothing is stored and nothing takes time but waiting before a retry. So a
//! run of millions of requests takes seconds, and what it says is who is admitted when, not how fast
//! a reply comes.
//!
//! ```text
//! requests ──► gate (what the table has: shares, one bucket, or leases of routers)
//!              └► partition (limits of its replicas, burst, its node) ──► served
//!                     refused ──► client's backoff ──► again, or failed for good
//! every ten seconds: heat ──► split after a drawn delay; adaptive capacity; growth on demand
//! ```
//!
//! Where to start: [`Host`] is the loop, [`Partitions`] one table or index, `heat` says when a
//! partition is split, `gate` what each generation of DynamoDB has admitted by.

mod config;
#[cfg(test)]
mod conservation;
mod gate;
mod heat;
mod host;
mod items;
mod loads;
mod partitions;
mod places;
mod record;
mod retries;
#[cfg(test)]
mod tests;

pub use config::{
    AutoScaling, Capacity, Delay, Generation, NodeRule, REACTION, ROUTERS, Retrying, SPLIT_DELAY,
    Scene, Splits, TableRules,
};
pub use host::{Host, Request, Requests};
pub use items::{Items, Members};
pub use loads::{Even, Merged, Sorting, Spread, spread_places, whole_places};
pub use partitions::{Demand, Partitions, Why};
pub use places::{Collection, Place, Places};
pub use record::{
    Books, Checked, Cooled, HEAT_WINDOW, HeatCell, Kept, KeyCount, Recorded, SECOND, ScalingStep,
    Second, SplitEvent, Tokens,
};
