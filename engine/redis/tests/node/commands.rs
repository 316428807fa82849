//! What each command answers, edges first. The replies are those of a Redis 7.0.15.

use crate::harness::{CONN, Host, readable};
use crate::requests::{self, GROUPS, Group};
use kvrig_base::random::Seed;
use kvrig_base::seam::Counter;
use kvrig_redis::Config;
use kvrig_tables::TableKind;

const MIN: &str = "-9223372036854775808";
const MAX: &str = "9223372036854775807";

#[test]
fn set_obeys_its_options() {
    Host::new().check(&[
        ("GET a", "$-1"),
        ("SET a 1", "+OK"),
        ("GET a", "$1 1"),
        ("SET a 2 NX", "$-1"),
        ("SET a 2 XX", "+OK"),
        ("SET b 2 XX", "$-1"),
        ("SET b 2 nx", "+OK"),
        ("SET b 3 GET", "$1 2"),
        ("SET b 4 NX GET", "$1 3"),
        ("SET b 4 GET XX", "$1 3"),
        ("SET c 1 GET NX", "$-1"),
        ("SET d 1 XX GET", "$-1"),
        ("MGET a b c d", "*4 $1 2 $1 4 $1 1 $-1"),
        ("SET a '' GET GET", "$1 2"),
        ("GET a", "$0 "),
    ]);
}

#[test]
fn set_refuses_options_that_contradict_each_other() {
    let mut host = Host::new();
    for options in [
        "NX XX",
        "XX NX",
        "EX 1 PX 1",
        "EX 1 KEEPTTL",
        "KEEPTTL EX 1",
        "EXAT 1 PXAT 1",
        "EX",
        "PXAT",
        "FOO",
        "EX 1 2",
        "PERSIST",
        "NX NX XX",
    ] {
        assert_eq!(
            host.ask(&format!("SET a 1 {options}")),
            "-ERR syntax error",
            "{options}"
        );
    }
    for options in ["NX NX", "EX 1 EX 2", "KEEPTTL KEEPTTL"] {
        host.ask("DEL a");
        assert_eq!(host.ask(&format!("SET a 1 {options}")), "+OK", "{options}");
    }
    for options in [
        "EX 0",
        "EX -1",
        "PX 0",
        "EXAT 0",
        "EX 9223372036854775807",
        "EX 9223372036854775",
    ]
    .into_iter()
    .chain(["PX 9223372036854775807", "EXAT 9223372036854776"])
    {
        let reply = "-ERR invalid expire time in 'set' command";
        assert_eq!(host.ask(&format!("SET a 1 {options}")), reply, "{options}");
    }
    host.check(&[
        (
            "SET a 1 EX x",
            "-ERR value is not an integer or out of range",
        ),
        ("SETEX a 0 1", "-ERR invalid expire time in 'setex' command"),
        (
            "PSETEX a -5 1",
            "-ERR invalid expire time in 'psetex' command",
        ),
        (
            "SETEX a x 1",
            "-ERR value is not an integer or out of range",
        ),
    ]);
}

#[test]
fn setnx_answers_with_a_number() {
    Host::new().check(&[("SETNX a 1", ":1"), ("SETNX a 2", ":0"), ("GET a", "$1 1")]);
}

#[test]
fn integers_count_up_to_their_ends() {
    let mut host = Host::new();
    host.check(&[
        ("INCR a", ":1"),
        ("INCRBY a 41", ":42"),
        ("DECR a", ":41"),
        ("DECRBY a 100", ":-59"),
        ("INCRBY a 20000", ":19941"),
        ("INCR a", ":19942"),
        ("GET a", "$5 19942"),
        ("SET s abc", "+OK"),
        ("INCR s", "-ERR value is not an integer or out of range"),
        ("SET s 01", "+OK"),
        ("INCR s", "-ERR value is not an integer or out of range"),
        (
            "INCRBY a 1.5",
            "-ERR value is not an integer or out of range",
        ),
        ("SET t 1", "+OK"),
        ("APPEND t 0", ":2"),
        ("INCR t", ":11"),
    ]);
    host.check(&[
        (&format!("SET m {MAX}"), "+OK"),
        ("INCR m", "-ERR increment or decrement would overflow"),
        (&format!("SET m {MIN}"), "+OK"),
        ("DECR m", "-ERR increment or decrement would overflow"),
        (&format!("DECRBY m {MIN}"), "-ERR decrement would overflow"),
        (
            &format!("INCRBY m {MIN}"),
            "-ERR increment or decrement would overflow",
        ),
        (&format!("INCRBY m {MAX}"), ":-1"),
    ]);
}

