//! The loads, and the tables that they meet.

use crate::dynamo::{
    AutoScaling, Capacity, Delay, Demand, Even, Host, Places, Recorded, Request, Retrying, Scene,
    Sorting, Spread, TableRules, spread_places, whole_places,
};
use crate::run::RunError;
use crate::study::{AdaptiveCapacityKnobs, Dynamodb, ModelName};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::quantity::{Rate, exact};
use kvrig_base::random::Seed;
use kvrig_base::time::{Span, Time};
use kvrig_dynamo::capacity::ReadConsistency;
use kvrig_dynamo::scaling::TargetTracking;
use kvrig_workloads::arrivals::Phase;
use kvrig_workloads::{Arrivals, Pacing, RateProfile};
use std::collections::{BTreeMap, BTreeSet};

/// Write units of each partition under the uneven load (AWS Developer Guide, "Burst and adaptive
/// capacity").
const UNEVEN_UNITS: u64 = 100;
/// Read units that were saved (AWS re:Post knowledge center).
const SAVED_UNITS: u64 = 150;
/// The default quota of a table: more than one key asks for.
const PLENTY: u64 = 40_000;
/// Partitions of a new table on demand: 4,000 writes a second.
const ON_DEMAND_PARTITIONS: u32 = 4;
/// Keys of a ramp: enough to spread evenly.
const RAMP_KEYS: u32 = 100_000;
/// A ramp is a staircase of so short steps.
const RAMP_STEP: Span = Span::from_secs(1);
/// Write units of the auto-scaled table at the start and at least; more than it will need at most.
const SCALED_MIN: u64 = 100;
const SCALED_MAX: u64 = 4_000;
/// What is usual (AWS Developer Guide, "Managing throughput capacity automatically").
const TARGET_PERCENT: u64 = 70;
/// An item of one write unit, and one of one read unit.
const WRITE: Demand = Demand::Write { bytes: 900 };
const READ: Demand = Demand::Read {
    bytes: 4_096,
    consistency: ReadConsistency::Strong,
};

/// What the keys below the one partition key are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Below {
    /// Sort keys anywhere.
    Random,
    /// Sort keys that rise.
    Increasing,
    /// Sort keys anywhere, but the collection must stay whole.
    LocalIndex,
}

/// One load on one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    Uneven {
        model: ModelName,
    },
    SavedReads {
        model: ModelName,
    },
    OneKey {
        model: ModelName,
        delay: Span,
        below: Below,
    },
    Ramp {
        length: Span,
    },
    Step,
    Workload {
        model: ModelName,
        duration: Span,
    },
}

/// Every load with each model that it is run under.
pub(super) fn all(knobs: &AdaptiveCapacityKnobs, duration: Span) -> Vec<Load> {
    let mut loads = Vec::new();
    for &model in &knobs.models {
        if !knobs.uneven_span.is_zero() {
            loads.push(Load::Uneven { model });
        }
        if !knobs.saved_span.is_zero() {
            loads.push(Load::SavedReads { model });
        }
        if !duration.is_zero() {
            loads.push(Load::Workload { model, duration });
        }
    }
    if let (false, Some(&longest)) = (knobs.one_key_span.is_zero(), knobs.split_delays.last()) {
        let newest = knobs.models.last().copied().unwrap_or(ModelName::Gac2022);
        for &model in &knobs.models {
            // The others are run under one delay: theirs is no question of it.
            let is_static = matches!(model, ModelName::Static2012 | ModelName::Adaptive2017);
            let delays: &[Span] = match model == newest && !is_static {
                true => &knobs.split_delays,
                false => &knobs.split_delays[..1],
            };
            let of = |&delay| Load::OneKey {
                model,
                delay,
                below: Below::Random,
            };
            loads.extend(delays.iter().map(of));
        }
        if !matches!(newest, ModelName::Static2012 | ModelName::Adaptive2017) {
            let delay = knobs.split_delays.first().copied().unwrap_or(longest);
            let kinds = [Below::Increasing, Below::LocalIndex];
            loads.extend(kinds.map(|below| Load::OneKey {
                model: newest,
                delay,
                below,
            }));
        }
    }
    loads.extend(knobs.ramps.iter().map(|&length| Load::Ramp { length }));
    if !knobs.step_spans.1.is_zero() {
        loads.push(Load::Step);
    }
    loads
}

