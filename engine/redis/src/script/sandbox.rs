//! What scripts see: the global table, which they cannot change, and the libraries that they may
//! use.
//!
//! Functions that would see that protected tables are empty (`next`, `pairs`, `rawget` and their like)
//! are ours and look at the fields.

use super::args::Args;
use super::names::Names;
use super::protected::{ProtectedTables, READ_ONLY};
use super::raise::{Raised, error, type_error};
use super::strings::{self, Surroundings};
use super::watch::Watch;
use super::{api, bit, cjson, cmsgpack, random::Random, structs};
use crate::resp::Protocol;
use mlua::{
    Error, Function, IntoLuaMulti, Lua, LuaOptions, LuaString, MultiValue, StdLib, Table, Value,
};
use std::cell::Cell;
use std::rc::Rc;

/// Memory of one node's scripts; more is answered by Lua's own error. Redis takes what the machine
/// gives.
pub(super) const MEMORY_BYTES_MAX: usize = 1 << 30;
/// Functions of the base library that are taken over as they are.
const NATIVE: &[&str] = &[
    "assert",
    "collectgarbage",
    "error",
    "gcinfo",
    "ipairs",
    "rawequal",
    "select",
    "tonumber",
    "type",
    "unpack",
    "_VERSION",
];

/// The parts of Lua that running a script needs.
#[derive(Clone)]
pub(super) struct Sandbox {
    /// Where globals are.
    pub(super) globals: Table,
    /// Where the fields of `redis` are.
    pub(super) redis: Table,
    /// `next` of Lua.
    pub(super) next: Function,
    /// Calls a function and makes an error table of whatever it raises.
    pub(super) protected: Function,
    random: Random,
    pub(super) watch: Watch,
    /// The form of replies to the script.
    pub(super) protocol: Rc<Cell<Protocol>>,
    names: Names,
    tables: ProtectedTables,
}

impl Sandbox {
    /// A state of Lua and what scripts see of it.
    pub(super) fn new(random: Random) -> mlua::Result<(Lua, Self)> {
        let libraries = StdLib::TABLE | StdLib::STRING | StdLib::MATH;
        // This leaves pcall and xpcall as they are in Lua.
        let options = LuaOptions::new().catch_rust_panics(true);
        let lua = Lua::new_with(libraries, options)?;
        lua.set_memory_limit(MEMORY_BYTES_MAX)?;
        let native = lua.globals();
        let globals = lua.create_table()?;
        for name in NATIVE {
            globals.raw_set(*name, native.raw_get::<Value>(*name)?)?;
        }
        let protocol = Rc::default();
        let sandbox = Self {
            redis: api::library(&lua, &protocol)?,
            next: native.raw_get("next")?,
            protected: protected(&lua, &native, &globals)?,
            random,
            watch: Watch::default(),
            protocol,
            names: Names::new(&lua)?,
            tables: ProtectedTables::default(),
            globals,
        };
        sandbox.install_catching(&lua, &native)?;
        sandbox.install_tables(&lua)?;
        sandbox.install_loading(&lua, &native)?;
        sandbox.install_tostring(&lua, &native)?;
        sandbox.install_libraries(&lua, &native)?;
        sandbox.protect_globals(&lua)?;
        sandbox.watch.install(&lua)?;
        Ok((lua, sandbox))
    }

    fn set(&self, name: &str, value: impl mlua::IntoLua) -> mlua::Result<()> {
        self.globals.raw_set(name, value)
    }

