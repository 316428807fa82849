//! What one partition lets through: its allocation with burst, and the limits of its replicas.

use super::bucket::{Reserve, TokenBucket};
use super::ledger::Ledger;
use super::{BURST_SPAN, PARTITION_READS_MAX, PARTITION_WRITES_MAX, REPLICAS};
use crate::capacity::{READ_UNIT_BYTES, ReadConsistency};
use kvrig_base::time::{Span, Time};

/// What an allocation holds beside its burst. Both together hold [`BURST_SPAN`].
const ALLOCATED_SPAN: Span = Span::from_secs(1);
/// What the limit of a replica holds: a second's worth.
const LIMIT_SPAN: Span = Span::from_secs(1);

/// Where the tokens of an admitted request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The partition's share of this moment.
    Allocated,
    /// What it had not used before.
    Burst,
}

/// Why a partition did not let a request through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Its share is used up, and what it had saved.
    Allocation,
    /// It had saved enough, but its node has nothing to spare.
    Node,
    /// It is at the limit of any partition.
    Limit,
}

/// A share of throughput with what was not used of it in the last five minutes.
///
/// Elhemali et al. (USENIX ATC 2022, section 4.1.1): a request is admitted by the allocated bucket,
/// and else by the burst bucket if the node has tokens to spare too. What the allocated bucket has
/// no room for flows into the burst bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allocation {
    allocated: TokenBucket,
    burst: Reserve,
}

/// The rate of a share that never refuses; no bucket is kept of it.
const UNSHARED: u64 = u64::MAX;

impl Allocation {
    /// A share of `rate` tokens per second, of which nothing has been used for five minutes.
    pub fn full(rate: u64, now: Time) -> Self {
        Self {
            allocated: TokenBucket::full(rate, ALLOCATED_SPAN, now),
            burst: Reserve::full(rate, BURST_SPAN - ALLOCATED_SPAN),
        }
    }
    /// No share: throughput belongs to the table, and the partition lets through whatever its limits
    /// do.
    pub fn unshared(now: Time) -> Self {
        Self::full(UNSHARED, now)
    }
    /// A share of `rate` tokens per second that starts with this second's alone.
    pub fn without_burst(rate: u64, now: Time) -> Self {
        let full = Self::full(rate, now);
        Self {
            burst: full.burst.emptied(),
            ..full
        }
    }
    /// Tokens per second.
    pub const fn rate(&self) -> u64 {
        self.allocated.rate()
    }
    /// Changes the share at `now`; where there is none, none comes about.
    pub fn set_rate(&mut self, rate: u64, now: Time) {
        if self.rate() == UNSHARED {
            return;
        }
        self.refill(now);
        self.allocated.set_rate(rate, ALLOCATED_SPAN, now);
        self.burst.set_capacity(rate, BURST_SPAN - ALLOCATED_SPAN);
    }
    /// Whole tokens that are allocated and saved at `now`.
    pub fn tokens(&mut self, now: Time) -> (i64, i64) {
        self.refill(now);
        (self.allocated.tokens(now), self.burst.tokens())
    }
    /// What became of the tokens that are allocated and of those that are saved; nothing where there
    /// is no share.
    pub fn ledgers(&self) -> Option<[Ledger; 2]> {
        match self.rate() {
            UNSHARED => None,
            _ => Some([self.allocated.ledger(), self.burst.ledger()]),
        }
    }
    /// Where tokens can be taken from at `now`; the node is asked for burst alone.
    ///
    /// # Errors
    /// Whether the share or the node has none.
    #[inline]
    fn source(&mut self, node: Option<&mut TokenBucket>, now: Time) -> Result<Source, Refused> {
        if self.rate() == UNSHARED {
            return Ok(Source::Allocated);
        }
        self.refill(now);
        if self.allocated.is_positive() {
            return Ok(Source::Allocated);
        }
        if !self.burst.is_positive() {
            return Err(Refused::Allocation);
        }
        match node.is_none_or(|node| node.has_tokens(now)) {
            true => Ok(Source::Burst),
            false => Err(Refused::Node),
        }
    }
    #[inline]
    fn take(&mut self, source: Source, tokens: u64) {
        match source {
            Source::Allocated if self.rate() == UNSHARED => {}
            Source::Allocated => self.allocated.debit(tokens),
            Source::Burst => self.burst.debit(tokens),
        }
    }
    #[inline]
    fn refill(&mut self, now: Time) {
        // The burst bucket gains only what the other has no room for, never by itself.
        let overflow = self.allocated.refill(now);
        if overflow > 0 {
            self.burst.pour(overflow);
        }
    }
}

