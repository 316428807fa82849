//! Watching a node: when its tables grow, what its clients see meanwhile, and what memory it takes.

use super::heat::Heat;
use super::outcome::{ChildLife, MemoryPoint};
use super::phases::Recorder;
use super::retries::Loads;
use crate::world::{Call, ChildReport, Fork, GroupId, Observer, Reply, TimedOut, TurnTaken};
use kvrig_base::seam::Cause;
use kvrig_base::time::{Span, Time};
use kvrig_redis::Node;
use kvrig_tables::{BucketBytes, Entry, Table};

/// Watches one node: sorts replies into phases and finds out when its tables grow.
///
/// Keys and expiries count as one: growth begins with the first table that grows from the size under
/// study, and ends when neither has two bucket arrays any more. A table that grows a bucket or a
/// segment at a time has one array, and grows until it has twice the buckets.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) recorder: Recorder,
    pub(super) loads: Loads,
    pub(super) load: GroupId,
    /// Buckets from which the growth under study starts.
    pub(super) buckets: u64,
    /// Whether the table grows in parts, over as many insertions as it had entries.
    pub(super) grows_in_parts: bool,
    /// Keys in the store when growth began, when the last entry had moved, and when the old array
    /// was given back; zero for what did not come.
    pub(super) started_at_entries: u64,
    pub(super) ended_at_entries: u64,
    pub(super) memory_table_max: u64,
    pub(super) memory_used_max: u64,
    pub(super) longest_eviction: Span,
    pub(super) burst: Option<Burst>,
    pub(super) longest_fork: Span,
    pub(super) children: Vec<ChildLife>,
    pub(super) memory: Vec<MemoryPoint>,
    /// Responses over time, where they are asked for.
    pub(super) heat: Option<Heat>,
}

/// The eviction that growth beyond the memory limit sets off.
#[derive(Clone, Copy, Debug)]
pub(super) struct Burst {
    /// When memory exceeded the limit.
    pub(super) since: Time,
    /// When it was below again.
    pub(super) until: Option<Time>,
    /// Keys evicted before, and up to the end.
    evicted: (u64, u64),
}

impl Burst {
    /// Keys evicted in between.
    pub(super) fn keys(self) -> u64 {
        self.evicted.1 - self.evicted.0
    }
}

/// One table as it is after a call.
struct TableState {
    /// The buckets that it grows from, if it has two arrays.
    from: Option<u64>,
    buckets: u64,
    bytes: BucketBytes,
}

impl TableState {
    fn of<E: Entry>(table: &dyn Table<E>) -> Self {
        Self {
            from: table.rehash().map(|rehash| rehash.from),
            buckets: table.buckets(),
            bytes: with_lone_array_new(table.bucket_bytes()),
        }
    }
    /// Whether it has begun to grow from `buckets`.
    fn has_grown_from(&self, buckets: u64) -> bool {
        match self.from {
            Some(from) => from == buckets,
            None => self.buckets > buckets,
        }
    }
    /// Whether it has some of the buckets that it will have when it has grown from `buckets`.
    fn has_grown_in_part(&self, buckets: u64) -> bool {
        self.from.is_none() && buckets < self.buckets && self.buckets < 2 * buckets
    }
    /// Bytes of its arrays within the call that made it grow: a table that moved everything in that
    /// call had its old array beside the new one.
    fn peak_bytes(&self, buckets: u64, moved_all: bool) -> BucketBytes {
        match self.from {
            None if moved_all && self.buckets > buckets => BucketBytes {
                old: self.bytes.total() / (self.buckets / buckets).max(1),
                new: self.bytes.total(),
            },
            _ => self.bytes,
        }
    }
}

fn tables(node: &Node) -> [TableState; 2] {
    let database = node.keyspace().database(0);
    [
        TableState::of(database.keys()),
        TableState::of(database.expires()),
    ]
}

impl Watch {
    /// Watches `node` for a growth from `buckets`; `keeps_heat` asks for responses over time.
    pub(super) fn new(node: &Node, buckets: u64, keeps_heat: bool) -> Self {
        let bytes = tables(node).iter().map(|table| table.bytes.total()).sum();
        let mut watch = Self {
            recorder: Recorder::default(),
            loads: Loads::default(),
            load: GroupId(0),
            buckets,
            grows_in_parts: false,
            started_at_entries: 0,
            ended_at_entries: 0,
            memory_table_max: bytes,
            memory_used_max: node.used_memory(),
            longest_eviction: Span::ZERO,
            burst: None,
            longest_fork: Span::ZERO,
            children: Vec::new(),
            memory: Vec::new(),
            heat: keeps_heat.then(Heat::default),
        };
        watch.sample_memory(Time::START, node);
        watch
    }