    /// pcall, xpcall and coroutines; and patterns, whose functions call functions of scripts.
    fn install_catching(&self, lua: &Lua, native: &Table) -> mlua::Result<()> {
        let coroutine: Table = native.raw_get("coroutine")?;
        let parts = lua.create_table()?;
        parts.raw_set("pcall", native.raw_get::<Value>("pcall")?)?;
        parts.raw_set("xpcall", native.raw_get::<Value>("xpcall")?)?;
        parts.raw_set("resume", coroutine.raw_get::<Value>("resume")?)?;
        parts.raw_set("select", native.raw_get::<Value>("select")?)?;
        parts.raw_set("unpack", native.raw_get::<Value>("unpack")?)?;
        let watch = self.watch.clone();
        let value_of = lua.create_function(move |lua, value: Value| watch.caught(lua, value))?;
        let watch = self.watch.clone();
        // pcall gives the text of an error table in its place, and what is no text behind it
        // (luaRedisPcall).
        let text_of = lua.create_function(move |lua, value: Value| {
            let value = watch.caught(lua, value)?;
            let Value::Table(table) = &value else {
                return Ok(MultiValue::from_iter([value]));
            };
            Ok(MultiValue::from_iter(match table.get("err")? {
                text @ (Value::String(_) | Value::Integer(_) | Value::Number(_)) => vec![text],
                other => vec![value, other],
            }))
        })?;
        let prelude = lua.load(include_str!("prelude.lua")).set_name("=prelude");
        type Prelude = (Function, Function, Function, Function, Function);
        let (pcall, xpcall, resume, calling, index): Prelude =
            prelude.call((parts, value_of, text_of))?;
        let noted = lua.create_function(super::raise::noted)?;
        let with = Surroundings {
            watch: self.watch.clone(),
            calling: calling.bind(noted)?,
            index,
            lists: Rc::default(),
        };
        strings::install(lua, &native.raw_get("string")?, &with)?;
        self.set("pcall", pcall)?;
        self.set("xpcall", xpcall)?;
        coroutine.raw_set("resume", resume)?;
        let coroutine = self.tables.protect(lua, coroutine, Value::Nil)?;
        self.set("coroutine", coroutine)
    }

    /// What looks at tables past their metatables.
    fn install_tables(&self, lua: &Lua) -> mlua::Result<()> {
        let (tables, next) = (self.tables.clone(), self.next.clone());
        let stepper = lua.create_function(move |lua, values: MultiValue| {
            let table = checked_table(lua, &values)?;
            let key = values.get(1).cloned().unwrap_or(Value::Nil);
            next.call::<MultiValue>((tables.fields(table), key))
        })?;
        let (tables, next) = (self.tables.clone(), self.next.clone());
        let step = stepper.clone();
        let pairs = lua.create_function(move |lua, values: MultiValue| {
            let table = checked_table(lua, &values)?;
            let is_protected = tables.find(&table, |_| ()).is_some();
            let by = if is_protected { &step } else { &next };
            Ok((by.clone(), table, Value::Nil))
        })?;
        self.set("next", stepper)?;
        self.set("pairs", pairs)?;
        let tables = self.tables.clone();
        let rawget = lua.create_function(move |lua, values: MultiValue| {
            let table = checked_table(lua, &values)?;
            let Some(key) = values.get(1) else {
                return Err(super::raise::argument_error(lua, 2, "value expected"));
            };
            tables.fields(table).raw_get::<Value>(key)
        })?;
        self.set("rawget", rawget)?;
        let tables = self.tables.clone();
        let rawset = lua.create_function(move |lua, values: MultiValue| {
            let table = checked_table(lua, &values)?;
            let args = Args::new(lua, &values);
            for number in 2..=3 {
                args.check(args.get(number).is_some(), number, "value expected")?;
            }
            if tables.find(&table, |_| ()).is_some() {
                return Err(read_only());
            }
            let (key, value) = (&values[1], &values[2]);
            match key {
                Value::Nil => return Err(text_error("table index is nil")),
                Value::Number(key) if key.is_nan() => {
                    return Err(text_error("table index is NaN"));
                }
                _ => table.raw_set(key, value)?,
            }
            Ok(table)
        })?;
        self.set("rawset", rawset)?;
        self.install_metatables(lua)
    }

