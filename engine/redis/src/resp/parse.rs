//! Reading requests, byte by byte if need be.

use super::inline::split_words;
use super::{ARGUMENTS_MAX, LINE_BYTES_MAX, QUERY_BUFFER_BYTES_MAX};
use crate::number::parse_i64;
use std::ops::Range;

/// Argument places kept from one request to the next; more are given back, so that one huge request
/// does not hold memory for ever.
const PLACES_KEPT_MAX: usize = 1_024;

/// Reads the requests of one connection.
///
/// The bytes stay with the caller: each call gets all unconsumed bytes of the connection, and the
/// parser remembers how far it had come, so that a request that trickles in costs no more than one
/// that comes at once. Arguments are places in those bytes; nothing is copied but inline requests,
/// whose quotes must be undone.
#[derive(Debug, Default)]
pub struct Parser {
    stage: Stage,
    /// The first byte that is not parsed yet.
    at: usize,
    /// Up to here there is no end of the line that begins at `at`.
    searched: usize,
    places: Vec<Range<u32>>,
    /// The words of an inline request.
    words: Vec<u8>,
    is_inline: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// At the beginning of a request.
    #[default]
    Start,
    /// At the line that announces an argument, with so many to come.
    Length { left: u32 },
    /// At the bytes of an argument.
    Bytes { left: u32, length: u32 },
    /// Behind a request; the next call begins anew.
    Done,
}

/// What a call of [`Parser::parse`] has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More bytes are needed.
    Incomplete,
    /// A request without arguments, which is skipped, has used up so many bytes.
    Empty {
        /// Bytes to consume.
        bytes: usize,
    },
    /// A whole request has used up so many bytes; [`Parser::args`] has its arguments.
    Request {
        /// Bytes to consume.
        bytes: usize,
    },
}

/// What a client has done wrong. The connection is closed after the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// The announced number of arguments is not one.
    InvalidArgumentCount,
    /// The announced length of an argument is not one, or exceeds proto-max-bulk-len.
    InvalidBulkLength,
    /// An argument was not announced.
    ExpectedDollar {
        /// What was there instead.
        got: u8,
    },
    /// An inline request without an end.
    InlineTooLong,
    /// A number of arguments without an end.
    ArgumentCountTooLong,
    /// A length of an argument without an end.
    BulkLengthTooLong,
    /// A quote that is not closed.
    UnbalancedQuotes,
    /// More unconsumed bytes than a client may have; dropped without a reply.
    QueryBufferFull,
}

impl ProtocolError {
    /// The reply, unless the client gets none.
    pub fn text(self) -> Option<Vec<u8>> {
        let text: &[u8] = match self {
            Self::InvalidArgumentCount => b"ERR Protocol error: invalid multibulk length",
            Self::InvalidBulkLength => b"ERR Protocol error: invalid bulk length",
            Self::ExpectedDollar { got } => {
                let mut text = b"ERR Protocol error: expected '$', got '".to_vec();
                text.extend([got, b'\'']);
                return Some(text);
            }
            Self::InlineTooLong => b"ERR Protocol error: too big inline request",
            Self::ArgumentCountTooLong => b"ERR Protocol error: too big mbulk count string",
            Self::BulkLengthTooLong => b"ERR Protocol error: too big bulk count string",
            Self::UnbalancedQuotes => b"ERR Protocol error: unbalanced quotes in request",
            Self::QueryBufferFull => return None,
        };
        Some(text.to_vec())
    }
}

impl Parser {
    /// Goes on with the request at the beginning of `input`, which holds all unconsumed bytes.
    ///
    /// After [`Progress::Empty`] and [`Progress::Request`] the caller takes the stated bytes away
    /// before the next call.
    ///
    /// # Errors
    /// What the client has done wrong; the parser is of no further use.
    pub fn parse(&mut self, input: &[u8], bulk_bytes_max: u64) -> Result<Progress, ProtocolError> {
        if input.len() > QUERY_BUFFER_BYTES_MAX {
            return Err(ProtocolError::QueryBufferFull);
        }
        if self.stage == Stage::Done {
            self.restart();
        }
        loop {
            let goes_on = match self.stage {
                Stage::Start | Stage::Done => match input.first() {
                    None => return Ok(Progress::Incomplete),
                    Some(b'*') => self.argument_count(input)?,
                    Some(_) => return self.inline_request(input),
                },
                Stage::Length { left } => self.bulk_length(input, left, bulk_bytes_max)?,
                Stage::Bytes { left, length } => self.bulk_bytes(input, left, length),
            };
            if self.stage == Stage::Done {
                let bytes = self.at;
                let is_empty = self.places.is_empty();
                return Ok(if is_empty {
                    Progress::Empty { bytes }
                } else {
                    Progress::Request { bytes }
                });
            }
            if !goes_on {
                return Ok(Progress::Incomplete);
            }
        }
    }

    /// Number of arguments of the request just parsed.
    pub fn arg_count(&self) -> usize {
        self.places.len()
    }

