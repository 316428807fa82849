//! Records of delimited text, with their place for error messages and bounded memory.

use super::gzip;
use csv::{ByteRecord, ReaderBuilder};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::limits::TRACE_LINE_BYTES_MAX;
use std::io::{self, Read};

/// Whether the first record names the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Header<'a> {
    /// It does.
    Present,
    /// It does not.
    Absent,
    /// It does if each of these columns is there under one of its names.
    Auto(&'a [&'a [&'a str]]),
}

/// A reader of records.
pub(crate) struct TextRecords<'r> {
    name: String,
    reader: csv::Reader<RecordLimit<Box<dyn Read + 'r>>>,
    header: Option<ByteRecord>,
    /// The first record, if it turned out to be no header.
    first: Option<ByteRecord>,
    current: ByteRecord,
    /// Number of the current record, from 1, the header not counted.
    number: u64,
}

/// One record and where it is.
pub(crate) struct Record<'a> {
    file: &'a str,
    number: u64,
    fields: &'a ByteRecord,
}

impl<'r> TextRecords<'r> {
    pub(crate) fn new(
        name: &str,
        reader: impl Read + 'r,
        delimiter: u8,
        header: Header<'_>,
    ) -> Result<Self, Diagnostic> {
        let plain =
            gzip::transparent(reader).map_err(|error| super::unreadable(name, 1, &error))?;
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .trim(csv::Trim::All)
            .from_reader(RecordLimit::new(plain));
        let (current, first) = (ByteRecord::new(), None);
        let mut records = Self {
            name: name.to_owned(),
            reader,
            header: None,
            first,
            current,
            number: 0,
        };
        if header == Header::Absent {
            return Ok(records);
        }
        let mut first = ByteRecord::new();
        if records.read(&mut first)? {
            let is_header = match header {
                Header::Present => true,
                Header::Absent => false,
                Header::Auto(columns) => columns
                    .iter()
                    .all(|names| find_column(&first, names).is_some()),
            };
            *(if is_header {
                &mut records.header
            } else {
                &mut records.first
            }) = Some(first);
        }
        Ok(records)
    }
    /// The place of the column that the header calls by one of `names`.
    pub(crate) fn column(&self, names: &[&str]) -> Option<usize> {
        find_column(self.header.as_ref()?, names)
    }
    /// The names of all columns, if there is a header.
    pub(crate) fn column_names(&self) -> Vec<String> {
        let names = self.header.iter().flatten();
        names
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect()
    }
    /// What messages call the file.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
    /// The number of columns of the first record.
    pub(crate) fn width(&self) -> usize {
        self.header
            .as_ref()
            .or(self.first.as_ref())
            .map_or(0, ByteRecord::len)
    }
    pub(crate) fn next_record(&mut self) -> Result<Option<Record<'_>>, Diagnostic> {
        let mut fields = match self.first.take() {
            Some(first) => first,
            None => {
                let mut fields = std::mem::take(&mut self.current);
                if !self.read(&mut fields)? {
                    return Ok(None);
                }
                fields
            }
        };
        self.number += 1;
        std::mem::swap(&mut self.current, &mut fields);
        Ok(Some(Record {
            file: &self.name,
            number: self.number,
            fields: &self.current,
        }))
    }
    fn read(&mut self, fields: &mut ByteRecord) -> Result<bool, Diagnostic> {
        self.reader
            .read_byte_record(fields)
            .map_err(|error| match error.into_kind() {
                csv::ErrorKind::Io(error) => super::unreadable(&self.name, self.number + 1, &error),
                other => Diagnostic::new(
                    diagnostic::TRACE_RECORD,
                    format!("{}: record {}: {other:?}", self.name, self.number + 1),
                ),
            })
    }
}

fn find_column(header: &ByteRecord, names: &[&str]) -> Option<usize> {
    header.iter().position(|field| {
        names
            .iter()
            .any(|name| field.eq_ignore_ascii_case(name.as_bytes()))
    })
}

/// The error `what` about the record of this number and line.
pub(crate) fn refuse(
    file: &str,
    (number, line): (u64, u64),
    what: impl std::fmt::Display,
) -> Diagnostic {
    Diagnostic::new(
        diagnostic::TRACE_RECORD,
        format!("{file}: record {number} (line {line}): {what}"),
    )
}

impl Record<'_> {
    /// The error `what` about this record.
    pub(crate) fn refuse(&self, what: impl std::fmt::Display) -> Diagnostic {
        refuse(self.file, self.place(), what)
    }
    /// Number and line.
    pub(crate) fn place(&self) -> (u64, u64) {
        let line = self.fields.position().map_or(0, csv::Position::line);
        (self.number, line)
    }
    /// The field in `column`, which holds `what`.
    pub(crate) fn field(&self, column: usize, what: &str) -> Result<&[u8], Diagnostic> {
        let missing = || self.refuse(format_args!("there is no column {} ({what})", column + 1));
        self.fields.get(column).ok_or_else(missing)
    }
    /// The whole number in `column`, which holds `what`.
    pub(crate) fn number(&self, column: usize, what: &str) -> Result<u64, Diagnostic> {
        let field = self.field(column, what)?;
        let number = std::str::from_utf8(field)
            .ok()
            .and_then(|text| text.parse().ok());
        number.ok_or_else(|| {
            self.refuse(format_args!(
                "{} is not a whole number ({what})",
                quoted(field)
            ))
        })
    }
}

/// A field as messages show it, at most 40 characters.
pub(crate) fn quoted(field: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(field).chars().take(40).collect();
    format!("`{text}`")
}

/// The error about a file without records.
pub(crate) fn empty(name: &str) -> Diagnostic {
    Diagnostic::new(diagnostic::TRACE_EMPTY, format!("{name}: no records"))
}

/// Fails once a record is longer than [`TRACE_LINE_BYTES_MAX`], before it is held in memory.
///
/// A record ends at a line end outside of double quotes, so that a quote that is never closed is
/// bounded too.
struct RecordLimit<R> {
    inner: R,
    length: usize,
    quoted: bool,
}

impl<R> RecordLimit<R> {
    const fn new(inner: R) -> Self {
        Self {
            inner,
            length: 0,
            quoted: false,
        }
    }
}

impl<R: Read> Read for RecordLimit<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        for &byte in &buffer[..count] {
            self.length += 1;
            match byte {
                b'"' => self.quoted = !self.quoted,
                b'\n' if !self.quoted => self.length = 0,
                _ => {}
            }
            if self.length > TRACE_LINE_BYTES_MAX {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("a record is longer than {TRACE_LINE_BYTES_MAX} bytes"),
                ));
            }
        }
        Ok(count)
    }
}
