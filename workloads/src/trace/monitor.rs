//! What `redis-cli MONITOR` prints: one command a line, with its time and client.
//!
//! `1339518083.107412 [0 127.0.0.1:60866] "get" "k"` (Redis documentation, MONITOR; arguments are
//! written as `redis:src/sds.c` does, sdscatrepr). A command of several keys is a request for each
//! of them; commands without a key, and those whose effect on a value is not known here, are
//! counted and left out.

use super::source::RawRequest;
use super::{gzip, unreadable};
use crate::mix::OpKind;
use crate::trace::text::quoted;
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::limits::TRACE_LINE_BYTES_MAX;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};

/// Where the keys of a command are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keys {
    /// The first argument.
    First,
    /// Every argument.
    All,
    /// Every other argument, each followed by its value.
    Pairs,
}

/// Commands that ask for keys, as operations; a value's place counts arguments after the name.
const COMMANDS: &[(&str, OpKind, Keys, Option<usize>)] = &[
    ("get", OpKind::Get, Keys::First, None),
    ("getex", OpKind::Get, Keys::First, None),
    ("strlen", OpKind::Get, Keys::First, None),
    ("getrange", OpKind::Get, Keys::First, None),
    ("mget", OpKind::Get, Keys::All, None),
    ("set", OpKind::Set, Keys::First, Some(1)),
    ("getset", OpKind::Set, Keys::First, Some(1)),
    ("setex", OpKind::Set, Keys::First, Some(2)),
    ("psetex", OpKind::Set, Keys::First, Some(2)),
    ("mset", OpKind::Set, Keys::Pairs, Some(1)),
    ("setnx", OpKind::Add, Keys::First, Some(1)),
    ("append", OpKind::Append, Keys::First, Some(1)),
    ("del", OpKind::Delete, Keys::All, None),
    ("unlink", OpKind::Delete, Keys::All, None),
    ("getdel", OpKind::Delete, Keys::First, None),
    ("incr", OpKind::Increment, Keys::First, None),
    ("incrby", OpKind::Increment, Keys::First, None),
    ("decr", OpKind::Decrement, Keys::First, None),
    ("decrby", OpKind::Decrement, Keys::First, None),
    ("exists", OpKind::Exists, Keys::All, None),
    ("hset", OpKind::HashSet, Keys::First, Some(2)),
    ("hmset", OpKind::HashSet, Keys::First, Some(2)),
    ("hgetall", OpKind::HashGetAll, Keys::First, None),
    ("hdel", OpKind::HashDelete, Keys::First, None),
    ("zadd", OpKind::SortedSetAdd, Keys::First, Some(2)),
    ("zrevrange", OpKind::SortedSetTop, Keys::First, None),
    ("zrevrank", OpKind::SortedSetRank, Keys::First, None),
    ("pfadd", OpKind::DistinctAdd, Keys::First, Some(1)),
    ("pfcount", OpKind::DistinctCount, Keys::All, None),
];

/// A reader of such lines.
pub(super) struct MonitorSource<'r> {
    name: String,
    lines: BufReader<Box<dyn Read + 'r>>,
    line: Vec<u8>,
    /// Whether the present line ends as lines do; the last of a file may not.
    has_end: bool,
    /// Lines so far.
    number: u64,
    /// Requests of the last command that are still to be handed out, the next one last.
    pending: Vec<RawRequest>,
    left_out: BTreeMap<String, u64>,
}

