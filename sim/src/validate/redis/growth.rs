//! At which keys the table of a server grows, if nothing but insertions drives it.
//!
//! A rehash begins with the key that is one too many for the buckets. It ends when all buckets that
//! hold anything are moved, which takes a step for each and one more for every ten empty ones in a
//! row. Which those are depends on the hash key, which every server draws for itself. So both sides
//! are asked with SCAN before the rehash begins, and what is found is played through to the key.

/// Buckets of the table whose growth is looked at.
pub const BUCKETS: u64 = 1 << 14;
/// Keys with which the rehash has begun: one more than buckets.
pub const BEGINS_WITH: u64 = BUCKETS + 1;
/// Steps that one SET of a new key takes: a look-up, the insertion, and the look-up behind it by which
/// the server makes sure that the key is there before it removes a time limit (removeExpire,
/// redis:src/db.c).
const STEPS_OF_SET: u32 = 3;
/// Those of the SET that begins the rehash: only the last look-up comes after its insertion.
const STEPS_OF_FIRST_SET: u32 = 1;
/// Empty buckets that one step passes at most (dictRehash, redis:src/dict.c: ten for each bucket that
/// it is to move).
const EMPTY_PASSED_MAX: u32 = 10;

/// One call of SCAN for one key: the cursor that it was given, the one that it replied, and whether
/// it found anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scanned {
    /// The bucket that it began at.
    pub from: u64,
    /// The bucket that the next call is to begin at, 0 at the end.
    pub to: u64,
    /// Whether there were keys in the last bucket that it looked at; all before that were empty.
    pub found: bool,
}

/// Which of [`BUCKETS`] hold something, from a whole round of SCAN; none if the calls are no such
/// round.
pub fn occupied(calls: &[Scanned]) -> Option<Vec<bool>> {
    let mut occupied = vec![false; BUCKETS as usize];
    let (mut at, mut visited) = (0, 0);
    for call in calls {
        if call.from != at {
            return None;
        }
        let last = loop {
            let last = at;
            at = next_cursor(at);
            visited += 1;
            if at == call.to {
                break last;
            }
            if visited >= BUCKETS {
                return None;
            }
        };
        *occupied.get_mut(last as usize)? = call.found;
    }
    (visited == BUCKETS && at == 0).then_some(occupied)
}

/// The bucket after `cursor`: one is added to it from its highest bit downwards (dictScan,
/// redis:src/dict.c), so that tables of two sizes are gone through in one order.
const fn next_cursor(cursor: u64) -> u64 {
    let bits = BUCKETS.trailing_zeros();
    let reversed = cursor.reverse_bits() >> (u64::BITS - bits);
    let next = (reversed + 1) % BUCKETS;
    next.reverse_bits() >> (u64::BITS - bits)
}

/// Keys with which the rehash has ended, where these buckets held something at its beginning.
pub fn ends_with(occupied: &[bool]) -> u64 {
    let mut left = occupied.iter().filter(|&&holds| holds).count();
    let mut buckets = occupied.iter();
    let (mut keys, mut steps) = (BEGINS_WITH, STEPS_OF_FIRST_SET);
    loop {
        for _ in 0..steps {
            let passed = buckets
                .by_ref()
                .take(EMPTY_PASSED_MAX as usize)
                .position(|&holds| holds);
            left -= usize::from(passed.is_some());
        }
        if left == 0 {
            return keys;
        }
        (keys, steps) = (keys + 1, STEPS_OF_SET);
    }
}

#[cfg(test)]
mod tests {
    use super::super::traffic::{VALUE_BYTES, string_key};
    use super::super::{Direct, Engine};
    use super::*;
    use kvrig_redis::Config;

    #[test]
    fn a_node_grows_where_the_buckets_that_it_has_filled_say() {
        let config = Config {
            activerehashing: false,
            ..Config::default()
        };
        let mut direct = Direct::new(config, Engine::Redis);
        let mut keys = 0;
        let mut set = |direct: &mut Direct| {
            direct.command(&[b"SET", &string_key(keys), &[b'v'; VALUE_BYTES]]);
            keys += 1;
            direct.node.keyspace().database(0).keys().rehash().is_some()
        };
        for _ in 0..BUCKETS {
            set(&mut direct);
        }
        let occupied = occupied(&scan(&mut direct)).expect("a round of SCAN");
        assert!(set(&mut direct), "the key that is one too many");
        let mut added = 0;
        while set(&mut direct) {
            added += 1;
        }
        let found = BEGINS_WITH + added + 1;
        assert_eq!(ends_with(&occupied), found);
    }

    #[test]
    fn a_step_that_passes_ten_empty_buckets_moves_none() {
        let table = |holding: &[usize]| {
            let mut table = vec![false; BUCKETS as usize];
            holding.iter().for_each(|&bucket| table[bucket] = true);
            table
        };
        assert_eq!(ends_with(&table(&[])), BEGINS_WITH);
        assert_eq!(ends_with(&table(&[0])), BEGINS_WITH);
        assert_eq!(ends_with(&table(&[0, 1, 2, 3])), BEGINS_WITH + 1);
        assert_eq!(ends_with(&table(&[0, 1, 2, 3, 4])), BEGINS_WITH + 2);
        // Nine empty buckets before one that is moved are passed by the same step, ten are not.
        assert_eq!(ends_with(&table(&[0, 10, 11, 12])), BEGINS_WITH + 1);
        assert_eq!(ends_with(&table(&[0, 11, 12, 13])), BEGINS_WITH + 2);
    }

    #[test]
    fn calls_of_scan_that_leave_buckets_out_are_no_round() {
        let whole = |found| Scanned {
            from: 0,
            to: 0,
            found,
        };
        let table = occupied(&[whole(true)]).expect("one call went through all");
        assert_eq!(table.iter().filter(|&&holds| holds).count(), 1);
        assert!(table[BUCKETS as usize - 1], "the last in order");
        let half = Scanned {
            from: 0,
            to: next_cursor(0),
            found: true,
        };
        assert_eq!(next_cursor(0), BUCKETS / 2);
        assert_eq!(occupied(&[half]), None);
        assert_eq!(occupied(&[half, half]), None);
        let beyond = Scanned {
            from: 0,
            to: BUCKETS,
            found: true,
        };
        assert_eq!(occupied(&[beyond]), None);
    }

    /// A whole round of SCAN for one key a call.
    fn scan(direct: &mut Direct) -> Vec<Scanned> {
        let mut calls: Vec<Scanned> = Vec::new();
        loop {
            let from = calls.last().map_or(0, |call| call.to);
            let cursor = from.to_string();
            direct.command(&[b"SCAN", cursor.as_bytes(), b"COUNT", b"1"]);
            let (_, reply) = direct.outbox.iter().next().expect("a reply");
            let reply = String::from_utf8_lossy(reply).into_owned();
            let lines: Vec<&str> = reply.lines().collect();
            let to = lines[2].parse().expect("a cursor");
            calls.push(Scanned {
                from,
                to,
                found: lines[3] != "*0",
            });
            if to == 0 {
                return calls;
            }
        }
    }
}
