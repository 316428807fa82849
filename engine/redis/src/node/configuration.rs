//! CONFIG: directives read and set while the server runs.

use super::call::{Call, is_option};
use super::client::Session;
use super::error::{ErrorReply, c_string};
use super::help::help;
use super::rewrite::rewrite;
use super::{After, Node, Policy};
use crate::command::commands;
use crate::config::{DIRECTIVES, Directive, value};
use crate::glob;
use crate::resp::Frame;

commands! { SUBCOMMANDS: Server;
    "config|get", -3, [ADMIN NOSCRIPT LOADING STALE], NONE, "2.0.0" => Node(get);
    "config|help", 2, [LOADING STALE], NONE, "5.0.0" => Database(help);
    "config|resetstat", 2, [ADMIN NOSCRIPT LOADING STALE], NONE, "2.0.0" => Node(resetstat);
    "config|rewrite", 2, [ADMIN NOSCRIPT LOADING STALE], NONE, "2.8.0" => Node(rewrite);
    "config|set", -4, [ADMIN NOSCRIPT LOADING STALE], NONE, "2.0.0" => Node(set);
}

/// Directives that cannot be set while the server runs.
const IMMUTABLE: &[&str] = &["databases", "enable-debug-command"];
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
