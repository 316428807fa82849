//! Partitions: how many there are, which keys lie in which, and what each lets through.
//!
//! Everything here is arithmetic on requests and times that are given. Who measures load, decides
//! on a split and how long it takes is the business of the roles that use it.

mod adaptive;
mod admission;
mod bucket;
mod global;
mod ledger;
mod map;
mod split;

pub use adaptive::{AdaptiveCapacity, Observed};
pub use admission::{
    Allocation, LimitMode, PartitionBuckets, Refused, Replica, Source, read_blocks,
};
pub use bucket::TokenBucket;
pub use global::{GlobalAdmission, Lease, REPLENISH_SPAN, RouterBucket, RouterId};
pub use ledger::Ledger;
pub use map::{Boundary, PARTITIONS_MAX, Partition, PartitionId, PartitionMap, SplitError};
pub use split::{NoSplit, Sample, split_point};

use kvrig_base::time::Span;

/// Read units per second of one partition at most (AWS Developer Guide, "Partitions and data
/// distribution" and "Burst and adaptive capacity").
pub const PARTITION_READS_MAX: u64 = 3_000;
/// Write units per second of one partition at most (same chapters).
pub const PARTITION_WRITES_MAX: u64 = 1_000;
/// Bytes of one partition at most: 10 GB (AWS Developer Guide, "Partitions and data distribution").
pub const PARTITION_BYTES_MAX: u64 = 10 * 1024 * 1024 * 1024;
/// How long unused capacity is kept: 5 minutes (AWS Developer Guide, "Burst and adaptive capacity";
/// Elhemali et al., USENIX ATC 2022, section 4.1.1).
pub const BURST_SPAN: Span = Span::from_secs(300);
/// Replicas of a partition, each in a zone of its own (Elhemali et al., section 3).
pub const REPLICAS: usize = 3;

/// Partitions of a new provisioned table, by the rule of the guide's earlier editions: enough for
/// reads and writes together, and for the data.
///
/// Units are per second, data in bytes.
pub const fn initial_partitions(read: u64, write: u64, bytes: u64) -> u64 {
    let demand =
        read as u128 * PARTITION_WRITES_MAX as u128 + write as u128 * PARTITION_READS_MAX as u128;
    let one = PARTITION_READS_MAX as u128 * PARTITION_WRITES_MAX as u128;
    larger(
        larger(1, narrow(demand.div_ceil(one))),
        bytes.div_ceil(PARTITION_BYTES_MAX),
    )
}

/// Partitions that a warm throughput needs: reads and writes are limited independently.
///
/// A new on-demand table, warm for 12,000 reads and 4,000 writes, has four.
pub const fn warm_partitions(read: u64, write: u64) -> u64 {
    let partitions = larger(
        read.div_ceil(PARTITION_READS_MAX),
        write.div_ceil(PARTITION_WRITES_MAX),
    );
    larger(1, partitions)
}

/// Partitions after a change of the provisioned throughput, as static partitioning had it: each is
/// split in two until its equal share fits, and none is ever merged (Elhemali et al., section 4).
pub const fn static_partitions(present: u64, read: u64, write: u64) -> u64 {
    let needed = initial_partitions(read, write, 0);
    let mut partitions = larger(1, present);
    while partitions < needed {
        partitions = partitions.saturating_mul(2);
    }
    partitions
}

const fn larger(one: u64, other: u64) -> u64 {
    if one > other { one } else { other }
}

const fn narrow(n: u128) -> u64 {
    if n > u64::MAX as u128 {
        u64::MAX
    } else {
        n as u64
    }
}
