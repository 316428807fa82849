//! Snapshots: SAVE, BGSAVE, LASTSAVE, save points, and the child that writes.
//!
//! A snapshot is written by a forked child while the node goes on, or by the node itself, which then
//! does nothing else (SAVE, SHUTDOWN, DEBUG RELOAD and, where there are save points, FLUSHALL).

use super::aftermath::Pending;
use super::call::{Call, is_option};
use super::client::{Marks, Session};
use super::error::ErrorReply;
use super::reload::{How, Reload};
use super::{After, NoMessage, Node};
use crate::rdb::{self, Loaded, Snapshot};
use crate::resp::Frame;
use kvrig_base::id::{ConnId, JobId, Ticket};
use kvrig_base::seam::{ChildHost, ChildOutcome, Cx, Effect, FileOp};
use kvrig_tables::ResizePolicy;

/// Seconds that must pass after a snapshot that failed before the timer begins another
/// (CONFIG_BGSAVE_RETRY_DELAY).
const RETRY_DELAY_S: u64 = 5;
macro_rules! misconf {
    () => {
        "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error."
    };
}
/// What a write is told while snapshots fail (writeCommandsGetDiskErrorMessage), and what a script is
/// told that writes.
pub(super) const MISCONF: &str = misconf!();
pub(super) const SCRIPT_MISCONF: &str = concat!("-", misconf!());
/// Names the removal of the file of a child that was ended.
const UNLINK: Ticket = Ticket(1);

/// What the node remembers of its snapshots.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    child: Option<Child>,
    own: Option<Own>,
    /// A file that is being loaded.
    pub(super) reload: Option<Reload>,
    jobs: u32,
    /// BGSAVE was asked for where no child could be forked (rdb_bgsave_scheduled).
    is_scheduled: bool,
    /// Unix seconds of the last snapshot; at first of the start, as in Redis.
    last_s: Option<u64>,
    /// Unix seconds of the last attempt to write one in the background.
    last_try_s: u64,
    /// The last attempt has failed (lastbgsave_status).
    has_failed: bool,
    /// How long the last child took, in seconds.
    last_took_s: Option<u64>,
    /// Attempts since the start.
    pub(super) saves: u64,
    /// Changes since the last snapshot (dirty).
    pub(super) changes: u64,
    /// What the last loaded snapshot has brought.
    pub(super) loaded: Loaded,
}

/// A child that lives.
#[derive(Debug)]
struct Child {
    job: JobId,
    snapshot: Snapshot,
    begun_s: u64,
    /// Changes that it writes down.
    changes: u64,
    /// It was ended, which is no failure.
    is_ended: bool,
}

/// A snapshot that the node writes itself.
#[derive(Debug)]
struct Own {
    job: JobId,
    snapshot: Snapshot,
    purpose: Purpose,
    /// Whether the host was asked to let it begin.
    is_begun: bool,
    /// Connections whose input goes on behind it.
    held: Vec<ConnId>,
}

/// What a snapshot is written for by the node itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// This connection waits for it.
    Save(ConnId),
    /// All keys were removed, which the file is to show.
    Flush,
    /// The process is to end; this connection hears of a failure, unless the end is forced.
    Exit {
        conn: Option<ConnId>,
        is_forced: bool,
    },
    /// The file is to be loaded, for this connection.
    Reload { conn: ConnId, how: How },
}

impl Snapshots {
    /// Whether a child lives. The timer then leaves the tables alone.
    pub(super) fn has_child(&self) -> bool {
        self.child.is_some()
    }
    /// Whether the node itself writes a snapshot or loads one: it reads no command until that is done.
    #[inline]
    pub(super) fn holds_node(&self) -> bool {
        self.own.is_some() || self.reload.is_some()
    }
    /// Lets the input of a connection go on behind what holds the node.
    pub(super) fn hold(&mut self, conn: ConnId) {
        if let Some(own) = &mut self.own {
            own.held.push(conn);
        } else if let Some(reload) = &mut self.reload {
            reload.hold(conn);
        }
    }
    /// Unix seconds of the last snapshot, at first of the start.
    pub(super) fn last_s(&self) -> u64 {
        self.last_s.unwrap_or(0)
    }
    /// Whether the last attempt has failed.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed
    }
    /// How long the last child took, in seconds.
    pub(super) fn last_took_s(&self) -> Option<u64> {
        self.last_took_s
    }
    /// For how long the present child has lived, in seconds.
    pub(super) fn taking_s(&self, unix_s: u64) -> Option<u64> {
        let child = self.child.as_ref()?;
        Some(unix_s.saturating_sub(child.begun_s))
    }
    /// Says when the node began to live.
    pub(super) fn started(&mut self, unix_s: u64) {
        self.last_s.get_or_insert(unix_s);
    }
    fn next_job(&mut self) -> JobId {
        let job = JobId(self.jobs);
        self.jobs = self.jobs.wrapping_add(1);
        job
    }
    /// The timer and BGSAVE wait for a while behind a failure.
    fn may_try(&self, unix_s: u64) -> bool {
        !self.has_failed || unix_s.saturating_sub(self.last_try_s) > RETRY_DELAY_S
    }
}

