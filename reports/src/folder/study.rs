//! One study's files: what is written of a result, and the way back.

use super::FolderError;
use super::files::{create_dir, file_name, read_json, read_text, unreadable, write};
use crate::chart::{Artist, Drawing};
use crate::html::{self, Context};
use crate::rows::{self, Provenance, Summary, pretty};
use kvrig_base::diagnostic::Diagnostic;
use kvrig_base::result::{
    Chart, Column, Fingerprint, HistogramData, PointWindows, SUMMARY_SCHEMA, Series, StudyResult,
    Values,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

const WINDOWS: &str = "data/windows.csv";

/// `charts/charts.json`: with the CSV files, all that is needed to draw again.
#[derive(Serialize, Deserialize)]
struct Drawables {
    schema: u32,
    charts: Vec<Chart>,
    series: Vec<SeriesShape>,
    histograms: Vec<HistogramData>,
}

/// A series without its values, which are in its CSV file.
#[derive(Serialize, Deserialize)]
struct SeriesShape {
    name: String,
    columns: Vec<ColumnShape>,
}

#[derive(Serialize, Deserialize)]
struct ColumnShape {
    name: String,
    unit: String,
    text: bool,
}

/// What the writing of every study of a folder has in common.
#[derive(Clone, Copy)]
pub(super) struct StudyWriter<'a> {
    pub(super) artist: &'a Artist,
    pub(super) provenance: &'a Provenance,
    pub(super) baseline: Option<&'a [StudyResult]>,
    pub(super) up: Option<&'a str>,
    /// Whether a measurement lies beside the page.
    pub(super) is_measured: bool,
}

impl StudyWriter<'_> {
    /// Writes everything of one study into its folder.
    pub(super) fn write(&self, folder: &Path, result: &StudyResult) -> Result<(), FolderError> {
        let caption = rows::caption(result, self.provenance);
        let drawings = write_drawables(
            folder,
            self.artist,
            &caption,
            &result.charts,
            &result.series,
            &result.histograms,
        )?;
        write(
            &folder.join(WINDOWS),
            windows_csv(&result.fingerprint.windows).as_bytes(),
        )?;
        write(
            &folder.join("data/rows.csv"),
            rows::csv(std::slice::from_ref(result)).as_bytes(),
        )?;
        write(&folder.join("study.toml"), result.document.as_bytes())?;
        write(
            &folder.join("summary.json"),
            pretty(&Summary::of(result, self.provenance)).as_bytes(),
        )?;
        let before = self
            .baseline
            .and_then(|all| all.iter().find(|old| old.study == result.study));
        let page = html::study(
            result,
            &drawings,
            &Context {
                provenance: self.provenance,
                before,
                up: self.up,
                is_measured: self.is_measured,
            },
        )?;
        write(&folder.join("index.html"), page.as_bytes())
    }
}

/// Draws charts, and writes all that is needed to draw them again.
pub(super) fn write_drawables(
    folder: &Path,
    artist: &Artist,
    caption: &str,
    charts: &[Chart],
    series: &[Series],
    histograms: &[HistogramData],
) -> Result<BTreeMap<String, Drawing>, FolderError> {
    create_dir(&folder.join("charts"))?;
    create_dir(&folder.join("data"))?;
    let mut drawings: BTreeMap<String, Drawing> = BTreeMap::new();
    // Each takes a tenth of a second, most of it for its PNG.
    let drawn: Vec<_> = charts
        .par_iter()
        .map(|chart| artist.draw(chart, series, caption))
        .collect();
    for (chart, drawing) in charts.iter().zip(drawn) {
        let (name, drawing) = (file_name(&chart.name)?, drawing?);
        let charts = folder.join("charts");
        write(&charts.join(format!("{name}.svg")), drawing.svg.as_bytes())?;
        write(&charts.join(format!("{name}.png")), &drawing.png)?;
        drawings.insert(name.to_owned(), drawing);
    }
    for series in series {
        let name = file_name(&series.name)?;
        write(
            &folder.join(format!("data/{name}.csv")),
            series_csv(series).as_bytes(),
        )?;
    }
    for histogram in histograms {
        let name = file_name(&histogram.name)?;
        let text = crate::hgrm::write(histogram);
        write(&folder.join(format!("{name}.hgrm")), text.as_bytes())?;
    }
    let drawables = Drawables {
        schema: SUMMARY_SCHEMA,
        charts: charts.to_vec(),
        series: series.iter().map(shape).collect(),
        histograms: histograms.to_vec(),
    };
    write(
        &folder.join("charts/charts.json"),
        pretty(&drawables).as_bytes(),
    )?;
    Ok(drawings)
}

/// Charts with their series, and percentile files.
type Drawn = (Vec<Chart>, Vec<Series>, Vec<HistogramData>);

/// What [`write_drawables`] has written.
pub(super) fn read_drawables(folder: &Path) -> Result<Drawn, Diagnostic> {
    let path = folder.join("charts/charts.json");
    let drawables: Drawables = read_json(&path)?;
    let mut series = Vec::new();
    for shape in drawables.series {
        let name = file_name(&shape.name).map_err(|error| unreadable(&path, &error))?;
        let data = folder.join(format!("data/{name}.csv"));
        series.push(read_series(&data, shape)?);
    }
    Ok((drawables.charts, series, drawables.histograms))
}

