//! Workloads that are built in: each the `[workload]` table of a study file, with its source.

/// A built-in workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is like, in a few words.
    pub about: &'static str,
    /// A TOML text with a `[workload]` table and nothing else.
    pub toml: &'static str,
}

macro_rules! presets {
    ($($name:literal, $about:literal;)*) => {
        /// All built-in workloads.
        pub const PRESETS: &[Preset] = &[$(Preset {
            name: $name,
            about: $about,
            toml: include_str!(concat!("../presets/", $name, ".toml")),
        }),*];
    };
}

presets! {
    "ycsb-a", "YCSB A: half reads, half updates";
    "ycsb-b", "YCSB B: 95 % reads, 5 % updates";
    "ycsb-c", "YCSB C: reads alone";
    "ycsb-d", "YCSB D: reads of the latest records, 5 % inserts";
    "ycsb-e", "YCSB E: short scans, 5 % inserts";
    "ycsb-f", "YCSB F: half reads, half read-modify-writes";
    "facebook-etc", "Facebook's ETC pool: laws of sizes and gaps";
    "twitter-2", "Twitter cluster 2: reads alone, s = 1.49";
    "twitter-4", "Twitter cluster 4: 7 % writes, s = 1.10";
    "twitter-12", "Twitter cluster 12: 80 % writes, s = 0.30, five minutes to live";
    "twitter-17", "Twitter cluster 17: 99 % reads, s = 2.11";
    "twitter-52", "Twitter cluster 52: the busiest, with adds and cas, s = 1.21";
    "session-cache", "sessions that expire half an hour after their last write";
    "shopping-cart", "carts as hashes of items";
    "rate-limit", "counters that expire with their window";
    "user-profile", "JSON documents, 95 % reads";
    "feature-flags", "a few keys, 99.9 % reads";
    "distributed-lock", "SET NX PX and DEL";
    "leaderboard", "scores, ranks and the top ten of sorted sets";
    "unique-visitors", "HyperLogLogs by page and day";
}

/// The built-in workload called `name`.
pub fn find(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}
