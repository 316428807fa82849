//! Requests as bytes: however they arrive, the replies are the same.

use crate::harness::{CONN, Host};
use crate::requests::{self, GROUPS, Group};
use kvrig_base::random::Seed;
use kvrig_base::seam::{Counter, Input};
use kvrig_redis::Config;
use kvrig_redis::resp::encode_request;
use kvrig_tables::TableKind;

/// Sends a stream in pieces that end at the given places, keeping what the node leaves over.
fn replies_to(stream: &[u8], cuts: &[usize]) -> (Vec<Vec<u8>>, bool) {
    let mut host = Host::new();
    let mut consumed = 0;
    let mut replies = Vec::new();
    for &cut in cuts.iter().chain([&stream.len()]) {
        consumed += host.input(Input::Bytes {
            conn: CONN,
            bytes: &stream[consumed..cut],
        });
        replies.extend(host.replies().into_iter().map(|(_, reply)| reply));
    }
    (replies, host.asked_to_close(CONN))
}

fn stream() -> Vec<u8> {
    let mut stream = Vec::new();
    for request in [
        "SET a hello",
        "GET a",
        "INCR n",
        "NOPE x",
        "MGET a n none",
        "GET",
        "SCAN 0",
    ] {
        let args: Vec<&[u8]> = request.split(' ').map(str::as_bytes).collect();
        encode_request(&args, &mut stream);
    }
    stream.extend_from_slice(b"SET q 'two words'\r\nGET q\r\n\r\n*0\r\nPING\n");
    let many: Vec<&[u8]> = std::iter::repeat_n(&b"a"[..], 40).collect();
    encode_request(&[&[&b"EXISTS"[..]], &many[..]].concat(), &mut stream);
    stream
}

#[test]
fn a_stream_split_at_every_byte_gets_the_same_replies() {
    let stream = stream();
    let (expected, _) = replies_to(&stream, &[]);
    assert_eq!(expected.len(), 11);
    assert_eq!(expected.last().map(Vec::as_slice), Some(&b":40\r\n"[..]));
    for cut in 0..stream.len() {
        assert_eq!(replies_to(&stream, &[cut]).0, expected, "cut at {cut}");
    }
    let everywhere: Vec<usize> = (0..stream.len()).collect();
    assert_eq!(
        replies_to(&stream, &everywhere).0,
        expected,
        "cut everywhere"
    );
}

#[test]
fn a_protocol_error_is_answered_and_ends_the_connection() {
    let stream = b"PING\r\n*1\r\n!\r\nPING\r\n";
    for cut in 0..stream.len() {
        let (replies, closes) = replies_to(stream, &[cut]);
        let expected = [
            &b"+PONG\r\n"[..],
            b"-ERR Protocol error: expected '$', got '!'\r\n",
        ];
        assert_eq!(replies, expected, "cut at {cut}");
        assert!(closes);
    }
}

#[test]
fn both_paths_answer_alike_and_only_bytes_are_parsed() {
    let mut stream = Vec::new();
    encode_request(&[b"SET", b"key", b"value"], &mut stream);
    let mut host = Host::new();
    assert_eq!(
        host.input(Input::Bytes {
            conn: CONN,
            bytes: &stream
        }),
        stream.len()
    );
    let by_bytes = host.counts();
    assert_eq!(by_bytes.get(Counter::ProtocolElements), 3 + 1);
    let reply = host.replies().remove(0).1;
    let mut host = Host::new();
    assert_eq!(host.command(&[b"SET", b"key", b"value"]), reply);
    for (counter, count) in host.counts().iter() {
        let read = match counter {
            Counter::ProtocolElements => 3,
            _ => 0,
        };
        assert_eq!(count + read, by_bytes.get(counter), "{counter:?}");
    }
}

#[test]
fn connections_that_are_gone_are_not_answered() {
    let mut host = Host::new();
    host.input(Input::Closed { conn: CONN });
    host.input(Input::Bytes {
        conn: CONN,
        bytes: b"PING\r\n",
    });
    host.input(Input::Command {
        conn: CONN,
        args: &[b"PING"],
    });
    assert!(host.replies().is_empty());
    host.input(Input::Connected { conn: CONN });
    assert_eq!(host.ask("PING"), "+PONG");
}

/// Goal: a node that looks ahead is faster and nothing else.
///
/// Method: two nodes get the same long streams of requests, broken ones among them, cut alike.
#[test]
fn looking_ahead_changes_neither_replies_nor_receipts() {
    const TABLES: [TableKind; 2] = [TableKind::Redis70, TableKind::Kvrig];
    let groups: Vec<Group> = GROUPS
        .iter()
        .filter(|(name, _)| *name != "scripts")
        .copied()
        .collect();
    for life in 0..40 {
        let mut random = Seed(11).stream("pipelines").sequence(life);
        let table = TABLES[life as usize % 2];
        let hosts = [(); 2].map(|()| Host::with(Config::default(), table));
        let [mut plain, mut ahead] = hosts;
        ahead.node.look_ahead();
        let mut stream = Vec::new();
        for _ in 0..500 {
            let request = requests::request(&groups, &mut random);
            let args: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
            encode_request(&args, &mut stream);
        }
        if life % 4 == 3 {
            let at = random.below(stream.len() as u64) as usize;
            stream[at] ^= 1 << random.below(8);
        }
        let (mut consumed, mut arrived) = (0, 0);
        while arrived < stream.len() {
            arrived = stream.len().min(arrived + random.below(4_000) as usize);
            let used = [&mut plain, &mut ahead].map(|host| {
                let bytes = &stream[consumed..arrived];
                let used = host.input(Input::Bytes { conn: CONN, bytes });
                (used, host.counts(), host.replies())
            });
            assert_eq!(used[0], used[1], "life {life}, {consumed}..{arrived}");
            consumed += used[0].0;
        }
        assert!(consumed > 0, "life {life}: something was carried out");
    }
}
