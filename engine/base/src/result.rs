//! What a run leaves: everything that a report needs, and nothing that it must not depend on.
//!
//! All of it is plain data with integers for values. Reports draw from this alone, so that stored
//! results can be drawn again later.

use crate::digest::Digest;
use crate::row::Row;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the results: goes up whenever a golden digest changes (CHANGELOG says why).
pub const RESULTS_VERSION: u32 = 2;
/// Version of the layout of `summary.json`.
pub const SUMMARY_SCHEMA: u32 = 1;

/// Name of the series that lists what clients asked and got, by kind of request. Its columns of text
/// come first and say whose operations a line is about; the last of them is `operation`.
pub const OPERATIONS: &str = "operations";

/// All that one study has found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StudyResult {
    /// The study's name, `rehash`.
    pub study: String,
    /// Its title.
    pub title: String,
    /// The question it answers.
    pub question: String,
    /// Whether `--quick` replaced its defaults: the report is stamped.
    pub quick: bool,
    /// Root seed.
    pub seed: u64,
    /// Replications of every cell.
    pub seeds: u32,
    /// Name and digest of the cost profile.
    pub profile: ProfileRef,
    /// What the thresholds of the study file say, in file order.
    pub verdicts: Vec<Verdict>,
    /// What was found, the most important first.
    pub findings: Vec<Finding>,
    /// The results, sorted by key.
    pub rows: Vec<Row>,
    /// The one table at the end of a run: header and rows of text.
    pub table: Table,
    /// Every series behind every chart; `data/<name>.csv`.
    pub series: Vec<Series>,
    /// What to draw.
    pub charts: Vec<Chart>,
    /// Percentile files: `<name>.hgrm`.
    pub histograms: Vec<HistogramData>,
    /// What the numbers mean and what would mislead.
    pub model_card: ModelCard,
    /// Sums of all work counters over all points, by name.
    pub counters: BTreeMap<String, u64>,
    /// Digests of results and events.
    pub fingerprint: Fingerprint,
    /// Parts of the report beside the results, outside the fingerprint.
    #[serde(default)]
    pub sections: Vec<Section>,
    /// The canonical study document that was run, TOML.
    pub document: String,
}

/// A cost profile as results name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileRef {
    /// Its name.
    pub name: String,
    /// Digest of its content.
    pub digest: Digest,
}

/// What one threshold says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The metric.
    pub metric: String,
    /// Which rows: axis to value.
    #[serde(rename = "where")]
    pub filter: BTreeMap<String, String>,
    /// The limit as written, with its direction: `max 2ms`.
    pub limit: String,
    /// The worst value seen among the rows, in the metric's base unit.
    pub worst: i64,
    /// The row that has it: its index in [`StudyResult::rows`].
    pub row: usize,
    /// The outcome.
    pub verdict: Outcome,
    /// Line of the threshold in the study file, from 1.
    pub line: u32,
}

/// Pass or fail, spelt out: a bare bool has been read both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Within the limit.
    Pass,
    /// Beyond it.
    Fail,
}

/// One sentence that the rows support.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The sentence, with numbers and units.
    pub text: String,
    /// Indices of the rows it rests on.
    pub rows: Vec<usize>,
    /// Whether it warns of something that would mislead.
    pub warning: bool,
}

/// A table of text, ready to print.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Column heads, units included.
    pub head: Vec<String>,
    /// Rows of cells.
    pub rows: Vec<Vec<String>>,
}

/// A part of a report that is not computed by the run, such as what a real machine measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// Its head.
    pub title: String,
    /// What it says.
    pub paragraphs: Vec<String>,
    /// A table; it may be empty.
    pub table: Table,
}

/// Columns of equal length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    /// Name of the file without its ending: lower case letters, digits, hyphens.
    pub name: String,
    /// The columns.
    pub columns: Vec<Column>,
}

/// One column of a series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its unit as written in the header (`ns`, `B`, `ppm`), or empty.
    pub unit: String,
    /// The values.
    pub values: Values,
}

/// Values of a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Values {
    /// Integers.
    Int(Vec<i64>),
    /// Text.
    Text(Vec<String>),
}

/// What to draw, from which series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chart {
    /// Name of the files without their ending.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// The one thing to see in it, in a sentence with numbers.
    pub message: String,
    /// The same for those who cannot see it.
    pub alt: String,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// Column that splits the chart into panels, one below the other, if any.
    pub panels: Option<String>,
    /// What is drawn, in order.
    pub layers: Vec<Layer>,
    /// Lines and bands that mark a limit or an event.
    pub marks: Vec<Mark>,
}

/// An axis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Axis {
    /// Its label without the unit.
    pub label: String,
    /// What the integers mean, and so how ticks are printed.
    pub quantity: Quantity,
    /// Linear or logarithmic.
    pub scale: Scale,
}

