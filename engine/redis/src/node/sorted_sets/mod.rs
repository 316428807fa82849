//! Commands on sorted sets (`redis:src/t_zset.c`).

mod add;
mod algebra;
mod pop;
mod random;
mod range;
mod read;

pub(super) use add::{Options as AddOptions, add_scored};
pub(crate) use pop::{is_highest, take};

use super::{Call, Outcome};
use crate::command::commands;
use crate::keyspace::{Database, EventClasses, SetKey};
use crate::number::write_17_digits;
use crate::resp::{Frame, Protocol};
use crate::value::{Kind, SortedSet};
use kvrig_base::seam::Counter;
use kvrig_tables::Slot;

commands! { SortedSet;
    "zadd", -4, [WRITE DENYOOM FAST], FIRST, "1.2.0" => Database(add::zadd);
    "zcard", 2, [READONLY FAST], FIRST, "1.2.0" => Database(read::zcard);
    "zcount", 4, [READONLY FAST], FIRST, "2.0.0" => Database(read::zcount);
    "zdiff", -3, [READONLY MOVABLEKEYS], NONE, "6.2.0" => Database(algebra::zdiff);
    "zdiffstore", -4, [WRITE DENYOOM MOVABLEKEYS], FIRST, "6.2.0" => Database(algebra::zdiffstore);
    "zincrby", 4, [WRITE DENYOOM FAST], FIRST, "1.2.0" => Database(add::zincrby);
    "zinter", -3, [READONLY MOVABLEKEYS], NONE, "6.2.0" => Database(algebra::zinter);
    "zintercard", -3, [READONLY MOVABLEKEYS], NONE, "7.0.0" => Database(algebra::zintercard);
    "zinterstore", -4, [WRITE DENYOOM MOVABLEKEYS], FIRST, "2.0.0" => Database(algebra::zinterstore);
    "zlexcount", 4, [READONLY FAST], FIRST, "2.8.9" => Database(read::zlexcount);
    "zmpop", -4, [WRITE MOVABLEKEYS], NONE, "7.0.0" => Database(pop::zmpop);
    "zmscore", -3, [READONLY FAST], FIRST, "6.2.0" => Database(read::zmscore);
    "zpopmax", -2, [WRITE FAST], FIRST, "5.0.0" => Database(pop::zpopmax);
    "zpopmin", -2, [WRITE FAST], FIRST, "5.0.0" => Database(pop::zpopmin);
    "zrandmember", -2, [READONLY], FIRST, "6.2.0" => Database(random::zrandmember);
    "zrange", -4, [READONLY], FIRST, "1.2.0" => Database(range::zrange);
    "zrangebylex", -4, [READONLY], FIRST, "2.8.9" => Database(range::zrangebylex);
    "zrangebyscore", -4, [READONLY], FIRST, "1.0.5" => Database(range::zrangebyscore);
    "zrangestore", -5, [WRITE DENYOOM], FIRST_TWO, "6.2.0" => Database(range::zrangestore);
    "zrank", 3, [READONLY FAST], FIRST, "2.0.0" => Database(read::zrank);
    "zrem", -3, [WRITE FAST], FIRST, "1.2.0" => Database(add::zrem);
    "zremrangebylex", 4, [WRITE], FIRST, "2.8.9" => Database(range::zremrangebylex);
    "zremrangebyrank", 4, [WRITE], FIRST, "2.0.0" => Database(range::zremrangebyrank);
    "zremrangebyscore", 4, [WRITE], FIRST, "1.2.0" => Database(range::zremrangebyscore);
    "zrevrange", -4, [READONLY], FIRST, "1.2.0" => Database(range::zrevrange);
    "zrevrangebylex", -4, [READONLY], FIRST, "2.8.9" => Database(range::zrevrangebylex);
    "zrevrangebyscore", -4, [READONLY], FIRST, "2.2.0" => Database(range::zrevrangebyscore);
    "zrevrank", 3, [READONLY FAST], FIRST, "2.0.0" => Database(read::zrevrank);
    "zscan", -3, [READONLY], FIRST, "2.8.0" => Database(read::zscan);
    "zscore", 3, [READONLY FAST], FIRST, "1.2.0" => Database(read::zscore);
    "zunion", -3, [READONLY MOVABLEKEYS], NONE, "6.2.0" => Database(algebra::zunion);
    "zunionstore", -4, [WRITE DENYOOM MOVABLEKEYS], FIRST, "2.0.0" => Database(algebra::zunionstore);
}

