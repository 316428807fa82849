//! Life at the memory limit beside a real Redis.

use crate::harness::Host;
use crate::requests::words;
use crate::server::RealServer;
use kvrig_base::seam::Input;

const POLICIES: &[&str] = &[
    "noeviction",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
];
/// Keys of each class before the limit is set.
const KEYS: usize = 600;
/// Keys that come then.
const KEYS_MORE: usize = 1_500;
/// Bytes that the limit leaves free.
const HEADROOM: u64 = 20_000;

/// Between the keys of the beginning and those that come, so that the clock of idle times, which counts
/// seconds, tells them apart however long a busy machine takes over either.
const PAUSE_MS: u64 = 2_000;

/// One request and its reply.
type Ask<'a> = &'a mut dyn FnMut(&[&str]) -> String;

/// What is left of each class of keys, and how many of the last were refused.
#[derive(Debug)]
struct Outcome {
    refused: u64,
    lasting: u64,
    passing: u64,
    more: u64,
}

fn name(class: &str, number: usize) -> String {
    format!("{class}:{number:06}")
}

/// Fills, sets the limit, and goes on.
fn outcome(policy: &str, ask: Ask<'_>) -> Outcome {
    let value = "v".repeat(32);
    ask(&[
        "CONFIG",
        "SET",
        "maxmemory",
        "0",
        "maxmemory-policy",
        policy,
    ]);
    ask(&["FLUSHALL"]);
    for number in 0..KEYS {
        ask(&["SET", &name("lasting", number), &value]);
        ask(&["SET", &name("passing", number), &value, "EX", "10000"]);
        // Those without expiry are used less.
        ask(&["GET", &name("passing", number)]);
    }
    let limit = (used_memory(&ask(&["INFO", "memory"])) + HEADROOM).to_string();
    ask(&["CONFIG", "SET", "maxmemory", &limit]);
    if policy.ends_with("lru") {
        ask(&["DEBUG", "SLEEP", &format!("{}", PAUSE_MS / 1_000)]);
    }
    let more = (0..KEYS_MORE).map(|number| ask(&["SET", &name("more", number), &value]));
    let refused = more.filter(|reply| reply.starts_with("-OOM")).count() as u64;
    let mut left = |class: &str, count: usize| {
        let names = (0..count).map(|number| name(class, number));
        let replies = names.map(|name| ask(&["EXISTS", &name]));
        replies.filter(|reply| reply.starts_with(":1")).count() as u64
    };
    Outcome {
        refused,
        lasting: left("lasting", KEYS),
        passing: left("passing", KEYS),
        more: left("more", KEYS_MORE),
    }
}

/// The field of INFO.
fn used_memory(info: &str) -> u64 {
    let rest = info.split("used_memory:").nth(1).expect("INFO has it");
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

/// Goal: at the limit the node keeps what Redis keeps, and refuses as often.
///
/// Method: both are filled with keys that expire and keys that do not, get the same room above what
/// they use, and more keys. Which key goes is chance, how many of each class is not.
#[test]
fn each_policy_keeps_as_many_keys_of_each_class_as_redis() {
    let Some(mut server) = RealServer::start() else {
        return;
    };
    server.ask(&["DEBUG", "REPLYBUFFER", "RESIZING", "0"]);
    for policy in POLICIES {
        // Buffers of the connection reach their size in a first round.
        let mut theirs = None;
        for _ in 0..2 {
            let mut ask = |request: &[&str]| {
                let reply = server.pipeline(&[words(request)]).remove(0);
                String::from_utf8_lossy(&reply).into_owned()
            };
            theirs = Some(outcome(policy, &mut ask));
        }
        let theirs = theirs.expect("two rounds");
        let mut host = Host::new();
        let ours = outcome(policy, &mut |request| match request {
            ["DEBUG", "SLEEP", _] => {
                host.pass_ms(PAUSE_MS);
                host.input(Input::Deadline);
                "+OK".to_owned()
            }
            _ => host.ask(&request.join(" ")),
        });
        let is_near = |theirs: u64, ours: u64| theirs.abs_diff(ours) <= 80 + theirs / 20;
        let pairs = [
            (theirs.refused, ours.refused),
            (theirs.lasting, ours.lasting),
            (theirs.passing, ours.passing),
            (theirs.more, ours.more),
        ];
        assert!(
            pairs.iter().all(|&(theirs, ours)| is_near(theirs, ours)),
            "{policy}: {theirs:?} in Redis, {ours:?} here"
        );
    }
}
