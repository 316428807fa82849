//! The workload of a cell: load, key spaces, and what each of them asks for.

use super::super::cell::{
    Arrivals, KeyDesign, Load, Patience, Popularity, Selection, Space, Turnover, Workload,
};
use super::super::part::{Located, Part, unknown_name};
use super::super::scalars::Millionths;
use super::super::workload as doc;
use super::{Resolver, placed};
use crate::client::Backoff;
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::limits;
use kvrig_base::quantity::{Rate, Share};
use kvrig_base::time::Span;
use kvrig_workloads::OpKind;
use std::ops::RangeInclusive;

/// Connections where none are given: the default of redis-benchmark (`-c 50`).
const CONNECTIONS_DEFAULT: u32 = 50;
const CLIENTS: RangeInclusive<u64> = 1..=1_000_000;
/// A client that asks more often than this does not give up in any run.
const RETRIES: RangeInclusive<u64> = 0..=1_000;
const TRACE_COPIES: RangeInclusive<u64> = 1..=1_000_000;
/// Exponents of Zipf that the sampler is exact for.
const EXPONENT_MAX: Millionths = Millionths(3_000_000);
/// Members of one collection: more than any store holds in one.
const MEMBERS: RangeInclusive<u64> = 1..=1 << 32;
const WEIGHTS: RangeInclusive<u64> = 1..=1 << 32;
const DAY: Span = Span::from_secs(24 * 3600);

