//! Cost profiles: what each counted kind of work costs, with the source of every number.
//!
//! A profile is a TOML file:
//!
//! ```toml
//! schema = 1
//! name = "typical-2026"
//! machine = "the machine in words"
//! date = "2026-11-23"
//! kind = "round"              # fitted, published or round
//!
//! [price_ps]                  # picoseconds for one of each counter
//! commands = 900_000
//!
//! [[cache]]                   # levels, the fastest first; or [[footprint]] steps; or neither
//! name = "L1"
//! bytes = 32_768
//! ways = 4                    # 1, 2 or 4
//! hit_ps = 1_000
//!
//! [tlb]                       # with [[cache]] only; without it, pages are translated for nothing
//! entries = 2_048
//! walk_ps = 10_000
//!
//! [memory]                    # with [[cache]] only
//! dram_ps = 90_000
//! next_line_ps = 5_000
//!
//! [host]
//! [disk]
//! [link]
//! [fit]
//! range = { bytes_copied = 1_048_576 }
//!
//! [source]                    # one entry for each key or section
//! price_ps = "where the numbers come from"
//! "price_ps.commands" = "a more precise one"
//! ```

use super::cache::{CacheLevel, Tlb, WAYS_MAX};
use super::meter::RESIDENT_BYTES;
use super::reader::Document;
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::digest::Digest;
use kvrig_base::result::ProfileRef;
use kvrig_base::seam::COUNTERS;
use kvrig_base::time::Span;

/// The profile that studies use by default: round figures of a current server.
pub const TYPICAL_2026: &str = "typical-2026";

/// Prices fitted to replays of the Redis node on a shared virtual machine.
pub const SHARED_VM_2026: &str = "shared-vm-2026";

const EMBEDDED: &[(&str, &str)] = &[
    (
        TYPICAL_2026,
        include_str!("../../profiles/typical-2026.toml"),
    ),
    (
        SHARED_VM_2026,
        include_str!("../../profiles/shared-vm-2026.toml"),
    ),
];

/// Names and texts of the profiles that are part of the program.
pub const fn embedded_profiles() -> &'static [(&'static str, &'static str)] {
    EMBEDDED
}

/// How the numbers of a profile came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileKind {
    /// Fitted to measurements of one machine.
    Fitted,
    /// Taken from publications.
    Published,
    /// Round figures of the right size.
    Round,
}

/// Prices of the host: system calls and what the kernel does around them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPrices {
    /// One pass of the event loop: waiting for readiness and the work before sleeping.
    pub turn: Span,
    /// From an input at an idle actor to the beginning of its turn.
    pub wake_up: Span,
    /// One read from a connection.
    pub read: Span,
    /// Each byte read.
    pub read_byte: Span,
    /// Most bytes that one read takes; the rest waits for the next turn.
    pub read_bytes_max: u64,
    /// One write to a connection.
    pub write: Span,
    /// Each byte written.
    pub write_byte: Span,
    /// Handing over one input that is not of a connection: a message, a completion.
    pub input: Span,
    /// A fork, whatever the size of the process.
    pub fork: Span,
    /// The copy of the page table, for each MiB of resident memory.
    pub fork_mib: Span,
    /// The copy of one 4 KiB page that a child still shares, the fault included.
    pub page_copy: Span,
}

/// A storage device and the file system above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskPrices {
    /// One file-system call that stays in memory.
    pub call: Span,
    /// Each byte appended to the page cache.
    pub append_byte: Span,
    /// Operations a second of the device.
    pub operations_per_second: u64,
    /// Bytes a second of the device.
    pub bytes_per_second: u64,
    /// The flush that makes written data survive a power cut.
    pub sync: Span,
    /// Bytes that may wait in memory for the device before appends wait too.
    pub dirty_bytes_max: u64,
}

/// A network path, one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkPrices {
    /// From the sender's write to the receiver's readiness, transmission aside.
    pub latency: Span,
    /// Bytes a second of transmission.
    pub bytes_per_second: u64,
}

/// What touches of memory cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemoryPrices {
    /// Cache levels, the fastest first, and what lies behind them.
    Cache {
        /// The levels.
        levels: Vec<CacheLevel>,
        /// What translates pages, where it has a price.
        tlb: Option<Tlb>,
        /// A touch that no level holds.
        dram_ps: u64,
        /// A touch of the line after the one touched before: a prefetcher has it under way.
        next_line_ps: u64,
    },
    /// Steps of (resident bytes up to, picoseconds a touch), ascending; the last holds beyond.
    Footprint(Vec<(u64, u64)>),
    /// Touches are part of the counters' prices.
    Free,
}

