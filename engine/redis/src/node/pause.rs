//! CLIENT PAUSE: commands that wait until a time.

use super::Node;
use super::client::Session;
use crate::command::{CommandSpec, Flags};
use kvrig_base::id::ConnId;
use kvrig_base::time::Time;

/// Which commands wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Paused {
    /// Those that may change data.
    Writes,
    /// All.
    All,
}

/// The pause that goes on, and who waits for its end.
#[derive(Debug, Default)]
pub(super) struct Pause {
    present: Option<(Paused, Time)>,
    waiting: Vec<ConnId>,
}

impl Pause {
    /// When it ends.
    pub(super) fn end(&self) -> Option<Time> {
        self.present.map(|(_, end)| end)
    }
    /// Whether the command waits.
    pub(super) fn holds(&self, session: &Session, spec: &CommandSpec) -> bool {
        match self.present {
            None => false,
            Some((Paused::All, _)) => true,
            Some((Paused::Writes, _)) => {
                spec.flags.has(Flags::WRITE)
                    || spec.may_replicate()
                    || spec.name == "exec" && session.transaction.has_any(Flags::WRITE)
            }
        }
    }
    /// Whether keys are neither expired nor evicted meanwhile.
    pub(super) fn is_on(&self) -> bool {
        self.present.is_some()
    }
    pub(super) fn wait(&mut self, conn: ConnId) {
        if !self.waiting.contains(&conn) {
            self.waiting.push(conn);
        }
    }
    pub(super) fn forget(&mut self, conn: ConnId) {
        self.waiting.retain(|waiting| *waiting != conn);
    }
}

impl Node {
    /// Begins a pause, or lets the present one last longer or hold more (pauseClients).
    pub(super) fn pause(&mut self, what: Paused, end: Time) {
        self.pause.present = Some(match self.pause.present {
            Some((present, until)) => (present.max(what), until.max(end)),
            None => (what, end),
        });
        self.update_gate();
    }
    /// Ends the pause; who waits goes on.
    pub(super) fn end_pause(&mut self) {
        self.pause.present = None;
        self.update_gate();
        for conn in std::mem::take(&mut self.pause.waiting) {
            self.pending.resume(conn);
        }
    }
}
