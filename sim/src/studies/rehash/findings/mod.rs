//! The sentences that the rows support.

mod at;
mod fixed;
mod growth;
mod laws;
mod variants;

use super::summary::Subjects;
use super::{fleet, retries};
use crate::studies::rows::Rows;
use kvrig_base::result::Finding;
use kvrig_base::row::Row;

/// All findings, the most important first.
pub(super) fn findings(rows: &[Row], subjects: &Subjects, warnings: &[String]) -> Vec<Finding> {
    let rows = Rows(rows);
    let tables: Vec<&str> = subjects.tables.iter().map(String::as_str).collect();
    let mut findings = Vec::new();
    for doubling in &subjects.doublings {
        findings.extend(growth::who_stops(rows, &tables, doubling));
        findings.extend(growth::who_waits(rows, &tables, doubling));
        for &table in &tables {
            findings.extend(growth::what_sets_the_tail(rows, table, doubling));
            findings.extend(variants::frozen_by_a_child(rows, table, doubling));
            findings.extend(variants::at_the_memory_limit(rows, table, doubling));
            findings.extend(variants::two_dictionaries(rows, table, doubling));
        }
    }
    let swings: Vec<&str> = subjects.swings.iter().map(String::as_str).collect();
    findings.extend(variants::over_a_swing(rows, &swings));
    if let Some(size) = subjects.sizes.last() {
        findings.extend(laws::beside_theory(rows, &tables, size));
    }
    for doubling in &subjects.doublings {
        for &table in &tables {
            findings.extend(growth::where_it_ends(rows, table, doubling));
            findings.extend(growth::beside_the_workers(rows, table, doubling));
        }
        findings.extend(retries::findings(rows.0, &tables, doubling));
    }
    findings.extend(fleet::findings(rows.0));
    for places in &subjects.places {
        findings.extend(fixed::probing_nearly_full(rows, places));
        findings.extend(fixed::flooded(rows, places));
    }
    findings.extend(warnings.iter().map(|text| Finding {
        text: text.clone(),
        rows: Vec::new(),
        warning: true,
    }));
    findings
}
