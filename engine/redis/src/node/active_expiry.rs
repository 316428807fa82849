//! The cycles that remove keys whose time has passed although nobody asks for them
//! (`redis:src/expire.c`, activeExpireCycle).
//!
//! The slow cycle is one of the timer's tasks. One that has run out of time is gone on with by fast
//! cycles, at the end of turns, since keys are then known to be left. Redis means to begin a fast cycle
//! also where it estimates that many keys are left; but it compares a share of one with a percentage,
//! so that this never happens (redis#15410), and does not here.

use super::{NoMessage, Node};
use kvrig_base::seam::{Cause, Cx, Work};
use kvrig_base::time::{Span, Time};

/// Databases that one cycle looks at (CRON_DBS_PER_CALL), unless the one before ran out of time.
const DATABASES_PER_CYCLE: usize = 16;
/// Buckets that one round visits at most for each key that it is to sample.
const BUCKETS_PER_KEY: u64 = 20;
/// Tables with less than one entry for so many buckets wait until they have shrunk.
const BUCKETS_PER_ENTRY_MAX: u64 = 100;
/// Buckets of the smallest table (DICT_HT_INITIAL_SIZE).
const BUCKETS_MIN: u64 = 4;
/// Rounds between two looks at the time.
const ROUNDS_PER_TIME_CHECK: u64 = 16;
/// What the last cycle contributes to the estimate of keys that are left.
const ESTIMATE_WEIGHT: f64 = 0.05;

/// The two cycles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cycle {
    /// By the timer.
    Slow,
    /// At the end of a turn.
    Fast,
}

/// How much the cycles do, by `active-expire-effort`: figures for effort 1, and what each point above
/// adds.
#[derive(Clone, Copy, Debug)]
struct Effort(u64);

impl Effort {
    /// Keys that one round samples (ACTIVE_EXPIRE_CYCLE_KEYS_PER_LOOP).
    const fn keys_per_round(self) -> u64 {
        20 + 5 * self.0
    }
    /// How long a fast cycle lasts at most, and half of the time from one to the next
    /// (ACTIVE_EXPIRE_CYCLE_FAST_DURATION).
    const fn fast_duration(self) -> Span {
        Span::from_micros(1_000 + 250 * self.0)
    }
    /// Share of the time that slow cycles take at most, in percent
    /// (ACTIVE_EXPIRE_CYCLE_SLOW_TIME_PERC).
    const fn slow_time_percent(self) -> u64 {
        25 + 2 * self.0
    }
    /// Share of expired keys in a sample up to which a database is left alone, in percent
    /// (ACTIVE_EXPIRE_CYCLE_ACCEPTABLE_STALE).
    const fn stale_percent(self) -> u64 {
        10 - self.0
    }
}

/// Where the cycles stand.
#[derive(Debug, Default)]
pub(super) struct ActiveExpiry {
    /// The database that comes next.
    next: usize,
    /// Whether the last cycle ran out of time.
    is_timed_out: bool,
    /// When a fast cycle may begin.
    fast_from: Time,
    /// How often a cycle ran out of time.
    pub(super) timeouts: u64,
    /// Time that all cycles took.
    pub(super) took: Span,
    /// Estimated share of keys whose time has passed, among those that expire.
    pub(super) stale_share: f64,
}

impl ActiveExpiry {
    /// Counts from here on; the estimate stays.
    pub(super) fn reset(&mut self) {
        (self.timeouts, self.took) = (0, Span::ZERO);
    }
}

impl Node {
    /// The slow cycle.
    pub(super) fn expire_slowly(&mut self, cx: &mut Cx<'_, NoMessage>) {
        self.expire_by(Cycle::Slow, cx);
    }
    /// The fast cycle, if there is reason for one.
    #[inline]
    pub(super) fn expire_fast(&mut self, cx: &mut Cx<'_, NoMessage>) {
        let is_wanted = self.active_expiry.is_timed_out
            && self.config.active_expire
            && cx.now() >= self.active_expiry.fast_from
            && self.halted.is_none()
            && !self.is_busy();
        if is_wanted {
            let pause = self.effort().fast_duration();
            let begun = cx.now().saturating_add(cx.spent());
            self.active_expiry.fast_from = begun.saturating_add(pause).saturating_add(pause);
            self.expire_by(Cycle::Fast, cx);
        }
    }

