//! How keys are used: when last, or how often (`redis:src/evict.c`).
//!
//! The header of every object of Redis has 24 bits for it, whose meaning the policy decides:
//!
//! ```text
//! LFU policies   23 ........... 8 7 ..... 0     all others   23 ................. 0
//!                minute of the    counter                    second of the last use
//!                last use
//! ```
//!
//! What one policy has written another reads as its own, as in Redis, until the keys are used again.

use super::{Database, Keyspace};
use crate::config::Config;
use crate::value::Value;
use kvrig_base::random::{Probability, Sequence};
use kvrig_base::seam::Work;
use kvrig_tables::Slot;

/// The second of the last use has 24 bits and wraps after 194 days (LRU_BITS, LRU_CLOCK_RESOLUTION).
const CLOCK_MASK: u32 = (1 << 24) - 1;
/// What the counter of a new key begins with, so that it is not evicted before it can be used again
/// (LFU_INIT_VAL).
const COUNTER_AT_FIRST: u8 = 5;

/// When a key was used last, or how often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage(u32);

/// What a snapshot or RESTORE states of the uses of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StatedUse {
    /// Seconds since the last use.
    pub(crate) idle_s: Option<i64>,
    /// The counter of uses.
    pub(crate) frequency: Option<u8>,
}

/// The clock that uses are written down by, and the rules.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct UsageClock {
    seconds: u32,
    /// Minutes wrap after 45 days.
    minutes: u16,
    /// Whether uses are counted.
    counts: bool,
    /// `lfu-log-factor`.
    log_factor: u64,
    /// `lfu-decay-time`: the minutes after which the counter falls by one; 0 is never.
    decay_minutes: u32,
}

/// Whether uses of keys are written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Marking {
    /// A child lives, and each write would make the system copy a page.
    #[default]
    Never,
    /// They are, and the receipt does not show it: nothing but OBJECT asks.
    Unpriced,
    /// They are, and the receipt shows the write: the policy asks.
    Priced,
}

impl UsageClock {
    fn set_time(&mut self, unix_s: u64) {
        self.seconds = unix_s as u32 & CLOCK_MASK;
        self.minutes = (unix_s / 60) as u16;
    }
    fn set_rules(&mut self, config: &Config) {
        self.counts = config.maxmemory_policy.counts_uses();
        self.log_factor = config.lfu_log_factor.into();
        self.decay_minutes = config.lfu_decay_time;
    }
    /// The usage of a key that is new.
    pub(crate) fn fresh(&self) -> Usage {
        match self.counts {
            true => self.counted(COUNTER_AT_FIRST),
            false => Usage(self.seconds),
        }
    }
    fn counted(&self, counter: u8) -> Usage {
        Usage(u32::from(self.minutes) << 8 | u32::from(counter))
    }
    /// What becomes of it when the key is used (updateLFU).
    #[inline]
    pub(crate) fn used(&self, before: Usage, random: &mut Sequence) -> Usage {
        match self.counts {
            true => self.counted(self.raised(self.frequency(before), random)),
            false => Usage(self.seconds),
        }
    }
    /// The counter after one more use: the higher it is, the less likely it rises (LFULogIncr).
    fn raised(&self, counter: u8, random: &mut Sequence) -> u8 {
        let above = u64::from(counter.saturating_sub(COUNTER_AT_FIRST));
        let uses_to_rise = above * self.log_factor + 1;
        let rises =
            uses_to_rise == 1 || Probability::ratio(1, uses_to_rise).happens(random.next_u64());
        counter.saturating_add(rises.into())
    }
    /// The counter as it has decayed since the last use (LFUDecrAndReturn).
    pub(crate) fn frequency(&self, usage: Usage) -> u8 {
        let minute = (usage.0 >> 8) as u16;
        // Where the minutes have wrapped, Redis counts one too few (LFUTimeElapsed).
        let elapsed = match self.minutes >= minute {
            true => self.minutes - minute,
            false => u16::MAX - minute + self.minutes,
        };
        let periods = u32::from(elapsed).checked_div(self.decay_minutes);
        let fallen = u8::try_from(periods.unwrap_or(0)).unwrap_or(u8::MAX);
        (usage.0 as u8).saturating_sub(fallen)
    }
    /// The usage that a key is stated to have, where that is what the policy asks for
    /// (objectSetLRUOrLFU).
    fn stated(&self, stated: StatedUse) -> Option<Usage> {
        if self.counts {
            return stated.frequency.map(|counter| self.counted(counter));
        }
        let idle_s = stated.idle_s.filter(|idle_s| *idle_s >= 0)?;
        // As in C, a time beyond 2^63 ms wraps.
        let idle_s = idle_s.wrapping_mul(1_000) / 1_000;
        let (clock, wrap) = (i64::from(self.seconds), i64::from(CLOCK_MASK));
        let used_s = match clock.wrapping_sub(idle_s) {
            0.. => clock.wrapping_sub(idle_s),
            // Longer ago than the clock goes back: as long as it can tell.
            _ => (clock + wrap / 2) % wrap,
        };
        Some(Usage(used_s as u32 & CLOCK_MASK))
    }
    /// How long the key was not used, in milliseconds (estimateObjectIdleTime).
    pub(crate) fn idle_ms(&self, usage: Usage) -> u64 {
        // Where the seconds have wrapped, Redis counts one too few.
        let idle_s = match self.seconds >= usage.0 {
            true => self.seconds - usage.0,
            false => CLOCK_MASK - usage.0 + self.seconds,
        };
        u64::from(idle_s) * 1_000
    }
}

