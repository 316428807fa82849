//! One table over the run, second by second: what it lets through, what comes again, what is consumed.

use super::requests::{KINDS, TableUse};
use super::scaler::{PARTS, Scaler};
use super::waiting::Waiting;
use crate::study::CapacityScaling;
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::random::Seed;
use kvrig_base::time::{Span, Time, Wall};
use kvrig_dynamo::partition::{BURST_SPAN, TokenBucket};
use kvrig_dynamo::retry::RetryPolicy;
use kvrig_dynamo::scaling::{
    DecreaseQuota, ON_DEMAND_READS, ON_DEMAND_TABLE_MAX, ON_DEMAND_WRITES, OnDemandPeak,
};
use serde::{Deserialize, Serialize};

const MINUTE_SECS: u64 = 60;
const HOUR_SECS: u64 = 3_600;
/// What an on-demand table's limit holds: a second's worth.
const ON_DEMAND_SPAN: Span = Span::from_secs(1);
/// Reads and writes.
const SIDES: usize = 2;
const READS: usize = 0;
const WRITES: usize = 1;

/// How the capacity of a table is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Capacity {
    /// So many read and write units per second at all times.
    Provisioned([u64; SIDES]),
    /// What auto scaling makes of it, from these on.
    Scaled(CapacityScaling, [u64; SIDES]),
    /// By what was used before.
    OnDemand,
}

/// What became of the requests of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ledger {
    /// Requests that began.
    pub(super) requests: u64,
    /// Attempts, first ones included.
    pub(super) attempts: u64,
    /// Attempts that were throttled.
    pub(super) throttled: u64,
    /// Requests that were answered.
    pub(super) answered: u64,
    /// Those of them that had been throttled before.
    pub(super) answered_late: u64,
    /// Seconds that they had waited, together.
    pub(super) late_secs: u64,
    /// Requests whose last attempt was throttled.
    pub(super) failed: u64,
    /// Requests that wait for their next attempt at the end.
    pub(super) waiting: u64,
    /// Half units of reads and units of writes that were consumed.
    pub(super) consumed: [u64; SIDES],
    /// Units that were provisioned, in each hour: seconds times units.
    pub(super) hours: Vec<[u64; SIDES]>,
    /// The highest capacity of each hour.
    pub(super) hours_max: Vec<[u64; SIDES]>,
    pub(super) increases: u64,
    pub(super) decreases: u64,
}

impl Ledger {
    /// Adds what became of the requests of another table.
    pub(super) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.attempts += other.attempts;
        self.throttled += other.throttled;
        self.answered += other.answered;
        self.answered_late += other.answered_late;
        self.late_secs += other.late_secs;
        self.failed += other.failed;
        self.waiting += other.waiting;
        self.increases += other.increases;
        self.decreases += other.decreases;
        for side in 0..SIDES {
            self.consumed[side] += other.consumed[side];
        }
        for (hours, more) in [
            (&mut self.hours, &other.hours),
            (&mut self.hours_max, &other.hours_max),
        ] {
            hours.resize(hours.len().max(more.len()), [0; SIDES]);
            for (hour, more) in hours.iter_mut().zip(more) {
                hour[READS] += more[READS];
                hour[WRITES] += more[WRITES];
            }
        }
    }
    /// Fails if requests were lost or invented.
    pub(super) fn check(&self) -> Result<(), Diagnostic> {
        let accounted = self.answered + self.failed + self.waiting;
        let attempts = self.answered + self.throttled;
        if accounted == self.requests && attempts == self.attempts {
            return Ok(());
        }
        let message = format!(
            "{} requests began, but {} were answered, {} failed and {} wait; of {} attempts {} were \
             throttled",
            self.requests, self.answered, self.failed, self.waiting, self.attempts, self.throttled,
        );
        Err(Diagnostic::new(diagnostic::CONSERVATION, message))
    }
}

/// A minute of a table, for charts: writes per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Minute {
    /// Write units per second that requests asked for, first attempts alone.
    pub(super) asked: u64,
    /// Write units per second that were consumed.
    pub(super) consumed: u64,
    /// Write units per second that were provisioned at its end.
    pub(super) capacity: u64,
}

