//! Where entries live: chunks that never move, so that a rehash relinks entries and copies none.

use crate::chunked::Chunked;
use crate::pages::{PAGE_BYTES, allocation_of};
use crate::table::{Entry, Key, Regions, Slot};
use kvrig_base::seam::{Counter, Region, Work};
use std::fmt;

/// Entries of one table at most: slots and links are 32 bits, and link 0 is the end of a chain.
pub const ENTRIES_MAX: u64 = u32::MAX as u64 - 1;

/// Distance of the logical addresses of two keys outside their entries.
const KEY_STRIDE_BYTES: u64 = 64;

/// A link of a chain: the slot's number plus one, or 0 at the end. Zero, so that a bucket array
/// fresh from the system is empty without a pass over it.
pub(crate) type Link = u32;

pub(crate) const END: Link = 0;

#[inline]
pub(crate) const fn link_to(slot: Slot) -> Link {
    slot.0 + 1
}

#[inline]
pub(crate) const fn slot_at(link: Link) -> Option<Slot> {
    match link {
        END => None,
        link => Some(Slot(link - 1)),
    }
}

/// The slot of a link that is not the end.
#[inline]
pub(crate) const fn linked_slot(link: Link) -> Slot {
    debug_assert!(link != END, "the end is no slot");
    Slot(link.wrapping_sub(1))
}

/// How entries come from the allocator of the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryAllocation {
    /// One allocation an entry, as Redis and textbooks have it.
    EachEntry,
    /// One allocation a chunk.
    EachChunk,
}

/// A slot. Both kinds keep their word in the same place, and the entry's alignment hides the mark.
#[derive(Debug)]
enum Node<E: Entry> {
    Vacant {
        /// The next vacant slot.
        next: Link,
    },
    Used {
        /// What the table keeps beside the entry: the link of a chain, or a part of the hash.
        word: u32,
        entry: E,
        /// Takes no room.
        _placement: E::Placement,
    },
}

const _: () = assert!(
    size_of::<Node<u64>>() == 16,
    "the mark and the word share eight bytes"
);

const IN_USE: &str = "the slot came from this table and is in use";

/// The entries of one table, each with a word of the table's own, for most the link of a chain.
pub(crate) struct Arena<E: Entry> {
    nodes: Chunked<Node<E>>,
    /// First of the chain of vacant slots.
    vacant: Link,
    /// Slots in use.
    len: u64,
    /// Slots that can be filled before a page or a chunk is needed.
    ready: u32,
    /// Pages touched so far.
    pages: u64,
    entries: Region,
    keys: Region,
    allocation: EntryAllocation,
}

/// Says how much there is: all entries would fill the screen.
impl<E: Entry> fmt::Debug for Arena<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arena")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

impl<E: Entry> Arena<E> {
    const NODE_BYTES: u64 = size_of::<Node<E>>() as u64;

