//! Commands that wait for data (`redis:src/blocked.c`, `redis:src/timeout.c`).
//!
//! Who waits longest for a key is served first, after the command that brought the key, or behind
//! EXEC. A connection that waits is read no further.

mod lists;
mod sorted_sets;
mod streams;

use super::call::{Call, Outcome};
use super::client::{Marks, Session};
use super::error::ErrorReply;
use super::{After, NoMessage, Node};
use crate::command::CommandSpec;
use crate::keyspace::Database;
use crate::number::{parse_i64, strtod};
use crate::resp::Frame;
use kvrig_base::id::ConnId;
use kvrig_base::seam::Cx;
use kvrig_base::time::{Span, Time};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub(super) use lists::COMMANDS as LISTS;
pub(super) use sorted_sets::COMMANDS as SORTED_SETS;
pub(super) use streams::COMMANDS as STREAMS;

/// Serves one key to a command that has waited for it, whose arguments are those of the call, and
/// says whether it has written the reply.
pub(crate) type Serve =
    for<'a, 'c> fn(&'a mut Database, &'a [u8], &'a mut Call<'c>) -> Result<bool, ErrorReply<'c>>;

/// What a connection waits for.
#[derive(Debug)]
pub(crate) struct Blocked {
    spec: &'static CommandSpec,
    args: Vec<Box<[u8]>>,
    database: usize,
    keys: Vec<Box<[u8]>>,
    /// The type of value, by its name, that it waits for.
    awaited: &'static str,
    serve: Serve,
    until: Option<Time>,
    /// What it is told when it has waited long enough.
    at_timeout: AtTimeout,
    at_loss: Option<&'static str>,
    /// Time that the command took before it waited.
    pub(super) took: Span,
}

/// What a command that has waited in vain replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtTimeout {
    /// The array that is not there.
    NullArray,
    /// A number.
    Integer(i64),
}

/// Why a wait ends in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unblock {
    /// Its time is up.
    TimeUp,
    /// Another client ends it, as if its time were up (CLIENT UNBLOCK).
    AsTimeUp,
    /// Another client ends it, with an error.
    WithError,
}

/// What a command waits for.
pub(crate) struct Wait<'c> {
    pub(crate) keys: Vec<&'c [u8]>,
    /// The type of value, by its name.
    pub(crate) awaited: &'static str,
    pub(crate) serve: Serve,
    /// Up to when; `None` is without end.
    pub(crate) until: Option<Time>,
    pub(crate) at_timeout: AtTimeout,
    /// The error where a key no longer holds that type of value; `None` waits on for it to come back.
    pub(crate) at_loss: Option<&'static str>,
}

/// Who waits.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// The connections that wait for a key, the first to be served in front.
    by_key: BTreeMap<(usize, Box<[u8]>), VecDeque<ConnId>>,
    by_time: BTreeSet<(Time, ConnId)>,
    count: usize,
}

impl Waiting {
    /// When the next has waited long enough.
    pub(super) fn next_timeout(&self) -> Option<Time> {
        self.by_time.first().map(|&(time, _)| time)
    }
    /// How many wait.
    pub(super) fn count(&self) -> usize {
        self.count
    }
    /// How many of them not for ever.
    pub(super) fn count_with_timeout(&self) -> usize {
        self.by_time.len()
    }
}

/// The end of the time that argument `index` states in seconds; zero is none
/// (getTimeoutFromObjectOrReply).
pub(crate) fn timeout<'c>(
    call: &mut Call<'c>,
    index: usize,
) -> Result<Option<Time>, ErrorReply<'c>> {
    let text = call.args[index];
    let not_a_float = ErrorReply::Fixed("ERR timeout is not a float or out of range");
    let (seconds, length) = strtod(text);
    let is_number = !text.is_empty()
        && length == text.len()
        && !text[0].is_ascii_whitespace()
        && !seconds.is_nan();
    if !is_number {
        return Err(not_a_float);
    }
    let millis = seconds * 1_000.0;
    // What does not fit is the lowest number in Redis, which is negative.
    let millis = match millis < i64::MAX as f64 {
        true => rounded_up(millis),
        false => i64::MIN,
    };
    if millis > i64::MAX - call.now_ms {
        return Err(ErrorReply::Fixed("ERR timeout is out of range"));
    }
    end_of_wait(millis, call)
}

