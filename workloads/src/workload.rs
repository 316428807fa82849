//! Operation i of a workload.

use crate::error::Error;
use crate::key::KeyId;
use crate::mix::{Mix, OpKind};
use crate::popularity::{KeySpace, Popularity};
use crate::size::Sizes;
use crate::trace::Replay;
use kvrig_base::random::{Seed, Stream};
use kvrig_base::time::Span;
use std::sync::Arc;

/// One operation that a client is to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Op {
    /// What to do.
    pub kind: OpKind,
    /// With which key.
    pub key: KeyId,
    /// Length of the key in bytes, for [`crate::KeyFormat::write`].
    pub key_bytes: u64,
    /// Length of the key's value in bytes: what a write writes, and what a fill after a miss would.
    pub value_bytes: u64,
    /// Time to live that a write gives, if any.
    pub ttl: Option<Span>,
}

/// Where keys come from.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// Drawn by popularity.
    Drawn {
        /// How many keys there are.
        space: KeySpace,
        /// How popular each is.
        popularity: Popularity,
    },
    /// Taken from a recorded trace, with whatever else it says about a request.
    Recorded(Replay),
}

/// The parts of a workload.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Which keys.
    pub keys: KeySource,
    /// Which operations, where no trace says so.
    pub mix: Mix,
    /// Lengths of keys, where no trace says so.
    pub key_size: Sizes,
    /// Lengths of values, where no trace says so.
    pub value_size: Sizes,
    /// Time to live of what is written, where no trace says so.
    pub ttl: Option<Span>,
}

/// A workload: operation i as a pure function of the seed, i and the number of keys present.
///
/// The sizes of a key and of its value are drawn by the key's number, so that a key has one size
/// for as long as it lives and a table can be filled before the first operation.
#[derive(Clone, Debug)]
pub struct Workload {
    plan: Plan,
    key_draws: Stream,
    kind_draws: Stream,
    key_size_draws: Stream,
    value_size_draws: Stream,
}

impl Workload {
    /// The workload of `plan` under `seed`.
    ///
    /// # Errors
    /// If the key space is out of range.
    pub fn new(plan: Plan, seed: Seed) -> Result<Self, Error> {
        if let KeySource::Drawn { space, .. } = &plan.keys {
            space.checked()?;
        }
        Ok(Self {
            plan,
            key_draws: seed.stream("workload.keys"),
            kind_draws: seed.stream("workload.kinds"),
            key_size_draws: seed.stream("workload.key-sizes"),
            value_size_draws: seed.stream("workload.value-sizes"),
        })
    }
    /// The stream that scatters ranks over keys, for [`Popularity::zipf`].
    pub fn scramble_stream(seed: Seed) -> Stream {
        seed.stream("workload.scramble")
    }
    /// The parts.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }
    /// Keys that exist before the first operation: none for a trace, whose keys come as they are
    /// asked for.
    pub const fn initial_keys(&self) -> u64 {
        match &self.plan.keys {
            KeySource::Drawn { space, .. } => space.initial,
            KeySource::Recorded(_) => 0,
        }
    }
    /// Operation `index` while `present` keys exist.
    ///
    /// An insert makes key number `present`; whoever calls counts it in from then on, or lets
    /// [`Operations`] do so. In a replay inserts write the key of the trace.
    #[inline]
    pub fn op(&self, index: u64, present: u64) -> Op {
        let kind = self
            .plan
            .mix
            .single()
            .unwrap_or_else(|| self.plan.mix.kind(self.kind_draws.at(0, index).0[0]));
        match &self.plan.keys {
            KeySource::Drawn { popularity, .. } => {
                let key = match kind {
                    OpKind::Insert => KeyId(present),
                    _ => popularity.key(index, present, &mut self.key_draws.draws(0, index)),
                };
                self.op_on(kind, key)
            }
            KeySource::Recorded(replay) => {
                let (key, request) = replay.request(index);
                Op {
                    kind: request.kind.unwrap_or(kind),
                    key,
                    key_bytes: request
                        .key_bytes
                        .map_or_else(|| self.key_bytes(key), u64::from),
                    value_bytes: request
                        .value_bytes
                        .map_or_else(|| self.value_bytes(key), u64::from),
                    ttl: request.ttl.or(self.plan.ttl),
                }
            }
        }
    }
    /// The operation of `kind` on `key`: for filling a table before the first operation.
    #[inline]
    pub fn op_on(&self, kind: OpKind, key: KeyId) -> Op {
        Op {
            kind,
            key,
            key_bytes: self.key_bytes(key),
            value_bytes: self.value_bytes(key),
            ttl: self.plan.ttl,
        }
    }
    #[inline]
    fn key_bytes(&self, key: KeyId) -> u64 {
        let sizes = &self.plan.key_size;
        sizes
            .fixed()
            .unwrap_or_else(|| sizes.bytes(&mut self.key_size_draws.draws(0, key.0)))
    }
    #[inline]
    fn value_bytes(&self, key: KeyId) -> u64 {
        let sizes = &self.plan.value_size;
        sizes
            .fixed()
            .unwrap_or_else(|| sizes.bytes(&mut self.value_size_draws.draws(0, key.0)))
    }
}

/// The operations of a workload in order, with the number of keys made so far.
#[derive(Clone, Debug)]
pub struct Operations {
    workload: Arc<Workload>,
    index: u64,
    present: u64,
}

