//! Publishing and subscribing (`redis:src/pubsub.c`).
//!
//! Subscribers of a channel get a message in the order in which they subscribed; then those of
//! patterns, pattern by pattern.

use super::call::Call;
use super::client::{Marks, Session};
use super::error::ErrorReply;
use super::help::help;
use super::{After, Node};
use crate::command::{CommandSpec, commands};
use crate::glob;
use crate::keyspace::EventClasses;
use crate::resp::{Frame, Protocol};
use kvrig_base::id::ConnId;
use kvrig_base::seam::{Counter, Work};
use std::collections::{BTreeMap, BTreeSet};

commands! { PubSub;
    "psubscribe", -2, [PUBSUB NOSCRIPT LOADING STALE], NONE, "2.0.0" => Node(psubscribe);
    "publish", 3, [PUBSUB LOADING STALE FAST], NONE, "2.0.0" => Node(publish);
    "pubsub", -2, [], NONE, "2.8.0" => Container(SUBCOMMANDS);
    "punsubscribe", -1, [PUBSUB NOSCRIPT LOADING STALE], NONE, "2.0.0" => Node(punsubscribe);
    "subscribe", -2, [PUBSUB NOSCRIPT LOADING STALE], NONE, "2.0.0" => Node(subscribe);
    "unsubscribe", -1, [PUBSUB NOSCRIPT LOADING STALE], NONE, "2.0.0" => Node(unsubscribe);
}

commands! { SUBCOMMANDS: PubSub;
    "pubsub|channels", -2, [PUBSUB LOADING STALE], NONE, "2.8.0" => Node(channels);
    "pubsub|help", 2, [LOADING STALE], NONE, "6.2.0" => Database(help);
    "pubsub|numpat", 2, [PUBSUB LOADING STALE], NONE, "2.8.0" => Node(numpat);
    "pubsub|numsub", -2, [PUBSUB LOADING STALE], NONE, "2.8.0" => Node(numsub);
}

/// Names, each with the connections that subscribed to it, the first in front.
type Subscribers = BTreeMap<Box<[u8]>, Vec<ConnId>>;

/// Who is subscribed to what.
#[derive(Debug, Default)]
pub(super) struct PubSub {
    channels: Subscribers,
    patterns: Subscribers,
}

impl PubSub {
    fn of(&mut self, kind: Kind) -> &mut Subscribers {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
        }
    }
    /// Number of channels that have subscribers.
    pub(super) fn channel_count(&self) -> usize {
        self.channels.len()
    }
    /// Number of patterns that have subscribers.
    pub(super) fn pattern_count(&self) -> usize {
        self.patterns.len()
    }
}

/// What a connection is subscribed to.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    pub(super) channels: BTreeSet<Box<[u8]>>,
    pub(super) patterns: BTreeSet<Box<[u8]>>,
}

impl Subscriptions {
    fn of(&mut self, kind: Kind) -> &mut BTreeSet<Box<[u8]>> {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
        }
    }
    fn count(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }
}

/// What is subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Channel,
    Pattern,
}

impl Kind {
    const fn on(self) -> &'static [u8] {
        match self {
            Self::Channel => b"subscribe",
            Self::Pattern => b"psubscribe",
        }
    }
    const fn off(self) -> &'static [u8] {
        match self {
            Self::Channel => b"unsubscribe",
            Self::Pattern => b"punsubscribe",
        }
    }
}

/// SUBSCRIBE.
fn subscribe<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    subscribe_all(node, session, call, Kind::Channel)
}

/// PSUBSCRIBE.
fn psubscribe<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    subscribe_all(node, session, call, Kind::Pattern)
}

fn subscribe_all<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
    kind: Kind,
) -> Result<After, ErrorReply<'c>> {
    for &name in &call.args[1..] {
        if session.subscriptions.of(kind).insert(name.into()) {
            call.work.count(Counter::AllocationsSmall, 1);
            let subscribers = node.pubsub.of(kind).entry(name.into()).or_default();
            subscribers.push(session.conn);
        }
        let count = session.subscriptions.count();
        acknowledge(kind.on(), Some(name), count, call)?;
    }
    session.marks.set(Marks::SUBSCRIBED, true);
    Ok(After::Continue)
}

