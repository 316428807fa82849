//! Streams in snapshots and payloads (rdbSaveObject, RDB_TYPE_STREAM_LISTPACKS_2).

use super::encode::Encoder;
use super::kind::UNKNOWN;
use crate::value::Stream;
use crate::value::stream::{Group, StreamId};
use kvrig_base::seam::Work;

impl Encoder {
    /// Nodes, then what is remembered of ids, then the groups.
    pub(super) fn stream(&mut self, stream: &Stream, work: &mut Work) {
        let mut walk = Work::unpriced();
        let log = stream.log();
        self.length(log.nodes().len() as u64);
        log.nodes()
            .walk(StreamId::MIN, &mut walk, |id, node, work| {
                self.string(&id.to_bytes(), work);
                self.string(node.as_bytes(), work);
                true
            });
        self.length(log.len());
        for id in [log.last_id(), log.first_id(), log.max_deleted_id()] {
            self.id(id);
        }
        self.length(log.entries_added());
        self.length(stream.groups().len() as u64);
        for (name, group) in stream.groups() {
            self.string(name, &mut walk);
            self.group(group, &mut walk);
        }
        work.count_all(&walk.counts());
    }
    fn group(&mut self, group: &Group, work: &mut Work) {
        self.id(group.last_id());
        self.length(group.entries_read().unwrap_or(UNKNOWN));
        self.length(group.pending().len() as u64);
        group.pending().walk(StreamId::MIN, work, |id, pending, _| {
            self.out.extend_from_slice(&id.to_bytes());
            let delivered = pending.delivered_ms.to_le_bytes();
            self.out.extend_from_slice(&delivered);
            self.length(pending.deliveries as u64);
            true
        });
        self.length(group.consumers().len() as u64);
        for consumer in group.consumers() {
            self.string(consumer.name(), work);
            let seen = consumer.seen_ms().to_le_bytes();
            self.out.extend_from_slice(&seen);
            self.length(consumer.pending().len() as u64);
            consumer.pending().walk(StreamId::MIN, work, |id, (), _| {
                self.out.extend_from_slice(&id.to_bytes());
                true
            });
        }
    }
    fn id(&mut self, id: StreamId) {
        self.length(id.ms);
        self.length(id.seq);
    }
}
