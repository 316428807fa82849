//! A comparison in the forms that people and continuous integration read.

use super::baseline::Baseline;
use super::{ChangedCounter, ChangedRow, Comparison, Judgement, Outcome, Parting, place};
use crate::number;
use crate::rows::markdown_text;
use kvrig_base::metric::{Better, Unit};
use kvrig_base::quantity::{format_value, grouped};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Largest Markdown: a step summary on GitHub above 1 MiB is dropped whole ("Workflow commands for
/// GitHub Actions", section on job summaries).
const MARKDOWN_BYTES_MAX: usize = 900_000;
/// Annotations of one kind that GitHub shows of one step.
const ANNOTATIONS_MAX: usize = 10;
/// Changed rows that the text form lists.
const TEXT_ROWS_MAX: usize = 20;
/// Counters, partings and names that the text form lists of each kind.
const TEXT_OTHERS_MAX: usize = 10;

/// For the terminal: the verdict first, then what changed, the failures before the rest.
pub fn text(comparison: &Comparison, width: usize) -> String {
    let mut text = headline(comparison) + "\n";
    for note in &comparison.notes {
        let _ = writeln!(text, "note: {note}");
    }
    if !comparison.changed.is_empty() {
        let head = ["", "metric", "cell", "baseline", "now", "difference"].map(str::to_owned);
        let rows: Vec<Vec<String>> = comparison
            .changed
            .iter()
            .take(TEXT_ROWS_MAX)
            .map(|row| {
                vec![
                    word(row.judgement).to_owned(),
                    row.name.clone(),
                    format!("{} {}", row.study, row.place).trim_end().to_owned(),
                    format_value(row.unit, row.old),
                    format_value(row.unit, row.new),
                    number::delta(row.unit, row.new, row.old),
                ]
            })
            .collect();
        text.push('\n');
        for line in crate::text::table(&head, &rows, width) {
            let _ = writeln!(text, "{line}");
        }
        more(
            &mut text,
            comparison.changed.len(),
            TEXT_ROWS_MAX,
            "changed rows",
        );
    }
    section(
        &mut text,
        "work counters",
        comparison.counters.iter().map(counter_text),
    );
    section(
        &mut text,
        "events part",
        comparison.partings.iter().map(parting_text),
    );
    section(
        &mut text,
        "rows only in the baseline",
        comparison.removed.iter().cloned(),
    );
    section(
        &mut text,
        "rows not in the baseline",
        comparison.added.iter().cloned(),
    );
    text
}

/// For programs: everything, integers in base units.
pub fn json(comparison: &Comparison) -> String {
    #[derive(serde::Serialize)]
    struct Envelope<'a> {
        schema: u32,
        #[serde(flatten)]
        comparison: &'a Comparison,
    }
    crate::rows::pretty(&Envelope {
        schema: super::baseline::BASELINE_SCHEMA,
        comparison,
    })
}

/// For a step summary or a pull request: failures open, the rest folded, at most 900 kB.
pub fn markdown(comparison: &Comparison) -> String {
    let mut text = format!("### {}\n\n", markdown_text(&headline(comparison)));
    for note in &comparison.notes {
        let _ = writeln!(text, "- {}", markdown_text(note));
    }
    let (failed, others): (Vec<_>, Vec<_>) = comparison
        .changed
        .iter()
        .partition(|row| row.judgement == Judgement::Fail);
    if !failed.is_empty() {
        text.push('\n');
        text.push_str(&markdown_table(&failed));
    }
    let counters: Vec<String> = comparison.counters.iter().map(counter_text).collect();
    let partings: Vec<String> = comparison.partings.iter().map(parting_text).collect();
    for (head, table, lines) in [
        ("other changed rows", markdown_table(&others), &Vec::new()),
        ("work counters", String::new(), &counters),
        ("where events part", String::new(), &partings),
        (
            "rows only in the baseline",
            String::new(),
            &comparison.removed,
        ),
        ("rows not in the baseline", String::new(), &comparison.added),
    ] {
        let count = if table.is_empty() {
            lines.len()
        } else {
            others.len()
        };
        if count == 0 {
            continue;
        }
        let _ = writeln!(text, "\n<details><summary>{count} {head}</summary>\n");
        text.push_str(&table);
        for line in lines {
            let _ = writeln!(text, "- {}", markdown_text(line));
        }
        text.push_str("\n</details>\n");
    }
    cut(text, MARKDOWN_BYTES_MAX)
}

