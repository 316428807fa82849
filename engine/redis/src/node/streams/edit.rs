//! Deleting entries, and setting what a stream remembers.

use super::{change, id, ids};
use crate::keyspace::{Database, EventClasses};
use crate::node::call::is_option;
use crate::node::{Call, ErrorReply, Outcome};
use crate::value::Stream;
use crate::value::stream::{Direction, SetIds, StreamId};

/// XDEL.
pub(super) fn xdel<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let key = call.args[1];
    let Some(slot) = db.find::<Stream>(key, call)? else {
        return call.reply_integer(0);
    };
    // All are read first, so that none is deleted where one is no id.
    let ids = ids(call, 2)?;
    let deleted = db.change_if(key, slot, call.work, |stream: &mut Stream, work| {
        let deleted = stream.log_mut().delete(&ids, work);
        (deleted, deleted > 0)
    });
    if deleted > 0 {
        db.notify(EventClasses::STREAM, "xdel", call.args[1]);
    }
    call.reply_integer(deleted as i64)
}

/// XSETID.
pub(super) fn xsetid<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let last = id(call, 2)?;
    let (mut entries_added, mut max_deleted) = (None, None);
    let mut index = 3;
    while let Some(option) = call.args.get(index) {
        let has_more = index + 1 < call.args.len();
        match option {
            _ if is_option(option, "entriesadded") && has_more => {
                let added = call.integer(index + 1)?;
                let added = u64::try_from(added)
                    .map_err(|_| ErrorReply::Fixed("ERR entries_added must be positive"))?;
                entries_added = Some(added);
            }
            _ if is_option(option, "maxdeletedid") && has_more => {
                let deleted = id(call, index + 1)?;
                if last < deleted {
                    return Err(ErrorReply::Fixed(
                        "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
                    ));
                }
                max_deleted = Some(deleted);
            }
            _ => return Err(ErrorReply::Syntax),
        }
        index += 2;
    }
    let key = call.args[1];
    let slot = db.find::<Stream>(key, call)?.ok_or(ErrorReply::NoSuchKey)?;
    let log = db.get::<Stream>(slot).log();
    if let Some(top) = log.edge_id(Direction::Backwards, call.work) {
        if last < top {
            return Err(ErrorReply::Fixed(
                "ERR The ID specified in XSETID is smaller than the target stream top item",
            ));
        }
        if entries_added.is_some_and(|added| added < log.len()) {
            return Err(ErrorReply::Fixed(
                "ERR The entries_added specified in XSETID is smaller than the target stream length",
            ));
        }
    }
    let ids = SetIds {
        last,
        entries_added,
        max_deleted: max_deleted.filter(|id| *id != StreamId::MIN),
    };
    change(db, key, slot, call.work, |stream, _| {
        stream.log_mut().set_ids(ids);
    });
    db.notify(EventClasses::STREAM, "xsetid", key);
    call.reply_ok()
}
