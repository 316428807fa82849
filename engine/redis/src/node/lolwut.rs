//! LOLWUT: the version (`redis:src/lolwut.c`). The drawings that Redis has for versions 5 and 6 are
//! left out; their last line, which names the version, is the whole reply.

use super::call::{Call, Outcome, is_option};
use crate::keyspace::Database;
use crate::rdb::REDIS_VERSION;
use crate::resp::Frame;

/// Numbers that the drawings of a version take: how large they are.
const NUMBERS_OF_DRAWINGS: &[(i64, usize)] = &[(5, 3), (6, 2)];

/// LOLWUT. What stands behind the version are sizes of a drawing, which must be integers.
pub(super) fn lolwut<'c>(_: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    if call.args.len() >= 3 && is_option(call.args[1], "version") {
        let version = call.integer(2)?;
        let known = NUMBERS_OF_DRAWINGS.iter().find(|(of, _)| *of == version);
        let numbers = known.map_or(0, |(_, numbers)| *numbers);
        for index in (3..call.args.len()).take(numbers) {
            call.integer(index)?;
        }
    }
    let text = [b"Redis ver. ", REDIS_VERSION, b"\n"].concat();
    call.reply(Frame::Verbatim(&text))
}
