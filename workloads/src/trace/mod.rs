//! Recorded traces: the requests that real clients made.
//!
//! A trace always says which keys were asked for; some also say when, for what, and how large.
//! What it does not say comes from the rest of the workload. Keys are kept as numbers in the order
//! of their first request, so that any key format and any number of copies can be replayed.

mod binary;
mod builder;
mod convert;
mod delimited;
mod embedded;
mod gzip;
mod info;
mod monitor;
mod replay;
mod source;
pub(crate) mod text;

pub use convert::{Converted, TargetFormat, convert};
pub use delimited::{Column, CsvLayout, Field};
pub use embedded::embedded;
pub use gzip::writer as gzip_writer;
pub use info::{QUANTILES_PER_MILLE, Rates, Sizes as SizeSummary, TraceInfo, ZipfFit};
pub use replay::Replay;
pub use source::{RawRequest, Recorded, TraceSource};

use crate::mix::OpKind;
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::limits::TRACE_REQUESTS_MAX;
use kvrig_base::time::{Span, Time};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// A recorded trace in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    name: String,
    /// The key of each request.
    requests: Vec<u32>,
    /// The number of distinct keys.
    keys: u32,
    times: Option<Vec<Time>>,
    kinds: Option<Vec<OpKind>>,
    value_bytes: Option<Vec<u32>>,
    ttl_seconds: Option<Vec<u32>>,
    /// By key, as its first request says.
    key_bytes: Option<Vec<u32>>,
    /// Records that are no requests for a key, by what they are.
    left_out: BTreeMap<String, u64>,
}

/// The form of a trace file; gzip is recognised by content under each of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceFormat {
    /// One big-endian 32-bit key per request, nothing else.
    BigEndianI32,
    /// libCacheSim's binary records of time, object, size and next request.
    OracleGeneral,
    /// Delimited text.
    Csv(CsvLayout),
    /// What `redis-cli MONITOR` prints.
    Monitor,
}

impl TraceFormat {
    const KNOWN: &str = "i32-be, oracle-general, csv, csv:COLUMNS (such as csv:key=2,time=1), \
                         twitter, cachebench, monitor";

    /// The format that `stated` names (`workload.trace_format`), or that the file's name tells.
    ///
    /// # Errors
    /// If neither tells.
    pub fn choose(file: &str, stated: Option<&str>) -> Result<Self, Diagnostic> {
        let unknown = |what: String| {
            Diagnostic::new(diagnostic::TRACE_FORMAT, what)
                .help(format!("the formats are {}", Self::KNOWN))
        };
        if let Some(stated) = stated {
            return match stated.split_once(':').unwrap_or((stated, "")) {
                ("i32-be", "") => Ok(Self::BigEndianI32),
                ("oracle-general", "") => Ok(Self::OracleGeneral),
                ("monitor", "") => Ok(Self::Monitor),
                ("csv", columns) => Ok(Self::Csv(CsvLayout::parse(columns)?)),
                ("twitter", "") => Ok(Self::Csv(CsvLayout::twitter())),
                ("cachebench", "") => Ok(Self::Csv(CsvLayout {
                    header: Some(true),
                    ..CsvLayout::default()
                })),
                _ => Err(unknown(format!("`{stated}` is not a format of traces"))),
            };
        }
        let plain = file.strip_suffix(".gz").unwrap_or(file);
        let name = Path::new(plain).file_name().and_then(|name| name.to_str());
        let name = name.unwrap_or(plain).to_ascii_lowercase();
        // libCacheSim's files are called `x.oracleGeneral`, `x.oracleGeneral.bin` and the like,
        // Twitter's `cluster52` or `cluster52.sort`.
        if name.split('.').any(|part| part == "oraclegeneral") {
            return Ok(Self::OracleGeneral);
        }
        let cluster = name
            .strip_suffix(".sort")
            .unwrap_or(&name)
            .strip_prefix("cluster");
        if cluster.is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit())) {
            return Ok(Self::Csv(CsvLayout::twitter()));
        }
        match Path::new(plain)
            .extension()
            .and_then(|extension| extension.to_str())
        {
            Some("trace" | "i32" | "bin") => Ok(Self::BigEndianI32),
            Some("csv") => Ok(Self::Csv(CsvLayout::default())),
            Some("monitor") => Ok(Self::Monitor),
            Some("tsv") => Ok(Self::Csv(CsvLayout {
                delimiter: b'\t',
                ..CsvLayout::default()
            })),
            _ => Err(unknown(format!(
                "the name of {file} does not tell its format"
            ))),
        }
    }
}

/// One request of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The key, numbered in the order of first requests.
    pub key: u32,
    /// The operation, if the trace has it.
    pub kind: Option<OpKind>,
    /// Length of the key in bytes, if the trace has it.
    pub key_bytes: Option<u32>,
    /// Length of the value in bytes, if the trace has it.
    pub value_bytes: Option<u32>,
    /// Time to live, if the trace has it and it is not zero.
    pub ttl: Option<Span>,
}