#[test]
fn append_makes_a_string_of_anything() {
    Host::new().check(&[
        ("APPEND a 12", ":2"),
        ("INCR a", ":13"),
        ("APPEND a x", ":3"),
        ("GET a", "$3 13x"),
        ("APPEND a ''", ":3"),
        ("STRLEN a", ":3"),
        ("STRLEN none", ":0"),
        ("SET n -17", "+OK"),
        ("STRLEN n", ":3"),
    ]);
}

#[test]
fn no_string_grows_beyond_the_limit() {
    let mut config = Config::default();
    config
        .set("proto-max-bulk-len", "1mb")
        .expect("it is honoured");
    let mut host = Host::with(config, TableKind::Redis70);
    let megabyte = vec![b'x'; 1 << 20];
    assert_eq!(readable(&host.command(&[b"SET", b"a", &megabyte])), "+OK");
    host.check(&[
        (
            "APPEND a x",
            "-ERR string exceeds maximum allowed size (proto-max-bulk-len)",
        ),
        ("STRLEN a", ":1048576"),
    ]);
}

#[test]
fn keys_are_counted_and_removed() {
    Host::new().check(&[
        ("MSET a 1 b 2 c 3", "+OK"),
        ("EXISTS a b x a", ":3"),
        ("DBSIZE", ":3"),
        ("TYPE a", "+string"),
        ("TYPE x", "+none"),
        ("DEL a x a", ":1"),
        ("UNLINK b b", ":1"),
        ("DBSIZE", ":1"),
        ("MSET a 1 a 2", "+OK"),
        ("GET a", "$1 2"),
        (
            "MSET a 1 b",
            "-ERR wrong number of arguments for 'mset' command",
        ),
        ("FLUSHALL nosync", "-ERR syntax error"),
        ("FLUSHALL SYNC ASYNC", "-ERR syntax error"),
        ("FLUSHALL ASYNC", "+OK"),
        ("DBSIZE", ":0"),
    ]);
}

#[test]
fn databases_are_apart() {
    Host::new().check(&[
        ("SET a 0", "+OK"),
        ("SELECT 15", "+OK"),
        ("GET a", "$-1"),
        ("SET a 15", "+OK"),
        ("SELECT 16", "-ERR DB index is out of range"),
        ("SELECT -1", "-ERR DB index is out of range"),
        ("SELECT x", "-ERR value is not an integer or out of range"),
        (
            "SELECT 2147483648",
            "-ERR value is out of range, value must between -2147483648 and 2147483647",
        ),
        ("GET a", "$2 15"),
        ("FLUSHDB", "+OK"),
        ("DBSIZE", ":0"),
        ("SELECT 0", "+OK"),
        ("GET a", "$1 0"),
        ("FLUSHALL", "+OK"),
        ("GET a", "$-1"),
    ]);
}

#[test]
fn connections_are_answered() {
    Host::new().check(&[
        ("PING", "+PONG"),
        ("ping hello", "$5 hello"),
        (
            "PING a b",
            "-ERR wrong number of arguments for 'ping' command",
        ),
        ("ECHO x", "$1 x"),
        ("ECHO", "-ERR wrong number of arguments for 'echo' command"),
    ]);
}

#[test]
fn quit_is_answered_and_nothing_behind_it() {
    let mut host = Host::new();
    assert_eq!(host.ask("QUIT with anything"), "+OK");
    assert!(host.asked_to_close(CONN));
    host.input(kvrig_base::seam::Input::Command {
        conn: CONN,
        args: &[b"PING"],
    });
    assert!(host.replies().is_empty());
}

