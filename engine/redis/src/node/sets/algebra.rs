//! Intersections, unions and differences.

use crate::keyspace::{Database, EventClasses, SetKey};
use crate::node::call::is_option;
use crate::node::{Call, ErrorReply, Outcome};
use crate::number::parse_i64;
use crate::resp::Frame;
use crate::value::{Kind, Set};
use kvrig_base::seam::{Counter, Work};
use kvrig_tables::Slot;

/// SMEMBERS: the intersection of one set.
pub(super) fn smembers<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    sinter(db, call)
}

/// SINTER.
pub(super) fn sinter<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let members = intersection(db, &call.args[1..], usize::MAX, call)?;
    reply_members(&members, call)
}

/// SINTERSTORE.
pub(super) fn sinterstore<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let members = intersection(db, &call.args[2..], usize::MAX, call)?;
    store(db, &members, call)
}

/// SINTERCARD.
pub(super) fn sintercard<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let keys = parse_i64(call.args[1]).and_then(|keys| usize::try_from(keys).ok());
    let keys = keys
        .filter(|&keys| keys > 0)
        .ok_or(ErrorReply::Fixed("ERR numkeys should be greater than 0"))?;
    if keys > call.args.len() - 2 {
        return Err(ErrorReply::Fixed(
            "ERR Number of keys can't be greater than number of args",
        ));
    }
    let mut limit = 0;
    let mut index = keys + 2;
    while let Some(option) = call.args.get(index) {
        let Some(number) = call.args.get(index + 1) else {
            return Err(ErrorReply::Syntax);
        };
        if !is_option(option, "limit") {
            return Err(ErrorReply::Syntax);
        }
        let number = parse_i64(number).and_then(|limit| usize::try_from(limit).ok());
        limit = number.ok_or(ErrorReply::Fixed("ERR LIMIT can't be negative"))?;
        index += 2;
    }
    let limit = if limit == 0 { usize::MAX } else { limit };
    let members = intersection(db, &call.args[2..keys + 2], limit, call)?;
    call.reply_count(members.len())
}

/// SUNION.
pub(super) fn sunion<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let members = union(db, &call.args[1..], call)?;
    reply_members(&members, call)
}

/// SUNIONSTORE.
pub(super) fn sunionstore<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let members = union(db, &call.args[2..], call)?;
    store(db, &members, call)
}

/// SDIFF.
pub(super) fn sdiff<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let members = difference(db, &call.args[1..], call)?;
    reply_members(&members, call)
}

/// SDIFFSTORE.
pub(super) fn sdiffstore<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let members = difference(db, &call.args[2..], call)?;
    store(db, &members, call)
}

type Members = Vec<Box<[u8]>>;

/// The sets at `keys`; a key of another kind is an error even where the result is known.
fn sets<'c>(
    db: &mut Database,
    keys: &[&[u8]],
    call: &mut Call<'c>,
) -> Result<Vec<Option<Slot>>, ErrorReply<'c>> {
    let found = keys.iter().map(|key| db.find_to_read::<Set>(key, call));
    found.collect()
}

/// The members of the smallest set that all others have too, `most` at most
/// (sinterGenericCommand).
fn intersection<'c>(
    db: &mut Database,
    keys: &[&[u8]],
    most: usize,
    call: &mut Call<'c>,
) -> Result<Members, ErrorReply<'c>> {
    let found = sets(db, keys, call)?;
    let Some(mut slots) = found
        .into_iter()
        .zip(keys)
        .map(|(slot, key)| Some((slot?, *key)))
        .collect::<Option<Vec<_>>>()
    else {
        return Ok(Vec::new());
    };
    slots.sort_by_key(|&(slot, _)| db.get::<Set>(slot).len());
    let mut members = all_members(db, slots[0].0, call.work);
    for &(slot, key) in &slots[1..] {
        if slot != slots[0].0 {
            retain(db, key, slot, &mut members, true, call.work);
        }
    }
    members.truncate(most);
    Ok(members)
}

/// The members of any of the sets, each once.
fn union<'c>(
    db: &mut Database,
    keys: &[&[u8]],
    call: &mut Call<'c>,
) -> Result<Members, ErrorReply<'c>> {
    let found = sets(db, keys, call)?;
    let mut all: Option<Set> = None;
    for slot in found.into_iter().flatten() {
        for member in all_members(db, slot, call.work) {
            let sum = match &mut all {
                Some(sum) => sum,
                None => all.insert(new_set(db, &member)),
            };
            sum.insert(&member, call.work);
        }
    }
    Ok(all.map_or(Vec::new(), |all| members_of(&all, call.work)))
}

/// The members of the first set that no other has.
fn difference<'c>(
    db: &mut Database,
    keys: &[&[u8]],
    call: &mut Call<'c>,
) -> Result<Members, ErrorReply<'c>> {
    let found = sets(db, keys, call)?;
    let Some(first) = found[0] else {
        return Ok(Vec::new());
    };
    let mut members = all_members(db, first, call.work);
    for (slot, key) in found.into_iter().zip(keys).skip(1) {
        if let Some(slot) = slot {
            retain(db, key, slot, &mut members, false, call.work);
        }
    }
    Ok(members)
}

/// Keeps those members that the set at `key` has, or has not.
fn retain(
    db: &mut Database,
    key: &[u8],
    slot: Slot,
    members: &mut Members,
    present: bool,
    work: &mut Work,
) {
    db.look_into(key, slot, work, |set: &mut Set, work| {
        members.retain(|member| set.contains(member, work) == present);
    });
}

fn all_members(db: &Database, slot: Slot, work: &mut Work) -> Members {
    members_of(db.get::<Set>(slot), work)
}

fn members_of(set: &Set, work: &mut Work) -> Members {
    let mut members = Vec::with_capacity(set.len());
    set.for_each(work, |member, work| {
        work.count(Counter::BytesCopied, member.as_slice().len() as u64);
        members.push(member.as_slice().into());
    });
    members
}

fn new_set(db: &mut Database, first: &[u8]) -> Set {
    Set::new(first, db.limits().set_integers_max, db.new_dict())
}

fn reply_members<'c>(members: &Members, call: &mut Call<'c>) -> Outcome<'c> {
    call.reply(Frame::Set(members.len()))?;
    members
        .iter()
        .try_for_each(|member| call.reply_bulk(member))
}

/// Puts the members into a set at the first key, which is removed where there are none.
fn store<'c>(db: &mut Database, members: &Members, call: &mut Call<'c>) -> Outcome<'c> {
    let target = call.args[1];
    let Some(first) = members.first() else {
        db.remove_if_expired(target, call.now_ms, call.work);
        db.delete_telling(target, call.work);
        return call.reply_integer(0);
    };
    let mut set = new_set(db, first);
    for member in members {
        set.insert(member, call.work);
    }
    let length = set.len();
    let is_present = db.lookup(target, call.now_ms, call.work).is_some();
    let how = SetKey {
        is_present,
        keeps_expiry: false,
    };
    db.set(target, set.into_value(), how, call.work);
    db.notify(EventClasses::SET, call.spec.name, target);
    call.reply_count(length)
}