/// JUnit XML: one test case a row, failed where a gate minds or the row is missing, and one for the
/// work of each study.
pub fn junit(comparison: &Comparison, new: &Baseline) -> String {
    let mut suites: BTreeMap<&str, TestSuite> = BTreeMap::new();
    let mut add = |study: &str, case: TestCase| {
        if let Some(name) = new.studies.keys().find(|name| *name == study) {
            suites
                .entry(name)
                .or_insert_with(|| TestSuite::new(name.as_str()))
                .add_test_case(case);
        }
    };
    let changed: BTreeMap<(&str, &str, &str), &ChangedRow> = comparison
        .changed
        .iter()
        .map(|row| {
            (
                (row.study.as_str(), row.place.as_str(), row.name.as_str()),
                row,
            )
        })
        .collect();
    for ((study, variant, cell, name), value) in &new.rows {
        let place = place(variant, cell);
        let failed = changed
            .get(&(study.as_str(), place.as_str(), name.as_str()))
            .filter(|row| row.judgement == Judgement::Fail);
        let status = match failed {
            Some(row) => failure(&row_text(row)),
            None => TestCaseStatus::success(),
        };
        let mut case = TestCase::new(format!("{name} {place}").trim_end(), status);
        case.set_classname(study.as_str());
        case.add_property(("value", value.value.to_string().as_str()));
        case.add_property(("unit", value.unit.name()));
        add(study, case);
    }
    for counter in &comparison.counters {
        let rows_changed = comparison
            .changed
            .iter()
            .any(|row| row.study == counter.study);
        let status = if rows_changed {
            TestCaseStatus::success()
        } else {
            failure(&counter_text(counter))
        };
        let mut case = TestCase::new(format!("work {}", counter.counter), status);
        case.set_classname(counter.study.as_str());
        add(&counter.study, case);
    }
    let mut report = Report::new("kvrig compare");
    report.add_test_suites(suites.into_values());
    if !comparison.removed.is_empty() {
        let mut missing = TestSuite::new("missing rows");
        for row in &comparison.removed {
            missing.add_test_case(TestCase::new(row.as_str(), failure("only in the baseline")));
        }
        report.add_test_suite(missing);
    }
    report.to_string().expect("writing to memory does not fail") + "\n"
}

/// Bencher Metric Format: every row of the new result as a benchmark with one measure
/// (<https://bencher.dev/bmf.json>; names have at most 1,024 characters).
pub fn bmf(new: &Baseline) -> String {
    const NAME_MAX: usize = 1_024;
    let mut benchmarks: BTreeMap<String, BTreeMap<String, serde_json::Value>> = BTreeMap::new();
    for ((study, variant, cell, name), value) in &new.rows {
        let benchmark = format!("{study} {}", place(variant, cell));
        let benchmark: String = benchmark.trim_end().chars().take(NAME_MAX).collect();
        // Measures are slugs: lower case letters, digits and hyphens.
        let measure = name.replace('_', "-");
        let metric = serde_json::json!({ "value": value.value });
        benchmarks
            .entry(benchmark)
            .or_default()
            .insert(measure, metric);
    }
    crate::rows::pretty(&benchmarks)
}

/// Workflow commands of GitHub Actions: one annotation for each failure, at most ten, and a notice
/// with the verdict.
pub fn github(comparison: &Comparison) -> String {
    let mut errors: Vec<(String, String)> = Vec::new();
    for row in comparison
        .changed
        .iter()
        .filter(|row| row.judgement == Judgement::Fail)
    {
        errors.push((format!("{} {}", row.study, row.name), row_text(row)));
    }
    for row in &comparison.removed {
        errors.push(("missing row".to_owned(), row.clone()));
    }
    if comparison.outcome == Outcome::Worse {
        for counter in &comparison.counters {
            errors.push((format!("{} work", counter.study), counter_text(counter)));
        }
    }
    let mut text = String::new();
    for (title, message) in errors.iter().take(ANNOTATIONS_MAX) {
        let _ = writeln!(
            text,
            "::error title={}::{}",
            workflow_property(title),
            workflow_text(message)
        );
    }
    let _ = writeln!(
        text,
        "::notice title=kvrig compare::{}",
        workflow_text(&headline(comparison))
    );
    text
}

/// The verdict in one line.
pub fn headline(comparison: &Comparison) -> String {
    let failed = comparison
        .changed
        .iter()
        .filter(|r| r.judgement == Judgement::Fail)
        .count();
    let changed = comparison.changed.len();
    let same = comparison.same;
    match comparison.outcome {
        Outcome::Same => format!("identical: {same} rows, all work counters, all events"),
        Outcome::Passed => format!(
            "passed: {changed} rows changed within their gates, {same} are the same; {} work \
             counters changed",
            comparison.counters.len()
        ),
        Outcome::Worse => format!(
            "worse: {failed} of {changed} changed rows beyond their gates, {} rows missing, {} work \
             counters changed, {same} rows are the same",
            comparison.removed.len(),
            comparison.counters.len()
        ),
    }
}

