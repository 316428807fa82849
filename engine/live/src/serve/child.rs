//! The child that writes a snapshot: this process, forked.

use super::files::Files;
use crate::fork::fork;
use kvrig_base::id::JobId;
use kvrig_base::seam::{Actor, ChildOutcome};
use kvrig_redis::Node;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open, waitpid};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

/// Status by which a child says that it did its work.
const DONE: i32 = 0;
const FAILED: i32 = 1;

/// A child that lives.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) job: JobId,
    id: Pid,
    /// Becomes readable when it has exited.
    handle: OwnedFd,
}

impl Child {
    /// Forks a child that runs `job` of `node` on the files of `directory`, and watches for its end.
    ///
    /// # Errors
    /// What the system answers.
    pub(super) fn begin(
        node: &Node,
        job: JobId,
        directory: &Path,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        let id = fork(|| match node.run_child(job, &mut Files::new(directory)) {
            ChildOutcome::Done => DONE,
            ChildOutcome::Failed => FAILED,
        })?;
        let handle = pidfd_open(id, PidfdFlags::empty())?;
        registry.register(
            &mut SourceFd(&handle.as_raw_fd()),
            token,
            Interest::READABLE,
        )?;
        Ok(Self { job, id, handle })
    }
    /// How it ended, once it has.
    pub(super) fn outcome(&self) -> Option<ChildOutcome> {
        let (_, status) = waitpid(Some(self.id), WaitOptions::NOHANG).ok().flatten()?;
        Some(match status.exit_status() {
            Some(DONE) => ChildOutcome::Done,
            _ => ChildOutcome::Failed,
        })
    }
    /// Ends it, and waits until it has ended.
    pub(super) fn end(&self) {
        // Both fail only if it has ended already.
        let _ = kill_process(self.id, Signal::KILL);
        let _ = waitpid(Some(self.id), WaitOptions::empty());
    }
    /// Watches no longer.
    pub(super) fn forget(&self, registry: &Registry) {
        // It goes with the handle in any case.
        let _ = registry.deregister(&mut SourceFd(&self.handle.as_raw_fd()));
    }
}
