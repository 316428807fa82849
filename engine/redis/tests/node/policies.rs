//! What each policy keeps at the memory limit, and what is known of how keys are used.

use crate::harness::Host;
use kvrig_base::random::{Seed, Sequence, open_unit};
use kvrig_base::seam::Input;
use kvrig_redis::Config;
use kvrig_redis::memory::STARTUP_BYTES;
use kvrig_tables::TableKind;

const OOM: &str = "-OOM command not allowed when used memory > 'maxmemory'.";
const ALLKEYS: &[&str] = &["allkeys-lru", "allkeys-lfu", "allkeys-random"];
const VOLATILE: &[&str] = &[
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
];

/// A node with room for `limit` bytes.
fn host(policy: &str, limit: u64) -> Host {
    let mut config = Config::default();
    let maxmemory = (STARTUP_BYTES + limit).to_string();
    for (name, value) in [("maxmemory", &*maxmemory), ("maxmemory-policy", policy)] {
        config.set(name, value).expect("it is honoured");
    }
    Host::with(config, TableKind::Redis70)
}

/// Lets time go on for everything that the node keeps.
fn pass_minutes(host: &mut Host, minutes: u64) {
    host.pass_ms(minutes * 60_000);
    host.input(Input::Deadline);
}

fn present(host: &mut Host, keys: impl Iterator<Item = String>) -> usize {
    keys.filter(|key| host.ask(&format!("EXISTS {key}")) == ":1")
        .count()
}

fn keys(name: &str, count: usize) -> impl Iterator<Item = String> {
    (0..count).map(move |number| format!("{name}:{number:05}"))
}

#[test]
fn volatile_policies_leave_keys_without_expiry_alone_and_refuse_once_no_other_is_left() {
    for policy in VOLATILE {
        let mut host = host(policy, 300_000);
        for key in keys("lasting", 500) {
            host.ask(&format!("SET {key} {}", "v".repeat(32)));
        }
        for key in keys("passing", 500) {
            host.ask(&format!("SET {key} {} EX 1000", "v".repeat(32)));
        }
        assert_eq!(host.node.evicted_keys(), 0, "{policy}");
        let refused = keys("more", 5_000)
            .position(|key| host.ask(&format!("SET {key} {}", "v".repeat(32))) == OOM);
        assert!(
            refused.is_some_and(|more| more > 1_000),
            "{policy}: {refused:?}"
        );
        assert_eq!(host.node.evicted_keys(), 500, "{policy}");
        assert_eq!(present(&mut host, keys("lasting", 500)), 500, "{policy}");
    }
}

#[test]
fn allkeys_policies_evict_keys_with_and_without_expiry() {
    for policy in ALLKEYS {
        let mut host = host(policy, 200_000);
        for (lasting, passing) in keys("lasting", 2_000).zip(keys("passing", 2_000)) {
            host.ask(&format!("SET {lasting} {}", "v".repeat(32)));
            host.ask(&format!("SET {passing} {} EX 1000", "v".repeat(32)));
        }
        for name in ["lasting", "passing"] {
            let left = present(&mut host, keys(name, 2_000));
            assert!((200..1_000).contains(&left), "{policy}: {left} {name}");
        }
    }
}

#[test]
fn the_first_to_expire_go_first() {
    let mut host = host("volatile-ttl", 200_000);
    let mut spread = Seed(1).stream("expiries").sequence(0);
    let mut seconds = Vec::new();
    for key in keys("key", 1_000) {
        let lives_s = 1_000 + spread.below(1_000_000);
        seconds.push((lives_s, key.clone()));
        host.ask(&format!("SET {key} {} EX {lives_s}", "v".repeat(32)));
    }
    assert_eq!(host.node.evicted_keys(), 0);
    for key in keys("late", 450) {
        host.ask(&format!("SET {key} {} EX 2000000", "v".repeat(32)));
    }
    seconds.sort();
    let mut left = |range: std::ops::Range<usize>| {
        let names = seconds[range].iter().map(|(_, key)| key.clone());
        present(&mut host, names)
    };
    let (soonest, latest) = (left(0..100), left(500..1_000));
    assert!(soonest <= 45, "{soonest} of the first 100 are left");
    assert!(latest >= 470, "{latest} of the last 500 are left");
}

