//! When Redis resizes, by version: pure functions of sizes.
//!
//! Sources: `redis:src/dict.c` and `redis:src/dict.h` of 7.0.15 and of 7.4, `redis:src/server.c`
//! (htNeedsResize, dictTypeExpandAllowed, databasesCron).

use crate::table::ResizePolicy;

/// Buckets of the first array, and the fewest ever (DICT_HT_INITIAL_SIZE).
pub const INITIAL_BUCKETS: u64 = 4;
/// Empty buckets that a step may visit for each bucket that it may move (dictRehash).
pub const EMPTY_VISITS_PER_BUCKET: u64 = 10;
/// Buckets that the timer moves between two looks at the time (dictRehashMilliseconds).
pub const CRON_BATCH_BUCKETS: u64 = 100;

/// A version of Redis whose table differs from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedisVersion {
    /// 7.0 and 7.2.
    V70,
    /// 7.4 and 8.0.
    V74,
}

/// The rules of one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedisRules {
    version: RedisVersion,
    buckets_per_step: u64,
}

impl RedisRules {
    /// The rules of `version`.
    pub const fn of(version: RedisVersion) -> Self {
        Self {
            version,
            buckets_per_step: 1,
        }
    }
    /// The same rules with other steps, to show that a changed step is noticed.
    #[doc(hidden)]
    #[must_use]
    pub const fn with_buckets_per_step(self, buckets_per_step: u64) -> Self {
        Self {
            buckets_per_step,
            ..self
        }
    }
    /// The version.
    pub const fn version(self) -> RedisVersion {
        self.version
    }
    /// Buckets with entries that one step moves at most.
    pub const fn buckets_per_step(self) -> u64 {
        self.buckets_per_step
    }

    /// Buckets of the array for `entries`: the next power of two, at least four (_dictNextExp).
    pub const fn buckets_for(self, entries: u64) -> u64 {
        if entries <= INITIAL_BUCKETS {
            INITIAL_BUCKETS
        } else {
            entries.next_power_of_two()
        }
    }

    /// Whether a table of `entries` in `buckets` grows before the next entry.
    ///
    /// While a child lives, 7.0 waits until the integer quotient exceeds 5, which is at six entries
    /// a bucket; 7.4 until four.
    pub const fn grows(self, policy: ResizePolicy, entries: u64, buckets: u64) -> bool {
        match policy {
            ResizePolicy::Allow => entries >= buckets,
            ResizePolicy::Avoid => match self.version {
                RedisVersion::V70 => entries / buckets > 5,
                RedisVersion::V74 => entries >= 4 * buckets,
            },
            ResizePolicy::Forbid => false,
        }
    }

    /// Whether a table is so full that it grows beyond the memory limit: more than 1.618 entries a
    /// bucket (HASHTABLE_MAX_LOAD_FACTOR, redis#7954).
    pub const fn is_overfull(self, entries: u64, buckets: u64) -> bool {
        entries * 1_000 > buckets * 1_618
    }

    /// Whether a table of `entries` in `buckets` shrinks when its size is checked.
    pub const fn shrinks(self, policy: ResizePolicy, entries: u64, buckets: u64) -> bool {
        if buckets <= INITIAL_BUCKETS {
            return false;
        }
        match (self.version, policy) {
            (_, ResizePolicy::Forbid) | (RedisVersion::V70, ResizePolicy::Avoid) => false,
            (RedisVersion::V70, ResizePolicy::Allow) => entries * 100 / buckets < 10,
            (RedisVersion::V74, ResizePolicy::Allow) => entries * 8 <= buckets,
            (RedisVersion::V74, ResizePolicy::Avoid) => entries * 32 <= buckets,
        }
    }

    /// Whether the size is checked for shrinking at every removal, and for growing by the timer.
    pub const fn checks_at_removal(self) -> bool {
        matches!(self.version, RedisVersion::V74)
    }

    /// Whether the memory limit also stops a smaller array from being allocated.
    pub const fn guards_shrinking(self) -> bool {
        matches!(self.version, RedisVersion::V74)
    }

