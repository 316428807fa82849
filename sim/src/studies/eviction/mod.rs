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

use crate::run::{
    Experiment, Outcome, Plan, Point, RunError, fingerprint, rows_over_seeds, verdicts,
};
use crate::studies::workload::{NamedFiles, WorkloadReader};
use crate::study::{Files, PolicyName, Study};
use inputs::Inputs;
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::quantity::Bytes;
use kvrig_base::random::Seed;
use kvrig_base::result::StudyResult;
use kvrig_base::row::Class;
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
};

/// CPU time of one request of all reference caches, and of one that a node serves. For estimates.
const REPLAY_CPU: Span = Span::from_nanos(900);
const NODE_CPU: Span = Span::from_nanos(1_500);
/// Memory of one request and of one key while they are replayed. For estimates.
const REQUEST_BYTES: u64 = 32;
const KEY_BYTES: u64 = 256;

/// The study, ready to run.
struct Eviction {
    study: Study,
    cells: Vec<Inputs>,
    specs: Vec<Spec>,
    points: Vec<Point>,
}

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

/// Plans the study.
///
/// # Errors
/// What a cell names and cannot be read, or cannot be run.
pub(super) fn plan(study: Study, files: &dyn Files) -> Result<Plan, Diagnostic> {
    let named = NamedFiles::new(&study, files);
    let mut workloads = WorkloadReader::default();
    let cells = study
        .cells
        .iter()
        .map(|cell| Inputs::read(cell, &named, &mut workloads))
        .collect::<Result<Vec<_>, _>>()?;
    let memory_max = study.max_memory;
    let mut eviction = Eviction {
        study,
        cells,
        specs: Vec::new(),
        points: Vec::new(),
    };
    eviction.lay_out_points();
    Ok(Plan::new(
        Box::new(eviction),
        memory_max,
        "lower study.eviction.node_sizes",
    ))
}

impl Eviction {
    fn lay_out_points(&mut self) {
        for cell in 0..self.cells.len() {
            let knobs = self.cells[cell].knobs.clone();
            for replication in 0..self.study.seeds {
                let spec = |size, requests, policy| Spec {
                    cell,
                    replication,
                    size,
                    requests,
                    policy,
                };
                let served = knobs.node_requests.min(knobs.requests);
                let replayed = knobs.sizes.iter();
                self.specs
                    .extend(replayed.map(|&size| spec(size, knobs.requests, None)));
                for &size in &knobs.node_sizes {
                    let is_replayed = served == knobs.requests && knobs.sizes.contains(&size);
                    if !is_replayed {
                        self.specs.push(spec(size, served, None));
                    }
                    let policies = knobs.policies.iter();
                    self.specs
                        .extend(policies.map(|&policy| spec(size, served, Some(policy))));
                }
            }
        }
        let points = self.specs.iter().map(|&spec| self.point(spec));
        self.points = points.collect();
    }

    fn point(&self, spec: Spec) -> Point {
        let inputs = &self.cells[spec.cell];
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
        let mut label = vec![inputs.cell.variant.clone()];
        label.extend(
            inputs
                .cell
                .axes
                .iter()
                .map(|(axis, value)| format!("{axis}={value}")),
        );
        label.push(format!("{what} size={} requests={requests}", spec.size));
        label.push(format!("seed {}", spec.replication + 1));
        label.retain(|part| !part.is_empty());
        Point {
            label: label.join(" · "),
            identity: format!(
                "eviction {what} {} {} replication {}\nseed {}\n{:?}\nfiles {:?}",
                spec.size,
                spec.requests,
                spec.replication,
                self.study.seed,
                inputs.cell,
                inputs.files
            ),
            events: requests,
            memory: Bytes(memory),
            cpu: match spec.policy {
                Some(_) => NODE_CPU * requests,
                None => REPLAY_CPU * requests,
            },
        }
    }

    fn run(&self, spec: Spec, cancelled: &dyn Fn() -> bool) -> Result<PointOutcome, RunError> {
        let inputs = &self.cells[spec.cell];
        let seed = Seed(self.study.seed).replication(spec.replication);
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
        let Some(policy) = spec.policy else {
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
            return Ok(outcome);
        };
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
        Ok(outcome)
    }
}

impl Experiment for Eviction {
    fn points(&self) -> &[Point] {
        &self.points
    }

    fn run_point(&self, index: usize, cancelled: &dyn Fn() -> bool) -> Result<Outcome, RunError> {
        let outcome = self.run(self.specs[index], cancelled)?;
        Ok(Outcome {
            events: outcome.requests,
            data: serde_json::to_value(outcome).map_err(std::io::Error::other)?,
        })
    }

    fn reduce(&self, outcomes: &[Outcome]) -> Result<StudyResult, RunError> {
        let found = outcomes
            .iter()
            .map(|outcome| serde_json::from_value(outcome.data.clone()))
            .collect::<Result<Vec<PointOutcome>, _>>()
            .map_err(std::io::Error::other)?;
        let study = &self.study;
        let mut rows = rows_over_seeds("eviction", &outcome::samples(&found));
        let of_theory = rows.iter_mut().filter(|row| row.name.starts_with("law_"));
        of_theory.for_each(|row| row.class = Class::Cited);
        let judged: Vec<_> = study
            .objectives
            .iter()
            .filter(|objective| !study.is_built_in || objective.applies_to_any(&rows))
            .cloned()
            .collect();
        let verdicts = verdicts(&judged, &rows).map_err(|objective| {
            let message = format!(
                "the threshold on `{}` in line {} applies to no row of this run",
                objective.metric, objective.line
            );
            Diagnostic::new(diagnostic::CONTRADICTION, message)
                .help("correct its `where`, or leave it out")
        })?;
        let mut warnings = self.warnings();
        warnings.extend(study.warnings.iter().map(ToString::to_string));
        let drawn = charts::draw(&found);
        let counters = BTreeMap::from([(
            "requests".to_owned(),
            found.iter().map(|point| point.requests).sum(),
        )]);
        Ok(StudyResult {
            study: "eviction".into(),
            title: study.title.clone(),
            question: BUILT_IN.question.into(),
            quick: study.quick,
            seed: study.seed,
            seeds: study.seeds,
            profile: self.cells[0].profile.reference(),
            verdicts,
            findings: findings::findings(&rows, &warnings),
            table: summary::table(&found),
            series: drawn.series,
            charts: drawn.charts,
            histograms: Vec::new(),
            model_card: card::model_card(&warnings),
            counters,
            fingerprint: fingerprint(&rows, Vec::new()),
            sections: Vec::new(),
            document: study.document.clone(),
            rows,
        })
    }
}

impl Eviction {
    /// What would be misread, in sentences.
    fn warnings(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        for inputs in &self.cells {
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
}
