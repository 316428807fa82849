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
