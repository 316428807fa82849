//! The interface that all tables share.

use crate::event::{Rehash, TableEvent};
use kvrig_base::random::Sequence;
use kvrig_base::seam::{Region, Work};
use kvrig_base::time::Span;
use std::fmt;

/// What entries are found by.
pub trait Key: Eq {
    /// Gives the bytes that are hashed to `hash` and returns what it makes of them.
    fn hashed_by(&self, hash: impl FnOnce(&[u8]) -> u64) -> u64;
    /// Number of bytes that are hashed, compared and, where the key lies outside the entry, read.
    fn byte_len(&self) -> u64;
}

impl Key for [u8] {
    #[inline]
    fn hashed_by(&self, hash: impl FnOnce(&[u8]) -> u64) -> u64 {
        hash(self)
    }
    #[inline]
    fn byte_len(&self) -> u64 {
        self.len() as u64
    }
}

impl Key for u64 {
    #[inline]
    fn hashed_by(&self, hash: impl FnOnce(&[u8]) -> u64) -> u64 {
        hash(&self.to_le_bytes())
    }
    #[inline]
    fn byte_len(&self) -> u64 {
        8
    }
}

/// What a table holds: an entry knows its key.
pub trait Entry: fmt::Debug {
    /// The kind of key.
    type Key: Key + ?Sized;
    /// Whether the key's bytes lie in an allocation of their own, so that reading the key touches
    /// another cache line than reading the entry. Redis keys do (sds strings).
    const KEY_IS_OUTSIDE: bool;
    /// What places it: `()`, or [`CacheLineAligned`] where it and the table's word beside it fill a
    /// line, so that visiting it waits for one line and not for two.
    type Placement: fmt::Debug + Default;
    /// The key; it must not change while the entry is in a table.
    fn key(&self) -> &Self::Key;
    /// Asks the processor ([`crate::prefetch()`]) for what lies outside the entry and nearly every use
    /// of it reads.
    fn prefetch_outside(&self) {}
}

/// A cache line, of which only the alignment is of use.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub struct CacheLine;

/// Takes no room and begins at a cache line, and so does what holds it.
pub type CacheLineAligned = [CacheLine; 0];

/// A set of integers: the entry is its key.
impl Entry for u64 {
    type Key = u64;
    const KEY_IS_OUTSIDE: bool = false;
    type Placement = ();
    fn key(&self) -> &u64 {
        self
    }
}

/// A set of strings: the entry is its key.
impl Entry for Box<[u8]> {
    type Key = [u8];
    const KEY_IS_OUTSIDE: bool = true;
    type Placement = ();
    fn key(&self) -> &[u8] {
        self
    }
}

/// The place of an entry. It stays the same until the entry is removed, through every rehash, and
/// is then given to another entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub(crate) u32);

impl Slot {
    /// The number of the slot, for arrays and logical addresses kept beside the table.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The logical address spaces of one table: two bucket arrays, the entries, and the keys that lie
/// outside their entries.
///
/// An entry's line is its byte offset in the arena / 64. A key in slot n has the address 64 n.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Regions {
    /// The bucket arrays; a table that grows alternates between them. The table of linear hashing has
    /// its buckets in the first and their overflow in the second.
    pub buckets: [Region; 2],
    /// The arena of entries.
    pub entries: Region,
    /// Keys outside their entries.
    pub keys: Region,
}

impl Regions {
    /// How many region numbers one table takes.
    pub const COUNT: u16 = 4;

    /// The regions numbered `first` to `first + 3`.
    pub const fn starting_at(first: u16) -> Self {
        Self {
            buckets: [Region(first), Region(first + 1)],
            entries: Region(first + 2),
            keys: Region(first + 3),
        }
    }
}

/// What every table is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableConfig {
    /// Its logical address spaces.
    pub regions: Regions,
    /// The key of the hash function: two nodes with one key place entries alike. MurmurHash3 takes
    /// no key and ignores it.
    pub hash_key: [u64; 2],
}

