//! From the merged document to cells of plain values: what is missing, out of range or unknown is
//! found here, before anything runs.

mod knobs;

use super::cell::{
    Action, Arrivals, Cell, Conf, Event, Host, Load, Patience, Placed, Popularity, Redis,
    Selection, Sizes, Workload,
};
use super::document::{self as doc, Settings};
use super::part::{At, Located, Named, Report, unknown_name};
use super::scalars::{Count, Millionths};
use super::source::Origin;
use crate::client::Backoff;
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::limits;
use kvrig_base::quantity::{Bytes, Rate, Share};
use kvrig_base::time::{Span, Wall};
use kvrig_workloads::OpKind;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Connections where none are given: the default of redis-benchmark (`-c 50`).
const CONNECTIONS_DEFAULT: u32 = 50;
/// 2026-01-01 00:00 UTC: a civil time where none is given, fixed so that runs repeat.
const START_DEFAULT: Wall = Wall::from_unix_millis(1_767_225_600_000);
/// Sizes of tables that a study may ask for: below 16 entries there is no growth to see, and 2^32
/// entries exceed the memory of any machine that this is for.
const TABLE_ENTRIES: RangeInclusive<u64> = 16..=1 << 32;
const CORES: RangeInclusive<u64> = 1..=1024;
const CLIENTS: RangeInclusive<u64> = 1..=1_000_000;
/// A client that asks more often than this does not give up in any run.
const RETRIES: RangeInclusive<u64> = 0..=1_000;
const TRACE_COPIES: RangeInclusive<u64> = 1..=1_000_000;
/// Exponents of Zipf that the sampler is exact for.
const EXPONENT_MAX: Millionths = Millionths(3_000_000);
/// One request a nanosecond: more than any store serves.
const RATE_MAX: Rate = Rate::per_second(1_000_000_000);

/// Resolves the settings of one cell.
pub(super) struct Resolver<'r, 'a> {
    pub(super) report: &'r mut Report<'a>,
    pub(super) warnings: &'r mut Vec<Diagnostic>,
}

impl Resolver<'_, '_> {
    pub(super) fn cell(
        &mut self,
        settings: &Settings,
        variant: &str,
        axes: BTreeMap<String, String>,
    ) -> Option<Cell> {
        let study = self.need(settings.study.as_ref(), "study", "which question is asked");
        let kind = study.and_then(|study| self.kind(study));
        let run = settings.run.clone().unwrap_or_default();
        let duration = run.duration.as_ref().map(|duration| self.span(duration));
        let host = self.host(&settings.host.clone().unwrap_or_default());
        let redis = self.redis(settings.store.clone().unwrap_or_default().redis);
        let workload = self.workload(&settings.workload.clone().unwrap_or_default());
        let events = settings
            .event
            .iter()
            .flatten()
            .map(|event| self.event(event))
            .collect();
        Some(Cell {
            variant: variant.to_owned(),
            axes,
            kind: kind?,
            duration,
            start: run.start.map_or(START_DEFAULT, |start| start.value),
            host: host?,
            redis: redis?,
            workload: workload?,
            events,
        })
    }

