//! Pages of Query and Scan: what they read, in which stretch, and what a stretch gives.
//!
//! A table by itself reads a page at once. A replicated one reads it partition by partition: each gives a
//! [`PagePart`], and their sum is the page that the table by itself would give.

use super::request::{PageOutput, Query, ReadOptions, Scan, ScanDirection, Segment, Select};
use super::span::{PlaceSpan, collection_span, segment_span};
use super::store::{BasePlace, InnerPlace, Place, Stored};
use crate::capacity::{IndexId, ReadConsistency, ReadUnits, Units};
use crate::error::Validation;
use crate::expression::{check_projection, project};
use crate::index::IndexRule;
use crate::item::{AttributeMap, Item};
use crate::key::{KeyHasher, KeySchema, PrimaryKey};
use crate::limits::PAGE_BYTES_MAX;
use crate::schema::{Projection, TableSchema};

/// What a query or scan reads: a table or an index of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'r> {
    schema: &'r TableSchema,
    /// The rule of the index.
    pub(crate) index: Option<&'r IndexRule>,
    key: &'r KeySchema,
    /// Whether what is wanted must be fetched from the table.
    pub(crate) fetches: bool,
}

/// How much more a page may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageRoom {
    items: usize,
    bytes: u64,
}

/// What one stretch of places gives to a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PagePart {
    items: Vec<Item>,
    count: u64,
    scanned: u64,
    /// Bytes that were read, before anything was left out.
    bytes: u64,
    /// What was consumed of the table for what an index does not hold.
    fetched: ReadUnits,
    /// The key of the last place that was read.
    last_key: Option<AttributeMap>,
    /// Whether reading stopped before the end, so that the page ends here.
    pub(crate) is_cut: bool,
}

impl<'r> Source<'r> {
    /// The table with this schema or one of the indexes with these rules, if it can be read so.
    ///
    /// # Errors
    /// Options that the table or index cannot honour.
    pub(crate) fn of(
        schema: &'r TableSchema,
        mut rules: impl Iterator<Item = &'r IndexRule>,
        options: &ReadOptions,
    ) -> Result<Self, Validation> {
        check_consistency(options.consistency)?;
        if let Some(filter) = &options.filter {
            filter.check()?;
        }
        if let Select::Specific(paths) = &options.select {
            check_projection(paths)?;
        }
        let Some(name) = &options.index else {
            return Ok(Self {
                schema,
                index: None,
                key: &schema.key,
                fetches: false,
            });
        };
        let index =
            rules
                .find(|rule| rule.name == *name)
                .ok_or_else(|| Validation::NoSuchIndex {
                    index: name.clone(),
                })?;
        let missing = missing_attribute(index, &options.select);
        if matches!(index.id, IndexId::Global(_)) {
            if options.consistency != ReadConsistency::Eventual {
                return Err(Validation::StrongReadOfGlobalIndex);
            }
            if let Some(missing) = missing {
                return Err(missing);
            }
        }
        Ok(Self {
            schema,
            index: Some(index),
            key: &index.key,
            fetches: missing.is_some(),
        })
    }
    /// Where a query reads.
    ///
    /// # Errors
    /// Conditions on keys that do not fit the schema, and a start that lies elsewhere.
    pub(crate) fn query_span(
        &self,
        request: &Query,
        hasher: KeyHasher,
    ) -> Result<PlaceSpan, Validation> {
        if request.partition.scalar() != self.key.partition.scalar {
            return Err(Validation::ConditionKeyType);
        }
        let hash = hasher.hash(&request.partition);
        let sort = request.sort.as_ref();
        let mut span = collection_span(hash, &request.partition, sort, self.key)?;
        if let Some(start) = &request.options.start {
            span.resume(self.start_place(start, hasher)?, request.direction)?;
        }
        Ok(span)
    }
    /// Where a scan reads.
    ///
    /// # Errors
    /// Segments that cannot be, and a start that lies elsewhere.
    pub(crate) fn scan_span(
        &self,
        request: &Scan,
        hasher: KeyHasher,
    ) -> Result<PlaceSpan, Validation> {
        let whole = Segment {
            segment: 0,
            total: 1,
        };
        let mut span = segment_span(request.segment.unwrap_or(whole))?;
        if let Some(start) = &request.options.start {
            span.resume(self.start_place(start, hasher)?, ScanDirection::Forward)?;
        }
        Ok(span)
    }
    /// Reads entries of a stretch, in their order, for as long as there is room. `base` finds the item
    /// that an entry of an index belongs to.
    pub(crate) fn read<'s>(
        &self,
        entries: impl Iterator<Item = (&'s InnerPlace, &'s Stored)>,
        options: &ReadOptions,
        room: PageRoom,
        base: impl Fn(PrimaryKey) -> Option<&'s Stored>,
    ) -> PagePart {
        let mut part = PagePart::default();
        let mut last = None;
        let mut left = room.items;
        for (place, stored) in entries {
            if part.bytes + stored.bytes > room.bytes {
                part.is_cut = true;
                break;
            }
            part.bytes += stored.bytes;
            part.scanned += 1;
            last = Some(place);
            self.add(&mut part, (place, stored), options, &base);
            left -= 1;
            if left == 0 {
                part.is_cut = true;
                break;
            }
        }
        part.last_key = last.map(|place| self.key_at(place));
        part
    }
    fn add<'s>(
        &self,
        part: &mut PagePart,
        (place, stored): (&InnerPlace, &'s Stored),
        options: &ReadOptions,
        base: impl Fn(PrimaryKey) -> Option<&'s Stored>,
    ) {
        let mut item = &stored.item;
        if self.fetches
            && let BasePlace::Key(key) = &place.base
            && let Some(base) = base((**key).clone())
        {
            // Every item that a local index does not hold enough of is read whole, and rounded by
            // itself (AWS Developer Guide, "Local secondary indexes", fetches).
            part.fetched += ReadUnits::for_bytes(base.bytes, options.consistency);
            item = &base.item;
        }
        let filter = options.filter.as_ref();
        if filter.is_some_and(|filter| !filter.holds(item)) {
            return;
        }
        part.count += 1;
        match &options.select {
            Select::Count => {}
            Select::Specific(paths) => part.items.push(project(item, paths)),
            Select::AllProjected | Select::AllAttributes => part.items.push(item.clone()),
        }
    }

    /// The place that a start key names: of an item, or of an entry of an index.
    fn start_place(&self, start: &AttributeMap, hasher: KeyHasher) -> Result<Place, Validation> {
        let key_of = |schema: &KeySchema| -> Result<PrimaryKey, Validation> {
            let names = schema.attributes().map(|attribute| &*attribute.name);
            schema
                .key_from(&start.only(names))
                .map_err(|_| Validation::InvalidStartKey)
        };
        let of_table = &self.schema.key;
        let table = key_of(of_table)?;
        let count = of_table.attributes().count();
        let (place, attributes) = match self.index {
            None => (Place::of_item(hasher.hash(&table.partition), table), count),
            Some(index) => {
                let key = key_of(&index.key)?;
                let own = index.key.attributes();
                let others = own.filter(|attribute| !of_table.has(&attribute.name));
                let count = count + others.count();
                let hash = hasher.hash(&key.partition);
                (Place::of_entry(hash, key, table), count)
            }
        };
        match start.len() == attributes {
            true => Ok(place),
            false => Err(Validation::InvalidStartKey),
        }
    }
    /// The key by which the next page starts behind `place`.
    fn key_at(&self, place: &InnerPlace) -> AttributeMap {
        let mut key = self.key.attributes_of(&place.key());
        if let BasePlace::Key(base) = &place.base {
            for (name, value) in self.schema.key.attributes_of(base).iter() {
                key.insert(name, value.clone());
            }
        }
        key
    }
}

