//! The study `big-keys`: who waits behind one big command?
//!
//! A point is one node, one command, one size and one seed: clients ask for small keys at a steady
//! rate, and at one instant somebody else sends the command (`node`). How long it keeps the core is
//! the price of its receipt and of its reply; what the others see is recorded by `watch`.

mod card;
mod charts;
mod commands;
mod fill;
mod findings;
mod inputs;
mod limits;
mod node;
mod outcome;
mod table;
mod watch;

#[cfg(test)]
mod tests;

use crate::run::{
    Experiment, Outcome, Plan, Point, RunError, Sample, fingerprint, rows_over_seeds,
};
use crate::studies::judging::judge;
use crate::study::{Files, Study};
use charts::Drawing;
use commands::{Subject, size_name, subject};
use findings::Subjects;
use inputs::{Inputs, Reader};
use kvrig_base::diagnostic::Diagnostic;
use kvrig_base::quantity::Bytes;
use kvrig_base::random::Seed;
use kvrig_base::result::{PointWindows, StudyResult};
use kvrig_base::time::Span;
use node::Spec;
use outcome::PointOutcome;
use std::collections::BTreeMap;

/// This study as `kvrig list` shows it.
pub const BUILT_IN: super::BuiltIn = super::BuiltIn {
    name: "big-keys",
    question: "Who waits behind one big command?",
    toml: include_str!("study.toml"),
};

/// Memory of a small key beside its bytes, and of an element beside its own: slots of arenas,
/// allocations' headers, buckets, and a skip list's node for the largest kind. For estimates.
const ENTRY_OVERHEAD: u64 = 96;
const ELEMENT_OVERHEAD: u64 = 208;
/// CPU time of one simulated request, of a small key and of an element that is filled in and then
/// visited by the command. For estimates.
const REQUEST_CPU: Span = Span::from_nanos(700);
const SMALL_KEY_CPU: Span = Span::from_nanos(300);
const ELEMENT_CPU: Span = Span::from_nanos(1_000);

/// The study, ready to run.
struct BigKeys {
    study: Study,
    cells: Vec<Inputs>,
    specs: Vec<Spec>,
    points: Vec<Point>,
}

/// Plans the study.
///
/// # Errors
/// What a cell names and cannot be read, or cannot be run.
pub fn plan(study: Study, files: &dyn Files) -> Result<Plan, Diagnostic> {
    let mut reader = Reader::new(&study, files);
    let cells = study
        .cells
        .iter()
        .map(|cell| reader.inputs(cell))
        .collect::<Result<Vec<_>, _>>()?;
    let mut big_keys = BigKeys {
        specs: Vec::new(),
        points: Vec::new(),
        cells,
        study,
    };
    big_keys.lay_out_points();
    let memory_max = big_keys.study.max_memory;
    Ok(Plan::new(
        Box::new(big_keys),
        memory_max,
        "lower study.big-keys.sizes or study.big-keys.element_size",
    ))
}

impl BigKeys {
    fn lay_out_points(&mut self) {
        for (cell, inputs) in self.cells.iter().enumerate() {
            for &command in &inputs.knobs.commands {
                for &size in &inputs.knobs.sizes {
                    for replication in 0..self.study.seeds {
                        self.specs.push(Spec {
                            cell,
                            command,
                            size,
                            replication,
                        });
                    }
                }
            }
        }
        self.points = self.specs.iter().map(|spec| self.point(spec)).collect();
    }

    fn point(&self, spec: &Spec) -> Point {
        let inputs = &self.cells[spec.cell];
        let knobs = &inputs.knobs;
        let requests = inputs.requests_within(knobs.lead_in + knobs.window);
        let keys = spec.small_keys(inputs);
        let (elements, element) = match subject(spec.command) {
            Subject::Store => (0, 0),
            // The argument that sets it and what is stored exist side by side.
            Subject::Text => (0, 2 * spec.size * knobs.element_bytes),
            Subject::TwoSets => (2 * spec.size, 0),
            _ => (spec.size, 0),
        };
        let element_bytes = ELEMENT_OVERHEAD + 2 * knobs.element_bytes;
        let small = keys.saturating_mul(inputs.entry_bytes() + ENTRY_OVERHEAD);
        let big = elements
            .saturating_mul(element_bytes)
            .saturating_add(element);
        let variant = match inputs.cell.variant.as_str() {
            "" => String::new(),
            variant => format!("{variant} · "),
        };
        Point {
            label: format!(
                "{variant}{} {} seed {}",
                spec.command.name(),
                size_name(spec.size),
                spec.replication + 1
            ),
            identity: format!(
                "big-keys {} {} replication {}\nseed {}\nprofile {}\n{:?}\nfiles {:?}",
                spec.command.name(),
                spec.size,
                spec.replication,
                self.study.seed,
                inputs.profile.digest(),
                inputs.cell,
                inputs.files,
            ),
            events: requests,
            memory: Bytes(small.saturating_add(big)),
            cpu: REQUEST_CPU * requests + SMALL_KEY_CPU * keys + ELEMENT_CPU * elements,
        }
    }