impl Load {
    /// The name of the load.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Uneven { .. } => "uneven",
            Self::SavedReads { .. } => "saved reads",
            Self::OneKey { .. } => "one key",
            Self::Ramp { .. } => "ramp",
            Self::Step => "step",
            Self::Workload { .. } => "workload",
        }
    }
    const fn model(self) -> ModelName {
        match self {
            Self::Uneven { model }
            | Self::SavedReads { model }
            | Self::OneKey { model, .. }
            | Self::Workload { model, .. } => model,
            Self::Ramp { .. } | Self::Step => ModelName::Gac2022,
        }
    }
    /// Its cell.
    pub(super) fn axes(self) -> BTreeMap<String, String> {
        let mut axes = BTreeMap::from([
            ("load".to_owned(), self.name().to_owned()),
            ("model".to_owned(), self.model().name().to_owned()),
        ]);
        match self {
            Self::OneKey { delay, below, .. } => {
                axes.insert("delay".into(), in_minutes(delay));
                let sort = match below {
                    Below::Random => "random",
                    Below::Increasing => "increasing",
                    Below::LocalIndex => "random, local index",
                };
                axes.insert("sort".into(), sort.into());
            }
            Self::Ramp { length } => {
                axes.insert("ramp".into(), in_minutes(length));
            }
            Self::Uneven { .. } | Self::SavedReads { .. } | Self::Step | Self::Workload { .. } => {}
        }
        axes
    }
    /// Whether anything is drawn, so that seeds differ.
    pub(super) const fn is_drawn(self) -> bool {
        match self {
            Self::SavedReads { .. } => false,
            Self::Uneven { model } => matches!(model, ModelName::Adaptive2017),
            Self::OneKey { .. } | Self::Ramp { .. } | Self::Step | Self::Workload { .. } => true,
        }
    }
    pub(super) fn duration(self, knobs: &AdaptiveCapacityKnobs) -> Span {
        match self {
            Self::Uneven { .. } => knobs.uneven_span,
            Self::SavedReads { .. } => knobs.saved_span,
            Self::OneKey { .. } => knobs.one_key_span,
            Self::Ramp { length } => length + knobs.ramp_hold,
            Self::Step => knobs.step_spans.0 + knobs.step_spans.1,
            Self::Workload { duration, .. } => duration,
        }
    }
    /// Requests that are expected.
    pub(super) fn requests(self, knobs: &AdaptiveCapacityKnobs, workload: Rate) -> u64 {
        let within = |rate: u64, span: Span| {
            let requests = u128::from(rate) * u128::from(span.as_picos());
            u64::try_from(requests / 1_000_000_000_000_000_000).unwrap_or(u64::MAX)
        };
        match self {
            Self::Uneven { .. } => {
                let rate = knobs.uneven.iter().map(|rate| rate.0).sum();
                within(rate, knobs.uneven_span)
            }
            Self::SavedReads { .. } => within(knobs.saved_reads.0, knobs.saved_span),
            Self::OneKey { .. } => within(knobs.one_key.0, knobs.one_key_span),
            Self::Ramp { length } => {
                within(knobs.ramp_to.0 / 2, length) + within(knobs.ramp_to.0, knobs.ramp_hold)
            }
            Self::Step => {
                within(knobs.step.0.0, knobs.step_spans.0)
                    + within(knobs.step.1.0, knobs.step_spans.1)
            }
            Self::Workload { duration, .. } => within(workload.0, duration),
        }
    }

    /// The table that it meets; `cell` is the study's own.
    pub(super) fn scene(self, knobs: &AdaptiveCapacityKnobs, cell: &Dynamodb) -> Scene {
        let new =
            |capacity, partitions| TableRules::new(self.model().generation(), capacity, partitions);
        let provisioned = |read, write| Capacity::Provisioned { read, write };
        let table = match self {
            Self::Uneven { .. } => {
                let partitions = knobs.uneven.len() as u64;
                let units = UNEVEN_UNITS * partitions;
                new(provisioned(units, units), partitions as u32)
            }
            Self::SavedReads { .. } => new(provisioned(SAVED_UNITS, SAVED_UNITS), 1),
            Self::OneKey { delay, below, .. } => {
                let table = new(provisioned(PLENTY, PLENTY), 1);
                let table = table.splitting_after(irregular(delay));
                match below {
                    Below::Random | Below::Increasing => table,
                    Below::LocalIndex => table.with_local_index(),
                }
            }
            Self::Ramp { .. } => new(Capacity::OnDemand, ON_DEMAND_PARTITIONS),
            Self::Step => TableRules {
                auto_scaling: Some(AutoScaling {
                    target: TargetTracking {
                        target_percent: TARGET_PERCENT,
                        min: SCALED_MIN,
                        max: SCALED_MAX,
                    },
                    alarm: knobs.scaling_delays.0,
                    update: knobs.scaling_delays.1,
                }),
                ..new(provisioned(SCALED_MIN, SCALED_MIN), ON_DEMAND_PARTITIONS)
            },
            Self::Workload { model, .. } => TableRules {
                generation: model.generation(),
                splits: cell
                    .table
                    .splits
                    .filter(|_| model.generation().splits_for_heat()),
                ..cell.table
            },
        };
        Scene {
            table,
            index: None,
            retrying: match self {
                Self::Workload { .. } => cell.retrying,
                _ => Retrying::NEVER,
            },
            duration: self.duration(knobs),
        }
    }

    /// Runs a load that is not the workload.
    pub(super) fn run(
        self,
        knobs: &AdaptiveCapacityKnobs,
        cell: &Dynamodb,
        seed: Seed,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Recorded, RunError> {
        let scene = self.scene(knobs, cell);
        let serve = |places: Places, requests: &mut dyn Iterator<Item = Request>| {
            let none = BTreeSet::new();
            Host::new(scene, places, None, &none, seed)?.run_each(requests, cancelled)
        };
        match self {
            Self::Uneven { .. } => {
                let partitions = knobs.uneven.len() as u32;
                let mut requests = Even::new(&knobs.uneven, WRITE, Time::START);
                serve(whole_places(partitions, false), &mut requests)
            }
            Self::SavedReads { .. } | Self::Workload { .. } => {
                let mut requests = Even::new(&[knobs.saved_reads], READ, Time::START);
                serve(whole_places(1, false), &mut requests)
            }
            Self::OneKey { below, .. } => {
                let sorting = match below {
                    Below::Random | Below::LocalIndex => Sorting::Random,
                    Below::Increasing => Sorting::Increasing,
                };
                let profile = RateProfile::constant(knobs.one_key);
                let mut requests = spread(profile, 1, sorting, seed)?;
                serve(whole_places(1, true), &mut requests)
            }
            Self::Ramp { length } => {
                let profile = staircase(knobs.ramp_to, length);
                let mut requests = spread(profile, RAMP_KEYS, Sorting::Single, seed)?;
                let placement = seed.stream("dynamo.placement");
                serve(spread_places(RAMP_KEYS, placement), &mut requests)
            }
            Self::Step => {
                let (before, after) = knobs.step;
                let profile = RateProfile::step(before, knobs.step_spans.0, after);
                let mut requests = spread(profile, RAMP_KEYS, Sorting::Single, seed)?;
                let placement = seed.stream("dynamo.placement");
                serve(spread_places(RAMP_KEYS, placement), &mut requests)
            }
        }
    }
}

