//! The sentences that a measurement supports.

use crate::studies::rehash::display_name;
use kvrig_base::measured::{ClockFacts, Judgement, MeasuredPoint, Subject};
use kvrig_base::metric::Unit;
use kvrig_base::quantity::{format_value, grouped};
use kvrig_base::result::Finding;

pub(super) fn nanos(ns: u64) -> String {
    format_value(Unit::Nanos, ns.cast_signed())
}

/// Millionths as a factor: `1.27x`.
pub(super) fn factor(ppm: i64) -> String {
    format!("{}.{:02}x", ppm / 1_000_000, ppm % 1_000_000 / 10_000)
}

/// When, what and who: `from 1,048,576 entries (u64) Redis 7.0`.
fn who(point: &MeasuredPoint) -> String {
    format!(
        "from {} entries ({}) {}",
        grouped(point.entries.cast_signed()),
        point.subject,
        display_name(&point.table)
    )
}

fn finding(text: String, warning: bool) -> Finding {
    Finding {
        text,
        rows: Vec::new(),
        warning,
    }
}

/// All findings, the most important first.
pub(super) fn findings(points: &[MeasuredPoint], clock: &ClockFacts) -> Vec<Finding> {
    let mut findings = vec![positions(points)];
    findings.extend(theory(points));
    findings.push(verdicts(points));
    findings.extend(largest(points));
    findings.push(finding(
        format!(
            "The idle machine itself stopped a loop that does nothing for up to {} within {} of CPU \
             time: a pause of one run alone below twice that means nothing.",
            nanos(clock.floor_ns),
            nanos(clock.spun_ns)
        ),
        false,
    ));
    findings
}

/// Whether tables grew where the simulated ones did.
fn positions(points: &[MeasuredPoint]) -> Finding {
    let differ: Vec<String> = points
        .iter()
        .filter(|point| !point.positions_equal)
        .map(who)
        .collect();
    match differ.as_slice() {
        [] => finding(
            format!(
                "All {} growths began, ended and gave their old array back at exactly the simulated \
                 inserts, in every run; of nodes, whose timer runs in real time, they began to.",
                points.len()
            ),
            false,
        ),
        differ => finding(
            format!(
                "{} of {} growths were not where they were simulated: {}. The simulator and this \
                 machine did not run the same table.",
                differ.len(),
                points.len(),
                differ.join(", ")
            ),
            true,
        ),
    }
}

/// How far theory is from where growths ended.
fn theory(points: &[MeasuredPoint]) -> Option<Finding> {
    let known = || {
        let alone = points.iter().filter(|point| point.subject != Subject::Node);
        alone.filter_map(|point| Some((point, point.measured_growth.ended?, point.theory_ended?)))
    };
    let (exact, means): (Vec<_>, Vec<_>) = known().partition(|(point, _, _)| point.theory_is_exact);
    let missed: Vec<String> = exact
        .iter()
        .filter(|(_, ended, law)| ended != law)
        .map(|(point, ended, law)| {
            let (ended, law) = (grouped(ended.cast_signed()), grouped(law.cast_signed()));
            format!("{} ended at {ended} and not at {law}", who(point))
        })
        .collect();
    if !missed.is_empty() {
        let text = format!(
            "Theory is exact here and was missed: {}.",
            missed.join("; ")
        );
        return Some(finding(text, true));
    }
    let off = |&(_, ended, law): &(&MeasuredPoint, u64, u64)| {
        u128::from(ended.abs_diff(law)) * 1_000_000 / u128::from(law.max(1))
    };
    let mut parts = Vec::new();
    if !exact.is_empty() {
        parts.push(format!(
            "{} growths ended at the very insert that theory names",
            exact.len()
        ));
    }
    if let Some(worst) = means.iter().max_by_key(|one| off(one)) {
        let percent = i64::try_from(off(worst)).unwrap_or(i64::MAX);
        parts.push(format!(
            "{} ended within {} of the mean that it gives",
            means.len(),
            format_value(Unit::Ppm, percent)
        ));
    }
    (!parts.is_empty()).then(|| finding(format!("{}.", parts.join("; ")), false))
}

fn verdicts(points: &[MeasuredPoint]) -> Finding {
    let count = |judgement| {
        let mut points = points.iter();
        points
            .by_ref()
            .filter(|point| point.judgement == judgement)
            .count()
    };
    finding(
        format!(
            "Of {} longest pauses, {} agree with the profile within a factor of two, {} are longer, \
             {} are shorter, and of {} nothing can be told.",
            points.len(),
            count(Judgement::Agrees),
            count(Judgement::Longer),
            count(Judgement::Shorter),
            count(Judgement::CannotTell)
        ),
        false,
    )
}

/// The largest growth of each table and subject that could be told.
fn largest(points: &[MeasuredPoint]) -> Vec<Finding> {
    let mut said: Vec<(&str, Subject)> = Vec::new();
    let mut findings = Vec::new();
    let mut by_size: Vec<&MeasuredPoint> = points
        .iter()
        .filter(|point| point.judgement != Judgement::CannotTell && point.subject != Subject::Node)
        .collect();
    by_size.sort_by_key(|point| std::cmp::Reverse(point.entries));
    for point in by_size {
        let key = (point.table.as_str(), point.subject);
        let (Some(measured), Some(ratio)) = (&point.measured, point.ratio_ppm) else {
            continue;
        };
        if said.contains(&key) {
            continue;
        }
        said.push(key);
        let text = format!(
            "F{} stopped for {} ({}); predicted were {} ({}): {}.",
            &who(point)[1..],
            nanos(measured.median_ns),
            measured.cause,
            nanos(point.predicted.ns),
            point.predicted.cause,
            factor(ratio)
        );
        findings.push(finding(text, false));
    }
    findings
}

/// How it was measured, and what would mislead.
pub(super) fn notes(clock: &ClockFacts, runs: usize, left_out: &[&str]) -> Vec<String> {
    let mut notes = vec![
        format!(
            "Every table grew {runs} times from nothing, in rounds: each round grows every table and \
             node once. An insert is timed from the end of the one before, with one reading of the \
             monotonic clock in it ({}); one of 10 us or more by the CPU time of the thread, so \
             that waiting for a core does not count.",
            nanos(clock.reading_ns)
        ),
        "A machine that others share lengthens some insert in every run, but not the same one. The \
         measured pause of a table alone is that of the insert which was among the longest in every \
         run; where there is none, or the runs differ by more than 30 % of their median, the \
         verdict is \"cannot tell\". A node's pause is the longest of each run, because its timer \
         falls on another insert every time."
            .to_owned(),
        "Predicted is the price of the whole insert, or of the growth within one call of a node, by \
         the profile that the study uses; a profile describes a kind of machine, not this one."
            .to_owned(),
        "The tables that are measured have buckets of 4 bytes, and prices are of the products' 8: \
         allocating and freeing an array take about half of what is predicted, and less where the \
         system's allocator keeps the memory of freed arrays instead of giving it back."
            .to_owned(),
        "Nothing on this page enters a fingerprint: another machine, or another hour, gives other \
         numbers."
            .to_owned(),
    ];
    if !left_out.is_empty() {
        notes.push(format!(
            "Not measured: {}. A thread of its own moves its entries, or it grows in parts; it has \
             no one growth whose inserts could be compared.",
            left_out.join(", ")
        ));
    }
    notes
}
