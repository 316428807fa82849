//! Comparing a result with a baseline: which rows and counters changed, whether a gate minds, and
//! where in virtual time the two runs part.

pub mod baseline;
pub mod gate;
pub mod render;

pub use baseline::Baseline;
pub use gate::{Gate, Gates, Judgement};

use baseline::{Checkpoints, Key, StudyBasis, Value};
use serde::Serialize;
use std::collections::BTreeSet;

/// The difference between a new result and a baseline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The outcome as a whole.
    pub outcome: Outcome,
    /// What must be known to read the rest: another seed, profile, document or results version.
    pub notes: Vec<String>,
    /// Rows of both whose value differs, those that fail first.
    pub changed: Vec<ChangedRow>,
    /// Rows that the baseline does not have.
    pub added: Vec<String>,
    /// Rows that only the baseline has.
    pub removed: Vec<String>,
    /// Work counters that differ.
    pub counters: Vec<ChangedCounter>,
    /// Where each point's events part, for points whose events differ.
    pub partings: Vec<Parting>,
    /// Rows that were compared and are the same.
    pub same: usize,
}

/// The outcome of a comparison; [`Outcome::exit_code`] is what the program ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Nothing differs.
    Same,
    /// Something differs, but no gate minds.
    Passed,
    /// A gate minds, a row is missing, or work changed without a changed row.
    Worse,
}

impl Outcome {
    /// 0 or 3. Missing and incompatible baselines, which end with 4, are diagnostics of reading.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Same | Self::Passed => 0,
            Self::Worse => 3,
        }
    }
}

/// A row whose value differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangedRow {
    /// The study.
    pub study: String,
    /// Variant and cell: `BGSAVE running · table=redis-7.0`.
    pub place: String,
    /// The metric.
    pub name: String,
    /// The base unit.
    pub unit: kvrig_base::metric::Unit,
    /// Value in the baseline.
    pub old: i64,
    /// Value now.
    pub new: i64,
    /// What the gate says.
    pub judgement: Judgement,
}

/// A work counter whose sum differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangedCounter {
    /// The study.
    pub study: String,
    /// The counter.
    pub counter: String,
    /// Sum in the baseline, if it had this counter.
    pub old: Option<u64>,
    /// Sum now, if there is this counter.
    pub new: Option<u64>,
}

/// Where the events of a point part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parting {
    /// The study.
    pub study: String,
    /// The point.
    pub point: String,
    /// Virtual time in nanoseconds of the last checkpoint at which both agree; 0 if none.
    pub after_ns: u64,
    /// Virtual time in nanoseconds of the first checkpoint at which they differ; none where one run
    /// simply goes on longer.
    pub before_ns: Option<u64>,
}

/// Compares `new` with `baseline` under `gates`.
pub fn compare(new: &Baseline, baseline: &Baseline, gates: &Gates) -> Comparison {
    let mut comparison = Comparison {
        outcome: Outcome::Same,
        notes: notes(new, baseline),
        changed: Vec::new(),
        added: Vec::new(),
        removed: Vec::new(),
        counters: Vec::new(),
        partings: Vec::new(),
        same: 0,
    };
    compare_rows(&mut comparison, new, baseline, gates);
    // Across versions of the results, work and events are expected to differ.
    if new.results == baseline.results {
        for (study, old) in &baseline.studies {
            if let Some(basis) = new.studies.get(study) {
                compare_counters(&mut comparison, study, basis, old);
                compare_events(&mut comparison, study, basis, old);
            }
        }
    }
    comparison.outcome = outcome(&comparison, new, baseline, gates);
    comparison
}

fn compare_rows(comparison: &mut Comparison, new: &Baseline, old: &Baseline, gates: &Gates) {
    let keys: BTreeSet<&Key> = new.rows.keys().chain(old.rows.keys()).collect();
    for key in keys {
        match (old.rows.get(key), new.rows.get(key)) {
            (Some(before), Some(now)) if before.value == now.value && before.unit == now.unit => {
                comparison.same += 1;
            }
            (Some(before), Some(now)) => {
                comparison
                    .changed
                    .push(changed_row(key, *before, *now, gates));
            }
            (None, Some(_)) => comparison.added.push(key_text(key)),
            (Some(_), None) => comparison.removed.push(key_text(key)),
            (None, None) => {}
        }
    }
    // Failures first, then by the share of the change.
    comparison.changed.sort_by_key(|row| {
        let share = crate::number::share_ppm(row.new.saturating_sub(row.old), row.old);
        let share = share.map_or(u64::MAX, i64::unsigned_abs);
        (row.judgement != Judgement::Fail, std::cmp::Reverse(share))
    });
}

fn changed_row(key: &Key, old: Value, new: Value, gates: &Gates) -> ChangedRow {
    let (study, variant, cell, name) = key;
    ChangedRow {
        study: study.clone(),
        place: place(variant, cell),
        name: name.clone(),
        unit: new.unit,
        old: old.value,
        new: new.value,
        judgement: gates.judge(name, old, new),
    }
}

