//! The discrete-event simulator: virtual time for real engines.
//!
//! Nothing here reads a wall clock or depends on the order of a std hash map; one run is one
//! thread. See ARCHITECTURE.md for the map of modules.

pub mod analysis;
pub mod calibrate;
pub mod client;
pub mod cost;
pub mod dynamo;
pub mod dynamo_cluster;
pub mod import;
pub mod queue;
pub mod record;
pub mod run;
pub mod studies;
pub mod study;
pub mod validate;
pub mod world;
