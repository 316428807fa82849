//! A node of a stream: a listpack of entries.
//!
//! The layout is that of Redis (`redis:src/t_stream.c` 7.0, streamAppendItem). In front lies a master
//! entry with the fields of the first entry; entries with the same fields state only their values:
//!
//! ```text
//!   master   live  deleted  fields  field ...  0
//!   entry    flags  ms  seq  [fields]  [field] value ...  elements of this entry
//! ```
//!
//! Ids are differences from that of the first entry, which is the node's key. The number at the end
//! lets entries be walked backwards. A deleted entry is marked and stays where it is.

use super::id::StreamId;
use crate::encoding::listpack::{Item, Listpack, Offset};
use crate::memory::size_class;
use crate::number::IntegerText;
use crate::value::ValueBytes;
use kvrig_base::seam::{Counter, Work};

/// The entry is deleted (STREAM_ITEM_FLAG_DELETED).
const DELETED: i64 = 1;
/// Its fields are those of the master entry (STREAM_ITEM_FLAG_SAMEFIELDS).
const SAME_FIELDS: i64 = 2;
/// Elements of an entry beside fields and values: flags, both parts of the id, and, where fields are
/// stated, their number.
const FIXED_ELEMENTS: usize = 3;
/// What a new node is allocated with, or the configured size where that is less
/// (STREAM_LISTPACK_MAX_PRE_ALLOCATE).
const PREALLOCATED_BYTES: usize = 4_096;
/// Bytes of a node at most, however it is configured (STREAM_LISTPACK_MAX_SIZE).
pub(super) const NODE_BYTES_MAX: usize = 1 << 30;

/// How large one node may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeLimits {
    /// `stream-node-max-bytes`; 0 is no limit.
    pub bytes: u64,
    /// `stream-node-max-entries`, deleted ones included; 0 is no limit.
    pub entries: u64,
}

/// A listpack of entries.
#[derive(Debug)]
pub struct StreamNode {
    pack: Listpack,
    /// What Redis would have allocated: more than the listpack while entries are added.
    allocated: u64,
}

/// An entry that was found in a node.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its id.
    pub id: StreamId,
    pack: &'a Listpack,
    flags_at: Offset,
    flags: i64,
    /// The first of its own fields, or the first value where the fields are those of the master.
    content: Offset,
    /// The first field of the master entry.
    master_field: Offset,
    fields: usize,
}

impl Clone for StreamNode {
    /// A copy is allocated without room to grow (streamDup).
    fn clone(&self) -> Self {
        let pack = self.pack.clone();
        let allocated = size_class(pack.byte_len() as u64);
        Self { pack, allocated }
    }
}

fn integer(item: Option<Item<'_>>) -> i64 {
    match item {
        Some(Item::Integer(number)) => number,
        _ => 0,
    }
}

impl<'a> Entry<'a> {
    /// Number of its fields.
    pub fn fields(&self) -> usize {
        self.fields
    }
    /// Whether it is deleted.
    pub(super) fn is_deleted(&self) -> bool {
        self.flags & DELETED != 0
    }
    fn has_same_fields(&self) -> bool {
        self.flags & SAME_FIELDS != 0
    }
    /// Visits its fields with their values.
    pub fn for_each(
        &self,
        work: &mut Work,
        mut visit: impl FnMut(ValueBytes<'a>, ValueBytes<'a>, &mut Work),
    ) {
        let has_same_fields = self.has_same_fields();
        let (mut content, mut master) = (self.content, self.master_field);
        for _ in 0..self.fields {
            let at = match has_same_fields {
                true => &mut master,
                false => &mut content,
            };
            let Some(field) = self.pack.get(*at) else {
                return;
            };
            *at = self.pack.next(*at);
            let Some(value) = self.pack.get(content) else {
                return;
            };
            content = self.pack.next(content);
            work.count(Counter::EntriesVisited, 2);
            visit(field.bytes(), value.bytes(), work);
        }
    }
    /// The place behind it.
    fn end(&self, work: &mut Work) -> Offset {
        let elements = match self.has_same_fields() {
            true => self.fields + 1,
            false => 2 * self.fields + 1,
        };
        skip(self.pack, self.content, elements, work)
    }
}

