//! The library `struct`: numbers and strings in the binary forms of C.
//!
//! A format is a sequence of options: `<` and `>` choose the order of bytes, `!n` the largest
//! alignment, `x` is a byte of padding, `b h l i` are signed integers and `B H L T I` unsigned ones, `i`
//! and `I` of as many bytes as a number says, `f` and `d` are floating-point numbers, `s` is a string
//! that a zero ends and `c` one of a stated length.

use super::args::{Args, c_integer, function, to_number};
use super::raise::{argument_error, error, type_error};
use mlua::{Lua, LuaString, MultiValue, Table, Value};

/// Most bytes of an integer.
const INTEGER_BYTES_MAX: usize = 32;
/// What `!` alone aligns to.
const DEFAULT_ALIGNMENT: usize = 8;

/// The table of the library.
pub(super) fn library(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("pack", function(lua, pack)?)?;
    table.raw_set("size", function(lua, size)?)?;
    table.raw_set("unpack", function(lua, unpack)?)?;
    Ok(table)
}

/// One option and how many bytes it takes, as far as the format says.
struct Item {
    option: u8,
    size: usize,
}

/// A format that is read option by option.
struct Format<'a> {
    lua: &'a Lua,
    rest: &'a [u8],
    is_big: bool,
    alignment: usize,
}

impl<'a> Format<'a> {
    fn new(lua: &'a Lua, text: &'a [u8]) -> Self {
        let end = text.iter().position(|byte| *byte == 0);
        Self {
            lua,
            rest: &text[..end.unwrap_or(text.len())],
            is_big: false,
            alignment: 1,
        }
    }
    fn next(&mut self) -> mlua::Result<Option<Item>> {
        let Some((&option, rest)) = self.rest.split_first() else {
            return Ok(None);
        };
        self.rest = rest;
        let size = match option {
            b'b' | b'B' | b'x' => 1,
            b'h' | b'H' => 2,
            b'f' => 4,
            b'l' | b'L' | b'T' | b'd' => 8,
            b'c' => self.count(1)?,
            b'i' | b'I' => {
                let size = self.count(4)?;
                if size > INTEGER_BYTES_MAX {
                    let text =
                        format!("integral size {size} is larger than limit of {INTEGER_BYTES_MAX}");
                    return Err(error(self.lua, text));
                }
                size
            }
            _ => 0,
        };
        Ok(Some(Item { option, size }))
    }
    /// The decimal number that follows an option.
    fn count(&mut self, default: usize) -> mlua::Result<usize> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit());
        let digits = digits.count();
        if digits == 0 {
            return Ok(default);
        }
        let (text, rest) = self.rest.split_at(digits);
        self.rest = rest;
        let mut number = 0_i32;
        for digit in text {
            let next = number.checked_mul(10);
            let next = next.and_then(|next| next.checked_add(i32::from(digit - b'0')));
            number = next.ok_or_else(|| error(self.lua, "integral size overflow"))?;
        }
        Ok(number as usize)
    }
    /// Bytes of padding in front of an item that would begin at `at`.
    fn padding(&self, at: usize, item: &Item) -> usize {
        if item.size == 0 || item.option == b'c' {
            return 0;
        }
        // A size that is no power of two is masked as if it were one.
        let mask = item.size.min(self.alignment).wrapping_sub(1);
        item.size.min(self.alignment).wrapping_sub(at & mask) & mask
    }
    /// Takes over an option that stands for no item.
    fn control(&mut self, option: u8) -> mlua::Result<()> {
        match option {
            b' ' => {}
            b'>' => self.is_big = true,
            b'<' => self.is_big = false,
            b'!' => {
                let alignment = self.count(DEFAULT_ALIGNMENT)?;
                if !alignment.is_power_of_two() {
                    let text = format!("alignment {alignment} is not a power of 2");
                    return Err(error(self.lua, text));
                }
                self.alignment = alignment;
            }
            _ => {
                let reason = [b"invalid format option '", &[option][..], b"'"].concat();
                return Err(argument_error(self.lua, 1, reason));
            }
        }
        Ok(())
    }
    /// Bytes as they lie in memory where the least comes first, in the chosen order.
    fn ordered(&self, bytes: &mut [u8]) {
        if self.is_big {
            bytes.reverse();
        }
    }
}

/// struct.pack.
fn pack(lua: &Lua, args: &Args<'_>) -> mlua::Result<LuaString> {
    let text = args.string(1)?;
    let text = text.as_bytes();
    let mut format = Format::new(lua, &text);
    let mut out: Vec<u8> = Vec::new();
    let mut number = 2;
    // What alignment counts from: it leaves out the zero behind strings of no length.
    let mut total = 0;
    while let Some(mut item) = format.next()? {
        let padding = format.padding(total, &item);
        out.resize(out.len() + padding, 0);
        total += padding;
        match item.option {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                let value = packed_number(args, number)?;
                let integer = match value < 0.0 {
                    true => c_integer(value) as u64,
                    false => unsigned(value),
                };
                let mut bytes = [0; INTEGER_BYTES_MAX];
                bytes[..8].copy_from_slice(&integer.to_le_bytes());
                let bytes = &mut bytes[..item.size];
                format.ordered(bytes);
                out.extend_from_slice(bytes);
                number += 1;
            }
            b'x' => out.push(0),
            b'f' => {
                let mut bytes = (packed_number(args, number)? as f32).to_le_bytes();
                format.ordered(&mut bytes);
                out.extend(bytes);
                number += 1;
            }
            b'd' => {
                let mut bytes = packed_number(args, number)?.to_le_bytes();
                format.ordered(&mut bytes);
                out.extend(bytes);
                number += 1;
            }
            b'c' | b's' => {
                if args.get(number).is_none() {
                    return Err(type_error(lua, number, "string", Some(&Value::Nil)));
                }
                let value = args.string(number)?;
                number += 1;
                let value = value.as_bytes();
                if item.size == 0 {
                    item.size = value.len();
                }
                args.check(value.len() >= item.size, number, "string too short")?;
                out.extend_from_slice(&value[..item.size]);
                if item.option == b's' {
                    out.push(0);
                    item.size += 1;
                }
            }
            option => format.control(option)?,
        }
        total += item.size;
    }
    lua.create_string(out)
}