impl Keyspace {
    /// Sets the clock that uses of keys are written down by.
    pub(crate) fn set_clock(&mut self, unix_s: u64, config: &Config, has_child: bool) {
        self.usage.set_time(unix_s);
        self.marking = match config.tracks_use() {
            _ if has_child => Marking::Never,
            true => Marking::Priced,
            false => Marking::Unpriced,
        };
        self.set_usage_rules(config);
    }
    /// Takes over what the configuration says of uses.
    pub(super) fn set_usage_rules(&mut self, config: &Config) {
        self.usage.set_rules(config);
        for database in &mut self.databases {
            database.usage = self.usage;
            database.marking = self.marking;
        }
    }
    /// Writes uses of keys down no longer.
    pub(crate) fn stop_tracking_use(&mut self) {
        self.marking = Marking::Never;
        for database in &mut self.databases {
            database.marking = self.marking;
        }
    }
}

impl Database {
    /// Writes down that the key at `slot` is used.
    #[inline]
    pub(super) fn mark_used(&mut self, slot: Slot, work: &mut Work) {
        let record = match self.marking {
            Marking::Never => return,
            Marking::Unpriced => self.keys.entry(slot),
            Marking::Priced => &*self.keys.entry_mut(slot, work),
        };
        let usage = self.usage.used(record.usage.get(), &mut self.uses);
        record.usage.set(usage);
    }
    /// Writes down that the key at `slot` has another value: an object that is new, which inherits how
    /// often the former was used and not when.
    pub(super) fn mark_replaced(&mut self, slot: Slot) {
        if !self.usage.counts {
            self.keys.entry(slot).usage.set(self.usage.fresh());
        }
    }
    /// The 24 bits of it, as the header of an object of Redis has them.
    pub(crate) fn usage_bits(&self, slot: Slot) -> u32 {
        self.usage(slot).0
    }
    /// How the key at `slot` is used.
    pub(crate) fn usage(&self, slot: Slot) -> Usage {
        self.keys.entry(slot).usage.get()
    }
    /// Adds a key that is not there, with a value that was used under another name or elsewhere.
    pub(crate) fn add_used(&mut self, key: &[u8], value: Value, usage: Usage, work: &mut Work) {
        let slot = self.add(key, value, work);
        self.keys.entry(slot).usage.set(usage);
    }
    /// Takes over what is stated of the uses of the key at `slot`.
    pub(crate) fn restore_usage(&mut self, slot: Slot, stated: StatedUse) {
        if let Some(usage) = self.usage.stated(stated) {
            self.keys.entry(slot).usage.set(usage);
        }
    }
    /// How long the key at `slot` was not used, in milliseconds.
    pub(crate) fn idle_ms(&self, slot: Slot) -> u64 {
        self.usage.idle_ms(self.usage(slot))
    }
    /// How often the key at `slot` is used, on the counter's scale.
    pub(crate) fn frequency(&self, slot: Slot) -> u8 {
        self.usage.frequency(self.usage(slot))
    }
    /// Whether uses are counted, and not timed.
    pub(crate) fn counts_uses(&self) -> bool {
        self.usage.counts
    }
    /// Whether the integer at `slot` is an object that keys share.
    pub(crate) fn shares_integer(&self, slot: Slot) -> bool {
        self.keys.entry(slot).shares_integer
    }
    /// Whether a value that is stored now would share the object of a small integer.
    pub(super) fn would_share(&self, value: &Value) -> bool {
        self.integers_are_shared && value.is_small_integer()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::random::Seed;

    fn clock(log_factor: u64, decay_minutes: u32) -> UsageClock {
        UsageClock {
            counts: true,
            log_factor,
            decay_minutes,
            ..UsageClock::default()
        }
    }

    /// The mean of many counters after so many uses.
    fn mean(log_factor: u64, uses: u32) -> f64 {
        const KEYS: u32 = 60;
        let clock = clock(log_factor, 1);
        let mut random = Seed(3).stream("uses").sequence(log_factor);
        let mut sum = 0;
        for _ in 0..KEYS {
            let mut usage = clock.fresh();
            for _ in 0..uses {
                usage = clock.used(usage, &mut random);
            }
            sum += u32::from(clock.frequency(usage));
        }
        f64::from(sum) / f64::from(KEYS)
    }

    /// The mean counter, carried forward exactly: its distribution moves up by one with the
    /// probability 1/((counter - 5) factor + 1).
    fn expected_mean(log_factor: u64, uses: u32) -> f64 {
        let mut share = [0.0; 256];
        share[usize::from(COUNTER_AT_FIRST)] = 1.0;
        for _ in 0..uses {
            let mut next = share;
            for counter in 5..255 {
                let rises = share[counter] / ((counter as u64 - 5) * log_factor + 1) as f64;
                next[counter] -= rises;
                next[counter + 1] += rises;
            }
            share = next;
        }
        (0..256)
            .map(|counter| counter as f64 * share[counter])
            .sum()
    }

    #[test]
    fn the_counter_rises_by_the_law_of_its_log_factor() {
        for log_factor in [0, 1, 10, 100] {
            for uses in [10, 100, 1_000, 10_000] {
                let (seen, expected) = (mean(log_factor, uses), expected_mean(log_factor, uses));
                assert!(
                    (seen - expected).abs() <= 1.0,
                    "factor {log_factor}, {uses} uses: {seen} and not {expected}"
                );
            }
        }
    }

    /// The table in the comments of redis.conf 7.0: the counter of one key after so many uses by
    /// factor, each measured once.
    #[test]
    fn the_law_gives_the_table_of_redis_conf() {
        for (log_factor, uses, counter) in [
            (0, 100, 104.0),
            (0, 1_000, 255.0),
            (1, 100, 18.0),
            (1, 1_000, 49.0),
            (1, 100_000, 255.0),
            (10, 100, 10.0),
            (10, 1_000, 18.0),
            (10, 100_000, 142.0),
            (100, 100, 8.0),
            (100, 1_000, 11.0),
            (100, 100_000, 49.0),
        ] {
            let expected = expected_mean(log_factor, uses);
            assert!(
                (expected - counter).abs() <= 2.0 + counter / 25.0,
                "factor {log_factor}, {uses} uses: {expected} and not {counter}"
            );
        }
    }

    #[test]
    fn the_counter_falls_by_one_each_decay_time() {
        let mut clock = clock(10, 2);
        let usage = clock.counted(20);
        for (minutes, counter) in [
            (0, 20),
            (1, 20),
            (2, 19),
            (11, 15),
            (39, 1),
            (40, 0),
            (900, 0),
        ] {
            clock.minutes = minutes;
            assert_eq!(clock.frequency(usage), counter, "after {minutes} minutes");
        }
        clock.decay_minutes = 0;
        assert_eq!(clock.frequency(usage), 20, "without decay");
    }

    #[test]
    fn clocks_that_have_wrapped_count_on() {
        let mut clock = clock(10, 1);
        clock.minutes = u16::MAX;
        let usage = clock.counted(200);
        clock.minutes = 10;
        assert_eq!(clock.frequency(usage), 190);
        clock.counts = false;
        clock.seconds = CLOCK_MASK - 4;
        let usage = clock.fresh();
        clock.seconds = 5;
        assert_eq!(clock.idle_ms(usage), 9_000);
    }

    #[test]
    fn a_full_counter_stays_full() {
        let clock = clock(0, 1);
        let mut random = Seed(3).stream("uses").sequence(0);
        let usage = clock.used(clock.counted(255), &mut random);
        assert_eq!(clock.frequency(usage), 255);
    }
}
