//! Integers of any width up to 64 bits, packed into strings (`redis:src/bitops.c`, bitfieldGeneric).

use super::call::{Call, Outcome, is_option};
use super::error::ErrorReply;
use super::strings::change_bytes;
use crate::command::commands;
use crate::keyspace::Database;
use crate::number::parse_i64;
use crate::resp::Frame;
use crate::value::StringValue;
use kvrig_base::seam::Counter;

commands! { Bitmap;
    "bitfield", -2, [WRITE DENYOOM], FIRST, "3.2.0" => Database(bitfield);
    "bitfield_ro", -2, [READONLY FAST], FIRST, "6.0.0" => Database(bitfield_ro);
}

/// An integer's form: `i8`, `u63`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Form {
    is_signed: bool,
    bits: u32,
}

/// What becomes of a result that its form cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Overflow {
    /// The high bits are lost.
    Wrap,
    /// The nearest number that can be held.
    Saturate,
    /// Nothing is written, and the reply is null.
    Fail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Get,
    Set(i64),
    Add(i64),
}

/// One operation of the request.
#[derive(Clone, Copy, Debug)]
struct Operation {
    form: Form,
    /// The first bit.
    place: usize,
    action: Action,
    overflow: Overflow,
}

impl Form {
    fn parse(text: &[u8]) -> Option<Self> {
        let (is_signed, digits, most) = match text {
            [b'i', digits @ ..] => (true, digits, 64),
            [b'u', digits @ ..] => (false, digits, 63),
            _ => return None,
        };
        let bits = parse_i64(digits).filter(|bits| (1..=most).contains(bits))?;
        let bits = u32::try_from(bits).ok()?;
        Some(Self { is_signed, bits })
    }
    const fn min(self) -> i128 {
        if self.is_signed {
            -(1 << (self.bits - 1))
        } else {
            0
        }
    }
    const fn max(self) -> i128 {
        (1 << (self.bits - self.is_signed as u32)) - 1
    }
    /// The number that these low bits are.
    const fn number(self, bits: u64) -> i64 {
        let unused = 64 - self.bits;
        if self.is_signed {
            (bits << unused) as i64 >> unused
        } else {
            bits as i64
        }
    }
    /// What is stored of a result, and whether it is another number.
    fn fit(self, result: i128, overflow: Overflow) -> Option<i64> {
        if (self.min()..=self.max()).contains(&result) {
            return Some(result as i64);
        }
        match overflow {
            Overflow::Fail => None,
            Overflow::Saturate => Some(result.clamp(self.min(), self.max()) as i64),
            Overflow::Wrap => Some(self.number(result as u64 & self.mask())),
        }
    }
    const fn mask(self) -> u64 {
        u64::MAX >> (64 - self.bits)
    }
}

/// The bits at a place, zeros behind the end.
fn read(bytes: &[u8], place: usize, bits: u32) -> u64 {
    (place..place + bits as usize).fold(0, |number, place| {
        let byte = bytes.get(place / 8).copied().unwrap_or(0);
        number << 1 | u64::from(byte >> (7 - place % 8) & 1)
    })
}

fn write(bytes: &mut [u8], place: usize, bits: u32, number: u64) {
    for index in 0..bits as usize {
        let (place, bit) = (place + index, number >> (bits as usize - 1 - index) & 1);
        let mask = 0x80 >> (place % 8);
        match bit {
            1 => bytes[place / 8] |= mask,
            _ => bytes[place / 8] &= !mask,
        }
    }
}

impl Operation {
    /// The byte behind the last that it touches.
    const fn end(&self) -> usize {
        (self.place + self.form.bits as usize).div_ceil(8)
    }
    fn get(&self, bytes: &[u8]) -> i64 {
        self.form.number(read(bytes, self.place, self.form.bits))
    }
    /// Carries the operation out on bytes that are long enough. Says what to reply, and whether
    /// anything has changed.
    fn carry_out(&self, bytes: &mut [u8]) -> (Option<i64>, bool) {
        let old = self.get(bytes);
        let (result, replies_old) = match self.action {
            Action::Get => return (Some(old), false),
            // What an unsigned form is set to is taken for what its 64 bits are.
            Action::Set(number) if !self.form.is_signed => (i128::from(number as u64), true),
            Action::Set(number) => (i128::from(number), true),
            Action::Add(number) => (i128::from(old) + i128::from(number), false),
        };
        let Some(new) = self.form.fit(result, self.overflow) else {
            return (None, false);
        };
        let kept = new as u64 & self.form.mask();
        write(bytes, self.place, self.form.bits, kept);
        (Some(if replies_old { old } else { new }), old != new)
    }
}

