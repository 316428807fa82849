//! INFO: only those fields are there that the node can tell truly; processor time, buffers and
//! addresses belong to its host.

use super::call::{Call, is_option};
use super::client::Session;
use super::command_stats::{AllCommandStats, commandstats, latencystats};
use super::error::ErrorReply;
use super::{After, Node};
use crate::keyspace::Lookups;
use crate::rdb::REDIS_VERSION;
use crate::resp::Frame;
use kvrig_base::time::Span;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What is counted since the start or CONFIG RESETSTAT.
#[derive(Debug, Default)]
pub(super) struct Statistics {
    pub(super) commands: u64,
    pub(super) connections: u64,
    /// The most that used_memory has been when the timer looked, in bytes.
    peak_memory: u64,
    /// Those that were one too many.
    pub(super) rejected_connections: u64,
    /// Counters that go on elsewhere, as they were at the last reset.
    evicted_before: u64,
    expired_before: u64,
    lookups_before: Lookups,
    /// Errors by their first word.
    errors: BTreeMap<Box<[u8]>, u64>,
    pub(super) by_command: AllCommandStats,
    /// How often the present command has failed, where a script has counted that already.
    pub(super) failures: Option<u64>,
}

/// Where an error's first word must have ended, its mark included (afterErrorReply).
const ERROR_WORD_BYTES_MAX: usize = 32;

impl Statistics {
    /// Counts a reply that is an error (afterErrorReply).
    #[inline]
    pub(super) fn note_reply(&mut self, reply: &[u8]) {
        if let Some(text) = reply.strip_prefix(b"-") {
            self.note_error(text);
        }
    }
    /// Counts an error by its text.
    #[cold]
    pub(super) fn note_error(&mut self, text: &[u8]) {
        let text = text.strip_prefix(b"-").unwrap_or(text);
        let start = &text[..text.len().min(ERROR_WORD_BYTES_MAX - 1)];
        let end = start.iter().position(|byte| *byte == b' ');
        let word = end.map_or(&b"ERR"[..], |end| &start[..end]);
        *self.errors.entry(word.into()).or_default() += 1;
    }
}

/// A section: its name, whether it is there where none is named, and what writes its fields.
type Section = (&'static str, bool, fn(&Node, &Call<'_>, &mut String));

const SECTIONS: &[Section] = &[
    ("Server", true, server),
    ("Clients", true, clients),
    ("Memory", true, memory),
    ("Persistence", true, persistence),
    ("Stats", true, stats),
    ("Replication", true, replication),
    ("Modules", true, |_, _, _| ()),
    ("Commandstats", false, commandstats),
    ("Errorstats", true, errorstats),
    ("Latencystats", false, latencystats),
    ("Cluster", true, cluster),
    ("Keyspace", true, keyspace),
];

/// INFO (genInfoSectionDict).
pub(super) fn info<'c>(
    node: &mut Node,
    _: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let asked = &call.args[1..];
    let asks = |name: &str| asked.iter().any(|arg| is_option(arg, name));
    let is_all = asks("all") || asks("everything");
    let is_default = asked.is_empty() || asks("default");
    let mut text = String::new();
    for (name, is_in_default, write) in SECTIONS {
        if is_all || is_default && *is_in_default || asks(name) {
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
        "config_file": node.config_file.as_deref().unwrap_or_default(),
    );
}

fn clients(node: &Node, _: &Call<'_>, text: &mut String) {
    fields!(text,
        "connected_clients": node.clients.count(),
        "cluster_connections": 0,
        "maxclients": node.config.maxclients,
        "blocked_clients": node.waiting.count(),
        "tracking_clients": 0,
        "clients_in_timeout_table": node.waiting.count_with_timeout(),
    );
}

