//! LATENCY: the longest commands, evictions and expiry cycles, second by second
//! (`redis:src/latency.c`).
//!
//! Of the events of Redis those are here whose time the node can tell: `command`, `fast-command`,
//! `eviction-cycle` and `expire-cycle`.

mod doctor;
mod graph;

use super::call::{Call, is_option};
use super::client::Session;
use super::error::{ErrorReply, c_string};
use super::help::help;
use super::{After, Node};
use crate::command::commands;
use crate::resp::Frame;
use kvrig_base::time::Span;
use std::collections::{BTreeMap, VecDeque};

commands! { SUBCOMMANDS: Server;
    "latency|doctor", 2, [ADMIN NOSCRIPT LOADING STALE], NONE, "2.8.13" => Node(doctor_report);
    "latency|graph", 3, [ADMIN NOSCRIPT LOADING STALE], NONE, "2.8.13" => Node(sparkline);
    "latency|help", 2, [LOADING STALE], NONE, "2.8.13" => Database(help);
    "latency|histogram", -2, [ADMIN NOSCRIPT LOADING STALE], NONE, "7.0.0" => Node(histogram);
    "latency|history", 3, [ADMIN NOSCRIPT LOADING STALE], NONE, "2.8.13" => Node(history);
    "latency|latest", 2, [ADMIN NOSCRIPT LOADING STALE], NONE, "2.8.13" => Node(latest);
    "latency|reset", -2, [ADMIN NOSCRIPT LOADING STALE], NONE, "2.8.13" => Node(reset);
}

/// Samples that are kept of an event (LATENCY_TS_LEN).
const SAMPLES_MAX: usize = 160;

/// The longest time in one second.
#[derive(Clone, Copy, Debug)]
struct Sample {
    unix_s: i64,
    took_ms: u64,
}

/// The samples of one event, the oldest first.
#[derive(Debug, Default)]
struct Series {
    samples: VecDeque<Sample>,
    longest_ms: u64,
}

/// The samples of all events.
#[derive(Debug, Default)]
pub(super) struct Latencies {
    events: BTreeMap<&'static str, Series>,
}

impl Node {
    /// Takes note of how long something took, if it took so long that anybody wants to know
    /// (latencyAddSampleIfNeeded).
    pub(super) fn note_latency(&mut self, event: &'static str, took: Span, now_ms: i64) {
        let (threshold_ms, took_ms) = (
            self.config.latency_monitor_threshold,
            took.as_micros() / 1_000,
        );
        if threshold_ms == 0 || took_ms < threshold_ms {
            return;
        }
        let unix_s = now_ms / 1_000;
        let series = self.latencies.events.entry(event).or_default();
        series.longest_ms = series.longest_ms.max(took_ms);
        match series.samples.back_mut() {
            Some(last) if last.unix_s == unix_s => last.took_ms = last.took_ms.max(took_ms),
            _ => series.samples.push_back(Sample { unix_s, took_ms }),
        }
        if series.samples.len() > SAMPLES_MAX {
            series.samples.pop_front();
        }
    }
}

fn integer(number: u64) -> Frame<'static> {
    Frame::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

/// LATENCY LATEST.
fn latest<'c>(
    node: &mut Node,
    _: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let events = &node.latencies.events;
    call.reply(Frame::Array(events.len()))?;
    for (event, series) in events {
        let last = series.samples.back();
        call.reply(Frame::Array(4))?;
        call.reply(Frame::Bulk(event.as_bytes()))?;
        call.reply_integer(last.map_or(0, |last| last.unix_s))?;
        call.reply(integer(last.map_or(0, |last| last.took_ms)))?;
        call.reply(integer(series.longest_ms))?;
    }
    Ok(After::Continue)
}

/// LATENCY HISTORY.
fn history<'c>(
    node: &mut Node,
    _: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let asked = c_string(call.args[2]);
    let mut events = node.latencies.events.iter();
    let Some((_, series)) = events.find(|(event, _)| event.as_bytes() == asked) else {
        return call.reply(Frame::Array(0)).map(|()| After::Continue);
    };
    call.reply(Frame::Array(series.samples.len()))?;
    for sample in &series.samples {
        call.reply(Frame::Array(2))?;
        call.reply_integer(sample.unix_s)?;
        call.reply(integer(sample.took_ms))?;
    }
    Ok(After::Continue)
}

/// LATENCY DOCTOR.
fn doctor_report<'c>(
    node: &mut Node,
    _: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let report = doctor::report(&node.latencies, &node.config, call.now_ms / 1_000);
    call.reply(Frame::Verbatim(report.as_bytes()))?;
    Ok(After::Continue)
}

/// LATENCY GRAPH.
fn sparkline<'c>(
    node: &mut Node,
    _: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let asked = c_string(call.args[2]);
    let mut events = node.latencies.events.iter();
    let Some((event, series)) = events.find(|(event, _)| event.as_bytes() == asked) else {
        return Err(ErrorReply::Quoting {
            before: "ERR No samples available for event '",
            quoted: asked,
            after: "'",
        });
    };
    let graph = graph::graph(event, series, call.now_ms / 1_000);
    call.reply(Frame::Verbatim(graph.as_bytes()))?;
    Ok(After::Continue)
}

/// LATENCY HISTOGRAM, of all commands or of those that are named, whose subcommands count as commands.
/// Who has not been called is left out.
fn histogram<'c>(
    node: &mut Node,
    _: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let all = node.statistics.by_command.all();
    let all = all
        .into_iter()
        .filter(|(_, stats)| node.config.latency_tracking && stats.durations.total() > 0);
    let all: Vec<_> = all.collect();
    let told = match call.args[2..] {
        [] => all,
        ref names => names
            .iter()
            .flat_map(|name| {
                let belongs = |known: &str| {
                    let command = known.split('|').next().unwrap_or(known);
                    is_option(name, known) || is_option(name, command)
                };
                all.iter().filter(move |(known, _)| belongs(known)).copied()
            })
            .collect(),
    };
    call.reply(Frame::Map(told.len()))?;
    for (name, stats) in told {
        call.reply(Frame::Bulk(name.as_bytes()))?;
        call.reply(Frame::Map(2))?;
        call.reply(Frame::Bulk(b"calls"))?;
        call.reply(integer(stats.durations.total()))?;
        call.reply(Frame::Bulk(b"histogram_usec"))?;
        let buckets = stats.durations.told();
        call.reply(Frame::Map(buckets.len()))?;
        for (micros, count) in buckets {
            call.reply(integer(micros))?;
            call.reply(integer(count))?;
        }
    }
    Ok(After::Continue)
}

/// LATENCY RESET, of all events or of those that are named.
fn reset<'c>(
    node: &mut Node,
    _: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let asked = &call.args[2..];
    let before = node.latencies.events.len();
    let is_kept = |event: &str| {
        let is_it = |name: &&[u8]| c_string(name) == event.as_bytes();
        !asked.is_empty() && !asked.iter().any(is_it)
    };
    node.latencies.events.retain(|event, _| is_kept(event));
    call.reply_count(before - node.latencies.events.len())
        .map(|()| After::Continue)
}