    /// A setting without which there is no cell; `path` is its full path.
    pub(super) fn need<'s, T>(
        &mut self,
        setting: Option<&'s T>,
        path: &str,
        meaning: &str,
    ) -> Option<&'s T> {
        if setting.is_none() {
            self.missing(path, meaning);
        }
        setting
    }
    fn missing(&mut self, path: &str, meaning: &str) {
        let missing = Diagnostic::new(diagnostic::MISSING_KEY, format!("missing key `{path}`"))
            .help(format!("`{path}` says {meaning}"));
        // Every cell misses what the common settings miss.
        if !self.report.diagnostics.contains(&missing) {
            self.report.diagnostics.push(missing);
        }
    }
    pub(super) fn count(
        &mut self,
        count: &Located<Count>,
        name: &str,
        range: RangeInclusive<u64>,
    ) -> u64 {
        let value = count.value.0;
        if !range.contains(&value) {
            self.report.out_of_range(
                count.at,
                format!("`{name}` is {value}"),
                &format!("choose between {} and {}", range.start(), range.end()),
            );
        }
        value
    }
    fn small(&mut self, count: &Located<Count>, name: &str, range: RangeInclusive<u64>) -> u32 {
        u32::try_from(self.count(count, name, range)).unwrap_or(u32::MAX)
    }
    fn span(&mut self, span: &Located<Span>) -> Span {
        if span.value > limits::RUN_SPAN_MAX {
            self.report.out_of_range(
                span.at,
                format!("{} is longer than a run may be", span.value),
                &format!(
                    "choose at most {}",
                    kvrig_base::quantity::exact(&limits::RUN_SPAN_MAX)
                ),
            );
        }
        span.value
    }
    fn positive_span(&mut self, span: &Located<Span>, name: &str) -> Span {
        if span.value.is_zero() {
            let message = format!("`{name}` is no time at all");
            self.report
                .out_of_range(span.at, message, "choose a longer time");
        }
        self.span(span)
    }
    fn rate(&mut self, rate: Option<&Located<Rate>>, path: &str) -> Option<Rate> {
        let rate = self.need(
            rate,
            path,
            "how many requests are meant to start in a second",
        )?;
        if rate.value == Rate(0) || rate.value > RATE_MAX {
            self.report.out_of_range(
                rate.at,
                format!("a rate of {}", rate.value),
                &format!("choose more than 0/s and at most {RATE_MAX}"),
            );
        }
        Some(rate.value)
    }

    fn host(&mut self, host: &doc::Host) -> Option<Host> {
        let cores = host
            .cores
            .as_ref()
            .map_or(1, |cores| self.small(cores, "cores", CORES));
        let profile = self.need(
            host.profile.as_ref(),
            "host.profile",
            "what work costs in time",
        );
        let link = host.link.clone().unwrap_or_default();
        let disk = host.disk.clone().unwrap_or_default();
        for (bandwidth, name) in [
            (&link.bandwidth, "link.bandwidth"),
            (&disk.bandwidth, "disk.bandwidth"),
        ] {
            if let Some(Located { value, at }) = bandwidth
                && value.0 == 0
            {
                self.report
                    .out_of_range(*at, format!("`{name}` is zero"), "choose more than 0B/s");
            }
        }
        Some(Host {
            cores,
            profile: placed(profile?),
            link_latency: link.latency.as_ref().map(|span| self.span(span)),
            link_bandwidth: link.bandwidth.map(|bandwidth| bandwidth.value),
            disk_sync: disk.sync.as_ref().map(|span| self.span(span)),
            disk_bandwidth: disk.bandwidth.map(|bandwidth| bandwidth.value),
        })
    }

    fn redis(&mut self, redis: Option<doc::Redis>) -> Option<Redis> {
        let redis = redis.unwrap_or_default();
        let version = self.need(
            redis.version.as_ref(),
            "store.redis.version",
            "whose rules of growth hold",
        )?;
        let conf = redis.conf.map_or_else(Vec::new, |Named(directives)| {
            let directive =
                |(name, value): (Located<String>, Located<super::scalars::Word>)| Conf {
                    name: Placed {
                        value: name.value,
                        at: name.at,
                    },
                    value: Placed {
                        value: value.value.0,
                        at: value.at,
                    },
                };
            directives.into_iter().map(directive).collect()
        });
        Some(Redis {
            version: version.value,
            conf,
            growth_guard: redis.growth_guard.is_none_or(|guard| guard.value),
        })
    }

    fn workload(&mut self, workload: &doc::Workload) -> Option<Workload> {
        let load = self.load(workload);
        let patience = self.patience(workload);
        let mix = self.need(
            workload.mix.as_ref(),
            "workload.mix",
            "which operations in which shares",
        );
        let mix = mix.and_then(|mix| self.mix(&mix.0.0));
        let keys = workload
            .keys
            .as_ref()
            .map(|keys| self.count(keys, "keys", 1..=limits::KEYS_MAX));
        let selection = self.selection(workload);
        let key_size = self.sizes(
            workload.key_size.as_ref(),
            "key_size",
            1,
            limits::KEY_BYTES_MAX,
        );
        let value_size = self.sizes(
            workload.value_size.as_ref(),
            "value_size",
            0,
            limits::KEY_BYTES_MAX,
        );
        let ttl = workload
            .ttl
            .as_ref()
            .map(|ttl| self.positive_span(ttl, "ttl"));
        Some(Workload {
            load: load?,
            patience,
            mix: mix?,
            keys,
            selection: selection?,
            scramble: workload
                .scramble
                .as_ref()
                .is_none_or(|scramble| scramble.value),
            key_size: key_size?,
            value_size: value_size?,
            ttl,
        })
    }
    fn load(&mut self, workload: &doc::Workload) -> Option<Load> {
        if let Some(clients) = &workload.clients {
            let think_time = workload
                .think_time
                .as_ref()
                .map_or(Span::ZERO, |span| self.span(span));
            return Some(Load::Closed {
                clients: self.small(clients, "clients", CLIENTS),
                think_time,
            });
        }
        let connections = workload
            .connections
            .as_ref()
            .map_or(CONNECTIONS_DEFAULT, |count| {
                self.small(count, "connections", CLIENTS)
            });
        let meaning = "when requests are meant to start (or give `workload.clients`)";
        let arrivals = self.need(workload.arrivals.as_ref(), "workload.arrivals", meaning)?;
        Some(Load::Open {
            arrivals: self.arrivals(&arrivals.part)?,
            connections,
        })
    }
    fn patience(&mut self, workload: &doc::Workload) -> Option<Patience> {
        let retries = workload.retries.clone().unwrap_or_default();
        let Some(timeout) = &workload.timeout else {
            if let Some(max) = retries.max {
                self.report.contradiction(
                    max.at,
                    "`retries` without a time limit: nothing is ever given up".to_owned(),
                    "set `workload.timeout` too, or remove `retries`",
                );
            }
            return None;
        };
        let backoff = Backoff::default();
        Some(Patience {
            timeout: self.positive_span(timeout, "timeout"),
            retries: retries
                .max
                .as_ref()
                .map_or(0, |max| self.small(max, "retries.max", RETRIES)),
            backoff: Backoff {
                base: retries
                    .backoff_base
                    .as_ref()
                    .map_or(backoff.base, |base| self.span(base)),
                cap: retries
                    .backoff_cap
                    .as_ref()
                    .map_or(backoff.cap, |cap| self.span(cap)),
            },
        })
    }
    fn arrivals(&mut self, arrivals: &doc::Arrivals) -> Option<Arrivals> {
        let path = |form: &str, key: &str| format!("workload.arrivals.{form}.{key}");
        Some(match arrivals {
            doc::Arrivals::Poisson(steady) => {
                Arrivals::Poisson(self.rate(steady.rate.as_ref(), &path("poisson", "rate"))?)
            }
            doc::Arrivals::Constant(steady) => {
                Arrivals::Constant(self.rate(steady.rate.as_ref(), &path("constant", "rate"))?)
            }
            doc::Arrivals::OnOff(bursts) => {
                let rate = self.rate(bursts.rate.as_ref(), &path("on-off", "rate"));
                let on = self.need(
                    bursts.on.as_ref(),
                    &path("on-off", "on"),
                    "how long a burst is",
                );
                let off = self.need(
                    bursts.off.as_ref(),
                    &path("on-off", "off"),
                    "how long the silence is",
                );
                let on = on.map(|on| self.positive_span(on, "on"));
                let off = off.map(|off| self.positive_span(off, "off"));
                Arrivals::OnOff {
                    rate: rate?,
                    on: on?,
                    off: off?,
                }
            }
            doc::Arrivals::Step(step) => {
                let from = self.rate(step.from.as_ref(), &path("step", "from"));
                let to = self.rate(step.to.as_ref(), &path("step", "to"));
                let at = self.need(
                    step.at.as_ref(),
                    &path("step", "at"),
                    "when the rate changes",
                );
                let at = at.map(|at| self.span(at));
                Arrivals::Step {
                    from: from?,
                    to: to?,
                    at: at?,
                }
            }
            doc::Arrivals::Ramp(ramp) => {
                let from = self.rate(ramp.from.as_ref(), &path("ramp", "from"));
                let to = self.rate(ramp.to.as_ref(), &path("ramp", "to"));
                let over = self.need(
                    ramp.over.as_ref(),
                    &path("ramp", "over"),
                    "how long the change takes",
                );
                let over = over.map(|over| self.positive_span(over, "over"));
                Arrivals::Ramp {
                    from: from?,
                    to: to?,
                    over: over?,
                }
            }
        })
    }
    fn mix(
        &mut self,
        shares: &[(Located<String>, Located<Share>)],
    ) -> Option<Vec<(OpKind, Share)>> {
        let names: Vec<&str> = OpKind::ALL.iter().map(|kind| kind.name()).collect();
        let mut mix: Vec<(OpKind, Share)> = Vec::with_capacity(shares.len());
        let mut total = 0_u64;
        for (name, share) in shares {
            let Some(kind) = OpKind::parse(&name.value) else {
                let unknown = unknown_name(&name.value, &names, &[]);
                self.placed_error(unknown, name.at, "not an operation");
                return None;
            };
            if mix.iter().any(|(other, _)| *other == kind) {
                self.report.contradiction(
                    name.at,
                    format!("`{}` comes twice in `mix`", kind.name()),
                    "keep one of the two",
                );
            }
            total = total.saturating_add(share.value.0);
            mix.push((kind, share.value));
        }
        if total != Share::ONE.0 {
            let Some((_, first)) = shares.first() else {
                self.missing("workload.mix", "which operations in which shares");
                return None;
            };
            self.report.out_of_range(
                first.at,
                format!("the shares of `mix` add up to {}", Share(total)),
                "they must add up to 100%; a layer that gives `mix` gives all of it",
            );
        }
        Some(mix)
    }
    fn selection(&mut self, workload: &doc::Workload) -> Option<Selection> {
        if let Some(file) = &workload.trace {
            let copies = workload
                .trace_copies
                .as_ref()
                .map_or(1, |copies| self.small(copies, "trace_copies", TRACE_COPIES));
            let format = workload.trace_format.as_ref().map(placed);
            return Some(Selection::Trace {
                file: placed(file),
                format,
                copies,
            });
        }
        for (at, name) in [
            (
                workload.trace_copies.as_ref().map(|copies| copies.at),
                "trace_copies",
            ),
            (
                workload.trace_format.as_ref().map(|format| format.at),
                "trace_format",
            ),
        ] {
            if let Some(at) = at {
                self.report.contradiction(
                    at,
                    format!("`{name}` without a trace"),
                    "set `workload.trace` too, or remove it",
                );
            }
        }
        let meaning = "which keys are asked for how often (or give `workload.trace`)";
        let popularity = self.need(workload.popularity.as_ref(), "workload.popularity", meaning)?;
        self.popularity(&popularity.part).map(Selection::Drawn)
    }
    fn popularity(&mut self, popularity: &doc::Popularity) -> Option<Popularity> {
        let path = |form: &str, key: &str| format!("workload.popularity.{form}.{key}");
        Some(match popularity {
            doc::Popularity::Zipf(zipf) => {
                let s = self.need(zipf.s.as_ref(), &path("zipf", "s"), "how skewed it is")?;
                if s.value > EXPONENT_MAX {
                    let message = "the exponent of Zipf is above 3".to_owned();
                    self.report
                        .out_of_range(s.at, message, "choose between 0 and 3");
                }
                Popularity::Zipf(s.value)
            }
            doc::Popularity::Ycsb(ycsb) => {
                let s = self.need(ycsb.s.as_ref(), &path("ycsb", "s"), "how skewed it is")?;
                if !(1..1_000_000).contains(&s.value.0) {
                    self.report.out_of_range(
                        s.at,
                        "YCSB's generator is defined for exponents between 0 and 1".to_owned(),
                        "choose above 0 and below 1, or use `popularity.zipf`",
                    );
                }
                Popularity::Ycsb(s.value)
            }
            doc::Popularity::Uniform(_) => Popularity::Uniform,
            doc::Popularity::Hotspot(hotspot) => {
                let keys = self.share(hotspot.keys.as_ref(), &path("hotspot", "keys"));
                let requests = self.share(hotspot.requests.as_ref(), &path("hotspot", "requests"));
                Popularity::Hotspot {
                    keys: keys?,
                    requests: requests?,
                }
            }
            doc::Popularity::Sequential(_) => Popularity::Sequential,
            doc::Popularity::Weights(weights) => {
                let file = self.need(
                    weights.file.as_ref(),
                    &path("weights", "file"),
                    "where the weights are",
                )?;
                Popularity::Weights(placed(file))
            }
        })
    }
    fn share(&mut self, share: Option<&Located<Share>>, path: &str) -> Option<Share> {
        let share = self.need(share, path, "which part of the whole")?;
        if share.value == Share(0) || share.value >= Share::ONE {
            let message = format!("`{path}` is {}", share.value);
            self.report
                .out_of_range(share.at, message, "choose above 0% and below 100%");
        }
        Some(share.value)
    }
    fn sizes(
        &mut self,
        sizes: Option<&At<doc::Sizes>>,
        name: &str,
        min: u64,
        max: u64,
    ) -> Option<Sizes> {
        let path = format!("workload.{name}");
        let sizes = self.need(sizes, &path, "how many bytes")?;
        let bounded = |report: &mut Report<'_>, size: &Located<Bytes>| {
            if !(min..=max).contains(&size.value.0) {
                report.out_of_range(
                    size.at,
                    format!("`{name}` is {}", size.value),
                    &format!("choose between {} and {}", Bytes(min), Bytes(max)),
                );
            }
            size.value
        };
        Some(match &sizes.part {
            doc::Sizes::Fixed(size) => Sizes::Fixed(bounded(self.report, size)),
            doc::Sizes::Uniform(range) => {
                let min = self.need(
                    range.min.as_ref(),
                    &format!("{path}.uniform.min"),
                    "the shortest",
                );
                let max = self.need(
                    range.max.as_ref(),
                    &format!("{path}.uniform.max"),
                    "the longest",
                );
                let (min, max) = (min?, max?);
                if min.value > max.value {
                    self.report.contradiction(
                        max.at,
                        format!("`max` is {}, below `min`, {}", max.value, min.value),
                        "choose `max` at least as large as `min`",
                    );
                }
                Sizes::Uniform {
                    min: bounded(self.report, min),
                    max: bounded(self.report, max),
                }
            }
            doc::Sizes::Histogram(histogram) => {
                let file = histogram.file.as_ref();
                let file = self.need(
                    file,
                    &format!("{path}.histogram.file"),
                    "where the sizes are",
                )?;
                Sizes::Histogram(placed(file))
            }
        })
    }
    fn event(&mut self, event: &doc::Event) -> Event {
        let action = match event.action {
            doc::Action::Bgsave(_) => Action::Bgsave,
        };
        Event {
            at: event.at.value,
            action,
        }
    }

    fn placed_error(&mut self, error: Diagnostic, at: Origin, label: &str) {
        let place = self
            .report
            .sources
            .diagnostic(diagnostic::UNKNOWN_NAME, at, "", label)
            .place;
        self.report.diagnostics.push(Diagnostic { place, ..error });
    }
}

fn placed<T: Clone>(located: &Located<T>) -> Placed<T> {
    Placed {
        value: located.value.clone(),
        at: located.at,
    }
}
