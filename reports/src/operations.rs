//! What clients asked and got, as `memtier_benchmark` prints its statistics.
//!
//! Source of heads, units and order: `memtier_benchmark:run_stats.cpp`. Its line `Waits` is `Others`
//! here: requests that neither set nor get a value.

use kvrig_base::result::{OPERATIONS, StudyResult, Values};

/// Columns of numbers: series column, head, width.
const NUMBERS: [(&str, &str, usize); 8] = [
    ("operations", "Ops/sec", 12),
    ("hits", "Hits/sec", 12),
    ("misses", "Misses/sec", 12),
    ("response_mean", "Avg. Latency", 15),
    ("response_p50", "p50 Latency", 15),
    ("response_p99", "p99 Latency", 15),
    ("response_p999", "p99.9 Latency", 15),
    ("bytes", "KB/sec", 12),
];
/// Characters of the column of names.
const NAME_WIDTH: usize = 8;
/// What stands where a number has no meaning.
const NONE: &str = "---";

/// The tables of operations of all studies, one for each node under load: rates a second, latencies
/// in milliseconds from the intended start, KB of 1,024 bytes of requests and replies. Empty where
/// no study lists operations.
pub fn operations(results: &[StudyResult]) -> String {
    let mut text = String::new();
    for result in results {
        let lines = lines_of(result);
        for (index, line) in lines.iter().enumerate() {
            if index == 0 || lines[index - 1].subject != line.subject {
                begin(&mut text, &format!("{}: {}", result.study, line.subject));
            }
            push_line(&mut text, &line.name, &line.cells());
        }
        if !lines.is_empty() {
            text.push('\n');
        }
    }
    text
}

/// One line of a table: requests of one kind, or all of one node.
struct Line {
    subject: String,
    name: String,
    /// In the order of [`NUMBERS`].
    values: [i64; NUMBERS.len()],
}

impl Line {
    fn cells(&self) -> [String; NUMBERS.len()] {
        let [operations, hits, misses, latencies @ .., bytes] = self.values;
        let reads = ["Gets", "Totals"].contains(&self.name.as_str());
        let of_reads = |rate| if reads { rate_text(rate) } else { NONE.into() };
        let latency = |index: usize| match operations {
            0 => NONE.into(),
            _ => millis_text(latencies[index]),
        };
        [
            rate_text(operations),
            of_reads(hits),
            of_reads(misses),
            latency(0),
            latency(1),
            latency(2),
            latency(3),
            rate_text(bytes / 1_024),
        ]
    }
}

/// The lines of a study's series, in its order; none where it has no such series or lacks a column.
fn lines_of(result: &StudyResult) -> Vec<Line> {
    let of_operations = |series: &&kvrig_base::result::Series| series.name == OPERATIONS;
    let Some(series) = result.series.iter().find(of_operations) else {
        return Vec::new();
    };
    let mut texts: Vec<&[String]> = Vec::new();
    let mut numbers: [&[i64]; NUMBERS.len()] = [&[]; NUMBERS.len()];
    for column in &series.columns {
        let place = NUMBERS.iter().position(|(name, ..)| *name == column.name);
        match (&column.values, place) {
            (Values::Text(values), _) => texts.push(values),
            (Values::Int(values), Some(place)) => numbers[place] = values,
            (Values::Int(_), None) => {}
        }
    }
    let Some((names, subjects)) = texts.split_last() else {
        return Vec::new();
    };
    let line = |(row, name): (usize, &String)| {
        let subject: Option<Vec<&str>> = subjects
            .iter()
            .map(|values| values.get(row).map(String::as_str))
            .collect();
        let mut values = [0; NUMBERS.len()];
        for (value, column) in values.iter_mut().zip(numbers) {
            *value = *column.get(row)?;
        }
        Some(Line {
            subject: subject?.join(", "),
            name: name.clone(),
            values,
        })
    };
    names.iter().enumerate().filter_map(line).collect()
}

fn begin(text: &mut String, title: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    let width = NAME_WIDTH + NUMBERS.iter().map(|&(.., width)| width + 1).sum::<usize>();
    text.push_str(&format!("{title}\n{}\n", "=".repeat(width)));
    push_line(text, "Type", &NUMBERS.map(|(_, head, _)| head.to_owned()));
    text.push_str(&format!("{}\n", "-".repeat(width)));
}

fn push_line(text: &mut String, name: &str, cells: &[String; NUMBERS.len()]) {
    text.push_str(&format!("{name:NAME_WIDTH$}"));
    for (cell, (_, _, width)) in cells.iter().zip(NUMBERS) {
        text.push_str(&format!(" {cell:>width$}"));
    }
    text.push('\n');
}

/// Thousandths a second, to two decimals.
fn rate_text(milli: i64) -> String {
    format!("{}.{:02}", milli / 1_000, milli % 1_000 / 10)
}

/// Nanoseconds in milliseconds, to five decimals.
fn millis_text(nanos: i64) -> String {
    format!("{}.{:05}", nanos / 1_000_000, nanos % 1_000_000 / 10)
}
