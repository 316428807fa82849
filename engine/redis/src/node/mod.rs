//! The node: one Redis process as an actor.
//!
//! It joins the parts: a request is read ([`crate::resp`]) or comes whole, its command is found
//! ([`crate::command`]), carried out on a database ([`crate::keyspace`]), and answered. A timer
//! resizes, rehashes and evicts; a child writes snapshots ([`crate::rdb`]).
//!
//! Expired keys are removed when a command meets them, and by the timer where the configuration lets
//! it look for them.

mod active_expiry;
mod actor;
mod admission;
mod aftermath;
mod bitfields;
mod bitmaps;
mod blocking;
mod call;
mod changes;
mod client;
mod command_info;
mod command_stats;
mod configuration;
mod connection;
mod cron;
mod dumps;
mod durations;
mod error;
mod eviction;
mod expiry;
mod geo;
mod halt;
mod hashes;
mod held;
mod help;
mod hyperloglogs;
mod info;
mod keys;
mod latency;
mod listing;
mod lists;
mod lolwut;
mod memory;
mod monitor;
mod moving;
mod object;
mod parked;
mod pause;
mod pubsub;
mod reload;
mod requests;
mod rewrite;
mod scan;
mod scripts;
mod server;
mod sets;
mod shutdown;
mod slow_log;
mod snapshot;
mod sort;
mod sorted_sets;
mod streams;
mod strings;
mod transaction;

pub use self::eviction::Policy;

pub(crate) use self::call::{Call, Outcome};
pub(crate) use self::client::Session;
pub(crate) use self::error::{ErrorReply, c_string};

use self::active_expiry::ActiveExpiry;
use self::admission::Admission;
use self::aftermath::Pending;
use self::blocking::Waiting;
use self::client::{Addresses, Clients, Marks};
use self::cron::Cron;
use self::eviction::Eviction;
use self::halt::Halt;
use self::info::Statistics;
use self::latency::Latencies;
use self::parked::Parked;
use self::pause::Pause;
use self::pubsub::{Own, PubSub};
use self::requests::Foresight;
use self::scripts::Scripts;
use self::slow_log::SlowLog;
use self::snapshot::Snapshots;
use self::transaction::Watchers;
use crate::command::{CommandSpec, Flags, Group, Handler};
use crate::config::{Config, OutputLimit};
use crate::keyspace::{Keyspace, TableRole, count_allocation};
use crate::resp::Frame;
use crate::value::{Kind, StringValue};
use kvrig_base::id::{ConnId, JobId};
use kvrig_base::random::Seed;
use kvrig_base::seam::{Counter, Cx, Effect, Work};
use kvrig_base::time::{Span, Wall};
use kvrig_tables::{TableEvent, TableKind};
use std::convert::Infallible;

/// Nodes say nothing to one another.
pub type NoMessage = Infallible;

/// One Redis process.
#[derive(Debug)]
pub struct Node {
    config: Config,
    keyspace: Keyspace,
    clients: Clients,
    cron: Cron,
    eviction: Eviction,
    snapshots: Snapshots,
    waiting: Waiting,
    watchers: Watchers,
    pubsub: PubSub,
    monitors: Vec<ConnId>,
    pause: Pause,
    pending: Pending,
    scripts: Scripts,
    statistics: Statistics,
    slow_log: SlowLog,
    latencies: Latencies,
    active_expiry: ActiveExpiry,
    foresight: Foresight,
    /// What it does beside no command.
    halted: Option<Box<Halt>>,
    /// The transaction in which it has halted.
    parked: Option<Box<Parked>>,
    /// Where CONFIG REWRITE writes.
    config_file: Option<String>,
    /// What it is about to write.
    rewritten: Vec<u8>,
    /// Whether commands of all connections need a closer look: a pause, somebody who monitors, or a
    /// script that holds the node.
    is_gated: bool,
}

/// The commands of all groups.
pub(crate) mod groups {
    use super::{
        bitfields, bitmaps, blocking, command_info, connection, geo, hashes, hyperloglogs, keys,
        lists, pubsub, scripts, server, sets, sorted_sets, streams, strings, transaction,
    };
    use crate::command::CommandSpec;