/// A member with its score, copied out of a set.
pub(super) type Entry = (Box<[u8]>, f64);

/// Replies a score.
fn reply_score<'c>(score: f64, call: &mut Call<'c>) -> Outcome<'c> {
    let mut text = String::new();
    write_17_digits(score, &mut text);
    call.reply(Frame::Double(&text))
}

/// Replies members, with their scores behind them or, in RESP3, in pairs.
fn reply_entries<'c>(entries: &[Entry], with_scores: bool, call: &mut Call<'c>) -> Outcome<'c> {
    let is_nested = with_scores && call.protocol == Protocol::Resp3;
    let parts = if with_scores && !is_nested { 2 } else { 1 };
    call.reply(Frame::Array(entries.len() * parts))?;
    reply_each(entries, with_scores, is_nested, call)
}

/// The same without the head of the array.
pub(crate) fn reply_each<'c>(
    entries: &[Entry],
    with_scores: bool,
    is_nested: bool,
    call: &mut Call<'c>,
) -> Outcome<'c> {
    for (member, score) in entries {
        if is_nested {
            call.reply(Frame::Array(2))?;
        }
        call.reply_bulk(member)?;
        if with_scores {
            reply_score(*score, call)?;
        }
    }
    Ok(())
}

/// A new sorted set in the form that fits so many members, the longest of so many bytes.
fn new_set(db: &mut Database, length: usize, longest: usize, call: &mut Call<'_>) -> SortedSet {
    call.work.count(Counter::AllocationsSmall, 1);
    SortedSet::new(db.sorted_set_config(), length, longest)
}

/// Copies `count` entries from rank `start` on.
pub(super) fn entries(
    db: &Database,
    slot: Slot,
    (start, count): (usize, usize),
    backwards: bool,
    call: &mut Call<'_>,
) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    if count > 0 {
        let set = db.get::<SortedSet>(slot);
        set.walk(start, backwards, call.work, |member, score, _| {
            entries.push((member.as_slice().into(), score));
            entries.len() < count
        });
    }
    entries
}

/// The form that a stored result begins in. It is seen by minus zero alone, which loses its sign in a
/// listpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StoredForm {
    /// That which fits the whole result.
    OfAll,
    /// A listpack, left when it becomes too small.
    Growing,
}

/// Puts entries into a sorted set at `target`, which is removed where there are none, and replies
/// how many there are.
pub(super) fn store<'c>(
    db: &mut Database,
    target: &[u8],
    entries: &[Entry],
    form: StoredForm,
    call: &mut Call<'c>,
) -> Outcome<'c> {
    if entries.is_empty() {
        db.remove_if_expired(target, call.now_ms, call.work);
        db.delete_telling(target, call.work);
        return call.reply_integer(0);
    }
    let (length, longest) = match form {
        StoredForm::OfAll => {
            let lengths = entries.iter().map(|(member, _)| member.len());
            (entries.len(), lengths.max().unwrap_or(0))
        }
        StoredForm::Growing => (1, 0),
    };
    let mut set = new_set(db, length, longest, call);
    for (member, score) in entries {
        set.set(member, *score, call.work);
    }
    let is_present = db.lookup(target, call.now_ms, call.work).is_some();
    let how = SetKey {
        is_present,
        keeps_expiry: false,
    };
    db.set(target, set.into_value(), how, call.work);
    let event = match call.spec.name {
        "georadius" | "georadiusbymember" => "georadiusstore",
        name => name,
    };
    db.notify(EventClasses::SORTED_SET, event, target);
    call.reply_count(entries.len())
}
