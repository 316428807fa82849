//! Configuration by the names and values of redis.conf.
//!
//! A directive that is named here is honoured in full. A value that this engine cannot honour is an
//! error and never ignored, because a study of a setting that has no effect would mislead.

mod file;
mod output;
mod percentile;
mod rewrite;
mod save;
mod value;

pub use file::ConfigFile;
pub use output::{OutputLimit, OutputLimits};
pub use percentile::Percentile;
pub(crate) use rewrite::rewritten;
pub use save::SavePoint;
use save::{SAVE_POINTS_OF_REDIS, save_points};
pub(crate) use value::value;

use crate::keyspace::EventClasses;
use crate::node::Policy;
use crate::resp::BULK_BYTES_MAX;
use kvrig_base::diagnostic::{Diagnostic, STORE_DIRECTIVE};
use kvrig_base::time::Span;

/// Largest number of databases: their tables and values take region numbers of their own.
pub const DATABASES_MAX: u64 = 256;
/// The range that Redis clamps `hz` to (CONFIG_MIN_HZ, CONFIG_MAX_HZ).
pub(crate) const HZ_MAX: u64 = 500;
/// Largest threshold of a compact encoding: beyond what one could hold.
const SIZE_MAX: u64 = 1 << 30;
/// Most connections: their numbers are indices.
const CLIENTS_MAX: u64 = 1_000_000;
/// Most commands that SLOWLOG may be asked to keep, each with up to 4 KiB.
const SLOWLOG_MAX: u64 = 1 << 20;
/// Largest value of directives that Redis keeps in an int.
const INTEGER_MAX: u64 = i32::MAX as u64;
/// Least similarity (Jaro-Winkler) at which a name is suggested for an unknown one.
const SUGGESTION_SIMILARITY_MIN: f64 = 0.8;

