//! The node: one Redis process as an actor.
//!
//! It joins the parts: a request is read ([`crate::resp`]) or comes whole, its command is found
//! ([`crate::command`]), carried out on a database ([`crate::keyspace`]), and answered. A timer
//! resizes, rehashes and evicts; a child writes snapshots ([`crate::rdb`]).
//!
//! Expired keys are removed when a command meets them; there is no cycle that looks for them.

mod call;
mod client;
mod connection;
mod cron;
mod error;
mod eviction;
mod expiry;
mod hashes;
mod keys;
mod lists;
mod object;
mod scan;
mod server;
mod sets;
mod snapshot;
mod sorted_sets;
mod strings;

pub use self::eviction::Policy;

pub(crate) use self::call::{Call, Outcome};
pub(crate) use self::client::Session;
pub(crate) use self::error::ErrorReply;

use self::client::Clients;
use self::cron::Cron;
use self::eviction::{Evicted, Eviction};
use self::snapshot::Snapshots;
use crate::command::{self, CommandSpec, Flags, Handler};
use crate::config::Config;
use crate::keyspace::{Keyspace, TableRole, count_allocation};
use crate::resp::{Frame, Progress, ProtocolError};
use crate::value::{Kind, StringValue};
use kvrig_base::id::{ConnId, JobId};
use kvrig_base::random::Seed;
use kvrig_base::seam::{Actor, ChildHost, ChildOutcome, Counter, Cx, Effect, Input, Work};
use kvrig_base::time::{Time, Wall};
use kvrig_tables::{TableEvent, TableKind};
use std::convert::Infallible;

/// Nodes say nothing to one another.
pub type NoMessage = Infallible;

/// Requests of up to so many arguments are handed on without an allocation.
const ARGS_WITHOUT_ALLOCATION: usize = 16;

/// One Redis process.
#[derive(Debug)]
pub struct Node {
    config: Config,
    keyspace: Keyspace,
    clients: Clients,
    cron: Cron,
    eviction: Eviction,
    snapshots: Snapshots,
}

/// The commands of all groups.
pub(crate) mod groups {
    use super::{connection, hashes, keys, lists, server, sets, sorted_sets, strings};
    use crate::command::CommandSpec;

    pub(crate) const ALL: &[&[CommandSpec]] = &[
        connection::COMMANDS,
        hashes::COMMANDS,
        keys::COMMANDS,
        lists::COMMANDS,
        server::COMMANDS,
        sets::COMMANDS,
        sorted_sets::COMMANDS,
        strings::COMMANDS,
    ];
}

/// What is to be done behind a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    Continue,
    Close,
    Fork { job: JobId },
}

impl Node {
    /// A node without data, whose tables are of this kind and placed by a hash key that `seed`
    /// gives.
    pub fn new(config: Config, tables: TableKind, seed: Seed) -> Self {
        Self {
            keyspace: Keyspace::new(&config, tables, seed),
            config,
            clients: Clients::default(),
            cron: Cron::new(),
            eviction: Eviction::new(seed.stream("eviction").sequence(0)),
            snapshots: Snapshots::default(),
        }
    }
    /// Its configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }
    /// Sets `maxmemory` while it runs, as CONFIG SET does; the next write is the first to heed it.
    pub fn set_maxmemory(&mut self, bytes: u64) {
        self.config.maxmemory = bytes;
    }
    /// Takes a key as loading a snapshot does: it is added and nothing else is looked up
    /// (dbAddRDBLoad). Says whether it was absent; a key that is there stays as it is.
    pub fn load(&mut self, key: &[u8], value: &[u8], wall: Wall, work: &mut Work) -> bool {
        self.tick(wall);
        let database = self.keyspace.database_mut(0);
        let value = StringValue::from_argument(value);
        if value.stored_len() > 0 {
            count_allocation(value.stored_len(), work);
        }
        database
            .add_if_absent(key, value.into_value(), work)
            .is_some()
    }
    /// The same for a key that lives up to `at_ms`, unix time in milliseconds (setExpire after
    /// dbAddRDBLoad).
    pub fn load_expiring(
        &mut self,
        key: &[u8],
        value: &[u8],
        at_ms: i64,
        wall: Wall,
        work: &mut Work,
    ) -> bool {
        let is_new = self.load(key, value, wall, work);
        if is_new {
            self.keyspace.database_mut(0).set_expiry(key, at_ms, work);
        }
        is_new
    }
    /// Its data.
    pub fn keyspace(&self) -> &Keyspace {
        &self.keyspace
    }
    /// What used_memory of Redis 7.0 would show, buffers of clients aside, in bytes.
    pub fn used_memory(&self) -> u64 {
        self.keyspace.used_memory()
    }
    /// Keys evicted since the start.
    pub fn evicted_keys(&self) -> u64 {
        self.eviction.evicted_keys
    }
    /// The oldest event of a database's tables that was not taken yet.
    ///
    /// # Panics
    /// If there is no such database.
    pub fn take_table_event(&mut self, database: usize) -> Option<(TableRole, TableEvent)> {
        self.keyspace.database_mut(database).take_event()
    }

