//! Redis's rules of resizing, one by one, on sets of integers.

mod common;

use common::{CONFIG, IntegerSet, NanosecondEach, insert_all, integer_set};
use kvrig_base::seam::{Cause, Counter, Work};
use kvrig_base::time::Span;
use kvrig_tables::redis::RedisTable;
use kvrig_tables::redis::rules::{RedisRules, RedisVersion};
use kvrig_tables::{Position, ResizePolicy, Table, TableEvent, TableEventKind as Kind, TableKind};

const VERSIONS: [TableKind; 2] = [TableKind::Redis70, TableKind::Redis74];

/// A table in the middle of its growth from 1,024 buckets.
fn growing(kind: TableKind, work: &mut Work) -> IntegerSet {
    let mut table = integer_set(kind);
    insert_all(&mut *table, 0..1_100, work);
    assert_eq!(
        table.rehash().map(|rehash| (rehash.from, rehash.to)),
        Some((1_024, 2_048))
    );
    table
}

fn events(table: &mut dyn Table<u64>) -> Vec<TableEvent> {
    std::iter::from_fn(|| table.take_event()).collect()
}

/// Where a rehash begun at 2^k entries ends when each insertion takes one step: at insertion
/// 2^k (2 - 1/e), because all but 1/e of the buckets have entries at load 1, and each insertion
/// moves one of those. `redis-server` 7.0 did so at insertions 6,845,801 and 13,691,123 for k = 22
/// and 23.
#[test]
fn a_rehash_under_insertions_ends_where_the_law_says() {
    const LAST: u64 = 1 << 22;
    let work = &mut Work::unpriced();
    let mut table = RedisTable::new(RedisRules::of(RedisVersion::V70), CONFIG);
    let events = insert_all(&mut table, 0..LAST + LAST * 2 / 3, work);
    for full in (18..=22).map(|k| 1_u64 << k) {
        let at = |is_wanted: &dyn Fn(Kind) -> bool| {
            let event = events.iter().find(|(_, event)| is_wanted(event.kind));
            event.expect("there is such a rehash by then").0
        };
        let started = at(&|kind| matches!(kind, Kind::Started { from, .. } if from == full));
        let ended = at(&|kind| matches!(kind, Kind::Ended { from, .. } if from == full));
        assert_eq!(
            started,
            full + 1,
            "the first entry beyond one a bucket begins it"
        );
        // 2 - 1/e = 1.632120558…
        let law = full * 1_632_120_558 / 1_000_000_000;
        assert!(
            ended.abs_diff(law) * 1_000 <= 3 * law,
            "2^k = {full}: {ended}, law {law}"
        );
    }
}

#[test]
fn a_look_up_takes_one_step_and_so_does_an_insertion_of_a_present_key() {
    for kind in VERSIONS {
        let work = &mut Work::unpriced();
        let mut table = growing(kind, work);
        let moved = |table: &IntegerSet| table.rehash().expect("it goes on").entries_moved;
        for operation in 0..3 {
            let before = moved(&table);
            work.begin();
            match operation {
                0 => _ = table.find(&5, work),
                1 => _ = table.insert(5, work).expect_err("5 is in the table"),
                _ => _ = table.remove(&1_099, work).expect("it was added"),
            }
            let steps = work
                .segments()
                .iter()
                .filter(|part| part.cause == Cause::RehashStep);
            assert_eq!(steps.count(), 1);
            let migrated = work.counts().get(Counter::EntriesMigrated);
            assert_eq!(moved(&table) - before, migrated);
        }
    }
}

