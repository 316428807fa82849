//! CONFIG: directives read and set while the server runs.

use super::call::{Call, is_option};
use super::client::Session;
use super::error::{ErrorReply, c_string};
use super::help::help;
use super::{After, Node, Policy};
use crate::command::commands;
use crate::config::{Config, DIRECTIVES, Directive};
use crate::glob;
use crate::resp::Frame;

commands! { SUBCOMMANDS: Server;
    "config|get", -3, [ADMIN NOSCRIPT LOADING STALE], NONE, "2.0.0" => Node(get);
    "config|help", 2, [LOADING STALE], NONE, "5.0.0" => Database(help);
    "config|resetstat", 2, [ADMIN NOSCRIPT LOADING STALE], NONE, "2.0.0" => Node(resetstat);
    "config|set", -4, [ADMIN NOSCRIPT LOADING STALE], NONE, "2.0.0" => Node(set);
}

/// Directives that cannot be set while the server runs.
const IMMUTABLE: &[&str] = &["databases"];
/// Those that name files, which are protected by default (`enable-protected-configs`).
const PROTECTED: &[&str] = &["dbfilename"];

/// Those whose range is that of Redis.
const RANGES_OF_REDIS: &[&str] = &[
    "active-expire-effort",
    "busy-reply-threshold",
    "latency-monitor-threshold",
    "lfu-decay-time",
    "lfu-log-factor",
    "lua-time-limit",
    "slowlog-log-slower-than",
];

/// CONFIG GET: all directives that any pattern matches, by name.
fn get<'c>(node: &mut Node, _: &mut Session, call: &mut Call<'c>) -> Result<After, ErrorReply<'c>> {
    let patterns: Vec<Vec<u8>> = call.args[2..]
        .iter()
        .map(|pattern| pattern.to_ascii_lowercase())
        .collect();
    let is_wanted = |name: &str| {
        let name = name.as_bytes();
        patterns.iter().any(|pattern| glob::matches(pattern, name))
    };
    let found: Vec<(&str, String)> = DIRECTIVES
        .iter()
        .filter(|directive| is_wanted(directive.name))
        .filter_map(|directive| Some((directive.name, value(&node.config, directive.name)?)))
        .collect();
    call.reply(Frame::Map(found.len()))?;
    for (name, value) in found {
        call.reply(Frame::Bulk(name.as_bytes()))?;
        call.reply(Frame::Bulk(value.as_bytes()))?;
    }
    Ok(After::Continue)
}

/// The value of a directive as CONFIG GET prints it.
fn value(config: &Config, name: &str) -> Option<String> {
    let yes_or_no = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    Some(match name {
        "active-expire-effort" => config.active_expire_effort.to_string(),
        "activerehashing" => yes_or_no(config.activerehashing),
        "appendonly" => "no".to_owned(),
        "busy-reply-threshold" | "lua-time-limit" => config.busy_reply_threshold_ms.to_string(),
        "client-output-buffer-limit" => config.output_limits.to_string(),
        "databases" => config.databases.to_string(),
        "dbfilename" => config.dbfilename.clone(),
        "dynamic-hz" => yes_or_no(config.dynamic_hz),
        "hash-max-listpack-entries" => config.hash_max_listpack_entries.to_string(),
        "hll-sparse-max-bytes" => config.hll_sparse_max_bytes.to_string(),
        "hash-max-listpack-value" => config.hash_max_listpack_value.to_string(),
        "hz" => config.hz.to_string(),
        "latency-monitor-threshold" => config.latency_monitor_threshold.to_string(),
        "latency-tracking" => yes_or_no(config.latency_tracking),
        "latency-tracking-info-percentiles" => {
            let percentiles = config.latency_tracking_percentiles.iter();
            let texts: Vec<String> = percentiles.map(ToString::to_string).collect();
            texts.join(" ")
        }
        "lfu-decay-time" => config.lfu_decay_time.to_string(),
        "lfu-log-factor" => config.lfu_log_factor.to_string(),
        "list-max-listpack-size" => config.list_max_listpack_size.to_string(),
        "maxclients" => config.maxclients.to_string(),
        "maxmemory" => config.maxmemory.to_string(),
        "maxmemory-eviction-tenacity" => config.maxmemory_eviction_tenacity.to_string(),
        "maxmemory-policy" => config.maxmemory_policy.name().to_owned(),
        "maxmemory-samples" => config.maxmemory_samples.to_string(),
        "notify-keyspace-events" => config.notify_keyspace_events.letters(),
        "proto-max-bulk-len" => config.proto_max_bulk_len.to_string(),
        "rdbcompression" => yes_or_no(config.rdbcompression),
        "requirepass" => config.requirepass.clone(),
        "save" => {
            let points = config.save_points.iter();
            let points = points.map(|point| format!("{} {}", point.seconds, point.changes));
            points.collect::<Vec<_>>().join(" ")
        }
        "set-max-intset-entries" => config.set_max_intset_entries.to_string(),
        "slowlog-log-slower-than" => config.slowlog_log_slower_than.to_string(),
        "slowlog-max-len" => config.slowlog_max_len.to_string(),
        "stop-writes-on-bgsave-error" => yes_or_no(config.stop_writes_on_bgsave_error),
        "stream-node-max-bytes" => config.stream_node_max_bytes.to_string(),
        "stream-node-max-entries" => config.stream_node_max_entries.to_string(),
        "tcp-keepalive" => config.tcp_keepalive_s.to_string(),
        "timeout" => config.timeout_s.to_string(),
        "zset-max-listpack-entries" => config.zset_max_listpack_entries.to_string(),
        "zset-max-listpack-value" => config.zset_max_listpack_value.to_string(),
        _ => return None,
    })
}

