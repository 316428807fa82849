//! The study `hot-partitions`: how much skew can a table take before it throttles?
//!
//! A cell is one skew or one design of partition keys. Each is run in three ways under each seed, as
//! points of their own: the **run** over the whole duration, with splits after drawn delays; the
//! table **healed**, where splits take no time, to see what they cannot help; and a search for the
//! highest **rate** at which a minute is clean before any split. `survey` says beforehand what is
//! asked of the hottest partition and of the most popular keys.

mod card;
mod charts;
mod findings;
mod outcome;
mod search;
mod summary;
mod survey;
#[cfg(test)]
mod tests;

use crate::dynamo::{Collection, Delay, Host, Scene, Splits};
use crate::run::{Experiment, Outcome, Plan, Point, RunError, fingerprint, rows_over_seeds};
use crate::studies::judging::judge;
use crate::studies::setup::Setup;
use crate::studies::traffic::TrafficInputs;
use crate::studies::workload::WorkloadReader;
use crate::study::{Cell, Dynamodb, Files, HotPartitionsKnobs, Study, StudyKind};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::digest::Digest;
use kvrig_base::quantity::Bytes;
use kvrig_base::random::Seed;
use kvrig_base::result::{ProfileRef, StudyResult};
use kvrig_base::row::Class;
use kvrig_base::time::Span;
use outcome::{Found, Part, PointOutcome, TopKey};
use std::collections::{BTreeMap, BTreeSet};
use survey::Survey;

/// This study as `kvrig list` shows it.
pub(super) const BUILT_IN: super::BuiltIn = super::BuiltIn {
    name: "hot-partitions",
    question: "How much skew can a table take before it throttles?",
    toml: include_str!("study.toml"),
};

/// CPU time of one request. For estimates.
const REQUEST_CPU: Span = Span::from_nanos(160);
/// Memory of one key: its hash, its home, its count. For estimates.
const KEY_BYTES: u64 = 40;

/// A cell with everything read that it names.
#[derive(Debug)]
struct Inputs {
    cell: Cell,
    knobs: HotPartitionsKnobs,
    table: Dynamodb,
    traffic: TrafficInputs,
    duration: Span,
    profile: ProfileRef,
    files: Vec<(String, Digest)>,
}

/// What a point runs.
#[derive(Clone, Copy, Debug)]
struct Spec {
    cell: usize,
    replication: u32,
    part: Part,
}

/// The study, ready to run.
struct HotPartitions {
    study: Study,
    cells: Vec<Inputs>,
    specs: Vec<Spec>,
    points: Vec<Point>,
}

/// Plans the study.
///
/// # Errors
/// What a cell names and cannot be read, or cannot be run.
pub(super) fn plan(study: Study, files: &dyn Files) -> Result<Plan, Diagnostic> {
    let cells = {
        let mut setup = Setup::new(&study, files);
        let mut workloads = WorkloadReader::default();
        let cells = study.cells.iter();
        let read = cells.map(|cell| Inputs::read(cell, &mut setup, &mut workloads));
        read.collect::<Result<Vec<_>, _>>()?
    };
    let memory_max = study.max_memory;
    let mut planned = HotPartitions {
        study,
        cells,
        specs: Vec::new(),
        points: Vec::new(),
    };
    planned.lay_out_points();
    Ok(Plan::new(
        Box::new(planned),
        memory_max,
        "lower workload.keys",
    ))
}

