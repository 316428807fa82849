//! MEMORY: what keys take, and what the server does.
//!
//! Only what the node can tell truly is there: STATS and DOCTOR leave out what they would have to
//! measure, and MALLOC-STATS replies what Redis does with an allocator that has none.

mod doctor;

use super::call::{Call, Outcome, is_option};
use super::client::Session;
use super::error::ErrorReply;
use super::help::help;
use super::{After, Node};
use crate::command::commands;
use crate::keyspace::Database;
use crate::memory::{OBJECT_BYTES, STARTUP_BYTES, key_bytes};
use crate::number::write_17_digits;
use crate::resp::Frame;

commands! { SUBCOMMANDS: Server;
    "memory|doctor", 2, [], NONE, "4.0.0" => Node(doctor_report);
    "memory|help", 2, [LOADING STALE], NONE, "4.0.0" => Database(help);
    "memory|malloc-stats", 2, [], NONE, "4.0.0" => Database(malloc_stats);
    "memory|purge", 2, [], NONE, "4.0.0" => Database(purge);
    "memory|stats", 2, [], NONE, "4.0.0" => Node(stats);
    "memory|usage", -3, [READONLY], SECOND, "4.0.0" => Database(usage);
}

/// Elements of a collection that are looked at unless SAMPLES says otherwise
/// (OBJ_COMPUTE_SIZE_DEF_SAMPLES).
const SAMPLES: usize = 5;
/// struct dictEntry and a bucket.
const ENTRY_BYTES: u64 = 24;
const BUCKET_BYTES: u64 = 8;

/// MEMORY USAGE: an expired key is still told.
fn usage<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let mut samples = SAMPLES;
    let mut index = 3;
    while index < call.args.len() {
        if !is_option(call.args[index], "samples") || index + 1 == call.args.len() {
            return Err(ErrorReply::Syntax);
        }
        samples = match usize::try_from(call.integer(index + 1)?) {
            Ok(0) => usize::MAX,
            Ok(count) => count,
            Err(_) => return Err(ErrorReply::Syntax),
        };
        index += 2;
    }
    let key = call.args[2];
    let Some(slot) = db.locate(key, call.work) else {
        return call.reply_null();
    };
    let value = db.value(slot).sampled_bytes(samples, call.work);
    let bytes = value + key_bytes(key.len()) + ENTRY_BYTES;
    call.reply_integer(i64::try_from(bytes).unwrap_or(i64::MAX))
}

/// MEMORY MALLOC-STATS.
fn malloc_stats<'c>(_: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    call.reply(Frame::Bulk(
        b"Stats not supported for the current allocator",
    ))
}

/// MEMORY PURGE: memory that is given back is not kept for later.
fn purge<'c>(_: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    call.reply_ok()
}

/// MEMORY DOCTOR.
fn doctor_report<'c>(
    node: &mut Node,
    _: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let (used, peak) = (node.used_memory(), node.peak_memory());
    let report = doctor::report(used, peak, node.scripts.count());
    call.reply(Frame::Verbatim(report.as_bytes()))?;
    Ok(After::Continue)
}

/// MEMORY STATS: those fields that depend on the data alone.
fn stats<'c>(
    node: &mut Node,
    _: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let used = node.used_memory();
    let databases: Vec<(String, u64, u64)> = (0..node.keyspace.used())
        .filter(|&index| !node.keyspace.database(index).keys().is_empty())
        .map(|index| {
            let database = node.keyspace.database(index);
            let (keys, expires) = (database.keys(), database.expires());
            let main = keys.len() * (ENTRY_BYTES + OBJECT_BYTES) + keys.buckets() * BUCKET_BYTES;
            let expiring = expires.len() * ENTRY_BYTES + expires.buckets() * BUCKET_BYTES;
            (format!("db.{index}"), main, expiring)
        })
        .collect();
    let tables: u64 = databases.iter().map(|(_, main, more)| main + more).sum();
    let keys: u64 = (0..node.keyspace.used())
        .map(|index| node.keyspace.database(index).keys().len())
        .sum();
    let overhead = STARTUP_BYTES + tables;
    let data = used.saturating_sub(overhead);
    let net = used.saturating_sub(STARTUP_BYTES).max(1);
    let share = data as f32 * 100.0 / net as f32;
    let peak = node.peak_memory();
    call.reply(Frame::Map(databases.len() + 9))?;
    field(call, "peak.allocated", peak)?;
    field(call, "total.allocated", used)?;
    field(call, "startup.allocated", STARTUP_BYTES)?;
    for (name, main, expiring) in &databases {
        call.reply(Frame::Bulk(name.as_bytes()))?;
        call.reply(Frame::Map(3))?;
        field(call, "overhead.hashtable.main", *main)?;
        field(call, "overhead.hashtable.expires", *expiring)?;
        field(call, "overhead.hashtable.slot-to-keys", 0)?;
    }
    field(call, "overhead.total", overhead)?;
    field(call, "keys.count", keys)?;
    field(
        call,
        "keys.bytes-per-key",
        net.checked_div(keys).unwrap_or(0),
    )?;
    field(call, "dataset.bytes", data)?;
    percentage(call, "dataset.percentage", share)?;
    percentage(call, "peak.percentage", used as f32 * 100.0 / peak as f32)?;
    Ok(After::Continue)
}

fn percentage<'c>(call: &mut Call<'c>, name: &str, percent: f32) -> Outcome<'c> {
    call.reply(Frame::Bulk(name.as_bytes()))?;
    let mut text = String::new();
    write_17_digits(percent.into(), &mut text);
    call.reply(Frame::Double(&text))
}

fn field<'c>(call: &mut Call<'c>, name: &str, value: u64) -> Outcome<'c> {
    call.reply(Frame::Bulk(name.as_bytes()))?;
    call.reply_integer(i64::try_from(value).unwrap_or(i64::MAX))
}
