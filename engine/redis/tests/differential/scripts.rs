//! Scripts that are not random: edges of the language, of its libraries and of what scripts may do.

use crate::harness::Host;
use crate::requests::Request;
use crate::server::RealServer;

/// Goal: every one of these scripts gets the reply of Redis, in both protocols.
///
/// Method: each is sent as EVAL with the same keys and arguments to both, from the same data; all that
/// differ are listed together.
#[test]
fn scripts_get_the_replies_of_redis() {
    // Replies are read by recursion, and some are nested as deep as Lua's stack.
    let reader = std::thread::Builder::new().stack_size(64 << 20);
    let reader = reader.spawn(compare_scripts).expect("a thread");
    reader.join().expect("no difference");
}

fn compare_scripts() {
    let Some(mut server) = RealServer::start() else {
        return;
    };
    let mut host = Host::new();
    let mut differences = String::new();
    let mut compare = |request: &Request| {
        let theirs = server.pipeline(std::slice::from_ref(request)).remove(0);
        let args: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
        let ours = host.command(&args);
        if theirs != ours {
            let shown: Vec<String> = request
                .iter()
                .map(|arg| arg.escape_ascii().to_string())
                .collect();
            differences += &format!(
                "{}\n  redis: {}\n  here:  {}\n",
                shown.join(" "),
                theirs.escape_ascii(),
                ours.escape_ascii()
            );
        }
    };
    let words =
        |words: &[&str]| -> Request { words.iter().map(|word| word.as_bytes().to_vec()).collect() };
    for preparation in [
        &["SET", "s", "text"][..],
        &["RPUSH", "l", "1", "2", "3"],
        &["HSET", "h", "f", "v"],
        &["ZADD", "z", "1.5", "m"],
        &["SADD", "t", "7"],
    ] {
        compare(&words(preparation));
    }
    let text = include_str!("scripts.txt");
    for script in text.split("\n---\n") {
        compare(&words(&[
            "EVAL", script, "2", "s", "l", "arg", "10", "x\0y",
        ]));
        compare(&words(&["EVAL_RO", script, "0"]));
    }
    assert!(differences.is_empty(), "{differences}");
}

/// The scripts of an article on Redis, and of the uses that it names beside them.
const ARTICLE: &[(&str, &str)] = &[
    (
        "rate limiter",
        "local key = KEYS[1]
local window = tonumber(ARGV[1])
local max_req = tonumber(ARGV[2])
local now = tonumber(ARGV[3])
-- Remove entries outside the window
redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
-- Count requests in current window
local count = redis.call('ZCARD', key)
if count < max_req then
-- Under limit: add this request
redis.call('ZADD', key, now, now .. '-' .. math.random(1000000))
redis.call('EXPIRE', key, window)
return 1 -- allowed
else
return 0 -- rate limited
end",
    ),
    (
        "lock release",
        "if redis.call('GET', KEYS[1]) == ARGV[1] then
return redis.call('DEL', KEYS[1])
else
return 0 -- someone else holds it now
end",
    ),
    (
        "compare and set",
        "local current = redis.call('GET', KEYS[1])
if current == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2])
  return {1, ARGV[2]}
end
return {0, current}",
    ),
    (
        "inventory",
        "local stock = tonumber(redis.call('HGET', KEYS[1], 'stock') or 0)
local wanted = tonumber(ARGV[1])
if stock < wanted then
  return redis.error_reply('OUTOFSTOCK only ' .. stock .. ' left')
end
redis.call('HINCRBY', KEYS[1], 'reserved', wanted)
return redis.call('HINCRBY', KEYS[1], 'stock', -wanted)",
    ),
    (
        "leaderboard",
        "redis.call('ZADD', KEYS[1], 'GT', ARGV[1], ARGV[2])
local extra = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[3])
if extra > 0 then
  redis.call('ZREMRANGEBYRANK', KEYS[1], 0, extra - 1)
end
return {redis.call('ZREVRANK', KEYS[1], ARGV[2]), redis.call('ZREVRANGE', KEYS[1], 0, -1, 'WITHSCORES')}",
    ),
];

