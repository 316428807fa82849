//! The contenders: the tables of `kvrig-tables`, and the peers that people would take instead.

use super::keys::{Integers, Keys, Strings};
use super::{Pass, Set};
use kvrig_base::seam::Work;
use kvrig_tables::{Entry, Regions, Table, TableConfig, TableEvent, TableKind, build};
use std::fmt;
use std::hash::{Hash, RandomState};
use std::str::FromStr;

/// Who grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contender {
    /// The keys alone, in chunks: what any set needs beside its own memory.
    Keys,
    /// The set of the standard library with its own hash function, SipHash-1-3.
    Std,
    /// griddle, which spreads a resize over insertions, with the hash function of std.
    Griddle,
    /// A table of ours, without a receipt.
    Table(TableKind),
}

impl Contender {
    /// The name on the command line and in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keys => "keys alone",
            Self::Std => "std HashSet",
            Self::Griddle => "griddle",
            Self::Table(kind) => kind.name(),
        }
    }

    /// Lets `pass` fill an empty set of integers.
    pub fn grow_integers<P: Pass<Integers>>(self, pass: P) -> P::Found {
        self.grow::<Integers, P>(pass)
    }

    /// Lets `pass` fill an empty set of strings.
    pub fn grow_strings<P: Pass<Strings>>(self, pass: P) -> P::Found {
        self.grow::<Strings, P>(pass)
    }

    fn grow<K: Keys, P: Pass<K>>(self, pass: P) -> P::Found
    where
        K::Key: Entry + Eq + Hash + 'static,
    {
        match self {
            Self::Keys => pass.run(KeysAlone::default()),
            Self::Std => pass.run(StdSet::default()),
            Self::Griddle => pass.run(griddle::HashSet::<K::Key, RandomState>::default()),
            Self::Table(TableKind::Memcached16) => pass.run(Tended(TableSet::new(
                TableKind::Memcached16,
                Work::unkept(),
            ))),
            Self::Table(kind) => pass.run(TableSet::new(kind, Work::unkept())),
        }
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Contender {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        let peers = [Self::Keys, Self::Std, Self::Griddle];
        let all = peers
            .into_iter()
            .chain(TableKind::ALL.iter().copied().map(Self::Table));
        let mut known = all.filter(|one| one.name() == name);
        known
            .next()
            .ok_or_else(|| format!("there is no contender called {name}"))
    }
}

/// Keys of a chunk of [`KeysAlone`].
const CHUNK_KEYS: usize = 4_096;

/// Keys in chunks of 4,096; nothing can be found in them.
struct KeysAlone<K>(Vec<Vec<K>>);

impl<K> Default for KeysAlone<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K> Set<K> for KeysAlone<K> {
    const IS_TENDED: bool = false;
    fn insert(&mut self, key: K) {
        match self.0.last_mut() {
            Some(chunk) if chunk.len() < CHUNK_KEYS => chunk.push(key),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK_KEYS);
                chunk.push(key);
                self.0.push(chunk);
            }
        }
    }
    fn tend(&mut self) {}
    fn take_event(&mut self) -> Option<TableEvent> {
        None
    }
    fn len(&self) -> u64 {
        self.0.iter().map(|chunk| chunk.len() as u64).sum()
    }
}

#[expect(clippy::disallowed_types, reason = "the peer itself")]
type StdSet<K> = std::collections::HashSet<K>;

impl<K: Eq + Hash> Set<K> for StdSet<K> {
    const IS_TENDED: bool = false;
    #[inline]
    fn insert(&mut self, key: K) {
        assert!(self.insert(key), "keys are distinct");
    }
    fn tend(&mut self) {}
    fn take_event(&mut self) -> Option<TableEvent> {
        None
    }
    fn len(&self) -> u64 {
        self.len() as u64
    }
}

impl<K: Eq + Hash> Set<K> for griddle::HashSet<K, RandomState> {
    const IS_TENDED: bool = false;
    #[inline]
    fn insert(&mut self, key: K) {
        assert!(self.insert(key), "keys are distinct");
    }
    fn tend(&mut self) {}
    fn take_event(&mut self) -> Option<TableEvent> {
        None
    }
    fn len(&self) -> u64 {
        self.len() as u64
    }
}

/// A table of ours and its receipt, begun anew with each insertion as a host does.
pub struct TableSet<E> {
    table: Box<dyn Table<E>>,
    work: Work,
}

impl<E: Entry + 'static> TableSet<E> {
    /// An empty table whose receipts go to `work`.
    pub fn new(kind: TableKind, work: Work) -> Self {
        let config = TableConfig {
            regions: Regions::starting_at(0),
            hash_key: [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210],
        };
        Self {
            table: build(kind, config),
            work,
        }
    }
}

impl<E: Entry + 'static> Set<E> for TableSet<E> {
    const IS_TENDED: bool = false;
    #[inline]
    fn insert(&mut self, key: E) {
        self.work.begin();
        let added = self.table.insert(key, &mut self.work);
        assert!(added.is_ok(), "keys are distinct");
    }
    fn tend(&mut self) {}
    fn take_event(&mut self) -> Option<TableEvent> {
        self.table.take_event()
    }
    fn len(&self) -> u64 {
        self.table.len()
    }
}

/// Buckets that the background thread moves in one call of [`Set::tend`]: four times as many as
/// there are insertions between two calls, so that it keeps ahead of growth.
const MAINTAINED_BUCKETS: u64 = 4 * super::TEND_EVERY;

/// A table that grows by its timer and a thread.
struct Tended<E>(TableSet<E>);

impl<E: Entry + 'static> Set<E> for Tended<E> {
    const IS_TENDED: bool = true;
    #[inline]
    fn insert(&mut self, key: E) {
        self.0.insert(key);
    }
    fn tend(&mut self) {
        let TableSet { table, work } = &mut self.0;
        work.begin();
        table.cron_resize(work);
        table.maintain(MAINTAINED_BUCKETS, work);
    }
    fn take_event(&mut self) -> Option<TableEvent> {
        self.0.take_event()
    }
    fn len(&self) -> u64 {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fill;

    impl<K: Keys> Pass<K> for Fill {
        type Found = u64;
        fn run<S: Set<K::Key>>(self, mut set: S) -> u64 {
            for index in 0..10_000 {
                set.insert(K::key(index));
                if S::IS_TENDED && index % super::super::TEND_EVERY == 0 {
                    set.tend();
                }
            }
            set.len()
        }
    }

    #[test]
    fn every_contender_holds_what_was_inserted_and_is_found_by_its_name() {
        let tables = TableKind::ALL.iter().copied().map(Contender::Table);
        let peers = [Contender::Keys, Contender::Std, Contender::Griddle];
        for contender in peers.into_iter().chain(tables) {
            assert_eq!(contender.grow_integers(Fill), 10_000, "{contender}");
            assert_eq!(contender.grow_strings(Fill), 10_000, "{contender}");
            assert_eq!(contender.name().parse(), Ok(contender));
        }
    }
}