fn memory(node: &Node, _: &Call<'_>, text: &mut String) {
    let (used, start) = (node.used_memory(), crate::memory::STARTUP_BYTES);
    let peak = node.peak_memory();
    fields!(text,
        "used_memory": used,
        "used_memory_human": human(used),
        "used_memory_peak": peak,
        "used_memory_peak_human": human(peak),
        "used_memory_peak_perc": format!("{:.2}%", used as f32 * 100.0 / peak as f32),
        "used_memory_startup": start,
        "maxmemory": node.config.maxmemory,
        "maxmemory_human": human(node.config.maxmemory),
        "maxmemory_policy": node.config.maxmemory_policy.name(),
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

fn persistence(node: &Node, call: &Call<'_>, text: &mut String) {
    let snapshots = &node.snapshots;
    // What was never, or is not now, is -1.
    let seconds = |seconds: Option<u64>| seconds.map_or(-1, |seconds| seconds as i64);
    fields!(text,
        "loading": 0,
        "async_loading": 0,
        "rdb_changes_since_last_save": snapshots.changes,
        "rdb_bgsave_in_progress": u8::from(snapshots.has_child()),
        "rdb_last_save_time": snapshots.last_s(),
        "rdb_last_bgsave_status": if snapshots.has_failed() { "err" } else { "ok" },
        "rdb_last_bgsave_time_sec": seconds(snapshots.last_took_s()),
        "rdb_current_bgsave_time_sec": seconds(snapshots.taking_s(call.now_ms as u64 / 1_000)),
        "rdb_saves": snapshots.saves,
        "rdb_last_load_keys_expired": snapshots.loaded.expired,
        "rdb_last_load_keys_loaded": snapshots.loaded.keys,
        "aof_enabled": 0,
        "aof_rewrite_in_progress": 0,
    );
}

fn stats(node: &Node, call: &Call<'_>, text: &mut String) {
    let statistics = &node.statistics;
    let lookups = node.keyspace.lookups();
    fields!(text,
        "total_connections_received": statistics.connections,
        "total_commands_processed": statistics.commands,
        "rejected_connections": statistics.rejected_connections,
        "sync_full": 0,
        "sync_partial_ok": 0,
        "sync_partial_err": 0,
        "expired_keys": node.keyspace.expired_keys() - statistics.expired_before,
        "expired_stale_perc": format!("{:.2}", node.active_expiry.stale_share * 100.0),
        "expired_time_cap_reached_count": node.active_expiry.timeouts,
        "expire_cycle_cpu_milliseconds": millis(node.active_expiry.took),
        "evicted_keys": node.evicted_keys() - statistics.evicted_before,
        "keyspace_hits": lookups.hits - statistics.lookups_before.hits,
        "keyspace_misses": lookups.misses - statistics.lookups_before.misses,
        "total_eviction_exceeded_time": millis(node.eviction.exceeded_in_all(call.now)),
        "current_eviction_exceeded_time": millis(node.eviction.exceeded_now(call.now)),
        "pubsub_channels": node.pubsub.channel_count(),
        "pubsub_patterns": node.pubsub.pattern_count(),
        "pubsubshard_channels": 0,
        "total_error_replies": statistics.errors.values().sum::<u64>(),
    );
}

fn millis(span: Span) -> u64 {
    span.as_nanos() / 1_000_000
}

fn replication(_: &Node, _: &Call<'_>, text: &mut String) {
    fields!(text,
        "role": "master",
        "connected_slaves": 0,
    );
}

fn errorstats(node: &Node, _: &Call<'_>, text: &mut String) {
    for (word, count) in &node.statistics.errors {
        let word = String::from_utf8_lossy(word);
        // Writing into a string cannot fail.
        let _ = write!(text, "errorstat_{word}:count={count}\r\n");
    }
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
            let left_ms = database.mean_left_ms();
            let _ = write!(
                text,
                "db{index}:keys={keys},expires={expires},avg_ttl={left_ms}\r\n"
            );
        }
    }
}

impl Node {
    /// The most that used_memory has been when the timer looked, or is now (cronUpdateMemoryStats).
    pub(super) fn peak_memory(&self) -> u64 {
        self.statistics.peak_memory.max(self.used_memory())
    }
    /// Takes note of what used_memory is.
    pub(super) fn note_memory(&mut self) {
        self.statistics.peak_memory = self.peak_memory();
    }
    /// Counts from here on. The peak of the memory stays (resetServerStats).
    pub(super) fn reset_statistics(&mut self) {
        self.eviction.reset_times();
        self.active_expiry.reset();
        self.statistics = Statistics {
            peak_memory: self.statistics.peak_memory,
            evicted_before: self.evicted_keys(),
            lookups_before: self.keyspace.lookups(),
            expired_before: self.keyspace.expired_keys(),
            ..Statistics::default()
        };
    }
}
