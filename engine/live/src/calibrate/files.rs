//! Files: appends that stay in memory, and flushes that make them durable.

use super::timing::{Laps, timed};
use super::{Effort, Timings};
use kvrig_base::calibration::{Part, Spread, Timing};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// File systems that lie in memory (Linux, `include/uapi/linux/magic.h`).
const IN_MEMORY: [(u64, &str); 2] = [(0x0102_1994, "tmpfs"), (0x8584_58F6, "ramfs")];
/// Bytes of an append.
const APPENDED_BYTES: [usize; 3] = [128, 4_096, 65_536];
/// Bytes that are appended in all at each size, well below what waits in memory.
const APPENDED_IN_ALL: usize = 8 << 20;
const APPENDS_MAX: u32 = 4_000;
/// Bytes before each flush, a page.
const SYNCED_BYTES: usize = 4_096;
const SYNCS: u32 = 40;
/// Bytes of the large append.
const WRITTEN_OUT_BYTES: usize = 64 << 20;
const WRITTEN_OUT_BYTES_QUICK: usize = 16 << 20;

/// Why nothing can be made durable in a folder, if that is so.
///
/// # Errors
/// What the system answers, as where there is no such folder.
pub fn why_not_durable(directory: &Path) -> io::Result<Option<String>> {
    let facts = rustix::fs::statfs(directory)?;
    let kind = (facts.f_type as u64) & u64::from(u32::MAX);
    let in_memory = IN_MEMORY.iter().find(|(magic, _)| *magic == kind);
    Ok(in_memory.map(|(_, name)| format!("{} lies in memory ({name})", directory.display())))
}

/// A file that goes with this value.
struct Scratch {
    file: File,
    path: PathBuf,
}

impl Scratch {
    fn create(directory: &Path) -> io::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!(".kvrig-calibrate-{}-{number}", std::process::id());
        let path = directory.join(name);
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(&path)?;
        Ok(Self { file, path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It fails only if the file is gone already.
        let _ = std::fs::remove_file(&self.path);
    }
}

pub(super) fn append(effort: &Effort<'_>) -> io::Result<Timings> {
    let mut timings = Vec::new();
    for bytes in APPENDED_BYTES {
        let times = ((APPENDED_IN_ALL / bytes) as u32).min(APPENDS_MAX);
        let times = effort.repetitions(times);
        let mut scratch = Scratch::create(effort.directory)?;
        let data = vec![b'a'; bytes];
        let timing = timed(bytes as u64, times, || {
            (0..times).try_for_each(|_| scratch.file.write_all(&data))
        })?;
        timings.push((Part::Append, timing));
    }
    Ok(timings)
}

/// The median of many flushes, each after an append of its own.
fn flushes(
    scratch: &mut Scratch,
    times: u32,
    flush: impl Fn(&File) -> io::Result<()>,
) -> io::Result<Timing> {
    let data = vec![b'a'; SYNCED_BYTES];
    let mut timings = Vec::new();
    for _ in 0..times {
        let mut laps = Laps::start();
        scratch.file.write_all(&data)?;
        flush(&scratch.file)?;
        laps.lap();
        timings.push(laps.timing(SYNCED_BYTES as u64, 1));
    }
    let median = |value: fn(&Timing) -> f64| {
        let values: Vec<f64> = timings.iter().map(value).collect();
        Spread::of(&values).map(|spread| spread.median)
    };
    let (cpu_ns, elapsed_ns) = median(|timing| timing.cpu_ns)
        .zip(median(|timing| timing.elapsed_ns))
        .ok_or(ErrorKind::InvalidInput)?;
    Ok(Timing {
        size: SYNCED_BYTES as u64,
        cpu_ns,
        elapsed_ns,
    })
}

pub(super) fn sync(effort: &Effort<'_>) -> io::Result<Timings> {
    if let Some(why) = why_not_durable(effort.directory)? {
        return Err(io::Error::new(ErrorKind::Unsupported, why));
    }
    let times = effort.repetitions(SYNCS).max(5);
    let mut scratch = Scratch::create(effort.directory)?;
    let sync = flushes(&mut scratch, times, File::sync_data)?;
    let sync_all = flushes(&mut scratch, times, File::sync_all)?;
    let bytes = match effort.is_quick {
        true => WRITTEN_OUT_BYTES_QUICK,
        false => WRITTEN_OUT_BYTES,
    };
    let data = vec![b'a'; bytes];
    let written = timed(bytes as u64, 1, || {
        scratch.file.write_all(&data)?;
        scratch.file.sync_data()
    })?;
    Ok(vec![
        (Part::Sync, sync),
        (Part::SyncAll, sync_all),
        (Part::WriteOut, written),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_in_memory_makes_nothing_durable() {
        let told = why_not_durable(Path::new("/dev/shm")).expect("Linux has it");
        assert!(told.is_some_and(|why| why.contains("tmpfs")));
        let error = why_not_durable(Path::new("/no/such/folder")).expect_err("it is not there");
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_measurement_leaves_no_file_behind() {
        let name = format!("kvrig-calibrate-test-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).expect("it can be made");
        let effort = Effort {
            runs: 1,
            is_quick: true,
            directory: &directory,
        };
        let timings = append(&effort).expect("files can be written");
        assert_eq!(timings.len(), APPENDED_BYTES.len());
        let left = std::fs::read_dir(&directory).expect("it is there").count();
        std::fs::remove_dir_all(&directory).expect("it was made here");
        assert_eq!(left, 0);
    }
}