/// BGSAVE. In a transaction, where no child is forked, the timer begins it; so does it behind another
/// kind of child, of which there is none.
pub(super) fn bgsave<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    match call.args {
        [_] => {}
        [_, option] if is_option(option, "schedule") => {}
        _ => return Err(ErrorReply::Syntax),
    }
    if node.snapshots.has_child() {
        return Err(ErrorReply::AlreadySaving);
    }
    if session.marks.has_any(Marks::DENY_BLOCKING) {
        node.snapshots.is_scheduled = true;
        call.reply(Frame::Simple("Background saving scheduled"))?;
        return Ok(After::Continue);
    }
    let job = node.begin_child(call.now_ms as u64 / 1_000);
    call.reply(Frame::Simple("Background saving started"))?;
    Ok(After::Fork { job })
}

/// SAVE.
pub(super) fn save<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    if node.snapshots.has_child() {
        return Err(ErrorReply::AlreadySaving);
    }
    node.write_itself(Purpose::Save(session.conn), call.now_ms as u64 / 1_000);
    Ok(After::Wait)
}

/// LASTSAVE.
pub(super) fn lastsave<'c>(
    node: &mut Node,
    _: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    call.reply_integer(node.snapshots.last_s() as i64)
        .map(|()| After::Continue)
}

impl Node {
    fn snapshot(&self, job: JobId, created_s: u64) -> Snapshot {
        Snapshot {
            name: self.config.dbfilename.clone(),
            temporary_name: format!("temp-{job}.rdb"),
            created_s,
            used_memory: self.keyspace.used_memory(),
            compresses: self.config.rdbcompression,
            keeps_usage: self.config.maxmemory_policy.asks_for_uses(),
        }
    }

    /// Prepares a child, which the host is then to fork (rdbSaveBackground).
    fn begin_child(&mut self, now_s: u64) -> JobId {
        let job = self.snapshots.next_job();
        let snapshot = self.snapshot(job, now_s);
        let snapshots = &mut self.snapshots;
        snapshots.saves += 1;
        snapshots.last_try_s = now_s;
        snapshots.child = Some(Child {
            job,
            snapshot,
            begun_s: now_s,
            changes: snapshots.changes,
            is_ended: false,
        });
        self.keyspace.set_resize_policy(ResizePolicy::Avoid);
        // Writing down when keys are used would make the system copy their pages.
        self.keyspace.stop_tracking_use();
        job
    }

    /// Lets the node write a snapshot itself once the present command has ended (rdbSave).
    pub(super) fn write_itself(&mut self, purpose: Purpose, now_s: u64) {
        let job = self.snapshots.next_job();
        let snapshot = self.snapshot(job, now_s);
        self.snapshots.saves += u64::from(matches!(purpose, Purpose::Save(_)));
        self.snapshots.own = Some(Own {
            job,
            snapshot,
            purpose,
            is_begun: false,
            held: Vec::new(),
        });
        self.pending.is_due = true;
    }

    /// Asks the host for what a command left to be written.
    pub(super) fn begin_own_snapshot(&mut self, cx: &mut Cx<'_, NoMessage>) {
        if let Some(own) = self.snapshots.own.as_mut().filter(|own| !own.is_begun) {
            own.is_begun = true;
            let job = own.job;
            cx.effect(Effect::Perform { job });
        }
        self.begin_reload(cx);
        self.begin_rewrite(cx);
    }

    /// Asks the host to end the child, if there is one.
    pub(super) fn end_child(&mut self) {
        if let Some(child) = &mut self.snapshots.child {
            child.is_ended = true;
            self.pending.end_child(child.job);
        }
    }

    /// Begins a snapshot where a save point is reached, or one is scheduled (serverCron).
    pub(super) fn heed_save_points(&mut self, cx: &mut Cx<'_, NoMessage>) {
        let snapshots = &self.snapshots;
        if snapshots.has_child() || snapshots.holds_node() {
            return;
        }
        let now_s = cx.wall().unix_secs();
        let idle_s = now_s.saturating_sub(snapshots.last_s());
        let is_reached = self
            .config
            .save_points
            .iter()
            .any(|point| snapshots.changes >= point.changes && idle_s > point.seconds);
        if (is_reached || snapshots.is_scheduled) && snapshots.may_try(now_s) {
            self.snapshots.is_scheduled = false;
            let job = self.begin_child(now_s);
            cx.effect(Effect::Fork { job });
        }
    }

