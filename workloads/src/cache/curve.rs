//! The hits of LRU at every capacity, in one pass.
//!
//! LRU keeps the keys that were asked for last, so a request hits in all caches that hold at least
//! as many keys as were asked for since the last request for its own: its stack distance (Mattson,
//! Gecsei, Slutz and Traiger, "Evaluation techniques for storage hierarchies", IBM Systems Journal
//! 1970). The distance is counted by a binary indexed tree over times (Fenwick, "A new data
//! structure for cumulative frequency tables", Software: Practice and Experience 1994), in which
//! the time of each key's last request is marked.

/// A time that no request has.
const NEVER: u32 = u32::MAX;

/// The hits of exact LRU at every capacity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LruCurve {
    requests: u64,
    /// By capacity, from zero to the number of keys.
    hits: Vec<u64>,
}

impl LruCurve {
    /// The curve of `requests` for keys below `keys`, from an empty cache.
    ///
    /// # Panics
    /// If a key is not below `keys`, or there are 2^30 keys or more.
    pub fn new(requests: &[u32], keys: u32) -> Self {
        let mut stack = Stack::new(keys);
        let mut hits = vec![0; keys as usize + 1];
        for &key in requests {
            if let Some(distance) = stack.request(key) {
                hits[distance as usize] += 1;
            }
        }
        for capacity in 1..hits.len() {
            hits[capacity] += hits[capacity - 1];
        }
        Self {
            requests: requests.len() as u64,
            hits,
        }
    }

    /// The hits of a cache of `capacity` keys; beyond all keys no capacity adds any.
    pub fn hits(&self, capacity: u32) -> u64 {
        let last = self.hits.len() - 1;
        self.hits[last.min(capacity as usize)]
    }

    /// Requests that the curve was made from.
    pub const fn requests(&self) -> u64 {
        self.requests
    }
}

/// The times of last requests, in a window of times that is renumbered when it is full: a tree over
/// all times would not stay in the near caches.
struct Stack {
    /// The time of each key's last request.
    last: Vec<u32>,
    /// The key of each time; it may have been asked for again since.
    key_at: Vec<u32>,
    tree: Vec<u32>,
    /// Times given out.
    now: u32,
    /// Keys asked for at least once.
    seen: u32,
}

impl Stack {
    fn new(keys: u32) -> Self {
        assert!(keys < 1 << 30, "times are numbered in 32 bits");
        // Four times the keys: a renumbering, which visits all times, comes once in three times
        // as many requests as there are keys.
        let window = (4 * keys as usize).next_power_of_two();
        Self {
            last: vec![NEVER; keys as usize],
            key_at: vec![0; window],
            tree: vec![0; window + 1],
            now: 0,
            seen: 0,
        }
    }

    /// The stack distance of a request, from one; none if it is the first for its key.
    fn request(&mut self, key: u32) -> Option<u32> {
        if self.now as usize == self.key_at.len() {
            self.renumber();
        }
        let last = self.last[key as usize];
        let distance = (last != NEVER).then(|| {
            // Keys asked for since, and this one itself.
            let distance = self.seen - self.marked_until(last) + 1;
            self.add(last, u32::MAX);
            distance
        });
        self.seen += u32::from(distance.is_none());
        self.add(self.now, 1);
        self.key_at[self.now as usize] = key;
        self.last[key as usize] = self.now;
        self.now += 1;
        distance
    }

    /// Adds to the mark of a time, modulo 2^32.
    fn add(&mut self, time: u32, change: u32) {
        let mut node = time as usize + 1;
        while let Some(sum) = self.tree.get_mut(node) {
            *sum = sum.wrapping_add(change);
            node += node & node.wrapping_neg();
        }
    }

    /// Marks up to a time, itself included.
    fn marked_until(&self, time: u32) -> u32 {
        let (mut node, mut sum) = (time as usize + 1, 0_u32);
        while node > 0 {
            sum = sum.wrapping_add(self.tree[node]);
            node &= node - 1;
        }
        sum
    }

    /// Gives the last requests the first times, in their order.
    fn renumber(&mut self) {
        let mut now = 0;
        for time in 0..self.now {
            let key = self.key_at[time as usize];
            if self.last[key as usize] == time {
                self.last[key as usize] = now;
                self.key_at[now as usize] = key;
                now += 1;
            }
        }
        self.now = now;
        self.tree.fill(0);
        for node in 1..self.tree.len() {
            self.tree[node] += u32::from(node <= now as usize);
            let above = node + (node & node.wrapping_neg());
            if above < self.tree.len() {
                self.tree[above] += self.tree[node];
            }
        }
    }
}
