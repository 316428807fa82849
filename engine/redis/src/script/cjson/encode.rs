//! Writing JSON.

use super::{Invalid, Settings};
use crate::number::write_general;
use crate::script::raise::{error, type_name};
use mlua::{Lua, Table, Value};

/// Tables within tables that are written whatever a script sets: handles to values of Lua are few.
const DEPTH_MAX: i32 = 2_500;

/// The text of a value.
pub(super) fn encode(lua: &Lua, value: &Value, settings: &Settings) -> mlua::Result<Vec<u8>> {
    let mut encoder = Encoder {
        lua,
        settings,
        out: Vec::new(),
    };
    encoder.value(value, 0)?;
    Ok(encoder.out)
}

struct Encoder<'a> {
    lua: &'a Lua,
    settings: &'a Settings,
    out: Vec<u8>,
}

impl Encoder<'_> {
    fn value(&mut self, value: &Value, depth: i32) -> mlua::Result<()> {
        match value {
            Value::String(text) => self.string(&text.as_bytes()),
            Value::Integer(number) => self.number(*number as f64)?,
            Value::Number(number) => self.number(*number)?,
            Value::Boolean(true) => self.out.extend_from_slice(b"true"),
            Value::Boolean(false) => self.out.extend_from_slice(b"false"),
            Value::Nil => self.out.extend_from_slice(b"null"),
            Value::LightUserData(pointer) if pointer.0.is_null() => {
                self.out.extend_from_slice(b"null");
            }
            Value::Table(table) => {
                let depth = depth + 1;
                if depth > self.settings.encode_depth_max.min(DEPTH_MAX) {
                    let text = format!("Cannot serialise, excessive nesting ({depth})");
                    return Err(error(self.lua, text));
                }
                match self.array_length(table)? {
                    Some(length) => self.array(table, length, depth)?,
                    None => self.object(table, depth)?,
                }
            }
            other => return Err(self.refused(other, "type not supported")),
        }
        Ok(())
    }
    fn refused(&self, value: &Value, reason: &str) -> mlua::Error {
        let name = type_name(value);
        error(self.lua, format!("Cannot serialise {name}: {reason}"))
    }
    /// The largest index of a table that has none but positive whole ones, unless it has none or is
    /// so sparse that it is written as an object.
    fn array_length(&self, table: &Table) -> mlua::Result<Option<i32>> {
        let (mut largest, mut items) = (0_i32, 0_i32);
        for pair in table.pairs::<Value, Value>() {
            let key = match pair?.0 {
                Value::Integer(key) => key as f64,
                Value::Number(key) => key,
                _ => return Ok(None),
            };
            if key.floor() != key || key < 1.0 {
                return Ok(None);
            }
            if key > f64::from(largest) {
                // What does not fit is the least integer, as C converts it.
                let fits = key <= f64::from(i32::MAX);
                largest = if fits { key as i32 } else { i32::MIN };
            }
            items += 1;
        }
        let settings = self.settings;
        let is_sparse = settings.sparse_ratio > 0
            && i64::from(largest) > i64::from(items) * i64::from(settings.sparse_ratio)
            && largest > settings.sparse_safe;
        if is_sparse {
            if !settings.sparse_convert {
                let table = Value::Table(table.clone());
                return Err(self.refused(&table, "excessively sparse array"));
            }
            return Ok(None);
        }
        Ok(Some(largest).filter(|largest| *largest > 0))
    }
    fn array(&mut self, table: &Table, length: i32, depth: i32) -> mlua::Result<()> {
        self.out.push(b'[');
        for index in 1..=length {
            if index > 1 {
                self.out.push(b',');
            }
            self.value(&table.raw_get(index)?, depth)?;
        }
        self.out.push(b']');
        Ok(())
    }
    fn object(&mut self, table: &Table, depth: i32) -> mlua::Result<()> {
        self.out.push(b'{');
        for (place, pair) in table.pairs::<Value, Value>().enumerate() {
            let (key, value) = pair?;
            if place > 0 {
                self.out.push(b',');
            }
            match &key {
                Value::Integer(_) | Value::Number(_) => {
                    self.out.push(b'"');
                    self.value(&key, depth)?;
                    self.out.push(b'"');
                }
                Value::String(text) => self.string(&text.as_bytes()),
                other => return Err(self.refused(other, "table key must be a number or string")),
            }
            self.out.push(b':');
            self.value(&value, depth)?;
        }
        self.out.push(b'}');
        Ok(())
    }
    fn number(&mut self, number: f64) -> mlua::Result<()> {
        match self.settings.encode_invalid {
            Invalid::Off if !number.is_finite() => {
                return Err(self.refused(&Value::Number(number), "must not be NaN or Inf"));
            }
            Invalid::On if number.is_nan() => self.out.extend_from_slice(b"nan"),
            Invalid::Null if !number.is_finite() => self.out.extend_from_slice(b"null"),
            _ => {
                let mut text = String::new();
                write_general(number, self.settings.precision as usize, &mut text);
                self.out.extend_from_slice(text.as_bytes());
            }
        }
        Ok(())
    }
    fn string(&mut self, text: &[u8]) {
        self.out.push(b'"');
        for &byte in text {
            let short = match byte {
                b'"' | b'\\' | b'/' => byte,
                0x08 => b'b',
                b'\t' => b't',
                b'\n' => b'n',
                0x0C => b'f',
                b'\r' => b'r',
                0..0x20 | 0x7F => {
                    let escape = format!("\\u{byte:04x}");
                    self.out.extend_from_slice(escape.as_bytes());
                    continue;
                }
                _ => {
                    self.out.push(byte);
                    continue;
                }
            };
            self.out.extend([b'\\', short]);
        }
        self.out.push(b'"');
    }
}
