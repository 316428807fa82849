//! A map of hashes in their order.
//!
//! Hashes spread evenly over their space, so the first bits of one say where it lies in a table that is
//! sorted by hash and has gaps: there, or in the next slots. A look-up in a large table waits for memory
//! once, where a tree of a million hashes has it wait on every lower level. Hashes that do not spread
//! are found all the same, only slowly.
//!
//! It is linear probing whose order within a run of slots is that of the hashes (P. Celis, "Robin Hood
//! Hashing", 1986, with the hash itself as the rank): since a home follows from the first bits, the runs
//! make up one sorted sequence.

/// Above this share of its homes, three quarters, a table is doubled.
const LOAD_MAX: (usize, usize) = (3, 4);
/// Below this share of its homes, an eighth, it is halved.
const LOAD_MIN: (usize, usize) = (1, 8);
/// A table that holds something has at least two to this power of homes.
const BITS_MIN: u32 = 4;

/// Values by the upper 64 bits of their hashes.
#[derive(Clone, Debug)]
pub(super) struct HashOrder<V> {
    /// How many first bits of a hash say where it belongs.
    bits: u32,
    /// Hashes in ascending order, each at its home or behind it with no gap between. A few slots lie
    /// behind the last home where the last run needs them; there is none before the first insertion.
    slots: Vec<(u64, Option<V>)>,
    count: usize,
}

impl<V> Default for HashOrder<V> {
    fn default() -> Self {
        Self {
            bits: 0,
            slots: Vec::new(),
            count: 0,
        }
    }
}

impl<V> HashOrder<V> {
    /// Where a hash lies when nothing is in its way.
    fn home(&self, hash: u64) -> usize {
        hash.checked_shr(u64::BITS - self.bits).unwrap_or(0) as usize
    }
    /// The first slot from the home of `hash` on that is free, or whose hash `is_behind` says to be behind.
    fn first(&self, hash: u64, is_behind: impl Fn(u64) -> bool) -> usize {
        let home = self.home(hash).min(self.slots.len());
        let run = self.slots[home..].iter();
        let before = run.take_while(|(other, value)| value.is_some() && !is_behind(*other));
        home + before.count()
    }
    /// The slot of a hash, or that where it would have to be inserted.
    pub(super) fn find(&self, hash: u64) -> Result<usize, usize> {
        let slot = self.first(hash, |other| other >= hash);
        match self.slots.get(slot) {
            Some((other, Some(_))) if *other == hash => Ok(slot),
            _ => Err(slot),
        }
    }
    /// Asks memory for the slot where a look-up of `hash` begins.
    pub(super) fn prefetch(&self, hash: u64) {
        if let Some(slot) = self.slots.get(self.home(hash)) {
            kvrig_tables::prefetch(slot);
        }
    }
    /// The value of a hash.
    pub(super) fn get(&self, hash: u64) -> Option<&V> {
        let slot = self.find(hash).ok()?;
        self.slots[slot].1.as_ref()
    }
    /// The value in a slot that [`Self::find`] found, to be changed.
    pub(super) fn value_mut(&mut self, slot: usize) -> Option<&mut V> {
        self.slots.get_mut(slot)?.1.as_mut()
    }
    /// Adds the value of a hash that has none, at the slot where [`Self::find`] wants it.
    pub(super) fn insert_at(&mut self, slot: usize, hash: u64, value: V) {
        let is_full = (self.count + 1) * LOAD_MAX.1 > LOAD_MAX.0 << self.bits;
        let slot = match is_full {
            true => {
                self.rebuild((self.bits + 1).max(BITS_MIN));
                self.first(hash, |other| other >= hash)
            }
            false => slot,
        };
        let run = self.slots[slot..].iter();
        let end = slot + run.take_while(|(_, value)| value.is_some()).count();
        if end == self.slots.len() {
            self.slots.push((0, None));
        }
        self.slots[slot..=end].rotate_right(1);
        self.slots[slot] = (hash, Some(value));
        self.count += 1;
    }
    /// Empties a slot that [`Self::find`] found; what follows and is not at home moves up.
    pub(super) fn remove_at(&mut self, slot: usize) -> Option<V> {
        let value = self.slots[slot].1.take();
        let follows = self.slots[slot + 1..].iter().zip(slot + 1..);
        let moved =
            follows.take_while(|((hash, value), at)| value.is_some() && self.home(*hash) < *at);
        let end = slot + moved.count();
        self.slots[slot..=end].rotate_left(1);
        self.count -= 1;
        if self.bits > BITS_MIN && self.count * LOAD_MIN.1 < LOAD_MIN.0 << self.bits {
            self.rebuild(self.bits - 1);
        }
        value
    }
    /// Values whose hashes lie between two, both included, in order; there may be no bound on a side.
    pub(super) fn range(
        &self,
        (start, end): (Option<u64>, Option<u64>),
    ) -> impl DoubleEndedIterator<Item = &V> {
        let first = start.map_or(0, |hash| self.first(hash, |other| other >= hash));
        let end = end.map_or(self.slots.len(), |hash| {
            self.first(hash, |other| other > hash)
        });
        let inside = self.slots.get(first..end).unwrap_or_default();
        inside.iter().filter_map(|(_, value)| value.as_ref())
    }

