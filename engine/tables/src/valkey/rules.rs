//! When Valkey resizes, by version: pure functions of sizes.
//!
//! Source: `valkey:src/hashtable.c` of 8.1; the slices of the newer rules are valkey#3481.

use super::chains::{BUCKET_BYTES, BUCKET_ENTRIES};
use crate::pages::PAGE_BYTES;
use crate::table::ResizePolicy;

/// Bucket chains that the timer moves between two looks at the time
/// (hashtableRehashMicroseconds).
pub const CRON_BATCH_BUCKETS: u64 = 128;
/// Pages of the old table that are given back together (valkey#3481).
pub const SLICE_PAGES: u64 = 16;
/// Buckets on as many pages.
pub const SLICE_BUCKETS: u64 = SLICE_PAGES * PAGE_BYTES / BUCKET_BYTES;

/// Fill in percent beyond which a table grows: MAX_FILL_PERCENT_SOFT and MAX_FILL_PERCENT_HARD.
const FILL_MAX_PERCENT: u64 = 100;
const FILL_MAX_AVOID_PERCENT: u64 = 500;
/// Fill in percent up to which it shrinks: MIN_FILL_PERCENT_SOFT and MIN_FILL_PERCENT_HARD.
const FILL_MIN_PERCENT: u64 = 13;
const FILL_MIN_AVOID_PERCENT: u64 = 3;
/// Buckets an entry in a new table: BUCKET_FACTOR and BUCKET_DIVISOR, a fill of at most 91.43 %.
const BUCKETS_PER_ENTRY: (u64, u64) = (5, 32);

/// A version of Valkey whose table differs from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValkeyVersion {
    /// 8.1.
    V81,
    /// The development branch since valkey#3481, merged in May 2026.
    Unstable,
}

/// The rules of one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValkeyRules {
    version: ValkeyVersion,
}

impl ValkeyRules {
    /// The rules of `version`.
    pub const fn of(version: ValkeyVersion) -> Self {
        Self { version }
    }

    /// Buckets of the array for `entries`: enough for a fill of 91.43 %, rounded up to a power of
    /// two, at least one (nextBucketExp).
    pub const fn buckets_for(self, entries: u64) -> u64 {
        let (factor, divisor) = BUCKETS_PER_ENTRY;
        (entries * factor).div_ceil(divisor).next_power_of_two()
    }

    /// Whether a table of `entries` in `buckets` grows before the next entry
    /// (hashtableExpandIfNeeded).
    pub const fn grows(self, policy: ResizePolicy, entries: u64, buckets: u64) -> bool {
        let percent = match policy {
            ResizePolicy::Allow => FILL_MAX_PERCENT,
            ResizePolicy::Avoid => FILL_MAX_AVOID_PERCENT,
            ResizePolicy::Forbid => return buckets == 0,
        };
        (entries + 1) * 100 > capacity(buckets) * percent
    }

    /// Whether a table is so full that it grows beyond the memory limit: five entries a place.
    pub const fn is_overfull(self, entries: u64, buckets: u64) -> bool {
        (entries + 1) * 100 >= capacity(buckets) * FILL_MAX_AVOID_PERCENT
    }

    /// Whether a table of `entries` in `buckets` is sparse enough to shrink
    /// (hashtableShrinkIfNeeded).
    pub const fn shrinks(self, policy: ResizePolicy, entries: u64, buckets: u64) -> bool {
        let percent = match policy {
            ResizePolicy::Allow => FILL_MIN_PERCENT,
            ResizePolicy::Avoid => FILL_MIN_AVOID_PERCENT,
            ResizePolicy::Forbid => return false,
        };
        entries * 100 <= capacity(buckets) * percent
    }

    /// Whether a look-up, and the look-up that begins an insertion or a removal, takes a step
    /// (rehashStepOnReadIfNeeded). The timer goes by the same rule.
    pub const fn steps_on_reads(self, policy: ResizePolicy) -> bool {
        matches!(policy, ResizePolicy::Allow)
    }

    /// Whether the adding of an entry takes a step (rehashStepOnWriteIfNeeded).
    pub const fn steps_on_writes(self, policy: ResizePolicy) -> bool {
        matches!(policy, ResizePolicy::Avoid)
    }

    /// Whether the old array is given back while entries still move, [`SLICE_PAGES`] at a time.
    pub const fn frees_in_slices(self) -> bool {
        matches!(self.version, ValkeyVersion::Unstable)
    }
}

const fn capacity(buckets: u64) -> u64 {
    buckets * BUCKET_ENTRIES as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use ResizePolicy::{Allow, Avoid, Forbid};

    const RULES: ValkeyRules = ValkeyRules::of(ValkeyVersion::V81);

    #[test]
    fn a_table_grows_when_full_or_at_five_times_that_while_a_child_lives() {
        for (policy, at) in [(Allow, 7 * 16), (Avoid, 5 * 7 * 16)] {
            assert!(!RULES.grows(policy, at - 1, 16), "{policy:?}");
            assert!(RULES.grows(policy, at, 16), "{policy:?}");
        }
        assert!(!RULES.grows(Forbid, 1_000_000, 16) && RULES.grows(Forbid, 0, 0));
    }

    #[test]
    fn a_table_shrinks_at_13_percent_or_at_3_while_a_child_lives() {
        // 13 % of 7,168 places are 931.84, 3 % are 215.04.
        for (policy, at) in [(Allow, 931), (Avoid, 215)] {
            assert!(RULES.shrinks(policy, at, 1_024), "{policy:?}");
            assert!(!RULES.shrinks(policy, at + 1, 1_024), "{policy:?}");
        }
        assert!(!RULES.shrinks(Forbid, 0, 1_024));
    }

    #[test]
    fn new_arrays_are_filled_to_91_percent_at_most() {
        for (entries, buckets) in [
            (0, 1),
            (1, 1),
            (6, 1),
            (7, 2),
            (12, 2),
            (13, 4),
            (7 << 20, 1 << 21),
            ((7 << 20) + 1, 1 << 21),
            (35 << 20, 1 << 23),
        ] {
            assert_eq!(RULES.buckets_for(entries), buckets, "{entries}");
        }
        for entries in 1..5_000 {
            assert!(entries * 35 <= RULES.buckets_for(entries) * 7 * 32);
        }
    }

    #[test]
    fn a_slice_is_a_thousand_buckets() {
        assert_eq!(SLICE_BUCKETS, 1_024);
    }
}
