//! What a trace is like, in the numbers that matter for a cache.

use super::Trace;
use libm::{log, pow};

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
        }
    }
    /// A number of requests as a share of all.
    pub fn share(&self, requests: u64) -> f64 {
        requests as f64 / self.requests as f64
    }
}

/// The largest exponent that is looked for: beyond it the first key has all requests.
const EXPONENT_MAX: f64 = 20.0;

impl ZipfFit {
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
        })
    }
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
