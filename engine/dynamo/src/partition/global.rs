//! Global admission control: one count of tokens for a table, lent to its request routers.
//!
//! Elhemali et al. (USENIX ATC 2022, section 4.2): a router admits requests from a bucket of its own,
//! which it has refilled every few seconds by tokens that are valid for a time; the server estimates
//! from what its routers consume who needs how many. So a table's throughput is no longer divided
//! among partitions, and a skewed load runs up to the limit of a partition.

use super::BURST_SPAN;
use super::bucket::TokenBucket;
use super::ledger::Ledger;
use kvrig_base::time::{Span, Time};
use std::collections::BTreeMap;

/// How long lent tokens are valid, after which a router asks again. The paper says "every few
/// seconds"; this figure is ours.
pub const REPLENISH_SPAN: Span = Span::from_secs(2);
/// The part of a lease that goes to all routers alike, whatever they consumed: one in so many. A
/// router that was idle can start with it.
const EQUAL_PART: u128 = 4;

/// A request router.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouterId(pub u32);

/// Tokens that are lent to a router.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    /// How many.
    pub tokens: u64,
    /// Until when they are valid.
    pub until: Time,
}

/// The count of one table's tokens, for reads or for writes.
///
/// It is rebuilt from the requests of its routers: a server that starts anew lends from a full
/// bucket and knows its routers again after an interval.
#[derive(Clone, Debug)]
pub struct GlobalAdmission {
    bucket: TokenBucket,
    /// What each router consumed in its last interval, and until when its lease runs.
    routers: BTreeMap<RouterId, (u64, Time)>,
}

impl GlobalAdmission {
    /// A table of `rate` tokens per second, none of which was used for five minutes.
    pub fn new(rate: u64, now: Time) -> Self {
        Self {
            bucket: TokenBucket::full(rate, BURST_SPAN, now),
            routers: BTreeMap::new(),
        }
    }
    /// Changes the table's throughput at `now`.
    pub fn set_rate(&mut self, rate: u64, now: Time) {
        self.bucket.set_rate(rate, BURST_SPAN, now);
    }
    /// Tokens that are not lent at `now`.
    pub fn tokens(&mut self, now: Time) -> i64 {
        self.bucket.tokens(now)
    }
    /// What became of its tokens: those that are lent and were not returned count as spent.
    pub fn ledger(&self) -> Ledger {
        self.bucket.ledger()
    }
    /// Lends tokens to a router that consumed `consumed` of its last lease and wants `wanted` now,
    /// at most its share of what the table gains in an interval and has saved.
    ///
    /// Tokens that it did not consume are lost to it and return to the table.
    pub fn replenish(
        &mut self,
        router: RouterId,
        last: Lease,
        consumed: u64,
        wanted: u64,
        now: Time,
    ) -> Lease {
        // Routers whose lease ran out an interval ago have gone.
        self.routers
            .retain(|_, (_, until)| now.since(*until) < REPLENISH_SPAN);
        let until = now.saturating_add(REPLENISH_SPAN);
        self.routers.insert(router, (consumed.max(wanted), until));
        self.bucket
            .refund(last.tokens.saturating_sub(consumed), now);
        // What requests used beyond the lease, because their price was known too late, is owed.
        self.bucket.take(consumed.saturating_sub(last.tokens), now);
        let available = u128::from(u64::try_from(self.bucket.tokens(now)).unwrap_or(0));
        let count = self.routers.len() as u128;
        let all: u128 = self
            .routers
            .values()
            .map(|(units, _)| u128::from(*units))
            .sum();
        let equal = available / EQUAL_PART / count;
        let by_need = match all {
            0 => 0,
            all => (available - available / EQUAL_PART) * u128::from(consumed.max(wanted)) / all,
        };
        let share = u64::try_from(equal + by_need).unwrap_or(u64::MAX);
        let tokens = share.max(u64::from(available > 0)).min(wanted);
        self.bucket.take(tokens, now);
        Lease { tokens, until }
    }
}

/// The tokens that a router has for one table, for reads or for writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouterBucket {
    lease: Lease,
    consumed: u64,
}

