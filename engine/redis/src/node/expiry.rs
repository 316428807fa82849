//! Commands on the time that keys live.

use super::call::{Call, Outcome, is_option};
use super::error::ErrorReply;
use crate::keyspace::{Database, EventClasses};

/// How a command writes times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Seconds,
    Millis,
}

/// What a command counts times from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    Now,
    Epoch,
}

/// The conditions of the EXPIRE commands.
#[derive(Clone, Copy, Debug, Default)]
struct Conditions {
    /// NX: only a key without expiry.
    without: bool,
    /// XX: only a key with one.
    with: bool,
    /// GT: only to a later time; a key without expiry lives longest.
    later: bool,
    /// LT: only to an earlier time.
    earlier: bool,
}

impl Conditions {
    fn allow(self, present_ms: Option<i64>, at_ms: i64) -> bool {
        let is_later = present_ms.is_some_and(|present| at_ms > present);
        let is_earlier = present_ms.is_none_or(|present| at_ms < present);
        !(self.without && present_ms.is_some()
            || self.with && present_ms.is_none()
            || self.later && !is_later
            || self.earlier && !is_earlier)
    }
    const fn are_any(self) -> bool {
        self.without || self.with || self.later || self.earlier
    }
}

/// EXPIRE.
pub(super) fn expire<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    set_expiry(db, call, Unit::Seconds, Since::Now)
}

/// PEXPIRE.
pub(super) fn pexpire<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    set_expiry(db, call, Unit::Millis, Since::Now)
}

/// EXPIREAT.
pub(super) fn expireat<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    set_expiry(db, call, Unit::Seconds, Since::Epoch)
}

/// PEXPIREAT.
pub(super) fn pexpireat<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    set_expiry(db, call, Unit::Millis, Since::Epoch)
}

/// Lets a key live up to a time (expireGenericCommand).
fn set_expiry<'c>(db: &mut Database, call: &mut Call<'c>, unit: Unit, since: Since) -> Outcome<'c> {
    let key = call.args[1];
    let conditions = conditions(call.args)?;
    let at_ms = expiry_ms(call, unit, since)?;
    if db.lookup(key, call.now_ms, call.work).is_none() {
        return call.reply_integer(0);
    }
    if conditions.are_any() && !conditions.allow(db.expiry(key, call.work), at_ms) {
        return call.reply_integer(0);
    }
    if at_ms <= call.now_ms {
        db.delete_telling(key, call.work);
    } else {
        db.set_expiry(key, at_ms, call.work);
        db.notify(EventClasses::GENERIC, "expire", key);
    }
    call.reply_integer(1)
}

fn conditions<'c>(args: &'c [&'c [u8]]) -> Result<Conditions, ErrorReply<'c>> {
    let mut found = Conditions::default();
    for option in &args[3..] {
        match option {
            _ if is_option(option, "nx") => found.without = true,
            _ if is_option(option, "xx") => found.with = true,
            _ if is_option(option, "gt") => found.later = true,
            _ if is_option(option, "lt") => found.earlier = true,
            _ => return Err(ErrorReply::UnsupportedOption { option }),
        }
    }
    if found.without && (found.with || found.later || found.earlier) {
        return Err(ErrorReply::NotExistsWithOthers);
    }
    if found.later && found.earlier {
        return Err(ErrorReply::GreaterWithLess);
    }
    Ok(found)
}

/// The unix time in milliseconds that the second argument states; it may be negative.
fn expiry_ms<'c>(call: &mut Call<'c>, unit: Unit, since: Since) -> Result<i64, ErrorReply<'c>> {
    let stated = call.integer(2)?;
    let millis = match unit {
        Unit::Seconds => stated.checked_mul(1_000),
        Unit::Millis => Some(stated),
    };
    let base = match since {
        Since::Now => call.now_ms,
        Since::Epoch => 0,
    };
    let at_ms = millis.and_then(|millis| millis.checked_add(base));
    at_ms.ok_or(ErrorReply::InvalidExpireTime {
        command: call.spec.name,
    })
}

/// TTL.
pub(super) fn ttl<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    reply_expiry(db, call, Unit::Seconds, Since::Now)
}

/// PTTL.
pub(super) fn pttl<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    reply_expiry(db, call, Unit::Millis, Since::Now)
}

/// EXPIRETIME.
pub(super) fn expiretime<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    reply_expiry(db, call, Unit::Seconds, Since::Epoch)
}

/// PEXPIRETIME.
pub(super) fn pexpiretime<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    reply_expiry(db, call, Unit::Millis, Since::Epoch)
}

/// Replies up to when a key lives (ttlGenericCommand): -2 without the key, -1 without an expiry,
/// else the time, seconds rounded to the nearest.
fn reply_expiry<'c>(
    db: &mut Database,
    call: &mut Call<'c>,
    unit: Unit,
    since: Since,
) -> Outcome<'c> {
    let key = call.args[1];
    if db.lookup_without_use(key, call.now_ms, call.work).is_none() {
        return call.reply_integer(-2);
    }
    let Some(at_ms) = db.expiry(key, call.work) else {
        return call.reply_integer(-1);
    };
    let millis = match since {
        Since::Now => at_ms.saturating_sub(call.now_ms).max(0),
        Since::Epoch => at_ms,
    };
    call.reply_integer(match unit {
        Unit::Seconds => nearest_second(millis),
        Unit::Millis => millis,
    })
}

/// Rounds without an overflow at the latest expiry that can be set.
fn nearest_second(millis: i64) -> i64 {
    millis / 1_000 + i64::from(millis % 1_000 >= 500)
}

/// PERSIST.
pub(super) fn persist<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let key = call.args[1];
    let is_present = db.lookup(key, call.now_ms, call.work).is_some();
    let persisted = is_present && db.remove_expiry(key, call.work);
    if persisted {
        db.notify(EventClasses::GENERIC, "persist", key);
    }
    call.reply_integer(i64::from(persisted))
}
