//! Commands on strings.

mod lcs;
mod parts;

pub(super) use lcs::LCS;
pub(super) use parts::{COMMANDS as PARTS, change_bytes, is_backward, places};

use super::call::{Call, NOT_A_FLOAT, Outcome, is_option};
use super::error::ErrorReply;
use crate::command::commands;
use crate::keyspace::{Database, EventClasses, SetKey, count_allocation};
use crate::memory::SHARED_INTEGERS;
use crate::number::Extended;
use crate::resp::Frame;
use crate::value::{Kind, StringValue};
use kvrig_base::seam::Counter;

commands! { String;
    "append", 3, [WRITE DENYOOM FAST], FIRST, "2.0.0" => Database(append);
    "decr", 2, [WRITE DENYOOM FAST], FIRST, "1.0.0" => Database(decr);
    "decrby", 3, [WRITE DENYOOM FAST], FIRST, "1.0.0" => Database(decrby);
    "get", 2, [READONLY FAST], FIRST, "1.0.0" => Database(get);
    "getdel", 2, [WRITE FAST], FIRST, "6.2.0" => Database(getdel);
    "getex", -2, [WRITE FAST], FIRST, "6.2.0" => Database(getex);
    "getset", 3, [WRITE DENYOOM FAST], FIRST, "1.0.0" => Database(getset);
    "incr", 2, [WRITE DENYOOM FAST], FIRST, "1.0.0" => Database(incr);
    "incrby", 3, [WRITE DENYOOM FAST], FIRST, "1.0.0" => Database(incrby);
    "incrbyfloat", 3, [WRITE DENYOOM FAST], FIRST, "2.6.0" => Database(incrbyfloat);
    "mget", -2, [READONLY FAST], ALL, "1.0.0" => Database(mget);
    "mset", -3, [WRITE DENYOOM], PAIRS, "1.0.1" => Database(mset);
    "msetnx", -3, [WRITE DENYOOM], PAIRS, "1.0.1" => Database(msetnx);
    "psetex", 4, [WRITE DENYOOM], FIRST, "2.6.0" => Database(psetex);
    "set", -3, [WRITE DENYOOM], FIRST, "1.0.0" => Database(set);
    "setex", 4, [WRITE DENYOOM], FIRST, "2.0.0" => Database(setex);
    "setnx", 3, [WRITE DENYOOM FAST], FIRST, "1.0.0" => Database(setnx);
    "strlen", 2, [READONLY FAST], FIRST, "2.2.0" => Database(strlen);
}

/// GET.
#[inline]
fn get<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    match db.find::<StringValue>(call.args[1], call)? {
        Some(slot) => db.reply_string(slot, call),
        None => call.reply_null(),
    }
}

/// STRLEN.
fn strlen<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let slot = db.find::<StringValue>(call.args[1], call)?;
    call.reply_count(slot.map_or(0, |slot| db.get::<StringValue>(slot).byte_len()))
}

/// MGET.
fn mget<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    call.reply(Frame::Array(call.args.len() - 1))?;
    for key in &call.args[1..] {
        // A key of another kind is as if it were not there.
        match db.find::<StringValue>(key, call) {
            Ok(Some(slot)) => db.reply_string(slot, call)?,
            Ok(None) | Err(_) => call.reply_null()?,
        }
    }
    Ok(())
}

/// MSET.
fn mset<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    if call.args.len().is_multiple_of(2) {
        return Err(call.wrong_arity());
    }
    set_pairs(db, call);
    call.reply_ok()
}

/// MSETNX.
fn msetnx<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    if call.args.len().is_multiple_of(2) {
        return Err(call.wrong_arity());
    }
    for key in call.args[1..].iter().step_by(2) {
        if db.lookup(key, call.now_ms, call.work).is_some() {
            return call.reply_integer(0);
        }
    }
    set_pairs(db, call);
    call.reply_integer(1)
}

/// Gives every key the argument behind it.
fn set_pairs(db: &mut Database, call: &mut Call<'_>) {
    for key_index in (1..call.args.len()).step_by(2) {
        set_argument(db, call, key_index, key_index + 1);
    }
}

/// Gives a key the value of another argument; its expiry goes (setKey).
fn set_argument(db: &mut Database, call: &mut Call<'_>, key_index: usize, value_index: usize) {
    let key = call.args[key_index];
    let value = call.string(value_index).into_value();
    let is_present = db.lookup(key, call.now_ms, call.work).is_some();
    let how = SetKey {
        is_present,
        keeps_expiry: false,
    };
    db.set(key, value, how, call.work);
    db.notify(EventClasses::STRING, "set", key);
}

