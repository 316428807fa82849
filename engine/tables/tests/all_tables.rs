//! What every table must do, whichever it is.

mod common;

use common::{CONFIG, NanosecondEach, grow, insert_all, integer_set};
use kvrig_base::random::Seed;
use kvrig_base::seam::{COUNTERS, Cause, Counter, Work};
use kvrig_base::time::Span;
use kvrig_tables::memcached::MemcachedTable;
use kvrig_tables::{
    Entry, Position, ResizePolicy, Slot, Table, TableEventKind as Kind, TableKind, build,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// An entry with a key of its own allocation and a value, as stores have them.
#[derive(Debug, PartialEq, Eq)]
struct Pair {
    key: Box<[u8]>,
    value: u32,
}

impl Entry for Pair {
    type Key = [u8];
    const KEY_IS_OUTSIDE: bool = true;
    type Placement = ();
    fn key(&self) -> &[u8] {
        &self.key
    }
}

fn key_bytes(number: u16) -> Box<[u8]> {
    format!("user:{number:05}").into_bytes().into()
}

#[derive(Clone, Debug)]
enum Op {
    Find(u16),
    Set(u16, u32),
    Add(u16, u32),
    Remove(u16),
    InsertMany(u16),
    RemoveMany(u16),
    CronResize,
    CronRehash,
    Policy(ResizePolicy),
    Headroom(Option<u64>),
    Maintain(u16),
    Pause,
    Resume,
    Clear,
}

fn op() -> impl Strategy<Value = Op> {
    let key = 0..2_000_u16;
    prop_oneof![
        8 => key.clone().prop_map(Op::Find),
        8 => (key.clone(), any::<u32>()).prop_map(|(k, v)| Op::Set(k, v)),
        8 => (key.clone(), any::<u32>()).prop_map(|(k, v)| Op::Add(k, v)),
        8 => key.clone().prop_map(Op::Remove),
        6 => key.clone().prop_map(Op::InsertMany),
        4 => key.prop_map(Op::RemoveMany),
        3 => Just(Op::CronResize),
        2 => Just(Op::CronRehash),
        4 => (0..40_u16).prop_map(Op::Maintain),
        2 => prop_oneof![
            3 => Just(ResizePolicy::Allow),
            1 => Just(ResizePolicy::Avoid),
            1 => Just(ResizePolicy::Forbid)
        ]
        .prop_map(Op::Policy),
        1 => prop::option::of(0..100_000_u64).prop_map(Op::Headroom),
        1 => Just(Op::Pause),
        2 => Just(Op::Resume),
        1 => Just(Op::Clear),
    ]
}

/// How many keys [`Op::InsertMany`] and [`Op::RemoveMany`] deal with.
const MANY: u16 = 150;

/// All tables, and a Memcached table of 2^`hashpower` buckets, small enough to grow in a test.
fn tables<E: Entry + 'static>(hashpower: u32) -> impl Iterator<Item = Box<dyn Table<E>>> {
    let small: Box<dyn Table<E>> = Box::new(MemcachedTable::with_hashpower(CONFIG, hashpower));
    TableKind::ALL
        .iter()
        .map(|&kind| build(kind, CONFIG))
        .chain([small])
}