/// Whether reads and writes of a partition are limited each by itself.
///
/// AWS's guide on throttling says that they are; two articles of its knowledge center say "or a
/// linear combination of both".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LimitMode {
    /// 3,000 read units and 1,000 write units per second.
    #[default]
    Independent,
    /// 3,000 read units or 1,000 write units per second, or parts of both.
    LinearCombination,
}

/// A replica of a partition; the first is the leader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Replica {
    /// It serves writes, strong and transactional reads, and its part of the eventual ones.
    #[default]
    Leader,
    /// It serves eventual reads.
    FirstFollower,
    /// It serves eventual reads.
    SecondFollower,
}

impl Replica {
    /// The replica that serves the eventual read numbered `n`, each in turn.
    pub const fn for_read(n: u64) -> Self {
        match n % REPLICAS as u64 {
            0 => Self::Leader,
            1 => Self::FirstFollower,
            _ => Self::SecondFollower,
        }
    }
}

/// Blocks of 4 KB that a read of `bytes` bytes touches on a replica, at least one.
///
/// An eventual read is billed half a unit but is as much work for its replica as a strong one. So a
/// partition gives 3,000 strong reads of a small item, and on three replicas 9,000 eventual ones,
/// which are 4,500 units (AWS Database Blog, "Scaling DynamoDB", part 2, figure 1).
pub const fn read_blocks(bytes: u64) -> u64 {
    if bytes <= READ_UNIT_BYTES {
        1
    } else {
        bytes.div_ceil(READ_UNIT_BYTES)
    }
}

/// The buckets of one partition.
///
/// Shares count billed units, those of reads in halves; limits count the work of replicas.
///
/// What a write to a partition without a share needs comes first and together: a table of thousands of
/// partitions waits for memory more than for anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct PartitionBuckets {
    write_limit: TokenBucket,
    mode: LimitMode,
    has_write_share: bool,
    writes: Allocation,
    read_limits: [TokenBucket; REPLICAS],
    reads: Allocation,
}

impl PartitionBuckets {
    /// A partition with these shares and full limits.
    pub fn new(reads: Allocation, writes: Allocation, mode: LimitMode, now: Time) -> Self {
        Self {
            write_limit: TokenBucket::full(PARTITION_WRITES_MAX, LIMIT_SPAN, now),
            mode,
            has_write_share: writes.rate() != UNSHARED,
            writes,
            read_limits: [TokenBucket::full(PARTITION_READS_MAX, LIMIT_SPAN, now); REPLICAS],
            reads,
        }
    }
    /// Whether reads and writes are limited each by itself.
    #[inline]
    pub const fn mode(&self) -> LimitMode {
        self.mode
    }
    /// The share of reads, in half units.
    pub const fn reads_mut(&mut self) -> &mut Allocation {
        &mut self.reads
    }
    /// The share of writes, in units.
    pub const fn writes_mut(&mut self) -> &mut Allocation {
        &mut self.writes
    }

    /// What became of the tokens of its limits and shares, each with what it counts.
    pub fn ledgers(&self) -> impl Iterator<Item = (&'static str, Ledger)> {
        let limits = self.read_limits.iter();
        let limits = limits.map(|limit| ("blocks of a replica", limit.ledger()));
        let shares = [("reads", self.reads), ("writes", self.writes)];
        limits
            .chain([("the limit of writes", self.write_limit.ledger())])
            .chain(shares.into_iter().flat_map(|(what, share)| {
                let ledgers = share.ledgers().into_iter().flatten();
                ledgers.map(move |ledger| (what, ledger))
            }))
    }
    /// Tokens of its shares that reads and writes took; nothing where there is no share.
    pub fn spent(&self) -> (Option<u64>, Option<u64>) {
        let spent = |share: &Allocation| {
            let ledgers = share.ledgers()?;
            Some(ledgers.iter().map(Ledger::spent_tokens).sum())
        };
        (spent(&self.reads), spent(&self.writes))
    }

