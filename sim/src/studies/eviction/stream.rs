//! The requests of a cell as numbers of keys, with what each key and its value are.

use crate::studies::workload::WorkloadInputs;
use crate::study::EvictionKnobs;
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::random::Seed;
use kvrig_base::time::Span;
use kvrig_workloads::popularity::KeySpace;
use kvrig_workloads::{KeyId, Op, Operations, Workload};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Requests of look-aside clients. Whatever an operation does, its key is asked for.
pub(super) struct Stream {
    /// The key of each request, numbered in the order of first requests.
    pub(super) requests: Vec<u32>,
    /// The first request of each key.
    firsts: Vec<Op>,
    workload: Arc<Workload>,
}

impl Stream {
    /// The first `count` requests of a workload; of a trace no more than it has.
    ///
    /// # Errors
    /// If a parameter of the workload is out of range.
    pub(super) fn new(
        inputs: &WorkloadInputs,
        knobs: &EvictionKnobs,
        count: u64,
        seed: Seed,
    ) -> Result<Self, Diagnostic> {
        let space = KeySpace {
            initial: knobs.keys,
            max: knobs.keys.saturating_add(count),
        };
        let workload = inputs
            .workload(space, seed)
            .map_err(|error| Diagnostic::new(diagnostic::OUT_OF_RANGE, error.to_string()))?;
        let workload = Arc::new(workload);
        let count = inputs
            .replay()
            .map_or(count, |replay| replay.len().min(count));
        let mut operations = Operations::new(Arc::clone(&workload));
        let mut stream = Self {
            requests: Vec::with_capacity(usize::try_from(count).unwrap_or(0)),
            firsts: Vec::new(),
            workload,
        };
        let mut numbers = Numbers::default();
        for _ in 0..count {
            let op = operations.next_op();
            let fresh = stream.firsts.len() as u32;
            let number = numbers.of(op.key, fresh);
            if number == fresh {
                stream.firsts.push(op);
            }
            stream.requests.push(number);
        }
        Ok(stream)
    }
    /// The number of distinct keys.
    pub(super) const fn keys(&self) -> u32 {
        self.firsts.len() as u32
    }
    /// Writes a key's name, and says how long its value is and how long it lives.
    pub(super) fn describe(&self, number: u32, name: &mut Vec<u8>) -> (u64, Option<Span>) {
        let op = &self.firsts[number as usize];
        self.workload.write_key(op, name);
        (op.value_bytes, op.ttl)
    }
}

/// Keys to numbers: a table for the low ones, which are nearly all, and a map for the rest.
#[derive(Default)]
struct Numbers {
    low: Vec<u32>,
    rest: BTreeMap<u64, u32>,
}

impl Numbers {
    const LOW: u64 = 1 << 25;
    const NONE: u32 = u32::MAX;

    /// The number of a key, which is `fresh` if it has none yet.
    fn of(&mut self, key: KeyId, fresh: u32) -> u32 {
        if key.0 >= Self::LOW {
            return *self.rest.entry(key.0).or_insert(fresh);
        }
        let place = key.0 as usize;
        if place >= self.low.len() {
            self.low.resize((place + 1).next_power_of_two(), Self::NONE);
        }
        if self.low[place] == Self::NONE {
            self.low[place] = fresh;
        }
        self.low[place]
    }
}
