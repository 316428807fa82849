//! The knobs of the study `eviction`.

use super::{Resolver, doc};
use crate::study::cell::EvictionKnobs;
use crate::study::part::Located;
use crate::study::scalars::Count;
use std::ops::RangeInclusive;

const KEYS: RangeInclusive<u64> = 1..=20_000_000;
const REQUESTS: RangeInclusive<u64> = 2..=100_000_000;
/// More samples than the pool of 16 holds four times over change nothing that is to be seen.
const SAMPLES: RangeInclusive<u64> = 1..=64;

impl Resolver<'_, '_> {
    pub(super) fn eviction(&mut self, knobs: &doc::Eviction) -> Option<EvictionKnobs> {
        let path = |key: &str| format!("study.eviction.{key}");
        let keys = self.need(
            knobs.keys.as_ref(),
            &path("keys"),
            "how many keys are drawn from",
        );
        let requests = self.need(
            knobs.requests.as_ref(),
            &path("requests"),
            "how many requests are replayed",
        );
        let sizes = self.need(
            knobs.sizes.as_ref(),
            &path("sizes"),
            "how many keys a cache holds",
        );
        let node_requests = self.need(
            knobs.node_requests.as_ref(),
            &path("node_requests"),
            "how many requests the node serves",
        );
        let samples = self.need(
            knobs.samples.as_ref(),
            &path("samples"),
            "how many keys are sampled for an eviction",
        );
        let sizes = sizes.map(|sizes| self.cache_sizes(sizes, "sizes"));
        if sizes.as_ref().is_some_and(Vec::is_empty) {
            self.missing(&path("sizes"), "how many keys a cache holds");
            return None;
        }
        let node_sizes = knobs.node_sizes.as_deref().unwrap_or_default();
        let node_sizes = self.cache_sizes(node_sizes, "node_sizes");
        let mut policies = Vec::new();
        for policy in knobs.policies.iter().flatten() {
            if !policies.contains(&policy.value) {
                policies.push(policy.value);
            }
        }
        let requests = requests.map(|count| self.count(count, "requests", REQUESTS));
        let node_requests = node_requests.map(|count| self.count(count, "node_requests", REQUESTS));
        Some(EvictionKnobs {
            keys: keys.map(|count| self.count(count, "keys", KEYS))?,
            requests: requests?,
            sizes: sizes?,
            node_requests: node_requests?,
            node_sizes,
            policies,
            samples: samples.map(|count| self.small(count, "samples", SAMPLES))?,
        })
    }
    fn cache_sizes(&mut self, sizes: &[Located<Count>], name: &str) -> Vec<u32> {
        let mut keys: Vec<u32> = sizes
            .iter()
            .map(|size| self.small(size, name, KEYS))
            .collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}
