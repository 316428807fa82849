//! Requests of a trace file one after another, whatever its format: what a reader and a conversion
//! share. Memory is that of one record.

use super::TraceFormat;
use super::binary::{BigEndianSource, OracleSource};
use super::delimited::CsvSource;
use super::monitor::MonitorSource;
use crate::mix::OpKind;
use kvrig_base::diagnostic::Diagnostic;
use kvrig_base::time::Span;
use std::collections::BTreeMap;
use std::io::Read;

/// One request as a file has it; the storage is reused for the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawRequest {
    /// The key as text; numbers are written in decimal.
    pub key: Vec<u8>,
    /// When it was made, in units of [`TraceSource::time_unit`].
    pub time: Option<u64>,
    /// Length of the key in bytes.
    pub key_bytes: Option<u32>,
    /// Length of the value in bytes; zero is kept as it is.
    pub value_bytes: Option<u32>,
    /// The operation, and the name that the file has for it.
    pub kind: Option<(OpKind, String)>,
    /// Time to live in seconds; zero is none.
    pub ttl_seconds: Option<u32>,
    /// Who asked.
    pub client: Option<String>,
    /// How often it was made in a row.
    pub repeat: u64,
}

/// What each request of a file has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Times.
    pub times: bool,
    /// Operations.
    pub kinds: bool,
    /// Lengths of keys.
    pub key_bytes: bool,
    /// Lengths of values.
    pub value_bytes: bool,
    /// Times to live.
    pub ttls: bool,
    /// Clients.
    pub clients: bool,
}

/// A reader of requests.
pub struct TraceSource<'r>(Form<'r>);

enum Form<'r> {
    BigEndian(BigEndianSource<'r>),
    Oracle(OracleSource<'r>),
    Csv(CsvSource<'r>),
    Monitor(MonitorSource<'r>),
}

impl<'r> TraceSource<'r> {
    /// The requests of `reader`; `name` is what messages call it.
    ///
    /// # Errors
    /// If the beginning cannot be read, or columns that the format names are not there.
    pub fn new(
        name: &str,
        reader: impl Read + 'r,
        format: &TraceFormat,
    ) -> Result<Self, Diagnostic> {
        Ok(Self(match format {
            TraceFormat::BigEndianI32 => Form::BigEndian(BigEndianSource::new(name, reader)?),
            TraceFormat::OracleGeneral => Form::Oracle(OracleSource::new(name, reader)?),
            TraceFormat::Csv(layout) => Form::Csv(CsvSource::new(name, reader, layout)?),
            TraceFormat::Monitor => Form::Monitor(MonitorSource::new(name, reader)?),
        }))
    }
    /// Reads the next request into `request`; false at the end.
    ///
    /// # Errors
    /// With file and record number: a record that is cut off or cannot be read.
    pub fn next(&mut self, request: &mut RawRequest) -> Result<bool, Diagnostic> {
        match &mut self.0 {
            Form::BigEndian(source) => source.next(request),
            Form::Oracle(source) => source.next(request),
            Form::Csv(source) => source.next(request),
            Form::Monitor(source) => source.next(request),
        }
    }
    /// What its requests have.
    pub fn recorded(&self) -> Recorded {
        match &self.0 {
            Form::BigEndian(_) => Recorded::default(),
            Form::Oracle(_) => Recorded {
                times: true,
                value_bytes: true,
                ..Recorded::default()
            },
            Form::Csv(source) => source.recorded(),
            Form::Monitor(_) => Recorded {
                times: true,
                kinds: true,
                key_bytes: true,
                value_bytes: true,
                ttls: true,
                clients: true,
            },
        }
    }
    /// The unit of times.
    pub fn time_unit(&self) -> Span {
        match &self.0 {
            Form::BigEndian(_) | Form::Oracle(_) => Span::from_secs(1),
            Form::Csv(source) => source.time_unit(),
            Form::Monitor(_) => Span::from_micros(1),
        }
    }
    /// The error `what` about the last request.
    pub fn refuse(&self, what: impl std::fmt::Display) -> Diagnostic {
        match &self.0 {
            Form::BigEndian(source) => source.refuse(what),
            Form::Oracle(source) => source.refuse(what),
            Form::Csv(source) => source.refuse(what),
            Form::Monitor(source) => source.refuse(what),
        }
    }
    /// Records that are no requests for a key, by what they are, with their number.
    pub fn left_out(&self) -> BTreeMap<String, u64> {
        match &self.0 {
            Form::Monitor(source) => source.left_out().clone(),
            Form::BigEndian(_) | Form::Oracle(_) | Form::Csv(_) => BTreeMap::new(),
        }
    }
}