/// GETSET.
fn getset<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    db.reading(|db| get(db, call))?;
    set_argument(db, call, 1, 2);
    Ok(())
}

/// GETDEL.
fn getdel<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    db.reading(|db| get(db, call))?;
    db.delete_telling(call.args[1], call.work);
    Ok(())
}

/// How an expiry is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExpiryForm {
    /// Seconds from now (EX).
    Seconds,
    /// Milliseconds from now (PX).
    Millis,
    /// Seconds since the epoch (EXAT).
    UnixSeconds,
    /// Milliseconds since the epoch (PXAT).
    UnixMillis,
}

impl ExpiryForm {
    /// The form that an option names, if it names one.
    fn of_option(option: &[u8]) -> Option<Self> {
        match option {
            _ if is_option(option, "ex") => Some(Self::Seconds),
            _ if is_option(option, "px") => Some(Self::Millis),
            _ if is_option(option, "exat") => Some(Self::UnixSeconds),
            _ if is_option(option, "pxat") => Some(Self::UnixMillis),
            _ => None,
        }
    }
    /// Whether it counts from the epoch, and not from now.
    const fn is_absolute(self) -> bool {
        matches!(self, Self::UnixSeconds | Self::UnixMillis)
    }
}

/// The presence of the key that a SET asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    /// The key must not be there (NX).
    Absent,
    /// The key must be there (XX).
    Present,
}

/// The options of SET and its older relatives.
#[derive(Clone, Copy, Debug, Default)]
struct SetOptions {
    wants: Option<Presence>,
    replies_old: bool,
    keeps_expiry: bool,
    /// The form of the expiry and the argument that states it.
    expiry: Option<(ExpiryForm, usize)>,
}

/// What a SET replies where it does not reply the old value.
#[derive(Clone, Copy, Debug)]
struct SetReplies {
    done: Frame<'static>,
    refused: Frame<'static>,
}

const PLAIN_REPLIES: SetReplies = SetReplies {
    done: Frame::Simple("OK"),
    refused: Frame::Null,
};

/// SET.
#[inline]
fn set<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let options = match call.args.len() {
        3 => SetOptions::default(),
        _ => set_options(call.args)?,
    };
    set_key(db, call, 2, options, PLAIN_REPLIES)
}

/// SETNX.
fn setnx<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let options = SetOptions {
        wants: Some(Presence::Absent),
        ..SetOptions::default()
    };
    let replies = SetReplies {
        done: Frame::Integer(1),
        refused: Frame::Integer(0),
    };
    set_key(db, call, 2, options, replies)
}

/// SETEX.
fn setex<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let expiry = Some((ExpiryForm::Seconds, 2));
    set_key(
        db,
        call,
        3,
        SetOptions {
            expiry,
            ..SetOptions::default()
        },
        PLAIN_REPLIES,
    )
}

/// PSETEX.
fn psetex<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let expiry = Some((ExpiryForm::Millis, 2));
    set_key(
        db,
        call,
        3,
        SetOptions {
            expiry,
            ..SetOptions::default()
        },
        PLAIN_REPLIES,
    )
}

/// Reads the options behind key and value (`redis:src/t_string.c`,
/// parseExtendedStringArgumentsOrReply). An expiry may be stated twice in the same form; the last
/// one holds.
fn set_options<'c>(args: &[&[u8]]) -> Result<SetOptions, ErrorReply<'c>> {
    let mut options = SetOptions::default();
    let mut index = 3;
    while index < args.len() {
        let option = args[index];
        let form = ExpiryForm::of_option(option);
        let is_free = |wanted: Presence| options.wants.is_none_or(|wants| wants == wanted);
        match form {
            Some(form) => {
                let is_same = options.expiry.is_none_or(|(present, _)| present == form);
                index += 1;
                if options.keeps_expiry || !is_same || index == args.len() {
                    return Err(ErrorReply::Syntax);
                }
                options.expiry = Some((form, index));
            }
            None if is_option(option, "nx") && is_free(Presence::Absent) => {
                options.wants = Some(Presence::Absent);
            }
            None if is_option(option, "xx") && is_free(Presence::Present) => {
                options.wants = Some(Presence::Present);
            }
            None if is_option(option, "get") => options.replies_old = true,
            None if is_option(option, "keepttl") && options.expiry.is_none() => {
                options.keeps_expiry = true;
            }
            None => return Err(ErrorReply::Syntax),
        }
        index += 1;
    }
    Ok(options)
}

