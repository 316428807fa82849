//! Staying below maxmemory (`redis:src/evict.c` 7.0).

use super::Node;
use crate::keyspace::{CLOCK_MASK, Keyspace};
use kvrig_base::random::Sequence;
use kvrig_base::seam::{Cause, Work};
use kvrig_base::time::{Span, Time};
use kvrig_tables::Slot;

/// Candidates kept from one eviction to the next (EVPOOL_SIZE).
const POOL_SIZE: usize = 16;
/// Keys evicted between two looks at the time.
const KEYS_PER_TIME_CHECK: u64 = 16;

/// What is done at the limit (`maxmemory-policy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Commands that may take memory are refused.
    #[default]
    NoEviction,
    /// Keys that were not used for long are removed, of few sampled ones the longest unused.
    AllkeysLru,
}

impl Policy {
    /// The policies by name.
    pub(crate) const NAMED: [(&str, Self); 2] = [
        ("noeviction", Self::NoEviction),
        ("allkeys-lru", Self::AllkeysLru),
    ];
}

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

/// A key that may be removed next.
#[derive(Debug)]
struct Candidate {
    database: usize,
    key: Box<[u8]>,
    /// Seconds since it was used.
    idle_s: u32,
}

/// The candidates, by rising idle time; removal from the upper end leaves gaps there.
#[derive(Debug)]
pub(super) struct Eviction {
    pool: [Option<Candidate>; POOL_SIZE],
    sample: Vec<Slot>,
    random: Sequence,
    /// When the timer is to go on, if it is.
    pub(super) due: Option<Time>,
    /// Keys removed since the start.
    pub(super) evicted_keys: u64,
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

impl Eviction {
    pub(super) fn new(random: Sequence) -> Self {
        Self {
            pool: std::array::from_fn(|_| None),
            sample: Vec::new(),
            random,
            due: None,
            evicted_keys: 0,
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
        if used <= limits.memory {
            return Evicted::Enough;
        }
        match limits.policy {
            Policy::NoEviction => Evicted::Failed,
            Policy::AllkeysLru => work.caused_by(Cause::Evict, |work| {
                self.remove_least_used(keyspace, used - limits.memory, limits, work)
            }),
        }
    }

    fn remove_least_used(
        &mut self,
        keyspace: &mut Keyspace,
        bytes_wanted: u64,
        limits: Limits,
        work: &mut Work,
    ) -> Evicted {
        let begun = work.spent();
        let (mut bytes_freed, mut keys) = (0_i64, 0);
        while bytes_freed < bytes_wanted as i64 {
            let Some(victim) = self.victim(keyspace, limits.samples, work) else {
                return Evicted::Failed;
            };
            let before = keyspace.used_memory() as i64;
            keyspace
                .database_mut(victim.database)
                .delete(&victim.key, work);
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

    /// The longest unused candidate that is still there, samples having been taken of all databases.
    fn victim(
        &mut self,
        keyspace: &mut Keyspace,
        samples: usize,
        work: &mut Work,
    ) -> Option<Candidate> {
        loop {
            let mut has_keys = false;
            for index in 0..keyspace.used() {
                if !keyspace.database(index).keys().is_empty() {
                    has_keys = true;
                    self.add_candidates(keyspace, index, samples, work);
                }
            }
            if !has_keys {
                return None;
            }
            for place in (0..POOL_SIZE).rev() {
                if let Some(candidate) = self.pool[place].take()
                    && keyspace
                        .database_mut(candidate.database)
                        .find_again(&candidate.key, work)
                {
                    return Some(candidate);
                }
            }
        }
    }

    /// Takes a sample of a database into the pool (evictionPoolPopulate).
    fn add_candidates(
        &mut self,
        keyspace: &mut Keyspace,
        index: usize,
        samples: usize,
        work: &mut Work,
    ) {
        self.sample.clear();
        let clock_s = keyspace.clock_s();
        let database = keyspace.database_mut(index);
        database.sample(samples, &mut self.random, &mut self.sample, work);
        for &slot in &self.sample {
            let record = database.keys().entry(slot);
            let idle_s = clock_s.wrapping_sub(record.used_at_s) & CLOCK_MASK;
            if let Some(place) = free_place(&mut self.pool, idle_s) {
                let key = record.key.as_slice().into();
                self.pool[place] = Some(Candidate {
                    database: index,
                    key,
                    idle_s,
                });
            }
        }
    }
}

/// Makes room for a candidate that was idle for so long and says where; there is none where the pool
/// is full of longer idle ones.
fn free_place(pool: &mut [Option<Candidate>; POOL_SIZE], idle_s: u32) -> Option<usize> {
    let is_less_idle = |place: &Option<Candidate>| {
        place
            .as_ref()
            .is_some_and(|candidate| candidate.idle_s < idle_s)
    };
    let place = pool
        .iter()
        .position(|place| !is_less_idle(place))
        .unwrap_or(POOL_SIZE);
    let is_full = pool[POOL_SIZE - 1].is_some();
    match (place, is_full) {
        (0, true) => None,
        (_, false) => {
            if pool[place].is_some() {
                pool[place..].rotate_right(1);
            }
            Some(place)
        }
        (_, true) => {
            // The least idle one makes room, unless there is a gap to be used.
            if place < POOL_SIZE && pool[place].is_none() {
                return Some(place);
            }
            pool[..place].rotate_left(1);
            Some(place - 1)
        }
    }
}

impl Node {
    /// Gets below the memory limit, if there is one, and sets how far tables may grow.
    pub(super) fn make_room(&mut self, now: Time, work: &mut Work) -> Evicted {
        if self.config.maxmemory == 0 {
            return Evicted::Enough;
        }
        let limits = Limits {
            memory: self.config.maxmemory,
            policy: self.config.maxmemory_policy,
            samples: self.config.maxmemory_samples,
            time: self.config.eviction_time(),
            now,
        };
        self.eviction.perform(&mut self.keyspace, limits, work)
    }

    /// The part of the timer that goes on with an eviction.
    pub(super) fn go_on_evicting(&mut self, now: Time, work: &mut Work) {
        if self.eviction.due.take_if(|due| *due <= now).is_some() {
            self.make_room(now, work);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idle_times(pool: &[Option<Candidate>; POOL_SIZE]) -> Vec<u32> {
        pool.iter()
            .flatten()
            .map(|candidate| candidate.idle_s)
            .collect()
    }
    fn offer(pool: &mut [Option<Candidate>; POOL_SIZE], idle_s: u32) {
        if let Some(place) = free_place(pool, idle_s) {
            pool[place] = Some(Candidate {
                database: 0,
                key: Box::default(),
                idle_s,
            });
        }
    }

    #[test]
    fn the_pool_keeps_the_longest_idle_in_order() {
        let mut pool = std::array::from_fn(|_| None);
        for idle_s in [5, 1, 9, 3, 7, 2, 8, 4, 6, 0] {
            offer(&mut pool, idle_s);
        }
        assert_eq!(idle_times(&pool), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        for idle_s in 10..30 {
            offer(&mut pool, idle_s);
        }
        assert_eq!(idle_times(&pool), (14..30).collect::<Vec<_>>());
        offer(&mut pool, 3);
        offer(&mut pool, 20);
        let mut expected: Vec<u32> = (15..30).collect();
        expected.push(20);
        expected.sort_unstable();
        assert_eq!(idle_times(&pool), expected);
    }

    #[test]
    fn gaps_at_the_upper_end_are_filled_first() {
        let mut pool = std::array::from_fn(|_| None);
        for idle_s in 0..16 {
            offer(&mut pool, idle_s);
        }
        pool[15] = None;
        pool[14] = None;
        offer(&mut pool, 5);
        assert_eq!(
            idle_times(&pool),
            [0, 1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10, 11, 12, 13]
        );
    }
}