impl Operations {
    /// The operations of `workload` from the first one.
    pub fn new(workload: Arc<Workload>) -> Self {
        let present = workload.initial_keys();
        Self {
            workload,
            index: 0,
            present,
        }
    }
    /// The next operation; there is always one.
    #[inline]
    pub fn next_op(&mut self) -> Op {
        let op = self.workload.op(self.index, self.present);
        self.index += 1;
        let makes_key = op.kind == OpKind::Insert && op.key.0 == self.present;
        self.present += u64::from(makes_key);
        op
    }
    /// The number of operations so far.
    pub const fn index(&self) -> u64 {
        self.index
    }
    /// The number of keys made so far, the initial ones included, deleted ones too.
    pub const fn present(&self) -> u64 {
        self.present
    }
    /// The workload.
    pub const fn workload(&self) -> &Arc<Workload> {
        &self.workload
    }
}

impl Iterator for Operations {
    type Item = Op;
    #[inline]
    fn next(&mut self) -> Option<Op> {
        Some(self.next_op())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::popularity::Scramble;
    use crate::trace::{Trace, TraceFormat};
    use kvrig_base::digest::Rolling;
    use kvrig_base::quantity::{Bytes, Share};

    const SEED: Seed = Seed(42);

    /// The workload of the rehash study: 90 % reads, 10 % inserts, Zipf over the keys present.
    fn growing(initial: u64) -> Arc<Workload> {
        let space = KeySpace {
            initial,
            max: 1 << 40,
        };
        let stream = Workload::scramble_stream(SEED);
        let popularity = Popularity::zipf(0.99, space, Scramble::Bijection, stream).unwrap();
        let shares = [
            (OpKind::Get, Share::percent(90)),
            (OpKind::Insert, Share::percent(10)),
        ];
        let plan = Plan {
            keys: KeySource::Drawn { space, popularity },
            mix: Mix::new(&shares).unwrap(),
            key_size: Sizes::Fixed(Bytes(20)),
            value_size: Sizes::uniform(Bytes(1), Bytes(1_000)).unwrap(),
            ttl: None,
        };
        Arc::new(Workload::new(plan, SEED).unwrap())
    }

    fn replay(csv: &str, copies: u64) -> Arc<Workload> {
        let format = TraceFormat::choose("requests.csv", None).unwrap();
        let trace = Trace::read("requests.csv", csv.as_bytes(), &format).unwrap();
        let plan = Plan {
            keys: KeySource::Recorded(Replay::new(Arc::new(trace), copies).unwrap()),
            mix: Mix::only(OpKind::Set),
            key_size: Sizes::Fixed(Bytes(20)),
            value_size: Sizes::Fixed(Bytes(32)),
            ttl: None,
        };
        Arc::new(Workload::new(plan, SEED).unwrap())
    }

    #[test]
    fn inserts_make_one_new_key_after_another() {
        let mut operations = Operations::new(growing(1_000));
        let mut next = 1_000;
        for _ in 0..20_000 {
            let op = operations.next_op();
            match op.kind {
                OpKind::Insert => {
                    assert_eq!(op.key, KeyId(next));
                    next += 1;
                }
                _ => assert!(op.key.0 < next, "{op:?} before it was made"),
            }
        }
        assert_eq!(operations.present(), next);
        assert!((2_800..3_200).contains(&next), "{next}");
    }

    #[test]
    fn an_operation_is_a_function_of_its_number_and_the_keys_present() {
        let workload = growing(5_000);
        let mut operations = Operations::new(workload.clone());
        let mut seen = Vec::new();
        for _ in 0..1_000 {
            let (index, present) = (operations.index(), operations.present());
            seen.push((index, present, operations.next_op()));
        }
        for &(index, present, op) in seen.iter().rev() {
            assert_eq!(workload.op(index, present), op);
        }
    }

    #[test]
    fn a_key_has_one_size_for_as_long_as_it_lives() {
        let workload = growing(10);
        let inserted = workload.op_on(OpKind::Insert, KeyId(7));
        for op in Operations::new(workload)
            .take(2_000)
            .filter(|op| op.key == KeyId(7))
        {
            assert_eq!(op.value_bytes, inserted.value_bytes);
        }
    }

    /// The first steps of a workload that starts with no keys ask for key 0, which nobody has made.
    #[test]
    fn a_workload_may_start_empty() {
        let mut operations = Operations::new(growing(0));
        while operations.present() == 0 {
            let op = operations.next_op();
            assert!(op.kind == OpKind::Insert || op.key == KeyId(0));
        }
    }

    #[test]
    fn a_trace_overrides_what_it_says_and_leaves_the_rest_to_the_mix() {
        let says_all = "op,key,key_size,size,ttl\nget,a,9,100,0\ndelete,b,8,0,60\n";
        let ops: Vec<Op> = Operations::new(replay(says_all, 1)).take(3).collect();
        let first = Op {
            kind: OpKind::Get,
            key: KeyId(0),
            key_bytes: 9,
            value_bytes: 100,
            ttl: None,
        };
        let ttl = Some(Span::from_secs(60));
        let second = Op {
            kind: OpKind::Delete,
            key: KeyId(1),
            key_bytes: 8,
            value_bytes: 0,
            ttl,
        };
        assert_eq!(ops, [first, second, first]);

        let op = replay("a\n", 1).op(0, 0);
        assert_eq!(
            (op.kind, op.key_bytes, op.value_bytes),
            (OpKind::Set, 20, 32)
        );
    }

    #[test]
    fn golden_operations_hold() {
        let mut digest = Rolling::default();
        for op in Operations::new(growing(100_000)).take(10_000) {
            for word in [op.kind as u64, op.key.0, op.key_bytes, op.value_bytes] {
                digest.fold(word);
            }
        }
        assert_eq!(format!("{:016x}", digest.value()), "0c701cb9c231c96c");
    }
}
