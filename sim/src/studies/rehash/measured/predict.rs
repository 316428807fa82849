//! The longest insert of a table alone by its simulated price, for integers and strings.

use crate::cost::{Pricing, Profile};
use crate::run::RunError;
use crate::studies::rehash::growth;
use kvrig_base::id::{ActorId, CoreId};
use kvrig_base::measured::{GrowthPauses, STRING_KEY_BYTES};
use kvrig_base::random::Seed;
use kvrig_base::seam::{Cause, Work};
use kvrig_base::time::Time;
use kvrig_tables::{Entry, GrowthWatch, Regions, Table, TableConfig, TableKind};
use kvrig_workloads::{KeyFormat, KeyId};
use serde::{Deserialize, Serialize};

/// Inserts between two questions whether to stop.
const INSERTS_UNASKED: u64 = 65_536;
/// A table that has not grown from its largest size after so many times as many inserts is not
/// going to.
const PATIENCE: u64 = 4;

/// What is predicted of one table and kind of key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Prediction {
    /// The growths from the sizes asked for, each with its longest insert, the whole of it priced.
    pub(super) growths: Vec<GrowthPauses>,
    /// Inserts after which the last of them was over.
    pub(super) inserts: u64,
}

/// What places the keys of a table alone; the curve of the study uses the same.
pub(super) fn hash_key(seed: Seed) -> [u64; 2] {
    seed.stream("hash-key").at(0, 0).0
}

/// Grows an empty table from all of `sizes`.
pub(super) fn predict(
    kind: TableKind,
    strings: bool,
    sizes: &[u64],
    profile: &Profile,
    seed: Seed,
    cancelled: &dyn Fn() -> bool,
) -> Result<Prediction, RunError> {
    match strings {
        false => grow::<u64>(kind, |number| number, sizes, profile, seed, cancelled),
        true => {
            let (format, mut key) = (KeyFormat::default(), Vec::new());
            let entry = |number| {
                format.write(KeyId(number), STRING_KEY_BYTES, &mut key);
                key.clone().into_boxed_slice()
            };
            grow::<Box<[u8]>>(kind, entry, sizes, profile, seed, cancelled)
        }
    }
}

fn grow<E: Entry + 'static>(
    kind: TableKind,
    mut entry: impl FnMut(u64) -> E,
    sizes: &[u64],
    profile: &Profile,
    seed: Seed,
    cancelled: &dyn Fn() -> bool,
) -> Result<Prediction, RunError> {
    let (pricing, meter) = Pricing::new(profile);
    pricing.add_core();
    pricing.enter(ActorId(0), 0, CoreId(0), Time::START);
    let mut work = Work::new(Box::new(meter));
    let config = TableConfig {
        regions: Regions::starting_at(0),
        hash_key: hash_key(seed),
    };
    let mut table: Box<dyn Table<E>> = kvrig_tables::build(kind, config);
    let mut watch = GrowthWatch::keeping(1);
    let wanted: Vec<u64> = sizes
        .iter()
        .map(|&size| growth::buckets_before(kind, size))
        .collect();
    let is_wanted = |pauses: &&GrowthPauses| wanted.contains(&pauses.growth.from);
    let inserts_max = sizes.iter().max().unwrap_or(&0).saturating_mul(PATIENCE);
    let (mut inserts, mut over) = (0, 0);
    while over < wanted.len() && inserts < inserts_max {
        if inserts % INSERTS_UNASKED == 0 && cancelled() {
            return Err(RunError::Cancelled);
        }
        work.begin();
        table
            .insert(entry(inserts), &mut work)
            .expect("each key is inserted once");
        inserts += 1;
        let before = watch.done().len();
        let price = work.spent().as_nanos();
        let cause = || work.main_cause().unwrap_or(Cause::Request);
        watch.call(inserts, || table.take_event(), price, cause);
        if watch.done().len() > before {
            over = watch.done().iter().filter(is_wanted).count();
        }
    }
    let mut growths = watch.into_growths();
    growths.retain(|pauses| is_wanted(&pauses));
    Ok(Prediction { growths, inserts })
}
