//! Real threads on one store that expands under them, several times over.

use kvrig_base::random::Seed;
use kvrig_base::seam::Work;
use kvrig_base::seam::sync::Threads;
use kvrig_base::time::Wall;
use kvrig_memcached::store::{Counted, StoreMode, Stored};
use kvrig_memcached::{Store, WorkerGate};
use kvrig_tables::memcached::striped::Move;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

const WORKERS: u32 = 4;
/// Each worker has keys of its own, so that it knows what it must find.
const OPERATIONS: u64 = 40_000;
const KEYS_OF_WORKER: u64 = 8_000;
/// Buckets at the start: 16 behind 16 locks, so that locks are fought for.
const POWER: u32 = 4;

/// Goal: whatever moves meanwhile, every worker finds exactly what it has stored.
///
/// Method: seeded operations of each worker on its own keys beside a model of them, all on one
/// store; a counter that all increment shows lost updates; the maintainer expands whenever the
/// table is overfull, with the workers stopped at their gate.
#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "the point of the test is real threads"
)]
fn workers_find_what_they_stored_while_the_table_expands_under_them() {
    let store = Store::<Threads>::with_powers(POWER, POWER, Wall::from_unix_millis(0));
    store.load(b"shared", b"0", &mut Work::unkept());
    let gate = WorkerGate::new(WORKERS);
    let is_over = AtomicBool::new(false);
    let (expansions, counted) = std::thread::scope(|scope| {
        let maintainer = scope.spawn(|| maintain(&store, &gate, &is_over));
        let workers: Vec<_> = (0..WORKERS)
            .map(|number| {
                let (store, gate) = (&store, &gate);
                scope.spawn(move || work_on(store, gate, number))
            })
            .collect();
        let counted: u64 = workers
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .sum();
        is_over.store(true, Ordering::Relaxed);
        (maintainer.join().unwrap(), counted)
    });
    let work = &mut Work::unpriced();
    assert_eq!(
        store.count(b"shared", 0, true, work),
        Counted::Number(counted)
    );
    assert!(expansions >= 8, "{expansions} expansions");
    let mut items = 0;
    store.table().for_each(|_| items += 1);
    assert_eq!(items, store.table().len());
}

fn maintain(store: &Store<Threads>, gate: &WorkerGate, is_over: &AtomicBool) -> u32 {
    let work = &mut Work::unpriced();
    let mut expansions = 0;
    loop {
        work.begin();
        match store.table().move_bucket(work) {
            Move::Moved | Move::Ended => {}
            Move::LockHeld => std::thread::yield_now(),
            Move::Idle if store.table().wants_to_expand() => {
                gate.with_workers_stopped(|| store.table().expand(work));
                expansions += 1;
            }
            Move::Idle if is_over.load(Ordering::Relaxed) => return expansions,
            Move::Idle => std::thread::yield_now(),
        }
    }
}

/// Returns how often it has counted the shared counter up.
fn work_on(store: &Store<Threads>, gate: &WorkerGate, number: u32) -> u64 {
    let work = &mut Work::unpriced();
    let mut random = Seed(1).stream("stress").sequence(u64::from(number));
    let mut model: BTreeMap<u64, u64> = BTreeMap::new();
    let mut counted = 0;
    for operation in 0..OPERATIONS {
        gate.pass();
        work.begin();
        let id = random.below(KEYS_OF_WORKER);
        let key = format!("{number}:{id}").into_bytes();
        let text = operation.to_string().into_bytes();
        match random.below(10) {
            0..5 => {
                let stored = store.store(StoreMode::Set, &key, (0, 0), &text, work);
                assert_eq!(stored, Stored::Stored);
                model.insert(id, operation);
            }
            5 => {
                let stored = store.store(StoreMode::Add, &key, (0, 0), &text, work);
                assert_eq!(stored == Stored::Stored, !model.contains_key(&id));
                model.entry(id).or_insert(operation);
            }
            6 => {
                assert_eq!(store.delete(&key, work), model.remove(&id).is_some());
            }
            7 => {
                assert!(matches!(
                    store.count(b"shared", 1, true, work),
                    Counted::Number(_)
                ));
                counted += 1;
            }
            _ => {
                let found = store.get(&key, None, work, |item| item.value().to_vec());
                let expected = model.get(&id).map(|value| value.to_string().into_bytes());
                assert_eq!(found, expected);
            }
        }
    }
    for (id, value) in &model {
        gate.pass();
        let key = format!("{number}:{id}").into_bytes();
        let found = store.get(&key, None, work, |item| item.value().to_vec());
        assert_eq!(found, Some(value.to_string().into_bytes()));
    }
    gate.leave();
    counted
}
