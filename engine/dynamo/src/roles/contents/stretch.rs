//! What a replica sees of a stretch of places: the leader's items, and in their places those that changes
//! beyond its own log have replaced.

use super::{Content, Contents, LogIndex, TooFarBehind, is_behind};
use crate::capacity::IndexId;
use crate::partition::Boundary;
use crate::roles::directory::GroupId;
use crate::table::{InnerPlace, Place, PlaceSpan, Store, Stored, Table};
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::ops::Bound;

/// A stretch as one replica sees it.
#[derive(Debug)]
pub(in crate::roles) struct Stretch<'c> {
    store: &'c Store,
    span: PlaceSpan,
    range: (&'c Boundary, Option<&'c Boundary>),
    /// What it sees elsewise than the store: at these places something else, or nothing.
    changed: BTreeMap<Place, Option<Stored>>,
}

impl Contents {
    /// What a replica sees that has applied the log of `group` up to `at`, of the table or of one of the
    /// indexes that it keeps itself, within `span` and within a partition's `range`.
    ///
    /// # Errors
    /// [`TooFarBehind`] where that is no longer known.
    pub(in crate::roles) fn stretch<'c>(
        &'c self,
        group: GroupId,
        local: Option<IndexId>,
        (span, range): (&PlaceSpan, (&'c Boundary, Option<&'c Boundary>)),
        at: LogIndex,
    ) -> Result<Option<Stretch<'c>>, TooFarBehind> {
        let (store, table) = match self.keyspaces.get(usize::from(group.keyspace.0)) {
            Some(Content::Table(table)) => (table.store_of(local), Some(&**table)),
            Some(Content::Index(store)) => (Some(store), None),
            None => (None, None),
        };
        let Some(store) = store else {
            return Ok(None);
        };
        let mut changed = BTreeMap::new();
        self.each_before(group, at, &mut |place, before| {
            changed.insert(place, before.cloned());
        })?;
        if let (Some(table), Some(index)) = (table, local) {
            changed = of_index(table, index, &changed);
        }
        let mut stretch = Stretch {
            store,
            span: span.clone(),
            range,
            changed,
        };
        let (span, range) = (&stretch.span, stretch.range);
        let mut changed = std::mem::take(&mut stretch.changed);
        changed.retain(|place, _| span.has(place) && lies_within(place, range));
        stretch.changed = changed;
        Ok(Some(stretch))
    }
    /// Tells what changes of a partition behind `at` have replaced, the last change first.
    fn each_before(
        &self,
        group: GroupId,
        at: LogIndex,
        tell: &mut dyn FnMut(Place, Option<&Stored>),
    ) -> Result<(), TooFarBehind> {
        let Some(history) = self.histories.get(&group) else {
            return Ok(());
        };
        if let Some((_, children)) = &history.children {
            return children
                .iter()
                .try_for_each(|child| self.each_before(*child, at, tell));
        }
        if at < history.floor {
            return Err(TooFarBehind);
        }
        let later = history.order.iter().rev();
        for (index, _, hashes) in later.take_while(|(index, ..)| *index > at) {
            for (&hash, number) in hashes.iter().zip(0..hashes.len() as u32).rev() {
                if let Some((inner, before)) = history.before.get(&(hash, *index, number)) {
                    let inner = inner.clone();
                    tell(Place { hash, inner }, before.as_ref());
                }
            }
        }
        Ok(())
    }
}

/// The changes of an index that go with changes of the table that keeps it.
fn of_index(
    table: &Table,
    index: IndexId,
    changed: &BTreeMap<Place, Option<Stored>>,
) -> BTreeMap<Place, Option<Stored>> {
    let mut entries = BTreeMap::new();
    for (place, before) in changed {
        if let Some(stored) = table.stored(place)
            && let Some((entry, _)) = table.entry(index, place, stored)
        {
            entries.entry(entry).or_insert(None);
        }
        if let Some(stored) = before
            && let Some((entry, stored)) = table.entry(index, place, stored)
        {
            entries.insert(entry, Some(stored));
        }
    }
    entries
}

fn lies_within(place: &Place, (start, end): (&Boundary, Option<&Boundary>)) -> bool {
    is_behind(place.hash, &place.inner, start)
        && !end.is_some_and(|end| is_behind(place.hash, &place.inner, end))
}

impl Stretch<'_> {
    /// What is seen, by ascending places.
    pub(in crate::roles) fn forward(&self) -> impl Iterator<Item = (&InnerPlace, &Stored)> {
        merge(self.stored(), self.changed.iter(), Place::lt)
    }
    /// What is seen, by descending places.
    pub(in crate::roles) fn backward(&self) -> impl Iterator<Item = (&InnerPlace, &Stored)> {
        merge(self.stored().rev(), self.changed.iter().rev(), Place::gt)
    }
    /// What the leader's log leaves.
    fn stored(&self) -> impl DoubleEndedIterator<Item = (&Place, &Stored)> {
        let (start, end) = self.range;
        let first = self.store.first_at(start);
        let start = match &self.span.start {
            Bound::Included(place) | Bound::Excluded(place) if *place >= first => {
                self.span.start.clone()
            }
            _ => Bound::Included(first),
        };
        let last = end.map(|end| self.store.first_at(end));
        let end = match (&self.span.end, last) {
            (Bound::Included(place) | Bound::Excluded(place), Some(last)) if *place >= last => {
                Bound::Excluded(last)
            }
            (Bound::Unbounded, Some(last)) => Bound::Excluded(last),
            (end, _) => end.clone(),
        };
        let stored = self.store.range(start, end);
        stored.filter(|(place, _)| lies_within(place, self.range))
    }
}

/// What is stored, with what is changed in its place; both come in the order in which `is_before` says
/// that one place lies before another.
fn merge<'s>(
    stored: impl Iterator<Item = (&'s Place, &'s Stored)>,
    changed: impl Iterator<Item = (&'s Place, &'s Option<Stored>)>,
    is_before: fn(&Place, &Place) -> bool,
) -> impl Iterator<Item = (&'s InnerPlace, &'s Stored)> {
    let (mut stored, mut changed) = (stored.peekable(), changed.peekable());
    std::iter::from_fn(move || {
        loop {
            let is_changed = match (stored.peek(), changed.peek()) {
                (Some((one, _)), Some((other, _))) => !is_before(one, other),
                (one, _) => one.is_none(),
            };
            if !is_changed {
                return stored.next().map(|(place, stored)| (&place.inner, stored));
            }
            let (place, seen) = changed.next()?;
            skip(&mut stored, place);
            if let Some(seen) = seen {
                return Some((&place.inner, seen));
            }
        }
    })
}

/// Leaves out what is stored at a place, if something is.
fn skip<'s>(stored: &mut Peekable<impl Iterator<Item = (&'s Place, &'s Stored)>>, place: &Place) {
    stored.next_if(|(one, _)| *one == place);
}
