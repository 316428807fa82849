//! INFO: only those fields are there that the node can tell truly; processor time, buffers and
//! addresses belong to its host.

use super::call::{Call, is_option};
use super::client::Session;
use super::error::ErrorReply;
use super::{After, Node, Policy};
use crate::rdb::REDIS_VERSION;
use crate::resp::Frame;
use std::fmt::Write;

/// What is counted since the start or CONFIG RESETSTAT.
#[derive(Debug, Default)]
pub(super) struct Statistics {
    pub(super) commands: u64,
    pub(super) connections: u64,
    /// Counters that go on elsewhere, as they were at the last reset.
    evicted_before: u64,
    expired_before: u64,
}

/// A section: its name, and what writes its fields.
type Section = (&'static str, fn(&Node, &Call<'_>, &mut String));

const SECTIONS: &[Section] = &[
    ("Server", server),
    ("Clients", clients),
    ("Memory", memory),
    ("Persistence", persistence),
    ("Stats", stats),
    ("Replication", replication),
    ("Cluster", cluster),
    ("Keyspace", keyspace),
];

/// INFO.
pub(super) fn info<'c>(
    node: &mut Node,
    _: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let asked = &call.args[1..];
    let means_all = |arg: &&[u8]| {
        ["all", "default", "everything"]
            .iter()
            .any(|name| is_option(arg, name))
    };
    let is_all = asked.is_empty() || asked.iter().any(means_all);
    let mut text = String::new();
    for (name, write) in SECTIONS {
        if is_all || asked.iter().any(|arg| is_option(arg, name)) {
            if !text.is_empty() {
                text.push_str("\r\n");
            }
            text.push_str(&format!("# {name}\r\n"));
            write(node, call, &mut text);
        }
    }
    call.reply(Frame::Verbatim(text.as_bytes()))?;
    Ok(After::Continue)
}

/// Appends fields, one a line.
macro_rules! fields {
    ($text:ident, $($name:literal: $value:expr),* $(,)?) => {
        // Writing into a string cannot fail.
        $(let _ = write!($text, concat!($name, ":{}\r\n"), $value);)*
    };
}

fn server(node: &Node, call: &Call<'_>, text: &mut String) {
    let uptime_s = call.now.since_start().as_nanos() / 1_000_000_000;
    fields!(text,
        "redis_version": String::from_utf8_lossy(REDIS_VERSION),
        "redis_mode": "standalone",
        "arch_bits": 64,
        "server_time_usec": call.now_ms * 1_000,
        "uptime_in_seconds": uptime_s,
        "uptime_in_days": uptime_s / 86_400,
        "hz": node.runs_per_second(),
        "configured_hz": node.config.hz,
    );
}

fn clients(node: &Node, _: &Call<'_>, text: &mut String) {
    fields!(text,
        "connected_clients": node.clients.count(),
        "cluster_connections": 0,
        "blocked_clients": node.waiting.count(),
        "tracking_clients": 0,
        "clients_in_timeout_table": node.waiting.count_with_timeout(),
    );
}

fn memory(node: &Node, _: &Call<'_>, text: &mut String) {
    let (used, start) = (node.used_memory(), crate::memory::STARTUP_BYTES);
    let named = |(_, policy): &&(&str, Policy)| *policy == node.config.maxmemory_policy;
    let policy = Policy::NAMED
        .iter()
        .find(named)
        .map_or("", |(name, _)| name);
    fields!(text,
        "used_memory": used,
        "used_memory_human": human(used),
        "used_memory_startup": start,
        "maxmemory": node.config.maxmemory,
        "maxmemory_human": human(node.config.maxmemory),
        "maxmemory_policy": policy,
        "number_of_cached_scripts": node.scripts.count(),
    );
}

/// Bytes in the largest unit that leaves a number of one or more (bytesToHuman).
fn human(bytes: u64) -> String {
    const UNITS: &[(u64, char)] = &[(1 << 30, 'G'), (1 << 20, 'M'), (1 << 10, 'K')];
    match UNITS.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, letter)) => format!("{:.2}{letter}", bytes as f64 / *unit as f64),
        None => format!("{bytes}B"),
    }
}

fn persistence(node: &Node, _: &Call<'_>, text: &mut String) {
    fields!(text,
        "loading": 0,
        "async_loading": 0,
        "rdb_bgsave_in_progress": u8::from(node.snapshots.has_child()),
        "rdb_last_save_time": node.snapshots.last_s(),
        "aof_enabled": 0,
        "aof_rewrite_in_progress": 0,
    );
}

fn stats(node: &Node, _: &Call<'_>, text: &mut String) {
    let statistics = &node.statistics;
    fields!(text,
        "total_connections_received": statistics.connections,
        "total_commands_processed": statistics.commands,
        "sync_full": 0,
        "sync_partial_ok": 0,
        "sync_partial_err": 0,
        "expired_keys": node.keyspace.expired_keys() - statistics.expired_before,
        "expired_time_cap_reached_count": node.active_expiry.timeouts,
        "evicted_keys": node.evicted_keys() - statistics.evicted_before,
        "pubsub_channels": node.pubsub.channel_count(),
        "pubsub_patterns": node.pubsub.pattern_count(),
        "pubsubshard_channels": 0,
    );
}

fn replication(_: &Node, _: &Call<'_>, text: &mut String) {
    fields!(text,
        "role": "master",
        "connected_slaves": 0,
    );
}

fn cluster(_: &Node, _: &Call<'_>, text: &mut String) {
    fields!(text, "cluster_enabled": 0);
}

fn keyspace(node: &Node, _: &Call<'_>, text: &mut String) {
    for index in 0..node.keyspace.count() {
        let database = node.keyspace.database(index);
        let (keys, expires) = (database.keys().len(), database.expires().len());
        if keys > 0 {
            // Writing into a string cannot fail.
            let _ = write!(text, "db{index}:keys={keys},expires={expires}\r\n");
        }
    }
}

impl Node {
    /// Counts from here on.
    pub(super) fn reset_statistics(&mut self) {
        self.statistics = Statistics {
            evicted_before: self.evicted_keys(),
            expired_before: self.keyspace.expired_keys(),
            ..Statistics::default()
        };
    }
}