    fn install_metatables(&self, lua: &Lua) -> mlua::Result<()> {
        let tables = self.tables.clone();
        let get = lua.create_function(move |lua, values: MultiValue| {
            let args = Args::new(lua, &values);
            args.check(args.count() > 0, 1, "value expected")?;
            let table = match &values[0] {
                Value::Table(table) => table,
                Value::String(_) => return Ok(tables.of_strings.borrow().clone()),
                _ => return Ok(Value::Nil),
            };
            if let Some(shown) = tables.find(table, |found| found.metatable.clone()) {
                return Ok(shown);
            }
            match table.metatable() {
                None => Ok(Value::Nil),
                Some(metatable) => match metatable.raw_get("__metatable")? {
                    Value::Nil => Ok(Value::Table(metatable)),
                    shown => Ok(shown),
                },
            }
        })?;
        self.set("getmetatable", get)?;
        let tables = self.tables.clone();
        let set = lua.create_function(move |lua, values: MultiValue| {
            let table = checked_table(lua, &values)?;
            let metatable = match values.get(1) {
                Some(Value::Nil) => None,
                Some(Value::Table(metatable)) => Some(metatable.clone()),
                _ => {
                    let reason = "nil or table expected";
                    return Err(super::raise::argument_error(lua, 2, reason));
                }
            };
            if tables.find(&table, |_| ()).is_some() {
                return Err(read_only());
            }
            if let Some(present) = table.metatable()
                && present.raw_get::<Value>("__metatable")? != Value::Nil
            {
                return Err(error(lua, "cannot change a protected metatable"));
            }
            table.set_metatable(metatable)?;
            Ok(table)
        })?;
        self.set("setmetatable", set)
    }

    /// load and loadstring, which read no precompiled functions: Lua does not check them.
    fn install_loading(&self, lua: &Lua, native: &Table) -> mlua::Result<()> {
        let native: Function = native.raw_get("loadstring")?;
        let compile = move |lua: &Lua, text: &[u8], name: LuaString| {
            native.call::<MultiValue>((lua.create_string(source(text))?, name))
        };
        let load_text = compile.clone();
        let (protected, watch) = (self.protected.clone(), self.watch.clone());
        let loadstring = lua.create_function(move |lua, values: MultiValue| {
            let args = Args::new(lua, &values);
            let text = args.string(1)?;
            let name = match args.is_none(2) {
                true => text.clone(),
                false => args.string(2)?,
            };
            load_text(lua, &text.as_bytes(), name)
        })?;
        self.set("loadstring", loadstring)?;
        let load = lua.create_function(move |lua, values: MultiValue| {
            let args = Args::new(lua, &values);
            let Some(Value::Function(read)) = args.get(1) else {
                return Err(type_error(lua, 1, "function", args.get(1)));
            };
            let name = match args.is_none(2) {
                true => lua.create_string("=(load)")?,
                false => args.string(2)?,
            };
            let mut text = Vec::new();
            loop {
                // Lua's own memory does not hold it.
                if text.len() > MEMORY_BYTES_MAX {
                    return Err(text_error("not enough memory"));
                }
                // Lua shows an error of the function to the handler of the script.
                let (is_read, piece): (bool, Value) = protected.call(read)?;
                watch.check()?;
                match piece {
                    error if !is_read => return (Value::Nil, error).into_lua_multi(lua),
                    Value::Nil => break,
                    Value::String(piece) if piece.as_bytes().is_empty() => break,
                    Value::String(piece) => text.extend_from_slice(&piece.as_bytes()),
                    other => match super::args::to_string(lua, &other)? {
                        Some(piece) => text.extend_from_slice(&piece.as_bytes()),
                        None => {
                            let place = super::raise::place(lua);
                            let text = format!("{place}reader function must return a string");
                            let error = Value::String(lua.create_string(text)?);
                            let error = super::handle_error(lua, error)?;
                            return (Value::Nil, error).into_lua_multi(lua);
                        }
                    },
                }
            }
            compile(lua, &text, name)
        })?;
        self.set("load", load)
    }

    /// tostring, which numbers tables, functions and coroutines instead of telling where they lie in
    /// memory.
    fn install_tostring(&self, lua: &Lua, native: &Table) -> mlua::Result<()> {
        let native: Function = native.raw_get("tostring")?;
        let names = self.names.clone();
        let tostring = lua.create_function(move |lua, values: MultiValue| {
            let args = Args::new(lua, &values);
            args.check(args.count() > 0, 1, "value expected")?;
            let value = &values[0];
            let is_named = match value {
                Value::Table(table) => match table.metatable() {
                    Some(metatable) => metatable.raw_get::<Value>("__tostring")?.is_nil(),
                    None => true,
                },
                Value::Function(_) | Value::Thread(_) => true,
                _ => false,
            };
            match is_named {
                true => Ok(Value::String(names.name(lua, value)?)),
                false => native.call(value),
            }
        })?;
        self.set("tostring", tostring)
    }

