//! CloudWatch's metrics of consumed capacity as CSV, made into an arrival curve.
//!
//! The CSV has a column of times and columns whose heads name ConsumedReadCapacityUnits and
//! ConsumedWriteCapacityUnits, each a Sum over the metric's period, as the console and the command
//! line write them. A time without consumption has no line: CloudWatch keeps no zeros.

use super::json::Text;
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::limits::RUN_SPAN_MAX;
use kvrig_base::quantity::{Rate, Share, exact};
use kvrig_base::time::Span;
use std::collections::BTreeMap;
use std::ops::Range;

const READS: &str = "ConsumedReadCapacityUnits";
const WRITES: &str = "ConsumedWriteCapacityUnits";
const MILLION: u128 = 1_000_000;
const MINUTE_SECS: u64 = 60;
const HOUR_SECS: u64 = 3_600;
const DAY_SECS: u64 = 24 * HOUR_SECS;

/// Sums of one metric by time: seconds since the epoch to millionths of units.
type Sums = BTreeMap<u64, u64>;

/// Consumed units of a table.
#[derive(Clone, Debug)]
pub(super) struct Metrics {
    files: Vec<String>,
    reads: Option<Sums>,
    writes: Option<Sums>,
}

/// A line of the CSV with the place of each field.
struct Line<'a> {
    text: Text<'a>,
    fields: Vec<(Range<usize>, &'a str)>,
    span: Range<usize>,
}

impl Line<'_> {
    fn refuse(&self, span: Range<usize>, message: String, label: &str) -> Diagnostic {
        self.text
            .refuse(diagnostic::IMPORT_METRIC, span, message, label)
    }
}

