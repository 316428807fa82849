//! Keys that live for a while, on a scripted clock.

use crate::harness::{EPOCH_MS, Host, MicrosecondMeter};
use kvrig_base::seam::{Actor, Input, Work};
use kvrig_base::time::Span;
use kvrig_redis::Config;
use kvrig_tables::TableKind;

#[test]
fn a_key_lives_up_to_its_last_millisecond() {
    let mut host = Host::new();
    host.check(&[("SET a 1 PX 100", "+OK"), ("PTTL a", ":100")]);
    host.pass_ms(100);
    host.check(&[("PTTL a", ":0"), ("GET a", "$1 1")]);
    host.pass_ms(1);
    host.check(&[
        ("DBSIZE", ":1"),
        ("GET a", "$-1"),
        ("DBSIZE", ":0"),
        ("PTTL a", ":-2"),
    ]);
}

#[test]
fn every_command_finds_an_expired_key_gone() {
    for (request, reply) in [
        ("GET a", "$-1"),
        ("EXISTS a", ":0"),
        ("DEL a", ":0"),
        ("STRLEN a", ":0"),
        ("TYPE a", "+none"),
        ("TTL a", ":-2"),
        ("PERSIST a", ":0"),
        ("EXPIRE a 100", ":0"),
        ("INCR a", ":1"),
        ("APPEND a x", ":1"),
        ("SETNX a 1", ":1"),
        ("SET a 1 XX", "$-1"),
        ("SET a 1 GET", "$-1"),
        ("MGET a", "*1 $-1"),
        ("SCAN 0", "*2 $1 0 *0"),
        ("SCAN 0 TYPE string", "*2 $1 0 *0"),
    ] {
        let mut host = Host::new();
        host.ask("SET a 5 PX 10");
        host.pass_ms(11);
        assert_eq!(host.ask(request), reply, "{request}");
    }
}

#[test]
fn an_expiry_is_kept_replaced_or_dropped() {
    Host::new().check(&[
        ("SET a 1 EX 100", "+OK"),
        ("INCR a", ":2"),
        ("APPEND a x", ":2"),
        ("TTL a", ":100"),
        ("SET a 1 KEEPTTL", "+OK"),
        ("TTL a", ":100"),
        ("SET a 1", "+OK"),
        ("TTL a", ":-1"),
        ("SETEX a 10 1", "+OK"),
        ("PSETEX a 20000 1", "+OK"),
        ("TTL a", ":20"),
        ("MSET a 1", "+OK"),
        ("TTL a", ":-1"),
        ("EXPIRE a 10", ":1"),
        ("PERSIST a", ":1"),
        ("PERSIST a", ":0"),
        ("PERSIST none", ":0"),
    ]);
}

#[test]
fn seconds_are_rounded_to_the_nearest() {
    let mut host = Host::new();
    host.check(&[
        ("SET a 1 PX 1499", "+OK"),
        ("TTL a", ":1"),
        ("PTTL a", ":1499"),
    ]);
    host.check(&[("SET a 1 PX 1500", "+OK"), ("TTL a", ":2")]);
    let seconds = EPOCH_MS / 1_000 + 7;
    host.ask(&format!("EXPIREAT a {seconds}"));
    host.check(&[
        ("TTL a", ":7"),
        ("EXPIRETIME a", &format!(":{seconds}")),
        ("PEXPIRETIME a", &format!(":{seconds}000")),
    ]);
    host.ask(&format!("PEXPIREAT a {seconds}499"));
    host.check(&[
        ("EXPIRETIME a", &format!(":{seconds}")),
        ("EXPIRETIME none", ":-2"),
    ]);
    host.check(&[
        ("PERSIST a", ":1"),
        ("EXPIRETIME a", ":-1"),
        ("PTTL a", ":-1"),
    ]);
}

#[test]
fn the_latest_expiry_is_rounded_up() {
    Host::new().check(&[
        ("SET a 1", "+OK"),
        ("PEXPIREAT a 9223372036854775807", ":1"),
        ("EXPIRETIME a", ":9223372036854776"),
    ]);
}

