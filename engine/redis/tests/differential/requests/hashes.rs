//! Random requests on hashes.

use super::{LASTING, Request, pick};
use kvrig_base::random::Sequence;

const KEYS: &[&str] = &["h1", "h2", "h3"];
const FIELDS: &[&str] = &[
    "a",
    "b",
    "c",
    "1",
    "-1",
    "70000",
    "",
    "007",
    "field-of-some-length",
];
const VALUES: &[&str] = &[
    "x",
    "1",
    "-5",
    "9223372036854775807",
    "",
    "1.5",
    "a value of some length",
];
const COUNTS: &[&str] = &[
    "0",
    "2000",
    "x",
    "9223372036854775807",
    "-9223372036854775808",
];

/// One request.
pub(super) fn request(random: &mut Sequence) -> Request {
    let mut request = Request::new();
    let mut say = |word: &str| request.push(word.as_bytes().to_vec());
    let key = match random.below(20) {
        0 => pick(random, LASTING),
        _ => pick(random, KEYS),
    };
    match random.below(20) {
        0..=5 => {
            say(pick(random, &["HSET", "HSET", "HMSET"]));
            say(key);
            for _ in 0..=random.below(4) {
                say(pick(random, FIELDS));
                match random.below(40) {
                    // Too long for a listpack.
                    0 => say(&"x".repeat(65)),
                    _ => say(pick(random, VALUES)),
                }
            }
        }
        6 => {
            // So many that a listpack is left.
            say("HSET");
            say(key);
            for field in 0..200 + random.below(400) {
                say(&format!("f{field}"));
                say("v");
            }
        }
        7 => {
            say("HSETNX");
            say(key);
            say(pick(random, FIELDS));
            say(pick(random, VALUES));
        }
        8..=9 => {
            say("HINCRBY");
            say(key);
            say(pick(random, FIELDS));
            say(pick(random, &["1", "-1", "9223372036854775807", "x", ""]));
        }
        10..=11 => {
            say("HDEL");
            say(key);
            for _ in 0..=random.below(5) {
                say(pick(random, FIELDS));
            }
        }
        12..=14 => {
            say(pick(random, &["HGET", "HEXISTS", "HSTRLEN", "HMGET"]));
            say(key);
            say(pick(random, FIELDS));
        }
        15 => {
            say("HMGET");
            say(key);
            for _ in 0..=random.below(4) {
                say(pick(random, FIELDS));
            }
        }
        16..=17 => {
            say(pick(random, &["HLEN", "HKEYS", "HVALS", "HGETALL", "DEL"]));
            say(key);
        }
        18 => {
            say("HSCAN");
            say(key);
            say(pick(random, &["0", "0", "0", "x"]));
            // Enough for all fields: fewer come in an order that depends on the hash key.
            say("COUNT");
            say(pick(random, &["2000", "2000", "0", "x"]));
            for _ in 0..random.below(2) {
                say(pick(random, &["MATCH", "match", "TYPE"]));
                say(pick(random, &["*", "[ab]*", "hash"]));
            }
        }
        _ => match random.below(2) {
            0 => {
                say("OBJECT");
                say(pick(random, &["ENCODING", "REFCOUNT", "x"]));
                say(key);
            }
            _ => {
                say("HRANDFIELD");
                say(key);
                say(pick(random, COUNTS));
                if random.below(4) == 0 {
                    say(pick(random, &["x", "withvaluesx"]));
                }
            }
        },
    }
    request
}
