//! Caches that look at a few keys drawn at random and let the least recently used of them leave.

use super::Cache;
use kvrig_base::random::Sequence;

/// Not in the cache.
const ABSENT: u32 = u32::MAX;

/// Draws in place of a key that is a candidate already; a cache may hold no other.
const REDRAWS_MAX: u32 = 8;

/// How keys are sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// Keys that are drawn for each eviction, with replacement; none counts as one.
    pub samples: u32,
    /// Candidates that are kept from one eviction to the next; without any, the best of the drawn
    /// keys leaves.
    pub pool: u32,
    /// Requests between two ticks of the clock that tells how long a key was not used; none counts
    /// as one, which is an ideal clock.
    pub requests_per_tick: u64,
    /// Whether candidates are ranked by their last use as it is when one leaves. Redis ranks them by
    /// how long they had not been used when they were drawn, and does not hear of later uses.
    pub hears_of_uses: bool,
}

impl Sampling {
    /// Five samples and a pool of sixteen as in Redis, on an ideal clock (`redis:src/evict.c` 7.0).
    pub const REFERENCE: Self = Self {
        samples: 5,
        pool: 16,
        requests_per_tick: 1,
        hears_of_uses: true,
    };
    /// Any key leaves.
    pub const RANDOM: Self = Self {
        samples: 1,
        pool: 0,
        requests_per_tick: 1,
        hears_of_uses: true,
    };
}

/// A candidate of an eviction.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    idle: u64,
    key: u32,
}

/// LRU by samples over keys from zero to a number known beforehand.
#[derive(Clone, Debug)]
pub struct Sampled {
    sampling: Sampling,
    capacity: u32,
    /// For each key, its place among the keys present, or [`ABSENT`].
    places: Vec<u32>,
    /// For each key, the tick of its last request.
    used: Vec<u64>,
    present: Vec<u32>,
    /// By rising idle time.
    pool: Vec<Candidate>,
    requests: u64,
    random: Sequence,
}

impl Sampled {
    /// An empty cache of `capacity` keys out of `keys`.
    pub fn new(keys: u32, capacity: u32, sampling: Sampling, random: Sequence) -> Self {
        Self {
            sampling,
            capacity,
            places: vec![ABSENT; keys as usize],
            used: vec![0; keys as usize],
            present: Vec::with_capacity(capacity.min(keys) as usize),
            pool: Vec::with_capacity(sampling.pool as usize + 1),
            requests: 0,
            random,
        }
    }

    fn draw(&mut self, now: u64) -> Candidate {
        let place = self.random.below(self.present.len() as u64) as usize;
        let key = self.present[place];
        let idle = now - self.used[key as usize];
        Candidate { idle, key }
    }

    /// Who leaves, out of at least one key that is present.
    fn choose(&mut self, now: u64) -> u32 {
        let samples = self.sampling.samples.max(1);
        if self.sampling.pool == 0 {
            let mut best = self.draw(now);
            for _ in 1..samples {
                let other = self.draw(now);
                if other.idle > best.idle {
                    best = other;
                }
            }
            return best.key;
        }
        if self.sampling.hears_of_uses {
            self.renew(now);
        }
        loop {
            for _ in 0..samples {
                let mut drawn = self.draw(now);
                // Redis takes a key in twice where the draws do.
                if self.sampling.hears_of_uses {
                    for _ in 0..REDRAWS_MAX {
                        if self.pool.iter().all(|one| one.key != drawn.key) {
                            break;
                        }
                        drawn = self.draw(now);
                    }
                    if self.pool.iter().any(|one| one.key == drawn.key) {
                        continue;
                    }
                }
                self.offer(drawn);
            }
            while let Some(best) = self.pool.pop() {
                if self.places[best.key as usize] != ABSENT {
                    return best.key;
                }
            }
        }
    }

    /// Ranks all candidates by their last uses, and drops those that are gone.
    fn renew(&mut self, now: u64) {
        let (places, used) = (&self.places, &self.used);
        self.pool.retain_mut(|one| {
            one.idle = now - used[one.key as usize];
            places[one.key as usize] != ABSENT
        });
        self.pool.sort_unstable_by_key(|one| (one.idle, one.key));
    }

    /// Takes a candidate in, unless the pool is full of better ones.
    fn offer(&mut self, drawn: Candidate) {
        let place = self.pool.partition_point(|one| one.idle < drawn.idle);
        if self.pool.len() < self.sampling.pool as usize {
            self.pool.insert(place, drawn);
        } else if place > 0 {
            self.pool[..place].rotate_left(1);
            self.pool[place - 1] = drawn;
        }
    }

    fn evict(&mut self, key: u32) {
        let place = std::mem::replace(&mut self.places[key as usize], ABSENT);
        self.present.swap_remove(place as usize);
        if let Some(&moved) = self.present.get(place as usize) {
            self.places[moved as usize] = place;
        }
    }
}

impl Cache for Sampled {
    #[inline]
    fn request(&mut self, key: u32) -> bool {
        let now = self.requests / self.sampling.requests_per_tick.max(1);
        self.requests += 1;
        let is_present = self.places[key as usize] != ABSENT;
        if !is_present && self.capacity > 0 {
            if self.present.len() >= self.capacity as usize {
                let victim = self.choose(now);
                self.evict(victim);
            }
            self.places[key as usize] = self.present.len() as u32;
            self.present.push(key);
        }
        self.used[key as usize] = now;
        is_present
    }
}