    fn effort(&self) -> Effort {
        Effort(u64::from(self.config.active_expire_effort) - 1)
    }

    fn expire_by(&mut self, cycle: Cycle, cx: &mut Cx<'_, NoMessage>) {
        if self.pause.is_on() {
            return;
        }
        let has_expiring = self.config.active_expire
            && (0..self.keyspace.used())
                .any(|index| !self.keyspace.database(index).expires().is_empty());
        if !has_expiring {
            self.active_expiry.is_timed_out = false;
            self.active_expiry.stale_share *= 1.0 - ESTIMATE_WEIGHT;
            return;
        }
        let now_ms = cx.wall().unix_millis() as i64;
        let begun = cx.spent();
        cx.work.caused_by(Cause::Cron, |work| {
            self.sample_databases(cycle, now_ms, work);
        });
        let took = cx.spent().saturating_sub(begun);
        self.active_expiry.took += took;
        self.note_latency("expire-cycle", took, now_ms);
        if self.pending.is_any() || self.config.notify_keyspace_events.are_heard() {
            self.aftermath(cx);
        }
    }

    /// Samples keys that expire, database by database, each as long as many of them have.
    fn sample_databases(&mut self, cycle: Cycle, now_ms: i64, work: &mut Work) {
        let effort = self.effort();
        let limit = match cycle {
            Cycle::Slow => {
                let percent = effort.slow_time_percent();
                Span::from_micros(1_000_000 * percent / self.runs_per_second() / 100)
            }
            Cycle::Fast => effort.fast_duration(),
        };
        let begun = work.spent();
        let count = self.keyspace.count();
        let databases = match self.active_expiry.is_timed_out {
            true => count,
            false => DATABASES_PER_CYCLE.min(count),
        };
        self.active_expiry.is_timed_out = false;
        let (mut rounds, mut sampled, mut expired) = (0, 0, 0);
        'databases: for _ in 0..databases {
            let index = self.active_expiry.next % count;
            self.active_expiry.next = index + 1;
            loop {
                rounds += 1;
                if self.keyspace.database(index).expires().is_empty() {
                    // Untouched databases are not taken for used ones.
                    break;
                }
                let database = self.keyspace.database_mut(index);
                let (keys, buckets) = (database.expires().len(), database.expires().buckets());
                let is_sparse = buckets > BUCKETS_MIN && keys * BUCKETS_PER_ENTRY_MAX < buckets;
                if is_sparse {
                    break;
                }
                let wanted = keys.min(effort.keys_per_round());
                let round = database.expire_sample(wanted, wanted * BUCKETS_PER_KEY, now_ms, work);
                sampled += round.sampled;
                expired += round.expired;
                let is_time_checked = rounds % ROUNDS_PER_TIME_CHECK == 0;
                if is_time_checked && work.spent().saturating_sub(begun) > limit {
                    self.active_expiry.timeouts += 1;
                    self.active_expiry.is_timed_out = true;
                    break 'databases;
                }
                let percent = (round.expired * 100).checked_div(round.sampled);
                if percent.is_some_and(|percent| percent <= effort.stale_percent()) {
                    break;
                }
            }
        }
        let share = match sampled {
            0 => 0.0,
            sampled => expired as f64 / sampled as f64,
        };
        let before = self.active_expiry.stale_share;
        self.active_expiry.stale_share = share * ESTIMATE_WEIGHT + before * (1.0 - ESTIMATE_WEIGHT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ends of the scale in `redis:src/expire.c`.
    #[test]
    fn an_effort_of_ten_does_as_much_as_in_redis() {
        let (least, most) = (Effort(0), Effort(9));
        assert_eq!((least.keys_per_round(), most.keys_per_round()), (20, 65));
        assert_eq!(
            (least.slow_time_percent(), most.slow_time_percent()),
            (25, 43)
        );
        assert_eq!((least.stale_percent(), most.stale_percent()), (10, 1));
        assert_eq!(least.fast_duration(), Span::from_micros(1_000));
        assert_eq!(most.fast_duration(), Span::from_micros(3_250));
    }
}
