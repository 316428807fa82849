//! Every maximum of the project, by name, with the reason for its value.

use crate::quantity::Rate;
use crate::time::Span;

/// Longest simulated run: 30 days, far below the 213 days that a [`Span`] can hold, so that sums of
/// times cannot overflow.
pub const RUN_SPAN_MAX: Span = Span::from_secs(30 * 24 * 3600);
/// Longest key that a store accepts: 512 MB, as Redis (proto-max-bulk-len).
pub const KEY_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Buffered touches of one receipt before the host prices them; bounds the memory of long commands.
pub const TOUCHES_BUFFERED_MAX: usize = 4_096;
/// Largest number of actors in one world: actor ids share a word with event sequences.
pub const ACTORS_MAX: u32 = 1 << 20;
/// Largest number of cells of one study, to refuse sweeps that were meant otherwise.
pub const CELLS_MAX: usize = 100_000;
/// Replications (`--seeds`) of one cell.
pub const SEEDS_MAX: u32 = 10_000;
/// Largest study file or profile that is read.
pub const STUDY_FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Largest file that a study names, a trace or weights: it is read into memory as a whole.
pub const NAMED_FILE_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// Largest single line of a text trace.
pub const TRACE_LINE_BYTES_MAX: usize = 1024 * 1024;
/// Requests of a trace that are held in memory: 8 bytes each while it is read, so at most 1 GiB.
pub const TRACE_REQUESTS_MAX: u64 = 1 << 27;
/// Copies of a trace that are replayed side by side.
pub const TRACE_COPIES_MAX: u64 = 1 << 20;
/// Highest arrival rate, so that rate times the longest run fits the integers of arrivals.
pub const ARRIVAL_RATE_MAX: Rate = Rate::per_second(1_000_000_000);
/// Largest number of keys of a workload.
pub const KEYS_MAX: u64 = 1 << 40;
/// Key spaces of one workload; their numbers share a word with key numbers below [`KEYS_MAX`].
pub const KEY_SPACES_MAX: usize = 1_024;

const _: () = assert!(RUN_SPAN_MAX.as_picos() < u64::MAX / 4);
