//! The files of one actor, as programs see them and as a power cut would leave them.
//!
//! A file's durable image is its content when the last completed sync of it began; a name is
//! durable after a sync of the directory. That is all that POSIX promises; file systems often keep
//! more, on which a store must not rely.

use kvrig_base::id::FileId;
use kvrig_base::seam::{FileError, OpenMode};
use kvrig_base::time::Time;
use std::collections::BTreeMap;

/// Whether the simulated disk keeps what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Files can be read back.
    Kept,
    /// Only sizes are kept, for runs that write much and read nothing; reads fail with EIO.
    Counted,
}

/// Content of a file: the bytes where they are kept, and their number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Content {
    kept: Vec<u8>,
    bytes: u64,
}

impl Content {
    fn truncate(&mut self, bytes: u64) {
        self.bytes = bytes;
        self.kept
            .truncate(usize::try_from(bytes).unwrap_or(usize::MAX));
    }
}

#[derive(Debug, Default)]
struct Inode {
    content: Content,
    /// How much from the beginning of the content is durable.
    durable_bytes: u64,
    /// The durable content, where it is no longer a beginning of the content.
    replaced: Option<Content>,
    /// The end of the sync under way; operations on the file wait for it.
    syncing_until: Time,
}

/// The files and names of one actor.
#[derive(Debug, Default)]
pub struct Directory {
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    open: BTreeMap<FileId, usize>,
}

