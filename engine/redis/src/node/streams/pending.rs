//! Pending entries: acknowledged and looked at.

use super::{
    change, end_of_interval, ids, no_such_group, start_of_interval, write_array, write_id,
};
use crate::keyspace::Database;
use crate::node::call::is_option;
use crate::node::{Call, ErrorReply, Outcome};
use crate::resp::Frame;
use crate::value::Stream;
use crate::value::stream::{Consumer, Group, Pending, StreamId};
use kvrig_base::seam::{Counter, Work};

/// XACK.
pub(super) fn xack<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let (key, name) = (call.args[1], call.args[2]);
    let found = db.find_to_read::<Stream>(key, call)?;
    let Some(slot) = found.filter(|slot| db.get::<Stream>(*slot).group(name).is_some()) else {
        return call.reply_integer(0);
    };
    // All are read first, so that none is acknowledged where one is no id.
    let ids = ids(call, 3)?;
    let acknowledged = change(db, key, slot, call.work, |stream, work| {
        stream.with_group(name, |group, _| {
            let is_pending = |id: &&StreamId| group.acknowledge(**id, work);
            ids.iter().filter(is_pending).count()
        })
    });
    call.reply_count(acknowledged.unwrap_or(0))
}

/// Which pending entries XPENDING lists.
#[derive(Clone, Copy, Debug)]
struct Asked<'c> {
    start: StreamId,
    end: StreamId,
    most: usize,
    idle_min_ms: i64,
    consumer: Option<&'c [u8]>,
}

/// XPENDING.
pub(super) fn xpending<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let asked = match call.args.len() {
        3 => None,
        6..=9 => Some(asked(call)?),
        _ => return Err(ErrorReply::Syntax),
    };
    let (key, name) = (call.args[1], call.args[2]);
    let found = db.find::<Stream>(key, call)?;
    let group = found.and_then(|slot| db.get::<Stream>(slot).group(name));
    let group = group.ok_or_else(|| no_such_group(key, name))?;
    match asked {
        None => summarise(group, call),
        Some(asked) => list(group, asked, call),
    }
}

fn asked<'c>(call: &mut Call<'c>) -> Result<Asked<'c>, ErrorReply<'c>> {
    let (mut start_at, mut idle_min_ms) = (3, 0);
    if is_option(call.args[3], "idle") {
        idle_min_ms = call.integer(4)?;
        if call.args.len() < 8 {
            return Err(ErrorReply::Syntax);
        }
        start_at += 2;
    }
    let count = call.integer(start_at + 2)?;
    Ok(Asked {
        start: start_of_interval(call, start_at)?,
        end: end_of_interval(call, start_at + 1)?,
        most: usize::try_from(count).unwrap_or(0),
        idle_min_ms,
        consumer: call.args.get(start_at + 3).copied(),
    })
}

/// How many are pending, between which ids, and how many for whom.
fn summarise<'c>(group: &Group, call: &mut Call<'c>) -> Outcome<'c> {
    let pending = group.pending();
    call.reply(Frame::Array(4))?;
    call.reply_count(pending.len())?;
    let ends = [pending.first(call.work), pending.last(call.work)];
    let [Some((first, _)), Some((last, _))] = ends else {
        call.reply_null()?;
        call.reply_null()?;
        return call.reply(Frame::NullArray);
    };
    write_id(first, call.out, call.work);
    write_id(last, call.out, call.work);
    let has_any = |consumer: &&Consumer| !consumer.pending().is_empty();
    call.reply(Frame::Array(group.consumers().filter(has_any).count()))?;
    for consumer in group.consumers().filter(has_any) {
        call.reply(Frame::Array(2))?;
        call.reply_bulk(consumer.name())?;
        let length = consumer.pending().len().to_string();
        call.reply_bulk(length.as_bytes())?;
    }
    Ok(())
}

/// The pending entries of an interval one by one.
fn list<'c>(group: &Group, asked: Asked<'_>, call: &mut Call<'c>) -> Outcome<'c> {
    let consumer = asked.consumer.map(|name| group.consumer(name));
    if matches!(consumer, Some(None)) {
        return call.reply(Frame::Array(0));
    }
    let now_ms = call.now_ms;
    write_array((call.out, call.work), |out, work| {
        let mut written = 0;
        if asked.most == 0 {
            return 0;
        }
        // Says whether there may be more to be listed.
        let mut one = |id: StreamId, pending: &Pending, work: &mut Work| {
            if id > asked.end {
                return false;
            }
            let idle_ms = now_ms.wrapping_sub(pending.delivered_ms);
            if asked.idle_min_ms != 0 && idle_ms < asked.idle_min_ms {
                return true;
            }
            // The head, the consumer and two numbers.
            work.count(Counter::ProtocolElements, 4);
            Frame::Array(4).encode(out);
            write_id(id, out, work);
            Frame::Bulk(group.name_of(pending.consumer)).encode(out);
            Frame::Integer(idle_ms.max(0)).encode(out);
            Frame::Integer(pending.deliveries).encode(out);
            written += 1;
            written < asked.most
        };
        match consumer.flatten() {
            None => group
                .pending()
                .walk(asked.start, work, |id, pending, work| {
                    one(id, pending, work)
                }),
            Some(consumer) => {
                consumer.pending().walk(asked.start, work, |id, (), work| {
                    let pending = group.pending().get(id, work);
                    pending.is_none_or(|pending| one(id, pending, work))
                });
            }
        }
        written
    });
    Ok(())
}
