//! A script on its way from EVAL to its reply, and the node while one has run for too long
//! (`redis:src/script.c`, scriptInterrupt).
//!
//! A script runs to its end before anything else is read. One that has run for
//! `busy-reply-threshold` is left where it is: the node goes back to its host, and is called again at
//! once to let the script go on for a slice. Between slices other connections are heard, but nothing
//! that they send may touch the data: all commands are refused but for the few that are allowed while
//! the node is busy. What they are told leaves before the script goes on, since Redis looks for more
//! input behind what it has read, and writes replies first (`redis:src/networking.c`,
//! processEventsWhileBlocked). The timer stands still, as it does in Redis.

use super::aftermath::Pending;
use super::call::Call;
use super::client::{Client, Marks, Session};
use super::error::ErrorReply;
use super::scripts::Rights;
use super::transaction::Rest;
use super::{After, NoMessage, Node};
use crate::command::CommandSpec;
use crate::resp::Protocol;
use crate::script::{Answer, Finished, INSTRUCTIONS_PER_PAUSE, Running, Step};
use kvrig_base::id::ConnId;
use kvrig_base::seam::{Counter, Cx, Work};
use kvrig_base::time::{Span, Time};

/// What everybody is told while a script holds the node (shared.slowevalerr).
pub(super) const BUSY: ErrorReply<'static> = ErrorReply::Fixed(
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
);
/// Instructions for which a script goes on before others are heard again: between two calls of the
/// hook of Redis (`redis:src/script_lua.c`, luaCallFunction).
const INSTRUCTIONS_PER_SLICE: u64 = 100_000;
const PAUSES_PER_SLICE: u64 = INSTRUCTIONS_PER_SLICE / INSTRUCTIONS_PER_PAUSE;
/// How often in a row others are heard at most before the script goes on.
const ROUNDS_MAX: u8 = 4;
/// When a script that holds the node goes on: at once.
pub(super) const AT_ONCE: Time = Time::START;

/// A script that runs.
#[derive(Debug)]
pub(super) struct ScriptRun {
    running: Running,
    pub(super) rights: Rights,
    /// What the script has made of its connection while it is left, and what its connection was while
    /// it runs.
    environment: Environment,
    begun: Time,
    /// The times that its commands are told: those at which it has begun (scriptTimeSnapshot).
    pub(super) now: Time,
    pub(super) now_ms: i64,
    is_timed_out: bool,
    is_killed: bool,
}

/// What a script may change of its connection for itself.
#[derive(Clone, Copy, Debug)]
struct Environment {
    database: usize,
    protocol: Protocol,
    marks: Marks,
}

impl Environment {
    fn swap(&mut self, session: &mut Session) {
        std::mem::swap(&mut self.database, &mut session.database);
        std::mem::swap(&mut self.protocol, &mut session.protocol);
        std::mem::swap(&mut self.marks, &mut session.marks);
    }
}

impl ScriptRun {
    pub(super) fn new(
        running: Running,
        rights: Rights,
        session: &Session,
        call: &mut Call<'_>,
    ) -> Self {
        Self {
            running,
            rights,
            environment: Environment {
                database: session.database,
                protocol: session.protocol,
                marks: Marks::DENY_BLOCKING,
            },
            begun: call.now.saturating_add(call.work.spent()),
            now: call.now,
            now_ms: call.now_ms,
            is_timed_out: false,
            is_killed: false,
        }
    }
}

/// A script that holds the node, between two slices.
#[derive(Debug)]
pub(super) struct Held {
    run: ScriptRun,
    conn: ConnId,
    /// Its connection, if that has gone: the script goes on all the same.
    gone: Option<Box<Client>>,
    spec: &'static CommandSpec,
    args: Vec<Box<[u8]>>,
    /// What EXEC has to carry out behind it.
    rest: Option<Rest>,
    /// The part of the reply that is there already.
    out: Vec<u8>,
    was_quiet: bool,
    /// Somebody was heard since the host has called last.
    was_heard: bool,
    /// How often in a row that was so.
    rounds: u8,
}

