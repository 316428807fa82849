//! Commands on streams that wait for entries.
//!
//! XREAD waits for entries behind the ids that it names. XREADGROUP waits for entries that its group
//! has not read, and is told where the stream or the group goes away.

use super::{AtTimeout, Wait, timeout_ms};
use crate::command::commands;
use crate::keyspace::Database;
use crate::node::call::is_option;
use crate::node::client::{Marks, Session};
use crate::node::error::c_string;
use crate::node::streams::read::{Reader, write_behind, write_for_consumer};
use crate::node::streams::{INVALID_ID, at_most};
use crate::node::{After, Call, ErrorReply, Node};
use crate::resp::{Frame, Protocol};
use crate::value::Stream;
use crate::value::stream::{Direction, StreamId};
use kvrig_base::seam::Counter;
use kvrig_base::time::Time;
use kvrig_tables::Slot;

commands! { Stream;
    "xread", -4, [READONLY BLOCKING MOVABLEKEYS], NONE, "5.0.0" => Node(xread);
    "xreadgroup", -7, [WRITE BLOCKING MOVABLEKEYS], NONE, "5.0.0" => Node(xreadgroup);
}

/// How many entries a command that has waited without COUNT gets (XREAD_BLOCKED_DEFAULT_COUNT).
const COUNT_AFTER_WAIT: usize = 1_000;

/// Which of the two commands is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Read,
    ReadGroup,
}

/// What the arguments say.
#[derive(Clone, Copy, Debug)]
struct Asked<'c> {
    /// Whether it waits, and up to when.
    wait: Option<Option<Time>>,
    most: Option<usize>,
    group: Option<(&'c [u8], &'c [u8])>,
    no_ack: bool,
    keys: &'c [&'c [u8]],
    ids: &'c [&'c [u8]],
    ids_at: usize,
}

/// From where a stream is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// Behind this id.
    Behind(StreamId),
    /// What the group has not read.
    New,
}

/// XREAD.
fn xread<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    read_or_wait(node, session, Kind::Read, call)
}

/// XREADGROUP.
fn xreadgroup<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    read_or_wait(node, session, Kind::ReadGroup, call)
}

/// Reads the arguments (xreadCommand).
fn asked<'c>(call: &mut Call<'c>, kind: Kind) -> Result<Asked<'c>, ErrorReply<'c>> {
    let args = call.args;
    let mut asked = Asked {
        wait: None,
        most: None,
        group: None,
        no_ack: false,
        keys: &[],
        ids: &[],
        ids_at: 0,
    };
    let mut index = 1;
    while let Some(&option) = args.get(index) {
        let more = args.len() - index - 1;
        match option {
            _ if is_option(option, "block") && more > 0 => {
                index += 1;
                asked.wait = Some(timeout_ms(call, index)?);
            }
            _ if is_option(option, "count") && more > 0 => {
                index += 1;
                asked.most = at_most(call.integer(index)?);
            }
            _ if is_option(option, "streams") && more > 0 => {
                if !more.is_multiple_of(2) {
                    // So Redis says of XREADGROUP too.
                    return Err(ErrorReply::Fixed(
                        "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
                    ));
                }
                asked.ids_at = index + 1 + more / 2;
                asked.keys = &args[index + 1..asked.ids_at];
                asked.ids = &args[asked.ids_at..];
                break;
            }
            _ if is_option(option, "group") && more > 1 => {
                if kind == Kind::Read {
                    return Err(ErrorReply::Fixed(
                        "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.",
                    ));
                }
                asked.group = Some((args[index + 1], args[index + 2]));
                index += 2;
            }
            _ if is_option(option, "noack") => {
                if kind == Kind::Read {
                    return Err(ErrorReply::Fixed(
                        "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.",
                    ));
                }
                asked.no_ack = true;
            }
            _ => return Err(ErrorReply::Syntax),
        }
        index += 1;
    }
    if asked.keys.is_empty() {
        return Err(ErrorReply::Syntax);
    }
    if kind == Kind::ReadGroup && asked.group.is_none() {
        return Err(ErrorReply::Fixed("ERR Missing GROUP option for XREADGROUP"));
    }
    Ok(asked)
}

/// From where the stream at `slot` is read. The highest id stands for what is new.
fn start<'c>(
    db: &Database,
    slot: Option<Slot>,
    text: &[u8],
    kind: Kind,
) -> Result<Start, ErrorReply<'c>> {
    match (c_string(text), kind) {
        (b"$", Kind::ReadGroup) => Err(ErrorReply::Fixed(
            "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.",
        )),
        (b"$", Kind::Read) => {
            let last = slot.map(|slot| db.get::<Stream>(slot).log().last_id());
            Ok(Start::Behind(last.unwrap_or_default()))
        }
        (b">", Kind::Read) => Err(ErrorReply::Fixed(
            "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
        )),
        (b">", Kind::ReadGroup) => Ok(Start::New),
        _ => match StreamId::parse(text, 0).ok_or(INVALID_ID)? {
            StreamId::MAX if kind == Kind::ReadGroup => Ok(Start::New),
            id => Ok(Start::Behind(id)),
        },
    }
}

