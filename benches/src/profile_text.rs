//! Fitted prices as a profile that people and the simulator read.

use crate::prices::{LOOK_UP, Prices, Residual, STORE};
use kvrig_base::seam::{COUNTERS, Counter};
use kvrig_sim::cost::Profile;

/// All that a fitted profile says beside the prices that were not measured.
#[derive(Clone, Debug)]
pub struct Fitted<'a> {
    /// Its name.
    pub name: &'a str,
    /// The machine in words.
    pub machine: &'a str,
    /// When it was measured, `2026-11-23`.
    pub date: &'a str,
    /// How it was measured, a clause that follows "fitted:".
    pub method: &'a str,
    /// The prices.
    pub prices: &'a Prices,
    /// How far they are from what was measured.
    pub residual: Residual,
    /// The largest memory in use by a node that was measured, in bytes.
    pub resident_bytes: u64,
    /// The most bytes that one measured command copied.
    pub bytes_copied: u64,
}

/// The profile as TOML; what was not measured is taken over from `given`, whose text is
/// `given_text`.
///
/// # Panics
/// If `given_text` has no sections `[host]` and `[fit]`, in this order.
pub fn render(fitted: &Fitted<'_>, given: &Profile, given_text: &str) -> String {
    let Fitted {
        prices, residual, ..
    } = fitted;
    let mut lines = vec![
        "# Prices of the Redis node of kvrig itself on one class of machines, fitted to replays of"
            .to_owned(),
        "# single commands (`cargo run --release -p kvrig-benches --bin fit`).".to_owned(),
        "schema = 1".to_owned(),
        format!("name = {:?}", fitted.name),
        format!("machine = {:?}", fitted.machine),
        format!("date = {:?}", fitted.date),
        "kind = \"fitted\"".to_owned(),
        String::new(),
        "[price_ps]".to_owned(),
    ];
    for counter in COUNTERS {
        let found = prices.counters.iter().find(|(found, _)| found == counter);
        let ps = found.map_or(given.prices_ps[*counter as usize], |(_, ps)| *ps);
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
    lines.push(format!("\n[memory]\ndram_ps = {}", grouped(prices.dram_ps)));
    lines.push(format!("next_line_ps = {}\n", grouped(prices.next_line_ps)));
    let taken_over = given_text.find("[host]").zip(given_text.find("[fit]"));
    let (from, to) = taken_over.expect("a profile has a host before its fit");
    lines.push(given_text[from..to].trim_end().to_owned());
    lines.push(format!(
        "\n[fit]\nresidual_mean_ppm = {}\nresidual_max_ppm = {}",
        grouped(residual.mean_ppm),
        grouped(residual.max_ppm)
    ));
    lines.push(format!(
        "range = {{ resident_bytes = {}, bytes_copied = {} }}",
        grouped(fitted.resident_bytes),
        grouped(fitted.bytes_copied)
    ));
    lines.push("\n[source]".to_owned());
    lines.extend(sources(fitted, given));
    lines.join("\n") + "\n"
}

fn sources(fitted: &Fitted<'_>, given: &Profile) -> Vec<String> {
    let line = |key: &str, source: String| format!("{key:?} = {source:?}");
    let fit = |what: &str| format!("fitted: {}{what}", fitted.method);
    let price =
        |counter: Counter, what: &str| line(&format!("price_ps.{}", counter.name()), fit(what));
    let ratios = format!(
        "; one scale for the counters of a look-up, in the ratios of {}",
        given.name
    );
    let stores = format!(
        "; one scale for allocations and frees, in the ratio of {}",
        given.name
    );
    let mut lines = vec![price(Counter::Commands, "")];
    lines.extend(LOOK_UP.iter().map(|&counter| price(counter, &ratios)));
    lines.extend(STORE.iter().map(|&counter| price(counter, &stores)));
    lines.push(price(Counter::BytesCopied, ""));
    let first = &fitted.prices.levels[0].name;
    lines.push(line(
        "cache",
        fit(&format!(
            "; sizes as the system states them, but for the last level the size that fits best; \
             the price of {first} is that of {}",
            given.name
        )),
    ));
    if fitted.prices.tlb.is_some() {
        lines.push(line(
            "tlb",
            fit("; of the usual sizes the one that fits best"),
        ));
    }
    lines.push(line("memory", fit("")));
    let measured = ["cache", "tlb", "memory", "fit"];
    for (key, source) in &given.sources {
        let section = key.split('.').next().unwrap_or(key);
        let is_fitted = measured.contains(&section)
            || fitted
                .prices
                .counters
                .iter()
                .any(|(counter, _)| key.strip_prefix("price_ps.") == Some(counter.name()));
        if !is_fitted {
            lines.push(line(
                key,
                format!("taken over from {}: {source}", given.name),
            ));
        }
    }
    lines.push(line(
        "fit",
        "the residuals and the largest sizes of the replays measured".to_owned(),
    ));
    lines
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
    use kvrig_sim::cost::{
        CacheLevel, MemoryPrices, ProfileKind, TYPICAL_2026, Tlb, embedded_profiles,
    };

    #[test]
    fn a_rendered_profile_reads_back_with_its_prices_and_a_source_for_each() {
        let given = Profile::embedded(TYPICAL_2026).unwrap();
        let text = embedded_profiles()
            .iter()
            .find(|(name, _)| *name == TYPICAL_2026);
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
        let counters = LOOK_UP.iter().chain(&STORE).map(|&counter| (counter, 17));
        let prices = Prices {
            counters: counters
                .chain([(Counter::Commands, 70_001), (Counter::BytesCopied, 0)])
                .collect(),
            levels: vec![level, last],
            tlb: Some(Tlb {
                entries: 4_096,
                walk_ps: 29_312,
            }),
            dram_ps: 98_765,
            next_line_ps: 4_321,
        };
        let fitted = Fitted {
            name: "a-machine",
            machine: "a \"fast\" one",
            date: "2026-11-23",
            method: "by a test",
            prices: &prices,
            residual: Residual {
                mean_ppm: 1_000,
                max_ppm: 2_000_000,
            },
            resident_bytes: 123_456_789,
            bytes_copied: 1_024,
        };
        let profile = Profile::parse("p.toml", &render(&fitted, &given, text.unwrap().1)).unwrap();
        assert_eq!(
            (profile.kind, profile.name.as_str()),
            (ProfileKind::Fitted, "a-machine")
        );
        assert_eq!(profile.machine, "a \"fast\" one");
        assert_eq!(profile.fit.residual_max_ppm, Some(2_000_000));
        assert_eq!(
            (&profile.host, &profile.disk, &profile.link),
            (&given.host, &given.disk, &given.link)
        );
        for (counter, ps) in &prices.counters {
            assert_eq!(profile.prices_ps[*counter as usize], *ps);
        }
        let untouched = Counter::PagesFaulted as usize;
        assert_eq!(profile.prices_ps[untouched], given.prices_ps[untouched]);
        let MemoryPrices::Cache {
            levels,
            tlb,
            dram_ps,
            next_line_ps,
        } = profile.memory
        else {
            panic!("it has caches")
        };
        assert_eq!(
            (levels, tlb, dram_ps, next_line_ps),
            (prices.levels, prices.tlb, 98_765, 4_321)
        );
    }

    #[test]
    fn digits_stand_in_groups_of_three() {
        let texts = [0, 12, 123, 1_234, 1_234_567].map(grouped);
        assert_eq!(texts, ["0", "12", "123", "1_234", "1_234_567"]);
    }
}
