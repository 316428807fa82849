//! The library `bit`: operations on 32 bits (Lua BitOp).

use super::args::{Args, function};
use mlua::{Lua, Table};

/// Adding it rounds a number to an integer in the low bits of the sum.
const ROUNDING: f64 = 6_755_399_441_055_744.0;

/// The table of the library.
pub(super) fn library(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    one(lua, &table, "tobit", |bits| bits)?;
    one(lua, &table, "bnot", |bits| !bits)?;
    one(lua, &table, "bswap", u32::swap_bytes)?;
    many(lua, &table, "band", |a, b| a & b)?;
    many(lua, &table, "bor", |a, b| a | b)?;
    many(lua, &table, "bxor", |a, b| a ^ b)?;
    shift(lua, &table, "lshift", |bits, by| bits << by)?;
    shift(lua, &table, "rshift", |bits, by| bits >> by)?;
    shift(lua, &table, "arshift", |bits, by| {
        (bits as i32 >> by) as u32
    })?;
    shift(lua, &table, "rol", u32::rotate_left)?;
    shift(lua, &table, "ror", u32::rotate_right)?;
    let tohex = function(lua, |lua, args| {
        let number = bits(args, 1)?;
        let count = match args.get(2) {
            None => 8,
            Some(_) => bits(args, 2)? as i32,
        };
        let digits = count.unsigned_abs().min(8) as usize;
        let text = match count < 0 {
            true => format!("{number:08X}"),
            false => format!("{number:08x}"),
        };
        lua.create_string(&text[8 - digits..])
    })?;
    table.raw_set("tohex", tohex)?;
    Ok(table)
}

/// The low 32 bits of a number, rounded to the nearest integer.
fn bits(args: &Args<'_>, number: usize) -> mlua::Result<u32> {
    let sum = args.number(number)? + ROUNDING;
    Ok(sum.to_bits() as u32)
}

/// Results are signed.
fn signed(bits: u32) -> f64 {
    f64::from(bits as i32)
}

fn one(lua: &Lua, table: &Table, name: &str, apply: fn(u32) -> u32) -> mlua::Result<()> {
    let applied = function(lua, move |_, args| Ok(signed(apply(bits(args, 1)?))))?;
    table.raw_set(name, applied)
}

fn many(lua: &Lua, table: &Table, name: &str, apply: fn(u32, u32) -> u32) -> mlua::Result<()> {
    let applied = function(lua, move |_, args| {
        let mut all = bits(args, 1)?;
        // The library reads them from the last on.
        for number in (2..=args.count()).rev() {
            all = apply(all, bits(args, number)?);
        }
        Ok(signed(all))
    })?;
    table.raw_set(name, applied)
}

fn shift(lua: &Lua, table: &Table, name: &str, apply: fn(u32, u32) -> u32) -> mlua::Result<()> {
    let applied = function(lua, move |_, args| {
        let number = bits(args, 1)?;
        let by = bits(args, 2)? & 31;
        Ok(signed(apply(number, by)))
    })?;
    table.raw_set(name, applied)
}
