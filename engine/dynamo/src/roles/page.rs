//! Query and Scan at a router: partitions are read in their order, one after another, until the page is
//! full.
//!
//! What is read of all partitions is rounded to units once, as of a table by itself. Where a partition
//! fails or throttles after others have given something, the page ends there and the client goes on from
//! it; AWS does not tell.

use super::directory::{Catalog, Keyspace, KeyspaceId};
use crate::capacity::{IndexId, ReadConsistency};
use crate::error::Error;
use crate::index::IndexRule;
use crate::item::Item;
use crate::partition::{Boundary, PartitionMap};
use crate::table::{
    PageOutput, PagePart, PageRoom, Place, PlaceSpan, Query, ReadOptions, Scan, ScanDirection,
    SortPlace, Source,
};
use std::cmp::Ordering;
use std::ops::Bound;
use std::rc::Rc;

/// A request of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageRequest {
    /// Query.
    Query(Query),
    /// Scan.
    Scan(Scan),
}

/// Where a partition begins, and where it ends unless it is the last.
pub(super) type PartitionRange = (Boundary, Option<Boundary>);

/// What a router asks of one partition.
#[derive(Clone, Debug)]
pub(super) struct PartRead {
    pub(super) options: Rc<ReadOptions>,
    pub(super) span: PlaceSpan,
    pub(super) range: PartitionRange,
    pub(super) direction: ScanDirection,
    pub(super) room: PageRoom,
}

/// A page under way.
#[derive(Debug)]
pub(super) struct Paging {
    /// The table or global index that is read.
    pub(super) keyspace: KeyspaceId,
    index: Option<IndexId>,
    options: Rc<ReadOptions>,
    direction: ScanDirection,
    span: PlaceSpan,
    /// What is next begins here, or ends here where it is read backward; the span says where nothing was
    /// read.
    next: Option<Boundary>,
    /// The partition that is being read.
    range: PartitionRange,
    room: PageRoom,
    /// What was read so far, and half units that it consumed.
    part: PagePart,
    used: u64,
}

impl PageRequest {
    fn options(&self) -> &ReadOptions {
        match self {
            Self::Query(query) => &query.options,
            Self::Scan(scan) => &scan.options,
        }
    }
    /// Bytes of the keys in it.
    pub(super) fn size_bytes(&self) -> u64 {
        let start = self.options().start.as_ref();
        let key = match self {
            Self::Query(query) => query.partition.size_bytes(),
            Self::Scan(_) => 0,
        };
        key + start.map_or(0, Item::size_bytes)
    }
}

