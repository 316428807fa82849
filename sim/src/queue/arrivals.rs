//! The lane for events that are emitted in order: the arrivals of each source of load.

use super::{Entry, Key};
use std::collections::VecDeque;

/// One stream of events in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceId(u32);

/// What stands at a leaf that no stream has taken yet.
const NO_STREAM: u32 = u32::MAX;

impl SourceId {
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Sorted streams and the order of their heads.
///
/// A winner tree keeps the least head on top: with one source nothing is compared, with `n` each
/// arrival costs log2 n comparisons, and no arrival passes through the event queue.
#[derive(Debug)]
pub struct Arrivals<P> {
    streams: Vec<Stream<P>>,
    /// `winners[1]` is the stream with the least head; the leaves follow the inner nodes.
    winners: Vec<u32>,
    leaves: usize,
    len: usize,
}

#[derive(Debug)]
struct Stream<P> {
    pending: VecDeque<Entry<P>>,
    last: Option<Key>,
}

impl<P> Default for Arrivals<P> {
    fn default() -> Self {
        Self {
            streams: Vec::new(),
            winners: Vec::new(),
            leaves: 0,
            len: 0,
        }
    }
}

impl<P> Arrivals<P> {
    /// Adds a stream.
    ///
    /// # Panics
    /// If there are 2^32 - 1 streams.
    pub fn add_source(&mut self) -> SourceId {
        let source = SourceId(u32::try_from(self.streams.len()).expect("fewer than 2^32 sources"));
        assert!(source.0 != NO_STREAM, "fewer than 2^32 - 1 sources");
        self.streams.push(Stream {
            pending: VecDeque::new(),
            last: None,
        });
        if self.streams.len() > self.leaves {
            self.leaves = self.streams.len().next_power_of_two();
            self.winners = vec![NO_STREAM; 2 * self.leaves];
            for stream in 0..source.0 {
                self.winners[self.leaves + stream as usize] = stream;
            }
            for node in (1..self.leaves).rev() {
                self.winners[node] = self.winner_below(node);
            }
        }
        self.winners[self.leaves + source.index()] = source.0;
        self.replay(source.index());
        source
    }
    /// Appends an event to its stream.
    ///
    /// # Panics
    /// If the stream has had a later event.
    #[inline]
    pub fn push(&mut self, source: SourceId, key: Key, payload: P) {
        let stream = &mut self.streams[source.index()];
        assert!(
            stream.last.is_none_or(|last| last < key),
            "source {} emitted an arrival for {} after a later one",
            source.0,
            key.time()
        );
        stream.last = Some(key);
        stream.pending.push_back(Entry { key, payload });
        self.len += 1;
        if stream.pending.len() == 1 {
            self.replay(source.index());
        }
    }
    /// The least key of all streams.
    #[inline]
    pub fn peek(&self) -> Option<Key> {
        if self.len == 0 {
            return None;
        }
        self.head(self.winners[1])
    }
    /// Takes the event with the least key out.
    #[inline]
    pub fn pop(&mut self) -> Option<(Key, P)> {
        if self.len == 0 {
            return None;
        }
        let stream = self.winners[1] as usize;
        let entry = self.streams[stream].pending.pop_front()?;
        self.len -= 1;
        self.replay(stream);
        Some((entry.key, entry.payload))
    }
    /// Number of pending arrivals.
    pub fn len(&self) -> usize {
        self.len
    }
    /// Whether none are pending.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
    #[inline]
    fn head(&self, stream: u32) -> Option<Key> {
        self.streams
            .get(stream as usize)?
            .pending
            .front()
            .map(|entry| entry.key)
    }
    /// The one of a node's two children whose stream has the lesser head; an empty stream loses.
    #[inline]
    fn winner_below(&self, node: usize) -> u32 {
        let (left, right) = (self.winners[2 * node], self.winners[2 * node + 1]);
        match (self.head(left), self.head(right)) {
            (None, _) => right,
            (Some(_), None) => left,
            (Some(a), Some(b)) if b < a => right,
            (Some(_), Some(_)) => left,
        }
    }
    /// Settles the winners above a stream whose head has changed.
    #[inline]
    fn replay(&mut self, stream: usize) {
        let mut node = (self.leaves + stream) / 2;
        while node > 0 {
            self.winners[node] = self.winner_below(node);
            node /= 2;
        }
    }
}
