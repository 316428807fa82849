//! Values as snapshots and payloads have them (`redis:src/rdb.c`, rdbSaveObject).

use super::kind;
use crate::encoding::lzf::Compressor;
use crate::number::{IntegerText, parse_i64};
use crate::value::list::Stored;
use crate::value::{StringValue, Value};
use kvrig_base::seam::{Counter, Work};

/// Strings up to this length are looked at for an integer (rdbSaveRawString).
const INTEGER_STRING_BYTES_MAX: usize = 11;
/// Shorter strings are not compressed, nor are those that would be shorter by fewer bytes than
/// [`COMPRESSION_GAIN_MIN`].
const COMPRESSED_BYTES_MIN: usize = 21;
/// See [`COMPRESSED_BYTES_MIN`] (rdbSaveLzfStringObject).
const COMPRESSION_GAIN_MIN: usize = 4;

/// Bytes that are being written.
#[derive(Debug)]
pub(super) struct Encoder {
    pub(super) out: Vec<u8>,
    /// `rdbcompression yes`.
    compressor: Option<Compressor>,
}

/// The type of a value.
pub(super) fn type_of(value: &Value) -> u8 {
    match value {
        Value::String(_) => kind::STRING,
        Value::List(_) => kind::LIST_QUICKLIST_2,
        Value::Set(set) if set.integers().is_some() => kind::SET_INTSET,
        Value::Set(_) => kind::SET,
        Value::SortedSet(set) if set.pack().is_some() => kind::ZSET_LISTPACK,
        Value::SortedSet(_) => kind::ZSET_2,
        Value::Hash(hash) if hash.pack().is_some() => kind::HASH_LISTPACK,
        Value::Hash(_) => kind::HASH,
        Value::Stream(_) => kind::STREAM_LISTPACKS_2,
    }
}

impl Encoder {
    /// Nothing yet; strings are compressed where that is worth it, or never.
    pub(super) fn new(compresses: bool) -> Self {
        Self {
            out: Vec::new(),
            compressor: compresses.then(Compressor::default),
        }
    }
    /// A value without its type.
    pub(super) fn value(&mut self, value: &Value, work: &mut Work) {
        match value {
            Value::String(StringValue::Integer(number)) => self.integer(*number),
            Value::String(StringValue::Embedded(bytes)) => self.string(bytes, work),
            Value::String(StringValue::Raw(bytes)) => self.string(bytes, work),
            Value::List(list) => {
                self.length(list.nodes() as u64);
                for node in list.stored() {
                    self.length(kind::NODE_PACKED);
                    match node {
                        Stored::Plain(pack) => self.string(pack.as_bytes(), work),
                        // As it lies there, whether strings are compressed or not.
                        Stored::Compressed { stream, byte_len } => {
                            self.compressed_string(stream, byte_len);
                        }
                    }
                }
            }
            Value::Set(set) => match set.integers() {
                Some(integers) => self.string(&integers.to_bytes(), work),
                None => {
                    self.length(set.len() as u64);
                    let mut walk = Work::unpriced();
                    set.for_each(&mut walk, |member, work| {
                        self.string(member.as_slice(), work);
                    });
                    work.count_all(&walk.counts());
                }
            },
            Value::SortedSet(set) => match set.pack() {
                Some(pack) => self.string(pack.as_bytes(), work),
                None => {
                    self.length(set.len() as u64);
                    let mut walk = Work::unpriced();
                    // From the highest, so that loading adds each at the front of the list.
                    set.walk(set.len() - 1, true, &mut walk, |member, score, work| {
                        self.string(member.as_slice(), work);
                        self.out.extend_from_slice(&score.to_le_bytes());
                        true
                    });
                    work.count_all(&walk.counts());
                }
            },
            Value::Hash(hash) => match hash.pack() {
                Some(pack) => self.string(pack.as_bytes(), work),
                None => {
                    self.length(hash.len() as u64);
                    let mut walk = Work::unpriced();
                    hash.for_each(&mut walk, |field, value, work| {
                        self.string(field.as_slice(), work);
                        self.string(value.as_slice(), work);
                    });
                    work.count_all(&walk.counts());
                }
            },
            Value::Stream(stream) => self.stream(stream, work),
        }
    }
    /// A length in 1, 2, 5 or 9 bytes, high bits first.
    pub(super) fn length(&mut self, length: u64) {
        match length {
            0..0x40 => self.out.push(length as u8),
            0x40..0x4000 => self
                .out
                .extend_from_slice(&(length as u16 | 0x4000).to_be_bytes()),
            0x4000..=0xFFFF_FFFF => {
                self.out.push(kind::LENGTH_32);
                self.out.extend_from_slice(&(length as u32).to_be_bytes());
            }
            _ => {
                self.out.push(kind::LENGTH_64);
                self.out.extend_from_slice(&length.to_be_bytes());
            }
        }
    }
    /// A string: as an integer where it is one of 32 bits, compressed where that is worth it, or as it
    /// is.
    pub(super) fn string(&mut self, bytes: &[u8], work: &mut Work) {
        if bytes.len() <= INTEGER_STRING_BYTES_MAX
            && let Some(number) = parse_i64(bytes)
            && i32::try_from(number).is_ok()
        {
            return self.integer(number);
        }
        if bytes.len() >= COMPRESSED_BYTES_MIN && self.compressed(bytes, work) {
            return;
        }
        self.length(bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }
    /// Writes the compressed form of a string and says so, unless it is not worth it.
    fn compressed(&mut self, bytes: &[u8], work: &mut Work) -> bool {
        let Some(compressor) = &mut self.compressor else {
            return false;
        };
        work.count(Counter::BytesScanned, bytes.len() as u64);
        let mut stream = Vec::new();
        let room = bytes.len() - COMPRESSION_GAIN_MIN;
        let is_shorter = compressor.compress(bytes, room, &mut stream);
        if is_shorter {
            self.compressed_string(&stream, bytes.len());
        }
        is_shorter
    }
    /// A stream that stands for so many bytes (rdbSaveLzfBlob).
    fn compressed_string(&mut self, stream: &[u8], byte_len: usize) {
        self.out.push(kind::COMPRESSED);
        self.length(stream.len() as u64);
        self.length(byte_len as u64);
        self.out.extend_from_slice(stream);
    }
    /// An integer in as few bytes as it needs, or as text beyond 32 bits.
    fn integer(&mut self, number: i64) {
        if let Ok(byte) = i8::try_from(number) {
            self.out.push(kind::INT8);
            self.out.extend_from_slice(&byte.to_le_bytes());
        } else if let Ok(short) = i16::try_from(number) {
            self.out.push(kind::INT16);
            self.out.extend_from_slice(&short.to_le_bytes());
        } else if let Ok(long) = i32::try_from(number) {
            self.out.push(kind::INT32);
            self.out.extend_from_slice(&long.to_le_bytes());
        } else {
            let text = IntegerText::new(number);
            self.length(text.byte_len() as u64);
            self.out.extend_from_slice(text.as_bytes());
        }
    }
}
