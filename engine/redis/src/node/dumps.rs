//! DUMP and RESTORE: values as bytes (`redis:src/cluster.c`).

use super::call::{Call, is_option};
use super::client::Session;
use super::error::ErrorReply;
use super::{After, Node};
use crate::keyspace::{Database, EventClasses, StatedUse};
use crate::number::parse_i64;
use crate::rdb::{self, BadPayload};
use crate::value::Value;

/// DUMP: the payload is that of Redis, but for the order of tables, which the hash key decides.
pub(super) fn dump<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let compresses = node.config.rdbcompression;
    let db = node.keyspace.database_mut(session.database);
    match db.lookup_to_read(call.args[1], call) {
        Some(slot) => {
            let payload = rdb::dump(db.value(slot), compresses, call.work);
            call.reply_bulk(&payload)?;
        }
        None => call.reply_null()?,
    }
    Ok(After::Continue)
}

/// The options of RESTORE.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    replaces: bool,
    is_absolute: bool,
    usage: StatedUse,
}

/// RESTORE.
pub(super) fn restore<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let options = options(call)?;
    let (key, now_ms) = (call.args[1], call.now_ms);
    let db = node.keyspace.database_mut(session.database);
    if !options.replaces && db.lookup(key, now_ms, call.work).is_some() {
        return Err(ErrorReply::Fixed("BUSYKEY Target key name already exists."));
    }
    let ttl_ms = call.integer(2)?;
    if ttl_ms < 0 {
        return Err(ErrorReply::Fixed("ERR Invalid TTL value, must be >= 0"));
    }
    let value = rdb::restore(call.args[3], db, call.work).map_err(|bad| {
        ErrorReply::Fixed(match bad {
            BadPayload::Footer => "ERR DUMP payload version or checksum are wrong",
            BadPayload::Content => "ERR Bad data format",
        })
    })?;
    let is_deleted = options.replaces && db.delete(key, call.work);
    let at_ms = match options.is_absolute {
        true => ttl_ms,
        false => ttl_ms.wrapping_add(now_ms),
    };
    // A key whose time has passed already is not added.
    if ttl_ms == 0 || at_ms > now_ms {
        add(db, key, value, (ttl_ms > 0).then_some(at_ms), options, call);
    } else {
        value.count_release(call.work);
        if is_deleted {
            db.notify(EventClasses::GENERIC, "del", key);
        }
    }
    call.reply_ok().map(|()| After::Continue)
}

fn add(
    db: &mut Database,
    key: &[u8],
    value: Value,
    at_ms: Option<i64>,
    options: Options,
    call: &mut Call<'_>,
) {
    let slot = db.add(key, value, call.work);
    db.restore_usage(slot, options.usage);
    if let Some(at_ms) = at_ms {
        db.set_expiry(key, at_ms, call.work);
    }
    db.notify(EventClasses::GENERIC, "restore", key);
}

fn options<'c>(call: &Call<'c>) -> Result<Options, ErrorReply<'c>> {
    let mut options = Options::default();
    let mut rest = &call.args[4..];
    while let Some((option, behind)) = rest.split_first() {
        rest = behind;
        let usage = &mut options.usage;
        let number = behind.first().map(|text| parse_i64(text));
        match number {
            _ if is_option(option, "replace") => options.replaces = true,
            _ if is_option(option, "absttl") => options.is_absolute = true,
            Some(number) if is_option(option, "idletime") && usage.frequency.is_none() => {
                let idle_s = number.ok_or(ErrorReply::NotAnInteger)?;
                if idle_s < 0 {
                    let text = "ERR Invalid IDLETIME value, must be >= 0";
                    return Err(ErrorReply::Fixed(text));
                }
                usage.idle_s = Some(idle_s);
                rest = &behind[1..];
            }
            Some(number) if is_option(option, "freq") && usage.idle_s.is_none() => {
                let counter = number.ok_or(ErrorReply::NotAnInteger)?;
                let counter = u8::try_from(counter).map_err(|_| {
                    ErrorReply::Fixed("ERR Invalid FREQ value, must be >= 0 and <= 255")
                })?;
                usage.frequency = Some(counter);
                rest = &behind[1..];
            }
            _ => return Err(ErrorReply::Syntax),
        }
    }
    Ok(options)
}
