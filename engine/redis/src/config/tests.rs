//! Directives set one by one.

use super::*;

fn error(name: &str, value: &str) -> String {
    Config::default()
        .set(name, value)
        .expect_err("it is not honoured")
        .to_string()
}

#[test]
fn directives_are_sorted_by_name() {
    for pair in DIRECTIVES.windows(2) {
        assert!(
            pair[0].name < pair[1].name,
            "{} before {}",
            pair[0].name,
            pair[1].name
        );
    }
}

#[test]
fn directives_have_their_effect() {
    let mut config = Config::default();
    for (name, value) in [
        ("active-expire-effort", "10"),
        ("activerehashing", "no"),
        ("HZ", "100"),
        ("dynamic-hz", "NO"),
        ("databases", "1"),
        ("enable-debug-command", "local"),
        ("save", "60 10 5 0"),
        ("stop-writes-on-bgsave-error", "no"),
        ("appendonly", "no"),
        ("proto-max-bulk-len", "2mb"),
        ("maxmemory", "100mb"),
        ("lfu-decay-time", "0"),
        ("lfu-log-factor", "100"),
        ("maxmemory-policy", "ALLKEYS-LRU"),
        ("maxmemory-samples", "10"),
        ("notify-keyspace-events", "Ex"),
        ("dbfilename", "a.rdb"),
        ("maxmemory-eviction-tenacity", "50"),
        ("list-compress-depth", "2"),
        ("list-max-listpack-size", "-1"),
        ("hash-max-listpack-entries", "128"),
        ("hash-max-listpack-value", "32"),
        ("hll-sparse-max-bytes", "100"),
        ("set-max-intset-entries", "0"),
        ("busy-reply-threshold", "250"),
        ("latency-monitor-threshold", "100"),
        ("latency-tracking", "no"),
        ("latency-tracking-info-percentiles", "99.9"),
        ("slowlog-log-slower-than", "0"),
        ("slowlog-max-len", "10"),
        ("stream-node-max-bytes", "1kb"),
        ("stream-node-max-entries", "7"),
        ("zset-max-listpack-entries", "1"),
        ("zset-max-listpack-value", "2"),
        ("rdbcompression", "yes"),
        ("requirepass", "secret"),
        ("client-output-buffer-limit", "normal 1mb 512kb 5"),
        ("maxclients", "20"),
        ("tcp-keepalive", "0"),
        ("timeout", "30"),
    ] {
        config.set(name, value).expect("it is honoured");
    }
    let expected = Config {
        active_expire: false,
        active_expire_effort: 10,
        models_bucket_arrays: false,
        times_commands: false,
        activerehashing: false,
        busy_reply_threshold_ms: 250,
        latency_tracking: false,
        latency_tracking_percentiles: vec![Percentile::parse("99.9").expect("a percentage")],
        dbfilename: "a.rdb".to_owned(),
        hash_max_listpack_entries: 128,
        hash_max_listpack_value: 32,
        hll_sparse_max_bytes: 100,
        lfu_decay_time: 0,
        lfu_log_factor: 100,
        list_compress_depth: 2,
        list_max_listpack_size: -1,
        set_max_intset_entries: 0,
        latency_monitor_threshold: 100,
        slowlog_log_slower_than: 0,
        slowlog_max_len: 10,
        stream_node_max_bytes: 1_024,
        stream_node_max_entries: 7,
        zset_max_listpack_entries: 1,
        zset_max_listpack_value: 2,
        maxmemory: 100 << 20,
        maxmemory_eviction_tenacity: 50,
        maxmemory_policy: Policy::AllkeysLru,
        maxmemory_samples: 10,
        hz: 100,
        rdbcompression: true,
        save_points: vec![
            SavePoint {
                seconds: 60,
                changes: 10,
            },
            SavePoint {
                seconds: 5,
                changes: 0,
            },
        ],
        stop_writes_on_bgsave_error: false,
        dynamic_hz: false,
        enable_debug_command: DebugCommand::Local,
        growth_guard: true,
        notify_keyspace_events: EventClasses::parse("xE").expect("letters"),
        databases: 1,
        proto_max_bulk_len: 2 << 20,
        requirepass: "secret".to_owned(),
        output_limits: OutputLimits {
            normal: OutputLimit {
                hard_bytes: 1 << 20,
                soft_bytes: 512 << 10,
                soft_seconds: 5,
            },
            ..OutputLimits::default()
        },
        maxclients: 20,
        tcp_keepalive_s: 0,
        timeout_s: 30,
    };
    assert_eq!(config, expected);
}

#[test]
fn unknown_names_are_answered_with_those_that_may_be_meant() {
    let text = error("activerehash", "yes");
    assert!(text.contains("did you mean `activerehashing`?"), "{text}");
    assert!(
        text.contains("honoured are: active-expire-effort, activerehashing, appendonly"),
        "{text}"
    );
    assert!(!error("cluster-enabled", "yes").contains("did you mean"));
}

#[test]
fn values_that_cannot_be_honoured_are_refused() {
    for (name, value) in [
        ("maxmemory", "1tb"),
        ("maxmemory-policy", "volatile-fifo"),
        ("lfu-decay-time", "-1"),
        ("slowlog-log-slower-than", "-2"),
        ("lfu-log-factor", "2147483648"),
        ("dbfilename", "../dump.rdb"),
        ("hz", "0"),
        ("hz", "501"),
        ("hz", "ten"),
        ("save", "900"),
        ("save", "0 1"),
        ("save", "1 -1"),
        ("save", "1 x"),
        ("appendonly", "yes"),
        ("activerehashing", "maybe"),
        ("databases", "0"),
        ("proto-max-bulk-len", "1kb"),
        ("proto-max-bulk-len", "512mbx"),
        ("proto-max-bulk-len", "99999999999gb"),
    ] {
        assert!(error(name, value).contains("may be"), "{name} {value}");
    }
}
