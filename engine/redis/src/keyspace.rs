//! The databases: a table of all keys and a table of those that expire.
//!
//! Every method looks into the tables exactly as often as the function of Redis that it is named
//! after, also where that is wasteful, because each look is work and takes one step of a rehash that
//! goes on. A SET of a new key thus takes three steps: it is looked up, added, and looked up once
//! more by the assertion in removeExpire (`redis:src/db.c` 7.0.15). A rehash that begins at 2^k keys
//! therefore ends, under SETs of new keys alone, at about 2^k x (1 + (1 - 1/e)/3) = 1.21 x 2^k keys,
//! where a table under bare inserts would need 1.63 x 2^k.

mod changes;
mod expiring;
mod limits;
mod lists;
mod lookups;
mod notices;
mod observed;
mod sampling;
mod usage;

pub(crate) use limits::Limits;
pub(crate) use lookups::Lookups;
pub use notices::EventClasses;
pub(crate) use notices::Notices;
pub(crate) use observed::Change;
pub(crate) use usage::{StatedUse, Usage};

use crate::config::{Config, DATABASES_MAX};
use crate::memory::{
    EXPIRY_BYTES, SIZE_CLASSES, STARTUP_BYTES, bucket_array_bytes, entry_bytes, size_class,
    size_class_index, value_bytes,
};
use crate::node::{Call, ErrorReply, Outcome};
use crate::record::{Expiry, Record, StoredKey};
use crate::value::dict::DictConfig;
use crate::value::sorted_set::SortedSetConfig;
use crate::value::{Kind, StringValue, Value};
use changes::Changes;
use kvrig_base::random::{Seed, Sequence, Stream};
use kvrig_base::seam::{Counter, Counts, Region, Work};
use kvrig_base::time::Span;
use kvrig_tables::redis::rules::{RedisRules, RedisVersion};
use kvrig_tables::{
    Position, Regions, ResizePolicy, Slot, Table, TableConfig, TableEvent, TableKind,
};
use observed::{Concerns, Observed};
use std::cell::Cell;
use usage::{Marking, UsageClock};

/// Allocations from this size on may go to the system (see
/// [`kvrig_base::seam::Counter::AllocationsLarge`]).
const LARGE_ALLOCATION_BYTES: usize = 32 * 1024;
/// Up to which effort UNLINK releases a value itself (LAZYFREE_THRESHOLD).
const FREE_EFFORT_ON_THE_SPOT_MAX: u64 = 64;
/// The object and string headers in front of the bytes of a value.
const VALUE_HEADER_BYTES: u64 = 19;
/// Region numbers of one database: two tables, then one for each size class of values.
const REGIONS_PER_DATABASE: u16 = 2 * Regions::COUNT + SIZE_CLASSES;

/// Region numbers of tables inside values, behind those of all databases.
const FIRST_DICT_REGION: u16 = DATABASES_MAX as u16 * REGIONS_PER_DATABASE;
/// How many such tables have regions of their own.
const DICTS_APART: u16 = (u16::MAX - FIRST_DICT_REGION) / Regions::COUNT;

const _: () = assert!(DATABASES_MAX * REGIONS_PER_DATABASE as u64 <= u16::MAX as u64);

/// All databases of a node.
#[derive(Debug)]
pub struct Keyspace {
    databases: Vec<Database>,
    /// No command has chosen a database from here on.
    used: usize,
    /// The clock that uses of keys are written down by.
    usage: UsageClock,
    marking: Marking,
}

/// Which of the two tables of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableRole {
    /// The table of all keys.
    Keys,
    /// The table of the keys that expire.
    Expires,
}

/// How a key is set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SetKey {
    /// Whether the key is there.
    pub(crate) is_present: bool,
    /// Whether its expiry stays.
    pub(crate) keeps_expiry: bool,
}

