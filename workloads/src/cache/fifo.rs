//! Exact FIFO: the key that came first leaves, however often it was asked for.

use super::Cache;
use std::collections::VecDeque;

/// Exact FIFO over keys from zero to a number known beforehand.
#[derive(Clone, Debug)]
pub struct Fifo {
    is_present: Vec<bool>,
    /// The keys that are present, the first to leave in front.
    queue: VecDeque<u32>,
    capacity: u32,
}

impl Fifo {
    /// An empty cache of `capacity` keys out of `keys`.
    pub fn new(keys: u32, capacity: u32) -> Self {
        Self {
            is_present: vec![false; keys as usize],
            queue: VecDeque::with_capacity(capacity.min(keys) as usize),
            capacity,
        }
    }
}

impl Cache for Fifo {
    #[inline]
    fn request(&mut self, key: u32) -> bool {
        if self.is_present[key as usize] {
            return true;
        }
        if self.queue.len() == self.capacity as usize
            && let Some(first) = self.queue.pop_front()
        {
            self.is_present[first as usize] = false;
        }
        if self.capacity > 0 {
            self.is_present[key as usize] = true;
            self.queue.push_back(key);
        }
        false
    }
}
