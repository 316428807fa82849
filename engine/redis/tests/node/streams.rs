//! Streams as clients see them: ids, groups, waiting, trimming. The replies are those of a Redis
//! 7.0.15.

use crate::harness::{CONN, Host, readable};
use kvrig_base::id::ConnId;
use kvrig_base::seam::{Counter, Input};
use kvrig_redis::Config;
use kvrig_redis::memory::STARTUP_BYTES;
use kvrig_tables::TableKind;

const OTHER: ConnId = ConnId(1);

/// A host with a second connection.
fn two_connections() -> Host {
    let mut host = Host::new();
    host.input(Input::Connected { conn: OTHER });
    host
}

/// Sends a request on the second connection and returns what it is told.
fn other(host: &mut Host, request: &str) -> Vec<String> {
    let args: Vec<&[u8]> = request.split(' ').map(str::as_bytes).collect();
    host.input(Input::Command {
        conn: OTHER,
        args: &args,
    });
    told_other(host)
}

fn told_other(host: &mut Host) -> Vec<String> {
    let replies = host.replies().into_iter();
    replies
        .filter(|(conn, _)| *conn == OTHER)
        .map(|(_, bytes)| readable(&bytes))
        .collect()
}

/// Sends a request on the first connection and returns what the second is told.
fn heard(host: &mut Host, request: &str) -> Vec<String> {
    let args: Vec<&[u8]> = request.split(' ').map(str::as_bytes).collect();
    host.input(Input::Command {
        conn: CONN,
        args: &args,
    });
    told_other(host)
}

#[test]
fn ids_are_the_time_and_never_go_back() {
    let mut host = Host::new();
    host.check(&[
        ("XADD s * f v", "$15 1700000000000-0"),
        ("XADD s * f v", "$15 1700000000000-1"),
    ]);
    host.pass_ms(5);
    host.check(&[
        ("XADD s * f v", "$15 1700000000005-0"),
        (
            "XADD s 1700000000005-0 f v",
            "-ERR The ID specified in XADD is equal or smaller than the target stream top item",
        ),
        ("XADD s 1800000000000-* f v", "$15 1800000000000-0"),
        ("XADD s * f v", "$15 1800000000000-1"),
        (
            "XADD s 0-0 f v",
            "-ERR The ID specified in XADD must be greater than 0-0",
        ),
        ("XADD t 0-* f v", "$3 0-1"),
        ("XADD t NOMKSTREAM 1 f v", "$3 1-0"),
        ("XADD u NOMKSTREAM 1 f v", "$-1"),
        (
            "XADD s 1 f",
            "-ERR wrong number of arguments for 'xadd' command",
        ),
        ("TYPE s", "+stream"),
        ("OBJECT ENCODING s", "$6 stream"),
    ]);
}

#[test]
fn an_approximate_trim_removes_whole_nodes() {
    let mut host = Host::new();
    for number in 1..=250 {
        host.ask(&format!("XADD s {number}-1 f v"));
    }
    host.check(&[
        ("XTRIM s MAXLEN ~ 160", ":0"),
        ("XTRIM s MAXLEN ~ 150", ":100"),
        ("XTRIM s MINID ~ 150", ":0"),
        ("XTRIM s MINID = 150", ":49"),
        ("XLEN s", ":101"),
        ("XTRIM s MAXLEN ~ 0 LIMIT 60", ":51"),
        ("XADD s MAXLEN 2 251-1 f v", "$5 251-1"),
        (
            "XRANGE s - +",
            "*2 *2 $5 250-1 *2 $1 f $1 v *2 $5 251-1 *2 $1 f $1 v",
        ),
    ]);
}

#[test]
fn nodes_are_as_large_as_configured() {
    for (directive, value, nodes) in [
        ("stream-node-max-entries", "10", 10),
        ("stream-node-max-entries", "0", 1),
        ("stream-node-max-bytes", "200", 6),
    ] {
        let mut config = Config::default();
        config.set(directive, value).expect("it is honoured");
        let mut host = Host::with(config, TableKind::Redis70);
        for number in 1..=100 {
            host.ask(&format!("XADD s {number}-1 f v"));
        }
        let info = host.ask("XINFO STREAM s");
        let keys = format!("$15 radix-tree-keys :{nodes} ");
        assert!(info.contains(&keys), "{directive} {value}: {info}");
    }
}

