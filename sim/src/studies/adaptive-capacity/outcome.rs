//! What a point has found, and the samples that follow.

use super::first_throttled;
use crate::dynamo::{Cooled, Recorded};
use crate::run::Sample;
use kvrig_base::time::Span;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const FIVE_MINUTES: Span = Span::from_secs(300);
const MINUTE: Span = Span::from_secs(60);

/// One point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PointOutcome {
    pub(super) variant: String,
    pub(super) axes: BTreeMap<String, String>,
    /// The axes of the load.
    pub(super) load: BTreeMap<String, String>,
    pub(super) replication: u32,
    pub(super) recorded: Box<Recorded>,
}

impl PointOutcome {
    /// An axis of the load, empty where it has none such.
    pub(super) fn axis(&self, name: &str) -> &str {
        self.load.get(name).map_or("", String::as_str)
    }
    /// Whether it is the first seed of a cell without a variant and without axes of a sweep.
    pub(super) fn is_plain(&self) -> bool {
        self.variant.is_empty() && self.axes.is_empty()
    }
}

/// `part` of `whole` in parts per million, rounded.
pub(super) fn ppm(part: u64, whole: u64) -> i64 {
    let whole = u128::from(whole.max(1));
    let share = (u128::from(part) * 1_000_000 + whole / 2) / whole;
    i64::try_from(share).unwrap_or(i64::MAX)
}

/// The samples of all points.
pub(super) fn samples(points: &[PointOutcome]) -> Vec<Sample> {
    let mut samples = Vec::new();
    for point in points {
        let mut cell = point.axes.clone();
        cell.extend(point.load.clone());
        let mut add = |name: &str, value: i64| {
            samples.push(Sample {
                variant: point.variant.clone(),
                cell: cell.clone(),
                name: name.to_owned(),
                value,
            });
        };
        let recorded = &point.recorded;
        let all = Span::from_secs(recorded.seconds.len() as u64);
        let books = &recorded.books;
        add("attempts_throttled_count", books.throttled().cast_signed());
        let first = first_throttled(recorded);
        let clean = first.unwrap_or(all);
        add("clean_duration_mean", clean.as_nanos().cast_signed());
        add(
            "failed_share",
            ppm(books.failed, books.served + books.failed),
        );
        let last = recorded.between(all.saturating_sub(FIVE_MINUTES), all);
        let seconds = all.min(FIVE_MINUTES).as_picos() / Span::from_secs(1).as_picos();
        add(
            "capacity_mean",
            (last.served / seconds.max(1)).cast_signed(),
        );
        if let Some(first) = first {
            let after = recorded.between(first, first + FIVE_MINUTES);
            add(
                "throttled_after_share",
                ppm(after.throttled(), after.attempts),
            );
            let heal = healed_at(recorded, first, all).saturating_sub(first);
            add("heal_duration_mean", heal.as_nanos().cast_signed());
        }
        add("partitions_count", i64::from(recorded.partitions));
        add("requests_offered_count", books.offered.cast_signed());
        let of = |wanted: &dyn Fn(Cooled) -> bool| {
            let events = recorded.splits.iter();
            events.filter(|event| wanted(event.cooled)).count() as i64
        };
        add("splits_count", of(&|cooled| cooled == Cooled::Split));
        let is_refused = |cooled| !matches!(cooled, Cooled::Split | Cooled::Growth);
        add("splits_refused_count", of(&is_refused));
        add("throttled_share", ppm(books.throttled(), books.attempts));
    }
    samples
}

/// When the first minute began that was clean and had only clean ones behind it.
fn healed_at(recorded: &Recorded, first: Span, all: Span) -> Span {
    let mut healed = all;
    let mut start = all;
    while start >= first + MINUTE {
        start = start.saturating_sub(MINUTE);
        let minute = recorded.between(start, start + MINUTE);
        if minute.throttled() * 1_000 > minute.attempts {
            break;
        }
        healed = start;
    }
    healed
}
