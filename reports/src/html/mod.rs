//! Pages: self-contained, offline, the same bytes for the same result.
//!
//! Everything that a page needs is in it: style, script, typeface, points. Its content security
//! policy forbids loading anything. All text goes through maud, which escapes it; points go through
//! JSON in which `<` is written as an escape. Without a script, and on paper, the static drawings
//! stand in for the interactive ones.

mod claims;
mod data;
mod measured;
mod study;
mod validation;

use crate::chart::font::font_faces;
use crate::rows::{BookSummary, outcome};
use kvrig_base::result::Outcome;
use maud::{DOCTYPE, Markup, PreEscaped, html};

pub(crate) use claims::claims;
pub(crate) use measured::measured;
pub(crate) use study::{Context, study};
pub(crate) use validation::validation;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
const UPLOT: &str = include_str!("../../assets/uPlot.iife.min.js");
const UPLOT_STYLE: &str = include_str!("../../assets/uPlot.min.css");
const UPLOT_LICENCE: &str = include_str!("../../assets/LICENSE-uplot.txt");
const INTER_LICENCE: &str = include_str!("../../assets/LICENSE-inter.txt");
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                      img-src data:; font-src data:; base-uri 'none'; form-action 'none'";

/// The page of a book: each study with its verdict and first findings.
pub(crate) fn book(book: &BookSummary) -> String {
    let body = html! {
        header {
            p.eyebrow { span { "kvrig " (book.provenance.kvrig) } span { (book.studies.len()) " studies" } }
            h1 { "Design review" }
            p { a href="claims.html" { "What the article says, and what is found about it" } }
        }
        main id="main" {
            ol.plain.studies {
                @for chapter in &book.studies {
                    li {
                        p.eyebrow {
                            span { (chapter.study) }
                            @if chapter.quick { span.stamp { "QUICK" } }
                            (tally(&chapter.verdicts))
                        }
                        h2 style="margin-top:.2em" {
                            a href={ (chapter.folder) "/index.html" } { (chapter.title) }
                        }
                        ul.plain.findings {
                            @for finding in chapter.findings.iter().take(3) {
                                li.warning[finding.warning] { (finding.text) }
                            }
                        }
                        p.small { "results " code { (chapter.fingerprint.results) } }
                    }
                }
            }
        }
        (footer(false))
    };
    page("Design review", &body, None)
}

/// Passed and failed limits in a chip.
fn tally(verdicts: &[kvrig_base::result::Verdict]) -> Markup {
    let failed = verdicts
        .iter()
        .filter(|v| v.verdict == Outcome::Fail)
        .count();
    html! {
        @if verdicts.is_empty() {
            span { "no limits set" }
        } @else if failed == 0 {
            span.chip.pass { (outcome(Outcome::Pass)) " " (verdicts.len()) " of " (verdicts.len()) }
        } @else {
            span.chip.fail { (outcome(Outcome::Fail)) " " (failed) " of " (verdicts.len()) }
        }
    }
}

/// The frame of every page; with points, the scripts that draw them.
fn page(title: &str, body: &Markup, charts: Option<&str>) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href="data:,";
                title { (title) " · kvrig" }
                style { (PreEscaped(font_faces())) (PreEscaped(UPLOT_STYLE)) (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the results" }
                (body)
                @if let Some(points) = charts {
                    script id="charts" type="application/json" { (PreEscaped(points)) }
                    script { (PreEscaped(UPLOT)) }
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        }
    };
    page.into_string()
}

fn footer(with_charts: bool) -> Markup {
    html! {
        footer {
            p.small { "This page is complete in itself: it loads nothing and sends nothing." }
            details.small {
                summary { "Licences of what is inside" }
                @if with_charts { pre { "uPlot 1.6.32\n" (UPLOT_LICENCE) } }
                pre { "Inter (typeface)\n" (INTER_LICENCE) }
            }
        }
    }
}
