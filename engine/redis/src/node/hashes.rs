//! Commands on hashes (`redis:src/t_hash.c`).

use super::call::is_option;
use super::scan::{reply_nothing, scan_value, value_cursor, value_options};
use super::{Call, ErrorReply, Outcome};
use crate::command::commands;
use crate::keyspace::{Database, EventClasses};
use crate::number::{Extended, IntegerText, parse_i64};
use crate::resp::Frame;
use crate::value::{Hash, Kind};
use kvrig_base::seam::{Counter, Work};
use kvrig_tables::Slot;
use std::collections::BTreeMap;

commands! { Hash;
    "hdel", -3, [WRITE FAST], FIRST, "2.0.0" => Database(hdel);
    "hexists", 3, [READONLY FAST], FIRST, "2.0.0" => Database(hexists);
    "hget", 3, [READONLY FAST], FIRST, "2.0.0" => Database(hget);
    "hgetall", 2, [READONLY], FIRST, "2.0.0" => Database(hgetall);
    "hincrby", 4, [WRITE DENYOOM FAST], FIRST, "2.0.0" => Database(hincrby);
    "hincrbyfloat", 4, [WRITE DENYOOM FAST], FIRST, "2.6.0" => Database(hincrbyfloat);
    "hkeys", 2, [READONLY], FIRST, "2.0.0" => Database(hkeys);
    "hlen", 2, [READONLY FAST], FIRST, "2.0.0" => Database(hlen);
    "hmget", -3, [READONLY FAST], FIRST, "2.0.0" => Database(hmget);
    "hmset", -4, [WRITE DENYOOM FAST], FIRST, "2.0.0" => Database(hmset);
    "hrandfield", -2, [READONLY], FIRST, "6.2.0" => Database(hrandfield);
    "hscan", -3, [READONLY], FIRST, "2.8.0" => Database(hscan);
    "hset", -4, [WRITE DENYOOM FAST], FIRST, "2.0.0" => Database(hset);
    "hsetnx", 4, [WRITE DENYOOM FAST], FIRST, "2.0.0" => Database(hsetnx);
    "hstrlen", 3, [READONLY FAST], FIRST, "3.2.0" => Database(hstrlen);
    "hvals", 2, [READONLY], FIRST, "2.0.0" => Database(hvals);
}

/// The hash at the first argument, made where there is none.
fn find_or_create<'c>(db: &mut Database, call: &mut Call<'c>) -> Result<Slot, ErrorReply<'c>> {
    let key = call.args[1];
    if let Some(slot) = db.find::<Hash>(key, call)? {
        return Ok(slot);
    }
    let hash = Hash::new(db.limits().hash_pack, db.new_dict());
    call.work.count(Counter::AllocationsSmall, 1);
    Ok(db.add(key, hash.into_value(), call.work))
}

/// HSET.
fn hset<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let created = set_fields(db, call)?;
    call.reply_count(created)
}

/// HMSET.
fn hmset<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    set_fields(db, call)?;
    call.reply_ok()
}

/// Sets all fields named, and says how many are new.
fn set_fields<'c>(db: &mut Database, call: &mut Call<'c>) -> Result<usize, ErrorReply<'c>> {
    if !call.args.len().is_multiple_of(2) {
        return Err(call.wrong_arity());
    }
    let slot = find_or_create(db, call)?;
    let (key, pairs) = (call.args[1], &call.args[2..]);
    let created = db.change(key, slot, call.work, |hash: &mut Hash, work| {
        hash.make_room_for(pairs, work);
        pairs
            .chunks_exact(2)
            .filter(|pair| hash.set(pair[0], pair[1], work))
            .count()
    });
    db.notify(EventClasses::HASH, "hset", key);
    Ok(created)
}

/// HSETNX.
fn hsetnx<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let slot = find_or_create(db, call)?;
    let (field, value) = (call.args[2], call.args[3]);
    let is_new = db.change_if(call.args[1], slot, call.work, |hash: &mut Hash, work| {
        let is_new = hash.get(field, work).is_none() && hash.set(field, value, work);
        (is_new, is_new)
    });
    if is_new {
        db.notify(EventClasses::HASH, "hset", call.args[1]);
    }
    call.reply_integer(is_new.into())
}

/// HINCRBY.
fn hincrby<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let increment = call.integer(3)?;
    let slot = find_or_create(db, call)?;
    let field = call.args[2];
    let add = |hash: &mut Hash, work: &mut Work| {
        let present = match hash.get(field, work) {
            Some(value) => parse_i64(value.as_slice())
                .ok_or(ErrorReply::Fixed("ERR hash value is not an integer"))?,
            None => 0,
        };
        let sum = present
            .checked_add(increment)
            .ok_or(ErrorReply::IncrementOverflow)?;
        hash.set(field, IntegerText::new(sum).as_bytes(), work);
        Ok(sum)
    };
    let sum = db.change_if(call.args[1], slot, call.work, |hash, work| {
        let sum = add(hash, work);
        (sum, sum.is_ok())
    })?;
    db.notify(EventClasses::HASH, "hincrby", call.args[1]);
    call.reply_integer(sum)
}

