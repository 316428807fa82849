//! What a table as a whole lets through, by generation.

use super::config::{Capacity, Generation, TableRules};
use kvrig_base::time::{Span, Time};
use kvrig_dynamo::partition::{
    AdaptiveCapacity, BURST_SPAN, GlobalAdmission, Ledger, Observed, PARTITION_READS_MAX,
    PARTITION_WRITES_MAX, REPLENISH_SPAN, RouterBucket, RouterId, TokenBucket,
};
use kvrig_dynamo::scaling::ON_DEMAND_TABLE_MAX;

/// How soon a router whose lease is used up asks again. The paper says "every few seconds" of leases
/// and nothing of this; without a pause every throttled request would ask.
const ASK_AGAIN: Span = Span::from_millis(100);
/// Half units of a read unit: reads are counted in them.
pub(super) const HALVES: u64 = 2;

/// Reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// In half units.
    Read,
    /// In units.
    Write,
}

/// What a table has, for reads and for writes.
#[derive(Clone, Debug)]
pub(super) enum Gate {
    /// Its partitions have it: each a share, and boosts where capacity adapts.
    Shares {
        reads: AdaptiveCapacity,
        writes: AdaptiveCapacity,
    },
    /// One bucket, with what was not used of five minutes.
    Table {
        reads: TokenBucket,
        writes: TokenBucket,
    },
    /// A bucket from which routers are lent tokens.
    Leases { reads: Leases, writes: Leases },
}

impl Gate {
    pub(super) fn new(rules: &TableRules, now: Time) -> Self {
        let (read, write) = units(rules.capacity);
        let partitions = rules.partitions as usize;
        match rules.generation {
            Generation::Static2012 | Generation::Adaptive2017 => Self::Shares {
                reads: AdaptiveCapacity::new(read, PARTITION_READS_MAX * HALVES, partitions),
                writes: AdaptiveCapacity::new(write, PARTITION_WRITES_MAX, partitions),
            },
            Generation::Adaptive2019 => Self::Table {
                reads: TokenBucket::full(read, BURST_SPAN, now),
                writes: TokenBucket::full(write, BURST_SPAN, now),
            },
            Generation::Global2022 => Self::Leases {
                reads: Leases::new(read, rules.routers, now),
                writes: Leases::new(write, rules.routers, now),
            },
        }
    }
    /// The share of a partition in half units of reads and in units of writes; nothing where the
    /// table has the throughput.
    pub(super) fn shares(&self, partition: u32) -> Option<(u64, u64)> {
        match self {
            Self::Shares { reads, writes } => {
                let of = |side: &AdaptiveCapacity| side.share(partition as usize).unwrap_or(0);
                Some((of(reads), of(writes)))
            }
            Self::Table { .. } | Self::Leases { .. } => None,
        }
    }
    /// Whether `tokens` can be taken at `now` by a router.
    #[inline]
    pub(super) fn is_open(&mut self, kind: Kind, router: u32, tokens: u64, now: Time) -> bool {
        match (self, kind) {
            (Self::Shares { .. }, _) => true,
            (Self::Table { reads, .. }, Kind::Read) => reads.has_tokens(now),
            (Self::Table { writes, .. }, Kind::Write) => writes.has_tokens(now),
            (Self::Leases { reads, .. }, Kind::Read) => reads.is_open(router, tokens, now),
            (Self::Leases { writes, .. }, Kind::Write) => writes.is_open(router, tokens, now),
        }
    }
    /// Takes tokens after [`Gate::is_open`] has answered yes at the same time.
    #[inline]
    pub(super) fn take(&mut self, kind: Kind, router: u32, tokens: u64, now: Time) {
        match (self, kind) {
            (Self::Shares { .. }, _) => {}
            (Self::Table { reads, .. }, Kind::Read) => reads.take(tokens, now),
            (Self::Table { writes, .. }, Kind::Write) => writes.take(tokens, now),
            (Self::Leases { reads, .. }, Kind::Read) => reads.take(router, tokens, now),
            (Self::Leases { writes, .. }, Kind::Write) => writes.take(router, tokens, now),
        }
    }
    /// Half units of reads and write units that the table itself has; nothing where its partitions
    /// have them.
    pub(super) fn saved(&mut self, now: Time) -> Option<(i64, i64)> {
        match self {
            Self::Shares { .. } => None,
            Self::Table { reads, writes } => Some((reads.tokens(now), writes.tokens(now))),
            Self::Leases { reads, writes } => {
                Some((reads.server.tokens(now), writes.server.tokens(now)))
            }
        }
    }
    /// What became of the table's own tokens, by what they are for; those that are lent to routers
    /// count as spent.
    pub(super) fn ledgers(&self) -> Vec<(&'static str, Ledger)> {
        let [reads, writes] = match self {
            Self::Shares { .. } => return Vec::new(),
            Self::Table { reads, writes } => [reads.ledger(), writes.ledger()],
            Self::Leases { reads, writes } => [reads.server.ledger(), writes.server.ledger()],
        };
        vec![("reads", reads), ("writes", writes)]
    }
    /// Tokens that the table gave, half units of reads and units of writes, and those of them that
    /// routers have and have not passed on; nothing where its partitions have the tokens.
    pub(super) fn given(&self) -> Option<[(u64, u64); 2]> {
        match self {
            Self::Shares { .. } => None,
            Self::Table { reads, writes } => {
                Some([reads, writes].map(|bucket| (bucket.ledger().spent_tokens(), 0)))
            }
            Self::Leases { reads, writes } => Some([reads, writes].map(|leases| {
                let lent = leases.server.ledger().spent_tokens();
                (lent, leases.routers.iter().map(Router::left).sum())
            })),
        }
    }
    /// Changes the provisioned write units of a table that has not given them to its partitions.
    pub(super) fn set_writes(&mut self, units: u64, now: Time) {
        match self {
            // Partitions of these generations get new shares by splits of their own, which the
            // engine's `static_partitions` has; nothing here changes their throughput.
            Self::Shares { .. } => {}
            Self::Table { writes, .. } => writes.set_rate(units, BURST_SPAN, now),
            Self::Leases { writes, .. } => writes.server.set_rate(units, now),
        }
    }
    /// Adjusts boosts by what partitions did; each has its consumed and refused units per second, of
    /// reads and of writes.
    pub(super) fn adjust(&mut self, read: &[Observed], written: &[Observed]) {
        if let Self::Shares { reads, writes } = self {
            reads.adjust(read);
            writes.adjust(written);
        }
    }
}