impl Inputs {
    fn read(
        cell: &Cell,
        setup: &mut Setup<'_>,
        workloads: &mut WorkloadReader,
    ) -> Result<Self, Diagnostic> {
        let (StudyKind::HotPartitions(knobs), Some(table)) = (&cell.kind, &cell.dynamodb) else {
            return Err(super::another_question(cell));
        };
        if !cell.events.is_empty() {
            return Err(Diagnostic::new(
                diagnostic::CONTRADICTION,
                "the study `hot-partitions` has no events beside its requests",
            )
            .help("leave `event` out"));
        }
        let Some(duration) = cell.duration.filter(|span| !span.is_zero()) else {
            return Err(
                Diagnostic::new(diagnostic::MISSING_KEY, "missing key `run.duration`")
                    .help("`run.duration` says how long requests come"),
            );
        };
        let profile = setup.machine(&cell.host)?.reference();
        let traffic = TrafficInputs::read(cell, table, &setup.files, workloads)?;
        Ok(Self {
            files: setup.files.digests(),
            cell: cell.clone(),
            knobs: *knobs,
            table: *table,
            traffic,
            duration,
            profile,
        })
    }
    /// The scene of a part.
    fn scene(&self, part: Part) -> Scene {
        let mut table = self.table.table;
        let mut index = self.table.index.map(|index| index.rules);
        let delays = match part {
            Part::Run => None,
            Part::Healed => Some(Some(Delay::fixed(Span::ZERO))),
            Part::Rate => Some(None),
        };
        if let Some(delay) = delays {
            for rules in std::iter::once(&mut table).chain(&mut index) {
                rules.splits = rules.splits.and_then(|splits| {
                    Some(Splits {
                        delay: delay?,
                        ..splits
                    })
                });
            }
        }
        Scene {
            table,
            index,
            retrying: self.table.retrying,
            duration: match part {
                Part::Run => self.duration,
                Part::Healed => self.knobs.healed,
                Part::Rate => search::PROBE,
            },
        }
    }
    fn requests_within(&self, span: Span) -> u64 {
        let requests = u128::from(self.traffic.rate().0) * u128::from(span.as_picos());
        u64::try_from(requests / 1_000_000_000_000_000_000).unwrap_or(u64::MAX)
    }
}

impl HotPartitions {
    fn lay_out_points(&mut self) {
        for cell in 0..self.cells.len() {
            for replication in 0..self.study.seeds {
                let mut parts = vec![Part::Run, Part::Healed];
                if self.cells[cell].knobs.find_max_rate {
                    parts.push(Part::Rate);
                }
                self.specs.extend(parts.into_iter().map(|part| Spec {
                    cell,
                    replication,
                    part,
                }));
            }
        }
        let points = self.specs.iter().map(|&spec| self.point(spec));
        self.points = points.collect();
    }

    fn point(&self, spec: Spec) -> Point {
        let inputs = &self.cells[spec.cell];
        let span = inputs.scene(spec.part).duration;
        let requests = match spec.part {
            Part::Rate => inputs.requests_within(span).saturating_mul(search::STEPS),
            Part::Run | Part::Healed => inputs.requests_within(span),
        };
        let seconds = span.as_picos() / Span::from_secs(1).as_picos();
        let memory = KEY_BYTES.saturating_mul(inputs.traffic.keys())
            + seconds.saturating_mul(64)
            + seconds / 10 * 64 * u64::from(inputs.table.table.partitions);
        let mut label = vec![inputs.cell.variant.clone()];
        let axes = inputs.cell.axes.iter();
        label.extend(axes.map(|(axis, value)| format!("{axis}={value}")));
        label.push(spec.part.name().to_owned());
        label.push(format!("seed {}", spec.replication + 1));
        label.retain(|part| !part.is_empty());
        Point {
            label: label.join(" · "),
            identity: format!(
                "hot-partitions {} replication {}\nseed {}\n{:?}\nfiles {:?}",
                spec.part.name(),
                spec.replication,
                self.study.seed,
                inputs.cell,
                inputs.files
            ),
            events: requests,
            memory: Bytes(memory),
            cpu: REQUEST_CPU * requests,
        }
    }

