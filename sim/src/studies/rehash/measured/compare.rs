//! Predicted and measured, growth by growth.

use super::predict::Prediction;
use super::{Target, draw, judge, say};
use crate::run::{Measured, RunError, histograms};
use crate::studies::question::Planned;
use crate::studies::rehash::{Rehash, growth, power_of_two};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::measured::{
    Growth, GrowthPauses, InsertTimes, MEASURED_SCHEMA, MeasuredPoint, MeasuredResult, Measurement,
    Pause, Run, Subject,
};
use kvrig_base::result::{HistogramData, StudyResult};
use kvrig_base::row::Row;
use kvrig_base::seam::Cause;
use kvrig_tables::law;
use std::collections::BTreeMap;

/// The metric of each cause of growth.
const METRICS: [(&str, Cause); 5] = [
    ("pause_step_max", Cause::RehashStep),
    ("pause_cron_max", Cause::RehashCron),
    ("pause_rehash_max", Cause::RehashAll),
    ("pause_allocate_max", Cause::AllocateTable),
    ("pause_free_max", Cause::FreeTable),
];

/// Puts everything side by side, and says what follows.
pub(super) fn compare(
    study: &Planned<Rehash>,
    result: &StudyResult,
    predictions: &[Prediction],
    measured: &Measured,
) -> Result<MeasuredResult, RunError> {
    let targets = study.targets();
    let (mut points, mut histograms) = (Vec::new(), BTreeMap::new());
    for (index, &target) in targets.iter().enumerate() {
        let runs = measured.runs.get(index).map_or(&[][..], Vec::as_slice);
        match target {
            Target::Alone { .. } => {
                for &size in study.sizes() {
                    points.extend(alone(target, size, &predictions[index], runs, measured)?);
                }
            }
            Target::Node { size, .. } => points.extend(node(target, size, result, runs, measured)?),
        }
        let key = (target.kind().name(), target.subject());
        let all: &mut Vec<&HistogramData> = histograms.entry(key).or_default();
        all.extend(runs.iter().map(|run| &run.inserts));
    }
    let histograms: Vec<((&str, Subject), HistogramData)> = histograms
        .into_iter()
        .map(|((table, subject), parts)| {
            let name = format!("inserts-{table}-{}", part_of_name(subject));
            ((table, subject), histograms::merge(&name, parts))
        })
        .collect();
    let inserts: Vec<InsertTimes> = histograms.iter().map(insert_times).collect();
    let runs = measured.runs.iter().map(Vec::len).max().unwrap_or(0);
    let measurement = Measurement {
        schema: MEASURED_SCHEMA,
        kvrig: measured.kvrig.clone(),
        study: result.study.clone(),
        title: result.title.clone(),
        quick: result.quick,
        profile: result.profile.clone(),
        machine: measured.machine.clone(),
        clock: measured.clock,
        runs: u32::try_from(runs).unwrap_or(u32::MAX),
        findings: say::findings(&points, &measured.clock),
        points,
        inserts,
        notes: say::notes(
            &measured.clock,
            runs,
            &super::left_out(&study.first().knobs),
        ),
    };
    let drawn = draw::draw(&measurement, &histograms);
    Ok(MeasuredResult {
        measurement,
        series: drawn.series,
        charts: drawn.charts,
        histograms: histograms.into_iter().map(|(_, data)| data).collect(),
    })
}

/// Part of a file's name.
fn part_of_name(subject: Subject) -> &'static str {
    match subject {
        Subject::Integers => "u64",
        Subject::Strings => "strings",
        Subject::Node => "node",
    }
}

fn insert_times(((table, subject), data): &((&str, Subject), HistogramData)) -> InsertTimes {
    InsertTimes {
        table: (*table).to_owned(),
        subject: *subject,
        count: histograms::count(data),
        mean_ns: histograms::mean(data),
        p50_ns: histograms::quantile(data, 500_000),
        p99_ns: histograms::quantile(data, 990_000),
        p9999_ns: histograms::quantile(data, 999_900),
    }
}