/// Half units of reads and units of writes per second.
pub(super) const fn units(capacity: Capacity) -> (u64, u64) {
    match capacity {
        Capacity::Provisioned { read, write } => (read.saturating_mul(HALVES), write),
        Capacity::OnDemand => (ON_DEMAND_TABLE_MAX * HALVES, ON_DEMAND_TABLE_MAX),
    }
}

/// The admission server's count for one kind, and the routers that borrow from it.
#[derive(Clone, Debug)]
pub(super) struct Leases {
    server: GlobalAdmission,
    routers: Vec<Router>,
    /// What a router asks for at least: its even part of what the table gains in a lease.
    wanted_min: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Router {
    bucket: RouterBucket,
    /// Tokens that it refused since it last asked.
    refused: u64,
    ask_from: Time,
}

impl Router {
    /// Tokens that were lent to it and that it has not passed on.
    fn left(&self) -> u64 {
        let (lease, consumed) = self.bucket.usage();
        lease.tokens.saturating_sub(consumed)
    }
}

impl Leases {
    fn new(rate: u64, routers: u32, now: Time) -> Self {
        let in_lease = u128::from(rate) * u128::from(REPLENISH_SPAN.as_picos())
            / u128::from(Span::from_secs(1).as_picos());
        let wanted_min = in_lease.div_ceil(u128::from(routers.max(1)));
        Self {
            server: GlobalAdmission::new(rate, now),
            routers: vec![Router::default(); routers.max(1) as usize],
            wanted_min: u64::try_from(wanted_min).unwrap_or(u64::MAX),
        }
    }
    #[inline]
    fn is_open(&mut self, router: u32, tokens: u64, now: Time) -> bool {
        let one = &mut self.routers[router as usize];
        if !one.bucket.needs_more(tokens, now) {
            return true;
        }
        self.is_open_anew(router, tokens, now)
    }
    /// Whether a router whose lease does not suffice can go on with another.
    fn is_open_anew(&mut self, router: u32, tokens: u64, now: Time) -> bool {
        let one = &mut self.routers[router as usize];
        if now >= one.ask_from {
            // Twice what it met, so that a rising load is not held up by its own lease.
            let (lease, consumed) = one.bucket.usage();
            let met = consumed.saturating_add(one.refused);
            let wanted = met.saturating_mul(2).max(self.wanted_min).max(tokens);
            let lease = self
                .server
                .replenish(RouterId(router), lease, consumed, wanted, now);
            one.bucket.accept(lease);
            (one.refused, one.ask_from) = (0, now + ASK_AGAIN);
        }
        let is_open = !one.bucket.needs_more(tokens, now);
        one.refused += if is_open { 0 } else { tokens };
        is_open
    }
    #[inline]
    fn take(&mut self, router: u32, tokens: u64, now: Time) {
        self.routers[router as usize].bucket.try_take(tokens, now);
    }
}