impl Trace {
    /// Reads a trace; `name` is what messages call it.
    ///
    /// # Errors
    /// With file and record number: a record that is cut off or cannot be read, compressed data
    /// that is corrupt, no records at all, or more than [`TRACE_REQUESTS_MAX`].
    pub fn read(name: &str, reader: impl Read, format: &TraceFormat) -> Result<Self, Diagnostic> {
        match format {
            TraceFormat::BigEndianI32 => binary::read(name, reader),
            _ => builder::read(name, TraceSource::new(name, reader, format)?),
        }
    }
    /// Reads the trace in the file `path`.
    ///
    /// # Errors
    /// As [`Trace::read`], or if the file cannot be opened.
    pub fn open(path: &Path, format: &TraceFormat) -> Result<Self, Diagnostic> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| {
            Diagnostic::new(
                diagnostic::UNREADABLE,
                format!("{name} cannot be read: {error}"),
            )
        })?;
        Self::read(&name, file, format)
    }
    fn of_keys(name: &str, requests: Vec<u32>, keys: u32) -> Self {
        Self {
            name: name.to_owned(),
            requests,
            keys,
            times: None,
            kinds: None,
            value_bytes: None,
            ttl_seconds: None,
            key_bytes: None,
            left_out: BTreeMap::new(),
        }
    }
    /// Records that are no requests for a key, by what they are, with their number: commands of a
    /// MONITOR log that name no key or work on values of other types.
    pub const fn left_out(&self) -> &BTreeMap<String, u64> {
        &self.left_out
    }
    /// What messages and captions call the trace.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// The number of requests; at least one.
    pub const fn len(&self) -> usize {
        self.requests.len()
    }
    /// Whether there are no requests; there always are.
    pub const fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }
    /// The number of distinct keys.
    pub const fn keys(&self) -> u32 {
        self.keys
    }
    /// Whether the trace says when requests were made.
    pub const fn has_times(&self) -> bool {
        self.times.is_some()
    }
    /// Whether the trace says what requests did.
    pub const fn has_kinds(&self) -> bool {
        self.kinds.is_some()
    }
    /// Whether some request is recorded as an operation of `kind`.
    pub fn asks_for(&self, kind: OpKind) -> bool {
        self.kinds
            .as_ref()
            .is_some_and(|kinds| kinds.contains(&kind))
    }
    /// The key of each request, in their order.
    pub fn keys_requested(&self) -> &[u32] {
        &self.requests
    }
    /// When request `index` was made, counted from the first one.
    pub fn time(&self, index: usize) -> Option<Time> {
        self.times.as_ref()?.get(index).copied()
    }
    /// Request `index`, if there are so many.
    #[inline]
    pub fn request(&self, index: usize) -> Option<Request> {
        let key = *self.requests.get(index)?;
        let value_bytes = self.value_bytes.as_ref().map(|sizes| sizes[index]);
        let ttl_seconds = self.ttl_seconds.as_ref().map(|ttls| ttls[index]);
        Some(Request {
            key,
            kind: self.kinds.as_ref().map(|kinds| kinds[index]),
            key_bytes: self.key_bytes.as_ref().map(|sizes| sizes[key as usize]),
            value_bytes,
            ttl: ttl_seconds.filter(|&ttl| ttl > 0).map(ttl_span),
        })
    }
    /// How often each key was asked for.
    pub fn key_counts(&self) -> Vec<u64> {
        let mut counts = vec![0; self.keys as usize];
        for &key in &self.requests {
            counts[key as usize] += 1;
        }
        counts
    }
}

/// A time to live; one longer than any span is the longest.
fn ttl_span(seconds: u32) -> Span {
    Span::from_secs(1)
        .checked_mul(u64::from(seconds))
        .unwrap_or(Span::MAX)
}

/// The error about a source that fails at `record`.
fn unreadable(name: &str, record: u64, error: &io::Error) -> Diagnostic {
    let (code, what) = match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            (diagnostic::TRACE_TRUNCATED, "the compressed data ends in")
        }
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            (diagnostic::TRACE_RECORD, "cannot read")
        }
        _ => (diagnostic::UNREADABLE, "cannot read"),
    };
    Diagnostic::new(code, format!("{name}: {what} record {record}: {error}"))
}

/// Refuses a trace longer than what is held in memory.
fn check_length(name: &str, requests: u64) -> Result<(), Diagnostic> {
    if requests <= TRACE_REQUESTS_MAX {
        return Ok(());
    }
    Err(Diagnostic::new(
        diagnostic::TOO_LARGE,
        format!("{name}: the trace has more than {TRACE_REQUESTS_MAX} requests"),
    )
    .help("cut it into parts"))
}

#[cfg(test)]
mod tests;