/// What GETEX does to the expiry of a key that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NewExpiry {
    Kept,
    Removed,
    /// The form, and the argument that states it.
    Stated(ExpiryForm, usize),
}

/// Reads the options behind the key of GETEX, of which the last one of a form holds.
fn getex_options<'c>(args: &[&[u8]]) -> Result<NewExpiry, ErrorReply<'c>> {
    let mut chosen = NewExpiry::Kept;
    let mut index = 2;
    while index < args.len() {
        let option = args[index];
        let Some(form) = ExpiryForm::of_option(option) else {
            if !is_option(option, "persist") || matches!(chosen, NewExpiry::Stated(..)) {
                return Err(ErrorReply::Syntax);
            }
            chosen = NewExpiry::Removed;
            index += 1;
            continue;
        };
        let is_free = match chosen {
            NewExpiry::Kept => true,
            NewExpiry::Removed => false,
            NewExpiry::Stated(present, _) => present == form,
        };
        if !is_free || index + 1 == args.len() {
            return Err(ErrorReply::Syntax);
        }
        chosen = NewExpiry::Stated(form, index + 1);
        index += 2;
    }
    Ok(chosen)
}

/// GETEX.
fn getex<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let key = call.args[1];
    let chosen = getex_options(call.args)?;
    let Some(slot) = db.find_to_read::<StringValue>(key, call)? else {
        return call.reply_null();
    };
    let stated = match chosen {
        NewExpiry::Stated(form, index) => Some((form, expiry_ms(call, form, index)?)),
        NewExpiry::Kept | NewExpiry::Removed => None,
    };
    db.reply_string(slot, call)?;
    match stated {
        Some((form, at_ms)) if form.is_absolute() && at_ms <= call.now_ms => {
            db.delete_telling(key, call.work);
        }
        Some((_, at_ms)) => {
            db.set_expiry(key, at_ms, call.work);
            db.notify(EventClasses::GENERIC, "expire", key);
        }
        None if chosen == NewExpiry::Removed && db.remove_expiry(key, call.work) => {
            db.notify(EventClasses::GENERIC, "persist", key);
        }
        None => {}
    }
    Ok(())
}

/// Sets the key that the first argument names to the argument `value_index` (setGenericCommand).
#[inline]
fn set_key<'c>(
    db: &mut Database,
    call: &mut Call<'c>,
    value_index: usize,
    options: SetOptions,
    replies: SetReplies,
) -> Outcome<'c> {
    let key = call.args[1];
    let expires_at_ms = match options.expiry {
        Some((form, index)) => Some(expiry_ms(call, form, index)?),
        None => None,
    };
    if options.replies_old {
        db.reading(|db| get(db, call))?;
    }
    let is_present = db.lookup(key, call.now_ms, call.work).is_some();
    let refuses = match options.wants {
        Some(Presence::Absent) => is_present,
        Some(Presence::Present) => !is_present,
        None => false,
    };
    if !refuses {
        let value = call.string(value_index).into_value();
        let how = SetKey {
            is_present,
            keeps_expiry: options.keeps_expiry,
        };
        db.set(key, value, how, call.work);
        db.notify(EventClasses::STRING, "set", key);
        if let Some(at_ms) = expires_at_ms {
            db.set_expiry(key, at_ms, call.work);
            db.notify(EventClasses::GENERIC, "expire", key);
        }
    }
    match (options.replies_old, refuses) {
        (true, _) => Ok(()),
        (false, true) => call.reply(replies.refused),
        (false, false) => call.reply(replies.done),
    }
}

/// The unix time in milliseconds that argument `index` states (getExpireMillisecondsOrReply).
fn expiry_ms<'c>(
    call: &mut Call<'c>,
    form: ExpiryForm,
    index: usize,
) -> Result<i64, ErrorReply<'c>> {
    let invalid = ErrorReply::InvalidExpireTime {
        command: call.spec.name,
    };
    let stated = call.integer(index)?;
    if stated <= 0 {
        return Err(invalid);
    }
    let millis = match form {
        ExpiryForm::Seconds | ExpiryForm::UnixSeconds => stated.checked_mul(1_000),
        ExpiryForm::Millis | ExpiryForm::UnixMillis => Some(stated),
    };
    let base = match form {
        ExpiryForm::Seconds | ExpiryForm::Millis => call.now_ms,
        ExpiryForm::UnixSeconds | ExpiryForm::UnixMillis => 0,
    };
    millis
        .and_then(|millis| millis.checked_add(base))
        .ok_or(invalid)
}

/// INCR.
fn incr<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    add_to_integer(db, call, 1)
}

