//! Commands that ask for scores, ranks and counts.

use super::reply_score;
use crate::keyspace::Database;
use crate::node::scan::{reply_nothing, scan_value, value_cursor, value_options};
use crate::node::{Call, ErrorReply, Outcome};
use crate::number::write_17_digits;
use crate::resp::Frame;
use crate::value::SortedSet;
use crate::value::sorted_set::{MemberRange, Range, ScoreRange};
use kvrig_tables::Slot;

/// The error of a range of scores that is none.
pub(super) const NOT_A_FLOAT: ErrorReply<'static> =
    ErrorReply::Fixed("ERR min or max is not a float");
/// The error of a range of members that is none.
pub(super) const NOT_A_RANGE_ITEM: ErrorReply<'static> =
    ErrorReply::Fixed("ERR min or max not valid string range item");

/// ZCARD.
pub(super) fn zcard<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let slot = db.find::<SortedSet>(call.args[1], call)?;
    call.reply_count(slot.map_or(0, |slot| db.get::<SortedSet>(slot).len()))
}

/// ZSCORE.
pub(super) fn zscore<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let slot = db.find::<SortedSet>(call.args[1], call)?;
    reply_scores(db, slot, call)
}

/// ZMSCORE.
pub(super) fn zmscore<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let slot = db.find::<SortedSet>(call.args[1], call)?;
    call.reply(Frame::Array(call.args.len() - 2))?;
    reply_scores(db, slot, call)
}

/// Replies the scores of the members behind the key, one by one.
fn reply_scores<'c>(db: &mut Database, slot: Option<Slot>, call: &mut Call<'c>) -> Outcome<'c> {
    let (key, members) = (call.args[1], &call.args[2..]);
    for member in members {
        let score = slot.and_then(|slot| {
            db.look_into(key, slot, call.work, |set: &mut SortedSet, work| {
                set.score(member, work)
            })
        });
        match score {
            Some(score) => reply_score(score, call)?,
            None => call.reply_null()?,
        }
    }
    Ok(())
}

/// ZRANK.
pub(super) fn zrank<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    match rank(db, call)? {
        Some((rank, _)) => call.reply_count(rank),
        None => call.reply_null(),
    }
}

/// ZREVRANK.
pub(super) fn zrevrank<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    match rank(db, call)? {
        Some((rank, length)) => call.reply_count(length - 1 - rank),
        None => call.reply_null(),
    }
}

/// The rank of the member at the second argument, and the number of members.
fn rank<'c>(
    db: &mut Database,
    call: &mut Call<'c>,
) -> Result<Option<(usize, usize)>, ErrorReply<'c>> {
    let (key, member) = (call.args[1], call.args[2]);
    let Some(slot) = db.find::<SortedSet>(key, call)? else {
        return Ok(None);
    };
    Ok(
        db.look_into(key, slot, call.work, |set: &mut SortedSet, work| {
            set.rank(member, work).map(|rank| (rank, set.len()))
        }),
    )
}

/// ZCOUNT.
pub(super) fn zcount<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let range = ScoreRange::parse(call.args[2], call.args[3]).ok_or(NOT_A_FLOAT)?;
    count(db, &Range::Scores(range), call)
}

/// ZLEXCOUNT.
pub(super) fn zlexcount<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let range = MemberRange::parse(call.args[2], call.args[3]).ok_or(NOT_A_RANGE_ITEM)?;
    count(db, &Range::Members(range), call)
}

fn count<'c>(db: &mut Database, range: &Range<'_>, call: &mut Call<'c>) -> Outcome<'c> {
    let Some(slot) = db.find::<SortedSet>(call.args[1], call)? else {
        return call.reply_integer(0);
    };
    let (_, count) = db.get::<SortedSet>(slot).range(range, call.work);
    call.reply_count(count)
}

/// ZSCAN.
pub(super) fn zscan<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let cursor = value_cursor(call)?;
    let Some(slot) = db.find::<SortedSet>(call.args[1], call)? else {
        return reply_nothing(call);
    };
    let options = value_options(call)?;
    let set = db.get::<SortedSet>(slot);
    scan_value(call, cursor, &options, |cursor, work, visit| {
        set.scan(cursor, work, &mut |member, score| {
            let mut text = String::new();
            write_17_digits(score, &mut text);
            visit(member, Some(text.as_bytes()));
        })
    })
}