/// The configuration of a node, with the defaults of Redis 7.0 but for `save`, `rdbcompression` and
/// `slowlog-log-slower-than`, which are off; [`Config::served`] has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whether the timer looks for keys whose time has passed. No directive: a server does, and the
    /// studies do without, as their model card says.
    pub active_expire: bool,
    /// `active-expire-effort`: how much the timer does for that, 1 to 10.
    pub active_expire_effort: u8,
    /// Whether used_memory counts the bucket arrays that Redis would have for as many keys, and not
    /// those of the table that is there. No directive: a server tells what Redis would, and the
    /// studies compare tables.
    pub models_bucket_arrays: bool,
    /// Whether every command is timed, for INFO commandstats and latencystats and for LATENCY
    /// HISTOGRAM. No directive: a server does, and the studies do without.
    pub times_commands: bool,
    /// `activerehashing`: whether the timer moves entries of a rehash.
    pub activerehashing: bool,
    /// `busy-reply-threshold`, once `lua-time-limit`: for how many milliseconds a script runs before
    /// others are heard beside it; 0 is for ever.
    pub busy_reply_threshold_ms: u64,
    /// `client-output-buffer-limit`: how much output may wait for a client, for those that send
    /// commands and for those that are subscribed to something.
    pub output_limits: OutputLimits,
    /// `dbfilename`: the name of the snapshot.
    pub dbfilename: String,
    /// `hash-max-listpack-entries`: how many fields a hash in one allocation has at most.
    pub hash_max_listpack_entries: usize,
    /// `hash-max-listpack-value`: how long its fields and values are at most, in bytes.
    pub hash_max_listpack_value: usize,
    /// `hll-sparse-max-bytes`: how long the sparse form of a HyperLogLog may become, in bytes.
    pub hll_sparse_max_bytes: usize,
    /// `latency-monitor-threshold`: from how many milliseconds on LATENCY is told of something; 0 is
    /// never.
    pub latency_monitor_threshold: u64,
    /// `latency-tracking`: whether INFO latencystats and LATENCY HISTOGRAM tell anything.
    pub latency_tracking: bool,
    /// `latency-tracking-info-percentiles`: which percentiles INFO latencystats tells.
    pub latency_tracking_percentiles: Vec<Percentile>,
    /// `lfu-decay-time`: after how many minutes the counter of a key's uses falls by one; 0 is
    /// never.
    pub lfu_decay_time: u32,
    /// `lfu-log-factor`: how much harder each use makes the next rise of that counter.
    pub lfu_log_factor: u32,
    /// `list-compress-depth`: how many listpacks at either end of a list are never compressed; 0
    /// compresses none.
    pub list_compress_depth: u32,
    /// `list-max-listpack-size`: how large one listpack of a list may become.
    pub list_max_listpack_size: i16,
    /// `maxclients`: connections at most.
    pub maxclients: usize,
    /// `maxmemory`: the limit of used_memory in bytes; 0 is none.
    pub maxmemory: u64,
    /// `maxmemory-eviction-tenacity`: how long one eviction may take, 0 to 100.
    pub maxmemory_eviction_tenacity: u32,
    /// `maxmemory-policy`: what is done at the limit.
    pub maxmemory_policy: Policy,
    /// `maxmemory-samples`: how many keys are sampled for each that is evicted.
    pub maxmemory_samples: usize,
    /// `notify-keyspace-events`: of which events channels tell.
    pub notify_keyspace_events: EventClasses,
    /// `databases`: their number.
    pub databases: u16,
    /// `dynamic-hz`: whether many clients make the timer run more often.
    pub dynamic_hz: bool,
    /// `enable-debug-command`: who may use DEBUG. A server lets nobody, as Redis does since 7.0; a node
    /// that a program drives lets everybody.
    pub enable_debug_command: DebugCommand,
    /// Whether a table is kept from growing where the new array would exceed `maxmemory`
    /// (dictTypeExpandAllowed, redis#7954). No directive: 6.2 and later always do, earlier
    /// versions never do.
    pub growth_guard: bool,
    /// `hz`: how often a second the timer runs.
    pub hz: u32,
    /// `rdbcompression`: whether strings are compressed in snapshots and payloads.
    pub rdbcompression: bool,
    /// `save`: when the timer begins a snapshot.
    pub save_points: Vec<SavePoint>,
    /// `stop-writes-on-bgsave-error`: whether writes are refused while there are save points and the
    /// last snapshot has failed.
    pub stop_writes_on_bgsave_error: bool,
    /// `requirepass`: the password that every connection must give; empty is none.
    pub requirepass: String,
    /// `proto-max-bulk-len`: the longest argument and the longest string, in bytes.
    pub proto_max_bulk_len: u64,
    /// `set-max-intset-entries`: how many members a set of integers in one allocation has at most.
    pub set_max_intset_entries: usize,
    /// `slowlog-log-slower-than`: from how many microseconds on SLOWLOG keeps a command; -1 is never.
    /// A server has 10,000; to know it, each command must be timed, which studies do without.
    pub slowlog_log_slower_than: i64,
    /// `slowlog-max-len`: how many commands SLOWLOG keeps.
    pub slowlog_max_len: usize,
    /// `stream-node-max-bytes`: how large one listpack of a stream may become; 0 is no limit.
    pub stream_node_max_bytes: u64,
    /// `stream-node-max-entries`: how many entries it has at most; 0 is no limit.
    pub stream_node_max_entries: u64,
    /// `tcp-keepalive`: seconds without a word after which the system asks whether a client is still
    /// there; 0 is never. For a host with sockets.
    pub tcp_keepalive_s: u32,
    /// `timeout`: seconds without a command after which a client is closed; 0 is never.
    pub timeout_s: u32,
    /// `zset-max-listpack-entries`: how many members a sorted set in one allocation has at most.
    pub zset_max_listpack_entries: usize,
    /// `zset-max-listpack-value`: how long they are at most, in bytes.
    pub zset_max_listpack_value: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            active_expire: false,
            active_expire_effort: 1,
            models_bucket_arrays: false,
            times_commands: false,
            activerehashing: true,
            busy_reply_threshold_ms: 5_000,
            output_limits: OutputLimits::default(),
            dbfilename: "dump.rdb".to_owned(),
            hash_max_listpack_entries: 512,
            hash_max_listpack_value: 64,
            hll_sparse_max_bytes: 3_000,
            latency_monitor_threshold: 0,
            latency_tracking: true,
            latency_tracking_percentiles: Percentile::DEFAULT.to_vec(),
            lfu_decay_time: 1,
            lfu_log_factor: 10,
            list_compress_depth: 0,
            list_max_listpack_size: -2,
            maxclients: 10_000,
            maxmemory: 0,
            maxmemory_eviction_tenacity: 10,
            maxmemory_policy: Policy::NoEviction,
            maxmemory_samples: 5,
            notify_keyspace_events: EventClasses::NONE,
            databases: 16,
            enable_debug_command: DebugCommand::Anybody,
            dynamic_hz: true,
            growth_guard: true,
            hz: 10,
            rdbcompression: false,
            save_points: Vec::new(),
            stop_writes_on_bgsave_error: true,
            requirepass: String::new(),
            proto_max_bulk_len: BULK_BYTES_MAX,
            set_max_intset_entries: 512,
            slowlog_log_slower_than: -1,
            slowlog_max_len: 128,
            stream_node_max_bytes: 4_096,
            stream_node_max_entries: 100,
            tcp_keepalive_s: 300,
            timeout_s: 0,
            zset_max_listpack_entries: 128,
            zset_max_listpack_value: 64,
        }
    }
}

