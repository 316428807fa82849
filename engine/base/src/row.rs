//! Rows: the one form in which results are stored, compared and gated.

use crate::metric::{self, Better, Unit};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The study.
    pub study: String,
    /// The named variant, or empty for cells of the sweep.
    pub variant: String,
    /// The cell: axis to value, as text.
    pub cell: BTreeMap<String, String>,
    /// The metric.
    pub name: String,
    /// The value in the base unit.
    pub value: i64,
    /// The base unit.
    pub unit: Unit,
    /// Which direction is better.
    pub better: Better,
    /// Where the value comes from.
    pub class: Class,
    /// Replications behind it.
    pub seeds: u32,
    /// Lower end of the 95 % interval over replications, where there are at least two.
    pub lo: Option<i64>,
    /// Upper end of that interval.
    pub hi: Option<i64>,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Computed in virtual time; exact and reproducible.
    Simulated,
    /// Measured on a real clock.
    Measured,
    /// Taken from a publication.
    Cited,
    /// Assumed.
    Assumed,
}

/// What tells rows apart when two runs are compared.
pub type RowKey<'a> = (&'a str, &'a str, &'a BTreeMap<String, String>, &'a str);

impl Row {
    /// A simulated row of one replication.
    ///
    /// # Panics
    /// If the metric table has no such metric: that is a mistake in a study's code.
    pub fn simulated(
        study: &str,
        variant: &str,
        cell: &BTreeMap<String, String>,
        name: &str,
        value: i64,
    ) -> Self {
        let metric = metric::find(name).unwrap_or_else(|| panic!("no metric is called {name}"));
        Self {
            study: study.to_owned(),
            variant: variant.to_owned(),
            cell: cell.clone(),
            name: name.to_owned(),
            value,
            unit: metric.unit,
            better: metric.better,
            class: Class::Simulated,
            seeds: 1,
            lo: None,
            hi: None,
        }
    }
    /// The key for comparison.
    pub fn key(&self) -> RowKey<'_> {
        (&self.study, &self.variant, &self.cell, &self.name)
    }
}
