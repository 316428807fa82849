//! The one place where this process is forked.

use rustix::process::Pid;
use std::io::{self, ErrorKind};

/// Runs `work` in a copy of this process and gives the copy's number; the copy ends with the status
/// that `work` returns.
///
/// # Errors
/// What the system answers.
#[expect(unsafe_code, reason = "there is no safe fork; the proof is below")]
pub(crate) fn fork(work: impl FnOnce() -> i32) -> io::Result<Pid> {
    // SAFETY: a forked copy may use what other threads might have held at that moment only if they
    // held nothing. A server and a calibration run in one thread when they fork; the program's other
    // thread waits for signals in a read and holds no lock, and the allocator of glibc and musl makes
    // its own locks whole in the child (pthread_atfork). The child uses memory, files, sleep and
    // `_exit` alone, and runs no destructors or exit handlers of the parent.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            let status = work();
            // SAFETY: ends the process at once; nothing follows.
            unsafe { libc::_exit(status) }
        }
        id => Pid::from_raw(id).ok_or_else(|| ErrorKind::InvalidData.into()),
    }
}
