//! The candidates of an eviction, kept from one to the next (`redis:src/evict.c`, evictionPoolPopulate).

/// Candidates that are kept (EVPOOL_SIZE).
const POOL_SIZE: usize = 16;

/// A key that may be removed next.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) database: usize,
    pub(super) key: Box<[u8]>,
    /// How well it may be done without, on the scale of the policy that sampled it: one that has
    /// replaced it meanwhile compares with its own.
    pub(super) score: u64,
}

/// The candidates by rising score; removal from the upper end leaves gaps there.
#[derive(Debug, Default)]
pub(super) struct Pool([Option<Candidate>; POOL_SIZE]);

impl Pool {
    /// Takes a candidate in, unless the pool is full of better ones.
    pub(super) fn offer(&mut self, database: usize, key: &[u8], score: u64) {
        if let Some(place) = free_place(&mut self.0, score) {
            let key = key.into();
            self.0[place] = Some(Candidate {
                database,
                key,
                score,
            });
        }
    }
    /// Takes the candidates out from the best on until `is_there` says that one still is.
    pub(super) fn take_best(
        &mut self,
        mut is_there: impl FnMut(&Candidate) -> bool,
    ) -> Option<Candidate> {
        let places = self.0.iter_mut().rev();
        places.filter_map(Option::take).find(|best| is_there(best))
    }
}

/// Makes room for a candidate of this score and says where; there is none where the pool is full of
/// better ones.
fn free_place(pool: &mut [Option<Candidate>; POOL_SIZE], score: u64) -> Option<usize> {
    let is_worse = |place: &Option<Candidate>| {
        place
            .as_ref()
            .is_some_and(|candidate| candidate.score < score)
    };
    let place = pool
        .iter()
        .position(|place| !is_worse(place))
        .unwrap_or(POOL_SIZE);
    let is_full = pool[POOL_SIZE - 1].is_some();
    match (place, is_full) {
        (0, true) => None,
        (_, false) => {
            if pool[place].is_some() {
                pool[place..].rotate_right(1);
            }
            Some(place)
        }
        (_, true) => {
            // The worst one makes room, unless there is a gap to be used.
            if place < POOL_SIZE && pool[place].is_none() {
                return Some(place);
            }
            pool[..place].rotate_left(1);
            Some(place - 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(pool: &Pool) -> Vec<u64> {
        pool.0
            .iter()
            .flatten()
            .map(|candidate| candidate.score)
            .collect()
    }
    fn offer(pool: &mut Pool, score: u64) {
        pool.offer(0, b"key", score);
    }

    #[test]
    fn the_pool_keeps_the_best_in_order() {
        let mut pool = Pool::default();
        for score in [5, 1, 9, 3, 7, 2, 8, 4, 6, 0] {
            offer(&mut pool, score);
        }
        assert_eq!(scores(&pool), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        for score in 10..30 {
            offer(&mut pool, score);
        }
        assert_eq!(scores(&pool), (14..30).collect::<Vec<_>>());
        offer(&mut pool, 3);
        offer(&mut pool, 20);
        let mut expected: Vec<u64> = (15..30).collect();
        expected.push(20);
        expected.sort_unstable();
        assert_eq!(scores(&pool), expected);
    }

    #[test]
    fn gaps_at_the_upper_end_are_filled_first() {
        let mut pool = Pool::default();
        for score in 0..16 {
            offer(&mut pool, score);
        }
        pool.0[15] = None;
        pool.0[14] = None;
        offer(&mut pool, 5);
        assert_eq!(
            scores(&pool),
            [0, 1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10, 11, 12, 13]
        );
    }

    #[test]
    fn the_best_that_is_still_there_is_taken_and_better_ones_are_forgotten() {
        let mut pool = Pool::default();
        for score in [4, 8, 6, 2] {
            offer(&mut pool, score);
        }
        let best = pool.take_best(|candidate| candidate.score < 7);
        assert_eq!(best.map(|candidate| candidate.score), Some(6));
        assert_eq!(scores(&pool), [2, 4]);
        assert!(pool.take_best(|_| false).is_none());
        assert_eq!(scores(&pool), []);
    }
}
