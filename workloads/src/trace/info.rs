//! What a trace is like, in the numbers that matter for a cache.

use super::Trace;
use crate::mix::OpKind;
use kvrig_base::time::Span;
use libm::{fabs, log, pow};
use std::fmt::Write as _;

/// Summary of a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceInfo {
    /// Requests.
    pub requests: u64,
    /// Distinct keys.
    pub keys: u64,
    /// Keys that were asked for once.
    pub one_hit_keys: u64,
    /// Requests for the most popular key.
    pub top_1_requests: u64,
    /// Requests for the ten most popular keys.
    pub top_10_requests: u64,
    /// Requests for the most popular hundredth of the keys, rounded down, at least one.
    pub top_percent_requests: u64,
    /// The Zipf distribution that fits best, if there are keys to compare.
    pub zipf: Option<ZipfFit>,
    /// Requests by operation, in the order of [`OpKind`], if the trace has operations.
    pub kinds: Vec<(OpKind, u64)>,
    /// Lengths of keys, each key once, if the trace has them.
    pub key_bytes: Option<Sizes>,
    /// Lengths of values, by request, if the trace has them; zero counts as it is.
    pub value_bytes: Option<Sizes>,
    /// Requests over time, if the trace has times that differ.
    pub rates: Option<Rates>,
    /// Median time to live of the requests that have one, if the trace has any.
    pub ttl_median: Option<Span>,
}

/// A distribution of lengths in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Mean, rounded down.
    pub mean: u64,
    /// The least of the largest half, tenth, hundredth and thousandth.
    pub quantiles: [u32; 4],
    /// The largest.
    pub max: u32,
}

/// The shares below [`Sizes::quantiles`], in thousandths.
pub const QUANTILES_PER_MILLE: [u64; 4] = [500, 900, 990, 999];

impl Sizes {
    fn of(sizes: &[u32]) -> Option<Self> {
        let mut sorted = sizes.to_vec();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        let total: u64 = sorted.iter().map(|&size| u64::from(size)).sum();
        let place = |share: u64| ((sorted.len() as u64 * share / 1_000) as usize).min(last);
        Some(Self {
            mean: total / sorted.len() as u64,
            quantiles: QUANTILES_PER_MILLE.map(|share| sorted[place(share)]),
            max: sorted[last],
        })
    }
}

/// Stretches that [`Rates`] counts requests in.
const STRETCHES: usize = 10;

/// Requests over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// From the first request to the last.
    pub span: Span,
    /// Requests in each tenth of it.
    pub tenths: [u64; STRETCHES],
}

impl Rates {
    fn of(trace: &Trace) -> Option<Self> {
        let times = trace.times.as_ref()?;
        let span = times.last()?.since_start();
        if span.is_zero() {
            return None;
        }
        let mut tenths = [0; STRETCHES];
        for time in times {
            let picos = u128::from(time.since_start().as_picos()) * STRETCHES as u128;
            let tenth = (picos / u128::from(span.as_picos())) as usize;
            tenths[tenth.min(STRETCHES - 1)] += 1;
        }
        Some(Self { span, tenths })
    }
    /// Requests a second over the whole.
    pub fn mean(&self) -> f64 {
        self.tenths.iter().sum::<u64>() as f64 / self.span.as_secs_f64()
    }
    /// Requests a second in each tenth.
    pub fn by_tenth(&self) -> [f64; STRETCHES] {
        let tenth = self.span.as_secs_f64() / STRETCHES as f64;
        self.tenths.map(|count| count as f64 / tenth)
    }
}

/// A Zipf exponent fitted to counts by rank.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ZipfFit {
    /// The exponent of largest likelihood.
    pub s: f64,
    /// Its standard error, for independent requests.
    ///
    /// Ranks are taken from the same counts, which favours a larger exponent where counts are
    /// small; and real requests are not independent. The error is a lower bound.
    pub standard_error: f64,
    /// The largest difference between the share of the k most popular keys and what the fit gives
    /// them, over all k (Kolmogorov's distance).
    pub distance: f64,
}

