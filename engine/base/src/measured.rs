//! What a real clock said beside what was simulated: plain data that a live host fills, a study
//! compares and a report draws.
//!
//! Nothing here enters a fingerprint: another machine, or another minute, gives other numbers.

use crate::result::{Chart, Finding, HistogramData, ProfileRef, Series};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Version of the layout of [`Measurement`].
pub const MEASURED_SCHEMA: u32 = 1;

/// What grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A table alone whose entries are integers of 64 bits.
    Integers,
    /// A table alone whose entries are strings of [`STRING_KEY_BYTES`].
    Strings,
    /// A Redis node without clients: SET of new keys, its timer on the real clock.
    Node,
}

/// Bytes of each key where strings are entered into a table alone; as in the published comparisons
/// of hash tables, and about the length of a session's name.
pub const STRING_KEY_BYTES: usize = 20;

impl Subject {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Integers, Self::Strings, Self::Node];

    /// What it is in tables and charts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Integers => "u64",
            Self::Strings => "20-byte strings",
            Self::Node => "node",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where one growth of a table began and ended, in entries: the number of the insert that did it,
/// counted from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Growth {
    /// Buckets before.
    pub from: u64,
    /// Buckets after.
    pub to: u64,
    /// The insert that allocated the new array.
    pub started: u64,
    /// The insert that moved the last entry.
    pub ended: Option<u64>,
    /// The insert that gave the old array back, where the table has one to give back.
    pub freed: Option<u64>,
}

/// The longest call of one growth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Its length.
    pub ns: u64,
    /// The number of the insert, counted from one.
    pub at: u64,
    /// What took most of it: the name of a [`crate::seam::Cause`].
    pub cause: String,
}

/// One growth and its longest calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrowthPauses {
    /// Where it began and ended.
    pub growth: Growth,
    /// Its longest calls, the longest first.
    pub longest: Vec<Pause>,
}

/// One table or node that grew once, on a real clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its growths, in order.
    pub growths: Vec<GrowthPauses>,
    /// The CPU time of every insert.
    pub inserts: HistogramData,
}

/// The machine, in words that name no host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Its processor, as the system names it.
    pub processor: String,
    /// Cores that the program may use.
    pub cores: u32,
    /// Name and release of its kernel.
    pub system: String,
    /// Whether it is a guest of a hypervisor, where the system tells.
    pub is_virtual: bool,
    /// The day, `2026-11-25`.
    pub date: String,
    /// The load averages of 1, 5 and 15 minutes before the first run, in hundredths.
    pub load_before: Option<[u32; 3]>,
    /// The same after the last.
    pub load_after: Option<[u32; 3]>,
}

/// What the clock itself costs, and how still this machine can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockFacts {
    /// What one reading of the clock takes, the median. Each measured insert contains one.
    pub reading_ns: u64,
    /// The longest CPU time between two readings in a loop that does nothing else: the floor below
    /// which the longest pause of one run cannot be told from what the machine does by itself.
    pub floor_ns: u64,
    /// CPU time that the loop spun for.
    pub spun_ns: u64,
}

/// What a measured pause says of the predicted one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judgement {
    /// Within the band of agreement.
    Agrees,
    /// Longer than that.
    Longer,
    /// Shorter than that.
    Shorter,
    /// The machine was too restless, or the pause is too short to be seen.
    CannotTell,
}

impl Judgement {
    /// The verdict in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::Longer => "longer",
            Self::Shorter => "shorter",
            Self::CannotTell => "cannot tell",
        }
    }
}

/// One growth, predicted and measured.
///
/// A restless machine lengthens some inserts in every run, but not the same ones. The measured
/// pause is therefore that of the insert which was long in *every* run: among the longest of each,
/// the one whose shortest time is greatest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasuredPoint {
    /// The table.
    pub table: String,
    /// What grew.
    pub subject: Subject,
    /// Entries at which it grows.
    pub entries: u64,
    /// The longest call by the simulated price.
    pub predicted: Pause,
    /// The longest call that every run saw, by its median; nothing where none stood out in all.
    pub measured: Option<MeasuredPause>,
    /// The longest call of each run, whatever lengthened it, in the order of the runs.
    pub longest_ns: Vec<u64>,
    /// Median through predicted, in parts per million; nothing where either is missing.
    pub ratio_ppm: Option<i64>,
    /// What follows.
    pub judgement: Judgement,
    /// Why it cannot be told, if so.
    pub reason: String,
    /// Where the simulated table grew.
    pub simulated_growth: Growth,
    /// Where the measured one did, in the first run.
    pub measured_growth: Growth,
    /// Whether every run grew at exactly the simulated inserts; of a node, whether it began to,
    /// because its timer goes on with the growth in real time.
    pub positions_equal: bool,
    /// The insert at which the last entry moves by a closed form, where there is one.
    pub theory_ended: Option<u64>,
    /// Whether that form is exact; otherwise it is a mean over keys.
    pub theory_is_exact: bool,
}

