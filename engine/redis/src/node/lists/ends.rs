//! Commands at the ends of lists.

use super::multi::{MultiPop, multi_pop};
use super::read::reply_range;
use crate::keyspace::{Database, EventClasses};
use crate::node::call::is_option;
use crate::node::{Call, ErrorReply, Outcome};
use crate::resp::Frame;
use crate::value::list::End;
use crate::value::{Kind, List};
use kvrig_base::seam::Counter;
use kvrig_tables::Slot;

/// LPUSH.
pub(super) fn lpush<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    push(db, call, End::Left, Absent::IsCreated)
}

/// RPUSH.
pub(super) fn rpush<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    push(db, call, End::Right, Absent::IsCreated)
}

/// LPUSHX.
pub(super) fn lpushx<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    push(db, call, End::Left, Absent::StaysAbsent)
}

/// RPUSHX.
pub(super) fn rpushx<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    push(db, call, End::Right, Absent::StaysAbsent)
}

/// What becomes of a list that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Absent {
    IsCreated,
    StaysAbsent,
}

fn push<'c>(db: &mut Database, call: &mut Call<'c>, end: End, absent: Absent) -> Outcome<'c> {
    let key = call.args[1];
    let found = db.find::<List>(key, call)?;
    if found.is_none() && absent == Absent::StaysAbsent {
        return call.reply_integer(0);
    }
    let elements = &call.args[2..];
    let length = push_all(db, key, found, end, elements, call);
    call.reply_count(length)
}

/// Adds elements at an end, in a new list where there is none, and returns its length.
fn push_all(
    db: &mut Database,
    key: &[u8],
    found: Option<Slot>,
    end: End,
    elements: &[&[u8]],
    call: &mut Call<'_>,
) -> usize {
    let slot = found.unwrap_or_else(|| {
        let list = List::new(db.limits().list);
        call.work.count(Counter::AllocationsSmall, 1);
        db.add(key, list.into_value(), call.work)
    });
    let length = db.change(key, slot, call.work, |list: &mut List, work| {
        for element in elements {
            list.push(end, element, work);
        }
        list.len()
    });
    db.notify(EventClasses::LIST, pushed(end), key);
    length
}

/// The event of elements that are added.
const fn pushed(end: End) -> &'static str {
    match end {
        End::Left => "lpush",
        End::Right => "rpush",
    }
}

/// The event of elements that are taken.
const fn popped(end: End) -> &'static str {
    match end {
        End::Left => "lpop",
        End::Right => "rpop",
    }
}

/// LPOP.
pub(super) fn lpop<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    pop(db, call, End::Left)
}

/// RPOP.
pub(super) fn rpop<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    pop(db, call, End::Right)
}

fn pop<'c>(db: &mut Database, call: &mut Call<'c>, end: End) -> Outcome<'c> {
    let key = call.args[1];
    let count = match call.args.len() {
        2 => None,
        3 => Some(call.count(2)?),
        _ => return Err(call.wrong_arity()),
    };
    let Some(slot) = db.find::<List>(key, call)? else {
        return call.reply(match count {
            Some(_) => Frame::NullArray,
            None => Frame::Null,
        });
    };
    match count {
        Some(0) => call.reply(Frame::Array(0)),
        Some(count) => pop_range(db, key, slot, end, count, call),
        None => {
            let element = pop_one(db, key, slot, end, call);
            call.reply_bulk(&element)
        }
    }
}

/// Takes one element from an end.
pub(crate) fn pop_one(
    db: &mut Database,
    key: &[u8],
    slot: Slot,
    end: End,
    call: &mut Call<'_>,
) -> Vec<u8> {
    let element = take_one(db, key, slot, end, call);
    db.notify_taken(EventClasses::LIST, popped(end), key);
    element
}

fn take_one(db: &mut Database, key: &[u8], slot: Slot, end: End, call: &mut Call<'_>) -> Vec<u8> {
    db.change(key, slot, call.work, |list: &mut List, work| {
        let popped = list.pop(end, work, |item, work| {
            let bytes = item.bytes().as_slice().to_vec();
            work.count(Counter::BytesCopied, bytes.len() as u64);
            bytes
        });
        popped.expect("no key holds an empty list")
    })
}

/// Replies up to `count` elements from an end and removes them.
pub(crate) fn pop_range<'c>(
    db: &mut Database,
    key: &[u8],
    slot: Slot,
    end: End,
    count: usize,
    call: &mut Call<'c>,
) -> Outcome<'c> {
    let length = db.get::<List>(slot).len();
    let count = count.min(length);
    let range = match end {
        End::Left => (0, End::Right),
        End::Right => (length - 1, End::Left),
    };
    reply_range(db, key, slot, range, count, call)?;
    db.change(key, slot, call.work, |list: &mut List, work| {
        let start = if end == End::Left { 0 } else { length - count };
        list.remove_range(start, count, work);
    });
    db.notify_taken(EventClasses::LIST, popped(end), key);
    Ok(())
}

/// RPOPLPUSH.
pub(super) fn rpoplpush<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    move_if_any(db, call, End::Right, End::Left)
}

/// LMOVE.
pub(super) fn lmove<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let (from, to) = (end(call.args[3])?, end(call.args[4])?);
    move_if_any(db, call, from, to)
}

/// The end that an argument names.
pub(crate) fn end<'c>(arg: &[u8]) -> Result<End, ErrorReply<'c>> {
    match arg {
        _ if is_option(arg, "left") => Ok(End::Left),
        _ if is_option(arg, "right") => Ok(End::Right),
        _ => Err(ErrorReply::Syntax),
    }
}

fn move_if_any<'c>(db: &mut Database, call: &mut Call<'c>, from: End, to: End) -> Outcome<'c> {
    match db.find::<List>(call.args[1], call)? {
        Some(slot) => move_element(db, call, slot, from, to),
        None => call.reply_null(),
    }
}

/// Takes one element from an end of the list at `slot`, which is that of the first argument, adds it
/// at an end of that of the second, and replies it.
pub(crate) fn move_element<'c>(
    db: &mut Database,
    call: &mut Call<'c>,
    slot: Slot,
    from: End,
    to: End,
) -> Outcome<'c> {
    let (source, target) = (call.args[1], call.args[2]);
    let found = db.find::<List>(target, call)?;
    if found == Some(slot) {
        let element = db.change(source, slot, call.work, |list: &mut List, work| {
            let popped = list.pop(from, work, |item, _| item.bytes().as_slice().to_vec());
            let element = popped.expect("no key holds an empty list");
            list.push(to, &element, work);
            element
        });
        db.notify(EventClasses::LIST, pushed(to), target);
        db.notify(EventClasses::LIST, popped(from), source);
        return call.reply_bulk(&element);
    }
    let element = take_one(db, source, slot, from, call);
    push_all(db, target, found, to, &[&element], call);
    // Redis adds before it takes away.
    db.notify_taken(EventClasses::LIST, popped(from), source);
    call.reply_bulk(&element)
}

/// LMPOP.
pub(super) fn lmpop<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let MultiPop { keys, end, count } = multi_pop(call, 1, end)?;
    for &key in &call.args[keys] {
        if let Some(slot) = db.find::<List>(key, call)? {
            call.reply(Frame::Array(2))?;
            call.reply_bulk(key)?;
            return pop_range(db, key, slot, end, count, call);
        }
    }
    call.reply(Frame::NullArray)
}
