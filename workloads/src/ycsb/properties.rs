//! Java properties, and what YCSB's say.

use super::{RequestDistribution, YcsbWorkload};
use crate::mix::OpKind;
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::limits::{KEY_BYTES_MAX, KEYS_MAX};
use kvrig_base::quantity::{Share, parse_decimal};
use std::collections::BTreeMap;
use std::ops::Range;

/// Properties that are read, and what each falls back on.
///
/// Defaults: `CoreWorkload.java` (constants named `*_DEFAULT`); `recordcount` and `operationcount`
/// have none there.
const READ: &[&str] = &[
    "workload",
    "recordcount",
    "operationcount",
    "insertstart",
    "insertcount",
    "fieldcount",
    "fieldlength",
    "minfieldlength",
    "fieldlengthdistribution",
    "readproportion",
    "updateproportion",
    "insertproportion",
    "scanproportion",
    "readmodifywriteproportion",
    "requestdistribution",
    "hotspotdatafraction",
    "hotspotopnfraction",
    "exponential.percentile",
    "exponential.frac",
    "minscanlength",
    "maxscanlength",
    "scanlengthdistribution",
    "insertorder",
    "zeropadding",
    "target",
    "threadcount",
];
/// Properties that say how YCSB measures or talks to a database, which nothing here depends on.
const IGNORED: &[&str] = &[
    "readallfields",
    "writeallfields",
    "readallfieldsbyname",
    "dataintegrity",
    "table",
    "fieldnameprefix",
    "maxexecutiontime",
    "measurementtype",
    "measurement.interval",
    "measurement.trackjvm",
    "measurement.raw.output_file",
    "histogram.buckets",
    "timeseries.granularity",
    "hdrhistogram.percentiles",
    "hdrhistogram.fileoutput",
    "hdrhistogram.output.path",
    "reportlatencyforeacherror",
    "latencytrackederrors",
    "exporter",
    "exportfile",
    "status.interval",
    "db",
    "dotransactions",
    "core_workload_insertion_retry_limit",
    "core_workload_insertion_retry_interval",
];
/// The one workload class that is read.
const CORE_WORKLOAD: &[&str] = &[
    "site.ycsb.workloads.CoreWorkload",
    "com.yahoo.ycsb.workloads.CoreWorkload",
];
/// Below this, suggestions look arbitrary.
const SIMILARITY_MIN: f64 = 0.8;
/// `user` and the digits of a 63-bit hash, which has 19 nine times in ten
/// (`CoreWorkload.buildKeyName` with `insertorder=hashed`).
const HASHED_KEY_BYTES: u64 = 23;
/// `user`.
const KEY_PREFIX_BYTES: u64 = 4;

/// One property with its places.
struct Property {
    value: String,
    key_span: Range<usize>,
    value_span: Range<usize>,
}

/// A file that is being read.
struct File<'a> {
    name: &'a str,
    text: &'a str,
    properties: BTreeMap<String, Property>,
    errors: Vec<Diagnostic>,
}

pub(super) fn read(name: &str, text: &str) -> Result<YcsbWorkload, Vec<Diagnostic>> {
    let mut file = File {
        name,
        text,
        properties: BTreeMap::new(),
        errors: Vec::new(),
    };
    file.split();
    let workload = file.workload();
    match file.errors.is_empty() {
        true => Ok(workload),
        false => Err(file.errors),
    }
}

