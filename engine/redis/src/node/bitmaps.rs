//! Commands on the bits of strings; bit 0 is the highest of the first byte.

use super::call::{Call, Outcome, is_option};
use super::error::ErrorReply;
use super::strings::{change_bytes, is_backward, places};
use crate::command::commands;
use crate::keyspace::{Database, EventClasses, SetKey, count_allocation};
use crate::value::{Kind, StringValue};
use kvrig_base::seam::Counter;
use std::ops::Range;

commands! { Bitmap;
    "bitcount", -2, [READONLY], FIRST, "2.6.0" => Database(bitcount);
    "bitop", -4, [WRITE DENYOOM], ALL_BUT_FIRST, "2.6.0" => Database(bitop);
    "bitpos", -3, [READONLY], FIRST, "2.8.7" => Database(bitpos);
    "getbit", 3, [READONLY FAST], FIRST, "2.2.0" => Database(getbit);
    "setbit", 4, [WRITE DENYOOM], FIRST, "2.2.0" => Database(setbit);
}

/// Whether the bit at `place` is set.
fn bit_at(bytes: &[u8], place: usize) -> bool {
    bytes[place / 8] & mask_of(place) != 0
}

const fn mask_of(place: usize) -> u8 {
    0x80 >> (place % 8)
}

/// The place of a bit that argument 2 states (getBitOffsetFromArgument).
fn place<'c>(db: &Database, call: &mut Call<'c>) -> Result<usize, ErrorReply<'c>> {
    let refused = ErrorReply::Fixed("ERR bit offset is not an integer or out of range");
    let place = call.integer(2).map_err(|_| refused)?;
    let place = usize::try_from(place).map_err(|_| refused)?;
    match (place as u64) / 8 < db.limits().string_bytes_max {
        true => Ok(place),
        false => Err(refused),
    }
}

/// SETBIT.
fn setbit<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let place = place(db, call)?;
    let refused = ErrorReply::Fixed("ERR bit is not an integer or out of range");
    let bit = match call.integer(3) {
        Ok(0) => false,
        Ok(1) => true,
        _ => return Err(refused),
    };
    let old = change_bytes(db, call, place / 8 + 1, "setbit", |bytes| {
        let old = bit_at(bytes, place);
        match bit {
            true => bytes[place / 8] |= mask_of(place),
            false => bytes[place / 8] &= !mask_of(place),
        }
        (old, old != bit)
    })?;
    call.reply_integer(i64::from(old))
}

/// GETBIT.
fn getbit<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let place = place(db, call)?;
    let Some(slot) = db.find::<StringValue>(call.args[1], call)? else {
        return call.reply_integer(0);
    };
    let value = db.get::<StringValue>(slot).bytes();
    let bytes = value.as_slice();
    call.reply_integer(i64::from(place / 8 < bytes.len() && bit_at(bytes, place)))
}

/// Whether argument `index` says BIT or BYTE.
fn counts_bits<'c>(call: &Call<'c>, index: usize) -> Result<bool, ErrorReply<'c>> {
    match call.args[index] {
        unit if is_option(unit, "bit") => Ok(true),
        unit if is_option(unit, "byte") => Ok(false),
        _ => Err(ErrorReply::Syntax),
    }
}

/// The bits that `start` to `end` name in a string of `length` bytes, counted in bits or bytes.
fn bits(start: i64, end: i64, length: usize, in_bits: bool) -> Range<usize> {
    match in_bits {
        true => places(start, end, length * 8),
        false => {
            let bytes = places(start, end, length);
            bytes.start * 8..bytes.end * 8
        }
    }
}

/// Set bits among `range`.
fn ones(bytes: &[u8], range: Range<usize>) -> usize {
    let whole = range.start.div_ceil(8)..range.end / 8;
    if whole.start >= whole.end {
        return range.filter(|&place| bit_at(bytes, place)).count();
    }
    let edges = (range.start..whole.start * 8).chain(whole.end * 8..range.end);
    let in_edges = edges.filter(|&place| bit_at(bytes, place)).count();
    let (words, rest) = bytes[whole].as_chunks::<8>();
    let in_words: u32 = words
        .iter()
        .map(|word| u64::from_ne_bytes(*word).count_ones())
        .sum();
    let in_rest: u32 = rest.iter().map(|byte| byte.count_ones()).sum();
    in_edges + (in_words + in_rest) as usize
}

/// The first place among `range` whose bit is `bit`.
fn first(bytes: &[u8], range: Range<usize>, bit: bool) -> Option<usize> {
    let skipped = if bit { 0 } else { u8::MAX };
    let mut place = range.start;
    while place < range.end {
        if place.is_multiple_of(8) && bytes[place / 8] == skipped {
            place += 8;
            continue;
        }
        if bit_at(bytes, place) == bit {
            return Some(place);
        }
        place += 1;
    }
    None
}

