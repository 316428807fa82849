//! Snapshots, loaded: at the start, and by DEBUG RELOAD.

use super::call::{Call, is_option};
use super::client::Session;
use super::error::ErrorReply;
use super::snapshot::Purpose;
use super::{After, NoMessage, Node};
use crate::rdb::{self, LoadAt, LoadError, Loaded};
use kvrig_base::id::{ConnId, FileId, Ticket};
use kvrig_base::seam::{Cx, Effect, FileOp, FileOutcome, OpenMode, Work};
use kvrig_base::time::Wall;
use std::io::BufRead;

/// The number that the file has while it is loaded.
const FILE: FileId = FileId(1);
/// Names what is asked of it, one after the other.
const TICKET: Ticket = Ticket(0);
/// What a client is told whose file cannot be loaded.
const NOT_LOADED: &[u8] = b"-ERR Error trying to load the RDB dump\r\n";

/// A file that is being loaded for a connection.
#[derive(Debug)]
pub(super) struct Reload {
    conn: ConnId,
    how: How,
    /// Whether the host was asked for the file.
    is_begun: bool,
    /// Connections whose input goes on behind it.
    held: Vec<ConnId>,
}

/// What becomes of the keys that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct How {
    /// They are removed.
    empties: bool,
    /// Those of the file replace them.
    merges: bool,
}

/// DEBUG RELOAD.
pub(super) fn reload<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let (mut saves, mut how) = (
        true,
        How {
            empties: true,
            merges: false,
        },
    );
    for option in &call.args[2..] {
        match option {
            _ if is_option(option, "merge") => how.merges = true,
            _ if is_option(option, "noflush") => how.empties = false,
            _ if is_option(option, "nosave") => saves = false,
            _ => {
                return Err(ErrorReply::Fixed(
                    "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
                ));
            }
        }
    }
    let conn = session.conn;
    match saves {
        true => node.write_itself(Purpose::Reload { conn, how }, call.now_ms as u64 / 1_000),
        false => node.wait_for_file(conn, how, Vec::new()),
    }
    Ok(After::Wait)
}

impl Node {
    /// Adds the keys of a snapshot of so many bytes, except those whose time has passed. After an error
    /// the node has the keys that stand before it, and is not to be used.
    ///
    /// # Errors
    /// Where the file is not one, is cut off or damaged, or asks for what is not here.
    pub fn load_snapshot(
        &mut self,
        source: impl BufRead,
        bytes: u64,
        wall: Wall,
        work: &mut Work,
    ) -> Result<Loaded, LoadError> {
        self.tick(wall);
        self.load_from(source, bytes, false, wall, work)
    }

    fn load_from(
        &mut self,
        source: impl BufRead,
        bytes: u64,
        merges: bool,
        wall: Wall,
        work: &mut Work,
    ) -> Result<Loaded, LoadError> {
        let when = LoadAt {
            now_ms: wall.unix_millis() as i64,
            merges,
        };
        let mut reader = rdb::Reader::new(source, bytes);
        let loaded = rdb::load(&mut reader, &mut self.keyspace, when, work)?;
        self.snapshots.loaded = loaded;
        Ok(loaded)
    }

    /// Asks for the file once the present command has ended.
    pub(super) fn wait_for_file(&mut self, conn: ConnId, how: How, held: Vec<ConnId>) {
        self.snapshots.reload = Some(Reload {
            conn,
            how,
            is_begun: false,
            held,
        });
        self.pending.is_due = true;
    }

    /// Asks the host for the file that a command left to be loaded.
    pub(super) fn begin_reload(&mut self, cx: &mut Cx<'_, NoMessage>) {
        let reload = self.snapshots.reload.as_mut();
        if let Some(reload) = reload.filter(|reload| !reload.is_begun) {
            reload.is_begun = true;
            let name = self.config.dbfilename.clone();
            let mode = OpenMode::Existing;
            ask(
                FileOp::Open {
                    file: FILE,
                    name,
                    mode,
                },
                cx,
            );
        }
    }

    /// Goes on with a file that is being loaded.
    pub(super) fn file(
        &mut self,
        ticket: Ticket,
        outcome: FileOutcome<'_>,
        cx: &mut Cx<'_, NoMessage>,
    ) {
        let reload = self.snapshots.reload.as_ref();
        let Some(reload) = reload.filter(|_| ticket == TICKET) else {
            return;
        };
        let (conn, how) = (reload.conn, reload.how);
        let reply = match outcome {
            FileOutcome::Done { bytes } => {
                let (file, offset) = (FILE, 0);
                return ask(
                    FileOp::Read {
                        file,
                        offset,
                        bytes,
                    },
                    cx,
                );
            }
            FileOutcome::Read(content) => match self.reload_from(content, how, cx) {
                Ok(()) => b"+OK\r\n",
                Err(_) => NOT_LOADED,
            },
            FileOutcome::Names(_) | FileOutcome::Failed { .. } => {
                // Redis empties itself before it looks for the file.
                if how.empties {
                    self.keyspace.clear_all(cx.work);
                }
                NOT_LOADED
            }
        };
        self.answer_later(conn, reply);
        let reload = self.snapshots.reload.take();
        let held = reload.map_or_else(Vec::new, |reload| reload.held);
        self.go_on_after(&held, cx);
    }

    fn reload_from(
        &mut self,
        content: &[u8],
        how: How,
        cx: &mut Cx<'_, NoMessage>,
    ) -> Result<(), LoadError> {
        self.tick(cx.wall());
        if how.empties {
            self.keyspace.clear_all(cx.work);
        }
        let (bytes, wall) = (content.len() as u64, cx.wall());
        self.load_from(content, bytes, how.merges, wall, cx.work)?;
        self.snapshots.changes = 0;
        Ok(())
    }
}

impl Reload {
    /// Lets the input of a connection go on behind it.
    pub(super) fn hold(&mut self, conn: ConnId) {
        self.held.push(conn);
    }
}

fn ask(op: FileOp, cx: &mut Cx<'_, NoMessage>) {
    cx.effect(Effect::File {
        ticket: TICKET,
        op,
        holds_core: true,
    });
}
