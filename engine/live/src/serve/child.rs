//! The child that writes a snapshot: this process, forked.

use crate::fork::fork;
use kvrig_base::id::{FileId, JobId};
use kvrig_base::seam::{Actor, ChildHost, ChildOutcome, FileError, FileOp, OpenMode, Work};
use kvrig_redis::Node;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::process::{Pid, PidfdFlags, WaitOptions, pidfd_open, waitpid};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

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
    /// Watches no longer.
    pub(super) fn forget(&self, registry: &Registry) {
        // It goes with the handle in any case.
        let _ = registry.deregister(&mut SourceFd(&self.handle.as_raw_fd()));
    }
}

/// The files of one directory, as a child uses them.
struct Files<'a> {
    directory: &'a Path,
    open: BTreeMap<FileId, BufWriter<File>>,
    work: Work,
}

impl<'a> Files<'a> {
    fn new(directory: &'a Path) -> Self {
        Self {
            directory,
            open: BTreeMap::new(),
            work: Work::unkept(),
        }
    }
    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
    fn opened(&mut self, file: FileId) -> io::Result<&mut BufWriter<File>> {
        self.open.get_mut(&file).ok_or(ErrorKind::NotFound.into())
    }
    fn carry_out(&mut self, op: FileOp, data: &[u8]) -> io::Result<()> {
        match op {
            FileOp::Open { file, name, mode } => {
                let mut options = OpenOptions::new();
                match mode {
                    OpenMode::Existing => options.append(true),
                    OpenMode::Append => options.append(true).create(true),
                    OpenMode::Truncate => options.write(true).create(true).truncate(true),
                };
                let opened = options.open(self.path(&name))?;
                self.open.insert(file, BufWriter::new(opened));
                Ok(())
            }
            FileOp::Append { file, .. } => self.opened(file)?.write_all(data),
            FileOp::Truncate { file, bytes } => {
                let file = self.opened(file)?;
                file.flush()?;
                file.get_ref().set_len(bytes)
            }
            FileOp::Sync { file } => {
                let file = self.opened(file)?;
                file.flush()?;
                file.get_ref().sync_data()
            }
            FileOp::Rename { from, to } => std::fs::rename(self.path(&from), self.path(&to)),
            FileOp::Unlink { name } => std::fs::remove_file(self.path(&name)),
            FileOp::SyncDirectory => File::open(self.directory)?.sync_all(),
            // A child has no way to be told what is there.
            FileOp::Read { .. } | FileOp::List => Err(ErrorKind::Unsupported.into()),
        }
    }
}

impl ChildHost for Files<'_> {
    fn work(&mut self) -> &mut Work {
        &mut self.work
    }
    fn file(&mut self, op: FileOp, data: &[u8]) -> Result<(), FileError> {
        self.carry_out(op, data)
            .map_err(|error| match error.kind() {
                ErrorKind::StorageFull => FileError::NoSpace,
                ErrorKind::NotFound => FileError::NotFound,
                _ => FileError::Device,
            })
    }
}
