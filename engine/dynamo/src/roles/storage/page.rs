//! A part of a page at a replica: what it sees of its partition, as far as there is room.

use super::Node;
use super::replica::{Replica, Standing};
use super::serve::throttled;
use crate::capacity::{IndexId, ReadConsistency};
use crate::error::Validation;
use crate::index::IndexRule;
use crate::partition::{Replica as Serving, read_blocks};
use crate::roles::directory::KeyspaceKind;
use crate::roles::message::{Body, Failure, Message, send};
use crate::roles::page::PartRead;
use crate::table::{PagePart, ScanDirection, Source};
use crate::throttle::ThrottledOperation;
use kvrig_base::id::ActorId;
use kvrig_base::seam::{Counter, Cx};

impl Replica {
    /// Reads the part of a page that a router has asked for here.
    pub(super) fn read_part(
        &mut self,
        cx: &mut Cx<'_, Message>,
        node: &Node,
        (from, id): (ActorId, u64),
        read: &PartRead,
    ) {
        let result = Box::new(self.part(cx, node, read));
        send(cx, from, Body::PartRead { id, result });
    }

    fn part(
        &mut self,
        cx: &mut Cx<'_, Message>,
        node: &Node,
        read: &PartRead,
    ) -> Result<PagePart, Failure> {
        let (now, consistency) = (cx.now(), read.options.consistency);
        match consistency {
            ReadConsistency::Eventual => {}
            ReadConsistency::Strong if self.serves(now) => {}
            ReadConsistency::Strong => return Err(Failure::NotHere),
            ReadConsistency::Transactional => return Err(Validation::TransactionalRead.into()),
        }
        let keyspace = node.catalog.get(self.group.keyspace);
        let keyspace = keyspace.ok_or(Failure::NotHere)?;
        let local: Vec<IndexRule>;
        let (schema, rules) = match &keyspace.kind {
            KeyspaceKind::Table { schema, .. } => {
                local = IndexRule::all(schema);
                (&**schema, local.as_slice())
            }
            KeyspaceKind::Index { table, rule, .. } => {
                let table = node.catalog.get(*table).and_then(|table| table.schema());
                (
                    table.ok_or(Failure::NotHere)?,
                    std::slice::from_ref(&**rule),
                )
            }
        };
        let source = Source::of(schema, rules.iter(), &read.options)?;
        let serving = match self.standing {
            Standing::Leader(_) => Serving::Leader,
            _ => Serving::FirstFollower,
        };
        let opened = self.buckets.open_read(consistency, serving, None, now);
        let Ok(opened) = opened else {
            self.see(cx, node, read.range.0.clone(), (consistency.halves(), 0));
            let operation = ThrottledOperation::Read;
            return Err(throttled(node, self.group.keyspace, operation));
        };
        let contents = node.contents.borrow();
        let index = source.index.map(|rule| rule.id);
        let local = index.filter(|id| matches!(id, IndexId::Local(_)));
        let range = (&read.range.0, read.range.1.as_ref());
        let stretch = contents
            .stretch(self.group, local, (&read.span, range), self.committed)
            .map_err(|_| Failure::NotHere)?;
        let stretch = stretch.ok_or(Failure::NotHere)?;
        let base = |key| {
            let place = contents.table(self.group.keyspace)?.place(key);
            let seen = contents.view(self.group, &place, self.committed);
            seen.ok().flatten()
        };
        let first = stretch.forward().next().map(|(place, _)| place.key());
        let (options, room) = (&*read.options, read.room);
        let part = match read.direction {
            ScanDirection::Forward => source.read(stretch.forward(), options, room, base),
            ScanDirection::Backward => source.read(stretch.backward(), options, room, base),
        };
        drop(stretch);
        drop(contents);
        cx.work.count(Counter::EntriesVisited, part.scanned());
        cx.work.count(Counter::BytesCopied, part.size_bytes());
        let units = part.read_units(consistency);
        // What is fetched is as much work again, rounded item by item.
        let fetched = part.fetched().halves().div_ceil(consistency.halves());
        let blocks = read_blocks(part.bytes()) + fetched;
        self.buckets
            .charge_read(blocks, consistency, serving, (opened, None), now);
        let halves = units.halves() + part.fetched().halves();
        let at = match first {
            Some(key) => node.catalog.boundary(&key),
            None => read.range.0.clone(),
        };
        self.see(cx, node, at, (halves, 0));
        Ok(part)
    }
}
