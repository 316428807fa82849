//! What a study file says about the workload, resolved.

use super::Placed;
use super::dynamo::KeyDesign;
use crate::client::Backoff;
use crate::study::Millionths;
use kvrig_base::quantity::{Bytes, Rate, Share};
use kvrig_base::time::Span;
use kvrig_workloads::OpKind;

/// What clients ask for, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Open or closed loop.
    pub load: Load,
    /// How long clients wait, and how often they ask; none waits for ever.
    pub patience: Option<Patience>,
    /// Key spaces; at least one, and only one where a trace is replayed.
    pub spaces: Vec<Space>,
    /// What a DynamoDB table is partitioned by.
    pub key_design: KeyDesign,
}

/// What is asked for in one key space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    /// Weight among the key spaces; 1 where there is only one.
    pub weight: u64,
    /// Operations and their shares, together the whole.
    pub mix: Vec<(OpKind, Share)>,
    /// Keys at the start, where the study does not decide it; of several key spaces, their sizes
    /// beside one another.
    pub keys: Option<u64>,
    /// What keys begin with, if the file says so.
    pub key_prefix: Option<Placed<String>>,
    /// Which keys are asked for.
    pub selection: Selection,
    /// Whether popular keys are spread over the key space.
    pub scramble: bool,
    /// Length of keys.
    pub key_size: Sizes,
    /// Length of values.
    pub value_size: Sizes,
    /// Whether the length of values is that of whole items, keys and names included.
    pub has_item_size: bool,
    /// Time to live of what is written.
    pub ttl: Option<Span>,
    /// Members that a collection may have.
    pub members: u64,
    /// How many records are read at once.
    pub scan_length: Lengths,
}

/// How many records are read at once: from 1 to a largest number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lengths {
    /// Every number alike.
    Uniform(u32),
    /// Zipf.
    Zipf(u32),
}

/// Who decides when the next request is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Load {
    /// A schedule that waits for nobody.
    Open {
        /// When requests are meant to start.
        arrivals: Arrivals,
        /// Connections that they are spread over.
        connections: u32,
    },
    /// Clients that wait for their replies.
    Closed {
        /// How many.
        clients: u32,
        /// Mean pause between a reply and the next request.
        think_time: Span,
    },
}

/// A client's time limit and its retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How long an attempt waits for its reply; above zero.
    pub timeout: Span,
    /// Attempts after the first.
    pub retries: u32,
    /// The pauses before them.
    pub backoff: Backoff,
}

/// When requests are meant to start; all rates are above zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// Independent of one another at this rate.
    Poisson(Rate),
    /// Evenly spaced at this rate.
    Constant(Rate),
    /// Poisson at `rate` for `on`, then nothing for `off`.
    OnOff {
        /// During a burst.
        rate: Rate,
        /// Length of a burst.
        on: Span,
        /// Length of the silence.
        off: Span,
    },
    /// Poisson at `from`, and at `to` from `at` on.
    Step {
        /// Before.
        from: Rate,
        /// After.
        to: Rate,
        /// When it changes.
        at: Span,
    },
    /// Poisson whose rate follows a sine wave.
    Diurnal {
        /// The lowest rate.
        low: Rate,
        /// The highest rate, at least `low`.
        high: Rate,
        /// Length of a wave.
        period: Span,
        /// When in the wave the rate is highest.
        peak_at: Span,
    },
    /// Poisson with a rate for each equal part of `period`, over and over; not all are zero.
    Table {
        /// The rates; at least one.
        rates: Vec<Rate>,
        /// Length of all parts.
        period: Span,
    },
    /// Gaps by the generalised Pareto law.
    GPareto {
        /// Requests a second on average.
        rate: Rate,
        /// The shape, below 1.
        shape: Millionths,
    },
    /// Poisson whose rate goes evenly from `from` to `to` within `over`.
    Ramp {
        /// At the start.
        from: Rate,
        /// At the end.
        to: Rate,
        /// How long the change takes.
        over: Span,
    },
}

/// Which keys are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Drawn.
    Drawn(Popularity),
    /// Read from a recorded trace.
    Trace {
        /// The file, relative to the study file.
        file: Placed<String>,
        /// Its format, where the name does not tell.
        format: Option<Placed<String>>,
        /// Copies of its key space, at least one.
        copies: u32,
    },
}

/// How often keys are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Popularity {
    /// Zipf with this exponent, 0 to 3.
    Zipf(Millionths),
    /// YCSB's approximation with this exponent, above 0 and below 1.
    Ycsb(Millionths),
    /// All alike.
    Uniform,
    /// A share of the keys gets a share of the requests.
    Hotspot {
        /// Of the keys.
        keys: Share,
        /// Of the requests.
        requests: Share,
    },
    /// As a hotspot whose keys change.
    Moving {
        /// Of the keys.
        keys: Share,
        /// Of the requests.
        requests: Share,
        /// After what the hot keys are others.
        turnover: Turnover,
    },
    /// Zipf by age with this exponent, the newest key first.
    Latest(Millionths),
    /// Exponential by age: a share of the requests goes to a share of the keys, the newest.
    Exponential {
        /// Of the keys.
        keys: Share,
        /// Of the requests.
        requests: Share,
    },
    /// One after the other.
    Sequential,
    /// By weights in a file, relative to the study file.
    Weights(Placed<String>),
}

/// A time, or a number of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turnover {
    /// By the intended starts of operations.
    Time(Span),
    /// By their number.
    Operations(u64),
}

/// Lengths of keys or values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// All alike.
    Fixed(Bytes),
    /// Uniform between two, both included.
    Uniform {
        /// The shortest.
        min: Bytes,
        /// The longest.
        max: Bytes,
    },
    /// By weights in a file, relative to the study file.
    Histogram(Placed<String>),
    /// By a continuous law within limits.
    Law {
        /// The law.
        law: Law,
        /// The shortest.
        min: Bytes,
        /// The longest.
        max: Bytes,
    },
    /// Some lengths with a share each, and a law for the rest.
    Mixed {
        /// Lengths and shares.
        shares: Vec<(Bytes, Share)>,
        /// The law of the rest.
        law: Law,
        /// The shortest of the rest.
        min: Bytes,
        /// The longest of the rest.
        max: Bytes,
    },
}

/// A continuous law of lengths in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// Normal.
    Normal {
        /// Mean.
        mean: Millionths,
        /// Standard deviation.
        deviation: Millionths,
    },
    /// Generalised extreme value.
    Gev {
        /// Location.
        location: Millionths,
        /// Scale.
        scale: Millionths,
        /// Shape.
        shape: Millionths,
    },
    /// Generalised Pareto.
    GPareto {
        /// Location.
        location: Millionths,
        /// Scale.
        scale: Millionths,
        /// Shape.
        shape: Millionths,
    },
}