#[test]
fn a_step_visits_at_most_ten_empty_buckets() {
    let work = &mut Work::unpriced();
    let mut table = integer_set(TableKind::Redis70);
    insert_all(&mut *table, 0..1_024, work);
    for key in 4..1_024 {
        table.remove(&key, work);
    }
    table.cron_resize(work);
    assert_eq!(table.rehash().map(|rehash| rehash.to), Some(4));
    work.begin();
    let steps_before = table.rehash().expect("it goes on").buckets_done;
    assert!(table.find(&5_000, work).is_none());
    let steps = table
        .rehash()
        .expect("ten empty buckets end the step")
        .buckets_done
        - steps_before;
    assert_eq!(steps, 10);
    // Ten of the step, and two of the look-up.
    assert_eq!(work.counts().get(Counter::BucketsProbed), 12);
}

#[test]
fn version_7_4_moves_the_bucket_that_it_looks_at() {
    let work = &mut Work::unpriced();
    for (kind, is_cursor_left) in [(TableKind::Redis70, false), (TableKind::Redis74, true)] {
        let mut table = growing(kind, work);
        let rehash = table.rehash().expect("it goes on");
        // Old keys that are still in the old array: each look-up of 7.4 moves theirs.
        let mut cursor_stayed = 0;
        for key in 0..20 {
            let before = table.rehash().expect("it goes on");
            table.find(&key, work).expect("it is in the table");
            let after = table.rehash().expect("it goes on");
            let moved = after.entries_moved > before.entries_moved;
            cursor_stayed += u32::from(moved && after.buckets_done == before.buckets_done);
        }
        assert_eq!(cursor_stayed > 0, is_cursor_left, "{kind}, from {rehash:?}");
    }
}

#[test]
fn a_rehash_freezes_while_a_child_lives_and_goes_on_after() {
    for kind in VERSIONS {
        let work = &mut Work::unpriced();
        let mut table = growing(kind, work);
        table.set_resize_policy(ResizePolicy::Avoid);
        let frozen = table.rehash();
        work.begin();
        insert_all(&mut *table, 1_100..9_000, work);
        assert!(!table.cron_rehash(Span::from_millis(1), work) || table.rehash() == frozen);
        assert_eq!(
            table.rehash(),
            frozen,
            "{kind}: both arrays stay, and nothing else begins"
        );
        assert_eq!(work.counts().get(Counter::EntriesMigrated), 0);
        assert!(work.segments().is_empty(), "what is not done costs nothing");

        table.set_resize_policy(ResizePolicy::Allow);
        while table.rehash() == frozen {
            table.find(&9_999, work);
        }
        assert!(table.cron_rehash(Span::from_millis(1), work));
        assert_eq!(table.rehash(), None);
        table.insert(9_000, work).expect("it is new");
        assert_eq!(
            table.rehash().map(|rehash| rehash.to),
            Some(16_384),
            "it catches up at once"
        );
    }
}

#[test]
fn growth_that_a_child_delays_begins_at_six_entries_a_bucket_or_four_in_7_4() {
    for (kind, factor) in [(TableKind::Redis70, 6), (TableKind::Redis74, 4)] {
        let work = &mut Work::unpriced();
        let mut table = integer_set(kind);
        insert_all(&mut *table, 0..64, work);
        table.set_resize_policy(ResizePolicy::Avoid);
        let events = insert_all(&mut *table, 64..64 * factor + 1, work);
        let started: Vec<_> = events
            .iter()
            .filter(|(_, event)| matches!(event.kind, Kind::Started { from: 64, .. }))
            .map(|(at, _)| *at)
            .collect();
        assert_eq!(started, [64 * factor + 1], "{kind}");
    }
}

#[test]
fn the_forked_child_never_resizes() {
    for kind in VERSIONS {
        let work = &mut Work::unpriced();
        let mut table = integer_set(kind);
        insert_all(&mut *table, 0..64, work);
        table.set_resize_policy(ResizePolicy::Forbid);
        insert_all(&mut *table, 64..2_000, work);
        assert_eq!((table.buckets(), table.rehash()), (64, None));
    }
}

