//! The cycle that removes keys whose time has passed although nobody asks for them
//! (`redis:src/expire.c`, activeExpireCycle).
//!
//! The slow cycle is here, with the effort of `active-expire-effort 1`. The fast one, by which the
//! event loop goes on between turns when the slow one ran out of time, is not.

use super::Node;
use kvrig_base::seam::Work;
use kvrig_base::time::Span;

/// Databases that one run of the timer looks at (CRON_DBS_PER_CALL).
const DATABASES_PER_RUN: usize = 16;
/// Keys that one round samples (ACTIVE_EXPIRE_CYCLE_KEYS_PER_LOOP).
const KEYS_PER_ROUND: u64 = 20;
/// Buckets that one round visits at most for each key that it is to sample.
const BUCKETS_PER_KEY: u64 = 20;
/// Share of the time that the cycle takes at most, in percent (ACTIVE_EXPIRE_CYCLE_SLOW_TIME_PERC).
const TIME_PERCENT: u64 = 25;
/// Share of expired keys in a sample up to which a database is left alone, in percent
/// (ACTIVE_EXPIRE_CYCLE_ACCEPTABLE_STALE).
const STALE_PERCENT: u64 = 10;
/// Tables with less than one entry for so many buckets wait until they have shrunk.
const BUCKETS_PER_ENTRY_MAX: u64 = 100;
/// Buckets of the smallest table (DICT_HT_INITIAL_SIZE).
const BUCKETS_MIN: u64 = 4;
/// Rounds between two looks at the time.
const ROUNDS_PER_TIME_CHECK: u64 = 16;

/// Where the cycle stands.
#[derive(Debug, Default)]
pub(super) struct ActiveExpiry {
    /// The database that comes next.
    next: usize,
    /// How often a cycle ran out of time.
    pub(super) timeouts: u64,
}

impl Node {
    /// Samples keys that expire, database by database, as long as many of them have.
    pub(super) fn active_expiry(&mut self, now_ms: i64, work: &mut Work) {
        if !self.config.active_expire || self.pause.is_on() {
            return;
        }
        let limit_us = 1_000_000 * TIME_PERCENT / self.runs_per_second() / 100;
        let (limit, begun) = (Span::from_micros(limit_us), work.spent());
        let mut rounds = 0;
        let count = self.keyspace.count();
        for _ in 0..DATABASES_PER_RUN.min(count) {
            let index = self.active_expiry.next % count;
            self.active_expiry.next += 1;
            if self.keyspace.database(index).expires().is_empty() {
                continue;
            }
            loop {
                let database = self.keyspace.database_mut(index);
                let (keys, buckets) = (database.expires().len(), database.expires().buckets());
                let is_sparse = buckets > BUCKETS_MIN && keys * BUCKETS_PER_ENTRY_MAX < buckets;
                if keys == 0 || is_sparse {
                    break;
                }
                let wanted = keys.min(KEYS_PER_ROUND);
                let round = database.expire_sample(wanted, wanted * BUCKETS_PER_KEY, now_ms, work);
                rounds += 1;
                let is_time_checked = rounds % ROUNDS_PER_TIME_CHECK == 0;
                if is_time_checked && work.spent().saturating_sub(begun) > limit {
                    self.active_expiry.timeouts += 1;
                    return;
                }
                let is_stale = round.expired * 100 > round.sampled * STALE_PERCENT;
                if round.sampled > 0 && !is_stale {
                    break;
                }
            }
        }
    }
}
