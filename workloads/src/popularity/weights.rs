//! Keys with measured weights: people know their top keys, few know their exponent.

use crate::alias::Alias;
use crate::error::Error;
use crate::trace::text::{self, Header, TextRecords};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::random::{Draws, below};
use serde::Deserialize;
use std::io::Read;

/// Names under which a column of weights is recognised.
const WEIGHT_NAMES: &[&str] = &["weight", "count", "requests", "value", "sum"];
/// Names under which a column of keys is recognised.
const KEY_NAMES: &[&str] = &["key", "name", "id", "label"];

/// Keys in the order of a list, each drawn in proportion to its weight; the list may end before the
/// keys do, and then the rest of the keys share the rest of the weight evenly.
#[derive(Clone, Debug)]
pub struct WeightedKeys {
    names: Vec<String>,
    /// Sorted from the heaviest, without the rest.
    weights: Vec<u64>,
    rest: Rest,
    alias: Alias,
}

/// The keys that a list leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Rest {
    keys: u64,
    /// Of all of them together.
    weight: u64,
}

/// The answer of CloudWatch's `GetInsightRuleReport`, as `aws cloudwatch get-insight-rule-report`
/// prints it (Amazon CloudWatch API Reference, GetInsightRuleReport and InsightRuleContributor).
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InsightReport {
    #[serde(default)]
    aggregate_value: Option<f64>,
    #[serde(default)]
    approximate_unique_count: Option<u64>,
    contributors: Vec<Contributor>,
}

/// One key of a report.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Contributor {
    /// The partition key, and the sort key where the rule has it.
    keys: Vec<String>,
    approximate_aggregate_value: f64,
}

/// Largest report that is read: a report names at most a few hundred contributors.
const REPORT_BYTES_MAX: u64 = 16 * 1024 * 1024;

