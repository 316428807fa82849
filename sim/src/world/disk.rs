//! Disks: a device with a rate, the page cache above it, and the directories of its actors.
//!
//! The device is a rate model, as in FoundationDB's simulator (`apple/foundationdb:fdbrpc/sim2.cpp`,
//! `waitUntilDiskReady`): it is free again one operation and its bytes later. Appends go to the page
//! cache and cost a call and a copy; the device writes them behind, and only when more than the
//! allowed bytes wait for it does an append wait too. A sync waits for what was appended before it,
//! and then for the flush. Operations on a file wait for a sync of it that is under way, as a
//! `write(2)` behind an `fdatasync(2)` does.

use super::directory::{Contents, Directory};
use super::link::ByteRate;
use crate::cost::DiskPrices;
use kvrig_base::id::{ActorId, FileId};
use kvrig_base::seam::{FileError, FileOp, FileOutcome};
use kvrig_base::time::{Span, Time};

/// A disk of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DiskId(pub(super) u32);

impl DiskId {
    /// The disk that is added first.
    pub const fn first() -> Self {
        Self(0)
    }
}

/// What a disk is like, its prices aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskConfig {
    /// Bytes that fit on it.
    pub capacity_bytes: u64,
    /// Whether what is written can be read back.
    pub contents: Contents,
}

impl Default for DiskConfig {
    fn default() -> Self {
        Self {
            capacity_bytes: u64::MAX,
            contents: Contents::Kept,
        }
    }
}

/// How a file operation ended, until the actor is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done { bytes: u64 },
    Read(Vec<u8>),
    Names(Vec<String>),
    Failed { bytes: u64, error: FileError },
}

impl Outcome {
    fn of(result: Result<u64, FileError>) -> Self {
        match result {
            Ok(bytes) => Self::Done { bytes },
            Err(error) => Self::Failed { bytes: 0, error },
        }
    }
    pub(super) fn lend(&self) -> FileOutcome<'_> {
        match self {
            Self::Done { bytes } => FileOutcome::Done { bytes: *bytes },
            Self::Read(bytes) => FileOutcome::Read(bytes),
            Self::Names(names) => FileOutcome::Names(names),
            Self::Failed { bytes, error } => FileOutcome::Failed {
                bytes: *bytes,
                error: *error,
            },
        }
    }
}

/// What becomes durable when an operation has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durable {
    Nothing,
    File { file: FileId, bytes: u64 },
    Names,
}

/// An operation that the disk has taken on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Begun {
    pub(super) end: Time,
    pub(super) outcome: Outcome,
    pub(super) durable: Durable,
}

/// One disk with its directories.
#[derive(Debug)]
pub struct Disk {
    prices: DiskPrices,
    rate: ByteRate,
    operation: Span,
    config: DiskConfig,
    next_free: Time,
    directories: Vec<(ActorId, Directory)>,
}

