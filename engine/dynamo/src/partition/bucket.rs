//! Token buckets, exact to the picosecond.

use super::ledger::Ledger;
use kvrig_base::time::{Span, Time};

/// Parts of a token: the gain of one token per second in one picosecond.
pub(super) const PARTS: i128 = 1_000_000_000_000;

/// A bucket that gains tokens at a rate, up to what it holds.
///
/// A request passes while the bucket is not empty, and its whole price is taken: so one that costs
/// more than the bucket holds can pass too, and those behind it wait until the debt is paid off.
/// This is our choice, since the price of a read is known only when it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenBucket {
    /// Tokens per second.
    rate: u64,
    /// The time in which it gains what it holds.
    holds: Span,
    at: Time,
    /// Parts; less than none while in debt.
    level: i128,
    /// Parts granted in all, less what `rate` gains from the start of the run up to `at`.
    granted_before: i128,
    /// Parts that found no room.
    spilled: i128,
    /// Tokens taken, less those that were given back.
    spent: i64,
}

impl TokenBucket {
    /// A full bucket that gains `rate` tokens per second and holds what it gains in `holds`.
    pub fn full(rate: u64, holds: Span, now: Time) -> Self {
        let capacity = gain(rate, holds);
        Self {
            rate,
            holds,
            level: capacity,
            at: now,
            granted_before: capacity.wrapping_sub(gain(rate, now.since_start())),
            spilled: 0,
            spent: 0,
        }
    }
    /// The same without any tokens.
    #[must_use]
    pub const fn emptied(mut self) -> Self {
        self.granted_before = self.granted_before.wrapping_sub(self.level);
        self.level = 0;
        self
    }
    /// Tokens per second.
    pub const fn rate(&self) -> u64 {
        self.rate
    }
    /// Changes rate and capacity at `now`; tokens beyond the new capacity are lost.
    pub fn set_rate(&mut self, rate: u64, holds: Span, now: Time) {
        self.refill(now);
        let gained = |rate| gain(rate, self.at.since_start());
        let change = gained(self.rate).wrapping_sub(gained(rate));
        self.granted_before = self.granted_before.wrapping_add(change);
        (self.rate, self.holds) = (rate, holds);
        self.spill();
    }
    /// Whether a request may pass at `now`.
    #[inline]
    pub fn has_tokens(&mut self, now: Time) -> bool {
        self.refill(now);
        self.level > 0
    }
    /// Takes `tokens`, whether or not there are so many.
    #[inline]
    pub fn take(&mut self, tokens: u64, now: Time) {
        self.refill(now);
        self.debit(tokens);
    }
    /// Gives `tokens` back that were taken and not used, as far as there is room.
    pub fn refund(&mut self, tokens: u64, now: Time) {
        self.refill(now);
        self.level = self.level.saturating_add(in_parts(tokens));
        self.spent = self.spent.wrapping_sub_unsigned(tokens);
        self.spill();
    }
    /// Takes `tokens` if a request may pass at `now`, and says whether it did.
    #[inline]
    pub fn try_take(&mut self, tokens: u64, now: Time) -> bool {
        let passes = self.has_tokens(now);
        if passes {
            self.take(tokens, now);
        }
        passes
    }
    /// Whole tokens at `now`, rounded down; less than 0 while in debt.
    pub fn tokens(&mut self, now: Time) -> i64 {
        self.refill(now);
        whole(self.level)
    }
    /// What it was granted up to its last refill, and what became of it. What was granted follows
    /// from rates and times alone, whatever refills did in between.
    pub fn ledger(&self) -> Ledger {
        let gained = gain(self.rate, self.at.since_start());
        Ledger {
            granted: self.granted_before.wrapping_add(gained),
            spent: i128::from(self.spent).wrapping_mul(PARTS),
            spilled: self.spilled,
            left: self.level,
        }
    }

    /// Gains what is due by `now` and returns the parts that found no room.
    #[inline]
    pub(super) fn refill(&mut self, now: Time) -> i128 {
        let elapsed = now.since(self.at);
        if elapsed.is_zero() {
            return 0;
        }
        self.at = now;
        self.level = self.level.saturating_add(gain(self.rate, elapsed));
        self.spill()
    }
    /// Drops the parts that find no room and says how many they are.
    #[inline]
    fn spill(&mut self) -> i128 {
        let overflow = self
            .level
            .saturating_sub(gain(self.rate, self.holds))
            .max(0);
        self.level -= overflow;
        self.spilled = self.spilled.wrapping_add(overflow);
        overflow
    }
    /// Whether it has tokens as of its last refill.
    #[inline]
    pub(super) const fn is_positive(&self) -> bool {
        self.level > 0
    }
    /// Takes tokens as of its last refill.
    #[inline]
    pub(super) fn debit(&mut self, tokens: u64) {
        self.level = self.level.saturating_sub(in_parts(tokens));
        self.spent = self.spent.wrapping_add_unsigned(tokens);
    }
}

/// Tokens that are kept and gain nothing by themselves: they are poured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reserve {
    /// Parts at most.
    capacity: i128,
    level: i128,
    /// Parts that it had at first or were poured in.
    granted: i128,
    spilled: i128,
    /// Tokens taken.
    spent: i64,
}

