//! Commands on the connection.

use super::call::Call;
use super::client::Session;
use super::error::ErrorReply;
use super::{After, Node, Outcome};
use crate::command::commands;
use crate::keyspace::Database;
use crate::resp::Frame;

commands! { Connection;
    "echo", 2, [LOADING STALE FAST], NONE, "1.0.0" => Database(echo);
    "ping", -1, [FAST], NONE, "1.0.0" => Database(ping);
    "quit", -1, [NOSCRIPT LOADING STALE FAST NO_AUTH ALLOW_BUSY], NONE, "1.0.0" => Node(quit);
    "select", 2, [LOADING STALE FAST], NONE, "1.0.0" => Node(select);
}

/// ECHO.
fn echo<'c>(_: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    call.reply(Frame::Bulk(call.args[1]))
}

/// PING.
fn ping<'c>(_: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    match call.args {
        [_] => call.reply(Frame::Simple("PONG")),
        [_, message] => call.reply(Frame::Bulk(message)),
        _ => Err(call.wrong_arity()),
    }
}

/// QUIT.
fn quit<'c>(_: &mut Node, _: &mut Session, call: &mut Call<'c>) -> Result<After, ErrorReply<'c>> {
    call.reply_ok().map(|()| After::Close)
}

/// SELECT.
fn select<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let index = call.integer_32(1)?;
    let index = usize::try_from(index)
        .ok()
        .filter(|&index| index < node.keyspace.count());
    session.database = index.ok_or(ErrorReply::DatabaseOutOfRange)?;
    call.reply_ok().map(|()| After::Continue)
}
