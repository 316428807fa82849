//! used_memory by Redis's layout, kept step by step.

use crate::harness::Host;
use kvrig_base::seam::Work;
use kvrig_base::time::Wall;
use kvrig_redis::Config;
use kvrig_redis::memory::STARTUP_BYTES;
use kvrig_tables::TableKind;
use proptest::prelude::*;

#[test]
fn a_small_key_takes_136_bytes_at_a_full_table() {
    let mut host = Host::new();
    let keys = 1 << 14;
    for key in 0..keys {
        host.ask(&format!("SET key:{key:016} {}", "v".repeat(32)));
    }
    assert_eq!(host.node.used_memory() - STARTUP_BYTES, 136 * keys);
}

#[test]
fn a_loaded_key_is_there_and_a_second_load_leaves_it() {
    let (mut host, mut by_set) = (Host::new(), Host::new());
    let mut work = Work::unpriced();
    let wall = Wall::from_unix_millis(1_000);
    assert!(host.node.load(b"k", b"first", wall, &mut work));
    assert!(!host.node.load(b"k", b"second", wall, &mut work));
    host.check(&[("GET k", "$5 first"), ("DBSIZE", ":1")]);
    by_set.ask("SET k first");
    assert_eq!(host.node.used_memory(), by_set.node.used_memory());
}

#[test]
fn an_empty_node_takes_what_it_took_at_its_start() {
    let mut host = Host::new();
    assert_eq!(host.node.used_memory(), STARTUP_BYTES);
    host.check(&[
        ("SET a 1 EX 10", "+OK"),
        ("SELECT 3", "+OK"),
        ("SET b hello", "+OK"),
        ("APPEND b world", ":10"),
        ("FLUSHALL", "+OK"),
    ]);
    assert_eq!(host.node.used_memory(), STARTUP_BYTES);
}

/// The figures of a fresh Redis 7.0.15 after the same commands, differences of used_memory.
#[test]
fn expiries_cost_an_entry_and_share_their_key() {
    let mut host = Host::with(Config::default(), TableKind::Redis70);
    host.ask("MSET s 1 n 1");
    let mut before = host.node.used_memory();
    let mut cost = |host: &mut Host, request: &str| {
        host.ask(request);
        let after = host.node.used_memory();
        std::mem::replace(&mut before, after).abs_diff(after)
    };
    assert_eq!(
        cost(&mut host, "EXPIRE s 100"),
        32 + 4 * 8,
        "the first needs buckets too"
    );
    assert_eq!(cost(&mut host, "EXPIRE n 100"), 32);
    assert_eq!(cost(&mut host, "EXPIRE n 200"), 0);
    assert_eq!(cost(&mut host, "PERSIST n"), 32);
}

#[test]
fn memory_usage_tells_what_is_there_and_takes_no_lookup_for_a_use() {
    let mut host = Host::new();
    host.check(&[
        ("SET a hello PX 10", "+OK"),
        // An entry of 24 bytes, a key of 16 and a value of 32.
        ("MEMORY USAGE a", ":64"),
        ("MEMORY USAGE none", "$-1"),
    ]);
    host.pass_ms(20);
    host.check(&[
        ("MEMORY USAGE a", ":64"),
        ("GET a", "$-1"),
        ("MEMORY USAGE a", "$-1"),
        (
            "MEMORY",
            "-ERR wrong number of arguments for 'memory' command",
        ),
    ]);
    let info = host.ask("INFO stats");
    assert!(
        info.contains("keyspace_hits:0 keyspace_misses:1 "),
        "{info}"
    );
}

#[test]
fn memory_stats_divide_what_is_used_into_overhead_and_data() {
    let mut host = Host::new();
    for key in 0..100 {
        host.ask(&format!("SET key:{key:016} {} EX 100", "v".repeat(32)));
    }
    let used = host.node.used_memory();
    let reply = host.ask("MEMORY STATS");
    let field = |name: &str| -> u64 {
        let rest = reply
            .split(&format!(" {name} :"))
            .nth(1)
            .expect("it is told");
        let end = rest.find(' ').unwrap_or(rest.len());
        rest[..end].parse().expect("a number")
    };
    // A new entry and object of each key, and 128 buckets in each table.
    let main = 100 * (24 + 16) + 128 * 8;
    let expires = 100 * 24 + 128 * 8;
    assert_eq!(field("total.allocated"), used);
    assert_eq!(field("startup.allocated"), STARTUP_BYTES);
    assert_eq!(field("overhead.hashtable.main"), main);
    assert_eq!(field("overhead.hashtable.expires"), expires);
    assert_eq!(field("overhead.total"), STARTUP_BYTES + main + expires);
    assert_eq!(field("keys.count"), 100);
    assert_eq!(field("keys.bytes-per-key"), (used - STARTUP_BYTES) / 100);
    assert_eq!(
        field("dataset.bytes"),
        used - STARTUP_BYTES - main - expires
    );
}

