//! What connections do to one another: waiting, pausing, killing, publishing.

use crate::harness::{CONN, Host, readable};
use kvrig_base::id::ConnId;
use kvrig_base::seam::{Actor, Effect, Input};
use kvrig_base::time::Span;
use kvrig_redis::Config;
use kvrig_redis::resp::encode_request;
use kvrig_tables::TableKind;

const OTHER: ConnId = ConnId(1);

fn two_connections() -> Host {
    let mut host = Host::new();
    host.input(Input::Connected { conn: OTHER });
    host
}

/// Sends a request on a connection and returns everything that is then said to anyone.
fn send(host: &mut Host, conn: ConnId, request: &str) -> Vec<(u32, String)> {
    let args: Vec<&[u8]> = request.split(' ').map(str::as_bytes).collect();
    host.input(Input::Command { conn, args: &args });
    said(host)
}

fn said(host: &mut Host) -> Vec<(u32, String)> {
    let replies = host.replies().into_iter();
    replies
        .map(|(conn, bytes)| (conn.0, readable(&bytes)))
        .collect()
}

fn to(conn: u32, text: &str) -> (u32, String) {
    (conn, text.to_owned())
}

/// The names of the effects since the last call.
fn effects(host: &mut Host) -> Vec<String> {
    let (effects, data) = host.effects.take();
    let names = effects.iter().map(|effect| match effect {
        Effect::PauseReading { conn } => format!("pause {conn}"),
        Effect::ResumeReading { conn } => format!("resume {conn}"),
        Effect::Close { conn } => format!("close {conn}"),
        other => format!("{other:?}"),
    });
    let names = names.collect();
    host.effects.reuse(effects, data);
    names
}

/// Redis looks after those who wait where a key is added, not where its value is replaced.
#[test]
fn a_list_in_the_place_of_another_value_serves_nobody() {
    let mut host = two_connections();
    assert_eq!(send(&mut host, OTHER, "BLPOP l 0"), []);
    for (request, reply) in [
        ("SET l v", "+OK"),
        ("RPUSH m a", ":1"),
        ("SORT m ALPHA STORE l", ":1"),
    ] {
        assert_eq!(send(&mut host, CONN, request), [to(0, reply)], "{request}");
    }
    assert_eq!(send(&mut host, CONN, "RPUSH l b"), [to(0, ":2")]);
    assert_eq!(send(&mut host, CONN, "DEL l"), [to(0, ":1")]);
    assert_eq!(
        send(&mut host, CONN, "RPUSH l c"),
        [to(0, ":1"), to(1, "*2 $1 l $1 c")]
    );
}

#[test]
fn who_waits_longest_is_served_first() {
    let mut host = two_connections();
    let third = ConnId(2);
    host.input(Input::Connected { conn: third });
    assert_eq!(send(&mut host, third, "BLPOP l 0"), []);
    assert_eq!(send(&mut host, OTHER, "BLPOP l 0"), []);
    assert_eq!(effects(&mut host), ["pause 2", "pause 1"]);
    assert_eq!(
        send(&mut host, CONN, "RPUSH l a b"),
        [to(0, ":2"), to(2, "*2 $1 l $1 a"), to(1, "*2 $1 l $1 b")]
    );
    assert_eq!(effects(&mut host), ["resume 2", "resume 1"]);
}

#[test]
fn a_wait_ends_at_its_deadline() {
    let mut host = two_connections();
    assert_eq!(send(&mut host, OTHER, "BLPOP l 0.25"), []);
    let due = host.now.saturating_add(Span::from_millis(250));
    loop {
        host.now = host.node.next_deadline().expect("the timer runs");
        host.input(Input::Deadline);
        if host.now >= due {
            break;
        }
        assert_eq!(said(&mut host), []);
    }
    assert_eq!(host.now, due);
    assert_eq!(said(&mut host), [to(1, "*-1")]);
    assert_eq!(send(&mut host, CONN, "RPUSH l a"), [to(0, ":1")]);
}

#[test]
fn bytes_behind_a_command_that_waits_are_left_until_it_has_its_reply() {
    let mut host = two_connections();
    let mut bytes = Vec::new();
    encode_request(&[b"BLPOP", b"l", b"0"], &mut bytes);
    let waiting = bytes.len();
    encode_request(&[b"PING"], &mut bytes);
    let consumed = host.input(Input::Bytes {
        conn: OTHER,
        bytes: &bytes,
    });
    assert_eq!(consumed, waiting);
    assert_eq!(said(&mut host), []);
    send(&mut host, CONN, "RPUSH l a");
    let consumed = host.input(Input::Bytes {
        conn: OTHER,
        bytes: &bytes[waiting..],
    });
    assert_eq!(consumed, bytes.len() - waiting);
    assert_eq!(said(&mut host), [to(1, "+PONG")]);
}

