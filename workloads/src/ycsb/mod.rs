//! YCSB workload files: Java properties in, a workload out.
//!
//! Names, defaults and meanings are those of `brianfrankcooper/YCSB`:
//! `core/src/main/java/site/ycsb/workloads/CoreWorkload.java`, `.../Client.java` and the files in
//! `workloads/`. A record of `fieldcount` fields becomes one value as long as all of them: an update
//! writes the whole of it, whatever `writeallfields` says, and a read reads it, whatever
//! `readallfields` says.

mod properties;

use crate::error::Error;
use crate::key::KeyFormat;
use crate::mix::{Mix, OpKind};
use crate::popularity::{Exponential, Hotspot, KeySpace, Latest, Popularity, Ycsb as Scrambled};
use crate::scan::Lengths;
use crate::size::Sizes;
use crate::workload::{KeySource, Plan, Workload};
use kvrig_base::diagnostic::Diagnostic;
use kvrig_base::limits::KEYS_MAX;
use kvrig_base::quantity::{Bytes, Share};
use kvrig_base::random::Seed;
use std::fmt::Write as _;

/// What a YCSB workload file asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YcsbWorkload {
    /// Records that the load phase makes (`recordcount`, or `insertcount` where it is given).
    pub records: u64,
    /// Operations of the run phase, if the file limits them (`operationcount`).
    pub operations: Option<u64>,
    /// Bytes of a record (`fieldcount` x `fieldlength`), shortest and longest.
    pub record_bytes: (u64, u64),
    /// Bytes of a key.
    pub key_bytes: u64,
    /// Operations and shares, together the whole.
    pub mix: Vec<(OpKind, Share)>,
    /// Which records are asked for (`requestdistribution`).
    pub distribution: RequestDistribution,
    /// Longest scan (`maxscanlength`).
    pub scan_max: u32,
    /// Whether short scans are the most frequent (`scanlengthdistribution=zipfian`).
    pub scan_zipfian: bool,
    /// Operations a second, if the file throttles them (`target`).
    pub target: Option<u64>,
    /// Clients (`threadcount`), if the file says.
    pub threads: Option<u64>,
}

/// Which records are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestDistribution {
    /// `uniform`.
    Uniform,
    /// `zipfian`: scrambled, over ten billion items whatever the number of records.
    Zipfian,
    /// `latest`.
    Latest,
    /// `sequential`.
    Sequential,
    /// `hotspot` with its two shares.
    Hotspot {
        /// Share of the records that are hot (`hotspotdatafraction`).
        keys: Share,
        /// Share of the operations for them (`hotspotopnfraction`).
        requests: Share,
    },
    /// `exponential`: by age, the newest first.
    Exponential {
        /// The newest records that get the share below (`exponential.frac`).
        keys: Share,
        /// Their share of the operations (`exponential.percentile`).
        requests: Share,
    },
}

/// The exponent of YCSB's Zipfian generators (`ZipfianGenerator.ZIPFIAN_CONSTANT`).
const EXPONENT: f64 = 0.99;

impl YcsbWorkload {
    /// Reads a workload file; `name` is what messages call it.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its line: an unknown property, a value that is
    /// none, or what has no counterpart here.
    pub fn read(name: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        properties::read(name, text)
    }

