//! The keys of `[store.dynamodb]`, and those of a workload that only partitions care about.

use super::declare::{choice, names, table};
use super::part::{Located, Scalar, quoted};
use super::scalars::Count;
use super::source::Value;
use super::workload::Nothing;
use crate::dynamo::Generation;
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::quantity::parse_count;
use kvrig_base::time::Span;
use schemars::{Schema, json_schema};

table! {
    /// DynamoDB: one table, by what it admits.
    pub struct Dynamodb {
        /// By whose rules throughput is given to partitions.
        model: Located<ModelName>,
        /// What is paid for.
        capacity: Capacity,
        /// Partitions at the start.
        partitions: Located<Count>,
        /// From the decision to split a hot partition to the two that replace it.
        heat_split_delay: Delay,
        /// Whether the table has a local secondary index, so that item collections stay whole.
        local_index: Located<bool>,
        /// Whether reads and writes of a partition are limited each by itself.
        limits: Located<LimitName>,
        /// Request routers that admission tokens are lent to.
        routers: Located<Count>,
        /// Nodes that can run out of what burst needs; without them they never do.
        node: Node,
        /// A global secondary index that every write is copied to.
        global_index: GlobalIndex,
        /// Whether reads are strongly consistent; they are eventual unless said otherwise.
        strong_reads: Located<bool>,
        /// How clients ask again when they are throttled.
        retries: Located<RetryName>,
        /// Clients, each with a quota of retries of its own.
        clients: Located<Count>,
    }
}

choice! {
    /// What is paid for.
    pub enum Capacity {
        /// Units per second.
        Provisioned(Provisioned) = "provisioned",
        /// Whatever comes.
        OnDemand(Nothing) = "on-demand",
    }
}
table! {
    /// Units per second.
    pub struct Provisioned {
        /// Write units.
        write: Located<WriteCapacity>,
        /// Read units.
        read: Located<ReadCapacity>,
    }
}
choice! {
    /// A time that is drawn.
    pub enum Delay {
        /// Every time between two alike.
        Uniform(DelayRange) = "uniform",
        /// Always the same.
        Fixed(Located<Span>) = "fixed",
    }
}
table! {
    /// A range of times.
    pub struct DelayRange {
        /// The shortest.
        min: Located<Span>,
        /// The longest.
        max: Located<Span>,
    }
}
table! {
    /// What partitions share on their node.
    pub struct Node {
        /// Partitions of the table on one node.
        partitions: Located<Count>,
        /// Write units per second that a node can spare.
        write: Located<WriteCapacity>,
        /// Read units per second that a node can spare.
        read: Located<ReadCapacity>,
    }
}
table! {
    /// A global secondary index.
    pub struct GlobalIndex {
        /// Its partition key.
        key: Located<KeyName>,
        /// Its sort key, if not what is usual with the partition key.
        sort: Located<SortName>,
        /// Its write units per second; those of the table where they are not given.
        write: Located<WriteCapacity>,
        /// Its partitions at the start; as many as the table has where they are not given.
        partitions: Located<Count>,
    }
}

names! {
    /// A generation of DynamoDB's admission.
    pub enum ModelName expected "the name of a model" {
        /// Throughput divided among partitions, with burst.
        Static2012 = "static-2012",
        /// The same with boosts after minutes.
        Adaptive2017 = "adaptive-2017",
        /// The table's unused throughput at once.
        Adaptive2019 = "adaptive-2019",
        /// Global admission control.
        Gac2022 = "gac-2022",
    }
}
impl ModelName {
    /// The generation that it stands for.
    pub const fn generation(self) -> Generation {
        match self {
            Self::Static2012 => Generation::Static2012,
            Self::Adaptive2017 => Generation::Adaptive2017,
            Self::Adaptive2019 => Generation::Adaptive2019,
            Self::Gac2022 => Generation::Global2022,
        }
    }
}
names! {
    /// How much of the service is run.
    pub enum FidelityName expected "`admission`, `items` or `replicated`" {
        /// Admission alone.
        Admission = "admission",
        /// Items too.
        Items = "items",
        /// Routers and replicas.
        Replicated = "replicated",
    }
}
names! {
    /// How reads and writes of a partition are limited.
    pub enum LimitName expected "`independent` or `combined`" {
        /// Each by itself.
        Independent = "independent",
        /// Parts of both make up the whole.
        Combined = "combined",
    }
}
names! {
    /// How clients ask again.
    pub enum RetryName expected "the name of a retry mode" {
        /// Not at all.
        Never = "never",
        /// The SDKs' standard mode: three attempts, with jitter and a quota.
        Standard = "standard",
        /// botocore's legacy mode for DynamoDB: ten attempts without jitter.
        Legacy = "legacy",
    }
}
names! {
    /// What partition keys are.
    pub enum KeyName expected "the name of a key" {
        /// A user: as popular as the workload says.
        UserId = "user_id",
        /// A device: all alike.
        DeviceId = "device_id",
        /// An order: a key of its own for every write.
        OrderId = "order_id",
        /// A country: one of few, unevenly.
        Country = "country",
        /// The day: one for all writes.
        Date = "date",
        /// The status of an order: one of five, unevenly.
        Status = "status",
    }
}
names! {
    /// What sort keys are.
    pub enum SortName expected "the name of a kind of sort key" {
        /// There is none: one item under each partition key.
        None = "none",
        /// Anywhere in the collection.
        Random = "random",
        /// Ever higher: times, counters.
        Increasing = "increasing",
    }
}
choice! {
    /// Which attribute the table is partitioned by.
    pub enum KeyDesign {
        /// By the attribute itself.
        Partition(PartitionKey) = "partition",
        /// By the attribute with a suffix that is drawn, so that one value has several keys.
        Sharded(ShardedKey) = "sharded",
    }
}
table! {
    /// A partition key.
    pub struct PartitionKey {
        /// The attribute.
        key: Located<KeyName>,
        /// The sort key, if not what is usual with it.
        sort: Located<SortName>,
    }
}
table! {
    /// A partition key with a suffix.
    pub struct ShardedKey {
        /// The attribute.
        key: Located<KeyName>,
        /// Suffixes.
        suffixes: Located<Count>,
        /// The sort key, if not what is usual with it.
        sort: Located<SortName>,
    }
}

macro_rules! units {
    ($($(#[$doc:meta])* $name:ident, $unit:literal, $expected:literal;)*) => {
        $($(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) struct $name(pub(super) u64);

        impl Scalar for $name {
            const EXPECTED: &'static str = $expected;
            fn read(value: &Value) -> Option<Result<Self, Diagnostic>> {
                let (Value::Text(text) | Value::Number(text)) = value else {
                    return None;
                };
                let Some(count) = text.strip_suffix($unit) else {
                    let message = format!("`{text}` has no unit of capacity");
                    let error = Diagnostic::new(diagnostic::WRONG_TYPE, message);
                    return Some(Err(error.help(concat!(
                        "write units per second with their unit, such as `1000", $unit, "`"
                    ))));
                };
                Some(parse_count(count.trim_end()).map(Self).map_err(Diagnostic::from))
            }
            fn print(&self) -> String {
                quoted(&format!("{}{}", self.0, $unit))
            }
            fn schema() -> Schema {
                json_schema!({ "type": "string", "examples": [concat!("1000", $unit)] })
            }
        })*
    };
}

units! {
    /// Write units per second.
    WriteCapacity, "WCU", "write capacity such as `1000WCU`";
    /// Read units per second.
    ReadCapacity, "RCU", "read capacity such as `3000RCU`";
}