impl Disk {
    pub(super) fn new(prices: &DiskPrices, config: DiskConfig) -> Self {
        Self {
            prices: prices.clone(),
            rate: ByteRate::new(prices.bytes_per_second),
            operation: Span::from_picos(1_000_000_000_000 / prices.operations_per_second),
            config,
            next_free: Time::START,
            directories: Vec::new(),
        }
    }
    pub(super) fn contents(&self) -> Contents {
        self.config.contents
    }
    /// The directory of `actor`, empty where it has written nothing.
    pub fn directory(&mut self, actor: ActorId) -> &mut Directory {
        let position = match self
            .directories
            .iter()
            .position(|(owner, _)| *owner == actor)
        {
            Some(position) => position,
            None => {
                self.directories.push((actor, Directory::default()));
                self.directories.len() - 1
            }
        };
        &mut self.directories[position].1
    }
    /// Lets the device do nothing until `until`.
    pub fn stall(&mut self, until: Time) {
        self.next_free = self.next_free.max(until);
    }
    /// Takes `op` of `actor` on at `now`; `data` is what an append appends.
    pub(super) fn begin(&mut self, actor: ActorId, op: &FileOp, data: &[u8], now: Time) -> Begun {
        let called = now + self.prices.call;
        let plain = |result| Begun {
            end: called,
            outcome: Outcome::of(result),
            durable: Durable::Nothing,
        };
        match op {
            FileOp::Open { file, name, mode } => {
                plain(self.directory(actor).open(*file, name, *mode))
            }
            FileOp::Append { file, data: range } => {
                self.append(actor, *file, data, (range.end - range.start) as u64, now)
            }
            FileOp::Truncate { file, bytes } => {
                plain(self.directory(actor).truncate(*file, *bytes))
            }
            FileOp::Sync { file } => self.sync(actor, *file, now),
            FileOp::Read {
                file,
                offset,
                bytes,
            } => match self.directory(actor).read(*file, *offset, *bytes) {
                Err(error) => plain(Err(error)),
                Ok(read) => {
                    let end = self.occupy(now, read.len() as u64);
                    Begun {
                        end,
                        outcome: Outcome::Read(read),
                        durable: Durable::Nothing,
                    }
                }
            },
            FileOp::Rename { from, to } => {
                plain(self.directory(actor).rename(from, to).map(|()| 0))
            }
            FileOp::Unlink { name } => plain(self.directory(actor).unlink(name).map(|()| 0)),
            FileOp::SyncDirectory => {
                let end = self.occupy(now, 0) + self.prices.sync;
                Begun {
                    end,
                    outcome: Outcome::Done { bytes: 0 },
                    durable: Durable::Names,
                }
            }
            FileOp::List => {
                let names = self.directory(actor).names().map(str::to_owned).collect();
                Begun {
                    end: called,
                    outcome: Outcome::Names(names),
                    durable: Durable::Nothing,
                }
            }
        }
    }
    /// Makes durable what an operation that has ended was to make durable.
    pub(super) fn end(&mut self, actor: ActorId, durable: Durable) {
        match durable {
            Durable::Nothing => {}
            Durable::File { file, bytes } => self.directory(actor).end_sync(file, bytes),
            Durable::Names => self.directory(actor).sync_names(),
        }
    }
    /// Gives the device one operation of `bytes`, and says when it is free again.
    fn occupy(&mut self, now: Time, bytes: u64) -> Time {
        self.next_free = self.next_free.max(now) + self.operation + self.rate.span(bytes);
        self.next_free
    }
    fn append(
        &mut self,
        actor: ActorId,
        file: FileId,
        data: &[u8],
        bytes: u64,
        now: Time,
    ) -> Begun {
        let used: u64 = self
            .directories
            .iter()
            .map(|(_, directory)| directory.used())
            .sum();
        let fitting = bytes.min(self.config.capacity_bytes.saturating_sub(used));
        let kept = match self.config.contents {
            Contents::Kept => &data[..fitting as usize],
            Contents::Counted => &[],
        };
        let directory = self.directory(actor);
        let start = directory.free_at(file, now);
        let appended = directory.append(file, kept, fitting);
        let copied = start + self.prices.call + self.prices.append_byte * fitting;
        self.next_free = self.next_free.max(start) + self.rate.span(fitting);
        let allowed = self.rate.span(self.prices.dirty_bytes_max);
        let room = self.next_free.since(Time::START).saturating_sub(allowed);
        let outcome = match appended {
            Err(error) => Outcome::Failed { bytes: 0, error },
            Ok(()) if fitting < bytes => Outcome::Failed {
                bytes: fitting,
                error: FileError::NoSpace,
            },
            Ok(()) => Outcome::Done { bytes },
        };
        Begun {
            end: copied.max(Time::START + room),
            outcome,
            durable: Durable::Nothing,
        }
    }
    fn sync(&mut self, actor: ActorId, file: FileId, now: Time) -> Begun {
        let start = self.directory(actor).free_at(file, now);
        if !self.directory(actor).is_dirty(file) {
            let outcome = Outcome::Done { bytes: 0 };
            return Begun {
                end: start + self.prices.call,
                outcome,
                durable: Durable::Nothing,
            };
        }
        let end = self.occupy(start, 0) + self.prices.sync;
        match self.directory(actor).begin_sync(file, end) {
            Err(error) => Begun {
                end,
                outcome: Outcome::Failed { bytes: 0, error },
                durable: Durable::Nothing,
            },
            Ok(bytes) => Begun {
                end,
                outcome: Outcome::Done { bytes: 0 },
                durable: Durable::File { file, bytes },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::seam::OpenMode;

    const OWNER: ActorId = ActorId(0);
    const LOG: FileId = FileId(1);

    fn disk(config: DiskConfig) -> Disk {
        let prices = DiskPrices {
            call: Span::from_micros(2),
            append_byte: Span::from_nanos(1),
            operations_per_second: 100_000,
            bytes_per_second: 1_000_000_000,
            sync: Span::from_millis(2),
            dirty_bytes_max: 1_000_000,
        };
        let mut disk = Disk::new(&prices, config);
        let op = FileOp::Open {
            file: LOG,
            name: "log".into(),
            mode: OpenMode::Append,
        };
        disk.begin(OWNER, &op, &[], Time::START);
        disk
    }

    fn micros(n: u64) -> Time {
        Time::START + Span::from_micros(n)
    }

    fn append(disk: &mut Disk, bytes: usize, now: Time) -> Begun {
        let op = FileOp::Append {
            file: LOG,
            data: 0..bytes,
        };
        disk.begin(OWNER, &op, &vec![b'x'; bytes], now)
    }

    fn sync(disk: &mut Disk, now: Time) -> Begun {
        disk.begin(OWNER, &FileOp::Sync { file: LOG }, &[], now)
    }

    #[test]
    fn an_append_costs_a_copy_and_a_sync_the_device_and_the_flush() {
        let mut disk = disk(DiskConfig::default());
        assert_eq!(append(&mut disk, 1_000, micros(0)).end, micros(2 + 1));
        // Written behind from 0 to 1 us; then 10 us of operation and 2 ms of flush.
        let begun = sync(&mut disk, micros(3));
        assert_eq!(begun.end, micros(3 + 10 + 2_000));
        assert_eq!(
            begun.durable,
            Durable::File {
                file: LOG,
                bytes: 1_000
            }
        );
    }

    #[test]
    fn an_append_behind_a_pending_sync_waits_for_it() {
        let mut disk = disk(DiskConfig::default());
        append(&mut disk, 1_000, micros(0));
        let end = sync(&mut disk, micros(3)).end;
        assert_eq!(
            append(&mut disk, 1_000, micros(50)).end,
            end + Span::from_micros(3)
        );
    }

    #[test]
    fn a_sync_with_nothing_to_write_returns_at_once() {
        let mut disk = disk(DiskConfig::default());
        assert_eq!(sync(&mut disk, micros(5)).end, micros(7));
    }

    #[test]
    fn appends_wait_when_too_much_waits_for_the_device() {
        let mut disk = disk(DiskConfig::default());
        // 3 MB keep the device busy for 3 ms, of which 1 ms may be owed; the copy takes 3 ms.
        assert_eq!(append(&mut disk, 3_000_000, micros(0)).end, micros(3_002));
        disk.stall(micros(10_000));
        assert_eq!(append(&mut disk, 1_000, micros(4_000)).end, micros(9_001));
    }

    #[test]
    fn a_full_disk_takes_what_fits_and_says_how_much() {
        let mut disk = disk(DiskConfig {
            capacity_bytes: 1_500,
            ..DiskConfig::default()
        });
        append(&mut disk, 1_000, micros(0));
        let begun = append(&mut disk, 1_000, micros(10));
        assert_eq!(
            begun.outcome,
            Outcome::Failed {
                bytes: 500,
                error: FileError::NoSpace
            }
        );
        assert_eq!(disk.directory(OWNER).size("log"), Some(1_500));
    }

    #[test]
    fn a_counting_disk_keeps_sizes_and_cannot_be_read() {
        let mut disk = disk(DiskConfig {
            contents: Contents::Counted,
            ..DiskConfig::default()
        });
        append(&mut disk, 1_000, micros(0));
        assert_eq!(disk.directory(OWNER).size("log"), Some(1_000));
        let read = FileOp::Read {
            file: LOG,
            offset: 0,
            bytes: 10,
        };
        let outcome = disk.begin(OWNER, &read, &[], micros(10)).outcome;
        assert_eq!(
            outcome,
            Outcome::Failed {
                bytes: 0,
                error: FileError::Device
            }
        );
    }
}