/// One kind of capacity.
#[derive(Debug)]
struct Side {
    /// Tokens of reads are half units.
    bucket: TokenBucket,
    units: u64,
    policy: Policy,
    consumed_minute: u64,
    asked_minute: u64,
}

#[derive(Debug)]
enum Policy {
    Fixed,
    Scaled(Box<Scaler>),
    OnDemand(OnDemandPeak),
}

/// A table that is being run.
#[derive(Debug)]
pub(super) struct TableRun {
    sides: [Side; SIDES],
    prices: [u64; KINDS],
    waiting: Waiting,
    quota: DecreaseQuota,
    start: Wall,
    second: u64,
    ledger: Ledger,
    /// Minutes are kept for charts from this second on, for a day.
    watch_from: Option<u64>,
    minutes: Vec<Minute>,
}

/// Tokens of one unit: reads are counted in halves.
const fn tokens(side: usize) -> u64 {
    if side == READS { 2 } else { 1 }
}

const fn side_of(kind: usize) -> usize {
    if kind + 1 == KINDS { WRITES } else { READS }
}

impl TableRun {
    /// A table with full buckets. `seed` draws the delays of alarms.
    pub(super) fn new(
        capacity: Capacity,
        consumption: TableUse,
        retries: RetryPolicy,
        start: Wall,
        seed: Seed,
    ) -> Self {
        let [eventual, strong] = consumption.read_halves;
        let delays = seed.stream("alarms");
        let side = |side: usize| {
            let (units, policy) = match capacity {
                Capacity::Provisioned(units) => (units[side], Policy::Fixed),
                Capacity::Scaled(scaling, asked) => {
                    let scaler = Scaler::new(scaling, delays, side as u64);
                    (scaler.first(asked[side]), Policy::Scaled(Box::new(scaler)))
                }
                Capacity::OnDemand => {
                    let warm = [ON_DEMAND_READS, ON_DEMAND_WRITES][side];
                    (warm, Policy::OnDemand(OnDemandPeak::new(warm)))
                }
            };
            Side {
                bucket: TokenBucket::full(units * tokens(side), policy.holds(), Time::START),
                units,
                policy,
                consumed_minute: 0,
                asked_minute: 0,
            }
        };
        Self {
            sides: [side(READS), side(WRITES)],
            prices: [eventual, strong, consumption.write_units],
            waiting: Waiting::new(retries),
            quota: DecreaseQuota::default(),
            start,
            second: 0,
            ledger: Ledger::default(),
            watch_from: None,
            minutes: Vec::new(),
        }
    }
    /// The same, whose minutes are kept for a day from second `from` on.
    pub(super) const fn watched(mut self, from: u64) -> Self {
        self.watch_from = Some(from);
        self
    }

