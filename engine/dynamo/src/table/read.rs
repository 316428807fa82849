//! Reads: GetItem, and pages of Query and Scan.

use super::Table;
use super::page::{PageRoom, Source, check_consistency};
use super::request::{GetItem, GetItemOutput, PageOutput, Query, ReadOptions, Scan, ScanDirection};
use super::span::PlaceSpan;
use super::store::{Place, Store, Stored};
use crate::capacity::{ConsumedCapacity, IndexId, ReadUnits, Units};
use crate::error::{Error, Validation};
use crate::expression::{DocumentPath, check_projection, project};
use crate::item::{AttributeMap, Item};

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
        let span = source.query_span(request, self.hasher)?;
        Ok(self.page(&source, &request.options, &span, request.direction))
    }

    /// Scan: one page of the table or an index.
    ///
    /// # Errors
    /// Options that the table or index cannot honour, and segments that cannot be.
    pub fn scan(&self, request: &Scan) -> Result<PageOutput, Error> {
        let source = self.source(&request.options)?;
        let span = source.scan_span(request, self.hasher)?;
        Ok(self.page(&source, &request.options, &span, ScanDirection::Forward))
    }

    fn source(&self, options: &ReadOptions) -> Result<Source<'_>, Validation> {
        let rules = self.indexes.iter().map(|index| &index.rule);
        Source::of(&self.schema, rules, options)
    }
    fn page(
        &self,
        source: &Source<'_>,
        options: &ReadOptions,
        span: &PlaceSpan,
        direction: ScanDirection,
    ) -> PageOutput {
        let id = source.index.map(|rule| rule.id);
        let entries = self
            .store_of(id)
            .into_iter()
            .flat_map(|store| store.range(span.start.clone(), span.end.clone()))
            .map(|(place, stored)| (&place.inner, stored));
        let base = |key| self.items.get(&self.place(key));
        let room = PageRoom::of(options);
        let part = match direction {
            ScanDirection::Forward => source.read(entries, options, room, base),
            ScanDirection::Backward => source.read(entries.rev(), options, room, base),
        };
        part.into_page(id, options.consistency)
    }
    /// The entry that an item has in an index that the table keeps, with its place there.
    pub(crate) fn entry(
        &self,
        index: IndexId,
        place: &Place,
        stored: &Stored,
    ) -> Option<(Place, Stored)> {
        let mut indexes = self.indexes.iter();
        let index = indexes.find(|one| one.rule.id == index)?;
        let entry = index.rule.entry(&stored.item)?;
        let hash = self.hasher.hash(&entry.key.partition);
        let place = Place::of_entry(hash, entry.key, place.inner.key());
        let stored = Stored {
            item: entry.item,
            bytes: entry.bytes,
        };
        Some((place, stored))
    }
    /// The items, or the entries of an index that the table keeps.
    pub(crate) fn store_of(&self, index: Option<IndexId>) -> Option<&Store> {
        let Some(id) = index else {
            return Some(&self.items);
        };
        let mut indexes = self.indexes.iter();
        let found = indexes.find(|index| index.rule.id == id)?;
        Some(&found.store)
    }
}
