//! A Redis node as a look-aside cache, handed one command after another while time goes on.

use super::stream::Stream;
use crate::run::RunError;
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::id::ConnId;
use kvrig_base::random::Seed;
use kvrig_base::seam::{Actor, Cx, Effects, Input, Outbox, Work};
use kvrig_base::time::{Span, Time, Wall};
use kvrig_redis::{Config, NoMessage, Node};
use kvrig_tables::TableKind;

const CONN: ConnId = ConnId(0);
/// What GET answers where there is no such key, in RESP2.
const NULL: &[u8] = b"$-1\r\n";
/// Requests between two looks at whether the run shall stop.
const REQUESTS_PER_CHECK: usize = 4_096;

/// What a node has served.
#[derive(Clone, Copy, Debug)]
pub(super) struct Served {
    pub(super) requests: u64,
    pub(super) hits: u64,
    pub(super) evicted: u64,
    pub(super) entries: u64,
    pub(super) used_max: u64,
}

/// A node, a client and the time.
struct Host<'a> {
    node: Node,
    work: Work,
    outbox: Outbox,
    effects: Effects<NoMessage>,
    now: Time,
    start: Wall,
    stream: &'a Stream,
    name: Vec<u8>,
    value: Vec<u8>,
}

impl<'a> Host<'a> {
    fn new(stream: &'a Stream, config: Config, start: Wall, seed: Seed) -> Self {
        let mut host = Self {
            node: Node::new(config, TableKind::Redis70, seed),
            work: Work::unkept(),
            outbox: Outbox::default(),
            effects: Effects::default(),
            now: Time::START,
            start,
            stream,
            name: Vec::new(),
            value: Vec::new(),
        };
        host.hand_over(Input::Connected { conn: CONN });
        host
    }
    fn hand_over(&mut self, input: Input<'_, NoMessage>) {
        self.work.begin();
        self.outbox.clear();
        let mut cx = Cx::new(
            self.now,
            self.start.plus(self.now.since_start()),
            &mut self.work,
            &mut self.outbox,
            &mut self.effects,
        );
        self.node.handle(&mut cx, input);
        // No file and no child is asked for by this configuration, and memory that is freed later
        // is freed for the node at once.
        let (list, data) = self.effects.take();
        self.effects.reuse(list, data);
    }
    /// Lets `gap` go by; the timer runs when it is due.
    fn wait(&mut self, gap: Span) {
        let until = self.now.saturating_add(gap);
        while let Some(due) = self.node.next_deadline().filter(|&due| due <= until) {
            self.now = self.now.max(due);
            self.hand_over(Input::Deadline);
        }
        self.now = until;
    }
    fn command(&mut self, args: &[&[u8]]) {
        self.hand_over(Input::Command { conn: CONN, args });
    }
    /// Asks for a key and says whether it was there.
    fn get(&mut self, key: u32) -> bool {
        let mut name = std::mem::take(&mut self.name);
        self.stream.describe(key, &mut name);
        self.command(&[b"GET", &name]);
        self.name = name;
        let is_missing = self.outbox.iter().any(|(_, reply)| reply == NULL);
        !is_missing
    }
    fn set(&mut self, key: u32) {
        let mut name = std::mem::take(&mut self.name);
        let mut value = std::mem::take(&mut self.value);
        let (bytes, ttl) = self.stream.describe(key, &mut name);
        value.resize(usize::try_from(bytes).unwrap_or(0), b'x');
        match ttl {
            Some(ttl) => {
                let millis = (ttl.as_micros() / 1_000).max(1).to_string();
                self.command(&[b"SET", &name, &value, b"PX", millis.as_bytes()]);
            }
            None => self.command(&[b"SET", &name, &value]),
        }
        (self.name, self.value) = (name, value);
    }
}

/// Memory in use by a node that has taken the first `size` keys of the stream, or all where there
/// are fewer, and has room for the rest.
pub(super) fn memory_of(stream: &Stream, config: &Config, start: Wall, size: u32) -> u64 {
    let mut unlimited = config.clone();
    unlimited.maxmemory = 0;
    let mut host = Host::new(stream, unlimited, start, Seed(1));
    for key in 0..size.min(stream.keys()) {
        host.set(key);
    }
    host.node.used_memory()
}

/// Replays the stream: a GET, and a SET where it finds nothing, `gap` after the request before.
///
/// # Errors
/// [`RunError::Cancelled`], or if the configuration asks for what needs a disk.
pub(super) fn serve(
    stream: &Stream,
    config: Config,
    start: Wall,
    gap: Span,
    seed: Seed,
    cancelled: &dyn Fn() -> bool,
) -> Result<Served, RunError> {
    let mut host = Host::new(stream, config, start, seed);
    let mut served = Served {
        requests: 0,
        hits: 0,
        evicted: 0,
        entries: 0,
        used_max: 0,
    };
    for (number, &key) in stream.requests.iter().enumerate() {
        if number.is_multiple_of(REQUESTS_PER_CHECK) && cancelled() {
            return Err(RunError::Cancelled);
        }
        served.requests += 1;
        if host.get(key) {
            served.hits += 1;
        } else {
            host.set(key);
        }
        served.used_max = served.used_max.max(host.node.used_memory());
        host.wait(gap);
    }
    served.evicted = host.node.evicted_keys();
    served.entries = host.node.keyspace().database(0).keys().len();
    if served.hits > served.requests {
        let message = "the node answered more requests than it was asked";
        return Err(Diagnostic::new(diagnostic::CONTRADICTION, message).into());
    }
    Ok(served)
}