    pub(crate) const ALL: &[&[CommandSpec]] = &[
        bitfields::COMMANDS,
        bitmaps::COMMANDS,
        blocking::LISTS,
        blocking::SORTED_SETS,
        blocking::STREAMS,
        command_info::COMMANDS,
        connection::COMMANDS,
        geo::COMMANDS,
        hashes::COMMANDS,
        hyperloglogs::COMMANDS,
        keys::COMMANDS,
        lists::COMMANDS,
        pubsub::COMMANDS,
        scripts::COMMANDS,
        server::COMMANDS,
        sets::COMMANDS,
        sorted_sets::COMMANDS,
        streams::COMMANDS,
        strings::COMMANDS,
        strings::LCS,
        strings::PARTS,
        transaction::COMMANDS,
    ];
}

/// What is to be done behind a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    Continue,
    Close,
    /// The connection waits; the command is answered later.
    Block,
    /// The command is carried out later.
    Postpone,
    Fork {
        job: JobId,
    },
    /// A script holds the node; it is answered when it is over.
    Suspend,
    /// The command is answered once the node has written or loaded a snapshot.
    Wait,
    /// The process ends.
    Exit,
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
            waiting: Waiting::default(),
            watchers: Watchers::default(),
            pubsub: PubSub::default(),
            monitors: Vec::new(),
            pause: Pause::default(),
            pending: Pending::default(),
            scripts: Scripts::default(),
            statistics: Statistics::default(),
            slow_log: SlowLog::default(),
            latencies: Latencies::default(),
            active_expiry: ActiveExpiry::default(),
            foresight: Foresight::default(),
            halted: None,
            parked: None,
            config_file: None,
            rewritten: Vec::new(),
            is_gated: false,
        }
    }
    /// Its configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }
    /// Sets `maxmemory` while it runs, as CONFIG SET does; the next write is the first to heed it.
    pub fn set_maxmemory(&mut self, bytes: u64) {
        self.config.maxmemory = bytes;
        self.keyspace.apply(&self.config);
    }
    /// Makes room for so many keys, of which so many expire, as a node does that is told so by the
    /// snapshot that it is about to load (`redis:src/rdb.c`, RDB_OPCODE_RESIZEDB). It has no effect
    /// on tables that hold anything, nor on those that only grow ([`kvrig_tables::Table::reserve`]).
    pub fn reserve(&mut self, keys: u64, expiring: u64, work: &mut Work) {
        self.keyspace.database_mut(0).reserve(keys, expiring, work);
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

    /// Says where a connection comes from and where it arrived, as `address:port`, for CLIENT LIST
    /// and the like; a host that has no addresses says nothing.
    pub fn set_addresses(&mut self, conn: ConnId, peer: String, local: String) {
        if let Some(client) = self.clients.get_mut(conn) {
            client.session.addresses = Some(Box::new(Addresses { peer, local }));
        }
    }

    /// How much output may wait for a connection.
    pub fn output_limit(&self, conn: ConnId) -> OutputLimit {
        let limits = &self.config.output_limits;
        let client = self.clients.get(conn);
        match client.is_some_and(|client| client.session.marks.has_any(Marks::SUBSCRIBED)) {
            true => limits.pubsub,
            false => limits.normal,
        }
    }

    /// Takes a connection in, or refuses it where there are too many.
    fn connect(&mut self, conn: ConnId, cx: &mut Cx<'_, NoMessage>) {
        self.tick(cx.wall());
        self.close(conn, cx);
        if self.clients.count() >= self.config.maxclients {
            self.statistics.rejected_connections += 1;
            cx.reply(conn)
                .write(b"-ERR max number of clients reached\r\n");
            cx.effect(Effect::Close { conn });
            return;
        }
        let needs_password = !self.config.requirepass.is_empty();
        self.statistics.connections += 1;
        self.clients.connect(conn, cx.now(), needs_password);
    }

    /// Carries out one command and replies.
    fn command(
        &mut self,
        session: &mut Session,
        args: &[&[u8]],
        cx: &mut Cx<'_, NoMessage>,
    ) -> After {
        let (now, now_ms) = (cx.now(), cx.wall().unix_millis() as i64);
        let (mut reply, work) = cx.reply_and_work(session.conn);
        work.count(Counter::Commands, 1);
        let out = reply.buffer();
        let start = out.len();
        let admission = self.admit(session, args, (now, now_ms), work);
        session.used_at = now;
        self.statistics.commands += 1;
        let was_quiet = session.marks.are_quiet();
        let after = match admission {
            Ok(Admission::Run(spec)) => {
                session.last_command = Some(spec);
                let mut call = Call {
                    spec,
                    args,
                    now_ms,
                    now,
                    protocol: session.protocol,
                    out: &mut *out,
                    work,
                };
                if self.is_gated {
                    self.feed_monitors(session, spec, args, now_ms);
                }
                Ok(self.carry_out(session, &mut call))
            }
            Ok(Admission::Queue(spec)) => {
                transaction::queue(session, spec, args, out, work);
                Ok(After::Continue)
            }
            Ok(Admission::Postpone) => Ok(After::Postpone),
            Err(error) => Err(self.refuse(session, args, error).text()),
        };
        let after = after.unwrap_or_else(|text| {
            self.statistics.note_error(&text);
            if self.config.notify_keyspace_events.are_heard() {
                // Keys may have been evicted for it.
                out.extend(self.tell_notices(Some(Own::of(session)), work));
            }
            Frame::Error(&text).encode(out);
            After::Continue
        });
        if matches!(after, After::Suspend | After::Wait) {
            self.keep_unfinished(after, was_quiet, || out.split_off(start));
        }
        if after != After::Continue || session.marks.are_special() {
            let is_push = matches!(admission, Ok(Admission::Run(spec)) if pubsub::is_push(spec));
            self.conclude(session, after, was_quiet && !is_push, cx);
        }
        after
    }

    /// Does what a command asks of the host, and leaves out a reply that is not to be sent.
    #[cold]
    fn conclude(
        &mut self,
        session: &mut Session,
        after: After,
        was_quiet: bool,
        cx: &mut Cx<'_, NoMessage>,
    ) {
        let conn = session.conn;
        let is_unanswered = matches!(
            after,
            After::Block | After::Postpone | After::Suspend | After::Wait | After::Exit
        );
        let is_left_out = was_quiet && session.marks.are_quiet();
        if is_unanswered || is_left_out || cx.reply_is_empty() {
            cx.take_back_reply();
        }
        let is_announced = session.marks.has_any(Marks::REPLY_SKIP_NEXT);
        match after {
            After::Continue => {}
            After::Close => cx.effect(Effect::Close { conn }),
            After::Fork { job } => cx.effect(Effect::Fork { job }),
            After::Exit => cx.effect(Effect::Exit),
            // What it waits for is asked for behind the command, with the input held.
            After::Wait => return,
            After::Block | After::Suspend => {
                // The reply is left out, if it is, when the wait ends.
                cx.effect(Effect::PauseReading { conn });
                return;
            }
            After::Postpone => {
                self.pause.wait(conn);
                cx.effect(Effect::PauseReading { conn });
                return;
            }
        }
        session.marks.set(Marks::REPLY_SKIP, is_announced);
        session.marks.set(Marks::REPLY_SKIP_NEXT, false);
    }

    /// Carries out a command that was admitted, counts it, and takes its time where anybody wants to
    /// know it. An error is written as the reply.
    #[inline]
    fn carry_out(&mut self, session: &mut Session, call: &mut Call<'_>) -> After {
        let mut start = call.out.len();
        let begun = self.times_commands().then(|| call.work.spent());
        let done = self.carry_out_untimed(session, call);
        if self.config.notify_keyspace_events.are_heard() {
            let front = self.tell_notices(Some(Own::of(session)), call.work);
            let behind = start + front.len();
            call.out.splice(start..start, front);
            start = behind;
        }
        let after = match done {
            Ok(After::Block) => {
                if let (Some(begun), Some(blocked)) = (begun, &mut session.blocked) {
                    blocked.took = call.work.spent().saturating_sub(begun);
                    if self.config.times_commands {
                        self.statistics.note_wait(call.spec, blocked.took);
                    }
                }
                return After::Block;
            }
            Ok(After::Suspend) => return After::Suspend,
            Ok(After::Wait) if self.parked.is_some() => return After::Wait,
            Ok(after) => after,
            Err(error) => {
                Frame::Error(&error.text()).encode(call.out);
                After::Continue
            }
        };
        let slept = self.sleeps_for(call.now);
        let took = begun.map(|begun| {
            let spent = call.work.spent().saturating_sub(begun);
            spent.checked_add(slept).unwrap_or(Span::MAX)
        });
        self.note_done(session, call, start, took);
        after
    }

    /// Counts a command that was carried out, whose reply begins at `start`.
    #[inline]
    fn note_done(
        &mut self,
        session: &Session,
        call: &mut Call<'_>,
        start: usize,
        took: Option<Span>,
    ) {
        let failures = self.statistics.failures(&call.out[start..]);
        if let Some(took) = took {
            self.note_time(session, call, took);
            if self.config.times_commands {
                self.statistics.note_call(call.spec, took, failures);
            }
        }
    }

    fn carry_out_untimed<'c>(
        &mut self,
        session: &mut Session,
        call: &mut Call<'c>,
    ) -> Result<After, ErrorReply<'c>> {
        let writes = call.spec.flags.has(Flags::WRITE);
        // PFCOUNT is no write and counts as a change: it keeps its estimate with the key.
        if !writes && call.spec.group != Group::HyperLogLog {
            return self.hand_over(session, call);
        }
        if writes && self.config.maxmemory > 0 && self.config.growth_guard {
            self.keyspace.limit_growth(self.config.maxmemory);
        }
        self.keyspace.forget_changes();
        let start = call.out.len();
        let done = self.hand_over(session, call);
        if done.is_ok() {
            self.count_changes(call, start);
        }
        done
    }

    /// Hands a command to the function that carries it out.
    #[inline]
    fn hand_over<'c>(
        &mut self,
        session: &mut Session,
        call: &mut Call<'c>,
    ) -> Result<After, ErrorReply<'c>> {
        match call.spec.handler {
            Handler::Database(handle) => {
                let database = self.keyspace.database_mut(session.database);
                match call.spec.flags.has(Flags::READONLY) {
                    true => database.reading(|database| handle(database, call)),
                    false => handle(database, call),
                }
                .map(|()| After::Continue)
            }
            Handler::Node(handle) => handle(self, session, call),
            // Of those that have subcommands, COMMAND alone does without one.
            Handler::Container(_) => command_info::command(call).map(|()| After::Continue),
        }
    }

    /// Forgets a connection and all that it waits for.
    fn close(&mut self, conn: ConnId, cx: &mut Cx<'_, NoMessage>) {
        let is_held = self.scripts.is_held_by(conn);
        let is_parked = self.is_parked_by(conn);
        let Some(mut client) = self.clients.close(conn) else {
            return;
        };
        self.stop_waiting(&mut client.session);
        self.discard_transaction(&mut client.session);
        self.forget_subscriptions(&mut client.session);
        self.stop_monitoring(&mut client.session);
        self.pause.forget(conn);
        self.pending.forget(conn);
        if is_held {
            self.keep_caller(client);
        } else if is_parked {
            self.keep_parked_client(client);
        }
        if self.pending.is_any() {
            self.aftermath(cx);
        }
    }

    /// Takes the civil time over into what is kept in seconds.
    fn tick(&mut self, wall: Wall) {
        let has_child = self.snapshots.has_child();
        self.snapshots.started(wall.unix_secs());
        self.keyspace
            .set_clock(wall.unix_secs(), &self.config, has_child);
    }
}

/// Whether a command is carried out at once between MULTI and EXEC.
fn ends_transaction(spec: &CommandSpec) -> bool {
    ["exec", "discard", "multi", "watch", "quit", "reset"].contains(&spec.name)
}
