//! Data sets whose memory is compared, at least one for each encoding.

use crate::harness::Host;
use crate::requests::{Request, words};
use crate::server::RealServer;
use std::collections::BTreeSet;

/// A name, and the requests that build it.
type DataSet = (&'static str, fn() -> Vec<Request>);

/// All data sets.
pub(crate) const DATA_SETS: &[DataSet] = &[
    ("lists of one listpack", || lists(1_000, 10, 8)),
    ("lists of many listpacks", || lists(2, 5_000, 30)),
    ("lists of compressed listpacks", || {
        let configure = |depth| vec![words(&["CONFIG", "SET", "list-compress-depth", depth])];
        [configure("2"), lists(5, 3_000, 30), configure("0")].concat()
    }),
    ("lists of elements larger than a listpack", || {
        lists(20, 20, 9_000)
    }),
    ("streams of one node", || streams(1_000, 10, 8)),
    ("streams of many nodes", || streams(3, 5_000, 20)),
    ("streams of nodes of few entries", || streams(3, 1_500, 900)),
    ("streams whose fields differ", streams_of_other_fields),
    ("streams with deleted entries", streams_with_gaps),
    ("streams with pending entries", || groups(3, 2_000, 1)),
    ("streams with many consumers", || groups(20, 100, 40)),
];

/// `keys` lists of `elements` elements of about `bytes` bytes.
fn lists(keys: usize, elements: usize, bytes: usize) -> Vec<Request> {
    let element = |number: usize| format!("{number:x<bytes$}");
    let mut requests = Vec::new();
    for key in 0..keys {
        for number in 0..elements {
            requests.push(words(&[
                "RPUSH",
                &format!("list:{key:08}"),
                &element(number),
            ]));
        }
    }
    requests
}

/// `keys` streams of `entries` entries with one value of about `bytes` bytes, a few milliseconds
/// apart.
fn streams(keys: usize, entries: usize, bytes: usize) -> Vec<Request> {
    let mut requests = Vec::new();
    for key in 0..keys {
        for number in 0..entries {
            requests.push(words(&[
                "XADD",
                &format!("stream:{key:08}"),
                &format!("{}-0", 1_700_000_000_000 + number * 7),
                "field",
                &format!("{number:x<bytes$}"),
            ]));
        }
    }
    requests
}

/// Streams whose entries have fields of their own.
fn streams_of_other_fields() -> Vec<Request> {
    let mut requests = Vec::new();
    for number in 0..6_000 {
        requests.push(words(&[
            "XADD",
            &format!("stream:{}", number % 3),
            &format!("{}-1", 1_700_000_000_000_u64 + number),
            &format!("field:{}", number % 7),
            &number.to_string(),
            "other",
            "x",
        ]));
    }
    requests
}

/// Streams that have lost entries and nodes, by XDEL and by XTRIM.
fn streams_with_gaps() -> Vec<Request> {
    let mut requests = streams(3, 3_000, 40);
    for key in 0..3 {
        let key = format!("stream:{key:08}");
        for number in (0..3_000).filter(|number| number % 3 > 0) {
            let id = format!("{}-0", 1_700_000_000_000_u64 + number * 7);
            requests.push(words(&["XDEL", &key, &id]));
        }
        requests.push(words(&["XTRIM", &key, "MAXLEN", "700"]));
    }
    requests
}

/// Streams of which a group has read all, each consumer the same number of entries, and acknowledged
/// some.
fn groups(keys: usize, entries: usize, consumers: usize) -> Vec<Request> {
    let mut requests = streams(keys, entries, 10);
    for key in 0..keys {
        let key = format!("stream:{key:08}");
        requests.push(words(&["XGROUP", "CREATE", &key, "group", "0"]));
        let each = (entries / consumers).to_string();
        for consumer in 0..consumers {
            let consumer = format!("consumer:{consumer}");
            requests.push(words(&[
                "XREADGROUP",
                "GROUP",
                "group",
                &consumer,
                "COUNT",
                &each,
                "STREAMS",
                &key,
                ">",
            ]));
        }
        for number in (0..entries as u64).step_by(4) {
            let id = format!("{}-0", 1_700_000_000_000 + number * 7);
            requests.push(words(&["XACK", &key, "group", &id]));
        }
    }
    requests
}

/// The first key of [`streams`].
const STREAM: &str = "stream:00000000";

/// Requests that make one key each, at least one for each encoding and size that is measured
/// otherwise, and the key.
fn keys() -> Vec<(String, Vec<Request>)> {
    let mut all = Vec::new();
    let long = |bytes: usize| "x".repeat(bytes);
    for (name, value) in [
        ("int", "7".to_owned()),
        ("large-int", "123456789012".to_owned()),
    ]
    .into_iter()
    .chain([1, 20, 44, 45, 100, 250, 5_000, 70_000].map(|bytes| ("string", long(bytes))))
    {
        let key = format!("{name}:{}", value.len());
        let request = words(&["SET", &key, &value]);
        all.push((key, vec![request]));
    }
    let key = format!("a-long-name:{}", long(50));
    all.push((key.clone(), vec![words(&["SET", &key, "v"])]));
    let appended = [
        words(&["SET", "appended", "abc"]),
        words(&["APPEND", "appended", &long(90)]),
    ];
    all.push(("appended".to_owned(), appended.into()));
    for (command, count, bytes) in [
        ("RPUSH", 1, 10),
        ("RPUSH", 100, 10),
        ("RPUSH", 3_000, 20),
        ("RPUSH", 30, 9_000),
        ("SADD", 5, 0),
        ("SADD", 500, 0),
        ("SADD", 600, 0),
        ("SADD", 10, 20),
        ("SADD", 1_500, 40),
        ("ZADD", 10, 10),
        ("ZADD", 1_500, 20),
        ("ZADD", 3, 100),
        ("HSET", 10, 10),
        ("HSET", 1_000, 10),
        ("HSET", 3, 100),
        ("HSET", 700, 200),
    ] {
        let key = format!("{command}:{count}:{bytes}");
        let requests = (0..count).map(|number| {
            let element = match bytes {
                0 => number.to_string(),
                _ => format!("{number:x<bytes$}"),
            };
            match command {
                "ZADD" => words(&["ZADD", &key, &number.to_string(), &element]),
                "HSET" => words(&["HSET", &key, &element, &element]),
                _ => words(&[command, &key, &element]),
            }
        });
        let requests = requests.collect();
        all.push((key, requests));
    }
    for entries in [1, 90, 1_000] {
        all.push((STREAM.to_owned(), streams(1, entries, 20)));
    }
    all.push((STREAM.to_owned(), groups(1, 200, 4)));
    all
}

/// Goal: MEMORY USAGE says of every encoding what Redis says.
///
/// Method: keys whose elements are of one size, so that it does not matter which are sampled; the
/// levels of a skip list are drawn, so that those are compared over many nodes.
#[test]
fn memory_usage_is_that_of_redis_for_every_encoding() {
    let Some(mut server) = RealServer::start() else {
        return;
    };
    let mut host = Host::new();
    let mut encodings = BTreeSet::new();
    for (key, requests) in keys() {
        let anew = std::iter::once(words(&["DEL", &key]));
        let requests: Vec<Request> = anew.chain(requests).collect();
        server.pipeline(&requests);
        for request in &requests {
            let args: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
            host.command(&args);
        }
        encodings.insert(server.ask(&["OBJECT", "ENCODING", &key]).text());
        for samples in [None, Some("0"), Some("1000")] {
            let mut request = vec!["MEMORY", "USAGE", &key];
            request.extend(samples.into_iter().flat_map(|samples| ["SAMPLES", samples]));
            let theirs = server.ask(&request).integer();
            let ours = host.ask(&request.join(" "));
            let ours: i64 = ours.trim_start_matches(':').parse().expect("a number");
            let levels = match key.starts_with("ZADD") {
                // Five nodes of many may have more levels than five others.
                true if samples.is_none() => continue,
                true => 64,
                false => 0,
            };
            let tolerance = theirs / 50 + levels;
            assert!(
                theirs.abs_diff(ours) <= tolerance as u64,
                "{key} {samples:?}: {theirs} in Redis, {ours} here"
            );
        }
    }
    for field in [
        "overhead.hashtable.main",
        "overhead.hashtable.expires",
        "keys.count",
    ] {
        let theirs = number_behind(&format!("{:?}", server.ask(&["MEMORY", "STATS"])), field);
        let ours = number_behind(&host.ask("MEMORY STATS"), field);
        assert_eq!(theirs, ours, "{field}");
    }
    let expected = [
        "embstr",
        "hashtable",
        "int",
        "intset",
        "listpack",
        "quicklist",
        "raw",
        "skiplist",
        "stream",
    ];
    assert!(
        encodings.iter().map(String::as_str).eq(expected),
        "{encodings:?}"
    );
}

/// The first number behind a field's name, which in a reply shown for people is spelt in bytes.
fn number_behind(reply: &str, field: &str) -> u64 {
    let spelt = format!("{:?}", field.as_bytes());
    let rest = reply.split(&spelt).nth(1).or(reply.split(field).nth(1));
    let digits: String = rest
        .expect("it is told")
        .chars()
        .skip_while(|sign| !sign.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().expect("a number")
}