impl Config {
    /// That of a server for real clients, with the defaults of Redis where a study has others.
    pub fn served() -> Self {
        Self {
            active_expire: true,
            models_bucket_arrays: true,
            times_commands: true,
            enable_debug_command: DebugCommand::Nobody,
            slowlog_log_slower_than: 10_000,
            rdbcompression: true,
            save_points: save_points(SAVE_POINTS_OF_REDIS).unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// Who may use DEBUG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DebugCommand {
    /// `no`: nobody.
    Nobody,
    /// `local`: who is connected from this machine.
    Local,
    /// `yes`: everybody.
    Anybody,
}

impl DebugCommand {
    /// All of them, in the order of their values.
    const ALL: [Self; 3] = [Self::Anybody, Self::Local, Self::Nobody];

    /// How redis.conf calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nobody => "no",
            Self::Local => "local",
            Self::Anybody => "yes",
        }
    }
    fn named(name: &str) -> Option<Self> {
        let is_called_so = |one: &Self| one.name().eq_ignore_ascii_case(name);
        Self::ALL.into_iter().find(is_called_so)
    }
}

/// One directive that is honoured.
#[derive(Clone, Copy, Debug)]
pub struct Directive {
    /// Its name in redis.conf.
    pub name: &'static str,
    /// The values that are honoured, in words.
    pub values: &'static str,
    /// Sets the value and says whether it can be honoured.
    set: fn(&mut Config, &str) -> bool,
}

