//! What is asked of a table, seen before anything is admitted.

use crate::dynamo::{Capacity, Collection, Demand, Partitions, Place, Places, Requests, Scene};
use crate::studies::traffic::Traffic;
use kvrig_base::quantity::Rate;
use kvrig_base::random::Seed;
use kvrig_dynamo::capacity::{ReadConsistency, WriteMode, WriteUnits};
use kvrig_dynamo::partition::{PARTITION_READS_MAX, PARTITION_WRITES_MAX, REPLICAS, read_blocks};
use serde::{Deserialize, Serialize};

/// Requests that are looked at: a share of a tenth is known to a thousandth of itself.
const REQUESTS: u64 = 1 << 19;
/// Those that are drawn in a row; [`REQUESTS`] is a multiple.
const BLOCK: usize = 1 << 10;
/// Keys that are counted each by itself.
pub(super) const TOP: usize = 10;
/// Keys that may exceed a partition by themselves: at a million units a second none beyond these.
const HEAVY: u64 = 1_000;
const SECOND_NS: f64 = 1e9;

/// What the first requests ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Survey {
    /// Share of the requests that go to the hottest partition, in parts per million.
    pub(super) hottest_ppm: u64,
    /// The partition, as numbered at the start.
    pub(super) hottest: u32,
    /// Share of the hottest partition's requests that go to its most popular key.
    pub(super) hottest_key_ppm: u64,
    /// Nanoseconds of one partition's whole limit that a request takes in the mean.
    pub(super) load_ns: u64,
    /// Load of the hottest partition at the cell's rate, as a share of its limit.
    pub(super) demand_ppm: u64,
    /// Requests beyond what one partition for each key could take, at the cell's rate.
    pub(super) floor_ppm: u64,
    /// Requests a second up to which what is paid for suffices.
    pub(super) paid: u64,
    /// Those up to which the hottest partition does.
    pub(super) hottest_rate: u64,
    /// Those up to which a partition suffices for the most popular key alone.
    pub(super) top_key_rate: u64,
    /// The most popular collections with their shares.
    pub(super) top: Vec<(Collection, u64)>,
}

impl Survey {
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts are far below 2^53, and shares are of six digits"
    )]
    pub(super) fn of(traffic: &Traffic<'_>, places: Places, scene: &Scene, rate: Rate) -> Self {
        let mut by_key = vec![0_u32; places.len()];
        let table = Partitions::new(scene.table, places, Seed(0), "survey");
        let mut by_partition = vec![(0_u64, 0_u64); table.count() as usize];
        let (mut count, mut load, mut units) = (0_u64, 0_u64, 0_u64);
        let mut requests = traffic.requests();
        let mut block = Vec::with_capacity(BLOCK);
        while count < REQUESTS {
            block.clear();
            requests.next_block(BLOCK, &mut block);
            if block.is_empty() {
                break;
            }
            for request in &block {
                let (weight, tokens) = weigh(request.demand);
                let partition = &mut by_partition[table.partition_of(request.place) as usize];
                partition.0 += 1;
                partition.1 += weight;
                by_key[request.place.collection.0 as usize] += 1;
                (count, load, units) = (count + 1, load + weight, units + tokens);
            }
        }
        if count == 0 {
            return Self::default();
        }
        let mut keys: Vec<u32> = (0..by_key.len() as u32)
            .filter(|&key| by_key[key as usize] > 0)
            .collect();
        let by_rank = |&key: &u32| (std::cmp::Reverse(by_key[key as usize]), key);
        if keys.len() > HEAVY as usize {
            keys.select_nth_unstable_by_key(HEAVY as usize, by_rank);
            keys.truncate(HEAVY as usize);
        }
        keys.sort_unstable_by_key(by_rank);
        let hottest = (0..by_partition.len())
            .max_by_key(|&index| (by_partition[index].1, std::cmp::Reverse(index)))
            .unwrap_or(0);
        let (asked, hottest_load) = by_partition[hottest];
        let home = |key: u32| {
            table.partition_of(Place {
                collection: Collection(key),
                sort: 0,
            })
        };
        let hottest_key = keys
            .iter()
            .find(|&&key| home(key) as usize == hottest)
            .map_or(0, |&key| u64::from(by_key[key as usize]));
        let mean = load as f64 / count as f64;
        let per_second = rate.0 as f64 / 1e6;
        let capacity = SECOND_NS / mean;
        // No more keys than that can each exceed what a partition takes.
        let exceeding = (per_second / capacity) as u64 + 1;
        let heavy = traffic.top_shares(exceeding.max(TOP as u64));
        let beyond = heavy
            .iter()
            .map(|share| (share * per_second - capacity).max(0.0))
            .sum::<f64>();
        let first = heavy.first().copied().unwrap_or(0.0);
        let paid = match scene.table.capacity {
            Capacity::Provisioned { read, write } => match units {
                0 => read as f64,
                _ => write as f64 * count as f64 / units as f64,
            },
            Capacity::OnDemand => kvrig_dynamo::scaling::ON_DEMAND_TABLE_MAX as f64,
        };
        let hottest_mean = hottest_load as f64 / count as f64;
        Self {
            hottest_ppm: asked * 1_000_000 / count,
            hottest: hottest as u32,
            hottest_key_ppm: hottest_key * 1_000_000 / asked.max(1),
            load_ns: mean as u64,
            demand_ppm: (hottest_mean * per_second / SECOND_NS * 1e6) as u64,
            floor_ppm: (beyond / per_second * 1e6 + 0.5) as u64,
            paid: paid as u64,
            hottest_rate: (SECOND_NS / hottest_mean) as u64,
            top_key_rate: (capacity / first.max(1e-12)) as u64,
            top: keys
                .iter()
                .take(TOP)
                .zip(heavy.iter().chain(std::iter::repeat(&0.0)))
                .map(|(&key, share)| (Collection(key), (share * 1e6 + 0.5) as u64))
                .collect(),
        }
    }
}

/// Nanoseconds of a partition's limit that a request takes, and its write units.
fn weigh(demand: Demand) -> (u64, u64) {
    const SECOND: u64 = 1_000_000_000;
    match demand {
        Demand::Write { bytes } => {
            let units = WriteUnits::for_change(None, Some(bytes), WriteMode::Standard).0;
            (units * SECOND / PARTITION_WRITES_MAX, units)
        }
        Demand::Read { bytes, consistency } => {
            let whole = read_blocks(bytes) * SECOND / PARTITION_READS_MAX;
            let part = match consistency {
                ReadConsistency::Eventual => whole / REPLICAS as u64,
                ReadConsistency::Strong => whole,
                ReadConsistency::Transactional => whole * 2,
            };
            (part, 0)
        }
    }
}
