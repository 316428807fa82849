//! Random requests on lists.

use super::{LASTING, Request, pick, words};
use kvrig_base::random::Sequence;

const KEYS: &[&str] = &["l1", "l2", "l3"];
const ELEMENTS: &[&str] = &[
    "a",
    "b",
    "c",
    "1",
    "-1",
    "128",
    "70000",
    "",
    "007",
    "9223372036854775807",
];
const INDEXES: &[&str] = &[
    "0",
    "1",
    "2",
    "-1",
    "-2",
    "5",
    "-5",
    "100",
    "-100",
    "x",
    "",
    "9223372036854775807",
    "-9223372036854775808",
];
const COUNTS: &[&str] = &["0", "1", "2", "3", "10", "-1", "x", "9223372036854775807"];
const ENDS: &[&str] = &["LEFT", "RIGHT", "left", "x"];

/// One request.
pub(super) fn request(random: &mut Sequence) -> Request {
    let key = |random: &mut Sequence| match random.below(20) {
        0 => pick(random, LASTING),
        _ => pick(random, KEYS),
    };
    let mut request = words(&[]);
    let mut say = |word: &str| request.push(word.as_bytes().to_vec());
    match random.below(24) {
        0..=7 => {
            say(pick(
                random,
                &["LPUSH", "RPUSH", "RPUSH", "LPUSHX", "RPUSHX"],
            ));
            say(key(random));
            for _ in 0..=random.below(4) {
                match random.below(30) {
                    // Long enough that a few fill a listpack.
                    0 => say(&"x".repeat(1_000 + random.below(9_000) as usize)),
                    _ => say(pick(random, ELEMENTS)),
                }
            }
        }
        8..=9 => {
            say(pick(random, &["LPOP", "RPOP"]));
            say(key(random));
            if random.below(3) == 0 {
                say(pick(random, COUNTS));
            }
        }
        10 => {
            say("LLEN");
            say(key(random));
        }
        11 => {
            say("LINDEX");
            say(key(random));
            say(pick(random, INDEXES));
        }
        12..=13 => {
            say("LSET");
            say(key(random));
            say(pick(random, INDEXES));
            say(pick(random, ELEMENTS));
        }
        14..=15 => {
            say("LRANGE");
            say(key(random));
            say(pick(random, INDEXES));
            say(pick(random, INDEXES));
        }
        16 => {
            say("LTRIM");
            say(key(random));
            say(pick(random, INDEXES));
            say(pick(random, &["-1", "-2", "5", "x"]));
        }
        17 => {
            say("LREM");
            say(key(random));
            say(pick(random, COUNTS));
            say(pick(random, ELEMENTS));
        }
        18..=19 => {
            say("LINSERT");
            say(key(random));
            say(pick(random, &["BEFORE", "AFTER", "after", "x"]));
            say(pick(random, ELEMENTS));
            say(pick(random, ELEMENTS));
        }
        20 => {
            say("RPOPLPUSH");
            say(key(random));
            say(key(random));
        }
        21 => {
            say("LMOVE");
            say(key(random));
            say(key(random));
            say(pick(random, ENDS));
            say(pick(random, ENDS));
        }
        22 => {
            say("LMPOP");
            let keys = 1 + random.below(2);
            say(pick(random, &["0", "x", "3", "1", "2", "1", "2"]));
            for _ in 0..keys {
                say(key(random));
            }
            say(pick(random, ENDS));
            if random.below(2) == 0 {
                say("COUNT");
                say(pick(random, COUNTS));
            }
        }
        _ => {
            say("LPOS");
            say(key(random));
            say(pick(random, ELEMENTS));
            for _ in 0..random.below(3) {
                say(pick(random, &["RANK", "COUNT", "MAXLEN", "x"]));
                say(pick(random, COUNTS));
            }
        }
    }
    request
}
