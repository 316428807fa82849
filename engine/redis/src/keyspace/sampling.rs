//! Keys drawn at random, of all or of those that expire.

use super::{Database, TableRole};
use kvrig_base::random::Sequence;
use kvrig_base::seam::Work;
use kvrig_tables::Slot;

impl Database {
    /// Number of keys in one of the tables.
    pub(crate) fn len_of(&self, table: TableRole) -> u64 {
        match table {
            TableRole::Keys => self.keys.len(),
            TableRole::Expires => self.expires.len(),
        }
    }
    /// Adds places near a random one of the table to a sample (dictGetSomeKeys).
    pub(crate) fn sample(
        &mut self,
        table: TableRole,
        wanted: usize,
        random: &mut Sequence,
        sample: &mut Vec<Slot>,
        work: &mut Work,
    ) {
        match table {
            TableRole::Keys => self.keys.sample(wanted, random, sample, work),
            TableRole::Expires => self.expires.sample(wanted, random, sample, work),
        }
    }
    /// The key at a place of the table.
    pub(crate) fn key_in(&self, table: TableRole, slot: Slot) -> &[u8] {
        match table {
            TableRole::Keys => self.keys.entry(slot).key.as_slice(),
            TableRole::Expires => self.expires.entry(slot).key.as_slice(),
        }
    }
    /// Where the key at a place of the table is among all keys, which takes a look-up unless it is
    /// the table of all keys.
    pub(crate) fn slot_in_keys(
        &mut self,
        table: TableRole,
        slot: Slot,
        work: &mut Work,
    ) -> Option<Slot> {
        match table {
            TableRole::Keys => Some(slot),
            TableRole::Expires => {
                let key = self.expires.entry(slot).key.as_slice();
                self.keys.find(key, work)
            }
        }
    }
    /// Up to when the key at a place of the table of expiries lives.
    pub(crate) fn expires_at_ms(&self, slot: Slot) -> i64 {
        self.expires.entry(slot).at_ms
    }
    /// Where a key is, expired or not, which takes a look-up (dictFind).
    pub(crate) fn locate(&mut self, key: &[u8], work: &mut Work) -> Option<Slot> {
        self.keys.find(key, work)
    }
    /// Whether the key is in the table, which takes a look-up.
    pub(crate) fn finds_in(&mut self, table: TableRole, key: &[u8], work: &mut Work) -> bool {
        match table {
            TableRole::Keys => self.keys.find(key, work).is_some(),
            TableRole::Expires => self.expires.find(key, work).is_some(),
        }
    }
    /// A random key of the table (dictGetRandomKey).
    pub(crate) fn any_key_of(
        &mut self,
        table: TableRole,
        random: &mut Sequence,
        work: &mut Work,
    ) -> Option<Box<[u8]>> {
        let slot = match table {
            TableRole::Keys => self.keys.random(random, work),
            TableRole::Expires => self.expires.random(random, work),
        };
        slot.map(|slot| self.key_in(table, slot).into())
    }
    /// A random key (dbRandomKey), one of a sample of so many.
    pub(crate) fn random_key(&mut self, sample: usize, work: &mut Work) -> Option<Box<[u8]>> {
        let mut slots = Vec::with_capacity(sample);
        self.keys.sample(sample, &mut self.random, &mut slots, work);
        let slot = match slots.len() {
            0 => self.keys.random(&mut self.random, work)?,
            count => slots[self.random.below(count as u64) as usize],
        };
        Some(self.keys.entry(slot).key.as_slice().into())
    }
}