#[test]
fn a_connection_that_is_gone_waits_no_longer() {
    let mut host = two_connections();
    send(&mut host, OTHER, "BLPOP l 0");
    host.input(Input::Closed { conn: OTHER });
    assert_eq!(send(&mut host, CONN, "RPUSH l a"), [to(0, ":1")]);
    assert_eq!(host.ask("LLEN l"), ":1");
}

#[test]
fn a_wait_is_ended_by_its_number() {
    let mut host = two_connections();
    send(&mut host, OTHER, "BLPOP l 0");
    assert_eq!(
        send(&mut host, CONN, "CLIENT UNBLOCK 2 ERROR"),
        [
            to(0, ":1"),
            to(1, "-UNBLOCKED client unblocked via CLIENT UNBLOCK")
        ]
    );
    assert_eq!(send(&mut host, CONN, "CLIENT UNBLOCK 2"), [to(0, ":0")]);
}

#[test]
fn a_pause_holds_commands_until_its_end() {
    let mut host = two_connections();
    host.check(&[("CLIENT PAUSE 100 WRITE", "+OK")]);
    assert_eq!(send(&mut host, OTHER, "SET a 1"), []);
    assert_eq!(send(&mut host, OTHER, "GET a"), []);
    assert_eq!(effects(&mut host), ["pause 1"]);
    host.check(&[("GET a", "$-1")]);
    host.pass_ms(100);
    host.input(Input::Deadline);
    assert_eq!(said(&mut host), [to(1, "+OK"), to(1, "$1 1")]);
}

#[test]
fn a_killed_connection_is_closed_and_listed_no_more() {
    let mut host = two_connections();
    host.node
        .set_addresses(OTHER, "10.0.0.1:5".to_owned(), "10.0.0.2:6379".to_owned());
    let list = host.ask("CLIENT LIST");
    assert!(
        list.contains("id=2 addr=10.0.0.1:5 laddr=10.0.0.2:6379"),
        "{list}"
    );
    host.check(&[("CLIENT KILL 10.0.0.1:5", "+OK")]);
    assert_eq!(effects(&mut host), ["close 1"]);
    let list = host.ask("CLIENT LIST");
    assert!(!list.contains("id=2"), "{list}");
    host.check(&[
        ("CLIENT KILL 10.0.0.1:5", "-ERR No such client"),
        ("CLIENT KILL TYPE normal", ":0"),
        ("CLIENT KILL TYPE normal SKIPME no", ":1"),
    ]);
    assert_eq!(effects(&mut host), ["close 0"]);
}

#[test]
fn replies_may_be_turned_off() {
    let mut host = two_connections();
    assert_eq!(send(&mut host, CONN, "CLIENT REPLY OFF"), []);
    assert_eq!(send(&mut host, CONN, "SET a 1"), []);
    assert_eq!(send(&mut host, CONN, "NOPE"), []);
    assert_eq!(send(&mut host, CONN, "CLIENT REPLY ON"), [to(0, "+OK")]);
    assert_eq!(send(&mut host, CONN, "GET a"), [to(0, "$1 1")]);
}

#[test]
fn who_monitors_sees_what_others_do() {
    let mut host = two_connections();
    assert_eq!(send(&mut host, OTHER, "MONITOR"), [to(1, "+OK")]);
    assert_eq!(
        send(&mut host, CONN, "SET a \"\n"),
        [
            to(0, "+OK"),
            to(1, r#"+1700000000.000000 [0 ?:0] \"SET\" \"a\" \"\\\"\\n\""#)
        ]
    );
}

#[test]
fn who_monitors_sees_no_password() {
    let mut host = two_connections();
    send(&mut host, OTHER, "MONITOR");
    let seen = send(&mut host, CONN, "AUTH default secret");
    assert_eq!(seen.len(), 2);
    assert!(seen[1].1.contains("(redacted)"), "{seen:?}");
    assert!(!seen[1].1.contains("secret"), "{seen:?}");
}

#[test]
fn without_the_password_nothing_is_done() {
    let mut config = Config::default();
    config.set("requirepass", "secret").expect("it is honoured");
    let mut host = Host::with(config, TableKind::Redis70);
    host.check(&[
        ("GET a", "-NOAUTH Authentication required."),
        (
            "EXEC",
            "-EXECABORT Transaction discarded because of: NOAUTH Authentication required.",
        ),
        (
            "AUTH wrong",
            "-WRONGPASS invalid username-password pair or user is disabled.",
        ),
        ("AUTH secret", "+OK"),
        ("GET a", "$-1"),
        ("RESET", "+RESET"),
        ("GET a", "-NOAUTH Authentication required."),
        (
            "HELLO 3 AUTH default secret SETNAME me",
            "%7 $6 server $5 redis $7 version $6 7.0.15 $5 proto :3 $2 id :1 $4 mode $10 standalone \
             $4 role $6 master $7 modules *0",
        ),
        ("CLIENT GETNAME", "$2 me"),
    ]);
}
