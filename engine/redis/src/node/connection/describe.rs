//! CLIENT INFO and CLIENT LIST: only those fields are there that the node can tell; buffers of
//! sockets belong to its host.

use crate::node::call::is_option;
use crate::node::client::{Marks, Session};
use crate::node::{After, Call, ErrorReply, Node};
use crate::number::parse_i64;
use crate::resp::{Frame, Protocol};
use kvrig_base::time::Time;
use std::fmt::Write;

/// The kinds of clients that commands choose by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientType {
    Normal,
    PubSub,
    /// Masters and replicas, of which there are none.
    OfReplication,
}

impl ClientType {
    /// The kind that an argument names (getClientTypeByName).
    pub(super) fn named<'c>(arg: &'c [u8]) -> Result<Self, ErrorReply<'c>> {
        match arg {
            _ if is_option(arg, "normal") => Ok(Self::Normal),
            _ if is_option(arg, "pubsub") => Ok(Self::PubSub),
            _ if ["master", "replica", "slave"]
                .iter()
                .any(|name| is_option(arg, name)) =>
            {
                Ok(Self::OfReplication)
            }
            _ => Err(ErrorReply::Quoting {
                before: "ERR Unknown client type '",
                quoted: arg,
                after: "'",
            }),
        }
    }
    /// The kind that a connection is of.
    pub(super) fn of(session: &Session) -> Self {
        match session.marks.has_any(Marks::SUBSCRIBED) {
            true => Self::PubSub,
            false => Self::Normal,
        }
    }
}

/// CLIENT INFO.
pub(super) fn info<'c>(
    _: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let text = line(session, call.now);
    call.reply(Frame::Verbatim(text.as_bytes()))?;
    Ok(After::Continue)
}

/// CLIENT LIST.
pub(super) fn list<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let (mut kind, mut ids) = (None, None);
    match *call.args {
        [_, _] => {}
        [_, _, option, name] if is_option(option, "type") => {
            kind = Some(ClientType::named(name)?);
        }
        [_, _, option, ref rest @ ..] if is_option(option, "id") && !rest.is_empty() => {
            let all: Option<Vec<i64>> = rest.iter().map(|id| parse_i64(id)).collect();
            ids = Some(all.ok_or(ErrorReply::Fixed("ERR Invalid client ID"))?);
        }
        _ => return Err(ErrorReply::Syntax),
    }
    let own = std::iter::once(&*session);
    let others = node.clients.iter().map(|client| &client.session);
    let mut chosen: Vec<&Session> = own
        .chain(others)
        .filter(|session| kind.is_none_or(|kind| ClientType::of(session) == kind))
        .filter(|session| {
            let ids = ids.as_ref();
            ids.is_none_or(|ids| ids.contains(&(session.id as i64)))
        })
        .collect();
    chosen.sort_by_key(|session| session.id);
    let text: String = chosen
        .into_iter()
        .map(|session| line(session, call.now))
        .collect();
    call.reply(Frame::Verbatim(text.as_bytes()))?;
    Ok(After::Continue)
}

/// One connection as one line (catClientInfoString).
fn line(session: &Session, now: Time) -> String {
    let mut flags = String::new();
    let letters = [
        (session.marks.has_any(Marks::MONITOR), 'O'),
        (session.marks.has_any(Marks::SUBSCRIBED), 'P'),
        (session.marks.has_any(Marks::MULTI), 'x'),
        (session.blocked.is_some(), 'b'),
        (session.marks.has_any(Marks::DIRTY_WATCH), 'd'),
        (session.marks.has_any(Marks::NO_EVICT), 'e'),
    ];
    flags.extend(
        letters
            .iter()
            .filter(|(is_set, _)| *is_set)
            .map(|(_, letter)| letter),
    );
    if flags.is_empty() {
        flags.push('N');
    }
    let age = |since: Time| now.since(since).as_nanos() / 1_000_000_000;
    let queued = match session.marks.has_any(Marks::MULTI) {
        true => session.transaction.queued() as i64,
        false => -1,
    };
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = writeln!(
        text,
        "id={} addr={} laddr={} name={} age={} idle={} flags={flags} db={} sub={} psub={} ssub=0 \
         multi={queued} cmd={} user=default redir=-1 resp={}",
        session.id,
        session.peer(),
        session.local(),
        String::from_utf8_lossy(&session.name),
        age(session.connected_at),
        age(session.used_at),
        session.database,
        session.subscriptions.channels.len(),
        session.subscriptions.patterns.len(),
        session.last_command.map_or("NULL", |spec| spec.name),
        match session.protocol {
            Protocol::Resp2 => 2,
            Protocol::Resp3 => 3,
        },
    );
    text
}
