//! SHUTDOWN (`redis:src/db.c`, shutdownCommand; `server.c`, prepareForShutdown).
//!
//! There are no replicas to be waited for, so that a shutdown is never in progress while commands are
//! read: NOW changes nothing, and ABORT finds nothing to be aborted.

use super::call::{Call, is_option};
use super::client::{Marks, Session};
use super::error::ErrorReply;
use super::snapshot::Purpose;
use super::{After, NoMessage, Node};
use kvrig_base::id::ConnId;
use kvrig_base::seam::{Cx, Effect};

/// SHUTDOWN: writes a snapshot where there are save points or it is asked for, and ends the process.
/// It is answered only where that fails.
pub(super) fn shutdown<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let has = |name: &str| call.args[1..].iter().any(|arg| is_option(arg, name));
    let names = ["nosave", "save", "now", "force", "abort"];
    let is_known = |arg: &&[u8]| names.iter().any(|name| is_option(arg, name));
    let (saves, saves_not, aborts) = (has("save"), has("nosave"), has("abort"));
    let aborts_more = aborts
        && ["nosave", "save", "now", "force"]
            .iter()
            .any(|name| has(name));
    if !call.args[1..].iter().all(is_known) || aborts_more || saves && saves_not {
        return Err(ErrorReply::Syntax);
    }
    if aborts {
        return Err(ErrorReply::Fixed("ERR No shutdown in progress."));
    }
    if !has("now") && session.marks.has_any(Marks::DENY_BLOCKING) {
        let text = "ERR SHUTDOWN without NOW or ABORT isn't allowed for DENY BLOCKING client";
        return Err(ErrorReply::Fixed(text));
    }
    let purpose = Purpose::Exit {
        conn: Some(session.conn),
        is_forced: has("force"),
    };
    Ok(node.shut_down(saves, saves_not, purpose, call.now_ms as u64 / 1_000))
}

impl Node {
    /// Lets the process end as SHUTDOWN without options does, at the wish of who runs it
    /// (sigtermHandler): [`Effect::Exit`] follows, unless a snapshot is to be written and cannot be.
    pub fn end(&mut self, cx: &mut Cx<'_, NoMessage>) {
        let purpose = Purpose::Exit {
            conn: None,
            is_forced: false,
        };
        if self.shut_down(false, false, purpose, cx.wall().unix_secs()) == After::Exit {
            cx.effect(Effect::Exit);
        }
        self.aftermath(cx);
    }

    /// Whether the end of the process writes a snapshot unless it is told otherwise: there are save
    /// points.
    fn saves_at_the_end(&self) -> bool {
        !self.config.save_points.is_empty()
    }

    fn shut_down(&mut self, saves: bool, saves_not: bool, purpose: Purpose, now_s: u64) -> After {
        self.end_child();
        if saves || self.saves_at_the_end() && !saves_not {
            self.write_itself(purpose, now_s);
            return After::Wait;
        }
        After::Exit
    }

    /// Tells the client that asked for it that the process has not ended.
    pub(super) fn shutdown_failed(&mut self, conn: Option<ConnId>) {
        let Some(conn) = conn else {
            return;
        };
        self.answer_later(conn, b"-ERR Errors trying to SHUTDOWN. Check logs.\r\n");
    }
}