/// Does `ops` on a table and on an ordered map, comparing all answers and the end states.
fn check(table: &mut dyn Table<Pair>, ops: &[Op]) -> Result<(), TestCaseError> {
    let mut work = Work::new(Box::new(NanosecondEach::default()));
    let work = &mut work;
    let mut model = BTreeMap::<Box<[u8]>, u32>::new();
    let mut pauses = 0;
    for op in ops {
        work.begin();
        match *op {
            Op::Find(number) => {
                let key = key_bytes(number);
                let found = table.get(&key, work).map(|pair| pair.value);
                prop_assert_eq!(found, model.get(&key).copied());
            }
            Op::Set(number, value) => {
                let key = key_bytes(number);
                let present = table.get_mut(&key, work).map(|pair| pair.value = value);
                prop_assert_eq!(present.is_some(), model.contains_key(&key));
                if present.is_some() {
                    model.insert(key, value);
                }
            }
            Op::Add(number, value) => {
                let key = key_bytes(number);
                match table.insert(
                    Pair {
                        key: key.clone(),
                        value,
                    },
                    work,
                ) {
                    Ok(slot) => {
                        prop_assert_eq!(&table.entry(slot).key, &key);
                        prop_assert_eq!(model.insert(key, value), None);
                    }
                    Err(refused) => {
                        prop_assert_eq!(refused.entry.value, value);
                        prop_assert_eq!(table.entry(refused.slot).value, model[&key]);
                    }
                }
            }
            Op::Remove(number) => {
                let key = key_bytes(number);
                let removed = table.remove(&key, work).map(|pair| pair.value);
                prop_assert_eq!(removed, model.remove(&key));
            }
            Op::InsertMany(from) => {
                for number in from..from + MANY {
                    let key = key_bytes(number);
                    let added = table
                        .insert(
                            Pair {
                                key: key.clone(),
                                value: 0,
                            },
                            work,
                        )
                        .is_ok();
                    prop_assert_eq!(added, !model.contains_key(&key));
                    model.entry(key).or_insert(0);
                }
            }
            Op::RemoveMany(from) => {
                for number in from..from + MANY {
                    let key = key_bytes(number);
                    let removed = table.remove(&key, work).map(|pair| pair.value);
                    prop_assert_eq!(removed, model.remove(&key));
                }
            }
            Op::CronResize => table.cron_resize(work),
            Op::CronRehash => _ = table.cron_rehash(Span::from_nanos(300), work),
            Op::Maintain(buckets) => _ = table.maintain(u64::from(buckets), work),
            Op::Policy(policy) => table.set_resize_policy(policy),
            Op::Headroom(bytes) => table.set_growth_headroom(bytes),
            Op::Pause => {
                table.pause_rehash();
                pauses += 1;
            }
            Op::Resume if pauses > 0 => {
                table.resume_rehash();
                pauses -= 1;
            }
            Op::Resume => {}
            Op::Clear => {
                table.clear(work);
                model.clear();
            }
        }
        prop_assert_eq!(table.len(), model.len() as u64);
    }
    let mut position = Position::default();
    let mut walked = BTreeMap::new();
    while let Some(slot) = table.walk(&mut position, work) {
        let pair = table.entry(slot);
        prop_assert_eq!(
            walked.insert(pair.key.clone(), pair.value),
            None,
            "each entry once"
        );
    }
    prop_assert_eq!(&walked, &model);
    for (key, value) in &model {
        let slot = table.peek(key);
        prop_assert_eq!(slot.map(|slot| table.entry(slot).value), Some(*value));
    }
    Ok(())
}

/// Scans in steps between which the table changes; the first 200 entries stay and must be
/// seen.
fn check_scan(table: &mut dyn Table<u64>, sizes: &[u16]) -> Result<(), TestCaseError> {
    let work = &mut Work::unpriced();
    insert_all(table, 0..200, work);
    let mut seen = BTreeSet::new();
    let mut sizes = sizes.iter().copied().cycle();
    let (mut cursor, mut present) = (0, 200_u64);
    for _ in 0..100_000 {
        cursor = table.scan(cursor, &mut |_, key| _ = seen.insert(*key), work);
        if cursor == 0 {
            prop_assert!(
                (0..200).all(|key| seen.contains(&key)),
                "an entry was never seen"
            );
            return Ok(());
        }
        // Grow or shrink towards the next size, some entries at a time.
        let wanted = 200 + u64::from(sizes.next().unwrap_or(0));
        for _ in 0..40 {
            if present < wanted {
                table.insert(present, work).expect("it is new");
                present += 1;
            } else if present > wanted {
                present -= 1;
                table.remove(&present, work).expect("it was there");
            }
        }
        table.cron_resize(work);
        table.maintain(30, work);
    }
    prop_assert!(false, "the scan does not end");
    Ok(())
}

/// Walks under a pause, while entries come and some of those just met go; all that were there at the
/// start are met, and none twice.
fn check_walk(table: &mut dyn Table<u64>, present: u64, coming: u64) -> Result<(), TestCaseError> {
    let work = &mut Work::unpriced();
    insert_all(table, 0..present, work);
    table.pause_rehash();
    let mut position = Position::default();
    let mut seen = BTreeSet::new();
    let mut new = 1_000_000;
    while let Some(slot) = table.walk(&mut position, work) {
        let key = *table.entry(slot);
        prop_assert!(seen.insert(key), "{} came twice", key);
        if key % 4 == 0 {
            prop_assert_eq!(table.remove(&key, work), Some(key));
        }
        if new < 1_000_000 + coming {
            insert_all(table, new..new + 1, work);
            new += 1;
        }
    }
    table.resume_rehash();
    prop_assert!((0..present).all(|key| seen.contains(&key)));
    let mut staying = (0..present).filter(|key| key % 4 != 0);
    prop_assert!(staying.all(|key| table.find(&key, work).is_some()));
    Ok(())
}