/// The directives that are honoured, sorted by name.
pub const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "active-expire-effort",
        values: "1 to 10",
        set: |config, value| store(&mut config.active_expire_effort, integer(value, 1, 10)),
    },
    Directive {
        name: "activerehashing",
        values: "yes or no",
        set: |config, value| store(&mut config.activerehashing, yes_or_no(value)),
    },
    Directive {
        name: "appendonly",
        values: "no: there is no append-only file yet",
        set: |_, value| yes_or_no(value) == Some(false),
    },
    Directive {
        name: "busy-reply-threshold",
        values: "0 to 9223372036854775807",
        set: busy_reply_threshold,
    },
    Directive {
        name: "client-output-buffer-limit",
        values: "classes with bytes, bytes and seconds: normal 0 0 0 pubsub 32mb 8mb 60",
        set: |config, value| {
            let limits = config.output_limits.with(value);
            store(&mut config.output_limits, limits)
        },
    },
    Directive {
        name: "databases",
        values: "1 to 256",
        set: |config, value| store(&mut config.databases, integer(value, 1, DATABASES_MAX)),
    },
    Directive {
        name: "dbfilename",
        values: "a file name without a slash",
        set: |config, value| {
            let is_name = !value.is_empty() && !value.contains('/');
            store(&mut config.dbfilename, is_name.then(|| value.to_owned()))
        },
    },
    Directive {
        name: "dynamic-hz",
        values: "yes or no",
        set: |config, value| store(&mut config.dynamic_hz, yes_or_no(value)),
    },
    Directive {
        name: "enable-debug-command",
        values: "yes, local or no",
        set: |config, value| store(&mut config.enable_debug_command, DebugCommand::named(value)),
    },
    Directive {
        name: "hash-max-listpack-entries",
        values: "0 to 1073741824",
        set: |config, value| {
            store(
                &mut config.hash_max_listpack_entries,
                integer(value, 0, SIZE_MAX),
            )
        },
    },
    Directive {
        name: "hash-max-listpack-value",
        values: "0 to 1073741824",
        set: |config, value| {
            store(
                &mut config.hash_max_listpack_value,
                integer(value, 0, SIZE_MAX),
            )
        },
    },
    Directive {
        name: "hll-sparse-max-bytes",
        values: "0 to 1073741824",
        set: |config, value| {
            store(
                &mut config.hll_sparse_max_bytes,
                integer(value, 0, SIZE_MAX),
            )
        },
    },
    Directive {
        name: "hz",
        values: "1 to 500",
        set: |config, value| store(&mut config.hz, integer(value, 1, HZ_MAX)),
    },
    Directive {
        name: "latency-monitor-threshold",
        values: "0 to 9223372036854775807",
        set: |config, value| {
            let threshold = integer(value, 0, i64::MAX as u64);
            store(&mut config.latency_monitor_threshold, threshold)
        },
    },
    Directive {
        name: "latency-tracking",
        values: "yes or no",
        set: |config, value| store(&mut config.latency_tracking, yes_or_no(value)),
    },
    Directive {
        name: "latency-tracking-info-percentiles",
        values: "percentages from 0 to 100, or \"\" for none",
        set: |config, value| {
            let percentiles = value.split_whitespace().map(Percentile::parse).collect();
            store(&mut config.latency_tracking_percentiles, percentiles)
        },
    },
    Directive {
        name: "lfu-decay-time",
        values: "0 to 2147483647",
        set: |config, value| store(&mut config.lfu_decay_time, integer(value, 0, INTEGER_MAX)),
    },
    Directive {
        name: "lfu-log-factor",
        values: "0 to 2147483647",
        set: |config, value| store(&mut config.lfu_log_factor, integer(value, 0, INTEGER_MAX)),
    },
    Directive {
        name: "list-compress-depth",
        values: "0 to 2147483647",
        set: |config, value| {
            store(
                &mut config.list_compress_depth,
                integer(value, 0, INTEGER_MAX),
            )
        },
    },
    Directive {
        name: "list-max-listpack-size",
        values: "-5 to -1 for 64 to 4 KiB, or a number of elements up to 32767",
        set: |config, value| {
            let size = value.parse::<i16>().ok().filter(|size| *size >= -5);
            store(&mut config.list_max_listpack_size, size)
        },
    },
    Directive {
        name: "lua-time-limit",
        values: "0 to 9223372036854775807",
        set: busy_reply_threshold,
    },
    Directive {
        name: "maxclients",
        values: "1 to 1000000",
        set: |config, value| store(&mut config.maxclients, integer(value, 1, CLIENTS_MAX)),
    },
    Directive {
        name: "maxmemory",
        values: "bytes, with a unit such as 100mb if you like; 0 is no limit",
        set: |config, value| store(&mut config.maxmemory, memory(value)),
    },
    Directive {
        name: "maxmemory-eviction-tenacity",
        values: "0 to 100",
        set: |config, value| {
            store(
                &mut config.maxmemory_eviction_tenacity,
                integer(value, 0, 100),
            )
        },
    },
    Directive {
        name: "maxmemory-policy",
        values: "noeviction, allkeys-lru, allkeys-lfu, allkeys-random, volatile-lru, volatile-lfu, \
                 volatile-random or volatile-ttl",
        set: |config, value| {
            let named = |(name, _): &&(&str, Policy)| name.eq_ignore_ascii_case(value);
            let policy = Policy::NAMED.iter().find(named).map(|&(_, policy)| policy);
            store(&mut config.maxmemory_policy, policy)
        },
    },
    Directive {
        name: "maxmemory-samples",
        values: "1 to 64",
        set: |config, value| store(&mut config.maxmemory_samples, integer(value, 1, 64)),
    },
    Directive {
        name: "notify-keyspace-events",
        values: "letters of Ag$lshzxeKEtmdn",
        set: |config, value| {
            store(
                &mut config.notify_keyspace_events,
                EventClasses::parse(value),
            )
        },
    },
    Directive {
        name: "proto-max-bulk-len",
        values: "1mb to 512mb",
        set: |config, value| {
            let bytes = memory(value).filter(|bytes| (1 << 20..=BULK_BYTES_MAX).contains(bytes));
            store(&mut config.proto_max_bulk_len, bytes)
        },
    },
    Directive {
        name: "rdbcompression",
        values: "yes or no",
        set: |config, value| store(&mut config.rdbcompression, yes_or_no(value)),
    },
    Directive {
        name: "requirepass",
        values: "a password; \"\" is none",
        set: |config, value| store(&mut config.requirepass, Some(value.to_owned())),
    },
    Directive {
        name: "save",
        values: "seconds and changes by turns, such as 3600 1 300 100; \"\" is never",
        set: |config, value| store(&mut config.save_points, save_points(value)),
    },
    Directive {
        name: "set-max-intset-entries",
        values: "0 to 1073741824",
        set: |config, value| {
            store(
                &mut config.set_max_intset_entries,
                integer(value, 0, SIZE_MAX),
            )
        },
    },
    Directive {
        name: "slowlog-log-slower-than",
        values: "-1 to 9223372036854775807",
        set: |config, value| {
            let limit = value.parse().ok().filter(|limit| *limit >= -1);
            store(&mut config.slowlog_log_slower_than, limit)
        },
    },
    Directive {
        name: "slowlog-max-len",
        values: "0 to 1048576",
        set: |config, value| store(&mut config.slowlog_max_len, integer(value, 0, SLOWLOG_MAX)),
    },
    Directive {
        name: "stop-writes-on-bgsave-error",
        values: "yes or no",
        set: |config, value| store(&mut config.stop_writes_on_bgsave_error, yes_or_no(value)),
    },
    Directive {
        name: "stream-node-max-bytes",
        values: "bytes, with a unit such as 4kb if you like; 0 is no limit",
        set: |config, value| {
            let bytes = memory(value).filter(|bytes| i64::try_from(*bytes).is_ok());
            store(&mut config.stream_node_max_bytes, bytes)
        },
    },
    Directive {
        name: "stream-node-max-entries",
        values: "0 to 9223372036854775807; 0 is no limit",
        set: |config, value| {
            store(
                &mut config.stream_node_max_entries,
                integer(value, 0, i64::MAX as u64),
            )
        },
    },
    Directive {
        name: "tcp-keepalive",
        values: "0 to 2147483647 seconds",
        set: |config, value| store(&mut config.tcp_keepalive_s, integer(value, 0, INTEGER_MAX)),
    },
    Directive {
        name: "timeout",
        values: "0 to 2147483647 seconds",
        set: |config, value| store(&mut config.timeout_s, integer(value, 0, INTEGER_MAX)),
    },
    Directive {
        name: "zset-max-listpack-entries",
        values: "0 to 1073741824",
        set: |config, value| {
            store(
                &mut config.zset_max_listpack_entries,
                integer(value, 0, SIZE_MAX),
            )
        },
    },
    Directive {
        name: "zset-max-listpack-value",
        values: "0 to 1073741824",
        set: |config, value| {
            store(
                &mut config.zset_max_listpack_value,
                integer(value, 0, SIZE_MAX),
            )
        },
    },
];