/// The pause of one insert over all runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasuredPause {
    /// The number of the insert, counted from one.
    pub at: u64,
    /// What took most of it in the median run.
    pub cause: String,
    /// Its length in each run, in the order of the runs.
    pub ns: Vec<u64>,
    /// The median of them.
    pub median_ns: u64,
}

/// How long the inserts of one table took, over all runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InsertTimes {
    /// The table.
    pub table: String,
    /// What grew.
    pub subject: Subject,
    /// Inserts.
    pub count: u64,
    /// Mean CPU time of one insert.
    pub mean_ns: u64,
    /// Its median.
    pub p50_ns: u64,
    /// Its 99th percentile.
    pub p99_ns: u64,
    /// Its 99.99th percentile.
    pub p9999_ns: u64,
}

/// A whole measurement without what only charts need: `measured/summary.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measurement {
    /// Version of this layout.
    pub schema: u32,
    /// Version of the program that measured.
    pub kvrig: String,
    /// The study.
    pub study: String,
    /// Its title.
    pub title: String,
    /// Whether `--quick` replaced its sizes.
    pub quick: bool,
    /// The cost profile that predicted.
    pub profile: ProfileRef,
    /// The machine that measured.
    pub machine: Machine,
    /// Its clock.
    pub clock: ClockFacts,
    /// Runs of everything.
    pub runs: u32,
    /// What was found, the most important first.
    pub findings: Vec<Finding>,
    /// Every growth, predicted and measured.
    pub points: Vec<MeasuredPoint>,
    /// How long inserts took.
    pub inserts: Vec<InsertTimes>,
    /// How it was measured, and what would mislead.
    pub notes: Vec<String>,
}

/// A measurement with its charts.
#[derive(Clone, Debug)]
pub struct MeasuredResult {
    /// All but the charts.
    pub measurement: Measurement,
    /// Every series behind every chart.
    pub series: Vec<Series>,
    /// What to draw.
    pub charts: Vec<Chart>,
    /// Percentile files of the inserts.
    pub histograms: Vec<HistogramData>,
}

impl Machine {
    /// `virtual machine, 2 cores, AMD EPYC, Linux 6.18, 2026-11-25`.
    pub fn in_words(&self) -> String {
        let kind = if self.is_virtual {
            "virtual machine"
        } else {
            "machine"
        };
        let cores = match self.cores {
            1 => "1 core".to_owned(),
            cores => format!("{cores} cores"),
        };
        format!(
            "{kind}, {cores}, {}, {}, {}",
            self.processor, self.system, self.date
        )
    }

    /// Load averages as people read them: `0.73, 0.84, 0.67`.
    pub fn load_in_words(load: Option<[u32; 3]>) -> String {
        load.map_or_else(
            || "unknown".to_owned(),
            |load| {
                load.map(|hundredths| format!("{}.{:02}", hundredths / 100, hundredths % 100))
                    .join(", ")
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_described_without_naming_it() {
        let mut machine = Machine {
            processor: "AMD EPYC".into(),
            cores: 2,
            system: "Linux 6.18".into(),
            is_virtual: true,
            date: "2026-11-25".into(),
            load_before: Some([73, 84, 1_207]),
            load_after: None,
        };
        assert_eq!(
            machine.in_words(),
            "virtual machine, 2 cores, AMD EPYC, Linux 6.18, 2026-11-25"
        );
        machine.is_virtual = false;
        machine.cores = 1;
        assert!(machine.in_words().starts_with("machine, 1 core, "));
        assert_eq!(
            Machine::load_in_words(machine.load_before),
            "0.73, 0.84, 12.07"
        );
        assert_eq!(Machine::load_in_words(machine.load_after), "unknown");
    }
}
