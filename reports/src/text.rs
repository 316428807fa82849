//! The ending of a run in the terminal: at most twenty lines.
//!
//! Verdicts, findings, one table, the page to open, the line that reproduces it and the next command
//! to try, in this order; what does not fit is on the page.

use crate::rows;
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table};
use kvrig_base::result::{Outcome, StudyResult};

/// Most lines of an ending.
pub const LINES_MAX: usize = 20;
/// Verdicts that are shown, failed ones first.
const VERDICTS_MAX: usize = 4;
/// Findings that are shown, where the lines suffice.
const FINDINGS_MAX: usize = 5;
/// Findings that are shown before the table gets a line.
const FINDINGS_MIN: usize = 3;
/// Lines that a table needs to be worth showing: head, rule and two rows.
const TABLE_LINES_MIN: usize = 4;

/// What an ending says beside the results.
#[derive(Clone, Debug)]
pub struct Ending<'a> {
    /// The page to open.
    pub page: &'a str,
    /// The command that reproduces the run.
    pub reproduce: &'a str,
    /// The command to try next.
    pub next: &'a str,
    /// Columns of the terminal.
    pub width: usize,
}

/// The ending of a run of one study or several.
pub fn ending(results: &[StudyResult], ending: &Ending<'_>) -> String {
    let mut last = vec![
        format!("open       {}", one_line(ending.page)),
        format!("reproduce  {}", one_line(ending.reproduce)),
        format!("next       {}", one_line(ending.next)),
    ];
    let room = LINES_MAX - last.len();
    let mut lines = match results {
        [one] => one_study(one, room, ending.width),
        many => several_studies(many, room, ending.width),
    };
    lines.append(&mut last);
    lines
        .iter()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

fn one_study(result: &StudyResult, room: usize, width: usize) -> Vec<String> {
    let quick = if result.quick { "  QUICK" } else { "" };
    let mut lines = vec![shortened(
        &format!("{}: {}{quick}", result.study, result.question),
        width,
    )];
    lines.extend(verdict_lines(result, width));

    // Findings as far as a small table still fits below them; three in any case.
    let table_rows = result.table.rows.len();
    let table_least = if table_rows == 0 {
        0
    } else {
        (table_rows + 2).min(TABLE_LINES_MIN)
    };
    let mut findings = Vec::new();
    for (index, finding) in result.findings.iter().take(FINDINGS_MAX).enumerate() {
        let mark = if finding.warning { "! " } else { "- " };
        let wrapped = wrapped(&finding.text, width, mark, "  ");
        let used = lines.len() + findings.len() + wrapped.len();
        let keep = if index < FINDINGS_MIN { 0 } else { table_least };
        if used + keep > room {
            break;
        }
        findings.extend(wrapped);
    }
    lines.extend(findings);
    let left = room.saturating_sub(lines.len());
    lines.extend(table_lines(result, left, width));
    lines
}

fn several_studies(results: &[StudyResult], room: usize, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for result in results {
        let failed = result
            .verdicts
            .iter()
            .filter(|v| v.verdict == Outcome::Fail)
            .count();
        let verdict = match (failed, result.verdicts.len()) {
            (_, 0) => "no limits".to_owned(),
            (0, all) => format!("PASS {all} of {all}"),
            (failed, all) => format!("FAIL {failed} of {all}"),
        };
        let finding = result
            .findings
            .first()
            .map_or("", |finding| finding.text.as_str());
        let quick = if result.quick { " QUICK" } else { "" };
        lines.push(shortened(
            &format!("{}{quick}: {verdict}. {finding}", result.study),
            width,
        ));
    }
    if lines.len() > room {
        let hidden = lines.len() - (room - 1);
        lines.truncate(room - 1);
        lines.push(format!("and {hidden} more studies"));
    }
    lines
}

fn verdict_lines(result: &StudyResult, width: usize) -> Vec<String> {
    let mut verdicts: Vec<_> = result.verdicts.iter().collect();
    verdicts.sort_by_key(|verdict| verdict.verdict == Outcome::Pass);
    let shown = if verdicts.len() > VERDICTS_MAX {
        VERDICTS_MAX - 1
    } else {
        verdicts.len()
    };
    let mut lines: Vec<String> = verdicts[..shown]
        .iter()
        .map(|verdict| {
            let text = rows::verdict_text(result, verdict);
            shortened(
                &format!("{}  {text}", rows::outcome(verdict.verdict)),
                width,
            )
        })
        .collect();
    let hidden = &verdicts[shown..];
    if !hidden.is_empty() {
        let failed = hidden.iter().filter(|v| v.verdict == Outcome::Fail).count();
        lines.push(format!(
            "and {} more limits, {failed} of them failed",
            hidden.len()
        ));
    }
    lines
}

fn table_lines(result: &StudyResult, room: usize, width: usize) -> Vec<String> {
    let total = result.table.rows.len();
    if total == 0 || room < TABLE_LINES_MIN.min(total + 2) {
        return Vec::new();
    }
    let shown = if total + 2 <= room { total } else { room - 3 };
    let mut lines = table(&result.table.head, &result.table.rows[..shown], width);
    if shown < total {
        lines.push(format!("and {} more rows on the page", total - shown));
    }
    // Cells that were broken into several lines cost more than was reckoned with.
    if lines.len() > room {
        lines.truncate(room - 1);
        lines.push("the rest of the table is on the page".to_owned());
    }
    lines
}

/// A table without frames; columns that begin with a digit in their first row go to the right.
pub fn table(head: &[String], rows: &[Vec<String>], width: usize) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(
        comfy_table::presets::NOTHING.header_separator(LineStyle::none().fill('-').junction('-')),
    );
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    table.set_header(head.iter().map(|cell| one_line(cell)));
    for row in rows {
        table.add_row(row.iter().map(|cell| one_line(cell)));
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        let first = rows.first().and_then(|row| row.get(index));
        let numeric = first.is_some_and(|cell| is_number(cell));
        if numeric {
            column.set_cell_alignment(CellAlignment::Right);
        }
        column.set_padding((0, 2));
    }
    table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

/// Whether a cell of a table reads as a number, perhaps with a unit; `2^20` is a name.
pub(crate) fn is_number(cell: &str) -> bool {
    cell.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+') && !cell.contains('^')
}

/// `text` broken at spaces into lines of at most `width` characters.
fn wrapped(text: &str, width: usize, first: &str, rest: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for word in one_line(text).split(' ') {
        let needed = line.chars().count() + usize::from(!empty) + word.chars().count();
        if !empty && needed > width {
            lines.push(std::mem::replace(&mut line, rest.to_owned()));
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    lines.push(line);
    lines
}

/// `text` on one line, without characters that would steer a terminal.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words
        .join(" ")
        .chars()
        .filter(|c| !c.is_control())
        .collect()
}

/// As much of `text` as fits on one line.
fn shortened(text: &str, width: usize) -> String {
    let text = one_line(text);
    if text.chars().count() <= width {
        return text;
    }
    let kept: String = text.chars().take(width.saturating_sub(3)).collect();
    format!("{}...", kept.trim_end())
}
