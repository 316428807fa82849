//! Requests of a connection: found in its bytes, or whole.

use super::{After, NoMessage, Node};
use crate::resp::{Frame, Parser, Progress, ProtocolError};
use kvrig_base::id::ConnId;
use kvrig_base::seam::{Counter, Cx, Effect};

/// Requests of up to so many arguments are handed on without an allocation.
const ARGS_WITHOUT_ALLOCATION: usize = 16;

/// Requests that are looked at together: enough for their waits for memory to overlap, and few
/// enough that the lines are still there when it is their turn.
const REQUESTS_FORESEEN: usize = 16;

/// Looks at pipelined requests before they are carried out.
#[derive(Debug, Default)]
pub(super) struct Foresight {
    is_on: bool,
    parser: Parser,
}

impl Node {
    /// Has the node look at the next pipelined requests before it carries one out, and ask the
    /// processor for the lines that their keys lead to: the waits for memory of many requests then
    /// overlap. Nothing but speed changes. It is for hosts that run on the real clock; where receipts
    /// are priced, few requests are pipelined and nobody waits for a line.
    pub fn look_ahead(&mut self) {
        self.foresight.is_on = true;
    }

    /// Looks at the first requests of `rest`, and says how many bytes of it are behind them.
    fn foresee(&mut self, database: usize, rest: &[u8]) -> usize {
        let Foresight { is_on, parser } = &mut self.foresight;
        if !*is_on {
            return 0;
        }
        parser.restart();
        // The first argument behind the name is nearly always a key; where it is not, some lines are
        // asked for in vain.
        let mut keys: [&[u8]; REQUESTS_FORESEEN] = Default::default();
        let (mut requests, mut left) = (0, rest);
        while requests < keys.len() {
            let progress = parser.parse(left, self.config.proto_max_bulk_len);
            let (Ok(Progress::Request { bytes }), place) = (progress, parser.place(1)) else {
                break;
            };
            keys[requests] = place.map_or(&[], |place| &left[place]);
            requests += 1;
            left = &left[bytes..];
        }
        // A request alone is carried out at once.
        if requests > 1 {
            let table = self.keyspace.database(database).keys();
            table.prefetch(&mut keys[..requests].iter().copied());
        }
        left.len()
    }

    /// Carries out all whole requests of `bytes`.
    pub(super) fn bytes(&mut self, conn: ConnId, bytes: &[u8], cx: &mut Cx<'_, NoMessage>) {
        let Some(mut client) = self.clients.take(conn) else {
            return;
        };
        let mut rest = bytes;
        // Requests that begin at or behind so many bytes before the end were not looked at yet.
        let mut unforeseen = bytes.len();
        while !client.is_closing
            && client.session.blocked.is_none()
            && !self.scripts.is_held_by(conn)
            && !self.is_held()
        {
            if rest.len() <= unforeseen && client.parser.is_at_start() {
                unforeseen = self.foresee(client.session.database, rest);
            }
            let progress = client.parser.parse(rest, self.config.proto_max_bulk_len);
            let mut arguments = 0;
            let used = match progress {
                Ok(Progress::Incomplete) => break,
                Ok(Progress::Empty { bytes }) => bytes,
                Ok(Progress::Request { bytes }) => {
                    let mut few: [&[u8]; ARGS_WITHOUT_ALLOCATION] = Default::default();
                    let many: Vec<&[u8]>;
                    let count = client.parser.arg_count();
                    arguments = count as u64;
                    let args = match few.get_mut(..count) {
                        Some(args) => {
                            args.iter_mut()
                                .zip(client.parser.args(rest))
                                .for_each(|(to, arg)| *to = arg);
                            &*args
                        }
                        None => {
                            many = client.parser.args(rest).collect();
                            &many
                        }
                    };
                    match self.command(&mut client.session, args, cx) {
                        After::Close => client.is_closing = true,
                        // It is read again once it may be carried out.
                        After::Postpone => {
                            client.parser = Parser::default();
                            break;
                        }
                        After::Continue
                        | After::Block
                        | After::Fork { .. }
                        | After::Suspend
                        | After::Wait
                        | After::Exit => {}
                    }
                    bytes
                }
                Err(error) => {
                    protocol_error(conn, error, cx);
                    client.is_closing = true;
                    rest.len()
                }
            };
            cx.work.count(Counter::ProtocolElements, arguments);
            cx.consume(used);
            rest = &rest[used..];
            if self.pending.is_any() {
                self.clients.give_back(conn, client);
                self.aftermath(cx);
                match self.clients.take(conn) {
                    Some(present) => client = present,
                    None => return,
                }
            }
        }
        if client.is_closing {
            cx.consume(rest.len());
        }
        self.hold(conn, cx);
        self.clients.give_back(conn, client);
    }

    /// Carries out one command that came whole, or keeps it where the connection waits.
    pub(super) fn whole_command(
        &mut self,
        conn: ConnId,
        args: &[&[u8]],
        cx: &mut Cx<'_, NoMessage>,
    ) {
        if let Some(client) = self.clients.get_mut(conn) {
            let is_free = client.session.blocked.is_none()
                && client.postponed.is_empty()
                && self.halted.is_none()
                && !self.scripts.is_held_by(conn);
            if !is_free || self.carry_out_whole(conn, args, cx) == After::Postpone {
                self.postpone(conn, args);
            }
            self.hold(conn, cx);
        }
    }

    fn postpone(&mut self, conn: ConnId, args: &[&[u8]]) {
        if let Some(client) = self.clients.get_mut(conn) {
            let args = args.iter().map(|arg| Box::from(*arg)).collect();
            client.postponed.push_back(args);
        }
    }

    pub(super) fn carry_out_whole(
        &mut self,
        conn: ConnId,
        args: &[&[u8]],
        cx: &mut Cx<'_, NoMessage>,
    ) -> After {
        let Some(mut client) = self.clients.take(conn) else {
            return After::Continue;
        };
        let mut after = After::Continue;
        if !client.is_closing && !args.is_empty() {
            after = self.command(&mut client.session, args, cx);
            client.is_closing = after == After::Close;
        }
        self.clients.give_back(conn, client);
        if self.pending.is_any() {
            self.aftermath(cx);
        }
        after
    }
}

fn protocol_error(conn: ConnId, error: ProtocolError, cx: &mut Cx<'_, NoMessage>) {
    if let Some(text) = error.text() {
        Frame::Error(&text).encode(cx.reply(conn).buffer());
    }
    cx.effect(Effect::Close { conn });
}