#[test]
fn version_7_0_shrinks_by_the_timer_and_7_4_at_a_removal() {
    for (kind, shrinks_at) in [(TableKind::Redis70, None), (TableKind::Redis74, Some(128))] {
        let work = &mut Work::unpriced();
        let mut table = integer_set(kind);
        insert_all(&mut *table, 0..1_024, work);
        let mut shrunk_at = None;
        for key in 0..922 {
            table.remove(&key, work);
            if shrunk_at.is_none() && table.rehash().is_some() {
                shrunk_at = Some(table.len());
            }
        }
        assert_eq!(shrunk_at, shrinks_at, "{kind}");
        if kind == TableKind::Redis70 {
            assert_eq!(table.len(), 102);
            table.cron_resize(work);
            assert_eq!(
                table.rehash().map(|rehash| (rehash.from, rehash.to)),
                Some((1_024, 128))
            );
        }
        while table.cron_rehash(Span::from_millis(1), work) {}
        assert_eq!((table.len(), table.buckets()), (102, 128), "{kind}");
        assert!(
            (922..1_024).all(|key| table.find(&key, work).is_some()),
            "{kind}"
        );
    }
}

#[test]
fn an_emptied_table_shrinks_without_a_rehash() {
    let work = &mut Work::unpriced();
    let mut table = integer_set(TableKind::Redis70);
    insert_all(&mut *table, 0..1_024, work);
    (0..1_024).for_each(|key| _ = table.remove(&key, work));
    table.cron_resize(work);
    assert_eq!((table.buckets(), table.rehash()), (4, None));
}

#[test]
fn shrinking_hashes_keys_again_in_7_0_alone() {
    for (kind, hashes) in [(TableKind::Redis70, 102), (TableKind::Redis74, 0)] {
        let work = &mut Work::unpriced();
        let mut table = integer_set(kind);
        insert_all(&mut *table, 0..1_024, work);
        table.set_resize_policy(ResizePolicy::Forbid);
        (0..922).for_each(|key| _ = table.remove(&key, work));
        table.set_resize_policy(ResizePolicy::Allow);
        table.cron_resize(work);
        work.begin();
        while table.cron_rehash(Span::from_millis(1), work) {}
        assert_eq!(work.counts().get(Counter::EntriesMigrated), 102);
        assert_eq!(work.counts().get(Counter::KeysHashed), hashes, "{kind}");
    }
}

#[test]
fn growth_beyond_the_headroom_waits_until_the_table_is_overfull() {
    for kind in VERSIONS {
        let work = &mut Work::unpriced();
        let mut table = integer_set(kind);
        insert_all(&mut *table, 0..1_024, work);
        table.set_growth_headroom(Some(2_048 * 8 - 1));
        let events = insert_all(&mut *table, 1_024..1_700, work);
        let kinds: Vec<_> = events.iter().map(|(at, event)| (*at, event.kind)).collect();
        assert_eq!(
            kinds,
            [
                (1_025, Kind::AllocationRefused { buckets: 2_048 }),
                // 1,024 x 1.618 = 1,656.8 entries are in the table before insertion 1,658.
                (
                    1_658,
                    Kind::Started {
                        from: 1_024,
                        to: 2_048
                    }
                ),
            ]
        );
    }
}

#[test]
fn headroom_for_the_array_lets_it_grow() {
    let work = &mut Work::unpriced();
    let mut table = integer_set(TableKind::Redis70);
    insert_all(&mut *table, 0..1_024, work);
    table.set_growth_headroom(Some(2_048 * 8));
    insert_all(&mut *table, 1_024..1_025, work);
    assert_eq!(table.rehash().map(|rehash| rehash.to), Some(2_048));
}

#[test]
fn the_timer_stops_after_the_batch_that_spends_its_budget() {
    let mut work = Work::new(Box::new(NanosecondEach::default()));
    let work = &mut work;
    let mut table = growing(TableKind::Redis70, work);
    let before = table.rehash().expect("it goes on").buckets_done;
    work.begin();
    assert!(table.cron_rehash(Span::from_nanos(1), work));
    let after = table.rehash().expect("one batch is not all").buckets_done;
    // One batch: 100 buckets with entries, and the empty ones between them.
    assert!((100..200).contains(&(after - before)), "{}", after - before);
    let mut cron = work.segments().to_vec();
    cron.retain(|part| part.cause == Cause::RehashCron);
    assert_eq!(cron.len(), 1);
    assert_eq!(work.spent(), cron[0].to);
}