/// How well the prices describe the machine, and where they hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fit {
    /// Mean absolute residual of the fit, in parts per million; always there in fitted profiles.
    pub residual_mean_ppm: Option<u64>,
    /// Largest absolute residual, in parts per million.
    pub residual_max_ppm: Option<u64>,
    /// The most of a counter in one call, or of `resident_bytes`, that the prices vouch for.
    pub ranges: Vec<(&'static str, u64)>,
}

/// A cost profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// The machine it describes.
    pub machine: String,
    /// When the numbers were taken, `2026-11-23`.
    pub date: String,
    /// How the numbers came to be.
    pub kind: ProfileKind,
    /// Picoseconds for one of each counter, in the order of [`COUNTERS`].
    pub prices_ps: [u64; COUNTERS.len()],
    /// What touches cost.
    pub memory: MemoryPrices,
    /// System calls.
    pub host: HostPrices,
    /// The disk.
    pub disk: DiskPrices,
    /// The network.
    pub link: LinkPrices,
    /// Residuals and validity range.
    pub fit: Fit,
    /// Key or section, and where its numbers come from.
    pub sources: Vec<(String, String)>,
    digest: Digest,
}

/// Sections whose every number needs a source.
const SOURCED: [&str; 9] = [
    "price_ps",
    "cache",
    "tlb",
    "memory",
    "footprint",
    "host",
    "disk",
    "link",
    "fit",
];

impl Profile {
    /// The embedded profile called `name`.
    ///
    /// # Errors
    /// `KV1006` if there is none of that name.
    pub fn embedded(name: &str) -> Result<Self, Diagnostic> {
        match EMBEDDED.iter().find(|(known, _)| *known == name) {
            Some((_, text)) => Self::parse(name, text),
            None => {
                let names: Vec<&str> = EMBEDDED.iter().map(|(known, _)| *known).collect();
                let message = format!("there is no built-in cost profile `{name}`");
                Err(Diagnostic::new(diagnostic::UNKNOWN_NAME, message)
                    .help(format!("built in: {}; or give a file", names.join(", "))))
            }
        }
    }
    /// Reads the profile `text`, which came from the file called `name`.
    ///
    /// # Errors
    /// What is not TOML, missing, unknown, of the wrong type or range, or without a source, with
    /// its place.
    pub fn parse(name: &str, text: &str) -> Result<Self, Diagnostic> {
        let mut document = Document::parse(name, text)?;
        let schema = document.integer("schema")?;
        if schema != 1 {
            let message = format!("profile schema {schema} is not known; this version reads 1");
            return Err(document.complain("schema", diagnostic::PROFILE, message));
        }
        let kind = read_kind(&mut document)?;
        let mut prices_ps = [0; COUNTERS.len()];
        for (price, counter) in prices_ps.iter_mut().zip(COUNTERS) {
            *price = document.integer(&format!("price_ps.{}", counter.name()))?;
        }
        let profile = Self {
            name: document.text("name")?,
            machine: document.text("machine")?,
            date: document.text("date")?,
            kind,
            prices_ps,
            memory: read_memory(&mut document)?,
            host: read_host(&mut document)?,
            disk: read_disk(&mut document)?,
            link: LinkPrices {
                latency: picos(&mut document, "link.latency_ps")?,
                bytes_per_second: document.positive("link.bytes_per_second")?,
            },
            fit: read_fit(&mut document, kind)?,
            sources: read_sources(&mut document)?,
            digest: Digest::of(document.canonical(&["source"]).as_bytes()),
        };
        document.finish(&known_keys())?;
        Ok(profile)
    }
    /// The digest of all that is not a source: equal for profiles that price alike and have the
    /// same name, whatever their layout.
    pub fn digest(&self) -> Digest {
        self.digest
    }
    /// The profile as results name it.
    pub fn reference(&self) -> ProfileRef {
        ProfileRef {
            name: self.name.clone(),
            digest: self.digest,
        }
    }
}

fn picos(document: &mut Document<'_>, key: &str) -> Result<Span, Diagnostic> {
    document.integer(key).map(Span::from_picos)
}

fn read_kind(document: &mut Document<'_>) -> Result<ProfileKind, Diagnostic> {
    match document.text("kind")?.as_str() {
        "fitted" => Ok(ProfileKind::Fitted),
        "published" => Ok(ProfileKind::Published),
        "round" => Ok(ProfileKind::Round),
        other => {
            let message = format!("`{other}` is no kind of profile");
            Err(document
                .complain("kind", diagnostic::UNKNOWN_NAME, message)
                .help("one of fitted, published, round"))
        }
    }
}

