//! CLIENT KILL.

use super::USER;
use super::describe::ClientType;
use crate::node::call::is_option;
use crate::node::client::Session;
use crate::node::{After, Call, ErrorReply, Node};
use crate::number::parse_i64;
use kvrig_base::id::ConnId;

/// Which connections are to be closed: those that meet all of this.
#[derive(Default)]
struct Filter<'c> {
    id: Option<i64>,
    kind: Option<ClientType>,
    peer: Option<&'c [u8]>,
    local: Option<&'c [u8]>,
    user: Option<&'c [u8]>,
    keeps_own: bool,
}

impl Filter<'_> {
    fn takes(&self, session: &Session, own: ConnId) -> bool {
        self.id.is_none_or(|id| session.id as i64 == id)
            && self.kind.is_none_or(|kind| ClientType::of(session) == kind)
            && self
                .peer
                .is_none_or(|peer| session.peer().as_bytes() == peer)
            && self
                .local
                .is_none_or(|local| session.local().as_bytes() == local)
            && self.user.is_none_or(|user| user == USER)
            && !(self.keeps_own && session.conn == own)
    }
}

/// CLIENT KILL, by one address or by filters.
pub(super) fn kill<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let by_address = match *call.args {
        [_, _, peer] => Some(Filter {
            peer: Some(peer),
            ..Filter::default()
        }),
        _ => None,
    };
    let is_by_address = by_address.is_some();
    let filter = match by_address {
        Some(filter) => filter,
        None => parse(call.args)?,
    };
    let victims: Vec<ConnId> = node
        .clients
        .iter()
        .map(|client| &client.session)
        .filter(|other| filter.takes(other, session.conn))
        .map(|other| other.conn)
        .collect();
    for &conn in &victims {
        node.pending.close(conn);
    }
    let is_suicide = filter.takes(session, session.conn);
    let count = victims.len() + usize::from(is_suicide);
    match is_by_address {
        true if count == 0 => return Err(ErrorReply::Fixed("ERR No such client")),
        true => call.reply_ok()?,
        false => call.reply_count(count)?,
    }
    Ok(match is_suicide {
        true => After::Close,
        false => After::Continue,
    })
}

fn parse<'c>(args: &'c [&'c [u8]]) -> Result<Filter<'c>, ErrorReply<'c>> {
    let mut filter = Filter {
        keeps_own: true,
        ..Filter::default()
    };
    let options = &args[2..];
    if options.len() % 2 == 1 {
        return Err(ErrorReply::Syntax);
    }
    for pair in options.chunks_exact(2) {
        let (option, value) = (pair[0], pair[1]);
        match option {
            _ if is_option(option, "id") => {
                let id = parse_i64(value).filter(|id| *id > 0);
                let id = id.ok_or(ErrorReply::Fixed("ERR client-id should be greater than 0"))?;
                filter.id = Some(id);
            }
            _ if is_option(option, "type") => filter.kind = Some(ClientType::named(value)?),
            _ if is_option(option, "addr") => filter.peer = Some(value),
            _ if is_option(option, "laddr") => filter.local = Some(value),
            _ if is_option(option, "user") => {
                if value != USER {
                    return Err(ErrorReply::Quoting {
                        before: "ERR No such user '",
                        quoted: value,
                        after: "'",
                    });
                }
                filter.user = Some(value);
            }
            _ if is_option(option, "skipme") => {
                filter.keeps_own = match value {
                    _ if is_option(value, "yes") => true,
                    _ if is_option(value, "no") => false,
                    _ => return Err(ErrorReply::Syntax),
                };
            }
            _ => return Err(ErrorReply::Syntax),
        }
    }
    Ok(filter)
}
