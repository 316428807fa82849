//! The real-clock side of the study: tables alone and nodes grow on this machine, beside what was
//! predicted for them.

mod book;
mod compare;
mod draw;
mod judge;
mod predict;
mod say;

pub(super) use book::add_to_book;

use super::inputs::Inputs;
use super::layout::{CURVE_ARRAYS, CURVE_ENTRY, INSERT_CPU, tables};
use super::{Rehash, growth, power_of_two};
use crate::run::{Measurable, Measured, Outcome, Point, RunError, Task, TaskKind};
use crate::studies::question::Planned;
use crate::study::RehashKnobs;
use kvrig_base::measured::{MeasuredResult, STRING_KEY_BYTES, Subject};
use kvrig_base::quantity::Bytes;
use kvrig_base::random::Seed;
use kvrig_base::result::StudyResult;
use kvrig_base::time::Span;
use kvrig_tables::{TableKind, law};
use predict::Prediction;

/// Memory of one entry that is a string, beside what an integer takes: a pointer with a length in
/// its place, and the allocation of its bytes, rounded up with its header. For estimates.
const STRING_ENTRY: u64 = 8 + (STRING_KEY_BYTES as u64 + 8).next_multiple_of(16);
/// What an entry's share of two bucket arrays is larger than of one. For estimates.
const BUCKET_TWICE: u64 = 8;
/// How many times longer an insert into a large table takes where keys are strings, each in memory
/// of its own, and where a node carries it out. For estimates.
const STRINGS_SLOWER: u64 = 2;
/// The share of its entries that a node has yet to get when measuring begins.
const UNFILLED_SHARE: u64 = 64;
/// Keys, in multiples of the size, after which a node that has not grown is given up.
const KEYS_MAX: u64 = 3;

/// A table alone whose growths are compared, and a node whose growth is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Alone { kind: TableKind, strings: bool },
    Node { kind: TableKind, size: u64 },
}

impl Target {
    fn kind(self) -> TableKind {
        match self {
            Self::Alone { kind, .. } | Self::Node { kind, .. } => kind,
        }
    }
    fn subject(self) -> Subject {
        match self {
            Self::Alone { strings: false, .. } => Subject::Integers,
            Self::Alone { strings: true, .. } => Subject::Strings,
            Self::Node { .. } => Subject::Node,
        }
    }
}

impl Planned<Rehash> {
    /// Whether there is anything to measure.
    pub(super) fn grows_on_a_real_clock(&self) -> bool {
        !self.targets().is_empty()
    }
    fn first(&self) -> &Inputs {
        &self.cells[0]
    }
    fn sizes(&self) -> &[u64] {
        &self.first().knobs.size_curve
    }

    /// Tables alone, in the order of their predictions.
    fn alone(&self) -> Vec<Target> {
        if self.sizes().is_empty() {
            return Vec::new();
        }
        let both = |kind| [false, true].map(|strings| Target::Alone { kind, strings });
        comparable(&self.first().knobs).flat_map(both).collect()
    }

    /// Everything that is measured: tables alone, then nodes.
    fn targets(&self) -> Vec<Target> {
        let mut targets = self.alone();
        let Some(inputs) = self.plain_cell() else {
            return targets;
        };
        for kind in comparable(&inputs.knobs) {
            let of_size = |&size| Target::Node { kind, size };
            targets.extend(inputs.knobs.doublings.iter().map(of_size));
        }
        targets
    }

    /// The cell whose nodes are measured: the first without a variant, a sweep and a memory limit.
    fn plain_cell(&self) -> Option<&Inputs> {
        self.cells.iter().find(|inputs| {
            inputs.cell.variant.is_empty()
                && inputs.knobs.swing.is_none()
                && inputs.cell.axes.is_empty()
                && !inputs.limit_at_doubling
                && inputs.config.maxmemory == 0
        })
    }

    fn task(&self, target: Target, inserts: u64) -> Task {
        let seed = Seed(self.study.seed);
        match target {
            Target::Alone { kind, strings } => Task {
                label: format!("{kind} alone, {}", target.subject()),
                what: TaskKind::Table {
                    kind,
                    strings,
                    inserts,
                    hash_key: predict::hash_key(seed),
                },
            },
            Target::Node { kind, size } => {
                let inputs = self.plain_cell().unwrap_or_else(|| self.first());
                let entries = growth::entries_at_growth(kind, size);
                let mean = |sizes: Bytes| usize::try_from(sizes.0).unwrap_or(usize::MAX);
                Task {
                    label: format!("node of {kind}, {}", power_of_two(size)),
                    what: TaskKind::Node {
                        kind,
                        config: Box::new(inputs.config.clone()),
                        seed: seed.replication(0),
                        filled: entries - entries / UNFILLED_SHARE,
                        key_bytes: mean(inputs.key_bytes()),
                        value_bytes: mean(inputs.value_bytes()),
                        buckets: growth::buckets_before(kind, size),
                        keys_max: entries.saturating_mul(KEYS_MAX),
                    },
                }
            }
        }
    }
}

