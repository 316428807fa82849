//! Values: strings and collections, and how they are stored.

mod bytes;
pub mod dict;
mod hash;
pub(crate) mod hyperloglog;
pub(crate) mod list;
mod sampled;
mod set;
pub mod sorted_set;
pub mod stream;
mod string;

pub use bytes::ValueBytes;
pub use hash::{Hash, PackLimits};
pub use list::{List, NodeLimit};
pub use set::Set;
pub use sorted_set::SortedSet;
pub use stream::Stream;
pub use string::StringValue;

use crate::memory::SHARED_INTEGERS;
use dict::DictConfig;
use kvrig_base::seam::{Counter, Work};
use kvrig_tables::ResizePolicy;
use sorted_set::SortedSetConfig;

/// Allocations from this size on may go to the system.
const LARGE_ALLOCATION_BYTES: u64 = 32 * 1024;
/// Bytes of a page of memory.
const PAGE_BYTES: u64 = 4_096;

/// What a key holds. Collections lie outside, so that a record stays small.
#[derive(Debug)]
pub enum Value {
    /// A string.
    String(StringValue),
    /// A list.
    List(Box<List>),
    /// A set.
    Set(Box<Set>),
    /// A sorted set.
    SortedSet(Box<SortedSet>),
    /// A hash.
    Hash(Box<Hash>),
    /// A stream.
    Stream(Box<Stream>),
}

/// A kind of value.
///
/// Sizes are kept as the value changes, because they are asked for at every change.
pub trait Kind: Sized {
    /// The value as this kind, if it is of it.
    fn of(value: &Value) -> Option<&Self>;
    /// The same, to be changed.
    fn of_mut(value: &mut Value) -> Option<&mut Self>;
    /// As a value.
    fn into_value(self) -> Value;
    /// Whether nothing is left in it: Redis keeps no empty collection but streams.
    fn is_empty(&self) -> bool;
    /// Says whether tables inside may resize, which a forked child changes for all of them.
    fn set_resize_policy(&mut self, policy: ResizePolicy);
}

/// What Redis would have allocated for a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Bytes, each allocation rounded to its size class; the object's header is not among them.
    pub bytes: u64,
    /// Number of allocations.
    pub allocations: u64,
}

