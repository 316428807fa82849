//! Thresholds of a study against its rows.

use crate::run::{Objective, RunError, verdicts};
use crate::study::Study;
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::result::Verdict;
use kvrig_base::row::Row;

/// Judges rows by the thresholds of the study.
///
/// Returns the verdicts, and a sentence for each threshold that is left out. Settings may leave nothing that a threshold of the built-in study speaks of; one that somebody
/// wrote must judge something.
///
/// # Errors
/// A threshold that somebody wrote and that applies to no row.
pub(super) fn judge(study: &Study, rows: &[Row]) -> Result<(Vec<Verdict>, Vec<String>), RunError> {
    let (judged, idle): (Vec<Objective>, Vec<Objective>) = study
        .objectives
        .iter()
        .cloned()
        .partition(|objective| !study.is_built_in || objective.applies_to_any(rows));
    let verdicts = verdicts(&judged, rows).map_err(|objective| {
        Diagnostic::new(
            diagnostic::CONTRADICTION,
            format!(
                "the threshold on `{}` in line {} applies to no row of this run",
                objective.metric, objective.line
            ),
        )
        .help("correct its `where`, or leave it out")
    })?;
    let sentence = |objective: &Objective| {
        format!(
            "The built-in threshold on `{}` is left out: it speaks of nothing that was run.",
            objective.metric
        )
    };
    Ok((verdicts, idle.iter().map(sentence).collect()))
}
