//! How the segmented table splits, on sets of integers.

mod common;

use common::{insert_all, integer_set};
use kvrig_base::seam::{Cause, Counter, Work};
use kvrig_tables::{Position, TableKind};
use std::collections::BTreeSet;

/// Buckets of a segment, and places of all of them.
const SEGMENT: (u64, u64) = (60, 840);

#[test]
fn it_begins_with_eight_segments() {
    let work = &mut Work::unpriced();
    let mut table = integer_set(TableKind::Segmented);
    assert_eq!(table.buckets(), 0);
    insert_all(&mut *table, 0..1, work);
    assert_eq!(table.buckets(), 8 * SEGMENT.0);
}

#[test]
fn an_insertion_splits_one_segment_at_most_and_moves_half_of_it() {
    let work = &mut Work::unpriced();
    let mut table = integer_set(TableKind::Segmented);
    insert_all(&mut *table, 0..5_000, work);
    let mut splits = 0;
    for key in 5_000..100_000 {
        let before = table.buckets();
        work.begin();
        table.insert(key, work).expect("it is new");
        let counts = work.counts();
        if table.buckets() == before {
            assert_eq!(counts.get(Counter::EntriesMigrated), 0);
            assert!(work.segments().is_empty());
            continue;
        }
        splits += 1;
        assert_eq!(table.buckets(), before + SEGMENT.0);
        // A full segment's keys are hashed again, and about half of them leave.
        let hashed = counts.get(Counter::KeysHashed) - 1;
        assert!((700..=SEGMENT.1).contains(&hashed), "{hashed} of 840");
        let moved = counts.get(Counter::EntriesMigrated);
        assert!((hashed / 3..hashed * 2 / 3).contains(&moved), "{moved}");
        let steps = work
            .segments()
            .iter()
            .filter(|part| part.cause == Cause::RehashStep);
        assert_eq!(steps.count(), 1);
    }
    assert!(splits > 100, "{splits} splits");
    assert!((0..100_000).all(|key| table.peek(&key).is_some()));
}

#[test]
fn places_are_used_well_before_a_segment_splits() {
    let work = &mut Work::unpriced();
    let mut table = integer_set(TableKind::Segmented);
    insert_all(&mut *table, 0..6_000, work);
    let segments = table.buckets() / SEGMENT.0;
    // Dash reaches loads beyond 90 % this way (its paper, section 6.2).
    assert_eq!(segments, 8, "a load of 89 %");
}

#[test]
fn a_pause_splits_nothing_and_loses_nothing() {
    let work = &mut Work::unpriced();
    let mut table = integer_set(TableKind::Segmented);
    insert_all(&mut *table, 0..6_000, work);
    table.pause_rehash();
    let mut position = Position::default();
    let mut seen = BTreeSet::new();
    let mut new = 10_000;
    while let Some(slot) = table.walk(&mut position, work) {
        let key = *table.entry(slot);
        assert!(seen.insert(key), "{key} came twice");
        if key % 5 == 0 {
            table.remove(&key, work).expect("it is there");
        }
        if new < 14_000 {
            insert_all(&mut *table, new..new + 1, work);
            new += 1;
        }
    }
    assert!((0..6_000).all(|key| seen.contains(&key)));
    assert_eq!(table.buckets(), 8 * SEGMENT.0);
    assert!((10_000..new).all(|key| table.peek(&key).is_some() || key % 5 == 0));
    table.resume_rehash();
    insert_all(&mut *table, 20_000..24_000, work);
    assert!(table.buckets() > 12 * SEGMENT.0);
    let kept = (0..6_000).filter(|key| key % 5 != 0);
    assert!(
        kept.chain(20_000..24_000)
            .all(|key| table.find(&key, work).is_some())
    );
}

#[test]
fn what_is_removed_from_a_stash_is_found_no_more() {
    let work = &mut Work::unpriced();
    let mut table = integer_set(TableKind::Segmented);
    for round in 0..20 {
        let from = round * 7_000;
        insert_all(&mut *table, from..from + 7_000, work);
        for key in from..from + 7_000 {
            assert_eq!(table.remove(&key, work), Some(key));
            assert!(table.peek(&key).is_none());
        }
    }
    assert_eq!(table.len(), 0);
}