    fn install_libraries(&self, lua: &Lua, native: &Table) -> mlua::Result<()> {
        let math: Table = native.raw_get("math")?;
        self.random.install(lua, &math)?;
        let strings: Table = native.raw_get("string")?;
        for (name, fields) in [
            ("bit", bit::library(lua)?),
            ("cjson", cjson::library(lua)?),
            ("cmsgpack", cmsgpack::library(lua)?),
            ("math", math),
            ("redis", self.redis.clone()),
            ("string", strings),
            ("struct", structs::library(lua)?),
            ("table", native.raw_get("table")?),
        ] {
            let face = self.tables.protect(lua, fields, Value::Nil)?;
            if name == "string" {
                let shown = lua.create_table()?;
                shown.raw_set("__index", &face)?;
                let shown = self.tables.protect(lua, shown, Value::Nil)?;
                self.tables.of_strings.replace(Value::Table(shown));
            }
            self.set(name, face)?;
        }
        Ok(())
    }

    /// Makes the global table one that cannot be changed and refuses what it does not have.
    fn protect_globals(&self, lua: &Lua) -> mlua::Result<()> {
        let missing = lua.create_function(|lua, values: MultiValue| -> mlua::Result<()> {
            let name = match values.get(1) {
                Some(Value::String(name)) => name.to_string_lossy(),
                Some(Value::Integer(number)) => number.to_string(),
                Some(Value::Number(number)) => super::number_text(*number),
                _ => {
                    let text =
                        "Second argument to luaProtectedTableError must be a string or number";
                    return Err(error(lua, text));
                }
            };
            let text = format!("Script attempted to access nonexistent global variable '{name}'");
            Err(error(lua, text))
        })?;
        let mechanism = lua.create_table()?;
        mechanism.raw_set("__index", &missing)?;
        self.globals.set_metatable(Some(mechanism.clone()))?;
        let shown = self.tables.protect(lua, mechanism, Value::Nil)?;
        let face = self
            .tables
            .protect(lua, self.globals.clone(), Value::Table(shown))?;
        self.set("_G", &face)?;
        lua.set_globals(face)
    }

    /// Makes ready for a script: names are given anew, and replies take the form of RESP2.
    pub(super) fn begin(&self, lua: &Lua) -> mlua::Result<()> {
        self.protocol.set(Protocol::Resp2);
        self.names.forget(lua)
    }

    /// Removes what a script has put into protected tables past their metatables (`table.insert` is
    /// Lua's own).
    pub(super) fn clean(&self) -> mlua::Result<()> {
        for table in self.tables.list.borrow().iter() {
            // Nearly always so, and told without a call of Lua.
            while !table.face.is_empty() {
                let key: Value = self.next.call(&table.face)?;
                if key.is_nil() {
                    break;
                }
                table.face.raw_set(key, Value::Nil)?;
            }
        }
        Ok(())
    }
}

/// A text that Lua takes for a program, whatever it begins with.
pub(super) fn source(text: &[u8]) -> Vec<u8> {
    match text.first() {
        Some(0x1B) => [b" ", text].concat(),
        _ => text.to_vec(),
    }
}

/// What calls a function and makes an error table of whatever it raises; its handler is a global.
fn protected(lua: &Lua, native: &Table, globals: &Table) -> mlua::Result<Function> {
    let handler = lua.create_function(super::handle_error)?;
    globals.raw_set("__redis__err__handler", &handler)?;
    let source = "local xpcall, handler = ... return function(f) return xpcall(f, handler) end";
    let chunk = lua.load(source).set_name("=protected");
    chunk.call((native.raw_get::<Value>("xpcall")?, handler))
}

fn text_error(text: &str) -> Error {
    Error::external(Raised::Text(text.as_bytes().to_vec()))
}

fn read_only() -> Error {
    text_error(READ_ONLY)
}

/// The first argument, which must be a table.
fn checked_table(lua: &Lua, values: &MultiValue) -> mlua::Result<Table> {
    match values.front() {
        Some(Value::Table(table)) => Ok(table.clone()),
        other => Err(type_error(lua, 1, "table", other)),
    }
}
