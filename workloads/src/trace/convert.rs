//! From one trace format to another, record by record.

use super::source::{RawRequest, Recorded, TraceSource};
use super::{TraceFormat, check_length, text};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::digest::Digest;
use kvrig_base::time::Span;
use std::collections::BTreeMap;
use std::io::{Read, Write};

/// A format that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetFormat {
    /// CSV with a header that names the columns.
    Csv,
    /// The seven columns of Twitter's traces.
    Twitter,
    /// libCacheSim's binary records.
    OracleGeneral,
    /// Big-endian 32-bit keys alone.
    BigEndianI32,
}

impl TargetFormat {
    /// All of them, by their names.
    pub const NAMED: &[(&str, Self)] = &[
        ("csv", Self::Csv),
        ("twitter", Self::Twitter),
        ("oracle-general", Self::OracleGeneral),
        ("i32-be", Self::BigEndianI32),
    ];
}

/// What a conversion has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Converted {
    /// Requests written.
    pub requests: u64,
    /// What the new file does not say and the old one did, or says and the old one did not; one
    /// sentence each.
    pub remarks: Vec<String>,
}

/// No request asks for the object again (`libCacheSim`: next_access_vtime of -1).
const NEVER: i64 = -1;

/// Writes the requests that `open` gives in the format `to`.
///
/// The file is read once, and twice for oracleGeneral, whose records know of later ones; memory
/// then grows by 4 bytes a request and the keys, otherwise it is that of one record.
///
/// # Errors
/// As the reader of the format has them, if there are no requests, or one does not fit the new
/// format.
pub fn convert<R: Read>(
    name: &str,
    open: impl Fn() -> Result<R, Diagnostic>,
    from: &TraceFormat,
    to: TargetFormat,
    out: impl Write,
) -> Result<Converted, Diagnostic> {
    let next = match to {
        TargetFormat::OracleGeneral => next_requests(name, TraceSource::new(name, open()?, from)?)?,
        _ => Vec::new(),
    };
    let source = TraceSource::new(name, open()?, from)?;
    let recorded = source.recorded();
    let mut converter = Converter {
        name,
        unit: source.time_unit(),
        recorded,
        next,
        hashed: 0,
        rounded: 0,
        left_out: 0,
        requests: 0,
        source,
    };
    match to {
        TargetFormat::Csv => converter.csv(out)?,
        TargetFormat::Twitter => converter.twitter(out)?,
        TargetFormat::OracleGeneral => converter.oracle(out)?,
        TargetFormat::BigEndianI32 => converter.big_endian(out)?,
    }
    if converter.requests == 0 {
        return Err(text::empty(name));
    }
    converter.left_out = converter.source.left_out().values().sum();
    Ok(Converted {
        requests: converter.requests,
        remarks: converter.remarks(to),
    })
}

/// For each request the number of the next one with its key, or `u32::MAX`.
fn next_requests(name: &str, mut source: TraceSource<'_>) -> Result<Vec<u32>, Diagnostic> {
    let mut last: BTreeMap<Digest, u32> = BTreeMap::new();
    let mut next = Vec::new();
    let mut request = RawRequest::default();
    while source.next(&mut request)? {
        check_length(name, (next.len() as u64).saturating_add(request.repeat))?;
        for _ in 0..request.repeat {
            // The length is below 2^27.
            let number = next.len() as u32;
            if let Some(before) = last.insert(Digest::of(&request.key), number) {
                next[before as usize] = number;
            }
            next.push(u32::MAX);
        }
    }
    Ok(next)
}

/// A conversion on its way.
struct Converter<'a, 'r> {
    name: &'a str,
    source: TraceSource<'r>,
    recorded: Recorded,
    unit: Span,
    next: Vec<u32>,
    /// Requests whose key is no number of the new format.
    hashed: u64,
    /// Requests whose time is no whole second.
    rounded: u64,
    left_out: u64,
    requests: u64,
}