fn compare_counters(comparison: &mut Comparison, study: &str, new: &StudyBasis, old: &StudyBasis) {
    let names: BTreeSet<&String> = new.counters.keys().chain(old.counters.keys()).collect();
    for name in names {
        let (before, now) = (
            old.counters.get(name).copied(),
            new.counters.get(name).copied(),
        );
        if before != now {
            comparison.counters.push(ChangedCounter {
                study: study.to_owned(),
                counter: name.clone(),
                old: before,
                new: now,
            });
        }
    }
}

fn compare_events(comparison: &mut Comparison, study: &str, new: &StudyBasis, old: &StudyBasis) {
    if new.events == old.events {
        return;
    }
    for (point, before) in &old.points {
        if let Some(now) = new.points.get(point)
            && let Some((after_ns, before_ns)) = parting(now, before)
        {
            comparison.partings.push(Parting {
                study: study.to_owned(),
                point: point.clone(),
                after_ns,
                before_ns,
            });
        }
    }
}

/// The last checkpoint at which both agree and the first at which they differ. Runs of different
/// length have checkpoints at different windows; those that both have are compared.
fn parting(new: &Checkpoints, old: &Checkpoints) -> Option<(u64, Option<u64>)> {
    if new == old {
        return None;
    }
    let position = |all: &Checkpoints, index: usize| {
        (index as u64 + 1)
            .saturating_mul(all.stride)
            .min(all.windows)
    };
    let mut after = 0;
    for (index, (time, digest)) in old.at.iter().enumerate() {
        let window = position(old, index);
        let Some(same_window) = (0..new.at.len()).find(|i| position(new, *i) == window) else {
            continue;
        };
        if new.at[same_window].1 != *digest {
            return Some((after, Some((*time).min(new.at[same_window].0))));
        }
        after = *time;
    }
    Some((after, None))
}

/// Work that changed in a study none of whose rows changed: more or less is done for the same
/// result, and nobody would notice.
fn hidden_work(comparison: &Comparison) -> bool {
    comparison.counters.iter().any(|counter| {
        comparison
            .changed
            .iter()
            .all(|row| row.study != counter.study)
    })
}

fn outcome(comparison: &Comparison, new: &Baseline, old: &Baseline, gates: &Gates) -> Outcome {
    let failed = comparison
        .changed
        .iter()
        .any(|row| row.judgement == Judgement::Fail);
    let differs = !comparison.changed.is_empty()
        || !comparison.added.is_empty()
        || !comparison.removed.is_empty()
        || !comparison.counters.is_empty()
        || !comparison.partings.is_empty();
    let digests = |all: &Baseline| -> Vec<_> {
        all.studies
            .iter()
            .map(|(name, s)| (name.clone(), s.results, s.events))
            .collect()
    };
    let other_digests = new.results == old.results && digests(new) != digests(old);
    if failed
        || !comparison.removed.is_empty()
        || hidden_work(comparison)
        || (gates.exact && (differs || other_digests))
    {
        Outcome::Worse
    } else if differs || other_digests {
        Outcome::Passed
    } else {
        Outcome::Same
    }
}

/// Differences in what the numbers rest on. They do not fail, but explain.
fn notes(new: &Baseline, old: &Baseline) -> Vec<String> {
    let mut notes = Vec::new();
    if new.results != old.results {
        notes.push(format!(
            "results version {} against {}: fingerprints, work and events cannot be compared, only \
             values",
            new.results, old.results
        ));
    }
    for (study, before) in &old.studies {
        let Some(now) = new.studies.get(study) else {
            notes.push(format!("study {study} is only in the baseline"));
            continue;
        };
        let mut differ = |what: &str, old: &dyn std::fmt::Display, new: &dyn std::fmt::Display| {
            let (old, new) = (old.to_string(), new.to_string());
            if old != new {
                notes.push(format!("{study}: {what} {new} against {old}"));
            }
        };
        differ("seed", &before.seed, &now.seed);
        differ("replications", &before.seeds, &now.seeds);
        differ("quick", &before.quick, &now.quick);
        differ("profile", &before.profile, &now.profile);
        differ(
            "profile digest",
            &before.profile_digest,
            &now.profile_digest,
        );
        differ("study document", &before.document, &now.document);
    }
    for study in new
        .studies
        .keys()
        .filter(|name| !old.studies.contains_key(*name))
    {
        notes.push(format!("study {study} is not in the baseline"));
    }
    notes
}

fn place(variant: &str, cell: &std::collections::BTreeMap<String, String>) -> String {
    let cell = crate::rows::cell_text(cell);
    match (variant.is_empty(), cell.is_empty()) {
        (true, _) => cell,
        (false, true) => variant.to_owned(),
        (false, false) => format!("{variant} · {cell}"),
    }
}

fn key_text((study, variant, cell, name): &Key) -> String {
    let place = place(variant, cell);
    if place.is_empty() {
        format!("{study} {name}")
    } else {
        format!("{study} {name} {place}")
    }
}
