//! LATENCY DOCTOR: what the samples say, and what may be done about it (`redis:src/latency.c`,
//! createLatencyReport). The texts are replies of Redis 7.0.15.

use super::{Latencies, Sample, Series};
use crate::config::Config;

/// Where nothing was ever sampled, because nobody has asked for it.
const DISABLED: &str = "I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this Redis instance. You may use \"CONFIG SET latency-monitor-threshold <milliseconds>.\" in order to enable it. If we weren't in a deep space mission I'd suggest to take a look at https://redis.io/topics/latency-monitor.\n";
const HEADING: &str = "Dave, I have observed latency spikes in this Redis instance. You don't mind talking about it, do you Dave?\n\n";
const NO_SPIKE: &str = "Dave, no latency spike was observed during the lifetime of this Redis instance, not in the slightest bit. I honestly think you ought to sit down calmly, take a stress pill, and think things over.\n";
const NO_ADVICE: &str = "\nWhile there are latency events logged, I'm not able to suggest any easy fix. Please use the Redis community to get some help, providing this report in your help request.\n";
const ADVICE_HEADING: &str = "\nI have a few advices for you:\n\n";
const INSPECT_SLOW_LOG: &str = "- Check your Slow Log to understand what are the commands you are running which are too slow to execute. Please check https://redis.io/commands/slowlog for more information.\n";
const SCHEDULER: &str = "- The system is slow to execute Redis code paths not containing system calls. This usually means the system does not provide Redis CPU time to run for long periods. You should try to:\n  1) Lower the system load.\n  2) Use a computer / VM just for Redis if you are running other software in the same system.\n  3) Check if you have a \"noisy neighbour\" problem.\n  4) Check with 'redis-cli --intrinsic-latency 100' what is the intrinsic latency in your system.\n  5) Check if the problem is allocator-related by recompiling Redis with MALLOC=libc, if you are using Jemalloc. However this may create fragmentation problems.\n";
const RAISE_HZ: &str = "- In order to make the Redis keys expiring process more incremental, try to set the 'hz' configuration parameter to 100 using 'CONFIG SET hz 100'.\n";
const LARGE_OBJECTS: &str = "- Deleting, expiring or evicting (because of maxmemory policy) large objects is a blocking operation. If you have very large objects that are often deleted, expired, or evicted, try to fragment those objects into multiple smaller objects.\n";
const MASS_EVICTION: &str = "- Sudden changes to the 'maxmemory' setting via 'CONFIG SET', or allocation of large objects via sets or sorted sets intersections, STORE option of SORT, Redis Cluster large keys migrations (RESTORE command), may create sudden memory pressure forcing the server to block trying to evict keys. \n";

/// Rate of the timer from which on raising it is no advice.
const HZ_ENOUGH: u32 = 100;

/// What the samples of one event come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Analysis {
    spikes: u64,
    mean_ms: u64,
    /// The mean distance from the mean.
    deviation_ms: u64,
    /// Since the oldest, in seconds; one where it is of this second.
    range_s: i64,
}

impl Analysis {
    /// As `analyzeLatencyForEvent` does: in integers, deviations of samples from a mean cut to one.
    fn of(series: &Series, now_s: i64) -> Option<Self> {
        let oldest = series.samples.iter().map(|sample| sample.unix_s).min()?;
        let spikes = series.samples.len() as u64;
        let mean = |values: &dyn Fn(&Sample) -> u64| {
            series.samples.iter().map(values).sum::<u64>() / spikes
        };
        let mean_ms = mean(&|sample| sample.took_ms);
        Some(Self {
            spikes,
            mean_ms,
            deviation_ms: mean(&|sample| sample.took_ms.abs_diff(mean_ms)),
            range_s: match now_s - oldest {
                0 => 1,
                range_s => range_s,
            },
        })
    }
}

/// What the report advises; each once, in its own order.
#[derive(Clone, Copy, Debug, Default)]
struct Advice {
    enable_slow_log: bool,
    tune_slow_log: bool,
    inspect_slow_log: bool,
    scheduler: bool,
    raise_hz: bool,
    large_objects: bool,
    mass_eviction: bool,
}

impl Advice {
    fn heed(&mut self, event: &str, config: &Config) {
        let slow_log_us = config.slowlog_log_slower_than;
        match event {
            "command" => {
                let threshold_ms = config.latency_monitor_threshold;
                if slow_log_us < 0 || config.slowlog_max_len == 0 {
                    self.enable_slow_log = true;
                } else if slow_log_us as u64 / 1_000 > threshold_ms {
                    self.tune_slow_log = true;
                }
                self.inspect_slow_log = true;
                self.large_objects = true;
            }
            "fast-command" => self.scheduler = true,
            "expire-cycle" => (self.raise_hz, self.large_objects) = (true, true),
            "eviction-del" => self.large_objects = true,
            "eviction-cycle" => self.mass_eviction = true,
            _ => {}
        }
    }

    fn is_any(self) -> bool {
        self.enable_slow_log
            || self.tune_slow_log
            || self.inspect_slow_log
            || self.scheduler
            || self.raise_hz
            || self.large_objects
            || self.mass_eviction
    }

    fn text(self, config: &Config) -> String {
        let limit_us = config.latency_monitor_threshold.saturating_mul(1_000);
        let enable = format!(
            "- There are latency issues with potentially slow commands you are using. Try to \
             enable the Slow Log Redis feature using the command 'CONFIG SET \
             slowlog-log-slower-than {limit_us}'. If the Slow log is disabled Redis is not able to \
             log slow commands execution for you.\n"
        );
        let tune = format!(
            "- Your current Slow Log configuration only logs events that are slower than your \
             configured latency monitor threshold. Please use 'CONFIG SET slowlog-log-slower-than \
             {limit_us}'.\n"
        );
        let lines = [
            (self.enable_slow_log, enable.as_str()),
            (self.tune_slow_log, tune.as_str()),
            (self.inspect_slow_log, INSPECT_SLOW_LOG),
            (self.scheduler, SCHEDULER),
            (self.raise_hz && config.hz < HZ_ENOUGH, RAISE_HZ),
            (self.large_objects, LARGE_OBJECTS),
            (self.mass_eviction, MASS_EVICTION),
        ];
        let given = lines.into_iter().filter(|(is_given, _)| *is_given);
        given.map(|(_, line)| line).collect()
    }
}

/// The report on all events. Advice on huge pages is left out: the node does not know its process.
pub(super) fn report(latencies: &Latencies, config: &Config, now_s: i64) -> String {
    if latencies.events.is_empty() && config.latency_monitor_threshold == 0 {
        return DISABLED.to_owned();
    }
    let (mut text, mut advice) = (String::new(), Advice::default());
    for (number, (event, series)) in (1..).zip(&latencies.events) {
        let Some(found) = Analysis::of(series, now_s) else {
            continue;
        };
        if number == 1 {
            text.push_str(HEADING);
        }
        text.push_str(&format!(
            "{number}. {event}: {} latency spikes (average {}ms, mean deviation {}ms, period {:.2} \
             sec). Worst all time event {}ms.\n",
            found.spikes,
            found.mean_ms,
            found.deviation_ms,
            found.range_s as f64 / found.spikes as f64,
            series.longest_ms,
        ));
        advice.heed(event, config);
    }
    match (text.is_empty(), advice.is_any()) {
        (true, _) => text.push_str(NO_SPIKE),
        (false, false) => text.push_str(NO_ADVICE),
        (false, true) => {
            text.push_str(ADVICE_HEADING);
            text.push_str(&advice.text(config));
        }
    }
    text
}
