//! The page of one study: verdicts and findings first, then charts, table, rows, the model card and
//! how to reproduce it.

use super::{data, footer, page, tally};
use crate::chart::plot::Plot;
use crate::chart::{ChartError, Drawing};
use crate::number;
use crate::rows::{Provenance, caption, interval_text, outcome, row_place, verdict_text};
use kvrig_base::metric::{self, Better};
use kvrig_base::quantity::{format_value, grouped};
use kvrig_base::result::{Chart, Finding, Mark, Outcome, Section, StudyResult, Table};
use kvrig_base::row::Row;
use maud::{Markup, PreEscaped, html};
use std::collections::BTreeMap;

/// What a page says beside its result.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    /// Which program computed the result.
    pub(crate) provenance: &'a Provenance,
    /// An older result to show differences to.
    pub(crate) before: Option<&'a StudyResult>,
    /// The page of the book that it belongs to.
    pub(crate) up: Option<&'a str>,
    /// Whether a measurement lies beside it, in `measured/`.
    pub(crate) is_measured: bool,
}

/// The page of `result` with its `drawings` by chart name.
pub(crate) fn study(
    result: &StudyResult,
    drawings: &BTreeMap<String, Drawing>,
    context: &Context<'_>,
) -> Result<String, ChartError> {
    let before = context.before;
    let plots = result
        .charts
        .iter()
        .map(|chart| Plot::new(chart, &result.series))
        .collect::<Result<Vec<Plot>, _>>()?;
    let points = data::points(&result.charts, &plots)?;
    let caption = caption(result, context.provenance);
    let body = html! {
        (header(result, context))
        main id="main" {
            (verdicts(result, before))
            (findings(&result.findings))
            h2 { "Charts" }
            @for (chart, plot) in result.charts.iter().zip(&plots) {
                (figure(chart, plot, drawings.get(&chart.name), &caption))
            }
            @if context.is_measured {
                p { a href="measured/index.html" { "Measured on the machine that ran this study" }
                    ": predicted and measured pauses, side by side." }
            }
            @for section in &result.sections { (self::section(section)) }
            (table(&result.table, "In one table"))
            (rows(result, before))
            (model_card(result))
            (reproduce(result, context.provenance))
        }
        (footer(true))
    };
    Ok(page(&result.title, &body, Some(&points)))
}

fn header(result: &StudyResult, context: &Context<'_>) -> Markup {
    html! {
        header {
            p.eyebrow {
                @if let Some(up) = context.up { a href=(up) { "All studies" } }
                span { "kvrig " (context.provenance.kvrig) " · study " (result.study) }
                @if result.quick { span.stamp { "QUICK" } }
                (tally(&result.verdicts))
            }
            h1 { (result.title) }
            p.question { (result.question) }
            @if result.quick {
                p.small { "A quick run: fewer points and replications than the study's defaults." }
            }
            @if let Some(before) = context.before {
                p.small {
                    "Differences are to results " code { (before.fingerprint.results) } "."
                }
            }
        }
    }
}

