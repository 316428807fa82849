//! Reads: GetItem, and pages of Query and Scan.

use super::Table;
use super::index::Index;
use super::request::{
    GetItem, GetItemOutput, PageOutput, Query, ReadOptions, Scan, ScanDirection, Segment, Select,
};
use super::span::{PlaceSpan, collection_span, segment_span};
use super::store::{BasePlace, InnerPlace, Place, Store, Stored};
use crate::capacity::{ConsumedCapacity, IndexId, ReadConsistency, ReadUnits, Units};
use crate::error::{Error, Validation};
use crate::expression::{DocumentPath, check_projection, project};
use crate::index::IndexRule;
use crate::item::{AttributeMap, Item};
use crate::key::{KeySchema, PrimaryKey};
use crate::limits::PAGE_BYTES_MAX;
use crate::schema::Projection;

/// What was read of a table or index before anything was left out.
struct Page<'t> {
    entries: Vec<(&'t InnerPlace, &'t Stored)>,
    bytes: u64,
    /// Whether reading stopped before the end.
    is_cut: bool,
}

impl Table {
    /// GetItem: the item with a primary key.
    ///
    /// # Errors
    /// A key that does not fit the schema, paths that overlap, and a transactional consistency.
    pub fn get(&self, request: &GetItem) -> Result<GetItemOutput, Error> {
        check_consistency(request.consistency)?;
        check_projection(&request.projection)?;
        let place = self.place(self.schema.key.key_from(&request.key)?);
        self.get_at(&place, request).map(|(output, _)| output)
    }

    /// GetItem of what is at the place of its key, and the bytes of the whole item: 0 if it is missing.
    pub(crate) fn get_at(
        &self,
        place: &Place,
        request: &GetItem,
    ) -> Result<(GetItemOutput, u64), Error> {
        check_consistency(request.consistency)?;
        check_projection(&request.projection)?;
        let (item, bytes) = self.parts_at(place, &request.projection);
        let units = ReadUnits::for_bytes(bytes, request.consistency);
        let consumed = ConsumedCapacity::of_table(Units::read(units));
        Ok((GetItemOutput { item, consumed }, bytes))
    }

    /// The parts of an item that are wanted, and the bytes of the whole item: 0 if it is missing.
    pub(crate) fn look_up(
        &self,
        key: &AttributeMap,
        projection: &[DocumentPath],
    ) -> Result<(Option<Item>, u64), Validation> {
        check_projection(projection)?;
        let place = self.place(self.schema.key.key_from(key)?);
        Ok(self.parts_at(&place, projection))
    }
    fn parts_at(&self, place: &Place, projection: &[DocumentPath]) -> (Option<Item>, u64) {
        let Some(stored) = self.items.get(place) else {
            return (None, 0);
        };
        let item = match projection {
            [] => stored.item.clone(),
            paths => project(&stored.item, paths),
        };
        (Some(item), stored.bytes)
    }

    /// Query: one page of an item collection.
    ///
    /// # Errors
    /// Conditions on keys that do not fit the schema, and options that the table or index cannot
    /// honour.
    pub fn query(&self, request: &Query) -> Result<PageOutput, Error> {
        let source = self.source(&request.options)?;
        let key = source.key;
        if request.partition.scalar() != key.partition.scalar {
            return Err(Validation::ConditionKeyType.into());
        }
        let hash = self.hasher.hash(&request.partition);
        let mut span = collection_span(hash, &request.partition, request.sort.as_ref(), key)?;
        if let Some(start) = &request.options.start {
            span.resume(self.start_place(&source, start)?, request.direction)?;
        }
        let entries = source.store.range(span.start, span.end);
        let page = match request.direction {
            ScanDirection::Forward => Page::read(entries, &request.options),
            ScanDirection::Backward => Page::read(entries.rev(), &request.options),
        };
        Ok(self.answer(&source, &request.options, &page))
    }

    /// Scan: one page of the table or an index.
    ///
    /// # Errors
    /// Options that the table or index cannot honour, and segments that cannot be.
    pub fn scan(&self, request: &Scan) -> Result<PageOutput, Error> {
        let source = self.source(&request.options)?;
        let whole = Segment {
            segment: 0,
            total: 1,
        };
        let mut span: PlaceSpan = segment_span(request.segment.unwrap_or(whole))?;
        if let Some(start) = &request.options.start {
            let place = self.start_place(&source, start)?;
            span.resume(place, ScanDirection::Forward)?;
        }
        let entries = source.store.range(span.start, span.end);
        let page = Page::read(entries, &request.options);
        Ok(self.answer(&source, &request.options, &page))
    }

