//! OBJECT: how a value is stored, and how its key is used.
//!
//! One difference is left: keys that share the object of a small integer share its clock in Redis, so
//! that the use of one shows in the idle time of all; here each key has its own.

use super::error::ErrorReply;
use super::help::help;
use super::{Call, Outcome};
use crate::command::commands;
use crate::keyspace::Database;
use crate::resp::Frame;
use kvrig_tables::Slot;

commands! { SUBCOMMANDS: Generic;
    "object|encoding", 3, [READONLY], SECOND, "2.2.3" => Database(encoding);
    "object|freq", 3, [READONLY], SECOND, "4.0.0" => Database(freq);
    "object|help", 2, [LOADING STALE], NONE, "6.2.0" => Database(help);
    "object|idletime", 3, [READONLY], SECOND, "2.2.3" => Database(idletime);
    "object|refcount", 3, [READONLY], SECOND, "2.2.3" => Database(refcount);
}

/// References to an integer that all keys share (OBJ_SHARED_REFCOUNT).
pub(super) const SHARED_REFERENCES: i64 = i32::MAX as i64;

/// The key that is asked about, which is not used by that.
fn find(db: &mut Database, call: &mut Call<'_>) -> Option<Slot> {
    db.lookup_untold(call.args[2], call)
}

/// OBJECT ENCODING.
fn encoding<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    match find(db, call) {
        Some(slot) => call.reply(Frame::Bulk(db.value(slot).encoding().as_bytes())),
        None => call.reply_null(),
    }
}

/// OBJECT FREQ: the logarithmic counter of uses, as it has decayed since the last.
fn freq<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    match find(db, call) {
        Some(_) if !db.counts_uses() => Err(ErrorReply::Fixed(
            "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
        )),
        Some(slot) => call.reply_integer(db.frequency(slot).into()),
        None => call.reply_null(),
    }
}

/// OBJECT IDLETIME.
fn idletime<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    match find(db, call) {
        Some(_) if db.counts_uses() => Err(ErrorReply::Fixed(
            "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
        )),
        Some(slot) => call.reply_integer((db.idle_ms(slot) / 1_000) as i64),
        None => call.reply_null(),
    }
}

/// OBJECT REFCOUNT.
fn refcount<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    match find(db, call) {
        Some(slot) if db.shares_integer(slot) => call.reply_integer(SHARED_REFERENCES),
        Some(_) => call.reply_integer(1),
        None => call.reply_null(),
    }
}
