//! How fast a set grows, with no clock read between insertions.

use super::keys::Keys;
use super::{Pass, Set, TEND_EVERY};
use crate::cpu_time::{Round, timed};
use std::hint::black_box;

/// Fills a set with `entries` keys; dropping it is not timed.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Keys to insert.
    pub entries: u64,
}

impl<K: Keys> Pass<K> for Rate {
    type Found = Round;
    fn run<S: Set<K::Key>>(self, mut set: S) -> Round {
        let round = timed(|| {
            for index in 0..self.entries {
                set.insert(K::key(index));
                if S::IS_TENDED && index % TEND_EVERY == 0 {
                    set.tend();
                }
            }
            self.entries
        });
        black_box(set.len());
        round
    }
}
