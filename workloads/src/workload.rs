//! Operation i of a workload.

use crate::alias::Alias;
use crate::arrivals::Arrivals;
use crate::error::Error;
use crate::key::{KeyFormat, KeyId};
use crate::mix::{Mix, OpKind};
use crate::popularity::{KeySpace, Popularity};
use crate::scan::Lengths;
use crate::size::Sizes;
use crate::trace::Replay;
use kvrig_base::limits::KEY_SPACES_MAX;
use kvrig_base::random::{Seed, Stream, below};
use kvrig_base::time::{Span, Time};
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
    /// Which member or field of the collection under the key, where the kind names one
    /// ([`OpKind::names_member`]).
    pub member: u64,
    /// How many keys or members are read, where the kind says so ([`OpKind::has_length`]).
    pub length: u32,
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

/// The parts of a workload, or of one of its key spaces.
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
    /// How keys are written.
    pub key_format: KeyFormat,
    /// Members that the collection under a key may have.
    pub members: u64,
    /// How many keys or members are read at once.
    pub lengths: Lengths,
}

impl Plan {
    /// A plan whose keys live for ever, are called as YCSB's, and hold one value each.
    pub fn new(keys: KeySource, mix: Mix, key_size: Sizes, value_size: Sizes) -> Self {
        Self {
            keys,
            mix,
            key_size,
            value_size,
            ttl: None,
            key_format: KeyFormat::default(),
            members: 1,
            lengths: Lengths::ONE,
        }
    }
    /// Keys that exist before the first operation.
    const fn initial_keys(&self) -> u64 {
        match &self.keys {
            KeySource::Drawn { space, .. } => space.initial,
            KeySource::Recorded(_) => 0,
        }
    }
}

/// A workload: operation i as a pure function of the seed, i, its intended start and the number of
/// keys present.
///
/// The sizes of a key and of its value are drawn by the key's number, so that a key has one size
/// for as long as it lives and a table can be filled before the first operation.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The key spaces; at least one.
    plans: Vec<Plan>,
    /// The choice among them, if there are several.
    spaces: Option<Alias>,
    space_draws: Stream,
    key_draws: Stream,
    kind_draws: Stream,
    member_draws: Stream,
    length_draws: Stream,
    key_size_draws: Stream,
    value_size_draws: Stream,
}

