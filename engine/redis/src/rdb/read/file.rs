//! Whole snapshots, read into the databases (rdbLoadRioWithLoadingCtx).

use super::{LoadError, Read, Reader, error_at};
use crate::keyspace::{Keyspace, StatedUse};
use crate::rdb::{VERSION, kind};
use kvrig_base::seam::Work;
use std::io::BufRead;

/// Bytes of the magic word and the version behind it.
const MAGIC_BYTES: usize = 9;
/// From this version on a file ends with a checksum.
const CHECKSUM_SINCE: u16 = 5;

/// What a snapshot has brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Keys that were taken over.
    pub keys: u64,
    /// Keys whose time had passed, which were left out.
    pub expired: u64,
    /// Keys of collections without elements, which were left out.
    pub empty: u64,
}

/// What stands in front of a key about it.
#[derive(Clone, Copy, Debug, Default)]
struct Prelude {
    expires_at_ms: Option<i64>,
    usage: StatedUse,
}

/// When a snapshot is loaded, and what becomes of keys that are there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoadAt {
    /// Keys that expire before it are left out.
    pub(crate) now_ms: i64,
    /// Whether keys of the file replace those that are there, which otherwise is an error.
    pub(crate) merges: bool,
}

/// A snapshot that is being read.
struct Loading<'a, R> {
    reader: &'a mut Reader<R>,
    keyspace: &'a mut Keyspace,
    when: LoadAt,
    /// The database that keys are of.
    database: usize,
    loaded: Loaded,
}

/// Reads a snapshot and adds its keys to the databases. After an error they have the keys that stand
/// before it.
///
/// # Errors
/// Where the file is not one, is cut off or damaged, or asks for what is not here.
pub(crate) fn load<R: BufRead>(
    reader: &mut Reader<R>,
    keyspace: &mut Keyspace,
    when: LoadAt,
    work: &mut Work,
) -> Result<Loaded, LoadError> {
    let version = version(reader)?;
    let mut loading = Loading {
        reader,
        keyspace,
        when,
        database: 0,
        loaded: Loaded::default(),
    };
    let mut prelude = Prelude::default();
    loop {
        let reader = &mut *loading.reader;
        let at = reader.offset;
        match reader.byte()? {
            kind::EXPIRE_TIME => {
                let at_s = i32::from_le_bytes(reader.array()?);
                prelude.expires_at_ms = Some(i64::from(at_s) * 1_000);
            }
            kind::EXPIRE_TIME_MS => {
                prelude.expires_at_ms = Some(i64::from_le_bytes(reader.array()?));
            }
            kind::FREQUENCY => prelude.usage.frequency = Some(reader.byte()?),
            kind::IDLE => prelude.usage.idle_s = Some(reader.length()? as i64),
            kind::SELECT_DB => loading.select(at)?,
            kind::RESIZE_DB => loading.reserve(work)?,
            kind::AUX => {
                reader.string()?;
                reader.string()?;
            }
            kind::MODULE_AUX => {
                let found = "data of a module, which this server does not have";
                return Err(error_at(at, found));
            }
            kind::FUNCTION | kind::FUNCTION_2 => {
                let found = "a library of functions, which this server does not have";
                return Err(error_at(at, found));
            }
            kind::END => break,
            kind => loading.key(kind, std::mem::take(&mut prelude), work)?,
        }
    }
    let loaded = loading.loaded;
    if version >= CHECKSUM_SINCE {
        check(reader)?;
    }
    Ok(loaded)
}

fn version<R: BufRead>(reader: &mut Reader<R>) -> Read<u16> {
    let magic: [u8; MAGIC_BYTES] = match reader.left() < MAGIC_BYTES as u64 {
        true => [0; MAGIC_BYTES],
        false => reader.array()?,
    };
    let Some(digits) = magic.strip_prefix(b"REDIS") else {
        return Err(error_at(0, "no snapshot of Redis, which begins with REDIS"));
    };
    let version = std::str::from_utf8(digits).ok();
    let version: Option<u16> = version.and_then(|digits| digits.parse().ok());
    version
        .filter(|version| (1..=VERSION).contains(version))
        .ok_or_else(|| {
            let found = digits.escape_ascii();
            let found = format!("version {found} of the format where 1 to {VERSION} can be read");
            error_at(5, found)
        })
}

/// The shortest key of a snapshot: its type, the length of an empty name and that of an empty value.
const KEY_BYTES_MIN: u64 = 3;

impl<R: BufRead> Loading<'_, R> {
    /// Makes room for the keys that the file says it has, but for no more than it can have.
    fn reserve(&mut self, work: &mut Work) -> Read<()> {
        let (keys, expiring) = (self.reader.length()?, self.reader.length()?);
        let most = self.reader.left() / KEY_BYTES_MIN;
        let db = self.keyspace.database_mut(self.database);
        db.reserve(keys.min(most), expiring.min(most), work);
        Ok(())
    }
    /// Reads a key with its value and takes it over unless its time has passed.
    fn key(&mut self, kind: u8, prelude: Prelude, work: &mut Work) -> Read<()> {
        let at = self.reader.offset - 1;
        // What is no type is told before anything is taken for a key.
        if !is_type(kind) {
            let found = format!("0x{kind:02x} where a mark or the type of a value belongs");
            return Err(error_at(at, found));
        }
        let name = self.reader.string()?;
        let db = self.keyspace.database_mut(self.database);
        let Some(value) = self.reader.value(kind, db, work)? else {
            self.loaded.empty += 1;
            return Ok(());
        };
        let expires_at_ms = prelude.expires_at_ms.filter(|at_ms| *at_ms != -1);
        if expires_at_ms.is_some_and(|at_ms| at_ms < self.when.now_ms) {
            self.loaded.expired += 1;
            return Ok(());
        }
        if self.when.merges {
            db.delete(&name, work);
        }
        let Some(slot) = db.add_if_absent(&name, value, work) else {
            let (name, number) = (name.escape_ascii(), self.database);
            let found = format!("key \"{name}\", which database {number} has already");
            return Err(error_at(at, found));
        };
        db.restore_usage(slot, prelude.usage);
        if let Some(at_ms) = expires_at_ms {
            db.set_expiry(&name, at_ms, work);
        }
        self.loaded.keys += 1;
        Ok(())
    }
    fn select(&mut self, at: u64) -> Read<()> {
        let number = self.reader.length()?;
        let count = self.keyspace.count();
        let index = usize::try_from(number).ok().filter(|index| *index < count);
        self.database = index.ok_or_else(|| {
            let found = format!("database {number} where there are {count}; raise `databases`");
            error_at(at, found)
        })?;
        Ok(())
    }
}

/// Whether it is the type of a value (rdbIsObjectType).
fn is_type(kind: u8) -> bool {
    matches!(kind, kind::STRING..=kind::MODULE_2 | kind::HASH_ZIPMAP..=kind::STREAM_LISTPACKS_2)
}

/// Compares the checksum at the end; zero stands for none (`rdbchecksum no`).
fn check<R: BufRead>(reader: &mut Reader<R>) -> Read<()> {
    let (at, expected) = (reader.offset, reader.checksum);
    let stated = u64::from_le_bytes(reader.array()?);
    match stated == expected || stated == 0 {
        true => Ok(()),
        false => {
            let found = format!(
                "checksum {stated:016x} where the content has {expected:016x}: the file is damaged"
            );
            Err(error_at(at, found))
        }
    }
}
