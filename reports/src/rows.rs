//! Rows as JSON, CSV and Markdown, for standard output and for files.

use kvrig_base::metric::{self, Better, Unit};
use kvrig_base::quantity::format_value;
use kvrig_base::result::{
    Finding, Fingerprint, ModelCard, Outcome, ProfileRef, RESULTS_VERSION, SUMMARY_SCHEMA, Section,
    StudyResult, Table, Verdict,
};
use kvrig_base::row::{Class, Row};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Which program computed a result. A page that is drawn again by a later version says so still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of the program.
    pub kvrig: String,
    /// Version of its results.
    pub results: u32,
}

impl Provenance {
    /// This program.
    pub fn current() -> Self {
        Self {
            kvrig: env!("CARGO_PKG_VERSION").to_owned(),
            results: RESULTS_VERSION,
        }
    }
}

/// `summary.json` of one study: its results without what only charts need.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Summary {
    /// Version of this layout.
    pub schema: u32,
    /// Which program computed it.
    #[serde(flatten)]
    pub provenance: Provenance,
    /// The study's name.
    pub study: String,
    /// Its title.
    pub title: String,
    /// The question it answers.
    pub question: String,
    /// Whether `--quick` replaced its defaults.
    pub quick: bool,
    /// Root seed.
    pub seed: u64,
    /// Replications of every cell.
    pub seeds: u32,
    /// The cost profile.
    pub profile: ProfileRef,
    /// Digests; the windows of events are in `data/windows.csv`.
    pub fingerprint: Fingerprint,
    /// What the thresholds say.
    pub verdicts: Vec<Verdict>,
    /// What was found.
    pub findings: Vec<Finding>,
    /// The table of the ending.
    pub table: Table,
    /// What the numbers mean.
    pub model_card: ModelCard,
    /// Sums of work counters.
    pub counters: BTreeMap<String, u64>,
    /// Parts of the report beside the results.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sections: Vec<Section>,
    /// The results.
    pub rows: Vec<Row>,
}

impl Summary {
    /// The summary of a result.
    pub fn of(result: &StudyResult, provenance: &Provenance) -> Self {
        Self {
            schema: SUMMARY_SCHEMA,
            provenance: provenance.clone(),
            study: result.study.clone(),
            title: result.title.clone(),
            question: result.question.clone(),
            quick: result.quick,
            seed: result.seed,
            seeds: result.seeds,
            profile: result.profile.clone(),
            fingerprint: Fingerprint {
                windows: Vec::new(),
                ..result.fingerprint.clone()
            },
            verdicts: result.verdicts.clone(),
            findings: result.findings.clone(),
            table: result.table.clone(),
            model_card: result.model_card.clone(),
            counters: result.counters.clone(),
            sections: result.sections.clone(),
            rows: result.rows.clone(),
        }
    }
}

/// `summary.json` of several studies: where each lies and what it says first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BookSummary {
    /// Version of this layout.
    pub schema: u32,
    /// Which program computed it.
    #[serde(flatten)]
    pub provenance: Provenance,
    /// The studies in order.
    pub studies: Vec<Chapter>,
}

/// One study of a book.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Chapter {
    /// Its name.
    pub study: String,
    /// Its folder beside this file.
    pub folder: String,
    /// Its title.
    pub title: String,
    /// Whether `--quick` replaced its defaults.
    pub quick: bool,
    /// Digests; the windows of events are in the study's own folder.
    pub fingerprint: Fingerprint,
    /// What the thresholds say.
    pub verdicts: Vec<Verdict>,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl BookSummary {
    /// The summary of several results, each with its folder.
    pub fn of(results: &[(String, &StudyResult)], provenance: &Provenance) -> Self {
        let chapter = |(folder, result): &(String, &StudyResult)| Chapter {
            study: result.study.clone(),
            folder: folder.clone(),
            title: result.title.clone(),
            quick: result.quick,
            fingerprint: Fingerprint {
                windows: Vec::new(),
                ..result.fingerprint.clone()
            },
            verdicts: result.verdicts.clone(),
            findings: result.findings.clone(),
        };
        Self {
            schema: SUMMARY_SCHEMA,
            provenance: provenance.clone(),
            studies: results.iter().map(chapter).collect(),
        }
    }
}

/// Results as JSON: `summary.json` of one study, or an array of them.
pub fn json(results: &[StudyResult]) -> String {
    let current = Provenance::current();
    let summaries: Vec<Summary> = results
        .iter()
        .map(|result| Summary::of(result, &current))
        .collect();
    match summaries.as_slice() {
        [one] => pretty(one),
        many => pretty(&many),
    }
}

