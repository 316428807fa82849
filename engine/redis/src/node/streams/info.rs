//! XINFO: what streams, groups and consumers are like.

use super::{at_most, no_such_group_of_key, write_array, write_entries, write_id};
use crate::command::commands;
use crate::keyspace::Database;
use crate::node::call::is_option;
use crate::node::help::help;
use crate::node::{Call, ErrorReply, Outcome};
use crate::resp::Frame;
use crate::value::Stream;
use crate::value::stream::{Consumer, Direction, Group, Log, StreamId};
use kvrig_base::seam::Counter;
use kvrig_tables::Slot;

commands! { SUBCOMMANDS: Stream;
    "xinfo|consumers", 4, [READONLY], SECOND, "5.0.0" => Database(consumers);
    "xinfo|groups", 3, [READONLY], SECOND, "5.0.0" => Database(groups);
    "xinfo|help", 2, [LOADING STALE], NONE, "5.0.0" => Database(help);
    "xinfo|stream", -3, [READONLY], SECOND, "5.0.0" => Database(stream);
}

/// Entries of each kind that FULL tells where COUNT does not say.
const COUNT_DEFAULT: i64 = 10;

/// All ids.
const EVERYTHING: (StreamId, StreamId) = (StreamId::MIN, StreamId::MAX);

fn find<'c>(db: &mut Database, call: &mut Call<'c>) -> Result<Slot, ErrorReply<'c>> {
    db.find::<Stream>(call.args[2], call)?
        .ok_or(ErrorReply::NoSuchKey)
}

fn reply_name<'c>(name: &str, call: &mut Call<'c>) -> Outcome<'c> {
    call.reply(Frame::Bulk(name.as_bytes()))
}

fn reply_number<'c>(name: &str, number: i64, call: &mut Call<'c>) -> Outcome<'c> {
    reply_name(name, call)?;
    call.reply_integer(number)
}

fn reply_id<'c>(name: &str, id: StreamId, call: &mut Call<'c>) -> Outcome<'c> {
    reply_name(name, call)?;
    write_id(id, call.out, call.work);
    Ok(())
}

fn reply_known<'c>(name: &str, number: Option<u64>, call: &mut Call<'c>) -> Outcome<'c> {
    reply_name(name, call)?;
    match number {
        Some(number) => call.reply_integer(number as i64),
        None => call.reply_null(),
    }
}

/// XINFO STREAM.
fn stream<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let slot = find(db, call)?;
    let misused = ErrorReply::Quoting {
        before: "ERR unknown subcommand or wrong number of arguments for '",
        quoted: call.args[1],
        after: "'. Try XINFO HELP.",
    };
    let count = match *call.args {
        [_, _, _] => None,
        [_, _, _, full] if is_option(full, "full") => Some(COUNT_DEFAULT),
        [_, _, _, full, count, _] if is_option(full, "full") && is_option(count, "count") => {
            let count = call.integer(5)?;
            Some(if count < 0 { COUNT_DEFAULT } else { count })
        }
        _ => return Err(misused),
    };
    let stream = db.get::<Stream>(slot);
    let log = stream.log();
    call.reply(Frame::Map(if count.is_some() { 9 } else { 10 }))?;
    reply_number("length", log.len() as i64, call)?;
    reply_number("radix-tree-keys", log.nodes().len() as i64, call)?;
    reply_number("radix-tree-nodes", log.nodes().nodes() as i64, call)?;
    reply_id("last-generated-id", log.last_id(), call)?;
    reply_id("max-deleted-entry-id", log.max_deleted_id(), call)?;
    reply_number("entries-added", log.entries_added() as i64, call)?;
    reply_id("recorded-first-entry-id", log.first_id(), call)?;
    let Some(count) = count else {
        reply_number("groups", stream.groups().len() as i64, call)?;
        reply_outermost("first-entry", log, Direction::Forwards, call)?;
        return reply_outermost("last-entry", log, Direction::Backwards, call);
    };
    let most = at_most(count);
    reply_name("entries", call)?;
    write_array((call.out, call.work), |out, work| {
        write_entries(log, EVERYTHING, Direction::Forwards, most, (out, work))
    });
    reply_name("groups", call)?;
    call.reply(Frame::Array(stream.groups().len()))?;
    stream.groups().try_for_each(|(name, group)| {
        call.reply(Frame::Map(7))?;
        reply_in_full(name, group, log, most, call)
    })
}