    /// Carries out all whole requests of `bytes`.
    fn bytes(&mut self, conn: ConnId, bytes: &[u8], cx: &mut Cx<'_, NoMessage>) {
        let Some(mut client) = self.clients.take(conn) else {
            return;
        };
        let mut rest = bytes;
        while !client.is_closing {
            let progress = client.parser.parse(rest, self.config.proto_max_bulk_len);
            let used = match progress {
                Ok(Progress::Incomplete) => break,
                Ok(Progress::Empty { bytes }) => bytes,
                Ok(Progress::Request { bytes }) => {
                    let mut few: [&[u8]; ARGS_WITHOUT_ALLOCATION] = Default::default();
                    let many: Vec<&[u8]>;
                    let count = client.parser.arg_count();
                    let args = match few.get_mut(..count) {
                        Some(args) => {
                            args.iter_mut()
                                .zip(client.parser.args(rest))
                                .for_each(|(to, arg)| *to = arg);
                            &*args
                        }
                        None => {
                            many = client.parser.args(rest).collect();
                            &many
                        }
                    };
                    if self.command(conn, &mut client.session, args, cx) == After::Close {
                        client.is_closing = true;
                    }
                    bytes
                }
                Err(error) => {
                    protocol_error(conn, error, cx);
                    client.is_closing = true;
                    rest.len()
                }
            };
            cx.work.count(Counter::BytesParsed, used as u64);
            cx.consume(used);
            rest = &rest[used..];
        }
        if client.is_closing {
            cx.consume(rest.len());
        }
        self.clients.give_back(conn, client);
    }

    /// Carries out one command that came whole.
    fn whole_command(&mut self, conn: ConnId, args: &[&[u8]], cx: &mut Cx<'_, NoMessage>) {
        let Some(mut client) = self.clients.take(conn) else {
            return;
        };
        if !client.is_closing && !args.is_empty() {
            let after = self.command(conn, &mut client.session, args, cx);
            client.is_closing = after == After::Close;
        }
        self.clients.give_back(conn, client);
    }

    /// Carries out one command and replies.
    fn command(
        &mut self,
        conn: ConnId,
        session: &mut Session,
        args: &[&[u8]],
        cx: &mut Cx<'_, NoMessage>,
    ) -> After {
        let (now, now_ms) = (cx.now(), cx.wall().unix_millis() as i64);
        let (mut reply, work) = cx.reply_and_work(conn);
        work.count(Counter::Commands, 1);
        let out = reply.buffer();
        let after = match self.checked(args, now, work) {
            Ok(spec) => {
                let mut call = Call {
                    spec,
                    args,
                    now_ms,
                    protocol: session.protocol,
                    out: &mut *out,
                    work,
                };
                self.carry_out(session, &mut call)
            }
            Err(error) => Err(error),
        };
        let after = after.map_err(|error| error.text()).unwrap_or_else(|text| {
            Frame::Error(&text).encode(out);
            After::Continue
        });
        match after {
            After::Continue => {}
            After::Close => cx.effect(Effect::Close { conn }),
            After::Fork { job } => cx.effect(Effect::Fork { job }),
        }
        after
    }

