//! What can be typed after `kvrig`.

#![allow(
    rustdoc::broken_intra_doc_links,
    reason = "comments here are help texts, without links"
)]

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Exit codes, as every help text ends with them.
const EXIT_CODES: &str = "\
Exit codes: 0 pass, 1 runtime error, 2 usage or bad input, 3 threshold failed or behaviour \
worsened, 4 baseline or schema missing or incompatible, 130 interrupted.";

/// A test rig for key-value stores: real engines on virtual time.
#[derive(Debug, Parser)]
#[command(name = "kvrig", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) verb: Verb,
    /// Print results and errors only.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List the built-in studies and their questions, and the built-in workloads
    List,
    /// Print a built-in study or workload as a file to edit
    New(New),
    /// Run studies and leave a folder with pages, charts and rows
    Run(Run),
    /// Draw a result folder again from its stored rows
    Report(Report),
    /// Explain a metric or an error code
    Explain(Explain),
    /// Print the JSON schema of a file format
    Schema(Schema),
    /// Check the simulator against what is known from theory, or against a real server
    Validate(Validate),
    /// Measure what this machine takes and write a cost profile, which `run --profile` reads
    Calibrate(Calibrate),
    /// Serve a store to real clients on this machine
    Serve(Serve),
    /// Look into recorded traces
    Trace(Trace),
    /// Make a study of a CreateTable request and of CloudWatch's metrics
    Import(Import),
    /// Run the quick studies and write their exact results in one file, for CI
    Bench(Bench),
    /// Compare results with a baseline: rows, work counters, first event that differs
    Compare(Compare),
    /// Make results the baseline that later ones are compared with
    Accept(Accept),
}

#[derive(Debug, Args)]
pub(crate) struct New {
    /// A built-in study or workload; `kvrig list` shows them
    pub(crate) name: String,
    /// Write to this file instead of standard output; it must not exist
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// What is put over the settings of a study.
#[derive(Debug, Default, Args)]
pub(crate) struct Settings {
    /// Replace the studies' workload: a built-in one (`kvrig list`), a TOML file with a [workload]
    /// table, YCSB properties, a report of Contributor Insights (JSON), or a recorded trace
    #[arg(long, value_name = "FILE|PRESET")]
    pub(crate) workload: Option<String>,
    /// Root of all random streams
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Replications of every cell, each under its own seed
    #[arg(long, value_name = "K")]
    pub(crate) seeds: Option<u32>,
    /// Price work by another cost profile: a built-in one, or a file that `kvrig calibrate` wrote
    #[arg(long, value_name = "FILE|NAME")]
    pub(crate) profile: Option<String>,
    /// Set one key of the study, as in a study file: --set run.seeds=5; the last one wins
    #[arg(long, value_name = "PATH=VALUE")]
    pub(crate) set: Vec<String>,
}

/// Runs on the real clock where `--measure` has no number: the least that have a median which one
/// disturbed run cannot move.
const RUNS_DEFAULT: &str = "3";
/// Most runs on the real clock.
const RUNS_MAX: i64 = 100;

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Names of built-in studies, study files, or `all`
    #[arg(required = true, value_name = "STUDY")]
    pub(crate) studies: Vec<String>,
    /// The folder to leave results in
    #[arg(long, short, value_name = "DIR", default_value = "kvrig-out")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) settings: Settings,
    /// Take the quick settings of the study; the report is stamped QUICK
    #[arg(long)]
    pub(crate) quick: bool,
    /// Grow the same tables and nodes on this machine's clock as well, RUNS times each [default: 3],
    /// and leave a page of predicted beside measured pauses; rehash only
    #[arg(long, value_name = "RUNS", num_args = 0..=1, require_equals = true,
        default_missing_value = RUNS_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=RUNS_MAX))]
    pub(crate) measure: Option<u32>,
    /// Points to run at once [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    /// What to print when done, instead of verdicts, findings and one table in at most 20 lines
    #[arg(long, value_enum)]
    pub(crate) format: Option<RowFormat>,
    /// Print what would run and what it would take, and stop
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowFormat {
    /// The same after a table of operations for every node under load, as memtier_benchmark prints
    /// it: Sets, Gets, Others and Totals a second, their latencies in ms and KB/sec
    Text,
    /// summary.json
    Json,
    /// All rows
    Csv,
    /// Findings and rows as Markdown
    Md,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// A folder that `kvrig run` left
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Print the change against this folder or baseline beside every number
    #[arg(long, value_name = "DIR")]
    pub(crate) baseline: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// A metric (response_p999), an error code (KV1004), `metrics` or `codes`
    #[arg(value_name = "METRIC-OR-CODE")]
    pub(crate) name: String,
    /// How to print it
    #[arg(long, value_enum, default_value_t = TextFormat::Text)]
    pub(crate) format: TextFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TextFormat {
    /// For the terminal
    Text,
    /// Markdown
    Md,
}

#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// The file format
    #[arg(value_enum)]
    pub(crate) of: SchemaOf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// Study files
    Study,
}

#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// What to check
    #[arg(value_enum)]
    pub(crate) what: ValidateWhat,
    /// The redis-server to compare with, or `kvrig` for this program's own [default: the redis-server
    /// that is found, and then kvrig's own]; redis only
    #[arg(long, value_name = "PATH")]
    pub(crate) server: Option<PathBuf>,
    /// Prices of the engine's work [default: measured now]; redis only
    #[arg(long, value_name = "FILE|NAME")]
    pub(crate) profile: Option<String>,
    /// Measure less: 3 rounds of fewer requests; redis only
    #[arg(long)]
    pub(crate) quick: bool,
    /// Leave a page with the table and a chart of all responses in this folder; redis only
    #[arg(long, short, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Simulations to run at once [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ValidateWhat {
    /// Closed forms of queueing theory
    Queueing,
    /// AWS's worked examples of requests, capacity and prices
    Dynamodb,
    /// Servers on this machine: what the simulator predicts beside what is measured
    Redis,
}

