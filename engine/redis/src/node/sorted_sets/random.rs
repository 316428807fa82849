//! ZRANDMEMBER.

use super::{Entry, entries, reply_entries};
use crate::keyspace::Database;
use crate::node::call::is_option;
use crate::node::{Call, ErrorReply, Outcome};
use crate::value::SortedSet;

/// ZRANDMEMBER: with a count, so many members, each once or, if it is negative, with repeats.
pub(super) fn zrandmember<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let with_scores = match call.args.len() {
        2 | 3 => false,
        4 if is_option(call.args[3], "withscores") => true,
        _ => {
            call.negatable(2)?;
            return Err(ErrorReply::Syntax);
        }
    };
    let count = match call.args.len() {
        2 => None,
        _ => Some(call.negatable(2)?),
    };
    if with_scores && count.is_some_and(|count| count.unsigned_abs() > i64::MAX as u64 / 2) {
        return Err(ErrorReply::Fixed("ERR value is out of range"));
    }
    let found = db.find::<SortedSet>(call.args[1], call)?;
    let Some(slot) = found else {
        return match count {
            Some(_) => reply_entries(&[], with_scores, call),
            None => call.reply_null(),
        };
    };
    let length = db.get::<SortedSet>(slot).len();
    let mut one = |db: &mut Database, rank: usize| {
        let mut drawn = entries(db, slot, (rank, 1), false, call);
        drawn.pop().expect("the rank is below the length")
    };
    let drawn: Vec<Entry> = match count {
        None => {
            let rank = db.random().below(length as u64) as usize;
            let (member, _) = one(db, rank);
            return call.reply_bulk(&member);
        }
        Some(count @ 0..) => {
            // Ranks are chosen by taking others out, so that each is there once.
            let mut ranks: Vec<usize> = (0..length).collect();
            while ranks.len() as u64 > count.unsigned_abs() {
                let gone = db.random().below(ranks.len() as u64) as usize;
                ranks.swap_remove(gone);
            }
            ranks.into_iter().map(|rank| one(db, rank)).collect()
        }
        Some(count) => {
            Call::limit_repeats(count)?;
            let mut draw = |_| {
                let rank = db.random().below(length as u64) as usize;
                one(db, rank)
            };
            (0..count.unsigned_abs()).map(&mut draw).collect()
        }
    };
    reply_entries(&drawn, with_scores, call)
}
