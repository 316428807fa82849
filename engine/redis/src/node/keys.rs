//! Commands on keys of any type, and on all keys.

use super::blocking::wait;
use super::call::{Call, Outcome};
use super::client::Session;
use super::expiry::{
    expire, expireat, expiretime, persist, pexpire, pexpireat, pexpiretime, pttl, ttl,
};
use super::scan::scan;
use super::{After, ErrorReply, Node, dumps, listing, moving, object, sort};
use crate::command::commands;
use crate::keyspace::{Database, EventClasses};
use crate::resp::Frame;
use kvrig_tables::Slot;

commands! { Generic;
    "copy", -3, [WRITE DENYOOM], FIRST_TWO, "6.2.0" => Node(moving::copy);
    "del", -2, [WRITE], ALL, "1.0.0" => Database(del);
    "dump", 2, [READONLY], FIRST, "2.6.0" => Node(dumps::dump);
    "exists", -2, [READONLY FAST], ALL, "1.0.0" => Database(exists);
    "expire", -3, [WRITE FAST], FIRST, "1.0.0" => Database(expire);
    "expireat", -3, [WRITE FAST], FIRST, "1.2.0" => Database(expireat);
    "expiretime", 2, [READONLY FAST], FIRST, "7.0.0" => Database(expiretime);
    "keys", 2, [READONLY], NONE, "1.0.0" => Database(listing::keys);
    "move", 3, [WRITE FAST], FIRST, "1.0.0" => Node(moving::move_key);
    "object", -2, [], NONE, "2.2.3" => Container(object::SUBCOMMANDS);
    "persist", 2, [WRITE FAST], FIRST, "2.2.0" => Database(persist);
    "pexpire", -3, [WRITE FAST], FIRST, "2.6.0" => Database(pexpire);
    "pexpireat", -3, [WRITE FAST], FIRST, "2.6.0" => Database(pexpireat);
    "pexpiretime", 2, [READONLY FAST], FIRST, "7.0.0" => Database(pexpiretime);
    "pttl", 2, [READONLY FAST], FIRST, "2.6.0" => Database(pttl);
    "randomkey", 1, [READONLY], NONE, "1.0.0" => Database(listing::randomkey);
    "rename", 3, [WRITE], FIRST_TWO, "1.0.0" => Database(moving::rename);
    "renamenx", 3, [WRITE FAST], FIRST_TWO, "1.0.0" => Database(moving::renamenx);
    "restore", -4, [WRITE DENYOOM], FIRST, "2.6.0" => Node(dumps::restore);
    "scan", -2, [READONLY], NONE, "2.8.0" => Database(scan);
    "sort", -2, [WRITE DENYOOM MOVABLEKEYS], FIRST, "1.0.0" => Database(sort::sort);
    "sort_ro", -2, [READONLY MOVABLEKEYS], FIRST, "7.0.0" => Database(sort::sort_ro);
    "touch", -2, [READONLY FAST], ALL, "3.2.1" => Database(listing::touch);
    "ttl", 2, [READONLY FAST], FIRST, "1.0.0" => Database(ttl);
    "type", 2, [READONLY FAST], FIRST, "1.0.0" => Database(type_of);
    "unlink", -2, [WRITE FAST], ALL, "4.0.0" => Node(unlink);
    "wait", 3, [NOSCRIPT], NONE, "3.0.0" => Node(wait);
}

/// DEL (delGenericCommand).
fn del<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let mut deleted = 0;
    for key in &call.args[1..] {
        db.remove_if_expired(key, call.now_ms, call.work);
        deleted += usize::from(db.delete_telling(key, call.work));
    }
    call.reply_count(deleted)
}

/// UNLINK: large collections are taken out and left to a thread that releases them; all else goes as
/// with DEL.
fn unlink<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let mut deleted = 0;
    for key in &call.args[1..] {
        let db = node.keyspace.database_mut(session.database);
        db.remove_if_expired(key, call.now_ms, call.work);
        let (was_there, left) = db.delete_aside(key, call.work);
        deleted += usize::from(was_there);
        if was_there {
            db.notify(EventClasses::GENERIC, "del", key);
        }
        if let Some(counts) = left {
            node.pending.release_aside(counts);
        }
    }
    call.reply_count(deleted).map(|()| After::Continue)
}

/// EXISTS: a key named twice counts twice.
fn exists<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let mut present = 0;
    for key in &call.args[1..] {
        present += usize::from(db.lookup_without_use(key, call.now_ms, call.work).is_some());
    }
    call.reply_count(present)
}

/// TYPE.
fn type_of<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let slot = db.lookup_without_use(call.args[1], call.now_ms, call.work);
    call.reply(Frame::Simple(type_name(db, slot)))
}

/// The name of the type of what was found.
pub(super) fn type_name(db: &Database, found: Option<Slot>) -> &'static str {
    found.map_or("none", |slot| db.value(slot).type_name())
}
