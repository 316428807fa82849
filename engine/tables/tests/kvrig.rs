//! The promises of the project's own table, on sets of integers.

mod common;

use common::{IntegerSet, NanosecondEach, insert_all, integer_set};
use kvrig_base::seam::{Cause, Counter, Work};
use kvrig_base::time::Span;
use kvrig_tables::{Position, ResizePolicy, TableEventKind as Kind, TableKind};

fn table_of(len: u64, work: &mut Work) -> IntegerSet {
    let mut table = integer_set(TableKind::Kvrig);
    insert_all(&mut *table, 0..len, work);
    table
}

/// No operation of a long history does more than a small, fixed amount of any work, while the table
/// grows to 2^18 entries and shrinks again.
#[test]
fn no_operation_does_much_work() {
    let work = &mut Work::unpriced();
    let mut table = integer_set(TableKind::Kvrig);
    let mut most = [0; 3];
    let full = 1_u64 << 18;
    let insertions = (0..full).map(|key| (true, key));
    for (is_insertion, key) in insertions.chain((0..full).map(|key| (false, key))) {
        work.begin();
        match is_insertion {
            true => _ = table.insert(key, work).expect("it is new"),
            false => _ = table.remove(&key, work).expect("it is there"),
        }
        let counts = work.counts();
        let kinds = [
            Counter::EntriesMigrated,
            Counter::PagesFaulted,
            Counter::PagesReleased,
        ];
        for (most, kind) in most.iter_mut().zip(kinds) {
            *most = counts.get(kind).max(*most);
        }
    }
    assert!(most[0] <= 24, "entries moved: {}", most[0]);
    // A page of buckets, one of overflow and one of entries; the pages of an extent.
    assert!(most[1] <= 3 && most[2] <= 32, "pages: {most:?}");
    assert_eq!((table.len(), table.buckets()), (0, 4));
}

#[test]
fn a_round_begins_at_each_power_of_two_of_entries() {
    let work = &mut Work::unpriced();
    let mut table = integer_set(TableKind::Kvrig);
    let events = insert_all(&mut *table, 0..5_000, work);
    let started: Vec<_> = events
        .iter()
        .filter_map(|(at, event)| match event.kind {
            Kind::Started { from, to } => Some((*at, from, to)),
            _ => None,
        })
        .collect();
    let expected = (4..=12).map(|k| ((1 << k) + 1, 1 << (k - 2), 1 << (k - 1)));
    assert_eq!(started, expected.collect::<Vec<_>>());
}

#[test]
fn events_come_at_the_same_insertions_priced_or_not() {
    let (mut priced, mut unpriced) = (integer_set(TableKind::Kvrig), integer_set(TableKind::Kvrig));
    let meter = Box::new(NanosecondEach::default());
    let events = insert_all(&mut *priced, 0..300_000, &mut Work::new(meter));
    assert_eq!(
        events,
        insert_all(&mut *unpriced, 0..300_000, &mut Work::unpriced())
    );
    // Fourteen rounds, from 4 buckets to 2^16, and one that goes on.
    assert_eq!(events.len(), 29);
}

#[test]
fn a_large_split_reads_no_entry() {
    let work = &mut Work::unpriced();
    let mut table = table_of((1 << 18) + 1, work);
    assert!(table.buckets() > 1 << 16, "tags decide from here on");
    work.begin();
    insert_all(&mut *table, (1 << 18) + 1..(1 << 18) + 401, work);
    assert!(work.counts().get(Counter::EntriesMigrated) > 150);
    assert!(
        work.counts().get(Counter::EntriesVisited) < 50,
        "only where tags happen to agree"
    );
    assert_eq!(
        work.counts().get(Counter::KeysHashed),
        400,
        "each new key once"
    );
}