impl<'r> MonitorSource<'r> {
    pub(super) fn new(name: &str, reader: impl Read + 'r) -> Result<Self, Diagnostic> {
        let plain = gzip::transparent(reader).map_err(|error| unreadable(name, 1, &error))?;
        Ok(Self {
            name: name.to_owned(),
            lines: BufReader::new(plain),
            line: Vec::new(),
            has_end: true,
            number: 0,
            pending: Vec::new(),
            left_out: BTreeMap::new(),
        })
    }
    pub(super) const fn left_out(&self) -> &BTreeMap<String, u64> {
        &self.left_out
    }
    pub(super) fn refuse(&self, what: impl std::fmt::Display) -> Diagnostic {
        let (name, number) = (&self.name, self.number);
        let message = format!("{name}: record {number} (line {number}): {what}");
        Diagnostic::new(diagnostic::TRACE_RECORD, message)
    }
    fn cut_off(&self) -> Diagnostic {
        let (name, number) = (&self.name, self.number);
        let message = format!("{name}: record {number} (line {number}) is cut off");
        Diagnostic::new(diagnostic::TRACE_TRUNCATED, message)
    }
    pub(super) fn next(&mut self, request: &mut RawRequest) -> Result<bool, Diagnostic> {
        loop {
            if let Some(next) = self.pending.pop() {
                *request = next;
                return Ok(true);
            }
            if !self.read_line()? {
                return Ok(false);
            }
            self.command()?;
        }
    }
    /// Reads the next line without its end; false at the end of the file.
    fn read_line(&mut self) -> Result<bool, Diagnostic> {
        self.line.clear();
        self.number += 1;
        let limit = TRACE_LINE_BYTES_MAX as u64 + 1;
        let read = self
            .lines
            .by_ref()
            .take(limit)
            .read_until(b'\n', &mut self.line);
        let count = read.map_err(|error| unreadable(&self.name, self.number, &error))?;
        if count > TRACE_LINE_BYTES_MAX {
            let what = format!("a record is longer than {TRACE_LINE_BYTES_MAX} bytes");
            return Err(self.refuse(what));
        }
        self.has_end = self.line.last() == Some(&b'\n');
        if count > 0 && !self.has_end && !self.line.ends_with(b"\"") {
            return Err(self.cut_off());
        }
        while self.line.last().is_some_and(u8::is_ascii_whitespace) {
            self.line.pop();
        }
        Ok(count > 0)
    }
    /// Puts the requests of the command in the current line into `pending`.
    fn command(&mut self) -> Result<(), Diagnostic> {
        // The answer to MONITOR itself, and empty lines.
        if self.line.is_empty() || self.line == b"OK" {
            return Ok(());
        }
        let (time, client, rest) = self.prologue()?;
        let mut args = arguments(rest).ok_or_else(|| match self.has_end {
            true => self.refuse("the arguments are not all in double quotes, with their escapes"),
            // The last quote of a line without an end may be one that opens.
            false => self.cut_off(),
        })?;
        if args.is_empty() {
            return Err(self.refuse("there is no command after the client"));
        }
        let name = String::from_utf8_lossy(&args.remove(0)).to_ascii_lowercase();
        let known = COMMANDS.iter().find(|(known, ..)| *known == name);
        let Some(&(_, kind, keys, value_at)) = known.filter(|_| !args.is_empty()) else {
            // An unknown name may be any text; what is counted stays bounded.
            let name: String = name.chars().take(24).collect();
            if self.left_out.len() < 256 || self.left_out.contains_key(&name) {
                *self.left_out.entry(name).or_default() += 1;
            }
            return Ok(());
        };
        let ttl = ttl_seconds(&name, &args);
        let step = if keys == Keys::Pairs { 2 } else { 1 };
        let count = if keys == Keys::First { 1 } else { args.len() };
        for at in (0..count).step_by(step) {
            let value = value_at.and_then(|place| args.get(at + place));
            let length = |bytes: &Vec<u8>| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            self.pending.push(RawRequest {
                time: Some(time),
                key_bytes: Some(length(&args[at])),
                value_bytes: Some(value.map_or(0, length)),
                kind: Some((kind, kind.name().to_owned())),
                ttl_seconds: Some(ttl),
                client: Some(client.clone()),
                repeat: 1,
                key: args[at].clone(),
            });
        }
        self.pending.reverse();
        Ok(())
    }
    /// Time in microseconds, client, and what follows.
    fn prologue(&self) -> Result<(u64, String, &[u8]), Diagnostic> {
        let parts = || {
            let open = self.line.iter().position(|&byte| byte == b'[')?;
            let close = self.line.iter().position(|&byte| byte == b']')?;
            let time = std::str::from_utf8(&self.line[..open]).ok()?.trim();
            let client = std::str::from_utf8(self.line.get(open + 1..close)?).ok()?;
            // The number of the database stands before the client.
            let (_, client) = client.split_once(' ')?;
            let (seconds, micros) = time.split_once('.')?;
            if micros.len() != 6 || !micros.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            let seconds: u64 = seconds.parse().ok()?;
            let micros = seconds
                .checked_mul(1_000_000)?
                .checked_add(micros.parse().ok()?)?;
            Some((micros, client.to_owned(), &self.line[close + 1..]))
        };
        parts().ok_or_else(|| {
            self.refuse(format_args!(
                "{} does not begin as `1339518083.107412 [0 127.0.0.1:60866]`",
                quoted(&self.line)
            ))
        })
    }
}

/// The arguments of a line, unescaped.
fn arguments(mut rest: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut args = Vec::new();
    loop {
        rest = rest.trim_ascii_start();
        if rest.is_empty() {
            return Some(args);
        }
        rest = rest.strip_prefix(b"\"")?;
        let mut arg = Vec::new();
        loop {
            let (&byte, after) = rest.split_first()?;
            rest = after;
            match byte {
                b'"' => break,
                b'\\' => {
                    let (&escape, after) = rest.split_first()?;
                    rest = after;
                    arg.push(match escape {
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        b'a' => 0x07,
                        b'b' => 0x08,
                        b'x' => {
                            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
                            rest = &rest[2..];
                            u8::from_str_radix(digits, 16).ok()?
                        }
                        other => other,
                    });
                }
                other => arg.push(other),
            }
        }
        args.push(arg);
    }
}

/// The time to live that a command gives, in seconds rounded up; zero for none.
fn ttl_seconds(name: &str, args: &[Vec<u8>]) -> u32 {
    let number =
        |at: usize| -> Option<u64> { std::str::from_utf8(args.get(at)?).ok()?.parse().ok() };
    let option = |wanted: &str| {
        let place = args
            .iter()
            .skip(2)
            .position(|arg| arg.eq_ignore_ascii_case(wanted.as_bytes()));
        place.and_then(|place| number(place + 3))
    };
    let seconds = match name {
        "setex" => number(1),
        "psetex" => number(1).map(|millis| millis.div_ceil(1_000)),
        "set" => option("ex").or_else(|| option("px").map(|millis| millis.div_ceil(1_000))),
        _ => None,
    };
    u32::try_from(seconds.unwrap_or(0)).unwrap_or(u32::MAX)
}
