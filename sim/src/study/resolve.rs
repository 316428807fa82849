//! From the merged document to cells of plain values: what is missing, out of range or unknown is
//! found here, before anything runs.

mod adaptive_capacity;
mod big_keys;
mod cost;
mod dynamo;
mod eviction;
mod hot_partitions;
mod knobs;
mod sizes;
mod workload;

use super::cell::{Action, Cell, Conf, Event, Host, Placed, Redis};
use super::document::{self as doc, Settings};
use super::part::{Located, Named, Report};
use super::scalars::Count;
use super::source::Origin;
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::limits;
use kvrig_base::quantity::Rate;
use kvrig_base::time::{Span, Wall};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// 2026-01-01 00:00 UTC: a civil time where none is given, fixed so that runs repeat.
const START_DEFAULT: Wall = Wall::from_unix_millis(1_767_225_600_000);
/// Sizes of tables that a study may ask for: below 16 entries there is no growth to see, and 2^32
/// entries exceed the memory of any machine that this is for.
const TABLE_ENTRIES: RangeInclusive<u64> = 16..=1 << 32;
const CORES: RangeInclusive<u64> = 1..=1024;
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
        let store = settings.store.clone().unwrap_or_default();
        let is_of_dynamodb = study.is_some_and(|study| study.part.is_of_dynamodb());
        let (redis, dynamodb) = match (study.map(|study| &study.part), is_of_dynamodb) {
            (Some(doc::Study::Cost(_)), _) => (None, None),
            (_, true) => (
                None,
                Some(self.dynamodb(&store.dynamodb.unwrap_or_default())?),
            ),
            (_, false) => (Some(self.redis(store.redis)), None),
        };
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
            redis: match redis {
                Some(redis) => Some(redis?),
                None => None,
            },
            dynamodb,
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
    pub(super) fn small(
        &mut self,
        count: &Located<Count>,
        name: &str,
        range: RangeInclusive<u64>,
    ) -> u32 {
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