/// UNSUBSCRIBE.
fn unsubscribe<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    unsubscribe_all(node, session, call, Kind::Channel)
}

/// PUNSUBSCRIBE.
fn punsubscribe<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    unsubscribe_all(node, session, call, Kind::Pattern)
}

fn unsubscribe_all<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
    kind: Kind,
) -> Result<After, ErrorReply<'c>> {
    let names: Vec<Box<[u8]>> = match call.args.len() {
        1 => session.subscriptions.of(kind).iter().cloned().collect(),
        _ => call.args[1..].iter().map(|name| Box::from(*name)).collect(),
    };
    for name in &names {
        node.unsubscribe(session, kind, name);
        let count = session.subscriptions.count();
        acknowledge(kind.off(), Some(name), count, call)?;
    }
    if names.is_empty() {
        let count = session.subscriptions.count();
        acknowledge(kind.off(), None, count, call)?;
    }
    Ok(After::Continue)
}

/// Whether the reply to a command is one of those that CLIENT REPLY does not leave out
/// (CLIENT_PUSHING).
pub(super) fn is_push(spec: &CommandSpec) -> bool {
    spec.name.ends_with("subscribe")
}

fn acknowledge<'c>(
    what: &[u8],
    name: Option<&[u8]>,
    count: usize,
    call: &mut Call<'c>,
) -> Result<(), ErrorReply<'c>> {
    call.reply(Frame::Push(3))?;
    call.reply(Frame::Bulk(what))?;
    match name {
        Some(name) => call.reply_bulk(name)?,
        None => call.reply_null()?,
    }
    call.reply_count(count)
}

/// PUBLISH.
fn publish<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let (channel, message) = (call.args[1], call.args[2]);
    let own = Own::of(session);
    let receivers = node.spread(own, channel, message, call.out, call.work);
    call.reply_count(receivers).map(|()| After::Continue)
}

/// PUBSUB CHANNELS.
fn channels<'c>(
    node: &mut Node,
    _: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let pattern = match call.args {
        [_, _] => None,
        [_, _, pattern] => Some(*pattern),
        _ => return Err(wrong_number_of_arguments()),
    };
    let is_wanted = |name: &&[u8]| pattern.is_none_or(|pattern| glob::matches(pattern, name));
    let names = node.pubsub.channels.keys().map(|name| &**name);
    let names: Vec<&[u8]> = names.filter(is_wanted).collect();
    call.reply(Frame::Array(names.len()))?;
    for name in names {
        call.reply_bulk(name)?;
    }
    Ok(After::Continue)
}

fn wrong_number_of_arguments<'c>() -> ErrorReply<'c> {
    ErrorReply::Quoting {
        before: "ERR unknown subcommand or wrong number of arguments for '",
        quoted: b"CHANNELS",
        after: "'. Try PUBSUB HELP.",
    }
}

/// PUBSUB NUMSUB.
fn numsub<'c>(
    node: &mut Node,
    _: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let names = &call.args[2..];
    call.reply(Frame::Array(names.len() * 2))?;
    for &name in names {
        call.reply_bulk(name)?;
        let subscribers = node.pubsub.channels.get(name);
        call.reply_count(subscribers.map_or(0, Vec::len))?;
    }
    Ok(After::Continue)
}

/// PUBSUB NUMPAT.
fn numpat<'c>(
    node: &mut Node,
    _: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    call.reply_count(node.pubsub.patterns.len())
        .map(|()| After::Continue)
}

/// The connection whose command is being carried out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Own {
    conn: ConnId,
    protocol: Protocol,
    /// Whether it hears itself in front of its reply. Where that is left out, and in scripts, whose
    /// replies are not its own, it hears itself later.
    hears_at_once: bool,
}

impl Own {
    pub(super) fn of(session: &Session) -> Self {
        Self {
            conn: session.conn,
            protocol: session.protocol,
            hears_at_once: !session.marks.are_quiet() && session.marks != Marks::DENY_BLOCKING,
        }
    }
}