    /// The workload under `seed`: [`Workload::load_phase`] is its load phase, and its operations
    /// are the run phase.
    ///
    /// # Errors
    /// If there are no records.
    pub fn workload(&self, seed: Seed) -> Result<Workload, Error> {
        let grows = self.mix.iter().any(|(kind, _)| *kind == OpKind::Insert);
        let space = match grows {
            true => KeySpace {
                initial: self.records,
                max: KEYS_MAX,
            },
            false => KeySpace::fixed(self.records),
        };
        let scatter = Workload::scramble_stream(seed);
        let popularity = match self.distribution {
            RequestDistribution::Uniform => Popularity::Uniform,
            RequestDistribution::Sequential => Popularity::Sequential,
            RequestDistribution::Zipfian => Popularity::Ycsb {
                ycsb: Scrambled::default(),
                keys_max: space.max,
            },
            RequestDistribution::Latest => {
                Popularity::Latest(Latest::new(EXPONENT, space, scatter)?)
            }
            RequestDistribution::Hotspot { keys, requests } => {
                Popularity::Hotspot(Hotspot::new(space, keys, requests)?)
            }
            RequestDistribution::Exponential { keys, requests } => {
                Popularity::Exponential(Exponential::new(space, keys, requests)?)
            }
        };
        let (min, max) = self.record_bytes;
        let value_size = match min == max {
            true => Sizes::Fixed(Bytes(max)),
            false => Sizes::uniform(Bytes(min), Bytes(max))?,
        };
        let keys = KeySource::Drawn { space, popularity };
        let key_size = Sizes::Fixed(Bytes(self.key_bytes));
        let plan = Plan {
            key_format: KeyFormat::default(),
            lengths: match self.scan_zipfian {
                true => Lengths::zipf(self.scan_max)?,
                false => Lengths::uniform(self.scan_max),
            },
            ..Plan::new(keys, Mix::new(&self.mix)?, key_size, value_size)
        };
        Workload::new(plan, seed)
    }

    /// The workload as the `[workload]` table of a study file.
    ///
    /// `threadcount` becomes clients of a closed loop, and `target` an open loop at that rate: in a
    /// simulation a schedule can be kept whatever the store does.
    pub fn to_toml(&self) -> String {
        let mut toml = String::from("[workload]\n");
        let mut line = |text: String| {
            toml.push_str(&text);
            toml.push('\n');
        };
        match (self.target, self.threads) {
            (Some(target), threads) => {
                line(format!("arrivals.constant = {{ rate = \"{target}/s\" }}"));
                if let Some(threads) = threads {
                    line(format!("connections = {threads}"));
                }
            }
            (None, Some(threads)) => line(format!("clients = {threads}")),
            (None, None) => {}
        }
        let shares: Vec<String> = self
            .mix
            .iter()
            .map(|(kind, share)| format!("{} = \"{}\"", kind.name(), percent(*share)))
            .collect();
        line(format!("mix = {{ {} }}", shares.join(", ")));
        line(format!("keys = {}", self.records));
        line(match self.distribution {
            RequestDistribution::Uniform => "popularity.uniform = {}".to_owned(),
            RequestDistribution::Zipfian => "popularity.ycsb = { s = 0.99 }".to_owned(),
            RequestDistribution::Latest => "popularity.latest = { s = 0.99 }".to_owned(),
            RequestDistribution::Sequential => "popularity.sequential = {}".to_owned(),
            RequestDistribution::Hotspot { keys, requests } => {
                let (keys, requests) = (percent(keys), percent(requests));
                format!("popularity.hotspot = {{ keys = \"{keys}\", requests = \"{requests}\" }}")
            }
            RequestDistribution::Exponential { keys, requests } => {
                let (keys, requests) = (percent(keys), percent(requests));
                format!(
                    "popularity.exponential = {{ keys = \"{keys}\", requests = \"{requests}\" }}"
                )
            }
        });
        line(format!("key_size.fixed = \"{}B\"", self.key_bytes));
        let (min, max) = self.record_bytes;
        line(match min == max {
            true => format!("value_size.fixed = \"{max}B\""),
            false => format!("value_size.uniform = {{ min = \"{min}B\", max = \"{max}B\" }}"),
        });
        if self.mix.iter().any(|(kind, _)| *kind == OpKind::Scan) {
            let form = match self.scan_zipfian {
                true => "zipf",
                false => "uniform",
            };
            line(format!(
                "scan_length.{form} = {{ max = {} }}",
                self.scan_max
            ));
        }
        toml
    }
}

/// A share as a study file has it, all digits of it.
fn percent(share: Share) -> String {
    const PER_PERCENT: u64 = 10_000_000;
    let (whole, rest) = (share.0 / PER_PERCENT, share.0 % PER_PERCENT);
    let mut text = whole.to_string();
    if rest > 0 {
        let digits = format!("{rest:07}");
        let _ = write!(text, ".{}", digits.trim_end_matches('0'));
    }
    text.push('%');
    text
}

#[cfg(test)]
mod tests;
