//! A host for one node: scripted clocks, replies as text.

#![allow(dead_code, reason = "each test program uses its part")]

use kvrig_base::id::{ConnId, LockId};
use kvrig_base::random::Seed;
use kvrig_base::seam::{
    Actor, ChildHost, Counter, Counts, Cx, Effect, Effects, FileError, FileOp, Input, Meter,
    Outbox, Touch, Work,
};
use kvrig_base::time::{Span, Time, Wall};
use kvrig_redis::node::NoMessage;
use kvrig_redis::{Config, Node};
use kvrig_tables::TableKind;
use std::collections::BTreeMap;

/// The wall clock begins here.
pub(crate) const EPOCH_MS: u64 = 1_700_000_000_000;
/// The connection that [`Host::ask`] uses.
pub(crate) const CONN: ConnId = ConnId(0);

/// A node with everything around it.
pub(crate) struct Host {
    pub(crate) node: Node,
    pub(crate) work: Work,
    pub(crate) now: Time,
    pub(crate) out: Outbox,
    pub(crate) effects: Effects<NoMessage>,
}

impl Host {
    pub(crate) fn new() -> Self {
        Self::with(Config::default(), TableKind::Redis70)
    }
    pub(crate) fn with(config: Config, tables: TableKind) -> Self {
        let mut host = Self {
            node: Node::new(config, tables, Seed(1)),
            work: Work::unpriced(),
            now: Time::START,
            out: Outbox::default(),
            effects: Effects::default(),
        };
        host.input(Input::Connected { conn: CONN });
        host
    }
    /// Hands over one input and returns how many bytes the node has used up.
    pub(crate) fn input(&mut self, input: Input<'_, NoMessage>) -> usize {
        self.work.begin();
        let wall = Wall::from_unix_millis(EPOCH_MS).plus(self.now.since_start());
        let mut cx = Cx::new(
            self.now,
            wall,
            &mut self.work,
            &mut self.out,
            &mut self.effects,
        );
        self.node.handle(&mut cx, input);
        cx.consumed()
    }
    /// Lets both clocks go on; the timer does not run.
    pub(crate) fn pass_ms(&mut self, millis: u64) {
        self.now += Span::from_millis(millis);
    }
    /// The replies written since the last call, with their receivers.
    pub(crate) fn replies(&mut self) -> Vec<(ConnId, Vec<u8>)> {
        let replies = self
            .out
            .iter()
            .map(|(conn, bytes)| (conn, bytes.to_vec()))
            .collect();
        self.out.clear();
        replies
    }
    /// Sends whole arguments and returns the reply's bytes.
    pub(crate) fn command(&mut self, args: &[&[u8]]) -> Vec<u8> {
        self.input(Input::Command { conn: CONN, args });
        let mut replies = self.replies();
        assert_eq!(replies.len(), 1, "one reply to one command");
        replies.remove(0).1
    }
    /// Sends words separated by spaces (`''` is the empty word) and returns the reply as text, its
    /// line ends as spaces.
    pub(crate) fn ask(&mut self, request: &str) -> String {
        let words = request
            .split(' ')
            .map(|word| if word == "''" { "" } else { word });
        let args: Vec<&[u8]> = words.map(str::as_bytes).collect();
        readable(&self.command(&args))
    }
    /// Asks and compares, request by request.
    pub(crate) fn check(&mut self, exchange: &[(&str, &str)]) {
        for (request, reply) in exchange {
            assert_eq!(&self.ask(request), reply, "{request}");
        }
    }
    /// The receipt of the last call.
    pub(crate) fn counts(&self) -> Counts {
        self.work.counts()
    }
    /// Whether the node has asked for this connection to be closed since the last call.
    pub(crate) fn asked_to_close(&mut self, conn: ConnId) -> bool {
        let (effects, data) = self.effects.take();
        let closes = effects
            .iter()
            .any(|effect| matches!(effect, Effect::Close { conn: c } if *c == conn));
        self.effects.reuse(effects, data);
        closes
    }
}

/// An instruction of Lua costs 10 ns, and nothing else costs anything.
#[derive(Debug)]
pub(crate) struct LuaMeter;

impl Meter for LuaMeter {
    fn price(&mut self, counts: &Counts, _: &[Touch]) -> Span {
        Span::from_nanos(10 * counts.get(Counter::LuaInstructions))
    }
    fn wants_touches(&self) -> bool {
        false
    }
    fn lock_is_held(&self, _: LockId, _: Span) -> bool {
        false
    }
}

/// Everything that is counted costs a microsecond.
#[derive(Debug)]
pub(crate) struct MicrosecondMeter;

impl Meter for MicrosecondMeter {
    fn price(&mut self, counts: &Counts, _: &[Touch]) -> Span {
        Span::from_micros(counts.iter().map(|(_, count)| count).sum())
    }
    fn wants_touches(&self) -> bool {
        false
    }
    fn lock_is_held(&self, _: LockId, _: Span) -> bool {
        false
    }
}

/// A reply as text: line ends become spaces, the last one is left out.
pub(crate) fn readable(reply: &[u8]) -> String {
    let text = reply.escape_ascii().to_string().replace("\\'", "'");
    text.strip_suffix("\\r\\n")
        .unwrap_or(&text)
        .replace("\\r\\n", " ")
}

/// The files of a child, kept in memory.
#[derive(Default)]
pub(crate) struct Files {
    /// By name.
    pub(crate) content: BTreeMap<String, Vec<u8>>,
    /// What was asked for, in order.
    pub(crate) log: Vec<String>,
    /// The disk is full after so many operations.
    fails_after: Option<usize>,
    /// The name of the file that is open.
    open: String,
    work: Option<Work>,
}

impl Files {
    /// Files on a disk that is full after so many operations.
    pub(crate) fn that_fail_after(operations: usize) -> Self {
        Self {
            fails_after: Some(operations),
            ..Self::default()
        }
    }
}

impl ChildHost for Files {
    fn work(&mut self) -> &mut Work {
        self.work.get_or_insert_with(Work::unpriced)
    }
    fn file(&mut self, op: FileOp, data: &[u8]) -> Result<(), FileError> {
        if let FileOp::Unlink { name } = op {
            self.content.remove(&name);
            return Ok(());
        }
        if self.fails_after == Some(self.log.len()) {
            return Err(FileError::NoSpace);
        }
        self.log.push(match op {
            FileOp::Open { name, .. } => {
                self.open = name;
                self.content.insert(self.open.clone(), Vec::new());
                format!("open {}", self.open)
            }
            FileOp::Append { data: range, .. } => {
                let content = self.content.get_mut(&self.open).expect("it is open");
                content.extend_from_slice(&data[range]);
                "append".to_owned()
            }
            FileOp::Sync { .. } => "sync".to_owned(),
            FileOp::Rename { from, to } => {
                let content = self.content.remove(&from).expect("it is there");
                self.content.insert(to.clone(), content);
                format!("rename {from} {to}")
            }
            FileOp::SyncDirectory => "sync directory".to_owned(),
            other => panic!("snapshots need no {other:?}"),
        });
        Ok(())
    }
}
