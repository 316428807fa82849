//! What a study file says, resolved: plain values with nothing left to decide.

mod dynamo;
mod workload;

pub use dynamo::{AdaptiveCapacityKnobs, Dynamodb, GlobalIndex, HotPartitionsKnobs, KeyDesign};
pub use workload::{
    Arrivals, Law, Lengths, Load, Patience, Popularity, Selection, Sizes, Space, Turnover, Workload,
};

use super::cost::{IndexProjection, ReadDesign, RetryMode};
use super::document::{BigCommand, PolicyName, RedisVersion, TableName};
use super::scalars::{Millionths, Moment};
use super::source::{Origin, Sources};
use crate::run::Objective;
use kvrig_base::diagnostic::Diagnostic;
use kvrig_base::quantity::{Bandwidth, Bytes, Share};
use kvrig_base::time::{Span, Wall};
use kvrig_dynamo::price::PriceTable;
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
    /// Whether the file is the built-in study itself, so that nobody else wrote its thresholds.
    pub is_built_in: bool,
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
    /// The store of a study of Redis.
    pub redis: Option<Redis>,
    /// The table of a study of DynamoDB.
    pub dynamodb: Option<Dynamodb>,
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
    /// Who waits behind one big command?
    BigKeys(BigKeysKnobs),
    /// What hit ratio does memory buy?
    Eviction(EvictionKnobs),
    /// How much skew can a table take before it throttles?
    HotPartitions(HotPartitionsKnobs),
    /// What do burst, adaptive capacity and splits save, and how soon?
    AdaptiveCapacity(AdaptiveCapacityKnobs),
    /// Where do the prices of DynamoDB's capacity modes cross?
    Cost(CostKnobs),
}

/// Knobs of the study `cost`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostKnobs {
    /// Region whose prices hold, with its place.
    pub region: Placed<String>,
    /// Prices that the study states instead of those that are known.
    pub prices: Option<Box<PriceTable>>,
    /// Shares of a provisioned table that an even load uses, rising, above none and at most the whole.
    pub utilisations: Vec<Share>,
    /// Capacities as shares of the peak of the workload's own arrivals, falling, above none.
    pub peak_shares: Vec<Share>,
    /// Peak-to-mean ratios, rising, above 1.
    pub peak_to_mean: Vec<Millionths>,
    /// How long a burst lasts: whole minutes, at least one.
    pub burst: Span,
    /// Share of reads that are strongly consistent.
    pub strong_reads: Share,
    /// What one read fetches.
    pub reads: ReadDesign,
    /// Orders of a page.
    pub orders: u32,
    /// Bytes of the customer's item of a page.
    pub customer_bytes: u64,
    /// Global secondary indexes by what they hold.
    pub indexes: Vec<IndexProjection>,
    /// Read and write units of a provisioned table beside the others.
    pub provisioned: Option<(u64, u64)>,
    /// How clients ask again.
    pub retries: RetryMode,
    /// Auto scaling.
    pub scaling: CapacityScaling,
}

/// Auto scaling by target tracking; minutes are its clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapacityScaling {
    /// Percent of the capacity that is meant to be used, 20 to 90.
    pub target_percent: u64,
    /// Units at least.
    pub min: u64,
    /// Units at most, not below `min`.
    pub max: u64,
    /// Longest delay of an alarm, in minutes.
    pub alarm_minutes: u64,
    /// Duration of an update, in minutes.
    pub update_minutes: u64,
    /// Shortest time between an increase and the change before it, in minutes.
    pub cooldown_out_minutes: u64,
    /// Shortest time between a decrease and the change before it, in minutes.
    pub cooldown_in_minutes: u64,
}

/// Knobs of the study `big-keys`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BigKeysKnobs {
    /// Commands, each once and never `all`, in the order of asking; at least one.
    pub commands: Vec<BigCommand>,
    /// Elements, ascending, each once; at least one.
    pub sizes: Vec<u64>,
    /// Bytes of one element.
    pub element_bytes: u64,
    /// Small keys that the other clients ask for; at least one.
    pub keys: u64,
    /// Time before the command; above zero.
    pub lead_in: Span,
    /// Time after it that is told as after it; above zero.
    pub window: Span,
    /// Limits on the time for which a command keeps the core, ascending; may be empty.
    pub limits: Vec<Span>,
}

/// Knobs of the study `eviction`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvictionKnobs {
    /// Keys that popularity is drawn over, at least one.
    pub keys: u64,
    /// Requests that reference caches replay, at least two.
    pub requests: u64,
    /// Sizes of reference caches in keys, rising, each once; at least one.
    pub sizes: Vec<u32>,
    /// Requests that the node serves, at least two.
    pub node_requests: u64,
    /// Sizes of the node in keys, rising, each once; may be empty.
    pub node_sizes: Vec<u32>,
    /// Policies of the node, each once, in the order of asking.
    pub policies: Vec<PolicyName>,
    /// Keys that are sampled for an eviction, at least one.
    pub samples: u32,
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
    /// Time after the old table is freed, or after growth in parts has begun.
    pub lead_out: Span,
    /// Sizes at which the table alone is measured: powers of two; may be empty.
    pub size_curve: Vec<u64>,
    /// Places of tables that never grow, powers of two; may be empty.
    pub fixed_places: Vec<u64>,
    /// A fall and a rise of the number of keys in place of the doublings.
    pub swing: Option<Swing>,
    /// Many nodes in place of one.
    pub fleet: Option<Fleet>,
}

/// Many nodes behind clients that ask several of them at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fleet {
    /// Number of nodes, at least one.
    pub nodes: u32,
    /// Requests, each to a drawn node, that a client sends at once and waits for; at least one.
    pub parts: u32,
    /// How much nodes differ in keys at the start, as a share of the doubling.
    pub stagger: Share,
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