    /// The arguments of the request just parsed; `input` as it was given to [`Parser::parse`].
    pub fn args<'a>(&'a self, input: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let source = if self.is_inline {
            self.words.as_slice()
        } else {
            input
        };
        self.places
            .iter()
            .map(|place| &source[place.start as usize..place.end as usize])
    }

    /// Where in the input an argument of the request just parsed is; `None` for one that is not
    /// there, and for inline requests, whose arguments are copies.
    pub(crate) fn place(&self, index: usize) -> Option<Range<usize>> {
        let place = self.places.get(index).filter(|_| !self.is_inline)?;
        Some(place.start as usize..place.end as usize)
    }

    /// Whether no part of the next request was parsed yet.
    pub(crate) fn is_at_start(&self) -> bool {
        matches!(self.stage, Stage::Done) || self.stage == Stage::Start && self.searched == 0
    }

    /// Forgets a request that is not whole; the next bytes are the beginning of one.
    pub(crate) fn restart(&mut self) {
        let mut places = std::mem::take(&mut self.places);
        let mut words = std::mem::take(&mut self.words);
        places.clear();
        words.clear();
        if places.capacity() > PLACES_KEPT_MAX {
            places = Vec::new();
        }
        if words.capacity() > LINE_BYTES_MAX {
            words = Vec::new();
        }
        *self = Self {
            places,
            words,
            ..Self::default()
        };
    }

    /// The end of the line at `self.at`: the place of `end`. A zero byte hides all that follows,
    /// because Redis looks with strchr.
    fn line_end(&mut self, input: &[u8], end: u8) -> Option<usize> {
        let from = self.searched.max(self.at);
        let stop = input[from..]
            .iter()
            .position(|&byte| byte == end || byte == 0);
        let place = from + stop.unwrap_or(input.len() - from);
        self.searched = place;
        (input.get(place) == Some(&end)).then_some(place)
    }

    /// The text of the line at `self.at` behind its first byte, once its `\r` and one byte more are
    /// there; the line is then done with.
    fn announcement<'a>(
        &mut self,
        input: &'a [u8],
        too_long: ProtocolError,
    ) -> Result<Option<&'a [u8]>, ProtocolError> {
        let Some(end) = self.line_end(input, b'\r') else {
            if input.len() - self.at > LINE_BYTES_MAX {
                return Err(too_long);
            }
            return Ok(None);
        };
        if end + 2 > input.len() {
            return Ok(None);
        }
        let line = &input[self.at..end];
        self.at = end + 2;
        Ok(Some(line))
    }

    fn argument_count(&mut self, input: &[u8]) -> Result<bool, ProtocolError> {
        let Some(line) = self.announcement(input, ProtocolError::ArgumentCountTooLong)? else {
            return Ok(false);
        };
        let count = parse_i64(&line[1..]).filter(|&count| count <= ARGUMENTS_MAX);
        let count = count.ok_or(ProtocolError::InvalidArgumentCount)?;
        self.stage = match u32::try_from(count) {
            Ok(left) if left > 0 => Stage::Length { left },
            _ => Stage::Done,
        };
        Ok(true)
    }

    fn bulk_length(
        &mut self,
        input: &[u8],
        left: u32,
        bulk_bytes_max: u64,
    ) -> Result<bool, ProtocolError> {
        let Some(line) = self.announcement(input, ProtocolError::BulkLengthTooLong)? else {
            return Ok(false);
        };
        let digits = match line {
            [b'$', digits @ ..] => digits,
            [got, ..] => return Err(ProtocolError::ExpectedDollar { got: *got }),
            [] => return Err(ProtocolError::ExpectedDollar { got: b'\r' }),
        };
        let length = parse_i64(digits).and_then(|length| u64::try_from(length).ok());
        let length = length.filter(|&length| length <= bulk_bytes_max);
        let length = length.and_then(|length| u32::try_from(length).ok());
        let length = length.ok_or(ProtocolError::InvalidBulkLength)?;
        self.stage = Stage::Bytes { left, length };
        Ok(true)
    }

    /// The two bytes behind an argument are skipped unseen, as Redis does.
    fn bulk_bytes(&mut self, input: &[u8], left: u32, length: u32) -> bool {
        let end = self.at + length as usize;
        if end + 2 > input.len() {
            return false;
        }
        self.places.push(self.at as u32..end as u32);
        self.at = end + 2;
        self.stage = match left {
            1 => Stage::Done,
            _ => Stage::Length { left: left - 1 },
        };
        true
    }

    fn inline_request(&mut self, input: &[u8]) -> Result<Progress, ProtocolError> {
        let Some(end) = self.line_end(input, b'\n') else {
            if input.len() > LINE_BYTES_MAX {
                return Err(ProtocolError::InlineTooLong);
            }
            return Ok(Progress::Incomplete);
        };
        let line = input[..end].strip_suffix(b"\r").unwrap_or(&input[..end]);
        self.is_inline = true;
        self.stage = Stage::Done;
        split_words(line, &mut self.words, &mut self.places)
            .ok_or(ProtocolError::UnbalancedQuotes)?;
        let bytes = end + 1;
        match self.places.is_empty() {
            true => Ok(Progress::Empty { bytes }),
            false => Ok(Progress::Request { bytes }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BULK_BYTES_MAX, encode_request};
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// All requests of a stream that arrives in pieces of `piece` bytes, and how it ended.
    fn read(stream: &[u8], piece: usize) -> (Vec<Vec<Vec<u8>>>, Option<ProtocolError>) {
        let mut parser = Parser::default();
        let (mut requests, mut consumed, mut arrived) = (Vec::new(), 0, 0);
        loop {
            let input = &stream[consumed..arrived];
            match parser.parse(input, BULK_BYTES_MAX) {
                Ok(Progress::Incomplete) if arrived == stream.len() => return (requests, None),
                Ok(Progress::Incomplete) => arrived = stream.len().min(arrived + piece),
                Ok(Progress::Empty { bytes }) => consumed += bytes,
                Ok(Progress::Request { bytes }) => {
                    requests.push(parser.args(input).map(<[u8]>::to_vec).collect());
                    consumed += bytes;
                }
                Err(error) => return (requests, Some(error)),
            }
        }
    }
    fn error_of(stream: &[u8]) -> String {
        let error = read(stream, stream.len()).1.expect("the stream is wrong");
        assert_eq!(Some(error), read(stream, 1).1, "byte by byte");
        String::from_utf8(error.text().expect("it has a reply")).expect("ASCII")
    }

    #[test]
    fn protocol_errors_have_the_texts_of_redis() {
        let long = |start: &str| [start.as_bytes(), &b"1".repeat(LINE_BYTES_MAX + 1)].concat();
        for (stream, text) in [
            (b"*2147483648\r\n".to_vec(), "invalid multibulk length"),
            (b"*x\r\n".to_vec(), "invalid multibulk length"),
            (b"*1\n$4\r\nPING\r\n".to_vec(), "invalid multibulk length"),
            (b"*1\r\n!a\r\n".to_vec(), "expected '$', got '!'"),
            (b"*1\r\n\r\n".to_vec(), "expected '$', got '\r'"),
            (b"*1\r\n$-1\r\n".to_vec(), "invalid bulk length"),
            (b"*1\r\n$536870913\r\n".to_vec(), "invalid bulk length"),
            (b"PING \"a\r\n".to_vec(), "unbalanced quotes in request"),
            (long(""), "too big inline request"),
            (long("*"), "too big mbulk count string"),
            (long("*1\r\n$"), "too big bulk count string"),
        ] {
            assert_eq!(error_of(&stream), format!("ERR Protocol error: {text}"));
        }
    }

    #[test]
    fn empty_requests_are_skipped() {
        for stream in [
            &b"\r\n\r\nPING\r\n"[..],
            b"*0\r\nPING\r\n",
            b"*-5\r\n\nPING\n",
        ] {
            assert_eq!(
                read(stream, stream.len()),
                (vec![vec![b"PING".to_vec()]], None)
            );
        }
    }

    #[test]
    fn a_zero_byte_hides_the_end_of_its_line() {
        assert_eq!(read(b"PI\0NG\r\nPING\r\n", 3), (vec![], None));
        assert_eq!(read(b"*1\r\n\0\r\n", 3), (vec![], None));
    }

    #[test]
    fn an_announced_but_absent_argument_takes_no_memory() {
        let mut parser = Parser::default();
        let stream = b"*2147483647\r\n$536870912\r\n";
        assert_eq!(
            parser.parse(stream, BULK_BYTES_MAX),
            Ok(Progress::Incomplete)
        );
        assert_eq!(parser.places.capacity(), 0);
    }

    #[test]
    fn the_memory_of_a_huge_request_is_given_back() {
        let args = vec![&b"x"[..]; 10 * PLACES_KEPT_MAX];
        let mut stream = Vec::new();
        encode_request(&args, &mut stream);
        let mut parser = Parser::default();
        let whole = Ok(Progress::Request {
            bytes: stream.len(),
        });
        assert_eq!(parser.parse(&stream, BULK_BYTES_MAX), whole);
        assert_eq!(parser.parse(b"", BULK_BYTES_MAX), Ok(Progress::Incomplete));
        assert!(parser.places.capacity() <= PLACES_KEPT_MAX);
    }

    proptest! {
        #[test]
        fn requests_survive_any_split(
            requests in vec(vec(vec(any::<u8>(), 0..40), 1..5), 0..6), piece in 1..64_usize,
        ) {
            let mut stream = Vec::new();
            for request in &requests {
                let args: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
                encode_request(&args, &mut stream);
            }
            prop_assert_eq!(read(&stream, piece), (requests, None));
        }

        #[test]
        fn any_bytes_are_read_alike_however_they_arrive(
            stream in vec(prop_oneof![
                Just(b'*'), Just(b'$'), Just(b'\r'), Just(b'\n'), Just(b'1'), Just(b'"'), any::<u8>(),
            ], 0..80),
            piece in 1..8_usize,
        ) {
            prop_assert_eq!(read(&stream, piece), read(&stream, stream.len().max(1)));
        }
    }
}
