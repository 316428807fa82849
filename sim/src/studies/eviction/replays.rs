//! Reference caches over the requests of a cell, and theory beside them.

use super::outcome::Line;
use super::stream::Stream;
use kvrig_base::random::Seed;
use kvrig_workloads::cache::{
    Cache, Fifo, Lru, Sampled, Sampling, Tally, belady, che_hit_ratio, replay, zipf_probabilities,
};

/// The reference policies by name.
pub(super) const LRU: &str = "lru";
pub(super) const FIFO: &str = "fifo";
pub(super) const BELADY: &str = "belady";
pub(super) const SAMPLER: &str = "lru-sampled";
/// The sampler with Redis's clock: one tick a second, and idle times as they were when drawn.
pub(super) const SAMPLER_CLOCK: &str = "lru-sampled-clock";
pub(super) const RANDOM: &str = "random";

/// What is replayed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Replays {
    /// Keys that a cache holds.
    pub(super) size: u32,
    /// Keys that are sampled for an eviction.
    pub(super) samples: u32,
    /// Requests that share a tick of Redis's clock.
    pub(super) requests_per_second: u64,
}

/// Replays all reference policies.
pub(super) fn run(stream: &Stream, replays: Replays, seed: Seed) -> Vec<Line> {
    let (requests, keys, size) = (stream.requests.as_slice(), stream.keys(), replays.size);
    let sampled = |name: &str, sampling: Sampling| {
        let random = seed.stream(&format!("eviction.{name}")).sequence(0);
        replay(Sampled::new(keys, size, sampling, random), requests)
    };
    let reference = Sampling {
        samples: replays.samples,
        ..Sampling::REFERENCE
    };
    let clock = Sampling {
        requests_per_tick: replays.requests_per_second,
        hears_of_uses: false,
        ..reference
    };
    let tallies = [
        (LRU, replay(Lru::new(keys, size), requests)),
        (FIFO, replay(Fifo::new(keys, size), requests)),
        (BELADY, belady(requests, keys, size)),
        (SAMPLER, sampled(SAMPLER, reference)),
        (SAMPLER_CLOCK, sampled(SAMPLER_CLOCK, clock)),
        (RANDOM, sampled(RANDOM, Sampling::RANDOM)),
    ];
    tallies
        .into_iter()
        .map(|(policy, tally)| Line {
            policy: policy.to_owned(),
            hit_ppm: ppm(tally.hits, tally.requests),
            evicted: None,
        })
        .collect()
}

/// Exact LRU over the second half of the requests, the first having filled it, and Che's
/// approximation, both in ppm.
pub(super) fn beside_theory(stream: &Stream, size: u32, keys: u64, exponent: f64) -> (i64, i64) {
    let (warm_up, counted) = stream.requests.split_at(stream.requests.len() / 2);
    let mut cache = Lru::new(stream.keys(), size);
    for &key in warm_up {
        cache.request(key);
    }
    let Tally { requests, hits } = replay(cache, counted);
    let keys = u32::try_from(keys).unwrap_or(u32::MAX);
    let theory = che_hit_ratio(&zipf_probabilities(keys, exponent), size);
    (ppm(hits, requests), libm::round(theory * 1e6) as i64)
}

/// A share in parts per million, rounded; zero of nothing.
pub(super) fn ppm(part: u64, whole: u64) -> i64 {
    if whole == 0 {
        return 0;
    }
    let (part, whole) = (u128::from(part), u128::from(whole));
    ((part * 1_000_000 + whole / 2) / whole) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studies::eviction::tests::stream_of;

    fn hits(lines: &[Line], policy: &str) -> i64 {
        let line = lines.iter().find(|line| line.policy == policy).unwrap();
        line.hit_ppm
    }

    #[test]
    fn nothing_beats_belady_and_random_replacement_does_not_beat_lru() {
        let stream = stream_of(2_000, 40_000, 990_000);
        for size in [10, 100, 1_000] {
            let replays = Replays {
                size,
                samples: 5,
                requests_per_second: 1_000,
            };
            let lines = run(&stream, replays, Seed(1));
            for policy in [LRU, FIFO, SAMPLER, SAMPLER_CLOCK, RANDOM] {
                assert!(hits(&lines, policy) <= hits(&lines, BELADY), "{policy}");
            }
            assert!(hits(&lines, RANDOM) < hits(&lines, LRU));
        }
    }

    #[test]
    fn che_is_within_half_a_per_cent_of_exact_lru_under_zipf() {
        let stream = stream_of(10_000, 400_000, 990_000);
        for size in [100, 500, 2_000] {
            let (found, theory) = beside_theory(&stream, size, 10_000, 0.99);
            assert!(
                (found - theory).abs() * 200 < found,
                "{size}: {found}, {theory}"
            );
        }
    }

    #[test]
    fn a_share_is_rounded_and_nothing_has_none() {
        assert_eq!((ppm(1, 3), ppm(2, 3), ppm(0, 0)), (333_333, 666_667, 0));
    }
}
