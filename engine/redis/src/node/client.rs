//! What the node remembers of each connection.

use super::blocking::Blocked;
use super::pubsub::Subscriptions;
use super::transaction::Transaction;
use crate::command::CommandSpec;
use crate::resp::{Parser, Protocol};
use kvrig_base::id::ConnId;
use kvrig_base::time::Time;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// What sets a connection apart from one that sends plain commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(u16);

impl Marks {
    /// Between MULTI and EXEC.
    pub(crate) const MULTI: Self = Self(1);
    /// A command was refused since MULTI.
    pub(crate) const DIRTY_EXEC: Self = Self(1 << 1);
    /// A watched key has changed.
    pub(crate) const DIRTY_WATCH: Self = Self(1 << 2);
    /// Subscribed to something.
    pub(crate) const SUBSCRIBED: Self = Self(1 << 3);
    /// CLIENT REPLY OFF.
    pub(crate) const REPLY_OFF: Self = Self(1 << 4);
    /// The reply to this command is left out.
    pub(crate) const REPLY_SKIP: Self = Self(1 << 5);
    /// The reply to the next command will be.
    pub(crate) const REPLY_SKIP_NEXT: Self = Self(1 << 6);
    /// Came while a password was needed, and has not given it.
    pub(crate) const UNAUTHENTICATED: Self = Self(1 << 7);
    /// Must not wait, because commands around this one go on.
    pub(crate) const DENY_BLOCKING: Self = Self(1 << 8);
    /// Sees the commands of all others.
    pub(crate) const MONITOR: Self = Self(1 << 9);
    /// CLIENT NO-EVICT ON.
    pub(crate) const NO_EVICT: Self = Self(1 << 10);

    /// Those by which a command may not simply be carried out and answered.
    const SPECIAL: Self = Self(
        Self::MULTI.0
            | Self::SUBSCRIBED.0
            | Self::REPLY_OFF.0
            | Self::REPLY_SKIP.0
            | Self::REPLY_SKIP_NEXT.0
            | Self::UNAUTHENTICATED.0,
    );

    /// Whether commands of the connection need a closer look.
    #[inline]
    pub(crate) const fn are_special(self) -> bool {
        self.has_any(Self::SPECIAL)
    }
    /// Whether replies are left out.
    pub(crate) const fn are_quiet(self) -> bool {
        self.has_any(Self(Self::REPLY_OFF.0 | Self::REPLY_SKIP.0))
    }
    /// These and `other`.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// Whether any of `other` are among these.
    pub(crate) const fn has_any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
    /// Adds or removes `other`.
    pub(crate) const fn set(&mut self, other: Self, is_set: bool) {
        self.0 = if is_set {
            self.0 | other.0
        } else {
            self.0 & !other.0
        };
    }
}

/// What commands may learn and change about their connection.
#[derive(Debug)]
pub(crate) struct Session {
    /// The host's number of the connection, which it may give again later.
    pub(crate) conn: ConnId,
    /// The number that CLIENT ID tells, never given again.
    pub(crate) id: u64,
    /// The database that SELECT chose.
    pub(crate) database: usize,
    /// The form that replies take.
    pub(crate) protocol: Protocol,
    pub(crate) marks: Marks,
    /// The name that CLIENT SETNAME gave.
    pub(crate) name: Box<[u8]>,
    /// Where it comes from and where it arrived, as the host says.
    pub(crate) addresses: Option<Box<Addresses>>,
    pub(crate) connected_at: Time,
    /// When its last command came.
    pub(crate) used_at: Time,
    pub(crate) last_command: Option<&'static CommandSpec>,
    pub(crate) transaction: Transaction,
    pub(crate) subscriptions: Subscriptions,
    /// What it waits for.
    pub(crate) blocked: Option<Box<Blocked>>,
}

/// The two ends of a connection, as `address:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Addresses {
    pub(crate) peer: String,
    pub(crate) local: String,
}

impl Session {
    fn new(conn: ConnId, id: u64, now: Time) -> Self {
        Self {
            conn,
            id,
            database: 0,
            protocol: Protocol::default(),
            marks: Marks::default(),
            name: Box::default(),
            addresses: None,
            connected_at: now,
            used_at: now,
            last_command: None,
            transaction: Transaction::default(),
            subscriptions: Subscriptions::default(),
            blocked: None,
        }
    }
    /// Whether it comes from this machine: a path, a loopback address, or a host that has no addresses
    /// (`redis:src/networking.c`, islocalClient).
    pub(crate) fn is_local(&self) -> bool {
        let peer = self
            .addresses
            .as_ref()
            .map(|both| both.peer.parse::<SocketAddr>());
        peer.and_then(Result::ok)
            .is_none_or(|peer| peer.ip().is_loopback())
    }
    /// Where it comes from; what Redis prints where it cannot tell.
    pub(crate) fn peer(&self) -> &str {
        self.addresses.as_ref().map_or("?:0", |both| &both.peer)
    }
    /// Where it arrived.
    pub(crate) fn local(&self) -> &str {
        self.addresses.as_ref().map_or("?:0", |both| &both.local)
    }
}

/// One connection.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) session: Session,
    pub(super) parser: Parser,
    /// Nothing is read any more; the host closes it once the replies have left.
    pub(super) is_closing: bool,
    /// Whole commands that came while it was blocked or paused.
    pub(super) postponed: VecDeque<Vec<Box<[u8]>>>,
}

/// All connections, by number.
#[derive(Debug, Default)]
pub(super) struct Clients {
    list: Vec<Option<Box<Client>>>,
    count: usize,
    /// The last that came, by the number that it has.
    last_id: u64,
}

impl Clients {
    /// Number of connections.
    pub(super) fn count(&self) -> usize {
        self.count
    }
    /// Begins a connection.
    pub(super) fn connect(&mut self, conn: ConnId, now: Time, needs_password: bool) {
        self.last_id += 1;
        let mut session = Session::new(conn, self.last_id, now);
        session.marks.set(Marks::UNAUTHENTICATED, needs_password);
        let client = Client {
            session,
            parser: Parser::default(),
            is_closing: false,
            postponed: VecDeque::new(),
        };
        self.give_back(conn, Box::new(client));
        self.count += 1;
    }
    /// Forgets a connection.
    pub(super) fn close(&mut self, conn: ConnId) -> Option<Box<Client>> {
        let client = self.list.get_mut(conn.index()).and_then(Option::take);
        self.count -= usize::from(client.is_some());
        client
    }
    /// Takes a connection out, so that it can be used beside the rest of the node.
    pub(super) fn take(&mut self, conn: ConnId) -> Option<Box<Client>> {
        self.list.get_mut(conn.index()).and_then(Option::take)
    }
    /// Puts it back.
    pub(super) fn give_back(&mut self, conn: ConnId, client: Box<Client>) {
        if self.list.len() <= conn.index() {
            self.list.resize_with(conn.index() + 1, || None);
        }
        self.list[conn.index()] = Some(client);
    }
    /// A connection that is not taken out.
    pub(super) fn get(&self, conn: ConnId) -> Option<&Client> {
        self.list.get(conn.index())?.as_deref()
    }
    /// The same, to be changed.
    pub(super) fn get_mut(&mut self, conn: ConnId) -> Option<&mut Client> {
        self.list.get_mut(conn.index())?.as_deref_mut()
    }
    /// All connections that are not taken out and not closing.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Client> {
        let clients = self.list.iter().flatten();
        clients
            .map(|client| &**client)
            .filter(|client| !client.is_closing)
    }
}
