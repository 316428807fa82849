//! When a partition is hot, and which of its requests are remembered to find where to split it.

use super::places::Place;
use kvrig_base::time::{Span, Time};

/// A partition is hot from this part of its limit on, in parts per million. The paper says "after
/// consumed throughput crosses a threshold" (section 4.4); 900 of 1,000 units were seen to be
/// enough (andrestone/dynamodb-load-test, 2020).
const HOT_PPM: u64 = 800_000;
/// Windows in a row after which a split is decided on: a minute. Ours.
const HOT_WINDOWS: u32 = 6;
/// One request is remembered at most so often: the sample then spans minutes, so that keys that
/// move with time are seen to move.
const SAMPLE_EVERY: Span = Span::from_millis(25);
/// Requests that are remembered: the last 100 s at least.
const SAMPLES: usize = 4_096;

/// The heat of one partition.
#[derive(Clone, Debug)]
#[repr(C)]
pub(super) struct Heat {
    /// When the next request is remembered; never while the partition is cool. It comes first, as
    /// every request asks for it.
    sample_from: Time,
    hot_windows: u32,
    /// When the split that was decided on takes place.
    pub(super) due: Option<Time>,
    /// Requests let through, the latest at `next` less one; empty while the partition is cool.
    samples: Vec<(Place, u64)>,
    next: usize,
}

impl Default for Heat {
    fn default() -> Self {
        Self {
            sample_from: Time::NEVER,
            hot_windows: 0,
            due: None,
            samples: Vec::new(),
            next: 0,
        }
    }
}

impl Heat {
    /// Remembers a request that was let through, if it is time to.
    #[inline]
    pub(super) fn sample(&mut self, place: Place, units: u64, now: Time) {
        if now >= self.sample_from {
            self.remember(place, units, now);
        }
    }
    #[cold]
    fn remember(&mut self, place: Place, units: u64, now: Time) {
        self.sample_from = now + SAMPLE_EVERY;
        match self.samples.len() < SAMPLES {
            true => self.samples.push((place, units)),
            false => self.samples[self.next] = (place, units),
        }
        self.next = (self.next + 1) % SAMPLES;
    }
    /// A window has ended in which so much of the limit was used; whether a split is decided on.
    pub(super) fn window(&mut self, used_ppm: u64, now: Time) -> bool {
        if used_ppm < HOT_PPM && self.due.is_none() {
            *self = Self::default();
            return false;
        }
        if self.sample_from == Time::NEVER {
            self.sample_from = now;
        }
        self.hot_windows += u32::from(used_ppm >= HOT_PPM);
        self.due.is_none() && self.hot_windows >= HOT_WINDOWS
    }
    /// The remembered requests in the order of time; the partition is cool again.
    pub(super) fn take_samples(&mut self) -> Vec<(Place, u64)> {
        let Self {
            mut samples, next, ..
        } = std::mem::take(self);
        if samples.len() == SAMPLES {
            samples.rotate_left(next);
        }
        samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dynamo::places::Collection;

    fn at(millis: u64) -> Time {
        Time::START + Span::from_millis(millis)
    }

    #[test]
    fn a_minute_of_heat_decides_and_a_cool_window_forgets() {
        let mut heat = Heat::default();
        let decisions: Vec<bool> = (0..6).map(|n| heat.window(900_000, at(n * 10))).collect();
        assert_eq!(decisions, [false, false, false, false, false, true]);
        let mut heat = Heat::default();
        for n in 0..5 {
            assert!(!heat.window(900_000, at(n * 10)));
        }
        assert!(!heat.window(700_000, at(50)));
        assert!(!heat.window(900_000, at(60)));
    }

    #[test]
    fn samples_are_the_latest_in_the_order_of_time() {
        let mut heat = Heat::default();
        let place = |sort| Place {
            collection: Collection(0),
            sort,
        };
        heat.sample(place(7), 1, at(0));
        heat.window(900_000, at(0));
        for sort in 0..10_000 {
            heat.sample(place(sort), 1, at(sort * 25));
            heat.sample(place(sort), 1, at(sort * 25 + 1));
        }
        let sorts: Vec<u64> = heat.take_samples().iter().map(|(p, _)| p.sort).collect();
        assert_eq!(sorts.len(), SAMPLES);
        assert!(sorts.windows(2).all(|pair| pair[0] + 1 == pair[1]));
        assert_eq!(sorts.last(), Some(&9_999));
    }
}
