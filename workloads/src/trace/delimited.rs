//! Traces in CSV form with a map of columns.

use super::source::{RawRequest, Recorded};
use super::text::{self, Header, Record, TextRecords, quoted};
use crate::mix::OpKind;
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::limits::KEY_BYTES_MAX;
use kvrig_base::time::Span;
use std::io::Read;

/// What a column of a trace holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// The key, any text.
    Key,
    /// When the request was made, in units of [`CsvLayout::time_unit`].
    Time,
    /// Length of the key in bytes.
    KeySize,
    /// Length of the value in bytes.
    ValueSize,
    /// The operation, by its name.
    Op,
    /// Time to live in seconds; zero for none.
    Ttl,
    /// How often the request is made in a row.
    Repeat,
    /// Who asked; only conversions keep it.
    Client,
}

impl Field {
    /// Each field with the names under which a header may have it; the first is the one in maps.
    ///
    /// They are those of CacheBench's replay traces (`op_time,key,key_size,op,op_count,size,ttl`)
    /// and common spellings.
    const NAMES: &[(Self, &[&str])] = &[
        (Self::Key, &["key", "id", "obj_id", "object"]),
        (Self::Time, &["time", "timestamp", "op_time", "ts"]),
        (Self::KeySize, &["key_size", "key_bytes"]),
        (
            Self::ValueSize,
            &["value_size", "size", "value_bytes", "obj_size"],
        ),
        (Self::Op, &["op", "operation", "command"]),
        (Self::Ttl, &["ttl"]),
        (Self::Repeat, &["op_count", "repeat"]),
        (Self::Client, &["client", "client_id"]),
    ];

    fn name(self) -> &'static str {
        self.names()[0]
    }
    fn names(self) -> &'static [&'static str] {
        Self::NAMES
            .iter()
            .find(|(field, _)| *field == self)
            .expect("every field has names")
            .1
    }
    fn parse(name: &str) -> Option<Self> {
        Self::NAMES
            .iter()
            .find(|(_, names)| names[0] == name)
            .map(|&(field, _)| field)
    }
}

/// Where a field is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// In the column with this name in the header.
    Named(String),
    /// In this column, counted from zero.
    At(usize),
}

/// The form of a text trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvLayout {
    /// What separates fields.
    pub delimiter: u8,
    /// Where the fields are; where this is empty, by the names of the header, and without a header
    /// as in the Twitter traces (seven columns) or with the key in the first column.
    pub columns: Vec<(Field, Column)>,
    /// Whether the first record is a header; where this is not said, it is one if a column of it
    /// is called as a key may be, or the map calls columns by name.
    pub header: Option<bool>,
    /// The unit of the time column.
    pub time_unit: Span,
}

impl Default for CsvLayout {
    fn default() -> Self {
        Self {
            delimiter: b',',
            columns: vec![],
            header: None,
            time_unit: Span::from_secs(1),
        }
    }
}

/// The columns of the Twitter traces: timestamp, key, key size, value size, client, operation, TTL
/// (`twitter/cache-trace:README.md`).
const TWITTER: [(Field, usize); 7] = [
    (Field::Time, 0),
    (Field::Key, 1),
    (Field::KeySize, 2),
    (Field::ValueSize, 3),
    (Field::Client, 4),
    (Field::Op, 5),
    (Field::Ttl, 6),
];
const TWITTER_WIDTH: usize = 7;