impl Paging {
    /// A page of a table, of which nothing is read.
    ///
    /// # Errors
    /// What a table by itself would refuse, and a table that there is not.
    pub(super) fn new(
        request: &PageRequest,
        table: &str,
        catalog: &Catalog,
    ) -> Result<Self, Error> {
        let (table, schema) = catalog.find(table)?;
        let local = IndexRule::all(schema);
        let options = request.options();
        let rules = local.iter().chain(catalog.index_rules(table));
        let source = Source::of(schema, rules, options)?;
        let (span, direction) = match request {
            PageRequest::Query(query) => {
                let span = source.query_span(query, catalog.hasher())?;
                (span, query.direction)
            }
            PageRequest::Scan(scan) => {
                let span = source.scan_span(scan, catalog.hasher())?;
                (span, ScanDirection::Forward)
            }
        };
        let index = source.index.map(|rule| rule.id);
        let indexes = catalog.get(table).map(Keyspace::indexes);
        let keyspace = match index {
            Some(IndexId::Global(number)) => indexes.and_then(|all| all.get(number)).copied(),
            _ => None,
        };
        Ok(Self {
            keyspace: keyspace.unwrap_or(table),
            index,
            options: Rc::new(options.clone()),
            direction,
            span,
            next: None,
            range: PartitionRange::default(),
            room: PageRoom::of(options),
            part: PagePart::default(),
            used: 0,
        })
    }
    /// How consistently it reads.
    pub(super) fn consistency(&self) -> ReadConsistency {
        self.options.consistency
    }
    /// What is to be asked of the next partition of `map`.
    pub(super) fn next_part(&mut self, map: &PartitionMap) -> PartRead {
        let partitions = map.partitions();
        let begin_before = |is_before: &dyn Fn(&Boundary) -> bool| {
            partitions.partition_point(|one| is_before(&one.start))
        };
        let count = match (&self.next, self.direction) {
            (Some(next), ScanDirection::Forward) => begin_before(&|start| start <= next),
            (Some(next), ScanDirection::Backward) => begin_before(&|start| start < next),
            (None, direction) => {
                let (first, unbounded) = match direction {
                    ScanDirection::Forward => (&self.span.start, false),
                    ScanDirection::Backward => (&self.span.end, true),
                };
                begin_before(&|start| lies(start, first).map_or(unbounded, Ordering::is_le))
            }
        };
        // The first partition begins before everything.
        let number = count.saturating_sub(1);
        let end = partitions.get(number + 1).map(|next| next.start.clone());
        self.range = (partitions[number].start.clone(), end);
        PartRead {
            options: Rc::clone(&self.options),
            span: self.span.clone(),
            range: self.range.clone(),
            direction: self.direction,
            room: self.room,
        }
    }
    /// Takes what the partition gave that was asked last, and says how many half units that consumed
    /// and whether the page goes on.
    pub(super) fn take(&mut self, part: PagePart) -> (u64, bool) {
        self.room = self.room.behind(&part);
        self.part.add(part);
        let units = self.part.read_units(self.consistency()).halves();
        let all = units + self.part.fetched().halves();
        let used = all - self.used;
        self.used = all;
        let (start, end) = std::mem::take(&mut self.range);
        let (next, has_more) = match self.direction {
            ScanDirection::Forward => {
                let more = end.as_ref().map(|end| match &self.span.end {
                    Bound::Included(_) => lies(end, &self.span.end).is_some_and(Ordering::is_le),
                    Bound::Excluded(_) => lies(end, &self.span.end).is_some_and(Ordering::is_lt),
                    Bound::Unbounded => true,
                });
                (end, more.unwrap_or(false))
            }
            ScanDirection::Backward => {
                let is_inside = lies(&start, &self.span.start).is_none_or(Ordering::is_gt);
                let is_first = start == Boundary::default();
                (Some(start), is_inside && !is_first)
            }
        };
        self.next = next;
        (used, has_more && !self.part.is_cut)
    }
    /// The page, as far as it is read.
    pub(super) fn into_page(self) -> PageOutput {
        self.part.into_page(self.index, self.options.consistency)
    }
    /// The page that ends where it stands because the next partition answers with `error`.
    ///
    /// # Errors
    /// The error itself, where nothing is read yet or no repetition would mend it.
    pub(super) fn cut_short(mut self, error: Error) -> Result<PageOutput, Error> {
        let may_pass = matches!(error, Error::Throttled { .. } | Error::InternalServerError);
        if self.part.scanned() == 0 || !may_pass {
            return Err(error);
        }
        self.part.is_cut = true;
        Ok(self.into_page())
    }
}

/// How a boundary lies to the place at an end of a span; nothing where there is no end.
fn lies(boundary: &Boundary, end: &Bound<Place>) -> Option<Ordering> {
    let (Bound::Included(place) | Bound::Excluded(place)) = end else {
        return None;
    };
    let order = boundary.hash.cmp(&place.hash);
    Some(
        order.then_with(|| match (&boundary.sort, &place.inner.sort) {
            (None, SortPlace::Start) => Ordering::Equal,
            (None, _) => Ordering::Less,
            (Some(_), SortPlace::Start) => Ordering::Greater,
            (Some(_), SortPlace::End) => Ordering::Less,
            (Some(sort), SortPlace::Value(value)) => sort.cmp(value),
        }),
    )
}
