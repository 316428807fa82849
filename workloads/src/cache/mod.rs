//! Reference caches: exact policies over a stream of keys, each key of size one.
//!
//! They know no store. What an engine evicts by samples or clocks is judged against them: exact LRU
//! and FIFO, and [`belady()`], which knows the future and which nothing beats. [`LruCurve`] gives the
//! hits of LRU at every capacity at once. All start empty. Keys are numbered from zero, as
//! [`crate::trace::Trace`] numbers them.

mod belady;
mod che;
mod curve;
mod fifo;
mod lru;
mod sampled;

pub use belady::belady;
pub use che::{che_hit_ratio, zipf_probabilities};
pub use curve::LruCurve;
pub use fifo::Fifo;
pub use lru::Lru;
pub use sampled::{Sampled, Sampling};

/// A cache that is asked for one key after the other.
pub trait Cache {
    /// Asks for `key` and says whether it was there. If not, it is now, unless the capacity is
    /// zero, and the policy has chosen another to leave where the cache was full.
    ///
    /// # Panics
    /// If the key is not below the number of keys that the cache was made for.
    fn request(&mut self, key: u32) -> bool;
}

/// What a replay comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Keys that were asked for.
    pub requests: u64,
    /// Those that were there.
    pub hits: u64,
}

impl Tally {
    /// Requests for keys that were not there.
    pub const fn misses(&self) -> u64 {
        self.requests - self.hits
    }
    /// Misses by requests; zero without requests.
    pub fn miss_ratio(&self) -> f64 {
        match self.requests {
            0 => 0.0,
            requests => self.misses() as f64 / requests as f64,
        }
    }
}

/// Asks `cache` for all `requests`, in their order.
///
/// # Panics
/// As [`Cache::request`].
pub fn replay(mut cache: impl Cache, requests: &[u32]) -> Tally {
    let hits = requests.iter().filter(|&&key| cache.request(key)).count();
    Tally {
        requests: requests.len() as u64,
        hits: hits as u64,
    }
}

#[cfg(test)]
mod tests;
