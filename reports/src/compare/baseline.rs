//! Baselines: what a repository keeps of a result, one line a row, sorted, so that a change of
//! results is a readable change of lines.
//!
//! Every line is a JSON object; the first says what the file is. Kept are the exact simulated rows,
//! the sums of all work counters, and of the event digests as many checkpoints as tell where two
//! runs part. Measured values are not kept: they differ from run to run.

use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::digest::{Digest, Rolling};
use kvrig_base::metric::{Better, Unit};
use kvrig_base::result::{PointWindows, RESULTS_VERSION, StudyResult};
use kvrig_base::row::Class;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Version of the baseline's layout.
pub const BASELINE_SCHEMA: u32 = 1;
/// Checkpoints kept of one point's event windows. Each costs about 20 bytes of a file that lies in a
/// repository; a run of 10 s is then localised to 0.3 s.
const CHECKPOINTS_MAX: usize = 32;
/// Largest baseline that is read.
const BASELINE_BYTES_MAX: u64 = 256 << 20;

/// Metrics that were renamed, old name first. A baseline written before a renaming is read under the
/// new name.
pub const ALIASES: &[(&str, &str)] = &[];

/// Names one row: study, variant, cell, metric.
pub type Key = (String, String, BTreeMap<String, String>, String);

/// What is compared: of one result, or of several studies together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    /// Version of the program that wrote it.
    pub kvrig: String,
    /// Version of its results.
    pub results: u32,
    /// Why this became the baseline; empty for a result that was never accepted.
    pub reason: String,
    /// The studies by name.
    pub studies: BTreeMap<String, StudyBasis>,
    /// Exact simulated rows.
    pub rows: BTreeMap<Key, Value>,
}

/// What a study's rows rest on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudyBasis {
    /// Digest of the rows.
    pub results: Digest,
    /// Digest of all observable events.
    pub events: Digest,
    /// Digest of the study document.
    pub document: Digest,
    /// Name of the cost profile.
    pub profile: String,
    /// Digest of the cost profile.
    pub profile_digest: Digest,
    /// Root seed.
    pub seed: u64,
    /// Replications.
    pub seeds: u32,
    /// Whether it was a quick run.
    pub quick: bool,
    /// Sums of work counters.
    #[serde(skip)]
    pub counters: BTreeMap<String, u64>,
    /// Checkpoints of each point's events.
    #[serde(skip)]
    pub points: BTreeMap<String, Checkpoints>,
}

/// One row's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// The value in the base unit.
    pub value: i64,
    /// The base unit.
    pub unit: Unit,
    /// Which direction is better.
    pub better: Better,
}

/// Digests of a point's events up to some of its windows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoints {
    /// A checkpoint was taken after every so many windows of 4,096 events.
    pub stride: u64,
    /// Windows in all.
    pub windows: u64,
    /// Virtual time in nanoseconds of each checkpoint's last window, and the digest up to it.
    pub at: Vec<(u64, Fold)>,
}

/// Thirty-two bits of a rolling digest over windows: enough to localise a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Fold(pub u32);

impl From<Fold> for String {
    fn from(fold: Fold) -> Self {
        format!("{:08x}", fold.0)
    }
}
impl TryFrom<String> for Fold {
    type Error = std::num::ParseIntError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        u32::from_str_radix(&text, 16).map(Self)
    }
}

/// One line of the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Baseline {
        schema: u32,
        kvrig: String,
        results: u32,
        reason: String,
    },
    Study {
        study: String,
        basis: StudyBasis,
    },
    Counter {
        study: String,
        counter: String,
        sum: u64,
    },
    Events {
        study: String,
        point: String,
        checkpoints: Checkpoints,
    },
    Row(RowLine),
}

#[derive(Serialize, Deserialize)]
struct RowLine {
    study: String,
    variant: String,
    cell: BTreeMap<String, String>,
    name: String,
    value: i64,
    unit: Unit,
    better: Better,
}