/// CONFIG SET: all of the directives, or none where one cannot be set.
fn set<'c>(node: &mut Node, _: &mut Session, call: &mut Call<'c>) -> Result<After, ErrorReply<'c>> {
    let pairs = &call.args[2..];
    if pairs.len() % 2 == 1 {
        return Err(call.wrong_arity());
    }
    let mut config = node.config.clone();
    let mut names: Vec<&str> = Vec::new();
    for pair in pairs.chunks_exact(2) {
        let known = DIRECTIVES
            .iter()
            .find(|known| is_option(pair[0], known.name));
        let Some(directive) = known else {
            return Err(ErrorReply::Quoting {
                before: "ERR Unknown option or number of arguments for CONFIG SET - '",
                quoted: pair[0],
                after: "'",
            });
        };
        let name = directive.name;
        let text = String::from_utf8_lossy(c_string(pair[1])).into_owned();
        let reason = match () {
            () if names.contains(&name) => "duplicate parameter".to_owned(),
            () if IMMUTABLE.contains(&name) => "can't set immutable config".to_owned(),
            () if PROTECTED.contains(&name) => "can't set protected config".to_owned(),
            () => match config.set(name, &text) {
                Ok(()) => {
                    names.push(name);
                    continue;
                }
                Err(_) => reason(directive, &text),
            },
        };
        let text =
            format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}");
        call.reply(Frame::Error(text.as_bytes()))?;
        return Ok(After::Continue);
    }
    node.keyspace.apply(&config);
    node.config = config;
    if names.contains(&"maxmemory") && node.config.maxmemory > 0 {
        // The timer gets below the new limit without waiting for a command (updateMaxmemory).
        node.eviction.due = Some(call.now);
    }
    call.reply_ok().map(|()| After::Continue)
}

/// Why a value cannot be set, in Redis's words where it would refuse it too.
fn reason(directive: &Directive, text: &str) -> String {
    let is_integer = text.parse::<i64>().is_ok();
    let has_range_of_redis = RANGES_OF_REDIS.contains(&directive.name);
    let range = directive.values.split_once(" to ");
    match directive.values {
        _ if directive.name == "maxmemory-policy" => {
            let names = Policy::NAMED.map(|(name, _)| name).join(", ");
            format!("argument(s) must be one of the following: {names}")
        }
        _ if directive.name == "notify-keyspace-events" => {
            "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.".to_owned()
        }
        _ if directive.name == "save" => "Invalid save parameters".to_owned(),
        "yes or no" => "argument must be 'yes' or 'no'".to_owned(),
        values
            if values.starts_with(|sign: char| sign == '-' || sign.is_ascii_digit())
                && !is_integer =>
        {
            "argument couldn't be parsed into an integer".to_owned()
        }
        values => match range.filter(|_| has_range_of_redis) {
            Some((least, most)) => format!("argument must be between {least} and {most} inclusive"),
            None => format!("this server honours {values}"),
        },
    }
}

/// CONFIG RESETSTAT.
fn resetstat<'c>(
    node: &mut Node,
    _: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    node.reset_statistics();
    call.reply_ok().map(|()| After::Continue)
}
