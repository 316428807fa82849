//! The buckets that every fidelity uses: those of a partition, and a router's part of a table.

use super::directory::{Catalog, Directory, GroupId, KeyspaceKind};
use crate::partition::Lease;
use crate::partition::{
    Allocation, LimitMode, PARTITION_READS_MAX, PARTITION_WRITES_MAX, PartitionBuckets, REPLICAS,
    RouterBucket,
};
use crate::schema::Throughput;
use kvrig_base::time::{Span, Time};

/// How soon a router that was lent less than it wanted may ask again. Ours: it bounds what a throttled
/// table costs the admission server. One that was lent all may ask at once, so that a burst is served
/// from what the table has saved, however small the first lease was.
const ASK_AGAIN_SPAN: Span = Span::from_millis(100);

/// The buckets of a new partition of a table: since a table's throughput is admitted globally, they
/// are the limits of any partition alone (Elhemali et al., USENIX ATC 2022, section 4.2).
pub(super) fn table_buckets(mode: LimitMode, now: Time) -> PartitionBuckets {
    // Half units of eventual reads of all replicas, were they strong: never less than their limits.
    let reads = Allocation::full(PARTITION_READS_MAX * 2 * REPLICAS as u64, now);
    let writes = Allocation::full(PARTITION_WRITES_MAX, now);
    PartitionBuckets::new(reads, writes, mode, now)
}

/// The buckets of a new partition: of an index, they hold its part of the index's write throughput.
pub(super) fn partition_buckets(
    catalog: &Catalog,
    directory: &Directory,
    group: GroupId,
    now: Time,
) -> PartitionBuckets {
    let table = table_buckets(catalog.limits.mode, now);
    let Some(keyspace) = catalog.get(group.keyspace) else {
        return table;
    };
    match (&keyspace.kind, keyspace.throughput) {
        (KeyspaceKind::Index { .. }, Throughput::Provisioned { write, .. }) => {
            let map = directory.map(group.keyspace);
            let partitions = map.map_or(1, |map| map.partitions().len() as u64);
            let share = (write / partitions).max(1);
            let mut buckets = table;
            *buckets.writes_mut() = Allocation::full(share, now);
            buckets
        }
        _ => table,
    }
}

/// A router's part of the reads or writes of one table.
#[derive(Clone, Debug)]
pub(super) struct Share {
    bucket: RouterBucket,
    /// Tokens that requests have wanted since the last lease.
    demand: u64,
    /// What it asks for at least: a second of the table's throughput.
    least: u64,
    /// What it asked for last.
    wanted: u64,
    ask_again_at: Time,
}

/// What a router can do about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Passes,
    Refused,
    /// It must ask the admission server first.
    Replenish {
        last: Lease,
        consumed: u64,
        wanted: u64,
    },
}

impl Share {
    /// A part of a table of `rate` tokens per second, of which nothing is lent yet.
    pub(super) fn of(rate: u64) -> Self {
        Self {
            bucket: RouterBucket::default(),
            demand: 0,
            least: rate,
            wanted: 0,
            ask_again_at: Time::START,
        }
    }
    /// Whether a request of `tokens` tokens passes at `now`; if so they are taken.
    pub(super) fn ask(&mut self, tokens: u64, now: Time) -> Asked {
        if self.bucket.try_take(tokens, now) {
            self.demand += tokens;
            return Asked::Passes;
        }
        if now < self.ask_again_at {
            self.demand += tokens;
            return Asked::Refused;
        }
        let (last, consumed) = self.bucket.usage();
        let wanted = self.least.max(self.demand.saturating_mul(2)).max(tokens);
        self.wanted = wanted;
        Asked::Replenish {
            last,
            consumed,
            wanted,
        }
    }
    /// Takes over a lease.
    pub(super) fn accept(&mut self, lease: Lease, now: Time) {
        self.bucket.accept(lease);
        self.demand = 0;
        self.ask_again_at = match lease.tokens < self.wanted {
            true => now + ASK_AGAIN_SPAN,
            false => now,
        };
    }
    /// A request that took `taken` tokens has used `used`.
    pub(super) const fn settle(&mut self, taken: u64, used: u64) {
        self.bucket.settle(taken, used);
    }
}