#[test]
fn unknown_commands_are_quoted_as_redis_quotes_them() {
    let mut host = Host::new();
    host.check(&[
        (
            "foo",
            "-ERR unknown command 'foo', with args beginning with: ",
        ),
        (
            "foo a b",
            "-ERR unknown command 'foo', with args beginning with: 'a' 'b' ",
        ),
        ("''", "-ERR unknown command '', with args beginning with: "),
        ("GeT", "-ERR wrong number of arguments for 'get' command"),
    ]);
    let reply = host.command(&[b"foo\r\nbar", b"a\r\n", b"b\0c", b"d\r\n"]);
    let text = "-ERR unknown command 'foo  bar', with args beginning with: 'a  ' 'b' 'd  ' ";
    assert_eq!(readable(&reply), text);
    let [name, long] = [[b'x'; 200], [b'y'; 200]];
    let text = format!(
        "-ERR unknown command '{}', with args beginning with: '{}' ",
        "x".repeat(128),
        "y".repeat(128),
    );
    assert_eq!(readable(&host.command(&[&name, &long, &long])), text);
    let text = format!(
        "-ERR unknown command 'x', with args beginning with: '{}' '{}' ",
        "y".repeat(100),
        "z".repeat(25),
    );
    let args: [&[u8]; 4] = [b"x", &[b'y'; 100], &[b'z'; 100], b"w"];
    assert_eq!(readable(&host.command(&args)), text);
}

#[test]
fn scan_returns_every_key_once_while_nothing_changes() {
    for tables in TableKind::ALL {
        let mut host = Host::with(Config::default(), *tables);
        for key in 0..1_000 {
            host.ask(&format!("SET key:{key} {key}"));
        }
        let mut keys = scan_all(&mut host, "COUNT 7");
        assert!(keys.len() == 1_000, "{tables}: {} keys", keys.len());
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 1_000, "{tables}");
        let matching = scan_all(&mut host, "MATCH key:9?? TYPE string COUNT 100");
        assert_eq!(matching.len(), 100, "{tables}");
        assert_eq!(
            scan_all(&mut host, "TYPE hash COUNT 100").len(),
            0,
            "{tables}"
        );
    }
}

#[test]
fn scan_refuses_what_it_does_not_understand() {
    Host::new().check(&[
        ("SCAN x", "-ERR invalid cursor"),
        ("SCAN 18446744073709551616", "-ERR invalid cursor"),
        ("SCAN 0 COUNT 0", "-ERR syntax error"),
        ("SCAN 0 COUNT", "-ERR syntax error"),
        ("SCAN 0 FOO 1", "-ERR syntax error"),
        (
            "SCAN 0 COUNT x",
            "-ERR value is not an integer or out of range",
        ),
        ("SCAN 0 COUNT 9223372036854775807", "*2 $1 0 *0"),
        ("SCAN -1", "*2 $1 0 *0"),
        ("SCAN ''", "*2 $1 0 *0"),
    ]);
}

/// The keys that a whole SCAN returns, repetitions included.
fn scan_all(host: &mut Host, options: &str) -> Vec<String> {
    let mut keys = Vec::new();
    let mut cursor = "0".to_owned();
    loop {
        let reply = host.ask(&format!("SCAN {cursor} {options}"));
        let words: Vec<&str> = reply.split(' ').collect();
        cursor = words[2].to_owned();
        keys.extend(
            words[4..]
                .iter()
                .skip(1)
                .step_by(2)
                .map(|&key| key.to_owned()),
        );
        if cursor == "0" {
            return keys;
        }
    }
}

