//! The library `cmsgpack`: values as MessagePack.

use super::args::{Args, c_integer, function};
use super::raise::{argument_error, error};
use mlua::{Lua, LuaString, MultiValue, Table, Value};

/// Tables within tables that are written; deeper ones are nil, so that circles end.
const NESTING_MAX: usize = 16;
/// Slots that Lua's stack has for one function, of which every table within a table takes some.
const STACK_SLOTS_MAX: usize = 8_000;
/// Tables and keys that are read at a time: handles to values of Lua are few.
const HELD_MAX: usize = 7_500;

/// The table of the library.
pub(super) fn library(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("pack", function(lua, pack)?)?;
    let unpack = function(lua, |lua, args| read(lua, args, 0, 0))?;
    table.raw_set("unpack", unpack)?;
    let unpack_one = function(lua, |lua, args| read(lua, args, 1, args.integer_or(2, 0)?))?;
    table.raw_set("unpack_one", unpack_one)?;
    let unpack_limit = function(lua, |lua, args| {
        read(lua, args, args.integer(2)?, args.integer_or(3, 0)?)
    })?;
    table.raw_set("unpack_limit", unpack_limit)?;
    for (name, text) in [
        ("_NAME", "cmsgpack"),
        ("_VERSION", "lua-cmsgpack 0.4.0"),
        ("_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo"),
        ("_DESCRIPTION", "MessagePack C implementation for Lua"),
    ] {
        table.raw_set(name, text)?;
    }
    Ok(table)
}

/// cmsgpack.pack.
fn pack(lua: &Lua, args: &Args<'_>) -> mlua::Result<LuaString> {
    if args.count() == 0 {
        return Err(argument_error(lua, 0, "MessagePack pack needs input."));
    }
    let mut out = Vec::new();
    for value in args.all() {
        write(value, 0, &mut out)?;
    }
    lua.create_string(out)
}

fn write(value: &Value, level: usize, out: &mut Vec<u8>) -> mlua::Result<()> {
    match value {
        Value::String(text) => {
            let text = text.as_bytes();
            match text.len() {
                length @ 0..32 => out.push(0xA0 | length as u8),
                length => head(length, [Some(0xD9), Some(0xDA), Some(0xDB)], out),
            }
            out.extend_from_slice(&text);
        }
        Value::Boolean(yes) => out.push(if *yes { 0xC3 } else { 0xC2 }),
        Value::Integer(number) => write_integer(*number, out),
        Value::Number(number) => write_number(*number, out),
        Value::Table(table) if level < NESTING_MAX => match is_array(table)? {
            true => {
                let count = table.raw_len();
                match count {
                    0..16 => out.push(0x90 | count as u8),
                    _ => head(count, [None, Some(0xDC), Some(0xDD)], out),
                }
                for index in 1..=count {
                    write(&table.get(index)?, level + 1, out)?;
                }
            }
            false => {
                let mut count = 0;
                table.for_each(|_: Value, _: Value| {
                    count += 1;
                    Ok(())
                })?;
                match count {
                    0..16 => out.push(0x80 | count as u8),
                    _ => head(count, [None, Some(0xDE), Some(0xDF)], out),
                }
                table.for_each(|key: Value, value: Value| {
                    write(&key, level + 1, out)?;
                    write(&value, level + 1, out)
                })?;
            }
        },
        _ => out.push(0xC0),
    }
    Ok(())
}

/// A length with the mark of the shortest form: of 8, 16 or 32 bits.
fn head(length: usize, marks: [Option<u8>; 3], out: &mut Vec<u8>) {
    let bytes = (length as u32).to_be_bytes();
    match (marks, length) {
        ([Some(mark), ..], ..=0xFF) => out.extend([mark, bytes[3]]),
        ([_, Some(mark), _], ..=0xFFFF) => out.extend([mark, bytes[2], bytes[3]]),
        ([.., mark], _) => {
            out.extend(mark);
            out.extend(bytes);
        }
    }
}

fn write_number(number: f64, out: &mut Vec<u8>) {
    let integer = c_integer(number);
    if number.is_finite() && integer as f64 == number {
        return write_integer(integer, out);
    }
    let short = number as f32;
    if f64::from(short) == number {
        out.push(0xCA);
        out.extend(short.to_be_bytes());
    } else {
        out.push(0xCB);
        out.extend(number.to_be_bytes());
    }
}

fn write_integer(number: i64, out: &mut Vec<u8>) {
    let bytes = number.to_be_bytes();
    let (mark, width) = match number {
        -32..=127 => return out.push(number as u8),
        128..=0xFF => (0xCC, 1),
        0x100..=0xFFFF => (0xCD, 2),
        0x1_0000..=0xFFFF_FFFF => (0xCE, 4),
        0x1_0000_0000.. => (0xCF, 8),
        -128..=-33 => (0xD0, 1),
        -32_768..=-129 => (0xD1, 2),
        -2_147_483_648..=-32_769 => (0xD2, 4),
        _ => (0xD3, 8),
    };
    out.push(mark);
    out.extend_from_slice(&bytes[8 - width..]);
}

/// Whether the keys of a table are the numbers from 1 up to how many they are.
fn is_array(table: &Table) -> mlua::Result<bool> {
    let (mut largest, mut count) = (0.0, 0.0);
    for pair in table.pairs::<Value, Value>() {
        let key = match pair?.0 {
            Value::Integer(key) => key as f64,
            Value::Number(key) => key,
            _ => return Ok(false),
        };
        if key <= 0.0 || f64::from(key as i32) != key {
            return Ok(false);
        }
        largest = f64::max(largest, key);
        count += 1.0;
    }
    Ok(largest == count)
}

