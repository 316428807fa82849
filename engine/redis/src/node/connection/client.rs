//! The subcommands of CLIENT on the connection itself, on its replies, and on who waits. What only
//! tracking of keys needs is not among them.

use super::describe::{info, list};
use super::kill::kill;
use super::set_name;
use crate::command::commands;
use crate::node::blocking::Unblock;
use crate::node::call::is_option;
use crate::node::client::{Marks, Session};
use crate::node::help::help;
use crate::node::pause::Paused;
use crate::node::{After, Call, ErrorReply, Node};
use crate::number::parse_i64;
use crate::resp::Frame;
use kvrig_base::time::{Span, Time};

commands! { SUBCOMMANDS: Connection;
    "client|getname", 2, [NOSCRIPT LOADING STALE], NONE, "2.6.9" => Node(getname);
    "client|help", 2, [LOADING STALE], NONE, "5.0.0" => Database(help);
    "client|id", 2, [NOSCRIPT LOADING STALE], NONE, "5.0.0" => Node(id);
    "client|info", 2, [NOSCRIPT LOADING STALE], NONE, "6.2.0" => Node(info);
    "client|kill", -3, [ADMIN NOSCRIPT LOADING STALE], NONE, "2.4.0" => Node(kill);
    "client|list", -2, [ADMIN NOSCRIPT LOADING STALE], NONE, "2.4.0" => Node(list);
    "client|no-evict", 3, [ADMIN NOSCRIPT LOADING STALE], NONE, "7.0.0" => Node(no_evict);
    "client|pause", -3, [ADMIN NOSCRIPT LOADING STALE], NONE, "2.9.50" => Node(pause);
    "client|reply", 3, [NOSCRIPT LOADING STALE], NONE, "3.2.0" => Node(reply);
    "client|setname", 3, [NOSCRIPT LOADING STALE], NONE, "2.6.9" => Node(setname);
    "client|unblock", -3, [ADMIN NOSCRIPT LOADING STALE], NONE, "5.0.0" => Node(unblock);
    "client|unpause", 2, [ADMIN NOSCRIPT LOADING STALE], NONE, "6.2.0" => Node(unpause);
}

/// CLIENT ID.
fn id<'c>(
    _: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    call.reply_integer(session.id as i64)
        .map(|()| After::Continue)
}

/// CLIENT GETNAME.
fn getname<'c>(
    _: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    match session.name.is_empty() {
        true => call.reply_null(),
        false => call.reply_bulk(&session.name),
    }?;
    Ok(After::Continue)
}

/// CLIENT SETNAME.
fn setname<'c>(
    _: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    set_name(session, call.args[2])?;
    call.reply_ok().map(|()| After::Continue)
}

/// CLIENT REPLY.
fn reply<'c>(
    _: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let mode = call.args[2];
    if is_option(mode, "on") {
        let quiet = Marks::REPLY_OFF.and(Marks::REPLY_SKIP);
        session.marks.set(quiet, false);
        call.reply_ok()?;
    } else if is_option(mode, "off") {
        session.marks.set(Marks::REPLY_OFF, true);
    } else if is_option(mode, "skip") {
        let is_off = session.marks.has_any(Marks::REPLY_OFF);
        session.marks.set(Marks::REPLY_SKIP_NEXT, !is_off);
    } else {
        return Err(ErrorReply::Syntax);
    }
    Ok(After::Continue)
}

/// CLIENT NO-EVICT. Clients are never evicted here; the flag is kept and shown.
fn no_evict<'c>(
    _: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let is_on = match call.args[2] {
        mode if is_option(mode, "on") => true,
        mode if is_option(mode, "off") => false,
        _ => return Err(ErrorReply::Syntax),
    };
    session.marks.set(Marks::NO_EVICT, is_on);
    call.reply_ok().map(|()| After::Continue)
}

/// CLIENT PAUSE.
fn pause<'c>(
    node: &mut Node,
    _: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let what = match *call.args {
        [_, _, _] => Paused::All,
        [_, _, _, mode] if is_option(mode, "all") => Paused::All,
        [_, _, _, mode] if is_option(mode, "write") => Paused::Writes,
        [_, _, _, _] => {
            return Err(ErrorReply::Fixed(
                "ERR CLIENT PAUSE mode must be WRITE or ALL",
            ));
        }
        _ => {
            return Err(ErrorReply::UnknownSubcommand {
                command: "client",
                subcommand: call.args[1],
            });
        }
    };
    let millis = parse_i64(call.args[2]).ok_or(ErrorReply::Fixed(
        "ERR timeout is not an integer or out of range",
    ))?;
    let millis = u64::try_from(millis).map_err(|_| ErrorReply::Fixed("ERR timeout is negative"))?;
    let span = Span::from_millis(1).checked_mul(millis);
    let end = span.map_or(Time::NEVER, |span| call.now.saturating_add(span));
    node.pause(what, end);
    call.reply_ok().map(|()| After::Continue)
}

/// CLIENT UNPAUSE.
fn unpause<'c>(
    node: &mut Node,
    _: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    node.end_pause();
    call.reply_ok().map(|()| After::Continue)
}

/// CLIENT UNBLOCK.
fn unblock<'c>(
    node: &mut Node,
    _: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let why = match *call.args {
        [_, _, _] => Unblock::AsTimeUp,
        [_, _, _, reason] if is_option(reason, "timeout") => Unblock::AsTimeUp,
        [_, _, _, reason] if is_option(reason, "error") => Unblock::WithError,
        _ => {
            return Err(ErrorReply::Fixed(
                "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR",
            ));
        }
    };
    let id = call.integer(2)?;
    let mut clients = node.clients.iter();
    let found =
        clients.find(|client| client.session.id as i64 == id && client.session.blocked.is_some());
    let conn = found.map(|client| client.session.conn);
    if let Some(conn) = conn {
        node.pending.unblock(conn, why);
        if why == Unblock::WithError {
            // The error of the other is taken for one of this command too.
            node.statistics.failures = Some(1);
        }
    }
    call.reply(Frame::Integer(conn.is_some().into()))?;
    Ok(After::Continue)
}
