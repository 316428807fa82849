//! Random requests on parts of strings and on their bits.

use super::{LASTING, Request, pick};
use kvrig_base::random::Sequence;

const VALUES: &[&[u8]] = &[
    b"",
    b"0",
    b"12345",
    b"-7",
    b"hello world",
    b"\0\0\0",
    b"\xff\xff\xff",
    b"\xff\xf0\x00\x00\x00\x00\x00\x00\x00\x01",
    b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x08",
    b"just-as-long-as-an-embedded-string-can-be-44",
    b"one-longer-than-an-embedded-string-may-be---45",
];
/// Places of bits and bytes.
const PLACES: &[&str] = &[
    "0",
    "1",
    "2",
    "7",
    "8",
    "9",
    "15",
    "31",
    "40",
    "63",
    "64",
    "100",
    "333",
    "-1",
    "-2",
    "-8",
    "-9",
    "-40",
    "-1000",
    "x",
    "",
    "01",
    "9223372036854775807",
    "-9223372036854775808",
];
/// The same, none of them so large that a server fills memory with zeros.
const PLACES_WRITTEN: &[&str] = &[
    "0",
    "1",
    "7",
    "8",
    "9",
    "40",
    "63",
    "64",
    "100",
    "400",
    "-1",
    "x",
    "4294967296",
    "9223372036854775807",
];
const BITS: &[&str] = &["0", "1", "0", "1", "0", "1", "2", "-1", "x"];
const UNITS: &[&str] = &["BIT", "bit", "BYTE", "byte", "bits", ""];

/// One request.
pub(crate) fn request(random: &mut Sequence) -> Request {
    let mut words: Vec<Vec<u8>> = Vec::new();
    let mut say = |word: &str| words.push(word.as_bytes().to_vec());
    match random.below(22) {
        0..=1 => {
            say(pick(random, &["SET", "GETSET", "APPEND", "SETNX"]));
            say(pick(random, LASTING));
            words.push(pick(random, VALUES).to_vec());
        }
        2..=5 => {
            say("SETBIT");
            say(pick(random, LASTING));
            say(pick(random, PLACES_WRITTEN));
            say(pick(random, BITS));
        }
        6 => {
            say("GETBIT");
            say(pick(random, LASTING));
            say(pick(random, PLACES));
        }
        7..=9 => {
            say("BITCOUNT");
            say(pick(random, LASTING));
            if random.below(4) > 0 {
                say(pick(random, PLACES));
                say(pick(random, PLACES));
                for _ in 0..random.below(2) {
                    say(pick(random, UNITS));
                }
            }
        }
        10..=12 => {
            say("BITPOS");
            say(pick(random, LASTING));
            say(pick(random, BITS));
            for _ in 0..random.below(3) {
                say(pick(random, PLACES));
            }
            if random.below(3) == 0 {
                say(pick(random, PLACES));
                say(pick(random, UNITS));
            }
        }
        13..=14 => {
            say("BITOP");
            say(pick(random, &["AND", "OR", "XOR", "NOT", "and", "NAND"]));
            for _ in 0..2 + random.below(3) {
                words.push(pick(random, LASTING).as_bytes().to_vec());
            }
        }
        15..=16 => {
            say(pick(random, &["GETRANGE", "SUBSTR"]));
            say(pick(random, LASTING));
            say(pick(random, PLACES));
            say(pick(random, PLACES));
        }
        17..=18 => {
            say("SETRANGE");
            say(pick(random, LASTING));
            say(pick(random, PLACES_WRITTEN));
            words.push(pick(random, VALUES).to_vec());
        }
        19 => {
            say("MSETNX");
            for _ in 0..1 + random.below(2) {
                words.push(pick(random, LASTING).as_bytes().to_vec());
                words.push(pick(random, VALUES).to_vec());
            }
        }
        20 => {
            say("OBJECT");
            say("ENCODING");
            say(pick(random, LASTING));
        }
        _ => {
            say(pick(random, &["GET", "GETDEL", "STRLEN", "DEL"]));
            say(pick(random, LASTING));
        }
    }
    words
}
