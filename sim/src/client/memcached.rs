//! From operations of a workload to Memcached commands.

use super::{Arguments, Operations, RequestKind, Requests, whole_seconds};
use kvrig_base::id::RequestId;
use kvrig_base::random::Stream;
use kvrig_base::time::Span;
use kvrig_memcached::text;
use kvrig_workloads::{Op, OpKind};

/// Requests of one Memcached client group.
#[derive(Clone, Debug)]
pub struct MemcachedRequests(Operations);

impl MemcachedRequests {
    /// The requests for these operations.
    pub const fn new(operations: Operations) -> Self {
        Self(operations)
    }
    /// The same for clients that think; see [`Operations::thinking`].
    #[must_use]
    pub fn thinking(self, mean: Span, draws: Stream) -> Self {
        Self(self.0.thinking(mean, draws))
    }
    /// Writes the command for `op`. Whether a key exists is asked by reading it; a value is compared
    /// and set with a CAS value that is nobody's, as by a client that comes too late.
    pub fn write(&mut self, op: &Op, args: &mut Arguments) {
        let (key, value) = self.0.key_and_value(op);
        args.push(command(op.kind));
        args.push(key);
        match op.kind {
            OpKind::Set
            | OpKind::Insert
            | OpKind::Add
            | OpKind::Replace
            | OpKind::Append
            | OpKind::Prepend
            | OpKind::CompareAndSet => {
                args.push(b"0");
                // Memcached counts whole seconds, and 0 of them mean for ever.
                args.push(whole_seconds(op.ttl).to_string().as_bytes());
                args.push(value);
                if op.kind == OpKind::CompareAndSet {
                    args.push(b"0");
                }
            }
            OpKind::Increment | OpKind::Decrement => args.push(b"1"),
            OpKind::Touch => args.push(whole_seconds(op.ttl).to_string().as_bytes()),
            _ => {}
        }
    }
}

impl Requests for MemcachedRequests {
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
        args.lend(text::request_len) as u64
    }
    fn kind(&self, args: &Arguments) -> RequestKind {
        match args.command() {
            b"set" | b"add" | b"replace" => RequestKind::Set,
            b"get" => RequestKind::Get,
            _ => RequestKind::Other,
        }
    }
}

/// The command's name. Operations on collections and scans have none: the server answers with an
/// error that counts like any reply, as it would.
const fn command(kind: OpKind) -> &'static [u8] {
    match kind {
        OpKind::Get | OpKind::Exists | OpKind::ReadModifyWrite => b"get",
        OpKind::Touch => b"touch",
        OpKind::Scan => b"scan",
        OpKind::HashSet => b"hset",
        OpKind::HashGetAll => b"hgetall",
        OpKind::HashDelete => b"hdel",
        OpKind::SortedSetAdd => b"zadd",
        OpKind::SortedSetTop => b"zrevrange",
        OpKind::SortedSetRank => b"zrevrank",
        OpKind::DistinctAdd => b"pfadd",
        OpKind::DistinctCount => b"pfcount",
        OpKind::Set | OpKind::Insert => b"set",
        OpKind::Add => b"add",
        OpKind::Replace => b"replace",
        OpKind::Append => b"append",
        OpKind::Prepend => b"prepend",
        OpKind::CompareAndSet => b"cas",
        OpKind::Delete => b"delete",
        OpKind::Increment => b"incr",
        OpKind::Decrement => b"decr",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::quantity::Bytes;
    use kvrig_base::random::Seed;
    use kvrig_workloads::popularity::KeySpace;
    use kvrig_workloads::{KeyId, KeySource, Mix, Plan, Popularity, Sizes, Workload};
    use std::sync::Arc;

    #[test]
    fn operations_become_commands_of_the_text_protocol() {
        let space = KeySpace {
            initial: 2,
            max: 100,
        };
        let keys = KeySource::Drawn {
            space,
            popularity: Popularity::Uniform,
        };
        let plan = Plan::new(
            keys,
            Mix::only(OpKind::Insert),
            Sizes::Fixed(Bytes(8)),
            Sizes::Fixed(Bytes(3)),
        );
        let workload = Arc::new(Workload::new(plan, Seed(1)).unwrap());
        let operations = Operations::new(kvrig_workloads::Operations::new(Arc::clone(&workload)));
        let mut requests = MemcachedRequests::new(operations);
        let mut args = Arguments::default();
        requests.fill(RequestId(0), &mut args);
        let words = |args: &Arguments| {
            let words: Vec<String> = args
                .iter()
                .map(|word| String::from_utf8_lossy(word).into_owned())
                .collect();
            words.join(" ")
        };
        assert_eq!(words(&args), "set user0002 0 0 vvv");
        // set user0002 0 0 3, the value, and two line ends.
        assert_eq!(requests.wire_bytes(&args), 18 + 2 + 3 + 2);
        for (kind, expected) in [
            (OpKind::Get, "get user0001"),
            (OpKind::CompareAndSet, "cas user0001 0 2 vvv 0"),
            (OpKind::Decrement, "decr user0001 1"),
        ] {
            args.clear();
            let op = Op {
                kind,
                ttl: Some(Span::from_millis(1_001)),
                ..workload.op_on(OpKind::Set, KeyId(1))
            };
            requests.write(&op, &mut args);
            assert_eq!(words(&args), expected);
        }
    }
}
