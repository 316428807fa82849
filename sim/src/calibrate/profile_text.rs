//! A calibration as a profile that people and the simulator read.

use super::machine::Figure;
use super::prices::{GROUPS, is_fitted};
use super::report::{picos_text, rate_text};
use super::{Calibration, machine};
use crate::cost::Profile;
use kvrig_base::calibration::StatedCache;
use kvrig_base::seam::COUNTERS;

/// What a profile says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its name.
    pub name: String,
    /// The machine in words.
    pub machine: String,
    /// When it was measured, `2026-11-23`.
    pub date: String,
}

/// A machine by its caches and cores alone, which names nobody's.
pub fn machine_in_words(cores: u32, is_virtual: bool, caches: &[StatedCache]) -> String {
    let what = match is_virtual {
        true => "a virtual machine",
        false => "a machine",
    };
    let size = |bytes: u64| match bytes >> 20 {
        0 => format!("{} KiB", bytes >> 10),
        mib => format!("{mib} MiB"),
    };
    let caches: Vec<String> = caches
        .iter()
        .map(|cache| {
            let shared = if cache.is_shared { " shared" } else { "" };
            format!("{} of{shared} L{}", size(cache.bytes), cache.level)
        })
        .collect();
    let caches = match caches.is_empty() {
        true => "unknown caches".to_owned(),
        false => caches.join(", "),
    };
    format!("{what} with {cores} cores, {caches}, 4 KiB pages")
}

/// The profile as TOML; what was not measured is taken over from `given`.
pub fn render(calibration: &Calibration, identity: &Identity, given: &Profile) -> String {
    let Calibration {
        prices,
        figures,
        residual,
        ..
    } = calibration;
    let price = |key: &str, otherwise: u64| {
        let figure = figures.iter().find(|figure| figure.key == Some(key));
        grouped(figure.map_or(otherwise, Figure::rounded))
    };
    let mut lines = vec![
        "# Prices of one machine, measured and fitted by `kvrig calibrate`.".to_owned(),
        "schema = 1".to_owned(),
        format!("name = {:?}", identity.name),
        format!("machine = {:?}", identity.machine),
        format!("date = {:?}", identity.date),
        "kind = \"fitted\"".to_owned(),
        "\n[price_ps]".to_owned(),
    ];
    for counter in COUNTERS {
        let ps = prices.counters[*counter as usize];
        lines.push(format!("{} = {}", counter.name(), grouped(ps)));
    }
    for level in &prices.levels {
        lines.push(format!("\n[[cache]]\nname = {:?}", level.name));
        lines.push(format!("bytes = {}", grouped(level.bytes)));
        lines.push(format!("ways = {}", level.ways));
        if level.shared {
            lines.push("shared = true".to_owned());
        }
        lines.push(format!("hit_ps = {}", grouped(level.hit_ps)));
    }
    if let Some(tlb) = &prices.tlb {
        lines.push(format!("\n[tlb]\nentries = {}", grouped(tlb.entries)));
        lines.push(format!("walk_ps = {}", grouped(tlb.walk_ps)));
    }
    if !prices.levels.is_empty() {
        lines.push(format!("\n[memory]\ndram_ps = {}", grouped(prices.dram_ps)));
        lines.push(format!("next_line_ps = {}", grouped(prices.next_line_ps)));
    }
    for (section, keys) in sections(given) {
        lines.push(format!("\n[{section}]"));
        for (name, otherwise) in keys {
            let number = price(&format!("{section}.{name}"), otherwise);
            lines.push(format!("{name} = {number}"));
        }
    }
    lines.push(format!(
        "\n[fit]\nresidual_mean_ppm = {}\nresidual_max_ppm = {}",
        grouped(residual.mean_ppm),
        grouped(residual.max_ppm)
    ));
    lines.push(format!(
        "range = {{ resident_bytes = {}, bytes_copied = {} }}",
        grouped(calibration.resident_bytes),
        grouped(calibration.bytes_copied)
    ));
    lines.push("\n[source]".to_owned());
    lines.extend(sources(calibration, given));
    lines.join("\n") + "\n"
}

/// The sections whose every number stands for itself.
fn sections(given: &Profile) -> Vec<(&'static str, Vec<(&'static str, u64)>)> {
    let (host, disk, link) = (&given.host, &given.disk, &given.link);
    vec![
        (
            "host",
            vec![
                ("turn_ps", host.turn.as_picos()),
                ("wake_up_ps", host.wake_up.as_picos()),
                ("read_ps", host.read.as_picos()),
                ("read_byte_ps", host.read_byte.as_picos()),
                ("read_bytes_max", host.read_bytes_max),
                ("write_ps", host.write.as_picos()),
                ("write_byte_ps", host.write_byte.as_picos()),
                ("input_ps", host.input.as_picos()),
                ("fork_ps", host.fork.as_picos()),
                ("fork_mib_ps", host.fork_mib.as_picos()),
                ("page_copy_ps", host.page_copy.as_picos()),
            ],
        ),
        (
            "disk",
            vec![
                ("call_ps", disk.call.as_picos()),
                ("append_byte_ps", disk.append_byte.as_picos()),
                ("operations_per_second", disk.operations_per_second),
                ("bytes_per_second", disk.bytes_per_second),
                ("sync_ps", disk.sync.as_picos()),
                ("dirty_bytes_max", disk.dirty_bytes_max),
            ],
        ),
        (
            "link",
            vec![
                ("latency_ps", link.latency.as_picos()),
                ("bytes_per_second", link.bytes_per_second),
            ],
        ),
    ]
}

