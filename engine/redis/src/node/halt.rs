//! The node halts: it reads no command until something has ended that it does beside none.
//!
//! DEBUG SLEEP is one such thing: the timer stands still as well, as where a process sleeps. Hosts go
//! on meanwhile: bytes that arrive wait there, and connections are still accepted.

use super::call::Call;
use super::client::Session;
use super::{After, NoMessage, Node};
use crate::number::strtod;
use kvrig_base::id::ConnId;
use kvrig_base::seam::{Cx, Effect};
use kvrig_base::time::{Span, Time};

/// What the node has halted for.
#[derive(Debug)]
pub(super) struct Halt {
    /// Whose command it is.
    pub(super) conn: ConnId,
    pub(super) why: Why,
    /// Connections whose input goes on behind it.
    held: Vec<ConnId>,
}

/// Why the node has halted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// It sleeps until a time.
    Sleep(Time),
    /// It writes the file of its configuration, of which this is done next.
    Rewrite(super::rewrite::Step),
}

impl Halt {
    /// Lets the input of a connection go on behind it.
    pub(super) fn hold(&mut self, conn: ConnId) {
        self.held.push(conn);
    }
    /// When it ends, if that is a matter of time.
    pub(super) fn end(&self) -> Time {
        match self.why {
            Why::Sleep(end) => end,
            Why::Rewrite(_) => Time::NEVER,
        }
    }
}

/// DEBUG SLEEP: so many seconds, a fraction too; a text that is no number is zero (`strtod`), and a
/// time that is none or negative is over at once.
pub(super) fn sleep(node: &mut Node, session: &Session, call: &Call<'_>) -> After {
    let (seconds, _) = strtod(call.args[2]);
    // The system pauses for whole nanoseconds (nanosleep).
    let span = Span::from_nanos(1).checked_mul((seconds * 1e9) as u64);
    let end = call.now.saturating_add(span.unwrap_or(Span::MAX));
    node.halt(session.conn, Why::Sleep(end));
    After::Wait
}

impl Node {
    /// Reads no command from now on.
    pub(super) fn halt(&mut self, conn: ConnId, why: Why) {
        let held = Vec::new();
        self.halted = Some(Box::new(Halt { conn, why, held }));
    }
    /// Whether no command is read: a snapshot is written or loaded by the node itself, or it has
    /// halted.
    #[inline]
    pub(super) fn is_held(&self) -> bool {
        self.snapshots.holds_node() || self.halted.is_some()
    }

    /// Reads no further of a connection while no command is read.
    pub(super) fn hold(&mut self, conn: ConnId, cx: &mut Cx<'_, NoMessage>) {
        if self.is_held() {
            self.hold_on(conn);
            cx.effect(Effect::PauseReading { conn });
        }
    }
    /// The same for one that is not read of already.
    pub(super) fn hold_on(&mut self, conn: ConnId) {
        match &mut self.halted {
            Some(halt) => halt.hold(conn),
            None => self.snapshots.hold(conn),
        }
    }
    /// Answers who has let the node halt, and reads commands again.
    pub(super) fn go_on_after_halt(&mut self, reply: &[u8], cx: &mut Cx<'_, NoMessage>) {
        if let Some(halt) = self.halted.take() {
            self.answer_later(halt.conn, reply);
            self.go_on_after(&halt.held, cx);
        }
    }
    /// How long the sleep lasts that the command has begun which is carried out now.
    #[inline]
    pub(super) fn sleeps_for(&self, now: Time) -> Span {
        match self.halted.as_ref().map(|halt| halt.why) {
            Some(Why::Sleep(end)) => end.since(now),
            _ => Span::ZERO,
        }
    }
    /// Goes on after a sleep whose time is up. Says whether the node is awake.
    pub(super) fn wake_if_due(&mut self, cx: &mut Cx<'_, NoMessage>) -> bool {
        let now = cx.now();
        if self.halted.as_ref().is_some_and(|halt| halt.end() <= now) {
            self.go_on_after_halt(b"+OK\r\n", cx);
        }
        self.halted.is_none()
    }
}
