//! Snapshots and payloads, read.
//!
//! Nothing that is read is believed: a length is compared with what is left before anything is
//! allocated for it, and compact encodings are checked to the last byte.

mod file;
mod stream;
mod value;
mod ziplist;
mod zipmap;

pub use file::Loaded;
pub(crate) use file::{LoadAt, load};

use super::crc64::crc64;
use super::kind;
use crate::encoding::lzf;
use crate::number::IntegerText;
use std::fmt;
use std::io::{self, BufRead, ErrorKind};

/// Why a snapshot or payload cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// Bytes in front of what is wrong, or of the element that it is part of.
    pub offset: u64,
    /// What was found there and, where that is not plain, what was expected.
    pub found: String,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: {}", self.offset, self.found)
    }
}

impl std::error::Error for LoadError {}

/// A length, or the mark of a string that is none of plain bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Plain(u64),
    /// The first byte.
    Special(u8),
}

/// Bytes that are read one element after the other.
#[derive(Debug)]
pub(crate) struct Reader<R> {
    source: R,
    offset: u64,
    /// Bytes there are in all.
    bytes: u64,
    /// Of all that was read.
    checksum: u64,
}

type Read<T> = Result<T, LoadError>;

impl<R: BufRead> Reader<R> {
    /// Reads `source`, which has so many bytes.
    pub(crate) fn new(source: R, bytes: u64) -> Self {
        Self {
            source,
            offset: 0,
            bytes,
            checksum: 0,
        }
    }
    /// Bytes that were not read yet.
    fn left(&self) -> u64 {
        self.bytes.saturating_sub(self.offset)
    }
    /// An error at the next byte.
    fn error(&self, found: impl Into<String>) -> LoadError {
        error_at(self.offset, found)
    }

    /// Passes what is buffered to `take`, at most `most` bytes of it, and says how many there were.
    #[inline]
    fn some(&mut self, most: usize, take: impl FnOnce(&[u8])) -> Read<usize> {
        let buffered = loop {
            match self.source.fill_buf() {
                Ok(buffered) => break buffered,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(self.offset, &error)),
            }
        };
        let some = &buffered[..buffered.len().min(most)];
        if some.is_empty() && most > 0 {
            return Err(error_at(self.offset, "the end, inside an element"));
        }
        self.checksum = crc64(self.checksum, some);
        take(some);
        let count = some.len();
        self.source.consume(count);
        self.offset += count as u64;
        Ok(count)
    }
    #[inline]
    fn byte(&mut self) -> Read<u8> {
        let mut byte = 0;
        self.some(1, |some| byte = some[0])?;
        Ok(byte)
    }
    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let (mut array, mut filled) = ([0; N], 0);
        while filled < N {
            let place = &mut array[filled..];
            filled += self.some(place.len(), |some| {
                place[..some.len()].copy_from_slice(some);
            })?;
        }
        Ok(array)
    }
    /// The next `count` bytes.
    fn take(&mut self, count: u64) -> Read<Vec<u8>> {
        if count > self.left() {
            let found = format!("a length of {count} where {} bytes are left", self.left());
            return Err(self.error(found));
        }
        let count = usize::try_from(count).map_err(|_| self.error("more than memory can hold"))?;
        let mut bytes = Vec::with_capacity(count);
        while bytes.len() < count {
            let most = count - bytes.len();
            self.some(most, |some| bytes.extend_from_slice(some))?;
        }
        Ok(bytes)
    }
    fn length_or_mark(&mut self) -> Read<Length> {
        let first = self.byte()?;
        let low = u64::from(first & 0x3F);
        Ok(match first {
            0x00..=0x3F => Length::Plain(low),
            0x40..=0x7F => Length::Plain(low << 8 | u64::from(self.byte()?)),
            kind::LENGTH_32 => Length::Plain(u32::from_be_bytes(self.array()?).into()),
            kind::LENGTH_64 => Length::Plain(u64::from_be_bytes(self.array()?)),
            0xC0.. => Length::Special(first),
            _ => {
                let found = format!("0x{first:02x} where a length belongs");
                return Err(error_at(self.offset - 1, found));
            }
        })
    }
    /// A length or number.
    fn length(&mut self) -> Read<u64> {
        match self.length_or_mark()? {
            Length::Plain(length) => Ok(length),
            Length::Special(mark) => {
                let found = format!("0x{mark:02x}, the mark of a string, where a length belongs");
                Err(error_at(self.offset - 1, found))
            }
        }
    }
    /// How many elements follow, each of which takes so many bytes or more.
    fn count(&mut self, element_bytes_min: u64) -> Read<usize> {
        let at = self.offset;
        let count = self.length()?;
        let most = self.left() / element_bytes_min;
        match usize::try_from(count) {
            Ok(length) if count <= most => Ok(length),
            _ => {
                let left = self.left();
                let found = format!("a number of {count} elements where {left} bytes are left");
                Err(error_at(at, found))
            }
        }
    }
    /// A string, however it is written.
    fn string(&mut self) -> Read<Vec<u8>> {
        let at = self.offset;
        let number = match self.length_or_mark()? {
            Length::Plain(length) => return self.take(length),
            Length::Special(kind::INT8) => i8::from_le_bytes(self.array()?).into(),
            Length::Special(kind::INT16) => i16::from_le_bytes(self.array()?).into(),
            Length::Special(kind::INT32) => i32::from_le_bytes(self.array()?).into(),
            Length::Special(kind::COMPRESSED) => {
                let (compressed, length) = (self.length()?, self.length()?);
                let stream = self.take(compressed)?;
                let found = "a compressed string that does not give what it states";
                return lzf::decompress(&stream, length).ok_or_else(|| error_at(at, found));
            }
            Length::Special(mark) => {
                let found = format!("0x{mark:02x} where a string belongs");
                return Err(error_at(at, found));
            }
        };
        Ok(IntegerText::new(number).as_bytes().to_vec())
    }
}

fn error_at(offset: u64, found: impl Into<String>) -> LoadError {
    LoadError {
        offset,
        found: found.into(),
    }
}

fn unreadable(offset: u64, error: &io::Error) -> LoadError {
    error_at(offset, format!("a file that cannot be read on: {error}"))
}
