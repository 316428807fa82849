//! TransactGetItems at the leader of a partition: items are read, and then looked at once more, and
//! nothing is kept for the reader in between.
//!
//! The second look asks whether an item has changed since the log was as long as at the first, or is about
//! to be changed by a transaction. The paper compares the log sequence number of each item; to keep one
//! with every item, deleted ones too, would answer the same question.

use super::Node;
use super::replica::{Replica, Standing};
use crate::capacity::{ReadConsistency, ReadUnits};
use crate::error::CancellationReason;
use crate::expression::project;
use crate::item::AttributeMap;
use crate::partition::{Replica as Serving, read_blocks};
use crate::roles::READ_TRANSACTION_SPAN;
use crate::roles::contents::{Contents, LogIndex, TooFarBehind};
use crate::roles::message::{
    Body, ItemLook, ItemRead, ItemsRead, Logged, Message, TransactionId, send,
};
use crate::table::{Place, Stored};
use crate::throttle::{ThrottledLimit, ThrottledOperation, ThrottledResource, ThrottlingReason};
use kvrig_base::id::ActorId;
use kvrig_base::seam::{Counter, Cx};

impl Replica {
    /// The first phase: a coordinator wants items, and how long the log is.
    pub(super) fn read_items(
        &mut self,
        cx: &mut Cx<'_, Message>,
        node: &Node,
        (from, transaction): (ActorId, TransactionId),
        gets: &[crate::database::TransactGet],
    ) {
        let group = self.group;
        let answer = |result: Option<ItemsRead>| Body::ItemsRead {
            transaction,
            group,
            result: result.map(Box::new),
        };
        if !self.serves(cx.now()) {
            return send(cx, from, answer(None));
        }
        let contents = node.contents.borrow();
        let mut items = Vec::with_capacity(gets.len());
        for get in gets {
            let Some((look, stored)) = self.look(cx, node, &contents, &get.key, None) else {
                return send(cx, from, answer(None));
            };
            let item = stored.map(|stored| match get.projection.as_slice() {
                [] => stored.item.clone(),
                paths => project(&stored.item, paths),
            });
            let bytes = stored.map_or(0, |stored| stored.bytes);
            cx.work.count(Counter::BytesCopied, bytes);
            items.push(ItemRead { look, item, bytes });
        }
        let since = self.committed;
        if let Standing::Leader(leader) = &mut self.standing {
            leader.keep_changes(since, cx.now() + READ_TRANSACTION_SPAN);
        }
        send(cx, from, answer(Some(ItemsRead { since, items })));
    }

    /// The second phase: have these items changed since the log was as long as `since`?
    pub(super) fn read_again(
        &mut self,
        cx: &mut Cx<'_, Message>,
        node: &Node,
        (from, transaction): (ActorId, TransactionId),
        (keys, since): (&[AttributeMap], LogIndex),
    ) {
        let contents = node.contents.borrow();
        let result = match self.serves(cx.now()) {
            true => {
                let looks = keys.iter().map(|key| {
                    let (look, _) = self.look(cx, node, &contents, key, Some(since))?;
                    Some(look)
                });
                looks.collect()
            }
            false => None,
        };
        let answer = Body::ReadAgainDone {
            transaction,
            group: self.group,
            result,
        };
        send(cx, from, answer);
    }

    /// Looks an item up at the price of a strong read, which is one of the two that a transaction pays
    /// for, and says what is in the way of the transaction. Nothing where this is not known here.
    fn look<'c>(
        &mut self,
        cx: &mut Cx<'_, Message>,
        node: &Node,
        contents: &'c Contents,
        key: &AttributeMap,
        since: Option<LogIndex>,
    ) -> Option<(ItemLook, Option<&'c Stored>)> {
        let (now, consistency) = (cx.now(), ReadConsistency::Strong);
        let table = contents.table(self.group.keyspace)?;
        let place = table.place(table.schema().key.key_from(key).ok()?);
        let at = super::serve::boundary(&place);
        let refused = |reason| {
            let units = ReadUnits::ZERO;
            Some((ItemLook { reason, units }, None))
        };
        let Ok(source) = self
            .buckets
            .open_read(consistency, Serving::Leader, None, now)
        else {
            self.see(cx, node, at, (consistency.halves(), 0));
            return refused(CancellationReason::ThrottlingError {
                reason: ThrottlingReason {
                    resource: ThrottledResource::Table,
                    operation: ThrottledOperation::Read,
                    limit: ThrottledLimit::KeyRangeThroughput,
                },
            });
        };
        if self.is_pending(&place) {
            return refused(CancellationReason::TransactionConflict);
        }
        let stored = contents.view(self.group, &place, self.committed).ok()?;
        let has_changed = match since {
            Some(since) => self.has_changed(contents, &place, since).ok()?,
            None => false,
        };
        let bytes = stored.map_or(0, |stored| stored.bytes);
        cx.work.count(Counter::KeysHashed, 1);
        let hashed = place.inner.key().partition.size_bytes();
        cx.work.count(Counter::BytesHashed, hashed);
        cx.work.count(Counter::EntriesVisited, 1);
        let blocks = read_blocks(bytes);
        let charge = (source, None);
        self.buckets
            .charge_read(blocks, consistency, Serving::Leader, charge, now);
        let units = ReadUnits::for_bytes(bytes, consistency);
        self.see(cx, node, at, (units.halves(), 0));
        let reason = match has_changed {
            true => CancellationReason::TransactionConflict,
            false => CancellationReason::None,
        };
        Some((ItemLook { reason, units }, stored))
    }

    /// Whether a transaction has the item, or has changed it in an entry that is not agreed on yet.
    fn is_pending(&self, place: &Place) -> bool {
        let Standing::Leader(leader) = &self.standing else {
            return false;
        };
        let (last, _) = self.log.last();
        let mut decided = (self.committed + 1..=last).filter_map(|index| {
            let entry = self.log.get(index)?;
            matches!(entry.what, Logged::Decided(..)).then_some(entry)
        });
        leader.locks.contains_key(place)
            || decided.any(|entry| entry.changes().iter().any(|one| one.place == *place))
    }

    fn has_changed(
        &self,
        contents: &Contents,
        place: &Place,
        since: LogIndex,
    ) -> Result<bool, TooFarBehind> {
        contents.has_changed(self.group, place, (since, self.committed))
    }
}
