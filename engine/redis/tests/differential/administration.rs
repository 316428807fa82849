//! Commands for administrators beside a real Redis.

use crate::harness::{CONN, Host};
use crate::server::{Element, RealServer};
use kvrig_base::seam::{Effect, FileOp, FileOutcome, Input};

/// What is said of a server that has done nothing, and of requests that are wrong.
const REQUESTS: &[&str] = &[
    "latency doctor",
    "latency graph command",
    "latency graph",
    "latency help",
    "config set latency-monitor-threshold 1000",
    "latency doctor",
    "latency reset",
    "memory doctor",
    "memory help",
    "config help",
    "config rewrite",
    "lolwut",
    "lolwut 1 2 3",
    "lolwut version 7",
    "lolwut version x",
    "lolwut version 5 x",
    "lolwut version 5 1 2 x",
    "lolwut version 6 1 x",
    "lolwut version 5 66 8 2",
    "lolwut version 5 20 3 1 9",
    "lolwut version 5 1 1 1",
    "lolwut version 5 -7 200 2",
    "lolwut version 5 1000 7 2",
    "lolwut version 6 x",
    "pfselftest x",
    "pfdebug encoding nothing",
    "pfdebug encoding",
    "script debug no",
    "script debug x",
    "script debug no x",
    "script debug",
    "debug object nothing",
    "debug sleep",
];

#[test]
fn administrators_are_answered_as_by_redis() {
    let Some(mut server) = RealServer::start() else {
        return;
    };
    let mut host = Host::new();
    for request in REQUESTS {
        let words: Vec<&str> = request.split(' ').collect();
        let args: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let list = [args.iter().map(|arg| arg.to_vec()).collect()];
        let theirs = server.pipeline(&list).remove(0);
        let ours = host.command(&args);
        let shown = |reply: &[u8]| reply.escape_ascii().to_string();
        assert_eq!(shown(&ours), shown(&theirs), "{request}");
    }
}

/// Goal: drawings of LOLWUT with a part by chance are of the size, of the signs and under the caption of
/// Redis's.
#[test]
fn drawings_are_as_large_and_made_of_the_same_signs_as_those_of_redis() {
    let Some(mut server) = RealServer::start() else {
        return;
    };
    let mut host = Host::new();
    for request in [
        "lolwut version 5",
        "lolwut version 5 30 4 9",
        "lolwut version 6",
        "lolwut version 6 7 3",
        "lolwut version 6 0 0",
        "lolwut version 6 200 60",
    ] {
        let words: Vec<&str> = request.split(' ').collect();
        let theirs = server.ask(&words).text();
        let args: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let ours = Element::read(&host.command(&args)).text();
        let (theirs, ours): (Vec<&str>, Vec<&str>) =
            (theirs.lines().collect(), ours.lines().collect());
        assert_eq!(ours.len(), theirs.len(), "{request}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            let has_words = theirs.contains("Redis ver.") || theirs.starts_with("Dedicated");
            assert!(!has_words || ours == theirs, "{request}: {ours}");
            assert_eq!(signs(ours), signs(theirs), "{request}");
        }
        let dots = |rows: &[&str]| {
            rows.concat()
                .chars()
                .filter(|sign| !sign.is_ascii())
                .count()
        };
        assert_eq!(dots(&ours), dots(&theirs), "{request}");
    }
}

/// How many signs a row has to be shown: each is braille, or a space behind a colour.
fn signs(row: &str) -> usize {
    match row.contains('\x1b') {
        true => row.matches("m \x1b[0m").count(),
        false => row.chars().count(),
    }
}

#[test]
fn the_estimates_of_hyperloglogs_test_themselves() {
    let mut host = Host::new();
    assert_eq!(host.ask("pfselftest"), "+OK");
    assert_eq!(host.ask("config set hll-sparse-max-bytes 0"), "+OK");
    assert_eq!(host.ask("pfselftest"), "+OK");
    host.check(&[("multi", "+OK"), ("script debug no", "+QUEUED")]);
    let refused = "*1 -ERR SCRIPT DEBUG must be called outside a pipeline";
    assert_eq!(host.ask("exec"), refused);
    assert!(
        host.ask("script debug yes")
            .starts_with("-ERR SCRIPT DEBUG: there is no debugger")
    );
}

/// Goal: a value is as long in a snapshot, and as many nodes and bytes of a list are told of, as in
/// Redis.
#[test]
fn objects_are_told_of_as_by_redis() {
    let Some(mut server) = RealServer::start() else {
        return;
    };
    // Payloads are compressed there.
    server.ask(&["CONFIG", "SET", "rdbcompression", "no"]);
    let mut host = Host::new();
    let long = "x".repeat(3_000);
    let values = [
        "set k 12".to_owned(),
        "set k 123456789012345678901234567890".to_owned(),
        format!("set k {long}"),
        format!("rpush k {long} {long} {long} {long} 1 2"),
        "sadd k 1 2 300000".to_owned(),
        "sadd k a b c".to_owned(),
        "hset k f 1 g 2".to_owned(),
        "zadd k 1 a 2.5 b".to_owned(),
        "pfadd k a b c".to_owned(),
    ];
    for value in values {
        for request in ["del k", &value] {
            server.ask(&request.split(' ').collect::<Vec<_>>());
            host.ask(request);
        }
        let theirs = server.ask(&["DEBUG", "OBJECT", "k"]).text();
        let ours = host.ask("debug object k");
        let told = |text: &str| -> Vec<String> {
            let fields = text.split(' ').map(str::to_owned);
            let differs = |field: &String| {
                ["at:", "+Value", "Value", "lru:"]
                    .iter()
                    .any(|start| field.starts_with(start))
            };
            fields.filter(|field| !differs(field)).collect()
        };
        assert_eq!(told(&ours), told(&theirs), "{value}");
    }
}