impl Config {
    /// Whether it matters when keys are used.
    pub(crate) fn tracks_use(&self) -> bool {
        self.maxmemory > 0 && self.maxmemory_policy.asks_for_uses()
    }
    /// Whether keys share the objects of small integers.
    pub(crate) fn shares_integers(&self) -> bool {
        !self.tracks_use()
    }
    /// How long one eviction may take: 50 us for each point of tenacity up to 10, then 15 % more
    /// for each, and without end at 100 (`redis:src/evict.c`, evictionTimeLimitUs).
    pub(crate) fn eviction_time(&self) -> Span {
        match self.maxmemory_eviction_tenacity {
            tenacity @ 0..=10 => Span::from_micros(50 * u64::from(tenacity)),
            tenacity @ 11..=99 => {
                let micros = (10..tenacity).fold(500.0, |micros, _| micros * 1.15);
                Span::from_micros(micros as u64)
            }
            _ => Span::MAX,
        }
    }
    /// Sets one directive; names are read in any case, as Redis does.
    ///
    /// # Errors
    /// A name that is not honoured, with those that are and the likeliest meant; or a value that is
    /// not, with those that are.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Diagnostic> {
        let known = DIRECTIVES
            .iter()
            .find(|known| known.name.eq_ignore_ascii_case(name));
        let Some(directive) = known else {
            let message = format!("\"{name}\" is not a directive that this version honours");
            return Err(Diagnostic::new(STORE_DIRECTIVE, message).help(suggestions(name)));
        };
        if (directive.set)(self, value) {
            return Ok(());
        }
        let message = format!("\"{name}\" cannot be \"{value}\"");
        let help = format!("`{}` may be {}", directive.name, directive.values);
        Err(Diagnostic::new(STORE_DIRECTIVE, message).help(help))
    }
}

