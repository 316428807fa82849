//! Partitions: which keys lie where, how they split, and what their buckets let through.

use kvrig_base::time::{Span, Time};
use kvrig_dynamo::capacity::ReadConsistency::{self, Eventual, Strong};
use kvrig_dynamo::key::{KeyHash, KeyHasher, KeyValue};
use kvrig_dynamo::partition::{
    Allocation, Boundary, LimitMode, NoSplit, PartitionBuckets, PartitionId, PartitionMap, Refused,
    Replica, Sample, Source, SplitError, TokenBucket, initial_partitions, split_point,
    static_partitions, warm_partitions,
};
use proptest::prelude::*;

fn place(hash: u128, sort: Option<i64>) -> Boundary {
    Boundary {
        hash: KeyHash::new(hash),
        sort: sort.map(|sort| KeyValue::Number(sort.into())),
    }
}

fn find(map: &PartitionMap, place: &Boundary) -> u32 {
    map.find(place.hash, place.sort.as_ref()).id.0
}

#[test]
fn even_partitions_get_even_shares_of_keys() {
    let map = PartitionMap::even(64);
    let hasher = KeyHasher::new([7, 9]);
    let mut counts = [0_u32; 64];
    for number in 0..64_000_i64 {
        let hash = hasher.hash(&KeyValue::Number(number.into()));
        counts[map.index_of(hash, None)] += 1;
    }
    // A share of 1,000 varies by sqrt(1,000) = 32; five times that is never seen.
    assert!(
        counts.iter().all(|count| count.abs_diff(1_000) < 160),
        "{counts:?}"
    );
}

#[test]
fn a_split_divides_a_partition_and_leaves_the_others() {
    let mut map = PartitionMap::even(2);
    let at = map.middle(PartitionId(0)).expect("a range of hashes");
    assert_eq!(
        map.split(PartitionId(0), at.clone()),
        Ok([PartitionId(2), PartitionId(3)])
    );
    assert_eq!(map.partitions().len(), 3);
    assert_eq!(find(&map, &place(0, None)), 2);
    assert_eq!(find(&map, &at), 3);
    assert_eq!(find(&map, &place(u128::MAX, Some(5))), 1);
    assert_eq!(map.partitions()[1].parent, Some(PartitionId(0)));
    assert_eq!(
        map.split(PartitionId(0), at.clone()),
        Err(SplitError::NoSuchPartition)
    );
    assert_eq!(
        map.split(PartitionId(1), at.clone()),
        Err(SplitError::Outside)
    );
    assert_eq!(map.split(PartitionId(3), at), Err(SplitError::Outside));
}

#[test]
fn a_partition_can_begin_inside_an_item_collection() {
    let mut map = PartitionMap::even(1);
    let collection = 1_u128 << 100;
    map.split(PartitionId(0), place(collection, Some(50)))
        .expect("it is inside");
    assert_eq!(find(&map, &place(collection, None)), 1);
    assert_eq!(find(&map, &place(collection, Some(49))), 1);
    assert_eq!(find(&map, &place(collection, Some(50))), 2);
    assert_eq!(find(&map, &place(collection + 1, None)), 2);
    assert_eq!(find(&map, &place(collection - 1, Some(99))), 1);
}

fn samples(places: impl IntoIterator<Item = Boundary>) -> Vec<Sample> {
    let sample = |place| Sample { place, units: 1 };
    places.into_iter().map(sample).collect()
}

#[test]
fn a_split_point_divides_the_load_and_not_the_space() {
    // Nine tenths of the load lie in the first hundredth of the space.
    let hot = (0..90).map(|n| place(n * 7 % 90, None));
    let cold = (0..10).map(|n| place(u128::MAX / 10 * n, None));
    let point = split_point(&samples(hot.chain(cold)), true).expect("many keys");
    assert!(point < place(90, None));
    assert!(point > place(30, None));
}

