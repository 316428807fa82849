//! SLOWLOG: commands that took long (`redis:src/slowlog.c`).
//!
//! A command's time is that which the host says was spent on it: by the prices of the cost profile
//! in the simulator, by a clock elsewhere. It is asked only where `slowlog-log-slower-than` wants it,
//! which in studies it does not unless they say so. A command that has waited is
//! logged when it is answered, with the time that it took and not that for which it waited.

use super::call::{Call, Outcome};
use super::client::Session;
use super::error::ErrorReply;
use super::help::help;
use super::monitor::secret_from;
use super::{After, Node};
use crate::command::{CommandSpec, Flags, commands};
use crate::number::parse_i64;
use crate::resp::Frame;
use kvrig_base::time::Span;
use std::collections::VecDeque;

commands! { SUBCOMMANDS: Server;
    "slowlog|get", -2, [ADMIN LOADING STALE], NONE, "2.2.12" => Node(get);
    "slowlog|help", 2, [LOADING STALE], NONE, "6.2.0" => Database(help);
    "slowlog|len", 2, [ADMIN LOADING STALE], NONE, "2.2.12" => Node(len);
    "slowlog|reset", 2, [ADMIN LOADING STALE], NONE, "2.2.12" => Node(reset);
}

/// Arguments that an entry keeps; the last tells how many more there were (SLOWLOG_ENTRY_MAX_ARGC).
const ARGS_MAX: usize = 32;
/// Bytes of an argument that it keeps (SLOWLOG_ENTRY_MAX_STRING).
const ARG_BYTES_MAX: usize = 128;
/// Entries that SLOWLOG GET tells unless it is asked for more.
const TOLD: usize = 10;

/// A command that took long.
#[derive(Debug)]
struct Entry {
    number: u64,
    unix_s: i64,
    took_us: u64,
    args: Vec<Box<[u8]>>,
    peer: String,
    name: Box<[u8]>,
}

/// The commands that took long, the last in front.
#[derive(Debug, Default)]
pub(super) struct SlowLog {
    entries: VecDeque<Entry>,
    /// The number of the next entry, which a reset leaves as it is.
    next: u64,
}

/// The arguments as an entry keeps them.
fn kept(args: &[&[u8]], secret_from: usize) -> Vec<Box<[u8]>> {
    let is_cut = args.len() > ARGS_MAX;
    let whole = if is_cut { ARGS_MAX - 1 } else { args.len() };
    let shorten = |(index, arg): (usize, &&[u8])| -> Box<[u8]> {
        if index >= secret_from {
            return b"(redacted)".as_slice().into();
        }
        match arg.len().checked_sub(ARG_BYTES_MAX) {
            None | Some(0) => Box::from(*arg),
            Some(more) => {
                let note = format!("... ({more} more bytes)");
                [&arg[..ARG_BYTES_MAX], note.as_bytes()].concat().into()
            }
        }
    };
    let mut kept: Vec<Box<[u8]>> = args[..whole].iter().enumerate().map(shorten).collect();
    if is_cut {
        let note = format!("... ({} more arguments)", args.len() - whole);
        kept.push(note.into_bytes().into());
    }
    kept
}

impl Node {
    /// Whether anybody wants to know how long commands take.
    #[inline]
    pub(super) fn times_commands(&self) -> bool {
        self.config.times_commands
            || self.config.slowlog_log_slower_than >= 0
            || self.config.latency_monitor_threshold > 0
    }
    /// Takes note of how long a command took (slowlogPushEntryIfNeeded, latencyAddSampleIfNeeded).
    pub(super) fn note_time(&mut self, session: &Session, call: &Call<'_>, took: Span) {
        let event = match call.spec.flags.has(Flags::FAST) {
            true => "fast-command",
            false => "command",
        };
        self.note_latency(event, took, call.now_ms);
        self.note_slow(session, (call.spec, call.args, call.now_ms), took);
    }
    /// Takes a request into the log if it took as long as the limit.
    pub(super) fn note_slow(
        &mut self,
        session: &Session,
        (spec, args, now_ms): (&'static CommandSpec, &[&[u8]], i64),
        took: Span,
    ) {
        let limit_us = u64::try_from(self.config.slowlog_log_slower_than);
        let is_slow = limit_us.is_ok_and(|limit_us| took.as_micros() >= limit_us);
        if !is_slow || spec.flags.has(Flags::SKIP_SLOWLOG) {
            return;
        }
        let entry = Entry {
            number: self.slow_log.next,
            unix_s: now_ms / 1_000,
            took_us: took.as_micros(),
            args: kept(args, secret_from(spec, args.len())),
            peer: session.peer().to_owned(),
            name: session.name.clone(),
        };
        self.slow_log.next += 1;
        self.slow_log.entries.push_front(entry);
        self.slow_log.entries.truncate(self.config.slowlog_max_len);
    }
}

/// SLOWLOG GET.
fn get<'c>(node: &mut Node, _: &mut Session, call: &mut Call<'c>) -> Result<After, ErrorReply<'c>> {
    let told = match *call.args {
        [_, _] => TOLD,
        [_, _, count] => match parse_i64(count) {
            Some(-1) => usize::MAX,
            Some(count @ 0..) => usize::try_from(count).unwrap_or(usize::MAX),
            _ => {
                return Err(ErrorReply::Fixed(
                    "ERR count should be greater than or equal to -1",
                ));
            }
        },
        _ => {
            return Err(ErrorReply::Quoting {
                before: "ERR unknown subcommand or wrong number of arguments for '",
                quoted: call.args[1],
                after: "'. Try SLOWLOG HELP.",
            });
        }
    };
    let entries = &node.slow_log.entries;
    call.reply(Frame::Array(told.min(entries.len())))?;
    for entry in entries.iter().take(told) {
        tell(entry, call)?;
    }
    Ok(After::Continue)
}

fn tell<'c>(entry: &Entry, call: &mut Call<'c>) -> Outcome<'c> {
    call.reply(Frame::Array(6))?;
    call.reply_integer(i64::try_from(entry.number).unwrap_or(i64::MAX))?;
    call.reply_integer(entry.unix_s)?;
    call.reply_integer(i64::try_from(entry.took_us).unwrap_or(i64::MAX))?;
    call.reply(Frame::Array(entry.args.len()))?;
    for arg in &entry.args {
        call.reply_bulk(arg)?;
    }
    call.reply_bulk(entry.peer.as_bytes())?;
    call.reply_bulk(&entry.name)
}

/// SLOWLOG LEN.
fn len<'c>(node: &mut Node, _: &mut Session, call: &mut Call<'c>) -> Result<After, ErrorReply<'c>> {
    call.reply_count(node.slow_log.entries.len())
        .map(|()| After::Continue)
}

/// SLOWLOG RESET.
fn reset<'c>(
    node: &mut Node,
    _: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    node.slow_log.entries.clear();
    call.reply_ok().map(|()| After::Continue)
}