impl Converter<'_, '_> {
    /// Gives every request to `write`, as often as it was made.
    fn each(
        &mut self,
        mut write: impl FnMut(&mut Self, &RawRequest) -> Result<(), Diagnostic>,
    ) -> Result<(), Diagnostic> {
        let mut request = RawRequest::default();
        while self.source.next(&mut request)? {
            check_length(self.name, self.requests.saturating_add(request.repeat))?;
            for _ in 0..request.repeat {
                write(self, &request)?;
                self.requests += 1;
            }
        }
        Ok(())
    }
    /// The time of a request in whole seconds.
    fn seconds(&mut self, request: &RawRequest) -> Result<u64, Diagnostic> {
        let second = Span::from_secs(1).as_picos();
        let picos = u128::from(request.time.unwrap_or(0)) * u128::from(self.unit.as_picos());
        self.rounded += u64::from(picos % u128::from(second) != 0);
        u64::try_from(picos / u128::from(second))
            .map_err(|_| self.source.refuse("the time does not fit"))
    }
    fn csv(&mut self, out: impl Write) -> Result<(), Diagnostic> {
        let mut out = csv::Writer::from_writer(out);
        let has = self.recorded;
        let columns = [
            (has.times, "time"),
            (true, "key"),
            (has.key_bytes, "key_size"),
            (has.value_bytes, "value_size"),
            (has.clients, "client"),
            (has.kinds, "op"),
            (has.ttls, "ttl"),
        ];
        let present = columns.iter().filter(|(present, _)| *present);
        let header: Vec<&str> = present.map(|&(_, name)| name).collect();
        out.write_record(&header).map_err(unwritable)?;
        self.each(|_, request| {
            let number = |number: Option<u64>| number.unwrap_or(0).to_string().into_bytes();
            let fields = [
                number(request.time),
                request.key.clone(),
                number(request.key_bytes.map(u64::from)),
                number(request.value_bytes.map(u64::from)),
                request.client.clone().unwrap_or_default().into_bytes(),
                operation(request).into_bytes(),
                number(request.ttl_seconds.map(u64::from)),
            ];
            let present = columns
                .iter()
                .zip(fields)
                .filter(|((present, _), _)| *present);
            let record = present.map(|(_, field)| field);
            out.write_record(record).map_err(unwritable)
        })?;
        out.flush().map_err(unwritable)
    }
    fn twitter(&mut self, out: impl Write) -> Result<(), Diagnostic> {
        let mut out = csv::WriterBuilder::new()
            .has_headers(false)
            .from_writer(out);
        self.each(|converter, request| {
            let seconds = converter.seconds(request)?.to_string();
            let key_bytes = request
                .key_bytes
                .map_or(request.key.len() as u64, u64::from);
            let number = |number: Option<u32>| number.unwrap_or(0).to_string();
            let client = request.client.clone().unwrap_or_else(|| "0".to_owned());
            out.write_field(seconds).map_err(unwritable)?;
            out.write_field(&request.key).map_err(unwritable)?;
            out.write_field(key_bytes.to_string()).map_err(unwritable)?;
            out.write_field(number(request.value_bytes))
                .map_err(unwritable)?;
            out.write_field(client).map_err(unwritable)?;
            out.write_field(operation(request)).map_err(unwritable)?;
            out.write_field(number(request.ttl_seconds))
                .map_err(unwritable)?;
            out.write_record(None::<&[u8]>).map_err(unwritable)
        })?;
        out.flush().map_err(unwritable)
    }
    fn oracle(&mut self, mut out: impl Write) -> Result<(), Diagnostic> {
        self.each(|converter, request| {
            let seconds = u32::try_from(converter.seconds(request)?)
                .map_err(|_| converter.source.refuse("the time exceeds 2^32 - 1 seconds"))?;
            let number = number_of::<u64>(&request.key);
            converter.hashed += u64::from(number.is_none());
            let object = number.unwrap_or_else(|| Digest::of(&request.key).0 as u64);
            let next = match converter.next.get(converter.requests as usize) {
                Some(&next) if next < u32::MAX => i64::from(next),
                _ => NEVER,
            };
            // A trace without sizes is one of objects of size 1.
            let size = match converter.recorded.value_bytes {
                true => request.value_bytes.unwrap_or(0),
                false => 1,
            };
            let mut record = [0; super::binary::ORACLE_BYTES];
            record[..4].copy_from_slice(&seconds.to_le_bytes());
            record[4..12].copy_from_slice(&object.to_le_bytes());
            record[12..16].copy_from_slice(&size.to_le_bytes());
            record[16..].copy_from_slice(&next.to_le_bytes());
            out.write_all(&record).map_err(unwritable)
        })?;
        out.flush().map_err(unwritable)
    }
    fn big_endian(&mut self, mut out: impl Write) -> Result<(), Diagnostic> {
        self.each(|converter, request| {
            let Some(number) = number_of::<i32>(&request.key) else {
                let key = text::quoted(&request.key);
                let refused = converter
                    .source
                    .refuse(format_args!("the key {key} is no 32-bit number"));
                return Err(refused.help("choose another format: this one has no other keys"));
            };
            out.write_all(&number.to_be_bytes()).map_err(unwritable)
        })?;
        out.flush().map_err(unwritable)
    }
    /// What was lost and what was made up.
    fn remarks(&self, to: TargetFormat) -> Vec<String> {
        let has = self.recorded;
        let mut remarks = Vec::new();
        let mut say = |applies: bool, text: String| remarks.extend(applies.then_some(text));
        let lists = |parts: &[(bool, &str)]| {
            let named = parts.iter().filter(|(named, _)| *named);
            named.map(|&(_, name)| name).collect::<Vec<_>>().join(", ")
        };
        let second = self.unit == Span::from_secs(1);
        let (lost, made_up) = match to {
            TargetFormat::Csv => {
                let unit = match self.unit.as_picos() {
                    1_000 => "ns",
                    1_000_000 => "us",
                    1_000_000_000 => "ms",
                    _ => "s",
                };
                let text = format!("times are in {unit}: read it as `csv:time_unit={unit}`");
                say(has.times && !second, text);
                (String::new(), String::new())
            }
            TargetFormat::Twitter => (
                String::new(),
                lists(&[
                    (!has.times, "times (0)"),
                    (!has.value_bytes, "value sizes (0)"),
                    (!has.key_bytes, "key sizes (length of the key)"),
                    (!has.clients, "clients (0)"),
                    (!has.kinds, "operations (get)"),
                    (!has.ttls, "times to live (0)"),
                ]),
            ),
            TargetFormat::OracleGeneral => (
                lists(&[
                    (has.kinds, "operations"),
                    (has.key_bytes, "key sizes"),
                    (has.ttls, "times to live"),
                    (has.clients, "clients"),
                ]),
                lists(&[(!has.times, "times (0)"), (!has.value_bytes, "sizes (1)")]),
            ),
            TargetFormat::BigEndianI32 => (
                lists(&[
                    (has.times, "times"),
                    (has.kinds, "operations"),
                    (has.value_bytes, "value sizes"),
                    (has.key_bytes, "key sizes"),
                    (has.ttls, "times to live"),
                    (has.clients, "clients"),
                ]),
                String::new(),
            ),
        };
        say(
            !lost.is_empty(),
            format!("the format has no room for: {lost}"),
        );
        say(
            !made_up.is_empty(),
            format!("the source does not say, and so is made up: {made_up}"),
        );
        let hashed = self.hashed;
        say(
            hashed > 0,
            format!("keys of {hashed} requests are no numbers and became hashes of 64 bits"),
        );
        let rounded = self.rounded;
        say(
            rounded > 0,
            format!("times of {rounded} requests were cut to whole seconds"),
        );
        let left_out = self.left_out;
        say(
            left_out > 0,
            format!("{left_out} records that are no requests for keys were left out"),
        );
        remarks
    }
}

/// The operation by the name that the source has for it.
fn operation(request: &RawRequest) -> String {
    let name = request.kind.as_ref().map(|(_, name)| name.clone());
    name.unwrap_or_else(|| "get".to_owned())
}

/// A key as a number, if it is written as that number would be.
fn number_of<N: std::str::FromStr + ToString>(key: &[u8]) -> Option<N> {
    let text = std::str::from_utf8(key).ok()?;
    let number: N = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

fn unwritable(error: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::new(
        diagnostic::UNREADABLE,
        format!("the new trace cannot be written: {error}"),
    )
}
