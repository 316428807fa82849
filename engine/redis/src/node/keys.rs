//! Commands on keys of any type, and on all keys.

use super::call::{Call, Outcome, is_option};
use super::error::{ErrorReply, c_string};
use super::expiry::{
    expire, expireat, expiretime, persist, pexpire, pexpireat, pexpiretime, pttl, ttl,
};
use crate::command::commands;
use crate::glob;
use crate::keyspace::{Database, count_allocation};
use crate::number::IntegerText;
use crate::resp::Frame;
use kvrig_base::seam::Counter;
use kvrig_tables::Slot;

/// Keys that a SCAN without COUNT returns at least, where there are as many.
const SCAN_COUNT_DEFAULT: i64 = 10;
/// Buckets that a SCAN visits at most for each key that it is to return.
const SCAN_BUCKETS_PER_KEY: i64 = 10;

commands! { Generic;
    "del", -2, [WRITE], ALL, "1.0.0" => Database(del);
    "exists", -2, [READONLY FAST], ALL, "1.0.0" => Database(exists);
    "expire", -3, [WRITE FAST], FIRST, "1.0.0" => Database(expire);
    "expireat", -3, [WRITE FAST], FIRST, "1.2.0" => Database(expireat);
    "expiretime", 2, [READONLY FAST], FIRST, "7.0.0" => Database(expiretime);
    "persist", 2, [WRITE FAST], FIRST, "2.2.0" => Database(persist);
    "pexpire", -3, [WRITE FAST], FIRST, "2.6.0" => Database(pexpire);
    "pexpireat", -3, [WRITE FAST], FIRST, "2.6.0" => Database(pexpireat);
    "pexpiretime", 2, [READONLY FAST], FIRST, "7.0.0" => Database(pexpiretime);
    "pttl", 2, [READONLY FAST], FIRST, "2.6.0" => Database(pttl);
    "scan", -2, [READONLY], NONE, "2.8.0" => Database(scan);
    "ttl", 2, [READONLY FAST], FIRST, "1.0.0" => Database(ttl);
    "type", 2, [READONLY FAST], FIRST, "1.0.0" => Database(type_of);
    "unlink", -2, [WRITE FAST], ALL, "4.0.0" => Database(del);
}

/// DEL and UNLINK, which removes strings as DEL does (delGenericCommand).
fn del<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let mut deleted = 0;
    for key in &call.args[1..] {
        db.remove_if_expired(key, call.now_ms, call.work);
        deleted += usize::from(db.delete(key, call.work));
    }
    call.reply_count(deleted)
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
fn type_name(db: &Database, found: Option<Slot>) -> &'static str {
    found.map_or("none", |slot| db.value(slot).type_name())
}

/// The options of SCAN.
struct ScanOptions<'c> {
    count: i64,
    pattern: Option<&'c [u8]>,
    type_name: Option<&'c [u8]>,
}

/// SCAN (scanGenericCommand): collects the keys of whole buckets, then leaves out what was not
/// asked for.
fn scan<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let mut cursor = scan_cursor(call.args[1]).ok_or(ErrorReply::InvalidCursor)?;
    let options = scan_options(call)?;
    let mut found: Vec<Box<[u8]>> = Vec::new();
    // The product may wrap for absurd counts, in Redis too; it then bounds nothing.
    let mut buckets_left = options.count.wrapping_mul(SCAN_BUCKETS_PER_KEY);
    loop {
        cursor = db.scan(cursor, &mut |key| found.push(key.into()), call.work);
        let is_last_bucket = buckets_left == 0;
        buckets_left = buckets_left.wrapping_sub(1);
        if cursor == 0 || is_last_bucket || found.len() as u64 >= options.count.unsigned_abs() {
            break;
        }
    }
    found.iter().for_each(|key| {
        count_allocation(key.len(), call.work);
        call.work.count(Counter::BytesCopied, key.len() as u64);
    });
    found.retain(|key| is_asked_for(db, call, &options, key));
    call.reply(Frame::Array(2))?;
    call.reply(Frame::Bulk(IntegerText::unsigned(cursor).as_bytes()))?;
    call.reply(Frame::Array(found.len()))?;
    for key in &found {
        call.work.count(Counter::BytesCopied, key.len() as u64);
        call.reply(Frame::Bulk(key))?;
    }
    Ok(())
}

fn is_asked_for(
    db: &mut Database,
    call: &mut Call<'_>,
    options: &ScanOptions<'_>,
    key: &[u8],
) -> bool {
    if let Some(pattern) = options.pattern {
        call.work.count(Counter::BytesScanned, key.len() as u64);
        if !glob::matches(pattern, key) {
            return false;
        }
    }
    if let Some(wanted) = options.type_name {
        let found = db.lookup_without_use(key, call.now_ms, call.work);
        if !is_option(wanted, type_name(db, found)) {
            return false;
        }
    }
    !db.remove_if_expired(key, call.now_ms, call.work)
}

fn scan_options<'c>(call: &mut Call<'c>) -> Result<ScanOptions<'c>, ErrorReply<'c>> {
    let mut options = ScanOptions {
        count: SCAN_COUNT_DEFAULT,
        pattern: None,
        type_name: None,
    };
    for index in (2..call.args.len()).step_by(2) {
        let option = call.args[index];
        let argument = *call.args.get(index + 1).ok_or(ErrorReply::Syntax)?;
        match option {
            _ if is_option(option, "count") => {
                options.count = call.integer(index + 1)?;
                if options.count < 1 {
                    return Err(ErrorReply::Syntax);
                }
            }
            _ if is_option(option, "match") => {
                options.pattern = Some(argument).filter(|&pattern| pattern != b"*");
            }
            _ if is_option(option, "type") => options.type_name = Some(argument),
            _ => return Err(ErrorReply::Syntax),
        }
    }
    Ok(options)
}

/// A cursor as C's strtoul reads it: a sign is allowed and a negative number wraps; nothing at all
/// is 0; a leading space is not allowed.
fn scan_cursor(text: &[u8]) -> Option<u64> {
    let text = c_string(text);
    let (is_negative, digits) = match text {
        [] => return Some(0),
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(if is_negative {
        number.wrapping_neg()
    } else {
        number
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_as_strtoul_reads_them() {
        for (text, expected) in [
            ("0", Some(0)),
            ("", Some(0)),
            ("17", Some(17)),
            ("+17", Some(17)),
            ("0017", Some(17)),
            ("-1", Some(u64::MAX)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("-", None),
            (" 1", None),
            ("1 ", None),
            ("x", None),
            ("0x10", None),
        ] {
            assert_eq!(scan_cursor(text.as_bytes()), expected, "{text:?}");
        }
    }
}
