//! The log of one replica: entries that are numbered from 1, of which the first may be forgotten.

use crate::roles::contents::{Epoch, LogIndex};
use crate::roles::message::Entry;
use std::collections::VecDeque;
use std::rc::Rc;

#[derive(Clone, Debug)]
pub(super) struct Log {
    /// The entry before the first that is kept.
    base: (LogIndex, Epoch),
    entries: VecDeque<Rc<Entry>>,
}

impl Log {
    /// An empty log that goes on behind the entry `base`.
    pub(super) const fn behind(base: (LogIndex, Epoch)) -> Self {
        Self {
            base,
            entries: VecDeque::new(),
        }
    }
    /// The last entry, with its epoch.
    pub(super) fn last(&self) -> (LogIndex, Epoch) {
        let index = self.base.0 + self.entries.len() as u64;
        (
            index,
            self.entries.back().map_or(self.base.1, |one| one.epoch),
        )
    }
    /// The entry before the first that is kept.
    pub(super) const fn base(&self) -> LogIndex {
        self.base.0
    }
    /// An entry, unless it is forgotten or not there yet.
    pub(super) fn get(&self, index: LogIndex) -> Option<&Rc<Entry>> {
        let place = index.checked_sub(self.base.0 + 1)?;
        self.entries.get(usize::try_from(place).ok()?)
    }
    /// The epoch of an entry, unless it is forgotten or not there yet.
    pub(super) fn epoch_at(&self, index: LogIndex) -> Option<Epoch> {
        match index == self.base.0 {
            true => Some(self.base.1),
            false => self.get(index).map(|entry| entry.epoch),
        }
    }
    /// Adds an entry and says which it is.
    pub(super) fn push(&mut self, entry: Rc<Entry>) -> LogIndex {
        self.entries.push_back(entry);
        self.last().0
    }
    /// Drops everything from `index` on.
    pub(super) fn cut_from(&mut self, index: LogIndex) {
        let kept = index.saturating_sub(self.base.0 + 1);
        self.entries
            .truncate(usize::try_from(kept).unwrap_or(usize::MAX));
    }
    /// Forgets everything up to `index`, as far as it is there.
    pub(super) fn forget(&mut self, index: LogIndex) {
        while self.base.0 < index
            && let Some(entry) = self.entries.pop_front()
        {
            self.base = (self.base.0 + 1, entry.epoch);
        }
    }
    /// The entries from `index` on, at most `count`.
    pub(super) fn from(&self, index: LogIndex, count: usize) -> Vec<Rc<Entry>> {
        let skipped = usize::try_from(index.saturating_sub(self.base.0 + 1)).unwrap_or(usize::MAX);
        self.entries
            .iter()
            .skip(skipped)
            .take(count)
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles::message::Logged;

    fn entry(epoch: Epoch) -> Rc<Entry> {
        Rc::new(Entry {
            epoch,
            what: Logged::Changes(Vec::new()),
            units: 0,
            follow: Vec::new(),
        })
    }

    #[test]
    fn entries_keep_their_numbers_when_the_first_are_forgotten() {
        let mut log = Log::behind((10, 1));
        assert_eq!(log.last(), (10, 1));
        for epoch in [1, 2, 2] {
            log.push(entry(epoch));
        }
        log.forget(11);
        assert_eq!((log.base(), log.last()), (11, (13, 2)));
        assert_eq!(log.epoch_at(11), Some(1));
        assert_eq!(log.epoch_at(10), None);
        assert_eq!(log.epoch_at(14), None);
        assert_eq!(log.from(12, 9).len(), 2);
        log.cut_from(13);
        assert_eq!(log.last(), (12, 2));
        log.forget(99);
        assert_eq!(log.last(), (12, 2));
    }
}
