//! Lists whose inner listpacks are compressed, beside a real Redis.

use crate::dumps;
use crate::requests::{Request, words};
use crate::server::{Element, RealServer};
use kvrig_base::random::{Seed, Sequence};

/// Lists of requests for each setting, and requests of each.
const LISTS: u64 = 6;
const REQUESTS_PER_LIST: usize = 250;
/// After so many requests payloads are exchanged.
const EXCHANGE: usize = 50;
/// `list-compress-depth` and `list-max-listpack-size`.
const SETTINGS: &[(&str, &str)] = &[
    ("1", "-1"),
    ("2", "-1"),
    ("1", "8"),
    ("2", "3"),
    ("3", "5"),
    ("1", "-2"),
];

/// What is asked about a list: whether it is compressed, how much it takes, and how it is stored.
const QUESTIONS: &[&str] = &["DEBUG OBJECT l", "MEMORY USAGE l SAMPLES 0"];

fn element(random: &mut Sequence) -> Vec<u8> {
    let length = random.below(120) as usize;
    match random.below(5) {
        // Few, so that they are found.
        0 => vec![b'a' + random.below(3) as u8],
        1 => random.below(100_000).to_string().into_bytes(),
        2 => b"0123456789".repeat(1 + length / 10),
        3 => format!("{{\"id\": {}, \"name\": \"user\"}}", random.below(1_000)).into_bytes(),
        _ => (0..length).map(|_| random.below(256) as u8).collect(),
    }
}

fn request(random: &mut Sequence) -> Request {
    let index = |random: &mut Sequence| (random.below(60) as i64 - 30).to_string();
    let few = |random: &mut Sequence| ["a", "b", "c"][random.below(3) as usize];
    match random.below(24) {
        0..=9 => {
            let push = ["RPUSH", "LPUSH"][random.below(2) as usize];
            let elements = 1 + random.below(12);
            let elements = (0..elements).map(|_| element(random));
            words(&[push, "l"]).into_iter().chain(elements).collect()
        }
        10..=12 => {
            let side = ["BEFORE", "AFTER"][random.below(2) as usize];
            let mut request = words(&["LINSERT", "l", side, few(random)]);
            request.push(element(random));
            request
        }
        13 | 14 => {
            let mut request = words(&["LSET", "l", &index(random)]);
            request.push(element(random));
            request
        }
        15 => words(&[
            "LREM",
            "l",
            &(random.below(5) as i64 - 2).to_string(),
            few(random),
        ]),
        16 => words(&["LINDEX", "l", &index(random)]),
        17 => words(&["LRANGE", "l", &index(random), &index(random)]),
        18 => words(&["LPOS", "l", few(random), "RANK", "-1", "COUNT", "3"]),
        19 => words(&[
            ["LPOP", "RPOP"][random.below(2) as usize],
            "l",
            &random.below(9).to_string(),
        ]),
        20 => words(&[
            "LMOVE",
            "l",
            "l",
            "LEFT",
            ["LEFT", "RIGHT"][random.below(2) as usize],
        ]),
        21 => words(&["LTRIM", "l", &random.below(3).to_string(), "-2"]),
        22 => words(&["COPY", "l", "other", "REPLACE"]),
        _ => match random.below(3) {
            0 => words(&["SORT", "l", "ALPHA", "LIMIT", "0", "5"]),
            1 => words(&["SORT", "l", "ALPHA", "STORE", "sorted"]),
            _ => words(&["RENAME", "other", "l"]),
        },
    }
}

/// The reply, or of DEBUG OBJECT the fields that tell of nodes.
fn told(reply: &[u8]) -> (String, Vec<u64>) {
    let text = String::from_utf8_lossy(reply).into_owned();
    if let Some(number) = text.trim().strip_prefix(':') {
        return (String::new(), vec![number.parse().expect("a number")]);
    }
    let is_told = |field: &&str| field.starts_with("ql_");
    let exact: Vec<&str> = text.split_whitespace().filter(is_told).collect();
    let length = text.split("serializedlength:").nth(1);
    let length = length.and_then(|rest| rest.split(' ').next()?.parse().ok());
    (exact.join(" "), length.into_iter().collect())
}

/// Sends one request to Redis and one to the node, and gives the replies.
type Both<'a> = &'a mut dyn FnMut(&Request, &Request) -> (Vec<u8>, Vec<u8>);

/// Gives each the other's payload of the list.
fn exchange(both: Both<'_>) {
    let dump = words(&["DUMP", "l"]);
    let (theirs, ours) = both(&dump, &dump);
    if let (Element::Bulk(theirs), Element::Bulk(ours)) =
        (Element::read(&theirs), Element::read(&ours))
    {
        let restore = |payload| {
            [
                words(&["RESTORE", "l", "0"]),
                vec![payload],
                words(&["REPLACE"]),
            ]
            .concat()
        };
        let (theirs, ours) = both(&restore(ours), &restore(theirs));
        assert_eq!((&theirs[..], &ours[..]), (&b"+OK\r\n"[..], &b"+OK\r\n"[..]));
    }
}

/// Goal: lists with compressed nodes are those of Redis: their elements, their nodes, their memory.
///
/// Method: seeded random requests under several depths, each followed by questions about the list.
/// Replies and nodes must be the same; bytes may differ by 2 % and a size class, because Redis's
/// compressor finds references through what an earlier string has left in its table.
#[test]
fn compressed_lists_are_those_of_redis() {
    let Some(mut server) = RealServer::start() else {
        return;
    };
    let (mut compared, mut alike) = (0_u64, 0_u64);
    for (setting, (depth, size)) in SETTINGS.iter().enumerate() {
        for list in 0..LISTS {
            let mut random = Seed(7)
                .stream("compressed-lists")
                .sequence(setting as u64 * LISTS + list);
            let mut host = dumps::host();
            let mut both = |theirs: &Request, ours: &Request| {
                let args: Vec<&[u8]> = ours.iter().map(Vec::as_slice).collect();
                let theirs = server.pipeline(std::slice::from_ref(theirs)).remove(0);
                (theirs, host.command(&args))
            };
            let flush = words(&["FLUSHALL"]);
            both(&flush, &flush);
            let settings = words(&[
                "CONFIG",
                "SET",
                "list-compress-depth",
                depth,
                "list-max-listpack-size",
                size,
            ]);
            both(&settings, &settings);
            for step in 0..REQUESTS_PER_LIST {
                let request = request(&mut random);
                let at = format!(
                    "depth {depth}, size {size}, list {list}, step {step}: {}",
                    request.join(&b' ').escape_ascii()
                );
                let (theirs, ours) = both(&request, &request);
                assert_eq!(
                    theirs.escape_ascii().to_string(),
                    ours.escape_ascii().to_string(),
                    "{at}"
                );
                if step % EXCHANGE == 0 {
                    exchange(&mut both);
                }
                for question in QUESTIONS {
                    let asked = words(&question.split(' ').collect::<Vec<_>>());
                    let (theirs, ours) = both(&asked, &asked);
                    let (theirs, ours) = (told(&theirs), told(&ours));
                    assert_eq!(theirs.0, ours.0, "{at}");
                    for (theirs, ours) in theirs.1.iter().zip(&ours.1) {
                        compared += 1;
                        alike += u64::from(theirs == ours);
                        assert!(
                            theirs.abs_diff(*ours) <= theirs / 50 + 64,
                            "{at}: {question}: {theirs} in Redis, {ours} here"
                        );
                    }
                }
            }
        }
    }
    println!("{alike} of {compared} sizes are the same to the byte");
    assert!(alike * 10 >= compared * 9, "{alike} of {compared}");
}
