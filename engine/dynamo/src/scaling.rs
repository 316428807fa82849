//! How throughput may change: on-demand peaks, warm throughput, target tracking and decreases.
//!
//! Sources: AWS Developer Guide, "On-demand capacity mode", "Warm throughput", "Managing throughput
//! capacity automatically with auto scaling" and "Service quotas" (decreases).

use kvrig_base::time::{Span, Time, Wall};

/// Reads per second that a new on-demand table is warm for.
pub const ON_DEMAND_READS: u64 = 12_000;
/// Writes per second that a new on-demand table is warm for.
pub const ON_DEMAND_WRITES: u64 = 4_000;
/// Reads and writes per second of an on-demand table at most, each by default (AWS Developer Guide,
/// quotas, "Throughput default quotas").
pub const ON_DEMAND_TABLE_MAX: u64 = 40_000;
/// Provisioned reads and writes per second of an account in a Region, each by default (same chapter).
pub const ACCOUNT_MAX: u64 = 80_000;
/// A peak may be doubled at once, and again after this span.
pub const PEAK_SPAN: Span = Span::from_secs(30 * 60);
/// Minutes above the target after which auto scaling adds capacity.
pub const SCALE_OUT_MINUTES: u64 = 2;
/// Minutes far below the target after which auto scaling removes capacity.
pub const SCALE_IN_MINUTES: u64 = 15;
/// How far below the target that is, in percentage points.
const SCALE_IN_MARGIN: u64 = 20;
/// Targets of auto scaling, in percent.
pub const TARGET_PERCENT: std::ops::RangeInclusive<u64> = 20..=90;
/// Decreases of provisioned throughput that are free at the start of each day in UTC.
const FREE_DECREASES: u32 = 4;
const HOUR_SECS: u64 = 3_600;
const DAY_SECS: u64 = 24 * HOUR_SECS;

/// Reads and writes per second that a table or index can take at once; it never shrinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WarmThroughput {
    /// Reads per second.
    pub reads: u64,
    /// Writes per second.
    pub writes: u64,
}

impl WarmThroughput {
    /// That of a new on-demand table.
    pub const ON_DEMAND: Self = Self {
        reads: ON_DEMAND_READS,
        writes: ON_DEMAND_WRITES,
    };

    /// The larger of this and what was provisioned, reached or asked for.
    #[must_use]
    pub const fn raised_to(self, reads: u64, writes: u64) -> Self {
        Self {
            reads: if reads > self.reads {
                reads
            } else {
                self.reads
            },
            writes: if writes > self.writes {
                writes
            } else {
                self.writes
            },
        }
    }
    /// Whether that much may be provisioned at once.
    pub const fn covers(self, reads: u64, writes: u64) -> bool {
        reads <= self.reads && writes <= self.writes
    }
    /// That of a table whose largest provisioned throughput was `reads` and `writes`, when it is
    /// switched to on-demand.
    pub const fn switched_to_on_demand(reads: u64, writes: u64) -> Self {
        Self::ON_DEMAND.raised_to(reads, writes)
    }
}

/// How much of one kind an on-demand table takes: twice the highest peak of more than half an hour
/// ago, and at least what it is warm for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnDemandPeak {
    warm: u64,
    /// The highest rate that counts.
    settled: u64,
    /// The highest rate since, and when it was first reached.
    recent: Option<(u64, Time)>,
}

impl OnDemandPeak {
    /// A table that is warm for `units` per second.
    pub const fn new(units: u64) -> Self {
        Self {
            warm: units,
            settled: units.div_ceil(2),
            recent: None,
        }
    }
    /// Units per second that the table takes at `now`.
    pub fn limit(&mut self, now: Time) -> u64 {
        self.settle(now);
        self.warm.max(self.settled.saturating_mul(2))
    }
    /// Tells of `units` per second that were reached at `now`.
    pub fn reached(&mut self, units: u64, now: Time) {
        self.settle(now);
        let highest = self.recent.map_or(self.settled, |(units, _)| units);
        if units > highest {
            self.recent = Some((units, now));
        }
    }
    fn settle(&mut self, now: Time) {
        if let Some((units, at)) = self.recent
            && now.since(at) >= PEAK_SPAN
        {
            self.settled = units;
            self.recent = None;
        }
    }
}

/// Target tracking of one kind of capacity of one table or index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetTracking {
    /// The target, in percent: [`TARGET_PERCENT`].
    pub target_percent: u64,
    /// Units per second at least.
    pub min: u64,
    /// Units per second at most.
    pub max: u64,
}

/// What auto scaling wants after the minutes that it has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scaling {
    /// Nothing.
    Keep,
    /// More capacity.
    Out(u64),
    /// Less capacity.
    In(u64),
}

impl TargetTracking {
    /// What to do where `units_per_sec` are provisioned and the last minutes consumed these average
    /// units per second, the latest last.
    pub fn decide(&self, units_per_sec: u64, minutes: &[u64]) -> Scaling {
        let Some(latest) = minutes.last() else {
            return Scaling::Keep;
        };
        let percent = |consumed: u64| u128::from(consumed) * 100;
        let share = |percent: u64| u128::from(units_per_sec) * u128::from(percent);
        let last = |count: u64| {
            let start = minutes.len().checked_sub(count as usize);
            start.map(|start| &minutes[start..])
        };
        let above = share(self.target_percent);
        let below = share(self.target_percent.saturating_sub(SCALE_IN_MARGIN));
        let is_out = last(SCALE_OUT_MINUTES)
            .is_some_and(|last| last.iter().all(|units| percent(*units) > above));
        let is_in = last(SCALE_IN_MINUTES)
            .is_some_and(|last| last.iter().all(|units| percent(*units) <= below));
        let wanted = self.capacity_for(*latest);
        match (is_out, is_in) {
            (true, _) if wanted > units_per_sec => Scaling::Out(wanted),
            (_, true) if wanted < units_per_sec => Scaling::In(wanted),
            _ => Scaling::Keep,
        }
    }
    /// The capacity of which `consumed` units per second are the target's share.
    pub fn capacity_for(&self, consumed: u64) -> u64 {
        let target = u128::from(self.target_percent.max(1));
        let capacity = (u128::from(consumed) * 100).div_ceil(target);
        let capacity = u64::try_from(capacity).unwrap_or(u64::MAX);
        capacity.min(self.max).max(self.min)
    }
}

/// Decreases of the provisioned throughput of one table or index: four at any time of a day in UTC,
/// and one more in each hour that follows an hour without any, so at most 27 a day.
///
/// The four are those of the first hour where they are made at once; then 23 hours have one each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecreaseQuota {
    day: u64,
    used: u32,
    last: Option<Wall>,
}

impl DecreaseQuota {
    /// Whether a decrease is allowed at `now`; if so it is counted.
    pub fn try_use(&mut self, now: Wall) -> bool {
        let day = now.unix_secs() / DAY_SECS;
        if day != self.day {
            *self = Self {
                day,
                used: 0,
                last: self.last,
            };
        }
        let has_rested = self
            .last
            .is_none_or(|last| now.unix_secs().saturating_sub(last.unix_secs()) >= HOUR_SECS);
        let is_allowed = self.used < FREE_DECREASES || has_rested;
        if is_allowed {
            self.used += 1;
            self.last = Some(now);
        }
        is_allowed
    }
}
