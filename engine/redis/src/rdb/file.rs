//! Snapshot files, written.

use super::crc64::crc64;
use super::encode::{Encoder, type_of};
use super::{REDIS_VERSION, VERSION, kind};
use crate::keyspace::{Database, Keyspace};
use crate::number::IntegerText;
use kvrig_base::id::FileId;
use kvrig_base::seam::{ChildHost, Counter, FileError, FileOp, OpenMode, Work};
use kvrig_tables::Position;

/// Bytes gathered before they are written; a simulated disk sees one operation for each.
const CHUNK_BYTES: usize = 64 * 1024;
/// After so many bytes the file is synced, so that the end need not wait for all of it
/// (rdb-save-incremental-fsync, REDIS_AUTOSYNC_BYTES).
const SYNC_EVERY_BYTES: u64 = 4 * 1024 * 1024;
/// The number that the file has while it is written.
const FILE: FileId = FileId(0);

/// What a snapshot is called and says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The name it has in the end (`dbfilename`).
    pub name: String,
    /// The name it has while it is written.
    pub temporary_name: String,
    /// When it was begun, in unix seconds.
    pub created_s: u64,
    /// used_memory at that time, in bytes.
    pub used_memory: u64,
    /// Whether strings are compressed (`rdbcompression`).
    pub compresses: bool,
    /// Whether it says of every key how it is used, as it does under policies that ask for it.
    pub keeps_usage: bool,
}

/// Writes all databases to the temporary name, syncs, and gives the file its name. Where that fails,
/// the temporary file is removed.
///
/// # Errors
/// What the file system answered first.
pub fn save(
    keyspace: &Keyspace,
    snapshot: &Snapshot,
    child: &mut dyn ChildHost,
) -> Result<(), FileError> {
    write_file(keyspace, snapshot, child).inspect_err(|_| {
        // The file may never have come to be; the first error is the one to report.
        let _ = child.file(
            FileOp::Unlink {
                name: snapshot.temporary_name.clone(),
            },
            &[],
        );
    })
}

fn write_file(
    keyspace: &Keyspace,
    snapshot: &Snapshot,
    child: &mut dyn ChildHost,
) -> Result<(), FileError> {
    let name = snapshot.temporary_name.clone();
    child.file(
        FileOp::Open {
            file: FILE,
            name,
            mode: OpenMode::Truncate,
        },
        &[],
    )?;
    let mut file = File {
        child,
        encoder: Encoder::new(snapshot.compresses),
        checksum: 0,
        unsynced: 0,
    };
    let magic = format!("REDIS{VERSION:04}");
    file.encoder.out.extend_from_slice(magic.as_bytes());
    file.aux(b"redis-ver", REDIS_VERSION);
    file.aux(b"redis-bits", b"64");
    file.aux(
        b"ctime",
        IntegerText::unsigned(snapshot.created_s).as_bytes(),
    );
    file.aux(
        b"used-mem",
        IntegerText::unsigned(snapshot.used_memory).as_bytes(),
    );
    file.aux(b"aof-base", b"0");
    for index in 0..keyspace.count() {
        let database = keyspace.database(index);
        if !database.keys().is_empty() {
            file.database(index, database, snapshot.keeps_usage)?;
        }
    }
    file.end()?;
    let (from, to) = (snapshot.temporary_name.clone(), snapshot.name.clone());
    child.file(FileOp::Rename { from, to }, &[])?;
    child.file(FileOp::SyncDirectory, &[])
}

/// A file that is being written.
struct File<'a> {
    child: &'a mut dyn ChildHost,
    /// What was not written yet.
    encoder: Encoder,
    /// Of all that was written.
    checksum: u64,
    /// Bytes written since the last sync.
    unsynced: u64,
}

impl File<'_> {
    fn database(
        &mut self,
        index: usize,
        database: &Database,
        keeps_usage: bool,
    ) -> Result<(), FileError> {
        let encoder = &mut self.encoder;
        encoder.out.push(kind::SELECT_DB);
        encoder.length(index as u64);
        encoder.out.push(kind::RESIZE_DB);
        encoder.length(database.keys().len());
        encoder.length(database.expires().len());
        let mut position = Position::default();
        while let Some(slot) = database.keys().walk(&mut position, self.child.work()) {
            let encoder = &mut self.encoder;
            let record = database.keys().entry(slot);
            let key = record.key.as_slice();
            if let Some(slot) = database.expires().peek(key) {
                encoder.out.push(kind::EXPIRE_TIME_MS);
                let at_ms = database.expires().entry(slot).at_ms;
                encoder.out.extend_from_slice(&at_ms.to_le_bytes());
            }
            if keeps_usage && database.counts_uses() {
                let frequency = database.frequency(slot);
                encoder.out.extend_from_slice(&[kind::FREQUENCY, frequency]);
            } else if keeps_usage {
                encoder.out.push(kind::IDLE);
                encoder.length(database.idle_ms(slot) / 1_000);
            }
            encoder.out.push(type_of(&record.value));
            encoder.string(key, self.child.work());
            encoder.value(&record.value, self.child.work());
            if self.encoder.out.len() >= CHUNK_BYTES {
                self.flush()?;
            }
        }
        Ok(())
    }
    fn aux(&mut self, name: &[u8], value: &[u8]) {
        self.encoder.out.push(kind::AUX);
        let uncounted = &mut Work::unkept();
        self.encoder.string(name, uncounted);
        self.encoder.string(value, uncounted);
    }
    fn end(&mut self) -> Result<(), FileError> {
        self.encoder.out.push(kind::END);
        let checksum = crc64(self.checksum, &self.encoder.out);
        self.encoder.out.extend_from_slice(&checksum.to_le_bytes());
        self.flush()?;
        self.child.file(FileOp::Sync { file: FILE }, &[])
    }
    fn flush(&mut self) -> Result<(), FileError> {
        let buffer = &mut self.encoder.out;
        let bytes = buffer.len() as u64;
        self.checksum = crc64(self.checksum, buffer);
        // The record is copied into the buffer and read once more for the checksum.
        self.child.work().count(Counter::BytesCopied, bytes);
        self.child.work().count(Counter::BytesScanned, bytes);
        let append = FileOp::Append {
            file: FILE,
            data: 0..buffer.len(),
        };
        self.child.file(append, buffer)?;
        buffer.clear();
        self.unsynced += bytes;
        if self.unsynced >= SYNC_EVERY_BYTES {
            self.unsynced = 0;
            self.child.file(FileOp::Sync { file: FILE }, &[])?;
        }
        Ok(())
    }
}
