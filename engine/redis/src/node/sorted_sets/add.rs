//! ZADD, ZINCRBY and ZREM.

use super::{new_set, reply_score};
use crate::keyspace::{Database, EventClasses};
use crate::node::call::is_option;
use crate::node::{Call, ErrorReply, Outcome};
use crate::value::{Kind, SortedSet};
use kvrig_base::seam::Work;

/// The options of ZADD.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::node) struct Options {
    /// NX: only new members.
    pub(in crate::node) only_new: bool,
    /// XX: only members that are there.
    pub(in crate::node) only_present: bool,
    /// GT: only to a greater score.
    only_greater: bool,
    /// LT: only to a lower one.
    only_lower: bool,
    /// CH: changed members are counted too.
    pub(in crate::node) counts_changed: bool,
    /// INCR: the score is added.
    increments: bool,
}

/// What became of one member.
enum Added {
    New(f64),
    Changed(f64),
    Same(f64),
    Left,
}

/// ZADD.
pub(super) fn zadd<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let mut options = Options::default();
    let mut first = 2;
    while let Some(option) = call.args.get(first) {
        match option {
            _ if is_option(option, "nx") => options.only_new = true,
            _ if is_option(option, "xx") => options.only_present = true,
            _ if is_option(option, "gt") => options.only_greater = true,
            _ if is_option(option, "lt") => options.only_lower = true,
            _ if is_option(option, "ch") => options.counts_changed = true,
            _ if is_option(option, "incr") => options.increments = true,
            _ => break,
        }
        first += 1;
    }
    add(db, call, options, first)
}

/// ZINCRBY.
pub(super) fn zincrby<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let options = Options {
        increments: true,
        ..Options::default()
    };
    add(db, call, options, 2)
}

fn add<'c>(db: &mut Database, call: &mut Call<'c>, options: Options, first: usize) -> Outcome<'c> {
    let pairs = &call.args[first.min(call.args.len())..];
    if pairs.is_empty() || pairs.len() % 2 == 1 {
        return Err(ErrorReply::Syntax);
    }
    if options.only_new && options.only_present {
        return Err(ErrorReply::Fixed(
            "ERR XX and NX options at the same time are not compatible",
        ));
    }
    let one_of = [options.only_greater, options.only_lower, options.only_new];
    if one_of.iter().filter(|option| **option).count() > 1 {
        return Err(ErrorReply::Fixed(
            "ERR GT, LT, and/or NX options at the same time are not compatible",
        ));
    }
    if options.increments && pairs.len() > 2 {
        return Err(ErrorReply::Fixed(
            "ERR INCR option supports a single increment-element pair",
        ));
    }
    let scores: Vec<f64> = (first..call.args.len())
        .step_by(2)
        .map(|index| call.double(index))
        .collect::<Result<_, _>>()?;
    let members: Vec<&[u8]> = pairs.iter().skip(1).step_by(2).copied().collect();
    add_scored(db, call, options, &members, &scores)
}

/// Adds members, of which there is one at least, with their scores to the set at the key that the
/// first argument names (zaddGenericCommand).
pub(in crate::node) fn add_scored<'c>(
    db: &mut Database,
    call: &mut Call<'c>,
    options: Options,
    members: &[&[u8]],
    scores: &[f64],
) -> Outcome<'c> {
    let key = call.args[1];
    let slot = match db.find::<SortedSet>(key, call)? {
        Some(slot) => slot,
        None if options.only_present => {
            return if options.increments {
                call.reply_null()
            } else {
                call.reply_integer(0)
            };
        }
        None => {
            let set = new_set(db, 1, members[0].len(), call);
            db.add(key, set.into_value(), call.work)
        }
    };
    let (mut added, mut changed, mut last) = (0, 0, None);
    let outcome = db.change_if(key, slot, call.work, |set: &mut SortedSet, work| {
        let mut entries = members.iter().zip(scores);
        let outcome = entries.try_for_each(|(member, &score)| {
            match add_one(set, member, score, options, work)? {
                Added::New(score) => {
                    added += 1;
                    last = Some(score);
                }
                Added::Changed(score) => {
                    changed += 1;
                    last = Some(score);
                }
                Added::Same(score) => last = Some(score),
                Added::Left => {}
            }
            Ok(())
        });
        (outcome, added + changed > 0)
    });
    if added + changed > 0 {
        let event = if options.increments { "zincr" } else { "zadd" };
        db.notify(EventClasses::SORTED_SET, event, key);
    }
    outcome?;
    db.state_changes((added + changed) as u64);
    match (options.increments, last) {
        (true, Some(score)) => reply_score(score, call),
        (true, None) => call.reply_null(),
        (false, _) if options.counts_changed => call.reply_integer(added + changed),
        (false, _) => call.reply_integer(added),
    }
}

/// Adds or changes one member (zsetAdd).
fn add_one<'c>(
    set: &mut SortedSet,
    member: &[u8],
    score: f64,
    options: Options,
    work: &mut Work,
) -> Result<Added, ErrorReply<'c>> {
    let Some(found) = set.find(member, work) else {
        if options.only_present {
            return Ok(Added::Left);
        }
        set.add(member, score, work);
        return Ok(Added::New(score));
    };
    let present = found.score;
    if options.only_new {
        return Ok(Added::Left);
    }
    let score = if options.increments {
        present + score
    } else {
        score
    };
    if score.is_nan() {
        return Err(ErrorReply::Fixed(
            "ERR resulting score is not a number (NaN)",
        ));
    }
    if options.only_lower && score >= present || options.only_greater && score <= present {
        return Ok(Added::Left);
    }
    if score == present {
        return Ok(Added::Same(score));
    }
    set.move_to(found, member, score, work);
    Ok(Added::Changed(score))
}

/// ZREM.
pub(super) fn zrem<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let (key, members) = (call.args[1], &call.args[2..]);
    let Some(slot) = db.find::<SortedSet>(key, call)? else {
        return call.reply_integer(0);
    };
    let removed = db.change_if(key, slot, call.work, |set: &mut SortedSet, work| {
        let is_removed = |member: &&&[u8]| set.remove(member, work);
        let removed = members.iter().filter(is_removed).count();
        (removed, removed > 0)
    });
    if removed > 0 {
        db.notify_taken(EventClasses::SORTED_SET, "zrem", key);
    }
    call.reply_count(removed)
}
