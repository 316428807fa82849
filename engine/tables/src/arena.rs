//! Where entries live: chunks that never move, so that a rehash relinks entries and copies none.

use crate::table::{Entry, Key, Regions, Slot};
use kvrig_base::seam::{Counter, Region, Work};

/// Entries of one chunk. A chunk is filled from its start and never copied.
const CHUNK_ENTRIES: usize = 4_096;
const CHUNK_SHIFT: u32 = CHUNK_ENTRIES.trailing_zeros();
/// Entries of one table at most: slots and links are 32 bits, and link 0 is the end of a chain.
pub const ENTRIES_MAX: u64 = u32::MAX as u64 - 1;

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

/// How entries come from the allocator of the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryAllocation {
    /// One allocation an entry, as Redis and textbooks have it.
    EachEntry,
    /// One allocation a chunk.
    EachChunk,
}

#[derive(Debug)]
struct Node<E> {
    next: Link,
    /// Absent where the slot is vacant; `next` then leads to the next vacant slot.
    entry: Option<E>,
}

/// The entries of one table, each with the link to the next of its chain.
#[derive(Debug)]
pub(crate) struct Arena<E> {
    chunks: Vec<Vec<Node<E>>>,
    /// First of the chain of vacant slots.
    vacant: Link,
    /// Slots in use.
    len: u64,
    /// Pages of the arena touched so far.
    pages: u64,
    entries: Region,
    keys: Region,
    allocation: EntryAllocation,
}

impl<E: Entry> Arena<E> {
    const NODE_BYTES: u64 = size_of::<Node<E>>() as u64;

    pub(crate) fn new(regions: Regions, allocation: EntryAllocation) -> Self {
        Self {
            chunks: Vec::new(),
            vacant: END,
            len: 0,
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
    fn node(&self, slot: Slot) -> &Node<E> {
        &self.chunks[slot.index() >> CHUNK_SHIFT][slot.index() & (CHUNK_ENTRIES - 1)]
    }

    #[inline]
    fn node_mut(&mut self, slot: Slot) -> &mut Node<E> {
        &mut self.chunks[slot.index() >> CHUNK_SHIFT][slot.index() & (CHUNK_ENTRIES - 1)]
    }

    #[inline]
    pub(crate) fn entry(&self, slot: Slot) -> &E {
        self.node(slot)
            .entry
            .as_ref()
            .expect("the slot came from this table and is in use")
    }

    pub(crate) fn entry_mut(&mut self, slot: Slot, work: &mut Work) -> &mut E {
        self.touch_write(slot, work);
        self.node_mut(slot)
            .entry
            .as_mut()
            .expect("the slot came from this table and is in use")
    }

    /// The link to the next entry of the chain.
    #[inline]
    pub(crate) fn next(&self, slot: Slot) -> Link {
        self.node(slot).next
    }

    #[inline]
    pub(crate) fn set_next(&mut self, slot: Slot, next: Link, work: &mut Work) {
        self.touch_write(slot, work);
        self.node_mut(slot).next = next;
    }

    /// Visits an entry of a chain for its key: the entry's line, and the key's where it is outside.
    #[inline]
    pub(crate) fn visit_key(&self, slot: Slot, work: &mut Work) -> (&E::Key, Link) {
        let node = self.node(slot);
        let entry = node.entry.as_ref().expect("chains lead to slots in use");
        let key = entry.key();
        work.read_bytes(
            self.entries,
            u64::from(slot.0) * Self::NODE_BYTES,
            Self::NODE_BYTES,
        );
        if E::KEY_IS_OUTSIDE {
            work.read_bytes(self.keys, u64::from(slot.0) * 64, key.byte_len());
        }
        (key, node.next)
    }

    /// Visits an entry of a chain for its link alone.
    #[inline]
    pub(crate) fn visit(&self, slot: Slot, work: &mut Work) -> Link {
        work.read_bytes(
            self.entries,
            u64::from(slot.0) * Self::NODE_BYTES,
            Self::NODE_BYTES,
        );
        self.node(slot).next
    }

    #[inline]
    fn touch_write(&self, slot: Slot, work: &mut Work) {
        work.write_bytes(
            self.entries,
            u64::from(slot.0) * Self::NODE_BYTES,
            Self::NODE_BYTES,
        );
    }

    /// Takes `entry` in, before `next` in its chain.
    ///
    /// # Panics
    /// Beyond [`ENTRIES_MAX`] entries, which take more than 100 GiB.
    pub(crate) fn insert(&mut self, entry: E, next: Link, work: &mut Work) -> Slot {
        assert!(
            self.len < ENTRIES_MAX,
            "a table has at most {ENTRIES_MAX} entries"
        );
        if self.allocation == EntryAllocation::EachEntry {
            work.count(Counter::AllocationsSmall, 1);
        }
        self.len += 1;
        let slot = match slot_at(self.vacant) {
            Some(slot) => {
                let node = self.node_mut(slot);
                let vacant = std::mem::replace(&mut node.next, next);
                node.entry = Some(entry);
                self.vacant = vacant;
                slot
            }
            None => self.push(
                Node {
                    next,
                    entry: Some(entry),
                },
                work,
            ),
        };
        self.touch_write(slot, work);
        if E::KEY_IS_OUTSIDE {
            let key_bytes = self.entry(slot).key().byte_len();
            work.write_bytes(self.keys, u64::from(slot.0) * 64, key_bytes);
        }
        slot
    }

    /// Puts a node into a slot that was never used.
    fn push(&mut self, node: Node<E>, work: &mut Work) -> Slot {
        if self
            .chunks
            .last()
            .is_none_or(|chunk| chunk.len() == CHUNK_ENTRIES)
        {
            self.chunks.push(Vec::with_capacity(CHUNK_ENTRIES));
            if self.allocation == EntryAllocation::EachChunk {
                work.count(Counter::AllocationsLarge, 1);
            }
        }
        let number = self.len - 1;
        let pages = ((number + 1) * Self::NODE_BYTES).div_ceil(crate::buckets::PAGE_BYTES);
        work.count(Counter::PagesFaulted, pages.saturating_sub(self.pages));
        self.pages = self.pages.max(pages);
        self.chunks.last_mut().expect("pushed above").push(node);
        Slot(u32::try_from(number).expect("ENTRIES_MAX fits in 32 bits"))
    }

    /// Takes the entry out of a slot that is no longer linked.
    pub(crate) fn remove(&mut self, slot: Slot, work: &mut Work) -> E {
        if self.allocation == EntryAllocation::EachEntry {
            work.count(Counter::Frees, 1);
        }
        self.touch_write(slot, work);
        let vacant = self.vacant;
        let node = self.node_mut(slot);
        let entry = node
            .entry
            .take()
            .expect("the slot came from this table and is in use");
        node.next = vacant;
        self.vacant = link_to(slot);
        self.len -= 1;
        entry
    }

    /// Drops all entries, one by one as the product would.
    pub(crate) fn clear(&mut self, work: &mut Work) {
        let frees = match self.allocation {
            EntryAllocation::EachEntry => self.len,
            EntryAllocation::EachChunk => self.chunks.len() as u64,
        };
        work.count(Counter::EntriesVisited, self.len);
        work.count(Counter::Frees, frees);
        self.chunks = Vec::new();
        self.vacant = END;
        self.len = 0;
        self.pages = 0;
    }
}
