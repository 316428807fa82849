//! Replaying a trace, side by side with copies of itself if a large store is to be filled.

use super::{Request, Trace};
use crate::error::Error;
use crate::key::KeyId;
use kvrig_base::limits::{KEYS_MAX, TRACE_COPIES_MAX};
use kvrig_base::time::Time;
use std::sync::Arc;

/// A trace replayed by a number of copies with keys of their own.
///
/// The copies take turns: operation i is a request of copy i mod copies. Copy c starts c/copies of
/// the way into the trace and wraps around at its end, so that the copies are not in step; each
/// makes every request of the trace once, in its order but for the wrap. Key k of copy c is the
/// key k x copies + c. Popularity within a copy is that of the trace; over all keys each share is
/// divided by the number of copies.
#[derive(Clone, Debug)]
pub struct Replay {
    trace: Arc<Trace>,
    copies: u64,
}

impl Replay {
    /// A replay of `trace` by `copies` copies.
    ///
    /// # Errors
    /// If there are no copies, or more keys than a workload can have.
    pub fn new(trace: Arc<Trace>, copies: u64) -> Result<Self, Error> {
        if copies == 0 {
            return Err(Error::NoCopies);
        }
        let keys = u64::from(trace.keys()).saturating_mul(copies);
        if copies > TRACE_COPIES_MAX || keys > KEYS_MAX {
            return Err(Error::TooManyKeys(keys));
        }
        Ok(Self { trace, copies })
    }
    /// The trace.
    pub fn trace(&self) -> &Arc<Trace> {
        &self.trace
    }
    /// The number of copies.
    pub const fn copies(&self) -> u64 {
        self.copies
    }
    /// Operations until every copy has made every request; then they repeat.
    pub fn len(&self) -> u64 {
        self.trace.len() as u64 * self.copies
    }
    /// Whether there are no operations; there always are.
    pub fn is_empty(&self) -> bool {
        self.trace.is_empty()
    }
    /// The number of distinct keys.
    pub fn keys(&self) -> u64 {
        u64::from(self.trace.keys()) * self.copies
    }
    /// Operation `index`: its key and the request that it repeats.
    #[inline]
    pub fn request(&self, index: u64) -> (KeyId, Request) {
        let requests = self.trace.len() as u64;
        let (step, copy) = (index / self.copies % requests, index % self.copies);
        // At most 2^27 requests by 2^20 copies: the product stays far below 64 bits.
        let mut place = step + copy * requests / self.copies;
        if place >= requests {
            place -= requests;
        }
        let request = self
            .trace
            .request(place as usize)
            .expect("places are below the length");
        (KeyId(u64::from(request.key) * self.copies + copy), request)
    }
    /// When operation `index` was made, if the trace says so: by the clock of copy 0, as often
    /// over as the operations repeat.
    pub fn time(&self, index: u64) -> Option<Time> {
        let step = index / self.copies;
        let requests = self.trace.len() as u64;
        let at = self.trace.time((step % requests) as usize)?;
        let length = self.trace.time(self.trace.len() - 1)?.since_start();
        Some(at.saturating_add(length.checked_mul(step / requests)?))
    }
}
