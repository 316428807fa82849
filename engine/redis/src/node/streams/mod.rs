//! Commands on streams (`redis:src/t_stream.c` 7.0).
//!
//! XREAD and XREADGROUP, which may wait, are among the blocking commands.

mod add;
mod claim;
mod edit;
mod groups;
mod info;
mod pending;
mod range;
pub(super) mod read;

use super::call::Call;
use super::error::ErrorReply;
use crate::command::commands;
use crate::keyspace::{Database, EventClasses};
use crate::resp::Frame;
use crate::value::Stream;
use crate::value::stream::{Direction, Entry, Log, StreamId};
use kvrig_base::seam::{Counter, Work};
use kvrig_tables::Slot;

commands! { Stream;
    "xack", -4, [WRITE FAST], FIRST, "5.0.0" => Database(pending::xack);
    "xadd", -5, [WRITE DENYOOM FAST], FIRST, "5.0.0" => Database(add::xadd);
    "xautoclaim", -6, [WRITE FAST], FIRST, "6.2.0" => Database(claim::xautoclaim);
    "xclaim", -6, [WRITE FAST], FIRST, "5.0.0" => Database(claim::xclaim);
    "xdel", -3, [WRITE FAST], FIRST, "5.0.0" => Database(edit::xdel);
    "xgroup", -2, [], NONE, "5.0.0" => Container(groups::SUBCOMMANDS);
    "xinfo", -2, [], NONE, "5.0.0" => Container(info::SUBCOMMANDS);
    "xlen", 2, [READONLY FAST], FIRST, "5.0.0" => Database(range::xlen);
    "xpending", -3, [READONLY], FIRST, "5.0.0" => Database(pending::xpending);
    "xrange", -4, [READONLY], FIRST, "5.0.0" => Database(range::xrange);
    "xrevrange", -4, [READONLY], FIRST, "5.0.0" => Database(range::xrevrange);
    "xsetid", -3, [WRITE DENYOOM FAST], FIRST, "5.0.0" => Database(edit::xsetid);
    "xtrim", -4, [WRITE], FIRST, "5.0.0" => Database(add::xtrim);
}

pub(super) const INVALID_ID: ErrorReply<'static> =
    ErrorReply::Fixed("ERR Invalid stream ID specified as stream command argument");
const INVALID_START: ErrorReply<'static> =
    ErrorReply::Fixed("ERR invalid start ID for the interval");
const INVALID_END: ErrorReply<'static> = ErrorReply::Fixed("ERR invalid end ID for the interval");

/// The error of a group that is not there, or whose key is not.
fn no_such_group<'c>(key: &'c [u8], group: &'c [u8]) -> ErrorReply<'c> {
    ErrorReply::QuotingTwo {
        texts: ["NOGROUP No such key '", "' or consumer group '", "'"],
        quoted: [key, group],
    }
}

/// The same where the key is there.
fn no_such_group_of_key<'c>(key: &'c [u8], group: &'c [u8]) -> ErrorReply<'c> {
    ErrorReply::QuotingTwo {
        texts: ["NOGROUP No such consumer group '", "' for key name '", "'"],
        quoted: [group, key],
    }
}

/// Changes a stream without telling those who watch its key: of all commands on streams, only those
/// that add or remove entries tell them.
/// Number of consumers of a group.
fn consumers(db: &Database, slot: Slot, group: &[u8]) -> usize {
    let group = db.get::<Stream>(slot).group(group);
    group.map_or(0, |group| group.consumers().len())
}

/// Tells it if a group has more consumers than before (streamCreateConsumer).
fn tell_new_consumers(db: &mut Database, (key, slot): (&[u8], Slot), group: &[u8], before: usize) {
    if consumers(db, slot, group) > before {
        db.notify(EventClasses::STREAM, "xgroup-createconsumer", key);
    }
}

fn change<R>(
    db: &mut Database,
    key: &[u8],
    slot: Slot,
    work: &mut Work,
    change: impl FnOnce(&mut Stream, &mut Work) -> R,
) -> R {
    let result = db.change_if(key, slot, work, |stream: &mut Stream, work| {
        (change(stream, work), false)
    });
    // It counts as a change all the same.
    db.mark_changed();
    result
}

