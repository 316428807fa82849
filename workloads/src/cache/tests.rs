//! Published hits, and caches so plain that they cannot be wrong.

use super::*;
use crate::trace::{Trace, TraceFormat};
use kvrig_base::random::Seed;
use std::path::Path;

fn orm_busy() -> Trace {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces/orm-busy.trace.gz");
    Trace::open(&file, &TraceFormat::BigEndianI32).unwrap()
}

/// Capacity, hits of LRU, and millionths of requests that FIFO and Belady's optimum miss, as
/// libCacheSim 0.3.5 has them.
const ORM_BUSY: [(u32, u64, u32, u32); 8] = [
    (100, 2_574_237, 492_050, 370_412),
    (500, 3_464_206, 327_896, 208_948),
    (1_000, 3_938_943, 221_639, 158_623),
    (2_500, 4_109_637, 185_925, 117_578),
    (5_000, 4_273_062, 157_117, 86_023),
    (10_000, 4_474_313, 117_110, 55_889),
    (20_000, 4_679_757, 78_319, 32_981),
    (40_000, 4_845_500, 41_593, 17_936),
];

fn millionths(tally: &Tally) -> u32 {
    (tally.miss_ratio() * 1e6 + 0.5) as u32
}

#[test]
fn lru_hits_of_a_recorded_trace_are_the_published_ones_both_ways() {
    let trace = orm_busy();
    let curve = LruCurve::new(trace.keys_requested(), trace.keys());
    for (capacity, hits, ..) in ORM_BUSY {
        let tally = replay(Lru::new(trace.keys(), capacity), trace.keys_requested());
        assert_eq!((tally.requests, tally.hits), (5_000_000, hits));
        assert_eq!(curve.hits(capacity), hits);
    }
    let all_but_the_first = 5_000_000 - u64::from(trace.keys());
    assert_eq!(curve.hits(u32::MAX), all_but_the_first);
}

#[test]
fn fifo_and_belady_misses_of_a_recorded_trace_are_the_published_ones() {
    let trace = orm_busy();
    let requests = trace.keys_requested();
    for (capacity, _, fifo, optimum) in ORM_BUSY {
        let tally = replay(Fifo::new(trace.keys(), capacity), requests);
        assert_eq!(millionths(&tally), fifo, "FIFO of {capacity}");
        let tally = belady(requests, trace.keys(), capacity);
        assert_eq!(millionths(&tally), optimum, "Belady of {capacity}");
    }
}

/// A list of keys, the next to leave in front.
fn plain(requests: &[u32], capacity: usize, moves_on_hit: bool) -> u64 {
    let (mut present, mut hits) = (Vec::new(), 0);
    for &key in requests {
        let place = present.iter().position(|&one| one == key);
        hits += u64::from(place.is_some());
        match place {
            Some(place) if moves_on_hit => _ = present.remove(place),
            Some(_) => continue,
            None => {}
        }
        present.push(key);
        if present.len() > capacity {
            present.remove(0);
        }
    }
    hits
}

/// The most hits that any choice of who leaves gives.
fn best(requests: &[u32], capacity: usize, present: &[u32]) -> u64 {
    let Some((key, rest)) = requests.split_first() else {
        return 0;
    };
    if present.contains(key) {
        return 1 + best(rest, capacity, present);
    }
    let with = |present: &[u32]| [present, &[*key]].concat();
    if present.len() < capacity {
        return best(rest, capacity, &with(present));
    }
    let choices = (0..capacity).map(|leaving| {
        let mut present = present.to_vec();
        present.remove(leaving);
        best(rest, capacity, &with(&present))
    });
    choices.max().unwrap_or(0)
}

fn random_requests(entity: u64, len: u64, keys: u64) -> Vec<u32> {
    let stream = Seed(1).stream("cache");
    let mut random = stream.sequence(entity);
    (0..len).map(|_| random.below(keys) as u32).collect()
}

#[test]
fn lru_fifo_and_the_curve_agree_with_a_plain_list_at_every_capacity() {
    for (entity, keys) in [(0, 1), (1, 3), (2, 20), (3, 60)] {
        let requests = random_requests(entity, 2_000, u64::from(keys));
        let curve = LruCurve::new(&requests, keys);
        assert_eq!((curve.requests(), curve.hits(0)), (2_000, 0));
        for capacity in 1..=keys + 1 {
            let lru = replay(Lru::new(keys, capacity), &requests).hits;
            assert_eq!(lru, plain(&requests, capacity as usize, true));
            assert_eq!(lru, curve.hits(capacity));
            let fifo = replay(Fifo::new(keys, capacity), &requests).hits;
            assert_eq!(fifo, plain(&requests, capacity as usize, false));
        }
    }
}

#[test]
fn no_choice_of_who_leaves_beats_belady() {
    for entity in 0..40 {
        let requests = random_requests(entity, 14, 5);
        for capacity in 1..=3 {
            let optimum = best(&requests, capacity, &[]);
            assert_eq!(belady(&requests, 5, capacity as u32).hits, optimum);
        }
    }
}

#[test]
fn a_cache_without_room_holds_nothing() {
    let requests = [0, 0, 1, 1];
    assert_eq!(replay(Lru::new(2, 0), &requests).hits, 0);
    assert_eq!(replay(Fifo::new(2, 0), &requests).hits, 0);
    assert_eq!(belady(&requests, 2, 0).hits, 0);
    assert_eq!(Tally::default().miss_ratio(), 0.0);
}

/// Capacity and misses of Redis's sampler with five samples and a pool of sixteen, on an ideal clock.
const SAMPLED_MISSES: [(u32, f64); 4] = [
    (100, 0.48433),
    (1_000, 0.21243),
    (10_000, 0.10533),
    (40_000, 0.03121),
];

#[test]
fn the_sampler_of_redis_misses_as_often_as_its_reference_within_a_thousandth() {
    let trace = orm_busy();
    let requests = trace.keys_requested();
    for (capacity, misses) in SAMPLED_MISSES {
        let random = Seed(1).stream("sampler").sequence(0);
        let cache = Sampled::new(trace.keys(), capacity, Sampling::REFERENCE, random);
        let tally = replay(cache, requests);
        let difference = tally.miss_ratio() - misses;
        assert!(
            difference.abs() < 0.001,
            "{capacity}: {} beside {misses}",
            tally.miss_ratio()
        );
    }
}

#[test]
fn random_replacement_misses_as_often_as_published() {
    let trace = orm_busy();
    let random = Seed(1).stream("sampler").sequence(0);
    let cache = Sampled::new(trace.keys(), 10_000, Sampling::RANDOM, random);
    let tally = replay(cache, trace.keys_requested());
    assert!((tally.miss_ratio() - 0.1209).abs() < 0.005);
}

#[test]
fn che_is_the_published_closed_form() {
    let published = [
        (0.8, 1_000, 0.1),
        (0.99, 10_000, 0.5662),
        (1.2, 100_000, 0.9498),
    ];
    for (exponent, capacity, hits) in published {
        let probabilities = zipf_probabilities(1_000_000, exponent);
        let ratio = che_hit_ratio(&probabilities, capacity);
        assert!((ratio - hits).abs() < 0.000_06, "s = {exponent}: {ratio}");
    }
}

#[test]
fn che_has_its_bounds() {
    let even = [0.25; 4];
    assert_eq!(che_hit_ratio(&even, 0), 0.0);
    assert_eq!(che_hit_ratio(&even, 4), 1.0);
    assert_eq!(che_hit_ratio(&[], 4), 0.0);
    assert!((che_hit_ratio(&even, 2) - 0.5).abs() < 1e-9);
}
