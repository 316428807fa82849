//! Whether commands have changed anything, and how much where they say so.

use super::{Database, Keyspace};

/// What was changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// Whether a key, a value or an expiry was.
    pub(crate) is_any: bool,
    /// As how many changes that counts, where it was said.
    pub(crate) stated: Option<u64>,
}

impl Keyspace {
    /// Forgets what was changed.
    #[inline]
    pub(crate) fn forget_changes(&mut self) {
        for database in &mut self.databases[..self.used] {
            database.changes = Changes::default();
        }
    }
    /// What was changed in all databases since this was asked last or forgotten.
    #[inline]
    pub(crate) fn take_changes(&mut self) -> Changes {
        let mut sum = Changes::default();
        for database in &mut self.databases[..self.used] {
            let changes = std::mem::take(&mut database.changes);
            sum.is_any |= changes.is_any;
            if let Some(stated) = changes.stated {
                sum.stated = Some(sum.stated.unwrap_or(0) + stated);
            }
        }
        sum
    }
}

impl Database {
    /// Says as how many changes it counts what a command has changed, where neither its reply nor its
    /// arguments tell.
    pub(crate) fn state_changes(&mut self, changes: u64) {
        let before = self.changes.stated.unwrap_or(0);
        self.changes.stated = Some(before + changes);
    }
    /// Takes note that something was changed.
    #[inline]
    pub(crate) fn mark_changed(&mut self) {
        self.changes.is_any = true;
    }
}
