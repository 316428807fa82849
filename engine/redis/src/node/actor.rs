//! The node as an actor: which input goes where, and when it is to be called again.

use super::{NoMessage, Node, held, rewrite};
use kvrig_base::id::JobId;
use kvrig_base::seam::{Actor, ChildHost, ChildOutcome, Cx, Input};
use kvrig_base::time::Time;

impl Actor for Node {
    type Message = NoMessage;

    fn handle(&mut self, cx: &mut Cx<'_, NoMessage>, input: Input<'_, NoMessage>) {
        if let Some(held) = &mut self.scripts.held
            && let Input::Connected { .. }
            | Input::Bytes { .. }
            | Input::Command { .. }
            | Input::Closed { .. } = input
        {
            held.note_heard();
        }
        match input {
            Input::Connected { conn } => self.connect(conn, cx),
            Input::Bytes { conn, bytes } => self.bytes(conn, bytes, cx),
            Input::Command { conn, args } => self.whole_command(conn, args, cx),
            Input::Closed { conn } => self.close(conn, cx),
            Input::Deadline => self.deadline(cx),
            Input::ChildExit { job, outcome } => self.child_exit(job, outcome, cx),
            Input::Peer { message, .. } => match message {},
            Input::TurnEnd => self.expire_fast(cx),
            Input::File { ticket, outcome } if ticket == rewrite::TICKET => {
                self.rewrite_goes_on(outcome, cx);
            }
            Input::File { ticket, outcome } => self.file(ticket, outcome, cx),
            Input::Drained { .. } | Input::OffloadDone { .. } => {}
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        if self.is_busy() {
            return Some(held::AT_ONCE);
        }
        if let Some(halt) = &self.halted {
            return Some(halt.end());
        }
        let mut due = self.cron.due;
        if let Some(eviction) = self.eviction.due {
            due = due.min(eviction);
        }
        // Nearly always nobody waits: hosts ask this at every event.
        if self.waiting.count() > 0 || self.is_gated {
            let ends = [self.waiting.next_timeout(), self.pause.end()];
            due = ends.into_iter().flatten().fold(due, Time::min);
        }
        Some(due)
    }

    /// What used_memory shows: the page tables that a fork copies map little else.
    fn resident_bytes(&self) -> u64 {
        self.used_memory()
    }
    fn run_child(&self, job: JobId, child: &mut dyn ChildHost) -> ChildOutcome {
        self.write_snapshot(job, child)
    }
}
