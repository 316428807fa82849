//! Entries by their ids.

use super::{end_of_interval, start_of_interval, write_array, write_entries};
use crate::keyspace::Database;
use crate::node::call::is_option;
use crate::node::{Call, ErrorReply, Outcome};
use crate::resp::Frame;
use crate::value::Stream;
use crate::value::stream::Direction;

/// XLEN.
pub(super) fn xlen<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let slot = db.find::<Stream>(call.args[1], call)?;
    let length = slot.map_or(0, |slot| db.get::<Stream>(slot).log().len());
    call.reply_integer(length as i64)
}

/// XRANGE.
pub(super) fn xrange<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    range(db, call, Direction::Forwards)
}

/// XREVRANGE, which names the end first.
pub(super) fn xrevrange<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    range(db, call, Direction::Backwards)
}

fn range<'c>(db: &mut Database, call: &mut Call<'c>, direction: Direction) -> Outcome<'c> {
    let (start_at, end_at) = match direction {
        Direction::Forwards => (2, 3),
        Direction::Backwards => (3, 2),
    };
    let start = start_of_interval(call, start_at)?;
    let end = end_of_interval(call, end_at)?;
    let mut most = None;
    let mut index = 4;
    while let Some(option) = call.args.get(index) {
        if !is_option(option, "count") || index + 1 == call.args.len() {
            return Err(ErrorReply::Syntax);
        }
        let count = call.integer(index + 1)?;
        most = Some(usize::try_from(count).unwrap_or(0));
        index += 2;
    }
    let Some(slot) = db.find::<Stream>(call.args[1], call)? else {
        return call.reply(Frame::Array(0));
    };
    if most == Some(0) {
        return call.reply(Frame::NullArray);
    }
    let log = db.get::<Stream>(slot).log();
    write_array((call.out, call.work), |out, work| {
        write_entries(log, (start, end), direction, most, (out, work))
    });
    Ok(())
}
