//! From operations of a workload to Redis commands.

use super::{Arguments, Arrivals, Requests, exponential};
use kvrig_base::id::RequestId;
use kvrig_base::random::Stream;
use kvrig_base::time::{Span, Time};
use kvrig_redis::resp;
use kvrig_workloads::{KeyFormat, KeyId, KeySource, Op, OpKind, Workload};
use std::sync::Arc;

/// Requests of one Redis client group.
///
/// A workload whose keys are drawn makes its own keys by inserts. A recorded trace says only which
/// key is asked for: the client then works look-aside, as caches are used. The first read of a key
/// misses, and the request after it writes the key.
#[derive(Clone, Debug)]
pub struct RedisRequests {
    workload: Arc<Workload>,
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

/// An operation that Redis has no command for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Redis has no command for the operation `{}`", .0.name())]
pub struct NoCommand(pub OpKind);

impl RedisRequests {
    /// The requests of `workload` from operation `index` on, while `present` keys exist.
    ///
    /// # Errors
    /// If the mix holds an operation that Redis has no command for.
    pub fn new(workload: Arc<Workload>, index: u64, present: u64) -> Result<Self, NoCommand> {
        for &kind in OpKind::ALL {
            if workload.plan().mix.share(kind).0 > 0 && !has_command(kind) {
                return Err(NoCommand(kind));
            }
        }
        let stored = match &workload.plan().keys {
            KeySource::Drawn { .. } => None,
            KeySource::Recorded(replay) => Some(Bits::new(replay.keys())),
        };
        let value_bytes = usize::try_from(workload.plan().value_size.max().0).unwrap_or(usize::MAX);
        Ok(Self {
            workload,
            index,
            present,
            stored,
            to_fill: None,
            thinking: None,
            format: KeyFormat::default(),
            key: Vec::new(),
            value: vec![b'v'; value_bytes],
        })
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
    fn think_at(&self, entity: u64, index: u64) -> Span {
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
    fn next_op(&mut self) -> (Op, u64) {
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
    /// Writes the command for `op`.
    pub fn write(&mut self, op: &Op, args: &mut Arguments) {
        let key_bytes = usize::try_from(op.key_bytes).unwrap_or(usize::MAX);
        self.format.write(op.key, key_bytes, &mut self.key);
        let value_bytes = usize::try_from(op.value_bytes).unwrap_or(usize::MAX);
        if self.value.len() < value_bytes {
            self.value.resize(value_bytes, b'v'); // A trace may know larger values than the plan.
        }
        let value = &self.value[..value_bytes];
        args.push(command(op.kind));
        args.push(&self.key);
        match op.kind {
            OpKind::Set | OpKind::Insert | OpKind::Add | OpKind::Replace => {
                args.push(value);
                match op.kind {
                    OpKind::Add => args.push(b"NX"),
                    OpKind::Replace => args.push(b"XX"),
                    _ => {}
                }
                if let Some(ttl) = op.ttl {
                    args.push(b"PX");
                    args.push((ttl.as_micros() / 1_000).max(1).to_string().as_bytes());
                }
            }
            OpKind::Append => args.push(value),
            _ => {}
        }
    }
}

impl Requests for RedisRequests {
    fn fill(&mut self, _: RequestId, args: &mut Arguments) {
        let (op, _) = self.next_op();
        self.write(&op, args);
    }
    fn first_think(&mut self, client: u32) -> Span {
        self.think_at(1, u64::from(client))
    }
    fn think(&mut self, id: RequestId) -> Span {
        self.think_at(0, id.0)
    }
    fn wire_bytes(&self, args: &Arguments) -> u64 {
        args.lend(resp::request_len) as u64
    }
}

/// When an open loop asks.
#[derive(Clone, Debug)]
pub enum OpenArrivals {
    /// At times that are drawn.
    Drawn(kvrig_workloads::Arrivals),
    /// At the times of a recorded trace; a fill is meant to start with the read that missed.
    Recorded {
        /// The same requests as the client's, walked again for their times.
        requests: Box<RedisRequests>,
        /// The recorded time of the first request: the start of the run.
        origin: Time,
    },
}

impl Arrivals for OpenArrivals {
    fn intended_start(&mut self, _: RequestId) -> Option<Time> {
        match self {
            Self::Drawn(arrivals) => arrivals.next(),
            Self::Recorded { requests, origin } => {
                let (_, index) = requests.next_op();
                let KeySource::Recorded(replay) = &requests.workload.plan().keys else {
                    return None;
                };
                replay.time(index).map(|at| Time::START + at.since(*origin))
            }
        }
    }
}

/// The command's name; [`has_command`] holds for `kind`, or the trace's reader let it pass and the
/// server answers with an error that counts like any reply.
const fn command(kind: OpKind) -> &'static [u8] {
    match kind {
        OpKind::Get => b"GET",
        OpKind::Set | OpKind::Insert | OpKind::Add | OpKind::Replace => b"SET",
        OpKind::Append => b"APPEND",
        OpKind::Delete => b"DEL",
        OpKind::Increment => b"INCR",
        OpKind::Decrement => b"DECR",
        OpKind::Exists => b"EXISTS",
        OpKind::CompareAndSet => b"CAS",
        OpKind::Prepend => b"PREPEND",
    }
}

const fn has_command(kind: OpKind) -> bool {
    !matches!(kind, OpKind::CompareAndSet | OpKind::Prepend)
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

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::quantity::{Bytes, Share};
    use kvrig_base::random::Seed;
    use kvrig_workloads::popularity::KeySpace;
    use kvrig_workloads::trace::{Replay, Trace, TraceFormat};
    use kvrig_workloads::{Mix, Popularity, Sizes};

    fn commands(mut requests: RedisRequests, count: u64) -> Vec<String> {
        let mut args = Arguments::default();
        (0..count)
            .map(|id| {
                args.clear();
                requests.fill(RequestId(id), &mut args);
                let words: Vec<String> = args
                    .iter()
                    .map(|word| String::from_utf8_lossy(word).into_owned())
                    .collect();
                words.join(" ")
            })
            .collect()
    }

    fn plan(keys: KeySource, mix: Mix) -> kvrig_workloads::Plan {
        let (key_size, value_size) = (Sizes::Fixed(Bytes(8)), Sizes::Fixed(Bytes(3)));
        kvrig_workloads::Plan {
            keys,
            mix,
            key_size,
            value_size,
            ttl: None,
        }
    }

    #[test]
    fn the_first_read_of_a_recorded_key_is_followed_by_its_write() {
        let format = TraceFormat::choose("t.csv", None).unwrap();
        let trace = Trace::read("t.csv", "key\na\nb\na\n".as_bytes(), &format).unwrap();
        let replay = Replay::new(Arc::new(trace), 1).unwrap();
        let plan = plan(KeySource::Recorded(replay), Mix::only(OpKind::Get));
        let workload = Arc::new(Workload::new(plan, Seed(1)).unwrap());
        let requests = RedisRequests::new(workload, 0, 0).unwrap();
        assert_eq!(
            commands(requests, 5),
            [
                "GET user0000",
                "SET user0000 vvv",
                "GET user0001",
                "SET user0001 vvv",
                "GET user0000"
            ]
        );
    }

    #[test]
    fn inserts_write_keys_that_were_not_there() {
        let space = KeySpace {
            initial: 2,
            max: 100,
        };
        let keys = KeySource::Drawn {
            space,
            popularity: Popularity::Uniform,
        };
        let plan = plan(keys, Mix::only(OpKind::Insert));
        let workload = Arc::new(Workload::new(plan, Seed(1)).unwrap());
        let requests = RedisRequests::new(workload, 0, 2).unwrap();
        assert_eq!(
            commands(requests, 2),
            ["SET user0002 vvv", "SET user0003 vvv"]
        );
    }

    #[test]
    fn an_operation_without_a_command_is_refused() {
        let keys = KeySource::Drawn {
            space: KeySpace::fixed(2),
            popularity: Popularity::Uniform,
        };
        let mix = Mix::new(&[(OpKind::Prepend, Share::ONE)]).unwrap();
        let workload = Arc::new(Workload::new(plan(keys, mix), Seed(1)).unwrap());
        assert_eq!(
            RedisRequests::new(workload, 0, 2).unwrap_err(),
            NoCommand(OpKind::Prepend)
        );
    }
}