#[test]
fn keys_that_are_used_often_outlive_those_that_were_used_last() {
    let mut host = host("allkeys-lfu", 200_000);
    host.ask("CONFIG SET lfu-log-factor 1");
    for key in keys("often", 300) {
        host.ask(&format!("SET {key} {}", "v".repeat(32)));
        for _ in 0..50 {
            host.ask(&format!("GET {key}"));
        }
    }
    pass_minutes(&mut host, 2);
    for key in keys("once", 5_000) {
        host.ask(&format!("SET {key} {}", "v".repeat(32)));
    }
    let left = present(&mut host, keys("often", 300));
    assert!(left >= 290, "{left} of 300");
    // Without a use the counters fall, by one a minute.
    pass_minutes(&mut host, 30);
    for key in keys("again", 5_000) {
        host.ask(&format!("SET {key} {}", "v".repeat(32)));
    }
    let left = present(&mut host, keys("often", 300));
    assert!(
        left <= 30,
        "{left} of 300 although nobody used them for 30 minutes"
    );
}

/// Goal: random policies choose in one database after the other, however many keys each holds.
///
/// Method: one database holds ten times as many keys as each of two others; while all three have some
/// left, they lose equally many.
#[test]
fn random_policies_take_turns_between_the_databases() {
    for policy in ["allkeys-random", "volatile-random"] {
        let mut host = host(policy, 10_000_000);
        let counts = [(0, 3_000), (3, 300), (7, 300)];
        for (database, count) in counts {
            host.ask(&format!("SELECT {database}"));
            for key in keys("key", count) {
                host.ask(&format!("SET {key} {} EX 1000", "v".repeat(32)));
            }
        }
        let limit = host.node.used_memory() - 60_000;
        host.ask("CONFIG SET maxmemory-eviction-tenacity 100");
        host.ask(&format!("CONFIG SET maxmemory {limit}"));
        host.ask("PING");
        let lost: Vec<u64> = counts
            .iter()
            .map(|(database, count)| {
                let keys = host.node.keyspace().database(*database).keys();
                *count as u64 - keys.len()
            })
            .collect();
        assert!(lost[0] > 50, "{policy}: {lost:?}");
        assert!(
            lost.iter().all(|one| one.abs_diff(lost[0]) <= 1),
            "{policy}: {lost:?}"
        );
    }
}

/// Draws of ranks by Zipf's law with an exponent of one.
struct Zipf {
    cumulated: Vec<f64>,
    random: Sequence,
}

impl Zipf {
    fn new(count: u32) -> Self {
        let mut sum = 0.0;
        let weight = |rank| {
            sum += 1.0 / f64::from(rank);
            sum
        };
        Self {
            cumulated: (1..=count).map(weight).collect(),
            random: Seed(5).stream("zipf").sequence(0),
        }
    }
    fn draw(&mut self) -> usize {
        let all = self.cumulated[self.cumulated.len() - 1];
        let at = open_unit(self.random.next_u64()) * all;
        self.cumulated.partition_point(|sum| *sum < at)
    }
}

/// The share of hits of a cache that takes in what it misses, in the second half of the requests.
fn hit_ratio(policy: &str) -> f64 {
    const REQUESTS: u32 = 60_000;
    let mut host = host(policy, 120_000);
    let mut popularity = Zipf::new(10_000);
    let mut hits = 0;
    for request in 0..REQUESTS {
        let key = format!("key:{:06}", popularity.draw());
        // Volatile policies see the keys as the others do.
        let is_hit = host.ask(&format!("GET {key}")) != "$-1";
        if !is_hit {
            host.ask(&format!("SET {key} {} EX 100000", "v".repeat(32)));
        }
        hits += u32::from(is_hit && request >= REQUESTS / 2);
        if request % 500 == 0 {
            host.pass_ms(1_000);
            host.input(Input::Deadline);
        }
    }
    assert!(host.node.evicted_keys() > 10_000, "{policy}");
    f64::from(hits) / f64::from(REQUESTS / 2)
}