fn verdicts(result: &StudyResult, before: Option<&StudyResult>) -> Markup {
    html! {
        @if !result.verdicts.is_empty() {
            h2 { "Verdicts" }
            ul.plain.verdicts {
                @for verdict in &result.verdicts {
                    li {
                        @let passed = verdict.verdict == Outcome::Pass;
                        span.chip.pass[passed].fail[!passed] { (outcome(verdict.verdict)) }
                        span {
                            (verdict_text(result, verdict))
                            @if let Some(row) = result.rows.get(verdict.row) {
                                @if let Some((text, _)) = difference(row, before) { " · " (text) }
                                a.evidence href={ "#row-" (verdict.row) } { "its row" }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn findings(findings: &[Finding]) -> Markup {
    html! {
        @if !findings.is_empty() {
            h2 { "Findings" }
            ol.plain.findings {
                @for finding in findings {
                    li.warning[finding.warning] {
                        @if finding.warning { strong { "Beware: " } }
                        (finding.text)
                        @for (n, row) in finding.rows.iter().enumerate() {
                            " "
                            a.evidence href={ "#row-" (row) }
                                aria-label={ "Row " (row) ", which supports this finding" } {
                                @if n == 0 { "row " } (row)
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn figure(
    chart: &Chart,
    plot: &Plot,
    drawing: Option<&Drawing>,
    caption: &str,
) -> Markup {
    let interactive = data::interactive(plot);
    html! {
        figure id={ "chart-" (chart.name) } {
            h3 { (chart.title) }
            p.message { (chart.message) }
            @if interactive {
                ul.legend {
                    @if plot.groups.len() > 1 || plot.dashed {
                        @for (index, group) in plot.groups.iter().enumerate() {
                            li { i data-group=(index) {} (group) }
                        }
                    }
                    @if plot.dashed {
                        li { i.dashed {} "theory or fit, beyond the points extrapolated" }
                    }
                    @for mark in &chart.marks {
                        @if let Mark::Horizontal { label, .. } = mark {
                            li { i.dashed style="border-color:var(--limit)" {} (label) }
                        }
                    }
                }
                div.axis-name { (chart.y.label) }
                div.plot {}
                div.axis-name.x-name { (chart.x.label) }
            }
            @if let Some(drawing) = drawing {
                div.twin.has-plot[interactive] { (PreEscaped(&drawing.svg_inline)) }
            }
            div.tools {
                @if interactive { button.reset type="button" { "Show all" } }
                button.csv type="button" { "Download CSV" }
                span.readout aria-live="polite" {
                    @if interactive { "Drag to zoom; point at a place to read it." }
                }
            }
            details {
                summary { "Data of this chart" }
                div.scroll { table {} }
                p.small { "Every point: " @for name in series_of(chart) { code { "data/" (name) ".csv" } " " } }
            }
            figcaption {
                (caption)
                @if plot.thinned > 0 {
                    " · " (grouped(i64::try_from(plot.thinned).unwrap_or(i64::MAX)))
                    " points that others would cover are left out"
                }
            }
        }
    }
}

/// Names of the series behind a chart, each once.
fn series_of(chart: &Chart) -> Vec<&str> {
    let mut names: Vec<&str> = chart
        .layers
        .iter()
        .map(|layer| layer.series.as_str())
        .collect();
    names.dedup();
    names
}

/// A part that the run has not computed.
fn section(section: &Section) -> Markup {
    html! {
        h2 { (section.title) }
        @for paragraph in &section.paragraphs { p { (paragraph) } }
        (table(&section.table, ""))
    }
}

pub(super) fn table(table: &Table, head: &str) -> Markup {
    html! {
        @if !table.rows.is_empty() {
            @if !head.is_empty() { h2 { (head) } }
            @let first = table.rows.first();
            @let number = |column: usize| {
                first.and_then(|row| row.get(column)).is_some_and(|cell| crate::text::is_number(cell))
            };
            div.scroll {
                table.compact {
                    thead {
                        tr {
                            @for (column, head) in table.head.iter().enumerate() {
                                th.n[number(column)] scope="col" { (head) }
                            }
                        }
                    }
                    tbody {
                        @for row in &table.rows {
                            tr {
                                @for (column, cell) in row.iter().enumerate() {
                                    td.n[number(column)] { (cell) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn rows(result: &StudyResult, before: Option<&StudyResult>) -> Markup {
    html! {
        h2 { "All rows" }
        details id="rows" {
            summary { (result.rows.len()) " rows" }
            label for="filter" { "Show rows that contain" }
            br;
            input id="filter" type="search" autocomplete="off" placeholder="redis-7.0 response";
            " " span.small id="filter-count" aria-live="polite" {}
            div.scroll {
                table {
                    thead {
                        tr {
                            th.n scope="col" { "row" }
                            th scope="col" { "cell" }
                            th scope="col" { "metric" }
                            th.n scope="col" { "value" }
                            @if before.is_some() { th.n scope="col" { "difference" } }
                            th scope="col" { "95 % interval" }
                            th scope="col" { "class" }
                        }
                    }
                    tbody {
                        @for (index, row) in result.rows.iter().enumerate() {
                            tr id={ "row-" (index) } {
                                td.n { (index) }
                                td { (row_place(row)) }
                                td title=(meaning(row)) { (row.name) }
                                td.n title={ (row.value) " " (row.unit.name()) } {
                                    (format_value(row.unit, row.value))
                                }
                                @if before.is_some() { (difference_cell(row, before)) }
                                td { (interval_text(row)) }
                                td { (crate::rows::class_name(row.class)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn meaning(row: &Row) -> &'static str {
    metric::find(&row.name).map_or("", |metric| metric.meaning)
}

fn difference_cell(row: &Row, before: Option<&StudyResult>) -> Markup {
    html! {
        @match difference(row, before) {
            Some((text, kind)) => td.n.(kind) { (text) },
            None => td.n { "new" },
        }
    }
}

/// The difference of a row to the same row of `before`, and whether it is `better` or `worse`.
fn difference(row: &Row, before: Option<&StudyResult>) -> Option<(String, &'static str)> {
    let old = before?.rows.iter().find(|old| old.key() == row.key())?;
    let kind = match (row.better, row.value.cmp(&old.value)) {
        (_, std::cmp::Ordering::Equal) | (Better::None, _) => "same",
        (Better::Lower, std::cmp::Ordering::Less)
        | (Better::Higher, std::cmp::Ordering::Greater) => "better",
        _ => "worse",
    };
    Some((number::delta(row.unit, row.value, old.value), kind))
}

fn model_card(result: &StudyResult) -> Markup {
    let card = &result.model_card;
    let parts = [
        ("What would mislead", &card.misleading),
        ("Versions", &card.versions),
        ("Documented rules", &card.rules),
        ("Simulated", &card.simulated),
        ("Published", &card.published),
        ("Assumed", &card.assumed),
        ("Validity", &card.validity),
    ];
    html! {
        h2 id="model-card" { "Model card" }
        div.card {
            @for (head, lines) in parts {
                @if !lines.is_empty() {
                    h3 { (head) }
                    ul { @for line in lines { li { (line) } } }
                }
            }
        }
    }
}

fn reproduce(result: &StudyResult, provenance: &Provenance) -> Markup {
    let fingerprint = &result.fingerprint;
    html! {
        h2 { "How to reproduce" }
        p { "The study as it was run lies beside this page. In its folder:" }
        pre { code { "kvrig run study.toml -o again" } }
        p { "The same version gives the same fingerprint, whatever the machine and " code { "--jobs" } "." }
        dl {
            dt { "Results" } dd { code { (fingerprint.results) } }
            dt { "Events" } dd { code { (fingerprint.events) } }
            dt { "Profile" } dd { (result.profile.name) " " code { (result.profile.digest) } }
            dt { "Seed" } dd { (result.seed) ", " (result.seeds) " replications of every cell" }
            dt { "Version" } dd { "kvrig " (provenance.kvrig) ", results " (provenance.results) }
        }
        details {
            summary { "study.toml" }
            pre { code { (result.document) } }
        }
        @if !result.counters.is_empty() {
            details {
                summary { "Work that was counted" }
                div.scroll {
                    table {
                        thead { tr { th scope="col" { "counter" } th.n scope="col" { "count" } } }
                        tbody {
                            @for (name, count) in &result.counters {
                                tr { td { (name) } td.n { (count_text(*count)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn count_text(count: u64) -> String {
    i64::try_from(count).map_or_else(|_| count.to_string(), grouped)
}
