//! What the replicas of all partitions hold, kept once.
//!
//! The three replicas of a partition differ only by how much of its log each has applied. So the items
//! are kept as the leader's log leaves them, and beside them what each change replaced: a replica that
//! is behind sees an item by what the first change after its own place replaced. Changes that all
//! replicas have applied are forgotten. A new leader whose log ends elsewhere takes changes back and
//! carries out its own.

mod stretch;

use super::directory::{Catalog, GroupId, KeyspaceKind};
use crate::error::Validation;
use crate::key::KeyHash;
use crate::partition::Boundary;
use crate::table::{InnerPlace, Place, SortPlace, Store, Stored, Table};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// A place in the log of a partition: entries are numbered from 1.
pub(super) type LogIndex = u64;
/// Leaders of a partition are numbered by epochs.
pub(super) type Epoch = u64;

/// One item or entry of an index that is set, or removed where there is nothing after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) place: Place,
    pub(super) after: Option<Stored>,
}

#[derive(Clone, Debug)]
enum Content {
    Table(Box<Table>),
    Index(Store),
}

/// Changes of one partition that not all of its replicas have applied.
#[derive(Clone, Debug, Default)]
struct History {
    /// All replicas have applied the log up to here.
    floor: LogIndex,
    /// The last entry that is carried out, with its epoch.
    head: (LogIndex, Epoch),
    /// What each change replaced.
    before: BTreeMap<(KeyHash, LogIndex, u32), (InnerPlace, Option<Stored>)>,
    /// Entry, epoch and changes in the order of the log.
    order: VecDeque<(LogIndex, Epoch, Vec<KeyHash>)>,
    /// The partitions that it was split into, and where.
    children: Option<(Boundary, [GroupId; 2])>,
}

/// A replica asks for a state that is no longer kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooFarBehind;

/// The items of all tables and the entries of all global indexes.
///
/// Storage nodes of one service share it; see the module's documentation.
#[derive(Clone, Debug)]
pub struct Contents {
    keyspaces: Vec<Content>,
    histories: BTreeMap<GroupId, History>,
}

impl Contents {
    /// Empty tables and indexes, shared.
    ///
    /// # Errors
    /// What CreateTable would refuse of a schema.
    pub fn shared(catalog: &Catalog) -> Result<Rc<RefCell<Self>>, Validation> {
        let content = catalog.keyspaces().iter().map(|keyspace| {
            Ok(match &keyspace.kind {
                KeyspaceKind::Table { schema, .. } => {
                    let table = Table::new((**schema).clone(), catalog.hasher())?;
                    Content::Table(Box::new(table))
                }
                KeyspaceKind::Index { .. } => Content::Index(Store::default()),
            })
        });
        Ok(Rc::new(RefCell::new(Self {
            keyspaces: content.collect::<Result<_, Validation>>()?,
            histories: BTreeMap::new(),
        })))
    }
    /// A table as the leaders of its partitions have it, uncommitted writes included; nothing for an
    /// index.
    pub fn table(&self, keyspace: super::KeyspaceId) -> Option<&Table> {
        match self.keyspaces.get(usize::from(keyspace.0))? {
            Content::Table(table) => Some(table),
            Content::Index(_) => None,
        }
    }
    /// The items of a table, to be filled before the service starts: what is written here is in no
    /// log, as if it had been restored from a backup.
    pub fn table_mut(&mut self, keyspace: super::KeyspaceId) -> Option<&mut Table> {
        match self.keyspaces.get_mut(usize::from(keyspace.0))? {
            Content::Table(table) => Some(table),
            Content::Index(_) => None,
        }
    }
    /// The items that a global index holds, in the order of its keys, as its leaders have them.
    pub fn index_items(&self, keyspace: super::KeyspaceId) -> impl Iterator<Item = &crate::Item> {
        let store = match self.keyspaces.get(usize::from(keyspace.0)) {
            Some(Content::Index(store)) => Some(store),
            _ => None,
        };
        let all = (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded);
        let entries = store
            .into_iter()
            .flat_map(move |store| store.range(all.0.clone(), all.1.clone()));
        entries.map(|(_, stored)| &stored.item)
    }
    /// Changes that are kept for replicas that are behind, over all partitions.
    pub fn changes_kept(&self) -> usize {
        self.histories.values().map(|one| one.before.len()).sum()
    }

