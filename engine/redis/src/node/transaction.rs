//! MULTI, EXEC and WATCH (`redis:src/multi.c`).
//!
//! A watched key is dirty once any command, the expiry or an eviction has changed it. A key that
//! was expired when it was watched may vanish without being dirty; one that expires afterwards is
//! dirty at EXEC even though nobody has removed it.

use super::call::Call;
use super::client::{Marks, Session};
use super::error::ErrorReply;
use super::{After, Node};
use crate::command::{self, CommandSpec, Flags, commands};
use crate::keyspace::Change;
use crate::resp::Frame;
use kvrig_base::id::ConnId;
use kvrig_base::seam::{Counter, Work};
use kvrig_base::time::Time;
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

commands! { Transactions;
    "discard", 1, [NOSCRIPT LOADING STALE FAST ALLOW_BUSY], NONE, "2.0.0" => Node(discard);
    "exec", 1, [NOSCRIPT LOADING STALE SKIP_SLOWLOG], NONE, "1.2.0" => Node(exec);
    "multi", 1, [NOSCRIPT LOADING STALE FAST ALLOW_BUSY], NONE, "1.2.0" => Node(multi);
    "unwatch", 1, [NOSCRIPT LOADING STALE FAST ALLOW_BUSY], NONE, "2.2.0" => Node(unwatch);
    "watch", -2, [NOSCRIPT LOADING STALE FAST ALLOW_BUSY], ALL, "2.2.0" => Node(watch);
}

/// A command that waits for EXEC.
#[derive(Debug)]
struct Queued {
    spec: &'static CommandSpec,
    args: Vec<Box<[u8]>>,
}

/// A key that a connection watches.
#[derive(Debug)]
struct Watched {
    database: usize,
    key: Box<[u8]>,
    /// Whether it was there with its time passed.
    was_expired: bool,
}

/// What EXEC has still to carry out.
#[derive(Debug)]
pub(super) struct Rest {
    queue: VecDeque<Queued>,
    /// How many there were.
    count: usize,
    begun: Time,
    /// What is to be done behind them all.
    after: After,
}

/// What a connection has queued and watches.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    queue: Vec<Queued>,
    watched: Vec<Watched>,
}

impl Transaction {
    /// Number of commands that are queued.
    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }
    /// Whether a command with these flags is queued.
    pub(super) fn has_any(&self, flags: Flags) -> bool {
        let mut queue = self.queue.iter();
        queue.any(|queued| queued.spec.flags.has(flags))
    }
}

/// Who watches what: the connections by database and key, each once.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    by_key: BTreeMap<(usize, Box<[u8]>), Vec<ConnId>>,
}

/// Why a command is not carried out.
pub(super) struct Refusal<'c> {
    error: ErrorReply<'c>,
    is_exec: bool,
}

impl Refusal<'_> {
    /// The reply; EXEC says that it ends the transaction (execCommandAbort).
    pub(super) fn text(&self) -> Cow<'static, [u8]> {
        let text = self.error.text();
        if !self.is_exec {
            return text;
        }
        let reason = text.strip_prefix(b"ERR ").unwrap_or(&text);
        let before = b"EXECABORT Transaction discarded because of: ";
        Cow::Owned([before, reason].concat())
    }
}

/// Queues a command (queueMultiCommand), which copies its arguments.
pub(super) fn queue(
    session: &mut Session,
    spec: &'static CommandSpec,
    args: &[&[u8]],
    out: &mut Vec<u8>,
    work: &mut Work,
) {
    // What can no longer be carried out is not kept.
    let is_lost = Marks::DIRTY_EXEC.and(Marks::DIRTY_WATCH);
    if session.marks.has_any(is_lost) {
        Frame::Simple("QUEUED").encode(out);
        return;
    }
    let bytes: usize = args.iter().map(|arg| arg.len()).sum();
    work.count(Counter::BytesCopied, bytes as u64);
    work.count(Counter::AllocationsSmall, args.len() as u64 + 1);
    let args = args.iter().map(|arg| Box::from(*arg)).collect();
    session.transaction.queue.push(Queued { spec, args });
    Frame::Simple("QUEUED").encode(out);
}

