//! The hash tables inside large sets, hashes and sorted sets.
//!
//! They are tables of Redis like that of all keys, with one difference that matters: no timer helps
//! them, so that a rehash that began lasts until operations have finished it (redis#13605).

use super::sampled::{self, Sample};
use super::{Footprint, count_pages_released};
use crate::memory::{key_bytes, size_class};
use kvrig_base::random::Sequence;
use kvrig_base::seam::Work;
use kvrig_tables::redis::RedisTable;
use kvrig_tables::{Entry, Position, Regions, ResizePolicy, Slot, Table, TableConfig};

/// struct dict of 7.0.
const DICT_BYTES: u64 = size_class(56);
/// struct dictEntry.
const ENTRY_BYTES: u64 = size_class(24);
/// Entries that a fair draw looks at (GETFAIR_NUM_ENTRIES).
const FAIR_DRAW_ENTRIES: usize = 15;

/// An entry of a dictionary: strings of its own.
pub trait Element: Entry<Key = [u8]> {
    /// Bytes of its strings, each rounded to its size class.
    fn string_bytes(&self) -> u64;
    /// How many strings it has.
    const STRINGS: u64;
}

/// A member of a set.
#[derive(Debug)]
pub struct Member(Box<[u8]>);

impl Member {
    /// The member with these bytes.
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl Entry for Member {
    type Key = [u8];
    const KEY_IS_OUTSIDE: bool = true;
    type Placement = ();
    fn key(&self) -> &[u8] {
        &self.0
    }
}

impl Element for Member {
    const STRINGS: u64 = 1;
    fn string_bytes(&self) -> u64 {
        key_bytes(self.0.len())
    }
}

/// A field of a hash.
#[derive(Debug)]
pub struct Field {
    name: Box<[u8]>,
    /// Its value.
    pub value: Box<[u8]>,
}

impl Field {
    /// A field with this name and value.
    pub fn new(name: &[u8], value: &[u8]) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
        }
    }
}

impl Entry for Field {
    type Key = [u8];
    const KEY_IS_OUTSIDE: bool = true;
    type Placement = ();
    fn key(&self) -> &[u8] {
        &self.name
    }
}

impl Element for Field {
    const STRINGS: u64 = 2;
    fn string_bytes(&self) -> u64 {
        key_bytes(self.name.len()) + key_bytes(self.value.len())
    }
}

/// What dictionaries of one database are made with.
#[derive(Clone, Copy, Debug)]
pub struct DictConfig {
    /// Whose rules they follow.
    pub rules: kvrig_tables::redis::rules::RedisRules,
    /// Their logical address space and the key of their hash function.
    pub table: TableConfig,
}

impl DictConfig {
    /// The same in another address space.
    pub const fn at(self, first_region: u16) -> Self {
        Self {
            rules: self.rules,
            table: TableConfig {
                regions: Regions::starting_at(first_region),
                hash_key: self.table.hash_key,
            },
        }
    }
}

/// A hash table inside a value.
#[derive(Debug)]
pub struct Dict<E: Entry> {
    table: RedisTable<E>,
    string_bytes: u64,
}