    /// The last entry of a partition's log that is carried out, with its epoch.
    pub(super) fn head(&self, group: GroupId) -> (LogIndex, Epoch) {
        self.histories.get(&group).map_or((0, 0), |one| one.head)
    }
    /// Where a partition was split, and into what.
    pub(super) fn children(&self, group: GroupId) -> Option<&(Boundary, [GroupId; 2])> {
        self.histories.get(&group)?.children.as_ref()
    }
    /// Carries out the next entry of a partition's log.
    pub(super) fn carry_out(
        &mut self,
        group: GroupId,
        (index, epoch): (LogIndex, Epoch),
        changes: &[Change],
    ) {
        let mut hashes = Vec::with_capacity(changes.len());
        for (change, number) in changes.iter().zip(0..) {
            let before = self.set(group, &change.place, change.after.clone());
            let hash = change.place.hash;
            hashes.push(hash);
            let inner = change.place.inner.clone();
            let history = self.histories.entry(group).or_default();
            history
                .before
                .insert((hash, index, number), (inner, before));
        }
        let history = self.histories.entry(group).or_default();
        history.head = (index, epoch);
        history.order.push_back((index, epoch, hashes));
    }
    /// Takes the last changes back for as long as `is_foreign` says so of the last entry.
    pub(super) fn take_back(
        &mut self,
        group: GroupId,
        mut is_foreign: impl FnMut(LogIndex, Epoch) -> bool,
    ) {
        loop {
            let Some(history) = self.histories.get_mut(&group) else {
                return;
            };
            let Some((index, _, hashes)) = history
                .order
                .pop_back_if(|(index, epoch, _)| is_foreign(*index, *epoch))
            else {
                return;
            };
            let befores: Vec<_> = hashes
                .into_iter()
                .zip(0..)
                .filter_map(|(hash, number)| {
                    let (inner, before) = history.before.remove(&(hash, index, number))?;
                    Some((Place { hash, inner }, before))
                })
                .collect();
            let last = history
                .order
                .back()
                .map(|(index, epoch, _)| (*index, *epoch));
            history.head = last.unwrap_or((history.floor, 0));
            for (place, before) in befores {
                self.set(group, &place, before);
            }
        }
    }
    /// Forgets what only replicas need that have not applied the log up to `floor`.
    pub(super) fn forget(&mut self, group: GroupId, floor: LogIndex) {
        let Some(history) = self.histories.get_mut(&group) else {
            return;
        };
        history.floor = history.floor.max(floor);
        while let Some((index, _, hashes)) =
            history.order.pop_front_if(|(index, ..)| *index <= floor)
        {
            for (hash, number) in hashes.into_iter().zip(0..) {
                history.before.remove(&(hash, index, number));
            }
        }
    }
    /// What a replica sees that has applied the log of `group` up to `at`.
    ///
    /// # Errors
    /// [`TooFarBehind`] where that is no longer known.
    pub(super) fn view(
        &self,
        group: GroupId,
        place: &Place,
        at: LogIndex,
    ) -> Result<Option<&Stored>, TooFarBehind> {
        let mut group = group;
        let mut history = self.histories.get(&group);
        while let Some((boundary, children)) = history.and_then(|one| one.children.as_ref()) {
            group = children[usize::from(is_behind(place.hash, &place.inner, boundary))];
            history = self.histories.get(&group);
        }
        if let Some(history) = history {
            if at < history.floor {
                return Err(TooFarBehind);
            }
            let later = (place.hash, at + 1, 0)..=(place.hash, LogIndex::MAX, u32::MAX);
            let mut later = history.before.range(later);
            if let Some((_, (_, before))) = later.find(|(_, (inner, _))| *inner == place.inner) {
                return Ok(before.as_ref());
            }
        }
        Ok(self.get(group, place))
    }
    /// Whether the log of `group` changes a place behind its first entry of `between` and no later than
    /// its second.
    ///
    /// # Errors
    /// [`TooFarBehind`] where that is no longer known.
    pub(super) fn has_changed(
        &self,
        group: GroupId,
        place: &Place,
        (since, until): (LogIndex, LogIndex),
    ) -> Result<bool, TooFarBehind> {
        let Some(history) = self.histories.get(&group) else {
            return Ok(false);
        };
        if since < history.floor {
            return Err(TooFarBehind);
        }
        let range = (place.hash, since + 1, 0)..(place.hash, until + 1, 0);
        let mut changes = history.before.range(range);
        Ok(changes.any(|(_, (inner, _))| *inner == place.inner))
    }
    /// What the leader's log leaves at a place.
    pub(super) fn get(&self, group: GroupId, place: &Place) -> Option<&Stored> {
        match self.keyspaces.get(usize::from(group.keyspace.0))? {
            Content::Table(table) => table.stored(place),
            Content::Index(store) => store.get(place),
        }
    }
    /// Divides what is kept of a partition among those that it is split into, whose logs go on where
    /// its own ends.
    pub(super) fn split(&mut self, group: GroupId, at: &Boundary, children: [GroupId; 2]) {
        let parent = self.histories.entry(group).or_default();
        if parent.children.is_some() {
            return;
        }
        parent.children = Some((at.clone(), children));
        let mut halves = [History::default(), History::default()];
        for half in &mut halves {
            (half.floor, half.head) = (parent.floor, parent.head);
        }
        let mut before = std::mem::take(&mut parent.before);
        for (index, epoch, hashes) in std::mem::take(&mut parent.order) {
            let mut orders = [Vec::new(), Vec::new()];
            for (hash, number) in hashes.into_iter().zip(0..) {
                let Some((inner, old)) = before.remove(&(hash, index, number)) else {
                    continue;
                };
                let half = usize::from(is_behind(hash, &inner, at));
                let key = (hash, index, orders[half].len() as u32);
                halves[half].before.insert(key, (inner, old));
                orders[half].push(hash);
            }
            for (half, hashes) in halves.iter_mut().zip(orders) {
                half.order.push_back((index, epoch, hashes));
            }
        }
        for (child, half) in children.into_iter().zip(halves) {
            self.histories.insert(child, half);
        }
    }

    fn set(&mut self, group: GroupId, place: &Place, after: Option<Stored>) -> Option<Stored> {
        match self.keyspaces.get_mut(usize::from(group.keyspace.0))? {
            Content::Table(table) => table.set(place, after),
            Content::Index(store) => match after {
                Some(after) => store.insert(place.clone(), after),
                None => store.remove(place),
            },
        }
    }
}

/// Whether a place lies at or behind a boundary.
pub(super) fn is_behind(hash: KeyHash, inner: &InnerPlace, boundary: &Boundary) -> bool {
    let sort = match &inner.sort {
        SortPlace::Value(value) => Some(value),
        SortPlace::Start | SortPlace::End => None,
    };
    (hash, sort) >= (boundary.hash, boundary.sort.as_ref())
}