fn read_memory(document: &mut Document<'_>) -> Result<MemoryPrices, Diagnostic> {
    if document.has("tlb") && !document.has("cache") {
        return Err(document.complain(
            "tlb.entries",
            diagnostic::CONTRADICTION,
            "a profile has `tlb` only beside `cache` levels".to_owned(),
        ));
    }
    match (document.has("cache"), document.has("footprint")) {
        (true, true) => Err(document.complain(
            "footprint.0.ps",
            diagnostic::CONTRADICTION,
            "a profile has `cache` levels or `footprint` steps, not both".to_owned(),
        )),
        (true, false) => read_cache(document),
        (false, true) => read_footprint(document),
        (false, false) => Ok(MemoryPrices::Free),
    }
}

fn read_cache(document: &mut Document<'_>) -> Result<MemoryPrices, Diagnostic> {
    let mut levels: Vec<CacheLevel> = Vec::new();
    for number in 0..document.names_below("cache").len() {
        let key = |name: &str| format!("cache.{number}.{name}");
        let ways = document.integer(&key("ways"))?;
        let level = CacheLevel {
            name: document.text(&key("name"))?,
            bytes: document.positive(&key("bytes"))?,
            ways: u32::try_from(ways).unwrap_or(u32::MAX),
            shared: document.flag(&key("shared"))?,
            hit_ps: document.integer(&key("hit_ps"))?,
        };
        if !ways.is_power_of_two() || ways > u64::from(WAYS_MAX) {
            let message = format!("a tag array has 1, 2 or 4 ways, not {ways}");
            return Err(document.complain(&key("ways"), diagnostic::OUT_OF_RANGE, message));
        }
        let sets = level.sets();
        if !sets.is_power_of_two()
            || !(2..=1 << 32).contains(&sets)
            || sets * 64 * ways != level.bytes
        {
            let message = format!("{} bytes are no power of two of sets", level.bytes);
            return Err(document.complain(&key("bytes"), diagnostic::OUT_OF_RANGE, message));
        }
        if levels
            .last()
            .is_some_and(|inner| inner.shared && !level.shared)
        {
            let message = "a private level cannot lie behind a shared one".to_owned();
            return Err(document.complain(&key("name"), diagnostic::CONTRADICTION, message));
        }
        levels.push(level);
    }
    Ok(MemoryPrices::Cache {
        levels,
        tlb: read_tlb(document)?,
        dram_ps: document.integer("memory.dram_ps")?,
        next_line_ps: document.integer("memory.next_line_ps")?,
    })
}

fn read_tlb(document: &mut Document<'_>) -> Result<Option<Tlb>, Diagnostic> {
    if !document.has("tlb") {
        return Ok(None);
    }
    let tlb = Tlb {
        entries: document.integer("tlb.entries")?,
        walk_ps: document.integer("tlb.walk_ps")?,
    };
    let sizes = Tlb::ENTRIES_MIN..=Tlb::ENTRIES_MAX;
    if !tlb.entries.is_power_of_two() || !sizes.contains(&tlb.entries) {
        let message = format!(
            "{} entries are no power of two from {} to {}",
            tlb.entries,
            sizes.start(),
            sizes.end()
        );
        return Err(document.complain("tlb.entries", diagnostic::OUT_OF_RANGE, message));
    }
    Ok(Some(tlb))
}

fn read_footprint(document: &mut Document<'_>) -> Result<MemoryPrices, Diagnostic> {
    let mut steps: Vec<(u64, u64)> = Vec::new();
    for number in 0..document.names_below("footprint").len() {
        let up_to = format!("footprint.{number}.bytes");
        let step = (
            document.positive(&up_to)?,
            document.integer(&format!("footprint.{number}.ps"))?,
        );
        if steps.last().is_some_and(|last| last.0 >= step.0) {
            let message = "footprint steps go up in bytes".to_owned();
            return Err(document.complain(&up_to, diagnostic::OUT_OF_RANGE, message));
        }
        steps.push(step);
    }
    Ok(MemoryPrices::Footprint(steps))
}

fn read_host(document: &mut Document<'_>) -> Result<HostPrices, Diagnostic> {
    Ok(HostPrices {
        turn: picos(document, "host.turn_ps")?,
        wake_up: picos(document, "host.wake_up_ps")?,
        read: picos(document, "host.read_ps")?,
        read_byte: picos(document, "host.read_byte_ps")?,
        read_bytes_max: document.positive("host.read_bytes_max")?,
        write: picos(document, "host.write_ps")?,
        write_byte: picos(document, "host.write_byte_ps")?,
        input: picos(document, "host.input_ps")?,
        fork: picos(document, "host.fork_ps")?,
        fork_mib: picos(document, "host.fork_mib_ps")?,
        page_copy: picos(document, "host.page_copy_ps")?,
    })
}

