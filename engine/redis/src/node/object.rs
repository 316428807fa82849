//! OBJECT: how a value is stored.

use super::call::is_option;
use super::error::ErrorReply;
use super::{Call, Outcome};
use crate::keyspace::Database;
use crate::memory::SHARED_INTEGERS;
use crate::resp::Frame;
use crate::value::{StringValue, Value};

/// References to an integer that all keys share (OBJ_SHARED_REFCOUNT).
const SHARED_REFERENCES: i64 = i32::MAX as i64;

/// OBJECT ENCODING and OBJECT REFCOUNT.
pub(super) fn object<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let subcommand = call.args[1];
    let is_known = is_option(subcommand, "encoding") || is_option(subcommand, "refcount");
    if !is_known {
        return Err(ErrorReply::UnknownSubcommand {
            command: "OBJECT",
            subcommand,
        });
    }
    let [_, _, key] = *call.args else {
        return Err(ErrorReply::WrongArity {
            command: match is_option(subcommand, "encoding") {
                true => "object|encoding",
                false => "object|refcount",
            },
        });
    };
    let Some(slot) = db.lookup_without_use(key, call.now_ms, call.work) else {
        return call.reply_null();
    };
    let value = db.value(slot);
    if is_option(subcommand, "encoding") {
        return call.reply(Frame::Bulk(value.encoding().as_bytes()));
    }
    let is_shared = match value {
        Value::String(StringValue::Integer(number)) => {
            db.integers_are_shared() && (0..SHARED_INTEGERS).contains(number)
        }
        _ => false,
    };
    call.reply_integer(if is_shared { SHARED_REFERENCES } else { 1 })
}
