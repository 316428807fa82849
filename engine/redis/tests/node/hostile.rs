//! Bytes from someone who means harm, or from a client that is broken.

use crate::harness::Host;
use crate::requests::{self, GROUPS, Group, wire_pieces};
use kvrig_base::id::ConnId;
use kvrig_base::random::{Seed, Sequence};
use kvrig_base::seam::Input;
use kvrig_redis::resp::encode_request;

/// Inputs of a plain run; the variable asks for more, as a search in earnest does with ten million.
const INPUTS: u64 = 30_000;
/// After so many inputs the node is emptied, so that mutated requests meet small values.
const INPUTS_PER_LIFE: u32 = 200;
/// No string may be longer than `proto-max-bulk-len` of the test, and no reply or value has more
/// than some of them.
const BULK_BYTES_MAX: u64 = 1 << 20;
const USED_BYTES_MAX: u64 = 256 << 20;
/// Scripts are left out: a mutated one may run for ever, as it may in Redis.
const LEFT_OUT: &[&str] = &["scripts"];

fn inputs() -> u64 {
    let asked = std::env::var("KVRIG_FUZZED_INPUTS").ok();
    asked.and_then(|asked| asked.parse().ok()).unwrap_or(INPUTS)
}

/// A stream of one to four requests, or of pieces of the protocol.
fn stream(groups: &[Group], random: &mut Sequence) -> Vec<u8> {
    if random.below(8) == 0 {
        return wire_pieces(random).concat();
    }
    let mut stream = Vec::new();
    for _ in 0..=random.below(4) {
        let request = requests::request(groups, random);
        let args: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
        encode_request(&args, &mut stream);
    }
    stream
}

/// Changes a stream in one place: a byte, a number, a stretch left out, doubled or moved.
fn mutate(stream: &mut Vec<u8>, random: &mut Sequence) {
    const NUMBERS: &[&[u8]] = &[
        b"0",
        b"-1",
        b"1",
        b"2147483647",
        b"2147483648",
        b"4294967296",
        b"9223372036854775807",
        b"-9223372036854775808",
        b"18446744073709551616",
        b"1e308",
        b"nan",
        b"-inf",
        b"0x10",
        b"",
        b"00000000000000000001",
    ];
    if stream.is_empty() {
        return;
    }
    let at = random.below(stream.len() as u64) as usize;
    let end = (at + 1 + random.below(16) as usize).min(stream.len());
    match random.below(6) {
        0 => stream[at] ^= 1 << random.below(8),
        1 => stream[at] = random.below(256) as u8,
        2 => _ = stream.drain(at..end),
        3 => {
            let stretch = stream[at..end].to_vec();
            _ = stream.splice(at..at, stretch);
        }
        4 => stream.truncate(at),
        _ => {
            // The first number from here on becomes one that is hard to bear.
            let digits = stream[at..].iter().position(u8::is_ascii_digit);
            if let Some(start) = digits.map(|digits| at + digits) {
                let len = stream[start..].iter().take_while(|b| b.is_ascii_digit());
                let end = start + len.count();
                let number = NUMBERS[random.below(NUMBERS.len() as u64) as usize];
                _ = stream.splice(start..end, number.iter().copied());
            }
        }
    }
}

/// Sends a stream in one to three pieces on a connection of its own.
fn send(host: &mut Host, conn: ConnId, stream: &[u8], random: &mut Sequence) -> usize {
    host.input(Input::Connected { conn });
    let mut reply_bytes = 0;
    let (mut consumed, mut arrived) = (0, 0);
    while arrived < stream.len() {
        let left = (stream.len() - arrived) as u64;
        arrived += 1 + random.below(left) as usize;
        consumed += host.input(Input::Bytes {
            conn,
            bytes: &stream[consumed..arrived],
        });
        assert!(consumed <= arrived, "a node uses what has arrived");
        let replies = host.replies();
        reply_bytes += replies.iter().map(|(_, reply)| reply.len()).sum::<usize>();
        if host.asked_to_close(conn) {
            break;
        }
    }
    host.input(Input::Closed { conn });
    host.out.clear();
    let (effects, data) = host.effects.take();
    host.effects.reuse(effects, data);
    reply_bytes
}

