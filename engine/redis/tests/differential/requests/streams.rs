//! Random requests on streams.
//!
//! Ids are given, because two servers do not share a clock.

use super::{LASTING, Request, pick};
use kvrig_base::random::Sequence;

const KEYS: &[&str] = &["x1", "x1", "x1", "x2", "x2", "x3"];
const GROUPS: &[&str] = &["g1", "g1", "g1", "g2", "g2", "none"];
const CONSUMERS: &[&str] = &["c1", "c1", "c2", "c2", "c3", ""];
/// Most ids that are added have this time, so that they can be added in any order of requests.
const LAST_MS: u64 = 20;
const FIELDS: &[&str] = &["a", "b", "f", "1", ""];
const VALUES: &[&str] = &["x", "1", "-70000", "", "a value of some length"];
/// Ids that are rare or none.
const EDGES: &[&str] = &[
    "0",
    "0-0",
    "-",
    "+",
    "$",
    ">",
    "*",
    "x",
    "",
    "-1",
    "1-",
    "1--1",
    "+1-2",
    "007-1",
    "1-*",
    "18446744073709551615",
    "18446744073709551616",
    "18446744073709551615-18446744073709551615",
];
const COUNTS: &[&str] = &["1", "2", "3", "10", "0", "-1", "x", "9223372036854775807"];

/// An id: mostly one that there may be.
fn id(random: &mut Sequence) -> String {
    match random.below(16) {
        0 => pick(random, EDGES).to_owned(),
        1 => random.below(LAST_MS + 1).to_string(),
        2..=8 => format!("{LAST_MS}-{}", random.below(40)),
        _ => format!("{}-{}", random.below(LAST_MS), random.below(3)),
    }
}

/// An end of an interval.
fn end(random: &mut Sequence) -> String {
    match random.below(6) {
        0 => "-".to_owned(),
        1 => "+".to_owned(),
        2 => format!("({}", id(random)),
        _ => id(random),
    }
}

fn add(request: &mut Vec<String>, random: &mut Sequence) {
    let mut say = |word: &str| request.push(word.to_owned());
    if random.below(12) == 0 {
        say("NOMKSTREAM");
    }
    if random.below(6) == 0 {
        trim(request, random);
    }
    let mut say = |word: &str| request.push(word.to_owned());
    match random.below(12) {
        0..=1 => say(&format!("{}-*", random.below(LAST_MS))),
        // A star alone would be the time.
        2 => say(id(random).trim_start_matches('*')),
        3..=6 => say(&format!("{}-{}", random.below(LAST_MS), random.below(3))),
        _ => say(&format!("{LAST_MS}-*")),
    }
    let pairs = match random.below(30) {
        0 => 40,
        1 => 0,
        _ => 1 + random.below(3),
    };
    let same = random.below(2) == 0;
    for pair in 0..pairs {
        match same {
            true => say(FIELDS[pair as usize % FIELDS.len()]),
            false => say(pick(random, FIELDS)),
        }
        match random.below(20) {
            0 => say(&"long ".repeat(900)),
            1..=4 => say(&"x".repeat(600)),
            _ => say(pick(random, VALUES)),
        }
    }
}

fn trim(request: &mut Vec<String>, random: &mut Sequence) {
    let mut say = |word: &str| request.push(word.to_owned());
    let by_id = random.below(2) == 0;
    say(if by_id { "MINID" } else { "maxlen" });
    match random.below(5) {
        0..=1 => say("~"),
        2 => say("="),
        _ => {}
    }
    match by_id {
        true => say(&id(random)),
        false => say(&match random.below(10) {
            0 => pick(random, COUNTS).to_owned(),
            _ => random.below(30).to_string(),
        }),
    }
    if random.below(4) == 0 {
        say("LIMIT");
        say(pick(random, &["0", "1", "5", "100", "-1", "x"]));
    }
    if random.below(30) == 0 {
        say(pick(random, &["MAXLEN", "MINID"]));
        say("5");
    }
}

fn streams(request: &mut Vec<String>, random: &mut Sequence, ids: &[&str]) {
    let mut say = |word: &str| request.push(word.to_owned());
    if random.below(2) == 0 {
        say("COUNT");
        say(pick(random, COUNTS));
    }
    say("STREAMS");
    let count = 1 + random.below(2);
    for _ in 0..count {
        say(pick(random, KEYS));
    }
    for _ in 0..count {
        match random.below(3) {
            0 => say(&id(random)),
            _ => say(pick(random, ids)),
        }
    }
}

fn group(request: &mut Vec<String>, key: &str, random: &mut Sequence) {
    let mut say = |word: &str| request.push(word.to_owned());
    let subcommands = [
        "CREATE",
        "CREATE",
        "CREATE",
        "SETID",
        "SETID",
        "DESTROY",
        "CREATECONSUMER",
        "DELCONSUMER",
    ];
    let subcommand = pick(random, &subcommands);
    say(subcommand);
    say(key);
    say(pick(random, GROUPS));
    match subcommand {
        "CREATE" | "SETID" => {
            match random.below(3) {
                0 => say(pick(random, &["0", "$", "-", "+"])),
                _ => say(&id(random)),
            }
            if random.below(3) == 0 {
                say("MKSTREAM");
            }
            if random.below(3) == 0 {
                say("ENTRIESREAD");
                say(pick(random, &["0", "1", "5", "-1", "-2", "x"]));
            }
        }
        "DESTROY" => {}
        _ => say(pick(random, CONSUMERS)),
    }
}

