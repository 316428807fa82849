//! Payloads of DUMP and snapshots, exchanged with a real server in both directions.

use crate::harness::{EPOCH_MS, Host};
use crate::requests::{Request, words};
use crate::server::{Element, RealServer};
use kvrig_base::random::Seed;
use kvrig_base::seam::Work;
use kvrig_base::time::Wall;
use kvrig_redis::Config;
use kvrig_tables::TableKind;

/// Mutations of each payload.
const MUTATIONS: u64 = 60;
/// Longer payloads are damaged for the node alone.
const COMPARED_BYTES_MAX: usize = 400;
/// When a key expires, unix time in milliseconds.
const EXPIRES_AT: &str = "4000000000123";

/// A node that compresses, as a server does by default.
pub(crate) fn host() -> Host {
    let config = Config {
        rdbcompression: true,
        times_commands: true,
        ..Config::default()
    };
    Host::with(config, TableKind::Redis70)
}

/// Requests that make a key of every type and encoding, some with what only long values show.
pub(crate) fn data() -> Vec<Request> {
    let mut data: Vec<Request> = [
        "set string:integer 12345",
        "set string:negative -129",
        "set string:wide 5000000000",
        "set string:short some-text",
        "set string:empty ",
        "append string:raw 123",
        "rpush list:short a 1 -1 70000 3000000000 b",
        "sadd set:integers 1 -70000",
        "sadd set:wide 1 3000000000",
        "sadd set:one a",
        "zadd zset:short 1 a -2.5 b inf c -inf d 0.1 e 3e300 f",
        "hset hash:short a 1 b two c 9223372036854775807",
        "pfadd hll:sparse a b c",
        "xadd stream:short 1-1 f v g 1",
        "xadd stream:short 1-2 f w g 2",
        "xadd stream:short 18446744073709551614-5 other v",
        "xgroup create stream:empty g 5-5 mkstream entriesread 7",
        "xgroup create stream:empty other 0",
    ]
    .iter()
    .map(|text| words(&text.split(' ').collect::<Vec<_>>()))
    .collect();
    let mut add = |text: String| data.push(words(&text.split(' ').collect::<Vec<_>>()));
    add(format!("set string:repeated {}", "ab".repeat(500)));
    add(format!(
        "set string:words {}",
        "the-quick-brown-fox-".repeat(40)
    ));
    add(format!("setbit string:bits {} 1", 8 * 20_000));
    for number in 0..600 {
        add(format!("rpush list:long {number:x<100}"));
        add(format!("sadd set:long {number:x<10}"));
        add(format!("sadd set:many {number}"));
        add(format!("zadd zset:long {number}.5 {number:x<10}"));
        add(format!("hset hash:long {number} {number:x<10}"));
        add(format!("xadd stream:long {number}-1 f {number:x<10}"));
        add(format!(
            "pfadd hll:dense {number} {number}x {number}y {number}z"
        ));
    }
    for text in [
        "xgroup create stream:long g 0",
        "xgroup create stream:long other $",
        "xreadgroup group g c1 count 200 streams stream:long >",
        "xreadgroup group g c2 count 30 streams stream:long >",
        "xgroup createconsumer stream:long g c3",
        "xack stream:long g 7-1 8-1",
        "xdel stream:long 1-1 9-1 300-1",
        "xtrim stream:long maxlen ~ 400",
        "xclaim stream:long g c3 0 220-1 retrycount 70000",
    ] {
        add(text.to_owned());
    }
    data
}

/// The keys that requests change first.
pub(crate) fn keys(data: &[Request]) -> Vec<Vec<u8>> {
    let key = |request: &Request| match request[0].starts_with(b"xreadgroup") {
        true => None,
        false if request[0].starts_with(b"xgroup") => Some(request[2].clone()),
        false => Some(request[1].clone()),
    };
    let mut keys: Vec<Vec<u8>> = data.iter().filter_map(key).collect();
    keys.sort();
    keys.dedup();
    keys
}

fn send(host: &mut Host, request: &[&[u8]]) -> Vec<u8> {
    host.command(request)
}

fn ask(server: &mut RealServer, request: &[&[u8]]) -> Vec<u8> {
    let request: Request = request.iter().map(|arg| arg.to_vec()).collect();
    server.pipeline(&[request]).remove(0)
}

