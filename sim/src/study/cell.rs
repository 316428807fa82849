//! What a study file says, resolved: plain values with nothing left to decide.

use super::document::{RedisVersion, TableName};
use super::scalars::{Millionths, Moment};
use super::source::{Origin, Sources};
use crate::client::Backoff;
use crate::run::Objective;
use kvrig_base::diagnostic::Diagnostic;
use kvrig_base::quantity::{Bandwidth, Bytes, Rate, Share};
use kvrig_base::time::{Span, Wall};
use kvrig_workloads::OpKind;
use std::collections::BTreeMap;

/// A study ready to be planned.
#[derive(Clone, Debug)]
pub struct Study {
    /// Its name: `rehash`.
    pub name: &'static str,
    /// The title of its report.
    pub title: String,
    /// The root seed.
    pub seed: u64,
    /// Replications of every cell, at least one.
    pub seeds: u32,
    /// Whether `--quick` replaced settings.
    pub quick: bool,
    /// The run is refused if its estimate is higher.
    pub max_memory: Bytes,
    /// Every combination of the sweep in order of writing (the last axis fastest), then the
    /// variants; at least one.
    pub cells: Vec<Cell>,
    /// The thresholds, in file order.
    pub objectives: Vec<Objective>,
    /// By how much metrics may worsen against a baseline.
    pub gates: BTreeMap<String, Gate>,
    /// What the file asks for that this version leaves out.
    pub warnings: Vec<Diagnostic>,
    /// The merged document as a study file.
    pub document: String,
    /// The texts, for messages about [`Placed`] and its like.
    pub sources: Sources,
}

/// One configuration to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The variant's name; empty for cells of the sweep.
    pub variant: String,
    /// Axis of the sweep to value, as text.
    pub axes: BTreeMap<String, String>,
    /// The question's knobs.
    pub kind: StudyKind,
    /// Simulated time, where the study does not decide it.
    pub duration: Option<Span>,
    /// Civil time at the start.
    pub start: Wall,
    /// The machine.
    pub host: Host,
    /// The store.
    pub redis: Redis,
    /// What clients ask for.
    pub workload: Workload,
    /// What else happens, in file order.
    pub events: Vec<Event>,
}

/// The question of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StudyKind {
    /// How long does growth stop the store, and who waits?
    Rehash(RehashKnobs),
}

/// Knobs of the study `rehash`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RehashKnobs {
    /// Tables to compare, each once and of this version, in the order of asking; at least one.
    pub tables: Vec<TableName>,
    /// Entries at which the table grows: powers of two.
    pub doublings: Vec<u64>,
    /// Time before the doubling.
    pub lead_in: Span,
    /// Time after the old table is freed.
    pub lead_out: Span,
    /// Sizes at which the table alone is measured: powers of two; may be empty.
    pub size_curve: Vec<u64>,
    /// A fall and a rise of the number of keys in place of the doublings.
    pub swing: Option<Swing>,
}

/// A number of keys that falls from its highest to its lowest and rises again, evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swing {
    /// Keys at the lowest point, at least one.
    pub low: u64,
    /// Keys at the start and at the end, above `low`.
    pub high: u64,
    /// How long it takes, there and back; above zero.
    pub period: Span,
}

/// The machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Cores, at least one.
    pub cores: u32,
    /// A built-in profile's name or a file.
    pub profile: Placed<String>,
    /// One-way delay of the network, if not the profile's.
    pub link_latency: Option<Span>,
    /// Bandwidth of the network, if not the profile's.
    pub link_bandwidth: Option<Bandwidth>,
    /// Time of a disk sync, if not the profile's.
    pub disk_sync: Option<Span>,
    /// Bandwidth of the disk, if not the profile's.
    pub disk_bandwidth: Option<Bandwidth>,
}

/// A value whose place is kept, because only its user can tell whether it is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it was written, for [`Sources::diagnostic`].
    pub at: Origin,
}

/// Redis as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redis {
    /// Whose rules hold.
    pub version: RedisVersion,
    /// Directives of redis.conf in the order of writing.
    pub conf: Vec<Conf>,
    /// Whether tables are kept from growing beyond the memory limit, as from 6.2 on.
    pub growth_guard: bool,
}

/// One directive of a store's own configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conf {
    /// Its name.
    pub name: Placed<String>,
    /// Its value as text: `10`, `yes`, `allkeys-lru`.
    pub value: Placed<String>,
}

/// What clients ask for, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Open or closed loop.
    pub load: Load,
    /// How long clients wait, and how often they ask; none waits for ever.
    pub patience: Option<Patience>,
    /// Operations and their shares, together the whole.
    pub mix: Vec<(OpKind, Share)>,
    /// Keys at the start, where the study does not decide it.
    pub keys: Option<u64>,
    /// Which keys are asked for.
    pub selection: Selection,
    /// Whether popular keys are spread over the key space.
    pub scramble: bool,
    /// Length of keys.
    pub key_size: Sizes,
    /// Length of values.
    pub value_size: Sizes,
    /// Time to live of every key, if any.
    pub ttl: Option<Span>,
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
    /// One after the other.
    Sequential,
    /// By weights in a file, relative to the study file.
    Weights(Placed<String>),
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
}

/// Something that happens besides requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Moment,
    /// What.
    pub action: Action,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The store forks and writes a snapshot.
    Bgsave,
}

/// How much worse a metric may be: both must be passed to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Share of the baseline's value.
    pub worse: Share,
    /// Difference that never matters, in the metric's base unit.
    pub floor: i64,
}