impl WeightedKeys {
    /// Keys from (name, weight) pairs; key i of the workload is the i-th pair.
    ///
    /// # Errors
    /// If there is no positive weight or the sum exceeds 64 bits.
    pub fn new(pairs: Vec<(String, u64)>) -> Result<Self, Error> {
        Self::with_rest(pairs, Rest::default())
    }
    fn with_rest(pairs: Vec<(String, u64)>, rest: Rest) -> Result<Self, Error> {
        let (names, mut weights): (Vec<String>, Vec<u64>) = pairs.into_iter().unzip();
        if rest.keys > 0 {
            weights.push(rest.weight);
        }
        let alias = Alias::new(&weights)?;
        weights.truncate(names.len());
        weights.sort_unstable_by(|a, b| b.cmp(a));
        Ok(Self {
            names,
            weights,
            rest,
            alias,
        })
    }
    /// Reads a report of CloudWatch Contributor Insights, as `GetInsightRuleReport` answers: JSON
    /// with `Contributors`, each with `Keys` and an `ApproximateAggregateValue`.
    ///
    /// A key of several parts is joined by `#`. What the report counts beyond its contributors
    /// (`AggregateValue`, `ApproximateUniqueCount`) belongs to keys that share it evenly.
    ///
    /// # Errors
    /// With the file's name: text that is no such report, a weight that is no number of requests,
    /// or weights that offer no choice.
    pub fn read_insights(name: &str, reader: impl Read) -> Result<Self, Diagnostic> {
        let refuse = |what: String| {
            Diagnostic::new(diagnostic::TRACE_RECORD, format!("{name}: {what}")).help(
                "expected the answer of `aws cloudwatch get-insight-rule-report`, with \
                 `Contributors`, `Keys` and `ApproximateAggregateValue`",
            )
        };
        let report: InsightReport = serde_json::from_reader(reader.take(REPORT_BYTES_MAX))
            .map_err(|error| refuse(error.to_string()))?;
        let mut pairs = Vec::with_capacity(report.contributors.len());
        let mut listed = 0_u64;
        for (place, contributor) in report.contributors.iter().enumerate() {
            let value = contributor.approximate_aggregate_value;
            let weight = requests(value)
                .ok_or_else(|| refuse(format!("contributor {} has {value} requests", place + 1)))?;
            listed = listed.saturating_add(weight);
            pairs.push((contributor.keys.join("#"), weight));
        }
        if pairs.is_empty() {
            return Err(text::empty(name));
        }
        let total = report.aggregate_value.and_then(requests).unwrap_or(listed);
        let keys = report.approximate_unique_count.unwrap_or(0);
        let rest = Rest {
            keys: keys.saturating_sub(pairs.len() as u64),
            weight: total.saturating_sub(listed),
        };
        Self::with_rest(pairs, rest).map_err(|error| refuse(error.to_string()))
    }
    /// Reads a CSV of keys and weights, with a header that names the columns (`key,weight`) or
    /// without one in that order.
    ///
    /// # Errors
    /// With file and record number: a missing column, a weight that is no whole number, an empty
    /// file, or weights that offer no choice.
    pub fn read(name: &str, reader: impl Read) -> Result<Self, Diagnostic> {
        let mut records =
            TextRecords::new(name, reader, b',', Header::Auto(&[KEY_NAMES, WEIGHT_NAMES]))?;
        let key_column = records.column(KEY_NAMES).unwrap_or(0);
        let weight_column = records.column(WEIGHT_NAMES).unwrap_or(1);
        let mut pairs = Vec::new();
        while let Some(record) = records.next_record()? {
            let key = String::from_utf8_lossy(record.field(key_column, "key")?).into_owned();
            pairs.push((key, record.number(weight_column, "weight")?));
        }
        if pairs.is_empty() {
            return Err(text::empty(name));
        }
        Self::new(pairs)
            .map_err(|error| Diagnostic::new(diagnostic::TRACE_RECORD, format!("{name}: {error}")))
    }
    /// Reads a report of Contributor Insights if the name ends in `.json`, and a CSV otherwise.
    ///
    /// # Errors
    /// As [`WeightedKeys::read_insights`] and [`WeightedKeys::read`].
    pub fn read_named(name: &str, reader: impl Read) -> Result<Self, Diagnostic> {
        match name.to_ascii_lowercase().ends_with(".json") {
            true => Self::read_insights(name, reader),
            false => Self::read(name, reader),
        }
    }
    /// The number of keys that the list names.
    pub const fn len(&self) -> usize {
        self.names.len()
    }
    /// The number of all keys, those that the list leaves out included.
    pub const fn keys(&self) -> u64 {
        self.names.len() as u64 + self.rest.keys
    }
    /// Whether there are no keys; there always are.
    pub const fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
    /// The name of key `index`, as the list gave it.
    pub fn name(&self, index: usize) -> Option<&str> {
        self.names.get(index).map(String::as_str)
    }
    /// The key that the draws stand for.
    #[inline]
    pub fn pick(&self, draws: &mut Draws) -> u64 {
        let outcome = self.alias.pick(draws.next_u64());
        match outcome == self.names.len() {
            true => outcome as u64 + below(draws.next_u64(), self.rest.keys),
            false => outcome as u64,
        }
    }
    /// The share of the `k` heaviest of the keys that are named, and of others beyond them.
    pub fn top_share(&self, k: u64) -> f64 {
        let named = usize::try_from(k)
            .unwrap_or(usize::MAX)
            .min(self.weights.len());
        let top: u64 = self.weights[..named].iter().sum();
        let total: u64 = self.weights.iter().sum::<u64>() + self.rest.weight;
        let others = (k - named as u64).min(self.rest.keys) as f64;
        let each = self.rest.weight as f64 / self.rest.keys.max(1) as f64;
        (top as f64 + others * each) / total as f64
    }
}