/// Tables of the study that have one growth whose inserts can be compared.
///
/// Memcached's has a thread that moves entries at its own pace, and a segmented table grows segment
/// by segment, in waves whose places theory knows on average only.
fn comparable(knobs: &RehashKnobs) -> impl Iterator<Item = TableKind> {
    tables(knobs).filter(|&kind| {
        let law = law::growth(kind, 1 << 20);
        law.ended.is_some() && (law.is_exact || law.freed.is_some())
    })
}

/// Tables of the study that are not measured.
fn left_out(knobs: &RehashKnobs) -> Vec<&'static str> {
    let measured: Vec<TableKind> = comparable(knobs).collect();
    tables(knobs)
        .filter(|kind| !measured.contains(kind))
        .map(TableKind::name)
        .collect()
}

/// The predictions as they were stored.
fn read(predictions: &[Outcome]) -> Result<Vec<Prediction>, RunError> {
    let read = |outcome: &Outcome| serde_json::from_value(outcome.data.clone());
    let all: Result<_, serde_json::Error> = predictions.iter().map(read).collect();
    Ok(all.map_err(std::io::Error::other)?)
}

impl Measurable for Planned<Rehash> {
    fn predictions(&self) -> Vec<Point> {
        let sizes = self.sizes();
        let largest = sizes.iter().copied().max().unwrap_or(0);
        let point = |target: Target| {
            // A table is followed until its largest growth is over: at twice the size at the latest.
            let law = law::growth(target.kind(), largest);
            let inserts = law.ended.unwrap_or(largest * 2);
            let strings = target.subject() == Subject::Strings;
            // One that has no old array to free never has two.
            let arrays_once = if law.freed.is_none() { BUCKET_TWICE } else { 0 };
            let entry = CURVE_ENTRY + if strings { STRING_ENTRY } else { 0 };
            let slower = if strings { STRINGS_SLOWER } else { 1 };
            Point {
                label: format!("{} alone, {}", target.kind(), target.subject()),
                identity: format!(
                    "prediction {target:?} {sizes:?}\nseed {}\n{}",
                    self.study.seed,
                    self.first().profile.digest()
                ),
                events: inserts,
                memory: Bytes(entry * inserts + (CURVE_ARRAYS - arrays_once) * largest),
                cpu: INSERT_CPU * inserts * slower,
            }
        };
        self.alone().into_iter().map(point).collect()
    }

    fn predict(&self, index: usize, cancelled: &dyn Fn() -> bool) -> Result<Outcome, RunError> {
        let target = self.alone()[index];
        let strings = target.subject() == Subject::Strings;
        let profile = &self.first().profile;
        let seed = Seed(self.study.seed);
        let prediction = predict::predict(
            target.kind(),
            strings,
            self.sizes(),
            profile,
            seed,
            cancelled,
        )?;
        Ok(Outcome {
            events: prediction.inserts,
            data: serde_json::to_value(prediction).map_err(std::io::Error::other)?,
        })
    }

    fn tasks(&self, predictions: &[Outcome]) -> Result<Vec<Task>, RunError> {
        let inserts: Vec<u64> = read(predictions)?.iter().map(|one| one.inserts).collect();
        let targets = self.targets().into_iter().enumerate();
        let tasks = targets.map(|(index, target)| {
            // Nodes follow the tables alone, and end by themselves.
            self.task(target, inserts.get(index).copied().unwrap_or(0))
        });
        Ok(tasks.collect())
    }

    fn round_cpu(&self) -> Span {
        let alone: Span = self.predictions().iter().map(|point| point.cpu).sum();
        let of_node = |target: Target| match target {
            Target::Alone { .. } => Span::ZERO,
            Target::Node { size, .. } => INSERT_CPU * size * 2 * STRINGS_SLOWER,
        };
        alone + self.targets().into_iter().map(of_node).sum()
    }

    fn compare(
        &self,
        result: &StudyResult,
        predictions: &[Outcome],
        measured: &Measured,
    ) -> Result<MeasuredResult, RunError> {
        compare::compare(self, result, &read(predictions)?, measured)
    }
}