/// MULTI.
fn multi<'c>(
    _: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    if session.marks.has_any(Marks::MULTI) {
        return Err(ErrorReply::Fixed("ERR MULTI calls can not be nested"));
    }
    session.marks.set(Marks::MULTI, true);
    call.reply_ok().map(|()| After::Continue)
}

/// DISCARD.
fn discard<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    if !session.marks.has_any(Marks::MULTI) {
        return Err(ErrorReply::Fixed("ERR DISCARD without MULTI"));
    }
    node.discard_transaction(session);
    call.reply_ok().map(|()| After::Continue)
}

/// WATCH.
fn watch<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    if session.marks.has_any(Marks::MULTI) {
        return Err(ErrorReply::Fixed("ERR WATCH inside MULTI is not allowed"));
    }
    // A connection whose keys are dirty already need not watch more.
    if !session.marks.has_any(Marks::DIRTY_WATCH) {
        for key in &call.args[1..] {
            node.watch_key(session, key, call.now_ms);
        }
    }
    call.reply_ok().map(|()| After::Continue)
}

/// UNWATCH.
fn unwatch<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    node.unwatch_all(session);
    session.marks.set(Marks::DIRTY_WATCH, false);
    call.reply_ok().map(|()| After::Continue)
}

/// EXEC.
fn exec<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    if !session.marks.has_any(Marks::MULTI) {
        return Err(ErrorReply::Fixed("ERR EXEC without MULTI"));
    }
    let has_failed = session.marks.has_any(Marks::DIRTY_EXEC);
    let is_dirty =
        session.marks.has_any(Marks::DIRTY_WATCH) || node.has_expired_watch(session, call.now_ms);
    let queue = std::mem::take(&mut session.transaction.queue);
    node.discard_transaction(session);
    if has_failed {
        return Err(ErrorReply::Fixed(
            "EXECABORT Transaction discarded because of previous errors.",
        ));
    }
    if is_dirty {
        return call.reply(Frame::NullArray).map(|()| After::Continue);
    }
    session.marks.set(Marks::DENY_BLOCKING, true);
    call.reply(Frame::Array(queue.len()))?;
    let rest = Rest {
        count: queue.len(),
        queue: queue.into(),
        begun: call.now,
        after: After::Continue,
    };
    Ok(node.carry_out_rest(session, rest, call))
}