impl Reserve {
    /// As full as it can be of what `rate` tokens per second gain in `holds`.
    pub(super) fn full(rate: u64, holds: Span) -> Self {
        let capacity = gain(rate, holds);
        Self {
            capacity,
            level: capacity,
            granted: capacity,
            spilled: 0,
            spent: 0,
        }
    }
    /// The same without any tokens.
    pub(super) const fn emptied(self) -> Self {
        Self {
            level: 0,
            granted: 0,
            ..self
        }
    }
    /// Changes what it holds; tokens beyond that are lost.
    pub(super) fn set_capacity(&mut self, rate: u64, holds: Span) {
        self.capacity = gain(rate, holds);
        self.pour(0);
    }
    /// Gains parts that a bucket had no room for.
    #[inline]
    pub(super) fn pour(&mut self, parts: i128) {
        let level = self.level.saturating_add(parts);
        let overflow = level.saturating_sub(self.capacity).max(0);
        self.level = level - overflow;
        self.granted = self.granted.wrapping_add(parts);
        self.spilled = self.spilled.wrapping_add(overflow);
    }
    #[inline]
    pub(super) const fn is_positive(&self) -> bool {
        self.level > 0
    }
    #[inline]
    pub(super) fn debit(&mut self, tokens: u64) {
        self.level = self.level.saturating_sub(in_parts(tokens));
        self.spent = self.spent.wrapping_add_unsigned(tokens);
    }
    /// Whole tokens, rounded down; less than 0 while in debt.
    pub(super) fn tokens(&self) -> i64 {
        whole(self.level)
    }
    pub(super) const fn ledger(&self) -> Ledger {
        Ledger {
            granted: self.granted,
            spent: (self.spent as i128).wrapping_mul(PARTS),
            spilled: self.spilled,
            left: self.level,
        }
    }
}

/// Whole tokens of so many parts, rounded down.
fn whole(parts: i128) -> i64 {
    let tokens = parts.div_euclid(PARTS);
    tokens.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

/// Parts of so many tokens: less than 2^104.
#[inline]
const fn in_parts(tokens: u64) -> i128 {
    (tokens as u128 * PARTS as u128) as i128
}

/// Parts gained at `rate` tokens per second.
#[inline]
fn gain(rate: u64, span: Span) -> i128 {
    let parts = u128::from(rate) * u128::from(span.as_picos());
    i128::try_from(parts).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: u64) -> Time {
        Time::START + Span::from_millis(millis)
    }

    #[test]
    fn a_bucket_gains_no_more_than_it_holds() {
        let mut bucket = TokenBucket::full(10, Span::from_secs(1), Time::START);
        assert_eq!(bucket.tokens(at(5_000)), 10);
        bucket.take(10, at(5_000));
        assert!(!bucket.has_tokens(at(5_000)));
        assert!(
            bucket.has_tokens(at(5_001)),
            "the hundredth part of a token"
        );
        assert_eq!(bucket.tokens(at(5_099)), 0);
        assert_eq!(bucket.tokens(at(5_100)), 1);
    }

    #[test]
    fn a_debt_is_paid_off_before_the_next_request_passes() {
        let mut bucket = TokenBucket::full(1, Span::from_secs(1), Time::START);
        assert!(bucket.try_take(4, Time::START));
        assert_eq!(bucket.tokens(Time::START), -3);
        assert!(!bucket.try_take(1, at(3_000)));
        assert!(bucket.try_take(1, at(3_001)));
    }

    #[test]
    fn time_that_stands_still_or_runs_back_gains_nothing() {
        let mut bucket = TokenBucket::full(1, Span::from_secs(1), at(5_000)).emptied();
        assert_eq!(bucket.tokens(at(1_000)), 0);
        assert_eq!(bucket.tokens(at(5_000)), 0);
        assert_eq!(bucket.tokens(at(6_000)), 1);
    }

    #[test]
    fn a_lower_rate_keeps_no_more_than_it_would_have_gained() {
        let mut bucket = TokenBucket::full(10, Span::from_secs(300), Time::START);
        bucket.set_rate(1, Span::from_secs(300), at(0));
        assert_eq!(bucket.tokens(at(0)), 300);
        assert_eq!(bucket.rate(), 1);
    }

    proptest! {
        /// Whatever is asked of a bucket in whatever order, nothing is made up and nothing is lost.
        #[test]
        fn what_is_granted_is_spent_or_spilled_or_left(
            start in 0_u64..10_000,
            rate in 0_u64..50_000,
            asked in prop::collection::vec((0_u64..3_000, 0_u8..4, 0_u64..50_000), 0..60),
        ) {
            let mut bucket = TokenBucket::full(rate, Span::from_secs(300), at(start));
            let mut now = start;
            let (mut granted, mut rate, mut spent) = (gain(rate, Span::from_secs(300)), rate, 0_i128);
            for (wait, what, amount) in asked {
                now += wait;
                granted += gain(rate, Span::from_millis(wait));
                match what {
                    0 => {
                        bucket.take(amount, at(now));
                        spent += i128::from(amount);
                    }
                    1 => spent += i128::from(amount) * i128::from(bucket.try_take(amount, at(now))),
                    2 => {
                        bucket.refund(amount, at(now));
                        spent -= i128::from(amount);
                    }
                    _ => {
                        bucket.set_rate(amount, Span::from_secs(300), at(now));
                        rate = amount;
                    }
                }
                let ledger = bucket.ledger();
                prop_assert!(ledger.balances(), "{:?}", ledger);
                prop_assert_eq!((ledger.granted, ledger.spent), (granted, spent * PARTS));
                prop_assert!(ledger.spilled >= 0);
            }
        }
    }
}