/// HINCRBYFLOAT.
fn hincrbyfloat<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let increment = call.extended(3)?;
    if !increment.is_finite() {
        return Err(ErrorReply::Fixed("ERR value is NaN or Infinity"));
    }
    let slot = find_or_create(db, call)?;
    let field = call.args[2];
    let add = |hash: &mut Hash, work: &mut Work| {
        let present = match hash.get(field, work) {
            Some(value) => Extended::parse(value.as_slice())
                .ok_or(ErrorReply::Fixed("ERR hash value is not a float"))?,
            None => Extended::ZERO,
        };
        let sum = present.checked_add(increment).ok_or(ErrorReply::Fixed(
            "ERR increment would produce NaN or Infinity",
        ))?;
        let sum = sum.to_text();
        hash.set(field, sum.as_bytes(), work);
        Ok(sum)
    };
    let sum = db.change_if(call.args[1], slot, call.work, |hash, work| {
        let sum = add(hash, work);
        let is_done = sum.is_ok();
        (sum, is_done)
    })?;
    db.notify(EventClasses::HASH, "hincrbyfloat", call.args[1]);
    call.reply(Frame::Bulk(sum.as_bytes()))
}

/// HDEL.
fn hdel<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let Some(slot) = db.find::<Hash>(call.args[1], call)? else {
        return call.reply_integer(0);
    };
    let fields = &call.args[2..];
    let deleted = db.change_if(call.args[1], slot, call.work, |hash: &mut Hash, work| {
        let is_removed = |field: &&&[u8]| hash.remove(field, work);
        let removed = fields.iter().filter(is_removed).count();
        (removed, removed > 0)
    });
    if deleted > 0 {
        db.notify_taken(EventClasses::HASH, "hdel", call.args[1]);
    }
    call.reply_count(deleted)
}

/// HLEN.
fn hlen<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let slot = db.find::<Hash>(call.args[1], call)?;
    call.reply_count(slot.map_or(0, |slot| db.get::<Hash>(slot).len()))
}

/// HEXISTS.
fn hexists<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let length = value_len(db, call)?;
    call.reply_integer(length.is_some().into())
}

/// HSTRLEN.
fn hstrlen<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let length = value_len(db, call)?;
    call.reply_count(length.unwrap_or(0))
}

/// How long the value of the field at the second argument is, if it is there.
fn value_len<'c>(db: &mut Database, call: &mut Call<'c>) -> Result<Option<usize>, ErrorReply<'c>> {
    let Some(slot) = db.find::<Hash>(call.args[1], call)? else {
        return Ok(None);
    };
    let field = call.args[2];
    Ok(
        db.look_into(call.args[1], slot, call.work, |hash: &mut Hash, work| {
            hash.get(field, work).map(|value| value.as_slice().len())
        }),
    )
}

/// HGET.
fn hget<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let slot = db.find::<Hash>(call.args[1], call)?;
    reply_fields(db, slot, &call.args[2..], call)
}

/// HMGET.
fn hmget<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let slot = db.find::<Hash>(call.args[1], call)?;
    call.reply(Frame::Array(call.args.len() - 2))?;
    reply_fields(db, slot, &call.args[2..], call)
}

/// Replies the values of `fields`, one by one.
fn reply_fields<'c>(
    db: &mut Database,
    slot: Option<Slot>,
    fields: &[&[u8]],
    call: &mut Call<'c>,
) -> Outcome<'c> {
    let Some(slot) = slot else {
        return fields.iter().try_for_each(|_| call.reply_null());
    };
    let (out, protocol) = (&mut *call.out, call.protocol);
    db.look_into(call.args[1], slot, call.work, |hash: &mut Hash, work| {
        for field in fields {
            work.count(Counter::ProtocolElements, 1);
            let Some(value) = hash.get(field, work) else {
                Frame::Null.encode_in(protocol, out);
                continue;
            };
            let value = value.as_slice();
            Frame::Bulk(value).encode_in(protocol, out);
            let length = value.len() as u64;
            work.count(Counter::BytesCopied, length);
        }
    });
    Ok(())
}

/// HKEYS.
fn hkeys<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    reply_all(
        db,
        call,
        Parts {
            names: true,
            values: false,
        },
    )
}

/// HVALS.
fn hvals<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    reply_all(
        db,
        call,
        Parts {
            names: false,
            values: true,
        },
    )
}

/// HGETALL.
fn hgetall<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    reply_all(
        db,
        call,
        Parts {
            names: true,
            values: true,
        },
    )
}

