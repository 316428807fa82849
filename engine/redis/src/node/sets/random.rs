//! Random members.

use crate::keyspace::{Database, EventClasses};
use crate::node::{Call, ErrorReply, Outcome};
use crate::resp::Frame;
use crate::value::Set;
use kvrig_tables::Slot;
use std::collections::BTreeSet;

/// SRANDMEMBER: with a count, so many members, each once or, if it is negative, with repeats.
pub(super) fn srandmember<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let key = call.args[1];
    if call.args.len() == 2 {
        let Some(slot) = db.find::<Set>(key, call)? else {
            return call.reply_null();
        };
        let member = draw(db, key, slot, call);
        return call.reply_bulk(&member);
    }
    if call.args.len() > 3 {
        return Err(ErrorReply::Syntax);
    }
    let count = call.negatable(2)?;
    let members = match db.find::<Set>(key, call)? {
        None => Vec::new(),
        Some(_) if count == 0 => Vec::new(),
        Some(slot) if count < 0 => {
            Call::limit_repeats(count)?;
            (0..count.unsigned_abs())
                .map(|_| draw(db, key, slot, call))
                .collect()
        }
        Some(slot) => draw_distinct(db, key, slot, count.unsigned_abs(), call),
    };
    call.reply(Frame::Array(members.len()))?;
    members
        .iter()
        .try_for_each(|member| call.reply_bulk(member))
}

/// SPOP.
pub(super) fn spop<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let key = call.args[1];
    let count = match call.args.len() {
        2 => None,
        3 => Some(call.count(2)?),
        _ => return Err(ErrorReply::Syntax),
    };
    let Some(slot) = db.find::<Set>(key, call)? else {
        return match count {
            Some(_) => call.reply(Frame::Set(0)),
            None => call.reply_null(),
        };
    };
    let members = match count {
        None => vec![draw(db, key, slot, call)],
        Some(0) => Vec::new(),
        Some(count) if count >= db.get::<Set>(slot).len() => {
            // All members are read as by SUNION.
            db.note_lookup(key, true);
            draw_distinct(db, key, slot, count as u64, call)
        }
        Some(count) => draw_distinct(db, key, slot, count as u64, call),
    };
    db.change_if(key, slot, call.work, |set: &mut Set, work| {
        for member in &members {
            set.remove(member, work);
        }
        ((), !members.is_empty())
    });
    if !members.is_empty() {
        db.notify_taken(EventClasses::SET, "spop", key);
    }
    if count.is_some() {
        call.reply(Frame::Set(members.len()))?;
    }
    members
        .iter()
        .try_for_each(|member| call.reply_bulk(member))
}

fn draw(db: &mut Database, key: &[u8], slot: Slot, call: &mut Call<'_>) -> Box<[u8]> {
    let mut random = *db.random();
    let member = db.look_into(key, slot, call.work, |set: &mut Set, work| {
        let member = set.random(&mut random, work).expect("no set is empty");
        member.as_slice().into()
    });
    *db.random() = random;
    member
}

/// Up to `count` random members, each once: all where as many are wanted.
fn draw_distinct(
    db: &mut Database,
    key: &[u8],
    slot: Slot,
    count: u64,
    call: &mut Call<'_>,
) -> Vec<Box<[u8]>> {
    let length = db.get::<Set>(slot).len() as u64;
    if count.saturating_mul(3) <= length {
        let mut chosen = BTreeSet::new();
        while (chosen.len() as u64) < count {
            chosen.insert(draw(db, key, slot, call));
        }
        return chosen.into_iter().collect();
    }
    // Most are wanted: the others are taken out.
    let mut all: Vec<Box<[u8]>> = Vec::new();
    db.get::<Set>(slot).for_each(call.work, |member, _| {
        all.push(member.as_slice().into());
    });
    let random = db.random();
    while all.len() as u64 > count {
        let gone = random.below(all.len() as u64) as usize;
        all.swap_remove(gone);
    }
    all
}
