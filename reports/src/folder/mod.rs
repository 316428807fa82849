//! The folder that a run leaves, its atomic replacement, and reading it back.
//!
//! ```text
//! DIR/index.html          the page            DIR/charts/*.svg, *.png
//! DIR/summary.json        rows and findings   DIR/charts/charts.json   what is needed to redraw
//! DIR/study.toml          what was run        DIR/data/*.csv           every series
//! DIR/*.hgrm              percentile files    DIR/run-meta.json        when, where, with how many jobs
//! DIR/measured/           the same again from the real clock of one machine, if it was asked for
//! ```
//!
//! Several studies lie in folders of their own beside a common `index.html` and `summary.json`, and
//! `claims.html`.
//! Everything is written to `DIR.partial` first, which also keeps the finished points of an
//! interrupted run, and takes the place of `DIR` by a rename. A folder that kvrig did not write is
//! never replaced.

mod files;
mod measured;
mod study;
mod validation;

use crate::chart::{Artist, ChartError};
use crate::claims::Claims;
use crate::html;
use crate::points::PointFiles;
use crate::rows::{BookSummary, Provenance, pretty};
use files::{
    at, create_dir, file_name, read_json, remove_dir, remove_file, rename, unreadable, write,
};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::measured::MeasuredResult;
use kvrig_base::result::{SUMMARY_SCHEMA, StudyResult};
use measured::{load_measured, write_measured};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use study::{StudyWriter, load_study};
pub use validation::write_validation;

/// Marks a folder in the making as ours.
const MARKER: &str = ".kvrig";
const POINTS: &str = "points";

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
    /// Measurements by the place of their study among the results.
    measured: BTreeMap<usize, MeasuredResult>,
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
            measured: BTreeMap::new(),
        })
    }

    /// Adds the real-clock side of the study at `index` of the results that are to be written.
    pub fn add_measured(&mut self, index: usize, measured: MeasuredResult) {
        self.measured.insert(index, measured);
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
        let study = StudyWriter {
            artist: &artist,
            provenance,
            baseline,
            up: None,
            is_measured: self.measured.contains_key(&0),
        };
        if let [only] = results {
            study.write(&self.staging, only)?;
            self.write_measured_of(0, &self.staging, &artist)?;
        } else {
            let folders = chapter_folders(results)?;
            for (index, (folder, result)) in folders.iter().enumerate() {
                let study = StudyWriter {
                    up: Some("../index.html"),
                    is_measured: self.measured.contains_key(&index),
                    ..study
                };
                let folder = self.staging.join(folder);
                study.write(&folder, result)?;
                self.write_measured_of(index, &folder, &artist)?;
            }
            let book = BookSummary::of(&folders, provenance);
            write(&self.staging.join("summary.json"), pretty(&book).as_bytes())?;
            write(
                &self.staging.join("index.html"),
                html::book(&book).as_bytes(),
            )?;
            let claims = Claims::embedded().map_err(|error| FolderError::Io {
                path: PathBuf::from("claims.toml"),
                source: io::Error::other(error),
            })?;
            write(
                &self.staging.join("claims.html"),
                html::claims(&claims, results).as_bytes(),
            )?;
        }
        write(&self.staging.join("run-meta.json"), pretty(meta).as_bytes())?;
        remove_dir(&self.staging.join(POINTS))?;
        remove_file(&self.staging.join(MARKER))?;
        self.swap()
    }

    fn write_measured_of(
        &self,
        index: usize,
        folder: &Path,
        artist: &Artist,
    ) -> Result<(), FolderError> {
        let measured = self.measured.get(&index);
        measured.map_or(Ok(()), |measured| write_measured(folder, artist, measured))
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
    let mut output = Output::claim(target, "redrawn")?;
    for (index, folder) in study_folders(target)
        .map_err(FolderError::Refused)?
        .iter()
        .enumerate()
    {
        if let Some(measured) = load_measured(folder).map_err(FolderError::Refused)? {
            output.add_measured(index, measured);
        }
    }
    output.finish_as(&results, &provenance, &meta, baseline)
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
    let folders = study_folders(folder)?;
    folders.iter().map(|folder| load_study(folder)).collect()
}

/// Folders of the studies of a result folder: itself, or those that its book names.
fn study_folders(folder: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    let path = folder.join("summary.json");
    let summary: serde_json::Value = read_json(&path)?;
    if summary.get("studies").is_none() {
        return Ok(vec![folder.to_owned()]);
    }
    let book: BookSummary = read_json(&path)?;
    let place = |chapter: &crate::rows::Chapter| {
        let name = file_name(&chapter.folder).map_err(|error| unreadable(&path, &error))?;
        Ok(folder.join(name))
    };
    book.studies.iter().map(place).collect()
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