/// Goal: whatever arrives, the node neither panics nor takes memory without bound, and serves on.
///
/// Method: random streams of all kinds of requests, mutated up to four times, cut anywhere.
#[test]
fn mutated_requests_are_answered_within_bounds() {
    let groups: Vec<Group> = GROUPS
        .iter()
        .filter(|(name, _)| !LEFT_OUT.contains(name))
        .copied()
        .collect();
    let draws = Seed(7).stream("hostile");
    let inputs = inputs();
    let (mut most_used, mut reply_bytes) = (0, 0);
    for life in 0..inputs.div_ceil(INPUTS_PER_LIFE.into()) {
        let mut host = Host::new();
        if life % 2 == 1 {
            host.node.look_ahead();
        }
        let limit = format!("CONFIG SET proto-max-bulk-len {BULK_BYTES_MAX}");
        host.check(&[(&limit, "+OK")]);
        let mut random = draws.sequence(life);
        for number in 0..INPUTS_PER_LIFE {
            let mut bytes = stream(&groups, &mut random);
            (0..random.below(5)).for_each(|_| mutate(&mut bytes, &mut random));
            host.pass_ms(random.below(3));
            reply_bytes += send(&mut host, ConnId(1 + number), &bytes, &mut random);
        }
        let info = host.ask("INFO memory");
        let used = info
            .split(' ')
            .find_map(|line| line.strip_prefix("used_memory:"));
        let used: u64 = used.and_then(|used| used.parse().ok()).expect("it is told");
        most_used = most_used.max(used);
        assert!(used < USED_BYTES_MAX, "life {life}: {used} bytes are used");
        host.check(&[("PING", "+PONG")]);
    }
    assert!(most_used > 0 && reply_bytes as u64 > inputs);
}

/// Goal: lengths that no memory could hold are refused before anything is set aside for them.
#[test]
fn lengths_beyond_the_limits_are_refused_as_redis_refuses_them() {
    for (stream, reply) in [
        (
            "*1\r\n$10737418240\r\n",
            "-ERR Protocol error: invalid bulk length\r\n",
        ),
        (
            "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870913\r\n",
            "-ERR Protocol error: invalid bulk length\r\n",
        ),
        (
            "*1\r\n$-5\r\n",
            "-ERR Protocol error: invalid bulk length\r\n",
        ),
        (
            "*2147483648\r\n",
            "-ERR Protocol error: invalid multibulk length\r\n",
        ),
        (
            "*10737418240\r\n",
            "-ERR Protocol error: invalid multibulk length\r\n",
        ),
    ] {
        let mut host = Host::new();
        let conn = ConnId(1);
        host.input(Input::Connected { conn });
        host.input(Input::Bytes {
            conn,
            bytes: stream.as_bytes(),
        });
        let replies = host.replies();
        assert_eq!(replies.len(), 1, "{stream:?}");
        assert_eq!(replies[0].1.escape_ascii().to_string(), {
            reply.as_bytes().escape_ascii().to_string()
        });
        assert!(host.asked_to_close(conn), "{stream:?}");
    }
}

/// Goal: the longest commands that the protocol allows are done like short ones.
#[test]
fn commands_of_a_million_arguments_are_done() {
    const ARGUMENTS: usize = 1 << 20;
    let mut host = Host::new();
    let numbers: Vec<String> = (0..ARGUMENTS).map(|number| number.to_string()).collect();
    let mut send = |words: &[&str], count: usize| {
        let words = words.iter().map(|word| word.as_bytes());
        let numbers = numbers[..count].iter().map(|number| number.as_bytes());
        let args: Vec<&[u8]> = words.chain(numbers).collect();
        let reply = host.command(&args);
        let shown = &reply[..reply.len().min(80)];
        shown.escape_ascii().to_string()
    };
    assert_eq!(send(&["RPUSH", "l"], ARGUMENTS - 2), ":1048574\\r\\n");
    assert_eq!(send(&["SADD", "s"], ARGUMENTS - 2), ":1048574\\r\\n");
    assert_eq!(send(&["MSET", "k"], ARGUMENTS - 2), {
        "-ERR wrong number of arguments for \\'mset\\' command\\r\\n"
    });
    assert_eq!(send(&["MSET"], ARGUMENTS - 2), "+OK\\r\\n");
    assert_eq!(send(&["DEL"], ARGUMENTS - 1), ":524287\\r\\n");
    assert_eq!(send(&["PFADD", "h"], ARGUMENTS - 2), ":1\\r\\n");
    assert_eq!(
        send(&["EVAL", "return #KEYS", "1048000"], 1_048_000),
        ":1048000\\r\\n"
    );
}

/// Goal: no number of random elements with repeats takes memory without bound; Redis answers such a
/// request until it has none.
#[test]
fn random_elements_without_end_are_refused() {
    let mut host = Host::new();
    host.check(&[
        ("SADD s a", ":1"),
        ("HSET h a 1", ":1"),
        ("ZADD z 1 a", ":1"),
    ]);
    for number in ["-9223372036854775807", "-16777217"] {
        for (command, key) in [
            ("SRANDMEMBER", "s"),
            ("HRANDFIELD", "h"),
            ("ZRANDMEMBER", "z"),
        ] {
            let request = format!("{command} {key} {number}");
            let absent = format!("{command} none {number}");
            host.check(&[(&request, "-ERR value is out of range"), (&absent, "*0")]);
        }
    }
    host.check(&[
        ("SRANDMEMBER s 9223372036854775807", "*1 $1 a"),
        ("HRANDFIELD h 9223372036854775807", "*1 $1 a"),
        ("ZRANDMEMBER z 9223372036854775807", "*1 $1 a"),
    ]);
}
