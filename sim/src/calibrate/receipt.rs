//! What a replay counts, and where cache models of several sizes find its touches.

use super::replays::{Caller, Replay};
use crate::cost::{CacheLevel, CacheModel, Hits, Tlb};
use kvrig_base::id::{CoreId, LockId};
use kvrig_base::seam::{Counter, Counts, Meter, Region, Touch, Work};
use kvrig_base::time::Span;
use kvrig_redis::Node;
use std::cell::RefCell;
use std::rc::Rc;

/// Caches as a profile may describe them; prices aside, this is what decides where touches are
/// found.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The levels, the fastest first.
    pub levels: Vec<CacheLevel>,
    /// What translates pages, if that has a price.
    pub tlb: Option<Tlb>,
}

/// A cache model that tells places.
#[derive(Debug)]
struct Places {
    model: CacheModel,
    hits: Hits,
}

impl Places {
    fn new(candidate: &Candidate) -> Self {
        let mut model = CacheModel::new(candidate.levels.clone(), candidate.tlb, 0, 0);
        model.add_core();
        Self {
            model,
            hits: Hits::none(candidate.levels.len()),
        }
    }
    fn look_up(&mut self, touches: &[Touch]) {
        self.model.count_hits(CoreId(0), 0, touches, &mut self.hits);
    }
    fn forget_hits(&mut self) {
        self.hits = Hits::none(self.hits.apart.len() - 1);
    }
}

/// What one command of a replay does, on average.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// All counts of the replay's counted commands.
    pub counts: Counts,
    /// Where their touches were found.
    pub hits: Hits,
    /// How many commands that were.
    pub commands: u64,
}

impl Receipt {
    /// How often `counter` was counted in one command.
    pub fn of(&self, counter: Counter) -> f64 {
        self.per_command(self.counts.get(counter))
    }
    /// A sum over all commands, for one of them.
    pub fn per_command(&self, sum: u64) -> f64 {
        sum as f64 / self.commands as f64
    }
}

#[derive(Debug)]
struct Recording {
    counts: Counts,
    models: Vec<Places>,
}

/// A meter that writes down what it would price.
#[derive(Debug)]
struct Recorder(Rc<RefCell<Recording>>);

impl Meter for Recorder {
    fn price(&mut self, counts: &Counts, touches: &[Touch]) -> Span {
        let recording = &mut *self.0.borrow_mut();
        recording.counts.merge(counts);
        for model in &mut recording.models {
            model.look_up(touches);
        }
        Span::ZERO
    }
    fn wants_touches(&self) -> bool {
        true
    }
    fn lock_is_held(&self, _: LockId, _: Span) -> bool {
        false
    }
}

/// The receipts of the counted part of `replay`, one for each of the `candidates`.
pub fn receipts(replay: &Replay, node: &mut Node, candidates: &[Candidate]) -> Vec<Receipt> {
    let models = candidates.iter().map(Places::new);
    let recording = Rc::new(RefCell::new(Recording {
        counts: Counts::default(),
        models: models.collect(),
    }));
    let mut caller = Caller::new(Work::new(Box::new(Recorder(Rc::clone(&recording)))));
    replay.run(node, &mut caller, replay.warm_up());
    {
        let recording = &mut *recording.borrow_mut();
        recording.counts = Counts::default();
        for model in &mut recording.models {
            model.forget_hits();
        }
    }
    replay.run(node, &mut caller, replay.counted());
    let recording = &*recording.borrow();
    let receipt = |model: &Places| Receipt {
        counts: recording.counts,
        hits: model.hits.clone(),
        commands: replay.length.counted as u64,
    };
    recording.models.iter().map(receipt).collect()
}

/// The receipts of a chase: so many reads of lines in this order, round after round, after a whole
/// round that is not counted. One read stands for one command.
pub fn chase_receipts(order: &[u32], steps: u32, candidates: &[Candidate]) -> Vec<Receipt> {
    let read = |&line: &u32| Touch::new(Region(0), line.into(), false);
    let touches: Vec<Touch> = order.iter().map(read).collect();
    let receipt = |candidate: &Candidate| {
        let mut places = Places::new(candidate);
        places.look_up(&touches);
        places.forget_hits();
        let mut left = steps as usize;
        while left > 0 {
            let part = left.min(touches.len());
            places.look_up(&touches[..part]);
            left -= part;
        }
        Receipt {
            counts: Counts::default(),
            hits: places.hits,
            commands: steps.into(),
        }
    };
    candidates.iter().map(receipt).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn touches_are_counted_where_they_are_found() {
        let level = |name: &str, bytes| CacheLevel {
            name: name.to_owned(),
            bytes,
            ways: 2,
            shared: false,
            hit_ps: 0,
        };
        let mut places = Places::new(&Candidate {
            levels: vec![level("L1", 1 << 10), level("L2", 1 << 20)],
            tlb: None,
        });
        let read = |line| Touch::new(Region(1), line, false);
        places.look_up(&[read(1 << 20), read(1 << 20), read(1 << 20 | 1)]);
        assert_eq!(places.hits.apart, [1, 0, 1]);
        assert_eq!(places.hits.in_sequence, [0, 0, 1]);
        let many: Vec<Touch> = (0..1_000).map(|turn| read(turn * 7)).collect();
        places.look_up(&many);
        places.forget_hits();
        places.look_up(&many);
        assert!(places.hits.apart[1] > 800, "{:?}", places.hits);
    }
}
