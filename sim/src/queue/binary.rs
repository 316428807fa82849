//! The oracle: a std binary heap behind the same contract.

use super::{Entry, EventQueue, Key, assert_not_past, assert_nothing_skipped};
use kvrig_base::time::Time;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Pending events in a std [`BinaryHeap`]: plainly right, and slower where many are pending.
#[derive(Debug)]
pub struct BinaryHeapQueue<P> {
    heap: BinaryHeap<Reverse<Entry<P>>>,
    now: Time,
}

impl<P> Default for BinaryHeapQueue<P> {
    fn default() -> Self {
        Self {
            heap: BinaryHeap::new(),
            now: Time::START,
        }
    }
}

impl<P> EventQueue<P> for BinaryHeapQueue<P> {
    #[inline]
    fn push(&mut self, key: Key, payload: P) {
        assert_not_past(key.time(), self.now);
        self.heap.push(Reverse(Entry { key, payload }));
    }
    #[inline]
    fn pop(&mut self) -> Option<(Key, P)> {
        let Reverse(entry) = self.heap.pop()?;
        self.now = entry.key.time();
        Some((entry.key, entry.payload))
    }
    #[inline]
    fn peek(&mut self) -> Option<Key> {
        self.heap.peek().map(|Reverse(entry)| entry.key)
    }
    fn advance_to(&mut self, time: Time) {
        assert_not_past(time, self.now);
        assert_nothing_skipped(time, self.peek_time());
        self.now = time;
    }
    fn now(&self) -> Time {
        self.now
    }
    fn len(&self) -> usize {
        self.heap.len()
    }
}
