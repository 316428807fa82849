//! Thresholds of a study file, judged against the rows.

use kvrig_base::result::{Outcome, Verdict};
use kvrig_base::row::Row;
use std::collections::BTreeMap;

/// Which side of the limit is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Values may be at most the limit.
    AtMost,
    /// Values must be at least the limit.
    AtLeast,
}

/// One threshold: `[[slo]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objective {
    /// The metric.
    pub metric: String,
    /// Rows it applies to: every named axis (or `variant`) must have the named value.
    pub filter: BTreeMap<String, String>,
    /// Which side is good.
    pub direction: Direction,
    /// The limit in the metric's base unit.
    pub limit: i64,
    /// The limit as written.
    pub text: String,
    /// Its line in the study file, from 1.
    pub line: u32,
}

impl Objective {
    /// Whether there is a row that it judges.
    pub fn applies_to_any(&self, rows: &[Row]) -> bool {
        rows.iter().any(|row| self.applies_to(row))
    }
    fn applies_to(&self, row: &Row) -> bool {
        row.name == self.metric
            && self.filter.iter().all(|(axis, value)| match axis.as_str() {
                "variant" => &row.variant == value,
                axis => row.cell.get(axis) == Some(value),
            })
            // Without a named variant, a threshold speaks of the sweep's own cells.
            && (self.filter.contains_key("variant") || row.variant.is_empty())
    }
}

/// What each objective says, by the worst of the rows it applies to.
///
/// # Errors
/// The objectives that no row answers: a threshold that judges nothing must not pass.
pub fn verdicts(objectives: &[Objective], rows: &[Row]) -> Result<Vec<Verdict>, Objective> {
    objectives
        .iter()
        .map(|objective| {
            let candidates = rows
                .iter()
                .enumerate()
                .filter(|(_, row)| objective.applies_to(row));
            let worst = match objective.direction {
                Direction::AtMost => candidates.max_by_key(|(_, row)| row.value),
                Direction::AtLeast => candidates.min_by_key(|(_, row)| row.value),
            };
            let (index, row) = worst.ok_or_else(|| objective.clone())?;
            let (word, pass) = match objective.direction {
                Direction::AtMost => ("max", row.value <= objective.limit),
                Direction::AtLeast => ("min", row.value >= objective.limit),
            };
            Ok(Verdict {
                metric: objective.metric.clone(),
                filter: objective.filter.clone(),
                limit: format!("{word} {}", objective.text),
                worst: row.value,
                row: index,
                verdict: if pass { Outcome::Pass } else { Outcome::Fail },
                line: objective.line,
            })
        })
        .collect()
}