#[test]
fn the_step_that_moves_the_last_entry_frees_the_old_array() {
    let work = &mut Work::unpriced();
    let mut table = integer_set(TableKind::Redis70);
    insert_all(&mut *table, 0..8_193, work);
    assert!(table.rehash().is_some());
    let mut last = (0, Vec::new());
    for key in 8_193.. {
        work.begin();
        table.insert(key, work).expect("keys are new");
        if table.rehash().is_none() {
            let freed = work.segments().iter().map(|part| part.cause).collect();
            last = (work.counts().get(Counter::PagesReleased), freed);
            break;
        }
    }
    // 8,192 buckets of 8 bytes are 16 pages, all of them touched.
    assert_eq!(last, (16, vec![Cause::FreeTable, Cause::RehashStep]));
    let [.., ended, freed] = &events(&mut *table)[..] else {
        panic!("a rehash ended")
    };
    assert_eq!(
        ended.kind,
        Kind::Ended {
            from: 8_192,
            to: 16_384,
            moved: 8_192
        }
    );
    assert_eq!(
        freed.kind,
        Kind::Freed {
            buckets: 8_192,
            pages: 16
        }
    );
    assert_eq!(ended.len, freed.len);
}

#[test]
fn a_paused_table_takes_no_step_and_a_walk_sees_each_entry_once() {
    for kind in VERSIONS {
        let work = &mut Work::unpriced();
        let mut table = growing(kind, work);
        table.pause_rehash();
        table.pause_rehash();
        table.resume_rehash();
        let paused = table.rehash();
        let mut position = Position::default();
        let mut seen = Vec::new();
        while let Some(slot) = table.walk(&mut position, work) {
            let key = *table.entry(slot);
            seen.push(key);
            table.find(&(key / 2), work);
            if key % 3 == 0 {
                table
                    .remove(&key, work)
                    .expect("the entry seen last may go");
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..1_100).collect::<Vec<_>>(), "{kind}");
        assert_eq!(table.rehash(), paused);
        table.resume_rehash();
        table.find(&1, work);
        assert_ne!(table.rehash(), paused);
    }
}

#[test]
fn an_idle_table_in_a_rehash_keeps_both_arrays() {
    let work = &mut Work::unpriced();
    let table = growing(TableKind::Redis70, work);
    assert_eq!(table.bucket_bytes().old, 8_192);
    assert_eq!(table.bucket_bytes().new, 16_384);
    assert_eq!(table.buckets(), 3_072);
}

#[test]
fn clearing_in_a_rehash_ends_it_and_frees_both_arrays() {
    let work = &mut Work::unpriced();
    let mut table = growing(TableKind::Redis70, work);
    events(&mut *table);
    work.begin();
    table.clear(work);
    assert_eq!((table.len(), table.buckets(), table.rehash()), (0, 0, None));
    assert_eq!(work.counts().get(Counter::Frees), 1_100 + 2);
    assert_eq!(events(&mut *table).len(), 3);
    insert_all(&mut *table, 0..100, work);
    assert_eq!(table.len(), 100);
}

#[test]
fn a_step_of_two_buckets_shows_in_the_receipt() {
    let rules = RedisRules::of(RedisVersion::V70);
    let migrated = [1, 2].map(|buckets| {
        let work = &mut Work::unpriced();
        let mut table = RedisTable::new(rules.with_buckets_per_step(buckets), CONFIG);
        insert_all(&mut table, 0..1_200, work);
        work.counts().get(Counter::EntriesMigrated)
    });
    assert!(migrated[1] > migrated[0], "{migrated:?}");
}
