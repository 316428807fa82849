//! Commands on sorted sets that wait for a member.

use super::{AtTimeout, Wait, serve_or_wait, served, timeout, wait_to_pop};
use crate::command::commands;
use crate::keyspace::Database;
use crate::node::client::Session;
use crate::node::lists::multi_pop;
use crate::node::sorted_sets::{is_highest, reply_each, take};
use crate::node::{After, Call, ErrorReply, Node};
use crate::resp::Frame;
use crate::value::SortedSet;

commands! { SortedSet;
    "bzmpop", -5, [WRITE BLOCKING MOVABLEKEYS], NONE, "7.0.0" => Node(bzmpop);
    "bzpopmax", -3, [WRITE NOSCRIPT BLOCKING FAST], ALL_BUT_LAST, "5.0.0" => Node(bzpopmax);
    "bzpopmin", -3, [WRITE NOSCRIPT BLOCKING FAST], ALL_BUT_LAST, "5.0.0" => Node(bzpopmin);
}

/// BZPOPMIN.
fn bzpopmin<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    wait_to_pop(node, session, call, "zset", |db, key, call| {
        serve_pop(db, key, false, call)
    })
}

/// BZPOPMAX.
fn bzpopmax<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    wait_to_pop(node, session, call, "zset", |db, key, call| {
        serve_pop(db, key, true, call)
    })
}

fn serve_pop<'c>(
    db: &mut Database,
    key: &[u8],
    highest: bool,
    call: &mut Call<'c>,
) -> Result<bool, ErrorReply<'c>> {
    let Some(slot) = db.find::<SortedSet>(key, call)? else {
        return Ok(false);
    };
    let popped = take(db, key, slot, highest, 1, call);
    call.reply(Frame::Array(3))?;
    call.reply_bulk(key)?;
    served(reply_each(&popped, true, false, call))
}

/// BZMPOP.
fn bzmpop<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let until = timeout(call, 1)?;
    let keys = multi_pop(call, 2, is_highest)?.keys;
    let wait = Wait {
        until,
        keys: call.args[keys].to_vec(),
        awaited: "zset",
        serve: |db, key, call| {
            let asked = multi_pop(call, 2, is_highest)?;
            let Some(slot) = db.find::<SortedSet>(key, call)? else {
                return Ok(false);
            };
            let popped = take(db, key, slot, asked.end, asked.count, call);
            call.reply(Frame::Array(2))?;
            call.reply_bulk(key)?;
            call.reply(Frame::Array(popped.len()))?;
            served(reply_each(&popped, true, true, call))
        },
        at_timeout: AtTimeout::NullArray,
        at_loss: None,
    };
    serve_or_wait(node, session, &wait, Frame::NullArray, call)
}
