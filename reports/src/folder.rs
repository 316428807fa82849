//! The folder that a run leaves, its atomic replacement, and reading it back.
//!
//! ```text
//! DIR/index.html          the page            DIR/charts/*.svg, *.png
//! DIR/summary.json        rows and findings   DIR/charts/charts.json   what is needed to redraw
//! DIR/study.toml          what was run        DIR/data/*.csv           every series
//! DIR/*.hgrm              percentile files    DIR/run-meta.json        when, where, with how many jobs
//! ```
//!
//! Several studies lie in folders of their own beside a common `index.html` and `summary.json`.
//! Everything is written to `DIR.partial` first, which also keeps the finished points of an
//! interrupted run, and takes the place of `DIR` by a rename. A folder that kvrig did not write is
//! never replaced.

use crate::chart::{Artist, ChartError, Drawing};
use crate::html::{self, Context};
use crate::points::PointFiles;
use crate::rows::{self, BookSummary, Provenance, Summary, pretty};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::result::{
    Chart, Column, Fingerprint, HistogramData, PointWindows, SUMMARY_SCHEMA, Series, StudyResult,
    Values,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Marks a folder in the making as ours.
const MARKER: &str = ".kvrig";
const POINTS: &str = "points";
const WINDOWS: &str = "data/windows.csv";
/// Largest file that is read back: far above what a study writes, far below what would hurt.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Where and when a run took place: the only file that may differ between two runs of the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunMeta {
    /// Version of the program.
    pub kvrig: String,
    /// The command line.
    pub command: Vec<String>,
    /// Start, milliseconds since 1970-01-01 UTC.
    pub started_unix_ms: u64,
    /// End, milliseconds since 1970-01-01 UTC.
    pub finished_unix_ms: u64,
    /// The machine's name.
    pub host: String,
    /// Points that ran at once.
    pub jobs: u32,
}

/// Why a folder was not written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The place is taken by something that kvrig did not write.
    #[error("{0}")]
    Refused(Diagnostic),
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the file system answered.
        source: io::Error,
    },
    /// A chart cannot be drawn.
    #[error(transparent)]
    Chart(#[from] ChartError),
    /// A series, chart, histogram or study has a name that cannot be a file's.
    #[error("{0:?} cannot be the name of a file")]
    Name(String),
}

/// A result folder in the making.
#[derive(Clone, Debug)]
pub struct Output {
    target: PathBuf,
    staging: PathBuf,
}

impl Output {
    /// Claims `target` for a run. What an interrupted run left in `target.partial` stays.
    ///
    /// # Errors
    /// [`FolderError::Refused`] where `target` or `target.partial` holds something of another's.
    pub fn begin(target: &Path) -> Result<Self, FolderError> {
        Self::claim(target, "partial")
    }

    fn claim(target: &Path, suffix: &str) -> Result<Self, FolderError> {
        refuse_foreign(target, "summary.json")?;
        let staging = with_suffix(target, suffix);
        refuse_foreign(&staging, MARKER)?;
        create_dir(&staging)?;
        write(&staging.join(MARKER), b"A result of kvrig in the making.\n")?;
        Ok(Self {
            target: target.to_owned(),
            staging,
        })
    }

    /// The store of finished points of the study with this canonical document.
    pub fn points(&self, document: &str) -> PointFiles {
        PointFiles::new(&self.staging.join(POINTS), document)
    }

    /// Writes everything and takes the place of the target.
    ///
    /// With `baseline`, pages show the difference to it beside every number.
    ///
    /// # Errors
    /// Where the file system refuses or a chart cannot be drawn; the target is untouched then.
    pub fn finish(
        self,
        results: &[StudyResult],
        meta: &RunMeta,
        baseline: Option<&[StudyResult]>,
    ) -> Result<(), FolderError> {
        self.finish_as(results, &Provenance::current(), meta, baseline)
    }

    fn finish_as(
        self,
        results: &[StudyResult],
        provenance: &Provenance,
        meta: &RunMeta,
        baseline: Option<&[StudyResult]>,
    ) -> Result<(), FolderError> {
        self.clear_staging()?;
        let artist = Artist::new()?;
        let study = Study {
            artist: &artist,
            provenance,
            baseline,
            up: None,
        };
        if let [only] = results {
            study.write(&self.staging, only)?;
        } else {
            let folders = chapter_folders(results)?;
            for (folder, result) in &folders {
                let study = Study {
                    up: Some("../index.html"),
                    ..study
                };
                study.write(&self.staging.join(folder), result)?;
            }
            let book = BookSummary::of(&folders, provenance);
            write(&self.staging.join("summary.json"), pretty(&book).as_bytes())?;
            write(
                &self.staging.join("index.html"),
                html::book(&book).as_bytes(),
            )?;
        }
        write(&self.staging.join("run-meta.json"), pretty(meta).as_bytes())?;
        remove_dir(&self.staging.join(POINTS))?;
        remove_file(&self.staging.join(MARKER))?;
        self.swap()
    }

