//! How global indexes follow a table: for each index a cursor over the leader's log.
//!
//! A batch of changes goes to the leaders of the index's partitions, in the order of the log; the next
//! batch goes when all of it is made. A change names what is at one place of the index afterwards, so
//! making it twice is harmless. An index that is short of throughput makes fewer changes than it was
//! sent: the rest is sent again, and when too much waits, writes of the table are throttled for its
//! sake.
//!
//! What a table held before the service began is in no log. A second cursor goes over the items of the
//! partition and adds some to each batch, as they are where the batch ends: so an item's entry never
//! comes after a later change of it.

use super::Node;
use super::replica::{Replica, Standing};
use crate::capacity::{IndexChange as Effect, WriteUnits};
use crate::index::{IndexEntry, IndexRule};
use crate::item::Item;
use crate::key::{KeyHasher, PrimaryKey};
use crate::partition::{PartitionMap, Refused};
use crate::roles::contents::{Change, LogIndex};
use crate::roles::directory::{GroupId, KeyspaceId, KeyspaceKind};
use crate::roles::message::{Body, Entry, IndexChange, Logged, Message, send};
use crate::roles::{ANSWER_SPAN, INDEX_BACKLOG_MAX, RETRY_SPAN};
use crate::table::{Place, Stored};
use crate::throttle::{ThrottledLimit, ThrottledOperation, ThrottledResource, ThrottlingReason};
use kvrig_base::id::ActorId;
use kvrig_base::seam::Cx;
use kvrig_base::time::{Span, Time};
use std::collections::BTreeMap;

/// Changes of one batch, beyond which no further entry of the log is added. Ours.
const BATCH_CHANGES: usize = 100;
/// Items of a backfill that are looked at for one batch. Ours.
const BACKFILL_ITEMS: usize = 50;
/// How soon an index that was short of throughput is asked again. Ours.
const THROTTLED_SPAN: Span = Span::from_millis(20);

/// Where the backfill of an index is in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Backfill {
    /// Behind this place; at the beginning where there is none.
    Behind(Option<Place>),
    /// All items are in a batch.
    Ended,
}

/// Where one index is in the log of a partition of its table.
#[derive(Debug)]
pub(super) struct Cursor {
    pub(super) index: KeyspaceId,
    /// It has followed the log up to here.
    pub(super) followed: LogIndex,
    /// It will have, when the batch under way is made.
    upto: LogIndex,
    /// The number of the last message.
    batch: u64,
    /// Changes of the batch that are to be sent.
    unsent: Vec<IndexChange>,
    /// Changes that are sent and not answered.
    sent: BTreeMap<GroupId, Vec<IndexChange>>,
    /// When something is to be sent again.
    pub(super) retry_at: Time,
    /// Why it was last throttled, until a batch is made.
    refused: Option<ThrottlingReason>,
    backfill: Backfill,
    /// Whether everything from before the log is in it.
    pub(super) is_filled: bool,
}

impl Cursor {
    /// A cursor behind what has been `followed`, which begins its work at `now`.
    pub(super) const fn new(
        index: KeyspaceId,
        followed: LogIndex,
        is_filled: bool,
        now: Time,
    ) -> Self {
        Self {
            index,
            followed,
            upto: followed,
            batch: 0,
            unsent: Vec::new(),
            sent: BTreeMap::new(),
            retry_at: now,
            refused: None,
            backfill: match is_filled {
                true => Backfill::Ended,
                false => Backfill::Behind(None),
            },
            is_filled,
        }
    }
    /// Adds the next items of the backfill, as they are where the batch ends.
    fn add_items(&mut self, node: &Node, group: GroupId) {
        let Backfill::Behind(from) = &self.backfill else {
            return;
        };
        let Some(KeyspaceKind::Index { rule, .. }) =
            node.catalog.get(self.index).map(|keyspace| &keyspace.kind)
        else {
            return;
        };
        // A partition that is younger than what is known of the directory waits for it.
        let partitions = node
            .directory
            .map(group.keyspace)
            .map(PartitionMap::partitions);
        let partitions = partitions.unwrap_or_default();
        let Some(number) = partitions.iter().position(|one| one.id == group.partition) else {
            return;
        };
        let contents = node.contents.borrow();
        let Some(table) = contents.table(group.keyspace) else {
            return;
        };
        let range = (
            &partitions[number].start,
            partitions.get(number + 1).map(|next| &next.start),
        );
        let places = table.places_between(range, from.as_ref(), BACKFILL_ITEMS);
        let last = places
            .last()
            .filter(|_| places.len() == BACKFILL_ITEMS)
            .cloned();
        for place in places {
            if let Ok(Some(stored)) = contents.view(group, &place, self.upto) {
                let items = (None, Some(&stored.item));
                let key = place.inner.key();
                let changes = index_changes(rule, node.catalog.hasher(), &key, items);
                self.unsent.extend(changes);
            }
        }
        self.backfill = match last {
            Some(place) => Backfill::Behind(Some(place)),
            None => Backfill::Ended,
        };
    }
    /// Changes of the log up to `last` that are not made yet.
    fn waiting(&self, last: LogIndex) -> u64 {
        let sent: usize = self.sent.values().map(Vec::len).sum();
        last - self.upto + (sent + self.unsent.len()) as u64
    }
}