#[test]
fn one_collection_is_split_by_sort_key_unless_it_must_stay_together() {
    let scattered = || samples((0..100).map(|n| place(5, Some(n * 37 % 100))));
    assert_eq!(split_point(&scattered(), false), Ok(place(5, Some(50))));
    assert_eq!(split_point(&scattered(), true), Err(NoSplit::LocalIndex));
    let item = samples((0..100).map(|_| place(5, Some(1))));
    assert_eq!(split_point(&item, false), Err(NoSplit::SingleItem));
    assert_eq!(split_point(&[], false), Err(NoSplit::SingleItem));
    let rising = samples((0..100).map(|n| place(5, Some(n))));
    assert_eq!(split_point(&rising, false), Err(NoSplit::SequentialAccess));
    // Two collections written in sequence are parted, and neither is cut.
    let mut both = samples((0..300).map(|n| place(5 + u128::from(n % 3 == 0), Some(n))));
    assert_eq!(split_point(&both, false), Ok(place(6, None)));
    both.retain(|sample| sample.place.hash == KeyHash::new(5));
    assert_eq!(split_point(&both, false), Err(NoSplit::SequentialAccess));
    // Every second request is one of 30 steps before, sent again.
    let again = samples((0..1_000).map(|n| place(5, Some(n - 30 * (n % 2)))));
    assert_eq!(split_point(&again, false), Err(NoSplit::SequentialAccess));
}

#[test]
fn a_hot_item_is_isolated_from_its_neighbours() {
    let mut load = samples((0..20).map(|n| place(n, None)));
    load.push(Sample {
        place: place(10, None),
        units: 1_000,
    });
    let mut map = PartitionMap::even(1);
    for _ in 0..2 {
        let hot = map.find(KeyHash::new(10), None).id;
        let inside = load
            .iter()
            .filter(|sample| find(&map, &sample.place) == hot.0);
        let inside: Vec<_> = inside.cloned().collect();
        let point = split_point(&inside, false).expect("neighbours are still there");
        map.split(hot, point).expect("it is inside");
    }
    let hot = map.find(KeyHash::new(10), None).id;
    let alone = load
        .iter()
        .all(|sample| (find(&map, &sample.place) == hot.0) == (sample.place == place(10, None)));
    assert!(alone);
}

#[test]
fn counts_grow_with_what_is_asked_for_and_never_shrink() {
    assert_eq!(initial_partitions(0, 0, 0), 1);
    assert_eq!(
        initial_partitions(u64::MAX, u64::MAX, u64::MAX),
        24_595_658_764_946_069
    );
    assert_eq!(warm_partitions(0, 0), 1);
    assert_eq!(warm_partitions(40_000, 40_000), 40);
    assert_eq!(static_partitions(8, 0, 100), 8);
    assert_eq!(static_partitions(3, 0, 6_001), 12);
}

/// A partition with shares per second, of which nothing is saved.
fn partition(reads: u64, writes: u64, mode: LimitMode) -> PartitionBuckets {
    let start = Time::START;
    PartitionBuckets::new(
        Allocation::without_burst(reads * 2, start),
        Allocation::without_burst(writes, start),
        mode,
        start,
    )
}

fn at(millis: u64) -> Time {
    Time::START + Span::from_millis(millis)
}

/// Reads and writes that pass in the hundred seconds behind the first, where each is tried so often
/// per second.
fn passed(
    mut buckets: PartitionBuckets,
    reads: u64,
    writes: u64,
    consistency: ReadConsistency,
) -> (u64, u64) {
    let mut counts = (0, 0);
    for millis in 1..=101_000 {
        let now = at(millis);
        let due = |per_sec: u64| per_sec * millis / 1_000 - per_sec * (millis - 1) / 1_000;
        for number in 0..due(reads) {
            let replica = Replica::for_read(number + millis);
            let read = buckets.admit_read(4_096, consistency, replica, None, now);
            counts.0 += u64::from(read.is_ok() && millis > 1_000);
        }
        for _ in 0..due(writes) {
            let write = buckets.admit_write(1, None, now);
            counts.1 += u64::from(write.is_ok() && millis > 1_000);
        }
    }
    counts
}