/// A number to be packed; one that is left out is nil in the eyes of the library.
fn packed_number(args: &Args<'_>, number: usize) -> mlua::Result<f64> {
    match args.get(number) {
        Some(_) => args.number(number),
        None => Err(type_error(args.lua(), number, "number", Some(&Value::Nil))),
    }
}

/// A number that is not negative as C converts it to 64 bits.
fn unsigned(value: f64) -> u64 {
    const HALF: f64 = 9_223_372_036_854_775_808.0;
    match value {
        _ if value < HALF => value as u64,
        _ if value < 2.0 * HALF => value as u64,
        // What common processors give: the lower half's conversion, the upper half's bit turned.
        _ => c_integer(value - HALF) as u64 ^ 1 << 63,
    }
}

/// struct.unpack.
fn unpack(lua: &Lua, args: &Args<'_>) -> mlua::Result<MultiValue> {
    let text = args.string(1)?;
    let text = text.as_bytes();
    let data = args.string(2)?;
    let data = data.as_bytes();
    let start = args.integer_or(3, 1)?;
    args.check(start != 0, 3, "offset must be 1 or greater")?;
    let mut at = (start as usize).wrapping_sub(1);
    let mut format = Format::new(lua, &text);
    let mut found: Vec<Value> = Vec::new();
    let is_inside = |at: usize, size: usize| {
        let fits = size <= data.len() && at <= data.len() - size;
        args.check(fits, 2, "data string too short")
    };
    while let Some(mut item) = format.next()? {
        at = at.wrapping_add(format.padding(at, &item));
        is_inside(at, item.size)?;
        let bytes = &data[at..at + item.size];
        match item.option {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                let is_signed = item.option.is_ascii_lowercase();
                found.push(Value::Number(integer(bytes, format.is_big, is_signed)));
            }
            b'x' => {}
            b'f' => {
                let mut bytes: [u8; 4] = bytes.try_into().expect("four bytes");
                format.ordered(&mut bytes);
                found.push(Value::Number(f32::from_le_bytes(bytes).into()));
            }
            b'd' => {
                let mut bytes: [u8; 8] = bytes.try_into().expect("eight bytes");
                format.ordered(&mut bytes);
                found.push(Value::Number(f64::from_le_bytes(bytes)));
            }
            b'c' => {
                if item.size == 0 {
                    let size = found.last().and_then(|value| to_number(lua, value));
                    let Some(size) = size else {
                        return Err(error(lua, "format 'c0' needs a previous size"));
                    };
                    found.pop();
                    item.size = unsigned_size(size);
                    is_inside(at, item.size)?;
                }
                let string = lua.create_string(&data[at..at + item.size])?;
                found.push(Value::String(string));
            }
            b's' => {
                let Some(length) = data[at..].iter().position(|byte| *byte == 0) else {
                    return Err(error(lua, "unfinished string in data"));
                };
                item.size = length + 1;
                let string = lua.create_string(&data[at..at + length])?;
                found.push(Value::String(string));
            }
            option => format.control(option)?,
        }
        at += item.size;
    }
    found.push(Value::Number(at as f64 + 1.0));
    Ok(MultiValue::from_vec(found))
}

/// A length that was read as a number; a negative one is longer than any string.
fn unsigned_size(size: f64) -> usize {
    match size < 0.0 {
        true => c_integer(size) as usize,
        false => unsigned(size) as usize,
    }
}

/// The integer that bytes stand for. Of more than eight, those of the highest value are lost.
fn integer(bytes: &[u8], is_big: bool, is_signed: bool) -> f64 {
    let join = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    let value = match is_big {
        true => bytes.iter().fold(0, join),
        false => bytes.iter().rev().fold(0, join),
    };
    if !is_signed {
        return value as f64;
    }
    let sign = (bytes.len() as u32).wrapping_mul(8).wrapping_sub(1);
    let mask = u64::MAX.wrapping_shl(sign);
    let value = if value & mask == 0 {
        value
    } else {
        value | mask
    };
    value as i64 as f64
}

/// struct.size.
fn size(lua: &Lua, args: &Args<'_>) -> mlua::Result<f64> {
    let text = args.string(1)?;
    let text = text.as_bytes();
    let mut format = Format::new(lua, &text);
    let mut at = 0;
    while let Some(item) = format.next()? {
        at += format.padding(at, &item);
        match item.option {
            b's' => return Err(argument_error(lua, 1, "option 's' has no fixed size")),
            b'c' if item.size == 0 => {
                return Err(argument_error(lua, 1, "option 'c0' has no fixed size"));
            }
            option if !option.is_ascii_alphanumeric() => format.control(option)?,
            _ => {}
        }
        at += item.size;
    }
    Ok(at as f64)
}
