//! Random requests on sets.

use super::{LASTING, Request, pick};
use kvrig_base::random::Sequence;

const KEYS: &[&str] = &["s1", "s2", "s3", "s4"];
const MEMBERS: &[&str] = &[
    "a",
    "b",
    "c",
    "",
    "007",
    "1",
    "2",
    "3",
    "-1",
    "40000",
    "-3000000000",
    "9223372036854775807",
];
const INTEGERS: &[&str] = &["1", "2", "3", "-1", "40000", "-3000000000", "5", "6"];

/// One request.
pub(super) fn request(random: &mut Sequence) -> Request {
    let mut request = Request::new();
    let mut say = |word: &str| request.push(word.as_bytes().to_vec());
    let key = |random: &mut Sequence| match random.below(30) {
        0 => pick(random, LASTING),
        _ => pick(random, KEYS),
    };
    match random.below(20) {
        0..=4 => {
            let pool = if random.below(2) == 0 {
                INTEGERS
            } else {
                MEMBERS
            };
            say("SADD");
            say(key(random));
            for _ in 0..=random.below(4) {
                say(pick(random, pool));
            }
        }
        5 => {
            // So many that the array of integers is left.
            say("SADD");
            say(key(random));
            for member in 0..300 + random.below(300) {
                say(&member.to_string());
            }
        }
        6..=7 => {
            say("SREM");
            say(key(random));
            for _ in 0..=random.below(4) {
                say(pick(random, MEMBERS));
            }
        }
        8 => {
            say("SMOVE");
            say(key(random));
            say(key(random));
            say(pick(random, MEMBERS));
        }
        9..=10 => {
            say(pick(random, &["SISMEMBER", "SMISMEMBER", "SMISMEMBER"]));
            say(key(random));
            for _ in 0..=random.below(2) {
                say(pick(random, MEMBERS));
            }
        }
        11..=12 => {
            say(pick(random, &["SCARD", "SMEMBERS", "DEL"]));
            say(key(random));
        }
        13..=14 => {
            say(pick(random, &["SINTER", "SUNION", "SDIFF"]));
            for _ in 0..=random.below(3) {
                say(key(random));
            }
        }
        15..=16 => {
            say(pick(random, &["SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"]));
            for _ in 0..2 + random.below(3) {
                say(key(random));
            }
        }
        17 => {
            say("SINTERCARD");
            say(pick(random, &["1", "2", "2", "3", "0", "x", "-1"]));
            for _ in 0..=random.below(2) {
                say(key(random));
            }
            if random.below(2) == 0 {
                say(pick(random, &["LIMIT", "limit", "x"]));
                say(pick(random, &["0", "1", "100", "-1", "x"]));
            }
        }
        18 => match random.below(2) {
            0 => {
                say("OBJECT");
                say("ENCODING");
                say(key(random));
            }
            _ => {
                say("SSCAN");
                say(key(random));
                say("0");
                say("COUNT");
                say(pick(random, &["2000", "x"]));
            }
        },
        _ => {
            // Only draws of all members are the same everywhere.
            say(pick(random, &["SPOP", "SRANDMEMBER"]));
            say(key(random));
            say(pick(random, &["0", "2000", "-9223372036854775808", "x"]));
        }
    }
    request
}
