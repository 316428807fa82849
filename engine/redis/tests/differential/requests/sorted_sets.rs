//! Random requests on sorted sets.

use super::{LASTING, Request, pick};
use kvrig_base::random::Sequence;

const KEYS: &[&str] = &["z1", "z2", "z3"];
/// Keys whose members all have one score: ranges by member are specified for no other.
const LEVEL_KEYS: &[&str] = &["zl1", "zl2"];
/// Keys that may also hold sets.
const OPERANDS: &[&str] = &["z1", "z2", "z3", "z3", "s1", "s2"];
const MEMBERS: &[&str] = &["a", "b", "c", "aa", "1", "-1", "", "007", "member"];
const SCORES: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "3",
    "1.5",
    "0.1",
    "-0.0",
    "inf",
    "-inf",
    "+inf",
    "nan",
    "1e3",
    "1e400",
    "0x10",
    "x",
    "",
    " 1",
    "9007199254740993",
    "3.0000000000000004",
];
const SCORE_ENDS: &[&str] = &[
    "-inf", "+inf", "0", "(0", "1", "(1", "2", "(3", "1.5", "x", "(", "", "nan",
];
const MEMBER_ENDS: &[&str] = &["-", "+", "[a", "(a", "[b", "(c", "[", "(", "a", "", "[1"];
const RANKS: &[&str] = &["0", "1", "2", "-1", "-2", "-100", "100", "x"];
const WORDS: &[&str] = &["NX", "XX", "GT", "LT", "CH", "INCR", "ch", "x"];

/// One request.
pub(super) fn request(random: &mut Sequence) -> Request {
    let mut request = Request::new();
    let mut say = |word: &str| request.push(word.as_bytes().to_vec());
    let key = |random: &mut Sequence| match random.below(30) {
        0 => pick(random, LASTING),
        _ => pick(random, KEYS),
    };
    match random.below(26) {
        0 => {
            say("ZADD");
            say(pick(random, LEVEL_KEYS));
            for _ in 0..=random.below(5) {
                say("0");
                say(pick(random, MEMBERS));
            }
        }
        1..=6 => {
            say("ZADD");
            say(key(random));
            for _ in 0..random.below(6).saturating_sub(3) {
                say(pick(random, WORDS));
            }
            for _ in 0..=random.below(3) {
                say(pick(random, SCORES));
                match random.below(60) {
                    // Too long for a listpack.
                    0 => say(&"m".repeat(65)),
                    _ => say(pick(random, MEMBERS)),
                }
            }
        }
        7 => {
            // So many that a listpack is left.
            say("ZADD");
            say(key(random));
            for member in 0..100 + random.below(60) {
                say(&(member * 7 % 50).to_string());
                say(&format!("m{member}"));
            }
        }
        8 => {
            say("ZINCRBY");
            say(key(random));
            say(pick(random, SCORES));
            say(pick(random, MEMBERS));
        }
        9 => {
            say("ZREM");
            say(key(random));
            for _ in 0..=random.below(3) {
                say(pick(random, MEMBERS));
            }
        }
        10..=11 => {
            say(pick(random, &["ZSCORE", "ZRANK", "ZREVRANK", "ZMSCORE"]));
            say(key(random));
            say(pick(random, MEMBERS));
        }
        12 => {
            say(pick(random, &["ZCARD", "DEL", "TYPE"]));
            say(key(random));
        }
        13 => {
            say("ZCOUNT");
            say(key(random));
            say(pick(random, SCORE_ENDS));
            say(pick(random, SCORE_ENDS));
        }
        14 => {
            say(pick(random, &["ZLEXCOUNT", "ZREMRANGEBYLEX"]));
            say(pick(random, LEVEL_KEYS));
            say(pick(random, MEMBER_ENDS));
            say(pick(random, MEMBER_ENDS));
        }
        15..=18 => range(random, &mut say, key),
        19 => {
            match random.below(2) {
                0 => {
                    say("ZREMRANGEBYRANK");
                    say(key(random));
                    say(pick(random, RANKS));
                    say(pick(random, RANKS));
                }
                _ => {
                    say("ZREMRANGEBYSCORE");
                    say(key(random));
                    say(pick(random, SCORE_ENDS));
                    say(pick(random, SCORE_ENDS));
                }
            };
        }
        20 => {
            say(pick(random, &["ZPOPMIN", "ZPOPMAX"]));
            say(key(random));
            if random.below(2) == 0 {
                say(pick(random, &["0", "1", "2", "-1", "x"]));
            }
        }
        21 => {
            say("ZMPOP");
            say(pick(random, &["1", "2", "2", "0", "x"]));
            say(key(random));
            say(key(random));
            say(pick(random, &["MIN", "MAX", "max", "x"]));
            if random.below(2) == 0 {
                say("COUNT");
                say(pick(random, &["1", "3", "0", "x"]));
            }
        }
        22..=24 => algebra(random, &mut say),
        _ => match random.below(3) {
            0 => {
                say("OBJECT");
                say("ENCODING");
                say(key(random));
            }
            1 => {
                say("ZSCAN");
                say(key(random));
                say("0");
                say("COUNT");
                say("2000");
            }
            _ => {
                say("ZRANDMEMBER");
                say(key(random));
                say(pick(random, &["0", "2000", "x", "-9223372036854775808"]));
            }
        },
    }
    request
}