/// The keys that a calibration takes over, in sentences: those of parts that could not be measured,
/// and those that one machine by itself cannot tell.
pub fn left_out(calibration: &Calibration, given: &Profile) -> Vec<String> {
    let mut sentences: Vec<String> = Vec::new();
    for unmeasured in &calibration.unmeasured {
        let keys = machine::keys(unmeasured.part);
        let taken = match keys.is_empty() {
            true => String::new(),
            false => format!("; {} as in {}", keys.join(", "), given.name),
        };
        sentences.push(format!(
            "{} is not measured: {}{taken}",
            unmeasured.part.name(),
            unmeasured.why
        ));
    }
    sentences.push(format!(
        "the network needs a second host, and what a device does at once a load of its own: link.*, \
         disk.operations_per_second, disk.dirty_bytes_max and host.input_ps as in {}",
        given.name
    ));
    let unfitted = COUNTERS.iter().filter(|counter| {
        let key = format!("price_ps.{}", counter.name());
        let is_measured = calibration.figures.iter().any(|f| f.key == Some(&key));
        !is_measured && !is_fitted(**counter)
    });
    let unfitted: Vec<&str> = unfitted.map(|counter| counter.name()).collect();
    sentences.push(format!(
        "no replay tells the prices of {} apart: as in {}",
        unfitted.join(", "),
        given.name
    ));
    sentences
}

fn sources(calibration: &Calibration, given: &Profile) -> Vec<String> {
    let line = |key: &str, source: String| format!("{key:?} = {source:?}");
    let fit = |what: &str| format!("fitted: {}{what}", calibration.method);
    let mut lines = Vec::new();
    for group in GROUPS {
        let ratio = match group.len() {
            1 => String::new(),
            _ => format!("; one scale for the group, in the ratios of {}", given.name),
        };
        for counter in *group {
            let key = format!("price_ps.{}", counter.name());
            lines.push(line(&key, fit(&ratio)));
        }
    }
    let prices = &calibration.prices;
    if let Some(first) = prices.levels.first() {
        lines.push(line(
            "cache",
            fit(&format!(
                "; sizes as the system states them, but for the last level the size that fits best; \
                 the price of {} is what the smallest chase takes",
                first.name
            )),
        ));
        lines.push(line("memory", fit("")));
    }
    if prices.tlb.is_some() {
        lines.push(line(
            "tlb",
            fit("; of the usual sizes the one that fits best"),
        ));
    }
    for figure in &calibration.figures {
        if let Some(key) = figure.key {
            lines.push(line(key, of_figure(figure, calibration.runs)));
        }
    }
    let fitted = ["cache", "tlb", "memory", "fit", "footprint"];
    for (key, source) in &given.sources {
        let section = key.split('.').next().unwrap_or(key);
        let is_measured = calibration
            .figures
            .iter()
            .any(|figure| figure.key == Some(key));
        let is_of_group = GROUPS
            .iter()
            .copied()
            .flatten()
            .any(|counter| key.strip_prefix("price_ps.") == Some(counter.name()));
        if !fitted.contains(&section) && !is_measured && !is_of_group {
            let source = format!("taken over from {}: {source}", given.name);
            lines.push(line(key, source));
        }
    }
    lines.push(line(
        "fit",
        "the residuals of the replayed commands and the largest sizes among them".to_owned(),
    ));
    lines
}

/// Where a measured number comes from.
fn of_figure(figure: &Figure, runs: usize) -> String {
    let text = match figure.is_rate {
        true => rate_text,
        false => picos_text,
    };
    let clock = match figure.part.is_waiting() {
        true => "elapsed time",
        false => "CPU time",
    };
    let (least, most) = figure.sizes;
    let sizes = match (least == most, figure.part.size_unit()) {
        (_, "") => String::new(),
        (true, unit) => format!(" of {least} {unit}"),
        (false, unit) => format!(" of {least} to {most} {unit}"),
    };
    let residual = figure.residual_ppm.map_or_else(String::new, |ppm| {
        format!("; the line is within {:.1} %", ppm as f64 / 1e4)
    });
    format!(
        "measured: {}{sizes}, {clock}, median of {runs} runs from {} to {}{residual}",
        figure.part.name(),
        text(figure.price.min),
        text(figure.price.max)
    )
}

