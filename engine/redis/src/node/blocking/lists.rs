//! Commands on lists that wait for an element.

use super::{AtTimeout, Serve, Wait, serve_or_wait, served, timeout, wait_to_pop};
use crate::command::commands;
use crate::keyspace::Database;
use crate::node::client::Session;
use crate::node::lists::{end, move_element, multi_pop, pop_one, pop_range};
use crate::node::{After, Call, ErrorReply, Node};
use crate::resp::Frame;
use crate::value::List;
use crate::value::list::End;

commands! { List;
    "blmove", 6, [WRITE DENYOOM NOSCRIPT BLOCKING], FIRST_TWO, "6.2.0" => Node(blmove);
    "blmpop", -5, [WRITE BLOCKING MOVABLEKEYS], NONE, "7.0.0" => Node(blmpop);
    "blpop", -3, [WRITE NOSCRIPT BLOCKING], ALL_BUT_LAST, "2.0.0" => Node(blpop);
    "brpop", -3, [WRITE NOSCRIPT BLOCKING], ALL_BUT_LAST, "2.0.0" => Node(brpop);
    "brpoplpush", 4, [WRITE DENYOOM NOSCRIPT BLOCKING], FIRST_TWO, "2.2.0" => Node(brpoplpush);
}

/// BLPOP.
fn blpop<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    wait_to_pop(node, session, call, "list", |db, key, call| {
        serve_pop(db, key, End::Left, call)
    })
}

/// BRPOP.
fn brpop<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    wait_to_pop(node, session, call, "list", |db, key, call| {
        serve_pop(db, key, End::Right, call)
    })
}

fn serve_pop<'c>(
    db: &mut Database,
    key: &[u8],
    end: End,
    call: &mut Call<'c>,
) -> Result<bool, ErrorReply<'c>> {
    let Some(slot) = db.find::<List>(key, call)? else {
        return Ok(false);
    };
    let element = pop_one(db, key, slot, end, call);
    call.reply(Frame::Array(2))?;
    call.reply_bulk(key)?;
    served(call.reply_bulk(&element))
}

/// BLMPOP.
fn blmpop<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let until = timeout(call, 1)?;
    let keys = multi_pop(call, 2, end)?.keys;
    let wait = Wait {
        until,
        keys: call.args[keys].to_vec(),
        awaited: "list",
        serve: |db, key, call| {
            let asked = multi_pop(call, 2, end)?;
            let Some(slot) = db.find::<List>(key, call)? else {
                return Ok(false);
            };
            call.reply(Frame::Array(2))?;
            call.reply_bulk(key)?;
            served(pop_range(db, key, slot, asked.end, asked.count, call))
        },
        at_timeout: AtTimeout::NullArray,
        at_loss: None,
    };
    serve_or_wait(node, session, &wait, Frame::NullArray, call)
}

/// BLMOVE.
fn blmove<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let (_, _) = (end(call.args[3])?, end(call.args[4])?);
    wait_to_move(node, session, call, 5, |db, _, call| {
        let (from, to) = (end(call.args[3])?, end(call.args[4])?);
        serve_move(db, from, to, call)
    })
}

/// BRPOPLPUSH.
fn brpoplpush<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    wait_to_move(node, session, call, 3, |db, _, call| {
        serve_move(db, End::Right, End::Left, call)
    })
}

fn wait_to_move<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
    timeout_at: usize,
    serve: Serve,
) -> Result<After, ErrorReply<'c>> {
    let wait = Wait {
        until: timeout(call, timeout_at)?,
        keys: vec![call.args[1]],
        awaited: "list",
        serve,
        at_timeout: AtTimeout::NullArray,
        at_loss: None,
    };
    serve_or_wait(node, session, &wait, Frame::Null, call)
}

fn serve_move<'c>(
    db: &mut Database,
    from: End,
    to: End,
    call: &mut Call<'c>,
) -> Result<bool, ErrorReply<'c>> {
    match db.find::<List>(call.args[1], call)? {
        Some(slot) => served(move_element(db, call, slot, from, to)),
        None => Ok(false),
    }
}