fn read_disk(document: &mut Document<'_>) -> Result<DiskPrices, Diagnostic> {
    Ok(DiskPrices {
        call: picos(document, "disk.call_ps")?,
        append_byte: picos(document, "disk.append_byte_ps")?,
        operations_per_second: document.positive("disk.operations_per_second")?,
        bytes_per_second: document.positive("disk.bytes_per_second")?,
        sync: picos(document, "disk.sync_ps")?,
        dirty_bytes_max: document.positive("disk.dirty_bytes_max")?,
    })
}

fn read_fit(document: &mut Document<'_>, kind: ProfileKind) -> Result<Fit, Diagnostic> {
    let residual = |document: &mut Document<'_>, key: &str| match kind {
        ProfileKind::Fitted => document.integer(key).map(Some),
        _ if document.has(key) => document.integer(key).map(Some),
        _ => Ok(None),
    };
    let residual_mean_ppm = residual(document, "fit.residual_mean_ppm")?;
    let residual_max_ppm = residual(document, "fit.residual_max_ppm")?;
    let names = COUNTERS
        .iter()
        .map(|counter| counter.name())
        .chain([RESIDENT_BYTES]);
    let mut ranges = Vec::new();
    for name in names {
        let key = format!("fit.range.{name}");
        if document.has(&key) {
            ranges.push((name, document.integer(&key)?));
        }
    }
    if ranges.is_empty() {
        let message = "a profile says in `fit.range` where its prices hold".to_owned();
        return Err(document
            .complain("fit", diagnostic::MISSING_KEY, message)
            .help("the most in one call: `[fit] range = { bytes_copied = 1_048_576 }`"));
    }
    Ok(Fit {
        residual_mean_ppm,
        residual_max_ppm,
        ranges,
    })
}

/// Reads `[source]` and checks that it covers every number and names only what is there.
fn read_sources(document: &mut Document<'_>) -> Result<Vec<(String, String)>, Diagnostic> {
    let mut sources = Vec::new();
    for covered in document.keys_below("source") {
        let key = format!("source.{covered}");
        let source = document.text(&key)?;
        if source.trim().is_empty() {
            let message = format!("the source of `{covered}` is empty");
            return Err(document.complain(&key, diagnostic::PROFILE, message));
        }
        if !document.has(&covered) {
            let message = format!("there is a source for `{covered}`, but no such number");
            return Err(document.complain(&key, diagnostic::PROFILE, message));
        }
        sources.push((covered, source));
    }
    for section in SOURCED {
        for name in document.keys_below(section) {
            let key = format!("{section}.{name}");
            let covers = |covered: &str| {
                key.strip_prefix(covered)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            if !sources.iter().any(|(covered, _)| covers(covered)) {
                let message = format!("`{key}` has no source");
                return Err(document.complain(&key, diagnostic::PROFILE, message).help(format!(
                    "say in `[source]` where it comes from: `\"{key}\" = \"…\"`, or `{section} = \"…\"`"
                )));
            }
        }
    }
    Ok(sources)
}

/// All keys that a profile may have, for suggestions.
pub(super) fn known_keys() -> Vec<String> {
    let fixed = [
        "schema",
        "name",
        "machine",
        "date",
        "kind",
        "tlb.entries",
        "tlb.walk_ps",
        "memory.dram_ps",
        "memory.next_line_ps",
        "host.turn_ps",
        "host.wake_up_ps",
        "host.read_ps",
        "host.read_byte_ps",
        "host.read_bytes_max",
        "host.write_ps",
        "host.write_byte_ps",
        "host.input_ps",
        "host.fork_ps",
        "host.fork_mib_ps",
        "host.page_copy_ps",
        "disk.call_ps",
        "disk.append_byte_ps",
        "disk.operations_per_second",
        "disk.bytes_per_second",
        "disk.sync_ps",
        "disk.dirty_bytes_max",
        "link.latency_ps",
        "link.bytes_per_second",
        "fit.residual_mean_ppm",
        "fit.residual_max_ppm",
        "fit.range.resident_bytes",
    ];
    let prices = COUNTERS
        .iter()
        .map(|counter| format!("price_ps.{}", counter.name()));
    let ranges = COUNTERS
        .iter()
        .map(|counter| format!("fit.range.{}", counter.name()));
    fixed
        .iter()
        .map(|&key| key.to_owned())
        .chain(prices)
        .chain(ranges)
        .collect()
}
