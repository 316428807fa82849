//! Arguments of library functions, read as Lua's auxiliary library reads them.

use super::raise::{argument_error, type_error};
use mlua::{Function, IntoLuaMulti, Lua, LuaString, MultiValue, Value};
use std::borrow::Cow;

/// The arguments of one call; they count from one.
pub(crate) struct Args<'a> {
    lua: &'a Lua,
    values: &'a MultiValue,
}

impl<'a> Args<'a> {
    pub(crate) fn new(lua: &'a Lua, values: &'a MultiValue) -> Self {
        Self { lua, values }
    }
    /// The state of Lua that calls.
    pub(crate) fn lua(&self) -> &'a Lua {
        self.lua
    }
    /// All of them.
    pub(crate) fn all(&self) -> &'a MultiValue {
        self.values
    }
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.values.len()
    }
    /// One of them, if it is there.
    pub(crate) fn get(&self, number: usize) -> Option<&'a Value> {
        self.values.get(number - 1)
    }
    /// Whether it is left out or nil.
    pub(crate) fn is_none(&self, number: usize) -> bool {
        self.get(number).is_none_or(Value::is_nil)
    }
    /// A number, or a string that is one (luaL_checknumber).
    pub(crate) fn number(&self, number: usize) -> mlua::Result<f64> {
        let value = self.get(number);
        match value.and_then(|value| to_number(self.lua, value)) {
            Some(found) => Ok(found),
            None => Err(type_error(self.lua, number, "number", value)),
        }
    }
    /// The same without its fraction (luaL_checkinteger).
    pub(crate) fn integer(&self, number: usize) -> mlua::Result<i64> {
        self.number(number).map(c_integer)
    }
    /// The same where it is there, else `default`.
    pub(crate) fn integer_or(&self, number: usize, default: i64) -> mlua::Result<i64> {
        match self.is_none(number) {
            true => Ok(default),
            false => self.integer(number),
        }
    }
    /// A string, or a number as one (luaL_checklstring).
    pub(crate) fn string(&self, number: usize) -> mlua::Result<LuaString> {
        let value = self.get(number);
        match value.map(|value| to_string(self.lua, value)).transpose()? {
            Some(Some(found)) => Ok(found),
            _ => Err(type_error(self.lua, number, "string", value)),
        }
    }
    /// The same, which is not referred to once more where it is a string already.
    pub(crate) fn text(&self, number: usize) -> mlua::Result<Cow<'a, LuaString>> {
        match self.get(number) {
            Some(Value::String(text)) => Ok(Cow::Borrowed(text)),
            _ => self.string(number).map(Cow::Owned),
        }
    }
    /// Refuses an argument unless a condition holds (luaL_argcheck).
    pub(crate) fn check(&self, holds: bool, number: usize, reason: &str) -> mlua::Result<()> {
        match holds {
            true => Ok(()),
            false => Err(argument_error(self.lua, number, reason)),
        }
    }
}

/// A function of a library.
pub(crate) fn function<R: IntoLuaMulti + 'static>(
    lua: &Lua,
    run: impl Fn(&Lua, &Args<'_>) -> mlua::Result<R> + 'static,
) -> mlua::Result<Function> {
    lua.create_function(move |lua, values: MultiValue| run(lua, &Args::new(lua, &values)))
}

/// The number that a value stands for (lua_tonumber).
pub(crate) fn to_number(lua: &Lua, value: &Value) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Number(number) => Some(*number),
        Value::String(_) => lua.coerce_number(value.clone()).ok().flatten(),
        _ => None,
    }
}

/// The string that a value stands for (lua_tolstring).
pub(crate) fn to_string(lua: &Lua, value: &Value) -> mlua::Result<Option<LuaString>> {
    match value {
        Value::String(text) => Ok(Some(text.clone())),
        Value::Integer(_) | Value::Number(_) => lua.coerce_string(value.clone()),
        _ => Ok(None),
    }
}

/// The same with 32 bits.
pub(crate) fn c_integer_32(number: f64) -> i32 {
    i32::try_from(c_integer(number)).unwrap_or(i32::MIN)
}

/// A number without its fraction, as C on common processors converts it: what does not fit is the
/// least integer.
pub(crate) fn c_integer(number: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    match (-LIMIT..LIMIT).contains(&number) {
        true => number as i64,
        false => i64::MIN,
    }
}