    /// What is checked before any command is carried out (processCommand): that there is such a
    /// command, that it takes so many arguments, and that memory is below its limit.
    fn checked<'c>(
        &mut self,
        args: &'c [&'c [u8]],
        now: Time,
        work: &mut Work,
    ) -> Result<&'static CommandSpec, ErrorReply<'c>> {
        let spec = command::find(args[0]).ok_or(ErrorReply::UnknownCommand { args })?;
        if !spec.takes(args.len()) {
            return Err(ErrorReply::WrongArity { command: spec.name });
        }
        // QUIT is answered before memory is looked at.
        if self.config.maxmemory > 0 && spec.name != "quit" {
            let evicted = self.make_room(now, work);
            if evicted == Evicted::Failed && spec.flags.has(Flags::DENYOOM) {
                return Err(ErrorReply::OutOfMemory);
            }
        }
        Ok(spec)
    }

    fn carry_out<'c>(
        &mut self,
        session: &mut Session,
        call: &mut Call<'c>,
    ) -> Result<After, ErrorReply<'c>> {
        let is_guarded = self.config.maxmemory > 0 && self.config.growth_guard;
        if is_guarded && call.spec.flags.has(Flags::WRITE) {
            self.keyspace
                .limit_growth(session.database, self.config.maxmemory);
        }
        match call.spec.handler {
            Handler::Database(handle) => {
                let database = self.keyspace.database_mut(session.database);
                handle(database, call).map(|()| After::Continue)
            }
            Handler::Node(handle) => handle(self, session, call),
        }
    }

    /// Takes the civil time over into what is kept in seconds.
    fn tick(&mut self, wall: Wall) {
        let has_child = self.snapshots.has_child();
        self.snapshots.started(wall.unix_secs());
        self.keyspace
            .set_clock(wall.unix_secs(), self.config.tracks_use() && !has_child);
    }
}

fn protocol_error(conn: ConnId, error: ProtocolError, cx: &mut Cx<'_, NoMessage>) {
    if let Some(text) = error.text() {
        Frame::Error(&text).encode(cx.reply(conn).buffer());
    }
    cx.effect(Effect::Close { conn });
}

impl Actor for Node {
    type Message = NoMessage;

    fn handle(&mut self, cx: &mut Cx<'_, NoMessage>, input: Input<'_, NoMessage>) {
        match input {
            Input::Connected { conn } => {
                self.tick(cx.wall());
                self.clients.connect(conn);
            }
            Input::Bytes { conn, bytes } => self.bytes(conn, bytes, cx),
            Input::Command { conn, args } => self.whole_command(conn, args, cx),
            Input::Closed { conn } => self.clients.close(conn),
            Input::Deadline => self.deadline(cx),
            Input::ChildExit { job, outcome } => self.child_exit(job, outcome, cx),
            Input::Peer { message, .. } => match message {},
            Input::Drained { .. }
            | Input::File { .. }
            | Input::OffloadDone { .. }
            | Input::TurnEnd => {}
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        Some(
            self.eviction
                .due
                .map_or(self.cron.due, |due| due.min(self.cron.due)),
        )
    }

    /// What used_memory shows: the page tables that a fork copies map little else.
    fn resident_bytes(&self) -> u64 {
        self.used_memory()
    }
    fn run_child(&self, job: JobId, child: &mut dyn ChildHost) -> ChildOutcome {
        self.write_snapshot(job, child)
    }
}