impl CsvLayout {
    /// The layout of the Twitter traces.
    pub fn twitter() -> Self {
        let columns = TWITTER.map(|(field, at)| (field, Column::At(at))).to_vec();
        Self {
            columns,
            header: Some(false),
            ..Self::default()
        }
    }
    /// Reads a column map: `key=2,time=1,op=operation,time_unit=ms,header=no,delimiter=tab`.
    ///
    /// Columns are numbers from 1 or names of the header. Fields are key, time, key_size,
    /// value_size, op, ttl, op_count and client; time units s, ms, us and ns; delimiters comma, semicolon,
    /// tab, space and pipe.
    ///
    /// # Errors
    /// If a part is none of these.
    pub fn parse(map: &str) -> Result<Self, Diagnostic> {
        let mut layout = Self::default();
        for part in map.split(',').filter(|part| !part.trim().is_empty()) {
            let refuse = || {
                let fields: Vec<&str> =
                    Field::NAMES.iter().map(|(field, _)| field.name()).collect();
                Diagnostic::new(
                    diagnostic::TRACE_FORMAT,
                    format!("`{}` is not part of a column map", part.trim()),
                )
                .help(format!(
                    "expected FIELD=COLUMN with one of {}; or time_unit=s|ms|us|ns, \
                     header=yes|no, delimiter=comma|semicolon|tab|space|pipe",
                    fields.join(", ")
                ))
            };
            let (name, value) = part.split_once('=').ok_or_else(refuse)?;
            match (name.trim(), value.trim()) {
                ("time_unit", "s") => layout.time_unit = Span::from_secs(1),
                ("time_unit", "ms") => layout.time_unit = Span::from_millis(1),
                ("time_unit", "us") => layout.time_unit = Span::from_micros(1),
                ("time_unit", "ns") => layout.time_unit = Span::from_nanos(1),
                ("header", "yes") => layout.header = Some(true),
                ("header", "no") => layout.header = Some(false),
                ("delimiter", "comma") => layout.delimiter = b',',
                ("delimiter", "semicolon") => layout.delimiter = b';',
                ("delimiter", "tab") => layout.delimiter = b'\t',
                ("delimiter", "space") => layout.delimiter = b' ',
                ("delimiter", "pipe") => layout.delimiter = b'|',
                (name, value) => {
                    let field = Field::parse(name).ok_or_else(refuse)?;
                    let column = match value.parse::<usize>() {
                        Ok(0) => return Err(refuse()),
                        Ok(number) => Column::At(number - 1),
                        Err(_) if value.is_empty() => return Err(refuse()),
                        Err(_) => Column::Named(value.to_owned()),
                    };
                    layout.columns.push((field, column));
                }
            }
        }
        Ok(layout)
    }
    /// The place of each field in a file.
    fn resolve(&self, records: &TextRecords<'_>) -> Result<Vec<(Field, usize)>, Diagnostic> {
        if !self.columns.is_empty() {
            let place = |(field, column): &(Field, Column)| match column {
                Column::At(at) => Ok((*field, *at)),
                Column::Named(name) => match records.column(&[name]) {
                    Some(at) => Ok((*field, at)),
                    None => Err(Diagnostic::new(
                        diagnostic::TRACE_FORMAT,
                        format!("the trace has no column `{name}`"),
                    )
                    .help(format!(
                        "its columns are {}",
                        records.column_names().join(", ")
                    ))),
                },
            };
            return self.columns.iter().map(place).collect();
        }
        if !records.column_names().is_empty() {
            let found = Field::NAMES.iter();
            return Ok(found
                .filter_map(|&(field, names)| Some((field, records.column(names)?)))
                .collect());
        }
        match records.width() {
            TWITTER_WIDTH => Ok(TWITTER.to_vec()),
            _ => Ok(vec![(Field::Key, 0)]),
        }
    }
}

/// Records of delimited text one by one.
pub(super) struct CsvSource<'r> {
    records: TextRecords<'r>,
    columns: Columns,
    time_unit: Span,
    /// Number and line of the last record.
    place: (u64, u64),
}

