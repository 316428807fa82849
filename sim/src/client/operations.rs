//! The operations of a workload, one after the other, as the clients of a group ask for them.

use super::{Arrivals, exponential};
use kvrig_base::id::RequestId;
use kvrig_base::random::Stream;
use kvrig_base::time::{Span, Time};
use kvrig_workloads::{self as workloads, KeyId, KeySource, Op, OpKind};

/// The operations of one client group, whatever store they go to.
///
/// A workload whose keys are drawn makes its own keys by inserts. A recorded trace says only which
/// key is asked for: the client then works look-aside, as caches are used. The first read of a key
/// misses, and the request after it writes the key.
///
/// Some operations take two commands: a read-modify-write is a read and then a write, and an
/// increment with a time to live is an increment and then what sets that time where none runs. The
/// second is the next request, with an arrival of its own, so that the rate of an open loop counts
/// commands.
#[derive(Clone, Debug)]
pub struct Operations {
    drawn: workloads::Operations,
    /// Keys of a recorded trace that are in the store, one bit each.
    stored: Option<Bits>,
    /// The second command of the last operation: the fill after a read that missed, for one.
    second: Option<Op>,
    /// Mean time of thought of closed-loop clients, and where it is drawn from.
    thinking: Option<(Span, Stream)>,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl Operations {
    /// The same operations as clients ask for them.
    pub fn new(drawn: workloads::Operations) -> Self {
        let workload = drawn.workload();
        let stored = match &workload.plan().keys {
            KeySource::Drawn { .. } => None,
            KeySource::Recorded(replay) => Some(Bits::new(replay.keys())),
        };
        let largest = workload.plans().iter().map(|plan| plan.value_size.max().0);
        let value_bytes = usize::try_from(largest.max().unwrap_or(0)).unwrap_or(usize::MAX);
        Self {
            drawn,
            stored,
            second: None,
            thinking: None,
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
    /// The next command as an operation, and the index in the workload of the operation that it
    /// belongs to.
    pub(super) fn next_op(&mut self) -> (Op, u64) {
        let index = self.drawn.index();
        if let Some(second) = self.second.take() {
            self.drawn.skip_start();
            return (second, index.saturating_sub(1));
        }
        let op = self.drawn.next_op();
        let then = |kind| Some(Op { kind, ..op });
        self.second = match op.kind {
            OpKind::ReadModifyWrite => then(OpKind::Set),
            OpKind::Increment if op.ttl.is_some() => then(OpKind::Touch),
            _ => None,
        };
        if let Some(stored) = &mut self.stored {
            let is_new = stored.insert(op.key.0);
            if is_new && op.kind == OpKind::Get {
                self.second = then(OpKind::Set);
            }
            if op.kind == OpKind::Delete {
                stored.remove(op.key.0);
            }
        }
        let first = match op.kind {
            OpKind::ReadModifyWrite => OpKind::Get,
            kind => kind,
        };
        (Op { kind: first, ..op }, index)
    }
    /// Key and value of an operation, written into storage that is kept.
    pub(super) fn key_and_value(&mut self, op: &Op) -> (&[u8], &[u8]) {
        self.drawn.workload().write_key(op, &mut self.key);
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
    Drawn(workloads::Arrivals),
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
                let KeySource::Recorded(replay) = &operations.drawn.workload().plan().keys else {
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
