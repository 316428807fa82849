//! The part of a table that lies in one partition.

use super::Table;
use super::store::{Place, Stored};
use crate::key::PrimaryKey;
use crate::partition::Boundary;
use std::ops::Bound;

impl Table {
    /// Where an item lies among the partitions of the table.
    pub fn boundary(&self, key: &PrimaryKey) -> Boundary {
        Boundary {
            hash: self.hasher.hash(&key.partition),
            sort: key.sort.clone(),
        }
    }
    /// Items and bytes from one boundary up to another: those of a partition.
    ///
    /// This visits them all.
    pub fn size_between(&self, start: &Boundary, end: Option<&Boundary>) -> (u64, u64) {
        let items = self.between(start, end);
        items.fold((0, 0), |(count, bytes), (_, stored)| {
            (count + 1, bytes + stored.bytes)
        })
    }
    /// The boundary that divides the bytes between two others most evenly, where a partition that
    /// is full is split; between two item collections alone in a table with local indexes.
    ///
    /// Nothing where there is no such boundary. This visits all items between the two.
    pub fn middle_between(&self, start: &Boundary, end: Option<&Boundary>) -> Option<Boundary> {
        let (_, total) = self.size_between(start, end);
        let items = self.between(start, end);
        let mut before = 0_u64;
        let mut best: Option<(u64, Boundary)> = None;
        let mut last = None;
        for (place, stored) in items {
            let boundary = self.boundary(&place.inner.key());
            let boundary = match last {
                Some(hash) if hash == boundary.hash => {
                    Some(boundary).filter(|_| self.collections.is_none())
                }
                Some(_) => Some(Boundary {
                    hash: boundary.hash,
                    sort: None,
                }),
                None => None,
            };
            let uneven = (before * 2).abs_diff(total);
            if let Some(boundary) = boundary
                && best.as_ref().is_none_or(|(least, _)| uneven < *least)
            {
                best = Some((uneven, boundary));
            }
            before += stored.bytes;
            last = Some(place.hash);
        }
        best.map(|(_, boundary)| boundary)
    }

    /// The next places between two boundaries, behind `from` if it is one, at most `count`.
    pub(crate) fn places_between(
        &self,
        (start, end): (&Boundary, Option<&Boundary>),
        from: Option<&Place>,
        count: usize,
    ) -> Vec<Place> {
        let start = match from {
            Some(place) => Bound::Excluded(place.clone()),
            None => Bound::Included(self.items.first_at(start)),
        };
        let end = end.map_or(Bound::Unbounded, |end| {
            Bound::Excluded(self.items.first_at(end))
        });
        let places = self.items.range(start, end).take(count);
        places.map(|(place, _)| place.clone()).collect()
    }

    fn between(
        &self,
        start: &Boundary,
        end: Option<&Boundary>,
    ) -> impl Iterator<Item = (&Place, &Stored)> {
        let end = end.map_or(Bound::Unbounded, |end| {
            Bound::Excluded(self.items.first_at(end))
        });
        self.items
            .range(Bound::Included(self.items.first_at(start)), end)
    }
}
