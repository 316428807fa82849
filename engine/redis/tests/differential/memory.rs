//! Data sets whose memory is compared, at least one for each encoding.

use crate::requests::{Request, words};

/// A name, and the requests that build it.
type DataSet = (&'static str, fn() -> Vec<Request>);

/// All data sets.
pub(crate) const DATA_SETS: &[DataSet] = &[
    ("lists of one listpack", || lists(1_000, 10, 8)),
    ("lists of many listpacks", || lists(2, 5_000, 30)),
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