impl Held {
    /// Whether the script may be killed: it must not have written.
    pub(super) fn check_killable(&self) -> Result<(), ErrorReply<'static>> {
        match self.run.rights.has_written {
            true => Err(ErrorReply::Fixed(
                "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.",
            )),
            false => Ok(()),
        }
    }
    /// Kills the script when it goes on.
    pub(super) fn kill(&mut self) -> Result<(), ErrorReply<'static>> {
        self.check_killable()?;
        self.run.is_killed = true;
        Ok(())
    }
    /// Whether it came from this connection, which is still there.
    pub(super) fn is_of(&self, conn: ConnId) -> bool {
        self.conn == conn && self.gone.is_none()
    }
    /// Notes that something came from a connection.
    pub(super) fn note_heard(&mut self) {
        self.was_heard = true;
    }
    /// Whether those who were heard are to be answered, and others heard, before the script goes on.
    fn hears_others_first(&mut self) -> bool {
        let rounds = match std::mem::take(&mut self.was_heard) {
            true => self.rounds + 1,
            false => ROUNDS_MAX,
        };
        self.rounds = rounds % ROUNDS_MAX;
        self.rounds > 0
    }
    /// Keeps what the call has written of the reply so far.
    pub(super) fn keep(&mut self, out: Vec<u8>, was_quiet: bool) {
        (self.out, self.was_quiet) = (out, was_quiet);
    }
    /// Leaves what EXEC has still to carry out until the script is over.
    pub(super) fn keep_rest(&mut self, rest: Rest) {
        self.rest = Some(rest);
    }
}

impl Node {
    /// Whether a script has run for so long that others are heard beside it (scriptIsTimedout).
    pub(super) fn is_busy(&self) -> bool {
        self.scripts.held.is_some()
    }
    /// Keeps the connection of the script that holds the node until that is over.
    pub(super) fn keep_caller(&mut self, client: Box<Client>) {
        if let Some(held) = &mut self.scripts.held {
            held.gone = Some(client);
        }
    }

    /// Runs a script that has begun; the reply is there, or the script holds the node from now on.
    pub(super) fn run_or_hold(
        &mut self,
        session: &mut Session,
        mut run: ScriptRun,
        call: &mut Call<'_>,
    ) -> After {
        match self.run_script(session, &mut run, call.now, call.work) {
            Some(finished) => {
                self.answer(run, &finished, call);
                After::Continue
            }
            None => {
                self.scripts.held = Some(Box::new(Held {
                    run,
                    conn: session.conn,
                    gone: None,
                    spec: call.spec,
                    args: call.args.iter().map(|arg| Box::from(*arg)).collect(),
                    rest: None,
                    out: Vec::new(),
                    was_quiet: false,
                    was_heard: false,
                    rounds: 0,
                }));
                self.update_gate();
                After::Suspend
            }
        }
    }

    /// Lets the script that holds the node go on for a slice; where it ends, it is answered, and what
    /// has waited behind it goes on.
    pub(super) fn go_on_with_script(&mut self, cx: &mut Cx<'_, NoMessage>) {
        let Some(mut held) = self.scripts.held.take_if(|held| !held.hears_others_first()) else {
            return;
        };
        let (gone, conn) = (held.gone.take(), held.conn);
        let is_gone = gone.is_some();
        if let Some(mut client) = gone.or_else(|| self.clients.take(conn)) {
            let finished = self.run_script(&mut client.session, &mut held.run, cx.now(), cx.work);
            match finished {
                Some(finished) => {
                    self.end_script(*held, &finished, &mut client, is_gone, cx);
                }
                None => self.scripts.held = Some(held),
            }
            match (is_gone, self.is_busy()) {
                (false, _) => self.clients.give_back(conn, client),
                (true, true) => self.keep_caller(client),
                (true, false) => self.keep_parked_client(client),
            }
        }
        if !self.is_busy() {
            self.update_gate();
            if !is_gone {
                self.pending.resume(conn);
            }
        }
        self.aftermath(cx);
    }

