//! Tables that scripts may read and not change.
//!
//! Lua 5.1 of Redis knows read-only tables; plain Lua does not. A protected table is therefore an empty
//! one that finds its fields in another and refuses to take any.

use super::raise::error;
use mlua::{Lua, MultiValue, Table, Value};
use std::cell::RefCell;
use std::rc::Rc;

/// The text of the refusal.
pub(super) const READ_ONLY: &str = "Attempt to modify a readonly table";

/// A table that scripts may read and not change.
pub(super) struct Protected {
    /// What scripts hold.
    pub(super) face: Table,
    /// Where its fields are.
    pub(super) fields: Table,
    /// What `getmetatable` shows.
    pub(super) metatable: Value,
}

/// All of them; there are few.
#[derive(Clone, Default)]
pub(super) struct ProtectedTables {
    pub(super) list: Rc<RefCell<Vec<Protected>>>,
    /// What `getmetatable` shows of strings.
    pub(super) of_strings: Rc<RefCell<Value>>,
}

impl ProtectedTables {
    pub(super) fn find<R>(&self, table: &Table, look: impl FnOnce(&Protected) -> R) -> Option<R> {
        let list = self.list.borrow();
        let place = table.to_pointer();
        let found = list.iter().find(|one| one.face.to_pointer() == place);
        found.map(look)
    }
    /// The fields of a table, protected or not.
    pub(super) fn fields(&self, table: Table) -> Table {
        let fields = self.find(&table, |found| found.fields.clone());
        fields.unwrap_or(table)
    }
    /// A protected table with these fields.
    pub(super) fn protect(
        &self,
        lua: &Lua,
        fields: Table,
        metatable: Value,
    ) -> mlua::Result<Table> {
        let face = lua.create_table()?;
        let mechanism = lua.create_table()?;
        mechanism.raw_set("__index", &fields)?;
        let refuse = lua.create_function(|lua, _: MultiValue| -> mlua::Result<()> {
            Err(error(lua, READ_ONLY))
        })?;
        mechanism.raw_set("__newindex", refuse)?;
        face.set_metatable(Some(mechanism))?;
        self.list.borrow_mut().push(Protected {
            face: face.clone(),
            fields,
            metatable,
        });
        Ok(face)
    }
}