/// The changes of an index that a change of an item asks for: none, one, or a removal and an addition.
pub(super) fn index_changes(
    rule: &IndexRule,
    hasher: KeyHasher,
    base: &PrimaryKey,
    (before, after): (Option<&Item>, Option<&Item>),
) -> Vec<IndexChange> {
    let old = before.and_then(|item| rule.entry(item));
    let new = after.and_then(|item| rule.entry(item));
    let effect = IndexEntry::change(old.as_ref(), new.as_ref());
    let change = |entry: IndexEntry, stays: bool, effect| {
        let hash = hasher.hash(&entry.key.partition);
        let stored = Stored {
            item: entry.item,
            bytes: entry.bytes,
        };
        IndexChange {
            change: Change {
                place: Place::of_entry(hash, entry.key, base.clone()),
                after: stays.then_some(stored),
            },
            units: WriteUnits::for_index(effect).0,
        }
    };
    match effect {
        Effect::None => Vec::new(),
        Effect::Moved { before, after } => {
            let removal = old.map(|old| change(old, false, Effect::Disappeared { before }));
            let addition = new.map(|new| change(new, true, Effect::Appeared { after }));
            removal.into_iter().chain(addition).collect()
        }
        effect => match (old, new) {
            (_, Some(new)) => vec![change(new, true, effect)],
            (Some(old), None) => vec![change(old, false, effect)],
            (None, None) => Vec::new(),
        },
    }
}

/// The changes of all global indexes of the table that a partition belongs to.
pub(super) fn all_index_changes(
    node: &Node,
    group: GroupId,
    base: &PrimaryKey,
    items: (Option<&Item>, Option<&Item>),
) -> Vec<Vec<IndexChange>> {
    let keyspace = node.catalog.get(group.keyspace);
    let indexes = keyspace.map_or(&[][..], |keyspace| keyspace.indexes());
    let changes = indexes.iter().map(|id| match &node.catalog.get(*id)?.kind {
        KeyspaceKind::Index { rule, .. } => {
            Some(index_changes(rule, node.catalog.hasher(), base, items))
        }
        KeyspaceKind::Table { .. } => None,
    });
    changes.map(Option::unwrap_or_default).collect()
}

