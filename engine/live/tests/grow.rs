//! Growth on the real clock: it happens where it happens without one. Nothing here is timed.

#![expect(clippy::unwrap_used, reason = "tests of behaviours")]

use kvrig_base::measured::{Growth, GrowthPauses, Run};
use kvrig_base::random::Seed;
use kvrig_base::seam::{Cause, Work};
use kvrig_live::grow::{GrowError, NodeGrowth, TableGrowth, grow_node, grow_table};
use kvrig_redis::Config;
use kvrig_tables::{GrowthWatch, Regions, Table, TableConfig, TableKind};

const HASH_KEY: [u64; 2] = [7, 11];

/// Growths of a table of integers whose work is free.
fn growths_without_a_clock(kind: TableKind, inserts: u64) -> Vec<Growth> {
    let config = TableConfig {
        regions: Regions::starting_at(0),
        hash_key: HASH_KEY,
    };
    let mut table: Box<dyn Table<u64>> = kvrig_tables::build(kind, config);
    let (mut work, mut watch) = (Work::unpriced(), GrowthWatch::keeping(1));
    for number in 0..inserts {
        work.begin();
        table.insert(number, &mut work).unwrap();
        watch.call(number + 1, || table.take_event(), 1, || Cause::Request);
    }
    growths(&watch.into_growths())
}

fn growths(pauses: &[GrowthPauses]) -> Vec<Growth> {
    pauses.iter().map(|pause| pause.growth).collect()
}

fn table(kind: TableKind, strings: bool, inserts: u64) -> Run {
    let task = TableGrowth {
        kind,
        strings,
        inserts,
        hash_key: HASH_KEY,
    };
    grow_table(&task, &|| false).unwrap()
}

#[test]
fn tables_grow_at_the_same_inserts_with_and_without_a_clock() {
    for &kind in TableKind::ALL {
        let inserts = 3 << 14;
        let run = table(kind, false, inserts);
        assert_eq!(
            growths(&run.growths),
            growths_without_a_clock(kind, inserts),
            "{kind}"
        );
        let recorded: u64 = run.inserts.buckets.iter().map(|&(_, count)| count).sum();
        assert_eq!(recorded, inserts, "{kind}");
    }
}

#[test]
fn strings_place_entries_otherwise_and_grow_at_the_same_sizes() {
    let starts = |run: &Run| -> Vec<u64> { run.growths.iter().map(|g| g.growth.started).collect() };
    let (numbers, strings) = (
        table(TableKind::Redis70, false, 3 << 12),
        table(TableKind::Redis70, true, 3 << 12),
    );
    assert_eq!(starts(&numbers), starts(&strings));
    assert_ne!(growths(&numbers.growths), growths(&strings.growths));
}

#[test]
fn the_longest_calls_of_a_growth_lie_within_it_and_are_sorted() {
    let run = table(TableKind::Redis70, false, 3 << 13);
    for pauses in &run.growths {
        let within = pauses.growth.started..=pauses.growth.freed.unwrap();
        assert!(!pauses.longest.is_empty());
        assert!(
            pauses
                .longest
                .iter()
                .all(|pause| within.contains(&pause.at))
        );
        assert!(pauses.longest.is_sorted_by(|a, b| a.ns >= b.ns));
    }
}

fn node_growth() -> NodeGrowth {
    NodeGrowth {
        kind: TableKind::Redis70,
        config: Config::default(),
        seed: Seed(1),
        filled: (1 << 12) - 64,
        key_bytes: 20,
        value_bytes: 32,
        buckets: 1 << 12,
        keys_max: 1 << 14,
    }
}

#[test]
fn a_node_grows_once_from_the_buckets_asked_for() {
    let run = grow_node(&node_growth(), &|| false).unwrap();
    let [only] = run.growths.as_slice() else {
        panic!("{:?}", growths(&run.growths));
    };
    assert_eq!(only.growth.started, (1 << 12) + 1);
    // The timer shortens what steps alone would take: 63.2 % more keys.
    let freed = only.growth.freed.unwrap();
    assert!(
        freed > only.growth.started && freed < (1 << 12) * 17 / 10,
        "{freed}"
    );
}

#[test]
fn a_node_that_cannot_grow_or_write_is_given_up() {
    let mut guarded = node_growth();
    guarded.keys_max = 1 << 12;
    let error = grow_node(&guarded, &|| false).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the table redis-7.0 has not grown from 4096 buckets within 4096 inserts"
    );
    let mut full = node_growth();
    full.config.maxmemory = 1;
    let error = grow_node(&full, &|| false).unwrap_err();
    assert!(error.to_string().contains("OOM"), "{error}");
}

#[test]
fn growing_stops_when_asked_to() {
    let task = TableGrowth {
        kind: TableKind::AtOnce,
        strings: true,
        inserts: u64::MAX,
        hash_key: HASH_KEY,
    };
    assert!(matches!(
        grow_table(&task, &|| true),
        Err(GrowError::Cancelled)
    ));
    assert!(matches!(
        grow_node(&node_growth(), &|| true),
        Err(GrowError::Cancelled)
    ));
}