/// Serves a command whose last argument is a timeout and whose others are keys, or has it wait for one of
/// them to hold a value of the type `awaited`.
fn wait_to_pop<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
    awaited: &'static str,
    serve: Serve,
) -> Result<After, ErrorReply<'c>> {
    let last = call.args.len() - 1;
    let wait = Wait {
        until: timeout(call, last)?,
        keys: call.args[1..last].to_vec(),
        awaited,
        serve,
        at_timeout: AtTimeout::NullArray,
        at_loss: None,
    };
    serve_or_wait(node, session, &wait, Frame::NullArray, call)
}

/// When a wait of so many milliseconds is over; zero is never.
fn end_of_wait<'c>(millis: i64, call: &Call<'c>) -> Result<Option<Time>, ErrorReply<'c>> {
    if millis < 0 {
        return Err(ErrorReply::Fixed("ERR timeout is negative"));
    }
    let span = Span::from_millis(1).checked_mul(millis as u64);
    let end = span.map_or(Time::NEVER, |span| call.now.saturating_add(span));
    Ok((millis > 0).then_some(end))
}

/// The same in milliseconds, which Redis does not check for being too many: they are without end.
pub(crate) fn timeout_ms<'c>(
    call: &mut Call<'c>,
    index: usize,
) -> Result<Option<Time>, ErrorReply<'c>> {
    let millis = parse_i64(call.args[index]).ok_or(ErrorReply::Fixed(
        "ERR timeout is not an integer or out of range",
    ))?;
    end_of_wait(millis, call)
}

/// Rounds up; the number fits.
fn rounded_up(number: f64) -> i64 {
    let whole = number as i64;
    whole + i64::from((whole as f64) < number)
}

/// Serves the first of the keys that can be served now; if there is none, the connection waits, or
/// is told so where it must not wait (blockingPopGenericCommand).
pub(crate) fn serve_or_wait<'c>(
    node: &mut Node,
    session: &mut Session,
    wait: &Wait<'c>,
    denied: Frame<'_>,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    for &key in &wait.keys {
        let database = node.keyspace.database_mut(session.database);
        if (wait.serve)(database, key, call)? {
            return Ok(After::Continue);
        }
    }
    if session.marks.has_any(Marks::DENY_BLOCKING) {
        return call.reply(denied).map(|()| After::Continue);
    }
    node.block(session, wait, call);
    Ok(After::Block)
}

/// Unblocks no sooner than a second server would: WAIT, of which there are none.
pub(super) fn wait<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let replicas = call.integer(1)?;
    let millis = parse_i64(call.args[2]).ok_or(ErrorReply::Fixed(
        "ERR timeout is not an integer or out of range",
    ))?;
    if millis < 0 {
        return Err(ErrorReply::Fixed("ERR timeout is negative"));
    }
    if replicas <= 0 || session.marks.has_any(Marks::DENY_BLOCKING) {
        return call.reply_integer(0).map(|()| After::Continue);
    }
    let span = Span::from_millis(1).checked_mul(millis as u64);
    let end = span.map_or(Time::NEVER, |span| call.now.saturating_add(span));
    let wait = Wait {
        keys: Vec::new(),
        awaited: "",
        serve: |_, _, _| Ok(false),
        until: (millis > 0).then_some(end),
        at_timeout: AtTimeout::Integer(0),
        at_loss: None,
    };
    node.block(session, &wait, call);
    Ok(After::Block)
}