/// What a table is and has counted after inserts and look-ups, with keys asked for ahead or not.
fn run_with_prefetch(kind: TableKind, asks: bool) -> String {
    let work = &mut Work::unpriced();
    let mut table = integer_set(kind);
    let mut receipts = String::new();
    for batch in 0..400_u64 {
        let keys: Vec<u64> = (batch * 32..batch * 32 + 32).collect();
        if asks {
            table.prefetch(&mut keys.iter());
        }
        for key in keys {
            work.begin();
            table.insert(key, work).expect("it is new");
            table.find(&(key / 2), work).expect("it is there");
            table.cron_resize(work);
            table.maintain(2, work);
            receipts.push_str(&format!("{:?}", work.counts()));
        }
    }
    format!("{} {:?} {receipts}", table.len(), table.rehash())
}

#[test]
fn asking_for_lines_ahead_changes_no_receipt() {
    for &kind in TableKind::ALL {
        assert_eq!(
            run_with_prefetch(kind, true),
            run_with_prefetch(kind, false),
            "{kind}"
        );
    }
}

/// Buckets of a table that has got room for `reserved` entries, before and after `inserted` of them.
fn buckets_with_room(kind: TableKind, reserved: u64, inserted: u64) -> [u64; 2] {
    let work = &mut Work::unpriced();
    let mut table = integer_set(kind);
    table.reserve(reserved, work);
    let before = table.buckets();
    let events = insert_all(&mut *table, 0..inserted, work);
    assert_eq!(events, [], "{kind}");
    assert_eq!(work.counts().get(Counter::EntriesMigrated), 0, "{kind}");
    [before, table.buckets()]
}

#[test]
fn a_table_with_room_moves_nothing_before_there_are_more_entries() {
    for kind in [TableKind::Redis70, TableKind::Redis74, TableKind::AtOnce] {
        assert_eq!(buckets_with_room(kind, 3_000, 4_096), [4_096; 2], "{kind}");
        assert_eq!(buckets_with_room(kind, 0, 4), [4; 2], "{kind}");
    }
}