/// All rows as CSV, one line a row, values in base units.
pub fn csv(results: &[StudyResult]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = [
        "study", "variant", "cell", "name", "value", "unit", "better", "class", "seeds", "lo", "hi",
    ];
    let mut written = writer.write_record(head);
    for row in results.iter().flat_map(|result| &result.rows) {
        let interval = |end: Option<i64>| end.map(|n| n.to_string()).unwrap_or_default();
        written = written.and(writer.write_record([
            row.study.as_str(),
            row.variant.as_str(),
            &cell_text(&row.cell),
            row.name.as_str(),
            &row.value.to_string(),
            row.unit.name(),
            better_name(row.better),
            class_name(row.class),
            &row.seeds.to_string(),
            &interval(row.lo),
            &interval(row.hi),
        ]));
    }
    written.expect("records have as many fields as the head, and memory takes every byte");
    let bytes = writer.into_inner().expect("memory takes every byte");
    String::from_utf8(bytes).expect("every field is UTF-8")
}

/// Findings, verdicts and rows as Markdown.
pub fn markdown(results: &[StudyResult]) -> String {
    let mut text = String::new();
    let current = Provenance::current();
    for result in results {
        let stamp = if result.quick { " (QUICK)" } else { "" };
        let _ = writeln!(text, "## {}{stamp}\n", markdown_text(&result.title));
        for verdict in &result.verdicts {
            let _ = writeln!(text, "- **{}** {}", outcome(verdict.verdict), {
                markdown_text(&verdict_text(result, verdict))
            });
        }
        for finding in &result.findings {
            let warning = if finding.warning { "**Beware:** " } else { "" };
            let _ = writeln!(text, "- {warning}{}", markdown_text(&finding.text));
        }
        let _ = writeln!(
            text,
            "\n| cell | metric | value | 95 % interval |\n|---|---|--:|--:|"
        );
        for row in &result.rows {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} |",
                markdown_text(&row_place(row)),
                row.name,
                format_value(row.unit, row.value),
                interval_text(row)
            );
        }
        let _ = writeln!(text, "\n{}\n", markdown_text(&caption(result, &current)));
    }
    text
}

/// Text in which Markdown and HTML see nothing of their own, on one line.
pub fn markdown_text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' => {
                safe.push('\\');
                safe.push(c);
            }
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '\n' | '\r' => safe.push(' '),
            _ => safe.push(c),
        }
    }
    safe
}

/// A cell as text: `phase=during table=redis-7.0`.
pub fn cell_text(cell: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = cell
        .iter()
        .map(|(axis, value)| format!("{axis}={value}"))
        .collect();
    pairs.join(" ")
}

/// Variant and cell of a row.
pub fn row_place(row: &Row) -> String {
    match (row.variant.is_empty(), row.cell.is_empty()) {
        (true, _) => cell_text(&row.cell),
        (false, true) => row.variant.clone(),
        (false, false) => format!("{} · {}", row.variant, cell_text(&row.cell)),
    }
}

/// The 95 % interval of a row, or nothing.
pub fn interval_text(row: &Row) -> String {
    match (row.lo, row.hi) {
        (Some(lo), Some(hi)) => format!(
            "{} to {}",
            format_value(row.unit, lo),
            format_value(row.unit, hi)
        ),
        _ => String::new(),
    }
}

/// A verdict as a sentence: what was asked for, where, and the worst that was seen.
pub fn verdict_text(result: &StudyResult, verdict: &Verdict) -> String {
    let place = match verdict.filter.is_empty() {
        true => String::new(),
        false => format!(" where {}", cell_text(&verdict.filter)),
    };
    let unit = result.rows.get(verdict.row).map(|row| row.unit);
    let unit = unit
        .or_else(|| metric::find(&verdict.metric).map(|m| m.unit))
        .unwrap_or(Unit::Ops);
    format!(
        "{}{place}: worst {} ({})",
        verdict.metric,
        format_value(unit, verdict.worst),
        verdict.limit
    )
}

/// An outcome in capitals.
pub const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "PASS",
        Outcome::Fail => "FAIL",
    }
}

/// Configuration, seeds and fingerprint: below every chart.
pub fn caption(result: &StudyResult, provenance: &Provenance) -> String {
    let replications = match result.seeds {
        1 => "1 replication".to_owned(),
        n => format!("{n} replications"),
    };
    let quick = if result.quick { " · QUICK" } else { "" };
    format!(
        "kvrig {} · {}{quick} · profile {} · seed {}, {replications} · results {}",
        provenance.kvrig,
        result.study,
        result.profile.name,
        result.seed,
        result.fingerprint.results,
    )
}

/// A direction as it is written.
pub const fn better_name(better: Better) -> &'static str {
    match better {
        Better::Lower => "lower",
        Better::Higher => "higher",
        Better::None => "none",
    }
}

/// A class as it is written.
pub const fn class_name(class: Class) -> &'static str {
    match class {
        Class::Simulated => "simulated",
        Class::Measured => "measured",
        Class::Cited => "cited",
        Class::Assumed => "assumed",
    }
}

/// JSON that people can read and `diff` can compare, with a line feed at the end.
pub(crate) fn pretty<T: Serialize>(value: &T) -> String {
    let mut text =
        serde_json::to_string_pretty(value).expect("results are plain data with text for keys");
    text.push('\n');
    text
}
