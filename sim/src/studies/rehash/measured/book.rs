//! Measurements of named machines that are part of the book: points on the curve and a section,
//! outside the fingerprint.
//!
//! Each is the `measured/summary.json` of a run with `--measure`, as it was written. To take it again
//! on a machine without other work: `kvrig run rehash --measure -o out`, with the tables and sizes of
//! the book, then copy `out/measured/summary.json` over the file beside this one.

use super::say::{factor, nanos};
use crate::studies::rehash::charts::{MeasuredPause, add_measured_pauses};
use crate::studies::rehash::outcome::CurveOutcome;
use kvrig_base::measured::{Judgement, Machine, MeasuredPoint, Measurement, Subject};
use kvrig_base::quantity::grouped;
use kvrig_base::result::{Section, StudyResult, Table};
use kvrig_base::time::Span;

/// The measurements, the machine that says most first.
const FILES: &[&str] = &[include_str!("shared-2-core.json")];

/// Adds what named machines measured to a study's result: pauses of the study's own tables, where
/// it has a curve of sizes.
pub(in crate::studies::rehash) fn add_to_book(result: &mut StudyResult, curves: &[CurveOutcome]) {
    if curves.is_empty() {
        return;
    }
    for file in FILES {
        let measurement: Measurement =
            serde_json::from_str(file).expect("a test reads every embedded measurement");
        add(result, curves, &measurement);
    }
}

fn add(result: &mut StudyResult, curves: &[CurveOutcome], measurement: &Measurement) {
    let of_study = |point: &&MeasuredPoint| curves.iter().any(|curve| curve.table == point.table);
    let points: Vec<&MeasuredPoint> = measurement.points.iter().filter(of_study).collect();
    if points.is_empty() {
        return;
    }
    // The curve's tables hold integers.
    let told = points.iter().filter(|point| {
        point.subject == Subject::Integers && point.judgement != Judgement::CannotTell
    });
    let pauses: Vec<MeasuredPause> = told
        .filter_map(|point| {
            Some(MeasuredPause {
                table: point.table.clone(),
                entries: point.entries,
                longest: Span::from_nanos(point.measured.as_ref()?.median_ns),
            })
        })
        .collect();
    if !pauses.is_empty() {
        add_measured_pauses(result, &pauses);
    }
    result.sections.push(section(&points, measurement, result));
}

fn section(points: &[&MeasuredPoint], measurement: &Measurement, result: &StudyResult) -> Section {
    let load = Machine::load_in_words(measurement.machine.load_before);
    let same_profile = measurement.profile.digest == result.profile.digest;
    let mut paragraphs = vec![
        format!(
            "The same tables grew on a real machine: {}, with load averages of {load} before it \
             began. Medians of {} runs; predicted by the profile {}{}.",
            measurement.machine.in_words(),
            measurement.runs,
            measurement.profile.name,
            match same_profile {
                true => "",
                false => ", in another edition than the one of this report",
            }
        ),
        "These numbers are measured: they depend on the machine and its neighbours, and are not \
         covered by the fingerprint. In the chart of sizes they are whole inserts, and simulated points the growth \
         within one. With --measure, kvrig takes them on yours."
            .to_owned(),
    ];
    paragraphs.extend(
        measurement
            .findings
            .iter()
            .take(3)
            .map(|finding| finding.text.clone()),
    );
    Section {
        title: "Beside a real clock".into(),
        paragraphs,
        table: Table {
            head: [
                "table",
                "keys",
                "grows at",
                "predicted",
                "measured",
                "ratio",
                "verdict",
            ]
            .map(str::to_owned)
            .to_vec(),
            rows: points.iter().map(|point| line(point)).collect(),
        },
    }
}

fn line(point: &MeasuredPoint) -> Vec<String> {
    let none = || "-".to_owned();
    let measured = point.measured.as_ref();
    vec![
        point.table.clone(),
        point.subject.name().to_owned(),
        grouped(point.entries.cast_signed()),
        format!("{} ({})", nanos(point.predicted.ns), point.predicted.cause),
        measured.map_or_else(none, |pause| {
            format!("{} ({})", nanos(pause.median_ns), pause.cause)
        }),
        point
            .ratio_ppm
            .filter(|_| point.judgement != Judgement::CannotTell)
            .map_or_else(none, factor),
        match point.reason.as_str() {
            "" => point.judgement.name().to_owned(),
            reason => format!("{}: {reason}", point.judgement.name()),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::measured::MEASURED_SCHEMA;

    #[test]
    fn every_embedded_measurement_reads_and_names_no_host() {
        for file in FILES {
            let measurement: Measurement = serde_json::from_str(file).expect("it reads");
            assert_eq!(measurement.schema, MEASURED_SCHEMA);
            assert!(!measurement.quick, "the book shows whole measurements");
            assert!(measurement.runs >= 3 && !measurement.points.is_empty());
            assert!(measurement.points.iter().all(|point| point.positions_equal));
            let words = measurement.machine.in_words();
            assert!(!words.contains("unknown"), "{words}");
        }
    }
}
