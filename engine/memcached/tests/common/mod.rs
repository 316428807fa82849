//! A host for the threads of one server: a scripted clock, replies as text.

#![allow(dead_code, reason = "each test program uses its part")]

use kvrig_base::id::{ActorId, ConnId};
use kvrig_base::seam::sync::Threads;
use kvrig_base::seam::{Actor, Cx, Effect, Effects, Input, Outbox, Work};
use kvrig_base::time::{Span, Time, Wall};
use kvrig_memcached::{Config, Message, ServerThread, Store, threads};
use std::sync::Arc;

/// The wall clock begins here.
pub(crate) const EPOCH_MS: u64 = 1_700_000_000_000;
pub(crate) const CONN: ConnId = ConnId(0);

/// A server whose threads take turns.
pub(crate) struct Host {
    pub(crate) store: Arc<Store<Threads>>,
    threads: Vec<ServerThread<Threads>>,
    pub(crate) work: Work,
    pub(crate) now: Time,
    out: Outbox,
    effects: Effects<Message>,
    /// What threads asked for, in order.
    pub(crate) seen: Vec<&'static str>,
    unread: Vec<u8>,
    pub(crate) is_closed: bool,
}

impl Host {
    pub(crate) fn new() -> Self {
        let config = Config {
            workers: 1,
            hashpower: 12,
        };
        let store = Arc::new(Store::new(config, Wall::from_unix_millis(EPOCH_MS)));
        Self {
            threads: threads(config, &store, ActorId(0)),
            store,
            work: Work::unpriced(),
            now: Time::START,
            out: Outbox::default(),
            effects: Effects::default(),
            seen: Vec::new(),
            unread: Vec::new(),
            is_closed: false,
        }
    }
    /// Hands one input to a thread, and the end of its turn where the thread wants to stop others.
    fn input(&mut self, thread: usize, input: Input<'_, Message>) -> usize {
        self.work.begin();
        let wall = Wall::from_unix_millis(EPOCH_MS).plus(self.now.since_start());
        let (work, out, effects) = (&mut self.work, &mut self.out, &mut self.effects);
        let mut cx = Cx::new(self.now, wall, work, out, effects);
        self.threads[thread].handle(&mut cx, input);
        let consumed = cx.consumed();
        let (list, data) = self.effects.take();
        for effect in list {
            match effect {
                Effect::Send { to, message, .. } => {
                    self.seen.push("send");
                    let from = ActorId(thread as u32);
                    self.input(to.index(), Input::Peer { from, message });
                    self.input(to.index(), Input::TurnEnd);
                }
                Effect::StopWorkers => self.seen.push("stop"),
                Effect::ResumeWorkers => self.seen.push("resume"),
                Effect::Close { .. } => self.is_closed = true,
                other => panic!("{other:?} is not expected of this server"),
            }
        }
        self.effects.reuse(Vec::new(), data);
        consumed
    }
    fn replies(&mut self) -> Vec<u8> {
        let bytes = self
            .out
            .iter()
            .flat_map(|(_, bytes)| bytes)
            .copied()
            .collect();
        self.out.clear();
        bytes
    }
    /// One command without its wire form.
    pub(crate) fn command(&mut self, args: &[&[u8]]) -> Vec<u8> {
        self.input(0, Input::Command { conn: CONN, args });
        self.replies()
    }
    /// Bytes as they come off the wire, with those that were not used up before.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.unread.extend_from_slice(bytes);
        let unread = std::mem::take(&mut self.unread);
        let used = self.input(
            0,
            Input::Bytes {
                conn: CONN,
                bytes: &unread,
            },
        );
        self.unread = unread[used..].to_vec();
        self.replies()
    }
    /// The same as text.
    pub(crate) fn say(&mut self, text: &str) -> String {
        String::from_utf8_lossy(&self.bytes(text.as_bytes())).into_owned()
    }
    /// Lets time pass; deadlines come when they are due.
    pub(crate) fn pass(&mut self, span: Span) {
        let end = self.now + span;
        loop {
            let next = |thread: usize| self.threads[thread].next_deadline();
            let due = (0..self.threads.len())
                .filter_map(|thread| next(thread).map(|due| (due, thread)))
                .min();
            match due {
                Some((due, thread)) if due <= end => {
                    self.now = self.now.max(due);
                    self.input(thread, Input::Deadline);
                }
                _ => break,
            }
        }
        self.now = end;
    }
}
