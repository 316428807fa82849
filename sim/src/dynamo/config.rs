//! What a table is set to, and the rules that AWS does not publish as numbers of ours.

use kvrig_base::random::Stream;
use kvrig_base::random::below;
use kvrig_base::time::Span;
use kvrig_dynamo::partition::LimitMode;
use kvrig_dynamo::retry::RetryPolicy;
use kvrig_dynamo::scaling::TargetTracking;

/// How DynamoDB has admitted requests over the years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// Throughput is divided equally among partitions, each with its burst (Elhemali et al., USENIX
    /// ATC 2022, sections 4 and 4.1.1).
    Static2012,
    /// The same, and the shares of throttled partitions are raised after minutes (section 4.1.2; AWS
    /// Database Blog, "How Amazon DynamoDB adaptive capacity accommodates uneven data access
    /// patterns": 5 to 30 minutes).
    Adaptive2017,
    /// Unused throughput of the table is at the disposal of any partition at once (AWS, 24 May 2019).
    Adaptive2019,
    /// One count of tokens for the table, lent to routers (section 4.2).
    Global2022,
}

impl Generation {
    /// Whether throughput belongs to partitions and is divided with them.
    pub const fn divides(self) -> bool {
        matches!(self, Self::Static2012 | Self::Adaptive2017)
    }
    /// Whether hot partitions are split: from 2019 on (AWS, "DynamoDB adaptive capacity is now
    /// instant", with isolation of frequently accessed items).
    pub const fn splits_for_heat(self) -> bool {
        !self.divides()
    }
}

/// What is paid for, in units per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// Read and write units that are provisioned.
    Provisioned {
        /// Read units.
        read: u64,
        /// Write units.
        write: u64,
    },
    /// Whatever comes, up to the quota of a table; partitions are added for twice the highest minute.
    OnDemand,
}

/// A time that is drawn evenly between two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay {
    /// The shortest.
    pub min: Span,
    /// The longest.
    pub max: Span,
}

impl Delay {
    /// Always the same time.
    pub const fn fixed(span: Span) -> Self {
        Self {
            min: span,
            max: span,
        }
    }
    /// The time at an address of a stream.
    pub fn draw(self, stream: Stream, entity: u64, index: u64) -> Span {
        let width = self.max.saturating_sub(self.min).as_picos();
        let word = stream.at(entity, index).0[0];
        self.min + Span::from_picos(below(word, width.saturating_add(1)))
    }
}

/// How hot partitions are split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Splits {
    /// From the decision to the two partitions. The paper says "in the order of minutes" (section
    /// 4.4).
    pub delay: Delay,
    /// Whether item collections must stay whole.
    pub has_local_index: bool,
}

/// What partitions share on their node; burst alone asks for it (section 4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeRule {
    /// Partitions of the table on one node, at least one.
    pub partitions: u32,
    /// Write units per second that the node can spare.
    pub write: u64,
    /// Read units per second that the node can spare.
    pub read: u64,
}

/// Target tracking with the delays around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AutoScaling {
    /// Of write units.
    pub target: TargetTracking,
    /// From the minute that decides to the alarm ("up to a few minutes", AWS Developer Guide).
    pub alarm: Delay,
    /// From the alarm to the new capacity ("several minutes").
    pub update: Delay,
}

/// One table or index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableRules {
    /// By what requests are admitted.
    pub generation: Generation,
    /// What is paid for.
    pub capacity: Capacity,
    /// Partitions at the start, at least one.
    pub partitions: u32,
    /// Whether reads and writes of a partition share its limit.
    pub limits: LimitMode,
    /// Request routers of global admission control, at least one.
    pub routers: u32,
    /// Nodes that can run out of what burst needs; without them they never do.
    pub node: Option<NodeRule>,
    /// How hot partitions are split; nothing where they never are.
    pub splits: Option<Splits>,
    /// From the first throttled request to the first boost, of [`Generation::Adaptive2017`].
    pub reaction: Delay,
    /// What changes provisioned write units.
    pub auto_scaling: Option<AutoScaling>,
}

/// "The order of minutes" (Elhemali et al., USENIX ATC 2022, section 4.4); about eight, and irregular,
/// in andrestone/dynamodb-load-test, 2020.
pub const SPLIT_DELAY: Delay = Delay {
    min: Span::from_secs(3 * 60),
    max: Span::from_secs(15 * 60),
};
/// AWS Database Blog on adaptive capacity before May 2019: 5 to 30 minutes.
pub const REACTION: Delay = Delay {
    min: Span::from_secs(5 * 60),
    max: Span::from_secs(30 * 60),
};
/// Routers of a table where none are given. AWS does not tell; it matters little, as leases follow
/// what each consumes.
pub const ROUTERS: u32 = 8;

impl TableRules {
    /// A table of one generation with the usual rules.
    pub const fn new(generation: Generation, capacity: Capacity, partitions: u32) -> Self {
        let splits = Splits {
            delay: SPLIT_DELAY,
            has_local_index: false,
        };
        Self {
            generation,
            capacity,
            partitions,
            limits: LimitMode::Independent,
            routers: ROUTERS,
            node: None,
            splits: if generation.splits_for_heat() {
                Some(splits)
            } else {
                None
            },
            reaction: REACTION,
            auto_scaling: None,
        }
    }
    /// The same with another delay of splits.
    #[must_use]
    pub fn splitting_after(self, delay: Delay) -> Self {
        Self {
            splits: self.splits.map(|splits| Splits { delay, ..splits }),
            ..self
        }
    }
    /// The same with item collections that must stay whole.
    #[must_use]
    pub fn with_local_index(self) -> Self {
        let has_local_index = true;
        Self {
            splits: self.splits.map(|splits| Splits {
                has_local_index,
                ..splits
            }),
            ..self
        }
    }
}

/// How clients ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retrying {
    /// When, and how often.
    pub policy: RetryPolicy,
    /// Clients, each with a quota of retries of its own where `has_quota`; at least one.
    pub clients: u32,
    /// Whether clients stop asking again when too much fails, as in standard mode.
    pub has_quota: bool,
}

impl Retrying {
    /// What is throttled has failed.
    pub const NEVER: Self = Self {
        policy: RetryPolicy::NEVER,
        clients: 1,
        has_quota: false,
    };
}

/// Everything that a run depends on besides its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scene {
    /// The table.
    pub table: TableRules,
    /// A global secondary index that every write is copied to.
    pub index: Option<TableRules>,
    /// What clients do when they are throttled.
    pub retrying: Retrying,
    /// How long requests come; replies to those that wait then are not waited for.
    pub duration: Span,
}