/// The lines that have fields. Quotes around a field are taken off.
fn lines(text: Text<'_>) -> impl Iterator<Item = Line<'_>> {
    let mut start = 0;
    let lines = text.text.split_inclusive('\n').map(move |line| {
        let from = start;
        start += line.len();
        (from, line)
    });
    lines.filter_map(move |(from, line)| {
        let line = line.trim_end_matches(['\n', '\r']);
        if line.trim().is_empty() {
            return None;
        }
        let mut at = from;
        let fields = line.split(',').map(|field| {
            let start = at;
            at += field.len() + 1;
            let bare = field.trim().trim_matches('"').trim();
            (start..start + field.len(), bare)
        });
        Some(Line {
            text,
            fields: fields.collect(),
            span: from..from + line.len(),
        })
    })
}

/// The columns that name a metric.
fn columns(line: &Line<'_>) -> Vec<(usize, bool)> {
    let named = line
        .fields
        .iter()
        .enumerate()
        .filter_map(
            |(column, (_, field))| match (field.contains(READS), field.contains(WRITES)) {
                (true, false) => Some((column, true)),
                (false, true) => Some((column, false)),
                _ => None,
            },
        );
    named.collect()
}

impl Metrics {
    /// Whether a line names a metric of consumed capacity.
    pub(super) fn are_in(text: Text<'_>) -> bool {
        lines(text).any(|line| !columns(&line).is_empty())
    }
    /// Reads metrics.
    ///
    /// # Errors
    /// Lines that have no time or number where one should be, a time twice, with their place.
    pub(super) fn read(text: Text<'_>) -> Result<Self, Diagnostic> {
        let mut heads: Option<Vec<(usize, bool)>> = None;
        let (mut reads, mut writes) = (Sums::new(), Sums::new());
        for line in lines(text) {
            let named = columns(&line);
            if !named.is_empty() {
                heads.get_or_insert(named);
                continue;
            }
            // Lines before the first time are heads of other kinds.
            let (place, first) = &line.fields[0];
            let time = seconds(first);
            let is_head = !first.starts_with(|first: char| first.is_ascii_digit());
            if reads.is_empty() && writes.is_empty() && is_head {
                continue;
            }
            let Some(time) = time else {
                let message = format!("`{first}` is no time");
                let line = line.refuse(place.clone(), message, "expected a time");
                return Err(line.help("write it like 2024-11-01T00:05:00Z or 2024/11/01 00:05:00"));
            };
            let Some(heads) = &heads else {
                let message = format!("no line before this one names {READS} or {WRITES}");
                return Err(line.refuse(line.span.clone(), message, "the first sum"));
            };
            for &(column, is_read) in heads {
                let Some((place, field)) = line.fields.get(column) else {
                    let message = format!("there is no column {}", column + 1);
                    return Err(line.refuse(line.span.clone(), message, "too short"));
                };
                if field.is_empty() {
                    continue;
                }
                let sum = millionths(field).ok_or_else(|| {
                    let message = format!("`{field}` is no sum of units");
                    line.refuse(place.clone(), message, "expected a number, 0 or more")
                })?;
                let sums = if is_read { &mut reads } else { &mut writes };
                if sums.insert(time, sum).is_some() {
                    let message = format!("{first} is there twice");
                    return Err(line.refuse(line.fields[0].0.clone(), message, "the second line"));
                }
            }
        }
        let metrics = Self {
            files: vec![text.name.to_owned()],
            reads: (!reads.is_empty()).then_some(reads),
            writes: (!writes.is_empty()).then_some(writes),
        };
        metrics.curve(text)?;
        Ok(metrics)
    }
    /// These metrics and those of another file.
    ///
    /// # Errors
    /// If both have the same metric, or do not fit together.
    pub(super) fn beside(self, other: Self, text: Text<'_>) -> Result<Self, Diagnostic> {
        let is_double = (self.reads.is_some() && other.reads.is_some())
            || (self.writes.is_some() && other.writes.is_some());
        if is_double {
            let first = self.files.join(" and ");
            let message = format!("{} has a metric that {first} has too", text.name);
            return Err(Diagnostic::new(diagnostic::CONTRADICTION, message)
                .help("give one file of reads and one of writes, or both in one"));
        }
        let mut files = self.files;
        files.extend(other.files);
        let metrics = Self {
            files,
            reads: self.reads.or(other.reads),
            writes: self.writes.or(other.writes),
        };
        metrics.curve(text)?;
        Ok(metrics)
    }
    /// Period in seconds, rates of requests, and the share of reads.
    fn curve(&self, text: Text<'_>) -> Result<Curve, Diagnostic> {
        let refuse = |message: String, help: &str| {
            Diagnostic::new(
                diagnostic::IMPORT_METRIC,
                format!("{}: {message}", text.name),
            )
            .help(help)
        };
        let all = || self.reads.iter().chain(&self.writes);
        let mut times: Vec<u64> = all().flat_map(|sums| sums.keys().copied()).collect();
        times.sort_unstable();
        times.dedup();
        let gaps = || times.windows(2).map(|pair| pair[1] - pair[0]);
        let Some(period) = gaps().min() else {
            return Err(refuse(
                "fewer than two times".to_owned(),
                "the period of the metric is the distance of its times",
            ));
        };
        if !period.is_multiple_of(MINUTE_SECS) || gaps().any(|gap| !gap.is_multiple_of(period)) {
            return Err(refuse(
                format!("times are not multiples of one period apart (the shortest is {period} s)"),
                "export Sums with one period of whole minutes",
            ));
        }
        let (first, last) = (times[0], times[times.len() - 1]);
        let length = last - first + period;
        if length > RUN_SPAN_MAX.as_picos() / Span::from_secs(1).as_picos() {
            return Err(refuse(
                format!("{} days of metrics", length / DAY_SECS),
                "export at most 30 days",
            ));
        }
        let sum = |sums: &Option<Sums>, time: u64| {
            sums.as_ref()
                .and_then(|sums| sums.get(&time))
                .copied()
                .unwrap_or(0)
        };
        // A read of the study takes half a unit and a write one.
        let requests = |time: u64| {
            let (reads, writes) = (sum(&self.reads, time), sum(&self.writes, time));
            (u128::from(reads) * 2, u128::from(writes))
        };
        let steps = (0..length / period).map(|step| requests(first + step * period));
        let (mut all_reads, mut all_requests) = (0_u128, 0_u128);
        let mut rates = Vec::new();
        for (reads, writes) in steps {
            all_reads += reads;
            all_requests += reads + writes;
            let rate = (reads + writes) / u128::from(period);
            rates.push(Rate(u64::try_from(rate).unwrap_or(u64::MAX)));
        }
        if all_requests == 0 {
            return Err(refuse(
                "nothing was ever consumed".to_owned(),
                "export the metrics of a table in use",
            ));
        }
        let reads_ppm = all_reads * MILLION / all_requests;
        Ok(Curve {
            period,
            length,
            rates,
            reads_ppm: u64::try_from(reads_ppm).unwrap_or(1_000_000),
        })
    }
    /// The workload that consumes what was consumed.
    pub(super) fn to_toml(&self) -> String {
        let name = self.files.join(" and ");
        let text = Text {
            name: &name,
            text: "",
        };
        let Ok(curve) = self.curve(text) else {
            return String::new();
        };
        let share = |ppm: u64| exact(&Share(ppm * 1_000));
        let hours = (curve.length / HOUR_SECS).max(1);
        let rates: Vec<String> = curve
            .rates
            .iter()
            .map(|rate| format!("\"{}\"", exact(rate)))
            .collect();
        let lines: Vec<String> = rates
            .chunks(12)
            .map(|rates| format!("  {},", rates.join(", ")))
            .collect();
        format!(
            "strong_reads = \"0%\"\nreads = \"item\"\n\n[run]\nduration = \"{hours}h\"\n\n[workload]\n\
             # {name}: Sums by {period}. The metrics count units, not requests: each read here takes half\n\
             # a unit and each write one (an item of 1 KiB), which consumes the same. Reads and writes\n\
             # share one curve, so their proportion is that of the whole time.\n\
             mix = {{ get = \"{reads}\", set = \"{writes}\" }}\n\
             value_size.fixed = \"1KiB\"\n\n[workload.arrivals.table]\nperiod = \"{length}\"\nrates = [\n\
             {rates}\n]\n",
            period = exact(&Span::from_secs(curve.period)),
            length = exact(&Span::from_secs(curve.length)),
            reads = share(curve.reads_ppm),
            writes = share(1_000_000 - curve.reads_ppm),
            rates = lines.join("\n"),
        )
    }
}

/// An arrival curve.
struct Curve {
    period: u64,
    length: u64,
    rates: Vec<Rate>,
    reads_ppm: u64,
}

/// A number of units in millionths: `12`, `12.5`, `1.2E4`; nothing where it is none.
fn millionths(field: &str) -> Option<u64> {
    let number: f64 = field.parse().ok()?;
    let millionths = number * 1e6;
    // Beyond this a sum is no longer exact to a unit; no table consumes so much in a period.
    const MOST: f64 = 9e15;
    (0.0..=MOST)
        .contains(&millionths)
        .then(|| libm::round(millionths) as u64)
}

/// Seconds since the epoch of `2024-11-01T00:05:00Z`, `2024/11/01 00:05:00`, `2024-11-01 00:05`, in UTC.
fn seconds(field: &str) -> Option<u64> {
    let (date, time) = field.split_once(['T', ' '])?;
    let mut date = date.split(['-', '/']).map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    if date.next().is_some() || !(1970..=9999).contains(&year) || !(1..=12).contains(&month) {
        return None;
    }
    let is_leap = |year: u64| {
        (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400)
    };
    let days_of = |month: u64| match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !(1..=days_of(month)).contains(&day) {
        return None;
    }
    let years: u64 = (1970..year)
        .map(|year| if is_leap(year) { 366 } else { 365 })
        .sum();
    let days = years + (1..month).map(days_of).sum::<u64>() + day - 1;
    let time = time.trim_end_matches("+00:00").trim_end_matches('Z');
    let mut time = time.split(':').map(|part| {
        // Fractions of a second say nothing about a period of minutes.
        part.split('.')
            .next()
            .and_then(|part| part.parse::<u64>().ok())
    });
    let (hour, minute) = (time.next()??, time.next()??);
    let second = match time.next() {
        Some(second) => second?,
        None => 0,
    };
    let is_time = hour < 24 && minute < 60 && second < 60 && time.next().is_none();
    is_time.then_some(days * DAY_SECS + hour * HOUR_SECS + minute * MINUTE_SECS + second)
}
