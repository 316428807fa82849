//! Facts of the machine that a run takes place on. They go to `run-meta.json` and nowhere else.

use kvrig_reports::folder::RunMeta;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970-01-01 UTC.
#[expect(
    clippy::disallowed_methods,
    reason = "says when a run took place; decides nothing"
)]
pub(crate) fn now() -> u64 {
    let elapsed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// Points to run at once: as asked for, or one a core.
pub(crate) fn jobs(asked: Option<u16>) -> usize {
    asked.map_or_else(
        || thread::available_parallelism().map_or(1, usize::from),
        usize::from,
    )
}

/// What a run that ends here leaves about itself.
pub(crate) fn run_meta(started: u64, jobs: usize) -> RunMeta {
    RunMeta {
        kvrig: env!("CARGO_PKG_VERSION").to_owned(),
        command: std::env::args().collect(),
        started_unix_ms: started,
        finished_unix_ms: now(),
        host: gethostname::gethostname().to_string_lossy().into_owned(),
        jobs: u32::try_from(jobs).unwrap_or(u32::MAX),
    }
}