#[test]
fn room_is_made_in_empty_tables_alone() {
    for &kind in TableKind::ALL {
        let work = &mut Work::unpriced();
        let mut table = integer_set(kind);
        grow(&mut *table, 0..100, work);
        let buckets = table.buckets();
        table.reserve(1 << 20, work);
        assert_eq!((table.buckets(), table.len()), (buckets, 100), "{kind}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_table_answers_as_an_ordered_map(ops in prop::collection::vec(op(), 1..120)) {
        for mut table in tables(4) {
            check(&mut *table, &ops)?;
        }
    }

    #[test]
    fn a_walk_under_a_pause_meets_each_entry_once(present in 0..9_000_u64, coming in 0..6_000_u64) {
        for mut table in tables(4) {
            check_walk(&mut *table, present, coming)?;
        }
    }

    #[test]
    fn a_scan_sees_every_entry_that_stays(
        sizes in prop::collection::vec(0..8_000_u16, 1..12)
    ) {
        for mut table in tables(4) {
            check_scan(&mut *table, &sizes)?;
        }
    }
}

#[test]
fn a_slot_outlives_every_rehash() {
    for &kind in TableKind::ALL {
        let work = &mut Work::unpriced();
        let mut table = integer_set(kind);
        let slots: Vec<Slot> = (0..5_000)
            .map(|key| table.insert(key, work).expect("it is new"))
            .collect();
        for (key, slot) in (0..).zip(slots) {
            assert_eq!(*table.entry(slot), key);
            assert_eq!(table.find(&key, work), Some(slot), "{kind}");
        }
    }
}

#[test]
fn every_entry_that_a_rehash_moves_is_in_the_receipt() {
    for &kind in TableKind::ALL {
        let work = &mut Work::unpriced();
        let mut table = integer_set(kind);
        let (mut all_rehashes, mut all_entries) = (0, 0);
        let mut position = 0;
        // Up to the end of a rehash, because only then are its entries told.
        loop {
            let events = grow(&mut *table, position..position + 1, work);
            position += 1;
            for event in events {
                if let Kind::Ended { moved, .. } = event.kind {
                    all_rehashes += moved;
                    all_entries = work.counts().get(Counter::EntriesMigrated);
                    assert_eq!(all_rehashes, all_entries, "{kind}");
                }
            }
            if all_entries > 65_536 {
                break;
            }
        }
    }
}

#[test]
fn pages_released_are_pages_that_were_faulted() {
    for &kind in TableKind::ALL {
        let work = &mut Work::unpriced();
        let mut table = integer_set(kind);
        let events = grow(&mut *table, 0..200_000, work);
        let counts = work.counts();
        let freed = events.iter().map(|event| match event.kind {
            Kind::Freed { pages, .. } => pages,
            _ => 0,
        });
        let released = counts.get(Counter::PagesReleased);
        assert_eq!(freed.sum::<u64>(), released, "{kind}");
        assert_eq!(
            released > 100,
            // Neither has an old array.
            !matches!(kind, TableKind::Kvrig | TableKind::Segmented),
            "{kind}: {released}"
        );
        assert!(counts.get(Counter::PagesFaulted) > released, "{kind}");
    }
}

#[test]
fn doubling_at_once_moves_everything_in_the_insertion_that_begins_it() {
    let work = &mut Work::unpriced();
    let mut table = integer_set(TableKind::AtOnce);
    insert_all(&mut *table, 0..4_096, work);
    work.begin();
    let events = insert_all(&mut *table, 4_096..4_097, work);
    assert_eq!(work.counts().get(Counter::EntriesMigrated), 4_096);
    let causes: Vec<_> = work.segments().iter().map(|part| part.cause).collect();
    assert_eq!(
        causes,
        [Cause::AllocateTable, Cause::RehashAll, Cause::FreeTable]
    );
    let kinds: Vec<_> = events.iter().map(|(_, event)| event.kind).collect();
    assert_eq!(
        kinds,
        [
            Kind::Started {
                from: 4_096,
                to: 8_192
            },
            Kind::Ended {
                from: 4_096,
                to: 8_192,
                moved: 4_096
            },
            Kind::Freed {
                buckets: 4_096,
                pages: 8
            },
        ]
    );
}

#[test]
fn a_quiet_table_is_never_priced_between_operations() {
    for &kind in TableKind::ALL {
        let work = &mut Work::unpriced();
        let mut table = integer_set(kind);
        // A rehash that look-ups do not carry on is over by then.
        insert_all(&mut *table, 0..1_200, work);
        while table.rehash().is_some() {
            table.find(&0, work);
        }
        work.begin();
        (0..1_000).for_each(|key| _ = table.find(&key, work));
        assert!(work.segments().is_empty(), "{kind}");
    }
}

#[test]
fn samples_are_entries_of_the_table_and_reach_all_of_it() {
    for mut table in tables::<u64>(8).filter(|table| table.buckets() < 1_000) {
        let work = &mut Work::unpriced();
        // In the middle of a rehash, where there is one.
        insert_all(&mut *table, 0..300, work);
        let mut random = Seed(1).stream("sample").sequence(0);
        let (mut sampled, mut drawn) = (BTreeSet::new(), BTreeSet::new());
        for _ in 0..3_000 {
            let mut sample = Vec::new();
            table.sample(5, &mut random, &mut sample, work);
            assert!(sample.len() <= 5);
            sampled.extend(sample.iter().map(|&slot| *table.entry(slot)));
            let one = table.random(&mut random, work).expect("there are entries");
            drawn.insert(*table.entry(one));
        }
        // Ten draws an entry: those of long chains are drawn less often, and a few may be missed.
        assert!(drawn.len() > 290);
        assert_eq!(sampled.len(), 300);
        table.clear(work);
        let mut sample = Vec::new();
        table.sample(5, &mut random, &mut sample, work);
        assert!(sample.is_empty() && table.random(&mut random, work).is_none());
    }
}

#[test]
fn a_sample_wider_than_the_table_is_no_more_than_the_table() {
    for mut table in tables::<u64>(2).filter(|table| table.buckets() < 1_000) {
        let work = &mut Work::unpriced();
        insert_all(&mut *table, 0..3, work);
        let mut sample = Vec::new();
        table.sample(
            50,
            &mut Seed(1).stream("sample").sequence(0),
            &mut sample,
            work,
        );
        assert_eq!(sample.len(), 3);
    }
}

#[test]
fn names_lead_back_to_their_tables() {
    for &kind in TableKind::ALL {
        assert_eq!(kind.name().parse(), Ok(kind));
    }
    assert!("redis-6".parse::<TableKind>().is_err());
}

/// The receipt of one fixed history: whoever changes it changes results.
#[test]
fn receipts_of_a_fixed_history_stay_as_they_are() {
    for &kind in TableKind::ALL {
        let meter = NanosecondEach::default();
        let touches = meter.touches.clone();
        let mut work = Work::new(Box::new(meter));
        let work = &mut work;
        let mut table: Box<dyn Table<Pair>> = build(kind, CONFIG);
        for number in 0..20_000 {
            _ = table.insert(
                Pair {
                    key: key_bytes(number),
                    value: 0,
                },
                work,
            );
            _ = table.find(&key_bytes(number / 2), work);
            if number % 4 == 0 {
                table.remove(&key_bytes(number / 3), work);
            }
        }
        table.clear(work);
        let counts = work.counts();
        let spent = work.spent().as_nanos();
        let mut receipt: Vec<_> = COUNTERS
            .iter()
            .filter(|&&counter| counts.get(counter) > 0)
            .map(|&counter| format!("{} {}", counter.name(), counts.get(counter)))
            .collect();
        let lines = spent - counts.as_array().iter().sum::<u64>();
        receipt.push(format!("touches {lines} {:016x}", touches.get().value()));
        assert_eq!(receipt.join(", "), golden(kind), "{kind}");
    }
}

fn golden(kind: TableKind) -> &'static str {
    match kind {
        TableKind::AtOnce => {
            "\
             keys_hashed 61380, bytes_hashed 613800, buckets_probed 77764, entries_visited 67738, \
             entries_migrated 16380, bytes_scanned 249990, allocations_small 20010, \
             allocations_large 3, frees 20013, pages_faulted 174, pages_released 56, touches \
             302376 38164ede9b2175dd"
        }
        TableKind::Redis70 => {
            "\
             keys_hashed 60813, bytes_hashed 608130, buckets_probed 85056, entries_visited 68911, \
             entries_migrated 15813, bytes_scanned 249990, allocations_small 20010, \
             allocations_large 3, frees 20013, pages_faulted 174, pages_released 56, touches \
             319861 dea73422358a0a8a"
        }
        TableKind::Redis74 => {
            "\
             keys_hashed 61380, bytes_hashed 613800, buckets_probed 87549, entries_visited 67726, \
             entries_migrated 16380, bytes_scanned 249990, allocations_small 20010, \
             allocations_large 3, frees 20013, pages_faulted 174, pages_released 56, touches \
             322488 7a6a3af2d22c12c8"
        }
        TableKind::Valkey81 => {
            "\
             keys_hashed 73077, bytes_hashed 730770, buckets_probed 69787, entries_visited \
             40587, entries_migrated 28077, bytes_scanned 249990, allocations_small 22364, \
             allocations_large 4, frees 22368, pages_faulted 252, pages_released 120, touches \
             286203 0492f5080a8983be"
        }
        TableKind::ValkeyUnstable => {
            "\
             keys_hashed 73077, bytes_hashed 730770, buckets_probed 69787, entries_visited \
             40587, entries_migrated 28077, bytes_scanned 249990, allocations_small 22364, \
             allocations_large 4, frees 22368, pages_faulted 252, pages_released 120, touches \
             286203 0492f5080a8983be"
        }
        TableKind::Memcached16 => {
            "\
             keys_hashed 45000, bytes_hashed 450000, buckets_probed 110536, entries_visited \
             44316, bytes_scanned 249990, allocations_small 20000, frees 20000, pages_faulted \
             246, touches 173632 6b7ccde196827a5a"
        }
        TableKind::OpenAtOnce => {
            "\
             keys_hashed 73213, bytes_hashed 732130, buckets_probed 58189, entries_visited \
             42177, entries_migrated 28213, bytes_copied 65700, bytes_scanned 249990, \
             allocations_small 20008, allocations_large 4, frees 20012, pages_faulted 257, \
             pages_released 139, touches 410059 0fd7a7d9e5add8de"
        }
        TableKind::OpenAmortised => {
            "\
             keys_hashed 68273, bytes_hashed 682730, buckets_probed 68093, entries_visited \
             42556, entries_migrated 23273, bytes_copied 65700, bytes_scanned 249990, \
             allocations_small 20008, allocations_large 4, frees 20012, pages_faulted 257, \
             pages_released 139, touches 392551 58cb326d1bfe37c0"
        }
        TableKind::Segmented => {
            "\
             keys_hashed 64764, bytes_hashed 647640, buckets_probed 89813, entries_visited \
             42176, entries_migrated 9916, bytes_copied 384, bytes_scanned 249990, \
             allocations_small 20035, frees 20035, pages_faulted 186, pages_released 68, \
             touches 467278 b014f2f895b9eca5"
        }
        TableKind::Kvrig => {
            "\
             keys_hashed 45000, bytes_hashed 450000, buckets_probed 53689, entries_visited 61977, \
             entries_migrated 10820, bytes_scanned 249990, allocations_small 2, \
             allocations_large 7, frees 9, pages_faulted 178, pages_released 60, \
             touches 205515 \
             29425b275c22658a"
        }
    }
}
