//! CONFIG REWRITE: the file of the configuration, written anew (`redis:src/config.c`,
//! rewriteConfig).
//!
//! The file is read as it is now, so that what was edited since the start stays; the new text goes into
//! a file beside it, which takes its name once it is safe.
//!
//! ```text
//!   open ──► read ──► create ──► append ──► sync ──► rename
//!     └── there is none: nothing was said ──┘
//! ```

use super::call::Call;
use super::client::Session;
use super::error::ErrorReply;
use super::halt::Why;
use super::{After, NoMessage, Node};
use crate::config::rewritten;
use kvrig_base::id::{FileId, Ticket};
use kvrig_base::seam::{Cx, Effect, FileError, FileOp, FileOutcome, OpenMode};

/// Names what is asked of the files, one after the other.
pub(super) const TICKET: Ticket = Ticket(2);
/// The numbers of the file and of the one that takes its place.
const PRESENT: FileId = FileId(2);
const NEXT: FileId = FileId(3);

/// What the host has been asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing yet: the command has not ended.
    Begin,
    /// To open the file.
    Open,
    /// To read it.
    Read,
    /// To create the next one.
    Create,
    /// To append the text.
    Append,
    /// To make it safe.
    Sync,
    /// To give it the name.
    Rename,
}

/// CONFIG REWRITE.
pub(super) fn rewrite<'c>(
    node: &mut Node,
    session: &mut Session,
    _: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    if node.config_file.is_none() {
        let text = "ERR The server is running without a config file";
        return Err(ErrorReply::Fixed(text));
    }
    node.halt(session.conn, Why::Rewrite(Step::Begin));
    node.pending.is_due = true;
    Ok(After::Wait)
}

impl Node {
    /// Says which file its configuration comes from, for CONFIG REWRITE. The host must be able to open
    /// it by this name, and to create another whose name is longer.
    pub fn set_config_file(&mut self, name: String) {
        self.config_file = Some(name);
    }

    /// Asks for the file once the command has ended.
    pub(super) fn begin_rewrite(&mut self, cx: &mut Cx<'_, NoMessage>) {
        if self.rewrite_step() == Some(Step::Begin)
            && let Some(name) = self.config_file.clone()
        {
            let (file, mode) = (PRESENT, OpenMode::Existing);
            self.ask(Step::Open, FileOp::Open { file, name, mode }, cx);
        }
    }

    /// Goes on with what a completed operation is followed by.
    pub(super) fn rewrite_goes_on(&mut self, outcome: FileOutcome<'_>, cx: &mut Cx<'_, NoMessage>) {
        let (Some(step), Some(name)) = (self.rewrite_step(), self.config_file.clone()) else {
            return;
        };
        let next_name = format!("{name}.rewritten");
        match (step, outcome) {
            (Step::Open, FileOutcome::Done { bytes }) => {
                let (file, offset) = (PRESENT, 0);
                let read = FileOp::Read {
                    file,
                    offset,
                    bytes,
                };
                self.ask(Step::Read, read, cx);
            }
            (
                Step::Open,
                FileOutcome::Failed {
                    error: FileError::NotFound,
                    ..
                },
            ) => {
                self.create(&[], next_name, cx);
            }
            (Step::Read, FileOutcome::Read(old)) => self.create(old, next_name, cx),
            (Step::Create, FileOutcome::Done { .. }) => {
                let text = std::mem::take(&mut self.rewritten);
                self.set_step(Step::Append);
                cx.effects().append(TICKET, NEXT, &text, true);
            }
            (Step::Append, FileOutcome::Done { .. }) => {
                self.ask(Step::Sync, FileOp::Sync { file: NEXT }, cx);
            }
            (Step::Sync, FileOutcome::Done { .. }) => {
                let (from, to) = (next_name, name);
                self.ask(Step::Rename, FileOp::Rename { from, to }, cx);
            }
            (Step::Rename, FileOutcome::Done { .. }) => self.go_on_after_halt(b"+OK\r\n", cx),
            (_, FileOutcome::Failed { error, .. }) => {
                let reply = format!("-ERR Rewriting config file: {}\r\n", text_of(error));
                self.go_on_after_halt(reply.as_bytes(), cx);
            }
            _ => {}
        }
    }

    fn create(&mut self, old: &[u8], name: String, cx: &mut Cx<'_, NoMessage>) {
        self.rewritten = rewritten(&self.config, old);
        let (file, mode) = (NEXT, OpenMode::Truncate);
        self.ask(Step::Create, FileOp::Open { file, name, mode }, cx);
    }

    fn rewrite_step(&self) -> Option<Step> {
        match self.halted.as_ref()?.why {
            Why::Rewrite(step) => Some(step),
            Why::Sleep(_) => None,
        }
    }

    fn set_step(&mut self, step: Step) {
        if let Some(halt) = &mut self.halted {
            halt.why = Why::Rewrite(step);
        }
    }

    fn ask(&mut self, step: Step, op: FileOp, cx: &mut Cx<'_, NoMessage>) {
        self.set_step(step);
        cx.effect(Effect::File {
            ticket: TICKET,
            op,
            holds_core: true,
        });
    }
}

/// What the system's errors say (`strerror`).
fn text_of(error: FileError) -> &'static str {
    match error {
        FileError::NoSpace => "No space left on device",
        FileError::NotFound => "No such file or directory",
        FileError::Device => "Input/output error",
    }
}