impl<'r> CsvSource<'r> {
    pub(super) fn new(
        name: &str,
        reader: impl Read + 'r,
        layout: &CsvLayout,
    ) -> Result<Self, Diagnostic> {
        let by_name = layout
            .columns
            .iter()
            .any(|(_, column)| matches!(column, Column::Named(_)));
        let key_names = [Field::Key.names()];
        let header = match layout.header {
            Some(true) => Header::Present,
            Some(false) => Header::Absent,
            None if by_name => Header::Present,
            None => Header::Auto(&key_names),
        };
        let records = TextRecords::new(name, reader, layout.delimiter, header)?;
        let columns = Columns::new(&layout.resolve(&records)?)?;
        Ok(Self {
            records,
            columns,
            time_unit: layout.time_unit,
            place: (0, 0),
        })
    }
    pub(super) fn recorded(&self) -> Recorded {
        let columns = &self.columns;
        Recorded {
            times: columns.time.is_some(),
            kinds: columns.op.is_some(),
            key_bytes: columns.key_size.is_some(),
            value_bytes: columns.value_size.is_some(),
            ttls: columns.ttl.is_some(),
            clients: columns.client.is_some(),
        }
    }
    pub(super) const fn time_unit(&self) -> Span {
        self.time_unit
    }
    pub(super) fn refuse(&self, what: impl std::fmt::Display) -> Diagnostic {
        text::refuse(self.records.name(), self.place, what)
    }
    pub(super) fn next(&mut self, request: &mut RawRequest) -> Result<bool, Diagnostic> {
        let columns = &self.columns;
        let Some(record) = self.records.next_record()? else {
            return Ok(false);
        };
        self.place = record.place();
        let number = |column: Option<usize>, field: Field| {
            column
                .map(|column| record.number(column, field.name()))
                .transpose()
        };
        let size = |column: Option<usize>, field: Field, max: u64| {
            column
                .map(|column| bounded(&record, column, field, max))
                .transpose()
        };
        request.repeat = number(columns.repeat, Field::Repeat)?.unwrap_or(1);
        request.key.clear();
        let key = record.field(columns.key, Field::Key.name())?;
        request.key.extend_from_slice(key);
        request.key_bytes = size(columns.key_size, Field::KeySize, KEY_BYTES_MAX)?;
        request.time = number(columns.time, Field::Time)?;
        request.kind = match columns.op {
            None => None,
            Some(column) => {
                let field = record.field(column, Field::Op.name())?;
                let name = std::str::from_utf8(field).ok();
                let kind = name.and_then(|name| Some((OpKind::parse(name)?, name.to_owned())));
                Some(kind.ok_or_else(|| {
                    record.refuse(format_args!("{} is not a known operation", quoted(field)))
                })?)
            }
        };
        let whole = u64::from(u32::MAX);
        request.value_bytes = size(columns.value_size, Field::ValueSize, whole)?;
        request.ttl_seconds = size(columns.ttl, Field::Ttl, whole)?;
        request.client = match columns.client {
            None => None,
            Some(column) => {
                let field = record.field(column, Field::Client.name())?;
                Some(String::from_utf8_lossy(field).into_owned())
            }
        };
        Ok(true)
    }
}

/// The place of each field, if the trace has it.
struct Columns {
    key: usize,
    time: Option<usize>,
    key_size: Option<usize>,
    value_size: Option<usize>,
    op: Option<usize>,
    ttl: Option<usize>,
    repeat: Option<usize>,
    client: Option<usize>,
}

impl Columns {
    fn new(places: &[(Field, usize)]) -> Result<Self, Diagnostic> {
        let place = |wanted| {
            places
                .iter()
                .find(|(field, _)| *field == wanted)
                .map(|&(_, at)| at)
        };
        let key = place(Field::Key).ok_or_else(|| {
            Diagnostic::new(
                diagnostic::TRACE_FORMAT,
                "no column of the trace is known to hold keys",
            )
            .help("name it in the column map, for example `csv:key=2`")
        })?;
        Ok(Self {
            key,
            time: place(Field::Time),
            key_size: place(Field::KeySize),
            value_size: place(Field::ValueSize),
            op: place(Field::Op),
            ttl: place(Field::Ttl),
            repeat: place(Field::Repeat),
            client: place(Field::Client),
        })
    }
}

fn bounded(record: &Record<'_>, column: usize, field: Field, max: u64) -> Result<u32, Diagnostic> {
    let number = record.number(column, field.name())?;
    let fits = u32::try_from(number).ok().filter(|_| number <= max);
    fits.ok_or_else(|| {
        record.refuse(format_args!(
            "{number} exceeds the largest {}, {max}",
            field.name()
        ))
    })
}
