//! Commands that read lists.

use super::{element, resolve};
use crate::encoding::listpack::Item;
use crate::keyspace::Database;
use crate::node::call::is_option;
use crate::node::{Call, ErrorReply, Outcome};
use crate::number::parse_i64;
use crate::resp::{Frame, Protocol};
use crate::value::List;
use crate::value::list::End;
use kvrig_base::seam::{Counter, Work};
use kvrig_tables::Slot;

/// LLEN.
pub(super) fn llen<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let slot = db.find::<List>(call.args[1], call)?;
    call.reply_count(slot.map_or(0, |slot| db.get::<List>(slot).len()))
}

/// LINDEX.
pub(super) fn lindex<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let Some(slot) = db.find::<List>(call.args[1], call)? else {
        return call.reply_null();
    };
    let index = call.integer(2)?;
    let Some(index) = element(index, db.get::<List>(slot).len()) else {
        return call.reply_null();
    };
    let (out, protocol) = (&mut *call.out, call.protocol);
    db.read_element(call.args[1], slot, index, call.work, |item, work| {
        write(&item, protocol, out, work);
    });
    Ok(())
}

/// LRANGE.
pub(super) fn lrange<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let (start, stop) = (call.integer(2)?, call.integer(3)?);
    let Some(slot) = db.find::<List>(call.args[1], call)? else {
        return call.reply(Frame::Array(0));
    };
    let (start, count) = resolve(start, stop, db.get::<List>(slot).len());
    reply_range(db, call.args[1], slot, (start, End::Right), count, call)
}

/// Replies `count` elements of the list at `slot` from `start` on, in this direction.
pub(super) fn reply_range<'c>(
    db: &mut Database,
    key: &[u8],
    slot: Slot,
    (start, towards): (usize, End),
    count: usize,
    call: &mut Call<'c>,
) -> Outcome<'c> {
    call.reply(Frame::Array(count))?;
    let (out, protocol, mut left) = (&mut *call.out, call.protocol, count);
    if left == 0 {
        return Ok(());
    }
    db.walk_list(key, slot, (start, towards), call.work, |item, work| {
        write(&item, protocol, out, work);
        left -= 1;
        left > 0
    });
    Ok(())
}

/// Writes an element as part of a reply.
fn write(item: &Item<'_>, protocol: Protocol, out: &mut Vec<u8>, work: &mut Work) {
    let bytes = item.bytes();
    work.count(Counter::BytesCopied, bytes.as_slice().len() as u64);
    work.count(Counter::ProtocolElements, 1);
    Frame::Bulk(bytes.as_slice()).encode_in(protocol, out);
}

/// The options of LPOS.
struct Search {
    /// Which match is the first to be told, from the left or, negative, from the right.
    rank: i64,
    /// How many are told; `None` is one, not in an array.
    count: Option<usize>,
    /// How many elements are compared at most; 0 is all.
    compared_max: usize,
}

/// LPOS.
pub(super) fn lpos<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let search = search(call)?;
    let Some(slot) = db.find::<List>(call.args[1], call)? else {
        return match search.count {
            Some(_) => call.reply(Frame::Array(0)),
            None => call.reply_null(),
        };
    };
    let (key, wanted) = (call.args[1], call.args[2]);
    let most = match search.count {
        Some(0) => usize::MAX,
        Some(count) => count,
        None => 1,
    };
    let compared_max = match search.compared_max {
        0 => usize::MAX,
        compared_max => compared_max,
    };
    let (start, towards) = match search.rank {
        1.. => (0, End::Right),
        _ => (db.get::<List>(slot).len() - 1, End::Left),
    };
    let (mut found, mut skipped, mut compared) = (Vec::new(), 1, 0_usize);
    db.walk_list(key, slot, (start, towards), call.work, |item, work| {
        work.count(Counter::BytesScanned, item.byte_len() as u64);
        if item.is(wanted) {
            if skipped >= search.rank.unsigned_abs() {
                found.push(match towards {
                    End::Right => compared,
                    End::Left => start - compared,
                });
            }
            skipped += 1;
        }
        compared += 1;
        compared < compared_max && found.len() < most
    });
    match (search.count, found.first()) {
        (None, Some(&place)) => call.reply_count(place),
        (None, None) => call.reply_null(),
        (Some(_), _) => {
            call.reply(Frame::Array(found.len()))?;
            found.iter().try_for_each(|&place| call.reply_count(place))
        }
    }
}

fn search<'c>(call: &mut Call<'c>) -> Result<Search, ErrorReply<'c>> {
    let mut search = Search {
        rank: 1,
        count: None,
        compared_max: 0,
    };
    for index in (3..call.args.len()).step_by(2) {
        let option = call.args[index];
        let Some(&value) = call.args.get(index + 1) else {
            return Err(ErrorReply::Syntax);
        };
        let positive = |error| {
            let number = parse_i64(value).and_then(|number| usize::try_from(number).ok());
            number.ok_or(ErrorReply::Fixed(error))
        };
        match option {
            _ if is_option(option, "rank") => {
                search.rank = call.negatable(index + 1)?;
                if search.rank == 0 {
                    return Err(ErrorReply::Fixed(
                        "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
                    ));
                }
            }
            _ if is_option(option, "count") => {
                search.count = Some(positive("ERR COUNT can't be negative")?);
            }
            _ if is_option(option, "maxlen") => {
                search.compared_max = positive("ERR MAXLEN can't be negative")?;
            }
            _ => return Err(ErrorReply::Syntax),
        }
    }
    Ok(search)
}