/// The payload of a key.
fn payload(reply: &[u8]) -> Vec<u8> {
    match Element::read(reply) {
        Element::Bulk(payload) => payload,
        other => panic!("{other:?} is no payload"),
    }
}

/// What Redis says of the content of a key, whatever the order of its table.
fn digest(server: &mut RealServer, key: &[u8]) -> Vec<u8> {
    ask(server, &[b"DEBUG", b"DIGEST-VALUE", key])
}

/// Whether every server gives this payload: what lies in a table comes in the order of a hash key that
/// is another in every process, and one stream has times of deliveries.
fn is_reproducible(key: &[u8], payload: &[u8]) -> bool {
    !matches!(payload[0], 2 | 4) && key != b"stream:long"
}

fn fill(server: &mut RealServer, host: &mut Host) -> Vec<Vec<u8>> {
    let data = data();
    server.ask(&["FLUSHALL"]);
    server.pipeline(&data);
    for request in &data {
        let args: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
        send(host, &args);
    }
    keys(&data)
}

/// Goal: DUMP gives the bytes that Redis gives, for every type and encoding.
///
/// Method: the same requests on both sides. Of what no two servers share the lengths are compared.
#[test]
fn payloads_are_those_of_redis() {
    let Some(mut server) = RealServer::start() else {
        return;
    };
    let mut host = host();
    let keys = fill(&mut server, &mut host);
    assert!(keys.len() > 20);
    for key in keys {
        let ours = payload(&send(&mut host, &[b"DUMP", &key]));
        let theirs = payload(&ask(&mut server, &[b"DUMP", &key]));
        let name = String::from_utf8_lossy(&key);
        match is_reproducible(&key, &theirs) {
            true => assert_eq!(
                ours.escape_ascii().to_string(),
                theirs.escape_ascii().to_string(),
                "{name}"
            ),
            false => assert_eq!((ours[0], ours.len()), (theirs[0], theirs.len()), "{name}"),
        }
    }
}

/// Goal: what either side dumps the other restores, with the same content and the same encoding.
#[test]
fn payloads_are_exchanged_with_redis() {
    let Some(mut server) = RealServer::start() else {
        return;
    };
    let mut host = host();
    for key in fill(&mut server, &mut host) {
        let name = String::from_utf8_lossy(&key).into_owned();
        let theirs = payload(&ask(&mut server, &[b"DUMP", &key]));
        let expected = digest(&mut server, &key);
        ask(&mut server, &[b"RESTORE", b"to", b"0", &theirs, b"REPLACE"]);
        let encoding = ask(&mut server, &[b"OBJECT", b"ENCODING", b"to"]);
        let restored = send(&mut host, &[b"RESTORE", b"to", b"0", &theirs, b"REPLACE"]);
        assert_eq!(restored, b"+OK\r\n", "{name}");
        let ours = send(&mut host, &[b"OBJECT", b"ENCODING", b"to"]);
        assert_eq!(ours, encoding, "{name}");
        let ours = payload(&send(&mut host, &[b"DUMP", b"to"]));
        let restored = ask(&mut server, &[b"RESTORE", b"to", b"0", &ours, b"REPLACE"]);
        assert_eq!(restored, b"+OK\r\n", "{name}");
        assert_eq!(digest(&mut server, b"to"), expected, "{name}");
        let there = ask(&mut server, &[b"OBJECT", b"ENCODING", b"to"]);
        assert_eq!(there, encoding, "{name}");
    }
}

