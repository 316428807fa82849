//! The admission server: one count of tokens for each table, for reads and for writes.

use super::directory::{Catalog, KeyspaceId, KeyspaceKind};
use super::message::{Body, Inside, Message, send};
use crate::partition::{GlobalAdmission, RouterId};
use crate::schema::Throughput;
use crate::throttle::ThrottledOperation;
use kvrig_base::seam::{Counter, Cx, Input};
use kvrig_base::time::Time;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Lends the tokens of all provisioned tables. It keeps nothing that a crash could harm: a new one
/// begins with full buckets and learns of the routers by what they ask.
#[derive(Debug)]
pub struct AdmissionServer {
    catalog: Rc<Catalog>,
    tables: BTreeMap<(KeyspaceId, ThrottledOperation), GlobalAdmission>,
}

impl AdmissionServer {
    /// A server that knows no router yet.
    pub fn new(catalog: Rc<Catalog>, now: Time) -> Self {
        Self {
            tables: full(&catalog, now),
            catalog,
        }
    }
    pub(super) fn restart(&mut self, now: Time) {
        self.tables = full(&self.catalog, now);
    }
    pub(super) fn handle(&mut self, cx: &mut Cx<'_, Message>, input: &Input<'_, Message>) {
        let Input::Peer {
            from,
            message:
                Message::Inside(Inside(Body::Replenish {
                    keyspace,
                    operation,
                    last,
                    consumed,
                    wanted,
                })),
        } = *input
        else {
            return;
        };
        cx.work.count(Counter::Commands, 1);
        let Some(admission) = self.tables.get_mut(&(keyspace, operation)) else {
            return;
        };
        let lease = admission.replenish(RouterId(from.0), last, consumed, wanted, cx.now());
        let lent = Body::Lent {
            keyspace,
            operation,
            lease,
        };
        send(cx, from, lent);
    }
}

/// Tokens per second of a table, for reads in half units; nothing where it is limited otherwise.
pub(super) const fn rate(throughput: Throughput, operation: ThrottledOperation) -> Option<u64> {
    match (throughput, operation) {
        (Throughput::OnDemand, _) => None,
        (Throughput::Provisioned { read, .. }, ThrottledOperation::Read) => {
            Some(read.saturating_mul(2))
        }
        (Throughput::Provisioned { write, .. }, ThrottledOperation::Write) => Some(write),
    }
}

fn full(
    catalog: &Catalog,
    now: Time,
) -> BTreeMap<(KeyspaceId, ThrottledOperation), GlobalAdmission> {
    let mut tables = BTreeMap::new();
    for (keyspace, number) in catalog.keyspaces().iter().zip(0..) {
        let operations: &[ThrottledOperation] = match keyspace.kind {
            KeyspaceKind::Table { .. } => &[ThrottledOperation::Read, ThrottledOperation::Write],
            // Index writes come from the leaders of the table's partitions, which the index's own
            // buckets limit.
            KeyspaceKind::Index { .. } => &[ThrottledOperation::Read],
        };
        for &operation in operations {
            if let Some(rate) = rate(keyspace.throughput, operation) {
                let admission = GlobalAdmission::new(rate, now);
                tables.insert((KeyspaceId(number), operation), admission);
            }
        }
    }
    tables
}
