//! Snapshot files: RDB version 10, as Redis 7.0 writes and loads it.
//!
//! Only the writer is here. Strings are not compressed, which is `rdbcompression no` of Redis; any
//! Redis loads them.

mod crc64;
mod stream;

use self::crc64::crc64;
use crate::keyspace::{Database, Keyspace};
use crate::number::{IntegerText, parse_i64};
use crate::value::{StringValue, Value};
use kvrig_base::id::FileId;
use kvrig_base::seam::{ChildHost, Counter, FileError, FileOp, OpenMode, Work};
use kvrig_tables::Position;

/// The first bytes: the format and its version (RDB_VERSION of 7.0).
const MAGIC: &[u8] = b"REDIS0010";
/// The version that the file says it was written by.
pub(crate) const REDIS_VERSION: &[u8] = b"7.0.15";

/// Marks of the format (`redis:src/rdb.h`).
mod opcode {
    pub(super) const AUX: u8 = 0xFA;
    pub(super) const RESIZE_DB: u8 = 0xFB;
    pub(super) const EXPIRE_TIME_MS: u8 = 0xFC;
    pub(super) const SELECT_DB: u8 = 0xFE;
    pub(super) const END: u8 = 0xFF;
    /// The type of a string value.
    pub(super) const STRING: u8 = 0;
    /// The types of sets and hashes of strings one by one.
    pub(super) const SET: u8 = 2;
    pub(super) const HASH: u8 = 4;
    /// The types of sets and hashes in one allocation.
    pub(super) const SET_INTSET: u8 = 11;
    pub(super) const HASH_LISTPACK: u8 = 16;
    /// The types of sorted sets: members with binary scores one by one, and in one allocation.
    pub(super) const ZSET_2: u8 = 5;
    pub(super) const ZSET_LISTPACK: u8 = 17;
    /// The type of a list of listpacks.
    pub(super) const LIST_QUICKLIST_2: u8 = 18;
    /// The type of a stream with all that 7.0 knows of it.
    pub(super) const STREAM_LISTPACKS_2: u8 = 19;
    /// A node of it that is a listpack (QUICKLIST_NODE_CONTAINER_PACKED).
    pub(super) const NODE_PACKED: u64 = 2;
    /// Strings that are integers of 8, 16 and 32 bits.
    pub(super) const INT8: u8 = 0xC0;
    pub(super) const INT16: u8 = 0xC1;
    pub(super) const INT32: u8 = 0xC2;
    /// Lengths of 32 and 64 bits.
    pub(super) const LENGTH_32: u8 = 0x80;
    pub(super) const LENGTH_64: u8 = 0x81;
}

/// Strings up to this length are looked at for an integer (rdbSaveRawString).
const INTEGER_STRING_BYTES_MAX: usize = 11;
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
        buffer: Vec::new(),
        checksum: 0,
        unsynced: 0,
    };
    file.buffer.extend_from_slice(MAGIC);
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
            file.database(index, database)?;
        }
    }
    file.end()?;
    let (from, to) = (snapshot.temporary_name.clone(), snapshot.name.clone());
    child.file(FileOp::Rename { from, to }, &[])?;
    child.file(FileOp::SyncDirectory, &[])
}

/// The type of a value in the file.
fn type_of(value: &Value) -> u8 {
    match value {
        Value::String(_) => opcode::STRING,
        Value::List(_) => opcode::LIST_QUICKLIST_2,
        Value::Set(set) if set.integers().is_some() => opcode::SET_INTSET,
        Value::Set(_) => opcode::SET,
        Value::SortedSet(set) if set.pack().is_some() => opcode::ZSET_LISTPACK,
        Value::SortedSet(_) => opcode::ZSET_2,
        Value::Hash(hash) if hash.pack().is_some() => opcode::HASH_LISTPACK,
        Value::Hash(_) => opcode::HASH,
        Value::Stream(_) => opcode::STREAM_LISTPACKS_2,
    }
}

/// A file that is being written.
struct File<'a> {
    child: &'a mut dyn ChildHost,
    buffer: Vec<u8>,
    /// Of all that was written, the buffer not included.
    checksum: u64,
    /// Bytes written since the last sync.
    unsynced: u64,
}

