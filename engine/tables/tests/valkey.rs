//! Valkey's rules of resizing, one by one, on sets of integers.

mod common;

use common::{CONFIG, IntegerSet, NanosecondEach, insert_all, integer_set};
use kvrig_base::seam::{Cause, Counter, Work};
use kvrig_base::time::Span;
use kvrig_tables::{Position, ResizePolicy, TableEventKind as Kind, TableKind};
use std::collections::BTreeSet;

const VERSIONS: [TableKind; 2] = [TableKind::Valkey81, TableKind::ValkeyUnstable];

/// A table in the middle of its growth from 256 buckets, which begins with entry 1,793.
fn growing(kind: TableKind, work: &mut Work) -> IntegerSet {
    let mut table = integer_set(kind);
    insert_all(&mut *table, 0..1_850, work);
    assert_eq!(
        table.rehash().map(|rehash| (rehash.from, rehash.to)),
        Some((256, 512))
    );
    table
}

fn buckets_done(table: &IntegerSet) -> u64 {
    table.rehash().expect("it goes on").buckets_done
}

#[test]
fn each_operation_moves_one_bucket() {
    for kind in VERSIONS {
        let work = &mut Work::unpriced();
        let mut table = growing(kind, work);
        for operation in 0..4 {
            let before = buckets_done(&table);
            work.begin();
            match operation {
                0 => _ = table.find(&5, work),
                1 => _ = table.find(&10_000_000, work),
                2 => _ = table.insert(5, work).expect_err("5 is in the table"),
                _ => _ = table.remove(&1_849, work).expect("it was added"),
            }
            assert_eq!(buckets_done(&table), before + 1, "operation {operation}");
            let segments = work.segments();
            assert!(segments.len() == 1 && segments[0].cause == Cause::RehashStep);
        }
    }
}

#[test]
fn while_a_child_lives_insertions_alone_move_buckets() {
    let work = &mut Work::unpriced();
    let mut table = growing(TableKind::Valkey81, work);
    table.set_resize_policy(ResizePolicy::Avoid);
    let before = buckets_done(&table);
    table.find(&5, work).expect("it is in the table");
    table.remove(&6, work).expect("it is in the table");
    assert!(table.cron_rehash(Span::from_millis(1), work));
    assert_eq!(buckets_done(&table), before);
    table.insert(10_000_000, work).expect("it is new");
    assert_eq!(buckets_done(&table), before + 1);
    table.set_resize_policy(ResizePolicy::Forbid);
    table.insert(10_000_001, work).expect("it is new");
    assert_eq!(
        buckets_done(&table),
        before + 1,
        "the child itself moves nothing"
    );
}

#[test]
fn while_a_child_lives_the_table_grows_at_five_times_its_places() {
    let work = &mut Work::unpriced();
    let mut table = integer_set(TableKind::Valkey81);
    insert_all(&mut *table, 0..100, work);
    assert_eq!((table.buckets(), table.rehash()), (16, None));
    table.set_resize_policy(ResizePolicy::Avoid);
    let full = 5 * 7 * 16;
    insert_all(&mut *table, 100..full, work);
    assert_eq!(table.rehash(), None);
    insert_all(&mut *table, full..full + 1, work);
    let rehash = table.rehash().expect("it began");
    // At 91.43 % at most, 561 entries need 87.7 buckets.
    assert_eq!((rehash.from, rehash.to), (16, 128));
}

#[test]
fn a_removal_shrinks_at_13_percent_without_hashing_keys_again() {
    let work = &mut Work::unpriced();
    let mut table = integer_set(TableKind::Valkey81);
    insert_all(&mut *table, 0..7_000, work);
    while table.rehash().is_some() {
        table.find(&0, work);
    }
    assert_eq!(table.buckets(), 1_024);
    // 13 % of 7,168 places are 931.84.
    (932..7_000).for_each(|key| _ = table.remove(&key, work));
    assert_eq!(table.rehash(), None);
    table.remove(&931, work);
    let rehash = table.rehash().expect("it began");
    // 931 entries need 145.5 buckets.
    assert_eq!((rehash.from, rehash.to), (1_024, 256));
    work.begin();
    let from = buckets_done(&table);
    while table.rehash().is_some() {
        table.find(&0, work);
    }
    let finds = 1_024 - from;
    assert_eq!(work.counts().get(Counter::KeysHashed), finds);
    assert_eq!(work.counts().get(Counter::EntriesMigrated), 931);
    assert!((0..931).all(|key| table.find(&key, work).is_some()));
}

