//! Keys whose changes somebody waits for: clients that watch them, and clients that are blocked on
//! them. A database that nobody observes keeps none, and its writes ask for nothing more than that.

use std::collections::BTreeMap;

/// A change of a key that is observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) key: Box<[u8]>,
    /// Whether the key is there after it.
    pub(crate) is_present: bool,
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
    /// Takes note of a change (signalModifiedKey).
    pub(crate) fn note(&mut self, key: &[u8], is_present: bool) {
        if self.keys.contains_key(key) {
            let key = key.into();
            self.changes.push(Change { key, is_present });
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