    fn run(&self, spec: Spec, cancelled: &dyn Fn() -> bool) -> Result<PointOutcome, RunError> {
        let inputs = &self.cells[spec.cell];
        let seed = Seed(self.study.seed).replication(spec.replication);
        let traffic = inputs.traffic.traffic(seed)?;
        let scene = inputs.scene(spec.part);
        let places = traffic.places().settled(scene.table.partitions);
        let index = traffic.index_places().zip(scene.index);
        let index = index.map(|(places, rules)| places.settled(rules.partitions));
        let survey = match spec.part {
            // What no split heals is seen without one.
            Part::Healed => Survey::default(),
            Part::Run | Part::Rate => {
                Survey::of(&traffic, places.clone(), &scene, inputs.traffic.rate())
            }
        };
        let serve = |counted: &BTreeSet<Collection>| {
            let host = Host::new(scene, places.clone(), index.clone(), counted, seed)?;
            host.run(traffic.requests().into_iter().flatten(), cancelled)
        };
        let found = match spec.part {
            Part::Run => {
                let counted = survey.top.iter().map(|(collection, _)| *collection);
                let counted: BTreeSet<Collection> = counted.collect();
                let mut recorded = serve(&counted)?;
                if spec.replication > 0 {
                    // Maps are drawn of the first seed.
                    (recorded.cells, recorded.index_cells) = (Vec::new(), Vec::new());
                }
                let top = survey.top.iter().map(|&(collection, share_ppm)| TopKey {
                    name: traffic.name(collection),
                    collection: collection.0,
                    share_ppm,
                });
                Found::Run {
                    top: top.collect(),
                    recorded: Box::new(recorded),
                }
            }
            Part::Healed => {
                let recorded = serve(&BTreeSet::new())?;
                let minute = Span::from_secs(60);
                let last = recorded.between(scene.duration.saturating_sub(minute), scene.duration);
                Found::Healed {
                    last,
                    partitions: recorded.partitions,
                    events: recorded.books.attempts,
                    checked: recorded.checked(),
                }
            }
            Part::Rate => search::highest_clean_rate(
                &traffic,
                (places.clone(), index.clone()),
                scene,
                inputs.knobs.clean,
                &survey,
                seed,
                cancelled,
            )?,
        };
        Ok(PointOutcome {
            variant: inputs.cell.variant.clone(),
            axes: inputs.cell.axes.clone(),
            replication: spec.replication,
            survey,
            found,
        })
    }
}

impl Experiment for HotPartitions {
    fn points(&self) -> &[Point] {
        &self.points
    }

    fn run_point(&self, index: usize, cancelled: &dyn Fn() -> bool) -> Result<Outcome, RunError> {
        let outcome = self.run(self.specs[index], cancelled)?;
        Ok(Outcome {
            events: outcome.found.events(),
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
        let mut rows = rows_over_seeds("hot-partitions", &outcome::samples(&found));
        let of_theory = rows.iter_mut().filter(|row| row.name.starts_with("law_"));
        of_theory.for_each(|row| row.class = Class::Cited);
        let judged = judge(study, &rows)?;
        let mut warnings = self.warnings();
        warnings.extend(judged.left_out);
        warnings.extend(study.warnings.iter().map(ToString::to_string));
        let drawn = charts::draw(&found);
        let counters = BTreeMap::from([(
            "attempts".to_owned(),
            found.iter().map(|point| point.found.events()).sum(),
        )]);
        Ok(StudyResult {
            study: "hot-partitions".into(),
            title: study.title.clone(),
            question: BUILT_IN.question.into(),
            quick: study.quick,
            seed: study.seed,
            seeds: study.seeds,
            profile: self.cells[0].profile.clone(),
            verdicts: judged.verdicts,
            findings: findings::findings(&rows, &found, &warnings),
            table: summary::table(&rows),
            series: drawn.series,
            charts: drawn.charts,
            histograms: Vec::new(),
            model_card: card::model_card(&self.cells[0].table, &warnings),
            counters,
            fingerprint: fingerprint(&rows, Vec::new()),
            sections: Vec::new(),
            document: study.document.clone(),
            rows,
        })
    }
}

impl HotPartitions {
    /// What would be misread, in sentences.
    fn warnings(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        for inputs in &self.cells {
            if inputs.traffic.replays() {
                let sentence =
                    "The trace gives the partition keys; when it is at its end it begins \
                                again."
                        .to_owned();
                if !sentences.contains(&sentence) {
                    sentences.push(sentence);
                }
            }
        }
        sentences
    }
}
