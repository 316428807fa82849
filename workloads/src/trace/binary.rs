//! Traces in fixed binary records: cache2k's keys, and libCacheSim's oracleGeneral.

use super::source::RawRequest;
use super::{Trace, check_length, gzip, text, unreadable};
use kvrig_base::diagnostic::{self, Diagnostic};
use std::io::{BufReader, Read};

const KEY_BYTES: usize = 4;
/// Time (u32), object (u64), size (u32) and the number of the next request for it (i64), packed and
/// little-endian (`1a1a11a/libCacheSim:libCacheSim/traceReader/customizedReader/oracle/`).
pub(super) const ORACLE_BYTES: usize = 24;

/// Reads big-endian 32-bit keys, one a request, at the speed of sorting them.
pub(super) fn read(name: &str, reader: impl Read) -> Result<Trace, Diagnostic> {
    let mut reader = gzip::transparent(reader).map_err(|error| unreadable(name, 1, &error))?;
    let mut chunk = vec![0_u8; 1 << 16];
    let mut kept = 0;
    let mut keys: Vec<u32> = Vec::new();
    loop {
        let record = keys.len() as u64 + 1;
        let count = match reader.read(&mut chunk[kept..]) {
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(name, record, &error)),
        };
        let filled = kept + count;
        let whole = filled - filled % KEY_BYTES;
        let words = chunk[..whole].chunks_exact(KEY_BYTES);
        check_length(name, keys.len() as u64 + words.len() as u64)?;
        keys.extend(words.map(|word| u32::from_be_bytes(word.try_into().expect("four bytes"))));
        chunk.copy_within(whole..filled, 0);
        kept = filled - whole;
        if count == 0 {
            break;
        }
    }
    if kept > 0 {
        return Err(cut_off(name, keys.len() as u64 + 1, kept, KEY_BYTES));
    }
    if keys.is_empty() {
        return Err(text::empty(name));
    }
    let (requests, keys) = number_by_first_use(&keys);
    Ok(Trace::of_keys(name, requests, keys))
}

fn cut_off(name: &str, record: u64, bytes: usize, of: usize) -> Diagnostic {
    let message = format!("{name}: record {record} has {bytes} of {of} bytes");
    Diagnostic::new(diagnostic::TRACE_TRUNCATED, message)
}

/// Records of `N` bytes one after another.
struct FixedRecords<'r, const N: usize> {
    name: String,
    reader: BufReader<Box<dyn Read + 'r>>,
    /// Records so far.
    number: u64,
}

impl<'r, const N: usize> FixedRecords<'r, N> {
    fn new(name: &str, reader: impl Read + 'r) -> Result<Self, Diagnostic> {
        let plain = gzip::transparent(reader).map_err(|error| unreadable(name, 1, &error))?;
        Ok(Self {
            name: name.to_owned(),
            reader: BufReader::new(plain),
            number: 0,
        })
    }
    fn next(&mut self) -> Result<Option<[u8; N]>, Diagnostic> {
        let mut record = [0; N];
        let mut filled = 0;
        self.number += 1;
        while filled < N {
            match self.reader.read(&mut record[filled..]) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(cut_off(&self.name, self.number, filled, N)),
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(&self.name, self.number, &error)),
            }
        }
        Ok(Some(record))
    }
    fn refuse(&self, what: impl std::fmt::Display) -> Diagnostic {
        let message = format!("{}: record {}: {what}", self.name, self.number);
        Diagnostic::new(diagnostic::TRACE_RECORD, message)
    }
}

/// Big-endian keys one by one.
pub(super) struct BigEndianSource<'r>(FixedRecords<'r, KEY_BYTES>);

impl<'r> BigEndianSource<'r> {
    pub(super) fn new(name: &str, reader: impl Read + 'r) -> Result<Self, Diagnostic> {
        FixedRecords::new(name, reader).map(Self)
    }
    pub(super) fn next(&mut self, request: &mut RawRequest) -> Result<bool, Diagnostic> {
        let Some(record) = self.0.next()? else {
            return Ok(false);
        };
        request.key.clear();
        let key = i32::from_be_bytes(record).to_string();
        request.key.extend_from_slice(key.as_bytes());
        request.repeat = 1;
        Ok(true)
    }
    pub(super) fn refuse(&self, what: impl std::fmt::Display) -> Diagnostic {
        self.0.refuse(what)
    }
}

/// oracleGeneral records one by one. What a record says of the next request for its object is
/// passed over: it follows from the order of the requests.
pub(super) struct OracleSource<'r>(FixedRecords<'r, ORACLE_BYTES>);

impl<'r> OracleSource<'r> {
    pub(super) fn new(name: &str, reader: impl Read + 'r) -> Result<Self, Diagnostic> {
        FixedRecords::new(name, reader).map(Self)
    }
    pub(super) fn next(&mut self, request: &mut RawRequest) -> Result<bool, Diagnostic> {
        let Some(record) = self.0.next()? else {
            return Ok(false);
        };
        let word =
            |at: usize| u32::from_le_bytes(record[at..at + 4].try_into().expect("four bytes"));
        let object = u64::from_le_bytes(record[4..12].try_into().expect("eight bytes"));
        request.key.clear();
        request.key.extend_from_slice(object.to_string().as_bytes());
        request.time = Some(u64::from(word(0)));
        request.value_bytes = Some(word(12));
        request.repeat = 1;
        Ok(true)
    }
    pub(super) fn refuse(&self, what: impl std::fmt::Display) -> Diagnostic {
        self.0.refuse(what)
    }
}

/// Numbers keys from zero in the order of their first request.
fn number_by_first_use(keys: &[u32]) -> (Vec<u32>, u32) {
    // Sorting (key, place) pairs groups the requests of a key, its first request in front.
    let mut pairs: Vec<u64> = (0..)
        .zip(keys)
        .map(|(place, &key)| u64::from(key) << 32 | place)
        .collect();
    pairs.sort_unstable();
    let place = |pair: u64| pair as u32;
    let mut first_places: Vec<u32> = pairs
        .chunk_by(|a, b| a >> 32 == b >> 32)
        .map(|group| place(group[0]))
        .collect();
    first_places.sort_unstable();
    let mut requests = vec![0_u32; keys.len()];
    for group in pairs.chunk_by(|a, b| a >> 32 == b >> 32) {
        let number = first_places.partition_point(|&first| first < place(group[0])) as u32;
        for &pair in group {
            requests[place(pair) as usize] = number;
        }
    }
    (requests, first_places.len() as u32)
}
