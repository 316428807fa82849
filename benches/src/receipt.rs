//! What a replay counts, and where cache models of several sizes find its touches.

use crate::replays::{COUNTED, Caller, Replay, WARM_UP};
use kvrig_base::id::{CoreId, LockId};
use kvrig_base::seam::{Counter, Counts, Meter, Touch, Work};
use kvrig_base::time::Span;
use kvrig_redis::Node;
use kvrig_sim::cost::{CacheLevel, CacheModel};
use std::cell::RefCell;
use std::rc::Rc;

/// Where touches were found: one number for each level and, last, one for the memory behind them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// Touches of lines that do not follow the line touched before.
    pub apart: Vec<u64>,
    /// Touches of lines that do, which cost at most what a prefetched line costs.
    pub in_sequence: Vec<u64>,
}

/// A cache model that tells places: its prices are the numbers of its levels.
#[derive(Debug)]
struct Places {
    model: CacheModel,
    hits: Hits,
    /// The line touched last.
    last: u64,
}

impl Places {
    fn new(levels: &[CacheLevel]) -> Self {
        let numbered = (0..).zip(levels).map(|(hit_ps, level)| CacheLevel {
            hit_ps,
            ..level.clone()
        });
        let mut model = CacheModel::new(numbered.collect(), levels.len() as u64, u64::MAX);
        model.add_core();
        let mut places = Self {
            model,
            hits: Hits::default(),
            last: u64::MAX - 1,
        };
        places.forget_hits(levels.len() + 1);
        places
    }
    fn forget_hits(&mut self, places: usize) {
        self.hits.apart = vec![0; places];
        self.hits.in_sequence = vec![0; places];
    }
    fn look_up(&mut self, touches: &[Touch]) {
        for touch in touches {
            let place = self.model.price(CoreId(0), 0, std::slice::from_ref(touch)) as usize;
            match touch.address() == self.last.wrapping_add(1) {
                true => self.hits.in_sequence[place] += 1,
                false => self.hits.apart[place] += 1,
            }
            self.last = touch.address();
        }
    }
}

/// What one command of a replay does, on average.
#[derive(Clone, Debug, Default, PartialEq)]
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

/// The receipts of the counted part of `replay`, one for each of the `candidates`, which are lists
/// of cache levels.
pub fn receipts(replay: &Replay, node: &mut Node, candidates: &[Vec<CacheLevel>]) -> Vec<Receipt> {
    let models = candidates.iter().map(|levels| Places::new(levels));
    let recording = Rc::new(RefCell::new(Recording {
        counts: Counts::default(),
        models: models.collect(),
    }));
    let mut caller = Caller::new(Work::new(Box::new(Recorder(Rc::clone(&recording)))));
    replay.run(node, &mut caller, 0..WARM_UP);
    {
        let recording = &mut *recording.borrow_mut();
        recording.counts = Counts::default();
        for model in &mut recording.models {
            model.forget_hits(model.hits.apart.len());
        }
    }
    replay.run(node, &mut caller, WARM_UP..WARM_UP + COUNTED);
    let recording = &*recording.borrow();
    let receipt = |model: &Places| Receipt {
        counts: recording.counts,
        hits: model.hits.clone(),
        commands: COUNTED as u64,
    };
    recording.models.iter().map(receipt).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::seam::Region;

    #[test]
    fn touches_are_counted_where_they_are_found() {
        let level = |name: &str, bytes| CacheLevel {
            name: name.to_owned(),
            bytes,
            ways: 2,
            shared: false,
            hit_ps: 0,
        };
        let mut places = Places::new(&[level("L1", 1 << 10), level("L2", 1 << 20)]);
        let read = |line| Touch::new(Region(1), line, false);
        places.look_up(&[read(1 << 20), read(1 << 20), read(1 << 20 | 1)]);
        assert_eq!(places.hits.apart, [1, 0, 1]);
        assert_eq!(places.hits.in_sequence, [0, 0, 1]);
        let many: Vec<Touch> = (0..1_000).map(|turn| read(turn * 7)).collect();
        places.look_up(&many);
        places.forget_hits(3);
        places.look_up(&many);
        assert!(places.hits.apart[1] > 800, "{:?}", places.hits);
    }
}