/// A number with its digits in groups of three, `900_000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrate::prices::{Prices, Residual};
    use crate::cost::{CacheLevel, MemoryPrices, ProfileKind, TYPICAL_2026, Tlb};
    use kvrig_base::calibration::{Part, Spread, Unmeasured};
    use kvrig_base::seam::Counter;
    use kvrig_base::time::Span;

    fn calibration(given: &Profile) -> Calibration {
        let level = CacheLevel {
            name: "L1".to_owned(),
            bytes: 32_768,
            ways: 2,
            shared: false,
            hit_ps: 1_234,
        };
        let last = CacheLevel {
            name: "L3".to_owned(),
            bytes: 1 << 25,
            shared: true,
            hit_ps: 13_500,
            ..level
        };
        let mut counters = given.prices_ps;
        for counter in GROUPS.iter().copied().flatten() {
            counters[*counter as usize] = 17;
        }
        let spread = Spread {
            median: 23_000_000.4,
            min: 21_000_000.0,
            max: 31_000_000.0,
        };
        Calibration {
            figures: vec![Figure {
                part: Part::WakeUp,
                name: Part::WakeUp.name().to_owned(),
                key: Some("host.wake_up_ps"),
                is_rate: false,
                price: spread,
                beside: spread,
                sizes: (1, 1),
                residual_ppm: None,
            }],
            unmeasured: vec![Unmeasured {
                part: Part::Sync,
                why: "it lies in memory".to_owned(),
            }],
            prices: Prices {
                counters,
                levels: vec![level, last],
                tlb: Some(Tlb {
                    entries: 4_096,
                    walk_ps: 29_312,
                }),
                dram_ps: 98_765,
                next_line_ps: 4_321,
            },
            fitted: Vec::new(),
            lines: Vec::new(),
            residual: Residual {
                mean_ppm: 1_000,
                max_ppm: 2_000_000,
            },
            residual_of_chases: Residual {
                mean_ppm: 0,
                max_ppm: 0,
            },
            residual_left_out: Residual {
                mean_ppm: 0,
                max_ppm: 0,
            },
            resident_bytes: 123_456_789,
            bytes_copied: 1_024,
            runs: 3,
            method: "by a test".to_owned(),
        }
    }

    #[test]
    fn a_rendered_profile_reads_back_with_its_prices_and_a_source_for_each() {
        let given = Profile::embedded(TYPICAL_2026).unwrap();
        let calibration = calibration(&given);
        let identity = Identity {
            name: "a-machine".to_owned(),
            machine: "a \"fast\" one".to_owned(),
            date: "2026-11-23".to_owned(),
        };
        let text = render(&calibration, &identity, &given);
        let profile = Profile::parse("p.toml", &text).unwrap();
        assert_eq!(
            (profile.kind, profile.name.as_str()),
            (ProfileKind::Fitted, "a-machine")
        );
        assert_eq!(profile.machine, identity.machine);
        assert_eq!(profile.fit.residual_max_ppm, Some(2_000_000));
        assert_eq!((&profile.disk, &profile.link), (&given.disk, &given.link));
        assert_eq!(profile.host.wake_up, Span::from_picos(23_000_000));
        assert_eq!(profile.host.fork, given.host.fork);
        assert_eq!(profile.prices_ps[Counter::Commands as usize], 17);
        let untouched = Counter::EntriesMigrated as usize;
        assert_eq!(profile.prices_ps[untouched], given.prices_ps[untouched]);
        let source = |key: &str| {
            let found = profile.sources.iter().find(|(of, _)| of == key);
            found.map(|(_, source)| source.as_str())
        };
        assert_eq!(
            source("host.wake_up_ps"),
            Some("measured: wake-up, elapsed time, median of 3 runs from 21.0 us to 31.0 us")
        );
        let taken = source("disk.sync_ps").unwrap();
        assert!(taken.starts_with("taken over from typical-2026"), "{taken}");
        let prices = calibration.prices;
        assert_eq!(
            profile.memory,
            MemoryPrices::Cache {
                levels: prices.levels,
                tlb: prices.tlb,
                dram_ps: prices.dram_ps,
                next_line_ps: prices.next_line_ps,
            }
        );
    }

    #[test]
    fn what_is_left_out_is_said_with_its_reason() {
        let given = Profile::embedded(TYPICAL_2026).unwrap();
        let sentences = left_out(&calibration(&given), &given);
        assert_eq!(
            sentences[0],
            "fdatasync is not measured: it lies in memory; disk.sync_ps as in typical-2026"
        );
        assert!(sentences[2].contains("entries_migrated"), "{sentences:?}");
    }

    #[test]
    fn a_machine_is_described_without_its_name() {
        let cache = |level, bytes, is_shared| StatedCache {
            level,
            bytes,
            is_shared,
        };
        let caches = [cache(1, 48 << 10, false), cache(3, 36 << 20, true)];
        assert_eq!(
            machine_in_words(2, true, &caches),
            "a virtual machine with 2 cores, 48 KiB of L1, 36 MiB of shared L3, 4 KiB pages"
        );
    }

    #[test]
    fn digits_stand_in_groups_of_three() {
        let texts = [0, 12, 123, 1_234, 1_234_567].map(grouped);
        assert_eq!(texts, ["0", "12", "123", "1_234", "1_234_567"]);
    }
}
