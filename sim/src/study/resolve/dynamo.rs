//! A DynamoDB table of a cell, and what it is partitioned by.

use super::super::cell::{Dynamodb, GlobalIndex, KeyDesign};
use super::super::dynamo::{self as doc, KeyName, LimitName, RetryName, SortName};
use super::super::part::Located;
use super::Resolver;
use crate::dynamo::{
    Capacity, Delay, NodeRule, REACTION, ROUTERS, Retrying, SPLIT_DELAY, Splits, TableRules,
};
use kvrig_dynamo::capacity::ReadConsistency;
use kvrig_dynamo::partition::{LimitMode, initial_partitions};
use kvrig_dynamo::retry::RetryPolicy;
use kvrig_dynamo::scaling::{ON_DEMAND_READS, ON_DEMAND_WRITES};
use std::ops::RangeInclusive;

/// More than any default quota of AWS's (80,000 units of an account) by far.
const UNITS: RangeInclusive<u64> = 1..=100_000_000;
const PARTITIONS: RangeInclusive<u64> = 1..=100_000;
const ROUTER_COUNTS: RangeInclusive<u64> = 1..=10_000;
const CLIENTS: RangeInclusive<u64> = 1..=1_000_000;
const SUFFIXES: RangeInclusive<u64> = 1..=1_000_000;
const CLIENTS_DEFAULT: u32 = 50;
impl Resolver<'_, '_> {
    pub(super) fn dynamodb(&mut self, written: &doc::Dynamodb) -> Option<Dynamodb> {
        let path = |key: &str| format!("store.dynamodb.{key}");
        let model = self.need(
            written.model.as_ref(),
            &path("model"),
            "by whose rules requests are admitted",
        );
        let capacity = self.need(
            written.capacity.as_ref(),
            &path("capacity"),
            "what is paid for: `provisioned` or `on-demand`",
        );
        let capacity = capacity.and_then(|capacity| self.capacity(capacity));
        let delay = match &written.heat_split_delay {
            Some(delay) => self.delay(delay, &path("heat_split_delay"))?,
            None => SPLIT_DELAY,
        };
        let routers = written.routers.as_ref();
        let routers = routers.map_or(ROUTERS, |n| self.small(n, "routers", ROUTER_COUNTS));
        let node = match &written.node {
            Some(node) => Some(self.node(node)?),
            None => None,
        };
        let partitions = written.partitions.as_ref();
        let partitions = partitions.map(|n| self.small(n, "partitions", PARTITIONS));
        let generation = model?.value.generation();
        let capacity = capacity?;
        let table = TableRules {
            generation,
            capacity,
            partitions: partitions.unwrap_or_else(|| enough(capacity)),
            limits: match written.limits.as_ref().map(|limits| limits.value) {
                Some(LimitName::Combined) => LimitMode::LinearCombination,
                Some(LimitName::Independent) | None => LimitMode::Independent,
            },
            routers,
            node,
            splits: generation.splits_for_heat().then_some(Splits {
                delay,
                has_local_index: written.local_index.as_ref().is_some_and(|has| has.value),
            }),
            reaction: REACTION,
            auto_scaling: None,
        };
        let index = match &written.global_index {
            Some(index) => Some(self.global_index(index, table)?),
            None => None,
        };
        let clients = written.clients.as_ref();
        let clients = clients.map_or(CLIENTS_DEFAULT, |n| self.small(n, "clients", CLIENTS));
        let mode = written
            .retries
            .as_ref()
            .map_or(RetryName::Standard, |mode| mode.value);
        Some(Dynamodb {
            model: model?.value,
            table,
            index,
            reads: match written
                .strong_reads
                .as_ref()
                .is_some_and(|strong| strong.value)
            {
                true => ReadConsistency::Strong,
                false => ReadConsistency::Eventual,
            },
            retrying: retrying(mode, clients),
        })
    }
    fn capacity(&mut self, capacity: &doc::Capacity) -> Option<Capacity> {
        let path = |key: &str| format!("store.dynamodb.capacity.provisioned.{key}");
        match capacity {
            doc::Capacity::OnDemand(_) => Some(Capacity::OnDemand),
            doc::Capacity::Provisioned(units) => {
                let write = self.need(
                    units.write.as_ref(),
                    &path("write"),
                    "how many write units a second",
                );
                let read = self.need(
                    units.read.as_ref(),
                    &path("read"),
                    "how many read units a second",
                );
                let (write, read) = (write?, read?);
                Some(Capacity::Provisioned {
                    write: self.units(write.value.0, write.at, "write"),
                    read: self.units(read.value.0, read.at, "read"),
                })
            }
        }
    }
    fn units(&mut self, units: u64, at: super::Origin, name: &str) -> u64 {
        if !UNITS.contains(&units) {
            self.report.out_of_range(
                at,
                format!("`{name}` is {units} units"),
                &format!("choose between {} and {}", UNITS.start(), UNITS.end()),
            );
        }
        units
    }
    pub(super) fn delay(&mut self, delay: &doc::Delay, path: &str) -> Option<Delay> {
        match delay {
            doc::Delay::Fixed(span) => Some(Delay::fixed(self.span(span))),
            doc::Delay::Uniform(range) => {
                let of = |key: &str| format!("{path}.uniform.{key}");
                let min = self.need(range.min.as_ref(), &of("min"), "the shortest time");
                let max = self.need(range.max.as_ref(), &of("max"), "the longest time");
                let (min, max) = (min?, max?);
                if min.value > max.value {
                    self.report.contradiction(
                        max.at,
                        format!("`max` is {}, below `min`, {}", max.value, min.value),
                        "choose `max` at least as large as `min`",
                    );
                }
                Some(Delay {
                    min: self.span(min),
                    max: self.span(max),
                })
            }
        }
    }
    pub(super) fn node(&mut self, node: &doc::Node) -> Option<NodeRule> {
        let path = |key: &str| format!("store.dynamodb.node.{key}");
        let meaning = "how much a node can spare in a second";
        let partitions = self.need(
            node.partitions.as_ref(),
            &path("partitions"),
            "how many partitions share a node",
        );
        let write = self.need(node.write.as_ref(), &path("write"), meaning);
        let read = self.need(node.read.as_ref(), &path("read"), meaning);
        let (write, read) = (write?, read?);
        Some(NodeRule {
            partitions: self.small(partitions?, "partitions", PARTITIONS),
            write: self.units(write.value.0, write.at, "write"),
            read: self.units(read.value.0, read.at, "read"),
        })
    }
    fn global_index(&mut self, index: &doc::GlobalIndex, table: TableRules) -> Option<GlobalIndex> {
        let path = "store.dynamodb.global_index.key";
        let key = self.need(index.key.as_ref(), path, "by which attribute it is divided")?;
        let write = index.write.as_ref();
        let write = write.map(|write| self.units(write.value.0, write.at, "write"));
        let partitions = index.partitions.as_ref();
        let partitions = partitions.map(|n| self.small(n, "partitions", PARTITIONS));
        Some(GlobalIndex {
            key: key.value,
            sort: sort_of(key.value, index.sort.as_ref()),
            rules: TableRules {
                capacity: match (table.capacity, write) {
                    (Capacity::Provisioned { read, .. }, Some(write)) => {
                        Capacity::Provisioned { read, write }
                    }
                    (capacity, _) => capacity,
                },
                partitions: partitions.unwrap_or(table.partitions),
                ..table
            },
        })
    }
    pub(super) fn key_design(&mut self, design: &doc::KeyDesign) -> Option<KeyDesign> {
        let path = |form: &str, key: &str| format!("workload.key_design.{form}.{key}");
        let meaning = "which attribute the table is partitioned by";
        let (key, suffixes, sort) = match design {
            doc::KeyDesign::Partition(plain) => {
                let key = self.need(plain.key.as_ref(), &path("partition", "key"), meaning)?;
                (key.value, 1, plain.sort.as_ref())
            }
            doc::KeyDesign::Sharded(sharded) => {
                let key = self.need(sharded.key.as_ref(), &path("sharded", "key"), meaning);
                let suffixes = self.need(
                    sharded.suffixes.as_ref(),
                    &path("sharded", "suffixes"),
                    "how many keys each value has",
                );
                let suffixes = suffixes.map(|n| self.small(n, "suffixes", SUFFIXES));
                (key?.value, suffixes?, sharded.sort.as_ref())
            }
        };
        if suffixes > 1 && key == KeyName::UserId {
            let at = match design {
                doc::KeyDesign::Sharded(sharded) => sharded.suffixes.as_ref().map(|n| n.at),
                doc::KeyDesign::Partition(_) => None,
            };
            if let Some(at) = at {
                self.report.contradiction(
                    at,
                    "keys that are drawn by popularity have no suffixes here".to_owned(),
                    "shard `date`, `status` or `country`",
                );
            }
        }
        Some(KeyDesign {
            key,
            suffixes,
            sort: sort_of(key, sort),
        })
    }
}

