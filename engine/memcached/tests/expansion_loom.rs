//! Expansion under every interleaving of two workers and the maintenance thread:
//! `RUSTFLAGS="--cfg loom" cargo test -p kvrig-memcached --test expansion_loom`.
#![cfg(loom)]

use kvrig_base::seam::Work;
use kvrig_base::seam::sync::Loom;
use kvrig_base::time::Wall;
use kvrig_memcached::store::{StoreMode, Stored};
use kvrig_memcached::{Store, WorkerGate};
use kvrig_tables::Entry as _;
use kvrig_tables::memcached::striped::Move;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use std::collections::BTreeSet;

/// Involuntary switches of threads in one execution: more find no further states in programs of
/// this size within minutes (Musuvathi and Qadeer, "Iterative context bounding", PLDI 2007).
const PREEMPTIONS_MAX: usize = 3;

fn explore(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS_MAX);
    builder.check(model);
}

/// Two buckets behind two locks, and an item in each of the four buckets that come of them.
fn filled() -> Arc<Model> {
    let store = Store::with_powers(1, 1, Wall::from_unix_millis(0));
    for key in keys() {
        store.load(key.as_bytes(), b"old", &mut Work::unkept());
    }
    let steps = AtomicU64::new(0);
    Arc::new(Model { store, steps })
}

/// One key for each of four buckets.
fn keys() -> [String; 4] {
    let bucket = |key: &str| kvrig_tables::hash::murmur::murmur3_x86_32(0, key.as_bytes()) & 3;
    [0, 1, 2, 3].map(|wanted| {
        (0..64)
            .map(|number| number.to_string())
            .find(|key| bucket(key) == wanted)
            .expect("a few dozen keys reach every bucket")
    })
}

/// What a model shares. Loom switches threads only before operations on what it knows, and makes a
/// `try_lock` wait that stands at a lock as it is taken. So workers take steps while they have a
/// lock, and the maintainer looks at them before it comes to one.
struct Model {
    store: Store<Loom>,
    steps: AtomicU64,
}

impl std::ops::Deref for Model {
    type Target = Store<Loom>;
    fn deref(&self) -> &Store<Loom> {
        &self.store
    }
}

fn value(model: &Model, key: &str) -> Option<Vec<u8>> {
    let work = &mut Work::unpriced();
    model.get(key.as_bytes(), None, work, |item| {
        model.steps.store(1, Ordering::Relaxed);
        model.steps.store(2, Ordering::Relaxed);
        item.value().to_vec()
    })
}

fn set(store: &Store<Loom>, key: &str, value: &[u8]) -> Stored {
    let work = &mut Work::unpriced();
    store.store(StoreMode::Set, key.as_bytes(), (0, 0), value, work)
}

/// All keys that are in the store, sorted: one that was linked twice is there twice.
fn all_keys(store: &Store<Loom>) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    store
        .table()
        .for_each(|item| keys.push(item.key().to_vec()));
    keys.sort();
    keys
}

/// Moves all buckets, and gives way where a worker has a lock.
fn move_all(model: &Model) -> u32 {
    let mut refused = 0;
    loop {
        model.steps.load(Ordering::Relaxed);
        match model.table().move_bucket(&mut Work::unpriced()) {
            Move::Moved => {}
            Move::LockHeld => {
                refused += 1;
                thread::yield_now();
            }
            Move::Ended | Move::Idle => return refused,
        }
    }
}

