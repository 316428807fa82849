//! The tables by name.

use crate::at_once::AtOnceTable;
use crate::kvrig::KvrigTable;
use crate::memcached::MemcachedTable;
use crate::open::{Design, OpenTable};
use crate::redis::RedisTable;
use crate::redis::rules::{RedisRules, RedisVersion};
use crate::segmented::SegmentedTable;
use crate::table::{Entry, Table, TableConfig};
use crate::valkey::ValkeyTable;
use crate::valkey::rules::{ValkeyRules, ValkeyVersion};
use std::fmt;
use std::str::FromStr;

/// Which table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TableKind {
    /// Chaining that doubles at once: the textbook table.
    AtOnce,
    /// Redis 7.0 and 7.2.
    Redis70,
    /// Redis 7.4 and 8.0.
    Redis74,
    /// Valkey 8.1.
    Valkey81,
    /// Valkey's development branch since valkey#3481.
    ValkeyUnstable,
    /// Memcached 1.6.
    Memcached16,
    /// Open addressing that moves everything at once.
    OpenAtOnce,
    /// Open addressing that moves eight entries an insertion.
    OpenAmortised,
    /// Extendible hashing that splits one segment at a time.
    Segmented,
    /// The project's own.
    Kvrig,
}

impl TableKind {
    /// All tables.
    pub const ALL: &[Self] = &[
        Self::AtOnce,
        Self::Redis70,
        Self::Redis74,
        Self::Valkey81,
        Self::ValkeyUnstable,
        Self::Memcached16,
        Self::OpenAtOnce,
        Self::OpenAmortised,
        Self::Segmented,
        Self::Kvrig,
    ];

    /// The name in study files, results and charts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AtOnce => "at-once",
            Self::Redis70 => "redis-7.0",
            Self::Redis74 => "redis-7.4",
            Self::Valkey81 => "valkey-8.1",
            Self::ValkeyUnstable => "valkey-unstable",
            Self::Memcached16 => "memcached-1.6",
            Self::OpenAtOnce => "open-at-once",
            Self::OpenAmortised => "open-amortised",
            Self::Segmented => "segmented",
            Self::Kvrig => "kvrig",
        }
    }
}

/// An empty table of that kind.
pub fn build<E: Entry + 'static>(kind: TableKind, config: TableConfig) -> Box<dyn Table<E>> {
    match kind {
        TableKind::AtOnce => Box::new(AtOnceTable::new(config)),
        TableKind::Redis70 => Box::new(RedisTable::new(RedisRules::of(RedisVersion::V70), config)),
        TableKind::Redis74 => Box::new(RedisTable::new(RedisRules::of(RedisVersion::V74), config)),
        TableKind::Valkey81 => valkey(ValkeyVersion::V81, config),
        TableKind::ValkeyUnstable => valkey(ValkeyVersion::Unstable, config),
        TableKind::Memcached16 => Box::new(MemcachedTable::new(config)),
        TableKind::OpenAtOnce => Box::new(OpenTable::new(Design::AtOnce, config)),
        TableKind::OpenAmortised => Box::new(OpenTable::new(Design::Amortised, config)),
        TableKind::Segmented => Box::new(SegmentedTable::new(config)),
        TableKind::Kvrig => Box::new(KvrigTable::new(config)),
    }
}

fn valkey<E: Entry + 'static>(version: ValkeyVersion, config: TableConfig) -> Box<dyn Table<E>> {
    Box::new(ValkeyTable::new(ValkeyRules::of(version), config))
}

const _: () = assert!(
    TableKind::ALL.len() == TableKind::Kvrig as usize + 1,
    "none is left out"
);

impl fmt::Display for TableKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no table of that name; [`TableKind::ALL`] has those that there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownTable(pub String);

impl fmt::Display for UnknownTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no table called \"{}\"", self.0)
    }
}

impl std::error::Error for UnknownTable {}

impl FromStr for TableKind {
    type Err = UnknownTable;
    fn from_str(name: &str) -> Result<Self, UnknownTable> {
        let known = Self::ALL.iter().find(|kind| kind.name() == name);
        known.copied().ok_or_else(|| UnknownTable(name.to_owned()))
    }
}