/// Most keys of a node that is calibrated with: 1 M take about half a gigabyte, with their values.
const CALIBRATED_KEYS: &str = "1000000";
/// Runs of a calibration.
const CALIBRATION_RUNS_MAX: i64 = 99;
/// Where `calibrate` writes unless told otherwise.
const PROFILE_FILE: &str = "kvrig-profile.toml";

#[derive(Debug, Args)]
pub(crate) struct Calibrate {
    /// The profile to write; it must not exist
    #[arg(long, short, value_name = "FILE", default_value = PROFILE_FILE)]
    pub(crate) output: PathBuf,
    /// Measure less, on less memory: 3 runs, nodes of at most 100,000 keys
    #[arg(long)]
    pub(crate) quick: bool,
    /// Runs; medians count, and the range says how far to trust them [default: 7, or 3 with --quick]
    #[arg(long, value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=CALIBRATION_RUNS_MAX))]
    pub(crate) runs: Option<u32>,
    /// Most keys of a measured node; how far prices of memory are vouched for
    #[arg(long, value_name = "N", default_value = CALIBRATED_KEYS,
        value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) keys: u64,
    /// The folder whose file system is measured; what is written there is removed
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
    /// The profile's name [default: that of the file]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Name the processor and the system in the profile, not only cores and caches
    #[arg(long)]
    pub(crate) name_machine: bool,
    /// How to print what was measured
    #[arg(long, value_enum, default_value_t = CalibrationFormat::Text)]
    pub(crate) format: CalibrationFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CalibrationFormat {
    /// For the terminal
    Text,
    /// Every point, for programs
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The store
    #[arg(value_enum)]
    pub(crate) store: ServedStore,
    /// The port to listen on, 0 being any that is free [default: that of the configuration file, or
    /// 6379]
    #[arg(long, value_name = "N")]
    pub(crate) port: Option<u16>,
    /// The store's own configuration file: a redis.conf
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ServedStore {
    /// Redis 7.0, on the project's own table
    Redis,
}

#[derive(Debug, Args)]
#[command(disable_help_subcommand = true)]
pub(crate) struct Trace {
    #[command(subcommand)]
    pub(crate) verb: TraceVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TraceVerb {
    /// What a recorded trace is like, and a [workload] table that resembles it
    Info(TraceInfo),
    /// Write a recorded trace in another format
    Convert(TraceConvert),
}

#[derive(Debug, Args)]
pub(crate) struct TraceInfo {
    /// The trace; gzip is recognised
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The trace's format, where the name does not tell
    #[arg(long, value_name = "FORMAT")]
    pub(crate) trace_format: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct TraceConvert {
    /// The trace; gzip is recognised
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The trace's format, where the name does not tell
    #[arg(long, value_name = "FORMAT")]
    pub(crate) trace_format: Option<String>,
    /// The format to write: csv, twitter, oracle-general or i32-be
    #[arg(long, value_name = "FORMAT")]
    pub(crate) to: String,
    /// The file to write; it must not exist. A name that ends in .gz is compressed
    #[arg(long, short, value_name = "OUT")]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// A CreateTable request in JSON, and CSV files of the metrics ConsumedReadCapacityUnits and
    /// ConsumedWriteCapacityUnits
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Write to this file instead of standard output; it must not exist
    #[arg(long, short, value_name = "OUT")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Built-in studies, study files, or folders that `kvrig run` left [default: all built-in]
    #[arg(value_name = "STUDY|DIR")]
    pub(crate) studies: Vec<String>,
    /// The file to write
    #[arg(long, short, value_name = "FILE", default_value = BENCH_FILE)]
    pub(crate) output: PathBuf,
    /// Points to run at once [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
}

/// Where `bench` writes and `accept` reads unless told otherwise.
const BENCH_FILE: &str = "kvrig-bench.json";
/// The accepted results, committed beside the code they belong to.
const BASELINE_FILE: &str = "kvrig-baseline.json";

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// A file of `kvrig bench`, or a folder that `kvrig run` left
    #[arg(value_name = "NEW")]
    pub(crate) new: PathBuf,
    /// What to compare with
    #[arg(long, value_name = "FILE", default_value = BASELINE_FILE)]
    pub(crate) baseline: PathBuf,
    /// Fail on any change, not only on worsening beyond a gate
    #[arg(long)]
    pub(crate) exact: bool,
    /// How to print the comparison
    #[arg(long, value_enum, default_value_t = CompareFormat::Text)]
    pub(crate) format: CompareFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompareFormat {
    /// For the terminal
    Text,
    /// All changes, for programs
    Json,
    /// Markdown, for a review or a step summary
    Md,
    /// JUnit XML: one test case a gate
    Junit,
    /// Bencher Metric Format
    Bmf,
    /// Annotations of GitHub Actions
    Gha,
}

#[derive(Debug, Args)]
pub(crate) struct Accept {
    /// A file of `kvrig bench`, or a folder that `kvrig run` left
    #[arg(value_name = "NEW", default_value = BENCH_FILE)]
    pub(crate) new: PathBuf,
    /// Why the change is right; kept in the baseline
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// The baseline to write
    #[arg(long, value_name = "FILE", default_value = BASELINE_FILE)]
    pub(crate) baseline: PathBuf,
}
