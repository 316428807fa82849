//! How long clients wait, and what they do then.
//!
//! A client that gives up takes nothing back: what it sent is served all the same, when the store
//! gets to it, and the reply finds nobody waiting. Its next attempt goes out on the same connection,
//! as those clients do that share one among many callers (Lettuce, ioredis, StackExchange.Redis).
//! redis-py and go-redis close the connection and open another, which costs the store the accepting
//! of it on top; that is not modelled.

use kvrig_base::random::{Stream, below};
use kvrig_base::time::Span;

/// A client's time limit and its retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How long an attempt waits for its reply; above zero.
    pub timeout: Span,
    /// How often a request is sent again after its first attempt.
    pub retries: u32,
    /// How long the client pauses before it sends again.
    pub backoff: Backoff,
    /// Where the pauses are drawn from.
    ///
    /// The pause after an attempt is addressed by the request in an open loop, and by the client
    /// and its own count of requests in a closed one: it is the same whatever other clients do.
    pub draws: Stream,
}

/// Capped exponential backoff with full jitter: uniform between nothing and a ceiling that doubles
/// with every attempt, up to a cap.
///
/// Source: Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Ceiling of the first pause.
    pub base: Span,
    /// Highest ceiling.
    pub cap: Span,
}

impl Default for Backoff {
    /// 8 ms and 512 ms: `DEFAULT_BASE` and `DEFAULT_CAP` of `redis-py:redis/backoff.py`, and
    /// `MinRetryBackoff` and `MaxRetryBackoff` of `go-redis:options.go`.
    fn default() -> Self {
        Self {
            base: Span::from_millis(8),
            cap: Span::from_millis(512),
        }
    }
}

impl Backoff {
    /// The longest pause after attempt number `attempt`, counted from one.
    pub fn ceiling(self, attempt: u32) -> Span {
        let doublings = attempt.saturating_sub(1);
        let grown = 1_u64
            .checked_shl(doublings)
            .and_then(|factor| self.base.as_picos().checked_mul(factor));
        match grown {
            Some(picos) => Span::from_picos(picos).min(self.cap),
            None => self.cap,
        }
    }
    /// The pause after that attempt that a random word stands for.
    pub fn pause(self, attempt: u32, word: u64) -> Span {
        Span::from_picos(below(
            word,
            self.ceiling(attempt).as_picos().saturating_add(1),
        ))
    }
}

/// What became of the requests of one group of clients that do not wait for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PatienceCounts {
    /// Requests that clients wanted answered, each once however often it was sent.
    pub begun: u64,
    /// Times that one was sent.
    pub attempts: u64,
    /// Attempts that clients gave up.
    pub timed_out: u64,
    /// Requests answered in time, by whichever attempt.
    pub answered: u64,
    /// Requests whose last attempt was given up.
    pub failed: u64,
    /// Replies to attempts that had been given up.
    pub late: u64,
    /// Core time that those replies took, as in [`crate::world::Reply::service`].
    pub wasted: Span,
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::random::Seed;

    #[test]
    fn pauses_stay_below_a_ceiling_that_doubles_up_to_the_cap() {
        let backoff = Backoff::default();
        let ceilings: Vec<u64> = (1..=9)
            .map(|attempt| backoff.ceiling(attempt).as_micros() / 1_000)
            .collect();
        assert_eq!(ceilings, [8, 16, 32, 64, 128, 256, 512, 512, 512]);
        assert_eq!(backoff.ceiling(u32::MAX), backoff.cap);
        assert_eq!(backoff.pause(3, 0), Span::ZERO);
        assert_eq!(backoff.pause(3, u64::MAX), Span::from_millis(32));
    }

    #[test]
    fn pauses_fill_the_whole_range_evenly() {
        let (backoff, stream) = (Backoff::default(), Seed(1).stream("backoff"));
        let draws = 10_000;
        let pauses = (0..draws).map(|draw| backoff.pause(1, stream.at(0, draw).0[0]));
        let mean = pauses.map(Span::as_nanos).sum::<u64>() / draws;
        // Uniform on 0 to 8 ms: the mean of 10,000 is within 4 standard errors of 4 ms.
        assert!((3_907_000..4_093_000).contains(&mean), "{mean}");
    }
}
