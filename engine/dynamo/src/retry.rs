//! How AWS's SDKs ask again after they were throttled.
//!
//! Sources: AWS SDKs and Tools Reference Guide, "Retry behavior" (standard mode), and botocore's table
//! of legacy retries, which has a row of its own for DynamoDB.

use kvrig_base::time::Span;

/// Whether the time before a retry is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jitter {
    /// The whole time is waited.
    None,
    /// A part of it, drawn evenly from none to the whole.
    Full,
}

/// When a request is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often it is sent at most, the first time included.
    pub attempts_max: u32,
    /// The time before the first retry, doubled before each further one.
    pub base: Span,
    /// The longest time before a retry.
    pub backoff_max: Span,
    /// Whether it is drawn.
    pub jitter: Jitter,
}

impl RetryPolicy {
    /// Standard mode: three attempts, up to a second before the first retry, never more than twenty.
    pub const STANDARD: Self = Self {
        attempts_max: 3,
        base: Span::from_secs(1),
        backoff_max: Span::from_secs(20),
        jitter: Jitter::Full,
    };
    /// botocore's legacy mode for DynamoDB: ten attempts, 50 ms before the first retry, undrawn.
    pub const LEGACY: Self = Self {
        attempts_max: 10,
        base: Span::from_millis(50),
        backoff_max: Span::MAX,
        jitter: Jitter::None,
    };
    /// No retries at all.
    pub const NEVER: Self = Self {
        attempts_max: 1,
        base: Span::ZERO,
        backoff_max: Span::ZERO,
        jitter: Jitter::None,
    };

    /// The time to wait after attempt `attempt`, counted from 1, has failed; nothing where the
    /// request is given up. `random` are 64 random bits, which are drawn on by jitter alone.
    pub fn wait(&self, attempt: u32, random: u64) -> Option<Span> {
        if attempt >= self.attempts_max {
            return None;
        }
        let doublings = attempt.saturating_sub(1);
        let whole = 1_u64
            .checked_shl(doublings)
            .and_then(|factor| self.base.checked_mul(factor))
            .map_or(self.backoff_max, |whole| whole.min(self.backoff_max));
        Some(match self.jitter {
            Jitter::None => whole,
            Jitter::Full => {
                let part = (u128::from(whole.as_picos()) * u128::from(random)) >> 64;
                Span::from_picos(part as u64)
            }
        })
    }
}

/// The tokens by which standard mode stops asking again when too much fails: a retry takes some, and
/// a success gives one retry's worth back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryQuota {
    tokens: u32,
}

impl RetryQuota {
    /// Tokens of a client at most.
    pub const TOKENS_MAX: u32 = 500;
    /// Tokens that one retry takes.
    pub const RETRY_COST: u32 = 5;

    /// A client that has not failed yet.
    pub const fn full() -> Self {
        Self {
            tokens: Self::TOKENS_MAX,
        }
    }
    /// Whether another retry may be sent; if so its tokens are taken.
    pub const fn try_retry(&mut self) -> bool {
        match self.tokens.checked_sub(Self::RETRY_COST) {
            Some(rest) => {
                self.tokens = rest;
                true
            }
            None => false,
        }
    }
    /// A request has succeeded: what its last retry took comes back, or one token where it needed
    /// none.
    pub const fn succeeded(&mut self, was_retried: bool) {
        let back = if was_retried { Self::RETRY_COST } else { 1 };
        let tokens = self.tokens + back;
        self.tokens = if tokens < Self::TOKENS_MAX {
            tokens
        } else {
            Self::TOKENS_MAX
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_their_limit() {
        let waits = |policy: RetryPolicy| -> Vec<String> {
            let waits = (1..).map_while(|attempt| policy.wait(attempt, u64::MAX / 2 + 1));
            waits.map(|wait| wait.to_string()).collect()
        };
        assert_eq!(waits(RetryPolicy::STANDARD), ["500ms", "1s"]);
        assert_eq!(waits(RetryPolicy::NEVER).len(), 0);
        assert_eq!(waits(RetryPolicy::LEGACY)[..3], ["50ms", "100ms", "200ms"]);
        assert_eq!(waits(RetryPolicy::LEGACY).len(), 9);
        let patient = RetryPolicy {
            attempts_max: 200,
            jitter: Jitter::None,
            ..RetryPolicy::STANDARD
        };
        assert_eq!(patient.wait(5, 0), Some(Span::from_secs(16)));
        assert_eq!(patient.wait(6, 0), Some(Span::from_secs(20)));
        assert_eq!(patient.wait(199, 0), Some(Span::from_secs(20)));
    }

    #[test]
    fn a_client_whose_requests_all_fail_stops_asking_again() {
        let mut quota = RetryQuota::full();
        assert_eq!((0..1_000).filter(|_| quota.try_retry()).count(), 100);
        quota.succeeded(true);
        assert!(quota.try_retry());
        for _ in 0..5 {
            assert!(!quota.try_retry());
            quota.succeeded(false);
        }
        assert!(quota.try_retry());
    }
}