/// What is sent; a name in angle brackets stands for the script, `<sha:name>` for its digest.
const TRANSCRIPT: &[&str] = &[
    "SCRIPT EXISTS <sha:rate limiter>",
    "EVALSHA <sha:rate limiter> 1 rl:api:192.168.1.1 60 3 1714000000",
    "EVAL <rate limiter> 1 rl:api:192.168.1.1 60 3 1714000000",
    "SCRIPT LOAD <rate limiter>",
    "SCRIPT EXISTS <sha:rate limiter> x",
    "EVALSHA <sha:rate limiter> 1 rl:api:192.168.1.1 60 3 1714000001",
    "EVALSHA <sha:rate limiter> 1 rl:api:192.168.1.1 60 3 1714000002",
    "EVALSHA <sha:rate limiter> 1 rl:api:192.168.1.1 60 3 1714000003",
    "ZRANGE rl:api:192.168.1.1 0 -1 WITHSCORES",
    "TTL rl:api:192.168.1.1",
    "EVALSHA <sha:rate limiter> 1 rl:api:192.168.1.1 60 3 1714000061",
    "ZRANGE rl:api:192.168.1.1 0 -1 WITHSCORES",
    "EVAL_RO <rate limiter> 1 rl:api:192.168.1.1 60 3 1714000061",
    "EVAL <rate limiter> 1 rl:api:192.168.1.1 60 3",
    "SET lock:order token-1 NX PX 30000",
    "EVAL <lock release> 1 lock:order token-2",
    "GET lock:order",
    "EVAL <lock release> 1 lock:order token-1",
    "EVAL <lock release> 1 lock:order token-1",
    "GET lock:order",
    "SET config v1",
    "EVAL <compare and set> 1 config v0 v2",
    "EVAL <compare and set> 1 config v1 v2",
    "GET config",
    "EVAL <compare and set> 1 nothing v1 v2",
    "HSET item:1 stock 5",
    "EVAL <inventory> 1 item:1 3",
    "EVAL <inventory> 1 item:1 3",
    "EVAL <inventory> 1 item:1 many",
    "HGETALL item:1",
    "EVAL <leaderboard> 1 board 100 ann 3",
    "EVAL <leaderboard> 1 board 80 bob 3",
    "EVAL <leaderboard> 1 board 120 cat 3",
    "EVAL <leaderboard> 1 board 90 dan 3",
    "EVAL <leaderboard> 1 board 70 cat 3",
    "EVAL <leaderboard> 1 board x cat 3",
    "SET board text",
    "EVAL <leaderboard> 1 board 1 cat 3",
    "EVAL <inventory> 2 item:1",
    "EVAL <inventory> -1 item:1",
    "EVAL <inventory> x item:1",
    "EVAL <inventory>",
    "EVALSHA short 0",
    "EVALSHA_RO <sha:inventory> 1 nothing 1",
    "MULTI",
    "EVAL <inventory> 1 item:1 1",
    "EVALSHA ffffffffffffffffffffffffffffffffffffffff 0",
    "SCRIPT EXISTS <sha:inventory>",
    "EXEC",
    "COMMAND GETKEYS EVAL <inventory> 1 item:1 1",
    "COMMAND GETKEYS EVAL_RO <inventory> 2 a b c",
    "SCRIPT FLUSH",
    "SCRIPT EXISTS <sha:inventory> <sha:leaderboard>",
    "SCRIPT FLUSH ASYNC",
    "SCRIPT FLUSH sync",
    "SCRIPT FLUSH now",
    "SCRIPT FLUSH sync sync",
    "SCRIPT KILL",
    "SCRIPT NOTHING",
    "SCRIPT",
    "SCRIPT LOAD",
    "SCRIPT LOAD +",
    "SCRIPT EXISTS",
    "FUNCTION FLUSH",
    "FUNCTION FLUSH ASYNC",
    "FUNCTION FLUSH now",
    "FUNCTION KILL",
    "FUNCTION DELETE x",
    "FUNCTION NOTHING",
    "FUNCTION",
    "FCALL x 0",
    "FCALL_RO x 0",
    "FCALL x",
];

fn substituted(word: &str) -> Vec<u8> {
    let script = |name: &str| {
        let found = ARTICLE.iter().find(|(known, _)| *known == name);
        found.expect("a script").1.as_bytes().to_vec()
    };
    let name = word
        .strip_prefix('<')
        .and_then(|word| word.strip_suffix('>'));
    match name {
        None => word.as_bytes().to_vec(),
        Some(name) => match name.strip_prefix("sha:") {
            Some(name) => Host::new().command(&[b"SCRIPT", b"LOAD", &script(name)])[5..45].to_vec(),
            None => script(name),
        },
    }
}

/// Splits at spaces outside of angle brackets.
fn split(request: &str) -> Request {
    let mut words = Vec::new();
    let mut rest = request;
    while !rest.is_empty() {
        let end = match rest.starts_with('<') {
            true => rest.find('>').map(|at| at + 1),
            false => rest.find(' '),
        };
        let (word, behind) = rest.split_at(end.unwrap_or(rest.len()));
        words.push(substituted(word));
        rest = behind.trim_start_matches(' ');
    }
    words
}

/// Goal: the scripts that a reader of the article tries give what the article's server gives.
///
/// Method: one transcript, request by request, against a new server: random numbers go on from script
/// to script, beginning with the same one in every server.
#[test]
fn the_scripts_of_the_article_have_the_transcript_of_redis() {
    let Some(mut server) = RealServer::start() else {
        return;
    };
    let mut host = Host::new();
    for request in TRANSCRIPT {
        let words = split(request);
        let theirs = server.pipeline(std::slice::from_ref(&words)).remove(0);
        let args: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let ours = host.command(&args);
        assert_eq!(
            ours.escape_ascii().to_string(),
            theirs.escape_ascii().to_string(),
            "{request}"
        );
    }
}