impl Node {
    /// Sends a message to all who are subscribed to its channel, and says how many there are
    /// (pubsubPublishMessage). What the present connection hears at once is appended to `out`.
    fn spread(
        &mut self,
        own: Own,
        channel: &[u8],
        message: &[u8],
        out: &mut Vec<u8>,
        work: &mut Work,
    ) -> usize {
        let mut receivers = 0;
        if let Some(subscribers) = self.pubsub.channels.get(channel).cloned() {
            receivers += subscribers.len();
            for conn in subscribers {
                self.deliver(own, conn, &[b"message", channel, message], out);
            }
        }
        let patterns: Vec<(Box<[u8]>, Vec<ConnId>)> = self
            .pubsub
            .patterns
            .iter()
            .filter(|(pattern, _)| glob::matches(pattern, channel))
            .map(|(pattern, subscribers)| (pattern.clone(), subscribers.clone()))
            .collect();
        let compared: usize = self.pubsub.patterns.keys().map(|key| key.len()).sum();
        work.count(Counter::BytesScanned, compared as u64);
        for (pattern, subscribers) in patterns {
            receivers += subscribers.len();
            for conn in subscribers {
                self.deliver(own, conn, &[b"pmessage", &pattern, channel, message], out);
            }
        }
        receivers
    }

    /// Tells what has happened to keys to those who are subscribed to it. What the present connection
    /// hears at once is returned.
    #[cold]
    pub(super) fn tell_notices(&mut self, own: Option<Own>, work: &mut Work) -> Vec<u8> {
        let classes = self.config.notify_keyspace_events;
        let own = own.unwrap_or(Own {
            conn: ConnId(u32::MAX),
            protocol: Protocol::Resp2,
            hears_at_once: false,
        });
        let mut front = Vec::new();
        for notice in self.keyspace.take_notices() {
            let (event, key) = (notice.event.as_bytes(), &*notice.key);
            if classes.has(EventClasses::KEYSPACE) {
                let head = format!("__keyspace@{}__:", notice.database);
                let channel = [head.as_bytes(), key].concat();
                work.count(Counter::BytesCopied, channel.len() as u64);
                self.spread(own, &channel, event, &mut front, work);
            }
            if classes.has(EventClasses::KEYEVENT) {
                let channel = format!("__keyevent@{}__:{}", notice.database, notice.event);
                work.count(Counter::BytesCopied, channel.len() as u64);
                self.spread(own, channel.as_bytes(), key, &mut front, work);
            }
        }
        front
    }

    fn deliver(&mut self, own: Own, to: ConnId, parts: &[&[u8]], out: &mut Vec<u8>) {
        let protocol = match self.clients.get(to) {
            Some(client) => client.session.protocol,
            None => own.protocol,
        };
        if to == own.conn && own.hears_at_once {
            return message(parts, protocol, out);
        }
        let mut bytes = Vec::new();
        message(parts, protocol, &mut bytes);
        self.pending.send(to, bytes);
    }

    fn unsubscribe(&mut self, session: &mut Session, kind: Kind, name: &[u8]) {
        if !session.subscriptions.of(kind).remove(name) {
            return;
        }
        let names = self.pubsub.of(kind);
        if let Some(subscribers) = names.get_mut(name) {
            subscribers.retain(|conn| *conn != session.conn);
            if subscribers.is_empty() {
                names.remove(name);
            }
        }
        let is_left = session.subscriptions.count() > 0;
        session.marks.set(Marks::SUBSCRIBED, is_left);
    }

    /// Ends all subscriptions of a connection, without a word.
    pub(super) fn forget_subscriptions(&mut self, session: &mut Session) {
        for kind in [Kind::Channel, Kind::Pattern] {
            let names = std::mem::take(session.subscriptions.of(kind));
            for name in names {
                session.subscriptions.of(kind).insert(name.clone());
                self.unsubscribe(session, kind, &name);
            }
        }
    }
}

fn message(parts: &[&[u8]], protocol: Protocol, out: &mut Vec<u8>) {
    Frame::Push(parts.len()).encode_in(protocol, out);
    for part in parts {
        Frame::Bulk(part).encode(out);
    }
}
