//! Random requests on strings, expiry and keys of any type.

use super::{LASTING, Request, pick};
use kvrig_base::random::Sequence;

/// Keys that may have an expiry counted from now. Replies about them state seconds, not more.
const RELATIVE: &[&str] = &["rel:1", "rel:2"];
/// Keys that may have an expiry at a stated time, so that replies about them can state it.
const ABSOLUTE: &[&str] = &["abs:1", "abs:2", "abs:3"];
const VALUES: &[&[u8]] = &[
    b"",
    b"0",
    b"1",
    b"-1",
    b"9999",
    b"10000",
    b"007",
    b"-0",
    b"+5",
    b" 5",
    b"1.5",
    b"hello",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"9223372036854775808",
    b"\0",
    b"a\r\nb",
    b"\xff\xfe",
    b"just-as-long-as-an-embedded-string-can-be-44",
    b"one-longer-than-an-embedded-string-may-be---45",
];
const INCREMENTS: &[&str] = &[
    "0",
    "1",
    "-1",
    "10000",
    "-20000",
    "9223372036854775807",
    "-9223372036854775808",
    "x",
    "",
    "1.5",
    "01",
    "+1",
];
/// Times to come and times past, in seconds.
const UNIX_SECONDS: &[&str] = &[
    "4000000000",
    "4000000001",
    "4100000000",
    "1",
    "0",
    "-7",
    "x",
];
const UNIX_MILLIS: &[&str] = &[
    "4000000000499",
    "4000000000500",
    "4100000000000",
    "1",
    "-1",
    "9223372036854775807",
];
const SECONDS: &[&str] = &[
    "1000",
    "2000",
    "3000",
    "0",
    "-1",
    "x",
    "9223372036854775807",
    "9223372036854775",
    "-9223372036854776",
];
const SET_OPTIONS: &[&str] = &[
    "NX", "XX", "GET", "KEEPTTL", "nX", "FOO", "EX", "PXAT", "get\0x",
];
const EXPIRE_OPTIONS: &[&str] = &["NX", "XX", "GT", "LT", "gt", "FOO", ""];
const PATTERNS: &[&str] = &[
    "*", "k*", "k[1-2]", "k?", "[^k]*", "rel\\:*", "", "**", "*:[12]",
];

fn any_key(random: &mut Sequence) -> &'static str {
    match random.below(3) {
        0 => pick(random, RELATIVE),
        1 => pick(random, ABSOLUTE),
        _ => pick(random, LASTING),
    }
}

/// One request.
pub(crate) fn request(random: &mut Sequence) -> Request {
    let mut words: Vec<Vec<u8>> = Vec::new();
    let mut say = |word: &str| words.push(word.as_bytes().to_vec());
    match random.below(37) {
        0..=3 => {
            say("GET");
            say(any_key(random));
        }
        4..=8 => {
            say("SET");
            say(any_key(random));
            words.push(pick(random, VALUES).to_vec());
            for _ in 0..random.below(3) {
                words.push(pick(random, SET_OPTIONS).as_bytes().to_vec());
            }
        }
        9 => {
            say("SET");
            say(pick(random, RELATIVE));
            say("v");
            say("EX");
            say(pick(random, SECONDS));
        }
        10 => {
            let (form, times) = if random.below(2) == 0 {
                ("EXAT", UNIX_SECONDS)
            } else {
                ("PXAT", UNIX_MILLIS)
            };
            say("SET");
            say(pick(random, ABSOLUTE));
            say("v");
            say(form);
            say(pick(random, times));
            if random.below(3) == 0 {
                say(pick(random, SET_OPTIONS));
            }
        }
        11 => {
            say(pick(random, &["SETNX", "APPEND", "append"]));
            say(any_key(random));
            words.push(pick(random, VALUES).to_vec());
        }
        12 => {
            say("SETEX");
            say(pick(random, RELATIVE));
            say(pick(random, SECONDS));
            say("v");
        }
        13..=14 => {
            say(pick(random, &["INCR", "DECR", "STRLEN", "TYPE", "PERSIST"]));
            say(any_key(random));
        }
        15..=17 => {
            say(pick(random, &["INCRBY", "DECRBY"]));
            say(any_key(random));
            say(pick(random, INCREMENTS));
        }
        18..=19 => {
            say(pick(random, &["DEL", "UNLINK", "EXISTS", "MGET"]));
            for _ in 0..1 + random.below(3) {
                words.push(any_key(random).as_bytes().to_vec());
            }
        }
        20..=21 => {
            say("MSET");
            for _ in 0..1 + random.below(2) {
                words.push(any_key(random).as_bytes().to_vec());
                words.push(pick(random, VALUES).to_vec());
            }
        }
        22..=23 => {
            let (name, times) = if random.below(2) == 0 {
                ("EXPIREAT", UNIX_SECONDS)
            } else {
                ("PEXPIREAT", UNIX_MILLIS)
            };
            say(name);
            say(pick(random, ABSOLUTE));
            say(pick(random, times));
            for _ in 0..random.below(3) {
                words.push(pick(random, EXPIRE_OPTIONS).as_bytes().to_vec());
            }
        }
        24..=25 => {
            say("EXPIRE");
            say(pick(random, RELATIVE));
            say(pick(random, SECONDS));
            for _ in 0..random.below(3) {
                words.push(pick(random, EXPIRE_OPTIONS).as_bytes().to_vec());
            }
        }
        26 => {
            say(pick(random, &["EXPIRETIME", "PEXPIRETIME"]));
            say(pick(random, ABSOLUTE));
        }
        27 => {
            say("TTL");
            say(pick(random, RELATIVE));
        }
        28 => {
            say(pick(random, &["TTL", "ttl"]));
            say(pick(random, LASTING));
        }
        29..=30 => {
            for word in [
                "SCAN",
                "0",
                "COUNT",
                "100000",
                "MATCH",
                pick(random, PATTERNS),
            ] {
                say(word);
            }
            if random.below(2) == 0 {
                say("TYPE");
                say(pick(random, &["string", "STRING", "hash", "none"]));
            }
        }
        31 => say(pick(random, &["DBSIZE", "PING", "FLUSHDB"])),
        32 => {
            say("SELECT");
            say(pick(
                random,
                &["0", "0", "0", "1", "15", "16", "-1", "x", "99999999999"],
            ));
        }
        33 => {
            say("GETEX");
            say(pick(random, RELATIVE));
            if random.below(4) > 0 {
                say("EX");
                say(pick(random, SECONDS));
            }
            for _ in 0..random.below(2) {
                say(pick(random, &["PERSIST", "persist", "EX", "KEEPTTL", "NX"]));
            }
        }
        34..=35 => {
            say("GETEX");
            say(pick(random, ABSOLUTE));
            match random.below(4) {
                0 => say("PERSIST"),
                1 => {
                    say("EXAT");
                    say(pick(random, UNIX_SECONDS));
                }
                _ => {
                    say("PXAT");
                    say(pick(random, UNIX_MILLIS));
                }
            }
            if random.below(4) == 0 {
                say(pick(random, &["PERSIST", "PXAT", "EXAT"]));
                say(pick(random, UNIX_MILLIS));
            }
        }
        _ => {
            say(pick(random, &["nosuch", "ECHO", "PING", "FLUSHALL", ""]));
            for _ in 0..random.below(3) {
                words.push(pick(random, VALUES).to_vec());
            }
        }
    }
    words
}
