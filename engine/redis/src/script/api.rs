//! The library `redis`, but for the two functions that carry out commands.

use super::args::{Args, c_integer_32, function, to_number, to_string};
use super::number_text;
use super::raise::{ErrorTable, refuse};
use crate::command;
use crate::node::c_string;
use crate::resp::Protocol;
use mlua::{Lua, MultiValue, Table, Value};
use sha1::{Digest, Sha1};
use std::cell::Cell;
use std::rc::Rc;

const REDIS_VERSION: &str = "7.0.15";
/// The same, a byte each.
const REDIS_VERSION_NUMBER: i64 = 0x07_00_0F;
/// Numbers of redis.log.
const LEVELS: &[(&str, i64)] = &[
    ("LOG_DEBUG", 0),
    ("LOG_VERBOSE", 1),
    ("LOG_NOTICE", 2),
    ("LOG_WARNING", 3),
];
/// Numbers of redis.set_repl.
const REPLICATION: &[(&str, i64)] = &[
    ("REPL_NONE", 0),
    ("REPL_AOF", 1),
    ("REPL_SLAVE", 2),
    ("REPL_REPLICA", 2),
    ("REPL_ALL", 3),
];

/// The table of the library. `protocol` is that of replies to the script.
pub(super) fn library(lua: &Lua, protocol: &Rc<Cell<Protocol>>) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    for (name, number) in LEVELS.iter().chain(REPLICATION) {
        table.raw_set(*name, *number)?;
    }
    table.raw_set("REDIS_VERSION", REDIS_VERSION)?;
    table.raw_set("REDIS_VERSION_NUM", REDIS_VERSION_NUMBER)?;
    let protocol = Rc::clone(protocol);
    let setresp = function(lua, move |lua, args| {
        let [value] =
            arguments(args).ok_or_else(|| refuse("redis.setresp() requires one argument."))?;
        match number(lua, value) {
            2 => protocol.set(Protocol::Resp2),
            3 => protocol.set(Protocol::Resp3),
            _ => return Err(refuse("RESP version must be 2 or 3.")),
        }
        Ok(())
    })?;
    table.raw_set("setresp", setresp)?;
    table.raw_set("log", function(lua, log)?)?;
    table.raw_set("error_reply", function(lua, error_reply)?)?;
    table.raw_set("status_reply", function(lua, status_reply)?)?;
    table.raw_set("sha1hex", function(lua, sha1hex)?)?;
    table.raw_set("set_repl", function(lua, set_repl)?)?;
    table.raw_set("acl_check_cmd", function(lua, acl_check_cmd)?)?;
    // Effects are always what is replicated, and nobody debugs.
    let replicate = lua.create_function(|_, _: MultiValue| Ok(true))?;
    table.raw_set("replicate_commands", replicate)?;
    let breakpoint = lua.create_function(|_, _: MultiValue| Ok(false))?;
    table.raw_set("breakpoint", breakpoint)?;
    table.raw_set("debug", lua.create_function(|_, _: MultiValue| Ok(()))?)?;
    Ok(table)
}

/// The arguments of a call that takes so many.
fn arguments<'a, const N: usize>(args: &Args<'a>) -> Option<[&'a Value; N]> {
    args.all().iter().collect::<Vec<_>>().try_into().ok()
}

/// What is no number is zero.
fn number(lua: &Lua, value: &Value) -> i32 {
    c_integer_32(to_number(lua, value).unwrap_or(0.0))
}

/// redis.log: there is no log, but what cannot be logged is refused.
fn log(lua: &Lua, args: &Args<'_>) -> mlua::Result<()> {
    let (2.., Some(level)) = (args.count(), args.get(1)) else {
        return Err(refuse("redis.log() requires two arguments or more."));
    };
    let Some(level) = to_number(lua, level) else {
        return Err(refuse("First argument must be a number (log level)."));
    };
    match c_integer_32(level) {
        0..=3 => Ok(()),
        _ => Err(refuse("Invalid debug level.")),
    }
}

/// redis.error_reply.
fn error_reply(lua: &Lua, args: &Args<'_>) -> mlua::Result<Value> {
    let Some([Value::String(text)]) = arguments(args) else {
        return ErrorTable::new(b"wrong number or type of arguments", false).to_value(lua);
    };
    let text = text.as_bytes();
    let text = c_string(&text);
    let text = text.strip_prefix(b"-").unwrap_or(text);
    ErrorTable::new(&[b"-", text].concat(), false).to_value(lua)
}

/// redis.status_reply.
fn status_reply(lua: &Lua, args: &Args<'_>) -> mlua::Result<Value> {
    let Some([text @ Value::String(_)]) = arguments(args) else {
        return ErrorTable::new(b"wrong number or type of arguments", false).to_value(lua);
    };
    let table = lua.create_table()?;
    table.raw_set("ok", text)?;
    Ok(Value::Table(table))
}

/// redis.sha1hex; what is no string is none.
fn sha1hex(lua: &Lua, args: &Args<'_>) -> mlua::Result<String> {
    let [value] = arguments(args).ok_or_else(|| refuse("wrong number of arguments"))?;
    Ok(match to_string(lua, value)? {
        Some(text) => digest(&text.as_bytes()),
        None => digest(&[]),
    })
}

/// The SHA-1 digest of a text in hexadecimal digits, by which scripts are known.
pub(crate) fn digest(text: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let bytes = Sha1::digest(text);
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xF]);
    digits
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

/// redis.set_repl: there is nobody to replicate to.
fn set_repl(lua: &Lua, args: &Args<'_>) -> mlua::Result<()> {
    let [value] =
        arguments(args).ok_or_else(|| refuse("redis.set_repl() requires two arguments."))?;
    match number(lua, value) {
        0..=3 => Ok(()),
        _ => Err(refuse(
            "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.",
        )),
    }
}

/// redis.acl_check_cmd: whoever runs a script may send every command.
fn acl_check_cmd(_: &Lua, args: &Args<'_>) -> mlua::Result<bool> {
    let args = command_arguments(args.all()).map_err(ErrorTable::raise)?;
    let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
    match command::look_up(&args) {
        Some(_) => Ok(true),
        None => Err(refuse("Invalid command passed to redis.acl_check_cmd()")),
    }
}

/// The arguments of a command, numbers in 17 digits (luaArgsToRedisArgv).
pub(super) fn command_arguments(values: &MultiValue) -> Result<Vec<Vec<u8>>, ErrorTable> {
    let refused = |text: &str| Err(ErrorTable::new(text.as_bytes(), false));
    if values.is_empty() {
        return refused("Please specify at least one argument for this redis lib call");
    }
    let mut args = Vec::with_capacity(values.len());
    for value in values {
        args.push(match value {
            Value::String(text) => text.as_bytes().to_vec(),
            Value::Integer(number) => number_text(*number as f64).into_bytes(),
            Value::Number(number) => number_text(*number).into_bytes(),
            _ => {
                return refused("Lua redis lib command arguments must be strings or integers");
            }
        });
    }
    Ok(args)
}