#[test]
fn reads_and_writes_share_a_partition_or_do_not() {
    let plenty = |mode| partition(100_000, 100_000, mode);
    let (reads, writes) = passed(plenty(LimitMode::Independent), 6_000, 2_000, Strong);
    assert!(reads.abs_diff(300_000) < 10 && writes.abs_diff(100_000) < 10);
    let (reads, writes) = passed(plenty(LimitMode::LinearCombination), 6_000, 500, Strong);
    assert!(
        reads.abs_diff(300_000 - 3 * writes) < 3_100,
        "{reads} reads, {writes} writes"
    );
    let (reads, _) = passed(plenty(LimitMode::Independent), 20_000, 0, Eventual);
    assert!(reads.abs_diff(900_000) < 30, "{reads}");
}

#[test]
fn a_share_refuses_before_the_limit_does() {
    let mut buckets = partition(10, 10, LimitMode::Independent);
    let mut write = |now| buckets.admit_write(10, None, now);
    assert_eq!(write(at(0)), Ok(Source::Allocated));
    assert_eq!(write(at(0)), Err(Refused::Allocation));
    let mut hot = partition(100_000, 100_000, LimitMode::Independent);
    assert_eq!(hot.admit_write(1_000, None, at(0)), Ok(Source::Allocated));
    assert_eq!(hot.admit_write(1, None, at(0)), Err(Refused::Limit));
}

#[test]
fn burst_needs_tokens_of_the_node_and_nothing_is_taken_when_it_has_none() {
    let start = Time::START;
    let share = Allocation::full(10, start);
    let mut buckets = PartitionBuckets::new(share, share, LimitMode::Independent, start);
    let mut node = TokenBucket::full(100, Span::from_secs(1), start).emptied();
    assert_eq!(
        buckets.admit_write(10, Some(&mut node), start),
        Ok(Source::Allocated)
    );
    assert_eq!(
        node.tokens(start),
        -10,
        "what is allocated is never refused by the node"
    );
    assert_eq!(
        buckets.admit_write(1, Some(&mut node), start),
        Err(Refused::Node)
    );
    assert_eq!(buckets.writes_mut().tokens(start), (0, 2_990));
    assert_eq!(buckets.admit_write(1, None, start), Ok(Source::Burst));
}

#[test]
fn what_is_saved_is_what_was_not_used_of_five_minutes() {
    let mut share = Allocation::without_burst(10, Time::START);
    assert_eq!(share.tokens(at(0)), (10, 0));
    assert_eq!(share.tokens(at(100_000)), (10, 1_000));
    assert_eq!(share.tokens(at(1_000_000)), (10, 2_990));
    share.set_rate(1, at(1_000_000));
    assert_eq!(share.tokens(at(1_000_000)), (1, 299));
}

