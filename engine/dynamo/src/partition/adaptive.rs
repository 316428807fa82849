//! Adaptive capacity as it was from 2017 on: throttled partitions get more than their equal share.
//!
//! Elhemali et al. (USENIX ATC 2022, section 4.1.2): where a table throttles though it consumes less
//! than was provisioned, the shares of its partitions are raised by proportional control; where it
//! consumes more, what was raised is lowered again. The paper gives no gain; the two below are ours.

/// The part of what was refused in the last interval by which a share is raised, in percent. A
/// whole would follow the load at once; AWS tells of minutes.
const RAISE_PERCENT: u128 = 50;
/// The part of a boost that is left after an interval in which the table consumed too much, in
/// percent.
const KEEP_PERCENT: u128 = 50;

/// What one partition did in the last interval, in units per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Units that it let through.
    pub consumed: u64,
    /// Units that it refused.
    pub refused: u64,
}

/// Boosts of the partitions of one table, for reads or for writes, in units per second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdaptiveCapacity {
    provisioned: u64,
    partition_max: u64,
    /// Share and boost of each partition.
    partitions: Vec<(u64, u64)>,
}

impl AdaptiveCapacity {
    /// A table of `partitions` partitions with equal shares of `provisioned`, none of which may have
    /// more than `partition_max`.
    pub fn new(provisioned: u64, partition_max: u64, partitions: usize) -> Self {
        Self {
            provisioned,
            partition_max,
            partitions: vec![(provisioned / (partitions as u64).max(1), 0); partitions],
        }
    }
    /// The share of partition `index` with its boost; nothing for one that is not there.
    pub fn share(&self, index: usize) -> Option<u64> {
        let (share, boost) = self.partitions.get(index)?;
        Some(share.saturating_add(*boost).min(self.partition_max))
    }
    /// Adjusts the boosts by what the partitions did in the last interval; those that are not told
    /// of did nothing.
    pub fn adjust(&mut self, observed: &[Observed]) {
        let consumed: u128 = observed.iter().map(|one| u128::from(one.consumed)).sum();
        let is_over = consumed > u128::from(self.provisioned);
        for ((share, boost), one) in self.partitions.iter_mut().zip(observed) {
            let room = self.partition_max.saturating_sub(*share);
            let next = match is_over {
                true => u128::from(*boost) * KEEP_PERCENT / 100,
                false => {
                    let raise = (u128::from(one.refused) * RAISE_PERCENT).div_ceil(100);
                    u128::from(*boost) + raise
                }
            };
            *boost = u64::try_from(next).map_or(room, |next| next.min(room));
        }
    }
    /// Follows a split: partition `index` becomes two that divide its share and its boost equally
    /// (the paper's "throughput dilution", section 4.1).
    pub fn split(&mut self, index: usize) {
        if let Some((share, boost)) = self.partitions.get_mut(index) {
            let other = (*share / 2, *boost / 2);
            (*share, *boost) = (*share - other.0, *boost - other.1);
            self.partitions.insert(index + 1, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What four partitions with these loads do under their shares.
    fn observe(capacity: &AdaptiveCapacity, loads: [u64; 4]) -> [Observed; 4] {
        let mut observed = [Observed::default(); 4];
        for (index, load) in loads.into_iter().enumerate() {
            let consumed = load.min(capacity.share(index).expect("four partitions"));
            observed[index] = Observed {
                consumed,
                refused: load - consumed,
            };
        }
        observed
    }

    #[test]
    fn a_hot_partition_gets_what_it_needs_while_the_table_has_it() {
        let mut capacity = AdaptiveCapacity::new(400, 1_000, 4);
        for _ in 0..20 {
            capacity.adjust(&observe(&capacity, [50, 50, 50, 150]));
        }
        assert_eq!(capacity.share(3), Some(150));
        assert_eq!(capacity.share(0), Some(100));
        assert_eq!(capacity.share(4), None);
    }

    #[test]
    fn boosts_shrink_where_the_table_consumes_too_much() {
        let mut capacity = AdaptiveCapacity::new(400, 1_000, 4);
        for _ in 0..20 {
            capacity.adjust(&observe(&capacity, [10, 10, 10, 370]));
        }
        assert!(capacity.share(3).expect("four partitions") >= 360);
        for _ in 0..20 {
            capacity.adjust(&observe(&capacity, [100, 100, 100, 370]));
        }
        let total: u64 = (0..4).filter_map(|index| capacity.share(index)).sum();
        assert!(total < 800, "the table is not given away: {total}");
    }

    #[test]
    fn no_share_exceeds_what_a_partition_can_do() {
        let mut capacity = AdaptiveCapacity::new(40_000, 1_000, 64);
        for _ in 0..50 {
            let mut observed = [Observed::default(); 64];
            observed[0].refused = u64::MAX;
            capacity.adjust(&observed);
        }
        assert_eq!(capacity.share(0), Some(1_000));
    }

    #[test]
    fn a_split_dilutes_the_share_of_its_partition_alone() {
        let mut capacity = AdaptiveCapacity::new(401 * 4, 1_000, 4);
        capacity.split(1);
        let shares: Vec<_> = (0..5).filter_map(|index| capacity.share(index)).collect();
        assert_eq!(shares, [401, 201, 200, 401, 401]);
    }
}