/// Goal: a snapshot of a real server is loaded with everything that is in it.
///
/// Method: keys of every type and encoding in two databases, some with expiries, are saved by a server
/// that compresses and one that does not, and one whose policy asks for uses; each key is then dumped
/// here and restored there, where Redis compares the content.
#[test]
fn snapshots_of_redis_are_loaded() {
    let Some(mut server) = RealServer::start() else {
        return;
    };
    let data = data();
    let keys = keys(&data);
    server.pipeline(&data);
    server.ask(&["PEXPIREAT", "string:words", EXPIRES_AT]);
    server.ask(&["SELECT", "9"]);
    server.ask(&["SET", "there", "1"]);
    server.ask(&["SET", "gone", "1", "PX", "1"]);
    server.ask(&["SELECT", "0"]);
    for settings in [
        ["rdbcompression", "yes"],
        ["rdbcompression", "no"],
        ["maxmemory-policy", "allkeys-lru"],
        ["maxmemory-policy", "allkeys-lfu"],
    ] {
        server.ask(&["CONFIG", "SET", settings[0], settings[1]]);
        assert_eq!(server.ask(&["SAVE"]).text(), "OK");
        let file = server.file("dump.rdb");
        let mut host = host();
        let wall = Wall::from_unix_millis(EPOCH_MS);
        let mut work = Work::unpriced();
        let loaded = host
            .node
            .load_snapshot(&file[..], file.len() as u64, wall, &mut work)
            .expect("it is sound");
        assert_eq!(loaded.keys + loaded.expired, keys.len() as u64 + 2);
        for key in &keys {
            let name = String::from_utf8_lossy(key).into_owned();
            let expected = digest(&mut server, key);
            let ours = payload(&send(&mut host, &[b"DUMP", key]));
            ask(&mut server, &[b"RESTORE", b"to", b"0", &ours, b"REPLACE"]);
            let expires = [b"PEXPIRETIME", &key[..]];
            let at_ms = send(&mut host, &expires);
            assert_eq!(at_ms, ask(&mut server, &expires), "{name}");
            // The digest tells of the expiry too.
            if at_ms != b":-1\r\n" {
                server.ask(&["PEXPIREAT", "to", EXPIRES_AT]);
            }
            assert_eq!(digest(&mut server, b"to"), expected, "{name} {settings:?}");
        }
        server.ask(&["DEL", "to"]);
        host.ask("SELECT 9");
        assert_eq!(host.ask("GET there"), "$1 1");
    }
}

/// Goal: damaged payloads are refused where Redis refuses them, and never do harm.
///
/// Method: single bytes of real payloads are changed, the checksum is put right again, and both sides
/// restore them; Redis is told to check them to the last byte. A few crash it all the same: it is then
/// started again. Long ones are left to the node alone, because Redis allocates for lengths that it reads
/// and may take seconds.
#[test]
fn damaged_payloads_are_refused_as_by_redis() {
    let Some(mut server) = RealServer::start() else {
        return;
    };
    let mut host = host();
    let keys = fill(&mut server, &mut host);
    let dump = |key: &Vec<u8>| payload(&ask(&mut server, &[b"DUMP", key]));
    let payloads: Vec<Vec<u8>> = keys.iter().map(dump).collect();
    server.ask(&["CONFIG", "SET", "sanitize-dump-payload", "yes"]);
    let stream = Seed(7).stream("damaged-payloads");
    for (number, (key, whole)) in keys.iter().zip(payloads).enumerate() {
        let mut random = stream.sequence(number as u64);
        for _ in 0..MUTATIONS {
            let mut payload = whole.clone();
            let at = random.below(payload.len() as u64 - 10) as usize;
            payload[at] = random.next_u64() as u8;
            let content = payload.len() - 8;
            let checksum = crc64(&payload[..content]);
            payload[content..].copy_from_slice(&checksum.to_le_bytes());
            let ours = send(&mut host, &[b"RESTORE", b"to", b"0", &payload, b"REPLACE"]);
            send(&mut host, &[b"DEL", b"to"]);
            if whole.len() > COMPARED_BYTES_MAX {
                continue;
            }
            let request = [&b"RESTORE"[..], b"to", b"0", &payload, b"REPLACE"];
            let request: Request = request.iter().map(|arg| arg.to_vec()).collect();
            let Some(mut theirs) = server.try_pipeline(&[request]) else {
                server = RealServer::start().expect("it has started before");
                server.ask(&["CONFIG", "SET", "sanitize-dump-payload", "yes"]);
                continue;
            };
            let theirs = theirs.remove(0);
            let is_worse = theirs.starts_with(b"-") && ours.starts_with(b"+");
            assert!(
                !is_worse,
                "byte {at} of {} as {}: {}",
                String::from_utf8_lossy(key),
                payload[at],
                payload.escape_ascii()
            );
        }
    }
}

/// The checksum of payloads, bit by bit.
fn crc64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |checksum, byte| {
        (0..8).fold(checksum ^ u64::from(*byte), |remainder, _| {
            let shifted = remainder >> 1;
            match remainder & 1 {
                0 => shifted,
                _ => shifted ^ 0x95AC_9329_AC4B_C9B5,
            }
        })
    })
}