impl Node {
    /// Takes note that a command was refused: EXEC fails from then on (rejectCommand).
    pub(super) fn refuse<'c>(
        &mut self,
        session: &mut Session,
        args: &'c [&'c [u8]],
        error: ErrorReply<'c>,
    ) -> Refusal<'c> {
        let is_exec = args[0].eq_ignore_ascii_case(b"exec");
        self.statistics.note_rejected(command::look_up(args));
        if is_exec {
            self.discard_transaction(session);
        } else if session.marks.has_any(Marks::MULTI) {
            session.marks.set(Marks::DIRTY_EXEC, true);
        }
        Refusal { error, is_exec }
    }

    /// Carries out what was queued, up to a script that holds the node or to the end.
    fn carry_out_rest(
        &mut self,
        session: &mut Session,
        mut rest: Rest,
        call: &mut Call<'_>,
    ) -> After {
        while let Some(queued) = rest.queue.pop_front() {
            match self.carry_out_queued(session, &queued, call) {
                After::Continue => {}
                After::Suspend => {
                    if let Some(held) = &mut self.scripts.held {
                        held.keep_rest(rest);
                    }
                    return After::Suspend;
                }
                After::Wait => {
                    self.park(session, rest, call);
                    return After::Wait;
                }
                after => rest.after = after,
            }
        }
        session.marks.set(Marks::DENY_BLOCKING, false);
        call.work.count(Counter::Frees, rest.count as u64);
        rest.after
    }

    /// The same behind a script that has held the node, or a wait; EXEC itself is counted at the end.
    pub(super) fn go_on_with_transaction(
        &mut self,
        session: &mut Session,
        rest: Rest,
        call: &mut Call<'_>,
    ) -> After {
        let begun = rest.begun;
        let after = self.carry_out_rest(session, rest, call);
        if !matches!(after, After::Suspend | After::Wait) {
            let took = call.now.saturating_add(call.work.spent()).since(begun);
            call.spec = command::find(b"exec").expect("it is in the table");
            self.note_done(session, call, 0, Some(took));
        }
        after
    }

    fn carry_out_queued(
        &mut self,
        session: &mut Session,
        queued: &Queued,
        outer: &mut Call<'_>,
    ) -> After {
        let args: Vec<&[u8]> = queued.args.iter().map(|arg| &**arg).collect();
        outer.work.count(Counter::Commands, 1);
        let mut call = Call {
            spec: queued.spec,
            args: &args,
            now_ms: outer.now_ms,
            now: outer.now,
            protocol: session.protocol,
            out: &mut *outer.out,
            work: &mut *outer.work,
        };
        let start = call.out.len();
        self.feed_monitors(session, call.spec, &args, call.now_ms);
        let after = self.carry_out(session, &mut call);
        if session.marks.are_quiet() {
            outer.out.truncate(start);
        }
        after
    }

    fn watch_key(&mut self, session: &mut Session, key: &[u8], now_ms: i64) {
        let database = session.database;
        let is_same = |watched: &Watched| watched.database == database && *watched.key == *key;
        if session.transaction.watched.iter().any(is_same) {
            return;
        }
        let watchers = self.watchers.by_key.entry((database, key.into()));
        watchers.or_default().push(session.conn);
        let keys = self.keyspace.database_mut(database);
        keys.observe(key);
        let was_expired = keys.has_expired(key, now_ms);
        self.pending.observers += 1;
        session.transaction.watched.push(Watched {
            database,
            key: key.into(),
            was_expired,
        });
    }

    /// Lets a connection watch nothing (unwatchAllKeys).
    pub(super) fn unwatch_all(&mut self, session: &mut Session) {
        for watched in session.transaction.watched.drain(..) {
            let database = self.keyspace.database_mut(watched.database);
            database.stop_observing(&watched.key);
            self.pending.observers -= 1;
            let place = (watched.database, watched.key);
            if let Some(watchers) = self.watchers.by_key.get_mut(&place) {
                watchers.retain(|conn| *conn != session.conn);
                if watchers.is_empty() {
                    self.watchers.by_key.remove(&place);
                }
            }
        }
    }

    /// Forgets what is queued and watched (discardTransaction).
    pub(super) fn discard_transaction(&mut self, session: &mut Session) {
        session.transaction.queue = Vec::new();
        let marks = Marks::MULTI.and(Marks::DIRTY_EXEC).and(Marks::DIRTY_WATCH);
        session.marks.set(marks, false);
        self.unwatch_all(session);
    }

    /// Whether the time of a watched key has passed since it is watched.
    fn has_expired_watch(&self, session: &Session, now_ms: i64) -> bool {
        session.transaction.watched.iter().any(|watched| {
            let database = self.keyspace.database(watched.database);
            !watched.was_expired && database.has_expired(&watched.key, now_ms)
        })
    }

    /// Tells a change to those who watch the key (touchWatchedKey).
    pub(super) fn touch_watchers(&mut self, database: usize, change: &Change) {
        let place = (database, change.key.clone());
        let Some(watchers) = self.watchers.by_key.get(&place) else {
            return;
        };
        for &conn in watchers {
            let Some(client) = self.clients.get_mut(conn) else {
                continue;
            };
            let is_it =
                |watched: &&mut Watched| watched.database == database && watched.key == place.1;
            let watched = client.session.transaction.watched.iter_mut().find(is_it);
            match watched {
                // The expired key has only been removed.
                Some(watched) if watched.was_expired && !change.is_present => {
                    watched.was_expired = false;
                }
                _ => client.session.marks.set(Marks::DIRTY_WATCH, true),
            }
        }
    }
}