impl RouterBucket {
    /// Takes over a lease; what is left of the last one is gone.
    pub const fn accept(&mut self, lease: Lease) {
        self.lease = lease;
        self.consumed = 0;
    }
    /// The lease with what was consumed of it, to be told to the server.
    pub const fn usage(&self) -> (Lease, u64) {
        (self.lease, self.consumed)
    }
    /// Whether a request of `tokens` tokens passes at `now`; if so they are taken.
    #[inline]
    pub fn try_take(&mut self, tokens: u64, now: Time) -> bool {
        let left = self.lease.tokens.saturating_sub(self.consumed);
        let passes = now < self.lease.until && tokens <= left;
        if passes {
            self.consumed += tokens;
        }
        passes
    }
    /// Corrects what was taken for a request by what it has used in the end; that may be more than is
    /// left.
    pub const fn settle(&mut self, taken: u64, used: u64) {
        self.consumed = self.consumed.saturating_add(used).saturating_sub(taken);
    }
    /// Whether the lease has run out at `now`, or fewer than `tokens` are left of it.
    #[inline]
    pub fn needs_more(&self, tokens: u64, now: Time) -> bool {
        now >= self.lease.until || self.lease.tokens.saturating_sub(self.consumed) < tokens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs routers with these loads per second for `secs` and says what each consumed.
    fn run(rate: u64, loads: &[u64], secs: u64) -> Vec<u64> {
        let mut server = GlobalAdmission::new(rate, Time::START);
        server.bucket = server.bucket.emptied();
        let mut routers = vec![RouterBucket::default(); loads.len()];
        let mut totals = vec![0; loads.len()];
        for tick in 0..secs * 100 {
            let now = Time::START + Span::from_millis(tick * 10);
            for (number, load) in loads.iter().enumerate() {
                let router = &mut routers[number];
                let due = load * (tick + 1) / 100 - load * tick / 100;
                if router.needs_more(due, now) {
                    let (last, consumed) = router.usage();
                    let id = RouterId(number as u32);
                    router.accept(server.replenish(id, last, consumed, load * 2, now));
                }
                if router.try_take(due, now) {
                    totals[number] += due;
                }
            }
        }
        totals
    }

    #[test]
    fn a_table_gives_no_more_than_it_gains() {
        let totals = run(1_000, &[5_000, 5_000, 100], 60);
        let sum: u64 = totals.iter().sum();
        assert!(sum <= 60_000, "{totals:?}");
        assert!(sum > 54_000, "{totals:?}");
    }

    #[test]
    fn an_uneven_load_below_the_tables_passes_whole() {
        let totals = run(1_000, &[800, 50, 50], 60);
        for (total, load) in totals.iter().zip([800, 50, 50]) {
            assert!(*total > load * 60 * 95 / 100, "{totals:?}");
        }
    }

    #[test]
    fn tokens_that_were_not_consumed_return() {
        let mut server = GlobalAdmission::new(10, Time::START);
        let id = RouterId(0);
        let lease = server.replenish(id, Lease::default(), 0, 1_000, Time::START);
        assert_eq!(lease.tokens, 1_000);
        assert_eq!(server.tokens(Time::START), 2_000);
        let next = server.replenish(id, lease, 400, 0, lease.until);
        assert_eq!(next.tokens, 0);
        assert_eq!(
            server.tokens(lease.until),
            2_620,
            "600 returned and 20 gained"
        );
    }

    #[test]
    fn what_was_used_beyond_a_lease_is_owed_by_the_table() {
        let mut server = GlobalAdmission::new(10, Time::START);
        let mut router = RouterBucket::default();
        let id = RouterId(0);
        router.accept(server.replenish(id, Lease::default(), 0, 20, Time::START));
        assert!(router.try_take(2, Time::START));
        router.settle(2, 520);
        let (last, consumed) = router.usage();
        let next = server.replenish(id, last, consumed, 20, Time::START);
        assert_eq!(next.tokens, 20);
        assert_eq!(server.tokens(Time::START), 3_000 - 520 - 20);
    }

    #[test]
    fn a_lease_ends_in_time() {
        let mut router = RouterBucket::default();
        assert!(!router.try_take(1, Time::START));
        router.accept(Lease {
            tokens: 10,
            until: Time::START + REPLENISH_SPAN,
        });
        assert!(router.try_take(10, Time::START));
        assert!(!router.try_take(1, Time::START));
        router.accept(Lease {
            tokens: 10,
            until: Time::START + REPLENISH_SPAN,
        });
        assert!(!router.try_take(1, Time::START + REPLENISH_SPAN));
        assert!(router.needs_more(1, Time::START + REPLENISH_SPAN));
    }
}
