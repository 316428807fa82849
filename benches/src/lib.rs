//! Measurements on a real clock, each beside its peer in the same run.
//!
//! Nothing here is needed to use kvrig, and nothing here decides a result: simulated figures come
//! from `kvrig run`, and these say what simulating them costs.

pub mod cpu_time;
pub mod growth;
