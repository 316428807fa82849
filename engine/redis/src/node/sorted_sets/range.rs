//! Ranges by rank, by score and by member.

use super::read::{NOT_A_FLOAT, NOT_A_RANGE_ITEM};
use super::{Entry, StoredForm, entries, reply_entries, store};
use crate::keyspace::{Database, EventClasses};
use crate::node::call::is_option;
use crate::node::lists::resolve;
use crate::node::{Call, ErrorReply, Outcome};
use crate::resp::Frame;
use crate::value::SortedSet;
use crate::value::sorted_set::{MemberRange, Range, ScoreRange};
use kvrig_tables::Slot;

/// What the ends of a range are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Member,
}

/// What a command fixes and what its options say.
#[derive(Clone, Copy, Debug)]
struct Asked {
    /// Index of the key; the ends follow it.
    key: usize,
    /// Fixed by the command's name, or to be said by BYSCORE and BYLEX.
    by: Option<By>,
    /// Fixed by the command's name, or to be said by REV.
    is_reverse: Option<bool>,
    /// The result is stored and not replied.
    stores: bool,
}

/// ZRANGE.
pub(super) fn zrange<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    range(db, call, asked(None, None))
}

/// ZREVRANGE.
pub(super) fn zrevrange<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    range(db, call, asked(Some(By::Rank), Some(true)))
}

/// ZRANGEBYSCORE.
pub(super) fn zrangebyscore<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    range(db, call, asked(Some(By::Score), Some(false)))
}

/// ZREVRANGEBYSCORE.
pub(super) fn zrevrangebyscore<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    range(db, call, asked(Some(By::Score), Some(true)))
}

/// ZRANGEBYLEX.
pub(super) fn zrangebylex<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    range(db, call, asked(Some(By::Member), Some(false)))
}

/// ZREVRANGEBYLEX.
pub(super) fn zrevrangebylex<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    range(db, call, asked(Some(By::Member), Some(true)))
}

/// ZRANGESTORE.
pub(super) fn zrangestore<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let asked = Asked {
        key: 2,
        by: None,
        is_reverse: None,
        stores: true,
    };
    range(db, call, asked)
}

const fn asked(by: Option<By>, is_reverse: Option<bool>) -> Asked {
    Asked {
        key: 1,
        by,
        is_reverse,
        stores: false,
    }
}

/// Reads options and ends, then replies or stores the range (zrangeGenericCommand).
fn range<'c>(db: &mut Database, call: &mut Call<'c>, asked: Asked) -> Outcome<'c> {
    let (mut by, mut is_reverse) = (asked.by, asked.is_reverse);
    let (mut with_scores, mut offset, mut limit) = (false, 0, -1);
    let mut index = asked.key + 3;
    while let Some(option) = call.args.get(index) {
        match option {
            _ if !asked.stores && is_option(option, "withscores") => with_scores = true,
            _ if is_option(option, "limit") && index + 2 < call.args.len() => {
                offset = call.integer(index + 1)?;
                limit = call.integer(index + 2)?;
                index += 2;
            }
            _ if asked.is_reverse.is_none() && is_option(option, "rev") => is_reverse = Some(true),
            _ if asked.by.is_none() && is_option(option, "bylex") => by = Some(By::Member),
            _ if asked.by.is_none() && is_option(option, "byscore") => by = Some(By::Score),
            _ => return Err(ErrorReply::Syntax),
        }
        index += 1;
    }
    let by = by.unwrap_or(By::Rank);
    let is_reverse = is_reverse.unwrap_or(false);
    if limit != -1 && by == By::Rank {
        return Err(ErrorReply::Fixed(
            "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
        ));
    }
    if with_scores && by == By::Member {
        return Err(ErrorReply::Fixed(
            "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
        ));
    }
    let (first, second) = (asked.key + 1, asked.key + 2);
    let (min, max) = match is_reverse && by != By::Rank {
        true => (second, first),
        false => (first, second),
    };
    let ends = ends(by, min, max, call)?;
    let key = call.args[asked.key];
    let found = match db.find_to_read::<SortedSet>(key, call)? {
        Some(slot) => select(db, slot, &ends, is_reverse, (offset, limit), call),
        None => Vec::new(),
    };
    match asked.stores {
        true => {
            // The length of a range by rank is known beforehand.
            let form = match by {
                By::Rank => StoredForm::OfAll,
                By::Score | By::Member => StoredForm::Growing,
            };
            store(db, call.args[1], &found, form, call)
        }
        false if found.is_empty() => call.reply(Frame::Array(0)),
        false => reply_entries(&found, with_scores, call),
    }
}

/// The ends of a range.
enum Ends<'a> {
    Ranks(i64, i64),
    Values(Range<'a>),
}

fn ends<'c>(
    by: By,
    min: usize,
    max: usize,
    call: &mut Call<'c>,
) -> Result<Ends<'c>, ErrorReply<'c>> {
    Ok(match by {
        By::Rank => Ends::Ranks(call.integer(min)?, call.integer(max)?),
        By::Score => {
            let range = ScoreRange::parse(call.args[min], call.args[max]);
            Ends::Values(Range::Scores(range.ok_or(NOT_A_FLOAT)?))
        }
        By::Member => {
            let range = MemberRange::parse(call.args[min], call.args[max]);
            Ends::Values(Range::Members(range.ok_or(NOT_A_RANGE_ITEM)?))
        }
    })
}

/// The entries of a range, in the direction asked for, `limit` of them behind `offset`.
fn select(
    db: &Database,
    slot: Slot,
    ends: &Ends<'_>,
    is_reverse: bool,
    (offset, limit): (i64, i64),
    call: &mut Call<'_>,
) -> Vec<Entry> {
    let set = db.get::<SortedSet>(slot);
    let (start, count) = match ends {
        Ends::Ranks(start, stop) => {
            let (start, count) = resolve(*start, *stop, set.len());
            let start = match is_reverse {
                true => set.len().saturating_sub(1 + start),
                false => start,
            };
            (start, count)
        }
        Ends::Values(range) => {
            let (start, count) = set.range(range, call.work);
            // A negative offset passes everything, as counting down to zero never ends.
            let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(count);
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let start = match is_reverse {
                true => (start + count).saturating_sub(1 + offset),
                false => start + offset,
            };
            (start, (count - offset).min(limit))
        }
    };
    entries(db, slot, (start, count), is_reverse, call)
}

/// ZREMRANGEBYRANK.
pub(super) fn zremrangebyrank<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    remove_range(db, call, By::Rank)
}

/// ZREMRANGEBYSCORE.
pub(super) fn zremrangebyscore<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    remove_range(db, call, By::Score)
}

/// ZREMRANGEBYLEX.
pub(super) fn zremrangebylex<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    remove_range(db, call, By::Member)
}

fn remove_range<'c>(db: &mut Database, call: &mut Call<'c>, by: By) -> Outcome<'c> {
    let ends = ends(by, 2, 3, call)?;
    let key = call.args[1];
    let Some(slot) = db.find::<SortedSet>(key, call)? else {
        return call.reply_integer(0);
    };
    let set = db.get::<SortedSet>(slot);
    let (start, count) = match ends {
        Ends::Ranks(start, stop) => resolve(start, stop, set.len()),
        Ends::Values(range) => set.range(&range, call.work),
    };
    db.change_if(key, slot, call.work, |set: &mut SortedSet, work| {
        set.remove_ranks(start, count, work);
        ((), count > 0)
    });
    if count > 0 {
        db.notify_taken(EventClasses::SORTED_SET, call.spec.name, key);
    }
    call.reply_count(count)
}
