//! Adding entries, and trimming.

use super::{INVALID_ID, change, id, write_id};
use crate::keyspace::{Database, EventClasses};
use crate::node::call::is_option;
use crate::node::error::c_string;
use crate::node::{Call, ErrorReply, Outcome};
use crate::value::stream::{AskedId, Keep, Refused, StreamId, Trim};
use crate::value::{Kind, Stream};
use kvrig_base::seam::Counter;

/// How many entries an approximate trim removes at most where nodes have no limit of entries, and
/// wherever it is more.
const TRIM_WITHOUT_LIMIT: i64 = 10_000;
const TRIM_MAX: i64 = 1_000_000;
/// Nodes that an approximate trim removes at most.
const TRIM_NODES: i64 = 100;

/// Options of XADD and XTRIM.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    no_mkstream: bool,
    keep: Option<Keep>,
    is_approximate: bool,
    limit: Option<i64>,
    /// The id to be added; `None` lets the stream choose.
    id: Option<AskedId>,
    /// Index of the id, or the number of arguments where there is none.
    id_at: usize,
}

/// Which of the two commands is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    Add,
    Trim,
}

/// Reads options up to the id (streamParseAddOrTrimArgsOrReply).
fn options<'c>(call: &mut Call<'c>, what: For) -> Result<Options, ErrorReply<'c>> {
    let mut options = Options::default();
    let mut index = 2;
    while let Some(&option) = call.args.get(index) {
        let has_more = index + 1 < call.args.len();
        match option {
            _ if what == For::Add && c_string(option) == b"*" => break,
            _ if is_option(option, "maxlen") && has_more => {
                index = strategy(call, index, &mut options)?;
                let most = call.integer(index)?;
                let most = u64::try_from(most)
                    .map_err(|_| ErrorReply::Fixed("ERR The MAXLEN argument must be >= 0."))?;
                options.keep = Some(Keep::Last(most));
            }
            _ if is_option(option, "minid") && has_more => {
                index = strategy(call, index, &mut options)?;
                options.keep = Some(Keep::From(id(call, index)?));
            }
            _ if is_option(option, "limit") && has_more => {
                index += 1;
                let limit = call.integer(index)?;
                if limit < 0 {
                    return Err(ErrorReply::Fixed("ERR The LIMIT argument must be >= 0."));
                }
                options.limit = Some(limit);
            }
            _ if what == For::Add && is_option(option, "nomkstream") => options.no_mkstream = true,
            _ if what == For::Add => {
                options.id = Some(StreamId::parse_asked(option).ok_or(INVALID_ID)?);
                break;
            }
            _ => return Err(ErrorReply::Syntax),
        }
        index += 1;
    }
    options.id_at = index;
    check(&options, what)?;
    Ok(options)
}

/// Reads what stands between MAXLEN or MINID and its number, whose index is returned.
fn strategy<'c>(
    call: &Call<'c>,
    index: usize,
    options: &mut Options,
) -> Result<usize, ErrorReply<'c>> {
    if options.keep.is_some() {
        return Err(ErrorReply::Fixed(
            "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
        ));
    }
    let next = c_string(call.args[index + 1]);
    let has_mark = index + 2 < call.args.len() && matches!(next, b"~" | b"=");
    options.is_approximate = has_mark && next == b"~";
    Ok(index + 1 + usize::from(has_mark))
}

fn check<'c>(options: &Options, what: For) -> Result<(), ErrorReply<'c>> {
    if options.keep.is_none() && options.limit.is_some_and(|limit| limit > 0) {
        return Err(ErrorReply::Fixed(
            "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
        ));
    }
    if options.keep.is_none() && what == For::Trim {
        return Err(ErrorReply::Fixed(
            "ERR syntax error, XTRIM must be called with a trimming strategy",
        ));
    }
    if options.limit.is_some() && !options.is_approximate {
        return Err(ErrorReply::Fixed(
            "ERR syntax error, LIMIT cannot be used without the special ~ option",
        ));
    }
    Ok(())
}

impl Options {
    /// How the stream is trimmed, if it is.
    fn trim(&self, db: &Database) -> Option<Trim> {
        let limit = match self.limit {
            Some(limit) => limit,
            None if self.is_approximate => {
                let entries = db.limits().stream_node.entries as i64;
                match entries.wrapping_mul(TRIM_NODES) {
                    ..=0 => TRIM_WITHOUT_LIMIT,
                    limit => limit.min(TRIM_MAX),
                }
            }
            None => 0,
        };
        Some(Trim {
            keep: self.keep?,
            is_approximate: self.is_approximate,
            limit: u64::try_from(limit).ok().filter(|limit| *limit > 0),
        })
    }
}

/// XADD.
pub(super) fn xadd<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let options = options(call, For::Add)?;
    let pairs = call.args.get(options.id_at + 1..).unwrap_or(&[]);
    if pairs.is_empty() || !pairs.len().is_multiple_of(2) {
        return Err(call.wrong_arity());
    }
    if options.id == Some(AskedId::Whole(StreamId::MIN)) {
        return Err(ErrorReply::Fixed(
            "ERR The ID specified in XADD must be greater than 0-0",
        ));
    }
    let key = call.args[1];
    let slot = match db.find::<Stream>(key, call)? {
        Some(slot) => slot,
        None if options.no_mkstream => return call.reply_null(),
        None => {
            call.work.count(Counter::AllocationsSmall, 3);
            db.add(key, Stream::default().into_value(), call.work)
        }
    };
    if db.get::<Stream>(slot).log().last_id() == StreamId::MAX {
        return Err(ErrorReply::Fixed(
            "ERR The stream has exhausted the last possible ID, unable to add more items",
        ));
    }
    let (limits, trim) = (db.limits().stream_node, options.trim(db));
    let now_ms = call.now_ms as u64;
    let added = change(db, key, slot, call.work, |stream, work| {
        let log = stream.log_mut();
        let added = log.append(options.id, now_ms, pairs, limits, work)?;
        Ok((added, trim.map_or(0, |trim| log.trim(trim, work))))
    });
    let (added, trimmed) = added.map_err(|refused| match refused {
        Refused::NotAbove => ErrorReply::Fixed(
            "ERR The ID specified in XADD is equal or smaller than the target stream top item",
        ),
        Refused::TooLarge => ErrorReply::Fixed("ERR Elements are too large to be stored"),
    })?;
    db.note_entries(key);
    db.notify(EventClasses::STREAM, "xadd", key);
    if trimmed > 0 {
        db.notify(EventClasses::STREAM, "xtrim", key);
    }
    write_id(added, call.out, call.work);
    Ok(())
}

/// XTRIM.
pub(super) fn xtrim<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let options = options(call, For::Trim)?;
    let key = call.args[1];
    let (Some(slot), Some(trim)) = (db.find::<Stream>(key, call)?, options.trim(db)) else {
        return call.reply_integer(0);
    };
    let removed = db.change_if(key, slot, call.work, |stream: &mut Stream, work| {
        let removed = stream.log_mut().trim(trim, work);
        (removed, removed > 0)
    });
    if removed > 0 {
        db.notify(EventClasses::STREAM, "xtrim", key);
    }
    call.reply_integer(removed as i64)
}
