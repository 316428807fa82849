//! What a run leaves: seconds, partitions by windows, splits, and the books that must balance.

use super::places::Collection;
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::quantity::grouped;
use kvrig_base::time::{Span, Time};
use kvrig_dynamo::partition::NoSplit;
use serde::{Deserialize, Serialize};

/// The window of [`Second`].
pub const SECOND: Span = Span::from_secs(1);
/// The window of [`HeatCell`], after which partitions are looked at too.
pub const HEAT_WINDOW: Span = Span::from_secs(10);

/// One second of a run; a retry counts in the second in which it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Second {
    /// Requests that clients meant to send.
    pub offered: u64,
    /// What was sent, retries included.
    pub attempts: u64,
    /// Attempts let through.
    pub served: u64,
    /// Requests whose last attempt was throttled.
    pub failed: u64,
}

impl Second {
    /// Attempts that were throttled.
    pub const fn throttled(&self) -> u64 {
        self.attempts - self.served
    }
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            offered: self.offered + other.offered,
            attempts: self.attempts + other.attempts,
            served: self.served + other.served,
            failed: self.failed + other.failed,
        }
    }
}

/// One partition in one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeatCell {
    /// Number of the window from 0.
    pub window: u32,
    /// Number of the partition in the order of creation.
    pub partition: u32,
    /// Its beginning in the space of hashes, in parts per million of the space.
    pub from_ppm: u32,
    /// Write units let through.
    pub written: u64,
    /// Half units of reads let through.
    pub read: u64,
    /// Write units of attempts that were refused.
    pub refused_written: u64,
    /// Half units of reads that were refused.
    pub refused_read: u64,
}

/// What was saved when a window ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Half units of reads: the least of any partition, or what the table has.
    pub saved_read: i64,
    /// Write units, in the same manner.
    pub saved_written: i64,
    /// The largest share of write units of a partition; nothing where partitions have none.
    pub share_written: Option<u64>,
}

/// Whether a partition was cooled by a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cooled {
    /// It became two.
    Split,
    /// All load is on one item.
    SingleItem,
    /// Keys come in sequence.
    Sequential,
    /// All load is on one item collection that must stay whole.
    LocalIndex,
    /// More partitions for a higher peak on demand.
    Growth,
}

impl From<NoSplit> for Cooled {
    fn from(reason: NoSplit) -> Self {
        match reason {
            NoSplit::SingleItem => Self::SingleItem,
            NoSplit::SequentialAccess => Self::Sequential,
            NoSplit::LocalIndex => Self::LocalIndex,
        }
    }
}

/// A split, or the decision that none helps; of equal decisions of a partition the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitEvent {
    /// When, in nanoseconds.
    pub at_ns: u64,
    /// The partition.
    pub partition: u32,
    /// What came of it.
    pub cooled: Cooled,
    /// Partitions from then on.
    pub partitions: u32,
}

/// Attempts of one item collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCount {
    /// The number of the collection.
    pub collection: u32,
    /// Attempts.
    pub attempts: u64,
    /// Those of them that were throttled.
    pub throttled: u64,
    /// Requests offered.
    pub offered: u64,
}

/// A step of auto scaling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScalingStep {
    /// When the minute ended that decided, in nanoseconds.
    pub decided_ns: u64,
    /// When the alarm went off.
    pub alarm_ns: u64,
    /// When the new capacity held.
    pub done_ns: u64,
    /// Write units per second from then on.
    pub units: u64,
}

/// Sums of a whole run, which must balance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Books {
    /// Requests that clients meant to send.
    pub offered: u64,
    /// Attempts, retries included.
    pub attempts: u64,
    /// Attempts let through: each answers a request.
    pub served: u64,
    /// Requests given up.
    pub failed: u64,
    /// Retries that were planned.
    pub retries: u64,
    /// Requests that waited for their retry when the run ended.
    pub waiting: u64,
    /// Attempts refused by a partition of the table.
    pub refused_key_range: u64,
    /// Attempts refused by the table.
    pub refused_provisioned: u64,
    /// Attempts refused by a partition of the index.
    pub refused_index_key_range: u64,
    /// Attempts refused by the index.
    pub refused_index_provisioned: u64,
    /// Tokens charged for writes.
    pub written: u64,
    /// Tokens charged for reads, in half units.
    pub read: u64,
}

