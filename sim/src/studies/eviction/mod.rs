//! The study `eviction`: what hit ratio does memory buy?
//!
//! Clients look aside: a request that finds nothing is followed by a SET of its key. The requests are
//! replayed in two ways. **Reference caches** (`replays`) hold a number of keys and know no bytes:
//! exact LRU, FIFO, Belady's optimum, LRU by samples. A **node** (`node`) holds what fits into
//! `maxmemory`, which is the memory that so many keys take in it, and evicts by each of its policies.
//! Both see the same requests, so that the node's sampled LRU can be taken apart (`outcome`).

mod card;
mod charts;
mod findings;
mod inputs;
mod node;
mod outcome;
mod replays;
mod stream;
mod summary;
#[cfg(test)]
mod tests;

use crate::cost::Profile;
use crate::run::{Point, RunError};
use crate::studies::question::{self, Planned, Question, Told};
use crate::studies::setup::Setup;
use crate::study::{Cell, PolicyName};
use inputs::Inputs;
use kvrig_base::diagnostic::Diagnostic;
use kvrig_base::quantity::Bytes;
use kvrig_base::result::StudyResult;
use kvrig_base::time::Span;
use outcome::{Evicted, Line, PointOutcome, REDIS, REFERENCE};
use replays::Replays;
use std::collections::BTreeMap;
use stream::Stream;

/// This study as `kvrig list` shows it.
pub(super) const BUILT_IN: super::BuiltIn = super::BuiltIn {
    name: "eviction",
    question: "What hit ratio does memory buy?",
    toml: include_str!("study.toml"),
    plan: question::plan::<Eviction>,
};

/// CPU time of one request of all reference caches, and of one that a node serves. For estimates.
const REPLAY_CPU: Span = Span::from_nanos(900);
const NODE_CPU: Span = Span::from_nanos(1_500);
/// Memory of one request and of one key while they are replayed. For estimates.
const REQUEST_BYTES: u64 = 32;
const KEY_BYTES: u64 = 256;

/// The study.
struct Eviction;

/// What a point runs: one size, over so many requests.
#[derive(Clone, Copy, Debug)]
struct Spec {
    cell: usize,
    replication: u32,
    size: u32,
    requests: u64,
    /// The policy of a node; reference caches without one.
    policy: Option<PolicyName>,
}

impl Question for Eviction {
    const BUILT_IN: super::BuiltIn = BUILT_IN;
    const TO_LOWER: &'static str = "lower study.eviction.node_sizes";
    type Inputs = Inputs;
    type Spec = Spec;
    type Found = PointOutcome;

    fn read(cell: &Cell, setup: &mut Setup<'_>) -> Result<Inputs, Diagnostic> {
        Inputs::read(cell, setup)
    }

    fn profile(inputs: &Inputs) -> &Profile {
        &inputs.profile
    }

    fn specs(planned: &Planned<Self>) -> Result<Vec<Spec>, Diagnostic> {
        let mut specs = Vec::new();
        for (cell, inputs) in planned.cells.iter().enumerate() {
            let knobs = &inputs.knobs;
            for replication in 0..planned.study.seeds {
                let spec = |size, requests, policy| Spec {
                    cell,
                    replication,
                    size,
                    requests,
                    policy,
                };
                let served = knobs.node_requests.min(knobs.requests);
                let replayed = knobs.sizes.iter();
                specs.extend(replayed.map(|&size| spec(size, knobs.requests, None)));
                for &size in &knobs.node_sizes {
                    let is_replayed = served == knobs.requests && knobs.sizes.contains(&size);
                    if !is_replayed {
                        specs.push(spec(size, served, None));
                    }
                    let policies = knobs.policies.iter();
                    specs.extend(policies.map(|&policy| spec(size, served, Some(policy))));
                }
            }
        }
        Ok(specs)
    }