    /// Whether a rehash from `from` to `to` buckets goes on under `policy`.
    pub const fn rehash_goes_on(self, policy: ResizePolicy, from: u64, to: u64) -> bool {
        let (larger, smaller) = if to > from { (to, from) } else { (from, to) };
        match (policy, self.version) {
            (ResizePolicy::Allow, _) => true,
            (ResizePolicy::Forbid, _) => false,
            (ResizePolicy::Avoid, RedisVersion::V70) => larger / smaller >= 5,
            (ResizePolicy::Avoid, RedisVersion::V74) if to > from => to >= 4 * from,
            (ResizePolicy::Avoid, RedisVersion::V74) => from >= 32 * to,
        }
    }

    /// Whether a step moves the bucket that the operation looks at, if it has entries.
    pub const fn moves_visited_bucket(self) -> bool {
        matches!(self.version, RedisVersion::V74)
    }

    /// Whether a look-up passes over buckets of the old array that are known to be empty.
    pub const fn skips_moved_buckets(self) -> bool {
        matches!(self.version, RedisVersion::V74)
    }

    /// Whether keys are hashed again when entries move to a smaller array, where a mask of the old
    /// bucket's number would do.
    pub const fn hashes_when_shrinking(self) -> bool {
        matches!(self.version, RedisVersion::V70)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ResizePolicy::{Allow, Avoid, Forbid};

    const V70: RedisRules = RedisRules::of(RedisVersion::V70);
    const V74: RedisRules = RedisRules::of(RedisVersion::V74);

    #[test]
    fn a_table_grows_at_one_entry_a_bucket_or_later_while_a_child_lives() {
        for (rules, policy, at) in [
            (V70, Allow, 16),
            (V74, Allow, 16),
            (V70, Avoid, 96),
            (V74, Avoid, 64),
        ] {
            assert!(!rules.grows(policy, at - 1, 16), "{rules:?} {policy:?}");
            assert!(rules.grows(policy, at, 16), "{rules:?} {policy:?}");
        }
        assert!(!V70.grows(Forbid, 1_000, 16) && !V74.grows(Forbid, 1_000, 16));
    }

    #[test]
    fn a_table_shrinks_below_a_tenth_in_7_0_and_at_an_eighth_in_7_4() {
        for (rules, policy, at) in [(V70, Allow, 102), (V74, Allow, 128), (V74, Avoid, 32)] {
            assert!(rules.shrinks(policy, at, 1_024), "{rules:?} {policy:?}");
            assert!(
                !rules.shrinks(policy, at + 1, 1_024),
                "{rules:?} {policy:?}"
            );
        }
        assert!(!V70.shrinks(Avoid, 0, 1_024) && !V74.shrinks(Forbid, 0, 1_024));
        assert!(!V70.shrinks(Allow, 0, 4) && !V74.shrinks(Allow, 0, 4));
    }

    #[test]
    fn a_doubling_stops_while_a_child_lives_and_a_large_step_goes_on() {
        assert!(!V70.rehash_goes_on(Avoid, 16, 32) && !V74.rehash_goes_on(Avoid, 16, 32));
        assert!(!V70.rehash_goes_on(Avoid, 16, 64) && V74.rehash_goes_on(Avoid, 16, 64));
        assert!(V70.rehash_goes_on(Avoid, 16, 128));
        assert!(V70.rehash_goes_on(Avoid, 128, 16) && !V74.rehash_goes_on(Avoid, 128, 16));
        assert!(V74.rehash_goes_on(Avoid, 512, 16));
        assert!(!V70.rehash_goes_on(Forbid, 16, 512) && V70.rehash_goes_on(Allow, 16, 32));
    }

    #[test]
    fn arrays_have_the_next_power_of_two_and_at_least_four() {
        for (entries, buckets) in [(0, 4), (4, 4), (5, 8), (8, 8), (9, 16), (1 << 20, 1 << 20)] {
            assert_eq!(V70.buckets_for(entries), buckets);
        }
    }
}