#[test]
fn expire_obeys_its_conditions() {
    Host::new().check(&[
        ("SET a 1", "+OK"),
        ("EXPIRE a 10 XX", ":0"),
        ("EXPIRE a 10 GT", ":0"),
        ("EXPIRE a 20 LT", ":1"),
        ("EXPIRE a 10 NX", ":0"),
        ("EXPIRE a 20 GT", ":0"),
        ("EXPIRE a 20 LT", ":0"),
        ("EXPIRE a 30 gt", ":1"),
        ("EXPIRE a 25 XX LT", ":1"),
        ("TTL a", ":25"),
        (
            "EXPIRE a 25 NX XX",
            "-ERR NX and XX, GT or LT options at the same time are not compatible",
        ),
        (
            "EXPIRE a 25 NX GT",
            "-ERR NX and XX, GT or LT options at the same time are not compatible",
        ),
        (
            "EXPIRE a 25 GT LT",
            "-ERR GT and LT options at the same time are not compatible",
        ),
        ("EXPIRE a 25 FOO", "-ERR Unsupported option FOO"),
        ("EXPIRE a x FOO", "-ERR Unsupported option FOO"),
        ("EXPIRE a x", "-ERR value is not an integer or out of range"),
        (
            "EXPIRE a 9223372036854775807",
            "-ERR invalid expire time in 'expire' command",
        ),
        (
            "PEXPIRE a 9223372036854775807",
            "-ERR invalid expire time in 'pexpire' command",
        ),
        (
            "EXPIRE a -9223372036854775807",
            "-ERR invalid expire time in 'expire' command",
        ),
        ("PEXPIREAT a 9223372036854775807", ":1"),
        ("EXPIRE none 10", ":0"),
    ]);
}

#[test]
fn an_expiry_that_has_passed_removes_the_key() {
    Host::new().check(&[
        ("SET a 1", "+OK"),
        ("EXPIRE a 0", ":1"),
        ("DBSIZE", ":0"),
        ("SET a 1", "+OK"),
        ("PEXPIREAT a -5", ":1"),
        ("DBSIZE", ":0"),
        ("SET a 1 EXAT 1", "+OK"),
        ("DBSIZE", ":1"),
        ("GET a", "$-1"),
        ("DBSIZE", ":0"),
    ]);
}

#[test]
fn the_timer_removes_keys_that_nobody_asks_for() {
    let config = Config {
        active_expire: true,
        ..Config::default()
    };
    let mut host = Host::with(config, TableKind::Redis70);
    for key in 0..1_000 {
        host.ask(&format!("SET short:{key} v PX 50"));
        host.ask(&format!("SET long:{key} v EX 1000"));
    }
    host.ask("SET lasting v");
    host.ask("WATCH short:0");
    for _ in 0..100 {
        host.now = host.node.next_deadline().expect("the timer runs");
        host.input(Input::Deadline);
    }
    assert!(host.now.since_start() > Span::from_millis(50));
    let left = host.node.keyspace().database(0).keys().len();
    // A sample with at most one expired key in ten ends the search.
    assert!((1_001..1_200).contains(&left), "{left} keys are left");
    let info = host.ask("INFO stats");
    assert!(
        info.contains(&format!("expired_keys:{} ", 2_001 - left)),
        "{info}"
    );
    host.check(&[("MULTI", "+OK"), ("EXEC", "*-1")]);
}

/// A node that looks for expired keys with this effort, on a host where everything counted costs a
/// microsecond.
fn expiring(effort: u8) -> Host {
    let config = Config {
        active_expire: true,
        active_expire_effort: effort,
        dynamic_hz: false,
        ..Config::default()
    };
    let mut host = Host::with(config, TableKind::Redis70);
    host.work = Work::new(Box::new(MicrosecondMeter));
    host
}

fn field(host: &mut Host, name: &str) -> u64 {
    let info = host.ask("INFO stats");
    let start = info.find(&format!("{name}:")).expect("the field") + name.len() + 1;
    let digits = info[start..].split(' ').next().expect("a value");
    digits.parse().expect("a number")
}

