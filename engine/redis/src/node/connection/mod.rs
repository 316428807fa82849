//! Commands on the connection.

mod client;
mod describe;
mod kill;

use super::call::{Call, is_option};
use super::client::{Marks, Session};
use super::error::ErrorReply;
use super::{After, Node, Outcome};
use crate::command::commands;
use crate::keyspace::Database;
use crate::number::parse_i64;
use crate::rdb::REDIS_VERSION;
use crate::resp::{Frame, Protocol};

commands! { Connection;
    "auth", -2, [NOSCRIPT LOADING STALE FAST NO_AUTH ALLOW_BUSY], NONE, "1.0.0" => Node(auth);
    "client", -2, [], NONE, "2.4.0" => Container(client::SUBCOMMANDS);
    "echo", 2, [LOADING STALE FAST], NONE, "1.0.0" => Database(echo);
    "hello", -1, [NOSCRIPT LOADING STALE FAST NO_AUTH ALLOW_BUSY], NONE, "6.0.0" => Node(hello);
    "ping", -1, [FAST], NONE, "1.0.0" => Node(ping);
    "quit", -1, [NOSCRIPT LOADING STALE FAST NO_AUTH ALLOW_BUSY], NONE, "1.0.0" => Node(quit);
    "reset", 1, [NOSCRIPT LOADING STALE FAST NO_AUTH ALLOW_BUSY], NONE, "6.2.0" => Node(reset);
    "select", 2, [LOADING STALE FAST], NONE, "1.0.0" => Node(select);
}

/// The one user that there is.
const USER: &[u8] = b"default";

/// ECHO.
fn echo<'c>(_: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    call.reply(Frame::Bulk(call.args[1]))
}

/// PING, which in RESP2 a subscriber sees as a message.
fn ping<'c>(
    _: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let message = match call.args {
        [_] => None,
        [_, message] => Some(*message),
        _ => return Err(call.wrong_arity()),
    };
    if session.marks.has_any(Marks::SUBSCRIBED) && call.protocol == Protocol::Resp2 {
        call.reply(Frame::Array(2))?;
        call.reply(Frame::Bulk(b"pong"))?;
        call.reply(Frame::Bulk(message.unwrap_or_default()))?;
        return Ok(After::Continue);
    }
    call.reply(message.map_or(Frame::Simple("PONG"), Frame::Bulk))?;
    Ok(After::Continue)
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

/// RESET: the connection is as if it had just come.
fn reset<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    node.discard_transaction(session);
    node.forget_subscriptions(session);
    node.stop_monitoring(session);
    // A reply that is to be skipped is skipped all the same.
    let is_skipped = session.marks.has_any(Marks::REPLY_SKIP);
    session.marks = Marks::default();
    session.marks.set(Marks::REPLY_SKIP, is_skipped);
    let needs_password = !node.config.requirepass.is_empty();
    session.marks.set(Marks::UNAUTHENTICATED, needs_password);
    session.protocol = Protocol::Resp2;
    session.database = 0;
    session.name = Box::default();
    call.protocol = Protocol::Resp2;
    call.reply(Frame::Simple("RESET"))?;
    Ok(After::Continue)
}

/// AUTH.
fn auth<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    match *call.args {
        [_, _] if node.config.requirepass.is_empty() => Err(ErrorReply::Fixed(
            "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
        )),
        [_, password] => authenticate(node, session, USER, password),
        [_, user, password] => authenticate(node, session, user, password),
        _ => Err(ErrorReply::Syntax),
    }?;
    call.reply_ok().map(|()| After::Continue)
}

/// Takes a password. Without `requirepass` any is taken (the user is `nopass`).
fn authenticate<'c>(
    node: &Node,
    session: &mut Session,
    user: &[u8],
    password: &[u8],
) -> Result<(), ErrorReply<'c>> {
    let wanted = node.config.requirepass.as_bytes();
    if user != USER || !(wanted.is_empty() || is_equal(wanted, password)) {
        return Err(ErrorReply::Fixed(
            "WRONGPASS invalid username-password pair or user is disabled.",
        ));
    }
    session.marks.set(Marks::UNAUTHENTICATED, false);
    Ok(())
}

/// Compares in a time that does not tell where the first difference is.
fn is_equal(wanted: &[u8], given: &[u8]) -> bool {
    let differences = wanted
        .iter()
        .zip(given)
        .fold(0, |sum, (one, other)| sum | (one ^ other));
    wanted.len() == given.len() && differences == 0
}

/// What HELLO asks for.
#[derive(Default)]
struct Hello<'c> {
    protocol: Option<Protocol>,
    credentials: Option<(&'c [u8], &'c [u8])>,
    name: Option<&'c [u8]>,
}

fn parse_hello<'c>(args: &'c [&'c [u8]]) -> Result<Hello<'c>, ErrorReply<'c>> {
    let mut hello = Hello::default();
    let Some(version) = args.get(1) else {
        return Ok(hello);
    };
    hello.protocol = match parse_i64(version) {
        Some(2) => Some(Protocol::Resp2),
        Some(3) => Some(Protocol::Resp3),
        Some(_) => return Err(ErrorReply::Fixed("NOPROTO unsupported protocol version")),
        None => {
            return Err(ErrorReply::Fixed(
                "ERR Protocol version is not an integer or out of range",
            ));
        }
    };
    let mut rest = &args[2..];
    loop {
        rest = match rest {
            [] => return Ok(hello),
            [option, user, password, rest @ ..] if is_option(option, "auth") => {
                hello.credentials = Some((user, password));
                rest
            }
            [option, name, rest @ ..] if is_option(option, "setname") => {
                hello.name = Some(name);
                rest
            }
            [option, ..] => {
                return Err(ErrorReply::Quoting {
                    before: "ERR Syntax error in HELLO option '",
                    quoted: option,
                    after: "'",
                });
            }
        };
    }
}

/// HELLO.
fn hello<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let hello = parse_hello(call.args)?;
    if let Some((user, password)) = hello.credentials {
        authenticate(node, session, user, password)?;
    }
    let needs_password = !node.config.requirepass.is_empty();
    if session.marks.has_any(Marks::UNAUTHENTICATED) && needs_password {
        return Err(ErrorReply::Fixed(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
        ));
    }
    if let Some(name) = hello.name {
        set_name(session, name)?;
    }
    if let Some(protocol) = hello.protocol {
        session.protocol = protocol;
        call.protocol = protocol;
    }
    call.reply(Frame::Map(7))?;
    let text = |call: &mut Call<'c>, name: &str, value: &[u8]| {
        call.reply(Frame::Bulk(name.as_bytes()))?;
        call.reply(Frame::Bulk(value))
    };
    text(call, "server", b"redis")?;
    text(call, "version", REDIS_VERSION)?;
    call.reply(Frame::Bulk(b"proto"))?;
    call.reply_integer(match call.protocol {
        Protocol::Resp2 => 2,
        Protocol::Resp3 => 3,
    })?;
    call.reply(Frame::Bulk(b"id"))?;
    call.reply_integer(session.id as i64)?;
    text(call, "mode", b"standalone")?;
    text(call, "role", b"master")?;
    call.reply(Frame::Bulk(b"modules"))?;
    call.reply(Frame::Array(0))?;
    Ok(After::Continue)
}

/// Gives the connection a name, the empty one being none (clientSetName).
fn set_name<'c>(session: &mut Session, name: &[u8]) -> Result<(), ErrorReply<'c>> {
    if !name.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        return Err(ErrorReply::Fixed(
            "ERR Client names cannot contain spaces, newlines or special characters.",
        ));
    }
    session.name = name.into();
    Ok(())
}