impl Directory {
    pub(super) fn open(
        &mut self,
        file: FileId,
        name: &str,
        mode: OpenMode,
    ) -> Result<u64, FileError> {
        let inode = match self.names.get(name) {
            Some(&inode) => inode,
            None if mode == OpenMode::Existing => return Err(FileError::NotFound),
            None => {
                self.inodes.push(Inode::default());
                self.names.insert(name.to_owned(), self.inodes.len() - 1);
                self.inodes.len() - 1
            }
        };
        self.open.insert(file, inode);
        if mode == OpenMode::Truncate {
            self.truncate(file, 0)?;
        }
        self.drop_unreachable();
        Ok(self.inodes[inode].content.bytes)
    }
    fn inode(&mut self, file: FileId) -> Result<&mut Inode, FileError> {
        let inode = *self.open.get(&file).ok_or(FileError::NotFound)?;
        Ok(&mut self.inodes[inode])
    }
    /// From when operations on the file need not wait for a sync of it.
    pub(super) fn free_at(&mut self, file: FileId, now: Time) -> Time {
        self.inode(file)
            .map_or(now, |inode| inode.syncing_until.max(now))
    }
    pub(super) fn append(
        &mut self,
        file: FileId,
        data: &[u8],
        bytes: u64,
    ) -> Result<(), FileError> {
        let content = &mut self.inode(file)?.content;
        content.kept.extend_from_slice(data);
        content.bytes += bytes;
        Ok(())
    }
    pub(super) fn truncate(&mut self, file: FileId, bytes: u64) -> Result<u64, FileError> {
        let inode = self.inode(file)?;
        if bytes >= inode.content.bytes {
            return Ok(inode.content.bytes);
        }
        if bytes < inode.durable_bytes {
            if inode.replaced.is_none() {
                let mut durable = inode.content.clone();
                durable.truncate(inode.durable_bytes);
                inode.replaced = Some(durable);
            }
            inode.durable_bytes = bytes;
        }
        inode.content.truncate(bytes);
        Ok(bytes)
    }
    /// Begins a sync that ends at `end`; says how much it will make durable.
    pub(super) fn begin_sync(&mut self, file: FileId, end: Time) -> Result<u64, FileError> {
        let inode = self.inode(file)?;
        inode.syncing_until = end;
        Ok(inode.content.bytes)
    }
    /// Whether there is anything that a sync would have to write.
    pub(super) fn is_dirty(&mut self, file: FileId) -> bool {
        self.inode(file).is_ok_and(|inode| {
            inode.replaced.is_some() || inode.durable_bytes < inode.content.bytes
        })
    }
    /// Ends a sync: the first `bytes` survive a power cut from now on.
    pub(super) fn end_sync(&mut self, file: FileId, bytes: u64) {
        if let Ok(inode) = self.inode(file) {
            inode.durable_bytes = inode.durable_bytes.max(bytes.min(inode.content.bytes));
            inode.replaced = None;
        }
    }
    pub(super) fn read(
        &mut self,
        file: FileId,
        offset: u64,
        bytes: u64,
    ) -> Result<Vec<u8>, FileError> {
        let content = &self.inode(file)?.content;
        if content.kept.len() as u64 != content.bytes {
            return Err(FileError::Device);
        }
        let end = offset.saturating_add(bytes).min(content.bytes);
        let range = offset.min(end) as usize..end as usize;
        Ok(content.kept[range].to_vec())
    }
    pub(super) fn rename(&mut self, from: &str, to: &str) -> Result<(), FileError> {
        let inode = self.names.remove(from).ok_or(FileError::NotFound)?;
        self.names.insert(to.to_owned(), inode);
        self.drop_unreachable();
        Ok(())
    }
    pub(super) fn unlink(&mut self, name: &str) -> Result<(), FileError> {
        self.names.remove(name).ok_or(FileError::NotFound)?;
        self.drop_unreachable();
        Ok(())
    }
    pub(super) fn sync_names(&mut self) {
        self.durable_names.clone_from(&self.names);
        self.drop_unreachable();
    }
    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }
    /// The content of the file called `name`, where it is kept.
    pub fn content(&self, name: &str) -> Option<&[u8]> {
        self.names
            .get(name)
            .map(|&inode| self.inodes[inode].content.kept.as_slice())
    }
    /// The size of the file called `name`.
    pub fn size(&self, name: &str) -> Option<u64> {
        self.names
            .get(name)
            .map(|&inode| self.inodes[inode].content.bytes)
    }
    /// Bytes of all files that have a name or are open.
    pub(super) fn used(&self) -> u64 {
        self.inodes.iter().map(|inode| inode.content.bytes).sum()
    }
    /// Cuts the power: what is not durable is gone.
    pub fn power_cut(&mut self) {
        self.open.clear();
        self.names.clone_from(&self.durable_names);
        for inode in &mut self.inodes {
            match inode.replaced.take() {
                Some(durable) => inode.content = durable,
                None => inode.content.truncate(inode.durable_bytes),
            }
            inode.durable_bytes = inode.content.bytes;
            inode.syncing_until = Time::START;
        }
        self.drop_unreachable();
    }
    /// Gives the storage of files back that no name and no number leads to.
    fn drop_unreachable(&mut self) {
        for (number, inode) in self.inodes.iter_mut().enumerate() {
            let named = |names: &BTreeMap<String, usize>| names.values().any(|&n| n == number);
            let open = self.open.values().any(|&n| n == number);
            if inode.content.bytes > 0
                && !open
                && !named(&self.names)
                && !named(&self.durable_names)
            {
                *inode = Inode::default();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: FileId = FileId(1);

    fn append(directory: &mut Directory, bytes: &[u8]) {
        directory.append(LOG, bytes, bytes.len() as u64).unwrap();
    }

    fn sync(directory: &mut Directory) {
        let bytes = directory.begin_sync(LOG, Time::START).unwrap();
        directory.end_sync(LOG, bytes);
    }

    #[test]
    fn a_power_cut_keeps_what_was_synced_under_names_that_were_synced() {
        let mut directory = Directory::default();
        directory.open(LOG, "log", OpenMode::Append).unwrap();
        append(&mut directory, b"first");
        sync(&mut directory);
        directory.sync_names();
        append(&mut directory, b" second");
        directory
            .open(FileId(2), "other", OpenMode::Truncate)
            .unwrap();
        assert_eq!(directory.content("log"), Some(&b"first second"[..]));
        directory.power_cut();
        assert_eq!(directory.names().collect::<Vec<_>>(), ["log"]);
        assert_eq!(directory.content("log"), Some(&b"first"[..]));
    }

    #[test]
    fn what_is_appended_during_a_sync_is_not_durable_after_it() {
        let mut directory = Directory::default();
        directory.open(LOG, "log", OpenMode::Append).unwrap();
        directory.sync_names();
        append(&mut directory, b"first");
        let bytes = directory.begin_sync(LOG, Time::START).unwrap();
        append(&mut directory, b" second");
        directory.end_sync(LOG, bytes);
        directory.power_cut();
        assert_eq!(directory.content("log"), Some(&b"first"[..]));
    }

    #[test]
    fn a_truncation_that_is_not_synced_is_undone() {
        let mut directory = Directory::default();
        directory.open(LOG, "log", OpenMode::Append).unwrap();
        append(&mut directory, b"old content");
        sync(&mut directory);
        directory.sync_names();
        directory.open(LOG, "log", OpenMode::Truncate).unwrap();
        append(&mut directory, b"new");
        directory.power_cut();
        assert_eq!(directory.content("log"), Some(&b"old content"[..]));
    }

    #[test]
    fn a_rename_replaces_and_a_lost_rename_does_not() {
        let mut directory = Directory::default();
        directory.open(LOG, "snapshot", OpenMode::Append).unwrap();
        append(&mut directory, b"old");
        sync(&mut directory);
        directory.sync_names();
        directory.open(LOG, "temp", OpenMode::Truncate).unwrap();
        append(&mut directory, b"new");
        sync(&mut directory);
        directory.rename("temp", "snapshot").unwrap();
        assert_eq!(directory.content("snapshot"), Some(&b"new"[..]));
        directory.power_cut();
        assert_eq!(directory.content("snapshot"), Some(&b"old"[..]));
        assert_eq!(directory.rename("temp", "x"), Err(FileError::NotFound));
    }
}