/// The id that argument `index` is, where neither `-` nor `+` is one (streamParseStrictIDOrReply).
fn id<'c>(call: &mut Call<'c>, index: usize) -> Result<StreamId, ErrorReply<'c>> {
    let text = call.args[index];
    call.work.count(Counter::BytesScanned, text.len() as u64);
    StreamId::parse(text, 0).ok_or(INVALID_ID)
}

/// The ids that arguments from `index` on are.
fn ids<'c>(call: &mut Call<'c>, index: usize) -> Result<Vec<StreamId>, ErrorReply<'c>> {
    (index..call.args.len())
        .map(|index| id(call, index))
        .collect()
}

/// The first id of an interval that begins as an argument says; a bracket leaves that id out
/// (streamParseIntervalIDOrReply).
fn start_of_interval<'c>(call: &mut Call<'c>, index: usize) -> Result<StreamId, ErrorReply<'c>> {
    let (id, is_excluded) = end_of(call.args[index], 0)?;
    match is_excluded {
        true => id.next().ok_or(INVALID_START),
        false => Ok(id),
    }
}

/// The last id of an interval that ends as an argument says.
fn end_of_interval<'c>(call: &mut Call<'c>, index: usize) -> Result<StreamId, ErrorReply<'c>> {
    let (id, is_excluded) = end_of(call.args[index], u64::MAX)?;
    match is_excluded {
        true => id.previous().ok_or(INVALID_END),
        false => Ok(id),
    }
}

fn end_of<'c>(text: &[u8], missing_seq: u64) -> Result<(StreamId, bool), ErrorReply<'c>> {
    let (id, is_excluded) = match text {
        [b'(', text @ ..] if !text.is_empty() => (StreamId::parse(text, missing_seq), true),
        _ => (StreamId::parse_or_end(text, missing_seq), false),
    };
    Ok((id.ok_or(INVALID_ID)?, is_excluded))
}

/// Writes an id.
fn write_id(id: StreamId, out: &mut Vec<u8>, work: &mut Work) {
    work.count(Counter::ProtocolElements, 1);
    Frame::Bulk(&id.text()).encode(out);
}

/// Writes an entry: its id, then its fields and values.
fn write_entry(entry: &Entry<'_>, out: &mut Vec<u8>, work: &mut Work) {
    Frame::Array(2).encode(out);
    write_id(entry.id, out, work);
    Frame::Array(2 * entry.fields()).encode(out);
    // Two heads, fields and values.
    work.count(Counter::ProtocolElements, 2 + 2 * entry.fields() as u64);
    entry.for_each(work, |field, value, work| {
        for text in [field, value] {
            work.count(Counter::BytesCopied, text.as_slice().len() as u64);
            Frame::Bulk(text.as_slice()).encode(out);
        }
    });
}

/// Writes an array of as many elements as `write` says that it wrote, and returns that number.
fn write_array(
    (out, work): (&mut Vec<u8>, &mut Work),
    write: impl FnOnce(&mut Vec<u8>, &mut Work) -> usize,
) -> usize {
    let start = out.len();
    let count = write(out, work);
    work.count(Counter::ProtocolElements, 1);
    let mut head = Vec::new();
    Frame::Array(count).encode(&mut head);
    out.splice(start..start, head);
    count
}

/// Writes entries of a range, at most so many, and says how many.
fn write_entries(
    log: &Log,
    range: (StreamId, StreamId),
    direction: Direction,
    most: Option<usize>,
    (out, work): (&mut Vec<u8>, &mut Work),
) -> usize {
    let mut written = 0;
    log.walk(range, direction, work, |entry, work| {
        write_entry(entry, out, work);
        written += 1;
        most.is_none_or(|most| written < most)
    });
    written
}

/// A number of elements at most, as COUNT gives it: zero and less are no limit.
pub(super) fn at_most(count: i64) -> Option<usize> {
    usize::try_from(count).ok().filter(|count| *count > 0)
}