proptest! {
    /// Whatever was done before: once all keys are gone, nothing but buckets is left.
    #[test]
    fn nothing_is_forgotten_or_counted_twice(
        requests in prop::collection::vec((0..10_u8, 0..6_u8, 0..80_usize), 0..80),
    ) {
        let mut host = Host::new();
        for (what, key, length) in requests {
            let text = "x".repeat(length + 1);
            host.ask(&match what {
                0 => format!("SET k{key} {text}"),
                1 => format!("APPEND k{key} {text}"),
                2 => format!("INCRBY k{key} {}", length * 1_000),
                3 => format!("SET k{key} {text} PX {}", length + 1),
                4 => format!("DEL k{key}"),
                5 => format!("PEXPIRE k{key} {length}"),
                6 => format!("PERSIST k{key}"),
                7 => format!("SET k{key} {}", length * 1_000),
                8 => format!("SET k{key} {text} KEEPTTL"),
                _ => format!("SET {text} {text}"),
            });
            host.pass_ms(3);
        }
        for request in 0..90 {
            host.ask(&format!("DEL {}", "x".repeat(request)));
        }
        host.ask("DEL k0 k1 k2 k3 k4 k5");
        let database = host.node.keyspace().database(0);
        let buckets = database.keys().bucket_bytes().total() + database.expires().bucket_bytes().total();
        prop_assert_eq!(host.ask("DBSIZE"), ":0");
        prop_assert_eq!(host.node.used_memory() - STARTUP_BYTES, buckets);
    }
}

/// Bytes of a key that holds `count` elements in its small encoding, and without it.
fn small_and_large(requests: &dyn Fn(usize) -> String, count: usize, limit: &str) -> (f64, f64) {
    let bytes = |limit: Option<&str>| {
        let mut host = Host::new();
        if let Some(limit) = limit {
            assert_eq!(host.ask(&format!("CONFIG SET {limit} 0")), "+OK");
        }
        for number in 0..count {
            host.ask(&requests(number));
        }
        let usage = host.ask("MEMORY USAGE k SAMPLES 0");
        let bytes: u32 = usage.trim_start_matches(':').parse().expect("a number");
        f64::from(bytes)
    };
    (bytes(None), bytes(Some(limit)))
}

/// The figures are those of redis-server 7.0.15 with the same commands; "ten times less" is said of
/// all of them.
#[test]
fn a_small_encoding_saves_half_of_a_hash_and_most_of_a_set_of_integers() {
    let hash = |number: usize| {
        format!(
            "HSET k {:x<10} {:x<10}",
            format!("f{number}"),
            format!("v{number}")
        )
    };
    let zset = |number: usize| format!("ZADD k {number} {:x<10}", format!("m{number}"));
    let set = |number: usize| format!("SADD k {number}");
    type Case<'a> = (&'a dyn Fn(usize) -> String, usize, &'a str, f64);
    let cases: [Case<'_>; 5] = [
        (&hash, 10, "hash-max-listpack-entries", 2.82),
        (&hash, 100, "hash-max-listpack-entries", 2.58),
        (&hash, 128, "hash-max-listpack-entries", 2.28),
        (&zset, 128, "zset-max-listpack-entries", 6.54),
        (&set, 512, "set-max-intset-entries", 15.5),
    ];
    for (request, count, limit, factor) in cases {
        let (small, large) = small_and_large(request, count, limit);
        let found = large / small;
        assert!(
            (found / factor - 1.0).abs() < 0.03,
            "{limit} {count}: {found}"
        );
    }
}

/// Names of elements that no other count has.
fn elements(count: usize, from: usize, to: usize) -> String {
    let names = (from..to).map(|number| format!("{count}:{number}"));
    names.collect::<Vec<_>>().join(" ")
}

/// A standard error of 1.04 / sqrt(16,384) is 0.81 %; over a hundred counts it is met within a tenth
/// of itself but for one time in two hundred.
#[test]
fn a_hyperloglog_takes_12_kb_and_errs_by_its_standard_error() {
    const ELEMENTS: usize = 10_000;
    const COUNTS: usize = 100;
    let mut host = Host::new();
    let mut squares = 0.0;
    for count in 0..COUNTS {
        for from in (0..ELEMENTS).step_by(1_000) {
            host.ask(&format!(
                "PFADD h:{count} {}",
                elements(count, from, from + 1_000)
            ));
        }
        let found = host.ask(&format!("PFCOUNT h:{count}"));
        let found: f64 = found.trim_start_matches(':').parse().expect("a number");
        let error = found / ELEMENTS as f64 - 1.0;
        squares += error * error;
    }
    // 16,384 registers of 6 bits behind a header of 16 bytes.
    host.check(&[("STRLEN h:0", ":12304")]);
    let standard_error = (squares / COUNTS as f64).sqrt();
    assert!(
        (0.006_5..0.009_8).contains(&standard_error),
        "{standard_error}"
    );
}
