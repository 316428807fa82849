//! Commands that take long: SLOWLOG and LATENCY.

use crate::harness::{Host, MicrosecondMeter};
use kvrig_base::seam::Work;
use kvrig_redis::Config;
use kvrig_tables::TableKind;

/// A node on a host where everything that is counted costs a microsecond.
fn host(settings: &str) -> Host {
    let mut host = Host::new();
    host.work = Work::new(Box::new(MicrosecondMeter));
    host.ask(&format!("CONFIG SET {settings}"));
    host.ask("SLOWLOG RESET");
    host
}

/// The numbers of the entries, the last command in front, and the words of each.
fn entries(host: &mut Host) -> Vec<String> {
    let reply = host.ask("SLOWLOG GET -1");
    let entries = reply.split("*6 ").skip(1);
    let entry = |text: &str| {
        let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
        let args = words
            .iter()
            .position(|word| word.starts_with('*'))
            .expect("arguments");
        let count: usize = words[args][1..].parse().expect("a number");
        let args = words[args + 1..].chunks(2).take(count).map(|pair| pair[1]);
        format!("{} {}", words[0], args.collect::<Vec<_>>().join(" "))
    };
    entries.map(entry).collect()
}

#[test]
fn nothing_is_timed_unless_somebody_asks() {
    let mut host = Host::new();
    host.work = Work::new(Box::new(MicrosecondMeter));
    host.ask(&format!("SET a {}", "x".repeat(10_000)));
    host.check(&[
        (
            "CONFIG GET slowlog-log-slower-than",
            "*2 $23 slowlog-log-slower-than $2 -1",
        ),
        ("SLOWLOG LEN", ":0"),
        ("SLOWLOG GET", "*0"),
        ("LATENCY LATEST", "*0"),
    ]);
}

#[test]
fn the_slow_log_keeps_what_took_as_long_as_the_limit() {
    let mut host = host("slowlog-log-slower-than 1000");
    host.ask("SET a small");
    host.ask(&format!("SET b {}", "x".repeat(2_000)));
    host.ask("GET a");
    host.ask("GET b");
    let long = format!("{}... (1872 more bytes)", "x".repeat(128));
    let first = entries(&mut host).pop().expect("an entry");
    assert!(first.starts_with(":0 SET b xxx"), "{first}");
    let reply = host.ask("SLOWLOG GET 1");
    assert!(reply.contains("*2 $3 GET $1 b"), "{reply}");
    let reply = host.ask("SLOWLOG GET");
    assert!(reply.contains(&long), "{reply}");
    host.check(&[
        ("SLOWLOG LEN", ":2"),
        ("SLOWLOG RESET", "+OK"),
        ("SLOWLOG LEN", ":0"),
    ]);
}

#[test]
fn the_slow_log_forgets_the_oldest_and_goes_on_counting() {
    let mut host = host("slowlog-log-slower-than 0 slowlog-max-len 3");
    for key in 0..5 {
        host.ask(&format!("GET {key}"));
    }
    // The reset before was kept as number 0, after it had emptied the log.
    assert_eq!(entries(&mut host), [":5 GET 4", ":4 GET 3", ":3 GET 2"]);
    host.ask("CONFIG SET slowlog-log-slower-than -1");
    host.ask("SLOWLOG RESET");
    host.ask("GET 0");
    assert_eq!(entries(&mut host), [""; 0]);
}

#[test]
fn the_slow_log_shows_what_a_transaction_carries_out_and_no_password() {
    let mut host = host("slowlog-log-slower-than 0");
    host.ask("AUTH default secret");
    host.ask("MULTI");
    host.ask("GET a");
    host.ask("EXEC");
    assert_eq!(
        entries(&mut host),
        [
            ":3 GET a",
            ":2 MULTI",
            ":1 AUTH (redacted) (redacted)",
            ":0 SLOWLOG RESET"
        ]
    );
}

#[test]
fn many_arguments_are_cut() {
    let mut host = host("slowlog-log-slower-than 0");
    let keys: Vec<String> = (0..40).map(|key| format!("k{key}")).collect();
    host.ask(&format!("DEL {}", keys.join(" ")));
    let reply = host.ask("SLOWLOG GET 1");
    assert!(reply.contains("*32 $3 DEL $2 k0"), "{reply}");
    assert!(
        reply.contains("$3 k29 $23 ... (10 more arguments)"),
        "{reply}"
    );
}