/// The sort key that goes with a partition key: what is written under a day or a status is sorted by
/// its time, what is written under a country by the order's number.
const fn sort_of(key: KeyName, written: Option<&Located<SortName>>) -> SortName {
    match (written, key) {
        (Some(sort), _) => sort.value,
        (None, KeyName::Date | KeyName::Status) => SortName::Increasing,
        (None, KeyName::Country) => SortName::Random,
        (None, KeyName::UserId | KeyName::DeviceId | KeyName::OrderId) => SortName::None,
    }
}

const fn retrying(mode: RetryName, clients: u32) -> Retrying {
    match mode {
        RetryName::Never => Retrying::NEVER,
        RetryName::Standard => Retrying {
            policy: RetryPolicy::STANDARD,
            clients,
            has_quota: true,
        },
        RetryName::Legacy => Retrying {
            policy: RetryPolicy::LEGACY,
            clients,
            has_quota: false,
        },
    }
}

/// Partitions of a new table.
fn enough(capacity: Capacity) -> u32 {
    let partitions =
        match capacity {
            Capacity::Provisioned { read, write } => initial_partitions(read, write, 0),
            Capacity::OnDemand => initial_partitions(0, ON_DEMAND_WRITES, 0)
                .max(initial_partitions(ON_DEMAND_READS, 0, 0)),
        };
    u32::try_from(partitions).unwrap_or(u32::MAX)
}
