//! The periodic timer (`redis:src/server.c`, serverCron and databasesCron).

use super::Node;
use super::client::Marks;
use crate::config::HZ_MAX;
use kvrig_base::seam::{Cause, Cx, Work};
use kvrig_base::time::{Span, Time};

/// Databases that one run of the timer looks at (CRON_DBS_PER_CALL).
const DATABASES_PER_RUN: usize = 16;
/// Time that one run gives to a rehash: 1 ms, of one table.
const REHASH_BUDGET: Span = Span::from_millis(1);
/// Clients for each run of the timer above which dynamic-hz doubles its rate
/// (MAX_CLIENTS_PER_CLOCK_TICK).
const CLIENTS_PER_RUN_MAX: u64 = 200;
/// The first run is so long after the start.
const FIRST_RUN: Span = Span::from_millis(1);

/// Where the timer stands.
#[derive(Debug)]
pub(super) struct Cron {
    /// The next run.
    pub(super) due: Time,
    /// When idle connections are looked for next.
    idle_due: Time,
    /// The database whose size is checked next.
    resize_next: usize,
    /// The database whose rehash is helped next.
    rehash_next: usize,
}

impl Cron {
    pub(super) fn new() -> Self {
        Self {
            due: Time::START.saturating_add(FIRST_RUN),
            idle_due: Time::START,
            resize_next: 0,
            rehash_next: 0,
        }
    }
}

impl Node {
    /// Does what is due: goes on with an eviction, and runs the timer. The next run follows one
    /// period after the end of this one.
    pub(super) fn deadline(&mut self, cx: &mut Cx<'_, super::NoMessage>) {
        if self.is_busy() {
            return self.go_on_with_script(cx);
        }
        if !self.wake_if_due(cx) {
            return;
        }
        let now_ms = cx.wall().unix_millis() as i64;
        self.go_on_evicting((cx.now(), now_ms), cx.work);
        self.go_on_after_waits(cx);
        if cx.now() < self.cron.due {
            return;
        }
        self.tick(cx.wall());
        self.close_idle(cx.now());
        self.note_memory();
        self.expire_slowly(cx);
        self.heed_save_points(cx);
        // While a child lives, tables are left as they are (hasActiveChildProcess).
        if !self.snapshots.has_child() {
            cx.work
                .caused_by(Cause::Cron, |work| self.databases_cron(work));
        }
        let period = Span::from_micros(1_000_000 / self.runs_per_second());
        self.cron.due = cx.now().saturating_add(cx.spent()).saturating_add(period);
    }

    /// Ends the waits and the pause whose time is up.
    fn go_on_after_waits(&mut self, cx: &mut Cx<'_, super::NoMessage>) {
        self.time_out_blocked(cx);
        if self.pause.end().is_some_and(|end| end <= cx.now()) {
            self.end_pause();
        }
        if self.pending.is_any() {
            self.aftermath(cx);
        }
    }

    pub(super) fn runs_per_second(&self) -> u64 {
        let mut hz = u64::from(self.config.hz);
        while self.config.dynamic_hz && self.clients.count() as u64 / hz > CLIENTS_PER_RUN_MAX {
            hz *= 2;
            if hz > HZ_MAX {
                return HZ_MAX;
            }
        }
        hz
    }

    /// Closes the connections that have sent no command for too long, once a second
    /// (clientsCronHandleTimeout). Those that wait or listen are left alone.
    fn close_idle(&mut self, now: Time) {
        if self.config.timeout_s == 0 || now < self.cron.idle_due {
            return;
        }
        self.cron.idle_due = now.saturating_add(Span::from_secs(1));
        let patience = Span::from_secs(self.config.timeout_s.into());
        let spared = Marks::SUBSCRIBED.and(Marks::MONITOR);
        for client in self.clients.iter() {
            let session = &client.session;
            let is_spared = session.marks.has_any(spared) || session.blocked.is_some();
            if !is_spared && now.since(session.used_at) > patience {
                self.pending.close(session.conn);
            }
        }
    }

    /// Checks sizes, then helps the first rehash that it finds; the next run begins with that
    /// database again.
    fn databases_cron(&mut self, work: &mut Work) {
        let count = self.keyspace.count();
        let databases = DATABASES_PER_RUN.min(count);
        for _ in 0..databases {
            let index = self.cron.resize_next;
            self.keyspace.cron_resize(index, work);
            self.cron.resize_next = (index + 1) % count;
        }
        if !self.config.activerehashing {
            return;
        }
        for _ in 0..databases {
            let index = self.cron.rehash_next;
            if self.keyspace.cron_rehash(index, REHASH_BUDGET, work) {
                return;
            }
            self.cron.rehash_next = (index + 1) % count;
        }
    }
}
