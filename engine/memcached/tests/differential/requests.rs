//! Random requests that are rich in edges.

use kvrig_base::random::Sequence;

const KEYS: &[&str] = &["a", "b", "c", "key:with:colons", "\t", "a\u{1}b", "0"];
const VALUES: &[&[u8]] = &[
    b"",
    b"0",
    b"1",
    b"10",
    b"-1",
    b"-0",
    b"+5",
    b" 5",
    b"5 ",
    b"5 apples",
    b"1.5",
    b"007",
    b"x",
    b"18446744073709551615",
    b"18446744073709551616",
    b"-18446744073709551615",
    b"a\r\nb",
    b"\0",
    b"7\x008",
    b"END",
];
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "9",
    "90",
    "+1",
    "-1",
    "01",
    "x",
    "1x",
    "1.5",
    "18446744073709551615",
    "18446744073709551616",
    "-18446744073709551615",
];
const FLAGS: &[&str] = &[
    "0",
    "0",
    "1",
    "4294967295",
    "4294967296",
    "-1",
    "x",
    "+7",
    "1x",
];
/// No expiry that comes during the test, and no time that counts from now.
const EXPIRIES: &[&str] = &[
    "0",
    "0",
    "0",
    "1000",
    "-1",
    "-2147483648",
    "2147483647",
    "2592001",
    "x",
    "2147483648",
];

fn pick<'a, T: ?Sized>(random: &mut Sequence, pool: &[&'a T]) -> &'a T {
    pool[random.below(pool.len() as u64) as usize]
}

fn key(random: &mut Sequence) -> String {
    match random.below(30) {
        0 => longest_key(),
        _ => pick(random, KEYS).to_owned(),
    }
}

fn longest_key() -> String {
    "k".repeat(250)
}

/// Requests that make Memcached forget replies which it has not yet sent, so that each can only be
/// compared alone.
pub(crate) fn alone() -> Vec<Vec<u8>> {
    let long = longest_key() + "k";
    [
        format!("get {long}"),
        format!("get a {long} b"),
        format!("gats 0 {long}"),
        format!("gat {long} a"),
        format!("set {long} 0 0 2\r\nxy"),
        format!("set {long} 0 0 2 noreply\r\nxy"),
        format!("delete {long}"),
        format!("delete {long} 0 noreply"),
        format!("incr {long} 1"),
        format!("touch {long} x"),
        "set a 0 0 -1".to_owned(),
        "set a 0 0 2147483647".to_owned(),
        "gat 0".to_owned(),
        "gat x a".to_owned(),
    ]
    .map(|line| (line + "\r\n").into_bytes())
    .into()
}

/// Nothing, or the wish for silence, or a word too many.
fn tail(random: &mut Sequence) -> &'static str {
    match random.below(12) {
        0 => " noreply",
        1 => " surplus",
        _ => "",
    }
}

/// One request.
pub(crate) fn request(random: &mut Sequence) -> Vec<u8> {
    let key = key(random);
    let tail = tail(random);
    let line = match random.below(24) {
        0..10 => {
            let names = ["set", "set", "set", "add", "replace", "append", "prepend"];
            let name = pick(random, &names);
            let (flags, expiry) = (pick(random, FLAGS), pick(random, EXPIRIES));
            let value = pick(random, VALUES);
            let line = format!("{name} {key} {flags} {expiry} {}{tail}\r\n", value.len());
            return [line.as_bytes(), value, b"\r\n"].concat();
        }
        10 => {
            let value = pick(random, VALUES);
            let cas = random.below(100);
            let line = format!("cas {key} 0 0 {} {cas}{tail}\r\n", value.len());
            return [line.as_bytes(), value, b"\r\n"].concat();
        }
        11..15 => {
            let name = pick(random, &["incr", "decr"]);
            format!("{name} {key} {}{tail}", pick(random, NUMBERS))
        }
        15 => format!(
            "delete {key}{}",
            pick(random, &["", "", " 0", " noreply", " 0 noreply"])
        ),
        16 => format!("touch {key} {}{tail}", pick(random, EXPIRIES)),
        17 => {
            let name = pick(random, &["gat", "gats"]);
            format!("{name} {} {key} b", pick(random, EXPIRIES))
        }
        18 => format!("gets {key} a b {key}"),
        19 => format!("get {}", "a b c 0 ".repeat(random.below(10) as usize)),
        20 => pick(
            random,
            &[
                "version", "GET a", "get", "set", "incr a", "", "x", "noreply",
            ],
        )
        .to_owned(),
        _ => format!("gets {key}"),
    };
    [line.as_bytes(), b"\r\n"].concat()
}

/// A piece of what a confused client may send.
pub(crate) fn piece(random: &mut Sequence) -> Vec<u8> {
    match random.below(14) {
        0 => b"set a 0 0 3\r\nabcd\r\n".to_vec(),
        1 => b"set a 0 0 3\r\nab\r\n".to_vec(),
        2 => b"set a 0 0 -1\r\n".to_vec(),
        3 => {
            // In lines, because a line without an end ends the connection.
            let value = [b"x".repeat(1_022).as_slice(), b"\r\n"]
                .concat()
                .repeat(1_024);
            [b"add b 0 0 1048576\r\n", value.as_slice(), b"\r\n"].concat()
        }
        4 => b"get a\0b\r\n".to_vec(),
        5 => b"get a b\n".to_vec(),
        6 => b"\r\n".to_vec(),
        7 => b"   get   a   \r\n".to_vec(),
        8 => b"get a\r\r\n".to_vec(),
        9 => b"set a 0 0 2 noreply\r\nabcd\r\n".to_vec(),
        10 => b"quit\r\n".to_vec(),
        _ => match request(random) {
            // Counting does otherwise while a reply with the item is under way.
            count if count.starts_with(b"incr") || count.starts_with(b"decr") => {
                b"gets a\r\n".to_vec()
            }
            other => other,
        },
    }
}
