//! What follows a command: messages to other connections, keys that others watch or wait for, and
//! connections that go on.

use super::blocking::Unblock;
use super::client::Marks;
use super::{After, NoMessage, Node};
use kvrig_base::id::{ConnId, JobId};
use kvrig_base::seam::{Counter, Counts, Cx, Effect};
use std::collections::VecDeque;

/// What is still to be done once the present command has been answered.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Keys that are watched or waited for, each as often as it is.
    pub(super) observers: usize,
    /// Whether any of the rest is there.
    pub(super) is_due: bool,
    /// Bytes for other connections.
    messages: Vec<(ConnId, Vec<u8>)>,
    /// Connections whose wait another ends.
    unblocked: Vec<(ConnId, Unblock)>,
    /// Connections to be closed.
    closing: Vec<ConnId>,
    /// Connections whose input goes on.
    resumed: VecDeque<ConnId>,
    /// Keys that have come while a script held the node, to those who wait for them.
    pub(super) ready: Vec<(usize, Box<[u8]>)>,
    /// What a thread is to release, and how many times it was given something.
    released: Vec<Counts>,
    releases: u32,
    /// Children that the host is to end.
    pub(super) ended_children: Vec<JobId>,
    /// Whether this is being done.
    is_running: bool,
}

impl Pending {
    /// Whether anything may follow the present command.
    #[inline]
    pub(super) fn is_any(&self) -> bool {
        self.is_due | (self.observers > 0)
    }
    /// Sends bytes to a connection.
    pub(super) fn send(&mut self, conn: ConnId, bytes: Vec<u8>) {
        self.messages.push((conn, bytes));
        self.is_due = true;
    }
    /// Ends a connection's wait.
    pub(super) fn unblock(&mut self, conn: ConnId, why: Unblock) {
        self.unblocked.push((conn, why));
        self.is_due = true;
    }
    /// Closes a connection.
    pub(super) fn close(&mut self, conn: ConnId) {
        self.closing.push(conn);
        self.is_due = true;
    }
    /// Leaves the release of memory to a thread.
    pub(super) fn release_aside(&mut self, counts: Counts) {
        self.released.push(counts);
        self.is_due = true;
    }
    /// Forgets what concerns a connection that is gone.
    pub(super) fn forget(&mut self, conn: ConnId) {
        self.messages.retain(|(to, _)| *to != conn);
        self.closing.retain(|closing| *closing != conn);
        self.unblocked.retain(|(blocked, _)| *blocked != conn);
        self.resumed.retain(|resumed| *resumed != conn);
    }
    /// Lets the input of a connection go on.
    pub(super) fn resume(&mut self, conn: ConnId) {
        self.resumed.push_back(conn);
        self.is_due = true;
    }
}

impl Node {
    /// Does what follows a command. No connection is taken out meanwhile.
    pub(super) fn aftermath(&mut self, cx: &mut Cx<'_, NoMessage>) {
        if self.pending.is_running {
            return;
        }
        if self.is_busy() {
            self.aftermath_while_busy(cx);
            return;
        }
        self.pending.is_running = true;
        self.release_aside(cx);
        for job in std::mem::take(&mut self.pending.ended_children) {
            cx.effect(Effect::EndChild { job });
        }
        self.begin_own_snapshot(cx);
        loop {
            self.send_messages(cx);
            self.heed_changes(cx);
            self.tell_rest(cx);
            self.send_messages(cx);
            for (conn, why) in std::mem::take(&mut self.pending.unblocked) {
                self.unblock(conn, why, cx);
            }
            self.close_pending(cx);
            let Some(conn) = self.pending.resumed.pop_front() else {
                if self.pending.messages.is_empty() && self.pending.closing.is_empty() {
                    break;
                }
                continue;
            };
            self.go_on(conn, cx);
            if self.is_busy() {
                // The rest goes on when the script is over.
                self.pending.is_running = false;
                return self.aftermath_while_busy(cx);
            }
        }
        self.pending.is_due = false;
        self.pending.is_running = false;
    }

    /// Tells what has happened to keys outside of commands.
    pub(super) fn tell_rest(&mut self, cx: &mut Cx<'_, NoMessage>) {
        if self.config.notify_keyspace_events.are_heard() {
            self.tell_notices(None, cx.work);
        }
    }

    /// Lets threads release what was given to them.
    pub(super) fn release_aside(&mut self, cx: &mut Cx<'_, NoMessage>) {
        for counts in std::mem::take(&mut self.pending.released) {
            let job = JobId(self.pending.releases);
            self.pending.releases = self.pending.releases.wrapping_add(1);
            cx.effect(Effect::Offload { job, counts });
        }
    }

    /// Closes the connections that are to be closed.
    pub(super) fn close_pending(&mut self, cx: &mut Cx<'_, NoMessage>) {
        for conn in std::mem::take(&mut self.pending.closing) {
            if let Some(client) = self.clients.get_mut(conn) {
                client.is_closing = true;
                cx.effect(Effect::Close { conn });
            }
        }
    }

    /// Sends the bytes that are for other connections.
    pub(super) fn send_messages(&mut self, cx: &mut Cx<'_, NoMessage>) {
        for (conn, bytes) in std::mem::take(&mut self.pending.messages) {
            let client = self.clients.get(conn);
            let is_heard = client.is_some_and(|client| !client.is_closing);
            if is_heard {
                cx.work.count(Counter::BytesCopied, bytes.len() as u64);
                cx.reply(conn).write(&bytes);
            }
        }
    }

    /// Takes the changes of observed keys over to those who watch them or wait for them.
    pub(super) fn heed_changes(&mut self, cx: &mut Cx<'_, NoMessage>) {
        let is_busy = self.is_busy();
        if !is_busy {
            for (database, key) in std::mem::take(&mut self.pending.ready) {
                self.serve_blocked(database, &key, cx);
            }
        }
        if self.pending.observers == 0 {
            return;
        }
        for database in 0..self.keyspace.used() {
            loop {
                let changes = self.keyspace.database_mut(database).take_changes();
                if changes.is_empty() {
                    break;
                }
                for change in changes {
                    if change.concerns.watchers() {
                        self.touch_watchers(database, &change);
                    }
                    match change.concerns.waiters() {
                        true if is_busy => self.pending.serve_later(database, change.key),
                        true => self.serve_blocked(database, &change.key, cx),
                        false => {}
                    }
                }
            }
        }
    }

    /// Goes on with the input of a connection that was blocked or paused.
    fn go_on(&mut self, conn: ConnId, cx: &mut Cx<'_, NoMessage>) {
        cx.effect(Effect::ResumeReading { conn });
        if let Some(client) = self.clients.get_mut(conn) {
            client.session.marks.set(Marks::REPLY_SKIP, false);
        }
        while let Some(client) = self.clients.get_mut(conn)
            && client.session.blocked.is_none()
            && !client.is_closing
            && !self.scripts.is_held_by(conn)
            && !self.snapshots.holds_node()
            && self.halted.is_none()
            && let Some(args) = client.postponed.pop_front()
        {
            let slices: Vec<&[u8]> = args.iter().map(|arg| &**arg).collect();
            if self.carry_out_whole(conn, &slices, cx) == After::Postpone {
                if let Some(client) = self.clients.get_mut(conn) {
                    client.postponed.push_front(args);
                }
                break;
            }
            self.send_messages(cx);
            self.heed_changes(cx);
        }
    }
}