fn range(
    random: &mut Sequence,
    say: &mut dyn FnMut(&str),
    key: impl Fn(&mut Sequence) -> &'static str,
) {
    let name = pick(
        random,
        &[
            "ZRANGE",
            "ZRANGE",
            "ZREVRANGE",
            "ZRANGEBYSCORE",
            "ZREVRANGEBYSCORE",
            "ZRANGEBYLEX",
            "ZREVRANGEBYLEX",
            "ZRANGESTORE",
        ],
    );
    say(name);
    if name == "ZRANGESTORE" {
        say(key(random));
    }
    let kind = match name {
        "ZRANGE" | "ZRANGESTORE" => random.below(3),
        "ZREVRANGE" => 0,
        name if name.ends_with("SCORE") => 1,
        _ => 2,
    };
    say(match kind {
        2 => pick(random, LEVEL_KEYS),
        _ => key(random),
    });
    let ends = [RANKS, SCORE_ENDS, MEMBER_ENDS][kind as usize];
    say(pick(random, ends));
    say(pick(random, ends));
    if name == "ZRANGE" || name == "ZRANGESTORE" {
        match kind {
            1 => say("BYSCORE"),
            2 => say("BYLEX"),
            _ => {}
        }
        if random.below(2) == 0 {
            say("REV");
        }
    }
    if random.below(2) == 0 {
        say("LIMIT");
        say(pick(random, &["0", "1", "2", "-1", "x"]));
        say(pick(random, &["1", "2", "10", "0", "-1"]));
    }
    if random.below(2) == 0 {
        say("WITHSCORES");
    }
}

fn algebra(random: &mut Sequence, say: &mut dyn FnMut(&str)) {
    let name = pick(
        random,
        &[
            "ZUNION",
            "ZINTER",
            "ZDIFF",
            "ZINTERCARD",
            "ZUNIONSTORE",
            "ZINTERSTORE",
            "ZDIFFSTORE",
        ],
    );
    say(name);
    if name.ends_with("STORE") {
        say(pick(random, KEYS));
    }
    let keys = 1 + random.below(3);
    match random.below(12) {
        0 => say(pick(random, &["0", "x", "4", "-1"])),
        _ => say(&keys.to_string()),
    }
    for _ in 0..keys {
        say(pick(random, OPERANDS));
    }
    if random.below(3) == 0 {
        say("WEIGHTS");
        for _ in 0..keys {
            say(pick(random, &["1", "2", "-1", "0", "0.5", "inf", "x"]));
        }
    }
    if random.below(3) == 0 {
        say("AGGREGATE");
        say(pick(random, &["SUM", "MIN", "MAX", "x"]));
    }
    match random.below(4) {
        0 => say("WITHSCORES"),
        1 => {
            say("LIMIT");
            say(pick(random, &["0", "1", "-1"]));
        }
        _ => {}
    }
}
