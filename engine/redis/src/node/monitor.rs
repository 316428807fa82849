//! MONITOR: connections that see the commands of all others.

use super::call::Call;
use super::client::{Marks, Session};
use super::error::ErrorReply;
use super::{After, Node};
use crate::command::{CommandSpec, Flags};
use crate::resp::quote;
use std::fmt::Write;

/// MONITOR.
pub(super) fn monitor<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    if session.marks.has_any(Marks::DENY_BLOCKING) {
        return Err(ErrorReply::Fixed(
            "ERR MONITOR isn't allowed for DENY BLOCKING client",
        ));
    }
    if !session.marks.has_any(Marks::MONITOR) {
        session.marks.set(Marks::MONITOR, true);
        node.monitors.push(session.conn);
        node.update_gate();
    }
    call.reply_ok().map(|()| After::Continue)
}

impl Node {
    /// Shows a command to those who monitor (replicationFeedMonitors).
    pub(super) fn feed_monitors(
        &mut self,
        session: &Session,
        spec: &CommandSpec,
        args: &[&[u8]],
        now_ms: i64,
    ) {
        let is_hidden = spec.flags.has(Flags::SKIP_MONITOR) || spec.flags.has(Flags::ADMIN);
        if !is_hidden {
            self.show_to_monitors(session.database, session.peer(), spec, args, now_ms);
        }
    }
    /// The same of any command, whoever sent it.
    pub(super) fn show_to_monitors(
        &mut self,
        database: usize,
        peer: &str,
        spec: &CommandSpec,
        args: &[&[u8]],
        now_ms: i64,
    ) {
        if self.monitors.is_empty() {
            return;
        }
        let mut line = String::new();
        // Writing into a string cannot fail. The clock of a node turns in milliseconds.
        let _ = write!(
            line,
            "+{}.{:03}000 [{} {}]",
            now_ms / 1_000,
            now_ms % 1_000,
            database,
            peer
        );
        let secret_from = secret_from(spec, args.len());
        for (index, arg) in args.iter().enumerate() {
            line.push(' ');
            let is_secret = index >= secret_from;
            quote(if is_secret { b"(redacted)" } else { arg }, &mut line);
        }
        line.push_str("\r\n");
        for &conn in &self.monitors {
            self.pending.send(conn, line.clone().into_bytes());
        }
    }
    /// Ends what MONITOR began.
    pub(super) fn stop_monitoring(&mut self, session: &mut Session) {
        if session.marks.has_any(Marks::MONITOR) {
            session.marks.set(Marks::MONITOR, false);
            self.monitors.retain(|conn| *conn != session.conn);
            self.update_gate();
        }
    }
    /// Takes over whether commands need a closer look, whoever sends them.
    pub(super) fn update_gate(&mut self) {
        self.is_gated = self.pause.is_on() || !self.monitors.is_empty() || self.is_busy();
    }
}

/// The first of `count` arguments that may be a password and is not shown.
pub(super) fn secret_from(spec: &CommandSpec, count: usize) -> usize {
    match spec.name {
        "auth" => 1,
        "hello" => 2,
        _ => count,
    }
}