fn read_or_wait<'c>(
    node: &mut Node,
    session: &mut Session,
    kind: Kind,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let asked = asked(call, kind)?;
    let db = node.keyspace.database_mut(session.database);
    let mut starts = Vec::with_capacity(asked.keys.len());
    for (&key, id) in asked.keys.iter().zip(asked.ids) {
        let slot = db.find_to_read::<Stream>(key, call)?;
        if let Some((group, _)) = asked.group
            && slot.is_none_or(|slot| db.get::<Stream>(slot).group(group).is_none())
        {
            return Err(ErrorReply::QuotingTwo {
                texts: [
                    "NOGROUP No such key '",
                    "' or consumer group '",
                    "' in XREADGROUP with GROUP option",
                ],
                quoted: [key, group],
            });
        }
        starts.push(start(db, slot, id, kind)?);
    }
    if read_all(db, &asked, &starts, call)? {
        return Ok(After::Continue);
    }
    let Some(until) = asked.wait else {
        return call.reply(Frame::NullArray).map(|()| After::Continue);
    };
    if session.marks.has_any(Marks::DENY_BLOCKING) {
        return call.reply(Frame::NullArray).map(|()| After::Continue);
    }
    wait(node, session, &asked, &starts, until, call);
    Ok(After::Block)
}

/// Lets the connection wait. Ids that meant the last entry are kept as what they meant.
fn wait(
    node: &mut Node,
    session: &mut Session,
    asked: &Asked<'_>,
    starts: &[Start],
    until: Option<Time>,
    call: &mut Call<'_>,
) {
    let ids: Vec<Vec<u8>> = starts
        .iter()
        .map(|start| match start {
            Start::Behind(id) => id.text(),
            Start::New => b">".to_vec(),
        })
        .collect();
    let mut args = call.args[..asked.ids_at].to_vec();
    args.extend(ids.iter().map(Vec::as_slice));
    let kept = Call {
        spec: call.spec,
        args: &args,
        now_ms: call.now_ms,
        now: call.now,
        protocol: call.protocol,
        out: &mut *call.out,
        work: &mut *call.work,
    };
    let wait = Wait {
        keys: asked.keys.to_vec(),
        awaited: "stream",
        serve: match asked.group {
            None => |db, key, call| serve(db, key, Kind::Read, call),
            Some(_) => |db, key, call| serve(db, key, Kind::ReadGroup, call),
        },
        until,
        at_timeout: AtTimeout::NullArray,
        at_loss: asked
            .group
            .map(|_| "UNBLOCKED the stream key no longer exists"),
    };
    node.block(session, &wait, &kept);
}

/// Replies of each stream that has something, and says whether any had.
fn read_all<'c>(
    db: &mut Database,
    asked: &Asked<'_>,
    starts: &[Start],
    call: &mut Call<'c>,
) -> Result<bool, ErrorReply<'c>> {
    let at = call.out.len();
    let mut served = 0;
    for (&key, &start) in asked.keys.iter().zip(starts) {
        let Some(slot) = db.find_to_read::<Stream>(key, call)? else {
            continue;
        };
        let stream = db.get::<Stream>(slot);
        let group = asked.group.and_then(|(group, _)| stream.group(group));
        // Where something is pending, it is replied whether or not there is any.
        let is_history = group.is_some() && start != Start::New;
        let last = match (start, group) {
            (Start::Behind(id), _) => id,
            (Start::New, Some(group)) => group.last_id(),
            (Start::New, None) => StreamId::MAX,
        };
        let top = stream.log().edge_id(Direction::Backwards, call.work);
        if !is_history && top.is_none_or(|top| top <= last) {
            continue;
        }
        served += 1;
        reply_stream(db, (key, slot), asked, is_history, last, call)?;
    }
    if served > 0 {
        let mut head = Vec::new();
        call.work.count(Counter::ProtocolElements, 1);
        head_of(served, call.protocol).encode_in(call.protocol, &mut head);
        call.out.splice(at..at, head);
    }
    Ok(served > 0)
}

/// The head of a reply of so many streams.
fn head_of(streams: usize, protocol: Protocol) -> Frame<'static> {
    match protocol {
        Protocol::Resp2 => Frame::Array(streams),
        Protocol::Resp3 => Frame::Map(streams),
    }
}

/// Replies one key with its entries.
fn reply_stream<'c>(
    db: &mut Database,
    (key, slot): (&[u8], Slot),
    asked: &Asked<'_>,
    is_history: bool,
    last: StreamId,
    call: &mut Call<'c>,
) -> Result<(), ErrorReply<'c>> {
    if call.protocol == Protocol::Resp2 {
        call.reply(Frame::Array(2))?;
    }
    call.reply_bulk(key)?;
    match asked.group {
        None => write_behind(db, slot, last, asked.most, call),
        Some((group, consumer)) => {
            let reader = Reader {
                group,
                consumer,
                no_ack: asked.no_ack,
                is_history,
            };
            write_for_consumer(db, (key, slot), &reader, last, asked.most, call);
        }
    }
    Ok(())
}

/// Serves a stream that has got entries to a command that has waited for them
/// (serveClientsBlockedOnStreamKey).
fn serve<'c>(
    db: &mut Database,
    key: &[u8],
    kind: Kind,
    call: &mut Call<'c>,
) -> Result<bool, ErrorReply<'c>> {
    let mut asked = asked(call, kind)?;
    let Some(slot) = db.find::<Stream>(key, call)? else {
        return Ok(false);
    };
    let stream = db.get::<Stream>(slot);
    let last = match asked.group {
        Some((group, _)) => {
            let group = stream.group(group).ok_or(ErrorReply::Fixed(
                "NOGROUP the consumer group this client was blocked on no longer exists",
            ))?;
            group.last_id()
        }
        None => {
            let mut named = asked.keys.iter().zip(asked.ids);
            let id = named.find(|(named, _)| **named == key);
            id.and_then(|(_, id)| StreamId::parse(id, 0))
                .unwrap_or_default()
        }
    };
    if stream.log().last_id() <= last {
        return Ok(false);
    }
    asked.most = asked.most.or(Some(COUNT_AFTER_WAIT));
    call.reply(head_of(1, call.protocol))?;
    reply_stream(db, (key, slot), &asked, false, last, call)?;
    Ok(true)
}