impl Baseline {
    /// What a repository would keep of these results.
    ///
    /// # Errors
    /// [`diagnostic::INCOMPATIBLE`] where two of them are of the same study: their rows could not be
    /// told apart.
    pub fn of(results: &[StudyResult]) -> Result<Self, Diagnostic> {
        let mut baseline = Self {
            kvrig: env!("CARGO_PKG_VERSION").to_owned(),
            results: RESULTS_VERSION,
            ..Self::default()
        };
        for result in results {
            let windows = &result.fingerprint.windows;
            let basis = StudyBasis {
                results: result.fingerprint.results,
                events: result.fingerprint.events,
                document: Digest::of(result.document.as_bytes()),
                profile: result.profile.name.clone(),
                profile_digest: result.profile.digest,
                seed: result.seed,
                seeds: result.seeds,
                quick: result.quick,
                counters: result.counters.clone(),
                points: windows
                    .iter()
                    .map(|p| (p.point.clone(), checkpoints(p)))
                    .collect(),
            };
            if baseline
                .studies
                .insert(result.study.clone(), basis)
                .is_some()
            {
                return Err(Diagnostic::new(
                    diagnostic::INCOMPATIBLE,
                    format!("study {} comes twice", result.study),
                )
                .help("compare results that have each study once"));
            }
            for row in result
                .rows
                .iter()
                .filter(|row| row.class == Class::Simulated)
            {
                let key = (
                    row.study.clone(),
                    row.variant.clone(),
                    row.cell.clone(),
                    row.name.clone(),
                );
                let value = Value {
                    value: row.value,
                    unit: row.unit,
                    better: row.better,
                };
                baseline.rows.insert(key, value);
            }
        }
        Ok(baseline)
    }

    /// The same, accepted for this reason.
    #[must_use]
    pub fn accepted(mut self, reason: &str) -> Self {
        self.reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
        self
    }

    /// The file.
    pub fn write(&self) -> String {
        let mut lines = vec![Line::Baseline {
            schema: BASELINE_SCHEMA,
            kvrig: self.kvrig.clone(),
            results: self.results,
            reason: self.reason.clone(),
        }];
        for (study, basis) in &self.studies {
            lines.push(Line::Study {
                study: study.clone(),
                basis: basis.clone(),
            });
            for (counter, sum) in &basis.counters {
                lines.push(Line::Counter {
                    study: study.clone(),
                    counter: counter.clone(),
                    sum: *sum,
                });
            }
            for (point, checkpoints) in &basis.points {
                lines.push(Line::Events {
                    study: study.clone(),
                    point: point.clone(),
                    checkpoints: checkpoints.clone(),
                });
            }
        }
        for ((study, variant, cell, name), value) in &self.rows {
            lines.push(Line::Row(RowLine {
                study: study.clone(),
                variant: variant.clone(),
                cell: cell.clone(),
                name: name.clone(),
                value: value.value,
                unit: value.unit,
                better: value.better,
            }));
        }
        lines
            .iter()
            .map(|line| serde_json::to_string(line).expect("plain data with text for keys") + "\n")
            .collect()
    }

    /// Reads a file; `name` is for messages.
    ///
    /// # Errors
    /// [`diagnostic::RESULT_UNREADABLE`] with the line, or [`diagnostic::INCOMPATIBLE`] where it is
    /// of another schema.
    pub fn parse(name: &str, text: &str) -> Result<Self, Diagnostic> {
        let mut baseline = Self::default();
        let mut begun = false;
        for (index, line) in text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
        {
            if !begun {
                check_schema(name, line)?;
                begun = true;
            }
            let line: Line = serde_json::from_str(line)
                .map_err(|error| unreadable(format!("{name}, line {}: {error}", index + 1)))?;
            baseline
                .add(line)
                .map_err(|what| unreadable(format!("{name}, line {}: {what}", index + 1)))?;
        }
        if !begun {
            return Err(unreadable(format!("{name} is empty")));
        }
        Ok(baseline)
    }

