//! The page of a validation: what servers did beside what was predicted of them.

use super::study::{figure, findings, table};
use super::{data, footer, page};
use crate::chart::plot::Plot;
use crate::chart::{ChartError, Drawing};
use kvrig_base::measured::Machine;
use kvrig_base::metric::Unit;
use kvrig_base::quantity::format_value;
use kvrig_base::validation::Validation;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// The page of `validation` with its `drawings` by chart name.
pub(crate) fn validation(
    validation: &Validation,
    drawings: &BTreeMap<String, Drawing>,
    caption: &str,
) -> Result<String, ChartError> {
    let plots = validation
        .charts
        .iter()
        .map(|chart| Plot::new(chart, &validation.series))
        .collect::<Result<Vec<Plot>, _>>()?;
    let points = data::points(&validation.charts, &plots)?;
    let has_charts = !validation.charts.is_empty();
    let body = html! {
        header {
            p.eyebrow { span { "kvrig " (validation.kvrig) " · validation" } }
            h1 { (validation.title) }
            p.question { (validation.question) }
        }
        main id="main" {
            (findings(&validation.findings))
            @if has_charts { h2 { "Charts" } }
            @for (chart, plot) in validation.charts.iter().zip(&plots) {
                (figure(chart, plot, drawings.get(&chart.name), caption))
            }
            @for section in &validation.sections {
                (table(&section.table, &section.title))
                @for paragraph in &section.paragraphs { p.small { (paragraph) } }
            }
            (machine(validation))
        }
        (footer(has_charts))
    };
    let points = has_charts.then_some(points.as_str());
    Ok(page(&validation.title, &body, points))
}

fn machine(validation: &Validation) -> Markup {
    let nanos = |ns: u64| format_value(Unit::Nanos, i64::try_from(ns).unwrap_or(i64::MAX));
    let (machine, clock) = (&validation.machine, &validation.clock);
    html! {
        h2 { "The machine" }
        dl {
            dt { "Machine" } dd { (machine.in_words()) }
            dt { "Load before" } dd { (Machine::load_in_words(machine.load_before)) " (1, 5 and 15 minutes)" }
            dt { "Load after" } dd { (Machine::load_in_words(machine.load_after)) }
            dt { "One reading of the clock" } dd { (nanos(clock.reading_ns)) }
            dt { "Longest gap while idle" }
            dd { (nanos(clock.floor_ns)) " within " (nanos(clock.spun_ns)) " of CPU time" }
        }
    }
}
