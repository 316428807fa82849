//! SCAN and its relatives on one value (`redis:src/db.c`, scanGenericCommand).

use super::call::{Call, Outcome, is_option};
use super::error::{ErrorReply, c_string};
use super::keys::type_name;
use crate::glob;
use crate::keyspace::{Database, count_allocation};
use crate::number::IntegerText;
use crate::resp::Frame;
use kvrig_base::seam::{Counter, Work};

/// Keys that a SCAN without COUNT returns at least, where there are as many.
const SCAN_COUNT_DEFAULT: i64 = 10;
/// Buckets that a SCAN visits at most for each key that it is to return.
const SCAN_BUCKETS_PER_KEY: i64 = 10;

/// The options of SCAN.
pub(super) struct ScanOptions<'c> {
    count: i64,
    pattern: Option<&'c [u8]>,
    type_name: Option<&'c [u8]>,
}

/// SCAN (scanGenericCommand): collects the keys of whole buckets, then leaves out what was not
/// asked for.
pub(super) fn scan<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let mut cursor = scan_cursor(call.args[1]).ok_or(ErrorReply::InvalidCursor)?;
    let options = scan_options(call, 2)?;
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

/// Scans one collection: `visit_bucket` hands the elements of the bucket at a cursor on, each a
/// name and what else belongs to it, and returns the next cursor.
pub(super) fn scan_value<'c>(
    call: &mut Call<'c>,
    cursor: u64,
    options: &ScanOptions<'c>,
    mut visit_bucket: impl FnMut(u64, &mut Work, &mut dyn FnMut(&[u8], Option<&[u8]>)) -> u64,
) -> Outcome<'c> {
    let mut found: Vec<Box<[u8]>> = Vec::new();
    let (mut cursor, mut names) = (cursor, 0_u64);
    let mut buckets_left = options.count.wrapping_mul(SCAN_BUCKETS_PER_KEY);
    loop {
        let (mut copied, mut scanned) = (0, 0);
        let mut visit = |name: &[u8], value: Option<&[u8]>| {
            names += 1 + u64::from(value.is_some());
            if let Some(pattern) = options.pattern {
                scanned += name.len();
                if !glob::matches(pattern, name) {
                    return;
                }
            }
            for part in [Some(name), value].into_iter().flatten() {
                copied += part.len();
                found.push(part.into());
            }
        };
        cursor = visit_bucket(cursor, call.work, &mut visit);
        call.work.count(Counter::BytesCopied, copied as u64);
        call.work.count(Counter::BytesScanned, scanned as u64);
        let is_last_bucket = buckets_left == 0;
        buckets_left = buckets_left.wrapping_sub(1);
        if cursor == 0 || is_last_bucket || names >= options.count.unsigned_abs() {
            break;
        }
    }
    call.reply(Frame::Array(2))?;
    call.reply(Frame::Bulk(IntegerText::unsigned(cursor).as_bytes()))?;
    call.reply(Frame::Array(found.len()))?;
    found.iter().try_for_each(|part| call.reply_bulk(part))
}

/// The cursor of a scan of one value, which is its second argument.
pub(super) fn value_cursor<'c>(call: &Call<'c>) -> Result<u64, ErrorReply<'c>> {
    scan_cursor(call.args[2]).ok_or(ErrorReply::InvalidCursor)
}

/// The options of a scan of one value.
pub(super) fn value_options<'c>(call: &mut Call<'c>) -> Result<ScanOptions<'c>, ErrorReply<'c>> {
    let options = scan_options(call, 3)?;
    match options.type_name {
        Some(_) => Err(ErrorReply::Syntax),
        None => Ok(options),
    }
}

/// Replies that a scan is over and has found nothing.
pub(super) fn reply_nothing<'c>(call: &mut Call<'c>) -> Outcome<'c> {
    call.reply(Frame::Array(2))?;
    call.reply(Frame::Bulk(b"0"))?;
    call.reply(Frame::Array(0))
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

fn scan_options<'c>(call: &mut Call<'c>, first: usize) -> Result<ScanOptions<'c>, ErrorReply<'c>> {
    let mut options = ScanOptions {
        count: SCAN_COUNT_DEFAULT,
        pattern: None,
        type_name: None,
    };
    for index in (first..call.args.len()).step_by(2) {
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