#[test]
fn a_group_delivers_each_entry_once_and_remembers_it_until_it_is_acknowledged() {
    let mut host = Host::new();
    host.check(&[
        ("XADD s 1-1 f a", "$3 1-1"),
        ("XADD s 2-1 f b", "$3 2-1"),
        ("XGROUP CREATE s g 0", "+OK"),
        (
            "XGROUP CREATE s g 0",
            "-BUSYGROUP Consumer Group name already exists",
        ),
        (
            "XREADGROUP GROUP g one COUNT 1 STREAMS s >",
            "*1 *2 $1 s *1 *2 $3 1-1 *2 $1 f $1 a",
        ),
        (
            "XREADGROUP GROUP g two STREAMS s >",
            "*1 *2 $1 s *1 *2 $3 2-1 *2 $1 f $1 b",
        ),
        ("XREADGROUP GROUP g two STREAMS s >", "*-1"),
        (
            "XPENDING s g",
            "*4 :2 $3 1-1 $3 2-1 *2 *2 $3 one $1 1 *2 $3 two $1 1",
        ),
    ]);
    host.pass_ms(70);
    host.check(&[
        (
            "XPENDING s g IDLE 50 - + 10 one",
            "*1 *4 $3 1-1 $3 one :70 :1",
        ),
        ("XPENDING s g IDLE 71 - + 10", "*0"),
        ("XCLAIM s g two 71 1-1", "*0"),
        ("XCLAIM s g two 70 1-1 JUSTID", "*1 $3 1-1"),
        (
            "XPENDING s g - + 10",
            "*2 *4 $3 1-1 $3 two :0 :1 *4 $3 2-1 $3 two :70 :1",
        ),
        ("XACK s g 1-1 1-1 7-7", ":1"),
        ("XDEL s 2-1", ":1"),
        (
            "XREADGROUP GROUP g two STREAMS s 0",
            "*1 *2 $1 s *1 *2 $3 2-1 *-1",
        ),
        ("XAUTOCLAIM s g one 0 0", "*3 $3 0-0 *0 *1 $3 2-1"),
        (
            "XREADGROUP GROUP none two STREAMS s >",
            "-NOGROUP No such key 's' or consumer group 'none' in XREADGROUP with GROUP option",
        ),
    ]);
}

#[test]
fn lag_is_known_unless_entries_were_deleted_ahead() {
    let lag = |host: &mut Host| {
        let info = host.ask("XINFO GROUPS s");
        info.rsplit(' ').next().map(str::to_owned)
    };
    let mut host = Host::new();
    for number in 1..=5 {
        host.ask(&format!("XADD s {number}-1 f v"));
    }
    host.ask("XGROUP CREATE s g 0");
    assert_eq!(lag(&mut host).as_deref(), Some(":5"));
    host.ask("XREADGROUP GROUP g c COUNT 2 STREAMS s >");
    assert_eq!(lag(&mut host).as_deref(), Some(":3"));
    host.ask("XDEL s 4-1");
    assert_eq!(lag(&mut host).as_deref(), Some("$-1"));
    host.ask("XREADGROUP GROUP g c STREAMS s >");
    assert_eq!(lag(&mut host).as_deref(), Some(":0"));
}

#[test]
fn a_reader_waits_for_what_comes_after() {
    let mut host = two_connections();
    host.ask("XADD s 1-1 f a");
    assert_eq!(
        other(&mut host, "XREAD BLOCK 0 STREAMS none s 0 $"),
        [""; 0]
    );
    assert_eq!(
        heard(&mut host, "XADD s 2-1 f b"),
        ["*1 *2 $1 s *1 *2 $3 2-1 *2 $1 f $1 b"]
    );
    assert_eq!(other(&mut host, "XREAD STREAMS s $"), ["*-1"]);
}

#[test]
fn a_reader_that_waits_too_long_is_told_so() {
    let mut host = two_connections();
    assert_eq!(other(&mut host, "XREAD BLOCK 50 STREAMS s $"), [""; 0]);
    host.pass_ms(49);
    host.input(Input::Deadline);
    assert_eq!(told_other(&mut host), [""; 0]);
    host.pass_ms(1);
    host.input(Input::Deadline);
    assert_eq!(told_other(&mut host), ["*-1"]);
}

#[test]
fn readers_of_a_group_share_what_comes() {
    let mut host = two_connections();
    let third = ConnId(2);
    host.input(Input::Connected { conn: third });
    host.ask("XGROUP CREATE s g $ MKSTREAM");
    for conn in [OTHER, third] {
        let args = b"XREADGROUP GROUP g c BLOCK 0 STREAMS s >";
        let args: Vec<&[u8]> = args.split(|byte| *byte == b' ').collect();
        host.input(Input::Command { conn, args: &args });
    }
    assert_eq!(
        heard(&mut host, "XADD s 1-1 f a"),
        ["*1 *2 $1 s *1 *2 $3 1-1 *2 $1 f $1 a"]
    );
    let args: [&[u8]; 5] = [b"XADD", b"s", b"2-1", b"f", b"b"];
    host.input(Input::Command {
        conn: CONN,
        args: &args,
    });
    let told: Vec<ConnId> = host.replies().into_iter().map(|(conn, _)| conn).collect();
    assert_eq!(told, [CONN, third]);
}

