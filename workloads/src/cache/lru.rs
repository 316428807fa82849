//! Exact LRU: the key that was asked for longest ago leaves.

use super::Cache;

/// No key, and the number of the ring's own node.
const ABSENT: u32 = u32::MAX;

/// The neighbours of a key in the ring, or [`ABSENT`] twice where it is not in the cache.
#[derive(Clone, Copy, Debug)]
struct Links {
    newer: u32,
    older: u32,
}

/// Exact LRU over keys from zero to a number known beforehand.
///
/// Its keys hang in a ring by the order of their last requests. The node behind the last key closes
/// it: its `older` is the newest key, its `newer` the oldest.
#[derive(Clone, Debug)]
pub struct Lru {
    ring: Vec<Links>,
    keys: u32,
    len: u32,
    capacity: u32,
}

impl Lru {
    /// An empty cache of `capacity` keys out of `keys`.
    ///
    /// # Panics
    /// If there are 2^32 - 1 keys, which is one too many to number.
    pub fn new(keys: u32, capacity: u32) -> Self {
        assert!(keys < ABSENT, "a key needs a number below that of none");
        let absent = Links {
            newer: ABSENT,
            older: ABSENT,
        };
        let mut ring = vec![absent; keys as usize + 1];
        ring[keys as usize] = Links {
            newer: keys,
            older: keys,
        };
        Self {
            ring,
            keys,
            len: 0,
            capacity,
        }
    }

    #[inline]
    fn unlink(&mut self, key: u32) {
        let Links { newer, older } = self.ring[key as usize];
        self.ring[newer as usize].older = older;
        self.ring[older as usize].newer = newer;
    }

    #[inline]
    fn link_newest(&mut self, key: u32) {
        let newest = self.ring[self.keys as usize].older;
        self.ring[key as usize] = Links {
            newer: self.keys,
            older: newest,
        };
        self.ring[newest as usize].newer = key;
        self.ring[self.keys as usize].older = key;
    }

    fn evict_oldest(&mut self) {
        let oldest = self.ring[self.keys as usize].newer;
        self.unlink(oldest);
        self.ring[oldest as usize] = Links {
            newer: ABSENT,
            older: ABSENT,
        };
    }
}

impl Cache for Lru {
    #[inline]
    fn request(&mut self, key: u32) -> bool {
        assert!(key < self.keys, "key {key} of {}", self.keys);
        if self.ring[key as usize].newer != ABSENT {
            self.unlink(key);
            self.link_newest(key);
            return true;
        }
        if self.capacity > 0 {
            if self.len == self.capacity {
                self.evict_oldest();
            } else {
                self.len += 1;
            }
            self.link_newest(key);
        }
        false
    }
}
