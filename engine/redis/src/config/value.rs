//! Values of directives as texts.

use super::Config;

/// The value of a directive as CONFIG GET prints it.
pub(crate) fn value(config: &Config, name: &str) -> Option<String> {
    let yes_or_no = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    Some(match name {
        "active-expire-effort" => config.active_expire_effort.to_string(),
        "activerehashing" => yes_or_no(config.activerehashing),
        "appendonly" => "no".to_owned(),
        "busy-reply-threshold" | "lua-time-limit" => config.busy_reply_threshold_ms.to_string(),
        "client-output-buffer-limit" => config.output_limits.to_string(),
        "databases" => config.databases.to_string(),
        "dbfilename" => config.dbfilename.clone(),
        "dynamic-hz" => yes_or_no(config.dynamic_hz),
        "enable-debug-command" => config.enable_debug_command.name().to_owned(),
        "hash-max-listpack-entries" => config.hash_max_listpack_entries.to_string(),
        "hll-sparse-max-bytes" => config.hll_sparse_max_bytes.to_string(),
        "hash-max-listpack-value" => config.hash_max_listpack_value.to_string(),
        "hz" => config.hz.to_string(),
        "latency-monitor-threshold" => config.latency_monitor_threshold.to_string(),
        "latency-tracking" => yes_or_no(config.latency_tracking),
        "latency-tracking-info-percentiles" => {
            let percentiles = config.latency_tracking_percentiles.iter();
            let texts: Vec<String> = percentiles.map(ToString::to_string).collect();
            texts.join(" ")
        }
        "lfu-decay-time" => config.lfu_decay_time.to_string(),
        "lfu-log-factor" => config.lfu_log_factor.to_string(),
        "list-compress-depth" => config.list_compress_depth.to_string(),
        "list-max-listpack-size" => config.list_max_listpack_size.to_string(),
        "maxclients" => config.maxclients.to_string(),
        "maxmemory" => config.maxmemory.to_string(),
        "maxmemory-eviction-tenacity" => config.maxmemory_eviction_tenacity.to_string(),
        "maxmemory-policy" => config.maxmemory_policy.name().to_owned(),
        "maxmemory-samples" => config.maxmemory_samples.to_string(),
        "notify-keyspace-events" => config.notify_keyspace_events.letters(),
        "proto-max-bulk-len" => config.proto_max_bulk_len.to_string(),
        "rdbcompression" => yes_or_no(config.rdbcompression),
        "requirepass" => config.requirepass.clone(),
        "save" => {
            let points = config.save_points.iter();
            let points = points.map(|point| format!("{} {}", point.seconds, point.changes));
            points.collect::<Vec<_>>().join(" ")
        }
        "set-max-intset-entries" => config.set_max_intset_entries.to_string(),
        "slowlog-log-slower-than" => config.slowlog_log_slower_than.to_string(),
        "slowlog-max-len" => config.slowlog_max_len.to_string(),
        "stop-writes-on-bgsave-error" => yes_or_no(config.stop_writes_on_bgsave_error),
        "stream-node-max-bytes" => config.stream_node_max_bytes.to_string(),
        "stream-node-max-entries" => config.stream_node_max_entries.to_string(),
        "tcp-keepalive" => config.tcp_keepalive_s.to_string(),
        "timeout" => config.timeout_s.to_string(),
        "zset-max-listpack-entries" => config.zset_max_listpack_entries.to_string(),
        "zset-max-listpack-value" => config.zset_max_listpack_value.to_string(),
        _ => return None,
    })
}