fn skip(pack: &Listpack, mut at: Offset, elements: usize, work: &mut Work) -> Offset {
    work.count(Counter::EntriesVisited, elements as u64);
    for _ in 0..elements {
        at = pack.next(at);
    }
    at
}

impl StreamNode {
    /// A node for a first entry with these fields, which is then to be added.
    pub(super) fn new(pairs: &[&[u8]], limits: NodeLimits, work: &mut Work) -> Self {
        let mut pack = Listpack::default();
        push_integer(&mut pack, 0);
        push_integer(&mut pack, 0);
        push_integer(&mut pack, (pairs.len() / 2) as i64);
        for pair in pairs.chunks_exact(2) {
            work.count(Counter::BytesCopied, pair[0].len() as u64);
            pack.push_back(pair[0]);
        }
        push_integer(&mut pack, 0);
        work.count(Counter::AllocationsSmall, 1);
        let room = match usize::try_from(limits.bytes) {
            Ok(bytes @ 1..PREALLOCATED_BYTES) => bytes,
            _ => PREALLOCATED_BYTES,
        };
        Self {
            allocated: size_class(pack.byte_len().max(room) as u64),
            pack,
        }
    }
    /// Takes a listpack over, once its entries are checked (streamValidateListpackIntegrity, deep, and
    /// that the counts in front are true).
    ///
    /// # Errors
    /// What is wrong with it, in a few words.
    pub(crate) fn from_pack(pack: Listpack) -> Result<Self, &'static str> {
        let mut reading = Reading {
            at: pack.first(),
            pack: &pack,
        };
        let (live, deleted) = (reading.count()?, reading.count()?);
        let master_fields = reading.count()?;
        reading.skip(master_fields)?;
        if reading.integer()? != 0 {
            return Err("a node of a stream whose first entry does not end with zero");
        }
        let mut found = [0_u64; 2];
        while reading.at != pack.end() {
            found[usize::from(reading.entry(master_fields)?)] += 1;
        }
        if found != [live, deleted] {
            return Err("a node of a stream that states another number of entries than it has");
        }
        let allocated = size_class(pack.byte_len() as u64);
        Ok(Self { pack, allocated })
    }
    /// Its serialised form.
    pub fn as_bytes(&self) -> &[u8] {
        self.pack.as_bytes()
    }
    /// Bytes that Redis would have allocated for it.
    pub(super) fn allocated(&self) -> u64 {
        self.allocated
    }
    /// Number of entries that are not deleted.
    pub(super) fn live(&self) -> u64 {
        integer(self.pack.get(self.pack.first())) as u64
    }
    fn deleted(&self) -> u64 {
        integer(self.pack.get(self.pack.next(self.pack.first()))) as u64
    }
    /// Whether an entry whose fields and values have so many bytes goes to a new node.
    pub(super) fn is_full_for(&self, bytes: usize, limits: NodeLimits) -> bool {
        let bytes_max = match usize::try_from(limits.bytes) {
            Ok(most @ 1..=NODE_BYTES_MAX) => most,
            _ => NODE_BYTES_MAX,
        };
        self.pack.byte_len().saturating_add(bytes) >= bytes_max
            || limits.entries > 0 && self.live() + self.deleted() >= limits.entries
    }
    /// Gives back the room for further entries (lpShrinkToFit).
    pub(super) fn close(&mut self, work: &mut Work) {
        let fitting = size_class(self.pack.byte_len() as u64);
        if fitting < self.allocated {
            work.count(Counter::BytesCopied, self.pack.byte_len() as u64);
            self.allocated = fitting;
        }
    }
    /// Adds an entry at the end; `master` is the node's key.
    pub(super) fn push(
        &mut self,
        master: StreamId,
        id: StreamId,
        pairs: &[&[u8]],
        work: &mut Work,
    ) {
        let before = self.pack.byte_len();
        let has_same_fields = self.has_fields(pairs, work);
        let live = self.live();
        self.set_count(0, live + 1);
        let pack = &mut self.pack;
        push_integer(pack, if has_same_fields { SAME_FIELDS } else { 0 });
        push_integer(pack, id.ms.wrapping_sub(master.ms) as i64);
        push_integer(pack, id.seq.wrapping_sub(master.seq) as i64);
        let mut elements = FIXED_ELEMENTS;
        if !has_same_fields {
            push_integer(pack, (pairs.len() / 2) as i64);
            elements += 1;
        }
        for pair in pairs.chunks_exact(2) {
            if !has_same_fields {
                pack.push_back(pair[0]);
                elements += 1;
            }
            pack.push_back(pair[1]);
            elements += 1;
        }
        push_integer(pack, elements as i64);
        let added = self.pack.byte_len() - before;
        work.count(Counter::BytesCopied, added as u64);
        self.resize(before, work);
    }
    /// Whether these are the fields of the master entry.
    fn has_fields(&self, pairs: &[&[u8]], work: &mut Work) -> bool {
        let at = skip(&self.pack, self.pack.first(), 2, work);
        if integer(self.pack.get(at)) != (pairs.len() / 2) as i64 {
            return false;
        }
        let mut at = self.pack.next(at);
        pairs.chunks_exact(2).all(|pair| {
            work.count(Counter::EntriesVisited, 1);
            work.count(Counter::BytesScanned, pair[0].len() as u64);
            let is_same = self.pack.get(at).is_some_and(|item| item.is(pair[0]));
            at = self.pack.next(at);
            is_same
        })
    }
    /// The first entry, deleted or not.
    pub(super) fn first(&self, master: StreamId, work: &mut Work) -> Option<Entry<'_>> {
        let (_, behind) = self.master(work);
        self.entry(master, behind, work)
    }
    /// The entry that follows.
    pub(super) fn after<'a>(
        &'a self,
        master: StreamId,
        entry: &Entry<'a>,
        work: &mut Work,
    ) -> Option<Entry<'a>> {
        let end = entry.end(work);
        self.entry(master, end, work)
    }
    /// The last entry, deleted or not.
    pub(super) fn last(&self, master: StreamId, work: &mut Work) -> Option<Entry<'_>> {
        self.entry_before(master, self.pack.end(), work)
    }
    /// The entry in front of another.
    pub(super) fn before<'a>(
        &'a self,
        master: StreamId,
        entry: &Entry<'a>,
        work: &mut Work,
    ) -> Option<Entry<'a>> {
        self.entry_before(master, entry.flags_at, work)
    }
    fn entry_before(&self, master: StreamId, at: Offset, work: &mut Work) -> Option<Entry<'_>> {
        let count_at = self.pack.before(at)?;
        let elements = integer(self.pack.get(count_at));
        // The master entry ends with zero.
        if elements == 0 {
            return None;
        }
        work.count(Counter::EntriesVisited, elements as u64);
        let mut flags_at = count_at;
        for _ in 0..elements {
            flags_at = self.pack.before(flags_at)?;
        }
        self.entry(master, flags_at, work)
    }
    /// The first field of the master entry, and the place behind that entry.
    fn master(&self, work: &mut Work) -> (Offset, Offset) {
        let fields_at = skip(&self.pack, self.pack.first(), 2, work);
        let fields = integer(self.pack.get(fields_at)) as usize;
        let first_field = self.pack.next(fields_at);
        let behind = skip(&self.pack, first_field, fields + 1, work);
        (first_field, behind)
    }
    fn entry(&self, master: StreamId, flags_at: Offset, work: &mut Work) -> Option<Entry<'_>> {
        let pack = &self.pack;
        let flags = integer(Some(pack.get(flags_at)?));
        let ms_at = pack.next(flags_at);
        let seq_at = pack.next(ms_at);
        work.count(Counter::EntriesVisited, FIXED_ELEMENTS as u64);
        let id = StreamId {
            ms: master.ms.wrapping_add(integer(pack.get(ms_at)) as u64),
            seq: master.seq.wrapping_add(integer(pack.get(seq_at)) as u64),
        };
        let master_fields_at = pack.next(pack.next(pack.first()));
        let master_field = pack.next(master_fields_at);
        let behind_id = pack.next(seq_at);
        let (fields_at, content) = match flags & SAME_FIELDS {
            0 => (behind_id, pack.next(behind_id)),
            _ => (master_fields_at, behind_id),
        };
        Some(Entry {
            id,
            pack,
            flags_at,
            flags,
            content,
            master_field,
            fields: integer(pack.get(fields_at)) as usize,
        })
    }
    /// Marks the entry whose flags are at `place` as deleted; counts are corrected once for all that
    /// are marked.
    pub(super) fn mark_deleted(&mut self, place: EntryPlace) {
        let flags = IntegerText::new(place.flags | DELETED);
        self.pack.replace(place.at, flags.as_bytes());
    }
    /// Takes note that so many entries were marked.
    pub(super) fn count_deleted(&mut self, entries: u64, work: &mut Work) {
        let before = self.pack.byte_len();
        let (live, deleted) = (self.live(), self.deleted());
        self.set_count(0, live.saturating_sub(entries));
        self.set_count(1, deleted + entries);
        self.resize(before, work);
    }
    fn set_count(&mut self, index: usize, count: u64) {
        let mut at = self.pack.first();
        for _ in 0..index {
            at = self.pack.next(at);
        }
        self.pack
            .replace(at, IntegerText::unsigned(count).as_bytes());
    }
    /// Allocates again where the listpack has outgrown its allocation, and where it has become
    /// shorter (lpInsert).
    fn resize(&mut self, before: usize, work: &mut Work) {
        let bytes = self.pack.byte_len();
        let fitting = size_class(bytes as u64);
        if fitting > self.allocated || bytes < before {
            work.count(Counter::AllocationsSmall, 1);
            work.count(Counter::Frees, 1);
            work.count(Counter::BytesCopied, before as u64);
            self.allocated = fitting;
        }
    }
}

