//! From the value that a script returns to the reply.
//!
//! Tables are walked without recursion, since Lua nests them deeper than stacks are. Those around the
//! present one lie in a table of Lua: handles to its values are few.

use super::args::c_integer;
use super::raise::{is_counted, type_name};
use super::{Finished, number_text};
use crate::node::c_string;
use crate::resp::{Frame, Protocol};
use mlua::{Function, Lua, Table, Value};

/// Slots of Lua's stack, and those that must be free for one more value.
const STACK_SLOTS_MAX: usize = 8_000;
const SLOTS_PER_VALUE: usize = 4;
/// Slots that are taken when a reply begins: the handler of errors and the value.
const SLOTS_AT_START: usize = 2;

/// What becomes of the elements of a table.
#[derive(Clone, Copy, Debug)]
enum Elements {
    Array { next: i64, count: i64 },
    Map { value_is_next: bool },
    Set,
}

/// One table around the present value, and the slots up to it.
#[derive(Clone, Copy, Debug)]
struct Level {
    elements: Elements,
    slots: usize,
}

/// What is needed to write replies.
#[derive(Clone)]
pub(super) struct Replies {
    next: Function,
}

impl Replies {
    /// With `next` of Lua.
    pub(super) fn new(next: Function) -> Self {
        Self { next }
    }
    /// Appends the reply that a value stands for (luaReplyToRedisReply).
    pub(super) fn write(
        &self,
        lua: &Lua,
        value: Value,
        client: Protocol,
        script: Protocol,
        finished: &mut Finished,
    ) -> mlua::Result<()> {
        let mut writer = Writer {
            lua,
            next: &self.next,
            around: None,
            levels: Vec::new(),
            client,
            script,
            finished,
        };
        writer.value(value, SLOTS_AT_START)?;
        while writer.step()? {}
        Ok(())
    }
}

/// The table of each level, and the key at which a map or set is.
struct Around {
    tables: Table,
    keys: Table,
}

struct Writer<'a> {
    lua: &'a Lua,
    next: &'a Function,
    /// Made when a table begins: most values are none.
    around: Option<Around>,
    levels: Vec<Level>,
    client: Protocol,
    script: Protocol,
    finished: &'a mut Finished,
}

