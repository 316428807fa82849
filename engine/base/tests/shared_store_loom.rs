//! The shared counter under every interleaving of two workers: `RUSTFLAGS="--cfg loom" cargo test
//! -p kvrig-base --test shared_store_loom --release`. The simulator's tests price the same code.
#![cfg(loom)]

mod shared_store;

use kvrig_base::seam::Work;
use kvrig_base::seam::sync::Loom;
use loom::sync::Arc;
use shared_store::SharedCounter;

#[test]
fn no_addition_is_lost_in_any_interleaving() {
    loom::model(|| {
        let counter = Arc::new(SharedCounter::<Loom>::new());
        let workers = [0, 1].map(|_| {
            let counter = Arc::clone(&counter);
            loom::thread::spawn(move || counter.add(&mut Work::unpriced()))
        });
        let mut seen = workers.map(|worker| worker.join().unwrap());
        seen.sort_unstable();
        assert_eq!(seen, [0, 1]);
        assert_eq!(counter.add(&mut Work::unpriced()), 2);
    });
}

#[test]
fn a_refused_attempt_adds_nothing_and_an_accepted_one_exactly_one() {
    loom::model(|| {
        let counter = Arc::new(SharedCounter::<Loom>::new());
        let other = Arc::clone(&counter);
        let worker = loom::thread::spawn(move || other.try_add(&mut Work::unpriced()).is_some());
        let mine = counter.try_add(&mut Work::unpriced()).is_some();
        let theirs = worker.join().unwrap();
        let added = u64::from(mine) + u64::from(theirs);
        assert!(added >= 1, "one of two finds the lock free");
        assert_eq!(counter.add(&mut Work::unpriced()), added);
    });
}