/// One database.
#[derive(Debug)]
pub struct Database {
    keys: Box<dyn Table<Record>>,
    expires: Box<dyn Table<Expiry>>,
    /// Modelled bytes of keys, values and expiries; bucket arrays are asked for, or modelled too.
    entry_bytes: u64,
    models_bucket_arrays: bool,
    /// Whether small integers that are stored now take no memory of their own.
    integers_are_shared: bool,
    limits: Limits,
    /// What tables inside values are made with.
    dict: DictConfig,
    /// Tables made so far inside values.
    dicts_made: u16,
    policy: ResizePolicy,
    random: Sequence,
    /// Levels of skip lists.
    levels: Stream,
    value_region: u16,
    usage: UsageClock,
    marking: Marking,
    /// Draws of the counters of uses.
    uses: Sequence,
    /// Keys removed since the start because their time had passed.
    expired_keys: u64,
    /// Whether look-ups are those of a command that reads.
    is_read: bool,
    lookups: Lookups,
    /// Where the next sample of keys that expire begins.
    expires_cursor: u64,
    /// How long keys that expire have still to live, as samples have found.
    mean_left_ms: i64,
    /// Keys whose changes are waited for, where there are any.
    observed: Option<Box<Observed>>,
    /// Where events are put, if anybody hears of them.
    notices: Option<Notices>,
    /// What was changed since this was asked last.
    changes: Changes,
}

impl Keyspace {
    /// Empty databases on tables of this kind, placed by this key of the hash function.
    pub(crate) fn new(config: &Config, kind: TableKind, seed: Seed) -> Self {
        let hash_key = seed.stream("hash-key").at(0, 0).0;
        // Values are those of Redis, whatever table holds all keys.
        let version = match kind {
            TableKind::Redis74 => RedisVersion::V74,
            _ => RedisVersion::V70,
        };
        let database = |index| {
            let first = index * REGIONS_PER_DATABASE;
            let table = |first| TableConfig {
                regions: Regions::starting_at(first),
                hash_key,
            };
            Database {
                keys: kvrig_tables::build(kind, table(first)),
                expires: kvrig_tables::build(kind, table(first + Regions::COUNT)),
                entry_bytes: 0,
                models_bucket_arrays: config.models_bucket_arrays,
                integers_are_shared: config.shares_integers(),
                limits: Limits::of(config),
                dict: DictConfig {
                    rules: RedisRules::of(version),
                    table: table(first),
                },
                dicts_made: 0,
                policy: ResizePolicy::Allow,
                random: seed.stream("database").sequence(u64::from(index)),
                levels: seed.stream("skip-list-levels"),
                value_region: first + 2 * Regions::COUNT,
                usage: UsageClock::default(),
                marking: Marking::default(),
                uses: seed.stream("uses").sequence(u64::from(index)),
                expired_keys: 0,
                is_read: false,
                lookups: Lookups::default(),
                expires_cursor: 0,
                mean_left_ms: 0,
                observed: None,
                notices: None,
                changes: Changes::default(),
            }
        };
        let mut keyspace = Self {
            databases: (0..config.databases).map(database).collect(),
            used: 0,
            usage: UsageClock::default(),
            marking: Marking::default(),
        };
        keyspace.set_event_classes(config.notify_keyspace_events);
        keyspace
    }
    /// Number of databases up to the last that a command has chosen.
    pub(crate) fn used(&self) -> usize {
        self.used
    }
    /// Says to all tables whether they may resize.
    pub(crate) fn set_resize_policy(&mut self, policy: ResizePolicy) {
        for database in &mut self.databases {
            database.policy = policy;
            database.keys.set_resize_policy(policy);
            database.expires.set_resize_policy(policy);
        }
    }
    /// Lets no table take more than what is left below `maxmemory` bytes, since a command may write
    /// to another database than its own.
    pub(crate) fn limit_growth(&mut self, maxmemory: u64) {
        let headroom = Some(maxmemory.saturating_sub(self.used_memory()));
        for database in &mut self.databases[..self.used] {
            database.keys.set_growth_headroom(headroom);
            database.expires.set_growth_headroom(headroom);
        }
    }
    /// The timer's check of the sizes of a database's tables (tryResizeHashTables).
    pub(crate) fn cron_resize(&mut self, index: usize, work: &mut Work) {
        let database = &mut self.databases[index];
        database.keys.cron_resize(work);
        database.expires.cron_resize(work);
    }
    /// The timer's share of a rehash in a database: of the keys, else of the expiries
    /// (incrementallyRehash). Says whether there was anything to do.
    pub(crate) fn cron_rehash(&mut self, index: usize, budget: Span, work: &mut Work) -> bool {
        let database = &mut self.databases[index];
        database.keys.cron_rehash(budget, work) || database.expires.cron_rehash(budget, work)
    }
    /// Number of databases.
    pub fn count(&self) -> usize {
        self.databases.len()
    }
    /// The database with this number.
    ///
    /// # Panics
    /// If there is none.
    pub fn database(&self, index: usize) -> &Database {
        &self.databases[index]
    }
    /// The same, to be used.
    pub(crate) fn database_mut(&mut self, index: usize) -> &mut Database {
        self.used = self.used.max(index + 1);
        &mut self.databases[index]
    }
    /// What used_memory of Redis 7.0 would show, buffers of clients aside, in bytes.
    pub fn used_memory(&self) -> u64 {
        STARTUP_BYTES
            + self.databases[..self.used]
                .iter()
                .map(Database::bytes)
                .sum::<u64>()
    }
    /// Keys removed since the start because their time had passed.
    pub(crate) fn expired_keys(&self) -> u64 {
        self.databases
            .iter()
            .map(|database| database.expired_keys)
            .sum()
    }
    /// Takes over what the configuration says. Values keep their encodings until they are changed,
    /// and tables may grow without limit until the next write asks.
    pub(crate) fn apply(&mut self, config: &Config) {
        self.set_usage_rules(config);
        self.set_event_classes(config.notify_keyspace_events);
        for database in &mut self.databases {
            database.limits = Limits::of(config);
            database.integers_are_shared = config.shares_integers();
            database.keys.set_growth_headroom(None);
            database.expires.set_growth_headroom(None);
        }
    }
    /// Removes all keys of all databases.
    pub(crate) fn clear_all(&mut self, work: &mut Work) {
        for database in &mut self.databases[..self.used] {
            database.clear(work);
        }
    }
}

