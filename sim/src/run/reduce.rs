//! From samples of single points to rows over seeds, and to the fingerprint.

use crate::analysis;
use kvrig_base::digest::{Digest, Rolling};
use kvrig_base::result::{Fingerprint, PointWindows};
use kvrig_base::row::Row;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One metric of one cell under one seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// The named variant, or empty.
    pub variant: String,
    /// Axis to value.
    pub cell: BTreeMap<String, String>,
    /// The metric.
    pub name: String,
    /// Its value in the metric's base unit.
    pub value: i64,
}

/// Variant, cell and metric: what the samples of one row have in common.
type Key<'a> = (&'a str, &'a BTreeMap<String, String>, &'a str);

/// Rows over seeds, sorted by key.
///
/// A metric whose name ends in `_max` is the maximum over the seeds and has no interval; any other
/// is the mean over the seeds, rounded, with a 95 % interval by Student's t where there are two
/// seeds or more.
pub fn rows_over_seeds(study: &str, samples: &[Sample]) -> Vec<Row> {
    let mut groups: BTreeMap<Key<'_>, Vec<i64>> = BTreeMap::new();
    for sample in samples {
        groups
            .entry((&sample.variant, &sample.cell, &sample.name))
            .or_default()
            .push(sample.value);
    }
    groups
        .into_iter()
        .map(|((variant, cell, name), values)| {
            let mut row = Row::simulated(study, variant, cell, name, 0);
            row.seeds = u32::try_from(values.len()).expect("seeds are limited by SEEDS_MAX");
            if name.ends_with("_max") {
                row.value = values.iter().copied().max().expect("a group has a sample");
            } else {
                let (mean, interval) = mean_and_interval(&values);
                row.value = mean;
                (row.lo, row.hi) = interval.map_or((None, None), |(lo, hi)| (Some(lo), Some(hi)));
            }
            row
        })
        .collect()
}

/// Rounded mean and 95 % interval over replications.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "rows are far below 2^53"
)]
fn mean_and_interval(values: &[i64]) -> (i64, Option<(i64, i64)>) {
    let count = values.len() as i128;
    let sum: i128 = values.iter().map(|&value| i128::from(value)).sum();
    let mean = i64::try_from((sum + count / 2).div_euclid(count)).expect("a mean of i64 is an i64");
    if values.len() < 2 {
        return (mean, None);
    }
    let numbers: Vec<f64> = values.iter().map(|&value| value as f64).collect();
    let interval = analysis::replication_interval(&numbers, 0.95);
    (
        mean,
        Some((
            libm::floor(interval.lo) as i64,
            libm::ceil(interval.hi) as i64,
        )),
    )
}

/// The fingerprint of a run from its rows and the event windows of its points, in point order.
pub fn fingerprint(rows: &[Row], windows: Vec<PointWindows>) -> Fingerprint {
    let text = serde_json::to_vec(rows).expect("rows are plain data");
    let mut events = Rolling::default();
    for point in &windows {
        events.fold_bytes(point.point.as_bytes());
        for &(time, digest) in &point.windows {
            events.fold(time);
            events.fold(digest);
        }
    }
    Fingerprint {
        results: Digest::of(&text),
        events: Digest::of(&events.value().to_le_bytes()),
        windows,
    }
}