fn claim(request: &mut Vec<String>, random: &mut Sequence) {
    let mut say = |word: &str| request.push(word.to_owned());
    say(pick(random, GROUPS));
    say(pick(random, CONSUMERS));
    say(pick(random, &["0", "0", "0", "-1", "3600000", "x"]));
    for _ in 0..=random.below(4) {
        say(&id(random));
    }
    for _ in 0..random.below(3) {
        let options = ["FORCE", "JUSTID", "IDLE", "TIME", "RETRYCOUNT", "LASTID"];
        let option = pick(random, &options);
        say(option);
        match option {
            // Idle times are so long that it does not matter when a request arrives.
            "IDLE" => say(pick(
                random,
                &["0", "7200000", "7200000", "x", "-9223372036854775808"],
            )),
            "TIME" => say(pick(random, &["99999999999999", "1000", "1000", "-5", "x"])),
            "RETRYCOUNT" => say(pick(random, &["0", "7", "-1", "x"])),
            "LASTID" => say(&id(random)),
            _ => {}
        }
    }
}

/// One request.
pub(super) fn request(random: &mut Sequence) -> Request {
    let mut request: Vec<String> = Vec::new();
    let key = match random.below(25) {
        0 => pick(random, LASTING),
        _ => pick(random, KEYS),
    };
    let mut say = |word: &str| request.push(word.to_owned());
    match random.below(32) {
        0..=9 => {
            say("XADD");
            say(key);
            add(&mut request, random);
        }
        10..=11 => {
            say(pick(random, &["XRANGE", "XREVRANGE"]));
            say(key);
            say(&end(random));
            say(&end(random));
            if random.below(3) == 0 {
                say(pick(random, &["COUNT", "count", "x"]));
                say(pick(random, COUNTS));
            }
        }
        12..=13 => {
            say("XDEL");
            say(key);
            for _ in 0..=random.below(6) {
                say(&id(random));
            }
        }
        14 => {
            say("XTRIM");
            say(key);
            trim(&mut request, random);
        }
        15 => {
            say("XSETID");
            say(key);
            say(&id(random));
            if random.below(3) == 0 {
                say("ENTRIESADDED");
                say(pick(random, &["0", "5", "100", "-1", "x"]));
            }
            if random.below(3) == 0 {
                say("MAXDELETEDID");
                say(&id(random));
            }
        }
        16 => {
            say("XREAD");
            streams(&mut request, random, &["0", "$", "5-1", ">"]);
        }
        17..=20 => {
            say("XREADGROUP");
            say("GROUP");
            say(pick(random, GROUPS));
            say(pick(random, CONSUMERS));
            if random.below(4) == 0 {
                say("NOACK");
            }
            streams(&mut request, random, &[">", ">", ">", "0", "$"]);
        }
        21..=22 => {
            say("XGROUP");
            group(&mut request, key, random);
        }
        23 => {
            say("XACK");
            say(key);
            say(pick(random, GROUPS));
            for _ in 0..=random.below(4) {
                say(&id(random));
            }
        }
        24 => {
            say("XPENDING");
            say(key);
            say(pick(random, GROUPS));
            match random.below(4) {
                0..=1 => {}
                2 => {
                    say("IDLE");
                    say(pick(random, &["0", "3600000", "x"]));
                    say("-");
                    say(&end(random));
                    say(pick(random, COUNTS));
                    if random.below(2) == 0 {
                        say(pick(random, CONSUMERS));
                    }
                }
                _ => {
                    say(&end(random));
                    say(&end(random));
                    say(pick(random, COUNTS));
                    if random.below(2) == 0 {
                        say(pick(random, CONSUMERS));
                    }
                }
            }
        }
        25 => {
            say("XCLAIM");
            say(key);
            claim(&mut request, random);
        }
        26 => {
            say("XAUTOCLAIM");
            say(key);
            say(pick(random, GROUPS));
            say(pick(random, CONSUMERS));
            say(pick(random, &["0", "0", "0", "-1", "3600000", "x"]));
            say(&end(random));
            for _ in 0..random.below(3) {
                match random.below(2) {
                    0 => say("JUSTID"),
                    _ => {
                        say("COUNT");
                        say(pick(random, &["1", "2", "5", "0", "x"]));
                    }
                }
            }
        }
        27..=29 => {
            say("XINFO");
            match random.below(6) {
                0 => {
                    say("GROUPS");
                    say(key);
                }
                1 => {
                    say("CONSUMERS");
                    say(key);
                    say(pick(random, GROUPS));
                }
                2 => {
                    say("STREAM");
                    say(key);
                    say("FULL");
                    if random.below(2) == 0 {
                        say(pick(random, &["COUNT", "x"]));
                        say(pick(random, COUNTS));
                    }
                }
                _ => {
                    say("STREAM");
                    say(key);
                }
            }
        }
        30 => {
            say("COPY");
            say(pick(random, KEYS));
            say(pick(random, KEYS));
            say("REPLACE");
        }
        _ => {
            match random.below(6) {
                0 => say("DEL"),
                1 => {
                    say("OBJECT");
                    say("ENCODING");
                }
                2 => say("TYPE"),
                _ => say("XLEN"),
            }
            say(key);
        }
    }
    request.into_iter().map(String::into_bytes).collect()
}
