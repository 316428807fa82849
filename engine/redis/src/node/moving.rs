//! Commands that give values other names or other databases (`redis:src/db.c`).

use super::call::{Call, is_option};
use super::client::Session;
use super::error::ErrorReply;
use super::{After, Node, Outcome};
use crate::keyspace::{Database, EventClasses};
use crate::number::parse_i64;
use crate::value::Stream;

/// Source and target are one.
const SAME: ErrorReply<'static> =
    ErrorReply::Fixed("ERR source and destination objects are the same");

/// RENAME.
pub(super) fn rename<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    match give_name(db, call, true)? {
        true => call.reply_ok(),
        false => Err(ErrorReply::NoSuchKey),
    }
}

/// RENAMENX.
pub(super) fn renamenx<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let is_renamed = give_name(db, call, false)?;
    call.reply_integer(is_renamed.into())
}

/// Gives the value of one key to another, which is replaced or left alone (renameGenericCommand).
fn give_name<'c>(
    db: &mut Database,
    call: &mut Call<'c>,
    replaces: bool,
) -> Result<bool, ErrorReply<'c>> {
    let (from, to) = (call.args[1], call.args[2]);
    let Some(slot) = db.lookup(from, call.now_ms, call.work) else {
        return Err(ErrorReply::NoSuchKey);
    };
    if from == to {
        return Ok(replaces);
    }
    let is_stream = db.check::<Stream>(slot).is_ok();
    let at_ms = db.expiry(from, call.work);
    let usage = db.usage(slot);
    if db.lookup(to, call.now_ms, call.work).is_some() {
        if !replaces {
            return Ok(false);
        }
        let value = db.take_value(slot, call.work);
        db.delete(to, call.work);
        db.add_used(to, value, usage, call.work);
    } else {
        let value = db.take_value(slot, call.work);
        db.add_used(to, value, usage, call.work);
    }
    if let Some(at_ms) = at_ms {
        db.set_expiry(to, at_ms, call.work);
    }
    delete_taken(db, from, is_stream, call);
    db.notify(EventClasses::GENERIC, "rename_from", from);
    db.notify(EventClasses::GENERIC, "rename_to", to);
    Ok(true)
}

/// Removes a key whose value was taken. Those who wait for a stream are to look at it.
fn delete_taken(db: &mut Database, key: &[u8], was_stream: bool, call: &mut Call<'_>) {
    db.delete(key, call.work);
    if was_stream {
        db.note_ready(key);
    }
}

/// The database that an argument names.
fn database<'c>(node: &Node, call: &mut Call<'c>, index: usize) -> Result<usize, ErrorReply<'c>> {
    let number = usize::try_from(call.integer_32(index)?).ok();
    let number = number.filter(|&number| number < node.keyspace.count());
    number.ok_or(ErrorReply::DatabaseOutOfRange)
}

/// MOVE.
pub(super) fn move_key<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let (source, target) = (session.database, database(node, call, 2)?);
    if source == target {
        return Err(SAME);
    }
    let key = call.args[1];
    let from = node.keyspace.database_mut(source);
    let Some(slot) = from.lookup(key, call.now_ms, call.work) else {
        return call.reply_integer(0).map(|()| After::Continue);
    };
    let is_stream = from.check::<Stream>(slot).is_ok();
    let at_ms = from.expiry(key, call.work);
    let usage = from.usage(slot);
    let to = node.keyspace.database_mut(target);
    if to.lookup(key, call.now_ms, call.work).is_some() {
        return call.reply_integer(0).map(|()| After::Continue);
    }
    let value = node
        .keyspace
        .database_mut(source)
        .take_value(slot, call.work);
    let to = node.keyspace.database_mut(target);
    to.add_used(key, value, usage, call.work);
    if let Some(at_ms) = at_ms {
        to.set_expiry(key, at_ms, call.work);
    }
    let from = node.keyspace.database_mut(source);
    delete_taken(from, key, is_stream, call);
    from.notify(EventClasses::GENERIC, "move_from", key);
    let to = node.keyspace.database_mut(target);
    to.notify(EventClasses::GENERIC, "move_to", key);
    call.reply_integer(1).map(|()| After::Continue)
}

/// COPY.
pub(super) fn copy<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let (source, mut target, mut replaces) = (session.database, session.database, false);
    let mut index = 3;
    while let Some(option) = call.args.get(index) {
        match option {
            _ if is_option(option, "replace") => replaces = true,
            _ if is_option(option, "db") && index + 1 < call.args.len() => {
                target = database(node, call, index + 1)?;
                index += 1;
            }
            _ => return Err(ErrorReply::Syntax),
        }
        index += 1;
    }
    let (from, to) = (call.args[1], call.args[2]);
    if source == target && from == to {
        return Err(SAME);
    }
    let db = node.keyspace.database_mut(source);
    let Some(slot) = db.lookup_to_read(from, call) else {
        return call.reply_integer(0).map(|()| After::Continue);
    };
    let at_ms = db.expiry(from, call.work);
    let db = node.keyspace.database_mut(target);
    let is_present = db.lookup(to, call.now_ms, call.work).is_some();
    if is_present && !replaces {
        return call.reply_integer(0).map(|()| After::Continue);
    }
    let (dict, sorted_set) = (db.new_dict(), db.sorted_set_config());
    let value = node.keyspace.database(source).value(slot);
    let value = value.copy(dict, sorted_set, call.work);
    let db = node.keyspace.database_mut(target);
    if is_present {
        db.delete(to, call.work);
    }
    db.add(to, value, call.work);
    if let Some(at_ms) = at_ms {
        db.set_expiry(to, at_ms, call.work);
    }
    db.notify(EventClasses::GENERIC, "copy_to", to);
    call.reply_integer(1).map(|()| After::Continue)
}

/// SWAPDB.
pub(super) fn swapdb<'c>(
    node: &mut Node,
    _: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let number = |arg: &[u8]| parse_i64(arg).and_then(|number| i32::try_from(number).ok());
    let one = number(call.args[1]).ok_or(ErrorReply::Fixed("ERR invalid first DB index"))?;
    let other = number(call.args[2]).ok_or(ErrorReply::Fixed("ERR invalid second DB index"))?;
    let place = |number: i32| {
        let index = usize::try_from(number).ok();
        let index = index.filter(|&index| index < node.keyspace.count());
        index.ok_or(ErrorReply::DatabaseOutOfRange)
    };
    let (one, other) = (place(one)?, place(other)?);
    if one != other {
        node.keyspace.swap(one, other);
    }
    // It counts as a change even where nothing has changed.
    node.keyspace.database_mut(one).state_changes(1);
    call.reply_ok().map(|()| After::Continue)
}
