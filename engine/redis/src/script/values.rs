//! From replies to values of Lua.

use super::raise::ErrorTable;
use mlua::{Lua, Table, Value};

/// The value that scripts get for a reply (redisProtocolToLuaType).
pub(super) fn value_of_reply(lua: &Lua, reply: &[u8]) -> mlua::Result<Value> {
    Reader { lua, rest: reply }.value()
}

/// The table of a reply that is an error.
pub(super) fn error_of_reply(reply: &[u8]) -> Option<ErrorTable> {
    let text = reply.strip_prefix(b"-")?;
    let text = text.strip_suffix(b"\r\n").unwrap_or(text);
    Some(ErrorTable::new(&[b"-", text].concat(), true))
}

/// A reply that is read element by element. Replies are ours, so that their form is known to be
/// right.
struct Reader<'a> {
    lua: &'a Lua,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn line(&mut self) -> &'a [u8] {
        let ends = self.rest.windows(2).position(|two| two == b"\r\n");
        let end = ends.expect("lines of replies end");
        let line = &self.rest[..end];
        self.rest = &self.rest[end + 2..];
        line
    }
    fn number(text: &[u8]) -> i64 {
        crate::number::parse_i64(text).expect("replies state numbers in their one form")
    }
    fn bytes(&mut self, length: &[u8]) -> &'a [u8] {
        let length = Self::number(length) as usize;
        let bytes = &self.rest[..length];
        self.rest = &self.rest[length + 2..];
        bytes
    }
    fn field(&self, name: &str, value: impl mlua::IntoLua) -> mlua::Result<Value> {
        let table = self.lua.create_table()?;
        table.raw_set(name, value)?;
        Ok(Value::Table(table))
    }
    fn string(&self, text: &[u8]) -> mlua::Result<Value> {
        Ok(Value::String(self.lua.create_string(text)?))
    }
    fn value(&mut self) -> mlua::Result<Value> {
        let line = self.line();
        let (mark, text) = line.split_first().expect("a line begins with its mark");
        match mark {
            b':' => Ok(Value::Number(Self::number(text) as f64)),
            b'$' | b'*' if text == b"-1" => Ok(Value::Boolean(false)),
            b'$' => {
                let bytes = self.bytes(text);
                self.string(bytes)
            }
            b'+' => self.field("ok", self.string(text)?),
            b'-' => ErrorTable::new(line, true).to_value(self.lua),
            b'*' | b'>' => self.array(Self::number(text)).map(Value::Table),
            b'%' => {
                let map = self.lua.create_table()?;
                for _ in 0..Self::number(text) {
                    let (key, value) = (self.value()?, self.value()?);
                    map.set(key, value)?;
                }
                self.field("map", map)
            }
            b'~' => {
                let set = self.lua.create_table()?;
                for _ in 0..Self::number(text) {
                    set.set(self.value()?, true)?;
                }
                self.field("set", set)
            }
            b'#' => Ok(Value::Boolean(text == b"t")),
            b',' => self.field("double", crate::number::strtod(text).0),
            b'(' => self.field("big_number", self.string(text)?),
            b'=' => {
                let bytes = self.bytes(text);
                let table = self.lua.create_table()?;
                table.raw_set("string", self.string(&bytes[4..])?)?;
                table.raw_set("format", self.string(&bytes[..3])?)?;
                self.field("verbatim_string", table)
            }
            _ => Ok(Value::Nil),
        }
    }
    fn array(&mut self, count: i64) -> mlua::Result<Table> {
        let table = self.lua.create_table()?;
        for index in 1..=count {
            table.raw_set(index, self.value()?)?;
        }
        Ok(table)
    }
}
