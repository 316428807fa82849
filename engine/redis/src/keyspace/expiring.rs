//! Keys that expire, looked for.

use super::{Database, EventClasses};
use crate::record::Expiry;
use kvrig_base::seam::Work;

/// What a look at keys that expire has found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ExpirySample {
    /// How many were seen.
    pub(crate) sampled: u64,
    /// How many of them were removed.
    pub(crate) expired: u64,
}

impl Database {
    /// Looks at keys that expire, bucket by bucket from where the last call ended, until so many are
    /// seen or so many buckets visited, and removes those whose time has passed.
    pub(crate) fn expire_sample(
        &mut self,
        wanted: u64,
        buckets_max: u64,
        now_ms: i64,
        work: &mut Work,
    ) -> ExpirySample {
        let mut sample = ExpirySample::default();
        let mut past: Vec<Box<[u8]>> = Vec::new();
        let (mut buckets, mut left_ms, mut living) = (0, 0_i64, 0);
        while sample.sampled < wanted && buckets < buckets_max && !self.expires.is_empty() {
            let mut visit = |_, expiry: &Expiry| {
                sample.sampled += 1;
                if now_ms > expiry.at_ms {
                    past.push(expiry.key.as_slice().into());
                } else if now_ms < expiry.at_ms {
                    left_ms = expiry.at_ms.saturating_sub(now_ms).saturating_add(left_ms);
                    living += 1;
                }
            };
            self.expires_cursor = self.expires.scan(self.expires_cursor, &mut visit, work);
            buckets += 1;
            for key in past.drain(..) {
                sample.expired += u64::from(self.delete(&key, work));
                self.notify(EventClasses::EXPIRED, "expired", &key);
            }
        }
        self.expired_keys += sample.expired;
        if living > 0 {
            let mean_ms = left_ms / living;
            if self.mean_left_ms == 0 {
                self.mean_left_ms = mean_ms;
            }
            // The present mean weighs 2 %, in the integers of activeExpireCycle.
            self.mean_left_ms = self.mean_left_ms / 50 * 49 + mean_ms / 50;
        }
        sample
    }
    /// The running mean of how long keys that expire have still to live, in milliseconds: what sampling
    /// has found, and nothing where no key expires.
    pub(crate) fn mean_left_ms(&self) -> i64 {
        match self.expires.is_empty() {
            true => 0,
            false => self.mean_left_ms,
        }
    }
    /// Whether the time of a key has passed, which is left where it is (keyIsExpired).
    pub(crate) fn is_past(&mut self, key: &[u8], now_ms: i64, work: &mut Work) -> bool {
        self.expiry(key, work).is_some_and(|at_ms| now_ms > at_ms)
    }
}