impl<E: Element> Dict<E> {
    /// An empty one.
    pub fn new(config: DictConfig) -> Self {
        Self {
            table: RedisTable::new(config.rules, config.table),
            string_bytes: 0,
        }
    }
    /// An empty one with room for so many entries.
    pub(super) fn with_room(config: DictConfig, entries: usize, work: &mut Work) -> Self {
        let mut dict = Self::new(config);
        dict.table.reserve(entries as u64, work);
        dict
    }
    /// Number of entries.
    pub fn len(&self) -> usize {
        usize::try_from(self.table.len()).expect("slots have 32 bits")
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }
    /// What Redis would have allocated.
    pub fn footprint(&self) -> Footprint {
        let buckets = self.table.bucket_bytes();
        let arrays = u64::from(buckets.old > 0) + u64::from(buckets.new > 0);
        let entries = self.table.len();
        Footprint {
            bytes: DICT_BYTES + buckets.total() + entries * ENTRY_BYTES + self.string_bytes,
            allocations: 1 + arrays + entries * (1 + E::STRINGS),
        }
    }
    /// What MEMORY USAGE says, of so many entries taken for all.
    pub(super) fn sampled_bytes(&self, samples: usize, work: &mut Work) -> u64 {
        let (mut sample, mut position) = (Sample::default(), Position::default());
        while sample.elements < samples
            && let Some(slot) = self.table.walk(&mut position, work)
        {
            sample.add(sampled::ENTRY_BYTES + self.table.entry(slot).string_bytes());
        }
        sample.scaled(self.table_bytes(), self.len())
    }
    /// The sizes of its structure and of its buckets.
    pub(super) fn table_bytes(&self) -> u64 {
        sampled::DICT_BYTES + self.table.buckets() * sampled::BUCKET_BYTES
    }
    /// The entry with this key. Takes one rehash step.
    pub fn get(&mut self, key: &[u8], work: &mut Work) -> Option<&E> {
        self.table.get(key, work)
    }
    /// Where the entry with this key is, until the table is changed or asked again. Takes one rehash
    /// step.
    pub(super) fn find(&mut self, key: &[u8], work: &mut Work) -> Option<Slot> {
        self.table.find(key, work)
    }
    /// The entry at a place.
    pub(super) fn at(&self, slot: Slot) -> &E {
        self.table.entry(slot)
    }
    /// The same to be changed, all but its strings.
    pub(super) fn at_mut(&mut self, slot: Slot, work: &mut Work) -> &mut E {
        self.table.entry_mut(slot, work)
    }
    /// Adds an entry unless its key is there, and says whether it was absent.
    pub fn insert(&mut self, entry: E, work: &mut Work) -> bool {
        let bytes = entry.string_bytes();
        let is_new = self.table.insert(entry, work).is_ok();
        self.string_bytes += if is_new { bytes } else { 0 };
        is_new
    }
    /// Changes the entry with this key, and says whether there is one.
    pub fn change(&mut self, key: &[u8], work: &mut Work, change: impl FnOnce(&mut E)) -> bool {
        let Some(entry) = self.table.get_mut(key, work) else {
            return false;
        };
        let before = entry.string_bytes();
        change(entry);
        self.string_bytes = self.string_bytes - before + entry.string_bytes();
        true
    }
    /// Removes the entry with this key, and gives the memory of a sparse table back.
    pub fn remove(&mut self, key: &[u8], work: &mut Work) -> Option<E> {
        let entry = self.table.remove(key, work)?;
        self.string_bytes -= entry.string_bytes();
        self.table.cron_resize(work);
        Some(entry)
    }
    /// Visits all entries.
    pub fn for_each(&self, work: &mut Work, mut visit: impl FnMut(&E, &mut Work)) {
        let mut position = Position::default();
        while let Some(slot) = self.table.walk(&mut position, work) {
            self.table.read_entry(slot, work);
            visit(self.table.entry(slot), work);
        }
    }
    /// Counts what giving all of it back takes beside the frees that its footprint tells: every
    /// bucket is looked at, every entry and its key are read, and large bucket arrays go back to the
    /// system (dictRelease).
    pub(crate) fn count_release(&self, work: &mut Work) {
        self.for_each(work, |_, _| ());
        let arrays = self.table.bucket_bytes();
        count_pages_released(arrays.old, work);
        count_pages_released(arrays.new, work);
    }
    /// Visits the entries of the bucket at `cursor` and returns the next cursor.
    pub fn scan(&self, cursor: u64, visit: &mut dyn FnMut(&E), work: &mut Work) -> u64 {
        self.table.scan(cursor, &mut |_, entry| visit(entry), work)
    }
    /// A random entry, drawn fairly: one of a sample (dictGetFairRandomKey).
    pub fn random(&mut self, random: &mut Sequence, work: &mut Work) -> Option<&E> {
        let mut sample: Vec<Slot> = Vec::with_capacity(FAIR_DRAW_ENTRIES);
        self.table
            .sample(FAIR_DRAW_ENTRIES, random, &mut sample, work);
        let slot = match sample.len() {
            0 => self.table.random(random, work)?,
            count => sample[random.below(count as u64) as usize],
        };
        Some(self.table.entry(slot))
    }
    /// Says whether the table may resize: less so while a forked child lives.
    pub fn set_resize_policy(&mut self, policy: ResizePolicy) {
        self.table.set_resize_policy(policy);
    }
}
