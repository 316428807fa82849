//! What all threads of a server share: items behind item locks, counters, the clock.

use crate::config::Config;
use crate::item::Item;
use crate::number::parse_u64;
use crate::slab::{ITEM_BYTES_MAX, SlabClasses, item_bytes};
use kvrig_base::seam::sync::{SyncForm, Word};
use kvrig_base::seam::{Counter, Work};
use kvrig_base::time::{Time, Wall};
use kvrig_tables::memcached::StripedTable;
use kvrig_tables::memcached::striped::{ItemSlot, LockedBucket};
use kvrig_tables::{Entry as _, Regions};
use std::fmt;

/// Age in seconds that the server gives itself at its start, so that nothing happened at second 0
/// (`memcached:memcached.c`, ITEM_UPDATE_INTERVAL + 2).
const AGE_AT_START_S: u64 = 62;
/// Longest expiry that counts from now; a larger number is a unix time (REALTIME_MAXDELTA).
const RELATIVE_EXPIRY_S_MAX: i64 = 60 * 60 * 24 * 30;
/// Digits of the largest number of 64 bits.
const NUMBER_BYTES_MAX: usize = 20;
/// Bytes of a page of memory.
const PAGE_BYTES: u64 = 4_096;

/// How a value is to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreMode {
    /// Whether or not there is one.
    Set,
    /// Where there is none.
    Add,
    /// Where there is one.
    Replace,
    /// Behind the present one, whose flags and expiry stay.
    Append,
    /// Before the present one, whose flags and expiry stay.
    Prepend,
    /// Where the present one has this CAS value.
    Cas(u64),
}

/// What became of a value that was to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is stored.
    Stored,
    /// Its condition does not hold.
    NotStored,
    /// The present value has another CAS value.
    Exists,
    /// There is no value to compare with.
    NotFound,
    /// It is larger than an item may be.
    TooLarge,
}

/// What became of an increment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// The value is this number now.
    Number(u64),
    /// There is no value.
    NotFound,
    /// The value is no number.
    NotNumeric,
}

/// The store of one server.
pub struct Store<S: SyncForm> {
    table: StripedTable<Item, S>,
    classes: SlabClasses,
    /// The last CAS value given.
    cas: S::Word,
    /// The server's clock in seconds, which its clock thread sets once a second.
    clock_s: S::Word,
    /// Unix time at which that clock was at 0, in seconds.
    started_unix_s: i64,
    /// Memory of all items in chunks, and the most that it ever was, in bytes.
    item_bytes: S::Word,
    item_bytes_highest: S::Word,
}

impl<S: SyncForm> fmt::Debug for Store<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("table", &self.table)
            .field("clock_s", &self.clock_s.get())
            .finish_non_exhaustive()
    }
}

impl<S: SyncForm> Store<S> {
    /// An empty store of a server that starts at civil time `wall`.
    pub fn new(config: Config, wall: Wall) -> Self {
        Self::with_powers(config.hashpower, config.item_lock_power(), wall)
    }
    /// An empty store of 2^`hashpower` buckets behind 2^`lock_power` locks, for models and tests of
    /// a few buckets.
    ///
    /// # Panics
    /// If there are more locks than buckets.
    pub fn with_powers(hashpower: u32, lock_power: u32, wall: Wall) -> Self {
        let started = wall.unix_secs().saturating_sub(AGE_AT_START_S);
        Self {
            table: StripedTable::new(Regions::starting_at(0), hashpower, lock_power),
            classes: SlabClasses::default(),
            cas: S::Word::new(0),
            clock_s: S::Word::new(AGE_AT_START_S),
            started_unix_s: i64::try_from(started).unwrap_or(i64::MAX),
            item_bytes: S::Word::new(0),
            item_bytes_highest: S::Word::new(0),
        }
    }
    /// The hash table.
    pub fn table(&self) -> &StripedTable<Item, S> {
        &self.table
    }
    /// Memory of items, in chunks, and of bucket arrays, in bytes.
    pub fn used_memory(&self) -> u64 {
        self.item_bytes.get() + self.table.bucket_bytes().total()
    }
    /// Sets the server's clock, at `now` since the start of its node.
    pub(crate) fn set_clock(&self, now: Time) {
        self.clock_s
            .set(AGE_AT_START_S + now.since_start().as_nanos() / 1_000_000_000);
    }
    fn now(&self) -> u32 {
        self.clock_s.get() as u32
    }
    /// The second of the server's clock at which something expires that a client wants to expire
    /// at `exptime` (`memcached:memcached.c`, realtime).
    fn expiry(&self, exptime: i32) -> u32 {
        match i64::from(exptime) {
            0 => 0,
            ..0 => 1,
            at @ 1..=RELATIVE_EXPIRY_S_MAX => self.now() + at as u32,
            at if at <= self.started_unix_s => 1,
            at => (at - self.started_unix_s) as u32,
        }
    }
    /// Whether an item of that size is larger than the server takes.
    pub fn is_too_large(&self, key_bytes: usize, flags: u32, value_bytes: usize) -> bool {
        item_bytes(key_bytes, flags, value_bytes) > ITEM_BYTES_MAX
    }