    /// Removes what an interrupted writing left, but keeps the points.
    fn clear_staging(&self) -> Result<(), FolderError> {
        let entries = fs::read_dir(&self.staging).map_err(at(&self.staging))?;
        for entry in entries {
            let path = entry.map_err(at(&self.staging))?.path();
            let name = path.file_name().unwrap_or_default();
            if name == POINTS || name == MARKER {
                continue;
            }
            if path.is_dir() {
                remove_dir(&path)?;
            } else {
                remove_file(&path)?;
            }
        }
        Ok(())
    }

    fn swap(&self) -> Result<(), FolderError> {
        if self.target.exists() {
            let replaced = with_suffix(&self.target, "replaced");
            refuse_foreign(&replaced, "summary.json")?;
            remove_dir(&replaced)?;
            rename(&self.target, &replaced)?;
            rename(&self.staging, &self.target)?;
            return remove_dir(&replaced);
        }
        rename(&self.staging, &self.target)
    }
}

/// Draws `target` again from what is stored in it, with differences to `baseline` if given.
///
/// # Errors
/// Where `target` is not a result folder, or as [`Output::finish`].
pub fn redraw(target: &Path, baseline: Option<&[StudyResult]>) -> Result<(), FolderError> {
    let results = load(target).map_err(FolderError::Refused)?;
    let path = target.join("run-meta.json");
    let meta: RunMeta = read_json(&path).map_err(FolderError::Refused)?;
    let provenance = provenance(target).map_err(FolderError::Refused)?;
    Output::claim(target, "redrawn")?.finish_as(&results, &provenance, &meta, baseline)
}

/// Which program computed what lies in a folder.
///
/// # Errors
/// A diagnostic where the folder has no readable summary.
pub fn provenance(folder: &Path) -> Result<Provenance, Diagnostic> {
    read_json(&folder.join("summary.json"))
}

/// Reads the results of a folder back.
///
/// # Errors
/// A diagnostic that names the file which is missing or cannot be understood.
pub fn load(folder: &Path) -> Result<Vec<StudyResult>, Diagnostic> {
    let path = folder.join("summary.json");
    let summary: serde_json::Value = read_json(&path)?;
    if summary.get("schema").and_then(serde_json::Value::as_u64) != Some(SUMMARY_SCHEMA.into()) {
        return Err(Diagnostic::new(
            diagnostic::INCOMPATIBLE,
            format!("{} is not of schema {SUMMARY_SCHEMA}", path.display()),
        ));
    }
    if summary.get("studies").is_none() {
        return Ok(vec![load_study(folder)?]);
    }
    let book: BookSummary = read_json(&path)?;
    let mut results = Vec::new();
    for chapter in &book.studies {
        let name = file_name(&chapter.folder).map_err(|error| unreadable(&path, &error))?;
        results.push(load_study(&folder.join(name))?);
    }
    Ok(results)
}

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
struct Study<'a> {
    artist: &'a Artist,
    provenance: &'a Provenance,
    baseline: Option<&'a [StudyResult]>,
    up: Option<&'a str>,
}

impl Study<'_> {
    fn write(&self, folder: &Path, result: &StudyResult) -> Result<(), FolderError> {
        create_dir(&folder.join("charts"))?;
        create_dir(&folder.join("data"))?;
        let mut drawings: BTreeMap<String, Drawing> = BTreeMap::new();
        let caption = rows::caption(result, self.provenance);
        for chart in &result.charts {
            let name = file_name(&chart.name)?;
            let drawing = self.artist.draw(chart, &result.series, &caption)?;
            let charts = folder.join("charts");
            write(&charts.join(format!("{name}.svg")), drawing.svg.as_bytes())?;
            write(&charts.join(format!("{name}.png")), &drawing.png)?;
            drawings.insert(name.to_owned(), drawing);
        }
        for series in &result.series {
            let name = file_name(&series.name)?;
            write(
                &folder.join(format!("data/{name}.csv")),
                series_csv(series).as_bytes(),
            )?;
        }
        for histogram in &result.histograms {
            let name = file_name(&histogram.name)?;
            let text = crate::hgrm::write(histogram);
            write(&folder.join(format!("{name}.hgrm")), text.as_bytes())?;
        }
        let drawables = Drawables {
            schema: SUMMARY_SCHEMA,
            charts: result.charts.clone(),
            series: result.series.iter().map(shape).collect(),
            histograms: result.histograms.clone(),
        };
        write(
            &folder.join("charts/charts.json"),
            pretty(&drawables).as_bytes(),
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
            },
        )?;
        write(&folder.join("index.html"), page.as_bytes())
    }
}

