//! Watching a node: when its table grows, and what its clients see meanwhile.

use super::phases::Recorder;
use super::retries::Loads;
use crate::world::{Call, GroupId, Observer, Reply, TimedOut, TurnTaken};
use kvrig_redis::Node;
use kvrig_tables::Table;

/// Watches one node: sorts replies into phases and finds out when its table grows.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) recorder: Recorder,
    pub(super) loads: Loads,
    pub(super) load: GroupId,
    /// Buckets from which the growth under study starts.
    pub(super) buckets: u64,
    pub(super) ended_at_entries: u64,
    pub(super) memory_table_max: u64,
}

impl Watch {
    /// Compares the table before and after a call.
    fn look(&mut self, call: &Call<'_>, table: &dyn Table<kvrig_redis::Record>) {
        let rehash = table.rehash();
        if self.recorder.started().is_none() {
            let grew = match &rehash {
                Some(rehash) => rehash.from == self.buckets,
                None => table.buckets() > self.buckets,
            };
            if !grew {
                return;
            }
            let from = call
                .segments
                .iter()
                .map(|segment| segment.from)
                .min()
                .unwrap_or_default();
            self.recorder.growth_started(call.at + from);
            // The old array stays beside the new one, if only within this call.
            let new = table.bucket_bytes();
            let old = match rehash {
                Some(_) => 0,
                None => new.total() / (table.buckets() / self.buckets).max(1),
            };
            self.memory_table_max = self.memory_table_max.max(new.total() + old);
        }
        self.memory_table_max = self.memory_table_max.max(table.bucket_bytes().total());
        if rehash.is_none() && self.recorder.freed().is_none() {
            let to = call
                .segments
                .iter()
                .map(|segment| segment.to)
                .max()
                .unwrap_or_default();
            self.recorder.growth_ended(call.at + to);
            self.ended_at_entries = table.len();
        }
    }
}

impl Observer<Node> for Watch {
    fn reply(&mut self, reply: &Reply, _: &Node) {
        if reply.group == self.load.0 {
            self.recorder
                .reply(reply.intended, reply.ended, reply.service, reply.waited);
            self.loads.reply(reply, &self.recorder);
        }
    }
    fn late_reply(&mut self, reply: &Reply, _: &Node) {
        self.loads.late_reply(reply, &self.recorder);
    }
    fn timed_out(&mut self, event: &TimedOut) {
        self.loads.timed_out(event, &self.recorder);
    }
    fn turn(&mut self, turn: &TurnTaken, _: &Node) {
        self.loads.turn(turn, &self.recorder);
    }
    fn call(&mut self, call: &Call<'_>, actor: &Node) {
        if !call.segments.is_empty() {
            self.look(call, actor.keyspace().database(0).keys());
            // What is left of an earlier growth is no pause of this one.
            if self.recorder.started().is_some() {
                self.recorder.call(call.at, call.segments);
            }
        }
    }
}