/// The growths of all runs from so many buckets.
fn growths_from<'a>(
    target: Target,
    buckets: u64,
    runs: &'a [Run],
) -> Result<Vec<&'a GrowthPauses>, RunError> {
    let of_run = |run: &'a Run| {
        let mut growths = run.growths.iter();
        growths.find(|pauses| pauses.growth.from == buckets)
    };
    let growths: Option<Vec<_>> = runs.iter().map(of_run).collect();
    let growths = growths.filter(|growths| !growths.is_empty());
    growths.ok_or_else(|| {
        RunError::Failed(Diagnostic::new(
            diagnostic::NOT_MEASURABLE,
            format!(
                "the table {} ({}) was not seen to grow from {buckets} buckets",
                target.kind(),
                target.subject()
            ),
        ))
    })
}

/// A table alone at one size; nothing where the simulated one did not grow from it.
fn alone(
    target: Target,
    size: u64,
    prediction: &Prediction,
    runs: &[Run],
    measured: &Measured,
) -> Result<Option<MeasuredPoint>, RunError> {
    let buckets = growth::buckets_before(target.kind(), size);
    let mut predicted = prediction.growths.iter();
    let Some(predicted) = predicted.find(|pauses| pauses.growth.from == buckets) else {
        return Ok(None);
    };
    let runs = growths_from(target, buckets, runs)?;
    let pause = predicted.longest.first().cloned();
    let simulated = predicted.growth;
    let equal = runs.iter().all(|run| run.growth == simulated);
    Ok(pause.map(|pause| point(target, size, pause, simulated, &runs, equal, measured)))
}

/// A node at one size; nothing where the study has no such cell.
fn node(
    target: Target,
    size: u64,
    result: &StudyResult,
    runs: &[Run],
    measured: &Measured,
) -> Result<Option<MeasuredPoint>, RunError> {
    let doubling = power_of_two(size);
    let value = |name: &str| {
        let is_it = |row: &&Row| {
            let axis = |axis: &str| row.cell.get(axis).map(String::as_str);
            row.name == name
                && row.variant.is_empty()
                && axis("table") == Some(target.kind().name())
                && axis("doubling") == Some(&doubling)
        };
        let row = result.rows.iter().find(is_it)?;
        u64::try_from(row.value).ok()
    };
    let Some(ns) = value("pause_longest_max") else {
        return Ok(None);
    };
    // Growth in parts goes on where the simulated run ends.
    let ended = value("rehash_end_position");
    let longest = METRICS.iter().max_by_key(|(name, _)| value(name));
    let law = law::growth(target.kind(), size);
    let pause = Pause {
        ns,
        at: 0,
        cause: longest.map_or("", |(_, cause)| cause.name()).to_owned(),
    };
    let runs = growths_from(target, law.buckets, runs)?;
    let simulated = Growth {
        from: law.buckets,
        to: runs[0].growth.to,
        started: law.started,
        ended,
        freed: law.freed.and(ended),
    };
    let equal = runs.iter().all(|run| run.growth.started == law.started);
    Ok(Some(point(
        target, size, pause, simulated, &runs, equal, measured,
    )))
}

fn point(
    target: Target,
    size: u64,
    predicted: Pause,
    simulated: Growth,
    runs: &[&GrowthPauses],
    positions_equal: bool,
    measured: &Measured,
) -> MeasuredPoint {
    let is_alone = target.subject() != Subject::Node;
    let pause = match is_alone {
        true => judge::common_pause(runs),
        false => judge::longest_pause(runs),
    };
    let (judgement, reason) = judge::judge(predicted.ns, pause.as_ref(), is_alone, &measured.clock);
    let law = law::growth(target.kind(), size);
    MeasuredPoint {
        table: target.kind().name().to_owned(),
        subject: target.subject(),
        entries: law.entries,
        ratio_ppm: pause
            .as_ref()
            .and_then(|pause| judge::ratio_ppm(pause.median_ns, predicted.ns)),
        predicted,
        measured: pause,
        longest_ns: runs
            .iter()
            .map(|run| run.longest.first().map_or(0, |pause| pause.ns))
            .collect(),
        judgement,
        reason,
        simulated_growth: simulated,
        measured_growth: runs[0].growth,
        positions_equal,
        theory_ended: law.ended.filter(|_| is_alone),
        theory_is_exact: law.is_exact,
    }
}