fn reply_outermost<'c>(
    name: &str,
    log: &Log,
    direction: Direction,
    call: &mut Call<'c>,
) -> Outcome<'c> {
    reply_name(name, call)?;
    let out = (&mut *call.out, &mut *call.work);
    match write_entries(log, EVERYTHING, direction, Some(1), out) {
        0 => call.reply_null(),
        _ => Ok(()),
    }
}

/// A group with its pending entries and consumers, of each at most so many.
fn reply_in_full<'c>(
    name: &[u8],
    group: &Group,
    log: &Log,
    most: Option<usize>,
    call: &mut Call<'c>,
) -> Outcome<'c> {
    reply_name("name", call)?;
    call.reply_bulk(name)?;
    reply_id("last-delivered-id", group.last_id(), call)?;
    reply_known("entries-read", group.entries_read(), call)?;
    reply_known("lag", group.lag(log), call)?;
    reply_number("pel-count", group.pending().len() as i64, call)?;
    reply_name("pending", call)?;
    let mut left = most.unwrap_or(usize::MAX);
    call.reply(Frame::Array(group.pending().len().min(left)))?;
    let out = &mut *call.out;
    group
        .pending()
        .walk(StreamId::MIN, call.work, |id, pending, work| {
            // The head, the consumer and two numbers.
            work.count(Counter::ProtocolElements, 4);
            Frame::Array(4).encode(out);
            write_id(id, out, work);
            Frame::Bulk(group.name_of(pending.consumer)).encode(out);
            Frame::Integer(pending.delivered_ms).encode(out);
            Frame::Integer(pending.deliveries).encode(out);
            left -= 1;
            left > 0
        });
    reply_name("consumers", call)?;
    call.reply(Frame::Array(group.consumers().len()))?;
    group.consumers().try_for_each(|consumer| {
        call.reply(Frame::Map(4))?;
        reply_consumer(group, consumer, most, call)
    })
}

fn reply_consumer<'c>(
    group: &Group,
    consumer: &Consumer,
    most: Option<usize>,
    call: &mut Call<'c>,
) -> Outcome<'c> {
    reply_name("name", call)?;
    call.reply_bulk(consumer.name())?;
    reply_number("seen-time", consumer.seen_ms(), call)?;
    reply_number("pel-count", consumer.pending().len() as i64, call)?;
    reply_name("pending", call)?;
    let mut left = most.unwrap_or(usize::MAX);
    call.reply(Frame::Array(consumer.pending().len().min(left)))?;
    let out = &mut *call.out;
    consumer
        .pending()
        .walk(StreamId::MIN, call.work, |id, (), work| {
            if let Some(pending) = group.pending().get(id, work) {
                // The head and two numbers.
                work.count(Counter::ProtocolElements, 3);
                Frame::Array(3).encode(out);
                write_id(id, out, work);
                Frame::Integer(pending.delivered_ms).encode(out);
                Frame::Integer(pending.deliveries).encode(out);
            }
            left -= 1;
            left > 0
        });
    Ok(())
}

/// XINFO GROUPS.
fn groups<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let slot = find(db, call)?;
    let stream = db.get::<Stream>(slot);
    call.reply(Frame::Array(stream.groups().len()))?;
    stream.groups().try_for_each(|(name, group)| {
        call.reply(Frame::Map(6))?;
        reply_name("name", call)?;
        call.reply_bulk(name)?;
        reply_number("consumers", group.consumers().len() as i64, call)?;
        reply_number("pending", group.pending().len() as i64, call)?;
        reply_id("last-delivered-id", group.last_id(), call)?;
        reply_known("entries-read", group.entries_read(), call)?;
        reply_known("lag", group.lag(stream.log()), call)
    })
}

/// XINFO CONSUMERS.
fn consumers<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let slot = find(db, call)?;
    let (key, name) = (call.args[2], call.args[3]);
    let group = db.get::<Stream>(slot).group(name);
    let group = group.ok_or_else(|| no_such_group_of_key(key, name))?;
    call.reply(Frame::Array(group.consumers().len()))?;
    group.consumers().try_for_each(|consumer| {
        call.reply(Frame::Map(3))?;
        reply_name("name", call)?;
        call.reply_bulk(consumer.name())?;
        reply_number("pending", consumer.pending().len() as i64, call)?;
        let idle_ms = call.now_ms.wrapping_sub(consumer.seen_ms());
        reply_number("idle", idle_ms.max(0), call)
    })
}
