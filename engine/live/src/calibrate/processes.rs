//! Forks: what the call takes by the memory in use, and what a page takes that a child still shares.

use super::memory::{BLOCK_BYTES, PAGE_BYTES, touch_pages, untouched_block};
use super::timing::{Laps, timed};
use super::{Effort, Timings};
use crate::fork::fork;
use kvrig_base::calibration::Part;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use std::io::{self, ErrorKind};
use std::time::Duration;

/// Memory in use beside what the process has anyway, in MiB.
const BALLAST_MIB: [usize; 3] = [0, 64, 256];
const BALLAST_MIB_QUICK: [usize; 3] = [0, 32, 96];
/// Forks of each size.
const FORKS: u32 = 10;
/// A child that nobody ends goes by itself after so long.
const CHILD_LIFE: Duration = Duration::from_secs(20);

/// Memory of this process that the system holds, in bytes (proc(5), statm: the second number, in
/// pages).
fn resident_bytes() -> io::Result<u64> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages = text.split(' ').nth(1).and_then(|word| word.parse().ok());
    let pages: u64 = pages.ok_or(ErrorKind::InvalidData)?;
    Ok(pages * rustix::param::page_size() as u64)
}

fn wait_for(child: Pid) -> io::Result<()> {
    waitpid(Some(child), WaitOptions::empty())?;
    Ok(())
}

pub(super) fn fork_by_size(effort: &Effort<'_>) -> io::Result<Timings> {
    let sizes = match effort.is_quick {
        true => BALLAST_MIB_QUICK,
        false => BALLAST_MIB,
    };
    let forks = effort.repetitions(FORKS).max(3);
    let mut timings = Vec::new();
    for mib in sizes {
        let mut ballast = vec![0; mib << 20];
        touch_pages(&mut ballast);
        let resident_mib = resident_bytes()? >> 20;
        let mut laps = Laps::start();
        for _ in 0..forks {
            laps.resume();
            let child = fork(|| 0)?;
            laps.lap();
            wait_for(child)?;
        }
        timings.push((Part::Fork, laps.timing(resident_mib, forks)));
    }
    Ok(timings)
}

pub(super) fn page_copy(_: &Effort<'_>) -> io::Result<Timings> {
    let mut block = untouched_block();
    touch_pages(&mut block);
    let child = fork(|| {
        std::thread::sleep(CHILD_LIFE);
        0
    })?;
    let timing = timed(1, (BLOCK_BYTES / PAGE_BYTES) as u32, || {
        touch_pages(&mut block);
        Ok(())
    });
    // It is there until it is waited for, so that its number is nobody else's.
    kill_process(child, Signal::KILL)?;
    wait_for(child)?;
    Ok(vec![(Part::PageCopy, timing?)])
}
