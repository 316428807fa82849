//! What is told of keys beside a real Redis: the same events, on the same channels, in the same order.

use crate::harness::{CONN, Host};
use crate::requests::{self, GROUPS, Group, Request, words};
use crate::server::RealServer;
use crate::{REPEATS, shrink};
use kvrig_base::id::ConnId;
use kvrig_base::random::Seed;
use kvrig_base::seam::Input;

const LISTS: u64 = 15;
const REQUESTS_PER_LIST: usize = 150;
/// Who listens at the node.
const LISTENER: ConnId = ConnId(1);
const LISTEN: &[&str] = &["PSUBSCRIBE", "__key*__:*"];
/// What ends a list: a command that nobody is told of, to see that all has arrived.
const END: &[&str] = &["PUBLISH", "__keyend__:", "end"];
const CLASSES: &[&str] = &["CONFIG", "SET", "notify-keyspace-events", "KEAmn"];

/// Goal: a subscriber to all events of all keys hears from the node what it hears from Redis.
///
/// Method: the random lists of requests that replies are compared with, with a second connection that
/// listens; all that it has received is compared.
#[test]
fn random_requests_are_told_as_redis_tells_them() {
    let Some(mut server) = RealServer::start() else {
        return;
    };
    server.ask(CLASSES);
    for group in GROUPS {
        compare(&mut server, group.0, std::slice::from_ref(group));
    }
    compare(&mut server, "all", GROUPS);
}

fn compare(server: &mut RealServer, name: &str, groups: &[Group]) {
    let stream = Seed(11).stream(name);
    for list in 0..LISTS {
        let mut random = stream.sequence(list);
        let requests: Vec<Request> = (0..REQUESTS_PER_LIST)
            .map(|_| requests::request(groups, &mut random))
            .filter(|request| !looks_up_in_no_order(request))
            .collect();
        let mut differs = |list: &[Request]| {
            (0..REPEATS).all(|_| heard_from_redis(server, list) != heard_from_node(list))
        };
        if differs(&requests) {
            let shortest = shrink::shrink(requests, &mut differs);
            let shown: Vec<String> = shortest
                .iter()
                .map(|request| request.join(&b' ').escape_ascii().to_string())
                .collect();
            panic!(
                "list {list} of {name} is told differently:\n{}\nredis: {}\nnode:  {}",
                shown.join("\n"),
                heard_from_redis(server, &shortest).escape_ascii(),
                heard_from_node(&shortest).escape_ascii(),
            );
        }
    }
}

/// SORT asks for keys in the order of the elements, which in sets depends on the hash key.
fn looks_up_in_no_order(request: &Request) -> bool {
    let name = request[0].to_ascii_lowercase();
    name.starts_with(b"sort") && request.len() > 2
}

fn heard_from_redis(server: &mut RealServer, list: &[Request]) -> Vec<u8> {
    server.ask(&["SELECT", "0"]);
    server.ask(&["FLUSHALL"]);
    let mut listener = server.connect();
    listener.send(&words(LISTEN));
    while listener.received().is_empty() {}
    server.pipeline(list);
    server.ask(END);
    let mut heard = Vec::new();
    while !heard.ends_with(b"$3\r\nend\r\n") {
        heard.extend(listener.received());
    }
    heard
}

fn heard_from_node(list: &[Request]) -> Vec<u8> {
    let mut host = Host::new();
    host.input(Input::Connected { conn: LISTENER });
    let mut heard = Vec::new();
    let mut send = |conn: ConnId, request: &Request| {
        let args: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
        host.input(Input::Command { conn, args: &args });
        for (to, bytes) in host.replies() {
            if to == LISTENER {
                heard.extend(bytes);
            }
        }
    };
    send(CONN, &words(CLASSES));
    send(LISTENER, &words(LISTEN));
    list.iter().for_each(|request| send(CONN, request));
    send(CONN, &words(END));
    // The acknowledgement comes first.
    let head = heard.windows(4).position(|four| four == b":1\r\n");
    heard.split_off(head.expect("it was acknowledged") + 4)
}