/// DECR.
fn decr<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    add_to_integer(db, call, -1)
}

/// INCRBY.
fn incrby<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let increment = call.integer(2)?;
    add_to_integer(db, call, increment)
}

/// DECRBY.
fn decrby<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let decrement = call.integer(2)?;
    let increment = decrement
        .checked_neg()
        .ok_or(ErrorReply::DecrementOverflow)?;
    add_to_integer(db, call, increment)
}

/// Adds to the integer at the key, which is 0 where it is not there (incrDecrCommand).
fn add_to_integer<'c>(db: &mut Database, call: &mut Call<'c>, increment: i64) -> Outcome<'c> {
    let key = call.args[1];
    let slot = db.find::<StringValue>(key, call)?;
    let (present, stored_integer) = match slot.map(|slot| db.get::<StringValue>(slot)) {
        None => (0, None),
        Some(value) => {
            call.work
                .count(Counter::BytesScanned, value.stored_len() as u64);
            let stored_integer = match value {
                StringValue::Integer(number) => Some(*number),
                StringValue::Embedded(_) | StringValue::Raw(_) => None,
            };
            (
                value.as_integer().ok_or(ErrorReply::NotAnInteger)?,
                stored_integer,
            )
        }
    };
    let sum = present
        .checked_add(increment)
        .ok_or(ErrorReply::IncrementOverflow)?;
    // An integer object is changed in place unless the old or the new one is shared by all keys;
    // otherwise the key is looked up once more to be given another object.
    let may_be_shared = |number: i64| (0..SHARED_INTEGERS).contains(&number);
    let has_own_object =
        stored_integer.is_some() && slot.is_some_and(|slot| !db.shares_integer(slot));
    match slot {
        Some(slot) if has_own_object && !may_be_shared(sum) => {
            db.change(key, slot, call.work, |value, _| {
                *value = StringValue::Integer(sum);
            });
        }
        Some(_) => db.overwrite(key, StringValue::Integer(sum).into_value(), call.work),
        None => {
            db.add(key, StringValue::Integer(sum).into_value(), call.work);
        }
    }
    db.notify(EventClasses::STRING, "incrby", key);
    call.reply_integer(sum)
}

/// INCRBYFLOAT. The new value is a string of its own in any case.
fn incrbyfloat<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let slot = db.find::<StringValue>(call.args[1], call)?;
    let text = slot.map(|slot| db.get::<StringValue>(slot).bytes());
    let text = text.as_ref().map_or(&b"0"[..], |text| text.as_slice());
    let present = Extended::parse(text).ok_or(NOT_A_FLOAT)?;
    let increment = call.extended(2)?;
    let sum = present.checked_add(increment).ok_or(ErrorReply::Fixed(
        "ERR increment would produce NaN or Infinity",
    ))?;
    let sum = sum.to_text();
    let value = StringValue::from_text(sum.as_bytes());
    count_allocation(sum.len(), call.work);
    match slot {
        Some(_) => db.overwrite(call.args[1], value.into_value(), call.work),
        None => {
            db.add(call.args[1], value.into_value(), call.work);
        }
    }
    db.notify(EventClasses::STRING, "incrbyfloat", call.args[1]);
    call.reply(Frame::Bulk(sum.as_bytes()))
}

/// APPEND.
fn append<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let (key, tail) = (call.args[1], call.args[2]);
    let Some(slot) = db.find::<StringValue>(key, call)? else {
        let value = call.string(2);
        db.add(key, value.into_value(), call.work);
        db.notify(EventClasses::STRING, "append", key);
        return call.reply_count(tail.len());
    };
    let length = db.get::<StringValue>(slot).byte_len() + tail.len();
    if length as u64 > db.limits().string_bytes_max {
        return Err(ErrorReply::StringTooLong);
    }
    // Any other encoding is first replaced by a raw copy, for which the key is looked up again
    // (dbUnshareStringValue).
    if !matches!(db.get::<StringValue>(slot), StringValue::Raw(_)) {
        db.find_again(key, call.work);
    }
    db.change(key, slot, call.work, |value: &mut StringValue, work| {
        let had_allocation = value.stored_len() > 0;
        work.count(Counter::BytesCopied, tail.len() as u64);
        if let Some(moved) = value.append(tail) {
            count_allocation(length, work);
            work.count(Counter::BytesCopied, moved as u64);
            work.count(Counter::Frees, u64::from(had_allocation));
        }
    });
    db.notify(EventClasses::STRING, "append", key);
    call.reply_count(length)
}
