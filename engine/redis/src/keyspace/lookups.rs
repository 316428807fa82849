//! Look-ups that find a key and those that do not, as INFO tells them (keyspace_hits and
//! keyspace_misses).
//!
//! Redis counts those of lookupKeyRead, and a command decides key by key which function it calls.
//! Commands that only read call no other, so that all of theirs count; commands that may write note
//! the few of theirs that do.

use super::{Database, EventClasses, Keyspace};
use crate::node::{Call, ErrorReply};
use crate::value::Kind;
use kvrig_tables::Slot;

/// How many look-ups to read a key were made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lookups {
    /// Those that found it.
    pub(crate) hits: u64,
    /// Those that did not, or found that its time has passed.
    pub(crate) misses: u64,
}

impl Keyspace {
    /// Look-ups in all databases since the start.
    pub(crate) fn lookups(&self) -> Lookups {
        let mut sum = Lookups::default();
        for database in &self.databases {
            sum.hits += database.lookups.hits;
            sum.misses += database.lookups.misses;
        }
        sum
    }
}

impl Database {
    /// Lets a command look keys up to read them.
    #[inline]
    pub(crate) fn reading<R>(&mut self, read: impl FnOnce(&mut Self) -> R) -> R {
        let was_read = std::mem::replace(&mut self.is_read, true);
        let result = read(self);
        self.is_read = was_read;
        result
    }
    /// Counts a look-up to read a key.
    #[inline]
    pub(crate) fn note_lookup(&mut self, key: &[u8], is_hit: bool) {
        self.lookups.hits += u64::from(is_hit);
        if !is_hit {
            self.lookups.misses += 1;
            self.notify(EventClasses::MISSED, "keymiss", key);
        }
    }
    /// Finds a key to ask about it, which is not told where it is not there (LOOKUP_NONOTIFY).
    pub(crate) fn lookup_untold(&mut self, key: &[u8], call: &mut Call<'_>) -> Option<Slot> {
        let slot = self.look(key, call.now_ms, call.work);
        self.lookups.hits += u64::from(slot.is_some());
        self.lookups.misses += u64::from(slot.is_none());
        slot
    }
    /// As [`Database::find`], for a command that may write and here reads.
    pub(crate) fn find_to_read<'c, K: Kind>(
        &mut self,
        key: &[u8],
        call: &mut Call<'c>,
    ) -> Result<Option<Slot>, ErrorReply<'c>> {
        self.reading(|db| db.find::<K>(key, call))
    }
    /// As [`Database::lookup`], for a command that may write and here reads.
    pub(crate) fn lookup_to_read(&mut self, key: &[u8], call: &mut Call<'_>) -> Option<Slot> {
        self.reading(|db| db.lookup(key, call.now_ms, call.work))
    }
}
