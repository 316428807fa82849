//! From operations of a workload to Redis commands.

use super::{Arguments, Operations, Requests};
use kvrig_base::id::RequestId;
use kvrig_base::random::Stream;
use kvrig_base::time::Span;
use kvrig_redis::resp;
use kvrig_workloads::{KeyId, Op, OpKind, Workload};
use std::sync::Arc;

/// Requests of one Redis client group.
#[derive(Clone, Debug)]
pub struct RedisRequests(Operations);

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
        Ok(Self(Operations::new(workload, index, present)))
    }
    /// The same for clients that think; see [`Operations::thinking`].
    #[must_use]
    pub fn thinking(self, mean: Span, draws: Stream) -> Self {
        Self(self.0.thinking(mean, draws))
    }
    /// Says that `key` of a recorded trace is in the store already.
    pub fn mark_stored(&mut self, key: KeyId) {
        self.0.mark_stored(key);
    }
    /// What is asked for, in whatever words.
    pub fn operations(&self) -> &Operations {
        &self.0
    }
    /// Writes the command for `op`.
    pub fn write(&mut self, op: &Op, args: &mut Arguments) {
        let (key, value) = self.0.key_and_value(op);
        args.push(command(op.kind));
        args.push(key);
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
        let (op, _) = self.0.next_op();
        self.write(&op, args);
    }
    fn first_think(&mut self, client: u32) -> Span {
        self.0.think_at(1, u64::from(client))
    }
    fn think(&mut self, id: RequestId) -> Span {
        self.0.think_at(0, id.0)
    }
    fn wire_bytes(&self, args: &Arguments) -> u64 {
        args.lend(resp::request_len) as u64
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

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::quantity::{Bytes, Share};
    use kvrig_base::random::Seed;
    use kvrig_workloads::popularity::KeySpace;
    use kvrig_workloads::trace::{Replay, Trace, TraceFormat};
    use kvrig_workloads::{KeySource, Mix, Popularity, Sizes};

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
