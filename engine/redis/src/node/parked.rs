//! A transaction one of whose commands the node has to wait for: DEBUG SLEEP, DEBUG RELOAD or CONFIG
//! REWRITE between MULTI and EXEC.
//!
//! Redis stands still in the middle of EXEC. Here the node goes back to its host with what is left of
//! the transaction put aside; it reads no command until the wait is over, so that nothing comes between.

use super::call::Call;
use super::client::{Client, Session};
use super::transaction::Rest;
use super::{After, NoMessage, Node};
use crate::command;
use kvrig_base::id::ConnId;
use kvrig_base::seam::Cx;

/// What is left of a transaction.
#[derive(Debug)]
pub(super) struct Parked {
    conn: ConnId,
    /// Its connection, if that has gone: the transaction goes on all the same.
    gone: Option<Box<Client>>,
    rest: Rest,
    /// The time that its commands are told: that of EXEC (`server.mstime` in a nested call).
    now_ms: i64,
    args: Vec<Box<[u8]>>,
    /// The part of the reply that is there already.
    out: Vec<u8>,
    was_quiet: bool,
    /// What is waited for is over, and its reply is in `out`.
    is_answered: bool,
}

impl Node {
    /// Puts aside what EXEC has still to carry out behind the command that the node waits for.
    pub(super) fn park(&mut self, session: &Session, rest: Rest, call: &Call<'_>) {
        self.parked = Some(Box::new(Parked {
            conn: session.conn,
            gone: None,
            rest,
            now_ms: call.now_ms,
            args: call.args.iter().map(|arg| Box::from(*arg)).collect(),
            out: Vec::new(),
            was_quiet: false,
            is_answered: false,
        }));
    }
    /// Keeps what a command has written of its reply, if the command is not over: a script holds the
    /// node, or a transaction is parked. Says whether it is not.
    pub(super) fn keep_unfinished(
        &mut self,
        after: After,
        was_quiet: bool,
        reply: impl FnOnce() -> Vec<u8>,
    ) -> bool {
        match (after, &mut self.scripts.held, &mut self.parked) {
            (After::Suspend, Some(held), _) => held.keep(reply(), was_quiet),
            (After::Wait, _, Some(parked)) => {
                (parked.out, parked.was_quiet) = (reply(), was_quiet);
            }
            _ => return false,
        }
        true
    }
    /// Whether a transaction of this connection, which is still there, is parked.
    pub(super) fn is_parked_by(&self, conn: ConnId) -> bool {
        let parked = self.parked.as_ref();
        parked.is_some_and(|parked| parked.conn == conn && parked.gone.is_none())
    }
    /// Keeps the connection of the parked transaction until that is over.
    pub(super) fn keep_parked_client(&mut self, client: Box<Client>) {
        if let Some(parked) = &mut self.parked {
            parked.gone = Some(client);
        }
    }
    /// Takes the reply to the command that a parked transaction of this connection waits for, and says
    /// whether there is one.
    pub(super) fn answer_parked(&mut self, conn: ConnId, reply: &[u8]) -> bool {
        let parked = self.parked.as_mut();
        let Some(parked) = parked.filter(|parked| parked.conn == conn && !parked.is_answered)
        else {
            return false;
        };
        parked.is_answered = true;
        let client = parked.gone.as_deref().or_else(|| self.clients.get(conn));
        if !client.is_some_and(|client| client.session.marks.are_quiet()) {
            parked.out.extend_from_slice(reply);
        }
        true
    }
    /// Goes on with a parked transaction whose wait is over.
    pub(super) fn go_on_with_parked(&mut self, cx: &mut Cx<'_, NoMessage>) {
        let Some(parked) = self.parked.take_if(|parked| parked.is_answered) else {
            return;
        };
        let Parked {
            conn,
            gone,
            rest,
            now_ms,
            args,
            mut out,
            was_quiet,
            ..
        } = *parked;
        let is_gone = gone.is_some();
        let Some(mut client) = gone.or_else(|| self.clients.take(conn)) else {
            return;
        };
        let session = &mut client.session;
        let args: Vec<&[u8]> = args.iter().map(|arg| &**arg).collect();
        let mut call = Call {
            spec: command::find(b"exec").expect("it is in the table"),
            args: &args,
            now_ms,
            now: cx.now(),
            protocol: session.protocol,
            out: &mut out,
            work: cx.work,
        };
        let after = self.go_on_with_transaction(session, rest, &mut call);
        let is_unfinished = self.keep_unfinished(after, was_quiet, || std::mem::take(&mut out));
        if !is_unfinished && !is_gone {
            cx.reply(conn).write(&out);
            self.conclude(session, after, was_quiet, cx);
        }
        match (is_gone, after) {
            (false, _) => self.clients.give_back(conn, client),
            (true, After::Suspend) => self.keep_caller(client),
            (true, After::Wait) => self.keep_parked_client(client),
            (true, _) => {}
        }
    }
}
