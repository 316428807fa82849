//! Hashes: fields with their values, in a listpack while they are few and short.

use super::dict::{Dict, DictConfig, Field};
use super::{Footprint, ValueBytes};
use crate::encoding::listpack::{Listpack, Offset};
use crate::memory::size_class;
use kvrig_base::random::Sequence;
use kvrig_base::seam::{Counter, Work};
use kvrig_tables::{Entry, ResizePolicy};

/// Up to which size a collection stays in one compact allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackLimits {
    /// Entries at most (`…-max-listpack-entries`).
    pub entries: usize,
    /// Bytes of an element at most (`…-max-listpack-value`).
    pub element_bytes: usize,
}

/// A hash. It is never empty while a key holds it.
#[derive(Debug)]
pub struct Hash {
    form: Form,
    limits: PackLimits,
    dict: DictConfig,
}

#[derive(Debug)]
enum Form {
    /// Field and value by turns.
    Pack(Listpack),
    Table(Box<Dict<Field>>),
}

impl Hash {
    /// An empty hash.
    pub fn new(limits: PackLimits, dict: DictConfig) -> Self {
        Self {
            form: Form::Pack(Listpack::default()),
            limits,
            dict,
        }
    }
    /// An empty hash for so many fields: a table from the start where a listpack would not take them.
    pub(crate) fn with_room(
        limits: PackLimits,
        dict: DictConfig,
        fields: usize,
        work: &mut Work,
    ) -> Self {
        let mut hash = Self::new(limits, dict);
        if fields > limits.entries {
            hash.form = Form::Table(Box::new(Dict::with_room(dict, fields, work)));
        }
        hash
    }
    /// The hash of a listpack of fields and values by turns; a table where it has too many, however
    /// long they are (rdbLoadObject).
    pub(crate) fn from_pack(
        pack: Listpack,
        limits: PackLimits,
        dict: DictConfig,
        work: &mut Work,
    ) -> Self {
        let mut hash = Self::new(limits, dict);
        let is_table = pack.len() / 2 > limits.entries;
        hash.form = Form::Pack(pack);
        if is_table {
            hash.become_table(work);
        }
        hash
    }
    /// A copy in the same form.
    pub(crate) fn copy(&self, dict: DictConfig, work: &mut Work) -> Self {
        let form = match &self.form {
            Form::Pack(pack) => Form::Pack(pack.clone()),
            Form::Table(table) => {
                let mut copy = Dict::new(dict);
                table.for_each(work, |field, work| {
                    copy.insert(Field::new(field.key(), &field.value), work);
                });
                Form::Table(Box::new(copy))
            }
        };
        Self {
            form,
            dict,
            ..*self
        }
    }
    /// Number of fields.
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Pack(pack) => pack.len() / 2,
            Form::Table(table) => table.len(),
        }
    }
    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The name of its encoding.
    pub const fn encoding(&self) -> &'static str {
        match self.form {
            Form::Pack(_) => "listpack",
            Form::Table(_) => "hashtable",
        }
    }
    /// The listpack, if it is one.
    pub fn pack(&self) -> Option<&Listpack> {
        match &self.form {
            Form::Pack(pack) => Some(pack),
            Form::Table(_) => None,
        }
    }
    /// What Redis would have allocated.
    pub fn footprint(&self) -> Footprint {
        match &self.form {
            Form::Pack(pack) => Footprint {
                bytes: size_class(pack.byte_len() as u64),
                allocations: 1,
            },
            Form::Table(table) => table.footprint(),
        }
    }
    /// What MEMORY USAGE says of its table, of so many entries taken for all.
    pub(super) fn sampled_bytes(&self, samples: usize, work: &mut Work) -> u64 {
        match &self.form {
            Form::Table(table) => table.sampled_bytes(samples, work),
            _ => 0,
        }
    }
    /// Counts what giving it back takes beside the frees of its allocations.
    pub(crate) fn count_release(&self, work: &mut Work) {
        if let Form::Table(table) = &self.form {
            table.count_release(work);
        }
    }
    /// Says whether its table may resize.
    pub fn set_resize_policy(&mut self, policy: ResizePolicy) {
        if let Form::Table(table) = &mut self.form {
            table.set_resize_policy(policy);
        }
    }
    /// Leaves the listpack for a table if one of these elements is too long for it
    /// (hashTypeTryConversion).
    pub fn make_room_for(&mut self, elements: &[&[u8]], work: &mut Work) {
        let is_long = |element: &&[u8]| element.len() > self.limits.element_bytes;
        if elements.iter().any(is_long) {
            self.become_table(work);
        }
    }
    /// The value of a field.
    pub fn get(&mut self, field: &[u8], work: &mut Work) -> Option<ValueBytes<'_>> {
        match &mut self.form {
            Form::Pack(pack) => {
                let at = find(pack, field, work)?;
                let value = pack.get(pack.next(at))?;
                Some(value.bytes())
            }
            Form::Table(table) => {
                let field = table.get(field, work)?;
                Some(ValueBytes::Stored(&field.value))
            }
        }
    }
    /// Sets a field, and says whether it is new.
    pub fn set(&mut self, field: &[u8], value: &[u8], work: &mut Work) -> bool {
        work.count(Counter::BytesCopied, (field.len() + value.len()) as u64);
        self.make_room_for(&[field, value], work);
        let is_new = match &mut self.form {
            Form::Pack(pack) => {
                work.count(Counter::BytesCopied, pack.byte_len() as u64);
                match find(pack, field, work) {
                    Some(at) => {
                        pack.replace(pack.next(at), value);
                        false
                    }
                    None => {
                        pack.push_back(field);
                        pack.push_back(value);
                        true
                    }
                }
            }
            Form::Table(table) => {
                work.count(Counter::AllocationsSmall, 1);
                let is_old = table.change(field, work, |entry| entry.value = value.into());
                if is_old {
                    work.count(Counter::Frees, 1);
                } else {
                    work.count(Counter::AllocationsSmall, 1);
                    table.insert(Field::new(field, value), work);
                }
                !is_old
            }
        };
        if matches!(self.form, Form::Pack(_)) && self.len() > self.limits.entries {
            self.become_table(work);
        }
        is_new
    }
    /// Removes a field, and says whether it was there.
    pub fn remove(&mut self, field: &[u8], work: &mut Work) -> bool {
        match &mut self.form {
            Form::Pack(pack) => {
                let found = find(pack, field, work);
                if let Some(at) = found {
                    work.count(Counter::BytesCopied, pack.byte_len() as u64);
                    pack.remove_range(at, 2);
                }
                found.is_some()
            }
            Form::Table(table) => {
                let removed = table.remove(field, work).is_some();
                work.count(Counter::Frees, if removed { 2 } else { 0 });
                removed
            }
        }
    }
    /// Visits all fields with their values.
    pub fn for_each(
        &self,
        work: &mut Work,
        mut visit: impl FnMut(ValueBytes<'_>, ValueBytes<'_>, &mut Work),
    ) {
        match &self.form {
            Form::Pack(pack) => {
                let mut items = pack.iter();
                while let (Some(field), Some(value)) = (items.next(), items.next()) {
                    work.count(Counter::EntriesVisited, 2);
                    visit(field.bytes(), value.bytes(), work);
                }
            }
            Form::Table(table) => table.for_each(work, |field, work| {
                let (name, value) = (field.key(), &*field.value);
                visit(ValueBytes::Stored(name), ValueBytes::Stored(value), work);
            }),
        }
    }
    /// Visits the fields of the bucket at `cursor` and returns the next cursor; all at once in a
    /// listpack.
    pub fn scan(&self, cursor: u64, work: &mut Work, visit: &mut dyn FnMut(&[u8], &[u8])) -> u64 {
        match &self.form {
            Form::Pack(_) => {
                self.for_each(work, |field, value, _| {
                    visit(field.as_slice(), value.as_slice());
                });
                0
            }
            Form::Table(table) => {
                let mut entry = |field: &Field| visit(field.key(), &field.value);
                table.scan(cursor, &mut entry, work)
            }
        }
    }
    /// A random field with its value.
    pub fn random(
        &mut self,
        random: &mut Sequence,
        work: &mut Work,
    ) -> Option<(ValueBytes<'_>, ValueBytes<'_>)> {
        match &mut self.form {
            Form::Pack(pack) => {
                let index = random.below((pack.len() / 2).max(1) as u64) as usize;
                work.count(Counter::EntriesVisited, 2 * index as u64 + 2);
                let at = pack.nth(2 * index)?;
                Some((pack.get(at)?.bytes(), pack.get(pack.next(at))?.bytes()))
            }
            Form::Table(table) => {
                let field = table.random(random, work)?;
                let value = ValueBytes::Stored(&field.value);
                Some((ValueBytes::Stored(field.key()), value))
            }
        }
    }

    fn become_table(&mut self, work: &mut Work) {
        let Form::Pack(pack) = &self.form else {
            return;
        };
        let mut table = Dict::with_room(self.dict, pack.len() / 2, work);
        let mut items = pack.iter();
        while let (Some(field), Some(value)) = (items.next(), items.next()) {
            work.count(Counter::AllocationsSmall, 2);
            work.count(Counter::EntriesVisited, 2);
            let field = Field::new(field.bytes().as_slice(), value.bytes().as_slice());
            table.insert(field, work);
        }
        work.count(Counter::Frees, 1);
        self.form = Form::Table(Box::new(table));
    }
}

/// The place of a field in a listpack of fields and values.
fn find(pack: &Listpack, field: &[u8], work: &mut Work) -> Option<Offset> {
    let mut at = pack.first();
    while let Some(item) = pack.get(at) {
        work.count(Counter::EntriesVisited, 2);
        work.count(Counter::BytesScanned, item.byte_len() as u64);
        if item.is(field) {
            return Some(at);
        }
        at = pack.next(pack.next(at));
    }
    None
}