impl File<'_> {
    /// Splits the text into properties: comments begin with `#` or `!`, a key ends at `=`, `:` or
    /// white space, a line goes on after a backslash at its end, and the last of a key wins
    /// (`java.util.Properties.load`).
    fn split(&mut self) {
        let mut at = 0;
        while at < self.text.len() {
            let mut end = line_end(self.text, at);
            let mut content = self.text[at..end].trim_end_matches(['\r', '\n']).to_owned();
            let is_comment = content.trim_start().starts_with(['#', '!']);
            while !is_comment && content.ends_with('\\') && end < self.text.len() {
                content.pop();
                let next = line_end(self.text, end);
                content.push_str(
                    self.text[end..next]
                        .trim_start()
                        .trim_end_matches(['\r', '\n']),
                );
                end = next;
            }
            if !is_comment && !content.trim().is_empty() {
                self.property(at, &content);
            }
            at = end;
        }
    }
    fn property(&mut self, line_at: usize, content: &str) {
        let indent = content.len() - content.trim_start().len();
        let content = content.trim();
        let key_end = content
            .find(|c: char| c == '=' || c == ':' || c.is_whitespace())
            .unwrap_or(content.len());
        let key = content[..key_end].to_owned();
        let rest = content[key_end..].trim_start();
        let value = rest
            .strip_prefix(['=', ':'])
            .unwrap_or(rest)
            .trim()
            .to_owned();
        let start = line_at + indent;
        let key_span = start..start + key_end;
        let end = start + content.len();
        let value_span = match value.is_empty() {
            true => key_span.clone(),
            false => end.saturating_sub(value.len()).max(start)..end,
        };
        if !READ.contains(&key.as_str()) && !IGNORED.contains(&key.as_str()) {
            return self.unknown(&key, key_span);
        }
        let property = Property {
            value,
            key_span,
            value_span,
        };
        self.properties.insert(key, property);
    }
    fn place(&self, span: Range<usize>) -> Range<usize> {
        // A line that goes on is shorter in the text than what was joined.
        let end = span.end.min(self.text.len());
        let start = span.start.min(end);
        match self.text.is_char_boundary(start) && self.text.is_char_boundary(end) {
            true => start..end,
            false => 0..0,
        }
    }
    fn unknown(&mut self, key: &str, span: Range<usize>) {
        let nearest = READ
            .iter()
            .chain(IGNORED)
            .map(|known| (strsim::jaro_winkler(key, known), *known))
            .filter(|(similarity, _)| *similarity > SIMILARITY_MIN)
            .max_by(|left, right| left.0.total_cmp(&right.0));
        let help = match nearest {
            Some((_, nearest)) => format!("did you mean `{nearest}`?"),
            None => format!("known here: {}", READ.join(", ")),
        };
        let span = self.place(span);
        self.errors.push(
            Diagnostic::new(
                diagnostic::UNKNOWN_KEY,
                format!("unknown YCSB property `{key}`"),
            )
            .at(self.name, self.text, span, "not known here")
            .help(help),
        );
    }
    fn wrong(&mut self, key: &str, expected: &str) {
        let Some(property) = self.properties.get(key) else {
            return;
        };
        let span = self.place(property.value_span.clone());
        let message = format!("`{}` is not {expected} (`{key}`)", property.value);
        let error = Diagnostic::new(diagnostic::WRONG_TYPE, message);
        let error = error.at(self.name, self.text, span, &format!("expected {expected}"));
        self.errors.push(error);
    }
    fn whole(&mut self, key: &str, default: Option<u64>, range: Range<u64>) -> Option<u64> {
        let Some(property) = self.properties.get(key) else {
            return default;
        };
        let number = property.value.parse().ok();
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let expected = format!("a whole number from {} to {}", range.start, range.end - 1);
            self.wrong(key, &expected);
        }
        number
    }
    /// A decimal number in parts per billion.
    fn share(&mut self, key: &str, default: u64, max: u64) -> u64 {
        let Some(property) = self.properties.get(key) else {
            return default;
        };
        // Digits beyond a billionth, such as those of 0.8571428571, change nothing.
        let digits = match property.value.split_once('.') {
            Some((whole, fraction)) => format!("{whole}.{fraction:.9}"),
            None => property.value.clone(),
        };
        let parts = parse_decimal(&digits, 9).ok();
        match parts.filter(|&parts| parts <= max) {
            Some(parts) => parts,
            None => {
                let max = max / Share::ONE.0;
                self.wrong(key, &format!("a number from 0 to {max}"));
                default
            }
        }
    }
    fn choice<T: Copy>(&mut self, key: &str, default: T, choices: &[(&str, T)]) -> T {
        let Some(property) = self.properties.get(key) else {
            return default;
        };
        let chosen = choices.iter().find(|(name, _)| *name == property.value);
        match chosen {
            Some(&(_, chosen)) => chosen,
            None => {
                let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
                self.wrong(key, &format!("one of {}", names.join(", ")));
                default
            }
        }
    }

    fn workload(&mut self) -> YcsbWorkload {
        let class = self
            .properties
            .get("workload")
            .map(|class| class.value.clone());
        if class.is_some_and(|class| !CORE_WORKLOAD.contains(&class.as_str())) {
            self.wrong("workload", &format!("the class {}", CORE_WORKLOAD[0]));
        }
        let insert_start = self.whole("insertstart", Some(0), 0..KEYS_MAX).unwrap_or(0);
        let count = self.whole("recordcount", None, 1..KEYS_MAX);
        let all = count.map(|count| count.saturating_sub(insert_start).max(1));
        let records = self.whole("insertcount", all, 1..KEYS_MAX);
        if records.is_none() && self.errors.is_empty() {
            self.errors.push(
                Diagnostic::new(
                    diagnostic::MISSING_KEY,
                    format!("{}: missing property `recordcount`", self.name),
                )
                .help("`recordcount` says how many records the load phase makes"),
            );
        }
        YcsbWorkload {
            records: records.unwrap_or(1),
            operations: self.whole("operationcount", None, 0..u64::MAX),
            record_bytes: self.record_bytes(),
            key_bytes: self.key_bytes(count.unwrap_or(1)),
            mix: self.mix(),
            distribution: self.distribution(),
            scan_max: self.scan_max(),
            scan_zipfian: self.choice(
                "scanlengthdistribution",
                false,
                &[("uniform", false), ("zipfian", true)],
            ),
            target: self
                .whole("target", None, 0..1_000_000_001)
                .filter(|&target| target > 0),
            threads: self.whole("threadcount", None, 1..1_000_001),
        }
    }
    fn record_bytes(&mut self) -> (u64, u64) {
        let fields = self
            .whole("fieldcount", Some(10), 1..1_000_001)
            .unwrap_or(10);
        let range = 0..KEY_BYTES_MAX / fields + 1;
        let longest = self
            .whole("fieldlength", Some(100), range.clone())
            .unwrap_or(100);
        let shortest = self.whole("minfieldlength", Some(1), range).unwrap_or(1);
        let constant = self.choice(
            "fieldlengthdistribution",
            true,
            &[("constant", true), ("uniform", false)],
        );
        if constant {
            return (fields * longest, fields * longest);
        }
        if fields > 1 {
            self.unsupported(
                "fieldlengthdistribution",
                "field lengths that vary are read for records of one field (`fieldcount=1`)",
            );
        }
        if shortest > longest {
            self.wrong("minfieldlength", "at most `fieldlength`");
        }
        (shortest.min(longest), longest)
    }
    fn unsupported(&mut self, key: &str, message: &str) {
        let span = self
            .properties
            .get(key)
            .map(|property| self.place(property.key_span.clone()));
        let error = Diagnostic::new(diagnostic::NOT_BUILT, message);
        self.errors.push(match span {
            Some(span) => error.at(self.name, self.text, span, "not part of this version"),
            None => error,
        });
    }
    fn key_bytes(&mut self, records: u64) -> u64 {
        let padding = self.whole("zeropadding", Some(1), 1..251).unwrap_or(1);
        let hashed = self.choice("insertorder", true, &[("hashed", true), ("ordered", false)]);
        let digits = match hashed {
            true => HASHED_KEY_BYTES - KEY_PREFIX_BYTES,
            false => u64::from(records.saturating_sub(1).max(1).ilog10()) + 1,
        };
        KEY_PREFIX_BYTES + digits.max(padding)
    }
    fn mix(&mut self) -> Vec<(OpKind, Share)> {
        // 95 % reads and 5 % updates where the file says nothing.
        let parts = [
            (OpKind::Get, "readproportion", 950_000_000),
            (OpKind::Set, "updateproportion", 50_000_000),
            (OpKind::Insert, "insertproportion", 0),
            (OpKind::Scan, "scanproportion", 0),
            (OpKind::ReadModifyWrite, "readmodifywriteproportion", 0),
        ];
        let weights: Vec<(OpKind, u64)> = parts
            .into_iter()
            .map(|(kind, key, default)| (kind, self.share(key, default, Share::ONE.0)))
            .filter(|&(_, weight)| weight > 0)
            .collect();
        // Proportions are weights to YCSB: they need not add up to one.
        let total: u128 = weights.iter().map(|&(_, weight)| u128::from(weight)).sum();
        if total == 0 {
            self.errors.push(Diagnostic::new(
                diagnostic::OUT_OF_RANGE,
                format!("{}: all proportions are zero", self.name),
            ));
            return vec![];
        }
        let whole = u128::from(Share::ONE.0);
        let mut mix: Vec<(OpKind, Share)> = weights
            .iter()
            .map(|&(kind, weight)| {
                let share = u128::from(weight) * whole / total;
                (kind, Share(u64::try_from(share).unwrap_or(Share::ONE.0)))
            })
            .collect();
        let given: u64 = mix.iter().map(|(_, share)| share.0).sum();
        if let Some((_, largest)) = mix.iter_mut().max_by_key(|(_, share)| share.0) {
            largest.0 += Share::ONE.0 - given;
        }
        mix
    }
    fn distribution(&mut self) -> RequestDistribution {
        let one = Share::ONE.0;
        let hotspot = RequestDistribution::Hotspot {
            keys: Share(self.share("hotspotdatafraction", one / 5, one)),
            requests: Share(self.share("hotspotopnfraction", one / 5 * 4, one)),
        };
        // The number of `CoreWorkload`, 0.8571428571; its comment says 1/7.
        let keys = self.share("exponential.frac", 857_142_857, one);
        let percentile = self.share("exponential.percentile", 95 * one, 100 * one);
        let exponential = RequestDistribution::Exponential {
            keys: Share(keys),
            requests: Share(percentile / 100),
        };
        self.choice(
            "requestdistribution",
            RequestDistribution::Uniform,
            &[
                ("uniform", RequestDistribution::Uniform),
                ("zipfian", RequestDistribution::Zipfian),
                ("latest", RequestDistribution::Latest),
                ("sequential", RequestDistribution::Sequential),
                ("hotspot", hotspot),
                ("exponential", exponential),
            ],
        )
    }
    fn scan_max(&mut self) -> u32 {
        let min = self
            .whole("minscanlength", Some(1), 1..1_000_001)
            .unwrap_or(1);
        if min > 1 {
            self.unsupported("minscanlength", "scans are read from length 1 on");
        }
        let max = self
            .whole("maxscanlength", Some(1_000), 1..1_000_001)
            .unwrap_or(1_000);
        u32::try_from(max).unwrap_or(u32::MAX)
    }
}

/// The end of the line that begins at `at`, its line end included.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |end| at + end + 1)
}
