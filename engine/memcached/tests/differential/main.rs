//! The server beside a real Memcached 1.6: the same requests, the same bytes back.
//!
//! The real one is started on a socket of its own and stopped by its process id. It is installed
//! where it is missing; where that fails, the tests fail under `CI=true` and are skipped with a
//! notice elsewhere.

#[path = "../common/mod.rs"]
mod common;
mod requests;
mod server;

use common::Host;
use kvrig_base::random::Seed;
use server::RealServer;

/// Lists of requests, each to servers without data, and how many requests each has.
const LISTS: u64 = 40;
const REQUESTS_PER_LIST: usize = 250;
const WIRE_STREAMS: u64 = 200;

/// Goal: every reply is that of Memcached, to the byte, CAS values included.
///
/// Method: seeded random lists of requests, from the same empty state, each request sent when the
/// one before is answered: replies under way hold on to their items, and change what is done with
/// them.
#[test]
fn random_requests_get_the_replies_of_memcached() {
    let stream = Seed(7).stream("differential-memcached");
    for list in 0..LISTS {
        let Some(server) = RealServer::start() else {
            return;
        };
        let mut random = stream.sequence(list);
        let (mut dialogue, mut host) = (server.dialogue(), Host::new());
        let mut said = String::new();
        for _ in 0..REQUESTS_PER_LIST {
            let request = requests::request(&mut random);
            let ours = host.bytes(&request);
            let theirs = dialogue.ask(&request, ours.len());
            said += &format!("  {}\n", request.escape_ascii());
            if ours != theirs {
                let (ours, theirs) = (ours.escape_ascii(), theirs.escape_ascii());
                panic!("list {list}:\n{said}memcached: {theirs}\nhere:      {ours}");
            }
        }
    }
}

/// Goal: hostile bytes are read as Memcached reads them.
///
/// Method: random streams of pieces of the protocol, each on a connection of its own that is closed
/// behind them; all that comes back is compared. Values are made whole at the end: Memcached sends
/// nothing of what it has to say to a client that leaves in the middle of one.
#[test]
fn random_bytes_get_the_replies_of_memcached() {
    let Some(_) = RealServer::start() else {
        return;
    };
    let stream = Seed(7).stream("differential-memcached-wire");
    for number in 0..WIRE_STREAMS {
        let mut random = stream.sequence(number);
        let mut pieces: Vec<Vec<u8>> = (0..12).map(|_| requests::piece(&mut random)).collect();
        pieces.push(b"\r\n\r\n\r\nversion\r\n".to_vec());
        if theirs(&pieces) != ours(&pieces) {
            let shortest = shorten(pieces);
            panic!(
                "stream {number} is answered differently: {}{}",
                shortest.concat().escape_ascii(),
                difference(&theirs(&shortest), &ours(&shortest)),
            );
        }
    }
}

/// Goal: refusals are worded as Memcached words them, and what follows is read on from the same
/// place.
///
/// Method: one request a connection, to a server with one item.
#[test]
fn requests_that_are_sent_alone_get_the_replies_of_memcached() {
    let Some(server) = RealServer::start() else {
        return;
    };
    let item = b"set a 0 0 1\r\n1\r\n".to_vec();
    for request in requests::alone() {
        server.raw(&item);
        let theirs = server.raw(&request);
        let mut host = Host::new();
        host.bytes(&item);
        let ours = host.bytes(&request);
        assert_eq!(
            ours.escape_ascii().to_string(),
            theirs.escape_ascii().to_string(),
            "{}",
            request.escape_ascii()
        );
    }
}

/// All that a new Memcached answers.
fn theirs(list: &[Vec<u8>]) -> Vec<u8> {
    let server = RealServer::start().expect("it could be started before");
    server.raw(&list.concat())
}

/// All that a new server of ours answers.
fn ours(list: &[Vec<u8>]) -> Vec<u8> {
    Host::new().bytes(&list.concat())
}

/// Both replies from a little before where they part.
fn difference(theirs: &[u8], ours: &[u8]) -> String {
    let common = theirs
        .iter()
        .zip(ours)
        .take_while(|(their, our)| their == our);
    let start = common.count().saturating_sub(40);
    let part = |bytes: &[u8]| {
        let part = &bytes[start..bytes.len().min(start + 200)];
        part.escape_ascii().to_string()
    };
    format!("\nmemcached: {}\nhere:      {}", part(theirs), part(ours))
}

/// Leaves out requests, first many at once and then one by one, that the difference does not need.
fn shorten(mut list: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut width = list.len() / 2;
    while width > 0 {
        let mut start = 0;
        while start < list.len() {
            let mut without = list.clone();
            without.drain(start..(start + width).min(list.len()));
            match theirs(&without) == ours(&without) {
                true => start += width,
                false => list = without,
            }
        }
        width /= 2;
    }
    list
}