/// Stores a value if there is one, and says whether there was.
fn store<T>(place: &mut T, value: Option<T>) -> bool {
    match value {
        Some(value) => {
            *place = value;
            true
        }
        None => false,
    }
}

/// The names that may have been meant, then all names.
fn suggestions(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let similar =
        |known: &&Directive| strsim::jaro_winkler(&name, known.name) >= SUGGESTION_SIMILARITY_MIN;
    let quoted = |known: &Directive| format!("`{}`", known.name);
    let meant: Vec<String> = DIRECTIVES.iter().filter(similar).map(quoted).collect();
    let honoured: Vec<&str> = DIRECTIVES.iter().map(|known| known.name).collect();
    let question = match meant.is_empty() {
        true => String::new(),
        false => format!("did you mean {}? ", meant.join(" or ")),
    };
    format!("{question}honoured are: {}", honoured.join(", "))
}

fn yes_or_no(value: &str) -> Option<bool> {
    match value {
        _ if value.eq_ignore_ascii_case("yes") => Some(true),
        _ if value.eq_ignore_ascii_case("no") => Some(false),
        _ => None,
    }
}

fn busy_reply_threshold(config: &mut Config, value: &str) -> bool {
    let millis = integer(value, 0, i64::MAX as u64);
    store(&mut config.busy_reply_threshold_ms, millis)
}

fn integer<T: TryFrom<u64>>(value: &str, low: u64, high: u64) -> Option<T> {
    let number = value
        .parse()
        .ok()
        .filter(|number| (low..=high).contains(number))?;
    T::try_from(number).ok()
}

/// A number of bytes with Redis's units: `1k` is 1,000 bytes, `1kb` is 1,024, likewise m, mb, g, gb
/// (`redis:src/util.c`, memtoull).
fn memory(value: &str) -> Option<u64> {
    let digits = value
        .find(|byte: char| !byte.is_ascii_digit())
        .unwrap_or(value.len());
    let (number, unit) = value.split_at(digits);
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1_000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests;