    /// Whether writes are refused because snapshots fail (writeCommandsDeniedByDiskError).
    #[inline]
    pub(super) fn refuses_writes(&self) -> bool {
        self.snapshots.has_failed
            && self.config.stop_writes_on_bgsave_error
            && !self.config.save_points.is_empty()
    }

    /// Takes note of the end of a child, or of what the node has written itself.
    pub(super) fn child_exit(
        &mut self,
        job: JobId,
        outcome: ChildOutcome,
        cx: &mut Cx<'_, NoMessage>,
    ) {
        self.tick(cx.wall());
        if let Some(own) = self.snapshots.own.take_if(|own| own.job == job) {
            return self.own_snapshot_ended(own, outcome, cx);
        }
        let Some(child) = self.snapshots.child.take_if(|child| child.job == job) else {
            return;
        };
        self.keyspace.set_resize_policy(ResizePolicy::Allow);
        let now_s = cx.wall().unix_secs();
        let snapshots = &mut self.snapshots;
        snapshots.last_took_s = Some(now_s.saturating_sub(child.begun_s));
        match outcome {
            ChildOutcome::Done => {
                snapshots.last_s = Some(now_s);
                snapshots.has_failed = false;
                snapshots.changes = snapshots.changes.saturating_sub(child.changes);
            }
            // Who ended it leaves no file behind.
            ChildOutcome::Failed if child.is_ended => cx.effect(Effect::File {
                ticket: UNLINK,
                op: FileOp::Unlink {
                    name: child.snapshot.temporary_name,
                },
                holds_core: false,
            }),
            ChildOutcome::Failed => snapshots.has_failed = true,
        }
        self.tick(cx.wall());
    }

    fn own_snapshot_ended(&mut self, own: Own, outcome: ChildOutcome, cx: &mut Cx<'_, NoMessage>) {
        let is_done = outcome == ChildOutcome::Done;
        if is_done {
            let snapshots = &mut self.snapshots;
            snapshots.changes = 0;
            snapshots.last_s = Some(cx.wall().unix_secs());
            snapshots.has_failed = false;
        }
        match own.purpose {
            Purpose::Flush => {}
            Purpose::Save(conn) => {
                let reply: &[u8] = if is_done { b"+OK\r\n" } else { b"-ERR\r\n" };
                self.answer_later(conn, reply);
            }
            Purpose::Exit { conn, is_forced } => match is_done || is_forced {
                true => cx.effect(Effect::Exit),
                false => self.shutdown_failed(conn),
            },
            Purpose::Reload { conn, how } if is_done => {
                self.wait_for_file(conn, how, own.held);
                return self.begin_reload(cx);
            }
            Purpose::Reload { conn, .. } => self.answer_later(conn, b"-ERR\r\n"),
        }
        self.go_on_after(&own.held, cx);
    }

    /// Answers a connection that has waited.
    pub(super) fn answer_later(&mut self, conn: ConnId, reply: &[u8]) {
        self.statistics.note_reply(reply);
        if !self.answer_parked(conn, reply) {
            self.pending.send(conn, reply.to_vec());
        }
    }
    /// Lets the input of connections go on that was held.
    pub(super) fn go_on_after(&mut self, held: &[ConnId], cx: &mut Cx<'_, NoMessage>) {
        self.go_on_with_parked(cx);
        match self.is_held() {
            // The transaction waits once more.
            true => held.iter().for_each(|conn| self.hold_on(*conn)),
            false => held.iter().for_each(|conn| self.pending.resume(*conn)),
        }
        if self.pending.is_any() {
            self.aftermath(cx);
        }
    }

    /// What a child does, and what the node does itself.
    pub(super) fn write_snapshot(&self, job: JobId, child: &mut dyn ChildHost) -> ChildOutcome {
        let of_child = self.snapshots.child.as_ref();
        let of_child = of_child.map(|child| (child.job, &child.snapshot));
        let own = self.snapshots.own.as_ref();
        let own = own.map(|own| (own.job, &own.snapshot));
        let asked = [of_child, own].into_iter().flatten();
        let Some((_, snapshot)) = asked.into_iter().find(|(of, _)| *of == job) else {
            return ChildOutcome::Failed;
        };
        match rdb::save(&self.keyspace, snapshot, child) {
            Ok(()) => ChildOutcome::Done,
            Err(_) => ChildOutcome::Failed,
        }
    }
}

impl Pending {
    /// Ends a child.
    fn end_child(&mut self, job: JobId) {
        self.ended_children.push(job);
        self.is_due = true;
    }
}