/// Where an entry lies in its node.
#[derive(Clone, Copy, Debug)]
pub(super) struct EntryPlace {
    at: Offset,
    flags: i64,
}

impl Entry<'_> {
    /// Where it lies.
    pub(super) fn place(&self) -> EntryPlace {
        EntryPlace {
            at: self.flags_at,
            flags: self.flags,
        }
    }
}

/// A listpack that is read element by element, before it is known to be a node.
struct Reading<'a> {
    pack: &'a Listpack,
    at: Offset,
}

impl Reading<'_> {
    fn integer(&mut self) -> Result<i64, &'static str> {
        match self.pack.get(self.at) {
            Some(Item::Integer(number)) => {
                self.at = self.pack.next(self.at);
                Ok(number)
            }
            Some(Item::Bytes(_)) => Err("a node of a stream with text where a number belongs"),
            None => Err("a node of a stream that ends inside an entry"),
        }
    }
    fn count(&mut self) -> Result<u64, &'static str> {
        let number = self.integer()?;
        u64::try_from(number).map_err(|_| "a node of a stream with a negative number of something")
    }
    fn skip(&mut self, elements: u64) -> Result<(), &'static str> {
        for _ in 0..elements {
            if self.at == self.pack.end() {
                return Err("a node of a stream that ends inside an entry");
            }
            self.at = self.pack.next(self.at);
        }
        Ok(())
    }
    /// Passes an entry, and says whether it is deleted.
    fn entry(&mut self, master_fields: u64) -> Result<bool, &'static str> {
        let flags = self.integer()?;
        self.integer()?;
        self.integer()?;
        let mut elements = FIXED_ELEMENTS as u64;
        let mut fields = master_fields;
        if flags & SAME_FIELDS == 0 {
            fields = self.count()?;
            self.skip(fields)?;
            elements += fields + 1;
        }
        self.skip(fields)?;
        match self.count()? == elements + fields {
            true => Ok(flags & DELETED != 0),
            false => Err("a node of a stream with an entry that states a wrong length"),
        }
    }
}

fn push_integer(pack: &mut Listpack, number: i64) {
    pack.push_back(IntegerText::new(number).as_bytes());
}