impl Replica {
    /// Changes that each index has still to follow.
    pub(super) fn index_backlog(&self) -> Vec<u64> {
        let (last, _) = self.log.last();
        match &self.standing {
            Standing::Leader(leader) => {
                let cursors = leader.cursors.iter();
                cursors.map(|cursor| cursor.waiting(last)).collect()
            }
            _ => Vec::new(),
        }
    }
    /// The index for whose sake a write with these changes is throttled, and why.
    pub(super) fn index_pressure(
        &self,
        follow: &[Vec<IndexChange>],
    ) -> Option<(KeyspaceId, ThrottlingReason)> {
        let (last, _) = self.log.last();
        let Standing::Leader(leader) = &self.standing else {
            return None;
        };
        let mut cursors = leader.cursors.iter().zip(follow);
        cursors.find_map(|(cursor, changes)| {
            let waits = cursor.waiting(last) >= INDEX_BACKLOG_MAX;
            match cursor.refused {
                Some(reason) if waits && !changes.is_empty() => Some((cursor.index, reason)),
                _ => None,
            }
        })
    }
    /// Sends every index what is agreed on and what it can take.
    pub(super) fn feed_indexes(&mut self, cx: &mut Cx<'_, Message>, node: &Node) {
        let (now, serves) = (cx.now(), self.serves(cx.now()));
        let Standing::Leader(leader) = &mut self.standing else {
            return;
        };
        for (cursor, number) in leader.cursors.iter_mut().zip(0..) {
            if !serves {
                // Not agreed on as a leader yet, or no longer: it looks again later.
                cursor.retry_at = match cursor.retry_at <= now {
                    true => now + RETRY_SPAN,
                    false => cursor.retry_at,
                };
                continue;
            }
            let is_due = cursor.retry_at <= now;
            if is_due {
                let unanswered = std::mem::take(&mut cursor.sent);
                cursor
                    .unsent
                    .splice(0..0, unanswered.into_values().flatten());
            }
            if cursor.sent.is_empty() && cursor.unsent.is_empty() {
                cursor.followed = cursor.upto.max(cursor.followed);
                cursor.is_filled |= cursor.backfill == Backfill::Ended;
                while cursor.upto < self.committed && cursor.unsent.len() < BATCH_CHANGES {
                    cursor.upto += 1;
                    let entry = self.log.get(cursor.upto);
                    let changes = entry.and_then(|entry| entry.follow.get(number));
                    cursor.unsent.extend(changes.into_iter().flatten().cloned());
                }
                cursor.add_items(node, self.group);
                if cursor.unsent.is_empty() {
                    cursor.followed = cursor.upto;
                    cursor.is_filled |= cursor.backfill == Backfill::Ended;
                    cursor.retry_at = match cursor.is_filled {
                        true => Time::NEVER,
                        false => now + RETRY_SPAN,
                    };
                    continue;
                }
            } else if !is_due || cursor.unsent.is_empty() {
                continue;
            }
            cursor.batch += 1;
            cursor.retry_at = now + ANSWER_SPAN;
            for change in std::mem::take(&mut cursor.unsent) {
                let place = &change.change.place;
                let key = place.inner.key();
                let at = (place.hash, key.sort.as_ref());
                if let Some((group, _)) = node.directory.find(cursor.index, at) {
                    cursor.sent.entry(group).or_default().push(change);
                }
            }
            // Batches of later leaders have higher numbers.
            let batch = (self.epoch << 40) | cursor.batch;
            for (group, changes) in &cursor.sent {
                let Some(place) = node.directory.place(*group) else {
                    continue;
                };
                let follow = Body::Follow {
                    from: self.group,
                    group: *group,
                    batch,
                    changes: changes.clone(),
                };
                send(cx, place.replicas[place.leader], follow);
            }
        }
        self.split_if_due(cx, node);
    }
    /// The leader of an index partition has made changes, or not all of them.
    pub(super) fn index_followed(
        &mut self,
        cx: &mut Cx<'_, Message>,
        node: &Node,
        (group, batch): (GroupId, u64),
        made: usize,
        refused: Option<ThrottlingReason>,
    ) {
        let epoch = self.epoch;
        let Standing::Leader(leader) = &mut self.standing else {
            return;
        };
        let Some(cursor) = leader
            .cursors
            .iter_mut()
            .find(|cursor| cursor.index == group.keyspace)
        else {
            return;
        };
        if batch != (epoch << 40) | cursor.batch {
            return;
        }
        let Some(mut changes) = cursor.sent.remove(&group) else {
            return;
        };
        changes.drain(..made.min(changes.len()));
        let is_made = changes.is_empty();
        cursor.unsent.extend(changes);
        match refused {
            Some(reason) => {
                cursor.refused = Some(reason);
                cursor.retry_at = cursor.retry_at.min(cx.now() + THROTTLED_SPAN);
            }
            None if is_made => {}
            None => {
                cursor.retry_at = cursor.retry_at.min(cx.now() + RETRY_SPAN);
                send(cx, node.autoadmin, Body::WhereIs);
            }
        }
        if cursor.sent.is_empty() && cursor.unsent.is_empty() {
            cursor.refused = None;
        }
        self.feed_indexes(cx, node);
    }
    /// As the leader of an index partition: changes that a partition of the table asks for.
    pub(super) fn follow(
        &mut self,
        cx: &mut Cx<'_, Message>,
        node: &Node,
        (from, base, batch): (ActorId, GroupId, u64),
        changes: Vec<IndexChange>,
    ) {
        let group = self.group;
        let answer = |made, refused| Body::Followed {
            from: base,
            group,
            batch,
            made,
            refused,
        };
        if !self.serves(cx.now()) || self.is_splitting() {
            return send(cx, from, answer(0, None));
        }
        let Standing::Leader(leader) = &mut self.standing else {
            return;
        };
        let latest = leader.batches.entry(base).or_default();
        if batch <= *latest {
            return;
        }
        *latest = batch;
        let (mut made, mut units, mut refused) = (Vec::new(), 0, None);
        for change in changes {
            match self.buckets.open_write(None, cx.now()) {
                Ok(source) => {
                    let charge = (source, None);
                    self.buckets.charge_write(change.units, charge, cx.now());
                    units += change.units;
                    made.push(change.change);
                }
                Err(why) => {
                    refused = Some(ThrottlingReason {
                        resource: ThrottledResource::Index,
                        operation: ThrottledOperation::Write,
                        limit: match why {
                            Refused::Limit | Refused::Node => ThrottledLimit::KeyRangeThroughput,
                            Refused::Allocation => ThrottledLimit::ProvisionedThroughput,
                        },
                    });
                    break;
                }
            }
        }
        let answer = answer(made.len(), refused);
        match made.is_empty() {
            true => send(cx, from, answer),
            false => {
                let entry = Entry {
                    units,
                    ..Entry::of(Logged::Changes(made))
                };
                self.propose(cx, node, entry, Some((from, answer)));
            }
        }
    }
}
