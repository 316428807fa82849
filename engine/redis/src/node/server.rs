//! Commands on the server as a whole.

use super::call::{Call, Outcome, is_option};
use super::client::Session;
use super::configuration;
use super::error::{ErrorReply, c_string};
use super::info::info;
use super::lolwut::lolwut;
use super::monitor::monitor;
use super::moving::swapdb;
use super::object::SHARED_REFERENCES;
use super::shutdown::shutdown;
use super::snapshot::{Purpose, bgsave, lastsave, save};
use super::{After, Node};
use super::{halt, latency, memory, reload, slow_log};
use crate::command::commands;
use crate::config::DebugCommand;
use crate::keyspace::{Database, count_allocation};
use crate::number::{IntegerText, parse_i64};
use crate::rdb;
use crate::resp::Frame;
use crate::value::{Kind, StringValue, Value};
use kvrig_base::seam::{Counter, Work};

commands! { Server;
    "bgsave", -1, [ADMIN NOSCRIPT NO_ASYNC_LOADING], NONE, "1.0.0" => Node(bgsave);
    "config", -2, [], NONE, "2.0.0" => Container(configuration::SUBCOMMANDS);
    "dbsize", 1, [READONLY FAST], NONE, "1.0.0" => Database(dbsize);
    "debug", -2, [ADMIN NOSCRIPT LOADING STALE], NONE, "1.0.0" => Node(debug);
    "flushall", -1, [WRITE], NONE, "1.0.0" => Node(flushall);
    "flushdb", -1, [WRITE], NONE, "1.0.0" => Node(flushdb);
    "info", -1, [LOADING STALE], NONE, "1.0.0" => Node(info);
    "lastsave", 1, [LOADING STALE FAST], NONE, "1.0.0" => Node(lastsave);
    "latency", -2, [], NONE, "2.8.13" => Container(latency::SUBCOMMANDS);
    "lolwut", -1, [READONLY FAST], NONE, "5.0.0" => Database(lolwut);
    "memory", -2, [], NONE, "4.0.0" => Container(memory::SUBCOMMANDS);
    "monitor", 1, [ADMIN NOSCRIPT LOADING STALE], NONE, "1.0.0" => Node(monitor);
    "role", 1, [NOSCRIPT LOADING STALE FAST], NONE, "2.8.12" => Database(role);
    "save", 1, [ADMIN NOSCRIPT NO_ASYNC_LOADING NO_MULTI], NONE, "1.0.0" => Node(save);
    "shutdown", -1, [ADMIN NOSCRIPT LOADING STALE NO_MULTI ALLOW_BUSY], NONE, "1.0.0" => Node(shutdown);
    "slowlog", -2, [], NONE, "2.2.12" => Container(slow_log::SUBCOMMANDS);
    "swapdb", 3, [WRITE FAST], NONE, "4.0.0" => Node(swapdb);
    "time", 1, [LOADING STALE FAST], NONE, "2.6.0" => Database(time);
}

/// DBSIZE: expired keys count until they are removed.
fn dbsize<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    call.reply_integer(i64::try_from(db.keys().len()).expect("tables hold fewer than 2^63 keys"))
}

/// TIME: the clock of a node turns in milliseconds.
fn time<'c>(_: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let (seconds, micros) = (call.now_ms / 1_000, call.now_ms % 1_000 * 1_000);
    call.reply(Frame::Array(2))?;
    call.reply(Frame::Bulk(IntegerText::new(seconds).as_bytes()))?;
    call.reply(Frame::Bulk(IntegerText::new(micros).as_bytes()))
}

/// ROLE: a master without replicas.
fn role<'c>(_: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    call.reply(Frame::Array(3))?;
    call.reply(Frame::Bulk(b"master"))?;
    call.reply_integer(0)?;
    call.reply(Frame::Array(0))
}

/// Whether the configuration lets a connection use DEBUG.
fn may_debug(node: &Node, session: &Session) -> bool {
    match node.config.enable_debug_command {
        DebugCommand::Nobody => false,
        DebugCommand::Local => session.is_local(),
        DebugCommand::Anybody => true,
    }
}

/// DEBUG ERROR, OBJECT, POPULATE, RELOAD, SET-ACTIVE-EXPIRE and SLEEP; its other subcommands do not
/// exist here.
fn debug<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    if !may_debug(node, session) {
        return Err(ErrorReply::Fixed(
            "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.",
        ));
    }
    match *call.args {
        [_, what, text] if is_option(what, "error") => {
            call.reply(Frame::Error(c_string(text)))?;
            Ok(After::Continue)
        }
        [_, what, _, ..] if is_option(what, "populate") && call.args.len() <= 5 => {
            populate(node.keyspace.database_mut(session.database), call)
        }
        [_, what, key] if is_option(what, "object") => object(node, session, key, call),
        [_, what, ..] if is_option(what, "reload") => reload::reload(node, session, call),
        [_, what, _] if is_option(what, "sleep") => Ok(halt::sleep(node, session, call)),
        [_, what, value] if is_option(what, "set-active-expire") => {
            // What is no number is zero (atoi).
            node.config.active_expire = parse_i64(value).unwrap_or(0) != 0;
            call.reply_ok().map(|()| After::Continue)
        }
        _ => Err(ErrorReply::Quoting {
            before: "ERR unknown subcommand or wrong number of arguments for '",
            quoted: call.args[1],
            after: "'. Try DEBUG HELP.",
        }),
    }
}