impl File<'_> {
    fn database(&mut self, index: usize, database: &Database) -> Result<(), FileError> {
        self.buffer.push(opcode::SELECT_DB);
        self.length(index as u64);
        self.buffer.push(opcode::RESIZE_DB);
        self.length(database.keys().len());
        self.length(database.expires().len());
        let mut position = Position::default();
        while let Some(slot) = database.keys().walk(&mut position, self.child.work()) {
            let record = database.keys().entry(slot);
            let key = record.key.as_slice();
            if let Some(slot) = database.expires().peek(key) {
                self.buffer.push(opcode::EXPIRE_TIME_MS);
                let at_ms = database.expires().entry(slot).at_ms;
                self.buffer.extend_from_slice(&at_ms.to_le_bytes());
            }
            self.buffer.push(type_of(&record.value));
            self.string(key);
            self.value(&record.value);
            if self.buffer.len() >= CHUNK_BYTES {
                self.flush()?;
            }
        }
        Ok(())
    }
    fn value(&mut self, value: &Value) {
        match value {
            Value::String(StringValue::Integer(number)) => self.integer(*number),
            Value::String(StringValue::Embedded(bytes)) => self.string(bytes),
            Value::String(StringValue::Raw(bytes)) => self.string(bytes),
            Value::List(list) => {
                self.length(list.nodes() as u64);
                for pack in list.packs() {
                    self.length(opcode::NODE_PACKED);
                    self.string(pack.as_bytes());
                }
            }
            Value::Set(set) => match set.integers() {
                Some(integers) => self.string(&integers.to_bytes()),
                None => {
                    self.length(set.len() as u64);
                    let mut work = Work::unpriced();
                    set.for_each(&mut work, |member, _| self.string(member.as_slice()));
                    self.child.work().count_all(&work.counts());
                }
            },
            Value::SortedSet(set) => match set.pack() {
                Some(pack) => self.string(pack.as_bytes()),
                None => {
                    self.length(set.len() as u64);
                    let mut work = Work::unpriced();
                    // From the highest, so that loading adds each at the front of the list.
                    set.walk(set.len() - 1, true, &mut work, |member, score, _| {
                        self.string(member.as_slice());
                        self.buffer.extend_from_slice(&score.to_le_bytes());
                        true
                    });
                    self.child.work().count_all(&work.counts());
                }
            },
            Value::Hash(hash) => match hash.pack() {
                Some(pack) => self.string(pack.as_bytes()),
                None => {
                    self.length(hash.len() as u64);
                    let mut work = Work::unpriced();
                    hash.for_each(&mut work, |field, value, _| {
                        self.string(field.as_slice());
                        self.string(value.as_slice());
                    });
                    self.child.work().count_all(&work.counts());
                }
            },
            Value::Stream(stream) => self.stream(stream),
        }
    }
    fn aux(&mut self, name: &[u8], value: &[u8]) {
        self.buffer.push(opcode::AUX);
        self.string(name);
        self.string(value);
    }
    /// A length in 1, 2, 5 or 9 bytes, high bits first.
    fn length(&mut self, length: u64) {
        match length {
            0..0x40 => self.buffer.push(length as u8),
            0x40..0x4000 => self
                .buffer
                .extend_from_slice(&(length as u16 | 0x4000).to_be_bytes()),
            0x4000..=0xFFFF_FFFF => {
                self.buffer.push(opcode::LENGTH_32);
                self.buffer
                    .extend_from_slice(&(length as u32).to_be_bytes());
            }
            _ => {
                self.buffer.push(opcode::LENGTH_64);
                self.buffer.extend_from_slice(&length.to_be_bytes());
            }
        }
    }
    fn string(&mut self, bytes: &[u8]) {
        if bytes.len() <= INTEGER_STRING_BYTES_MAX
            && let Some(number) = parse_i64(bytes)
            && i32::try_from(number).is_ok()
        {
            return self.integer(number);
        }
        self.length(bytes.len() as u64);
        self.buffer.extend_from_slice(bytes);
    }
    /// An integer in as few bytes as it needs, or as text beyond 32 bits.
    fn integer(&mut self, number: i64) {
        if let Ok(byte) = i8::try_from(number) {
            self.buffer.push(opcode::INT8);
            self.buffer.extend_from_slice(&byte.to_le_bytes());
        } else if let Ok(short) = i16::try_from(number) {
            self.buffer.push(opcode::INT16);
            self.buffer.extend_from_slice(&short.to_le_bytes());
        } else if let Ok(long) = i32::try_from(number) {
            self.buffer.push(opcode::INT32);
            self.buffer.extend_from_slice(&long.to_le_bytes());
        } else {
            let text = IntegerText::new(number);
            self.length(text.byte_len() as u64);
            self.buffer.extend_from_slice(text.as_bytes());
        }
    }
    fn end(&mut self) -> Result<(), FileError> {
        self.buffer.push(opcode::END);
        let checksum = crc64(self.checksum, &self.buffer);
        self.buffer.extend_from_slice(&checksum.to_le_bytes());
        self.flush()?;
        self.child.file(FileOp::Sync { file: FILE }, &[])
    }
    fn flush(&mut self) -> Result<(), FileError> {
        let bytes = self.buffer.len() as u64;
        self.checksum = crc64(self.checksum, &self.buffer);
        // The record is copied into the buffer and read once more for the checksum.
        self.child.work().count(Counter::BytesCopied, bytes);
        self.child.work().count(Counter::BytesScanned, bytes);
        let append = FileOp::Append {
            file: FILE,
            data: 0..self.buffer.len(),
        };
        self.child.file(append, &self.buffer)?;
        self.buffer.clear();
        self.unsynced += bytes;
        if self.unsynced >= SYNC_EVERY_BYTES {
            self.unsynced = 0;
            self.child.file(FileOp::Sync { file: FILE }, &[])?;
        }
        Ok(())
    }
}