#[test]
fn look_ups_move_nothing() {
    let work = &mut Work::unpriced();
    let mut table = table_of(5_000, work);
    work.begin();
    (0..5_000).for_each(|key| assert!(table.find(&key, work).is_some()));
    assert_eq!(work.counts().get(Counter::EntriesMigrated), 0);
    // Few buckets overflow, and tags leave few entries to compare.
    assert!(work.counts().get(Counter::BucketsProbed) < 5_500);
    assert!(work.counts().get(Counter::EntriesVisited) < 5_050);
}

#[test]
fn it_overfills_while_a_child_lives_and_catches_up_two_splits_at_a_time() {
    let work = &mut Work::unpriced();
    let mut table = table_of(1_024, work);
    assert_eq!(table.buckets(), 256);
    table.set_resize_policy(ResizePolicy::Avoid);
    insert_all(&mut *table, 1_024..4_096, work);
    assert_eq!(table.buckets(), 256);
    insert_all(&mut *table, 4_096..4_200, work);
    assert!(
        table.buckets() > 256,
        "beyond four times the load it grows in spite of the child"
    );
    table.set_resize_policy(ResizePolicy::Allow);
    let before = table.buckets();
    insert_all(&mut *table, 4_200..4_201, work);
    assert_eq!(table.buckets(), before + 2);
    assert!(table.rehash().is_some(), "more is owed");
    while table.cron_rehash(Span::from_millis(1), work) {}
    assert_eq!(table.buckets(), 4_201_u64.div_ceil(4));
}

#[test]
fn without_memory_for_a_page_it_waits_until_it_is_overfull() {
    let work = &mut Work::unpriced();
    let mut table = table_of(1_024, work);
    table.set_growth_headroom(Some(4_095));
    let events = insert_all(&mut *table, 1_024..1_700, work);
    assert_eq!(events[0].1.kind, Kind::AllocationRefused { buckets: 64 });
    // 1,024 x 1.618 = 1,656.8
    assert_eq!(events[1].0, 1_657);
    assert!(table.buckets() > 256);
}

#[test]
fn a_paused_walk_sees_each_entry_once_though_entries_leave() {
    let work = &mut Work::unpriced();
    let mut table = table_of(3_000, work);
    table.set_resize_policy(ResizePolicy::Avoid);
    insert_all(&mut *table, 3_000..9_000, work);
    table.set_resize_policy(ResizePolicy::Allow);
    table.pause_rehash();
    let (mut position, mut seen) = (Position::default(), Vec::new());
    while let Some(slot) = table.walk(&mut position, work) {
        let key = *table.entry(slot);
        seen.push(key);
        if key % 3 != 0 {
            table
                .remove(&key, work)
                .expect("the entry seen last may go");
        }
    }
    table.resume_rehash();
    seen.sort_unstable();
    assert_eq!(seen, (0..9_000).collect::<Vec<_>>());
}

#[test]
fn shrinking_gives_extents_back_one_at_a_time() {
    let work = &mut Work::unpriced();
    let mut table = table_of(100_000, work);
    let before = table.bucket_bytes().total();
    for key in 0..95_000 {
        work.begin();
        table.remove(&key, work).expect("it is there");
        let freed = work
            .segments()
            .iter()
            .filter(|part| part.cause == Cause::FreeTable)
            .count();
        assert!(freed <= 1);
    }
    assert!(table.bucket_bytes().total() < before / 3);
    assert!((95_000..100_000).all(|key| table.find(&key, work).is_some()));
}

#[test]
fn it_costs_at_most_28_bytes_an_entry_beyond_the_entry() {
    // The word beside an entry of eight bytes takes eight with the mark of its slot.
    const WORD_BYTES: u64 = 8;
    let work = &mut Work::unpriced();
    let mut table = integer_set(TableKind::Kvrig);
    let mut most = 0;
    for key in 0..300_000 {
        table.insert(key, work).expect("it is new");
        if key >= 10_000 {
            most = most.max((table.bucket_bytes().total() / table.len()) + WORD_BYTES);
        }
    }
    assert!(most <= 28, "{most}");
}