impl Writer<'_> {
    fn frame(&mut self, frame: Frame<'_>) {
        frame.encode_in(self.client, &mut self.finished.reply);
    }
    /// Writes one more element of the innermost table, or leaves it; says whether one is left.
    fn step(&mut self) -> mlua::Result<bool> {
        let depth = self.levels.len();
        let (Some(level), Some(Around { tables, keys })) = (self.levels.last_mut(), &self.around)
        else {
            return Ok(false);
        };
        let slots = level.slots;
        let table: Table = tables.raw_get(depth)?;
        match &mut level.elements {
            Elements::Array { next, count } if *next <= *count => {
                let value: Value = table.raw_get(*next)?;
                *next += 1;
                self.value(value, slots + 1)?;
            }
            Elements::Map { value_is_next } if *value_is_next => {
                *value_is_next = false;
                let key: Value = keys.raw_get(depth)?;
                let value: Value = table.raw_get(key)?;
                self.value(value, slots + 3)?;
            }
            Elements::Map { .. } | Elements::Set => {
                let key: Value = keys.raw_get(depth)?;
                let key: Value = self.next.call((table, key))?;
                if key.is_nil() {
                    self.levels.pop();
                    return Ok(true);
                }
                keys.raw_set(depth, &key)?;
                let taken = match &mut level.elements {
                    Elements::Map { value_is_next } => {
                        *value_is_next = true;
                        4
                    }
                    _ => 3,
                };
                self.value(key, slots + taken)?;
            }
            Elements::Array { .. } => {
                self.levels.pop();
            }
        }
        Ok(true)
    }
    /// Writes a value that is none, or begins a table.
    fn value(&mut self, value: Value, slots: usize) -> mlua::Result<()> {
        if slots + SLOTS_PER_VALUE > STACK_SLOTS_MAX {
            let text = b"ERR reached lua stack limit";
            self.finished.error(text, false, self.client);
            return Ok(());
        }
        match value {
            Value::String(text) => self.frame(Frame::Bulk(&text.as_bytes())),
            Value::Integer(number) => self.frame(Frame::Integer(number)),
            Value::Number(number) => self.frame(Frame::Integer(c_integer(number))),
            Value::Boolean(yes) => match (self.script, yes) {
                (Protocol::Resp3, _) => self.frame(Frame::Boolean(yes)),
                (Protocol::Resp2, true) => self.frame(Frame::Integer(1)),
                (Protocol::Resp2, false) => self.frame(Frame::Null),
            },
            Value::Table(table) => self.table(&table, slots)?,
            _ => self.frame(Frame::Null),
        }
        Ok(())
    }
    fn table(&mut self, table: &Table, slots: usize) -> mlua::Result<()> {
        if let Value::String(text) = table.raw_get("err")? {
            let is_counted = is_counted(table)?;
            let text = text.as_bytes();
            self.finished
                .error(c_string(&text), is_counted, self.client);
            return Ok(());
        }
        if let Value::String(text) = table.raw_get("ok")? {
            self.line(b'+', c_string(&text.as_bytes()));
            return Ok(());
        }
        match table.raw_get("double")? {
            Value::Integer(number) => return self.double(number as f64),
            Value::Number(number) => return self.double(number),
            _ => {}
        }
        if let Value::Table(map) = table.raw_get("map")? {
            let pairs = count(&map)?;
            self.frame(Frame::Map(pairs));
            let elements = Elements::Map {
                value_is_next: false,
            };
            return self.begin(map, elements, slots);
        }
        if let Value::Table(set) = table.raw_get("set")? {
            let length = count(&set)?;
            self.frame(Frame::Set(length));
            return self.begin(set, Elements::Set, slots);
        }
        if let Value::String(digits) = table.raw_get("big_number")? {
            let digits = digits.as_bytes();
            match self.client {
                Protocol::Resp3 => self.line(b'(', &digits),
                Protocol::Resp2 => self.frame(Frame::Bulk(&without_line_ends(&digits))),
            }
            return Ok(());
        }
        if let Value::Table(verbatim) = table.raw_get("verbatim_string")?
            && let Value::String(format) = verbatim.raw_get("format")?
            && let Value::String(text) = verbatim.raw_get("string")?
        {
            self.verbatim(c_string(&format.as_bytes()), &text.as_bytes());
            return Ok(());
        }
        let mut length = 0;
        while type_name(&table.raw_get(length + 1)?) != "nil" {
            length += 1;
        }
        self.frame(Frame::Array(length as usize));
        let elements = Elements::Array {
            next: 1,
            count: length,
        };
        self.begin(table.clone(), elements, slots)
    }
    fn begin(&mut self, table: Table, elements: Elements, slots: usize) -> mlua::Result<()> {
        self.levels.push(Level { elements, slots });
        let depth = self.levels.len();
        let Around { tables, keys } = match &mut self.around {
            Some(around) => around,
            none => none.insert(Around {
                tables: self.lua.create_table()?,
                keys: self.lua.create_table()?,
            }),
        };
        tables.raw_set(depth, table)?;
        keys.raw_set(depth, Value::Nil)
    }
    fn double(&mut self, number: f64) -> mlua::Result<()> {
        self.frame(Frame::Double(&number_text(number)));
        Ok(())
    }
    fn verbatim(&mut self, format: &[u8], text: &[u8]) {
        if self.client == Protocol::Resp2 {
            return self.frame(Frame::Bulk(text));
        }
        let mut mark = [b' '; 3];
        mark.iter_mut()
            .zip(format)
            .for_each(|(to, from)| *to = *from);
        let head = format!("={}\r\n", text.len() + 4);
        let parts = [head.as_bytes(), &mark, b":", text, b"\r\n"];
        self.finished.reply.extend_from_slice(&parts.concat());
    }
    fn line(&mut self, mark: u8, text: &[u8]) {
        let out = &mut self.finished.reply;
        out.push(mark);
        out.extend_from_slice(&without_line_ends(text));
        out.extend_from_slice(b"\r\n");
    }
}

/// The same text in one line.
fn without_line_ends(text: &[u8]) -> Vec<u8> {
    let in_line = |byte: &u8| match byte {
        b'\r' | b'\n' => b' ',
        other => *other,
    };
    text.iter().map(in_line).collect()
}

/// Number of pairs of a table.
fn count(table: &Table) -> mlua::Result<usize> {
    let mut count = 0;
    table.for_each(|_: Value, _: Value| {
        count += 1;
        Ok(())
    })?;
    Ok(count)
}
