//! XGROUP: consumer groups made, moved and removed.

use super::{INVALID_ID, change, consumers, id, no_such_group_of_key};
use crate::command::commands;
use crate::keyspace::{Database, EventClasses};
use crate::node::call::is_option;
use crate::node::help::help;
use crate::node::{Call, ErrorReply, Outcome};
use crate::value::stream::{Group, StreamId};
use crate::value::{Kind, Stream};
use kvrig_base::seam::Counter;
use kvrig_tables::Slot;

commands! { SUBCOMMANDS: Stream;
    "xgroup|create", -5, [WRITE DENYOOM], SECOND, "5.0.0" => Database(create);
    "xgroup|createconsumer", 5, [WRITE DENYOOM], SECOND, "6.2.0" => Database(create_consumer);
    "xgroup|delconsumer", 5, [WRITE], SECOND, "5.0.0" => Database(delete_consumer);
    "xgroup|destroy", 4, [WRITE], SECOND, "5.0.0" => Database(destroy);
    "xgroup|help", 2, [LOADING STALE], NONE, "5.0.0" => Database(help);
    "xgroup|setid", -5, [WRITE], SECOND, "5.0.0" => Database(set_id);
}

const NO_KEY: ErrorReply<'static> = ErrorReply::Fixed(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.",
);

/// What stands behind the id.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    mkstream: bool,
    entries_read: Option<u64>,
}

fn misused<'c>(call: &Call<'c>) -> ErrorReply<'c> {
    ErrorReply::Quoting {
        before: "ERR unknown subcommand or wrong number of arguments for '",
        quoted: call.args[1],
        after: "'. Try XGROUP HELP.",
    }
}

fn options<'c>(call: &mut Call<'c>, takes_mkstream: bool) -> Result<Options, ErrorReply<'c>> {
    let mut options = Options::default();
    let mut index = 5;
    while let Some(option) = call.args.get(index) {
        match option {
            _ if takes_mkstream && is_option(option, "mkstream") => options.mkstream = true,
            _ if is_option(option, "entriesread") && index + 1 < call.args.len() => {
                index += 1;
                options.entries_read = match call.integer(index)? {
                    -1 => None,
                    read => Some(u64::try_from(read).map_err(|_| {
                        ErrorReply::Fixed("ERR value for ENTRIESREAD must be positive or -1")
                    })?),
                };
            }
            _ => return Err(misused(call)),
        }
        index += 1;
    }
    Ok(options)
}

/// The stream that the second argument names.
fn find<'c>(db: &mut Database, call: &mut Call<'c>) -> Result<Slot, ErrorReply<'c>> {
    db.find::<Stream>(call.args[2], call)?.ok_or(NO_KEY)
}

/// The same where it has the group that the third argument names.
fn find_group<'c>(db: &mut Database, call: &mut Call<'c>) -> Result<Slot, ErrorReply<'c>> {
    let slot = find(db, call)?;
    match db.get::<Stream>(slot).group(call.args[3]) {
        Some(_) => Ok(slot),
        None => Err(no_such_group_of_key(call.args[2], call.args[3])),
    }
}

/// XGROUP CREATE.
fn create<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let options = options(call, true)?;
    let key = call.args[2];
    let found = db.find::<Stream>(key, call)?;
    if found.is_none() && !options.mkstream {
        return Err(NO_KEY);
    }
    if call.args.len() > 8 {
        return Err(misused(call));
    }
    let last_id = match call.args[4] {
        b"$" => found.map_or(StreamId::MIN, |slot| db.get::<Stream>(slot).log().last_id()),
        _ => id(call, 4)?,
    };
    let slot = found.unwrap_or_else(|| {
        call.work.count(Counter::AllocationsSmall, 3);
        db.add(key, Stream::default().into_value(), call.work)
    });
    let (name, group) = (call.args[3], Group::new(last_id, options.entries_read));
    let is_new = change(db, key, slot, call.work, |stream, work| {
        stream.create_group(name, group, work)
    });
    match is_new {
        true => {
            db.notify(EventClasses::STREAM, "xgroup-create", key);
            call.reply_ok()
        }
        false => Err(ErrorReply::Fixed(
            "BUSYGROUP Consumer Group name already exists",
        )),
    }
}

/// XGROUP SETID.
fn set_id<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let options = options(call, false)?;
    let slot = find_group(db, call)?;
    if !matches!(call.args.len(), 5 | 7) {
        return Err(misused(call));
    }
    let id = match call.args[4] {
        b"$" => db.get::<Stream>(slot).log().last_id(),
        text => StreamId::parse_or_end(text, 0).ok_or(INVALID_ID)?,
    };
    let (key, name) = (call.args[2], call.args[3]);
    change(db, key, slot, call.work, |stream, _| {
        stream.with_group(name, |group, _| group.set_last_id(id, options.entries_read));
    });
    db.notify(EventClasses::STREAM, "xgroup-setid", key);
    call.reply_ok()
}

/// XGROUP DESTROY, which wakes those who wait for entries of the group.
fn destroy<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let slot = find(db, call)?;
    let (key, name) = (call.args[2], call.args[3]);
    let was_there = change(db, key, slot, call.work, |stream, work| {
        stream.destroy_group(name, work)
    });
    if was_there {
        db.note_ready(key);
        db.notify(EventClasses::STREAM, "xgroup-destroy", key);
    }
    call.reply_integer(was_there.into())
}

/// XGROUP CREATECONSUMER.
fn create_consumer<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let slot = find_group(db, call)?;
    let (key, name, consumer) = (call.args[2], call.args[3], call.args[4]);
    let now_ms = call.now_ms;
    let is_new = change(db, key, slot, call.work, |stream, work| {
        stream.with_group(name, |group, _| {
            group.create_consumer(consumer, now_ms, work)
        })
    });
    let is_new = is_new.unwrap_or(false);
    if is_new {
        db.notify(EventClasses::STREAM, "xgroup-createconsumer", key);
    }
    call.reply_integer(is_new.into())
}

/// XGROUP DELCONSUMER.
fn delete_consumer<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let slot = find_group(db, call)?;
    let (key, name, consumer) = (call.args[2], call.args[3], call.args[4]);
    let before = consumers(db, slot, name);
    let pending = change(db, key, slot, call.work, |stream, work| {
        stream.with_group(name, |group, _| {
            let was_there = group.consumer(consumer).is_some();
            (group.delete_consumer(consumer, work), was_there)
        })
    });
    if consumers(db, slot, name) < before {
        db.notify(EventClasses::STREAM, "xgroup-delconsumer", key);
    }
    let (pending, was_there) = pending.unwrap_or_default();
    db.state_changes(was_there.into());
    call.reply_count(pending)
}
