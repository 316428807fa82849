//! What points find, and the samples that it comes to.

use super::replays::{LRU, SAMPLER, SAMPLER_CLOCK};
use crate::run::Sample;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The engine of reference caches in cells.
pub(super) const REFERENCE: &str = "reference";
/// The engine of the node in cells.
pub(super) const REDIS: &str = "redis-7.0";
/// The node's policy that the reference sampler stands for.
const SAMPLED_BY_NODE: &str = "allkeys-lru";
const MEBIBYTE: i128 = 1 << 20;

/// What one policy made of the requests.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) policy: String,
    pub(super) hit_ppm: i64,
    /// What else is known of a node.
    pub(super) evicted: Option<Evicted>,
}

/// What else is known of a node.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Evicted {
    pub(super) keys_evicted: u64,
    pub(super) entries: u64,
    pub(super) used_max: u64,
}

/// What a point has found: one size of one engine over one stretch of requests.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PointOutcome {
    pub(super) variant: String,
    pub(super) axes: BTreeMap<String, String>,
    pub(super) replication: u32,
    pub(super) engine: String,
    /// Keys that the cache holds, or whose memory the node may use.
    pub(super) size: u32,
    /// Memory that so many keys take in the node, in bytes.
    pub(super) memory: u64,
    /// Length of the stretch.
    pub(super) requests: u64,
    pub(super) lines: Vec<Line>,
    /// Exact LRU after a warm-up and Che's approximation, in ppm.
    pub(super) theory: Option<(i64, i64)>,
}

impl PointOutcome {
    /// The cell of one of its policies.
    pub(super) fn cell(&self, policy: &str) -> BTreeMap<String, String> {
        let mut cell = self.axes.clone();
        cell.insert("engine".into(), self.engine.clone());
        cell.insert("policy".into(), policy.to_owned());
        cell.insert("size".into(), self.size.to_string());
        cell.insert("requests".into(), self.requests.to_string());
        cell
    }
    /// Whether two points differ in nothing but size and engine.
    fn is_beside(&self, other: &Self) -> bool {
        (&self.variant, &self.axes, self.replication, self.requests)
            == (
                &other.variant,
                &other.axes,
                other.replication,
                other.requests,
            )
    }
    fn hit_ppm(&self, policy: &str) -> Option<i64> {
        let line = self.lines.iter().find(|line| line.policy == policy)?;
        Some(line.hit_ppm)
    }
    fn sample(&self, policy: &str, name: &str, value: i64) -> Sample {
        Sample {
            variant: self.variant.clone(),
            cell: self.cell(policy),
            name: name.to_owned(),
            value,
        }
    }
}

/// The samples of all points, with what follows from several of them.
pub(super) fn samples(points: &[PointOutcome]) -> Vec<Sample> {
    let mut samples = Vec::new();
    for point in points {
        for line in &point.lines {
            samples.push(point.sample(&line.policy, "hit_ratio_mean", line.hit_ppm));
            samples.extend(gained(points, point, line));
            let memory = line.evicted.map_or(point.memory, |node| node.used_max);
            samples.push(point.sample(&line.policy, "memory_used_max", memory.cast_signed()));
            if let Some(node) = line.evicted {
                let (evicted, entries) = (node.keys_evicted, node.entries);
                let evicted = evicted.cast_signed();
                samples.push(point.sample(&line.policy, "keys_evicted_count", evicted));
                let entries = entries.cast_signed();
                samples.push(point.sample(&line.policy, "entries_count", entries));
            }
        }
        if let Some((found, theory)) = point.theory {
            for (name, value) in [("hit_ratio_mean", found), ("law_hit_ratio_mean", theory)] {
                let mut sample = point.sample(LRU, name, value);
                sample.cell.insert("counted".into(), "second half".into());
                samples.push(sample);
            }
        }
        samples.extend(gaps(points, point));
    }
    samples
}

/// What one more MiB gains: the slope to the next larger size of the same policy.
fn gained(points: &[PointOutcome], point: &PointOutcome, line: &Line) -> Option<Sample> {
    let larger = points.iter().filter(|other| {
        other.is_beside(point)
            && other.engine == point.engine
            && other.size > point.size
            && other.hit_ppm(&line.policy).is_some()
    });
    let next = larger.min_by_key(|other| other.size)?;
    let hits = next.hit_ppm(&line.policy)? - line.hit_ppm;
    let bytes = i128::from(next.memory) - i128::from(point.memory);
    if bytes <= 0 {
        return None;
    }
    let slope = i64::try_from(i128::from(hits) * MEBIBYTE / bytes).ok()?;
    Some(point.sample(&line.policy, "hit_gained_mean", slope))
}

/// The node's sampled LRU beside exact LRU, in parts.
fn gaps(points: &[PointOutcome], node: &PointOutcome) -> Vec<Sample> {
    let Some(engine) = node.hit_ppm(SAMPLED_BY_NODE) else {
        return Vec::new();
    };
    let is_reference = |other: &&PointOutcome| {
        other.is_beside(node) && other.engine == REFERENCE && other.size == node.size
    };
    let Some(reference) = points.iter().find(is_reference) else {
        return Vec::new();
    };
    let ratios = [LRU, SAMPLER, SAMPLER_CLOCK].map(|policy| reference.hit_ppm(policy));
    let [Some(exact), Some(sampled), Some(clock)] = ratios else {
        return Vec::new();
    };
    let parts = [
        ("hit_sampling_gap", sampled - exact),
        ("hit_clock_gap", clock - sampled),
        ("hit_bytes_gap", engine - clock),
    ];
    let part = |(name, value)| node.sample(SAMPLED_BY_NODE, name, value);
    parts.into_iter().map(part).collect()
}
