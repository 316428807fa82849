//! Commands on sets (`redis:src/t_set.c`).

mod algebra;
mod random;

use super::scan::{reply_nothing, scan_value, value_cursor, value_options};
use super::{Call, Outcome};
use crate::command::commands;
use crate::keyspace::{Database, EventClasses};
use crate::resp::Frame;
use crate::value::{Kind, Set};
use kvrig_base::seam::Counter;
use kvrig_tables::Slot;

commands! { Set;
    "sadd", -3, [WRITE DENYOOM FAST], FIRST, "1.0.0" => Database(sadd);
    "scard", 2, [READONLY FAST], FIRST, "1.0.0" => Database(scard);
    "sdiff", -2, [READONLY], ALL, "1.0.0" => Database(algebra::sdiff);
    "sdiffstore", -3, [WRITE DENYOOM], ALL, "1.0.0" => Database(algebra::sdiffstore);
    "sinter", -2, [READONLY], ALL, "1.0.0" => Database(algebra::sinter);
    "sintercard", -3, [READONLY MOVABLEKEYS], NONE, "7.0.0" => Database(algebra::sintercard);
    "sinterstore", -3, [WRITE DENYOOM], ALL, "1.0.0" => Database(algebra::sinterstore);
    "sismember", 3, [READONLY FAST], FIRST, "1.0.0" => Database(sismember);
    "smembers", 2, [READONLY], FIRST, "1.0.0" => Database(algebra::smembers);
    "smismember", -3, [READONLY FAST], FIRST, "6.2.0" => Database(smismember);
    "smove", 4, [WRITE FAST], FIRST_TWO, "1.0.0" => Database(smove);
    "spop", -2, [WRITE FAST], FIRST, "1.0.0" => Database(random::spop);
    "srandmember", -2, [READONLY], FIRST, "1.0.0" => Database(random::srandmember);
    "srem", -3, [WRITE FAST], FIRST, "1.0.0" => Database(srem);
    "sscan", -3, [READONLY], FIRST, "2.8.0" => Database(sscan);
    "sunion", -2, [READONLY], ALL, "1.0.0" => Database(algebra::sunion);
    "sunionstore", -3, [WRITE DENYOOM], ALL, "1.0.0" => Database(algebra::sunionstore);
}

/// Adds members to the set at `key`, which is made where there is none, and says how many are new.
fn add_all(
    db: &mut Database,
    key: &[u8],
    found: Option<Slot>,
    members: &[&[u8]],
    call: &mut Call<'_>,
) -> usize {
    let slot = found.unwrap_or_else(|| {
        let set = Set::new(members[0], db.limits().set_integers_max, db.new_dict());
        call.work.count(Counter::AllocationsSmall, 1);
        db.add(key, set.into_value(), call.work)
    });
    let added = db.change_if(key, slot, call.work, |set: &mut Set, work| {
        let is_added = |member: &&&[u8]| set.insert(member, work);
        let added = members.iter().filter(is_added).count();
        (added, added > 0)
    });
    if added > 0 {
        db.notify(EventClasses::SET, "sadd", key);
    }
    added
}

/// SADD.
fn sadd<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let (key, members) = (call.args[1], &call.args[2..]);
    let found = db.find::<Set>(key, call)?;
    let added = add_all(db, key, found, members, call);
    call.reply_count(added)
}

/// SREM.
fn srem<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let (key, members) = (call.args[1], &call.args[2..]);
    let Some(slot) = db.find::<Set>(key, call)? else {
        return call.reply_integer(0);
    };
    let removed = db.change_if(key, slot, call.work, |set: &mut Set, work| {
        let is_removed = |member: &&&[u8]| set.remove(member, work);
        let removed = members.iter().filter(is_removed).count();
        (removed, removed > 0)
    });
    if removed > 0 {
        db.notify_taken(EventClasses::SET, "srem", key);
    }
    call.reply_count(removed)
}

/// SMOVE.
fn smove<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let (source, target, member) = (call.args[1], call.args[2], call.args[3]);
    // A source of another kind is told before one of the target, and neither where there is no
    // source.
    let from = db.lookup(source, call.now_ms, call.work);
    let to = db.lookup(target, call.now_ms, call.work);
    let Some(from) = from else {
        return call.reply_integer(0);
    };
    db.check::<Set>(from)?;
    if let Some(to) = to {
        db.check::<Set>(to)?;
    }
    if Some(from) == to {
        let is_member = contains(db, source, from, member, call);
        return call.reply_integer(is_member.into());
    }
    let removed = db.change_if(source, from, call.work, |set: &mut Set, work| {
        let removed = set.remove(member, work);
        (removed, removed)
    });
    if removed {
        db.notify_taken(EventClasses::SET, "srem", source);
        let added = add_all(db, target, to, &[member], call);
        db.state_changes(1 + added as u64);
    }
    call.reply_integer(removed.into())
}

/// SCARD.
fn scard<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let slot = db.find::<Set>(call.args[1], call)?;
    call.reply_count(slot.map_or(0, |slot| db.get::<Set>(slot).len()))
}

fn contains(db: &mut Database, key: &[u8], slot: Slot, member: &[u8], call: &mut Call<'_>) -> bool {
    db.look_into(key, slot, call.work, |set: &mut Set, work| {
        set.contains(member, work)
    })
}

/// SISMEMBER.
fn sismember<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let (key, member) = (call.args[1], call.args[2]);
    let is_member = match db.find::<Set>(key, call)? {
        Some(slot) => contains(db, key, slot, member, call),
        None => false,
    };
    call.reply_integer(is_member.into())
}

/// SMISMEMBER.
fn smismember<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let (key, members) = (call.args[1], &call.args[2..]);
    let found = db.find::<Set>(key, call)?;
    call.reply(Frame::Array(members.len()))?;
    for member in members {
        let is_member = found.is_some_and(|slot| contains(db, key, slot, member, call));
        call.reply_integer(is_member.into())?;
    }
    Ok(())
}

/// SSCAN.
fn sscan<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let cursor = value_cursor(call)?;
    let Some(slot) = db.find::<Set>(call.args[1], call)? else {
        return reply_nothing(call);
    };
    let options = value_options(call)?;
    let set = db.get::<Set>(slot);
    scan_value(call, cursor, &options, |cursor, work, visit| {
        set.scan(cursor, work, &mut |member| visit(member, None))
    })
}
