//! The page of a measurement: what the real clock said beside what was predicted.

use super::study::{figure, findings, table};
use super::{data, footer, page};
use crate::chart::plot::Plot;
use crate::chart::{ChartError, Drawing};
use crate::number;
use kvrig_base::measured::{InsertTimes, Judgement, Machine, MeasuredPoint, MeasuredResult};
use kvrig_base::metric::Unit;
use kvrig_base::quantity::{format_value, grouped};
use kvrig_base::result::{Quantity, Table};
use maud::{Markup, html};
use std::collections::BTreeMap;

/// The page of `result` with its `drawings` by chart name.
pub(crate) fn measured(
    result: &MeasuredResult,
    drawings: &BTreeMap<String, Drawing>,
    caption: &str,
) -> Result<String, ChartError> {
    let measurement = &result.measurement;
    let plots = result
        .charts
        .iter()
        .map(|chart| Plot::new(chart, &result.series))
        .collect::<Result<Vec<Plot>, _>>()?;
    let points = data::points(&result.charts, &plots)?;
    let body = html! {
        header {
            p.eyebrow {
                a href="../index.html" { "The study" }
                span { "kvrig " (measurement.kvrig) " · study " (measurement.study) " · measured" }
                @if measurement.quick { span.stamp { "QUICK" } }
            }
            h1 { "Predicted and measured" }
            p.question { (measurement.title) }
        }
        main id="main" {
            (findings(&measurement.findings))
            @if !result.charts.is_empty() { h2 { "Charts" } }
            @for (chart, plot) in result.charts.iter().zip(&plots) {
                (figure(chart, plot, drawings.get(&chart.name), caption))
            }
            (pauses(&measurement.points, measurement.runs))
            (positions(&measurement.points))
            (inserts(&measurement.inserts))
            h2 { "How it was measured, and what would mislead" }
            div.card { ul { @for note in &measurement.notes { li { (note) } } } }
            (machine(result))
        }
        (footer(!result.charts.is_empty()))
    };
    let charts = (!result.charts.is_empty()).then_some(points.as_str());
    Ok(page("Predicted and measured", &body, charts))
}

fn nanos(ns: u64) -> String {
    format_value(Unit::Nanos, i64::try_from(ns).unwrap_or(i64::MAX))
}

fn count(n: u64) -> String {
    grouped(i64::try_from(n).unwrap_or(i64::MAX))
}

fn optional(n: Option<u64>) -> String {
    n.map_or_else(|| "-".to_owned(), count)
}

/// `1.2 ms to 1.4 ms`, or one value where they are the same.
fn range(ns: &[u64]) -> String {
    match (ns.iter().min(), ns.iter().max()) {
        (Some(lo), Some(hi)) if lo != hi => format!("{} to {}", nanos(*lo), nanos(*hi)),
        (Some(only), _) => nanos(*only),
        _ => "-".to_owned(),
    }
}

fn pauses(points: &[MeasuredPoint], runs: u32) -> Markup {
    let line = |point: &MeasuredPoint| {
        let pause = point.measured.as_ref();
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        vec![
            point.table.clone(),
            point.subject.name().to_owned(),
            count(point.entries),
            format!("{} ({})", nanos(point.predicted.ns), point.predicted.cause),
            or_none(pause.map(|pause| format!("{} ({})", nanos(pause.median_ns), pause.cause))),
            or_none(told_ratio(point).map(number::factor)),
            verdict(point),
            or_none(pause.map(|pause| range(&pause.ns))),
            or_none(pause.map(|pause| count(pause.at))),
            range(&point.longest_ns),
        ]
    };
    let table_of_pauses = Table {
        head: [
            "table",
            "keys",
            "grows at",
            "predicted",
            "measured",
            "ratio",
            "verdict",
            "range of the runs",
            "at insert",
            "longest of any one run",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows: points.iter().map(line).collect(),
    };
    html! {
        (table(&table_of_pauses, "Longest pauses"))
        p.small {
            "Measured is the median of " (runs) " runs. The last column shows the longest insert of "
            "each run, whatever lengthened it: the table, or the machine."
        }
    }
}

/// The ratio, where it says something.
fn told_ratio(point: &MeasuredPoint) -> Option<i64> {
    point
        .ratio_ppm
        .filter(|_| point.judgement != Judgement::CannotTell)
}

fn verdict(point: &MeasuredPoint) -> String {
    match point.judgement {
        Judgement::CannotTell => format!("{}: {}", point.judgement.name(), point.reason),
        told => told.name().to_owned(),
    }
}

fn positions(points: &[MeasuredPoint]) -> Markup {
    let line = |point: &MeasuredPoint| {
        let (simulated, measured) = (&point.simulated_growth, &point.measured_growth);
        vec![
            point.table.clone(),
            point.subject.name().to_owned(),
            count(simulated.started),
            count(measured.started),
            optional(simulated.ended),
            optional(measured.ended),
            match point.theory_ended {
                Some(theory) if point.theory_is_exact => count(theory),
                Some(theory) => format!("{} on average", count(theory)),
                None => "-".to_owned(),
            },
            optional(simulated.freed),
            optional(measured.freed),
            if point.positions_equal {
                "equal"
            } else {
                "differ"
            }
            .to_owned(),
        ]
    };
    let positions = Table {
        head: [
            "table",
            "keys",
            "start, simulated",
            "start, measured",
            "end, simulated",
            "end, measured",
            "end, theory",
            "freed, simulated",
            "freed, measured",
            "all runs",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows: points.iter().map(line).collect(),
    };
    html! {
        (table(&positions, "Where growths began and ended, in inserts"))
        p.small {
            "A node's growth goes on with its timer, in virtual time here and in real time there: "
            "only its start has to be equal."
        }
    }
}

fn inserts(times: &[InsertTimes]) -> Markup {
    let line = |times: &InsertTimes| {
        let per_second = 1_000_000_000_u64.checked_div(times.mean_ns).unwrap_or(0);
        let per_second = i64::try_from(per_second).unwrap_or(i64::MAX);
        vec![
            times.table.clone(),
            times.subject.name().to_owned(),
            count(times.count),
            format!("{}/s", number::quantity(Quantity::Count, per_second)),
            nanos(times.p50_ns),
            nanos(times.p99_ns),
            nanos(times.p9999_ns),
        ]
    };
    let inserts = Table {
        head: ["table", "keys", "inserts", "rate", "p50", "p99", "p99.99"]
            .map(str::to_owned)
            .to_vec(),
        rows: times.iter().map(line).collect(),
    };
    table(&inserts, "Inserts on this machine, all runs")
}

fn machine(result: &MeasuredResult) -> Markup {
    let measurement = &result.measurement;
    let machine = &measurement.machine;
    html! {
        h2 { "The machine" }
        dl {
            dt { "Machine" } dd { (machine.in_words()) }
            dt { "Load before" } dd { (Machine::load_in_words(machine.load_before)) " (1, 5 and 15 minutes)" }
            dt { "Load after" } dd { (Machine::load_in_words(machine.load_after)) }
            dt { "One reading of the clock" } dd { (nanos(measurement.clock.reading_ns)) }
            dt { "Longest gap while idle" }
            dd { (nanos(measurement.clock.floor_ns)) " within " (nanos(measurement.clock.spun_ns)) " of CPU time" }
            dt { "Runs" } dd { (measurement.runs) }
            dt { "Predicted by" } dd { (measurement.profile.name) " " code { (measurement.profile.digest) } }
        }
    }
}
