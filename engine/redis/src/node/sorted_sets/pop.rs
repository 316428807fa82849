//! Taking the lowest or highest members away.

use super::{entries, reply_each};
use crate::keyspace::{Database, EventClasses};
use crate::node::call::is_option;
use crate::node::lists::{MultiPop, multi_pop};
use crate::node::{Call, ErrorReply, Outcome};
use crate::resp::{Frame, Protocol};
use crate::value::SortedSet;
use kvrig_tables::Slot;

/// ZPOPMIN.
pub(super) fn zpopmin<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    pop(db, call, false)
}

/// ZPOPMAX.
pub(super) fn zpopmax<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    pop(db, call, true)
}

fn pop<'c>(db: &mut Database, call: &mut Call<'c>, highest: bool) -> Outcome<'c> {
    let count = match call.args.len() {
        2 => None,
        3 => Some(call.count(2)?),
        _ => return Err(ErrorReply::Syntax),
    };
    let key = call.args[1];
    let found = db.find::<SortedSet>(key, call)?;
    let Some(slot) = found.filter(|_| count != Some(0)) else {
        return call.reply(Frame::Array(0));
    };
    let popped = take(db, key, slot, highest, count.unwrap_or(1), call);
    let is_nested = call.protocol == Protocol::Resp3 && count.is_some();
    let parts = if is_nested { 1 } else { 2 };
    call.reply(Frame::Array(popped.len() * parts))?;
    reply_each(&popped, true, is_nested, call)
}

/// Removes up to `count` entries from one end and returns them, the outermost first.
pub(crate) fn take(
    db: &mut Database,
    key: &[u8],
    slot: Slot,
    highest: bool,
    count: usize,
    call: &mut Call<'_>,
) -> Vec<super::Entry> {
    let length = db.get::<SortedSet>(slot).len();
    let count = count.min(length);
    let start = if highest { length - 1 } else { 0 };
    let popped = entries(db, slot, (start, count), highest, call);
    db.change(key, slot, call.work, |set: &mut SortedSet, work| {
        let start = if highest { length - count } else { 0 };
        set.remove_ranks(start, count, work);
    });
    let event = if highest { "zpopmax" } else { "zpopmin" };
    db.notify_taken(EventClasses::SORTED_SET, event, key);
    popped
}

/// Whether an argument names the upper end or the lower.
pub(crate) fn is_highest<'c>(arg: &[u8]) -> Result<bool, ErrorReply<'c>> {
    match arg {
        _ if is_option(arg, "min") => Ok(false),
        _ if is_option(arg, "max") => Ok(true),
        _ => Err(ErrorReply::Syntax),
    }
}

/// ZMPOP.
pub(super) fn zmpop<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let MultiPop { keys, end, count } = multi_pop(call, 1, is_highest)?;
    for &key in &call.args[keys] {
        if let Some(slot) = db.find::<SortedSet>(key, call)? {
            let popped = take(db, key, slot, end, count, call);
            call.reply(Frame::Array(2))?;
            call.reply_bulk(key)?;
            call.reply(Frame::Array(popped.len()))?;
            return reply_each(&popped, true, true, call);
        }
    }
    call.reply(Frame::NullArray)
}
