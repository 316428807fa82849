//! Commands: their fields are read, they are carried out, and their replies written.
//!
//! The order of checks and the texts are those of `memcached:proto_text.c` 1.6.

use crate::item::{Item, KEY_BYTES_MAX};
use crate::number::{parse_flags, parse_i32, parse_u64};
use crate::store::{Counted, Store, StoreMode, Stored, write_number};
use kvrig_base::seam::sync::SyncForm;
use kvrig_base::seam::{Counter, Work};
use kvrig_tables::Entry as _;

/// The version that the command `version` tells, whose replies these are.
const VERSION: &[u8] = b"VERSION 1.6.18\r\n";
const BAD_FORMAT: &str = "CLIENT_ERROR bad command line format";
const BAD_EXPTIME: &str = "CLIENT_ERROR invalid exptime argument";
/// What an unknown command is answered, and one with a wrong number of words.
const UNKNOWN: &str = "ERROR";
/// What a value without its line end is answered.
pub(crate) const BAD_DATA: &str = "CLIENT_ERROR bad data chunk";
/// What a value is answered that is larger than an item may be.
pub(crate) const TOO_LARGE: &str = "SERVER_ERROR object too large for cache";

/// One command with its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request<'a> {
    Get {
        keys: &'a [&'a [u8]],
        /// Whether replies tell the CAS value.
        tells_cas: bool,
        /// The new expiry of what is found.
        exptime: Option<i32>,
    },
    Store {
        mode: StoreMode,
        key: &'a [u8],
        flags: u32,
        exptime: i32,
        value_bytes: usize,
    },
    Count {
        key: &'a [u8],
        delta: u64,
        increments: bool,
    },
    Delete {
        key: &'a [u8],
    },
    Touch {
        key: &'a [u8],
        exptime: i32,
    },
    Version,
    Quit,
}

/// Where the value of a storage command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Behind the line, which states its length.
    Follows,
    /// In the place of that length.
    IsArgument,
}

/// A command read: what it asks or why it is refused, and whether it wants a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Read<'a> {
    pub(crate) request: Result<Request<'a>, &'static str>,
    pub(crate) wants_reply: bool,
}

impl<'a> Read<'a> {
    fn refused(text: &'static str) -> Self {
        Self {
            request: Err(text),
            wants_reply: true,
        }
    }
}

/// Reads the words of a command.
pub(crate) fn read<'a>(words: &'a [&'a [u8]], value: Value) -> Read<'a> {
    let (Some(name), count) = (words.first(), words.len()) else {
        return Read::refused(UNKNOWN);
    };
    let may_be_silent = |request| Read {
        request,
        wants_reply: words.last() != Some(&b"noreply".as_slice()),
    };
    let mode = match *name {
        b"set" => Some(StoreMode::Set),
        b"add" => Some(StoreMode::Add),
        b"replace" => Some(StoreMode::Replace),
        b"append" => Some(StoreMode::Append),
        b"prepend" => Some(StoreMode::Prepend),
        b"cas" => Some(StoreMode::Cas(0)),
        _ => None,
    };
    match (*name, count) {
        (b"get" | b"gets" | b"gat" | b"gats", 2..) => Read {
            request: read_get(words),
            wants_reply: true,
        },
        (b"cas", 6 | 7) | (b"set" | b"add" | b"replace" | b"append" | b"prepend", 5 | 6) => {
            let mode = mode.unwrap_or(StoreMode::Set);
            may_be_silent(read_store(words, mode, value))
        }
        (b"incr" | b"decr", 3 | 4) => may_be_silent(read_count(words)),
        (b"touch", 3 | 4) => may_be_silent(read_touch(words)),
        (b"delete", 2) => Read {
            request: read_key(words).map(|key| Request::Delete { key }),
            wants_reply: true,
        },
        (b"delete", 3 | 4) => {
            // Long ago a time to hold the key could follow, of which 0 is still understood.
            let is_silent = words.last() == Some(&b"noreply".as_slice());
            let holds_zero = words[2] == b"0";
            let is_valid = match count {
                3 => holds_zero || is_silent,
                _ => holds_zero && is_silent,
            };
            may_be_silent(match is_valid {
                true => read_key(words).map(|key| Request::Delete { key }),
                false => {
                    Err("CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]")
                }
            })
        }
        (b"version", _) => Read {
            request: Ok(Request::Version),
            wants_reply: true,
        },
        (b"quit", _) => Read {
            request: Ok(Request::Quit),
            wants_reply: true,
        },
        _ => Read::refused(UNKNOWN),
    }
}

fn read_key<'a>(words: &'a [&'a [u8]]) -> Result<&'a [u8], &'static str> {
    let key = words[1];
    (key.len() <= KEY_BYTES_MAX)
        .then_some(key)
        .ok_or(BAD_FORMAT)
}

fn read_get<'a>(words: &'a [&'a [u8]]) -> Result<Request<'a>, &'static str> {
    let touches = matches!(words[0], b"gat" | b"gats");
    let exptime = match touches {
        true => Some(parse_i32(words[1]).ok_or(BAD_EXPTIME)?),
        false => None,
    };
    Ok(Request::Get {
        keys: &words[1 + usize::from(touches)..],
        tells_cas: matches!(words[0], b"gets" | b"gats"),
        exptime,
    })
}

fn read_store<'a>(
    words: &'a [&'a [u8]],
    mode: StoreMode,
    value: Value,
) -> Result<Request<'a>, &'static str> {
    let key = read_key(words)?;
    let flags = parse_flags(words[2]).ok_or(BAD_FORMAT)?;
    let exptime = parse_i32(words[3]).ok_or(BAD_FORMAT)?;
    let value_bytes = match value {
        Value::IsArgument => words[4].len(),
        Value::Follows => {
            let length = parse_i32(words[4]).ok_or(BAD_FORMAT)?;
            usize::try_from(length)
                .ok()
                .filter(|_| length <= i32::MAX - 2)
                .ok_or(BAD_FORMAT)?
        }
    };
    let mode = match mode {
        StoreMode::Cas(_) => StoreMode::Cas(parse_u64(words[5]).ok_or(BAD_FORMAT)?),
        mode => mode,
    };
    Ok(Request::Store {
        mode,
        key,
        flags,
        exptime,
        value_bytes,
    })
}