    /// Finds the item of `key` and lets `found` read it under its lock; `exptime` is its new expiry.
    pub fn get<R>(
        &self,
        key: &[u8],
        exptime: Option<i32>,
        work: &mut Work,
        found: impl FnOnce(&Item) -> R,
    ) -> Option<R> {
        let value = self.table.with(key, work, |bucket, work| {
            let slot = self.find(bucket, key, work)?;
            if let Some(exptime) = exptime {
                bucket.item_mut(slot, work).expires = self.expiry(exptime);
            }
            let item = bucket.item(slot);
            let header = item.byte_len() - item.value().len() as u64;
            let place = (bucket.address(slot), header, item.value().len() as u64);
            Some((found(item), place))
        });
        // What the item points the reply to is read when the reply is written, behind the lock.
        value.map(|(value, ((region, offset), header, bytes))| {
            work.read_bytes(region, offset + header, bytes);
            value
        })
    }
    /// Sets the expiry of `key` and says whether it is there.
    pub fn touch(&self, key: &[u8], exptime: i32, work: &mut Work) -> bool {
        self.get(key, Some(exptime), work, |_| ()).is_some()
    }
    /// Removes `key` and says whether it was there.
    pub fn delete(&self, key: &[u8], work: &mut Work) -> bool {
        self.table.with(key, work, |bucket, work| {
            let found = self.find(bucket, key, work).is_some();
            if found {
                self.unlink(bucket, key, work);
            }
            found
        })
    }
    /// Stores a value. One that is too large is not stored, and takes the present one of its key
    /// with it where it was to be set (`memcached:proto_text.c`, process_update_command).
    pub fn store(
        &self,
        mode: StoreMode,
        key: &[u8],
        (flags, exptime): (u32, i32),
        value: &[u8],
        work: &mut Work,
    ) -> Stored {
        if self.is_too_large(key.len(), flags, value.len()) {
            if mode == StoreMode::Set {
                self.delete(key, work);
            }
            return Stored::TooLarge;
        }
        // The item is made and filled before its lock is asked for.
        let item = Item::new(key, flags, self.expiry(exptime), [value, &[]]);
        work.count(Counter::AllocationsSmall, 1);
        work.count(Counter::BytesCopied, (key.len() + value.len()) as u64);
        let stored = self.table.with(key, work, |bucket, work| {
            let slot = self.find(bucket, key, work);
            match (mode, slot) {
                (StoreMode::Set, _) | (StoreMode::Add, None) | (StoreMode::Replace, Some(_)) => {
                    self.put(bucket, slot, item, work);
                    Stored::Stored
                }
                (StoreMode::Cas(cas), Some(present)) => {
                    if bucket.item(present).cas != cas {
                        return Stored::Exists;
                    }
                    self.put(bucket, slot, item, work);
                    Stored::Stored
                }
                (StoreMode::Append | StoreMode::Prepend, Some(present)) => {
                    self.join(bucket, present, mode, &item, work)
                }
                (StoreMode::Cas(_), None) => Stored::NotFound,
                _ => Stored::NotStored,
            }
        });
        if stored != Stored::Stored || matches!(mode, StoreMode::Append | StoreMode::Prepend) {
            work.count(Counter::Frees, 1);
        }
        stored
    }
    /// Adds `delta` to the number that the value is, around the end, or takes it off, down to zero.
    pub fn count(&self, key: &[u8], delta: u64, increments: bool, work: &mut Work) -> Counted {
        self.table.with(key, work, |bucket, work| {
            let Some(slot) = self.find(bucket, key, work) else {
                return Counted::NotFound;
            };
            let item = bucket.item(slot);
            work.count(Counter::BytesScanned, item.value().len() as u64);
            let Some(present) = (!item.value().is_empty())
                .then(|| parse_u64(item.value()))
                .flatten()
            else {
                return Counted::NotNumeric;
            };
            let number = match increments {
                true => present.wrapping_add(delta),
                false => present.saturating_sub(delta),
            };
            let mut digits = [0; NUMBER_BYTES_MAX];
            let digits = write_number(number, &mut digits);
            work.count(Counter::BytesCopied, digits.len() as u64);
            if digits.len() <= item.value().len() {
                // Written over the present digits, with blanks behind.
                let cas = self.next_cas();
                let item = bucket.item_mut(slot, work);
                item.cas = cas;
                let (head, tail) = item.value_mut().split_at_mut(digits.len());
                head.copy_from_slice(digits);
                tail.fill(b' ');
            } else {
                work.count(Counter::AllocationsSmall, 1);
                let longer = Item::new(key, item.flags, item.expires, [digits, &[]]);
                self.put(bucket, Some(slot), longer, work);
            }
            Counted::Number(number)
        })
    }
    /// Stores a value while no thread runs, to begin with a full store. A key that is there stays as
    /// it is.
    pub fn load(&self, key: &[u8], value: &[u8], work: &mut Work) {
        self.table.unreported(key, |bucket| {
            if bucket.find(key, work).is_none() {
                self.put(bucket, None, Item::new(key, 0, 0, [value, &[]]), work);
            }
        });
    }

