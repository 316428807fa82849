//! A Redis node on the live host: what goes in, what comes out, and what is refused.

#![expect(clippy::unwrap_used, reason = "tests of behaviours")]

use kvrig_base::id::ConnId;
use kvrig_base::random::Seed;
use kvrig_base::time::{Time, Wall};
use kvrig_live::{Clock, Host, HostError, RealClock};
use kvrig_redis::{Config, Node};
use kvrig_tables::TableKind;
use std::cell::Cell;
use std::rc::Rc;

/// A clock that shows what it is told.
#[derive(Debug, Default)]
struct ScriptedClock(Cell<u64>);

impl ScriptedClock {
    fn set_millis(&self, millis: u64) {
        self.0.set(millis);
    }
}

impl Clock for ScriptedClock {
    fn now(&self) -> Time {
        Time::from_picos(self.0.get() * 1_000_000_000)
    }
    fn wall_at(&self, now: Time) -> Wall {
        let since_start = now.since_start().as_nanos() / 1_000_000;
        Wall::from_unix_millis(1_800_000_000_000 + since_start)
    }
}

fn node() -> Node {
    Node::new(Config::default(), TableKind::Redis70, Seed(1))
}

fn host() -> (Host<Node>, Rc<ScriptedClock>, ConnId) {
    let clock = Rc::new(ScriptedClock::default());
    let mut host = Host::new(node(), Rc::clone(&clock) as Rc<dyn Clock>);
    let conn = host.connect().unwrap();
    (host, clock, conn)
}

/// The replies of the last turn as one text.
fn replies(host: &Host<Node>) -> String {
    let all: Vec<u8> = host
        .replies()
        .flat_map(|(_, reply)| reply.to_vec())
        .collect();
    String::from_utf8(all).unwrap()
}

#[test]
fn a_command_is_answered_in_the_buffer() {
    let (mut host, _, conn) = host();
    host.command(conn, &[b"SET", b"key", b"value"]).unwrap();
    assert_eq!(replies(&host), "+OK\r\n");
    host.command(conn, &[b"GET", b"key"]).unwrap();
    assert_eq!(replies(&host), "$5\r\nvalue\r\n");
}

#[test]
fn bytes_are_used_up_request_by_request() {
    let (mut host, _, conn) = host();
    let bytes = b"SET key 1\r\nINCR key\r\nGET k";
    let used = host.bytes(conn, bytes).unwrap();
    assert_eq!(&bytes[used..], b"GET k");
    assert_eq!(replies(&host), "+OK\r\n:2\r\n");
    assert_eq!(host.bytes(conn, b"GET key\r\n").unwrap(), 9);
    assert_eq!(replies(&host), "$1\r\n2\r\n");
}

#[test]
fn a_connection_that_quits_is_closed_behind_its_reply() {
    let (mut host, _, conn) = host();
    host.command(conn, &[b"QUIT"]).unwrap();
    assert_eq!(replies(&host), "+OK\r\n");
    let error = host.command(conn, &[b"PING"]).unwrap_err();
    assert_eq!(error, HostError::NotOpen(conn));
    let other = host.connect().unwrap();
    assert_ne!(other, conn);
    host.command(other, &[b"PING"]).unwrap();
}

#[test]
fn a_snapshot_is_refused_and_the_node_goes_on_without_a_child() {
    let (mut host, _, conn) = host();
    host.command(conn, &[b"SET", b"key", b"value"]).unwrap();
    for _ in 0..2 {
        let error = host.command(conn, &[b"BGSAVE"]).unwrap_err();
        assert_eq!(error, HostError::NotHosted("a forked child"));
        assert_eq!(
            error.to_string(),
            "the store asked for a forked child, which this host does not have"
        );
        // The second attempt would be answered with an error if the first had left a child.
        assert!(replies(&host).starts_with("+Background saving started"));
    }
    host.command(conn, &[b"GET", b"key"]).unwrap();
    assert_eq!(replies(&host), "$5\r\nvalue\r\n");
}

#[test]
fn the_timer_runs_when_the_clock_says_so() {
    let (mut host, clock, conn) = host();
    for key in 0..17_u32 {
        host.command(conn, &[b"SET", &key.to_le_bytes(), b"v"])
            .unwrap();
    }
    let is_rehashing = |host: &Host<Node>| {
        host.actor()
            .keyspace()
            .database(0)
            .keys()
            .rehash()
            .is_some()
    };
    assert!(is_rehashing(&host));
    while host.run_due().unwrap() {}
    clock.set_millis(1_000);
    assert!(host.is_due());
    assert!(host.run_due().unwrap());
    assert!(!is_rehashing(&host), "a cron slice moves so small a table");
    assert!(!host.run_due().unwrap(), "the next run is a period away");
}

#[test]
fn receipts_are_kept_in_real_time() {
    let mut host = Host::new(node(), Rc::new(RealClock::start()));
    let conn = host.connect().unwrap();
    let mut causes = Vec::new();
    for key in 0..100_u32 {
        host.command(conn, &[b"SET", &key.to_le_bytes(), b"v"])
            .unwrap();
        for segment in host.work().segments() {
            assert!(segment.from <= segment.to);
            causes.push(segment.cause.name());
        }
    }
    assert!(
        causes.contains(&"allocate") && causes.contains(&"step"),
        "{causes:?}"
    );
}
