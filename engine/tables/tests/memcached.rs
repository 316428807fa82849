//! Memcached's rules of expanding, on sets of integers.

mod common;

use common::{CONFIG, insert_all};
use kvrig_base::seam::{Cause, Counter, Work};
use kvrig_tables::memcached::MemcachedTable;
use kvrig_tables::{Table, TableEventKind as Kind};

/// A table of 2^10 buckets that is expanding, with 1,537 items in it.
fn expanding(work: &mut Work) -> MemcachedTable<u64> {
    let mut table = MemcachedTable::with_hashpower(CONFIG, 10);
    insert_all(&mut table, 0..1_537, work);
    table.cron_resize(work);
    assert_eq!(
        table.rehash().map(|rehash| (rehash.from, rehash.to)),
        Some((1_024, 2_048))
    );
    table
}

#[test]
fn it_expands_beyond_one_and_a_half_items_a_bucket_at_the_next_check() {
    let work = &mut Work::unpriced();
    let mut table = MemcachedTable::with_hashpower(CONFIG, 10);
    insert_all(&mut table, 0..1_536, work);
    table.cron_resize(work);
    assert_eq!(table.rehash(), None, "1.5 is not beyond 1.5");
    insert_all(&mut table, 1_536..4_000, work);
    assert_eq!(
        table.rehash(),
        None,
        "a burst overshoots until the clock looks"
    );
    work.begin();
    table.cron_resize(work);
    assert_eq!(
        table.rehash().map(|rehash| rehash.to),
        Some(2_048),
        "one doubling at a time"
    );
    let causes: Vec<_> = work.segments().iter().map(|part| part.cause).collect();
    assert_eq!(causes, [Cause::AllocateTable]);
}

#[test]
fn operations_move_nothing_and_the_thread_one_bucket_for_each_lock_it_takes() {
    let work = &mut Work::unpriced();
    let mut table = expanding(work);
    work.begin();
    (0..1_537).for_each(|key| assert!(table.find(&key, work).is_some()));
    assert_eq!(work.counts().get(Counter::EntriesMigrated), 0);
    work.begin();
    assert!(table.maintain(10, work));
    assert_eq!(table.rehash().map(|rehash| rehash.buckets_done), Some(10));
    let steps = work
        .segments()
        .iter()
        .filter(|part| part.cause == Cause::RehashStep);
    assert_eq!(steps.count(), 10);
}

#[test]
fn a_look_up_probes_one_bucket_also_while_expanding() {
    let work = &mut Work::unpriced();
    let mut table = expanding(work);
    table.maintain(512, work);
    for key in 0..2_000 {
        work.begin();
        assert_eq!(table.find(&key, work).is_some(), key < 1_537);
        assert_eq!(work.counts().get(Counter::BucketsProbed), 1);
    }
}

#[test]
fn the_last_bucket_takes_the_old_array_with_it() {
    let work = &mut Work::unpriced();
    let mut table = expanding(work);
    assert!(table.maintain(1_023, work));
    assert_eq!(table.buckets(), 3_072);
    work.begin();
    assert!(!table.maintain(5, work));
    assert_eq!((table.buckets(), table.rehash()), (2_048, None));
    let causes: Vec<_> = work.segments().iter().map(|part| part.cause).collect();
    assert_eq!(causes, [Cause::FreeTable, Cause::RehashStep]);
    let kinds: Vec<_> = std::iter::from_fn(|| table.take_event())
        .map(|event| event.kind)
        .collect();
    assert_eq!(
        kinds,
        [
            Kind::Started {
                from: 1_024,
                to: 2_048
            },
            Kind::Ended {
                from: 1_024,
                to: 2_048,
                moved: 1_537
            },
            Kind::Freed {
                buckets: 1_024,
                pages: 0
            },
        ]
    );
}

#[test]
fn it_never_shrinks() {
    let work = &mut Work::unpriced();
    let mut table = expanding(work);
    table.maintain(2_000, work);
    (0..1_537).for_each(|key| _ = table.remove(&key, work));
    table.cron_resize(work);
    assert_eq!(
        (table.len(), table.buckets(), table.rehash()),
        (0, 2_048, None)
    );
}

#[test]
fn a_paused_table_neither_starts_nor_goes_on() {
    let work = &mut Work::unpriced();
    let mut table = expanding(work);
    table.pause_rehash();
    table.maintain(100, work);
    assert_eq!(table.rehash().map(|rehash| rehash.buckets_done), Some(0));
    table.resume_rehash();
    table.maintain(100, work);
    assert_eq!(table.rehash().map(|rehash| rehash.buckets_done), Some(100));
}