    fn subjects(&self) -> Subjects {
        let knobs = &self.cells[0].knobs;
        Subjects {
            commands: knobs.commands.clone(),
            sizes: knobs.sizes.clone(),
            element_bytes: knobs.element_bytes,
            window: knobs.window,
            limits: knobs.limits.clone(),
        }
    }

    fn result(
        &self,
        points: &[PointOutcome],
        windows: Vec<PointWindows>,
    ) -> Result<StudyResult, RunError> {
        let study = &self.study;
        let subjects = self.subjects();
        let mut samples: Vec<Sample> = points
            .iter()
            .flat_map(|point| point.samples.clone())
            .collect();
        let measured = rows_over_seeds(BUILT_IN.name, &samples);
        samples.extend(limits::within(&measured, &subjects.sizes, &subjects.limits));
        let rows = rows_over_seeds(BUILT_IN.name, &samples);
        let judged = judge(study, &rows)?;
        let drawn = charts::draw(&Drawing {
            points,
            rows: &rows,
            sizes: &subjects.sizes,
            limits: &subjects.limits,
            element_bytes: subjects.element_bytes,
        });
        let mut warnings: Vec<String> = points
            .iter()
            .flat_map(|point| point.warnings.clone())
            .collect();
        warnings.extend(beyond_the_profile(points));
        warnings.extend(study.warnings.iter().map(ToString::to_string));
        warnings.extend(judged.left_out);
        warnings.sort();
        warnings.dedup();
        let mut counters: BTreeMap<String, u64> = BTreeMap::new();
        for (name, count) in points.iter().flat_map(|point| &point.counters) {
            *counters.entry(name.clone()).or_default() += count;
        }
        let first = &self.cells[0];
        let version = first.version.name();
        Ok(StudyResult {
            study: BUILT_IN.name.into(),
            title: study.title.clone(),
            question: BUILT_IN.question.into(),
            quick: study.quick,
            seed: study.seed,
            seeds: study.seeds,
            profile: first.profile.reference(),
            verdicts: judged.verdicts,
            findings: findings::findings(&rows, &subjects, &warnings),
            table: table::table(&rows, &subjects),
            series: drawn.series,
            charts: drawn.charts,
            histograms: drawn.histograms,
            model_card: card::model_card(version, &first.profile.name, &warnings),
            counters,
            fingerprint: fingerprint(&rows, windows),
            sections: Vec::new(),
            document: study.document.clone(),
            rows,
        })
    }
}

/// What went beyond the cost profile's range, each kind of work once.
fn beyond_the_profile(points: &[PointOutcome]) -> Vec<String> {
    let mut kinds: BTreeMap<&str, (u64, u64, Vec<&str>)> = BTreeMap::new();
    for point in points {
        for beyond in &point.beyond {
            let (limit, worst, commands) =
                kinds
                    .entry(&beyond.what)
                    .or_insert((beyond.limit, 0, Vec::new()));
            *limit = beyond.limit;
            *worst = beyond.worst.max(*worst);
            if !commands.contains(&point.command.as_str()) {
                commands.push(&point.command);
            }
        }
    }
    let sentence = |(what, (limit, worst, commands)): (&str, (u64, u64, Vec<&str>))| {
        format!(
            "Beyond the cost profile's range: {what} reached {worst} in one call, where its prices hold up to {limit}: {}.",
            commands.join(", ")
        )
    };
    kinds.into_iter().map(sentence).collect()
}

impl Experiment for BigKeys {
    fn points(&self) -> &[Point] {
        &self.points
    }

    fn run_point(&self, index: usize, cancelled: &dyn Fn() -> bool) -> Result<Outcome, RunError> {
        let spec = &self.specs[index];
        let seed = Seed(self.study.seed).replication(spec.replication);
        let (outcome, events) = node::run(&self.cells[spec.cell], spec, seed, cancelled)?;
        let data = serde_json::to_value(outcome).map_err(std::io::Error::other)?;
        Ok(Outcome { events, data })
    }

    fn reduce(&self, outcomes: &[Outcome]) -> Result<StudyResult, RunError> {
        let mut points = Vec::with_capacity(outcomes.len());
        let mut windows = Vec::with_capacity(outcomes.len());
        for (outcome, point) in outcomes.iter().zip(&self.points) {
            let mut of_point: PointOutcome =
                serde_json::from_value(outcome.data.clone()).map_err(std::io::Error::other)?;
            windows.push(PointWindows {
                point: point.label.clone(),
                windows: std::mem::take(&mut of_point.windows),
            });
            points.push(of_point);
        }
        self.result(&points, windows)
    }
}