/// Whether a table may start to resize, and go on doing so.
///
/// Redis has the same three (`redis:src/dict.h`, dictResizeEnable), because each entry that moves
/// while a forked child lives makes the system copy pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResizePolicy {
    /// By the usual thresholds.
    #[default]
    Allow,
    /// Only when the table is far out of shape: a forked child lives.
    Avoid,
    /// Never: this is the forked child.
    Forbid,
}

/// Bytes of bucket arrays, in the layout of the product that the table is modelled on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BucketBytes {
    /// The array that entries move from, or the only one.
    pub old: u64,
    /// The array that entries move to; zero where no rehash goes on.
    pub new: u64,
}

impl BucketBytes {
    /// Both together.
    pub const fn total(self) -> u64 {
        self.old + self.new
    }
}

/// How many iterators hold a table's rehash still.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pauses(u32);

impl Pauses {
    /// One more iterator does.
    pub(crate) const fn begin(&mut self) {
        self.0 += 1;
    }
    /// One iterator has let go.
    ///
    /// # Panics
    /// If none held it.
    pub(crate) fn end(&mut self) {
        self.0 = self.0.checked_sub(1).expect("each resume follows a pause");
    }
    /// Whether no iterator holds the rehash.
    #[inline]
    pub(crate) const fn are_over(self) -> bool {
        self.0 == 0
    }
}

/// Where a walk over all entries stands; [`Position::default`] is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    pub(crate) table: u32,
    pub(crate) bucket: u64,
    pub(crate) next: u32,
}

/// A hash table that counts its work.
///
/// Looking up and changing a table takes the rehash steps that its product would take; each call
/// says how many. The receipt of those steps is filed under its own cause
/// ([`kvrig_base::seam::Cause`]), so that a host can tell a pause from the request it fell into.
pub trait Table<E: Entry>: fmt::Debug {
    /// Finds the entry with `key`. Takes one rehash step.
    fn find(&mut self, key: &E::Key, work: &mut Work) -> Option<Slot>;

    /// Asks the processor for the lines that looking these keys up begins with. There is no step, no
    /// receipt and no effect but on speed; a table may do nothing.
    ///
    /// It is for hosts that know many keys ahead: those that fill a table, or serve pipelined requests.
    /// A look-up alone waits for its lines one after the other.
    fn prefetch(&self, keys: &mut dyn Iterator<Item = &E::Key>) {
        let _ = keys;
    }

    /// Gives an empty table the array that it would have grown to by so many entries, so that no
    /// rehash comes before there are more.
    ///
    /// Servers do so before they load a snapshot that says how many keys it has. A table that has
    /// entries stays as it is. The default does nothing: a table that grows bucket by bucket has nothing
    /// to gain, and Valkey's is sized ahead more widely than it grows (`valkey:src/hashtable.c`,
    /// hashtableExpand), which would be another table than one that has grown.
    fn reserve(&mut self, entries: u64, work: &mut Work) {
        _ = (entries, work);
    }

    /// Finds the entry with `key` without a step and without a receipt, for children and checkers.
    fn peek(&self, key: &E::Key) -> Option<Slot>;

    /// Adds `entry` and says where it is. Takes one rehash step, and may start a rehash.
    ///
    /// # Errors
    /// The entry itself and where the present one is, if its key is in the table.
    fn insert(&mut self, entry: E, work: &mut Work) -> Result<Slot, Occupied<E>>;

    /// Takes the entry with `key` out. Takes one rehash step, and may start to shrink the table.
    fn remove(&mut self, key: &E::Key, work: &mut Work) -> Option<E>;

    /// The entry in `slot`.
    ///
    /// # Panics
    /// If the slot is vacant.
    fn entry(&self, slot: Slot) -> &E;

    /// The entry in `slot`, to be changed; the receipt shows a write of its line.
    ///
    /// # Panics
    /// If the slot is vacant.
    fn entry_mut(&mut self, slot: Slot, work: &mut Work) -> &mut E;

    /// Finds the entry with `key`. Takes one rehash step.
    fn get(&mut self, key: &E::Key, work: &mut Work) -> Option<&E> {
        self.find(key, work).map(|slot| self.entry(slot))
    }

