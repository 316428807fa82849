//! A table alone.

use super::{BATCH, GrowError, LONGEST_KEPT};
use crate::clock::{RealClock, Stopwatch};
use crate::distribution::Distribution;
use crate::meter::{ClockMeter, Lap};
use kvrig_base::measured::{Run, STRING_KEY_BYTES};
use kvrig_base::seam::{Cause, Work};
use kvrig_tables::{Entry, GrowthWatch, Regions, Table, TableConfig, TableKind};
use kvrig_workloads::{KeyFormat, KeyId};
use std::rc::Rc;

/// A table alone that is to grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableGrowth {
    /// Which table.
    pub kind: TableKind,
    /// Whether its entries are strings; integers otherwise.
    pub strings: bool,
    /// Inserts to do, of keys that are numbered from zero.
    pub inserts: u64,
    /// The key of its hash function: positions depend on it.
    pub hash_key: [u64; 2],
}

/// Grows an empty table by inserts and measures each.
///
/// # Errors
/// [`GrowError::Cancelled`].
pub fn grow_table(task: &TableGrowth, cancelled: &dyn Fn() -> bool) -> Result<Run, GrowError> {
    match task.strings {
        false => grow::<u64>(task, |number| number, cancelled),
        true => {
            let (format, mut key) = (KeyFormat::default(), Vec::new());
            let entry = |number| {
                format.write(KeyId(number), STRING_KEY_BYTES, &mut key);
                key.clone().into_boxed_slice()
            };
            grow::<Box<[u8]>>(task, entry, cancelled)
        }
    }
}

fn grow<E: Entry + 'static>(
    task: &TableGrowth,
    mut entry: impl FnMut(u64) -> E,
    cancelled: &dyn Fn() -> bool,
) -> Result<Run, GrowError> {
    let config = TableConfig {
        regions: Regions::starting_at(0),
        hash_key: task.hash_key,
    };
    let mut table: Box<dyn Table<E>> = kvrig_tables::build(task.kind, config);
    let clock = RealClock::start();
    let (lap, mut stopwatch) = (Lap::new(Rc::new(clock)), Stopwatch::start(clock));
    let mut work = Work::new(Box::new(ClockMeter(lap.clone())));
    let (mut watch, mut inserts) = (GrowthWatch::keeping(LONGEST_KEPT), Distribution::default());
    let capacity = usize::try_from(BATCH).expect("a batch is small");
    let (mut entries, mut lengths) = (Vec::with_capacity(capacity), Vec::with_capacity(capacity));
    let mut number = 0;
    while number < task.inserts {
        if cancelled() {
            return Err(GrowError::Cancelled);
        }
        let until = (number + BATCH).min(task.inserts);
        entries.extend((number..until).map(&mut entry));
        stopwatch.restart();
        for one in entries.drain(..) {
            lap.began(stopwatch.began());
            work.begin();
            table
                .insert(one, &mut work)
                .expect("each key is inserted once");
            let length = stopwatch.lap();
            number += 1;
            lengths.push(length);
            let cause = || work.main_cause().unwrap_or(Cause::Request);
            if watch.call(number, || table.take_event(), length, cause) {
                stopwatch.restart();
            }
        }
        lengths.drain(..).for_each(|length| inserts.record(length));
    }
    Ok(Run {
        growths: watch.into_growths(),
        inserts: inserts.to_data("inserts"),
    })
}