impl PageRoom {
    /// That of a page with nothing in it: it ends when its limit is reached, or before the next item
    /// would make it larger than 1 MB.
    ///
    /// A page that ends by its limit says that there may be more, even at the end, as the service
    /// does.
    pub(crate) fn of(options: &ReadOptions) -> Self {
        let limit = options.limit.map(|limit| limit.get() as usize);
        Self {
            items: limit.unwrap_or(usize::MAX),
            bytes: PAGE_BYTES_MAX,
        }
    }
    /// What is left behind a part that did not fill it.
    pub(crate) fn behind(self, part: &PagePart) -> Self {
        Self {
            items: self.items.saturating_sub(part.scanned as usize),
            bytes: self.bytes.saturating_sub(part.bytes),
        }
    }
}

impl PagePart {
    /// Items that were read.
    pub(crate) const fn scanned(&self) -> u64 {
        self.scanned
    }
    /// Bytes that were read, those of fetched items not included.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }
    /// What was consumed of the table for what an index does not hold.
    pub(crate) const fn fetched(&self) -> ReadUnits {
        self.fetched
    }
    /// Bytes of the items in it.
    pub(crate) fn size_bytes(&self) -> u64 {
        let key = self.last_key.as_ref().map_or(0, Item::size_bytes);
        key + self.items.iter().map(Item::size_bytes).sum::<u64>()
    }
    /// Adds what the stretch behind this one gives.
    pub(crate) fn add(&mut self, behind: Self) {
        self.items.extend(behind.items);
        self.count += behind.count;
        self.scanned += behind.scanned;
        self.bytes += behind.bytes;
        self.fetched += behind.fetched;
        self.last_key = behind.last_key.or(self.last_key.take());
        self.is_cut = behind.is_cut;
    }
    /// Half units that the page consumes of what it reads, fetched items not included: its bytes are
    /// rounded once, however many partitions they came from.
    pub(crate) fn read_units(&self, consistency: ReadConsistency) -> ReadUnits {
        ReadUnits::for_bytes(self.bytes, consistency)
    }
    /// The page that it is the whole of.
    pub(crate) fn into_page(
        self,
        index: Option<IndexId>,
        consistency: ReadConsistency,
    ) -> PageOutput {
        let units = Units::read(self.read_units(consistency));
        let mut output = PageOutput {
            items: self.items,
            count: self.count,
            scanned_count: self.scanned,
            last_evaluated_key: self.last_key.filter(|_| self.is_cut),
            ..PageOutput::default()
        };
        match index {
            None => output.consumed.table = units,
            Some(index) => output.consumed.add_index(index, units),
        }
        output.consumed.table.read += self.fetched;
        output
    }
}

/// What is wanted of an index that it does not hold.
fn missing_attribute(index: &IndexRule, select: &Select) -> Option<Validation> {
    match select {
        Select::AllAttributes if index.projection != Projection::All => {
            Some(Validation::AllAttributesNotProjected {
                index: index.name.clone(),
            })
        }
        Select::Specific(paths) => {
            let missing = paths.iter().find(|path| !index.has(path.root()))?;
            Some(Validation::NotProjected {
                index: index.name.clone(),
                name: missing.root().into(),
            })
        }
        _ => None,
    }
}

/// Whether a read that stands alone can be so consistent.
///
/// # Errors
/// [`Validation::TransactionalRead`].
pub(crate) fn check_consistency(consistency: ReadConsistency) -> Result<(), Validation> {
    match consistency {
        ReadConsistency::Transactional => Err(Validation::TransactionalRead),
        ReadConsistency::Eventual | ReadConsistency::Strong => Ok(()),
    }
}