impl TraceInfo {
    /// The summary of `trace`.
    pub fn of(trace: &Trace) -> Self {
        let mut counts = trace.key_counts();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let top = |keys: usize| counts[..keys.min(counts.len())].iter().sum();
        Self {
            requests: trace.len() as u64,
            keys: counts.len() as u64,
            one_hit_keys: counts.iter().filter(|&&count| count == 1).count() as u64,
            top_1_requests: top(1),
            top_10_requests: top(10),
            top_percent_requests: top((counts.len() / 100).max(1)),
            zipf: ZipfFit::of(&counts),
            kinds: OpKind::ALL
                .iter()
                .map(|&kind| {
                    let kinds = trace.kinds.iter().flatten();
                    (kind, kinds.filter(|&&other| other == kind).count() as u64)
                })
                .filter(|&(_, count)| count > 0)
                .collect(),
            key_bytes: trace.key_bytes.as_deref().and_then(Sizes::of),
            value_bytes: trace.value_bytes.as_deref().and_then(Sizes::of),
            rates: Rates::of(trace),
            ttl_median: trace.ttl_seconds.as_ref().and_then(|ttls| {
                let finite: Vec<u32> = ttls.iter().copied().filter(|&ttl| ttl > 0).collect();
                Sizes::of(&finite).map(|ttls| super::ttl_span(ttls.quantiles[0]))
            }),
        }
    }
    /// A `[workload]` table that resembles the trace; `file` is how a study names the trace itself.
    ///
    /// Where Zipf fits badly it replays the trace; where the trace does not say how large keys and
    /// values are or when they are asked for, it leaves that to the study.
    pub fn to_toml(&self, file: &str) -> String {
        let mut toml = String::from("[workload]\n");
        let mut line = |text: String| {
            toml.push_str(&text);
            toml.push('\n');
        };
        if let Some(rates) = &self.rates {
            // Whole thousandths of a request a second, which every rate can be read back from.
            line(format!(
                "arrivals.poisson = {{ rate = \"{:.3}/s\" }}",
                rates.mean()
            ));
        }
        if !self.kinds.is_empty() {
            line(format!("mix = {{ {} }}", self.shares()));
        }
        line(format!("keys = {}", self.keys));
        let file = format!("{file:?}");
        match self.zipf {
            Some(zipf) if zipf.fits() => {
                let s = zipf.s.min(crate::popularity::EXPONENT_MAX);
                line(format!("popularity.zipf = {{ s = {s:.4} }}"));
                line(format!(
                    "# or the recorded requests themselves: trace = {file}"
                ));
            }
            _ => line(format!(
                "trace = {file}    # no Zipf distribution is like it"
            )),
        }
        for (name, sizes, least) in [
            ("key_size", self.key_bytes, 1),
            ("value_size", self.value_bytes, 0),
        ] {
            if let Some(sizes) = sizes {
                let [half, tenth, hundredth, _] = sizes.quantiles;
                let mean = sizes.mean.max(least);
                line(format!(
                    "{name}.fixed = \"{mean}B\"    # the mean; p50 {half} B, p90 {tenth} B, p99 {hundredth} B"
                ));
            }
        }
        if let Some(ttl) = self.ttl_median {
            let seconds = ttl.as_nanos() / 1_000_000_000;
            line(format!(
                "ttl = \"{seconds}s\"    # the median of those that have one"
            ));
        }
        toml
    }
    /// Operations with shares that add up to the whole.
    fn shares(&self) -> String {
        let mut rest = 1_000_000_000_u64;
        let mut text = String::new();
        for (place, &(kind, count)) in self.kinds.iter().enumerate() {
            let share = u128::from(count) * 1_000_000_000 / u128::from(self.requests.max(1));
            let share = match place + 1 == self.kinds.len() {
                true => rest,
                false => u64::try_from(share).unwrap_or(rest).min(rest),
            };
            rest -= share;
            let comma = if place == 0 { "" } else { ", " };
            let (whole, fraction) = (share / 10_000_000, share % 10_000_000);
            let _ = write!(text, "{comma}{} = \"{whole}.{fraction:07}%\"", kind.name());
        }
        text
    }
    /// A number of requests as a share of all.
    pub fn share(&self, requests: u64) -> f64 {
        requests as f64 / self.requests as f64
    }
}

/// Beyond this distance a trace is no Zipf: the share of some number of keys is off by a twentieth
/// of all requests.
const DISTANCE_MAX: f64 = 0.05;

/// The largest exponent that is looked for: beyond it the first key has all requests.
const EXPONENT_MAX: f64 = 20.0;

impl ZipfFit {
    /// Whether a Zipf distribution describes the counts at all.
    pub fn fits(&self) -> bool {
        self.distance <= DISTANCE_MAX
    }
    /// The fit to `counts`, sorted from the largest; nothing if there are fewer than two keys.
    ///
    /// The likelihood is that of a Zipf distribution over exactly the keys seen. Its derivative by
    /// s is zero where the mean logarithm of the rank is the expected one, which falls with s; the
    /// variance of that logarithm is the Fisher information of one request (Clauset, Shalizi and
    /// Newman, SIAM Review 2009, section 3, for the method).
    pub fn of(counts: &[u64]) -> Option<Self> {
        if counts.len() < 2 {
            return None;
        }
        let logs: Vec<f64> = (1..=counts.len()).map(|rank| log(rank as f64)).collect();
        let requests: f64 = counts.iter().map(|&count| count as f64).sum();
        let observed: f64 = counts
            .iter()
            .zip(&logs)
            .map(|(&count, log)| count as f64 * log)
            .sum::<f64>()
            / requests;
        let (mut low, mut high) = (0.0, EXPONENT_MAX);
        let mut s = 1.0;
        let mut variance = 0.0;
        for _ in 0..60 {
            let (mean, spread) = log_rank_moments(&logs, s);
            variance = spread;
            if mean > observed {
                low = s;
            } else {
                high = s;
            }
            // Newton's step, or the middle where that would leave the bracket.
            let newton = s + (mean - observed) / spread;
            let next = if newton > low && newton < high {
                newton
            } else {
                (low + high) / 2.0
            };
            let moved = (next - s).abs();
            s = next;
            if moved < 1e-12 {
                break;
            }
        }
        Some(Self {
            s,
            standard_error: 1.0 / (requests * variance).sqrt(),
            distance: distance(counts, requests, s),
        })
    }
}

/// Kolmogorov's distance between counts by rank and Zipf of exponent `s`.
fn distance(counts: &[u64], requests: f64, s: f64) -> f64 {
    let weights = |rank: usize| pow(rank as f64, -s);
    let total: f64 = (1..=counts.len()).map(weights).sum();
    let (mut seen, mut expected, mut widest) = (0.0, 0.0, 0.0);
    for (rank, &count) in (1..).zip(counts) {
        seen += count as f64 / requests;
        expected += weights(rank) / total;
        widest = f64::max(widest, fabs(seen - expected));
    }
    widest
}

/// Mean and variance of the logarithm of a Zipf rank.
fn log_rank_moments(logs: &[f64], s: f64) -> (f64, f64) {
    let (mut weight, mut first, mut second) = (0.0, 0.0, 0.0);
    for (rank, log) in (1..).zip(logs) {
        let w = pow(f64::from(rank), -s);
        weight += w;
        first += w * log;
        second += w * log * log;
    }
    let mean = first / weight;
    (mean, second / weight - mean * mean)
}