    fn add(&mut self, line: Line) -> Result<(), String> {
        match line {
            Line::Baseline {
                kvrig,
                results,
                reason,
                ..
            } => {
                (self.kvrig, self.results, self.reason) = (kvrig, results, reason);
            }
            Line::Study { study, basis } => {
                self.studies.insert(study, basis);
            }
            Line::Counter {
                study,
                counter,
                sum,
            } => {
                self.basis(&study)?.counters.insert(counter, sum);
            }
            Line::Events {
                study,
                point,
                checkpoints,
            } => {
                self.basis(&study)?.points.insert(point, checkpoints);
            }
            Line::Row(row) => {
                let renamed = ALIASES.iter().find(|(old, _)| *old == row.name);
                let name = renamed.map_or(row.name, |(_, new)| (*new).to_owned());
                let value = Value {
                    value: row.value,
                    unit: row.unit,
                    better: row.better,
                };
                let key = (row.study, row.variant, row.cell, name);
                if self.rows.insert(key, value).is_some() {
                    return Err("the same row a second time".to_owned());
                }
            }
        }
        Ok(())
    }

    fn basis(&mut self, study: &str) -> Result<&mut StudyBasis, String> {
        self.studies
            .get_mut(study)
            .ok_or_else(|| format!("study {study} was not introduced"))
    }

    /// Reads what `path` holds: a result folder, or a baseline file.
    ///
    /// # Errors
    /// [`diagnostic::BASELINE_MISSING`] where nothing is there; otherwise as [`Baseline::parse`] and
    /// [`crate::folder::load`].
    pub fn read(path: &Path) -> Result<Self, Diagnostic> {
        if path.is_dir() {
            let provenance = crate::folder::provenance(path)?;
            let baseline = Self::of(&crate::folder::load(path)?)?;
            let (kvrig, results) = (provenance.kvrig, provenance.results);
            return Ok(Self {
                kvrig,
                results,
                ..baseline
            });
        }
        let name = path.display().to_string();
        let size = std::fs::metadata(path).map(|meta| meta.len());
        match size {
            Ok(bytes) if bytes > BASELINE_BYTES_MAX => {
                return Err(unreadable(format!(
                    "{name} is larger than {BASELINE_BYTES_MAX} bytes"
                )));
            }
            Ok(_) => {}
            Err(error) => {
                let message = format!("{name}: {error}");
                return Err(Diagnostic::new(diagnostic::BASELINE_MISSING, message));
            }
        }
        let text = std::fs::read_to_string(path)
            .map_err(|error| unreadable(format!("{name}: {error}")))?;
        Self::parse(&name, &text)
    }
}

/// Thins a point's windows. The digest of a checkpoint covers every window up to it, so that a
/// difference in a window that is not kept shows at the next checkpoint.
fn checkpoints(point: &PointWindows) -> Checkpoints {
    let windows = point.windows.len();
    let stride = windows.div_ceil(CHECKPOINTS_MAX).max(1);
    let mut rolling = Rolling::default();
    let mut at = Vec::new();
    for (index, &(time, digest)) in point.windows.iter().enumerate() {
        rolling.fold(digest);
        if (index + 1).is_multiple_of(stride) || index + 1 == windows {
            at.push((time, Fold((rolling.value() >> 32) as u32)));
        }
    }
    Checkpoints {
        stride: stride as u64,
        windows: windows as u64,
        at,
    }
}

fn check_schema(name: &str, line: &str) -> Result<(), Diagnostic> {
    #[derive(Deserialize)]
    struct Head {
        baseline: Schema,
    }
    #[derive(Deserialize)]
    struct Schema {
        schema: u32,
    }
    let head: Head = serde_json::from_str(line).map_err(|_| {
        unreadable(format!(
            "{name} is neither a result folder nor a baseline of kvrig"
        ))
    })?;
    if head.baseline.schema == BASELINE_SCHEMA {
        return Ok(());
    }
    Err(Diagnostic::new(
        diagnostic::INCOMPATIBLE,
        format!(
            "{name} is of schema {}, not {BASELINE_SCHEMA}",
            head.baseline.schema
        ),
    ))
}

fn unreadable(message: String) -> Diagnostic {
    Diagnostic::new(diagnostic::RESULT_UNREADABLE, message)
}
