//! Commands that read or write a part of a string.

use super::super::call::{Call, Outcome};
use super::super::error::ErrorReply;
use crate::command::commands;
use crate::keyspace::{Database, EventClasses, count_allocation};
use crate::value::{Kind, StringValue};
use kvrig_base::seam::{Counter, Work};
use std::ops::Range;

commands! { String;
    "getrange", 4, [READONLY], FIRST, "2.4.0" => Database(getrange);
    "setrange", 4, [WRITE DENYOOM], FIRST, "2.2.0" => Database(setrange);
    "substr", 4, [READONLY], FIRST, "1.0.0" => Database(getrange);
}

/// Whether both count from the end and are in the wrong order: GETRANGE and BITCOUNT find nothing
/// there before they move them into the string, and BITPOS moves them first.
pub(in super::super) const fn is_backward(start: i64, end: i64) -> bool {
    start < 0 && end < 0 && start > end
}

/// The places that `start` to `end` name among `length`, where negative ones count from the end and
/// what lies outside is moved to its edge. Empty where they name none.
pub(in super::super) fn places(start: i64, end: i64, length: usize) -> Range<usize> {
    let total = i64::try_from(length).expect("strings stay below 2^60 bits");
    let from_start = |place: i64| {
        let counted = if place < 0 { total + place } else { place };
        counted.max(0)
    };
    let (start, end) = (from_start(start), from_start(end).min(total - 1));
    if start > end {
        return 0..0;
    }
    // Both lie within the string now.
    start as usize..end as usize + 1
}

/// GETRANGE and SUBSTR.
fn getrange<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let (start, end) = (call.integer(2)?, call.integer(3)?);
    let Some(slot) = db.find::<StringValue>(call.args[1], call)? else {
        return call.reply_bulk(b"");
    };
    if is_backward(start, end) {
        return call.reply_bulk(b"");
    }
    let value = db.get::<StringValue>(slot).bytes();
    let bytes = value.as_slice();
    call.reply_bulk(&bytes[places(start, end, bytes.len())])
}

/// SETRANGE.
fn setrange<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let (key, part) = (call.args[1], call.args[3]);
    let offset = call.integer(2)?;
    let offset =
        usize::try_from(offset).map_err(|_| ErrorReply::Fixed("ERR offset is out of range"))?;
    let slot = db.find::<StringValue>(key, call)?;
    let present = slot.map_or(0, |slot| db.get::<StringValue>(slot).byte_len());
    if part.is_empty() {
        return call.reply_count(present);
    }
    let end = offset.saturating_add(part.len());
    if end as u64 > db.limits().string_bytes_max {
        return Err(ErrorReply::StringTooLong);
    }
    change_bytes(db, call, end, "setrange", |bytes| {
        bytes[offset..end].copy_from_slice(part);
        ((), true)
    })?;
    call.work.count(Counter::BytesCopied, part.len() as u64);
    call.reply_count(present.max(end))
}

/// Changes the bytes of the string at the key that the first argument names, in the `raw` encoding
/// and at least `length` long, zeros behind what was there (dbUnshareStringValue, sdsgrowzero).
/// `change` says what it found, and whether it changed anything, which is told as `event`.
pub(in super::super) fn change_bytes<'c, R>(
    db: &mut Database,
    call: &mut Call<'c>,
    length: usize,
    event: &'static str,
    change: impl FnOnce(&mut [u8]) -> (R, bool),
) -> Result<R, ErrorReply<'c>> {
    let key = call.args[1];
    let Some(slot) = db.find::<StringValue>(key, call)? else {
        let mut value = StringValue::zeros(length);
        count_allocation(length, call.work);
        let (found, _) = change(value.raw_mut());
        db.add(key, value.into_value(), call.work);
        db.notify(EventClasses::STRING, event, key);
        return Ok(found);
    };
    if !matches!(db.get::<StringValue>(slot), StringValue::Raw(_)) {
        db.find_again(key, call.work);
    }
    let change = |value: &mut StringValue, work: &mut Work| {
        let (had_allocation, before) = (value.stored_len() > 0, value.byte_len());
        if let Some(moved) = value.extend_raw(length) {
            count_allocation(value.byte_len(), work);
            work.count(Counter::BytesCopied, moved as u64);
            work.count(Counter::Frees, u64::from(had_allocation));
        }
        let (found, is_changed) = change(value.raw_mut());
        let is_changed = is_changed || value.byte_len() > before;
        ((found, is_changed), is_changed)
    };
    let (found, is_changed) = db.change_if(key, slot, call.work, change);
    if is_changed {
        db.notify(EventClasses::STRING, event, key);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_from_either_end_and_stop_at_both() {
        for (start, end, length, expected) in [
            (0, -1, 5, 0..5),
            (1, 3, 5, 1..4),
            (-3, -2, 5, 2..4),
            (-2, -3, 5, 0..0),
            (3, 1, 5, 0..0),
            (-100, 100, 5, 0..5),
            (-100, -100, 5, 0..1),
            (-8, -40, 5, 0..1),
            (5, 9, 5, 0..0),
            (0, -1, 0, 0..0),
            (i64::MIN, i64::MAX, 5, 0..5),
        ] {
            assert_eq!(
                places(start, end, length),
                expected,
                "{start} {end} {length}"
            );
        }
    }
}