/// A number of requests, which reports give as a floating-point number.
fn requests(value: f64) -> Option<u64> {
    // 2^53: beyond it such numbers are not whole.
    (0.0..9_007_199_254_740_992.0)
        .contains(&value)
        .then_some((value + 0.5) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::digest::Rolling;
    use kvrig_base::random::Seed;

    const REPORT: &str = r#"{
        "KeyLabels": ["Pk"], "AggregationStatistic": "Count", "AggregateValue": 1000.0,
        "ApproximateUniqueCount": 102,
        "Contributors": [
            {"Keys": ["tenant#1", "a"], "ApproximateAggregateValue": 600.0,
             "Datapoints": [{"Timestamp": "2026-01-01T00:00:00Z", "ApproximateValue": 600.0}]},
            {"Keys": ["tenant#2"], "ApproximateAggregateValue": 199.6, "Datapoints": []}
        ],
        "MetricDatapoints": []
    }"#;

    #[test]
    fn a_contributor_report_gives_its_keys_and_the_rest_theirs() {
        let keys = WeightedKeys::read_named("report.json", REPORT.as_bytes()).unwrap();
        assert_eq!((keys.len(), keys.keys()), (2, 102));
        assert_eq!(keys.name(0), Some("tenant#1#a"));
        assert_eq!((keys.top_share(1), keys.top_share(2)), (0.6, 0.8));
        assert!((keys.top_share(52) - 0.9).abs() < 1e-12);
        let stream = Seed(42).stream("keys");
        let mut counts = [0_u32; 102];
        let mut digest = Rolling::default();
        for index in 0..100_000 {
            let key = keys.pick(&mut stream.draws(0, index));
            counts[key as usize] += 1;
            digest.fold(key);
        }
        assert!((59_000..61_000).contains(&counts[0]), "{counts:?}");
        assert!((19_000..21_000).contains(&counts[1]), "{counts:?}");
        assert!(counts[2..].iter().all(|count| (130..280).contains(count)));
        assert_eq!(format!("{:016x}", digest.value()), "7c88f2c840891b31");
    }

    #[test]
    fn broken_reports_are_refused() {
        for (text, part) in [
            ("", "EOF"),
            ("{}", "missing field `Contributors`"),
            (r#"{"Contributors": []}"#, "no records"),
            (
                r#"{"Contributors": [{"Keys": ["a"], "ApproximateAggregateValue": -1}]}"#,
                "contributor 1 has -1 requests",
            ),
            (
                r#"{"Contributors": [{"Keys": ["a"], "ApproximateAggregateValue": 0}]}"#,
                "the weights are all zero",
            ),
        ] {
            let error = WeightedKeys::read_named("r.json", text.as_bytes())
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("r.json: ") && error.contains(part),
                "{error}"
            );
        }
    }

    fn read(text: &str) -> Result<WeightedKeys, Diagnostic> {
        WeightedKeys::read("keys.csv", text.as_bytes())
    }

    #[test]
    fn columns_are_found_by_name_or_place() {
        for text in [
            "a,3\nb,1\n",
            "key,weight\na,3\nb,1\n",
            "Count,Rank,Key\r\n3,1,a\r\n1,2,b\r\n",
        ] {
            let keys = read(text).unwrap();
            assert_eq!(
                (keys.len(), keys.name(0), keys.name(1)),
                (2, Some("a"), Some("b"))
            );
            assert_eq!(keys.top_share(1), 0.75);
        }
    }

    #[test]
    fn bad_lists_are_refused_with_their_place() {
        let messages = [
            ("", "KV2004: keys.csv: no records"),
            ("key,weight\n", "KV2004: keys.csv: no records"),
            (
                "a,1\nb,x\n",
                "KV2002: keys.csv: record 2 (line 2): `x` is not a whole number (weight)",
            ),
            (
                "a,1\nb\n",
                "KV2002: keys.csv: record 2 (line 2): there is no column 2 (weight)",
            ),
            ("a,0\n", "KV2002: keys.csv: the weights are all zero"),
        ];
        for (text, message) in messages {
            assert_eq!(read(text).unwrap_err().to_string(), message);
        }
    }
}