impl Database {
    /// The table of all keys.
    pub fn keys(&self) -> &dyn Table<Record> {
        &*self.keys
    }
    /// The table of the keys that expire.
    pub fn expires(&self) -> &dyn Table<Expiry> {
        &*self.expires
    }
    /// Gives empty tables the size for so many keys, of which so many expire.
    pub(crate) fn reserve(&mut self, keys: u64, expiring: u64, work: &mut Work) {
        if keys > 0 {
            self.keys.reserve(keys, work);
        }
        if expiring > 0 {
            self.expires.reserve(expiring, work);
        }
    }
    /// The oldest event of either table that was not taken yet.
    pub(crate) fn take_event(&mut self) -> Option<(TableRole, TableEvent)> {
        let of_keys = self.keys.take_event().map(|event| (TableRole::Keys, event));
        of_keys.or_else(|| {
            self.expires
                .take_event()
                .map(|event| (TableRole::Expires, event))
        })
    }
    /// Modelled bytes of keys, values, expiries and bucket arrays.
    pub fn bytes(&self) -> u64 {
        let buckets = match self.models_bucket_arrays {
            true => bucket_array_bytes(self.keys.len()) + bucket_array_bytes(self.expires.len()),
            false => self.keys.bucket_bytes().total() + self.expires.bucket_bytes().total(),
        };
        self.entry_bytes + buckets
    }
    /// The value stored at `slot`.
    pub(crate) fn value(&self, slot: Slot) -> &Value {
        &self.keys.entry(slot).value
    }