impl Workload {
    /// The workload of `plan` under `seed`.
    ///
    /// # Errors
    /// If the key space is out of range.
    pub fn new(plan: Plan, seed: Seed) -> Result<Self, Error> {
        Self::of_spaces(vec![(1, plan)], seed)
    }
    /// A workload of several key spaces, each with its weight among the operations.
    ///
    /// # Errors
    /// If there is none or no weight, a key space is out of range, two of them have the same
    /// prefix, or one of several is a trace.
    pub fn of_spaces(spaces: Vec<(u64, Plan)>, seed: Seed) -> Result<Self, Error> {
        if spaces.len() > KEY_SPACES_MAX {
            return Err(Error::TooManyKeySpaces(spaces.len()));
        }
        let (weights, plans): (Vec<u64>, Vec<Plan>) = spaces.into_iter().unzip();
        for (place, plan) in plans.iter().enumerate() {
            match &plan.keys {
                KeySource::Drawn { space, .. } => {
                    space.checked()?;
                }
                KeySource::Recorded(_) if plans.len() > 1 => {
                    return Err(Error::TraceAmongKeySpaces);
                }
                KeySource::Recorded(_) => {}
            }
            let prefix = plan.key_format.prefix();
            let same = |other: &Plan| other.key_format.prefix() == prefix;
            if plans[..place].iter().any(same) {
                let prefix = String::from_utf8_lossy(prefix).into_owned();
                return Err(Error::PrefixRepeats(prefix));
            }
        }
        let choice = match plans.len() {
            0 => return Err(Error::NoKeySpaces),
            1 => None,
            _ => Some(Alias::new(&weights)?),
        };
        Ok(Self {
            plans,
            spaces: choice,
            space_draws: seed.stream("workload.spaces"),
            key_draws: seed.stream("workload.keys"),
            kind_draws: seed.stream("workload.kinds"),
            member_draws: seed.stream("workload.members"),
            length_draws: seed.stream("workload.lengths"),
            key_size_draws: seed.stream("workload.key-sizes"),
            value_size_draws: seed.stream("workload.value-sizes"),
        })
    }
    /// The stream that scatters ranks over keys, for [`Popularity::zipf`].
    pub fn scramble_stream(seed: Seed) -> Stream {
        seed.stream("workload.scramble")
    }
    /// The parts of the first key space, which is the whole workload where there is only one.
    pub fn plan(&self) -> &Plan {
        &self.plans[0]
    }
    /// The parts of all key spaces.
    pub fn plans(&self) -> &[Plan] {
        &self.plans
    }
    /// Keys that exist before the first operation: none for a trace, whose keys come as they are
    /// asked for.
    pub fn initial_keys(&self) -> u64 {
        self.plans.iter().map(Plan::initial_keys).sum()
    }
    /// Whether operations depend on when they are meant to start.
    pub fn needs_time(&self) -> bool {
        let timed = |plan: &Plan| match &plan.keys {
            KeySource::Drawn { popularity, .. } => popularity.needs_time(),
            KeySource::Recorded(_) => false,
        };
        self.plans.iter().any(timed)
    }
    /// Operation `index` of a workload of one key space while `present` keys exist.
    ///
    /// An insert makes key number `present`; whoever calls counts it in from then on, or lets
    /// [`Operations`] do so. In a replay inserts write the key of the trace.
    #[inline]
    pub fn op(&self, index: u64, present: u64) -> Op {
        self.op_at(index, Time::START, &[present])
    }
    /// Operation `index`, which is meant to start `at`, while so many keys of each key space exist.
    ///
    /// A key space beyond the end of `present` has its initial keys.
    #[inline]
    pub fn op_at(&self, index: u64, at: Time, present: &[u64]) -> Op {
        let space = self
            .spaces
            .as_ref()
            .map_or(0, |spaces| spaces.pick(self.space_draws.at(0, index).0[0]));
        let plan = &self.plans[space];
        let entity = space as u64;
        let kind = plan
            .mix
            .single()
            .unwrap_or_else(|| plan.mix.kind(self.kind_draws.at(entity, index).0[0]));
        match &plan.keys {
            KeySource::Drawn { popularity, .. } => {
                let initial = || plan.initial_keys();
                let present = present.get(space).copied().unwrap_or_else(initial);
                let number = match kind {
                    OpKind::Insert => present,
                    _ => {
                        let mut draws = self.key_draws.draws(entity, index);
                        popularity.key_at(index, at, present, &mut draws).0
                    }
                };
                self.detailed(self.op_on(kind, KeyId::in_space(space, number)), index)
            }
            KeySource::Recorded(replay) => {
                let (key, request) = replay.request(index);
                let op = Op {
                    kind: request.kind.unwrap_or(kind),
                    key,
                    key_bytes: request
                        .key_bytes
                        .map_or_else(|| self.key_bytes(key), u64::from),
                    value_bytes: request
                        .value_bytes
                        .map_or_else(|| self.value_bytes(key), u64::from),
                    ttl: request.ttl.or(plan.ttl),
                    member: 0,
                    length: 1,
                };
                self.detailed(op, index)
            }
        }
    }
    /// The number of the key that operation `index` asks for in a workload of one key space, as in
    /// [`Workload::op_at`]; nothing where a trace says so. An operation that is an insert asks for
    /// another.
    #[inline]
    pub fn drawn_key(&self, index: u64, at: Time, present: u64) -> Option<u64> {
        match &self.plans[0].keys {
            KeySource::Drawn { popularity, .. } => {
                let mut draws = self.key_draws.draws(0, index);
                Some(popularity.key_at(index, at, present, &mut draws).0)
            }
            KeySource::Recorded(_) => None,
        }
    }
    /// The operation with its member and length drawn, where its kind has them.
    #[inline]
    fn detailed(&self, mut op: Op, index: u64) -> Op {
        let (plan, entity) = (&self.plans[op.key.space()], op.key.space() as u64);
        if op.kind.names_member() {
            let word = self.member_draws.at(entity, index).0[0];
            op.member = below(word, plan.members.max(1));
        }
        if op.kind.has_length() {
            op.length = plan
                .lengths
                .length(&mut self.length_draws.draws(entity, index));
        }
        op
    }
    /// The operation of `kind` on `key`: for filling a table before the first operation.
    #[inline]
    pub fn op_on(&self, kind: OpKind, key: KeyId) -> Op {
        Op {
            kind,
            key,
            key_bytes: self.key_bytes(key),
            value_bytes: self.value_bytes(key),
            ttl: self.plans[key.space()].ttl,
            member: 0,
            length: 1,
        }
    }
    /// The keys that exist before the first operation, key space by key space.
    pub fn initial(&self) -> impl Iterator<Item = KeyId> {
        let plans = self.plans.iter().enumerate();
        plans.flat_map(|(space, plan)| {
            (0..plan.initial_keys()).map(move |number| KeyId::in_space(space, number))
        })
    }
    /// The load phase: an insert of every initial key.
    pub fn load_phase(&self) -> impl Iterator<Item = Op> {
        self.initial().map(|key| self.op_on(OpKind::Insert, key))
    }
    /// Replaces the content of `buffer` by the bytes of `op`'s key.
    #[inline]
    pub fn write_key(&self, op: &Op, buffer: &mut Vec<u8>) {
        let length = usize::try_from(op.key_bytes).unwrap_or(usize::MAX);
        self.plans[op.key.space()]
            .key_format
            .write(op.key, length, buffer);
    }
    #[inline]
    fn key_bytes(&self, key: KeyId) -> u64 {
        let sizes = &self.plans[key.space()].key_size;
        sizes
            .fixed()
            .unwrap_or_else(|| sizes.bytes(&mut self.key_size_draws.draws(0, key.0)))
    }
    #[inline]
    fn value_bytes(&self, key: KeyId) -> u64 {
        let sizes = &self.plans[key.space()].value_size;
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
    /// By key space.
    present: Vec<u64>,
    /// The intended starts, for what depends on time.
    starts: Option<Box<Arrivals>>,
}

impl Operations {
    /// The operations of `workload` from the first one.
    pub fn new(workload: Arc<Workload>) -> Self {
        let present = workload.plans().iter().map(Plan::initial_keys).collect();
        Self {
            workload,
            index: 0,
            present,
            starts: None,
        }
    }
    /// The same from operation `index` on.
    #[must_use]
    pub fn from_index(self, index: u64) -> Self {
        Self { index, ..self }
    }
    /// The same with the intended starts of the operations, the first of which is that of the next.
    #[must_use]
    pub fn starting(self, starts: Arrivals) -> Self {
        Self {
            starts: Some(Box::new(starts)),
            ..self
        }
    }
    /// The next operation; there is always one.
    #[inline]
    pub fn next_op(&mut self) -> Op {
        let at = match &mut self.starts {
            Some(starts) => starts.next().unwrap_or(Time::START),
            None => Time::START,
        };
        let op = self.workload.op_at(self.index, at, &self.present);
        self.index += 1;
        let present = &mut self.present[op.key.space()];
        let makes_key = op.kind == OpKind::Insert && op.key.number() == *present;
        *present += u64::from(makes_key);
        op
    }
    /// Passes over the start of one request that is no operation of its own: the second command
    /// of the last operation.
    pub fn skip_start(&mut self) {
        if let Some(starts) = &mut self.starts {
            starts.next();
        }
    }
    /// The number of operations so far.
    pub const fn index(&self) -> u64 {
        self.index
    }
    /// The number of keys made so far, the initial ones included, deleted ones too.
    pub fn present(&self) -> u64 {
        self.present.iter().sum()
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
mod tests;