#[test]
fn the_timer_moves_128_buckets_between_two_looks_at_the_time() {
    let mut work = Work::new(Box::new(NanosecondEach::default()));
    let work = &mut work;
    let mut table = integer_set(TableKind::Valkey81);
    insert_all(&mut *table, 0..7 * 1_024 + 1, work);
    work.begin();
    assert!(table.cron_rehash(Span::from_nanos(1), work));
    assert_eq!(buckets_done(&table), 128);
    assert!(table.cron_rehash(Span::from_secs(1), work));
    assert_eq!(table.rehash(), None);
    assert!(!table.cron_rehash(Span::from_secs(1), work));
    let causes: BTreeSet<_> = work.segments().iter().map(|part| part.cause).collect();
    assert_eq!(
        causes,
        BTreeSet::from([Cause::RehashCron, Cause::FreeTable])
    );
}

/// Pages given back by the longest stretch of freeing, and by all, in the growth from 2^14 buckets.
fn pages_freed(kind: TableKind) -> (u64, u64) {
    let mut work = Work::new(Box::new(NanosecondEach::default()));
    let work = &mut work;
    let mut table = integer_set(kind);
    insert_all(&mut *table, 0..7 << 14, work);
    let (mut longest, mut all, mut freed) = (0, 0, 0);
    for key in (7 << 14)..(8 << 14) + 2 {
        work.begin();
        table.insert(key, work).expect("keys are new");
        let pages = work.counts().get(Counter::PagesReleased);
        (longest, all) = (longest.max(pages), all + pages);
        while let Some(event) = table.take_event() {
            if let Kind::Freed { pages, .. } = event.kind {
                freed = pages;
            }
        }
    }
    assert_eq!(all, freed, "the event tells of all slices");
    (longest, all)
}

#[test]
fn the_old_table_is_freed_at_once_in_8_1_and_in_slices_of_16_pages_since() {
    // 2^14 buckets of 64 bytes are 256 pages.
    assert_eq!(pages_freed(TableKind::Valkey81), (256, 256));
    assert_eq!(pages_freed(TableKind::ValkeyUnstable), (16, 256));
}

#[test]
fn growth_that_exceeds_the_headroom_is_refused_until_the_table_is_five_times_full() {
    let work = &mut Work::unpriced();
    let mut table = integer_set(TableKind::Valkey81);
    insert_all(&mut *table, 0..112, work);
    table.set_growth_headroom(Some(31 * 64));
    let events = insert_all(&mut *table, 112..559, work);
    let refused: Vec<_> = events.iter().map(|(_, event)| event.kind).collect();
    // As entries come, the wanted array grows; each size is told once.
    let sizes = [32, 64, 128].map(|buckets| Kind::AllocationRefused { buckets });
    assert_eq!(refused, sizes);
    assert_eq!(table.buckets(), 16);
    insert_all(&mut *table, 559..561, work);
    assert!(table.rehash().is_some(), "beyond five entries a place");
}

#[test]
fn child_buckets_are_allocated_when_needed_and_freed_with_their_entries() {
    let work = &mut Work::unpriced();
    let mut table = integer_set(TableKind::Valkey81);
    table.set_resize_policy(ResizePolicy::Avoid);
    insert_all(&mut *table, 0..35, work);
    // One bucket: seven entries alone, six with a child, and so on: 6 * 5 + 5.
    assert_eq!((table.buckets(), table.bucket_bytes().total()), (1, 6 * 64));
    (0..35)
        .rev()
        .for_each(|key| _ = table.remove(&key, work).expect("it is there"));
    assert_eq!((table.len(), table.bucket_bytes().total()), (0, 64));
}

#[test]
fn a_walk_under_a_pause_meets_each_entry_once_while_others_come() {
    for start in [0, 300, 1_850] {
        let work = &mut Work::unpriced();
        let mut table = integer_set(TableKind::Valkey81);
        insert_all(&mut *table, 0..start, work);
        table.pause_rehash();
        let mut position = Position::default();
        let mut seen = BTreeSet::new();
        let mut new = 1_000_000;
        while let Some(slot) = table.walk(&mut position, work) {
            let key = *table.entry(slot);
            assert!(seen.insert(key), "{key} came twice");
            if key % 3 == 0 {
                table.remove(&key, work).expect("it is there");
            }
            if new < 1_000_000 + 2 * start {
                table.insert(new, work).expect("it is new");
                new += 1;
            }
        }
        table.resume_rehash();
        assert!((0..start).all(|key| seen.contains(&key)));
    }
}

#[test]
fn look_ups_find_everything_in_the_middle_of_a_rehash() {
    let work = &mut Work::unpriced();
    let table = growing(TableKind::Valkey81, work);
    assert!((0..1_850).all(|key| table.peek(&key).is_some()));
    assert!(table.peek(&1_850).is_none());
    let empty: IntegerSet = kvrig_tables::build(TableKind::Valkey81, CONFIG);
    assert!(empty.peek(&0).is_none());
}
