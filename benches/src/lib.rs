//! Measurements on a real clock, each beside its peer in the same run.
//!
//! Nothing here is needed to use kvrig, and nothing here decides a result: simulated figures come
//! from `kvrig run`, and these say what simulating them costs, and what the prices are of the
//! machine that they run on.

pub mod cpu_time;
pub mod growth;
pub mod machine;
pub mod nnls;
pub mod prices;
pub mod profile_text;
pub mod receipt;
pub mod replays;
