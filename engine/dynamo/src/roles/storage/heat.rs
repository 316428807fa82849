//! How hot a partition is, and where it could be split.

use crate::partition::{Boundary, PARTITION_READS_MAX, PARTITION_WRITES_MAX, Sample, split_point};
use kvrig_base::time::{Span, Time};
use std::collections::VecDeque;

/// Load is looked at over so long a time. AWS says only that a split takes minutes after consumption
/// has crossed a threshold (Elhemali et al., USENIX ATC 2022, section 4.4); the figures here are ours.
const WINDOW: Span = Span::from_secs(60);
/// Parts of a hundred of what a partition can do, from which on it counts as hot.
const HOT_PERCENT: u64 = 80;
/// Requests of which one is remembered.
const SAMPLED: u64 = 16;
/// Requests that are remembered.
const SAMPLES_MAX: usize = 256;

/// What a leader has seen of the load on its partition, throttled requests included.
#[derive(Clone, Debug)]
pub(super) struct Heat {
    since: Time,
    /// Read units in halves, and write units.
    read_halves: u64,
    writes: u64,
    requests: u64,
    samples: VecDeque<Sample>,
}

impl Heat {
    /// Nothing seen before `now`.
    pub(super) const fn new(now: Time) -> Self {
        Self {
            since: now,
            read_halves: 0,
            writes: 0,
            requests: 0,
            samples: VecDeque::new(),
        }
    }
    /// A request, and at the end of a hot time the boundary that would divide it, unless there is
    /// none.
    pub(super) fn see(
        &mut self,
        place: impl FnOnce() -> Boundary,
        (read_halves, writes): (u64, u64),
        has_local_index: bool,
        now: Time,
    ) -> Option<Boundary> {
        if self.requests.is_multiple_of(SAMPLED) {
            if self.samples.len() >= SAMPLES_MAX {
                self.samples.pop_front();
            }
            self.samples.push_back(Sample {
                place: place(),
                units: read_halves + writes,
            });
        }
        self.requests += 1;
        self.read_halves += read_halves;
        self.writes += writes;
        if now.since(self.since) < WINDOW {
            return None;
        }
        let secs = now.since(self.since).as_nanos() / 1_000_000_000;
        let reads = self.read_halves / 2 / secs.max(1);
        let writes = self.writes / secs.max(1);
        let is_hot = reads * 100 >= PARTITION_READS_MAX * HOT_PERCENT
            || writes * 100 >= PARTITION_WRITES_MAX * HOT_PERCENT;
        (self.since, self.read_halves, self.writes) = (now, 0, 0);
        let samples = self.samples.make_contiguous();
        let boundary = is_hot.then(|| split_point(samples, has_local_index).ok());
        self.samples.clear();
        boundary.flatten()
    }
}
