//! BGSAVE, LASTSAVE, and the child that writes.

use super::call::{Call, is_option};
use super::client::Session;
use super::error::ErrorReply;
use super::{After, Node};
use crate::rdb::{self, Snapshot};
use crate::resp::Frame;
use kvrig_base::id::JobId;
use kvrig_base::seam::{ChildHost, ChildOutcome, Cx};
use kvrig_tables::ResizePolicy;

/// What the node remembers of its snapshots.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    /// The child that lives, and what it writes.
    child: Option<(JobId, Snapshot)>,
    jobs: u32,
    /// Unix seconds of the last snapshot; at first of the start, as in Redis.
    last_s: Option<u64>,
}

impl Snapshots {
    /// Whether a child lives. The timer then leaves the tables alone.
    pub(super) fn has_child(&self) -> bool {
        self.child.is_some()
    }
    /// Unix seconds of the last snapshot, at first of the start.
    pub(super) fn last_s(&self) -> u64 {
        self.last_s.unwrap_or(0)
    }
    /// Says when the node began to live.
    pub(super) fn started(&mut self, unix_s: u64) {
        self.last_s.get_or_insert(unix_s);
    }
}

/// BGSAVE. SCHEDULE would wait for a rewrite of the append-only file; there is none to wait for.
pub(super) fn bgsave<'c>(
    node: &mut Node,
    _: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    match call.args {
        [_] => {}
        [_, option] if is_option(option, "schedule") => {}
        _ => return Err(ErrorReply::Syntax),
    }
    if node.snapshots.has_child() {
        return Err(ErrorReply::AlreadySaving);
    }
    let job = JobId(node.snapshots.jobs);
    node.snapshots.jobs += 1;
    let snapshot = Snapshot {
        name: node.config.dbfilename.clone(),
        temporary_name: format!("temp-{job}.rdb"),
        created_s: call.now_ms as u64 / 1_000,
        used_memory: node.keyspace.used_memory(),
    };
    node.snapshots.child = Some((job, snapshot));
    node.keyspace.set_resize_policy(ResizePolicy::Avoid);
    // Writing down when keys are used would make the system copy their pages.
    node.keyspace.stop_tracking_use();
    call.reply(Frame::Simple("Background saving started"))?;
    Ok(After::Fork { job })
}

/// LASTSAVE.
pub(super) fn lastsave<'c>(
    node: &mut Node,
    _: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    call.reply_integer(node.snapshots.last_s.unwrap_or(0) as i64)
        .map(|()| After::Continue)
}

impl Node {
    /// Takes note of the end of a child.
    pub(super) fn child_exit(
        &mut self,
        job: JobId,
        outcome: ChildOutcome,
        cx: &mut Cx<'_, super::NoMessage>,
    ) {
        if self
            .snapshots
            .child
            .take_if(|(child, _)| *child == job)
            .is_none()
        {
            return;
        }
        self.keyspace.set_resize_policy(ResizePolicy::Allow);
        self.tick(cx.wall());
        if outcome == ChildOutcome::Done {
            self.snapshots.last_s = Some(cx.wall().unix_secs());
        }
    }

    /// What the child does.
    pub(super) fn write_snapshot(&self, job: JobId, child: &mut dyn ChildHost) -> ChildOutcome {
        let Some((_, snapshot)) = self
            .snapshots
            .child
            .as_ref()
            .filter(|(living, _)| *living == job)
        else {
            return ChildOutcome::Failed;
        };
        match rdb::save(&self.keyspace, snapshot, child) {
            Ok(()) => ChildOutcome::Done,
            Err(_) => ChildOutcome::Failed,
        }
    }
}