/// A time in minutes where it is a whole number of them: `10min`, which is no longer than `600s`.
pub(super) fn in_minutes(span: Span) -> String {
    let minute = Span::from_secs(60).as_picos();
    match span.as_picos() % minute {
        0 => format!("{}min", span.as_picos() / minute),
        _ => exact(&span),
    }
}

/// Delays that are drawn around one: from half of it to half as much again, as real splits came at
/// irregular intervals.
pub(super) fn irregular(delay: Span) -> Delay {
    let half = Span::from_picos(delay.as_picos() / 2);
    Delay {
        min: half,
        max: delay + half,
    }
}

fn spread(
    profile: Result<RateProfile, kvrig_workloads::Error>,
    collections: u32,
    sorting: Sorting,
    seed: Seed,
) -> Result<Spread, Diagnostic> {
    let profile =
        profile.map_err(|error| Diagnostic::new(diagnostic::OUT_OF_RANGE, error.to_string()))?;
    Ok(Spread {
        starts: Arrivals::new(Pacing::Poisson, profile, seed.stream("arrivals"), 0),
        collections,
        sorting,
        demand: WRITE,
        draws: seed.stream("dynamo.values"),
        index: 0,
    })
}

/// A rate that rises to `to` in short even steps and stays there.
fn staircase(to: Rate, length: Span) -> Result<RateProfile, kvrig_workloads::Error> {
    let steps = (length.as_picos() / RAMP_STEP.as_picos()).max(1);
    let phases = (0..steps).map(|step| {
        let rate = u128::from(to.0) * u128::from(2 * step + 1) / u128::from(2 * steps);
        Phase::constant(RAMP_STEP, Rate(u64::try_from(rate).unwrap_or(u64::MAX)))
    });
    RateProfile::once(phases.collect(), to)
}