/// Lines of what is not the node's: of the host, and users.
fn is_left_out(line: &str) -> bool {
    let names = [
        "port",
        "bind",
        "dir",
        "user",
        "appendonly",
        "enable-debug-command",
    ];
    names.contains(&line.split(' ').next().unwrap_or(line))
}

/// The lines up to the mark, then those behind it, which Redis writes in the order of a table.
fn comparable(text: &str) -> (Vec<&str>, Vec<&str>) {
    let mut lines = text.lines().filter(|line| !is_left_out(line));
    let before = lines.by_ref().take_while(|line| !line.starts_with("# Gen"));
    let before = before.collect();
    let mut behind: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    behind.sort_unstable();
    (before, behind)
}

/// What the node writes where its file says `old`.
fn rewritten(host: &mut Host, old: &str) -> String {
    host.node.set_config_file("redis.conf".to_owned());
    let args: &[&[u8]] = &[b"config", b"rewrite"];
    host.input(Input::Command { conn: CONN, args });
    let mut text = Vec::new();
    loop {
        let (effects, data) = host.effects.take();
        let mut asked = effects.into_iter().filter_map(|effect| match effect {
            Effect::File { ticket, op, .. } => Some((ticket, op)),
            _ => None,
        });
        let Some((ticket, op)) = asked.next() else {
            let replies = host.replies();
            assert_eq!(replies, [(CONN, b"+OK\r\n".to_vec())]);
            return String::from_utf8(text).expect("it is a text");
        };
        let outcome = match op {
            FileOp::Read { .. } => FileOutcome::Read(old.as_bytes()),
            FileOp::Append { data: range, .. } => {
                text.extend_from_slice(&data[range]);
                FileOutcome::Done { bytes: 0 }
            }
            _ => FileOutcome::Done {
                bytes: old.len() as u64,
            },
        };
        host.input(Input::File { ticket, outcome });
    }
}

/// Goal: CONFIG REWRITE makes of a file what Redis makes of it, twice.
#[test]
fn a_configuration_is_rewritten_as_by_redis() {
    let old = "# first\n\n\n  # second \nmaxmemory 100mb\nMaxMemory-Policy allkeys-lru\n\
               hash-max-ziplist-entries 64\nlua-time-limit 2000\n\
               client-output-buffer-limit pubsub 1mb 0 0\nhz 10\nhz 20\nrequirepass \"\"\n\
               dbfilename \"d.rdb\"\nsave 60 5\nsave 300 1\ntimeout 0\n# last\n";
    let Some(mut server) = RealServer::start_with_config(old) else {
        return;
    };
    let mut host = Host::with(
        kvrig_redis::Config::served(),
        kvrig_tables::TableKind::Redis70,
    );
    // What the server is started with, and what the file says.
    for request in [
        "maxmemory 100mb maxmemory-policy allkeys-lru hash-max-listpack-entries 64",
        "busy-reply-threshold 2000 hz 20 slowlog-log-slower-than -1",
    ] {
        host.ask(&format!("config set {request}"));
    }
    set(&mut host, &["client-output-buffer-limit", "pubsub 1mb 0 0"]);
    set(&mut host, &["save", ""]);
    let mut file = old.to_owned();
    let changes: [&[&str]; 2] = [
        &[
            "slowlog-max-len",
            "77",
            "timeout",
            "3",
            "set-max-intset-entries",
            "5",
            "zset-max-listpack-value",
            "1024",
            "notify-keyspace-events",
            "KEA",
            "maxclients",
            "20",
            "latency-tracking-info-percentiles",
            "",
            "save",
            "60 5 300 1",
        ],
        &[
            "save",
            "",
            "proto-max-bulk-len",
            "2000000",
            "timeout",
            "0",
            "hll-sparse-max-bytes",
            "2048",
            "list-max-listpack-size",
            "-1",
            "client-output-buffer-limit",
            "normal 10 5 2",
            "stream-node-max-bytes",
            "1048576",
            "latency-tracking-info-percentiles",
            "99.9 50",
            "maxmemory",
            "1000",
            "requirepass",
            "a \"b",
        ],
    ];
    for change in changes {
        server.ask(&[&["CONFIG", "SET"], change].concat());
        set(&mut host, change);
        server.ask(&["CONFIG", "REWRITE"]);
        file = rewritten(&mut host, &file);
        // The name of the snapshot cannot be set while a server runs.
        let ours = file.replace("dump.rdb", "d.rdb");
        assert_eq!(comparable(&ours), comparable(&server.config_text()));
    }
}

fn set(host: &mut Host, pairs: &[&str]) {
    let words = ["config", "set"].iter().chain(pairs);
    let args: Vec<&[u8]> = words.map(|word| word.as_bytes()).collect();
    assert_eq!(host.command(&args), b"+OK\r\n");
}
