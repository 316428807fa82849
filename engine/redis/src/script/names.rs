//! Names of tables, functions and coroutines: numbers instead of addresses, which are others in every
//! process.

use super::raise::type_name;
use mlua::{Lua, LuaString, Table, Value};
use std::cell::Cell;
use std::rc::Rc;

/// The numbers of tables, functions and coroutines that a script has asked for.
#[derive(Clone)]
pub(super) struct Names {
    holder: Table,
    count: Rc<Cell<u64>>,
}

impl Names {
    pub(super) fn new(lua: &Lua) -> mlua::Result<Self> {
        let names = Self {
            holder: lua.create_table()?,
            count: Rc::default(),
        };
        names.begin(lua)?;
        Ok(names)
    }
    /// Gives numbers anew.
    pub(super) fn forget(&self, lua: &Lua) -> mlua::Result<()> {
        match self.count.get() {
            0 => Ok(()),
            _ => self.begin(lua),
        }
    }
    fn begin(&self, lua: &Lua) -> mlua::Result<()> {
        let numbers = lua.create_table()?;
        let weak = lua.create_table()?;
        weak.raw_set("__mode", "k")?;
        numbers.set_metatable(Some(weak))?;
        self.count.set(0);
        self.holder.raw_set(1, numbers)
    }
    pub(super) fn name(&self, lua: &Lua, value: &Value) -> mlua::Result<LuaString> {
        let numbers: Table = self.holder.raw_get(1)?;
        let number = match numbers.raw_get::<Option<u64>>(value)? {
            Some(number) => number,
            None => {
                self.count.set(self.count.get() + 1);
                numbers.raw_set(value, self.count.get())?;
                self.count.get()
            }
        };
        let kind = type_name(value);
        lua.create_string(format!("{kind}: {:#014x}", number << 5))
    }
}
