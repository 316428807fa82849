//! OBJECT: how a value is stored.
//!
//! IDLETIME is not among its subcommands: when a key was used is only written down where eviction asks
//! for it.

use super::error::ErrorReply;
use super::{Call, Outcome};
use crate::command::commands;
use crate::keyspace::Database;
use crate::memory::SHARED_INTEGERS;
use crate::resp::Frame;
use crate::value::{StringValue, Value};

commands! { SUBCOMMANDS: Generic;
    "object|encoding", 3, [READONLY], SECOND, "2.2.3" => Database(encoding);
    "object|freq", 3, [READONLY], SECOND, "4.0.0" => Database(freq);
    "object|refcount", 3, [READONLY], SECOND, "2.2.3" => Database(refcount);
}

/// References to an integer that all keys share (OBJ_SHARED_REFCOUNT).
const SHARED_REFERENCES: i64 = i32::MAX as i64;

/// OBJECT ENCODING.
fn encoding<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    match db.lookup_without_use(call.args[2], call.now_ms, call.work) {
        Some(slot) => call.reply(Frame::Bulk(db.value(slot).encoding().as_bytes())),
        None => call.reply_null(),
    }
}

/// OBJECT FREQ: no policy counts how often keys are used.
fn freq<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    match db.lookup_without_use(call.args[2], call.now_ms, call.work) {
        Some(_) => Err(ErrorReply::Fixed(
            "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
        )),
        None => call.reply_null(),
    }
}

/// OBJECT REFCOUNT.
fn refcount<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let Some(slot) = db.lookup_without_use(call.args[2], call.now_ms, call.work) else {
        return call.reply_null();
    };
    let is_shared = match db.value(slot) {
        Value::String(StringValue::Integer(number)) => {
            db.integers_are_shared() && (0..SHARED_INTEGERS).contains(number)
        }
        _ => false,
    };
    call.reply_integer(if is_shared { SHARED_REFERENCES } else { 1 })
}