impl Node {
    fn block(&mut self, session: &mut Session, wait: &Wait<'_>, call: &Call<'_>) {
        let database = session.database;
        let mut keys: Vec<Box<[u8]>> = Vec::with_capacity(wait.keys.len());
        for &key in &wait.keys {
            let place = (database, Box::from(key));
            let queue = self.waiting.by_key.entry(place).or_default();
            if queue.back() == Some(&session.conn) {
                // A key that is named twice is waited for once.
                continue;
            }
            queue.push_back(session.conn);
            self.keyspace.database_mut(database).observe(key);
            self.pending.observers += 1;
            keys.push(key.into());
        }
        if let Some(until) = wait.until {
            self.waiting.by_time.insert((until, session.conn));
        }
        self.waiting.count += 1;
        session.blocked = Some(Box::new(Blocked {
            spec: call.spec,
            args: call.args.iter().map(|arg| Box::from(*arg)).collect(),
            database,
            keys,
            awaited: wait.awaited,
            serve: wait.serve,
            until: wait.until,
            at_timeout: wait.at_timeout,
            at_loss: wait.at_loss,
            took: Span::ZERO,
        }));
    }

    /// Ends a connection's wait, without a reply.
    pub(super) fn stop_waiting(&mut self, session: &mut Session) -> Option<Box<Blocked>> {
        let blocked = session.blocked.take()?;
        for key in &blocked.keys {
            let place = (blocked.database, key.clone());
            if let Some(queue) = self.waiting.by_key.get_mut(&place) {
                queue.retain(|conn| *conn != session.conn);
                if queue.is_empty() {
                    self.waiting.by_key.remove(&place);
                }
            }
            self.keyspace
                .database_mut(blocked.database)
                .stop_observing(key);
            self.pending.observers -= 1;
        }
        if let Some(until) = blocked.until {
            self.waiting.by_time.remove(&(until, session.conn));
        }
        self.waiting.count -= 1;
        self.pending.resume(session.conn);
        Some(blocked)
    }

    /// Serves a key that has come to those who wait for it, one after another, as long as there is
    /// something to be served; where it has gone, those are told who ask for that
    /// (handleClientsBlockedOnKeys).
    pub(super) fn serve_blocked(
        &mut self,
        database: usize,
        key: &[u8],
        cx: &mut Cx<'_, NoMessage>,
    ) {
        let place = (database, Box::from(key));
        let Some(queue) = self.waiting.by_key.get(&place) else {
            return;
        };
        let queue: Vec<ConnId> = queue.iter().copied().collect();
        for conn in queue {
            let kind = self.keyspace.database(database).type_name_of(key);
            let Some(mut client) = self.clients.take(conn) else {
                continue;
            };
            let session = &mut client.session;
            if let Some(blocked) = session.blocked.take() {
                let is_served = match kind == Some(blocked.awaited) {
                    true => self.serve_one(session, &blocked, key, cx),
                    false => self.tell_loss(session, &blocked, cx),
                };
                session.blocked = Some(blocked);
                if is_served {
                    self.stop_waiting(session);
                }
            }
            self.clients.give_back(conn, client);
        }
    }

    fn serve_one(
        &mut self,
        session: &Session,
        blocked: &Blocked,
        key: &[u8],
        cx: &mut Cx<'_, NoMessage>,
    ) -> bool {
        let args: Vec<&[u8]> = blocked.args.iter().map(|arg| &**arg).collect();
        let (now, now_ms) = (cx.now(), cx.wall().unix_millis() as i64);
        let mut out = Vec::new();
        let mut call = Call {
            spec: blocked.spec,
            args: &args,
            now_ms,
            now,
            protocol: session.protocol,
            out: &mut out,
            work: cx.work,
        };
        self.keyspace.forget_changes();
        let database = self.keyspace.database_mut(blocked.database);
        let begun = call.work.spent();
        let served = (blocked.serve)(database, key, &mut call);
        let took = call.work.spent().saturating_sub(begun);
        let served = served.map_err(|error| error.text());
        let has_failed = served.is_err();
        self.count_changes_of_served(blocked.spec, args.len(), &out);
        let is_served = served.unwrap_or_else(|text| {
            self.statistics.note_error(&text);
            Frame::Error(&text).encode(&mut out);
            true
        });
        if is_served {
            self.note_unblocked(session, blocked, took, has_failed, now_ms);
            self.reply_later(session, &out, cx);
        }
        is_served
    }

