//! Commands that change lists inside.

use super::{element, resolve};
use crate::keyspace::{Database, EventClasses};
use crate::node::call::is_option;
use crate::node::{Call, ErrorReply, Outcome};
use crate::value::List;
use crate::value::list::{End, Side};

/// LSET.
pub(super) fn lset<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let (key, value) = (call.args[1], call.args[3]);
    let slot = db.find::<List>(key, call)?.ok_or(ErrorReply::NoSuchKey)?;
    let index = call.integer(2)?;
    let index = element(index, db.get::<List>(slot).len());
    let index = index.ok_or(ErrorReply::Fixed("ERR index out of range"))?;
    db.change(key, slot, call.work, |list: &mut List, work| {
        list.set(index, value, work)
    });
    db.notify(EventClasses::LIST, "lset", key);
    call.reply_ok()
}

/// LINSERT.
pub(super) fn linsert<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let (key, pivot, value) = (call.args[1], call.args[3], call.args[4]);
    let side = match call.args[2] {
        side if is_option(side, "before") => Side::Before,
        side if is_option(side, "after") => Side::After,
        _ => return Err(ErrorReply::Syntax),
    };
    let Some(slot) = db.find::<List>(key, call)? else {
        return call.reply_integer(0);
    };
    let length = db.change_if(key, slot, call.work, |list: &mut List, work| {
        let is_inserted = list.insert(side, pivot, value, work);
        (is_inserted.then(|| list.len()), is_inserted)
    });
    match length {
        Some(length) => {
            db.notify(EventClasses::LIST, "linsert", key);
            call.reply_count(length)
        }
        None => call.reply_integer(-1),
    }
}

/// LREM.
pub(super) fn lrem<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let (key, value) = (call.args[1], call.args[3]);
    let count = call.negatable(2)?;
    let Some(slot) = db.find::<List>(key, call)? else {
        return call.reply_integer(0);
    };
    let end = if count < 0 { End::Right } else { End::Left };
    let most = match count.unsigned_abs() {
        0 => usize::MAX,
        most => usize::try_from(most).unwrap_or(usize::MAX),
    };
    let removed = db.change_if(key, slot, call.work, |list: &mut List, work| {
        let removed = list.remove(end, value, most, work);
        (removed, removed > 0)
    });
    if removed > 0 {
        db.notify_taken(EventClasses::LIST, "lrem", key);
    }
    call.reply_count(removed)
}

/// LTRIM.
pub(super) fn ltrim<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let key = call.args[1];
    let (start, stop) = (call.integer(2)?, call.integer(3)?);
    let Some(slot) = db.find::<List>(key, call)? else {
        return call.reply_ok();
    };
    let length = db.get::<List>(slot).len();
    let (start, count) = resolve(start, stop, length);
    db.change(key, slot, call.work, |list: &mut List, work| {
        list.remove_range(start + count, length, work);
        list.remove_range(0, start, work);
    });
    db.notify_taken(EventClasses::LIST, "ltrim", key);
    db.state_changes((length - count) as u64);
    call.reply_ok()
}