impl Books {
    /// Attempts that were refused, whoever did it.
    pub const fn throttled(&self) -> u64 {
        self.refused_key_range
            + self.refused_provisioned
            + self.refused_index_key_range
            + self.refused_index_provisioned
    }
    /// Checks that no request was lost or made up.
    ///
    /// # Errors
    /// `KV4001` if the books do not balance: the run must not be believed.
    pub fn check(&self) -> Result<(), Diagnostic> {
        let sums = [
            (
                "requests",
                self.offered,
                self.served + self.failed + self.waiting,
            ),
            ("attempts", self.attempts, self.served + self.throttled()),
            (
                "throttled attempts",
                self.throttled(),
                self.failed + self.retries,
            ),
            (
                "sent attempts",
                self.attempts + self.waiting,
                self.offered + self.retries,
            ),
        ];
        for (what, counted, found) in sums {
            if counted != found {
                let message = format!("{counted} {what} were counted and {found} found");
                return Err(Diagnostic::new(diagnostic::CONSERVATION, message));
            }
        }
        Ok(())
    }
}

/// Everything that a run leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The sums.
    pub books: Books,
    /// All seconds of the run.
    pub seconds: Vec<Second>,
    /// The partitions of the table by windows, in the order of the space of keys.
    pub cells: Vec<HeatCell>,
    /// What the table had saved when windows ended.
    pub tokens: Vec<Tokens>,
    /// The partitions of the index.
    pub index_cells: Vec<HeatCell>,
    /// Splits of the table and decisions against them.
    pub splits: Vec<SplitEvent>,
    /// Those of the index.
    pub index_splits: Vec<SplitEvent>,
    /// Collections that were to be counted, in ascending order of their numbers.
    pub keys: Vec<KeyCount>,
    /// When the first attempt was throttled, in nanoseconds.
    pub first_throttled_ns: Option<u64>,
    /// Steps of auto scaling.
    pub scaling: Vec<ScalingStep>,
    /// Partitions of the table at the end.
    pub partitions: u32,
    /// Buckets of the table and its index, of their partitions and nodes: of each it was checked that
    /// what it was granted is spent, spilled or left.
    pub buckets: u64,
}

/// What the ends of runs were checked for; a run that does not balance ends with an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// Runs of a table.
    pub runs: u64,
    /// Requests, each of which was served, failed or waited for its retry at the end.
    pub offered: u64,
    /// Buckets, of each of which every token that it was granted was spent, spilled or left.
    pub buckets: u64,
}

impl Checked {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            runs: self.runs + other.runs,
            offered: self.offered + other.offered,
            buckets: self.buckets + other.buckets,
        }
    }
    /// What was found, in a sentence.
    pub fn sentence(&self) -> String {
        let text = |count: u64| grouped(count.cast_signed());
        format!(
            "The books of all runs balance, {} in all: each of {} requests was served, failed or \
             waited for its retry at the end, and every token of {} buckets was spent, spilled or left.",
            text(self.runs),
            text(self.offered),
            text(self.buckets)
        )
    }
}

/// Which of the two lists of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The table's.
    Table,
    /// The index's.
    Index,
}

impl Recorded {
    /// The sums of the seconds from `from` up to `to`.
    pub fn between(&self, from: Span, to: Span) -> Second {
        let index = |span: Span| (span.as_picos() / SECOND.as_picos()) as usize;
        let end = index(to).min(self.seconds.len());
        let seconds = self.seconds.get(index(from)..end).unwrap_or_default();
        seconds
            .iter()
            .fold(Second::default(), |sum, second| sum.plus(*second))
    }
    /// What the end of the run was checked for.
    pub const fn checked(&self) -> Checked {
        Checked {
            runs: 1,
            offered: self.books.offered,
            buckets: self.buckets,
        }
    }
    /// The sums of all seconds.
    pub fn all(&self) -> Second {
        let seconds = self.seconds.iter();
        seconds.fold(Second::default(), |sum, second| sum.plus(*second))
    }
    /// The partitions and splits of the table or of the index.
    pub fn kept(&self, kept: Kept) -> (&[HeatCell], &[SplitEvent]) {
        match kept {
            Kept::Table => (&self.cells, &self.splits),
            Kept::Index => (&self.index_cells, &self.index_splits),
        }
    }
    /// Adds what happened in the second of an instant.
    pub(super) fn add(&mut self, at: Time, second: Second) {
        let index = (at.as_picos() / SECOND.as_picos()) as usize;
        if index >= self.seconds.len() {
            self.seconds.resize(index + 1, Second::default());
        }
        self.seconds[index] = self.seconds[index].plus(second);
    }
    pub(super) fn key(&mut self, collection: Collection) -> Option<&mut KeyCount> {
        let found = self
            .keys
            .binary_search_by_key(&collection.0, |key| key.collection);
        found.ok().map(|index| &mut self.keys[index])
    }
}
