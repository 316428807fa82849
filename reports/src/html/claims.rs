//! The page of a book about what a published article says.

use super::{footer, page};
use crate::claims::{Claim, ClaimVerdict, Claims};
use kvrig_base::result::StudyResult;
use maud::{Markup, html};

/// Each claim with its verdict and evidence; beside stored values those of these results.
pub(crate) fn claims(claims: &Claims, results: &[StudyResult]) -> String {
    let count = |verdict| {
        let of_verdict = claims
            .claims
            .iter()
            .filter(|claim| claim.verdict == verdict);
        of_verdict.count()
    };
    let tallies = [
        ClaimVerdict::Holds,
        ClaimVerdict::Depends,
        ClaimVerdict::Wrong,
        ClaimVerdict::NotTestable,
    ];
    let body = html! {
        header {
            p.eyebrow {
                a href="index.html" { "All studies" }
                @for verdict in tallies { span { (count(verdict)) " " (verdict.name()) } }
            }
            h1 { "What the article says" }
        }
        main id="main" {
            ol.plain.studies {
                @for claim in &claims.claims { li { (one(claim, results)) } }
            }
        }
        (footer(false))
    };
    page("What the article says", &body, None)
}

fn one(claim: &Claim, results: &[StudyResult]) -> Markup {
    html! {
        p.eyebrow {
            span { (claim.section) }
            (chip(claim.verdict))
        }
        h2 style="margin-top:.2em" { (claim.claim) }
        p { (claim.finds) }
        details.small {
            summary { "Evidence" }
            ul {
                @for row in &claim.rows {
                    li {
                        code { (row.study) " " (row.metric) }
                        @if !row.variant.is_empty() { " of " (row.variant) }
                        @for (axis, value) in &row.cell { " · " (axis) " = " (value) }
                        ": " (row.value) " in a quick run"
                        @if let Some(value) = row.value_in(results) { ", " (value) " in this one" }
                    }
                }
                @for example in &claim.examples {
                    li { "worked example “" (example.case) "”: " (example.value) }
                }
                @for test in &claim.tests { li { "test " code { (test) } } }
                li { (claim.source) }
            }
        }
    }
}

fn chip(verdict: ClaimVerdict) -> Markup {
    let name = verdict.name();
    match verdict {
        ClaimVerdict::Holds => html! { span.chip.pass { (name) } },
        ClaimVerdict::Wrong => html! { span.chip.fail { (name) } },
        ClaimVerdict::Depends | ClaimVerdict::NotTestable => html! { span.stamp { (name) } },
    }
}
