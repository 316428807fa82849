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

use crate::cost::Profile;
use crate::run::{Point, RunError, Sample, rows_over_seeds};
use crate::studies::question::{self, Planned, Question, Told};
use crate::studies::setup::Setup;
use crate::study::Cell;
use charts::Drawing;
use commands::{Subject, size_name, subject};
use findings::Subjects;
use inputs::Inputs;
use kvrig_base::diagnostic::Diagnostic;
use kvrig_base::quantity::Bytes;
use kvrig_base::result::{PointWindows, StudyResult};
use kvrig_base::time::Span;
use node::Spec;
use outcome::PointOutcome;
use std::collections::BTreeMap;

/// This study as `kvrig list` shows it.
pub(super) const BUILT_IN: super::BuiltIn = super::BuiltIn {
    name: "big-keys",
    question: "Who waits behind one big command?",
    toml: include_str!("study.toml"),
    plan: question::plan::<BigKeys>,
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

/// The study.
struct BigKeys;

impl Question for BigKeys {
    const BUILT_IN: super::BuiltIn = BUILT_IN;
    const TO_LOWER: &'static str = "lower study.big-keys.sizes or study.big-keys.element_size";
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
            for &command in &inputs.knobs.commands {
                for &size in &inputs.knobs.sizes {
                    specs.extend((0..planned.study.seeds).map(|replication| Spec {
                        cell,
                        command,
                        size,
                        replication,
                    }));
                }
            }
        }
        Ok(specs)
    }

    fn point(planned: &Planned<Self>, spec: &Spec) -> Point {
        let inputs = &planned.cells[spec.cell];
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
        let command = spec.command.name();
        Point {
            label: format!(
                "{variant}{command} {} seed {}",
                size_name(spec.size),
                spec.replication + 1
            ),
            identity: planned.identity(
                format!("{command} {}", spec.size),
                spec.cell,
                spec.replication,
            ),
            events: requests,
            memory: Bytes(small.saturating_add(big)),
            cpu: REQUEST_CPU * requests + SMALL_KEY_CPU * keys + ELEMENT_CPU * elements,
        }
    }

    fn run(
        planned: &Planned<Self>,
        spec: &Spec,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<(PointOutcome, u64), RunError> {
        let seed = planned.seed(spec.replication);
        node::run(&planned.cells[spec.cell], spec, seed, cancelled)
    }

    fn answer(
        planned: &Planned<Self>,
        mut points: Vec<PointOutcome>,
    ) -> Result<StudyResult, RunError> {
        let first = &planned.cells[0];
        let subjects = subjects(first);
        let named = points.iter_mut().zip(&planned.points);
        let windows = named.map(|(outcome, point)| PointWindows {
            point: point.label.clone(),
            windows: std::mem::take(&mut outcome.windows),
        });
        let windows = windows.collect();
        let mut samples: Vec<Sample> = points
            .iter()
            .flat_map(|point| point.samples.clone())
            .collect();
        let measured = rows_over_seeds(BUILT_IN.name, &samples);
        samples.extend(limits::within(&measured, &subjects.sizes, &subjects.limits));
        let judged = planned.judge(&samples)?;
        let rows = &judged.rows;
        let mut warnings: Vec<String> = points
            .iter()
            .flat_map(|point| point.warnings.clone())
            .collect();
        warnings.extend(beyond_the_profile(&points));
        warnings.extend(judged.left_out.iter().cloned());
        warnings.sort();
        warnings.dedup();
        let mut counters: BTreeMap<String, u64> = BTreeMap::new();
        for (name, count) in points.iter().flat_map(|point| &point.counters) {
            *counters.entry(name.clone()).or_default() += count;
        }
        let version = first.version.name();
        let told = Told {
            findings: findings::findings(rows, &subjects, &warnings),
            table: table::table(rows, &subjects),
            drawn: charts::draw(&Drawing {
                points: &points,
                rows,
                sizes: &subjects.sizes,
                limits: &subjects.limits,
                element_bytes: subjects.element_bytes,
            }),
            model_card: card::model_card(version, &first.profile.name, &warnings),
            counters,
            windows,
        };
        Ok(planned.result(judged, told))
    }
}

/// What the rows are about.
fn subjects(inputs: &Inputs) -> Subjects {
    let knobs = &inputs.knobs;
    Subjects {
        commands: knobs.commands.clone(),
        sizes: knobs.sizes.clone(),
        element_bytes: knobs.element_bytes,
        window: knobs.window,
        limits: knobs.limits.clone(),
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