    /// The table or index that is read, if it can be read so.
    fn source(&self, options: &ReadOptions) -> Result<Source<'_>, Validation> {
        check_consistency(options.consistency)?;
        if let Some(filter) = &options.filter {
            filter.check()?;
        }
        if let Select::Specific(paths) = &options.select {
            check_projection(paths)?;
        }
        let Some(name) = &options.index else {
            return Ok(Source {
                index: None,
                key: &self.schema.key,
                store: &self.items,
                fetches: false,
            });
        };
        let index = self
            .indexes
            .iter()
            .find(|index| index.rule.name == *name)
            .ok_or_else(|| Validation::NoSuchIndex {
                index: name.clone(),
            })?;
        let missing = missing_attribute(&index.rule, &options.select);
        if matches!(index.rule.id, IndexId::Global(_)) {
            if options.consistency != ReadConsistency::Eventual {
                return Err(Validation::StrongReadOfGlobalIndex);
            }
            if let Some(missing) = missing {
                return Err(missing);
            }
        }
        Ok(Source {
            index: Some(index),
            key: &index.rule.key,
            store: &index.store,
            fetches: missing.is_some(),
        })
    }

    /// The place that a start key names: of an item, or of an entry of an index.
    fn start_place(&self, source: &Source<'_>, start: &AttributeMap) -> Result<Place, Validation> {
        let key_of = |schema: &KeySchema| -> Result<PrimaryKey, Validation> {
            let names = schema.attributes().map(|attribute| &*attribute.name);
            schema
                .key_from(&start.only(names))
                .map_err(|_| Validation::InvalidStartKey)
        };
        let table = key_of(&self.schema.key)?;
        let (place, attributes) = match source.index {
            None => (self.place(table), self.schema.key.attributes().count()),
            Some(index) => {
                let key = key_of(&index.rule.key)?;
                let own = index.rule.key.attributes();
                let others = own.filter(|attribute| !self.schema.key.has(&attribute.name));
                let count = self.schema.key.attributes().count() + others.count();
                let hash = self.hasher.hash(&key.partition);
                (Place::of_entry(hash, key, table), count)
            }
        };
        match start.len() == attributes {
            true => Ok(place),
            false => Err(Validation::InvalidStartKey),
        }
    }

    /// The key by which the next page starts behind `place`.
    fn key_at(&self, source: &Source<'_>, place: &InnerPlace) -> AttributeMap {
        let mut key = source.key.attributes_of(&place.key());
        if let BasePlace::Key(base) = &place.base {
            for (name, value) in self.schema.key.attributes_of(base).iter() {
                key.insert(name, value.clone());
            }
        }
        key
    }

    fn answer(&self, source: &Source<'_>, options: &ReadOptions, page: &Page<'_>) -> PageOutput {
        let mut output = PageOutput {
            scanned_count: page.entries.len() as u64,
            ..PageOutput::default()
        };
        let units = Units::read(ReadUnits::for_bytes(page.bytes, options.consistency));
        match source.index {
            None => output.consumed.table = units,
            Some(index) => output.consumed.add_index(index.rule.id, units),
        }
        for (place, stored) in &page.entries {
            let mut item = &stored.item;
            if source.fetches {
                // Every item that a local index does not hold enough of is read whole, and rounded
                // by itself (AWS Developer Guide, "Local secondary indexes", fetches).
                if let Some(base) = self.base_item(place) {
                    output.consumed.table.read +=
                        ReadUnits::for_bytes(base.bytes, options.consistency);
                    item = &base.item;
                }
            }
            if options
                .filter
                .as_ref()
                .is_some_and(|filter| !filter.holds(item))
            {
                continue;
            }
            output.count += 1;
            match &options.select {
                Select::Count => {}
                Select::Specific(paths) => output.items.push(project(item, paths)),
                Select::AllProjected | Select::AllAttributes => output.items.push(item.clone()),
            }
        }
        output.last_evaluated_key = page
            .entries
            .last()
            .filter(|_| page.is_cut)
            .map(|(place, _)| self.key_at(source, place));
        output
    }

    /// The item that an entry of an index belongs to.
    fn base_item(&self, place: &InnerPlace) -> Option<&Stored> {
        match &place.base {
            BasePlace::Key(base) => self.items.get(&self.place((**base).clone())),
            BasePlace::Start | BasePlace::End => None,
        }
    }
}

/// What a query or scan reads.
struct Source<'t> {
    index: Option<&'t Index>,
    key: &'t KeySchema,
    store: &'t Store,
    /// Whether what is wanted must be fetched from the table.
    fetches: bool,
}

impl<'t> Page<'t> {
    /// Reads until the limit is reached, or the next item would make the page larger than 1 MB.
    ///
    /// A page that ends by its limit says that there may be more, even at the end, as the service
    /// does.
    fn read(
        entries: impl Iterator<Item = (&'t InnerPlace, &'t Stored)>,
        options: &ReadOptions,
    ) -> Self {
        let limit = options
            .limit
            .map_or(usize::MAX, |limit| limit.get() as usize);
        let mut page = Self {
            entries: Vec::new(),
            bytes: 0,
            is_cut: false,
        };
        for (place, stored) in entries {
            if page.bytes + stored.bytes > PAGE_BYTES_MAX {
                page.is_cut = true;
                break;
            }
            page.bytes += stored.bytes;
            page.entries.push((place, stored));
            if page.entries.len() >= limit {
                page.is_cut = true;
                break;
            }
        }
        page
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

fn check_consistency(consistency: ReadConsistency) -> Result<(), Validation> {
    match consistency {
        ReadConsistency::Transactional => Err(Validation::TransactionalRead),
        ReadConsistency::Eventual | ReadConsistency::Strong => Ok(()),
    }
}
