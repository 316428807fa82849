//! Keys with measured weights: people know their top keys, few know their exponent.

use crate::alias::Alias;
use crate::error::Error;
use crate::trace::text::{self, Header, TextRecords};
use kvrig_base::diagnostic::{self, Diagnostic};
use std::io::Read;

/// Names under which a column of weights is recognised.
const WEIGHT_NAMES: &[&str] = &["weight", "count", "requests", "value", "sum"];
/// Names under which a column of keys is recognised.
const KEY_NAMES: &[&str] = &["key", "name", "id", "label"];

/// Keys in the order of a list, each drawn in proportion to its weight.
#[derive(Clone, Debug)]
pub struct WeightedKeys {
    names: Vec<String>,
    /// Sorted from the heaviest.
    weights: Vec<u64>,
    alias: Alias,
}

impl WeightedKeys {
    /// Keys from (name, weight) pairs; key i of the workload is the i-th pair.
    ///
    /// # Errors
    /// If there is no positive weight or the sum exceeds 64 bits.
    pub fn new(pairs: Vec<(String, u64)>) -> Result<Self, Error> {
        let (names, mut weights): (Vec<String>, Vec<u64>) = pairs.into_iter().unzip();
        let alias = Alias::new(&weights)?;
        weights.sort_unstable_by(|a, b| b.cmp(a));
        Ok(Self {
            names,
            weights,
            alias,
        })
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
    /// The number of keys.
    pub const fn len(&self) -> usize {
        self.names.len()
    }
    /// Whether there are no keys; there always are.
    pub const fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
    /// The name of key `index`, as the list gave it.
    pub fn name(&self, index: usize) -> Option<&str> {
        self.names.get(index).map(String::as_str)
    }
    /// The key that `word` stands for.
    #[inline]
    pub fn pick(&self, word: u64) -> u64 {
        self.alias.pick(word) as u64
    }
    /// The share of the `k` heaviest keys.
    pub fn top_share(&self, k: u64) -> f64 {
        let k = usize::try_from(k)
            .unwrap_or(usize::MAX)
            .min(self.weights.len());
        let top: u64 = self.weights[..k].iter().sum();
        let total: u64 = self.weights.iter().sum();
        top as f64 / total as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
