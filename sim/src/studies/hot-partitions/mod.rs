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

use crate::cost::Profile;
use crate::dynamo::{Collection, Delay, Host, Items, Scene, Splits};
use crate::run::{Point, RunError};
use crate::studies::question::{self, Planned, Question, Told};
use crate::studies::setup::Setup;
use crate::studies::traffic::{Rehearsal, TrafficInputs};
use crate::study::{Cell, Dynamodb, FidelityName, HotPartitionsKnobs, StudyKind};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::quantity::Bytes;
use kvrig_base::result::StudyResult;
use kvrig_base::time::Span;
use outcome::{Found, Part, PointOutcome, TopKey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use survey::Survey;

/// This study as `kvrig list` shows it.
pub(super) const BUILT_IN: super::BuiltIn = super::BuiltIn {
    name: "hot-partitions",
    question: "How much skew can a table take before it throttles?",
    toml: include_str!("study.toml"),
    plan: question::plan::<HotPartitions>,
};

/// CPU time of one request. For estimates.
const REQUEST_CPU: Span = Span::from_nanos(100);
/// Memory of one key: its hash, its home, its count. For estimates.
const KEY_BYTES: u64 = 40;
/// CPU time of a request that puts or gets an item beside. For estimates.
const ITEM_CPU: Span = Span::from_nanos(1_500);
/// Memory of an item whose filling others share, with its name in the list of names. For estimates.
const ITEM_BYTES: u64 = 400;

/// A cell with everything read that it names.
#[derive(Debug)]
struct Inputs {
    cell: Cell,
    knobs: HotPartitionsKnobs,
    table: Dynamodb,
    traffic: TrafficInputs,
    duration: Span,
    profile: Profile,
    /// What was found of the replications that two points of a cell look at.
    surveys: Mutex<BTreeMap<u32, Survey>>,
}

/// What a point runs.
#[derive(Clone, Copy, Debug)]
struct Spec {
    cell: usize,
    replication: u32,
    part: Part,
}

/// The study.
struct HotPartitions;

impl Inputs {
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
    /// The survey of a replication, which `make` makes if nobody did.
    fn survey(&self, replication: u32, make: impl FnOnce() -> Survey) -> Survey {
        let mut surveys = self.surveys.lock().unwrap_or_else(PoisonError::into_inner);
        surveys.entry(replication).or_insert_with(make).clone()
    }
}

impl Question for HotPartitions {
    const BUILT_IN: super::BuiltIn = BUILT_IN;
    const TO_LOWER: &'static str = "lower workload.keys, or run.duration where items are kept";
    type Inputs = Inputs;
    type Spec = Spec;
    type Found = PointOutcome;

    fn read(cell: &Cell, setup: &mut Setup<'_>) -> Result<Inputs, Diagnostic> {
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
        let traffic = TrafficInputs::read(cell, table, setup)?;
        if knobs.fidelity == FidelityName::Items {
            traffic.check_items()?;
        }
        Ok(Inputs {
            profile: setup.machine(&cell.host)?,
            traffic,
            cell: cell.clone(),
            knobs: *knobs,
            table: *table,
            duration,
            surveys: Mutex::default(),
        })
    }

    fn profile(inputs: &Inputs) -> &Profile {
        &inputs.profile
    }

    fn specs(planned: &Planned<Self>) -> Result<Vec<Spec>, Diagnostic> {
        let mut specs = Vec::new();
        for (cell, inputs) in planned.cells.iter().enumerate() {
            for replication in 0..planned.study.seeds {
                let mut parts = vec![Part::Run, Part::Healed];
                if inputs.knobs.find_max_rate {
                    parts.push(Part::Rate);
                }
                specs.extend(parts.into_iter().map(|part| Spec {
                    cell,
                    replication,
                    part,
                }));
            }
        }
        Ok(specs)
    }

    fn point(planned: &Planned<Self>, spec: &Spec) -> Point {
        let inputs = &planned.cells[spec.cell];
        let span = inputs.scene(spec.part).duration;
        let requests = match spec.part {
            Part::Rate => inputs
                .traffic
                .requests_within(span)
                .saturating_mul(search::STEPS),
            Part::Run | Part::Healed => inputs.traffic.requests_within(span),
        };
        let seconds = span.as_picos() / Span::from_secs(1).as_picos();
        let rehearsed = match spec.part {
            Part::Rate => (requests / search::STEPS).saturating_mul(Rehearsal::BYTES),
            Part::Run | Part::Healed => 0,
        };
        let memory = KEY_BYTES.saturating_mul(inputs.traffic.keys())
            + rehearsed
            + seconds.saturating_mul(64)
            + seconds / 10 * 64 * u64::from(inputs.table.table.partitions);
        let (memory, cpu) = match inputs.knobs.fidelity == FidelityName::Items {
            true => {
                let items = inputs.traffic.items_max(requests);
                let memory = memory.saturating_add(items.saturating_mul(ITEM_BYTES));
                (memory, REQUEST_CPU * requests + ITEM_CPU * requests)
            }
            false => (memory, REQUEST_CPU * requests),
        };
        let part = spec.part.name();
        Point {
            label: question::label(&inputs.cell, [part.to_owned()], spec.replication),
            identity: planned.identity(part, spec.cell, spec.replication),
            events: requests,
            memory: Bytes(memory),
            cpu,
        }
    }

    fn shared_memory(planned: &Planned<Self>) -> Bytes {
        let cells = planned.cells.iter();
        let cells = cells.map(|cell| (&cell.traffic, cell.duration.max(cell.knobs.healed)));
        TrafficInputs::shared_memory(cells, planned.study.seeds)
    }

    fn run(
        planned: &Planned<Self>,
        spec: &Spec,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<(PointOutcome, u64), RunError> {
        let inputs = &planned.cells[spec.cell];
        let seed = planned.seed(spec.replication);
        let traffic = inputs.traffic.traffic(seed)?;
        let scene = inputs.scene(spec.part);
        let places = traffic.places(scene.table.partitions);
        let index = scene.index;
        let index = index.and_then(|rules| traffic.index_places(rules.partitions));
        let survey = match spec.part {
            // What no split heals is seen without one.
            Part::Healed => Survey::default(),
            Part::Run | Part::Rate => inputs.survey(spec.replication, || {
                Survey::of(&traffic, places.clone(), &scene, inputs.traffic.rate())
            }),
        };
        let items = || match inputs.knobs.fidelity == FidelityName::Items {
            true => traffic.items().map(Some),
            false => Ok(None),
        };
        let start = |counted: &BTreeSet<Collection>, items: Option<Items>| {
            let host = Host::new(scene, places.clone(), index.clone(), counted, seed)?;
            Ok::<Host, Diagnostic>(match items {
                Some(items) => host.keeping(items),
                None => host,
            })
        };
        let serve = |counted: &BTreeSet<Collection>, items: Option<Items>| {
            let mut requests = traffic.requests();
            start(counted, items)?.run(&mut requests, cancelled)
        };
        let found = match spec.part {
            Part::Run => {
                let counted = survey.top.iter().map(|(collection, _)| *collection);
                let counted: BTreeSet<Collection> = counted.collect();
                let mut recorded = serve(&counted, items()?)?;
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
                let recorded = serve(&BTreeSet::new(), items()?)?;
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
                &|items| start(&BTreeSet::new(), items),
                &items,
                inputs.knobs.clean,
                &survey,
                cancelled,
            )?,
        };
        let events = found.events();
        let outcome = PointOutcome {
            variant: inputs.cell.variant.clone(),
            axes: inputs.cell.axes.clone(),
            replication: spec.replication,
            survey,
            found,
        };
        Ok((outcome, events))
    }

    fn answer(planned: &Planned<Self>, found: Vec<PointOutcome>) -> Result<StudyResult, RunError> {
        let judged = planned.judge(&outcome::samples(&found))?;
        let rows = &judged.rows;
        let mut warnings = warnings(&planned.cells);
        warnings.extend(judged.left_out.iter().cloned());
        let attempts = found.iter().map(|point| point.found.events());
        let told = Told {
            findings: findings::findings(rows, &found, &warnings),
            table: summary::table(rows),
            drawn: charts::draw(&found),
            model_card: card::model_card(
                &planned.cells[0].table,
                planned.cells[0].knobs.fidelity,
                &warnings,
            ),
            counters: BTreeMap::from([("attempts".to_owned(), attempts.sum())]),
            windows: Vec::new(),
        };
        Ok(planned.result(judged, told))
    }
}

/// What would be misread, in sentences.
fn warnings(cells: &[Inputs]) -> Vec<String> {
    let replays = cells.iter().any(|inputs| inputs.traffic.replays());
    let sentence =
        "The trace gives the partition keys; when it is at its end it begins again.".to_owned();
    replays.then_some(sentence).into_iter().collect()
}