/// BITCOUNT.
fn bitcount<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let Some(slot) = db.find::<StringValue>(call.args[1], call)? else {
        return call.reply_integer(0);
    };
    let length = db.get::<StringValue>(slot).byte_len();
    let range = match call.args.len() {
        2 => 0..length * 8,
        count @ (4 | 5) => {
            let (start, end) = (call.integer(2)?, call.integer(3)?);
            if is_backward(start, end) {
                return call.reply_integer(0);
            }
            let in_bits = count == 5 && counts_bits(call, 4)?;
            bits(start, end, length, in_bits)
        }
        _ => return Err(ErrorReply::Syntax),
    };
    call.work
        .count(Counter::BytesScanned, range.len().div_ceil(8) as u64);
    let count = ones(db.get::<StringValue>(slot).bytes().as_slice(), range);
    call.reply_count(count)
}

/// BITPOS.
fn bitpos<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let bit = match call.integer(2)? {
        0 => false,
        1 => true,
        _ => return Err(ErrorReply::Fixed("ERR The bit argument must be 1 or 0.")),
    };
    let Some(slot) = db.find::<StringValue>(call.args[1], call)? else {
        return call.reply_integer(if bit { -1 } else { 0 });
    };
    let length = db.get::<StringValue>(slot).byte_len();
    let range = match call.args.len() {
        3 => 0..length * 8,
        4 => bits(call.integer(3)?, -1, length, false),
        5 => bits(call.integer(3)?, call.integer(4)?, length, false),
        6 => {
            let start = call.integer(3)?;
            let in_bits = counts_bits(call, 5)?;
            bits(start, call.integer(4)?, length, in_bits)
        }
        _ => return Err(ErrorReply::Syntax),
    };
    let has_end = call.args.len() > 4;
    let end = range.end;
    let is_empty = range.is_empty();
    let found = first(db.get::<StringValue>(slot).bytes().as_slice(), range, bit);
    let scanned = found.unwrap_or(end) / 8 + 1;
    call.work.count(Counter::BytesScanned, scanned as u64);
    match found {
        Some(place) => call.reply_count(place),
        // Behind a string without a stated end, zeros follow.
        None if !bit && !has_end && !is_empty => call.reply_count(end),
        None => call.reply_integer(-1),
    }
}

/// An operation of BITOP on several strings.
type Join = fn(u8, u8) -> u8;

/// BITOP.
fn bitop<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let (operation, key) = (call.args[1], call.args[2]);
    let join: Option<Join> = match operation {
        name if is_option(name, "and") => Some(|a, b| a & b),
        name if is_option(name, "or") => Some(|a, b| a | b),
        name if is_option(name, "xor") => Some(|a, b| a ^ b),
        name if is_option(name, "not") => None,
        _ => return Err(ErrorReply::Syntax),
    };
    if join.is_none() && call.args.len() != 4 {
        return Err(ErrorReply::Fixed(
            "ERR BITOP NOT must be called with a single source key.",
        ));
    }
    let mut result: Vec<u8> = Vec::new();
    for (number, source) in call.args[3..].iter().enumerate() {
        let slot = db.find_to_read::<StringValue>(source, call)?;
        let value = slot.map(|slot| db.get::<StringValue>(slot).bytes());
        let bytes = value.as_ref().map_or(&[][..], |value| value.as_slice());
        call.work.count(Counter::BytesScanned, bytes.len() as u64);
        match join {
            None => result = bytes.iter().map(|byte| !byte).collect(),
            Some(_) if number == 0 => result = bytes.to_vec(),
            // What is missing of a shorter string is zeros.
            Some(join) => {
                result.resize(result.len().max(bytes.len()), 0);
                let rest = std::iter::repeat(&0);
                for (all, &one) in result.iter_mut().zip(bytes.iter().chain(rest)) {
                    *all = join(*all, one);
                }
            }
        }
    }
    let length = result.len();
    if length == 0 {
        db.delete_telling(key, call.work);
        return call.reply_integer(0);
    }
    let is_present = db.lookup(key, call.now_ms, call.work).is_some();
    let mut value = StringValue::zeros(length);
    value.raw_mut().copy_from_slice(&result);
    count_allocation(length, call.work);
    call.work.count(Counter::BytesCopied, length as u64);
    let how = SetKey {
        is_present,
        keeps_expiry: false,
    };
    db.set(key, value.into_value(), how, call.work);
    db.notify(EventClasses::STRING, "set", key);
    call.reply_count(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn counts_and_places_are_those_of_a_look_at_every_bit(
            bytes in proptest::collection::vec(prop_oneof![Just(0), Just(255), any::<u8>()], 1..60),
            (start, end) in (-500_i64..500, -500_i64..500),
            in_bits: bool,
            bit: bool,
        ) {
            let range = bits(start, end, bytes.len(), in_bits);
            let set: Vec<usize> = range.clone().filter(|&place| bit_at(&bytes, place)).collect();
            prop_assert_eq!(ones(&bytes, range.clone()), set.len());
            let expected = range.clone().find(|place| set.contains(place) == bit);
            prop_assert_eq!(first(&bytes, range, bit), expected);
        }
    }
}