/// Reads the values of a string: all, or up to `limit` from `offset` on, and then says first where
/// the rest begins.
fn read(lua: &Lua, args: &Args<'_>, limit: i64, offset: i64) -> mlua::Result<MultiValue> {
    let text = args.string(1)?;
    let text = text.as_bytes();
    let reads_all = limit == 0 && offset == 0;
    if offset < 0 || limit < 0 {
        // Both are shown with 32 bits.
        let (offset, length) = (offset as i32, text.len());
        let text =
            format!("Invalid request to unpack with offset of {offset} and limit of {length}.");
        return Err(error(lua, text));
    }
    let Some(rest) = text.get(offset as usize..) else {
        let (offset, length) = (offset as i32, text.len());
        let text = format!("Start offset {offset} greater than input length {length}.");
        return Err(error(lua, text));
    };
    let mut reader = Reader { lua, rest, held: 0 };
    let mut found = Vec::new();
    while !reader.rest.is_empty() && (reads_all || found.len() < limit as usize) {
        // The text lies below them.
        let value = reader.value(1 + found.len())?;
        reader.held += usize::from(is_held(&value));
        found.push(value);
    }
    if !reads_all {
        let next = match reader.rest.is_empty() {
            true => -1,
            false => (text.len() - reader.rest.len()) as i64,
        };
        found.insert(0, Value::Integer(next));
    }
    Ok(MultiValue::from_vec(found))
}

/// Whether a handle is needed for a value.
fn is_held(value: &Value) -> bool {
    matches!(value, Value::String(_) | Value::Table(_))
}

struct Reader<'a> {
    lua: &'a Lua,
    rest: &'a [u8],
    /// Handles that are held around the present value.
    held: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> mlua::Result<&'a [u8]> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(error(self.lua, "Missing bytes in input."));
        };
        self.rest = rest;
        Ok(taken)
    }
    fn unsigned(&mut self, width: usize) -> mlua::Result<u64> {
        let bytes = self.take(width)?.iter();
        Ok(bytes.fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }
    fn signed(&mut self, width: usize) -> mlua::Result<Value> {
        let unused = 64 - 8 * width as u32;
        let number = self.unsigned(width)?;
        Ok(Value::Number(((number << unused) as i64 >> unused) as f64))
    }
    fn string(&mut self, length: usize) -> mlua::Result<Value> {
        let text = self.take(length)?;
        Ok(Value::String(self.lua.create_string(text)?))
    }
    /// One value; `slots` of Lua's stack are taken around it.
    fn value(&mut self, slots: usize) -> mlua::Result<Value> {
        if slots + 1 > STACK_SLOTS_MAX || self.held > HELD_MAX {
            let text = "stack overflow (too many return values at once; use unpack_one or unpack_limit instead.)";
            return Err(error(self.lua, text));
        }
        let mark = self.take(1)?[0];
        match mark {
            0x00..=0x7F => Ok(Value::Integer(mark.into())),
            0xE0..=0xFF => Ok(Value::Integer((mark as i8).into())),
            0xC0 => Ok(Value::Nil),
            0xC2 | 0xC3 => Ok(Value::Boolean(mark == 0xC3)),
            0xCA => Ok(Value::Number(
                f32::from_bits(self.unsigned(4)? as u32).into(),
            )),
            0xCB => Ok(Value::Number(f64::from_bits(self.unsigned(8)?))),
            // The widest are taken as signed.
            0xCC..=0xCF => Ok(Value::Number(
                self.unsigned(1 << (mark - 0xCC))? as i64 as f64
            )),
            0xD0..=0xD3 => self.signed(1 << (mark - 0xD0)),
            0xA0..=0xBF => self.string(usize::from(mark & 0x1F)),
            0xD9..=0xDB => {
                let length = self.unsigned(1 << (mark - 0xD9))? as usize;
                self.string(length)
            }
            0x90..=0x9F => self.array(u64::from(mark & 0xF), slots),
            0xDC | 0xDD => {
                let count = self.unsigned(2 << (mark - 0xDC))?;
                self.array(count, slots)
            }
            0x80..=0x8F => self.map(u64::from(mark & 0xF), slots),
            0xDE | 0xDF => {
                let count = self.unsigned(2 << (mark - 0xDE))?;
                self.map(count, slots)
            }
            _ => Err(error(self.lua, "Bad data format in input.")),
        }
    }
    fn array(&mut self, count: u64, slots: usize) -> mlua::Result<Value> {
        if slots + 2 > STACK_SLOTS_MAX {
            let text = "stack overflow (in function mp_decode_to_lua_array)";
            return Err(error(self.lua, text));
        }
        let table = self.lua.create_table()?;
        self.held += 1;
        for index in 1..=count {
            let value = self.value(slots + 2)?;
            table.raw_set(index, value)?;
        }
        self.held -= 1;
        Ok(Value::Table(table))
    }
    fn map(&mut self, count: u64, slots: usize) -> mlua::Result<Value> {
        let table = self.lua.create_table()?;
        self.held += 1;
        for _ in 0..count {
            let key = self.value(slots + 1)?;
            let key_is_held = usize::from(is_held(&key));
            self.held += key_is_held;
            let value = self.value(slots + 2)?;
            self.held -= key_is_held;
            table.set(key, value)?;
        }
        self.held -= 1;
        Ok(Value::Table(table))
    }
}