/// What of each field is replied.
#[derive(Clone, Copy, Debug)]
struct Parts {
    names: bool,
    values: bool,
}

fn reply_all<'c>(db: &mut Database, call: &mut Call<'c>, parts: Parts) -> Outcome<'c> {
    let head = |length| match parts.names && parts.values {
        true => Frame::Map(length),
        false => Frame::Array(length),
    };
    let Some(slot) = db.find::<Hash>(call.args[1], call)? else {
        return call.reply(head(0));
    };
    let hash = db.get::<Hash>(slot);
    call.reply(head(hash.len()))?;
    let (out, protocol) = (&mut *call.out, call.protocol);
    hash.for_each(call.work, |name, value, work| {
        for (part, is_asked) in [(name, parts.names), (value, parts.values)] {
            if is_asked {
                work.count(Counter::BytesCopied, part.as_slice().len() as u64);
                work.count(Counter::ProtocolElements, 1);
                Frame::Bulk(part.as_slice()).encode_in(protocol, out);
            }
        }
    });
    Ok(())
}

/// HSCAN.
fn hscan<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let cursor = value_cursor(call)?;
    let Some(slot) = db.find::<Hash>(call.args[1], call)? else {
        return reply_nothing(call);
    };
    let options = value_options(call)?;
    let hash = db.get::<Hash>(slot);
    scan_value(call, cursor, &options, |cursor, work, visit| {
        hash.scan(cursor, work, &mut |name, value| visit(name, Some(value)))
    })
}

/// HRANDFIELD.
fn hrandfield<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let with_values = match call.args.len() {
        2 | 3 => false,
        4 if is_option(call.args[3], "withvalues") => true,
        _ => {
            call.negatable(2)?;
            return Err(ErrorReply::Syntax);
        }
    };
    let key = call.args[1];
    if call.args.len() == 2 {
        let Some(slot) = db.find::<Hash>(key, call)? else {
            return call.reply_null();
        };
        let drawn = draw(db, key, slot, 1, call);
        return call.reply_bulk(&drawn[0].0);
    }
    let count = call.negatable(2)?;
    if with_values && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(ErrorReply::Fixed("ERR value is out of range"));
    }
    let found = db.find::<Hash>(key, call)?;
    let fields: Vec<Pair> = match (found, count) {
        (None, _) | (_, 0) => Vec::new(),
        (Some(slot), 1..) => draw_distinct(db, key, slot, count.unsigned_abs(), call),
        (Some(slot), _) => {
            Call::limit_repeats(count)?;
            draw(db, key, slot, count.unsigned_abs(), call)
        }
    };
    let is_nested = with_values && call.protocol == crate::resp::Protocol::Resp3;
    let parts = if with_values && !is_nested { 2 } else { 1 };
    call.reply(Frame::Array(fields.len() * parts))?;
    for (name, value) in &fields {
        if is_nested {
            call.reply(Frame::Array(2))?;
        }
        call.reply_bulk(name)?;
        if with_values {
            call.reply_bulk(value)?;
        }
    }
    Ok(())
}

/// A field and its value.
type Pair = (Box<[u8]>, Box<[u8]>);

/// `count` random fields, repeats possible.
fn draw(db: &mut Database, key: &[u8], slot: Slot, count: u64, call: &mut Call<'_>) -> Vec<Pair> {
    let mut random = *db.random();
    let drawn = db.look_into(key, slot, call.work, |hash: &mut Hash, work| {
        let mut one = || {
            let (name, value) = hash.random(&mut random, work).expect("no hash is empty");
            (name.as_slice().into(), value.as_slice().into())
        };
        (0..count).map(|_| one()).collect()
    });
    *db.random() = random;
    drawn
}

/// Up to `count` random fields, each once: all in their order where as many are wanted.
fn draw_distinct(
    db: &mut Database,
    key: &[u8],
    slot: Slot,
    count: u64,
    call: &mut Call<'_>,
) -> Vec<Pair> {
    let mut all: Vec<Pair> = Vec::new();
    db.get::<Hash>(slot).for_each(call.work, |name, value, _| {
        all.push((name.as_slice().into(), value.as_slice().into()));
    });
    let length = all.len() as u64;
    if count >= length {
        return all;
    }
    if count.saturating_mul(3) > length {
        // Most are wanted: the others are taken out.
        let random = db.random();
        while all.len() as u64 > count {
            let gone = random.below(all.len() as u64) as usize;
            all.swap_remove(gone);
        }
        return all;
    }
    let mut chosen: BTreeMap<Box<[u8]>, Box<[u8]>> = BTreeMap::new();
    while (chosen.len() as u64) < count {
        chosen.extend(draw(db, key, slot, 1, call));
    }
    chosen.into_iter().collect()
}
