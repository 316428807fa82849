//! Thresholds (`[[slo]]`) and gates (`[gate]`): limits written in the unit of their metric.

use super::cell::Gate;
use super::document as doc;
use super::part::{At, Located, Named, Report, closest, unknown_name};
use super::scalars::Word;
use super::source::Origin;
use crate::run::{Direction, Objective};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::metric::{self, METRICS, Metric, Unit};
use kvrig_base::quantity::{Bytes, Rate, Share, parse_count, parse_decimal};
use kvrig_base::time::Span;
use std::collections::BTreeMap;

/// What a threshold may be about: the axes that rows have, and the variants.
pub(super) struct Known<'a> {
    pub(super) axes: &'a [String],
    pub(super) variants: &'a [String],
}

pub(super) fn objective(
    slo: &At<doc::Slo>,
    known: &Known<'_>,
    report: &mut Report<'_>,
) -> Option<Objective> {
    let Some(name) = &slo.part.metric else {
        report.missing(slo.at, "metric", "what is limited");
        return None;
    };
    let metric = find_metric(&name.value, name.at, report)?;
    let (direction, written) = match (&slo.part.max, &slo.part.min) {
        (Some(max), _) => (Direction::AtMost, max),
        (None, Some(min)) => (Direction::AtLeast, min),
        (None, None) => {
            report.missing(slo.at, "max", "how large the value may be; or give `min`");
            return None;
        }
    };
    let limit = in_unit_of(metric, written, report)?;
    let filter = slo
        .part
        .r#where
        .as_ref()
        .map_or_else(Vec::new, |Named(filter)| filter.clone());
    for (axis, value) in &filter {
        check_filter(axis, value, known, report);
    }
    Some(Objective {
        metric: metric.name.to_owned(),
        filter: filter
            .into_iter()
            .map(|(axis, value)| (axis.value, value.value.0))
            .collect(),
        direction,
        limit,
        text: written.value.0.clone(),
        line: report.sources.line(slo.at),
    })
}

/// The gates by metric.
pub(super) fn gates(gates: &Named<doc::Gate>, report: &mut Report<'_>) -> BTreeMap<String, Gate> {
    let mut resolved = BTreeMap::new();
    for (name, gate) in &gates.0 {
        let Some(metric) = find_metric(&name.value, name.at, report) else {
            continue;
        };
        let Some(worse) = &gate.worse else {
            report.missing(name.at, "worse", "by which share the metric may worsen");
            continue;
        };
        let floor = match &gate.floor {
            Some(floor) => in_unit_of(metric, floor, report),
            None => Some(0),
        };
        if let Some(floor) = floor {
            resolved.insert(
                metric.name.to_owned(),
                Gate {
                    worse: worse.value,
                    floor,
                },
            );
        }
    }
    resolved
}

fn find_metric(name: &str, at: Origin, report: &mut Report<'_>) -> Option<&'static Metric> {
    let found = metric::find(name);
    if found.is_none() {
        let names: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
        let help = match closest(name, &names) {
            Some(near) => format!("did you mean `{near}`? `kvrig explain metrics` lists all"),
            None => "`kvrig explain metrics` lists all".to_owned(),
        };
        report.diagnostics.push(
            report
                .sources
                .diagnostic(
                    diagnostic::UNKNOWN_NAME,
                    at,
                    format!("no metric is called `{name}`"),
                    "not a metric",
                )
                .help(help),
        );
    }
    found
}

/// A limit in the base unit of its metric; a fraction of a base unit is cut off.
fn in_unit_of(metric: &Metric, written: &Located<Word>, report: &mut Report<'_>) -> Option<i64> {
    let text = written.value.0.as_str();
    let value = match metric.unit {
        Unit::Nanos => text.parse::<Span>().map(Span::as_nanos),
        Unit::Bytes => text.parse::<Bytes>().map(|size| size.0),
        Unit::Ops => parse_count(text),
        Unit::OpsPerSecond => text.parse::<Rate>().map(|rate| rate.0 / 1_000_000),
        Unit::Ppm => text.parse::<Share>().map(Share::ppm),
        Unit::Milli => parse_decimal(text, 3),
        Unit::MicroDollars => parse_decimal(text.strip_prefix('$').unwrap_or(text), 6),
    };
    match value.map(i64::try_from) {
        Ok(Ok(value)) => Some(value),
        Ok(Err(_)) => {
            report.out_of_range(
                written.at,
                format!("`{text}` is beyond what rows hold"),
                "choose a smaller value",
            );
            None
        }
        Err(error) => {
            let error = Diagnostic::from(error);
            let label = format!("`{}` is counted in {}", metric.name, metric.unit.name());
            let place = report
                .sources
                .diagnostic(diagnostic::WRONG_UNIT, written.at, "", &label)
                .place;
            report.diagnostics.push(Diagnostic { place, ..error });
            None
        }
    }
}

fn check_filter(
    axis: &Located<String>,
    value: &Located<Word>,
    known: &Known<'_>,
    report: &mut Report<'_>,
) {
    let (word, names, at) = if axis.value == "variant" {
        let names: Vec<&str> = known.variants.iter().map(String::as_str).collect();
        (&value.value.0, names, value.at)
    } else {
        let mut names: Vec<&str> = known.axes.iter().map(String::as_str).collect();
        names.push("variant");
        names.sort_unstable();
        (&axis.value, names, axis.at)
    };
    if !names.contains(&word.as_str()) {
        let error = unknown_name(word, &names, &[]);
        let label = "no rows have this";
        let place = report
            .sources
            .diagnostic(diagnostic::UNKNOWN_NAME, at, "", label)
            .place;
        report.diagnostics.push(Diagnostic { place, ..error });
    }
}