/// Reads one study's folder back.
pub(super) fn load_study(folder: &Path) -> Result<StudyResult, Diagnostic> {
    let summary: Summary = read_json(&folder.join("summary.json"))?;
    let (charts, series, histograms) = read_drawables(folder)?;
    Ok(StudyResult {
        study: summary.study,
        title: summary.title,
        question: summary.question,
        quick: summary.quick,
        seed: summary.seed,
        seeds: summary.seeds,
        profile: summary.profile,
        verdicts: summary.verdicts,
        findings: summary.findings,
        rows: summary.rows,
        table: summary.table,
        series,
        charts,
        histograms,
        model_card: summary.model_card,
        counters: summary.counters,
        fingerprint: Fingerprint {
            windows: read_windows(&folder.join(WINDOWS))?,
            ..summary.fingerprint
        },
        sections: summary.sections,
        document: read_text(&folder.join("study.toml"))?,
    })
}

/// A series as CSV; heads carry the unit: `length (ns)`.
fn series_csv(series: &Series) -> String {
    let head = series
        .columns
        .iter()
        .map(|column| match column.unit.as_str() {
            "" => column.name.clone(),
            unit => format!("{} ({unit})", column.name),
        });
    let length = series.columns.iter().map(column_length).max().unwrap_or(0);
    let records = (0..length).map(|row| series.columns.iter().map(move |c| value_text(c, row)));
    csv_text(head, records)
}

fn column_length(column: &Column) -> usize {
    match &column.values {
        Values::Int(values) => values.len(),
        Values::Text(values) => values.len(),
    }
}

fn value_text(column: &Column, row: usize) -> String {
    match &column.values {
        Values::Int(values) => values.get(row).map(ToString::to_string).unwrap_or_default(),
        Values::Text(values) => values.get(row).cloned().unwrap_or_default(),
    }
}

fn csv_text<R: Iterator<Item = String>>(
    head: impl Iterator<Item = String>,
    records: impl Iterator<Item = R>,
) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut written = writer.write_record(head);
    for record in records {
        written = written.and(writer.write_record(record));
    }
    written.expect("records have as many fields as the head, and memory takes every byte");
    let bytes = writer.into_inner().expect("memory takes every byte");
    String::from_utf8(bytes).expect("every field is UTF-8")
}

fn shape(series: &Series) -> SeriesShape {
    let columns = series.columns.iter().map(|column| ColumnShape {
        name: column.name.clone(),
        unit: column.unit.clone(),
        text: matches!(column.values, Values::Text(_)),
    });
    SeriesShape {
        name: series.name.clone(),
        columns: columns.collect(),
    }
}

fn read_series(path: &Path, shape: SeriesShape) -> Result<Series, Diagnostic> {
    let text = read_text(path)?;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let empty = |text: bool| {
        if text {
            Values::Text(Vec::new())
        } else {
            Values::Int(Vec::new())
        }
    };
    let mut columns: Vec<Column> = shape
        .columns
        .into_iter()
        .map(|column| Column {
            name: column.name,
            unit: column.unit,
            values: empty(column.text),
        })
        .collect();
    for record in reader.records() {
        let record = record.map_err(|error| unreadable(path, &error))?;
        for (index, column) in columns.iter_mut().enumerate() {
            let field = record.get(index).unwrap_or("");
            match &mut column.values {
                Values::Text(values) => values.push(field.to_owned()),
                Values::Int(values) => {
                    let line = record.position().map_or(0, csv::Position::line);
                    values.push(field.parse().map_err(|error| {
                        unreadable(path, &format!("line {line}, {field:?}: {error}"))
                    })?);
                }
            }
        }
    }
    Ok(Series {
        name: shape.name,
        columns,
    })
}

fn windows_csv(points: &[PointWindows]) -> String {
    let head = ["point", "at (ns)", "digest"]
        .map(str::to_owned)
        .into_iter();
    let records = points.iter().flat_map(|point| {
        point.windows.iter().map(|(at, digest)| {
            [
                point.point.clone(),
                at.to_string(),
                format!("{digest:016x}"),
            ]
            .into_iter()
        })
    });
    csv_text(head, records)
}

fn read_windows(path: &Path) -> Result<Vec<PointWindows>, Diagnostic> {
    let text = read_text(path)?;
    let mut points: Vec<PointWindows> = Vec::new();
    for record in csv::Reader::from_reader(text.as_bytes()).records() {
        let record = record.map_err(|error| unreadable(path, &error))?;
        let field = |index| record.get(index).unwrap_or("");
        let at = field(1).parse().map_err(|error| unreadable(path, &error))?;
        let digest = u64::from_str_radix(field(2), 16).map_err(|error| unreadable(path, &error))?;
        match points.last_mut() {
            Some(last) if last.point == field(0) => last.windows.push((at, digest)),
            _ => points.push(PointWindows {
                point: field(0).to_owned(),
                windows: vec![(at, digest)],
            }),
        }
    }
    Ok(points)
}
