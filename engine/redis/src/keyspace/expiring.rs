//! Keys that expire, looked for.

use super::Database;
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
        let mut buckets = 0;
        while sample.sampled < wanted && buckets < buckets_max && !self.expires.is_empty() {
            let mut visit = |_, expiry: &Expiry| {
                sample.sampled += 1;
                if now_ms > expiry.at_ms {
                    past.push(expiry.key.as_slice().into());
                }
            };
            self.expires_cursor = self.expires.scan(self.expires_cursor, &mut visit, work);
            buckets += 1;
            for key in past.drain(..) {
                sample.expired += u64::from(self.delete(&key, work));
            }
        }
        self.expired_keys += sample.expired;
        sample
    }
    /// Whether the time of a key has passed, which is left where it is (keyIsExpired).
    pub(crate) fn is_past(&mut self, key: &[u8], now_ms: i64, work: &mut Work) -> bool {
        self.expiry(key, work).is_some_and(|at_ms| now_ms > at_ms)
    }
}