    /// A second in which these requests begin; all of it is served at the second's end.
    pub(super) fn second(&mut self, fresh: [u64; KINDS]) {
        let now = Time::START + Span::from_secs(self.second + 1);
        let mut fresh = fresh;
        for (kind, count) in fresh.iter_mut().enumerate() {
            // What takes no unit here is no request to this table.
            if self.prices[kind] == 0 {
                *count = 0;
            }
            self.ledger.requests += *count;
            self.sides[side_of(kind)].asked_minute += *count * self.prices[kind];
        }
        let due = self.waiting.due(self.second);
        for side in [READS, WRITES] {
            self.serve(side, fresh, due.as_ref(), now);
        }
        self.bill_second();
        self.second += 1;
        if self.second.is_multiple_of(MINUTE_SECS) {
            self.minute_ended(now);
        }
    }
    /// Serves the requests of one side, first attempts and later ones alike.
    fn serve(
        &mut self,
        side: usize,
        fresh: [u64; KINDS],
        due: Option<&super::waiting::Due>,
        now: Time,
    ) {
        let kinds = (0..KINDS).filter(|&kind| side_of(kind) == side);
        let mut asked = 0_u128;
        let mut attempts = 0;
        for kind in kinds.clone() {
            let count = fresh[kind] + due.map_or(0, |due| due.count(kind));
            attempts += count;
            asked += u128::from(count) * u128::from(self.prices[kind]);
        }
        if attempts == 0 {
            return;
        }
        self.ledger.attempts += attempts;
        let bucket = &mut self.sides[side].bucket;
        let available = u128::from(u64::try_from(bucket.tokens(now)).unwrap_or(0));
        let mut taken = 0;
        for kind in kinds {
            let price = self.prices[kind];
            let levels = std::iter::once((1, fresh[kind], 0))
                .chain(due.into_iter().flat_map(move |due| due.of_kind(kind)));
            for (attempt, count, waited) in levels {
                if count == 0 {
                    continue;
                }
                // Where not all can pass, each group passes in proportion.
                let passed = match asked <= available {
                    true => count,
                    false => {
                        let part = u128::from(count) * available / asked;
                        u64::try_from(part).unwrap_or(count)
                    }
                };
                taken += passed * price;
                self.ledger.answered += passed;
                if attempt > 1 {
                    self.ledger.answered_late += passed;
                    self.ledger.late_secs += passed * waited;
                }
                let refused = count - passed;
                self.ledger.throttled += refused;
                self.ledger.failed +=
                    self.waiting
                        .throttled(kind, attempt, refused, (self.second, waited));
            }
        }
        let side_run = &mut self.sides[side];
        side_run.bucket.take(taken, now);
        side_run.consumed_minute += taken;
        self.ledger.consumed[side] += taken;
    }
    fn bill_second(&mut self) {
        if self.second.is_multiple_of(HOUR_SECS) {
            self.ledger.hours.push([0; SIDES]);
            self.ledger.hours_max.push([0; SIDES]);
        }
        let (Some(hour), Some(most)) = (
            self.ledger.hours.last_mut(),
            self.ledger.hours_max.last_mut(),
        ) else {
            return;
        };
        for ((hour, most), side) in hour.iter_mut().zip(most).zip(&self.sides) {
            *hour += side.units;
            *most = side.units.max(*most);
        }
    }
    fn minute_ended(&mut self, now: Time) {
        let minute = self.second / MINUTE_SECS;
        let wall = self.start.plus(Span::from_secs(self.second));
        let writes = &self.sides[WRITES];
        let seen = Minute {
            asked: writes.asked_minute / MINUTE_SECS,
            consumed: writes.consumed_minute / MINUTE_SECS,
            capacity: writes.units,
        };
        for side in [READS, WRITES] {
            let run = &mut self.sides[side];
            let parts = run.consumed_minute * (PARTS / (MINUTE_SECS * tokens(side)));
            let average = run.consumed_minute / (MINUTE_SECS * tokens(side));
            run.consumed_minute = 0;
            run.asked_minute = 0;
            let units = match &mut run.policy {
                Policy::Fixed => run.units,
                Policy::Scaled(scaler) => {
                    scaler.minute(minute, (run.units, parts), wall, &mut self.quota)
                }
                Policy::OnDemand(peak) => {
                    peak.reached(average, now);
                    peak.limit(now).min(ON_DEMAND_TABLE_MAX)
                }
            };
            if units != run.units {
                run.units = units;
                let holds = run.policy.holds();
                run.bucket.set_rate(units * tokens(side), holds, now);
            }
        }
        let day = 24 * HOUR_SECS;
        if self
            .watch_from
            .is_some_and(|from| (from + 1..=from + day).contains(&self.second))
        {
            self.minutes.push(seen);
        }
    }
    /// What became of all requests, and the minutes that were watched.
    ///
    /// # Errors
    /// If requests were lost or invented.
    pub(super) fn end(mut self) -> Result<(Ledger, Vec<Minute>), Diagnostic> {
        self.ledger.waiting = self.waiting.left();
        for side in &self.sides {
            if let Policy::Scaled(scaler) = &side.policy {
                self.ledger.increases += scaler.increases;
                self.ledger.decreases += scaler.decreases;
            }
        }
        self.ledger.check()?;
        Ok((self.ledger, self.minutes))
    }
}

impl Policy {
    /// How long what is not used is kept.
    const fn holds(&self) -> Span {
        match self {
            Self::Fixed | Self::Scaled(_) => BURST_SPAN,
            Self::OnDemand(_) => ON_DEMAND_SPAN,
        }
    }
}
