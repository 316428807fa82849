//! Staying below maxmemory (`redis:src/evict.c` 7.0).

mod policy;
mod pool;

pub use policy::Policy;

use super::Node;
use crate::keyspace::{EventClasses, Keyspace};
use kvrig_base::random::Sequence;
use kvrig_base::seam::{Cause, Work};
use kvrig_base::time::{Span, Time};
use kvrig_tables::Slot;
use policy::Rank;
use pool::{Candidate, Pool};

/// Keys evicted between two looks at the time.
const KEYS_PER_TIME_CHECK: u64 = 16;

/// What came of an attempt to get below the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evicted {
    /// Memory is below the limit.
    Enough,
    /// Time was up; the timer goes on.
    GoesOn,
    /// Nothing can be removed.
    Failed,
}

/// Where evictions stand.
#[derive(Debug)]
pub(super) struct Eviction {
    pool: Pool,
    sample: Vec<Slot>,
    random: Sequence,
    /// The database that a random policy has chosen from last.
    last_database: usize,
    /// When the timer is to go on, if it is.
    pub(super) due: Option<Time>,
    /// Keys removed since the start.
    pub(super) evicted_keys: u64,
    /// Since when memory is above the limit although keys were to be removed.
    exceeded_since: Option<Time>,
    /// How long it was before that.
    exceeded: Span,
}

/// What bounds an attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) memory: u64,
    pub(super) policy: Policy,
    pub(super) samples: usize,
    /// The time that an attempt may take.
    pub(super) time: Span,
    /// When it begins.
    pub(super) now: Time,
}

/// A key that is to be removed.
struct Victim {
    database: usize,
    key: Box<[u8]>,
}

impl Eviction {
    pub(super) fn new(random: Sequence) -> Self {
        Self {
            pool: Pool::default(),
            sample: Vec::new(),
            random,
            last_database: 0,
            due: None,
            evicted_keys: 0,
            exceeded_since: None,
            exceeded: Span::ZERO,
        }
    }

    /// Removes keys until memory is below the limit or the time is up (performEvictions).
    pub(super) fn perform(
        &mut self,
        keyspace: &mut Keyspace,
        limits: Limits,
        work: &mut Work,
    ) -> Evicted {
        let used = keyspace.used_memory();
        let evicted = match limits.policy {
            _ if used <= limits.memory => Evicted::Enough,
            Policy::NoEviction => Evicted::Failed,
            _ => work.caused_by(Cause::Evict, |work| {
                self.remove_keys(keyspace, used - limits.memory, limits, work)
            }),
        };
        match evicted {
            Evicted::Enough => {
                self.exceeded = self.exceeded_in_all(limits.now);
                self.exceeded_since = None;
            }
            Evicted::GoesOn | Evicted::Failed => {
                self.exceeded_since.get_or_insert(limits.now);
            }
        }
        evicted
    }

    /// Since when memory is above the limit, up to now.
    pub(super) fn exceeded_now(&self, now: Time) -> Span {
        let since = self.exceeded_since;
        since.map_or(Span::ZERO, |since| {
            now.since_start().saturating_sub(since.since_start())
        })
    }
    /// How long it was in all, up to now.
    pub(super) fn exceeded_in_all(&self, now: Time) -> Span {
        self.exceeded + self.exceeded_now(now)
    }
    /// Counts those times from here on.
    pub(super) fn reset_times(&mut self) {
        (self.exceeded_since, self.exceeded) = (None, Span::ZERO);
    }

    fn remove_keys(
        &mut self,
        keyspace: &mut Keyspace,
        bytes_wanted: u64,
        limits: Limits,
        work: &mut Work,
    ) -> Evicted {
        let begun = work.spent();
        let (mut bytes_freed, mut keys) = (0_i64, 0);
        while bytes_freed < bytes_wanted as i64 {
            let victim = match limits.policy.rank() {
                Some(rank) => self.best(keyspace, limits, rank, work),
                None => self.any(keyspace, limits, work),
            };
            let Some(victim) = victim else {
                return Evicted::Failed;
            };
            let before = keyspace.used_memory() as i64;
            let database = keyspace.database_mut(victim.database);
            database.delete(&victim.key, work);
            database.notify(EventClasses::EVICTED, "evicted", &victim.key);
            bytes_freed += before - keyspace.used_memory() as i64;
            keys += 1;
            self.evicted_keys += 1;
            let is_time_checked = keys % KEYS_PER_TIME_CHECK == 0;
            if is_time_checked && work.spent().saturating_sub(begun) > limits.time {
                self.due = Some(limits.now);
                return Evicted::GoesOn;
            }
        }
        Evicted::Enough
    }