#[test]
fn where_few_keys_are_popular_counting_uses_beats_timing_them_beats_chance() {
    for (counting, timing, chance) in [
        ("allkeys-lfu", "allkeys-lru", "allkeys-random"),
        ("volatile-lfu", "volatile-lru", "volatile-random"),
    ] {
        let (counting, timing, chance) =
            (hit_ratio(counting), hit_ratio(timing), hit_ratio(chance));
        assert!(
            counting > timing + 0.01 && timing > chance + 0.01,
            "{counting} {timing} {chance}"
        );
    }
}

#[test]
fn idle_times_are_told_without_a_limit_and_asking_is_no_use() {
    let mut host = Host::new();
    host.ask("SET a 1");
    host.ask("SET b 1");
    pass_minutes(&mut host, 2);
    host.check(&[
        ("OBJECT IDLETIME a", ":120"),
        ("OBJECT IDLETIME a", ":120"),
        ("TTL a", ":-1"),
        ("EXISTS a", ":1"),
        ("TYPE a", "+string"),
        ("OBJECT IDLETIME a", ":120"),
        ("TOUCH b", ":1"),
        ("OBJECT IDLETIME b", ":0"),
        ("GET a", "$1 1"),
        ("OBJECT IDLETIME a", ":0"),
        ("OBJECT IDLETIME none", "$-1"),
    ]);
    let freq = host.ask("OBJECT FREQ a");
    assert!(
        freq.starts_with("-ERR An LFU maxmemory policy is not selected"),
        "{freq}"
    );
}

#[test]
fn frequencies_are_told_under_lfu_policies_and_follow_a_key_to_its_new_name() {
    let mut host = host("volatile-lfu", 1_000_000);
    host.check(&[
        ("CONFIG SET lfu-log-factor 0", "+OK"),
        ("SET a x", "+OK"),
        ("OBJECT FREQ a", ":5"),
        ("GET a", "$1 x"),
        ("GET a", "$1 x"),
        ("OBJECT FREQ a", ":7"),
        ("SET a y", "+OK"),
        ("OBJECT FREQ a", ":8"),
        ("RENAME a b", "+OK"),
        ("OBJECT FREQ b", ":9"),
        ("COPY b c", ":1"),
        ("OBJECT FREQ c", ":5"),
        ("MOVE b 1", ":1"),
        ("SELECT 1", "+OK"),
        ("OBJECT FREQ b", ":11"),
    ]);
    pass_minutes(&mut host, 4);
    host.check(&[
        ("OBJECT FREQ b", ":7"),
        ("CONFIG SET lfu-decay-time 2", "+OK"),
        ("OBJECT FREQ b", ":9"),
        ("CONFIG SET lfu-decay-time 0", "+OK"),
        ("OBJECT FREQ b", ":11"),
    ]);
    let idle = host.ask("OBJECT IDLETIME b");
    assert!(
        idle.starts_with("-ERR An LFU maxmemory policy is selected"),
        "{idle}"
    );
}

#[test]
fn small_integers_are_shared_unless_the_policy_asks_how_each_key_is_used() {
    let mut host = Host::new();
    host.check(&[
        ("SET a 7", "+OK"),
        (
            "CONFIG SET maxmemory 100mb maxmemory-policy allkeys-lfu",
            "+OK",
        ),
        ("SET b 7", "+OK"),
        ("OBJECT REFCOUNT a", ":2147483647"),
        ("OBJECT REFCOUNT b", ":1"),
        ("CONFIG SET maxmemory-policy volatile-ttl", "+OK"),
        ("SET c 7", "+OK"),
        ("OBJECT REFCOUNT c", ":2147483647"),
        ("DEL a b c", ":3"),
    ]);
    let database = host.node.keyspace().database(0);
    assert_eq!(database.bytes(), database.keys().bucket_bytes().total());
}

