//! What can be wrong with the parameters of a workload.

use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::limits::{ARRIVAL_RATE_MAX, KEY_SPACES_MAX, KEYS_MAX, RUN_SPAN_MAX};

/// A parameter that no workload can be built from.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A Zipf exponent outside of what the samplers are tested for.
    #[error("the Zipf exponent is {0}; it must lie between 0 and 3")]
    ExponentOutOfRange(f64),
    /// A popularity over no keys at all.
    #[error("there must be at least one key")]
    NoKeys,
    /// More keys than a workload can have.
    #[error("{0} keys are more than the {KEYS_MAX} that a workload can have")]
    TooManyKeys(u64),
    /// A key space that ends smaller than it begins.
    #[error("the key space cannot shrink from {initial} to {max} keys")]
    ShrinkingKeySpace {
        /// Keys at the start.
        initial: u64,
        /// Keys at the end.
        max: u64,
    },
    /// A share above the whole.
    #[error("a share cannot exceed 100%")]
    ShareAboveWhole,
    /// A list of weights that has nothing to choose from.
    #[error("the weights are all zero")]
    NoWeight,
    /// Weights whose sum does not fit 64 bits.
    #[error("the weights add up to more than 2^64 - 1")]
    WeightsTooLarge,
    /// More weights than an alias table can index.
    #[error("{0} weights are more than the 2^32 - 1 that a table can hold")]
    TooManyWeights(usize),
    /// A mix whose shares do not make up the whole.
    #[error(
        "the shares of the mix add up to {parts_per_billion} parts per billion instead of 100%"
    )]
    MixNotWhole {
        /// What they add up to.
        parts_per_billion: u64,
    },
    /// A mix that names an operation twice.
    #[error("the mix names `{0}` twice")]
    MixRepeats(&'static str),
    /// A range of sizes whose ends are the wrong way round.
    #[error("the smallest size, {min} B, exceeds the largest, {max} B")]
    SizesReversed {
        /// Smallest size.
        min: u64,
        /// Largest size.
        max: u64,
    },
    /// A rate profile that never asks for anything.
    #[error("the arrival rate is zero at all times")]
    NoArrivals,
    /// A rate above what the integer arithmetic of arrivals covers.
    #[error("an arrival rate exceeds {} per second", ARRIVAL_RATE_MAX.0 / 1_000_000)]
    RateTooHigh,
    /// A phase of a rate profile that lasts longer than any run.
    #[error("a phase of the arrival rate exceeds the longest run, {RUN_SPAN_MAX}")]
    PhaseTooLong,
    /// A phase of a repeating rate profile that takes no time.
    #[error("a repeating arrival rate needs phases that take time")]
    PhaseEmpty,
    /// A distribution without spread, or with parameters that are no numbers.
    #[error("the scale of a distribution is {0}; it must be above 0 and finite")]
    ScaleNotPositive(f64),
    /// A shape for which a distribution has no mean.
    #[error("the shape of a distribution is {0}; it must lie between -1 and 1")]
    ShapeOutOfRange(f64),
    /// Gaps between arrivals that may be negative.
    #[error("the gaps between arrivals must not be negative")]
    NegativeGaps,
    /// A hot set that never moves on.
    #[error("the period in which the hot set moves on is zero")]
    NoPeriod,
    /// A workload without key spaces.
    #[error("a workload needs at least one key space")]
    NoKeySpaces,
    /// More key spaces than key numbers can tell apart.
    #[error("{0} key spaces are more than the {KEY_SPACES_MAX} that a workload can have")]
    TooManyKeySpaces(usize),
    /// A prefix that could be taken for the beginning of a number.
    #[error("the key prefix `{0}` ends in a digit, so that keys could not be told apart")]
    PrefixEndsInDigit(String),
    /// Two key spaces whose keys would be the same.
    #[error("two key spaces have the key prefix `{0}`")]
    PrefixRepeats(String),
    /// A trace beside other key spaces.
    #[error("a recorded trace is a whole workload and cannot be one of several key spaces")]
    TraceAmongKeySpaces,
    /// A trace to be replayed by no copies.
    #[error("a trace needs at least one copy")]
    NoCopies,
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        Self::new(diagnostic::OUT_OF_RANGE, error.to_string())
    }
}