#[test]
fn receipts_count_what_was_done() {
    let mut host = Host::new();
    host.ask("SET key 0123456789abcdef");
    let counts = host.counts();
    assert_eq!(counts.get(Counter::Commands), 1);
    assert_eq!(
        counts.get(Counter::ProtocolElements),
        1,
        "the request came whole, and is answered OK"
    );
    assert_eq!(
        counts.get(Counter::BytesCopied),
        3 + 16,
        "key and value into the store"
    );
    assert_eq!(
        counts.get(Counter::BytesScanned),
        16 + 3,
        "looking for an integer, and comparing the key when it is found to be there"
    );
    host.ask("GET key");
    assert_eq!(
        host.counts().get(Counter::BytesCopied),
        16,
        "the value into the reply"
    );
    assert_eq!(host.counts().get(Counter::AllocationsSmall), 0);
    let large = vec![b'x'; 40_000];
    host.command(&[b"SET", b"key", &large]);
    assert_eq!(host.counts().get(Counter::AllocationsLarge), 1);
    assert_eq!(host.counts().get(Counter::Frees), 1, "the old value");
    host.ask("SET key 12");
    assert_eq!(
        host.counts().get(Counter::BytesCopied),
        0,
        "an integer lies in its record"
    );
}

/// A set of so many members at `key`.
fn add_members(host: &mut Host, key: &str, members: u64) {
    for member in 0..members {
        host.ask(&format!("SADD {key} member-{member}"));
    }
}

/// What threads beside were given to do since the last call.
fn left_to_threads(host: &mut Host) -> Vec<kvrig_base::seam::Counts> {
    let (effects, data) = host.effects.take();
    let counts = effects.iter().filter_map(|effect| match effect {
        kvrig_base::seam::Effect::Offload { counts, .. } => Some(*counts),
        _ => None,
    });
    let counts = counts.collect();
    host.effects.reuse(effects, data);
    counts
}

#[test]
fn deleting_a_large_set_counts_the_way_to_every_member() {
    let mut host = Host::new();
    add_members(&mut host, "s", 100);
    assert_eq!(host.ask("DEL s"), ":1");
    let counts = host.counts();
    assert!(counts.get(Counter::Frees) > 2 * 100, "entries and strings");
    assert!(counts.get(Counter::EntriesVisited) >= 100);
    assert!(counts.get(Counter::BucketsProbed) >= 128);
    assert_eq!(left_to_threads(&mut host), []);
}

#[test]
fn unlinking_leaves_a_large_set_to_a_thread_and_releases_a_small_one_itself() {
    let mut host = Host::new();
    for (members, is_left) in [(64, false), (65, true)] {
        add_members(&mut host, "s", members);
        left_to_threads(&mut host);
        assert_eq!(host.ask("UNLINK s nothing"), ":1");
        assert_eq!(host.ask("EXISTS s"), ":0");
        let left = left_to_threads(&mut host);
        assert_eq!(left.len(), usize::from(is_left), "{members} members");
        for counts in left {
            assert!(counts.get(Counter::Frees) > 2 * members);
            assert!(counts.get(Counter::EntriesVisited) >= members);
        }
    }
}

#[test]
fn flushing_frees_every_key_and_value_or_leaves_that_to_a_thread() {
    let mut host = Host::new();
    for (request, is_left) in [
        ("FLUSHALL", false),
        ("FLUSHALL ASYNC", true),
        ("FLUSHDB ASYNC", true),
    ] {
        for key in 0..100 {
            host.ask(&format!(
                "SET a-key-that-lies-outside-its-record-{key} a-value-of-some-length"
            ));
        }
        add_members(&mut host, "s", 100);
        left_to_threads(&mut host);
        assert_eq!(host.ask(request), "+OK");
        let own = host.counts().get(Counter::Frees);
        assert_eq!(host.ask("DBSIZE"), ":0");
        let left = left_to_threads(&mut host);
        let left: u64 = left.iter().map(|counts| counts.get(Counter::Frees)).sum();
        let (most, least) = if is_left { (left, own) } else { (own, left) };
        assert!(most > 3 * 100 + 2 * 100, "{request}: {most}");
        assert_eq!(least, 0, "{request}");
    }
}