    /// The item of `key`, if it is there and has not expired; one that has goes.
    #[inline]
    fn find(
        &self,
        bucket: &mut LockedBucket<'_, Item, S>,
        key: &[u8],
        work: &mut Work,
    ) -> Option<ItemSlot> {
        let slot = bucket.find(key, work)?;
        if bucket.item(slot).has_expired(self.now()) {
            self.unlink(bucket, key, work);
            return None;
        }
        Some(slot)
    }
    fn next_cas(&self) -> u64 {
        self.cas.add(1) + 1
    }
    /// Links `item`, in the place of the present one if there is one.
    fn put(
        &self,
        bucket: &mut LockedBucket<'_, Item, S>,
        present: Option<ItemSlot>,
        mut item: Item,
        work: &mut Work,
    ) {
        item.cas = self.next_cas();
        self.take_memory(&item, work);
        match present {
            None => _ = bucket.link(item, work),
            Some(slot) => {
                let old = bucket.replace(slot, item, work);
                self.give_memory(&old, work);
            }
        }
    }
    fn unlink(&self, bucket: &mut LockedBucket<'_, Item, S>, key: &[u8], work: &mut Work) {
        if let Some(old) = bucket.unlink(key, work) {
            self.give_memory(&old, work);
        }
    }
    /// Stores present and new value one behind the other.
    fn join(
        &self,
        bucket: &mut LockedBucket<'_, Item, S>,
        slot: ItemSlot,
        mode: StoreMode,
        added: &Item,
        work: &mut Work,
    ) -> Stored {
        let present = bucket.item(slot);
        let bytes = present.value().len() + added.value().len();
        if self.is_too_large(present.key().len(), present.flags, bytes) {
            return Stored::NotStored;
        }
        let parts = match mode {
            StoreMode::Append => [present.value(), added.value()],
            _ => [added.value(), present.value()],
        };
        let joined = Item::new(present.key(), present.flags, present.expires, parts);
        work.count(Counter::AllocationsSmall, 1);
        work.count(Counter::BytesCopied, (joined.key().len() + bytes) as u64);
        self.put(bucket, Some(slot), joined, work);
        Stored::Stored
    }
    /// Books the chunk of an item, whose pages are new beyond the most that was ever in use.
    fn take_memory(&self, item: &Item, work: &mut Work) {
        let chunk = self.classes.chunk_bytes(item.byte_len());
        let after = self.item_bytes.add(chunk) + chunk;
        let highest = self.item_bytes_highest.get();
        if after > highest {
            self.item_bytes_highest.set(after);
            let pages = after.div_ceil(PAGE_BYTES) - highest.div_ceil(PAGE_BYTES);
            if pages > 0 {
                work.count(Counter::PagesFaulted, pages);
            }
        }
    }
    fn give_memory(&self, item: &Item, work: &mut Work) {
        let chunk = self.classes.chunk_bytes(item.byte_len());
        self.item_bytes.add(chunk.wrapping_neg());
        work.count(Counter::Frees, 1);
    }
}

/// The digits of a number, at the end of `buffer`.
pub(crate) fn write_number(mut number: u64, buffer: &mut [u8; NUMBER_BYTES_MAX]) -> &[u8] {
    let mut start = NUMBER_BYTES_MAX;
    loop {
        start -= 1;
        buffer[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &buffer[start..];
        }
    }
}