    /// The best candidate that is still there, samples having been taken of all databases.
    fn best(
        &mut self,
        keyspace: &mut Keyspace,
        limits: Limits,
        rank: Rank,
        work: &mut Work,
    ) -> Option<Victim> {
        let table = limits.policy.table();
        loop {
            let mut has_keys = false;
            for index in 0..keyspace.used() {
                if keyspace.database(index).len_of(table) > 0 {
                    has_keys = true;
                    self.add_candidates(keyspace, index, limits, rank, work);
                }
            }
            if !has_keys {
                return None;
            }
            let best = self.pool.take_best(|candidate| {
                let database = keyspace.database_mut(candidate.database);
                database.finds_in(table, &candidate.key, work)
            });
            if let Some(Candidate { database, key, .. }) = best {
                return Some(Victim { database, key });
            }
        }
    }

    /// Takes a sample of a database into the pool (evictionPoolPopulate).
    fn add_candidates(
        &mut self,
        keyspace: &mut Keyspace,
        index: usize,
        limits: Limits,
        rank: Rank,
        work: &mut Work,
    ) {
        let table = limits.policy.table();
        let database = keyspace.database_mut(index);
        self.sample.clear();
        database.sample(
            table,
            limits.samples,
            &mut self.random,
            &mut self.sample,
            work,
        );
        for &slot in &self.sample {
            let used = match rank {
                Rank::Expiry => None,
                Rank::Idle | Rank::Frequency => database.slot_in_keys(table, slot, work),
            };
            let score = match (rank, used) {
                (Rank::Idle, Some(used)) => database.idle_ms(used),
                (Rank::Frequency, Some(used)) => u64::from(u8::MAX - database.frequency(used)),
                // The earlier, the better; times before 1970 come last, as unsigned ones.
                _ => u64::MAX - database.expires_at_ms(slot) as u64,
            };
            self.pool.offer(index, database.key_in(table, slot), score);
        }
    }

    /// A key drawn at random, the databases taking turns.
    fn any(&mut self, keyspace: &mut Keyspace, limits: Limits, work: &mut Work) -> Option<Victim> {
        let table = limits.policy.table();
        for _ in 0..keyspace.count() {
            self.last_database = (self.last_database + 1) % keyspace.count();
            let database = self.last_database;
            if keyspace.database(database).len_of(table) == 0 {
                continue;
            }
            let keys = keyspace.database_mut(database);
            let key = keys.any_key_of(table, &mut self.random, work);
            return key.map(|key| Victim { database, key });
        }
        None
    }
}

impl Node {
    /// Gets below the memory limit, if there is one.
    pub(super) fn make_room(&mut self, (now, now_ms): (Time, i64), work: &mut Work) -> Evicted {
        // Nothing is evicted, or refused, in a pause (isSafeToPerformEvictions).
        if self.config.maxmemory == 0 || self.pause.is_on() {
            return Evicted::Enough;
        }
        let limits = Limits {
            memory: self.config.maxmemory,
            policy: self.config.maxmemory_policy,
            samples: self.config.maxmemory_samples,
            time: self.config.eviction_time(),
            now,
        };
        if self.config.latency_monitor_threshold == 0 {
            return self.eviction.perform(&mut self.keyspace, limits, work);
        }
        let begun = work.spent();
        let evicted = self.eviction.perform(&mut self.keyspace, limits, work);
        let took = work.spent().saturating_sub(begun);
        self.note_latency("eviction-cycle", took, now_ms);
        evicted
    }

    /// The part of the timer that goes on with an eviction.
    pub(super) fn go_on_evicting(&mut self, (now, now_ms): (Time, i64), work: &mut Work) {
        if self.eviction.due.take_if(|due| *due <= now).is_some() {
            self.make_room((now, now_ms), work);
        }
    }
}
