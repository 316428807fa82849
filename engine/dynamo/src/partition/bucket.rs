//! Token buckets, exact to the picosecond.

use kvrig_base::time::{Span, Time};

/// Parts of a token: the gain of one token per second in one picosecond.
const PARTS: i128 = 1_000_000_000_000;

/// A bucket that gains tokens at a rate, up to what it holds.
///
/// A request passes while the bucket is not empty, and its whole price is taken: so one that costs
/// more than the bucket holds can pass too, and those behind it wait until the debt is paid off.
/// This is our choice, since the price of a read is known only when it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenBucket {
    /// Tokens per second.
    rate: u64,
    /// Parts at most.
    capacity: i128,
    /// Parts; less than none while in debt.
    level: i128,
    at: Time,
}

impl TokenBucket {
    /// A full bucket that gains `rate` tokens per second and holds what it gains in `holds`.
    pub fn full(rate: u64, holds: Span, now: Time) -> Self {
        let capacity = gain(rate, holds);
        Self {
            rate,
            capacity,
            level: capacity,
            at: now,
        }
    }
    /// The same without any tokens.
    #[must_use]
    pub const fn emptied(mut self) -> Self {
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
        self.rate = rate;
        self.capacity = gain(rate, holds);
        self.level = self.level.min(self.capacity);
    }
    /// Whether a request may pass at `now`.
    pub fn has_tokens(&mut self, now: Time) -> bool {
        self.refill(now);
        self.level > 0
    }
    /// Takes `tokens`, whether or not there are so many.
    pub fn take(&mut self, tokens: u64, now: Time) {
        self.refill(now);
        self.debit(tokens);
    }
    /// Gives `tokens` back that were taken and not used, as far as there is room.
    pub fn refund(&mut self, tokens: u64, now: Time) {
        self.refill(now);
        self.pour(i128::from(tokens) * PARTS);
    }
    /// Takes `tokens` if a request may pass at `now`, and says whether it did.
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
        let tokens = self.level.div_euclid(PARTS);
        tokens.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
    }

    /// Gains what is due by `now` and returns the parts that found no room.
    pub(super) fn refill(&mut self, now: Time) -> i128 {
        let elapsed = now.since(self.at);
        if elapsed.is_zero() {
            return 0;
        }
        self.at = now;
        self.level = self.level.saturating_add(gain(self.rate, elapsed));
        let overflow = (self.level - self.capacity).max(0);
        self.level -= overflow;
        overflow
    }
    /// Lets time pass without any gain.
    pub(super) fn skip(&mut self, now: Time) {
        self.at = self.at.max(now);
    }
    /// Gains parts that another bucket had no room for.
    pub(super) fn pour(&mut self, parts: i128) {
        self.level = self.level.saturating_add(parts).min(self.capacity);
    }
    /// Whether it has tokens as of its last refill.
    pub(super) const fn is_positive(&self) -> bool {
        self.level > 0
    }
    /// Takes tokens as of its last refill.
    pub(super) const fn debit(&mut self, tokens: u64) {
        self.level = self.level.saturating_sub(tokens as i128 * PARTS);
    }
}

/// Parts gained at `rate` tokens per second.
fn gain(rate: u64, span: Span) -> i128 {
    i128::from(rate).saturating_mul(i128::from(span.as_picos()))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
