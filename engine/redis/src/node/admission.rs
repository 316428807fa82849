//! What is checked before a command is carried out (`redis:src/server.c`, processCommand).

use super::client::{Marks, Session};
use super::error::ErrorReply;
use super::eviction::Evicted;
use super::held::BUSY;
use super::snapshot::MISCONF;
use super::{Node, ends_transaction};
use crate::command::{self, CommandSpec, Flags, Handler};
use crate::resp::Protocol;
use kvrig_base::seam::Work;
use kvrig_base::time::Time;

/// What becomes of a command that is not refused.
#[derive(Clone, Copy, Debug)]
pub(super) enum Admission {
    /// It is carried out.
    Run(&'static CommandSpec),
    /// It waits for EXEC.
    Queue(&'static CommandSpec),
    /// It waits for the end of CLIENT PAUSE.
    Postpone,
}

/// Commands that a RESP2 connection may send while it is subscribed to something.
const ALLOWED_WHILE_SUBSCRIBED: &[&str] = &[
    "ping",
    "psubscribe",
    "punsubscribe",
    "quit",
    "reset",
    "subscribe",
    "unsubscribe",
];

impl Node {
    /// Finds the command and says what becomes of it.
    #[inline]
    pub(super) fn admit<'c>(
        &mut self,
        session: &Session,
        args: &'c [&'c [u8]],
        (now, now_ms): (Time, i64),
        work: &mut Work,
    ) -> Result<Admission, ErrorReply<'c>> {
        let mut spec = command::find(args[0]).ok_or(ErrorReply::UnknownCommand { args })?;
        if matches!(spec.handler, Handler::Container(_)) {
            spec = subcommand(spec, args)?;
        }
        if !spec.takes(args.len()) {
            // QUIT is answered whatever follows it.
            return Err(ErrorReply::WrongArity { command: spec.name });
        }
        let is_special = session.marks.are_special() || self.is_gated;
        if is_special {
            self.check_rights(session, spec)?;
        }
        // QUIT is answered before memory is looked at.
        let is_guarded = self.config.maxmemory > 0 && !self.is_busy();
        if is_guarded && spec.name != "quit" {
            let evicted = self.make_room((now, now_ms), work);
            self.scripts.is_out_of_memory = evicted == Evicted::Failed;
            if evicted == Evicted::Failed && needs_memory(session, spec) {
                return Err(ErrorReply::OutOfMemory);
            }
        }
        if self.refuses_writes() && needs_snapshots(session, spec) {
            return Err(ErrorReply::Fixed(MISCONF));
        }
        match is_special {
            true => self.admit_specially(session, spec),
            false => Ok(Admission::Run(spec)),
        }
    }

    /// Refuses what needs a password, or has no place in a transaction.
    fn check_rights<'c>(
        &self,
        session: &Session,
        spec: &CommandSpec,
    ) -> Result<(), ErrorReply<'c>> {
        let lacks_password = session.marks.has_any(Marks::UNAUTHENTICATED)
            && !self.config.requirepass.is_empty()
            && !spec.flags.has(Flags::NO_AUTH);
        if lacks_password {
            return Err(ErrorReply::Fixed("NOAUTH Authentication required."));
        }
        if session.marks.has_any(Marks::MULTI) && spec.flags.has(Flags::NO_MULTI) {
            return Err(ErrorReply::Fixed(
                "ERR Command not allowed inside a transaction",
            ));
        }
        Ok(())
    }

    fn admit_specially<'c>(
        &self,
        session: &Session,
        spec: &'static CommandSpec,
    ) -> Result<Admission, ErrorReply<'c>> {
        let is_restricted =
            session.marks.has_any(Marks::SUBSCRIBED) && session.protocol == Protocol::Resp2;
        if is_restricted && !ALLOWED_WHILE_SUBSCRIBED.contains(&spec.name) {
            return Err(ErrorReply::Quoting {
                before: "ERR Can't execute '",
                quoted: spec.name.as_bytes(),
                after: "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
            });
        }
        if self.is_busy() && !spec.flags.has(Flags::ALLOW_BUSY) {
            return Err(BUSY);
        }
        if self.pause.holds(session, spec) {
            return Ok(Admission::Postpone);
        }
        Ok(match is_queued(session, spec) {
            true => Admission::Queue(spec),
            false => Admission::Run(spec),
        })
    }
}

/// Whether the command waits for EXEC.
fn is_queued(session: &Session, spec: &CommandSpec) -> bool {
    session.marks.has_any(Marks::MULTI) && !ends_transaction(spec)
}

/// Whether the command is refused above the memory limit: it may take memory, it would be kept until
/// EXEC, or it carries out what may.
fn needs_memory(session: &Session, spec: &CommandSpec) -> bool {
    if spec.flags.has(Flags::DENYOOM) {
        return true;
    }
    let is_in_transaction = session.marks.has_any(Marks::MULTI);
    match spec.name {
        "exec" => session.transaction.has_any(Flags::DENYOOM),
        "discard" | "reset" => false,
        _ => is_in_transaction,
    }
}

/// Whether the command is refused while snapshots fail: it writes, carries out what does, or is asked
/// whether all is well.
fn needs_snapshots(session: &Session, spec: &CommandSpec) -> bool {
    spec.flags.has(Flags::WRITE)
        || spec.name == "ping"
        || spec.name == "exec" && session.transaction.has_any(Flags::WRITE)
}

/// The subcommand that the second argument names; the command itself where there is none.
fn subcommand<'c>(
    spec: &'static CommandSpec,
    args: &'c [&'c [u8]],
) -> Result<&'static CommandSpec, ErrorReply<'c>> {
    let Some(name) = args.get(1) else {
        return Ok(spec);
    };
    spec.subcommand(name).ok_or(ErrorReply::UnknownSubcommand {
        command: spec.name,
        subcommand: name,
    })
}