#[test]
fn the_longest_of_each_second_is_told_by_latency() {
    let mut host = host("latency-monitor-threshold 2");
    host.ask("SET a x");
    host.check(&[("LATENCY LATEST", "*0")]);
    host.ask(&format!("SET a {}", "x".repeat(5_000)));
    host.ask(&format!("SET a {}", "x".repeat(3_000)));
    host.pass_ms(1_000);
    host.ask(&format!("SET a {}", "x".repeat(4_000)));
    host.check(&[
        ("LATENCY LATEST", "*1 *4 $7 command :1700000001 :4 :5"),
        (
            "LATENCY HISTORY command",
            "*2 *2 :1700000000 :5 *2 :1700000001 :4",
        ),
        ("LATENCY HISTORY fork", "*0"),
        ("LATENCY RESET fork", ":0"),
        ("LATENCY RESET command fork", ":1"),
        ("LATENCY LATEST", "*0"),
    ]);
    host.ask(&format!("GET a{}", "x".repeat(4_000)));
    let latest = host.ask("LATENCY LATEST");
    assert!(latest.starts_with("*1 *4 $12 fast-command"), "{latest}");
}

#[test]
fn an_eviction_is_told_by_latency_too() {
    let mut host = host(
        "latency-monitor-threshold 1 maxmemory-policy allkeys-random maxmemory-eviction-tenacity 100",
    );
    for key in 0..2_000 {
        host.ask(&format!("SET key:{key} value"));
    }
    host.ask("LATENCY RESET");
    let limit = host.node.used_memory() - 50_000;
    host.ask(&format!("CONFIG SET maxmemory {limit}"));
    host.ask("PING");
    let latest = host.ask("LATENCY LATEST");
    assert!(latest.contains("$14 eviction-cycle"), "{latest}");
}

/// A node that times all commands, as a server does.
fn timed() -> Host {
    let config = Config {
        times_commands: true,
        ..Config::default()
    };
    let mut host = Host::with(config, TableKind::Redis70);
    host.work = Work::new(Box::new(MicrosecondMeter));
    host
}

#[test]
fn sections_of_info_are_there_as_they_are_asked_for() {
    let mut host = timed();
    host.ask("GET k");
    let sections = |host: &mut Host, request: &str| -> Vec<String> {
        let reply = host.ask(request);
        let names = reply.split("# ").skip(1);
        names
            .map(|name| name.split(' ').next().unwrap_or("").to_owned())
            .collect()
    };
    let usual = sections(&mut host, "INFO");
    assert!(!usual.contains(&"Commandstats".to_owned()));
    assert_eq!(sections(&mut host, "INFO default"), usual);
    let all = sections(&mut host, "INFO all");
    assert_eq!(sections(&mut host, "INFO everything"), all);
    for name in ["Commandstats", "Latencystats", "Errorstats", "Keyspace"] {
        assert!(all.contains(&name.to_owned()), "{name}");
        assert_eq!(sections(&mut host, &format!("INFO {name}")), [name]);
    }
    let both = sections(&mut host, "INFO commandstats default");
    assert_eq!(both.len(), usual.len() + 1);
}

#[test]
fn histograms_tell_how_long_commands_took() {
    let mut host = timed();
    host.check(&[
        ("LATENCY HISTOGRAM get", "*0"),
        ("GET k", "$-1"),
        ("GET k", "$-1"),
        ("CLIENT GETNAME", "$-1"),
    ]);
    let reply = host.ask("LATENCY HISTOGRAM get nothing");
    let expected = "*2 $3 get *4 $5 calls :2 $14 histogram_usec *";
    assert!(reply.starts_with(expected), "{reply}");
    let reply = host.ask("LATENCY HISTOGRAM client");
    assert!(reply.starts_with("*2 $14 client|getname "), "{reply}");
    host.ask("CONFIG SET latency-tracking no");
    host.check(&[
        ("LATENCY HISTOGRAM", "*0"),
        ("INFO latencystats", "$16 # Latencystats "),
    ]);
    host.ask("CONFIG SET latency-tracking yes");
    host.ask("CONFIG RESETSTAT");
    let reply = host.ask("INFO commandstats");
    assert!(
        reply.contains("cmdstat_config|resetstat:calls=1,"),
        "{reply}"
    );
    assert!(!reply.contains("cmdstat_get"), "{reply}");
}

#[test]
fn a_database_is_filled_with_strings_of_one_size() {
    Host::new().check(&[
        ("SET key:1 mine", "+OK"),
        ("DEBUG POPULATE 3", "+OK"),
        ("MGET key:0 key:1 key:2", "*3 $7 value:0 $4 mine $7 value:2"),
        ("DEBUG POPULATE 2 p 20", "+OK"),
        ("STRLEN p:1", ":20"),
        ("DBSIZE", ":5"),
        (
            "DEBUG POPULATE -1",
            "-ERR value is out of range, must be positive",
        ),
        (
            "DEBUG ERROR LOST it",
            "-ERR unknown subcommand or wrong number of arguments for 'ERROR'. Try DEBUG HELP.",
        ),
        ("DEBUG ERROR LOST", "-LOST"),
    ]);
}
