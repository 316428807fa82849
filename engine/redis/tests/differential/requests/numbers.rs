//! Random requests on numbers within strings and hashes: packed integers, sums of floating-point
//! numbers, and what two strings have in common.

use super::{LASTING, Request, pick};
use kvrig_base::random::Sequence;

const VALUES: &[&[u8]] = &[
    b"",
    b"0",
    b"3.0e3",
    b"-7",
    b"0.1",
    b"ohmytext",
    b"mynewtext",
    b"abcabcabc-xyz",
    b"\xff\xf0\x00\x00\x00\x00\x00\x00\x00\x01",
    b"just-as-long-as-an-embedded-string-can-be-44",
    b"one-longer-than-an-embedded-string-may-be---45",
];
const FLOATS: &[&str] = &[
    "0",
    "1",
    "-1",
    "0.1",
    "0.2",
    "-0.3",
    "3.14159265358979323846",
    "1e-17",
    "4.9e-18",
    "1e-18",
    "-1e-30",
    "1e17",
    "123456789.123456789",
    "18446744073709551615",
    "18446744073709551617",
    "1e30",
    "-1e30",
    "1e4932",
    "-1e4932",
    "2e4932",
    "1e-4940",
    "1e-4951",
    "1e-5000",
    "inf",
    "-Infinity",
    "nan",
    "0x1.8p3",
    "0x10",
    "0x",
    "+5",
    " 1",
    "1 ",
    "1e",
    ".5",
    "5.",
    ".",
    "",
    "x",
];
const FORMS: &[&str] = &[
    "u1", "u2", "u4", "u8", "u13", "u31", "u32", "u63", "i1", "i2", "i8", "i13", "i32", "i63",
    "i64", "I8", "u64", "i65", "u0", "i", "8", "i08",
];
const PLACES: &[&str] = &[
    "0",
    "1",
    "3",
    "7",
    "8",
    "13",
    "64",
    "#0",
    "#1",
    "#2",
    "#7",
    "-1",
    "#-1",
    "x",
    "#",
    "4294967296",
    "#9223372036854775807",
];
const INTEGERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "3",
    "127",
    "128",
    "-128",
    "-129",
    "255",
    "256",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "x",
];
const OVERFLOWS: &[&str] = &["WRAP", "SAT", "FAIL", "wrap", "none"];

/// One request.
pub(crate) fn request(random: &mut Sequence) -> Request {
    let mut words: Vec<Vec<u8>> = Vec::new();
    let mut say = |word: &str| words.push(word.as_bytes().to_vec());
    match random.below(16) {
        0..=1 => {
            say(pick(random, &["SET", "APPEND", "SETNX"]));
            say(pick(random, LASTING));
            words.push(pick(random, VALUES).to_vec());
        }
        2..=4 => {
            say("INCRBYFLOAT");
            say(pick(random, LASTING));
            say(pick(random, FLOATS));
        }
        5 => {
            say("HSET");
            say(pick(random, LASTING));
            say(pick(random, &["f", "g"]));
            words.push(pick(random, VALUES).to_vec());
        }
        6..=7 => {
            say("HINCRBYFLOAT");
            say(pick(random, LASTING));
            say(pick(random, &["f", "g"]));
            say(pick(random, FLOATS));
        }
        8..=11 => {
            say(pick(
                random,
                &["BITFIELD", "BITFIELD", "BITFIELD", "BITFIELD_RO"],
            ));
            say(pick(random, LASTING));
            for _ in 0..random.below(4) {
                match random.below(8) {
                    0..=1 => {
                        say("OVERFLOW");
                        say(pick(random, OVERFLOWS));
                    }
                    2..=3 => {
                        say("GET");
                        say(pick(random, FORMS));
                        say(pick(random, PLACES));
                    }
                    4..=6 => {
                        say(pick(random, &["SET", "INCRBY", "incrby"]));
                        say(pick(random, FORMS));
                        say(pick(random, PLACES));
                        say(pick(random, INTEGERS));
                    }
                    _ => say(pick(random, &["GET", "SET", "x"])),
                }
            }
        }
        12..=13 => {
            say("LCS");
            say(pick(random, LASTING));
            say(pick(random, LASTING));
            for _ in 0..random.below(4) {
                match random.below(5) {
                    0 => say("LEN"),
                    1..=2 => say("IDX"),
                    3 => say("WITHMATCHLEN"),
                    _ => {
                        say("MINMATCHLEN");
                        say(pick(random, &["0", "1", "2", "4", "-1", "x"]));
                    }
                }
            }
        }
        14 => {
            say("OBJECT");
            say("ENCODING");
            say(pick(random, LASTING));
        }
        _ => {
            say(pick(random, &["GET", "DEL", "STRLEN", "HGETALL"]));
            say(pick(random, LASTING));
        }
    }
    words
}
