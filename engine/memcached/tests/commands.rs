//! What commands do, by their replies.

mod common;

use common::Host;
use kvrig_base::time::Span;

#[test]
fn a_stored_value_is_found_with_its_flags_and_gone_when_deleted() {
    let mut host = Host::new();
    assert_eq!(host.say("set k 7 0 5\r\nhello\r\n"), "STORED\r\n");
    assert_eq!(
        host.say("get k none k\r\n")
            .matches("VALUE k 7 5\r\nhello\r\n")
            .count(),
        2
    );
    assert_eq!(host.say("delete k\r\n"), "DELETED\r\n");
    assert_eq!(host.say("delete k\r\n"), "NOT_FOUND\r\n");
    assert_eq!(host.say("get k\r\n"), "END\r\n");
}

#[test]
fn conditions_of_storing_hold() {
    let mut host = Host::new();
    assert_eq!(host.say("replace k 0 0 1\r\na\r\n"), "NOT_STORED\r\n");
    assert_eq!(host.say("append k 0 0 1\r\na\r\n"), "NOT_STORED\r\n");
    assert_eq!(host.say("cas k 0 0 1 1\r\na\r\n"), "NOT_FOUND\r\n");
    assert_eq!(host.say("add k 0 0 1\r\na\r\n"), "STORED\r\n");
    assert_eq!(host.say("add k 0 0 1\r\nb\r\n"), "NOT_STORED\r\n");
    assert_eq!(host.say("append k 9 9 2\r\nbc\r\n"), "STORED\r\n");
    assert_eq!(host.say("prepend k 9 9 1\r\n_\r\n"), "STORED\r\n");
    assert_eq!(host.say("gets k\r\n"), "VALUE k 0 4 3\r\n_abc\r\nEND\r\n");
    assert_eq!(host.say("cas k 0 0 1 2\r\nx\r\n"), "EXISTS\r\n");
    assert_eq!(host.say("cas k 0 0 1 3\r\nx\r\n"), "STORED\r\n");
}

#[test]
fn numbers_count_up_around_the_end_and_down_to_zero_in_the_room_they_had() {
    let mut host = Host::new();
    host.say("set n 0 0 2\r\n10\r\n");
    assert_eq!(host.say("decr n 1\r\n"), "9\r\n");
    assert_eq!(host.say("get n\r\n"), "VALUE n 0 2\r\n9 \r\nEND\r\n");
    assert_eq!(host.say("decr n 100\r\n"), "0\r\n");
    assert_eq!(
        host.say("incr n 18446744073709551615\r\n"),
        "18446744073709551615\r\n"
    );
    assert_eq!(host.say("incr n 2\r\n"), "1\r\n");
}

#[test]
fn an_item_expires_with_the_tick_of_the_servers_clock() {
    let mut host = Host::new();
    host.say("set k 0 2 1\r\na\r\nset past 0 -1 1\r\na\r\nset at 0 1700000003 1\r\na\r\n");
    assert_eq!(host.say("get past\r\n"), "END\r\n");
    host.pass(Span::from_millis(1_999));
    assert!(host.say("get k\r\n").starts_with("VALUE"));
    host.pass(Span::from_millis(1));
    assert_eq!(host.say("get k\r\n"), "END\r\n");
    assert_eq!(host.say("touch at 10\r\n"), "TOUCHED\r\n");
    host.pass(Span::from_secs(9));
    assert!(host.say("gat 1 at\r\n").starts_with("VALUE"));
    host.pass(Span::from_secs(1));
    assert_eq!(host.say("touch at 10\r\n"), "NOT_FOUND\r\n");
    assert_eq!(
        host.store.table().len(),
        0,
        "what has expired goes when it is met"
    );
}

#[test]
fn a_request_may_come_in_pieces_and_several_at_once() {
    let mut host = Host::new();
    for byte in b"set k 0 0 5\r\nhe\r\no\r" {
        assert_eq!(host.bytes(&[*byte]), b"");
    }
    assert_eq!(
        host.say("\nget k\r\nget "),
        "STORED\r\nVALUE k 0 5\r\nhe\r\no\r\nEND\r\n"
    );
    assert_eq!(host.say("k\n"), "VALUE k 0 5\r\nhe\r\no\r\nEND\r\n");
}

#[test]
fn a_value_that_is_too_large_is_swallowed_and_takes_the_present_one_with_it() {
    let mut host = Host::new();
    host.say("set k 0 0 1\r\na\r\n");
    let mut request = b"set k 0 0 1048576\r\n".to_vec();
    request.resize(request.len() + 1_048_576, b'x');
    request.extend_from_slice(b"\r\nget k\r\n");
    let reply = host.bytes(&request);
    assert_eq!(reply, b"SERVER_ERROR object too large for cache\r\nEND\r\n");
}

#[test]
fn silence_is_kept_where_it_was_asked_for() {
    let mut host = Host::new();
    assert_eq!(
        host.say("set k 0 0 1 noreply\r\n1\r\nincr k x noreply\r\n"),
        ""
    );
    assert_eq!(
        host.say("incr k 1 noreply\r\nget k\r\n"),
        "VALUE k 0 1\r\n2\r\nEND\r\n"
    );
    assert_eq!(host.say("delete k noreply\r\nget k\r\n"), "END\r\n");
}

#[test]
fn quitting_and_the_binary_protocol_close_the_connection() {
    for bytes in [&b"get k\r\nquit\r\nget k\r\n"[..], b"\x80\x00"] {
        let mut host = Host::new();
        let reply = host.bytes(bytes);
        assert!(host.is_closed);
        assert!(reply.len() <= 5, "nothing behind is answered");
    }
}