    /// What a table inside a new value is made with. Region numbers are given out in turn, and
    /// again once all are: tables that share one are far apart in time.
    pub(crate) fn new_dict(&mut self) -> DictConfig {
        let number = self.dicts_made;
        self.dicts_made = (number + 1) % DICTS_APART;
        self.dict.at(FIRST_DICT_REGION + number * Regions::COUNT)
    }
    /// What a new sorted set is made with.
    pub(crate) fn sorted_set_config(&mut self) -> SortedSetConfig {
        let dict = self.new_dict();
        SortedSetConfig {
            limits: self.limits.sorted_set_pack,
            dict,
            levels: self.levels.sequence(dict.table.regions.entries.0.into()),
        }
    }
    /// Draws of commands that choose at random.
    pub(crate) fn random(&mut self) -> &mut Sequence {
        &mut self.random
    }
    /// What the configuration says of values.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }
    /// The value at `slot`, which is of this kind: only slots that [`Database::find`] gave are asked.
    pub(crate) fn get<K: Kind>(&self, slot: Slot) -> &K {
        K::of(self.value(slot)).expect("the kind was checked when the key was found")
    }
    /// Finds a key that is not expired, to be used, and checks that its value is of one kind.
    #[inline]
    pub(crate) fn find<'c, K: Kind>(
        &mut self,
        key: &[u8],
        call: &mut Call<'c>,
    ) -> Result<Option<Slot>, ErrorReply<'c>> {
        match self.lookup(key, call.now_ms, call.work) {
            Some(slot) => self.check::<K>(slot).map(|()| Some(slot)),
            None => Ok(None),
        }
    }
    /// Checks that the value at `slot` is of one kind.
    #[inline]
    pub(crate) fn check<'c, K: Kind>(&self, slot: Slot) -> Result<(), ErrorReply<'c>> {
        match K::of(self.value(slot)) {
            Some(_) => Ok(()),
            None => Err(ErrorReply::WrongType),
        }
    }
    /// Changes the collection at `slot` where it is; a key whose collection is empty then is
    /// removed, which takes a look-up.
    pub(crate) fn change<K: Kind, R>(
        &mut self,
        key: &[u8],
        slot: Slot,
        work: &mut Work,
        change: impl FnOnce(&mut K, &mut Work) -> R,
    ) -> R {
        self.change_if(key, slot, work, |value, work| (change(value, work), true))
    }
    /// The same where it may turn out that there is nothing to be changed; `change` says whether
    /// there was.
    pub(crate) fn change_if<K: Kind, R>(
        &mut self,
        key: &[u8],
        slot: Slot,
        work: &mut Work,
        change: impl FnOnce(&mut K, &mut Work) -> (R, bool),
    ) -> R {
        let policy = self.policy;
        let ((result, is_changed), is_empty) = self.change_value(slot, work, |value, work| {
            let value = K::of_mut(value).expect("the kind was checked when the key was found");
            value.set_resize_policy(policy);
            let result = change(value, work);
            (result, value.is_empty())
        });
        if is_changed && !is_empty {
            self.note_modified(key);
        }
        if is_empty {
            self.delete(key, work);
        }
        result
    }
    /// Looks something up in the collection at `slot`, which may take a step of a rehash inside it.
    pub(crate) fn look_into<K: Kind, R>(
        &mut self,
        key: &[u8],
        slot: Slot,
        work: &mut Work,
        look: impl FnOnce(&mut K, &mut Work) -> R,
    ) -> R {
        self.change_if(key, slot, work, |value, work| (look(value, work), false))
    }
    /// Finds a key that is not expired, to be used (lookupKey). An expired one is removed.
    #[inline]
    pub(crate) fn lookup(&mut self, key: &[u8], now_ms: i64, work: &mut Work) -> Option<Slot> {
        let slot = self.lookup_without_use(key, now_ms, work)?;
        self.mark_used(slot, work);
        Some(slot)
    }
    /// The same for commands that only ask about the key (LOOKUP_NOTOUCH).
    #[inline]
    pub(crate) fn lookup_without_use(
        &mut self,
        key: &[u8],
        now_ms: i64,
        work: &mut Work,
    ) -> Option<Slot> {
        let slot = self.look(key, now_ms, work);
        if self.is_read {
            self.note_lookup(key, slot.is_some());
        }
        slot
    }
    /// Finds a key that is not expired, which nothing tells of.
    #[inline]
    pub(super) fn look(&mut self, key: &[u8], now_ms: i64, work: &mut Work) -> Option<Slot> {
        let slot = self.keys.find(key, work);
        slot.filter(|_| !self.remove_if_expired(key, now_ms, work))
    }
    /// Removes the key if its time has passed, and says whether it did (expireIfNeeded).
    #[inline]
    pub(crate) fn remove_if_expired(&mut self, key: &[u8], now_ms: i64, work: &mut Work) -> bool {
        match self.expiry(key, work) {
            Some(at_ms) if now_ms > at_ms => {
                self.expired_keys += 1;
                // That its time has passed is no change that a client has made.
                let changes = self.changes;
                let is_removed = self.delete(key, work);
                self.changes = changes;
                self.notify(EventClasses::EXPIRED, "expired", key);
                is_removed
            }
            _ => false,
        }
    }
    /// The unix time in milliseconds up to which the key lives, if it expires (getExpire).
    #[inline]
    pub(crate) fn expiry(&mut self, key: &[u8], work: &mut Work) -> Option<i64> {
        if self.expires.is_empty() {
            return None;
        }
        let slot = self.expires.find(key, work)?;
        // Redis asserts that the key itself is there too, which takes a step.
        self.keys.find(key, work);
        Some(self.expires.entry(slot).at_ms)
    }
    /// Looks a key up whose slot is known, where Redis does so, for the step that it takes.
    pub(crate) fn find_again(&mut self, key: &[u8], work: &mut Work) -> bool {
        self.keys.find(key, work).is_some()
    }
    /// Adds a key that is not there (dbAdd).
    pub(crate) fn add(&mut self, key: &[u8], value: Value, work: &mut Work) -> Slot {
        let slot = self.add_if_absent(key, value, work);
        let slot = slot.unwrap_or_else(|| unreachable!("only absent keys are added: {key:?}"));
        self.notify(EventClasses::NEW, "new", key);
        slot
    }
    /// Adds a key, unless it is there.
    pub(crate) fn add_if_absent(
        &mut self,
        key: &[u8],
        value: Value,
        work: &mut Work,
    ) -> Option<Slot> {
        let shares_integer = self.would_share(&value);
        let bytes = entry_bytes(key.len()) + value_bytes(&value, shares_integer);
        if StoredKey::allocates(key.len()) {
            count_allocation(key.len(), work);
        }
        work.count(Counter::BytesCopied, key.len() as u64);
        let record = Record {
            key: StoredKey::new(key),
            value,
            usage: Cell::new(self.usage.fresh()),
            shares_integer,
        };
        let slot = self.keys.insert(record, work).ok()?;
        self.entry_bytes += bytes;
        self.touch_value(slot, true, work);
        self.note_addition(key, slot);
        Some(slot)
    }
    /// Gives a key that is there another value (dbOverwrite), which an LFU policy takes to be used as
    /// often as the former.
    pub(crate) fn overwrite(&mut self, key: &[u8], value: Value, work: &mut Work) {
        let slot = self
            .keys
            .find(key, work)
            .expect("only present keys are overwritten");
        let before = self.change_value(slot, work, |present, work| {
            present.count_release(work);
            std::mem::replace(present, value)
        });
        self.mark_replaced(slot);
        self.note_loss(key, &before, true);
    }
    /// Changes a value where it is.
    pub(crate) fn change_value<R>(
        &mut self,
        slot: Slot,
        work: &mut Work,
        change: impl FnOnce(&mut Value, &mut Work) -> R,
    ) -> R {
        let record = self.keys.entry_mut(slot, work);
        let before = value_bytes(&record.value, record.shares_integer);
        let result = change(&mut record.value, work);
        record.shares_integer = self.integers_are_shared && record.value.is_small_integer();
        let after = value_bytes(&record.value, record.shares_integer);
        self.entry_bytes = self.entry_bytes - before + after;
        self.touch_value(slot, true, work);
        result
    }
    /// Adds a key or gives it another value, knowing whether it is there; its expiry is removed
    /// unless it is to be kept (setKey).
    pub(crate) fn set(&mut self, key: &[u8], value: Value, how: SetKey, work: &mut Work) {
        match how.is_present {
            true => self.overwrite(key, value, work),
            false => {
                self.add(key, value, work);
            }
        }
        if !how.keeps_expiry {
            self.remove_expiry(key, work);
        }
    }
    /// Removes the expiry of a key that is there, and says whether it had one (removeExpire).
    pub(crate) fn remove_expiry(&mut self, key: &[u8], work: &mut Work) -> bool {
        // Redis asserts that the key itself is there, which takes a step.
        self.keys.find(key, work);
        let removed = self.drop_expiry(key, work);
        if removed {
            self.note_modified(key);
        }
        removed
    }
    /// Lets a key that is there live up to `at_ms` (setExpire).
    pub(crate) fn set_expiry(&mut self, key: &[u8], at_ms: i64, work: &mut Work) {
        self.keys.find(key, work);
        match self.expires.insert(
            Expiry {
                key: StoredKey::new(key),
                at_ms,
            },
            work,
        ) {
            Ok(_) => self.entry_bytes += EXPIRY_BYTES,
            Err(occupied) => self.expires.entry_mut(occupied.slot, work).at_ms = at_ms,
        }
        self.note_modified(key);
    }
    /// Takes the value at `slot` away, whose key is then to be removed.
    pub(crate) fn take_value(&mut self, slot: Slot, work: &mut Work) -> Value {
        let nothing = Value::String(StringValue::Integer(0));
        self.change_value(slot, work, |value, _| std::mem::replace(value, nothing))
    }
    /// Removes a key and its expiry, and says whether it was there (dbSyncDelete).
    pub(crate) fn delete(&mut self, key: &[u8], work: &mut Work) -> bool {
        match self.unlink(key, work) {
            Some(value) => {
                value.count_release(work);
                true
            }
            None => false,
        }
    }
    /// Removes a key and its expiry (dbAsyncDelete). A value whose release is much work is left to a
    /// thread: what that takes is returned with whether the key was there.
    pub(crate) fn delete_aside(&mut self, key: &[u8], work: &mut Work) -> (bool, Option<Counts>) {
        match self.unlink(key, work) {
            None => (false, None),
            Some(value) if value.free_effort() > FREE_EFFORT_ON_THE_SPOT_MAX => {
                let mut aside = Work::unpriced();
                value.count_release(&mut aside);
                (true, Some(aside.counts()))
            }
            Some(value) => {
                value.count_release(work);
                (true, None)
            }
        }
    }
    /// Takes a key and its expiry out; the value is still to be released.
    fn unlink(&mut self, key: &[u8], work: &mut Work) -> Option<Value> {
        self.drop_expiry(key, work);
        let record = self.keys.remove(key, work)?;
        let value = value_bytes(&record.value, record.shares_integer);
        self.entry_bytes -= entry_bytes(key.len()) + value;
        work.count(Counter::Frees, u64::from(StoredKey::allocates(key.len())));
        self.note_loss(key, &record.value, false);
        Some(record.value)
    }
    fn drop_expiry(&mut self, key: &[u8], work: &mut Work) -> bool {
        if self.expires.is_empty() {
            return false;
        }
        let removed = self.expires.remove(key, work).is_some();
        if removed {
            self.entry_bytes -= EXPIRY_BYTES;
        }
        removed
    }
    /// Removes all keys (emptyDbStructure).
    pub(crate) fn clear(&mut self, work: &mut Work) {
        if let Some(mut observed) = self.observed.take() {
            let there: Vec<(Box<[u8]>, Concerns)> = observed
                .keys()
                .filter_map(|key| {
                    let slot = self.keys.peek(key)?;
                    Some((key.into(), Concerns::of_loss(self.value(slot))))
                })
                .collect();
            for (key, concerns) in there {
                observed.note(&key, false, concerns);
            }
            self.observed = Some(observed);
        }
        self.state_changes(self.keys.len());
        self.count_release(work);
        self.keys.clear(work);
        self.expires.clear(work);
        self.entry_bytes = 0;
    }
    /// Counts what the keys and values take that are about to be released with their table: the
    /// table itself counts its buckets and entries.
    fn count_release(&self, work: &mut Work) {
        let (mut position, uncounted) = (Position::default(), &mut Work::unkept());
        while let Some(slot) = self.keys.walk(&mut position, uncounted) {
            self.keys.read_entry(slot, work);
            let record = self.keys.entry(slot);
            let key = StoredKey::allocates(record.key.as_slice().len());
            work.count(Counter::Frees, u64::from(key));
            record.value.count_release(work);
        }
    }

    /// Writes the string at `slot` as a reply.
    #[inline]
    pub(crate) fn reply_string<'c>(&self, slot: Slot, call: &mut Call<'c>) -> Outcome<'c> {
        self.touch_value(slot, false, call.work);
        call.reply_bulk(self.get::<StringValue>(slot).bytes().as_slice())
    }
    /// Records that the value at `slot` is read or written. Where values of one size class lie side
    /// by side, as an allocator of size classes places them, the slot tells the place.
    fn touch_value(&self, slot: Slot, writes: bool, work: &mut Work) {
        let stored = self.value(slot).stored_len() as u64;
        if stored == 0 {
            return;
        }
        let class = size_class(VALUE_HEADER_BYTES + stored + 1);
        let region = Region(self.value_region + size_class_index(class));
        let offset = slot.index() as u64 * class;
        match writes {
            true => work.write_bytes(region, offset, VALUE_HEADER_BYTES + stored),
            false => work.read_bytes(region, offset, VALUE_HEADER_BYTES + stored),
        }
    }

    /// Visits the keys of the bucket at `cursor` and returns the next cursor.
    pub(crate) fn scan(&self, cursor: u64, visit: &mut dyn FnMut(&[u8]), work: &mut Work) -> u64 {
        self.keys
            .scan(cursor, &mut |_, record| visit(record.key.as_slice()), work)
    }
}

/// Counts an allocation of `bytes` by its size.
pub(crate) fn count_allocation(bytes: usize, work: &mut Work) {
    let counter = match bytes {
        0..LARGE_ALLOCATION_BYTES => Counter::AllocationsSmall,
        _ => Counter::AllocationsLarge,
    };
    work.count(counter, 1);
}