#[test]
fn readers_of_a_group_are_told_when_it_or_its_stream_is_gone() {
    for (request, error) in [
        ("DEL s", "-UNBLOCKED the stream key no longer exists"),
        ("SET s v", "-UNBLOCKED the stream key no longer exists"),
        ("FLUSHALL", "-UNBLOCKED the stream key no longer exists"),
        ("RENAME s t", "-UNBLOCKED the stream key no longer exists"),
        (
            "XGROUP DESTROY s g",
            "-NOGROUP the consumer group this client was blocked on no longer exists",
        ),
    ] {
        let mut host = two_connections();
        host.ask("XGROUP CREATE s g $ MKSTREAM");
        let wait = "XREADGROUP GROUP g c BLOCK 0 STREAMS s >";
        assert_eq!(other(&mut host, wait), [""; 0]);
        assert_eq!(heard(&mut host, request), [error], "{request}");
    }
}

#[test]
fn nobody_is_woken_by_ids_that_are_set() {
    let mut host = two_connections();
    host.ask("XADD s 1-1 f a");
    assert_eq!(other(&mut host, "XREAD BLOCK 0 STREAMS s 1-1"), [""; 0]);
    for request in ["XSETID s 9-9", "EXPIRE s 100", "XDEL s 1-1", "DEL s"] {
        assert_eq!(heard(&mut host, request), [""; 0], "{request}");
    }
}

#[test]
fn a_transaction_does_not_wait_and_is_served_as_a_whole() {
    let mut host = two_connections();
    host.check(&[
        ("MULTI", "+OK"),
        ("XREAD BLOCK 0 STREAMS s $", "+QUEUED"),
        ("EXEC", "*1 *-1"),
    ]);
    assert_eq!(other(&mut host, "XREAD BLOCK 0 STREAMS s 0"), [""; 0]);
    host.check(&[
        ("MULTI", "+OK"),
        ("XADD s 1-1 f a", "+QUEUED"),
        ("XADD s 2-1 f b", "+QUEUED"),
    ]);
    let both = "*1 *2 $1 s *2 *2 $3 1-1 *2 $1 f $1 a *2 $3 2-1 *2 $1 f $1 b";
    assert_eq!(heard(&mut host, "EXEC"), [both]);
}

#[test]
fn only_entries_that_come_or_go_are_news_to_those_who_watch() {
    for (request, result) in [
        ("XADD s 9-9 f v", "*-1"),
        ("XDEL s 1-1", "*-1"),
        ("XTRIM s MAXLEN 0", "*-1"),
        ("XDEL s 7-7", "*1 +PONG"),
        ("XGROUP CREATE s h 0", "*1 +PONG"),
        ("XGROUP DESTROY s g", "*1 +PONG"),
        ("XREADGROUP GROUP g c STREAMS s >", "*1 +PONG"),
        ("XSETID s 9-9", "*1 +PONG"),
    ] {
        let mut host = Host::new();
        for prepare in ["XADD s 1-1 f v", "XGROUP CREATE s g 0", "WATCH s"] {
            host.ask(prepare);
        }
        for step in [request, "MULTI", "PING"] {
            host.ask(step);
        }
        assert_eq!(host.ask("EXEC"), result, "{request}");
    }
}

#[test]
fn an_empty_stream_stays_and_a_removed_one_leaves_nothing() {
    let mut host = Host::new();
    for number in 0..300 {
        host.ask(&format!("XADD s {number}-1 f v"));
    }
    host.ask("XGROUP CREATE s g 0");
    host.ask("XREADGROUP GROUP g c COUNT 150 STREAMS s >");
    host.check(&[
        ("COPY s t", ":1"),
        ("XTRIM s MAXLEN 0", ":300"),
        ("EXISTS s", ":1"),
        (
            "XADD s 0-5 f v",
            "-ERR The ID specified in XADD is equal or smaller than the target stream top item",
        ),
        ("XLEN t", ":300"),
        ("XPENDING t g - + 1", "*1 *4 $3 0-1 $1 c :0 :1"),
        ("DEL s t", ":2"),
        ("FLUSHALL", "+OK"),
    ]);
    assert_eq!(host.node.used_memory(), STARTUP_BYTES);
}

#[test]
fn receipts_count_entries_passed_and_bytes_replied() {
    let mut host = Host::new();
    for number in 0..70 {
        host.ask(&format!("XADD s {number}-1 field {}", "v".repeat(40)));
    }
    host.ask("XRANGE s 0-1 0-1");
    let one = host.counts();
    host.ask("XRANGE s - +");
    let all = host.counts();
    assert!(all.get(Counter::EntriesVisited) > 70 * 5);
    assert!(all.get(Counter::BytesCopied) > 60 * one.get(Counter::BytesCopied));
    // Of a node, all entries in front of the one asked for are passed.
    host.ask("XRANGE s 69-1 69-1");
    let last = host.counts();
    assert!(last.get(Counter::EntriesVisited) > 20 * one.get(Counter::EntriesVisited));
}