fn load_study(folder: &Path) -> Result<StudyResult, Diagnostic> {
    let summary: Summary = read_json(&folder.join("summary.json"))?;
    let path = folder.join("charts/charts.json");
    let drawables: Drawables = read_json(&path)?;
    let mut series = Vec::new();
    for shape in drawables.series {
        let name = file_name(&shape.name).map_err(|error| unreadable(&path, &error))?;
        let data = folder.join(format!("data/{name}.csv"));
        series.push(read_series(&data, shape)?);
    }
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
        charts: drawables.charts,
        histograms: drawables.histograms,
        model_card: summary.model_card,
        counters: summary.counters,
        fingerprint: Fingerprint {
            windows: read_windows(&folder.join(WINDOWS))?,
            ..summary.fingerprint
        },
        document: read_text(&folder.join("study.toml"))?,
    })
}

/// A series as CSV; heads carry the unit: `length (ns)`.
pub fn series_csv(series: &Series) -> String {
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

/// Folders of the studies of a book: their names, numbered where a name comes twice.
fn chapter_folders(results: &[StudyResult]) -> Result<Vec<(String, &StudyResult)>, FolderError> {
    let mut folders: Vec<(String, &StudyResult)> = Vec::new();
    for result in results {
        let name = file_name(&result.study)?;
        let folder = (1..)
            .map(|n| {
                if n == 1 {
                    name.to_owned()
                } else {
                    format!("{name}-{n}")
                }
            })
            .find(|candidate| folders.iter().all(|(taken, _)| taken != candidate));
        folders.push((folder.unwrap_or_default(), result));
    }
    Ok(folders)
}

/// `name`, if it can be the name of a file everywhere: letters, digits, hyphens, dots and
/// underscores, not beginning with a dot.
fn file_name(name: &str) -> Result<&str, FolderError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(allowed) {
        return Err(FolderError::Name(name.to_owned()));
    }
    Ok(name)
}

/// Refuses a folder that is neither missing, nor empty, nor carries our `marker`.
fn refuse_foreign(folder: &Path, marker: &str) -> Result<(), FolderError> {
    let refused = |what: &str| {
        Err(FolderError::Refused(
            Diagnostic::new(
                diagnostic::FOREIGN_FOLDER,
                format!("{} {what}", folder.display()),
            )
            .help("choose another folder with `-o`, or remove this one yourself"),
        ))
    };
    if !folder.exists() {
        return Ok(());
    }
    if !folder.is_dir() {
        return refused("is not a folder");
    }
    let mut entries = fs::read_dir(folder).map_err(at(folder))?;
    if entries.next().is_none() {
        return Ok(());
    }
    let ours = match marker {
        MARKER => folder.join(MARKER).is_file(),
        _ => read_json::<serde_json::Value>(&folder.join(marker))
            .is_ok_and(|summary| summary.get("kvrig").is_some() && summary.get("schema").is_some()),
    };
    if ours {
        Ok(())
    } else {
        refused("holds files that kvrig did not write")
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    // `out/` and `out` are the same folder; components drop the trailing separator.
    let mut name = path.components().collect::<PathBuf>().into_os_string();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

fn read_text(path: &Path) -> Result<String, Diagnostic> {
    let size = fs::metadata(path)
        .map_err(|error| unreadable(path, &error))?
        .len();
    if size > FILE_BYTES_MAX {
        return Err(unreadable(
            path,
            &format!("it is larger than {FILE_BYTES_MAX} bytes"),
        ));
    }
    fs::read_to_string(path).map_err(|error| unreadable(path, &error))
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Diagnostic> {
    serde_json::from_str(&read_text(path)?).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> Diagnostic {
    Diagnostic::new(
        diagnostic::RESULT_UNREADABLE,
        format!("{}: {error}", path.display()),
    )
}

fn at(path: &Path) -> impl Fn(io::Error) -> FolderError {
    let path = path.to_owned();
    move |source| FolderError::Io {
        path: path.clone(),
        source,
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    fs::write(path, bytes).map_err(at(path))
}

fn create_dir(path: &Path) -> Result<(), FolderError> {
    fs::create_dir_all(path).map_err(at(path))
}

fn rename(from: &Path, to: &Path) -> Result<(), FolderError> {
    fs::rename(from, to).map_err(at(from))
}

fn remove_file(path: &Path) -> Result<(), FolderError> {
    fs::remove_file(path).map_err(at(path))
}

fn remove_dir(path: &Path) -> Result<(), FolderError> {
    if path.exists() {
        fs::remove_dir_all(path).map_err(at(path))
    } else {
        Ok(())
    }
}