#[test]
fn items_are_found_once_and_none_is_lost_while_buckets_move() {
    explore(|| {
        let store = filled();
        store.table().expand(&mut Work::unpriced());
        let [zero, one, two, three] = keys();
        let workers = [
            {
                let (store, zero, two) = (Arc::clone(&store), zero.clone(), two.clone());
                thread::spawn(move || {
                    assert_eq!(value(&store, &two).as_deref(), Some(&b"old"[..]));
                    assert_eq!(set(&store, &zero, b"new"), Stored::Stored);
                })
            },
            {
                let (store, one, two) = (Arc::clone(&store), one.clone(), two.clone());
                thread::spawn(move || {
                    assert!(store.delete(one.as_bytes(), &mut Work::unpriced()));
                    assert_eq!(value(&store, &two).as_deref(), Some(&b"old"[..]));
                })
            },
        ];
        move_all(&store);
        workers
            .into_iter()
            .for_each(|worker| worker.join().unwrap());
        assert_eq!(store.table().rehash(), None);
        assert_eq!(store.table().len(), 3);
        let mut expected = [&zero, &two, &three].map(|key| key.clone().into_bytes());
        expected.sort();
        assert_eq!(all_keys(&store), expected);
        assert_eq!(value(&store, &zero).as_deref(), Some(&b"new"[..]));
        assert_eq!(value(&store, &one), None);
        assert_eq!(value(&store, &three).as_deref(), Some(&b"old"[..]));
    });
}

#[test]
fn of_two_workers_that_add_one_key_while_its_bucket_moves_one_succeeds() {
    explore(|| {
        let store = filled();
        store.table().expand(&mut Work::unpriced());
        let key = keys()[2].clone();
        assert!(store.delete(key.as_bytes(), &mut Work::unpriced()));
        let workers = [0, 1].map(|_| {
            let (store, key) = (Arc::clone(&store), key.clone());
            thread::spawn(move || {
                let work = &mut Work::unpriced();
                store.store(StoreMode::Add, key.as_bytes(), (0, 0), b"new", work)
            })
        });
        move_all(&store);
        let stored = workers.map(|worker| worker.join().unwrap() == Stored::Stored);
        assert_ne!(stored[0], stored[1]);
        let found = all_keys(&store)
            .iter()
            .filter(|found| **found == key.as_bytes())
            .count();
        assert_eq!((found, store.table().len()), (1, 4));
    });
}

#[test]
fn the_maintainer_gives_way_to_a_worker_and_the_bucket_moves_later() {
    // Whether an attempt was refused, over all executions.
    let refusals = std::sync::Arc::new(std::sync::Mutex::new(BTreeSet::new()));
    let seen = std::sync::Arc::clone(&refusals);
    explore(move || {
        let store = filled();
        store.table().expand(&mut Work::unpriced());
        let (other, key) = (Arc::clone(&store), keys()[0].clone());
        let worker = thread::spawn(move || value(&other, &key));
        let was_refused = move_all(&store) > 0;
        seen.lock().unwrap().insert(was_refused);
        assert_eq!(worker.join().unwrap().as_deref(), Some(&b"old"[..]));
        assert_eq!(store.table().rehash(), None);
        assert_eq!(all_keys(&store).len(), 4);
    });
    let both = BTreeSet::from([false, true]);
    assert_eq!(*refusals.lock().unwrap(), both);
}

#[test]
fn arrays_are_swapped_while_every_worker_stands_at_the_gate() {
    explore(|| {
        let store = filled();
        let gate = Arc::new(WorkerGate::new(2));
        let at_work = Arc::new(AtomicU64::new(0));
        let workers = [0, 1].map(|number| {
            let (store, gate) = (Arc::clone(&store), Arc::clone(&gate));
            let (at_work, key) = (Arc::clone(&at_work), keys()[number].clone());
            thread::spawn(move || {
                gate.pass();
                at_work.fetch_add(1, Ordering::Relaxed);
                assert_eq!(value(&store, &key).as_deref(), Some(&b"old"[..]));
                at_work.fetch_sub(1, Ordering::Relaxed);
                gate.leave();
            })
        });
        gate.with_workers_stopped(|| {
            assert_eq!(at_work.load(Ordering::Relaxed), 0);
            store.table().expand(&mut Work::unpriced());
        });
        move_all(&store);
        workers
            .into_iter()
            .for_each(|worker| worker.join().unwrap());
        assert_eq!((store.table().power(), all_keys(&store).len()), (2, 4));
    });
}