proptest! {
    #[test]
    fn no_more_passes_than_was_saved_and_gained(
        rate in 1_u64..2_000,
        steps in prop::collection::vec((0_u64..5_000, 1_u64..500), 1..300),
    ) {
        let start = Time::START;
        let share = Allocation::full(rate, start);
        let mut buckets = PartitionBuckets::new(share, share, LimitMode::Independent, start);
        let (mut now, mut passed) = (start, 0);
        for (millis, units) in steps {
            now += Span::from_millis(millis);
            if buckets.admit_write(units, None, now).is_ok() {
                passed += units;
            }
            let gained = rate * 300 + rate * (now.since_start().as_nanos() / 1_000_000) / 1_000;
            // One request may overdraw each of the two buckets.
            prop_assert!(passed <= gained + 2 * 500 + 1);
        }
    }

    #[test]
    fn every_place_lies_in_exactly_the_partition_that_begins_before_it(
        splits in prop::collection::vec((any::<u128>(), prop::option::of(0_i64..100)), 0..40),
        probes in prop::collection::vec((any::<u128>(), prop::option::of(0_i64..100)), 1..40),
    ) {
        let mut map = PartitionMap::even(3);
        for (hash, sort) in &splits {
            let at = place(*hash, *sort);
            let id = map.find(at.hash, at.sort.as_ref()).id;
            let _ = map.split(id, at);
        }
        for pair in map.partitions().windows(2) {
            prop_assert!(pair[0].start < pair[1].start);
        }
        for (hash, sort) in probes.iter().chain(&splits) {
            let probe = place(*hash, *sort);
            let index = map.index_of(probe.hash, probe.sort.as_ref());
            prop_assert!(map.partitions()[index].start <= probe);
            if let Some(next) = map.partitions().get(index + 1) {
                prop_assert!(probe < next.start);
            }
        }
    }
}

/// Writes per second that pass to the partitions of a map where `per_sec` are tried, each to the
/// place that `place` gives it; those of the first second use up what was saved and do not count.
fn writes_per_second(map: &PartitionMap, per_sec: u64, place: impl Fn(u64) -> Boundary) -> u64 {
    let one = partition(100_000, 100_000, LimitMode::Independent);
    let mut buckets = vec![one; map.partitions().len()];
    let gap = Span::from_picos(Span::from_secs(1).as_picos() / per_sec);
    let mut passed = 0;
    for number in 0..per_sec * 5 {
        let now = Time::START + gap * number;
        let place = place(number);
        let index = map.index_of(place.hash, place.sort.as_ref());
        let write = buckets[index].admit_write(1, None, now);
        passed += u64::from(write.is_ok() && number >= per_sec);
    }
    passed / 4
}

/// A new on-demand table has four partitions: with keys that spread, 3,000 writes a second all pass,
/// and 4,000 are the ceiling (a test published by theburningmonk in 2019).
#[test]
fn a_new_on_demand_table_takes_four_thousand_spread_writes() {
    let map = PartitionMap::even(u32::try_from(warm_partitions(12_000, 4_000)).unwrap());
    let hasher = KeyHasher::new([3, 4]);
    let spread = |number: u64| Boundary {
        hash: hasher.hash(&KeyValue::Number(number.into())),
        sort: None,
    };
    assert_eq!(writes_per_second(&map, 3_000, spread), 3_000);
    let ceiling = writes_per_second(&map, 20_000, spread);
    assert!(ceiling.abs_diff(4_000) < 10, "{ceiling}");
}

/// Every split of a collection whose sort keys are written evenly adds what one partition can do:
/// the steps that andrestone/dynamodb-load-test drew in 2020.
#[test]
fn each_split_of_a_hot_collection_adds_the_limit_of_a_partition() {
    let spread = |number: u64| place(5, Some((number * 7_919 % 1_000).cast_signed()));
    let mut map = PartitionMap::even(1);
    for splits in 0..4 {
        let passed = writes_per_second(&map, 20_000, spread);
        assert!(
            passed.abs_diff(1_000 * (splits + 1)) < 10,
            "{passed} after {splits}"
        );
        let mut loads: Vec<(usize, Vec<Sample>)> = Vec::new();
        for sample in samples((0..1_000).map(spread)) {
            let index = map.index_of(sample.place.hash, sample.place.sort.as_ref());
            match loads.iter_mut().find(|(other, _)| *other == index) {
                Some((_, load)) => load.push(sample),
                None => loads.push((index, vec![sample])),
            }
        }
        let (hottest, load) = loads
            .iter()
            .max_by_key(|(_, load)| load.len())
            .expect("there is load");
        let point = split_point(load, false).expect("many keys");
        let id = map.partitions()[*hottest].id;
        map.split(id, point).expect("it is inside");
    }
}