    /// Finds the entry with `key`, to be changed. Takes one rehash step.
    fn get_mut(&mut self, key: &E::Key, work: &mut Work) -> Option<&mut E> {
        self.find(key, work).map(|slot| self.entry_mut(slot, work))
    }

    /// Records that an entry that a walk has come to is read along with its key, as when the key is
    /// copied or freed; walking alone follows links.
    fn read_entry(&self, slot: Slot, work: &mut Work);

    /// Removes all entries and bucket arrays; a rehash ends.
    fn clear(&mut self, work: &mut Work);

    /// Number of entries.
    fn len(&self) -> u64;

    /// Whether there is no entry.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of buckets, of both arrays while a rehash goes on.
    fn buckets(&self) -> u64;

    /// Bytes of bucket arrays in the layout of the product.
    fn bucket_bytes(&self) -> BucketBytes;

    /// The rehash that goes on, if one does.
    fn rehash(&self) -> Option<Rehash>;

    /// Says whether the table may resize from now on. A table whose product never asks takes no
    /// notice.
    fn set_resize_policy(&mut self, policy: ResizePolicy) {
        _ = policy;
    }

    /// Says how many bytes the store may still take: a larger new array is refused, unless the
    /// table is overfull. `None` is without limit, as at first.
    ///
    /// Redis asks its memory limit at this place (dictTypeExpandAllowed, redis#7954). A table whose
    /// product does not takes no notice.
    fn set_growth_headroom(&mut self, bytes: Option<u64>) {
        _ = bytes;
    }

    /// The timer's check of the table's size: starts to shrink or to grow where the product does
    /// so from its timer (Redis 10 times a second, Memcached once). Does nothing where it does not.
    fn cron_resize(&mut self, work: &mut Work) {
        _ = work;
    }

    /// The timer's share of a rehash: goes on until `budget` is spent by the price of the receipt,
    /// and says whether there was anything to do. There is not in a table without a timer.
    fn cron_rehash(&mut self, budget: Span, work: &mut Work) -> bool {
        _ = (budget, work);
        false
    }

    /// The background thread's share of a rehash: moves up to `buckets` buckets, each as a piece of
    /// work of its own, and says whether more remain. Does nothing in a table without such a
    /// thread, where operations or the timer move entries.
    fn maintain(&mut self, buckets: u64, work: &mut Work) -> bool {
        let _ = (buckets, work);
        false
    }

    /// Stops rehash steps until as many calls of [`Table::resume_rehash`]; iterators need it.
    fn pause_rehash(&mut self);

    /// Ends one [`Table::pause_rehash`].
    ///
    /// # Panics
    /// If there was none.
    fn resume_rehash(&mut self);

    /// Visits the entries of the bucket at `cursor` and returns the next cursor; 0 begins and ends.
    ///
    /// Every entry that is present from the first call to the last is visited at least once, also
    /// where the table is resized in between. Takes no rehash step.
    fn scan(&self, cursor: u64, visit: &mut dyn FnMut(Slot, &E), work: &mut Work) -> u64;

    /// The next entry of a walk over all entries, each once; `None` after the last.
    ///
    /// A walk that lives across changes needs [`Table::pause_rehash`] around it; the entry returned
    /// last may then be removed, and entries added meanwhile may be seen or not.
    fn walk(&self, position: &mut Position, work: &mut Work) -> Option<Slot>;

    /// Adds up to `wanted` entries near a random place to `sample`, for eviction: quick, not
    /// uniform, and repeats are possible over several calls. A sparse table may give fewer. Takes
    /// up to `wanted` rehash steps.
    fn sample(
        &mut self,
        wanted: usize,
        random: &mut Sequence,
        sample: &mut Vec<Slot>,
        work: &mut Work,
    );

    /// One entry from a random bucket that is not empty. Takes one rehash step.
    fn random(&mut self, random: &mut Sequence, work: &mut Work) -> Option<Slot>;

    /// The oldest event not yet taken.
    fn take_event(&mut self) -> Option<TableEvent>;
}

/// Why an entry was not added: its key is in the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Occupied<E> {
    /// The entry that was to be added.
    pub entry: E,
    /// Where the present entry is.
    pub slot: Slot,
}