impl Resolver<'_, '_> {
    pub(super) fn workload(&mut self, workload: &doc::Workload) -> Option<Workload> {
        let load = self.load(workload);
        let spaces: Vec<Option<Space>> = match &workload.keyspace {
            None => vec![self.space(workload, &workload.space, 1)],
            Some(list) => list
                .iter()
                .map(|keyspace| {
                    let mut space = workload.space.clone();
                    space.merge(keyspace.space.clone());
                    let weight = self.need(
                        keyspace.weight.as_ref(),
                        "workload.keyspace.weight",
                        "its part of the operations",
                    )?;
                    let weight = self.count(weight, "weight", WEIGHTS);
                    self.space(workload, &space, weight)
                })
                .collect(),
        };
        if spaces.is_empty() {
            self.missing("workload.keyspace", "what each key space is asked for");
        }
        let spaces: Option<Vec<Space>> = spaces.into_iter().collect();
        let (load, spaces) = (load?, spaces?);
        let by_time = |space: &Space| {
            matches!(
                space.selection,
                Selection::Drawn(Popularity::Moving {
                    turnover: Turnover::Time(_),
                    ..
                })
            )
        };
        if let Some(clients) = &workload.clients
            && spaces.iter().any(by_time)
        {
            self.report.contradiction(
                clients.at,
                "a hot set that moves with time needs an open loop: clients that wait for replies \
                 have no intended starts"
                    .to_owned(),
                "give `turnover_operations` instead of `turnover`, or `arrivals`",
            );
        }
        let patience = self.patience(workload);
        let key_design = match &workload.key_design {
            Some(design) => self.key_design(&design.part)?,
            None => KeyDesign::PLAIN,
        };
        Some(Workload {
            load,
            patience,
            spaces,
            key_design,
        })
    }
    fn space(
        &mut self,
        workload: &doc::Workload,
        space: &doc::Space,
        weight: u64,
    ) -> Option<Space> {
        let mix = self.need(
            space.mix.as_ref(),
            "workload.mix",
            "which operations in which shares",
        );
        let mix = mix.and_then(|mix| self.mix(&mix.0.0));
        let selection = self.selection(workload, space);
        let mix = match (&selection, mix) {
            (Some(Selection::Drawn(_)), Some(mix)) => {
                Some(self.with_inserts(mix, workload.inserts.as_ref()))
            }
            (_, mix) => mix,
        };
        let keys = space
            .keys
            .as_ref()
            .map(|keys| self.count(keys, "keys", 1..=limits::KEYS_MAX));
        let most = limits::KEY_BYTES_MAX;
        let key_size = self.sizes(space.key_size.as_ref(), "key_size", 1, most);
        let (of_values, name) = match &space.item_size {
            Some(whole) => (Some(whole), "item_size"),
            None => (space.value_size.as_ref(), "value_size"),
        };
        let value_size = self.sizes(of_values, name, 0, most);
        let members = space.members.as_ref();
        let scan_length = self.lengths(space.scan_length.as_ref().map(|lengths| &lengths.part));
        Some(Space {
            weight,
            mix: mix?,
            keys,
            key_prefix: space.key_prefix.as_ref().map(placed),
            selection: selection?,
            scramble: space
                .scramble
                .as_ref()
                .is_none_or(|scramble| scramble.value),
            key_size: key_size?,
            value_size: value_size?,
            has_item_size: space.item_size.is_some(),
            ttl: space.ttl.as_ref().map(|ttl| self.positive_span(ttl, "ttl")),
            members: members.map_or(1, |members| self.count(members, "members", MEMBERS)),
            scan_length: scan_length?,
        })
    }
    fn period(&mut self, period: Option<&Located<Span>>) -> Span {
        period.map_or(DAY, |period| self.positive_span(period, "period"))
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
            doc::Arrivals::Diurnal(wave) => {
                let low = self.rate(wave.low.as_ref(), &path("diurnal", "low"));
                let high = self.rate(wave.high.as_ref(), &path("diurnal", "high"));
                let period = self.period(wave.period.as_ref());
                if let (Some(low), Some(high), Some(written)) = (low, high, &wave.high)
                    && low > high
                {
                    self.report.contradiction(
                        written.at,
                        format!("`high` is {high}, below `low`, {low}"),
                        "choose `high` at least as large as `low`",
                    );
                }
                let middle = Span::from_picos(period.as_picos() / 2);
                Arrivals::Diurnal {
                    low: low?,
                    high: high?,
                    period,
                    peak_at: wave.peak_at.as_ref().map_or(middle, |at| self.span(at)),
                }
            }
            doc::Arrivals::Table(table) => {
                let meaning = "how many requests are meant to start in a second of each part";
                let rates = self.need(table.rates.as_ref(), &path("table", "rates"), meaning)?;
                // A part without requests is fine, a whole table without them is not.
                let all: Vec<Rate> = rates.iter().map(|rate| rate.value).collect();
                match rates.iter().max_by_key(|rate| rate.value.0) {
                    Some(highest) => {
                        self.rate(Some(highest), "rates");
                    }
                    None => self.missing(&path("table", "rates"), meaning),
                }
                Arrivals::Table {
                    rates: all,
                    period: self.period(table.period.as_ref()),
                }
            }
            doc::Arrivals::GPareto(gaps) => {
                let rate = self.rate(gaps.rate.as_ref(), &path("gpareto", "rate"));
                let shape = self.shape(gaps.shape.as_ref(), &path("gpareto", "shape"));
                Arrivals::GPareto {
                    rate: rate?,
                    shape: shape?,
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
    /// Adds the new keys that a study of growth needs to a mix that makes none.
    fn with_inserts(
        &mut self,
        mix: Vec<(OpKind, Share)>,
        inserts: Option<&Located<Share>>,
    ) -> Vec<(OpKind, Share)> {
        let makes_keys = |&(kind, share): &(OpKind, Share)| kind == OpKind::Insert && share.0 > 0;
        let Some(inserts) = inserts.filter(|share| share.value.0 > 0) else {
            return mix;
        };
        if inserts.value >= Share::ONE {
            let message = format!("`workload.inserts` is {}", inserts.value);
            self.report
                .out_of_range(inserts.at, message, "choose below 100%");
        }
        if mix.iter().any(makes_keys) {
            return mix;
        }
        let added = Diagnostic::new(
            diagnostic::COMPLETED,
            format!(
                "the mix makes no new keys; {} of the operations are inserts beside it",
                inserts.value
            ),
        )
        .help("`workload.inserts` says how many; `workload.inserts = \"0%\"` adds none");
        if !self.warnings.contains(&added) {
            self.warnings.push(added);
        }
        let whole = u128::from(Share::ONE.0);
        let rest = whole.saturating_sub(u128::from(inserts.value.0));
        let mut scaled: Vec<(OpKind, Share)> = mix
            .iter()
            .filter(|(kind, _)| *kind != OpKind::Insert)
            .map(|&(kind, share)| {
                let share = u128::from(share.0) * rest / whole;
                (kind, Share(u64::try_from(share).unwrap_or(0)))
            })
            .collect();
        // Rounding goes to the inserts, so that the shares make up the whole.
        let others: u64 = scaled.iter().map(|(_, share)| share.0).sum();
        scaled.push((OpKind::Insert, Share(Share::ONE.0.saturating_sub(others))));
        scaled
    }
    fn selection(&mut self, workload: &doc::Workload, space: &doc::Space) -> Option<Selection> {
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
        let popularity = self.need(space.popularity.as_ref(), "workload.popularity", meaning)?;
        self.popularity(&popularity.part).map(Selection::Drawn)
    }
    fn popularity(&mut self, popularity: &doc::Popularity) -> Option<Popularity> {
        let path = |form: &str, key: &str| format!("workload.popularity.{form}.{key}");
        Some(match popularity {
            doc::Popularity::Zipf(zipf) => {
                Popularity::Zipf(self.exponent(zipf.s.as_ref(), &path("zipf", "s"))?)
            }
            doc::Popularity::Latest(zipf) => {
                Popularity::Latest(self.exponent(zipf.s.as_ref(), &path("latest", "s"))?)
            }
            doc::Popularity::Exponential(newest) => {
                let keys = self.share(newest.keys.as_ref(), &path("exponential", "keys"));
                let requests = &path("exponential", "requests");
                let requests = self.share(newest.requests.as_ref(), requests);
                Popularity::Exponential {
                    keys: keys?,
                    requests: requests?,
                }
            }
            doc::Popularity::Moving(moving) => {
                let form = "moving-hotspot";
                let keys = self.share(moving.keys.as_ref(), &path(form, "keys"));
                let requests = self.share(moving.requests.as_ref(), &path(form, "requests"));
                let turnover = self.turnover(moving);
                Popularity::Moving {
                    keys: keys?,
                    requests: requests?,
                    turnover: turnover?,
                }
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
    fn exponent(&mut self, s: Option<&Located<Millionths>>, path: &str) -> Option<Millionths> {
        let s = self.need(s, path, "how skewed it is")?;
        if s.value > EXPONENT_MAX {
            let message = "the exponent of Zipf is above 3".to_owned();
            self.report
                .out_of_range(s.at, message, "choose between 0 and 3");
        }
        Some(s.value)
    }
    fn turnover(&mut self, moving: &doc::Moving) -> Option<Turnover> {
        if let Some(operations) = &moving.turnover_operations {
            let count = self.count(operations, "turnover_operations", 1..=u64::MAX);
            return Some(Turnover::Operations(count));
        }
        let path = "workload.popularity.moving-hotspot.turnover";
        let meaning = "after how long the hot keys are others (or give `turnover_operations`)";
        let turnover = self.need(moving.turnover.as_ref(), path, meaning)?;
        Some(Turnover::Time(self.positive_span(turnover, "turnover")))
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
}