impl Value {
    /// The name of its type in TYPE.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::String(_) => "string",
            Self::List(_) => "list",
            Self::Set(_) => "set",
            Self::SortedSet(_) => "zset",
            Self::Hash(_) => "hash",
            Self::Stream(_) => "stream",
        }
    }
    /// The name of its encoding in OBJECT ENCODING.
    pub fn encoding(&self) -> &'static str {
        match self {
            Self::String(StringValue::Integer(_)) => "int",
            Self::String(StringValue::Embedded(_)) => "embstr",
            Self::String(StringValue::Raw(_)) => "raw",
            Self::List(_) => "quicklist",
            Self::Set(set) => set.encoding(),
            Self::SortedSet(set) => set.encoding(),
            Self::Hash(hash) => hash.encoding(),
            Self::Stream(_) => "stream",
        }
    }
    /// Whether it is an integer for which Redis keeps one object (OBJ_SHARED_INTEGERS).
    pub(crate) fn is_small_integer(&self) -> bool {
        matches!(self, Self::String(StringValue::Integer(number)) if (0..SHARED_INTEGERS).contains(number))
    }
    /// How much work freeing it is, by which UNLINK decides whether a thread does it
    /// (`redis:src/lazyfree.c`, lazyfreeGetFreeEffort): the allocations of a collection that has
    /// many, and 1 otherwise.
    pub fn free_effort(&self) -> u64 {
        match self {
            Self::String(_) => 1,
            Self::List(list) => list.nodes() as u64,
            Self::Set(set) if set.integers().is_none() => set.len() as u64,
            Self::Hash(hash) if hash.pack().is_none() => hash.len() as u64,
            Self::SortedSet(set) if set.pack().is_none() => set.len() as u64,
            Self::Set(_) | Self::SortedSet(_) | Self::Hash(_) => 1,
            Self::Stream(stream) => stream.free_effort(),
        }
    }
    /// Allocations beside the record that are given back with it.
    pub fn allocations(&self) -> u64 {
        match self {
            Self::String(string) => u64::from(string.stored_len() > 0),
            _ => self.footprint().allocations,
        }
    }
    /// Counts the work of giving the value back: a free for each allocation, and the way to each of
    /// them (freeListObject, freeSetObject, freeZsetObject, freeHashObject).
    pub(crate) fn count_release(&self, work: &mut Work) {
        work.count(Counter::Frees, self.allocations());
        match self {
            Self::String(string) => count_pages_released(string.stored_len() as u64, work),
            Self::List(list) => work.count(Counter::ListSteps, list.nodes() as u64),
            Self::Set(set) => set.count_release(work),
            Self::SortedSet(set) => set.count_release(work),
            Self::Hash(hash) => hash.count_release(work),
            Self::Stream(stream) => {
                work.count(Counter::ListSteps, stream.log().nodes().nodes());
            }
        }
    }
    /// What Redis would have allocated for a collection; nothing for a string, whose allocation
    /// its object may share.
    pub fn footprint(&self) -> Footprint {
        match self {
            Self::String(_) => Footprint::default(),
            Self::List(list) => list.footprint(),
            Self::Set(set) => set.footprint(),
            Self::SortedSet(set) => set.footprint(),
            Self::Hash(hash) => hash.footprint(),
            Self::Stream(stream) => stream.footprint(),
        }
    }
    /// A copy in the same encoding, whose tables are made with `dict` or as `sorted_set` says.
    pub(crate) fn copy(
        &self,
        dict: DictConfig,
        sorted_set: SortedSetConfig,
        work: &mut Work,
    ) -> Self {
        let footprint = self.footprint();
        let stored = self.stored_len() as u64;
        work.count(Counter::BytesCopied, footprint.bytes + stored);
        work.count(Counter::AllocationsSmall, footprint.allocations);
        match self {
            Self::String(string) => Self::String(string.clone()),
            Self::List(list) => Self::List(Box::new(list.copy(work))),
            Self::Set(set) => Self::Set(Box::new(set.copy(dict, work))),
            Self::SortedSet(set) => Self::SortedSet(Box::new(set.copy(sorted_set, work))),
            Self::Hash(hash) => Self::Hash(Box::new(hash.copy(dict, work))),
            Self::Stream(stream) => Self::Stream(Box::new(stream.copy())),
        }
    }
    /// Bytes of a string that lie in an allocation of their own.
    pub fn stored_len(&self) -> usize {
        match self {
            Self::String(string) => string.stored_len(),
            _ => 0,
        }
    }
}

/// Counts the pages of an allocation that is given back, where it is so large that it goes to the
/// system ([`Counter::AllocationsLarge`]).
fn count_pages_released(bytes: u64, work: &mut Work) {
    if bytes >= LARGE_ALLOCATION_BYTES {
        work.count(Counter::PagesReleased, bytes.div_ceil(PAGE_BYTES));
    }
}

macro_rules! kinds {
    ($($kind:ty, $variant:ident, $empty:expr, $policy:expr;)*) => {
        $(impl Kind for $kind {
            fn of(value: &Value) -> Option<&Self> {
                match value {
                    Value::$variant(this) => Some(this),
                    _ => None,
                }
            }
            fn of_mut(value: &mut Value) -> Option<&mut Self> {
                match value {
                    Value::$variant(this) => Some(this),
                    _ => None,
                }
            }
            fn into_value(self) -> Value {
                Value::$variant(self.into())
            }
            fn is_empty(&self) -> bool {
                $empty(self)
            }
            fn set_resize_policy(&mut self, policy: ResizePolicy) {
                $policy(self, policy);
            }
        })*
    };
}

kinds! {
    StringValue, String, |_| false, |_, _| ();
    List, List, List::is_empty, |_, _| ();
    Set, Set, Set::is_empty, Set::set_resize_policy;
    SortedSet, SortedSet, SortedSet::is_empty, SortedSet::set_resize_policy;
    Hash, Hash, Hash::is_empty, Hash::set_resize_policy;
    // An empty stream stays: its ids and groups outlive its entries.
    Stream, Stream, |_| false, |_, _| ();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_fits_three_words() {
        assert_eq!(size_of::<Value>(), 24);
    }
}
