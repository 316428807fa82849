//! From operations of a workload to Redis commands.

use super::{Arguments, Operations, RequestKind, Requests};
use kvrig_base::id::RequestId;
use kvrig_base::random::Stream;
use kvrig_base::time::Span;
use kvrig_redis::resp;
use kvrig_workloads::{self as workloads, KeyId, KeySource, Op, OpKind, Plan};

/// Requests of one Redis client group.
#[derive(Clone, Debug)]
pub struct RedisRequests(Operations);

/// An operation that the adapter cannot make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operation `{}` cannot be made: {}", .0.name(), reason(*.0))]
pub struct NoCommand(pub OpKind);

/// Why there is no command for `kind`.
fn reason(kind: OpKind) -> String {
    match (kind.collection(), kind) {
        (Some(collection), _) => {
            format!("it needs {collection}, and clients of Redis write strings in this version")
        }
        (None, OpKind::Scan) => "YCSB scans Redis by an index in a sorted set and reads records \
                                 that are hashes, and clients of Redis write strings in this version"
            .to_owned(),
        (None, _) => "Redis has no command for it".to_owned(),
    }
}

impl RedisRequests {
    /// The requests that make `operations`.
    ///
    /// # Errors
    /// If the workload holds an operation that Redis has no command for.
    pub fn new(operations: workloads::Operations) -> Result<Self, NoCommand> {
        let plans = operations.workload().plans();
        for &kind in OpKind::ALL {
            let asked = |plan: &Plan| plan.mix.share(kind).0 > 0;
            if plans.iter().any(asked) && !has_command(kind) {
                return Err(NoCommand(kind));
            }
            // Commands that Redis lacks are answered by its error; what its clients here cannot
            // write is refused.
            let recorded = |plan: &Plan| match &plan.keys {
                KeySource::Drawn { .. } => false,
                KeySource::Recorded(replay) => replay.trace().asks_for(kind),
            };
            if kind.collection().is_some() && plans.iter().any(recorded) {
                return Err(NoCommand(kind));
            }
        }
        Ok(Self(Operations::new(operations)))
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
            OpKind::Touch => {
                args.push(super::whole_seconds(op.ttl).to_string().as_bytes());
                // A window that every request would open anew never ends.
                args.push(b"NX");
            }
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
    fn kind(&self, args: &Arguments) -> RequestKind {
        match args.command() {
            b"SET" => RequestKind::Set,
            b"GET" => RequestKind::Get,
            _ => RequestKind::Other,
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
        OpKind::Touch => b"EXPIRE",
        OpKind::ReadModifyWrite => b"GET",
        OpKind::Scan => b"ZRANGEBYSCORE",
        OpKind::HashSet => b"HSET",
        OpKind::HashGetAll => b"HGETALL",
        OpKind::HashDelete => b"HDEL",
        OpKind::SortedSetAdd => b"ZADD",
        OpKind::SortedSetTop => b"ZREVRANGE",
        OpKind::SortedSetRank => b"ZREVRANK",
        OpKind::DistinctAdd => b"PFADD",
        OpKind::DistinctCount => b"PFCOUNT",
        OpKind::CompareAndSet => b"CAS",
        OpKind::Prepend => b"PREPEND",
    }
}

const fn has_command(kind: OpKind) -> bool {
    kind.collection().is_none()
        && !matches!(kind, OpKind::CompareAndSet | OpKind::Prepend | OpKind::Scan)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::quantity::Bytes;
    use kvrig_base::random::Seed;
    use kvrig_workloads::popularity::KeySpace;
    use kvrig_workloads::trace::{Replay, Trace, TraceFormat};
    use kvrig_workloads::{Mix, Popularity, Sizes, Workload};
    use std::sync::Arc;

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

    fn plan(keys: KeySource, mix: Mix) -> Plan {
        let (key_size, value_size) = (Sizes::Fixed(Bytes(8)), Sizes::Fixed(Bytes(3)));
        Plan::new(keys, mix, key_size, value_size)
    }

    fn requests(plan: Plan) -> Result<RedisRequests, NoCommand> {
        let workload = Arc::new(Workload::new(plan, Seed(1)).unwrap());
        RedisRequests::new(workloads::Operations::new(workload))
    }

    fn two_keys() -> KeySource {
        KeySource::Drawn {
            space: KeySpace::fixed(2),
            popularity: Popularity::Sequential,
        }
    }

    #[test]
    fn an_operation_of_two_commands_is_two_requests() {
        let update = plan(two_keys(), Mix::only(OpKind::ReadModifyWrite));
        assert_eq!(
            commands(requests(update).unwrap(), 4),
            [
                "GET user0000",
                "SET user0000 vvv",
                "GET user0001",
                "SET user0001 vvv"
            ]
        );
        let count = Plan {
            ttl: Some(Span::from_millis(1_500)),
            ..plan(two_keys(), Mix::only(OpKind::Increment))
        };
        assert_eq!(
            commands(requests(count).unwrap(), 2),
            ["INCR user0000", "EXPIRE user0000 2 NX"]
        );
    }

    #[test]
    fn the_first_read_of_a_recorded_key_is_followed_by_its_write() {
        let format = TraceFormat::choose("t.csv", None).unwrap();
        let trace = Trace::read("t.csv", "key\na\nb\na\n".as_bytes(), &format).unwrap();
        let replay = Replay::new(Arc::new(trace), 1).unwrap();
        let plan = plan(KeySource::Recorded(replay), Mix::only(OpKind::Get));
        assert_eq!(
            commands(requests(plan).unwrap(), 5),
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
        assert_eq!(
            commands(requests(plan).unwrap(), 2),
            ["SET user0002 vvv", "SET user0003 vvv"]
        );
    }

    #[test]
    fn an_operation_without_a_command_is_refused() {
        for (kind, reason) in [
            (OpKind::Prepend, "Redis has no command for it"),
            (OpKind::SortedSetAdd, "it needs sorted sets"),
            (OpKind::Scan, "YCSB scans Redis by an index in a sorted set"),
        ] {
            let refused = requests(plan(two_keys(), Mix::only(kind))).unwrap_err();
            assert_eq!(refused, NoCommand(kind));
            assert!(refused.to_string().contains(reason), "{refused}");
        }
    }
}
