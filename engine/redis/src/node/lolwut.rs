//! LOLWUT: the version, and the drawings that Redis has for versions 5 and 6 (`redis:src/lolwut.c`,
//! `lolwut5.c` and `lolwut6.c` 7.0).

mod canvas;
mod schotter;
mod skyline;

use super::call::{Call, Outcome, is_option};
use super::error::ErrorReply;
use crate::keyspace::Database;
use crate::rdb::REDIS_VERSION;
use crate::resp::Frame;
use canvas::Canvas;
use kvrig_base::seam::Counter;

/// LOLWUT. What stands behind the version are sizes of a drawing, which must be integers.
pub(super) fn lolwut<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let mut version = 0;
    if call.args.len() >= 3 && is_option(call.args[1], "version") {
        version = call.integer(2)?;
    }
    let drawing = match version {
        5 => {
            let [columns, across, down] = sizes(call, [(66, 1_000), (8, 200), (12, 200)])?;
            let canvas = schotter::draw(columns, across, down, db.random());
            let caption = "\nGeorg Nees - schotter, plotter on paper, 1968. ";
            canvas.in_braille() + caption
        }
        6 => {
            let [columns, rows] = sizes(call, [(80, 1_000), (20, 1_000)])?;
            let canvas = skyline::draw(columns, rows, db.random());
            let caption = "\nDedicated to the 8 bit game developers of past and present.\n\
                           Original 8 bit image from Plaguemon by hikikomori. ";
            canvas.in_grays() + caption
        }
        _ => String::new(),
    };
    let text = [drawing.as_bytes(), b"Redis ver. ", REDIS_VERSION, b"\n"].concat();
    call.work.count(Counter::BytesCopied, text.len() as u64);
    call.reply(Frame::Verbatim(&text))
}

/// The sizes of a drawing, each with what it is by default and at most; all are at least 1.
fn sizes<'c, const N: usize>(
    call: &mut Call<'c>,
    limits: [(i64, i64); N],
) -> Result<[usize; N], ErrorReply<'c>> {
    let mut sizes = [0; N];
    for (number, (default, most)) in limits.into_iter().enumerate() {
        let stated = match call.args.get(3 + number) {
            Some(_) => call.integer(3 + number)?,
            None => default,
        };
        sizes[number] = stated.clamp(1, most) as usize;
    }
    Ok(sizes)
}