    /// Writes down what memory `node` takes at `at`.
    pub(super) fn sample_memory(&mut self, at: Time, node: &Node) {
        let bytes = sum(tables(node).iter().map(|table| table.bytes));
        self.push_memory(at, node, bytes, node.used_memory());
    }
    fn push_memory(&mut self, at: Time, node: &Node, bytes: BucketBytes, used: u64) {
        self.memory.push(MemoryPoint {
            at_ns: at.as_nanos(),
            old_bytes: bytes.old,
            new_bytes: bytes.new,
            entry_bytes: used.saturating_sub(bytes.total()),
            limit_bytes: node.config().maxmemory,
        });
    }

    /// Compares the tables before and after a call that did more than plain work.
    fn look(&mut self, call: &Call<'_>, node: &Node) {
        let tables = tables(node);
        let used = node.used_memory();
        let entries = node.keyspace().database(0).keys().len();
        let mut total: u64 = tables.iter().map(|table| table.bytes.total()).sum();
        if self.recorder.started().is_none() {
            if !tables
                .iter()
                .any(|table| table.has_grown_from(self.buckets))
            {
                self.memory_used_max = self.memory_used_max.max(used);
                return;
            }
            let starts = call.segments.iter().map(|segment| segment.from);
            let from = starts.min().unwrap_or_default();
            self.recorder.growth_started(call.at + from);
            self.started_at_entries = entries;
            let mut causes = call.segments.iter().map(|segment| segment.cause);
            let moved_all = causes.any(|cause| cause == Cause::RehashAll);
            let peaks = tables
                .iter()
                .map(|table| table.peak_bytes(self.buckets, moved_all));
            let peak = sum(peaks);
            let beside = peak.total().saturating_sub(total);
            self.push_memory(call.at + from, node, peak, used + beside);
            total = peak.total();
            self.memory_used_max = self.memory_used_max.max(used + beside);
        }
        self.memory_used_max = self.memory_used_max.max(used);
        self.memory_table_max = self.memory_table_max.max(total);
        let in_parts = |table: &TableState| table.has_grown_in_part(self.buckets);
        self.grows_in_parts = tables.iter().any(in_parts);
        let is_growing = self.grows_in_parts || tables.iter().any(|table| table.from.is_some());
        if !is_growing && self.recorder.freed().is_none() {
            let ends = call.segments.iter().map(|segment| segment.to);
            let to = ends.max().unwrap_or_default();
            self.recorder.growth_ended(call.at + to);
            self.ended_at_entries = entries;
            self.sample_memory(call.at + to, node);
        }
    }

    /// Follows memory above its limit after growth has begun.
    fn follow_burst(&mut self, end: Time, node: &Node) {
        let limit = node.config().maxmemory;
        if limit == 0 || self.recorder.started().is_none() {
            return;
        }
        let (is_over, evicted) = (node.used_memory() > limit, node.evicted_keys());
        match &mut self.burst {
            None => {
                self.burst = Some(Burst {
                    since: end,
                    until: (!is_over).then_some(end),
                    evicted: (evicted, evicted),
                });
            }
            Some(burst) if burst.until.is_none() => {
                burst.evicted.1 = evicted;
                if !is_over {
                    burst.until = Some(end);
                }
            }
            Some(_) => {}
        }
    }
}

/// A bucket array that is alone is the new one: the old one is given back.
const fn with_lone_array_new(bytes: BucketBytes) -> BucketBytes {
    match bytes.new {
        0 => BucketBytes {
            old: 0,
            new: bytes.old,
        },
        _ => bytes,
    }
}

fn sum(bytes: impl Iterator<Item = BucketBytes>) -> BucketBytes {
    bytes.fold(BucketBytes::default(), |sum, bytes| BucketBytes {
        old: sum.old + bytes.old,
        new: sum.new + bytes.new,
    })
}

impl Observer<Node> for Watch {
    fn reply(&mut self, reply: &Reply, _: &Node) {
        if reply.group != self.load.0 {
            return;
        }
        self.recorder.reply(reply);
        self.loads.reply(reply, &self.recorder);
        if let Some(heat) = &mut self.heat {
            heat.add(reply.intended, reply.response);
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
            self.look(call, actor);
            // What is left of an earlier growth is no pause of this one.
            if self.recorder.started().is_some() {
                self.recorder.call(call.at, call.segments);
                for segment in call.segments {
                    if segment.cause == Cause::Evict {
                        let length = segment.to.saturating_sub(segment.from);
                        self.longest_eviction = self.longest_eviction.max(length);
                    }
                }
            }
        }
        self.follow_burst(call.at + call.spent, actor);
    }
    fn fork(&mut self, fork: &Fork, _: &Node) {
        self.longest_fork = self.longest_fork.max(fork.span);
    }
    fn child(&mut self, child: &ChildReport, _: &Node) {
        self.children.push(ChildLife {
            forked_ns: child.forked.as_nanos(),
            exited_ns: child.exited.as_nanos(),
            pages_copied: child.pages_copied,
        });
    }
}
