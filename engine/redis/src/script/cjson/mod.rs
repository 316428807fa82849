//! The library `cjson`: values as JSON (Lua CJSON 2.1.0 with the settings of Redis).

mod decode;
mod encode;

use super::args::{Args, function};
use super::raise::argument_error;
use mlua::{Lua, MultiValue, Table, Value};
use std::cell::RefCell;
use std::rc::Rc;

/// What is done with numbers that JSON does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Invalid {
    /// They are refused.
    Off,
    /// They are written and read.
    On,
    /// They are written as null.
    Null,
}

/// What scripts may set; it lasts until the scripts are flushed.
#[derive(Clone, Debug)]
struct Settings {
    sparse_convert: bool,
    sparse_ratio: i32,
    sparse_safe: i32,
    encode_depth_max: i32,
    decode_depth_max: i32,
    precision: i32,
    keep_buffer: bool,
    encode_invalid: Invalid,
    decode_invalid: Invalid,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sparse_convert: false,
            sparse_ratio: 2,
            sparse_safe: 10,
            encode_depth_max: 1_000,
            decode_depth_max: 1_000,
            precision: 14,
            keep_buffer: true,
            encode_invalid: Invalid::Off,
            decode_invalid: Invalid::On,
        }
    }
}

/// The settings of one table of the library.
type Shared = Rc<RefCell<Settings>>;

/// The table of the library, with settings of its own.
pub(super) fn library(lua: &Lua) -> mlua::Result<Table> {
    let settings = Shared::default();
    let table = lua.create_table()?;
    let shared = Rc::clone(&settings);
    let encode = function(lua, move |lua, args| {
        args.check(args.count() == 1, 1, "expected 1 argument")?;
        let value = args.get(1).expect("there is one");
        lua.create_string(encode::encode(lua, value, &shared.borrow())?)
    })?;
    table.raw_set("encode", encode)?;
    let shared = Rc::clone(&settings);
    let decode = function(lua, move |lua, args| {
        args.check(args.count() == 1, 1, "expected 1 argument")?;
        let text = args.string(1)?;
        let text = text.as_bytes();
        decode::decode(lua, &text, &shared.borrow())
    })?;
    table.raw_set("decode", decode)?;
    install_settings(lua, &table, &settings)?;
    let new = function(lua, |lua, _| library(lua))?;
    table.raw_set("new", new)?;
    table.raw_set("null", Value::NULL)?;
    table.raw_set("_NAME", "cjson")?;
    table.raw_set("_VERSION", "2.1.0")?;
    Ok(table)
}

/// A function that changes what its arguments state and returns what holds then.
type Setting = fn(&Lua, &Args<'_>, &mut Settings) -> mlua::Result<MultiValue>;

fn install_settings(lua: &Lua, table: &Table, settings: &Shared) -> mlua::Result<()> {
    let functions: [(&str, usize, Setting); 7] = [
        ("encode_sparse_array", 3, |lua, args, settings| {
            flag(lua, args, 1, &mut settings.sparse_convert)?;
            integer(args, 2, &mut settings.sparse_ratio, 0, i32::MAX)?;
            integer(args, 3, &mut settings.sparse_safe, 0, i32::MAX)?;
            Ok(MultiValue::from_vec(vec![
                Value::Boolean(settings.sparse_convert),
                Value::Integer(settings.sparse_ratio.into()),
                Value::Integer(settings.sparse_safe.into()),
            ]))
        }),
        ("encode_max_depth", 1, |_, args, settings| {
            integer(args, 1, &mut settings.encode_depth_max, 1, i32::MAX)
        }),
        ("decode_max_depth", 1, |_, args, settings| {
            integer(args, 1, &mut settings.decode_depth_max, 1, i32::MAX)
        }),
        ("encode_number_precision", 1, |_, args, settings| {
            integer(args, 1, &mut settings.precision, 1, 14)
        }),
        ("encode_keep_buffer", 1, |lua, args, settings| {
            flag(lua, args, 1, &mut settings.keep_buffer)
        }),
        ("encode_invalid_numbers", 1, |lua, args, settings| {
            invalid(lua, args, &mut settings.encode_invalid, true)
        }),
        ("decode_invalid_numbers", 1, |lua, args, settings| {
            invalid(lua, args, &mut settings.decode_invalid, false)
        }),
    ];
    for (name, most, set) in functions {
        let shared = Rc::clone(settings);
        let applied = function(lua, move |lua, args| {
            args.check(args.count() <= most, most + 1, "found too many arguments")?;
            set(lua, args, &mut shared.borrow_mut())
        })?;
        table.raw_set(name, applied)?;
    }
    Ok(())
}

fn integer(
    args: &Args<'_>,
    number: usize,
    setting: &mut i32,
    least: i32,
    most: i32,
) -> mlua::Result<MultiValue> {
    if !args.is_none(number) {
        let value = args.integer(number)? as i32;
        let reason = format!("expected integer between {least} and {most}");
        args.check((least..=most).contains(&value), 1, &reason)?;
        *setting = value;
    }
    Ok(MultiValue::from_vec(vec![Value::Integer(
        (*setting).into(),
    )]))
}

fn flag(lua: &Lua, args: &Args<'_>, number: usize, setting: &mut bool) -> mlua::Result<MultiValue> {
    match args.get(number) {
        None | Some(Value::Nil) => {}
        Some(Value::Boolean(yes)) => *setting = *yes,
        Some(_) => {
            let name = args.string(number)?;
            match &*name.as_bytes() {
                b"off" => *setting = false,
                b"on" => *setting = true,
                other => return Err(invalid_option(lua, number, other)),
            }
        }
    }
    Ok(MultiValue::from_vec(vec![Value::Boolean(*setting)]))
}

fn invalid(
    lua: &Lua,
    args: &Args<'_>,
    setting: &mut Invalid,
    may_be_null: bool,
) -> mlua::Result<MultiValue> {
    match args.get(1) {
        None | Some(Value::Nil) => {}
        Some(Value::Boolean(true)) => *setting = Invalid::On,
        Some(Value::Boolean(false)) => *setting = Invalid::Off,
        Some(_) => {
            let name = args.string(1)?;
            match &*name.as_bytes() {
                b"off" => *setting = Invalid::Off,
                b"on" => *setting = Invalid::On,
                b"null" if may_be_null => *setting = Invalid::Null,
                other => return Err(invalid_option(lua, 1, other)),
            }
        }
    }
    let value = match setting {
        Invalid::Off => Value::Boolean(false),
        Invalid::On => Value::Boolean(true),
        Invalid::Null => Value::String(lua.create_string("null")?),
    };
    Ok(MultiValue::from_vec(vec![value]))
}

/// A name that is none of those allowed (luaL_checkoption).
fn invalid_option(lua: &Lua, number: usize, name: &[u8]) -> mlua::Error {
    argument_error(lua, number, [b"invalid option '", name, b"'"].concat())
}
