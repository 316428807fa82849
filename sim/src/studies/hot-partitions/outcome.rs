//! What a point has found, and the samples that follow.

use super::survey::Survey;
use crate::dynamo::{Checked, Cooled, Recorded, Second};
use crate::run::Sample;
use kvrig_base::time::Span;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The stretch before any split: two minutes, without the ten seconds in which the second's worth
/// that limits hold at the start is used up. A split takes a minute of heat and its delay.
pub(super) const EARLY: (Span, Span) = (Span::from_secs(10), Span::from_secs(120));
const MINUTE: Span = Span::from_secs(60);

/// One of the ways in which a cell is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Part {
    /// As the study says.
    Run,
    /// With splits that take no time.
    Healed,
    /// The search for the highest clean rate.
    Rate,
}

impl Part {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Healed => "healed",
            Self::Rate => "clean rate",
        }
    }
}

/// A popular key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TopKey {
    pub(super) name: String,
    pub(super) collection: u32,
    /// Expected share of the requests.
    pub(super) share_ppm: u64,
}

/// What a part has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Found {
    /// Of [`Part::Run`].
    Run {
        top: Vec<TopKey>,
        recorded: Box<Recorded>,
    },
    /// Of [`Part::Healed`]: its last minute.
    Healed {
        last: Second,
        partitions: u32,
        events: u64,
        checked: Checked,
    },
    /// Of [`Part::Rate`].
    Rate {
        clean: u64,
        events: u64,
        checked: Checked,
    },
}

impl Found {
    /// What the ends of its runs were checked for.
    pub(super) fn checked(&self) -> Checked {
        match self {
            Self::Run { recorded, .. } => recorded.checked(),
            Self::Healed { checked, .. } | Self::Rate { checked, .. } => *checked,
        }
    }
    pub(super) const fn events(&self) -> u64 {
        match self {
            Self::Run { recorded, .. } => recorded.books.attempts,
            Self::Healed { events, .. } | Self::Rate { events, .. } => *events,
        }
    }
}

/// One point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PointOutcome {
    pub(super) variant: String,
    pub(super) axes: BTreeMap<String, String>,
    pub(super) replication: u32,
    pub(super) survey: Survey,
    pub(super) found: Found,
}

impl PointOutcome {
    /// What the run recorded, if this is one.
    pub(super) fn recorded(&self) -> Option<&Recorded> {
        match &self.found {
            Found::Run { recorded, .. } => Some(recorded),
            Found::Healed { .. } | Found::Rate { .. } => None,
        }
    }
    /// The cell in words: the variant, or the axes.
    pub(super) fn name(&self) -> String {
        if !self.variant.is_empty() {
            return self.variant.clone();
        }
        let axes = self
            .axes
            .iter()
            .map(|(axis, value)| format!("{axis} = {value}"));
        let text = axes.collect::<Vec<_>>().join(", ");
        match text.is_empty() {
            true => "the study's workload".to_owned(),
            false => text,
        }
    }
}

/// `part` of `whole` in parts per million, rounded.
pub(super) fn ppm(part: u64, whole: u64) -> i64 {
    let whole = u128::from(whole.max(1));
    let share = (u128::from(part) * 1_000_000 + whole / 2) / whole;
    i64::try_from(share).unwrap_or(i64::MAX)
}

/// The last quarter of a run.
pub(super) fn late(recorded: &Recorded) -> Second {
    let all = Span::from_secs(recorded.seconds.len() as u64);
    recorded.between(Span::from_picos(all.as_picos() / 4 * 3), all)
}

/// The samples of all points.
pub(super) fn samples(points: &[PointOutcome]) -> Vec<Sample> {
    let mut samples = Vec::new();
    for point in points {
        let mut add = |name: &str, value: i64| {
            samples.push(Sample {
                variant: point.variant.clone(),
                cell: point.axes.clone(),
                name: name.to_owned(),
                value,
            });
        };
        match &point.found {
            Found::Healed { last, .. } => {
                add("failed_healed_share", ppm(last.failed, last.offered));
            }
            Found::Rate { clean, .. } => add("clean_rate_mean", clean.cast_signed()),
            Found::Run { recorded, .. } => {
                of_run(recorded, &mut add);
                let survey = &point.survey;
                for (name, value) in [
                    ("law_failed_share", survey.floor_ppm),
                    ("partition_demand_mean", survey.demand_ppm),
                    ("partition_hottest_share", survey.hottest_ppm),
                ] {
                    add(name, value.cast_signed());
                }
                samples.extend(bounds(point));
            }
        }
    }
    samples
}

fn of_run(recorded: &Recorded, add: &mut impl FnMut(&str, i64)) {
    let books = &recorded.books;
    let answered = books.served + books.failed;
    let (early, late) = (recorded.between(EARLY.0, EARLY.1), late(recorded));
    add("attempts_mean", ppm(books.attempts, answered));
    add("failed_early_share", ppm(early.failed, early.offered));
    add("failed_late_share", ppm(late.failed, late.offered));
    add("failed_share", ppm(books.failed, answered));
    add("partitions_count", i64::from(recorded.partitions));
    add("requests_offered_count", books.offered.cast_signed());
    let splits = || recorded.splits.iter().chain(&recorded.index_splits);
    let is_split = |cooled: Cooled| matches!(cooled, Cooled::Split);
    let done = splits().filter(|event| is_split(event.cooled));
    add("splits_count", done.count() as i64);
    let refused = splits().filter(|event| !matches!(event.cooled, Cooled::Split | Cooled::Growth));
    add("splits_refused_count", refused.count() as i64);
    let first = splits().find(|event| is_split(event.cooled));
    if let Some(first) = first {
        add("split_first_mean", first.at_ns.cast_signed());
    }
    let by_index = books.refused_index_key_range + books.refused_index_provisioned;
    if by_index > 0 {
        add("throttled_index_share", ppm(by_index, books.attempts));
    }
    add("throttled_share", ppm(books.throttled(), books.attempts));
    add("unclean_minutes_count", unclean_minutes(recorded));
}

/// Minutes of which more than a thousandth of the attempts was throttled.
fn unclean_minutes(recorded: &Recorded) -> i64 {
    let minutes = recorded.seconds.len().div_ceil(60) as u64;
    let of = |minute: u64| recorded.between(MINUTE * minute, MINUTE * (minute + 1));
    (0..minutes)
        .filter(|&minute| {
            let minute = of(minute);
            minute.throttled() * 1_000 > minute.attempts
        })
        .count() as i64
}

/// What bounds the clean rate, each in a cell of its own.
fn bounds(point: &PointOutcome) -> Vec<Sample> {
    let survey = &point.survey;
    [
        ("paid", survey.paid),
        ("hottest partition", survey.hottest_rate),
        ("top key", survey.top_key_rate),
    ]
    .map(|(bound, rate)| {
        let mut cell = point.axes.clone();
        cell.insert("bound".into(), bound.into());
        Sample {
            variant: point.variant.clone(),
            cell,
            name: "law_clean_rate".into(),
            value: rate.cast_signed(),
        }
    })
    .into()
}