const fn word(judgement: Judgement) -> &'static str {
    match judgement {
        Judgement::Fail => "FAIL",
        Judgement::Within => "within gate",
        Judgement::Better => "better",
        Judgement::Changed => "changed",
    }
}

fn row_text(row: &ChangedRow) -> String {
    format!(
        "{} {}: {} against {} in the baseline, {}",
        row.name,
        row.place,
        format_value(row.unit, row.new),
        format_value(row.unit, row.old),
        number::delta(row.unit, row.new, row.old)
    )
}

fn counter_text(counter: &ChangedCounter) -> String {
    let shown = |sum: Option<u64>| match sum {
        Some(sum) => i64::try_from(sum).map_or_else(|_| sum.to_string(), grouped),
        None => "none".to_owned(),
    };
    let share = match (counter.old, counter.new) {
        (Some(old), Some(new)) => {
            let old = i64::try_from(old).unwrap_or(i64::MAX);
            let new = i64::try_from(new).unwrap_or(i64::MAX);
            format!(", {}", number::delta(Unit::Ops, new, old))
        }
        _ => String::new(),
    };
    format!(
        "{} {}: {} against {}{share}",
        counter.study,
        counter.counter,
        shown(counter.new),
        shown(counter.old)
    )
}

fn parting_text(parting: &Parting) -> String {
    let time = |ns: u64| format_value(Unit::Nanos, i64::try_from(ns).unwrap_or(i64::MAX));
    let point = &parting.point;
    match parting.before_ns {
        Some(before) => format!(
            "{} {point}: between {} and {} of virtual time",
            parting.study,
            time(parting.after_ns),
            time(before)
        ),
        None => format!(
            "{} {point}: the same up to {}, then one run goes on longer",
            parting.study,
            time(parting.after_ns)
        ),
    }
}

fn section(text: &mut String, head: &str, lines: impl ExactSizeIterator<Item = String>) {
    let total = lines.len();
    if total == 0 {
        return;
    }
    let _ = writeln!(text, "\n{head}:");
    for line in lines.take(TEXT_OTHERS_MAX) {
        let _ = writeln!(text, "  {line}");
    }
    more(text, total, TEXT_OTHERS_MAX, "in `--format json`");
}

fn more(text: &mut String, total: usize, shown: usize, what: &str) {
    if total > shown {
        let _ = writeln!(text, "  and {} more {what}", total - shown);
    }
}

fn markdown_table(rows: &[&ChangedRow]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "| | metric | cell | baseline | now | difference |\n|---|---|---|--:|--:|--:|\n",
    );
    for row in rows {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} |",
            word(row.judgement),
            markdown_text(&row.name),
            markdown_text(format!("{} {}", row.study, row.place).trim_end()),
            format_value(row.unit, row.old),
            format_value(row.unit, row.new),
            number::delta(row.unit, row.new, row.old)
        );
    }
    text
}

/// Cuts after the last whole line that fits, and says so.
fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text;
    }
    let closing = "\n</details>\n\nCut off here; `--format json` has everything.\n";
    let mut end = bytes_max - closing.len();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let end = text[..end].rfind('\n').map_or(0, |line_feed| line_feed + 1);
    let open = text[..end].matches("<details>").count() > text[..end].matches("</details>").count();
    text.truncate(end);
    text.push_str(if open {
        closing
    } else {
        closing.trim_start_matches("\n</details>\n")
    });
    text
}

fn failure(message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(message);
    status
}

/// Workflow commands end at a line feed; these three characters are written as escapes (GitHub
/// toolkit, `core/src/command.ts`).
fn workflow_text(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn workflow_property(text: &str) -> String {
    workflow_text(text).replace(':', "%3A").replace(',', "%2C")
}

/// Rows of one direction for the tool `github-action-benchmark`, whose files hold either metrics of
/// which less is better (`customSmallerIsBetter`) or of which more is.
pub fn benchmark_action(new: &Baseline, direction: Better) -> String {
    let entries: Vec<serde_json::Value> = new
        .rows
        .iter()
        .filter(|(_, value)| value.better == direction)
        .map(|((study, variant, cell, name), value)| {
            let label = format!("{study} {name} {}", place(variant, cell));
            serde_json::json!({
                "name": label.trim_end(),
                "unit": value.unit.name(),
                "value": value.value,
            })
        })
        .collect();
    crate::rows::pretty(&entries)
}