    /// Whether a read may pass on `replica`, which is the leader unless the read is eventual, and at
    /// whose expense. Nothing is taken: what it costs is known when it is done.
    ///
    /// # Errors
    /// Which bucket has no tokens.
    #[inline]
    pub fn open_read(
        &mut self,
        consistency: ReadConsistency,
        replica: Replica,
        node: Option<&mut TokenBucket>,
        now: Time,
    ) -> Result<Source, Refused> {
        let replica = serving(consistency, replica);
        match self.read_limits[replica as usize].has_tokens(now) {
            true => self.reads.source(node, now),
            false => Err(Refused::Limit),
        }
    }
    /// Takes what a read cost that touched `blocks` blocks of 4 KB. A transactional read touches
    /// them twice.
    #[inline]
    pub fn charge_read(
        &mut self,
        blocks: u64,
        consistency: ReadConsistency,
        replica: Replica,
        (source, node): (Source, Option<&mut TokenBucket>),
        now: Time,
    ) {
        let (half_units, work) = match consistency {
            ReadConsistency::Eventual => (blocks, blocks),
            ReadConsistency::Strong => (blocks.saturating_mul(2), blocks),
            ReadConsistency::Transactional => (blocks.saturating_mul(4), blocks.saturating_mul(2)),
        };
        self.read_limits[serving(consistency, replica) as usize].take(work, now);
        self.reads.take(source, half_units);
        charge_node(node, half_units, now);
    }
    /// Lets a read of `bytes` bytes through on `replica`, or not: opens and charges it.
    ///
    /// # Errors
    /// Which bucket had no tokens; then nothing is taken.
    #[inline]
    pub fn admit_read(
        &mut self,
        bytes: u64,
        consistency: ReadConsistency,
        replica: Replica,
        node: Option<&mut TokenBucket>,
        now: Time,
    ) -> Result<Source, Refused> {
        let mut node = node;
        let source = self.open_read(consistency, replica, node.as_deref_mut(), now)?;
        self.charge_read(
            read_blocks(bytes),
            consistency,
            replica,
            (source, node),
            now,
        );
        Ok(source)
    }

    /// Whether a write may pass, and at whose expense. Nothing is taken.
    ///
    /// # Errors
    /// Which bucket has no tokens.
    #[inline]
    pub fn open_write(
        &mut self,
        node: Option<&mut TokenBucket>,
        now: Time,
    ) -> Result<Source, Refused> {
        let limit = match self.mode {
            LimitMode::Independent => &mut self.write_limit,
            LimitMode::LinearCombination => &mut self.read_limits[Replica::Leader as usize],
        };
        match (limit.has_tokens(now), self.has_write_share) {
            (true, true) => self.writes.source(node, now),
            (true, false) => Ok(Source::Allocated),
            (false, _) => Err(Refused::Limit),
        }
    }
    /// Takes what a write of `units` write units cost. All replicas carry it out.
    #[inline]
    pub fn charge_write(
        &mut self,
        units: u64,
        (source, node): (Source, Option<&mut TokenBucket>),
        now: Time,
    ) {
        match self.mode {
            LimitMode::Independent => self.write_limit.take(units, now),
            LimitMode::LinearCombination => {
                let reads = units.saturating_mul(PARTITION_READS_MAX / PARTITION_WRITES_MAX);
                for limit in &mut self.read_limits {
                    limit.take(reads, now);
                }
            }
        }
        if self.has_write_share {
            self.writes.take(source, units);
        }
        charge_node(node, units, now);
    }
    /// Lets a write of `units` write units through, or not: opens and charges it.
    ///
    /// # Errors
    /// Which bucket had no tokens; then nothing is taken.
    #[inline]
    pub fn admit_write(
        &mut self,
        units: u64,
        node: Option<&mut TokenBucket>,
        now: Time,
    ) -> Result<Source, Refused> {
        let mut node = node;
        let source = self.open_write(node.as_deref_mut(), now)?;
        self.charge_write(units, (source, node), now);
        Ok(source)
    }
}

/// The replica that serves a read: only eventual ones may have another than the leader.
#[inline]
const fn serving(consistency: ReadConsistency, replica: Replica) -> Replica {
    match consistency {
        ReadConsistency::Eventual => replica,
        ReadConsistency::Strong | ReadConsistency::Transactional => Replica::Leader,
    }
}

#[inline]
fn charge_node(node: Option<&mut TokenBucket>, tokens: u64, now: Time) {
    if let Some(node) = node {
        node.take(tokens, now);
    }
}
