//! The real-clock side of a study: `measured/` in its folder.

use super::FolderError;
use super::files::{read_json, unreadable, write};
use super::study::{read_drawables, write_drawables};
use crate::chart::Artist;
use crate::html;
use crate::rows::pretty;
use kvrig_base::diagnostic::Diagnostic;
use kvrig_base::measured::{MEASURED_SCHEMA, MeasuredResult, Measurement};
use std::path::Path;

/// The folder within a study's.
const MEASURED: &str = "measured";

/// Writes `measured/` into a study's folder.
pub(super) fn write_measured(
    folder: &Path,
    artist: &Artist,
    result: &MeasuredResult,
) -> Result<(), FolderError> {
    let folder = folder.join(MEASURED);
    let caption = caption(&result.measurement);
    let drawings = write_drawables(
        &folder,
        artist,
        &caption,
        &result.charts,
        &result.series,
        &result.histograms,
    )?;
    write(
        &folder.join("summary.json"),
        pretty(&result.measurement).as_bytes(),
    )?;
    let page = html::measured(result, &drawings, &caption)?;
    write(&folder.join("index.html"), page.as_bytes())
}

/// Reads `measured/` of a study's folder back, if there is one.
pub(super) fn load_measured(folder: &Path) -> Result<Option<MeasuredResult>, Diagnostic> {
    let folder = folder.join(MEASURED);
    let summary = folder.join("summary.json");
    if !summary.exists() {
        return Ok(None);
    }
    let measurement: Measurement = read_json(&summary)?;
    if measurement.schema != MEASURED_SCHEMA {
        let what = format!("it is not of schema {MEASURED_SCHEMA}");
        return Err(unreadable(&summary, &what));
    }
    let (charts, series, histograms) = read_drawables(&folder)?;
    Ok(Some(MeasuredResult {
        measurement,
        series,
        charts,
        histograms,
    }))
}

/// What stands below every chart.
fn caption(measurement: &Measurement) -> String {
    format!(
        "{} · {} · {} runs · predicted by {} · kvrig {}",
        measurement.study,
        measurement.machine.in_words(),
        measurement.runs,
        measurement.profile.name,
        measurement.kvrig
    )
}