    /// Counts a command that has waited, and the time that it took before and after
    /// (updateStatsOnUnblock).
    fn note_unblocked(
        &mut self,
        session: &Session,
        blocked: &Blocked,
        reply_took: Span,
        has_failed: bool,
        now_ms: i64,
    ) {
        if !self.times_commands() {
            return;
        }
        let took = blocked.took + reply_took;
        if self.config.times_commands {
            self.statistics.note_answer(blocked.spec, took, has_failed);
        }
        let args: Vec<&[u8]> = blocked.args.iter().map(|arg| &**arg).collect();
        self.note_slow(session, (blocked.spec, &args, now_ms), took);
        self.note_latency("command-unblocking", reply_took, now_ms);
    }

    /// Tells a connection that what it waits for will not come, if it is to be told, and says whether
    /// it was.
    fn tell_loss(
        &mut self,
        session: &Session,
        blocked: &Blocked,
        cx: &mut Cx<'_, NoMessage>,
    ) -> bool {
        let Some(error) = blocked.at_loss else {
            return false;
        };
        self.statistics.note_error(error.as_bytes());
        let now_ms = cx.wall().unix_millis() as i64;
        self.note_unblocked(session, blocked, Span::ZERO, true, now_ms);
        let mut out = Vec::new();
        Frame::Error(error.as_bytes()).encode(&mut out);
        self.reply_later(session, &out, cx);
        true
    }

    /// Answers a command that was left unanswered.
    fn reply_later(&self, session: &Session, out: &[u8], cx: &mut Cx<'_, NoMessage>) {
        if !session.marks.are_quiet() {
            cx.reply(session.conn).write(out);
        }
    }

    /// Tells those who have waited long enough.
    pub(super) fn time_out_blocked(&mut self, cx: &mut Cx<'_, NoMessage>) {
        while let Some(&(until, conn)) = self.waiting.by_time.first()
            && until <= cx.now()
        {
            if !self.unblock(conn, Unblock::TimeUp, cx) {
                self.waiting.by_time.remove(&(until, conn));
            }
        }
    }

    /// Ends a wait in vain, and says whether there was one.
    pub(super) fn unblock(
        &mut self,
        conn: ConnId,
        why: Unblock,
        cx: &mut Cx<'_, NoMessage>,
    ) -> bool {
        let Some(mut client) = self.clients.take(conn) else {
            return false;
        };
        let stopped = self.stop_waiting(&mut client.session);
        if let Some(blocked) = &stopped {
            let out = blocked.farewell(&client.session, why);
            self.statistics.note_reply(&out);
            // One that another ends counts as failed, whatever it is told.
            let has_failed = why != Unblock::TimeUp;
            let now_ms = cx.wall().unix_millis() as i64;
            self.note_unblocked(&client.session, blocked, Span::ZERO, has_failed, now_ms);
            self.reply_later(&client.session, &out, cx);
        }
        self.clients.give_back(conn, client);
        stopped.is_some()
    }
}

impl Blocked {
    /// What is told at the end of a wait in vain.
    fn farewell(&self, session: &Session, why: Unblock) -> Vec<u8> {
        let mut out = Vec::new();
        let frame = match self.at_timeout {
            _ if why == Unblock::WithError => {
                Frame::Error(b"UNBLOCKED client unblocked via CLIENT UNBLOCK")
            }
            AtTimeout::NullArray => Frame::NullArray,
            AtTimeout::Integer(number) => Frame::Integer(number),
        };
        frame.encode_in(session.protocol, &mut out);
        out
    }
}

/// A reply that is only there if there was something.
pub(crate) fn served<'c>(outcome: Outcome<'c>) -> Result<bool, ErrorReply<'c>> {
    outcome.map(|()| true)
}