    /// Gives it two to the power `bits` homes.
    fn rebuild(&mut self, bits: u32) {
        self.bits = bits;
        let old = std::mem::take(&mut self.slots);
        let mut slots = Vec::with_capacity((1 << bits) + 64);
        for (hash, value) in old {
            if value.is_none() {
                continue;
            }
            let home = self.home(hash);
            while slots.len() < home {
                slots.push((0, None));
            }
            slots.push((hash, value));
        }
        while slots.len() < 1 << bits {
            slots.push((0, None));
        }
        self.slots = slots;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::random::Seed;
    use std::collections::BTreeMap;

    #[test]
    fn it_is_an_ordered_map_while_it_grows_and_shrinks() {
        let mut draws = Seed(1).stream("hashes").sequence(0);
        let (mut map, mut model) = (HashOrder::default(), BTreeMap::new());
        for number in 0..40_000_u64 {
            // It fills for a while and empties for a while. Some hashes spread; others share their first
            // or their last bits, up to those that lie behind the last home.
            let mut hash = || match draws.below(4) {
                0 | 1 => draws.below(4_000) << 52,
                2 => draws.below(60),
                _ => u64::MAX - draws.below(60),
            };
            let (hash, other) = (hash(), hash());
            let fills = number / 8_000 % 2 == 0;
            match (map.find(hash), draws.below(4) == 0) {
                (Ok(slot), is_rare) if is_rare == fills => {
                    assert_eq!(map.remove_at(slot), model.remove(&hash));
                }
                (Ok(slot), _) => {
                    *map.value_mut(slot).unwrap() = (hash, number);
                    *model.get_mut(&hash).unwrap() = (hash, number);
                }
                (Err(slot), is_rare) if is_rare != fills => {
                    map.insert_at(slot, hash, (hash, number));
                    assert_eq!(model.insert(hash, (hash, number)), None);
                }
                (Err(_), _) => assert!(!model.contains_key(&hash)),
            }
            assert_eq!(map.get(hash), model.get(&hash));
            assert_eq!(map.get(other), model.get(&other));
            if number % 97 == 0 {
                let (low, high) = (hash.min(other), hash.max(other));
                assert!(
                    map.range((Some(low), Some(high)))
                        .eq(model.range(low..=high).map(|one| one.1))
                );
                assert!(
                    map.range((None, Some(high)))
                        .eq(model.range(..=high).map(|one| one.1))
                );
                assert!(
                    map.range((Some(low), None))
                        .rev()
                        .eq(model.range(low..).rev().map(|one| one.1))
                );
                assert!(map.range((None, None)).eq(model.values()));
            }
            assert_eq!(map.count, model.len());
        }
    }

    #[test]
    fn a_table_that_was_emptied_is_small() {
        let mut map = HashOrder::default();
        let hash = |number: u64| number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        for number in 0..10_000 {
            let slot = map.find(hash(number)).unwrap_err();
            map.insert_at(slot, hash(number), ());
        }
        assert!((1 << 14..1 << 15).contains(&map.slots.len()));
        for number in 0..10_000 {
            let slot = map.find(hash(number)).unwrap();
            map.remove_at(slot);
        }
        assert!(map.slots.len() < 2 << BITS_MIN);
    }
}