#[test]
fn sorting_counts_a_visit_for_each_comparison() {
    let mut host = Host::new();
    for number in 0..256_u32 {
        host.ask(&format!("RPUSH l {}", number * 167 % 256));
    }
    host.ask("SORT l");
    let visits = host.counts().get(Counter::EntriesVisited);
    assert!(visits > 256 + 256 * 4, "{visits}");
}

#[test]
fn every_element_of_a_reply_is_counted() {
    let mut host = Host::new();
    host.ask("RPUSH l a b c");
    host.ask("HSET h f1 v1 f2 v2");
    host.ask("ZADD z 1 a 2 b");
    host.ask("XADD s 1-1 f v");
    for (request, elements) in [
        ("GET nothing", 1),
        ("LRANGE l 0 -1", 1 + 3),
        ("HGETALL h", 1 + 4),
        ("HMGET h f1 f2 f3", 1 + 3),
        ("ZRANGE z 0 -1 WITHSCORES", 1 + 4),
        ("ZADD z 3 a", 1),
        ("XADD s 2-1 f v", 1),
        // An array of two entries, each of them one of an id and an array of field and value.
        ("XRANGE s - +", 1 + 2 * 5),
    ] {
        host.ask(request);
        let counted = host.counts().get(Counter::ProtocolElements);
        assert_eq!(counted, elements, "{request}");
    }
}

/// How many elements a reply has: heads, strings and numbers.
fn elements(mut reply: &[u8]) -> u64 {
    let mut count = 0;
    while let Some(end) = reply.windows(2).position(|two| two == b"\r\n") {
        let line = &reply[..end];
        reply = &reply[end + 2..];
        count += 1;
        let length = str::from_utf8(&line[1..])
            .ok()
            .and_then(|text| text.parse::<i64>().ok());
        if let (b'$', Some(length @ 0..)) = (line[0], length) {
            reply = &reply[length as usize + 2..];
        }
    }
    count
}

/// Goal: no command forgets an element of its reply in its receipt.
///
/// Method: random requests of all groups; errors are left out, and scripts, whose commands reply to them.
#[test]
fn the_elements_of_random_replies_are_counted() {
    let mut host = Host::new();
    let groups: Vec<Group> = GROUPS
        .iter()
        .filter(|group| group.0 != "scripts")
        .copied()
        .collect();
    let mut random = Seed(17).stream("elements").sequence(0);
    let mut differences = std::collections::BTreeMap::new();
    for number in 0..30_000 {
        if number % 300 == 0 {
            host.ask("FLUSHALL");
        }
        let request = requests::request(&groups, &mut random);
        let args: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
        let reply = host.command(&args);
        let counted = host.counts().get(Counter::ProtocolElements);
        if reply[0] != b'-' && counted != elements(&reply) {
            let shown = request.join(&b' ').escape_ascii().to_string();
            let name = request[0].to_ascii_lowercase();
            differences
                .entry(name)
                .or_insert((shown, counted, elements(&reply)));
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
}

/// ZADD looks a member up once, and once more where it adds it (`redis:src/t_zset.c`, zsetAdd; dictAdd
/// looks for the key itself); a score that keeps the order is changed in its node.
#[test]
fn zadd_looks_a_member_up_as_often_as_redis_does() {
    let mut host = Host::new();
    host.ask("CONFIG SET zset-max-listpack-entries 0");
    for member in ["a", "b", "c"] {
        host.ask(&format!("ZADD z 0 {member}"));
    }
    host.ask("ZADD z 1 a 2 b 3 c");
    let mut counted = |request: &str| {
        host.ask(request);
        let counts = host.counts();
        // The key of the set is hashed as well.
        let look_ups = counts.get(Counter::KeysHashed) - 1;
        (look_ups, counts.get(Counter::AllocationsSmall))
    };
    assert_eq!(counted("ZADD z 1.5 a"), (1, 0), "it stays before b");
    assert_eq!(counted("ZADD z 9 a"), (1, 1), "a node for it behind c");
    assert_eq!(counted("ZADD z 9 a"), (1, 0), "nothing changes");
    // The member, its node and its entry.
    assert_eq!(counted("ZADD z 5 d"), (2, 3));
}
