//! Life at the memory limit.

use crate::harness::{Host, MicrosecondMeter};
use kvrig_base::seam::{Actor, Cause, Input, Work};
use kvrig_redis::Config;
use kvrig_redis::memory::STARTUP_BYTES;
use kvrig_tables::{TableEventKind, TableKind};

const OOM: &str = "-OOM command not allowed when used memory > 'maxmemory'.";

fn host(limit: u64, settings: &[(&str, &str)]) -> Host {
    let mut config = Config::default();
    config
        .set("maxmemory", &(STARTUP_BYTES + limit).to_string())
        .expect("it is honoured");
    for (name, value) in settings {
        config.set(name, value).expect("it is honoured");
    }
    Host::with(config, TableKind::Redis70)
}

#[test]
fn without_a_policy_commands_that_take_memory_are_refused() {
    let mut host = host(10_000, &[]);
    let refused = (0..).find(|key| host.ask(&format!("SET key:{key} value")) == OOM);
    assert!(
        refused.is_some_and(|key| (50..200).contains(&key)),
        "{refused:?}"
    );
    host.check(&[
        ("GET key:0", "$5 value"),
        ("APPEND key:0 x", OOM),
        ("INCR n", OOM),
        ("MSET a 1", OOM),
        (
            "SET key:0",
            "-ERR wrong number of arguments for 'set' command",
        ),
        ("EXPIRE key:0 100", ":1"),
        ("DEL key:0 key:1 key:2", ":3"),
        ("SET a 1", "+OK"),
    ]);
}

#[test]
fn the_least_recently_used_go_first() {
    let mut host = host(800_000, &[("maxmemory-policy", "allkeys-lru")]);
    for key in 0..5_000 {
        host.ask(&format!("SET key:{key:06} {}", "v".repeat(32)));
    }
    assert_eq!(host.node.evicted_keys(), 0);
    // The second half is used again, a minute later by the clock that the timer reads.
    host.pass_ms(60_000);
    host.input(Input::Deadline);
    for key in 2_500..5_000 {
        host.ask(&format!("GET key:{key:06}"));
    }
    for key in 5_000..8_000 {
        host.ask(&format!("SET key:{key:06} {}", "v".repeat(32)));
    }
    assert!(host.node.used_memory() <= STARTUP_BYTES + 800_000 + 136);
    let present = |host: &mut Host, keys: std::ops::Range<u32>| {
        keys.filter(|key| host.ask(&format!("EXISTS key:{key:06}")) == ":1")
            .count()
    };
    let (unused, used) = (
        present(&mut host, 0..2_500),
        present(&mut host, 2_500..5_000),
    );
    assert!(
        host.node.evicted_keys() > 500,
        "{}",
        host.node.evicted_keys()
    );
    assert!(
        used >= 2_450,
        "of the used ones {used} are left, of the others {unused}"
    );
    assert!(
        unused <= 1_200,
        "of the used ones {used} are left, of the others {unused}"
    );
}

#[test]
fn a_table_does_not_grow_beyond_the_limit() {
    // Room for 1,024 keys of 20 bytes with values of 32, not for a second array of 16 KiB.
    let mut host = host(1_024 * 136 + 8_000, &[("maxmemory-policy", "allkeys-lru")]);
    let mut refused = false;
    for key in 0..1_030 {
        host.ask(&format!("SET key:{key:016} {}", "v".repeat(32)));
        while let Some((_, event)) = host.node.take_table_event(0) {
            refused |= matches!(
                event.kind,
                TableEventKind::AllocationRefused { buckets: 2_048 }
            );
        }
    }
    assert!(refused);
    assert_eq!(host.node.evicted_keys(), 0);
    assert_eq!(host.node.keyspace().database(0).keys().buckets(), 1_024);
}

/// Goal: an eviction that takes long is left after its 500 us, and the timer goes on with it.
///
/// Method: a large value pushes out thousands of small keys, at prices at which sixteen keys take far
/// more than 500 us.
#[test]
fn a_long_eviction_is_cut_into_slices() {
    let mut host = host(1_000_000, &[("maxmemory-policy", "allkeys-lru")]);
    for key in 0..5_000 {
        host.ask(&format!("SET key:{key:06} {}", "v".repeat(32)));
    }
    let value = vec![b'x'; 500_000];
    host.command(&[b"SET", b"large", &value]);
    host.work = Work::new(Box::new(MicrosecondMeter));
    host.ask("PING");
    assert_eq!(host.node.evicted_keys(), 16, "one slice");
    assert!(
        host.work
            .segments()
            .iter()
            .any(|segment| segment.cause == Cause::Evict)
    );
    assert_eq!(
        host.node.next_deadline(),
        Some(host.now),
        "the timer is to go on at once"
    );
    let mut slices = 1;
    while host.node.next_deadline() == Some(host.now) {
        host.input(Input::Deadline);
        slices += 1;
    }
    assert!(slices > 50, "{slices}");
    assert!(host.node.used_memory() <= STARTUP_BYTES + 1_000_000);
}

#[test]
fn without_the_growth_guard_a_new_array_drives_keys_out_at_once() {
    // Room for 1,024 keys of 136 bytes each; the second array takes 16 KiB.
    let evicted = |growth_guard| {
        let mut config = Config {
            growth_guard,
            ..Config::default()
        };
        for (name, value) in [
            ("maxmemory", &*(STARTUP_BYTES + 1_024 * 136).to_string()),
            ("maxmemory-policy", "allkeys-lru"),
            ("maxmemory-eviction-tenacity", "100"),
        ] {
            config.set(name, value).expect("it is honoured");
        }
        let mut host = Host::with(config, TableKind::Redis70);
        for key in 0..1_026 {
            host.ask(&format!("SET key:{key:016} {}", "v".repeat(32)));
        }
        (
            host.node.keyspace().database(0).keys().buckets() > 1_024,
            host.node.evicted_keys(),
        )
    };
    let (grew, few) = evicted(true);
    assert!(!grew && few <= 5, "{few}");
    let (grew, many) = evicted(false);
    assert!(grew, "the array is allocated although memory is full");
    assert!(many.abs_diff(few + 16_384 / 136) <= 10, "{many}, not {few}");
}
