//! What a study file says about a DynamoDB table, resolved.

use crate::dynamo::{Delay, Retrying, TableRules};
use crate::study::dynamo::{FidelityName, KeyName, ModelName, SortName};
use kvrig_base::quantity::{Rate, Share};
use kvrig_base::time::Span;
use kvrig_dynamo::capacity::ReadConsistency;

/// A DynamoDB table as configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dynamodb {
    /// The name of its model.
    pub model: ModelName,
    /// The table.
    pub table: TableRules,
    /// A global secondary index.
    pub index: Option<GlobalIndex>,
    /// How consistent reads are.
    pub reads: ReadConsistency,
    /// What clients do when they are throttled.
    pub retrying: Retrying,
}

/// A global secondary index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlobalIndex {
    /// Its partition key.
    pub key: KeyName,
    /// Its sort key.
    pub sort: SortName,
    /// Its throughput and partitions.
    pub rules: TableRules,
}

/// What a table is partitioned by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyDesign {
    /// The attribute.
    pub key: KeyName,
    /// Suffixes that each of its values has; 1 where it has none.
    pub suffixes: u32,
    /// The sort key.
    pub sort: SortName,
}

impl KeyDesign {
    /// The design without sort key and suffixes: a partition key that is drawn by popularity.
    pub const PLAIN: Self = Self {
        key: KeyName::UserId,
        suffixes: 1,
        sort: SortName::None,
    };
}

/// Knobs of the study `hot-partitions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HotPartitionsKnobs {
    /// A minute is clean if at most this share of attempts is throttled.
    pub clean: Share,
    /// Whether the highest clean rate of every cell is searched for.
    pub find_max_rate: bool,
    /// How long the table with all its splits is run.
    pub healed: Span,
    /// What is behind admission; never replicas, which the study cannot follow.
    pub fidelity: FidelityName,
}

/// Knobs of the study `adaptive-capacity`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdaptiveCapacityKnobs {
    /// Models to compare, each once; at least one.
    pub models: Vec<ModelName>,
    /// Write rates of the keys of the uneven load, one a partition; at least one.
    pub uneven: Vec<Rate>,
    /// How long the uneven load lasts.
    pub uneven_span: Span,
    /// The rate of strong reads on 150 units that were not used for five minutes.
    pub saved_reads: Rate,
    /// How long those last.
    pub saved_span: Span,
    /// The rate of writes to one partition key.
    pub one_key: Rate,
    /// How long those last.
    pub one_key_span: Span,
    /// Delays of splits under which it is run, ascending.
    pub split_delays: Vec<Span>,
    /// The rate at which ramps end.
    pub ramp_to: Rate,
    /// Lengths of ramps, ascending.
    pub ramps: Vec<Span>,
    /// How long the end of a ramp is held.
    pub ramp_hold: Span,
    /// Rates before and after a step.
    pub step: (Rate, Rate),
    /// How long the rate before it and the rate after it last.
    pub step_spans: (Span, Span),
    /// How long the alarm of auto scaling takes, and the change of capacity.
    pub scaling_delays: (Delay, Delay),
}