    /// Answers a script that has held the node, and carries out what follows it in its transaction.
    fn end_script(
        &mut self,
        held: Held,
        finished: &Finished,
        client: &mut Client,
        is_gone: bool,
        cx: &mut Cx<'_, NoMessage>,
    ) {
        let Held {
            run,
            spec,
            args,
            rest,
            mut out,
            was_quiet,
            conn,
            ..
        } = held;
        let session = &mut client.session;
        let args: Vec<&[u8]> = args.iter().map(|arg| &**arg).collect();
        let start = out.len();
        let (now, begun, now_ms) = (cx.now(), run.begun, cx.wall().unix_millis() as i64);
        let mut call = Call {
            spec,
            args: &args,
            now_ms: run.now_ms,
            now,
            protocol: session.protocol,
            out: &mut out,
            work: cx.work,
        };
        self.answer(run, finished, &mut call);
        let took = now.saturating_add(call.work.spent()).since(begun);
        self.note_done(session, &mut call, start, Some(took));
        let mut after = After::Continue;
        if let Some(rest) = rest {
            if session.marks.are_quiet() {
                call.out.truncate(start);
            }
            call.now_ms = now_ms;
            after = self.go_on_with_transaction(session, rest, &mut call);
        }
        if self.keep_unfinished(after, was_quiet, || std::mem::take(&mut out)) {
            return;
        }
        if !is_gone {
            cx.reply(conn).write(&out);
            self.conclude(session, after, was_quiet, cx);
        }
    }

    /// Writes the reply of a script and counts the errors in it.
    fn answer(&mut self, run: ScriptRun, finished: &Finished, call: &mut Call<'_>) {
        if let Some(interpreter) = &mut self.scripts.interpreter {
            interpreter.end(run.running);
        }
        let reply = &finished.reply;
        call.work.count(Counter::BytesCopied, reply.len() as u64);
        call.out.extend_from_slice(reply);
        self.statistics.note_script(finished);
    }

    /// Lets a script go on until it is over, or until others are to be heard.
    fn run_script(
        &mut self,
        session: &mut Session,
        run: &mut ScriptRun,
        now: Time,
        work: &mut Work,
    ) -> Option<Finished> {
        run.environment.swap(session);
        let finished = self.run_inside(session, run, now, work);
        run.environment.swap(session);
        finished
    }

    fn run_inside(
        &mut self,
        session: &mut Session,
        run: &mut ScriptRun,
        now: Time,
        work: &mut Work,
    ) -> Option<Finished> {
        let mut pauses = 0;
        let mut answer = match run.is_killed {
            true => Answer::Killed,
            false => Answer::GoOn,
        };
        loop {
            let step = run.running.go_on(answer);
            work.count(Counter::LuaInstructions, run.running.take_instructions());
            answer = match step {
                Step::Done(finished) => return Some(finished),
                Step::Command(request) => self.serve_script(session, run, &request, work),
                Step::Pause => {
                    pauses += 1;
                    let is_interrupted = match run.is_timed_out {
                        true => pauses >= PAUSES_PER_SLICE,
                        false => self.takes_too_long(run, now, work),
                    };
                    if is_interrupted {
                        run.is_timed_out = true;
                        return None;
                    }
                    Answer::GoOn
                }
            };
        }
    }

    /// Whether a script has run for as long as others wait without being heard.
    fn takes_too_long(&self, run: &ScriptRun, now: Time, work: &mut Work) -> bool {
        let limit_ms = self.config.busy_reply_threshold_ms;
        if limit_ms == 0 {
            return false;
        }
        let limit = Span::from_millis(1).checked_mul(limit_ms);
        limit.is_some_and(|limit| now.saturating_add(work.spent()).since(run.begun) >= limit)
    }

    /// What follows a command that was allowed while a script holds the node: messages leave, and
    /// connections are closed. Who waits for a key is served once the script is over.
    pub(super) fn aftermath_while_busy(&mut self, cx: &mut Cx<'_, NoMessage>) {
        self.release_aside(cx);
        self.send_messages(cx);
        self.heed_changes(cx);
        self.close_pending(cx);
    }
}

impl Pending {
    /// Serves those who wait for a key later.
    pub(super) fn serve_later(&mut self, database: usize, key: Box<[u8]>) {
        self.ready.push((database, key));
        self.is_due = true;
    }
}
