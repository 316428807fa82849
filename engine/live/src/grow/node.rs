//! A Redis node without clients around it.

use super::{BATCH, GrowError, LONGEST_KEPT};
use crate::clock::{RealClock, Stopwatch};
use crate::distribution::Distribution;
use crate::host::Host;
use kvrig_base::id::ConnId;
use kvrig_base::measured::Run;
use kvrig_base::random::Seed;
use kvrig_base::seam::{Cause, Work};
use kvrig_redis::{Config, Node, TableRole};
use kvrig_tables::{GrowthWatch, TableEvent, TableKind};
use kvrig_workloads::{KeyFormat, KeyId};
use std::rc::Rc;

/// A node whose table is to grow once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeGrowth {
    /// The table of its keys.
    pub kind: TableKind,
    /// Its configuration.
    pub config: Config,
    /// What places its keys.
    pub seed: Seed,
    /// Keys that it holds before anything is measured.
    pub filled: u64,
    /// Bytes of every key.
    pub key_bytes: usize,
    /// Bytes of every value.
    pub value_bytes: usize,
    /// Buckets that the growth starts from.
    pub buckets: u64,
    /// Keys after which a table that has not grown is given up.
    pub keys_max: u64,
}

/// Grows a node by SET of new keys, one after another as fast as it takes them, while its timer
/// runs when it is due. Commands and runs of the timer are measured; a run of the timer counts for
/// the insert before it.
///
/// # Errors
/// [`GrowError`].
pub fn grow_node(task: &NodeGrowth, cancelled: &dyn Fn() -> bool) -> Result<Run, GrowError> {
    let node = Node::new(task.config.clone(), task.kind, task.seed);
    let clock = RealClock::start();
    let mut host = Host::new(node, Rc::new(clock));
    let conn = host.connect()?;
    let mut keys = Keys::new(task);
    fill(task, &mut host, &mut keys, cancelled)?;
    let (mut watch, mut inserts) = (GrowthWatch::keeping(LONGEST_KEPT), Distribution::default());
    let is_grown = |watch: &GrowthWatch| {
        let mut done = watch.done().iter();
        done.any(|growth| growth.growth.from == task.buckets)
    };
    let mut number = task.filled;
    let mut stopwatch = Stopwatch::start(clock);
    while !is_grown(&watch) {
        if number.is_multiple_of(BATCH) && cancelled() {
            return Err(GrowError::Cancelled);
        }
        if number >= task.keys_max {
            return Err(GrowError::NotGrown {
                table: task.kind.name(),
                buckets: task.buckets,
                inserts: number,
            });
        }
        if host.is_due() {
            stopwatch.restart();
            host.run_due()?;
            let length = stopwatch.lap();
            look(&mut watch, &mut host, number, length);
        }
        let (key, value) = keys.next(number);
        number += 1;
        stopwatch.lap();
        host.command(conn, &[b"SET", key, value])?;
        let length = stopwatch.lap();
        inserts.record(length);
        check_reply(&host, conn)?;
        look(&mut watch, &mut host, number, length);
    }
    Ok(Run {
        growths: watch.into_growths(),
        inserts: inserts.to_data("inserts"),
    })
}

/// Takes one call into account.
fn look(watch: &mut GrowthWatch, host: &mut Host<Node>, number: u64, length: u64) {
    let cause = host.work().main_cause();
    let node = host.actor_mut();
    let events = || next_event(node);
    watch.call(number, events, length, || cause.unwrap_or(Cause::Request));
}

/// The next event of the table of keys.
fn next_event(node: &mut Node) -> Option<TableEvent> {
    loop {
        match node.take_table_event(0)? {
            (TableRole::Keys, event) => return Some(event),
            _ => continue,
        }
    }
}

/// Fills the node as loading a snapshot does; its clock stands still meanwhile, and what its tables
/// tell of earlier growths is dropped.
fn fill(
    task: &NodeGrowth,
    host: &mut Host<Node>,
    keys: &mut Keys,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), GrowError> {
    let mut work = Work::unpriced();
    let wall = kvrig_base::time::Wall::from_unix_millis(0);
    for number in 0..task.filled {
        if number.is_multiple_of(BATCH) && cancelled() {
            return Err(GrowError::Cancelled);
        }
        let (key, value) = keys.next(number);
        work.begin();
        host.actor_mut().load(key, value, wall, &mut work);
    }
    while next_event(host.actor_mut()).is_some() {}
    Ok(())
}

/// A write that is refused would grow nothing.
fn check_reply(host: &Host<Node>, conn: ConnId) -> Result<(), GrowError> {
    match host.replies().next() {
        Some((to, b"+OK\r\n")) if to == conn => Ok(()),
        reply => Err(GrowError::Reply(
            String::from_utf8_lossy(reply.map_or(b"", |(_, reply)| reply)).into_owned(),
        )),
    }
}

/// Keys by number, and the one value that all have.
struct Keys {
    format: KeyFormat,
    key_bytes: usize,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl Keys {
    fn new(task: &NodeGrowth) -> Self {
        Self {
            format: KeyFormat::default(),
            key_bytes: task.key_bytes,
            key: Vec::new(),
            // Letters, so that no value is stored as an integer.
            value: vec![b'v'; task.value_bytes],
        }
    }
    fn next(&mut self, number: u64) -> (&[u8], &[u8]) {
        self.format
            .write(KeyId(number), self.key_bytes, &mut self.key);
        (&self.key, &self.value)
    }
}