/// Reads all operations of a request.
fn parse<'c>(db: &Database, call: &Call<'c>) -> Result<Vec<Operation>, ErrorReply<'c>> {
    let (mut operations, mut overflow) = (Vec::new(), Overflow::Wrap);
    let mut rest = &call.args[2..];
    loop {
        let (action, form, place) = match *rest {
            [] => return Ok(operations),
            [name, how, ..] if is_option(name, "overflow") => {
                overflow = match how {
                    how if is_option(how, "wrap") => Overflow::Wrap,
                    how if is_option(how, "sat") => Overflow::Saturate,
                    how if is_option(how, "fail") => Overflow::Fail,
                    _ => return Err(ErrorReply::Fixed("ERR Invalid OVERFLOW type specified")),
                };
                rest = &rest[2..];
                continue;
            }
            [name, form, place, ..] if is_option(name, "get") => (Action::Get, form, place),
            [name, form, place, _, ..] if is_option(name, "set") => (Action::Set(0), form, place),
            [name, form, place, _, ..] if is_option(name, "incrby") => {
                (Action::Add(0), form, place)
            }
            _ => return Err(ErrorReply::Syntax),
        };
        let form = Form::parse(form).ok_or(ErrorReply::Fixed(
            "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
        ))?;
        let place = place_of(place, form, db.limits().string_bytes_max).ok_or(
            ErrorReply::Fixed("ERR bit offset is not an integer or out of range"),
        )?;
        let value = || parse_i64(rest[3]).ok_or(ErrorReply::NotAnInteger);
        let (action, used) = match action {
            Action::Get => (Action::Get, 3),
            Action::Set(_) => (Action::Set(value()?), 4),
            Action::Add(_) => (Action::Add(value()?), 4),
        };
        operations.push(Operation {
            form,
            place,
            action,
            overflow,
        });
        rest = &rest[used..];
    }
}

/// A bit's place, or with `#` the number of an integer of this form (getBitOffsetFromArgument).
fn place_of(text: &[u8], form: Form, bytes_max: u64) -> Option<usize> {
    let (digits, factor) = match text {
        [b'#', digits @ ..] => (digits, u64::from(form.bits)),
        digits => (digits, 1),
    };
    let number = u64::try_from(parse_i64(digits)?).ok()?;
    let place = number.checked_mul(factor)?;
    (place / 8 < bytes_max).then_some(usize::try_from(place).ok()?)
}

/// BITFIELD.
fn bitfield<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let operations = parse(db, call)?;
    let writes = operations
        .iter()
        .filter(|operation| operation.action != Action::Get);
    let Some(length) = writes.map(Operation::end).max() else {
        return read_all(db, call, &operations);
    };
    // Where the string becomes longer, every write counts, even of what was there.
    let grows = db.live_string_len(call.args[1], call.now_ms) < Some(length);
    let (replies, changed) = change_bytes(db, call, length, "setbit", |bytes| {
        let mut changed = 0;
        let replies = operations.iter().map(|operation| match operation.action {
            Action::Get => Some(operation.get(bytes)),
            Action::Set(_) | Action::Add(_) => {
                let (reply, changes) = operation.carry_out(bytes);
                changed += u64::from(changes || grows && reply.is_some());
                reply
            }
        });
        let replies: Vec<Option<i64>> = replies.collect();
        ((replies, changed), changed > 0)
    })?;
    db.state_changes(changed);
    call.reply(Frame::Array(replies.len()))?;
    for reply in replies {
        match reply {
            Some(number) => call.reply_integer(number)?,
            None => call.reply(Frame::Null)?,
        }
    }
    Ok(())
}

/// BITFIELD_RO.
fn bitfield_ro<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let operations = parse(db, call)?;
    match operations.iter().all(|one| one.action == Action::Get) {
        true => read_all(db, call, &operations),
        false => Err(ErrorReply::Fixed(
            "ERR BITFIELD_RO only supports the GET subcommand",
        )),
    }
}

fn read_all<'c>(db: &mut Database, call: &mut Call<'c>, operations: &[Operation]) -> Outcome<'c> {
    let slot = db.find_to_read::<StringValue>(call.args[1], call)?;
    let numbers: Vec<i64> = {
        let value = slot.map(|slot| db.get::<StringValue>(slot).bytes());
        let bytes = value.as_ref().map_or(&[][..], |value| value.as_slice());
        operations.iter().map(|one| one.get(bytes)).collect()
    };
    let bits = operations.iter().map(|one| u64::from(one.form.bits));
    call.work
        .count(Counter::BytesScanned, bits.sum::<u64>().div_ceil(8));
    call.reply(Frame::Array(numbers.len()))?;
    numbers
        .into_iter()
        .try_for_each(|number| call.reply_integer(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_every_width_come_back_from_every_place() {
        for is_signed in [false, true] {
            for bits in 1..=63 {
                let form = Form { is_signed, bits };
                for number in [form.min(), form.max(), form.max() / 3] {
                    for place in [0, 1, 7, 8, 13] {
                        let mut bytes = [0xA5; 12];
                        write(&mut bytes, place, bits, number as u64 & form.mask());
                        let found = form.number(read(&bytes, place, bits));
                        assert_eq!(i128::from(found), number, "{form:?} at {place}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_result_that_does_not_fit_wraps_saturates_or_fails() {
        let form = Form::parse(b"i8").expect("a form");
        assert_eq!(form.fit(128, Overflow::Wrap), Some(-128));
        assert_eq!(form.fit(128, Overflow::Saturate), Some(127));
        assert_eq!(form.fit(-129, Overflow::Saturate), Some(-128));
        assert_eq!(form.fit(128, Overflow::Fail), None);
        assert_eq!(form.fit(127, Overflow::Fail), Some(127));
        let form = Form::parse(b"u2").expect("a form");
        assert_eq!(form.fit(-1, Overflow::Wrap), Some(3));
        assert_eq!(form.fit(-1, Overflow::Saturate), Some(0));
        for text in ["u64", "i65", "u0", "i", "8", "", "i08"] {
            assert_eq!(Form::parse(text.as_bytes()), None, "{text}");
        }
    }
}