    pub(crate) fn new(regions: Regions, allocation: EntryAllocation) -> Self {
        Self {
            nodes: Chunked::new(),
            vacant: END,
            len: 0,
            ready: 0,
            pages: 0,
            entries: regions.entries,
            keys: regions.keys,
            allocation,
        }
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    #[inline]
    fn node(&self, slot: Slot) -> (u32, &E) {
        match self.nodes.get(slot.0) {
            Node::Used { word, entry, .. } => (*word, entry),
            Node::Vacant { .. } => unreachable!("{IN_USE}"),
        }
    }

    #[inline]
    fn node_mut(&mut self, slot: Slot) -> &mut Node<E> {
        self.nodes.get_mut(slot.0)
    }

    /// Asks for the line of an entry.
    #[inline]
    pub(crate) fn prefetch(&self, slot: Slot) {
        crate::prefetch::prefetch(self.nodes.get(slot.0));
    }

    #[inline]
    pub(crate) fn entry(&self, slot: Slot) -> &E {
        self.node(slot).1
    }

    pub(crate) fn entry_mut(&mut self, slot: Slot, work: &mut Work) -> &mut E {
        self.touch_write(slot, work);
        match self.node_mut(slot) {
            Node::Used { entry, .. } => entry,
            Node::Vacant { .. } => unreachable!("{IN_USE}"),
        }
    }

    /// The word beside the entry: in a chain, the link to the next.
    #[inline]
    pub(crate) fn word(&self, slot: Slot) -> u32 {
        self.node(slot).0
    }

    #[inline]
    pub(crate) fn set_word(&mut self, slot: Slot, new: u32, work: &mut Work) {
        self.touch_write(slot, work);
        if let Node::Used { word, .. } = self.node_mut(slot) {
            *word = new;
        }
    }

    /// Visits an entry for its key: the entry's lines, and the key's where it is outside.
    #[inline]
    pub(crate) fn visit_key(&self, slot: Slot, work: &mut Work) -> (&E::Key, u32) {
        let (word, entry) = self.node(slot);
        let key = entry.key();
        work.read_bytes(
            self.entries,
            u64::from(slot.0) * Self::NODE_BYTES,
            Self::NODE_BYTES,
        );
        if E::KEY_IS_OUTSIDE {
            work.read_bytes(
                self.keys,
                u64::from(slot.0) * KEY_STRIDE_BYTES,
                key.byte_len(),
            );
        }
        (key, word)
    }

    /// Reads an entry, and its key where that is outside: what a visit for a word alone leaves out.
    pub(crate) fn read(&self, slot: Slot, work: &mut Work) {
        self.visit_key(slot, work);
    }

    /// Visits an entry for its word alone.
    #[inline]
    pub(crate) fn visit(&self, slot: Slot, work: &mut Work) -> u32 {
        work.read_bytes(
            self.entries,
            u64::from(slot.0) * Self::NODE_BYTES,
            Self::NODE_BYTES,
        );
        self.word(slot)
    }

    #[inline]
    fn touch_write(&self, slot: Slot, work: &mut Work) {
        work.write_bytes(
            self.entries,
            u64::from(slot.0) * Self::NODE_BYTES,
            Self::NODE_BYTES,
        );
    }

    /// Takes `entry` in, with `word` beside it.
    ///
    /// # Panics
    /// Beyond [`ENTRIES_MAX`] entries, which take more than 64 GiB.
    #[inline]
    pub(crate) fn insert(&mut self, entry: E, word: u32, work: &mut Work) -> Slot {
        if self.allocation == EntryAllocation::EachEntry {
            work.count(Counter::AllocationsSmall, 1);
        }
        let key_bytes = entry.key().byte_len();
        let node = Node::Used {
            word,
            entry,
            _placement: E::Placement::default(),
        };
        let slot = match slot_at(self.vacant) {
            Some(slot) => {
                if let Node::Vacant { next } = std::mem::replace(self.node_mut(slot), node) {
                    self.vacant = next;
                }
                slot
            }
            None => {
                if self.nodes.len() >= self.ready {
                    self.make_ready(work);
                }
                Slot(self.nodes.push(node))
            }
        };
        self.len += 1;
        self.touch_write(slot, work);
        if E::KEY_IS_OUTSIDE {
            work.write_bytes(self.keys, u64::from(slot.0) * KEY_STRIDE_BYTES, key_bytes);
        }
        slot
    }

    /// Makes the next slot ready, and those that begin in the same page and lie in the same chunk.
    #[cold]
    fn make_ready(&mut self, work: &mut Work) {
        let number = u64::from(self.nodes.len());
        assert!(
            number < ENTRIES_MAX,
            "a table has at most {ENTRIES_MAX} entries"
        );
        if let Some(bytes) = self.nodes.reserve()
            && self.allocation == EntryAllocation::EachChunk
        {
            work.count(allocation_of(bytes), 1);
        }
        let pages = ((number + 1) * Self::NODE_BYTES).div_ceil(PAGE_BYTES);
        if pages > self.pages {
            work.count(Counter::PagesFaulted, pages - self.pages);
            self.pages = pages;
        }
        let of_page = (pages * PAGE_BYTES / Self::NODE_BYTES).max(number + 1);
        let ready = of_page.min(self.nodes.room()).min(ENTRIES_MAX);
        self.ready = u32::try_from(ready).expect("ENTRIES_MAX fits in 32 bits");
    }

    /// Takes the entry out of a slot that is no longer linked.
    pub(crate) fn remove(&mut self, slot: Slot, work: &mut Work) -> E {
        if self.allocation == EntryAllocation::EachEntry {
            work.count(Counter::Frees, 1);
        }
        self.touch_write(slot, work);
        let vacant = Node::Vacant { next: self.vacant };
        let Node::Used { entry, .. } = std::mem::replace(self.node_mut(slot), vacant) else {
            unreachable!("{IN_USE}")
        };
        self.vacant = link_to(slot);
        self.len -= 1;
        entry
    }

    /// Drops all entries, one by one as the product would.
    pub(crate) fn clear(&mut self, work: &mut Work) {
        let frees = match self.allocation {
            EntryAllocation::EachEntry => self.len,
            EntryAllocation::EachChunk => self.nodes.chunks() as u64,
        };
        work.count(Counter::EntriesVisited, self.len);
        work.count(Counter::Frees, frees);
        self.nodes = Chunked::new();
        self.vacant = END;
        self.len = 0;
        self.ready = 0;
        self.pages = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arena() -> Arena<u64> {
        Arena::new(Regions::starting_at(0), EntryAllocation::EachEntry)
    }

    #[test]
    fn vacant_slots_are_taken_before_new_ones() {
        let (mut arena, work) = (arena(), &mut Work::unpriced());
        let slots: Vec<Slot> = (0..3).map(|key| arena.insert(key, END, work)).collect();
        assert_eq!(arena.remove(slots[0], work), 0);
        assert_eq!(arena.remove(slots[2], work), 2);
        assert_eq!(arena.insert(7, END, work), slots[2]);
        assert_eq!(arena.insert(8, END, work), slots[0]);
        assert_eq!(arena.insert(9, END, work), Slot(3));
        assert_eq!((arena.len(), *arena.entry(slots[1])), (4, 1));
    }

    #[test]
    fn pages_fault_as_the_arena_grows_and_never_again() {
        let (mut arena, work) = (arena(), &mut Work::unpriced());
        let slots: Vec<Slot> = (0..1_000).map(|key| arena.insert(key, END, work)).collect();
        // 16,000 bytes.
        assert_eq!(work.counts().get(Counter::PagesFaulted), 4);
        slots.iter().for_each(|&slot| _ = arena.remove(slot, work));
        (0..1_000).for_each(|key| _ = arena.insert(key, END, work));
        assert_eq!(work.counts().get(Counter::PagesFaulted), 4);
        assert_eq!(work.counts().get(Counter::AllocationsSmall), 2_000);
        assert_eq!(work.counts().get(Counter::Frees), 1_000);
    }
}
