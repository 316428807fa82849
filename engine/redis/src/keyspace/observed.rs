//! Keys whose changes somebody waits for: clients that watch them, and clients that are blocked on
//! them. A database that nobody observes keeps none, and its writes ask for nothing more than that.

use super::{Database, Keyspace};
use crate::value::Value;
use kvrig_tables::Slot;
use std::collections::BTreeMap;

/// Whom a change concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Concerns {
    /// Those who watch the key (signalModifiedKey).
    Watchers,
    /// Those who wait for it (signalKeyAsReady).
    Waiters,
    /// Both.
    All,
}

impl Concerns {
    /// Whom a new value concerns.
    fn of_gain(gained: &Value) -> Self {
        match gained {
            Value::List(_) | Value::SortedSet(_) | Value::Stream(_) => Self::All,
            Value::String(_) | Value::Set(_) | Value::Hash(_) => Self::Watchers,
        }
    }
    /// Whom the loss of a value concerns: of those who wait, only those who wait for a stream.
    pub(crate) fn of_loss(lost: &Value) -> Self {
        match lost {
            Value::Stream(_) => Self::All,
            _ => Self::Watchers,
        }
    }
    /// Whether those are concerned who watch the key.
    pub(crate) fn watchers(self) -> bool {
        self != Self::Waiters
    }
    /// Whether those are concerned who wait for it.
    pub(crate) fn waiters(self) -> bool {
        self != Self::Watchers
    }
}

/// A change of a key that is observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) key: Box<[u8]>,
    /// Whether the key is there after it.
    pub(crate) is_present: bool,
    pub(crate) concerns: Concerns,
}

/// The observed keys of one database, with the changes that were not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    /// How many observe each.
    keys: BTreeMap<Box<[u8]>, usize>,
    changes: Vec<Change>,
}

impl Observed {
    /// Observes a key once more.
    pub(crate) fn add(&mut self, key: &[u8]) {
        match self.keys.get_mut(key) {
            Some(observers) => *observers += 1,
            None => {
                self.keys.insert(key.into(), 1);
            }
        }
    }
    /// Observes a key once less.
    pub(crate) fn remove(&mut self, key: &[u8]) {
        if let Some(observers) = self.keys.get_mut(key) {
            *observers -= 1;
            if *observers == 0 {
                self.keys.remove(key);
            }
        }
    }
    /// Whether nothing is observed.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
    /// Takes note of a change.
    pub(crate) fn note(&mut self, key: &[u8], is_present: bool, concerns: Concerns) {
        if self.keys.contains_key(key) {
            let key = key.into();
            self.changes.push(Change {
                key,
                is_present,
                concerns,
            });
        }
    }
    /// The keys that are observed.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.keys().map(|key| &**key)
    }
    /// The changes since this was asked last, in order.
    pub(crate) fn take(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }
}

impl Keyspace {
    /// Lets two databases change places. Who watches or waits for a key stays with the number of the
    /// database (dbSwapDatabases).
    pub(crate) fn swap(&mut self, one: usize, other: usize) {
        self.used = self.used.max(one.max(other) + 1);
        self.databases.swap(one, other);
        let notices = self.databases[one].notices.take();
        self.databases[one].notices = self.databases[other].notices.take();
        self.databases[other].notices = notices;
        let observed = self.databases[one].observed.take();
        self.databases[one].observed = self.databases[other].observed.take();
        self.databases[other].observed = observed;
        for (here, before) in [(one, other), (other, one)] {
            let Some(mut observed) = self.databases[here].observed.take() else {
                continue;
            };
            let keys: Vec<Box<[u8]>> = observed.keys().map(Box::from).collect();
            for key in keys {
                let is_present = self.databases[here].has(&key);
                if is_present || self.databases[before].has(&key) {
                    observed.note(&key, is_present, Concerns::All);
                }
            }
            self.databases[here].observed = Some(observed);
        }
    }
}

impl Database {
    /// Takes note that a key was added, for those who watch it and, where it holds what can be waited
    /// for, those who wait for it.
    #[inline]
    pub(crate) fn note_addition(&mut self, key: &[u8], slot: Slot) {
        self.mark_changed();
        if self.observed.is_some() {
            let concerns = Concerns::of_gain(self.value(slot));
            self.note(key, true, concerns);
        }
    }
    /// Takes note that a stream has got entries, for which others wait though its key was there.
    pub(crate) fn note_entries(&mut self, key: &[u8]) {
        self.mark_changed();
        self.note(key, true, Concerns::All);
    }
    /// Takes note that a key was modified, of which only those are told who watch it: who waits for a
    /// value waits for its key to be added.
    pub(crate) fn note_modified(&mut self, key: &[u8]) {
        self.mark_changed();
        self.note(key, true, Concerns::Watchers);
    }
    /// Takes note that those who wait for a key are to look at it, though it has not changed for those
    /// who watch it.
    pub(crate) fn note_ready(&mut self, key: &[u8]) {
        self.note(key, true, Concerns::Waiters);
    }
    /// Takes note that a key has lost its value, whether or not another is in its place.
    #[inline]
    pub(crate) fn note_loss(&mut self, key: &[u8], lost: &Value, is_present: bool) {
        self.mark_changed();
        self.note(key, is_present, Concerns::of_loss(lost));
    }
    #[inline]
    fn note(&mut self, key: &[u8], is_present: bool, concerns: Concerns) {
        if let Some(observed) = &mut self.observed {
            observed.note(key, is_present, concerns);
        }
    }
    /// Notes changes of a key from now on.
    pub(crate) fn observe(&mut self, key: &[u8]) {
        self.observed.get_or_insert_default().add(key);
    }
    /// Ends what one call of [`Database::observe`] began.
    pub(crate) fn stop_observing(&mut self, key: &[u8]) {
        if let Some(observed) = &mut self.observed {
            observed.remove(key);
            if observed.is_empty() {
                self.observed = None;
            }
        }
    }
    /// The changes of observed keys since this was asked last, in order.
    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        let observed = self.observed.as_mut();
        observed.map_or_else(Vec::new, |observed| observed.take())
    }
    /// Whether the key is there, expired or not, looked at from outside: it takes no step.
    pub(crate) fn has(&self, key: &[u8]) -> bool {
        self.keys.peek(key).is_some()
    }
    /// The name of the type of what the key holds, looked at from outside.
    pub(crate) fn type_name_of(&self, key: &[u8]) -> Option<&'static str> {
        let slot = self.keys.peek(key)?;
        Some(self.value(slot).type_name())
    }
    /// How long the string is that the key holds, expired keys left out, looked at from outside.
    pub(crate) fn live_string_len(&self, key: &[u8], now_ms: i64) -> Option<usize> {
        let slot = self.keys.peek(key)?;
        let Value::String(string) = self.value(slot) else {
            return None;
        };
        (!self.has_expired(key, now_ms)).then(|| string.byte_len())
    }
    /// Whether the key is there and its time has passed, looked at from outside (keyIsExpired).
    pub(crate) fn has_expired(&self, key: &[u8], now_ms: i64) -> bool {
        let slot = self.expires.peek(key);
        slot.is_some_and(|slot| now_ms > self.expires.entry(slot).at_ms)
    }
}
