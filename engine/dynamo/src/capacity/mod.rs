//! Capacity units: what each request consumes, in integers and to the half unit.
//!
//! Sources: AWS DynamoDB Developer Guide, "DynamoDB read and write operations" (sizes, rounding,
//! missing items, batches), "Provisioned capacity mode" (failed conditions, transactions) and
//! "Using Global Secondary Indexes" (index writes); AWS's own calculator in
//! `aws/agent-toolkit-for-aws`, which was checked against the service, for transactions doubling
//! on the base table alone.
//!
//! Nothing here knows money; see [`crate::price`].

mod consumed;

pub use consumed::{ConsumedCapacity, IndexId, Units};

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

/// Bytes that one read unit covers: 4 KB (Guide, "DynamoDB read and write operations").
pub const READ_UNIT_BYTES: u64 = 4096;
/// Bytes that one write unit covers: 1 KB (Guide, "DynamoDB read and write operations").
pub const WRITE_UNIT_BYTES: u64 = 1024;

/// Read units, kept in half units: an eventually consistent read of 4 KB takes half a unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReadUnits {
    halves: u64,
}

/// Write units, always whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriteUnits(pub u64);

/// How a read is to be consistent, which sets its price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReadConsistency {
    /// Half a unit for 4 KB; what requests get unless they say otherwise.
    #[default]
    Eventual,
    /// One unit for 4 KB.
    Strong,
    /// Two units for 4 KB: prepare and commit.
    Transactional,
}

/// Whether a write is part of a transaction, which doubles its price on the base table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WriteMode {
    /// One unit for 1 KB.
    #[default]
    Standard,
    /// Two units for 1 KB: prepare and commit.
    Transactional,
}

impl ReadConsistency {
    /// Half units for every 4 KB.
    pub(crate) const fn halves(self) -> u64 {
        match self {
            Self::Eventual => 1,
            Self::Strong => 2,
            Self::Transactional => 4,
        }
    }
}

impl ReadUnits {
    /// No units.
    pub const ZERO: Self = Self { halves: 0 };

    /// `n` whole units.
    pub const fn whole(n: u64) -> Self {
        Self {
            halves: n.saturating_mul(2),
        }
    }
    /// `n` half units, the base unit of rows.
    pub const fn from_halves(n: u64) -> Self {
        Self { halves: n }
    }
    /// The number of half units.
    pub const fn halves(self) -> u64 {
        self.halves
    }
    /// What reading `bytes` takes: the total of one page of Query or Scan, or one item of any other
    /// request. Nothing read takes as much as 4 KB, and so does an item that is missing.
    pub const fn for_bytes(bytes: u64, consistency: ReadConsistency) -> Self {
        Self {
            halves: unit_count(bytes, READ_UNIT_BYTES).saturating_mul(consistency.halves()),
        }
    }
}

impl WriteUnits {
    /// No units.
    pub const ZERO: Self = Self(0);

    /// What a write takes on the base table: the larger of the item before and after, in bytes;
    /// a deletion has no item after. Where there is neither, one unit is taken.
    #[inline]
    pub const fn for_change(before: Option<u64>, after: Option<u64>, mode: WriteMode) -> Self {
        let before = match before {
            Some(bytes) => bytes,
            None => 0,
        };
        let bytes = match after {
            Some(after) if after > before => after,
            _ => before,
        };
        let factor = match mode {
            WriteMode::Standard => 1,
            WriteMode::Transactional => 2,
        };
        Self(unit_count(bytes, WRITE_UNIT_BYTES).saturating_mul(factor))
    }
    /// What a write takes whose condition failed: the size of the item that is there, one unit if
    /// there is none (Guide, "Provisioned capacity mode", conditional writes).
    pub const fn for_failed_condition(existing: Option<u64>, mode: WriteMode) -> Self {
        Self::for_change(existing, None, mode)
    }
    /// What a change of the base table takes on one index. Transactions do not double it.
    ///
    /// An entry that appears, changes or disappears is one write of the larger of its sizes; one
    /// whose key changes is deleted at its old place and put at its new one (Guide, "Using Global
    /// Secondary Indexes", write operations).
    pub const fn for_index(change: IndexChange) -> Self {
        let (old, new) = match change {
            IndexChange::None => return Self::ZERO,
            IndexChange::Appeared { after } => (None, Some(after)),
            IndexChange::Disappeared { before } => (Some(before), None),
            IndexChange::Updated { before, after } => (Some(before), Some(after)),
            IndexChange::Moved { before, after } => {
                let deleted = Self::for_change(Some(before), None, WriteMode::Standard);
                let put = Self::for_change(None, Some(after), WriteMode::Standard);
                return Self(deleted.0 + put.0);
            }
        };
        Self::for_change(old, new, WriteMode::Standard)
    }
}

/// What a change of an item does to its entry in an index; sizes in bytes of the projection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexChange {
    /// There was no entry and is none, or none of its attributes changed.
    None,
    /// The item has the index's key attributes now.
    Appeared {
        /// Size of the new entry.
        after: u64,
    },
    /// The item has them no longer.
    Disappeared {
        /// Size of the old entry.
        before: u64,
    },
    /// Projected attributes changed, the key did not.
    Updated {
        /// Size of the old entry.
        before: u64,
        /// Size of the new entry.
        after: u64,
    },
    /// The value of the index key changed.
    Moved {
        /// Size of the old entry.
        before: u64,
        /// Size of the new entry.
        after: u64,
    },
}

/// Units of `unit` bytes, at least one.
const fn unit_count(bytes: u64, unit: u64) -> u64 {
    if bytes <= unit {
        1
    } else {
        bytes.div_ceil(unit)
    }
}

impl Add for ReadUnits {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            halves: self.halves.saturating_add(other.halves),
        }
    }
}
impl AddAssign for ReadUnits {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}
impl Sum for ReadUnits {
    fn sum<I: Iterator<Item = Self>>(units: I) -> Self {
        units.fold(Self::ZERO, Add::add)
    }
}
impl Add for WriteUnits {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}
impl AddAssign for WriteUnits {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}
impl Sum for WriteUnits {
    fn sum<I: Iterator<Item = Self>>(units: I) -> Self {
        units.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for ReadUnits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let half = if self.halves % 2 == 1 { ".5" } else { "" };
        write!(f, "{}{half}", self.halves / 2)
    }
}
impl fmt::Display for WriteUnits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