/// What the integers of a column mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// Nanoseconds, printed as ns, us, ms or s.
    Nanos,
    /// Bytes, printed as KiB, MiB, GiB.
    Bytes,
    /// A count, printed with k, M, G.
    Count,
    /// A count, printed as a power of two where it is one.
    PowerOfTwo,
    /// Parts per million, printed in per cent.
    Ppm,
    /// Thousandths of a count, printed as decimals.
    Milli,
    /// Millionths of a US dollar, printed in dollars.
    MicroDollars,
    /// Millionths of 1/(1-q), printed as the quantile: 10 is 90 %, 1,000 is 99.9 %.
    Nines,
    /// Text categories.
    Category,
}

/// How values are placed on an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// In proportion.
    Linear,
    /// By logarithm; values below one are drawn at the lower edge.
    Log,
}

/// One thing drawn in a chart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// The series.
    pub series: String,
    /// Its column for the horizontal axis.
    pub x: String,
    /// Its column for the vertical axis; of a [`Style::Band`] its lower edge.
    pub y: String,
    /// Column of the upper edge that a layer of [`Style::Band`] needs besides: nowhere below `y`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upper: Option<String>,
    /// Column whose values tell lines or colours apart, if any.
    pub group: Option<String>,
    /// How it is drawn.
    pub style: Style,
    /// What a layer of [`Style::Heat`] needs besides: where each cell ends and what it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cells: Option<CellColumns>,
}

/// Columns of a heat map: `x` and `y` of the layer are the lower ends of its cells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellColumns {
    /// The upper end of each cell on the horizontal axis.
    pub x_to: String,
    /// The upper end of each cell on the vertical axis.
    pub y_to: String,
    /// What lies in the cell: above zero, told by colour on a logarithmic scale.
    pub count: String,
    /// A limit of the count: colours then have even steps, cool ones up to it and warm ones from it
    /// on, and the scale marks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
}

/// How a layer is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Style {
    /// Points joined by a line.
    Line,
    /// A dashed line: theory, or fitted and extrapolated.
    Dashed,
    /// Points.
    Points,
    /// A thin vertical stroke from the lower edge to each point: single events on a time line.
    Stems,
    /// Bars beside one another.
    Bars,
    /// A line that keeps its value to the next point.
    Steps,
    /// Filled areas, each group on top of those before it; all groups have the same places.
    Area,
    /// A filled band behind all lines, in the colour of its group, between two columns; see
    /// [`Layer::upper`]. Its edges are joined from point to point.
    Band,
    /// Cells that are coloured by a count; see [`Layer::cells`].
    Heat,
}

/// A line or band across a chart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// A horizontal line at a value of the vertical axis.
    Horizontal {
        /// Where.
        at: i64,
        /// What it means.
        label: String,
    },
    /// A vertical line at a value of the horizontal axis.
    Vertical {
        /// Where.
        at: i64,
        /// What it means.
        label: String,
        /// Only in this panel, if named.
        panel: Option<String>,
    },
    /// A shaded stretch of the horizontal axis.
    Band {
        /// Where it begins.
        from: i64,
        /// Where it ends.
        to: i64,
        /// What it means.
        label: String,
        /// Only in this panel, if named.
        panel: Option<String>,
    },
}

/// A histogram as (value in nanoseconds, count) pairs: the upper end of each occupied HDR bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistogramData {
    /// Name of the file without its ending.
    pub name: String,
    /// Upper ends and counts, ascending.
    pub buckets: Vec<(u64, u64)>,
    /// Exact sum of the recorded values, for the mean.
    pub sum: u128,
    /// Exact largest value.
    pub max: u64,
}

/// What the numbers mean: printed in every report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelCard {
    /// Versions of the stores and tables studied.
    pub versions: Vec<String>,
    /// What follows documented rules, with sources.
    pub rules: Vec<String>,
    /// What is simulated.
    pub simulated: Vec<String>,
    /// What is taken from publications.
    pub published: Vec<String>,
    /// What is assumed.
    pub assumed: Vec<String>,
    /// Where the cost profile is valid, and what went beyond it.
    pub validity: Vec<String>,
    /// What would mislead.
    pub misleading: Vec<String>,
}

/// Digests of a run. Equal results digests mean equal rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Of the rows; decides a comparison.
    pub results: Digest,
    /// Of all observable events; only localises a change.
    pub events: Digest,
    /// Rolling event digests of each point, one every 4,096 events, in point order.
    pub windows: Vec<PointWindows>,
}

/// The event digests of one point (a cell under one seed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointWindows {
    /// The point: `variant · axis=value · seed n`.
    pub point: String,
    /// Per window of 4,096 events: virtual time of its first event in nanoseconds, and digest.
    pub windows: Vec<(u64, u64)>,
}
