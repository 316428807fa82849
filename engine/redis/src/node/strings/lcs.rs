//! LCS: the longest common subsequence of two strings (`redis:src/t_string.c`, lcsCommand).

use super::super::call::{Call, Outcome, is_option};
use super::super::error::ErrorReply;
use crate::command::commands;
use crate::keyspace::Database;
use crate::number::parse_i64;
use crate::resp::Frame;
use crate::value::StringValue;
use kvrig_base::seam::Counter;
use std::ops::RangeInclusive;

commands! { LCS: String;
    "lcs", -3, [READONLY], FIRST_TWO, "7.0.0" => Database(lcs);
}

/// What is asked for beside the keys.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    length: bool,
    places: bool,
    with_lengths: bool,
    length_min: i64,
}

/// A stretch that both strings have.
struct Match {
    places: [RangeInclusive<usize>; 2],
    length: usize,
}

fn parse<'c>(args: &[&[u8]]) -> Result<Options, ErrorReply<'c>> {
    let (mut options, mut rest) = (Options::default(), args);
    while let [option, after @ ..] = rest {
        rest = after;
        match option {
            option if is_option(option, "idx") => options.places = true,
            option if is_option(option, "len") => options.length = true,
            option if is_option(option, "withmatchlen") => options.with_lengths = true,
            option if is_option(option, "minmatchlen") && !rest.is_empty() => {
                options.length_min = parse_i64(rest[0]).ok_or(ErrorReply::NotAnInteger)?.max(0);
                rest = &rest[1..];
            }
            _ => return Err(ErrorReply::Syntax),
        }
    }
    match options.places && options.length {
        true => Err(ErrorReply::Fixed(
            "ERR If you want both the length and indexes, please just use IDX.",
        )),
        false => Ok(options),
    }
}

/// The bytes at the key that argument `index` names; none where it is not there.
fn operand<'c>(
    db: &mut Database,
    call: &mut Call<'c>,
    index: usize,
) -> Result<Vec<u8>, ErrorReply<'c>> {
    let refused = ErrorReply::Fixed("ERR The specified keys must contain string values");
    let slot = db
        .find::<StringValue>(call.args[index], call)
        .map_err(|_| refused)?;
    let value = slot.map(|slot| db.get::<StringValue>(slot).bytes());
    Ok(value.map_or_else(Vec::new, |value| value.as_slice().to_vec()))
}

/// LCS.
fn lcs<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    // Both are looked up before either is judged.
    let (one, other) = (operand(db, call, 1), operand(db, call, 2));
    let strings = [one?, other?];
    let options = parse(&call.args[3..])?;
    let [a, b] = &strings;
    let cells = (a.len() as u64 + 1) * (b.len() as u64 + 1);
    if cells * size_of::<u32>() as u64 > db.limits().string_bytes_max {
        return Err(ErrorReply::Fixed(
            "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        ));
    }
    // Each cell reads three others and two bytes.
    call.work
        .count(Counter::BytesScanned, cells * size_of::<u32>() as u64);
    call.work.count(Counter::AllocationsLarge, 1);
    let table = Lengths::of(a, b);
    let length = table.get(a.len(), b.len());
    if options.places {
        return reply_places(call, &table, &strings, options);
    }
    if options.length {
        return call.reply_count(length);
    }
    let mut common = Vec::with_capacity(length);
    table.walk(a, b, |i, _| common.push(a[i]));
    common.reverse();
    call.reply(Frame::Bulk(&common))
}

fn reply_places<'c>(
    call: &mut Call<'c>,
    table: &Lengths,
    [a, b]: &[Vec<u8>; 2],
    options: Options,
) -> Outcome<'c> {
    let mut matches: Vec<Match> = Vec::new();
    table.walk(a, b, |i, j| match matches.last_mut() {
        Some(last) if *last.places[0].start() == i + 1 && *last.places[1].start() == j + 1 => {
            let ends = last.places.each_ref().map(|place| *place.end());
            last.places = [i..=ends[0], j..=ends[1]];
            last.length += 1;
        }
        _ => matches.push(Match {
            places: [i..=i, j..=j],
            length: 1,
        }),
    });
    matches.retain(|found| found.length as i64 >= options.length_min);
    call.reply(Frame::Map(2))?;
    call.reply(Frame::Bulk(b"matches"))?;
    call.reply(Frame::Array(matches.len()))?;
    for found in matches {
        call.reply(Frame::Array(2 + usize::from(options.with_lengths)))?;
        for place in &found.places {
            call.reply(Frame::Array(2))?;
            call.reply_count(*place.start())?;
            call.reply_count(*place.end())?;
        }
        if options.with_lengths {
            call.reply_count(found.length)?;
        }
    }
    call.reply(Frame::Bulk(b"len"))?;
    call.reply_count(table.get(a.len(), b.len()))
}

/// How long the longest common subsequence of each two beginnings is.
struct Lengths {
    cells: Vec<u32>,
    columns: usize,
}

impl Lengths {
    fn of(a: &[u8], b: &[u8]) -> Self {
        let columns = b.len() + 1;
        let mut table = Self {
            cells: vec![0; (a.len() + 1) * columns],
            columns,
        };
        for (i, one) in a.iter().enumerate() {
            for (j, other) in b.iter().enumerate() {
                table.cells[(i + 1) * columns + j + 1] = match one == other {
                    true => table.cells[i * columns + j] + 1,
                    false => {
                        let (above, left) = (i * columns + j + 1, (i + 1) * columns + j);
                        table.cells[above].max(table.cells[left])
                    }
                };
            }
        }
        table
    }
    fn get(&self, i: usize, j: usize) -> usize {
        self.cells[i * self.columns + j] as usize
    }
    /// Calls with the places of each common byte, the last first. Where two ways are as long, the
    /// second string is shortened, as Redis does.
    fn walk(&self, a: &[u8], b: &[u8], mut common: impl FnMut(usize, usize)) {
        let (mut i, mut j) = (a.len(), b.len());
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                i -= 1;
                j -= 1;
                common(i, j);
            } else if self.get(i - 1, j) > self.get(i, j - 1) {
                i -= 1;
            } else {
                j -= 1;
            }
        }
    }
}
