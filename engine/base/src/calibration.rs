//! What the parts of a machine took: plain data that a live host measures and a fit turns into
//! prices.
//!
//! Nothing here enters a fingerprint; only the profile that comes of it does.

/// One timing of one kind of work: the mean over many repetitions in a row, or their median where
/// each is timed by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// How much was done each time, in the unit of [`Part::size_unit`].
    pub size: u64,
    /// CPU time of the measuring thread for one, in nanoseconds.
    pub cpu_ns: f64,
    /// Elapsed time for one, in nanoseconds.
    pub elapsed_ns: f64,
}

/// What is measured of a machine apart from its engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Copying bytes that are in the caches already.
    Copy,
    /// The first write to a page of 4 KiB that the system has just given.
    PageFault,
    /// Giving touched pages back.
    PageRelease,
    /// Asking the system for a large block and giving it back untouched.
    LargeAllocation,
    /// The cheapest call of the system.
    SystemCall,
    /// One look at which connections are ready, where one is.
    Turn,
    /// One read from a connection on the loopback address.
    Receive,
    /// One write to a connection on the loopback address.
    Send,
    /// From waking a thread that sleeps until something is ready to its going on.
    WakeUp,
    /// A fork of this process.
    Fork,
    /// The first write to a page that a child shares.
    PageCopy,
    /// Appending to a file, which stays in memory.
    Append,
    /// A small append and the flush that makes it survive a power cut (fdatasync).
    Sync,
    /// The same with the flush of what the file system knows of the file (fsync).
    SyncAll,
    /// A large append and its flush.
    WriteOut,
}

impl Part {
    /// What it is called in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Copy => "copy in cache",
            Self::PageFault => "page fault",
            Self::PageRelease => "page release",
            Self::LargeAllocation => "large allocation",
            Self::SystemCall => "system call",
            Self::Turn => "epoll turn",
            Self::Receive => "loopback receive",
            Self::Send => "loopback send",
            Self::WakeUp => "wake-up",
            Self::Fork => "fork",
            Self::PageCopy => "page copy",
            Self::Append => "file append",
            Self::Sync => "fdatasync",
            Self::SyncAll => "fsync",
            Self::WriteOut => "write-out",
        }
    }
    /// What the size of its timings counts.
    pub const fn size_unit(self) -> &'static str {
        match self {
            Self::Copy
            | Self::Receive
            | Self::Send
            | Self::Append
            | Self::Sync
            | Self::SyncAll
            | Self::WriteOut => "B",
            Self::PageFault | Self::PageRelease | Self::PageCopy => "pages",
            Self::LargeAllocation | Self::Fork => "MiB",
            Self::SystemCall | Self::Turn | Self::WakeUp => "",
        }
    }
    /// Whether it is priced by elapsed time, because the thread sleeps meanwhile. All else is priced
    /// by CPU time: neighbours on the same cores take elapsed time away.
    pub const fn is_waiting(self) -> bool {
        matches!(
            self,
            Self::WakeUp | Self::Sync | Self::SyncAll | Self::WriteOut
        )
    }
}

/// One part, measured in several runs.
#[derive(Clone, Debug, PartialEq)]
pub struct PartRuns {
    /// The part.
    pub part: Part,
    /// Of each run, a timing for each size.
    pub runs: Vec<Vec<Timing>>,
}

/// A part that cannot be measured on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmeasured {
    /// The part.
    pub part: Part,
    /// Why, a clause.
    pub why: String,
}

/// All parts of a machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MachineRuns {
    /// What was measured.
    pub parts: Vec<PartRuns>,
    /// What could not be.
    pub unmeasured: Vec<Unmeasured>,
}

/// A cache of the processor that holds data, as the system states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedCache {
    /// Its level, the nearest being 1.
    pub level: u32,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether several cores share it.
    pub is_shared: bool,
}

/// A quantity over several runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The median; of an even number of runs the mean of the middle two.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
}

impl Spread {
    /// The spread of these values; none where there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut ascending = values.to_vec();
        ascending.sort_by(f64::total_cmp);
        let (min, max) = (*ascending.first()?, *ascending.last()?);
        let middle = ascending.len() / 2;
        let median = match ascending.len().is_multiple_of(2) {
            true => f64::midpoint(ascending[middle - 1], ascending[middle]),
            false => ascending[middle],
        };
        Some(Self { median, min, max })
    }
    /// The range as a share of the median; 0 where the median is.
    pub fn relative_range(&self) -> f64 {
        match self.median > 0.0 {
            true => (self.max - self.min) / self.median,
            false => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_the_middle_and_both_ends() {
        let odd = Spread::of(&[3.0, 1.0, 2.0]).expect("three values");
        assert_eq!((odd.min, odd.median, odd.max), (1.0, 2.0, 3.0));
        let even = Spread::of(&[4.0, 1.0, 2.0, 3.0]).expect("four values");
        assert_eq!(even.median, 2.5);
        assert!((even.relative_range() - 1.2).abs() < 1e-12);
        assert_eq!(Spread::of(&[]), None);
        let zero = Spread::of(&[0.0, 5.0, 0.0]).expect("three values");
        assert_eq!(zero.relative_range(), 0.0);
    }
}
