//! How the two designs of open addressing grow, on sets of integers.

mod common;

use common::{insert_all, integer_set};
use kvrig_base::seam::{Cause, Counter, Work};
use kvrig_tables::{Position, Table, TableEventKind as Kind, TableKind};
use std::collections::BTreeSet;

const DESIGNS: [TableKind; 2] = [TableKind::OpenAtOnce, TableKind::OpenAmortised];

/// Insertions at which an array of 1,024 places is full.
const FULL: u64 = 896;

#[test]
fn moving_at_once_moves_all_in_the_insertion_that_begins_it() {
    let work = &mut Work::unpriced();
    let mut table = integer_set(TableKind::OpenAtOnce);
    insert_all(&mut *table, 0..FULL, work);
    work.begin();
    insert_all(&mut *table, FULL..FULL + 1, work);
    let counts = work.counts();
    assert_eq!(counts.get(Counter::EntriesMigrated), FULL);
    assert_eq!(counts.get(Counter::KeysHashed), FULL + 1);
    let causes: Vec<_> = work.segments().iter().map(|part| part.cause).collect();
    assert_eq!(
        causes,
        [Cause::AllocateTable, Cause::FreeTable, Cause::RehashAll]
    );
    assert_eq!(table.rehash(), None);
}

#[test]
fn an_insertion_moves_eight_entries_and_a_look_up_none() {
    let work = &mut Work::unpriced();
    let mut table = integer_set(TableKind::OpenAmortised);
    insert_all(&mut *table, 0..FULL, work);
    assert_eq!(table.rehash(), None);
    for step in 1..FULL / 8 {
        work.begin();
        insert_all(&mut *table, FULL + step - 1..FULL + step, work);
        assert_eq!(work.counts().get(Counter::EntriesMigrated), 8);
        work.begin();
        table.find(&(step * 7), work).expect("it is in the table");
        assert_eq!(work.counts().get(Counter::EntriesMigrated), 0);
        let rehash = table.rehash().expect("it goes on");
        assert_eq!((rehash.from, rehash.entries_moved), (1_024, 8 * step));
        assert!((0..FULL + step).all(|key| table.peek(&key).is_some()));
    }
    insert_all(&mut *table, 2_000..2_001, work);
    assert_eq!(table.rehash(), None, "112 insertions are an eighth of 896");
}

#[test]
fn removals_of_the_last_entries_left_over_free_the_old_array() {
    let work = &mut Work::unpriced();
    let mut table = integer_set(TableKind::OpenAmortised);
    insert_all(&mut *table, 0..FULL + 1, work);
    assert!(table.rehash().is_some());
    (0..FULL).for_each(|key| _ = table.remove(&key, work).expect("it is there"));
    assert_eq!((table.rehash(), table.len()), (None, 1));
    let events: Vec<_> = std::iter::from_fn(|| table.take_event()).collect();
    assert!(matches!(
        events[events.len() - 1].kind,
        Kind::Freed { buckets: 1_024, .. }
    ));
}

#[test]
fn places_that_entries_have_left_make_no_larger_array() {
    for kind in DESIGNS {
        let work = &mut Work::unpriced();
        let mut table = integer_set(kind);
        insert_all(&mut *table, 0..400, work);
        for key in 400..100_000 {
            table.insert(key, work).expect("it is new");
            table.remove(&(key - 400), work).expect("it is there");
        }
        assert!(
            table.buckets() <= 2 * 1_024,
            "{kind}: {} places",
            table.buckets()
        );
        assert_eq!(table.len(), 400);
    }
}

#[test]
fn a_pause_keeps_full_arrays_and_their_entries_are_moved_after() {
    for kind in DESIGNS {
        let work = &mut Work::unpriced();
        let mut table = integer_set(kind);
        insert_all(&mut *table, 0..500, work);
        table.pause_rehash();
        let before = table.len();
        let mut position = Position::default();
        let mut seen = BTreeSet::new();
        let mut new = 10_000;
        while let Some(slot) = table.walk(&mut position, work) {
            assert!(seen.insert(*table.entry(slot)), "each entry once");
            // Ten others for each: the array is outgrown more than once.
            if new < 15_000 {
                insert_all(&mut *table, new..new + 10, work);
                new += 10;
            }
        }
        assert!((0..500).all(|key| seen.contains(&key)));
        assert_eq!(work.counts().get(Counter::EntriesMigrated), migrated(kind));
        table.resume_rehash();
        assert!(table.rehash().is_some());
        insert_all(&mut *table, 20_000..30_000, work);
        assert!(
            (0..500)
                .chain(10_000..new)
                .all(|key| table.peek(&key).is_some())
        );
        assert_eq!(table.len(), before + (new - 10_000) + 10_000);
        assert_eq!(walked(&*table, work), table.len());
    }
}

/// Entries that move while 500 are inserted: from 14, 28, 56, 112 and 224, and from 448 all, or
/// eight for each of 52 insertions.
fn migrated(kind: TableKind) -> u64 {
    let last = match kind {
        TableKind::OpenAtOnce => 448,
        _ => 52 * 8,
    };
    14 + 28 + 56 + 112 + 224 + last
}

/// Entries that a walk meets.
fn walked(table: &dyn Table<u64>, work: &mut Work) -> u64 {
    let mut position = Position::default();
    std::iter::from_fn(|| table.walk(&mut position, work)).count() as u64
}
