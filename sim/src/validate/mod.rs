//! Does the simulator tell the truth? Closed forms beside its estimates.
//!
//! [`queueing()`] builds the textbook systems out of the simulator's own parts and compares what they
//! do with what queueing theory says they must do; [`coverage()`] counts how often the intervals of
//! [`crate::analysis`] cover a truth that is known.

mod closed_form;
mod coverage;
pub mod dynamodb;
mod experiment;
mod failover;
mod growing_load;
mod measured;
pub mod partitions;
mod queueing;
pub mod redis;
mod station;

pub use closed_form::{
    ClosedNetwork, erlang_c, md1_wait, mean_value_analysis, mm1_sojourn_quantile, mm1_wait,
    mmc_wait, pollaczek_khinchine_wait,
};
pub use coverage::{Coverage, coverage};
pub use queueing::{Check, FAMILY_CONFIDENCE, RELATIVE_ERROR_MAX, queueing, table};
