//! The operations of a workload, one after the other, as the clients of a group ask for them.

use super::{Arrivals, exponential};
use kvrig_base::id::RequestId;
use kvrig_base::random::Stream;
use kvrig_base::time::{Span, Time};
use kvrig_workloads::{KeyFormat, KeyId, KeySource, Op, OpKind, Workload};
use std::sync::Arc;

/// The operations of one client group, whatever store they go to.
///
/// A workload whose keys are drawn makes its own keys by inserts. A recorded trace says only which
/// key is asked for: the client then works look-aside, as caches are used. The first read of a key
/// misses, and the request after it writes the key.
#[derive(Clone, Debug)]
pub struct Operations {
    pub(super) workload: Arc<Workload>,
    /// The next operation's index in the workload.
    index: u64,
    /// Keys made so far, where keys are drawn.
    present: u64,
    /// Keys of a recorded trace that are in the store, one bit each.
    stored: Option<Bits>,
    /// The key that the last read missed.
    to_fill: Option<Op>,
    /// Mean time of thought of closed-loop clients, and where it is drawn from.
    thinking: Option<(Span, Stream)>,
    format: KeyFormat,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl Operations {
    /// The operations of `workload` from number `index` on, while `present` keys exist.
    pub fn new(workload: Arc<Workload>, index: u64, present: u64) -> Self {
        let stored = match &workload.plan().keys {
            KeySource::Drawn { .. } => None,
            KeySource::Recorded(replay) => Some(Bits::new(replay.keys())),
        };
        let value_bytes = usize::try_from(workload.plan().value_size.max().0).unwrap_or(usize::MAX);
        Self {
            workload,
            index,
            present,
            stored,
            to_fill: None,
            thinking: None,
            format: KeyFormat::default(),
            key: Vec::new(),
            value: vec![b'v'; value_bytes],
        }
    }
    /// The same for clients that think before each request: exponentially with this mean, drawn
    /// from `draws`.
    ///
    /// People and pools of workers do not think in step. With equal pauses, clients that one stop
    /// of the store has brought together would stay together for the rest of the run.
    #[must_use]
    pub fn thinking(self, mean: Span, draws: Stream) -> Self {
        Self {
            thinking: Some((mean, draws)),
            ..self
        }
    }
    pub(super) fn think_at(&self, entity: u64, index: u64) -> Span {
        self.thinking.map_or(Span::ZERO, |(mean, draws)| {
            exponential(draws.at(entity, index).0[0], mean)
        })
    }
    /// Says that `key` of a recorded trace is in the store already.
    pub fn mark_stored(&mut self, key: KeyId) {
        if let Some(stored) = &mut self.stored {
            stored.insert(key.0);
        }
    }
    /// The next operation, and its index in the workload; the fill after a miss has the index of
    /// the read that missed.
    pub(super) fn next_op(&mut self) -> (Op, u64) {
        let index = self.index;
        if let Some(fill) = self.to_fill.take() {
            return (fill, index.saturating_sub(1));
        }
        let op = self.workload.op(index, self.present);
        self.index += 1;
        match &mut self.stored {
            None => {
                let makes_key = op.kind == OpKind::Insert && op.key.0 == self.present;
                self.present += u64::from(makes_key);
            }
            Some(stored) => {
                let is_new = stored.insert(op.key.0);
                if is_new && op.kind == OpKind::Get {
                    self.to_fill = Some(Op {
                        kind: OpKind::Set,
                        ..op
                    });
                }
                if op.kind == OpKind::Delete {
                    stored.remove(op.key.0);
                }
            }
        }
        (op, index)
    }
    /// Key and value of an operation, written into storage that is kept.
    pub(super) fn key_and_value(&mut self, op: &Op) -> (&[u8], &[u8]) {
        let key_bytes = usize::try_from(op.key_bytes).unwrap_or(usize::MAX);
        self.format.write(op.key, key_bytes, &mut self.key);
        let value_bytes = usize::try_from(op.value_bytes).unwrap_or(usize::MAX);
        if self.value.len() < value_bytes {
            self.value.resize(value_bytes, b'v'); // A trace may know larger values than the plan.
        }
        (&self.key, &self.value[..value_bytes])
    }
}

/// When an open loop asks.
#[derive(Clone, Debug)]
pub enum OpenArrivals {
    /// At times that are drawn.
    Drawn(kvrig_workloads::Arrivals),
    /// At the times of a recorded trace; a fill is meant to start with the read that missed.
    Recorded {
        /// The same operations as the client's, walked again for their times.
        operations: Box<Operations>,
        /// The recorded time of the first request: the start of the run.
        origin: Time,
    },
}

impl Arrivals for OpenArrivals {
    fn intended_start(&mut self, _: RequestId) -> Option<Time> {
        match self {
            Self::Drawn(arrivals) => arrivals.next(),
            Self::Recorded { operations, origin } => {
                let (_, index) = operations.next_op();
                let KeySource::Recorded(replay) = &operations.workload.plan().keys else {
                    return None;
                };
                replay.time(index).map(|at| Time::START + at.since(*origin))
            }
        }
    }
}

/// A set of small integers.
#[derive(Clone, Debug)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    /// The empty set of integers below `bound`.
    pub(crate) fn new(bound: u64) -> Self {
        Self(vec![
            0;
            usize::try_from(bound.div_ceil(64))
                .unwrap_or(usize::MAX)
        ])
    }
    /// Adds `n` and says whether it is new.
    pub(crate) fn insert(&mut self, n: u64) -> bool {
        let (word, bit) = Self::place(n);
        let is_new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        is_new
    }
    fn remove(&mut self, n: u64) {
        let (word, bit) = Self::place(n);
        self.0[word] &= !bit;
    }
    const fn place(n: u64) -> (usize, u64) {
        ((n / 64) as usize, 1 << (n % 64))
    }
}