/// DEBUG OBJECT: how a value is stored, how long it is in a snapshot, and how its key is used. Where it
/// lies in memory is no part of the model, so that the address is zero.
fn object<'c>(
    node: &mut Node,
    session: &Session,
    key: &[u8],
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let config = &node.config;
    let db = node.keyspace.database_mut(session.database);
    let slot = db.locate(key, call.work).ok_or(ErrorReply::NoSuchKey)?;
    let value = db.value(slot);
    let references = match db.shares_integer(slot) {
        true => SHARED_REFERENCES,
        false => 1,
    };
    let more = match value {
        Value::List(list) => {
            format!(
                " ql_nodes:{} ql_avg_node:{:.2} ql_listpack_max:{} ql_compressed:{} \
                 ql_uncompressed_size:{}",
                list.nodes(),
                list.len() as f64 / list.nodes() as f64,
                config.list_max_listpack_size,
                u8::from(list.compresses()),
                list.uncompressed_bytes(),
            )
        }
        _ => String::new(),
    };
    let text = format!(
        "Value at:0x0 refcount:{references} encoding:{} serializedlength:{} lru:{} \
         lru_seconds_idle:{}{more}",
        value.encoding(),
        rdb::saved_bytes(value, config.rdbcompression, call.work),
        db.usage_bits(slot),
        db.idle_ms(slot) / 1_000,
    );
    call.reply(Frame::Simple(&text))?;
    Ok(After::Continue)
}

/// DEBUG POPULATE: so many strings, of so many bytes where that is stated; keys that are there stay.
fn populate<'c>(db: &mut Database, call: &mut Call<'c>) -> Result<After, ErrorReply<'c>> {
    let count = call.count(2)?;
    let prefix = call.args.get(3).copied().unwrap_or(b"key");
    let bytes = match call.args.len() {
        5 => Some(call.count(4)?),
        _ => None,
    };
    if bytes.is_some_and(|bytes| bytes as u64 > db.limits().string_bytes_max) {
        return Err(ErrorReply::StringTooLong);
    }
    for number in 0..count {
        let key = [prefix, b":", number.to_string().as_bytes()].concat();
        if db.lookup(&key, call.now_ms, call.work).is_some() {
            continue;
        }
        let mut value = format!("value:{number}").into_bytes();
        if let Some(bytes) = bytes {
            value.resize(bytes, 0);
        }
        let value = StringValue::from_text(&value);
        count_allocation(value.stored_len(), call.work);
        call.work
            .count(Counter::BytesCopied, value.stored_len() as u64);
        db.add(&key, value.into_value(), call.work);
    }
    call.reply_ok().map(|()| After::Continue)
}

/// FLUSHDB.
fn flushdb<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let how = flush_mode(call.args)?;
    let database = session.database;
    flush(node, call, how, |node, work| {
        node.keyspace.database_mut(database).clear(work);
    })
}

/// FLUSHALL.
fn flushall<'c>(
    node: &mut Node,
    _: &mut Session,
    call: &mut Call<'c>,
) -> Result<After, ErrorReply<'c>> {
    let how = flush_mode(call.args)?;
    let after = flush(node, call, how, |node, work| node.keyspace.clear_all(work))?;
    // The file is to show it, and no child is to write what was there (flushAllDataAndResetRDB).
    node.end_child();
    if !node.config.save_points.is_empty() && !node.snapshots.holds_node() {
        node.write_itself(Purpose::Flush, call.now_ms as u64 / 1_000);
    }
    Ok(after)
}

/// Who releases what a flush removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FlushMode {
    /// The command itself, before it replies.
    Sync,
    /// A thread; the command puts empty tables in place (emptyDbAsync).
    Async,
}

fn flush<'c>(
    node: &mut Node,
    call: &mut Call<'c>,
    how: FlushMode,
    clear: impl FnOnce(&mut Node, &mut Work),
) -> Result<After, ErrorReply<'c>> {
    match how {
        FlushMode::Sync => clear(node, call.work),
        FlushMode::Async => {
            let mut aside = Work::unpriced();
            clear(node, &mut aside);
            node.pending.release_aside(aside.counts());
        }
    }
    call.reply_ok().map(|()| After::Continue)
}

/// The mode that is asked for; without one, `lazyfree-lazy-user-flush no` decides.
fn flush_mode<'c>(args: &[&[u8]]) -> Result<FlushMode, ErrorReply<'c>> {
    match args {
        [_] => Ok(FlushMode::Sync),
        [_, mode] if is_option(mode, "sync") => Ok(FlushMode::Sync),
        [_, mode] if is_option(mode, "async") => Ok(FlushMode::Async),
        _ => Err(ErrorReply::Syntax),
    }
}