fn read_count<'a>(words: &'a [&'a [u8]]) -> Result<Request<'a>, &'static str> {
    let key = read_key(words)?;
    let delta = parse_u64(words[2]).ok_or("CLIENT_ERROR invalid numeric delta argument")?;
    Ok(Request::Count {
        key,
        delta,
        increments: words[0] == b"incr",
    })
}

fn read_touch<'a>(words: &'a [&'a [u8]]) -> Result<Request<'a>, &'static str> {
    let key = read_key(words)?;
    let exptime = parse_i32(words[2]).ok_or(BAD_EXPTIME)?;
    Ok(Request::Touch { key, exptime })
}

/// Carries out a command with its value, if it has one, and writes the reply behind `out`. Quitting
/// is left to the caller.
pub(crate) fn carry_out<S: SyncForm>(
    request: &Request<'_>,
    value: &[u8],
    store: &Store<S>,
    out: &mut Vec<u8>,
    work: &mut Work,
) {
    match *request {
        Request::Get {
            keys,
            tells_cas,
            exptime,
        } => get(keys, tells_cas, exptime, store, out, work),
        Request::Store {
            mode,
            key,
            flags,
            exptime,
            ..
        } => {
            let text = match store.store(mode, key, (flags, exptime), value, work) {
                Stored::Stored => "STORED",
                Stored::NotStored => "NOT_STORED",
                Stored::Exists => "EXISTS",
                Stored::NotFound => "NOT_FOUND",
                Stored::TooLarge => TOO_LARGE,
            };
            write_line(text, out);
        }
        Request::Count {
            key,
            delta,
            increments,
        } => match store.count(key, delta, increments, work) {
            Counted::Number(number) => {
                out.extend_from_slice(write_number(number, &mut [0; 20]));
                out.extend_from_slice(b"\r\n");
            }
            Counted::NotFound => write_line("NOT_FOUND", out),
            Counted::NotNumeric => write_line(
                "CLIENT_ERROR cannot increment or decrement non-numeric value",
                out,
            ),
        },
        Request::Delete { key } => {
            let text = match store.delete(key, work) {
                true => "DELETED",
                false => "NOT_FOUND",
            };
            write_line(text, out);
        }
        Request::Touch { key, exptime } => {
            let text = match store.touch(key, exptime, work) {
                true => "TOUCHED",
                false => "NOT_FOUND",
            };
            write_line(text, out);
        }
        Request::Version => out.extend_from_slice(VERSION),
        Request::Quit => {}
    }
}

fn get<S: SyncForm>(
    keys: &[&[u8]],
    tells_cas: bool,
    exptime: Option<i32>,
    store: &Store<S>,
    out: &mut Vec<u8>,
    work: &mut Work,
) {
    let start = out.len();
    let mut found = 0_u64;
    for key in keys {
        if key.len() > KEY_BYTES_MAX {
            out.truncate(start);
            write_line(BAD_FORMAT, out);
            return;
        }
        let header = store.get(key, exptime, work, |item| write_item(item, tells_cas, out));
        found += u64::from(header.is_some());
        // The value itself is handed to the system where it lies.
        work.count(Counter::BytesCopied, header.unwrap_or(0) as u64);
    }
    // The first is counted with the command.
    work.count(Counter::ProtocolElements, found.saturating_sub(1));
    out.extend_from_slice(b"END\r\n");
}

/// Writes an item of a reply and says how many bytes its first line has.
fn write_item(item: &Item, tells_cas: bool, out: &mut Vec<u8>) -> usize {
    let start = out.len();
    let mut digits = [0; 20];
    out.extend_from_slice(b"VALUE ");
    out.extend_from_slice(item.key());
    out.push(b' ');
    out.extend_from_slice(write_number(u64::from(item.flags()), &mut digits));
    out.push(b' ');
    out.extend_from_slice(write_number(item.value().len() as u64, &mut digits));
    if tells_cas {
        out.push(b' ');
        out.extend_from_slice(write_number(item.cas(), &mut digits));
    }
    out.extend_from_slice(b"\r\n");
    let header = out.len() - start;
    out.extend_from_slice(item.value());
    out.extend_from_slice(b"\r\n");
    header
}

/// Writes a reply of one line.
pub(crate) fn write_line(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\r\n");
}