#[test]
fn a_lower_limit_is_reached_by_the_timer_without_a_command() {
    let mut host = host("allkeys-random", 10_000_000);
    for key in keys("key", 1_000) {
        host.ask(&format!("SET {key} {}", "v".repeat(32)));
    }
    let limit = STARTUP_BYTES + 70_000;
    host.ask(&format!("CONFIG SET maxmemory {limit}"));
    assert!(host.node.used_memory() > limit);
    host.input(Input::Deadline);
    assert!(host.node.used_memory() <= limit);
}

/// Goal: the growth guard works whatever the policy.
///
/// Method: room for 1,024 keys that expire, not for second arrays of their two tables; neither grows.
#[test]
fn tables_do_not_grow_beyond_the_limit_under_any_policy() {
    for policy in ALLKEYS.iter().chain(VOLATILE) {
        let mut host = host(policy, 1_024 * 172 + 12_000);
        for key in keys("key", 1_060) {
            let reply = host.ask(&format!(
                "SET {key}{} {} EX 1000",
                "x".repeat(11),
                "v".repeat(32)
            ));
            assert_eq!(reply, "+OK", "{policy}");
        }
        let database = host.node.keyspace().database(0);
        let buckets = (database.keys().buckets(), database.expires().buckets());
        assert_eq!(buckets, (1_024, 1_024), "{policy}");
    }
}

#[test]
fn a_key_that_moves_does_not_let_a_table_of_its_new_database_grow_beyond_the_limit() {
    let mut host = host("allkeys-random", 10_000_000);
    host.ask("SELECT 1");
    for key in keys("there", 512) {
        host.ask(&format!("SET {key} value"));
    }
    host.ask("SELECT 0");
    host.ask("SET here value");
    // Room for a key, not for an array of 8 KiB.
    let limit = host.node.used_memory() + 2_000;
    host.ask(&format!("CONFIG SET maxmemory {limit}"));
    host.check(&[("MOVE here 1", ":1"), ("DBSIZE", ":0")]);
    let database = host.node.keyspace().database(1);
    assert_eq!(
        (database.keys().len(), database.keys().buckets()),
        (513, 512)
    );
    // Without a limit the next key makes it grow.
    host.check(&[
        ("CONFIG SET maxmemory 0", "+OK"),
        ("SET here value", "+OK"),
        ("MOVE here 1", ":0"),
        ("RENAME here other", "+OK"),
        ("MOVE other 1", ":1"),
    ]);
    let database = host.node.keyspace().database(1);
    assert_eq!(database.keys().buckets(), 512 + 1_024);
}

#[test]
fn time_above_the_limit_is_told_while_it_lasts_and_in_all() {
    let mut host = host("noeviction", 100);
    let told = |host: &mut Host| -> Vec<u64> {
        let info = host.ask("INFO stats");
        let fields = [
            "total_eviction_exceeded_time:",
            "current_eviction_exceeded_time:",
        ];
        let field = |name: &&str| {
            let text = info.split(name).nth(1).expect("INFO has it");
            text.split(' ')
                .next()
                .expect("a value")
                .parse()
                .expect("a number")
        };
        fields.iter().map(field).collect()
    };
    host.ask(&format!("SET key {}", "v".repeat(200)));
    assert_eq!(told(&mut host), [0, 0]);
    host.pass_ms(250);
    assert_eq!(told(&mut host), [250, 250]);
    host.ask("DEL key");
    host.ask("PING");
    host.pass_ms(100);
    assert_eq!(told(&mut host), [250, 0]);
}
