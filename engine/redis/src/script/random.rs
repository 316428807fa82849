//! `math.random` and `math.randomseed`: numbers that are the same wherever a script runs.
//!
//! The generator is the server's: every server begins with the same state, and a script goes on where
//! the one before it has stopped (`redis:src/rand.c`, redisLrand48).

use super::args::{Args, c_integer, function};
use super::raise::error;
use mlua::{Lua, Table};
use std::cell::Cell;
use std::rc::Rc;

/// One more than the largest number drawn less one: numbers are divided by it.
const DRAW_MAX: i32 = i32::MAX;
const MULTIPLIER: u64 = 0x5_DEEC_E66D;
const INCREMENT: u64 = 0xB;
const MASK: u64 = (1 << 48) - 1;
/// The state that a server begins with.
const START: u64 = 0x1234_ABCD_330E;
/// What lies below the seed.
const SEED_LOW: u64 = 0x330E;

/// The 48 bits of the generator.
#[derive(Clone, Debug)]
pub(crate) struct Random(Rc<Cell<u64>>);

impl Default for Random {
    fn default() -> Self {
        Self(Rc::new(Cell::new(START)))
    }
}

impl Random {
    /// Begins anew.
    fn seed(&self, seed: i32) {
        self.0.set(u64::from(seed as u32) << 16 | SEED_LOW);
    }
    fn draw(&self) -> i32 {
        let next = self.0.get().wrapping_mul(MULTIPLIER) + INCREMENT;
        self.0.set(next & MASK);
        ((next & MASK) >> 17) as i32
    }
    /// Puts both functions into the table `math`.
    pub(super) fn install(&self, lua: &Lua, math: &Table) -> mlua::Result<()> {
        let random = self.clone();
        let draw = function(lua, move |lua, args| {
            let part = f64::from(random.draw() % DRAW_MAX) / f64::from(DRAW_MAX);
            match args.count() {
                0 => Ok(part),
                1 => {
                    let high = integer_32(args, 1)?;
                    args.check(high >= 1, 1, "interval is empty")?;
                    Ok((part * f64::from(high)).floor() + 1.0)
                }
                2 => {
                    let (low, high) = (integer_32(args, 1)?, integer_32(args, 2)?);
                    args.check(low <= high, 2, "interval is empty")?;
                    let width = high.wrapping_sub(low).wrapping_add(1);
                    Ok((part * f64::from(width)).floor() + f64::from(low))
                }
                _ => Err(error(lua, "wrong number of arguments")),
            }
        })?;
        math.raw_set("random", draw)?;
        let random = self.clone();
        let seed = function(lua, move |_, args| {
            random.seed(integer_32(args, 1)?);
            Ok(())
        })?;
        math.raw_set("randomseed", seed)
    }
}

/// An integer of which C keeps 32 bits (luaL_checkint).
fn integer_32(args: &Args<'_>, number: usize) -> mlua::Result<i32> {
    args.number(number).map(|number| c_integer(number) as i32)
}

#[cfg(test)]
mod tests {
    use super::{DRAW_MAX, Random};

    #[test]
    fn the_first_numbers_are_those_of_redis() {
        let random = Random::default();
        let part = || f64::from(random.draw() % DRAW_MAX) / f64::from(DRAW_MAX);
        let _ = part();
        assert_eq!((part() * 100.0).floor() + 1.0, 85.0);
        assert_eq!(format!("{:.14}", part()), "0.35333609737146");
    }
}