    fn point(planned: &Planned<Self>, spec: &Spec) -> Point {
        let inputs = &planned.cells[spec.cell];
        let requests = match inputs.workload.replay() {
            Some(replay) => spec.requests.min(replay.len()),
            None => spec.requests,
        };
        let what = spec.policy.map_or(REFERENCE, PolicyName::name);
        let entries = match spec.policy {
            Some(_) => 2 * u64::from(spec.size),
            None => u64::from(spec.size),
        };
        let keys = inputs.knobs.keys.max(entries);
        let node = (inputs.entry_bytes().0.saturating_add(KEY_BYTES)).saturating_mul(entries);
        let memory = (REQUEST_BYTES * requests)
            .saturating_add(KEY_BYTES.saturating_mul(keys))
            .saturating_add(node);
        let part = format!("{what} size={} requests={requests}", spec.size);
        let run = format!("{what} {} {}", spec.size, spec.requests);
        Point {
            label: question::label(&inputs.cell, [part], spec.replication),
            identity: planned.identity(run, spec.cell, spec.replication),
            events: requests,
            memory: Bytes(memory),
            cpu: match spec.policy {
                Some(_) => NODE_CPU * requests,
                None => REPLAY_CPU * requests,
            },
        }
    }

    fn run(
        planned: &Planned<Self>,
        spec: &Spec,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<(PointOutcome, u64), RunError> {
        let inputs = &planned.cells[spec.cell];
        let seed = planned.seed(spec.replication);
        let stream = Stream::new(&inputs.workload, &inputs.knobs, spec.requests, seed)?;
        if cancelled() {
            return Err(RunError::Cancelled);
        }
        let start = inputs.cell.start;
        let memory = node::memory_of(&stream, &inputs.config, start, spec.size);
        let mut outcome = PointOutcome {
            variant: inputs.cell.variant.clone(),
            axes: inputs.cell.axes.clone(),
            replication: spec.replication,
            engine: REFERENCE.to_owned(),
            size: spec.size,
            memory,
            requests: stream.requests.len() as u64,
            lines: Vec::new(),
            theory: None,
        };
        match spec.policy {
            None => {
                let replays = Replays {
                    size: spec.size,
                    samples: inputs.knobs.samples,
                    requests_per_second: inputs.requests_per_second(),
                };
                outcome.lines = replays::run(&stream, replays, seed);
                // Theory is of independent draws in the long run: the longest stretch alone.
                if let Some(exponent) = inputs.exponent()
                    && spec.requests == inputs.knobs.requests
                {
                    let (keys, exponent) = (inputs.knobs.keys, exponent.as_f64());
                    let theory = replays::beside_theory(&stream, spec.size, keys, exponent);
                    outcome.theory = Some(theory);
                }
            }
            Some(policy) => {
                let config = inputs.limited(policy, memory)?;
                let seed = seed.replication(0);
                let served = node::serve(&stream, config, start, inputs.gap, seed, cancelled)?;
                outcome.engine = REDIS.to_owned();
                outcome.lines.push(Line {
                    policy: policy.name().to_owned(),
                    hit_ppm: replays::ppm(served.hits, served.requests),
                    evicted: Some(Evicted {
                        keys_evicted: served.evicted,
                        entries: served.entries,
                        used_max: served.used_max,
                    }),
                });
            }
        }
        let requests = outcome.requests;
        Ok((outcome, requests))
    }

    fn answer(planned: &Planned<Self>, found: Vec<PointOutcome>) -> Result<StudyResult, RunError> {
        let judged = planned.judge(&outcome::samples(&found))?;
        let mut warnings = warnings(&planned.cells);
        warnings.extend(judged.left_out.iter().cloned());
        let requests = found.iter().map(|point| point.requests);
        let told = Told {
            findings: findings::findings(&judged.rows, &warnings),
            table: summary::table(&found),
            drawn: charts::draw(&found),
            model_card: card::model_card(&warnings),
            counters: BTreeMap::from([("requests".to_owned(), requests.sum())]),
            windows: Vec::new(),
        };
        Ok(planned.result(judged, told))
    }
}

/// What would be misread, in sentences.
fn warnings(cells: &[Inputs]) -> Vec<String> {
    let mut sentences = Vec::new();
    for inputs in cells {
        let name = summary::workload_name(&inputs.cell.variant);
        let expires = inputs
            .cell
            .workload
            .spaces
            .iter()
            .any(|space| space.ttl.is_some());
        let is_volatile = |policy: &&PolicyName| policy.name().starts_with("volatile");
        if !expires
            && inputs
                .knobs
                .policies
                .iter()
                .any(|policy| is_volatile(&policy))
        {
            sentences.push(format!(
                "No key of {name} expires, so that volatile policies find nothing to evict: \
                 writes are refused as under noeviction."
            ));
        }
        if let Some(replay) = inputs.workload.replay()
            && replay.len() < inputs.knobs.requests
        {
            sentences.push(format!(
                "The trace of {name} has {} requests; no more are replayed.",
                replay.len()
            ));
        }
    }
    sentences
}