#[test]
fn a_cycle_that_ran_out_of_time_is_gone_on_with_at_the_end_of_turns() {
    let mut host = expiring(1);
    for key in 0..20_000 {
        host.ask(&format!("SET {key} v PX 1"));
    }
    host.pass_ms(1_000);
    host.input(Input::TurnEnd);
    assert_eq!(
        field(&mut host, "expired_keys"),
        0,
        "no cycle has run out of time yet"
    );
    host.input(Input::Deadline);
    let slow = field(&mut host, "expired_keys");
    assert_eq!(field(&mut host, "expired_time_cap_reached_count"), 1);
    // The time is looked at after every 16 rounds of 20 keys.
    assert!((400..10_000).contains(&slow), "{slow} keys in 25 ms");
    host.input(Input::TurnEnd);
    let fast = field(&mut host, "expired_keys") - slow;
    assert!((320..400).contains(&fast), "{fast} keys in 1 ms");
    // The next is due twice its length later.
    host.pass_ms(1);
    host.input(Input::TurnEnd);
    assert_eq!(field(&mut host, "expired_keys"), slow + fast);
    host.pass_ms(1);
    host.input(Input::TurnEnd);
    assert!(field(&mut host, "expired_keys") > slow + fast);
}

/// The probability that a sample ends the search: that at most `most` of `sampled` keys have expired,
/// each with the probability `share`.
fn ends(sampled: u32, most: u32, share: f64) -> f64 {
    let mut term = (0..sampled).fold(1.0, |product, _| product * (1.0 - share));
    let mut sum = 0.0;
    for expired in 0..=most {
        sum += term;
        term *= f64::from(sampled - expired) / f64::from(expired + 1) * share / (1.0 - share);
    }
    sum
}

/// Goal: as many expired keys are left as the rules of the cycle let.
///
/// Method: keys come and expire at a constant rate. Where that is balanced, a cycle removes as many as
/// expire between two: its rounds, of which each is the last with the probability [`ends`], times those
/// that one removes. That holds for the share that it meets where it has come to. Keys that it has just
/// passed are all alive and none has been passed longest, so that there are half as many among all.
#[test]
fn the_share_of_keys_that_are_left_is_where_cycles_keep_up() {
    const KEYS_PER_CYCLE: u32 = 100;
    const CYCLES_ALIVE: u32 = 200;
    for (effort, sampled, most) in [(1, 20, 2), (10, 65, 1)] {
        let balanced = (1..1_000)
            .map(|share| f64::from(share) / 1_000.0)
            .find(|share| {
                f64::from(sampled) * share / ends(sampled, most, *share)
                    >= f64::from(KEYS_PER_CYCLE)
            })
            .expect("more rounds remove more");
        let among_all = balanced / (1.0 - balanced) / 2.0;
        let balanced = among_all / (1.0 + among_all);
        let mut host = expiring(effort);
        host.work = Work::unpriced();
        let (mut sum, mut measured) = (0.0, 0);
        for cycle in 0..4 * CYCLES_ALIVE {
            for key in 0..KEYS_PER_CYCLE {
                let life_ms = CYCLES_ALIVE * 100;
                host.ask(&format!("SET {cycle}:{key} v PX {life_ms}"));
            }
            host.now = host.node.next_deadline().expect("the timer runs");
            host.input(Input::Deadline);
            if cycle >= 2 * CYCLES_ALIVE {
                let there = host.node.keyspace().database(0).expires().len() as f64;
                sum += 1.0 - f64::from(KEYS_PER_CYCLE * CYCLES_ALIVE) / there;
                measured += 1;
            }
        }
        let share = sum / f64::from(measured);
        assert!(
            (share - balanced).abs() <= 0.1 * balanced,
            "effort {effort}: {share:.3} of the keys are left, not {balanced:.3}"
        );
    }
}

#[test]
fn the_mean_time_that_is_left_is_told() {
    let mut host = expiring(1);
    for key in 0..100 {
        host.ask(&format!("SET {key} v PX 100000"));
    }
    host.now = host.node.next_deadline().expect("the timer runs");
    host.input(Input::Deadline);
    let info = host.ask("INFO keyspace");
    assert!(
        info.contains("db0:keys=100,expires=100,avg_ttl=99"),
        "{info}"
    );
}
