//! What clients ask while the number of keys follows its course.

use crate::client::{Arguments, RedisRequests, Requests};
use crate::studies::hosting::load;
use crate::studies::rehash::inputs::Inputs;
use crate::study::Swing;
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::id::RequestId;
use kvrig_base::random::Seed;
use kvrig_base::seam::Work;
use kvrig_base::time::Span;
use kvrig_redis::Node;
use kvrig_workloads::popularity::KeySpace;
use kvrig_workloads::{KeyId, Op, OpKind, Operations, Workload};
use std::cmp::Ordering;
use std::sync::Arc;

/// Requests on keys that come at one end and go at the other.
///
/// Every write of the mix goes where the number of keys has to go: it adds a new key, deletes the
/// oldest, or writes the newest again. Reads are for the keys present, by the cell's popularity.
#[derive(Debug)]
pub(super) struct SwingRequests {
    writer: RedisRequests,
    workload: Arc<Workload>,
    swing: Swing,
    /// Requests within one period, as many as the rate makes.
    requests_per_period: u64,
    index: u64,
    oldest: u64,
    next: u64,
    think_time: Span,
}

impl SwingRequests {
    /// Requests of `inputs` from the highest number of keys on.
    ///
    /// # Errors
    /// If keys are read from a trace, which has a course of its own; or if the writes of the mix
    /// cannot keep up with the swing.
    pub(super) fn new(inputs: &Inputs, swing: Swing, seed: Seed) -> Result<Self, Diagnostic> {
        let space = KeySpace {
            initial: swing.low,
            max: swing.high.saturating_add(1),
        };
        let workload = inputs.workload_over("swing", space, seed)?;
        let (writes, needed) = (
            inputs.inserts_within(swing.period),
            2 * (swing.high - swing.low),
        );
        if writes < needed {
            let message = format!(
                "a swing from {} to {} keys and back takes {needed} writes, but the mix makes {writes} in {}",
                swing.high, swing.low, swing.period
            );
            return Err(Diagnostic::new(diagnostic::CONTRADICTION, message).help(
                "lengthen `study.rehash.swing.period`, or give `insert` a larger share in `workload.mix`",
            ));
        }
        let writer = RedisRequests::new(Operations::new(Arc::clone(&workload)))
            .map_err(|error| Diagnostic::new(diagnostic::CONTRADICTION, error.to_string()))?;
        Ok(Self {
            writer,
            workload,
            swing,
            requests_per_period: inputs.requests_within(swing.period).max(2),
            index: 0,
            oldest: 0,
            next: swing.high,
            think_time: Span::ZERO,
        })
    }
    /// The same for clients that pause between a reply and the next request.
    pub(super) fn thinking(self, think_time: Span) -> Self {
        Self { think_time, ..self }
    }
    /// Loads the keys that are there at the start.
    pub(super) fn fill_node(&mut self, node: &mut Node, inputs: &Inputs, work: &mut Work) {
        let mut args = Arguments::default();
        for key in self.oldest..self.next {
            args.clear();
            let op = self.workload.op_on(OpKind::Set, KeyId(key));
            self.writer.write(&op, &mut args);
            work.begin();
            args.lend(|args| load(node, args, op.ttl, inputs.cell.start, work));
        }
    }

    /// How many keys there shall be at request `index`.
    fn target(&self, index: u64) -> u64 {
        let (low, high) = (self.swing.low, self.swing.high);
        let half = self.requests_per_period / 2;
        let from_turn = (index % self.requests_per_period).abs_diff(half).min(half);
        let above = u128::from(high - low) * u128::from(from_turn) / u128::from(half);
        low + u64::try_from(above).expect("at most the whole swing")
    }

    fn next_op(&mut self) -> Op {
        let present = self.next - self.oldest;
        let op = self.workload.op(self.index, present);
        let target = self.target(self.index);
        self.index += 1;
        if op.kind != OpKind::Insert {
            return self.workload.op_on(op.kind, KeyId(self.oldest + op.key.0));
        }
        let (kind, key) = match present.cmp(&target) {
            Ordering::Less => {
                self.next += 1;
                (OpKind::Insert, self.next - 1)
            }
            Ordering::Greater => {
                self.oldest += 1;
                (OpKind::Delete, self.oldest - 1)
            }
            Ordering::Equal => (OpKind::Set, self.next - 1),
        };
        self.workload.op_on(kind, KeyId(key))
    }
}

impl Requests for SwingRequests {
    fn fill(&mut self, _: RequestId, args: &mut Arguments) {
        let op = self.next_op();
        self.writer.write(&op, args);
    }
    fn wire_bytes(&self, args: &Arguments) -> u64 {
        self.writer.wire_bytes(args)
    }
    fn think(&mut self, _: RequestId) -> Span {
        self.think_time
    }
}
